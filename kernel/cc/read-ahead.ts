import { AccessKind } from '../../cpu/index.js';
import { EventType, KEvent } from '../ke/dispatcher-object.js';
import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { PAGE_SIZE } from '../mm/layout.js';
import { residentPrototypePage } from '../mm/prototype-fault.js';
import { MUST_WAIT } from '../mm/user-access.js';
import { waitForPaging } from '../mm/wait-for-paging.js';
import { isError } from '../ntstatus.js';
import type { Blocking } from '../types.js';
import type { CacheManager } from './cache-manager.js';
import { traceCache } from './cache-trace.js';
import { AccessPattern, type PrivateCacheMap, type ReadAheadRange } from './private-cache-map.js';
import type { SharedCacheMap } from './shared-cache-map.js';

export const READ_AHEAD_PRIORITY = 13;
/** ReadAheadGranularity, and how far ahead of a sequential reader the cache keeps: three of them. */
const GRANULARITY = 0x10000;
const SEQUENTIAL_WINDOW = 3 * GRANULARITY;
/** MAX_READ_AHEAD. */
const MAXIMUM_READ_AHEAD = 0x800000;
/** SEQUENTIAL_MAP_LIMIT: views that a sequential reader has left so far behind go. */
const SEQUENTIAL_MAP_LIMIT = 0x80000;
/** NOISE_BITS: offsets that differ in these only are the same for predictions. */
const NOISE = 7;
/** Pages must be there for others too. */
const PLENTY = 256;

interface ReadAheadRequest {
  readonly map: SharedCacheMap;
  readonly own: PrivateCacheMap;
}

/** Pages of a file that follow each other. */
export interface PageRange {
  readonly firstPage: number;
  readonly count: number;
}

/** Pages that an operation needs which does not wait itself. */
export interface Fetch {
  readonly map: SharedCacheMap;
  readonly ranges: readonly PageRange[];
  /** They have been brought in as far as they can be, and the operation may go on. Does not wait. */
  readonly done: () => void;
}

/** The express queue: what is to be read in, ahead of readers or for operations that do not wait. */
export class ReadAheadQueue {
  readonly event = new KEvent(EventType.Synchronization, false);
  readonly #cc: CacheManager;
  readonly #fetches: Fetch[] = [];
  readonly #requests: ReadAheadRequest[] = [];

  constructor(cc: CacheManager) {
    this.#cc = cc;
  }

  /** A window of a file is to be read by the read-ahead thread. */
  add(map: SharedCacheMap, own: PrivateCacheMap, range: ReadAheadRange): void {
    if (own.isClosed) return;
    own.readAhead.push(range);
    if (own.isQueued) return;
    own.isQueued = true;
    this.#requests.push({ map, own });
    this.#cc.kernel.ke.setEvent(this.event, 0);
  }

  /** The file object is closed: nobody will want it. */
  cancel(own: PrivateCacheMap): void {
    own.isClosed = true;
    const index = this.#requests.findIndex((request) => request.own === own);
    if (index >= 0) this.#requests.splice(index, 1);
  }

