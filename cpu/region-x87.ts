/**
 * What the x87 instructions of x87-direct.ts do in translated code, as bodies in the language of micro-operations. Registers are
 * locals: significands of 64 bits, signs with exponents. The number of the register on top is known wherever translated code is,
 * all exceptions are masked, results are rounded to nearest at the precision that the region was made for. Operands are normal numbers or
 * zeros; every other case exits in front of the instruction.
 */
import { directOperand } from './direct-operand.js';
import type { Instruction } from './instruction.js';
import {
  FLAG_AUXILIARY,
  FLAG_RESULT,
  FPU_CONTROL,
  FPU_DATA_OFFSET,
  FPU_INSTRUCTION_OFFSET,
  FPU_OPCODE,
  FPU_STATUS,
  FPU_TAG,
} from './layout.js';
import { operationNumber } from './micro-operation-table.js';
import { C0, C1, C2, C3, EXCEPTION_SUMMARY } from './x87.js';
import { X87Direct } from './x87-direct.js';

const X87 = operationNumber('X87');
const HANDLER = operationNumber('HANDLER');

/** Words of the x87 state that are locals in a region with x87 instructions. */
export const X87_WORDS: readonly number[] = [FPU_STATUS, FPU_TAG, FPU_INSTRUCTION_OFFSET, FPU_OPCODE, FPU_DATA_OFFSET];

/** Rounding control, precision control and exception masks. */
const CONTROL_MASK = 0xf3f;
const ALL_MASKED = 0x3f;
const TOP = 0x3800;
const PRECISION = 0x20;
const STORES = X87Direct.StoreDouble;

/** Significand bits that a precision drops, by the precision control; undefined: reserved. */
const DROPPED: readonly (number | undefined)[] = [40, undefined, 11, 0];

/**
 * Significand bits that results drop under this control word.
 * @returns undefined when translated code cannot do x87 instructions under it: another rounding, exceptions that are not masked
 */
export function droppedBits(control: number): number | undefined {
  if ((control & 0xc00) !== 0 || (control & ALL_MASKED) !== ALL_MASKED) return undefined;
  return DROPPED[(control >> 8) & 3];
}

/** The body that exits when the control word is not what the region was made for. */
export function checkControl(control: number): string {
  return `if ((words[${FPU_CONTROL}] & ${CONTROL_MASK}) !== ${control & CONTROL_MASK}) exit();`;
}

/** The body that exits when another register is on top, or an exception is pending. */
export function checkStack(top: number): string {
  return `if ((words[${FPU_STATUS}] & ${TOP | EXCEPTION_SUMMARY}) !== ${top << 11}) exit();`;
}

const PUSHES = /^(FLD|FILD|FBLD|FPTAN|FXTRACT|FSINCOS|FDECSTP)/;
const CONTROLS = /^(FLDCW|FLDENV)/;
const POPS = /^(FI?STP|FISTTP|FBSTP|F(ADD|MUL|SUB|SUBR|DIV|DIVR)P|FU?COMI?P|FICOMP|FYL2X|FYL2XP1|FPATAN|FINCSTP)$/;

/** What an instruction adds to the number of the register on top, as far as can be told; handlers are checked afterwards. */
export function stackChange(code: Int32Array, pc: number, instructions: readonly Instruction[]): number {
  const operation = code[pc] & 0x3ff;
  if (operation === X87) {
    const word = code[pc + 4];
    return (word & 0xff) <= X87Direct.LoadZero ? -1 : (word >>> 14) & 3;
  }
  if (operation !== HANDLER) return 0;
  const { mnemonic } = instructions[code[pc + 1]].row;
  if (PUSHES.test(mnemonic)) return CONTROLS.test(mnemonic) ? 0 : -1;
  if (/^FU?COMPP$/.test(mnemonic)) return 2;
  return POPS.test(mnemonic) ? 1 : 0;
}

// --- arithmetic: functions of a region's module ------------------------------------------------------------------------

