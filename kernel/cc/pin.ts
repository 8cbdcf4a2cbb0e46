import { AccessKind } from '../../cpu/index.js';
import { PoolType } from '../ex/pool.js';
import { PAGE_MASK, PAGE_SIZE } from '../mm/layout.js';
import { createMdl, lockPage, type Mdl, markWritten, mdlByte, unlockPages } from '../mm/mdl.js';
import { CACHE_VIEW_SIZE } from '../mm/system-cache-views.js';
import { MUST_WAIT } from '../mm/user-access.js';
import { waitForPaging } from '../mm/wait-for-paging.js';
import { isError, isSuccess, Status } from '../ntstatus.js';
import { type Blocking, type NtStatus, ntStatus, virtualAddress } from '../types.js';
import { BCB_SIZE, Bcb } from './bcb.js';
import type { CacheManager } from './cache-manager.js';
import { traceCache } from './cache-trace.js';
import { isReplaced } from './copy.js';
import type { PageRun } from './dirty-pages.js';
import type { SharedCacheMap } from './shared-cache-map.js';

/** What file systems do to their own data in the cache, in place: pinned bytes, and MDLs of pages for a transfer without a copy. */

export interface PinResult {
  readonly status: NtStatus;
  readonly bcb: Bcb | null;
}

export interface MdlResult {
  readonly status: NtStatus;
  readonly mdl: Mdl | null;
}

/**
 * CcPinRead (and CcMapData, whose bytes are not changed): bytes of a file are in memory and stay there until unpin. They lie in one view
 * of 256 KB and before the end of the file: INVALID_PARAMETER; INSUFFICIENT_RESOURCES, or why they cannot be read.
 * Environment: PASSIVE_LEVEL, may block. The map is referenced or has an open file object.
 */
export function* pinRead(cc: CacheManager, map: SharedCacheMap, offset: number, length: number): Blocking<PinResult> {
  return yield* pin(cc, map, offset, length, { replaces: false });
}

/**
 * CcPreparePinWrite: as pinRead for bytes that are going to be replaced, so that whole pages of them are not read; the pages are zeroed
 * where they were not in memory. They are dirty from now on.
 */
export function* preparePinWrite(
  cc: CacheManager,
  map: SharedCacheMap,
  offset: number,
  length: number,
): Blocking<PinResult> {
  const result = yield* pin(cc, map, offset, length, { replaces: true });
  if (result.bcb === null) return result;
  const status = setDirtyPinnedData(cc, result.bcb);
  if (isSuccess(status)) return result;
  unpinData(cc, result.bcb);
  return { status, bcb: null };
}

/** Where a pinned byte is in linear memory: good to the end of its page, until unpin. */
export function pinnedByte(cc: CacheManager, bcb: Bcb, index: number): number {
  return bcb.mdl === null ? 0 : mdlByte(cc.kernel.mm, bcb.mdl, index);
}

/**
 * CcSetDirtyPinnedData: pinned bytes were changed. @param lsn of the log record that tells of it, which has to be in the log before
 * the bytes are in the file; 0: none. INSUFFICIENT_RESOURCES. Does not wait.
 */
export function setDirtyPinnedData(cc: CacheManager, bcb: Bcb, lsn = 0n): NtStatus {
  const { map, mdl } = bcb;
  const { firstPage, count } = pagesOf(bcb.offset, bcb.length);
  if (mdl === null) return Status.INVALID_PARAMETER;
  if (!map.dirty.reserve(firstPage, count)) return Status.INSUFFICIENT_RESOURCES;
  markWritten(cc.kernel.mm, mdl);
  cc.noteDirty(map, firstPage, count);
  bcb.isDirty = true;
  traceCache(cc.kernel, 'cache-pin-dirty', map, { offset: bcb.offset, length: bcb.length, lsn: String(lsn) });
  if (lsn === 0n) return Status.SUCCESS;
  if (bcb.oldestLsn === 0n || lsn < bcb.oldestLsn) bcb.oldestLsn = lsn;
  if (lsn > bcb.newestLsn) bcb.newestLsn = lsn;
  return Status.SUCCESS;
}

/** CcUnpinData: the end of one pinRead or preparePinWrite. Does not wait. */
export function unpinData(cc: CacheManager, bcb: Bcb): void {
  const { map, mdl, vacb, offset, length } = bcb;
  bcb.pinCount--;
  traceCache(cc.kernel, 'cache-unpin', map, { offset, length, count: bcb.pinCount });
  if (bcb.pinCount > 0) return;
  if (mdl !== null) unlockPages(cc.kernel.mm, mdl);
  bcb.mdl = null;
  vacb.activeCount--;
  if (!bcb.isDirty) forgetBcb(cc, bcb);
  cc.release(map);
}