  /** Operations whose pages are not there yet, and file objects for which something is to be read ahead. */
  get waiting(): { readonly fetches: number; readonly requests: number } {
    return { fetches: this.#fetches.length, requests: this.#requests.length };
  }

  /** Pages are wanted now, before all that is read ahead. The map stays until then. */
  fetch(fetch: Fetch): void {
    this.#cc.reference(fetch.map);
    this.#fetches.push(fetch);
    this.#cc.kernel.ke.setEvent(this.event, 0);
  }

  /** The oldest fetch, else CcPerformReadAhead for the oldest request. False: there is none. Environment: PASSIVE_LEVEL, blocks. */
  *performOne(): Blocking<boolean> {
    const fetch = this.#fetches.shift();
    if (fetch !== undefined) {
      for (const { firstPage, count: wanted } of fetch.ranges) {
        // What memory does not hold would have gone again by the time the operation goes on, which waits for the rest itself.
        const count = Math.min(wanted, Math.ceil(this.#cc.kernel.mm.lists.availablePages / 2));
        const reads = yield* this.#bringIn(fetch.map, { firstPage, count }, 0);
        traceCache(this.#cc.kernel, 'cache-fetch', fetch.map, { offset: firstPage * PAGE_SIZE, pages: count, reads });
      }
      fetch.done();
      this.#cc.release(fetch.map);
      return true;
    }
    const request = this.#requests.shift();
    if (request === undefined) return false;
    const { map, own } = request;
    own.isQueued = false;
    this.#cc.reference(map);
    for (const range of own.readAhead.splice(0)) yield* this.#readAhead(map, own, range);
    this.#cc.release(map);
    return true;
  }

  *#readAhead(map: SharedCacheMap, own: PrivateCacheMap, { offset, length }: ReadAheadRange): Blocking<void> {
    const { kernel } = this.#cc;
    const firstPage = Math.floor(offset / PAGE_SIZE);
    const count = Math.ceil((offset + length) / PAGE_SIZE) - firstPage;
    const reads = yield* this.#bringIn(map, { firstPage, count }, PLENTY);
    if (reads > 0) kernel.counters.readAheadIos++;
    else own.readAheadEnabled = false;
    traceCache(kernel, 'read-ahead', map, { offset, length, reads });
  }

  /**
   * Brings pages in that are not in memory; errors are left for the reader to see. Returns how many reads it took.
   * @param reserve it ends when fewer pages are available
   */
  *#bringIn(map: SharedCacheMap, { firstPage, count }: PageRange, reserve: number): Blocking<number> {
    const cc = this.#cc;
    const { mm } = cc.kernel;
    let reads = 0;
    let size = cc.currentSize(map);
    for (let page = firstPage; page < firstPage + count && mm.lists.availablePages >= reserve; ) {
      const at = page * PAGE_SIZE;
      const vacb = at < size ? cc.view(map, at) : null;
      if (vacb === null) break;
      const address = vacb.baseAddress + (at - vacb.fileOffset);
      const host = mm.cacheViews.touch(address, AccessKind.Read, firstPage + count - page - 1);
      if (host === 0) break;
      if (host !== MUST_WAIT) {
        page++;
        continue;
      }
      if (mm.lastFault.startedRead) reads++;
      if (isError(yield* waitForPaging(cc.kernel))) break;
      size = cc.currentSize(map);
    }
    return reads;
  }
}

/** CcCopyRead without Wait asks first: are all these pages in memory? */
export function isInMemory(cc: CacheManager, map: SharedCacheMap, { firstPage, count }: PageRange): boolean {
  const { mm } = cc.kernel;
  const { segment } = map.section.controlArea;
  for (let page = firstPage; page < firstPage + count; page++) {
    const prototype = page < segment.totalPages ? segment.prototypePte(page) : 0;
    if (prototype === 0 || residentPrototypePage(mm, prototype) === 0) return false;
  }
  return true;
}

/**
 * CcScheduleReadAhead: a read begins or has ended; what the reader will probably want next is queued. Sequential: the read began where the
 * one before had ended, and that one where its predecessor had. Strided: the last three reads are equally far apart. Files opened for
 * sequential access are kept 192 KB ahead, those for random access not at all.
 */
export function scheduleReadAhead(
  cc: CacheManager,
  map: SharedCacheMap,
  own: PrivateCacheMap,
  offset: number,
  length: number,
): void {
  if (own.pattern !== AccessPattern.Random) {
    const range =
      own.pattern === AccessPattern.Sequential ? sequentialWindow(own, offset + length) : predict(own, offset, length);
    if (range !== null && range.offset < map.fileSize) cc.readAhead.add(map, own, range);
  }
  own.fileOffset1 = own.fileOffset2;
  own.beyondLastByte1 = own.beyondLastByte2;
  own.fileOffset2 = offset;
  own.beyondLastByte2 = offset + length;
}

/** When half of what was read ahead is consumed, the next part follows. */
function sequentialWindow(own: PrivateCacheMap, end: number): ReadAheadRange | null {
  // The reader begins, or has gone elsewhere.
  if (own.readAheadEnd < end || own.readAheadEnd > end + MAXIMUM_READ_AHEAD) own.readAheadEnd = end;
  if (own.readAheadEnd - end > SEQUENTIAL_WINDOW / 2) return null;
  const start = own.readAheadEnd - (own.readAheadEnd % PAGE_SIZE);
  own.readAheadEnd = Math.floor((end + SEQUENTIAL_WINDOW) / GRANULARITY) * GRANULARITY;
  return { offset: start, length: own.readAheadEnd - start };
}

function predict(own: PrivateCacheMap, offset: number, length: number): ReadAheadRange | null {
  const { fileOffset1, beyondLastByte1, fileOffset2, beyondLastByte2 } = own;
  const size = Math.min(MAXIMUM_READ_AHEAD, Math.ceil(length / GRANULARITY) * GRANULARITY);
  if (
    isNear(offset, beyondLastByte2) &&
    (isNear(fileOffset2, beyondLastByte1) || (fileOffset1 < 0 && fileOffset2 === 0))
  ) {
    const start = Math.ceil((offset + length) / GRANULARITY) * GRANULARITY;
    // Once for every window.
    if (start === own.readAheadEnd) return null;
    own.readAheadEnd = start;
    return { offset: start, length: size };
  }
  const stride = offset - fileOffset2;
  if (fileOffset1 < 0 || stride === 0 || stride !== fileOffset2 - fileOffset1) return null;
  const next = offset + stride;
  if (next < 0) return null;
  const start = next - (next % PAGE_SIZE);
  return {
    offset: start,
    length: Math.min(MAXIMUM_READ_AHEAD, Math.ceil((next + length - start) / PAGE_SIZE) * PAGE_SIZE),
  };
}

const isNear = (offset: number, other: number): boolean => other >= 0 && Math.abs(offset - other) <= NOISE;

/** A sequential reader has no use for what lies far behind: its pages go to the standby list. */
export function unmapBehind(cc: CacheManager, map: SharedCacheMap, own: PrivateCacheMap, offset: number): void {
  if (own.pattern !== AccessPattern.Sequential || offset < SEQUENTIAL_MAP_LIMIT) return;
  const [behind] = map.vacbs.overlapping(offset - SEQUENTIAL_MAP_LIMIT, offset - SEQUENTIAL_MAP_LIMIT + 1);
  if (behind !== undefined) cc.unmapView(behind);
}

/** The thread that reads ahead. */
export function* readAheadThread(kernel: Kernel): Blocking<void> {
  const { cc, ke } = kernel;
  for (;;) {
    yield* ke.waitForSingleObject(cc.readAhead.event, WaitReason.Executive, Mode.Kernel, false, null);
    while (yield* cc.readAhead.performOne());
  }
}
