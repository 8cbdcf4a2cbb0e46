/** SSE data movement, floating-point shuffles, MXCSR and cacheability instructions. */
import type { Cpu } from './cpu.js';
import type { Instruction } from './instruction.js';
import { EAX, MXCSR } from './layout.js';
import { copyQuad, operandForRead, store32, store64, store128, storeQuadFrom } from './operand-access.js';
import { alignedHost, isAligned, sourceHost, sseReady, xmmWord } from './sse.js';
import { MXCSR_MASK } from './x87-control.js';

const VECTOR_PROTECTION = 13;

/** Copies 16 bytes of the linear memory, neither part of which overlaps the other unless they are the same. */
function copyOcta(cpu: Cpu, from: number, to: number): boolean {
  copyQuad(cpu, from, to);
  copyQuad(cpu, from + 8, to + 8);
  return true;
}

/** MOVAPS, MOVAPD, MOVDQA from register or aligned memory. */
export function loadAligned(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  return host !== 0 && copyOcta(cpu, host, xmmWord(instruction.reg) << 2);
}

/** MOVUPS, MOVUPD, MOVDQU, LDDQU. */
export function loadUnaligned(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 16);
  return host !== 0 && copyOcta(cpu, host, xmmWord(instruction.reg) << 2);
}

/** MOVAPS, MOVAPD, MOVDQA to register or aligned memory, MOVNTPS, MOVNTPD, MOVNTDQ. */
export function storeAligned(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  if (!instruction.isMemory) return copyOcta(cpu, xmmWord(instruction.reg) << 2, xmmWord(instruction.rm) << 2);
  return isAligned(cpu, instruction) && store128(cpu, instruction, xmmWord(instruction.reg));
}

/** MOVUPS, MOVUPD, MOVDQU to register or memory. */
export function storeUnaligned(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  if (!instruction.isMemory) return copyOcta(cpu, xmmWord(instruction.reg) << 2, xmmWord(instruction.rm) << 2);
  return store128(cpu, instruction, xmmWord(instruction.reg));
}

/** MOVSD xmm, xmm/m64: a load clears the upper half, a register leaves it. */
export function loadScalarDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const register = xmmWord(instruction.reg);
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  copyQuad(cpu, host, register << 2);
  if (instruction.isMemory) cpu.view.setFloat64((register + 2) << 2, 0, true);
  return true;
}

/** MOVSD xmm/m64, xmm; also MOVLPS and MOVLPD to memory. */
export function storeScalarDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const register = xmmWord(instruction.reg);
  if (instruction.isMemory) return storeQuadFrom(cpu, instruction, register);
  copyQuad(cpu, register << 2, xmmWord(instruction.rm) << 2);
  return true;
}

/** MOVSS xmm, xmm/m32. */
export function loadScalarSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const state = cpu.state;
  const register = xmmWord(instruction.reg);
  if (!instruction.isMemory) {
    state[register] = state[xmmWord(instruction.rm)];
    return true;
  }
  const host = operandForRead(cpu, instruction, 4);
  if (host === 0) return false;
  state[register] = cpu.view.getInt32(host, true);
  state[register + 1] = 0;
  state[register + 2] = 0;
  state[register + 3] = 0;
  return true;
}

/** MOVSS xmm/m32, xmm. */
export function storeScalarSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const state = cpu.state;
  const register = xmmWord(instruction.reg);
  if (instruction.isMemory) return store32(cpu, instruction, state[register]);
  state[xmmWord(instruction.rm)] = state[register];
  return true;
}

/** MOVQ xmm, xmm/m64 (F3 0F 7E): the upper half becomes zero. */
export function loadQuad(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const register = xmmWord(instruction.reg) << 2;
  copyQuad(cpu, host, register);
  cpu.view.setFloat64(register + 8, 0, true);
  return true;
}

/** MOVQ xmm/m64, xmm (66 0F D6): a register's upper half becomes zero. */
export function storeQuad(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const state = cpu.state;
  const register = xmmWord(instruction.reg);
  if (instruction.isMemory) return store64(cpu, instruction, state[register], state[register + 1]);
  const to = xmmWord(instruction.rm);
  state[to] = state[register];
  state[to + 1] = state[register + 1];
  state[to + 2] = 0;
  state[to + 3] = 0;
  return true;
}

/** MOVD xmm, r/m32. */
export function loadDoubleword(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const state = cpu.state;
  let value = state[EAX + instruction.rm];
  if (instruction.isMemory) {
    const host = operandForRead(cpu, instruction, 4);
    if (host === 0) return false;
    value = cpu.view.getInt32(host, true);
  }
  const register = xmmWord(instruction.reg);
  state[register] = value;
  state[register + 1] = 0;
  state[register + 2] = 0;
  state[register + 3] = 0;
  return true;
}

/** MOVD r/m32, xmm. */
export function storeDoubleword(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const value = cpu.state[xmmWord(instruction.reg)];
  if (instruction.isMemory) return store32(cpu, instruction, value);
  cpu.state[EAX + instruction.rm] = value;
  return true;
}

