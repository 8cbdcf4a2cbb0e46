import { StandardStream } from '../host.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isError, isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { ConsoleChannel } from './console-device.js';
import { FileAccess, WRITES } from './file-object.js';
import {
  beginOperation,
  done,
  type IoResult,
  optional,
  readable,
  refused,
  type UserRange,
  type WantedAccess,
  writable,
} from './io-status.js';
import { readPipe, writePipe } from './pipe-transfer.js';
import { finishTransfer, type Transfer, transferVolume } from './volume-operations.js';
import { CHUNK } from './volume-transfer.js';

function* readFile(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [buffer, length] = given.slice(5);
  const transfer = yield* beginTransfer(kernel, given, FileAccess.READ_DATA, writable(buffer, length));
  if (typeof transfer === 'number') return transfer;
  const { operation } = transfer;
  const { pipe, device, control } = operation.file;
  if (pipe !== null) return yield* readPipe(kernel, transfer, pipe);
  if (device.kind === 'volume') return yield* transferVolume(kernel, transfer, 'read', control);
  return finishTransfer(kernel, operation, 'read', yield* read(kernel, transfer));
}

function* writeFile(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [buffer, length] = given.slice(5);
  const transfer = yield* beginTransfer(kernel, given, { anyOf: WRITES }, readable(buffer, length));
  if (typeof transfer === 'number') return transfer;
  const { operation } = transfer;
  const { pipe, device, control } = operation.file;
  if (pipe !== null) return yield* writePipe(kernel, transfer, pipe);
  if (device.kind === 'volume') return yield* transferVolume(kernel, transfer, 'write', control);
  return finishTransfer(kernel, operation, 'write', write(kernel, transfer));
}

/** Captures what NtReadFile and NtWriteFile share: (file, event, apc, context, iosb, buffer, length, offset*, key*). */
function* beginTransfer(
  kernel: Kernel,
  given: readonly number[],
  access: WantedAccess,
  range: UserRange,
): Blocking<Transfer | NtStatus> {
  const [file, event, apcRoutine, apcContext, ioStatusBlock, buffer, length, offsetAddress, keyAddress] = given;
  const operation = yield* beginOperation(
    kernel,
    { file, event, apcRoutine, apcContext, ioStatusBlock },
    { access, ranges: [range, optional(offsetAddress, 8), optional(keyAddress, 4)], handleFirst: true },
  );
  if (typeof operation === 'number') return operation;
  const offset = offsetAddress === 0 ? null : kernel.user.read64(offsetAddress);
  const key = keyAddress === 0 ? 0 : kernel.user.read32(keyAddress);
  return { operation, buffer, length, offset, key };
}

function* read(kernel: Kernel, transfer: Transfer): Blocking<IoResult> {
  const { file } = transfer.operation;
  const { device } = file;
  switch (device.kind) {
    case 'null':
      return refused(Status.END_OF_FILE);
    case 'pipe':
    case 'volume':
      return refused(Status.INVALID_DEVICE_REQUEST);
    case 'stream':
      return yield* readStream(kernel, transfer);
    case 'console':
      if (file.channel !== ConsoleChannel.Input) return refused(Status.INVALID_DEVICE_REQUEST);
      return yield* readConsole(kernel, transfer);
  }
}

/** A pipe at its end is broken, as one whose writers have all gone. */
function* readStream(kernel: Kernel, transfer: Transfer): Blocking<IoResult> {
  const { device, channel } = transfer.operation.file;
  if (device.kind !== 'stream' || channel !== ConsoleChannel.Input) return refused(Status.INVALID_DEVICE_REQUEST);
  if (transfer.length === 0) return done(0);
  const bytes = yield* device.read(kernel.ke, Math.min(transfer.length, CHUNK));
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

function write(kernel: Kernel, transfer: Transfer): IoResult {
  const { file } = transfer.operation;
  const { device, channel } = file;
  switch (device.kind) {
    case 'null':
      return done(transfer.length);
    case 'pipe':
    case 'volume':
      return refused(Status.INVALID_DEVICE_REQUEST);
    case 'stream': {
      if (channel === ConsoleChannel.Input) return refused(Status.INVALID_DEVICE_REQUEST);
      const stream = channel === ConsoleChannel.Error ? StandardStream.Error : StandardStream.Output;
      return writeChunks(kernel, transfer, (bytes) => device.host.write(stream, bytes));
    }
    case 'console':
      if (channel === ConsoleChannel.Input) return refused(Status.INVALID_DEVICE_REQUEST);
      return writeChunks(kernel, transfer, (bytes) => device.writeBytes(channel, bytes));
  }
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

export const readWriteServices: readonly Service[] = [
  service('NtReadFile', readFile),
  service('NtWriteFile', writeFile),
];
