import { PoolType } from '../ex/pool.js';
import { Status } from '../ntstatus.js';
import type { NtStatus, VirtualAddress } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { ensurePages } from './free-pages.js';
import { PAGE_SHIFT, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { AvailableLimit } from './memory-thresholds.js';
import { findPte, invalidate, makePte, pageTableFrame, pteBecameNonZero, pteBecameZero } from './page-table.js';
import { decrementShareCount } from './pfn-counts.js';
import { isNoAccess, ProtectionMask } from './protection.js';
import { type PteLocation, PteOwner } from './pte.js';
import { type Vad, VadType } from './vad.js';
import type { MemoryContext } from './vad-charges.js';
import { holdPage, releaseHold } from './working-set.js';

/**
 * Address Windowing Extensions (nt52.md 9.7): a process owns physical pages, and maps them itself into regions that it
 * reserved with MEM_PHYSICAL. The pages are on no list and in no working set. The PFN entry of each says where it is mapped
 * (PteAddress), so that it is mapped once at most; its counts do not change by that. The page tables of such a region
 * are made with it and stay: UsedPageTableEntries counts every page of it, mapped or not, and each table has a share more.
 */

const POOL_TAG = 'Awe ';

/** EPROCESS.AweInfo: which page frames a process owns. */
export class AweInformation {
  /** VadPhysicalPagesBitMap: a bit for every frame of the machine, charged to nonpaged pool. */
  readonly owned: Uint32Array;
  readonly poolAddress: VirtualAddress;
  /** VadPhysicalPages: set bits. */
  pages = 0;
  /** Number of the last call that named frames; each frame carries it in the first dword of its PFN entry. */
  stamp = 0;

  constructor(frameCount: number, poolAddress: VirtualAddress) {
    this.owned = new Uint32Array((frameCount + 31) >>> 5);
    this.poolAddress = poolAddress;
  }

  owns(frame: number): boolean {
    return frame >>> 5 < this.owned.length && (this.owned[frame >>> 5] & (1 << (frame & 31))) !== 0;
  }

  add(frame: number): void {
    this.owned[frame >>> 5] |= 1 << (frame & 31);
    this.pages++;
  }

  remove(frame: number): void {
    this.owned[frame >>> 5] &= ~(1 << (frame & 31));
    this.pages--;
  }
}

/** Frames that were handed out. */
export interface AwePages {
  readonly status: NtStatus;
  readonly frames: Uint32Array;
}

/**
 * NtAllocateUserPhysicalPages behind its parameters: gives a process pages of zeros, as many of `count` as there are.
 * COMMITMENT_LIMIT, INSUFFICIENT_RESOURCES (none at all). Environment: PASSIVE_LEVEL; working sets may be trimmed.
 */
export function allocateAwePages(context: MemoryContext, space: AddressSpace, count: number): AwePages {
  const { mm } = context;
  const refused = (status: NtStatus): AwePages => ({ status, frames: new Uint32Array(0) });
  if (space.deleted) return refused(Status.PROCESS_IS_TERMINATING);
  const awe = space.awe ?? createAweInformation(context, space);
  if (awe === null) return refused(Status.INSUFFICIENT_RESOURCES);
  const possible = Math.min(count, mm.resident.available);
  if (possible <= 0) return refused(Status.INSUFFICIENT_RESOURCES);
  if (!mm.commit.charge(possible)) return refused(Status.COMMITMENT_LIMIT);
  ensurePages(mm, possible + AvailableLimit.High);
  const pages = Math.max(0, Math.min(possible, mm.lists.availablePages - AvailableLimit.High));
  mm.commit.release(possible - pages);
  if (pages === 0) return refused(Status.INSUFFICIENT_RESOURCES);
  mm.resident.chargeAnyway('awe', pages);
  mm.committed.awe += pages;
  const frames = new Uint32Array(pages);
  for (let index = 0; index < pages; index++) {
    const frame = mm.lists.removeZeroPage(mm.nextColor());
    mm.pfn.makeAwe(frame);
    awe.add(frame);
    frames[index] = frame;
  }
  return { status: Status.SUCCESS, frames };
}

function createAweInformation(context: MemoryContext, space: AddressSpace): AweInformation | null {
  const { frameCount } = context.mm.pfn;
  const block = context.ex.pool.allocate(PoolType.NonPaged, ((frameCount + 31) >>> 5) * 4, POOL_TAG);
  if (block === 0) return null;
  space.awe = new AweInformation(frameCount, block);
  return space.awe;
}

/**
 * NtFreeUserPhysicalPages behind its parameters: unmaps pages and gives them back, in order, up to the first that the process
 * does not own: CONFLICTING_ADDRESSES. Environment: PASSIVE_LEVEL.
 */
export function freeAwePages(
  mm: MemoryManager,
  space: AddressSpace,
  frames: Uint32Array,
): { readonly status: NtStatus; readonly freed: number } {
  const { awe } = space;
  let freed = 0;
  for (const frame of frames) {
    if (awe === null || !awe.owns(frame)) return { status: Status.CONFLICTING_ADDRESSES, freed };
    freePage(mm, space, awe, frame);
    freed++;
  }
  return { status: Status.SUCCESS, freed };
}

function freePage(mm: MemoryManager, space: AddressSpace, awe: AweInformation, frame: number): void {
  const mapped = mm.pfn.pteAddress(frame);
  if (mapped !== 0) {
    const address = mm.format.addressOfPte(mapped);
    unmapPte(mm, space, address, findPte(mm, space, address));
  }
  awe.remove(frame);
  mm.pfn.setDeleted(frame);
  decrementShareCount(mm, frame);
  mm.resident.release('awe', 1);
  mm.committed.awe--;
  mm.commit.release(1);
}

/** The end of a process, whose regions are gone: all its pages are free again. */
export function deleteAweInformation(context: MemoryContext, space: AddressSpace): void {
  const { awe } = space;
  if (awe === null) return;
  for (let word = 0; word < awe.owned.length; word++) {
    for (let bits = awe.owned[word]; bits !== 0; bits &= bits - 1) {
      freePage(context.mm, space, awe, word * 32 + 31 - Math.clz32(bits & -bits));
    }
  }
  context.ex.pool.free(awe.poolAddress);
  space.awe = null;
}

// --- regions

/**
 * Makes the page tables of a new MEM_PHYSICAL region, which stay until it is released. INSUFFICIENT_RESOURCES leaves nothing
 * behind.
 */
export function buildAweRegion(mm: MemoryManager, space: AddressSpace, vad: Vad): NtStatus {
  const tablePages = mm.format.entriesPerTable;
  for (let vpn = vad.startingVpn; vpn <= vad.endingVpn; vpn = nextTable(vpn, tablePages)) {
    const address = vpn * PAGE_SIZE;
    if (makePte(mm, space, address) === 0) {
      if (vpn !== vad.startingVpn) forgetTables(mm, space, vad.startingVpn, vpn - 1);
      return Status.INSUFFICIENT_RESOURCES;
    }
    holdPage(mm, pageTableFrame(mm, space, address));
    const end = Math.min(nextTable(vpn, tablePages), vad.endingVpn + 1);
    for (let page = vpn; page < end; page++) pteBecameNonZero(mm, space, page * PAGE_SIZE);
  }
  return Status.SUCCESS;
}

/** Unmaps every page of a region and lets its page tables go; the pages stay the process's. */
export function deleteAweRegion(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  for (let vpn = vad.startingVpn; vpn <= vad.endingVpn; vpn++) {
    const address = vpn * PAGE_SIZE;
    unmapPte(mm, space, address, findPte(mm, space, address));
  }
  forgetTables(mm, space, vad.startingVpn, vad.endingVpn);
}

function forgetTables(mm: MemoryManager, space: AddressSpace, first: number, last: number): void {
  const tablePages = mm.format.entriesPerTable;
  for (let vpn = first; vpn <= last; ) {
    releaseHold(mm, pageTableFrame(mm, space, vpn * PAGE_SIZE));
    for (const end = Math.min(nextTable(vpn, tablePages), last + 1); vpn < end; vpn++) {
      pteBecameZero(mm, space, vpn * PAGE_SIZE);
    }
  }
}

function nextTable(vpn: number, tablePages: number): number {
  return (Math.floor(vpn / tablePages) + 1) * tablePages;
}

/** Five-bit protection that a page of a region has, or will have when it is mapped. */
export function aweProtection(vad: Vad, vpn: number): number {
  return vad.aweProtections === null ? vad.protection : vad.aweProtections[vpn - vad.startingVpn];
}

/**
 * NtProtectVirtualMemory on a region: mapped or not, its pages keep what they are given here. CONFLICTING_ADDRESSES for anything
 * but NOACCESS, READONLY and READWRITE.
 */
export function protectAwePages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  range: { readonly first: number; readonly last: number; readonly mask: number },
): NtStatus {
  const { first, last, mask } = range;
  const { NoAccess, ReadOnly, ReadWrite } = ProtectionMask;
  if (mask !== NoAccess && mask !== ReadOnly && mask !== ReadWrite) return Status.CONFLICTING_ADDRESSES;
  vad.aweProtections ??= new Uint8Array(vad.pages).fill(vad.protection);
  vad.aweProtections.fill(mask, first - vad.startingVpn, last + 1 - vad.startingVpn);
  for (let vpn = first; vpn <= last; vpn++) {
    const address = vpn * PAGE_SIZE;
    const at = findPte(mm, space, address);
    if (!mm.format.isValid(at)) continue;
    writeMapping(mm, at, mm.format.frame(at), mask);
    invalidate(mm, space, address);
  }
  return Status.SUCCESS;
}

