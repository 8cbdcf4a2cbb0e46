import { type Command, type CommandOutput, commands, limited, output, parseRange } from './command.js';
import type { Json } from './debugger-error.js';
import { hex, hex8, printable } from './number-text.js';
import type { Session } from './session.js';

const BYTES = 16;
const DEFAULT_BYTES = 128;
const MAXIMUM_TEXT = 256;

/** Element i of a dump, null where it cannot be read. */
type Elements = readonly (bigint | null)[];

function readElements(session: Session, address: number, count: number, size: number): Elements {
  const bytes = session.memory.read(address, count * size);
  const whole = bytes.length === count * size;
  return Array.from({ length: count }, (_, index) => {
    if (!whole) return session.memory.readNumber((address + index * size) >>> 0, size);
    let value = 0n;
    for (let at = size - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[index * size + at]);
    return value;
  });
}

const jsonOf = (values: Elements): Json =>
  values.map((value) => (value === null ? null : value > 0xffffffffn ? value.toString(16) : Number(value)));

function elementText(value: bigint | null, size: number): string {
  if (size === 8) {
    const digits = value === null ? '?'.repeat(16) : value.toString(16).padStart(16, '0');
    return `${digits.slice(0, 8)}\`${digits.slice(8)}`;
  }
  return value === null ? '?'.repeat(size * 2) : value.toString(16).padStart(size * 2, '0');
}

/** dw, dd, dq. */
function dump(name: string, size: number): Command['run'] {
  return (session, args) => {
    const start = session.continuations.get('d') ?? session.frame.eip;
    const { address, count } = parseRange(session, args, size, start);
    const values = readElements(session, address, limited(count ?? DEFAULT_BYTES / size), size);
    const lines: string[] = [];
    for (let index = 0; index < values.length; index += BYTES / size) {
      const row = values.slice(index, index + BYTES / size).map((value) => elementText(value, size));
      lines.push(`${hex8(address + index * size)}  ${row.join(' ')}`);
    }
    session.continuations.set('d', (address + values.length * size) >>> 0);
    return output(lines.join('\n'), { command: name, address, size, values: jsonOf(values) });
  };
}

function dumpBytes(session: Session, args: string): CommandOutput {
  const start = session.continuations.get('d') ?? session.frame.eip;
  const { address, count } = parseRange(session, args, 1, start);
  const values = readElements(session, address, limited(count ?? DEFAULT_BYTES), 1);
  const lines: string[] = [];
  for (let index = 0; index < values.length; index += BYTES) {
    const row = values.slice(index, index + BYTES);
    const text = row.map((value, at) => `${at === 8 ? '-' : ' '}${elementText(value, 1)}`).join('');
    const letters = row.map((value) => (value === null ? '?' : printable(Number(value)))).join('');
    lines.push(`${hex8(address + index)} ${text.padEnd(BYTES * 3)}  ${letters}`);
  }
  session.continuations.set('d', (address + values.length) >>> 0);
  return output(lines.join('\n'), { command: 'db', address, size: 1, values: jsonOf(values) });
}

/** dyb: bits of four bytes in a row, then the bytes. */
function dumpBits(session: Session, args: string): CommandOutput {
  const start = session.continuations.get('d') ?? session.frame.eip;
  const { address, count } = parseRange(session, args, 1, start);
  const values = readElements(session, address, limited(count ?? 32), 1);
  const lines = ['          76543210 76543210 76543210 76543210', '          -------- -------- -------- --------'];
  for (let index = 0; index < values.length; index += 4) {
    const row = values.slice(index, index + 4);
    const bits = row.map((value) => (value === null ? '????????' : value.toString(2).padStart(8, '0')));
    const bytes = row.map((value) => elementText(value, 1));
    lines.push(`${hex8(address + index)}  ${bits.join(' ').padEnd(35)}  ${bytes.join(' ')}`);
  }
  session.continuations.set('d', (address + values.length) >>> 0);
  return output(lines.join('\n'), { command: 'dyb', address, size: 1, values: jsonOf(values) });
}

/** da, du: text up to its zero. */
function dumpText(width: 1 | 2): Command['run'] {
  return (session, args) => {
    const { address, count } = parseRange(session, args, width, session.continuations.get('d') ?? session.frame.eip);
    const text = session.memory.readText(address, Math.min(count ?? MAXIMUM_TEXT, MAXIMUM_TEXT), width);
    const perLine = width === 1 ? 32 : 16;
    const lines: string[] = [];
    if (text === null) lines.push(`${hex8(address)}  "????????"`);
    else {
      for (let at = 0; at < Math.max(text.length, 1); at += perLine) {
        const part = [...text.slice(at, at + perLine)].map((letter) => (letter < ' ' ? '.' : letter)).join('');
        lines.push(`${hex8(address + at * width)}  "${part}"`);
      }
    }
    session.continuations.set('d', (address + ((text?.length ?? 0) + 1) * width) >>> 0);
    return output(lines.join('\n'), { address, text });
  };
}

/** dds, dps: dwords with the symbols that they point to. */
function dumpSymbols(session: Session, args: string): CommandOutput {
  const { address, count } = parseRange(session, args, 4, session.continuations.get('d') ?? session.frame.eip);
  const values = readElements(session, address, limited(count ?? DEFAULT_BYTES / 4), 4);
  const rows = values.map((value, index) => {
    const symbol = value === null ? null : session.nameOf(Number(value));
    return { address: address + index * 4, value: value === null ? null : Number(value), symbol };
  });
  session.continuations.set('d', (address + values.length * 4) >>> 0);
  const lines = rows.map(
    (row) =>
      `${hex8(row.address)}  ${row.value === null ? '????????' : hex8(row.value)}${row.symbol === null ? '' : ` ${row.symbol}`}`,
  );
  return output(lines.join('\n'), rows);
}

/** !dd and its like read physical memory. */
function physical(session: Session, args: string): CommandOutput {
  const { address, count } = parseRange(session, args, 4, 0);
  const { memory } = session.machine.kernel;
  const values = Array.from(
    { length: limited(count ?? DEFAULT_BYTES / 4) },
    (_, index) => memory.read32(address + index * 4) >>> 0,
  );
  const lines: string[] = [];
  for (let index = 0; index < values.length; index += 4) {
    lines.push(
      `#${hex(address + index * 4).padStart(8)} ${values
        .slice(index, index + 4)
        .map(hex8)
        .join(' ')}`,
    );
  }
  return output(lines.join('\n'), { physical: address, values });
}

export const memoryCommands = commands(
  { name: 'db', syntax: 'db [RANGE]', help: 'bytes and characters', run: dumpBytes },
  { name: 'dw', syntax: 'dw [RANGE]', help: 'words', run: dump('dw', 2) },
  { name: 'dd', syntax: 'dd [RANGE]', help: 'dwords', run: dump('dd', 4) },
  { name: 'dq', syntax: 'dq [RANGE]', help: 'quadwords', run: dump('dq', 8) },
  { name: 'da', syntax: 'da [RANGE]', help: 'text of bytes', run: dumpText(1) },
  { name: 'du', syntax: 'du [RANGE]', help: 'text of UTF-16 units', run: dumpText(2) },
  { name: 'dyb', syntax: 'dyb [RANGE]', help: 'bits', run: dumpBits },
  { name: 'dds', syntax: 'dds [RANGE]', help: 'dwords with symbols', run: dumpSymbols },
  { name: 'dps', syntax: 'dps [RANGE]', help: 'pointers with symbols', run: dumpSymbols },
  { name: '!dd', syntax: '!dd PHYSICAL [L COUNT]', help: 'dwords of physical memory', run: physical },
);
