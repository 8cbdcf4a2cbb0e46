/**
 * What all SSE instructions share: when they may run, where their operands lie, MXCSR exceptions, and exact arithmetic
 * with every flag and rounding mode for the operands that plain JavaScript arithmetic does not settle (SDM volume 1,
 * chapters 10 and 11). Reading order: this file, sse-arithmetic.ts, sse-compare.ts, sse-convert.ts, sse-move.ts,
 * packed-integer.ts, sse-integer.ts, mmx.ts.
 */
import type { Cpu } from './cpu.js';
import {
  DENORMAL,
  FLOAT_SCRATCH,
  INVALID,
  isZero,
  OVERFLOW,
  PRECISION,
  RoundingMode,
  setZero,
  UNDERFLOW,
  ZERO_DIVIDE,
} from './float80.js';
import { add80, multiply80 } from './float80-arithmetic.js';
import { fromDouble, fromSingle, toDouble, toSingle } from './float80-convert.js';
import { divide80, squareRoot80 } from './float80-divide.js';
import { effectiveOffset, type Instruction } from './instruction.js';
import { CR0, CR4, MXCSR, SEGMENT_BASE, XMM_REGISTERS } from './layout.js';
import { operandForRead } from './operand-access.js';

const CR0_EMULATION = 4;
const CR0_TASK_SWITCHED = 8;
const CR4_OSFXSR = 0x200;
const CR4_OSXMMEXCPT = 0x400;
const VECTOR_INVALID_OPCODE = 6;
const VECTOR_DEVICE_NOT_AVAILABLE = 7;
const VECTOR_PROTECTION = 13;
const VECTOR_SIMD = 19;

export const DENORMALS_ARE_ZEROS = 0x40;
export const FLUSH_TO_ZERO = 0x8000;
const MASK_SHIFT = 7;
const MASKED_UNDERFLOW = UNDERFLOW << MASK_SHIFT;
const PRE_COMPUTATION = INVALID | DENORMAL | ZERO_DIVIDE;

const VALUE_A = FLOAT_SCRATCH + 64;
const VALUE_B = FLOAT_SCRATCH + 68;
const VALUE_R = FLOAT_SCRATCH + 72;
/** Results of one instruction until all elements are known to be free of unmasked exceptions: eight words. */
export const RESULTS = FLOAT_SCRATCH + 80;
/** 64-bit precision, truncation, everything masked: what goes below is jammed into the last bit afterwards. */
const CONTROL_TRUNCATE = 0xf7f;

/** True when SSE instructions may run; else #UD or #NM is raised. */
export function sseReady(cpu: Cpu): boolean {
  const state = cpu.state;
  if ((state[CR0] & (CR0_EMULATION | CR0_TASK_SWITCHED)) === 0 && (state[CR4] & CR4_OSFXSR) !== 0) return true;
  if ((state[CR0] & CR0_EMULATION) !== 0 || (state[CR4] & CR4_OSFXSR) === 0) return cpu.raise(VECTOR_INVALID_OPCODE);
  return cpu.raise(VECTOR_DEVICE_NOT_AVAILABLE);
}

/** Word index of XMMi. */
export function xmmWord(i: number): number {
  return XMM_REGISTERS + (i << 2);
}

/** Host offset of the source: XMM register, or `size` bytes of memory of any alignment; 0 when an exception was raised. */
export function sourceHost(cpu: Cpu, instruction: Instruction, size: number): number {
  if (!instruction.isMemory) return xmmWord(instruction.rm) << 2;
  return operandForRead(cpu, instruction, size);
}

/** Host offset of a 16-byte source, which in memory must be aligned (#GP(0)); 0 when an exception was raised. */
export function alignedHost(cpu: Cpu, instruction: Instruction): number {
  if (!instruction.isMemory) return xmmWord(instruction.rm) << 2;
  return isAligned(cpu, instruction) ? operandForRead(cpu, instruction, 16) : 0;
}

