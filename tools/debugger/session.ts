import { type RunResult, TrapFrameField } from '../../kernel/index.js';
import { History, type HistoryOwner } from '../history/history.js';
import type { SavableMachine } from '../history/savable-machine.js';
import { DebuggerError } from './debugger-error.js';
import { Disassembler } from './disassembler.js';
import { clientId, type EventObserver, type EventTarget, type ObserverState } from './event-observer.js';
import { EventFilters } from './exception-filters.js';
import { Execution } from './execution.js';
import { type EvaluationContext, evaluate, evaluateAddress } from './expression.js';
import { type DebuggerFrame, FrameView } from './frame-view.js';
import { GuestMemory } from './guest-memory.js';
import { forgetException } from './handled-exception.js';
import type { AddressSpace, EProcessLike, Machine, Thread } from './machine-types.js';
import { Modules } from './modules.js';
import { hex8 } from './number-text.js';
import { type ContextRecord, Registers } from './registers.js';
import { ReverseExecution } from './reverse-execution.js';
import type { FrameRegisters } from './stack-walk.js';
import type { StopEvent } from './stop-event.js';

const LOADER_TEXT_LIMIT = 260;
const FILES_STAY =
  'Note: the program has changed files of the host since; they stay as they are. Executed again it does not change them again.';
/** Of a CONTEXT without its ExtendedRegisters. */
const CONTEXT_SIZE = 0xcc;

/** What a session of a machine that can be saved knows of it. */
export interface SessionReflection {
  readonly savable: SavableMachine;
  readonly isRestored: boolean;
  /** Host bytes for checkpoints; undefined: the usual ones. */
  readonly historyMemory: number | undefined;
}

/** One debugged machine: what stands where, and how words become addresses. */
export class Session implements EvaluationContext {
  readonly machine: Machine;
  readonly memory: GuestMemory;
  readonly modules = new Modules();
  readonly disassembler: Disassembler;
  readonly filters = new EventFilters();
  readonly execution: Execution;
  readonly observer: EventObserver;
  readonly frames: FrameView;
  /** What can be gone back to; null where the kernel's code is not reflectable. */
  readonly history: History<ObserverState> | null;
  readonly #reverse: ReverseExecution | null;
  /** The machine as one that can be saved; null where the kernel's code is not reflectable. */
  readonly savable: SavableMachine | null;
  readonly #isRestored: boolean;
  /** Writes the machine to a file; set by who knows how it was made. */
  writeSnapshot: ((path: string) => void) | null = null;
  /** Told when a module has come into the current process: breakpoints in it can be set. */
  moduleListener: (() => void) | null = null;
  /** Instructions retired where the machine was last written to a file. */
  #savedAt = -1;
  /** $t0 to $t19. */
  readonly userRegisters: bigint[] = new Array<bigint>(20).fill(0n);
  /** Why the machine stands still now. */
  lastEvent: StopEvent = { kind: 'initial' };
  /** Set by q. */
  finished = false;
  /** Where u, d and their like go on. */
  readonly continuations = new Map<string, number>();
  #thread: Thread | null = null;
  #toldOfFiles = false;
  /** Instructions retired at the last stop. */
  #stoppedAt = -1;
  #notice: (text: string) => void;

  /**
   * @param observer the one that the machine was made with
   * @param notice takes lines that come while the machine runs
   * @param reflection the machine as one that can be saved; null: there is no going back
   */
  constructor(
    machine: Machine,
    observer: EventObserver,
    notice: (text: string) => void,
    reflection: SessionReflection | null = null,
  ) {
    this.machine = machine;
    this.observer = observer;
    this.#notice = notice;
    this.savable = reflection?.savable ?? null;
    this.#isRestored = reflection?.isRestored ?? false;
    this.history =
      reflection === null
        ? null
        : new History(machine, reflection.savable.host, this.#historyOwner(), reflection.historyMemory);
    this.memory = new GuestMemory(machine, () => this.history?.changed());
    this.disassembler = new Disassembler((address) => this.nameOf(address));
    this.execution = new Execution(
      machine,
      observer,
      {
        condition: (text) => this.#holds(text),
        eip: () => this.runningThread?.trapFrame?.get(0x68) ?? null,
        esp: () => (this.runningThread?.trapFrame?.get(0x74) ?? 0) >>> 0,
        thread: () => this.runningThread,
        moduleLoaded: (event) => this.#moduleLoaded(event),
      },
      this.history,
    );
    this.#reverse = this.history === null ? null : new ReverseExecution(this, this.history);
    this.frames = new FrameView(this);
    observer.target = this.#eventTarget;
  }

  readonly #eventTarget: EventTarget = {
    filters: this.filters,
    read32: (address) => this.#readCurrent(address),
    requestStop: () => this.machine.requestStop(),
    wantsFault: (fault) => this.execution.wantsFault(fault),
    notice: (text) => this.notice(text),
  };

