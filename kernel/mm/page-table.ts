import type { AddressSpace } from './address-space.js';
import { PAGE_SHIFT, PTE_BASE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { makePte, residentPte } from './page-table-fault.js';
import { decrementShareCount, deletePage, deleteTransitionPage, markModified } from './pfn-counts.js';
import { NO_PTE, type PteLocation, pteLocation } from './pte.js';
import { removeEntry } from './working-set.js';
import type { WorkingSetOwner } from './working-set-owner.js';
import { captureWriteWatch } from './write-watch.js';

export { makePte, residentPte } from './page-table-fault.js';
export { removeFromWorkingSet, setPageProtection } from './pte-protection.js';

/**
 * Page tables of the user half: finding and making them, and taking PTEs away. A page table is a page like any other,
 * owned by its PDE; it exists while UsedPageTableEntries counts a PTE in it that is not zero (nt52.md 6.2).
 * Environment: working-set lock of NT; nothing here waits.
 */

type PageDirectories = Pick<WorkingSetOwner, 'directories'>;

/** Where the PDE of an address lies; always exists. */
export function pdeLocation(mm: MemoryManager, space: PageDirectories, address: number): PteLocation {
  const { format } = mm;
  const table = address >>> format.tableShift;
  const directory = format.isPae ? table >>> 9 : 0;
  return pteLocation(space.directories[directory] + (table & (format.entriesPerTable - 1)) * format.entryWords);
}

/**
 * Where the PTE of an address lies; NO_PTE when there is no page table in memory (or a large page). For an address of the
 * self-map that is the PDE. Changes nothing: residentPte brings a page table in.
 */
export function findPte(mm: MemoryManager, space: PageDirectories, address: number): PteLocation {
  const { format } = mm;
  const pde = pdeLocation(mm, space, address);
  if (!format.isValid(pde) || format.isLargePage(pde)) return NO_PTE;
  const table = mm.memory.hostPage(format.frame(pde)) >>> 2;
  return pteLocation(table + ((address >>> PAGE_SHIFT) & (format.entriesPerTable - 1)) * format.entryWords);
}

/** The frame of the page table of an address, 0 when there is none in memory. */
export function pageTableFrame(mm: MemoryManager, space: PageDirectories, address: number): number {
  const pde = pdeLocation(mm, space, address);
  return mm.format.isValid(pde) ? mm.format.frame(pde) : 0;
}

/** True for the addresses at which page tables and directories are seen through the self-map. */
export function isPageTableAddress(mm: MemoryManager, address: number): boolean {
  return address >= PTE_BASE && address <= mm.format.pteTop;
}

/** UsedPageTableEntries of the page table of a user address. */
export function usedPageTableEntries(mm: MemoryManager, space: AddressSpace, address: number): number {
  return mm.view.getUint16(space.usedPageTableEntries + (address >>> mm.format.tableShift) * 2, true);
}

/** A zero PTE was given contents. */
export function pteBecameNonZero(mm: MemoryManager, space: AddressSpace, address: number): void {
  const at = space.usedPageTableEntries + (address >>> mm.format.tableShift) * 2;
  mm.view.setUint16(at, mm.view.getUint16(at, true) + 1, true);
}

/** A PTE was zeroed: the last one of a page table takes the table with it. */
export function pteBecameZero(mm: MemoryManager, space: AddressSpace, address: number): void {
  const at = space.usedPageTableEntries + (address >>> mm.format.tableShift) * 2;
  const used = mm.view.getUint16(at, true) - 1;
  mm.view.setUint16(at, used, true);
  if (used === 0) freePageTable(mm, space, address);
}

/** Frees the page table of an address when no PTE in it is in use (after a fault that failed half-way). */
export function releaseEmptyPageTable(mm: MemoryManager, space: AddressSpace, address: number): void {
  if (pageTableFrame(mm, space, address) !== 0 && usedPageTableEntries(mm, space, address) === 0) {
    freePageTable(mm, space, address);
  }
}

function freePageTable(mm: MemoryManager, space: AddressSpace, address: number): void {
  const pde = pdeLocation(mm, space, address);
  const frame = mm.format.frame(pde);
  removeEntry(mm, space, mm.format.pteAddress(address) >>> PAGE_SHIFT, frame);
  mm.format.writeZero(pde);
  deletePage(mm, frame);
  // The table was visible through the self-map too.
  invalidate(mm, space, mm.format.pteAddress(address));
}

/** Drops what the processor may have cached for an address of this process. */
export function invalidate(mm: MemoryManager, space: PageDirectories, address: number): void {
  if (space === mm.current || address >= mm.layout.systemRangeStart) mm.cpu.invalidatePage(address | 0);
}

/** A store happened through this valid PTE: the page must be written before it can be reused. */
export function captureDirty(mm: MemoryManager, at: PteLocation): void {
  if (mm.format.isDirty(at)) markModified(mm, mm.format.frame(at));
}

/**
 * Makes a PTE of any form zero: its page, or its reference to a shared page, is gone, the TLB knows, and an empty
 * page table is freed. Commitment is the caller's matter. Returns true when there was anything.
 */
export function deletePte(mm: MemoryManager, space: AddressSpace, address: number): boolean {
  const at = residentPte(mm, space, address);
  if (at === NO_PTE || mm.format.isZero(at)) return false;
  emptyPte(mm, space, address, at);
  pteBecameZero(mm, space, address);
  return true;
}

/** MiDeleteVirtualAddresses: deletePte over firstVpn .. lastVpn, skipping absent page tables. Returns PTEs deleted. */
export function deletePteRange(mm: MemoryManager, space: AddressSpace, firstVpn: number, lastVpn: number): number {
  let deleted = 0;
  forEachPte(mm, space, firstVpn, lastVpn, (_at, vpn) => {
    if (deletePte(mm, space, vpn * 0x1000)) deleted++;
  });
  return deleted;
}

/** Decommits one page: whatever the PTE was, it becomes the decommitted marker. Needs a page table: NO_PTE of makePte = false. */
export function decommitPte(mm: MemoryManager, space: AddressSpace, address: number): boolean {
  const at = makePte(mm, space, address);
  if (at === NO_PTE) return false;
  if (mm.format.isZero(at)) pteBecameNonZero(mm, space, address);
  else emptyPte(mm, space, address, at);
  mm.format.writeDecommitted(at);
  return true;
}

/**
 * Calls a function for every non-zero PTE of firstVpn .. lastVpn in order of address. Page tables that do not exist
 * are skipped as a whole, others brought in; the function may delete the PTE it is given, and with it the table.
 */
export function forEachPte(
  mm: MemoryManager,
  space: AddressSpace,
  firstVpn: number,
  lastVpn: number,
  visit: (at: PteLocation, vpn: number) => void,
): void {
  walkPtes(mm, space, firstVpn, lastVpn, residentPte, visit);
}

/** As forEachPte, for valid PTEs only: a page table that is not in memory has none. Changes nothing itself. */
export function forEachValidPte(
  mm: MemoryManager,
  space: AddressSpace,
  firstVpn: number,
  lastVpn: number,
  visit: (at: PteLocation, vpn: number) => void,
): void {
  walkPtes(mm, space, firstVpn, lastVpn, findPte, (at, vpn) => {
    if (mm.format.isValid(at)) visit(at, vpn);
  });
}

function walkPtes(
  mm: MemoryManager,
  space: AddressSpace,
  firstVpn: number,
  lastVpn: number,
  locate: typeof residentPte,
  visit: (at: PteLocation, vpn: number) => void,
): void {
  const entries = mm.format.entriesPerTable;
  for (let vpn = firstVpn; vpn <= lastVpn; ) {
    const at = locate(mm, space, vpn * 0x1000);
    if (at === NO_PTE) {
      vpn = (Math.floor(vpn / entries) + 1) * entries;
      continue;
    }
    if (!mm.format.isZero(at)) visit(at, vpn);
    vpn++;
  }
}

/** Takes what a non-zero PTE of any form refers to away and leaves the PTE zero; UsedPageTableEntries is the caller's. */
export function emptyPte(mm: MemoryManager, space: WorkingSetOwner, address: number, at: PteLocation): void {
  const { format, pfn } = mm;
  if (format.isValid(at)) {
    const frame = format.frame(at);
    captureDirty(mm, at);
    captureWriteWatch(mm, space, address, at);
    format.writeZero(at);
    invalidate(mm, space, address);
    removeEntry(mm, space, address >>> PAGE_SHIFT, frame);
    if (pfn.isPrototype(frame)) {
      decrementShareCount(mm, frame);
      decrementShareCount(mm, pageTableFrame(mm, space, address));
      return;
    }
    space.privatePages--;
    deletePage(mm, frame);
    return;
  }
  if (format.isTransition(at)) {
    const frame = format.transitionFrame(at);
    format.writeZero(at);
    space.privatePages--;
    deleteTransitionPage(mm, frame);
    return;
  }
  if (!format.isPrototype(at) && format.pageFileOffset(at) !== 0) {
    mm.paging.free(format.pageFileNumber(at), format.pageFileOffset(at));
    space.privatePages--;
  }
  format.writeZero(at);
}
