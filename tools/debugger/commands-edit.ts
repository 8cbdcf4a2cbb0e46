import { type Command, type CommandOutput, commands, output, parseRange, splitArguments } from './command.js';
import { DebuggerError } from './debugger-error.js';
import { hex2, hex8 } from './number-text.js';
import type { Session } from './session.js';

const MAXIMUM_SEARCH = 0x1000000;
const MAXIMUM_HITS = 1000;

function store(session: Session, address: number, bytes: Uint8Array, command: string): CommandOutput {
  if (!session.memory.write(address, bytes)) {
    throw new DebuggerError(`Memory access error in '${command} ${hex8(address)}'`);
  }
  session.changed();
  return output('', { address, written: bytes.length });
}

/** eb, ew, ed, eq: values one after the other. */
function edit(command: string, size: number): Command['run'] {
  return (session, args) => {
    const [where, ...values] = splitArguments(args);
    if (where === undefined || values.length === 0) throw new DebuggerError(`${command} takes an address and values`);
    const bytes = new Uint8Array(values.length * size);
    values.forEach((text, index) => {
      let value = BigInt.asUintN(64, session.evaluate(text));
      for (let at = 0; at < size; at++, value >>= 8n) bytes[index * size + at] = Number(value & 0xffn);
    });
    return store(session, session.address(where), bytes, command);
  };
}

/** ea, eu without, eza, ezu with a zero at the end. */
function editText(command: string, width: 1 | 2, terminated: boolean): Command['run'] {
  return (session, args) => {
    const match = /^(\S+)\s+"(.*)"$/.exec(args.trim());
    if (match === null) throw new DebuggerError(`${command} takes an address and "text"`);
    const text = terminated ? `${match[2]}\0` : match[2];
    const bytes = new Uint8Array(text.length * width);
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      bytes[index * width] = unit & 0xff;
      if (width === 2) bytes[index * 2 + 1] = unit >>> 8;
    }
    return store(session, session.address(match[1]), bytes, command);
  };
}

const PATTERN_SIZES: Readonly<Record<string, number>> = { b: 1, w: 2, d: 4, q: 8 };

/** s [-b|-w|-d|-q|-a|-u] RANGE PATTERN */
function search(session: Session, args: string): CommandOutput {
  const option = /^-([bwdqau])\s+(.*)$/i.exec(args.trim());
  const kind = option === null ? 'b' : option[1].toLowerCase();
  const { address, count, rest } = parseRange(session, option === null ? args : option[2], 1, null);
  if (count === null || rest.length === 0) throw new DebuggerError('s takes a range and what to look for');
  if (count > MAXIMUM_SEARCH) throw new DebuggerError('Range error: more than 16 MB');
  const pattern = patternBytes(session, kind, rest);
  const step = kind === 'a' || kind === 'u' ? 1 : PATTERN_SIZES[kind];
  const hits = session.memory.search(address, count, pattern, step, MAXIMUM_HITS);
  const lines = hits.map((hit) => {
    const shown = [...session.memory.read(hit, 16)].map(hex2).join(' ');
    return `${hex8(hit)}  ${shown}`;
  });
  return output(lines.join('\n'), hits);
}

function patternBytes(session: Session, kind: string, values: readonly string[]): Uint8Array {
  if (kind === 'a' || kind === 'u') {
    const text = values.join(' ').replace(/^"(.*)"$/, '$1');
    const bytes: number[] = [];
    for (let index = 0; index < text.length; index++) {
      bytes.push(text.charCodeAt(index) & 0xff);
      if (kind === 'u') bytes.push(text.charCodeAt(index) >>> 8);
    }
    return Uint8Array.from(bytes);
  }
  const size = PATTERN_SIZES[kind];
  const bytes = new Uint8Array(values.length * size);
  values.forEach((text, index) => {
    let value = session.evaluate(text);
    for (let at = 0; at < size; at++, value >>= 8n) bytes[index * size + at] = Number(value & 0xffn);
  });
  return bytes;
}

export const editCommands = commands(
  { name: 'eb', syntax: 'eb ADDRESS VALUE...', help: 'change bytes', run: edit('eb', 1) },
  { name: 'ew', syntax: 'ew ADDRESS VALUE...', help: 'change words', run: edit('ew', 2) },
  { name: 'ed', syntax: 'ed ADDRESS VALUE...', help: 'change dwords', run: edit('ed', 4) },
  { name: 'eq', syntax: 'eq ADDRESS VALUE...', help: 'change quadwords', run: edit('eq', 8) },
  { name: 'ea', syntax: 'ea ADDRESS "TEXT"', help: 'write text as bytes', run: editText('ea', 1, false) },
  { name: 'eu', syntax: 'eu ADDRESS "TEXT"', help: 'write text as UTF-16', run: editText('eu', 2, false) },
  { name: 'eza', syntax: 'eza ADDRESS "TEXT"', help: 'write text as bytes and a zero', run: editText('eza', 1, true) },
  { name: 'ezu', syntax: 'ezu ADDRESS "TEXT"', help: 'write text as UTF-16 and a zero', run: editText('ezu', 2, true) },
  { name: 's', syntax: 's [-b|-w|-d|-q|-a|-u] RANGE PATTERN', help: 'search memory', run: search },
);
