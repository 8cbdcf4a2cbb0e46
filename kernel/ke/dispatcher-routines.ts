import { acquireMutant, type Dispatcher } from './dispatcher.js';
import type { DispatcherObject, KEvent, KMutant, KSemaphore, KTimer } from './dispatcher-object.js';
import type { Timeout } from './kernel-executive.js';
import { Increment } from './priority.js';
import type { Thread } from './thread.js';
import { dueTimeOf } from './wait.js';

/** Signals an event (KeSetEvent). Previous state. */
export function setEvent(dispatcher: Dispatcher, event: KEvent, increment: number): number {
  const before = event.signalState;
  event.signalState = 1;
  if (before === 0) dispatcher.waitTest(event, increment);
  return before;
}

/** Gives a synchronization event to its first waiter, with the boost of a lock's owner, or leaves it signaled. */
export function setEventBoostPriority(dispatcher: Dispatcher, event: KEvent): void {
  if (!dispatcher.giveLock(event)) setEvent(dispatcher, event, Increment.Event);
}

/** Previous state (KeResetEvent). */
export function resetEvent(event: KEvent): number {
  const before = event.signalState;
  event.signalState = 0;
  return before;
}

/** Lets the present waiters go (one for a synchronization event) and leaves the event reset. Previous state. */
export function pulseEvent(dispatcher: Dispatcher, event: KEvent, increment: number): number {
  const before = event.signalState;
  event.signalState = 1;
  if (before === 0) dispatcher.waitTest(event, increment);
  event.signalState = 0;
  return before;
}

/** Adds to a semaphore's count (KeReleaseSemaphore). Previous count; -1: the limit would be passed, nothing changed. */
export function releaseSemaphore(
  dispatcher: Dispatcher,
  semaphore: KSemaphore,
  increment: number,
  adjustment: number,
): number {
  const before = semaphore.signalState;
  if (adjustment <= 0 || before + adjustment > semaphore.limit) return -1;
  semaphore.signalState = before + adjustment;
  if (before === 0) dispatcher.waitTest(semaphore, increment);
  return before;
}

/** Gives a mutant back once (KeReleaseMutant). Previous signal state; null when the thread is not its owner. */
export function releaseMutant(
  dispatcher: Dispatcher,
  mutant: KMutant,
  thread: Thread,
  increment: number,
): number | null {
  if (mutant.owner !== thread) return null;
  const before = mutant.signalState;
  mutant.signalState++;
  if (mutant.signalState === 1) freeMutant(dispatcher, mutant, increment);
  return before;
}

/** The thread owns the mutant from its creation. */
export function acquireNewMutant(mutant: KMutant, thread: Thread): void {
  acquireMutant(mutant, thread);
}

/** The owner ends: its mutants go to their next waiters, which learn that they were abandoned. */
export function abandonMutants(dispatcher: Dispatcher, thread: Thread): void {
  for (const mutant of [...thread.ownedMutants]) {
    mutant.abandoned = true;
    mutant.signalState = 1;
    freeMutant(dispatcher, mutant, 0);
  }
}

function freeMutant(dispatcher: Dispatcher, mutant: KMutant, increment: number): void {
  mutant.owner?.ownedMutants.delete(mutant);
  mutant.owner = null;
  dispatcher.waitTest(mutant, increment);
}

/**
 * Starts a timer anew (KeSetTimerEx). One whose time is over already expires at once. True when it was in the queue.
 * @param period milliseconds between later expirations, 0 for one shot
 */
export function setTimer(
  dispatcher: Dispatcher,
  timer: KTimer,
  dueTime: Timeout,
  period: number,
  onExpire: (() => void) | null,
): boolean {
  const inserted = cancelTimer(dispatcher, timer);
  timer.signalState = 0;
  timer.period = period;
  timer.expirationTick = -1;
  timer.onExpire = onExpire;
  timer.absolute = dueTime > 0n;
  timer.dueTime = dueTimeOf(dispatcher, dueTime);
  if (timer.dueTime <= dispatcher.clock.interruptTime) dispatcher.expire(timer);
  else dispatcher.timersOf(timer).insert(timer);
  return inserted;
}

/** Takes a timer out of the queue; its state stays. True when it was there. */
export function cancelTimer(dispatcher: Dispatcher, timer: KTimer): boolean {
  if (!timer.inserted) return false;
  dispatcher.timersOf(timer).remove(timer);
  return true;
}

/** Signals a process or thread object for good. */
export function signalObject(dispatcher: Dispatcher, object: DispatcherObject, increment: number): void {
  object.signalState = 1;
  dispatcher.waitTest(object, increment);
}
