import { beforeEach, describe, expect, it } from 'vitest';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { PageLocation } from '../../kernel/mm/layout.js';
import type { MemoryManager } from '../../kernel/mm/memory-manager.js';
import { findPte, pdeLocation } from '../../kernel/mm/page-table.js';
import { MemoryPagingStorage } from '../../kernel/mm/paging-storage.js';
import { PteOwner } from '../../kernel/mm/pte.js';
import { MemoryMachine } from './memory-machine.js';

const PAGE = 0x1_0000;

/** Each plants one defect, and the sentence that must name it. */
const defects: readonly [string, (mm: MemoryManager, space: AddressSpace) => void, RegExp][] = [
  [
    'a share count too high',
    (mm, space) => mm.pfn.setShareCount(mm.format.frame(findPte(mm, space, PAGE)), 2),
    /share count 2, but 1 valid PTEs map it/,
  ],
  [
    'a reference count of 0',
    (mm, space) => mm.pfn.setReferenceCount(mm.format.frame(findPte(mm, space, PAGE)), 0),
    /active with reference count 0/,
  ],
  [
    'a wrong PteAddress',
    (mm, space) => mm.pfn.setPteAddress(mm.format.frame(findPte(mm, space, PAGE)), 0xc0000000),
    /which belongs to the PTE at c0000000/,
  ],
  [
    'a wrong PteFrame',
    (mm, space) => mm.pfn.setPteFrame(mm.format.frame(findPte(mm, space, PAGE)), 3),
    /says its PTE is in frame 3/,
  ],
  [
    'a PTE that lost its page',
    (mm, space) => mm.format.writeZero(findPte(mm, space, PAGE)),
    /PTEs should be in use in the page table/,
  ],
  [
    'a PTE that maps a free page',
    (mm, space) => mm.format.writeValid(findPte(mm, space, PAGE), mm.lists.zeroed.flink, 4, PteOwner.User, true),
    /which has location 0/,
  ],
  [
    'a page mapped twice',
    (mm, space) => mm.format.copy(findPte(mm, space, PAGE + 0x1000), findPte(mm, space, PAGE)),
    /which belongs to the PTE at/,
  ],
  [
    'a PTE where no VAD is',
    (mm, space) => mm.format.writeDemandZero(findPte(mm, space, 0x18000), 4),
    /no VAD has that page/,
  ],
  [
    'a list with a wrong total',
    (mm) => {
      mm.lists.zeroed.total++;
    },
    /page list 0 should have/,
  ],
  [
    'a cycle in a list',
    (mm) => mm.pfn.setFlink(mm.lists.zeroed.blink, mm.lists.zeroed.flink),
    /on two lists|more pages than its total/,
  ],
  [
    'a page on a list with another location',
    (mm) => mm.pfn.setLocation(mm.lists.zeroed.flink, PageLocation.Free),
    /on page list 0 but has location 1/,
  ],
  [
    'a colour list that lost its head',
    (mm) => {
      mm.lists.zeroedByColor.flink[5] = mm.pfn.colorFlink(mm.lists.zeroedByColor.flink[5]);
    },
    /colour 5 of page list 0/,
  ],
  [
    'a page that is on no list',
    (mm) => {
      const frame = mm.lists.removeAnyPage(0);
      mm.pfn.setLocation(frame, PageLocation.Standby);
    },
    /is on no list|no frame/,
  ],
  [
    'a page directory entry that is gone',
    (mm, space) => mm.format.writeZero(pdeLocation(mm, space, PAGE)),
    /does not exist/,
  ],
  [
    'a system directory entry unlike the master',
    (mm, space) => mm.format.copy(pdeLocation(mm, space, 0xe1000000), pdeLocation(mm, space, 0xffc00000)),
    /but the System process has/,
  ],
  [
    'commitment that was not returned',
    (mm) => {
      mm.commit.charged++;
    },
    /charged as commitment, but/,
  ],
  [
    'a VAD with a wrong charge',
    (_mm, space) => {
      const vad = space.vads.find(PAGE >>> 12);
      if (vad !== null) vad.commitCharge--;
    },
    /is charged 15 pages, but 16 are committed/,
  ],
  [
    'a page table that was not paid for',
    (_mm, space) => {
      space.committedPageTables[0] = 0;
    },
    /the page table of 0 is in a VAD but not paid for/,
  ],
  [
    'a TLB entry that outlived its PTE',
    (mm, space) => {
      const frame = mm.format.frame(findPte(mm, space, PAGE));
      mm.format.writeValid(findPte(mm, space, PAGE), frame, 1, PteOwner.User, false);
    },
    /the TLB entry of 00010000 allows stores/,
  ],
  [
    'a working set that was miscounted',
    (_mm, space) => {
      space.workingSetSize++;
    },
    /the working set should have/,
  ],
  [
    'a page on a list that links back astray',
    (mm) => mm.pfn.setBlink(mm.lists.zeroed.blink, 5),
    /is on page list 0 but links back to 5/,
  ],
  [
    'a page on a list that somebody refers to',
    (mm) => mm.pfn.setReferenceCount(mm.lists.zeroed.flink, 1),
    /is on page list 0 but has reference count 1/,
  ],
  [
    'a modified page on the standby list',
    (mm, space) => {
      const frame = mm.format.frame(findPte(mm, space, PAGE));
      mm.pfn.setModified(frame, true);
      mm.lists.insertStandby(frame, false);
      mm.pfn.setReferenceCount(frame, 0);
    },
    /is on page list 2 but is modified/,
  ],
  [
    'a page that is written to and copied on write',
    (mm, space) => {
      const at = findPte(mm, space, PAGE);
      mm.format.write(at, mm.format.low(at) | 0x200, mm.format.high(at));
    },
    /writable and copy-on-write/,
  ],
  [
    'a page table in use that does not exist',
    (mm, space) => mm.view.setUint16(space.usedPageTableEntries + 200, 3, true),
    /3 PTEs should be in use in the page table of .*, which does not exist/,
  ],
  [
    'a chain of free working set entries with one in use',
    (_mm, space) => {
      space.workingSet.firstFree = 0;
    },
    /the free working set entries link to 0 after 0/,
  ],
  [
    'a free working set entry that is lost',
    (_mm, space) => {
      space.workingSet.firstFree = space.workingSet.get(space.workingSet.firstFree) >>> 4;
    },
    /working set entries \d+ are in use and/,
  ],
  [
    'a locked working set entry that is not in use',
    (_mm, space) => {
      const used = space.workingSet.lastEntry;
      space.workingSet.firstDynamic = used + 2;
    },
    /is on the wrong side of FirstDynamic|is locked but not in use/,
  ],
  [
    'a slot of a paging file that is named but free',
    (mm, space) => nameSlot(mm, space, PAGE),
    /page 5 of paging file 0 is free but named/,
  ],
  [
    'a slot of a paging file that two pages name',
    (mm, space) => {
      nameSlot(mm, space, PAGE);
      mm.format.writePageFile(mm.pfn.originalPte(mm.format.frame(findPte(mm, space, PAGE + 0x1000))), 0, 5, 4);
    },
    /names page 5 of paging file 0, which something else names too/,
  ],
  [
    'a slot of a paging file that nobody names',
    (mm) => {
      mm.paging.create('pagefile', 256, 256, new MemoryPagingStorage());
      mm.paging.files[0]?.allocate(1);
    },
    /is used but nobody names it/,
  ],
];

