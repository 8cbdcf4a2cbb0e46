import { type CommandOutput, commands, limited, output, parseRange } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import { instructionLine } from './disassembler.js';
import { entryRange } from './dwarf-info.js';
import { addressBefore } from './instruction-window.js';
import { hex2, hex8 } from './number-text.js';
import type { Session } from './session.js';

const DEFAULT_COUNT = 8;
const MAXIMUM_FUNCTION = 0x4000;

interface Lines {
  readonly lines: string[];
  readonly data: Json[];
}

/** Disassembles; a symbol that an instruction begins is shown above it. Returns the address behind. */
function listing(
  session: Session,
  address: number,
  more: (address: number, index: number) => boolean,
  into: Lines,
): number {
  let at = address;
  for (let index = 0; more(at, index); index++) {
    const bytes = session.memory.read(at, 15);
    const place = session.modules.place(session.space, at);
    if (place !== null && (index === 0 || place.displacement === 0)) into.lines.push(`${session.nameOf(at)}:`);
    const instruction = session.disassembler.decode(bytes, at);
    if (instruction === null) {
      into.lines.push(`${hex8(at)} ${bytes.length === 0 ? '??' : hex2(bytes[0])}              ???`);
      into.data.push({ address: at, bytes: bytes.length === 0 ? null : hex2(bytes[0]), text: null });
      if (bytes.length === 0) {
        into.lines.push(`              ^ Memory access error in 'u ${hex8(at)}'`);
        return at;
      }
      at += 1;
      continue;
    }
    into.lines.push(instructionLine(instruction));
    const text = [...instruction.bytes].map(hex2).join('');
    into.data.push({ address: at, bytes: text, text: instruction.text });
    at = (at + instruction.length) >>> 0;
  }
  return at;
}

function unassemble(session: Session, args: string): CommandOutput {
  const start = session.continuations.get('u') ?? session.frame.eip;
  const { address, count } = parseRange(session, args, 1, start);
  const into: Lines = { lines: [], data: [] };
  const byEnd = count !== null && !/\bl/i.test(args);
  const end = address + (count ?? 0);
  const wanted = limited(count ?? DEFAULT_COUNT);
  const next = listing(session, address, (at, index) => (byEnd ? at < end : index < wanted), into);
  session.continuations.set('u', next);
  return output(into.lines.join('\n'), into.data);
}

function unassembleBack(session: Session, args: string): CommandOutput {
  const start = session.continuations.get('ub') ?? session.frame.eip;
  const { address, count } = parseRange(session, args, 1, start);
  const first = addressBefore(session, address, limited(count ?? DEFAULT_COUNT));
  const into: Lines = { lines: [], data: [] };
  listing(session, first, (at) => at < address, into);
  session.continuations.set('ub', first);
  return output(into.lines.join('\n'), into.data);
}

/** The whole function of an address, as far as debugging information or the next symbol tells. */
function unassembleFunction(session: Session, args: string): CommandOutput {
  const { address } = parseRange(session, args, 1, session.frame.eip);
  const found = session.modules.functionAt(session.space, address);
  const range = found === null ? null : entryRange(found.entry);
  const into: Lines = { lines: [], data: [] };
  if (found !== null && range !== null) {
    const slide = found.module.base - (found.module.symbols?.imageBase ?? 0);
    listing(session, range.low + slide, (at) => at < range.high + slide, into);
    return output(into.lines.join('\n'), into.data);
  }
  const place = session.modules.place(session.space, address);
  const { symbol, module } = place ?? { symbol: null, module: null };
  if (symbol === null || module === null) throw new DebuggerError(`No code found for '${args}', aborting`);
  const next = module.symbols?.symbols.find(({ rva }) => rva > symbol.rva)?.rva ?? symbol.rva + MAXIMUM_FUNCTION;
  const end = module.base + Math.min(next, symbol.rva + MAXIMUM_FUNCTION);
  listing(session, module.base + symbol.rva, (at) => at < end, into);
  return output(into.lines.join('\n'), into.data);
}

export const disassemblyCommands = commands(
  { name: 'u', syntax: 'u [RANGE]', help: 'disassemble', run: unassemble },
  { name: 'ub', syntax: 'ub [ADDRESS [L COUNT]]', help: 'disassemble what comes before', run: unassembleBack },
  { name: 'uf', syntax: 'uf [ADDRESS]', help: 'disassemble a whole function', run: unassembleFunction },
);
