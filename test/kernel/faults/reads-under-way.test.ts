import { describe, expect } from 'vitest';
import { Status } from '../../../kernel/index.js';
import { cancelRequest } from '../../../kernel/io/io-request.js';
import { Mode } from '../../../kernel/ke/thread.js';
import { allocateVirtualMemory } from '../../../kernel/mm/allocate-virtual-memory.js';
import { cleanAddressSpace } from '../../../kernel/mm/clean-address-space.js';
import { freeVirtualMemory } from '../../../kernel/mm/free-virtual-memory.js';
import { MemoryType, PageProtection } from '../../../kernel/mm/index.js';
import { findPte } from '../../../kernel/mm/page-table.js';
import { inAddressSpace } from '../../../kernel/mm/process-access.js';
import { evict } from '../page-out.js';
import type { DrivenMachine } from './driven-machine.js';
import { leaf } from './leaf.js';
import * as nt from './services.js';

/** What may become of a page, its page table, its section or its process while it is read, and what is left when the read has ended. */

/** Nothing else has its page table. */
const UNUSED = 0x10000000;
const COMMITTED = MemoryType.Reserve | MemoryType.Commit;

const slotsInUse = (drive: DrivenMachine): number => drive.machine.kernel.mm.paging.files[0]?.usage ?? 0;

/** A page with the byte 0x77 in the paging file, alone in its region. */
function pagedOut(drive: DrivenMachine, size = 0x1000): number {
  const base = nt.allocate(drive, { size });
  drive.write(base, 0x77);
  nt.evict(drive);
  return base;
}

/** The frame that a PTE in transition names: the read pins it. */
function pinnedFrame(drive: DrivenMachine, address: number): number {
  const { pte, frame } = drive.view.page(address);
  expect(pte.form).toBe('transition');
  expect(frame).toMatchObject({ location: 'Transition', shareCount: 0, referenceCount: 1 });
  return pte.frame ?? 0;
}

/** Nobody owns the page any more, but its read pins it: it is free when that has ended. */
function expectFreedAtEnd(drive: DrivenMachine, frame: number, complete: () => void): void {
  expect(drive.view.frame(frame)).toMatchObject({ location: 'Transition', referenceCount: 1 });
  drive.check();
  nt.finishPagingIo(drive);
  complete();
  expect(drive.view.frame(frame)).toMatchObject({ location: 'Free', referenceCount: 0 });
  drive.check();
}

const accessViolation = { exception: { status: 'STATUS_ACCESS_VIOLATION' } };

