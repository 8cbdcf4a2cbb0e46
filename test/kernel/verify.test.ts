import { beforeEach, describe, expect, it } from 'vitest';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { PageLocation } from '../../kernel/mm/layout.js';
import type { MemoryManager } from '../../kernel/mm/memory-manager.js';
import { findPte, pdeLocation } from '../../kernel/mm/page-table.js';
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
];

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
