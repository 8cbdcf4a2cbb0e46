import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { DispatcherType, EventType, KEvent } from './dispatcher-object.js';
import { createObjectService, openObjectService, probeOptional, queryObjectService } from './object-service.js';
import { Increment } from './priority.js';
import { type Service, service } from './service.js';

const EVENT_MODIFY_STATE = 2;

/** Does something to the event behind a handle and stores the previous state. */
function* changeEvent(
  kernel: Kernel,
  handle: number,
  previousState: number,
  change: (event: KEvent) => number,
): Blocking<NtStatus> {
  const probed = yield* probeOptional(kernel, previousState, 4);
  if (!isSuccess(probed)) return probed;
  const { status, object } = kernel.ob.peekObjectByHandle(handle, kernel.ob.types.event, EVENT_MODIFY_STATE);
  if (object === null) return status;
  const before = change(object.body);
  if (previousState !== 0) kernel.user.write32(previousState, before);
  return Status.SUCCESS;
}

function* createEvent(
  kernel: Kernel,
  handleAddress: number,
  access: number,
  attributes: number,
  type: number,
  initialState: number,
): Blocking<NtStatus> {
  if (type !== EventType.Notification && type !== EventType.Synchronization) return Status.INVALID_PARAMETER;
  return yield* createObjectService(kernel, kernel.ob.types.event, handleAddress, access, attributes, () => {
    return new KEvent(type, (initialState & 0xff) !== 0);
  });
}

/** NtSetEventBoostPriority: how a lock goes to its next owner. OBJECT_TYPE_MISMATCH for a notification event. */
function setEventBoostPriority(kernel: Kernel, handle: number): NtStatus {
  const { status, object } = kernel.ob.peekObjectByHandle(handle, kernel.ob.types.event, EVENT_MODIFY_STATE);
  if (object === null) return status;
  if (object.body.type !== DispatcherType.SynchronizationEvent) return Status.OBJECT_TYPE_MISMATCH;
  kernel.ke.setEventBoostPriority(object.body);
  return Status.SUCCESS;
}

/** Event objects (NtCreateEvent ... NtQueryEvent). */
export const eventServices: readonly Service[] = [
  service('NtCreateEvent', createEvent),
  service('NtOpenEvent', (kernel, handleAddress, access, attributes) =>
    openObjectService(kernel, kernel.ob.types.event, handleAddress, access, attributes),
  ),
  service('NtSetEvent', (kernel, handle, previousState) =>
    changeEvent(kernel, handle, previousState, (event) => kernel.ke.setEvent(event, Increment.Event)),
  ),
  service('NtResetEvent', (kernel, handle, previousState) =>
    changeEvent(kernel, handle, previousState, (event) => kernel.ke.resetEvent(event)),
  ),
  service('NtPulseEvent', (kernel, handle, previousState) =>
    changeEvent(kernel, handle, previousState, (event) => kernel.ke.pulseEvent(event, Increment.Event)),
  ),
  service('NtClearEvent', (kernel, handle) => changeEvent(kernel, handle, 0, (event) => kernel.ke.resetEvent(event))),
  service('NtSetEventBoostPriority', setEventBoostPriority),
  queryObjectService(
    'NtQueryEvent',
    ({ event }) => event,
    8,
    ({ type, signalState }) => [type, signalState],
  ),
];