describe('a page that goes while it is read', () => {
  leaf('D.io.decommitted', ({ start }) => {
    const drive = start();
    const base = pagedOut(drive, 0x2000);
    const used = slotsInUse(drive);
    const complete = nt.readByAnother(drive, base);
    const frame = pinnedFrame(drive, base);
    nt.decommit(drive, base);
    expect(drive.view.page(base).pte).toMatchObject({ form: 'decommitted' });
    // The slot is read from until the end.
    expect(slotsInUse(drive)).toBe(used);
    expectFreedAtEnd(drive, frame, complete);
    expect(slotsInUse(drive)).toBe(used - 1);
    expect(drive.read(base)).toMatchObject(accessViolation);
    nt.release(drive, base);
  });

  leaf('D.io.other-page', ({ start }) => {
    const drive = start();
    const base = pagedOut(drive);
    const complete = nt.readByAnother(drive, base);
    const frame = pinnedFrame(drive, base);
    nt.release(drive, base);
    expect(nt.allocate(drive, { base })).toBe(base);
    expect(drive.write(base + 1, 0x55)).toMatchObject({ faults: ['demand-zero'] });
    expectFreedAtEnd(drive, frame, complete);
    expect([drive.peek(base), drive.peek(base + 1)]).toEqual([0, 0x55]);
  });

  leaf('D.io.gone-error', ({ start }) => {
    const drive = start();
    const base = pagedOut(drive);
    nt.failNextRead(drive, Status.DEVICE_DATA_ERROR);
    let wasReleased = false;
    // Somebody releases the page when its fault has been decided, and the read then fails.
    drive.atFault((address) => {
      if (address !== base || wasReleased) return;
      wasReleased = true;
      expect(freeVirtualMemory(drive.machine.kernel.mm.context, drive.space, base, 0, MemoryType.Release).status).toBe(
        0,
      );
    });
    expect(drive.read(base)).toMatchObject({ faults: ['must-wait', 'access-violation'], ...accessViolation });
    drive.check();
  });

  leaf('D.io.table-gone', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive, { base: UNUSED });
    drive.write(base, 0x77);
    nt.evict(drive);
    nt.evict(drive);
    expect(drive.view.page(base).pde.form).toBe('page-file');
    const complete = nt.readByAnother(drive, base);
    const table = drive.view.page(base).pde;
    expect(table.form).toBe('transition');
    nt.release(drive, base);
    expect(drive.view.page(base).pde.form).toBe('zero');
    nt.finishPagingIo(drive);
    complete();
    expect(drive.view.frame(table.frame ?? 0).location).toBe('Free');
    expect(drive.read(base)).toMatchObject(accessViolation);
  });

  leaf('D.io.process-gone', ({ start }) => {
    const drive = start();
    const { kernel } = drive.machine;
    const { mm } = kernel;
    const base = 0x1000000;
    const used = slotsInUse(drive);
    const other = mm.createAddressSpace();
    if (other === null) throw new Error('no address space');
    const request = { base, zeroBits: 0, size: 0x1000, type: COMMITTED, protection: PageProtection.ReadWrite };
    expect(allocateVirtualMemory(mm.context, other, request).status).toBe(0);
    inAddressSpace(mm, other, () => mm.user.write32(base, 0x77));
    evict(mm, other);
    expect(slotsInUse(drive)).toBe(used + 1);
    const complete = nt.readByAnother(drive, base, other);
    const frame = mm.format.transitionFrame(findPte(mm, other, base));
    cleanAddressSpace(kernel, other);
    // Its slot is given back when nobody reads from it any more.
    expect(slotsInUse(drive)).toBe(used + 1);
    expectFreedAtEnd(drive, frame, complete);
    mm.deleteAddressSpace(other);
    drive.check();
    expect(slotsInUse(drive)).toBe(used);
  });

  leaf('R.prototype.gone', ({ start }) => {
    const drive = start();
    const section = nt.createSection(drive);
    const base = nt.mapView(drive, section);
    drive.write(base, 0x77);
    nt.evict(drive);
    const used = slotsInUse(drive);
    const complete = nt.readByAnother(drive, base);
    const { frame } = drive.view.prototype(drive.space.vads.find(base >>> 12)?.prototypePte(base >>> 12) ?? 0).pte;
    nt.unmapView(drive, base);
    nt.close(drive, section);
    expectFreedAtEnd(drive, frame ?? 0, complete);
    expect(slotsInUse(drive)).toBe(used - 1);
    expect(drive.read(base)).toMatchObject(accessViolation);
  });

  leaf('R.file.closed', ({ start }) => {
    const drive = start({ files: { 'data.bin': new Uint8Array(0x1000).fill(0x11) } });
    const file = nt.openFile(drive, 'data.bin');
    const section = nt.createSection(drive, { size: 0, protection: 2, file });
    const base = nt.mapView(drive, section, 2);
    const complete = nt.readByAnother(drive, base);
    const area = drive.space.vads.find(base >>> 12)?.controlArea;
    const { frame } = drive.view.prototype(drive.space.vads.find(base >>> 12)?.prototypePte(base >>> 12) ?? 0).pte;
    nt.unmapView(drive, base);
    nt.close(drive, section);
    nt.close(drive, file);
    // The file is about to go: its segment cannot be kept for the next user.
    if (area?.file) drive.machine.kernel.mm.unusedSegments.deleteOf(drive.machine.kernel.mm.context, area.file);
    expectFreedAtEnd(drive, frame ?? 0, complete);
    expect(drive.read(base)).toMatchObject(accessViolation);
  });
});

describe('the thread that reads a page', () => {
  leaf('R.transition.same-thread', ({ start }) => {
    const drive = start();
    const base = pagedOut(drive);
    const inWait: number[] = [];
    drive.atFault((address) => {
      if (address !== base || inWait.length > 0) return;
      // It is delivered in the wait for the read.
      const { ke, user, mm } = drive.machine.kernel;
      ke.queueApc(drive.thread, {
        mode: Mode.Kernel,
        *kernelRoutine() {
          inWait.push(yield* user.probeForWrite(base, 4), mm.lastFault.underlyingStatus);
        },
      });
    });
    expect(drive.read(base)).toMatchObject({
      faults: ['must-wait', 'page-file'],
      value: 0x77,
      after: { frame: { location: 'Active', referenceCount: 1 } },
    });
    expect(inWait).toEqual([Status.IN_PAGE_ERROR, Status.MULTIPLE_FAULT_VIOLATION]);
    expect(drive.thread).toMatchObject({ apcNeeded: false, nestedFaults: 0 });
  });

  leaf('R.transition.same-thread.completion', ({ start }) => {
    const drive = start();
    const base = pagedOut(drive);
    nt.listen(drive, base + 4);
    nt.evict(drive);
    const pending = drive.thread.executive?.pendingRequests ?? new Set();
    expect(pending.size).toBe(1);
    let retries = 0;
    drive.atFault((address) => {
      if (address !== base) return;
      for (const request of pending) {
        if (request.retryCompletion) retries++;
        else if (request.status === Status.PENDING) cancelRequest(drive.machine.kernel, request);
      }
    });
    expect(drive.read(base)).toMatchObject({ faults: ['must-wait', 'page-file'], value: 0x77 });
    expect([retries, pending.size]).toEqual([1, 0]);
    expect(drive.word(base + 4)).toBe(Status.CANCELLED);
  });
});
