import type { MemoryManager } from './memory-manager.js';
import { deletePrototypePte } from './prototype-fault.js';
import type { Vad } from './vad.js';

/**
 * Pages that a fork has made common to several processes (nt52.md 21). Each has a prototype PTE of its own in paged pool (a
 * fork prototype), which the processes' VADs name; the first store copies the page, and the last process keeps or deletes it.
 */

/** MMCLONE_HEADER: the fork prototypes that one fork made for a region. */
export interface CloneBlock {
  /** Address of the array in paged pool. */
  readonly address: number;
  /** MMCLONE_BLOCKs, by page of the array. */
  readonly pages: ClonedPage[];
  /** Those that somebody refers to still (NumberOfPtes). */
  live: number;
}

/** MMCLONE_BLOCK: a fork prototype and how many processes refer to it. */
export interface ClonedPage {
  readonly block: CloneBlock;
  /** Address of the prototype PTE. */
  readonly address: number;
  /** CloneRefCount. */
  references: number;
}

/** Bytes that a cloned page takes of paged pool beside its prototype PTE: reference count, and its place in a VAD. */
export const CLONE_SIZE = 8;

/** Another VAD names a cloned page. */
export function referClone(vad: Vad, vpn: number, page: ClonedPage): void {
  vad.clones ??= new Map();
  vad.clones.set(vpn, page);
  page.references++;
}

/**
 * A process has a page for itself now, or none (MiDecrementCloneBlockReference): its PTE refers to the fork prototype no more. The
 * last reference deletes the page. Environment: fault path; the block stays until freeDeadClones.
 */
export function releaseClone(mm: MemoryManager, vad: Vad, vpn: number): void {
  const page = takeClone(vad, vpn);
  if (page !== null && page.references === 0) deletePrototypePte(mm, page.address);
}

/** A VAD names a cloned page no more; what was behind the last reference is the caller's. Null: it did not name one. */
export function takeClone(vad: Vad, vpn: number): ClonedPage | null {
  const page = vad.clones?.get(vpn);
  if (page === undefined) return null;
  vad.clones?.delete(vpn);
  page.references--;
  if (page.references === 0) page.block.live--;
  return page;
}

/** As releaseClone for the pages of a range that are deleted already. */
export function releaseClones(mm: MemoryManager, vad: Vad, first: number, last: number): void {
  if (vad.clones === null) return;
  for (const vpn of [...vad.clones.keys()]) {
    if (vpn >= first && vpn <= last) releaseClone(mm, vad, vpn);
  }
}

/** Gives back the pool of blocks that nobody refers to. Environment: PASSIVE_LEVEL, not in a fault. */
export function freeDeadClones(mm: MemoryManager): void {
  for (const block of [...mm.cloneBlocks]) {
    if (block.live > 0) continue;
    mm.cloneBlocks.delete(block);
    mm.pool.free(block.address);
  }
}
