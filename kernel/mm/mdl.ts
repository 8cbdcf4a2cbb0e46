import { PoolType } from '../ex/pool.js';
import { type VirtualAddress, virtualAddress } from '../types.js';
import { PAGE_SIZE, PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { contentsReplaced, decrementReferenceCount, markModified } from './pfn-counts.js';

/** MDL without its array of frames. */
const MDL_SIZE = 0x1c;

/** MDL: bytes in page frames that are locked in memory (nt52.md 10.7). Every frame has a reference for it. */
export interface Mdl {
  readonly frames: number[];
  /** Where the bytes begin in the first page. */
  readonly byteOffset: number;
  readonly byteCount: number;
  readonly poolAddress: VirtualAddress;
}

/** An MDL without pages yet; null: INSUFFICIENT_RESOURCES. */
export function createMdl(mm: MemoryManager, byteOffset: number, byteCount: number): Mdl | null {
  const pages = Math.ceil((byteOffset + byteCount) / PAGE_SIZE);
  const poolAddress = mm.pool.allocate(PoolType.NonPaged, MDL_SIZE + pages * 4, 'Mdl ');
  if (poolAddress === 0) return null;
  const mdl: Mdl = { frames: [], byteOffset, byteCount, poolAddress: virtualAddress(poolAddress) };
  mm.lockedPages.add(mdl);
  return mdl;
}

/**
 * MmProbeAndLockPages for the next page, which is in memory: it stays there, on no list, though every PTE of it be trimmed.
 */
export function lockPage(mm: MemoryManager, mdl: Mdl, frame: number): void {
  mm.pfn.setReferenceCount(frame, mm.pfn.referenceCount(frame) + 1);
  mdl.frames.push(frame);
}

/** MmUnlockPages, and the end of the MDL. What was written is marked before. */
export function unlockPages(mm: MemoryManager, mdl: Mdl): void {
  if (!mm.lockedPages.delete(mdl)) return;
  for (const frame of mdl.frames) decrementReferenceCount(mm, frame);
  mm.pool.free(mdl.poolAddress);
}

/** The bytes of locked pages were changed. */
export function markWritten(mm: MemoryManager, mdl: Mdl): void {
  for (const frame of mdl.frames) {
    markModified(mm, frame);
    contentsReplaced(mm, frame);
  }
}

/** Where a byte of a locked MDL is in linear memory: good to the end of its page. */
export function mdlByte(mm: MemoryManager, mdl: Mdl, index: number): number {
  const at = mdl.byteOffset + index;
  return mm.memory.hostPage(mdl.frames[Math.floor(at / PAGE_SIZE)]) + (at % PAGE_SIZE);
}

/** The first locked page that lacks a reference, in one sentence, or null. */
export function verifyLockedPages(mm: MemoryManager): string | null {
  const locks = new Map<number, number>();
  for (const { frames } of mm.lockedPages) {
    for (const frame of frames) locks.set(frame, (locks.get(frame) ?? 0) + 1);
  }
  for (const [frame, count] of locks) {
    const isActive = mm.pfn.location(frame) === PageLocation.Active;
    const references = mm.pfn.referenceCount(frame);
    if (!isActive && mm.pfn.location(frame) !== PageLocation.Transition) {
      return `PFN ${frame.toString(16)} is locked by an MDL, but has location ${mm.pfn.location(frame)}`;
    }
    if (references < count + (isActive ? 1 : 0)) {
      return `PFN ${frame.toString(16)} is locked by ${count} MDLs, but has reference count ${references}`;
    }
  }
  return null;
}
