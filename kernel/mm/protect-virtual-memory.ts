import { isSuccess, Status } from '../ntstatus.js';
import { type NtStatus, type VirtualAddress, virtualAddress } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { aweProtection, protectAwePages } from './awe.js';
import { chargeProcessCommit, releaseProcessCommit } from './commit.js';
import type { AddressLayout } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { committedProtection, isPrivatePage, protectionOfPage } from './page-state.js';
import { residentPte } from './page-table.js';
import {
  INVALID_PROTECTION,
  isCopyOnWrite,
  isGuard,
  isNoAccess,
  isViewCompatible,
  makeProtectionMask,
  makeWriteCopy,
  PageProtection,
  win32Protection,
} from './protection.js';
import { NO_PTE, type PteLocation } from './pte.js';
import { setPageProtection } from './pte-protection.js';
import { type Vad, VadType } from './vad.js';
import type { MemoryContext } from './vad-charges.js';
import { findEntry } from './working-set.js';

/** What was protected; base and size are the request's unless the status is a success. */
export interface ProtectResult {
  readonly status: NtStatus;
  readonly base: VirtualAddress;
  readonly size: number;
  /** Win32 protection that the first page had. */
  readonly oldProtection: number;
}

/** Checks of the captured base and size: INVALID_PARAMETER_2, INVALID_PARAMETER_3. */
export function checkProtectRange({ highestUserAddress }: AddressLayout, base: number, size: number): NtStatus {
  if (base > highestUserAddress) return Status.INVALID_PARAMETER_2;
  if (size > highestUserAddress - base || size === 0) return Status.INVALID_PARAMETER_3;
  return Status.SUCCESS;
}

/**
 * Changes the protection of committed pages: NtProtectVirtualMemory without its pointers and handle, all checks
 * included (nt52 9.3). Environment: PASSIVE_LEVEL, does not block.
 */
export function protectVirtualMemory(
  context: MemoryContext,
  space: AddressSpace,
  base: number,
  size: number,
  protection: number,
): ProtectResult {
  const failure = (status: NtStatus): ProtectResult => ({ status, base: virtualAddress(base), size, oldProtection: 0 });
  const mask = makeProtectionMask(protection);
  if (mask === INVALID_PROTECTION) return failure(Status.INVALID_PAGE_PROTECTION);
  const rangeStatus = checkProtectRange(context.mm.layout, base, size);
  if (rangeStatus !== Status.SUCCESS) return failure(rangeStatus);
  if (space.deleted) return failure(Status.PROCESS_IS_TERMINATING);
  const { mm } = context;
  const first = base >>> 12;
  const last = (base + size - 1) >>> 12;
  const vad = space.vads.find(first);
  if (vad === null || last > vad.endingVpn || vad.rejectsCommit) return failure(Status.CONFLICTING_ADDRESSES);
  if (!vad.allowsChange(first, last, mask)) return failure(Status.INVALID_PAGE_PROTECTION);
  if (vad.isLargePages && mask !== vad.protection) return failure(Status.CONFLICTING_ADDRESSES);
  const isAwe = vad.type === VadType.Awe;
  const old = isAwe ? aweProtection(vad, first) : protectionOfPage(mm, space, vad, first);
  const status = isAwe
    ? protectAwePages(mm, space, vad, { first, last, mask })
    : vad.privateMemory
      ? protectPrivate(mm, space, vad, first, last, mask)
      : protectView(mm, space, vad, { first, last, mask, protection });
  if (!isSuccess(status)) return failure(status);
  return {
    status,
    base: virtualAddress(first * 0x1000),
    size: (last - first + 1) * 0x1000,
    oldProtection: win32Protection(old),
  };
}

function protectPrivate(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  first: number,
  last: number,
  mask: number,
): NtStatus {
  if (vad.isLargePages) return Status.SUCCESS;
  if (isCopyOnWrite(mask)) return Status.INVALID_PARAMETER_4;
  if (!isCommitted(mm, space, vad, first, last)) return Status.NOT_COMMITTED;
  return protectPages(mm, space, vad, first, last, mask);
}

function isCommitted(mm: MemoryManager, space: AddressSpace, vad: Vad, first: number, last: number): boolean {
  for (let vpn = first; vpn <= last; vpn++) {
    if (protectionOfPage(mm, space, vad, vpn) < 0) return false;
  }
  return true;
}

