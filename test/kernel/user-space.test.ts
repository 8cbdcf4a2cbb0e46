import { describe, expect, it } from 'vitest';
import { MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { addressLayout } from '../../kernel/mm/layout.js';
import { MemoryMachine } from './memory-machine.js';
import { BASE, MemoryProcess, SELF } from './memory-process.js';

const MB = 0x10_0000;
const { Commit, Reserve, TopDown, Release } = MemoryType;

describe('the address map (nt52.md 1.3)', () => {
  it.each([
    [null, 0x7ffeffff, 0x7fff0000, 0x80000000],
    [3072, 0xbffeffff, 0xbfff0000, 0xc0000000],
    [2560, 0x9ffeffff, 0x9fff0000, 0xa0000000],
    [2049, 0x803effff, 0x803f0000, 0x80400000],
    [2048, 0x7ffeffff, 0x7fff0000, 0x80000000],
  ])('with /USERVA %s', (userSpace, highestUserAddress, userProbeAddress, systemRangeStart) => {
    const layout = addressLayout(userSpace);
    expect(layout).toMatchObject({ highestUserAddress, userProbeAddress, systemRangeStart });
    expect(layout.highestVadAddress).toBe(highestUserAddress - 0x10000);
  });

  it.each([null, 3072, 2048])('has no two regions at one place (/USERVA %s)', (userSpace) => {
    const map = addressLayout(userSpace);
    const regions = [
      [0, map.systemRangeStart],
      [map.extraSystemPtes, map.extraSystemPtesEnd],
      [map.kernelData, map.kernelDataEnd],
      [map.pfnDatabase, map.nonPagedPoolEnd],
      [map.sessionSpace, map.sessionSpaceEnd],
      [0xc0000000, 0xc1000000],
      [0xc1000000, map.systemCacheEnd],
      [0xe1000000, 0xfbe00000],
    ].sort(([one], [other]) => one - other);
    regions.forEach(([, end], index) => {
      expect(end).toBeLessThanOrEqual(regions[index + 1]?.[0] ?? 0x1_0000_0000);
    });
  });
});

describe.each([true, false])('with /3GB, PAE %s', (pae) => {
  const machine = (userSpace = 3072) => new MemoryMachine({ pae, userSpace });

  it('page tables of all of user space come and go', () => {
    const made = machine();
    const { mm } = made;
    const space = made.createSpace();
    expect(mm.format.userTables).toBe(pae ? 1536 : 768);
    const vad = made.reserve(space, 0x7fe0_0000, 0x4000_0000 / 0x1000, 4, false);
    expect(vad.endingVpn).toBe(0xbfdff);
    made.reserve(space, 0xbfe0_0000, 0x10, 4, true);
    expect(made.write(0xbfe0_f000, 7)).toBe(true);
    expect(made.read(0xbfe0_f000)).toBe(7);
    expect(made.read(0xbfe1_0000)).toBe(-1);
    expect(made.read(0xc000_0000)).toBe(-1);
    expect(mm.verify()).toBeNull();
  });

  it('gives what /USERVA leaves to system PTEs, which are reserved and released as the others', () => {
    const { mm } = machine(2064);
    const ordinary = new MemoryMachine({ pae, userSpace: 2064, megabytes: 16 }).mm.systemPtes.count;
    expect(ordinary).toBe(7000);
    const large = new MemoryMachine({ pae, userSpace: 3064, megabytes: 32 }).mm;
    expect(large.systemPtes.count).toBe(11000 + (8 * MB) / 0x1000);
    const free = large.systemPtes.free;
    const first = large.systemPtes.reserve(11000);
    const second = large.systemPtes.reserve(2048);
    expect([first, second]).toEqual([0xeb000000, 0xbf800000]);
    expect(large.systemPtes.contains(0xbf800000)).toBe(true);
    expect(large.systemPtes.contains(0xeb000000 + 11000 * 0x1000)).toBe(false);
    expect(large.systemPtes.reserve(1)).toBe(0);
    large.systemPtes.release(second, 2048);
    large.systemPtes.release(first, 11000);
    expect(large.systemPtes.free).toBe(free);
    expect(large.systemPtes.reserve(11001)).toBe(0);
    expect([large.verify(), mm.verify()]).toEqual([null, null]);
  });

  it('a stack of a thread may lie in the extra range', () => {
    const { mm } = new MemoryMachine({ pae, userSpace: 2048, megabytes: 32 });
    expect(mm.systemPtes.count).toBe(50_000);
    mm.systemPtes.reserve(11_000);
    const stack = mm.allocateKernelStack();
    expect(stack).toBeLessThan(0xc000_0000);
    mm.system.write32(stack - 4, 0x1234);
    expect(mm.system.read32(stack - 4)).toBe(0x1234);
    expect(mm.verify()).toBeNull();
  });
});

describe('services of a process with /3GB', () => {
  const process = () => new MemoryProcess({ userSpace: 3072, memorySize: 32 * MB });

  it('take pointers and regions up to the boundary', () => {
    const guest = process();
    guest.inProcess(function* () {
      const top = yield* guest.reserve('SUCCESS', 0, 0x10000, Reserve | Commit | TopDown);
      expect(top).toBe(0xbffd0000);
      guest.put(top + 0xfff8, [0x1000, 0]);
      yield* guest.expect('SUCCESS', 'NtQueryVirtualMemory', SELF, top, 0, top + 0x100, 0x1c, top + 0x200);
      expect(guest.read(top + 0x100, 4)).toEqual([top, top, 4, 0x10000]);
      expect(yield* guest.store(top + 0xfffc, 9)).toBe('STATUS_SUCCESS');
      expect(yield* guest.store(0xbfff0000, 9)).toBe('STATUS_ACCESS_VIOLATION');
      yield* guest.reserve('INVALID_PARAMETER_2', 0xbffe0000, 0x1000, Reserve);
      yield* guest.reserve('INVALID_PARAMETER_4', 0x80000000, 0x40000000, Reserve);
      yield* guest.free('SUCCESS', top, 0, Release);
      yield* guest.free('INVALID_PARAMETER_2', 0xbfff0000, 0, Release);
      const all = yield* guest.reserve('SUCCESS', 0x8000_0000, 0x3ffe0000, Reserve | Commit);
      expect(yield* guest.store(all + 0x3ffdfffc, 9)).toBe('STATUS_SUCCESS');
      expect(guest.process.pcb.addressSpace?.commitCharge).toBeGreaterThan(0x3ffe0);
      yield* guest.free('SUCCESS', all, 0, Release);
    });
    expect(guest.kernel.mm.verify()).toBeNull();
  });

  it('keep the shared data, which has no page of its own, from everybody', () => {
    const guest = process();
    guest.inProcess(function* () {
      yield* guest.reserve('CONFLICTING_ADDRESSES', 0x7ffe0000, 0x1000, Reserve);
      yield* guest.reserve('CONFLICTING_ADDRESSES', 0x7ffe4000, 0x1000, Commit);
      yield* guest.free('MEMORY_NOT_ALLOCATED', 0x7ffe0000, 0, Release);
      yield* guest.protect('CONFLICTING_ADDRESSES', 0x7ffe4000, 0x1000, 4);
      expect(yield* guest.load(0x7ffe026c)).toBe(5);
      expect(yield* guest.load(0x7ffe1000)).toBe('STATUS_ACCESS_VIOLATION');
      // Its page table is paid for by who has something in it, once.
      yield* guest.reserve('SUCCESS', 0x7fff0000, 0x10000, Reserve | Commit);
      yield* guest.free('SUCCESS', 0x7fff0000, 0, Release);
      guest.put(BASE, [0]);
    });
    expect(guest.kernel.mm.verify()).toBeNull();
  });
});
