import { type AddressLayout, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { initializePfn } from './pfn-counts.js';
import { ProtectionMask } from './protection.js';
import { systemPde } from './system-pages.js';

/**
 * Large pages of the kernel itself (nt52.md 1.1): with more memory than LargePageMinimum, PFN database and initial nonpaged pool lie in
 * one run of frames that PDEs map. Each frame's PFN entry is that of a page whose PTE is the PDE, in the page directory.
 */

const MEGABYTE_PAGES = 256;
/** Initial nonpaged pool (nt52.md 10.2), pages: so many, for each MB above so much so many more, at most so many. */
const POOL_BASE = 64;
const POOL_PER_MEGABYTE = 8;
const POOL_FREE_MEGABYTES = 4;
const POOL_MAXIMUM = 128 * MEGABYTE_PAGES;

/** The frames that boot takes before there are lists. */
export interface BootFrames {
  readonly first: number;
  readonly count: number;
  /** The first of them, which hold the PFN database. */
  readonly database: number;
  /** Large pages map them, and those that do not hold the PFN database are nonpaged pool. */
  readonly isLarge: boolean;
}

/** Where the PFN database goes. */
export interface BootMemory {
  readonly frameCount: number;
  readonly databaseFrames: number;
  /** Frames that a large page maps. */
  readonly unit: number;
  readonly layout: AddressLayout;
  readonly badPages: readonly number[];
  /** Megabytes of memory that are too few for large pages; Infinity: none are enough. */
  readonly largePageMinimum: number;
}

/**
 * Frames for the PFN database and the initial nonpaged pool: on large pages where there is enough memory and none of it is broken
 * there, else as few as need be, from frame 1 on.
 */
export function placeBootFrames(memory: BootMemory): BootFrames {
  const { frameCount, databaseFrames, unit, layout } = memory;
  const small = { first: 1, count: databaseFrames, database: databaseFrames, isLarge: false };
  if (frameCount <= memory.largePageMinimum * MEGABYTE_PAGES) return small;
  const wanted = Math.ceil((databaseFrames + initialPoolPages(frameCount)) / unit) * unit;
  const room = (layout.nonPagedPoolEnd - layout.pfnDatabase) / PAGE_SIZE;
  const large = { first: unit, count: Math.min(wanted, room), database: databaseFrames, isLarge: true };
  return memory.badPages.some((frame) => isBootFrame(large, frame)) ? small : large;
}

/** Pages of the initial nonpaged pool of a machine with so many page frames. */
export function initialPoolPages(frameCount: number): number {
  const megabytes = frameCount / MEGABYTE_PAGES - POOL_FREE_MEGABYTES;
  return Math.min(POOL_BASE + Math.ceil(megabytes) * POOL_PER_MEGABYTE, POOL_MAXIMUM);
}

/** True for frames that boot took. */
export function isBootFrame({ first, count }: BootFrames, frame: number): boolean {
  return frame >= first && frame < first + count;
}

/** Maps the boot frames where the PFN database begins. */
export function mapKernelLargePages(mm: MemoryManager, { first, count }: BootFrames): void {
  const { format } = mm;
  const unit = format.entriesPerTable;
  for (let offset = 0; offset < count; offset += unit) {
    const address = mm.layout.pfnDatabase + offset * PAGE_SIZE;
    const pde = systemPde(mm, address);
    const directory = mm.systemSpace.directoryFrames[format.isPae ? address >>> 30 : 0];
    format.writeDemandZero(pde, ProtectionMask.ReadWrite);
    for (let frame = first + offset; frame < first + offset + unit; frame++) {
      initializePfn(mm, frame, pde, format.pdeAddress(address), directory);
    }
    format.writeKernel(pde, first + offset, true);
    format.setLargePage(pde);
  }
}

/**
 * A large page of the kernel against the PFN database.
 * @param mappings counts up for each frame
 * @returns the first inconsistency of the large page at an address, or null
 */
export function verifyKernelLargePage(mm: MemoryManager, address: number, mappings: Uint32Array): string | null {
  const { format, pfn, layout } = mm;
  const large = `the kernel's large page at ${address.toString(16)}`;
  if (address < layout.pfnDatabase || address >= layout.nonPagedPoolEnd)
    return `${large} is in no region of such pages`;
  const pde = systemPde(mm, address);
  const first = format.frame(pde);
  if (first === 0 || first % format.entriesPerTable !== 0) return `${large} maps ${first.toString(16)}`;
  if (format.isUser(pde)) return `${large} admits user mode`;
  for (let frame = first; frame < first + format.entriesPerTable; frame++) {
    mappings[frame]++;
    if (pfn.pteAddress(frame) !== format.pdeAddress(address))
      return `${large} maps PFN ${frame.toString(16)}, which does not know of it`;
  }
  return null;
}
