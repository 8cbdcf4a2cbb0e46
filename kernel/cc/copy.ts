import { AccessKind } from '../../cpu/index.js';
import { PAGE_MASK, PAGE_SIZE } from '../mm/layout.js';
import { isError, Status } from '../ntstatus.js';
import { type NtStatus, ntStatus } from '../types.js';
import type { CacheManager } from './cache-manager.js';
import type { PrivateCacheMap } from './private-cache-map.js';
import { scheduleReadAhead, unmapBehind } from './read-ahead.js';
import type { SharedCacheMap } from './shared-cache-map.js';

/**
 * CcCopyRead: bytes of a file out of its pages in memory, which come by page faults, at most up to its end.
 * @returns the bytes, or why they cannot be read: the status of the read from the file, INSUFFICIENT_RESOURCES
 * Environment: PASSIVE_LEVEL; does not wait.
 */
export function copyRead(
  cc: CacheManager,
  map: SharedCacheMap,
  own: PrivateCacheMap | null,
  offset: number,
  length: number,
): Uint8Array | NtStatus {
  const { mm, counters } = cc.kernel;
  const ios = counters.pageReadIos;
  const bytes = new Uint8Array(Math.max(0, Math.min(length, cc.currentSize(map) - offset)));
  for (let done = 0; done < bytes.length; ) {
    const at = offset + done;
    const run = Math.min(bytes.length - done, PAGE_SIZE - (at & PAGE_MASK));
    const vacb = cc.view(map, at);
    if (vacb === null) return Status.INSUFFICIENT_RESOURCES;
    const host = mm.cacheViews.touch(vacb.baseAddress + (at - vacb.fileOffset), AccessKind.Read);
    if (host === 0) return ntStatus(mm.faults.underlyingStatus);
    bytes.set(mm.bytes.subarray(host, host + run), done);
    done += run;
  }
  counters.copyReads++;
  if (counters.pageReadIos !== ios) counters.copyReadMisses++;
  if (own !== null && bytes.length > 0) {
    scheduleReadAhead(cc, map, own, offset, bytes.length);
    unmapBehind(cc, map, own, offset);
  }
  return bytes;
}

/**
 * CcCopyWrite: puts bytes into a file's pages in memory. The file already reaches as far.
 * @param validSize bytes of the file that have ever been written: pages behind need not be read
 * @returns SUCCESS, INSUFFICIENT_RESOURCES, or why a page that is written in part cannot be read
 * Environment: PASSIVE_LEVEL; does not wait.
 */
export function copyWrite(
  cc: CacheManager,
  map: SharedCacheMap,
  offset: number,
  bytes: Uint8Array,
  validSize: number,
): NtStatus {
  if (bytes.length === 0) return Status.SUCCESS;
  const { counters } = cc.kernel;
  const firstPage = Math.floor(offset / PAGE_SIZE);
  const pages = Math.floor((offset + bytes.length - 1) / PAGE_SIZE) - firstPage + 1;
  if (!map.dirty.reserve(firstPage, pages)) return Status.INSUFFICIENT_RESOURCES;
  counters.copyWrites++;
  for (let done = 0; done < bytes.length; ) {
    const at = offset + done;
    const run = Math.min(bytes.length - done, PAGE_SIZE - (at & PAGE_MASK));
    const status = writePart(cc, map, at, bytes.subarray(done, done + run), validSize);
    if (isError(status)) return status;
    cc.noteDirty(map, Math.floor(at / PAGE_SIZE), 1);
    done += run;
  }
  return Status.SUCCESS;
}

/** Writes bytes of one page. */
function writePart(
  cc: CacheManager,
  map: SharedCacheMap,
  offset: number,
  bytes: Uint8Array,
  validSize: number,
): NtStatus {
  const { mm } = cc.kernel;
  const vacb = cc.view(map, offset);
  if (vacb === null) return Status.INSUFFICIENT_RESOURCES;
  const address = vacb.baseAddress + (offset - vacb.fileOffset);
  const start = offset - (offset & PAGE_MASK);
  const replacesPage = start === offset && (bytes.length === PAGE_SIZE || offset + bytes.length >= validSize);
  const isReplaced = replacesPage || start >= validSize;
  const host = isReplaced ? mm.cacheViews.touchToReplace(address) : mm.cacheViews.touch(address, AccessKind.Write);
  if (host === 0) return ntStatus(mm.faults.underlyingStatus);
  mm.bytes.set(bytes, host);
  if (mm.cpu.pageHasCode(host)) mm.cpu.codeWritten(host, bytes.length);
  return Status.SUCCESS;
}
