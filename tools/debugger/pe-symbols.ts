import { ByteCursor, textAt } from './byte-cursor.js';
import type { ImageSymbol } from './image-symbols.js';

/** What of a PE32 file concerns symbols. Source: Microsoft PE/COFF specification. */
export interface PeSymbols {
  readonly imageBase: number;
  readonly imageSize: number;
  readonly timestamp: number;
  /** Exports and COFF symbols. */
  readonly symbols: readonly ImageSymbol[];
  /** Contents of the .debug_ sections and .eh_frame. */
  readonly sections: ReadonlyMap<string, Uint8Array>;
  /** Virtual addresses of the sections at the preferred base. */
  readonly sectionAddresses: ReadonlyMap<string, number>;
  readonly codeRanges: readonly { readonly start: number; readonly end: number }[];
}

interface Section {
  readonly name: string;
  readonly rva: number;
  readonly virtualSize: number;
  readonly rawOffset: number;
  readonly rawSize: number;
  readonly executable: boolean;
}

const SECTION_HEADER_SIZE = 40;
const SYMBOL_SIZE = 18;
const CLASS_EXTERNAL = 2;
const CLASS_STATIC = 3;
const MAXIMUM_EXPORTS = 65536;
const MEM_EXECUTE = 0x20000000;

/** @returns null when the file is no PE32 image */
export function parsePeSymbols(file: Uint8Array): PeSymbols | null {
  const at = (offset: number) => new ByteCursor(file, offset);
  if (file.length < 0x40 || at(0).u16() !== 0x5a4d) return null;
  const header = at(0x3c).u32();
  if (header + 0x78 > file.length || at(header).u32() !== 0x4550) return null;
  if (at(header + 24).u16() !== 0x10b) return null;
  const sectionCount = at(header + 6).u16();
  const timestamp = at(header + 8).u32();
  const symbolTable = at(header + 12).u32();
  const symbolCount = at(header + 16).u32();
  const optionalSize = at(header + 20).u16();
  const imageBase = at(header + 24 + 28).u32();
  const imageSize = at(header + 24 + 56).u32();
  const strings = symbolTable === 0 ? file.length : symbolTable + symbolCount * SYMBOL_SIZE;
  const names = file.subarray(Math.min(strings, file.length));
  const sections = readSections(file, header + 24 + optionalSize, sectionCount, names);
  const contents = new Map<string, Uint8Array>();
  const addresses = new Map<string, number>();
  for (const section of sections) {
    addresses.set(section.name, imageBase + section.rva);
    if (!section.name.startsWith('.debug_') && section.name !== '.eh_frame') continue;
    const size = Math.min(section.rawSize, section.virtualSize === 0 ? section.rawSize : section.virtualSize);
    contents.set(section.name, file.subarray(section.rawOffset, section.rawOffset + size));
  }
  return {
    imageBase,
    imageSize,
    timestamp,
    symbols: [
      ...readCoffSymbols(file, symbolTable, symbolCount, names, sections),
      ...readExports(file, at(header + 24 + 96).u32(), sections),
    ],
    sections: contents,
    sectionAddresses: addresses,
    codeRanges: sections
      .filter(({ executable }) => executable)
      .map(({ rva, virtualSize, rawSize }) => ({ start: rva, end: rva + Math.max(virtualSize, rawSize) })),
  };
}

function fixedName(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
}

function readSections(file: Uint8Array, start: number, count: number, names: Uint8Array): Section[] {
  const sections: Section[] = [];
  for (let index = 0; index < count; index++) {
    const cursor = new ByteCursor(file, start + index * SECTION_HEADER_SIZE);
    if (cursor.at + SECTION_HEADER_SIZE > file.length) break;
    const short = fixedName(cursor.block(8));
    const name = /^\/\d+$/.test(short) ? textAt(names, Number(short.slice(1))) : short;
    const virtualSize = cursor.u32();
    const rva = cursor.u32();
    const rawSize = cursor.u32();
    const rawOffset = cursor.u32();
    cursor.at += 12;
    const executable = (cursor.u32() & MEM_EXECUTE) !== 0;
    sections.push({ name, rva, virtualSize, rawOffset, rawSize, executable });
  }
  return sections;
}

/** '_main' -> 'main', '_Sleep@4' -> 'Sleep'. */
function undecorate(name: string): string {
  const stdcall = /^_?([^@]+)@\d+$/.exec(name);
  if (stdcall !== null) return stdcall[1];
  return name.startsWith('_') ? name.slice(1) : name;
}

function readCoffSymbols(
  file: Uint8Array,
  table: number,
  count: number,
  names: Uint8Array,
  sections: readonly Section[],
): ImageSymbol[] {
  const symbols: ImageSymbol[] = [];
  if (table === 0) return symbols;
  for (let index = 0; index < count; ) {
    const cursor = new ByteCursor(file, table + index * SYMBOL_SIZE);
    if (cursor.at + SYMBOL_SIZE > file.length) break;
    const nameBytes = cursor.block(8);
    const longName = nameBytes[0] === 0 && nameBytes[1] === 0 && nameBytes[2] === 0 && nameBytes[3] === 0;
    const name = longName ? textAt(names, new ByteCursor(nameBytes, 4).u32()) : fixedName(nameBytes);
    const value = cursor.u32();
    const section = sections[((cursor.u16() << 16) >> 16) - 1];
    cursor.u16();
    const storageClass = cursor.u8();
    index += 1 + cursor.u8();
    const wanted = storageClass === CLASS_EXTERNAL || storageClass === CLASS_STATIC;
    if (!wanted || section === undefined || name === '' || name.startsWith('.') || name.includes('$')) continue;
    symbols.push({ name: undecorate(name), rva: section.rva + value, size: 0, source: 'coff' });
  }
  return symbols;
}

function readExports(file: Uint8Array, directory: number, sections: readonly Section[]): ImageSymbol[] {
  const offsetOf = (rva: number): number => {
    const section = sections.find(({ rva: start, rawSize }) => rva >= start && rva < start + rawSize);
    return section === undefined ? file.length : rva - section.rva + section.rawOffset;
  };
  const symbols: ImageSymbol[] = [];
  if (directory === 0) return symbols;
  const cursor = new ByteCursor(file, offsetOf(directory) + 20);
  const functionCount = Math.min(cursor.u32(), MAXIMUM_EXPORTS);
  const nameCount = Math.min(cursor.u32(), MAXIMUM_EXPORTS);
  const functions = offsetOf(cursor.u32());
  const names = offsetOf(cursor.u32());
  const ordinals = offsetOf(cursor.u32());
  for (let index = 0; index < nameCount; index++) {
    const ordinal = new ByteCursor(file, ordinals + index * 2).u16();
    if (ordinal >= functionCount) continue;
    const rva = new ByteCursor(file, functions + ordinal * 4).u32();
    const name = textAt(file, offsetOf(new ByteCursor(file, names + index * 4).u32()));
    // A forwarder's address is that of a text, in no code.
    if (rva !== 0 && name !== '' && !isForwarder(rva, directory, sections)) {
      symbols.push({ name, rva, size: 0, source: 'export' });
    }
  }
  return symbols;
}

function isForwarder(rva: number, directory: number, sections: readonly Section[]): boolean {
  const section = sections.find(({ rva: start, virtualSize }) => rva >= start && rva < start + virtualSize);
  return section?.name === '.edata' && rva > directory;
}
