import { AccessKind } from '../../cpu/index.js';
import type { Kernel } from '../kernel.js';
import { PAGE_MASK, PAGE_SIZE } from '../mm/layout.js';
import { MUST_WAIT } from '../mm/user-access.js';
import { exceptionAfterWait } from '../mm/wait-after-fault.js';
import { waitForPaging } from '../mm/wait-for-paging.js';
import { isSuccess, Status } from '../ntstatus.js';
import { hex } from '../trace.js';
import { type Blocking, type NtStatus, ntStatus } from '../types.js';
import type { CacheManager } from './cache-manager.js';
import { traceCache } from './cache-trace.js';
import type { CopyBuffer } from './copy-buffer.js';
import type { PrivateCacheMap } from './private-cache-map.js';
import { scheduleReadAhead, unmapBehind } from './read-ahead.js';
import type { SharedCacheMap } from './shared-cache-map.js';

/** How a copy ended, and how many bytes went. */
export interface CopyResult {
  readonly status: NtStatus;
  readonly count: number;
}

/**
 * CcCopyRead: bytes of a file out of its pages in memory, at most up to its end, into a buffer. A page that is not there is waited
 * for; meanwhile other threads run. What will be wanted next is read ahead while this is copied.
 * @param own of the file object that reads, for read-ahead; null: none
 * Statuses: SUCCESS; why a page cannot be read, or the buffer cannot be written; INSUFFICIENT_RESOURCES.
 * Environment: PASSIVE_LEVEL, may block. The map is referenced.
 */
export function* copyRead(
  cc: CacheManager,
  map: SharedCacheMap,
  own: PrivateCacheMap | null,
  offset: number,
  length: number,
  buffer: CopyBuffer,
): Blocking<CopyResult> {
  const { kernel } = cc;
  let count = Math.max(0, Math.min(length, cc.currentSize(map) - offset));
  const copy = { offset, length, hasMissed: false };
  kernel.counters.copyReads++;
  const isAhead = own?.readAheadEnabled === true && count > 0;
  if (own !== null && isAhead) scheduleReadAhead(cc, map, own, offset, count);
  for (let done = 0; done < count; ) {
    const run = Math.min(count - done, PAGE_SIZE - ((offset + done) & PAGE_MASK));
    const status = readPart(cc, map, buffer, { offset, done, run, count });
    if (status === Status.SUCCESS) {
      done += run;
      continue;
    }
    if (status !== MUST_WAIT) return ended(cc, map, 'copy-read', { ...copy, status, count: done });
    copy.hasMissed ||= kernel.mm.lastFault.address >= kernel.mm.layout.systemRangeStart;
    const waited = yield* waitForPage(kernel);
    if (!isSuccess(waited)) {
      return ended(cc, map, 'copy-read', { ...copy, status: waited, count: done });
    }
    count = Math.max(done, Math.min(count, cc.currentSize(map) - offset));
  }
  if (copy.hasMissed) kernel.counters.copyReadMisses++;
  if (own !== null && count > 0) {
    own.readAheadEnabled ||= copy.hasMissed;
    if (!isAhead) scheduleReadAhead(cc, map, own, offset, count);
    unmapBehind(cc, map, own, offset);
  }
  return ended(cc, map, 'copy-read', { ...copy, status: Status.SUCCESS, count });
}

interface EndedCopy extends CopyResult {
  readonly offset: number;
  readonly length: number;
  /** Pages of the file had to be waited for. */
  readonly hasMissed: boolean;
}

/** The end of a copy, which the trace hears of. */
function ended<Copy extends EndedCopy>(cc: CacheManager, map: SharedCacheMap, event: string, copy: Copy): Copy {
  const { offset, length, count, status, hasMissed } = copy;
  if (!cc.kernel.trace.cache) return copy;
  traceCache(cc.kernel, event, map, { offset, length, count, missed: hasMissed, status: hex(status) });
  return copy;
}

/** Waits for a page of the file, or of the buffer: SUCCESS, or why it cannot be read. */
function* waitForPage(kernel: Kernel): Blocking<NtStatus> {
  const isOfFile = kernel.mm.lastFault.address >= kernel.mm.layout.systemRangeStart;
  const status = yield* waitForPaging(kernel);
  return isSuccess(status) || isOfFile ? status : exceptionAfterWait(status);
}

/** A part of a copy that lies in one page of the file. */
interface CopyPart {
  readonly offset: number;
  readonly done: number;
  readonly run: number;
  /** Bytes of the whole copy. */
  readonly count: number;
}

