/** Which pool: resident always, or pageable in principle. */
export const PoolType = { NonPaged: 0, Paged: 1 } as const;
export type PoolType = (typeof PoolType)[keyof typeof PoolType];

const PAGE_SIZE = 0x1000;
/** Blocks are counted in units of 8 bytes; so many fill a page. */
export const UNITS_PER_PAGE = 512;

/** First byte and end of the addresses that one pool may use. */
export interface PoolRange {
  readonly start: number;
  readonly end: number;
}

/** Page states of a pool's address range. */
export const PageState = { Free: 0, Blocks: 1, Big: 2, Descriptor: 3 } as const;

/** One of the pools: its range, which pages are in use, and its descriptor. */
export class PoolArea {
  readonly type: PoolType;
  readonly range: PoolRange;
  readonly states: Uint8Array;
  /** Pages whose state is not Free. */
  pagesInUse = 0;
  /** No page from this index on was ever in use. */
  usedEnd = 0;
  /** No page below this index is free. */
  searchFrom = 0;
  /** Index over the list heads: bit n set when list n has a block. A cache of the bytes. */
  readonly occupied = new Uint32Array(UNITS_PER_PAGE / 32);
  descriptor = 0;

  constructor(type: PoolType, range: PoolRange) {
    this.type = type;
    this.range = range;
    this.states = new Uint8Array((range.end - range.start) / PAGE_SIZE);
  }

  /** Takes free pages into use, or frees pages that are. */
  setPages(first: number, count: number, state: number): void {
    this.states.fill(state, first, first + count);
    this.pagesInUse += state === PageState.Free ? -count : count;
    this.usedEnd = Math.max(this.usedEnd, first + count);
  }

  contains(address: number): boolean {
    return address >= this.range.start && address < this.range.end;
  }
}

/** First list at or above an index that has a block, or -1. */
export function firstOccupied(occupied: Uint32Array, from: number): number {
  let word = from >>> 5;
  let bits = occupied[word] & (-1 << (from & 31));
  while (bits === 0) {
    word++;
    if (word === occupied.length) return -1;
    bits = occupied[word];
  }
  return word * 32 + (31 - Math.clz32(bits & -bits));
}
