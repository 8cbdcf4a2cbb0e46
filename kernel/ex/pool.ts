import { Status } from '../ntstatus.js';
import { type NtStatus, type VirtualAddress, virtualAddress } from '../types.js';
import { firstOccupied, PageState, PoolArea, type PoolRange, PoolType, UNITS_PER_PAGE } from './pool-area.js';
import { PoolTrackers } from './pool-trackers.js';

export { type PoolRange, PoolType };

/**
 * Nonpaged and paged pool with NT's block layout (nt52 10.1): every block has its POOL_HEADER in guest memory, free
 * blocks are linked through the 512 list heads of a POOL_DESCRIPTOR that lies in nonpaged pool, and requests of
 * more than POOL_BUDDY_MAX bytes get pages of their own.
 *
 *   POOL_HEADER   +0 PreviousSize:9 PoolIndex:7   +2 BlockSize:9 PoolType:7   +4 PoolTag     sizes in 8-byte units
 *   free block    header, then LIST_ENTRY (not in blocks of one unit, which hold nothing but the header)
 */
const PAGE_SIZE = 0x1000;
const HEADER = 8;
/** Largest request that is carved out of a page. */
export const POOL_BUDDY_MAX = PAGE_SIZE - 16;
const IN_USE = 4;
const UNITS_FIELD = 0x1ff;

/** POOL_DESCRIPTOR: offsets of what is kept there. */
const DESCRIPTOR_SIZE = 0x1028;
const DESCRIPTOR_TYPE = 0x00;
const DESCRIPTOR_INDEX = 0x04;
const DESCRIPTOR_ALLOCATIONS = 0x08;
const DESCRIPTOR_FREES = 0x0c;
const DESCRIPTOR_PAGES = 0x10;
const DESCRIPTOR_BIG_PAGES = 0x14;
const DESCRIPTOR_LISTS = 0x28;
/** Pages at the start of nonpaged pool that the two descriptors fill. */
const DESCRIPTOR_PAGE_COUNT = 3;

const BAD_POOL_HEADER = 0x19;
const BAD_POOL_CALLER = 0xc2;

/** Reads pool memory without changing anything, for walkers. */
export interface PoolReader {
  /** Unsigned results. */
  read16(address: number): number;
  read32(address: number): number;
}

/** Who pays for pool by quota: a quota block. Pool types are the first two of its quota types. */
export interface PoolPayer {
  /** QUOTA_EXCEEDED; then nothing is charged. */
  charge(type: PoolType, bytes: number): NtStatus;
  release(type: PoolType, bytes: number): void;
  reference(): void;
  dereference(): void;
}

/** What somebody pays for one block. */
interface PoolCharge {
  readonly payer: PoolPayer;
  readonly type: PoolType;
  readonly bytes: number;
}

/** What the pool stands on: system memory by virtual address, and frames to back it. */
export interface PoolMemory extends PoolReader {
  /** The addresses, of reads too, lie in pool pages that were backed before. */
  write16(address: number, value: number): void;
  write32(address: number, value: number): void;
  /** Maps frames (and charges commit) for whole pages of a pool; false when there are none left. Changes nothing then. */
  backPages(address: number, pages: number, type: PoolType): boolean;
  /** Gives the frames of whole pages back. */
  unbackPages(address: number, pages: number, type: PoolType): void;
  /** Ends the machine: never returns. */
  bugcheck(code: number, p1: number, p2: number, p3: number, p4: number): never;
}

/** A block that a quota block pays for; address 0 where the status is a failure. */
export interface QuotaAllocation {
  readonly status: NtStatus;
  readonly address: VirtualAddress;
}

/** ExAllocatePoolWithTag and ExFreePool. */
export class Pool {
  readonly trackers = new PoolTrackers();
  readonly #memory: PoolMemory;
  /** Where headers are read: `#memory`, or what a walker was given. */
  #reader: PoolReader;
  readonly #areas: readonly [PoolArea, PoolArea];
  /** Page allocations: address to size in pages and tag. */
  readonly #bigPages = new Map<number, { pages: number; tag: number }>();
  /** Blocks that somebody pays for, by address. */
  readonly #charges = new Map<number, PoolCharge>();

