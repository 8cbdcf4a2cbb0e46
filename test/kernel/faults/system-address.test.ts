import { describe, expect } from 'vitest';
import { PoolType } from '../../../kernel/ex/pool-area.js';
import { FaultAccess, type KernelContext, pdeLocation, systemPte } from '../../../kernel/index.js';
import type { DrivenMachine } from './driven-machine.js';
import { leaf, paeLeaf } from './leaf.js';
import * as nt from './services.js';

const { Read, Write, Execute } = FaultAccess;
const PAGE = 0x1000;
/** A system address with a PTE of its own that every process has. */
const pfnDatabase = (drive: DrivenMachine) => drive.machine.kernel.mm.layout.pfnDatabase;
const USER = 0x2000_0000;
/** No page table is here, and no page anywhere near. */
const NOWHERE = 0xd000_0000;
const EIP = 0xf700_1234;
const TRAP_FRAME = 0xf7ab_0000;
const code = (irql: number, ownsWorkingSetLock = false): KernelContext => ({
  irql,
  eip: EIP,
  trapFrame: TRAP_FRAME,
  ownsWorkingSetLock,
});
const PASSIVE = code(0);
const APC = code(1);
const DISPATCH = code(2);

const IRQL_NOT_LESS_OR_EQUAL = 0x0a;
const PAGE_FAULT_IN_NONPAGED_AREA = 0x50;
const WRITE_TO_READONLY = 0xbe;
const EXECUTE_OF_NOEXECUTE = 0xfc;

/** Low dword of a PTE, as bugchecks show it. */
function contents(drive: DrivenMachine, address: number): number {
  const { mm } = drive.machine.kernel;
  return mm.format.low(systemPte(mm, address)) >>> 0;
}

/** A page of paged pool. */
function poolPage(drive: DrivenMachine): number {
  return drive.machine.kernel.mm.pool.allocate(PoolType.Paged, PAGE, 'Test');
}

/** Takes the write permission of a resident page of nonpaged pool away; for ever: from the page that it stands for, too. */
function readOnlyPage(drive: DrivenMachine, forEver: boolean): number {
  const { mm } = drive.machine.kernel;
  const address = mm.pool.allocate(PoolType.NonPaged, PAGE, 'Test');
  const at = systemPte(mm, address);
  const READONLY = 1;
  if (forEver) mm.format.setProtection(mm.pfn.originalPte(mm.format.frame(at)), READONLY);
  mm.format.setValidProtection(at, READONLY);
  mm.cpu.invalidatePage(address | 0);
  return address;
}

describe('faults above APC_LEVEL', () => {
  leaf('A.system-directory', ({ start }) => {
    const drive = start();
    const { mm } = drive.machine.kernel;
    mm.format.writeZero(pdeLocation(mm, drive.space, pfnDatabase(drive)));
    expect(drive.kernelAccess(pfnDatabase(drive), Read, DISPATCH)).toMatchObject({
      faults: ['system-directory'],
      before: { pde: { form: 'zero' } },
      after: { pde: { form: 'valid' } },
    });
  });

  leaf('A.not-valid', ({ start }) => {
    for (const [address, access] of [
      [NOWHERE, Read],
      [USER, Write],
    ] as const) {
      const drive = start();
      nt.allocate(drive, { base: USER });
      drive.write(USER + PAGE - 1, 1);
      nt.emptyWorkingSet(drive);
      const report = drive.kernelAccess(address, access, DISPATCH);
      expect(report.bugcheck).toEqual({ code: IRQL_NOT_LESS_OR_EQUAL, parameters: [address, 2, access, EIP] });
      expect(report.after).toEqual(report.before);
    }
  });

  leaf('A.copy-on-write', ({ start }) => {
    const drive = start();
    // A page of zeros is private at once: what is shared is copied when it is written.
    const section = nt.createSection(drive);
    drive.write(nt.mapView(drive, section), 1);
    const copied = nt.mapView(drive, section, 8);
    drive.read(copied);
    expect(drive.view.page(copied).pte.letters).toContain('C');
    expect(drive.kernelAccess(copied, Write, DISPATCH).bugcheck).toEqual({
      code: IRQL_NOT_LESS_OR_EQUAL,
      parameters: [copied, 2, Write, EIP],
    });
  });

  leaf('A.read-only', ({ start }) => {
    const drive = start();
    const address = readOnlyPage(drive, true);
    const pte = contents(drive, address);
    expect(drive.kernelAccess(address, Write, DISPATCH).bugcheck).toEqual({
      code: WRITE_TO_READONLY,
      parameters: [address, pte, TRAP_FRAME, 10],
    });
  });

  paeLeaf('A.no-execute', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 1);
    const { mm } = drive.machine.kernel;
    const { low } = drive.inKernel(() => ({ low: mm.system.read32(mm.format.pteAddress(base)) }));
    expect(drive.kernelAccess(base, Execute, DISPATCH).bugcheck).toEqual({
      code: EXECUTE_OF_NOEXECUTE,
      parameters: [base, low, TRAP_FRAME, 0],
    });
  });

  leaf('A.valid', ({ start }) => {
    const drive = start();
    const report = drive.kernelAccess(pfnDatabase(drive), Write, DISPATCH);
    expect(report).toMatchObject({ faults: ['refault'], bugcheck: null });
    expect(report.moved).toEqual({ counters: { pageFaults: 1 }, lists: {}, process: {} });
  });
});

