import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { KSemaphore } from './dispatcher-object.js';
import type { Timeout } from './kernel-executive.js';
import { captureTimeout, createObjectService, openObjectService } from './object-service.js';
import type { Process } from './process.js';
import { type Service, service } from './service.js';
import { Mode, WaitReason } from './thread.js';

const KEYEDEVENT_WAIT = 1;
const KEYEDEVENT_WAKE = 2;

/** A thread that waits or releases, until its partner comes. */
interface Partner {
  readonly process: Process;
  readonly key: number;
  readonly releasing: boolean;
  readonly semaphore: KSemaphore;
}

/** A keyed event: waiters and releasers of the same process and key meet one to one. */
class KeyedEvent {
  readonly partners: Partner[] = [];
}

function* meet(
  kernel: Kernel,
  event: KeyedEvent,
  key: number,
  releasing: boolean,
  alertable: boolean,
  timeout: Timeout | null,
): Blocking<NtStatus> {
  const process = kernel.ke.currentProcess;
  const { partners } = event;
  const found = partners.findIndex((p) => p.process === process && p.key === key && p.releasing !== releasing);
  if (found >= 0) {
    const [partner] = partners.splice(found, 1);
    kernel.ke.releaseSemaphore(partner.semaphore, 1, 1);
    return Status.SUCCESS;
  }
  const self: Partner = { process, key, releasing, semaphore: new KSemaphore(0, 1) };
  partners.push(self);
  const status = yield* kernel.ke.waitForSingleObject(
    self.semaphore,
    WaitReason.KeyedEvent,
    Mode.User,
    alertable,
    timeout,
  );
  const place = partners.indexOf(self);
  if (place >= 0) partners.splice(place, 1);
  return status;
}

function* keyedEventService(
  kernel: Kernel,
  handle: number,
  key: number,
  alertable: number,
  timeoutAddress: number,
  releasing: boolean,
): Blocking<NtStatus> {
  if ((key & 1) !== 0) return Status.INVALID_PARAMETER_1;
  const captured = yield* captureTimeout(kernel, timeoutAddress);
  if (!isSuccess(captured.status)) return captured.status;
  const access = releasing ? KEYEDEVENT_WAKE : KEYEDEVENT_WAIT;
  const { status, object } = kernel.ob.referenceObjectByHandle(handle, kernel.ob.types.keyedEvent, access);
  if (object === null) return status;
  const { body } = object;
  const result =
    body instanceof KeyedEvent
      ? yield* meet(kernel, body, key, releasing, (alertable & 0xff) !== 0, captured.timeout)
      : Status.OBJECT_TYPE_MISMATCH;
  kernel.ob.dereferenceObject(object);
  return result;
}

/** Keyed events, on which ntdll's critical sections fall back when they cannot have an event of their own. */
export const keyedEventServices: readonly Service[] = [
  service('NtCreateKeyedEvent', function* (kernel, handleAddress, access, attributes, flags) {
    if (flags !== 0) return Status.INVALID_PARAMETER_4;
    const { keyedEvent } = kernel.ob.types;
    return yield* createObjectService(kernel, keyedEvent, handleAddress, access, attributes, () => new KeyedEvent());
  }),
  service('NtOpenKeyedEvent', (kernel, handleAddress, access, attributes) =>
    openObjectService(kernel, kernel.ob.types.keyedEvent, handleAddress, access, attributes),
  ),
  service('NtWaitForKeyedEvent', (kernel, handle, key, alertable, timeout) =>
    keyedEventService(kernel, handle, key, alertable, timeout, false),
  ),
  service('NtReleaseKeyedEvent', (kernel, handle, key, alertable, timeout) =>
    keyedEventService(kernel, handle, key, alertable, timeout, true),
  ),
];
