import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import type { Blocking, NtStatus } from '../types.js';
import { ntStatus } from '../types.js';

/** Seventy seconds in 100 ns units: a wait for pages that is longer means that none will ever come. */
const PAGE_WAIT = -700_000_000n;

/**
 * What the running thread does about a fault that has to wait (MiDispatchFault step 4): waits for the read, which it
 * completes when it began it, or for free pages. Then the instruction runs again.
 * @returns SUCCESS, or the status of a read that failed: an in-page error
 * Environment: the thread's own code; may block. mm.lastFault is read before the wait.
 */
export function* waitForPaging(kernel: Kernel): Blocking<NtStatus> {
  const { mm, ke } = kernel;
  const { read, startedRead, address, access } = mm.lastFault;
  if (read === null) {
    ke.resetEvent(mm.paging.pagesEvent);
    mm.signal(mm.paging.writerEvent);
    yield* ke.waitForSingleObject(mm.paging.pagesEvent, WaitReason.FreePage, Mode.Kernel, false, PAGE_WAIT);
    return ntStatus(0);
  }
  if (!read.isDone) yield* ke.waitForSingleObject(read.event, WaitReason.PageIn, Mode.Kernel, false, null);
  if (!startedRead) return ntStatus(0);
  mm.completePageRead(read, address, access);
  return read.status;
}
