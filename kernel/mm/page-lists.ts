import type { PhysicalMemory } from '../../cpu/index.js';
import type { AvailableWindow } from './available-pages.js';
import { PAGE_MASK, PageLocation } from './layout.js';
import { EMPTY_FRAME, EMPTY_LIST, type PfnDatabase } from './pfn.js';
import { type PteFormat, type PteLocation, pteLocation } from './pte.js';

/** Head of a page list (MMPFNLIST); the links are in the PFN database. */
export interface PageListHead {
  readonly location: PageLocation;
  total: number;
  flink: number;
  blink: number;
}

/** Frames that nobody has used yet are put on the zeroed list in pieces of so many, 256 MB. A multiple of COLORS. */
const LINKED_AT_ONCE = 0x10000;

/** Page colours: pages that compete for the same second-level cache lines (nt52.md 3.5). */
export const COLORS = 64;
const COLOR_MASK = COLORS - 1;

/** Heads of the per-colour lists of zeroed or of free pages. */
export interface ColorHeads {
  readonly flink: Int32Array;
  readonly blink: Int32Array;
  readonly count: Int32Array;
}

/** Who has to know what happens to pages on lists. Nothing here may wait, or come back to the lists. */
export interface PageListListener {
  /** A frame's bytes are about to be replaced by zeros. */
  frameZeroed(frame: number): void;
  /** The last trace of a file page leaves memory. */
  filePageGone(subsectionAddress: number): void;
  /** A private page leaves memory and nothing of it is kept. */
  privatePageGone(tableFrame: number): void;
  /** An active page has no share left: it was kept only for the PTEs of pages that are gone now. */
  lastChildGone(frame: number): void;
  /** The available pages left the window of the last answer. */
  availableChanged(available: number): AvailableWindow;
  /** A page came to the free list. */
  freeInserted(): void;
  /** A page came to the modified list. */
  modifiedInserted(): void;
  /** Pages of this file may only be written by who knows when (MmDisableModifiedWriteOfSection). */
  isModifiedWriteDisabled(subsectionAddress: number): boolean;
  /** A page that was in use went to the bad page list. */
  pageFailed(frame: number): void;
}

/**
 * The page lists and the rules by which a frame is taken and given back (nt52.md 3.2 to 3.6). A frame number of 0
 * means "none": frame 0 never is on a list. Environment: the PFN lock of NT; nothing here waits or allocates.
 */
export class PageLists {
  readonly zeroed = newHead(PageLocation.Zeroed);
  readonly free = newHead(PageLocation.Free);
  readonly standby = newHead(PageLocation.Standby);
  /** Modified pages that go to their files (MmModifiedPageListHead) and to paging files (MmModifiedPageListByColor). */
  readonly modifiedMapped = newHead(PageLocation.Modified);
  readonly modifiedForPagingFile = newHead(PageLocation.Modified);
  readonly modifiedNoWrite = newHead(PageLocation.ModifiedNoWrite);
  readonly bad = newHead(PageLocation.Bad);
  readonly zeroedByColor = newColorHeads();
  readonly freeByColor = newColorHeads();
  /** MmStandbyRePurposed. */
  standbyRepurposed = 0;
  /** Fault injection: hears of every frame that a fault or the kernel is given; null costs nothing. */
  given: ((frame: number) => void) | null = null;
  readonly #pfn: PfnDatabase;
  readonly #memory: PhysicalMemory;
  readonly #format: PteFormat;
  readonly #listener: PageListListener;
  /** Unused frames whose PFN entries were never written: they count as the end of the zeroed list. */
  #unlinkedFirst = 0;
  #unlinkedEnd = 0;
  #available = 0;
  /** The colour that the next batch of the zero page thread begins with. */
  #zeroingColor = 0;
  /** While the available pages stay in here nobody has to be told. */
  #windowFirst = 0;
  #windowEnd = 0;

  constructor(pfn: PfnDatabase, memory: PhysicalMemory, format: PteFormat, listener: PageListListener) {
    this.#pfn = pfn;
    this.#memory = memory;
    this.#format = format;
    this.#listener = listener;
  }

