import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import { type Blocking, type NtStatus, ntStatus } from '../types.js';
import { waitForCommitment } from './dereference-thread.js';
import { type FaultAccess, FaultOutcome } from './fault-outcome.js';
import { noPagesAvailable, obtainFreePages, PAGE_WAIT } from './free-pages.js';
import { growStack } from './guard-page.js';
import { faultStatus } from './memory-manager.js';
import { READ_RETRY_DELAY } from './page-read.js';
import type { PageRead } from './paging.js';

/** Relative timeouts are negative, in 100 ns units. */
const PAGE_WAIT_TIMEOUT = BigInt(-PAGE_WAIT / 100);
const READ_RETRY_TIMEOUT = BigInt(-READ_RETRY_DELAY / 100);
const MILLISECOND = -10_000;

/**
 * What the running thread does about a fault that has to wait (MiDispatchFault step 4): waits for the read, which it
 * completes when it began it, for free pages, or for time to pass. Then the instruction runs again.
 * @returns SUCCESS, STACK_OVERFLOW or GUARD_PAGE_VIOLATION, or the status of a read that failed: an in-page error
 * Environment: the thread's own code; may block. mm.lastFault is read before the wait.
 */
export function* waitForPaging(kernel: Kernel): Blocking<NtStatus> {
  const { mm, ke } = kernel;
  const { read, delay, commitment } = mm.lastFault;
  if (read !== null) return yield* waitForRead(kernel, read);
  if (commitment > 0) return yield* growStackWaiting(kernel, commitment);
  if (delay > 0) yield* ke.delayExecution(Mode.Kernel, false, BigInt(delay * MILLISECOND));
  else yield* waitForPages(kernel);
  return Status.SUCCESS;
}

/** MiCheckForUserStackOverflow, whose commitment needs a larger paging file: STACK_OVERFLOW when it is not to be had. */
function* growStackWaiting(kernel: Kernel, pages: number): Blocking<NtStatus> {
  const { mm } = kernel;
  const { address } = mm.lastFault;
  yield* waitForCommitment(kernel, pages);
  const outcome = growStack(mm, mm.current, address, false);
  return outcome === FaultOutcome.StackGrowth ? Status.SUCCESS : ntStatus(faultStatus(outcome));
}

/**
 * Special kernel APCs may run in the wait; one that comes upon the page which is being read has its work done when the last of the
 * thread's faults is over (IoRetryIrpCompletions).
 */
function* waitForRead(kernel: Kernel, read: PageRead): Blocking<NtStatus> {
  const { mm, ke } = kernel;
  const { startedRead, address, access } = mm.lastFault;
  const thread = ke.currentThread;
  thread.nestedFaults++;
  if (!read.isDone) yield* ke.waitForSingleObject(read.event, WaitReason.PageIn, Mode.Kernel, false, null);
  const status = yield* completeRead(kernel, read, startedRead, address, access);
  thread.nestedFaults--;
  if (!thread.apcNeeded || thread.nestedFaults > 0) return status;
  thread.apcNeeded = false;
  kernel.io.retryCompletions(thread);
  return status;
}

function* completeRead(
  kernel: Kernel,
  read: PageRead,
  startedRead: boolean,
  address: number,
  access: FaultAccess,
): Blocking<NtStatus> {
  const { mm, ke } = kernel;
  if (!startedRead) return Status.SUCCESS;
  mm.completePageRead(read, address, access);
  if (!read.mustRetry) return read.status;
  yield* ke.delayExecution(Mode.Kernel, false, READ_RETRY_TIMEOUT);
  return Status.SUCCESS;
}

/**
 * Waits until 128 pages are available, 2 for threads that make memory. When none come for 70 seconds there is no help any
 * more: bugcheck NO_PAGES_AVAILABLE.
 */
function* waitForPages(kernel: Kernel): Blocking<void> {
  const { mm, ke } = kernel;
  const event = ke.currentThread.memoryMaker ? mm.available.low : mm.available.high;
  obtainFreePages(mm);
  const status = yield* ke.waitForSingleObject(event, WaitReason.FreePage, Mode.Kernel, false, PAGE_WAIT_TIMEOUT);
  if (status === Status.TIMEOUT) noPagesAvailable(mm);
}
