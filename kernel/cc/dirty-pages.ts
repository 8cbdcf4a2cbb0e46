import { type Pool, PoolType } from '../ex/pool.js';
import { type VirtualAddress, virtualAddress } from '../types.js';

/** Pages that one range of the bitmap covers: 4 MB of file. */
const RANGE_PAGES = 1024;
const RANGE_WORDS = RANGE_PAGES / 32;
/** BITMAP_RANGE with its bitmap. */
const RANGE_SIZE = 0x20 + RANGE_PAGES / 8;
const TAG = 'CcBm';

/** One BITMAP_RANGE. */
interface BitmapRange {
  readonly bits: Uint32Array;
  readonly poolAddress: VirtualAddress;
  dirty: number;
}

/** Pages that follow each other. */
export interface PageRun {
  readonly firstPage: number;
  readonly count: number;
}

/**
 * MBCB: which pages of a file were written through the cache and not yet to the file. A bitmap in ranges of 1024 pages, made
 * when a page in them is written and charged to nonpaged pool.
 */
export class DirtyPages {
  /** SHARED_CACHE_MAP.DirtyPages. */
  count = 0;
  readonly #pool: Pool;
  readonly #ranges = new Map<number, BitmapRange>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Makes sure that pages can be noted. False: INSUFFICIENT_RESOURCES. */
  reserve(firstPage: number, count: number): boolean {
    const last = Math.floor((firstPage + count - 1) / RANGE_PAGES);
    for (let index = Math.floor(firstPage / RANGE_PAGES); index <= last; index++) {
      if (this.#ranges.has(index)) continue;
      const poolAddress = this.#pool.allocate(PoolType.NonPaged, RANGE_SIZE, TAG);
      if (poolAddress === 0) return false;
      const range = { bits: new Uint32Array(RANGE_WORDS), poolAddress: virtualAddress(poolAddress), dirty: 0 };
      this.#ranges.set(index, range);
    }
    return true;
  }

  /** Notes pages, for which there is a range. Returns how many were clean. */
  add(firstPage: number, count: number): number {
    let added = 0;
    for (let page = firstPage; page < firstPage + count; page++) {
      const range = this.#ranges.get(Math.floor(page / RANGE_PAGES));
      if (range === undefined || this.#isSet(range, page)) continue;
      range.bits[(page % RANGE_PAGES) >>> 5] |= 1 << (page & 31);
      range.dirty++;
      added++;
    }
    this.count += added;
    return added;
  }

  /** Pages are clean, or gone. Returns how many were dirty; ranges without dirty pages go. */
  remove(firstPage: number, count: number): number {
    const end = firstPage + count;
    let removed = 0;
    for (const [index, range] of this.#ranges) {
      const start = index * RANGE_PAGES;
      const last = Math.min(end, start + RANGE_PAGES);
      for (let page = Math.max(firstPage, start); page < last && range.dirty > 0; page++) {
        if (!this.#isSet(range, page)) continue;
        range.bits[(page % RANGE_PAGES) >>> 5] &= ~(1 << (page & 31));
        range.dirty--;
        removed++;
      }
      if (range.dirty > 0) continue;
      this.#pool.free(range.poolAddress);
      this.#ranges.delete(index);
    }
    this.count -= removed;
    return removed;
  }

  has(page: number): boolean {
    const range = this.#ranges.get(Math.floor(page / RANGE_PAGES));
    return range !== undefined && this.#isSet(range, page);
  }

  /** The first run of at most so many dirty pages at or behind a page, going round to the start of the file; null when clean. */
  nextRun(from: number, maximum: number): PageRun | null {
    if (this.count === 0) return null;
    const indexes = [...this.#ranges.keys()].sort((left, right) => left - right);
    const behind = this.#firstAtOrBehind(indexes, from);
    const firstPage = behind >= 0 ? behind : this.#firstAtOrBehind(indexes, 0);
    if (firstPage < 0) return null;
    let count = 1;
    while (count < maximum && this.has(firstPage + count)) count++;
    return { firstPage, count };
  }

  #firstAtOrBehind(indexes: readonly number[], from: number): number {
    for (const index of indexes) {
      const start = index * RANGE_PAGES;
      const range = this.#ranges.get(index);
      if (range === undefined || range.dirty === 0 || start + RANGE_PAGES <= from) continue;
      for (let page = Math.max(from, start); page < start + RANGE_PAGES; page++) {
        if (this.#isSet(range, page)) return page;
      }
    }
    return -1;
  }

  #isSet(range: BitmapRange, page: number): boolean {
    return (range.bits[(page % RANGE_PAGES) >>> 5] & (1 << (page & 31))) !== 0;
  }
}
