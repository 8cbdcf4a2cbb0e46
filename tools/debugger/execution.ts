import type { FaultEvent, Machine, RunResult, Thread } from '../../kernel/index.js';
import { faultOutcomeName } from '../../kernel/index.js';
import { goesOn, type History } from '../history/history.js';
import { type Breakpoint, Breakpoints, countHit } from './breakpoints.js';
import type { EventObserver, ObserverState } from './event-observer.js';
import type { StopEvent } from './stop-event.js';

/** Instructions between two looks at the terminal. */
const SLICE = 2_000_000;
/** How often a host that does not block is asked for the input that everybody waits for. */
const INPUT_POLL_MILLISECONDS = 10;

/** A place that ends the present command: reached by this thread, with the stack at least this high. */
export interface Destination {
  readonly address: number;
  readonly thread: Thread;
  readonly minimumEsp: number;
}

export interface ExecutionHooks {
  /** Value of a breakpoint's condition; an expression that makes no sense counts as true. */
  condition(text: string): boolean;
  eip(): number | null;
  esp(): number;
  thread(): Thread | null;
  /** Whether a module event must be looked at, for a deferred breakpoint for instance; true stops the machine. */
  moduleLoaded(event: StopEvent): boolean;
}

/** Runs the machine up to the next thing that the user wants to see. */
export class Execution {
  readonly breakpoints = new Breakpoints();
  /** Set from outside (Ctrl-C): the machine stops at the end of its slice. */
  breakRequested = false;
  ended: RunResult | null = null;
  /** The past is being searched: hits do not count, and nothing is told of them. */
  searching = false;
  /** The search is for faults too: those that this is true of become `filled` events. */
  soughtFault: ((fault: FaultEvent) => boolean) | null = null;
  readonly #history: History<ObserverState> | null;
  readonly #machine: Machine;
  readonly #observer: EventObserver;
  readonly #hooks: ExecutionHooks;
  #destination: Destination | null = null;

  /** @param history null: nothing is remembered of what was executed */
  constructor(
    machine: Machine,
    observer: EventObserver,
    hooks: ExecutionHooks,
    history: History<ObserverState> | null,
  ) {
    this.#history = history;
    this.#machine = machine;
    this.#observer = observer;
    this.#hooks = hooks;
  }

  /** Whether a fault breakpoint is about this fault; its hit is counted where it is looked at. */
  wantsFault(fault: FaultEvent): boolean {
    if (this.soughtFault !== null) {
      if (!this.soughtFault(fault)) return false;
      this.#observer.events.push({ kind: 'filled', address: fault.address, fault });
      return true;
    }
    const breakpoint = this.breakpoints.list.find((candidate) => isAbout(candidate, fault));
    if (breakpoint === undefined) return false;
    this.#observer.events.push({ kind: 'fault', breakpoint, fault });
    return true;
  }

  /** The thread no longer stands in front of the service that it was stopped at. */
  forgetSystemCall(): void {
    this.#observer.passSystemCall = false;
  }

  /** Executes one instruction, or finishes the kernel work that lies before the next one. */
  step(): StopEvent {
    if (this.ended !== null) return { kind: 'ended', result: this.ended };
    const left = this.#nextEvent();
    if (left !== null) return left;
    this.#history?.settle();
    const result = this.#one();
    const event = this.interpret(result, false);
    this.#history?.arrived();
    this.#history?.ran();
    return event ?? { kind: result.reason === 'waiting' ? 'idle' : 'step' };
  }

  /** Runs on; destination: an address that ends this run alone. */
  async go(destination: Destination | null = null): Promise<StopEvent> {
    if (this.ended !== null) return { kind: 'ended', result: this.ended };
    const left = this.#nextEvent();
    if (left !== null) return left;
    this.#destination = destination;
    this.breakRequested = false;
    this.#history?.settle();
    try {
      // A breakpoint under EIP is passed at the beginning, and when it was met and does not count.
      for (let passes = true; ; ) {
        const result: RunResult = passes ? this.#one() : this.#slice();
        const event = this.interpret(result, true);
        this.#history?.arrived();
        if (event !== null) return event;
        if (result.reason === 'limit') this.#history?.ran();
        passes = !passes && result.reason === 'interrupted';
        if (result.reason === 'limit') await new Promise((resolve) => setImmediate(resolve));
        else if (result.reason === 'waiting')
          await new Promise((resolve) => setTimeout(resolve, INPUT_POLL_MILLISECONDS));
        if (this.breakRequested) return { kind: 'break-in' };
      }
    } finally {
      this.#destination = null;
      this.arm(null);
    }
  }