  /** MmAvailablePages: what can be handed out at once. */
  get availablePages(): number {
    return this.#available;
  }

  /** Frames below this have PFN entries; those from here on, up to the last, were never used. */
  get knownFrames(): number {
    return this.#unlinkedFirst === this.#unlinkedEnd ? this.#pfn.frameCount : this.#unlinkedFirst;
  }

  /** Pages of the zeroed list that are not linked into it yet. */
  get unlinkedPages(): number {
    return this.#unlinkedEnd - this.#unlinkedFirst;
  }

  /** Modified pages of both kinds. */
  get modifiedPages(): number {
    return this.modifiedMapped.total + this.modifiedForPagingFile.total;
  }

  /** All heads, for walkers. */
  get heads(): readonly PageListHead[] {
    const { zeroed, free, standby, modifiedMapped, modifiedForPagingFile, modifiedNoWrite, bad } = this;
    return [zeroed, free, standby, modifiedMapped, modifiedForPagingFile, modifiedNoWrite, bad];
  }

  /**
   * At boot: frames first .. end-1, which nobody has touched, join the zeroed list; a second run lies behind the first. With much
   * memory most of them are linked, and their PFN entries written, when they are needed; nobody can tell but who looks at these entries.
   */
  fillZeroed(first: number, end: number): void {
    if (end <= first) return;
    while (this.#unlinkedFirst < this.#unlinkedEnd) this.#linkUnused();
    this.#unlinkedFirst = first;
    this.#unlinkedEnd = end;
    this.zeroed.total += end - first;
    this.#linkUnused();
    this.#available += end - first;
    this.#tellAvailable();
  }

  /**
   * MmMarkPhysicalMemoryAsBad: a frame has failed. A page that is available becomes a bad page at once; one that is in use, or has to be
   * written first, when it would become available. False: there is no such frame, or its page has failed already.
   */
  fail(frame: number): boolean {
    if (frame <= 0 || frame >= this.#pfn.frameCount) return false;
    while (frame >= this.knownFrames) this.#linkUnused();
    if (this.#pfn.location(frame) === PageLocation.Bad || this.#pfn.isRemovalRequested(frame)) return false;
    if (this.#pfn.location(frame) > PageLocation.Standby) this.#pfn.requestRemoval(frame);
    else this.#failed(this.#takeAvailable(frame));
    return true;
  }

  /** A frame that nobody needs goes to the bad page list. */
  #failed(frame: number): void {
    this.#pfn.makeFree(frame, PageLocation.Bad);
    this.#linkTail(this.bad, frame);
    this.#listener.pageFailed(frame);
  }

  /** The next unused frames go to the tails of the zeroed list and of its colours. */
  #linkUnused(): void {
    const pfn = this.#pfn;
    const first = this.#unlinkedFirst;
    const end = Math.min(this.#unlinkedEnd, first + LINKED_AT_ONCE);
    pfn.fillZeroed(first, end, COLORS);
    const { zeroed } = this;
    pfn.setBlink(first, zeroed.blink);
    if (zeroed.blink === EMPTY_LIST) zeroed.flink = first;
    else pfn.setFlink(zeroed.blink, first);
    zeroed.blink = end - 1;
    const { flink, blink, count: counts } = this.zeroedByColor;
    for (let offset = 0; offset < Math.min(COLORS, end - first); offset++) {
      const color = (first + offset) & COLOR_MASK;
      const tail = blink[color];
      if (tail === -1) flink[color] = first + offset;
      else {
        pfn.setColorFlink(tail, first + offset);
        pfn.setColorBlink(first + offset, tail);
      }
      const rest = (end - first - 1 - offset) & ~COLOR_MASK;
      blink[color] = first + offset + rest;
      counts[color] += rest / COLORS + 1;
    }
    this.#unlinkedFirst = end;
  }

  /** The first zeroed page of a colour, -1 when there is none. */
  #zeroedOfColor(color: number): number {
    const { flink } = this.zeroedByColor;
    while (flink[color] === -1 && this.#unlinkedFirst < this.#unlinkedEnd) this.#linkUnused();
    return flink[color];
  }

  /** RemoveZeroPage: a page full of zeros, or 0 when no page is available. */
  removeZeroPage(color: number): number {
    const frame = this.#zeroPage(color);
    if (this.given !== null && frame !== 0) this.given(frame);
    return frame;
  }

  #zeroPage(color: number): number {
    const wanted = color & COLOR_MASK;
    const zeroed = this.#zeroedOfColor(wanted);
    if (zeroed !== -1) return this.#take(zeroed);
    if (this.zeroed.total > 0) return this.#take(this.zeroed.flink);
    const colored = this.freeByColor.flink[wanted];
    const frame = colored !== -1 ? this.#take(colored) : this.free.total > 0 ? this.#take(this.free.flink) : 0;
    const dirty = frame !== 0 ? frame : this.#takeStandby();
    if (dirty === 0) return 0;
    this.#listener.frameZeroed(dirty);
    this.#memory.zeroFrame(dirty);
    return dirty;
  }

  /** RemoveZeroPageIfAny: from the zeroed lists only, else 0. */
  removeZeroPageIfAny(color: number): number {
    const zeroed = this.#zeroedOfColor(color & COLOR_MASK);
    if (zeroed !== -1) return this.#take(zeroed);
    return this.zeroed.total > 0 ? this.#take(this.zeroed.flink) : 0;
  }

  /** RemoveAnyPage: a page with any contents, or 0. */
  removeAnyPage(color: number): number {
    const frame = this.#anyPage(color);
    if (this.given !== null && frame !== 0) this.given(frame);
    return frame;
  }

  #anyPage(color: number): number {
    const wanted = color & COLOR_MASK;
    const free = this.freeByColor.flink[wanted];
    if (free !== -1) return this.#take(free);
    const zeroed = this.#zeroedOfColor(wanted);
    if (zeroed !== -1) return this.#take(zeroed);
    if (this.free.total > 0) return this.#take(this.free.flink);
    if (this.zeroed.total > 0) return this.#take(this.zeroed.flink);
    return this.#takeStandby();
  }

  /**
   * The lowest run of so many available frames, aligned to their number, a power of two; their contents are zeros. Returns the first,
   * or 0: there is no such run.
   */
  removeContiguousPages(count: number): number {
    for (let first = count; first + count <= this.#pfn.frameCount; first += count) {
      while (first + count > this.knownFrames) this.#linkUnused();
      let end = first;
      while (end < first + count && this.#isAvailable(end)) end++;
      if (end < first + count) continue;
      for (let frame = first; frame < end; frame++) this.#takeZeroed(frame);
      return first;
    }
    return 0;
  }

  #isAvailable(frame: number): boolean {
    return this.#pfn.location(frame) <= PageLocation.Standby;
  }

  /** Takes one available page, and clears it unless it is known to hold zeros. */
  #takeZeroed(frame: number): void {
    const location = this.#pfn.location(frame);
    this.#takeAvailable(frame);
    if (location === PageLocation.Zeroed) return;
    this.#listener.frameZeroed(frame);
    this.#memory.zeroFrame(frame);
  }

