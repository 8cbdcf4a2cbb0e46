import { PAGE_MASK, PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import type { PageReader } from './page-reader.js';
import type { PteFormat, PteLocation } from './pte.js';
import type { ControlArea } from './segment.js';
import type { VerifierFindings } from './verifier-findings.js';
import { controlAreas } from './verify-views.js';

/**
 * The prototype PTEs of every section against the PFN database, and NumberOfPfnReferences against the file pages in memory.
 * @returns the first inconsistency in one sentence, or null
 */
export function verifyPrototypes(mm: MemoryManager, { reader }: VerifierFindings): string | null {
  for (const area of controlAreas(mm)) {
    const wrong = verifyControlArea(mm, area, reader);
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

function verifyControlArea(mm: MemoryManager, area: ControlArea, reader: PageReader): string | null {
  const { format, pfn } = mm;
  let filePages = 0;
  for (const subsection of area.subsections) {
    if (subsection.base === 0) continue;
    for (let page = 0; page < subsection.pages; page++) {
      const address = subsection.base + page * format.entrySize;
      const home = reader.readSystem(address);
      if (home === null) return `the prototype PTE at ${hex(address)} cannot be read`;
      const at = home.at((address & PAGE_MASK) / format.entrySize);
      const frame = residentFrame(home.format, at);
      if (frame === 0) continue;
      if (!home.isValid) return `the prototype PTE at ${hex(address)} is in use, but its page is not valid`;
      const wrong = verifyResident(mm, at, frame, address);
      if (wrong !== null) return `prototype PTE at ${hex(address)} ${wrong}`;
      if (format.isPrototype(pfn.originalPte(frame))) filePages++;
    }
  }
  if (filePages === area.numberOfPfnReferences) return null;
  return `control area ${hex(area.poolAddress)} counts ${area.numberOfPfnReferences} pages in memory, but ${filePages} are`;
}

function residentFrame(format: PteFormat, at: PteLocation): number {
  if (format.isValid(at)) return format.frame(at);
  return format.isTransition(at) ? format.transitionFrame(at) : 0;
}

/** A fork or section prototype PTE that names a frame, against the PFN database; null when they agree. */
export function verifyResident(mm: MemoryManager, at: PteLocation, frame: number, address: number): string | null {
  const { format, pfn } = mm;
  if (frame >= pfn.frameCount) return `names ${pageName(frame)}, which does not exist`;
  if (!pfn.isPrototype(frame)) return `names ${pageName(frame)}, which no prototype PTE owns`;
  if (pfn.pteAddress(frame) !== address)
    return `names ${pageName(frame)}, which belongs to ${hex(pfn.pteAddress(frame))}`;
  const active = pfn.location(frame) === PageLocation.Active;
  if (format.isValid(at) === active) return null;
  const form = format.isValid(at) ? 'valid' : 'in transition';
  return `is ${form}, but ${pageName(frame)} has location ${pfn.location(frame)}`;
}

const pageName = (frame: number): string => `PFN ${frame.toString(16)}`;

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
