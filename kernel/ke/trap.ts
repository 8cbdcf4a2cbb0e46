import {
  AccessKind,
  type Cpu,
  EAX,
  EDX,
  ExitReason,
  FPU_CONTROL,
  FPU_STATUS,
  HostStop,
  MXCSR,
} from '../../cpu/index.js';
import type { Kernel } from '../kernel.js';
import { exceptionAfterWait } from '../mm/wait-after-fault.js';
import { waitForPaging } from '../mm/wait-for-paging.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { deliverKernelApcs, hasDeliverableKernelApc } from './apc.js';
import type { Dispatcher } from './dispatcher.js';
import type { ExceptionDispatcher } from './exception.js';
import type { FpuOwnership } from './fpu-ownership.js';
import type { ExceptionRecord } from './kernel-executive.js';
import { loadTrapFrame, storeTrapFrame } from './processor-state.js';
import type { ServiceResult } from './service.js';
import { type SystemServiceTable, traceServiceEnd } from './system-service.js';
import type { Thread } from './thread.js';
import { exceptionOfTrap, Vector } from './trap-exception.js';
import { type TrapFrame, TrapFrameField } from './trap-frame.js';

/** Software interrupts that NT opens to user mode (nt52 11.6). */
const GET_TICK_COUNT = 0x2a;
const CALLBACK_RETURN = 0x2b;
const RAISE_ASSERTION = 0x2c;
const DEBUG_SERVICE = 0x2d;
const SYSTEM_SERVICE = 0x2e;

/** INT 2D services in EAX. */
const BREAKPOINT_PRINT = 1;
const BREAKPOINT_PROMPT = 2;
const BREAKPOINT_LOAD_SYMBOLS = 3;
const BREAKPOINT_UNLOAD_SYMBOLS = 4;
/** Longest text that one DbgPrint shows. */
const MAXIMUM_DEBUG_TEXT = 512;

const EFLAGS_TRAP = 0x100;
/** SYSENTER: arguments lie above the two return addresses on the caller's stack. */
const SYSENTER_ARGUMENTS = 8;
const INT_N_LENGTH = 2;
const SYSENTER_LENGTH = 2;
const MAXIMUM_INSTRUCTION = 15;
const TICK_MILLISECONDS_NUMERATOR = 15_625;
const TICK_MILLISECONDS_DENOMINATOR = 1_000;
const UNEXPECTED_KERNEL_MODE_TRAP = 0x7f;

/** What the trap handler is put together from. */
export interface TrapHandlerParts {
  readonly kernel: Kernel;
  readonly dispatcher: Dispatcher;
  readonly services: SystemServiceTable;
  readonly exceptions: ExceptionDispatcher;
  readonly fpu: FpuOwnership;
}

/** The way between user mode and the kernel: runs a thread's user code up to its next trap and acts on the trap. */
export class TrapHandler {
  readonly #kernel: Kernel;
  readonly #cpu: Cpu;
  readonly #dispatcher: Dispatcher;
  readonly #services: SystemServiceTable;
  readonly #exceptions: ExceptionDispatcher;
  readonly #fpu: FpuOwnership;
  #interrupted = false;
  /** The instruction whose fault was resolved is to be executed again: a stop comes in front of it. */
  #restartsInstruction = false;

  constructor(parts: TrapHandlerParts) {
    this.#kernel = parts.kernel;
    this.#cpu = parts.kernel.cpu;
    this.#dispatcher = parts.dispatcher;
    this.#services = parts.services;
    this.#exceptions = parts.exceptions;
    this.#fpu = parts.fpu;
  }

  /**
   * Makes the run loop stop before it does anything else: in front of the instruction whose page fault is being handled, else when the
   * kernel code at hand waits or ends.
   * Environment: kernel work, page faults of user code among it.
   */
  requestStop(): void {
    this.#interrupted = true;
  }

