import { queueChargedApc } from '../ke/apc-services.js';
import type { KEvent } from '../ke/dispatcher-object.js';
import { Increment } from '../ke/priority.js';
import type { Kernel } from '../kernel.js';
import { isError, isSuccess, Status } from '../ntstatus.js';
import type { ObjectHeader } from '../ob/object-header.js';
import type { Blocking, NtStatus } from '../types.js';
import type { FileObject } from './file-object.js';
import { postCompletion } from './io-completion.js';

const EVENT_MODIFY_STATE = 2;
const IO_STATUS_BLOCK_SIZE = 8;

/** What the file services share: their first five arguments and IO_STATUS_BLOCK. */
export interface IoArguments {
  readonly file: number;
  readonly event: number;
  readonly apcRoutine: number;
  readonly apcContext: number;
  readonly ioStatusBlock: number;
}

/** An operation under way: its file object is referenced, its event too. */
export interface IoOperation {
  readonly arguments: IoArguments;
  readonly object: ObjectHeader<FileObject>;
  readonly file: FileObject;
  readonly event: ObjectHeader<KEvent> | null;
  /** Rights of the handle that names the file: a duplicate may have fewer than the open. */
  readonly grantedAccess: number;
}

/** Outcome of an operation. */
export interface IoResult {
  readonly status: NtStatus;
  readonly information: number;
}

/** A file named by its handle alone, for services without event and APC. */
export function handleArguments(file: number, ioStatusBlock: number): IoArguments {
  return { file, event: 0, apcRoutine: 0, apcContext: 0, ioStatusBlock };
}

/**
 * Begins an operation: probes the IO_STATUS_BLOCK, references file and event, resets both events (IopCreateFile's peers).
 * ACCESS_VIOLATION, INVALID_HANDLE, OBJECT_TYPE_MISMATCH, ACCESS_DENIED; INVALID_PARAMETER: an APC and a completion port.
 * @param access rights that the handle has to carry, all of them
 * @param anyOf and one of these at least; 0: nothing more
 */
export function* beginOperation(
  kernel: Kernel,
  given: IoArguments,
  access: number,
  anyOf = 0,
): Blocking<IoOperation | NtStatus> {
  const { ob, ke } = kernel;
  const probed = yield* kernel.user.probeForWrite(given.ioStatusBlock, IO_STATUS_BLOCK_SIZE, 4);
  if (!isSuccess(probed)) return probed;
  const { status, object } = ob.referenceObjectByHandle(given.file, ob.types.file, access);
  if (object === null) return status;
  const grantedAccess = ob.grantedAccess(given.file);
  if (anyOf !== 0 && (grantedAccess & anyOf) === 0) {
    ob.dereferenceObject(object);
    return Status.ACCESS_DENIED;
  }
  if (given.apcRoutine !== 0 && object.body.completion !== null) {
    ob.dereferenceObject(object);
    return Status.INVALID_PARAMETER;
  }
  let event: ObjectHeader<KEvent> | null = null;
  if (given.event !== 0) {
    const found = ob.referenceObjectByHandle(given.event, ob.types.event, EVENT_MODIFY_STATE);
    if (found.object === null) {
      ob.dereferenceObject(object);
      return found.status;
    }
    event = found.object;
    ke.resetEvent(event.body);
  }
  ke.resetEvent(object.body.event);
  return { arguments: given, object, file: object.body, event, grantedAccess };
}

/**
 * Completes an operation: IO_STATUS_BLOCK, event or the file object's own event, APC. An error that was never pending
 * leaves the status block alone and signals nobody, as in NT. Returns the service's status.
 */
export function completeOperation(kernel: Kernel, operation: IoOperation, result: IoResult): NtStatus {
  const { ke, user } = kernel;
  const given = operation.arguments;
  let { status } = result;
  if (!isError(status) && given.apcRoutine !== 0) {
    const apc = { normalRoutine: given.apcRoutine, normalContext: given.apcContext, argument1: given.ioStatusBlock };
    const queued = queueChargedApc(kernel, ke.currentThread, { ...apc, argument2: 0 });
    if (queued === Status.NO_MEMORY) status = Status.INSUFFICIENT_RESOURCES;
  }
  if (!isError(status)) {
    const told = tellPort(kernel, operation, result);
    if (isError(told)) status = told;
  }
  if (!isError(status)) {
    user.write32(given.ioStatusBlock, status);
    user.write32(given.ioStatusBlock + 4, result.information);
    signalOperation(kernel, operation, Increment.Disk);
  }
  releaseOperation(kernel, operation);
  user.clearFailure();
  return status;
}

/** The file's completion port, if it has one, hears of an operation with an APC context. INSUFFICIENT_RESOURCES. */
export function tellPort(kernel: Kernel, operation: IoOperation, { status, information }: IoResult): NtStatus {
  const { file, arguments: given } = operation;
  if (file.completion === null || given.apcContext === 0) return Status.SUCCESS;
  const { key, port } = file.completion;
  return postCompletion(kernel, port.body, { key, apcContext: given.apcContext, status, information });
}

/** Sets the event that was given, or the file object's own. @param increment the device's boost for who waits */
export function signalOperation({ ke }: Kernel, { event, file }: IoOperation, increment: number): void {
  if (event !== null) ke.setEvent(event.body, increment);
  if (event === null || file.isSynchronous) ke.setEvent(file.event, increment);
}

export function releaseOperation({ ob }: Kernel, { event, object }: IoOperation): void {
  if (event !== null) ob.dereferenceObject(event);
  ob.dereferenceObject(object);
}

export const done = (information: number): IoResult => ({ status: Status.SUCCESS, information });
export const refused = (status: NtStatus): IoResult => ({ status, information: 0 });

/** Rights that a control code asks for: its bits 14 and 15 are FILE_READ_DATA and FILE_WRITE_DATA. */
export const neededFor = (controlCode: number): number => (controlCode >>> 14) & 3;
