import type { DebugProtocol } from '@vscode/debugprotocol';
import { addressBefore, DebuggerError, instructionAt, type Session } from '../debugger/index.js';
import { type Adapter, hexAddress } from './adapter.js';
import { parseReference } from './breakpoint-book.js';
import { type RequestRow, request } from './requests.js';

const MAXIMUM_BYTES = 2 ** 20;
const MAXIMUM_INSTRUCTIONS = 10_000;
const PAGE_SIZE = 0x1000;

function readMemory(adapter: Adapter, given: DebugProtocol.ReadMemoryArguments): object {
  const session = adapter.stopped;
  const address = parseReference(given.memoryReference) + (given.offset ?? 0);
  const wanted = Math.min(given.count, MAXIMUM_BYTES);
  if (!(wanted >= 0) || address < 0) throw new DebuggerError('readMemory: a range below zero');
  const bytes = session.memory.read(address >>> 0, wanted);
  const rest = wanted - bytes.length;
  return {
    address: hexAddress(address),
    data: Buffer.from(bytes).toString('base64'),
    ...(rest === 0 ? {} : { unreadableBytes: unreadable(session, address + bytes.length, rest) }),
  };
}

/** Bytes up to the next page that can be read, at most so many. */
function unreadable({ memory }: Session, address: number, maximum: number): number {
  for (let at = (Math.floor(address / PAGE_SIZE) + 1) * PAGE_SIZE; at < address + maximum; at += PAGE_SIZE) {
    if (memory.read(at >>> 0, 1).length === 1) return at - address;
  }
  return maximum;
}

function writeMemory(adapter: Adapter, given: DebugProtocol.WriteMemoryArguments): object {
  const session = adapter.stopped;
  const address = (parseReference(given.memoryReference) + (given.offset ?? 0)) >>> 0;
  const bytes = Buffer.from(given.data, 'base64');
  const written = session.memory.write(address, bytes);
  session.changed();
  if (!written) throw new DebuggerError(`Memory at ${hexAddress(address)} cannot be written`);
  adapter.emit('invalidated', { areas: ['all'] });
  return { bytesWritten: bytes.length };
}

function disassemble(adapter: Adapter, given: DebugProtocol.DisassembleArguments): object {
  const session = adapter.stopped;
  const count = Math.min(given.instructionCount, MAXIMUM_INSTRUCTIONS);
  const offset = Math.max(-MAXIMUM_INSTRUCTIONS, Math.min(given.instructionOffset ?? 0, MAXIMUM_INSTRUCTIONS));
  const reference = (parseReference(given.memoryReference) + (given.offset ?? 0)) >>> 0;
  const instructions: DebugProtocol.DisassembledInstruction[] = [];
  let at = reference;
  if (offset < 0) {
    at = addressBefore(session, reference, -offset);
    // The client counts on exactly so many in front of the reference.
    for (let missing = -offset - distance(session, at, reference); missing > 0; missing--) {
      instructions.push(invalid((at - missing) >>> 0));
    }
  }
  for (let skipped = 0; skipped < offset; skipped++) at += instructionAt(session, at)?.length ?? 1;
  for (; instructions.length < count; ) {
    const row = line(adapter, session, at >>> 0);
    instructions.push(row.instruction);
    at += row.length;
  }
  return { instructions: instructions.slice(0, count) };
}

function distance(session: Session, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; count++) at += instructionAt(session, at)?.length ?? 1;
  return count;
}

const invalid = (address: number): DebugProtocol.DisassembledInstruction => ({
  address: hexAddress(address),
  instruction: '??',
  presentationHint: 'invalid',
});

function line(
  adapter: Adapter,
  session: Session,
  address: number,
): { readonly instruction: DebugProtocol.DisassembledInstruction; readonly length: number } {
  const found = instructionAt(session, address);
  if (found === null) return { instruction: invalid(address), length: 1 };
  const { space, modules } = session;
  const place = modules.place(space, address);
  const row = modules.beginsLine(space, address) ? modules.lineAt(space, address) : null;
  return {
    length: found.length,
    instruction: {
      address: hexAddress(address),
      instructionBytes: Buffer.from(found.bytes).toString('hex'),
      instruction: found.text,
      ...(place?.displacement === 0 ? { symbol: session.nameOf(address) ?? '' } : {}),
      ...(row === null
        ? {}
        : {
            location: adapter.conventions.sourceTo(adapter.program.sources.source(row.file)),
            line: adapter.conventions.lineTo(row.line),
          }),
    },
  };
}

export const memoryRequests: readonly RequestRow[] = [
  request('readMemory', readMemory),
  request('writeMemory', writeMemory),
  request('disassemble', disassemble),
];
