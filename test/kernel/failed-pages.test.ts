import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { createSection, releaseSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { freeVirtualMemory } from '../../kernel/mm/free-virtual-memory.js';
import { MemoryType } from '../../kernel/mm/index.js';
import { PageLocation } from '../../kernel/mm/layout.js';
import { mapViewOfSection, unmapViewOfSection } from '../../kernel/mm/map-view.js';
import { findPte, pageTableFrame, removeFromWorkingSet } from '../../kernel/mm/page-table.js';
import { MemoryPagingStorage } from '../../kernel/mm/paging-storage.js';
import { ProtectionMask } from '../../kernel/mm/protection.js';
import { NO_PTE } from '../../kernel/mm/pte.js';
import { MemoryMachine } from './memory-machine.js';
import { evictWithPageTables, repurposeStandby, writeModified } from './page-out.js';

const BASE = 0x1000000;
const { Bad, Active, Modified, Standby } = PageLocation;

/** A process with a region of a few pages, the first of which says 0x77. */
class Machine {
  readonly machine = new MemoryMachine();
  readonly mm = this.machine.mm;
  readonly space: AddressSpace;

  constructor() {
    this.mm.paging.create('pagefile', 1024, 1024, new MemoryPagingStorage());
    this.space = this.machine.createSpace();
    this.machine.reserve(this.space, BASE, 4, ProtectionMask.ReadWrite, true);
    this.machine.write(BASE, 0x77);
  }

  /** Frame of the page at an address, be it in transition. */
  frame(address = BASE): number {
    const at = findPte(this.mm, this.space, address);
    if (at === NO_PTE) throw new Error('no page table');
    return this.mm.format.isValid(at) ? this.mm.format.frame(at) : this.mm.format.transitionFrame(at);
  }

  trim(address = BASE): void {
    removeFromWorkingSet(this.mm, this.space, address);
    this.check();
  }

  check(): void {
    expect(this.mm.verify()).toBeNull();
  }
}

describe('a frame that fails', () => {
  it('is a bad page at once when it is available, whatever list it is on', () => {
    const guest = new Machine();
    const { mm } = guest;
    guest.trim();
    writeModified(mm);
    const standby = guest.frame();
    const { lists, pfn } = mm;
    lists.insertFree(lists.removeZeroPage(0));
    const { availablePages } = lists;
    const { limit } = mm.commit;
    for (const [frame, failed] of [standby, lists.free.flink, lists.zeroed.flink].entries()) {
      expect(lists.fail(failed)).toBe(true);
      expect(pfn.location(failed)).toBe(Bad);
      expect(lists.availablePages).toBe(availablePages - frame - 1);
      guest.check();
    }
    // Nobody can be promised these pages any more.
    expect(mm.commit.limit).toBe(limit - 3);
    expect(mm.resident.charged.badPages).toBe(3);
    // What was on the standby list is read back into another frame.
    expect(guest.machine.read(BASE)).toBe(0x77);
    expect(guest.frame()).not.toBe(standby);
    expect(lists.fail(standby)).toBe(false);
    expect(lists.fail(0)).toBe(false);
    expect(lists.fail(pfn.frameCount)).toBe(false);
  });

  it('stays in use until it is trimmed, is written when it was changed, and its contents move', () => {
    const guest = new Machine();
    const { mm } = guest;
    const frame = guest.frame();
    expect(mm.lists.fail(frame)).toBe(true);
    expect(mm.pfn.location(frame)).toBe(Active);
    expect(guest.machine.read(BASE)).toBe(0x77);
    guest.trim();
    expect(mm.pfn.location(frame)).toBe(Modified);
    writeModified(mm);
    expect(mm.pfn.location(frame)).toBe(Bad);
    guest.check();
    expect(guest.machine.read(BASE)).toBe(0x77);
    expect(guest.frame()).not.toBe(frame);
    guest.check();
  });

  it('is still good for a soft fault before it is written', () => {
    const guest = new Machine();
    guest.trim();
    const frame = guest.frame();
    guest.mm.lists.fail(frame);
    expect(guest.machine.read(BASE)).toBe(0x77);
    expect(guest.frame()).toBe(frame);
    guest.check();
  });

  it('is no free page when its page is deleted', () => {
    const guest = new Machine();
    const frame = guest.frame();
    guest.mm.lists.fail(frame);
    expect(freeVirtualMemory(guest.mm.context, guest.space, BASE, 0, MemoryType.Release).status).toBe(0);
    expect(guest.mm.pfn.location(frame)).toBe(Bad);
    guest.check();
  });

  it('while it is read from disk holds the page until that is trimmed', () => {
    const guest = new Machine();
    const { mm, machine } = guest;
    evictWithPageTables(mm, guest.space);
    mm.lists.given = (frame) => mm.pfn.requestRemoval(frame);
    expect(machine.read(BASE)).toBe(0x77);
    mm.lists.given = null;
    const [table, frame] = [pageTableFrame(mm, guest.space, BASE), guest.frame()];
    expect([mm.pfn.isRemovalRequested(table), mm.pfn.isRemovalRequested(frame)]).toEqual([true, true]);
    guest.check();
    evictWithPageTables(mm, guest.space);
    expect([mm.pfn.location(table), mm.pfn.location(frame)]).toEqual([Bad, Bad]);
    expect(machine.read(BASE)).toBe(0x77);
    guest.check();
  });

  it('that views share goes when the last of them has let go', () => {
    const guest = new Machine();
    const { mm, machine, space } = guest;
    const request = { size: 0x1000, protection: 4, attributes: SectionAttribute.Commit, file: null };
    const { section } = createSection(mm.context, request);
    if (section === null) throw new Error('no section');
    const view = { base: 0, zeroBits: 0, commitSize: 0, offset: 0, size: 0, inherit: 1, allocationType: 0 } as const;
    const [first, second] = [0, 1].map(
      () => mapViewOfSection(mm.context, section, space, { ...view, protection: 4 }).base,
    );
    machine.write(first, 0x55);
    machine.touch(second, AccessKind.Read);
    const frame = guest.frame(first);
    mm.lists.fail(frame);
    guest.trim(first);
    expect(mm.pfn.location(frame)).toBe(Active);
    guest.trim(second);
    writeModified(mm);
    expect(mm.pfn.location(frame)).toBe(Bad);
    expect(machine.read(second)).toBe(0x55);
    expect(guest.frame(second)).not.toBe(frame);
    guest.check();
    unmapViewOfSection(mm.context, space, first);
    unmapViewOfSection(mm.context, space, second);
    releaseSection(mm.context, section);
    repurposeStandby(mm);
    guest.check();
  });

  it('is missed by the verifier on no list', () => {
    const guest = new Machine();
    guest.trim();
    writeModified(guest.mm);
    expect(guest.mm.pfn.location(guest.frame())).toBe(Standby);
    guest.mm.pfn.requestRemoval(guest.frame());
    expect(guest.mm.verify()).toMatch(/is on page list 2 but has failed/);
  });
});
