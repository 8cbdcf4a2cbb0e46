import { describe, expect, it } from 'vitest';
import type { Blocking } from '../../kernel/types.js';
import { bootLayout } from '../boot-options.js';
import { DATA } from './bare-process.js';
import { MemoryProcess, SELF, type StatusName } from './memory-process.js';

/** Write watch by its services (nt52.md 9.8), in a region of 16 pages of which all but the last two are committed. */

const REGION = 0x10000000;
const PAGES = 16;
const COMMITTED = 14;
const COUNT = DATA + 0x40;
const GRANULARITY = DATA + 0x44;
const ADDRESSES = DATA + 0x100;
const RESERVE_WATCHED = 0x202000;
const [COMMIT, DECOMMIT, RELEASE, RESET] = [0x1000, 0x4000, 0x8000, 0x80000];
const [READONLY, READWRITE] = [2, 4];

class WatchedProcess extends MemoryProcess {
  /** Pages of the region that were written, as numbers. */
  *written(flags = 0, room = PAGES): Blocking<number[]> {
    this.put(COUNT, [room]);
    const size = PAGES * 0x1000;
    yield* this.expect('SUCCESS', 'NtGetWriteWatch', SELF, flags, REGION, size, ADDRESSES, COUNT, GRANULARITY);
    expect(this.read(GRANULARITY, 1)).toEqual([0x1000]);
    return this.read(ADDRESSES, this.read(COUNT, 1)[0]).map((address) => (address - REGION) / 0x1000);
  }

  *storeTo(...pages: readonly number[]): Blocking<void> {
    for (const page of pages) expect(yield* this.store(REGION + page * 0x1000 + 8, page)).toBe('STATUS_SUCCESS');
  }

  *resetWatch(page: number, pages: number): Blocking<void> {
    yield* this.expect('SUCCESS', 'NtResetWriteWatch', SELF, REGION + page * 0x1000, pages * 0x1000);
  }
}

const machines: WatchedProcess[] = [];

/** Runs a script with the region, under PAE and without, and checks the whole memory manager afterwards. */
function script(body: (watched: WatchedProcess) => Blocking<void>): void {
  if (machines.length === 0) machines.push(new WatchedProcess({ pae: true }), new WatchedProcess({ pae: false }));
  for (const watched of machines) {
    const { mm } = watched.kernel;
    watched.inThread(function* () {
      yield* watched.reserve('SUCCESS', REGION, PAGES * 0x1000, RESERVE_WATCHED);
      yield* watched.reserve('SUCCESS', REGION, COMMITTED * 0x1000, COMMIT);
      yield* body(watched);
      expect(mm.verify()).toBeNull();
      yield* watched.free('SUCCESS', REGION, 0, RELEASE);
      expect(mm.verify()).toBeNull();
    });
  }
}

