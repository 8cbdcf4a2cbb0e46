import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { allocateVirtualMemory, MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { cleanAddressSpace } from '../../kernel/mm/clean-address-space.js';
import { cloneAddressSpace } from '../../kernel/mm/clone-address-space.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { freeVirtualMemory } from '../../kernel/mm/free-virtual-memory.js';
import { deleteAddressSpace, switchAddressSpace } from '../../kernel/mm/page-directory.js';
import { MemoryPagingStorage } from '../../kernel/mm/paging-storage.js';
import { protectVirtualMemory } from '../../kernel/mm/protect-virtual-memory.js';
import { PageProtection } from '../../kernel/mm/protection.js';
import { queryVirtualMemory } from '../../kernel/mm/query-virtual-memory.js';
import { emptyWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { MemoryMachine } from './memory-machine.js';
import { evict } from './page-out.js';

const BASE = 0x50_0000;
const PAGES = 3;
const MAXIMUM_SPACES = 3;
const { ReadWrite, ReadOnly, NoAccess } = PageProtection;
const at = (page: number): number => BASE + page * 0x1000;

function fork(machine: MemoryMachine, parent: AddressSpace): AddressSpace {
  const child = machine.createSpace();
  expect(cloneAddressSpace(machine.mm.context, parent, child)).toBe(0);
  return child;
}

function allocate(machine: MemoryMachine, space: AddressSpace, page: number, pages: number, type: number): void {
  const request = { base: at(page), zeroBits: 0, size: pages * 0x1000, type, protection: ReadWrite };
  expect(allocateVirtualMemory(machine.mm.context, space, request).status).toBe(0);
}

function end(machine: MemoryMachine, space: AddressSpace): void {
  switchAddressSpace(machine.mm, machine.mm.systemSpace);
  cleanAddressSpace(machine.mm.context, space);
  deleteAddressSpace(machine.mm, space);
}

describe.each([{ pae: true }, { pae: false }])('cloned address spaces, %o', ({ pae }) => {
  it('share what is in memory until somebody stores, and the last one keeps the page', () => {
    const machine = new MemoryMachine({ pae });
    const { mm } = machine;
    const parent = machine.createSpace();
    allocate(machine, parent, 0, PAGES, MemoryType.Reserve | MemoryType.Commit);
    machine.write(at(0), 42);
    const before = mm.lists.availablePages;
    const child = fork(machine, parent);
    expect(machine.touch(at(0), AccessKind.Read)).toEqual([FaultOutcome.Transition]);
    expect(machine.read(at(0))).toBe(42);
    switchAddressSpace(mm, parent);
    expect(machine.touch(at(0), AccessKind.Read)).toEqual([FaultOutcome.Shared]);
    expect(machine.touch(at(0), AccessKind.Write)).toEqual([FaultOutcome.CopyOnWrite]);
    machine.write(at(0), 43);
    switchAddressSpace(mm, child);
    expect(machine.read(at(0))).toBe(42);
    expect(queryVirtualMemory(mm, child, at(0)).information?.protect).toBe(ReadWrite);
    expect(mm.verify()).toBeNull();
    end(machine, child);
    expect(mm.cloneBlocks.size).toBe(0);
    expect(mm.verify()).toBeNull();
    switchAddressSpace(mm, parent);
    expect(machine.read(at(0))).toBe(43);
    expect(before - mm.lists.availablePages).toBeLessThanOrEqual(1);
  });

  it('agree with copies made at once, whatever is done to them', () => {
    const page = fc.nat(PAGES - 1);
    const who = fc.nat(MAXIMUM_SPACES - 1);
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('write' as const), who, page, value: fc.nat(255) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), who, page }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('fork' as const), who }) },
      fc.record({ kind: fc.constant('end' as const), who }),
      fc.record({ kind: fc.constant('trim' as const), who }),
      fc.record({ kind: fc.constant('evict' as const), who }),
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('protect' as const),
          who,
          page,
          protection: fc.constantFrom(ReadWrite, ReadOnly, NoAccess),
        }),
      },
      fc.record({ kind: fc.constant('decommit' as const), who, page }),
      fc.record({ kind: fc.constant('commit' as const), who, page }),
      fc.record({ kind: fc.constant('release' as const), who, page }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const machine = new MemoryMachine({ pae });
        const { mm } = machine;
        mm.paging.create('pagefile', 1024, 1024, new MemoryPagingStorage());
        const first = machine.createSpace();
        allocate(machine, first, 0, PAGES, MemoryType.Reserve | MemoryType.Commit);
        const spaces = [{ space: first, model: new Model() }];
        for (const one of steps) {
          const index = one.who % spaces.length;
          const { space, model } = spaces[index];
          switchAddressSpace(mm, space);
          switch (one.kind) {
            case 'write':
              expect(machine.write(at(one.page), one.value)).toBe(model.write(one.page, one.value));
              break;
            case 'read':
              expect(machine.read(at(one.page))).toBe(model.read(one.page));
              break;
            case 'fork':
              if (spaces.length < MAXIMUM_SPACES) spaces.push({ space: fork(machine, space), model: model.copy() });
              break;
            case 'end':
              if (spaces.length === 1) break;
              end(machine, space);
              spaces.splice(index, 1);
              break;
            case 'trim':
              emptyWorkingSet(mm, space);
              break;
            case 'evict':
              evict(mm, space);
              break;
            case 'protect': {
              const status = protectVirtualMemory(mm.context, space, at(one.page), 0x1000, one.protection).status;
              expect(status === 0).toBe(model.protect(one.page, one.protection));
              break;
            }
            case 'decommit': {
              const { status } = freeVirtualMemory(mm.context, space, at(one.page), 0x1000, MemoryType.Decommit);
              expect(status === 0).toBe(model.decommit(one.page));
              break;
            }
            case 'commit':
              if (!model.commit(one.page)) break;
              allocate(machine, space, one.page, 1, MemoryType.Commit);
              break;
            case 'release': {
              const { status } = freeVirtualMemory(mm.context, space, at(one.page), 0x1000, MemoryType.Release);
              expect(status === 0).toBe(model.release(one.page));
              break;
            }
          }
          expect(mm.verify()).toBeNull();
        }
        for (const { space, model } of spaces) {
          switchAddressSpace(mm, space);
          for (let page = 0; page < PAGES; page++) expect(machine.read(at(page))).toBe(model.read(page));
        }
        for (const { space } of spaces) end(machine, space);
        expect(mm.cloneBlocks.size).toBe(0);
        expect(mm.verify()).toBeNull();
      }),
      { numRuns: 20 },
    );
  });
});

