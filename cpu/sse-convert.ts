/** SSE conversions between single, double, and 32-bit integers (SDM volume 1, sections 10.4.4 and 11.4.1.6). */
import type { Cpu } from './cpu.js';
import { INVALID, PRECISION, RoundingMode } from './float80.js';
import type { Instruction } from './instruction.js';
import { EAX, FPU_REGISTERS, MXCSR } from './layout.js';
import { enterMmx, mmxReady, mmxSourceHost } from './mmx.js';
import { operandForRead } from './operand-access.js';
import {
  alignedHost,
  DENORMALS_ARE_ZEROS,
  exactToDouble,
  exactToSingle,
  isDenormalDouble,
  isDenormalSingle,
  RESULTS,
  sourceHost,
  sseReady,
  takeSimdExceptions,
  xmmWord,
} from './sse.js';
import { commitPacked } from './sse-arithmetic.js';

const INTEGER_INDEFINITE = -0x80000000;
/** An integer on its way to a single, as a double. */
const INTEGER_SLOT = RESULTS + 8;
const FAST_BITS = 0x7020;
const FAST_VALUE = 0x1020;
const SINGLE_MINIMUM = 2 ** -126;
const SINGLE_MAXIMUM = 2 ** 128 - 2 ** 104;

/** Opcode bytes of the truncating conversions to integers (the others are 2D, 5B with 66, E6 with F2). */
const TRUNCATE_SCALAR = 0x2c;

function roundingMode(cpu: Cpu): number {
  return (cpu.state[MXCSR] >> 13) & 3;
}

/** Rounds a number of less than 2^52 in magnitude. */
function roundNumber(value: number, mode: number): number {
  if (mode === RoundingMode.Zero) return Math.trunc(value);
  if (mode === RoundingMode.Down) return Math.floor(value);
  if (mode === RoundingMode.Up) return Math.ceil(value);
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return fraction < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Number -> 32-bit integer at words[out]; the indefinite for NaNs and what does not fit. @returns exception flags */
function toInteger(cpu: Cpu, value: number, mode: number, out: number): number {
  const state = cpu.state;
  if (!(value > -2147483650 && value < 2147483650)) {
    state[out] = INTEGER_INDEFINITE;
    return INVALID;
  }
  const rounded = roundNumber(value, mode);
  if (rounded < -2147483648 || rounded > 2147483647) {
    state[out] = INTEGER_INDEFINITE;
    return INVALID;
  }
  state[out] = rounded;
  return rounded === value ? 0 : PRECISION;
}

/** A double of memory for a conversion to an integer, denormals being zero when MXCSR says so. */
function doubleAt(cpu: Cpu, host: number): number {
  const view = cpu.view;
  if ((cpu.state[MXCSR] & DENORMALS_ARE_ZEROS) === 0) return view.getFloat64(host, true);
  return isDenormalDouble(view.getInt32(host, true), view.getInt32(host + 4, true)) ? 0 : view.getFloat64(host, true);
}

function singleAt(cpu: Cpu, host: number): number {
  const view = cpu.view;
  if ((cpu.state[MXCSR] & DENORMALS_ARE_ZEROS) === 0) return view.getFloat32(host, true);
  return isDenormalSingle(view.getInt32(host, true)) ? 0 : view.getFloat32(host, true);
}

// --- scalar, general register ---------------------------------------------------------------------------------------

/** Host offset of a 32-bit general register or memory operand. */
function generalHost(cpu: Cpu, instruction: Instruction): number {
  if (!instruction.isMemory) return -1;
  return operandForRead(cpu, instruction, 4);
}

/** CVTSI2SD: exact. */
export function integerToScalarDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = generalHost(cpu, instruction);
  if (host === 0) return false;
  const value = host < 0 ? cpu.state[EAX + instruction.rm] : cpu.view.getInt32(host, true);
  cpu.view.setFloat64(xmmWord(instruction.reg) << 2, value, true);
  return true;
}

/** CVTSI2SS. */
export function integerToScalarSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = generalHost(cpu, instruction);
  if (host === 0) return false;
  const value = host < 0 ? cpu.state[EAX + instruction.rm] : cpu.view.getInt32(host, true);
  const flags = integerToSingle(cpu, value, RESULTS);
  if (flags !== 0 && !takeSimdExceptions(cpu, flags)) return false;
  cpu.state[xmmWord(instruction.reg)] = cpu.state[RESULTS];
  return true;
}

