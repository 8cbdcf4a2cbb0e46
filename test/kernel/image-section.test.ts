import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { cleanAddressSpace } from '../../kernel/mm/clean-address-space.js';
import { createSection, releaseSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { createImageSection } from '../../kernel/mm/image.js';
import { mapViewOfSection, unmapViewOfSection } from '../../kernel/mm/map-view.js';
import { protectVirtualMemory } from '../../kernel/mm/protect-virtual-memory.js';
import { queryVirtualMemory } from '../../kernel/mm/query-virtual-memory.js';
import type { Section } from '../../kernel/mm/section.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { bootLayout } from '../boot-options.js';
import { MemoryMachine } from './memory-machine.js';
import { buildImage, HeaderField, SectionFlag, sampleImage, TestFile } from './portable-executable.js';

const VIEW = {
  base: 0,
  zeroBits: 0,
  commitSize: 0,
  offset: 0,
  size: 0,
  inherit: 1,
  allocationType: 0,
  protection: 4,
} as const;
const COMMIT = 0x1000;
const RESERVE = 0x2000;
const IMAGE = 0x1000000;

function sectionOf(machine: MemoryMachine, file: TestFile): Section {
  const { status, section } = createImageSection(machine.mm.context, file);
  if (section === null) throw new Error(statusName(status));
  return section;
}

function map(machine: MemoryMachine, section: Section, space: AddressSpace): ReturnType<typeof mapViewOfSection> {
  return mapViewOfSection(machine.mm.context, section, space, VIEW);
}

function regions(machine: MemoryMachine, space: AddressSpace, base: number): [number, number, number, number][] {
  const result: [number, number, number, number][] = [];
  for (let at = base; ; ) {
    const { information } = queryVirtualMemory(machine.mm, space, at);
    if (information === null || information.allocationBase !== base) return result;
    result.push([at - base, information.regionSize, information.state, information.protect]);
    at += information.regionSize;
  }
}

describe('image views', () => {
  it('have the protections of their sections', () => {
    const machine = new MemoryMachine();
    const space = machine.createSpace();
    const section = sectionOf(machine, new TestFile(sampleImage()));
    expect(map(machine, section, space)).toEqual({ status: 0, base: 0x400000, offset: 0, size: 0x8000 });
    expect(regions(machine, space, 0x400000)).toEqual([
      [0x0000, 0x1000, COMMIT, 0x02],
      [0x1000, 0x1000, COMMIT, 0x20],
      [0x2000, 0x2000, COMMIT, 0x02],
      [0x4000, 0x3000, COMMIT, 0x08],
      [0x7000, 0x1000, COMMIT, 0x04],
    ]);
    const { information } = queryVirtualMemory(machine.mm, space, 0x401000);
    expect(information?.type).toBe(IMAGE);
    expect(information?.allocationProtect).toBe(0x80);
    expect(machine.mm.verify()).toBeNull();
  });

  it('read the file where it has bytes, and zeros elsewhere', () => {
    const machine = new MemoryMachine();
    const space = machine.createSpace();
    map(machine, sectionOf(machine, new TestFile(sampleImage())), space);
    expect(
      [0x400000, 0x401000, 0x401800, 0x402000, 0x402200, 0x403000, 0x404000, 0x405000, 0x407000].map((at) =>
        machine.read(at),
      ),
    ).toEqual([0x4d, 0xc3, 0, 0x22, 0, 0, 0x33, 0, 0x44]);
    expect(machine.read(0x408000)).toBe(-1);
    expect(machine.write(0x401000, 1)).toBe(false);
    expect(machine.write(0x402000, 1)).toBe(false);
    expect(machine.mm.verify()).toBeNull();
  });

  it('share pages between processes until one writes', () => {
    const machine = new MemoryMachine();
    const file = new TestFile(sampleImage());
    const first = machine.createSpace();
    map(machine, sectionOf(machine, file), first);
    expect(machine.touch(0x404000, AccessKind.Read)).toEqual([FaultOutcome.MappedFile]);
    const second = machine.createSpace();
    map(machine, sectionOf(machine, file), second);
    const reads = file.reads;
    expect(machine.touch(0x404000, AccessKind.Read)).toEqual([FaultOutcome.Shared]);
    expect(file.reads).toBe(reads);
    expect(machine.touch(0x404000, AccessKind.Write)).toEqual([FaultOutcome.CopyOnWrite]);
    machine.write(0x404000, 0x99);
    machine.mm.switchAddressSpace(first);
    expect(machine.read(0x404000)).toBe(0x33);
    machine.write(0x405000, 5);
    machine.mm.switchAddressSpace(second);
    expect(machine.read(0x404000)).toBe(0x99);
    expect(machine.read(0x405000)).toBe(0);
    expect(machine.mm.verify()).toBeNull();
  });

  it('let all processes see writes to shared sections', () => {
    const machine = new MemoryMachine();
    const file = new TestFile(sampleImage());
    const first = machine.createSpace();
    map(machine, sectionOf(machine, file), first);
    machine.write(0x407000, 0x77);
    const second = machine.createSpace();
    map(machine, sectionOf(machine, file), second);
    expect(machine.read(0x407000)).toBe(0x77);
    expect(machine.mm.verify()).toBeNull();
  });

  it('go elsewhere when their base is taken, which is a success of its own', () => {
    const machine = new MemoryMachine();
    const space = machine.createSpace();
    const section = sectionOf(machine, new TestFile(sampleImage()));
    map(machine, section, space);
    expect(map(machine, section, space)).toEqual({
      status: Status.IMAGE_NOT_AT_BASE,
      base: 0x10000,
      offset: 0,
      size: 0x8000,
    });
    const there = mapViewOfSection(machine.mm.context, section, space, { ...VIEW, base: 0x400000 });
    expect(there.status).toBe(Status.CONFLICTING_ADDRESSES);
  });

  it('turn write requests into write-copy, and pay for the copies', () => {
    const machine = new MemoryMachine();
    const space = machine.createSpace();
    map(machine, sectionOf(machine, new TestFile(sampleImage())), space);
    const { context } = machine.mm;
    machine.read(0x401000);
    const before = space.commitCharge;
    expect(protectVirtualMemory(context, space, 0x401000, 0x1000, 0x40).oldProtection).toBe(0x20);
    expect(queryVirtualMemory(machine.mm, space, 0x401000).information?.protect).toBe(0x80);
    expect(space.commitCharge).toBe(before + 1);
    expect(protectVirtualMemory(context, space, 0x401000, 0x1000, 0x20).oldProtection).toBe(0x80);
    expect(space.commitCharge).toBe(before);
    protectVirtualMemory(context, space, 0x401000, 0x2000, 0x04);
    expect(machine.write(0x401000, 0x90)).toBe(true);
    expect(machine.write(0x402000, 0x91)).toBe(true);
    expect(queryVirtualMemory(machine.mm, space, 0x401000).information?.protect).toBe(0x04);
    expect(protectVirtualMemory(context, space, 0x401000, 0x1000, 0x20).oldProtection).toBe(0x04);
    expect(machine.read(0x401000)).toBe(0x90);
    expect(machine.mm.verify()).toBeNull();
  });

  it('vanish with their last view and section, and leave nothing behind', () => {
    const machine = new MemoryMachine();
    const file = new TestFile(sampleImage());
    const pool = machine.mm.pool.trackers;
    const charged = machine.mm.commit.charged;
    const space = machine.createSpace();
    const section = sectionOf(machine, file);
    map(machine, section, space);
    for (let at = 0x400000; at < 0x408000; at += 0x1000) machine.write(at, 1) || machine.read(at);
    expect(unmapViewOfSection(machine.mm.context, space, 0x403000)).toBe(0);
    expect(machine.mm.verify()).toBeNull();
    expect(file.references).toBe(1);
    releaseSection(machine.mm.context, section);
    expect(file.references).toBe(0);
    expect(file.sectionObjectPointers.imageSectionObject).toBeNull();
    expect(pool.find('MmCa')?.nonPaged.bytes).toBe(0);
    expect(pool.find('MmSt')?.paged.bytes).toBe(0);
    cleanAddressSpace(machine.mm.context, space);
    machine.mm.deleteAddressSpace(space);
    expect(machine.mm.commit.charged).toBe(charged);
    expect(machine.mm.verify()).toBeNull();
  });

  it('raise an in-page error when the file cannot be read', () => {
    const machine = new MemoryMachine();
    const space = machine.createSpace();
    const file = new TestFile(sampleImage());
    map(machine, sectionOf(machine, file), space);
    file.failure = Status.DEVICE_DATA_ERROR;
    expect(machine.touch(0x401000, AccessKind.Read)).toEqual([FaultOutcome.InPageError]);
    expect(machine.mm.faults.underlyingStatus).toBe(Status.DEVICE_DATA_ERROR);
    file.failure = null;
    expect(machine.read(0x401000)).toBe(0xc3);
    expect(machine.mm.verify()).toBeNull();
  });
});

describe('image headers that are refused', () => {
  const patch = (offset: number, value: number, size: 1 | 2 | 4 = 4): Uint8Array => {
    const bytes = sampleImage();
    const view = new DataView(bytes.buffer);
    if (size === 4) view.setUint32(offset, value, true);
    else if (size === 2) view.setUint16(offset, value, true);
    else view.setUint8(offset, value);
    return bytes;
  };
  const section = (index: number, field: number): number => HeaderField.firstSection + index * 40 + field;

  it.each<[string, Uint8Array, keyof typeof Status]>([
    ['an empty file', new Uint8Array(0), 'INVALID_IMAGE_NOT_MZ'],
    ['a file of 63 bytes', sampleImage().slice(0, 63), 'INVALID_IMAGE_NOT_MZ'],
    ['no MZ', patch(0, 0x5a5a, 2), 'INVALID_IMAGE_NOT_MZ'],
    ['headers at an odd place', patch(HeaderField.headerOffset, 0x82), 'INVALID_IMAGE_PROTECT'],
    ['headers behind the file', patch(HeaderField.headerOffset, 0x7ffffffc), 'INVALID_IMAGE_PROTECT'],
    ['headers cut off', sampleImage().slice(0, 0x90), 'INVALID_IMAGE_PROTECT'],
    ['an unknown signature', patch(HeaderField.signature, 0x12345678), 'INVALID_IMAGE_PROTECT'],
    ['an LE signature', patch(HeaderField.signature, 0x454c), 'INVALID_IMAGE_PROTECT'],
    ['another machine', patch(HeaderField.machine, 0x8664, 2), 'INVALID_IMAGE_FORMAT'],
    ['not executable', patch(HeaderField.characteristics, 0x100, 2), 'INVALID_IMAGE_FORMAT'],
    ['PE32+', patch(HeaderField.magic, 0x20b, 2), 'INVALID_IMAGE_FORMAT'],
    ['file alignment 0', patch(HeaderField.fileAlignment, 0), 'INVALID_IMAGE_FORMAT'],
    ['file alignment 300', patch(HeaderField.fileAlignment, 0x300), 'INVALID_IMAGE_FORMAT'],
    ['file alignment above section alignment', patch(HeaderField.fileAlignment, 0x2000), 'INVALID_IMAGE_FORMAT'],
    ['no size', patch(HeaderField.sizeOfImage, 0), 'INVALID_IMAGE_FORMAT'],
    ['size too large', patch(HeaderField.sizeOfImage, 0x77001000), 'INVALID_IMAGE_FORMAT'],
    ['size smaller than its sections', patch(HeaderField.sizeOfImage, 0x6000), 'INVALID_IMAGE_FORMAT'],
    ['size larger than its sections', patch(HeaderField.sizeOfImage, 0x9000), 'INVALID_IMAGE_FORMAT'],
    ['base not at 64 KB', patch(HeaderField.imageBase, 0x401000), 'INVALID_IMAGE_FORMAT'],
    ['no headers', patch(HeaderField.sizeOfHeaders, 0), 'INVALID_IMAGE_FORMAT'],
    ['headers as large as the image', patch(HeaderField.sizeOfHeaders, 0x8000), 'INVALID_IMAGE_FORMAT'],
    ['a hole between sections', patch(section(1, 12), 0x3000), 'INVALID_IMAGE_FORMAT'],
    ['overlapping sections', patch(section(1, 12), 0x1000), 'INVALID_IMAGE_FORMAT'],
    ['a section without any size', patch(section(0, 8), 0), 'INVALID_IMAGE_FORMAT'],
    ['raw data behind the file', patch(section(0, 20), 0x10000), 'INVALID_IMAGE_FORMAT'],
    ['raw data that wraps', patch(section(0, 16), 0xffffff00), 'INVALID_IMAGE_FORMAT'],
    ['too many sections', patch(HeaderField.sectionCount, 97, 2), 'INVALID_IMAGE_FORMAT'],
    ['a section table behind the file', patch(HeaderField.sectionCount, 96, 2), 'INVALID_IMAGE_FORMAT'],
  ])('%s', (what, bytes, status) => {
    if (what === 'a section without any size') new DataView(bytes.buffer).setUint32(section(0, 16), 0, true);
    const machine = new MemoryMachine();
    const result = createImageSection(machine.mm.context, new TestFile(bytes));
    expect(statusName(result.status)).toBe(`STATUS_${status}`);
    expect(machine.mm.verify()).toBeNull();
  });

  it('knows 16-bit images by their system', () => {
    const machine = new MemoryMachine();
    const statusOf = (system: number): string => {
      const bytes = patch(HeaderField.signature, 0x454e);
      bytes[HeaderField.signature + 0x36] = system;
      return statusName(createImageSection(machine.mm.context, new TestFile(bytes)).status);
    };
    expect([2, 1, 9].map(statusOf)).toEqual([
      'STATUS_INVALID_IMAGE_WIN_16',
      'STATUS_INVALID_IMAGE_NE_FORMAT',
      'STATUS_INVALID_IMAGE_PROTECT',
    ]);
  });

  it('refuses directories and files that cannot be read', () => {
    const machine = new MemoryMachine();
    const file = new TestFile(sampleImage());
    file.failure = Status.DEVICE_DATA_ERROR;
    expect(createImageSection(machine.mm.context, file).status).toBe(Status.INVALID_FILE_FOR_SECTION);
    file.failure = null;
    file.isDirectory = true;
    expect(createImageSection(machine.mm.context, file).status).toBe(Status.INVALID_FILE_FOR_SECTION);
  });

  it('needs the file to be one', () => {
    const machine = new MemoryMachine();
    const request = { size: 0x1000, protection: 0x10, attributes: SectionAttribute.Image, file: null };
    expect(createSection(machine.mm.context, request).status).toBe(Status.INVALID_FILE_FOR_SECTION);
  });
});

describe('images with a section alignment below a page', () => {
  const flat = (): Uint8Array => {
    const bytes = buildImage({
      sectionAlignment: 0x200,
      fileAlignment: 0x200,
      sections: [
        { name: '.text', virtualSize: 0x200, characteristics: SectionFlag.Code, raw: new Uint8Array(0x200).fill(0xc3) },
        { name: '.data', virtualSize: 0x100, characteristics: SectionFlag.Data, raw: new Uint8Array(0x200).fill(0x33) },
      ],
    });
    return bytes;
  };

  it('are mapped as they are, all writable copies', () => {
    const machine = new MemoryMachine();
    const space = machine.createSpace();
    map(machine, sectionOf(machine, new TestFile(flat())), space);
    expect(regions(machine, space, 0x400000)).toEqual([[0, 0x1000, COMMIT, 0x80]]);
    expect([0x400000, 0x400400, 0x400600, 0x400800].map((at) => machine.read(at))).toEqual([0x4d, 0xc3, 0x33, 0]);
    expect(machine.write(0x400400, 0x90)).toBe(true);
  });

  it('must have file offsets equal to addresses', () => {
    const machine = new MemoryMachine();
    const bytes = flat();
    new DataView(bytes.buffer).setUint32(HeaderField.firstSection + 20, 0x200, true);
    expect(createImageSection(machine.mm.context, new TestFile(bytes)).status).toBe(Status.INVALID_IMAGE_FORMAT);
  });
});

describe('views of images beyond the section', () => {
  it.each<[string, Partial<Record<keyof typeof VIEW, number>>, keyof typeof Status]>([
    ['zero bits', { zeroBits: 22 }, 'INVALID_PARAMETER_4'],
    ['inheritance', { inherit: 3 }, 'INVALID_PARAMETER_8'],
    ['allocation type', { allocationType: 0x1000 }, 'INVALID_PARAMETER_9'],
    ['reserve', { allocationType: RESERVE }, 'INVALID_PARAMETER_9'],
    ['protection', { protection: 3 }, 'INVALID_PAGE_PROTECTION'],
    ['base', { base: bootLayout.highestVadAddress + 1 }, 'INVALID_PARAMETER_3'],
    ['alignment', { base: 0x401000 }, 'MAPPED_ALIGNMENT'],
    ['size', { size: 0x9000 }, 'INVALID_VIEW_SIZE'],
    ['offset', { offset: 0x10000 }, 'INVALID_VIEW_SIZE'],
    ['commit size', { commitSize: 0x9000 }, 'INVALID_PARAMETER_5'],
    ['write combining', { protection: 0x404 }, 'INVALID_PARAMETER_10'],
  ])('%s', (_what, change, status) => {
    const machine = new MemoryMachine();
    const space = machine.createSpace();
    const section = sectionOf(machine, new TestFile(sampleImage()));
    const result = mapViewOfSection(machine.mm.context, section, space, { ...VIEW, ...change });
    expect(statusName(result.status)).toBe(`STATUS_${status}`);
  });
});
