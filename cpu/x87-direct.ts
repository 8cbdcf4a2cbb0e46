/**
 * The common x87 instructions in their common case, done directly by the interpreter's loop: operand on a page that the TLB holds, all
 * exceptions masked, normal numbers (zeros too where that is easy), registers neither empty nor full. In every other case
 * nothing is changed and the instruction's handler does it (x87-*.ts).
 *
 * Words 4 to 7 of the micro-operation: operation (bits 0-7), i of ST(i) (8-10), arithmetic by the reg field of D8 (11-13), pops (14-15),
 * base, index and scale as in any memory operand; displacement; the FPU opcode register's value; 1 if there is no memory operand.
 */
import { addFinite, Comparison, compare80, multiplyFinite } from './float80-arithmetic.js';
import { fromDouble, fromInteger32, fromSingle } from './float80-convert.js';
import { divide80 } from './float80-divide.js';
import {
  CR0,
  FLAG_AUXILIARY,
  FLAG_RESULT,
  FPU_CONTROL,
  FPU_DATA_OFFSET,
  FPU_INSTRUCTION_OFFSET,
  FPU_OPCODE,
  FPU_REGISTERS,
  FPU_STATUS,
  FPU_TAG,
} from './layout.js';
import { C0, C1, C2, C3, OPERAND } from './x87.js';

/** Operations; from StoreDouble on they write their memory operand. */
export const X87Direct = {
  LoadRegister: 0,
  LoadDouble: 1,
  LoadSingle: 2,
  LoadInteger32: 3,
  LoadInteger16: 4,
  LoadOne: 5,
  LoadZero: 6,
  Exchange: 7,
  StoreRegister: 8,
  ArithmeticTop: 9,
  ArithmeticRegister: 10,
  ArithmeticDouble: 11,
  ArithmeticSingle: 12,
  ChangeSign: 13,
  Absolute: 14,
  CompareFlags: 15,
  Compare: 16,
  StoreDouble: 17,
  StoreSingle: 18,
} as const;
export type X87Direct = (typeof X87Direct)[keyof typeof X87Direct];

const FIRST_STORE = 17;
/** CR0.EM and CR0.TS. */
const CR0_REFUSES = 0x0c;
const EXCEPTION_SUMMARY = 0x80;
const ALL_MASKED = 0x3f;
const ROUNDING = 0xc00;
const PRECISION = 0x20;
const NEGATIVE = 0x8000;
const TOP = 0x3800;
const TOP_STEP = 0x800;
const CONDITIONS = C0 | C2 | C3;
const AUXILIARY_LESS = 0xc000_0000 | 0;
const AUXILIARY_EQUAL = 0x100;

/** A normal number: neither zero, denormal, infinity, NaN nor an unsupported encoding. */
function isNormal(words: Int32Array, register: number): boolean {
  const exponent = words[register + 2] & 0x7fff;
  return words[register + 1] < 0 && exponent !== 0 && exponent !== 0x7fff;
}

function isPlain(words: Int32Array, register: number): boolean {
  return isNormal(words, register) || ((words[register + 2] & 0x7fff) | words[register + 1] | words[register]) === 0;
}

/**
 * out = a op b for normal numbers.
 * @param operation reg field of D8: add, multiply, -, -, subtract, subtract reversed, divide, divide reversed
 * @returns exception flags
 */
function operate(words: Int32Array, operation: number, a: number, b: number, out: number): number {
  const control = words[FPU_CONTROL];
  if (operation === 6) return divide80(words, a, b, out, control);
  if (operation === 7) return divide80(words, b, a, out, control);
  const aTop = words[a + 2];
  const bTop = words[b + 2];
  let aSign = aTop & NEGATIVE;
  let bSign = bTop & NEGATIVE;
  const aExponent = aTop & 0x7fff;
  const bExponent = bTop & 0x7fff;
  const aHigh = words[a + 1];
  const bHigh = words[b + 1];
  if (operation === 1) {
    const exponents = aExponent + bExponent;
    return multiplyFinite(words, out, aSign ^ bSign, exponents, aHigh, words[a], bHigh, words[b], control);
  }
  if (operation === 4) bSign ^= NEGATIVE;
  else if (operation === 5) aSign ^= NEGATIVE;
  return addFinite(words, out, control, aSign, aExponent, aHigh, words[a], bSign, bExponent, bHigh, words[b]);
}

