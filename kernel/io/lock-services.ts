import { type Service, service } from '../ke/service.js';
import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import type { FileLock } from './byte-range-locks.js';
import type { FileControlBlock } from './file-control-block.js';
import { FileAccess, WRITES } from './file-object.js';
import { beginOperation, completeOperation, handleArguments, type IoOperation } from './io-status.js';

/** Who may read or write may lock. */
const TRANSFERS = FileAccess.READ_DATA | WRITES;

/**
 * NtLockFile(file, event, apc, context, iosb, offset*, length*, key, fail immediately, exclusive). LOCK_NOT_GRANTED when it
 * shall fail immediately; otherwise the service returns when the lock is held. Requests are granted in their order.
 */
function* lockFile(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [file, event, apcRoutine, apcContext, ioStatusBlock, offsetAddress, lengthAddress, key] = given;
  const [failImmediately, exclusive] = given.slice(8);
  const range = yield* captureRange(kernel, offsetAddress, lengthAddress);
  if (typeof range === 'number') return range;
  const operation = yield* beginOperation(kernel, { file, event, apcRoutine, apcContext, ioStatusBlock }, 0, TRANSFERS);
  if (typeof operation === 'number') return operation;
  const refusal = checkLockable(operation);
  if (!isSuccess(refusal)) return completeOperation(kernel, operation, { status: refusal, information: 0 });
  const { control } = operation.file;
  const lock = {
    ...range,
    key,
    exclusive: (exclusive & 0xff) !== 0,
    owner: operation.file,
    processId: kernel.ke.currentProcess.uniqueProcessId,
  };
  let status: NtStatus = control?.locks.lock(lock) ?? Status.INVALID_DEVICE_REQUEST;
  const waits = status === Status.LOCK_NOT_GRANTED && (failImmediately & 0xff) === 0;
  if (control !== null && waits) status = yield* waitForLock(kernel, control, lock);
  return completeOperation(kernel, operation, { status, information: 0 });
}

/** CANCELLED when the thread is to end before the lock comes. */
function* waitForLock(kernel: Kernel, control: FileControlBlock, lock: FileLock): Blocking<NtStatus> {
  const waiter = control.locks.enqueue(lock);
  yield* kernel.ke.waitForSingleObject(waiter.event, WaitReason.Executive, Mode.User, false, null);
  if (waiter.status !== Status.PENDING) return waiter.status;
  control.locks.dequeue(waiter);
  return Status.CANCELLED;
}

/** NtUnlockFile(file, iosb, offset*, length*, key). */
function* unlockFile(
  kernel: Kernel,
  file: number,
  ioStatusBlock: number,
  offsetAddress: number,
  lengthAddress: number,
  key: number,
): Blocking<NtStatus> {
  const range = yield* captureRange(kernel, offsetAddress, lengthAddress);
  if (typeof range === 'number') return range;
  const operation = yield* beginOperation(kernel, handleArguments(file, ioStatusBlock), 0, TRANSFERS);
  if (typeof operation === 'number') return operation;
  const refusal = checkLockable(operation);
  const { control } = operation.file;
  const status =
    control === null || !isSuccess(refusal)
      ? refusal
      : control.locks.unlock(operation.file, kernel.ke.currentProcess.uniqueProcessId, key, range.offset, range.length);
  if (control !== null) kernel.io.settleLocks(control);
  return completeOperation(kernel, operation, { status, information: 0 });
}

function* captureRange(
  kernel: Kernel,
  offsetAddress: number,
  lengthAddress: number,
): Blocking<{ readonly offset: bigint; readonly length: bigint } | NtStatus> {
  let status = yield* kernel.user.probeForRead(offsetAddress, 8, 4);
  if (isSuccess(status)) status = yield* kernel.user.probeForRead(lengthAddress, 8, 4);
  if (!isSuccess(status)) return status;
  return { offset: kernel.user.read64(offsetAddress), length: kernel.user.read64(lengthAddress) };
}

function checkLockable(operation: IoOperation): NtStatus {
  const { control } = operation.file;
  if (control === null) return Status.INVALID_DEVICE_REQUEST;
  return control.isDirectory ? Status.INVALID_PARAMETER : Status.SUCCESS;
}

export const lockServices: readonly Service[] = [service('NtLockFile', lockFile), service('NtUnlockFile', unlockFile)];
