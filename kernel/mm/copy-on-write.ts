import type { AddressSpace } from './address-space.js';
import { releaseClone } from './clone.js';
import { FaultOutcome } from './fault-outcome.js';
import { PAGE_SHIFT } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { captureDirty, invalidate, pageTableFrame } from './page-table.js';
import { contentsReplaced, decrementShareCount, incrementShareCount } from './pfn-counts.js';
import { makeNotWriteCopy } from './protection.js';
import { type PteLocation, PteOwner } from './pte.js';
import { pteProtection } from './pte-protection.js';
import { makeEntryPrivate } from './working-set.js';

/**
 * MiCopyOnWrite: a store hit a valid copy-on-write page. The process gets a private copy, the shared page one
 * share less. Environment: working-set lock; does not wait. Outcomes: CopyOnWrite, NoMemory.
 */
export function copyOnWrite(mm: MemoryManager, space: AddressSpace, address: number, at: PteLocation): FaultOutcome {
  const { format, pfn } = mm;
  const source = format.frame(at);
  const protection = makeNotWriteCopy(pteProtection(mm, space, address, at));
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
  // The last one to leave the page of a fork takes it along.
  const vad = mm.cloneBlocks.size === 0 ? null : space.vads.find(address >>> PAGE_SHIFT);
  if (vad !== null) releaseClone(mm, vad, address >>> PAGE_SHIFT);
  mm.counters.copyOnWriteFaults++;
  return FaultOutcome.CopyOnWrite;
}
