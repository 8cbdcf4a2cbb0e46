import type { DebugProtocol } from '@vscode/debugprotocol';
import { type BreakpointPlace, DebuggerError, type Session, type StopEvent } from '../debugger/index.js';
import { hexAddress } from './adapter.js';
import type { SourceFiles } from './source-files.js';

/** What the client asked for at one place. */
interface Wish {
  readonly condition?: string | undefined;
  readonly hitCondition?: string | undefined;
  readonly logMessage?: string | undefined;
}

/** A breakpoint that the client knows. */
interface BookedBreakpoint {
  readonly id: number;
  /** Its number in the session; null: it could not be set. */
  readonly sessionId: number | null;
  readonly reason: string;
  readonly hits: (count: number) => boolean;
  readonly logMessage: string | null;
}

/** Where a wish is fulfilled. */
interface Location {
  readonly place: BreakpointPlace;
  /** Line of the source, from 1. */
  readonly line?: number;
}

/** A breakpoint in a module that is not loaded yet. */
interface Waiting {
  readonly group: string;
  readonly id: number;
  /** @throws DebuggerError where it still cannot be set */
  readonly set: () => DebugProtocol.Breakpoint;
}

/** Reasons of the protocol by the kind of request that sets them. */
export type BreakpointKind = 'breakpoint' | 'function breakpoint' | 'instruction breakpoint' | 'data breakpoint';

/** '5', '>= 5', '> 5', '== 5', '% 5': which hits stop. */
function hitFilter(text: string | undefined): (count: number) => boolean {
  if (text === undefined || text.trim() === '') return () => true;
  const match = /^\s*(>=|>|==|=|%)?\s*(\d{1,9})\s*$/.exec(text);
  const wanted = Number(match?.[2]);
  if (match === null || wanted === 0) throw new DebuggerError(`'${text}' is no hit count; write 5, >= 5, == 5 or % 5`);
  switch (match[1]) {
    case '>':
      return (count) => count > wanted;
    case '%':
      return (count) => count % wanted === 0;
    case '==':
    case '=':
      return (count) => count === wanted;
    default:
      return (count) => count >= wanted;
  }
}

/** The client's breakpoints: each request replaces all of its kind, or of its file. */
export class BreakpointBook {
  readonly #session: Session;
  readonly #sources: SourceFiles;
  readonly #write: (text: string) => void;
  readonly #groups = new Map<string, BookedBreakpoint[]>();
  #waiting: Waiting[] = [];
  #nextId = 1;
  /** Told of a breakpoint that could be set at last, lines from 1. */
  resolved: ((breakpoint: DebugProtocol.Breakpoint) => void) | null = null;

  /** @param write takes the words of log points */
  constructor(session: Session, sources: SourceFiles, write: (text: string) => void) {
    this.#session = session;
    this.#sources = sources;
    this.#write = write;
    session.moduleListener = () => this.#retry();
  }

  /** The breakpoint with this number in the session, or null. */
  find(sessionId: number): BookedBreakpoint | null {
    for (const group of this.#groups.values()) {
      const found = group.find((booked) => booked.sessionId === sessionId);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** True for a stop at a breakpoint that only writes, or whose hit does not count. */
  letsGoOn(event: StopEvent): boolean {
    if (event.kind !== 'breakpoint' && event.kind !== 'data') return false;
    const booked = this.find(event.breakpoint.id);
    if (booked === null) return false;
    if (!booked.hits(event.breakpoint.hits)) return true;
    if (booked.logMessage === null) return false;
    this.#session.stopped(event);
    this.#write(`${this.#interpolate(booked.logMessage)}\n`);
    return true;
  }

  /** Replaces the breakpoints of one source file. */
  setSource(path: string, wishes: readonly DebugProtocol.SourceBreakpoint[]): DebugProtocol.Breakpoint[] {
    return this.#replace(`source:${path}`, 'breakpoint', wishes, ({ line }) => {
      const found = this.#sources.address(this.#session, path, line);
      if (found === null) throw new DebuggerError(`No code for ${path}:${line} in the loaded modules`);
      return { place: { kind: 'execute', address: found.address }, line: found.line };
    });
  }

