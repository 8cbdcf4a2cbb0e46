import { PAGE_SHIFT, WSL_USED_PAGE_TABLE_ENTRIES } from './layout.js';

/** MMWSL fields (nt52.md 6.2) as word offsets. */
const FIRST_FREE = 0;
const FIRST_DYNAMIC = 1;
const LAST_ENTRY = 2;
const NEXT_SLOT = 3;
const WSLE = 4;
const LAST_INITIALIZED = 5;
const NON_DIRECT_COUNT = 6;
const HASH_TABLE = 7;
const HASH_TABLE_SIZE = 8;
const HASH_TABLE_START = 10;

/** Bits of a WSLE (nt52.md 6.1). */
export const WsleBit = {
  Valid: 0x1,
  LockedInWs: 0x2,
  LockedInMemory: 0x4,
  Hashed: 0x100,
  Direct: 0x200,
} as const;
export const WSLE_LOCKED = WsleBit.LockedInWs | WsleBit.LockedInMemory;
const PROTECTION_SHIFT = 3;
const PROTECTION_FIELD = 0xf8;
const AGE_SHIFT = 10;
const AGE_FIELD = 0xc00;
const VPN_FIELD = ~0xfff;
/** Age of a page that was not used for long. */
export const MAXIMUM_AGE = 3;

/** End of the chain of free entries. */
export const NO_ENTRY = 0x0fffffff;
const WORDS_PER_PAGE = 1024;
/** Entries of the hash table in a page: {Key, Index}. */
export const HASH_ENTRIES_PER_PAGE = 512;
/** A page number and this is the key, so that no key is 0. */
const HASH_KEY_USED = 1;
const GOLDEN_RATIO = 0x9e3779b1;

/** Bytes before the first WSLE: MMWSL with its two arrays of one entry a page table, rounded up to 64. */
export const workingSetHeaderSize = (userTables: number): number =>
  (WSL_USED_PAGE_TABLE_ENTRIES + userTables * 2 + userTables / 8 + 63) & ~63;

/**
 * The working set list of a process: MMWSL, the WSLEs behind it and their hash table, all bytes in hyperspace. Here are their
 * fields and links only; what they mean for PTEs and page frames is in working-set.ts. Nothing here allocates, but for
 * adding a page.
 *
 * Entries below FirstDynamic are locked. Free entries are chained through bits 4-31. A valid entry is found from its page frame
 * (PFN.u1.WsIndex) when it is Direct, else through the hash table: open addressing by page number.
 */
export class WorkingSetList {
  /** Word index of each page of the list, the first being the MMWSL's, and of each page of the hash table. */
  readonly pages: number[];
  readonly hashPages: number[] = [];
  readonly #words: Int32Array;
  #home: number;
  readonly #headerWords: number;

  /**
   * @param home word index of the MMWSL page, all zeros but for UsedPageTableEntries
   * @param wsleAddress where the process sees WSLE 0; @param hashStart and where the hash table begins
   */
  constructor(words: Int32Array, home: number, headerSize: number, wsleAddress: number, hashStart: number) {
    this.#words = words;
    this.#home = home;
    this.#headerWords = headerSize >>> 2;
    this.pages = [home];
    words[home + FIRST_FREE] = NO_ENTRY;
    words[home + WSLE] = wsleAddress;
    words[home + LAST_INITIALIZED] = -1;
    words[home + HASH_TABLE_START] = hashStart;
    this.initializeEntries();
  }

  /** The MMWSL page, the only one, lies elsewhere now. */
  moveTo(home: number): void {
    this.#home = home;
    this.pages[0] = home;
  }

