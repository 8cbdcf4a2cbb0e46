import { type FaultEvent, FaultOutcome, type RunResult, type Thread } from '../../kernel/index.js';
import type { History } from '../history/history.js';
import { DebuggerError } from './debugger-error.js';
import type { ObserverState } from './event-observer.js';
import type { Session } from './session.js';
import type { StopEvent } from './stop-event.js';

/** Instructions that the first look back covers; each further one covers so many times as many. */
const FIRST_LOOK = 0x4000;
const LOOK_GROWTH = 8;
/** So many stops in one look: its second half is tried first. */
const MANY_STOPS = 500;
/** Instructions between two looks at the terminal. */
const SLICE = 2_000_000;
const PAGE_SIZE = 0x1000;
/** Faults that make a page new, and those that bring one with the contents that it had in a file, in a paging file or in memory. */
const MAKES_ZEROS: ReadonlySet<FaultOutcome> = new Set([FaultOutcome.DemandZero, FaultOutcome.StackGrowth]);
const BRINGS_CONTENTS: ReadonlySet<FaultOutcome> = new Set([
  ...[FaultOutcome.CopyOnWrite, FaultOutcome.Transition, FaultOutcome.Shared],
  ...[FaultOutcome.MappedFile, FaultOutcome.PageFile],
]);
/** Longest form of CALL, and the shortest. */
const CALL_LENGTHS = [2, 3, 4, 5, 6, 7] as const;

/** Something that happened in the past, and how many instructions had been retired before the instruction that it happened to. */
interface Hit {
  readonly position: number;
  readonly event: StopEvent;
}

/** What is looked for. */
interface Wanted {
  /** Sets breakpoints, but for those at this address. */
  arm(except: number | null): void;
  /** What the end of a run means; null: nothing. */
  interpret(result: RunResult): StopEvent | null;
}

/** Runs a machine backwards: finds the last moment of some kind before now, and goes there. */
export class ReverseExecution {
  readonly #session: Session;
  readonly #history: History<ObserverState>;

  constructor(session: Session, history: History<ObserverState>) {
    this.#session = session;
    this.#history = history;
  }

  /** One instruction back; `beginning` when there is none. */
  async step(): Promise<StopEvent> {
    this.#session.execution.breakRequested = false;
    return this.#backTo({ position: this.#previous(), event: { kind: 'step' } });
  }

