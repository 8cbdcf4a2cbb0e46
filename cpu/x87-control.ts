/** x87 control instructions and the saved images of the unit's state (SDM volume 1, sections 8.1.10, 8.3.11, 10.5). */
import type { Cpu } from './cpu.js';
import { composeEflags } from './flags.js';
import { isNormal, isZero } from './float80.js';
import { effectiveOffset, type Instruction } from './instruction.js';
import {
  CR0,
  CR4,
  EAX,
  FPU_CONTROL,
  FPU_DATA_OFFSET,
  FPU_DATA_SELECTOR,
  FPU_INSTRUCTION_OFFSET,
  FPU_INSTRUCTION_SELECTOR,
  FPU_OPCODE,
  FPU_REGISTERS,
  FPU_STATUS,
  FPU_TAG,
  MXCSR,
  SCRATCH_OFFSET,
  SEGMENT_BASE,
  XMM_REGISTERS,
} from './layout.js';
import { operandForRead, store16, storeScratch } from './operand-access.js';
import {
  C1,
  clearSummary,
  EXCEPTION_SUMMARY,
  pop,
  recordPointers,
  registerOf,
  reportPending,
  updateSummary,
  x87Present,
  x87Ready,
} from './x87.js';

const SCRATCH_WORDS = SCRATCH_OFFSET >> 2;
const CONTROL_AFTER_INIT = 0x37f;
/** Reserved control bits: bit 6 reads as one, 7 and 13-15 as zero. */
const CONTROL_WRITABLE = 0x1f3f;
const CONTROL_ONES = 0x40;
const STATUS_EXCEPTIONS = 0x80ff;
const CR0_PROTECTION = 1;
const CR0_MONITOR = 2;
const CR0_TASK_SWITCHED = 8;
const CR4_OSFXSR = 0x200;
const EFLAGS_VIRTUAL_8086 = 0x20000;
const VECTOR_DEVICE_NOT_AVAILABLE = 7;
const VECTOR_PROTECTION = 13;
/** Bits of MXCSR that exist: 0-15, denormals-are-zeros included. */
export const MXCSR_MASK = 0xffff;
export const MXCSR_DEFAULT = 0x1f80;

/** FNINIT's state: everything masked, 64-bit precision, stack empty. */
export function initialiseX87(state: Int32Array): void {
  state[FPU_CONTROL] = CONTROL_AFTER_INIT;
  state[FPU_STATUS] = 0;
  clearSummary(state);
  state[FPU_TAG] = 0;
  state[FPU_INSTRUCTION_OFFSET] = 0;
  state[FPU_INSTRUCTION_SELECTOR] = 0;
  state[FPU_DATA_OFFSET] = 0;
  state[FPU_DATA_SELECTOR] = 0;
  state[FPU_OPCODE] = 0;
}

/** FNINIT. */
export function initialise(cpu: Cpu): boolean {
  if (!x87Present(cpu)) return false;
  initialiseX87(cpu.state);
  return true;
}

/** FNCLEX. */
export function clearExceptions(cpu: Cpu): boolean {
  if (!x87Present(cpu)) return false;
  cpu.state[FPU_STATUS] &= ~STATUS_EXCEPTIONS;
  clearSummary(cpu.state);
  return true;
}

/** FENI, FDISI, FSETPM: operations of the 8087 and 287, nothing since. */
export function obsoleteControl(cpu: Cpu): boolean {
  return x87Present(cpu);
}

/** FNOP. */
export function noOperation(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  recordPointers(cpu, instruction);
  return true;
}

/** FWAIT: the only x87 instruction that looks at CR0.MP. */
export function wait(cpu: Cpu): boolean {
  const state = cpu.state;
  const both = CR0_MONITOR | CR0_TASK_SWITCHED;
  if ((state[CR0] & both) === both) return cpu.raise(VECTOR_DEVICE_NOT_AVAILABLE);
  return (state[FPU_STATUS] & EXCEPTION_SUMMARY) === 0 || reportPending(cpu);
}

/** FLDCW m16. */
export function loadControl(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, 2);
  if (host === 0) return false;
  cpu.state[FPU_CONTROL] = (cpu.view.getUint16(host, true) & CONTROL_WRITABLE) | CONTROL_ONES;
  updateSummary(cpu.state);
  return true;
}

/** FNSTCW m16. */
export function storeControl(cpu: Cpu, instruction: Instruction): boolean {
  return x87Present(cpu) && store16(cpu, instruction, cpu.state[FPU_CONTROL]);
}

