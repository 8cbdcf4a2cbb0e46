import { describe, expect, it, vi } from 'vitest';
import type { BugcheckError } from '../../kernel/bugcheck.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { allocateVirtualMemory, MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { waitForCommitment } from '../../kernel/mm/dereference-thread.js';
import { contractPagingFiles } from '../../kernel/mm/extend-paging-files.js';
import { PageLocation } from '../../kernel/mm/layout.js';
import { memoryThresholds } from '../../kernel/mm/memory-thresholds.js';
import { PagingFile } from '../../kernel/mm/paging-file.js';
import { MemoryPagingStorage, type PagingStorage } from '../../kernel/mm/paging-storage.js';
import { emptyWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import type { MachineOptions } from '../../kernel/options.js';
import { BareProcess, code, DATA } from './bare-process.js';
import { MemoryMachine } from './memory-machine.js';
import { writeModified } from './page-out.js';

const BASE = 0x1000000;
const MB = 1 << 20;

/** MOV EDI, BASE; loop: MOV [EDI], EDI; ADD EDI, 1000; JMP loop. */
const FILLER = code(`bf =${BASE}`, '89 3f', '81 c7 =4096', 'eb f6');

function filler(pages: number, options: Partial<MachineOptions>): { guest: BareProcess; space: AddressSpace } {
  const guest = new BareProcess(FILLER, { memorySize: 16 * MB, ...options });
  const space = guest.process.pcb.addressSpace;
  if (space === null) throw new Error('no address space');
  const type = MemoryType.Commit | MemoryType.Reserve;
  const request = { base: BASE, zeroBits: 0, size: pages * 0x1000, type, protection: 4 };
  expect(allocateVirtualMemory(guest.kernel, space, request).status).toBe(0);
  return { guest, space };
}

describe('thresholds (nt52 3.7)', () => {
  it.each([
    [8, 0, 100, 400, 400, 0],
    [16, 0, 150, 400, 400, 0],
    [24, 1, 300, 400, 400, 2],
    [64, 2, 800, 800, 800, 5],
    [256, 2, 800, 800, 800 + 1024, 5],
    [2048, 2, 800, 800, 8192 + 2048, 5],
  ])('of a machine with %i MB', (megabytes, size, modified, plenty, low, stacks) => {
    expect(memoryThresholds(megabytes * 256)).toMatchObject({
      systemSize: size,
      modifiedPageMaximum: modified,
      plentyFreePages: plenty,
      lowMemory: low,
      highMemory: low * 3,
      deadKernelStacks: stacks,
    });
  });
});

describe('available pages', () => {
  it('signal and reset what depends on their number, one page apart', () => {
    const { mm } = new MemoryMachine({ megabytes: 16 });
    const { lists, available } = mm;
    const taken: number[] = [];
    const takeDownTo = (pages: number): void => {
      while (lists.availablePages > pages) taken.push(lists.removeAnyPage(0));
    };
    const states = () =>
      [available.low, available.high, available.lowMemory, available.highMemory].map((event) => event.signalState);
    expect(states()).toEqual([1, 1, 0, 1]);
    takeDownTo(1200);
    expect(states()).toEqual([1, 1, 0, 1]);
    takeDownTo(1199);
    expect(states()).toEqual([1, 1, 0, 0]);
    takeDownTo(401);
    expect(states()).toEqual([1, 1, 0, 0]);
    takeDownTo(400);
    expect(states()).toEqual([1, 1, 1, 0]);
    takeDownTo(127);
    expect(states()).toEqual([1, 0, 1, 0]);
    takeDownTo(1);
    expect(states()).toEqual([0, 0, 1, 0]);
    for (const frame of taken) lists.insertFree(frame);
    expect(states()).toEqual([1, 1, 0, 1]);
    expect(mm.verify()).toBeNull();
  });
});

describe('bad pages', () => {
  const badPages = [0x200, 0x201, 0x6ff];

  it('are on their list from boot on, and nobody gets them', () => {
    const { guest } = filler(3000, { badPages, memorySize: 8 * MB });
    const { mm } = guest.kernel;
    const whole = new BareProcess(code('eb fe'), { memorySize: 8 * MB }).kernel.mm;
    guest.run(20_000);
    expect(mm.counters.dirtyPagesWritten).toBeGreaterThan(100);
    expect(mm.lists.bad.total).toBe(3);
    for (const frame of badPages) {
      expect([mm.pfn.location(frame), mm.memory.isTouched(frame)]).toEqual([PageLocation.Bad, false]);
    }
    const pagingFile = mm.paging.files.reduce((sum, file) => sum + file.size - 1, 0);
    const otherFile = whole.paging.files.reduce((sum, file) => sum + file.size - 1, 0);
    expect(mm.commit.limit - pagingFile).toBe(whole.commit.limit - otherFile - 3);
    expect(mm.verify()).toBeNull();
  });

  it.each([1, 0x800, 0xfffff])('frame %x is none of theirs: the machine does not boot', (frame) => {
    expect(() => new BareProcess(code('eb fe'), { badPages: [frame], memorySize: 8 * MB })).toThrow(/7D/i);
  });
});

describe('a process that makes modified pages', () => {
  it('is slowed down when the writer cannot keep up', () => {
    const { guest } = filler(9000, { pagingFiles: [{ size: 64 * MB, maximum: 64 * MB }] });
    const before = guest.kernel.clock.nanoseconds();
    guest.run(200_000);
    const { throttledFaults } = guest.kernel.counters;
    expect(throttledFaults).toBeGreaterThan(0);
    expect(guest.kernel.clock.nanoseconds() - before).toBeGreaterThan(throttledFaults * 400_000_000);
    expect(guest.kernel.mm.verify()).toBeNull();
  });
});

describe('when no page can be written', () => {
  it('the machine stops with NO_PAGES_AVAILABLE 70 seconds after the last page, and loses none', () => {
    const { guest } = filler(9000, { pagingFiles: [{ size: 64 * MB, maximum: 64 * MB }] });
    const { mm } = guest.kernel;
    mm.paging.device.inject = ({ kind }) => (kind === 'write' ? Status.DEVICE_DATA_ERROR : null);
    let stop: BugcheckError | null = null;
    try {
      guest.run(1_000_000);
    } catch (error) {
      stop = error as BugcheckError;
    }
    expect(stop?.report.code).toBe(0x4d);
    expect(stop?.report.parameters[1]).toBe(mm.lists.modifiedForPagingFile.total);
    expect(stop?.report.parameters[3]).toBe(Status.DEVICE_DATA_ERROR >>> 0);
    expect(guest.kernel.clock.nanoseconds()).toBeGreaterThanOrEqual(70_000_000_000);
    // Only writes that are being tried again hold slots.
    expect(mm.paging.files[0]?.usage).toBe(mm.paging.pagesInWrites);
    expect(mm.verify()).toBeNull();
  });
});

describe('the dereference segment thread', () => {
  const small = { pagingFiles: [{ size: 2 * MB, maximum: 64 * MB }] };

  it('makes paging files bigger for a charge that waits', () => {
    const { guest } = filler(16, small);
    const { mm } = guest.kernel;
    const { limit } = mm.commit;
    const wanted = limit - mm.commit.charged;
    expect(mm.commit.missing(wanted)).toBe(mm.commit.reserve);
    guest.inProcess(() => waitForCommitment(guest.kernel, wanted));
    expect(mm.commit.limit).toBe(limit + 4096);
    expect(mm.commit.missing(wanted)).toBe(0);
    expect(mm.verify()).toBeNull();
  });

  it('makes them bigger before anybody has to wait, above nine tenths of the limit', () => {
    const { guest } = filler(16, small);
    const { mm } = guest.kernel;
    const { limit } = mm.commit;
    const wanted = Math.ceil(limit * 0.92) - mm.commit.charged;
    expect(mm.commit.charge(wanted)).toBe(true);
    expect(mm.commit.limit).toBe(limit);
    guest.run(1000);
    expect(mm.commit.limit).toBeGreaterThan(limit);
    mm.commit.release(wanted);
    expect(mm.verify()).toBeNull();
  });

  it('makes them smaller again when little is charged', () => {
    const guest = new BareProcess(code('eb fe'), small);
    const { mm } = guest.kernel;
    const file = mm.paging.files[0];
    if (file === undefined) throw new Error('no paging file');
    guest.run(1000);
    mm.paging.extendFile(file, 4096);
    expect(file.size).toBe(4608);
    guest.kernel.clock.skip(1_100_000_000);
    guest.run(20_000);
    expect(file.size).toBeLessThan(4608);
    expect(mm.commit.allowsContraction && file.contractible > 0).toBe(false);
    expect(mm.verify()).toBeNull();
  });

  it('keeps slots that are in use, and the minimum', () => {
    const file = new PagingFile(0, 'x', 512, 8192, new MemoryPagingStorage());
    file.extend(4096);
    expect(file.contractible).toBe(4096);
    while (file.usage < 1000) file.allocate(1);
    expect(file.contractible).toBe(3584);
    file.contract(3584);
    expect(file.size).toBe(1024);
    expect([file.allocate(16).count, file.allocate(16).count]).toEqual([16, 7]);
  });

  it('makes do with what the store has room for', () => {
    let room = 700;
    const storage: PagingStorage = {
      read: () => Status.SUCCESS,
      write: () => Status.SUCCESS,
      resize: (pages) => (pages <= room ? Status.SUCCESS : Status.DISK_FULL),
    };
    const file = new PagingFile(0, 'x', 256, 8192, storage);
    expect(file.extend(20)).toBe(256);
    room = 540;
    expect(file.extend(20)).toBe(20);
    expect(file.extend(20)).toBe(0);
    expect(file.size).toBe(532);
  });

  it('does nothing where nothing has grown', () => {
    const { mm } = new MemoryMachine({ megabytes: 16 });
    mm.paging.create('x', 512, 512, new MemoryPagingStorage());
    const { limit } = mm.commit;
    contractPagingFiles(mm);
    expect(mm.commit.limit).toBe(limit);
  });
});

describe('services that charge more than the limit', () => {
  it('wait for the dereference segment thread to make paging files bigger: sections, copies of views', () => {
    const guest = new BareProcess(code('eb fe'), {
      memorySize: 16 * MB,
      pagingFiles: [{ size: 2 * MB, maximum: 512 * MB }],
    });
    const { mm, user } = guest.kernel;
    const asked = vi.spyOn(mm.dereference, 'requestAndNotify');
    const statuses: string[] = [];
    guest.inProcess(function* () {
      const call = function* (name: string, ...rest: number[]) {
        statuses.push(`${name} ${statusName(yield* guest.call(name, ...rest))} ${asked.mock.calls.length}`);
      };
      user.write32(DATA, 64 * MB);
      user.write32(DATA + 4, 0);
      yield* call('NtCreateSection', DATA + 8, 0xf001f, 0, DATA, 4, 0x8000000, 0);
      user.write32(DATA + 0x10, 0);
      user.write32(DATA + 0x14, 0);
      const handle = user.read32(DATA + 8);
      // PAGE_WRITECOPY: all pages are charged to the process.
      yield* call('NtMapViewOfSection', handle, 0xffffffff, DATA + 0x10, 0, 0, 0, DATA + 0x14, 2, 0, 8);
      yield* call('NtUnmapViewOfSection', 0xffffffff, user.read32(DATA + 0x10));
      yield* call('NtClose', handle);
    });
    expect(statuses).toEqual([
      'NtCreateSection STATUS_SUCCESS 1',
      'NtMapViewOfSection STATUS_SUCCESS 2',
      'NtUnmapViewOfSection STATUS_SUCCESS 2',
      'NtClose STATUS_SUCCESS 2',
    ]);
    expect(mm.verify()).toBeNull();
  });
});

describe('writes to paging files', () => {
  it('are two at a time to each of them', () => {
    const machine = new MemoryMachine({ megabytes: 16 });
    const { mm } = machine;
    for (const name of ['first', 'second']) mm.paging.create(name, 512, 512, new MemoryPagingStorage());
    const space = machine.createSpace();
    machine.reserve(space, BASE, 200, 4, true);
    for (let page = 0; page < 200; page++) machine.write(BASE + page * 0x1000, page);
    emptyWorkingSet(mm, space);
    const runs = [
      mm.paging.beginWrite(16),
      mm.paging.beginWrite(16),
      mm.paging.beginWrite(16),
      mm.paging.beginWrite(16),
    ];
    expect(runs.map((run) => run?.file.name)).toEqual(['first', 'first', 'second', 'second']);
    expect(mm.paging.beginWrite(16)).toBeNull();
    for (const run of runs) {
      if (run === null) continue;
      for (let slot = run.start; slot < run.start + run.count; slot++) mm.paging.free(run.file.number, slot);
      mm.paging.endWrite(run.file, Status.SUCCESS);
    }
    writeModified(mm);
    expect(mm.lists.modifiedPages).toBe(0);
    expect(mm.paging.files.map((file) => file.usage).every((usage) => usage > 0)).toBe(true);
    for (let page = 0; page < 200; page++) expect(machine.read(BASE + page * 0x1000)).toBe(page & 0xff);
    expect(mm.verify()).toBeNull();
  });
});
