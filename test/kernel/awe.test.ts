import { describe, expect, it } from 'vitest';
import { deleteAweInformation, unmapAwePage } from '../../kernel/mm/awe.js';
import { findPte } from '../../kernel/mm/page-table.js';
import type { Blocking } from '../../kernel/types.js';
import { bootLayout } from '../boot-options.js';
import { DATA } from './bare-process.js';
import { BASE, MemoryProcess, SELF, SIZE, type StatusName } from './memory-process.js';

/** Address Windowing Extensions by their services (nt52.md 9.7). */

const COUNT = DATA + 0x40;
const FRAMES = DATA + 0x100;
const ADDRESSES = DATA + 0x800;
/** 32 pages that a region of AWE is reserved at. */
const WINDOW = 0x10000000;
const WINDOW_PAGES = 32;
const ORDINARY = 0x700000;
const [RESERVE, RESERVE_COMMIT, RESERVE_PHYSICAL, RELEASE, DECOMMIT] = [0x2000, 0x3000, 0x402000, 0x8000, 0x4000];
const [NOACCESS, READONLY, READWRITE, EXECUTE_READ] = [1, 2, 4, 0x20];

/** A process that owns physical pages. */
class AweProcess extends MemoryProcess {
  /** Frames that the process got, which now lie at FRAMES too. */
  *allocate(count: number): Blocking<number[]> {
    this.put(COUNT, [count]);
    yield* this.expect('SUCCESS', 'NtAllocateUserPhysicalPages', SELF, COUNT, FRAMES);
    return this.read(FRAMES, this.kernel.user.read32(COUNT));
  }

  *map(status: StatusName, address: number, frames: readonly number[] | null, count?: number): Blocking<void> {
    this.put(FRAMES, frames ?? []);
    const given = [address, count ?? frames?.length ?? 0, frames === null ? 0 : FRAMES];
    yield* this.expect(status, 'NtMapUserPhysicalPages', ...given);
  }

  *scatter(status: StatusName, addresses: readonly number[], frames: readonly number[] | null): Blocking<void> {
    this.put(ADDRESSES, addresses);
    this.put(FRAMES, frames ?? []);
    const array = frames === null ? 0 : FRAMES;
    yield* this.expect(status, 'NtMapUserPhysicalPagesScatter', ADDRESSES, addresses.length, array);
  }

  get mapped(): number[] {
    const { mm } = this.kernel;
    const pages = Array.from({ length: WINDOW_PAGES }, (_, index) => findPte(mm, mm.current, WINDOW + index * 0x1000));
    return pages.flatMap((at) => (at !== 0 && mm.format.isValid(at) ? [mm.format.frame(at)] : []));
  }
}

const machines: AweProcess[] = [];
/** One machine with PAE and one without serve all tests. */
function bootedMachines(): readonly AweProcess[] {
  if (machines.length === 0) machines.push(new AweProcess({ pae: true }), new AweProcess({ pae: false }));
  return machines;
}

/** Runs a script in a process with a region of AWE, and checks the whole memory manager during and after it. */
function script(body: (awe: AweProcess) => Blocking<void>): void {
  for (const awe of bootedMachines()) {
    const { mm } = awe.kernel;
    awe.inThread(function* () {
      const before = new Set(mm.current.vads);
      yield* awe.reserve('SUCCESS', WINDOW, WINDOW_PAGES * 0x1000, RESERVE_PHYSICAL);
      yield* body(awe);
      expect(mm.verify()).toBeNull();
      for (const vad of mm.current.vads) {
        if (!before.has(vad)) yield* awe.free('SUCCESS', vad.startAddress, 0, RELEASE);
      }
      deleteAweInformation(mm.context, mm.current);
      expect(mm.verify()).toBeNull();
      expect(mm.resident.charged.awe).toBe(0);
    });
  }
}