/** Text behind which `sig` and `exponent`, with what lies behind the significand in `rest`, are rounded into `sig` and `word`. */
function round(dropped: number): string {
  const drop =
    dropped === 0
      ? ''
      : `rest = sig << ${64 - dropped}n | (rest !== 0n ? 1n : 0n); sig = sig >>> ${dropped}n << ${dropped}n;`;
  return `
  if (exponent - 1 >>> 0 >= 0x7ffd) return;
  word = sign | exponent;
  ${drop}
  if (rest !== 0n) {
    word = word | ${PRECISION << 16};
    if (rest < 0n && (rest !== 1n << 63n || (sig & ${1n << BigInt(dropped)}n) !== 0n)) {
      sig = sig + ${1n << BigInt(dropped)}n;
      word = word | ${C1 << 16};
      if (sig === 0n) { sig = 1n << 63n; word = word + 1; }
    }
  }
  return;`;
}

/** Returns unless both operands are normal numbers; what `zeros` says comes before, for operands without a leading one. */
function requireNormal(zeros: string): string {
  return `
  let sig = 0n, word = -1;
  const xa = ea & 0x7fff, xb = eb & 0x7fff;
  if (sa >= 0n || sb >= 0n) { ${zeros} return; }
  if (xa - 1 >>> 0 >= 0x7ffe || xb - 1 >>> 0 >= 0x7ffe) return;`;
}

const A_NORMAL = 'sa < 0n && xa - 1 >>> 0 < 0x7ffe';
const B_NORMAL = 'sb < 0n && xb - 1 >>> 0 < 0x7ffe';
const A_ZERO = 'sa === 0n && xa === 0';
const B_ZERO = 'sb === 0n && xb === 0';

function add(dropped: number): string {
  // A sum with zero is the other operand, which is rounded like any result.
  const whole = dropped === 0 ? 'return;' : 'word = -1; return;';
  const zeros = `
    if (${B_ZERO}) {
      if (${A_ZERO}) { word = ea & eb & 0x8000; return; }
      if (${A_NORMAL}) { sig = sa; word = ea; ${whole} }
    } else if (${A_ZERO}) {
      if (${B_NORMAL}) { sig = sb; word = eb; ${whole} }
    }`;
  return `${requireNormal(zeros)}
  let big = sa, small = sb, exponent = xa, sign = ea & 0x8000, other = eb & 0x8000, distance = xa - xb, rest = 0n;
  if (distance < 0) {
    big = sb; small = sa; exponent = xb; sign = eb & 0x8000; other = ea & 0x8000; distance = -distance;
  }
  if (distance !== 0) {
    const by = unsigned64(distance);
    if (distance < 64) { rest = small << 64n - by; small = small >>> by; }
    else {
      if (distance === 64) rest = small;
      else if (distance < 128) rest = small >>> by - 64n | (small << 128n - by !== 0n ? 1n : 0n);
      else rest = 1n;
      small = 0n;
    }
  }
  if (sign === other) {
    sig = big + small;
    if (below64(sig, big)) {
      rest = rest >>> 1n | rest & 1n | sig << 63n;
      sig = sig >>> 1n | 1n << 63n;
      exponent = exponent + 1;
    }
  } else {
    sig = big - small;
    if (rest !== 0n) { sig = sig - 1n; rest = -rest; }
    if (below64(big, small)) { sig = small - big; sign = other; }
    if (sig === 0n) {
      if (rest === 0n) { word = 0; return; }
      sig = rest; rest = 0n; exponent = exponent - 64;
    }
    const count = clz64(sig);
    if (count !== 0) {
      const left = unsigned64(count);
      sig = sig << left | rest >>> 64n - left;
      rest = rest << left;
      exponent = exponent - count;
    }
  }
  ${round(dropped)}`;
}

function multiply(dropped: number): string {
  const zeros = `
    if ((${A_ZERO} && (${B_ZERO} || ${B_NORMAL})) || (${B_ZERO} && ${A_NORMAL})) word = (ea ^ eb) & 0x8000;`;
  return `${requireNormal(zeros)}
  const sign = (ea ^ eb) & 0x8000;
  let exponent = xa + xb - 0x3ffe;
  const ah = sa >>> 32n, al = sa & 0xffffffffn, bh = sb >>> 32n, bl = sb & 0xffffffffn;
  const low = al * bl, cross = ah * bl + (low >>> 32n), middle = al * bh + (cross & 0xffffffffn);
  sig = ah * bh + (cross >>> 32n) + (middle >>> 32n);
  let rest = middle << 32n | low & 0xffffffffn;
  if (sig >= 0n) { sig = sig << 1n | rest >>> 63n; rest = rest << 1n; exponent = exponent - 1; }
  ${round(dropped)}`;
}

