/** x87 comparisons and FXAM (SDM volume 1, section 8.3.6). */
import type { Cpu } from './cpu.js';
import { FLAG_CF, FLAG_PF, FLAG_ZF, setArithmeticFlags } from './flags.js';
import { isDenormal, isInfinity, isNan, isUnsupported, isZero, setZero } from './float80.js';
import { Comparison, compare80 } from './float80-arithmetic.js';
import { fromDouble, fromInteger32, fromSingle } from './float80-convert.js';
import type { Instruction } from './instruction.js';
import { FPU_STATUS } from './layout.js';
import { operandForRead } from './operand-access.js';
import {
  C0,
  C1,
  C2,
  C3,
  isEmpty,
  mayStore,
  OPERAND,
  pop,
  recordPointers,
  registerOf,
  takeExceptions,
  takeExceptionsOnly,
  underflowOnly,
  x87Ready,
} from './x87.js';

const ZERO_CONSTANT = OPERAND + 4;

/** Compares ST(0) with the value at `other` into C0, C2 and C3. @returns whether a pop may follow */
function compareWith(state: Int32Array, other: number, quiet: boolean, operandFlags: number): boolean {
  const result = compare80(state, registerOf(state, 0), other, quiet);
  const unordered = (result & 3) === Comparison.Unordered;
  const unmasked = takeExceptions(state, (result >> 8) | (unordered ? 0 : operandFlags));
  setConditions(state, result & 3);
  return mayStore(unmasked);
}

function setConditions(state: Int32Array, comparison: number): void {
  let code = 0;
  if (comparison === Comparison.Less) code = C0;
  else if (comparison === Comparison.Equal) code = C3;
  else if (comparison === Comparison.Unordered) code = C0 | C2 | C3;
  state[FPU_STATUS] = (state[FPU_STATUS] & ~(C0 | C2 | C3)) | code;
}

function compareEmpty(state: Int32Array): boolean {
  const masked = underflowOnly(state);
  setConditions(state, Comparison.Unordered);
  return masked;
}

function compareRegister(cpu: Cpu, instruction: Instruction, i: number, quiet: boolean, pops: number): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  const empty = isEmpty(state, 0) || isEmpty(state, i);
  const goesOn = empty ? compareEmpty(state) : compareWith(state, registerOf(state, i), quiet, 0);
  if (!goesOn) return true;
  if (pops > 0) pop(state);
  if (pops > 1) pop(state);
  return true;
}

/** FCOM ST(i). */
export function compare(cpu: Cpu, instruction: Instruction): boolean {
  return compareRegister(cpu, instruction, instruction.rm, false, 0);
}

/** FCOMP ST(i). */
export function comparePop(cpu: Cpu, instruction: Instruction): boolean {
  return compareRegister(cpu, instruction, instruction.rm, false, 1);
}

/** FCOMPP. */
export function comparePopPop(cpu: Cpu, instruction: Instruction): boolean {
  return compareRegister(cpu, instruction, 1, false, 2);
}

/** FUCOM ST(i). */
export function compareUnordered(cpu: Cpu, instruction: Instruction): boolean {
  return compareRegister(cpu, instruction, instruction.rm, true, 0);
}

/** FUCOMP ST(i). */
export function compareUnorderedPop(cpu: Cpu, instruction: Instruction): boolean {
  return compareRegister(cpu, instruction, instruction.rm, true, 1);
}

/** FUCOMPP. */
export function compareUnorderedPopPop(cpu: Cpu, instruction: Instruction): boolean {
  return compareRegister(cpu, instruction, 1, true, 2);
}

function compareOperand(state: Int32Array, instruction: Instruction, flags: number): boolean {
  const goesOn = isEmpty(state, 0) ? compareEmpty(state) : compareWith(state, OPERAND, false, flags);
  if (goesOn && instruction.reg === 3) pop(state);
  return true;
}

/** FCOM m32, FCOMP m32. */
export function compareSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 4);
  if (host === 0) return false;
  recordPointers(cpu, instruction);
  return compareOperand(cpu.state, instruction, fromSingle(cpu.state, cpu.view.getInt32(host, true), OPERAND));
}

/** FCOM m64, FCOMP m64. */
export function compareDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 8);
  if (host === 0) return false;
  recordPointers(cpu, instruction);
  const view = cpu.view;
  const flags = fromDouble(cpu.state, view.getInt32(host, true), view.getInt32(host + 4, true), OPERAND);
  return compareOperand(cpu.state, instruction, flags);
}

/** FICOM m32int, FICOMP m32int. */
export function compareInteger32(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 4);
  if (host === 0) return false;
  recordPointers(cpu, instruction);
  fromInteger32(cpu.state, cpu.view.getInt32(host, true), OPERAND);
  return compareOperand(cpu.state, instruction, 0);
}

/** FICOM m16int, FICOMP m16int. */
export function compareInteger16(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 2);
  if (host === 0) return false;
  recordPointers(cpu, instruction);
  fromInteger32(cpu.state, cpu.view.getInt16(host, true), OPERAND);
  return compareOperand(cpu.state, instruction, 0);
}

/** FTST: ST(0) against +0. */
export function test(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  setZero(state, ZERO_CONSTANT, 0);
  if (isEmpty(state, 0)) compareEmpty(state);
  else compareWith(state, ZERO_CONSTANT, false, 0);
  return true;
}

/** FXAM: class of ST(0) into C3, C2, C0 and its sign into C1. */
export function examine(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  const register = registerOf(state, 0);
  let code = C2;
  if (isEmpty(state, 0)) code = C3 | C0;
  else if (isUnsupported(state, register)) code = 0;
  else if (isNan(state, register)) code = C0;
  else if (isInfinity(state, register)) code = C2 | C0;
  else if (isZero(state, register)) code = C3;
  else if (isDenormal(state, register)) code = C3 | C2;
  if ((state[register + 2] & 0x8000) !== 0) code |= C1;
  state[FPU_STATUS] = (state[FPU_STATUS] & ~(C0 | C1 | C2 | C3)) | code;
  return true;
}

/** FCOMI, FCOMIP, FUCOMI, FUCOMIP: into ZF, PF and CF; DF pops, reg field 5 is the unordered form. */
export function compareFlags(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  let comparison: number = Comparison.Unordered;
  let goesOn = false;
  if (isEmpty(state, 0) || isEmpty(state, instruction.rm)) {
    goesOn = underflowOnly(state);
  } else {
    const result = compare80(state, registerOf(state, 0), registerOf(state, instruction.rm), instruction.reg === 5);
    comparison = result & 3;
    goesOn = mayStore(takeExceptionsOnly(state, result >> 8));
  }
  setComparisonEflags(state, comparison);
  if (goesOn && (instruction.opcode & 4) !== 0) pop(state);
  return true;
}

/** ZF, PF, CF of a floating-point comparison; OF, SF and AF become 0. */
export function setComparisonEflags(state: Int32Array, comparison: number): void {
  let flags = 0;
  if (comparison === Comparison.Less) flags = FLAG_CF;
  else if (comparison === Comparison.Equal) flags = FLAG_ZF;
  else if (comparison === Comparison.Unordered) flags = FLAG_ZF | FLAG_PF | FLAG_CF;
  setArithmeticFlags(state, flags);
}