describe('write watch', () => {
  it('tells which pages were written, in order, and not which were read', () => {
    script(function* (watched) {
      expect(yield* watched.written()).toEqual([]);
      for (let page = 0; page < COMMITTED; page++) yield* watched.load(REGION + page * 0x1000);
      expect(yield* watched.written()).toEqual([]);
      yield* watched.storeTo(9, 2, 5, 2);
      expect(yield* watched.written()).toEqual([2, 5, 9]);
      expect(yield* watched.written(0, 2)).toEqual([2, 5]);
    });
  });

  it('forgets what it is told to, and sees the next store', () => {
    script(function* (watched) {
      yield* watched.storeTo(1, 3, 5, 7);
      expect(yield* watched.written(1, 2)).toEqual([1, 3]);
      expect(yield* watched.written()).toEqual([5, 7]);
      yield* watched.resetWatch(5, 2);
      expect(yield* watched.written(1)).toEqual([7]);
      expect(yield* watched.written()).toEqual([]);
      yield* watched.storeTo(3, 7);
      expect(yield* watched.written(1)).toEqual([3, 7]);
    });
  });

  it('remembers pages that were trimmed, protected, reset or decommitted since', () => {
    script(function* (watched) {
      const { mm } = watched.kernel;
      yield* watched.storeTo(0, 1, 2, 3);
      yield* watched.load(REGION + 0x4000);
      const minusOne = 0xffffffff;
      watched.put(DATA + 0x400, [0, 0, minusOne, minusOne, 0, 0, 0, 0]);
      yield* watched.expect('SUCCESS', 'NtSetInformationProcess', SELF, 1, DATA + 0x400, 0x20);
      yield* watched.protect('SUCCESS', REGION + 0x1000, 0x1000, READONLY);
      yield* watched.reserve('SUCCESS', REGION + 0x2000, 0x1000, RESET);
      yield* watched.free('SUCCESS', REGION + 0x3000, 0x1000, DECOMMIT);
      expect(yield* watched.written()).toEqual([0, 1, 2, 3]);
      yield* watched.resetWatch(0, PAGES);
      expect(yield* watched.load(REGION)).toBe(0);
      yield* watched.protect('SUCCESS', REGION + 0x1000, 0x1000, READWRITE);
      expect(yield* watched.written()).toEqual([]);
      expect(mm.verify()).toBeNull();
      yield* watched.storeTo(0, 1);
      expect(yield* watched.written()).toEqual([0, 1]);
    });
  });

  it('refuses what is not right, and changes nothing', () => {
    script(function* (watched) {
      yield* watched.storeTo(4);
      const size = PAGES * 0x1000;
      const calls: readonly [StatusName, number, number, number, number, number, number, number][] = [
        ['INVALID_PARAMETER_2', SELF, 2, REGION, size, ADDRESSES, COUNT, 1],
        ['INVALID_PARAMETER_2', SELF, 1, bootLayout.systemRangeStart, size, ADDRESSES, COUNT, 1],
        ['INVALID_PARAMETER_3', SELF, 1, REGION, 0xf0000000, ADDRESSES, COUNT, 1],
        ['ACCESS_VIOLATION', SELF, 1, REGION, size, ADDRESSES, 0, 1],
        ['INVALID_PARAMETER_5', SELF, 1, REGION, size, ADDRESSES, COUNT, 0],
        ['INVALID_PARAMETER_5', SELF, 1, REGION, size, ADDRESSES, COUNT, 0x40000000],
        ['ACCESS_VIOLATION', SELF, 1, REGION, size, 0x30000000, COUNT, 1],
        ['ACCESS_VIOLATION', SELF, 1, REGION, size, ADDRESSES, COUNT, 0x4000000],
        ['INVALID_HANDLE', 0x1234, 1, REGION, size, ADDRESSES, COUNT, 1],
        ['INVALID_PARAMETER_4', SELF, 1, REGION, 0, ADDRESSES, COUNT, 1],
        ['INVALID_PARAMETER_1', SELF, 1, REGION, size + 1, ADDRESSES, COUNT, 1],
        ['INVALID_PARAMETER_1', SELF, 1, DATA, 0x1000, ADDRESSES, COUNT, 1],
        ['INVALID_PARAMETER_1', SELF, 1, 0x30000000, 0x1000, ADDRESSES, COUNT, 1],
      ];
      for (const [status, process, flags, base, length, addresses, count, room] of calls) {
        watched.put(COUNT, [room]);
        yield* watched.expect(status, 'NtGetWriteWatch', process, flags, base, length, addresses, count, GRANULARITY);
      }
      yield* watched.expect('INVALID_PARAMETER_2', 'NtResetWriteWatch', SELF, bootLayout.systemRangeStart, 0x1000);
      yield* watched.expect('INVALID_PARAMETER_3', 'NtResetWriteWatch', SELF, REGION, 0xf0000000);
      yield* watched.expect('INVALID_PARAMETER_3', 'NtResetWriteWatch', SELF, REGION, 0);
      yield* watched.expect('INVALID_PARAMETER_1', 'NtResetWriteWatch', SELF, DATA, 0x1000);
      yield* watched.reserve('INVALID_PARAMETER_5', 0, 0x1000, 0x201000);
      yield* watched.free('FREE_VM_NOT_AT_BASE', REGION, 0x1000, RELEASE);
      expect(yield* watched.written()).toEqual([4]);
    });
  });
});
