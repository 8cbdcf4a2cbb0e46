import type { PoolReader } from '../ex/pool.js';
import type { AddressSpace } from './address-space.js';
import {
  PAGE_MASK,
  PAGE_SHIFT,
  PAGE_SIZE,
  PAGED_POOL_END,
  PAGED_POOL_FIRST,
  WSL_USED_PAGE_TABLE_ENTRIES,
} from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { bookkeepingHolder, bookkeepingPteAddress } from './outswap.js';
import { usedPageTableEntries } from './page-table.js';
import { NO_PTE, type PteFormat, type PteLocation, pteLocation } from './pte.js';
import { PaePteFormat } from './pte-pae.js';
import { X86PteFormat } from './pte-x86.js';
import { systemFrame, systemLocation, systemPte } from './system-pages.js';

const WORDS_PER_PAGE = 1024;
/** The scratch page does not begin at location 0, which means "no PTE". */
const SCRATCH_START = 2;

/** One private page, most often of PTEs, wherever it is. Valid until the reader is asked for another. */
export class PageView {
  /** Reads the locations of this view. */
  readonly format: PteFormat;
  /** Frame of a page in memory, 0 when its contents are in a paging file. */
  readonly frame: number;
  /** The page is valid: only then can PTEs in it be valid or in transition. */
  readonly isValid: boolean;
  /** The page's bytes are those from `offset` on. */
  readonly data: DataView;
  readonly offset: number;
  readonly #words: Int32Array;

  constructor(format: PteFormat, words: Int32Array, data: DataView, offset: number, frame: number, isValid: boolean) {
    this.format = format;
    this.#words = words;
    this.data = data;
    this.offset = offset;
    this.frame = frame;
    this.isValid = isValid;
  }

  /** Where entry `index` of the page lies. */
  at(index: number): PteLocation {
    return pteLocation((this.offset >>> 2) + index * this.format.entryWords);
  }

  /** The first entry from `index` on that is not zero; `end` when all before that one are. Most entries are zero. */
  nextUsed(index: number, end: number): number {
    const words = this.#words;
    const { entryWords } = this.format;
    const start = this.offset >>> 2;
    const last = start + end * entryWords;
    for (let word = start + index * entryWords; word < last; word++) {
      if (words[word] !== 0) return Math.floor((word - start) / entryWords);
    }
    return end;
  }

  /** The first entry from `index` on that is not, to the last bit, that of another page; `end`: there is none. */
  nextUnlike(other: PageView, index: number, end: number): number {
    const words = this.#words;
    const others = other.#words;
    const { entryWords } = this.format;
    const start = this.offset >>> 2;
    const distance = (other.offset >>> 2) - start;
    const last = start + end * entryWords;
    for (let word = start + index * entryWords; word < last; word++) {
      if (words[word] !== others[word + distance]) return Math.floor((word - start) / entryWords);
    }
    return end;
  }
}

/** Reads page tables and paged pool for the verifier without bringing in what was paged out. Changes nothing. */
export class PageReader {
  readonly #mm: MemoryManager;
  /** A page for what comes from a paging file. */
  #scratch: Scratch | null = null;
  #systemPage = -1;
  #systemView: PageView | null = null;

  constructor(mm: MemoryManager) {
    this.#mm = mm;
  }

  /**
   * The page behind a PTE (PDE) of any private form; null when there is none, it is large, or its paging file cannot be read.
   * @param format of the page that the PTE is in, when another reader has read that
   */
  read(pte: PteLocation, format = this.#mm.format): PageView | null {
    const { pfn } = this.#mm;
    if (format.isZero(pte)) return null;
    if (format.isValid(pte) && format.isLargePage(pte)) return null;
    if (format.isValid(pte)) return this.inMemory(format.frame(pte), true);
    if (!format.isTransition(pte)) return this.#inPagingFile(pte, format);
    const frame = format.transitionFrame(pte);
    if (!pfn.isReadInProgress(frame)) return this.inMemory(frame, false);
    return this.#inPagingFile(pfn.originalPte(frame), this.#mm.format);
  }