/**
 * Gives committed pages of a VAD a protection. WAS_UNLOCKED, a success: a locked page had to leave the working set; NO_MEMORY
 * when a page table cannot be made.
 */
export function protectPages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  first: number,
  last: number,
  mask: number,
): NtStatus {
  // No valid PTE can say either.
  const leaves = isGuard(mask) || isNoAccess(mask);
  let status: NtStatus = Status.SUCCESS;
  for (let vpn = first; vpn <= last; vpn++) {
    const address = vpn * 0x1000;
    const at = residentPte(mm, space, address);
    const isSilent = at === NO_PTE || mm.format.isZero(at);
    // What the VAD says already needs no PTE.
    if (isSilent && committedProtection(mm, space, vad, vpn, at) === mask) continue;
    if (leaves && !isSilent && isLocked(mm, space, vpn, at)) status = Status.WAS_UNLOCKED;
    if (!setPageProtection(mm, space, address, mask)) return Status.NO_MEMORY;
  }
  return status;
}

/** The PTE is valid, and its page locked in the working set. */
function isLocked(mm: MemoryManager, space: AddressSpace, vpn: number, at: PteLocation): boolean {
  if (!mm.format.isValid(at)) return false;
  return space.workingSet.isLocked(findEntry(mm, space, vpn, mm.format.frame(at)));
}

/**
 * A view: data sections allow what their own protection is compatible with; image and write-copy views turn write
 * requests into write-copy. The process pays for the copies that it may now make, and gets back what it no longer can.
 */
function protectView(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  request: { readonly first: number; readonly last: number; readonly mask: number; readonly protection: number },
): NtStatus {
  const { first, last, protection, mask } = request;
  if ((protection & (PageProtection.NoCache | PageProtection.WriteCombine)) !== 0) return Status.INVALID_PARAMETER_4;
  const area = vad.controlArea;
  if (area === null) return Status.CONFLICTING_ADDRESSES;
  if (!vad.isImage && !isViewCompatible(area.segment.templateProtection, mask)) return Status.SECTION_PROTECTION;
  if (!isCommitted(mm, space, vad, first, last)) return Status.NOT_COMMITTED;
  const charge = copyCharge(mm, space, vad, first, last, mask);
  const charged = chargeProcessCommit(mm.commit, space, Math.max(0, charge));
  if (charged !== Status.SUCCESS) return charged;
  if (charge < 0) releaseProcessCommit(mm.commit, space, -charge);
  vad.commitCharge += charge;
  let status: NtStatus = Status.SUCCESS;
  for (let vpn = first; vpn <= last; vpn++) {
    const one = protectPages(mm, space, vad, vpn, vpn, viewMask(vad, vpn, mask));
    if (!isSuccess(one)) return one;
    if (one !== Status.SUCCESS) status = one;
  }
  return status;
}

/** What a requested mask means for a page of a view. */
function viewMask(vad: Vad, vpn: number, mask: number): number {
  const copies = vad.isImage ? !isGlobalPage(vad, vpn) : vad.copyOnWrite;
  return copies ? makeWriteCopy(mask) : mask;
}

/** Shared pages that become copy-on-write, less those that cease to be; write-copy views have paid for all pages. */
function copyCharge(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  first: number,
  last: number,
  mask: number,
): number {
  if (vad.copyOnWrite) return 0;
  let charge = 0;
  for (let vpn = first; vpn <= last; vpn++) {
    const at = residentPte(mm, space, vpn * 0x1000);
    if (isPrivatePage(mm, at)) continue;
    if (isCopyOnWrite(viewMask(vad, vpn, mask))) charge++;
    if (isCopyOnWrite(committedProtection(mm, space, vad, vpn, at))) charge--;
  }
  return charge;
}

/** A page of an image section with IMAGE_SCN_MEM_SHARED. */
function isGlobalPage(vad: Vad, vpn: number): boolean {
  const page = vad.firstSegmentPage + (vpn - vad.startingVpn);
  for (const subsection of vad.controlArea?.subsections ?? []) {
    if (page >= subsection.firstPage && page < subsection.firstPage + subsection.pages) return subsection.globalMemory;
  }
  return false;
}
