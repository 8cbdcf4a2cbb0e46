import { PageLocation } from './layout.js';
import { type PteLocation, pteLocation } from './pte.js';

/** "No page" in Flink and Blink, and in the 25-bit PteFrame field. */
export const EMPTY_LIST = 0xffffffff;
export const EMPTY_FRAME = 0x1ffffff;

const PTE_ADDRESS = 1;
const BLINK = 2;
const REFERENCES_AND_FLAGS = 3;
const ORIGINAL_PTE = 4;

/** Flags of offset 0E, as bits of the dword at 0C. */
const MODIFIED = 1 << 16;
const READ_IN_PROGRESS = 1 << 17;
const WRITE_IN_PROGRESS = 1 << 18;
const PROTOTYPE_PTE = 1 << 19;
const COLOR_SHIFT = 20;
const LOCATION_SHIFT = 24;
const LOCATION_FIELD = 7 << LOCATION_SHIFT;
const REMOVAL_REQUESTED = 1 << 27;
const CACHE_ATTRIBUTE_SHIFT = 28;
const CACHED = 1 << CACHE_ATTRIBUTE_SHIFT;

const FRAME_FIELD = 0x1ffffff;
const IN_PAGE_ERROR = 1 << 25;
const AWE_ALLOCATION = 1 << 27;
/** PteFrame of pages that no page table owns (MI_MAGIC_AWE_PTEFRAME). */
export const AWE_PTE_FRAME = 0x1fffffe;

/**
 * The PFN database: one MMPFN of 24 bytes (PAE: 28) a page frame, real bytes in guest memory (nt52.md 3.1). Its frames
 * are physically contiguous and were the first to be touched in a row, so their host bytes are one run too, and an
 * entry is found by a multiplication.
 *
 *   00 Flink / WsIndex    04 PteAddress    08 Blink / ShareCount    0C ReferenceCount, 0E flags
 *   10 OriginalPte (PAE: 8 bytes)          14 (PAE: 18) PteFrame:25 and flags
 */
export class PfnDatabase {
  readonly frameCount: number;
  /** Bytes of an entry. */
  readonly entrySize: number;
  readonly #words: Int32Array;
  readonly #base: number;
  readonly #stride: number;
  readonly #last: number;

  /** @param base word index of entry 0. */
  constructor(words: Int32Array, base: number, isPae: boolean, frameCount: number) {
    this.#words = words;
    this.#base = base;
    this.#stride = isPae ? 7 : 6;
    this.#last = this.#stride - 1;
    this.entrySize = this.#stride * 4;
    this.frameCount = frameCount;
  }

  /** Word index of an entry. */
  entry(frame: number): number {
    return this.#base + frame * this.#stride;
  }

  flink(frame: number): number {
    return this.#words[this.entry(frame)] >>> 0;
  }

  setFlink(frame: number, value: number): void {
    this.#words[this.entry(frame)] = value;
  }

  /** WsIndex of an active page: its entry in the working set list of the process that mapped it first; 0 = none. */
  wsIndex(frame: number): number {
    return this.#words[this.entry(frame)];
  }

  setWsIndex(frame: number, index: number): void {
    this.#words[this.entry(frame)] = index;
  }

  blink(frame: number): number {
    return this.#words[this.entry(frame) + BLINK] >>> 0;
  }

  setBlink(frame: number, value: number): void {
    this.#words[this.entry(frame) + BLINK] = value;
  }

  shareCount(frame: number): number {
    return this.#words[this.entry(frame) + BLINK];
  }

  setShareCount(frame: number, value: number): void {
    this.#words[this.entry(frame) + BLINK] = value;
  }

  /** Address of the PTE or prototype PTE that owns the page; bit 0 = delete on last dereference. */
  pteAddress(frame: number): number {
    return this.#words[this.entry(frame) + PTE_ADDRESS] >>> 0;
  }

  setPteAddress(frame: number, address: number): void {
    this.#words[this.entry(frame) + PTE_ADDRESS] = address;
  }

