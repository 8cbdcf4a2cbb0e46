import type { AddressSpace } from './address-space.js';
import { PAGE_SHIFT } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { captureDirty, findPte, invalidate, makePte, pageTableFrame, pteBecameNonZero } from './page-table.js';
import { decrementShareCount } from './pfn-counts.js';
import { isGuard, isNoAccess, makeNotWriteCopy, makeWriteCopy, ProtectionMask } from './protection.js';
import { NO_PTE, type PteLocation } from './pte.js';
import { residentLocation } from './system-fault.js';
import type { Vad } from './vad.js';
import { entryProtection, removeEntry, setEntryProtection } from './working-set.js';
import type { WorkingSetOwner } from './working-set-owner.js';
import { captureWriteWatch } from './write-watch.js';

/**
 * What a page of a user address space permits, and changing it. Environment: working-set lock of NT; nothing here waits.
 */

/** Protection that a prototype PTE gives, whatever its form. ZeroAccess when it is zero (not committed). */
export function prototypeProtection(mm: MemoryManager, prototypeAddress: number): number {
  const at = residentLocation(mm, prototypeAddress);
  if (at === NO_PTE) return ProtectionMask.ZeroAccess;
  if (!mm.format.isValid(at)) return mm.format.protection(at);
  return mm.format.protection(mm.pfn.originalPte(mm.format.frame(at)));
}

/** The view that shows a shared page; null for KUSER_SHARED_DATA, whose place may be a reservation, and for the system cache. */
function viewOf(space: WorkingSetOwner, vpn: number): Vad | null {
  const vad = space.vads.find(vpn);
  return vad === null || vad.rejectsCommit ? null : vad;
}

/** Protection of a page of a section view that has none of its own: the VAD's, for images the prototype PTE's. */
export function viewDefaultProtection(mm: MemoryManager, space: WorkingSetOwner, vpn: number): number {
  const vad = viewOf(space, vpn);
  if (vad === null) return ProtectionMask.ReadOnly;
  return vad.isImage ? prototypeProtection(mm, vad.prototypePte(vpn)) : vad.protection;
}

/**
 * MiGetPageProtection: five-bit protection of a page whose PTE is not zero.
 * @param at the page's PTE, not zero. A decommitted PTE gives ProtectionMask.Decommit.
 */
export function pteProtection(mm: MemoryManager, space: WorkingSetOwner, address: number, at: PteLocation): number {
  const { format, pfn } = mm;
  if (format.isValid(at)) {
    const frame = format.frame(at);
    if (!pfn.isPrototype(frame)) return format.protection(pfn.originalPte(frame));
    const vpn = address >>> PAGE_SHIFT;
    const own = entryProtection(mm, space, vpn, frame);
    return own === 0 ? viewDefaultProtection(mm, space, vpn) : own;
  }
  if (!format.isPrototype(at) || format.isLookupMarker(at)) return format.protection(at);
  if (format.prototypeIsReadOnly(at)) return ProtectionMask.ReadOnly;
  return prototypeProtection(mm, format.prototypeAddress(at));
}

/**
 * Takes a valid page out of the working set: a private page goes to transition, and unless it is pinned to the modified or
 * standby list; a shared one back to prototype form. Nothing happens when the page is not valid.
 */
export function removeFromWorkingSet(mm: MemoryManager, space: WorkingSetOwner, address: number): void {
  const { format, pfn } = mm;
  const at = findPte(mm, space, address);
  if (at === NO_PTE || !format.isValid(at)) return;
  const frame = format.frame(at);
  const protection = pteProtection(mm, space, address, at);
  captureDirty(mm, at);
  if (!pfn.isPrototype(frame)) {
    captureWriteWatch(mm, space, address, at);
    format.writeTransition(at, frame, protection);
    invalidate(mm, space, address);
    removeEntry(mm, space, address >>> PAGE_SHIFT, frame);
    if (pfn.isModified(frame)) space.modifiedPageCount++;
    decrementShareCount(mm, frame);
    return;
  }
  const vpn = address >>> PAGE_SHIFT;
  const vad = viewOf(space, vpn);
  const plainImage = vad === null || (vad.isImage && entryProtection(mm, space, vpn, frame) === 0);
  if (plainImage)
    format.writePrototypePointer(at, pfn.pteAddress(frame), vad === null && address < mm.layout.systemRangeStart);
  else format.writeLookupMarker(at, protection);
  invalidate(mm, space, address);
  removeEntry(mm, space, vpn, frame);
  decrementShareCount(mm, frame);
  decrementShareCount(mm, pageTableFrame(mm, space, address));
}

/**
 * Gives a committed page another protection. NOACCESS and guarded pages leave the working set, because no valid PTE can
 * say so; others are changed in place.
 *
 * On pages that a private region shares since a fork, write access means WRITECOPY. A zero PTE becomes demand-zero (private) or a lookup marker (view) with the protection. On pages of a view that the process
 * already copied, WRITECOPY means READWRITE.
 * @param isView the page belongs to a section view (looked up when not given)
 * @returns false only when a page table was needed and no frame is left.
 */
export function setPageProtection(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  protection: number,
  isView = isViewPage(space, address),
): boolean {
  const { format, pfn } = mm;
  const at = makePte(mm, space, address);
  if (at === NO_PTE) return false;
  if (format.isZero(at)) {
    pteBecameNonZero(mm, space, address);
    if (isView) format.writeLookupMarker(at, protection);
    else format.writeDemandZero(at, protection);
    return true;
  }
  if (format.isValid(at)) {
    const shared = pfn.isPrototype(format.frame(at));
    const sharedMask = isView ? protection : makeWriteCopy(protection);
    if (isGuard(protection) || isNoAccess(protection)) {
      removeFromWorkingSet(mm, space, address);
      setInvalidProtection(mm, at, shared ? sharedMask : makeNotWriteCopy(protection));
    } else if (shared) {
      setSharedProtection(mm, space, address, at, sharedMask);
    } else {
      setPrivateProtection(mm, space, address, at, makeNotWriteCopy(protection));
    }
    return true;
  }
  if (!format.isPrototype(at)) setInvalidProtection(mm, at, makeNotWriteCopy(protection));
  else setInvalidProtection(mm, at, isView ? protection : makeWriteCopy(protection));
  return true;
}

function isViewPage(space: AddressSpace, address: number): boolean {
  const vad = space.vads.find(address >>> PAGE_SHIFT);
  return vad !== null && !vad.privateMemory;
}

function setPrivateProtection(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  at: PteLocation,
  protection: number,
): void {
  captureDirty(mm, at);
  captureWriteWatch(mm, space, address, at);
  mm.format.setProtection(mm.pfn.originalPte(mm.format.frame(at)), protection);
  mm.format.setValidProtection(at, protection);
  invalidate(mm, space, address);
}

function setSharedProtection(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  at: PteLocation,
  protection: number,
): void {
  const vpn = address >>> PAGE_SHIFT;
  captureDirty(mm, at);
  const own = protection === viewDefaultProtection(mm, space, vpn) ? 0 : protection;
  setEntryProtection(mm, space, vpn, mm.format.frame(at), own);
  mm.format.setValidProtection(at, protection);
  invalidate(mm, space, address);
}

function setInvalidProtection(mm: MemoryManager, at: PteLocation, protection: number): void {
  const { format, pfn } = mm;
  if (format.isPrototype(at)) {
    format.writeLookupMarker(at, protection);
    return;
  }
  format.setProtection(at, protection);
  if (format.isTransition(at)) format.setProtection(pfn.originalPte(format.transitionFrame(at)), protection);
}