  /** Builds the two descriptors in the first pages of nonpaged pool; those must be available. */
  constructor(memory: PoolMemory, nonPaged: PoolRange, paged: PoolRange) {
    this.#memory = memory;
    this.#reader = memory;
    this.#areas = [new PoolArea(PoolType.NonPaged, nonPaged), new PoolArea(PoolType.Paged, paged)];
    memory.backPages(nonPaged.start, DESCRIPTOR_PAGE_COUNT, PoolType.NonPaged);
    this.#areas[PoolType.NonPaged].setPages(0, DESCRIPTOR_PAGE_COUNT, PageState.Descriptor);
    for (const area of this.#areas) {
      area.descriptor = nonPaged.start + area.type * DESCRIPTOR_SIZE;
      memory.write32(area.descriptor + DESCRIPTOR_TYPE, area.type);
      memory.write32(area.descriptor + DESCRIPTOR_INDEX, 0);
      for (let units = 0; units < UNITS_PER_PAGE; units++) {
        const head = this.#head(area, units);
        memory.write32(head, head);
        memory.write32(head + 4, head);
      }
    }
  }

  /**
   * Takes a block. The contents are undefined.
   * @param bytes size wanted; 0 counts as 1.
   * @param tag four characters, as in 'VadS'.
   * Returns its address (8-byte aligned; page aligned when larger than POOL_BUDDY_MAX), or 0 when the pool or the
   * memory is exhausted: INSUFFICIENT_RESOURCES.
   */
  allocate(type: PoolType, bytes: number, tag: string): VirtualAddress {
    const area = this.#areas[type];
    const tagValue = poolTag(tag);
    const size = bytes === 0 ? 1 : bytes;
    if (size > POOL_BUDDY_MAX) return this.#allocatePages(area, Math.ceil(size / PAGE_SIZE), tagValue);
    const units = (size + HEADER + 7) >>> 3;
    const block = this.#takeBlock(area, units);
    if (block === 0) return virtualAddress(0);
    const memory = this.#memory;
    memory.write16(block + 2, units | (((type + 1) | IN_USE) << 9));
    memory.write32(block + 4, tagValue);
    this.#count(area, DESCRIPTOR_ALLOCATIONS, 1);
    this.trackers.allocated(tagValue, type, units * 8);
    return virtualAddress(block + HEADER);
  }

  /**
   * ExAllocatePoolWithQuotaTag: as allocate(), and a quota block pays for the pool, with its header and whole pages, until it is
   * freed. QUOTA_EXCEEDED, INSUFFICIENT_RESOURCES.
   * @param payer null: the System process, which pays nothing
   */
  allocateWithQuota(payer: PoolPayer | null, type: PoolType, bytes: number, tag: string): QuotaAllocation {
    const size = Math.max(bytes, 1);
    const charge = size > POOL_BUDDY_MAX ? Math.ceil(size / PAGE_SIZE) * PAGE_SIZE : ((size + HEADER + 7) >>> 3) * 8;
    const status = payer === null ? Status.SUCCESS : payer.charge(type, charge);
    if (status !== Status.SUCCESS) return { status, address: virtualAddress(0) };
    const address = this.allocate(type, bytes, tag);
    if (address === 0) {
      payer?.release(type, charge);
      return { status: Status.INSUFFICIENT_RESOURCES, address };
    }
    payer?.reference();
    if (payer !== null) this.#charges.set(address, { payer, type, bytes: charge });
    return { status, address };
  }

