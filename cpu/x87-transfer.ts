/** x87 loads, stores, exchanges, conditional moves and constants (SDM volume 1, section 8.3.3). */
import type { Cpu } from './cpu.js';
import { arithmeticFlags, FLAG_CF, FLAG_PF, FLAG_ZF } from './flags.js';
import {
  copy80,
  DENORMAL,
  INVALID,
  invalid,
  isSignalling,
  OVERFLOW,
  PRECISION,
  propagateNan,
  RoundingMode,
  set80,
  UNDERFLOW,
} from './float80.js';
import {
  fromDouble,
  fromInteger32,
  fromInteger64,
  fromPackedDecimal,
  fromSingle,
  toDouble,
  toInteger,
  toPackedDecimal,
  toSingle,
} from './float80-convert.js';
import { effectiveOffset, type Instruction } from './instruction.js';
import { FPU_CONTROL, FPU_REGISTERS, FPU_STATUS, FPU_TAG, SCRATCH_OFFSET } from './layout.js';
import { operandForRead, store16, store32, store64, storeScratch } from './operand-access.js';
import {
  C1,
  isEmpty,
  OPERAND,
  pop,
  push,
  pushRegister,
  RESULT,
  recordPointers,
  registerOf,
  STACK_FAULT,
  tagFilled,
  takeExceptions,
  underflow,
  underflowOnly,
  x87Ready,
} from './x87.js';

const SCRATCH_WORDS = SCRATCH_OFFSET >> 2;

/** FLD m32. */
export function loadSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 4);
  if (host === 0) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  pushConverted(state, fromSingle(state, cpu.view.getInt32(host, true), RESULT));
  return true;
}

/** FLD m64. */
export function loadDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 8);
  if (host === 0) return false;
  const state = cpu.state;
  const low = cpu.view.getInt32(host, true);
  const high = cpu.view.getInt32(host + 4, true);
  recordPointers(cpu, instruction);
  const exponent = (high >>> 20) & 0x7ff;
  if (((exponent + 1) & 0x7ff) > 1 && isEmpty(state, 7)) {
    const register = pushRegister(state);
    state[FPU_STATUS] &= ~C1;
    state[register] = low << 11;
    state[register + 1] = (high << 11) | (low >>> 21) | -0x80000000;
    state[register + 2] = ((high >>> 16) & 0x8000) | (exponent + 0x3c00);
    return true;
  }
  pushConverted(state, fromDouble(state, low, high, RESULT));
  return true;
}

/** Pushes a converted single or double; a signalling NaN is an invalid operand and becomes quiet. */
function pushConverted(state: Int32Array, flags: number): void {
  if (flags === 0 && (state[RESULT + 2] & 0x7fff) !== 0x7fff && isEmpty(state, 7)) {
    state[FPU_STATUS] &= ~C1;
    copy80(state, RESULT, pushRegister(state));
    return;
  }
  if (isSignalling(state, RESULT)) {
    push(state, propagateNan(state, RESULT, RESULT));
    return;
  }
  const free = isEmpty(state, 7);
  push(state, 0);
  // An unmasked denormal operand does not keep the value from being loaded.
  if (flags !== 0 && free) takeExceptions(state, flags);
}

/** FLD m80: any bit pattern, no exception but a stack fault. */
export function loadExtended(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 10);
  if (host === 0) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  state[RESULT] = cpu.view.getInt32(host, true);
  state[RESULT + 1] = cpu.view.getInt32(host + 4, true);
  state[RESULT + 2] = cpu.view.getUint16(host + 8, true);
  push(state, 0);
  return true;
}

/** FLD ST(i). */
export function loadRegister(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (isEmpty(state, instruction.rm)) {
    if (underflowOnly(state)) invalid(state, pushRegister(state));
    return true;
  }
  copy80(state, registerOf(state, instruction.rm), RESULT);
  push(state, 0);
  return true;
}

/** FILD m16. */
export function loadInteger16(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 2);
  if (host === 0) return false;
  recordPointers(cpu, instruction);
  fromInteger32(cpu.state, cpu.view.getInt16(host, true), RESULT);
  push(cpu.state, 0);
  return true;
}

