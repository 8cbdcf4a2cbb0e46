/** x87 arithmetic instructions over float80 (SDM volume 1, section 8.3.5). */
import type { Cpu } from './cpu.js';
import {
  copy80,
  DENORMAL,
  denormalFlag,
  EXPONENT_BIAS,
  INVALID,
  invalid,
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
import { add80, addFinite, multiply80, multiplyFinite, normalise } from './float80-arithmetic.js';
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
  allMasked,
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
  underflow,
  x87Ready,
} from './x87.js';

const NEGATE = 0x8000;

/** The six operations by the reg field of D8-DE; `out` may be one of the operands. @returns exception flags */
function operate(state: Int32Array, operation: number, a: number, b: number, out: number): number {
  const control = state[FPU_CONTROL];
  switch (operation) {
    case 0:
      return add80(state, a, b, out, control, 0);
    case 1:
      return multiply80(state, a, b, out, control);
    case 4:
      return add80(state, a, b, out, control, NEGATE);
    case 5:
      return add80(state, b, a, out, control, NEGATE);
    case 6:
      return divide80(state, a, b, out, control);
    default:
      return divide80(state, b, a, out, control);
  }
}

/**
 * destination = a op b. With all exceptions masked the result is written straight to the register.
 * @param destination word index of ST(i), which is tagged filled
 * @returns false when an unmasked exception kept the register as it was
 */
function operateTo(state: Int32Array, operation: number, a: number, b: number, destination: number): boolean {
  if (allMasked(state)) {
    const flags = operate(state, operation, a, b, destination);
    state[FPU_STATUS] = (state[FPU_STATUS] & ~C1) | flags;
    return true;
  }
  const flags = operate(state, operation, a, b, RESULT);
  if (!mayStore(takeExceptions(state, flags))) return false;
  copy80(state, RESULT, destination);
  return true;
}

/** D8: ST(0) = ST(0) op ST(i). */
export function arithmeticTop(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  const i = instruction.rm;
  if (isEmpty(state, 0) || isEmpty(state, i)) {
    underflow(state, 0);
    return true;
  }
  const top = registerOf(state, 0);
  operateTo(state, instruction.reg, top, registerOf(state, i), top);
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
  const register = registerOf(state, i);
  return operateTo(state, instruction.reg, registerOf(state, 0), register, register);
}

/** ST(0) = ST(0) op OPERAND; `flags` are those of the operand's conversion. */
function operateOperand(state: Int32Array, instruction: Instruction, flags: number): boolean {
  if (isEmpty(state, 0)) {
    underflow(state, 0);
    return true;
  }
  const top = registerOf(state, 0);
  if (flags === 0) {
    operateTo(state, instruction.reg, top, OPERAND, top);
    return true;
  }
  const raised = operate(state, instruction.reg, top, OPERAND, RESULT);
  commit(state, 0, withOperandDenormal(state, raised));
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
  const low = view.getInt32(host, true);
  const high = view.getInt32(host + 4, true);
  if (addOrMultiplyNormal(state, instruction.reg, low, high)) return true;
  return operateOperand(state, instruction, fromDouble(state, low, high, OPERAND));
}

/**
 * The common case of DC m64 without the detour by OPERAND: addition, subtraction or multiplication of two normal numbers
 * with everything masked. @returns false when this is not that case, and then nothing was done
 */
function addOrMultiplyNormal(state: Int32Array, operation: number, low: number, high: number): boolean {
  const exponent = (high >>> 20) & 0x7ff;
  const top = registerOf(state, 0);
  const word = state[top + 2];
  const topExponent = word & 0x7fff;
  const topHigh = state[top + 1];
  if (
    ((exponent + 1) & 0x7ff) <= 1 ||
    ((topExponent + 1) & 0x7fff) <= 1 ||
    topHigh >= 0 ||
    (operation & 2) !== 0 ||
    !allMasked(state) ||
    isEmpty(state, 0)
  ) {
    return false;
  }
  const control = state[FPU_CONTROL];
  const sign = (high >>> 16) & 0x8000;
  const operandHigh = (high << 11) | (low >>> 21) | -0x80000000;
  const operandLow = low << 11;
  let aSign = word & 0x8000;
  let flags = 0;
  if (operation === 1) {
    const exponents = topExponent + exponent + 0x3c00;
    flags = multiplyFinite(state, top, aSign ^ sign, exponents, topHigh, state[top], operandHigh, operandLow, control);
  } else {
    const bSign = operation === 4 ? sign ^ NEGATE : sign;
    if (operation === 5) aSign ^= NEGATE;
    const bExponent = exponent + 0x3c00;
    flags = addFinite(
      state,
      top,
      control,
      aSign,
      topExponent,
      topHigh,
      state[top],
      bSign,
      bExponent,
      operandHigh,
      operandLow,
    );
  }
  state[FPU_STATUS] = (state[FPU_STATUS] & ~C1) | flags;
  return true;
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