describe('physical pages of a process', () => {
  it('are zeroed, in no working set, and charged until they are freed', () => {
    script(function* (awe) {
      const { mm } = awe.kernel;
      const [workingSet, charge] = [mm.current.workingSetSize, mm.commit.charged];
      const frames = yield* awe.allocate(8);
      expect(new Set(frames).size).toBe(8);
      expect(mm.committed.awe).toBe(8);
      yield* awe.map('SUCCESS', WINDOW, frames);
      for (let page = 0; page < 8; page++) expect(yield* awe.load(WINDOW + page * 0x1000)).toBe(0);
      expect(mm.current.workingSetSize).toBe(workingSet);
      awe.put(COUNT, [8]);
      awe.put(FRAMES, frames);
      yield* awe.expect('SUCCESS', 'NtFreeUserPhysicalPages', SELF, COUNT, FRAMES);
      expect(awe.read(COUNT, 1)).toEqual([8]);
      expect(awe.mapped).toEqual([]);
      expect(mm.commit.charged).toBe(charge + 1);
    });
  });

  it('keep their contents while they are mapped elsewhere and nowhere, and no fault maps them', () => {
    script(function* (awe) {
      const { counters } = awe.kernel.mm;
      const frames = yield* awe.allocate(4);
      yield* awe.map('SUCCESS', WINDOW, frames);
      const faults = counters.pageFaults;
      for (const [index] of frames.entries()) yield* awe.store(WINDOW + index * 0x1000, 100 + index);
      yield* awe.map('SUCCESS', WINDOW, null, 4);
      yield* awe.map('SUCCESS', WINDOW + 0x4000, [...frames].reverse());
      expect(counters.pageFaults).toBe(faults);
      expect(yield* awe.load(WINDOW + 0x4000)).toBe(103);
      expect(yield* awe.load(WINDOW + 0x7000)).toBe(100);
      expect(yield* awe.load(WINDOW)).toBe('STATUS_ACCESS_VIOLATION');
      yield* awe.scatter('SUCCESS', [WINDOW + 0x7000, WINDOW + 0x4000], [frames[3], frames[0]]);
      expect(yield* awe.load(WINDOW + 0x7000)).toBe(103);
      expect(yield* awe.load(WINDOW + 0x4000)).toBe(100);
      yield* awe.scatter('SUCCESS', [WINDOW + 0x4000, WINDOW], null);
      expect(awe.mapped).toEqual([frames[2], frames[1], frames[3]]);
    });
  });

  it('take the place of what a window shows, in any order', () => {
    script(function* (awe) {
      const frames = yield* awe.allocate(6);
      yield* awe.map('SUCCESS', WINDOW, frames.slice(0, 3));
      yield* awe.map('SUCCESS', WINDOW, [frames[2], frames[0], frames[1]]);
      expect(awe.mapped).toEqual([frames[2], frames[0], frames[1]]);
      yield* awe.map('SUCCESS', WINDOW, frames.slice(3));
      expect(awe.mapped).toEqual(frames.slice(3));
    });
  });

  it('are as many as there are, and none is the status of their lack', () => {
    script(function* (awe) {
      const { mm } = awe.kernel;
      yield* awe.reserve('SUCCESS', 0x20000000, 0x10000, RESERVE_COMMIT);
      awe.put(COUNT, [0x4000]);
      yield* awe.expect('SUCCESS', 'NtAllocateUserPhysicalPages', SELF, COUNT, 0x20000000);
      const got = awe.kernel.user.read32(COUNT);
      expect(got).toBeGreaterThan(1000);
      expect(got).toBeLessThan(0x1000);
      expect(mm.current.awe?.pages).toBe(got);
      awe.put(COUNT, [0x1000]);
      yield* awe.expect('INSUFFICIENT_RESOURCES', 'NtAllocateUserPhysicalPages', SELF, COUNT, 0x20000000);
    });
  });

  it('belong to whom holds the privilege', () => {
    const awe = new AweProcess({ account: 'admin' });
    awe.inThread(function* () {
      awe.put(COUNT, [4]);
      yield* awe.expect('PRIVILEGE_NOT_HELD', 'NtAllocateUserPhysicalPages', SELF, COUNT, FRAMES);
      yield* awe.reserve('SUCCESS', WINDOW, 0x10000, RESERVE_PHYSICAL);
      yield* awe.map('INVALID_PARAMETER_1', WINDOW, [1]);
    });
    expect(awe.kernel.mm.verify()).toBeNull();
  });
});