/** FILD m32. */
export function loadInteger32(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 4);
  if (host === 0) return false;
  recordPointers(cpu, instruction);
  fromInteger32(cpu.state, cpu.view.getInt32(host, true), RESULT);
  push(cpu.state, 0);
  return true;
}

/** FILD m64. */
export function loadInteger64(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 8);
  if (host === 0) return false;
  recordPointers(cpu, instruction);
  fromInteger64(cpu.state, cpu.view.getInt32(host, true), cpu.view.getInt32(host + 4, true), RESULT);
  push(cpu.state, 0);
  return true;
}

/** FBLD m80. */
export function loadPackedDecimal(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 10);
  if (host === 0) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  state[OPERAND] = cpu.view.getInt32(host, true);
  state[OPERAND + 1] = cpu.view.getInt32(host + 4, true);
  state[OPERAND + 2] = cpu.view.getUint16(host + 8, true);
  fromPackedDecimal(state, OPERAND, RESULT);
  push(state, 0);
  return true;
}

/** FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ by the rm field: the last bits follow the rounding control. */
export function loadConstant(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  const mode = (state[FPU_CONTROL] >> 10) & 3;
  const nearest = mode === RoundingMode.Nearest;
  const up = mode === RoundingMode.Up;
  const last = up || nearest ? 1 : 0;
  switch (instruction.rm) {
    case 0:
      set80(state, RESULT, 0, 0x3fff, 0x80000000, 0);
      break;
    case 1:
      set80(state, RESULT, 0, 0x4000, 0xd49a784b, 0xcd1b8afe + (up ? 1 : 0));
      break;
    case 2:
      set80(state, RESULT, 0, 0x3fff, 0xb8aa3b29, 0x5c17f0bb + last);
      break;
    case 3:
      set80(state, RESULT, 0, 0x4000, 0xc90fdaa2, 0x2168c234 + last);
      break;
    case 4:
      set80(state, RESULT, 0, 0x3ffd, 0x9a209a84, 0xfbcff798 + last);
      break;
    case 5:
      set80(state, RESULT, 0, 0x3ffe, 0xb17217f7, 0xd1cf79ab + last);
      break;
    default:
      set80(state, RESULT, 0, 0, 0, 0);
  }
  push(state, 0);
  return true;
}

/** Exceptions that, unmasked, keep a store from writing memory. */
const NO_MEMORY_RESULT = INVALID | DENORMAL | OVERFLOW | UNDERFLOW;

/** True when the flags of a store to memory leave the destination alone. */
function storeSuppressed(state: Int32Array, flags: number): boolean {
  return (flags & ~state[FPU_CONTROL] & NO_MEMORY_RESULT) !== 0;
}

/** Faults as a store of this size would: that comes before the exceptions of the conversion. */
function probeStore(cpu: Cpu, instruction: Instruction, size: number): boolean {
  return cpu.probeWrite(instruction.segment, effectiveOffset(cpu, instruction), size);
}

/** Ends a store to memory: status word, and the pop when the store took place. */
function finishStore(cpu: Cpu, instruction: Instruction, flags: number, pops: boolean): boolean {
  const state = cpu.state;
  recordPointers(cpu, instruction);
  const suppressed = storeSuppressed(state, flags);
  // An unmasked overflow or underflow of a memory result raises nothing else, for nothing was rounded.
  takeExceptions(state, suppressed ? flags & (NO_MEMORY_RESULT | STACK_FAULT) : flags);
  if (pops && !suppressed) pop(state);
  return true;
}

/** FST m32, FSTP m32 (reg field 3). */
export function storeSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  let flags = INVALID | STACK_FAULT;
  if (isEmpty(state, 0)) state[RESULT] = -0x400000;
  else flags = toSingle(state, registerOf(state, 0), RESULT, state[FPU_CONTROL]);
  const stored = storeSuppressed(state, flags)
    ? probeStore(cpu, instruction, 4)
    : store32(cpu, instruction, state[RESULT]);
  if (!stored) return false;
  return finishStore(cpu, instruction, flags, instruction.reg === 3);
}

