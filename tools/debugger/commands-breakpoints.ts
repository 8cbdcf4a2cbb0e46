import { type FaultOutcome, faultOutcomeName } from '../../kernel/index.js';
import { type Breakpoint, type BreakpointPlace, placeText } from './breakpoints.js';
import { type Command, type CommandOutput, commands, output, splitArguments, unquote } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import { hex, hex4 } from './number-text.js';
import type { Session } from './session.js';

/** What stands before and behind the place of a breakpoint. */
interface Options {
  readonly once: boolean;
  readonly anyProcess: boolean;
  readonly condition: string | null;
  readonly command: string | null;
  readonly wantedId: number | null;
  /** Arguments that are no options: place, passes. */
  readonly rest: readonly string[];
}

function parseOptions(words: readonly string[], idFromName: number | null): Options {
  const rest: string[] = [];
  let once = false;
  let anyProcess = false;
  let condition: string | null = null;
  let command: string | null = null;
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (word === '/1') once = true;
    else if (word === '/a') anyProcess = true;
    else if (word === '/w') condition = unquote(words[++index] ?? '');
    else if (word.startsWith('"')) command = unquote(word);
    else rest.push(word);
  }
  if (condition === '') throw new DebuggerError('An expression is needed behind /w');
  return { once, anyProcess, condition, command, wantedId: idFromName, rest };
}

function add(
  session: Session,
  place: BreakpointPlace,
  text: string,
  options: Options,
  passes: string | undefined,
): CommandOutput {
  const breakpoint = session.execution.breakpoints.add(
    {
      text,
      place,
      processId: options.anyProcess ? null : (session.thread?.process.uniqueProcessId ?? null),
      condition: options.condition,
      command: options.command,
      once: options.once,
      passes: passes === undefined ? 1 : session.address(passes),
    },
    options.wantedId,
  );
  return output('', breakpointData(session, breakpoint));
}

/** bp ADDRESS [PASSES] ["COMMANDS"]; a name that is not known yet waits for its module. */
function setExecution(id: number | null): Command['run'] {
  return (session, args) => {
    const options = parseOptions(splitArguments(args), id);
    const [where, passes] = options.rest;
    const text = where ?? '.';
    const address = resolve(session, text);
    if (address !== null) return add(session, { kind: 'execute', address }, text, options, passes);
    const added = add(session, { kind: 'deferred' }, text, options, passes);
    return output(`Bp expression '${text}' could not be resolved, adding deferred bp`, added.data);
  };
}

/** Null for a symbol that may come with a module; other mistakes are told at once. */
function resolve(session: Session, text: string): number | null {
  try {
    return session.address(text);
  } catch (error) {
    if (!(error instanceof DebuggerError) || !/^Couldn't resolve/.test(error.message)) throw error;
    if (!/^`?[A-Za-z_$?@][\w$?@.]*(![\w$?@]+)?(:\d+)?`?(\+.+)?$/.test(text)) throw error;
    return null;
  }
}

const ACCESS_SIZES: ReadonlySet<number> = new Set([1, 2, 4, 8]);

/** ba w4 ADDRESS, ba r1 ADDRESS, ba e1 ADDRESS; any number, and w with any hexadecimal size too. */
function setAccess(session: Session, args: string): CommandOutput {
  const options = parseOptions(splitArguments(args), null);
  const [kind, where, passes] = options.rest;
  const match = /^([erw])([0-9a-f]*)$/i.exec(kind ?? '');
  if (match === null || where === undefined) throw new DebuggerError('ba takes e1, r or w with a size, and an address');
  const address = session.address(where);
  const size = match[2] === '' ? 1 : Number.parseInt(match[2], 16);
  if (match[1].toLowerCase() === 'e') {
    if (size !== 1) throw new DebuggerError('Execution breakpoints are one byte long: ba e1');
    return add(session, { kind: 'execute', address }, where, options, passes);
  }
  if (size === 0 || address + size > 0x1_0000_0000) throw new DebuggerError(`Range error in '${args}'`);
  if (ACCESS_SIZES.has(size) && address % size !== 0) {
    throw new DebuggerError(`The address must be a multiple of ${size}`);
  }
  return add(session, { kind: 'data', address, size, reads: match[1].toLowerCase() === 'r' }, where, options, passes);
}

const OUTCOMES: readonly string[] = (
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 19, 20, 21] as readonly FaultOutcome[]
).map(faultOutcomeName);

