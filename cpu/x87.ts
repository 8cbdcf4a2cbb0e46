/**
 * The x87 register stack, status word and exception rules that all x87 instructions share (SDM volume 1, chapter 8).
 * Reading order: float80.ts, this file, x87-transfer.ts, x87-arithmetic.ts, x87-compare.ts, x87-transcendental.ts,
 * x87-control.ts.
 */
import type { Cpu } from './cpu.js';
import { INVALID, invalid } from './float80.js';
import { effectiveOffset, type Instruction } from './instruction.js';
import {
  CR0,
  EIP,
  FPU_CONTROL,
  FPU_DATA_OFFSET,
  FPU_INSTRUCTION_OFFSET,
  FPU_OPCODE,
  FPU_REGISTERS,
  FPU_STATUS,
  FPU_TAG,
  NUMERIC_ERROR,
  SCRATCH_OFFSET,
} from './layout.js';

export const STACK_FAULT = 0x40;
export const EXCEPTION_SUMMARY = 0x80;
export const C0 = 0x100;
export const C1 = 0x200;
export const C2 = 0x400;
export const C3 = 0x4000;
const BUSY = 0x8000;
const EXCEPTIONS = 0x3f;
/** Invalid, denormal, zero divide: found before the result is computed; unmasked, they leave the operands as they were. */
const PRE_COMPUTATION = 0x07;

const CR0_NUMERIC_ERROR = 0x20;
const CR0_EMULATION = 4;
const CR0_TASK_SWITCHED = 8;
const VECTOR_DEVICE_NOT_AVAILABLE = 7;
const VECTOR_MATH_FAULT = 16;

/** Where results are computed before they are committed to a register or memory: word and byte index. */
export const RESULT = (SCRATCH_OFFSET >> 2) + 256;
/** A memory operand converted to 80 bits. */
export const OPERAND = RESULT + 4;

/** The check of every waiting x87 instruction: #NM when the unit is switched off, #MF when an exception is pending. */
export function x87Ready(cpu: Cpu): boolean {
  const state = cpu.state;
  if (((state[CR0] & (CR0_EMULATION | CR0_TASK_SWITCHED)) | (state[FPU_STATUS] & EXCEPTION_SUMMARY)) === 0) return true;
  return x87Present(cpu) && reportPending(cpu);
}

/**
 * What a waiting instruction does about a pending unmasked exception. With CR0.NE: #MF. Without, the way of the PC: FERR# goes
 * active, and the processor stands still before the instruction until an interrupt comes, unless IGNNE# is active: then the
 * instruction is executed. FERR# goes inactive when no exception pends any more.
 * Source: SDM vol 1 section 8.7, vol 3A section 2.5 (CR0.NE), 9.2.
 * @returns whether the instruction may be executed
 */
export function reportPending(cpu: Cpu): boolean {
  const state = cpu.state;
  if ((state[CR0] & CR0_NUMERIC_ERROR) !== 0) return cpu.raise(VECTOR_MATH_FAULT);
  if (state[NUMERIC_ERROR] === 0) {
    state[NUMERIC_ERROR] = 1;
    cpu.numericError();
  }
  return cpu.ignoreNumericError || cpu.standStill();
}

/** The check of a control instruction that does not wait (FNINIT, FNSTSW ...). */
export function x87Present(cpu: Cpu): boolean {
  if ((cpu.state[CR0] & (CR0_EMULATION | CR0_TASK_SWITCHED)) === 0) return true;
  return cpu.raise(VECTOR_DEVICE_NOT_AVAILABLE);
}

/**
 * Remembers the last non-control instruction and its memory operand for FSTENV, FSAVE and FXSAVE. The selectors are not
 * recorded: as processors do that deprecate them (CPUID leaf 7, EBX bit 13), they stay as the last load left them.
 */
export function recordPointers(cpu: Cpu, instruction: Instruction): void {
  const state = cpu.state;
  state[FPU_INSTRUCTION_OFFSET] = state[EIP];
  state[FPU_OPCODE] = ((instruction.opcode & 7) << 8) | instruction.modrm;
  if (instruction.isMemory) state[FPU_DATA_OFFSET] = effectiveOffset(cpu, instruction);
}

/** Word index of ST(i). */
export function registerOf(state: Int32Array, i: number): number {
  return FPU_REGISTERS + ((((state[FPU_STATUS] >> 11) + i) & 7) << 2);
}

/** True when ST(i) is tagged empty. */
export function isEmpty(state: Int32Array, i: number): boolean {
  return (state[FPU_TAG] & (1 << (((state[FPU_STATUS] >> 11) + i) & 7))) === 0;
}

