import { PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { NO_PTE, type PteLocation } from './pte.js';
import type { ControlArea } from './segment.js';
import { systemLocation } from './system-pages.js';

/**
 * The prototype PTEs of every section against the PFN database, and NumberOfPfnReferences against the file pages in memory.
 * @returns the first inconsistency in one sentence, or null
 */
export function verifyPrototypes(mm: MemoryManager): string | null {
  for (const area of controlAreas(mm)) {
    const wrong = verifyControlArea(mm, area);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** Pages committed for page-file backed and shared image sections. */
export function sectionCommitment(mm: MemoryManager): number {
  let pages = 0;
  for (const area of controlAreas(mm)) pages += area.segment.committedPages;
  return pages;
}

function controlAreas(mm: MemoryManager): Set<ControlArea> {
  const areas = new Set<ControlArea>();
  for (const subsection of mm.subsections.values()) areas.add(subsection.controlArea);
  return areas;
}

function verifyControlArea(mm: MemoryManager, area: ControlArea): string | null {
  const { format, pfn } = mm;
  let filePages = 0;
  for (const subsection of area.subsections) {
    if (subsection.base === 0) continue;
    for (let page = 0; page < subsection.pages; page++) {
      const address = subsection.base + page * format.entrySize;
      const at = systemLocation(mm, address);
      if (at === NO_PTE) return `the prototype PTE at ${hex(address)} is not in memory`;
      const frame = residentFrame(mm, at);
      if (frame === 0) continue;
      const wrong = verifyResident(mm, at, frame, address);
      if (wrong !== null) return `prototype PTE at ${hex(address)} ${wrong}`;
      if (format.isPrototype(pfn.originalPte(frame))) filePages++;
    }
  }
  if (filePages === area.numberOfPfnReferences) return null;
  return `control area ${hex(area.poolAddress)} counts ${area.numberOfPfnReferences} pages in memory, but ${filePages} are`;
}

function residentFrame(mm: MemoryManager, at: PteLocation): number {
  if (mm.format.isValid(at)) return mm.format.frame(at);
  return mm.format.isTransition(at) ? mm.format.transitionFrame(at) : 0;
}

function verifyResident(mm: MemoryManager, at: PteLocation, frame: number, address: number): string | null {
  const { format, pfn } = mm;
  const page = `PFN ${frame.toString(16)}`;
  if (frame >= pfn.frameCount) return `names frame ${page}, which does not exist`;
  if (!pfn.isPrototype(frame)) return `names ${page}, which no prototype PTE owns`;
  if (pfn.pteAddress(frame) !== address) return `names ${page}, which belongs to ${hex(pfn.pteAddress(frame))}`;
  const active = pfn.location(frame) === PageLocation.Active;
  if (format.isValid(at) === active) return null;
  return `is ${format.isValid(at) ? 'valid' : 'in transition'}, but ${page} has location ${pfn.location(frame)}`;
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
