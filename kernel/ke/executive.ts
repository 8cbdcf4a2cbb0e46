import type { Kernel } from '../kernel.js';
import { createKernelStack, deleteKernelStack } from '../mm/kernel-stack.js';
import { makeStackResident } from '../mm/swapper.js';
import { systemLocation } from '../mm/system-pages.js';
import { Status } from '../ntstatus.js';
import { hex } from '../trace.js';
import type { Blocking, NtStatus } from '../types.js';
import { virtualAddress } from '../types.js';
import * as apc from './apc.js';
import { type Apc, ApcState } from './apc-state.js';
import { CONTEXT_SIZE, ContextFlag, contextFromFrame, contextToFrame, contextWords } from './context.js';
import { Selector } from './descriptor-tables.js';
import type { Dispatcher } from './dispatcher.js';
import type { DispatcherObject, KEvent, KMutant, KSemaphore, KTimer } from './dispatcher-object.js';
import * as routines from './dispatcher-routines.js';
import { type ExceptionDispatcher, NO_DISPATCHERS } from './exception.js';
import type { FpuOwnership } from './fpu-ownership.js';
import { initializeFxImage } from './fpu-state.js';
import type {
  ApcParameters,
  ExceptionRecord,
  KernelExecutive,
  Timeout,
  UserDispatchers,
  UserThreadParameters,
} from './kernel-executive.js';
import type { Process } from './process.js';
import type { SharedUserData } from './shared-user-data.js';
import { Mode, Thread, WaitReason } from './thread.js';
import * as threads from './threads.js';
import { TRAP_FRAME_DISTANCE, TRAP_FRAME_SIZE, TrapFrame, TrapFrameField } from './trap-frame.js';
import * as wait from './wait.js';

const PAGE_SIZE = 0x1000;
const INVALID_PROCESS_ATTACH_ATTEMPT = 0x05;

/** What the executive is put together from. */
export interface ExecutiveParts {
  readonly kernel: Kernel;
  readonly dispatcher: Dispatcher;
  readonly fpu: FpuOwnership;
  readonly sharedUserData: SharedUserData;
  readonly exceptions: ExceptionDispatcher;
}

/** ke's routines over one dispatcher and one kernel: the face that the other components see. */
export class Executive implements KernelExecutive {
  readonly dispatcher: Dispatcher;
  userDispatchers: UserDispatchers = NO_DISPATCHERS;
  readonly #kernel: Kernel;
  readonly #fpu: FpuOwnership;
  readonly #sharedUserData: SharedUserData;
  readonly #exceptions: ExceptionDispatcher;

  constructor(parts: ExecutiveParts) {
    this.dispatcher = parts.dispatcher;
    this.#kernel = parts.kernel;
    this.#fpu = parts.fpu;
    this.#sharedUserData = parts.sharedUserData;
    this.#exceptions = parts.exceptions;
  }

  get currentThread(): Thread {
    return this.dispatcher.current;
  }

  get currentProcess(): Process {
    return this.dispatcher.current.apcState.process;
  }

  // --- waits

  waitForSingleObject(
    object: DispatcherObject,
    reason: WaitReason,
    mode: Mode,
    alertable: boolean,
    timeout: Timeout | null,
  ): Blocking<NtStatus> {
    return wait.waitForSingleObject(this.dispatcher, object, { reason, mode, alertable, timeout });
  }

  waitForMultipleObjects(
    objects: readonly DispatcherObject[],
    waitAll: boolean,
    reason: WaitReason,
    mode: Mode,
    alertable: boolean,
    timeout: Timeout | null,
  ): Blocking<NtStatus> {
    return wait.waitForMultipleObjects(this.dispatcher, objects, waitAll, { reason, mode, alertable, timeout });
  }

  delayExecution(mode: Mode, alertable: boolean, timeout: Timeout): Blocking<NtStatus> {
    return wait.delayExecution(this.dispatcher, mode, alertable, timeout, WaitReason.DelayExecution);
  }

  yieldExecution(): Blocking<boolean> {
    return wait.yieldExecution(this.dispatcher);
  }

  awaitHost(): Blocking<void> {
    return wait.awaitHost(this.dispatcher);
  }

  // --- dispatcher objects

  setEvent(event: KEvent, increment: number): number {
    return routines.setEvent(this.dispatcher, event, increment);
  }

  setEventBoostPriority(event: KEvent): void {
    routines.setEventBoostPriority(this.dispatcher, event);
  }

  resetEvent(event: KEvent): number {
    return routines.resetEvent(event);
  }

  pulseEvent(event: KEvent, increment: number): number {
    return routines.pulseEvent(this.dispatcher, event, increment);
  }

  releaseSemaphore(semaphore: KSemaphore, increment: number, adjustment: number): number {
    return routines.releaseSemaphore(this.dispatcher, semaphore, increment, adjustment);
  }

  releaseMutant(mutant: KMutant, increment: number): number | null {
    return routines.releaseMutant(this.dispatcher, mutant, this.currentThread, increment);
  }

