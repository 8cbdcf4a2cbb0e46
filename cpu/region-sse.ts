/**
 * What the SSE instructions of sse-direct.ts do in translated code, as bodies in the language of micro-operations: registers are
 * vectors in locals, and the common case is a little narrower than there (inexact results noted already). Every other case
 * exits in front of the instruction.
 */
import { directOperand } from './direct-operand.js';
import { FLAG_AUXILIARY, FLAG_RESULT, MXCSR } from './layout.js';
import { SseDirect } from './sse-direct.js';

/** Twice the bits of a double, as an unsigned number, are in this span if it is above the smallest normal one and finite. */
const NORMAL_START = (1n << 53n) + 1n;
const NORMAL_SPAN = (0x7ffn << 53n) - NORMAL_START;
const DENORMALS = (1n << 53n) - 1n;
const SINGLE_MINIMUM = 'doubleOf(0x3810000000000000n)';
const SINGLE_MAXIMUM = 'doubleOf(0x47efffffe0000000n)';
/** Rounding to nearest, no denormals-are-zeros, inexact results masked and noted. */
const CHECK_CONTROL = `if ((words[${MXCSR}] & 0x7060) !== 0x1020) exit();`;

/** What is known of a region's vector registers while its code is written. */
export interface SseKnowledge {
  /** Registers whose low double is zero or a normal number. */
  plain: number;
  /** MXCSR was looked at in this block. */
  controlChecked: boolean;
}

export function forgetSse(known: SseKnowledge): void {
  known.plain = 0;
  known.controlChecked = false;
}

/** Exits when the double of this name is a denormal. */
function refuseDenormal(name: string): string {
  return `if (below64((bitsOf(${name}) << 1n) - 1n, ${DENORMALS}n)) exit();`;
}

/** Exits unless `name` is a normal number, or zero and `zero` holds. */
function checkDouble(name: string, zero: string): string {
  return `const bits${name} = bitsOf(${name}) << 1n;
  if (!below64(bits${name} - ${NORMAL_START}n, ${NORMAL_SPAN}n)) { if (bits${name} !== 0n${zero}) exit(); }`;
}

function checkSingle(name: string): string {
  return `const size${name} = Math.abs(${name});
  if (!(size${name} > ${SINGLE_MINIMUM} && size${name} <= ${SINGLE_MAXIMUM})) exit();`;
}

function refuseSingleDenormal(name: string): string {
  return `if (${name} !== 0 && Math.abs(${name}) < ${SINGLE_MINIMUM}) exit();`;
}

const SYMBOLS = ['+', '-', '*', '/'];
/** When a zero result is exact: never otherwise for the operation. */
const ZERO_REFUSED = ['', '', ' || a !== 0 && b !== 0', ' || a !== 0'];

/**
 * The body of the SSE micro-operation at `pc`. Its register operand is called `to`, the other one `from`; the body declares nothing
 * of these names.
 * @returns null when there is none: the handler does it
 */
