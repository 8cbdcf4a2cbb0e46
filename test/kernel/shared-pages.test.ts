import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { createSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { PageLocation } from '../../kernel/mm/layout.js';
import { InheritDisposition, mapViewOfSection, unmapViewOfSection } from '../../kernel/mm/map-view.js';
import { findPte, removeFromWorkingSet } from '../../kernel/mm/page-table.js';
import { protectVirtualMemory } from '../../kernel/mm/protect-virtual-memory.js';
import { PageProtection } from '../../kernel/mm/protection.js';
import type { Section } from '../../kernel/mm/segment.js';
import { MemoryMachine } from './memory-machine.js';

const VIEW = 0x50_0000;

function makeSection(machine: MemoryMachine, pages: number, protection: number): Section {
  const { section, status } = createSection(machine.mm.context, {
    size: pages * 0x1000,
    protection,
    attributes: SectionAttribute.Commit,
    file: null,
  });
  if (section === null) throw new Error(`createSection ${status.toString(16)}`);
  return section;
}

function map(machine: MemoryMachine, section: Section, space: AddressSpace, protection: number): void {
  const { status } = mapViewOfSection(machine.mm.context, section, space, {
    base: VIEW,
    zeroBits: 0,
    commitSize: 0,
    offset: 0,
    size: 0,
    inherit: InheritDisposition.ViewShare,
    allocationType: 0,
    protection,
  });
  expect(status).toBe(0);
}

describe.each([{ pae: true }, { pae: false }])('shared pages, %o', ({ pae }) => {
  it('shows one process what another stored', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    const section = makeSection(machine, 4, PageProtection.ReadWrite);
    const first = machine.createSpace();
    map(machine, section, first, PageProtection.ReadWrite);
    expect(machine.touch(VIEW, AccessKind.Write)).toEqual([FaultOutcome.DemandZero]);
    machine.write(VIEW, 42);
    const second = machine.createSpace();
    map(machine, section, second, PageProtection.ReadOnly);
    expect(machine.touch(VIEW, AccessKind.Read)).toEqual([FaultOutcome.Shared]);
    expect(machine.read(VIEW)).toBe(42);
    expect(machine.touch(VIEW, AccessKind.Write)).toEqual([FaultOutcome.AccessViolation]);
    const frame = mm.format.frame(findPte(mm, second, VIEW));
    expect(mm.pfn.shareCount(frame)).toBe(2);
    expect(mm.pfn.isPrototype(frame)).toBe(true);
    expect(mm.verify()).toBeNull();
  });

  it('copies on the first write through a write-copy view', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    const section = makeSection(machine, 4, PageProtection.ReadWrite);
    const first = machine.createSpace();
    map(machine, section, first, PageProtection.ReadWrite);
    machine.write(VIEW, 1);
    const second = machine.createSpace();
    map(machine, section, second, PageProtection.WriteCopy);
    expect(machine.read(VIEW)).toBe(1);
    expect(machine.touch(VIEW, AccessKind.Write)).toEqual([FaultOutcome.CopyOnWrite]);
    machine.write(VIEW, 2);
    expect(machine.read(VIEW)).toBe(2);
    const copy = mm.format.frame(findPte(mm, second, VIEW));
    expect(mm.pfn.isPrototype(copy)).toBe(false);
    expect(mm.pfn.shareCount(copy)).toBe(1);
    mm.switchAddressSpace(first);
    expect(machine.read(VIEW)).toBe(1);
    expect(mm.verify()).toBeNull();
  });

  it('makes an untouched page private at once through a write-copy view', () => {
    const machine = new MemoryMachine({ pae });
    const section = makeSection(machine, 2, PageProtection.ReadWrite);
    const space = machine.createSpace();
    map(machine, section, space, PageProtection.WriteCopy);
    expect(machine.touch(VIEW, AccessKind.Write)).toEqual([FaultOutcome.DemandZero]);
    expect(space.privatePages).toBe(1);
    expect(machine.mm.verify()).toBeNull();
  });

  it('keeps pages on the modified list when the last view goes, and finds them there', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    const section = makeSection(machine, 2, PageProtection.ReadWrite);
    const space = machine.createSpace();
    map(machine, section, space, PageProtection.ReadWrite);
    machine.write(VIEW + 0x1000, 9);
    const frame = mm.format.frame(findPte(mm, space, VIEW + 0x1000));
    expect(unmapViewOfSection(mm.context, space, VIEW)).toBe(0);
    expect(mm.pfn.location(frame)).toBe(PageLocation.Modified);
    expect(mm.verify()).toBeNull();
    map(machine, section, space, PageProtection.ReadWrite);
    expect(machine.touch(VIEW + 0x1000, AccessKind.Read)).toEqual([FaultOutcome.Transition]);
    expect(machine.read(VIEW + 0x1000)).toBe(9);
    expect(mm.verify()).toBeNull();
  });

  it('remembers a protection of its own across the working set', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    const section = makeSection(machine, 2, PageProtection.ReadWrite);
    const space = machine.createSpace();
    map(machine, section, space, PageProtection.ReadWrite);
    machine.write(VIEW, 3);
    expect(protectVirtualMemory(mm.context, space, VIEW, 0x1000, PageProtection.ReadOnly).oldProtection).toBe(
      PageProtection.ReadWrite,
    );
    removeFromWorkingSet(mm, space, VIEW);
    expect(mm.verify()).toBeNull();
    expect(machine.touch(VIEW, AccessKind.Write)).toEqual([FaultOutcome.AccessViolation]);
    expect(machine.read(VIEW)).toBe(3);
    expect(protectVirtualMemory(mm.context, space, VIEW, 0x1000, PageProtection.ReadWrite).oldProtection).toBe(
      PageProtection.ReadOnly,
    );
    expect(machine.write(VIEW, 4)).toBe(true);
    expect(mm.verify()).toBeNull();
  });

  it('shows KUSER_SHARED_DATA to every process, read-only', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    mm.system.write32(0xffdf_026c, 5);
    machine.createSpace();
    expect(machine.read(0x7ffe_026c)).toBe(5);
    expect(machine.touch(0x7ffe_026c, AccessKind.Write)).toEqual([FaultOutcome.AccessViolation]);
    expect(machine.touch(0x7ffe_1000, AccessKind.Read)).toEqual([FaultOutcome.AccessViolation]);
    mm.system.write32(0xffdf_026c, 6);
    expect(machine.read(0x7ffe_026c)).toBe(6);
    expect(mm.verify()).toBeNull();
  });
});