  acquireNewMutant(mutant: KMutant): void {
    routines.acquireNewMutant(mutant, this.currentThread);
  }

  setTimer(timer: KTimer, dueTime: Timeout, period: number, onExpire: (() => void) | null = null): boolean {
    return routines.setTimer(this.dispatcher, timer, dueTime, period, onExpire);
  }

  cancelTimer(timer: KTimer): boolean {
    return routines.cancelTimer(this.dispatcher, timer);
  }

  readyThread(thread: Thread): void {
    this.dispatcher.readyThread(thread);
  }

  leaveProcessorState(thread: Thread): void {
    this.#fpu.save(thread);
    this.#fpu.forget(thread);
  }

  processArrived(process: Process): void {
    this.dispatcher.processArrived(process);
  }

  scanReadyQueues(): void {
    this.dispatcher.scanReadyQueues();
  }

  signal(object: DispatcherObject, increment: number): void {
    routines.signalObject(this.dispatcher, object, increment);
  }

  // --- time

  systemTime(): bigint {
    return this.dispatcher.clock.systemTime;
  }

  setSystemTime(time: bigint): void {
    this.dispatcher.timers.moveAbsolute(Number(this.dispatcher.clock.setSystemTime(time)));
    this.#sharedUserData.updateTime(this.dispatcher.clock);
  }

  interruptTime(): bigint {
    return BigInt(this.dispatcher.clock.interruptTime);
  }

  tickCount(): number {
    return this.dispatcher.clock.ticks;
  }

  nanoseconds(): number {
    return this.dispatcher.clock.nanoseconds();
  }

  spendDeviceTime(nanoseconds: number): void {
    this.dispatcher.clock.skip(nanoseconds);
  }

  // --- processes and threads

  createSystemThread(process: Process, priority: number, body: (thread: Thread) => Blocking<void>): Thread | null {
    const { mm, ps } = this.#kernel;
    const stack = createKernelStack(mm);
    if (stack === 0) return null;
    const id = ps.allocateClientId();
    if (id === 0) {
      deleteKernelStack(mm, stack);
      return null;
    }
    const thread = threads.createSystemThread(this.dispatcher, process, id, priority, body);
    thread.initialStack = virtualAddress(stack);
    process.stackCount++;
    this.dispatcher.readyThread(thread);
    return thread;
  }

