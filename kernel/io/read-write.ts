import { StandardStream } from '../host.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isError, isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { ConsoleChannel } from './console-device.js';
import type { FileControlBlock } from './file-control-block.js';
import { FileAccess, type FileObject } from './file-object.js';
import { countOperation } from './io-counters.js';
import { beginOperation, completeOperation, done, type IoOperation, type IoResult, refused } from './io-status.js';
import { readPipe, writePipe } from './pipe-transfer.js';
import { CHUNK, checkUnbuffered, readVolumeFile, writeVolumeFile } from './volume-transfer.js';

const USE_FILE_POINTER_POSITION = 0xfffffffffffffffen;
const WRITE_TO_END_OF_FILE = 0xffffffffffffffffn;
/** Files end below 2^44, where numbers are exact by far. */
const MAXIMUM_OFFSET = 1n << 44n;

/** One transfer between user memory and a file. */
interface Transfer {
  readonly operation: IoOperation;
  readonly buffer: number;
  readonly length: number;
  /** Null: none given. Unsigned 64-bit. */
  readonly offset: bigint | null;
  readonly key: number;
}

function* readFile(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const transfer = yield* beginTransfer(kernel, given, FileAccess.READ_DATA);
  if (typeof transfer === 'number') return transfer;
  const probed = yield* kernel.user.probeForWrite(transfer.buffer, transfer.length);
  const { pipe } = transfer.operation.file;
  if (pipe !== null && isSuccess(probed)) return yield* readPipe(kernel, transfer, pipe);
  const result = isSuccess(probed) ? yield* read(kernel, transfer) : refused(probed);
  countOperation(kernel, 'read', result.information);
  return completeOperation(kernel, transfer.operation, result);
}

function* writeFile(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const transfer = yield* beginTransfer(kernel, given, 0);
  if (typeof transfer === 'number') return transfer;
  const { grantedAccess, pipe } = transfer.operation.file;
  const mayWrite = (grantedAccess & (FileAccess.WRITE_DATA | FileAccess.APPEND_DATA)) !== 0;
  if (!mayWrite) return completeOperation(kernel, transfer.operation, refused(Status.ACCESS_DENIED));
  const probed = yield* kernel.user.probeForRead(transfer.buffer, transfer.length);
  if (pipe !== null && isSuccess(probed)) return yield* writePipe(kernel, transfer, pipe);
  const result = isSuccess(probed) ? yield* write(kernel, transfer) : refused(probed);
  countOperation(kernel, 'write', result.information);
  return completeOperation(kernel, transfer.operation, result);
}

/** Captures what NtReadFile and NtWriteFile share: (file, event, apc, context, iosb, buffer, length, offset*, key*). */
function* beginTransfer(kernel: Kernel, given: readonly number[], access: number): Blocking<Transfer | NtStatus> {
  const [file, event, apcRoutine, apcContext, ioStatusBlock, buffer, length, offsetAddress, keyAddress] = given;
  const { user } = kernel;
  let status: NtStatus = Status.SUCCESS;
  if (offsetAddress !== 0) status = yield* user.probeForRead(offsetAddress, 8, 4);
  if (isSuccess(status) && keyAddress !== 0) status = yield* user.probeForRead(keyAddress, 4, 4);
  if (!isSuccess(status)) return status;
  const offset = offsetAddress === 0 ? null : user.read64(offsetAddress);
  const key = keyAddress === 0 ? 0 : user.read32(keyAddress);
  const operation = yield* beginOperation(kernel, { file, event, apcRoutine, apcContext, ioStatusBlock }, access);
  if (typeof operation === 'number') return operation;
  return { operation, buffer, length, offset, key };
}

function* read(kernel: Kernel, transfer: Transfer): Blocking<IoResult> {
  const { file } = transfer.operation;
  const { device, control } = file;
  switch (device.kind) {
    case 'null':
      return refused(Status.END_OF_FILE);
    case 'pipe':
      return refused(Status.INVALID_DEVICE_REQUEST);
    case 'stream':
      return readStream(kernel, transfer);
    case 'console':
      if (file.channel !== ConsoleChannel.Input) return refused(Status.INVALID_DEVICE_REQUEST);
      return yield* readConsole(kernel, transfer);
    case 'volume':
      if (control === null || control.isDirectory) return refused(Status.INVALID_DEVICE_REQUEST);
      return readVolume(kernel, transfer, control);
  }
}

function readVolume(kernel: Kernel, transfer: Transfer, control: FileControlBlock): IoResult {
  const { file } = transfer.operation;
  const start = startOffset(file, transfer.offset, control, false);
  if (typeof start !== 'number') return refused(start.status);
  const { length } = transfer;
  if (length === 0) return done(0);
  if (!locksPermit(kernel, transfer, control, start, false)) return refused(Status.FILE_LOCK_CONFLICT);
  const volumeTransfer = { file, control, buffer: transfer.buffer, length, start };
  const aligned = checkUnbuffered(volumeTransfer);
  if (!isSuccess(aligned)) return refused(aligned);
  const result = readVolumeFile(kernel, volumeTransfer);
  if (!isError(result.status) && file.isSynchronous) file.currentOffset = start + result.information;
  return result;
}

