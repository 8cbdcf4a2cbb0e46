import { HostMemoryExhausted } from '../cpu/index.js';
import { BootedKernel } from './boot.js';
import { BugcheckError, type BugcheckReport } from './bugcheck.js';
import type { Counters } from './counters.js';
import type { Host, UnhandledExceptionReport } from './host.js';
import type { Process } from './ke/process.js';
import type { RunEnd } from './ke/run-loop.js';
import { type Thread, ThreadState } from './ke/thread.js';
import { isSuccess, Status } from './ntstatus.js';
import type { MachineObserver } from './observer.js';
import { type MachineOptions, machineOptions } from './options.js';
import { services } from './services.js';
import type { Blocking, NtStatus } from './types.js';

/** Priority of the thread that starts the program. */
const NO_PAGES_AVAILABLE = 0x4d;
const START_PRIORITY = 8;

/** A hard error that the program raised before it ended, for instance a missing DLL. */
export interface HardErrorReport {
  readonly status: NtStatus;
  readonly strings: readonly string[];
}

/** A thread that waits, for the report of a deadlock. */
export interface WaitingThread {
  readonly processId: number;
  readonly threadId: number;
  readonly waitReason: number;
}

/** How a run ended. */
export interface RunResult {
  /**
   * `exited`: the program's process has ended, and so have those that it started (or they can never run again). `start-failed`:
   * it could not be started. `limit`: the instructions or the virtual time are used up. `deadlock`: no thread can ever run
   * again. `interrupted`: requestStop(). `bugcheck`: the kernel stopped. `inconsistent`: a check that verifyInterval asked for
   * has failed. `waiting`: everybody waits for input that a host which does not block has not got yet; run again.
   */
  readonly reason:
    | 'exited'
    | 'start-failed'
    | 'limit'
    | 'deadlock'
    | 'interrupted'
    | 'bugcheck'
    | 'inconsistent'
    | 'waiting';
  /** Exit status of the program, or why it could not be started; null when neither is known. */
  readonly status: NtStatus | null;
  readonly unhandledException: UnhandledExceptionReport | null;
  readonly hardError: HardErrorReport | null;
  readonly bugcheck: BugcheckReport | null;
  /** What is wrong with the memory manager, in one sentence, where a check in the course of the run has failed. */
  readonly inconsistency: string | null;
  /** The host gave no more memory for the guest's: why a bugcheck with 4D is none of the guest's. */
  readonly hostMemory: string | null;
  readonly waiting: readonly WaitingThread[];
  /** Guest instructions retired since boot. */
  readonly instructions: number;
}

/**
 * A whole machine: processor, memory, kernel, and the program that it was started for. A run is a pure function of the
 * options and of what the host gives as input. Machines share nothing.
 */
export class Machine {
  readonly kernel: BootedKernel;
  readonly #started: { status: NtStatus | null } = { status: null };
  #startRequested = false;
  #unhandledException: UnhandledExceptionReport | null = null;
  #hardError: HardErrorReport | null = null;
  #bugcheck: BugcheckReport | null = null;
  #hostMemory: string | null = null;

