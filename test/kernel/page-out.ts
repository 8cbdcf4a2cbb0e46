import type { AddressSpace } from '../../kernel/mm/address-space.js';
import type { MemoryManager } from '../../kernel/mm/memory-manager.js';
import { startWrite } from '../../kernel/mm/modified-writer.js';
import { emptyWorkingSet } from '../../kernel/mm/working-set-trim.js';

/** Writes every modified page to the paging file or to its own. */
export function writeModified(mm: MemoryManager): void {
  while (mm.lists.modifiedPages > 0 && startWrite(mm)) while (mm.paging.device.finishFirst());
}

/** Takes the pages of the standby list for something else. */
export function repurposeStandby(mm: MemoryManager): void {
  while (mm.lists.standby.total > 0) {
    const frame = mm.lists.standby.flink;
    mm.lists.unlink(frame);
    mm.lists.restoreOriginalPte(frame);
    mm.lists.insertFree(frame);
  }
}

/** The pages of a process go to the paging file and lose their frames; page tables stay that still held PTEs in transition. */
export function evict(mm: MemoryManager, space: AddressSpace): void {
  emptyWorkingSet(mm, space);
  writeModified(mm);
  repurposeStandby(mm);
}

/** As evict, and the page tables follow. */
export function evictWithPageTables(mm: MemoryManager, space: AddressSpace): void {
  evict(mm, space);
  evict(mm, space);
}
