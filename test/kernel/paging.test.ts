import { beforeEach, describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import type { HostPagingFile } from '../../kernel/host.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { createSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { freeVirtualMemory } from '../../kernel/mm/free-virtual-memory.js';
import { PageLocation } from '../../kernel/mm/layout.js';
import { mapViewOfSection, unmapViewOfSection } from '../../kernel/mm/map-view.js';
import type { MemoryManager } from '../../kernel/mm/memory-manager.js';
import { startClusterWrite } from '../../kernel/mm/modified-writer.js';
import { findPte } from '../../kernel/mm/page-table.js';
import { PagingFile } from '../../kernel/mm/paging-file.js';
import { HostPagingStorage, MemoryPagingStorage } from '../../kernel/mm/paging-storage.js';
import { resetPages } from '../../kernel/mm/reset-pages.js';
import { emptyWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { Status } from '../../kernel/ntstatus.js';
import type { NtStatus } from '../../kernel/types.js';
import { BareProcess, code, DATA, STACK_BASE } from './bare-process.js';
import { MemoryMachine } from './memory-machine.js';
import { evict, repurposeStandby, writeModified } from './page-out.js';

const BASE = 0x100000;
const READWRITE = 4;
const DEVICE_ERROR = Status.DEVICE_DATA_ERROR;

/** A host's paging file on a disk with room for so many pages more: what the host says with ENOSPC. */
class SmallDisk implements HostPagingFile {
  room: number;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(room: number) {
    this.room = room;
  }

  read(offset: number, into: Uint8Array): NtStatus {
    for (let at = 0; at < into.length; at += 0x1000)
      into.set(this.#pages.get(offset + at) ?? new Uint8Array(0x1000), at);
    return Status.SUCCESS;
  }

  write(offset: number, bytes: Uint8Array): NtStatus {
    if (bytes.length / 0x1000 > this.room) return Status.DISK_FULL;
    this.room -= bytes.length / 0x1000;
    for (let at = 0; at < bytes.length; at += 0x1000) this.#pages.set(offset + at, bytes.slice(at, at + 0x1000));
    return Status.SUCCESS;
  }

  setSize(size: number): NtStatus {
    return size > 64 * 0x1000 ? Status.DISK_FULL : Status.SUCCESS;
  }
}

describe('a paging file', () => {
  const make = (minimum: number, maximum = minimum) =>
    new PagingFile(0, 'x', minimum, maximum, new MemoryPagingStorage());

  it('never gives out slot 0', () => {
    const file = make(256);
    expect(file.freeSpace).toBe(255);
    expect(file.allocate(16)).toEqual({ start: 1, count: 16 });
  });

  it('finds runs, or runs of one less and halves of them when it is fragmented', () => {
    const file = make(256);
    for (let taken = 0; taken < 255; taken += file.allocate(1).count);
    expect(file.allocate(1).count).toBe(0);
    for (const slot of [10, 11, 12, 13, 20, 30]) file.free(slot);
    expect(file.allocate(5)).toMatchObject({ start: 10, count: 4 });
    for (const slot of [10, 11, 12, 13]) file.free(slot);
    expect(file.allocate(9)).toMatchObject({ start: 10, count: 2 });
    expect(file.usage).toBe(251);
  });

  it('extends within its maximum', () => {
    const file = make(256, 600);
    expect(file.extend(300)).toBe(344);
    expect(file.size).toBe(600);
    expect(file.extend(1)).toBe(0);
    expect(file.allocate(16).count).toBe(16);
  });
});

describe.each([{ pae: true }, { pae: false }])('paging of private memory, %o', ({ pae }) => {
  let machine: MemoryMachine;
  let mm: MemoryManager;
  let space: AddressSpace;

  beforeEach(() => {
    machine = new MemoryMachine({ pae, megabytes: 16 });
    mm = machine.mm;
    mm.paging.create('pagefile', 1024, 1024, new MemoryPagingStorage());
    space = machine.createSpace();
    machine.reserve(space, BASE, 64, READWRITE, true);
  });

  it('raises the commit limit by the slots of the file', () => {
    const before = mm.commit.limit;
    mm.paging.create('second', 512, 512, new MemoryPagingStorage());
    expect(mm.commit.limit).toBe(before + 511);
  });

  it('writes a trimmed page, and then it is clean on the standby list', () => {
    machine.write(BASE, 0x77);
    emptyWorkingSet(mm, space);
    writeModified(mm);
    const frame = mm.format.transitionFrame(findPte(mm, space, BASE));
    expect(mm.pfn.location(frame)).toBe(PageLocation.Standby);
    expect(mm.format.pageFileOffset(mm.pfn.originalPte(frame))).toBe(1);
    expect(mm.verify()).toBeNull();
    expect(machine.touch(BASE, AccessKind.Read)).toEqual([FaultOutcome.Transition]);
  });

  it('reads the page back when its frame was used for something else', () => {
    for (let page = 0; page < 40; page++) machine.write(BASE + page * 0x1000, page + 1);
    evict(mm, space);
    const at = findPte(mm, space, BASE);
    expect(mm.format.isTransition(at)).toBe(false);
    expect(mm.format.pageFileOffset(at)).not.toBe(0);
    expect(mm.verify()).toBeNull();
    expect(machine.touch(BASE, AccessKind.Read)).toEqual([FaultOutcome.PageFile]);
    for (let page = 0; page < 40; page++) expect(machine.read(BASE + page * 0x1000)).toBe(page + 1);
    expect(mm.counters.pagingFileFaults).toBe(40);
    expect(mm.verify()).toBeNull();
  });

  it('keeps the slot while the page is clean and frees it when it is changed', () => {
    machine.write(BASE, 1);
    evict(mm, space);
    machine.read(BASE);
    expect(mm.paging.files[0]?.usage).toBe(1);
    emptyWorkingSet(mm, space);
    expect(mm.lists.modifiedPages).toBe(0);
    machine.write(BASE, 2);
    emptyWorkingSet(mm, space);
    expect(mm.lists.modifiedPages).toBe(1);
    expect(mm.paging.files[0]?.usage).toBe(0);
    evict(mm, space);
    expect(machine.read(BASE)).toBe(2);
    expect(mm.verify()).toBeNull();
  });

  it('keeps a page modified that changes while it is written', () => {
    machine.write(BASE, 1);
    emptyWorkingSet(mm, space);
    startClusterWrite(mm);
    machine.write(BASE, 9);
    emptyWorkingSet(mm, space);
    expect(mm.verify()).toBeNull();
    mm.paging.device.finishFirst();
    expect(mm.lists.modifiedPages).toBe(1);
    expect(mm.paging.files[0]?.usage).toBe(0);
    evict(mm, space);
    expect(machine.read(BASE)).toBe(9);
    expect(mm.verify()).toBeNull();
  });

  it('gives slots back with the memory, in whatever state its pages are', () => {
    for (let page = 0; page < 30; page++) machine.write(BASE + page * 0x1000, page);
    evict(mm, space);
    for (let page = 0; page < 10; page++) machine.read(BASE + page * 0x1000);
    emptyWorkingSet(mm, space);
    for (let page = 0; page < 5; page++) machine.read(BASE + page * 0x1000);
    expect(freeVirtualMemory(mm.context, space, BASE, 0, 0x8000).status).toBe(Status.SUCCESS);
    expect(mm.paging.files[0]?.usage).toBe(0);
    expect(space.privatePages).toBe(0);
    expect(mm.verify()).toBeNull();
  });

  it('frees memory under a write and under a read', () => {
    machine.write(BASE, 1);
    machine.write(BASE + 0x1000, 1);
    evict(mm, space);
    machine.write(BASE + 0x2000, 1);
    emptyWorkingSet(mm, space);
    startClusterWrite(mm);
    machine.mm.faults.mayWait = true;
    mm.pageFault(BASE, 4);
    expect(mm.lastFault.mustWait).toBe(true);
    const { read } = mm.lastFault;
    freeVirtualMemory(mm.context, space, BASE, 0, 0x8000);
    expect(mm.verify()).toBeNull();
    while (mm.paging.device.finishFirst());
    if (read !== null) mm.completePageRead(read, BASE, 0);
    expect(mm.paging.files[0]?.usage).toBe(0);
    expect(mm.verify()).toBeNull();
  });

  it('turns a failed read into an in-page error with the status of the device, and loses nothing', () => {
    machine.write(BASE, 5);
    evict(mm, space);
    mm.paging.device.inject = () => DEVICE_ERROR;
    expect(machine.touch(BASE, AccessKind.Read)).toEqual([FaultOutcome.InPageError]);
    expect(mm.verify()).toBeNull();
    mm.paging.device.inject = null;
    expect(machine.read(BASE)).toBe(5);
    expect(mm.verify()).toBeNull();
  });

  it('keeps pages modified whose write failed', () => {
    machine.write(BASE, 5);
    emptyWorkingSet(mm, space);
    mm.paging.device.inject = () => DEVICE_ERROR;
    startClusterWrite(mm);
    mm.paging.device.finishFirst();
    expect(mm.lists.modifiedPages).toBe(1);
    expect(mm.paging.files[0]?.usage).toBe(0);
    mm.paging.device.inject = null;
    expect(mm.verify()).toBeNull();
    expect(machine.read(BASE)).toBe(5);
  });

  it('keeps what a full disk does not take, and writes it once there is room again', () => {
    const disk = new SmallDisk(5);
    const small = new MemoryMachine({ pae, megabytes: 16 });
    small.mm.paging.create('pagefile', 64, 128, new HostPagingStorage(disk));
    const owner = small.createSpace();
    small.reserve(owner, BASE, 64, READWRITE, true);
    for (let page = 0; page < 12; page++) small.write(BASE + page * 0x1000, page + 1);
    emptyWorkingSet(small.mm, owner);
    const writeOnce = () => {
      for (let tries = 0; tries < 4 && startClusterWrite(small.mm); tries++)
        while (small.mm.paging.device.finishFirst());
    };
    writeOnce();
    expect(small.mm.verify()).toBeNull();
    expect(small.mm.lists.modifiedPages).toBeGreaterThan(0);
    // The file cannot grow either, so that commitment beyond it is refused.
    expect(small.mm.paging.files[0]?.extend(64)).toBe(0);
    disk.room = 64;
    writeOnce();
    expect(small.mm.verify()).toBeNull();
    repurposeStandby(small.mm);
    expect(small.mm.lists.modifiedPages).toBe(0);
    for (let page = 0; page < 12; page++) expect(small.read(BASE + page * 0x1000)).toBe(page + 1);
    expect(small.mm.verify()).toBeNull();
  });

  it('throws away what was reset', () => {
    const vad = space.vads.find(BASE >>> 12);
    machine.write(BASE, 5);
    if (vad !== null) resetPages(mm, space, vad, BASE >>> 12, BASE >>> 12);
    evict(mm, space);
    expect(mm.paging.files[0]?.usage).toBe(0);
    expect(mm.verify()).toBeNull();
    expect(machine.read(BASE)).toBe(0);
    expect(mm.verify()).toBeNull();
  });

  it('pages shared memory through its prototype PTEs', () => {
    const request = { size: 0x8000, protection: READWRITE, attributes: SectionAttribute.Commit, file: null };
    const { section } = createSection(mm.context, request);
    if (section === null) throw new Error('no section');
    const view = { base: 0x4000000, zeroBits: 0, commitSize: 0, offset: 0, size: 0, inherit: 1, allocationType: 0 };
    mapViewOfSection(mm.context, section, space, { ...view, protection: READWRITE });
    for (let page = 0; page < 8; page++) machine.write(0x4000000 + page * 0x1000, page + 7);
    evict(mm, space);
    expect(mm.verify()).toBeNull();
    // Eight pages, and the page table: nothing in it was in transition, for shared pages are only pointed at.
    expect(mm.paging.files[0]?.usage).toBe(9);
    expect(machine.touch(0x4000000, AccessKind.Write)).toEqual([FaultOutcome.PageFile, FaultOutcome.PageFile]);
    for (let page = 0; page < 8; page++) expect(machine.read(0x4000000 + page * 0x1000)).toBe(page + 7);
    expect(mm.verify()).toBeNull();
    unmapViewOfSection(mm.context, space, 0x4000000);
    expect(mm.verify()).toBeNull();
  });

  it('goes on when all of memory is used, for a caller that cannot wait', () => {
    mm.paging.create('more', 8192, 8192, new MemoryPagingStorage());
    machine.reserve(space, 0x2000000, 6000, READWRITE, true);
    for (let page = 0; page < 6000; page++) expect(machine.write(0x2000000 + page * 0x1000, page & 0xff)).toBe(true);
    expect(mm.verify()).toBeNull();
    for (let page = 0; page < 6000; page += 7) expect(machine.read(0x2000000 + page * 0x1000)).toBe(page & 0xff);
    expect(mm.verify()).toBeNull();
  });
});

describe('threads that wait for pages', () => {
  /** MOV EAX, [DATA + 8000]; MOV [DATA + n], EAX; JMP $. */
  const reader = (result: number) => code(`a1 =${DATA + 0x8000}`, `a3 =${DATA + result}`, 'eb fe');

  it('run again when the page has come, each with the value', () => {
    const first = reader(0x10);
    const program = Uint8Array.from([...first, ...reader(0x14)]);
    const guest = new BareProcess(program);
    const { kernel, process } = guest;
    guest.startThread(0x400000 + first.length, STACK_BASE - 0x800);
    const space = process.pcb.addressSpace;
    if (space === null) throw new Error('no address space');
    guest.inProcess(function* () {
      kernel.user.write32(DATA + 0x8000, 0x1234);
      evict(kernel.mm, space);
      yield* [];
    });
    guest.run(20_000_000);
    expect(kernel.mm.counters.pagingFileFaults).toBeGreaterThan(0);
    guest.inProcess(function* () {
      expect(kernel.user.read32(DATA + 0x10)).toBe(0x1234);
      expect(kernel.user.read32(DATA + 0x14)).toBe(0x1234);
      yield* [];
    });
    expect(kernel.mm.verify()).toBeNull();
  });

  it('get STATUS_IN_PAGE_ERROR with three parameters when the page cannot be read', () => {
    const guest = new BareProcess(reader(0x10));
    const { kernel, process } = guest;
    const space = process.pcb.addressSpace;
    if (space === null) throw new Error('no address space');
    guest.inProcess(function* () {
      kernel.user.write32(DATA + 0x8000, 0x1234);
      evict(kernel.mm, space);
      yield* [];
    });
    kernel.mm.paging.device.inject = ({ slot }) => {
      const at = findPte(kernel.mm, space, DATA + 0x8000);
      const frame = kernel.mm.format.isTransition(at) ? kernel.mm.format.transitionFrame(at) : 0;
      return frame !== 0 && kernel.mm.format.pageFileOffset(kernel.mm.pfn.originalPte(frame)) === slot
        ? DEVICE_ERROR
        : null;
    };
    guest.run(20_000_000);
    expect(guest.exceptions[0]).toMatchObject({
      code: Status.IN_PAGE_ERROR,
      parameters: [0, DATA + 0x8000, DEVICE_ERROR >>> 0],
    });
    expect(kernel.mm.verify()).toBeNull();
  });
});
