import { Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { flushApcs } from './apc.js';
import type { Dispatcher } from './dispatcher.js';
import { abandonMutants, signalObject } from './dispatcher-routines.js';
import { basePriorityFor, LOW_REALTIME_PRIORITY } from './priority.js';
import type { Process } from './process.js';
import { Mode, Thread, ThreadState } from './thread.js';

/** Makes a thread that runs `body` in kernel mode and ends with it (PsCreateSystemThread); it is ready at once. */
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
  dispatcher.readyThread(thread);
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
  thread.state = ThreadState.Terminated;
  signalObject(dispatcher, thread, 0);
  if (process.threads.length === 0) signalObject(dispatcher, process, 0);
  for (;;) yield;
}

/** Sets a thread's priority now (KeSetPriorityThread); a ready thread changes its queue. */
export function setPriority(dispatcher: Dispatcher, thread: Thread, priority: number): void {
  thread.quantum = thread.process.quantumReset;
  if (priority === thread.priority) return;
  if (thread.state !== ThreadState.Ready) {
    thread.priority = priority;
    return;
  }
  dispatcher.ready.remove(thread);
  thread.priority = priority;
  dispatcher.readyThread(thread);
}

/** Sets the base priority relative to the process (KeSetBasePriorityThread). Previous increment. */
export function setBasePriority(dispatcher: Dispatcher, thread: Thread, increment: number): number {
  const before = thread.basePriority - thread.process.basePriority;
  thread.basePriority = basePriorityFor(thread.process.basePriority, increment);
  thread.priorityDecrement = 0;
  setPriority(dispatcher, thread, thread.basePriority);
  return before;
}

/** Moves a process and all its threads to another base priority; their increments stay (KeSetPriorityProcess). */
export function setProcessPriority(dispatcher: Dispatcher, process: Process, basePriority: number): void {
  const difference = basePriority - process.basePriority;
  process.basePriority = basePriority;
  for (const thread of process.threads) {
    const realtime = basePriority >= LOW_REALTIME_PRIORITY;
    const moved = thread.basePriority + difference;
    thread.basePriority = Math.min(realtime ? 31 : 15, Math.max(realtime ? 16 : 1, moved));
    thread.priorityDecrement = 0;
    setPriority(dispatcher, thread, thread.basePriority);
  }
}
