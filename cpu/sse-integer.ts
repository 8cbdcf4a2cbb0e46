/** Packed integer instructions of SSE2 on XMM registers (SDM volume 1, section 11.4.2) and PSHUFx, PEXTRW, PINSRW. */
import type { Cpu } from './cpu.js';
import { multiplyHigh } from './float80-arithmetic.js';
import type { Instruction } from './instruction.js';
import { EAX } from './layout.js';
import { immediateShiftOpcode, maskedStore } from './mmx.js';
import { operandForRead } from './operand-access.js';
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
import { alignedHost, RESULTS, sseReady, xmmWord } from './sse.js';

/** Writes the four words of a register. */
function write(state: Int32Array, register: number, w0: number, w1: number, w2: number, w3: number): boolean {
  state[register] = w0;
  state[register + 1] = w1;
  state[register + 2] = w2;
  state[register + 3] = w3;
  return true;
}

/** All operations of combineWords. */
export function xmmWords(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const opcode = instruction.opcode;
  const w0 = combineWords(opcode, state[register], view.getInt32(host, true));
  const w1 = combineWords(opcode, state[register + 1], view.getInt32(host + 4, true));
  const w2 = combineWords(opcode, state[register + 2], view.getInt32(host + 8, true));
  const w3 = combineWords(opcode, state[register + 3], view.getInt32(host + 12, true));
  return write(state, register, w0, w1, w2, w3);
}

/** PXOR, XORPS, XORPD. */
export function xmmXor(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const w0 = state[register] ^ view.getInt32(host, true);
  const w1 = state[register + 1] ^ view.getInt32(host + 4, true);
  const w2 = state[register + 2] ^ view.getInt32(host + 8, true);
  return write(state, register, w0, w1, w2, state[register + 3] ^ view.getInt32(host + 12, true));
}

/** PAND, ANDPS, ANDPD. */
export function xmmAnd(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const w0 = state[register] & view.getInt32(host, true);
  const w1 = state[register + 1] & view.getInt32(host + 4, true);
  const w2 = state[register + 2] & view.getInt32(host + 8, true);
  return write(state, register, w0, w1, w2, state[register + 3] & view.getInt32(host + 12, true));
}

/** PANDN, ANDNPS, ANDNPD. */
export function xmmAndNot(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const w0 = ~state[register] & view.getInt32(host, true);
  const w1 = ~state[register + 1] & view.getInt32(host + 4, true);
  const w2 = ~state[register + 2] & view.getInt32(host + 8, true);
  return write(state, register, w0, w1, w2, ~state[register + 3] & view.getInt32(host + 12, true));
}

/** POR, ORPS, ORPD. */
export function xmmOr(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const w0 = state[register] | view.getInt32(host, true);
  const w1 = state[register + 1] | view.getInt32(host + 4, true);
  const w2 = state[register + 2] | view.getInt32(host + 8, true);
  return write(state, register, w0, w1, w2, state[register + 3] | view.getInt32(host + 12, true));
}

/** PADDD. */
export function xmmAddDoublewords(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const w0 = state[register] + view.getInt32(host, true);
  const w1 = state[register + 1] + view.getInt32(host + 4, true);
  const w2 = state[register + 2] + view.getInt32(host + 8, true);
  return write(state, register, w0 | 0, w1 | 0, w2 | 0, (state[register + 3] + view.getInt32(host + 12, true)) | 0);
}

/** PADDQ (D4), PSUBQ (FB). */
export function xmmQuads(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  for (let k = 0; k < 4; k += 2) {
    const aLow = state[register + k];
    const bLow = view.getInt32(host + 4 * k, true);
    const bHigh = view.getInt32(host + 4 * k + 4, true);
    if (instruction.opcode === 0xd4) {
      const low = (aLow + bLow) | 0;
      state[RESULTS + k] = low;
      state[RESULTS + k + 1] = state[register + k + 1] + bHigh + (low >>> 0 < aLow >>> 0 ? 1 : 0);
    } else {
      state[RESULTS + k] = aLow - bLow;
      state[RESULTS + k + 1] = state[register + k + 1] - bHigh - (aLow >>> 0 < bLow >>> 0 ? 1 : 0);
    }
  }
  return write(state, register, state[RESULTS], state[RESULTS + 1], state[RESULTS + 2], state[RESULTS + 3]);
}