  setFunctions(wishes: readonly DebugProtocol.FunctionBreakpoint[]): DebugProtocol.Breakpoint[] {
    return this.#replace('functions', 'function breakpoint', wishes, ({ name }) => ({
      place: { kind: 'execute', address: this.#session.address(name) },
    }));
  }

  setInstructions(wishes: readonly DebugProtocol.InstructionBreakpoint[]): DebugProtocol.Breakpoint[] {
    return this.#replace('instructions', 'instruction breakpoint', wishes, ({ instructionReference, offset }) => ({
      place: { kind: 'execute', address: (parseReference(instructionReference) + (offset ?? 0)) >>> 0 },
    }));
  }

  setData(wishes: readonly DebugProtocol.DataBreakpoint[]): DebugProtocol.Breakpoint[] {
    return this.#replace('data', 'data breakpoint', wishes, ({ dataId, accessType }) => {
      const [address, size] = dataId.split(',').map(parseReference);
      if (!(size > 0)) throw new DebuggerError(`'${dataId}' is no data breakpoint`);
      return { place: { kind: 'data', address, size, reads: accessType !== undefined && accessType !== 'write' } };
    });
  }

  #replace<Given extends Wish>(
    group: string,
    kind: BreakpointKind,
    wishes: readonly Given[],
    locate: (wish: Given) => Location,
  ): DebugProtocol.Breakpoint[] {
    const { breakpoints } = this.#session.execution;
    for (const { sessionId } of this.#groups.get(group) ?? []) if (sessionId !== null) breakpoints.remove(sessionId);
    this.#waiting = this.#waiting.filter((waiting) => waiting.group !== group);
    const booked: BookedBreakpoint[] = [];
    this.#groups.set(group, booked);
    return wishes.map((wish): DebugProtocol.Breakpoint => {
      const id = this.#nextId++;
      const set = () => this.#set(booked, id, kind, wish, locate(wish));
      try {
        return set();
      } catch (error) {
        if (!(error instanceof DebuggerError)) throw error;
        this.#waiting.push({ group, id, set });
        return { id, verified: false, message: error.message };
      }
    });
  }

  #set(
    booked: BookedBreakpoint[],
    id: number,
    kind: BreakpointKind,
    wish: Wish,
    { place, line }: Location,
  ): DebugProtocol.Breakpoint {
    const hits = hitFilter(wish.hitCondition);
    const condition = wish.condition === undefined || wish.condition.trim() === '' ? null : wish.condition;
    const processId = this.#session.thread?.process.uniqueProcessId ?? null;
    const given = { text: kind, place, processId, condition, command: null, once: false, passes: 1 };
    const sessionId = this.#session.execution.breakpoints.add(given).id;
    booked.push({ id, sessionId, reason: kind, hits, logMessage: wish.logMessage ?? null });
    const reference = place.kind === 'execute' ? { instructionReference: hexAddress(place.address) } : {};
    return { id, verified: true, ...(line === undefined ? {} : { line }), ...reference };
  }

  /** A module has come: what lies in it can be set now. */
  #retry(): void {
    this.#waiting = this.#waiting.filter(({ set }) => {
      try {
        this.resolved?.(set());
        return false;
      } catch (error) {
        if (!(error instanceof DebuggerError)) throw error;
        return true;
      }
    });
  }

  /** '{EXPRESSION}' in a log message is its value. */
  #interpolate(message: string): string {
    return message.replace(/\{([^{}]*)\}/g, (_whole, expression: string) => {
      try {
        return `0x${this.#session.evaluate(expression).toString(16)}`;
      } catch (error) {
        if (!(error instanceof DebuggerError)) throw error;
        return `{${error.message}}`;
      }
    });
  }
}

/** A number as references have it: '0x401000' or decimal. @throws DebuggerError */
export function parseReference(text: string): number {
  const value = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 0 && value <= 0xffffffff)) throw new DebuggerError(`'${text}' is no address`);
  return value;
}
