/** What a PE file says of itself, read defensively: every offset in it may lie. Source: Microsoft PE/COFF specification. */

export interface PeSection {
  readonly name: string;
  readonly virtualAddress: number;
  readonly virtualSize: number;
  readonly rawOffset: number;
  readonly rawSize: number;
  readonly characteristics: number;
}

export interface PeImport {
  readonly dll: string;
  /** Function names, or '#ordinal'. */
  readonly functions: readonly string[];
}

export interface PeExport {
  readonly name: string;
  readonly ordinal: number;
  /** 'DLL.function' when the export is forwarded. */
  readonly forwarder: string | null;
}

export interface PeFile {
  readonly machine: number;
  readonly characteristics: number;
  readonly timestamp: number;
  readonly entryPoint: number;
  readonly imageBase: number;
  readonly imageSize: number;
  readonly sectionAlignment: number;
  readonly fileAlignment: number;
  readonly subsystem: number;
  readonly dllCharacteristics: number;
  readonly stackReserve: number;
  readonly stackCommit: number;
  readonly heapReserve: number;
  readonly heapCommit: number;
  readonly sections: readonly PeSection[];
  readonly imports: readonly PeImport[];
  readonly exports: readonly PeExport[];
}

/** The file cannot be read as PE32; the message says why in one line. */
export class PeFormatError extends Error {}

const MACHINE_I386 = 0x14c;
const MACHINE_NAMES: ReadonlyMap<number, string> = new Map([
  [0x8664, 'x86-64'],
  [0xaa64, 'ARM64'],
  [0x1c0, 'ARM'],
  [0x1c4, 'ARM Thumb-2'],
  [0x200, 'Itanium'],
]);
const MAXIMUM_TABLE_ENTRIES = 65536;
const MAXIMUM_NAME_LENGTH = 4096;

class Reader {
  readonly file: Uint8Array;
  readonly #view: DataView;
  sections: readonly PeSection[] = [];