function readPart(
  cc: CacheManager,
  map: SharedCacheMap,
  buffer: CopyBuffer,
  { offset, done, run, count }: CopyPart,
): NtStatus | typeof MUST_WAIT {
  const { mm } = cc.kernel;
  const at = offset + done;
  const pagesBehind = Math.ceil((offset + count) / PAGE_SIZE) - Math.floor(at / PAGE_SIZE) - 1;
  for (;;) {
    const prepared = buffer.prepare(done, run);
    if (prepared !== Status.SUCCESS) return prepared;
    const vacb = cc.view(map, at);
    if (vacb === null) return Status.INSUFFICIENT_RESOURCES;
    const address = vacb.baseAddress + (at - vacb.fileOffset);
    const host = mm.cacheViews.touch(address, AccessKind.Read, pagesBehind);
    if (host === MUST_WAIT) return MUST_WAIT;
    if (host === 0) return ntStatus(mm.faults.underlyingStatus);
    if (buffer.take(done, host, run)) return Status.SUCCESS;
  }
}

/** How a write to the cache ended. */
export interface CopyWriteResult extends CopyResult {
  /** What is known now of the bytes that have ever been written: see copyWrite. */
  readonly validSize: number;
}

/**
 * CcCopyWrite: puts bytes into a file's pages in memory. The file reaches as far; should somebody cut it while the write waits, the
 * write ends early.
 * @param validSize bytes of the file that have ever been written: pages behind need not be read
 * Statuses: SUCCESS, INSUFFICIENT_RESOURCES; why a page that is written in part, or the buffer, cannot be read.
 * Environment: PASSIVE_LEVEL, may block. The map is referenced.
 */
export function* copyWrite(
  cc: CacheManager,
  map: SharedCacheMap,
  offset: number,
  length: number,
  buffer: CopyBuffer,
  validSize: number,
): Blocking<CopyWriteResult> {
  const { kernel } = cc;
  const copy = { offset, length, hasMissed: false };
  let valid = validSize;
  kernel.counters.copyWrites++;
  for (let done = 0; done < length; ) {
    const run = Math.min(length - done, PAGE_SIZE - ((offset + done) & PAGE_MASK));
    const status = writePart(cc, map, buffer, { offset, done, run, count: length }, valid);
    if (status === Status.SUCCESS) {
      done += run;
      continue;
    }
    if (status !== MUST_WAIT) {
      return ended(cc, map, 'copy-write', { ...copy, status, count: done, validSize: valid });
    }
    copy.hasMissed ||= kernel.mm.lastFault.address >= kernel.mm.layout.systemRangeStart;
    const waited = yield* waitForPage(kernel);
    if (!isSuccess(waited)) {
      return ended(cc, map, 'copy-write', { ...copy, status: waited, count: done, validSize: valid });
    }
    // Others may have written behind the end that the file had, or have cut it.
    valid = cc.currentSize(map);
    if (valid < offset + length) {
      return ended(cc, map, 'copy-write', { ...copy, status: Status.SUCCESS, count: done, validSize: valid });
    }
  }
  return ended(cc, map, 'copy-write', { ...copy, status: Status.SUCCESS, count: length, validSize: valid });
}

function writePart(
  cc: CacheManager,
  map: SharedCacheMap,
  buffer: CopyBuffer,
  { offset, done, run }: CopyPart,
  validSize: number,
): NtStatus | typeof MUST_WAIT {
  const { mm } = cc.kernel;
  const at = offset + done;
  const page = Math.floor(at / PAGE_SIZE);
  for (;;) {
    const prepared = buffer.prepare(done, run);
    if (prepared !== Status.SUCCESS) return prepared;
    const vacb = cc.view(map, at);
    if (vacb === null || !map.dirty.reserve(page, 1)) return Status.INSUFFICIENT_RESOURCES;
    const address = vacb.baseAddress + (at - vacb.fileOffset);
    const host = isReplaced(at, run, validSize)
      ? mm.cacheViews.touchToReplace(address)
      : mm.cacheViews.touch(address, AccessKind.Write);
    if (host === MUST_WAIT) return MUST_WAIT;
    if (host === 0) return ntStatus(mm.faults.underlyingStatus);
    cc.noteDirty(map, page, 1);
    if (!buffer.give(done, host, run)) continue;
    if (mm.cpu.pageHasCode(host)) mm.cpu.codeWritten(host, run);
    return Status.SUCCESS;
  }
}

/** Need the page that a write within it begins at not be read? All that the file has there is written, or nothing ever was. */
export function isReplaced(offset: number, length: number, validSize: number): boolean {
  const inPage = offset & PAGE_MASK;
  if (offset - inPage >= validSize) return true;
  return inPage === 0 && (length === PAGE_SIZE || offset + length >= validSize);
}
