import { isSuccess, Status } from '../ntstatus.js';
import { type NtStatus, type VirtualAddress, virtualAddress } from '../types.js';
import {
  findEmptyAddressRange,
  findEmptyAddressRangeDown,
  highestAddressForZeroBits,
  MAXIMUM_ZERO_BITS,
  NO_ADDRESS,
} from './address-search.js';
import type { AddressSpace } from './address-space.js';
import { buildAweRegion } from './awe.js';
import { chargeProcessCommit, releaseProcessCommit } from './commit.js';
import { commitSectionPages } from './commit-section.js';
import { buildLargePages, largePageSize } from './large-page.js';
import { type AddressLayout, ALLOCATION_GRANULARITY } from './layout.js';
import { committedProtection } from './page-state.js';
import { makePte, pteBecameNonZero, residentPte } from './page-table.js';
import { protectPages } from './protect-virtual-memory.js';
import {
  INVALID_PROTECTION,
  isCopyOnWrite,
  isGuard,
  isNoAccess,
  makeProtectionMask,
  PageProtection,
} from './protection.js';
import { NO_PTE } from './pte.js';
import { resetPages } from './reset-pages.js';
import { Vad, VadType } from './vad.js';
import { insertVad, type MemoryContext, removeVad } from './vad-charges.js';
import { createWriteWatch } from './write-watch.js';

/** Allocation types of NtAllocateVirtualMemory and free types of NtFreeVirtualMemory. */
export const MemoryType = {
  Commit: 0x1000,
  Reserve: 0x2000,
  Decommit: 0x4000,
  Release: 0x8000,
  Free: 0x10000,
  Private: 0x20000,
  Mapped: 0x40000,
  Reset: 0x80000,
  TopDown: 0x100000,
  WriteWatch: 0x200000,
  Physical: 0x400000,
  LargePages: 0x20000000,
  DosLimit: 0x40000000,
  Image: 0x1000000,
} as const;

const { Commit, Reserve, Reset, TopDown, WriteWatch, Physical, LargePages } = MemoryType;
const ALLOWED_TYPES = Commit | Reserve | Reset | TopDown | WriteWatch | Physical | LargePages;

/** What to allocate; numbers unsigned. `base` 0: anywhere. */
export interface AllocationRequest {
  readonly base: number;
  readonly zeroBits: number;
  readonly size: number;
  readonly type: number;
  /** Win32 value. */
  readonly protection: number;
}

/** Where the region lies; base and size are the request's unless the status is a success. */
export interface AllocationResult {
  readonly status: NtStatus;
  readonly base: VirtualAddress;
  readonly size: number;
}

/**
 * Parameter checks of NtAllocateVirtualMemory that precede the probe of its pointers: INVALID_PARAMETER_3, _5, _6,
 * INVALID_PAGE_PROTECTION (nt52 9.1).
 */
export function checkAllocationType(zeroBits: number, type: number, protection: number): NtStatus {
  if (zeroBits > MAXIMUM_ZERO_BITS) return Status.INVALID_PARAMETER_3;
  if ((type & ~ALLOWED_TYPES) !== 0) return Status.INVALID_PARAMETER_5;
  if ((type & (Commit | Reserve | Reset)) === 0) return Status.INVALID_PARAMETER_5;
  if ((type & Reset) !== 0 && type !== Reset) return Status.INVALID_PARAMETER_5;
  if ((type & LargePages) !== 0) {
    if ((type & Commit) === 0 || (type & (Physical | Reset | WriteWatch)) !== 0) return Status.INVALID_PARAMETER_5;
  }
  if ((type & WriteWatch) !== 0 && ((type & Physical) !== 0 || (type & Reserve) === 0)) {
    return Status.INVALID_PARAMETER_5;
  }
  if ((type & Physical) !== 0) {
    if ((type & Reserve) === 0 || (type & ~(Reserve | TopDown | Physical)) !== 0) return Status.INVALID_PARAMETER_5;
    if (protection !== PageProtection.ReadWrite) return Status.INVALID_PARAMETER_6;
  }
  return makeProtectionMask(protection) === INVALID_PROTECTION ? Status.INVALID_PAGE_PROTECTION : Status.SUCCESS;
}

