import type { MemoryManager } from './memory-manager.js';
import { startClusterWrite } from './modified-writer.js';
import type { WorkingSetOwner } from './working-set-owner.js';
import { trimWorkingSet } from './working-set-trim.js';

/** Available pages (nt52.md 3.7): below the first nobody worries, below the second threads wait for the modified writer. */
const PLENTY = 1024;
const TIGHT = 256;
const HIGH_LIMIT = 128;
/** MmMinimumFreePages: fewer wake the working set manager. */
const MINIMUM_FREE = 26;
/** What one fault may use up, with page tables and working set list pages. */
const FAULT_RESERVE = 24;
const CLUSTER = 16;
const TRIM_AMOUNT = 32;

/**
 * Before a fault takes pages: wakes the modified writer when memory is short. False: the thread should wait for pages.
 * @param mayWait false for a caller that cannot be dispatched; pages are then got on the spot.
 */
export function pagesForFault(mm: MemoryManager, mayWait: boolean): boolean {
  if (mm.injection !== null && mayWait && mm.injection.pageWaits()) return false;
  const available = mm.lists.availablePages;
  if (available >= PLENTY) return true;
  return pagesWhenShort(mm, available, mayWait);
}

function pagesWhenShort(mm: MemoryManager, available: number, mayWait: boolean): boolean {
  const modified = mm.lists.modified.total;
  const { paging } = mm;
  if (modified >= mm.modifiedPageMaximum || (available < TIGHT && modified >= CLUSTER)) mm.signal(paging.writerEvent);
  if (available >= HIGH_LIMIT) return true;
  if (available < MINIMUM_FREE) mm.signal(mm.workingSetManagerEvent);
  if (mayWait && paging.canWrite && (modified > 0 || paging.pagesInWrites > 0)) return false;
  ensurePages(mm, FAULT_RESERVE);
  return true;
}

/**
 * Gets pages on the spot for code that cannot wait: finishes or starts writes, trims working sets. Virtual time
 * passes as if the caller had waited. Fewer pages may be available afterwards; then there are none to be had.
 */
export function ensurePages(mm: MemoryManager, wanted: number): void {
  while (mm.lists.availablePages < wanted) {
    if (mm.paging.device.finishFirst()) continue;
    if (mm.paging.canWrite && mm.lists.modified.total > 0 && startClusterWrite(mm)) continue;
    if (!trimSomebody(mm)) return;
  }
}

/** Takes pages from the process that is furthest above its minimum, from the biggest one when none is. */
function trimSomebody(mm: MemoryManager): boolean {
  const owners: WorkingSetOwner[] = mm.addressSpaces.filter((space) => space !== mm.systemSpace);
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
