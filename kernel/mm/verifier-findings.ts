import type { MemoryManager } from './memory-manager.js';
import { PageReader } from './page-reader.js';
import type { PteFormat, PteLocation } from './pte.js';
import type { Vad } from './vad.js';

/** What the one walk over all page tables finds out for the checks that come after it. */
export class VerifierFindings {
  /** By frame: valid PTEs that map it. */
  readonly mappings: Uint32Array;
  /** By frame: pages that have their PTE in it. */
  readonly contained: Uint32Array;
  readonly slots: NamedSlots;
  readonly reader: PageReader;
  /** By VAD: PTEs in it that are committed although it is not as a whole (MemCommit), or the other way round. */
  readonly #exceptions = new Map<Vad, number>();

  constructor(mm: MemoryManager) {
    const { knownFrames } = mm.lists;
    this.mappings = new Uint32Array(knownFrames);
    this.contained = new Uint32Array(knownFrames);
    this.slots = new NamedSlots(mm);
    this.reader = new PageReader(mm);
  }

  /** A PTE of a VAD that is not zero. */
  countCommitment(vad: Vad, isCommitted: boolean): void {
    if (vad.memCommit !== isCommitted) this.#exceptions.set(vad, (this.#exceptions.get(vad) ?? 0) + 1);
  }

  /** Pages of a private VAD that are committed by their PTEs, or by the VAD where the PTE is zero. */
  committedPages(vad: Vad): number {
    const exceptions = this.#exceptions.get(vad) ?? 0;
    return vad.memCommit ? vad.pages - exceptions : exceptions;
  }
}

/** The slots of the paging files that somebody names. */
export class NamedSlots {
  readonly #files: readonly Uint8Array[];

  constructor(mm: MemoryManager) {
    this.#files = mm.paging.files.map((file) => new Uint8Array(file.size));
  }

  /** Notes the slot of a PTE of any form, if it names one. What is wrong with it, to be said of its owner; or null. */
  note(format: PteFormat, at: PteLocation): string | null {
    if (!namesSlot(format, at)) return null;
    const number = format.pageFileNumber(at);
    const slot = format.pageFileOffset(at);
    const slots = this.#files[number];
    if (slots === undefined || slot >= slots.length) return `names page ${slot} of paging file ${number}`;
    if (slots[slot] === 1) return `names page ${slot} of paging file ${number}, which something else names too`;
    slots[slot] = 1;
    return null;
  }

  /** By slot of a paging file: 1 = somebody names it. */
  of(file: number): Uint8Array {
    return this.#files[file];
  }
}

/** The PTE is in page-file form, and not demand zero. */
function namesSlot(format: PteFormat, at: PteLocation): boolean {
  if (format.isValid(at) || format.isTransition(at) || format.isPrototype(at)) return false;
  return format.pageFileOffset(at) !== 0;
}
