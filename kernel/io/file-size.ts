import type { Kernel } from '../kernel.js';
import { isError, Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { FileControlBlock } from './file-control-block.js';

/**
 * Moves the end of a file, on its volume and for whoever has it in memory. USER_MAPPED_FILE when it would cut pages off that a
 * program may map; DISK_FULL and the like change nothing.
 */
export function setEndOfFile(kernel: Kernel, control: FileControlBlock, size: number): NtStatus {
  const oldSize = control.size();
  if (size < oldSize && control.isMappedAsData) return Status.USER_MAPPED_FILE;
  if (size < oldSize) kernel.mm.unusedSegments.deleteOf(kernel, control);
  const status = control.setSize(size);
  if (!isError(status)) kernel.cc.setFileSizes(control, oldSize, size);
  return status;
}

/** The file is another than the one in memory: what was not written yet is, the rest is read anew. */
export function forgetContents(kernel: Kernel, control: FileControlBlock): void {
  kernel.cc.flush(control);
  kernel.cc.purge(control);
  kernel.mm.unusedSegments.deleteOf(kernel, control);
}