/** Raises #GP(0) when the memory operand is not aligned to 16 bytes. */
export function isAligned(cpu: Cpu, instruction: Instruction): boolean {
  const linear = cpu.state[SEGMENT_BASE + instruction.segment] + effectiveOffset(cpu, instruction);
  return (linear & 15) === 0 || cpu.raise(VECTOR_PROTECTION, 0);
}

/**
 * Takes the exceptions of an instruction into MXCSR; false when an unmasked one was raised (#XM, or #UD when the system
 * has not announced that it handles #XM): the destination must stay as it is.
 */
export function takeSimdExceptions(cpu: Cpu, flags: number): boolean {
  const state = cpu.state;
  const mxcsr = state[MXCSR];
  const unmasked = flags & ~(mxcsr >> MASK_SHIFT) & 0x3f;
  if (unmasked === 0) {
    state[MXCSR] = mxcsr | flags;
    return true;
  }
  state[MXCSR] = mxcsr | ((unmasked & PRE_COMPUTATION) !== 0 ? flags & PRE_COMPUTATION : flags);
  return cpu.raise((state[CR4] & CR4_OSXMMEXCPT) !== 0 ? VECTOR_SIMD : VECTOR_INVALID_OPCODE);
}

// --- bit patterns ---------------------------------------------------------------------------------------------------

export const SINGLE_INDEFINITE = -0x400000;
export const DOUBLE_INDEFINITE_HIGH = -0x80000;

export function isNanSingle(value: number): boolean {
  return (value & 0x7fffffff) > 0x7f800000;
}

export function isSignallingSingle(value: number): boolean {
  return (value & 0x7fffffff) > 0x7f800000 && (value & 0x400000) === 0;
}

export function isDenormalSingle(value: number): boolean {
  return (value & 0x7f800000) === 0 && (value & 0x7fffff) !== 0;
}

export function isNanDouble(low: number, high: number): boolean {
  const top = high & 0x7fffffff;
  return top > 0x7ff00000 || (top === 0x7ff00000 && low !== 0);
}

export function isSignallingDouble(low: number, high: number): boolean {
  return isNanDouble(low, high) && (high & 0x80000) === 0;
}

export function isDenormalDouble(low: number, high: number): boolean {
  return (high & 0x7ff00000) === 0 && ((high & 0xfffff) | low) !== 0;
}

// --- exact arithmetic -----------------------------------------------------------------------------------------------

/** Operations by their opcode byte. */
export const Operation = { SquareRoot: 0x51, Add: 0x58, Multiply: 0x59, Subtract: 0x5c, Divide: 0x5e } as const;

/** x87 control word that rounds as MXCSR says; tininess alone is reported as underflow when `everyTiny`. */
function controlOf(mxcsr: number, everyTiny: boolean): number {
  return (((mxcsr >> 13) & 3) << 10) | 0x32f | (everyTiny ? 0 : UNDERFLOW);
}

/**
 * Flags of a rounding of VALUE_R. An unmasked overflow or underflow is inexact when the significand was rounded, whatever
 * the exponent (SDM vol 1, section 11.5.2.6); `high` and `low` are the bits of the significand that the format drops.
 */
function withUnmasked(words: Int32Array, mxcsr: number, rounded: number, high: number, low: number): number {
  if ((rounded & ~(mxcsr >> MASK_SHIFT) & (OVERFLOW | UNDERFLOW)) === 0) return rounded;
  const dropped = (words[VALUE_R + 1] & high) | (words[VALUE_R] & low);
  return dropped === 0 ? rounded & ~PRECISION : rounded | PRECISION;
}

