/**
 * The common SSE and SSE2 instructions in their common case, done directly by the interpreter's loop: operand in a register or
 * on a page that the TLB holds, numbers that are normal or zero, rounding to nearest, inexact results masked.
 * In every other case nothing is changed and the instruction's handler does it (sse-*.ts), so that nothing is decided twice
 * but what is common.
 *
 * Words 4 to 7 of the micro-operation: operation (bits 0-7), word of the register operand (8-15), base, index and scale as in
 * any memory operand; displacement; host offset of the other operand if that is a register; 1 if so.
 */
import { CR0, CR4, FLAG_AUXILIARY, FLAG_RESULT, MXCSR } from './layout.js';

/** Operations; from FIRST_STORE on they write their memory operand. */
export const SseDirect = {
  AddDouble: 0,
  SubtractDouble: 1,
  MultiplyDouble: 2,
  DivideDouble: 3,
  AddSingle: 4,
  SubtractSingle: 5,
  MultiplySingle: 6,
  DivideSingle: 7,
  RootDouble: 8,
  LoadDouble: 9,
  MoveDouble: 10,
  LoadSingle: 11,
  MoveSingle: 12,
  LoadAligned: 13,
  LoadUnaligned: 14,
  IntegerToDouble: 15,
  DoubleToInteger: 16,
  SingleToDouble: 17,
  DoubleToSingle: 18,
  CompareDouble: 19,
  CompareSingle: 20,
  Xor: 21,
  And: 22,
  AndNot: 23,
  Or: 24,
  AddDoubles: 25,
  SubtractDoubles: 26,
  MultiplyDoubles: 27,
  UnpackLowDoubles: 28,
  AddDoublewords: 29,
  LoadQuad: 30,
  LoadDoubleword: 31,
  LoadHighDouble: 32,
  UnpackHighDoubles: 33,
  StoreDouble: 40,
  StoreSingle: 41,
  StoreAligned: 42,
  StoreUnaligned: 43,
  StoreDoubleword: 44,
  StoreHighDouble: 45,
} as const;
export type SseDirect = (typeof SseDirect)[keyof typeof SseDirect];

const FIRST_STORE = 40;
/** CR0.EM and CR0.TS, CR4.OSFXSR. */
const CR0_REFUSES = 0x0c;
const CR4_ALLOWS = 0x200;
/** Rounding control, precision mask, denormals are zeros, and their value in the common case. */
const COMMON_BITS = 0x7040;
const COMMON_VALUE = 0x1000;
/** Precision flag of MXCSR: sticky, so that once it is set nobody can tell whether an operation was inexact. */
const PRECISION = 0x20;
/** Numbers whose product's rounding error is a normal number. */
const PRODUCT_MINIMUM = 2 ** -450;
const PRODUCT_MAXIMUM = 2 ** 450;
const SPLITTER = 2 ** 27 + 1;
const DOUBLE_MINIMUM = 2 ** -1022;
const DOUBLE_MAXIMUM = Number.MAX_VALUE;
const SINGLE_MINIMUM = 2 ** -126;
const SINGLE_MAXIMUM = 2 ** 128 - 2 ** 104;
/** Auxiliary flag words of a comparison: CF; ZF without PF. */
const AUXILIARY_LESS = 0xc000_0000 | 0;
const AUXILIARY_EQUAL = 0x100;

function isPlainDouble(value: number): boolean {
  const magnitude = Math.abs(value);
  return (magnitude >= DOUBLE_MINIMUM && magnitude <= DOUBLE_MAXIMUM) || value === 0;
}

function isPlainSingle(value: number): boolean {
  const magnitude = Math.abs(value);
  return (magnitude >= SINGLE_MINIMUM && magnitude <= SINGLE_MAXIMUM) || value === 0;
}

/** True when a result may be stored as it is: normal and above the smallest, or an exact zero. */
function isPlainResult(value: number, exactZero: boolean): boolean {
  const magnitude = Math.abs(value);
  return (magnitude > DOUBLE_MINIMUM && magnitude <= DOUBLE_MAXIMUM) || (exactZero && value === 0);
}

/** Rounding error of sum = a + b (Knuth); 0 exactly when the sum is exact. */
function sumError(a: number, b: number, sum: number): number {
  const rest = sum - a;
  return a - (sum - rest) + (b - rest);
}

/** Whether an operation had to round its result. */
const Rounding = { Exact: 0, Inexact: 1, Unknown: 2 } as const;
type Rounding = (typeof Rounding)[keyof typeof Rounding];

/** Whether the product was rounded (Dekker and Veltkamp). */
function productRounding(a: number, b: number, product: number): Rounding {
  if (a === 0 || b === 0) return Rounding.Exact;
  const first = Math.abs(a);
  const second = Math.abs(b);
  if (first < PRODUCT_MINIMUM || first > PRODUCT_MAXIMUM || second < PRODUCT_MINIMUM || second > PRODUCT_MAXIMUM) {
    return Rounding.Unknown;
  }
  const aSplit = SPLITTER * a;
  const aHigh = aSplit - (aSplit - a);
  const aLow = a - aHigh;
  const bSplit = SPLITTER * b;
  const bHigh = bSplit - (bSplit - b);
  const bLow = b - bHigh;
  const error = aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow;
  return error === 0 ? Rounding.Exact : Rounding.Inexact;
}

