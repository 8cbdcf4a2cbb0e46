import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import type { FileLock } from './byte-range-locks.js';
import type { FileControlBlock } from './file-control-block.js';
import { FileAccess } from './file-object.js';
import { finishRequest, IoRequest } from './io-request.js';
import {
  beginOperation,
  completeOperation,
  handleArguments,
  type IoOperation,
  type OperationNeeds,
  readable,
  refused,
} from './io-status.js';

const NO_BUFFER = { address: 0, length: 0 };

/**
 * NtLockFile(file, event, apc, context, iosb, offset*, length*, key, fail immediately, exclusive). LOCK_NOT_GRANTED when it shall fail
 * immediately; otherwise a synchronous file waits until the lock is held, another gives PENDING. Requests are granted in their order.
 */
function* lockFile(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [file, event, apcRoutine, apcContext, ioStatusBlock, offsetAddress, lengthAddress, key] = given;
  const [failImmediately, exclusive] = given.slice(8);
  const request = { file, event, apcRoutine, apcContext, ioStatusBlock };
  const operation = yield* beginOperation(kernel, request, lockNeeds(offsetAddress, lengthAddress));
  if (typeof operation === 'number') return operation;
  const control = lockable(operation);
  if (typeof control === 'number') return completeOperation(kernel, operation, refused(control));
  const range = lockRange(kernel, operation, offsetAddress, lengthAddress, key);
  return yield* takeLock(
    kernel,
    operation,
    control,
    { ...range, exclusive: (exclusive & 0xff) !== 0 },
    failImmediately,
  );
}

/** CANCELLED when the thread is to end before the lock comes. */
function* takeLock(
  kernel: Kernel,
  operation: IoOperation,
  control: FileControlBlock,
  lock: FileLock,
  failImmediately: number,
): Blocking<NtStatus> {
  const status = control.locks.lock(lock);
  if (status !== Status.LOCK_NOT_GRANTED || (failImmediately & 0xff) !== 0) {
    return completeOperation(kernel, operation, { status, information: 0 });
  }
  const request = new IoRequest();
  control.locks.enqueue(lock, request);
  return yield* finishRequest(kernel, operation, request, NO_BUFFER);
}

/** NtUnlockFile(file, iosb, offset*, length*, key). RANGE_NOT_LOCKED unless exactly that range was locked with that key. */
function* unlockFile(
  kernel: Kernel,
  file: number,
  ioStatusBlock: number,
  offsetAddress: number,
  lengthAddress: number,
  key: number,
): Blocking<NtStatus> {
  const needs = lockNeeds(offsetAddress, lengthAddress);
  const operation = yield* beginOperation(kernel, handleArguments(file, ioStatusBlock), needs);
  if (typeof operation === 'number') return operation;
  const control = lockable(operation);
  if (typeof control === 'number') return completeOperation(kernel, operation, refused(control));
  const status = control.locks.unlock(lockRange(kernel, operation, offsetAddress, lengthAddress, key));
  kernel.io.settleLocks(control);
  return completeOperation(kernel, operation, { status, information: 0 });
}

function lockNeeds(offsetAddress: number, lengthAddress: number): OperationNeeds {
  return {
    access: { anyOf: FileAccess.READ_DATA | FileAccess.WRITE_DATA },
    ranges: [readable(offsetAddress, 8, 4), readable(lengthAddress, 8, 4)],
    handleFirst: true,
  };
}

function lockRange(
  { user, ke }: Kernel,
  { file }: IoOperation,
  offsetAddress: number,
  lengthAddress: number,
  key: number,
): Omit<FileLock, 'exclusive'> {
  const [offset, length] = [user.read64(offsetAddress), user.read64(lengthAddress)];
  return { offset, length, key, owner: file, processId: ke.currentProcess.uniqueProcessId };
}

/** The file whose bytes can be locked: INVALID_PARAMETER for directories, INVALID_DEVICE_REQUEST for what is no file of a volume. */
function lockable({ file }: IoOperation): FileControlBlock | NtStatus {
  if (file.control === null) return Status.INVALID_DEVICE_REQUEST;
  return file.control.isDirectory ? Status.INVALID_PARAMETER : file.control;
}

export const lockServices: readonly Service[] = [service('NtLockFile', lockFile), service('NtUnlockFile', unlockFile)];