describe('private pages that leave the working set', () => {
  it('go to the modified list and come back with their contents', () => {
    const machine = new MemoryMachine();
    const { mm } = machine;
    const space = machine.createSpace();
    machine.reserve(space, 0x10000, 16, 4, true);
    machine.write(0x10000, 77);
    expect(protectVirtualMemory(mm.context, space, 0x10000, 0x1000, PageProtection.NoAccess).status).toBe(0);
    expect(mm.lists.modifiedPages).toBe(1);
    expect(mm.verify()).toBeNull();
    expect(machine.read(0x10000)).toBe(-1);
    protectVirtualMemory(mm.context, space, 0x10000, 0x1000, PageProtection.ReadWrite);
    expect(machine.touch(0x10000, AccessKind.Read)).toEqual([FaultOutcome.Transition]);
    expect(machine.read(0x10000)).toBe(77);
    expect(mm.verify()).toBeNull();
  });

  it.each([
    { noExecute: 'alwayson', enable: false, disable: false, executes: false },
    { noExecute: 'alwayson', enable: true, disable: false, executes: false },
    { noExecute: 'optout', enable: false, disable: false, executes: false },
    { noExecute: 'optout', enable: true, disable: false, executes: true },
    { noExecute: 'optin', enable: false, disable: false, executes: true },
    { noExecute: 'optin', enable: false, disable: true, executes: false },
    { noExecute: 'alwaysoff', enable: false, disable: true, executes: true },
  ] as const)('execute data as policy and process say, %o', ({ noExecute, enable, disable, executes }) => {
    const machine = new MemoryMachine({ pae: true, noExecute });
    const space = machine.createSpace();
    space.executeEnable = enable;
    space.executeDisable = disable;
    machine.reserve(space, 0x10000, 16, 4, true);
    machine.write(0x10000, 0xc3);
    const outcome = executes ? FaultOutcome.Refault : FaultOutcome.AccessViolation;
    expect(machine.touch(0x10000, AccessKind.Execute)).toEqual([outcome]);
    expect(machine.mm.verify()).toBeNull();
  });
});
