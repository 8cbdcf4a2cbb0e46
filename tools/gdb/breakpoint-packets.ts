import type { BreakpointPlace } from '../debugger/index.js';
import { type GdbContext, GdbError, OK, type PacketRow } from './gdb-context.js';
import { numberOf } from './packet-framing.js';

/** 'TYPE,ADDRESS,KIND': 0 and 1 are instructions, 2 writes, 3 reads, 4 both, and KIND is then their size. */
function placeOf(text: string): BreakpointPlace | null {
  const [type, where, kind] = text.split(';', 1)[0].split(',');
  const address = numberOf(where);
  const size = numberOf(kind);
  if (address === null || size === null) return null;
  if (type === '0' || type === '1') return { kind: 'execute', address };
  if (!/^[234]$/.test(type) || size === 0 || address + size > 0x1_0000_0000) return null;
  return { kind: 'data', address, size, reads: type !== '2' };
}

function insert({ session, breakpoints }: GdbContext, text: string): string {
  const place = placeOf(text);
  if (place === null) return /^[0-4],/.test(text) ? GdbError.Syntax : '';
  const key = `Z${text}`;
  // Inserting one that is there already is allowed.
  if (breakpoints.has(key)) return OK;
  const processId = session.thread?.process.uniqueProcessId ?? null;
  const given = { text: 'gdb', place, processId, condition: null, command: null, once: false, passes: 1 };
  breakpoints.set(key, session.execution.breakpoints.add(given).id);
  return OK;
}

function remove({ session, breakpoints }: GdbContext, text: string): string {
  if (placeOf(text) === null) return /^[0-4],/.test(text) ? GdbError.Syntax : '';
  const id = breakpoints.get(`Z${text}`);
  if (id !== undefined) session.execution.breakpoints.remove(id);
  breakpoints.delete(`Z${text}`);
  return OK;
}

export const breakpointPackets: readonly PacketRow[] = [
  { prefix: 'Z', answer: insert },
  { prefix: 'z', answer: remove },
];
