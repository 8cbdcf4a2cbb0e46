import { type GdbContext, GdbError, OK, type PacketRow } from './gdb-context.js';
import { bytesOfHex, hexOf, numberOf } from './packet-framing.js';
import { gdbRegisters, hasRegisters } from './register-table.js';

function select({ session, selected }: GdbContext): boolean {
  if (selected !== null && session.threads.includes(selected)) session.selectThread(selected);
  return hasRegisters(session);
}

/** Without a running program the registers are 'unavailable'. */
function readAll(context: GdbContext): string {
  const present = select(context);
  return gdbRegisters
    .map(({ bytes, read }) => (present ? hexOf(read(context.session)) : 'x'.repeat(bytes * 2)))
    .join('');
}

function writeAll(context: GdbContext, text: string): string {
  const value = bytesOfHex(text);
  if (value === null || !select(context)) return GdbError.Syntax;
  let at = 0;
  for (const { bytes, write } of gdbRegisters) {
    if (at + bytes > value.length) break;
    write?.(context.session, value.slice(at, at + bytes));
    at += bytes;
  }
  context.session.changed();
  return OK;
}

function readOne(context: GdbContext, text: string): string {
  const register = gdbRegisters[numberOf(text) ?? -1];
  if (register === undefined) return GdbError.Syntax;
  return select(context) ? hexOf(register.read(context.session)) : 'x'.repeat(register.bytes * 2);
}

function writeOne(context: GdbContext, text: string): string {
  const [number, digits] = text.split('=', 2);
  const register = gdbRegisters[numberOf(number) ?? -1];
  const value = bytesOfHex(digits ?? '');
  if (register === undefined || value === null || value.length !== register.bytes) return GdbError.Syntax;
  if (register.write === null || !select(context)) return GdbError.Refused;
  register.write(context.session, value);
  context.session.changed();
  return OK;
}

export const registerPackets: readonly PacketRow[] = [
  { prefix: 'g', answer: readAll },
  { prefix: 'G', answer: writeAll },
  { prefix: 'p', answer: readOne },
  { prefix: 'P', answer: writeOne },
];
