/**
 * SSE floating-point arithmetic: ADD, SUB, MUL, DIV, SQRT, MIN, MAX, their horizontal forms of SSE3, and the
 * approximations RCP and RSQRT. One handler serves all operations of a shape and takes the operation from the opcode.
 *
 * The fast way is JavaScript's arithmetic. It is right when the rounding mode is nearest, when the inexact flag is
 * sticky already (so that nobody can tell whether this operation was inexact) and masked, and when operands and result
 * are normal or zero; everything else goes through sse.ts.
 */
import type { Cpu } from './cpu.js';
import { DENORMAL, INVALID } from './float80.js';
import type { Instruction } from './instruction.js';
import { MXCSR } from './layout.js';
import {
  alignedHost,
  DENORMALS_ARE_ZEROS,
  exactDouble,
  exactSingle,
  isDenormalDouble,
  isDenormalSingle,
  isNanDouble,
  isNanSingle,
  Operation,
  RESULTS,
  SINGLE_INDEFINITE,
  sourceHost,
  sseReady,
  takeSimdExceptions,
  xmmWord,
} from './sse.js';

/** Rounding control, precision mask, precision flag, and their value that allows the fast way. */
const FAST_BITS = 0x7020;
const FAST_VALUE = 0x1020;
const DOUBLE_MINIMUM = 2 ** -1022;
const DOUBLE_MAXIMUM = Number.MAX_VALUE;
const SINGLE_MINIMUM = 2 ** -126;
const SINGLE_MAXIMUM = 2 ** 128 - 2 ** 104;

/** Normal or zero. */
function isPlainDouble(a: number): boolean {
  const magnitude = Math.abs(a);
  return (magnitude >= DOUBLE_MINIMUM && magnitude <= DOUBLE_MAXIMUM) || a === 0;
}

function isPlainSingle(a: number): boolean {
  const magnitude = Math.abs(a);
  return (magnitude >= SINGLE_MINIMUM && magnitude <= SINGLE_MAXIMUM) || a === 0;
}

function calculate(operation: number, a: number, b: number): number {
  switch (operation) {
    case Operation.Add:
      return a + b;
    case Operation.Multiply:
      return a * b;
    case Operation.Subtract:
      return a - b;
    default:
      return a / b;
  }
}

/** A zero result is safe when it cannot hide an underflow: sums are exact there, products and quotients of zero. */
function isSafeZero(operation: number, a: number, b: number): boolean {
  if (operation === Operation.Multiply) return a === 0 || b === 0;
  return operation !== Operation.Divide || a === 0;
}

/** ADDSD, MULSD, SUBSD, DIVSD. */
export function scalarDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const state = cpu.state;
  const view = cpu.view;
  const register = xmmWord(instruction.reg);
  const operation = instruction.opcode;
  if ((state[MXCSR] & FAST_BITS) === FAST_VALUE) {
    const a = view.getFloat64(register << 2, true);
    const b = view.getFloat64(host, true);
    const result = calculate(operation, a, b);
    const magnitude = Math.abs(result);
    if (
      ((magnitude > DOUBLE_MINIMUM && magnitude <= DOUBLE_MAXIMUM) ||
        (magnitude === 0 && isSafeZero(operation, a, b))) &&
      isPlainDouble(a) &&
      isPlainDouble(b)
    ) {
      view.setFloat64(register << 2, result, true);
      return true;
    }
  }
  const bLow = view.getInt32(host, true);
  const bHigh = view.getInt32(host + 4, true);
  const flags = exactDouble(state, operation, state[register], state[register + 1], bLow, bHigh, RESULTS);
  if (!takeSimdExceptions(cpu, flags)) return false;
  state[register] = state[RESULTS];
  state[register + 1] = state[RESULTS + 1];
  return true;
}

/** ADDSS, MULSS, SUBSS, DIVSS. */
export function scalarSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 4);
  if (host === 0) return false;
  const state = cpu.state;
  const view = cpu.view;
  const register = xmmWord(instruction.reg);
  const operation = instruction.opcode;
  if ((state[MXCSR] & FAST_BITS) === FAST_VALUE) {
    const a = view.getFloat32(register << 2, true);
    const b = view.getFloat32(host, true);
    const result = Math.fround(calculate(operation, a, b));
    const magnitude = Math.abs(result);
    if (
      ((magnitude > SINGLE_MINIMUM && magnitude <= SINGLE_MAXIMUM) ||
        (magnitude === 0 && isSafeZero(operation, a, b))) &&
      isPlainSingle(a) &&
      isPlainSingle(b)
    ) {
      view.setFloat32(register << 2, result, true);
      return true;
    }
  }
  const flags = exactSingle(state, operation, state[register], view.getInt32(host, true), RESULTS);
  if (!takeSimdExceptions(cpu, flags)) return false;
  state[register] = state[RESULTS];
  return true;
}

