import { describe, expect } from 'vitest';
import { PageProtection, Status } from '../../../kernel/index.js';
import type { Subsection } from '../../../kernel/mm/segment.js';
import { Image } from './driven-image.js';
import type { DrivenMachine } from './driven-machine.js';
import { leaf } from './leaf.js';
import * as nt from './services.js';

const { ReadOnly, ReadWrite, WriteCopy } = PageProtection;
const accessViolation = (access: number, address: number) => ({
  status: 'STATUS_ACCESS_VIOLATION',
  parameters: [access, address],
});
const SEC_RESERVE = 0x4000000;

/** Address of the prototype PTE of a page of a view. */
function prototypeOf(drive: Parameters<typeof nt.mapView>[0], address: number): number {
  return drive.space.vads.find(address >>> 12)?.prototypePte(address >>> 12) ?? 0;
}

describe('prototype PTEs of memory', () => {
  leaf('R.prototype.demand-zero', ({ start }) => {
    const drive = start();
    const base = nt.mapView(drive, nt.createSection(drive));
    const report = drive.write(base, 5);
    expect(report).toMatchObject({
      faults: ['demand-zero'],
      after: {
        pte: { form: 'valid', letters: expect.stringMatching(/D.*UW/) },
        frame: { location: 'Active', shareCount: 1, referenceCount: 1, modified: true, prototype: true },
        inWorkingSet: true,
      },
    });
    expect(drive.view.prototype(prototypeOf(drive, base)).pte).toMatchObject({
      form: 'valid',
      frame: report.after.pte.frame ?? 0,
    });
    expect(report.moved).toEqual({
      counters: { pageFaults: 1, demandZeroFaults: 1 },
      lists: { zeroed: -1 },
      process: { workingSetSize: 1, pageFaultCount: 1 },
    });
  });

  leaf('R.prototype.valid', ({ start }) => {
    const drive = start();
    const section = nt.createSection(drive);
    const [first, second] = [nt.mapView(drive, section), nt.mapView(drive, section)];
    drive.write(first, 5);
    const report = drive.read(second);
    expect(report).toMatchObject({
      faults: ['shared'],
      value: 5,
      after: { frame: { shareCount: 2, referenceCount: 1, prototype: true } },
      moved: { counters: { pageFaults: 1, prototypeFaults: 1 }, lists: {} },
    });
    expect(report.after.pte.frame).toBe(drive.view.page(first).pte.frame);
  });

  leaf('D.transition-cluster', ({ start }) => {
    const drive = start({ memorySize: 128 << 20 });
    const section = nt.createSection(drive, { size: 0x14000 });
    const [first, second] = [nt.mapView(drive, section), nt.mapView(drive, section)];
    for (let page = 0; page < 20; page++) if (page !== 13) drive.poke(first + page * 0x1000, page);
    nt.emptyWorkingSet(drive);
    drive.settle();
    // Pages 0 to 2 are shared with the other view again, those behind wait on the modified list.
    for (let page = 0; page < 3; page++) drive.poke(first + page * 0x1000, page);
    const form = (page: number) => drive.view.page(second + page * 0x1000).pte.form;
    const entries = (page: number) => drive.read(second + page * 0x1000).moved.process.pageFaultCount;
    // Up to the end of the view.
    drive.peek(second + 0x13000);
    expect(drive.read(second)).toMatchObject({
      faults: ['shared'],
      moved: { counters: { pageFaults: 1, prototypeFaults: 3, transitionFaults: 5 }, process: { pageFaultCount: 8 } },
    });
    expect([form(7), form(8)]).toEqual(['valid', 'zero']);
    // Up to a page that is not in memory.
    expect(entries(10)).toBe(3);
    expect([form(9), form(12), form(13)]).toEqual(['zero', 'valid', 'zero']);
    // Up to one that was touched before.
    expect(entries(8)).toBe(2);
    expect(entries(17)).toBe(2);
    for (let page = 0; page < 20; page++) expect(drive.peek(second + page * 0x1000)).toBe(page === 13 ? 0 : page);
  });

  leaf('R.prototype.transition', ({ start }) => {
    const drive = start();
    const base = nt.mapView(drive, nt.createSection(drive));
    drive.write(base, 5);
    nt.emptyWorkingSet(drive);
    const prototype = prototypeOf(drive, base);
    expect(drive.view.prototype(prototype)).toMatchObject({
      pte: { form: 'transition', protection: 'READWRITE' },
      frame: { location: 'Modified', prototype: true },
    });
    expect(drive.read(base)).toMatchObject({
      faults: ['transition'],
      value: 5,
      before: { pte: { form: 'lookup' } },
      after: { frame: { location: 'Active', shareCount: 1, modified: true } },
      moved: { counters: { pageFaults: 1, transitionFaults: 1 }, lists: { modified: -1 } },
    });
    expect(drive.view.prototype(prototype).pte.form).toBe('valid');
  });

  leaf('D.prototype-page', ({ start }) => {
    const drive = start();
    // So many prototype PTEs that they have pages of paged pool to themselves.
    const base = nt.mapView(drive, nt.createSection(drive, { size: 0x40_0000 }));
    drive.write(base, 5);
    nt.evict(drive);
    nt.emptySystemWorkingSet(drive);
    nt.writeModifiedPages(drive);
    nt.repurposeStandby(drive);
    const home = prototypeOf(drive, base);
    expect(drive.view.page(home).pte.form).toBe('page-file');
    // One access, two reads: the page of prototype PTEs, then the page itself.
    expect(drive.read(base)).toMatchObject({
      exception: null,
      value: 5,
      moved: { counters: { pagingFileFaults: 2, pagesRead: 2 } },
    });
    expect(drive.view.page(home)).toMatchObject({ pte: { form: 'valid' }, frame: { location: 'Active' } });
  });

  leaf('R.prototype.page-file', ({ start }) => {
    const drive = start();
    const base = nt.mapView(drive, nt.createSection(drive));
    drive.write(base, 5);
    nt.evict(drive);
    const prototype = prototypeOf(drive, base);
    expect(drive.view.prototype(prototype).pte).toMatchObject({ form: 'page-file', protection: 'READWRITE' });
    expect(drive.read(base)).toMatchObject({
      exception: null,
      value: 5,
      after: { frame: { prototype: true, modified: false, original: { form: 'page-file' } } },
      moved: { counters: { pagingFileFaults: 1, pagesRead: 1 } },
    });
  });

  leaf('R.prototype.zero', ({ start }) => {
    const drive = start();
    const section = nt.createSection(drive, { attributes: SEC_RESERVE });
    const base = nt.mapView(drive, section);
    const report = drive.read(base);
    expect(report).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(0, base),
      after: { pte: { form: 'zero' } },
    });
    nt.allocate(drive, { base, type: 0x1000 });
    expect(drive.read(base)).toMatchObject({ faults: ['demand-zero'], exception: null });
    expect(drive.read(base + 0x1000).exception).toEqual(accessViolation(0, base + 0x1000));
  });

  leaf('R.prototype.access', ({ start }) => {
    const drive = start();
    const report = drive.write(Image.readOnly + 0x1000, 1);
    expect(report).toMatchObject({
      faults: ['access-violation'],
      exception: accessViolation(1, Image.readOnly + 0x1000),
      after: { pte: { form: 'zero' } },
    });
    expect(report.moved.lists).toEqual({});
  });

  leaf('R.prototype.private-zero', ({ start }) => {
    const drive = start();
    // A page of .data that the file has nothing for.
    const address = Image.data + 0x1000;
    const prototype = prototypeOf(drive, address);
    const { pte } = drive.view.prototype(prototype);
    expect(drive.write(address, 5)).toMatchObject({
      faults: ['demand-zero'],
      after: { frame: { prototype: false, original: { form: 'demand-zero', protection: 'READWRITE' } } },
      moved: { process: { privatePages: 1 } },
    });
    expect(drive.view.prototype(prototype).pte).toEqual(pte);
  });

  leaf('R.complete.own-protection', ({ start }) => {
    const drive = start();
    const base = nt.mapView(drive, nt.createSection(drive));
    drive.write(base, 5);
    nt.protect(drive, base, ReadOnly);
    nt.emptyWorkingSet(drive);
    expect(drive.read(base)).toMatchObject({ after: { pte: { letters: expect.stringContaining('UR') } } });
    expect(nt.protect(drive, base, ReadWrite)).toBe(ReadOnly);
    expect(drive.write(base, 6).exception).toBeNull();
  });
});

