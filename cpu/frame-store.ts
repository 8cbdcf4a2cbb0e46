import { PAGE_SIZE, STORE_END, STORE_FREE, STORE_FREE_COUNT } from './layout.js';

const PAGE_WORDS = PAGE_SIZE / 4;
/** Pages of one array: 4 MB, so that the host gives memory in pieces that it can also take back. */
const CHUNK_PAGES = 1024;

/**
 * Contents of frames that have no place in the linear memory for the moment, in arrays of the host. A frame is named by its slot. Free
 * slots are chained by their first words, so that their order is a part of what a snapshot keeps: the pages, and three words of the state.
 */
export class FrameStore {
  readonly #state: Int32Array;
  readonly #chunks: Int32Array[] = [];

  constructor(state: Int32Array) {
    this.#state = state;
  }

  /** Slots that hold a frame. */
  get frames(): number {
    return this.#state[STORE_END] - this.#state[STORE_FREE_COUNT];
  }

  /** Slots that were ever used; pages 0 .. end - 1 are the contents of the store. */
  get end(): number {
    return this.#state[STORE_END];
  }

  /** A page as a view of the store. */
  page(slot: number): Int32Array {
    const at = (slot % CHUNK_PAGES) * PAGE_WORDS;
    return this.#chunk(slot).subarray(at, at + PAGE_WORDS);
  }

  /** Keeps the page at this word of the linear memory. Returns its slot. @throws RangeError when the host has no memory */
  put(words: Int32Array, at: number): number {
    const slot = this.#takeSlot();
    this.page(slot).set(words.subarray(at, at + PAGE_WORDS));
    return slot;
  }

  /** Puts a page back at this word of the linear memory; its slot is free again. */
  take(slot: number, words: Int32Array, at: number): void {
    words.set(this.page(slot), at);
    this.drop(slot);
  }

  /** Nobody needs the page any more. */
  drop(slot: number): void {
    const state = this.#state;
    const page = this.page(slot);
    page.fill(0);
    page[0] = state[STORE_FREE];
    state[STORE_FREE] = slot + 1;
    state[STORE_FREE_COUNT]++;
  }

  #takeSlot(): number {
    const state = this.#state;
    const free = state[STORE_FREE];
    if (free === 0) {
      this.#chunk(state[STORE_END]);
      return state[STORE_END]++;
    }
    state[STORE_FREE] = this.page(free - 1)[0];
    state[STORE_FREE_COUNT]--;
    return free - 1;
  }

  #chunk(slot: number): Int32Array {
    const number = Math.floor(slot / CHUNK_PAGES);
    const known = this.#chunks[number];
    if (known !== undefined) return known;
    const made = new Int32Array(CHUNK_PAGES * PAGE_WORDS);
    this.#chunks[number] = made;
    return made;
  }
}
