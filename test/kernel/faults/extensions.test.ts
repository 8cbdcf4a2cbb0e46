import { describe, expect } from 'vitest';
import { accessFault, FaultAccess, FaultOutcome, PageProtection } from '../../../kernel/index.js';
import type { DrivenMachine, DrivenOptions } from './driven-machine.js';
import { type LeafContext, leaf, paeLeaf } from './leaf.js';
import * as nt from './services.js';

/** Regions of AWE, large pages and regions with write watch (nt52.md 9.7 to 9.9). */

const { NoAccess, ReadOnly, ReadWrite } = PageProtection;
const accessViolation = (access: number, address: number) => ({
  status: 'STATUS_ACCESS_VIOLATION',
  parameters: [access, address],
});
const onlyRefused = { counters: { pageFaults: 1, accessViolations: 1 }, lists: {}, process: {} };
const onlyRefetched = { counters: { pageFaults: 1 }, lists: {}, process: {} };

/** The account of the system holds SeLockMemoryPrivilege, enabled. */
function privileged({ start }: LeafContext, options: DrivenOptions = {}): DrivenMachine {
  return start({ account: 'system', ...options });
}

describe('pages of AWE', () => {
  leaf('C.awe.unmapped', (context) => {
    const drive = privileged(context);
    const { base, frames } = nt.aweWindow(drive, 4);
    const report = drive.write(base + 0x3000, 1);
    expect(report).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(1, base + 0x3000),
      before: { pde: { form: 'valid' }, pte: { form: 'zero' } },
    });
    expect(report.after).toEqual(report.before);
    expect(report.moved).toEqual(onlyRefused);
    nt.mapPhysicalPage(drive, base + 0x3000, frames[3] ?? 0);
    const mapped = drive.write(base + 0x3000, 1);
    expect(mapped).toMatchObject({
      faults: [],
      exception: null,
      before: { pte: { form: 'valid', frame: frames[3], letters: context.pae ? '---DA--UW-V' : '---DA--UWEV' } },
      after: { frame: { location: 'Active', shareCount: 1, referenceCount: 1 }, inWorkingSet: false },
    });
    expect(mapped.after).toEqual(mapped.before);
    nt.mapPhysicalPage(drive, base + 0x3000, 0);
    expect(drive.read(base + 0x3000).exception).toEqual(accessViolation(0, base + 0x3000));
  });

  leaf('C.awe.no-access', (context) => {
    const drive = privileged(context);
    const { base } = nt.aweWindow(drive, 2);
    drive.write(base, 7);
    nt.protect(drive, base, NoAccess);
    const report = drive.read(base);
    expect(report).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(0, base),
      before: { pte: { form: 'valid', letters: expect.stringContaining('K') } },
    });
    expect(report.after).toEqual(report.before);
    expect(report.moved).toEqual(onlyRefused);
    nt.protect(drive, base, ReadWrite);
    expect(drive.peek(base)).toBe(7);
  });

  leaf('C.awe.read-only', (context) => {
    const drive = privileged(context);
    const { base } = nt.aweWindow(drive, 2);
    nt.protect(drive, base, ReadOnly);
    expect(drive.peek(base)).toBe(0);
    const report = drive.write(base, 1);
    expect(report).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(1, base),
      before: { pte: { form: 'valid', letters: expect.stringContaining('UR') } },
    });
    expect(report.after).toEqual(report.before);
    expect(report.moved).toEqual(onlyRefused);
  });

  paeLeaf('C.awe.no-execute', (context) => {
    const drive = privileged(context, { noExecute: 'alwayson' });
    const { base } = nt.aweWindow(drive, 2);
    const report = drive.execute(base);
    expect(report).toMatchObject({ faults: ['access-violation'], exception: accessViolation(8, base) });
    expect(report.after).toEqual(report.before);
    expect(report.moved.counters).toEqual({ pageFaults: 1, accessViolations: 1, noExecuteFaults: 1 });
  });

  paeLeaf('C.awe.may-execute', (context) => {
    const drive = privileged(context, { noExecute: 'optin' });
    const { base, frames } = nt.aweWindow(drive, 2);
    expect(drive.execute(base)).toMatchObject({
      faults: ['refault'],
      exception: null,
      before: { pte: { letters: '---DA--UW-V' } },
      after: { pte: { letters: '---DA--UWEV' } },
      moved: { counters: { pageFaults: 1, noExecuteFaults: 1 } },
    });
    // Mapped anew, the page is data again.
    nt.mapPhysicalPage(drive, base, frames[0] ?? 0);
    expect(drive.view.page(base).pte.letters).toBe('---DA--UW-V');
  });

  leaf('C.awe.stale', (context) => {
    const drive = privileged(context);
    const { base } = nt.aweWindow(drive, 2);
    nt.protect(drive, base, ReadOnly);
    drive.read(base);
    const { mm } = drive.machine.kernel;
    const at = mm.format.pteAddress(base);
    // Somebody else made the page writable and did not tell this processor.
    drive.inKernel(() => mm.system.write8(at, mm.system.read8(at) | 2));
    const report = drive.write(base, 1);
    expect(report).toMatchObject({ faults: ['refault'], exception: null });
    expect(report.moved).toEqual(onlyRefetched);
  });
});