describe('copies on write', () => {
  leaf('R.copy-on-write', ({ start }) => {
    const drive = start();
    const section = nt.createSection(drive);
    const shared = nt.mapView(drive, section);
    const copied = nt.mapView(drive, section, WriteCopy);
    drive.write(shared, 5);
    drive.read(copied);
    const original = drive.view.page(shared).pte.frame ?? 0;
    expect(drive.view.frame(original).shareCount).toBe(2);
    const report = drive.write(copied + 1, 6);
    expect(report).toMatchObject({
      faults: ['copy-on-write'],
      before: { pte: { frame: original, letters: expect.stringContaining('C') } },
      after: {
        pte: { form: 'valid', letters: expect.stringMatching(/^-.*D.*UW/) },
        frame: { modified: true, prototype: false, original: { form: 'demand-zero', protection: 'READWRITE' } },
      },
      moved: { process: { privatePages: 1 } },
    });
    expect(report.moved.lists).toEqual({ zeroed: -1 });
    expect(report.moved.counters).toEqual({ pageFaults: 1, copyOnWriteFaults: 1 });
    expect(drive.view.frame(original).shareCount).toBe(1);
    expect([drive.peek(copied), drive.peek(copied + 1), drive.peek(shared + 1)]).toEqual([5, 6, 0]);
  });

  leaf('R.copy-on-write.last', ({ start }) => {
    const drive = start();
    drive.read(Image.data);
    const original = drive.view.page(Image.data).pte.frame ?? 0;
    const report = drive.write(Image.data, 6);
    expect(report.moved.lists).toEqual({ zeroed: -1, standby: 1 });
    expect(drive.view.frame(original)).toMatchObject({ location: 'Standby', prototype: true });
    expect(drive.view.prototype(prototypeOf(drive, Image.data)).pte).toMatchObject({
      form: 'transition',
      frame: original,
    });
  });
});

