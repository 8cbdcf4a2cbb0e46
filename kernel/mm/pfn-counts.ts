import { PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import type { PteLocation } from './pte.js';

/** Bugcheck PFN_LIST_CORRUPT and its sub-code for a wrong count. */
const PFN_LIST_CORRUPT = 0x4e;
const SUB_SHARE_COUNT = 0x99;
const SUB_REFERENCE_COUNT = 0x7;

/**
 * The life of a page frame between lists and page tables (nt52.md 3.3, 3.4). Invariant that verify.ts checks: the
 * ShareCount of a frame is the number of valid PTEs that map it, plus, when it holds PTEs, one for every page whose PteFrame
 * it is and one for every valid PTE in it that maps a page owned by a prototype PTE.
 * Environment: PFN lock; nothing here waits or allocates.
 */

/**
 * MiInitializePfn: a frame taken from a list becomes the active page of the PTE at a location, whose present invalid
 * contents become OriginalPte. The page that holds the PTE gets one more share.
 */
export function initializePfn(
  mm: MemoryManager,
  frame: number,
  at: PteLocation,
  pteAddress: number,
  tableFrame: number,
): void {
  mm.pfn.makeActive(frame, pteAddress, tableFrame);
  mm.format.copy(mm.pfn.originalPte(frame), at);
  incrementShareCount(mm, tableFrame);
}

export function incrementShareCount(mm: MemoryManager, frame: number): void {
  mm.pfn.setShareCount(frame, mm.pfn.shareCount(frame) + 1);
}

/**
 * MiDecrementShareCount: a PTE stopped mapping the page, or a page table holds one page less. At zero the
 * page leaves the active state: a shared page's prototype PTE goes to transition.
 * The caller has rewritten the PTE already.
 */
export function decrementShareCount(mm: MemoryManager, frame: number): void {
  const { pfn, format } = mm;
  const count = pfn.shareCount(frame) - 1;
  if (count < 0 || pfn.location(frame) !== PageLocation.Active) {
    mm.environment.bugcheck(PFN_LIST_CORRUPT, SUB_SHARE_COUNT, frame, pfn.location(frame), count);
  }
  pfn.setShareCount(frame, count);
  if (count > 0) return;
  if (pfn.isPrototype(frame) && !pfn.isDeleted(frame)) {
    format.writeTransition(mm.lists.owningPte(frame), frame, format.protection(pfn.originalPte(frame)));
  }
  pfn.setLocation(frame, PageLocation.Transition);
  decrementReferenceCount(mm, frame);
}

/** MiDecrementReferenceCount: at zero the page goes to the free list (deleted), the modified or the standby list. */
export function decrementReferenceCount(mm: MemoryManager, frame: number): void {
  const { pfn, lists } = mm;
  const count = pfn.referenceCount(frame) - 1;
  if (count < 0) mm.environment.bugcheck(PFN_LIST_CORRUPT, SUB_REFERENCE_COUNT, frame, 0, 0);
  pfn.setReferenceCount(frame, count);
  if (count > 0) return;
  if (pfn.isDeleted(frame)) {
    releaseSlot(mm, frame);
    lists.insertFree(frame);
  } else if (pfn.isModified(frame)) lists.insertModified(frame);
  else lists.insertStandby(frame, false);
}

/**
 * The copy of a page in a paging file is worth nothing any more: its slot is free and OriginalPte says demand zero again.
 * While a write is under way the slot stays until its end.
 */
export function releaseSlot(mm: MemoryManager, frame: number): void {
  const { pfn, format } = mm;
  const original = pfn.originalPte(frame);
  if (format.isPrototype(original) || format.pageFileOffset(original) === 0) return;
  if (pfn.isWriteInProgress(frame)) return;
  mm.paging.free(format.pageFileNumber(original), format.pageFileOffset(original));
  format.writeDemandZero(original, format.protection(original));
}

/** A store reached the page. */
export function markModified(mm: MemoryManager, frame: number): void {
  mm.pfn.setModified(frame, true);
  releaseSlot(mm, frame);
}

/** A page whose only mapping is gone and whose contents nobody wants goes to the free list. */
export function deletePage(mm: MemoryManager, frame: number): void {
  const table = mm.pfn.pteFrame(frame);
  mm.pfn.setDeleted(frame);
  decrementShareCount(mm, frame);
  decrementShareCount(mm, table);
}

/** A page in transition (on a list, or pinned) whose contents nobody wants; its PTE is rewritten by the caller. */
export function deleteTransitionPage(mm: MemoryManager, frame: number): void {
  const table = mm.pfn.pteFrame(frame);
  mm.pfn.setDeleted(frame);
  if (mm.pfn.referenceCount(frame) === 0) {
    mm.lists.unlink(frame);
    releaseSlot(mm, frame);
    mm.lists.insertFree(frame);
  }
  decrementShareCount(mm, table);
}

/** Soft fault: a page comes back from the standby or modified list, or from having only pins; the caller makes a PTE valid. */
export function reactivate(mm: MemoryManager, frame: number): void {
  const { pfn } = mm;
  const location = pfn.location(frame);
  if (location !== PageLocation.Transition) mm.lists.unlink(frame);
  pfn.setReferenceCount(frame, pfn.referenceCount(frame) + 1);
  pfn.setLocation(frame, PageLocation.Active);
  pfn.setShareCount(frame, 0);
  pfn.setWsIndex(frame, 0);
}

/** The bytes of a frame are about to be replaced as a whole: code decoded from them is void. */
export function contentsReplaced(mm: MemoryManager, frame: number): void {
  const host = mm.memory.residentPage(frame);
  if (host === 0) return;
  if (mm.cpu.pageHasCode(host)) mm.cpu.codeWritten(host, 0x1000);
}
