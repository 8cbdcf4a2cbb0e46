/**
 * The position of a for-of loop in a generator. An array is followed as it changes; of a map, a set or anything else the items are
 * taken at the start, and what is no longer in a set or map is passed over.
 */
export class Cursor {
  value: unknown = undefined;
  readonly items: readonly unknown[];
  index = 0;
  readonly source: ReadonlySet<unknown> | ReadonlyMap<unknown, unknown> | null;

  constructor(iterable: Iterable<unknown>) {
    this.items = Array.isArray(iterable) ? iterable : [...iterable];
    this.source = iterable instanceof Set || iterable instanceof Map ? iterable : null;
  }

  /** Goes to the next item; false behind the last. */
  next(): boolean {
    while (this.index < this.items.length) {
      this.value = this.items[this.index++];
      if (this.#isThere()) return true;
    }
    this.value = undefined;
    return false;
  }

  #isThere(): boolean {
    const { source } = this;
    if (source === null) return true;
    return source.has(source instanceof Map && Array.isArray(this.value) ? this.value[0] : this.value);
  }
}
