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
  /** What the handle permits, which can be less than the open was granted. */
  readonly grantedAccess: number;
  readonly event: ObjectHeader<KEvent> | null;
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

/** Memory of the caller that an operation is going to use. */
export interface UserRange {
  readonly address: number;
  /** Bytes; 0: none is used, whatever the address. */
  readonly length: number;
  readonly alignment: number;
  readonly access: 'read' | 'write';
}

/** A buffer that is read, of any alignment unless it says so. */
export const readable = (address: number, length: number, alignment = 1): UserRange => ({
  address,
  length,
  alignment,
  access: 'read',
});
/** A buffer that is written. */
export const writable = (address: number, length: number, alignment = 1): UserRange => ({
  address,
  length,
  alignment,
  access: 'write',
});
/** A parameter that may be left out by giving 0. */
export const optional = (address: number, length: number): UserRange =>
  readable(address, address === 0 ? 0 : length, 4);

/** Output and input buffer of NtDeviceIoControlFile and NtFsControlFile; a null one has no bytes. */
export function controlBuffers(given: readonly number[]): readonly [UserRange, UserRange] {
  const [input, inputLength, output, outputLength] = given.slice(6);
  return [writable(output, output === 0 ? 0 : outputLength), readable(input, input === 0 ? 0 : inputLength)];
}

/** Rights that a control code asks of the handle: FILE_READ_ACCESS and FILE_WRITE_ACCESS are those to read and write data. */
export function controlAccess(code: number): number {
  return (code >>> 14) & 3;
}

/** What a handle has to permit: all of these rights, or one of them. */
export type WantedAccess = number | { readonly anyOf: number };

/** What an operation asks for before it begins. */
export interface OperationNeeds {
  readonly access: WantedAccess;
  /** Probed behind the IO_STATUS_BLOCK, in this order. */
  readonly ranges?: readonly UserRange[];
  /** Reads, writes and locks look at the handle before they look at any memory; everybody else does it the other way round. */
  readonly handleFirst?: boolean;
}

/**
 * Begins an operation: probes its memory, references file and event, resets both events. Statuses in the order of NT's services:
 * ACCESS_VIOLATION and DATATYPE_MISALIGNMENT for memory; INVALID_HANDLE, OBJECT_TYPE_MISMATCH, ACCESS_DENIED for the file (these first
 * where needs say so); INVALID_PARAMETER: an APC and a completion port; what the event's handle gives. May block for pages.
 */
export function* beginOperation(
  kernel: Kernel,
  given: IoArguments,
  { access, ranges = [], handleFirst = false }: OperationNeeds,
): Blocking<IoOperation | NtStatus> {
  if (!handleFirst) {
    const probed = yield* probe(kernel, given, ranges);
    return isSuccess(probed) ? reference(kernel, given, access) : probed;
  }
  const file = referenceFile(kernel, given.file, access);
  if (typeof file === 'number') return file;
  const probed = yield* probe(kernel, given, ranges);
  if (isSuccess(probed)) return referenceEvent(kernel, given, file);
  kernel.ob.dereferenceObject(file);
  return probed;
}

function* probe({ user }: Kernel, given: IoArguments, ranges: readonly UserRange[]): Blocking<NtStatus> {
  const status = yield* user.probeForWrite(given.ioStatusBlock, IO_STATUS_BLOCK_SIZE, 4);
  if (!isSuccess(status)) return status;
  for (const { address, length, alignment, access } of ranges) {
    const probed =
      access === 'read'
        ? yield* user.probeForRead(address, length, alignment)
        : yield* user.probeForWrite(address, length, alignment);
    if (!isSuccess(probed)) return probed;
  }
  return status;
}

function reference(kernel: Kernel, given: IoArguments, access: WantedAccess): IoOperation | NtStatus {
  const file = referenceFile(kernel, given.file, access);
  return typeof file === 'number' ? file : referenceEvent(kernel, given, file);
}

function referenceFile({ ob }: Kernel, handle: number, access: WantedAccess): ObjectHeader<FileObject> | NtStatus {
  const all = typeof access === 'number' ? access : 0;
  const { status, object } = ob.referenceObjectByHandle(handle, ob.types.file, all);
  if (object === null) return status;
  if (typeof access === 'number' || (ob.grantedAccess(handle) & access.anyOf) !== 0) return object;
  ob.dereferenceObject(object);
  return Status.ACCESS_DENIED;
}

function referenceEvent(kernel: Kernel, given: IoArguments, object: ObjectHeader<FileObject>): IoOperation | NtStatus {
  const { ob, ke } = kernel;
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
  const grantedAccess = ob.grantedAccess(given.file);
  return { arguments: given, object, file: object.body, grantedAccess, event };
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