/** Pages are no longer noted as dirty: BCBs without any that is are clean, and go unless they are pinned. */
export function cleanBcbs(cc: CacheManager, map: SharedCacheMap): void {
  for (const bcb of map.bcbs.filter((candidate) => candidate.isDirty && !hasDirtyPage(candidate))) {
    bcb.isDirty = false;
    bcb.oldestLsn = 0n;
    bcb.newestLsn = 0n;
    if (bcb.pinCount === 0) forgetBcb(cc, bcb);
  }
}

/** The newest log record that has to be in the log before these pages are written; 0: none. */
export function newestLsn(map: SharedCacheMap, firstPage: number, count: number): bigint {
  let newest = 0n;
  for (const bcb of overlapping(map, firstPage * PAGE_SIZE, (firstPage + count) * PAGE_SIZE)) {
    if (bcb.isDirty && bcb.newestLsn > newest) newest = bcb.newestLsn;
  }
  return newest;
}

/** CcGetDirtyPages: the oldest log record whose change is not in the file yet, at which recovery would begin; 0: none. */
export function oldestLsn(map: SharedCacheMap): bigint {
  const lsns = map.bcbs.filter((bcb) => bcb.isDirty && bcb.oldestLsn !== 0n).map((bcb) => bcb.oldestLsn);
  return lsns.reduce((oldest, lsn) => (oldest === 0n || lsn < oldest ? lsn : oldest), 0n);
}

/** Does anybody have a part of these bytes pinned? */
export function isPinned(map: SharedCacheMap, start: number, end: number): boolean {
  return overlapping(map, start, end).some((bcb) => bcb.pinCount > 0);
}

/**
 * CcMdlRead: the pages of a part of a file, at most up to its end, locked in memory for a transfer out of them. Statuses of
 * pinRead, END_OF_FILE. mdlComplete ends it. Environment: PASSIVE_LEVEL, may block.
 */
export function* mdlRead(cc: CacheManager, map: SharedCacheMap, offset: number, length: number): Blocking<MdlResult> {
  const wanted = Math.min(length, cc.currentSize(map) - offset);
  if (wanted <= 0) return { status: Status.END_OF_FILE, mdl: null };
  return yield* lockRange(cc, map, offset, wanted, { replaces: false });
}

/**
 * CcPrepareMdlWrite: the pages of a part of a file, which reaches as far, locked in memory for a transfer into them. Whole
 * pages are not read. mdlWriteComplete ends it. Statuses of pinRead. Environment: PASSIVE_LEVEL, may block.
 */
export function* prepareMdlWrite(
  cc: CacheManager,
  map: SharedCacheMap,
  offset: number,
  length: number,
): Blocking<MdlResult> {
  if (offset + length > cc.currentSize(map)) return { status: Status.INVALID_PARAMETER, mdl: null };
  return yield* lockRange(cc, map, offset, length, { replaces: true });
}

/** CcMdlReadComplete. Does not wait. */
export function mdlReadComplete(cc: CacheManager, mdl: Mdl): void {
  unlockPages(cc.kernel.mm, mdl);
}

/** CcMdlWriteComplete: the bytes are there; the lazy writer will write them. INSUFFICIENT_RESOURCES: they are written now. */
export function mdlWriteComplete(cc: CacheManager, map: SharedCacheMap, offset: number, mdl: Mdl): NtStatus {
  const { firstPage, count } = pagesOf(offset, mdl.byteCount);
  const isNoted = map.dirty.reserve(firstPage, count);
  if (isNoted) cc.noteDirty(map, firstPage, count);
  markWritten(cc.kernel.mm, mdl);
  unlockPages(cc.kernel.mm, mdl);
  return isNoted ? Status.SUCCESS : cc.flush(map.file, offset, mdl.byteCount);
}

/** The first inconsistency of a file's BCBs, or null. */
export function verifyBcbs(map: SharedCacheMap, locked: ReadonlySet<Mdl>): string | null {
  for (const bcb of map.bcbs) {
    const name = `the BCB of ${map.file.name} at ${bcb.offset}`;
    if (bcb.pinCount === 0 && !bcb.isDirty) return `${name} is neither pinned nor dirty`;
    if (bcb.pinCount > 0 !== (bcb.mdl !== null))
      return `${name} is pinned ${bcb.pinCount} times, but its pages do not say so`;
    if (bcb.mdl !== null && !locked.has(bcb.mdl)) return `${name} is pinned, but its pages are not locked`;
    if (bcb.mdl !== null && (bcb.vacb.map !== map || bcb.vacb.activeCount === 0)) return `${name} has lost its view`;
    if (bcb.isDirty && !hasDirtyPage(bcb)) return `${name} is dirty, but none of its pages is`;
  }
  for (const vacb of map.vacbs.all()) {
    const pinned = map.bcbs.filter((bcb) => bcb.vacb === vacb && bcb.pinCount > 0).length;
    if (vacb.activeCount !== pinned)
      return `a view of ${map.file.name} counts ${vacb.activeCount} BCBs, but ${pinned} are pinned`;
  }
  return null;
}

