import { AccessKind } from '../../cpu/index.js';
import { ensurePages } from './free-pages.js';
import { PAGE_MASK, PAGE_SHIFT, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { deletePage, initializePfn } from './pfn-counts.js';
import { ProtectionMask } from './protection.js';
import { NO_PTE, type PteFormat, type PteLocation, PteOwner, pteLocation } from './pte.js';

/** Page tables that mapping system pages may need. */
const SYSTEM_RESERVE = 2;

/**
 * Pages of the system half: the master page directories (the System process's) have every system page table; another
 * process gets a directory entry that came after its creation when it first faults on it (fault.ts).
 * Environment: any; nothing here waits.
 */

/** PDE of a system address in the master directory. */
export function systemPde(mm: MemoryManager, address: number): PteLocation {
  const { format } = mm;
  const table = address >>> format.tableShift;
  const directory = mm.systemSpace.directories[format.isPae ? table >>> 9 : 0];
  return pteLocation(directory + (table & (format.entriesPerTable - 1)) * format.entryWords);
}

/** Where the PTE of a system address lies; NO_PTE when it has no page table, or a large page. */
export function systemPte(mm: MemoryManager, address: number): PteLocation {
  const { format } = mm;
  const pde = systemPde(mm, address);
  if (!format.isValid(pde) || format.isLargePage(pde)) return NO_PTE;
  const table = mm.memory.hostPage(format.frame(pde)) >>> 2;
  return pteLocation(table + ((address >>> PAGE_SHIFT) & (format.entriesPerTable - 1)) * format.entryWords);
}

/** The frame that a large page shows at an address. @param first of the large page */
function frameOfLargePage(format: PteFormat, first: number, address: number): number {
  return first + ((address >>> PAGE_SHIFT) & (format.entriesPerTable - 1));
}

/** Frame behind a mapped system address, 0 when there is none. */
export function systemFrame(mm: MemoryManager, address: number): number {
  const { format } = mm;
  const at = systemPte(mm, address);
  if (at !== NO_PTE) return format.isValid(at) ? format.frame(at) : 0;
  const pde = systemPde(mm, address);
  return format.isValid(pde) ? frameOfLargePage(format, format.frame(pde), address) : 0;
}

/** Where the bytes at a mapped system address lie: prototype PTEs above all. NO_PTE when the address is not mapped. */
export function systemLocation(mm: MemoryManager, address: number): PteLocation {
  const cached = mm.cpu.translate(address | 0, AccessKind.Read, true);
  if (cached !== 0) return pteLocation(cached >>> 2);
  const frame = systemFrame(mm, address);
  return frame === 0 ? NO_PTE : pteLocation((mm.memory.hostPage(frame) + (address & PAGE_MASK)) >>> 2);
}

/** As systemPte, but makes the page table when it is absent; NO_PTE when no frame or commitment is left. */
export function makeSystemPte(mm: MemoryManager, address: number): PteLocation {
  const pde = systemPde(mm, address);
  if (!mm.format.isValid(pde)) {
    if (!chargePageTable(mm)) return NO_PTE;
    const frame = mm.lists.removeZeroPage(mm.nextColor());
    if (frame === 0) {
      releasePageTable(mm);
      return NO_PTE;
    }
    const directory = mm.systemSpace.directoryFrames[mm.format.isPae ? address >>> 30 : 0];
    mm.format.writeDemandZero(pde, ProtectionMask.ReadWrite);
    initializePfn(mm, frame, pde, mm.format.pdeAddress(address), directory);
    mm.pfn.setModified(frame, true);
    mm.format.writeTable(pde, frame, PteOwner.Kernel);
  }
  return systemPte(mm, address);
}

/** Page tables made while booting come before there is a commit limit. */
function chargePageTable(mm: MemoryManager): boolean {
  if (!mm.hasCommitLimit) return true;
  if (!mm.commit.chargeSystem(1)) return false;
  mm.committed.systemPageTables++;
  return true;
}

function releasePageTable(mm: MemoryManager): void {
  if (!mm.hasCommitLimit) return;
  mm.commit.release(1);
  mm.committed.systemPageTables--;
}

/**
 * Puts a frame of its own behind each of `count` pages at a system address (pool, stacks, system PTEs): zeroed, kernel
 * read-write, global. All or nothing; false when frames run out. The caller has charged commitment for the pages.
 */
export function mapSystemPages(mm: MemoryManager, address: number, count: number): boolean {
  if (mm.hasCommitLimit) ensurePages(mm, count + SYSTEM_RESERVE);
  for (let page = 0; page < count; page++) {
    if (!mapSystemPage(mm, address + page * PAGE_SIZE)) {
      unmapSystemPages(mm, address, page);
      return false;
    }
  }
  return true;
}

function mapSystemPage(mm: MemoryManager, address: number): boolean {
  const { format } = mm;
  const at = makeSystemPte(mm, address);
  if (at === NO_PTE) return false;
  const frame = mm.lists.removeZeroPage(mm.nextColor());
  if (frame === 0) return false;
  format.writeDemandZero(at, ProtectionMask.ReadWrite);
  initializePfn(mm, frame, at, format.pteAddress(address), format.frame(systemPde(mm, address)));
  mm.pfn.setModified(frame, true);
  format.writeKernel(at, frame, true);
  return true;
}

/** Gives back what mapSystemPages took; the PTEs are zero afterwards. System page tables stay, as in NT. */
export function unmapSystemPages(mm: MemoryManager, address: number, count: number): void {
  for (let page = 0; page < count; page++) {
    const at = systemPte(mm, address + page * PAGE_SIZE);
    if (at === NO_PTE || !mm.format.isValid(at)) continue;
    const frame = mm.format.frame(at);
    mm.format.writeZero(at);
    mm.cpu.invalidatePage((address + page * PAGE_SIZE) | 0);
    deletePage(mm, frame);
  }
}
