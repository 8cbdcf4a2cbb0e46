import { describe, expect } from 'vitest';
import { accessFault, FaultAccess, FaultOutcome, PageProtection } from '../../../kernel/index.js';
import { MemoryType } from '../../../kernel/mm/index.js';
import { Image } from './driven-image.js';
import { leaf, paeLeaf } from './leaf.js';
import * as nt from './services.js';

const { NoAccess, ReadOnly, ReadWrite, ExecuteReadWrite, Guard } = PageProtection;
const UNUSED = 0x2000_0000;
const SHARED_USER_DATA = 0x7ffe_0000;
const accessViolation = (access: number, address: number) => ({
  status: 'STATUS_ACCESS_VIOLATION',
  parameters: [access, address],
});
const guardViolation = (access: number, address: number) => ({
  status: 'STATUS_GUARD_PAGE_VIOLATION',
  parameters: [access, address],
});

describe('user addresses without a page table', () => {
  leaf('C.table.no-vad', ({ start }) => {
    const drive = start();
    const report = drive.read(UNUSED);
    expect(report).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(0, UNUSED),
      before: { pde: { form: 'zero' }, pte: { form: 'absent' } },
      after: { pde: { form: 'zero' }, pte: { form: 'absent' } },
    });
    expect(report.moved).toEqual({ counters: { pageFaults: 1, accessViolations: 1 }, lists: {}, process: {} });
  });

  leaf('C.table.made', ({ start }) => {
    const drive = start();
    nt.allocate(drive, { base: UNUSED });
    const report = drive.write(UNUSED, 1);
    expect(report).toMatchObject({
      faults: ['demand-zero'],
      exception: null,
      before: { pde: { form: 'zero' }, pte: { form: 'absent' } },
      after: { pde: { form: 'valid', letters: '---DA--UWEV' }, pte: { form: 'valid' } },
    });
    expect(report.moved).toEqual({
      counters: { pageFaults: 1, demandZeroFaults: 1, pageTableFaults: 1 },
      lists: { zeroed: -2 },
      process: { workingSetSize: 2, pageFaultCount: 2, privatePages: 1 },
    });
    expect(drive.view.frame(report.after.pde.frame ?? 0)).toMatchObject({
      location: 'Active',
      // Itself, and the page whose PTE lies in it.
      shareCount: 2,
      referenceCount: 1,
      modified: true,
      original: { form: 'demand-zero', protection: 'READWRITE' },
    });
  });
});

describe('user addresses whose page table was paged out', () => {
  leaf('C.table.transition', ({ start }) => {
    const drive = start();
    nt.allocate(drive, { base: UNUSED });
    drive.write(UNUSED, 0x55);
    nt.evict(drive);
    nt.emptyWorkingSet(drive);
    const report = drive.read(UNUSED);
    expect(report).toMatchObject({
      exception: null,
      value: 0x55,
      before: { pde: { form: 'transition', protection: 'READWRITE' }, pte: { form: 'absent' } },
      after: { pde: { form: 'valid', frame: report.before.pde.frame ?? 0 }, pte: { form: 'valid' } },
      moved: { counters: { transitionFaults: 1, pagingFileFaults: 1 }, lists: { modified: -1 } },
    });
  });

  leaf('C.table.guard', ({ start }) => {
    const drive = start();
    nt.allocate(drive, { base: UNUSED, size: 0x2000, protection: ReadWrite | Guard });
    drive.write(UNUSED, 0);
    nt.evict(drive);
    nt.evict(drive);
    expect(drive.view.page(UNUSED).pde.form).toBe('page-file');
    expect(drive.write(UNUSED + 0x1000, 1)).toMatchObject({
      faults: ['must-wait', 'refault', 'guard-page'],
      exception: guardViolation(1, UNUSED + 0x1000),
    });
    expect(drive.write(UNUSED + 0x1000, 1).exception).toBeNull();
  });

  leaf('C.table.page-file', ({ start }) => {
    const drive = start();
    nt.allocate(drive, { base: UNUSED });
    drive.write(UNUSED, 0x55);
    nt.evict(drive);
    nt.evict(drive);
    expect(drive.read(UNUSED)).toMatchObject({
      faults: ['must-wait', 'refault', 'must-wait', 'page-file'],
      exception: null,
      value: 0x55,
      before: { pde: { form: 'page-file', file: 0, protection: 'READWRITE' }, pte: { form: 'absent' } },
      after: { pde: { form: 'valid' }, pte: { form: 'valid' } },
      moved: { counters: { pagingFileFaults: 2, pagesRead: 2, pageReadIos: 2 } },
    });
  });
});