/** 32-bit integer -> single in the current rounding mode at words[out]. @returns PRECISION or 0 */
function integerToSingle(cpu: Cpu, value: number, out: number): number {
  const { state, view } = cpu;
  view.setFloat32(out << 2, value, true);
  if (view.getFloat32(out << 2, true) === value) return 0;
  if (roundingMode(cpu) !== RoundingMode.Nearest) {
    view.setFloat64(INTEGER_SLOT << 2, value, true);
    exactToSingle(state, state[INTEGER_SLOT], state[INTEGER_SLOT + 1], out);
  }
  return PRECISION;
}

/** CVTSD2SI, CVTTSD2SI. */
export function scalarDoubleToInteger(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const mode = instruction.opcode === TRUNCATE_SCALAR ? RoundingMode.Zero : roundingMode(cpu);
  const flags = toInteger(cpu, doubleAt(cpu, host), mode, RESULTS);
  if (flags !== 0 && !takeSimdExceptions(cpu, flags)) return false;
  cpu.state[EAX + instruction.reg] = cpu.state[RESULTS];
  return true;
}

/** CVTSS2SI, CVTTSS2SI. */
export function scalarSingleToInteger(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 4);
  if (host === 0) return false;
  const mode = instruction.opcode === TRUNCATE_SCALAR ? RoundingMode.Zero : roundingMode(cpu);
  const flags = toInteger(cpu, singleAt(cpu, host), mode, RESULTS);
  if (flags !== 0 && !takeSimdExceptions(cpu, flags)) return false;
  cpu.state[EAX + instruction.reg] = cpu.state[RESULTS];
  return true;
}

// --- between single and double ----------------------------------------------------------------------------------------

/** CVTSS2SD. */
export function singleToDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 4);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const magnitude = Math.abs(view.getFloat32(host, true));
  if (magnitude >= SINGLE_MINIMUM && magnitude <= SINGLE_MAXIMUM) {
    view.setFloat64(register << 2, view.getFloat32(host, true), true);
    return true;
  }
  if (!takeSimdExceptions(cpu, exactToDouble(state, view.getInt32(host, true), RESULTS))) return false;
  state[register] = state[RESULTS];
  state[register + 1] = state[RESULTS + 1];
  return true;
}

function toSingleAt(cpu: Cpu, host: number, out: number): number {
  const { state, view } = cpu;
  if ((state[MXCSR] & FAST_BITS) === FAST_VALUE) {
    const value = view.getFloat64(host, true);
    const rounded = Math.fround(value);
    const magnitude = Math.abs(rounded);
    if ((magnitude > SINGLE_MINIMUM && magnitude <= SINGLE_MAXIMUM) || value === 0) {
      view.setFloat32(out << 2, rounded, true);
      return 0;
    }
  }
  return exactToSingle(state, view.getInt32(host, true), view.getInt32(host + 4, true), out);
}

/** CVTSD2SS. */
export function doubleToSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const flags = toSingleAt(cpu, host, RESULTS);
  if (flags !== 0 && !takeSimdExceptions(cpu, flags)) return false;
  cpu.state[xmmWord(instruction.reg)] = cpu.state[RESULTS];
  return true;
}

/** CVTPS2PD: memory operand of 8 bytes, any alignment. */
export function packedSingleToDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const { state, view } = cpu;
  const first = view.getInt32(host, true);
  const second = view.getInt32(host + 4, true);
  const flags = exactToDouble(state, first, RESULTS) | exactToDouble(state, second, RESULTS + 2);
  return commitPacked(cpu, xmmWord(instruction.reg), flags);
}

/** CVTPD2PS: the upper half becomes zero. */
export function packedDoubleToSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const flags = toSingleAt(cpu, host, RESULTS) | toSingleAt(cpu, host + 8, RESULTS + 1);
  cpu.state[RESULTS + 2] = 0;
  cpu.state[RESULTS + 3] = 0;
  return commitPacked(cpu, xmmWord(instruction.reg), flags);
}

// --- packed integers --------------------------------------------------------------------------------------------------

/** CVTDQ2PS. */
export function packedIntegerToSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  let flags = 0;
  for (let k = 0; k < 4; k++) flags |= integerToSingle(cpu, cpu.view.getInt32(host + 4 * k, true), RESULTS + k);
  return commitPacked(cpu, xmmWord(instruction.reg), flags);
}

