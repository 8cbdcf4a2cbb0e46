import type { Blocking, NtStatus, VirtualAddress } from '../types.js';
import type { Apc, KernelRoutine, NormalRoutine } from './apc-state.js';
import type { DispatcherObject, KEvent, KMutant, KSemaphore, KTimer } from './dispatcher-object.js';
import type { Process } from './process.js';
import type { Mode, Thread, WaitReason } from './thread.js';

/** 100 ns units: negative is relative, zero does not wait, positive is an absolute system time. */
export type Timeout = bigint;

/** EXCEPTION_RECORD without its chain pointer; addresses and parameters unsigned. */
export interface ExceptionRecord {
  readonly code: NtStatus;
  readonly flags: number;
  readonly address: number;
  readonly parameters: readonly number[];
}

/** What a new user thread needs besides its CONTEXT. */
export interface UserThreadParameters {
  readonly uniqueThreadId: number;
  readonly teb: VirtualAddress;
  /** CONTEXT bytes (0x2CC); segments are forced to ring 3. */
  readonly context: Uint8Array;
}

export interface ApcParameters {
  readonly mode: Mode;
  readonly kernelRoutine?: KernelRoutine | null;
  readonly normalRoutine?: NormalRoutine;
  readonly normalContext?: number;
  readonly argument1?: number;
  readonly argument2?: number;
  readonly rundown?: (() => void) | null;
  readonly contextAsNormalContext?: boolean;
  /** User mode: goes before all others and comes at the next return to user mode, alertable or not; ends user waits. */
  readonly terminate?: boolean;
}

/**
 * ke as the rest of the kernel sees it: threads, waits, time, APCs, exceptions. Routines that return Blocking may
 * wait and are called with `yield*` from a thread's own code; all others never wait and may be called from anywhere.
 */
export interface KernelExecutive {
  readonly currentThread: Thread;
  /** The process whose address space is current: another than currentThread.process while attached. */
  readonly currentProcess: Process;

  // --- waits (wait.ts). Statuses: SUCCESS/WAIT_0 + index, ABANDONED_WAIT_0 + index, TIMEOUT, ALERTED, USER_APC.
  waitForSingleObject(
    object: DispatcherObject,
    reason: WaitReason,
    mode: Mode,
    alertable: boolean,
    timeout: Timeout | null,
  ): Blocking<NtStatus>;
  /** At most 64 objects. */
  waitForMultipleObjects(
    objects: readonly DispatcherObject[],
    waitAll: boolean,
    reason: WaitReason,
    mode: Mode,
    alertable: boolean,
    timeout: Timeout | null,
  ): Blocking<NtStatus>;
  delayExecution(mode: Mode, alertable: boolean, timeout: Timeout): Blocking<NtStatus>;
  /** Lets other ready threads of the same priority run: true when one did. */
  yieldExecution(): Blocking<boolean>;
  /** The machine stands still until the host is asked again for input that it has not got yet. */
  awaitHost(): Blocking<void>;

  // --- dispatcher objects (events, mutants ...). Event routines return the previous signal state.
  setEvent(event: KEvent, increment: number): number;
  /** Signals a synchronization event that stands for a lock: its next owner runs before the current thread. */
  setEventBoostPriority(event: KEvent): void;
  resetEvent(event: KEvent): number;
  pulseEvent(event: KEvent, increment: number): number;
  /** Previous count, or -1 when the limit would be exceeded and nothing was done. */
  releaseSemaphore(semaphore: KSemaphore, increment: number, adjustment: number): number;
  /** Previous count (0 = now free when it was 0), or null when the current thread is not the owner. */
  releaseMutant(mutant: KMutant, increment: number): number | null;
  /** The current thread owns the mutant from its creation (initial owner). */
  acquireNewMutant(mutant: KMutant): void;
  /** True when the timer was in the queue before. @param period milliseconds, 0 for one shot. */
  setTimer(timer: KTimer, dueTime: Timeout, period: number, onExpire?: (() => void) | null): boolean;
  cancelTimer(timer: KTimer): boolean;
  /** Makes a thread ready whose kernel stack has come back. */
  readyThread(thread: Thread): void;
  /** The process is in memory: its threads that waited for that are ready. */
  processArrived(process: Process): void;
  /** What the processor holds of a thread that does not run goes to its kernel stack. */
  leaveProcessorState(thread: Thread): void;
  /** Helps threads that were ready for long without running (KiScanReadyQueues). */
  scanReadyQueues(): void;
  /** Signals a process or thread object; done by ke itself at their end. */
  signal(object: DispatcherObject, increment: number): void;