/** FST m64, FSTP m64 (reg field 3). */
export function storeDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  const top = registerOf(state, 0);
  const tag = 1 << ((top - FPU_REGISTERS) >> 2);
  const exponent = (state[top + 2] & 0x7fff) - 0x3c00;
  const registerHigh = state[top + 1];
  // In the range of normal doubles, nearest, all masked: rounded here. The largest exponent is left to the general way.
  if (
    (state[FPU_TAG] & tag) !== 0 &&
    exponent > 0 &&
    exponent < 0x7fe &&
    registerHigh < 0 &&
    (state[FPU_CONTROL] & 0xc3f) === 0x3f
  ) {
    const registerLow = state[top];
    const rest = registerLow << 21;
    let low = (registerHigh << 21) | (registerLow >>> 11);
    let high = ((state[top + 2] & 0x8000) << 16) | (exponent << 20) | ((registerHigh & 0x7fffffff) >>> 11);
    let flags = 0;
    if (rest !== 0) {
      flags = PRECISION;
      if (rest < 0 && (rest !== -0x80000000 || (low & 1) !== 0)) {
        flags = PRECISION | C1;
        low = (low + 1) | 0;
        if (low === 0) high = (high + 1) | 0;
      }
    }
    if (!store64(cpu, instruction, low, high)) return false;
    recordPointers(cpu, instruction);
    let status = (state[FPU_STATUS] & ~C1) | flags;
    if (instruction.reg === 3) {
      state[FPU_TAG] &= ~tag;
      status = (status & ~0x3800) | ((status + 0x800) & 0x3800);
    }
    state[FPU_STATUS] = status;
    return true;
  }
  let flags = INVALID | STACK_FAULT;
  if (isEmpty(state, 0)) {
    state[RESULT] = 0;
    state[RESULT + 1] = -0x80000;
  } else {
    flags = toDouble(state, registerOf(state, 0), RESULT, state[FPU_CONTROL]);
  }
  const stored = storeSuppressed(state, flags)
    ? probeStore(cpu, instruction, 8)
    : store64(cpu, instruction, state[RESULT], state[RESULT + 1]);
  if (!stored) return false;
  return finishStore(cpu, instruction, flags, instruction.reg === 3);
}

/** FSTP m80: the register as it is. */
export function storeExtended(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  const empty = isEmpty(state, 0);
  if (empty) invalid(state, SCRATCH_WORDS);
  else copy80(state, registerOf(state, 0), SCRATCH_WORDS);
  const flags = empty ? INVALID | STACK_FAULT : 0;
  const stored = storeSuppressed(state, flags) ? probeStore(cpu, instruction, 10) : storeScratch(cpu, instruction, 10);
  if (!stored) return false;
  return finishStore(cpu, instruction, flags, true);
}

/** ST(0) as an integer of `bits` at RESULT. */
function convertToInteger(state: Int32Array, bits: number, mode: number): number {
  if (!isEmpty(state, 0)) return toInteger(state, registerOf(state, 0), RESULT, bits, mode);
  state[RESULT] = bits === 16 ? -0x8000 : bits === 32 ? -0x80000000 : 0;
  state[RESULT + 1] = -0x80000000;
  return INVALID | STACK_FAULT;
}

/** FISTTP (reg field 1) truncates, FIST (2) and FISTP (3, and 7 with 64 bits) round by the control word. */
function integerMode(state: Int32Array, instruction: Instruction): number {
  return instruction.reg === 1 ? RoundingMode.Zero : (state[FPU_CONTROL] >> 10) & 3;
}

/** FIST m16, FISTP m16, FISTTP m16. */
export function storeInteger16(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  const flags = convertToInteger(state, 16, integerMode(state, instruction));
  const stored = storeSuppressed(state, flags)
    ? probeStore(cpu, instruction, 2)
    : store16(cpu, instruction, state[RESULT]);
  if (!stored) return false;
  return finishStore(cpu, instruction, flags, instruction.reg !== 2);
}

