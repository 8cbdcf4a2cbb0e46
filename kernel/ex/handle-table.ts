import { type Handle, handle } from '../types.js';

/** Entries in one low-level page of a handle table (4096 / 8); the first of the table is reserved. */
const ENTRIES_PER_PAGE = 512;
/** Three levels of 512 x 1024 x 32 entries: NT 5.2 refuses beyond 2^24 handles. */
const MAXIMUM_ENTRIES = 1 << 24;

/** Called before the table takes another page of 512 entries; false refuses it (no pool). */
export type HandleTableGrowth = () => boolean;

/**
 * HANDLE_TABLE: values handed out as index * 4, the first being 4; a freed value is handed out again first
 * (ExCreateHandle, ExDestroyHandle). The low two bits of a handle are ignored in look-ups.
 */
export class HandleTable<Entry> {
  readonly #entries: (Entry | null)[] = [null];
  readonly #free: number[] = [];
  readonly #grow: HandleTableGrowth;
  #pages = 0;
  #count = 0;

  constructor(grow: HandleTableGrowth = () => true) {
    this.#grow = grow;
  }

  /** Handles in use. */
  get count(): number {
    return this.#count;
  }

  /** Pages of entries taken so far: what the pool is charged for. */
  get pages(): number {
    return this.#pages;
  }

  /** Puts an entry into the lowest-effort free slot. Null when the table can take no more. */
  allocate(entry: Entry): Handle | null {
    const index = this.#free.pop() ?? this.#append();
    if (index === 0) return null;
    this.#entries[index] = entry;
    this.#count++;
    return handle(index * 4);
  }

  /**
   * Fills an empty table with copies of another's entries, those that are `wanted`, at their own handle values (ExDupHandleTable);
   * the values between them are handed out first. False when the table can take no more: what has been copied stays.
   */
  fillFrom(other: HandleTable<Entry>, wanted: (entry: Entry) => boolean, copy: (entry: Entry) => Entry): boolean {
    for (const [value, entry] of other.inUse()) {
      if (!wanted(entry)) continue;
      while (this.#entries.length <= value >>> 2) {
        if (this.#append() === 0) return false;
      }
      this.#entries[value >>> 2] = copy(entry);
      this.#count++;
    }
    for (let index = this.#entries.length - 1; index > 0; index--) {
      if (this.#entries[index] === null) this.#free.push(index);
    }
    return true;
  }

  /** The entry of a handle, or null for a value that is not in use (also 0 and everything out of range). */
  get(value: number): Entry | null {
    const index = value >>> 2;
    return this.#entries[index] ?? null;
  }

  /** Puts another entry behind a handle that is in use; does nothing for other values. */
  replace(value: number, entry: Entry): void {
    const index = value >>> 2;
    if (this.get(value) !== null) this.#entries[index] = entry;
  }

  /** Takes an entry out. Null when the value is not in use. */
  remove(value: number): Entry | null {
    const index = value >>> 2;
    const entry = this.#entries[index] ?? null;
    if (entry === null) return null;
    this.#entries[index] = null;
    this.#free.push(index);
    this.#count--;
    return entry;
  }

  /** All handles in use in ascending order; entries may be removed while it goes on. */
  *inUse(): Generator<[Handle, Entry], void, void> {
    for (let index = 1; index < this.#entries.length; index++) {
      const entry = this.#entries[index];
      if (entry !== null && entry !== undefined) yield [handle(index * 4), entry];
    }
  }

  #append(): number {
    const index = this.#entries.length;
    if (index >= MAXIMUM_ENTRIES) return 0;
    if (index >= this.#pages * ENTRIES_PER_PAGE) {
      if (!this.#grow()) return 0;
      this.#pages++;
    }
    this.#entries.push(null);
    return index;
  }
}
