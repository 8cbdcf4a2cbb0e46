import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { KSemaphore } from './dispatcher-object.js';
import { createObjectService, openObjectService, probeOptional, queryObjectService } from './object-service.js';
import { Increment } from './priority.js';
import { type Service, service } from './service.js';

const SEMAPHORE_MODIFY_STATE = 2;

function* createSemaphore(
  kernel: Kernel,
  handleAddress: number,
  access: number,
  attributes: number,
  initialCount: number,
  maximumCount: number,
): Blocking<NtStatus> {
  const count = initialCount | 0;
  const limit = maximumCount | 0;
  if (limit <= 0 || count < 0 || count > limit) return Status.INVALID_PARAMETER;
  return yield* createObjectService(kernel, kernel.ob.types.semaphore, handleAddress, access, attributes, () => {
    return new KSemaphore(count, limit);
  });
}

function* releaseSemaphore(
  kernel: Kernel,
  handle: number,
  releaseCount: number,
  previousCount: number,
): Blocking<NtStatus> {
  const probed = yield* probeOptional(kernel, previousCount, 4);
  if (!isSuccess(probed)) return probed;
  if ((releaseCount | 0) <= 0) return Status.INVALID_PARAMETER;
  const { status, object } = kernel.ob.peekObjectByHandle(handle, kernel.ob.types.semaphore, SEMAPHORE_MODIFY_STATE);
  if (object === null) return status;
  const before = kernel.ke.releaseSemaphore(object.body, Increment.Semaphore, releaseCount | 0);
  if (before < 0) return Status.SEMAPHORE_LIMIT_EXCEEDED;
  if (previousCount !== 0) kernel.user.write32(previousCount, before);
  return Status.SUCCESS;
}

/** Semaphore objects. */
export const semaphoreServices: readonly Service[] = [
  service('NtCreateSemaphore', createSemaphore),
  service('NtOpenSemaphore', (kernel, handleAddress, access, attributes) =>
    openObjectService(kernel, kernel.ob.types.semaphore, handleAddress, access, attributes),
  ),
  service('NtReleaseSemaphore', releaseSemaphore),
  queryObjectService(
    'NtQuerySemaphore',
    ({ semaphore }) => semaphore,
    8,
    ({ signalState, limit }) => [signalState, limit],
  ),
];