  /** As step(), but behind a call back in front of the call. */
  async stepOver(): Promise<StopEvent> {
    const thread = this.#session.runningThread;
    if (thread === null || this.#session.execution.ended !== null) return this.step();
    const { registers } = this.#session;
    const [eip, esp] = [registers.get('eip'), registers.get('esp')];
    const before = this.#previous();
    const stop = await this.step();
    // Only a return brings the stack pointer above where the instruction found it, to just behind a call.
    const returned = this.#session.runningThread === thread && this.#isReturn();
    if (stop.kind !== 'step' || !returned) return stop;
    const callers = new Set(CALL_LENGTHS.map((length) => (eip - length) >>> 0).filter((at) => this.#isCallTo(at, eip)));
    if (callers.size === 0) return stop;
    const hit = await this.#last(
      this.#places(callers, () => this.#stands(thread, callers, esp)),
      before,
    );
    return hit === null ? this.#backTo({ position: before, event: stop }) : this.#backTo(hit);
  }

  /** In front of the call of the present function. */
  async stepOut(): Promise<StopEvent> {
    const session = this.#session;
    const thread = session.runningThread;
    if (thread === null || session.execution.ended !== null) throw new DebuggerError('The program is not running');
    const { returnAddress, canonicalFrameAddress } = session.frames.list[0];
    const callers = new Set(
      CALL_LENGTHS.map((length) => (returnAddress - length) >>> 0).filter((at) => this.#isCallTo(at, returnAddress)),
    );
    if (callers.size === 0) throw new DebuggerError('There is no call in front of the return address');
    const wanted = this.#places(callers, () => this.#stands(thread, callers, canonicalFrameAddress));
    return this.#arrive(await this.#last(wanted, this.#history.position));
  }

  /** The last breakpoint or event before now. */
  async go(): Promise<StopEvent> {
    const { execution } = this.#session;
    const wanted: Wanted = {
      arm: (except) => execution.arm(except),
      interpret: (result) => execution.interpret(result, true),
    };
    return this.#arrive(await this.#last(wanted, this.#history.position));
  }

  /**
   * The last instruction that stored to a byte of this range of the present process, or, where that was later, the fault that made a
   * page of it zeros. Where nobody did, the last fault that brought a page with what it held elsewhere.
   */
  async lastWrite(address: number, size: number): Promise<StopEvent> {
    const end = this.#history.position;
    const written = await this.#last(this.#changes(address, size, MAKES_ZEROS), end);
    return this.#arrive(written ?? (await this.#last(this.#changes(address, size, BRINGS_CONTENTS), end)));
  }

  /** Stores to a range, and faults on its pages with one of these outcomes. */
  #changes(address: number, size: number, outcomes: ReadonlySet<FaultOutcome>): Wanted {
    const { kernel } = this.#session.machine;
    const { execution, observer } = this.#session;
    const processId = this.#session.thread?.process.uniqueProcessId ?? null;
    const first = Math.floor(address / PAGE_SIZE);
    const last = Math.floor((address + size - 1) / PAGE_SIZE);
    const fills = (fault: FaultEvent): boolean => {
      const page = Math.floor((fault.address >>> 0) / PAGE_SIZE);
      const isOurs = processId === null || fault.processId === processId;
      return outcomes.has(fault.outcome) && page >= first && page <= last && isOurs;
    };
    return {
      arm: () => {
        execution.soughtFault = fills;
        kernel.cpu.debug.hostAccess = -1;
        kernel.cpu.debug.setHostBreakpoints(new Set(), [{ address, size, reads: false }]);
      },
      interpret: () => {
        const fault = observer.events.splice(0).find(({ kind }) => kind === 'filled');
        const access = kernel.cpu.debug.hostAccess;
        const isOurs = processId === null || this.#session.runningThread?.process.uniqueProcessId === processId;
        return access >= 0 && isOurs ? { kind: 'written', address: access } : (fault ?? null);
      },
    };
  }

  async travelTo(instructions: number): Promise<StopEvent> {
    if (instructions < this.#history.beginning) {
      throw new DebuggerError(`The oldest instruction that can be gone back to is 0n${this.#history.beginning}`);
    }
    this.#session.execution.breakRequested = false;
    return this.#backTo({ position: instructions, event: { kind: 'step' } });
  }

  /**
   * The position before the present one. A thread stopped behind an instruction that faulted has the start of that instruction before
   * it; one stopped in a service has the instruction that called it, which counts as executed.
   */
  #previous(): number {
    const { execution, runningThread, lastEvent } = this.#session;
    const isInTrap = execution.ended === null && runningThread?.activity != null;
    const isFault = lastEvent.kind === 'exception' || (lastEvent.kind === 'fault' && lastEvent.fault.user);
    return this.#history.position - (isInTrap && isFault ? 0 : 1);
  }

  #arrive(hit: Hit | null): Promise<StopEvent> {
    return this.#backTo(hit ?? { position: this.#history.beginning, event: { kind: 'beginning' } });
  }

  async #backTo({ position, event }: Hit): Promise<StopEvent> {
    const { execution } = this.#session;
    const target = Math.max(position, this.#history.beginning);
    const arrived = await this.#history.travelTo(target, () => execution.breakRequested);
    execution.ended = this.#history.ended;
    execution.arm(null);
    if (execution.ended !== null) return { kind: 'ended', result: execution.ended };
    if (!arrived) return { kind: 'break-in' };
    return target === position ? event : { kind: 'beginning' };
  }