describe('user addresses whose PTE is valid', () => {
  leaf('C.valid.kernel-owner', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 1);
    const { mm } = drive.machine.kernel;
    const at = mm.format.pteAddress(base);
    const flip = () => drive.inKernel(() => mm.system.write8(at, mm.system.read8(at) ^ 4));
    flip();
    expect(drive.view.page(base).pte.letters).toContain('K');
    expect(drive.inKernel(() => accessFault(mm, base, FaultAccess.Read, true))).toBe(FaultOutcome.AccessViolation);
    expect(drive.view.page(base).pte.letters).toContain('K');
    // The check of the memory manager knows that no user PTE may look like this.
    expect(drive.machine.verify()).toContain('valid for the kernel only');
    flip();
    drive.check();
  });

  leaf('C.valid.copy-on-write', ({ start, pae }) => {
    const drive = start();
    drive.read(Image.data);
    const report = drive.write(Image.data + 5, 9);
    expect(report).toMatchObject({
      faults: ['copy-on-write'],
      exception: null,
      before: { pte: { form: 'valid', letters: pae ? 'C---A--UR-V' : 'C---A--UREV' }, frame: { prototype: true } },
      after: { pte: { form: 'valid', letters: pae ? '---DA--UW-V' : '---DA--UWEV' }, frame: { prototype: false } },
    });
    expect(report.after.pte.frame).not.toBe(report.before.pte.frame);
    expect(drive.peek(Image.data)).toBe(0x33);
    expect(drive.peek(Image.data + 5)).toBe(9);
  });

  leaf('C.valid.read-only', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive, { protection: ReadOnly });
    drive.read(base);
    const report = drive.write(base, 1);
    expect(report).toMatchObject({ faults: ['access-violation'], exception: accessViolation(1, base) });
    expect(report.after).toEqual(report.before);
    expect(report.moved).toEqual({ counters: { pageFaults: 1, accessViolations: 1 }, lists: {}, process: {} });
  });

  paeLeaf('C.valid.no-execute', ({ start }) => {
    const drive = start({ noExecute: 'alwayson' });
    const base = nt.allocate(drive);
    drive.write(base, 0);
    const report = drive.execute(base);
    expect(report).toMatchObject({ faults: ['access-violation'], exception: accessViolation(8, base) });
    expect(report.after).toEqual(report.before);
    expect(report.moved.counters).toEqual({ pageFaults: 1, accessViolations: 1, noExecuteFaults: 1 });
  });

  paeLeaf('C.valid.may-execute', ({ start }) => {
    const drive = start({ noExecute: 'optin' });
    const base = nt.allocate(drive);
    drive.write(base, 0);
    expect(drive.execute(base)).toMatchObject({
      faults: ['refault'],
      exception: null,
      before: { pte: { letters: '---DA--UW-V' } },
      after: { pte: { letters: '---DA--UWEV' } },
      moved: { counters: { pageFaults: 1, noExecuteFaults: 1 } },
    });
  });

  leaf('C.valid.stale', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive, { protection: ReadOnly });
    drive.read(base);
    const { mm } = drive.machine.kernel;
    const at = mm.format.pteAddress(base);
    // Somebody else made the page writable and did not tell this processor.
    drive.inKernel(() => mm.system.write8(at, mm.system.read8(at) | 2));
    expect(drive.write(base, 1)).toMatchObject({
      faults: ['refault'],
      exception: null,
      after: { pte: { letters: expect.stringContaining('D') } },
    });
  });
});

