import { type GdbContext, GdbError, OK, type PacketRow } from './gdb-context.js';
import { binaryBytes, bytesOfHex, hexOf, numberOf, PACKET_SIZE } from './packet-framing.js';

/** Bytes that one search looks through. */
const MAXIMUM_SEARCH = 2 ** 28;

/** 'ADDRESS,LENGTH'; null when it is not that, or more than an answer holds. */
function rangeOf(text: string): { readonly address: number; readonly length: number } | null {
  const [first, second] = text.split(',', 2);
  const address = numberOf(first);
  const length = numberOf(second);
  return address === null || length === null || length > PACKET_SIZE ? null : { address, length };
}

function read({ session }: GdbContext, text: string): string {
  const range = rangeOf(text);
  if (range === null) return GdbError.Syntax;
  const length = Math.min(range.length, PACKET_SIZE / 2 - 1);
  const bytes = session.memory.read(range.address, length);
  return bytes.length === 0 && length > 0 ? GdbError.Address : hexOf(bytes);
}

function write({ session }: GdbContext, text: string, decode: (data: string) => Uint8Array | null): string {
  const colon = text.indexOf(':');
  const range = rangeOf(text.slice(0, Math.max(colon, 0)));
  const bytes = decode(text.slice(colon + 1));
  if (colon < 0 || range === null || bytes === null || bytes.length !== range.length) return GdbError.Syntax;
  if (bytes.length === 0) return OK;
  const written = session.memory.write(range.address, bytes);
  session.changed();
  return written ? OK : GdbError.Address;
}

/** qSearch:memory:ADDRESS;LENGTH;PATTERN */
function search({ session }: GdbContext, text: string): string {
  const [first, second] = text.split(';', 2);
  const pattern = binaryBytes(text.split(';').slice(2).join(';'));
  const address = numberOf(first);
  const length = numberOf(second);
  if (address === null || length === null || pattern.length === 0) return GdbError.Syntax;
  const [found] = session.memory.search(address, Math.min(length, MAXIMUM_SEARCH), pattern, 1, 1);
  return found === undefined ? '0' : `1,${found.toString(16)}`;
}

export const memoryPackets: readonly PacketRow[] = [
  { prefix: 'm', answer: read },
  { prefix: 'M', answer: (context, text) => write(context, text, bytesOfHex) },
  { prefix: 'X', answer: (context, text) => write(context, text, binaryBytes) },
  { prefix: 'qSearch:memory:', answer: search },
];
