import { JUMP_ENTRIES, JUMP_ENTRY_WORDS } from './micro-operation.js';

/** One that stays empty for code segments that are not flat, and one for each of the modes met lately. */
const JUMP_CACHES = 9;
const CACHE_WORDS = JUMP_ENTRIES * JUMP_ENTRY_WORDS;

/** Where indirect branches lead: blocks by EIP and page, a cache a mode of the processor. */
export class JumpCaches {
  readonly entries = new Int32Array(JUMP_CACHES * CACHE_WORDS);
  /** Modes that own a cache, by place; place 0 is the one that stays empty. */
  readonly #modes: number[] = [-1];

  constructor() {
    this.empty();
  }

  empty(): void {
    this.entries.fill(-1);
    this.#modes.length = 1;
  }

  /** Word index of the cache of a mode; when there is none left, all begin anew. */
  place(mode: number): number {
    let place = this.#modes.indexOf(mode, 1);
    if (place < 0) {
      if (this.#modes.length === JUMP_CACHES) this.empty();
      place = this.#modes.push(mode) - 1;
    }
    return place * CACHE_WORDS;
  }
}
