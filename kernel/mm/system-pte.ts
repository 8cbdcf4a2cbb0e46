import { type AddressLayout, PAGE_SHIFT, PAGE_SIZE, SYSTEM_PTE_START } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { NO_PTE, type PteLocation, pteLocation } from './pte.js';
import { makeSystemPte, systemPte } from './system-pages.js';

/** System PTE counts (nt52.md 1.1): default, and what small machines get. */
const DEFAULT_COUNT = 11000;
const MINIMUM_COUNT = 7000;
const SMALL_MACHINE_FRAMES = 0x1300;
/** Most system PTEs that a machine has (nt52.md 1.1). */
const MAXIMUM_COUNT = 50_000;

/** "End of list" in the next-index field. */
const END = 0xfffff;
const ONE_ENTRY = 2;

/**
 * System PTEs: addresses for kernel stacks, mapped MDLs and the like. Free PTEs form clusters, listed in the PTEs
 * themselves (nt52.md 2.2, 10.6): the first of a cluster holds the index of the next cluster and, when the cluster is but
 * one PTE, the OneEntry bit; the second holds the number of PTEs in the cluster. Bit 0 is clear in all of them.
 * Environment: any; nothing here waits.
 */
export class SystemPtes {
  /** Of both ranges. */
  readonly count: number;
  /** PTEs in no use. */
  free: number;
  readonly #mm: MemoryManager;
  /** PTEs of the ordinary range, which have the indices below; and of the extra range, whose indices begin one above. */
  readonly #ordinary: number;
  readonly #extra: number;
  #first = 0;

