import type { AddressSpace } from './address-space.js';
import { FaultAccess, FIRST_FAILURE } from './fault-outcome.js';
import { PAGE_SHIFT, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { AvailableLimit } from './memory-thresholds.js';
import { findPte, pteBecameNonZero, pteBecameZero } from './page-table.js';
import { resolvePrototype } from './prototype-fault.js';
import { NO_PTE, type PteLocation } from './pte.js';
import { systemLocation } from './system-pages.js';
import type { Vad } from './vad.js';

/** Pages that one fault makes valid at the most. */
const CLUSTER = 8;

/**
 * MiDispatchFault's clusters of transition faults (nt52.md 5.4, step 1): a soft fault on a page of a data view makes the next pages of
 * the view valid too, as long as they are in memory, were never touched through this view, and lie in the same page table and page of
 * prototype PTEs. Only while so much memory is available that nobody has to give up a page for them.
 * @param address whose page has just become valid
 * @param protection that the VAD gives its pages, no guard
 * Environment: fault path, working-set lock; does not wait.
 */
export function clusterTransition(mm: MemoryManager, space: AddressSpace, address: number, protection: number): void {
  if (mm.lists.availablePages <= AvailableLimit.Enormous || mm.faults.completing) return;
  const { vm } = space;
  const vad = space.vads.find(address >>> PAGE_SHIFT);
  if (vad === null || vad.isImage || vad.privateMemory || vm.hardMaximum || vm.forceTrim) return;
  const first = vad.prototypePte(address >>> PAGE_SHIFT);
  for (let page = 1; page < CLUSTER; page++) {
    const prototype = first + page * mm.format.entrySize;
    if (!continuesCluster(mm, vad, address + page * PAGE_SIZE, prototype)) return;
    if (!mapNext(mm, space, address + page * PAGE_SIZE, prototype, protection)) return;
  }
}

/** The address is in the view and the page table, and its prototype PTE follows in the same page of them. */
function continuesCluster(mm: MemoryManager, vad: Vad, address: number, prototype: number): boolean {
  const vpn = address >>> PAGE_SHIFT;
  if (vpn > vad.endingVpn || vpn % mm.format.entriesPerTable === 0 || prototype % PAGE_SIZE === 0) return false;
  return vad.prototypePte(vpn) === prototype;
}

/** False: the page is not in memory, has a PTE already, or could not be had; the PTE is as it was. */
function mapNext(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  prototype: number,
  protection: number,
): boolean {
  const { format } = mm;
  const at = findPte(mm, space, address);
  if (at === NO_PTE || !format.isZero(at) || !isInMemory(mm, systemLocation(mm, prototype))) return false;
  pteBecameNonZero(mm, space, address);
  format.writeLookupMarker(at, protection);
  const outcome = resolvePrototype(mm, space, address, at, prototype, protection, FaultAccess.Read);
  if (outcome < FIRST_FAILURE && format.isValid(at)) return true;
  format.writeZero(at);
  pteBecameZero(mm, space, address);
  return false;
}

function isInMemory(mm: MemoryManager, prototype: PteLocation): boolean {
  if (prototype === NO_PTE) return false;
  if (mm.format.isValid(prototype)) return true;
  return mm.format.isTransition(prototype) && !mm.pfn.isReadInProgress(mm.format.transitionFrame(prototype));
}