describe('large pages', () => {
  const MEMORY = 40 << 20;
  const sizeOf = (pae: boolean) => (pae ? 0x20_0000 : 0x40_0000);

  leaf('C.large.read-only', (context) => {
    const drive = privileged(context, { memorySize: MEMORY });
    const base = nt.allocateLarge(drive, sizeOf(context.pae), ReadOnly);
    expect(drive.peek(base + 0x12345)).toBe(0);
    const report = drive.write(base + 0x12345, 1);
    expect(report).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(1, base + 0x12345),
      before: { pde: { form: 'valid', letters: expect.stringMatching(/L.*UR/) }, pte: { form: 'absent' } },
    });
    expect(report.after).toEqual(report.before);
    expect(report.moved).toEqual(onlyRefused);
  });

  paeLeaf('C.large.no-execute', (context) => {
    const drive = privileged(context, { memorySize: MEMORY, noExecute: 'alwayson' });
    const base = nt.allocateLarge(drive, sizeOf(true), ReadWrite);
    const report = drive.execute(base + 0x3000);
    expect(report).toMatchObject({ faults: ['access-violation'], exception: accessViolation(8, base + 0x3000) });
    expect(report.after).toEqual(report.before);
    expect(report.moved.counters).toEqual({ pageFaults: 1, accessViolations: 1, noExecuteFaults: 1 });
  });

  paeLeaf('C.large.may-execute', (context) => {
    const drive = privileged(context, { memorySize: MEMORY, noExecute: 'optin' });
    const base = nt.allocateLarge(drive, sizeOf(true), ReadWrite);
    expect(drive.execute(base + 0x3000)).toMatchObject({
      faults: ['refault'],
      exception: null,
      before: { pde: { letters: expect.stringMatching(/UW-V$/) } },
      after: { pde: { letters: expect.stringMatching(/UWEV$/) } },
      moved: { counters: { pageFaults: 1, noExecuteFaults: 1 } },
    });
    // The whole large page, and not the 4 KB that were fetched from.
    expect(drive.execute(base + 0x10_0000)).toMatchObject({ faults: [], exception: null });
  });

  leaf('C.large.stale', (context) => {
    const drive = privileged(context, { memorySize: MEMORY });
    const base = nt.allocateLarge(drive, sizeOf(context.pae), ReadOnly);
    drive.read(base);
    const { mm } = drive.machine.kernel;
    const at = mm.format.pdeAddress(base);
    drive.inKernel(() => mm.system.write8(at, mm.system.read8(at) | 2));
    const report = drive.write(base, 1);
    expect(report).toMatchObject({ faults: ['refault'], exception: null });
    expect(report.moved).toEqual(onlyRefetched);
  });

  leaf('C.large.table-address', (context) => {
    const drive = privileged(context, { memorySize: MEMORY });
    const base = nt.allocateLarge(drive, sizeOf(context.pae), ReadWrite);
    const { mm } = drive.machine.kernel;
    const table = mm.format.pteAddress(base);
    const before = drive.view.page(base);
    expect(drive.read(table)).toMatchObject({ exception: accessViolation(0, table) });
    expect(drive.inKernel(() => accessFault(mm, table, FaultAccess.Read, true))).toBe(FaultOutcome.AccessViolation);
    expect(drive.view.page(base)).toEqual(before);
    drive.check();
  });
});