  /** Makes the page tables of the whole ranges; they are never freed. */
  constructor(mm: MemoryManager) {
    this.#mm = mm;
    const isSmall = mm.pfn.frameCount < SMALL_MACHINE_FRAMES;
    this.#ordinary = isSmall ? MINIMUM_COUNT : DEFAULT_COUNT;
    this.#extra = isSmall ? 0 : Math.min(extraPtes(mm.layout), MAXIMUM_COUNT - this.#ordinary);
    this.count = this.#ordinary + this.#extra;
    this.free = this.count;
    makePageTables(mm, SYSTEM_PTE_START, this.#ordinary);
    if (this.#extra === 0) {
      this.#writeCluster(0, END, this.#ordinary);
      return;
    }
    makePageTables(mm, mm.layout.extraSystemPtes, this.#extra);
    this.#writeCluster(0, this.#ordinary + 1, this.#ordinary);
    this.#writeCluster(this.#ordinary + 1, END, this.#extra);
  }

  /** MiReserveSystemPtes: address of the first of `pages` contiguous free PTEs, now zero, or 0 when there is no such run. */
  reserve(pages: number): number {
    let previous = END;
    for (let index = this.#first; index !== END; index = this.#next(index)) {
      const size = this.#size(index);
      if (size >= pages) {
        // The tail of the cluster is given out, so that its head stays where the list expects it.
        const start = index + size - pages;
        if (size === pages) this.#link(previous, this.#next(index));
        else this.#writeCluster(index, this.#next(index), size - pages);
        for (let page = start; page < start + pages; page++) this.#mm.format.writeZero(this.#at(page));
        this.free -= pages;
        return this.#address(start);
      }
      previous = index;
    }
    return 0;
  }

  /** MiReleaseSystemPtes: the PTEs, all zero by now, join the free clusters beside them. */
  release(address: number, pages: number): void {
    const start = this.#indexOf(address);
    let previous = END;
    let next = this.#first;
    while (next !== END && next < start) {
      previous = next;
      next = this.#next(next);
    }
    let size = pages;
    let following = next;
    if (next !== END && start + pages === next) {
      size += this.#size(next);
      following = this.#next(next);
      this.#clear(next);
    }
    this.free += pages;
    if (previous !== END && previous + this.#size(previous) === start) {
      this.#writeCluster(previous, following, this.#size(previous) + size);
      return;
    }
    this.#writeCluster(start, following, size);
    this.#link(previous, start);
  }

  /** True for the addresses that system PTEs map. */
  contains(address: number): boolean {
    const { extraSystemPtes } = this.#mm.layout;
    if (address >= SYSTEM_PTE_START) return address < SYSTEM_PTE_START + this.#ordinary * PAGE_SIZE;
    return address >= extraSystemPtes && address < extraSystemPtes + this.#extra * PAGE_SIZE;
  }

  /** The first thing wrong with the free list, in one sentence, or null. */
  verify(): string | null {
    let total = 0;
    let end = -1;
    for (let index = this.#first; index !== END; index = this.#next(index)) {
      if (index <= end) return `free system PTE cluster ${index} lies before the end of the one before it`;
      if (this.#mm.format.isValid(this.#at(index))) return `free system PTE ${index} is valid`;
      const size = this.#size(index);
      const limit = index < this.#ordinary ? this.#ordinary : this.#ordinary + 1 + this.#extra;
      if (size < 1 || index + size > limit) return `free system PTE cluster ${index} has ${size} PTEs`;
      total += size;
      end = index + size;
    }
    return total === this.free ? null : `${this.free} system PTEs should be free, but ${total} are listed`;
  }

  #at(index: number): PteLocation {
    return systemPte(this.#mm, this.#address(index));
  }

  /** The index between the two ranges is nobody's, so that no cluster reaches from one into the other. */
  #address(index: number): number {
    if (index < this.#ordinary) return SYSTEM_PTE_START + index * PAGE_SIZE;
    return this.#mm.layout.extraSystemPtes + (index - this.#ordinary - 1) * PAGE_SIZE;
  }

  #indexOf(address: number): number {
    if (address >= SYSTEM_PTE_START) return (address - SYSTEM_PTE_START) / PAGE_SIZE;
    return this.#ordinary + 1 + (address - this.#mm.layout.extraSystemPtes) / PAGE_SIZE;
  }

  #next(index: number): number {
    return this.#field(index);
  }

  #size(index: number): number {
    return (this.#mm.format.low(this.#at(index)) & ONE_ENTRY) !== 0 ? 1 : this.#field(index + 1);
  }

  /** The next-index field: bits 12-31, in the 8-byte format the high dword. */
  #field(index: number): number {
    const at = this.#at(index);
    if (at === NO_PTE) return END;
    const { format } = this.#mm;
    return format.isPae ? format.high(at) : format.low(at) >>> PAGE_SHIFT;
  }

  #writeField(index: number, value: number, bits: number): void {
    const { format } = this.#mm;
    const at = pteLocation(this.#at(index));
    if (format.isPae) format.write(at, bits, value);
    else format.write(at, (value << PAGE_SHIFT) | bits, 0);
  }

  #writeCluster(index: number, next: number, size: number): void {
    this.#writeField(index, next, size === 1 ? ONE_ENTRY : 0);
    if (size > 1) this.#writeField(index + 1, size, 0);
  }

  /** A cluster that was joined to another leaves nothing behind. */
  #clear(index: number): void {
    const size = this.#size(index);
    this.#mm.format.writeZero(this.#at(index));
    if (size > 1) this.#mm.format.writeZero(this.#at(index + 1));
  }

  #link(previous: number, next: number): void {
    if (previous === END) {
      this.#first = next;
      return;
    }
    this.#writeField(previous, next, this.#mm.format.low(this.#at(previous)) & ONE_ENTRY);
  }
}

function extraPtes({ extraSystemPtes, extraSystemPtesEnd }: AddressLayout): number {
  return (extraSystemPtesEnd - extraSystemPtes) / PAGE_SIZE;
}

function makePageTables(mm: MemoryManager, start: number, count: number): void {
  for (let index = 0; index < count; index += mm.format.entriesPerTable) makeSystemPte(mm, start + index * PAGE_SIZE);
  makeSystemPte(mm, start + (count - 1) * PAGE_SIZE);
}