  /** The page at a system address; null when none is behind it. */
  readSystem(address: number): PageView | null {
    const page = address >>> PAGE_SHIFT;
    if (page !== this.#systemPage) {
      const at = systemPte(this.#mm, address);
      this.#systemPage = page;
      this.#systemView = at === NO_PTE ? this.#ofLargePage(address) : this.read(at);
    }
    return this.#systemView;
  }

  #ofLargePage(address: number): PageView | null {
    const frame = systemFrame(this.#mm, address);
    return frame === 0 ? null : this.inMemory(frame, true);
  }

  /** A page frame. */
  inMemory(frame: number, isValid: boolean): PageView {
    const { format, memory, view } = this.#mm;
    return new PageView(format, this.#mm.words, view, memory.hostPage(frame), frame, isValid);
  }

  /** A demand-zero page, whose slot would be 0, has not been written yet. */
  #inPagingFile(pte: PteLocation, ownFormat: PteFormat): PageView | null {
    const { paging } = this.#mm;
    this.#scratch ??= newScratch(this.#mm);
    const { bytes, words, format, data } = this.#scratch;
    const slot = ownFormat.pageFileOffset(pte);
    if (slot === 0) bytes.fill(0);
    else if (paging.files[ownFormat.pageFileNumber(pte)]?.storage.read(slot, bytes) !== 0) return null;
    return new PageView(format, words, data, SCRATCH_START * 4, 0, false);
  }
}

/** A PTE that may lie in a page that was paged out: `format` reads it. */
export interface PlacedPte {
  readonly at: PteLocation;
  readonly format: PteFormat;
}

/** Page directories and working set list of a process, in memory or not. */
export class DirectoryReader {
  readonly #mm: MemoryManager;
  readonly #space: AddressSpace;
  /** Views of the bookkeeping pages of a process that is out, in the order of outswap.ts; null: it is in memory. */
  readonly views: readonly PageView[] | null;
  /** The page directories of a process that is in memory. */
  readonly #resident: readonly PageView[];

  constructor(mm: MemoryManager, space: AddressSpace) {
    this.#mm = mm;
    this.#space = space;
    this.views = space.outSwapped ? bookkeepingViews(mm, space) : null;
    const reader = new PageReader(mm);
    this.#resident = this.views === null ? space.directoryFrames.map((frame) => reader.inMemory(frame, true)) : [];
  }

  /** Where the PDE of an address lies. */
  pde(address: number): PlacedPte {
    const { format } = this.#mm;
    const table = address >>> format.tableShift;
    const view = this.#directory(table);
    return { at: view.at(table & (format.entriesPerTable - 1)), format: view.format };
  }

  /** The first page table from number `table` on whose PDE is not zero; `end` when all before that one are. */
  nextTable(table: number, end: number): number {
    const { entriesPerTable } = this.#mm.format;
    while (table < end) {
      const base = table - (table % entriesPerTable);
      const last = Math.min(entriesPerTable, end - base);
      const used = this.#directory(table).nextUsed(table - base, last);
      if (used < last) return base + used;
      table = base + entriesPerTable;
    }
    return end;
  }

  /** The first page table from number `table` on whose PDE is not, to the last bit, that of another process; `end`: there is none. */
  nextUnlike(other: DirectoryReader, table: number, end: number): number {
    const { entriesPerTable } = this.#mm.format;
    while (table < end) {
      const base = table - (table % entriesPerTable);
      const last = Math.min(entriesPerTable, end - base);
      const unlike = this.#directory(table).nextUnlike(other.#directory(table), table - base, last);
      if (unlike < last) return base + unlike;
      table = base + entriesPerTable;
    }
    return end;
  }

  #directory(table: number): PageView {
    const { format } = this.#mm;
    const directory = format.isPae ? table >>> 9 : 0;
    if (this.views === null) return this.#resident[directory];
    return this.views[directory === format.directoryCount - 1 ? 0 : directory + 1];
  }

  /** Frame of the page directory of an address, 0 when it is in a paging file. */
  directoryFrame(address: number): number {
    const { format } = this.#mm;
    const directory = format.isPae ? address >>> 30 : 0;
    if (this.views === null) return this.#space.directoryFrames[directory];
    return this.views[directory === format.directoryCount - 1 ? 0 : directory + 1].frame;
  }

