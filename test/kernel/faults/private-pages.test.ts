import { describe, expect } from 'vitest';
import { Status } from '../../../kernel/index.js';
import type { DrivenMachine } from './driven-machine.js';
import { leaf } from './leaf.js';
import * as nt from './services.js';

const DEVICE_ERROR = Status.DEVICE_DATA_ERROR;

const slotsInUse = (drive: DrivenMachine): number => drive.machine.kernel.mm.paging.files[0]?.usage ?? 0;

describe('demand zero', () => {
  leaf('R.demand-zero', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive, { size: 0x2000 });
    const report = drive.read(base);
    expect(report).toMatchObject({
      value: 0,
      after: {
        // Dirty although it was only read: what is not in a file must be written before the frame is used again.
        pte: { letters: expect.stringMatching(/D.*UW/) },
        frame: {
          location: 'Active',
          shareCount: 1,
          referenceCount: 1,
          modified: true,
          prototype: false,
          original: { form: 'demand-zero', protection: 'READWRITE' },
        },
        inWorkingSet: true,
      },
    });
    expect(report.moved.lists).toEqual({ zeroed: -1 });
  });
});

describe('when no page is available', () => {
  leaf('R.demand-zero.no-pages', ({ start }) => {
    const drive = start();
    const { lists } = drive.machine.kernel.mm;
    const size = 48 << 20;
    const base = nt.allocate(drive, { size });
    let next = base;
    while (lists.availablePages > 140) {
      drive.poke(next, 1);
      next += 0x1000;
    }
    let waited = false;
    for (let tries = 0; tries < 40 && !waited; tries++) {
      const report = drive.write(next, 1);
      expect(report).toMatchObject({ exception: null, after: { pte: { form: 'valid' } } });
      waited = report.faults[0] === 'must-wait' && report.faults.at(-1) === 'demand-zero';
      next += 0x1000;
    }
    expect(waited).toBe(true);
  });
});

describe('while memory is short', () => {
  leaf('C.retry', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 0x77);
    nt.evict(drive);
    nt.failNextRead(drive, Status.INSUFFICIENT_RESOURCES);
    const before = drive.time;
    expect(drive.read(base)).toMatchObject({ exception: null, value: 0x77 });
    expect(drive.time - before).toBeGreaterThanOrEqual(10_000_000);
  });

  leaf('C.throttle', ({ start }) => {
    // Without a paging file modified pages stay what they are.
    const drive = start({ pagingFiles: [] });
    const { mm } = drive.machine.kernel;
    const size = 0x200_000;
    const base = nt.allocate(drive, { size });
    for (let page = base; page < base + size - 0x1000; page += 0x1000) drive.poke(page, 1);
    nt.trimEverything(drive);
    drive.settle();
    // Somebody has nearly all the pages that are available, and lets go of them once the fault has been decided.
    const taken: number[] = [];
    while (mm.lists.availablePages > 200) taken.push(mm.lists.removeAnyPage(0));
    const last = base + size - 0x1000;
    drive.atFault((address) => {
      if (address === last) for (const frame of taken.splice(0)) mm.lists.insertFree(frame);
    });
    const before = drive.time;
    expect(drive.write(last, 1)).toMatchObject({
      faults: ['must-wait', 'demand-zero'],
      exception: null,
      moved: { counters: { throttledFaults: 1 } },
    });
    expect(drive.time - before).toBeGreaterThanOrEqual(30_000_000);
  });
});

describe('pages on a list', () => {
  leaf('R.transition.modified', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 0x77);
    nt.emptyWorkingSet(drive);
    const report = drive.read(base);
    expect(report).toMatchObject({
      faults: ['transition'],
      value: 0x77,
      before: {
        pte: { form: 'transition', protection: 'READWRITE' },
        frame: { location: 'Modified', referenceCount: 0, modified: true },
        inWorkingSet: false,
      },
      after: {
        pte: { form: 'valid', letters: expect.stringMatching(/D.*UW/) },
        frame: { location: 'Active', shareCount: 1, referenceCount: 1, modified: true },
        inWorkingSet: true,
      },
    });
    expect(report.after.pte.frame).toBe(report.before.pte.frame);
    expect(report.moved).toEqual({
      counters: { pageFaults: 1, transitionFaults: 1 },
      lists: { modified: -1 },
      process: { workingSetSize: 1, pageFaultCount: 1 },
    });
  });

  leaf('R.transition.standby', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 0x77);
    nt.emptyWorkingSet(drive);
    nt.writeModifiedPages(drive);
    const report = drive.read(base);
    expect(report).toMatchObject({
      faults: ['transition'],
      value: 0x77,
      before: { frame: { location: 'Standby', modified: false, original: { form: 'page-file' } } },
      after: {
        pte: { form: 'valid' },
        frame: { location: 'Active', modified: false, original: { form: 'page-file' } },
      },
    });
    expect(report.after.pte.letters).not.toContain('D');
    expect(report.moved.lists).toEqual({ standby: -1 });
    // The first store makes it dirty without a fault; the slot is given back when the page leaves the working set.
    expect(drive.write(base, 1)).toMatchObject({
      faults: [],
      after: { pte: { letters: expect.stringContaining('D') } },
    });
    nt.emptyWorkingSet(drive);
    expect(drive.view.page(base).frame).toMatchObject({ location: 'Modified', original: { form: 'demand-zero' } });
  });

  leaf('R.transition.writing', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 0x77);
    nt.emptyWorkingSet(drive);
    nt.startWrite(drive);
    expect(drive.view.page(base).frame).toMatchObject({ location: 'Transition', referenceCount: 1 });
    expect(drive.write(base, 0x78)).toMatchObject({
      faults: ['transition'],
      after: { frame: { location: 'Active', shareCount: 1, referenceCount: 2 } },
    });
    nt.finishPagingIo(drive);
    nt.emptyWorkingSet(drive);
    expect(drive.view.page(base).frame).toMatchObject({ location: 'Modified', modified: true });
    nt.evict(drive);
    expect(drive.peek(base)).toBe(0x78);
  });
});

