import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { allocateVirtualMemory, MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { freeVirtualMemory } from '../../kernel/mm/free-virtual-memory.js';
import { removeFromWorkingSet } from '../../kernel/mm/page-table.js';
import { protectVirtualMemory } from '../../kernel/mm/protect-virtual-memory.js';
import { PageProtection } from '../../kernel/mm/protection.js';
import { Status } from '../../kernel/ntstatus.js';
import { MemoryMachine } from './memory-machine.js';

/** 24 pages across the end of a page table of either format. */
const REGION = 0x3f_0000;
const PAGES = 24;
const { NoAccess, ReadOnly, ReadWrite, ExecuteRead, ExecuteReadWrite, Guard } = PageProtection;
const PROTECTIONS = [NoAccess, ReadOnly, ReadWrite, ExecuteRead, ExecuteReadWrite, ReadWrite | Guard, ReadOnly | Guard];

/** What a program may know of a page: null = not committed. */
type ModelPage = { protection: number; value: number } | null;

const canRead = (protection: number): boolean => (protection & 0xff) !== NoAccess;
const canWrite = (protection: number): boolean => (protection & (ReadWrite | ExecuteReadWrite)) !== 0;

const range = fc.tuple(fc.nat(PAGES - 1), fc.integer({ min: 1, max: 8 })).map(([first, count]) => ({
  first,
  count: Math.min(count, PAGES - first),
}));
const protection = fc.constantFrom(...PROTECTIONS);
const command = fc.oneof(
  fc.record({ kind: fc.constant('commit' as const), range, protection }),
  fc.record({ kind: fc.constant('decommit' as const), range }),
  fc.record({ kind: fc.constant('protect' as const), range, protection }),
  fc.record({ kind: fc.constant('write' as const), page: fc.nat(PAGES - 1), value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('read' as const), page: fc.nat(PAGES - 1) }),
  fc.record({ kind: fc.constant('trim' as const), page: fc.nat(PAGES - 1) }),
  fc.record({ kind: fc.constant('switch' as const), space: fc.nat(1) }),
);
type Command = typeof command extends fc.Arbitrary<infer Value> ? Value : never;

class Model {
  readonly machine: MemoryMachine;
  readonly spaces: AddressSpace[];
  readonly pages: ModelPage[][];
  current = 0;

  constructor(pae: boolean, memCommit: boolean) {
    this.machine = new MemoryMachine({ pae, megabytes: 8 });
    this.spaces = [this.machine.createSpace(), this.machine.createSpace()];
    for (const space of this.spaces) this.machine.reserve(space, REGION, PAGES, 4, memCommit);
    this.pages = this.spaces.map(() =>
      Array.from({ length: PAGES }, () => (memCommit ? { protection: ReadWrite, value: 0 } : null)),
    );
    this.machine.mm.switchAddressSpace(this.spaces[0]);
  }

  run(step: Command): void {
    const { mm } = this.machine;
    const space = this.spaces[this.current];
    const pages = this.pages[this.current];
    switch (step.kind) {
      case 'commit': {
        const base = REGION + step.range.first * 0x1000;
        const request = { base, zeroBits: 0, size: step.range.count * 0x1000, type: MemoryType.Commit };
        const { status } = allocateVirtualMemory(mm.context, space, { ...request, protection: step.protection });
        expect(status).toBe(Status.SUCCESS);
        this.#forEach(step.range, (page) => {
          pages[page] = { protection: step.protection, value: pages[page]?.value ?? 0 };
        });
        break;
      }
      case 'decommit': {
        const base = REGION + step.range.first * 0x1000;
        const { status } = freeVirtualMemory(mm.context, space, base, step.range.count * 0x1000, MemoryType.Decommit);
        expect(status).toBe(Status.SUCCESS);
        this.#forEach(step.range, (page) => {
          pages[page] = null;
        });
        break;
      }
      case 'protect': {
        const base = REGION + step.range.first * 0x1000;
        const old = pages[step.range.first];
        const run = pages.slice(step.range.first, step.range.first + step.range.count);
        const result = protectVirtualMemory(mm.context, space, base, step.range.count * 0x1000, step.protection);
        if (run.includes(null)) {
          expect(result.status).toBe(Status.NOT_COMMITTED);
          break;
        }
        expect(result.status).toBe(Status.SUCCESS);
        expect(result.oldProtection).toBe(old?.protection);
        for (const page of run) if (page !== null) page.protection = step.protection;
        break;
      }
      case 'write':
        this.#access(step.page, (page) => {
          const written = this.machine.write(REGION + step.page * 0x1000 + 8, step.value);
          expect(written).toBe(page !== null && canWrite(page.protection) && (page.protection & Guard) === 0);
          if (written && page !== null) page.value = step.value;
          return page !== null && canWrite(page.protection);
        });
        break;
      case 'read':
        this.#access(step.page, (page) => {
          const permitted = page !== null && canRead(page.protection);
          const value = this.machine.read(REGION + step.page * 0x1000 + 8);
          expect(value).toBe(permitted && (page.protection & Guard) === 0 ? page.value : -1);
          return permitted;
        });
        break;
      case 'trim':
        removeFromWorkingSet(mm, space, REGION + step.page * 0x1000);
        break;
      case 'switch':
        this.current = step.space;
        mm.switchAddressSpace(this.spaces[step.space]);
        break;
    }
    expect(mm.verify()).toBeNull();
  }

  /** One access; a guard goes when the access would otherwise be permitted. */
  #access(index: number, access: (page: ModelPage) => boolean): void {
    const page = this.pages[this.current][index];
    if (access(page) && page !== null) page.protection &= ~Guard;
  }

  #forEach(pages: { first: number; count: number }, change: (page: number) => void): void {
    for (let page = pages.first; page < pages.first + pages.count; page++) change(page);
  }

  /** Everything ends: all frames but those of the system are back. */
  finish(available: number): void {
    const { mm } = this.machine;
    for (const space of this.spaces) {
      mm.switchAddressSpace(space);
      expect(freeVirtualMemory(mm.context, space, REGION, 0, MemoryType.Release).status).toBe(Status.SUCCESS);
      mm.deleteAddressSpace(space);
    }
    expect(mm.verify()).toBeNull();
    expect(mm.lists.availablePages).toBe(available);
  }
}

describe('two address spaces against a model of pages', () => {
  it.each([
    { pae: true, memCommit: false },
    { pae: true, memCommit: true },
    { pae: false, memCommit: true },
  ])('agree after any sequence of commit, decommit, protect, read, write and trim, %o', ({ pae, memCommit }) => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const model = new Model(pae, memCommit);
        for (const step of commands) model.run(step);
        const fresh = new MemoryMachine({ pae, megabytes: 8 });
        model.finish(fresh.mm.lists.availablePages);
      }),
      { numRuns: 25, seed: 20050325 },
    );
  });
});
