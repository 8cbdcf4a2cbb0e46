import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import { FaultOutcome, FIRST_FAILURE } from './fault-outcome.js';
import type { MemoryManager } from './memory-manager.js';
import { AvailableLimit } from './memory-thresholds.js';

/** Milliseconds before a fault that lacked a resource is taken again, and that a greedy real-time thread stands still. */
export const RETRY_DELAY = 10;
/** Pages above its minimum working set from which on a process is greedy. */
const GREEDY = 100;
const LOW_REALTIME_PRIORITY = 16;

/**
 * The tail of MmAccessFault (nt52.md 5.2): a fault that found no page is taken again a little later; and while memory is
 * short a real-time thread whose process has much lets others make pages available.
 * @returns MustWait with mm.faults.delay instead of the outcome, or the outcome
 */
export function waitAfterFault(mm: MemoryManager, outcome: FaultOutcome): FaultOutcome {
  if (outcome === FaultOutcome.NoMemory) return retryLater(mm);
  if (outcome >= FIRST_FAILURE || mm.lists.availablePages >= AvailableLimit.PlentyFree) return outcome;
  const thread = mm.environment.currentThread?.();
  if (thread === undefined || thread.priority < LOW_REALTIME_PRIORITY || thread.memoryMaker) return outcome;
  return mm.current.workingSetSize > mm.current.vm.minimum + GREEDY ? retryLater(mm) : outcome;
}

/** A resource was lacking: time passes, and the fault is taken again. */
export function retryLater(mm: MemoryManager): FaultOutcome {
  mm.faults.read = null;
  mm.faults.delay = RETRY_DELAY;
  mm.faults.commitment = 0;
  return FaultOutcome.MustWait;
}

/** The exception that a wait for paging which ended with this failure means: of a stack that could not grow, or of a page that cannot be read. */
export const exceptionAfterWait = (status: NtStatus): NtStatus =>
  status === Status.STACK_OVERFLOW || status === Status.GUARD_PAGE_VIOLATION ? status : Status.IN_PAGE_ERROR;
