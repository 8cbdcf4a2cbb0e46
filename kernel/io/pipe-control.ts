import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { decodeUtf16 } from '../mm/user-memory.js';
import { isSuccess, Status } from '../ntstatus.js';
import { impersonateClient } from '../se/impersonation.js';
import type { Blocking, NtStatus } from '../types.js';
import type { FileObject } from './file-object.js';
import { concatenate, dword, putBytes } from './information-bytes.js';
import { cancelRequest, finishRequest, IoRequest, type UserBuffer } from './io-request.js';
import { completeOperation, done, type IoOperation, type IoResult, refused } from './io-status.js';
import { type PipeEnd, PipeState } from './pipe.js';

/** FSCTL_PIPE_*. */
export const PipeControl = {
  DISCONNECT: 0x110004,
  LISTEN: 0x110008,
  PEEK: 0x11400c,
  WAIT: 0x110018,
  IMPERSONATE: 0x11001c,
  TRANSCEIVE: 0x11c017,
} as const;

/** Arguments of NtFsControlFile behind the usual ones; both buffers were probed. */
export interface FsControlCall {
  readonly operation: IoOperation;
  readonly code: number;
  readonly input: UserBuffer;
  readonly output: UserBuffer;
}

/** FILE_PIPE_PEEK_BUFFER before its data: state, bytes available, number and length of messages. */
export const PEEK_HEADER = 16;
/** FILE_PIPE_WAIT_FOR_BUFFER before the name: timeout, length of the name, whether there is a timeout. */
const WAIT_HEADER = 14;
const MAXIMUM_NAME = 0x200;
const NO_BUFFER = { address: 0, length: 0 };

/**
 * The control codes of pipes; ends the operation. INVALID_DEVICE_REQUEST for others, ILLEGAL_FUNCTION for what only servers may. Environment: PASSIVE_LEVEL, blocks.
 */
export function* controlPipe(kernel: Kernel, call: FsControlCall): Blocking<NtStatus> {
  const { operation, code } = call;
  const end = operation.file.pipe;
  if (code === PipeControl.WAIT) {
    const result = yield* waitForInstance(kernel, operation.file, call.input);
    return completeOperation(kernel, operation, result);
  }
  if (end === null) return completeOperation(kernel, operation, refused(Status.INVALID_DEVICE_REQUEST));
  switch (code) {
    case PipeControl.LISTEN: {
      if (!end.isServer) return completeOperation(kernel, operation, refused(Status.ILLEGAL_FUNCTION));
      const request = new IoRequest();
      kernel.io.pipes.listen(end, request);
      return yield* finishRequest(kernel, operation, request, NO_BUFFER);
    }
    case PipeControl.DISCONNECT: {
      const status = end.isServer ? kernel.io.pipes.disconnect(end) : Status.ILLEGAL_FUNCTION;
      return completeOperation(kernel, operation, { status, information: 0 });
    }
    case PipeControl.PEEK:
      return completeOperation(kernel, operation, peek(kernel, end, call.output));
    case PipeControl.TRANSCEIVE:
      return yield* transceive(kernel, call, end);
    case PipeControl.IMPERSONATE:
      return completeOperation(kernel, operation, { status: impersonate(kernel, end), information: 0 });
    default:
      return completeOperation(kernel, operation, refused(Status.INVALID_DEVICE_REQUEST));
  }
}

/**
 * FSCTL_PIPE_IMPERSONATE: the server's thread acts for whoever wrote what it has read last, until NtSetInformationThread ends it.
 * CANNOT_IMPERSONATE before anything was read, ILLEGAL_FUNCTION for clients, PIPE_DISCONNECTED, INSUFFICIENT_RESOURCES.
 */
function impersonate(kernel: Kernel, end: PipeEnd): NtStatus {
  if (!end.isServer) return Status.ILLEGAL_FUNCTION;
  if (end.state === PipeState.DISCONNECTED) return Status.PIPE_DISCONNECTED;
  const thread = kernel.ke.currentThread.executive;
  const client = end.instance.readFrom;
  if (client === null || thread === null) return Status.CANNOT_IMPERSONATE;
  return impersonateClient(kernel, thread, client);
}