/** Tags ST(i) as filled. */
export function tagFilled(state: Int32Array, i: number): void {
  state[FPU_TAG] |= 1 << (((state[FPU_STATUS] >> 11) + i) & 7);
}

/** Tags ST(0) empty and increments TOP. */
export function pop(state: Int32Array): void {
  const status = state[FPU_STATUS];
  const top = (status >> 11) & 7;
  state[FPU_TAG] &= ~(1 << top);
  state[FPU_STATUS] = (status & ~0x3800) | (((top + 1) & 7) << 11);
}

/** Decrements TOP and tags the new ST(0) as filled. @returns its word index */
export function pushRegister(state: Int32Array): number {
  const status = state[FPU_STATUS];
  const top = ((status >> 11) + 7) & 7;
  state[FPU_TAG] |= 1 << top;
  state[FPU_STATUS] = (status & ~0x3800) | (top << 11);
  return FPU_REGISTERS + (top << 2);
}

/**
 * Takes the exceptions of an operation into the status word, C1 included; unmasked ones pend (#MF comes at the next
 * waiting instruction). @returns the unmasked ones
 */
export function takeExceptions(state: Int32Array, flags: number): number {
  const unmasked = flags & ~state[FPU_CONTROL] & EXCEPTIONS;
  if (unmasked === 0) {
    state[FPU_STATUS] = (state[FPU_STATUS] & ~C1) | flags;
    return 0;
  }
  // What would have been found later is not found any more.
  const taken = (unmasked & PRE_COMPUTATION) !== 0 ? flags & (PRE_COMPUTATION | STACK_FAULT) : flags;
  const stackC1 = (flags & STACK_FAULT) !== 0 ? flags & C1 : 0;
  state[FPU_STATUS] = (state[FPU_STATUS] & ~C1) | taken | stackC1 | EXCEPTION_SUMMARY | BUSY;
  return unmasked & (taken | stackC1);
}

/** takeExceptions for instructions that leave C1 alone. */
export function takeExceptionsOnly(state: Int32Array, flags: number): number {
  const roundedUp = state[FPU_STATUS] & C1;
  const unmasked = takeExceptions(state, flags);
  state[FPU_STATUS] |= roundedUp;
  return unmasked;
}

/** True when nothing of `unmasked` forbids to write a register result. */
export function mayStore(unmasked: number): boolean {
  return (unmasked & PRE_COMPUTATION) === 0;
}

/** Takes the exceptions and copies RESULT to ST(i) unless an unmasked exception forbids it. @returns whether it did */
export function commit(state: Int32Array, i: number, flags: number): boolean {
  if ((takeExceptions(state, flags) & PRE_COMPUTATION) !== 0) return false;
  const register = registerOf(state, i);
  state[register] = state[RESULT];
  state[register + 1] = state[RESULT + 1];
  state[register + 2] = state[RESULT + 2];
  tagFilled(state, i);
  return true;
}

/** True when every exception is masked, so that results may go straight to their register. */
export function allMasked(state: Int32Array): boolean {
  return (state[FPU_CONTROL] & EXCEPTIONS) === EXCEPTIONS;
}

/** Stack underflow whose destination is ST(i): the indefinite goes there when invalid operations are masked. */
export function underflow(state: Int32Array, i: number): boolean {
  invalid(state, RESULT);
  return commit(state, i, INVALID | STACK_FAULT);
}

/** Stack underflow without a register destination. @returns true when masked */
export function underflowOnly(state: Int32Array): boolean {
  return takeExceptions(state, INVALID | STACK_FAULT) === 0;
}

/** Pushes RESULT, or the indefinite on overflow of the stack; `flags` are those of the load. */
export function push(state: Int32Array, flags: number): void {
  if (!isEmpty(state, 7)) {
    if (takeExceptions(state, INVALID | STACK_FAULT | C1) !== 0) return;
    invalid(state, pushRegister(state));
    return;
  }
  if (!mayStore(takeExceptions(state, flags))) return;
  const register = pushRegister(state);
  state[register] = state[RESULT];
  state[register + 1] = state[RESULT + 1];
  state[register + 2] = state[RESULT + 2];
}

/** Nothing pends any more. */
export function clearSummary(state: Int32Array): void {
  state[FPU_STATUS] &= ~(EXCEPTION_SUMMARY | BUSY);
  state[NUMERIC_ERROR] = 0;
}

/** Recomputes the exception summary after the control or status word was loaded. */
export function updateSummary(state: Int32Array): void {
  const pending = state[FPU_STATUS] & ~state[FPU_CONTROL] & EXCEPTIONS;
  if (pending !== 0) state[FPU_STATUS] |= EXCEPTION_SUMMARY | BUSY;
  else clearSummary(state);
}
