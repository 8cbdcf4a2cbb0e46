import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import { allocateVirtualMemory, MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { createKernelStack, deleteKernelStack, KERNEL_STACK_SIZE } from '../../kernel/mm/kernel-stack.js';
import { findPte } from '../../kernel/mm/page-table.js';
import { PageProtection } from '../../kernel/mm/protection.js';
import { mapSystemPages, systemPte, unmapSystemPages } from '../../kernel/mm/system-pages.js';
import { Status } from '../../kernel/ntstatus.js';
import { MemoryMachine, TestBugcheck } from './memory-machine.js';

describe.each([{ pae: true }, { pae: false }])('address spaces, %o', ({ pae }) => {
  it('show their page tables through the self-map, to the kernel only', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    const space = machine.createSpace();
    machine.reserve(space, 0x0040_0000, 16, 4, true);
    machine.write(0x0040_1000, 1);
    const pte = mm.format.pteAddress(0x0040_1000);
    expect(mm.system.read32(pte)).toBe(mm.format.low(findPte(mm, space, 0x0040_1000)) >>> 0);
    const pde = mm.format.pdeAddress(0x0040_1000);
    expect(mm.system.read32(pde) & 0xfff).toBe(0x67);
    expect(machine.cpu.translate(pte | 0, AccessKind.Read, false)).toBe(0);
    expect(machine.touch(pte, AccessKind.Read)).toHaveLength(1);
    expect(mm.verify()).toBeNull();
  });

  it('show the PFN database to the kernel', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    const space = machine.createSpace();
    machine.reserve(space, 0x0040_0000, 16, 4, true);
    machine.write(0x0040_1000, 1);
    const frame = mm.format.frame(findPte(mm, space, 0x0040_1000));
    const entry = machine.mm.layout.pfnDatabase + frame * mm.pfn.entrySize;
    expect(mm.system.read32(entry + 4)).toBe(mm.format.pteAddress(0x0040_1000));
    expect(mm.system.read32(entry + 8)).toBe(1);
    expect(mm.system.read16(entry + 12)).toBe(1);
    expect((mm.system.read16(entry + 14) >>> 8) & 7).toBe(6);
    expect(mm.system.read32(entry + 16)).toBe(0x80);
  });

  it('keep the same address apart', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    const spaces = [machine.createSpace(), machine.createSpace(), machine.createSpace()];
    for (const space of spaces) machine.reserve(space, 0x10000, 16, 4, true);
    spaces.forEach((space, index) => {
      mm.switchAddressSpace(space);
      machine.write(0x10000, index + 1);
    });
    spaces.forEach((space, index) => {
      mm.switchAddressSpace(space);
      expect(machine.read(0x10000)).toBe(index + 1);
    });
    expect(mm.verify()).toBeNull();
  });

  it('get system page tables that came after them when they first need them', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    machine.createSpace();
    const { sessionSpace, pfnDatabase } = mm.layout;
    expect(mapSystemPages(mm, sessionSpace, 1)).toBe(true);
    mm.system.write32(sessionSpace, 99);
    expect(mm.system.read32(sessionSpace)).toBe(99);
    expect(mm.verify()).toBeNull();
    unmapSystemPages(mm, sessionSpace, 1);
    expect(() => mm.system.read32(sessionSpace)).toThrow(TestBugcheck);
    expect(() => mm.system.read32(pfnDatabase + 0x0f00_0000)).toThrow(/bugcheck 50/);
  });

  it('show page tables that came after them through the self-map too', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    machine.createSpace();
    const { sessionSpace } = mm.layout;
    mapSystemPages(mm, sessionSpace, 1);
    const pte = mm.format.pteAddress(sessionSpace);
    expect(mm.system.read32(pte)).toBe(mm.format.low(systemPte(mm, sessionSpace)) >>> 0);
    expect(() => mm.system.read32(mm.format.pteAddress(0x1000_0000))).toThrow(/bugcheck 8e \(c0000005/);
    expect(mm.verify()).toBeNull();
  });

  it('have behind every committed page a frame when it is touched', () => {
    const machine = new MemoryMachine({ pae, megabytes: 8 });
    const { mm } = machine;
    const space = machine.createSpace();
    const reserved = { base: 0, zeroBits: 0, size: 0x10_0000, protection: PageProtection.ReadWrite };
    const type = MemoryType.Reserve | MemoryType.Commit;
    const regions: number[] = [];
    let result = allocateVirtualMemory(mm.context, space, { ...reserved, type });
    for (; result.status === 0; result = allocateVirtualMemory(mm.context, space, { ...reserved, type })) {
      regions.push(result.base);
    }
    expect(result.status).toBe(Status.COMMITMENT_LIMIT);
    expect(regions.length).toBeGreaterThan(3);
    for (const region of regions) {
      for (let page = 0; page < 256; page++) expect(machine.write(region + page * 0x1000, 1)).toBe(true);
    }
    expect(mm.verify()).toBeNull();
  });

  it('survive any access to any address', () => {
    const machine = new MemoryMachine({ pae, megabytes: 8 });
    const { mm } = machine;
    const space = machine.createSpace();
    machine.reserve(space, 0x10000, 64, 4, true);
    machine.reserve(space, 0x3f_f000 - 0xf000, 64, 3, true);
    machine.reserve(space, 0x7ffd_0000, 16, 0x14, true);
    const address = fc.oneof(
      fc.nat(0xffff_ffff),
      fc.integer({ min: 0, max: 0x80_0000 }),
      fc.integer({ min: 0x7ffc_0000, max: 0x8001_0000 }),
    );
    const access = fc.constantFrom(AccessKind.Read, AccessKind.Write, AccessKind.Execute);
    fc.assert(
      fc.property(fc.array(fc.tuple(address, access), { minLength: 20 }), (accesses) => {
        for (const [at, kind] of accesses) machine.touch(at, kind);
        expect(mm.verify()).toBeNull();
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it('are refused when memory is short, and nothing is lost', () => {
    const machine = new MemoryMachine({ pae, megabytes: 8 });
    const { mm } = machine;
    const before = mm.lists.availablePages;
    const spaces = [];
    for (;;) {
      const space = mm.createAddressSpace();
      if (space === null) break;
      spaces.push(space);
    }
    expect(spaces.length).toBeGreaterThan(50);
    expect(mm.verify()).toBeNull();
    for (const space of spaces) mm.deleteAddressSpace(space);
    expect(mm.verify()).toBeNull();
    // Pages of directory-pointer quads stay for the next processes.
    expect(before - mm.lists.availablePages).toBeLessThan(16);
  });
});

describe('system PTEs', () => {
  it('give kernel stacks of 12 KB above a guard page', () => {
    const { mm } = new MemoryMachine();
    const stack = createKernelStack(mm);
    mm.system.write32(stack - 4, 1);
    mm.system.write32(stack - KERNEL_STACK_SIZE, 2);
    expect(() => mm.system.write32(stack - KERNEL_STACK_SIZE - 4, 3)).toThrow(/bugcheck 50/);
    expect(mm.format.protection(systemPte(mm, stack - KERNEL_STACK_SIZE - 4))).toBe(0x18);
    expect(mm.verify()).toBeNull();
    const free = mm.systemPtes.free;
    deleteKernelStack(mm, stack);
    expect(mm.systemPtes.free).toBe(free + 4);
    expect(mm.verify()).toBeNull();
  });

  it.each([{ pae: true }, { pae: false }])('never overlap and always come back, %o', ({ pae }) => {
    const { mm } = new MemoryMachine({ pae });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 40 }), fc.nat(100))), (steps) => {
        const held: { address: number; pages: number }[] = [];
        for (const [reserve, pages, pick] of steps) {
          if (reserve || held.length === 0) {
            const address = mm.systemPtes.reserve(pages);
            for (const other of held) {
              const apart = address + pages * 4096 <= other.address || other.address + other.pages * 4096 <= address;
              expect(apart).toBe(true);
            }
            held.push({ address, pages });
          } else {
            const [entry] = held.splice(pick % held.length, 1);
            mm.systemPtes.release(entry.address, entry.pages);
          }
          expect(mm.systemPtes.verify()).toBeNull();
        }
        for (const { address, pages } of held) mm.systemPtes.release(address, pages);
        expect(mm.systemPtes.free).toBe(mm.systemPtes.count);
        expect(mm.systemPtes.verify()).toBeNull();
      }),
      { numRuns: 50, seed: 7 },
    );
  });
});