/** VALUE_R = VALUE_A op VALUE_B with the bits beyond 64 jammed into the last one. @returns exception flags */
function computeOdd(words: Int32Array, operation: number, mxcsr: number): number {
  let flags = 0;
  switch (operation) {
    case Operation.Add:
      flags = add80(words, VALUE_A, VALUE_B, VALUE_R, CONTROL_TRUNCATE, 0);
      break;
    case Operation.Subtract:
      flags = add80(words, VALUE_A, VALUE_B, VALUE_R, CONTROL_TRUNCATE, 0x8000);
      break;
    case Operation.Multiply:
      flags = multiply80(words, VALUE_A, VALUE_B, VALUE_R, CONTROL_TRUNCATE);
      break;
    case Operation.Divide:
      flags = divide80(words, VALUE_A, VALUE_B, VALUE_R, CONTROL_TRUNCATE);
      break;
    case Operation.SquareRoot:
      flags = squareRoot80(words, VALUE_B, VALUE_R, CONTROL_TRUNCATE);
      break;
    default:
      words[VALUE_R] = words[VALUE_B];
      words[VALUE_R + 1] = words[VALUE_B + 1];
      words[VALUE_R + 2] = words[VALUE_B + 2];
  }
  if ((flags & PRECISION) !== 0) words[VALUE_R] |= 1;
  const isSum = operation === Operation.Add || operation === Operation.Subtract;
  if (isSum && isZero(words, VALUE_R) && ((mxcsr >> 13) & 3) === RoundingMode.Down) {
    const bSign = operation === Operation.Subtract ? 0x8000 : 0;
    const positiveZeros = isZero(words, VALUE_A) && words[VALUE_A + 2] === 0 && words[VALUE_B + 2] === bSign;
    if (!positiveZeros) setZero(words, VALUE_R, 0x8000);
  }
  return flags;
}

/**
 * One double operation by the book: words[out], words[out + 1] = a op b (square root and conversions: of b).
 * @param operation an Operation, or 0 to convert b only
 * @returns exception flags
 */
export function exactDouble(
  words: Int32Array,
  operation: number,
  aLow: number,
  aHigh: number,
  bLow: number,
  bHigh: number,
  out: number,
): number {
  const mxcsr = words[MXCSR];
  const unary = operation === Operation.SquareRoot || operation === 0;
  const aNan = !unary && isNanDouble(aLow, aHigh);
  if (aNan || isNanDouble(bLow, bHigh)) {
    words[out] = aNan ? aLow : bLow;
    words[out + 1] = (aNan ? aHigh : bHigh) | 0x80000;
    return (!unary && isSignallingDouble(aLow, aHigh)) || isSignallingDouble(bLow, bHigh) ? INVALID : 0;
  }
  let flags = 0;
  if (!unary) flags = fromDouble(words, aLow, aHigh, VALUE_A);
  if (flags !== 0 && (mxcsr & DENORMALS_ARE_ZEROS) !== 0) {
    setZero(words, VALUE_A, words[VALUE_A + 2] & 0x8000);
    flags = 0;
  }
  const bFlags = fromDouble(words, bLow, bHigh, VALUE_B);
  if (bFlags !== 0 && (mxcsr & DENORMALS_ARE_ZEROS) !== 0) setZero(words, VALUE_B, words[VALUE_B + 2] & 0x8000);
  else flags |= bFlags;
  const computed = computeOdd(words, operation, mxcsr);
  if ((computed & INVALID) !== 0) {
    words[out] = 0;
    words[out + 1] = DOUBLE_INDEFINITE_HIGH;
    return INVALID;
  }
  if ((computed & ZERO_DIVIDE) !== 0) flags = ZERO_DIVIDE;
  const control = controlOf(mxcsr, (mxcsr & (FLUSH_TO_ZERO | MASKED_UNDERFLOW)) !== MASKED_UNDERFLOW);
  const rounded = withUnmasked(words, mxcsr, toDouble(words, VALUE_R, out, control) & 0x3f, 0, 0x7ff);
  if ((rounded & UNDERFLOW) !== 0 && (mxcsr & FLUSH_TO_ZERO) !== 0 && (mxcsr & MASKED_UNDERFLOW) !== 0) {
    words[out] = 0;
    words[out + 1] &= -0x80000000;
    return flags | UNDERFLOW | PRECISION;
  }
  return flags | rounded;
}

