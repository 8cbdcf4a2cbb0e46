import type { AddressSpace } from './address-space.js';
import { PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { pdeLocation } from './page-table.js';
import { type PteFormat, type PteLocation, pteLocation } from './pte.js';
import { PaePteFormat } from './pte-pae.js';
import { X86PteFormat } from './pte-x86.js';

const WORDS_PER_PAGE = 1024;
/** The scratch page does not begin at location 0, which means "no PTE". */
const SCRATCH_START = 2;

/** The PTEs of one page table, wherever it is. Valid until the reader is asked for another. */
export interface TableView {
  /** Reads the locations of this view. */
  readonly format: PteFormat;
  /** Frame of a table in memory, 0 when its contents are in a paging file. */
  readonly frame: number;
  /** The table is valid: only then can PTEs in it be valid or in transition. */
  readonly isValid: boolean;
  at(index: number): PteLocation;
}

/** Reads page tables for the verifier without bringing in those that were paged out. Changes nothing. */
export class TableReader {
  readonly #mm: MemoryManager;
  /** A page for tables that come from a paging file, and what reads it. */
  #scratch: { readonly bytes: Uint8Array; readonly format: PteFormat } | null = null;

  constructor(mm: MemoryManager) {
    this.#mm = mm;
  }

  /** The page table behind a PDE of any form; null when there is none, or its paging file cannot be read. */
  read(pde: PteLocation): TableView | null {
    const { format, pfn, memory } = this.#mm;
    if (format.isZero(pde)) return null;
    if (format.isValid(pde)) {
      const frame = format.frame(pde);
      return view(format, memory.hostPage(frame) >>> 2, frame, true);
    }
    if (!format.isTransition(pde)) return this.#readSlot(pde);
    const frame = format.transitionFrame(pde);
    if (pfn.isReadInProgress(frame)) return this.#readSlot(pfn.originalPte(frame));
    return view(format, memory.hostPage(frame) >>> 2, frame, false);
  }

  #readSlot(at: PteLocation): TableView | null {
    const { format, paging } = this.#mm;
    this.#scratch ??= newScratch(format.isPae);
    const { bytes, format: scratchFormat } = this.#scratch;
    const status = paging.files[format.pageFileNumber(at)]?.storage.read(format.pageFileOffset(at), bytes);
    return status === 0 ? view(scratchFormat, SCRATCH_START, 0, false) : null;
  }
}

function newScratch(isPae: boolean): { readonly bytes: Uint8Array; readonly format: PteFormat } {
  const words = new Int32Array(SCRATCH_START + WORDS_PER_PAGE);
  const format = isPae ? new PaePteFormat(words) : new X86PteFormat(words);
  return { bytes: new Uint8Array(words.buffer, SCRATCH_START * 4), format };
}

function view(format: PteFormat, base: number, frame: number, isValid: boolean): TableView {
  return { format, frame, isValid, at: (index) => pteLocation(base + index * format.entryWords) };
}

/**
 * Calls a function for every PTE of firstVpn .. lastVpn, zero ones too, in order of address; null stands for `pages` pages
 * without a page table. Tables that were paged out are read where they are.
 */
export function forEachPteAnywhere(
  mm: MemoryManager,
  space: AddressSpace,
  firstVpn: number,
  lastVpn: number,
  visit: (at: PteLocation | null, vpn: number, format: PteFormat, pages: number) => void,
): void {
  const reader = new TableReader(mm);
  const { entriesPerTable } = mm.format;
  for (let vpn = firstVpn; vpn <= lastVpn; ) {
    const table = reader.read(pdeLocation(mm, space, vpn * PAGE_SIZE));
    const end = Math.min(vpn - (vpn % entriesPerTable) + entriesPerTable, lastVpn + 1);
    if (table === null) {
      visit(null, vpn, mm.format, end - vpn);
      vpn = end;
      continue;
    }
    for (; vpn < end; vpn++) visit(table.at(vpn % entriesPerTable), vpn, table.format, 1);
  }
}