/** bf [KIND] [FIRST [LAST]]: page faults. */
function setFault(session: Session, args: string): CommandOutput {
  const options = parseOptions(splitArguments(args), null);
  const words = [...options.rest];
  let outcome = '*';
  if (words[0] !== undefined && (words[0] === '*' || OUTCOMES.includes(words[0]))) outcome = words.shift() ?? '*';
  const first = words[0] === undefined ? 0 : session.address(words[0]);
  const last =
    words[1] === undefined ? (words[0] === undefined ? 0xffffffff : first | 0xfff) >>> 0 : session.address(words[1]);
  if (last < first) throw new DebuggerError(`Range error in '${args}'`);
  return add(session, { kind: 'fault', outcome, first, last }, args.trim(), options, undefined);
}

function breakpointData(session: Session, breakpoint: Breakpoint): Json {
  const { id, enabled, place, hits, condition, command, text } = breakpoint;
  const symbol = place.kind === 'execute' || place.kind === 'data' ? session.nameOf(place.address) : null;
  return { id, enabled, text, hits, condition, command, symbol, ...place };
}

function list(session: Session): CommandOutput {
  const rows = session.execution.breakpoints.list;
  const lines = rows.map((breakpoint) => {
    const { id, enabled, place, passes, initialPasses, processId, condition, command } = breakpoint;
    const state = enabled ? 'e' : 'd';
    const symbol =
      place.kind === 'execute' || place.kind === 'data'
        ? (session.nameOf(place.address) ?? '')
        : `(${breakpoint.text})`;
    const counts = `${hex4(passes)} (${hex4(initialPasses)})`;
    const owner = processId === null ? '*' : hex(processId);
    const extras = [condition === null ? '' : `/w "${condition}"`, command === null ? '' : `"${command}"`];
    return [` ${hex(id)} ${state} ${placeText(place)}     ${counts}  ${owner}:****`, symbol, ...extras]
      .filter((part) => part !== '')
      .join(' ');
  });
  return output(
    lines.join('\n'),
    rows.map((breakpoint) => breakpointData(session, breakpoint)),
  );
}

/** 'bc *', 'bc 0 2', 'bd 1-3', 'be 0,1' */
function each(name: string, act: (session: Session, breakpoint: Breakpoint) => void): Command['run'] {
  return (session, args) => {
    const { breakpoints } = session.execution;
    const text = args.trim();
    if (text === '') throw new DebuggerError(`${name} takes breakpoint numbers or *`);
    const ids = text === '*' ? breakpoints.list.map(({ id }) => id) : numbers(text);
    for (const id of ids) {
      const breakpoint = breakpoints.find(id);
      if (breakpoint === null) throw new DebuggerError(`Breakpoint ${hex(id)} does not exist`);
      act(session, breakpoint);
    }
    return output('', ids);
  };
}

function numbers(text: string): number[] {
  return text.split(/[\s,]+/).flatMap((part) => {
    const range = /^([0-9a-f]+)(?:-([0-9a-f]+))?$/i.exec(part);
    if (range === null) throw new DebuggerError(`Syntax error at '${part}'`);
    const first = Number.parseInt(range[1], 16);
    const last = range[2] === undefined ? first : Math.min(Number.parseInt(range[2], 16), first + 0xff);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  });
}

export const breakpointCommands = commands(
  {
    name: 'bp',
    syntax: 'bp [/1] [/a] [/w "EXPRESSION"] [ADDRESS [PASSES]] ["COMMANDS"]',
    help: 'break at an instruction',
    run: setExecution(null),
  },
  { name: 'bu', syntax: 'bu ...', help: 'as bp, for code that may not be loaded yet', run: setExecution(null) },
  {
    name: 'ba',
    syntax: 'ba e1|rSIZE|wSIZE ADDRESS [PASSES] ["COMMANDS"]',
    help: 'break on access, any number of them',
    run: setAccess,
  },
  {
    name: 'bf',
    syntax: 'bf [KIND] [FIRST [LAST]]',
    help: `break on page faults; KIND: ${OUTCOMES.join(' ')}`,
    run: setFault,
  },
  { name: 'bl', syntax: 'bl', help: 'list breakpoints', run: list },
  {
    name: 'bc',
    syntax: 'bc NUMBERS|*',
    help: 'clear breakpoints',
    run: each('bc', (session, { id }) => session.execution.breakpoints.remove(id)),
  },
  {
    name: 'be',
    syntax: 'be NUMBERS|*',
    help: 'enable breakpoints',
    run: each('be', (_session, breakpoint) => {
      breakpoint.enabled = true;
    }),
  },
  {
    name: 'bd',
    syntax: 'bd NUMBERS|*',
    help: 'disable breakpoints',
    run: each('bd', (_session, breakpoint) => {
      breakpoint.enabled = false;
    }),
  },
);