  /** The processor's page faults (ExceptionOwner): false when the instruction cannot go on, or is not to. */
  pageFault(linear: number, errorCode: number): boolean {
    if (!this.#kernel.mm.pageFault(linear, errorCode)) return false;
    this.#restartsInstruction = this.#interrupted;
    return !this.#interrupted;
  }

  /** True once after a stop was asked for, or the processor stopped because of requestExit(). */
  takeInterruption(): boolean {
    const interrupted = this.#interrupted;
    this.#interrupted = false;
    return interrupted;
  }

  /** See RunLoopEnvironment.returnToUser. */
  returnToUser(thread: Thread): boolean {
    if (thread.trapFrame === null) return false;
    if (hasDeliverableKernelApc(thread)) {
      thread.activity = deliverKernelApcs(this.#dispatcher, thread);
      return false;
    }
    if (thread.apcState.userApcPending) {
      thread.activity = this.#exceptions.deliverUserApc(thread);
      return false;
    }
    this.#fpu.load(thread);
    return true;
  }

  /** See RunLoopEnvironment.runUser. Environment: returnToUser() has just said yes. */
  runUser(thread: Thread, maximumInstructions: number): void {
    const frame = thread.trapFrame;
    if (frame === null) return;
    const cpu = this.#cpu;
    thread.frameReplaced = false;
    loadTrapFrame(cpu, frame, thread.teb);
    const before = cpu.instructionCount;
    const reason = cpu.run(maximumInstructions);
    thread.userNanoseconds += (cpu.instructionCount - before) * this.#dispatcher.clock.nanosecondsPerInstruction;
    storeTrapFrame(cpu, frame, cpu.exceptionHasErrorCode ? cpu.exceptionErrorCode : 0);
    switch (reason) {
      case ExitReason.SystemEnter:
        this.#systemEnter(thread, frame);
        return;
      case ExitReason.SoftwareInterrupt:
        this.#softwareInterrupt(thread, frame, cpu.exceptionVector);
        return;
      case ExitReason.Exception:
        if (!this.#isHostStop(cpu.exceptionVector)) this.#exception(thread, frame, cpu.exceptionVector);
        return;
      case ExitReason.Budget:
        return;
      case ExitReason.Interrupted:
        this.#interrupted = true;
        return;
      default:
        this.#kernel.bugcheck(UNEXPECTED_KERNEL_MODE_TRAP, Vector.DoubleFault, reason);
    }
  }

  /** A breakpoint of the debugger ends the run; true when the guest has nothing to do with the exception. */
  #isHostStop(vector: number): boolean {
    if (vector !== Vector.Debug) return false;
    const stop = this.#cpu.debug.takeHostStop();
    if (stop !== HostStop.None) this.#interrupted = true;
    return stop === HostStop.Only;
  }

  /**
   * Lets the observer stop in front of the instruction that calls a service: it counts as not executed yet.
   * Both instructions that do it are two bytes long and change nothing else.
   */
  #stopsBefore(thread: Thread, frame: TrapFrame, argumentPointer: number): boolean {
    const cpu = this.#cpu;
    const { observer } = this.#kernel;
    if (!observer) return false;
    const next = frame.get(TrapFrameField.Eip);
    frame.set(TrapFrameField.Eip, next - SYSENTER_LENGTH);
    if (!observer.systemCall(thread, cpu.state[EAX], argumentPointer >>> 0)) {
      frame.set(TrapFrameField.Eip, next);
      return false;
    }
    cpu.instructionCount--;
    thread.userNanoseconds -= this.#dispatcher.clock.nanosecondsPerInstruction;
    this.#interrupted = true;
    return true;
  }

  /** SYSENTER: the service's status comes back at KiFastSystemCallRet, with the caller's stack pointer from EDX. */
  #systemEnter(thread: Thread, frame: TrapFrame): void {
    const stack = this.#cpu.state[EDX];
    if (this.#stopsBefore(thread, frame, stack + SYSENTER_ARGUMENTS)) return;
    frame.set(TrapFrameField.Eip, this.#exceptions.dispatchers.fastSystemCallReturn);
    frame.set(TrapFrameField.Esp, stack);
    this.#systemService(thread, frame, stack + SYSENTER_ARGUMENTS);
  }

  #systemService(thread: Thread, frame: TrapFrame, argumentPointer: number): void {
    const kernel = this.#kernel;
    kernel.counters.systemCalls++;
    const result = this.#services.call(kernel, thread, this.#cpu.state[EAX], argumentPointer);
    if (typeof result === 'number') this.#serviceEnds(thread, frame, result);
    else thread.activity = this.#serviceActivity(thread, frame, result);
  }

  *#serviceActivity(thread: Thread, frame: TrapFrame, service: Exclude<ServiceResult, NtStatus>): Blocking<void> {
    this.#serviceEnds(thread, frame, yield* service);
  }

  #serviceEnds(thread: Thread, frame: TrapFrame, status: NtStatus): void {
    if (thread.frameReplaced) thread.frameReplaced = false;
    else frame.set(TrapFrameField.Eax, status);
    if (thread.tracedService !== null) traceServiceEnd(this.#kernel, thread, status);
  }

  #softwareInterrupt(thread: Thread, frame: TrapFrame, vector: number): void {
    switch (vector) {
      case SYSTEM_SERVICE:
        if (this.#stopsBefore(thread, frame, this.#cpu.state[EDX])) return;
        this.#systemService(thread, frame, this.#cpu.state[EDX]);
        return;
      case GET_TICK_COUNT:
        frame.set(TrapFrameField.Eax, this.#tickCountMilliseconds());
        return;
      case CALLBACK_RETURN:
        frame.set(TrapFrameField.Eax, Status.NO_CALLBACK_ACTIVE);
        return;
      case DEBUG_SERVICE:
        thread.activity = this.#debugService(thread, frame);
        return;
      case RAISE_ASSERTION:
        frame.set(TrapFrameField.Eip, frame.get(TrapFrameField.Eip) - INT_N_LENGTH);
        this.#raise(thread, Status.ASSERTION_FAILURE, frame);
        return;
      case Vector.Breakpoint:
      case Vector.Overflow:
        this.#exception(thread, frame, vector);
        return;
      default:
        // Gates of ring 0: a general-protection fault at the INT instruction itself.
        frame.set(TrapFrameField.Eip, frame.get(TrapFrameField.Eip) - INT_N_LENGTH);
        this.#exception(thread, frame, Vector.GeneralProtection);
    }
  }

  #tickCountMilliseconds(): number {
    const { ticks } = this.#dispatcher.clock;
    return Math.floor((ticks * TICK_MILLISECONDS_NUMERATOR) / TICK_MILLISECONDS_DENOMINATOR) | 0;
  }