describe('system addresses', () => {
  leaf('B.user-mode', ({ start }) => {
    const drive = start();
    const { layout } = drive.machine.kernel.mm;
    for (const address of [layout.systemRangeStart, layout.pfnDatabase, 0xc000_0000, 0xe100_0000, 0xffff_ffff]) {
      for (const [access, report] of [drive.read(address), drive.write(address, 0)].entries()) {
        expect(report.exception).toEqual({ status: 'STATUS_ACCESS_VIOLATION', parameters: [access, address] });
        expect(report.moved).toEqual({ counters: { pageFaults: 1, accessViolations: 1 }, lists: {}, process: {} });
      }
    }
  });

  leaf('B.system-directory', ({ start }) => {
    const drive = start();
    const { mm } = drive.machine.kernel;
    // As if the page table were younger than the process.
    mm.format.writeZero(pdeLocation(mm, drive.space, pfnDatabase(drive)));
    mm.cpu.invalidatePage(pfnDatabase(drive) | 0);
    const report = drive.kernelAccess(pfnDatabase(drive), Read);
    expect(report).toMatchObject({
      faults: ['system-directory'],
      before: { pde: { form: 'zero' } },
      after: { pde: { form: 'valid', letters: expect.stringContaining('K') } },
    });
    const master = pdeLocation(mm, mm.systemSpace, pfnDatabase(drive));
    expect(report.after.pde.frame).toBe(mm.format.frame(master));
  });

  leaf('B.no-table', ({ start }) => {
    for (const access of [Read, Write]) {
      expect(start().kernelAccess(NOWHERE, access, PASSIVE).bugcheck).toEqual({
        code: PAGE_FAULT_IN_NONPAGED_AREA,
        parameters: [NOWHERE, access, TRAP_FRAME, 2],
      });
    }
  });

  leaf('B.valid', ({ start }) => {
    const drive = start();
    const report = drive.kernelAccess(pfnDatabase(drive), Write, APC);
    expect(report.faults).toEqual(['refault']);
    expect(report.moved).toEqual({ counters: { pageFaults: 1 }, lists: {}, process: {} });
  });

  leaf('B.valid.written-once', ({ start }) => {
    const drive = start();
    const address = readOnlyPage(drive, false);
    expect(drive.kernelAccess(address, Write, PASSIVE).faults).toEqual(['refault']);
    const WRITABLE_AND_DIRTY = 0x42;
    expect(contents(drive, address) & WRITABLE_AND_DIRTY).toBe(WRITABLE_AND_DIRTY);
  });

  leaf('B.valid.read-only', ({ start }) => {
    const drive = start();
    const address = readOnlyPage(drive, true);
    const pte = contents(drive, address);
    expect(drive.kernelAccess(address, Read, PASSIVE).faults).toEqual(['refault']);
    expect(drive.kernelAccess(address, Write, PASSIVE).bugcheck).toEqual({
      code: WRITE_TO_READONLY,
      parameters: [address, pte, TRAP_FRAME, 11],
    });
  });

  paeLeaf('B.valid.no-execute', ({ start }) => {
    const drive = start();
    const { mm } = drive.machine.kernel;
    const address = mm.pool.allocate(PoolType.NonPaged, PAGE, 'Test');
    const at = systemPte(mm, address);
    const READWRITE = 4;
    mm.format.setValidProtection(at, READWRITE);
    const pte = contents(drive, address);
    expect(mm.format.isNoExecute(at)).toBe(true);
    expect(drive.kernelAccess(address, Execute, APC).bugcheck).toEqual({
      code: EXECUTE_OF_NOEXECUTE,
      parameters: [address, pte, TRAP_FRAME, 1],
    });
  });

  leaf('B.table-address', ({ start }) => {
    const drive = start();
    const { format } = drive.machine.kernel.mm;
    const table = format.pteAddress(USER);
    expect(drive.read(table).exception?.status).toBe('STATUS_ACCESS_VIOLATION');
    expect(drive.kernelAccess(table, Read).faults).toEqual(['access-violation']);
    nt.allocate(drive, { base: USER });
    drive.write(USER, 1);
    nt.evict(drive);
    nt.emptyWorkingSet(drive);
    expect(drive.read(table).exception?.status).toBe('STATUS_ACCESS_VIOLATION');
    expect(drive.view.page(USER).pde.form).toBe('transition');
    expect(drive.kernelAccess(table, Read).faults).toEqual(['transition']);
    expect(drive.view.page(USER)).toMatchObject({ pde: { form: 'valid' }, pte: { form: 'page-file' } });
  });

  leaf('B.working-set-lock', ({ start }) => {
    const drive = start();
    const address = poolPage(drive);
    nt.emptySystemWorkingSet(drive);
    expect(drive.kernelAccess(address, Read, code(1, true)).bugcheck).toEqual({
      code: IRQL_NOT_LESS_OR_EQUAL,
      parameters: [address, 1, Read, EIP],
    });
  });

  leaf('B.free-system-pte', ({ start }) => {
    const drive = start();
    const { mm } = drive.machine.kernel;
    const free = mm.systemPtes.reserve(1);
    mm.systemPtes.release(free, 1);
    expect(drive.kernelAccess(free, Read, PASSIVE).bugcheck).toEqual({
      code: PAGE_FAULT_IN_NONPAGED_AREA,
      parameters: [free, Read, TRAP_FRAME, 0],
    });
  });

  leaf('B.no-access', ({ start }) => {
    const drive = start();
    const KERNEL_STACK = 0x3000;
    const guard = drive.thread.initialStack - KERNEL_STACK - PAGE;
    expect(drive.kernelAccess(guard, Write, PASSIVE).bugcheck).toEqual({
      code: PAGE_FAULT_IN_NONPAGED_AREA,
      parameters: [guard, Write, TRAP_FRAME, 1],
    });
  });

  leaf('B.read-only', ({ start }) => {
    const drive = start();
    const address = poolPage(drive);
    nt.emptySystemWorkingSet(drive);
    const { mm } = drive.machine.kernel;
    const READONLY = 1;
    mm.format.setProtection(systemPte(mm, address), READONLY);
    const pte = contents(drive, address);
    expect(drive.kernelAccess(address, Write, PASSIVE).bugcheck).toEqual({
      code: WRITE_TO_READONLY,
      parameters: [address, pte, TRAP_FRAME, 14],
    });
  });
});

