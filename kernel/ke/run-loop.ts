import { hasDeliverableKernelApc } from './apc.js';
import type { Dispatcher } from './dispatcher.js';
import type { KTimer } from './dispatcher-object.js';
import { chargeQuantum } from './priority.js';
import { type Thread, ThreadState } from './thread.js';

/** Expirations of the kernel's own timers that are waited for in a row: later ones would find nothing new to do. */
const HOUSEKEEPING_TURNS = 512;

/** Why the run loop stopped. */
export type RunEnd = 'finished' | 'limit' | 'deadlock' | 'interrupted' | 'waiting';

/** What the run loop leaves to others: everything that touches the processor, memory and the host. */
export interface RunLoopEnvironment {
  /** Instructions retired so far. */
  instructionCount(): number;
  /** The thread takes the processor: address space, FS, kernel stack. */
  switchTo(previous: Thread, next: Thread): void;
  /** The way back to user mode. False when it gave the thread kernel work (an APC), which comes first. */
  returnToUser(thread: Thread): boolean;
  /** Runs the current thread in user mode for at most so many instructions, up to the end of the trap that ends it. */
  runUser(thread: Thread, maximumInstructions: number): void;
  /** A thread has ended and something else runs: its kernel stack can go. */
  reap(thread: Thread): void;
  /** Clock interrupts were taken; the clock is up to date. */
  clockInterrupt(ticks: number): void;
  /** Someone waits for input from outside. */
  waitsForHost(): boolean;
  /** Blocks the host until it has input, then wakes who waits for it; false: this host does not block, and has none yet. */
  waitForHost(): boolean;
  /** Wakes who waits for input if there is some. */
  pollHost(): void;
  /** Virtual nanoseconds at which the next device request completes, Infinity when there is none. */
  nextDeviceEvent?(): number;
  /** Completes the device requests that are due. */
  completeDeviceRequests?(): void;
  /** Somebody asked for a stop (debugger). */
  interrupted(): boolean;
}

/** Runs threads: highest priority first, round robin by quantum, until the run is over. */
export class RunLoop {
  readonly #dispatcher: Dispatcher;
  readonly #environment: RunLoopEnvironment;
  /** Turns since a thread last ran, and the clock tick at the first of them. */
  #idleTurns = 0;
  #idleSince = 0;
  /** Expirations of the kernel's own timers since then that were waited for. */
  #housekeepingTurns = 0;

  constructor(dispatcher: Dispatcher, environment: RunLoopEnvironment) {
    this.#dispatcher = dispatcher;
    this.#environment = environment;
  }

  /**
   * @param maximumInstructions guest instructions that may retire before `limit`
   * @param finished tested before every turn; true ends the run
   * @param maximumTime nanoseconds of virtual time since boot after which the run ends with `limit`, at a clock interrupt
   */
  run(maximumInstructions: number, finished: () => boolean, maximumTime = Number.POSITIVE_INFINITY): RunEnd {
    const environment = this.#environment;
    const dispatcher = this.#dispatcher;
    const end = environment.instructionCount() + maximumInstructions;
    for (;;) {
      // First of all: the thread that the stop is about is still the current one, even when it waits or has ended.
      if (environment.interrupted()) return 'interrupted';
      if (dispatcher.hostAwaited) {
        dispatcher.hostAwaited = false;
        this.#resume(dispatcher.current);
        if (dispatcher.hostAwaited) return 'waiting';
        continue;
      }
      this.#takeDeviceInterrupts();
      this.#takeClockInterrupts();
      const thread = this.#pickThread();
      if (finished()) return 'finished';
      if (dispatcher.clock.nanoseconds() >= maximumTime) return 'limit';
      if (thread === null) {
        const end = this.#idle();
        if (end !== null) return end;
        continue;
      }
      if (!thread.housekeeping) {
        this.#idleTurns = 0;
        this.#housekeepingTurns = 0;
      }
      if (thread.activity !== null) {
        this.#resume(thread);
        continue;
      }
      // Before the limit is looked at: a machine that has stopped stands right in front of its next instruction.
      if (!environment.returnToUser(thread)) continue;
      const left = end - environment.instructionCount();
      if (left <= 0) return 'limit';
      environment.runUser(thread, Math.min(left, dispatcher.clock.instructionsToTick(), this.#instructionsToDevice()));
    }
  }

  /** The thread to run now, made current; null when none is ready. */
  #pickThread(): Thread | null {
    const dispatcher = this.#dispatcher;
    const { current } = dispatcher;
    const next = dispatcher.nextThread();
    if (next !== current) {
      dispatcher.current = next;
      dispatcher.counters.contextSwitches++;
      next.contextSwitches++;
      this.#environment.switchTo(current, next);
      if (current.state === ThreadState.Terminated) this.#environment.reap(current);
    }
    return next === dispatcher.idleThread ? null : next;
  }

  /** Goes on with the kernel code that the thread is in. */
  #resume(thread: Thread): void {
    const step = thread.activity?.next();
    if (step === undefined || step.done) thread.activity = null;
    else if (thread.state === ThreadState.Running && !this.#dispatcher.hostAwaited)
      this.#dispatcher.readyThread(thread);
  }

  /** Instructions until the next device interrupt, at least 1. */
  #instructionsToDevice(): number {
    const event = this.#environment.nextDeviceEvent?.() ?? Number.POSITIVE_INFINITY;
    if (event === Number.POSITIVE_INFINITY) return event;
    const { clock } = this.#dispatcher;
    return Math.max(1, Math.ceil((event - clock.nanoseconds()) / clock.nanosecondsPerInstruction));
  }

