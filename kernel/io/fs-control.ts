import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { ConsoleChannel } from './console-device.js';
import { concatenate, dword, putBytes } from './information-bytes.js';
import { countOperation } from './io-counters.js';
import { beginOperation, completeOperation, type IoOperation, type IoResult, refused } from './io-status.js';

/** FSCTL_PIPE_PEEK: what waits in a pipe, without taking it. */
const PIPE_PEEK = 0x11400c;
/** FILE_PIPE_PEEK_BUFFER before its data: state, bytes available, number and length of messages. */
const PEEK_HEADER = 16;
const PIPE_CONNECTED = 3;

/**
 * NtFsControlFile(file, event, apc, context, iosb, code, input, input length, output, output length). INVALID_DEVICE_REQUEST
 * for every code but FSCTL_PIPE_PEEK on standard input that is a pipe: PIPE_BROKEN at its end, INVALID_PARAMETER for a buffer
 * below 16 bytes.
 */
function* fsControl(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [file, event, apcRoutine, apcContext, ioStatusBlock, code] = given;
  const [inputBuffer, inputLength, outputBuffer, outputLength] = given.slice(6);
  const { user } = kernel;
  let status = yield* user.probeForRead(inputBuffer, inputLength);
  if (isSuccess(status)) status = yield* user.probeForWrite(outputBuffer, outputLength);
  if (!isSuccess(status)) return status;
  const operation = yield* beginOperation(kernel, { file, event, apcRoutine, apcContext, ioStatusBlock }, 0);
  if (typeof operation === 'number') return operation;
  countOperation(kernel, 'other', 0);
  const result =
    code === PIPE_PEEK ? peek(kernel, operation, outputBuffer, outputLength) : refused(Status.INVALID_DEVICE_REQUEST);
  return completeOperation(kernel, operation, result);
}

function peek(kernel: Kernel, { file }: IoOperation, buffer: number, length: number): IoResult {
  const { device, channel } = file;
  if (file.pipe !== null) {
    const { reads } = file.pipe;
    if (length < PEEK_HEADER) return refused(Status.INVALID_PARAMETER);
    if (reads.length === 0 && reads.writerGone) return refused(Status.PIPE_BROKEN);
    const header = [dword(PIPE_CONNECTED), dword(reads.length), dword(0), dword(0)];
    return putBytes(kernel, buffer, length, concatenate([...header, reads.peek(length - PEEK_HEADER)]));
  }
  if (device.kind !== 'stream' || channel !== ConsoleChannel.Input) return refused(Status.INVALID_DEVICE_REQUEST);
  if (length < PEEK_HEADER) return refused(Status.INVALID_PARAMETER);
  const ahead = device.peek();
  if (ahead === null) return refused(Status.PIPE_BROKEN);
  const header = [dword(PIPE_CONNECTED), dword(ahead.length), dword(0), dword(0)];
  return putBytes(kernel, buffer, length, concatenate([...header, ahead.subarray(0, length - PEEK_HEADER)]));
}

export const fsControlServices: readonly Service[] = [service('NtFsControlFile', fsControl)];