/** ADDPD, MULPD, SUBPD, DIVPD. */
export function packedDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const state = cpu.state;
  const view = cpu.view;
  const register = xmmWord(instruction.reg);
  const operation = instruction.opcode;
  if ((state[MXCSR] & FAST_BITS) === FAST_VALUE) {
    const a0 = view.getFloat64(register << 2, true);
    const b0 = view.getFloat64(host, true);
    const a1 = view.getFloat64((register << 2) + 8, true);
    const b1 = view.getFloat64(host + 8, true);
    const result0 = calculate(operation, a0, b0);
    const result1 = calculate(operation, a1, b1);
    if (isSettledDouble(operation, a0, b0, result0) && isSettledDouble(operation, a1, b1, result1)) {
      view.setFloat64(register << 2, result0, true);
      view.setFloat64((register << 2) + 8, result1, true);
      return true;
    }
  }
  let flags = 0;
  for (let k = 0; k < 4; k += 2) {
    const bLow = view.getInt32(host + 4 * k, true);
    const bHigh = view.getInt32(host + 4 * k + 4, true);
    flags |= exactDouble(state, operation, state[register + k], state[register + k + 1], bLow, bHigh, RESULTS + k);
  }
  return commitPacked(cpu, register, flags);
}

function isSettledDouble(operation: number, a: number, b: number, result: number): boolean {
  const magnitude = Math.abs(result);
  if (!(magnitude > DOUBLE_MINIMUM && magnitude <= DOUBLE_MAXIMUM)) {
    if (magnitude !== 0 || !isSafeZero(operation, a, b)) return false;
  }
  return isPlainDouble(a) && isPlainDouble(b);
}

/** ADDPS, MULPS, SUBPS, DIVPS. */
export function packedSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const state = cpu.state;
  const view = cpu.view;
  const register = xmmWord(instruction.reg);
  const operation = instruction.opcode;
  let flags = 0;
  const fast = (state[MXCSR] & FAST_BITS) === FAST_VALUE;
  for (let k = 0; k < 4; k++) {
    if (fast) {
      const a = view.getFloat32((register + k) << 2, true);
      const b = view.getFloat32(host + 4 * k, true);
      const result = Math.fround(calculate(operation, a, b));
      if (isSettledSingle(operation, a, b, result)) {
        view.setFloat32((RESULTS + k) << 2, result, true);
        continue;
      }
    }
    flags |= exactSingle(state, operation, state[register + k], view.getInt32(host + 4 * k, true), RESULTS + k);
  }
  return commitPacked(cpu, register, flags);
}

function isSettledSingle(operation: number, a: number, b: number, result: number): boolean {
  const magnitude = Math.abs(result);
  if (!(magnitude > SINGLE_MINIMUM && magnitude <= SINGLE_MAXIMUM)) {
    if (magnitude !== 0 || !isSafeZero(operation, a, b)) return false;
  }
  return isPlainSingle(a) && isPlainSingle(b);
}

/** Takes the exceptions of a packed instruction and copies its four result words to the register. */
export function commitPacked(cpu: Cpu, register: number, flags: number): boolean {
  if (flags !== 0 && !takeSimdExceptions(cpu, flags)) return false;
  const state = cpu.state;
  state[register] = state[RESULTS];
  state[register + 1] = state[RESULTS + 1];
  state[register + 2] = state[RESULTS + 2];
  state[register + 3] = state[RESULTS + 3];
  return true;
}

// --- square roots -----------------------------------------------------------------------------------------------------

/** SQRTSD. */
export function scalarRootDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const state = cpu.state;
  const register = xmmWord(instruction.reg);
  if ((state[MXCSR] & FAST_BITS) === FAST_VALUE) {
    const value = cpu.view.getFloat64(host, true);
    if (value >= DOUBLE_MINIMUM && value <= DOUBLE_MAXIMUM) {
      cpu.view.setFloat64(register << 2, Math.sqrt(value), true);
      return true;
    }
  }
  if (!takeSimdExceptions(cpu, rootDouble(cpu, host, RESULTS))) return false;
  state[register] = state[RESULTS];
  state[register + 1] = state[RESULTS + 1];
  return true;
}

function rootDouble(cpu: Cpu, host: number, out: number): number {
  const view = cpu.view;
  const low = view.getInt32(host, true);
  return exactDouble(cpu.state, Operation.SquareRoot, 0, 0, low, view.getInt32(host + 4, true), out);
}

/** SQRTPD. */
export function packedRootDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const flags = rootDouble(cpu, host, RESULTS) | rootDouble(cpu, host + 8, RESULTS + 2);
  return commitPacked(cpu, xmmWord(instruction.reg), flags);
}