  /** A page whose contents nobody needs any more goes to the tail of the free list. */
  insertFree(frame: number): void {
    if (this.#pfn.isRemovalRequested(frame)) {
      this.#failed(frame);
      return;
    }
    this.#pfn.makeFree(frame, PageLocation.Free);
    this.#linkTail(this.free, frame);
    this.#linkColorTail(this.freeByColor, frame);
    this.#oneMoreAvailable();
    this.#listener.freeInserted();
  }

  /**
   * A batch of the zero page thread (nt52.md 7.3): the oldest free page of each of the next colours, so many at the most, is cleared, and
   * all of them go to the zeroed list.
   */
  zeroFreePages(most: number): void {
    const batch: number[] = [];
    for (let tries = 0; tries < COLORS && batch.length < most; tries++) {
      const frame = this.freeByColor.flink[this.#zeroingColor];
      this.#zeroingColor = (this.#zeroingColor + 1) & COLOR_MASK;
      if (frame !== -1) batch.push(this.#take(frame));
    }
    for (const frame of batch) {
      this.#listener.frameZeroed(frame);
      this.#memory.zeroFrame(frame);
      this.insertZeroed(frame);
    }
  }

  /** A page known to hold zeros goes to the head of the zeroed list. */
  insertZeroed(frame: number): void {
    this.#pfn.makeFree(frame, PageLocation.Zeroed);
    this.#linkHead(this.zeroed, frame);
    this.#linkColorHead(this.zeroedByColor, frame);
    this.#oneMoreAvailable();
  }

  /** A clean page that no working set holds; atFront: the next to be repurposed. */
  insertStandby(frame: number, atFront: boolean): void {
    if (this.#pfn.isRemovalRequested(frame)) {
      this.restoreOriginalPte(frame);
      this.#failed(frame);
      return;
    }
    this.#pfn.setLocation(frame, PageLocation.Standby);
    if (atFront) this.#linkHead(this.standby, frame);
    else this.#linkTail(this.standby, frame);
    this.#oneMoreAvailable();
  }

  /**
   * A changed page that no working set holds; it waits for its file or for a paging file, as OriginalPte says. One of a file whose
   * modified pages nobody may write on his own account goes to a list that the page writers leave alone.
   */
  insertModified(frame: number): void {
    if (this.isModifiedWriteDisabled(frame)) {
      this.#pfn.setLocation(frame, PageLocation.ModifiedNoWrite);
      this.#linkTail(this.modifiedNoWrite, frame);
      return;
    }
    this.#pfn.setLocation(frame, PageLocation.Modified);
    this.#linkTail(this.modifiedHead(frame), frame);
    this.#listener.modifiedInserted();
  }

  /** A page of a file that is not to be written by the page writers. */
  isModifiedWriteDisabled(frame: number): boolean {
    const original = this.#pfn.originalPte(frame);
    if (!this.#format.isPrototype(original)) return false;
    return this.#listener.isModifiedWriteDisabled(this.#format.subsectionAddress(original));
  }

  /** The modified list that a page belongs on. */
  modifiedHead(frame: number): PageListHead {
    return this.#format.isPrototype(this.#pfn.originalPte(frame)) ? this.modifiedMapped : this.modifiedForPagingFile;
  }

  /** Takes a page off the standby, modified or modified-no-write list; its entry is otherwise unchanged. */
  unlink(frame: number): void {
    const location = this.#pfn.location(frame);
    if (location === PageLocation.Standby) {
      this.#unlinkFrom(this.standby, frame);
      this.#oneLessAvailable();
    } else if (location === PageLocation.Modified) this.#unlinkFrom(this.modifiedHead(frame), frame);
    else if (location === PageLocation.ModifiedNoWrite) this.#unlinkFrom(this.modifiedNoWrite, frame);
    this.#pfn.setLocation(frame, PageLocation.Transition);
  }

  /** Where the PTE that owns a page lies: in the page table or pool page that PteFrame names. */
  owningPte(frame: number): PteLocation {
    const host = this.#memory.hostPage(this.#pfn.pteFrame(frame));
    return pteLocation((host + (this.#pfn.pteAddress(frame) & PAGE_MASK & ~3)) >>> 2);
  }

  /** Standby repurpose: the owner's PTE gets back what OriginalPte says, and its page table one reference less. */
  restoreOriginalPte(frame: number): void {
    const pfn = this.#pfn;
    const original = pfn.originalPte(frame);
    this.#format.copy(this.owningPte(frame), original);
    if (this.#format.isPrototype(original)) this.#listener.filePageGone(this.#format.subsectionAddress(original));
    const table = pfn.pteFrame(frame);
    if (!pfn.isPrototype(frame) && this.#format.isDemandZero(original)) this.#listener.privatePageGone(table);
    const shares = pfn.shareCount(table) - 1;
    pfn.setShareCount(table, shares);
    if (shares === 0) this.#listener.lastChildGone(table);
  }

  /** Removes a free or zeroed page from its lists. */
  #take(frame: number): number {
    const zeroed = this.#pfn.location(frame) === PageLocation.Zeroed;
    this.#unlinkFrom(zeroed ? this.zeroed : this.free, frame);
    this.#unlinkColor(zeroed ? this.zeroedByColor : this.freeByColor, frame);
    this.#oneLessAvailable();
    return frame;
  }

  #takeStandby(): number {
    return this.standby.total === 0 ? 0 : this.#repurpose(this.standby.flink);
  }

  #repurpose(frame: number): number {
    this.#unlinkFrom(this.standby, frame);
    this.restoreOriginalPte(frame);
    this.standbyRepurposed++;
    this.#oneLessAvailable();
    return frame;
  }

  /** Removes a page from the zeroed, free or standby list. */
  #takeAvailable(frame: number): number {
    return this.#pfn.location(frame) === PageLocation.Standby ? this.#repurpose(frame) : this.#take(frame);
  }

  #oneMoreAvailable(): void {
    if (++this.#available >= this.#windowEnd) this.#tellAvailable();
  }

  #oneLessAvailable(): void {
    if (--this.#available < this.#windowFirst) this.#tellAvailable();
  }

  #tellAvailable(): void {
    const { first, end } = this.#listener.availableChanged(this.#available);
    this.#windowFirst = first;
    this.#windowEnd = end;
  }

  #linkTail(head: PageListHead, frame: number): void {
    const pfn = this.#pfn;
    pfn.setFlink(frame, EMPTY_LIST);
    pfn.setBlink(frame, head.blink);
    if (head.blink === EMPTY_LIST) head.flink = frame;
    else pfn.setFlink(head.blink, frame);
    head.blink = frame;
    head.total++;
  }

  #linkHead(head: PageListHead, frame: number): void {
    const pfn = this.#pfn;
    pfn.setFlink(frame, head.flink);
    pfn.setBlink(frame, EMPTY_LIST);
    if (head.flink === EMPTY_LIST) head.blink = frame;
    else pfn.setBlink(head.flink, frame);
    head.flink = frame;
    head.total++;
  }

  #unlinkFrom(head: PageListHead, frame: number): void {
    const pfn = this.#pfn;
    const next = pfn.flink(frame);
    const previous = pfn.blink(frame);
    if (next === EMPTY_LIST) head.blink = previous;
    else pfn.setBlink(next, previous);
    if (previous === EMPTY_LIST) head.flink = next;
    else pfn.setFlink(previous, next);
    head.total--;
  }

