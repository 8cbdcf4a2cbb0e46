import { copyRead, copyWrite, type SharedCacheMap } from '../cc/index.js';
import type { Kernel } from '../kernel.js';
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

/** Reads as far as the file reaches; END_OF_FILE behind it. Environment: PASSIVE_LEVEL; does not wait. */
export function readVolumeFile(kernel: Kernel, transfer: VolumeTransfer): IoResult {
  const { file, control, start, length, buffer } = transfer;
  const map = cacheMap(kernel, transfer, start);
  if (typeof map === 'number') return refused(map);
  // The device has what programs wrote through the cache or a view, too.
  if (map === null) kernel.cc.flush(control, start, length);
  let count = 0;
  while (count < length) {
    const wanted = Math.min(CHUNK, length - count);
    const bytes =
      map === null
        ? control.read(start + count, wanted)
        : copyRead(kernel.cc, map, file.privateCacheMap, start + count, wanted);
    if (typeof bytes === 'number') return refused(bytes);
    const written = kernel.user.writeBytes(buffer + count, bytes);
    count += written;
    if (written < bytes.length) return refused(kernel.user.takeFailure());
    if (bytes.length < wanted) break;
  }
  return count === 0 ? refused(Status.END_OF_FILE) : done(count);
}

/** Writes everything, making the file longer first. Environment: PASSIVE_LEVEL; waits while too much is dirty. */
export function* writeVolumeFile(kernel: Kernel, transfer: VolumeTransfer): Blocking<IoResult> {
  const { file, control, start, length } = transfer;
  const isWriteThrough = (file.mode & CreateOption.WRITE_THROUGH) !== 0;
  const isCached = control.volume.isCached && !file.isUnbuffered;
  if (isCached && !isWriteThrough) yield* kernel.cc.throttle.wait(length);
  const map = cacheMap(kernel, transfer, start + length);
  if (typeof map === 'number') return refused(map);
  if (map === null) return writeToDevice(kernel, transfer);
  const oldSize = kernel.cc.currentSize(map);
  const isLonger = start + length > oldSize;
  const extended = isLonger ? setEndOfFile(kernel, control, start + length) : Status.SUCCESS;
  if (isError(extended)) return refused(extended);
  const result = putChunks(kernel, transfer, (bytes, at) => copyWrite(kernel.cc, map, at, bytes, oldSize));
  if (isError(result.status)) {
    if (isLonger) setEndOfFile(kernel, control, oldSize);
    return result;
  }
  if (!isWriteThrough) return result;
  let status = kernel.cc.flush(control, start, length);
  if (isSuccess(status)) status = control.flush();
  return isSuccess(status) ? result : refused(status);
}

/** The file's cache map; null when this transfer goes to the device. */
function cacheMap(kernel: Kernel, transfer: VolumeTransfer, end: number): SharedCacheMap | null | NtStatus {
  const { file, control } = transfer;
  if (!control.volume.isCached || file.isUnbuffered || Math.max(end, control.size()) > MAXIMUM_CACHED) return null;
  const status = kernel.cc.initializeCacheMap(control, file);
  return isSuccess(status) ? control.sharedCacheMap : status;
}

/**
 * What memory has of the range is written first, and forgotten where nobody maps it. A file becomes longer before anything is written,
 * so that a full disk leaves it as it was; a standard stream grows as it is written, for it may be one that is only appended to.
 */
function writeToDevice(kernel: Kernel, transfer: VolumeTransfer): IoResult {
  const { file, control, start, length } = transfer;
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
  if (!isError(result.status) && (file.mode & CreateOption.WRITE_THROUGH) !== 0) control.flush();
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