/** One 32-bit digit of the quotient of part:next / sb, part being less than sb; leaves the remainder in part (Knuth, 4.3.1 D). */
function digit(name: string, next: string): string {
  const tooLarge = `(below64(0xffffffffn, ${name}) || below64(carry << 32n | ${next}, ${name} * bl))`;
  return `
  let ${name} = divideUnsigned64(part, bh);
  carry = part - ${name} * bh;
  if (${tooLarge}) {
    ${name} = ${name} - 1n; carry = carry + bh;
    if (below64(carry, 0x100000000n) && ${tooLarge}) ${name} = ${name} - 1n;
  }
  part = (part << 32n | ${next}) - ${name} * sb;`;
}

function divide(dropped: number): string {
  const zeros = `if (${A_ZERO} && ${B_NORMAL}) word = (ea ^ eb) & 0x8000;`;
  return `${requireNormal(zeros)}
  const sign = (ea ^ eb) & 0x8000;
  let exponent = xa - xb + 0x3fff, part = sa, next = 0n, carry = 0n;
  if (below64(sa, sb)) exponent = exponent - 1;
  else { part = sa >>> 1n; next = sa << 31n & 0x80000000n; }
  const bh = sb >>> 32n, bl = sb & 0xffffffffn;
  ${digit('upper', 'next')}
  ${digit('lower', '0n')}
  sig = upper << 32n | lower;
  let rest = 0n;
  if (part !== 0n) {
    // Against the half of the divisor.
    const twice = part << 1n;
    if (part < 0n || !below64(twice, sb)) rest = part >= 0n && twice === sb ? 1n << 63n : -1n;
    else rest = 1n;
  }
  ${round(dropped)}`;
}

/** The functions of arithmetic: (sa, ea, sb, eb) to word and significand; word is -1 when they do not do it. */
export function x87Functions(dropped: number): readonly (readonly [name: string, text: string])[] {
  return [
    ['add80', add(dropped)],
    ['multiply80', multiply(dropped)],
    ['divide80', divide(dropped)],
  ];
}

// --- instructions -------------------------------------------------------------------------------------------------------

/** What is known of a region's x87 registers while its code is written. */
export interface X87Knowledge {
  /** Number of the register on top. */
  top: number;
  /** Registers known to be full and to be empty. */
  full: number;
  empty: number;
  /** The control word was looked at in this block. */
  controlChecked: boolean;
}

export function forgetX87(known: X87Knowledge): void {
  known.full = 0;
  known.empty = 0;
  known.controlChecked = false;
}

/** From memory to `sig` and `word`. */
const FROM_DOUBLE = `const bits = load64(host), exponent = low32(bits >>> 52n) & 0x7ff;
  let sig = bits << 11n | 1n << 63n, word = low32(bits >>> 48n) & 0x8000 | exponent + 0x3c00;
  if (exponent - 1 >>> 0 >= 0x7fe) {
    if (bits << 1n !== 0n) exit();
    sig = 0n; word = low32(bits >>> 48n) & 0x8000;
  }`;
const FROM_SINGLE = `const bits = view.getInt32(host, true), exponent = bits >>> 23 & 0xff;
  let sig = unsigned64(bits) << 40n | 1n << 63n, word = bits >>> 16 & 0x8000 | exponent + 0x3f80;
  if (exponent - 1 >>> 0 >= 0xfe) {
    if (bits << 1 !== 0) exit();
    sig = 0n; word = bits >>> 16 & 0x8000;
  }`;

function fromInteger(value: string): string {
  return `const integer = ${value};
  let sig = signed64(integer), word = 0;
  if (integer !== 0) {
    if (integer < 0) sig = -sig;
    const count = clz64(sig);
    sig = sig << unsigned64(count);
    word = integer >>> 16 & 0x8000 | 0x403e - count;
  }`;
}

/** Rounds ST(0) to a double or single at `host`, and what its flags are in `flags`. */
function store(dropped: number, bias: number, exponents: number, write: string, sign: string): string {
  return `let value = 0n, flags = 0;
  if (s0 === 0n && (e0 & 0x7fff) === 0) value = ${sign};
  else {
    const exponent = (e0 & 0x7fff) - ${bias};
    if (s0 >= 0n || exponent - 1 >>> 0 >= ${exponents}) exit();
    value = ${sign} | unsigned64(exponent) << ${63 - dropped}n | (s0 & 0x7fffffffffffffffn) >>> ${dropped}n;
    const rest = s0 << ${64 - dropped}n;
    if (rest !== 0n) {
      flags = ${PRECISION};
      if (rest < 0n && (rest !== 1n << 63n || (value & 1n) !== 0n)) { flags = ${PRECISION | C1}; value = value + 1n; }
    }
  }
  ${write}`;
}