/** PMULUDQ. */
export function xmmMultiplyUnsigned(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const a0 = state[register];
  const a2 = state[register + 2];
  const b0 = view.getInt32(host, true);
  const b2 = view.getInt32(host + 8, true);
  return write(state, register, Math.imul(a0, b0), multiplyHigh(a0, b0), Math.imul(a2, b2), multiplyHigh(a2, b2));
}

/** PSADBW. */
export function xmmSumDifferences(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const first = byteDifferences(state[register], view.getInt32(host, true));
  const second = byteDifferences(state[register + 1], view.getInt32(host + 4, true));
  const third = byteDifferences(state[register + 2], view.getInt32(host + 8, true));
  const fourth = byteDifferences(state[register + 3], view.getInt32(host + 12, true));
  return write(state, register, first + second, 0, third + fourth, 0);
}

function shift(state: Int32Array, register: number, opcode: number, count: number): boolean {
  if ((opcode & 3) !== 3) {
    for (let k = 0; k < 4; k++) state[register + k] = shiftWord(opcode, state[register + k], count);
    return true;
  }
  for (let k = 0; k < 4; k += 2) {
    const low = state[register + k];
    const high = state[register + k + 1];
    state[register + k] = shiftQuadLow(opcode, low, high, count);
    state[register + k + 1] = shiftQuadHigh(opcode, low, high, count);
  }
  return true;
}

/** PSRLW ... PSLLQ by the low quadword of the source. */
export function xmmShift(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const low = cpu.view.getUint32(host, true);
  const count = cpu.view.getInt32(host + 4, true) === 0 ? Math.min(low, 64) : 64;
  return shift(cpu.state, xmmWord(instruction.reg), instruction.opcode, count);
}

export function xmmShiftImmediate(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const count = Math.min(instruction.immediate & 0xff, 64);
  return shift(cpu.state, xmmWord(instruction.rm), immediateShiftOpcode(instruction), count);
}

const SHIFT_LEFT_BYTES = 7;

/** PSRLDQ (reg field 3), PSLLDQ (7): by bytes. */
export function xmmShiftBytes(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const bytes = cpu.bytes;
  const at = xmmWord(instruction.rm) << 2;
  const count = Math.min(instruction.immediate & 0xff, 16);
  if (instruction.reg === SHIFT_LEFT_BYTES) {
    bytes.copyWithin(at + count, at, at + 16 - count);
    bytes.fill(0, at, at + count);
  } else {
    bytes.copyWithin(at, at + count, at + 16);
    bytes.fill(0, at + 16 - count, at + 16);
  }
  return true;
}

/** PACKSSWB (63), PACKUSWB (67), PACKSSDW (6B). */
export function xmmPack(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const opcode = instruction.opcode;
  const b0 = view.getInt32(host, true);
  const b1 = view.getInt32(host + 4, true);
  const b2 = view.getInt32(host + 8, true);
  const b3 = view.getInt32(host + 12, true);
  const a0 = state[register];
  const a1 = state[register + 1];
  const a2 = state[register + 2];
  const a3 = state[register + 3];
  if (opcode === 0x6b) {
    const low = packDoublewords(a2, a3);
    return write(state, register, packDoublewords(a0, a1), low, packDoublewords(b0, b1), packDoublewords(b2, b3));
  }
  const w0 = packWords(opcode, a0) | (packWords(opcode, a1) << 16);
  const w1 = packWords(opcode, a2) | (packWords(opcode, a3) << 16);
  const w2 = packWords(opcode, b0) | (packWords(opcode, b1) << 16);
  return write(state, register, w0, w1, w2, packWords(opcode, b2) | (packWords(opcode, b3) << 16));
}

