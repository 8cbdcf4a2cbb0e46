import { describe, expect, it } from 'vitest';
import { allocateVirtualMemory } from '../../kernel/mm/allocate-virtual-memory.js';
import { createSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { mapViewOfSection } from '../../kernel/mm/map-view.js';
import { workingSetPte } from '../../kernel/mm/working-set.js';
import { MemoryPriority } from '../../kernel/mm/working-set-limits.js';
import { WorkingSetManager } from '../../kernel/mm/working-set-manager.js';
import { claimShare, considerGrowth, emptyWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { Status } from '../../kernel/ntstatus.js';
import { BareProcess, code } from './bare-process.js';
import { TestFile } from './portable-executable.js';

const SPIN = code('eb fe');
const BASE = 0x1000000;
const PAGES = 120;
const SECOND = 10_000_000n;

function setUp(nanosecondsPerInstruction = 1) {
  const guest = new BareProcess(SPIN, { nanosecondsPerInstruction });
  const space = guest.process.pcb.addressSpace;
  if (space === null) throw new Error('no address space');
  return { guest, space, kernel: guest.kernel };
}

describe('how closely working sets are looked at', () => {
  it('less after a minute of enough memory, more after two seconds of too little, between shifts of 3 and 7', () => {
    const manager = new WorkingSetManager(4, 5);
    const shifts = (isEnough: boolean, seconds: number): readonly number[] => {
      manager.adjustShifts(isEnough, BigInt(Math.round(seconds * 10)) * (SECOND / 10n));
      return [manager.agingShift, manager.estimationShift];
    };
    expect(shifts(true, 59.9)).toEqual([4, 5]);
    expect(shifts(true, 60)).toEqual([5, 6]);
    expect(shifts(true, 119)).toEqual([5, 6]);
    expect(shifts(true, 120)).toEqual([6, 7]);
    expect(shifts(true, 180)).toEqual([7, 7]);
    expect(shifts(true, 240)).toEqual([7, 7]);
    expect(shifts(false, 241.9)).toEqual([7, 7]);
    expect(shifts(false, 242)).toEqual([6, 6]);
    for (let seconds = 244; seconds < 254; seconds += 2) shifts(false, seconds);
    expect(shifts(false, 254)).toEqual([3, 3]);
  });

  it('in a machine with enough memory: less from minute to minute', () => {
    const { guest, kernel } = setUp(1_000_000);
    const { workingSetManager: manager } = kernel.mm;
    const before = manager.agingShift;
    guest.run(62_000);
    expect(manager.agingShift).toBe(before + 1);
    guest.run(60_000);
    expect(manager.agingShift).toBe(before + 2);
    expect(kernel.mm.verify()).toBeNull();
  });
});

describe('memory priority', () => {
  it.each([
    [MemoryPriority.Background, 40],
    [MemoryPriority.Foreground, 10],
  ])('%i: of a claim of 80 pages %i are asked for, and old pages leave', (priority, share) => {
    const { guest, space, kernel } = setUp();
    const { mm } = kernel;
    const request = { base: BASE, zeroBits: 0, size: PAGES * 0x1000, type: 0x3000, protection: 4 };
    expect(allocateVirtualMemory(kernel, space, request).status).toBe(Status.SUCCESS);
    guest.inProcess(function* () {
      for (let page = 0; page < PAGES; page++) kernel.user.write32(BASE + page * 0x1000, page);
      yield* [];
    });
    const list = space.workingSet;
    for (let index = list.firstDynamic; index <= list.lastEntry; index++) {
      mm.format.setAccessed(workingSetPte(mm, space, list.vpn(index)), false);
      list.setAge(index, 2);
    }
    space.vm.memoryPriority = priority;
    space.vm.claim = 80;
    expect(claimShare(space)).toBe(share);
    const before = space.workingSetSize;
    space.vm.forceTrim = true;
    considerGrowth(mm, space);
    expect(before - space.workingSetSize).toBe(share);
    expect(space.vm.forceTrim).toBe(false);
  });
});

describe('changed pages of mapped files', () => {
  it('are written 300 seconds after the first of them came to the modified list, needed or not', () => {
    const { guest, space, kernel } = setUp(1_000_000);
    const { mm } = kernel;
    const file = new TestFile(new Uint8Array(0x1000));
    const { section } = createSection(kernel, {
      size: 0,
      protection: 4,
      attributes: SectionAttribute.Commit,
      file,
    });
    if (section === null) throw new Error('no section');
    const view = {
      base: 0,
      zeroBits: 0,
      commitSize: 0,
      offset: 0,
      size: 0,
      inherit: 1,
      allocationType: 0,
      protection: 4,
    };
    const { base } = mapViewOfSection(kernel, section, space, view);
    guest.inProcess(function* () {
      yield* kernel.user.probeForWrite(base, 4, 4);
      kernel.user.write32(base, 0x4711);
    });
    emptyWorkingSet(mm, space);
    expect(mm.lists.modifiedMapped.total).toBe(1);
    guest.run(299_000);
    expect(mm.lists.modifiedMapped.total).toBe(1);
    expect(file.bytes[0]).toBe(0);
    guest.run(2_000);
    expect(mm.lists.modifiedMapped.total).toBe(0);
    expect(file.bytes[0]).toBe(0x11);
    expect(mm.verify()).toBeNull();
  });
});
