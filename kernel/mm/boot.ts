import type { PhysicalMemory } from '../../cpu/index.js';

import { CommitAccounting } from './commit.js';
import { DESCRIPTOR_TABLES, PAGE_SIZE, PAGED_POOL_START, PCR_ADDRESS, SHARED_USER_DATA } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { buildAddressSpace, installDirectoryPointers } from './page-directory.js';
import { PfnDatabase } from './pfn.js';
import { incrementShareCount, initializePfn } from './pfn-counts.js';
import { ProtectionMask } from './protection.js';
import { PteOwner, pteLocation } from './pte.js';
import { makeSystemPte, mapSystemPages, systemFrame, systemPde } from './system-pages.js';

const CR0_PAGING = 0x80010021 | 0;
const CR4_PAE = 0x20;
const CR4_PGE = 0x80;
const CR4_PSE = 0x10;
const EFER_NXE = 0x800;
const INSTALL_MORE_MEMORY = 0x7d;
/** Frame 0 stays out of every list: 0 means "no frame". */
const FIRST_FRAME = 1;

/**
 * The PFN database lies in the first frames of memory. They are touched in order here, so that their host frames are
 * contiguous too, which costs the host nothing before they are written. Everything else of memory has never been
 * written either: it is the zeroed list.
 */
export function createPfnDatabase(memory: PhysicalMemory, isPae: boolean): { pfn: PfnDatabase; frames: number } {
  const { frameCount } = memory;
  const entrySize = isPae ? 28 : 24;
  const frames = Math.ceil((frameCount * entrySize) / PAGE_SIZE);
  const base = memory.hostPage(FIRST_FRAME);
  for (let frame = 1; frame < frames; frame++) memory.hostPage(FIRST_FRAME + frame);
  return { pfn: new PfnDatabase(memory.words, base >>> 2, isPae, frameCount), frames };
}

/** The System process's tables, which are the master copy of the system half, and everything that boot maps there. */
export function buildSystemSpace(mm: MemoryManager, pfnDatabaseFrames: number): void {
  mm.lists.fillZeroed(FIRST_FRAME + pfnDatabaseFrames, mm.pfn.frameCount);
  retireBadPages(mm, FIRST_FRAME + pfnDatabaseFrames);
  mm.systemSpace = buildAddressSpace(mm);
  mm.systemSpace.processId = 4;
  mm.addressSpaces.push(mm.systemSpace);
  if (mm.format.isPae) installDirectoryPointers(mm, mm.systemSpace, mm.directoryPointers.take(mm));
  mapPfnDatabase(mm, pfnDatabaseFrames);
  mapSystemPages(mm, PAGED_POOL_START, 1);
  mapSharedUserData(mm);
  mapSystemPages(mm, PCR_ADDRESS, 1);
  mapSystemPages(mm, DESCRIPTOR_TABLES, 1);
}

/** Bad pages go to their list before anybody can take one. Where the PFN database has to be, there may be none. */
function retireBadPages(mm: MemoryManager, firstUsable: number): void {
  for (const frame of new Set(mm.environment.badPages)) {
    const isUsable = frame >= firstUsable && frame < mm.pfn.frameCount;
    if (!isUsable || !mm.lists.fail(frame))
      mm.environment.bugcheck(INSTALL_MORE_MEMORY, frame, firstUsable, mm.pfn.frameCount, 0);
  }
}

/** What is left when boot is done is what programs can be promised. */
export function createCommitAccounting(mm: MemoryManager): CommitAccounting {
  return new CommitAccounting(mm.lists.availablePages, mm.thresholds.commitReserve);
}

function mapPfnDatabase(mm: MemoryManager, frames: number): void {
  const { format } = mm;
  for (let index = 0; index < frames; index++) {
    const address = mm.layout.pfnDatabase + index * PAGE_SIZE;
    const frame = FIRST_FRAME + index;
    const at = makeSystemPte(mm, address);
    format.writeDemandZero(at, ProtectionMask.ReadWrite);
    initializePfn(mm, frame, at, format.pteAddress(address), format.frame(systemPde(mm, address)));
    format.writeKernel(at, frame, true);
  }
}

/**
 * KUSER_SHARED_DATA: one page, which the kernel writes at FFDF0000 and every process reads at 7FFE0000. Its owner is a
 * read-only prototype PTE in the first page of paged pool, so that it is shared like any page of a section.
 */
function mapSharedUserData(mm: MemoryManager): void {
  const { format, pfn } = mm;
  mm.sharedUserDataPte = PAGED_POOL_START;
  const home = systemFrame(mm, PAGED_POOL_START);
  const prototype = pteLocation(mm.memory.hostPage(home) >>> 2);
  const frame = mm.lists.removeZeroPage(mm.nextColor());
  format.writeDemandZero(prototype, ProtectionMask.ReadOnly);
  initializePfn(mm, frame, prototype, PAGED_POOL_START, home);
  pfn.setPrototype(frame, true);
  pfn.setModified(frame, true);
  format.writeValid(prototype, frame, ProtectionMask.ReadOnly, PteOwner.Kernel, false);
  const at = makeSystemPte(mm, SHARED_USER_DATA);
  format.writeKernel(at, frame, true);
  incrementShareCount(mm, format.frame(systemPde(mm, SHARED_USER_DATA)));
}

/** Turns paging on: the processor now walks the System process's tables. */
export function enablePaging(mm: MemoryManager): void {
  const { cpu, format, systemSpace } = mm;
  cpu.setCr4(format.isPae ? CR4_PAE | CR4_PGE | CR4_PSE : CR4_PGE | CR4_PSE);
  if (format.isPae) cpu.setEfer(EFER_NXE);
  cpu.setCr3(systemSpace.directoryTableBase | 0);
  cpu.setCr0(CR0_PAGING);
}