describe('paged pool', () => {
  leaf('B.demand-zero', ({ start }) => {
    const drive = start();
    const report = drive.kernelAccess(poolPage(drive), Read, APC);
    expect(report).toMatchObject({
      faults: ['demand-zero'],
      before: { pte: { form: 'demand-zero', protection: 'READWRITE' } },
      after: {
        pte: { form: 'valid', letters: expect.stringContaining('KW') },
        frame: { location: 'Active', shareCount: 1, modified: true, original: { form: 'demand-zero' } },
        inWorkingSet: true,
      },
    });
    expect(report.moved.lists).toEqual({ zeroed: -1 });
    expect(report.moved.process).toEqual({});
  });

  leaf('B.transition', ({ start }) => {
    const drive = start();
    const address = poolPage(drive);
    drive.kernelAccess(address, Write);
    nt.emptySystemWorkingSet(drive);
    expect(drive.kernelAccess(address, Read, APC)).toMatchObject({
      faults: ['transition'],
      before: { pte: { form: 'transition' }, frame: { location: 'Modified' }, inWorkingSet: false },
      after: { pte: { form: 'valid' }, frame: { location: 'Active' }, inWorkingSet: true },
    });
  });

  leaf('B.page-file', ({ start }) => {
    const drive = start();
    const { system } = drive.machine.kernel.mm;
    const address = poolPage(drive);
    system.write32(address, 0x12345678);
    nt.emptySystemWorkingSet(drive);
    nt.writeModifiedPages(drive);
    nt.repurposeStandby(drive);
    expect(drive.kernelAccess(address, Read, APC)).toMatchObject({
      faults: ['must-wait', 'refault'],
      before: { pte: { form: 'page-file' } },
      after: { pte: { form: 'valid' }, frame: { location: 'Active', original: { form: 'page-file' } } },
      moved: { counters: { pagingFileFaults: 1 } },
    });
    expect(system.read32(address)).toBe(0x12345678);
  });
});
