import type { DebugProtocol } from '@vscode/debugprotocol';
import { DebuggerError, type Session, type StopEvent, type Thread } from '../debugger/index.js';
import type { BreakpointBook } from './breakpoint-book.js';
import { ClientConventions } from './client-conventions.js';
import type { SourceFiles } from './source-files.js';
import { describeStop } from './stop-description.js';
import { VariableStore } from './variable-store.js';

/** A program that was launched. */
export interface LaunchedProgram {
  readonly name: string;
  readonly session: Session;
  readonly breakpoints: BreakpointBook;
  readonly sources: SourceFiles;
  readonly stopOnEntry: boolean;
  /** Instructions that were retired where it begins. */
  readonly start: number;
  /** Gives back files and streams. */
  close(): void;
}

/** Sends an event to the client. */
export type EventSender = (event: string, body?: object) => void;

/** The state of a debug adapter: the program, whether it runs, and what the client holds references to. */
export class Adapter {
  readonly emit: EventSender;
  readonly variables = new VariableStore();
  /** Frames by the numbers that the client was given since the last stop. */
  readonly frames: { readonly thread: Thread; readonly index: number }[] = [];
  /** How the client counts and names files; set by initialize. */
  conventions = new ClientConventions();
  #program: LaunchedProgram | null = null;
  #running = false;
  #terminated = false;
  /** The client wants the program from its beginning again. */
  #restarts = false;
  readonly #knownThreads = new Set<number>();
  readonly #knownModules = new Set<string>();

  constructor(emit: EventSender) {
    this.emit = emit;
  }

  get program(): LaunchedProgram {
    if (this.#program === null) throw new DebuggerError('No program was launched');
    return this.#program;
  }

  set program(program: LaunchedProgram) {
    this.#program = program;
    program.breakpoints.resolved = (breakpoint) =>
      this.emit('breakpoint', { reason: 'changed', breakpoint: this.conventions.breakpointTo(breakpoint) });
  }

  get session(): Session {
    return this.program.session;
  }

  /** The session, for what can only be done while the machine stands still. */
  get stopped(): Session {
    if (this.#running) throw new DebuggerError('The program runs; pause it first');
    if (this.session.execution.ended !== null) throw new DebuggerError('The program has ended');
    return this.session;
  }

  /** A thread by the number that the client has. @throws DebuggerError */
  thread(id: number): Thread {
    const thread = this.session.threads.find(({ uniqueThreadId }) => uniqueThreadId === id);
    if (thread === undefined) throw new DebuggerError(`There is no thread ${id}`);
    return thread;
  }

  /** Chooses a frame by the client's number; its session is ready to look at it. @throws DebuggerError */
  selectFrame(id: number | undefined): Session {
    const session = this.stopped;
    if (id === undefined) return session;
    const frame = this.frames[id - 1];
    if (frame === undefined || !session.threads.includes(frame.thread))
      throw new DebuggerError(`There is no frame ${id}`);
    session.selectThread(frame.thread);
    session.frames.select(frame.index);
    return session;
  }

  /**
   * Lets the machine run until it stops, and tells the client then; settles at once. Log points and breakpoints whose count is
   * not reached let it go on.
   * @param again how it goes on then
   */
  resume(run: () => Promise<StopEvent>, again: () => Promise<StopEvent> = () => this.session.execution.go()): void {
    const session = this.stopped;
    this.#running = true;
    this.variables.clear();
    this.frames.length = 0;
    const work = async (): Promise<void> => {
      let event = await run();
      while (this.program.breakpoints.letsGoOn(event) && !this.#terminated && !this.#restarts) event = await again();
      this.#running = false;
      if (this.#restarts) await this.#startAnew();
      else this.report(session.stopped(event));
    };
    this.#carryOut(work);
  }

  #carryOut(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      this.#running = false;
      this.emit('output', { category: 'stderr', output: `nt86: ${String(error)}\n` });
      this.terminate();
    });
  }

  /** The client has set its breakpoints: the program starts, or stands at its first instruction. */
  start(): void {
    const { session, program } = this;
    if (program.stopOnEntry) this.report(session.lastEvent);
    else this.resume(() => session.execution.go());
  }

  /** @throws DebuggerError where the program's beginning cannot be gone back to */
  checkRestart(): void {
    const { session, program } = this;
    if (session.history === null) throw new DebuggerError('This build of nt86 cannot go back to the beginning');
    if (session.history.beginning > program.start)
      throw new DebuggerError('The beginning is no longer kept (historyMemory): launch the program anew');
  }

  /** Takes the machine back to the program's beginning; from there on it is a run of its own, whose output comes anew. */
  restart(): void {
    this.#restarts = true;
    if (this.#running) this.pause();
    else this.#carryOut(() => this.#startAnew());
  }

  async #startAnew(): Promise<void> {
    const { session, program } = this;
    this.#restarts = false;
    this.variables.clear();
    this.frames.length = 0;
    await session.travelTo(program.start);
    session.changed();
    session.stopped({ kind: 'initial' });
    this.start();
  }

  /** The machine stands still: tells the client why, and of threads and modules that came and went. */
  report(event: StopEvent): void {
    if (this.#terminated) return;
    this.#tellModules();
    this.#tellThreads();
    if (event.kind !== 'ended') {
      this.emit('stopped', describeStop(this.program, event));
      return;
    }
    this.emit('exited', { exitCode: (event.result.status ?? 0) >>> 0 });
    this.terminate();
  }

  pause(): void {
    this.session.execution.breakRequested = true;
  }

  /** The end of the session, told once. */
  terminate(): void {
    if (this.#terminated) return;
    this.#terminated = true;
    if (this.#program !== null) {
      this.pause();
      this.#program.close();
    }
    this.emit('terminated');
  }

  #tellThreads(): void {
    const ended = this.session.execution.ended !== null;
    const present = new Set(ended ? [] : this.session.threads.map(({ uniqueThreadId }) => uniqueThreadId));
    for (const threadId of present) {
      if (!this.#knownThreads.has(threadId)) this.emit('thread', { reason: 'started', threadId });
      this.#knownThreads.add(threadId);
    }
    for (const threadId of this.#knownThreads) {
      if (present.has(threadId)) continue;
      this.#knownThreads.delete(threadId);
      this.emit('thread', { reason: 'exited', threadId });
    }
  }

  #tellModules(): void {
    for (const module of moduleList(this.session)) {
      const key = String(module.id);
      if (this.#knownModules.has(key)) continue;
      this.#knownModules.add(key);
      this.emit('module', { reason: 'new', module });
    }
  }
}

/** The images of the process, as the protocol wants them. */
export function moduleList(session: Session): DebugProtocol.Module[] {
  return session.modules.list(session.space).map(({ name, path, base, size, symbols }) => ({
    id: base,
    name: path.split('\\').at(-1) ?? name,
    path,
    addressRange: `${hexAddress(base)}-${hexAddress(base + size)}`,
    symbolStatus: symbols === null ? 'No symbols' : symbols.hasDwarf ? 'DWARF' : 'Exports and COFF symbols',
  }));
}

/** '0x00401000' */
export const hexAddress = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`;