const STORE_DOUBLE = store(11, 0x3c00, 0x7fd, 'store64(host, value);', 'unsigned64(e0 & 0x8000) << 48n');
const STORE_SINGLE = store(
  40,
  0x3f80,
  0xfd,
  'view.setInt32(host, low32(value), true);',
  'unsigned64(e0 & 0x8000) << 16n',
);

/** Exits unless the register of this name is a normal number or zero. */
function plain(s: string, e: string): string {
  return `if (!(${s} < 0n && (${e} & 0x7fff) - 1 >>> 0 < 0x7ffe || ${s} === 0n && (${e} & 0x7fff) === 0)) exit();`;
}

/** Compares ST(0) with the other register, into `equal` and `less`. */
const COMPARE = `${plain('s0', 'e0')} ${plain('si', 'ei')}
  const equal = (s0 | si) === 0n || s0 === si && e0 === ei;
  const smaller = (e0 & 0x7fff) < (ei & 0x7fff) || (e0 & 0x7fff) === (ei & 0x7fff) && below64(s0, si);
  const less = ((e0 ^ ei) & 0x8000) === 0 ? smaller ^ e0 >>> 15 & 1 : e0 >>> 15 & 1;`;

/** Operation and operands by the reg field of D8; b is the memory operand or ST(i). */
function operate(operation: number, s: string, e: string): string {
  const negative = '^ 0x8000';
  const call = [
    `add80(s0, e0, ${s}, ${e})`,
    `multiply80(s0, e0, ${s}, ${e})`,
    '',
    '',
    `add80(s0, e0, ${s}, ${e} ${negative})`,
    `add80(s0, e0 ${negative}, ${s}, ${e})`,
    `divide80(s0, e0, ${s}, ${e})`,
    `divide80(${s}, ${e}, s0, e0)`,
  ][operation];
  return `const result = ${call}; if (result < 0) exit(); const flags = result >>> 16;`;
}

/**
 * The body of the x87 micro-operation at `pc`: s0, e0 are the register on top, si, ei the other one, sn, en the one below the top;
 * `high` is the significand that the functions of arithmetic return. Brings `known` behind the instruction.
 */
export function x87Body(code: Int32Array, pc: number, known: X87Knowledge, control: number): string {
  const word = code[pc + 4];
  const operation = word & 0xff;
  const isMemory = code[pc + 7] === 0;
  const other = (known.top + (word >>> 8)) & 7;
  const below = (known.top + 7) & 7;
  const checks: string[] = [];
  if (!known.controlChecked) checks.push(checkControl(control));
  known.controlChecked = true;
  const requireFull = (register: number) => {
    if ((known.full & (1 << register)) === 0) checks.push(`if ((words[${FPU_TAG}] & ${1 << register}) === 0) exit();`);
    known.full |= 1 << register;
  };
  const loads = operation <= X87Direct.LoadZero;
  if (!loads) requireFull(known.top);
  else if ((known.empty & (1 << below)) === 0) {
    checks.push(`if ((words[${FPU_TAG}] & ${1 << below}) !== 0) exit();`);
  }
  if (usesOther(operation)) requireFull(other);
  if (isMemory)
    checks.push(directOperand(memorySize(operation), operation < STORES ? 'readTable' : 'writeTable', false));
  const keepsC1 = operation === X87Direct.CompareFlags;
  let status = keepsC1 ? `words[${FPU_STATUS}]` : `words[${FPU_STATUS}] & ${~C1}`;
  if (operation === X87Direct.Compare) {
    status = `words[${FPU_STATUS}] & ${~(C0 | C1 | C2 | C3)} | (equal ? ${C3} : less ? ${C0} : 0)`;
  }
  if (/\bflags\b/.test(effect(operation, word))) status += ' | flags';
  const text = [...checks, effect(operation, word)];
  if (operation === X87Direct.StoreRegister) {
    text.push(`words[${FPU_TAG}] = words[${FPU_TAG}] | ${1 << other};`);
    known.full |= 1 << other;
    known.empty &= ~(1 << other);
  }
  text.push(moveTop(known, loads ? -1 : (word >>> 14) & 3, status));
  text.push(`words[${FPU_INSTRUCTION_OFFSET}] = ${code[pc + 2]}; words[${FPU_OPCODE}] = ${code[pc + 6]};`);
  if (isMemory) text.push(`words[${FPU_DATA_OFFSET}] = linear;`);
  return text.join('\n');
}