  /**
   * Boots.
   * @param observer a debugger; the run is the same with or without
   * @throws BugcheckError when the memory is too small for the kernel itself.
   */
  constructor(
    options: Partial<MachineOptions> & { readonly imagePath: string },
    host: Host,
    observer: MachineObserver | null = null,
  ) {
    this.kernel = new BootedKernel(machineOptions(options), this.#observe(host), services, observer);
  }

  get counters(): Counters {
    return this.kernel.counters;
  }

  /**
   * Runs the program until it has ended or something else stops the machine; call again to go on after `limit`,
   * `interrupted` and `waiting`. Throws nothing that a guest could cause.
   * @param maxInstructions of this call; without it, what the options allow in all.
   */
  run({ maxInstructions }: { readonly maxInstructions?: number } = {}): RunResult {
    if (this.#bugcheck !== null) return this.#result('bugcheck');
    if (this.kernel.inconsistency !== null) return this.#result('inconsistent');
    if (!this.#startRequested) this.#requestStart();
    const { options } = this.kernel;
    const left = options.maximumInstructions - this.kernel.cpu.instructionCount;
    const slice = Math.min(maxInstructions ?? left, left);
    try {
      const end = this.kernel.runLoop.run(slice, () => this.#isFinished(), options.maximumTime);
      if (this.kernel.inconsistency !== null) return this.#result('inconsistent');
      if (this.#isOver(end)) this.shutDown();
      if (end === 'deadlock' && this.#programHasEnded()) return this.#result('exited');
      if (end !== 'finished') return this.#result(end);
      return this.#result(isSuccess(this.#started.status ?? Status.SUCCESS) ? 'exited' : 'start-failed');
    } catch (error) {
      if (error instanceof BugcheckError) this.#bugcheck = error.report;
      else if (error instanceof HostMemoryExhausted) {
        this.#bugcheck = this.#noHostMemory();
        this.#hostMemory = error.message;
      } else throw error;
      return this.#result('bugcheck');
    } finally {
      this.kernel.host.console.flush();
    }
  }

  /** One guest instruction, and whatever kernel work lies before it. */
  step(): RunResult {
    return this.run({ maxInstructions: 1 });
  }

  /**
   * Makes run() return `interrupted`, in the thread that is current: in front of the instruction whose page fault is being handled, else
   * when the kernel work at hand waits or ends. For observers and hosts, as they are called.
   */
  requestStop(): void {
    this.kernel.traps.requestStop();
  }

  /**
   * NtShutdownSystem's part for files: what the cache and mapped files still have to write is written. A run that ends for good does
   * it by itself; who stops a machine in its course calls it.
   */
  shutDown(): void {
    this.kernel.cc.shutDown();
  }

  /** The first inconsistency of the memory manager and the cache, or null. */
  verify(): string | null {
    return this.kernel.mm.verify() ?? this.kernel.cc.verify();
  }

  /** Guest memory that exists has no room in the host: as if no page could be had. */
  #noHostMemory(): BugcheckReport {
    return { code: NO_PAGES_AVAILABLE, parameters: [0, 0, 0, this.kernel.memory.touchedFrames()] };
  }

  #requestStart(): void {
    this.#startRequested = true;
    const { kernel } = this;
    const started = this.#started;
    const thread = kernel.ke.createSystemThread(kernel.systemProcess, START_PRIORITY, function* (): Blocking<void> {
      started.status = yield* kernel.ps.startInitialProcess();
    });
    if (thread === null) started.status = Status.INSUFFICIENT_RESOURCES;
  }

  #isFinished(): boolean {
    const { status } = this.#started;
    if (status === null) return false;
    if (!isSuccess(status)) return true;
    return this.#programHasEnded() && this.kernel.ps.processes.length === 1;
  }

  /** The run will not go on: the program has ended, or can do nothing any more, or has used up what it was given. */
  #isOver(end: RunEnd): boolean {
    const { options, cpu, clock } = this.kernel;
    if (end !== 'limit') return end === 'finished' || end === 'deadlock';
    return cpu.instructionCount >= options.maximumInstructions || clock.nanoseconds() >= options.maximumTime;
  }

  #programHasEnded(): boolean {
    const process = this.#program();
    return process !== null && process.signalState > 0;
  }

  #program(): Process | null {
    return this.kernel.ps.initialProcess?.pcb ?? null;
  }

  #result(reason: RunResult['reason']): RunResult {
    const started = this.#started.status;
    const failed = started !== null && !isSuccess(started);
    const exited = reason === 'exited' ? (this.#program()?.exitStatus ?? null) : null;
    return {
      reason,
      status: failed ? started : exited,
      unhandledException: this.#unhandledException,
      hardError: this.#hardError,
      bugcheck: this.#bugcheck,
      inconsistency: this.kernel.inconsistency,
      hostMemory: this.#hostMemory,
      waiting: reason === 'deadlock' ? this.#waitingThreads() : [],
      instructions: this.kernel.cpu.instructionCount,
    };
  }

  #waitingThreads(): readonly WaitingThread[] {
    const waiting: WaitingThread[] = [];
    for (const process of this.kernel.ps.processes) {
      // The system's own threads wait for ever when nobody needs them.
      if (process.pcb === this.kernel.systemProcess) continue;
      for (const thread of process.pcb.threads) {
        if (thread.state === ThreadState.Waiting) waiting.push(describeWait(thread));
      }
    }
    return waiting;
  }

  /** The caller's host, with what ends a program remembered for the result. */
  #observe(host: Host): Host {
    return {
      console: host.console,
      volumes: host.volumes,
      systemVolume: host.systemVolume,
      debugOutput: (text) => host.debugOutput(text),
      popup: (status) => host.popup?.(status),
      createPagingFile: (number, size) => host.createPagingFile?.(number, size) ?? null,
      hardError: (status, strings) => {
        this.#hardError = { status, strings };
        host.hardError(status, strings);
      },
      unhandledException: (report) => {
        if (report.processId === this.#program()?.uniqueProcessId) this.#unhandledException = report;
        host.unhandledException(report);
      },
    };
  }
}

function describeWait(thread: Thread): WaitingThread {
  return {
    processId: thread.process.uniqueProcessId,
    threadId: thread.uniqueThreadId,
    waitReason: thread.waitReason,
  };
}