describe('regions of AWE', () => {
  it('show what is mapped as committed, the rest as reserved', () => {
    script(function* (awe) {
      const frames = yield* awe.allocate(2);
      expect(yield* awe.query(WINDOW)).toEqual([RESERVE, 0, WINDOW_PAGES * 0x1000]);
      yield* awe.map('SUCCESS', WINDOW + 0x2000, frames);
      expect(yield* awe.query(WINDOW)).toEqual([RESERVE, 0, 0x2000]);
      expect(yield* awe.query(WINDOW + 0x2000)).toEqual([0x1000, READWRITE, 0x2000]);
    });
  });

  it('are protected page by page, whatever is mapped there', () => {
    script(function* (awe) {
      const frames = yield* awe.allocate(2);
      yield* awe.map('SUCCESS', WINDOW, frames);
      expect(yield* awe.protect('SUCCESS', WINDOW + 0x1000, 0x2000, READONLY)).toBe(READWRITE);
      expect(yield* awe.store(WINDOW + 0x1000, 1)).toBe('STATUS_ACCESS_VIOLATION');
      expect(yield* awe.load(WINDOW + 0x1000)).toBe(0);
      expect(yield* awe.protect('SUCCESS', WINDOW + 0x1000, 0x1000, NOACCESS)).toBe(READONLY);
      expect(yield* awe.load(WINDOW + 0x1000)).toBe('STATUS_ACCESS_VIOLATION');
      yield* awe.map('SUCCESS', WINDOW, null, 1);
      yield* awe.map('SUCCESS', WINDOW + 0x1000, [frames[0], frames[1]]);
      expect(yield* awe.load(WINDOW + 0x1000)).toBe('STATUS_ACCESS_VIOLATION');
      expect(yield* awe.store(WINDOW + 0x2000, 1)).toBe('STATUS_ACCESS_VIOLATION');
      yield* awe.protect('SUCCESS', WINDOW, 0x3000, READWRITE);
      expect(yield* awe.store(WINDOW + 0x1000, 1)).toBe('STATUS_SUCCESS');
      yield* awe.protect('CONFLICTING_ADDRESSES', WINDOW, 0x1000, EXECUTE_READ);
      yield* awe.protect('CONFLICTING_ADDRESSES', WINDOW, 0x1000, READWRITE | 0x100);
    });
  });

  it('refuse commit, decommit, locks and partial release; their release unmaps', () => {
    script(function* (awe) {
      const frames = yield* awe.allocate(2);
      yield* awe.map('SUCCESS', WINDOW, frames);
      yield* awe.reserve('CONFLICTING_ADDRESSES', WINDOW, 0x1000, 0x1000);
      yield* awe.free('MEMORY_NOT_ALLOCATED', WINDOW, 0x1000, DECOMMIT);
      yield* awe.free('FREE_VM_NOT_AT_BASE', WINDOW, 0x1000, RELEASE);
      awe.put(BASE, [WINDOW]);
      awe.put(SIZE, [0x1000]);
      yield* awe.expect('INCOMPATIBLE_FILE_MAP', 'NtLockVirtualMemory', SELF, BASE, SIZE, 1);
      yield* awe.free('SUCCESS', WINDOW, 0, RELEASE);
      expect(awe.kernel.mm.current.awe?.pages).toBe(2);
      yield* awe.reserve('SUCCESS', WINDOW, 0x10000, RESERVE_PHYSICAL);
      yield* awe.map('SUCCESS', WINDOW, frames);
      yield* awe.reserve('INVALID_PARAMETER_5', 0, 0x1000, RESERVE_PHYSICAL | 0x1000);
      yield* awe.reserve('INVALID_PARAMETER_6', 0, 0x1000, RESERVE_PHYSICAL, READONLY);
    });
  });

  it('may be larger than a page table maps, and need memory for their page tables', () => {
    script(function* (awe) {
      yield* awe.reserve('SUCCESS', 0x203f0000, 0x820000, RESERVE_PHYSICAL);
      const [frame] = yield* awe.allocate(1);
      yield* awe.map('SUCCESS', 0x20bff000, [frame]);
      expect(awe.kernel.mm.verify()).toBeNull();
      yield* awe.free('SUCCESS', 0x203f0000, 0, RELEASE);
    });
  });
});