  /** Bytes of a pool that a quota block pays for, objects not counted. */
  chargedTo(payer: PoolPayer, type: PoolType): number {
    let bytes = 0;
    for (const charge of this.#charges.values())
      if (charge.payer === payer && charge.type === type) bytes += charge.bytes;
    return bytes;
  }

  /** Gives a block back. A block that is not one, or was freed before, or has damaged neighbours is a bugcheck 19 or C2. */
  free(address: number): void {
    const memory = this.#memory;
    const area = this.#areaOf(address) ?? memory.bugcheck(BAD_POOL_CALLER, 0x40, address, 0, 0);
    if (this.#charges.size > 0) this.#returnQuota(address);
    if ((address & (PAGE_SIZE - 1)) === 0) {
      this.#freePages(area, address);
      return;
    }
    const state = area.states[(address - area.range.start) >>> 12];
    if (state !== PageState.Blocks) memory.bugcheck(BAD_POOL_CALLER, 0x46, address, 0, 0);
    let block = address - HEADER;
    let units = this.#units(block);
    const type = this.#type(block);
    if ((type & IN_USE) === 0) memory.bugcheck(BAD_POOL_CALLER, 7, 0, memory.read32(block), address);
    if (units === 0) memory.bugcheck(BAD_POOL_CALLER, 6, 0, memory.read32(block), address);
    const following = this.#next(block, units);
    if (following !== 0 && this.#previousUnits(following) !== units) {
      memory.bugcheck(BAD_POOL_HEADER, 0x20, block, following, memory.read32(block));
    }
    const previousUnits = this.#previousUnits(block);
    const previous = previousUnits === 0 ? 0 : block - previousUnits * 8;
    if (previous !== 0 && this.#units(previous) !== previousUnits) {
      memory.bugcheck(BAD_POOL_HEADER, 5, previous, block, memory.read32(block));
    }
    this.trackers.freed(memory.read32(block + 4), area.type, units * 8);
    this.#count(area, DESCRIPTOR_FREES, 1);
    // A second free of the same block shall find it free, wherever its memory has gone.
    memory.write16(block + 2, units);
    if (following !== 0 && this.#type(following) === 0) {
      const followingUnits = this.#units(following);
      this.#unlink(area, following, followingUnits);
      units += followingUnits;
    }
    if (previous !== 0 && this.#type(previous) === 0) {
      this.#unlink(area, previous, previousUnits);
      block = previous;
      units += previousUnits;
    }
    if (units === UNITS_PER_PAGE) {
      this.#count(area, DESCRIPTOR_PAGES, -1);
      this.#releasePages(area, block, 1);
      return;
    }
    this.#makeFree(area, block, this.#previousUnits(block), units);
  }

  #returnQuota(address: number): void {
    const charge = this.#charges.get(address);
    if (charge === undefined) return;
    this.#charges.delete(address);
    charge.payer.release(charge.type, charge.bytes);
    charge.payer.dereference();
  }

  /** Pages that a pool has taken: blocks, page allocations and descriptors. */
  pagesInUse(type: PoolType): number {
    return this.#areas[type].pagesInUse;
  }

  /** Size in bytes of an allocation, header not counted; 0 where none begins. For debuggers. */
  sizeOf(address: number): number {
    const big = this.#bigPages.get(address);
    if (big !== undefined) return big.pages * PAGE_SIZE;
    const area = this.#areaOf(address);
    if (area === null || area.states[(address - area.range.start) >>> 12] !== PageState.Blocks) return 0;
    // Blocks have a header before them: none begins a page.
    return (address & (PAGE_SIZE - 1)) === 0 ? 0 : this.#units(address - HEADER) * 8 - HEADER;
  }

  /** Walks every page and list, through a reader that changes nothing: the first thing that is wrong, in one sentence, or null. */
  verify(reader: PoolReader = this.#memory): string | null {
    this.#reader = reader;
    const wrong = this.#verifyAreas();
    this.#reader = this.#memory;
    return wrong;
  }

  #verifyAreas(): string | null {
    for (const area of this.#areas) {
      const free = new Set<number>();
      const { states, usedEnd } = area;
      for (let page = 0; page < usedEnd; page++) {
        if (states[page] !== PageState.Blocks) continue;
        const wrong = this.#verifyPage(area.range.start + page * PAGE_SIZE, free);
        if (wrong !== null) return wrong;
      }
      const wrong = this.#verifyLists(area, free);
      if (wrong !== null) return wrong;
    }
    return null;
  }

  #verifyPage(page: number, free: Set<number>): string | null {
    let previousUnits = 0;
    for (let block = page; block < page + PAGE_SIZE; ) {
      const units = this.#units(block);
      if (units === 0) return `pool block ${hex(block)} has size 0`;
      if (block + units * 8 > page + PAGE_SIZE) return `pool block ${hex(block)} crosses its page`;
      if (this.#previousUnits(block) !== previousUnits) {
        return `pool block ${hex(block)} says ${this.#previousUnits(block)} units lie before it, but ${previousUnits} do`;
      }
      if (this.#type(block) === 0 && units > 1) free.add(block);
      previousUnits = units;
      block += units * 8;
    }
    return null;
  }

