import { isPinned } from '../cc/index.js';
import type { Kernel } from '../kernel.js';
import { isError, Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { FileControlBlock } from './file-control-block.js';
import type { VolumeDevice } from './volume-device.js';

/**
 * Moves the end of a file, on its volume and for whoever has it in memory. USER_MAPPED_FILE when it would cut pages off that a
 * program may map; DISK_FULL and the like change nothing.
 */
export function setEndOfFile(kernel: Kernel, control: FileControlBlock, size: number): NtStatus {
  const oldSize = control.size();
  const map = control.sharedCacheMap;
  if (size < oldSize && map !== null && isPinned(map, size, oldSize)) return Status.USER_MAPPED_FILE;
  if (size < oldSize && control.isMappedAsData) return Status.USER_MAPPED_FILE;
  if (size < oldSize) kernel.mm.unusedSegments.deleteOf(kernel, control);
  const status = control.setSize(size);
  if (!isError(status)) kernel.cc.setFileSizes(control, oldSize, size);
  return status;
}

/**
 * May a file be given so many bytes more? DISK_FULL where there is no room for them. The host sets nothing aside for a file before it is
 * that long, so that they are not kept for it.
 */
export function checkAllocation(volume: VolumeDevice, growth: number): NtStatus {
  if (growth <= 0) return Status.SUCCESS;
  const { totalBytes, freeBytes } = volume.host.space();
  return totalBytes > 0 && growth > freeBytes ? Status.DISK_FULL : Status.SUCCESS;
}

/**
 * The file is another than the one in memory: what was not written yet is, the rest is read anew. Pages that programs have mapped
 * stay as they are until nobody maps them.
 */
export function forgetContents(kernel: Kernel, control: FileControlBlock): void {
  control.noteForeignChange();
  // What cannot be written now is not lost for it.
  if (isError(kernel.cc.flush(control))) return;
  kernel.cc.purge(control);
  kernel.mm.unusedSegments.deleteOf(kernel, control);
  control.version++;
  control.noteWriteTime();
}
