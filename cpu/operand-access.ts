/**
 * Memory operands of the floating-point and SIMD instructions: the host offset where the bytes lie, straight from the
 * TLB when segment and page allow it, else by way of the scratch area.
 */
import type { Cpu } from './cpu.js';
import { effectiveOffset, type Instruction } from './instruction.js';
import { PAGE_MASK, PAGE_SIZE, SCRATCH_OFFSET, SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_LIMIT } from './layout.js';

const SCRATCH_WORDS = SCRATCH_OFFSET >> 2;

/** Host byte offset of `size` readable bytes of the memory operand; 0 when an exception was raised. */
export function operandForRead(cpu: Cpu, instruction: Instruction, size: number): number {
  const state = cpu.state;
  const segment = instruction.segment;
  const offset = effectiveOffset(cpu, instruction);
  // Present expand-up data, base 0, 4 GB: nothing to check.
  if (
    state[SEGMENT_BASE + segment] === 0 &&
    state[SEGMENT_LIMIT + segment] === -1 &&
    (state[SEGMENT_ACCESS + segment] & 0x9c) === 0x90
  ) {
    const page = state[cpu.readTable + (offset >>> 12)];
    if (page !== 0 && (offset & PAGE_MASK) <= PAGE_SIZE - size) return (page | (offset & PAGE_MASK)) >>> 0;
  }
  return cpu.loadBytes(segment, offset, size) ? SCRATCH_OFFSET : 0;
}

/** Host byte offset to which `size` bytes may be written at once; 0 when the slow way must be gone. */
function directForWrite(cpu: Cpu, instruction: Instruction, offset: number, size: number): number {
  const state = cpu.state;
  const segment = instruction.segment;
  if (
    state[SEGMENT_BASE + segment] !== 0 ||
    state[SEGMENT_LIMIT + segment] !== -1 ||
    (state[SEGMENT_ACCESS + segment] & 0x9e) !== 0x92
  ) {
    return 0;
  }
  const page = state[cpu.writeTable + (offset >>> 12)];
  if (page === 0 || (offset & PAGE_MASK) > PAGE_SIZE - size) return 0;
  return (page | (offset & PAGE_MASK)) >>> 0;
}

/** Stores two bytes to the memory operand. False: an exception was raised. */
export function store16(cpu: Cpu, instruction: Instruction, value: number): boolean {
  return cpu.write16(instruction.segment, effectiveOffset(cpu, instruction), value);
}

/** Stores a word of 32 bits to the memory operand. False: an exception was raised. */
export function store32(cpu: Cpu, instruction: Instruction, value: number): boolean {
  const offset = effectiveOffset(cpu, instruction);
  const host = directForWrite(cpu, instruction, offset, 4);
  if (host === 0) return cpu.write32(instruction.segment, offset, value);
  cpu.view.setInt32(host, value, true);
  return true;
}

/** Stores 64 bits to the memory operand. False: an exception was raised. */
export function store64(cpu: Cpu, instruction: Instruction, low: number, high: number): boolean {
  const offset = effectiveOffset(cpu, instruction);
  const host = directForWrite(cpu, instruction, offset, 8);
  if (host === 0) {
    cpu.state[SCRATCH_WORDS] = low;
    cpu.state[SCRATCH_WORDS + 1] = high;
    return cpu.storeBytes(instruction.segment, offset, 8);
  }
  const view = cpu.view;
  view.setInt32(host, low, true);
  view.setInt32(host + 4, high, true);
  return true;
}

/**
 * Copies 8 bytes from one byte offset of the linear memory to another. As one 64-bit move where that is safe: a processor
 * stalls when it loads 64 bits that were stored as two words. NaN patterns go by words, since an engine may change them.
 */
export function copyQuad(cpu: Cpu, from: number, to: number): void {
  const view = cpu.view;
  const value = view.getFloat64(from, true);
  if (!Number.isNaN(value)) {
    view.setFloat64(to, value, true);
    return;
  }
  const low = view.getInt32(from, true);
  view.setInt32(to + 4, view.getInt32(from + 4, true), true);
  view.setInt32(to, low, true);
}

/** Stores the two words at word index `from` to the memory operand. False: an exception was raised. */
export function storeQuadFrom(cpu: Cpu, instruction: Instruction, from: number): boolean {
  const offset = effectiveOffset(cpu, instruction);
  const host = directForWrite(cpu, instruction, offset, 8);
  if (host === 0) {
    copyQuad(cpu, from << 2, SCRATCH_OFFSET);
    return cpu.storeBytes(instruction.segment, offset, 8);
  }
  copyQuad(cpu, from << 2, host);
  return true;
}

/** Stores the four words at word index `from` to the memory operand. False: an exception was raised. */
export function store128(cpu: Cpu, instruction: Instruction, from: number): boolean {
  const offset = effectiveOffset(cpu, instruction);
  const host = directForWrite(cpu, instruction, offset, 16);
  if (host === 0) {
    cpu.state.copyWithin(SCRATCH_WORDS, from, from + 4);
    return cpu.storeBytes(instruction.segment, offset, 16);
  }
  copyQuad(cpu, from << 2, host);
  copyQuad(cpu, (from + 2) << 2, host + 8);
  return true;
}

/** Stores `size` bytes of the scratch area to the memory operand. False: an exception was raised. */
export function storeScratch(cpu: Cpu, instruction: Instruction, size: number): boolean {
  return cpu.storeBytes(instruction.segment, effectiveOffset(cpu, instruction), size);
}
