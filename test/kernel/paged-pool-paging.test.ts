import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import { PoolType } from '../../kernel/ex/pool.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { createSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { PageLocation, SYSTEM_CACHE_WORKING_SET_LIST } from '../../kernel/mm/layout.js';
import { mapViewOfSection, unmapViewOfSection } from '../../kernel/mm/map-view.js';
import type { MemoryManager } from '../../kernel/mm/memory-manager.js';
import { MemoryPagingStorage } from '../../kernel/mm/paging-storage.js';
import { queryVirtualMemory } from '../../kernel/mm/query-virtual-memory.js';
import { systemPte } from '../../kernel/mm/system-pages.js';
import { ageWorkingSet, emptyWorkingSet, trimWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { Status } from '../../kernel/ntstatus.js';
import { MemoryMachine, TestBugcheck } from './memory-machine.js';
import { evict, evictWithPageTables, repurposeStandby, writeModified } from './page-out.js';

const READWRITE = 4;
const VIEW = 0x4000000;
const { PageFile } = FaultOutcome;

describe.each([{ pae: true }, { pae: false }])('paged pool, %o', ({ pae }) => {
  let machine: MemoryMachine;
  let mm: MemoryManager;

  beforeEach(() => {
    machine = new MemoryMachine({ pae, megabytes: 16 });
    mm = machine.mm;
    mm.paging.create('pagefile', 2048, 2048, new MemoryPagingStorage());
  });

  const big = (pages: number): number => mm.pool.allocate(PoolType.Paged, pages * 0x1000, 'Test');
  const pageOutPool = (): void => {
    emptyWorkingSet(mm, mm.systemCache);
    writeModified(mm);
    repurposeStandby(mm);
  };

  it('gets its frames when it is touched, and charges commitment when it is allocated', () => {
    const { charged } = mm.commit;
    const block = big(8);
    expect(mm.commit.charged - charged).toBeGreaterThanOrEqual(8);
    expect(mm.format.isDemandZero(systemPte(mm, block))).toBe(true);
    mm.system.write32(block + 0x3000, 7);
    expect(mm.format.isValid(systemPte(mm, block + 0x3000))).toBe(true);
    expect(mm.format.isDemandZero(systemPte(mm, block))).toBe(true);
    expect(mm.systemCache.privatePages).toBe(1);
    expect(mm.verify()).toBeNull();
  });

  it('has a working set of its own, as bytes at C0C00000', () => {
    const block = big(1);
    mm.system.write32(block, 1);
    const { workingSet } = mm.systemCache;
    const index = mm.pfn.wsIndex(mm.format.frame(systemPte(mm, block)));
    expect(mm.system.read32(SYSTEM_CACHE_WORKING_SET_LIST + 4)).toBe(workingSet.firstDynamic);
    const wsle = mm.system.read32(mm.system.read32(SYSTEM_CACHE_WORKING_SET_LIST + 0x10) + index * 4);
    expect(wsle >>> 12).toBe(block >>> 12);
    expect(mm.verify()).toBeNull();
  });

  it('is trimmed, written, read back; values stay', () => {
    const block = big(20);
    for (let page = 0; page < 20; page++) mm.system.write32(block + page * 0x1000, page * 3 + 1);
    emptyWorkingSet(mm, mm.systemCache);
    const at = systemPte(mm, block);
    expect(mm.format.isTransition(at)).toBe(true);
    expect(mm.pfn.location(mm.format.transitionFrame(at))).toBe(PageLocation.Modified);
    expect(mm.verify()).toBeNull();
    expect(mm.system.read32(block + 0x1000)).toBe(4);
    pageOutPool();
    expect(mm.format.pageFileOffset(at)).not.toBe(0);
    expect(mm.paging.files[0]?.usage).toBe(20);
    expect(mm.verify()).toBeNull();
    const before = mm.counters.pagingFileFaults;
    for (let page = 0; page < 20; page++) expect(mm.system.read32(block + page * 0x1000)).toBe(page * 3 + 1);
    expect(mm.counters.pagingFileFaults - before).toBe(20);
    expect(mm.verify()).toBeNull();
  });

  it('is aged and trimmed by age', () => {
    const block = big(4);
    for (let page = 0; page < 4; page++) mm.system.write32(block + page * 0x1000, page);
    for (let round = 0; round < 3; round++) ageWorkingSet(mm, mm.systemCache);
    mm.system.read32(block);
    expect(trimWorkingSet(mm, mm.systemCache, 10, 2)).toBe(3);
    expect(mm.format.isValid(systemPte(mm, block))).toBe(true);
    expect(mm.verify()).toBeNull();
  });

  it('gives back slots and pages in whatever state they are', () => {
    const first = big(6);
    const second = big(6);
    for (let page = 0; page < 5; page++) mm.system.write32(first + page * 0x1000, page);
    pageOutPool();
    mm.system.read32(first);
    mm.system.read32(first + 0x1000);
    trimWorkingSet(mm, mm.systemCache, 1, 0);
    mm.pool.free(first);
    expect(mm.paging.files[0]?.usage).toBe(0);
    expect(mm.systemCache.privatePages).toBe(0);
    expect(mm.verify()).toBeNull();
    mm.pool.free(second);
    expect(mm.verify()).toBeNull();
  });

  it('holds small blocks whose headers come back with them', () => {
    const blocks = Array.from({ length: 300 }, () => mm.pool.allocate(PoolType.Paged, 100, 'Smal'));
    pageOutPool();
    expect(mm.verify()).toBeNull();
    for (const block of blocks) mm.pool.free(block);
    expect(mm.systemCache.privatePages).toBe(0);
    expect(mm.verify()).toBeNull();
  });

  it('cannot be read: KERNEL_DATA_INPAGE_ERROR with PTE address, status, address and PTE', () => {
    const block = big(2);
    mm.system.write32(block, 1);
    pageOutPool();
    const contents = mm.format.low(systemPte(mm, block));
    mm.paging.device.inject = () => Status.DEVICE_DATA_ERROR;
    let stop: unknown = null;
    try {
      mm.system.read32(block + 0x10);
    } catch (error) {
      stop = error;
    }
    expect(stop).toBeInstanceOf(TestBugcheck);
    const { code, parameters } = stop as TestBugcheck;
    expect([code, ...parameters].map((value) => value >>> 0)).toEqual([
      0x7a,
      mm.format.pteAddress(block),
      Status.DEVICE_DATA_ERROR >>> 0,
      block,
      contents >>> 0,
    ]);
  });

  describe('with prototype PTEs', () => {
    let space: AddressSpace;
    const map = (into: AddressSpace, pages: number) => {
      const request = { size: pages * 0x1000, protection: READWRITE, attributes: SectionAttribute.Commit, file: null };
      const { section } = createSection(mm.context, request);
      if (section === null) throw new Error('no section');
      const view = { base: VIEW, zeroBits: 0, commitSize: 0, offset: 0, size: 0, inherit: 1, allocationType: 0 };
      mapViewOfSection(mm.context, section, into, { ...view, protection: READWRITE });
      return section;
    };

    beforeEach(() => {
      space = machine.createSpace();
    });

    it('stays while one of them is valid or in transition', () => {
      const section = map(space, 4);
      machine.write(VIEW, 5);
      const home = systemPte(mm, section.segment.prototypePte(0));
      emptyWorkingSet(mm, mm.systemCache);
      expect(mm.format.isValid(home)).toBe(true);
      emptyWorkingSet(mm, space);
      emptyWorkingSet(mm, mm.systemCache);
      expect(mm.format.isValid(home)).toBe(true);
      writeModified(mm);
      repurposeStandby(mm);
      emptyWorkingSet(mm, mm.systemCache);
      expect(mm.format.isTransition(home)).toBe(true);
      expect(mm.verify()).toBeNull();
    });

    it('one access takes three hard faults: page table, prototype PTE page, page', () => {
      map(space, 4);
      for (let page = 0; page < 4; page++) machine.write(VIEW + page * 0x1000, page + 9);
      evictWithPageTables(mm, space);
      pageOutPool();
      expect(mm.verify()).toBeNull();
      expect(machine.touch(VIEW, AccessKind.Read)).toEqual([PageFile, PageFile, PageFile]);
      for (let page = 0; page < 4; page++) expect(machine.read(VIEW + page * 0x1000)).toBe(page + 9);
      expect(mm.verify()).toBeNull();
    });

    it('is brought in by queries and by the end of the section', () => {
      map(space, 4);
      machine.write(VIEW, 1);
      evictWithPageTables(mm, space);
      pageOutPool();
      expect(queryVirtualMemory(mm, space, VIEW).information?.regionSize).toBe(0x4000);
      expect(mm.verify()).toBeNull();
      evictWithPageTables(mm, space);
      pageOutPool();
      unmapViewOfSection(mm.context, space, VIEW);
      expect(mm.verify()).toBeNull();
    });

    it('two threads wait for one page of prototype PTEs', () => {
      map(space, 4);
      machine.write(VIEW, 1);
      machine.write(VIEW + 0x1000, 2);
      evict(mm, space);
      pageOutPool();
      machine.reserve(space, 0x1000000, 1, READWRITE, true);
      mm.pageFault(VIEW, 4);
      const table = mm.lastFault.read;
      while (mm.paging.device.finishFirst());
      if (table !== null) mm.completePageRead(table, VIEW, 0);
      mm.pageFault(VIEW, 4);
      const first = mm.lastFault.read;
      mm.pageFault(VIEW + 0x1000, 4);
      expect(mm.lastFault).toMatchObject({ startedRead: false, read: first });
      while (mm.paging.device.finishFirst());
      if (first !== null) mm.completePageRead(first, VIEW, 0);
      expect(machine.read(VIEW + 0x1000)).toBe(2);
      expect(machine.read(VIEW)).toBe(1);
      expect(mm.verify()).toBeNull();
    });

    it('random use of two processes loses nothing', () => {
      const step = fc.record({
        who: fc.integer({ min: 0, max: 1 }),
        page: fc.integer({ min: 0, max: 40 }),
        what: fc.constantFrom('write', 'read', 'trim', 'evict', 'trim pool', 'evict pool'),
        value: fc.integer({ min: 1, max: 255 }),
      });
      fc.assert(
        fc.property(fc.array(step, { minLength: 20, maxLength: 50 }), (steps) => {
          machine = new MemoryMachine({ pae, megabytes: 8 });
          mm = machine.mm;
          mm.paging.create('pagefile', 1024, 1024, new MemoryPagingStorage());
          const request = { size: 41 * 0x1000, protection: READWRITE, attributes: SectionAttribute.Commit, file: null };
          const { section } = createSection(mm.context, request);
          const spaces = [machine.createSpace(), machine.createSpace()];
          const view = { base: VIEW, zeroBits: 0, commitSize: 0, offset: 0, size: 0, inherit: 1, allocationType: 0 };
          for (const each of spaces) {
            if (section !== null) mapViewOfSection(mm.context, section, each, { ...view, protection: READWRITE });
          }
          const model = new Uint8Array(41);
          for (const { who, page, what, value } of steps) {
            const each = spaces[who];
            if (each === undefined) continue;
            mm.switchAddressSpace(each);
            if (what === 'write') {
              expect(machine.write(VIEW + page * 0x1000, value)).toBe(true);
              model[page] = value;
            } else if (what === 'read') expect(machine.read(VIEW + page * 0x1000)).toBe(model[page]);
            else if (what === 'trim') emptyWorkingSet(mm, each);
            else if (what === 'evict') evictWithPageTables(mm, each);
            else if (what === 'trim pool') emptyWorkingSet(mm, mm.systemCache);
            else pageOutPool();
            expect(mm.verify()).toBeNull();
          }
        }),
        { numRuns: 3, seed: 3 },
      );
    });
  });
});
