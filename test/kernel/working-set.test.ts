import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { adjustWorkingSet } from '../../kernel/mm/adjust-working-set.js';
import { FaultOutcome } from '../../kernel/mm/fault-outcome.js';
import { PageLocation, SHARED_USER_DATA_USER } from '../../kernel/mm/layout.js';
import { lockPages, unlockPages } from '../../kernel/mm/lock-virtual-memory.js';
import { processOverheadPages } from '../../kernel/mm/page-directory.js';
import { deletePteRange, findPte } from '../../kernel/mm/page-table.js';
import { findEntry } from '../../kernel/mm/working-set.js';
import { NO_ENTRY } from '../../kernel/mm/working-set-list.js';
import { ageWorkingSet, emptyWorkingSet, trimWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { Status } from '../../kernel/ntstatus.js';
import { MemoryMachine } from './memory-machine.js';

const BASE = 0x100000;
const READWRITE = 4;
const MAP_PROCESS = 1;
const KEEP = { flags: 0, mayRaise: true };

describe.each([{ pae: true }, { pae: false }])('the working set list, %o', ({ pae }) => {
  let machine: MemoryMachine;
  let space: AddressSpace;
  let bookkeeping: number;

  beforeEach(() => {
    machine = new MemoryMachine({ pae, megabytes: 16 });
    space = machine.createSpace();
    bookkeeping = processOverheadPages(machine.mm);
    machine.reserve(space, BASE, 1536, READWRITE, true);
  });

  const entryOf = (address: number): number => {
    const at = findPte(machine.mm, space, address);
    return findEntry(machine.mm, space, address >>> 12, machine.mm.format.frame(at));
  };
  const locationOf = (address: number): PageLocation => {
    const { format, pfn } = machine.mm;
    return pfn.location(format.transitionFrame(findPte(machine.mm, space, address)));
  };

  it("begins with the process's own pages, locked", () => {
    expect(space.workingSetSize).toBe(bookkeeping);
    expect(space.workingSet.firstDynamic).toBe(bookkeeping);
    expect(space.workingSet.isLocked(0)).toBe(true);
    expect(machine.mm.verify()).toBeNull();
  });

  it('has an entry for every valid page and for its page table', () => {
    machine.write(BASE, 1);
    expect(space.workingSetSize).toBe(bookkeeping + 2);
    expect(space.workingSet.vpn(entryOf(BASE))).toBe(BASE >>> 12);
    expect(machine.mm.verify()).toBeNull();
  });

  it('reads as bytes in hyperspace: FirstFree, FirstDynamic, the WSLE itself', () => {
    machine.write(BASE, 1);
    const list = machine.mm.format.hyperspace + 0x102000;
    const word = (address: number): number =>
      machine.memory.view.getUint32(machine.cpu.translate(address | 0, AccessKind.Read, true), true);
    expect(word(list + 4)).toBe(bookkeeping);
    const wsle = word(word(list + 0x10) + entryOf(BASE) * 4);
    expect(wsle >>> 12).toBe(BASE >>> 12);
    expect(wsle & 0x201).toBe(0x201);
  });

  it('reuses the entry that was freed last', () => {
    machine.write(BASE, 1);
    machine.write(BASE + 0x1000, 1);
    const index = entryOf(BASE);
    trimWorkingSet(machine.mm, space, 1, 0);
    expect(space.workingSet.firstFree).toBe(index);
    machine.write(BASE + 0x2000, 1);
    expect(entryOf(BASE + 0x2000)).toBe(index);
  });

  it('grows by pages that are in it too, and gives them back at the end', () => {
    const before = machine.mm.commit.charged;
    for (let page = 0; page < 1500; page++) machine.write(BASE + page * 0x1000, page & 0xff);
    expect(space.workingSet.pages.length).toBe(pae ? 3 : 2);
    expect(machine.mm.verify()).toBeNull();
    expect(machine.read(BASE + 1400 * 0x1000)).toBe(1400 & 0xff);
    expect(machine.mm.commit.charged).toBeGreaterThan(before);
  });

  it('keeps trimmed pages on the modified list and finds them there', () => {
    machine.write(BASE, 0x5a);
    emptyWorkingSet(machine.mm, space);
    expect(space.workingSetSize).toBe(bookkeeping + 1);
    expect(locationOf(BASE)).toBe(PageLocation.Modified);
    expect(machine.mm.verify()).toBeNull();
    expect(machine.touch(BASE, AccessKind.Read)).toEqual([FaultOutcome.Transition]);
    expect(machine.read(BASE)).toBe(0x5a);
    expect(machine.mm.verify()).toBeNull();
  });

  it('takes a page out again when it is decommitted or made inaccessible', () => {
    machine.write(BASE, 1);
    const size = space.workingSetSize;
    deletePteRange(machine.mm, space, BASE >>> 12, BASE >>> 12);
    expect(space.workingSetSize).toBe(size - 2);
    expect(machine.mm.verify()).toBeNull();
  });

  it('ages pages that are not used and makes used ones young', () => {
    for (let page = 0; page < 4; page++) machine.write(BASE + page * 0x1000, 1);
    ageWorkingSet(machine.mm, space);
    machine.read(BASE);
    ageWorkingSet(machine.mm, space);
    expect(space.workingSet.age(entryOf(BASE))).toBe(0);
    expect(space.workingSet.age(entryOf(BASE + 0x1000))).toBe(1);
    ageWorkingSet(machine.mm, space);
    expect(trimWorkingSet(machine.mm, space, 10, 2)).toBe(3);
    expect(machine.mm.format.isValid(findPte(machine.mm, space, BASE))).toBe(true);
    expect(machine.mm.verify()).toBeNull();
  });

  it('never exceeds a hard maximum', () => {
    const request = { ...KEEP, minimum: 20 * 0x1000, maximum: 40 * 0x1000, flags: 4 };
    expect(adjustWorkingSet(machine.mm, space, request)).toBe(Status.SUCCESS);
    for (let page = 0; page < 200; page++) {
      machine.write(BASE + page * 0x1000, page);
      if (page % 10 === 0) ageWorkingSet(machine.mm, space);
      ageWorkingSet(machine.mm, space);
    }
    expect(space.workingSetSize).toBeLessThanOrEqual(41);
    for (let page = 0; page < 200; page++) expect(machine.read(BASE + page * 0x1000)).toBe(page);
    expect(machine.mm.verify()).toBeNull();
  });

  it('locks pages below FirstDynamic and does not trim them', () => {
    for (let page = 0; page < 5; page++) machine.write(BASE + page * 0x1000, page);
    const range = { first: (BASE >>> 12) + 2, last: (BASE >>> 12) + 4 };
    machine.mm.resident.charge('workingSets', 50 - space.vm.minimum);
    space.vm.minimum = 50;
    expect(lockPages(machine.mm, space, range, MAP_PROCESS)).toBe(Status.SUCCESS);
    expect(lockPages(machine.mm, space, range, MAP_PROCESS)).toBe(Status.WAS_LOCKED);
    expect(space.workingSet.firstDynamic).toBe(bookkeeping + space.workingSet.hashPages.length + 3);
    expect(machine.mm.verify()).toBeNull();
    emptyWorkingSet(machine.mm, space);
    expect(machine.mm.format.isValid(findPte(machine.mm, space, BASE + 0x3000))).toBe(true);
    expect(machine.mm.format.isValid(findPte(machine.mm, space, BASE))).toBe(false);
    expect(unlockPages(machine.mm, space, { first: range.first - 1, last: range.last }, MAP_PROCESS)).toBe(
      Status.NOT_LOCKED,
    );
    expect(unlockPages(machine.mm, space, range, MAP_PROCESS)).toBe(Status.SUCCESS);
    expect(space.workingSet.firstDynamic).toBe(bookkeeping + space.workingSet.hashPages.length);
    expect(machine.mm.verify()).toBeNull();
  });

  it('refuses locks that leave the minimum too few pages, and pages that are not there', () => {
    const many = { first: BASE >>> 12, last: (BASE >>> 12) + 60 };
    expect(lockPages(machine.mm, space, many, MAP_PROCESS)).toBe(Status.WORKING_SET_QUOTA);
    expect(lockPages(machine.mm, space, { first: 0x40000, last: 0x40000 }, MAP_PROCESS)).toBe(Status.ACCESS_VIOLATION);
  });

  it('lets a locked page be freed', () => {
    machine.write(BASE, 1);
    machine.write(BASE + 0x1000, 1);
    lockPages(machine.mm, space, { first: BASE >>> 12, last: BASE >>> 12 }, MAP_PROCESS);
    deletePteRange(machine.mm, space, BASE >>> 12, BASE >>> 12);
    expect(space.workingSet.firstDynamic).toBe(bookkeeping + space.workingSet.hashPages.length);
    expect(machine.mm.verify()).toBeNull();
  });

  it.each([
    ['a minimum above the maximum', 60, 50, Status.BAD_WORKING_SET_LIMIT],
    ['a minimum below the absolute one', 5, 60, Status.WORKING_SET_LIMIT_RANGE],
    ['more than there is', 60, 0x80000, Status.WORKING_SET_LIMIT_RANGE],
    ['a plain pair', 30, 60, Status.SUCCESS],
    ['a maximum without room', 0, 0, Status.SUCCESS],
  ])('limits: %s', (_name, minimum, maximum, status) => {
    const request = { ...KEEP, minimum: minimum * 0x1000, maximum: maximum * 0x1000 };
    expect(adjustWorkingSet(machine.mm, space, request)).toBe(status);
  });

  it('asks for a privilege to raise the minimum', () => {
    const request = { minimum: 40 * 0x1000, maximum: 60 * 0x1000, flags: 0, mayRaise: false };
    expect(adjustWorkingSet(machine.mm, space, request)).toBe(Status.PRIVILEGE_NOT_HELD);
    expect(space.vm.minimum).toBe(20);
  });

  it('finds shared pages of the second process through the hash table', () => {
    machine.read(SHARED_USER_DATA_USER);
    expect(space.workingSet.nonDirectCount).toBe(0);
    machine.write(BASE, 1);
    const other = machine.createSpace();
    machine.read(SHARED_USER_DATA_USER);
    expect(other.workingSet.nonDirectCount + space.workingSet.nonDirectCount).toBeLessThanOrEqual(1);
    expect(machine.mm.verify()).toBeNull();
  });

  it('replaces in a ring with FIFO, whatever was used', () => {
    const fifo = new MemoryMachine({ pae, megabytes: 16, replacement: 'fifo' });
    const ring = fifo.createSpace();
    fifo.reserve(ring, BASE, 256, READWRITE, true);
    ring.vm.maximum = 30;
    ring.vm.hardMaximum = true;
    for (let page = 0; page < 100; page++) fifo.write(BASE + page * 0x1000, page);
    expect(ring.workingSetSize).toBe(30);
    for (let page = 0; page < 100; page++) expect(fifo.read(BASE + page * 0x1000)).toBe(page);
    expect(fifo.mm.verify()).toBeNull();
  });

  it('stays consistent under random use of several processes', () => {
    const spaces = [space, machine.createSpace(), machine.createSpace()];
    for (const other of spaces.slice(1)) machine.reserve(other, BASE, 256, READWRITE, true);
    const step = fc.tuple(fc.nat(2), fc.nat(7), fc.nat(255));
    const values = spaces.map(() => new Map<number, number>());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        for (const [who, what, page] of steps) {
          const chosen = spaces[who] ?? space;
          const contents = values[who] ?? new Map<number, number>();
          machine.mm.switchAddressSpace(chosen);
          const address = BASE + page * 0x1000;
          const range = { first: address >>> 12, last: address >>> 12 };
          if (what < 3) {
            expect(machine.write(address, page & 0xff)).toBe(true);
            contents.set(page, page & 0xff);
          } else if (what === 3) expect(machine.read(address)).toBe(contents.get(page) ?? 0);
          else if (what === 4) trimWorkingSet(machine.mm, chosen, page & 15, 0);
          else if (what === 5) ageWorkingSet(machine.mm, chosen);
          else if (what === 6) lockPages(machine.mm, chosen, range, MAP_PROCESS);
          else unlockPages(machine.mm, chosen, range, MAP_PROCESS);
        }
        expect(machine.mm.verify()).toBeNull();
      }),
      { numRuns: 40, seed: 7 },
    );
    expect(space.workingSet.firstFree).not.toBe(NO_ENTRY);
  });
});