  #takeDeviceInterrupts(): void {
    const event = this.#environment.nextDeviceEvent?.() ?? Number.POSITIVE_INFINITY;
    if (event <= this.#dispatcher.clock.nanoseconds()) this.#environment.completeDeviceRequests?.();
  }

  #takeClockInterrupts(): void {
    const dispatcher = this.#dispatcher;
    const ticks = dispatcher.clock.takeTicks();
    if (ticks === 0) return;
    dispatcher.counters.clockTicks += ticks;
    this.#environment.clockInterrupt(ticks);
    dispatcher.expireTimers();
    if (this.#environment.waitsForHost()) this.#environment.pollHost();
    const current = dispatcher.current;
    if (current === dispatcher.idleThread || current.state !== ThreadState.Running) return;
    let quantumEnd = false;
    for (let tick = 0; tick < ticks && !quantumEnd; tick++) quantumEnd = chargeQuantum(current);
    if (quantumEnd) dispatcher.quantumEnd();
  }

  /** Nothing can run: asks the host for input, or lets the time pass until a timer is due. Why the run ends, or null. */
  #idle(): 'deadlock' | 'waiting' | null {
    const dispatcher = this.#dispatcher;
    if (this.#idleTurns === 0) this.#idleSince = dispatcher.clock.ticks;
    this.#idleTurns++;
    let timer = this.#nextTimer();
    const device = this.#environment.nextDeviceEvent?.() ?? Number.POSITIVE_INFINITY;
    if (device < (timer === null ? Number.POSITIVE_INFINITY : timer.dueTime * 100)) {
      dispatcher.clock.skip(Math.max(0, device - dispatcher.clock.nanoseconds()));
      return null;
    }
    const waitsForHost = this.#environment.waitsForHost();
    if (timer === null && !waitsForHost) return 'deadlock';
    if (timer === null) return this.#environment.waitForHost() ? null : 'waiting';
    if (waitsForHost) {
      this.#environment.pollHost();
      if (dispatcher.standby !== null) return null;
    }
    const own = dispatcher.housekeepingTimers.first();
    if (own !== null && own.dueTime < timer.dueTime && this.#housekeepingTurns < HOUSEKEEPING_TURNS) {
      this.#housekeepingTurns++;
      this.#idleTurns--;
      timer = own;
    }
    dispatcher.clock.skipTo(timer.dueTime);
    return null;
  }

  /**
   * The next timer that can wake somebody, or null. Once all timers have had their turn since a thread last ran, the periodic
   * ones that woke nobody never will: only a thread could change what their next expirations find. They are passed over.
   */
  #nextTimer(): KTimer | null {
    const { timers } = this.#dispatcher;
    if (this.#idleTurns <= timers.count) return timers.first();
    const next = timers.firstUnexpiredSince(this.#idleSince);
    if (next !== null) timers.skipExpirations(this.#idleSince, next.dueTime);
    return next;
  }
}

/** True when a thread on its way to user mode has kernel work to do first. */
export function hasReturnWork(thread: Thread): boolean {
  return thread.apcState.userApcPending || hasDeliverableKernelApc(thread);
}
