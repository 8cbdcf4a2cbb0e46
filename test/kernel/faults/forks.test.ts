import { describe, expect } from 'vitest';
import type { AddressSpace } from '../../../kernel/mm/address-space.js';
import { cleanAddressSpace } from '../../../kernel/mm/clean-address-space.js';
import { cloneAddressSpace } from '../../../kernel/mm/clone-address-space.js';
import type { DrivenMachine } from './driven-machine.js';
import { leaf } from './leaf.js';
import * as nt from './services.js';

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
