/**
 * MMX instructions (SDM volume 1, chapter 9). MMi is the significand of x87 register Ri; every MMX instruction but EMMS
 * sets TOP to 0 and tags all registers as filled, and a written register's exponent becomes all ones.
 */
import type { Cpu } from './cpu.js';
import { multiplyHigh } from './float80-arithmetic.js';
import type { Instruction } from './instruction.js';
import { CR0, EAX, EDI, FPU_REGISTERS, FPU_STATUS, FPU_TAG, SCRATCH_OFFSET } from './layout.js';
import { operandForRead, store32, store64 } from './operand-access.js';
import {
  byteDifferences,
  byteSigns,
  combineWords,
  interleaveBytes,
  interleaveWords,
  packDoublewords,
  packWords,
  shiftQuadHigh,
  shiftQuadLow,
  shiftWord,
} from './packed-integer.js';
import { xmmWord } from './sse.js';
import { EXCEPTION_SUMMARY, reportPending } from './x87.js';

const CR0_EMULATION = 4;
const CR0_TASK_SWITCHED = 8;
const VECTOR_INVALID_OPCODE = 6;
const VECTOR_DEVICE_NOT_AVAILABLE = 7;

/** True when an MMX instruction may run; else #UD, #NM or a pending #MF is raised. */
export function mmxReady(cpu: Cpu): boolean {
  const state = cpu.state;
  if ((state[CR0] & CR0_EMULATION) !== 0) return cpu.raise(VECTOR_INVALID_OPCODE);
  if ((state[CR0] & CR0_TASK_SWITCHED) !== 0) return cpu.raise(VECTOR_DEVICE_NOT_AVAILABLE);
  return (state[FPU_STATUS] & EXCEPTION_SUMMARY) === 0 || reportPending(cpu);
}

/** TOP = 0 and all registers filled. */
export function enterMmx(state: Int32Array): void {
  state[FPU_STATUS] &= ~0x3800;
  state[FPU_TAG] = 0xff;
}

export function mmxWord(i: number): number {
  return FPU_REGISTERS + (i << 2);
}

/** Host offset of the source after the checks of an MMX instruction; 0 when an exception was raised. */
export function mmxSourceHost(cpu: Cpu, instruction: Instruction, size: number): number {
  if (!mmxReady(cpu)) return 0;
  return instruction.isMemory ? operandForRead(cpu, instruction, size) : mmxWord(instruction.rm) << 2;
}

/** Writes the destination register and leaves the unit in MMX state. */
function finish(state: Int32Array, register: number, low: number, high: number): boolean {
  enterMmx(state);
  state[register] = low;
  state[register + 1] = high;
  state[register + 2] = 0xffff;
  return true;
}

/** All operations of combineWords. */
export function mmxWords(cpu: Cpu, instruction: Instruction): boolean {
  const host = mmxSourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = mmxWord(instruction.reg);
  const opcode = instruction.opcode;
  const low = combineWords(opcode, state[register], view.getInt32(host, true));
  const high = combineWords(opcode, state[register + 1], view.getInt32(host + 4, true));
  return finish(state, register, low, high);
}

/** PADDQ (D4), PSUBQ (FB). */
export function mmxQuads(cpu: Cpu, instruction: Instruction): boolean {
  const host = mmxSourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = mmxWord(instruction.reg);
  const aLow = state[register];
  const bLow = view.getInt32(host, true);
  const bHigh = view.getInt32(host + 4, true);
  if (instruction.opcode === 0xd4) {
    const low = (aLow + bLow) | 0;
    return finish(state, register, low, (state[register + 1] + bHigh + (low >>> 0 < aLow >>> 0 ? 1 : 0)) | 0);
  }
  const borrow = aLow >>> 0 < bLow >>> 0 ? 1 : 0;
  return finish(state, register, (aLow - bLow) | 0, (state[register + 1] - bHigh - borrow) | 0);
}

/** PMULUDQ. */
export function mmxMultiplyUnsigned(cpu: Cpu, instruction: Instruction): boolean {
  const host = mmxSourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const register = mmxWord(instruction.reg);
  const a = cpu.state[register];
  const b = cpu.view.getInt32(host, true);
  return finish(cpu.state, register, Math.imul(a, b), multiplyHigh(a, b));
}

/** PSADBW. */
export function mmxSumDifferences(cpu: Cpu, instruction: Instruction): boolean {
  const host = mmxSourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = mmxWord(instruction.reg);
  const low = byteDifferences(state[register], view.getInt32(host, true));
  return finish(state, register, low + byteDifferences(state[register + 1], view.getInt32(host + 4, true)), 0);
}

