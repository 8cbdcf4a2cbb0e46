import type { PteLocation } from './pte.js';
import type { VadTree } from './vad-tree.js';
import type { WorkingSetLimits } from './working-set-limits.js';
import type { WorkingSetList } from './working-set-list.js';

/**
 * What has a working set: a process, or the system for its pageable half (MMSUPPORT, nt52.md 6.3, with what its pages
 * are found by). Everything that adds, finds, ages and trims pages works on one of these.
 */
export interface WorkingSetOwner {
  /** On traces; 0: the system. */
  readonly processId: number;
  /** Page directories through which the pages' PTEs are found. */
  readonly directories: readonly PteLocation[];
  /** Regions of its views; none for the system. */
  readonly vads: VadTree;
  /** MMWSL, its entries and their hash table. */
  readonly workingSet: WorkingSetList;
  /** Pages that were added for the list, oldest first. */
  readonly workingSetListFrames: number[];
  /** The rest of MMSUPPORT. */
  readonly vm: WorkingSetLimits;
  /** Entries of the working set list in use. */
  workingSetSize: number;
  peakWorkingSetSize: number;
  pageFaultCount: number;
  /** Pages of its own with contents, wherever they are: valid, in transition or in a paging file. */
  privatePages: number;
  /** EPROCESS.ModifiedPageCount: pages that it added to the modified list since it was last slowed down. */
  modifiedPageCount: number;
}
