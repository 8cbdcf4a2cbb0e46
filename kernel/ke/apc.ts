import { Status } from '../ntstatus.js';
import type { Blocking } from '../types.js';
import type { Apc, ApcState } from './apc-state.js';
import { type Dispatcher, KERNEL_APC } from './dispatcher.js';
import type { ApcParameters } from './kernel-executive.js';
import { MAXIMUM_SUSPEND_COUNT, Mode, type Thread, ThreadState, WaitReason } from './thread.js';
import { waitForSingleObject } from './wait.js';

/** Queues an APC to a thread (KeInsertQueueApc) and ends the wait that it interrupts. False: the thread takes none. */
export function queueApc(dispatcher: Dispatcher, thread: Thread, parameters: ApcParameters): boolean {
  if (!thread.apcQueueable) return false;
  const apc: Apc = {
    mode: parameters.mode,
    kernelRoutine: parameters.kernelRoutine ?? null,
    normalRoutine: parameters.normalRoutine ?? null,
    normalContext: parameters.normalContext ?? 0,
    argument1: parameters.argument1 ?? 0,
    argument2: parameters.argument2 ?? 0,
    rundown: parameters.rundown ?? null,
    contextAsNormalContext: parameters.contextAsNormalContext ?? false,
    inserted: true,
  };
  const state = homeState(thread);
  if (apc.mode === Mode.User) queueUserApc(dispatcher, thread, state, apc, parameters.terminate ?? false);
  else queueKernelApc(dispatcher, thread, state, apc);
  return true;
}

function homeState(thread: Thread): ApcState {
  return thread.savedApcState ?? thread.apcState;
}

function queueUserApc(dispatcher: Dispatcher, thread: Thread, state: ApcState, apc: Apc, terminate: boolean): void {
  if (terminate) {
    state.userQueue.unshift(apc);
    state.userApcPending = true;
  } else {
    state.userQueue.push(apc);
  }
  if (thread.state !== ThreadState.Waiting || thread.waitMode !== Mode.User) return;
  if (!thread.alertable && !state.userApcPending) return;
  state.userApcPending = true;
  dispatcher.unwait(thread, Status.USER_APC, 0);
}

function queueKernelApc(dispatcher: Dispatcher, thread: Thread, state: ApcState, apc: Apc): void {
  if (apc.normalRoutine === null) {
    const firstNormal = state.kernelQueue.findIndex((other) => other.normalRoutine !== null);
    state.kernelQueue.splice(firstNormal < 0 ? state.kernelQueue.length : firstNormal, 0, apc);
  } else {
    state.kernelQueue.push(apc);
  }
  if (thread.state === ThreadState.Waiting && hasDeliverableKernelApc(thread)) dispatcher.unwait(thread, KERNEL_APC, 0);
}

/** True when deliverKernelApcs would run something now: a special APC, or a normal one while none is in progress. */
export function hasDeliverableKernelApc(thread: Thread): boolean {
  const { kernelQueue, kernelApcInProgress } = thread.apcState;
  if (kernelQueue.length === 0) return false;
  return kernelQueue[0].normalRoutine === null || (!kernelApcInProgress && thread.kernelApcDisable === 0);
}

/** Runs the current thread's kernel APCs (KiDeliverApc in kernel mode). May block. */
export function* deliverKernelApcs(dispatcher: Dispatcher, thread: Thread): Blocking<void> {
  while (hasDeliverableKernelApc(thread)) {
    const state = thread.apcState;
    const apc = state.kernelQueue.shift();
    if (apc === undefined) return;
    apc.inserted = false;
    dispatcher.counters.apcsDelivered++;
    const kernelWork = apc.kernelRoutine?.(thread, apc);
    if (kernelWork) yield* kernelWork;
    if (typeof apc.normalRoutine !== 'function') continue;
    state.kernelApcInProgress = true;
    yield* apc.normalRoutine(thread, apc);
    state.kernelApcInProgress = false;
  }
}

/** Takes the next user APC that is to be delivered, null when none is pending. */
export function takeUserApc(thread: Thread): Apc | null {
  thread.apcState.userApcPending = false;
  const apc = thread.apcState.userQueue.shift() ?? null;
  if (apc !== null) apc.inserted = false;
  return apc;
}

/** Empties both queues of a thread that takes no more APCs; rundown routines run. */
export function flushApcs(thread: Thread): readonly Apc[] {
  const state = homeState(thread);
  const all = [...state.userQueue.splice(0), ...state.kernelQueue.splice(0)];
  for (const apc of all) {
    apc.inserted = false;
    apc.rundown?.();
  }
  return all;
}

/** KeTestAlertThread: consumes an alert; otherwise lets queued user APCs come at the next return to user mode. */
export function testAlert(thread: Thread, mode: Mode): boolean {
  if (thread.alerted[mode]) {
    thread.alerted[mode] = false;
    return true;
  }
  if (mode === Mode.User && thread.apcState.userQueue.length > 0) thread.apcState.userApcPending = true;
  return false;
}

/** Alerts a thread: an alertable wait ends with ALERTED, otherwise the alert is remembered. Previous alert state. */
export function alertThread(dispatcher: Dispatcher, thread: Thread, mode: Mode): boolean {
  const before = thread.alerted[mode];
  if (before) return true;
  const interrupts =
    thread.state === ThreadState.Waiting && thread.alertable && (mode === Mode.Kernel || thread.waitMode === mode);
  if (interrupts) dispatcher.unwait(thread, Status.ALERTED, 2);
  else thread.alerted[mode] = true;
  return false;
}

/** Raises the suspend count; the thread stops when it next may take a kernel APC. Previous count, -1 past 127. */
export function suspendThread(dispatcher: Dispatcher, thread: Thread): number {
  const before = thread.suspendCount;
  if (before >= MAXIMUM_SUSPEND_COUNT) return -1;
  if (!thread.apcQueueable) return before;
  thread.suspendCount++;
  if (before !== 0) return before;
  if (thread.suspendApcQueued) {
    thread.suspendSemaphore.signalState--;
    return before;
  }
  thread.suspendApcQueued = true;
  queueApc(dispatcher, thread, {
    mode: Mode.Kernel,
    *normalRoutine() {
      thread.suspendApcQueued = false;
      yield* waitForSingleObject(dispatcher, thread.suspendSemaphore, {
        reason: WaitReason.Suspended,
        mode: Mode.Kernel,
        alertable: false,
        timeout: null,
      });
    },
  });
  return before;
}

/** Lowers the suspend count; at zero the thread goes on. Previous count. */
export function resumeThread(dispatcher: Dispatcher, thread: Thread): number {
  const before = thread.suspendCount;
  if (before === 0) return 0;
  thread.suspendCount--;
  if (thread.suspendCount === 0) releaseSuspended(dispatcher, thread);
  return before;
}

/** Resumes a thread whatever its count, for its termination. */
export function forceResumeThread(dispatcher: Dispatcher, thread: Thread): void {
  if (thread.suspendCount === 0) return;
  thread.suspendCount = 0;
  releaseSuspended(dispatcher, thread);
}

function releaseSuspended(dispatcher: Dispatcher, thread: Thread): void {
  thread.suspendSemaphore.signalState++;
  dispatcher.waitTest(thread.suspendSemaphore, 0);
}
