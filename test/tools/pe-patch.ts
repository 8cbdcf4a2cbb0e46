import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { guestImages } from '../../tools/package-root.js';
import { readPeFile } from '../../tools/pe-file.js';

/** Offsets of fields from the PE header, and of fields within a section's row (PE/COFF specification). */
export const PeField = {
  Signature: 0,
  Machine: 4,
  SectionCount: 6,
  OptionalHeaderSize: 20,
  Characteristics: 22,
  Magic: 24,
  EntryPoint: 40,
  ImageBase: 52,
  SectionAlignment: 56,
  FileAlignment: 60,
  SizeOfImage: 80,
  SizeOfHeaders: 84,
  Subsystem: 92,
  DirectoryCount: 116,
  ExportDirectory: 120,
  ImportDirectory: 128,
  RelocationDirectory: 160,
  TlsDirectory: 192,
} as const;

export const SectionField = { VirtualSize: 8, VirtualAddress: 12, RawSize: 16, RawOffset: 20 } as const;

/** A guest image that a test damages. */
export class PatchedImage {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** File offset of the PE header. */
  readonly header: number;

  constructor(name: string) {
    this.bytes = new Uint8Array(readFileSync(join(guestImages, name)));
    this.view = new DataView(this.bytes.buffer);
    this.header = this.view.getUint32(0x3c, true);
  }

  word(field: number, value: number): this {
    this.view.setUint16(this.header + field, value, true);
    return this;
  }

  dword(field: number, value: number): this {
    this.view.setUint32(this.header + field, value, true);
    return this;
  }

  section(index: number, field: number, value: number): this {
    this.view.setUint32(this.header + 24 + 0xe0 + index * 40 + field, value, true);
    return this;
  }

  /** The dword at a relative virtual address. */
  at(rva: number, value: number): this {
    this.view.setUint32(this.offset(rva), value, true);
    return this;
  }

  dwordAt(rva: number): number {
    return this.view.getUint32(this.offset(rva), true);
  }

  directory(field: number): number {
    return this.view.getUint32(this.header + field, true);
  }

  /** Another text of the same length in place of the last occurrence of a zero-terminated one: import names come late. */
  text(old: string, replacement: string): this {
    const at = Buffer.from(this.bytes.buffer).lastIndexOf(`${old}\0`, undefined, 'latin1');
    if (at < 0 || old.length !== replacement.length) throw new Error(`cannot replace '${old}'`);
    for (let index = 0; index < replacement.length; index++) this.bytes[at + index] = replacement.charCodeAt(index);
    return this;
  }

  offset(rva: number): number {
    for (const section of readPeFile(this.bytes).sections) {
      const within = rva - section.virtualAddress;
      if (within >= 0 && within < section.rawSize) return section.rawOffset + within;
    }
    throw new Error(`no bytes at ${rva.toString(16)}`);
  }
}
