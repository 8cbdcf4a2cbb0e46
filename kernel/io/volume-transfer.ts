import { AccessKind } from '../../cpu/index.js';
import {
  copyRead,
  copyWrite,
  isInMemory,
  isReplaced,
  MAXIMUM_CHARGE,
  type PageRange,
  type SharedCacheMap,
  UserBuffer,
} from '../cc/index.js';
import type { Kernel } from '../kernel.js';
import { PAGE_SIZE } from '../mm/layout.js';
import { isError, isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import type { FileControlBlock } from './file-control-block.js';
import { CreateOption, type FileObject } from './file-object.js';
import { setEndOfFile } from './file-size.js';
import { done, type IoResult, refused } from './io-status.js';

/** Bytes that go between a file and a program at a time. */
export const CHUNK = 0x10000;
/** Sections reach so far, 1 TB: bigger files are not cached. */
const MAXIMUM_CACHED = 0x100_0000_0000;
const SECTOR = 512;

/** A transfer between a file of a volume and user memory, after all checks. */
export interface VolumeTransfer {
  readonly file: FileObject;
  readonly control: FileControlBlock;
  readonly buffer: number;
  readonly length: number;
  readonly start: number;
}

/** FILE_NO_INTERMEDIATE_BUFFERING: whole sectors only, from a buffer at an even address; INVALID_PARAMETER. */
export function checkUnbuffered({ file, buffer, length, start }: VolumeTransfer): NtStatus {
  if (!file.isUnbuffered) return Status.SUCCESS;
  const isAligned = length % SECTOR === 0 && start % SECTOR === 0 && buffer % 2 === 0;
  return isAligned ? Status.SUCCESS : Status.INVALID_PARAMETER;
}

/** Reads as far as the file reaches; END_OF_FILE behind it. Environment: PASSIVE_LEVEL, waits for pages that are not in memory. */
export function* readVolumeFile(kernel: Kernel, transfer: VolumeTransfer): Blocking<IoResult> {
  const { file, start, length, buffer } = transfer;
  const map = cacheMap(kernel, transfer, start);
  if (typeof map === 'number') return refused(map);
  if (map === null) return readFromDevice(kernel, transfer);
  const target = new UserBuffer(kernel.mm, buffer, AccessKind.Write);
  kernel.cc.reference(map);
  const { status, count } = yield* copyRead(kernel.cc, map, file.privateCacheMap, start, length, target);
  kernel.cc.release(map);
  if (isError(status)) return refused(status);
  return count === 0 ? refused(Status.END_OF_FILE) : done(count);
}

/** Writes everything, making the file longer first. Environment: PASSIVE_LEVEL; waits while too much is dirty, and for pages. */
export function* writeVolumeFile(kernel: Kernel, transfer: VolumeTransfer): Blocking<IoResult> {
  const { control, start, length } = transfer;
  if (length === 0) return done(0);
  const map = cacheMap(kernel, transfer, start + length);
  if (typeof map === 'number') return refused(map);
  if (map === null) return writeToDevice(kernel, transfer);
  const { cc } = kernel;
  cc.reference(map);
  const result = yield* writeToCache(kernel, transfer, map);
  cc.release(map);
  if (isError(result.status) || !isWriteThrough(transfer)) return result;
  let status = cc.flush(control, start, length);
  if (isSuccess(status)) status = control.flush();
  return isSuccess(status) ? result : refused(status);
}

/** So many bytes at a time as the throttle counts. A file that somebody cuts meanwhile is made longer again. */
function* writeToCache(kernel: Kernel, transfer: VolumeTransfer, map: SharedCacheMap): Blocking<IoResult> {
  const { cc } = kernel;
  const { control, start, length, buffer } = transfer;
  const end = start + length;
  let oldSize = -1;
  let validSize = 0;
  for (let count = 0; count < length; ) {
    const piece = Math.min(length - count, MAXIMUM_CHARGE);
    const hasWaited = !isWriteThrough(transfer) && (yield* cc.throttle.wait(piece));
    const size = cc.currentSize(map);
    if (oldSize < 0) oldSize = size;
    if (count === 0 || hasWaited || size < end) validSize = size;
    if (size < end) {
      const extended = setEndOfFile(kernel, control, end);
      if (isError(extended)) return refused(extended);
    }
    const source = new UserBuffer(kernel.mm, buffer + count, AccessKind.Read);
    const copied = yield* copyWrite(cc, map, start + count, piece, source, validSize);
    if (isError(copied.status)) {
      // Unless somebody else has moved the end by now.
      if (oldSize < end && control.size() === end) setEndOfFile(kernel, control, oldSize);
      return refused(copied.status);
    }
    count += copied.count;
    validSize = copied.validSize;
  }
  return done(length);
}

const isWriteThrough = ({ file }: VolumeTransfer): boolean => (file.mode & CreateOption.WRITE_THROUGH) !== 0;

export type TransferKind = 'read' | 'write';

/** Pages that are not in memory, and the file whose they are. */
export interface MissingPages {
  readonly map: SharedCacheMap;
  readonly ranges: readonly PageRange[];
}

/**
 * Pages that a cached transfer would have to wait for. Null: it can be made at once, or does not go through the cache.
 * Environment: PASSIVE_LEVEL; does not wait.
 */
export function missingPages(kernel: Kernel, transfer: VolumeTransfer, kind: TransferKind): MissingPages | null {
  const { control, start, length } = transfer;
  const map = cacheMap(kernel, transfer, start + (kind === 'read' ? 0 : length));
  if (map === null || typeof map === 'number') return null;
  const size = control.size();
  const wanted = kind === 'read' ? [{ at: start, length }] : writtenInPart(start, length, size);
  const ranges = wanted
    .filter(({ at }) => at < size)
    .map(({ at, length: bytes }) => pagesOf(at, Math.min(bytes, size - at)))
    .filter((range) => !isInMemory(kernel.cc, map, range));
  return ranges.length === 0 ? null : { map, ranges };
}

/** The pages at both ends of a write, where they have bytes that it leaves. */
function writtenInPart(
  start: number,
  length: number,
  size: number,
): { readonly at: number; readonly length: number }[] {
  const end = start + length;
  const last = Math.max(start, Math.floor((end - 1) / PAGE_SIZE) * PAGE_SIZE);
  const first = Math.min(end, Math.floor(start / PAGE_SIZE) * PAGE_SIZE + PAGE_SIZE);
  const parts = [
    { at: start, length: first - start },
    { at: last, length: end - last },
  ];
  return parts.filter((part) => !isReplaced(part.at, part.length, size));
}

function pagesOf(at: number, length: number): PageRange {
  const firstPage = Math.floor(at / PAGE_SIZE);
  return { firstPage, count: Math.ceil((at + length) / PAGE_SIZE) - firstPage };
}

/** The file's cache map; null when this transfer goes to the device. */
function cacheMap(kernel: Kernel, transfer: VolumeTransfer, end: number): SharedCacheMap | null | NtStatus {
  const { file, control } = transfer;
  const size = control.sharedCacheMap?.fileSize ?? control.size();
  if (!control.volume.isCached || file.isUnbuffered || Math.max(end, size) > MAXIMUM_CACHED) return null;
  const status = kernel.cc.initializeCacheMap(control, file);
  return isSuccess(status) ? control.sharedCacheMap : status;
}

/** The device has what programs wrote through the cache or a view, too. */
function readFromDevice(kernel: Kernel, { control, start, length, buffer }: VolumeTransfer): IoResult {
  kernel.cc.flush(control, start, length);
  let count = 0;
  while (count < length) {
    const wanted = Math.min(CHUNK, length - count);
    const bytes = control.read(start + count, wanted);
    if (typeof bytes === 'number') return refused(bytes);
    const written = kernel.user.writeBytes(buffer + count, bytes);
    count += written;
    if (written < bytes.length) return refused(kernel.user.takeFailure());
    if (bytes.length < wanted) break;
  }
  return count === 0 ? refused(Status.END_OF_FILE) : done(count);
}

/**
 * What memory has of the range is written first, and forgotten where nobody maps it. A file becomes longer before anything is written,
 * so that a full disk leaves it as it was; a standard stream grows as it is written, for it may be one that is only appended to.
 */
function writeToDevice(kernel: Kernel, transfer: VolumeTransfer): IoResult {
  const { control, start, length } = transfer;
  const flushed = kernel.cc.flush(control, start, length);
  if (isError(flushed)) return refused(flushed);
  kernel.cc.purge(control, start, length);
  const oldSize = control.size();
  const isLonger = control.volume.isCached && start + length > oldSize;
  const extended = isLonger ? setEndOfFile(kernel, control, start + length) : Status.SUCCESS;
  if (isError(extended)) return refused(extended);
  const result = putChunks(kernel, transfer, (bytes, at) => control.write(at, bytes));
  if (isLonger && isError(result.status)) setEndOfFile(kernel, control, oldSize);
  if (!isLonger && control.size() > oldSize) kernel.cc.setFileSizes(control, oldSize, control.size());
  if (!isError(result.status) && isWriteThrough(transfer)) control.flush();
  return result;
}

function putChunks(
  kernel: Kernel,
  { buffer, length, start }: VolumeTransfer,
  put: (bytes: Uint8Array, offset: number) => NtStatus,
): IoResult {
  let count = 0;
  while (count < length) {
    const bytes = kernel.user.readBytes(buffer + count, Math.min(CHUNK, length - count));
    const failure = kernel.user.takeFailure();
    if (!isSuccess(failure)) return refused(failure);
    const status = put(bytes, start + count);
    if (isError(status)) return refused(status);
    count += bytes.length;
  }
  return done(count);
}