/** Shifts by a count in the source or (opcodes 71-73) in the immediate byte. */
function shift(cpu: Cpu, register: number, opcode: number, count: number): boolean {
  const state = cpu.state;
  const low = state[register];
  const high = state[register + 1];
  if ((opcode & 3) === 3) {
    return finish(state, register, shiftQuadLow(opcode, low, high, count), shiftQuadHigh(opcode, low, high, count));
  }
  return finish(state, register, shiftWord(opcode, low, count), shiftWord(opcode, high, count));
}

export function mmxShift(cpu: Cpu, instruction: Instruction): boolean {
  const host = mmxSourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const low = cpu.view.getUint32(host, true);
  const count = cpu.view.getInt32(host + 4, true) === 0 ? Math.min(low, 64) : 64;
  return shift(cpu, mmxWord(instruction.reg), instruction.opcode, count);
}

/** The shift by register that a shift by immediate stands for: reg field 2 is D0, 4 is E0, 6 is F0, plus 1 to 3. */
export function immediateShiftOpcode(instruction: Instruction): number {
  return 0xc0 + (instruction.reg << 3) + (instruction.opcode & 3);
}

export function mmxShiftImmediate(cpu: Cpu, instruction: Instruction): boolean {
  if (!mmxReady(cpu)) return false;
  const count = Math.min(instruction.immediate & 0xff, 64);
  return shift(cpu, mmxWord(instruction.rm), immediateShiftOpcode(instruction), count);
}

/** PACKSSWB (63), PACKUSWB (67), PACKSSDW (6B). */
export function mmxPack(cpu: Cpu, instruction: Instruction): boolean {
  const host = mmxSourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = mmxWord(instruction.reg);
  const opcode = instruction.opcode;
  const aLow = state[register];
  const aHigh = state[register + 1];
  const bLow = view.getInt32(host, true);
  const bHigh = view.getInt32(host + 4, true);
  if (opcode === 0x6b) return finish(state, register, packDoublewords(aLow, aHigh), packDoublewords(bLow, bHigh));
  const low = packWords(opcode, aLow) | (packWords(opcode, aHigh) << 16);
  return finish(state, register, low, packWords(opcode, bLow) | (packWords(opcode, bHigh) << 16));
}

/** PUNPCKL BW WD DQ (60-62), PUNPCKH (68-6A); the low forms read four bytes of memory. */
export function mmxUnpack(cpu: Cpu, instruction: Instruction): boolean {
  const upper = instruction.opcode >= 0x68;
  const host = mmxSourceHost(cpu, instruction, upper ? 8 : 4);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = mmxWord(instruction.reg);
  const a = state[upper ? register + 1 : register];
  const b = view.getInt32(upper ? host + 4 : host, true);
  switch (instruction.opcode & 3) {
    case 0:
      return finish(state, register, interleaveBytes(a, b, false), interleaveBytes(a, b, true));
    case 1:
      return finish(state, register, interleaveWords(a, b, false), interleaveWords(a, b, true));
    default:
      return finish(state, register, a, b);
  }
}

/** PSHUFW. */
export function mmxShuffleWords(cpu: Cpu, instruction: Instruction): boolean {
  const host = mmxSourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const view = cpu.view;
  const control = instruction.immediate;
  const word0 = view.getUint16(host + 2 * (control & 3), true);
  const word1 = view.getUint16(host + 2 * ((control >> 2) & 3), true);
  const word2 = view.getUint16(host + 2 * ((control >> 4) & 3), true);
  const word3 = view.getUint16(host + 2 * ((control >> 6) & 3), true);
  return finish(cpu.state, mmxWord(instruction.reg), word0 | (word1 << 16), word2 | (word3 << 16));
}

/** MOVD from a general register or memory: zero-extended. */
export function mmxLoad32(cpu: Cpu, instruction: Instruction): boolean {
  if (!mmxReady(cpu)) return false;
  let value = cpu.state[EAX + instruction.rm];
  if (instruction.isMemory) {
    const host = operandForRead(cpu, instruction, 4);
    if (host === 0) return false;
    value = cpu.view.getInt32(host, true);
  }
  return finish(cpu.state, mmxWord(instruction.reg), value, 0);
}

/** MOVD to a general register or memory. */
export function mmxStore32(cpu: Cpu, instruction: Instruction): boolean {
  if (!mmxReady(cpu)) return false;
  const state = cpu.state;
  const value = state[mmxWord(instruction.reg)];
  if (!instruction.isMemory) state[EAX + instruction.rm] = value;
  else if (!store32(cpu, instruction, value)) return false;
  enterMmx(state);
  return true;
}