  #raise(thread: Thread, code: NtStatus, frame: TrapFrame): void {
    const record = { code, flags: 0, address: frame.get(TrapFrameField.Eip) >>> 0, parameters: [] };
    thread.activity = this.#dispatch(thread, record);
  }

  /** A fault or trap of the user's code. */
  #exception(thread: Thread, frame: TrapFrame, vector: number): void {
    const { state } = this.#cpu;
    const eip = frame.get(TrapFrameField.Eip) >>> 0;
    if (vector === Vector.PageFault && this.#restartsInstruction) {
      this.#restartsInstruction = false;
      return;
    }
    if (vector === Vector.PageFault && this.#kernel.mm.lastFault.mustWait) {
      thread.activity = this.#waitForPaging(thread, eip);
      return;
    }
    const readsCode = vector === Vector.GeneralProtection || vector === Vector.InvalidOpcode;
    const record = exceptionOfTrap({
      vector,
      eip,
      code: readsCode ? this.#codeAt(eip) : [],
      fpuControl: state[FPU_CONTROL],
      fpuStatus: state[FPU_STATUS],
      mxcsr: state[MXCSR],
      lastFault: this.#kernel.mm.lastFault,
    });
    if (vector === Vector.Breakpoint) frame.set(TrapFrameField.Eip, record.address);
    if (vector === Vector.Debug) frame.set(TrapFrameField.EFlags, frame.get(TrapFrameField.EFlags) & ~EFLAGS_TRAP);
    thread.activity = this.#dispatch(thread, record);
  }

  /** The observer hears of an exception before it is dispatched. */
  #dispatch(thread: Thread, record: ExceptionRecord): Blocking<void> {
    if (this.#kernel.observer?.exception(thread, record)) this.#interrupted = true;
    return this.#exceptions.dispatch(thread, record, true);
  }

  /** A page fault that has to wait: the instruction runs again, unless its page cannot be read, or the stack cannot grow. */
  *#waitForPaging(thread: Thread, eip: number): Blocking<void> {
    const { access, address } = this.#kernel.mm.lastFault;
    const status = yield* waitForPaging(this.#kernel);
    if (isSuccess(status)) return;
    const code = exceptionAfterWait(status);
    const parameters = [access, address >>> 0];
    if (code === Status.IN_PAGE_ERROR) parameters.push(status >>> 0);
    yield* this.#dispatch(thread, { code, flags: 0, address: eip, parameters });
  }

  /** Instruction bytes as far as they can be read without a fault. */
  #codeAt(eip: number): readonly number[] {
    const cpu = this.#cpu;
    const code: number[] = [];
    for (let index = 0; index < MAXIMUM_INSTRUCTION; index++) {
      const host = cpu.translate((eip + index) | 0, AccessKind.Read, false);
      if (host === 0) break;
      code.push(cpu.bytes[host]);
    }
    return code;
  }

  /** INT 2D: what ntdll asks of a kernel debugger. Print shows the text; the INT3 behind the INT 2D is skipped. */
  *#debugService(thread: Thread, frame: TrapFrame): Blocking<void> {
    const kernel = this.#kernel;
    const eip = frame.get(TrapFrameField.Eip) >>> 0;
    switch (frame.get(TrapFrameField.Eax)) {
      case BREAKPOINT_PRINT: {
        const address = frame.get(TrapFrameField.Ecx) >>> 0;
        const length = Math.min(frame.get(TrapFrameField.Edx) & 0xffff, MAXIMUM_DEBUG_TEXT);
        const status = yield* kernel.user.probeForRead(address, length);
        if (isSuccess(status)) kernel.host.debugOutput(String.fromCharCode(...kernel.user.readBytes(address, length)));
        frame.set(TrapFrameField.Eax, isSuccess(status) ? Status.SUCCESS : status);
        break;
      }
      case BREAKPOINT_PROMPT:
        frame.set(TrapFrameField.Eax, 0);
        break;
      case BREAKPOINT_LOAD_SYMBOLS:
      case BREAKPOINT_UNLOAD_SYMBOLS:
        break;
      default:
        yield* this.#dispatch(thread, {
          code: Status.BREAKPOINT,
          flags: 0,
          address: (eip - 1) >>> 0,
          parameters: [0, 0, 0],
        });
        return;
    }
    frame.set(TrapFrameField.Eip, eip + 1);
  }
}
