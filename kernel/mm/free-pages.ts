import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { AvailableLimit, MINIMUM_FREE_PAGES } from './memory-thresholds.js';
import { startWrite } from './modified-writer.js';
import { wakeModifiedWriter } from './page-list-listener.js';
import { isThrottled } from './throttle.js';
import type { WorkingSetOwner } from './working-set-owner.js';
import { trimWorkingSet } from './working-set-trim.js';

/** What one fault may use up, with page tables and working set list pages. */
const FAULT_RESERVE = 24;
const TRIM_AMOUNT = 32;
/** Nanoseconds after which pages that did not come never will (nt52.md 3.7). */
export const PAGE_WAIT = 70_000_000_000;
const NO_PAGES_AVAILABLE = 0x4d;

/**
 * MiEnsureAvailablePageOrWait: before a fault takes pages. False: the thread should wait, for pages or, with mm.faults.delay,
 * for time to pass.
 * @param mayWait false for a caller that cannot be dispatched; pages are then got on the spot, or NO_PAGES_AVAILABLE ends all.
 */
export function pagesForFault(mm: MemoryManager, space: AddressSpace, mayWait: boolean): boolean {
  mm.faults.delay = 0;
  mm.faults.commitment = 0;
  if (mm.injection !== null && mayWait && mm.injection.pageWaits()) return false;
  const available = mm.lists.availablePages;
  if (available >= AvailableLimit.PlentyFree) return true;
  return pagesWhenShort(mm, space, available, mayWait);
}

function pagesWhenShort(mm: MemoryManager, space: AddressSpace, available: number, mayWait: boolean): boolean {
  wakeModifiedWriter(mm);
  if (mayWait && isThrottled(mm, space)) return false;
  if (available >= AvailableLimit.High) return true;
  if (available < MINIMUM_FREE_PAGES) obtainFreePages(mm);
  if (!mayWait) {
    ensurePages(mm, FAULT_RESERVE);
    if (mm.lists.availablePages < AvailableLimit.Low) noPagesAvailable(mm);
    return true;
  }
  return mm.environment.currentThread?.().memoryMaker === true && available >= FAULT_RESERVE;
}

/** MiObtainFreePages: those who can make pages available are told that there are few. */
export function obtainFreePages(mm: MemoryManager): void {
  mm.signal(mm.workingSetManagerEvent);
  if (mm.lists.modifiedPages > 0) mm.signal(mm.paging.writerEvent);
}

/**
 * MiNoPagesLastChance: pages were waited for and none came. Bugcheck 4D with the modified pages, those of them for paging
 * files, which paging files have no room left (a bit each), and how the last write that failed did so.
 */
export function noPagesAvailable(mm: MemoryManager): never {
  const { lists, paging } = mm;
  let full = 0;
  for (const file of paging.files) if (file.freeSpace === 0 && file.size === file.maximum) full |= 1 << file.number;
  return mm.environment.bugcheck(
    NO_PAGES_AVAILABLE,
    lists.modifiedPages,
    lists.modifiedForPagingFile.total,
    full,
    paging.lastWriteError,
  );
}

/**
 * Gets pages on the spot for code that cannot wait: finishes or starts writes, trims working sets. Virtual time
 * passes as if the caller had waited, at most so long as it would have. Fewer pages may be available afterwards; then there
 * are none to be had.
 */
export function ensurePages(mm: MemoryManager, wanted: number): void {
  if (mm.lists.availablePages >= wanted) return;
  const end = mm.paging.device.now + PAGE_WAIT;
  while (mm.lists.availablePages < wanted && mm.paging.device.now < end) {
    if (mm.paging.device.finishFirst() || startWrite(mm)) continue;
    if (!trimSomebody(mm)) return;
  }
}

/** Takes pages from the process that is furthest above its minimum, from the biggest one when none is. */
function trimSomebody(mm: MemoryManager): boolean {
  const owners: WorkingSetOwner[] = mm.addressSpaces.filter((space) => space !== mm.systemSpace && !space.outSwapped);
  owners.push(mm.systemCache);
  owners.sort((a, b) => excess(b) - excess(a) || b.workingSetSize - a.workingSetSize);
  for (const space of owners) {
    if (trimWorkingSet(mm, space, TRIM_AMOUNT, 0) > 0) return true;
  }
  return false;
}

function excess(space: WorkingSetOwner): number {
  return Math.max(0, space.workingSetSize - space.vm.minimum);
}