  #verifyLists(area: PoolArea, free: Set<number>): string | null {
    const memory = this.#reader;
    for (let units = 0; units < UNITS_PER_PAGE; units++) {
      const filled = units + emptyHeads(memory, this.#head(area, units), UNITS_PER_PAGE - units);
      const indexed = firstOccupied(area.occupied, units);
      if (indexed !== (filled === UNITS_PER_PAGE ? -1 : filled)) return `pool list ${filled} is indexed wrongly`;
      if (filled === UNITS_PER_PAGE) break;
      units = filled;
      const head = this.#head(area, units);
      let before = head;
      for (let entry = memory.read32(head); entry !== head; entry = memory.read32(entry)) {
        const block = entry - HEADER;
        if (!free.delete(block)) return `pool list ${units} holds ${hex(block)}, which is no free block`;
        if (this.#units(block) !== units) return `pool list ${units} holds ${hex(block)} of another size`;
        if (memory.read32(entry + 4) !== before) return `pool block ${hex(block)} has a wrong back link`;
        before = entry;
      }
    }
    for (const block of free) return `free pool block ${hex(block)} is on no list`;
    return null;
  }

  /** Unlinks or carves a block of exactly `units`; its header has sizes but no type yet. 0 when there is no memory. */
  #takeBlock(area: PoolArea, units: number): number {
    const found = firstOccupied(area.occupied, units);
    if (found < 0) {
      const page = this.#takePages(area, 1, PageState.Blocks);
      if (page === 0) return 0;
      this.#count(area, DESCRIPTOR_PAGES, 1);
      this.#writeHeader(page, 0, units);
      this.#makeFree(area, page + units * 8, units, UNITS_PER_PAGE - units);
      return page;
    }
    const block = this.#memory.read32(this.#head(area, found)) - HEADER;
    const blockUnits = this.#units(block);
    if (blockUnits !== found) this.#memory.bugcheck(BAD_POOL_HEADER, 8, block, found, blockUnits);
    this.#unlink(area, block, blockUnits);
    if (blockUnits === units) return block;
    const previousUnits = this.#previousUnits(block);
    if (previousUnits === 0) {
      this.#writeHeader(block, 0, units);
      this.#makeFree(area, block + units * 8, units, blockUnits - units);
      return block;
    }
    this.#makeFree(area, block, previousUnits, blockUnits - units);
    const tail = block + (blockUnits - units) * 8;
    this.#writeHeader(tail, blockUnits - units, units);
    const following = this.#next(tail, units);
    if (following !== 0) this.#setPreviousUnits(following, units);
    return tail;
  }

