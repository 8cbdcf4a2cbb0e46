import { describe, expect, it } from 'vitest';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { allocateVirtualMemory, MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import {
  createSection,
  extendDataArea,
  releaseSection,
  SectionAttribute,
  type SectionRequest,
} from '../../kernel/mm/create-section.js';
import { captureViewDirtyBits, flushDataPages } from '../../kernel/mm/flush-pages.js';
import { freeVirtualMemory } from '../../kernel/mm/free-virtual-memory.js';
import { mapViewOfSection, unmapViewOfSection, type ViewRequest } from '../../kernel/mm/map-view.js';
import { protectVirtualMemory } from '../../kernel/mm/protect-virtual-memory.js';
import { queryMappedFileName, queryVirtualMemory } from '../../kernel/mm/query-virtual-memory.js';
import type { Section } from '../../kernel/mm/section.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { MemoryMachine } from './memory-machine.js';
import { TestFile } from './portable-executable.js';

const { Commit, Reserve } = SectionAttribute;
const READONLY = 2;
const READWRITE = 4;
const WRITECOPY = 8;
const REST: ViewRequest = {
  base: 0,
  zeroBits: 0,
  commitSize: 0,
  offset: 0,
  size: 0,
  inherit: 1,
  allocationType: 0,
  protection: READWRITE,
};

interface Fixture {
  readonly machine: MemoryMachine;
  readonly space: AddressSpace;
  create(request: Partial<SectionRequest>): Section;
  map(section: Section, view?: Partial<ViewRequest>, space?: AddressSpace): ReturnType<typeof mapViewOfSection>;
  statusOf(request: Partial<SectionRequest>): string;
}

function setUp(): Fixture {
  const machine = new MemoryMachine();
  const space = machine.createSpace();
  const { context } = machine.mm;
  const whole = { size: 0, protection: READWRITE, attributes: Commit, file: null };
  return {
    machine,
    space,
    create: (request) => {
      const { status, section } = createSection(context, { ...whole, ...request });
      if (section === null) throw new Error(statusName(status));
      return section;
    },
    map: (section, view = {}, where = space) => mapViewOfSection(context, section, where, { ...REST, ...view }),
    statusOf: (request) => statusName(createSection(context, { ...whole, ...request }).status),
  };
}

describe('NtCreateSection parameters', () => {
  it.each<[string, Partial<SectionRequest>, keyof typeof Status]>([
    ['unknown attributes', { attributes: Commit | 1 }, 'INVALID_PARAMETER_6'],
    ['neither commit nor reserve nor image', { attributes: SectionAttribute.NoCache }, 'INVALID_PARAMETER_6'],
    ['image and commit', { attributes: SectionAttribute.Image | Commit }, 'INVALID_PARAMETER_6'],
    ['commit and reserve', { attributes: Commit | Reserve }, 'INVALID_PARAMETER_6'],
    ['guard', { protection: 0x104 }, 'INVALID_PAGE_PROTECTION'],
    ['no access', { protection: 1 }, 'INVALID_PAGE_PROTECTION'],
    ['no such protection', { protection: 6 }, 'INVALID_PAGE_PROTECTION'],
    ['no size', { size: 0 }, 'INVALID_PARAMETER_4'],
    ['more pages than prototype PTEs', { size: 0x2_0000_0000, attributes: Reserve }, 'INSUFFICIENT_RESOURCES'],
    ['more than fits paged pool', { size: 0x100_0000_0000, attributes: Reserve }, 'SECTION_TOO_BIG'],
    ['more than can be promised', { size: 0x8000000 }, 'COMMITMENT_LIMIT'],
    ['large pages', { size: 0x400000, attributes: (SectionAttribute.LargePages | Commit) >>> 0 }, 'PRIVILEGE_NOT_HELD'],
    ['an empty file', { file: new TestFile(new Uint8Array(0)) }, 'MAPPED_FILE_SIZE_ZERO'],
    [
      'more than a file that may not grow',
      { file: new TestFile(new Uint8Array(10)), protection: READONLY, size: 11 },
      'SECTION_TOO_BIG',
    ],
  ])('%s', (_what, request, status) => {
    const { statusOf, machine } = setUp();
    expect(statusOf({ size: 0, ...request })).toBe(`STATUS_${status}`);
    expect(machine.mm.verify()).toBeNull();
  });
});

describe('NtMapViewOfSection of data', () => {
  it.each<[string, Partial<SectionRequest>, Partial<ViewRequest>, keyof typeof Status]>([
    ['executable view of a read-write section', {}, { protection: 0x40 }, 'SECTION_PROTECTION'],
    ['writable view of a read-only section', { protection: READONLY }, {}, 'SECTION_PROTECTION'],
    ['behind the section', {}, { offset: 0x20000 }, 'INVALID_VIEW_SIZE'],
    ['more than the section', {}, { size: 0x20001 }, 'INVALID_VIEW_SIZE'],
    ['commit more than the view', {}, { size: 0x1000, commitSize: 0x2000 }, 'INVALID_PARAMETER_5'],
    ['reserve of page-file memory', {}, { allocationType: 0x2000 }, 'INVALID_PARAMETER_9'],
    [
      'reserve of a read-only section',
      { protection: READONLY },
      { allocationType: 0x2000, protection: 2 },
      'SECTION_PROTECTION',
    ],
    ['offset not at 64 KB', {}, { offset: 0x1000 }, 'MAPPED_ALIGNMENT'],
    ['no room', {}, { zeroBits: 16 }, 'NO_MEMORY'],
  ])('%s', (_what, section, view, status) => {
    const { create, map } = setUp();
    expect(statusName(map(create({ size: 0x20000, ...section }), view).status)).toBe(`STATUS_${status}`);
  });
});

describe('page-file backed sections', () => {
  it('are one memory for all views', () => {
    const { machine, space, create, map } = setUp();
    const section = create({ size: 0x20000 });
    expect(map(section)).toEqual({ status: 0, base: 0x10000, offset: 0, size: 0x20000 });
    expect(map(section, { offset: 0x10000 })).toEqual({ status: 0, base: 0x30000, offset: 0x10000, size: 0x10000 });
    machine.write(0x20123, 0x42);
    expect(machine.read(0x30123)).toBe(0x42);
    const other = machine.createSpace();
    map(section, {}, other);
    expect(machine.read(0x20123)).toBe(0x42);
    const { information } = queryVirtualMemory(machine.mm, space, 0x10000);
    expect([information?.type, information?.state, information?.protect]).toEqual([0x40000, 0x1000, 4]);
    expect(freeVirtualMemory(machine.mm.context, space, 0x10000, 0, 0x8000).status).toBe(
      Status.UNABLE_TO_DELETE_SECTION,
    );
    expect(machine.mm.verify()).toBeNull();
  });

  it('are paid for once, at creation, and come back with the last view', () => {
    const { machine, space, create, map } = setUp();
    const before = machine.mm.commit.charged;
    const section = create({ size: 0x20000 });
    expect(machine.mm.commit.charged - before).toBeGreaterThanOrEqual(32);
    map(section);
    expect(space.commitCharge).toBe(1);
    machine.write(0x10000, 1);
    releaseSection(machine.mm.context, section);
    expect(machine.read(0x10000)).toBe(1);
    unmapViewOfSection(machine.mm.context, space, 0x10000);
    expect(machine.mm.commit.charged).toBe(before);
    expect(machine.mm.verify()).toBeNull();
  });

  it('keep what was written while nobody maps them', () => {
    const { machine, space, create, map } = setUp();
    const section = create({ size: 0x10000 });
    map(section);
    machine.write(0x12345, 9);
    unmapViewOfSection(machine.mm.context, space, 0x10000);
    map(section);
    expect(machine.read(0x12345)).toBe(9);
    expect(machine.mm.verify()).toBeNull();
  });

  it('give write-copy views pages of their own', () => {
    const { machine, space, create, map } = setUp();
    const section = create({ size: 0x10000 });
    map(section);
    machine.write(0x10000, 1);
    map(section, { protection: WRITECOPY });
    expect(space.commitCharge).toBe(1 + 16);
    machine.write(0x20000, 2);
    machine.write(0x21000, 3);
    expect([0x10000, 0x20000, 0x11000].map((at) => machine.read(at))).toEqual([1, 2, 0]);
    expect(machine.mm.verify()).toBeNull();
  });

  it('of reserved pages are committed through any view, for all', () => {
    const { machine, space, create, map } = setUp();
    const section = create({ size: 0x20000, attributes: Reserve });
    map(section, { commitSize: 0x1000 });
    map(section);
    expect(machine.read(0x10000)).toBe(0);
    expect(machine.read(0x11000)).toBe(-1);
    expect(protectVirtualMemory(machine.mm.context, space, 0x11000, 0x1000, READONLY).status).toBe(
      Status.NOT_COMMITTED,
    );
    const request = { base: 0x11000, zeroBits: 0, size: 0x1000, type: MemoryType.Commit, protection: READWRITE };
    expect(allocateVirtualMemory(machine.mm.context, space, request).status).toBe(0);
    machine.write(0x11000, 5);
    expect(machine.read(0x31000)).toBe(5);
    expect(machine.mm.verify()).toBeNull();
  });

  it('re-protect views within what the section allows', () => {
    const { machine, space, create, map } = setUp();
    map(create({ size: 0x10000 }));
    machine.write(0x10000, 1);
    const protect = (protection: number): number =>
      protectVirtualMemory(machine.mm.context, space, 0x10000, 0x2000, protection).status;
    expect(protect(READONLY)).toBe(0);
    expect(machine.write(0x10000, 2)).toBe(false);
    expect(machine.write(0x11000, 2)).toBe(false);
    expect(protect(0x40)).toBe(Status.SECTION_PROTECTION);
    expect(protect(0x204)).toBe(Status.INVALID_PARAMETER_4);
    expect(protect(READWRITE)).toBe(0);
    expect(machine.write(0x11000, 2)).toBe(true);
    expect(machine.mm.verify()).toBeNull();
  });
});

describe('mapped files', () => {
  const contents = (): Uint8Array => Uint8Array.from({ length: 0x2345 }, (_, index) => (index >>> 4) & 0xff);

  it('are read a cluster at a time, with zeros behind the end', () => {
    const { machine, create, map, space } = setUp();
    const file = new TestFile(contents());
    expect(map(create({ file, protection: READONLY }), { protection: READONLY }).size).toBe(0x3000);
    expect([0x10000, 0x11230, 0x12340, 0x12345, 0x12fff].map((at) => machine.read(at))).toEqual([0, 0x23, 0x34, 0, 0]);
    expect(machine.read(0x13000)).toBe(-1);
    expect(machine.write(0x10000, 1)).toBe(false);
    expect(file.reads).toBe(1);
    expect(queryMappedFileName(space, 0x10000)).toEqual({ status: 0, name: file.name });
    expect(machine.mm.verify()).toBeNull();
  });

  it('are written back when flushed, and only what was modified', () => {
    const { machine, space, create, map } = setUp();
    const file = new TestFile(contents());
    const section = create({ file });
    map(section);
    machine.write(0x11000, 0xaa);
    expect(file.bytes[0x1000]).toBe(0);
    const vad = space.vads.find(0x10);
    if (vad === null) throw new Error('no view');
    captureViewDirtyBits(machine.mm, space, vad, 0x10, 0x12);
    expect(flushDataPages(machine.mm, section.controlArea, 0, 3)).toBe(0);
    expect(file.bytes[0x1000]).toBe(0xaa);
    file.bytes[0x1001] = 0x77;
    flushDataPages(machine.mm, section.controlArea, 0, 3);
    expect(file.bytes[0x1001]).toBe(0x77);
    machine.write(0x11002, 0xbb);
    captureViewDirtyBits(machine.mm, space, vad, 0x10, 0x12);
    flushDataPages(machine.mm, section.controlArea, 0, 3);
    expect(file.bytes[0x1002]).toBe(0xbb);
    expect(machine.mm.verify()).toBeNull();
  });

  it('are written back when the last view and section go, cut at the end of the file', () => {
    const { machine, space, create, map } = setUp();
    const file = new TestFile(contents());
    const section = create({ file });
    map(section);
    machine.write(0x10005, 0xcc);
    machine.write(0x12fff, 0xdd);
    releaseSection(machine.mm.context, section);
    expect(file.bytes[5]).toBe(0);
    unmapViewOfSection(machine.mm.context, space, 0x10000);
    expect(file.bytes[5]).toBe(0xcc);
    expect(file.bytes.length).toBe(0x2345);
    machine.mm.unusedSegments.deleteAll(machine.mm.context);
    expect(file.references).toBe(0);
    expect(file.sectionObjectPointers.dataSectionObject).toBeNull();
    expect(machine.mm.verify()).toBeNull();
  });

  it('never see what write-copy views write', () => {
    const { machine, space, create, map } = setUp();
    const file = new TestFile(contents());
    const section = create({ file, protection: WRITECOPY });
    map(section, { protection: WRITECOPY });
    machine.write(0x10000, 0xee);
    unmapViewOfSection(machine.mm.context, space, 0x10000);
    releaseSection(machine.mm.context, section);
    expect(file.bytes[0]).toBe(0);
    expect(space.commitCharge).toBe(0);
    expect(machine.mm.verify()).toBeNull();
  });

  it('grow to the size that was asked for', () => {
    const { machine, create, map } = setUp();
    const file = new TestFile(contents());
    const section = create({ file, size: 0x400000 });
    expect(file.bytes.length).toBe(0x400000);
    expect(map(section).size).toBe(0x400000);
    machine.write(0x40ffff, 1);
    expect(extendDataArea(machine.mm.context, section.controlArea, 0x5000000)).toBe(true);
    file.setSize(0x5000000);
    const large = create({ file });
    const view = map(large, { offset: 0x4ff0000, size: 0x10000 });
    expect(view.status).toBe(0);
    file.bytes[0x4ff1000] = 0x66;
    expect(machine.read(view.base + 0x1000)).toBe(0x66);
    expect(machine.mm.verify()).toBeNull();
  });

  it('share their pages between sections of the same file', () => {
    const { machine, create, map } = setUp();
    const file = new TestFile(contents());
    map(create({ file }));
    map(create({ file, protection: READONLY }), { protection: READONLY });
    machine.write(0x10000, 0x5a);
    expect(machine.read(0x20000)).toBe(0x5a);
    expect(file.references).toBe(1);
  });
});