interface ModelPage {
  readonly state: 'committed' | 'reserved' | 'free';
  readonly value: number;
  readonly protection: number;
}

/** What a process has, copied as a whole at a fork. */
class Model {
  readonly #pages: ModelPage[];

  constructor(pages?: readonly ModelPage[]) {
    const fresh: ModelPage = { state: 'committed', value: 0, protection: ReadWrite };
    this.#pages = pages === undefined ? Array.from({ length: PAGES }, () => fresh) : [...pages];
  }

  copy(): Model {
    return new Model(this.#pages);
  }

  read(page: number): number {
    const { state, value, protection } = this.#pages[page];
    return state === 'committed' && protection !== NoAccess ? value : -1;
  }

  write(page: number, value: number): boolean {
    const before = this.#pages[page];
    const isWritten = before.state === 'committed' && before.protection === ReadWrite;
    if (isWritten) this.#pages[page] = { ...before, value };
    return isWritten;
  }

  protect(page: number, protection: number): boolean {
    const before = this.#pages[page];
    if (before.state !== 'committed') return false;
    this.#pages[page] = { ...before, protection };
    return true;
  }

  decommit(page: number): boolean {
    if (this.#pages[page].state === 'free') return false;
    this.#pages[page] = { state: 'reserved', value: 0, protection: ReadWrite };
    return true;
  }

  commit(page: number): boolean {
    const before = this.#pages[page];
    if (before.state === 'free') return false;
    const value = before.state === 'committed' ? before.value : 0;
    this.#pages[page] = { state: 'committed', value, protection: ReadWrite };
    return true;
  }

  release(page: number): boolean {
    if (this.#pages[page].state === 'free') return false;
    this.#pages[page] = { state: 'free', value: 0, protection: ReadWrite };
    return true;
  }
}