/** CVTDQ2PD: exact, memory operand of 8 bytes. */
export function packedIntegerToDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const view = cpu.view;
  const first = view.getInt32(host, true);
  const second = view.getInt32(host + 4, true);
  const register = xmmWord(instruction.reg) << 2;
  view.setFloat64(register, first, true);
  view.setFloat64(register + 8, second, true);
  return true;
}

const PREFIX_TRUNCATES_SINGLE = 0xf3;
const PREFIX_ROUNDS_DOUBLE = 0xf2;

/** CVTPS2DQ, CVTTPS2DQ (prefix F3). */
export function packedSingleToInteger(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const mode = instruction.rep === PREFIX_TRUNCATES_SINGLE ? RoundingMode.Zero : roundingMode(cpu);
  let flags = 0;
  for (let k = 0; k < 4; k++) flags |= toInteger(cpu, singleAt(cpu, host + 4 * k), mode, RESULTS + k);
  return commitPacked(cpu, xmmWord(instruction.reg), flags);
}

/** CVTTPD2DQ, CVTPD2DQ (prefix F2): the upper half becomes zero. */
export function packedDoubleToInteger(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const mode = instruction.rep === PREFIX_ROUNDS_DOUBLE ? roundingMode(cpu) : RoundingMode.Zero;
  let flags = toInteger(cpu, doubleAt(cpu, host), mode, RESULTS);
  flags |= toInteger(cpu, doubleAt(cpu, host + 8), mode, RESULTS + 1);
  cpu.state[RESULTS + 2] = 0;
  cpu.state[RESULTS + 3] = 0;
  return commitPacked(cpu, xmmWord(instruction.reg), flags);
}

// --- MMX registers ----------------------------------------------------------------------------------------------------

/** The source of CVTPI2PS and CVTPI2PD: with a memory operand the x87 state does not matter. */
function pairHost(cpu: Cpu, instruction: Instruction): number {
  return instruction.isMemory ? operandForRead(cpu, instruction, 8) : mmxSourceHost(cpu, instruction, 8);
}

/** CVTPI2PS: two integers of an MMX register or memory to the lower half. */
export function mmxToSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = pairHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const flags =
    integerToSingle(cpu, view.getInt32(host, true), RESULTS) |
    integerToSingle(cpu, view.getInt32(host + 4, true), RESULTS + 1);
  if (!takeSimdExceptions(cpu, flags)) return false;
  if (!instruction.isMemory) enterMmx(state);
  const register = xmmWord(instruction.reg);
  state[register] = state[RESULTS];
  state[register + 1] = state[RESULTS + 1];
  return true;
}

/** CVTPI2PD: exact. */
export function mmxToDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = pairHost(cpu, instruction);
  if (host === 0) return false;
  const view = cpu.view;
  const first = view.getInt32(host, true);
  const second = view.getInt32(host + 4, true);
  if (!instruction.isMemory) enterMmx(cpu.state);
  const register = xmmWord(instruction.reg) << 2;
  view.setFloat64(register, first, true);
  view.setFloat64(register + 8, second, true);
  return true;
}

function storeMmxResult(cpu: Cpu, instruction: Instruction, flags: number): boolean {
  if (!takeSimdExceptions(cpu, flags)) return false;
  const state = cpu.state;
  enterMmx(state);
  const register = FPU_REGISTERS + 4 * instruction.reg;
  state[register] = state[RESULTS];
  state[register + 1] = state[RESULTS + 1];
  state[register + 2] = 0xffff;
  return true;
}

/** CVTPS2PI, CVTTPS2PI. */
export function singleToMmx(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  if (!mmxReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const mode = instruction.opcode === TRUNCATE_SCALAR ? RoundingMode.Zero : roundingMode(cpu);
  const flags =
    toInteger(cpu, singleAt(cpu, host), mode, RESULTS) | toInteger(cpu, singleAt(cpu, host + 4), mode, RESULTS + 1);
  return storeMmxResult(cpu, instruction, flags);
}

/** CVTPD2PI, CVTTPD2PI. */
export function doubleToMmx(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  if (!mmxReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const mode = instruction.opcode === TRUNCATE_SCALAR ? RoundingMode.Zero : roundingMode(cpu);
  const flags =
    toInteger(cpu, doubleAt(cpu, host), mode, RESULTS) | toInteger(cpu, doubleAt(cpu, host + 8), mode, RESULTS + 1);
  return storeMmxResult(cpu, instruction, flags);
}
