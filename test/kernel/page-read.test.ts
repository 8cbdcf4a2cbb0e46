import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import { MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { freeVirtualMemory } from '../../kernel/mm/free-virtual-memory.js';
import { PageLocation } from '../../kernel/mm/layout.js';
import { findPte, removeFromWorkingSet } from '../../kernel/mm/page-table.js';
import { MemoryPagingStorage } from '../../kernel/mm/paging-storage.js';
import { ProtectionMask } from '../../kernel/mm/protection.js';
import { Status } from '../../kernel/ntstatus.js';
import { BareProcess, code, DATA } from './bare-process.js';
import { MemoryMachine } from './memory-machine.js';
import { evict } from './page-out.js';

const BASE = 0x1000000;
const PAGES = 32;
const { PageFile, InPageError, Transition } = FaultOutcome;

/** A process whose pages BASE .. BASE + 31 lie one behind the other in the paging file. */
function pagedOut(pae: boolean, clusterPageFileReads: number, pages = PAGES) {
  const machine = new MemoryMachine({ pae, megabytes: 16, clusterPageFileReads });
  const { mm } = machine;
  mm.paging.create('pagefile', 1024, 1024, new MemoryPagingStorage());
  const space = machine.createSpace();
  machine.reserve(space, BASE, PAGES, ProtectionMask.ReadWrite, true);
  for (let page = 0; page < pages; page++) machine.write(BASE + page * 0x1000, page + 1);
  for (let page = 0; page < pages; page++) removeFromWorkingSet(mm, space, BASE + page * 0x1000);
  evict(mm, space);
  return { machine, mm, space };
}

describe.each([{ pae: true }, { pae: false }])('reads of a paging file, %o', ({ pae }) => {
  it('are of one page by default', () => {
    const { machine, mm } = pagedOut(pae, 0);
    machine.touch(BASE + 0x5000, AccessKind.Read);
    expect(mm.counters).toMatchObject({ pagesRead: 1, pageReadIos: 1, pagingFileFaults: 1 });
  });

  it('bring in neighbours whose slots follow each other, forward first, which wait on the standby list', () => {
    const { machine, mm, space } = pagedOut(pae, 7);
    expect(machine.touch(BASE + 0x5000, AccessKind.Read)).toEqual([PageFile]);
    expect(mm.counters).toMatchObject({ pagesRead: 8, pageReadIos: 1, pagingFileFaults: 1 });
    for (let page = 6; page <= 12; page++) {
      const at = findPte(mm, space, BASE + page * 0x1000);
      expect(mm.pfn.location(mm.format.transitionFrame(at))).toBe(PageLocation.Standby);
    }
    expect(mm.format.isTransition(findPte(mm, space, BASE + 0x4000))).toBe(false);
    expect(mm.verify()).toBeNull();
    expect(machine.touch(BASE + 0x6000, AccessKind.Write)).toEqual([Transition]);
    for (let page = 0; page < PAGES; page++) expect(machine.read(BASE + page * 0x1000)).toBe(page + 1);
    expect(mm.verify()).toBeNull();
  });

  it('go backward where nothing follows', () => {
    const { machine, mm } = pagedOut(pae, 15);
    machine.touch(BASE + (PAGES - 1) * 0x1000, AccessKind.Read);
    expect(mm.counters.pagesRead).toBe(16);
    expect(machine.touch(BASE + (PAGES - 16) * 0x1000, AccessKind.Read)).toEqual([Transition]);
    expect(machine.read(BASE + (PAGES - 16) * 0x1000)).toBe(PAGES - 15);
    expect(mm.verify()).toBeNull();
  });

  it('stop at a page that lies elsewhere, or has another protection, or is in memory', () => {
    const { machine, mm, space } = pagedOut(pae, 15, 10);
    mm.format.setProtection(findPte(mm, space, BASE + 0x7000), ProtectionMask.ReadOnly);
    machine.touch(BASE + 0x3000, AccessKind.Read);
    expect(mm.counters.pagesRead).toBe(7);
    machine.touch(BASE + 0x7000, AccessKind.Read);
    expect(mm.counters.pagesRead).toBe(8);
    machine.touch(BASE + 0x8000, AccessKind.Read);
    expect(mm.counters.pagesRead).toBe(10);
    expect(mm.verify()).toBeNull();
  });

  it('that fail as a cluster are begun again page by page, thirty times', () => {
    const { machine, mm } = pagedOut(pae, 15);
    let failures = 1;
    mm.paging.device.inject = () => (failures-- > 0 ? Status.DEVICE_DATA_ERROR : null);
    expect(machine.touch(BASE, AccessKind.Read)).toEqual([PageFile, PageFile]);
    expect(machine.read(BASE)).toBe(1);
    expect(mm.counters.pagesRead).toBe(16 + 1);
    for (let page = 1; page < 30; page++) machine.read(BASE + page * 0x1000);
    expect(mm.counters.pagesRead).toBe(16 + 30);
    machine.read(BASE + 30 * 0x1000);
    expect(mm.counters.pagesRead).toBe(16 + 32);
    expect(mm.verify()).toBeNull();
  });

  it('that lack resources are begun again after 10 ms, but for the sixteenth', () => {
    const { machine, mm } = pagedOut(pae, 0);
    const times: number[] = [];
    mm.paging.device.inject = () => {
      times.push(mm.counters.pageReadIos);
      return Status.INSUFFICIENT_RESOURCES;
    };
    const outcomes: FaultOutcome[] = [];
    while (outcomes.at(-1) !== InPageError) {
      machine.mm.pageFault(BASE, 4);
      outcomes.push(machine.mm.finishFaultNow(BASE, 0) === Status.SUCCESS ? PageFile : InPageError);
    }
    expect(outcomes.length).toBe(16);
    expect(mm.verify()).toBeNull();
    mm.paging.device.inject = null;
    expect(machine.read(BASE)).toBe(1);
    expect(mm.verify()).toBeNull();
  });

  it('of neighbours are shared with who faults on them meanwhile, and freed under the read', () => {
    const { mm, space, machine } = pagedOut(pae, 7);
    mm.pageFault(BASE, 4);
    const { read } = mm.lastFault;
    mm.pageFault(BASE + 0x3000, 4);
    expect(mm.lastFault).toMatchObject({ mustWait: true, startedRead: false, read });
    freeVirtualMemory(mm.context, space, BASE + 0x4000, 0x1000, MemoryType.Decommit);
    expect(mm.verify()).toBeNull();
    while (mm.paging.device.finishFirst());
    if (read !== null) mm.completePageRead(read, BASE, 0);
    expect(mm.verify()).toBeNull();
    expect(machine.read(BASE + 0x3000)).toBe(4);
    expect(machine.touch(BASE + 0x4000, AccessKind.Read)).toEqual([FaultOutcome.AccessViolation]);
    expect(mm.verify()).toBeNull();
  });
});

describe('a thread whose read lacks resources', () => {
  it('runs on when the read succeeds in the end', () => {
    const guest = new BareProcess(code(`a1 =${DATA + 0x8000}`, `a3 =${DATA + 0x10}`, 'eb fe'));
    const { kernel, process } = guest;
    const space = process.pcb.addressSpace;
    if (space === null) throw new Error('no address space');
    guest.inProcess(function* () {
      kernel.user.write32(DATA + 0x8000, 0x1234);
      evict(kernel.mm, space);
      yield* [];
    });
    let failures = 3;
    kernel.mm.paging.device.inject = ({ kind }) =>
      kind === 'read' && failures-- > 0 ? Status.INSUFFICIENT_RESOURCES : null;
    guest.run(200_000_000);
    expect(failures).toBeLessThan(0);
    expect(guest.exceptions).toEqual([]);
    guest.inProcess(function* () {
      expect(kernel.user.read32(DATA + 0x10)).toBe(0x1234);
      yield* [];
    });
    expect(kernel.mm.verify()).toBeNull();
  });
});

describe('a probe of user memory that was paged out', () => {
  it('waits as a thread does: others run meanwhile', () => {
    const guest = new BareProcess(code('eb fe'));
    const { kernel, process } = guest;
    const space = process.pcb.addressSpace;
    if (space === null) throw new Error('no address space');
    let hasRun = false;
    const order: string[] = [];
    guest.inProcess(function* () {
      kernel.user.write32(DATA + 0x8000, 0x1234);
      evict(kernel.mm, space);
      kernel.ke.createSystemThread(kernel.systemProcess, 8, function* () {
        hasRun = true;
        order.push('other');
        yield* [];
      });
      expect(hasRun).toBe(false);
      expect(yield* kernel.user.probeForRead(DATA + 0x8000, 4)).toBe(Status.SUCCESS);
      order.push('probe');
      expect(kernel.user.read32(DATA + 0x8000)).toBe(0x1234);
    }, 100_000_000);
    expect(order).toEqual(['other', 'probe']);
    expect(kernel.mm.verify()).toBeNull();
  });

  it('gives IN_PAGE_ERROR when it cannot be read', () => {
    const guest = new BareProcess(code('eb fe'));
    const { kernel, process } = guest;
    const space = process.pcb.addressSpace;
    if (space === null) throw new Error('no address space');
    guest.inProcess(function* () {
      kernel.user.write32(DATA + 0x8000, 0x1234);
      evict(kernel.mm, space);
      kernel.mm.paging.device.inject = ({ kind }) => (kind === 'read' ? Status.DEVICE_DATA_ERROR : null);
      expect(yield* kernel.user.probeForWrite(DATA + 0x8000, 4)).toBe(Status.IN_PAGE_ERROR);
      kernel.mm.paging.device.inject = null;
      expect(yield* kernel.user.probeForWrite(DATA + 0x8000, 4)).toBe(Status.SUCCESS);
    }, 100_000_000);
    expect(kernel.mm.verify()).toBeNull();
  });
});
