import { PAGE_MASK, PAGE_SIZE, PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import {
  bookkeepingPlace,
  DirectoryReader,
  forEachPagedPoolPte,
  forEachPteAnywhere,
  PageReader,
} from './page-reader.js';
import { NO_PTE, type PteFormat, type PteLocation } from './pte.js';
import { systemPte } from './system-pages.js';

const HIGHEST_USER_VPN = 0x7ffff;

/**
 * The bitmaps of the paging files: a slot is used exactly when one PTE, prototype PTE or OriginalPte names it.
 * @returns the first inconsistency, or null
 */
export function verifyPagingFiles(mm: MemoryManager): string | null {
  const { format, pfn, paging } = mm;
  if (paging.files.length === 0) return null;
  const tableBytes = 2 ** format.tableShift;
  const named = paging.files.map((file) => new Uint8Array(file.size));
  let wrong: string | null = null;
  const note = (at: PteLocation, who: string, form = format): void => {
    if (wrong !== null) return;
    const number = form.pageFileNumber(at);
    const slot = form.pageFileOffset(at);
    const slots = named[number];
    if (slots === undefined || slot >= slots.length) wrong = `${who} names page ${slot} of paging file ${number}`;
    else if (slots[slot] === 1)
      wrong = `page ${slot} of paging file ${number} is named twice, the second time by ${who}`;
    else slots[slot] = 1;
  };
  for (const space of mm.addressSpaces) {
    const directories = new DirectoryReader(mm, space);
    const tables = format.userTables;
    for (
      let table = directories.nextTable(0, tables);
      table < tables;
      table = directories.nextTable(table + 1, tables)
    ) {
      const pde = directories.pde(table * tableBytes);
      const isOut = namesSlot(pde.format, pde.at);
      if (isOut) note(pde.at, `process ${space.processId}, page table ${table.toString(16)}`, pde.format);
    }
    for (let index = space.residentBookkeeping; index < space.bookkeepingFrames.length; index++) {
      const pte = bookkeepingPlace(mm, space, index, directories.views ?? []);
      if (namesSlot(pte.format, pte.at))
        note(pte.at, `process ${space.processId}, bookkeeping page ${index}`, pte.format);
    }
    forEachPteAnywhere(mm, space, 0, HIGHEST_USER_VPN, (at, vpn, form) => {
      if (at === null || !namesSlot(form, at)) return;
      note(at, `process ${space.processId}, page ${vpn.toString(16)}`, form);
    });
  }
  forEachPagedPoolPte(mm, (at, address) => {
    if (namesSlot(format, at)) note(at, `paged pool page ${address.toString(16)}`);
  });
  for (const { initialStack } of mm.swapper.swappedOut) {
    const at = systemPte(mm, initialStack - PAGE_SIZE);
    if (at !== NO_PTE && namesSlot(format, at)) note(at, `the kernel stack below ${initialStack.toString(16)}`);
  }
  const reader = new PageReader(mm);
  for (const subsection of mm.subsections.values()) {
    for (let page = 0; subsection.base !== 0 && page < subsection.pages; page++) {
      const address = subsection.base + page * format.entrySize;
      const home = reader.readSystem(address);
      const at = home?.at((address & PAGE_MASK) / format.entrySize) ?? NO_PTE;
      if (home === null || !namesSlot(home.format, at)) continue;
      note(at, `the prototype PTE at ${address.toString(16)}`, home.format);
    }
  }
  for (const block of mm.cloneBlocks) {
    for (const { address } of block.pages) {
      const home = reader.readSystem(address);
      const at = home?.at((address & PAGE_MASK) / format.entrySize) ?? NO_PTE;
      if (home !== null && namesSlot(home.format, at))
        note(at, `the fork prototype at ${address.toString(16)}`, home.format);
    }
  }
  for (let frame = 1; frame < pfn.frameCount; frame++) {
    const location = pfn.location(frame);
    const isFree = location === PageLocation.Zeroed || location === PageLocation.Free || location === PageLocation.Bad;
    if (!isFree && namesSlot(format, pfn.originalPte(frame))) note(pfn.originalPte(frame), `PFN ${frame.toString(16)}`);
  }
  return wrong ?? compareBitmaps(mm, named);
}

/** The PTE is in page-file form, and not demand zero. */
function namesSlot(format: PteFormat, at: PteLocation): boolean {
  if (format.isZero(at) || format.isValid(at) || format.isTransition(at) || format.isPrototype(at)) return false;
  return format.pageFileOffset(at) !== 0;
}

function compareBitmaps(mm: MemoryManager, named: readonly Uint8Array[]): string | null {
  for (const file of mm.paging.files) {
    let used = 0;
    for (let slot = 1; slot < file.size; slot++) {
      if (file.isUsed(slot)) used++;
      if (file.isUsed(slot) === (named[file.number]?.[slot] === 1)) continue;
      return `page ${slot} of paging file ${file.number} is ${file.isUsed(slot) ? 'used but nobody names it' : 'free but named'}`;
    }
    const writes = mm.paging.idleWrites(file);
    if (writes > 2 || (writes < 2 && mm.paging.pagesInWrites === 0))
      return `paging file ${file.number} has ${writes} writes to give, but none is under way`;
    if (used !== file.usage) return `paging file ${file.number} counts ${file.usage} used pages but has ${used}`;
  }
  return null;
}