  // --- time
  /** 100 ns units since 1601. */
  systemTime(): bigint;
  /** Moves the system clock; absolute timers move with it. */
  setSystemTime(time: bigint): void;
  /** 100 ns units since boot. */
  interruptTime(): bigint;
  /** Clock ticks of 15.625 ms since boot. */
  tickCount(): number;
  /** Virtual nanoseconds since boot. */
  nanoseconds(): number;
  /** Lets a device take virtual time: the clock advances by so many nanoseconds, nobody runs meanwhile. */
  spendDeviceTime(nanoseconds: number): void;

  // --- processes and threads
  /**
   * Makes a thread that runs `body` in kernel mode and ends with it (PsCreateSystemThread); it is ready at once. Null without
   * a kernel stack or a client id (INSUFFICIENT_RESOURCES).
   */
  createSystemThread(process: Process, priority: number, body: (thread: Thread) => Blocking<void>): Thread | null;
  /** Makes a user thread in state Initialized with a kernel stack and trap frame; startThread() makes it ready. */
  createUserThread(
    process: Process,
    parameters: UserThreadParameters,
  ): { readonly status: NtStatus; readonly thread: Thread | null };
  startThread(thread: Thread): void;
  /** Ends the current thread: waiters are satisfied, mutants abandoned, APCs run down; never returns. */
  terminateCurrentThread(exitStatus: NtStatus): Blocking<never>;
  /** Previous suspend count, or -1 when it would pass 127. */
  suspendThread(thread: Thread): number;
  /** Previous suspend count; 0 = was not suspended. */
  resumeThread(thread: Thread): number;
  /** Resumes whatever the count. */
  forceResumeThread(thread: Thread): void;
  /** Previous base priority increment relative to the process. */
  setBasePriority(thread: Thread, increment: number): number;
  boostThread(thread: Thread, increment: number): void;
  setPriority(thread: Thread, priority: number): void;
  setProcessPriority(process: Process, basePriority: number): void;
  attachProcess(process: Process): void;
  detachProcess(): void;
  /** CONTEXT (0x2CC bytes) of a user thread that is in the kernel, with the parts that `flags` names. */
  getContext(thread: Thread, flags: number): Uint8Array;
  /** Takes over the parts of a CONTEXT that its flags name; segments and EFLAGS are sanitised. */
  setContext(thread: Thread, context: Uint8Array): void;

  // --- APCs and alerts
  /** False when the thread no longer takes APCs. */
  queueApc(thread: Thread, parameters: ApcParameters): boolean;
  /** True when the thread was alerted or a user APC is queued; consumes the alert. */
  testAlert(mode: Mode): boolean;
  /** Previous alert state. */
  alertThread(thread: Thread, mode: Mode): boolean;
  /** Suspension counts down and an alert arrives; previous suspend count. */
  alertResumeThread(thread: Thread): number;
  /** Takes every user APC of the thread away and runs it down. */
  flushApcs(thread: Thread): readonly Apc[];

  // --- exceptions
  /**
   * Raises an exception in the current user thread: builds the frames for KiUserExceptionDispatcher on the user stack. The
   * thread goes there when the service returns; it ends its process when the stack cannot take the frames.
   */
  raiseUserException(record: ExceptionRecord): Blocking<void>;
  /** As raiseUserException; on the second chance (`firstChance` false) the process ends at once. */
  dispatchException(record: ExceptionRecord, firstChance: boolean): Blocking<void>;
  /** The service's caller sees the status raised as an exception: TEB.ExceptionCode, KiRaiseUserExceptionDispatcher. */
  raiseUserStatus(status: NtStatus): Blocking<void>;
  /** Addresses of ntdll's entry points, found by ps when it maps ntdll for the first time. */
  setUserDispatchers(dispatchers: UserDispatchers): void;
}

/** Entry points in ntdll that the kernel sends threads to; unsigned user addresses, 0 where missing. */
export interface UserDispatchers {
  readonly userExceptionDispatcher: number;
  readonly userApcDispatcher: number;
  readonly userCallbackDispatcher: number;
  readonly raiseUserExceptionDispatcher: number;
  /** KiFastSystemCall, also written to KUSER_SHARED_DATA.SystemCall. */
  readonly fastSystemCall: number;
  /** KiFastSystemCallRet, also written to KUSER_SHARED_DATA.SystemCallReturn: where SYSENTER services return. */
  readonly fastSystemCallReturn: number;
}
