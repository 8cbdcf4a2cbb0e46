import type { SectionFile } from '../../kernel/mm/segment.js';
import { Status } from '../../kernel/ntstatus.js';
import type { NtStatus } from '../../kernel/types.js';

/** A section of an image under construction. */
export interface TestSection {
  readonly name: string;
  readonly virtualSize: number;
  readonly characteristics: number;
  /** File bytes; shorter than a file-alignment unit is padded. Empty: no raw data. */
  readonly raw: Uint8Array;
}

export interface TestImageOptions {
  readonly sections: readonly TestSection[];
  readonly imageBase?: number;
  readonly sectionAlignment?: number;
  readonly fileAlignment?: number;
}

/** Where header fields lie in a built image: the fields that the tests damage. */
export const HeaderField = {
  headerOffset: 0x3c,
  signature: 0x80,
  machine: 0x84,
  sectionCount: 0x86,
  optionalSize: 0x94,
  characteristics: 0x96,
  magic: 0x98,
  entry: 0xa8,
  imageBase: 0xb4,
  sectionAlignment: 0xb8,
  fileAlignment: 0xbc,
  sizeOfImage: 0xd0,
  sizeOfHeaders: 0xd4,
  firstSection: 0x178,
} as const;

const HEADER_SIZE = 0x400;

/** Builds a PE32 image: headers of 0x400 bytes, then the sections in order. */
export function buildImage(options: TestImageOptions): Uint8Array {
  const sectionAlignment = options.sectionAlignment ?? 0x1000;
  const fileAlignment = options.fileAlignment ?? 0x200;
  const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
  let fileSize = HEADER_SIZE;
  let address = roundUp(HEADER_SIZE, sectionAlignment);
  const placed = options.sections.map((section) => {
    const rawSize = roundUp(section.raw.length, fileAlignment);
    const place = { section, address, rawOffset: rawSize === 0 ? 0 : fileSize, rawSize };
    fileSize += rawSize;
    address += roundUp(Math.max(section.virtualSize, 1), sectionAlignment);
    return place;
  });
  const bytes = new Uint8Array(fileSize);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x5a4d, true);
  view.setUint32(HeaderField.headerOffset, HeaderField.signature, true);
  view.setUint32(HeaderField.signature, 0x4550, true);
  view.setUint16(HeaderField.machine, 0x14c, true);
  view.setUint16(HeaderField.sectionCount, placed.length, true);
  view.setUint16(HeaderField.optionalSize, 0xe0, true);
  view.setUint16(HeaderField.characteristics, 0x102, true);
  view.setUint16(HeaderField.magic, 0x10b, true);
  view.setUint32(HeaderField.entry, 0x1000, true);
  view.setUint32(HeaderField.imageBase, options.imageBase ?? 0x400000, true);
  view.setUint32(HeaderField.sectionAlignment, sectionAlignment, true);
  view.setUint32(HeaderField.fileAlignment, fileAlignment, true);
  view.setUint32(HeaderField.sizeOfImage, address, true);
  view.setUint32(HeaderField.sizeOfHeaders, HEADER_SIZE, true);
  view.setUint16(HeaderField.magic + 68, 3, true);
  view.setUint32(HeaderField.magic + 72, 0x200000, true);
  view.setUint32(HeaderField.magic + 76, 0x1000, true);
  view.setUint32(HeaderField.magic + 92, 16, true);
  for (const [index, { section, address: rva, rawOffset, rawSize }] of placed.entries()) {
    const at = HeaderField.firstSection + index * 40;
    for (let i = 0; i < section.name.length; i++) bytes[at + i] = section.name.charCodeAt(i);
    view.setUint32(at + 8, section.virtualSize, true);
    view.setUint32(at + 12, rva, true);
    view.setUint32(at + 16, rawSize, true);
    view.setUint32(at + 20, rawOffset, true);
    view.setUint32(at + 36, section.characteristics, true);
    bytes.set(section.raw, rawOffset === 0 ? fileSize : rawOffset);
  }
  return bytes;
}

export const SectionFlag = { Code: 0x60000020, ReadOnly: 0x40000040, Data: 0xc0000040, Shared: 0xd0000040 } as const;

/** text (RX, one page), rdata (R, two pages, one raw), data (RW: one raw page and two of zeros), shared (RWS, one page). */
export function sampleImage(imageBase = 0x400000): Uint8Array {
  return buildImage({
    imageBase,
    sections: [
      { name: '.text', virtualSize: 0x800, characteristics: SectionFlag.Code, raw: new Uint8Array(0x800).fill(0xc3) },
      {
        name: '.rdata',
        virtualSize: 0x1800,
        characteristics: SectionFlag.ReadOnly,
        raw: new Uint8Array(0x200).fill(0x22),
      },
      { name: '.data', virtualSize: 0x2800, characteristics: SectionFlag.Data, raw: new Uint8Array(0x200).fill(0x33) },
      { name: '.share', virtualSize: 0x10, characteristics: SectionFlag.Shared, raw: new Uint8Array(0x200).fill(0x44) },
    ],
  });
}

/** A file in memory, as mm sees files. */
export class TestFile implements SectionFile {
  readonly name = '\\Device\\HarddiskVolume1\\test';
  isDirectory = false;
  isGone = false;
  version = 0;
  readonly sectionObjectPointers: SectionFile['sectionObjectPointers'] = {
    dataSectionObject: null,
    imageSectionObject: null,
  };
  bytes: Uint8Array;
  references = 0;
  reads = 0;
  /** What reads and writes answer instead of working. */
  failure: NtStatus | null = null;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get validDataLength(): number {
    return this.bytes.length;
  }

  size(): number {
    return this.bytes.length;
  }

  read(offset: number, length: number): Uint8Array | NtStatus {
    this.reads++;
    if (this.failure !== null) return this.failure;
    return offset >= this.bytes.length ? Status.END_OF_FILE : this.bytes.slice(offset, offset + length);
  }

  readInto(offset: number, target: Uint8Array): Uint8Array | NtStatus {
    const bytes = this.read(offset, target.length);
    if (typeof bytes === 'number') return bytes;
    target.set(bytes);
    return target.subarray(0, bytes.length);
  }

  write(offset: number, bytes: Uint8Array): NtStatus {
    if (this.failure !== null) return this.failure;
    this.version++;
    this.bytes.set(bytes, offset);
    return Status.SUCCESS;
  }

  setSize(size: number): NtStatus {
    this.version++;
    const grown = new Uint8Array(size);
    grown.set(this.bytes.subarray(0, size));
    this.bytes = grown;
    return Status.SUCCESS;
  }

  reference(): void {
    this.references++;
  }

  dereference(): void {
    this.references--;
  }
}