function* pin(
  cc: CacheManager,
  map: SharedCacheMap,
  offset: number,
  length: number,
  how: { readonly replaces: boolean },
): Blocking<PinResult> {
  const refused = (status: NtStatus): PinResult => ({ status, bcb: null });
  const isOneView = Math.floor(offset / CACHE_VIEW_SIZE) === Math.floor((offset + length - 1) / CACHE_VIEW_SIZE);
  if (length <= 0 || !isOneView || offset + length > cc.currentSize(map)) return refused(Status.INVALID_PARAMETER);
  cc.reference(map);
  const { status, mdl } = yield* lockRange(cc, map, offset, length, how);
  const bcb = mdl === null ? null : findOrMakeBcb(cc, map, offset, length);
  if (mdl === null || bcb === null) {
    if (mdl !== null) unlockPages(cc.kernel.mm, mdl);
    cc.release(map);
    return refused(isError(status) ? status : Status.INSUFFICIENT_RESOURCES);
  }
  bcb.pinCount++;
  traceCache(cc.kernel, 'cache-pin', map, { offset, length, count: bcb.pinCount });
  if (bcb.mdl === null) {
    bcb.mdl = mdl;
    bcb.vacb.activeCount++;
  } else {
    // Somebody has it pinned already, and keeps the map.
    unlockPages(cc.kernel.mm, mdl);
    cc.release(map);
  }
  return { status: Status.SUCCESS, bcb };
}

/** Brings the pages of a range in one after the other, and locks each as soon as it is there. */
function* lockRange(
  cc: CacheManager,
  map: SharedCacheMap,
  offset: number,
  length: number,
  { replaces }: { readonly replaces: boolean },
): Blocking<MdlResult> {
  const { mm } = cc.kernel;
  const mdl = createMdl(mm, offset & PAGE_MASK, length);
  if (mdl === null) return { status: Status.INSUFFICIENT_RESOURCES, mdl: null };
  for (let done = 0; done < length; ) {
    const at = offset + done;
    const run = Math.min(length - done, PAGE_SIZE - (at & PAGE_MASK));
    const vacb = cc.view(map, at);
    if (vacb === null) return abandon(cc, mdl, Status.INSUFFICIENT_RESOURCES);
    const address = vacb.baseAddress + (at - vacb.fileOffset);
    const host =
      replaces && isReplaced(at, run, cc.currentSize(map))
        ? mm.cacheViews.touchToReplace(address)
        : mm.cacheViews.touch(address, AccessKind.Read);
    if (host === 0) return abandon(cc, mdl, ntStatus(mm.faults.underlyingStatus));
    if (host === MUST_WAIT) {
      const waited = yield* waitForPaging(cc.kernel);
      if (isError(waited)) return abandon(cc, mdl, waited);
      continue;
    }
    lockPage(mm, mdl, mm.cacheViews.frameAt(address));
    done += run;
  }
  return { status: Status.SUCCESS, mdl };
}

function abandon(cc: CacheManager, mdl: Mdl, status: NtStatus): MdlResult {
  unlockPages(cc.kernel.mm, mdl);
  return { status, mdl: null };
}

/** The BCB of just these bytes, in a view that is mapped. Null: INSUFFICIENT_RESOURCES. */
function findOrMakeBcb(cc: CacheManager, map: SharedCacheMap, offset: number, length: number): Bcb | null {
  const vacb = cc.view(map, offset);
  if (vacb === null) return null;
  const found = map.bcbs.find((bcb) => bcb.offset === offset && bcb.length === length);
  if (found !== undefined) {
    found.vacb = vacb;
    return found;
  }
  const poolAddress = cc.kernel.ex.pool.allocate(PoolType.NonPaged, BCB_SIZE, 'CcBc');
  if (poolAddress === 0) return null;
  const bcb = new Bcb(map, offset, length, vacb, virtualAddress(poolAddress));
  map.bcbs.push(bcb);
  return bcb;
}

function forgetBcb(cc: CacheManager, bcb: Bcb): void {
  const { bcbs } = bcb.map;
  bcbs.splice(bcbs.indexOf(bcb), 1);
  cc.kernel.ex.pool.free(bcb.poolAddress);
}

const overlapping = (map: SharedCacheMap, start: number, end: number): Bcb[] =>
  map.bcbs.filter((bcb) => bcb.offset < end && bcb.end > start);

/** One of its pages is newer than the file. */
function hasDirtyPage({ map, offset, length }: Bcb): boolean {
  const { firstPage, count } = pagesOf(offset, length);
  for (let page = firstPage; page < firstPage + count; page++) if (map.dirty.has(page)) return true;
  return false;
}

function pagesOf(offset: number, length: number): PageRun {
  const firstPage = Math.floor(offset / PAGE_SIZE);
  return { firstPage, count: Math.ceil((offset + length) / PAGE_SIZE) - firstPage };
}
