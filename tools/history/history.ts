import { type Checkpoint, Checkpointer, type Machine, type RunResult, UnreflectableError } from '../../kernel/index.js';
import type { LogPosition } from './host-log.js';
import { comparePages } from './page-comparison.js';
import { PendingClose, type RecordingHost } from './recording-host.js';
import { leastUseful } from './thinning.js';

/** Instructions between two looks at the terminal while the past is executed again. */
const SLICE = 2_000_000;
/**
 * The processor runs the machine at least so long between two checkpoints, milliseconds, and so many times as long as taking one took. Where they
 * lie is nothing that the machine could see: test/tools/history/travel.test.ts has them at other places in every run.
 */
const SHORTEST_INTERVAL = 50;
const INTERVAL_PER_COST = 25;
/** How often a host is asked for input that the machine needs to go on beyond what is recorded. */
const INPUT_POLL_MILLISECONDS = 10;
/** A checkpoint this close before the target makes the next steps back quick. */
const NEAR = 500_000;
const DEFAULT_BUDGET = 256 << 20;
const MAXIMUM_MARKS = 256;

/** A moment that can be gone back to. They are in order of time: by position, and by epoch at the same position. */
interface Mark<Companion> {
  readonly checkpoint: Checkpoint;
  readonly log: LogPosition;
  /** What the owner of the history wants to have back with it. */
  readonly companion: Companion;
  /** How often the user had changed the machine by then. */
  readonly epoch: number;
  /** The user changed the machine here: what is executed from an earlier mark ends here, and goes on from this one. */
  readonly isChange: boolean;
  /** Host bytes beyond those of the mark before. */
  bytes: number;
}

/** Whether the machine can be run again after such a run. */
export const goesOn = ({ reason }: RunResult): boolean =>
  reason === 'limit' || reason === 'interrupted' || reason === 'waiting';

/** Milliseconds that this process has had of the processors. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What a history asks of the debugger that it belongs to. */
export interface HistoryOwner<Companion> {
  /** The past is executed again: nothing of it is to be reported. */
  replaying(active: boolean): void;
  /** State outside of the machine that changes as it runs, kept with every checkpoint; restored by the very value. */
  saveCompanion(): Companion;
  restoreCompanion(companion: Companion): void;
}

/**
 * The past of a machine: checkpoints, dense near the present and sparse far back, and what the host said in between. Any
 * instruction of it can be gone back to: the nearest checkpoint before it is restored, and the rest is executed again.
 */
export class History<Companion = unknown> {
  readonly #machine: Machine;
  readonly #host: RecordingHost;
  readonly #owner: HistoryOwner<Companion>;
  readonly #checkpointer: Checkpointer;
  readonly #budget: number;
  readonly #marks: Mark<Companion>[] = [];
  #epoch = 0;
  #isChanged = false;
  #defect: UnreflectableError | null = null;
  #ended: RunResult | null = null;
  /** Processor time when the last checkpoint had been taken, and what it took; milliseconds. */
  #lastTaken = 0;
  #cost = 0;
  #spent = 0;
  /** Time of the clock before which none is due: it passes no slower than the processor's. */
  #notBefore = 0;
  #bytes = 0;

  /** @param budget host bytes for checkpoints and input, about */
  constructor(
    machine: Machine,
    host: RecordingHost,
    owner: HistoryOwner<Companion>,
    budget: number | undefined = DEFAULT_BUDGET,
  ) {
    this.#machine = machine;
    this.#host = host;
    this.#owner = owner;
    this.#budget = budget;
    this.#checkpointer = new Checkpointer(machine, machine.kernel.cpu, comparePages(machine.kernel.memory));
    host.log.isListening = false;
  }

  /** Runs the machine as Machine.run does, but not past a moment at which the user changed it. */
  run(maxInstructions: number): RunResult {
    this.#host.log.isListening = true;
    try {
      const result = this.#machine.run({ maxInstructions: this.#limit(maxInstructions) });
      if (!goesOn(result)) this.#ended = result;
      return result;
    } finally {
      this.#host.log.isListening = false;
    }
  }