  #linkColorTail(heads: ColorHeads, frame: number): void {
    const color = frame & COLOR_MASK;
    const tail = heads.blink[color];
    this.#pfn.setColorFlink(frame, EMPTY_LIST);
    this.#pfn.setColorBlink(frame, tail === -1 ? EMPTY_FRAME : tail);
    if (tail === -1) heads.flink[color] = frame;
    else this.#pfn.setColorFlink(tail, frame);
    heads.blink[color] = frame;
    heads.count[color]++;
  }

  #linkColorHead(heads: ColorHeads, frame: number): void {
    const color = frame & COLOR_MASK;
    const next = heads.flink[color];
    this.#pfn.setColorFlink(frame, next === -1 ? EMPTY_LIST : next);
    this.#pfn.setColorBlink(frame, EMPTY_FRAME);
    if (next === -1) heads.blink[color] = frame;
    else this.#pfn.setColorBlink(next, frame);
    heads.flink[color] = frame;
    heads.count[color]++;
  }

  #unlinkColor(heads: ColorHeads, frame: number): void {
    const color = frame & COLOR_MASK;
    const next = this.#pfn.colorFlink(frame);
    const previous = this.#pfn.colorBlink(frame);
    if (next === EMPTY_LIST) heads.blink[color] = previous === EMPTY_FRAME ? -1 : previous;
    else this.#pfn.setColorBlink(next, previous);
    if (previous === EMPTY_FRAME) heads.flink[color] = next === EMPTY_LIST ? -1 : next;
    else this.#pfn.setColorFlink(previous, next);
    heads.count[color]--;
  }
}

function newHead(location: PageLocation): PageListHead {
  return { location, total: 0, flink: EMPTY_LIST, blink: EMPTY_LIST };
}

function newColorHeads(): ColorHeads {
  return {
    flink: new Int32Array(COLORS).fill(-1),
    blink: new Int32Array(COLORS).fill(-1),
    count: new Int32Array(COLORS),
  };
}
