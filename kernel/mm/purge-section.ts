import { PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { deleteTransitionPage } from './pfn-counts.js';
import { residentPrototypePage } from './prototype-fault.js';
import { NO_PTE } from './pte.js';
import type { ControlArea } from './segment.js';
import { systemLocation } from './system-pages.js';

/**
 * MmPurgeSection: pages of a data file leave memory with whatever was stored to them; the next fault reads the file.
 * @returns false when a page had to stay because somebody has a view of it
 * Environment: PASSIVE_LEVEL; does not wait. Cache views of the pages have been unmapped.
 */
export function purgeSection(mm: MemoryManager, area: ControlArea, firstPage: number, count: number): boolean {
  const { format, pfn } = mm;
  let isComplete = true;
  for (let page = firstPage; page < Math.min(firstPage + count, area.segment.totalPages); page++) {
    const prototype = area.segment.prototypePte(page);
    const at = prototype === 0 ? NO_PTE : systemLocation(mm, prototype);
    if (at === NO_PTE) continue;
    if (format.isValid(at)) isComplete = false;
    if (!format.isTransition(at)) continue;
    // One that is being read or written goes when that has ended.
    const frame = format.transitionFrame(at);
    const original = pfn.originalPte(frame);
    format.copy(at, original);
    mm.filePageGone(format.subsectionAddress(original));
    deleteTransitionPage(mm, frame);
  }
  return isComplete;
}

/** The file ends here or ended here: what its last page has behind the end are zeros, as far as the page is in memory. */
export function zeroBehindEnd(mm: MemoryManager, area: ControlArea, end: number): void {
  const inPage = end % PAGE_SIZE;
  if (inPage === 0) return;
  const prototype = area.segment.prototypePte(Math.floor(end / PAGE_SIZE));
  const frame = prototype === 0 ? 0 : residentPrototypePage(mm, prototype);
  if (frame === 0) return;
  const host = mm.memory.hostPage(frame);
  mm.bytes.fill(0, host + inPage, host + PAGE_SIZE);
  if (mm.cpu.pageHasCode(host)) mm.cpu.codeWritten(host + inPage, PAGE_SIZE - inPage);
}
