import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { AvailableLimit } from './memory-thresholds.js';

/** Modified pages above the maximum, and pages that a process added to them, from which on it is slowed down. */
const EXCESS = 100;
const CONTRIBUTION = 16;
/** Milliseconds that a thread stands still, in the foreground and elsewhere. */
const FOREGROUND_DELAY = 30;
const BACKGROUND_DELAY = 500;
/** Base priority of a process in the foreground. */
const FOREGROUND_PRIORITY = 9;

/**
 * Processes that fill the modified list faster than the writer empties it are slowed down (nt52.md 5.2 C): true when the
 * running thread is to let mm.faults.delay milliseconds pass before its fault is looked at.
 */
export function isThrottled(mm: MemoryManager, space: AddressSpace): boolean {
  const { lists, thresholds } = mm;
  if (lists.availablePages >= AvailableLimit.Tight || space.modifiedPageCount <= CONTRIBUTION) return false;
  if (lists.modifiedPages < thresholds.modifiedPageMaximum + EXCESS) return false;
  space.modifiedPageCount = 0;
  const priority = mm.environment.currentThread?.().process.basePriority ?? 0;
  mm.faults.delay = priority >= FOREGROUND_PRIORITY ? FOREGROUND_DELAY : BACKGROUND_DELAY;
  mm.counters.throttledFaults++;
  return true;
}
