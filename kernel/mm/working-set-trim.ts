import { PAGE_SIZE, PAGED_POOL_FIRST, SYSTEM_CACHE_START } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { invalidate } from './page-table.js';
import { NO_PTE } from './pte.js';
import { removeFromWorkingSet } from './pte-protection.js';
import { workingSetPte } from './working-set.js';
import { MemoryPriority } from './working-set-limits.js';
import { MAXIMUM_AGE } from './working-set-list.js';
import type { WorkingSetOwner } from './working-set-owner.js';
import { traceTrim } from './working-set-trace.js';

/** First page number of the system half. */
/** An entry that is this old is replaced without looking further. */
const OLD_ENOUGH = 2;
/** Entries that a replacement looks at before it takes the best of them. */
const CANDIDATES = 17;
/** Entries that are looked at in search of a first candidate, so that a fault costs the same in big working sets. */
const SCANNED = 256;
/** Above this many available pages nobody has to give up a page for another. */
const PLENTY = 10_000;
/** Below this many, forced trimming does not look at ages. */
const TIGHT = 192;
/** MM_PLENTY_FREE: FIFO replacement lets a working set exceed its maximum while there are more. */
const PLENTY_FREE = 1024;
const GROWTH_FACTOR = 30;
const GROWTH_DIVISOR = 4096;
const MAXIMUM_AGED = 8192;
const MINIMUM_SAMPLES = 64;
const CLAIM_STEP = 30;
/** A process in the foreground gives an eighth of its claim, others half. */
const FOREGROUND_SHIFT = 3;
const BACKGROUND_SHIFT = 1;

/**
 * Replacement, ageing and trimming of working sets (nt52.md 6.5 to 6.7). A page leaves by its PTE going to transition or
 * prototype form; it stays in memory on the standby or modified list, from where a soft fault brings it back.
 * Environment: working-set lock; nothing here waits or allocates.
 */

/**
 * A working set at or above its minimum is about to get one more page: it grows, or gives up another page first. The rules
 * depend on MachineOptions.replacement.
 */
export function considerGrowth(mm: MemoryManager, space: WorkingSetOwner): void {
  const { vm } = space;
  const available = mm.lists.availablePages;
  if (mm.replacement === 'fifo') {
    const atMaximum = space.workingSetSize >= vm.maximum;
    if (atMaximum && (vm.hardMaximum || available < PLENTY_FREE)) replaceOne(mm, space);
    return;
  }
  if (vm.forceTrim) {
    vm.forceTrim = false;
    forcedTrim(mm, space, available);
  }
  if (vm.hardMaximum && space.workingSetSize >= vm.maximum) {
    replaceOne(mm, space);
    return;
  }
  const limit = (GROWTH_FACTOR * available * available) / GROWTH_DIVISOR + 1;
  if (available < PLENTY && (available === 0 || vm.growthSinceLastEstimate > limit)) {
    if (replaceOne(mm, space)) {
      mm.workingSetManager.replacing = true;
      vm.forceTrim = true;
      return;
    }
  }
  vm.growthSinceLastEstimate++;
}

function forcedTrim(mm: MemoryManager, space: WorkingSetOwner, available: number): void {
  const above = space.workingSetSize - space.vm.minimum;
  if (available < TIGHT) trimWorkingSet(mm, space, above >>> 2, 0);
  else trimWorkingSet(mm, space, Math.min(claimShare(space), above), OLD_ENOUGH);
  ageWorkingSet(mm, space);
}

/** The part of its claim that a process is asked for. */
export function claimShare(space: WorkingSetOwner): number {
  return (
    space.vm.claim >>> (space.vm.memoryPriority === MemoryPriority.Foreground ? FOREGROUND_SHIFT : BACKGROUND_SHIFT)
  );
}

/** MiReplaceWorkingSetEntry: one page leaves so that another can come. False when none could be found. */
export function replaceOne(mm: MemoryManager, space: WorkingSetOwner): boolean {
  const list = space.workingSet;
  const victim = mm.replacement === 'fifo' ? nextInRing(mm, space) : leastRecentlyUsed(mm, space);
  if (victim < 0) {
    // Everybody has been busy: who is not used from now on is found next time.
    space.vm.nextAgingSlot = startSlot(space);
    ageWorkingSet(mm, space);
    return false;
  }
  list.nextSlot = victim + 1;
  return trimEntry(mm, space, victim);
}

/** Modified FIFO: whatever comes next in the ring, used or not; a page that is wanted back is found on a list. */
function nextInRing(mm: MemoryManager, space: WorkingSetOwner): number {
  const list = space.workingSet;
  const first = list.firstDynamic;
  const count = list.lastEntry - first + 1;
  let slot = startSlot(space);
  for (let seen = 0; seen < count; seen++) {
    if (isTrimmable(mm, space, slot)) return slot;
    slot = slot >= list.lastEntry ? first : slot + 1;
  }
  return -1;
}

function leastRecentlyUsed(mm: MemoryManager, space: WorkingSetOwner): number {
  const list = space.workingSet;
  const first = list.firstDynamic;
  const count = Math.min(list.lastEntry - first + 1, SCANNED);
  let slot = startSlot(space);
  let best = -1;
  let bestAge = -1;
  let candidates = 0;
  for (let seen = 0; seen < count; seen++) {
    if (isTrimmable(mm, space, slot)) {
      candidates++;
      const age = list.age(slot);
      if (!isAccessed(mm, space, slot) && age > bestAge) {
        best = slot;
        bestAge = age;
      }
      if (bestAge >= OLD_ENOUGH || (best >= 0 && candidates > CANDIDATES)) return best;
    }
    slot = slot >= list.lastEntry ? first : slot + 1;
  }
  return best;
}