/** FSCTL_PIPE_PEEK: what waits, without taking it; of a message pipe the first message (BUFFER_OVERFLOW: part of it). */
function peek(kernel: Kernel, end: PipeEnd, { address, length }: UserBuffer): IoResult {
  if (length < PEEK_HEADER) return refused(Status.INVALID_PARAMETER);
  const { reads, state } = end;
  if (state === PipeState.DISCONNECTED) return refused(Status.PIPE_DISCONNECTED);
  if (state === PipeState.LISTENING) return refused(Status.INVALID_PIPE_STATE);
  if (state === PipeState.CLOSING && reads.isEmpty) return refused(Status.PIPE_BROKEN);
  const { isMessagePipe } = end.instance.pipe;
  const bytes = reads.peek(length - PEEK_HEADER, isMessagePipe);
  const messages = isMessagePipe ? [reads.messageCount, reads.firstMessageLength] : [0, 0];
  const header = [state, reads.length, ...messages].map(dword);
  const result = putBytes(kernel, address, length, concatenate([...header, bytes]));
  const isPartial = isMessagePipe && bytes.length < reads.firstMessageLength;
  return isPartial && isSuccess(result.status) ? { ...result, status: Status.BUFFER_OVERFLOW } : result;
}

/**
 * FSCTL_PIPE_TRANSCEIVE: writes a message and waits for the answer. INVALID_PIPE_STATE where nobody is connected or the pipe has
 * one direction only, INVALID_READ_MODE where reads do not give messages, PIPE_BUSY while something waits to be read.
 */
function* transceive(kernel: Kernel, call: FsControlCall, end: PipeEnd): Blocking<NtStatus> {
  const { operation, input, output } = call;
  const refuse = (status: NtStatus): NtStatus => completeOperation(kernel, operation, refused(status));
  if (end.state !== PipeState.CONNECTED || !end.mayRead || !end.mayWrite) return refuse(Status.INVALID_PIPE_STATE);
  if (!end.mode.readsMessages) return refuse(Status.INVALID_READ_MODE);
  if (!end.reads.isEmpty) return refuse(Status.PIPE_BUSY);
  const message = kernel.user.readBytes(input.address, Math.min(input.length, MAXIMUM_MESSAGE));
  const failure = kernel.user.takeFailure();
  if (!isSuccess(failure)) return refuse(failure);
  if (input.length > MAXIMUM_MESSAGE) return refuse(Status.INSUFFICIENT_RESOURCES);
  const write = new IoRequest();
  end.writes.write(write, message, 'always');
  if (!isSuccess(write.status)) return refuse(write.status);
  const answer = new IoRequest();
  end.reads.read(answer, output.length, true);
  return yield* finishRequest(kernel, operation, answer, output);
}

const MAXIMUM_MESSAGE = 0x4000000;

/** FSCTL_PIPE_WAIT on the device: until an instance of the pipe listens. IO_TIMEOUT, OBJECT_NAME_NOT_FOUND. */
function* waitForInstance(kernel: Kernel, file: FileObject, input: UserBuffer): Blocking<IoResult> {
  const { user, io, ke } = kernel;
  if (file.pipe !== null) return refused(Status.ILLEGAL_FUNCTION);
  if (input.length < WAIT_HEADER) return refused(Status.INVALID_PARAMETER);
  const given = BigInt.asIntN(64, user.read64(input.address));
  const nameLength = user.read32(input.address + 8);
  const isTimeoutGiven = user.read8(input.address + 12) !== 0;
  if (nameLength === 0 || nameLength > MAXIMUM_NAME || nameLength > input.length - WAIT_HEADER) {
    return refused(Status.INVALID_PARAMETER);
  }
  const name = decodeUtf16(user.readBytes(input.address + WAIT_HEADER, nameLength));
  const failure = user.takeFailure();
  if (!isSuccess(failure)) return refused(failure);
  const timeout = isTimeoutGiven ? given : (io.pipes.find(name)?.defaultTimeout ?? 0n);
  const request = new IoRequest();
  io.pipes.waitForInstance(name, request);
  if (request.status === Status.PENDING) {
    const status = yield* ke.waitForSingleObject(request.ended, WaitReason.Executive, Mode.User, false, timeout);
    if (request.status === Status.PENDING) cancelRequest(kernel, request);
    if (request.status === Status.CANCELLED) {
      return refused(status === Status.TIMEOUT ? Status.IO_TIMEOUT : Status.CANCELLED);
    }
  }
  return isSuccess(request.status) ? done(0) : refused(request.status);
}
