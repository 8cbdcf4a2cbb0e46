import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import { createSection, releaseSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { InheritDisposition, mapViewOfSection, unmapViewOfSection } from '../../kernel/mm/map-view.js';
import { PageProtection } from '../../kernel/mm/protection.js';
import type { ControlArea } from '../../kernel/mm/segment.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { MemoryMachine } from './memory-machine.js';
import { repurposeStandby, writeModified } from './page-out.js';
import { buildImage, SectionFlag, sampleImage, TestFile } from './portable-executable.js';

const { Commit, Image } = SectionAttribute;
const DATA = { attributes: Commit, protection: PageProtection.ReadWrite };
const IMAGE = { attributes: Image, protection: PageProtection.Execute };
type Kind = { readonly attributes: number; readonly protection: number };
const { Transition, MappedFile } = FaultOutcome;

/** A machine that maps a file, and lets go of it, once or more. */
class Mapper {
  readonly machine = new MemoryMachine();
  readonly space = this.machine.createSpace();

  /** Maps the whole file; the base. The section's handle is closed at once. */
  map(file: TestFile, { attributes, protection }: Kind = DATA): number {
    const { context } = this.machine.mm;
    const { status, section } = createSection(context, { size: 0, protection, attributes, file });
    if (section === null) throw new Error(statusName(status));
    const request = { base: 0, zeroBits: 0, commitSize: 0, offset: 0, size: 0, allocationType: 0, protection };
    const view = mapViewOfSection(context, section, this.space, { ...request, inherit: InheritDisposition.ViewShare });
    releaseSection(context, section);
    return view.base;
  }

  unmap(base: number): void {
    expect(unmapViewOfSection(this.machine.mm.context, this.space, base)).toBe(Status.SUCCESS);
    expect(this.machine.mm.verify()).toBeNull();
  }

  get kept(): number {
    return this.machine.mm.unusedSegments.list.length;
  }
}

/** An image whose processes share nothing but code. */
const image = () => {
  const raw = new Uint8Array(0x800).fill(0xc3);
  return new TestFile(
    buildImage({ sections: [{ name: '.text', virtualSize: 0x800, characteristics: SectionFlag.Code, raw }] }),
  );
};
const file = () => new TestFile(Uint8Array.from({ length: 0x2800 }, (_, index) => index >>> 8));

describe('segments that nobody uses', () => {
  it.each([
    ['a data file', DATA, file, 0x1000],
    ['an image', IMAGE, image, 0x1000],
  ] as const)('of %s are found again with their pages, without a read', (_what, kind, make, offset) => {
    const mapper = new Mapper();
    const { machine } = mapper;
    const mapped = make();
    const base = mapper.map(mapped, kind);
    const value = machine.read(base + offset);
    mapper.unmap(base);
    expect([mapper.kept, mapped.references]).toEqual([1, 1]);
    const { reads } = mapped;
    const again = mapper.map(mapped, kind);
    expect(mapper.kept).toBe(0);
    expect(machine.touch(again + offset, AccessKind.Read)).toEqual([Transition]);
    expect(machine.read(again + offset)).toBe(value);
    expect(mapped.reads).toBe(reads);
  });

  it('are not kept of images with shared memory: it begins anew', () => {
    const mapper = new Mapper();
    const mapped = new TestFile(sampleImage());
    const base = mapper.map(mapped, IMAGE);
    mapper.machine.write(base + 0x7000, 5);
    mapper.unmap(base);
    expect([mapper.kept, mapped.references]).toEqual([0, 0]);
    expect(mapper.machine.read(mapper.map(mapped, IMAGE) + 0x7000)).toBe(0x44);
  });

  it('are not kept when no page of theirs is in memory', () => {
    const mapper = new Mapper();
    const mapped = file();
    mapper.unmap(mapper.map(mapped));
    expect([mapper.kept, mapped.references, mapped.sectionObjectPointers.dataSectionObject]).toEqual([0, 0, null]);
  });

  it('are deleted by the dereference segment thread when their last page has left memory', () => {
    const mapper = new Mapper();
    const { mm } = mapper.machine;
    const mapped = file();
    const base = mapper.map(mapped);
    mapper.machine.read(base);
    mapper.unmap(base);
    repurposeStandby(mm);
    expect([mapper.kept, mapped.references]).toEqual([1, 1]);
    expect(mm.dereference.takeOne()).toBe(true);
    expect([mapper.kept, mapped.references]).toEqual([0, 0]);
    const { trackers } = mm.pool;
    expect([trackers.find('MmCa')?.nonPaged.bytes, trackers.find('MmSm')?.paged.bytes]).toEqual([0, 0]);
    expect(mm.verify()).toBeNull();
  });

  it('are left alone by the thread when somebody uses them again', () => {
    const mapper = new Mapper();
    const { mm } = mapper.machine;
    const mapped = file();
    const base = mapper.map(mapped);
    mapper.machine.read(base);
    mapper.unmap(base);
    repurposeStandby(mm);
    const again = mapper.map(mapped);
    mm.dereference.takeOne();
    expect(mapper.machine.touch(again, AccessKind.Read)).toEqual([MappedFile]);
    expect(mm.verify()).toBeNull();
  });

  it('keep what could not be written until the writer can', () => {
    const mapper = new Mapper();
    const { mm } = mapper.machine;
    const mapped = file();
    const base = mapper.map(mapped);
    mapper.machine.write(base + 5, 0xcc);
    mapped.failure = Status.DISK_FULL;
    mapper.unmap(base);
    expect([mapper.kept, mapped.bytes[5]]).toEqual([1, 0]);
    mapped.failure = null;
    writeModified(mm);
    expect(mapped.bytes[5]).toBe(0xcc);
    expect(mm.verify()).toBeNull();
  });

  it('are read anew when an image was written to, or a data file has become shorter', () => {
    const mapper = new Mapper();
    const program = image();
    const base = mapper.map(program, IMAGE);
    const code = mapper.machine.read(base + 0x1000);
    mapper.unmap(base);
    expect(mapper.kept).toBe(1);
    program.write(program.bytes.indexOf(code, 0x200), Uint8Array.of(0x90));
    expect(mapper.machine.read(mapper.map(program, IMAGE) + 0x1000)).toBe(0x90);
    const data = file();
    const view = mapper.map(data);
    mapper.machine.read(view + 0x2000);
    mapper.unmap(view);
    data.setSize(0x1000);
    const shorter = mapper.map(data);
    expect(mapper.machine.read(shorter)).toBe(0);
    expect(mapper.machine.read(shorter + 0x1000)).toBe(-1);
    expect(mapper.machine.mm.verify()).toBeNull();
  });

  it('are 256 at most, and give their pool to those who need it', () => {
    const mapper = new Mapper();
    const files = Array.from({ length: 258 }, file);
    for (const mapped of files) {
      const base = mapper.map(mapped);
      mapper.machine.read(base);
      expect(unmapViewOfSection(mapper.machine.mm.context, mapper.space, base)).toBe(Status.SUCCESS);
    }
    expect(mapper.kept).toBe(256);
    expect(files.map(({ references }) => references).indexOf(1)).toBe(2);
    expect(mapper.machine.mm.unusedSegments.deleteAll(mapper.machine.mm.context)).toBe(true);
    expect(mapper.kept).toBe(0);
    expect(mapper.machine.mm.verify()).toBeNull();
  });
});

describe('the verifier finds', () => {
  const planted: readonly [string, (area: ControlArea, machine: MemoryMachine) => void, RegExp][] = [
    ['a view too many', (area) => area.numberOfMappedViews++, /counts 2 views, but 1 exist/],
    ['a writer too few', (area) => area.writableUserReferences--, /counts 0 views that write, but 1 exist/],
    ['a kept segment that is used', (area, { mm }) => mm.unusedSegments.list.push(area), /is used, but kept as unused/],
    [
      'a control area that went with its view',
      (area, { mm }) => mm.subsections.delete(area.subsections[0]?.address ?? 0),
      /views of control area [0-9A-F]{8}, which is gone/,
    ],
    [
      'based sections on one another',
      (_area, { mm }) => {
        const request = { size: 0x10000, protection: 4, attributes: Commit | SectionAttribute.Based, file: null };
        createSection(mm.context, request);
        const { section } = createSection(mm.context, request);
        if (section !== null) section.basedAddress += 0x10000;
      },
      /reaches into another one/,
    ],
  ];
  it.each(planted)('%s', (_what, plant, sentence) => {
    const mapped = file();
    const mapper = new Mapper();
    mapper.map(mapped);
    expect(mapper.machine.mm.verify()).toBeNull();
    const area = mapped.sectionObjectPointers.dataSectionObject;
    if (area === null) throw new Error('no control area');
    plant(area, mapper.machine);
    expect(mapper.machine.mm.verify()).toMatch(sentence);
  });
});
