import { CommitAccounting } from './commit.js';
import { type BootFrames, isBootFrame, mapKernelLargePages, placeBootFrames } from './kernel-large-pages.js';
import {
  type AddressLayout,
  DESCRIPTOR_TABLES,
  PAGE_SIZE,
  PAGED_POOL_START,
  PCR_ADDRESS,
  SHARED_USER_DATA,
} from './layout.js';
import type { MemoryManager, MemoryManagerEnvironment } from './memory-manager.js';
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
/** LargePageMinimum: megabytes of memory above which the kernel uses large pages for itself (nt52.md 1.1). */
const LARGE_PAGE_MINIMUM = 255;

/**
 * The PFN database lies in the first frames of memory, or in the first that a large page can map. They are touched in order here, so
 * that their host frames are contiguous too, which costs the host nothing before they are written. Everything else of memory has
 * never been written either: it is the zeroed list.
 */
export function createPfnDatabase(
  { memory, pae, badPages, largePageMinimum }: MemoryManagerEnvironment,
  layout: AddressLayout,
): { pfn: PfnDatabase; frames: BootFrames } {
  const { frameCount } = memory;
  const entrySize = pae ? 28 : 24;
  const frames = placeBootFrames({
    frameCount,
    databaseFrames: Math.ceil((frameCount * entrySize) / PAGE_SIZE),
    unit: PAGE_SIZE / (pae ? 8 : 4),
    layout,
    badPages: badPages ?? [],
    largePageMinimum: largePageMinimum ?? LARGE_PAGE_MINIMUM,
  });
  const base = memory.hostPage(frames.first);
  for (let frame = 1; frame < frames.database; frame++) memory.hostPage(frames.first + frame);
  return { pfn: new PfnDatabase(memory.words, base >>> 2, pae, frameCount), frames };
}

/** The System process's tables, which are the master copy of the system half, and everything that boot maps there. */
export function buildSystemSpace(mm: MemoryManager, frames: BootFrames): void {
  mm.lists.fillZeroed(FIRST_FRAME, frames.first);
  mm.lists.fillZeroed(frames.first + frames.count, mm.pfn.frameCount);
  retireBadPages(mm, frames);
  mm.systemSpace = buildAddressSpace(mm);
  mm.systemSpace.processId = 4;
  mm.addressSpaces.push(mm.systemSpace);
  if (mm.format.isPae) installDirectoryPointers(mm, mm.systemSpace, mm.directoryPointers.take(mm));
  if (frames.isLarge) mapKernelLargePages(mm, frames);
  else mapPfnDatabase(mm, frames);
  mapSystemPages(mm, PAGED_POOL_START, 1);
  mapSharedUserData(mm);
  mapSystemPages(mm, PCR_ADDRESS, 1);
  mapSystemPages(mm, DESCRIPTOR_TABLES, 1);
}

/** Bad pages go to their list before anybody can take one. Where the PFN database has to be, there may be none. */
function retireBadPages(mm: MemoryManager, frames: BootFrames): void {
  for (const frame of new Set(mm.environment.badPages)) {
    const isUsable = frame < mm.pfn.frameCount && !isBootFrame(frames, frame);
    if (!isUsable || !mm.lists.fail(frame))
      mm.environment.bugcheck(INSTALL_MORE_MEMORY, frame, frames.first + frames.count, mm.pfn.frameCount, 0);
  }
}

/** What is left when boot is done is what programs can be promised. */
export function createCommitAccounting(mm: MemoryManager): CommitAccounting {
  return new CommitAccounting(mm.lists.availablePages, mm.thresholds.commitReserve);
}

function mapPfnDatabase(mm: MemoryManager, { first, count }: BootFrames): void {
  const { format } = mm;
  for (let index = 0; index < count; index++) {
    const address = mm.layout.pfnDatabase + index * PAGE_SIZE;
    const frame = first + index;
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
