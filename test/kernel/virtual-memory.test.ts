import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { allocateVirtualMemory, MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { cleanAddressSpace } from '../../kernel/mm/clean-address-space.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { freeVirtualMemory } from '../../kernel/mm/free-virtual-memory.js';
import { MemoryPagingStorage } from '../../kernel/mm/paging-storage.js';
import { createPeb, createTeb, deleteTeb } from '../../kernel/mm/peb-teb.js';
import { protectVirtualMemory } from '../../kernel/mm/protect-virtual-memory.js';
import { queryVirtualMemory } from '../../kernel/mm/query-virtual-memory.js';
import { copyVirtualMemory } from '../../kernel/mm/remote-memory.js';
import { emptyWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { MemoryMachine } from './memory-machine.js';
import { evict, repurposeStandby } from './page-out.js';

const { Commit, Reserve, Decommit, Release, Reset, TopDown, Physical, WriteWatch, LargePages, Free, Private } =
  MemoryType;
const READWRITE = 4;

interface Fixture {
  readonly machine: MemoryMachine;
  readonly space: AddressSpace;
  allocate(
    base: number,
    size: number,
    type: number,
    protection?: number,
    zeroBits?: number,
  ): ReturnType<typeof allocateVirtualMemory>;
  free(base: number, size: number, type: number): ReturnType<typeof freeVirtualMemory>;
  protect(base: number, size: number, protection: number): ReturnType<typeof protectVirtualMemory>;
  query(base: number): [number, number, number, number, number, number, number];
}

function setUp(options: { readonly pae?: boolean; readonly megabytes?: number } = {}): Fixture {
  const machine = new MemoryMachine({ userSpace: null, ...options });
  const space = machine.createSpace();
  const { context } = machine.mm;
  return {
    machine,
    space,
    allocate: (base, size, type, protection = READWRITE, zeroBits = 0) =>
      allocateVirtualMemory(context, space, { base, zeroBits, size, type, protection }),
    free: (base, size, type) => freeVirtualMemory(context, space, base, size, type),
    protect: (base, size, protection) => protectVirtualMemory(context, space, base, size, protection),
    query: (base) => {
      const { information: i } = queryVirtualMemory(machine.mm, space, base);
      if (i === null) return [0, 0, 0, 0, 0, 0, 0];
      return [i.baseAddress, i.allocationBase, i.allocationProtect, i.regionSize, i.state, i.protect, i.type];
    },
  };
}

describe('NtAllocateVirtualMemory parameters', () => {
  it.each<[string, [number, number, number, number?, number?], keyof typeof Status]>([
    ['too many zero bits', [0, 0x1000, Commit, 4, 22], 'INVALID_PARAMETER_3'],
    ['unknown type bits', [0, 0x1000, Commit | 0x800, 4], 'INVALID_PARAMETER_5'],
    ['neither commit nor reserve nor reset', [0, 0x1000, TopDown, 4], 'INVALID_PARAMETER_5'],
    ['reset with something else', [0, 0x1000, Reset | Commit, 4], 'INVALID_PARAMETER_5'],
    ['large pages without commit', [0, 0x400000, LargePages | Reserve, 4], 'INVALID_PARAMETER_5'],
    ['write watch without reserve', [0, 0x1000, WriteWatch | Commit, 4], 'INVALID_PARAMETER_5'],
    ['physical with commit', [0, 0x1000, Physical | Reserve | Commit, 4], 'INVALID_PARAMETER_5'],
    ['physical not read-write', [0, 0x1000, Physical | Reserve, 2], 'INVALID_PARAMETER_6'],
    ['no such protection', [0, 0x1000, Commit, 3], 'INVALID_PAGE_PROTECTION'],
    ['write-copy private memory', [0, 0x1000, Commit, 8], 'INVALID_PAGE_PROTECTION'],
    ['base too high', [0x7ffe0000, 0x1000, Reserve, 4], 'INVALID_PARAMETER_2'],
    ['size too large', [0, 0x7ffe0001, Reserve, 4], 'INVALID_PARAMETER_4'],
    ['no size', [0, 0, Reserve, 4], 'INVALID_PARAMETER_4'],
    ['commit where nothing is reserved', [0x400000, 0x1000, Commit, 4], 'CONFLICTING_ADDRESSES'],
    ['no room below the zero bits', [0, 0x2000000, Reserve, 4, 8], 'NO_MEMORY'],
    ['more than the machine can promise', [0, 0x8000000, Commit, 4], 'COMMITMENT_LIMIT'],
  ])('%s', (_what, [base, size, type, protection, zeroBits], status) => {
    const { allocate, machine } = setUp();
    expect(statusName(allocate(base, size, type, protection, zeroBits).status)).toBe(`STATUS_${status}`);
    expect(machine.mm.verify()).toBeNull();
  });
});

describe('NtAllocateVirtualMemory', () => {
  it('reserves at 64 KB, rounding a given base down and the end up', () => {
    const { allocate } = setUp();
    expect(allocate(0, 71680, Commit)).toEqual({ status: 0, base: 0x10000, size: 0x12000 });
    expect(allocate(0x123456, 0x1000, Reserve)).toEqual({ status: 0, base: 0x120000, size: 0x5000 });
    expect(allocate(0x120000, 0x1000, Reserve).status).toBe(Status.CONFLICTING_ADDRESSES);
    expect(allocate(0, 0x1000, Reserve | TopDown).base).toBe(0x7ffd0000);
  });

  it('commits the pages that the range touches', () => {
    const { allocate, query, machine } = setUp();
    const { base } = allocate(0, 0x10000, Reserve);
    expect(allocate(base + 0x1800, 0x1c00, Commit)).toEqual({ status: 0, base: base + 0x1000, size: 0x3000 });
    expect(query(base)).toEqual([base, base, 4, 0x1000, Reserve, 0, Private]);
    expect(query(base + 0x1000)).toEqual([base + 0x1000, base, 4, 0x3000, Commit, 4, Private]);
    expect(machine.touch(base, AccessKind.Read)).toEqual([FaultOutcome.AccessViolation]);
    expect(machine.read(base + 0x3fff)).toBe(0);
  });

  it('refunds pages that are committed already and re-protects them', () => {
    const { allocate, space, query } = setUp();
    const { base } = allocate(0, 0x4000, Reserve);
    allocate(base, 0x2000, Commit);
    const before = space.commitCharge;
    expect(allocate(base, 0x4000, Commit, 2).status).toBe(0);
    expect(space.commitCharge).toBe(before + 2);
    expect(query(base)).toEqual([base, base, 4, 0x4000, Commit, 2, Private]);
  });

  it('keeps contents through MEM_RESET of a page and refuses a range without a whole page', () => {
    const { allocate } = setUp();
    const { base } = allocate(0, 0x2000, Commit);
    expect(allocate(base, 0x2000, Reset).status).toBe(0);
    expect(allocate(base + 1, 0x1ffe, Reset).status).toBe(Status.CONFLICTING_ADDRESSES);
  });

  it.each([true, false])('gives up by MEM_RESET what is in memory, on a list or in a paging file, PAE %s', (pae) => {
    const { allocate, machine, space } = setUp({ pae, megabytes: 16 });
    const { mm } = machine;
    mm.paging.create('pagefile', 64, 64, new MemoryPagingStorage());
    const [file] = mm.paging.files;
    const { base } = allocate(0, 0x3000, Reserve | Commit);
    const [absent, clean, changed] = [base, base + 0x1000, base + 0x2000];
    for (const page of [absent, clean, changed]) machine.write(page, 7);
    evict(mm, space);
    expect(machine.read(clean)).toBe(7);
    expect(machine.write(changed, 8)).toBe(true);
    emptyWorkingSet(mm, space);
    expect([file.usage, mm.lists.modifiedForPagingFile.total]).toEqual([2, 1]);
    expect(allocate(base, 0x3000, Reset).status).toBe(0);
    expect([file.usage, mm.lists.modifiedPages]).toEqual([0, 0]);
    expect(mm.verify()).toBeNull();
    // What is on a list still is what it was; what was in the paging file only is zeros, and nothing is read.
    const reads = mm.counters.pageReadIos;
    expect([absent, clean, changed].map((page) => machine.read(page))).toEqual([0, 7, 8]);
    expect(mm.counters.pageReadIos).toBe(reads);
    expect(allocate(base, 0x3000, Reset).status).toBe(0);
    emptyWorkingSet(mm, space);
    repurposeStandby(mm);
    expect([absent, clean, changed].map((page) => machine.read(page))).toEqual([0, 0, 0]);
    expect(mm.verify()).toBeNull();
  });

  it('charges a page table once, until the last region in it goes', () => {
    const { allocate, free, space } = setUp();
    const first = allocate(0x400000, 0x1000, Reserve);
    expect(space.commitCharge).toBe(1);
    const second = allocate(0x410000, 0x1000, Reserve | Commit);
    expect(space.commitCharge).toBe(2);
    free(first.base, 0, Release);
    expect(space.commitCharge).toBe(2);
    free(second.base, 0, Release);
    expect(space.commitCharge).toBe(0);
  });
});

describe('NtFreeVirtualMemory', () => {
  it.each<[string, (f: Fixture) => number, keyof typeof Status]>([
    ['both types', (f) => f.free(0x10000, 0, Decommit | Release).status, 'INVALID_PARAMETER_4'],
    ['no type', (f) => f.free(0x10000, 0, 0).status, 'INVALID_PARAMETER_4'],
    ['base above user space', (f) => f.free(0x7fff0000, 0, Release).status, 'INVALID_PARAMETER_2'],
    ['size too large', (f) => f.free(0x10000, 0x7fff0000, Release).status, 'INVALID_PARAMETER_3'],
    ['nothing there', (f) => f.free(0x10000, 0, Release).status, 'MEMORY_NOT_ALLOCATED'],
    [
      'past the region',
      (f) => f.free(f.allocate(0, 0x1000, Reserve).base, 0x2000, Release).status,
      'UNABLE_TO_FREE_VM',
    ],
    [
      'not at the base, without a size',
      (f) => f.free(f.allocate(0, 0x2000, Reserve).base + 0x1000, 0, Release).status,
      'FREE_VM_NOT_AT_BASE',
    ],
    [
      'decommit not at the base, without a size',
      (f) => f.free(f.allocate(0, 0x2000, Commit).base + 0x1000, 0, Decommit).status,
      'FREE_VM_NOT_AT_BASE',
    ],
  ])('%s', (_what, act, status) => {
    expect(statusName(act(setUp()))).toBe(`STATUS_${status}`);
  });

  it('decommits pages, which then read as reserved and come back as zeros', () => {
    const { allocate, free, query, machine, space } = setUp();
    const { base } = allocate(0, 0x4000, Commit);
    machine.write(base + 0x1000, 0x55);
    const before = space.commitCharge;
    expect(free(base + 0x1000, 0x1001, Decommit)).toEqual({ status: 0, base: base + 0x1000, size: 0x2000 });
    expect(space.commitCharge).toBe(before - 2);
    expect(query(base + 0x1000)).toEqual([base + 0x1000, base, 4, 0x2000, Reserve, 0, Private]);
    expect(machine.read(base + 0x1000)).toBe(-1);
    allocate(base + 0x1000, 0x1000, Commit);
    expect(machine.read(base + 0x1000)).toBe(0);
    expect(machine.mm.verify()).toBeNull();
  });

  it('releases the middle of a region, leaving two', () => {
    const { allocate, free, query, machine, space } = setUp();
    const { base } = allocate(0, 0x8000, Commit);
    machine.write(base + 0x7000, 7);
    machine.write(base + 0x3000, 3);
    expect(free(base + 0x2000, 0x3000, Release).status).toBe(0);
    expect(query(base)).toEqual([base, base, 4, 0x2000, Commit, 4, Private]);
    expect(query(base + 0x2000)).toEqual([base + 0x2000, 0, 0, 0x3000, Free, 1, 0]);
    expect(query(base + 0x5000)).toEqual([base + 0x5000, base + 0x5000, 4, 0x3000, Commit, 4, Private]);
    expect(machine.read(base + 0x7000)).toBe(7);
    expect(space.virtualSize).toBe(0x5000);
    expect(machine.mm.verify()).toBeNull();
  });
});

describe('NtProtectVirtualMemory', () => {
  it.each<[string, (f: Fixture) => number, keyof typeof Status]>([
    ['no such protection', (f) => f.protect(0x10000, 0x1000, 0x11).status, 'INVALID_PAGE_PROTECTION'],
    ['base above user space', (f) => f.protect(0x7fff0000, 0x1000, 4).status, 'INVALID_PARAMETER_2'],
    ['no size', (f) => f.protect(0x10000, 0, 4).status, 'INVALID_PARAMETER_3'],
    ['nothing there', (f) => f.protect(0x10000, 0x1000, 4).status, 'CONFLICTING_ADDRESSES'],
    [
      'across two regions',
      (f) => {
        f.allocate(0x10000, 0x10000, Reserve | Commit);
        f.allocate(0x20000, 0x10000, Reserve | Commit);
        return f.protect(0x1f000, 0x2000, 4).status;
      },
      'CONFLICTING_ADDRESSES',
    ],
    [
      'write-copy private memory',
      (f) => f.protect(f.allocate(0, 0x1000, Commit).base, 0x1000, 8).status,
      'INVALID_PARAMETER_4',
    ],
    ['not committed', (f) => f.protect(f.allocate(0, 0x1000, Reserve).base, 0x1000, 4).status, 'NOT_COMMITTED'],
  ])('%s', (_what, act, status) => {
    expect(statusName(act(setUp()))).toBe(`STATUS_${status}`);
  });

  it('changes valid and untouched pages, and reports the first page before', () => {
    const { allocate, protect, query, machine } = setUp();
    const { base } = allocate(0, 0x3000, Commit);
    machine.write(base, 1);
    expect(protect(base, 0x2000, 2)).toEqual({ status: 0, base, size: 0x2000, oldProtection: 4 });
    expect(machine.write(base, 2)).toBe(false);
    expect(machine.write(base + 0x1000, 2)).toBe(false);
    expect(machine.read(base)).toBe(1);
    expect(query(base)).toEqual([base, base, 4, 0x2000, Commit, 2, Private]);
    expect(protect(base, 1, 1).oldProtection).toBe(2);
    expect(machine.read(base)).toBe(-1);
    expect(protect(base, 1, 4).oldProtection).toBe(1);
    expect(machine.read(base)).toBe(1);
    expect(machine.mm.verify()).toBeNull();
  });

  it('guards a page once', () => {
    const { allocate, protect, query, machine } = setUp();
    const { base } = allocate(0, 0x1000, Commit);
    protect(base, 0x1000, 0x104);
    expect(query(base)[5]).toBe(0x104);
    expect(machine.touch(base, AccessKind.Write)).toEqual([FaultOutcome.GuardPageViolation]);
    expect(query(base)[5]).toBe(4);
    expect(machine.write(base, 1)).toBe(true);
  });
});

describe('NtQueryVirtualMemory', () => {
  it('describes holes, the shared data page and the end of user space', () => {
    const { query, machine, space } = setUp();
    expect(query(0x1234)).toEqual([0x1000, 0, 0, 0x7ffdf000, Free, 1, 0]);
    expect(query(0x7ffe0010)).toEqual([0x7ffe0000, 0x7ffe0000, 2, 0x1000, Commit, 2, Private]);
    expect(query(0x7ffe1000)).toEqual([0x7ffe1000, 0x7ffe0000, 2, 0xf000, Reserve, 1, Private]);
    expect(queryVirtualMemory(machine.mm, space, 0x7fff0000).status).toBe(Status.INVALID_PARAMETER);
  });
});

describe('PEB and TEB', () => {
  const image = {
    transferAddress: 0x401000,
    zeroBits: 0,
    maximumStackSize: 0x200000,
    committedStackSize: 0x1000,
    subSystemType: 3,
    subSystemMinorVersion: 0,
    subSystemMajorVersion: 4,
    characteristics: 0x10f,
    dllCharacteristics: 0,
    machine: 0x14c,
    containsCode: true,
    loaderFlags: 0,
    imageFileSize: 0x1000,
    imageBase: 0x400000,
    sizeOfImage: 0x2000,
  };

  it('lie at the top of user space, filled and secured', () => {
    const { machine, space, allocate, free, protect } = setUp();
    const { context, user } = machine.mm;
    const peb = createPeb(context, space, { imageBase: 0x400000, image, tickCount: 5 });
    expect(peb).toEqual({ status: 0, address: 0x7ffdb000 });
    expect(user.read32(peb.address + 0x08)).toBe(0x400000);
    expect(user.read16(peb.address + 0xac)).toBe(3790);
    expect(user.read32(peb.address + 0x90)).toBe(peb.address + 0x230);
    const stack = { stackBase: 0x130000, stackLimit: 0x12f000, allocationBase: 0x30000 };
    const teb = createTeb(context, space, { processId: 8, threadId: 12, peb: peb.address, ...stack });
    expect(teb).toEqual({ status: 0, address: 0x7ffdf000 });
    expect([0, 4, 8, 0x18, 0x20, 0x24, 0x30, 0xe0c].map((offset) => user.read32(teb.address + offset))).toEqual([
      0xffffffff,
      0x130000,
      0x12f000,
      teb.address,
      8,
      12,
      peb.address,
      0x30000,
    ]);
    expect(free(teb.address, 0, Release).status).toBe(Status.INVALID_PAGE_PROTECTION);
    expect(free(teb.address, 0, Decommit).status).toBe(Status.INVALID_PAGE_PROTECTION);
    for (const protection of [1, 2, 0x10, 0x20, 0x104])
      expect(protect(teb.address, 0x1000, protection).status).toBe(Status.INVALID_PAGE_PROTECTION);
    expect(allocate(teb.address, 0x1000, Commit, 2).status).toBe(Status.INVALID_PAGE_PROTECTION);
    expect(allocate(peb.address, 0x1000, Commit, 4).status).toBe(0);
    expect(free(peb.address, 0x1000, Decommit).status).toBe(Status.INVALID_PAGE_PROTECTION);
    expect(protect(teb.address, 0x1000, 0x40).status).toBe(0);
    deleteTeb(context, space, teb.address);
    expect(machine.read(teb.address)).toBe(-1);
    expect(machine.mm.verify()).toBeNull();
  });
});

describe('copies between processes', () => {
  it('go as far as both sides allow', () => {
    const { machine, space, allocate } = setUp();
    const { base } = allocate(0x20000, 0x10000, Reserve | Commit);
    for (let at = 0; at < 0x10000; at += 0x1000) machine.write(base + at, at / 0x1000 + 1);
    const other = machine.createSpace();
    const { context, mm } = { context: machine.mm.context, mm: machine.mm };
    allocateVirtualMemory(context, other, {
      base: 0x40000,
      zeroBits: 0,
      size: 0x8000,
      type: Commit | Reserve,
      protection: 4,
    });
    const whole = copyVirtualMemory(mm, { space, address: base }, { space: other, address: 0x40000 }, 0x8000);
    expect(whole).toEqual({ status: 0, copied: 0x8000 });
    expect(machine.read(0x43000)).toBe(4);
    const part = copyVirtualMemory(mm, { space, address: base + 0xc000 }, { space: other, address: 0x40000 }, 0x8000);
    expect(part).toEqual({ status: Status.PARTIAL_COPY, copied: 0 });
    expect(mm.current).toBe(other);
    expect(mm.verify()).toBeNull();
  });
});

/** The model: what every page of a small range is. */
type PageModel = { region: number; committed: boolean; protection: number; value: number } | null;

describe.each([true, false])('allocate, free, protect, touch against a model of pages (pae %s)', (pae) => {
  const FIRST = 0x100;
  const COUNT = 48;
  const command = fc.record({
    what: fc.constantFrom('reserve', 'commit', 'decommit', 'release', 'protect', 'write', 'read', 'query'),
    at: fc.integer({ min: 0, max: COUNT - 1 }),
    pages: fc.integer({ min: 1, max: 20 }),
    protection: fc.constantFrom(1, 2, 4, 0x40),
    commit: fc.boolean(),
  });

  it('agrees at every step, and leaks nothing', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const { machine, space, allocate, free, protect, query } = setUp({ pae, megabytes: 32 });
        const charged = machine.mm.commit.charged;
        const model: PageModel[] = new Array<PageModel>(COUNT).fill(null);
        let regions = 0;
        const inside = (at: number, pages: number): boolean => {
          const first = model[at];
          for (let page = at; page < at + pages; page++) {
            if (first === null || model[page]?.region !== first.region) return false;
          }
          return true;
        };
        for (const { what, at, protection, commit, pages: wanted } of commands) {
          const pages = Math.min(wanted, COUNT - at);
          const base = (FIRST + at) * 0x1000;
          const size = pages * 0x1000;
          const range = Array.from({ length: pages }, (_, index) => at + index);
          if (what === 'reserve') {
            const start = at - (at % 16);
            const all = Array.from({ length: at + pages - start }, (_, index) => start + index);
            const { status } = allocate(base, size, Reserve | (commit ? Commit : 0), protection);
            expect(status === 0).toBe(all.every((page) => model[page] === null));
            if (status !== 0) continue;
            regions++;
            for (const page of all) model[page] = { region: regions, committed: commit, protection, value: 0 };
          } else if (what === 'commit') {
            const { status } = allocate(base, size, Commit, protection);
            expect(status === 0).toBe(inside(at, pages));
            if (status !== 0) continue;
            for (const page of range) {
              const old = model[page];
              if (old !== null)
                model[page] = { ...old, committed: true, protection, value: old.committed ? old.value : 0 };
            }
          } else if (what === 'decommit' || what === 'release') {
            const { status } = free(base, size, what === 'release' ? Release : Decommit);
            expect(status === 0).toBe(inside(at, pages));
            if (status !== 0) continue;
            const upper = model[at + pages]?.region;
            const split =
              at > 0 && upper !== undefined && model[at - 1]?.region === upper && model[at]?.region === upper;
            for (const page of range) {
              const old = model[page];
              if (old !== null) model[page] = what === 'release' ? null : { ...old, committed: false, value: 0 };
            }
            if (what === 'release' && split) {
              regions++;
              for (let page = at + pages; model[page]?.region === upper; page++) {
                const old = model[page];
                if (old !== null) model[page] = { ...old, region: regions };
              }
            }
          } else if (what === 'protect') {
            const { status, oldProtection } = protect(base, size, protection);
            expect(status === 0).toBe(inside(at, pages) && range.every((page) => model[page]?.committed === true));
            if (status !== 0) continue;
            expect(oldProtection).toBe(model[at]?.protection);
            for (const page of range) {
              const old = model[page];
              if (old !== null) model[page] = { ...old, protection };
            }
          } else if (what === 'write') {
            const page = model[at];
            const writable = page?.committed === true && (page.protection === 4 || page.protection === 0x40);
            expect(machine.write(base + 5, pages)).toBe(writable);
            if (writable) model[at] = { ...page, value: pages };
          } else if (what === 'read') {
            const page = model[at];
            expect(machine.read(base + 5)).toBe(page?.committed === true && page.protection !== 1 ? page.value : -1);
          } else {
            const page = model[at];
            const [, , , regionSize, state, protect] = query(base);
            expect(state).toBe(page === null ? Free : page.committed ? Commit : Reserve);
            if (page === null) continue;
            expect(protect).toBe(page.committed ? page.protection : 0);
            let end = at;
            const same = (other: PageModel): boolean =>
              other !== null &&
              other.region === page.region &&
              other.committed === page.committed &&
              (!page.committed || other.protection === page.protection);
            while (end < COUNT && same(model[end])) end++;
            expect(regionSize).toBe((end - at) * 0x1000);
          }
          expect(machine.mm.verify()).toBeNull();
        }
        cleanAddressSpace(machine.mm.context, space);
        expect(space.commitCharge).toBe(0);
        expect(machine.mm.commit.charged).toBe(charged);
        expect(machine.mm.verify()).toBeNull();
      }),
      { numRuns: 25 },
    );
  });
});