  isDeleted(frame: number): boolean {
    return (this.#words[this.entry(frame) + PTE_ADDRESS] & 1) !== 0;
  }

  setDeleted(frame: number): void {
    this.#words[this.entry(frame) + PTE_ADDRESS] |= 1;
  }

  referenceCount(frame: number): number {
    return this.#words[this.entry(frame) + REFERENCES_AND_FLAGS] & 0xffff;
  }

  setReferenceCount(frame: number, count: number): void {
    const at = this.entry(frame) + REFERENCES_AND_FLAGS;
    this.#words[at] = (this.#words[at] & ~0xffff) | count;
  }

  location(frame: number): PageLocation {
    return ((this.#words[this.entry(frame) + REFERENCES_AND_FLAGS] & LOCATION_FIELD) >>>
      LOCATION_SHIFT) as PageLocation;
  }

  setLocation(frame: number, location: PageLocation): void {
    const at = this.entry(frame) + REFERENCES_AND_FLAGS;
    this.#words[at] = (this.#words[at] & ~LOCATION_FIELD) | (location << LOCATION_SHIFT);
  }

  /** The page is at a location of lists, nobody refers to it, and its Blink is this one: one look for all three. */
  isLinked(frame: number, location: PageLocation, blink: number): boolean {
    const at = this.entry(frame);
    const state = this.#words[at + REFERENCES_AND_FLAGS] & (LOCATION_FIELD | REMOVAL_REQUESTED | 0xffff);
    return state === location << LOCATION_SHIFT && this.#words[at + BLINK] >>> 0 === blink;
  }

  isModified(frame: number): boolean {
    return this.#flag(frame, MODIFIED);
  }

  setModified(frame: number, on: boolean): void {
    this.#setFlag(frame, MODIFIED, on);
  }

  isReadInProgress(frame: number): boolean {
    return this.#flag(frame, READ_IN_PROGRESS);
  }

  setReadInProgress(frame: number, on: boolean): void {
    this.#setFlag(frame, READ_IN_PROGRESS, on);
  }

  isWriteInProgress(frame: number): boolean {
    return this.#flag(frame, WRITE_IN_PROGRESS);
  }

  setWriteInProgress(frame: number, on: boolean): void {
    this.#setFlag(frame, WRITE_IN_PROGRESS, on);
  }

  /** The page is owned by a prototype PTE. */
  isPrototype(frame: number): boolean {
    return this.#flag(frame, PROTOTYPE_PTE);
  }

  setPrototype(frame: number, on: boolean): void {
    this.#setFlag(frame, PROTOTYPE_PTE, on);
  }

  /** The frame has failed: it goes to the bad page list as soon as nobody needs its contents. */
  isRemovalRequested(frame: number): boolean {
    return this.#flag(frame, REMOVAL_REQUESTED);
  }

  requestRemoval(frame: number): void {
    this.#setFlag(frame, REMOVAL_REQUESTED, true);
  }

  /** 0 not cached, 1 cached, 2 write combined, 3 not mapped. */
  cacheAttribute(frame: number): number {
    return (this.#words[this.entry(frame) + REFERENCES_AND_FLAGS] >>> CACHE_ATTRIBUTE_SHIFT) & 3;
  }

  color(frame: number): number {
    return (this.#words[this.entry(frame) + REFERENCES_AND_FLAGS] >>> COLOR_SHIFT) & 0xf;
  }

  /** Where OriginalPte lies; read and write it with the PteFormat. */
  originalPte(frame: number): PteLocation {
    return pteLocation(this.entry(frame) + ORIGINAL_PTE);
  }

  /** Frame of the page table (or pool page) that holds the PTE at pteAddress. */
  pteFrame(frame: number): number {
    return this.#words[this.entry(frame) + this.#last] & FRAME_FIELD;
  }

  setPteFrame(frame: number, pteFrame: number): void {
    const at = this.entry(frame) + this.#last;
    this.#words[at] = (this.#words[at] & ~FRAME_FIELD) | (pteFrame & FRAME_FIELD);
  }

  isInPageError(frame: number): boolean {
    return (this.#words[this.entry(frame) + this.#last] & IN_PAGE_ERROR) !== 0;
  }

  /** An active page that belongs to one PTE, no prototype PTE, at this address and in this frame: one look for all of it. */
  isOwnedBy(frame: number, pteAddress: number, pteFrame: number): boolean {
    const at = this.entry(frame);
    const words = this.#words;
    const state = words[at + REFERENCES_AND_FLAGS] & (LOCATION_FIELD | PROTOTYPE_PTE);
    if (state !== PageLocation.Active << LOCATION_SHIFT || words[at + PTE_ADDRESS] !== (pteAddress | 0)) return false;
    return (words[at + this.#last] & FRAME_FIELD) === pteFrame;
  }

  /** The page belongs to a program that maps it itself: PteAddress is where it is mapped now, 0 for nowhere. */
  isAwe(frame: number): boolean {
    return (this.#words[this.entry(frame) + this.#last] & AWE_ALLOCATION) !== 0;
  }

  /** Makes a page one of AWE: both counts and AweReferenceCount (in OriginalPte) 1, mapped nowhere. */
  makeAwe(frame: number): void {
    this.makeActive(frame, 0, AWE_PTE_FRAME);
    const at = this.entry(frame);
    this.#words[at + ORIGINAL_PTE] = 1;
    this.#words[at + this.#last] |= AWE_ALLOCATION;
  }

  /** Free and zeroed pages: next page of the same colour, kept in the low dword of OriginalPte. */
  colorFlink(frame: number): number {
    return this.#words[this.entry(frame) + ORIGINAL_PTE] >>> 0;
  }

  setColorFlink(frame: number, value: number): void {
    this.#words[this.entry(frame) + ORIGINAL_PTE] = value;
  }

  /** Free and zeroed pages: previous page of the same colour, kept in PteFrame; EMPTY_FRAME at the head. */
  colorBlink(frame: number): number {
    return this.pteFrame(frame);
  }

  setColorBlink(frame: number, value: number): void {
    this.setPteFrame(frame, value);
  }

  /** Makes a page active and owned by one PTE: both counts 1, cached, not modified; OriginalPte is the caller's. */
  makeActive(frame: number, pteAddress: number, pteFrame: number): void {
    const at = this.entry(frame);
    const words = this.#words;
    words[at] = 0;
    words[at + PTE_ADDRESS] = pteAddress;
    words[at + BLINK] = 1;
    const kept = words[at + REFERENCES_AND_FLAGS] & REMOVAL_REQUESTED;
    words[at + REFERENCES_AND_FLAGS] = kept | 1 | CACHED | (PageLocation.Active << LOCATION_SHIFT);
    words[at + ORIGINAL_PTE] = 0;
    words[at + ORIGINAL_PTE + 1] = 0;
    words[at + this.#last] = pteFrame & FRAME_FIELD;
  }

  /** The entry of a page that is on the zeroed or free list but not yet linked. */
  makeFree(frame: number, location: PageLocation): void {
    const at = this.entry(frame);
    const words = this.#words;
    words[at + PTE_ADDRESS] = 0;
    words[at + REFERENCES_AND_FLAGS] = CACHED | (location << LOCATION_SHIFT);
    words[at + ORIGINAL_PTE + 1] = 0;
    words[at + this.#last] = 0;
  }

  /**
   * Writes the entries first .. end-1 as one ascending chain of zeroed pages with ascending colour chains: the
   * state of memory that nobody has used. The first's Blink and colour Blinks, and the last ones' links, are empty.
   */
  fillZeroed(first: number, end: number, colors: number): void {
    const words = this.#words;
    const stride = this.#stride;
    const last = this.#last;
    const flags = CACHED | (PageLocation.Zeroed << LOCATION_SHIFT);
    let at = this.entry(first);
    for (let frame = first; frame < end; frame++) {
      words[at] = frame + 1;
      words[at + BLINK] = frame - 1;
      words[at + REFERENCES_AND_FLAGS] = flags;
      words[at + ORIGINAL_PTE] = frame + colors < end ? frame + colors : EMPTY_LIST;
      words[at + last] = frame - colors >= first ? frame - colors : EMPTY_FRAME;
      at += stride;
    }
    this.setBlink(first, EMPTY_LIST);
    this.setFlink(end - 1, EMPTY_LIST);
  }

  #flag(frame: number, bit: number): boolean {
    return (this.#words[this.entry(frame) + REFERENCES_AND_FLAGS] & bit) !== 0;
  }

  #setFlag(frame: number, bit: number, on: boolean): void {
    const at = this.entry(frame) + REFERENCES_AND_FLAGS;
    this.#words[at] = on ? this.#words[at] | bit : this.#words[at] & ~bit;
  }
}
