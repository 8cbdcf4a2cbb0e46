import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { deletePteRange, findPte } from '../../kernel/mm/page-table.js';
import { ProtectionMask } from '../../kernel/mm/protection.js';
import { removeVad } from '../../kernel/mm/vad-charges.js';
import { MemoryMachine } from './memory-machine.js';

describe.each([{ pae: true }, { pae: false }])('private memory, %o', ({ pae }) => {
  it('boots with a consistent state', () => {
    const { mm } = new MemoryMachine({ pae });
    expect(mm.verify()).toBeNull();
    expect(mm.lists.zeroed.total).toBeGreaterThan(3000);
  });

  it('gives a committed page at its first touch and takes it back', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    const before = mm.lists.availablePages;
    const space = machine.createSpace();
    const afterCreation = mm.lists.availablePages;
    expect(before - afterCreation).toBe(pae ? 7 : 4);
    const vad = machine.reserve(space, 0x10000, 16, ProtectionMask.ReadWrite, true);
    expect(machine.touch(0x10000, AccessKind.Read)).toEqual([FaultOutcome.DemandZero]);
    expect(machine.touch(0x10004, AccessKind.Write)).toEqual([]);
    expect(machine.read(0x10010)).toBe(0);
    expect(machine.write(0x1f000, 7)).toBe(true);
    expect(machine.read(0x1f000)).toBe(7);
    expect(machine.touch(0x20000, AccessKind.Read)).toEqual([FaultOutcome.AccessViolation]);
    expect(mm.verify()).toBeNull();
    const at = findPte(mm, space, 0x10000);
    expect(mm.format.isDirty(at)).toBe(true);
    expect(mm.format.isNoExecute(at)).toBe(pae);
    deletePteRange(mm, space, 0x10, 0x1f);
    removeVad(mm.context, space, vad);
    expect(mm.verify()).toBeNull();
    mm.deleteAddressSpace(space);
    expect(mm.verify()).toBeNull();
    expect(mm.lists.availablePages).toBe(before);
  });
});