/** Checks of the captured base and size: INVALID_PARAMETER_2, INVALID_PARAMETER_4. */
export function checkAllocationRange({ highestVadAddress }: AddressLayout, base: number, size: number): NtStatus {
  if (base > highestVadAddress) return Status.INVALID_PARAMETER_2;
  if (size > highestVadAddress + 1 - base || size === 0) return Status.INVALID_PARAMETER_4;
  return Status.SUCCESS;
}

/**
 * Reserves, commits or resets memory of a process: NtAllocateVirtualMemory without its pointers and handle, all
 * checks included (nt52 9.1). Base and size of the result are page rounded, a reservation's base down to 64 KB.
 * Environment: PASSIVE_LEVEL, does not block.
 */
export function allocateVirtualMemory(
  context: MemoryContext,
  space: AddressSpace,
  request: AllocationRequest,
): AllocationResult {
  const { base, size, type } = request;
  let status = checkAllocationType(request.zeroBits, type, request.protection);
  if (status === Status.SUCCESS) status = checkAllocationRange(context.mm.layout, base, size);
  if (status !== Status.SUCCESS) return failure(request, status);
  if (space.deleted) return failure(request, Status.PROCESS_IS_TERMINATING);
  const mask = makeProtectionMask(request.protection);
  // MEM_RESET of address 0 is no reservation: there is nothing to reset there.
  if ((base === 0 && type !== Reset) || (type & Reserve) !== 0) return reserve(context, space, request, mask);
  return commit(context, space, request, mask);
}

function reserve(
  context: MemoryContext,
  space: AddressSpace,
  request: AllocationRequest,
  mask: number,
): AllocationResult {
  if (isCopyOnWrite(mask)) return failure(request, Status.INVALID_PAGE_PROTECTION);
  const isLarge = (request.type & LargePages) !== 0;
  const alignment = isLarge ? largePageSize(context.mm) : ALLOCATION_GRANULARITY;
  if (isLarge) {
    if (isGuard(mask) || isNoAccess(mask)) return failure(request, Status.INVALID_PAGE_PROTECTION);
    if (request.base % alignment !== 0) return failure(request, Status.INVALID_PARAMETER_2);
    if (request.size % alignment !== 0) return failure(request, Status.INVALID_PARAMETER_4);
  }
  const highest = highestAddressForZeroBits(context.mm.layout, request.zeroBits);
  let start: number;
  let size: number;
  if (request.base === 0) {
    size = roundUpToPage(request.size);
    const search = (request.type & TopDown) !== 0 ? findEmptyAddressRangeDown : findEmptyAddressRange;
    start = search(space.vads, size, alignment, highest);
    if (start === NO_ADDRESS) return failure(request, Status.NO_MEMORY);
  } else {
    start = request.base - (request.base % ALLOCATION_GRANULARITY);
    size = roundUpToPage(request.base + request.size) - start;
    if (request.zeroBits !== 0 && start + size - 1 > highest) return failure(request, Status.NO_MEMORY);
    if (space.vads.findOverlap(start >>> 12, (start + size - 1) >>> 12) !== null) {
      return failure(request, Status.CONFLICTING_ADDRESSES);
    }
  }
  const vad = new Vad(start >>> 12, (start + size - 1) >>> 12, mask, true);
  if ((request.type & Commit) !== 0) {
    vad.memCommit = true;
    vad.commitCharge = vad.pages;
  }
  if (isLarge) vad.type = VadType.LargePages;
  if ((request.type & Physical) !== 0) vad.type = VadType.Awe;
  if ((request.type & WriteWatch) !== 0) vad.type = VadType.WriteWatch;
  let status = insertVad(context, space, vad);
  if (status === Status.SUCCESS && vad.type !== VadType.None) {
    status = buildRegion(context, space, vad);
    if (status !== Status.SUCCESS) removeVad(context, space, vad);
  }
  if (status !== Status.SUCCESS) return failure(request, status);
  return { status, base: virtualAddress(start), size };
}

