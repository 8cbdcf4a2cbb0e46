import { describe, expect } from 'vitest';
import { PageProtection, Status, virtualAddress } from '../../../kernel/index.js';
import type { PagingFile } from '../../../kernel/mm/paging-file.js';
import type { DrivenMachine } from './driven-machine.js';
import { leaf } from './leaf.js';
import * as nt from './services.js';

const { ReadWrite, Guard } = PageProtection;
const PAGE = 0x1000;
const MEGABYTE = 0x100000;
/** TEB fields. */
const STACK_LIMIT = 0x08;
const DEALLOCATION_STACK = 0xe0c;
const GUARANTEED_STACK_BYTES = 0xf78;
const TEB_STACK_BASE = 0x04;

/** The driven thread's stack: one guard page below StackLimit. */
function stackOf(drive: DrivenMachine) {
  const teb = (field: number) => drive.word(drive.thread.teb + field);
  return {
    base: () => teb(TEB_STACK_BASE),
    limit: () => teb(STACK_LIMIT),
    reservation: () => teb(DEALLOCATION_STACK),
    guard: () => teb(STACK_LIMIT) - PAGE,
    guarantee: (bytes: number) => drive.poke(drive.thread.teb + GUARANTEED_STACK_BYTES, bytes),
    /** Moves the reservation up, so that the end of the stack is near. */
    shorten: (reservation: number) => drive.poke(drive.thread.teb + DEALLOCATION_STACK, reservation),
  };
}

const stackOverflow = (address: number) => ({ status: 'STATUS_STACK_OVERFLOW', parameters: [1, address] });
const guardViolation = (address: number) => ({ status: 'STATUS_GUARD_PAGE_VIOLATION', parameters: [1, address] });

describe('guard pages', () => {
  leaf('S.elsewhere', ({ start }) => {
    const drive = start();
    const stack = stackOf(drive);
    const base = nt.commit(drive, ReadWrite | Guard, 2 * PAGE);
    const limit = stack.limit();
    expect(drive.write(base, 1)).toMatchObject({
      faults: ['guard-page'],
      exception: guardViolation(base),
      moved: { counters: { pageFaults: 1, guardPageFaults: 1 } },
    });
    expect(stack.limit()).toBe(limit);
    expect(drive.view.page(base + PAGE).pte.protection).toBe('READWRITE GUARD');
  });

  leaf('S.no-teb', ({ start }) => {
    const drive = start();
    const guard = stackOf(drive).guard();
    const { teb } = drive.thread;
    drive.thread.teb = virtualAddress(0x2000_0000);
    const report = drive.write(guard, 1);
    drive.thread.teb = teb;
    expect(report).toMatchObject({ faults: ['guard-page'], exception: guardViolation(guard) });
    expect(drive.view.page(guard - PAGE).pte.form).toBe('zero');
  });
});

