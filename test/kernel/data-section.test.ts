import { describe, expect, it } from 'vitest';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { allocateVirtualMemory, MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import {
  createSection,
  extendDataArea,
  releaseSection,
  SectionAttribute,
  type SectionRequest,
  setFileBytes,
} from '../../kernel/mm/create-section.js';
import { captureViewDirtyBits, flushDataPages } from '../../kernel/mm/flush-pages.js';
import { freeVirtualMemory } from '../../kernel/mm/free-virtual-memory.js';
import { mapViewOfSection, unmapViewOfSection, type ViewRequest } from '../../kernel/mm/map-view.js';
import { findPte } from '../../kernel/mm/page-table.js';
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

const LARGE_PAGES = (SectionAttribute.LargePages | Commit) >>> 0;
const LARGE_RESERVE = (SectionAttribute.LargePages | Reserve) >>> 0;

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
    ['more pages than prototype PTEs', { size: 0x4_0000_0000, attributes: Reserve }, 'INSUFFICIENT_RESOURCES'],
    ['more than fits paged pool', { size: 0x100_0000_0000, attributes: Reserve }, 'SECTION_TOO_BIG'],
    ['more than can be promised', { size: 0x8000000 }, 'COMMITMENT_LIMIT'],
    ['large pages, for which there is no place', { size: 0x400000, attributes: LARGE_PAGES }, 'INSUFFICIENT_RESOURCES'],
    ['no large pages', { size: 0, attributes: LARGE_PAGES }, 'INVALID_PARAMETER_4'],
    ['half a large page', { size: 0x100000, attributes: LARGE_PAGES }, 'INVALID_PARAMETER_4'],
    ['large pages that are not there yet', { size: 0x400000, attributes: LARGE_RESERVE }, 'INVALID_PARAMETER_6'],
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

describe('sections with attributes', () => {
  const { Based, NoCache, NoChange } = SectionAttribute;

  it('SEC_BASED: lie at the same address in every process, from the top down, and never on one another', () => {
    const { machine, space, create, map, statusOf } = setUp();
    const sections = [0x2_0000, 0x1234, 0x3_0000].map((size) => create({ size, attributes: Commit | Based }));
    expect(sections.map((section) => section.basedAddress)).toEqual([0x7f7d0000, 0x7f7c0000, 0x7f790000]);
    const [first, second] = sections;
    if (first === undefined || second === undefined) throw new Error('no section');
    expect(map(first)).toMatchObject({ status: 0, base: 0x7f7d0000 });
    expect(map(first, { offset: 0x10000 }).status).toBe(Status.CONFLICTING_ADDRESSES);
    expect(map(first, { base: 0x500000 })).toMatchObject({ status: 0, base: 0x500000 });
    unmapViewOfSection(machine.mm.context, space, 0x7f7d0000);
    expect(map(first, { offset: 0x10000 })).toMatchObject({ status: 0, base: 0x7f7e0000 });
    const other = machine.createSpace();
    expect(map(first, {}, other).base).toBe(0x7f7d0000);
    // The hole that a section leaves is used again.
    releaseSection(machine.mm.context, second);
    expect(create({ size: 0x10000, attributes: Commit | Based }).basedAddress).toBe(0x7f7c0000);
    expect(statusOf({ size: 0x7f790000, attributes: Reserve | Based })).toBe('STATUS_NO_MEMORY');
    expect(machine.mm.verify()).toBeNull();
  });

  it('SEC_NOCACHE: every page of a view is mapped uncached', () => {
    const { machine, space, create, map } = setUp();
    const { base } = map(create({ size: 0x10000, attributes: Commit | NoCache }));
    machine.write(base, 7);
    expect(machine.read(base)).toBe(7);
    expect(queryVirtualMemory(machine.mm, space, base).information).toMatchObject({ protect: 0x204 });
    const CACHE_DISABLED = 0x10;
    expect(machine.mm.format.low(findPte(machine.mm, space, base)) & CACHE_DISABLED).toBe(CACHE_DISABLED);
    expect(machine.mm.verify()).toBeNull();
  });

  it('SEC_NO_CHANGE: nobody changes the protection of a view, or removes it', () => {
    const { machine, space, create, map } = setUp();
    const { base } = map(create({ size: 0x10000, attributes: Commit | NoChange }));
    const { context } = machine.mm;
    expect(protectVirtualMemory(context, space, base, 0x1000, READONLY).status).toBe(Status.INVALID_PAGE_PROTECTION);
    expect(protectVirtualMemory(context, space, base, 0x1000, READWRITE).status).toBe(0);
    expect(unmapViewOfSection(context, space, base)).toBe(Status.INVALID_PAGE_PROTECTION);
  });
});

describe('views that are longer than their file', () => {
  const commit = (machine: MemoryMachine, space: AddressSpace, base: number, size: number): number =>
    allocateVirtualMemory(machine.mm.context, space, {
      base,
      zeroBits: 0,
      size,
      type: MemoryType.Commit,
      protection: READWRITE,
    }).status;

  it('give access to what the file has; committing more makes it longer', () => {
    const { machine, space, create, map } = setUp();
    const file = new TestFile(new Uint8Array(0x1800).fill(1));
    const section = create({ file });
    const { status, base, size } = map(section, { size: 0x40000, allocationType: MemoryType.Reserve });
    expect([status, size]).toEqual([0, 0x40000]);
    expect(machine.read(base + 0x1000)).toBe(1);
    expect(machine.read(base + 0x2000)).toBe(-1);
    expect(queryVirtualMemory(machine.mm, space, base + 0x2000).information).toMatchObject({
      state: MemoryType.Reserve,
      regionSize: 0x3e000,
    });
    expect(protectVirtualMemory(machine.mm.context, space, base + 0x2000, 0x1000, READONLY).status).toBe(
      Status.NOT_COMMITTED,
    );
    expect(commit(machine, space, base + 0x8000, 0x1000)).toBe(0);
    expect(file.bytes.length).toBe(0x9000);
    expect(machine.write(base + 0x8fff, 9)).toBe(true);
    expect(machine.read(base + 0x4000)).toBe(0);
    expect(machine.read(base + 0x9000)).toBe(-1);
    expect(machine.mm.verify()).toBeNull();
    // Another such view of the section sees what was committed; a plain one ends with the section.
    const other = map(section, { size: 0x40000, allocationType: MemoryType.Reserve });
    expect(machine.read(other.base + 0x8fff)).toBe(9);
    expect(map(section, { size: 0x9000 }).status).toBe(Status.INVALID_VIEW_SIZE);
    unmapViewOfSection(machine.mm.context, space, base);
    unmapViewOfSection(machine.mm.context, space, other.base);
    releaseSection(machine.mm.context, section);
    expect(file.bytes[0x8fff]).toBe(9);
    expect(machine.mm.verify()).toBeNull();
  });

  it('grow beyond what one subsection describes, and say so when the disk is full', () => {
    const { machine, space, create, map } = setUp();
    const file = new TestFile(new Uint8Array(0x1000));
    const view = { size: 0x500_0000, allocationType: MemoryType.Reserve };
    const { base } = map(create({ file }), view);
    file.setSize = () => Status.DISK_FULL;
    expect(commit(machine, space, base + 0x1000, 0x1000)).toBe(Status.DISK_FULL);
    Reflect.deleteProperty(file, 'setSize');
    expect(commit(machine, space, base + 0x4ff_f000, 0x1000)).toBe(0);
    expect(machine.write(base + 0x4ff_ffff, 5)).toBe(true);
    expect(machine.write(base + 0x200_0000, 6)).toBe(true);
    expect(machine.mm.verify()).toBeNull();
  });

  it('are refused without MEM_RESERVE, for page-file memory and for sections that do not write', () => {
    const { create, map } = setUp();
    const file = new TestFile(new Uint8Array(0x1000));
    const longer = { size: 0x2000, allocationType: MemoryType.Reserve };
    expect(map(create({ file }), { size: 0x2000 }).status).toBe(Status.INVALID_VIEW_SIZE);
    const readOnly = create({ file, protection: READONLY });
    expect(map(readOnly, { ...longer, protection: READONLY }).status).toBe(Status.SECTION_PROTECTION);
    expect(map(create({ size: 0x1000 }), longer).status).toBe(Status.INVALID_PARAMETER_9);
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
    expect(queryMappedFileName(machine.mm, space, 0x10000)).toEqual({ status: 0, name: file.name });
    expect(machine.mm.verify()).toBeNull();
  });

  it('are read up to the end that their file has now, and no further in a cluster either', () => {
    const { machine, create, map } = setUp();
    const file = new TestFile(new Uint8Array(0x8000).fill(7));
    const section = create({ file });
    map(section);
    file.setSize(0x3000);
    setFileBytes(section.controlArea, 0x3000);
    expect(machine.read(0x12000)).toBe(7);
    expect(section.controlArea.numberOfPfnReferences).toBe(3);
    file.setSize(0x8000);
    file.bytes.fill(9, 0x3000);
    setFileBytes(section.controlArea, 0x8000);
    expect([machine.read(0x12fff), machine.read(0x13000), machine.read(0x17000)]).toEqual([7, 9, 9]);
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
