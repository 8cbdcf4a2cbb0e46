import type { Thread } from './thread.js';

export const LOW_REALTIME_PRIORITY = 16;
export const HIGH_DYNAMIC_PRIORITY = 15;
export const HIGH_PRIORITY = 31;
/** Quantum units that a clock tick and a wait cost. */
const CLOCK_QUANTUM_DECREMENT = 3;
const WAIT_QUANTUM_DECREMENT = 1;
/** Threads of this base priority and above get a whole quantum after each wait. */
const TIME_CRITICAL_PRIORITY = 14;
/** Increments of this size and more put a thread at the end of its class's range, wherever that moves (Saturation). */
export const SATURATION_INCREMENT = 16;
/** What the owner of a lock that others wait for gets at the most, and for how many quantum units at least. */
const LOCK_OWNER_PRIORITY = 13;
const LOCK_OWNER_QUANTUM = 4;

/** Priority increments when a wait ends (nt52 11.8). */
export const Increment = {
  None: 0,
  Event: 1,
  Mutant: 1,
  Semaphore: 1,
  Disk: 1,
  NamedPipe: 2,
  Keyboard: 6,
  Timer: 0,
} as const;

/**
 * A wait ends: dynamic threads get a temporary boost, in a foreground process one of PsPrioritySeparation more, and pay one
 * quantum unit. A boost goes a level with each quantum; what the foreground added goes with the first. No boost comes on top of
 * one that goes as a whole.
 */
export function boostPriority(thread: Thread, increment: number): void {
  if (thread.priority >= LOW_REALTIME_PRIORITY) {
    thread.quantum = thread.process.quantumReset;
    return;
  }
  if (increment > 0 && thread.priorityDecrement === 0 && !thread.disableBoost) {
    const regular = thread.basePriority + increment;
    const boosted = Math.min(regular + thread.process.foregroundBoost, HIGH_DYNAMIC_PRIORITY);
    if (boosted > thread.priority) {
      thread.priorityDecrement = Math.max(0, boosted - regular);
      thread.priority = boosted;
    }
  }
  if (thread.basePriority >= TIME_CRITICAL_PRIORITY) {
    thread.quantum = thread.process.quantumReset;
    return;
  }
  thread.quantum -= WAIT_QUANTUM_DECREMENT;
  if (thread.quantum > 0) return;
  thread.quantum = thread.process.quantumReset;
  decayPriority(thread);
}

/**
 * A lock goes to a thread that waited for it (KeSetEventBoostPriority): it runs before the one that gave the lock, for one
 * quantum, so that it can give the lock back soon.
 */
export function boostLockOwner(thread: Thread, giverPriority: number): void {
  if (thread.disableBoost || thread.priority > giverPriority || thread.priority >= LOCK_OWNER_PRIORITY) return;
  const boosted = Math.min(giverPriority + 1, LOCK_OWNER_PRIORITY);
  thread.priorityDecrement += boosted - thread.priority;
  thread.priority = boosted;
  thread.quantum = Math.max(thread.quantum, LOCK_OWNER_QUANTUM);
}

/** A boost that goes as a whole at the end of a quantum of so many units. */
export function boostForOneQuantum(thread: Thread, priority: number, quantum: number): void {
  thread.priorityDecrement += priority - thread.priority;
  thread.priority = priority;
  thread.quantum = quantum;
}

/** One clock tick for a running thread. True when its quantum is used up: quantum and priority are new then. */
export function chargeQuantum(thread: Thread): boolean {
  thread.quantum -= CLOCK_QUANTUM_DECREMENT;
  if (thread.quantum > 0) return false;
  thread.quantum = thread.process.quantumReset;
  if (thread.priority < LOW_REALTIME_PRIORITY) decayPriority(thread);
  return true;
}

/** KiComputeNewPriority: one level less, and without what was to go as a whole, but not below the base priority. */
function decayPriority(thread: Thread): void {
  thread.priority = Math.max(thread.basePriority, thread.priority - thread.priorityDecrement - 1);
  thread.priorityDecrement = 0;
}

/** Base priority for an increment relative to the process, kept within the process's class. */
export function basePriorityFor(processBase: number, increment: number): number {
  const realtime = processBase >= LOW_REALTIME_PRIORITY;
  const lowest = realtime ? LOW_REALTIME_PRIORITY : 1;
  const highest = realtime ? HIGH_PRIORITY : HIGH_DYNAMIC_PRIORITY;
  if (increment >= SATURATION_INCREMENT) return highest;
  if (increment <= -SATURATION_INCREMENT) return lowest;
  return Math.min(highest, Math.max(lowest, processBase + increment));
}

/** A thread's increment relative to its process, 16 or -16 when it is saturated (KeQueryBasePriorityThread). */
export function priorityIncrement(thread: Thread): number {
  if (thread.saturation !== 0) return thread.saturation * SATURATION_INCREMENT;
  return thread.basePriority - thread.process.basePriority;
}