  /** Only the first page remains, in which all entries in use are locked ones; the hash table, which is empty, goes too. */
  truncate(): void {
    const words = this.#words;
    this.pages.length = 1;
    this.hashPages.length = 0;
    words[this.#home + HASH_TABLE] = 0;
    words[this.#home + HASH_TABLE_SIZE] = 0;
    words[this.#home + FIRST_FREE] = NO_ENTRY;
    words[this.#home + LAST_INITIALIZED] = this.firstDynamic - 1;
    this.initializeEntries();
  }

  /** Chains the entries of pages that were added since the last call into the free list, lowest first. */
  initializeEntries(): void {
    const words = this.#words;
    const first = words[this.#home + LAST_INITIALIZED] + 1;
    const end = this.pages.length * WORDS_PER_PAGE - this.#headerWords;
    for (let index = end - 1; index >= first; index--) this.#free(index);
    words[this.#home + LAST_INITIALIZED] = end - 1;
  }

  get firstFree(): number {
    return this.#words[this.#home + FIRST_FREE];
  }

  set firstFree(index: number) {
    this.#words[this.#home + FIRST_FREE] = index;
  }

  get firstDynamic(): number {
    return this.#words[this.#home + FIRST_DYNAMIC];
  }

  set firstDynamic(index: number) {
    this.#words[this.#home + FIRST_DYNAMIC] = index;
  }

  /** Highest entry in use. */
  get lastEntry(): number {
    return this.#words[this.#home + LAST_ENTRY];
  }

  /** An entry was put to use without take(). */
  noteUse(index: number): void {
    if (index > this.lastEntry) this.#words[this.#home + LAST_ENTRY] = index;
  }

  /** Where the next search for a page to replace begins. */
  get nextSlot(): number {
    return this.#words[this.#home + NEXT_SLOT];
  }

  set nextSlot(index: number) {
    this.#words[this.#home + NEXT_SLOT] = index;
  }

  get lastInitialized(): number {
    return this.#words[this.#home + LAST_INITIALIZED];
  }

  /** Entries that are in the hash table. */
  get nonDirectCount(): number {
    return this.#words[this.#home + NON_DIRECT_COUNT];
  }

  get hashStart(): number {
    return this.#words[this.#home + HASH_TABLE_START] >>> 0;
  }

  /** Entries that the hash table has room for. */
  get hashSize(): number {
    return this.#words[this.#home + HASH_TABLE_SIZE];
  }

  // --- entries

  /** The raw entry. */
  get(index: number): number {
    return this.#words[this.#at(index)];
  }

  set(index: number, entry: number): void {
    this.#words[this.#at(index)] = entry;
  }

  isValid(index: number): boolean {
    return index <= this.lastInitialized && (this.get(index) & WsleBit.Valid) !== 0;
  }

  /** The first valid entry from an index on; NO_ENTRY: there is none. */
  nextInUse(index: number): number {
    const words = this.#words;
    const end = this.lastInitialized + this.#headerWords;
    for (let word = index + this.#headerWords; word <= end; ) {
      const page = this.pages[word >>> 10];
      const last = Math.min(end, word | (WORDS_PER_PAGE - 1));
      for (; word <= last; word++) {
        if ((words[page + (word & (WORDS_PER_PAGE - 1))] & WsleBit.Valid) !== 0) return word - this.#headerWords;
      }
    }
    return NO_ENTRY;
  }

  /** How many entries the free chain links, or where it goes wrong: an entry that is in use, or none, or more of them than there are. */
  freeChain(): { readonly count: number; readonly wrong: number | null } {
    const words = this.#words;
    const { lastInitialized } = this;
    const header = this.#headerWords;
    const inFirstPage = WORDS_PER_PAGE - header;
    let count = 0;
    let index = this.firstFree;
    while (index !== NO_ENTRY) {
      if (index > lastInitialized || count > lastInitialized) return { count, wrong: index };
      const entry = words[index < inFirstPage ? this.#home + header + index : this.#at(index)];
      if ((entry & WsleBit.Valid) !== 0) return { count, wrong: index };
      count++;
      index = entry >>> 4;
    }
    return { count, wrong: null };
  }

  /** Page number of a valid entry. */
  vpn(index: number): number {
    return this.get(index) >>> PAGE_SHIFT;
  }

  /** Protection of a shared page where it is not the view's or the prototype PTE's, else 0. */
  protection(index: number): number {
    return (this.get(index) & PROTECTION_FIELD) >>> PROTECTION_SHIFT;
  }

  setProtection(index: number, protection: number): void {
    this.set(index, (this.get(index) & ~PROTECTION_FIELD) | (protection << PROTECTION_SHIFT));
  }

  age(index: number): number {
    return (this.get(index) & AGE_FIELD) >>> AGE_SHIFT;
  }

  setAge(index: number, age: number): void {
    this.set(index, (this.get(index) & ~AGE_FIELD) | (age << AGE_SHIFT));
  }

  isLocked(index: number): boolean {
    return (this.get(index) & WSLE_LOCKED) !== 0;
  }

  isHashed(index: number): boolean {
    return (this.get(index) & WsleBit.Hashed) !== 0;
  }

  /** Takes the first free entry for a page; the list must have one. Returns its index. */
  take(vpn: number, flags: number): number {
    const words = this.#words;
    const home = this.#home;
    const index = words[home + FIRST_FREE];
    const at = this.#at(index);
    words[home + FIRST_FREE] = words[at] >>> 4;
    words[at] = (vpn << PAGE_SHIFT) | flags | WsleBit.Valid;
    if (index > words[home + LAST_ENTRY]) words[home + LAST_ENTRY] = index;
    return index;
  }

  /** Gives an entry back; it must not be in the hash table. */
  release(index: number): void {
    this.#free(index);
    let last = this.lastEntry;
    if (index !== last) return;
    while (last > 0 && (this.get(last) & WsleBit.Valid) === 0) last--;
    this.#words[this.#home + LAST_ENTRY] = last;
  }

  // --- hash table

  /** The hash table's pages have been added: it is made anew over them from the entries that say Hashed. */
  rebuildHash(): void {
    const size = this.hashPages.length * HASH_ENTRIES_PER_PAGE;
    const words = this.#words;
    for (const page of this.hashPages) words.fill(0, page, page + WORDS_PER_PAGE);
    words[this.#home + HASH_TABLE] = this.hashStart;
    words[this.#home + HASH_TABLE_SIZE] = size;
    words[this.#home + NON_DIRECT_COUNT] = 0;
    for (let index = 0; index <= this.lastEntry; index++) {
      const entry = this.get(index);
      if ((entry & WsleBit.Valid) !== 0 && (entry & WsleBit.Hashed) !== 0)
        this.#hashInsert(entry >>> PAGE_SHIFT, index);
    }
  }

  /** Puts a valid entry into the hash table, which must have room. */
  hash(index: number): void {
    this.set(index, (this.get(index) & ~WsleBit.Direct) | WsleBit.Hashed);
    this.#hashInsert(this.vpn(index), index);
  }

  /** Takes an entry out of the hash table again. */
  unhash(index: number): void {
    const mask = this.hashSize - 1;
    let hole = this.#slotOf(this.vpn(index));
    this.set(index, this.get(index) & ~WsleBit.Hashed);
    if (hole < 0) return;
    // Later entries of the same run move up, so that no search meets a gap.
    for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
      const key = this.#words[this.#hashAt(slot)];
      if (key === 0) break;
      const home = this.#hashOf(key >>> PAGE_SHIFT);
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#words[this.#hashAt(hole)] = key;
      this.#words[this.#hashAt(hole) + 1] = this.#words[this.#hashAt(slot) + 1];
      hole = slot;
    }
    this.#words[this.#hashAt(hole)] = 0;
    this.#words[this.#hashAt(hole) + 1] = 0;
    this.#words[this.#home + NON_DIRECT_COUNT]--;
  }

  /** Entry of a page that is in the hash table, else -1. */
  lookUp(vpn: number): number {
    const slot = this.#slotOf(vpn);
    return slot < 0 ? -1 : this.#words[this.#hashAt(slot) + 1];
  }

  /** Entries that the hash table holds in fact; for the verifier. */
  countHashed(): number {
    let count = 0;
    const size = this.hashSize;
    for (let slot = 0; slot < size; slot++) if (this.#words[this.#hashAt(slot)] !== 0) count++;
    return count;
  }

  #free(index: number): void {
    const words = this.#words;
    words[this.#at(index)] = words[this.#home + FIRST_FREE] << 4;
    words[this.#home + FIRST_FREE] = index;
  }

  #at(index: number): number {
    const word = this.#headerWords + index;
    return this.pages[word >>> 10] + (word & (WORDS_PER_PAGE - 1));
  }

  #hashInsert(vpn: number, index: number): void {
    const mask = this.hashSize - 1;
    let slot = this.#hashOf(vpn);
    while (this.#words[this.#hashAt(slot)] !== 0) slot = (slot + 1) & mask;
    const at = this.#hashAt(slot);
    this.#words[at] = (vpn << PAGE_SHIFT) | HASH_KEY_USED;
    this.#words[at + 1] = index;
    this.#words[this.#home + NON_DIRECT_COUNT]++;
  }

  #slotOf(vpn: number): number {
    const size = this.hashSize;
    if (size === 0) return -1;
    const key = ((vpn << PAGE_SHIFT) & VPN_FIELD) | HASH_KEY_USED;
    for (let slot = this.#hashOf(vpn); ; slot = (slot + 1) & (size - 1)) {
      const found = this.#words[this.#hashAt(slot)];
      if (found === key) return slot;
      if (found === 0) return -1;
    }
  }

  #hashOf(vpn: number): number {
    return (Math.imul(vpn, GOLDEN_RATIO) >>> 12) & (this.hashSize - 1);
  }

  /** The hash table is never full, so that every search ends. */
  #hashAt(slot: number): number {
    return this.hashPages[slot >>> 9] + (slot & (HASH_ENTRIES_PER_PAGE - 1)) * 2;
  }
}
