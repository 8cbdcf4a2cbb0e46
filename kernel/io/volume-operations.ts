import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { isError, isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import type { FileControlBlock } from './file-control-block.js';
import { FileAccess, type FileObject } from './file-object.js';
import { countOperation } from './io-counters.js';
import { completeRequest, finishRequest, IoRequest } from './io-request.js';
import { completeOperation, done, type IoOperation, type IoResult, refused } from './io-status.js';
import {
  checkUnbuffered,
  type MissingPages,
  missingPages,
  readVolumeFile,
  type TransferKind,
  type VolumeTransfer,
  writeVolumeFile,
} from './volume-transfer.js';

const USE_FILE_POINTER_POSITION = 0xfffffffffffffffen;
const WRITE_TO_END_OF_FILE = 0xffffffffffffffffn;
/** Files end below 2^44, where numbers are exact by far. */
const MAXIMUM_OFFSET = 1n << 44n;

/** One transfer between user memory and a file. */
export interface Transfer {
  readonly operation: IoOperation;
  readonly buffer: number;
  readonly length: number;
  /** Null: none given. Unsigned 64-bit. */
  readonly offset: bigint | null;
  readonly key: number;
}

/** The end of a transfer that nobody has to wait for any more. */
export function finishTransfer(kernel: Kernel, operation: IoOperation, kind: TransferKind, result: IoResult): NtStatus {
  countOperation(kernel, kind, result.information);
  return completeOperation(kernel, operation, result);
}

/**
 * A file of a volume. Operations on a synchronous file are made one after the other, since each moves its position; on another one, an
 * operation for which pages are missing is PENDING. Environment: PASSIVE_LEVEL, blocks.
 */
export function* transferVolume(
  kernel: Kernel,
  transfer: Transfer,
  kind: TransferKind,
  control: FileControlBlock | null,
): Blocking<NtStatus> {
  const { operation } = transfer;
  const { file } = operation;
  if (!file.isSynchronous) {
    const planned = planTransfer(kernel, transfer, kind, control);
    if ('status' in planned) return finishTransfer(kernel, operation, kind, planned);
    const missing = missingPages(kernel, planned, kind);
    if (missing !== null) return yield* transferLater(kernel, operation, kind, planned, missing);
    return finishTransfer(kernel, operation, kind, yield* moveBytes(kernel, planned, kind));
  }
  yield* lockFileObject(kernel, file);
  const planned = planTransfer(kernel, transfer, kind, control);
  const result = 'status' in planned ? planned : yield* moveBytes(kernel, planned, kind);
  if ('start' in planned && !isError(result.status)) file.currentOffset = planned.start + result.information;
  unlockFileObject(kernel, file);
  return finishTransfer(kernel, operation, kind, result);
}

/** The read-ahead thread brings the pages in; then the thread that has asked moves the bytes, in a special kernel APC. */
function* transferLater(
  kernel: Kernel,
  operation: IoOperation,
  kind: TransferKind,
  planned: VolumeTransfer,
  missing: MissingPages,
): Blocking<NtStatus> {
  const request = new IoRequest();
  request.perform = () => performLater(kernel, planned, kind);
  kernel.cc.readAhead.fetch({ ...missing, done: () => endRequest(kernel, request) });
  return yield* finishRequest(kernel, operation, request, { address: 0, length: 0 });
}

function* performLater(kernel: Kernel, planned: VolumeTransfer, kind: TransferKind): Blocking<IoResult> {
  const result = yield* moveBytes(kernel, planned, kind);
  countOperation(kernel, kind, result.information);
  return result;
}

/** Unless it was cancelled meanwhile. */
function endRequest(kernel: Kernel, request: IoRequest): void {
  if (request.status === Status.PENDING) completeRequest(kernel, request, done(0), null);
}

function moveBytes(kernel: Kernel, planned: VolumeTransfer, kind: TransferKind): Blocking<IoResult> {
  return kind === 'read' ? readVolumeFile(kernel, planned) : writeVolumeFile(kernel, planned);
}

/** All checks of a transfer. What it comes to without any byte being moved, or what is to be moved. */
function planTransfer(
  kernel: Kernel,
  transfer: Transfer,
  kind: TransferKind,
  control: FileControlBlock | null,
): VolumeTransfer | IoResult {
  const { buffer, length } = transfer;
  const { file } = transfer.operation;
  const writes = kind === 'write';
  if (control === null || control.isDirectory) return refused(Status.INVALID_DEVICE_REQUEST);
  const start = startOffset(transfer, control, writes);
  if (typeof start !== 'number') return refused(start.status);
  if (length === 0 && !writes) return done(0);
  if (writes && BigInt(start) + BigInt(length) > MAXIMUM_OFFSET) return refused(Status.DISK_FULL);
  if (!locksPermit(kernel, transfer, control, start, writes)) return refused(Status.FILE_LOCK_CONFLICT);
  const planned = { file, control, buffer, length, start };
  const aligned = checkUnbuffered(planned);
  return isSuccess(aligned) ? planned : refused(aligned);
}

/** IopAcquireFileObjectLock. Environment: PASSIVE_LEVEL, blocks. */
function* lockFileObject({ ke }: Kernel, file: FileObject): Blocking<void> {
  while (file.busy) {
    file.waiters++;
    yield* ke.waitForSingleObject(file.lock, WaitReason.Executive, Mode.Kernel, false, null);
    file.waiters--;
  }
  file.busy = true;
}

function unlockFileObject({ ke }: Kernel, file: FileObject): void {
  file.busy = false;
  if (file.waiters > 0) ke.setEvent(file.lock, 0);
}

/** Where a transfer begins: the offset given, the file's position, or its end. INVALID_PARAMETER. */
function startOffset(
  { operation, offset }: Transfer,
  control: FileControlBlock,
  writes: boolean,
): number | { readonly status: NtStatus } {
  const { file, grantedAccess } = operation;
  const appendsOnly = (grantedAccess & FileAccess.WRITE_DATA) === 0;
  if (writes && (appendsOnly || offset === WRITE_TO_END_OF_FILE)) return control.size();
  if (offset === null || (offset === USE_FILE_POINTER_POSITION && file.isSynchronous)) {
    return file.isSynchronous ? file.currentOffset : { status: Status.INVALID_PARAMETER };
  }
  if (BigInt.asIntN(64, offset) < 0n) return { status: Status.INVALID_PARAMETER };
  if (offset > MAXIMUM_OFFSET) return writes ? { status: Status.DISK_FULL } : Number(MAXIMUM_OFFSET);
  return Number(offset);
}

function locksPermit(
  kernel: Kernel,
  transfer: Transfer,
  control: FileControlBlock,
  start: number,
  writes: boolean,
): boolean {
  const { operation, key } = transfer;
  const length = BigInt(transfer.length);
  const processId = kernel.ke.currentProcess.uniqueProcessId;
  return control.locks.permits({ offset: BigInt(start), length, key, owner: operation.file, processId }, writes);
}
