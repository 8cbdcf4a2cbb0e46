import type { AddressSpace } from './address-space.js';
import { FaultOutcome } from './fault-outcome.js';
import type { MemoryManager } from './memory-manager.js';
import { isBeingRead } from './page-read.js';
import { pageTableFrame } from './page-table.js';
import { initializePfn, reactivate } from './pfn-counts.js';
import { type PteLocation, PteOwner } from './pte.js';
import { hasWorkingSetRoom, insertPrivateEntry } from './working-set.js';

/**
 * MiResolveDemandZeroFault for a user page: the demand-zero PTE at the location gets a page of zeros.
 * Environment: working-set lock; does not wait. Outcomes: DemandZero, NoMemory.
 */
export function resolveDemandZero(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  at: PteLocation,
): FaultOutcome {
  const { format } = mm;
  if (!hasWorkingSetRoom(mm, space)) return FaultOutcome.NoMemory;
  const frame = mm.lists.removeZeroPage(mm.nextColor());
  if (frame === 0) return FaultOutcome.NoMemory;
  const protection = format.protection(at);
  initializePfn(mm, frame, at, format.pteAddress(address), pageTableFrame(mm, space, address));
  mm.pfn.setModified(frame, true);
  format.writeValid(at, frame, protection, PteOwner.User, true);
  space.privatePages++;
  insertPrivateEntry(mm, space, address, frame);
  mm.counters.demandZeroFaults++;
  return FaultOutcome.DemandZero;
}

/**
 * MiResolveTransitionFault: the page is still in memory, on the standby or modified list, and comes back as it was.
 * Environment and outcome as above: Transition.
 */
export function resolveTransition(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  at: PteLocation,
): FaultOutcome {
  const { format, pfn } = mm;
  if (!hasWorkingSetRoom(mm, space)) return FaultOutcome.NoMemory;
  if (!format.isTransition(at)) return FaultOutcome.Refault;
  const frame = format.transitionFrame(at);
  if (isBeingRead(mm, frame)) return FaultOutcome.MustWait;
  const protection = format.protection(at);
  reactivate(mm, frame);
  pfn.setShareCount(frame, 1);
  format.writeValid(at, frame, protection, PteOwner.User, pfn.isModified(frame));
  insertPrivateEntry(mm, space, address, frame);
  if (!mm.faults.completing) mm.counters.transitionFaults++;
  return FaultOutcome.Transition;
}