/** Writes the status word and the tags behind a push or pops. */
function moveTop(known: X87Knowledge, change: number, status: string): string {
  if (change === 0) return `words[${FPU_STATUS}] = ${status};`;
  let tag = '';
  const top = (known.top + change + 8) & 7;
  if (change < 0) {
    tag = `words[${FPU_TAG}] = words[${FPU_TAG}] | ${1 << top};`;
    known.full |= 1 << top;
    known.empty &= ~(1 << top);
  } else {
    let popped = 0;
    for (let count = 0; count < change; count++) popped |= 1 << ((known.top + count) & 7);
    tag = `words[${FPU_TAG}] = words[${FPU_TAG}] & ${~popped};`;
    known.full &= ~popped;
    known.empty |= popped;
  }
  known.top = top;
  return `${tag} words[${FPU_STATUS}] = (${status}) & ${~TOP} | ${top << 11};`;
}

function usesOther(operation: number): boolean {
  return (
    operation === X87Direct.LoadRegister ||
    operation === X87Direct.Exchange ||
    operation === X87Direct.ArithmeticTop ||
    operation === X87Direct.ArithmeticRegister ||
    operation === X87Direct.Compare ||
    operation === X87Direct.CompareFlags
  );
}

function memorySize(operation: number): number {
  if (operation === X87Direct.LoadInteger16) return 2;
  const isDouble =
    operation === X87Direct.LoadDouble ||
    operation === X87Direct.ArithmeticDouble ||
    operation === X87Direct.StoreDouble;
  return isDouble ? 8 : 4;
}

/** What the instruction does but for the state words. */
function effect(operation: number, word: number): string {
  const arithmetic = (word >>> 11) & 7;
  switch (operation) {
    case X87Direct.LoadRegister:
      return 'sn = si; en = ei;';
    case X87Direct.LoadDouble:
      return `${FROM_DOUBLE} sn = sig; en = word;`;
    case X87Direct.LoadSingle:
      return `${FROM_SINGLE} sn = sig; en = word;`;
    case X87Direct.LoadInteger32:
      return `${fromInteger('view.getInt32(host, true)')} sn = sig; en = word;`;
    case X87Direct.LoadInteger16:
      return `${fromInteger('view.getInt16(host, true)')} sn = sig; en = word;`;
    case X87Direct.LoadOne:
      return 'sn = 1n << 63n; en = 0x3fff;';
    case X87Direct.LoadZero:
      return 'sn = 0n; en = 0;';
    case X87Direct.Exchange:
      return 'const sig = s0, word = e0; s0 = si; e0 = ei; si = sig; ei = word;';
    case X87Direct.StoreRegister:
      return 'si = s0; ei = e0;';
    case X87Direct.ArithmeticTop:
      return `${operate(arithmetic, 'si', 'ei')} s0 = high; e0 = result & 0xffff;`;
    case X87Direct.ArithmeticRegister:
      return `${operate(arithmetic, 'si', 'ei')} si = high; ei = result & 0xffff;`;
    case X87Direct.ArithmeticDouble:
      return `${FROM_DOUBLE} ${operate(arithmetic, 'sig', 'word')} s0 = high; e0 = result & 0xffff;`;
    case X87Direct.ArithmeticSingle:
      return `${FROM_SINGLE} ${operate(arithmetic, 'sig', 'word')} s0 = high; e0 = result & 0xffff;`;
    case X87Direct.ChangeSign:
      return 'e0 = e0 ^ 0x8000;';
    case X87Direct.Absolute:
      return 'e0 = e0 & 0x7fff;';
    case X87Direct.CompareFlags:
      return `${COMPARE}
      words[${FLAG_RESULT}] = equal ? 0 : 1;
      words[${FLAG_AUXILIARY}] = equal ? 0x100 : less ? 0xc0000000 : 0;`;
    case X87Direct.Compare:
      return COMPARE;
    case X87Direct.StoreDouble:
      return STORE_DOUBLE;
    default:
      return STORE_SINGLE;
  }
}
