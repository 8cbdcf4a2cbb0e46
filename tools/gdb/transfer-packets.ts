import type { Session } from '../debugger/index.js';
import { type GdbContext, GdbError, type PacketRow, threadText } from './gdb-context.js';
import { imageFiles } from './image-files.js';
import { binaryText, numberOf, PACKET_SIZE } from './packet-framing.js';
import { targetDescription } from './target-description.js';

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Offset of the first section of an image, where gdb counts its only segment from. */
function firstSection({ memory }: Session, base: number): number {
  const header = base + (memory.read32(base + 0x3c) ?? 0);
  const optionalHeader = memory.read16(header + 0x14) ?? 0;
  return memory.read32(header + 0x18 + optionalHeader + 0xc) ?? 0x1000;
}

function libraries(session: Session): string {
  const rows = imageFiles(session)
    .filter(({ base }) => base !== session.process?.sectionBaseAddress)
    .map(({ path, base }) => {
      const address = (base + firstSection(session, base)).toString(16);
      return `<library name="${escapeXml(path)}"><segment address="0x${address}"/></library>`;
    });
  return `<library-list>${rows.join('')}</library-list>`;
}

function threads(session: Session): string {
  const rows = session.execution.ended !== null ? [] : session.threads;
  return `<threads>${rows
    .map((thread) => `<thread id="${threadText(thread)}" name="${escapeXml(thread.process.imageFileName)}"/>`)
    .join('')}</threads>`;
}

const OBJECTS: Readonly<Record<string, (session: Session, annex: string) => string | null>> = {
  features: (_session, annex) => (annex === 'target.xml' ? targetDescription() : null),
  libraries,
  threads,
  'exec-file': (session) => imageFiles(session)[0]?.path ?? '',
};

/** qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH: a piece of a text, 'm' with more behind it, 'l' the last. */
function transfer({ session }: GdbContext, text: string): string {
  const match = /^([a-z-]+):read:([^:]*):([0-9a-f]+),([0-9a-f]+)$/i.exec(text);
  const object = match === null || !Object.hasOwn(OBJECTS, match[1]) ? null : OBJECTS[match[1]];
  if (match === null || object === null) return '';
  const whole = object(session, match[2]);
  const offset = numberOf(match[3]);
  const length = numberOf(match[4]);
  if (whole === null) return 'E00';
  if (offset === null || length === null) return GdbError.Syntax;
  const bytes = binaryText(new TextEncoder().encode(whole));
  // Escapes can make every byte two.
  const end = offset + Math.min(length, PACKET_SIZE / 2);
  return `${end < bytes.length ? 'm' : 'l'}${bytes.slice(offset, end)}`;
}

/** Where an image lies that is not at its preferred base. */
function offsets({ session }: GdbContext): string {
  const program = session.modules.list(session.space).find(({ base }) => base === session.process?.sectionBaseAddress);
  if (program === undefined || program.symbols === null || program.symbols.imageBase === program.base) return '';
  return `TextSeg=${(program.base + firstSection(session, program.base)).toString(16)}`;
}

export const transferPackets: readonly PacketRow[] = [
  { prefix: 'qXfer:', answer: transfer },
  { prefix: 'qOffsets', answer: offsets },
];
