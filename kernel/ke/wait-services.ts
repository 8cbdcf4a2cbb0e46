import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { ObjectHeader } from '../ob/object-header.js';
import { type Blocking, type NtStatus, ntStatus } from '../types.js';
import { type DispatcherObject, EventType, KEvent, KMutant, KSemaphore } from './dispatcher-object.js';
import { captureTimeout, SYNCHRONIZE, waitTarget } from './object-service.js';
import { Increment } from './priority.js';
import { type Service, service } from './service.js';
import { Mode, WaitReason } from './thread.js';

const MAXIMUM_WAIT_OBJECTS = 64;
const WAIT_ALL = 0;
const WAIT_ANY = 1;
const EVENT_MODIFY_STATE = 2;
const SEMAPHORE_MODIFY_STATE = 2;
const INVALID_PARAMETER_MIX = ntStatus(0xc0000030);
const NO_YIELD_PERFORMED = ntStatus(0x40000024);

/** Objects without a state of their own are always signaled (ObpDefaultObject). */
function targetOf(object: ObjectHeader): DispatcherObject {
  return waitTarget(object) ?? new KEvent(EventType.Notification, true);
}

const isAlertable = (value: number): boolean => (value & 0xff) !== 0;

function* waitForSingleObject(
  kernel: Kernel,
  handle: number,
  alertable: number,
  timeoutAddress: number,
): Blocking<NtStatus> {
  const captured = yield* captureTimeout(kernel, timeoutAddress);
  if (!isSuccess(captured.status)) return captured.status;
  const { status, object } = kernel.ob.referenceObjectByHandle(handle, null, SYNCHRONIZE);
  if (object === null) return status;
  return yield* waitAndDereference(kernel, object, isAlertable(alertable), captured.timeout);
}

function* waitAndDereference(
  kernel: Kernel,
  object: ObjectHeader,
  alertable: boolean,
  timeout: bigint | null,
): Blocking<NtStatus> {
  const result = yield* kernel.ke.waitForSingleObject(
    targetOf(object),
    WaitReason.UserRequest,
    Mode.User,
    alertable,
    timeout,
  );
  kernel.ob.dereferenceObject(object);
  return result;
}

function* waitForMultipleObjects(
  kernel: Kernel,
  count: number,
  handlesAddress: number,
  waitType: number,
  alertable: number,
  timeoutAddress: number,
): Blocking<NtStatus> {
  if (count === 0 || count > MAXIMUM_WAIT_OBJECTS) return Status.INVALID_PARAMETER_1;
  if (waitType !== WAIT_ALL && waitType !== WAIT_ANY) return Status.INVALID_PARAMETER_3;
  const captured = yield* captureTimeout(kernel, timeoutAddress);
  if (!isSuccess(captured.status)) return captured.status;
  const probed = yield* kernel.user.probeForRead(handlesAddress, count * 4, 4);
  if (!isSuccess(probed)) return probed;
  const objects: ObjectHeader[] = [];
  const release = (): void => {
    for (const object of objects) kernel.ob.dereferenceObject(object);
  };
  for (let index = 0; index < count; index++) {
    const handle = kernel.user.read32(handlesAddress + index * 4);
    const { status, object } = kernel.ob.referenceObjectByHandle(handle, null, SYNCHRONIZE);
    if (object === null) {
      release();
      return status;
    }
    objects.push(object);
  }
  const waitAll = waitType === WAIT_ALL;
  const targets = objects.map(targetOf);
  if (waitAll && new Set(targets).size !== targets.length) {
    release();
    return INVALID_PARAMETER_MIX;
  }
  const result = yield* kernel.ke.waitForMultipleObjects(
    targets,
    waitAll,
    WaitReason.UserRequest,
    Mode.User,
    isAlertable(alertable),
    captured.timeout,
  );
  release();
  return result;
}

function* delayExecution(kernel: Kernel, alertable: number, intervalAddress: number): Blocking<NtStatus> {
  if (intervalAddress === 0) return Status.ACCESS_VIOLATION;
  const captured = yield* captureTimeout(kernel, intervalAddress);
  if (captured.timeout === null) return captured.status;
  return yield* kernel.ke.delayExecution(Mode.User, isAlertable(alertable), captured.timeout);
}

function* yieldExecution(kernel: Kernel): Blocking<NtStatus> {
  return (yield* kernel.ke.yieldExecution()) ? Status.SUCCESS : NO_YIELD_PERFORMED;
}

/** Signals an event, a mutant or a semaphore as one step with the wait that follows. */
function* signalAndWait(
  kernel: Kernel,
  signalHandle: number,
  waitHandle: number,
  alertable: number,
  timeoutAddress: number,
): Blocking<NtStatus> {
  const captured = yield* captureTimeout(kernel, timeoutAddress);
  if (!isSuccess(captured.status)) return captured.status;
  const signal = kernel.ob.peekObjectByHandle(signalHandle, null, 0);
  if (signal.object === null) return signal.status;
  const wait = kernel.ob.referenceObjectByHandle(waitHandle, null, SYNCHRONIZE);
  if (wait.object === null) return wait.status;
  const status = signalObject(kernel, signalHandle, signal.object.body);
  if (!isSuccess(status)) {
    kernel.ob.dereferenceObject(wait.object);
    return status;
  }
  return yield* waitAndDereference(kernel, wait.object, isAlertable(alertable), captured.timeout);
}

function signalObject(kernel: Kernel, handle: number, body: unknown): NtStatus {
  const granted = kernel.ob.grantedAccess(handle);
  if (body instanceof KEvent) {
    if ((granted & EVENT_MODIFY_STATE) === 0) return Status.ACCESS_DENIED;
    kernel.ke.setEvent(body, Increment.Event);
    return Status.SUCCESS;
  }
  if (body instanceof KMutant) {
    return kernel.ke.releaseMutant(body, Increment.Mutant) === null ? Status.MUTANT_NOT_OWNED : Status.SUCCESS;
  }
  if (!(body instanceof KSemaphore)) return Status.OBJECT_TYPE_MISMATCH;
  if ((granted & SEMAPHORE_MODIFY_STATE) === 0) return Status.ACCESS_DENIED;
  const before = kernel.ke.releaseSemaphore(body, Increment.Semaphore, 1);
  return before < 0 ? Status.SEMAPHORE_LIMIT_EXCEEDED : Status.SUCCESS;
}

/** Waits on handles, and delays. */
export const waitServices: readonly Service[] = [
  service('NtWaitForSingleObject', waitForSingleObject),
  service('NtWaitForMultipleObjects', waitForMultipleObjects),
  service('NtWaitForMultipleObjects32', waitForMultipleObjects),
  service('NtSignalAndWaitForSingleObject', signalAndWait),
  service('NtDelayExecution', delayExecution),
  service('NtYieldExecution', yieldExecution),
];
