/** Counts of one tag and pool: blocks taken, blocks given back, bytes in use. */
export interface TagUsage {
  allocations: number;
  frees: number;
  bytes: number;
}

/** Both pools' counts of one tag. */
export interface TagTracker {
  /** As text, 'VadS'. */
  readonly tag: string;
  readonly nonPaged: TagUsage;
  readonly paged: TagUsage;
}

/** The pool track table: who uses how much pool, by tag. */
export class PoolTrackers {
  readonly #byTag = new Map<number, TagTracker>();

  allocated(tag: number, poolType: number, bytes: number): void {
    const usage = this.#usage(tag, poolType);
    usage.allocations++;
    usage.bytes += bytes;
  }

  freed(tag: number, poolType: number, bytes: number): void {
    const usage = this.#usage(tag, poolType);
    usage.frees++;
    usage.bytes -= bytes;
  }

  /** All tags ever used, in order of their text. */
  list(): readonly TagTracker[] {
    return [...this.#byTag.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1));
  }

  /** The counts of one tag, or undefined when it was never used. */
  find(tag: string): TagTracker | undefined {
    return this.list().find((tracker) => tracker.tag === tag);
  }

  #usage(tag: number, poolType: number): TagUsage {
    let tracker = this.#byTag.get(tag);
    if (tracker === undefined) {
      const text = String.fromCharCode(tag & 0xff, (tag >>> 8) & 0xff, (tag >>> 16) & 0xff, tag >>> 24);
      tracker = {
        tag: text,
        nonPaged: { allocations: 0, frees: 0, bytes: 0 },
        paged: { allocations: 0, frees: 0, bytes: 0 },
      };
      this.#byTag.set(tag, tracker);
    }
    return poolType === 0 ? tracker.nonPaged : tracker.paged;
  }
}
