import { PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { AvailableLimit, MINIMUM_FREE_PAGES_TO_ZERO, WRITE_CLUSTER } from './memory-thresholds.js';
import type { PageListListener } from './page-lists.js';
import { contentsReplaced, decrementReferenceCount } from './pfn-counts.js';

/** What the memory manager does when pages come to lists or leave them: who waits for it is woken. */
export function pageListListener(mm: MemoryManager): PageListListener {
  return {
    frameZeroed: (frame) => contentsReplaced(mm, frame),
    filePageGone: (subsectionAddress) => mm.filePageGone(subsectionAddress),
    privatePageGone: (tableFrame) => mm.privatePageGone(tableFrame),
    lastChildGone: (frame) => {
      mm.pfn.setLocation(frame, PageLocation.Transition);
      decrementReferenceCount(mm, frame);
    },
    availableChanged: (available) => mm.available.update(available),
    freeInserted: () => {
      if (mm.lists.free.total >= MINIMUM_FREE_PAGES_TO_ZERO) mm.signal(mm.zeroPageEvent);
    },
    modifiedInserted: () => wakeModifiedWriter(mm),
    isModifiedWriteDisabled: (subsectionAddress) =>
      mm.subsections.get(subsectionAddress)?.controlArea.noModifiedWriting === true,
    pageFailed: (frame) => pageFailed(mm, frame),
  };
}

/** The modified page writer is wanted when memory is short and there is something to write (nt52.md 7.1). */
export function wakeModifiedWriter(mm: MemoryManager): void {
  const { lists, paging } = mm;
  if (lists.modifiedMapped.total === 1) mm.environment.startModifiedPageLife?.();
  const available = lists.availablePages;
  if (available >= AvailableLimit.PlentyFree) return;
  const modified = lists.modifiedPages;
  const isMuch = modified >= mm.thresholds.modifiedPageMaximum;
  if (isMuch || (available < AvailableLimit.Tight && modified >= WRITE_CLUSTER)) mm.signal(paging.writerEvent);
}

/** One page less to promise. Boot, which comes to know of bad pages before it promises anything, counts without them. */
function pageFailed(mm: MemoryManager, frame: number): void {
  if (!mm.hasCommitLimit) return;
  mm.resident.chargeAnyway('badPages', 1);
  mm.commit.limit--;
  mm.environment.tracePaging?.('page-failed', { frame });
}
