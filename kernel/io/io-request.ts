import { PoolType } from '../ex/pool.js';
import { queueChargedApc } from '../ke/apc-services.js';
import { EventType, KEvent } from '../ke/dispatcher-object.js';
import { Increment } from '../ke/priority.js';
import { Mode, type Thread, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { isError, isSuccess, Status } from '../ntstatus.js';
import { currentPayer } from '../ps/quota.js';
import type { EThread } from '../ps/thread.js';
import type { Blocking, NtStatus } from '../types.js';
import { CreateOption, type FileObject } from './file-object.js';
import {
  completeOperation,
  type IoOperation,
  type IoResult,
  releaseOperation,
  signalOperation,
  tellPort,
} from './io-status.js';

/** Whoever keeps a request until it can end. */
export interface RequestHolder {
  /** The request is cancelled: forget it. */
  remove(request: IoRequest): void;
}

/** A buffer of the caller that was probed. */
export interface UserBuffer {
  readonly address: number;
  readonly length: number;
}

/** What a request needs to end after its service has returned STATUS_PENDING. */
interface PendedOperation {
  readonly operation: IoOperation;
  readonly buffer: UserBuffer;
  readonly thread: EThread;
  /** What it takes of nonpaged pool. */
  readonly block: number;
}

/** IRP with one stack location. */
const REQUEST_SIZE = 0x94;

/**
 * An operation that a device may keep until something happens elsewhere (IRP): it ends once, by completeRequest, in whatever
 * thread makes that happen.
 */
export class IoRequest {
  status: NtStatus = Status.PENDING;
  information = 0;
  /** What comes into the caller's buffer. */
  output: Uint8Array | null = null;
  holder: RequestHolder | null = null;
  /** What its thread still has to do when it has ended well, instead of taking the output. */
  perform: (() => Blocking<IoResult>) | null = null;
  /** Null while its service has not returned, and for good in one that waits. */
  pended: PendedOperation | null = null;
  readonly ended = new KEvent(EventType.Notification, false);
  /** IRP_RETRY_IO_COMPLETION: its results go to memory that its thread is just reading from disk. */
  retryCompletion = false;
}

/** Ends a request: its thread goes on, or gets results and signals by a special kernel APC (IoCompleteRequest). Does not block. */
export function completeRequest(kernel: Kernel, request: IoRequest, result: IoResult, output: Uint8Array | null): void {
  request.status = result.status;
  request.information = result.information;
  request.output = output;
  request.holder = null;
  kernel.ke.setEvent(request.ended, Increment.NamedPipe);
  if (request.pended !== null) completeLater(kernel, request, request.pended);
}

/**
 * The end of every service whose device may have kept its request: waits for it with a synchronous file, otherwise returns
 * PENDING. CANCELLED when the wait is interrupted, INSUFFICIENT_RESOURCES. Environment: PASSIVE_LEVEL, blocks.
 */
export function* finishRequest(
  kernel: Kernel,
  operation: IoOperation,
  request: IoRequest,
  buffer: UserBuffer,
): Blocking<NtStatus> {
  if (request.status === Status.PENDING) {
    const thread = kernel.ke.currentThread.executive;
    if (!operation.file.isSynchronous && thread !== null) return pend(kernel, operation, request, buffer, thread);
    yield* waitForRequest(kernel, operation.file, request);
  }
  return completeOperation(kernel, operation, deliver(kernel, request, buffer));
}

/** Waits until a request has ended; an interrupted wait cancels it. Environment: PASSIVE_LEVEL, blocks. */
export function* waitForRequest(kernel: Kernel, file: FileObject, request: IoRequest): Blocking<void> {
  const alertable = (file.mode & CreateOption.SYNCHRONOUS_IO_ALERT) !== 0;
  yield* kernel.ke.waitForSingleObject(request.ended, WaitReason.Executive, Mode.User, alertable, null);
  if (request.status === Status.PENDING) cancelRequest(kernel, request);
}

/** Ends a request with CANCELLED: its device lets go of it (IoCancelIrp). Environment: PASSIVE_LEVEL, does not wait. */
export function cancelRequest(kernel: Kernel, request: IoRequest): void {
  request.holder?.remove(request);
  completeRequest(kernel, request, { status: Status.CANCELLED, information: 0 }, null);
}

/** Ends what a thread has pending, all of it or on one file (IoCancelThreadIo, NtCancelIoFile). */
export function cancelPending(kernel: Kernel, thread: EThread, file: FileObject | null): void {
  for (const request of [...thread.pendingRequests]) {
    if (request.retryCompletion) continue;
    if (file === null || request.pended?.operation.file === file) cancelRequest(kernel, request);
  }
}

function pend(
  kernel: Kernel,
  operation: IoOperation,
  request: IoRequest,
  buffer: UserBuffer,
  thread: EThread,
): NtStatus {
  const payer = currentPayer(kernel);
  const { address: block } = kernel.ex.pool.allocateWithQuota(payer, PoolType.NonPaged, REQUEST_SIZE, 'Irp ');
  if (block === 0) {
    cancelRequest(kernel, request);
    return completeOperation(kernel, operation, { status: Status.INSUFFICIENT_RESOURCES, information: 0 });
  }
  request.pended = { operation, buffer, thread, block };
  thread.pendingRequests.add(request);
  return Status.PENDING;
}

/** IoRetryIrpCompletions: the APCs that came upon a page which their thread was reading come once more. Environment: any; does not wait. */
export function retryCompletions(kernel: Kernel, thread: Thread): void {
  for (const request of [...(thread.executive?.pendingRequests ?? [])]) {
    if (!request.retryCompletion || request.pended === null) continue;
    request.retryCompletion = false;
    completeLater(kernel, request, request.pended);
  }
}

function completeLater(kernel: Kernel, request: IoRequest, pended: PendedOperation): void {
  const { thread } = pended;
  thread.pendingRequests.delete(request);
  const queued =
    !thread.terminated &&
    kernel.ke.queueApc(thread.tcb, {
      mode: Mode.Kernel,
      kernelRoutine: () => completeInThread(kernel, request, pended),
      rundown: () => endPended(kernel, pended),
    });
  if (!queued) endPended(kernel, pended);
}

/**
 * The special kernel APC in the thread that asked: copies the results, signals, queues the user APC (IopCompleteRequest). When it
 * runs while the thread reads one of these pages from disk, it comes again once that is done.
 */
function* completeInThread(kernel: Kernel, request: IoRequest, pended: PendedOperation): Blocking<void> {
  const { operation, thread } = pended;
  const given = operation.arguments;
  const probed = yield* kernel.user.probeForWrite(given.ioStatusBlock, 8);
  if (isMultipleFault(kernel, probed)) return waitForFault(request, thread);
  const result = yield* resultOf(kernel, request, pended.buffer);
  if (result === null) return waitForFault(request, thread);
  if (isSuccess(probed)) {
    kernel.user.write32(given.ioStatusBlock, result.status);
    kernel.user.write32(given.ioStatusBlock + 4, result.information);
    kernel.user.clearFailure();
  }
  tellPort(kernel, operation, result);
  if (given.apcRoutine !== 0) queueUserApc(kernel, thread.tcb, operation);
  endPended(kernel, pended);
}

const isMultipleFault = (kernel: Kernel, status: NtStatus): boolean =>
  status === Status.IN_PAGE_ERROR && kernel.mm.lastFault.underlyingStatus === Status.MULTIPLE_FAULT_VIOLATION;

function waitForFault(request: IoRequest, thread: EThread): void {
  request.retryCompletion = true;
  thread.pendingRequests.add(request);
}

/** How a request has ended, with what its thread had to do for it. Null: not before the thread's own page fault is over. */
function* resultOf(kernel: Kernel, request: IoRequest, buffer: UserBuffer): Blocking<IoResult | null> {
  const { status, output, perform } = request;
  if (perform !== null && !isError(status)) {
    const result = yield* perform();
    const isTooEarly = result.status === Status.MULTIPLE_FAULT_VIOLATION || isMultipleFault(kernel, result.status);
    return isTooEarly ? null : result;
  }
  if (output !== null) {
    const probed = yield* kernel.user.probeForWrite(buffer.address, output.length);
    if (isMultipleFault(kernel, probed)) return null;
  }
  return deliver(kernel, request, buffer);
}

function queueUserApc(kernel: Kernel, thread: Thread, { arguments: given }: IoOperation): void {
  const normalRoutine = given.apcRoutine;
  const apc = { normalRoutine, normalContext: given.apcContext, argument1: given.ioStatusBlock, argument2: 0 };
  queueChargedApc(kernel, thread, apc);
}

function endPended(kernel: Kernel, { operation, block }: PendedOperation): void {
  signalOperation(kernel, operation, Increment.NamedPipe);
  releaseOperation(kernel, operation);
  kernel.ex.pool.free(block);
}

/** Copies what came into the caller's buffer. Environment: PASSIVE_LEVEL in the caller's process, behind a probe. */
function deliver(kernel: Kernel, request: IoRequest, buffer: UserBuffer): IoResult {
  const { status, information, output } = request;
  if (output === null || isError(status)) return { status, information };
  const written = kernel.user.writeBytes(buffer.address, output);
  return written < output.length ? { status: kernel.user.takeFailure(), information: 0 } : { status, information };
}
