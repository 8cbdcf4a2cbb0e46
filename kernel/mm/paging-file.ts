import { Status } from '../ntstatus.js';
import type { PagingStorage } from './paging-storage.js';

export const MAXIMUM_PAGING_FILES = 16;
/** An extension asks for 16 MB first and is content with 1 MB; a contraction goes by steps of 1 MB (nt52.md 7.5). */
const EXTENSION = 16 * 256;
export const SMALL_EXTENSION = 256;

/** Slots that were found: `count` is 0 when the file is full. */
export interface SlotRun {
  readonly start: number;
  readonly count: number;
}

const NO_RUN: SlotRun = { start: 0, count: 0 };

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

  /** A run of as many free slots as wanted; of one less, or of half as many and so on; they are used from now on. */
  allocate(wanted: number): SlotRun {
    if (this.freeSpace === 0) return NO_RUN;
    const most = Math.min(wanted, this.freeSpace);
    for (let count = most; count > 0; count = count === most && most > 1 ? count - 1 : count >>> 1) {
      const start = this.#findRun(count, this.#hint) || this.#findRun(count, 1);
      if (start === 0) continue;
      this.#used.fill(1, start, start + count);
      this.#hint = start + count;
      this.freeSpace -= count;
      this.peakUsage = Math.max(this.peakUsage, this.usage);
      return { start, count };
    }
    return NO_RUN;
  }

  free(slot: number): void {
    this.#used[slot] = 0;
    this.freeSpace++;
    if (slot < this.#hint && this.freeSpace < SMALL_EXTENSION) this.#hint = slot;
  }

  /**
   * Makes the file bigger by at least so many pages: 16 MB where there is room for that, or 1 MB, or as asked.
   * @param exact no more than asked for
   * @returns pages gained, 0 for none: the maximum is reached, or the storage has no room
   */
  extend(atLeast: number, exact = false): number {
    const room = this.maximum - this.size;
    if (atLeast <= 0 || atLeast > room) return 0;
    const steps = exact ? [atLeast] : [EXTENSION, SMALL_EXTENSION, atLeast];
    for (const step of steps) {
      const pages = Math.min(Math.max(atLeast, step), room);
      if (this.storage.resize(this.size + pages) !== Status.SUCCESS) continue;
      this.#resize(this.size + pages);
      this.freeSpace += pages;
      return pages;
    }
    return 0;
  }

  /** Free pages at the end of the file above its minimum size, in whole steps of 1 MB. */
  get contractible(): number {
    let first = this.size;
    while (first > this.minimum && this.#used[first - 1] === 0) first--;
    return Math.floor((this.size - first) / SMALL_EXTENSION) * SMALL_EXTENSION;
  }

  /** Makes the file smaller by so many pages, no more than are contractible. */
  contract(pages: number): void {
    this.#resize(this.size - pages);
    this.freeSpace -= pages;
    this.#hint = Math.min(this.#hint, this.size);
    this.storage.resize(this.size);
  }

  #resize(size: number): void {
    const used = new Uint8Array(size);
    used.set(this.#used.subarray(0, Math.min(size, this.#used.length)));
    this.#used = used;
    this.size = size;
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
