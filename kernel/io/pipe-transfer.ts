import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { countOperation } from './io-counters.js';
import { completeRequest, finishRequest, IoRequest, waitForRequest } from './io-request.js';
import { completeOperation, type IoOperation, type IoResult, refused } from './io-status.js';
import { type PipeEnd, PipeState } from './pipe.js';

/** Bytes between a pipe and a buffer that was probed. */
interface PipeTransfer {
  readonly operation: IoOperation;
  readonly buffer: number;
  readonly length: number;
}

const NO_BUFFER = { address: 0, length: 0 };
/** Bytes of a long write that are captured at a time. */
const PIECE = 0x10000;
/** What one write can leave in a queue at all: above it there is never pool for it. */
const MAXIMUM_WRITE = 0x4000000;

/**
 * Reads what waits in a pipe, at least a byte or a message (BUFFER_OVERFLOW: part of one). PIPE_EMPTY where the end does not
 * wait, PIPE_LISTENING, PIPE_DISCONNECTED, PIPE_BROKEN, INVALID_PARAMETER for the wrong direction.
 */
export function* readPipe(kernel: Kernel, transfer: PipeTransfer, end: PipeEnd): Blocking<NtStatus> {
  const { operation, buffer, length } = transfer;
  const status = end.mayRead ? end.readStatus() : Status.INVALID_PARAMETER;
  if (!isSuccess(status)) {
    countOperation(kernel, 'read', 0);
    return completeOperation(kernel, operation, refused(status));
  }
  const request = new IoRequest();
  end.reads.read(request, length, end.mode.readsMessages);
  const finished = yield* finishRequest(kernel, operation, request, { address: buffer, length });
  if (end.isServer && request.information > 0) end.instance.readFrom = end.instance.writer;
  countOperation(kernel, 'read', request.information);
  return finished;
}

/**
 * Writes to a pipe; what the quota does not hold waits for the reader. PIPE_CLOSING, PIPE_LISTENING, PIPE_DISCONNECTED,
 * INSUFFICIENT_RESOURCES, INVALID_PARAMETER for the wrong direction. A byte pipe takes a long write that may wait in pieces.
 */
export function* writePipe(kernel: Kernel, transfer: PipeTransfer, end: PipeEnd): Blocking<NtStatus> {
  const { operation, buffer, length } = transfer;
  const inPieces = operation.file.isSynchronous && !end.instance.pipe.isMessagePipe && end.mode.waits;
  let written = 0;
  while (inPieces && length - written > PIECE) {
    const request = new IoRequest();
    put(kernel, end, request, buffer + written, PIECE);
    yield* waitForRequest(kernel, operation.file, request);
    if (!isSuccess(request.status)) return finishWrite(kernel, operation, refused(request.status));
    written += PIECE;
  }
  const request = new IoRequest();
  put(kernel, end, request, buffer + written, length - written);
  const before = written;
  if (request.status !== Status.PENDING || operation.file.isSynchronous) {
    if (request.status === Status.PENDING) yield* waitForRequest(kernel, operation.file, request);
    const { status, information } = request;
    return finishWrite(kernel, operation, { status, information: isSuccess(status) ? before + information : 0 });
  }
  countOperation(kernel, 'write', length);
  return yield* finishRequest(kernel, operation, request, NO_BUFFER);
}

/** Ends when the other end has read everything, PIPE_BROKEN when it goes before. PIPE_DISCONNECTED. */
export function* flushPipe(kernel: Kernel, operation: IoOperation, end: PipeEnd): Blocking<NtStatus> {
  if (end.state === PipeState.DISCONNECTED) {
    return completeOperation(kernel, operation, refused(Status.PIPE_DISCONNECTED));
  }
  const request = new IoRequest();
  end.writes.flush(request);
  return yield* finishRequest(kernel, operation, request, NO_BUFFER);
}

/** One write to the queue: ends the request or keeps it. */
function put(kernel: Kernel, end: PipeEnd, request: IoRequest, address: number, length: number): void {
  if (!end.isServer) end.instance.writer = kernel.ob.currentToken();
  let status = end.mayWrite ? end.writeStatus() : Status.INVALID_PARAMETER;
  if (isSuccess(status) && length > MAXIMUM_WRITE) status = Status.INSUFFICIENT_RESOURCES;
  const bytes = isSuccess(status) ? kernel.user.readBytes(address, length) : new Uint8Array(0);
  const failure = kernel.user.takeFailure();
  if (isSuccess(status)) status = failure;
  if (isSuccess(status)) end.writes.write(request, bytes, end.mode.waits ? 'wait' : 'try');
  else completeRequest(kernel, request, refused(status), null);
}

function finishWrite(kernel: Kernel, operation: IoOperation, result: IoResult): NtStatus {
  countOperation(kernel, 'write', result.information);
  return completeOperation(kernel, operation, result);
}