  constructor(file: Uint8Array) {
    this.file = file;
    this.#view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  }

  u16(offset: number): number {
    return offset >= 0 && offset + 2 <= this.file.length ? this.#view.getUint16(offset, true) : 0;
  }

  u32(offset: number): number {
    return offset >= 0 && offset + 4 <= this.file.length ? this.#view.getUint32(offset, true) : 0;
  }

  /** File offset of a relative virtual address, or -1 where the file has no bytes for it. */
  offsetOf(rva: number): number {
    for (const section of this.sections) {
      const within = rva - section.virtualAddress;
      if (within >= 0 && within < section.rawSize) return section.rawOffset + within;
    }
    return -1;
  }

  text(offset: number): string {
    if (offset < 0) return '';
    let result = '';
    for (let at = offset; at < this.file.length && result.length < MAXIMUM_NAME_LENGTH; at++) {
      const byte = this.file[at] ?? 0;
      if (byte === 0) break;
      result += String.fromCharCode(byte);
    }
    return result;
  }
}

function readSections(reader: Reader, table: number, count: number): PeSection[] {
  const sections: PeSection[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * 40;
    if (at + 40 > reader.file.length) break;
    const name = new TextDecoder('latin1').decode(reader.file.subarray(at, at + 8)).replace(/\0.*$/, '');
    sections.push({
      name,
      virtualSize: reader.u32(at + 8),
      virtualAddress: reader.u32(at + 12),
      rawSize: reader.u32(at + 16),
      rawOffset: reader.u32(at + 20),
      characteristics: reader.u32(at + 36),
    });
  }
  return sections;
}

function readThunks(reader: Reader, table: number): string[] {
  const names: string[] = [];
  for (let index = 0; index < MAXIMUM_TABLE_ENTRIES; index++) {
    const at = reader.offsetOf(table + index * 4);
    const thunk = at < 0 ? 0 : reader.u32(at);
    if (thunk === 0) break;
    names.push(thunk >= 0x80000000 ? `#${thunk & 0xffff}` : reader.text(reader.offsetOf(thunk + 2)));
  }
  return names;
}

function readImports(reader: Reader, directory: number): PeImport[] {
  const imports: PeImport[] = [];
  if (directory === 0) return imports;
  for (let index = 0; index < MAXIMUM_TABLE_ENTRIES; index++) {
    const at = reader.offsetOf(directory + index * 20);
    if (at < 0 || reader.u32(at + 12) === 0) break;
    const lookup = reader.u32(at) || reader.u32(at + 16);
    imports.push({ dll: reader.text(reader.offsetOf(reader.u32(at + 12))), functions: readThunks(reader, lookup) });
  }
  return imports;
}

function readExports(reader: Reader, directory: number, size: number): PeExport[] {
  const at = directory === 0 ? -1 : reader.offsetOf(directory);
  if (at < 0) return [];
  const base = reader.u32(at + 16);
  const functions = reader.u32(at + 28);
  const count = Math.min(reader.u32(at + 24), MAXIMUM_TABLE_ENTRIES);
  const exports: PeExport[] = [];
  for (let index = 0; index < count; index++) {
    const name = reader.text(reader.offsetOf(reader.u32(reader.offsetOf(reader.u32(at + 32) + index * 4))));
    const slot = reader.u16(reader.offsetOf(reader.u32(at + 36) + index * 2));
    const address = reader.u32(reader.offsetOf(functions + slot * 4));
    const forwarded = address >= directory && address < directory + size;
    exports.push({ name, ordinal: base + slot, forwarder: forwarded ? reader.text(reader.offsetOf(address)) : null });
  }
  return exports;
}

/**
 * Reads headers, sections, imports and exports of a 32-bit x86 image.
 * @throws PeFormatError when it is no PE file, is for another processor, or is cut off.
 */
export function readPeFile(file: Uint8Array): PeFile {
  const reader = new Reader(file);
  if (file.length < 64 || reader.u16(0) !== 0x5a4d) throw new PeFormatError('not a Windows program: no MZ header');
  const header = reader.u32(0x3c);
  if (header + 24 > file.length || reader.u32(header) !== 0x4550)
    throw new PeFormatError('not a Windows program: no PE header (a DOS or 16-bit program?)');
  const machine = reader.u16(header + 4);
  if (machine !== MACHINE_I386) {
    const name = MACHINE_NAMES.get(machine) ?? `machine type 0x${machine.toString(16)}`;
    throw new PeFormatError(`a program for ${name}; nt86 runs 32-bit x86 programs (i686-w64-mingw32-gcc makes them)`);
  }
  const optional = header + 24;
  if (reader.u16(optional) !== 0x10b) throw new PeFormatError('the optional header is not that of PE32');
  const sectionTable = optional + reader.u16(header + 20);
  reader.sections = readSections(reader, sectionTable, reader.u16(header + 6));
  const directories = reader.u32(optional + 92);
  const directory = (index: number) => (index < directories ? reader.u32(optional + 96 + index * 8) : 0);
  return {
    machine,
    timestamp: reader.u32(header + 8),
    characteristics: reader.u16(header + 22),
    entryPoint: reader.u32(optional + 16),
    imageBase: reader.u32(optional + 28),
    sectionAlignment: reader.u32(optional + 32),
    fileAlignment: reader.u32(optional + 36),
    imageSize: reader.u32(optional + 56),
    subsystem: reader.u16(optional + 68),
    dllCharacteristics: reader.u16(optional + 70),
    stackReserve: reader.u32(optional + 72),
    stackCommit: reader.u32(optional + 76),
    heapReserve: reader.u32(optional + 80),
    heapCommit: reader.u32(optional + 84),
    sections: reader.sections,
    imports: readImports(reader, directory(1)),
    exports: readExports(reader, directory(0), directories > 0 ? reader.u32(optional + 100) : 0),
  };
}