function rootSingle(cpu: Cpu, host: number, out: number): number {
  const view = cpu.view;
  if ((cpu.state[MXCSR] & FAST_BITS) === FAST_VALUE) {
    const value = view.getFloat32(host, true);
    if (value >= SINGLE_MINIMUM && value <= SINGLE_MAXIMUM) {
      view.setFloat32(out << 2, Math.sqrt(value), true);
      return 0;
    }
  }
  return exactSingle(cpu.state, Operation.SquareRoot, 0, view.getInt32(host, true), out);
}

/** SQRTSS. */
export function scalarRootSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 4);
  if (host === 0) return false;
  if (!takeSimdExceptions(cpu, rootSingle(cpu, host, RESULTS))) return false;
  cpu.state[xmmWord(instruction.reg)] = cpu.state[RESULTS];
  return true;
}

/** SQRTPS. */
export function packedRootSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  let flags = 0;
  for (let k = 0; k < 4; k++) flags |= rootSingle(cpu, host + 4 * k, RESULTS + k);
  return commitPacked(cpu, xmmWord(instruction.reg), flags);
}

// --- minimum and maximum ----------------------------------------------------------------------------------------------

const MINIMUM = 0x5d;

/** Without NaNs: a when it is strictly the one asked for, else b (so also for two zeros). */
function choosesFirst(operation: number, a: number, b: number): boolean {
  return operation === MINIMUM ? a < b : a > b;
}

function extremeDouble(cpu: Cpu, operation: number, aHost: number, bHost: number, out: number): number {
  const { state, view } = cpu;
  const aLow = view.getInt32(aHost, true);
  const bLow = view.getInt32(bHost, true);
  let aHigh = view.getInt32(aHost + 4, true);
  let bHigh = view.getInt32(bHost + 4, true);
  if (isNanDouble(aLow, aHigh) || isNanDouble(bLow, bHigh)) {
    const zeroed = (state[MXCSR] & DENORMALS_ARE_ZEROS) !== 0 && isDenormalDouble(bLow, bHigh);
    state[out] = zeroed ? 0 : bLow;
    state[out + 1] = zeroed ? bHigh & -0x80000000 : bHigh;
    return INVALID;
  }
  let flags = 0;
  let first = view.getFloat64(aHost, true);
  let second = view.getFloat64(bHost, true);
  let aZeroed = aLow;
  let bZeroed = bLow;
  if (isDenormalDouble(aLow, aHigh) || isDenormalDouble(bLow, bHigh)) {
    if ((state[MXCSR] & DENORMALS_ARE_ZEROS) === 0) {
      flags = DENORMAL;
    } else {
      if (isDenormalDouble(aLow, aHigh)) {
        first = 0;
        aHigh &= -0x80000000;
        aZeroed = 0;
      }
      if (isDenormalDouble(bLow, bHigh)) {
        second = 0;
        bHigh &= -0x80000000;
        bZeroed = 0;
      }
    }
  }
  const chooseA = choosesFirst(operation, first, second);
  state[out] = chooseA ? aZeroed : bZeroed;
  state[out + 1] = chooseA ? aHigh : bHigh;
  return flags;
}

function extremeSingle(cpu: Cpu, operation: number, aHost: number, bHost: number, out: number): number {
  const { state, view } = cpu;
  let a = view.getInt32(aHost, true);
  let b = view.getInt32(bHost, true);
  if (isNanSingle(a) || isNanSingle(b)) {
    const zeroed = (state[MXCSR] & DENORMALS_ARE_ZEROS) !== 0 && isDenormalSingle(b);
    state[out] = zeroed ? b & -0x80000000 : b;
    return INVALID;
  }
  let flags = 0;
  let first = view.getFloat32(aHost, true);
  let second = view.getFloat32(bHost, true);
  if (isDenormalSingle(a) || isDenormalSingle(b)) {
    if ((state[MXCSR] & DENORMALS_ARE_ZEROS) === 0) {
      flags = DENORMAL;
    } else {
      if (isDenormalSingle(a)) {
        first = 0;
        a &= -0x80000000;
      }
      if (isDenormalSingle(b)) {
        second = 0;
        b &= -0x80000000;
      }
    }
  }
  state[out] = choosesFirst(operation, first, second) ? a : b;
  return flags;
}

/** MINSD, MAXSD. */
export function scalarExtremeDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const state = cpu.state;
  const register = xmmWord(instruction.reg);
  const flags = extremeDouble(cpu, instruction.opcode, register << 2, host, RESULTS);
  if (flags !== 0 && !takeSimdExceptions(cpu, flags)) return false;
  state[register] = state[RESULTS];
  state[register + 1] = state[RESULTS + 1];
  return true;
}

/** MINSS, MAXSS. */
export function scalarExtremeSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 4);
  if (host === 0) return false;
  const register = xmmWord(instruction.reg);
  const flags = extremeSingle(cpu, instruction.opcode, register << 2, host, RESULTS);
  if (flags !== 0 && !takeSimdExceptions(cpu, flags)) return false;
  cpu.state[register] = cpu.state[RESULTS];
  return true;
}