/** A pipe at its end is broken, as one whose writers have all gone. */
function readStream(kernel: Kernel, transfer: Transfer): IoResult {
  const { device, channel } = transfer.operation.file;
  if (device.kind !== 'stream' || channel !== ConsoleChannel.Input) return refused(Status.INVALID_DEVICE_REQUEST);
  if (transfer.length === 0) return done(0);
  const bytes = device.read(Math.min(transfer.length, CHUNK));
  if (bytes === null) return refused(Status.PIPE_BROKEN);
  const written = kernel.user.writeBytes(transfer.buffer, bytes);
  return written < bytes.length ? refused(kernel.user.takeFailure()) : done(written);
}

function* readConsole(kernel: Kernel, transfer: Transfer): Blocking<IoResult> {
  if (transfer.length === 0) return done(0);
  const { console } = kernel.io;
  const input = yield* kernel.io.readConsole(() => console.takeBytes(Math.min(transfer.length, CHUNK)));
  if (typeof input === 'number') return refused(input);
  const written = kernel.user.writeBytes(transfer.buffer, input);
  return written < input.length ? refused(kernel.user.takeFailure()) : done(written);
}

function* write(kernel: Kernel, transfer: Transfer): Blocking<IoResult> {
  const { file } = transfer.operation;
  const { device, control, channel } = file;
  switch (device.kind) {
    case 'null':
      return done(transfer.length);
    case 'pipe':
      return refused(Status.INVALID_DEVICE_REQUEST);
    case 'stream': {
      if (channel === ConsoleChannel.Input) return refused(Status.INVALID_DEVICE_REQUEST);
      const stream = channel === ConsoleChannel.Error ? StandardStream.Error : StandardStream.Output;
      return writeChunks(kernel, transfer, (bytes) => device.host.write(stream, bytes));
    }
    case 'console':
      if (channel === ConsoleChannel.Input) return refused(Status.INVALID_DEVICE_REQUEST);
      return writeChunks(kernel, transfer, (bytes) => device.writeBytes(channel, bytes));
    case 'volume':
      if (control === null || control.isDirectory) return refused(Status.INVALID_DEVICE_REQUEST);
      return yield* writeVolume(kernel, transfer, control);
  }
}

function* writeVolume(kernel: Kernel, transfer: Transfer, control: FileControlBlock): Blocking<IoResult> {
  const { file } = transfer.operation;
  const start = startOffset(file, transfer.offset, control, true);
  if (typeof start !== 'number') return refused(start.status);
  const { buffer, length } = transfer;
  if (BigInt(start) + BigInt(length) > MAXIMUM_OFFSET) return refused(Status.DISK_FULL);
  if (!locksPermit(kernel, transfer, control, start, true)) return refused(Status.FILE_LOCK_CONFLICT);
  const volumeTransfer = { file, control, buffer, length, start };
  const aligned = checkUnbuffered(volumeTransfer);
  if (!isSuccess(aligned)) return refused(aligned);
  const result = length === 0 ? done(0) : yield* writeVolumeFile(kernel, volumeTransfer);
  if (!isError(result.status) && file.isSynchronous) file.currentOffset = start + result.information;
  return result;
}

function writeChunks(kernel: Kernel, transfer: Transfer, put: (bytes: Uint8Array, done: number) => NtStatus): IoResult {
  let count = 0;
  while (count < transfer.length) {
    const bytes = kernel.user.readBytes(transfer.buffer + count, Math.min(CHUNK, transfer.length - count));
    const failure = kernel.user.takeFailure();
    if (!isSuccess(failure)) return refused(failure);
    const status = put(bytes, count);
    if (isError(status)) return refused(status);
    count += bytes.length;
  }
  return done(count);
}

/** Where a transfer begins: the offset given, the file's position, or its end. INVALID_PARAMETER. */
function startOffset(
  file: FileObject,
  offset: bigint | null,
  control: FileControlBlock,
  writes: boolean,
): number | { readonly status: NtStatus } {
  const appendsOnly = (file.grantedAccess & FileAccess.WRITE_DATA) === 0;
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
  const { uniqueProcessId } = kernel.ke.currentProcess;
  const { file } = transfer.operation;
  const length = BigInt(transfer.length);
  return control.locks.permits(file, uniqueProcessId, transfer.key, BigInt(start), length, writes);
}

export const readWriteServices: readonly Service[] = [
  service('NtReadFile', readFile),
  service('NtWriteFile', writeFile),
];