/** Whether a scalar operation 0-3 (add, subtract, multiply, divide) on plain doubles was rounded to this result. */
function roundingOf(operation: number, a: number, b: number, result: number): Rounding {
  if (operation === 0) return sumError(a, b, result) === 0 ? Rounding.Exact : Rounding.Inexact;
  if (operation === 1) return sumError(a, -b, result) === 0 ? Rounding.Exact : Rounding.Inexact;
  if (operation === 2) return productRounding(a, b, result);
  if (a === 0) return Rounding.Exact;
  const product = result * b;
  const rounding = productRounding(result, b, product);
  return rounding === Rounding.Exact && product !== a ? Rounding.Inexact : rounding;
}

/**
 * Does the micro-operation at `pc` if it is in its common case.
 * @returns false when it is not, and then nothing was changed
 */
export function executeSseDirect(
  words: Int32Array,
  view: DataView,
  code: Int32Array,
  pc: number,
  readTable: number,
  writeTable: number,
): boolean {
  if ((words[CR0] & CR0_REFUSES) !== 0 || (words[CR4] & CR4_ALLOWS) === 0) return false;
  const w = code[pc + 4];
  const operation = w & 0xff;
  const register = (w >>> 8) & 0xff;
  let host = code[pc + 6];
  if (code[pc + 7] === 0) {
    const linear = (words[(w >>> 16) & 63] + (words[(w >>> 22) & 63] << (w >>> 28)) + code[pc + 5]) | 0;
    const page = words[((operation < FIRST_STORE ? readTable : writeTable) + (linear >>> 12)) | 0];
    if (page === 0 || (linear & 0xfff) > 0xff0) return false;
    host = (page | (linear & 0xfff)) >>> 0;
  }
  const to = register << 2;
  switch (operation) {
    case 0:
    case 1:
    case 2:
    case 3: {
      if ((words[MXCSR] & COMMON_BITS) !== COMMON_VALUE) return false;
      const a = view.getFloat64(to, true);
      const b = view.getFloat64(host, true);
      let result: number;
      let exactZero = true;
      if (operation === 0) result = a + b;
      else if (operation === 1) result = a - b;
      else if (operation === 2) {
        result = a * b;
        exactZero = a === 0 || b === 0;
      } else {
        result = a / b;
        exactZero = a === 0;
      }
      if (!isPlainResult(result, exactZero) || !isPlainDouble(a) || !isPlainDouble(b)) return false;
      if ((words[MXCSR] & PRECISION) === 0) {
        const rounding = roundingOf(operation, a, b, result);
        if (rounding === Rounding.Unknown) return false;
        if (rounding === Rounding.Inexact) words[MXCSR] |= PRECISION;
      }
      view.setFloat64(to, result, true);
      return true;
    }
    case 4:
    case 5:
    case 6:
    case 7: {
      if ((words[MXCSR] & COMMON_BITS) !== COMMON_VALUE) return false;
      const a = view.getFloat32(to, true);
      const b = view.getFloat32(host, true);
      const exact = operation === 4 ? a + b : operation === 5 ? a - b : operation === 6 ? a * b : a / b;
      const result = Math.fround(exact);
      const magnitude = Math.abs(result);
      if (!(magnitude > SINGLE_MINIMUM && magnitude <= SINGLE_MAXIMUM) || !isPlainSingle(a) || !isPlainSingle(b)) {
        return false;
      }
      if ((words[MXCSR] & PRECISION) === 0) {
        // A product of two singles is exact in a double.
        const rounding = operation === 6 ? Rounding.Exact : roundingOf(operation - 4, a, b, exact);
        if (rounding === Rounding.Unknown) return false;
        if (rounding === Rounding.Inexact || result !== exact) words[MXCSR] |= PRECISION;
      }
      view.setFloat32(to, result, true);
      return true;
    }
    case 8: {
      if ((words[MXCSR] & (COMMON_BITS | PRECISION)) !== (COMMON_VALUE | PRECISION)) return false;
      const a = view.getFloat64(host, true);
      if (!(a >= DOUBLE_MINIMUM && a <= DOUBLE_MAXIMUM)) return false;
      view.setFloat64(to, Math.sqrt(a), true);
      return true;
    }
    case 9:
    case 30: {
      const low = view.getInt32(host, true);
      words[register + 1] = view.getInt32(host + 4, true);
      words[register] = low;
      words[register + 2] = 0;
      words[register + 3] = 0;
      return true;
    }
    case 10: {
      const low = view.getInt32(host, true);
      words[register + 1] = view.getInt32(host + 4, true);
      words[register] = low;
      return true;
    }
    case 11:
    case 31:
      words[register] = view.getInt32(host, true);
      words[register + 1] = 0;
      words[register + 2] = 0;
      words[register + 3] = 0;
      return true;
    case 12:
      words[register] = view.getInt32(host, true);
      return true;
    case 13:
    case 14:
      if (operation === 13 && (host & 15) !== 0) return false;
      words[register] = view.getInt32(host, true);
      words[register + 1] = view.getInt32(host + 4, true);
      words[register + 2] = view.getInt32(host + 8, true);
      words[register + 3] = view.getInt32(host + 12, true);
      return true;
    case 15:
      view.setFloat64(to, view.getInt32(host, true), true);
      return true;
    case 16: {
      const value = view.getFloat64(host, true);
      if (!(value > -2147483649 && value < 2147483648) || !isPlainDouble(value)) return false;
      const result = value | 0;
      if (result !== value) {
        if ((words[MXCSR] & COMMON_BITS) !== COMMON_VALUE) return false;
        words[MXCSR] |= PRECISION;
      }
      words[register] = result;
      return true;
    }
    case 17: {
      const value = view.getFloat32(host, true);
      if (!isPlainSingle(value)) return false;
      view.setFloat64(to, value, true);
      return true;
    }
    case 18: {
      if ((words[MXCSR] & COMMON_BITS) !== COMMON_VALUE) return false;
      const value = view.getFloat64(host, true);
      const result = Math.fround(value);
      const magnitude = Math.abs(result);
      if (!(magnitude > SINGLE_MINIMUM && magnitude <= SINGLE_MAXIMUM) && value !== 0) return false;
      if (result !== value) words[MXCSR] |= PRECISION;
      view.setFloat32(to, result, true);
      return true;
    }
    case 19:
    case 20: {
      const a = operation === 19 ? view.getFloat64(to, true) : view.getFloat32(to, true);
      const b = operation === 19 ? view.getFloat64(host, true) : view.getFloat32(host, true);
      if (operation === 19 ? !isPlainDouble(a) || !isPlainDouble(b) : !isPlainSingle(a) || !isPlainSingle(b)) {
        return false;
      }
      words[FLAG_RESULT] = a === b ? 0 : 1;
      words[FLAG_AUXILIARY] = a === b ? AUXILIARY_EQUAL : a < b ? AUXILIARY_LESS : 0;
      return true;
    }
    case 21:
    case 22:
    case 23:
    case 24: {
      if ((host & 15) !== 0) return false;
      for (let at = 0; at < 4; at++) {
        const x = words[register + at];
        const y = view.getInt32(host + at * 4, true);
        words[register + at] = operation === 21 ? x ^ y : operation === 22 ? x & y : operation === 23 ? ~x & y : x | y;
      }
      return true;
    }
    case 25:
    case 26:
    case 27: {
      if ((words[MXCSR] & (COMMON_BITS | PRECISION)) !== (COMMON_VALUE | PRECISION) || (host & 15) !== 0) return false;
      const a = view.getFloat64(to, true);
      const b = view.getFloat64(host, true);
      const c = view.getFloat64(to + 8, true);
      const d = view.getFloat64(host + 8, true);
      const multiplies = operation === 27;
      const low = operation === 25 ? a + b : multiplies ? a * b : a - b;
      const high = operation === 25 ? c + d : multiplies ? c * d : c - d;
      if (!isPlainDouble(a) || !isPlainDouble(b) || !isPlainDouble(c) || !isPlainDouble(d)) return false;
      if (!isPlainResult(low, !multiplies || a === 0 || b === 0)) return false;
      if (!isPlainResult(high, !multiplies || c === 0 || d === 0)) return false;
      view.setFloat64(to, low, true);
      view.setFloat64(to + 8, high, true);
      return true;
    }
    case 28: {
      if ((host & 15) !== 0) return false;
      const low = view.getInt32(host, true);
      words[register + 3] = view.getInt32(host + 4, true);
      words[register + 2] = low;
      return true;
    }
    case 29:
      if ((host & 15) !== 0) return false;
      for (let at = 0; at < 4; at++) words[register + at] += view.getInt32(host + at * 4, true);
      return true;
    case 32: {
      const low = view.getInt32(host, true);
      words[register + 3] = view.getInt32(host + 4, true);
      words[register + 2] = low;
      return true;
    }
    case 33: {
      if ((host & 15) !== 0) return false;
      const low = view.getInt32(host + 8, true);
      const high = view.getInt32(host + 12, true);
      words[register] = words[register + 2];
      words[register + 1] = words[register + 3];
      words[register + 2] = low;
      words[register + 3] = high;
      return true;
    }
    case 40:
      view.setInt32(host, words[register], true);
      view.setInt32(host + 4, words[register + 1], true);
      return true;
    case 41:
    case 44:
      view.setInt32(host, words[register], true);
      return true;
    case 45:
      view.setInt32(host, words[register + 2], true);
      view.setInt32(host + 4, words[register + 3], true);
      return true;
    case 42:
    case 43:
      if (operation === 42 && (host & 15) !== 0) return false;
      view.setInt32(host, words[register], true);
      view.setInt32(host + 4, words[register + 1], true);
      view.setInt32(host + 8, words[register + 2], true);
      view.setInt32(host + 12, words[register + 3], true);
      return true;
    default:
      return false;
  }
}