  /** Writes the header of a free block, tells its follower and puts it at the front of its list. */
  #makeFree(area: PoolArea, block: number, previousUnits: number, units: number): void {
    const memory = this.#memory;
    this.#writeHeader(block, previousUnits, units);
    const following = this.#next(block, units);
    if (following !== 0) this.#setPreviousUnits(following, units);
    if (units === 1) return;
    const head = this.#head(area, units);
    const entry = block + HEADER;
    const first = memory.read32(head);
    memory.write32(entry, first);
    memory.write32(entry + 4, head);
    memory.write32(first + 4, entry);
    memory.write32(head, entry);
    area.occupied[units >>> 5] |= 1 << (units & 31);
  }

  #unlink(area: PoolArea, block: number, units: number): void {
    if (units === 1) return;
    const memory = this.#memory;
    const entry = block + HEADER;
    const forward = memory.read32(entry);
    const back = memory.read32(entry + 4);
    if (!this.#isLink(forward) || !this.#isLink(back)) memory.bugcheck(BAD_POOL_HEADER, 3, entry, forward, back);
    if (memory.read32(forward + 4) !== entry || memory.read32(back) !== entry) {
      memory.bugcheck(BAD_POOL_HEADER, 3, entry, forward, back);
    }
    memory.write32(back, forward);
    memory.write32(forward + 4, back);
    if (forward === back && forward === this.#head(area, units)) area.occupied[units >>> 5] &= ~(1 << (units & 31));
  }

  /** Links come from guest memory: they must lead to something that is a list head or a pool page. */
  #isLink(address: number): boolean {
    if ((address & 7) !== 0) return false;
    const area = this.#areaOf(address);
    return area !== null && (area.states[(address - area.range.start) >>> 12] & 1) !== 0;
  }

  #allocatePages(area: PoolArea, pages: number, tag: number): VirtualAddress {
    const address = this.#takePages(area, pages, PageState.Big);
    if (address === 0) return virtualAddress(0);
    this.#bigPages.set(address, { pages, tag });
    this.#count(area, DESCRIPTOR_ALLOCATIONS, 1);
    this.#count(area, DESCRIPTOR_BIG_PAGES, pages);
    this.trackers.allocated(tag, area.type, pages * PAGE_SIZE);
    return virtualAddress(address);
  }

  #freePages(area: PoolArea, address: number): void {
    const big = this.#bigPages.get(address) ?? this.#memory.bugcheck(BAD_POOL_CALLER, 0x41, address, 0, 0);
    this.#bigPages.delete(address);
    this.#count(area, DESCRIPTOR_FREES, 1);
    this.#count(area, DESCRIPTOR_BIG_PAGES, -big.pages);
    this.trackers.freed(big.tag, area.type, big.pages * PAGE_SIZE);
    this.#releasePages(area, address, big.pages);
  }

  /** First fit over the pages of the range; 0 when there is no run of that length or no memory behind it. */
  #takePages(area: PoolArea, pages: number, state: number): number {
    const states = area.states;
    let run = 0;
    let firstFree = -1;
    for (let page = area.searchFrom; page < states.length; page++) {
      if (states[page] !== PageState.Free) {
        run = 0;
        continue;
      }
      if (firstFree < 0) firstFree = page;
      run++;
      if (run < pages) continue;
      const start = page - pages + 1;
      const address = area.range.start + start * PAGE_SIZE;
      if (!this.#memory.backPages(address, pages, area.type)) return 0;
      area.setPages(start, pages, state);
      area.searchFrom = start === firstFree ? start + pages : firstFree;
      return address;
    }
    return 0;
  }

  #releasePages(area: PoolArea, address: number, pages: number): void {
    const start = (address - area.range.start) / PAGE_SIZE;
    area.setPages(start, pages, PageState.Free);
    if (start < area.searchFrom) area.searchFrom = start;
    this.#memory.unbackPages(address, pages, area.type);
  }

  #areaOf(address: number): PoolArea | null {
    for (const area of this.#areas) if (area.contains(address)) return area;
    return null;
  }

  #head(area: PoolArea, units: number): number {
    return area.descriptor + DESCRIPTOR_LISTS + units * 8;
  }

  /** The block behind, or 0 when the block ends its page. */
  #next(block: number, units: number): number {
    const next = block + units * 8;
    return (next & (PAGE_SIZE - 1)) === 0 ? 0 : next;
  }

  #units(block: number): number {
    return this.#unitsField(block + 2);
  }

  #previousUnits(block: number): number {
    return this.#unitsField(block);
  }

  /** Nine bits of a size; a block of 512 units, a whole page, is never on record, so they are enough. */
  #unitsField(address: number): number {
    return this.#reader.read16(address) & UNITS_FIELD;
  }

  #type(block: number): number {
    return this.#reader.read16(block + 2) >>> 9;
  }

  #setPreviousUnits(block: number, units: number): void {
    this.#memory.write16(block, (this.#memory.read16(block) & 0xfe00) | units);
  }

  #writeHeader(block: number, previousUnits: number, units: number): void {
    this.#memory.write32(block, previousUnits | (units << 16));
  }

  #count(area: PoolArea, field: number, change: number): void {
    const address = area.descriptor + field;
    this.#memory.write32(address, this.#memory.read32(address) + change);
  }
}

/** The dword of a tag: its first character is the lowest byte. */
export function poolTag(tag: string): number {
  let value = 0;
  for (let i = 0; i < 4; i++) value |= (i < tag.length ? tag.charCodeAt(i) & 0xff : 0x20) << (8 * i);
  return value >>> 0;
}

function hex(value: number): string {
  return (value >>> 0).toString(16).toUpperCase().padStart(8, '0');
}

/** How many of so many list heads, from an address on, are empty before the first that is not: they point at themselves. */
function emptyHeads(memory: PoolReader, first: number, count: number): number {
  let empty = 0;
  while (empty < count && memory.read32(first + empty * 8) === first + empty * 8) empty++;
  return empty;
}
