/**
 * Several pushes as one act: far calls, call gates, interrupt delivery. The values are staged first; then limits, then
 * pages of the whole frame are checked, and only when nothing can fail any more is it written. Limits come apart from pages, since
 * transfers check the offset that they go to between them.
 */
import type { Cpu } from './cpu.js';
import { ACCESS_BIG } from './descriptor.js';
import { ESP, PAGE_MASK, SCRATCH_OFFSET, SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_LIMIT, SS } from './layout.js';
import { AccessKind } from './paging.js';
import { Vector, withinLimit } from './segmentation.js';

/** Staged values lie at the end of the scratch page; the longest frame is that of a call gate with 31 parameters. */
const STAGE = (SCRATCH_OFFSET + 0xe00) >>> 2;

/** Puts the value of the push number `index` in place; push 0 comes first and has the highest address. */
export function stagePush(cpu: Cpu, index: number, value: number): void {
  cpu.state[STAGE + index] = value;
}

/** Bits of ESP that a stack with this access word uses. */
export function stackMask(access: number): number {
  return (access & ACCESS_BIG) === 0 ? 0xffff : -1;
}

/** ESP with its used part replaced: a 16-bit stack leaves the upper half alone. */
export function mergeStackPointer(old: number, offset: number, access: number): number {
  const mask = stackMask(access);
  return (old & ~mask) | (offset & mask);
}

/** True when so many pushes of 2 or 4 bytes below `top` lie within a stack segment; else #SS(errorCode) is raised. */
export function checkFrame(
  cpu: Cpu,
  limit: number,
  access: number,
  top: number,
  count: number,
  size: number,
  errorCode: number,
): boolean {
  const mask = stackMask(access);
  for (let index = 1; index <= count; index++) {
    const offset = ((top - index * size) & mask) >>> 0;
    if (!withinLimit(access, limit, offset, size)) return cpu.raise(Vector.StackFault, errorCode);
  }
  return true;
}

/**
 * Writes the staged pushes below `top` of any stack segment, whose limits they have passed.
 *
 * @param size bytes of each push, 2 or 4
 * @param supervisor rights of the writes: those of the privilege level that the stack belongs to
 * @returns false when #PF or #AC was raised; nothing is written then
 */
export function writeFrame(
  cpu: Cpu,
  base: number,
  access: number,
  top: number,
  count: number,
  size: number,
  supervisor: boolean,
): boolean {
  const mask = stackMask(access);
  for (let index = 1; index <= count; index++) {
    const linear = (base + ((top - index * size) & mask)) | 0;
    if (!supervisor && !cpu.aligned(linear, size)) return false;
    if (cpu.resolve(linear, AccessKind.Write, supervisor) === 0) return false;
    const last = (linear + size - 1) | 0;
    if (((linear ^ last) & ~PAGE_MASK) === 0) continue;
    if (cpu.resolve(last & ~PAGE_MASK, AccessKind.Write, supervisor) === 0) return false;
  }
  const state = cpu.state;
  for (let index = 1; index <= count; index++) {
    const linear = (base + ((top - index * size) & mask)) | 0;
    const value = state[STAGE + index - 1];
    const written = size === 4 ? write32(cpu, linear, value, supervisor) : write16(cpu, linear, value, supervisor);
    if (!written) return false;
  }
  return true;
}

function write32(cpu: Cpu, linear: number, value: number, supervisor: boolean): boolean {
  return supervisor ? cpu.writeSystem32(linear, value) : cpu.writeLinear32(linear, value);
}

function write16(cpu: Cpu, linear: number, value: number, supervisor: boolean): boolean {
  return supervisor ? cpu.writeSystem16(linear, value) : cpu.writeLinear16(linear, value);
}

/** True when the current stack has room for so many pushes; else #SS(0) is raised. */
export function checkPush(cpu: Cpu, count: number, size: number): boolean {
  const { state } = cpu;
  return checkFrame(cpu, state[SEGMENT_LIMIT + SS], state[SEGMENT_ACCESS + SS], state[ESP], count, size, 0);
}

/** Pushes the staged values on the current stack and moves ESP. False when #SS(0), #PF or #AC was raised. */
export function pushFrame(cpu: Cpu, count: number, size: number, supervisor: boolean): boolean {
  if (!checkPush(cpu, count, size)) return false;
  const state = cpu.state;
  const access = state[SEGMENT_ACCESS + SS];
  const top = state[ESP];
  if (!writeFrame(cpu, state[SEGMENT_BASE + SS], access, top, count, size, supervisor)) return false;
  state[ESP] = mergeStackPointer(top, top - count * size, access);
  return true;
}

/**
 * Reads the item number `index` above ESP (0 = top of stack) without popping it; cpu.faulted tells of #SS(0) and #PF.
 * @param skip bytes between ESP and item 0
 */
export function peekStack(cpu: Cpu, index: number, size: number, skip: number): number {
  const state = cpu.state;
  const offset = (state[ESP] + skip + index * size) & stackMask(state[SEGMENT_ACCESS + SS]);
  return size === 4 ? cpu.read32(SS, offset) : cpu.read16(SS, offset);
}

/** Moves ESP up by this many bytes. */
export function dropStack(cpu: Cpu, bytes: number): void {
  const state = cpu.state;
  state[ESP] = mergeStackPointer(state[ESP], state[ESP] + bytes, state[SEGMENT_ACCESS + SS]);
}
