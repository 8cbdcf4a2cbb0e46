/**
 * The task state segment as far as interrupts, call gates and the I/O instructions read it (SDM vol 3A section 7.2, vol 1
 * section 18.5.2). TR holds its base, limit and type.
 */
import type { Cpu } from './cpu.js';
import { accessKind, SystemType, selectorErrorCode } from './descriptor.js';
import { SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_LIMIT, SEGMENT_SELECTOR, TR } from './layout.js';
import { Vector } from './segmentation.js';

const TSS32_INNER_STACKS = 4;
const TSS16_INNER_STACKS = 2;
const TSS32_IO_MAP_BASE = 102;

function isTss32(cpu: Cpu): boolean {
  const kind = accessKind(cpu.state[SEGMENT_ACCESS + TR]);
  return kind === SystemType.BusyTss32 || kind === SystemType.Tss32;
}

/** Linear address of a field of the current TSS, or -1 with #TS(TR) raised when the segment is too short for it. */
function fieldAddress(cpu: Cpu, offset: number, size: number): number {
  const state = cpu.state;
  if (offset + size - 1 > state[SEGMENT_LIMIT + TR] >>> 0) {
    cpu.raise(Vector.InvalidTss, selectorErrorCode(state[SEGMENT_SELECTOR + TR]));
    return -1;
  }
  return (state[SEGMENT_BASE + TR] + offset) >>> 0;
}

/**
 * Stack pointer that the TSS gives for an inner privilege level (0-2); cpu.faulted tells of #TS and #PF.
 * The whole pair of stack pointer and selector must lie within the limit.
 */
export function innerStackPointer(cpu: Cpu, level: number): number {
  if (isTss32(cpu)) {
    const address = fieldAddress(cpu, TSS32_INNER_STACKS + level * 8, 8);
    return address < 0 ? 0 : cpu.readSystem32(address);
  }
  const address = fieldAddress(cpu, TSS16_INNER_STACKS + level * 4, 4);
  return address < 0 ? 0 : cpu.readSystem16(address);
}

/** Stack segment selector that the TSS gives for an inner privilege level; cpu.faulted tells of #TS and #PF. */
export function innerStackSelector(cpu: Cpu, level: number): number {
  const offset = isTss32(cpu) ? TSS32_INNER_STACKS + level * 8 + 4 : TSS16_INNER_STACKS + level * 4 + 2;
  const address = fieldAddress(cpu, offset, 2);
  return address < 0 ? 0 : cpu.readSystem16(address);
}

/**
 * True when the I/O permission map lets the current task use all of the ports port .. port + size - 1. False with
 * cpu.faulted set when reading the map faulted, and without it when the map forbids: the instruction gives #GP(0).
 */
export function ioMapPermits(cpu: Cpu, port: number, size: number): boolean {
  const state = cpu.state;
  const limit = state[SEGMENT_LIMIT + TR] >>> 0;
  const base = state[SEGMENT_BASE + TR];
  if (!isTss32(cpu) || TSS32_IO_MAP_BASE + 1 > limit) return false;
  const map = cpu.readSystem16((base + TSS32_IO_MAP_BASE) | 0);
  if (cpu.faulted) return false;
  const offset = map + (port >>> 3);
  // Two bytes are always read, since the ports may straddle a byte of the map.
  if (offset + 1 > limit) return false;
  const bits = cpu.readSystem16((base + offset) | 0);
  if (cpu.faulted) return false;
  return ((bits >>> (port & 7)) & ((1 << size) - 1)) === 0;
}
