/** x87 arithmetic and comparison instructions over float80 (SDM volume 1, sections 8.3.4 to 8.3.6). */
import type { Cpu } from './cpu.js';
import { FLAG_CF, FLAG_PF, FLAG_ZF, setArithmeticFlags } from './flags.js';
import {
  DENORMAL,
  denormalFlag,
  EXPONENT_BIAS,
  INVALID,
  invalid,
  isDenormal,
  isInfinity,
  isNan,
  isUnsupported,
  isZero,
  PRECISION_64,
  propagateNan,
  propagateNans,
  roundPack,
  set80,
  setInfinity,
  setZero,
  ZERO_DIVIDE,
} from './float80.js';
import { add80, Comparison, compare80, multiply80, normalise } from './float80-arithmetic.js';
import { fromDouble, fromInteger32, fromSingle, roundToInteger, toInteger } from './float80-convert.js';
import {
  divide80,
  REMAINDER_INCOMPLETE,
  REMAINDER_QUOTIENT_SHIFT,
  remainder80,
  squareRoot80,
} from './float80-divide.js';
import type { Instruction } from './instruction.js';
import { FPU_CONTROL, FPU_STATUS } from './layout.js';
import { operandForRead } from './operand-access.js';
import {
  C0,
  C1,
  C2,
  C3,
  commit,
  isEmpty,
  mayStore,
  OPERAND,
  pop,
  pushRegister,
  RESULT,
  recordPointers,
  registerOf,
  STACK_FAULT,
  takeExceptions,
  takeExceptionsOnly,
  underflow,
  underflowOnly,
  x87Ready,
} from './x87.js';

const NEGATE = 0x8000;
const ZERO_CONSTANT = OPERAND + 4;

/** The six operations by the reg field of D8-DE, at RESULT. @returns exception flags */
function operate(state: Int32Array, operation: number, a: number, b: number): number {
  const control = state[FPU_CONTROL];
  switch (operation) {
    case 0:
      return add80(state, a, b, RESULT, control, 0);
    case 1:
      return multiply80(state, a, b, RESULT, control);
    case 4:
      return add80(state, a, b, RESULT, control, NEGATE);
    case 5:
      return add80(state, b, a, RESULT, control, NEGATE);
    case 6:
      return divide80(state, a, b, RESULT, control);
    default:
      return divide80(state, b, a, RESULT, control);
  }
}

/** D8: ST(0) = ST(0) op ST(i). */
export function arithmeticTop(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  const i = instruction.rm;
  if (isEmpty(state, 0) || isEmpty(state, i)) underflow(state, 0);
  else commit(state, 0, operate(state, instruction.reg, registerOf(state, 0), registerOf(state, i)));
  return true;
}

/** DC: ST(i) = ST(0) op ST(i), the subtractions and divisions being encoded the other way round. */
export function arithmeticRegister(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  recordPointers(cpu, instruction);
  operateRegister(cpu.state, instruction);
  return true;
}

/** DE: as DC, then pops. */
export function arithmeticPop(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  recordPointers(cpu, instruction);
  if (operateRegister(cpu.state, instruction)) pop(cpu.state);
  return true;
}

function operateRegister(state: Int32Array, instruction: Instruction): boolean {
  const i = instruction.rm;
  if (isEmpty(state, 0) || isEmpty(state, i)) return underflow(state, i);
  return commit(state, i, operate(state, instruction.reg, registerOf(state, 0), registerOf(state, i)));
}

/** ST(0) = ST(0) op OPERAND; `flags` are those of the operand's conversion. */
function operateOperand(state: Int32Array, instruction: Instruction, flags: number): boolean {
  if (isEmpty(state, 0)) {
    underflow(state, 0);
    return true;
  }
  const raised = operate(state, instruction.reg, registerOf(state, 0), OPERAND);
  commit(state, 0, flags === 0 ? raised : withOperandDenormal(state, raised));
  return true;
}

/** A denormal memory operand counts unless the operation was invalid, divided by zero or gave a NaN. */
function withOperandDenormal(state: Int32Array, flags: number): number {
  return (flags & (INVALID | ZERO_DIVIDE)) !== 0 || isNan(state, RESULT) ? flags : flags | DENORMAL;
}

/** D8 m32. */
export function arithmeticSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 4);
  if (host === 0) return false;
  recordPointers(cpu, instruction);
  return operateOperand(cpu.state, instruction, fromSingle(cpu.state, cpu.view.getInt32(host, true), OPERAND));
}

/** DC m64. */
export function arithmeticDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 8);
  if (host === 0) return false;
  recordPointers(cpu, instruction);
  const state = cpu.state;
  const view = cpu.view;
  const flags = fromDouble(state, view.getInt32(host, true), view.getInt32(host + 4, true), OPERAND);
  return operateOperand(state, instruction, flags);
}

/** DA m32int. */
export function arithmeticInteger32(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 4);
  if (host === 0) return false;
  recordPointers(cpu, instruction);
  fromInteger32(cpu.state, cpu.view.getInt32(host, true), OPERAND);
  return operateOperand(cpu.state, instruction, 0);
}

/** DE m16int. */
export function arithmeticInteger16(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 2);
  if (host === 0) return false;
  recordPointers(cpu, instruction);
  fromInteger32(cpu.state, cpu.view.getInt16(host, true), OPERAND);
  return operateOperand(cpu.state, instruction, 0);
}

// --- comparisons ---------------------------------------------------------------------------------------------------

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

// --- one operand ------------------------------------------------------------------------------------------------------

/** FCHS. */
export function changeSign(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (isEmpty(state, 0)) {
    underflow(state, 0);
    return true;
  }
  state[FPU_STATUS] &= ~C1;
  state[registerOf(state, 0) + 2] ^= 0x8000;
  return true;
}