  /** Instructions retired now. */
  get position(): number {
    return this.#machine.kernel.cpu.instructionCount;
  }

  /** The oldest instruction that can be gone back to. */
  get beginning(): number {
    return this.#marks[0]?.checkpoint.instructions ?? this.position;
  }

  /** The program has changed files of the host later than now: they stay as they are. */
  get filesAreAhead(): boolean {
    return this.#host.log.isBeforeFileChange;
  }

  /** How the run ended that the machine is at the end of; null: it can go on. */
  get ended(): RunResult | null {
    return this.#ended;
  }

  /** True when the machine stands right in front of its next instruction, and not in the middle of a trap or at its end. */
  get #isBetweenInstructions(): boolean {
    return this.#ended === null && this.#machine.kernel.ke.currentThread.activity === null;
  }

  /** Number of checkpoints, and host bytes that they and the log take. */
  get size(): { readonly checkpoints: number; readonly bytes: number } {
    return { checkpoints: this.#marks.length, bytes: this.#bytes + this.#host.log.bytes };
  }

  /** Positions of the checkpoints, oldest first. */
  get positions(): readonly number[] {
    return this.#marks.map(({ checkpoint }) => checkpoint.instructions);
  }

  /** Milliseconds of processor time that all checkpoints so far have taken. */
  get spent(): number {
    return this.#spent;
  }

  /** Call when the machine has run a while: takes a checkpoint when it is time to. */
  ran(): void {
    const now = performance.now();
    if (now < this.#notBefore) return;
    const interval = Math.max(SHORTEST_INTERVAL, this.#cost * INTERVAL_PER_COST);
    const left = this.#lastTaken + interval - processorTime();
    if (left <= 0) this.take();
    else this.#notBefore = now + left;
  }

  /** Why nothing can be gone back to any more, a defect of the kernel; null: all is well. */
  get defect(): UnreflectableError | null {
    return this.#defect;
  }

  /** Takes a checkpoint here, unless there is one. */
  take(): void {
    const index = this.#presentIndex();
    if (this.#marks[index - 1]?.checkpoint.instructions !== this.position) this.#take(index, false);
  }

  #take(index: number, isChange: boolean): void {
    if (this.#defect !== null) return;
    const start = processorTime();
    try {
      const checkpoint = this.#checkpointer.take();
      const companion = this.#owner.saveCompanion();
      const { position: log } = this.#host.log;
      this.#marks.splice(index, 0, { checkpoint, log, companion, epoch: this.#epoch, isChange, bytes: 0 });
    } catch (error) {
      if (!(error instanceof UnreflectableError)) throw error;
      this.#defect = error;
      this.#marks.length = 0;
      this.#bytes = 0;
      return;
    }
    this.#measure(index);
    this.#measure(index + 1);
    this.#thin();
    this.#lastTaken = processorTime();
    this.#cost = this.#lastTaken - start;
    this.#spent += this.#cost;
    this.#notBefore = 0;
  }

  /** The user changed registers or memory: what was known of the future is no longer true. */
  changed(): void {
    this.#isChanged = true;
  }

  /** Call before the machine runs. */
  settle(): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    this.#host.forgetFuture();
    let index = this.#presentIndex();
    const last = this.#marks[index - 1];
    if (last?.isChange && last.checkpoint.instructions === this.position) index--;
    else this.#epoch++;
    while (this.#marks.length > index) this.#remove(this.#marks.length - 1);
    this.#take(index, true);
  }

  #limit(instructions: number): number {
    const change = this.#nextChange();
    return change === undefined ? instructions : Math.min(instructions, change.checkpoint.instructions - this.position);
  }

  /** Call when the machine has stopped: where the user changed it the first time, it is changed again. */
  arrived(): void {
    const change = this.#nextChange();
    if (change?.checkpoint.instructions === this.position) this.#restore(change);
  }

  #nextChange(): Mark<Companion> | undefined {
    return this.#marks.find(({ isChange, epoch }) => isChange && epoch === this.#epoch + 1);
  }

  /**
   * Goes to the state in which so many instructions were retired.
   * @param isCancelled asked now and then; true leaves the machine where it is
   * @returns false when that lies before the beginning, or it was cancelled
   */
  async travelTo(instructions: number, isCancelled: () => boolean = () => false): Promise<boolean> {
    this.settle();
    const mark = this.#marks.findLast(({ checkpoint }) => checkpoint.instructions <= instructions);
    if (mark === undefined) return false;
    const isAhead = mark.checkpoint.instructions > this.position || mark.epoch > this.#epoch;
    const isBack = instructions < this.position || (instructions === this.position && !this.#isBetweenInstructions);
    if (isBack || isAhead) this.#restore(mark);
    this.#owner.replaying(true);
    try {
      if (instructions - this.position > 2 * NEAR) {
        if (!(await this.#execute(instructions - NEAR, isCancelled))) return false;
        this.take();
      }
      return await this.#execute(instructions, isCancelled);
    } finally {
      this.#owner.replaying(false);
    }
  }

  /** Executes up to a position in the recorded past, or on behind it, without any stop. */
  async #execute(instructions: number, isCancelled: () => boolean): Promise<boolean> {
    this.#machine.kernel.cpu.debug.setHostBreakpoints(new Set(), []);
    for (let left = instructions - this.position; left > 0; left = instructions - this.position) {
      const { reason } = this.run(Math.min(left, SLICE));
      if (this.#ended !== null) return this.position === instructions;
      this.arrived();
      if (left <= SLICE && reason !== 'waiting') continue;
      await new Promise((resolve) => setTimeout(resolve, reason === 'waiting' ? INPUT_POLL_MILLISECONDS : 0));
      if (isCancelled()) return false;
    }
    return true;
  }

  #restore(mark: Mark<Companion>): void {
    this.#checkpointer.restore(mark.checkpoint);
    this.#host.log.moveTo(mark.log);
    this.#owner.restoreCompanion(mark.companion);
    this.#epoch = mark.epoch;
    this.#ended = null;
  }

  /** Index of the first mark that the present state does not come after. */
  #presentIndex(): number {
    const { position } = this;
    const index = this.#marks.findIndex(
      ({ checkpoint, epoch }) => checkpoint.instructions > position || epoch > this.#epoch,
    );
    return index < 0 ? this.#marks.length : index;
  }

  #measure(index: number): void {
    const mark = this.#marks[index];
    if (mark === undefined) return;
    this.#bytes -= mark.bytes;
    mark.bytes = mark.checkpoint.bytesBeyond(this.#marks[index - 1]?.checkpoint ?? null);
    this.#bytes += mark.bytes;
  }

  #remove(index: number): void {
    const [mark] = this.#marks.splice(index, 1);
    this.#bytes -= mark.bytes;
    this.#measure(index);
  }

  /** Stays within the budget: first marks go between which others are close, in the end the oldest. */
  #thin(): void {
    while (this.#marks.length > 2 && (this.#marks.length > MAXIMUM_MARKS || this.size.bytes > this.#budget)) {
      const spaced = this.#marks.map(({ checkpoint, isChange }) => ({
        position: checkpoint.instructions,
        isFixed: isChange,
      }));
      const candidate = this.#host.log.bytes > this.#budget / 2 ? null : leastUseful(spaced);
      if (candidate === null) this.#forgetOldest();
      else this.#remove(candidate);
    }
  }

  #forgetOldest(): void {
    this.#remove(0);
    for (const { answer } of this.#host.log.forgetPast(this.#marks[0].log)) {
      if (answer instanceof PendingClose) answer.now();
    }
  }
}