  usedPageTableEntries(address: number): number {
    const view = this.views?.at(-1);
    if (view === undefined) return usedPageTableEntries(this.#mm, this.#space, address);
    const table = address >>> this.#mm.format.tableShift;
    return view.data.getUint16(view.offset + WSL_USED_PAGE_TABLE_ENTRIES + table * 2, true);
  }
}

/** The bookkeeping pages of a process that is out, each by a reader of its own; short when one cannot be read. */
function bookkeepingViews(mm: MemoryManager, space: AddressSpace): readonly PageView[] {
  const views: PageView[] = [];
  for (let index = 0; index < space.bookkeepingFrames.length; index++) {
    const reader = new PageReader(mm);
    const pte = bookkeepingPlace(mm, space, index, views);
    const isBack = index < space.residentBookkeeping;
    const view = isBack ? reader.inMemory(space.bookkeepingFrames[index], true) : reader.read(pte.at, pte.format);
    if (view === null) return views;
    views.push(view);
  }
  return views;
}

/** Where the PTE of a bookkeeping page lies, given the views of those before it. */
export function bookkeepingPlace(
  mm: MemoryManager,
  space: AddressSpace,
  index: number,
  views: readonly PageView[],
): PlacedPte {
  const address = bookkeepingPteAddress(mm, space, index);
  const holder = bookkeepingHolder(mm, index);
  if (holder < 0) return { at: systemLocation(mm, address), format: mm.format };
  const view = views[holder];
  return { at: view.at((address & PAGE_MASK) / mm.format.entrySize), format: view.format };
}

interface Scratch {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly data: DataView;
  readonly format: PteFormat;
}

function newScratch({ format: { isPae }, layout }: MemoryManager): Scratch {
  const words = new Int32Array(SCRATCH_START + WORDS_PER_PAGE);
  const format = new (isPae ? PaePteFormat : X86PteFormat)(words, layout);
  return { bytes: new Uint8Array(words.buffer, SCRATCH_START * 4), words, data: new DataView(words.buffer), format };
}

/** Reads pool blocks for the verifier and debuggers, paged-out ones too; unbacked addresses read as 0. */
export class PoolInspector implements PoolReader {
  readonly #reader: PageReader;

  constructor(mm: MemoryManager) {
    this.#reader = new PageReader(mm);
  }

  read16(address: number): number {
    const view = this.#reader.readSystem(address);
    return view === null ? 0 : view.data.getUint16(view.offset + (address & PAGE_MASK), true);
  }

  read32(address: number): number {
    const view = this.#reader.readSystem(address);
    return view === null ? 0 : view.data.getUint32(view.offset + (address & PAGE_MASK), true);
  }
}

/**
 * Calls a function for every PTE of firstVpn .. lastVpn, in order of address; null stands for `pages` pages whose PTEs are zero or
 * that have no page table. Tables that were paged out are read where they are.
 */
export function forEachPteAnywhere(
  mm: MemoryManager,
  space: AddressSpace,
  firstVpn: number,
  lastVpn: number,
  visit: (at: PteLocation | null, vpn: number, format: PteFormat, pages: number) => void,
): void {
  const reader = new PageReader(mm);
  const directories = new DirectoryReader(mm, space);
  const { entriesPerTable } = mm.format;
  for (let vpn = firstVpn; vpn <= lastVpn; ) {
    const exists = directories.nextTable(Math.floor(vpn / entriesPerTable), Math.floor(lastVpn / entriesPerTable) + 1);
    const first = Math.min(Math.max(vpn, exists * entriesPerTable), lastVpn + 1);
    if (first > vpn) {
      visit(null, vpn, mm.format, first - vpn);
      vpn = first;
      continue;
    }
    const pde = directories.pde(vpn * PAGE_SIZE);
    const table = reader.read(pde.at, pde.format);
    const end = Math.min(vpn - (vpn % entriesPerTable) + entriesPerTable, lastVpn + 1);
    if (table === null) {
      visit(null, vpn, mm.format, end - vpn);
      vpn = end;
      continue;
    }
    while (vpn < end) {
      const base = vpn - (vpn % entriesPerTable);
      const used = base + table.nextUsed(vpn - base, end - base);
      if (used > vpn) visit(null, vpn, table.format, used - vpn);
      if (used < end) visit(table.at(used - base), used, table.format, 1);
      vpn = used + 1;
    }
    vpn = end;
  }
}

/**
 * Calls a function for every PTE of paged pool that is not zero. Page tables of the system stay in memory; what costs is how many of
 * them there are.
 */
export function forEachPagedPoolPte(mm: MemoryManager, visit: (at: PteLocation, address: number) => void): void {
  const { format } = mm;
  const tableBytes = 2 ** format.tableShift;
  for (let first = PAGED_POOL_FIRST; first < PAGED_POOL_END; first += tableBytes - (first % tableBytes)) {
    const start = systemPte(mm, first);
    if (start === NO_PTE) continue;
    const end = Math.min(first - (first % tableBytes) + tableBytes, PAGED_POOL_END);
    const count = (end - first) / PAGE_SIZE;
    for (let index = 0; index < count; index++) {
      const at = pteLocation(start + index * format.entryWords);
      // Most are zero: look at the words before asking what they mean.
      if (mm.words[at] === 0 && (format.entryWords === 1 || mm.words[at + 1] === 0)) continue;
      visit(at, first + index * PAGE_SIZE);
    }
  }
}