function startSlot(space: WorkingSetOwner): number {
  const list = space.workingSet;
  const { nextSlot, firstDynamic, lastEntry } = list;
  return nextSlot < firstDynamic || nextSlot > lastEntry ? firstDynamic : nextSlot;
}

/**
 * Pages that are not locked, those of the system cache always. A page table stays while a PTE in it is valid or in transition, a page of paged pool likewise;
 * pages of the list itself stay, even one that could not be locked because there was no page for a hash table.
 */
function isTrimmable(mm: MemoryManager, space: WorkingSetOwner, index: number): boolean {
  const list = space.workingSet;
  if (!list.isValid(index) || index < list.firstDynamic) return false;
  const vpn = list.vpn(index);
  const address = vpn * PAGE_SIZE;
  if (address < mm.layout.systemRangeStart) return true;
  if (address >= SYSTEM_CACHE_START && address < mm.layout.systemCacheEnd) return true;
  if (address > mm.format.pteTop && address < PAGED_POOL_FIRST) return false;
  return mm.pfn.shareCount(mm.format.frame(workingSetPte(mm, space, vpn))) === 1;
}

function isAccessed(mm: MemoryManager, space: WorkingSetOwner, index: number): boolean {
  const at = workingSetPte(mm, space, space.workingSet.vpn(index));
  return at !== NO_PTE && mm.format.isAccessed(at);
}

/** MiFreeWsle: the page of an entry leaves the working set. False for entries that have to stay. */
function trimEntry(mm: MemoryManager, space: WorkingSetOwner, index: number): boolean {
  if (!isTrimmable(mm, space, index)) return false;
  const address = space.workingSet.vpn(index) * PAGE_SIZE;
  if (mm.environment.traceWorkingSet) {
    traceTrim(mm, space, index, () => removeFromWorkingSet(mm, space, address));
  } else {
    removeFromWorkingSet(mm, space, address);
  }
  mm.counters.pagesTrimmed++;
  return true;
}

/**
 * MiTrimWorkingSet: takes up to so many pages out, going round from NextSlot.
 * @param age pages that were not used since and are at least this old; 0: any
 * @returns pages taken
 */
export function trimWorkingSet(mm: MemoryManager, space: WorkingSetOwner, wanted: number, age: number): number {
  const list = space.workingSet;
  const first = list.firstDynamic;
  const count = list.lastEntry - first + 1;
  let slot = startSlot(space);
  let taken = 0;
  for (let seen = 0; seen < count && taken < wanted; seen++) {
    const isOld = age === 0 || (list.isValid(slot) && list.age(slot) >= age && !isAccessed(mm, space, slot));
    if (isOld && trimEntry(mm, space, slot)) taken++;
    slot = slot >= list.lastEntry ? first : slot + 1;
  }
  list.nextSlot = slot;
  return taken;
}

/** Empties a working set of everything that is not locked (SetProcessWorkingSetSize(-1, -1), EmptyWorkingSet). */
export function emptyWorkingSet(mm: MemoryManager, space: WorkingSetOwner): void {
  for (let index = space.workingSet.lastEntry; index >= space.workingSet.firstDynamic; index--) {
    trimEntry(mm, space, index);
  }
}

/**
 * MiAgeWorkingSet: a part of the entries, going round: who was used since the last time is young again, others are a step
 * older. Then the claim is estimated anew.
 */
export function ageWorkingSet(mm: MemoryManager, space: WorkingSetOwner): void {
  const { format } = mm;
  const list = space.workingSet;
  const first = list.firstDynamic;
  const count = Math.min(Math.max(list.lastEntry - first + 1, 0), MAXIMUM_AGED);
  const wanted = Math.min(count, Math.max(MINIMUM_SAMPLES, count >>> mm.workingSetManager.agingShift));
  let slot = space.vm.nextAgingSlot;
  for (let seen = 0; seen < wanted; seen++) {
    if (slot < first || slot > list.lastEntry) slot = first;
    if (isTrimmable(mm, space, slot)) {
      const address = list.vpn(slot) * PAGE_SIZE;
      const at = workingSetPte(mm, space, list.vpn(slot));
      if (at !== NO_PTE && format.isAccessed(at)) {
        format.setAccessed(at, false);
        // The processor keeps translations for ever: only a new walk notes the next use.
        invalidate(mm, space, address);
        list.setAge(slot, 0);
      } else if (list.age(slot) < MAXIMUM_AGE) list.setAge(slot, list.age(slot) + 1);
    }
    slot++;
  }
  space.vm.nextAgingSlot = slot;
  estimateClaim(mm, space);
}

/** Samples entries for pages that were not used lately; what the sample says of all of them is what may be claimed. */
function estimateClaim(mm: MemoryManager, space: WorkingSetOwner): void {
  const list = space.workingSet;
  const first = list.firstDynamic;
  const count = list.lastEntry - first + 1;
  const samples = Math.max(MINIMUM_SAMPLES, Math.min(MAXIMUM_AGED, count >>> mm.workingSetManager.estimationShift));
  const stride = Math.max(1, Math.floor(count / samples));
  let idle = 0;
  for (let index = first; index <= list.lastEntry; index += stride) {
    if (isTrimmable(mm, space, index) && list.age(index) > 0 && !isAccessed(mm, space, index)) idle++;
  }
  const { vm } = space;
  vm.estimatedAvailable = idle * stride;
  vm.claim = Math.min(vm.claim + CLAIM_STEP, vm.estimatedAvailable);
  vm.growthSinceLastEstimate = 0;
}