describe('user addresses whose PTE is zero', () => {
  leaf('C.zero.no-vad', ({ start }) => {
    const drive = start();
    const report = drive.write(0x10, 1);
    expect(report).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(1, 0x10),
      before: { pde: { form: 'valid' }, pte: { form: 'zero' } },
      after: { pte: { form: 'zero' } },
    });
    expect(report.moved).toEqual({ counters: { pageFaults: 1, accessViolations: 1 }, lists: {}, process: {} });
  });

  leaf('C.zero.reserved', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive, { type: MemoryType.Reserve });
    expect(drive.read(base)).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(0, base),
      after: { frame: null, inWorkingSet: false },
    });
  });

  leaf('C.zero.no-access', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive, { protection: NoAccess });
    const report = drive.read(base);
    expect(report).toMatchObject({ faults: ['access-violation'], exception: accessViolation(0, base) });
    expect(report.after).toEqual(report.before);
  });

  leaf('C.zero.committed', ({ start, pae }) => {
    const drive = start();
    const base = nt.allocate(drive, { size: 0x2000, protection: ReadOnly });
    drive.read(base);
    const report = drive.read(base + 0x1000);
    expect(report).toMatchObject({
      faults: ['demand-zero'],
      exception: null,
      value: 0,
      before: { pte: { form: 'zero' } },
      after: {
        pte: { form: 'valid', letters: pae ? '----A--UR-V' : '----A--UREV' },
        frame: { modified: true, original: { form: 'demand-zero', protection: 'READONLY' } },
        inWorkingSet: true,
      },
    });
    expect(report.moved).toEqual({
      counters: { pageFaults: 1, demandZeroFaults: 1 },
      lists: { zeroed: -1 },
      process: { workingSetSize: 1, pageFaultCount: 1, privatePages: 1 },
    });
  });

  leaf('C.zero.guard', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive, { protection: ReadWrite | Guard });
    const report = drive.read(base);
    expect(report).toMatchObject({
      faults: ['guard-page'],
      exception: guardViolation(0, base),
      after: { pte: { form: 'demand-zero', protection: 'READWRITE' }, inWorkingSet: false },
    });
    expect(report.moved.counters).toMatchObject({ pageFaults: 1, guardPageFaults: 1 });
    expect(drive.read(base)).toMatchObject({ faults: ['demand-zero'], exception: null });
  });

  leaf('C.zero.shared-user-data', ({ start }) => {
    const drive = start();
    const report = drive.read(SHARED_USER_DATA + 0x26c);
    expect(report).toMatchObject({
      exception: null,
      value: 5,
      after: { pte: { form: 'valid' }, frame: { prototype: true }, inWorkingSet: true },
    });
    expect(drive.write(SHARED_USER_DATA, 0)).toMatchObject({ exception: accessViolation(1, SHARED_USER_DATA) });
    nt.emptyWorkingSet(drive);
    expect(drive.write(SHARED_USER_DATA, 0)).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(1, SHARED_USER_DATA),
      after: { pte: { form: 'prototype' } },
    });
  });

  leaf('C.zero.data-section', ({ start, pae }) => {
    const drive = start();
    const base = nt.mapView(drive, nt.createSection(drive), ReadOnly);
    drive.read(base);
    expect(drive.read(base + 0x1000)).toMatchObject({
      faults: ['demand-zero'],
      exception: null,
      before: { pte: { form: 'zero' } },
      after: {
        pte: { form: 'valid', letters: pae ? '----A--UR-V' : '----A--UREV' },
        frame: { prototype: true, original: { form: 'demand-zero', protection: 'READWRITE' } },
      },
    });
    expect(drive.write(base + 0x2000, 1)).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(1, base + 0x2000),
      after: { pte: { form: 'zero' } },
    });
    nt.emptyWorkingSet(drive);
    expect(drive.view.page(base).pte).toMatchObject({ form: 'lookup', protection: 'READONLY' });
  });

  leaf('C.zero.image', ({ start }) => {
    const drive = start();
    expect(drive.read(Image.readOnly)).toMatchObject({
      exception: null,
      value: 0x22,
      before: { pte: { form: 'zero' } },
      after: { pte: { form: 'valid' }, frame: { prototype: true, original: { protection: 'READONLY' } } },
    });
    nt.emptyWorkingSet(drive);
    expect(drive.view.page(Image.readOnly).pte.form).toBe('prototype');
  });

  leaf('C.zero.section-guard', ({ start }) => {
    const drive = start();
    const base = nt.mapView(drive, nt.createSection(drive), ReadWrite | Guard);
    expect(drive.read(base)).toMatchObject({
      faults: ['guard-page'],
      exception: guardViolation(0, base),
      after: { pte: { form: 'lookup', protection: 'READWRITE' } },
    });
    expect(drive.read(base)).toMatchObject({ faults: ['demand-zero'], exception: null });
  });

  leaf('C.zero.beyond-view', ({ start }) => {
    const drive = start({ files: { 'short.bin': new Uint8Array(0x1800) } });
    const file = nt.createSection(drive, { size: 0, file: nt.openFile(drive, 'short.bin') });
    const base = nt.mapLongView(drive, file, 0x4000);
    expect(drive.read(base + 0x1000).exception).toBeNull();
    expect(drive.read(base + 0x2000)).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(0, base + 0x2000),
      after: { pte: { form: 'zero' } },
    });
    nt.allocate(drive, { base: base + 0x2000, size: 0x1000, type: 0x1000 });
    expect(drive.write(base + 0x2000, 1).exception).toBeNull();
    expect(drive.read(base + 0x3000).exception).toEqual(accessViolation(0, base + 0x3000));
  });
});