/** What regions that are not ordinary have from the start. */
function buildRegion(context: MemoryContext, space: AddressSpace, vad: Vad): NtStatus {
  if (vad.type === VadType.Awe) return buildAweRegion(context.mm, space, vad);
  return vad.isLargePages ? buildLargePages(context.mm, space, vad) : createWriteWatch(context, vad);
}

function commit(
  context: MemoryContext,
  space: AddressSpace,
  request: AllocationRequest,
  mask: number,
): AllocationResult {
  const isReset = (request.type & Reset) !== 0;
  const start = isReset ? roundUpToPage(request.base) : request.base - (request.base % 0x1000);
  const requestEnd = request.base + request.size;
  const end = isReset ? requestEnd - (requestEnd % 0x1000) : roundUpToPage(requestEnd);
  if (end <= start) return failure(request, Status.CONFLICTING_ADDRESSES);
  const firstVpn = start >>> 12;
  const lastVpn = (end - 1) >>> 12;
  const vad = space.vads.find(firstVpn);
  if (vad === null || lastVpn > vad.endingVpn || vad.rejectsCommit) {
    return failure(request, Status.CONFLICTING_ADDRESSES);
  }
  if (!vad.isPageable && vad.type !== VadType.ImageMap) {
    return failure(request, Status.CONFLICTING_ADDRESSES);
  }
  const status = isReset
    ? resetPages(context.mm, space, vad, firstVpn, lastVpn)
    : vad.privateMemory
      ? commitPrivatePages(context, space, vad, { firstVpn, lastVpn, mask })
      : commitSectionPages(context, space, vad, { firstVpn, lastVpn, mask, protection: request.protection });
  if (status !== Status.SUCCESS) return failure(request, status);
  return { status, base: virtualAddress(start), size: end - start };
}

/** Makes pages of a private region demand-zero pages with a protection; what is committed already is refunded. */
function commitPrivatePages(
  context: MemoryContext,
  space: AddressSpace,
  vad: Vad,
  range: { readonly firstVpn: number; readonly lastVpn: number; readonly mask: number },
): NtStatus {
  const { mm } = context;
  const { firstVpn, lastVpn, mask } = range;
  if (isCopyOnWrite(mask)) return Status.INVALID_PAGE_PROTECTION;
  if (!vad.allowsChange(firstVpn, lastVpn, mask)) return Status.INVALID_PAGE_PROTECTION;
  const format = mm.format;
  const wanted = lastVpn - firstVpn + 1;
  const charged = chargeProcessCommit(mm.commit, space, wanted);
  if (charged !== Status.SUCCESS) return charged;
  vad.commitCharge += wanted;
  let refund = 0;
  let reprotect = false;
  for (let vpn = firstVpn; vpn <= lastVpn; vpn++) {
    const address = vpn * 0x1000;
    // A region that was committed as a whole needs no page table to say so again.
    const existing = residentPte(mm, space, address);
    const protection = committedProtection(mm, space, vad, vpn, existing);
    if (protection >= 0) {
      refund++;
      if (protection !== mask) reprotect = true;
      continue;
    }
    const at = existing === NO_PTE ? makePte(mm, space, address) : existing;
    if (at === NO_PTE) {
      const rest = lastVpn - vpn + 1 + refund;
      vad.commitCharge -= rest;
      releaseProcessCommit(mm.commit, space, rest);
      return Status.NO_MEMORY;
    }
    const wasZero = format.isZero(at);
    format.writeDemandZero(at, mask);
    if (wasZero) pteBecameNonZero(mm, space, address);
  }
  vad.commitCharge -= refund;
  releaseProcessCommit(mm.commit, space, refund);
  if (!reprotect) return Status.SUCCESS;
  const status = protectPages(mm, space, vad, firstVpn, lastVpn, mask);
  return isSuccess(status) ? Status.SUCCESS : status;
}

function failure(request: AllocationRequest, status: NtStatus): AllocationResult {
  return { status, base: virtualAddress(request.base), size: request.size };
}

function roundUpToPage(value: number): number {
  return Math.ceil(value / 0x1000) * 0x1000;
}
