import { DebuggerError, type Json } from './debugger-error.js';
import type { Session } from './session.js';

/** What a command says: for people, and the same for programs. */
export interface CommandOutput {
  readonly text: string;
  readonly data: Json;
}

/** One row of the command table. */
export interface Command {
  /** As typed; extensions with their '!'. */
  readonly name: string;
  readonly syntax: string;
  readonly help: string;
  /**
   * @param args what stands behind the name, without --json
   * @throws DebuggerError for arguments that make no sense
   */
  run(session: Session, args: string): CommandOutput | Promise<CommandOutput>;
}

/** Nothing to say. */
export const SILENT: CommandOutput = { text: '', data: null };

export const output = (text: string, data: Json): CommandOutput => ({ text, data });

const OPENING = '([';
const CLOSING = ')]';
const QUOTES = '"`';

/** Splits at spaces outside of parentheses, brackets and quotes; quotes stay. */
export function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let current = '';
  let depth = 0;
  let quote = '';
  for (const character of text) {
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (QUOTES.includes(character)) quote = character;
    else if (OPENING.includes(character)) depth++;
    else if (CLOSING.includes(character)) depth--;
    if (/\s/.test(character) && depth <= 0 && quote === '') {
      if (current !== '') parts.push(current);
      current = '';
    } else current += character;
  }
  if (current !== '') parts.push(current);
  return parts;
}

/** The text inside of double quotes, or the text itself. */
export function unquote(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

/** A range of memory as commands take it. */
export interface MemoryRange {
  readonly address: number;
  /** Elements, or null when the command's own count holds. */
  readonly count: number | null;
  /** Arguments behind the range. */
  readonly rest: readonly string[];
}

/**
 * 'ADDRESS', 'ADDRESS L COUNT', 'ADDRESS LCOUNT' or 'ADDRESS END'.
 * @param elementSize bytes of an element, for ranges given by their end
 * @param fallback address when there are no arguments
 */
export function parseRange(session: Session, args: string, elementSize: number, fallback: number | null): MemoryRange {
  const parts = splitArguments(args);
  if (parts.length === 0) {
    if (fallback === null) throw new DebuggerError('An address is needed');
    return { address: fallback, count: null, rest: [] };
  }
  const address = session.address(parts[0]);
  const second = parts[1];
  if (second === undefined) return { address, count: null, rest: [] };
  if (/^l$/i.test(second)) {
    if (parts[2] === undefined) throw new DebuggerError(`Range error in '${args}'`);
    return { address, count: session.address(parts[2]), rest: parts.slice(3) };
  }
  if (/^l[^=]/i.test(second) && session.symbol(second) === null) {
    return { address, count: session.address(second.slice(1)), rest: parts.slice(2) };
  }
  const end = session.address(second);
  if (end < address) throw new DebuggerError(`Range error in '${args}'`);
  return { address, count: Math.floor((end - address) / elementSize) + 1, rest: parts.slice(2) };
}

/** More than this nobody reads, and a slip of the finger must not freeze the terminal. */
export const MAXIMUM_COUNT = 0x10000;

export function limited(count: number): number {
  if (count > MAXIMUM_COUNT) throw new DebuggerError(`Range error: more than 0x${MAXIMUM_COUNT.toString(16)} elements`);
  return count;
}

/** A table of commands with one line for each element. */
export function commands(...rows: readonly Command[]): readonly Command[] {
  return rows;
}
