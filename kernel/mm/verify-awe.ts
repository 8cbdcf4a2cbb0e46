import type { MemoryManager } from './memory-manager.js';
import { findPte } from './page-table.js';
import { NO_PTE } from './pte.js';

/**
 * Pages of AWE: every page that a process owns says so in the PFN database, belongs to no other process, and is mapped where its
 * entry says; and no page is left behind that nobody owns.
 * @returns the first inconsistency, or null
 */
export function verifyAwe(mm: MemoryManager): string | null {
  const { pfn, format } = mm;
  const { knownFrames } = mm.lists;
  const owners = mm.addressSpaces.filter((space) => space.awe !== null);
  const seen = new Uint8Array(owners.length === 0 ? 0 : knownFrames);
  for (const space of owners) {
    const process = `process ${space.processId}`;
    let pages = 0;
    for (let frame = 1; frame < knownFrames; frame++) {
      if (space.awe?.owns(frame) !== true) continue;
      pages++;
      const page = `PFN ${frame.toString(16)}`;
      if (seen[frame] !== 0) return `${process}: ${page} of AWE belongs to another process too`;
      seen[frame] = 1;
      if (!pfn.isAwe(frame)) return `${process}: ${page} is owned, but its entry does not know of AWE`;
      const mapped = pfn.pteAddress(frame);
      if (mapped === 0) continue;
      const at = findPte(mm, space, format.addressOfPte(mapped));
      if (at === NO_PTE || !format.isValid(at) || format.frame(at) !== frame) {
        return `${process}: ${page} says that the PTE at ${mapped.toString(16)} maps it, which does not`;
      }
    }
    if (pages !== space.awe?.pages) return `${process}: owns ${pages} pages of AWE, but counts ${space.awe?.pages}`;
  }
  for (let frame = 1; frame < knownFrames; frame++) {
    if (pfn.isAwe(frame) && seen[frame] !== 1 && !isOfLargePage(mm, frame))
      return `PFN ${frame.toString(16)} is a page of AWE that nobody owns`;
  }
  return null;
}

/** The frame is a part of a large page, whose PDE was checked with the page tables. */
function isOfLargePage({ format, layout, pfn }: MemoryManager, frame: number): boolean {
  const mapped = pfn.pteAddress(frame);
  return mapped >= format.pdeAddress(0) && mapped <= format.pdeAddress(layout.highestUserAddress);
}

/** The counts of a page of AWE do not change by mapping it. */
export function verifyAweFrame(mm: MemoryManager, frame: number, mappings: number): string | null {
  const { pfn } = mm;
  if (pfn.shareCount(frame) !== 1) return `is a page of AWE with share count ${pfn.shareCount(frame)}`;
  if (pfn.referenceCount(frame) === 0) return 'is a page of AWE with reference count 0';
  const expected = pfn.pteAddress(frame) === 0 ? 0 : 1;
  return mappings === expected ? null : `is a page of AWE that ${mappings} valid PTEs map, not ${expected}`;
}