/** PUNPCKL BW WD DQ (60-62) QDQ (6C), PUNPCKH (68-6A, 6D). */
export function xmmUnpack(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const opcode = instruction.opcode;
  const upper = opcode === 0x6d || (opcode >= 0x68 && opcode !== 0x6c);
  const from = upper ? 2 : 0;
  const a0 = state[register + from];
  const a1 = state[register + from + 1];
  const b0 = view.getInt32(host + 4 * from, true);
  const b1 = view.getInt32(host + 4 * from + 4, true);
  if (opcode >= 0x6c) return write(state, register, a0, a1, b0, b1);
  switch (opcode & 3) {
    case 0: {
      const w0 = interleaveBytes(a0, b0, false);
      const w1 = interleaveBytes(a0, b0, true);
      return write(state, register, w0, w1, interleaveBytes(a1, b1, false), interleaveBytes(a1, b1, true));
    }
    case 1: {
      const w0 = interleaveWords(a0, b0, false);
      const w1 = interleaveWords(a0, b0, true);
      return write(state, register, w0, w1, interleaveWords(a1, b1, false), interleaveWords(a1, b1, true));
    }
    default:
      return write(state, register, a0, b0, a1, b1);
  }
}

/** PSHUFD. */
export function xmmShuffleDoublewords(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const view = cpu.view;
  const control = instruction.immediate;
  const w0 = view.getInt32(host + 4 * (control & 3), true);
  const w1 = view.getInt32(host + 4 * ((control >> 2) & 3), true);
  const w2 = view.getInt32(host + 4 * ((control >> 4) & 3), true);
  const w3 = view.getInt32(host + 4 * ((control >> 6) & 3), true);
  return write(cpu.state, xmmWord(instruction.reg), w0, w1, w2, w3);
}

const PREFIX_HIGH_WORDS = 0xf3;

/** PSHUFLW (F2), PSHUFHW (F3): four words of one half, the other half copied. */
export function xmmShuffleWords(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const view = cpu.view;
  const control = instruction.immediate;
  const upper = instruction.rep === PREFIX_HIGH_WORDS;
  const half = upper ? host + 8 : host;
  const low =
    view.getUint16(half + 2 * (control & 3), true) | (view.getUint16(half + 2 * ((control >> 2) & 3), true) << 16);
  const high =
    view.getUint16(half + 2 * ((control >> 4) & 3), true) |
    (view.getUint16(half + 2 * ((control >> 6) & 3), true) << 16);
  const register = xmmWord(instruction.reg);
  if (upper) return write(cpu.state, register, view.getInt32(host, true), view.getInt32(host + 4, true), low, high);
  return write(cpu.state, register, low, high, view.getInt32(host + 8, true), view.getInt32(host + 12, true));
}

/** PEXTRW. */
export function xmmExtractWord(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const at = (xmmWord(instruction.rm) << 2) + 2 * (instruction.immediate & 7);
  cpu.state[EAX + instruction.reg] = cpu.view.getUint16(at, true);
  return true;
}

/** PINSRW from a general register or two bytes of memory. */
export function xmmInsertWord(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  let value = cpu.state[EAX + instruction.rm];
  if (instruction.isMemory) {
    const host = operandForRead(cpu, instruction, 2);
    if (host === 0) return false;
    value = cpu.view.getUint16(host, true);
  }
  cpu.view.setUint16((xmmWord(instruction.reg) << 2) + 2 * (instruction.immediate & 7), value, true);
  return true;
}

/** PMOVMSKB. */
export function xmmSigns(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const state = cpu.state;
  const register = xmmWord(instruction.rm);
  state[EAX + instruction.reg] =
    byteSigns(state[register]) |
    (byteSigns(state[register + 1]) << 4) |
    (byteSigns(state[register + 2]) << 8) |
    (byteSigns(state[register + 3]) << 12);
  return true;
}

/** MASKMOVDQU. */
export function xmmMaskedStore(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  return maskedStore(cpu, instruction, xmmWord(instruction.reg), xmmWord(instruction.rm), 16);
}