/** MINPD, MAXPD. */
export function packedExtremeDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const register = xmmWord(instruction.reg);
  let flags = 0;
  for (let k = 0; k < 4; k += 2) {
    flags |= extremeDouble(cpu, instruction.opcode, (register + k) << 2, host + 4 * k, RESULTS + k);
  }
  return commitPacked(cpu, register, flags);
}

/** MINPS, MAXPS. */
export function packedExtremeSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const register = xmmWord(instruction.reg);
  let flags = 0;
  for (let k = 0; k < 4; k++) {
    flags |= extremeSingle(cpu, instruction.opcode, (register + k) << 2, host + 4 * k, RESULTS + k);
  }
  return commitPacked(cpu, register, flags);
}

// --- approximations ---------------------------------------------------------------------------------------------------

const RECIPROCAL_ROOT = 0x52;

/**
 * Reciprocal or reciprocal square root of a single, no exceptions. The SDM allows a relative error of 1.5 * 2^-12;
 * this one is correctly rounded. Denormals count as zeros, and results that would be denormal become zeros.
 */
function approximate(cpu: Cpu, operation: number, host: number, out: number): void {
  const { state, view } = cpu;
  const bits = view.getInt32(host, true);
  const sign = bits & -0x80000000;
  if (isNanSingle(bits)) {
    state[out] = bits | 0x400000;
    return;
  }
  if ((bits & 0x7f800000) === 0) {
    state[out] = sign | 0x7f800000;
    return;
  }
  const value = view.getFloat32(host, true);
  if (operation === RECIPROCAL_ROOT && value < 0) {
    state[out] = SINGLE_INDEFINITE;
    return;
  }
  view.setFloat32(out << 2, operation === RECIPROCAL_ROOT ? 1 / Math.sqrt(value) : 1 / value, true);
  if ((state[out] & 0x7f800000) === 0) state[out] = sign;
}

/** RCPSS, RSQRTSS. */
export function scalarApproximation(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 4);
  if (host === 0) return false;
  approximate(cpu, instruction.opcode, host, RESULTS);
  cpu.state[xmmWord(instruction.reg)] = cpu.state[RESULTS];
  return true;
}

/** RCPPS, RSQRTPS. */
export function packedApproximation(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  for (let k = 0; k < 4; k++) approximate(cpu, instruction.opcode, host + 4 * k, RESULTS + k);
  return commitPacked(cpu, xmmWord(instruction.reg), 0);
}

// --- SSE3 -------------------------------------------------------------------------------------------------------------

const HORIZONTAL_SUBTRACT = 0x7d;

/** ADDSUBPD, ADDSUBPS: even elements are subtracted, odd ones added. */
export function addSubtractDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  let flags = 0;
  for (let k = 0; k < 4; k += 2) {
    const operation = k === 0 ? Operation.Subtract : Operation.Add;
    const bLow = view.getInt32(host + 4 * k, true);
    const bHigh = view.getInt32(host + 4 * k + 4, true);
    flags |= exactDouble(state, operation, state[register + k], state[register + k + 1], bLow, bHigh, RESULTS + k);
  }
  return commitPacked(cpu, register, flags);
}

export function addSubtractSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  let flags = 0;
  for (let k = 0; k < 4; k++) {
    const operation = (k & 1) === 0 ? Operation.Subtract : Operation.Add;
    flags |= exactSingle(state, operation, state[register + k], view.getInt32(host + 4 * k, true), RESULTS + k);
  }
  return commitPacked(cpu, register, flags);
}

/** HADDPD, HSUBPD. */
export function horizontalDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const operation = instruction.opcode === HORIZONTAL_SUBTRACT ? Operation.Subtract : Operation.Add;
  let flags = 0;
  for (let k = 0; k < 4; k += 2) {
    const at = k === 0 ? register << 2 : host;
    const aLow = view.getInt32(at, true);
    const aHigh = view.getInt32(at + 4, true);
    const bLow = view.getInt32(at + 8, true);
    flags |= exactDouble(state, operation, aLow, aHigh, bLow, view.getInt32(at + 12, true), RESULTS + k);
  }
  return commitPacked(cpu, register, flags);
}

/** HADDPS, HSUBPS. */
export function horizontalSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const operation = instruction.opcode === HORIZONTAL_SUBTRACT ? Operation.Subtract : Operation.Add;
  let flags = 0;
  for (let k = 0; k < 4; k++) {
    const at = (k < 2 ? register << 2 : host) + (k & 1) * 8;
    flags |= exactSingle(state, operation, view.getInt32(at, true), view.getInt32(at + 4, true), RESULTS + k);
  }
  return commitPacked(cpu, register, flags);
}
