import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { captureAttributes } from '../ob/capture-attributes.js';
import type { ObjectHeader } from '../ob/object-header.js';
import type { ObjectType } from '../ob/object-type.js';
import type { ObjectTypes } from '../ob/object-types.js';
import type { Blocking, NtStatus } from '../types.js';
import { DispatcherObject } from './dispatcher-object.js';
import type { Timeout } from './kernel-executive.js';
import { type Service, service } from './service.js';

/** What services on dispatcher objects have in common: creating, opening, optional outputs, timeouts. */

export const SYNCHRONIZE = 0x100000;

/**
 * The body of an NtCreate service: probes the handle, captures the attributes, makes or (OBJ_OPENIF) opens the object and
 * stores the handle. `create` is called only when a new object is needed.
 */
export function* createObjectService<Body extends object>(
  kernel: Kernel,
  type: ObjectType<Body>,
  handleAddress: number,
  access: number,
  attributesAddress: number,
  create: () => Body | NtStatus,
): Blocking<NtStatus> {
  const probed = yield* kernel.user.probeForWrite(handleAddress, 4);
  if (!isSuccess(probed)) return probed;
  const captured = yield* captureAttributes(kernel, attributesAddress);
  if (!isSuccess(captured.status)) return captured.status;
  const result = kernel.ob.createObjectHandle(type, captured.attributes, access, create);
  if (isSuccess(result.status)) kernel.user.write32(handleAddress, result.handle);
  return result.status;
}

/** The body of an NtOpen service. OBJECT_NAME_INVALID or path statuses without a name. */
export function* openObjectService<Body>(
  kernel: Kernel,
  type: ObjectType<Body>,
  handleAddress: number,
  access: number,
  attributesAddress: number,
): Blocking<NtStatus> {
  const probed = yield* kernel.user.probeForWrite(handleAddress, 4);
  if (!isSuccess(probed)) return probed;
  const captured = yield* captureAttributes(kernel, attributesAddress);
  if (!isSuccess(captured.status)) return captured.status;
  if (captured.attributes === null) return Status.INVALID_PARAMETER;
  const result = kernel.ob.openObjectByName(type, captured.attributes, access);
  if (isSuccess(result.status)) kernel.user.write32(handleAddress, result.handle);
  return result.status;
}

/** Probes an output that the caller may leave out (NULL). */
export function* probeOptional(kernel: Kernel, address: number, size: number): Blocking<NtStatus> {
  return address === 0 ? Status.SUCCESS : yield* kernel.user.probeForWrite(address, size);
}

/** A timeout parameter: NULL waits for ever. */
export interface CapturedTimeout {
  readonly status: NtStatus;
  readonly timeout: Timeout | null;
}

/** Reads an optional LARGE_INTEGER timeout; statuses of the probe. Environment: PASSIVE_LEVEL, may block on a page. */
export function* captureTimeout(kernel: Kernel, address: number): Blocking<CapturedTimeout> {
  if (address === 0) return { status: Status.SUCCESS, timeout: null };
  const status = yield* kernel.user.probeForRead(address, 8);
  if (!isSuccess(status)) return { status, timeout: null };
  return { status, timeout: BigInt.asIntN(64, kernel.user.read64(address)) };
}

/** What a wait on an object waits for; null for objects that are signaled always. */
export function waitTarget(object: ObjectHeader): DispatcherObject | null {
  const { body } = object;
  if (body instanceof DispatcherObject) return body;
  if (typeof body !== 'object' || body === null || !('dispatcherObject' in body)) return null;
  return body.dispatcherObject instanceof DispatcherObject ? body.dispatcherObject : null;
}

/** EVENT_QUERY_STATE, MUTANT_QUERY_STATE and so on: the same right of every type that has a query service. */
const QUERY_STATE = 1;

/**
 * An NtQuery service with one class of information: length must fit exactly, ReturnLength is optional. INVALID_INFO_CLASS,
 * INFO_LENGTH_MISMATCH, statuses of the probes and of the handle, which is looked at last.
 * @param size of the information in bytes
 * @param words the information, taken when everything else is right
 */
export function queryObjectService<Body>(
  name: string,
  type: (types: ObjectTypes) => ObjectType<Body>,
  size: number,
  words: (body: Body, kernel: Kernel) => readonly number[],
): Service {
  return service(name, function* (kernel, handle, informationClass, buffer, length, returnLength): Blocking<NtStatus> {
    if (informationClass !== 0) return Status.INVALID_INFO_CLASS;
    if (length !== size) return Status.INFO_LENGTH_MISMATCH;
    const probed = yield* kernel.user.probeForWrite(buffer, size);
    if (!isSuccess(probed)) return probed;
    const returned = yield* probeOptional(kernel, returnLength, 4);
    if (!isSuccess(returned)) return returned;
    const { status, object } = kernel.ob.peekObjectByHandle(handle, type(kernel.ob.types), QUERY_STATE);
    if (object === null) return status;
    for (const [index, word] of words(object.body, kernel).entries()) kernel.user.write32(buffer + index * 4, word);
    if (returnLength !== 0) kernel.user.write32(returnLength, size);
    return Status.SUCCESS;
  });
}