/** FABS. */
export function absolute(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (isEmpty(state, 0)) {
    underflow(state, 0);
    return true;
  }
  state[FPU_STATUS] &= ~C1;
  state[registerOf(state, 0) + 2] &= 0x7fff;
  return true;
}

/** FSQRT. */
export function squareRoot(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (isEmpty(state, 0)) underflow(state, 0);
  else commit(state, 0, squareRoot80(state, registerOf(state, 0), RESULT, state[FPU_CONTROL]));
  return true;
}

/** FRNDINT. */
export function roundInteger(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (isEmpty(state, 0)) underflow(state, 0);
  else commit(state, 0, roundToInteger(state, registerOf(state, 0), RESULT, state[FPU_CONTROL]));
  return true;
}

/** FPREM and FPREM1 (D9 F5). */
export function partialRemainder(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (isEmpty(state, 0) || isEmpty(state, 1)) {
    state[FPU_STATUS] &= ~C2;
    underflow(state, 0);
    return true;
  }
  const nearest = instruction.modrm === 0xf5;
  const result = remainder80(state, registerOf(state, 0), registerOf(state, 1), RESULT, state[FPU_CONTROL], nearest);
  const incomplete = (result & REMAINDER_INCOMPLETE) !== 0;
  const flags = result & 0xffff;
  const stored = commit(state, 0, flags);
  if ((flags & INVALID) !== 0 || !stored || isNan(state, RESULT)) {
    state[FPU_STATUS] &= ~C2;
    return true;
  }
  const quotient = result >> REMAINDER_QUOTIENT_SHIFT;
  let code = incomplete ? C2 : 0;
  if (!incomplete)
    code = ((quotient & 4) !== 0 ? C0 : 0) | ((quotient & 2) !== 0 ? C3 : 0) | ((quotient & 1) !== 0 ? C1 : 0);
  state[FPU_STATUS] = (state[FPU_STATUS] & ~(C0 | C1 | C2 | C3)) | code;
  return true;
}

/** FSCALE: ST(0) times two to the power of ST(1) truncated. */
export function scale(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (isEmpty(state, 0) || isEmpty(state, 1)) underflow(state, 0);
  else commit(state, 0, scale80(state, registerOf(state, 0), registerOf(state, 1)));
  return true;
}

function scale80(state: Int32Array, a: number, b: number): number {
  if (isUnsupported(state, a) || isUnsupported(state, b)) return invalid(state, RESULT);
  if (isNan(state, a) || isNan(state, b)) return propagateNans(state, a, b, RESULT);
  const sign = state[a + 2] & 0x8000;
  const flags = denormalFlag(state, a) | denormalFlag(state, b);
  if (isInfinity(state, b)) {
    const down = (state[b + 2] & 0x8000) !== 0;
    if (down ? isInfinity(state, a) : isZero(state, a)) return invalid(state, RESULT);
    if (down) setZero(state, RESULT, sign);
    else setInfinity(state, RESULT, sign);
    return flags;
  }
  if (isInfinity(state, a)) {
    setInfinity(state, RESULT, sign);
    return flags;
  }
  if (isZero(state, a)) {
    setZero(state, RESULT, sign);
    return flags;
  }
  // Beyond 16 bits the result overflows or vanishes anyway.
  const huge = (state[b + 2] & 0x7fff) > EXPONENT_BIAS + 16;
  let count = (state[b + 2] & 0x8000) !== 0 ? -0x20000 : 0x20000;
  if (!huge) {
    toInteger(state, b, RESULT, 32, 3);
    count = state[RESULT];
  }
  normalise(state, a, OPERAND);
  const control = (state[FPU_CONTROL] & ~PRECISION_64) | PRECISION_64;
  return (
    flags | roundPack(state, RESULT, sign, state[OPERAND + 2] + count, state[OPERAND + 1], state[OPERAND], 0, control)
  );
}

/** FXTRACT: ST(0) becomes its exponent, then its significand is pushed. */
export function extract(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (isEmpty(state, 0)) {
    if (underflow(state, 0)) invalid(state, pushRegister(state));
    return true;
  }
  if (!isEmpty(state, 7)) {
    if (takeExceptions(state, INVALID | STACK_FAULT | C1) !== 0) return true;
    invalid(state, registerOf(state, 0));
    invalid(state, pushRegister(state));
    return true;
  }
  const a = registerOf(state, 0);
  const sign = state[a + 2] & 0x8000;
  let flags = 0;
  if (isUnsupported(state, a)) {
    flags = invalid(state, RESULT);
    invalid(state, OPERAND);
  } else if (isNan(state, a)) {
    flags = propagateNan(state, a, RESULT);
    propagateNan(state, a, OPERAND);
  } else if (isInfinity(state, a)) {
    setInfinity(state, RESULT, 0);
    setInfinity(state, OPERAND, sign);
  } else if (isZero(state, a)) {
    flags = ZERO_DIVIDE;
    setInfinity(state, RESULT, 0x8000);
    setZero(state, OPERAND, sign);
  } else {
    flags = denormalFlag(state, a);
    normalise(state, a, OPERAND);
    fromInteger32(state, state[OPERAND + 2] - EXPONENT_BIAS, RESULT);
    set80(state, OPERAND, sign, EXPONENT_BIAS, state[OPERAND + 1], state[OPERAND]);
  }
  if (!commit(state, 0, flags)) return true;
  const significand = pushRegister(state);
  state[significand] = state[OPERAND];
  state[significand + 1] = state[OPERAND + 1];
  state[significand + 2] = state[OPERAND + 2];
  return true;
}