  #slice(): RunResult {
    this.arm(null);
    return this.#run(SLICE);
  }

  #run(instructions: number): RunResult {
    return this.#history?.run(instructions) ?? this.#machine.run({ maxInstructions: instructions });
  }

  /** One instruction, with the breakpoint at it out of the way. */
  #one(): RunResult {
    const thread = this.#hooks.thread();
    this.arm(this.#hooks.eip());
    return this.#run(thread !== null && thread.activity !== null ? 0 : 1);
  }

  /** Sets all breakpoints, but for those at the address `except`. */
  arm(except: number | null): void {
    const addresses = this.breakpoints.instructions(except);
    const destination = this.#destination;
    if (destination !== null && destination.address !== except) addresses.add(destination.address);
    const { debug } = this.#machine.kernel.cpu;
    debug.hostAccess = -1;
    debug.setHostBreakpoints(addresses, this.breakpoints.watches());
  }

  /** What the end of a run means; null: nothing, go on. */
  interpret(result: RunResult, running: boolean): StopEvent | null {
    if (goesOn(result)) {
      const event = this.#nextEvent();
      if (event !== null) return event;
      const data = this.#dataHit();
      if (data !== null) return data;
      if (result.reason === 'limit') return this.#limit(result);
      return running ? this.#breakpointHit() : null;
    }
    this.#observer.events.length = 0;
    if (!this.searching) this.ended = result;
    return { kind: 'ended', result };
  }

  /** The oldest reported event that stops the machine; those behind it are left for the next look. */
  #nextEvent(): StopEvent | null {
    const { events } = this.#observer;
    for (let event = events.shift(); event !== undefined; event = events.shift()) {
      const stop = this.#wanted(event);
      if (stop !== null) return stop;
    }
    return null;
  }

  #limit(result: RunResult): StopEvent | null {
    const { maximumInstructions } = this.#machine.kernel.options;
    if (result.instructions < maximumInstructions) return this.#arrived() ? { kind: 'temporary' } : null;
    return { kind: 'limit' };
  }

  #wanted(event: StopEvent): StopEvent | null {
    if (event.kind === 'fault') return this.#counts(event.breakpoint) ? event : null;
    if (event.kind === 'module') return this.#hooks.moduleLoaded(event) ? event : null;
    // The instruction that calls the service is executed again, and then not reported.
    if (isInFrontOfService(event)) this.#observer.passSystemCall = true;
    return event;
  }

  #dataHit(): StopEvent | null {
    const { debug } = this.#machine.kernel.cpu;
    const address = debug.hostAccess;
    debug.hostAccess = -1;
    if (address < 0) return null;
    for (const breakpoint of this.breakpoints.list) {
      const { place } = breakpoint;
      if (!breakpoint.enabled || place.kind !== 'data') continue;
      if (address + 16 <= place.address || address >= place.address + place.size) continue;
      if (this.#counts(breakpoint)) return { kind: 'data', breakpoint, address };
    }
    return null;
  }

  #arrived(): boolean {
    const destination = this.#destination;
    if (destination === null || this.#hooks.eip() !== destination.address) return false;
    return this.#hooks.thread() === destination.thread && this.#hooks.esp() >= destination.minimumEsp;
  }

  #breakpointHit(): StopEvent | null {
    const eip = this.#hooks.eip();
    const processId = this.#hooks.thread()?.process.uniqueProcessId ?? -1;
    for (const breakpoint of this.breakpoints.list) {
      const { place, enabled } = breakpoint;
      if (!enabled || place.kind !== 'execute' || place.address !== eip) continue;
      if (breakpoint.processId !== null && breakpoint.processId !== processId) continue;
      if (!this.#counts(breakpoint)) continue;
      if (breakpoint.once && !this.searching) this.breakpoints.remove(breakpoint.id);
      return { kind: 'breakpoint', breakpoint };
    }
    return this.#arrived() ? { kind: 'temporary' } : null;
  }

  /** The breakpoint was met: true when its condition holds and its passes are used up. */
  #counts(breakpoint: Breakpoint): boolean {
    if (breakpoint.condition !== null && !this.#hooks.condition(breakpoint.condition)) return false;
    return this.searching || countHit(breakpoint);
  }
}

/** Stops whose thread stands in front of a service, and not in the middle of it. */
function isInFrontOfService(event: StopEvent): boolean {
  if (event.kind === 'process') return !event.started;
  if (event.kind === 'thread') return !event.started && event.thread.activity === null;
  return event.kind === 'system-call' || (event.kind === 'exception' && event.thread.activity === null);
}

function isAbout({ enabled, place }: Breakpoint, fault: FaultEvent): boolean {
  if (!enabled || place.kind !== 'fault' || fault.address < place.first || fault.address > place.last) return false;
  return place.outcome === '*' || place.outcome === faultOutcomeName(fault.outcome);
}