/** FIST m32, FISTP m32, FISTTP m32. */
export function storeInteger32(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  const flags = convertToInteger(state, 32, integerMode(state, instruction));
  const stored = storeSuppressed(state, flags)
    ? probeStore(cpu, instruction, 4)
    : store32(cpu, instruction, state[RESULT]);
  if (!stored) return false;
  return finishStore(cpu, instruction, flags, instruction.reg !== 2);
}

/** FISTP m64, FISTTP m64. */
export function storeInteger64(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  const flags = convertToInteger(state, 64, integerMode(state, instruction));
  const stored = storeSuppressed(state, flags)
    ? probeStore(cpu, instruction, 8)
    : store64(cpu, instruction, state[RESULT], state[RESULT + 1]);
  if (!stored) return false;
  return finishStore(cpu, instruction, flags, true);
}

/** FBSTP m80. */
export function storePackedDecimal(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  let flags = INVALID | STACK_FAULT;
  if (isEmpty(state, 0)) {
    state[SCRATCH_WORDS] = 0;
    state[SCRATCH_WORDS + 1] = -0x40000000;
    state[SCRATCH_WORDS + 2] = 0xffff;
  } else {
    flags = toPackedDecimal(state, registerOf(state, 0), SCRATCH_WORDS, state[FPU_CONTROL]);
  }
  const stored = storeSuppressed(state, flags) ? probeStore(cpu, instruction, 10) : storeScratch(cpu, instruction, 10);
  if (!stored) return false;
  return finishStore(cpu, instruction, flags, true);
}

/** FST ST(i). */
export function storeRegister(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  recordPointers(cpu, instruction);
  copyTop(cpu.state, instruction.rm);
  return true;
}

/** FSTP1, the undocumented alias D9 D8+i: an empty ST(0) is popped without a stack fault. */
export function storeRegisterPopUnchecked(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  recordPointers(cpu, instruction);
  const state = cpu.state;
  if (isEmpty(state, 0)) state[FPU_STATUS] &= ~C1;
  else copyTop(state, instruction.rm);
  pop(state);
  return true;
}

/** FSTP ST(i). */
export function storeRegisterPop(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  recordPointers(cpu, instruction);
  if (copyTop(cpu.state, instruction.rm)) pop(cpu.state);
  return true;
}

function copyTop(state: Int32Array, i: number): boolean {
  if (isEmpty(state, 0)) return underflow(state, i);
  state[FPU_STATUS] &= ~C1;
  copy80(state, registerOf(state, 0), registerOf(state, i));
  tagFilled(state, i);
  return true;
}

/** FXCH ST(i). */
export function exchange(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  const i = instruction.rm;
  const top = registerOf(state, 0);
  const other = registerOf(state, i);
  if (isEmpty(state, 0) || isEmpty(state, i)) {
    if (takeExceptions(state, INVALID | STACK_FAULT) !== 0) return true;
    if (isEmpty(state, 0)) invalid(state, top);
    if (isEmpty(state, i)) invalid(state, other);
    tagFilled(state, 0);
    tagFilled(state, i);
  }
  state[FPU_STATUS] &= ~C1;
  copy80(state, top, RESULT);
  copy80(state, other, top);
  copy80(state, RESULT, other);
  return true;
}

/** FCMOVB, E, BE, U (opcode DA) and their negations (DB), the condition by the reg field. */
export function conditionalMove(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (isEmpty(state, 0) || isEmpty(state, instruction.rm)) {
    underflow(state, 0);
    return true;
  }
  const holds = (arithmeticFlags(state) & conditionMask(instruction.reg & 3)) !== 0;
  if (holds === ((instruction.opcode & 1) === 0))
    copy80(state, registerOf(state, instruction.rm), registerOf(state, 0));
  return true;
}

/** Flags of which any one makes the condition below, equal, below or equal, unordered true. */
function conditionMask(condition: number): number {
  if (condition === 0) return FLAG_CF;
  if (condition === 1) return FLAG_ZF;
  return condition === 2 ? FLAG_CF | FLAG_ZF : FLAG_PF;
}
