import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import type { Blocking } from '../types.js';
import type { MemoryManager } from './memory-manager.js';
import { processOverheadPages } from './page-directory.js';
import type { WorkingSetOwner } from './working-set-owner.js';
import { ageWorkingSet, claimShare, trimWorkingSet } from './working-set-trim.js';

export const BALANCE_SET_MANAGER_PRIORITY = 16;
/** Clock interrupts between two rounds: a second. */
export const BALANCE_TICKS = 64;
/** Above so many available pages nobody is aged. */
const VERY_PLENTY = 20_000;
/** In the last pass ages do not matter when fewer are available. */
const TIGHT = 192;
const LAST_PASS = 4;
/** 10 ms between two passes, in 100 ns units. */
const PASS_DELAY = -100_000n;
/** Machines of 63 MB and more. */
const MEDIUM_MACHINE_PAGES = 63 * 256;

/** MmPlentyFreePages. */
const plentyFreePages = (mm: MemoryManager): number => (mm.pfn.frameCount >= MEDIUM_MACHINE_PAGES ? 800 : 400);

/**
 * KeBalanceSetManager, a system thread of priority 16: once a virtual second, or when somebody signals
 * mm.workingSetManagerEvent, it runs the working set manager.
 */
export function* balanceSetManager(kernel: Kernel): Blocking<void> {
  const { mm, ke } = kernel;
  for (;;) {
    yield* ke.waitForSingleObject(mm.workingSetManagerEvent, WaitReason.Executive, Mode.Kernel, false, null);
    yield* manageWorkingSets(kernel, mm);
  }
}

/**
 * MmWorkingSetManager (nt52.md 6.7): when memory is short, takes pages from processes above their minimum in up to five passes,
 * each less considerate than the one before; when it is not plentiful, ages working sets only.
 */
export function* manageWorkingSets(kernel: Kernel, mm: MemoryManager): Blocking<void> {
  const { lists } = mm;
  const available = lists.availablePages;
  const plenty = plentyFreePages(mm);
  const repurposed = lists.standbyRepurposed - mm.repurposedAtLastRound;
  mm.repurposedAtLastRound = lists.standbyRepurposed;
  const isShort = available <= plenty || mm.replacing || repurposed >= Math.max(1, available >>> 2);
  mm.replacing = false;
  if (!isShort) {
    if (available < VERY_PLENTY) for (const space of trimmable(mm)) ageWorkingSet(mm, space);
    return;
  }
  const goal = plenty + (plenty >>> 1);
  for (let pass = 0; pass <= LAST_PASS && lists.availablePages <= goal; pass++) {
    if (pass > 0) yield* kernel.ke.delayExecution(Mode.Kernel, false, PASS_DELAY);
    for (const space of trimmable(mm)) {
      if (lists.availablePages > goal) break;
      trimInPass(mm, space, pass);
    }
  }
  if (lists.modified.total >= mm.modifiedPageMaximum) mm.signal(mm.paging.writerEvent);
}

/** Who has pages to give, paged pool among them; the ones with the largest claim first. */
function trimmable(mm: MemoryManager): readonly WorkingSetOwner[] {
  const overhead = processOverheadPages(mm);
  const spaces = mm.addressSpaces.filter((space) => space !== mm.systemSpace && space.workingSetSize > overhead);
  const owners: WorkingSetOwner[] = spaces.sort((a, b) => a.processId - b.processId);
  return [mm.systemCache, ...owners].sort((a, b) => b.vm.claim - a.vm.claim);
}

function trimInPass(mm: MemoryManager, space: WorkingSetOwner, pass: number): void {
  const { vm } = space;
  const above = Math.max(0, space.workingSetSize - vm.minimum);
  const isLast = pass === LAST_PASS;
  const isTight = mm.lists.availablePages < TIGHT;
  let wanted: number;
  if (pass <= 1) wanted = claimShare(space);
  else if (pass === 2) wanted = vm.claim;
  else if (pass === 3) wanted = vm.estimatedAvailable;
  else wanted = isTight ? above >>> 2 : 0;
  const age = isLast ? 0 : pass === 0 ? 2 : 1;
  if (wanted > 0) trimWorkingSet(mm, space, Math.min(wanted, above), age);
  if (pass === 0 || isLast) ageWorkingSet(mm, space);
}
