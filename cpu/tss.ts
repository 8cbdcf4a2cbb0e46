/**
 * The task state segment: its layouts, and what interrupts, call gates and the I/O instructions read of the current one
 * (SDM vol 3A sections 7.2 and 7.6, vol 1 section 18.5.2). TR holds its base, limit and type.
 */
import type { Cpu } from './cpu.js';
import { ACCESS_PRESENT, accessKind, fetchGlobalDescriptor, SystemType, selectorErrorCode } from './descriptor.js';
import { SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_LIMIT, SEGMENT_SELECTOR, TR } from './layout.js';
import { Vector } from './segmentation.js';

const TSS32_INNER_STACKS = 4;
const TSS16_INNER_STACKS = 2;
const TSS32_IO_MAP_BASE = 102;

/** Byte offsets of what a task switch saves and loads. */
export interface TssLayout {
  /** Bytes of EIP, EFLAGS and each register; also the distance of the selectors. */
  readonly width: 2 | 4;
  /** The least limit that a task switch to the TSS accepts. */
  readonly minimumLimit: number;
  /** EIP, with EFLAGS behind it. */
  readonly eip: number;
  /** EAX, and the other general registers behind it in their encoding order. */
  readonly registers: number;
  /** ES, and the other segment registers behind it in their encoding order. */
  readonly segments: number;
  /** Number of segment registers. */
  readonly segmentCount: number;
  /** First byte behind what a switch saves. */
  readonly savedEnd: number;
  readonly localTable: number;
}

export const TSS32 = {
  width: 4,
  minimumLimit: 0x67,
  cr3: 28,
  eip: 32,
  registers: 40,
  segments: 72,
  segmentCount: 6,
  savedEnd: 96,
  localTable: 96,
  /** T flag in bit 0. */
  trap: 100,
} as const satisfies TssLayout & { cr3: number; trap: number };

export const TSS16 = {
  width: 2,
  minimumLimit: 0x2b,
  eip: 14,
  registers: 18,
  segments: 34,
  segmentCount: 4,
  savedEnd: 42,
  localTable: 42,
} as const satisfies TssLayout;

/** Reads the descriptor of a TSS that no task uses to cpu.descriptor; else #GP(selector), #NP(selector) or #PF is raised. */
export function checkAvailableTss(cpu: Cpu, selector: number): boolean {
  if (!fetchGlobalDescriptor(cpu, selector, Vector.GeneralProtection)) return false;
  const { access } = cpu.descriptor;
  const code = selectorErrorCode(selector);
  const kind = accessKind(access);
  if (kind !== SystemType.Tss32 && kind !== SystemType.Tss16) return cpu.raise(Vector.GeneralProtection, code);
  return (access & ACCESS_PRESENT) !== 0 || cpu.raise(Vector.SegmentNotPresent, code);
}

/** True for the types of 32-bit task state segments. */
export function isTss32Kind(kind: number): boolean {
  return kind === SystemType.BusyTss32 || kind === SystemType.Tss32;
}

function isTss32(cpu: Cpu): boolean {
  return isTss32Kind(accessKind(cpu.state[SEGMENT_ACCESS + TR]));
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