describe('user addresses whose PTE has a protection', () => {
  leaf('C.demand-zero', ({ start }) => {
    const drive = start();
    const base = nt.commit(drive, ExecuteReadWrite);
    expect(drive.write(base, 1)).toMatchObject({
      faults: ['demand-zero'],
      before: { pte: { form: 'demand-zero', protection: 'EXECUTE_READWRITE' } },
      after: { pte: { form: 'valid', letters: '---DA--UWEV' } },
    });
  });

  leaf('C.prototype.lookup', ({ start }) => {
    const drive = start();
    const base = nt.mapView(drive, nt.createSection(drive));
    drive.write(base, 7);
    nt.protect(drive, base, ReadOnly);
    nt.emptyWorkingSet(drive);
    expect(drive.read(base)).toMatchObject({
      exception: null,
      value: 7,
      before: { pte: { form: 'lookup', protection: 'READONLY' } },
      after: { pte: { form: 'valid', letters: expect.stringContaining('UR') } },
    });
  });

  leaf('C.prototype.pointer', ({ start }) => {
    const drive = start();
    drive.read(Image.readOnly);
    nt.emptyWorkingSet(drive);
    const { pte } = drive.view.page(Image.readOnly);
    expect(pte.form).toBe('prototype');
    expect(drive.view.prototype(pte.prototype ?? 0).pte).toMatchObject({ form: 'transition', protection: 'READONLY' });
    expect(drive.read(Image.readOnly)).toMatchObject({ faults: ['transition'], exception: null, value: 0x22 });
  });

  leaf('C.check.no-access', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 1);
    nt.protect(drive, base, NoAccess);
    const report = drive.read(base);
    expect(report).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(0, base),
      before: { pte: { form: 'transition', protection: 'NOACCESS' }, frame: { location: 'Modified' } },
    });
    expect(report.after).toEqual(report.before);
    nt.protect(drive, base, ReadWrite);
    expect(drive.peek(base)).toBe(1);
  });

  leaf('C.check.read-only', ({ start }) => {
    const drive = start();
    const base = nt.commit(drive, ReadOnly);
    const report = drive.write(base, 1);
    expect(report).toMatchObject({ faults: ['access-violation'], exception: accessViolation(1, base) });
    expect(report.after).toEqual(report.before);
  });

  leaf('C.check.decommitted', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive, { size: 0x2000 });
    drive.write(base, 1);
    nt.decommit(drive, base);
    const report = drive.read(base);
    expect(report).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(0, base),
      before: { pte: { form: 'decommitted' } },
    });
    expect(report.after).toEqual(report.before);
  });

  leaf('C.check.guard', ({ start }) => {
    const drive = start();
    const base = nt.commit(drive, ReadWrite | Guard);
    expect(drive.write(base + 0x123, 1)).toMatchObject({
      faults: ['guard-page'],
      exception: guardViolation(1, base + 0x123),
      before: { pte: { form: 'demand-zero', protection: 'READWRITE GUARD' } },
      after: { pte: { form: 'demand-zero', protection: 'READWRITE' } },
    });
    expect(drive.write(base + 0x123, 1)).toMatchObject({ faults: ['demand-zero'], exception: null });
  });

  leaf('C.check.guard-transition', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 5);
    nt.protect(drive, base, ReadWrite | Guard);
    expect(drive.read(base)).toMatchObject({
      faults: ['guard-page'],
      exception: guardViolation(0, base),
      before: {
        pte: { form: 'transition', protection: 'READWRITE GUARD' },
        frame: { location: 'Modified', original: { protection: 'READWRITE GUARD' } },
      },
      after: {
        pte: { form: 'transition', protection: 'READWRITE' },
        frame: { location: 'Modified', original: { protection: 'READWRITE' } },
      },
    });
    expect(drive.read(base)).toMatchObject({ faults: ['transition'], value: 5 });
  });

  leaf('C.check.guard-marker', ({ start }) => {
    const drive = start();
    const base = nt.mapView(drive, nt.createSection(drive));
    drive.write(base, 5);
    nt.protect(drive, base, ReadWrite | Guard);
    expect(drive.write(base, 6)).toMatchObject({
      faults: ['guard-page'],
      exception: guardViolation(1, base),
      before: { pte: { form: 'lookup', protection: 'READWRITE GUARD' } },
      after: { pte: { form: 'lookup', protection: 'READWRITE' } },
    });
    expect(drive.read(base)).toMatchObject({ exception: null, value: 5 });
  });

  leaf('C.check.guard-attached', ({ start }) => {
    const drive = start();
    const base = nt.commit(drive, ReadWrite | Guard);
    const report = drive.kernelAccess(base, FaultAccess.Read);
    expect(report.faults).toEqual(['access-violation']);
    expect(report.after).toEqual(report.before);
    expect(drive.read(base).exception).toEqual(guardViolation(0, base));
  });

  leaf('C.check.before-guard', ({ start }) => {
    const drive = start();
    const base = nt.commit(drive, ReadOnly | Guard);
    const report = drive.write(base, 1);
    expect(report).toMatchObject({ faults: ['access-violation'], exception: accessViolation(1, base) });
    expect(report.after.pte).toMatchObject({ form: 'demand-zero', protection: 'READONLY GUARD' });
    expect(drive.read(base).exception).toEqual(guardViolation(0, base));
  });
});