/** The page says that it is in slot 5 of a new paging file, too. */
function nameSlot(mm: MemoryManager, space: AddressSpace, address: number): void {
  mm.paging.create('pagefile', 256, 256, new MemoryPagingStorage());
  mm.format.writePageFile(mm.pfn.originalPte(mm.format.frame(findPte(mm, space, address))), 0, 5, 4);
}

describe.each([{ pae: true }, { pae: false }])('the memory manager finds its own defects, %o', ({ pae }) => {
  let machine: MemoryMachine;
  let space: AddressSpace;

  beforeEach(() => {
    machine = new MemoryMachine({ pae, megabytes: 8 });
    space = machine.createSpace();
    machine.reserve(space, PAGE, 16, 4, true);
    // A second region in the same page table, so that addresses between the two have a PTE but no VAD.
    machine.write(PAGE, 1);
    machine.write(PAGE + 0x1000, 2);
    expect(machine.mm.verify()).toBeNull();
  });

  it.each(defects)('%s', (_name, plant, sentence) => {
    if (sentence.source.includes('no VAD')) {
      const vad = space.vads.find(PAGE >>> 12);
      if (vad !== null) vad.endingVpn = 0x17;
      machine.write(0x18000 - 0x1000, 1);
      const at = findPte(machine.mm, space, 0x18000);
      machine.mm.format.writeDemandZero(at, 4);
      machine.mm.view.setUint16(space.usedPageTableEntries, 4, true);
    }
    plant(machine.mm, space);
    expect(machine.mm.verify()).toMatch(sentence);
  });
});

describe('boot', () => {
  it.each([
    { pae: true, megabytes: 8 },
    { pae: false, megabytes: 8 },
    { pae: true, megabytes: 512 },
    { pae: true, megabytes: 4096 },
    { pae: false, megabytes: 4096 },
  ])('leaves a consistent machine, %o', ({ pae, megabytes }) => {
    const { mm, memory } = new MemoryMachine({ pae, megabytes });
    expect(mm.verify()).toBeNull();
    // Host memory is taken for what boot wrote, not for memory that exists.
    const database = (megabytes * 256 * mm.pfn.entrySize) / 4096;
    expect(memory.touchedFrames()).toBeLessThan(database + 128);
  });
});