export function sseBody(code: Int32Array, pc: number, known: SseKnowledge): string | null {
  const word = code[pc + 4];
  const operation = word & 0xff;
  const register = (((word >>> 8) & 0xff) >> 2) & 7;
  const isRegister = code[pc + 7] !== 0;
  const other = (code[pc + 6] >> 4) & 7;
  const plain = known.plain;
  const control = known.controlChecked ? '' : CHECK_CONTROL;
  const toPlain = ((plain >> register) & 1) !== 0;
  const fromPlain = isRegister && ((plain >> other) & 1) !== 0;
  const double = isRegister ? 'double0(from)' : 'view.getFloat64(host, true)';
  const single = isRegister ? 'single0(from)' : 'view.getFloat32(host, true)';
  const general = isRegister ? `words[${code[pc + 6] >> 2}]` : 'view.getInt32(host, true)';
  const at = (size: number, aligned = false) => (isRegister ? '' : directOperand(size, 'readTable', aligned));
  const whole = isRegister ? 'from' : 'loadVector(host)';
  const refuse = (name: string, isPlain: boolean) => (isPlain ? '' : refuseDenormal(name));
  const write = (becomesPlain: boolean) => {
    known.plain = becomesPlain ? plain | (1 << register) : plain & ~(1 << register);
  };
  switch (operation) {
    case SseDirect.AddDouble:
    case SseDirect.SubtractDouble:
    case SseDirect.MultiplyDouble:
    case SseDirect.DivideDouble: {
      known.controlChecked = true;
      write(true);
      return `${control} ${at(8)} const a = double0(to), b = ${double};
      ${refuse('a', toPlain)} ${refuse('b', fromPlain)}
      const r = a ${SYMBOLS[operation]} b; ${checkDouble('r', ZERO_REFUSED[operation])}
      to = withDouble0(to, r);`;
    }
    case SseDirect.AddSingle:
    case SseDirect.SubtractSingle:
    case SseDirect.MultiplySingle:
    case SseDirect.DivideSingle:
      known.controlChecked = true;
      write(false);
      return `${control} ${at(4)} const a = single0(to), b = ${single};
      ${refuseSingleDenormal('a')} ${refuseSingleDenormal('b')}
      const r = Math.fround(a ${SYMBOLS[operation - 4]} b); ${checkSingle('r')}
      to = withSingle0(to, r);`;
    case SseDirect.RootDouble:
      known.controlChecked = true;
      write(true);
      return `${control} ${at(8)} const a = ${double};
      if (!below64(bitsOf(a) - ${1n << 52n}n, ${0x7fen << 52n}n)) exit();
      to = withDouble0(to, Math.sqrt(a));`;
    case SseDirect.LoadDouble:
    case SseDirect.LoadQuad:
      write(fromPlain);
      return isRegister ? 'to = withLong1(from, 0n);' : `${at(8)} to = loadLow64(host);`;
    case SseDirect.MoveDouble:
      write(fromPlain);
      return `${at(8)} to = withDouble0(to, ${double});`;
    case SseDirect.LoadSingle:
    case SseDirect.LoadDoubleword:
      write(false);
      return isRegister
        ? operation === SseDirect.LoadDoubleword
          ? `to = vectorOfWord(${general});`
          : null
        : `${at(4)} to = loadLow32(host);`;
    case SseDirect.MoveSingle:
      write(false);
      return `${at(4)} to = withWord0(to, ${isRegister ? 'word0(from)' : 'view.getInt32(host, true)'});`;
    case SseDirect.LoadAligned:
    case SseDirect.LoadUnaligned:
      write(fromPlain);
      return `${at(16, operation === SseDirect.LoadAligned)} to = ${whole};`;
    case SseDirect.IntegerToDouble:
      write(true);
      return `${at(4)} const a = ${general}; to = withDouble0(to, a);`;
    case SseDirect.DoubleToInteger:
      known.controlChecked = true;
      return `${control} ${at(8)} const a = ${double}; ${refuse('a', fromPlain)}
      if (!(a > -2147483649 && a < 2147483648)) exit();
      words[${(word >>> 8) & 0xff}] = truncate(a);`;
    case SseDirect.SingleToDouble:
      write(true);
      return `${at(4)} const a = ${single}; ${refuseSingleDenormal('a')}
      if (!(Math.abs(a) <= ${SINGLE_MAXIMUM})) exit();
      to = withDouble0(to, a);`;
    case SseDirect.DoubleToSingle:
      known.controlChecked = true;
      write(false);
      return `${control} ${at(8)} const a = ${double}; const r = Math.fround(a); ${checkSingle('r')}
      to = withSingle0(to, a);`;
    case SseDirect.CompareDouble:
    case SseDirect.CompareSingle: {
      const isDouble = operation === SseDirect.CompareDouble;
      const refuseA = isDouble ? refuse('a', toPlain) : refuseSingleDenormal('a');
      const refuseB = isDouble ? refuse('b', fromPlain) : refuseSingleDenormal('b');
      return `${at(isDouble ? 8 : 4)} const a = ${isDouble ? 'double0(to)' : 'single0(to)'}, b = ${isDouble ? double : single};
      if (a !== a || b !== b) exit(); ${refuseA} ${refuseB}
      const equal = a === b, less = a < b;
      words[${FLAG_RESULT}] = equal ? 0 : 1;
      words[${FLAG_AUXILIARY}] = equal ? 0x100 : less ? 0xc0000000 : 0;`;
    }
    case SseDirect.Xor:
    case SseDirect.And:
    case SseDirect.AndNot:
    case SseDirect.Or: {
      write(false);
      const operands = operation === SseDirect.AndNot ? 'operand, to' : 'to, operand';
      const functions = ['xorVectors', 'andVectors', 'andNotVectors', 'orVectors'];
      return `${at(16, true)} const operand = ${whole}; to = ${functions[operation - SseDirect.Xor]}(${operands});`;
    }
    case SseDirect.AddDoubles:
    case SseDirect.SubtractDoubles:
    case SseDirect.MultiplyDoubles: {
      known.controlChecked = true;
      write(true);
      const number = operation - SseDirect.AddDoubles;
      const name = ['addDoubles', 'subtractDoubles', 'multiplyDoubles'][number];
      const second = ZERO_REFUSED[number].replace('a', 'c').replace('b', 'd');
      return `${control} ${at(16, true)} const operand = ${whole};
      const a = double0(to), b = double0(operand), c = double1(to), d = double1(operand);
      ${refuse('a', toPlain)} ${refuse('b', fromPlain)} ${refuseDenormal('c')} ${refuseDenormal('d')}
      const result = ${name}(to, operand);
      const r = double0(result), q = double1(result);
      ${checkDouble('r', ZERO_REFUSED[number])} ${checkDouble('q', second)}
      to = result;`;
    }
    case SseDirect.UnpackLowDoubles:
      write(toPlain);
      return `${at(16, true)} to = withDouble1(to, ${double});`;
    case SseDirect.UnpackHighDoubles:
      write(false);
      return `${at(16, true)} to = withDouble0(${whole}, double1(to));`;
    case SseDirect.LoadHighDouble:
      write(toPlain);
      return `${at(8)} to = withDouble1(to, view.getFloat64(host, true));`;
    case SseDirect.AddDoublewords:
      write(false);
      return `${at(16, true)} const operand = ${whole}; to = addDoublewords(to, operand);`;
    case SseDirect.StoreDouble:
      return `${directOperand(8, 'writeTable', false)} store64(host, long0(to));`;
    case SseDirect.StoreHighDouble:
      return `${directOperand(8, 'writeTable', false)} store64(host, long1(to));`;
    case SseDirect.StoreSingle:
      return `${directOperand(4, 'writeTable', false)} view.setInt32(host, word0(to), true);`;
    case SseDirect.StoreDoubleword:
      if (isRegister) return `${general} = word0(to);`;
      return `${directOperand(4, 'writeTable', false)} view.setInt32(host, word0(to), true);`;
    case SseDirect.StoreAligned:
    case SseDirect.StoreUnaligned:
      return `${directOperand(16, 'writeTable', operation === SseDirect.StoreAligned)} storeVector(host, to);`;
    default:
      return null;
  }
}

/** Number of the vector register that `to` means, or -1 when the operation has none. */
export function sseRegister(code: Int32Array, pc: number): number {
  const word = (code[pc + 4] >>> 8) & 0xff;
  return word < 8 ? -1 : (word >> 2) & 7;
}