  createUserThread(
    process: Process,
    parameters: UserThreadParameters,
  ): { readonly status: NtStatus; readonly thread: Thread | null } {
    const stack = createKernelStack(this.#kernel.mm);
    if (stack === 0) return { status: Status.INSUFFICIENT_RESOURCES, thread: null };
    const thread = new Thread(process, parameters.uniqueThreadId, process.basePriority, Mode.User);
    thread.initialStack = virtualAddress(stack);
    process.stackCount++;
    thread.teb = parameters.teb;
    const frame = this.#frameOn(stack);
    thread.trapFrame = frame;
    this.#initializeFrame(frame, parameters.context);
    process.threads.push(thread);
    return { status: Status.SUCCESS, thread };
  }

  /** The trap frame lies in the topmost page of a kernel stack, which stays resident while the thread lives. */
  #frameOn(initialStack: number): TrapFrame {
    const topPage = systemLocation(this.#kernel.mm, initialStack - PAGE_SIZE) * 4;
    return new TrapFrame(this.#kernel.memory.words, topPage + PAGE_SIZE - TRAP_FRAME_DISTANCE);
  }

  #initializeFrame(frame: TrapFrame, given: Uint8Array): void {
    const { memory, mm } = this.#kernel;
    const { words } = memory;
    words.fill(0, frame.offset >>> 2, (frame.offset + TRAP_FRAME_SIZE) >>> 2);
    initializeFxImage(words, frame.npxOffset >>> 2);
    frame.set(TrapFrameField.ExceptionList, -1);
    frame.set(TrapFrameField.PreviousPreviousMode, Mode.User);
    contextToFrame(contextWords(given), frame, words, mm.layout.highestUserAddress);
    frame.set(TrapFrameField.Cs, Selector.UserCode);
    frame.set(TrapFrameField.Ss, Selector.UserData);
    frame.set(TrapFrameField.Ds, Selector.UserData);
    frame.set(TrapFrameField.Es, Selector.UserData);
    frame.set(TrapFrameField.Fs, Selector.UserTeb);
    frame.set(TrapFrameField.Gs, 0);
  }

  startThread(thread: Thread): void {
    const { trace } = this.#kernel;
    if (trace.threads) {
      const { process, uniqueThreadId } = thread;
      trace.event('thread-start', {
        process: process.uniqueProcessId,
        thread: uniqueThreadId,
        image: process.imageFileName,
        eip: hex(thread.trapFrame?.get(TrapFrameField.Eip) ?? 0),
      });
    }
    this.#kernel.observer?.threadStarted(thread);
    this.dispatcher.readyThread(thread);
  }

  terminateCurrentThread(exitStatus: NtStatus): Blocking<never> {
    this.#exceptions.threadEnds(this.currentThread, exitStatus);
    return threads.terminateCurrentThread(this.dispatcher, exitStatus);
  }

  /** Frees what an ended thread still had; the run loop calls it once another thread runs. */
  reap(thread: Thread): void {
    this.#fpu.forget(thread);
    if (thread.initialStack === 0) return;
    const { process } = thread;
    process.stackCount--;
    if (process.stackCount === 0 && process.threads.length > 0) this.#kernel.mm.swapper.requestProcessOutSwap(process);
    deleteKernelStack(this.#kernel.mm, thread.initialStack);
    thread.initialStack = virtualAddress(0);
    thread.trapFrame = null;
  }

  suspendThread(thread: Thread): number {
    return apc.suspendThread(this.dispatcher, thread);
  }

  resumeThread(thread: Thread): number {
    return apc.resumeThread(this.dispatcher, thread);
  }

  forceResumeThread(thread: Thread): void {
    apc.forceResumeThread(this.dispatcher, thread);
  }

  setBasePriority(thread: Thread, increment: number): number {
    return threads.setBasePriority(this.dispatcher, thread, increment);
  }

  boostThread(thread: Thread, increment: number): void {
    threads.boostThread(this.dispatcher, thread, increment);
  }

  setPriority(thread: Thread, priority: number): void {
    threads.setPriority(this.dispatcher, thread, priority);
  }

  setProcessPriority(process: Process, basePriority: number): void {
    threads.setProcessPriority(this.dispatcher, process, basePriority);
  }

  attachProcess(process: Process): void {
    const thread = this.currentThread;
    if (thread.savedApcState !== null) {
      this.#kernel.bugcheck(INVALID_PROCESS_ATTACH_ATTEMPT, process.uniqueProcessId, thread.uniqueThreadId);
    }
    thread.savedApcState = thread.apcState;
    thread.apcState = new ApcState(process);
    process.stackCount++;
    this.loadAddressSpace(process);
  }

  detachProcess(): void {
    const thread = this.currentThread;
    if (thread.savedApcState === null) return;
    thread.apcState.process.stackCount--;
    thread.apcState = thread.savedApcState;
    thread.savedApcState = null;
    this.loadAddressSpace(thread.apcState.process);
  }

  /** Puts a process's page tables into CR3 unless they are there. */
  loadAddressSpace(process: Process): void {
    const { mm } = this.#kernel;
    const space = process.addressSpace ?? mm.systemSpace;
    if (mm.current !== space) mm.switchAddressSpace(space);
  }

  getContext(thread: Thread, flags: number): Uint8Array {
    const frame = thread.trapFrame;
    if (frame === null) return new Uint8Array(CONTEXT_SIZE);
    makeStackResident(this.#kernel, thread);
    this.#fpu.save(thread);
    const bytes = new Uint8Array(CONTEXT_SIZE);
    contextFromFrame(frame, this.#kernel.memory.words, flags | ContextFlag.I386, new Int32Array(bytes.buffer), 0);
    return bytes;
  }

  setContext(thread: Thread, context: Uint8Array): void {
    const frame = thread.trapFrame;
    if (frame === null) return;
    makeStackResident(this.#kernel, thread);
    this.#fpu.save(thread);
    this.#fpu.forget(thread);
    const { memory, mm } = this.#kernel;
    contextToFrame(contextWords(context), frame, memory.words, mm.layout.highestUserAddress);
  }

  // --- APCs and alerts

  queueApc(thread: Thread, parameters: ApcParameters): boolean {
    return apc.queueApc(this.dispatcher, thread, parameters);
  }

  testAlert(mode: Mode): boolean {
    return apc.testAlert(this.currentThread, mode);
  }

  alertThread(thread: Thread, mode: Mode): boolean {
    return apc.alertThread(this.dispatcher, thread, mode);
  }

  alertResumeThread(thread: Thread): number {
    apc.alertThread(this.dispatcher, thread, Mode.Kernel);
    return apc.resumeThread(this.dispatcher, thread);
  }

  flushApcs(thread: Thread): readonly Apc[] {
    return apc.flushApcs(thread);
  }

  // --- exceptions

  raiseUserException(record: ExceptionRecord): Blocking<void> {
    return this.#exceptions.dispatch(this.currentThread, record, true);
  }

  dispatchException(record: ExceptionRecord, firstChance: boolean): Blocking<void> {
    return this.#exceptions.dispatch(this.currentThread, record, firstChance);
  }

  raiseUserStatus(status: NtStatus): Blocking<void> {
    return this.#exceptions.raiseStatus(this.currentThread, status);
  }

  setUserDispatchers(dispatchers: UserDispatchers): void {
    this.userDispatchers = dispatchers;
    this.#exceptions.dispatchers = dispatchers;
    this.#sharedUserData.setSystemCall(dispatchers.fastSystemCall, dispatchers.fastSystemCallReturn);
  }
}
