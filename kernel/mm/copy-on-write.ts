import type { AddressSpace } from './address-space.js';
import { releaseClone, takeClone } from './clone.js';
import { FaultOutcome } from './fault-outcome.js';
import { PAGE_SHIFT } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { captureDirty, invalidate, pageTableFrame } from './page-table.js';
import { contentsReplaced, decrementShareCount, incrementShareCount, markModified } from './pfn-counts.js';
import { makeNotWriteCopy } from './protection.js';
import { type PteLocation, PteOwner } from './pte.js';
import { pteProtection } from './pte-protection.js';
import type { Vad } from './vad.js';
import { makeEntryPrivate } from './working-set.js';

/**
 * MiCopyOnWrite: a store hit a valid copy-on-write page. The process gets a private copy, the shared page one share less; the last
 * process that shares a page of a fork keeps the page itself. Environment: working-set lock; does not wait. Outcomes: CopyOnWrite,
 * NoMemory.
 */
export function copyOnWrite(mm: MemoryManager, space: AddressSpace, address: number, at: PteLocation): FaultOutcome {
  const { format, pfn } = mm;
  const source = format.frame(at);
  const protection = makeNotWriteCopy(pteProtection(mm, space, address, at));
  const vad = mm.cloneBlocks.size === 0 ? null : space.vads.find(address >>> PAGE_SHIFT);
  if (vad !== null && isSoleSharer(mm, vad, address, source)) {
    keepClonedPage(mm, space, vad, address, at, protection);
    return FaultOutcome.CopyOnWrite;
  }
  const frame = mm.lists.removeAnyPage(mm.nextColor());
  if (frame === 0) return FaultOutcome.NoMemory;
  contentsReplaced(mm, frame);
  mm.memory.copyFrame(frame, source);
  captureDirty(mm, at);
  const table = pageTableFrame(mm, space, address);
  pfn.makeActive(frame, format.pteAddress(address), table);
  format.writeDemandZero(pfn.originalPte(frame), protection);
  pfn.setModified(frame, true);
  format.writeValid(at, frame, protection, PteOwner.User, true);
  invalidate(mm, space, address);
  makeEntryPrivate(mm, space, address >>> PAGE_SHIFT, source, frame);
  space.privatePages++;
  // The table loses the reference it had for the shared page and gains one for its own.
  incrementShareCount(mm, table);
  decrementShareCount(mm, table);
  decrementShareCount(mm, source);
  if (vad !== null) releaseClone(mm, vad, address >>> PAGE_SHIFT);
  mm.counters.copyOnWriteFaults++;
  return FaultOutcome.CopyOnWrite;
}

/** Nobody else refers to a page of a fork, or has it mapped, or writes it to a paging file. */
function isSoleSharer(mm: MemoryManager, vad: Vad, address: number, frame: number): boolean {
  const page = vad.clones?.get(address >>> PAGE_SHIFT);
  if (page?.references !== 1 || mm.pfn.pteAddress(frame) !== page.address) return false;
  return mm.pfn.shareCount(frame) === 1 && mm.pfn.referenceCount(frame) === 1;
}

/** The page of a fork prototype becomes the process's own: its PTE owns the frame, and the fork prototype is zero. */
function keepClonedPage(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  address: number,
  at: PteLocation,
  protection: number,
): void {
  const { format, pfn } = mm;
  const frame = format.frame(at);
  const pool = pfn.pteFrame(frame);
  markModified(mm, frame);
  format.writeZero(mm.lists.owningPte(frame));
  pfn.setPrototype(frame, false);
  pfn.setPteAddress(frame, format.pteAddress(address));
  // The table's reference for a shared page is the one for its own page now.
  pfn.setPteFrame(frame, pageTableFrame(mm, space, address));
  format.writeDemandZero(pfn.originalPte(frame), protection);
  decrementShareCount(mm, pool);
  format.writeValid(at, frame, protection, PteOwner.User, true);
  invalidate(mm, space, address);
  makeEntryPrivate(mm, space, address >>> PAGE_SHIFT, frame, frame);
  space.privatePages++;
  takeClone(vad, address >>> PAGE_SHIFT);
  mm.counters.copyOnWriteFaults++;
}