describe('regions with write watch', () => {
  const clean = (pae: boolean) => (pae ? '----A--UW-V' : '----A--UWEV');
  const dirty = (pae: boolean) => (pae ? '---DA--UW-V' : '---DA--UWEV');

  leaf('C.watch.load', ({ start, pae }) => {
    const drive = start();
    const base = nt.allocateWatched(drive, 0x2000);
    drive.read(base);
    const report = drive.read(base + 0x1000);
    expect(report).toMatchObject({
      faults: ['demand-zero'],
      before: { pte: { form: 'zero' } },
      after: { pte: { letters: clean(pae) }, frame: { modified: true }, inWorkingSet: true },
      moved: { counters: { pageFaults: 1, demandZeroFaults: 1 }, lists: { zeroed: -1 } },
    });
    expect(nt.writtenPages(drive, base, 0x2000)).toEqual([]);
  });

  leaf('C.watch.store', ({ start, pae }) => {
    const drive = start();
    const base = nt.allocateWatched(drive, 0x2000);
    drive.read(base);
    expect(drive.write(base + 0x1000, 1)).toMatchObject({
      faults: ['demand-zero'],
      before: { pte: { form: 'zero' } },
      after: { pte: { letters: dirty(pae) }, frame: { modified: true } },
    });
    expect(nt.writtenPages(drive, base, 0x2000)).toEqual([base + 0x1000]);
    // Valid and clean: the processor sets Dirty by itself.
    const store = drive.write(base, 1);
    expect(store).toMatchObject({
      faults: [],
      before: { pte: { letters: clean(pae) } },
      after: { pte: { letters: dirty(pae) } },
    });
    expect(store.moved).toEqual({ counters: {}, lists: {}, process: {} });
    expect(nt.writtenPages(drive, base, 0x2000)).toEqual([base, base + 0x1000]);
  });

  leaf('C.watch.transition', ({ start, pae }) => {
    const drive = start();
    const base = nt.allocateWatched(drive, 0x2000);
    drive.write(base, 1);
    drive.read(base + 0x1000);
    nt.emptyWorkingSet(drive);
    expect(drive.read(base)).toMatchObject({
      faults: ['transition'],
      before: { pte: { form: 'transition' }, frame: { location: 'Modified' } },
      after: { pte: { letters: clean(pae) }, frame: { location: 'Active', modified: true } },
    });
    expect(drive.read(base + 0x1000)).toMatchObject({
      faults: ['transition'],
      after: { pte: { letters: clean(pae) } },
    });
    expect(nt.writtenPages(drive, base, 0x2000)).toEqual([base]);
  });

  leaf('C.watch.page-file', ({ start, pae }) => {
    const drive = start();
    const base = nt.allocateWatched(drive, 0x2000);
    drive.write(base, 1);
    drive.read(base + 0x1000);
    nt.evict(drive);
    expect(drive.read(base)).toMatchObject({
      faults: expect.arrayContaining(['must-wait', 'page-file']),
      value: 1,
      after: { pte: { letters: clean(pae) } },
    });
    expect(nt.writtenPages(drive, base, 0x2000)).toEqual([base]);
    drive.write(base + 0x1000, 2);
    expect(nt.writtenPages(drive, base, 0x2000)).toEqual([base, base + 0x1000]);
  });
});
