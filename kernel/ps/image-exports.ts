import type { NtStatus } from '../types.js';

/** Reads a file's bytes; short at its end. */
export type FileReader = (offset: number, length: number) => Uint8Array | NtStatus;

const MAXIMUM_EXPORTS = 0x10000;
const MAXIMUM_HEADERS = 0x10000;

/**
 * Addresses relative to the image base of a PE32 file's exports by name; only those asked for. Headers that lie give an
 * empty answer, never an error: the names are then missing.
 */
export function findExports(read: FileReader, names: readonly string[]): ReadonlyMap<string, number> {
  const result = new Map<string, number>();
  const headers = read(0, MAXIMUM_HEADERS);
  if (typeof headers === 'number') return result;
  const sections = parseSections(headers);
  if (sections === null) return result;
  const directory = viewAt(read, sections, sections.exportRva, 40);
  if (directory === null) return result;
  const count = Math.min(directory.getUint32(24, true), MAXIMUM_EXPORTS);
  const functionCount = Math.min(directory.getUint32(20, true), MAXIMUM_EXPORTS);
  const functions = viewAt(read, sections, directory.getUint32(28, true), functionCount * 4);
  const namePointers = viewAt(read, sections, directory.getUint32(32, true), count * 4);
  const ordinals = viewAt(read, sections, directory.getUint32(36, true), count * 2);
  if (functions === null || namePointers === null || ordinals === null) return result;
  const wanted = new Set(names);
  for (let index = 0; index < count; index++) {
    const name = textAt(read, sections, namePointers.getUint32(index * 4, true));
    const ordinal = ordinals.getUint16(index * 2, true);
    if (wanted.has(name) && ordinal < functionCount) result.set(name, functions.getUint32(ordinal * 4, true));
  }
  return result;
}

interface Sections {
  readonly exportRva: number;
  readonly list: readonly { readonly rva: number; readonly size: number; readonly offset: number }[];
}

function parseSections(headers: Uint8Array): Sections | null {
  const view = new DataView(headers.buffer, headers.byteOffset, headers.byteLength);
  if (view.byteLength < 0x40) return null;
  const ntHeader = view.getUint32(0x3c, true);
  if (ntHeader + 0x80 > view.byteLength) return null;
  const count = view.getUint16(ntHeader + 6, true);
  const table = ntHeader + 24 + view.getUint16(ntHeader + 20, true);
  if (table + count * 40 > view.byteLength) return null;
  const list = Array.from({ length: count }, (_, index) => {
    const at = table + index * 40;
    const size = view.getUint32(at + 16, true);
    return { rva: view.getUint32(at + 12, true), size, offset: view.getUint32(at + 20, true) };
  });
  return { exportRva: view.getUint32(ntHeader + 24 + 96, true), list };
}

function viewAt(read: FileReader, sections: Sections, rva: number, length: number): DataView | null {
  const section = sections.list.find(
    (candidate) => rva >= candidate.rva && rva + length <= candidate.rva + candidate.size,
  );
  if (section === undefined) return null;
  const bytes = read(section.offset + rva - section.rva, length);
  if (typeof bytes === 'number' || bytes.length < length) return null;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const MAXIMUM_NAME = 64;

function textAt(read: FileReader, sections: Sections, rva: number): string {
  const section = sections.list.find((candidate) => rva >= candidate.rva && rva < candidate.rva + candidate.size);
  if (section === undefined) return '';
  const bytes = read(section.offset + rva - section.rva, MAXIMUM_NAME);
  if (typeof bytes === 'number') return '';
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
}
