import {
  PAGE_SIZE,
  PAGED_POOL_END,
  PAGED_POOL_START,
  SYSTEM_CACHE_START,
  SYSTEM_CACHE_WORKING_SET_LIST,
} from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import type { PteLocation } from './pte.js';
import { mapSystemPages, systemFrame } from './system-pages.js';
import { VadTree } from './vad-tree.js';
import { insertLocked } from './working-set.js';
import { WorkingSetLimits } from './working-set-limits.js';
import { WorkingSetList, workingSetHeaderSize } from './working-set-list.js';
import type { WorkingSetOwner } from './working-set-owner.js';

/** System page tables have no UsedPageTableEntries: they stay. */
const HEADER_SIZE = workingSetHeaderSize(0);
const PAGES_PER_MEGABYTE = 256;
/** MmSystemCacheWsMinimum (nt52.md 3.7). */
const MINIMUM = 288;
const TINY_MINIMUM = 32;
const ABOVE_SMALL = 100;
const ABOVE_MEDIUM = 500;

/**
 * MmSystemCacheWs: the working set of the system's pageable half, which is paged pool and the system cache. Its list lies at C0C00000, its pages are
 * found through the System process's directories, the master copy of the system half.
 */
export class SystemWorkingSet implements WorkingSetOwner {
  readonly processId = 0;
  readonly directories: readonly PteLocation[];
  readonly vads = new VadTree();
  readonly workingSet: WorkingSetList;
  readonly workingSetListFrames: number[] = [];
  readonly vm: WorkingSetLimits;
  workingSetSize = 0;
  peakWorkingSetSize = 0;
  pageFaultCount = 0;
  privatePages = 0;
  modifiedPageCount = 0;

  /** Takes the first page of the list; boot has pages. */
  constructor(mm: MemoryManager) {
    mapSystemPages(mm, SYSTEM_CACHE_WORKING_SET_LIST, 1);
    const { frameCount } = mm.pfn;
    this.directories = mm.systemSpace.directories;
    this.vm = new WorkingSetLimits(minimumPages(frameCount), frameCount);
    const frame = systemFrame(mm, SYSTEM_CACHE_WORKING_SET_LIST);
    const entries = Math.min(frameCount, mostPages(mm));
    const listPages = Math.ceil((HEADER_SIZE + entries * 4) / PAGE_SIZE);
    this.workingSet = new WorkingSetList(
      mm.words,
      mm.memory.hostPage(frame) >>> 2,
      HEADER_SIZE,
      SYSTEM_CACHE_WORKING_SET_LIST + HEADER_SIZE,
      SYSTEM_CACHE_WORKING_SET_LIST + listPages * PAGE_SIZE,
    );
    insertLocked(mm, this, SYSTEM_CACHE_WORKING_SET_LIST, frame);
  }
}

/** All of its addresses at once: the system cache, paged pool, and those of the list, behind which its hash table must have room. */
function mostPages({ layout }: MemoryManager): number {
  const cache = layout.systemCacheEnd - SYSTEM_CACHE_START;
  const list = SYSTEM_CACHE_START - SYSTEM_CACHE_WORKING_SET_LIST;
  return (cache + PAGED_POOL_END - PAGED_POOL_START + list) / PAGE_SIZE;
}

function minimumPages(frameCount: number): number {
  const megabytes = frameCount / PAGES_PER_MEGABYTE;
  if (megabytes < 24) return TINY_MINIMUM;
  return MINIMUM + (megabytes > 33 ? ABOVE_MEDIUM : ABOVE_SMALL);
}