describe('pages that are being read', () => {
  leaf('R.transition.collided', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 0x77);
    nt.evict(drive);
    const complete = nt.readByAnother(drive, base);
    const report = drive.read(base);
    expect(report).toMatchObject({
      faults: ['must-wait', 'transition'],
      value: 0x77,
      before: { pte: { form: 'transition' }, frame: { location: 'Transition', shareCount: 0, referenceCount: 1 } },
      after: { pte: { form: 'valid' }, frame: { location: 'Active', shareCount: 1 } },
    });
    // Nothing was read again, and who began the read lets go of the page.
    expect(report.moved.counters.pagesRead ?? 0).toBe(0);
    complete();
    drive.check();
    expect(drive.view.page(base).frame?.referenceCount).toBe(1);
  });

  leaf('D.io.pte-changed', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 0x77);
    nt.evict(drive);
    const used = slotsInUse(drive);
    const complete = nt.readByAnother(drive, base);
    nt.release(drive, base);
    expect(drive.view.page(base).pte.form).not.toBe('transition');
    nt.finishPagingIo(drive);
    complete();
    drive.check();
    expect(slotsInUse(drive)).toBe(used - 1);
    expect(drive.read(base).exception?.status).toBe('STATUS_ACCESS_VIOLATION');
  });
});

describe('pages in the paging file', () => {
  leaf('R.page-file', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 0x77);
    nt.evict(drive);
    const used = slotsInUse(drive);
    const report = drive.read(base);
    expect(report).toMatchObject({
      exception: null,
      value: 0x77,
      before: { pte: { form: 'page-file', file: 0, protection: 'READWRITE' } },
      after: {
        pte: { form: 'valid' },
        frame: {
          location: 'Active',
          modified: false,
          original: { form: 'page-file', slot: report.before.pte.slot ?? -1 },
        },
      },
      moved: { counters: { pageFaults: 1, pagingFileFaults: 1, pagesRead: 1, pageReadIos: 1 } },
    });
    expect(report.before.pte.slot).toBeGreaterThan(0);
    expect(slotsInUse(drive)).toBe(used);
  });

  leaf('R.page-file.cluster', ({ start }) => {
    const drive = start({ clusterPageFileReads: 15 });
    const base = nt.allocate(drive, { size: 0x8000 });
    // The last that came is trimmed first.
    for (let page = 7; page >= 0; page--) drive.write(base + page * 0x1000, page + 1);
    nt.evict(drive);
    const report = drive.read(base + 0x3000);
    expect(report).toMatchObject({
      value: 4,
      moved: { counters: { pagingFileFaults: 1, pagesRead: 8, pageReadIos: 1 } },
    });
    // The neighbours wait on the standby list, with their slots.
    expect(drive.view.page(base)).toMatchObject({
      pte: { form: 'transition' },
      frame: { location: 'Standby', original: { form: 'page-file' } },
    });
    for (let page = 0; page < 8; page++) expect(drive.read(base + page * 0x1000).value).toBe(page + 1);
  });

  leaf('D.io.page-file', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive, { size: 0x3000 });
    for (let page = 0; page < 3; page++) drive.write(base + page * 0x1000, page + 1);
    nt.evict(drive);
    const before = drive.time;
    expect(drive.read(base + 0x1000)).toMatchObject({ faults: ['must-wait', 'page-file'], value: 2 });
    expect(drive.time - before).toBeGreaterThan(1_000_000);
    expect(drive.peek(base)).toBe(1);
    expect(drive.peek(base + 0x2000)).toBe(3);
  });

  leaf('D.io.error', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 0x77);
    nt.evict(drive);
    nt.failNextRead(drive, DEVICE_ERROR);
    const report = drive.read(base);
    expect(report.exception).toEqual({ status: 'STATUS_IN_PAGE_ERROR', parameters: [0, base, DEVICE_ERROR] });
    expect(report.after.pte).toEqual(report.before.pte);
    // The zero page thread may have been at work while the thread waited.
    const { zeroed = 0, free = 0 } = report.moved.lists;
    expect(zeroed + free).toBe(0);
    expect(report.moved.process).toEqual({});
    expect(drive.read(base)).toMatchObject({ exception: null, value: 0x77 });
  });

  leaf('R.page-file.end-of-file', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 0x77);
    nt.evict(drive);
    const file = drive.machine.kernel.mm.paging.files[0];
    if (file === undefined) throw new Error('no paging file');
    file.storage.read = () => Status.END_OF_FILE;
    const { slot = 0 } = drive.view.page(base).pte;
    expect(drive.read(base).bugcheck).toEqual({ code: 0x7a, parameters: [3, Status.END_OF_FILE, 0, slot] });
  });
});
