import { beforeEach, describe, expect, it } from 'vitest';
import { CPL, CS, EIP as INSTRUCTION_POINTER } from '../../cpu/layout.js';
import { BugcheckError } from '../../kernel/bugcheck.js';
import { PoolType } from '../../kernel/ex/pool.js';
import { Selector } from '../../kernel/ke/descriptor-tables.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { kernelAccessFault } from '../../kernel/mm/fault.js';
import { FaultAccess, FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import type { MemoryManager } from '../../kernel/mm/memory-manager.js';
import { findPte, pdeLocation } from '../../kernel/mm/page-table.js';
import { MemoryPagingStorage } from '../../kernel/mm/paging-storage.js';
import { ProtectionMask } from '../../kernel/mm/protection.js';
import { type KernelContext, PASSIVE_LEVEL } from '../../kernel/mm/system-fault.js';
import { mapSystemPages, systemPte } from '../../kernel/mm/system-pages.js';
import { emptyWorkingSet } from '../../kernel/mm/working-set-trim.js';
import type { MachineOptions } from '../../kernel/options.js';
import { bootLayout } from '../boot-options.js';
import { BareProcess, code } from './bare-process.js';
import { MemoryMachine, TestBugcheck } from './memory-machine.js';
import { evict, repurposeStandby, writeModified } from './page-out.js';

const { Read, Write, Execute } = FaultAccess;
const USER = 0x1000000;
const SYSTEM = bootLayout.sessionSpace;
/** No page table exists here. */
const NOWHERE = 0xd0000000;
const EIP = 0xf7001234;
const TRAP_FRAME = 0xf7ab0000;
const at = (irql: number): KernelContext => ({ irql, eip: EIP, trapFrame: TRAP_FRAME, ownsWorkingSetLock: false });
const DISPATCH_LEVEL = at(2);
const APC_LEVEL = at(1);

describe.each([{ pae: true }, { pae: false }])('faults of kernel-mode code, %o', ({ pae }) => {
  let machine: MemoryMachine;
  let mm: MemoryManager;
  let space: AddressSpace;

  beforeEach(() => {
    machine = new MemoryMachine({ pae, megabytes: 16 });
    mm = machine.mm;
    mm.paging.create('pagefile', 1024, 1024, new MemoryPagingStorage());
    space = machine.createSpace();
    machine.reserve(space, USER, 4, ProtectionMask.ReadWrite, true);
    machine.write(USER, 1);
  });

  /** Code and parameters of the bugcheck that an access ends in. */
  const stop = (address: number, access: FaultAccess, from: KernelContext): readonly number[] => {
    try {
      kernelAccessFault(mm, address, access, from);
    } catch (error) {
      if (error instanceof TestBugcheck) return [error.code, ...error.parameters].map((value) => value >>> 0);
      throw error;
    }
    throw new Error('no bugcheck');
  };
  const low = (address: number) => mm.format.low(findPte(mm, space, address)) >>> 0;
  const pool = () => mm.pool.allocate(PoolType.Paged, 0x1000, 'Test');
  /** A resident system page, read-only for ever. */
  const readOnlyPage = (address: number) => {
    mapSystemPages(mm, address, 1);
    const pte = systemPte(mm, address);
    mm.format.setProtection(mm.pfn.originalPte(mm.format.frame(pte)), ProtectionMask.ReadOnly);
    mm.format.setValidProtection(pte, ProtectionMask.ReadOnly);
    return mm.format.low(pte) >>> 0;
  };
  const noExecutePage = (address: number) => {
    mapSystemPages(mm, address, 1);
    const pte = systemPte(mm, address);
    mm.format.write(pte, mm.format.low(pte), mm.format.high(pte) | (0x80000000 | 0));
    return mm.format.low(pte) >>> 0;
  };

  describe('above APC_LEVEL', () => {
    it.each([
      ['a page that was never touched', USER + 0x1000],
      ['an address without page table', USER + 0x4000000],
      ['a system address that nothing backs', NOWHERE],
    ])('%s: IRQL_NOT_LESS_OR_EQUAL(address, IRQL, access, EIP)', (_name, address) => {
      expect(stop(address, Write, DISPATCH_LEVEL)).toEqual([0x0a, address, 2, 1, EIP]);
      expect(stop(address, Read, at(5))).toEqual([0x0a, address, 5, 0, EIP]);
    });

    it('a page that is only in transition: 0A; nothing is brought in', () => {
      emptyWorkingSet(mm, space);
      expect(stop(USER, Read, DISPATCH_LEVEL)).toEqual([0x0a, USER, 2, 0, EIP]);
      expect(mm.format.isTransition(findPte(mm, space, USER))).toBe(true);
    });

    it('paged pool that is out: 0A; that is in: goes on', () => {
      const block = pool();
      expect(stop(block, Read, DISPATCH_LEVEL)).toEqual([0x0a, block, 2, 0, EIP]);
      mm.system.write32(block, 1);
      expect(kernelAccessFault(mm, block, Write, DISPATCH_LEVEL)).toBe(FaultOutcome.Refault);
      expect(mm.verify()).toBeNull();
    });

    it('a store to copy-on-write: 0A', () => {
      const pte = findPte(mm, space, USER);
      mm.format.setValidProtection(pte, ProtectionMask.WriteCopy);
      expect(stop(USER, Write, DISPATCH_LEVEL)).toEqual([0x0a, USER, 2, 1, EIP]);
    });

    it('a store to a read-only page: BE(address, PTE, trap frame, 10)', () => {
      const contents = readOnlyPage(SYSTEM);
      expect(stop(SYSTEM, Write, DISPATCH_LEVEL)).toEqual([0xbe, SYSTEM, contents, TRAP_FRAME, 10]);
    });

    it('a store to a page whose OriginalPte permits it goes through and marks it dirty', () => {
      mapSystemPages(mm, SYSTEM, 1);
      mm.format.setValidProtection(systemPte(mm, SYSTEM), ProtectionMask.ReadOnly);
      expect(kernelAccessFault(mm, SYSTEM, Write, DISPATCH_LEVEL)).not.toBeGreaterThan(FaultOutcome.SystemDirectory);
      expect(mm.format.isDirty(systemPte(mm, SYSTEM))).toBe(true);
      expect(mm.format.isWritable(systemPte(mm, SYSTEM))).toBe(true);
    });

    it.runIf(pae)('execution of data: FC(address, PTE, trap frame, 0)', () => {
      const contents = noExecutePage(SYSTEM);
      expect(stop(SYSTEM, Execute, DISPATCH_LEVEL)).toEqual([0xfc, SYSTEM, contents, TRAP_FRAME, 0]);
    });

    it("a directory entry that the process lacks is copied from the System process's", () => {
      mapSystemPages(mm, SYSTEM, 1);
      expect(mm.format.isZero(pdeLocation(mm, space, SYSTEM))).toBe(true);
      expect(kernelAccessFault(mm, SYSTEM, Read, DISPATCH_LEVEL)).toBe(FaultOutcome.SystemDirectory);
      expect(mm.verify()).toBeNull();
    });
  });

  describe('on system addresses, up to APC_LEVEL', () => {
    it('no page table: PAGE_FAULT_IN_NONPAGED_AREA(address, access, trap frame, 2)', () => {
      expect(stop(NOWHERE, Read, APC_LEVEL)).toEqual([0x50, NOWHERE, 0, TRAP_FRAME, 2]);
      expect(stop(NOWHERE, Write, PASSIVE_LEVEL)).toEqual([0x50, NOWHERE, 1, 0, 2]);
    });

    it('a free PTE: 50 sub 0', () => {
      const free = pool() + 0x100000;
      mm.system.write32(pool(), 1);
      expect(stop(free, Read, APC_LEVEL)).toEqual([0x50, free, 0, TRAP_FRAME, 0]);
    });

    it('a guard page of a kernel stack: 50 sub 1', () => {
      const guard = mm.allocateKernelStack() - 4 * 0x1000;
      expect(stop(guard, Write, APC_LEVEL)).toEqual([0x50, guard, 1, TRAP_FRAME, 1]);
    });

    it('a store to a valid read-only page: BE sub 11', () => {
      const contents = readOnlyPage(SYSTEM);
      machine.mm.system.read32(SYSTEM);
      expect(stop(SYSTEM, Write, APC_LEVEL)).toEqual([0xbe, SYSTEM, contents, TRAP_FRAME, 11]);
    });

    it('a store to a read-only page that is not there: BE sub 14', () => {
      const block = pool();
      mm.format.setProtection(systemPte(mm, block), ProtectionMask.ReadOnly);
      const contents = mm.format.low(systemPte(mm, block)) >>> 0;
      expect(stop(block, Write, APC_LEVEL)).toEqual([0xbe, block, contents, TRAP_FRAME, 14]);
    });

    it.runIf(pae)('execution of data: FC sub 1', () => {
      const contents = noExecutePage(SYSTEM);
      mm.system.read32(SYSTEM);
      expect(stop(SYSTEM, Execute, APC_LEVEL)).toEqual([0xfc, SYSTEM, contents, TRAP_FRAME, 1]);
    });

    it('paged pool under a working-set lock: 0A', () => {
      const block = pool();
      expect(stop(block, Read, { ...APC_LEVEL, ownsWorkingSetLock: true })).toEqual([0x0a, block, 1, 0, EIP]);
    });

    it('paged pool: demand zero, transition, and a read to wait for', () => {
      const block = pool();
      expect(kernelAccessFault(mm, block, Read, APC_LEVEL)).toBe(FaultOutcome.DemandZero);
      emptyWorkingSet(mm, mm.systemCache);
      expect(kernelAccessFault(mm, block, Read, APC_LEVEL)).toBe(FaultOutcome.Transition);
      emptyWorkingSet(mm, mm.systemCache);
      writeModified(mm);
      repurposeStandby(mm);
      expect(kernelAccessFault(mm, block, Read, APC_LEVEL)).toBe(FaultOutcome.MustWait);
      expect(mm.faults.read?.frame).toBe(mm.format.transitionFrame(systemPte(mm, block)));
    });

    it('user mode gets an access violation, whatever is there', () => {
      mm.pageFault(pool(), 4);
      expect(mm.lastFault.status >>> 0).toBe(0xc0000005);
      mm.pageFault(NOWHERE, 4);
      expect(mm.lastFault.status >>> 0).toBe(0xc0000005);
    });
  });

  describe('on page tables through the self-map', () => {
    it('brings a page table of the user half in', () => {
      evict(mm, space);
      emptyWorkingSet(mm, space);
      const pte = mm.format.pteAddress(USER);
      expect(mm.format.isTransition(pdeLocation(mm, space, USER))).toBe(true);
      expect(mm.system.read32(pte)).toBe(low(USER));
      expect(mm.verify()).toBeNull();
    });

    it('one that does not exist is an access violation, and in the kernel its end', () => {
      const pte = mm.format.pteAddress(USER + 0x4000000);
      expect(kernelAccessFault(mm, pte, Read, APC_LEVEL)).toBe(FaultOutcome.AccessViolation);
      expect(() => mm.system.read32(pte)).toThrow(/bugcheck 8e \(c0000005/);
    });
  });

  it('on user addresses resolve as for the user', () => {
    expect(kernelAccessFault(mm, USER + 0x2000, Write, APC_LEVEL)).toBe(FaultOutcome.DemandZero);
    expect(kernelAccessFault(mm, 0x5000000, Read, APC_LEVEL)).toBe(FaultOutcome.AccessViolation);
    expect(mm.verify()).toBeNull();
  });
});

describe('a fetch by the processor in ring 0', () => {
  const FLAT_RING_0_CODE = 0xc09b;
  const HLT = 0xf4;

  /** Lets the processor execute one instruction, which lies on a kernel stack. Its address, and the bugcheck that it ends in. */
  const executeOnStack = (options: Partial<MachineOptions>) => {
    const { cpu, mm } = new BareProcess(code('F4'), { pae: true, ...options }).kernel;
    const address = mm.allocateKernelStack() - 16;
    mm.system.write8(address, HLT);
    cpu.state[CPL] = 0;
    cpu.setSegment(CS, Selector.KernelCode, 0, -1, FLAT_RING_0_CODE);
    cpu.state[INSTRUCTION_POINTER] = address;
    const contents = mm.format.low(systemPte(mm, address)) >>> 0;
    try {
      cpu.run(1);
    } catch (error) {
      if (error instanceof BugcheckError) return { address, contents, report: error.report };
      throw error;
    }
    return { address, contents, report: null };
  };

  it.each(['optin', 'optout', 'alwayson'] as const)('from a kernel stack: FC with policy %s', (noExecute) => {
    const { address, contents, report } = executeOnStack({ noExecute });
    expect(report).toMatchObject({ code: 0xfc, parameters: [address, contents, 0, 1] });
  });

  it('from a kernel stack goes on where there is no NX', () => {
    expect(executeOnStack({ noExecute: 'alwaysoff' }).report).toBeNull();
    expect(executeOnStack({ pae: false, noExecute: 'alwayson' }).report).toBeNull();
  });
});
