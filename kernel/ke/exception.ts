import type { UnhandledExceptionReport } from '../host.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status, statusName } from '../ntstatus.js';
import { hex } from '../trace.js';
import type { Blocking, NtStatus } from '../types.js';
import { takeUserApc, testAlert } from './apc.js';
import type { FpuOwnership } from './fpu-ownership.js';
import type { ExceptionRecord, UserDispatchers } from './kernel-executive.js';
import { traceServiceEnd } from './system-service.js';
import { Mode, type Thread } from './thread.js';
import { FrameScratch, pushException, pushUserApc, pushUserStatus } from './user-frames.js';

export const NO_DISPATCHERS: UserDispatchers = {
  userExceptionDispatcher: 0,
  userApcDispatcher: 0,
  userCallbackDispatcher: 0,
  raiseUserExceptionDispatcher: 0,
  fastSystemCall: 0,
  fastSystemCallReturn: 0,
};

/** Exceptions and user APCs on their way to user mode. */
export class ExceptionDispatcher {
  dispatchers: UserDispatchers = NO_DISPATCHERS;
  readonly #kernel: Kernel;
  readonly #fpu: FpuOwnership;
  readonly #scratch = new FrameScratch();

  constructor(kernel: Kernel, fpu: FpuOwnership) {
    this.#kernel = kernel;
    this.#fpu = fpu;
  }

  /**
   * KiDispatchException for user mode: first chance to KiUserExceptionDispatcher; when the stack cannot take the frames or
   * on the second chance the process ends with the exception's code. May block.
   */
  *dispatch(thread: Thread, record: ExceptionRecord, firstChance: boolean): Blocking<void> {
    const kernel = this.#kernel;
    const frame = thread.trapFrame;
    if (frame === null) return;
    if (firstChance) kernel.counters.exceptionsDispatched++;
    if (kernel.trace.threads) this.#trace(thread, record, firstChance);
    thread.frameReplaced = true;
    this.#fpu.save(thread);
    if (firstChance) {
      const status = yield* pushException(kernel, frame, this.dispatchers, record, this.#scratch);
      if (isSuccess(status)) return;
      // A stack that has just come to its end has room for the frames of the overflow itself.
      if (status === Status.STACK_OVERFLOW && record.code !== Status.STACK_OVERFLOW) {
        const overflow: ExceptionRecord = { ...record, code: Status.STACK_OVERFLOW, parameters: [] };
        if (isSuccess(yield* pushException(kernel, frame, this.dispatchers, overflow, this.#scratch))) return;
        yield* this.#secondChance(thread, overflow);
        return;
      }
    }
    yield* this.#secondChance(thread, record);
  }

  /** Nobody handled it: the host is told and the process ends. */
  *#secondChance(thread: Thread, record: ExceptionRecord): Blocking<void> {
    const kernel = this.#kernel;
    const report: UnhandledExceptionReport = {
      processId: thread.process.uniqueProcessId,
      threadId: thread.uniqueThreadId,
      imageName: thread.process.imageFileName,
      code: record.code,
      address: record.address,
      parameters: record.parameters,
    };
    kernel.host.unhandledException(report);
    yield* kernel.ps.terminateProcess(thread.process, record.code);
  }

  /** Delivers one pending user APC at the return to user mode (KiDeliverApc in user mode). */
  *deliverUserApc(thread: Thread): Blocking<void> {
    const kernel = this.#kernel;
    const frame = thread.trapFrame;
    const apc = takeUserApc(thread);
    if (apc === null || frame === null) return;
    kernel.counters.apcsDelivered++;
    const kernelWork = apc.kernelRoutine?.(thread, apc);
    if (kernelWork) yield* kernelWork;
    if (typeof apc.normalRoutine !== 'number' || apc.normalRoutine === 0) {
      testAlert(thread, Mode.User);
      return;
    }
    this.#fpu.save(thread);
    const status = yield* pushUserApc(kernel, frame, this.dispatchers, apc, this.#scratch);
    if (isSuccess(status)) return;
    yield* this.dispatch(thread, { code: status, flags: 0, address: apc.normalRoutine, parameters: [] }, true);
    thread.frameReplaced = false;
  }

  /** KeRaiseUserException. */
  *raiseStatus(thread: Thread, status: NtStatus): Blocking<void> {
    if (thread.trapFrame === null) return;
    yield* pushUserStatus(this.#kernel, thread.trapFrame, this.dispatchers, thread.teb, status);
  }

  /** A thread ends inside a service: its system call never returns. */
  threadEnds(thread: Thread, exitStatus: NtStatus): void {
    const { trace } = this.#kernel;
    traceServiceEnd(this.#kernel, thread, null);
    this.#kernel.observer?.threadEnded(thread, exitStatus);
    if (!trace.threads) return;
    trace.event('thread-end', {
      process: thread.process.uniqueProcessId,
      thread: thread.uniqueThreadId,
      status: hex(exitStatus),
    });
  }

  #trace(thread: Thread, record: ExceptionRecord, firstChance: boolean): void {
    this.#kernel.trace.event('exception', {
      process: thread.process.uniqueProcessId,
      thread: thread.uniqueThreadId,
      code: hex(record.code),
      codeName: statusName(record.code),
      address: hex(record.address),
      parameters: record.parameters.map(hex),
      firstChance,
    });
  }
}