/** One single operation by the book; see exactDouble. Operation 0 only rounds what VALUE_B holds (see exactToSingle). */
export function exactSingle(words: Int32Array, operation: number, a: number, b: number, out: number): number {
  const mxcsr = words[MXCSR];
  const unary = operation === Operation.SquareRoot;
  const aNan = !unary && isNanSingle(a);
  if (aNan || isNanSingle(b)) {
    words[out] = (aNan ? a : b) | 0x400000;
    return (!unary && isSignallingSingle(a)) || isSignallingSingle(b) ? INVALID : 0;
  }
  let flags = 0;
  if (!unary) flags = fromSingle(words, a, VALUE_A);
  if (flags !== 0 && (mxcsr & DENORMALS_ARE_ZEROS) !== 0) {
    setZero(words, VALUE_A, words[VALUE_A + 2] & 0x8000);
    flags = 0;
  }
  const bFlags = fromSingle(words, b, VALUE_B);
  if (bFlags !== 0 && (mxcsr & DENORMALS_ARE_ZEROS) !== 0) setZero(words, VALUE_B, words[VALUE_B + 2] & 0x8000);
  else flags |= bFlags;
  const computed = computeOdd(words, operation, mxcsr);
  if ((computed & INVALID) !== 0) {
    words[out] = SINGLE_INDEFINITE;
    return INVALID;
  }
  if ((computed & ZERO_DIVIDE) !== 0) flags = ZERO_DIVIDE;
  return flags | roundSingle(words, mxcsr, out);
}

function roundSingle(words: Int32Array, mxcsr: number, out: number): number {
  const control = controlOf(mxcsr, (mxcsr & (FLUSH_TO_ZERO | MASKED_UNDERFLOW)) !== MASKED_UNDERFLOW);
  const rounded = withUnmasked(words, mxcsr, toSingle(words, VALUE_R, out, control) & 0x3f, 0xff, -1);
  if ((rounded & UNDERFLOW) === 0 || (mxcsr & FLUSH_TO_ZERO) === 0 || (mxcsr & MASKED_UNDERFLOW) === 0) return rounded;
  words[out] &= -0x80000000;
  return UNDERFLOW | PRECISION;
}

/** Double -> single by the book (CVTSD2SS, CVTPD2PS). @returns exception flags */
export function exactToSingle(words: Int32Array, low: number, high: number, out: number): number {
  if (isNanDouble(low, high)) {
    words[out] = (high & -0x80000000) | 0x7fc00000 | ((high & 0x7ffff) << 3) | (low >>> 29);
    return isSignallingDouble(low, high) ? INVALID : 0;
  }
  const mxcsr = words[MXCSR];
  let flags = fromDouble(words, low, high, VALUE_R);
  if (flags !== 0 && (mxcsr & DENORMALS_ARE_ZEROS) !== 0) {
    setZero(words, VALUE_R, words[VALUE_R + 2] & 0x8000);
    flags = 0;
  }
  return flags | roundSingle(words, mxcsr, out);
}

/** Single -> double (CVTSS2SD, CVTPS2PD): exact. @returns exception flags */
export function exactToDouble(words: Int32Array, value: number, out: number): number {
  if (isNanSingle(value)) {
    words[out] = value << 29;
    words[out + 1] = (value & -0x80000000) | 0x7ff80000 | ((value & 0x3fffff) >>> 3);
    return isSignallingSingle(value) ? INVALID : 0;
  }
  const flags = fromSingle(words, value, VALUE_R);
  if (flags !== 0 && (words[MXCSR] & DENORMALS_ARE_ZEROS) !== 0) {
    words[out] = 0;
    words[out + 1] = value & -0x80000000;
    return 0;
  }
  toDouble(words, VALUE_R, out, 0x37f);
  return flags;
}