  #historyOwner(): HistoryOwner<ObserverState> {
    return {
      replaying: (active) => {
        this.observer.target = active ? null : this.#eventTarget;
      },
      saveCompanion: () => this.observer.save(),
      restoreCompanion: (state) => this.observer.restore(state),
    };
  }

  /** Boots and stops at the first instruction of the program's first thread; a restored machine stands where it was saved. */
  async start(): Promise<StopEvent> {
    if (this.#isRestored) {
      this.history?.take();
      return this.stopped({ kind: 'initial' });
    }
    // The modules that the kernel maps are no events yet.
    let first = this.#runKernel();
    while (first.reason === 'interrupted') first = this.#runKernel();
    this.history?.take();
    this.observer.events.length = 0;
    if (first.reason !== 'limit') {
      this.execution.ended = first;
      return this.stopped({ kind: 'ended', result: first });
    }
    const thread = this.runningThread;
    const address = this.machine.kernel.ke.userDispatchers.userApcDispatcher;
    const isThere = thread?.trapFrame?.get(TrapFrameField.Eip) === (address | 0);
    if (thread !== null && address !== 0 && !isThere) await this.execution.go({ address, thread, minimumEsp: 0 });
    return this.stopped({ kind: 'initial' });
  }

  /** Kernel work alone, up to the next instruction. */
  #runKernel(): RunResult {
    return this.history?.run(0) ?? this.machine.run({ maxInstructions: 0 });
  }

  /** Takes over a stop: its thread becomes the one that commands look at. */
  stopped(event: StopEvent): StopEvent {
    this.lastEvent = event;
    this.#stoppedAt = this.machine.kernel.cpu.instructionCount;
    // While everybody waits there is none that runs: the oldest one is looked at. A new thread has not run yet.
    if (event.kind === 'thread') this.#thread = event.thread;
    else this.#thread = this.runningThread === null ? (this.threads[0] ?? null) : null;
    this.frames.reset();
    this.continuations.clear();
    this.memory.space = this.space;
    return event;
  }

  /** The user changed registers or memory. */
  changed(): void {
    this.history?.changed();
    this.frames.invalidate();
  }

  /** The exception that the machine stopped at is over: the program never hears of it. Nothing happens at other stops. */
  exceptionHandled(): void {
    const event = this.lastEvent;
    if (event.kind !== 'exception') return;
    forgetException(this, event);
    this.stopped({ kind: 'step' });
  }

  /** Nothing stops the machine any more: no breakpoints, no event filters. */
  release(): void {
    for (const { id } of [...this.execution.breakpoints.list]) this.execution.breakpoints.remove(id);
    for (const filter of this.filters.list) filter.mode = 'ignore';
  }

  /** Writes the machine to a file. @throws CliError when it cannot be written; DebuggerError when nobody knows how to */
  save(path: string): void {
    if (this.writeSnapshot === null) throw new DebuggerError('Nobody here knows how to save this machine');
    this.writeSnapshot(path);
    this.#savedAt = this.machine.kernel.cpu.instructionCount;
  }

  /**
   * Nobody goes on with this machine: what its cache has still to write is written, as at the end of a run. A machine that was saved where it
   * stands has that in its file; and files that are ahead of a machine in its past stay as they are.
   */
  shutDown(): void {
    const isSaved = this.#savedAt === this.machine.kernel.cpu.instructionCount;
    if (this.execution.ended === null && !isSaved && this.history?.filesAreAhead !== true) this.machine.shutDown();
  }

  notice(text: string): void {
    if (!this.execution.searching) this.#notice(text);
  }

  // --- going back

  /** Undoes one instruction, of whatever thread. @throws DebuggerError where nothing can be gone back to */
  async stepBack(): Promise<StopEvent> {
    return this.#wentBack(await this.#backwards().step());
  }

  /** Undoes one instruction; behind a call all of the call. @throws DebuggerError where nothing can be gone back to */
  async stepOverBack(): Promise<StopEvent> {
    return this.#wentBack(await this.#backwards().stepOver());
  }

  /** Back into the caller, in front of its call. @throws DebuggerError where nothing can be gone back to */
  async stepOutBack(): Promise<StopEvent> {
    return this.#wentBack(await this.#backwards().stepOut());
  }

  /**
   * Goes back to the last breakpoint or event before now: in front of the instruction that met it, or to the beginning.
   * @throws DebuggerError where nothing can be gone back to
   */
  async continueBack(): Promise<StopEvent> {
    return this.#wentBack(await this.#backwards().go());
  }

  /**
   * Goes in front of the instruction that last wrote one of these bytes of the current process; `beginning` when none did.
   * @throws DebuggerError where nothing can be gone back to
   */
  async lastWrite(address: number, size: number): Promise<StopEvent> {
    return this.#wentBack(await this.#backwards().lastWrite(address, size));
  }

  /** Goes to where so many instructions were retired, back or forward. @throws DebuggerError where that cannot be gone to */
  async travelTo(instructions: number): Promise<StopEvent> {
    return this.#wentBack(await this.#backwards().travelTo(instructions));
  }

  /** Takes over a stop in the past; says once that files do not go back with it. */
  #wentBack(event: StopEvent): StopEvent {
    if (this.history?.filesAreAhead && !this.#toldOfFiles) {
      this.#toldOfFiles = true;
      this.notice(FILES_STAY);
    }
    return this.stopped(event);
  }

  #backwards(): ReverseExecution {
    const defect = this.history?.defect ?? null;
    if (defect !== null) throw new DebuggerError(`Going back is not possible: ${defect.message}`);
    if (this.#reverse === null) throw new DebuggerError('This build of nt86 cannot go back');
    return this.#reverse;
  }

  // --- what is looked at

  /** The thread that runs, or whose turn is next; null when the program has ended or none has a user side. */
  get runningThread(): Thread | null {
    const thread = this.machine.kernel.ke.currentThread;
    return thread.trapFrame === null ? null : thread;
  }

  /** The thread that commands look at. */
  get thread(): Thread | null {
    return this.#thread ?? this.runningThread;
  }

  selectThread(thread: Thread): void {
    this.#thread = thread;
    this.frames.reset();
    this.memory.space = this.space;
  }

  /** Registers of the thread. @throws DebuggerError when there is none */
  get registers(): Registers {
    const { thread } = this;
    if (thread === null) throw new DebuggerError('The program is not running');
    return this.#registersOf(thread);
  }

  #registersOf(thread: Thread): Registers {
    return new Registers(this.machine, thread, () => this.history?.changed(), this.#raisedContext(thread));
  }

  /** The CONTEXT that the thread is about to raise an exception with, as long as it stands in front of NtRaiseException. */
  #raisedContext(thread: Thread): ContextRecord | null {
    const event = this.lastEvent;
    if (event.kind !== 'exception' || event.thread !== thread || event.argumentPointer === 0) return null;
    if (this.#stoppedAt !== this.machine.kernel.cpu.instructionCount) return null;
    const { memory } = this;
    const address = memory.read32(event.argumentPointer + 4) ?? 0;
    return memory.read(address, CONTEXT_SIZE).length === CONTEXT_SIZE ? { address, memory } : null;
  }

  get process(): EProcessLike | null {
    return this.thread?.process.executive ?? null;
  }

  /** The memory that addresses are looked up in; null when there is none, or its page directories are swapped out. */
  get space(): AddressSpace | null {
    const space = this.thread?.process.addressSpace ?? null;
    return space?.outSwapped ? null : space;
  }

  /** The frame that dv and .frame look at. */
  get frame(): DebuggerFrame {
    return this.frames.current;
  }

  /** Every living thread with a user side, by process and age. */
  get threads(): readonly Thread[] {
    return this.machine.kernel.ps.processes.flatMap(({ pcb }) =>
      pcb.threads.filter(({ trapFrame }) => trapFrame !== null),
    );
  }

  nameOf(address: number): string | null {
    return this.modules.nameOf(this.space, address);
  }

  /** 'module!name+0x5', or the bare address. */
  addressText(address: number): string {
    return this.nameOf(address) ?? hex8(address);
  }

  // --- EvaluationContext

  register(name: string): bigint | null {
    const temporary = /^\$t(\d{1,2})$/.exec(name);
    if (temporary !== null) return this.userRegisters[Number(temporary[1])] ?? null;
    if (name.startsWith('$')) return this.#pseudoRegister(name);
    const { thread } = this;
    return thread === null ? null : this.#registersOf(thread).lookup(name);
  }

  #pseudoRegister(name: string): bigint | null {
    const { thread, process } = this;
    if (thread === null) return null;
    const registers = this.registers;
    const number = (value: number): bigint => BigInt(value >>> 0);
    switch (name) {
      case '$ip':
        return number(registers.get('eip'));
      case '$csp':
        return number(registers.get('esp'));
      case '$retreg':
        return number(registers.get('eax'));
      case '$ra':
        return number(this.frame.returnAddress);
      case '$teb':
        return number(thread.teb);
      case '$peb':
        return number(thread.process.peb);
      case '$tpid':
        return number(thread.process.uniqueProcessId);
      case '$tid':
        return number(thread.uniqueThreadId);
      case '$proc':
        return number(process === null ? 0 : objectAddress(process.object));
      case '$thread':
        return number(objectAddress(thread.executive?.object ?? null));
      case '$exentry':
        return this.#entryPoint();
      default:
        return null;
    }
  }

  #entryPoint(): bigint | null {
    const base = this.process?.sectionBaseAddress ?? 0;
    const header = this.memory.read32(base + 0x3c);
    const entry = header === null ? null : this.memory.read32(base + header + 0x28);
    return entry === null ? null : BigInt(base + entry);
  }

  symbol(name: string): number | null {
    return this.frames.localAddress(name) ?? this.modules.address(this.space, name);
  }

  sourceLine(file: string, line: number): number | null {
    return this.modules.line(this.space, file, line)?.address ?? null;
  }

  readMemory(address: number, size: number): bigint | null {
    return this.memory.readNumber(address, size);
  }

  evaluate(text: string): bigint {
    return evaluate(text, this);
  }

  address(text: string): number {
    return evaluateAddress(text, this);
  }

  /** Registers of the selected thread by DWARF number. */
  get topRegisters(): FrameRegisters {
    const { registers } = this;
    return (['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'eip'] as const).map((name) =>
      registers.get(name),
    );
  }

  /** Text of a counted UNICODE_STRING in guest memory, '' where it cannot be read. */
  unicodeString(address: number): string {
    const length = this.memory.read16(address) ?? 0;
    const buffer = this.memory.read32(address + 4) ?? 0;
    return this.memory.readText(buffer, Math.min(length / 2, LOADER_TEXT_LIMIT), 2) ?? '';
  }

  // --- events

  #holds(condition: string): boolean {
    try {
      return this.evaluate(condition) !== 0n;
    } catch (error) {
      if (!(error instanceof DebuggerError)) throw error;
      return true;
    }
  }

  #readCurrent(address: number): number {
    this.memory.space = null;
    const value = this.memory.read32(address) ?? 0;
    this.memory.space = this.space;
    return value;
  }

  /** A module came or went: tells of it, resolves breakpoints that waited for it; true when its filter stops. */
  #moduleLoaded(event: StopEvent): boolean {
    if (event.kind !== 'module') return false;
    const { name, base, mapped } = event.module;
    const file = name.split('\\').at(-1) ?? '';
    const filter = mapped ? 'ld' : 'ud';
    if (mapped) {
      const module = this.modules.moduleAt(this.space, base);
      const end = module === null ? base : base + module.size;
      if (this.filters.find('ld')?.mode !== 'ignore') this.notice(`ModLoad: ${hex8(base)} ${hex8(end)}   ${name}`);
      this.#resolveDeferred();
      this.moduleListener?.();
    }
    return this.filters.stops(filter, file) || this.filters.stops(filter, file.replace(/\.[^.]*$/, ''));
  }

  #resolveDeferred(): void {
    for (const breakpoint of this.execution.breakpoints.list) {
      if (breakpoint.place.kind !== 'deferred') continue;
      try {
        breakpoint.place = { kind: 'execute', address: this.address(breakpoint.text) };
      } catch (error) {
        if (!(error instanceof DebuggerError)) throw error;
      }
    }
  }

  /** 'pid.tid' of the thread that is looked at. */
  get clientId(): string {
    return this.thread === null ? '0.0' : clientId(this.thread);
  }
}

/** The address that debuggers show for an object: its body, behind the header. */
export function objectAddress(object: { readonly address: number } | null): number {
  return object === null ? 0 : object.address + 0x18;
}
