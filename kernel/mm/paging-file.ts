import type { PagingStorage } from './paging-device.js';

export const MAXIMUM_PAGING_FILES = 16;
/** An extension asks for 16 MB first and is content with 1 MB (nt52.md 7.5). */
const EXTENSION = 16 * 256;
const SMALL_EXTENSION = 256;

/** Slots that were found: `count` is 0 when the file is full. */
export interface SlotRun {
  readonly start: number;
  readonly count: number;
}

/**
 * One paging file (MMPAGING_FILE); everything in pages. Slot 0 is never used, because 0 means "not in a paging file". Slots
 * are taken when a page is written, and given back when it is changed again or deleted.
 */
export class PagingFile {
  readonly number: number;
  readonly name: string;
  readonly storage: PagingStorage;
  size: number;
  minimum: number;
  maximum: number;
  freeSpace: number;
  peakUsage = 0;
  /** 1 = used. */
  #used: Uint8Array;
  #hint = 1;

  constructor(number: number, name: string, minimum: number, maximum: number, storage: PagingStorage) {
    this.number = number;
    this.name = name;
    this.storage = storage;
    this.size = minimum;
    this.minimum = minimum;
    this.maximum = maximum;
    this.freeSpace = minimum - 1;
    this.#used = new Uint8Array(minimum);
    this.#used[0] = 1;
  }

  get usage(): number {
    return this.size - 1 - this.freeSpace;
  }

  isUsed(slot: number): boolean {
    return this.#used[slot] === 1;
  }

  /** The first run of as many free slots as wanted, or of half as many and so on; they are used from now on. */
  allocate(wanted: number): SlotRun {
    if (this.freeSpace === 0) return { start: 0, count: 0 };
    for (let count = Math.min(wanted, this.freeSpace); count > 0; count = count >>> 1) {
      const start = this.#findRun(count, this.#hint) || this.#findRun(count, 1);
      if (start === 0) continue;
      this.#used.fill(1, start, start + count);
      this.#hint = start + count;
      this.freeSpace -= count;
      this.peakUsage = Math.max(this.peakUsage, this.usage);
      return { start, count };
    }
    return { start: 0, count: 0 };
  }

  free(slot: number): void {
    this.#used[slot] = 0;
    this.freeSpace++;
    if (slot < this.#hint && this.freeSpace < SMALL_EXTENSION) this.#hint = slot;
  }

  /** Makes the file bigger by at least so many pages, more where there is room. Returns pages gained, 0 for none. */
  extend(atLeast: number): number {
    const room = this.maximum - this.size;
    const step = atLeast > SMALL_EXTENSION ? EXTENSION : SMALL_EXTENSION;
    const pages = Math.min(Math.max(atLeast, step), room);
    if (pages < atLeast || pages <= 0) return 0;
    const used = new Uint8Array(this.size + pages);
    used.set(this.#used);
    this.#used = used;
    this.size += pages;
    this.freeSpace += pages;
    return pages;
  }

  #findRun(count: number, from: number): number {
    const used = this.#used;
    let run = 0;
    for (let slot = from; slot < this.size; slot++) {
      run = used[slot] === 0 ? run + 1 : 0;
      if (run === count) return slot - count + 1;
    }
    return 0;
  }
}
