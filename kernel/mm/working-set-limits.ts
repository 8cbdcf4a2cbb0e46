import { SystemSize } from './memory-thresholds.js';

/** MMSUPPORT.Flags.MemoryPriority: a foreground process is asked for a smaller part of its claim. */
export const MemoryPriority = { Background: 0, Foreground: 2 } as const;
export type MemoryPriority = (typeof MemoryPriority)[keyof typeof MemoryPriority];

/** What the working set manager knows of one process: the part of MMSUPPORT (nt52.md 6.3) that is not in the list itself. */
export class WorkingSetLimits {
  /** In pages. */
  minimum: number;
  maximum: number;
  /** QUOTA_LIMITS_HARDWS: the limits bind even when memory is plentiful. */
  hardMinimum = false;
  hardMaximum = false;
  /** The working set manager could not trim; the process does it itself at its next fault. */
  forceTrim = false;
  memoryPriority: MemoryPriority = MemoryPriority.Background;
  growthSinceLastEstimate = 0;
  /** Pages that the process will hardly miss, as estimated. */
  claim = 0;
  estimatedAvailable = 0;
  nextEstimationSlot = 0;
  nextAgingSlot = 0;
  /** Entries that were locked by NtLockVirtualMemory. */
  lockedPages = 0;

  constructor(minimum: number, maximum: number) {
    this.minimum = minimum;
    this.maximum = maximum;
  }
}

/** MmMinimumWorkingSetSize. */
export const ABSOLUTE_MINIMUM = 20;

/** Limits of a new process on a machine of a size (nt52.md 6.4). */
export function defaultWorkingSetLimits(systemSize: SystemSize): WorkingSetLimits {
  if (systemSize === SystemSize.Small) return new WorkingSetLimits(20, 45);
  if (systemSize === SystemSize.Medium) return new WorkingSetLimits(30, 145);
  return new WorkingSetLimits(50, 345);
}
