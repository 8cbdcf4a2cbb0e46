import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { MemoryManager } from './memory-manager.js';
import { decrementReferenceCount, releaseSlot } from './pfn-counts.js';

/**
 * The life of a modified page while it is written: off its list, pinned, and clean unless somebody stores to it. Common to the
 * modified and the mapped page writer. Environment: PFN lock; nothing here waits.
 */

/** Takes a page off the modified list for a write that begins now. */
export function beginPageWrite(mm: MemoryManager, frame: number): void {
  mm.lists.unlink(frame);
  mm.pfn.setReferenceCount(frame, 1);
  mm.pfn.setModified(frame, false);
  mm.pfn.setWriteInProgress(frame, true);
}

/**
 * MiWriteComplete: pages that were changed meanwhile or could not be written are modified still and lose their slot in the
 * paging file; others are clean now.
 */
export function endPageWrites(mm: MemoryManager, frames: readonly number[], status: NtStatus): void {
  const { pfn } = mm;
  for (const frame of frames) {
    pfn.setWriteInProgress(frame, false);
    if (status !== Status.SUCCESS) pfn.setModified(frame, true);
    if (pfn.isModified(frame)) releaseSlot(mm, frame);
    decrementReferenceCount(mm, frame);
  }
}
