import { PAGE_MASK, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { NO_PTE } from './pte.js';
import { systemPte } from './system-pages.js';
import type { VerifierFindings } from './verifier-findings.js';

/**
 * The bitmaps of the paging files: a slot is used exactly when one PTE, prototype PTE or OriginalPte names it.
 * @param findings the slots that PTEs of processes and of paged pool, and OriginalPtes, name; the others are added
 * @returns the first inconsistency, or null
 */
export function verifyPagingFiles(mm: MemoryManager, findings: VerifierFindings): string | null {
  if (mm.paging.files.length === 0) return null;
  return noteStacks(mm, findings) ?? notePrototypes(mm, findings) ?? compareBitmaps(mm, findings);
}

function noteStacks(mm: MemoryManager, { slots }: VerifierFindings): string | null {
  for (const { initialStack } of mm.swapper.swappedOut) {
    const at = systemPte(mm, initialStack - PAGE_SIZE);
    const wrong = at === NO_PTE ? null : slots.note(mm.format, at);
    if (wrong !== null) return `the kernel stack below ${hex(initialStack)} ${wrong}`;
  }
  return null;
}

/** Prototype PTEs of sections and of forks, wherever their pages are. */
function notePrototypes(mm: MemoryManager, findings: VerifierFindings): string | null {
  const { entrySize } = mm.format;
  for (const { base, pages } of mm.subsections.values()) {
    for (let page = 0; base !== 0 && page < pages; page++) {
      const wrong = notePrototype(mm, findings, base + page * entrySize);
      if (wrong !== null) return wrong;
    }
  }
  for (const block of mm.cloneBlocks) {
    for (const { address } of block.pages) {
      const wrong = notePrototype(mm, findings, address);
      if (wrong !== null) return wrong;
    }
  }
  return null;
}

function notePrototype(mm: MemoryManager, { reader, slots }: VerifierFindings, address: number): string | null {
  const home = reader.readSystem(address);
  if (home === null) return null;
  const wrong = slots.note(home.format, home.at((address & PAGE_MASK) / mm.format.entrySize));
  return wrong === null ? null : `the prototype PTE at ${hex(address)} ${wrong}`;
}

function compareBitmaps(mm: MemoryManager, { slots }: VerifierFindings): string | null {
  for (const file of mm.paging.files) {
    const named = slots.of(file.number);
    let used = 0;
    for (let slot = 1; slot < file.size; slot++) {
      const isUsed = file.isUsed(slot);
      if (isUsed) used++;
      if (isUsed === (named[slot] === 1)) continue;
      return `page ${slot} of paging file ${file.number} is ${isUsed ? 'used but nobody names it' : 'free but named'}`;
    }
    const writes = mm.paging.idleWrites(file);
    if (writes > 2 || (writes < 2 && mm.paging.pagesInWrites === 0))
      return `paging file ${file.number} has ${writes} writes to give, but none is under way`;
    if (used !== file.usage) return `paging file ${file.number} counts ${file.usage} used pages but has ${used}`;
  }
  return null;
}

const hex = (value: number): string => (value >>> 0).toString(16);
