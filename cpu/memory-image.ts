import { FRAME_MAP_OFFSET, firstFrameOffset, PAGE_SIZE, STORE_END, TLB_USER_READ_OFFSET } from './layout.js';
import type { PhysicalMemory } from './physical-memory.js';

const PAGE_WORDS = PAGE_SIZE / 4;

/**
 * Compares a page of the linear memory, from this byte offset on, with a copy of one. A host with a memcmp gives a faster one than
 * samePage().
 */
export type PageComparison = (memory: PhysicalMemory, offset: number, page: Int32Array) => boolean;

export function samePage(memory: PhysicalMemory, offset: number, page: Int32Array): boolean {
  const { words } = memory;
  const start = offset >>> 2;
  for (let index = 0; index < PAGE_WORDS; index++) if (words[start + index] !== page[index]) return false;
  return true;
}

/**
 * A copy of all that counts of a machine's linear memory: the processor's page, the frame map and the host frames in use, without
 * the TLB. Pages are never changed once copied, so that images of the same machine share those that are equal.
 */
export class MemoryImage {
  /** Byte offset behind the last host frame in use. */
  readonly end: number;
  /** The state page, the frame map, the host frames, and behind them the pages of the frame store. */
  readonly pages: readonly Int32Array[];
  /** What every page of zeros shares, in this image and in those that come after it. */
  readonly zeros: Int32Array;

  /** Pages of the frame store at the end of `pages`. */
  get storedPages(): number {
    return this.pages[0][STORE_END];
  }

  constructor(end: number, pages: readonly Int32Array[], zeros: Int32Array) {
    this.end = end;
    this.pages = pages;
    this.zeros = zeros;
  }
}

/** Byte offsets of the pages of an image, in order. */
function* pageOffsets(memory: PhysicalMemory, end: number): Generator<number> {
  for (let offset = 0; offset < TLB_USER_READ_OFFSET; offset += PAGE_SIZE) yield offset;
  const frames = firstFrameOffset(memory.frameCount);
  for (let offset = FRAME_MAP_OFFSET; offset < frames; offset += PAGE_SIZE) yield offset;
  for (let offset = frames; offset < end; offset += PAGE_SIZE) yield offset;
}

/** Copies the memory; what is equal in `previous` is shared with it. */
export function captureMemory(
  memory: PhysicalMemory,
  previous: MemoryImage | null,
  isSame: PageComparison = samePage,
): MemoryImage {
  const end = memory.usedEnd;
  const pages: Int32Array[] = [];
  const zeros = previous?.zeros ?? new Int32Array(PAGE_WORDS);
  for (const offset of pageOffsets(memory, end)) {
    const before = previous?.pages[pages.length];
    if (before !== undefined && isSame(memory, offset, before)) pages.push(before);
    else if (memory.words[offset >>> 2] === 0 && isSame(memory, offset, zeros)) pages.push(zeros);
    else pages.push(memory.words.slice(offset >>> 2, (offset >>> 2) + PAGE_WORDS));
  }
  captureStore(memory, previous, pages, zeros);
  return new MemoryImage(end, pages, zeros);
}

/** Appends the pages of the frame store, which are compared with those that stood at the same slots. */
function captureStore(
  { store }: PhysicalMemory,
  previous: MemoryImage | null,
  pages: Int32Array[],
  zeros: Int32Array,
): void {
  const before = previous === null ? [] : previous.pages.slice(previous.pages.length - previous.storedPages);
  for (let slot = 0; slot < store.end; slot++) {
    const page = store.page(slot);
    const known = before[slot];
    if (known !== undefined && areSame(page, known)) pages.push(known);
    else pages.push(areSame(page, zeros) ? zeros : page.slice());
  }
}

function areSame(one: Int32Array, other: Int32Array): boolean {
  for (let index = 0; index < PAGE_WORDS; index++) if (one[index] !== other[index]) return false;
  return true;
}

/**
 * Puts an image back into the memory that it was taken of, or one of the same size.
 * @param written is told of each page that changes, by byte offset
 */
export function restoreMemory(
  memory: PhysicalMemory,
  image: MemoryImage,
  written: (offset: number) => void,
  isSame: PageComparison = samePage,
): void {
  const usedBefore = memory.usedEnd;
  memory.setUsedEnd(image.end);
  let index = 0;
  for (const offset of pageOffsets(memory, image.end)) {
    const page = image.pages[index++];
    if (isSame(memory, offset, page)) continue;
    memory.words.set(page, offset >>> 2);
    written(offset);
  }
  // The state page has come back, and says how many there are.
  for (let slot = 0; slot < memory.store.end; slot++) memory.store.page(slot).set(image.pages[index++]);
  // Host frames that are not in use are zero.
  for (let offset = image.end; offset < usedBefore; offset += PAGE_SIZE) {
    memory.bytes.fill(0, offset, offset + PAGE_SIZE);
    written(offset);
  }
}
