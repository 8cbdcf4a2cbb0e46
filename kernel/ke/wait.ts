import { Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { deliverKernelApcs, hasDeliverableKernelApc } from './apc.js';
import { type Dispatcher, isSignaledFor, KERNEL_APC } from './dispatcher.js';
import { type DispatcherObject, WaitBlock, WaitType } from './dispatcher-object.js';
import type { Timeout } from './kernel-executive.js';
import { Mode, type Thread, ThreadState, type WaitReason } from './thread.js';

/** How a wait is to be done. */
export interface WaitParameters {
  readonly reason: WaitReason;
  readonly mode: Mode;
  readonly alertable: boolean;
  /** 100 ns units, see Timeout; null waits for ever. */
  readonly timeout: Timeout | null;
}

/** End of a wait as interrupt time. */
interface Deadline {
  readonly dueTime: number;
  readonly absolute: boolean;
  /** The timeout was zero: test the objects and do not wait. */
  readonly immediate: boolean;
}

/** Interrupt time at which a timeout is over. */
export function dueTimeOf(dispatcher: Dispatcher, timeout: Timeout): number {
  if (timeout > 0n) return dispatcher.clock.interruptTimeOf(timeout);
  return dispatcher.clock.interruptTime - Number(timeout);
}

function deadlineOf(dispatcher: Dispatcher, timeout: Timeout | null): Deadline | null {
  if (timeout === null) return null;
  return { dueTime: dueTimeOf(dispatcher, timeout), absolute: timeout > 0n, immediate: timeout === 0n };
}

/**
 * Waits until an object is signaled (KeWaitForSingleObject). SUCCESS, ABANDONED_WAIT_0, TIMEOUT, ALERTED, USER_APC.
 * Environment: a thread's own code, IRQL <= APC_LEVEL; may block.
 */
export function* waitForSingleObject(
  dispatcher: Dispatcher,
  object: DispatcherObject,
  parameters: WaitParameters,
): Blocking<NtStatus> {
  const thread = dispatcher.current;
  const deadline = deadlineOf(dispatcher, parameters.timeout);
  for (;;) {
    if (isSignaledFor(object, thread)) return dispatcher.satisfy(object, thread, 0);
    const status = alertStatus(thread, parameters) ?? expiredStatus(dispatcher, deadline);
    if (status !== null) return status;
    const block = thread.waitBlocks[0];
    block.waitType = WaitType.Any;
    block.waitKey = 0;
    object.enlist(block);
    thread.waitCount = 1;
    yield* blockThread(dispatcher, thread, parameters, deadline);
    if (thread.waitStatus !== KERNEL_APC) return thread.waitStatus;
    yield* deliverKernelApcs(dispatcher, thread);
  }
}

/**
 * Waits until one or all of up to 64 objects are signaled (KeWaitForMultipleObjects). The status of a wait for any is the
 * index of the object, or ABANDONED_WAIT_0 + index. A wait for all takes nothing until it can take everything.
 */
export function* waitForMultipleObjects(
  dispatcher: Dispatcher,
  objects: readonly DispatcherObject[],
  waitAll: boolean,
  parameters: WaitParameters,
): Blocking<NtStatus> {
  const thread = dispatcher.current;
  const deadline = deadlineOf(dispatcher, parameters.timeout);
  for (;;) {
    if (!waitAll) {
      const index = objects.findIndex((object) => isSignaledFor(object, thread));
      if (index >= 0) return dispatcher.satisfy(objects[index], thread, index);
    }
    enlistAll(thread, objects, waitAll);
    if (waitAll && objects.every((object) => isSignaledFor(object, thread))) {
      const taken = dispatcher.satisfyAll(thread);
      dispatcher.clearWait(thread);
      return taken;
    }
    const status = alertStatus(thread, parameters) ?? expiredStatus(dispatcher, deadline);
    if (status !== null) {
      dispatcher.clearWait(thread);
      return status;
    }
    yield* blockThread(dispatcher, thread, parameters, deadline);
    if (thread.waitStatus !== KERNEL_APC) return thread.waitStatus;
    yield* deliverKernelApcs(dispatcher, thread);
  }
}

/** Waits for time to pass alone (KeDelayExecutionThread). SUCCESS when it did, ALERTED, USER_APC. */
export function* delayExecution(
  dispatcher: Dispatcher,
  mode: Mode,
  alertable: boolean,
  timeout: Timeout,
  reason: WaitReason,
): Blocking<NtStatus> {
  const thread = dispatcher.current;
  const parameters: WaitParameters = { reason, mode, alertable, timeout };
  const deadline = deadlineOf(dispatcher, timeout);
  for (;;) {
    const alert = alertStatus(thread, parameters);
    if (alert !== null) return alert;
    if (deadline?.immediate) {
      yield* yieldExecution(dispatcher);
      return Status.SUCCESS;
    }
    if (expiredStatus(dispatcher, deadline) !== null) return Status.SUCCESS;
    thread.waitCount = 0;
    yield* blockThread(dispatcher, thread, parameters, deadline);
    if (thread.waitStatus === Status.TIMEOUT) return Status.SUCCESS;
    if (thread.waitStatus !== KERNEL_APC) return thread.waitStatus;
    yield* deliverKernelApcs(dispatcher, thread);
  }
}

/** Lets the other ready threads of at least this priority run once; false when there is none. */
export function* yieldExecution(dispatcher: Dispatcher): Blocking<boolean> {
  if (!dispatcher.yieldProcessor()) return false;
  yield;
  return true;
}

/**
 * The machine stands still until the host is asked again: no time passes, and no other thread runs, just as while a host that blocks
 * is waited for. The run ends with `waiting`.
 */
export function* awaitHost(dispatcher: Dispatcher): Blocking<void> {
  dispatcher.hostAwaited = true;
  yield;
}

/** Gives up the processor until unwait(); the wait blocks are in their lists already. */
function* blockThread(
  dispatcher: Dispatcher,
  thread: Thread,
  parameters: WaitParameters,
  deadline: Deadline | null,
): Blocking<void> {
  thread.waitReason = parameters.reason;
  thread.waitTime = dispatcher.clock.ticks;
  thread.waitMode = parameters.mode;
  thread.alertable = parameters.alertable;
  if (hasDeliverableKernelApc(thread)) {
    dispatcher.clearWait(thread);
    thread.waitStatus = KERNEL_APC;
    return;
  }
  if (deadline !== null) dispatcher.armWaitTimer(thread, deadline.dueTime, deadline.absolute);
  dispatcher.setState(thread, ThreadState.Waiting);
  yield;
}

function enlistAll(thread: Thread, objects: readonly DispatcherObject[], waitAll: boolean): void {
  while (thread.waitBlocks.length < objects.length) thread.waitBlocks.push(new WaitBlock(thread));
  for (let index = 0; index < objects.length; index++) {
    const block = thread.waitBlocks[index];
    block.waitType = waitAll ? WaitType.All : WaitType.Any;
    block.waitKey = index;
    objects[index].enlist(block);
  }
  thread.waitCount = objects.length;
}

function expiredStatus(dispatcher: Dispatcher, deadline: Deadline | null): NtStatus | null {
  if (deadline === null) return null;
  return deadline.immediate || deadline.dueTime <= dispatcher.clock.interruptTime ? Status.TIMEOUT : null;
}

/** What ends a wait before it begins: an alert, or a user APC for a wait in user mode (TestForAlertPending). */
function alertStatus(thread: Thread, parameters: WaitParameters): NtStatus | null {
  const { mode, alertable } = parameters;
  if (!alertable) return mode === Mode.User && thread.apcState.userApcPending ? Status.USER_APC : null;
  if (thread.alerted[mode]) {
    thread.alerted[mode] = false;
    return Status.ALERTED;
  }
  if (mode === Mode.User && thread.apcState.userQueue.length > 0) {
    thread.apcState.userApcPending = true;
    return Status.USER_APC;
  }
  if (thread.alerted[Mode.Kernel]) {
    thread.alerted[Mode.Kernel] = false;
    return Status.ALERTED;
  }
  return null;
}
