import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { allocateVirtualMemory, MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { cleanAddressSpace } from '../../kernel/mm/clean-address-space.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { freeVirtualMemory } from '../../kernel/mm/free-virtual-memory.js';
import { PageLocation } from '../../kernel/mm/layout.js';
import { lockPages } from '../../kernel/mm/lock-virtual-memory.js';
import type { MemoryManager } from '../../kernel/mm/memory-manager.js';
import { processOverheadPages } from '../../kernel/mm/page-directory.js';
import { findPte, pdeLocation } from '../../kernel/mm/page-table.js';
import { MemoryPagingStorage } from '../../kernel/mm/paging-storage.js';
import { protectVirtualMemory } from '../../kernel/mm/protect-virtual-memory.js';
import { NO_PTE } from '../../kernel/mm/pte.js';
import { queryVirtualMemory } from '../../kernel/mm/query-virtual-memory.js';
import { ageWorkingSet, emptyWorkingSet, trimWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { Status } from '../../kernel/ntstatus.js';
import { BareProcess, code, DATA, STACK_BASE } from './bare-process.js';
import { MemoryMachine, TestBugcheck } from './memory-machine.js';
import { evict, evictWithPageTables, repurposeStandby, writeModified } from './page-out.js';

const BASE = 0x1000000;
const PAGES = 64;
const READWRITE = 4;
const READONLY = 2;
const MAP_PROCESS = 1;
const { PageFile } = FaultOutcome;

describe.each([{ pae: true }, { pae: false }])('a page table of the user half, %o', ({ pae }) => {
  let machine: MemoryMachine;
  let mm: MemoryManager;
  let space: AddressSpace;

  beforeEach(() => {
    machine = new MemoryMachine({ pae, megabytes: 16 });
    mm = machine.mm;
    mm.paging.create('pagefile', 2048, 2048, new MemoryPagingStorage());
    space = machine.createSpace();
    machine.reserve(space, BASE, PAGES, READWRITE, true);
    for (let page = 0; page < 4; page++) machine.write(BASE + page * 0x1000, 0x40 + page);
  });

  const pde = () => pdeLocation(mm, space, BASE);
  const isPagedOut = () => !mm.format.isValid(pde()) && !mm.format.isTransition(pde()) && !mm.format.isZero(pde());

  it('stays while a PTE in it is valid or in transition', () => {
    const table = mm.format.frame(pde());
    expect(mm.pfn.shareCount(table)).toBe(5);
    emptyWorkingSet(mm, space);
    expect(mm.pfn.shareCount(table)).toBe(5);
    expect(mm.format.isValid(pde())).toBe(true);
    evict(mm, space);
    expect(mm.pfn.shareCount(table)).toBe(1);
    expect(mm.verify()).toBeNull();
  });

  it('is trimmed like any page when it holds none, and its PDE goes to transition', () => {
    evict(mm, space);
    const table = mm.format.frame(pde());
    emptyWorkingSet(mm, space);
    expect(space.workingSetSize).toBe(processOverheadPages(mm));
    expect(mm.format.isTransition(pde())).toBe(true);
    expect(mm.format.transitionFrame(pde())).toBe(table);
    expect(mm.pfn.location(table)).toBe(PageLocation.Modified);
    expect(findPte(mm, space, BASE)).toBe(NO_PTE);
    expect(mm.verify()).toBeNull();
  });

  it('is aged with the rest', () => {
    evict(mm, space);
    for (let round = 0; round < 3; round++) ageWorkingSet(mm, space);
    expect(trimWorkingSet(mm, space, 10, 2)).toBe(1);
    expect(mm.format.isTransition(pde())).toBe(true);
  });

  it('comes back softly from the modified list, and the same fault goes on to its page', () => {
    evict(mm, space);
    emptyWorkingSet(mm, space);
    const before = mm.counters.transitionFaults;
    expect(machine.touch(BASE, AccessKind.Read)).toEqual([PageFile]);
    expect(mm.counters.transitionFaults).toBe(before + 1);
    expect(machine.read(BASE + 0x1000)).toBe(0x41);
    expect(mm.verify()).toBeNull();
  });

  it('comes back from the standby list too', () => {
    evict(mm, space);
    emptyWorkingSet(mm, space);
    writeModified(mm);
    expect(mm.pfn.location(mm.format.transitionFrame(pde()))).toBe(PageLocation.Standby);
    expect(mm.verify()).toBeNull();
    expect(machine.read(BASE + 0x3000)).toBe(0x43);
    expect(mm.verify()).toBeNull();
  });

  it('is read from the paging file: one access takes two hard faults', () => {
    evictWithPageTables(mm, space);
    expect(isPagedOut()).toBe(true);
    expect(mm.format.protection(pde())).toBe(READWRITE);
    expect(mm.paging.files[0]?.usage).toBe(5);
    expect(mm.verify()).toBeNull();
    expect(machine.touch(BASE, AccessKind.Write)).toEqual([PageFile, PageFile]);
    for (let page = 0; page < 4; page++) expect(machine.read(BASE + page * 0x1000)).toBe(0x40 + page);
    emptyWorkingSet(mm, space);
    expect(mm.paging.files[0]?.usage).toBe(4);
    expect(mm.verify()).toBeNull();
  });

  it('has an entry in the working set again when it is back', () => {
    evictWithPageTables(mm, space);
    machine.read(BASE);
    expect(space.workingSetSize).toBe(processOverheadPages(mm) + 2);
    expect(machine.touch(mm.format.pteAddress(BASE), AccessKind.Read)).toEqual([FaultOutcome.AccessViolation]);
  });

  it('cannot be read: KERNEL_DATA_INPAGE_ERROR with PTE address, status, address and PTE', () => {
    evictWithPageTables(mm, space);
    const contents = mm.format.low(pde());
    mm.paging.device.inject = () => Status.DEVICE_DATA_ERROR;
    let stop: TestBugcheck | null = null;
    try {
      machine.read(BASE);
    } catch (error) {
      if (error instanceof TestBugcheck) stop = error;
    }
    expect(stop?.code).toBe(0x7a);
    const table = mm.format.pteAddress(BASE) & ~0xfff;
    expect(stop?.parameters.map((value) => value >>> 0)).toEqual([
      mm.format.pdeAddress(BASE),
      Status.DEVICE_DATA_ERROR >>> 0,
      table >>> 0,
      contents >>> 0,
    ]);
  });

  it('is not taken while a fault has its PTE in hand', () => {
    // The fault of a page whose table holds nothing else replaces a page, which must not be the table.
    machine.reserve(space, 0x4000000, 4, READWRITE, true);
    machine.write(0x4000000, 9);
    evict(mm, space);
    machine.write(BASE, 1);
    emptyWorkingSet(mm, space);
    space.vm.hardMaximum = true;
    mm.resident.charge('workingSets', 1 - space.vm.minimum);
    space.vm.minimum = 1;
    space.vm.maximum = space.workingSetSize;
    for (let round = 0; round < 4; round++) ageWorkingSet(mm, space);
    expect(machine.read(0x4000000)).toBe(9);
    expect(machine.read(BASE)).toBe(1);
    expect(mm.verify()).toBeNull();
  });

  describe('that was paged out is brought in by', () => {
    const end = PAGES * 0x1000;
    beforeEach(() => evictWithPageTables(mm, space));
    const allocate = (type: number, protection = READWRITE) =>
      allocateVirtualMemory(mm.context, space, { base: BASE, zeroBits: 0, size: 0x2000, type, protection }).status;

    it.each([
      ['a query', () => queryVirtualMemory(mm, space, BASE).information?.regionSize, end],
      ['protection', () => protectVirtualMemory(mm.context, space, BASE, 0x1000, READONLY).oldProtection, READWRITE],
      ['a commit', () => allocate(MemoryType.Commit), Status.SUCCESS],
      ['a commit with another protection', () => allocate(MemoryType.Commit, READONLY), Status.SUCCESS],
      ['a decommit', () => freeVirtualMemory(mm.context, space, BASE, 0x2000, MemoryType.Decommit).size, 0x2000],
    ])('%s', (_name, act, result) => {
      expect(act()).toBe(result);
      expect(mm.format.isValid(pde())).toBe(true);
      expect(mm.verify()).toBeNull();
      expect(machine.read(BASE + 0x2000)).toBe(0x42);
      expect(mm.verify()).toBeNull();
    });

    it('a lock', () => {
      mm.resident.charge('workingSets', 50 - space.vm.minimum);
      space.vm.minimum = 50;
      const range = { first: BASE >>> 12, last: (BASE >>> 12) + 1 };
      expect(lockPages(mm, space, range, MAP_PROCESS)).toBe(Status.SUCCESS);
      expect(machine.read(BASE)).toBe(0x40);
      expect(mm.verify()).toBeNull();
    });

    it('a release, which gives back the slots of its pages and its own', () => {
      expect(freeVirtualMemory(mm.context, space, BASE, 0, MemoryType.Release).status).toBe(Status.SUCCESS);
      expect(mm.paging.files[0]?.usage).toBe(0);
      expect(mm.format.isZero(pde())).toBe(true);
      expect(mm.verify()).toBeNull();
    });

    it('the end of the process', () => {
      machine.createSpace();
      cleanAddressSpace(mm.context, space);
      mm.deleteAddressSpace(space);
      expect(mm.paging.files[0]?.usage).toBe(0);
      expect(mm.verify()).toBeNull();
    });

    it('MEM_RESET, which gives up what its PTEs have in the paging file', () => {
      expect(allocate(MemoryType.Reset)).toBe(Status.SUCCESS);
      expect(isPagedOut()).toBe(false);
      expect(mm.verify()).toBeNull();
    });
  });

  it('is checked by the verifier in the paging file', () => {
    evictWithPageTables(mm, space);
    const used = space.usedPageTableEntries + (BASE >>> mm.format.tableShift) * 2;
    mm.view.setUint16(used, mm.view.getUint16(used, true) + 1, true);
    expect(mm.verify()).toContain('5 PTEs should be in use in the page table of 01000000, but 4 are');
  });

  it('is freed under its read, and the frame comes back when the read is done', () => {
    evictWithPageTables(mm, space);
    mm.pageFault(BASE, 4);
    const { read } = mm.lastFault;
    expect(mm.lastFault).toMatchObject({ mustWait: true, startedRead: true });
    freeVirtualMemory(mm.context, space, BASE, 0, MemoryType.Release);
    expect(mm.verify()).toBeNull();
    if (read !== null) mm.completePageRead(read, BASE, 0);
    expect(mm.paging.files[0]?.usage).toBe(0);
    expect(mm.verify()).toBeNull();
  });

  it('is read for one thread while another waits for a page of it', () => {
    evictWithPageTables(mm, space);
    mm.pageFault(BASE, 4);
    const first = mm.lastFault.read;
    expect(first).not.toBeNull();
    mm.pageFault(BASE + 0x1000, 4);
    expect(mm.lastFault).toMatchObject({ mustWait: true, startedRead: false, read: first });
    while (mm.paging.device.finishFirst());
    // The second thread is faster: it begins to read its page before the first has taken up the end of its read.
    mm.pageFault(BASE + 0x1000, 4);
    const second = mm.lastFault.read;
    expect(mm.lastFault.startedRead).toBe(true);
    if (first !== null) mm.completePageRead(first, BASE, 0);
    expect(mm.verify()).toBeNull();
    while (mm.paging.device.finishFirst());
    if (second !== null) mm.completePageRead(second, BASE + 0x1000, 0);
    expect(machine.read(BASE)).toBe(0x40);
    expect(machine.read(BASE + 0x1000)).toBe(0x41);
    expect(mm.verify()).toBeNull();
    evictWithPageTables(mm, space);
    expect(mm.lists.standby.total + mm.lists.modifiedPages).toBe(0);
  });
});

describe('page tables of several processes', () => {
  it.each([{ pae: true }, { pae: false }])('come and go without losing a byte, %o', ({ pae }) => {
    const far = 4;
    const step = fc.record({
      who: fc.integer({ min: 0, max: 1 }),
      table: fc.integer({ min: 0, max: far - 1 }),
      page: fc.integer({ min: 0, max: 5 }),
      what: fc.constantFrom('write', 'write', 'read', 'trim', 'evict', 'free', 'commit', 'repurpose'),
      value: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 50 }), (steps) => {
        const machine = new MemoryMachine({ pae, megabytes: 8 });
        const { mm } = machine;
        mm.paging.create('pagefile', 1024, 1024, new MemoryPagingStorage());
        const spaces = [machine.createSpace(), machine.createSpace()];
        const model = new Map<string, number>();
        for (const space of spaces) {
          for (let table = 0; table < far; table++) machine.reserve(space, BASE + table * 0x400000, 6, READWRITE, true);
        }
        for (const { who, table, page, what, value } of steps) {
          const space = spaces[who];
          if (space === undefined) continue;
          mm.switchAddressSpace(space);
          const base = BASE + table * 0x400000;
          const address = base + page * 0x1000;
          const request = { base: address, zeroBits: 0, size: 0x1000, type: MemoryType.Commit, protection: READWRITE };
          const key = `${who} ${address}`;
          if (what === 'trim') emptyWorkingSet(mm, space);
          else if (what === 'evict') evictWithPageTables(mm, space);
          else if (what === 'repurpose') repurposeStandby(mm);
          else if (what === 'commit') {
            if (allocateVirtualMemory(mm.context, space, request).status === 0 && !model.has(key)) model.set(key, 0);
          } else if (what === 'free') {
            freeVirtualMemory(mm.context, space, address, 0x1000, MemoryType.Decommit);
            model.set(key, -1);
          } else if (what === 'write') {
            const isCommitted = model.get(key) !== -1;
            expect(machine.write(address, value)).toBe(isCommitted);
            if (isCommitted) model.set(key, value);
          } else expect(machine.read(address)).toBe(model.get(key) ?? 0);
          if (what === 'commit' && model.get(key) === -1) model.set(key, 0);
          expect(mm.verify()).toBeNull();
        }
      }),
      { numRuns: 4, seed: 5 },
    );
  });
});