/** MOVLPS, MOVLPD from memory; MOVHLPS from a register: the lower half. */
export function loadLow(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = instruction.isMemory ? operandForRead(cpu, instruction, 8) : (xmmWord(instruction.rm) + 2) << 2;
  if (host === 0) return false;
  copyQuad(cpu, host, xmmWord(instruction.reg) << 2);
  return true;
}

/** MOVHPS, MOVHPD from memory; MOVLHPS from a register: the upper half. */
export function loadHigh(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  copyQuad(cpu, host, (xmmWord(instruction.reg) + 2) << 2);
  return true;
}

/** MOVHPS, MOVHPD to memory. */
export function storeHigh(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const register = xmmWord(instruction.reg);
  return storeQuadFrom(cpu, instruction, register + 2);
}

function writeWords(cpu: Cpu, instruction: Instruction, w0: number, w1: number, w2: number, w3: number): boolean {
  const register = xmmWord(instruction.reg);
  cpu.state[register] = w0;
  cpu.state[register + 1] = w1;
  cpu.state[register + 2] = w2;
  cpu.state[register + 3] = w3;
  return true;
}

/** UNPCKLPS (14), UNPCKHPS (15). */
export function unpackSingles(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const from = instruction.opcode === 0x15 ? 2 : 0;
  const register = xmmWord(instruction.reg) + from;
  const second = view.getInt32(host + 4 * from + 4, true);
  return writeWords(
    cpu,
    instruction,
    state[register],
    view.getInt32(host + 4 * from, true),
    state[register + 1],
    second,
  );
}

/** UNPCKLPD (14), UNPCKHPD (15). */
export function unpackDoubles(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const from = instruction.opcode === 0x15 ? 2 : 0;
  const register = xmmWord(instruction.reg) + from;
  const low = view.getInt32(host + 4 * from, true);
  return writeWords(
    cpu,
    instruction,
    state[register],
    state[register + 1],
    low,
    view.getInt32(host + 4 * from + 4, true),
  );
}

/** SHUFPS. */
export function shuffleSingles(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const register = xmmWord(instruction.reg);
  const control = instruction.immediate;
  const w2 = view.getInt32(host + 4 * ((control >> 4) & 3), true);
  const w3 = view.getInt32(host + 4 * ((control >> 6) & 3), true);
  return writeWords(cpu, instruction, state[register + (control & 3)], state[register + ((control >> 2) & 3)], w2, w3);
}

/** SHUFPD. */
export function shuffleDoubles(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const { state, view } = cpu;
  const from = xmmWord(instruction.reg) + (instruction.immediate & 1) * 2;
  const half = host + (instruction.immediate & 2) * 4;
  return writeWords(
    cpu,
    instruction,
    state[from],
    state[from + 1],
    view.getInt32(half, true),
    view.getInt32(half + 4, true),
  );
}

/** MOVMSKPS. */
export function signsOfSingles(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const state = cpu.state;
  const register = xmmWord(instruction.rm);
  state[EAX + instruction.reg] =
    (state[register] >>> 31) |
    ((state[register + 1] >>> 30) & 2) |
    ((state[register + 2] >>> 29) & 4) |
    ((state[register + 3] >>> 28) & 8);
  return true;
}

/** MOVMSKPD. */
export function signsOfDoubles(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const state = cpu.state;
  const register = xmmWord(instruction.rm);
  state[EAX + instruction.reg] = (state[register + 1] >>> 31) | ((state[register + 3] >>> 30) & 2);
  return true;
}

/** MOVSLDUP (12), MOVSHDUP (16). */
export function duplicateSingles(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const from = instruction.opcode === 0x16 ? host + 4 : host;
  const low = cpu.view.getInt32(from, true);
  const high = cpu.view.getInt32(from + 8, true);
  return writeWords(cpu, instruction, low, low, high, high);
}

/** MOVDDUP. */
export function duplicateDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const low = cpu.view.getInt32(host, true);
  const high = cpu.view.getInt32(host + 4, true);
  return writeWords(cpu, instruction, low, high, low, high);
}

/** LDMXCSR: #GP(0) when a reserved bit is set. */
export function loadMxcsr(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = operandForRead(cpu, instruction, 4);
  if (host === 0) return false;
  const value = cpu.view.getInt32(host, true);
  if ((value & ~MXCSR_MASK) !== 0) return cpu.raise(VECTOR_PROTECTION, 0);
  cpu.state[MXCSR] = value;
  return true;
}

/** STMXCSR. */
export function storeMxcsr(cpu: Cpu, instruction: Instruction): boolean {
  return sseReady(cpu) && store32(cpu, instruction, cpu.state[MXCSR]);
}

/** MOVNTI. */
export function storeNonTemporal(cpu: Cpu, instruction: Instruction): boolean {
  return store32(cpu, instruction, cpu.state[EAX + instruction.reg]);
}

/** LFENCE, MFENCE, SFENCE, PREFETCHh: memory here is strongly ordered and has no caches. */
export function noEffect(): boolean {
  return true;
}

/** CLFLUSH: faults as a load of one byte does, and has no other effect. */
export function flushLine(cpu: Cpu, instruction: Instruction): boolean {
  return operandForRead(cpu, instruction, 1) !== 0;
}