/** FNSTSW m16. */
export function storeStatus(cpu: Cpu, instruction: Instruction): boolean {
  return x87Present(cpu) && store16(cpu, instruction, cpu.state[FPU_STATUS]);
}

/** FNSTSW AX. */
export function storeStatusAx(cpu: Cpu): boolean {
  if (!x87Present(cpu)) return false;
  const state = cpu.state;
  state[EAX] = (state[EAX] & ~0xffff) | (state[FPU_STATUS] & 0xffff);
  return true;
}

function moveTop(cpu: Cpu, instruction: Instruction, by: number): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  const status = state[FPU_STATUS];
  state[FPU_STATUS] = (status & ~0x3800 & ~C1) | ((((status >> 11) + by) & 7) << 11);
  return true;
}

/** FINCSTP. */
export function incrementTop(cpu: Cpu, instruction: Instruction): boolean {
  return moveTop(cpu, instruction, 1);
}

/** FDECSTP. */
export function decrementTop(cpu: Cpu, instruction: Instruction): boolean {
  return moveTop(cpu, instruction, 7);
}

/** FFREE ST(i). */
export function free(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  recordPointers(cpu, instruction);
  const state = cpu.state;
  state[FPU_TAG] &= ~(1 << (((state[FPU_STATUS] >> 11) + instruction.rm) & 7));
  state[FPU_STATUS] &= ~C1;
  return true;
}

/** FFREEP ST(i), undocumented: as FFREE, then pops. */
export function freePop(cpu: Cpu, instruction: Instruction): boolean {
  if (!free(cpu, instruction)) return false;
  pop(cpu.state);
  return true;
}

/** The 16-bit tag word of the old images: valid 0, zero 1, special 2, empty 3. */
export function fullTagWord(state: Int32Array): number {
  let tags = 0;
  for (let i = 0; i < 8; i++) {
    const register = FPU_REGISTERS + i * 4;
    let tag = 2;
    if ((state[FPU_TAG] & (1 << i)) === 0) tag = 3;
    else if (isZero(state, register)) tag = 1;
    else if (isNormal(state, register)) tag = 0;
    tags |= tag << (i * 2);
  }
  return tags;
}

/** Bit per register, 1 = not empty, from a 16-bit tag word. */
function compactTags(tags: number): number {
  let compact = 0;
  for (let i = 0; i < 8; i++) if (((tags >> (i * 2)) & 3) !== 3) compact |= 1 << i;
  return compact;
}

function hasProtectedFormat(cpu: Cpu): boolean {
  return (cpu.state[CR0] & CR0_PROTECTION) !== 0 && (composeEflags(cpu.state) & EFLAGS_VIRTUAL_8086) === 0;
}

/** Writes the environment to the scratch area. @returns its size: 28, or 14 with 16-bit operands */
function buildEnvironment(cpu: Cpu, instruction: Instruction): number {
  const state = cpu.state;
  const view = cpu.view;
  const instructionOffset = state[FPU_INSTRUCTION_OFFSET];
  const dataOffset = state[FPU_DATA_OFFSET];
  const opcode = state[FPU_OPCODE] & 0x7ff;
  const isProtected = hasProtectedFormat(cpu);
  if (instruction.operandSize === 2) {
    view.setUint16(SCRATCH_OFFSET, state[FPU_CONTROL], true);
    view.setUint16(SCRATCH_OFFSET + 2, state[FPU_STATUS], true);
    view.setUint16(SCRATCH_OFFSET + 4, fullTagWord(state), true);
    view.setUint16(SCRATCH_OFFSET + 6, instructionOffset, true);
    const fourth = isProtected ? state[FPU_INSTRUCTION_SELECTOR] : ((instructionOffset >>> 4) & 0xf000) | opcode;
    view.setUint16(SCRATCH_OFFSET + 8, fourth, true);
    view.setUint16(SCRATCH_OFFSET + 10, dataOffset, true);
    view.setUint16(SCRATCH_OFFSET + 12, isProtected ? state[FPU_DATA_SELECTOR] : (dataOffset >>> 4) & 0xf000, true);
    return 14;
  }
  const ones = 0xffff0000;
  state[SCRATCH_WORDS] = state[FPU_CONTROL] | ones;
  state[SCRATCH_WORDS + 1] = state[FPU_STATUS] | ones;
  state[SCRATCH_WORDS + 2] = fullTagWord(state) | ones;
  if (isProtected) {
    state[SCRATCH_WORDS + 3] = instructionOffset;
    state[SCRATCH_WORDS + 4] = (state[FPU_INSTRUCTION_SELECTOR] & 0xffff) | (opcode << 16);
    state[SCRATCH_WORDS + 5] = dataOffset;
    state[SCRATCH_WORDS + 6] = state[FPU_DATA_SELECTOR] | ones;
  } else {
    state[SCRATCH_WORDS + 3] = (instructionOffset & 0xffff) | ones;
    state[SCRATCH_WORDS + 4] = ((instructionOffset >>> 16) << 12) | opcode;
    state[SCRATCH_WORDS + 5] = (dataOffset & 0xffff) | ones;
    state[SCRATCH_WORDS + 6] = (dataOffset >>> 16) << 12;
  }
  return 28;
}

