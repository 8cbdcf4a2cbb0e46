import { describe, expect, it } from 'vitest';
import type { AddressSpace } from '../../../kernel/mm/address-space.js';
import { cleanAddressSpace } from '../../../kernel/mm/clean-address-space.js';
import { cloneAddressSpace } from '../../../kernel/mm/clone-address-space.js';
import { VadType } from '../../../kernel/mm/vad.js';
import { DrivenMachine } from './driven-machine.js';
import { leaf } from './leaf.js';
import * as nt from './services.js';

const MEM_RESET = 0x8_0000;

/** A clone of the process's memory that nobody runs in. */
function fork(drive: DrivenMachine): AddressSpace {
  const { mm } = drive.machine.kernel;
  const child = mm.createAddressSpace();
  if (child === null) throw new Error('no address space');
  expect(cloneAddressSpace(drive.machine.kernel, drive.space, child)).toBe(0);
  return child;
}

function end(drive: DrivenMachine, child: AddressSpace): void {
  cleanAddressSpace(drive.machine.kernel, child);
  drive.machine.kernel.mm.deleteAddressSpace(child);
}

describe('pages of a fork', () => {
  leaf('R.prototype.fork', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive, { size: 0x1000 });
    drive.write(base, 5);
    const { frame } = drive.view.page(base).pte;
    const child = fork(drive);
    const report = drive.read(base);
    expect(report).toMatchObject({
      value: 5,
      faults: ['transition'],
      before: { pte: { form: 'lookup' } },
      after: {
        pte: { form: 'valid', frame, letters: expect.stringContaining('C') },
        frame: { prototype: true, original: { protection: 'READWRITE' } },
        inWorkingSet: true,
      },
    });
    end(drive, child);
  });

  leaf('R.prototype.fork-reset', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive, { size: 0x1000 });
    drive.write(base, 5);
    nt.allocate(drive, { base, type: MEM_RESET });
    nt.trimEverything(drive);
    const child = fork(drive);
    nt.repurposeStandby(drive);
    const clone = drive.space.vads.find(base >>> 12)?.clones?.get(base >>> 12);
    expect(clone?.references).toBe(2);
    const report = drive.read(base);
    expect(report).toMatchObject({
      value: 0,
      faults: ['demand-zero'],
      before: { pte: { form: 'lookup' } },
      after: { pte: { form: 'valid' }, frame: { prototype: false } },
      moved: { process: { privatePages: 1 } },
    });
    expect(clone?.references).toBe(1);
    expect(drive.space.vads.find(base >>> 12)?.clones?.size).toBe(0);
    drive.write(base, 6);
    end(drive, child);
    expect(drive.peek(base)).toBe(6);
  });

  leaf('R.copy-on-write.fork-last', ({ start }) => {
    const drive = start();
    const { mm } = drive.machine.kernel;
    const base = nt.allocate(drive, { size: 0x1000 });
    drive.write(base, 5);
    const original = drive.view.page(base).pte.frame ?? 0;
    end(drive, fork(drive));
    drive.read(base);
    expect([...mm.cloneBlocks].some(({ live }) => live > 0)).toBe(true);
    const report = drive.write(base + 1, 6);
    expect(report).toMatchObject({
      faults: ['copy-on-write'],
      after: {
        pte: { frame: original },
        frame: {
          location: 'Active',
          shareCount: 1,
          referenceCount: 1,
          prototype: false,
          modified: true,
          original: { form: 'demand-zero', protection: 'READWRITE' },
        },
        inWorkingSet: true,
      },
      moved: { process: { privatePages: 1 }, lists: {} },
    });
    expect(drive.peek(base)).toBe(5);
    expect(drive.space.vads.find(base >>> 12)?.clones?.size).toBe(0);
  });
});

describe('a region with write watch that is forked', () => {
  it.each([true, false])('keeps its watch, and its clone has none (PAE %s)', (pae) => {
    const drive = new DrivenMachine({ pae });
    const base = nt.allocateWatched(drive, 0x4000);
    drive.write(base, 1);
    drive.read(base + 0x1000);
    drive.write(base + 0x2000, 2);
    const child = fork(drive);
    expect(nt.writtenPages(drive, base, 0x4000)).toEqual([base, base + 0x2000]);
    drive.read(base + 0x1000);
    expect(nt.writtenPages(drive, base, 0x4000)).toEqual([base, base + 0x2000]);
    // A copy-on-write is for a store.
    drive.write(base + 0x1000, 3);
    expect(nt.writtenPages(drive, base, 0x4000)).toEqual([base, base + 0x1000, base + 0x2000]);
    nt.resetWatch(drive, base, 0x4000);
    expect(drive.peek(base)).toBe(1);
    expect(nt.writtenPages(drive, base, 0x4000)).toEqual([]);
    drive.write(base, 4);
    expect(nt.writtenPages(drive, base, 0x4000)).toEqual([base]);
    expect(child.vads.find(base >>> 12)).toMatchObject({ type: VadType.None, writeWatch: null });
    expect(drive.space.vads.find(base >>> 12)?.type).toBe(VadType.WriteWatch);
    end(drive, child);
    drive.check();
  });
});