/** MOVQ from MMX register or memory. */
export function mmxLoad64(cpu: Cpu, instruction: Instruction): boolean {
  const host = mmxSourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const low = cpu.view.getInt32(host, true);
  return finish(cpu.state, mmxWord(instruction.reg), low, cpu.view.getInt32(host + 4, true));
}

/** MOVQ to MMX register or memory, MOVNTQ. */
export function mmxStore64(cpu: Cpu, instruction: Instruction): boolean {
  if (!mmxReady(cpu)) return false;
  const state = cpu.state;
  const register = mmxWord(instruction.reg);
  const low = state[register];
  const high = state[register + 1];
  if (!instruction.isMemory) return finish(state, mmxWord(instruction.rm), low, high);
  if (!store64(cpu, instruction, low, high)) return false;
  enterMmx(state);
  return true;
}

/** PEXTRW. */
export function mmxExtractWord(cpu: Cpu, instruction: Instruction): boolean {
  if (!mmxReady(cpu)) return false;
  const at = (mmxWord(instruction.rm) << 2) + 2 * (instruction.immediate & 3);
  cpu.state[EAX + instruction.reg] = cpu.view.getUint16(at, true);
  enterMmx(cpu.state);
  return true;
}

/** PINSRW from a general register or two bytes of memory. */
export function mmxInsertWord(cpu: Cpu, instruction: Instruction): boolean {
  if (!mmxReady(cpu)) return false;
  let value = cpu.state[EAX + instruction.rm];
  if (instruction.isMemory) {
    const host = operandForRead(cpu, instruction, 2);
    if (host === 0) return false;
    value = cpu.view.getUint16(host, true);
  }
  const register = mmxWord(instruction.reg);
  cpu.view.setUint16((register << 2) + 2 * (instruction.immediate & 3), value, true);
  return finish(cpu.state, register, cpu.state[register], cpu.state[register + 1]);
}

/** PMOVMSKB. */
export function mmxSigns(cpu: Cpu, instruction: Instruction): boolean {
  if (!mmxReady(cpu)) return false;
  const state = cpu.state;
  const register = mmxWord(instruction.rm);
  state[EAX + instruction.reg] = byteSigns(state[register]) | (byteSigns(state[register + 1]) << 4);
  enterMmx(state);
  return true;
}

/** MASKMOVQ: bytes whose mask byte has bit 7 set go to DS:EDI. */
export function mmxMaskedStore(cpu: Cpu, instruction: Instruction): boolean {
  if (!mmxReady(cpu)) return false;
  if (!maskedStore(cpu, instruction, mmxWord(instruction.reg), mmxWord(instruction.rm), 8)) return false;
  enterMmx(cpu.state);
  return true;
}

/** Stores the masked bytes of `size` at DS:EDI or another segment: all the others keep what memory holds. */
export function maskedStore(cpu: Cpu, instruction: Instruction, source: number, mask: number, size: number): boolean {
  const { state, bytes } = cpu;
  const offset = instruction.addressSize === 2 ? state[EDI] & 0xffff : state[EDI];
  const segment = instruction.segment;
  let any = 0;
  for (let k = 0; k < size; k += 4) any |= state[mask + (k >> 2)] & 0x80808080;
  if (any === 0) return true;
  if (!cpu.probeWrite(segment, offset, size, 8) || !cpu.loadBytes(segment, offset, size, 8)) return false;
  for (let k = 0; k < size; k++) {
    if ((bytes[(mask << 2) + k] & 0x80) !== 0) bytes[SCRATCH_OFFSET + k] = bytes[(source << 2) + k];
  }
  return cpu.storeBytes(segment, offset, size, 8);
}

/** EMMS. */
export function emptyState(cpu: Cpu): boolean {
  if (!mmxReady(cpu)) return false;
  cpu.state[FPU_STATUS] &= ~0x3800;
  cpu.state[FPU_TAG] = 0;
  return true;
}

/** MOVDQ2Q: low half of an XMM register. */
export function xmmToMmx(cpu: Cpu, instruction: Instruction): boolean {
  if (!mmxReady(cpu)) return false;
  const from = xmmWord(instruction.rm);
  return finish(cpu.state, mmxWord(instruction.reg), cpu.state[from], cpu.state[from + 1]);
}

/** MOVQ2DQ: zero-extended to an XMM register. */
export function mmxToXmm(cpu: Cpu, instruction: Instruction): boolean {
  if (!mmxReady(cpu)) return false;
  const state = cpu.state;
  const from = mmxWord(instruction.rm);
  const to = xmmWord(instruction.reg);
  state[to] = state[from];
  state[to + 1] = state[from + 1];
  state[to + 2] = 0;
  state[to + 3] = 0;
  enterMmx(state);
  return true;
}
