import type { MemoryManager } from './memory-manager.js';
import { EMPTY_LIST } from './pfn.js';
import type { ControlArea, SectionObjectPointers } from './segment.js';

/**
 * Files whose modified pages may be written only by who knows when: a file system's metadata, whose log has to be on disk first. Their
 * pages wait on the modified-no-write list until the cache manager flushes them (nt52.md 7.2).
 */

/**
 * MmDisableModifiedWriteOfSection: from now on the page writers leave the file's modified pages alone. That can be said only while
 * nobody has a view of the file's data, so that no modified page of it is on its way.
 * @returns whether modified writing is disabled; false also when the file has no data section
 */
export function disableModifiedWrite(mm: MemoryManager, { dataSectionObject: area }: SectionObjectPointers): boolean {
  if (area === null) return false;
  if (area.numberOfMappedViews === 0 && !area.noModifiedWriting) {
    area.noModifiedWriting = true;
    relist(mm, area);
  }
  return area.noModifiedWriting;
}

/** MmEnableModifiedWriteOfSection: the page writers may write the file's pages again. False: the file has no data section. */
export function enableModifiedWrite(mm: MemoryManager, { dataSectionObject: area }: SectionObjectPointers): boolean {
  if (area === null) return false;
  area.noModifiedWriting = false;
  relist(mm, area);
  return true;
}

/** Modified pages of the file that wait on the other list move to the one where they belong now. */
function relist(mm: MemoryManager, area: ControlArea): void {
  const { lists, pfn, format } = mm;
  const from = area.noModifiedWriting ? lists.modifiedMapped : lists.modifiedNoWrite;
  for (let frame = from.flink; frame !== EMPTY_LIST; ) {
    const next = pfn.flink(frame);
    const subsection = mm.subsections.get(format.subsectionAddress(pfn.originalPte(frame)));
    if (subsection?.controlArea === area) {
      lists.unlink(frame);
      lists.insertModified(frame);
    }
    frame = next;
  }
}
