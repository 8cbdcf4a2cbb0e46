import type { GdbContext, PacketRow } from './gdb-context.js';
import { type ImageFile, imageFiles } from './image-files.js';
import { binaryText, bytesOfHex, numberOf, PACKET_SIZE } from './packet-framing.js';

/** errno as the File-I/O extension numbers them. */
const NO_ENTRY = 'F-1,2';
const BAD_FILE = 'F-1,9';
const INVALID = 'F-1,16';
const READ_ONLY = 'F-1,1e';
const ACCESS_MODE = 3;
/** S_IFREG, readable by all. */
const FILE_MODE = 0o100444;
const STAT_SIZE = 64;
const STAT_MODE = 8;
const STAT_LINKS = 12;
const STAT_BYTES = 28;

/**
 * vFile: gdb fetches the program's images through the connection, so that it needs no copies of them. Only the images of the
 * process can be read, nothing else, and nothing is ever written. Descriptors are places in the list of images.
 */
function open(context: GdbContext, text: string): string {
  const [name, flags] = text.split(',');
  const bytes = bytesOfHex(name);
  const mode = numberOf(flags);
  if (bytes === null || mode === null) return INVALID;
  if ((mode & ACCESS_MODE) !== 0) return READ_ONLY;
  const wanted = new TextDecoder().decode(bytes).toLowerCase();
  const index = imageFiles(context.session).findIndex(({ path }) => path.toLowerCase() === wanted);
  if (index < 0) return NO_ENTRY;
  return `F${(imageFiles(context.session)[index].base >>> 12).toString(16)}`;
}

function opened({ session }: GdbContext, descriptor: string): ImageFile | null {
  const page = numberOf(descriptor);
  return imageFiles(session).find(({ base }) => base >>> 12 === page) ?? null;
}

function read(context: GdbContext, text: string): string {
  const [descriptor, count, offset] = text.split(',');
  const file = opened(context, descriptor);
  const length = numberOf(count);
  const at = numberOf(offset);
  if (file === null) return BAD_FILE;
  if (length === null || at === null) return INVALID;
  const bytes = file.read(at, Math.min(length, PACKET_SIZE / 2 - 16));
  return bytes === null ? INVALID : `F${bytes.length.toString(16)};${binaryText(bytes)}`;
}

function status(context: GdbContext, descriptor: string): string {
  const file = opened(context, descriptor);
  if (file === null) return BAD_FILE;
  const bytes = new Uint8Array(STAT_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(STAT_MODE, FILE_MODE);
  view.setUint32(STAT_LINKS, 1);
  view.setBigUint64(STAT_BYTES, BigInt(file.size()));
  return `F${STAT_SIZE.toString(16)};${binaryText(bytes)}`;
}

export const filePackets: readonly PacketRow[] = [
  { prefix: 'vFile:setfs:', answer: () => 'F0' },
  { prefix: 'vFile:open:', answer: open },
  { prefix: 'vFile:pread:', answer: read },
  { prefix: 'vFile:fstat:', answer: status },
  { prefix: 'vFile:close:', answer: (context, text) => (opened(context, text) === null ? BAD_FILE : 'F0') },
];
