import { describe, expect, it } from 'vitest';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { allocateVirtualMemory, MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { createSection, releaseSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { COLORS } from '../../kernel/mm/page-lists.js';
import { manageWorkingSets } from '../../kernel/mm/working-set-manager.js';
import { BareProcess, code } from './bare-process.js';

const BASE = 0x1000000;

function setUp(program = code('eb fe')): { guest: BareProcess; space: AddressSpace } {
  const guest = new BareProcess(program);
  const space = guest.process.pcb.addressSpace;
  if (space === null) throw new Error('no address space');
  return { guest, space };
}

/** Commits pages and stores to each of them, as kernel code in the process. */
function fill(guest: BareProcess, space: AddressSpace, pages: number): void {
  const { kernel } = guest;
  const request = {
    base: BASE,
    zeroBits: 0,
    size: pages * 0x1000,
    type: MemoryType.Commit | MemoryType.Reserve,
    protection: 4,
  };
  expect(allocateVirtualMemory(kernel, space, request).status).toBe(0);
  guest.inProcess(function* () {
    for (let page = 0; page < pages; page++) kernel.user.write32(BASE + page * 0x1000, page);
    yield* [];
  });
}

describe('the system threads of memory management', () => {
  it('run in the System process with the priorities of NT', () => {
    const { guest } = setUp();
    const priorities = guest.kernel.systemProcess.threads.map((thread) => thread.basePriority);
    // Behind them come the threads of the cache manager.
    expect(priorities.slice(0, 6)).toEqual([17, 17, 18, 16, 23, 0]);
  });

  it('working set manager: leaves everybody alone while memory is plentiful, but for their age', () => {
    const { guest, space } = setUp();
    fill(guest, space, 100);
    const before = space.workingSetSize;
    guest.inProcess(() => manageWorkingSets(guest.kernel));
    expect(space.workingSetSize).toBe(before);
    expect(guest.kernel.mm.verify()).toBeNull();
  });

  it('working set manager: trims idle pages when few are available, and wakes the modified writer', () => {
    const { guest, space } = setUp();
    const { mm } = guest.kernel;
    fill(guest, space, mm.lists.availablePages - 300);
    expect(mm.lists.availablePages).toBeLessThan(400);
    const before = space.workingSetSize;
    for (let round = 0; round < 8; round++) {
      mm.signal(mm.workingSetManagerEvent);
      guest.run(60_000_000);
    }
    expect(space.workingSetSize).toBeLessThan(before);
    expect(mm.counters.pageWriteIos).toBeGreaterThan(0);
    expect(mm.lists.standby.total).toBeGreaterThan(0);
    expect(mm.verify()).toBeNull();
    guest.inProcess(function* () {
      for (let page = 0; page < 1000; page++) expect(guest.kernel.user.read32(BASE + page * 0x1000)).toBe(page);
      yield* [];
    });
    expect(mm.verify()).toBeNull();
  });

  it('balance set manager: comes every second of virtual time', () => {
    const { guest, space } = setUp();
    fill(guest, space, 50);
    const aged = space.vm.nextAgingSlot;
    guest.run(2_500_000_000 / 100);
    expect(space.vm.nextAgingSlot).toBe(aged);
    const { clock } = guest.kernel;
    clock.skip(1_100_000_000);
    guest.run(20_000_000);
    expect(space.vm.nextAgingSlot).not.toBe(aged);
    expect(guest.kernel.mm.verify()).toBeNull();
  });

  it('zero page thread: clears free pages once nothing else runs, and does not hide a deadlock', () => {
    const { guest } = setUp();
    const { mm, ke, runLoop } = guest.kernel;
    for (let taken = 0; taken < 20; taken++) mm.lists.insertFree(mm.lists.removeZeroPage(taken));
    mm.signal(mm.zeroPageEvent);
    guest.run(1_000_000);
    expect(mm.lists.free.total).toBe(20);
    ke.suspendThread(guest.thread);
    expect(runLoop.run(1_000_000, () => false)).toBe('deadlock');
    expect(mm.lists.free.total).toBe(0);
    expect(mm.verify()).toBeNull();
  });

  it('zero page thread: clears the oldest page of each colour at a time, 32 at the most', () => {
    const { lists } = setUp().guest.kernel.mm;
    const frames: number[] = [];
    while (frames.length < 3 * COLORS) frames.push(lists.removeZeroPage(frames.length));
    for (const frame of frames) lists.insertFree(frame);
    lists.zeroFreePages(32);
    expect(lists.free.total).toBe(3 * COLORS - 32);
    const counts = Array.from({ length: COLORS }, (_, color) => lists.freeByColor.count[color]);
    expect(counts).toEqual([...Array<number>(32).fill(2), ...Array<number>(32).fill(3)]);
    // The next batch goes on with the next colours.
    lists.zeroFreePages(32);
    expect(new Set(lists.freeByColor.count)).toEqual(new Set([2]));
    for (let batch = 0; batch < 4; batch++) lists.zeroFreePages(32);
    expect(lists.free.total).toBe(0);
    lists.zeroFreePages(32);
    expect(lists.free.total).toBe(0);
  });

  it('dereference segment thread: deletes page-file memory that nobody refers to, and what it was charged comes back', () => {
    const { guest } = setUp();
    const { mm, ke } = guest.kernel;
    guest.inProcess(function* () {
      const { charged } = mm.commit;
      const request = { size: 0x8000, protection: 4, attributes: SectionAttribute.Commit, file: null };
      const { section } = createSection(mm.context, request);
      if (section === null) throw new Error('no section');
      // Its priority is 18, and this thread is not waiting yet.
      releaseSection(mm.context, section);
      expect(mm.dereference.segmentsToDelete).toEqual([section.controlArea]);
      expect(mm.commit.charged).toBe(charged + 8);
      expect(mm.verify()).toBeNull();
      yield* ke.yieldExecution();
      expect(mm.dereference.segmentsToDelete).toEqual([]);
      expect(mm.commit.charged).toBe(charged);
    });
    expect(mm.verify()).toBeNull();
  });
});
