import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { ensurePages } from './free-pages.js';
import { PAGE_SHIFT, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { AvailableLimit } from './memory-thresholds.js';
import { invalidate, pdeLocation } from './page-table.js';
import { decrementShareCount } from './pfn-counts.js';
import { PteOwner } from './pte.js';
import type { Vad } from './vad.js';

/**
 * Large pages of programs (nt52.md 9.9): 4 MB, with PAE 2 MB, each mapped by its PDE, with contiguous frames behind it that stay until
 * the region is released. The PFN entries are those of pages that no page table owns (AweAllocation), with the PDE as their PTE.
 */

/** Bytes of a large page. */
export function largePageSize(mm: MemoryManager): number {
  return 2 ** mm.format.tableShift;
}

/**
 * Gives a new region its pages: zeroed, all or none. INSUFFICIENT_RESOURCES where not enough of memory is contiguous.
 * Environment: PASSIVE_LEVEL; working sets may be trimmed.
 */
export function buildLargePages(mm: MemoryManager, space: AddressSpace, vad: Vad): NtStatus {
  const size = largePageSize(mm);
  const frames = size / PAGE_SIZE;
  if (!mm.resident.charge('largePages', vad.pages)) return Status.INSUFFICIENT_RESOURCES;
  ensurePages(mm, vad.pages + AvailableLimit.High);
  const end = (vad.endingVpn + 1) * PAGE_SIZE;
  for (let address: number = vad.startAddress; address < end; address += size) {
    const first = mm.lists.availablePages < frames + AvailableLimit.High ? 0 : mm.lists.removeContiguousPages(frames);
    if (first === 0) {
      deletePages(mm, space, vad.startAddress, address);
      mm.resident.release('largePages', vad.pages);
      return Status.INSUFFICIENT_RESOURCES;
    }
    const pde = pdeLocation(mm, space, address);
    for (let frame = first; frame < first + frames; frame++) {
      mm.pfn.makeAwe(frame);
      mm.pfn.setPteAddress(frame, mm.format.pdeAddress(address));
    }
    mm.format.writeValid(pde, first, vad.protection, PteOwner.User, true);
    mm.format.setLargePage(pde);
    invalidate(mm, space, mm.format.pteAddress(address));
  }
  return Status.SUCCESS;
}

/** Gives all pages of a region back. */
export function deleteLargePages(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  deletePages(mm, space, vad.startAddress, (vad.endingVpn + 1) * PAGE_SIZE);
  mm.resident.release('largePages', vad.pages);
}

function deletePages(mm: MemoryManager, space: AddressSpace, start: number, end: number): void {
  const size = largePageSize(mm);
  for (let address = start; address < end; address += size) {
    const pde = pdeLocation(mm, space, address);
    const first = mm.format.frame(pde);
    mm.format.writeZero(pde);
    invalidate(mm, space, address);
    invalidate(mm, space, mm.format.pteAddress(address));
    for (let frame = first; frame < first + size / PAGE_SIZE; frame++) {
      mm.pfn.setDeleted(frame);
      decrementShareCount(mm, frame);
    }
  }
}

/** A large page maps this user address. */
export function isLargePageAddress(mm: MemoryManager, space: AddressSpace, address: number): boolean {
  const pde = pdeLocation(mm, space, address);
  return mm.format.isValid(pde) && mm.format.isLargePage(pde);
}

/**
 * Large pages against the PFN database, and the other way about.
 * @param mappings counts up for each frame of each large page
 * @returns the first inconsistency of the large page at an address, or null
 */
export function verifyLargePage(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  mappings: Uint32Array,
): string | null {
  const { format, pfn } = mm;
  const first = format.frame(pdeLocation(mm, space, address));
  const frames = largePageSize(mm) / PAGE_SIZE;
  const vad = space.vads.find(address >>> PAGE_SHIFT);
  const large = `the large page at ${address.toString(16)}`;
  if (vad === null || !vad.isLargePages || vad.endingVpn < (address >>> PAGE_SHIFT) + frames - 1) {
    return `${large} is in no region of large pages`;
  }
  if (first === 0 || first % frames !== 0 || first + frames > pfn.frameCount)
    return `${large} maps ${first.toString(16)}`;
  for (let frame = first; frame < first + frames; frame++) {
    mappings[frame]++;
    if (!pfn.isAwe(frame) || pfn.pteAddress(frame) !== format.pdeAddress(address)) {
      return `${large} maps PFN ${frame.toString(16)}, which does not know of it`;
    }
  }
  return null;
}
