import { describe, expect, it } from 'vitest';
import { isLargePageAddress } from '../../kernel/mm/large-page.js';
import type { Blocking } from '../../kernel/types.js';
import { DATA } from './bare-process.js';
import { BASE, MemoryProcess, SELF, SIZE } from './memory-process.js';

/** MEM_LARGE_PAGES by its services (nt52.md 9.9). */

const REGION = 0x10000000;
const [LARGE, RELEASE, DECOMMIT] = [0x20003000, 0x8000, 0x4000];
const [NOACCESS, READONLY, READWRITE, GUARDED] = [1, 2, 4, 0x104];

const machines: MemoryProcess[] = [];

/** Runs a script under PAE and without, with the size of a large page there. */
function script(body: (large: MemoryProcess, size: number) => Blocking<void>): void {
  if (machines.length === 0) {
    const memorySize = 40 << 20;
    machines.push(new MemoryProcess({ pae: true, memorySize }), new MemoryProcess({ pae: false, memorySize }));
  }
  for (const large of machines) {
    const { mm } = large.kernel;
    large.inThread(function* () {
      const free = mm.lists.availablePages;
      const before = new Set(mm.current.vads);
      yield* body(large, mm.format.isPae ? 0x200000 : 0x400000);
      expect(mm.verify()).toBeNull();
      for (const vad of mm.current.vads) {
        if (!before.has(vad)) yield* large.free('SUCCESS', vad.startAddress, 0, RELEASE);
      }
      expect(mm.verify()).toBeNull();
      expect(mm.resident.charged.largePages).toBe(0);
      expect(Math.abs(mm.lists.availablePages - free)).toBeLessThan(20);
    });
  }
}

describe('large pages', () => {
  it('are zeroed, contiguous, in no working set, and need no fault', () => {
    script(function* (large, size) {
      const { mm } = large.kernel;
      yield* large.reserve('SUCCESS', REGION, 2 * size, LARGE);
      const [workingSet, faults] = [mm.current.workingSetSize, mm.counters.pageFaults];
      for (let at = REGION; at < REGION + 2 * size; at += 0x10000) {
        expect(yield* large.load(at)).toBe(0);
        expect(yield* large.store(at, at)).toBe('STATUS_SUCCESS');
      }
      expect(yield* large.load(REGION + size + 0x30000)).toBe(REGION + size + 0x30000);
      expect([mm.current.workingSetSize, mm.counters.pageFaults]).toEqual([workingSet, faults]);
      expect(isLargePageAddress(mm, mm.current, REGION + size)).toBe(true);
      expect(yield* large.query(REGION)).toEqual([0x1000, READWRITE, 2 * size]);
    });
  });

  it('say in the working set information that they are large, locked and how they are protected', () => {
    script(function* (large, size) {
      yield* large.reserve('SUCCESS', REGION, size, LARGE, READONLY);
      yield* large.reserve('SUCCESS', REGION + 0x1000000, 0x2000, 0x3000);
      yield* large.store(REGION + 0x1000000, 1);
      const asked = [REGION, REGION + 0x5000, REGION + size, REGION + 0x1000000, REGION + 0x1001000, 0xc0000000];
      large.put(
        DATA + 0x100,
        asked.flatMap((address) => [address, 0xdeadbeef]),
      );
      yield* large.expect('SUCCESS', 'NtQueryVirtualMemory', SELF, 0, 4, DATA + 0x100, asked.length * 8, 0);
      const attributes = large.read(DATA + 0x100, asked.length * 2).filter((_, index) => index % 2 === 1);
      // Valid, one share, protection, locked, large.
      const ofLarge = 1 | (1 << 1) | (READONLY << 4) | (1 << 22) | (1 << 23);
      expect(attributes).toEqual([ofLarge, ofLarge, 0, 1 | (1 << 1) | (READWRITE << 4), 0, 0]);
    });
  });

  it('keep the protection that they were given', () => {
    script(function* (large, size) {
      yield* large.reserve('SUCCESS', REGION, size, LARGE, READONLY);
      expect(yield* large.load(REGION)).toBe(0);
      expect(yield* large.store(REGION, 1)).toBe('STATUS_ACCESS_VIOLATION');
      expect(yield* large.protect('SUCCESS', REGION, 0x1000, READONLY)).toBe(READONLY);
      yield* large.protect('CONFLICTING_ADDRESSES', REGION, size, READWRITE);
    });
  });

  it('lie anywhere at their alignment when no address is given', () => {
    script(function* (large, size) {
      expect((yield* large.reserve('SUCCESS', 0, size, LARGE)) % size).toBe(0);
      expect((yield* large.reserve('SUCCESS', 0, size, LARGE | 0x100000)) % size).toBe(0);
    });
  });

  it('refuse sizes and addresses that are no multiple, parts, locks and decommit', () => {
    script(function* (large, size) {
      yield* large.reserve('INVALID_PARAMETER_4', REGION, size + 0x1000, LARGE);
      yield* large.reserve('INVALID_PARAMETER_4', 0, 0x1000, LARGE);
      yield* large.reserve('INVALID_PARAMETER_2', REGION + 0x10000, size, LARGE);
      yield* large.reserve('INVALID_PARAMETER_5', REGION, size, 0x20002000);
      yield* large.reserve('INVALID_PARAMETER_5', REGION, size, LARGE | 0x200000);
      for (const protection of [NOACCESS, GUARDED, 8]) {
        yield* large.reserve('INVALID_PAGE_PROTECTION', REGION, size, LARGE, protection);
      }
      yield* large.reserve('SUCCESS', REGION, size, LARGE);
      yield* large.reserve('CONFLICTING_ADDRESSES', REGION, 0x1000, 0x1000);
      yield* large.free('MEMORY_NOT_ALLOCATED', REGION, 0x1000, DECOMMIT);
      yield* large.free('FREE_VM_NOT_AT_BASE', REGION, 0x1000, RELEASE);
      large.put(BASE, [REGION]);
      large.put(SIZE, [0x1000]);
      yield* large.expect('INCOMPATIBLE_FILE_MAP', 'NtLockVirtualMemory', SELF, BASE, SIZE, 1);
    });
  });

  it('fail where memory is not contiguous, and leave nothing behind', () => {
    script(function* (large, size) {
      const { mm } = large.kernel;
      const charged = mm.commit.charged;
      yield* large.reserve('INSUFFICIENT_RESOURCES', REGION, 32 * 0x400000, LARGE);
      expect(mm.commit.charged).toBe(charged);
      // One of 64 frames is somebody else's.
      const taken: number[] = [];
      while (mm.lists.availablePages > 0) {
        const frame = mm.lists.removeZeroPage(0);
        mm.pfn.makeAwe(frame);
        taken.push(frame);
      }
      const kept = taken.filter((frame) => frame % 64 === 1);
      for (const frame of taken) if (frame % 64 !== 1) mm.lists.insertZeroed(frame);
      yield* large.reserve('INSUFFICIENT_RESOURCES', REGION, size, LARGE);
      for (const frame of kept) mm.lists.insertZeroed(frame);
      yield* large.reserve('SUCCESS', REGION, size, LARGE);
    });
  });
});