describe('the stack of a thread', () => {
  leaf('S.grow', ({ start }) => {
    const drive = start();
    const stack = stackOf(drive);
    const guard = stack.guard();
    expect(drive.write(guard + 0x800, 1)).toMatchObject({
      faults: ['stack-growth', 'demand-zero'],
      exception: null,
      before: { pte: { protection: 'READWRITE GUARD' } },
      after: { pte: { form: 'valid', letters: expect.stringContaining('UW') } },
    });
    expect(stack.limit()).toBe(guard);
    expect(drive.view.page(guard - PAGE).pte).toMatchObject({ form: 'demand-zero', protection: 'READWRITE GUARD' });
    expect(drive.view.page(guard - 2 * PAGE).pte.form).toBe('zero');
  });

  leaf('S.grow-guaranteed', ({ start }) => {
    const drive = start();
    const stack = stackOf(drive);
    const guard = stack.guard();
    stack.guarantee(0x1800);
    expect(drive.write(guard, 1)).toMatchObject({ faults: ['stack-growth', 'demand-zero'], exception: null });
    expect(stack.limit()).toBe(guard);
    for (const page of [1, 2, 3]) {
      expect(drive.view.page(guard - page * PAGE).pte.protection).toBe('READWRITE GUARD');
    }
    expect(drive.view.page(guard - 4 * PAGE).pte.form).toBe('zero');
  });

  leaf('S.overflow', ({ start }) => {
    const drive = start();
    const stack = stackOf(drive);
    const guard = stack.guard();
    stack.shorten(guard - 2 * PAGE);
    const report = drive.write(guard, 1);
    expect(report).toMatchObject({ faults: ['stack-overflow'], exception: stackOverflow(guard) });
    expect(report.moved.process.commitCharge).toBe(1);
    expect(stack.limit()).toBe(guard - PAGE);
    expect(drive.view.page(guard - PAGE).pte).toMatchObject({ form: 'demand-zero', protection: 'READWRITE' });
    expect(drive.view.page(guard - 2 * PAGE).pte.form).toBe('zero');
    expect(drive.write(guard, 1).exception).toBeNull();
    expect(drive.write(guard - 2 * PAGE, 1).exception?.status).toBe('STATUS_ACCESS_VIOLATION');
  });

  leaf('S.overflow-guaranteed', ({ start }) => {
    const drive = start();
    const stack = stackOf(drive);
    const guard = stack.guard();
    stack.guarantee(PAGE);
    stack.shorten(guard - 3 * PAGE + PAGE);
    expect(drive.write(guard, 1)).toMatchObject({ faults: ['stack-overflow'], exception: stackOverflow(guard) });
    const reservation = stack.reservation();
    expect(stack.limit()).toBe(reservation + PAGE);
    for (const page of [1, 2]) {
      expect(drive.view.page(reservation + page * PAGE).pte.protection ?? 'READWRITE').toBe('READWRITE');
    }
  });

  leaf('S.already-committed', ({ start }) => {
    const drive = start();
    const stack = stackOf(drive);
    const guard = stack.guard();
    nt.allocate(drive, { base: guard - PAGE, type: 0x1000 });
    drive.write(guard - PAGE, 0x5a);
    const report = drive.write(guard, 1);
    expect(report).toMatchObject({ faults: ['stack-growth', 'demand-zero'], exception: null });
    expect(report.moved.process.commitCharge ?? 0).toBe(0);
    expect(drive.view.page(guard - PAGE).pte.protection).toBe('READWRITE GUARD');
    expect(drive.write(guard - PAGE + 1, 1)).toMatchObject({ faults: ['stack-growth', 'transition'] });
    expect(drive.peek(guard - PAGE)).toBe(0x5a);
  });

  leaf('S.no-commitment', ({ start }) => {
    const drive = start({ pagingFiles: [] });
    const guard = stackOf(drive).guard();
    nt.exhaustCommitment(drive);
    const report = drive.write(guard, 1);
    expect(report).toMatchObject({ faults: ['stack-overflow'], exception: stackOverflow(guard) });
    expect(drive.view.page(guard).pte.protection).toBe('READWRITE');
    expect(drive.view.page(guard - PAGE).pte.form).toBe('zero');
  });

  leaf('S.commitment-waits', ({ start }) => {
    const drive = start({ pagingFiles: [{ size: 4 * MEGABYTE, maximum: 64 * MEGABYTE }] });
    const stack = stackOf(drive);
    const guard = stack.guard();
    const file = exhaustLimit(drive);
    const before = file.size;
    let whenDecided = 0;
    drive.atFault((address) => {
      if (address === guard && whenDecided === 0) whenDecided = file.size;
    });
    expect(drive.write(guard, 1)).toMatchObject({ faults: ['must-wait', 'demand-zero'], exception: null });
    // The thread has waited; the dereference segment thread made the file larger meanwhile.
    expect(whenDecided).toBe(before);
    expect(file.size).toBeGreaterThan(before);
    expect(stack.limit()).toBe(guard);
    expect(drive.view.page(guard - PAGE).pte).toMatchObject({ form: 'demand-zero', protection: 'READWRITE GUARD' });
  });

  leaf('S.commitment-refused', ({ start }) => {
    const drive = start({ pagingFiles: [{ size: 4 * MEGABYTE, maximum: 64 * MEGABYTE }] });
    const stack = stackOf(drive);
    const guard = stack.guard();
    // The disk is full.
    exhaustLimit(drive).storage.resize = () => Status.DISK_FULL;
    expect(drive.write(guard, 1)).toMatchObject({ faults: ['must-wait'], exception: stackOverflow(guard) });
    expect(drive.view.page(guard - PAGE).pte.form).toBe('zero');
  });
});

/** The system charges what is left of the commit limit; the paging file can grow. */
function exhaustLimit(drive: DrivenMachine): PagingFile {
  const { mm } = drive.machine.kernel;
  const { commit } = mm;
  const left = commit.limit - commit.reserve - commit.charged;
  commit.charged += left;
  mm.committed.processOverhead += left;
  return mm.paging.files[0];
}
