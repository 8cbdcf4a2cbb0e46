import type { HostFileInformation } from '../host.js';
import { upcaseName } from '../ob/name.js';

/** Wild cards that Win32 puts for '.' , '?' and '*' in DOS patterns (FsRtlIsNameInExpression). */
const DOS_STAR = '<';
const DOS_QM = '>';
const DOS_DOT = '"';

/** The state of reading a directory through one file object. */
export interface DirectoryScan {
  /** Entries that match the pattern of the first call, with '.' and '..' where the file system has them. */
  readonly entries: readonly HostFileInformation[];
  index: number;
  readonly pattern: string;
  /** Pool address of what the entries are charged for. */
  readonly buffer: number;
}

/** True for a pattern without wild cards. */
export function isPlainName(pattern: string): boolean {
  return !/[*?<>"]/.test(pattern);
}

/**
 * Tells whether a name matches a pattern (FsRtlIsNameInExpression), ignoring case. '*' any characters, '?' one character;
 * DOS_STAR '<' any characters but the last dot; DOS_QM '>' one character, or none before a dot or at the end; DOS_DOT '"' a
 * dot, or nothing at the end.
 */
export function matchesPattern(name: string, pattern: string): boolean {
  const text = upcaseName(name);
  const expression = upcaseName(pattern);
  const lastDot = text.lastIndexOf('.');
  // The positions of the pattern that the name read so far can have led to.
  let states = closure(new Set([0]), expression, text[0]);
  for (let index = 0; index < text.length; index++) {
    const next = new Set<number>();
    for (const state of states) step(state, text, index, expression, lastDot, next);
    states = closure(next, expression, text[index + 1]);
    if (states.size === 0) return false;
  }
  return states.has(expression.length);
}

function step(
  state: number,
  text: string,
  index: number,
  expression: string,
  lastDot: number,
  next: Set<number>,
): void {
  const character = text[index];
  const wanted = expression[state];
  switch (wanted) {
    case undefined:
      return;
    case '*':
      next.add(state);
      return;
    case DOS_STAR:
      if (index !== lastDot) next.add(state);
      return;
    case '?':
      next.add(state + 1);
      return;
    case DOS_QM:
      if (character !== '.') next.add(state + 1);
      return;
    case DOS_DOT:
      if (character === '.') next.add(state + 1);
      return;
    default:
      if (wanted === character) next.add(state + 1);
  }
}

/** Adds the positions that can be reached without reading `following`, the name's next character. */
function closure(states: Set<number>, expression: string, following: string | undefined): Set<number> {
  for (const state of states) {
    if (canBeEmpty(expression[state], following)) states.add(state + 1);
  }
  return states;
}

function canBeEmpty(wanted: string | undefined, following: string | undefined): boolean {
  if (wanted === '*' || wanted === DOS_STAR) return true;
  if (wanted === DOS_QM) return following === undefined || following === '.';
  return wanted === DOS_DOT && following === undefined;
}
