import { Mode } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import type { Blocking } from '../types.js';
import { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { AvailableLimit } from './memory-thresholds.js';
import { processOverheadPages } from './page-directory.js';
import type { WorkingSetOwner } from './working-set-owner.js';
import { ageWorkingSet, claimShare, trimWorkingSet } from './working-set-trim.js';

/** 10 ms between two passes, in 100 ns units. */
const PASS_DELAY = -100_000n;
/** Bounds of the ageing and estimation shifts, and how long a state must last before they move; 100 ns units. */
const LOWEST_SHIFT = 3;
const HIGHEST_SHIFT = 7;
const SLOW_DOWN = 600_000_000n;
const SPEED_UP = 20_000_000n;

/** One of the passes over all processes, each less considerate than the one before (nt52.md 6.7). */
interface TrimPass {
  /** Pages to take from a process; it keeps its minimum. */
  wanted(space: WorkingSetOwner, isShort: boolean): number;
  /** Pages must be at least so old and not accessed since; 0: any page. */
  readonly age: number;
  /** Ages the working set afterwards. */
  readonly ages: boolean;
}

const passes: readonly TrimPass[] = [
  { wanted: claimShare, age: 2, ages: true },
  { wanted: claimShare, age: 1, ages: false },
  { wanted: (space) => space.vm.claim, age: 1, ages: false },
  { wanted: (space) => space.vm.estimatedAvailable, age: 1, ages: false },
  { wanted: (space, isShort) => (isShort ? Math.ceil(aboveMinimum(space) / 4) : 0), age: 0, ages: true },
];

/** What the working set manager remembers from one round to the next. */
export class WorkingSetManager {
  /** MmWorkingSetExpansionHead: processes and paged pool, which can be trimmed, the next one first. */
  readonly expansion: WorkingSetOwner[] = [];
  /** MiReplacing: somebody had to replace a page since the last round. */
  replacing = false;
  /** MmStandbyRePurposed at the last round. */
  repurposed = 0;
  /** MiAgingShift and MiEstimationShift: how small a part of a working set is looked at in one go. */
  agingShift: number;
  estimationShift: number;
  /** Interrupt time of the last change of the shifts. */
  #adjusted = 0n;

  constructor(agingShift: number, estimationShift: number) {
    this.agingShift = agingShift;
    this.estimationShift = estimationShift;
  }

  remove(space: WorkingSetOwner): void {
    const index = this.expansion.indexOf(space);
    if (index >= 0) this.expansion.splice(index, 1);
  }

  /** MiRearrangeWorkingSetExpansionList: who has most to give comes first; equals keep their turn. */
  rearrange(): void {
    this.expansion.sort((a, b) => b.vm.claim - a.vm.claim);
  }

  /** A process has been trimmed: the others come before it. */
  moveToTail(space: WorkingSetOwner): void {
    this.remove(space);
    this.expansion.push(space);
  }

  /** MiAdjustClaimParameters: working sets are looked at less closely while there is enough, more closely when there is not. */
  adjustShifts(isEnough: boolean, now: bigint): void {
    if (now - this.#adjusted < (isEnough ? SLOW_DOWN : SPEED_UP)) return;
    this.#adjusted = now;
    const step = isEnough ? 1 : -1;
    this.agingShift = Math.min(HIGHEST_SHIFT, Math.max(LOWEST_SHIFT, this.agingShift + step));
    this.estimationShift = Math.min(HIGHEST_SHIFT, Math.max(LOWEST_SHIFT, this.estimationShift + step));
  }
}

/**
 * MmWorkingSetManager (nt52.md 6.7): when memory is short, takes pages from processes above their minimum in up to five passes;
 * when it is not plentiful, ages working sets only. Environment: the balance set manager's thread; may block.
 */
export function* manageWorkingSets(kernel: Kernel): Blocking<void> {
  const { mm } = kernel;
  const { lists, workingSetManager: manager, thresholds } = mm;
  const available = lists.availablePages;
  const repurposed = lists.standbyRepurposed - manager.repurposed;
  manager.repurposed = lists.standbyRepurposed;
  const isShort =
    available <= thresholds.plentyFreePages || manager.replacing || repurposed >= Math.max(1, available >>> 2);
  manager.replacing = false;
  if (isShort) yield* trimInPasses(kernel);
  else if (available < AvailableLimit.Enormous) for (const space of candidates(mm)) ageWorkingSet(mm, space);
  const claim = manager.expansion.reduce((sum, space) => sum + claimShare(space), 0);
  const isEnough = !isShort && claim + lists.availablePages > thresholds.plentyFreePages;
  manager.adjustShifts(isEnough, kernel.ke.interruptTime());
  if (lists.modifiedPages >= thresholds.modifiedPageMaximum) mm.signal(mm.paging.writerEvent);
}

function* trimInPasses(kernel: Kernel): Blocking<void> {
  const { mm } = kernel;
  const { lists, workingSetManager: manager } = mm;
  const goal = mm.thresholds.plentyFreePages + (mm.thresholds.plentyFreePages >>> 1);
  manager.rearrange();
  for (const pass of passes) {
    if (lists.availablePages > goal) return;
    if (pass !== passes[0]) yield* kernel.ke.delayExecution(Mode.Kernel, false, PASS_DELAY);
    for (const space of candidates(mm)) {
      if (lists.availablePages > goal) return;
      const isVeryShort = lists.availablePages < AvailableLimit.HardTrim;
      trimInPass(mm, space, pass, isVeryShort);
    }
  }
}

/** Processes that have pages to give, in their order, as it is now. */
function candidates(mm: MemoryManager): readonly WorkingSetOwner[] {
  const overhead = processOverheadPages(mm);
  return mm.workingSetManager.expansion.filter((space) => space === mm.systemCache || space.workingSetSize > overhead);
}

function trimInPass(mm: MemoryManager, space: WorkingSetOwner, pass: TrimPass, isShort: boolean): void {
  const wanted = Math.min(pass.wanted(space, isShort), aboveMinimum(space));
  if (wanted > 0 && trimWorkingSet(mm, space, wanted, pass.age) > 0) mm.workingSetManager.moveToTail(space);
  if (pass.ages) ageWorkingSet(mm, space);
}

/** What may be taken: a process keeps its minimum, unless all of its threads have left memory. */
function aboveMinimum(space: WorkingSetOwner): number {
  const leaves = space instanceof AddressSpace && space.outswapEnabled;
  return Math.max(0, space.workingSetSize - (leaves ? 0 : space.vm.minimum));
}
