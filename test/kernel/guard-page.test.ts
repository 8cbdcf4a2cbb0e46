import { beforeEach, describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { allocateVirtualMemory, MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { findPte } from '../../kernel/mm/page-table.js';
import { PageProtection, ProtectionMask } from '../../kernel/mm/protection.js';
import { pteProtection } from '../../kernel/mm/pte-protection.js';
import { MemoryMachine } from './memory-machine.js';

const TEB = 0x7ffd_e000;
const STACK = 0x3_0000;
const PAGES = 16;
const BASE = STACK + PAGES * 0x1000;

describe.each([{ pae: true }, { pae: false }])('guard pages, %o', ({ pae }) => {
  let machine: MemoryMachine;
  let space: AddressSpace;

  const commit = (base: number, size: number, protection: number): number =>
    allocateVirtualMemory(machine.mm.context, space, {
      base,
      zeroBits: 0,
      size,
      type: MemoryType.Commit,
      protection,
    }).status;
  const teb = (offset: number): number => machine.mm.user.read32(TEB + offset);
  const protectionOf = (address: number): number =>
    pteProtection(machine.mm, space, address, findPte(machine.mm, space, address));

  beforeEach(() => {
    machine = new MemoryMachine({ pae });
    space = machine.createSpace();
    machine.reserve(space, TEB, 1, ProtectionMask.ReadWrite, true);
    machine.reserve(space, STACK, PAGES, ProtectionMask.ReadWrite, false);
    expect(commit(BASE - 0x1000, 0x1000, PageProtection.ReadWrite)).toBe(0);
    expect(commit(BASE - 0x2000, 0x1000, PageProtection.ReadWrite | PageProtection.Guard)).toBe(0);
    machine.mm.user.write32(TEB + 4, BASE);
    machine.mm.user.write32(TEB + 8, BASE - 0x1000);
    machine.mm.user.write32(TEB + 0xe0c, STACK);
    machine.teb = TEB;
  });

  it('moves the guard page down one page at a time', () => {
    const outcomes = machine.touch(BASE - 0x2000 + 0xffc, AccessKind.Write);
    expect(outcomes).toEqual([FaultOutcome.StackGrowth, FaultOutcome.DemandZero]);
    expect(teb(8)).toBe(BASE - 0x2000);
    expect(protectionOf(BASE - 0x3000)).toBe(ProtectionMask.ReadWrite | ProtectionMask.Guard);
    expect(machine.mm.verify()).toBeNull();
  });

  it('overflows on the page above the lowest two and leaves the lowest alone', () => {
    let address = BASE - 0x2000;
    let outcomes: FaultOutcome[] = [];
    while (!outcomes.includes(FaultOutcome.StackOverflow)) {
      outcomes = machine.touch(address, AccessKind.Write);
      address -= 0x1000;
    }
    expect(address + 0x1000).toBe(STACK + 0x2000);
    expect(teb(8)).toBe(STACK + 0x1000);
    expect(machine.touch(STACK + 0x2000, AccessKind.Write)).toEqual([FaultOutcome.DemandZero]);
    expect(machine.touch(STACK + 0x1000, AccessKind.Write)).toEqual([FaultOutcome.DemandZero]);
    expect(machine.touch(STACK, AccessKind.Write)).toEqual([FaultOutcome.AccessViolation]);
    expect(machine.mm.verify()).toBeNull();
  });

  it('grows by the guaranteed bytes and a page where the thread asked for them', () => {
    machine.mm.user.write32(TEB + 0xf78, 0x1800);
    expect(machine.touch(BASE - 0x2000, AccessKind.Write)[0]).toBe(FaultOutcome.StackGrowth);
    expect(teb(8)).toBe(BASE - 0x2000);
    for (const page of [3, 4, 5]) expect(protectionOf(BASE - page * 0x1000) & ProtectionMask.Guard).not.toBe(0);
    expect(machine.mm.verify()).toBeNull();
  });

  it('tells the program once about a guard page that is not of its stack', () => {
    machine.reserve(space, 0x40_0000, 4, ProtectionMask.ReadWrite, false);
    commit(0x40_0000, 0x1000, PageProtection.ReadWrite | PageProtection.Guard);
    expect(machine.touch(0x40_0010, AccessKind.Read)).toEqual([FaultOutcome.GuardPageViolation]);
    expect(machine.touch(0x40_0010, AccessKind.Read)).toEqual([FaultOutcome.DemandZero]);
    expect(machine.mm.verify()).toBeNull();
  });

  it('gives an access violation on a guard page its precedence', () => {
    machine.reserve(space, 0x40_0000, 4, ProtectionMask.ReadWrite, false);
    commit(0x40_0000, 0x1000, PageProtection.ReadOnly | PageProtection.Guard);
    expect(machine.touch(0x40_0000, AccessKind.Write)).toEqual([FaultOutcome.AccessViolation]);
    expect(machine.touch(0x40_0000, AccessKind.Read)).toEqual([FaultOutcome.GuardPageViolation]);
  });

  it('guards pages that were reserved and committed in one call', () => {
    machine.reserve(space, 0x40_0000, 4, ProtectionMask.ReadWrite | ProtectionMask.Guard, true);
    expect(machine.touch(0x40_1000, AccessKind.Read)).toEqual([FaultOutcome.GuardPageViolation]);
    expect(machine.touch(0x40_1000, AccessKind.Write)).toEqual([FaultOutcome.DemandZero]);
    expect(machine.mm.verify()).toBeNull();
  });
});