describe('page arrays that lie', () => {
  it('change nothing', () => {
    script(function* (awe) {
      const { mm, user } = awe.kernel;
      yield* awe.reserve('SUCCESS', ORDINARY, 0x10000, RESERVE_COMMIT);
      const [a, b, c, freed] = yield* awe.allocate(4);
      awe.put(COUNT, [1]);
      awe.put(FRAMES, [freed]);
      yield* awe.expect('SUCCESS', 'NtFreeUserPhysicalPages', SELF, COUNT, FRAMES);
      yield* awe.map('SUCCESS', WINDOW, [a]);
      const foreign = mm.current.directoryFrames[0];
      const lies: readonly [StatusName, readonly number[]][] = [
        ['CONFLICTING_ADDRESSES', [b, foreign]],
        ['CONFLICTING_ADDRESSES', [b, freed]],
        ['CONFLICTING_ADDRESSES', [b, 0]],
        ['CONFLICTING_ADDRESSES', [b, mm.pfn.frameCount]],
        ['CONFLICTING_ADDRESSES', [b, 0xffffffff]],
        ['INVALID_PARAMETER_3', [b, b]],
        ['INVALID_PARAMETER_3', [b, a]],
      ];
      for (const [status, frames] of lies) {
        yield* awe.map(status, WINDOW + 0x4000, frames);
        yield* awe.scatter(status, [WINDOW + 0x4000, WINDOW + 0x8000], frames);
        expect(awe.mapped).toEqual([a]);
      }
      const windows: readonly [StatusName, number, number][] = [
        ['INVALID_PARAMETER_1', WINDOW + WINDOW_PAGES * 0x1000, 2],
        ['INVALID_PARAMETER_1', WINDOW + (WINDOW_PAGES - 1) * 0x1000, 2],
        ['INVALID_PARAMETER_1', WINDOW - 0x1000, 2],
        ['INVALID_PARAMETER_1', ORDINARY, 1],
        ['INVALID_PARAMETER_1', bootLayout.userProbeAddress, 1],
        ['INVALID_PARAMETER_1', 0xc0000000, 1],
        ['INVALID_PARAMETER_2', 0xfffff000, 2],
        ['INVALID_PARAMETER_2', WINDOW, 0x100000],
        ['INVALID_PARAMETER_2', WINDOW, 0xffffffff],
      ];
      for (const [status, address, count] of windows) {
        yield* awe.map(status, address, [b, c], count);
        yield* awe.map(status, address, null, count);
      }
      yield* awe.scatter('INVALID_PARAMETER_1', [WINDOW, ORDINARY], [b, c]);
      yield* awe.expect('ACCESS_VIOLATION', 'NtMapUserPhysicalPages', WINDOW, 4, 0x30000000);
      yield* awe.expect('DATATYPE_MISALIGNMENT', 'NtMapUserPhysicalPages', WINDOW, 4, FRAMES + 1);
      yield* awe.expect('ACCESS_VIOLATION', 'NtMapUserPhysicalPagesScatter', 0x30000000, 1, FRAMES);
      yield* awe.expect('INVALID_PARAMETER_2', 'NtMapUserPhysicalPagesScatter', ADDRESSES, 0x100000, FRAMES);
      expect(awe.mapped).toEqual([a]);

      awe.put(COUNT, [3]);
      awe.put(FRAMES, [b, foreign, c]);
      yield* awe.expect('CONFLICTING_ADDRESSES', 'NtFreeUserPhysicalPages', SELF, COUNT, FRAMES);
      expect(user.read32(COUNT)).toBe(1);
      for (const count of [0, 0x40000000, 0xffffffff]) {
        awe.put(COUNT, [count]);
        yield* awe.expect('INVALID_PARAMETER_2', 'NtFreeUserPhysicalPages', SELF, COUNT, FRAMES);
      }
      awe.put(COUNT, [0]);
      yield* awe.expect('SUCCESS', 'NtAllocateUserPhysicalPages', SELF, COUNT, FRAMES);
      awe.put(COUNT, [0x40000000]);
      yield* awe.expect('INVALID_PARAMETER_2', 'NtAllocateUserPhysicalPages', SELF, COUNT, FRAMES);
      awe.put(COUNT, [0x1000000]);
      yield* awe.expect('ACCESS_VIOLATION', 'NtAllocateUserPhysicalPages', SELF, COUNT, FRAMES);
      awe.put(COUNT, [1]);
      yield* awe.expect('ACCESS_VIOLATION', 'NtAllocateUserPhysicalPages', SELF, COUNT, bootLayout.userProbeAddress);
      yield* awe.expect('ACCESS_VIOLATION', 'NtAllocateUserPhysicalPages', SELF, 0, FRAMES);
      yield* awe.expect('INVALID_HANDLE', 'NtAllocateUserPhysicalPages', 0x1234, COUNT, FRAMES);
      expect(mm.current.awe?.pages).toBe(2);
    });
  });

  it('are found out by the verifier when the kernel believes them', () => {
    script(function* (awe) {
      const { mm } = awe.kernel;
      const [frame, other] = yield* awe.allocate(2);
      yield* awe.map('SUCCESS', WINDOW, [frame]);
      mm.pfn.setPteAddress(other, mm.format.pteAddress(WINDOW + 0x1000));
      expect(mm.verify()).toMatch(/says that the PTE at .* maps it, which does not/);
      mm.pfn.setPteAddress(other, 0);
      mm.current.awe?.remove(frame);
      expect(mm.verify()).toMatch(/is a page of AWE that nobody owns/);
      mm.current.awe?.add(frame);
      unmapAwePage(mm, mm.current, WINDOW);
      expect(mm.verify()).toBeNull();
    });
  });
});
