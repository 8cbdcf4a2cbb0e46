import { FaultOutcome } from './fault-outcome.js';
import type { MemoryManager } from './memory-manager.js';
import { collidedFault, isBeingRead, startPageRead } from './page-read.js';
import { isPageTableAddress, pageTableFrame } from './page-table.js';
import { initializePfn, reactivate } from './pfn-counts.js';
import { type PteLocation, PteOwner } from './pte.js';
import { hasWorkingSetRoom, insertPrivateEntry } from './working-set.js';
import type { WorkingSetOwner } from './working-set-owner.js';
import { isWriteWatched } from './write-watch.js';

/**
 * MiDispatchFault (nt52.md 5.4 step 3) for a PTE that is neither valid nor a prototype PTE's affair: demand zero, transition or
 * page-file form. The page may be a user page, a page table seen through the self-map, whose PTE is the PDE, or a page of paged pool.
 * Environment: working-set lock; does not wait. Outcomes: DemandZero, Transition, Refault, NoMemory, MustWait.
 */
export function dispatchFault(
  mm: MemoryManager,
  space: WorkingSetOwner,
  address: number,
  at: PteLocation,
): FaultOutcome {
  const { format } = mm;
  if (format.isTransition(at)) return resolveTransition(mm, space, address, at);
  if (format.pageFileOffset(at) === 0) return resolveDemandZero(mm, space, address, at);
  return startPageRead(mm, at, format.pteAddress(address), pageTableFrame(mm, space, address), false);
}

/**
 * MiResolveDemandZeroFault: the demand-zero PTE at the location gets a page of zeros; pages of paged pool are not required to be zero.
 * Outcomes: DemandZero, NoMemory.
 */
export function resolveDemandZero(
  mm: MemoryManager,
  space: WorkingSetOwner,
  address: number,
  at: PteLocation,
): FaultOutcome {
  const { format } = mm;
  const table = pageTableFrame(mm, space, address);
  if (!hasWorkingSetRoom(mm, space, table)) return FaultOutcome.NoMemory;
  const isTable = isPageTableAddress(mm, address);
  const needsZeros = isTable || address < mm.layout.systemRangeStart;
  const color = mm.nextColor();
  const frame = needsZeros ? mm.lists.removeZeroPage(color) : mm.lists.removeAnyPage(color);
  if (frame === 0) return FaultOutcome.NoMemory;
  const protection = format.protection(at);
  initializePfn(mm, frame, at, format.pteAddress(address), table);
  mm.pfn.setModified(frame, true);
  writeValidPte(mm, address, at, frame, protection, !isWriteWatched(space, address));
  insertPrivateEntry(mm, space, address, frame);
  if (isTable) {
    mm.counters.pageTableFaults++;
    return FaultOutcome.DemandZero;
  }
  space.privatePages++;
  mm.counters.demandZeroFaults++;
  return FaultOutcome.DemandZero;
}

/**
 * MiResolveTransitionFault: the page is still in memory, on the standby or modified list, and comes back as it was.
 * Outcomes: Transition; MustWait, MultipleFault: it is being read (a collided fault); Refault: it went while room was made; NoMemory.
 */
export function resolveTransition(
  mm: MemoryManager,
  space: WorkingSetOwner,
  address: number,
  at: PteLocation,
): FaultOutcome {
  const { format, pfn } = mm;
  if (!hasWorkingSetRoom(mm, space, pageTableFrame(mm, space, address))) return FaultOutcome.NoMemory;
  if (!format.isTransition(at)) return FaultOutcome.Refault;
  const frame = format.transitionFrame(at);
  if (isBeingRead(mm, frame)) return collidedFault(mm);
  const protection = format.protection(at);
  reactivate(mm, frame);
  pfn.setShareCount(frame, 1);
  writeValidPte(mm, address, at, frame, protection, pfn.isModified(frame) && !isWriteWatched(space, address));
  insertPrivateEntry(mm, space, address, frame);
  if (!mm.faults.completing) mm.counters.transitionFaults++;
  return FaultOutcome.Transition;
}

/**
 * The valid PTE that an address gets. Page tables and paged pool, where prototype PTEs lie, are always taken for changed: the
 * kernel writes them without the processor's help.
 */
function writeValidPte(
  mm: MemoryManager,
  address: number,
  at: PteLocation,
  frame: number,
  protection: number,
  dirty: boolean,
): void {
  if (address < mm.layout.systemRangeStart) mm.format.writeValid(at, frame, protection, PteOwner.User, dirty);
  else if (isPageTableAddress(mm, address)) mm.format.writeTable(at, frame, PteOwner.User);
  else mm.format.writeKernel(at, frame, true);
}