/** NOACCESS cannot be said by a valid PTE, but that it is the kernel's. */
function writeMapping(mm: MemoryManager, at: PteLocation, frame: number, protection: number): void {
  if (isNoAccess(protection)) mm.format.writeValid(at, frame, ProtectionMask.ReadWrite, PteOwner.Kernel, true);
  else mm.format.writeValid(at, frame, protection, PteOwner.User, true);
}

// --- mapping

/**
 * Checks that frames may be mapped over the pages that an iterator of addresses names, all or nothing, changing no mapping:
 * CONFLICTING_ADDRESSES for frames that the process does not own, INVALID_PARAMETER_3 for those mapped elsewhere or named twice.
 * @param stays whether the page at this address keeps what it maps: false for pages that the call maps anew
 */
export function checkAweFrames(
  mm: MemoryManager,
  space: AddressSpace,
  frames: Uint32Array,
  stays: (address: number) => boolean,
): NtStatus {
  const { awe } = space;
  if (awe === null) return Status.INVALID_PARAMETER_1;
  const { pfn, format } = mm;
  // The first dword of an AWE page's entry is nobody's: whoever carries this call's number was named before.
  const stamp = ++awe.stamp | 0;
  for (const frame of frames) {
    if (!awe.owns(frame)) return Status.CONFLICTING_ADDRESSES;
    if (pfn.wsIndex(frame) === stamp) return Status.INVALID_PARAMETER_3;
    pfn.setWsIndex(frame, stamp);
    const mapped = pfn.pteAddress(frame);
    if (mapped !== 0 && stays(format.addressOfPte(mapped))) return Status.INVALID_PARAMETER_3;
  }
  return Status.SUCCESS;
}

/** The region that holds all of these pages, or null. */
export function aweRegionOf(space: AddressSpace, firstVpn: number, lastVpn: number): Vad | null {
  const vad = space.vads.find(firstVpn);
  return vad !== null && vad.type === VadType.Awe && lastVpn <= vad.endingVpn ? vad : null;
}

/** Unmaps one page of a region, if anything is mapped there. */
export function unmapAwePage(mm: MemoryManager, space: AddressSpace, address: number): void {
  unmapPte(mm, space, address, findPte(mm, space, address));
}

/** Maps a frame, checked before and unmapped everywhere, at a page of a region that maps nothing. */
export function mapAwePage(mm: MemoryManager, space: AddressSpace, vad: Vad, address: number, frame: number): void {
  writeMapping(mm, findPte(mm, space, address), frame, aweProtection(vad, address >>> PAGE_SHIFT));
  mm.pfn.setPteAddress(frame, mm.format.pteAddress(address));
}

function unmapPte(mm: MemoryManager, space: AddressSpace, address: number, at: PteLocation): void {
  const { format } = mm;
  if (!format.isValid(at)) return;
  mm.pfn.setPteAddress(format.frame(at), 0);
  format.writeZero(at);
  invalidate(mm, space, address);
}
