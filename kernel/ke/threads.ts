import { Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { flushApcs } from './apc.js';
import type { Dispatcher } from './dispatcher.js';
import { abandonMutants, signalObject } from './dispatcher-routines.js';
import {
  basePriorityFor,
  HIGH_DYNAMIC_PRIORITY,
  LOW_REALTIME_PRIORITY,
  priorityIncrement,
  SATURATION_INCREMENT,
} from './priority.js';
import type { Process } from './process.js';
import { Mode, Thread, ThreadState, WaitReason } from './thread.js';

/** Makes a thread that runs `body` in kernel mode and ends with it, in state Initialized. */
export function createSystemThread(
  dispatcher: Dispatcher,
  process: Process,
  uniqueThreadId: number,
  priority: number,
  body: (thread: Thread) => Blocking<void>,
): Thread {
  const thread = new Thread(process, uniqueThreadId, priority, Mode.Kernel);
  process.threads.push(thread);
  thread.activity = systemThreadActivity(dispatcher, thread, body);
  return thread;
}

function* systemThreadActivity(
  dispatcher: Dispatcher,
  thread: Thread,
  body: (thread: Thread) => Blocking<void>,
): Blocking<void> {
  yield* body(thread);
  yield* terminateCurrentThread(dispatcher, Status.SUCCESS);
}

/**
 * Ends the current thread (KeTerminateThread): APCs are run down, owned mutants abandoned, waiters satisfied; the process is
 * signaled with its last thread. Never returns.
 */
export function* terminateCurrentThread(dispatcher: Dispatcher, exitStatus: NtStatus): Blocking<never> {
  const thread = dispatcher.current;
  const process = thread.process;
  thread.apcQueueable = false;
  thread.exitStatus = exitStatus;
  flushApcs(thread);
  abandonMutants(dispatcher, thread);
  const index = process.threads.indexOf(thread);
  if (index >= 0) process.threads.splice(index, 1);
  process.userTime += Math.floor(thread.userNanoseconds / 100);
  thread.waitReason = WaitReason.Terminated;
  dispatcher.setState(thread, ThreadState.Terminated);
  signalObject(dispatcher, thread, 0);
  if (process.threads.length === 0) signalObject(dispatcher, process, 0);
  for (;;) yield;
}

/** Sets a thread's priority now (KeSetPriorityThread): a whole quantum, no boost left. */
export function setPriority(dispatcher: Dispatcher, thread: Thread, priority: number): void {
  thread.quantum = thread.process.quantumReset;
  thread.priorityDecrement = 0;
  if (priority !== thread.priority) dispatcher.setPriority(thread, priority);
}

/** A temporary boost of a thread that runs on no other (KeBoostPriorityThread); it goes a level with each quantum. Real-time threads get none. */
export function boostThread(dispatcher: Dispatcher, thread: Thread, increment: number): void {
  if (thread.priority >= LOW_REALTIME_PRIORITY || thread.priorityDecrement !== 0) return;
  const boosted = Math.min(thread.priority + increment, HIGH_DYNAMIC_PRIORITY);
  if (boosted <= thread.priority) return;
  thread.quantum = thread.process.quantumReset;
  dispatcher.setPriority(thread, boosted);
}

/**
 * Sets the base priority relative to the process (KeSetBasePriorityThread); 16 and -16 saturate: the thread goes to the end of
 * its process's class and stays there. Previous increment.
 */
export function setBasePriority(dispatcher: Dispatcher, thread: Thread, increment: number): number {
  const before = priorityIncrement(thread);
  thread.saturation = Math.abs(increment) < SATURATION_INCREMENT ? 0 : Math.sign(increment);
  thread.basePriority = basePriorityFor(thread.process.basePriority, increment);
  setPriority(dispatcher, thread, thread.basePriority);
  return before;
}

/** Moves a process and all its threads to another base priority; their increments stay (KeSetPriorityProcess). */
export function setProcessPriority(dispatcher: Dispatcher, process: Process, basePriority: number): void {
  const increments = process.threads.map(priorityIncrement);
  process.basePriority = basePriority;
  process.threads.forEach((thread, index) => {
    thread.basePriority = basePriorityFor(basePriority, increments[index]);
    setPriority(dispatcher, thread, thread.basePriority);
  });
}
