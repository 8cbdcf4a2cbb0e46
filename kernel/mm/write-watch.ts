import { PoolType } from '../ex/pool.js';
import { Status } from '../ntstatus.js';
import { type NtStatus, virtualAddress } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { PAGE_SHIFT, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { findPte, forEachValidPte, invalidate } from './page-table.js';
import { markModified } from './pfn-counts.js';
import { NO_PTE, type PteLocation } from './pte.js';
import { type Vad, VadType } from './vad.js';
import type { MemoryContext } from './vad-charges.js';
import type { WorkingSetOwner } from './working-set-owner.js';

/**
 * Write watch (nt52.md 9.8): which pages of a region were written since it was reserved or last reset. The Dirty bit of a
 * valid PTE says so for its page, since these PTEs become valid clean, whoever made them so; what it said is kept in the
 * region's bitmap when the PTE ceases to be valid, or loses its Dirty bit. Paging I/O stores through no PTE, and does not count.
 */

const POOL_TAG = 'Wrwt';

/** The bitmap of a new region, charged to nonpaged pool; INSUFFICIENT_RESOURCES leaves the region without. */
export function createWriteWatch(context: MemoryContext, vad: Vad): NtStatus {
  const size = (vad.pages + 7) >>> 3;
  const block = context.ex.pool.allocate(PoolType.NonPaged, size, POOL_TAG);
  if (block === 0) return Status.INSUFFICIENT_RESOURCES;
  vad.writeWatch = new Uint8Array(size);
  vad.writeWatchPool = block;
  return Status.SUCCESS;
}

/** The region is gone. */
export function deleteWriteWatch(context: MemoryContext, vad: Vad): void {
  if (vad.writeWatchPool !== 0) context.ex.pool.free(vad.writeWatchPool);
  vad.writeWatch = null;
  vad.writeWatchPool = virtualAddress(0);
}

/** A valid PTE of this page starts clean, so that its Dirty bit tells of stores only. */
export function isWriteWatched(space: WorkingSetOwner, address: number): boolean {
  return space.vads.watchedRegions !== 0 && space.vads.find(address >>> PAGE_SHIFT)?.type === VadType.WriteWatch;
}

/** A valid PTE is about to lose its Dirty bit: the region remembers what it says (MiCaptureWriteWatchDirtyBit). */
export function captureWriteWatch(mm: MemoryManager, space: WorkingSetOwner, address: number, at: PteLocation): void {
  if (space.vads.watchedRegions === 0 || !mm.format.isDirty(at)) return;
  const vad = space.vads.find(address >>> PAGE_SHIFT);
  const bitmap = vad?.writeWatch ?? null;
  if (vad === null || bitmap === null) return;
  const page = (address >>> PAGE_SHIFT) - vad.startingVpn;
  bitmap[page >>> 3] |= 1 << (page & 7);
}

/** A page was written since it was reserved or last reset. */
export function isWritten(mm: MemoryManager, space: AddressSpace, vad: Vad, vpn: number): boolean {
  const page = vpn - vad.startingVpn;
  if (vad.writeWatch !== null && (vad.writeWatch[page >>> 3] & (1 << (page & 7))) !== 0) return true;
  const at = findPte(mm, space, vpn * PAGE_SIZE);
  return at !== NO_PTE && mm.format.isValid(at) && mm.format.isDirty(at);
}

/** Pages firstVpn .. lastVpn of a region count as not written; that they were changed stays known to the PFN database. */
export function resetWriteWatch(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  firstVpn: number,
  lastVpn: number,
): void {
  if (vad.writeWatch === null) return;
  for (let page = firstVpn - vad.startingVpn; page <= lastVpn - vad.startingVpn; page++) {
    vad.writeWatch[page >>> 3] &= ~(1 << (page & 7));
  }
  forEachValidPte(mm, space, firstVpn, lastVpn, (at, vpn) => {
    if (!mm.format.isDirty(at)) return;
    markModified(mm, mm.format.frame(at));
    mm.format.clearDirty(at);
    invalidate(mm, space, vpn * PAGE_SIZE);
  });
}

/** The region that holds all of a range, null when none does or it is not watched. */
export function watchedRegion(space: AddressSpace, base: number, size: number): Vad | null {
  const vad = space.vads.find(base >>> PAGE_SHIFT);
  const isWhole = vad !== null && vad.type === VadType.WriteWatch && (base + size - 1) >>> PAGE_SHIFT <= vad.endingVpn;
  return isWhole ? vad : null;
}
