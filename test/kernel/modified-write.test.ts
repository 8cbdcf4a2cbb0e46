import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { createSection, releaseSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { flushDataPages } from '../../kernel/mm/flush-pages.js';
import { PageLocation } from '../../kernel/mm/layout.js';
import { mapViewOfSection, unmapViewOfSection } from '../../kernel/mm/map-view.js';
import { disableModifiedWrite, enableModifiedWrite } from '../../kernel/mm/modified-write.js';
import { startWrite } from '../../kernel/mm/modified-writer.js';
import { removeFromWorkingSet } from '../../kernel/mm/page-table.js';
import type { Section } from '../../kernel/mm/section.js';
import { MemoryMachine } from './memory-machine.js';
import { TestFile } from './portable-executable.js';

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

/** A file of four pages and a section of it. */
function setUp(): { machine: MemoryMachine; space: AddressSpace; file: TestFile; section: Section; map: () => number } {
  const machine = new MemoryMachine();
  const space = machine.createSpace();
  const { context } = machine.mm;
  const file = new TestFile(new Uint8Array(0x4000).fill(0x11));
  const { section } = createSection(context, { size: 0, protection: 4, attributes: SectionAttribute.Commit, file });
  if (section === null) throw new Error('no section');
  return { machine, space, file, section, map: () => mapViewOfSection(context, section, space, VIEW).base };
}

describe('a file whose modified pages nobody may write on his own account', () => {
  it('has them on the modified-no-write list, where the page writers leave them, until it is flushed', () => {
    const { machine, space, file, section, map } = setUp();
    const { mm } = machine;
    expect(disableModifiedWrite(mm, file.sectionObjectPointers)).toBe(true);
    const base = map();
    // Its log says in which order pages are written: they are read and written one by one.
    machine.write(base, 0x77);
    expect(mm.counters.pagesRead).toBe(1);
    removeFromWorkingSet(mm, space, base);
    expect(mm.lists).toMatchObject({ modifiedNoWrite: { total: 1 }, modifiedPages: 0 });
    expect(mm.verify()).toBeNull();
    expect(startWrite(mm)).toBe(false);
    expect(file.bytes[0]).toBe(0x11);

    // A soft fault finds the page there, and it is still modified.
    expect(machine.touch(base, AccessKind.Read)).toEqual([FaultOutcome.Transition]);
    expect(machine.read(base)).toBe(0x77);
    removeFromWorkingSet(mm, space, base);
    expect(mm.lists.modifiedNoWrite.total).toBe(1);

    expect(flushDataPages(mm, section.controlArea, 0, 4)).toBe(0);
    expect(file.bytes[0]).toBe(0x77);
    expect(mm.lists).toMatchObject({ modifiedNoWrite: { total: 0 } });
    expect(mm.pfn.location(mm.lists.standby.flink)).toBe(PageLocation.Standby);
    expect(mm.verify()).toBeNull();
    unmapViewOfSection(mm.context, space, base);
    releaseSection(mm.context, section);
    expect(mm.verify()).toBeNull();
  });

  it('gets them written again when that is enabled', () => {
    const { machine, space, file, map } = setUp();
    const { mm } = machine;
    disableModifiedWrite(mm, file.sectionObjectPointers);
    const base = map();
    for (const page of [0, 1, 2]) {
      machine.write(base + page * 0x1000, 0x77);
      removeFromWorkingSet(mm, space, base + page * 0x1000);
    }
    expect(mm.lists.modifiedNoWrite.total).toBe(3);
    expect(enableModifiedWrite(mm, file.sectionObjectPointers)).toBe(true);
    expect(mm.lists).toMatchObject({ modifiedNoWrite: { total: 0 }, modifiedMapped: { total: 3 } });
    expect(mm.verify()).toBeNull();
    expect(startWrite(mm)).toBe(true);
    expect(file.bytes[0x2000]).toBe(0x77);
    expect(mm.verify()).toBeNull();
  });

  it('must have no view when that begins, and a data section', () => {
    const { machine, file, map } = setUp();
    map();
    expect(disableModifiedWrite(machine.mm, file.sectionObjectPointers)).toBe(false);
    const none = { dataSectionObject: null, imageSectionObject: null };
    expect(disableModifiedWrite(machine.mm, none)).toBe(false);
    expect(enableModifiedWrite(machine.mm, none)).toBe(false);
  });

  it('is noticed by the verifier when one of its pages is on the wrong list', () => {
    const { machine, space, file, map } = setUp();
    const { mm } = machine;
    disableModifiedWrite(mm, file.sectionObjectPointers);
    const base = map();
    machine.write(base, 0x77);
    removeFromWorkingSet(mm, space, base);
    const area = file.sectionObjectPointers.dataSectionObject;
    if (area !== null) area.noModifiedWriting = false;
    expect(mm.verify()).toMatch(/is on page list 4 but may be written/);
  });
});