describe('mapped files', () => {
  const contents = Uint8Array.from({ length: 0x2800 }, (_, index) => (index >>> 8) + 1);
  const files = { 'data.bin': contents };

  /** A view of the whole of data.bin. */
  const mapFile = (drive: DrivenMachine): number =>
    nt.mapView(drive, nt.createSection(drive, { size: 0, file: nt.openFile(drive, 'data.bin') }));
  /** The data section's only subsection. */
  const subsectionOf = (drive: DrivenMachine, base: number): Subsection => {
    const subsection = drive.space.vads.find(base >>> 12)?.controlArea?.subsections[0];
    if (subsection === undefined) throw new Error('no subsection');
    return subsection;
  };

  leaf('R.file', ({ start }) => {
    const drive = start({ files });
    const base = mapFile(drive);
    const prototype = prototypeOf(drive, base);
    expect(drive.view.prototype(prototype).pte.form).toBe('prototype');
    const report = drive.read(base + 0x1100);
    expect(report).toMatchObject({
      faults: ['must-wait', 'mapped-file'],
      value: 0x12,
      after: {
        frame: { location: 'Active', modified: false, prototype: true, original: { form: 'prototype' } },
      },
      moved: { counters: { pageFaults: 1, mappedFileFaults: 1, pageReadIos: 1 } },
    });
    expect(report.after.pte.letters).not.toContain('D');
  });

  leaf('R.file.cluster', ({ start }) => {
    const drive = start({ files: { 'data.bin': Uint8Array.from({ length: 0xc800 }, (_, index) => index >>> 12) } });
    const base = mapFile(drive);
    // MmReadClusterSize is 2 on a small machine: the two pages behind; on the standby list until somebody wants them.
    expect(drive.read(base + 0x4000)).toMatchObject({
      value: 4,
      moved: { counters: { pagesRead: 3, pageReadIos: 1 }, process: { workingSetSize: 1 } },
    });
    const states = Array.from({ length: 8 }, (_, page) => {
      const { pte, frame } = drive.view.prototype(prototypeOf(drive, base + page * 0x1000));
      return frame?.location ?? pte.form;
    });
    expect(states).toEqual([...Array(4).fill('prototype'), 'Active', 'Standby', 'Standby', 'prototype']);
    expect(drive.read(base + 0x6000)).toMatchObject({
      faults: ['transition'],
      value: 6,
      moved: { counters: { transitionFaults: 1 } },
    });
    // Behind the last page is nothing, behind the fourth what is in memory: then those before it.
    expect(drive.read(base + 0xc000).moved.counters.pagesRead).toBe(3);
    expect(drive.read(base + 0x3000).moved.counters.pagesRead).toBe(3);
    expect(drive.view.page(base + 0x1000).pte.form).toBe('zero');
    expect(drive.read(base + 0x1000).faults).toEqual(['transition']);
    drive.check();
  });

  leaf('R.file.collided', ({ start }) => {
    const drive = start({ files });
    const base = mapFile(drive);
    const complete = nt.readByAnother(drive, base);
    expect(drive.view.prototype(prototypeOf(drive, base + 0x1000))).toMatchObject({
      pte: { form: 'transition' },
      frame: { location: 'Transition', referenceCount: 1 },
    });
    // A neighbour in the cluster: nothing is read again.
    const report = drive.read(base + 0x1000);
    expect(report).toMatchObject({ faults: ['must-wait', 'transition'], value: 0x11 });
    expect(report.moved.counters.pagesRead ?? 0).toBe(0);
    complete();
    drive.check();
    expect(drive.view.page(base).frame?.referenceCount).toBe(1);
  });

  leaf('R.file.unmapped', ({ start }) => {
    const drive = start({ files });
    const base = mapFile(drive);
    const complete = nt.readByAnother(drive, base);
    nt.unmapView(drive, base);
    nt.finishPagingIo(drive);
    complete();
    drive.check();
    expect(drive.read(base).exception?.status).toBe('STATUS_ACCESS_VIOLATION');
  });

  leaf('R.complete.store', ({ start }) => {
    const drive = start({ files });
    const base = mapFile(drive);
    expect(drive.write(base, 0x99)).toMatchObject({
      after: { pte: { letters: expect.stringMatching(/D.*UW/) }, frame: { modified: true, prototype: true } },
    });
    nt.emptyWorkingSet(drive);
    nt.writeModifiedPages(drive);
    nt.repurposeStandby(drive);
    expect(drive.read(base)).toMatchObject({ faults: ['must-wait', 'mapped-file'], value: 0x99 });
  });

  leaf('R.file.tail', ({ start }) => {
    const drive = start({ files });
    const base = mapFile(drive);
    expect(drive.peek(base + 0x27ff)).toBe(0x28);
    expect(drive.peek(base + 0x2800)).toBe(0);
    expect(drive.peek(base + 0x2fff)).toBe(0);
  });

  leaf('R.file.error', ({ start }) => {
    const drive = start({ files });
    const base = mapFile(drive);
    subsectionOf(drive, base).readPages = () => Status.DEVICE_DATA_ERROR;
    const report = drive.read(base);
    // The cluster is not to be had, and then the page is not, either.
    expect(report).toMatchObject({
      faults: ['must-wait', 'must-wait'],
      exception: { status: 'STATUS_IN_PAGE_ERROR', parameters: [0, base, Status.DEVICE_DATA_ERROR] },
      after: { pte: { form: 'zero' } },
      moved: { process: {} },
    });
    expect(drive.view.prototype(prototypeOf(drive, base)).pte.form).toBe('prototype');
  });

  leaf('R.file.shrunk', ({ start }) => {
    const drive = start({ files });
    const base = mapFile(drive);
    const { controlArea } = subsectionOf(drive, base);
    // The host cuts the file under the section.
    expect(controlArea.file?.setSize(0x1800)).toBe(Status.SUCCESS);
    expect(drive.read(base)).toMatchObject({ exception: null, value: 1 });
    for (const page of [1, 2]) {
      const address = base + page * 0x1000;
      const parameters = [0, address, Status.END_OF_FILE];
      expect(drive.read(address).exception).toEqual({ status: 'STATUS_IN_PAGE_ERROR', parameters });
    }
  });

  leaf('R.file.no-more-io', ({ start }) => {
    const drive = start({ files });
    const base = mapFile(drive);
    Object.defineProperty(subsectionOf(drive, base), 'failAllIo', { value: true });
    const parameters = [0, base, Status.IN_PAGE_ERROR];
    expect(drive.read(base)).toMatchObject({
      faults: ['in-page-error'],
      exception: { status: 'STATUS_IN_PAGE_ERROR', parameters },
    });
  });
});
