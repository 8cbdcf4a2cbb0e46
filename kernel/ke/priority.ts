import type { Thread } from './thread.js';

export const LOW_REALTIME_PRIORITY = 16;
const HIGH_DYNAMIC_PRIORITY = 15;
const HIGH_PRIORITY = 31;
/** Quantum units that a clock tick and a wait cost. */
const CLOCK_QUANTUM_DECREMENT = 3;
const WAIT_QUANTUM_DECREMENT = 1;
/** Threads of this base priority and above get a whole quantum after each wait. */
const TIME_CRITICAL_PRIORITY = 14;
/** Increments of this size and more mean the end of the class's range (THREAD_BASE_PRIORITY_LOWRT). */
const SATURATION_INCREMENT = 15;

/** Priority increments when a wait ends (nt52 11.8). */
export const Increment = { None: 0, Event: 1, Mutant: 1, Semaphore: 1, Disk: 1, Keyboard: 6, Timer: 0 } as const;

/** A wait ends: dynamic threads get a temporary boost and pay one quantum unit. */
export function boostPriority(thread: Thread, increment: number): void {
  if (thread.priority >= LOW_REALTIME_PRIORITY) {
    thread.quantum = thread.process.quantumReset;
    return;
  }
  if (increment > 0 && thread.priorityDecrement === 0 && !thread.disableBoost) {
    const boosted = Math.min(thread.basePriority + increment, HIGH_DYNAMIC_PRIORITY);
    if (boosted > thread.priority) {
      thread.priorityDecrement = boosted - thread.basePriority;
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

/** One clock tick for a running thread. True when its quantum is used up: quantum and priority are new then. */
export function chargeQuantum(thread: Thread): boolean {
  thread.quantum -= CLOCK_QUANTUM_DECREMENT;
  if (thread.quantum > 0) return false;
  thread.quantum = thread.process.quantumReset;
  if (thread.priority < LOW_REALTIME_PRIORITY) decayPriority(thread);
  return true;
}

/** A boost fades by one level. */
function decayPriority(thread: Thread): void {
  if (thread.priorityDecrement === 0) return;
  thread.priorityDecrement--;
  thread.priority = Math.max(thread.basePriority, thread.priority - 1);
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
