import { describe, expect } from 'vitest';
import { FaultAccess, pdeLocation, systemPte } from '../../../kernel/index.js';
import { leaf } from './leaf.js';
import * as nt from './services.js';

const PFN_DATABASE = 0x8100_0000;
const USER = 0x2000_0000;

describe('system addresses', () => {
  leaf('B.user-mode', ({ start }) => {
    const drive = start();
    for (const address of [0x8000_0000, PFN_DATABASE, 0xc000_0000, 0xe100_0000, 0xffff_ffff]) {
      for (const [access, report] of [drive.read(address), drive.write(address, 0)].entries()) {
        expect(report.exception).toEqual({ status: 'STATUS_ACCESS_VIOLATION', parameters: [access, address] });
        expect(report.moved).toEqual({ counters: { pageFaults: 1, accessViolations: 1 }, lists: {}, process: {} });
      }
    }
  });

  leaf('B.system-directory', ({ start }) => {
    const drive = start();
    const { mm } = drive.machine.kernel;
    const pde = pdeLocation(mm, drive.space, PFN_DATABASE);
    // As if the page table were younger than the process.
    mm.format.writeZero(pde);
    mm.cpu.invalidatePage(PFN_DATABASE | 0);
    const report = drive.kernelFault(PFN_DATABASE, FaultAccess.Read);
    expect(report).toMatchObject({
      faults: ['system-directory'],
      before: { pde: { form: 'zero' } },
      after: { pde: { form: 'valid', letters: expect.stringContaining('K') } },
    });
    const master = pdeLocation(mm, mm.systemSpace, PFN_DATABASE);
    expect(report.after.pde.frame).toBe(mm.format.frame(master));
  });

  leaf('B.valid', ({ start }) => {
    const drive = start();
    const { mm } = drive.machine.kernel;
    expect(mm.format.isValid(systemPte(mm, PFN_DATABASE))).toBe(true);
    const report = drive.kernelFault(PFN_DATABASE, FaultAccess.Write);
    expect(report.faults).toEqual(['refault']);
    expect(report.moved).toEqual({ counters: { pageFaults: 1 }, lists: {}, process: {} });
  });

  leaf('B.table-address', ({ start }) => {
    const drive = start();
    const table = drive.machine.kernel.mm.format.pteAddress(USER);
    // The program may not look at page tables, whether they exist or not.
    expect(drive.read(table).exception?.status).toBe('STATUS_ACCESS_VIOLATION');
    nt.allocate(drive, { base: USER });
    drive.write(USER, 1);
    expect(drive.read(table).exception?.status).toBe('STATUS_ACCESS_VIOLATION');
  });
});