/** FNSTENV: afterwards everything is masked. */
export function storeEnvironment(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Present(cpu)) return false;
  if (!storeScratch(cpu, instruction, buildEnvironment(cpu, instruction))) return false;
  cpu.state[FPU_CONTROL] |= 0x3f;
  updateSummary(cpu.state);
  return true;
}

/** Takes the environment image at host offset `host`. */
function takeEnvironment(cpu: Cpu, instruction: Instruction, host: number): void {
  const state = cpu.state;
  const view = cpu.view;
  const wide = instruction.operandSize === 4;
  const step = wide ? 4 : 2;
  state[FPU_CONTROL] = (view.getUint16(host, true) & CONTROL_WRITABLE) | CONTROL_ONES;
  state[FPU_STATUS] = view.getUint16(host + step, true);
  state[FPU_TAG] = compactTags(view.getUint16(host + 2 * step, true));
  const third = host + 3 * step;
  if (hasProtectedFormat(cpu)) {
    state[FPU_INSTRUCTION_OFFSET] = wide ? view.getInt32(third, true) : view.getUint16(third, true);
    state[FPU_INSTRUCTION_SELECTOR] = view.getUint16(third + step, true);
    if (wide) state[FPU_OPCODE] = view.getUint16(third + 6, true) & 0x7ff;
    state[FPU_DATA_OFFSET] = wide ? view.getInt32(third + 8, true) : view.getUint16(third + 4, true);
    state[FPU_DATA_SELECTOR] = view.getUint16(third + 3 * step, true);
  } else {
    const fourth = wide ? view.getInt32(third + 4, true) : view.getUint16(third + 2, true);
    const sixth = wide ? view.getInt32(third + 12, true) : view.getUint16(third + 6, true);
    state[FPU_INSTRUCTION_OFFSET] = view.getUint16(third, true) | ((fourth >>> 12) << 16);
    state[FPU_OPCODE] = fourth & 0x7ff;
    state[FPU_DATA_OFFSET] = view.getUint16(third + 2 * step, true) | ((sixth >>> 12) << 16);
    state[FPU_INSTRUCTION_SELECTOR] = 0;
    state[FPU_DATA_SELECTOR] = 0;
  }
  updateSummary(state);
}

/** FLDENV. */
export function loadEnvironment(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const host = operandForRead(cpu, instruction, instruction.operandSize === 4 ? 28 : 14);
  if (host === 0) return false;
  takeEnvironment(cpu, instruction, host);
  return true;
}

/** FNSAVE: environment and the registers from ST(0) on, then FNINIT. */
export function save(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Present(cpu)) return false;
  const state = cpu.state;
  const size = buildEnvironment(cpu, instruction);
  for (let i = 0; i < 8; i++) copyRegisterOut(cpu, registerOf(state, i), SCRATCH_OFFSET + size + i * 10);
  if (!storeScratch(cpu, instruction, size + 80)) return false;
  initialiseX87(state);
  return true;
}

function copyRegisterOut(cpu: Cpu, register: number, host: number): void {
  cpu.view.setInt32(host, cpu.state[register], true);
  cpu.view.setInt32(host + 4, cpu.state[register + 1], true);
  cpu.view.setUint16(host + 8, cpu.state[register + 2], true);
}

function copyRegisterIn(cpu: Cpu, register: number, host: number): void {
  cpu.state[register] = cpu.view.getInt32(host, true);
  cpu.state[register + 1] = cpu.view.getInt32(host + 4, true);
  cpu.state[register + 2] = cpu.view.getUint16(host + 8, true);
}

/** FRSTOR. */
export function restore(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const size = instruction.operandSize === 4 ? 28 : 14;
  const host = operandForRead(cpu, instruction, size + 80);
  if (host === 0) return false;
  takeEnvironment(cpu, instruction, host);
  for (let i = 0; i < 8; i++) copyRegisterIn(cpu, registerOf(cpu.state, i), host + size + i * 10);
  return true;
}

const FXSAVE_SIZE = 512;