describe('a thread whose page table was paged out', () => {
  /** MOV EAX, [DATA + 8000]; MOV [DATA + n], EAX; JMP $. */
  const reader = (result: number) => code(`a1 =${DATA + 0x8000}`, `a3 =${DATA + result}`, 'eb fe');

  it('waits for the table and then for the page, beside another that wants the same', () => {
    const first = reader(0x10);
    const guest = new BareProcess(Uint8Array.from([...first, ...reader(0x14)]));
    const { kernel, process } = guest;
    guest.startThread(0x400000 + first.length, STACK_BASE - 0x800);
    const space = process.pcb.addressSpace;
    if (space === null) throw new Error('no address space');
    guest.inProcess(function* () {
      kernel.user.write32(DATA + 0x8000, 0x1234);
      evictWithPageTables(kernel.mm, space);
      yield* [];
    });
    const reads = kernel.mm.counters.pagingFileFaults;
    expect(kernel.mm.format.isValid(pdeLocation(kernel.mm, space, DATA))).toBe(false);
    guest.run(40_000_000);
    expect(kernel.mm.counters.pagingFileFaults).toBeGreaterThan(reads + 1);
    guest.inProcess(function* () {
      expect(kernel.user.read32(DATA + 0x10)).toBe(0x1234);
      expect(kernel.user.read32(DATA + 0x14)).toBe(0x1234);
      yield* [];
    });
    expect(kernel.mm.verify()).toBeNull();
  });
});
