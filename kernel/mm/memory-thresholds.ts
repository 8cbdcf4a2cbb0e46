/** MmSystemSize (nt52.md 3.7), of a workstation. */
export const SystemSize = { Small: 0, Medium: 1, Large: 2 } as const;
export type SystemSize = (typeof SystemSize)[keyof typeof SystemSize];

/** Numbers of available pages at which something begins or ends, the same on all machines (nt52.md 3.7). */
export const AvailableLimit = {
  /** MM_LOW_LIMIT: threads that make memory wait for so many. */
  Low: 2,
  /** MM_HIGH_LIMIT: all others wait for so many. */
  High: 128,
  /** The last pass of a trim looks at no ages below this. */
  HardTrim: 192,
  /** MM_TIGHT_LIMIT: below it threads that make modified pages are throttled. */
  Tight: 256,
  /** MM_PLENTY_FREE_LIMIT: nobody looks further while there are as many. */
  PlentyFree: 1024,
  /** MM_VERY_HIGH_LIMIT: nobody has to give up a page for another. */
  VeryHigh: 10_000,
  /** MM_ENORMOUS_LIMIT: working sets are not even aged. */
  Enormous: 20_000,
} as const;

/** MmMinimumFreePages: fewer wake the working set manager. */
export const MINIMUM_FREE_PAGES = 26;
/** MmMinimumFreePagesToZero: a free list this long wakes the zero page thread. */
export const MINIMUM_FREE_PAGES_TO_ZERO = 8;
/** MM_MAXIMUM_WRITE_CLUSTER, pages. */
export const WRITE_CLUSTER = 16;
/** MmFreeGoal. */
export const FREE_GOAL = 100;
/** MM_FLUID_PHYSICAL_PAGES: promised to nobody. */
export const FLUID_PAGES = 32;

/** What depends on the size of memory; everything in pages unless it says otherwise. */
export interface MemoryThresholds {
  readonly systemSize: SystemSize;
  /** MmModifiedPageMaximum: so many modified pages wake the writer. */
  readonly modifiedPageMaximum: number;
  /** MmPlentyFreePages: fewer available make the working set manager trim. */
  readonly plentyFreePages: number;
  /** \KernelObjects\LowMemoryCondition is signaled while no more are available, HighMemoryCondition while no fewer are. */
  readonly lowMemory: number;
  readonly highMemory: number;
  /** MmMaximumDeadKernelStacks. */
  readonly deadKernelStacks: number;
  /** Clock ticks that a thread waits before its kernel stack may leave, and seconds between two looks (nt52.md 6.9). */
  readonly stackOutswapTicks: number;
  readonly stackOutswapPeriod: number;
  /** MiAgingShift and MiEstimationShift of the start (nt52.md 6.6). */
  readonly agingShift: number;
  readonly estimationShift: number;
  /** Commitment that charges for programs leave free (nt52.md 7.5). */
  readonly commitReserve: number;
  /** Pages that are read with one: of data files, of an image's data, of its code (MmReadClusterSize, MmDataClusterSize, MmCodeClusterSize). */
  readonly readClusters: { readonly file: number; readonly data: number; readonly code: number };
}

const MEGABYTE = 256;
const SMALL_MACHINE = 19 * MEGABYTE;
const LARGE_MACHINE = 32 * MEGABYTE;

/** The thresholds of a machine with so many page frames (nt52.md 3.7). */
export function memoryThresholds(frames: number): MemoryThresholds {
  const systemSize = systemSizeOf(frames);
  const isSmall = systemSize === SystemSize.Small;
  const plentyFreePages = frames >= 63 * MEGABYTE ? 800 : 400;
  const lowMemory = lowMemoryThreshold(frames, plentyFreePages);
  const agesQuickly = frames <= 257 * MEGABYTE;
  return {
    systemSize,
    modifiedPageMaximum: modifiedPageMaximum(frames),
    plentyFreePages,
    lowMemory,
    highMemory: lowMemory * 3,
    deadKernelStacks: [0, 2, 5][systemSize] ?? 0,
    stackOutswapTicks: isSmall ? 225 : 1125,
    stackOutswapPeriod: isSmall ? 4 : 8,
    agingShift: agesQuickly ? 3 : 5,
    estimationShift: agesQuickly ? 4 : 6,
    commitReserve: isSmall ? MEGABYTE : 5 * MEGABYTE,
    readClusters: {
      file: [2, 4, 7][systemSize] ?? 0,
      data: [0, 1, 3][systemSize] ?? 0,
      code: [1, 2, 7][systemSize] ?? 0,
    },
  };
}

function systemSizeOf(frames: number): SystemSize {
  if (frames <= SMALL_MACHINE) return SystemSize.Small;
  return frames < LARGE_MACHINE ? SystemSize.Medium : SystemSize.Large;
}

function modifiedPageMaximum(frames: number): number {
  if (frames <= 13 * MEGABYTE) return 100;
  if (frames <= 19 * MEGABYTE) return 150;
  return frames > 33 * MEGABYTE ? 800 : 300;
}

function lowMemoryThreshold(frames: number, plentyFreePages: number): number {
  if (frames > 1024 * MEGABYTE) return Math.min(32 * MEGABYTE + ((frames - 0x40000) >>> 7), 64 * MEGABYTE);
  return frames > 128 * MEGABYTE ? plentyFreePages + ((frames - 0x8000) >>> 5) : plentyFreePages;
}