/** FXSAVE and FXRSTOR: #GP(0) off a boundary of 16 bytes; off one of dwords, while alignment is checked, #AC(0) comes first. */
function isAligned16(cpu: Cpu, instruction: Instruction): boolean {
  const linear = operandLinear(cpu, instruction);
  if (!cpu.aligned(linear, 4)) return false;
  return (linear & 15) === 0 || cpu.raise(VECTOR_PROTECTION, 0);
}

/** FXSAVE m512. #GP(0) when the operand is not aligned to 16 bytes. */
export function fxsave(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Present(cpu)) return false;
  if (!isAligned16(cpu, instruction)) return false;
  // Reserved parts keep what memory holds: read, change, write.
  const offset = effectiveOffset(cpu, instruction);
  if (!cpu.probeWrite(instruction.segment, offset, FXSAVE_SIZE)) return false;
  if (!cpu.loadBytes(instruction.segment, offset, FXSAVE_SIZE)) return false;
  const { state, view } = cpu;
  view.setUint16(SCRATCH_OFFSET, state[FPU_CONTROL], true);
  view.setUint16(SCRATCH_OFFSET + 2, state[FPU_STATUS], true);
  view.setUint16(SCRATCH_OFFSET + 4, state[FPU_TAG] & 0xff, true);
  view.setUint16(SCRATCH_OFFSET + 6, state[FPU_OPCODE], true);
  state[SCRATCH_WORDS + 2] = state[FPU_INSTRUCTION_OFFSET];
  state[SCRATCH_WORDS + 3] = state[FPU_INSTRUCTION_SELECTOR];
  state[SCRATCH_WORDS + 4] = state[FPU_DATA_OFFSET];
  state[SCRATCH_WORDS + 5] = state[FPU_DATA_SELECTOR];
  state[SCRATCH_WORDS + 6] = state[MXCSR];
  state[SCRATCH_WORDS + 7] = MXCSR_MASK;
  for (let i = 0; i < 8; i++) {
    const image = SCRATCH_WORDS + 8 + i * 4;
    state[image + 2] = 0;
    state[image + 3] = 0;
    copyRegisterOut(cpu, registerOf(state, i), image * 4);
  }
  if ((state[CR4] & CR4_OSFXSR) !== 0) state.copyWithin(SCRATCH_WORDS + 40, XMM_REGISTERS, XMM_REGISTERS + 32);
  return storeScratch(cpu, instruction, FXSAVE_SIZE);
}

/** FXRSTOR m512. #GP(0) when not aligned to 16 bytes or when a reserved bit of MXCSR is set. */
export function fxrstor(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Present(cpu)) return false;
  if (!isAligned16(cpu, instruction)) return false;
  if (!cpu.loadBytes(instruction.segment, effectiveOffset(cpu, instruction), FXSAVE_SIZE)) return false;
  const { state, view } = cpu;
  const simd = (state[CR4] & CR4_OSFXSR) !== 0;
  if (simd && (state[SCRATCH_WORDS + 6] & ~MXCSR_MASK) !== 0) return cpu.raise(VECTOR_PROTECTION, 0);
  state[FPU_CONTROL] = (view.getUint16(SCRATCH_OFFSET, true) & CONTROL_WRITABLE) | CONTROL_ONES;
  state[FPU_STATUS] = view.getUint16(SCRATCH_OFFSET + 2, true);
  state[FPU_TAG] = view.getUint8(SCRATCH_OFFSET + 4);
  state[FPU_OPCODE] = view.getUint16(SCRATCH_OFFSET + 6, true) & 0x7ff;
  state[FPU_INSTRUCTION_OFFSET] = state[SCRATCH_WORDS + 2];
  state[FPU_INSTRUCTION_SELECTOR] = state[SCRATCH_WORDS + 3] & 0xffff;
  state[FPU_DATA_OFFSET] = state[SCRATCH_WORDS + 4];
  state[FPU_DATA_SELECTOR] = state[SCRATCH_WORDS + 5] & 0xffff;
  for (let i = 0; i < 8; i++) copyRegisterIn(cpu, registerOf(state, i), SCRATCH_OFFSET + 32 + i * 16);
  updateSummary(state);
  if (!simd) return true;
  state[MXCSR] = state[SCRATCH_WORDS + 6];
  state.copyWithin(XMM_REGISTERS, SCRATCH_WORDS + 40, SCRATCH_WORDS + 72);
  return true;
}

/** Linear address of the memory operand, for alignment checks. */
export function operandLinear(cpu: Cpu, instruction: Instruction): number {
  return (cpu.state[SEGMENT_BASE + instruction.segment] + effectiveOffset(cpu, instruction)) | 0;
}