/** Tags ST(0) empty, raises TOP by one. */
function popped(words: Int32Array, status: number): number {
  words[FPU_TAG] &= ~(1 << ((status >> 11) & 7));
  return (status & ~TOP) | ((status + TOP_STEP) & TOP);
}

/**
 * Does the micro-operation at `pc` if it is in its common case.
 * @returns false when it is not, and then nothing was changed
 */
export function executeX87Direct(
  words: Int32Array,
  view: DataView,
  code: Int32Array,
  pc: number,
  readTable: number,
  writeTable: number,
): boolean {
  const status = words[FPU_STATUS];
  if (((words[CR0] & CR0_REFUSES) | (status & EXCEPTION_SUMMARY)) !== 0) return false;
  if ((words[FPU_CONTROL] & ALL_MASKED) !== ALL_MASKED) return false;
  const w = code[pc + 4];
  const operation = w & 0xff;
  const topNumber = (status >> 11) & 7;
  const tag = words[FPU_TAG];
  const top = FPU_REGISTERS + (topNumber << 2);
  const otherNumber = (topNumber + (w >>> 8)) & 7;
  const other = FPU_REGISTERS + (otherNumber << 2);
  let linear = 0;
  let host = 0;
  if (code[pc + 7] === 0) {
    linear = (words[(w >>> 16) & 63] + (words[(w >>> 22) & 63] << (w >>> 28)) + code[pc + 5]) | 0;
    const page = words[((operation < FIRST_STORE ? readTable : writeTable) + (linear >>> 12)) | 0];
    if (page === 0 || (linear & 0xfff) > 0xff8) return false;
    host = (page | (linear & 0xfff)) >>> 0;
  }
  let newStatus = status & ~C1;
  if (operation <= 6) {
    // Loads: the register below the top must be free.
    const number = (topNumber + 7) & 7;
    if ((tag & (1 << number)) !== 0) return false;
    const register = FPU_REGISTERS + (number << 2);
    switch (operation) {
      case 0:
        if ((tag & (1 << otherNumber)) === 0) return false;
        words[register] = words[other];
        words[register + 1] = words[other + 1];
        words[register + 2] = words[other + 2];
        break;
      case 1: {
        const low = view.getInt32(host, true);
        const high = view.getInt32(host + 4, true);
        const exponent = (high >>> 20) & 0x7ff;
        if (((exponent + 1) & 0x7ff) > 1) {
          words[register] = low << 11;
          words[register + 1] = (high << 11) | (low >>> 21) | -0x80000000;
          words[register + 2] = ((high >>> 16) & NEGATIVE) | (exponent + 0x3c00);
        } else if (((high & 0x7fff_ffff) | low) === 0) {
          words[register] = 0;
          words[register + 1] = 0;
          words[register + 2] = (high >>> 16) & NEGATIVE;
        } else return false;
        break;
      }
      case 2: {
        const value = view.getInt32(host, true);
        const exponent = (value >>> 23) & 0xff;
        if (((exponent + 1) & 0xff) > 1) {
          words[register] = 0;
          words[register + 1] = (value << 8) | -0x80000000;
          words[register + 2] = ((value >>> 16) & NEGATIVE) | (exponent + 0x3f80);
        } else if ((value & 0x7fff_ffff) === 0) {
          words[register] = 0;
          words[register + 1] = 0;
          words[register + 2] = (value >>> 16) & NEGATIVE;
        } else return false;
        break;
      }
      case 3:
        fromInteger32(words, view.getInt32(host, true), register);
        break;
      case 4:
        fromInteger32(words, view.getInt16(host, true), register);
        break;
      default:
        words[register] = 0;
        words[register + 1] = operation === 5 ? -0x80000000 : 0;
        words[register + 2] = operation === 5 ? 0x3fff : 0;
    }
    words[FPU_TAG] = tag | (1 << number);
    newStatus = (newStatus & ~TOP) | (number << 11);
  } else {
    if ((tag & (1 << topNumber)) === 0) return false;
    switch (operation) {
      case 7: {
        if ((tag & (1 << otherNumber)) === 0) return false;
        const low = words[top];
        const high = words[top + 1];
        const exponent = words[top + 2];
        words[top] = words[other];
        words[top + 1] = words[other + 1];
        words[top + 2] = words[other + 2];
        words[other] = low;
        words[other + 1] = high;
        words[other + 2] = exponent;
        break;
      }
      case 8:
        words[other] = words[top];
        words[other + 1] = words[top + 1];
        words[other + 2] = words[top + 2];
        words[FPU_TAG] = tag | (1 << otherNumber);
        break;
      case 9:
      case 10:
        if ((tag & (1 << otherNumber)) === 0 || !isNormal(words, top) || !isNormal(words, other)) return false;
        newStatus |= operate(words, (w >>> 11) & 7, top, other, operation === 9 ? top : other);
        break;
      case 11: {
        const high = view.getInt32(host + 4, true);
        if (((((high >>> 20) & 0x7ff) + 1) & 0x7ff) <= 1 || !isNormal(words, top)) return false;
        fromDouble(words, view.getInt32(host, true), high, OPERAND);
        newStatus |= operate(words, (w >>> 11) & 7, top, OPERAND, top);
        break;
      }
      case 12: {
        const value = view.getInt32(host, true);
        if (((((value >>> 23) & 0xff) + 1) & 0xff) <= 1 || !isNormal(words, top)) return false;
        fromSingle(words, value, OPERAND);
        newStatus |= operate(words, (w >>> 11) & 7, top, OPERAND, top);
        break;
      }
      case 13:
        words[top + 2] ^= NEGATIVE;
        break;
      case 14:
        words[top + 2] &= 0x7fff;
        break;
      case 15: {
        if ((tag & (1 << otherNumber)) === 0 || !isPlain(words, top) || !isPlain(words, other)) return false;
        const comparison = compare80(words, top, other, true);
        const equal = comparison === Comparison.Equal;
        words[FLAG_RESULT] = equal ? 0 : 1;
        words[FLAG_AUXILIARY] = equal ? AUXILIARY_EQUAL : comparison === Comparison.Less ? AUXILIARY_LESS : 0;
        newStatus = status;
        break;
      }
      case 16: {
        if ((tag & (1 << otherNumber)) === 0 || !isPlain(words, top) || !isPlain(words, other)) return false;
        const comparison = compare80(words, top, other, true);
        const conditions = comparison === Comparison.Equal ? C3 : comparison === Comparison.Less ? C0 : 0;
        newStatus = (newStatus & ~CONDITIONS) | conditions;
        break;
      }
      case 17: {
        const exponent = (words[top + 2] & 0x7fff) - 0x3c00;
        const registerHigh = words[top + 1];
        if (exponent <= 0 || exponent >= 0x7fe || registerHigh >= 0 || (words[FPU_CONTROL] & ROUNDING) !== 0)
          return false;
        const rest = words[top] << 21;
        let low = (registerHigh << 21) | (words[top] >>> 11);
        let high = ((words[top + 2] & NEGATIVE) << 16) | (exponent << 20) | ((registerHigh & 0x7fffffff) >>> 11);
        if (rest !== 0) {
          newStatus |= PRECISION;
          if (rest < 0 && (rest !== -0x80000000 || (low & 1) !== 0)) {
            newStatus |= C1;
            low = (low + 1) | 0;
            if (low === 0) high = (high + 1) | 0;
          }
        }
        view.setInt32(host, low, true);
        view.setInt32(host + 4, high, true);
        break;
      }
      default: {
        const exponent = (words[top + 2] & 0x7fff) - 0x3f80;
        const registerHigh = words[top + 1];
        if (exponent <= 0 || exponent >= 0xfe || registerHigh >= 0 || (words[FPU_CONTROL] & ROUNDING) !== 0)
          return false;
        const half = registerHigh & 0xff;
        let value = ((words[top + 2] & NEGATIVE) << 16) | (exponent << 23) | ((registerHigh & 0x7fffffff) >>> 8);
        if ((half | words[top]) !== 0) {
          newStatus |= PRECISION;
          if (half > 0x80 || (half === 0x80 && (words[top] !== 0 || (value & 1) !== 0))) {
            newStatus |= C1;
            value = (value + 1) | 0;
          }
        }
        view.setInt32(host, value, true);
      }
    }
    for (let pops = (w >>> 14) & 3; pops > 0; pops--) newStatus = popped(words, newStatus);
  }
  words[FPU_STATUS] = newStatus;
  words[FPU_INSTRUCTION_OFFSET] = code[pc + 2];
  words[FPU_OPCODE] = code[pc + 6];
  if (code[pc + 7] === 0) words[FPU_DATA_OFFSET] = linear;
  return true;
}