  /** The last moment before `end` that is wanted: looks at ever longer stretches of the past. */
  async #last(wanted: Wanted, end: number): Promise<Hit | null> {
    const { execution } = this.#session;
    execution.breakRequested = false;
    execution.searching = true;
    execution.ended = null;
    try {
      let to = end;
      for (let length = FIRST_LOOK; to > this.#history.beginning; length *= LOOK_GROWTH) {
        const from = Math.max(this.#history.beginning, to - length);
        const hit = await this.#lastBetween(wanted, from, to);
        if (hit !== null) return hit;
        to = from;
      }
      return null;
    } finally {
      execution.searching = false;
      execution.soughtFault = null;
    }
  }

  /** The last moment that is wanted from position `from` on, before `to`. */
  async #lastBetween(wanted: Wanted, from: number, to: number): Promise<Hit | null> {
    const { execution } = this.#session;
    if (!(await this.#history.travelTo(from, () => execution.breakRequested))) {
      throw new DebuggerError('Break-in while going back; the machine stands where the search was');
    }
    let last: Hit | null = null;
    let stops = 0;
    let except: number | null = null;
    while (this.#history.position < to) {
      wanted.arm(except);
      const left = to - this.#history.position;
      const result = this.#history.run(except === null ? Math.min(left, SLICE) : 1);
      this.#history.arrived();
      const event = wanted.interpret(result);
      except = result.reason === 'interrupted' && except === null ? this.#eip() : null;
      if (event !== null && event.kind !== 'ended') {
        const position = this.#history.position - (isBehind(event) ? 1 : 0);
        if (position < to) last = { position, event };
        if (++stops === MANY_STOPS && last !== null) return this.#lastOfMany(wanted, last, to);
      }
      if (result.reason !== 'limit' && result.reason !== 'interrupted') break;
      if (left <= SLICE) continue;
      await new Promise((resolve) => setImmediate(resolve));
      if (execution.breakRequested)
        throw new DebuggerError('Break-in while going back; the machine stands where the search was');
    }
    return last;
  }

  /** There are many from `known` on: halves what is left until the last of them is found. */
  async #lastOfMany(wanted: Wanted, known: Hit, to: number): Promise<Hit | null> {
    const middle = Math.floor((known.position + to) / 2);
    if (middle <= known.position + 1) return (await this.#lastBetween(wanted, known.position, to)) ?? known;
    const upper = await this.#lastBetween(wanted, middle, to);
    if (upper !== null) return upper;
    return (await this.#lastBetween(wanted, known.position + 1, middle)) ?? known;
  }

  #eip(): number | null {
    return this.#session.runningThread?.trapFrame?.get(0x68) ?? null;
  }

  /** Looks for places alone. */
  #places(addresses: ReadonlySet<number>, holds: () => boolean): Wanted {
    const { debug } = this.#session.machine.kernel.cpu;
    return {
      arm: (except) => {
        debug.setHostBreakpoints(new Set([...addresses].filter((address) => address !== except)), []);
      },
      interpret: () => (holds() ? { kind: 'temporary' } : null),
    };
  }

  #stands(thread: Thread, places: ReadonlySet<number>, esp: number): boolean {
    const session = this.#session;
    if (session.runningThread !== thread) return false;
    const { registers } = session;
    return places.has(registers.get('eip')) && registers.get('esp') === esp;
  }

  #isReturn(): boolean {
    const { memory, registers } = this.#session;
    const [first] = memory.read(registers.get('eip'), 1);
    return first === 0xc3 || first === 0xc2;
  }

  /** Whether the instruction at an address is a call that returns to `next`. */
  #isCallTo(address: number, next: number): boolean {
    const { memory, disassembler } = this.#session;
    const instruction = disassembler.decode(memory.read(address, 15), address);
    return instruction?.isCall === true && (address + instruction.length) >>> 0 === next;
  }
}

/** Accesses are noticed behind their instruction, and the kernel's own faults behind its service. */
function isBehind(event: StopEvent): boolean {
  if (event.kind === 'filled') return !event.fault.user;
  return event.kind === 'data' || event.kind === 'written';
}
