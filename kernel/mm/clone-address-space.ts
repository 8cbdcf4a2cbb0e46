import { AccessKind } from '../../cpu/index.js';
import { PoolType } from '../ex/pool.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { CLONE_SIZE, type CloneBlock, type ClonedPage, freeDeadClones, referClone } from './clone.js';
import { ensurePages } from './free-pages.js';
import { PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { isBeingRead } from './page-read.js';
import { isPrivatePage } from './page-state.js';
import { forEachPte, pageTableFrame, pteBecameNonZero, releaseEmptyPageTable, residentPte } from './page-table.js';
import { makePte } from './page-table-fault.js';
import { contentsReplaced, decrementShareCount, incrementShareCount } from './pfn-counts.js';
import { inAddressSpace } from './process-access.js';
import { makeWriteCopy } from './protection.js';
import { fillZero } from './prototype-pte.js';
import { NO_PTE, type PteLocation, PteOwner } from './pte.js';
import { pteProtection, removeFromWorkingSet } from './pte-protection.js';
import { isSharedUserDataReservation } from './reserved-addresses.js';
import { residentLocation } from './system-fault.js';
import { systemFrame } from './system-pages.js';
import { userHost } from './user-access.js';
import { Vad, VadType } from './vad.js';
import { insertVad, type MemoryContext } from './vad-charges.js';
import { findEntry, holdPage, releaseHold } from './working-set.js';

/** Pages that cloning one page may take: page tables, pool, a copy. */
const PAGES_FOR_ONE = 8;

const CLONED_TYPES: readonly VadType[] = [VadType.None, VadType.ImageMap, VadType.WriteWatch];

/** One region on its way from parent to child. */
interface Fork {
  readonly mm: MemoryManager;
  readonly parent: AddressSpace;
  readonly child: AddressSpace;
  /** The same region in both. */
  readonly from: Vad;
  readonly to: Vad;
  /** Null where no page of the region needs a fork prototype. */
  readonly block: CloneBlock | null;
}

/**
 * MiCloneProcessAddressSpace: gives a new, empty address space everything that its parent has: private memory copy-on-write, and the
 * views that are inherited (ViewShare). What is in memory stays there for both; what was paged out is read once for both. Pages that the
 * parent has locked are copied; physical pages of AWE are not inherited, nor is write watch. INSUFFICIENT_RESOURCES, COMMITMENT_LIMIT, NO_MEMORY, QUOTA_EXCEEDED:
 * the child is to be deleted then. Environment: PASSIVE_LEVEL, does not block.
 */
export function cloneAddressSpace(context: MemoryContext, parent: AddressSpace, child: AddressSpace): NtStatus {
  const { mm } = context;
  freeDeadClones(mm);
  child.executeDisable = parent.executeDisable;
  child.executeEnable = parent.executeEnable;
  for (const vad of [...parent.vads]) {
    if (!CLONED_TYPES.includes(vad.type) || isSharedUserDataReservation(vad)) continue;
    if (!vad.privateMemory && !vad.inherit) continue;
    const status = cloneRegion(context, parent, child, vad);
    if (!isSuccess(status)) return status;
  }
  return Status.SUCCESS;
}

function cloneRegion(context: MemoryContext, parent: AddressSpace, child: AddressSpace, from: Vad): NtStatus {
  const { mm } = context;
  const to = copyVad(from);
  let status = insertVad(context, child, to);
  if (!isSuccess(status)) return status;
  const area = to.controlArea;
  if (area !== null) {
    area.numberOfMappedViews++;
    area.numberOfUserReferences++;
    if (to.writableUserReference) area.writableUserReferences++;
  }
  let count = 0;
  forEachPte(mm, parent, from.startingVpn, from.endingVpn, (at) => {
    if (hasPrivateContents(mm, at)) count++;
  });
  const block = count === 0 ? null : makeBlock(mm, count);
  if (count !== 0 && block === null) return Status.INSUFFICIENT_RESOURCES;
  const fork: Fork = { mm, parent, child, from, to, block };
  forEachPte(mm, parent, from.startingVpn, from.endingVpn, (_, vpn) => {
    if (isSuccess(status)) status = clonePage(fork, vpn);
  });
  return status;
}

function copyVad(from: Vad): Vad {
  const to = new Vad(from.startingVpn, from.endingVpn, from.protection, from.privateMemory);
  to.commitCharge = from.commitCharge;
  to.type = from.isImage ? VadType.ImageMap : VadType.None;
  to.memCommit = from.memCommit;
  to.noChange = from.noChange;
  to.rejectsCommit = from.rejectsCommit;
  to.controlArea = from.controlArea;
  to.firstSegmentPage = from.firstSegmentPage;
  to.secNoChange = from.secNoChange;
  to.extendableFile = from.extendableFile;
  to.inherit = from.inherit;
  to.copyOnWrite = from.copyOnWrite;
  to.writableUserReference = from.writableUserReference;
  to.longVad = from.longVad;
  to.secured.push(...from.secured);
  return to;
}

/** Pages of the process's own that have contents: in memory, or in a paging file. */
function hasPrivateContents(mm: MemoryManager, at: PteLocation): boolean {
  const { format } = mm;
  return isPrivatePage(mm, at) && !format.isDecommitted(at) && !format.isDemandZero(at);
}

function makeBlock(mm: MemoryManager, count: number): CloneBlock | null {
  const address = mm.pool.allocate(PoolType.Paged, count * (mm.format.entrySize + CLONE_SIZE), 'MmCl');
  if (address === 0) return null;
  fillZero(mm, { address, count });
  const block: CloneBlock = { address, pages: [], live: 0 };
  mm.cloneBlocks.add(block);
  return block;
}

/** One page whose PTE is not zero in the parent. NO_MEMORY. */
function clonePage(fork: Fork, vpn: number): NtStatus {
  const { mm, parent, child, block } = fork;
  const { format } = mm;
  const address = vpn * PAGE_SIZE;
  ensurePages(mm, PAGES_FOR_ONE);
  finishRead(fork, address);
  const childAt = makePte(mm, child, address);
  if (childAt === NO_PTE) return Status.NO_MEMORY;
  // From here on nothing that is looked at may be trimmed.
  const childTable = pageTableFrame(mm, child, address);
  holdPage(mm, childTable);
  const next = block === null ? 0 : block.address + block.pages.length * format.entrySize;
  const prototype = next === 0 ? NO_PTE : residentLocation(mm, next);
  const poolFrame = prototype === NO_PTE ? 0 : systemFrame(mm, next);
  if (poolFrame !== 0) holdPage(mm, poolFrame);
  const at = residentPte(mm, parent, address);
  let status: NtStatus = Status.SUCCESS;
  if (at !== NO_PTE && !format.isZero(at)) {
    const wasZero = format.isZero(childAt);
    if (hasPrivateContents(mm, at)) status = shareContents(fork, vpn, { at, childAt, prototype, address: next });
    else copyMarker(fork, vpn, at, childAt);
    if (wasZero && !format.isZero(childAt)) pteBecameNonZero(mm, child, address);
  }
  if (poolFrame !== 0) releaseHold(mm, poolFrame);
  releaseHold(mm, childTable);
  releaseEmptyPageTable(mm, child, address);
  return status;
}

/** A page that is just being read gets there first. */
function finishRead({ mm, parent }: Fork, address: number): void {
  const at = residentPte(mm, parent, address);
  if (at === NO_PTE || !mm.format.isTransition(at)) return;
  if (!isBeingRead(mm, mm.format.transitionFrame(at))) return;
  inAddressSpace(mm, parent, () => userHost(mm, address, AccessKind.Read));
}

/** What has no contents of its own: not committed, demand zero, a page of a section, a page of an earlier fork. */
function copyMarker({ mm, parent, from, to }: Fork, vpn: number, at: PteLocation, childAt: PteLocation): void {
  const { format } = mm;
  const cloned = from.clones?.get(vpn);
  if (cloned !== undefined) {
    format.writeLookupMarker(childAt, pteProtection(mm, parent, vpn * PAGE_SIZE, at));
    referClone(to, vpn, cloned);
  } else if (format.isValid(at)) {
    const own = pteProtection(mm, parent, vpn * PAGE_SIZE, at);
    // What the section says already needs no PTE.
    if (!from.isImage && own !== from.protection) format.writeLookupMarker(childAt, own);
    else if (from.isImage && hasOwnProtection(mm, parent, vpn, at)) format.writeLookupMarker(childAt, own);
  } else if (!format.isPrototype(at) || format.isLookupMarker(at)) {
    format.copy(childAt, at);
  }
}

function hasOwnProtection(mm: MemoryManager, space: AddressSpace, vpn: number, at: PteLocation): boolean {
  const entry = findEntry(mm, space, vpn, mm.format.frame(at));
  return entry >= 0 && space.workingSet.protection(entry) !== 0;
}

interface SharedContents {
  readonly at: PteLocation;
  readonly childAt: PteLocation;
  /** The next free fork prototype and its address. */
  readonly prototype: PteLocation;
  readonly address: number;
}

/** A private page becomes a fork prototype's, and both processes refer to that. */
function shareContents(fork: Fork, vpn: number, place: SharedContents): NtStatus {
  const { mm, parent, from, to, block } = fork;
  const { format } = mm;
  const { at, childAt, prototype } = place;
  if (block === null || prototype === NO_PTE) return Status.INSUFFICIENT_RESOURCES;
  const page: ClonedPage = { block, address: place.address, references: 0 };
  const protection = makeWriteCopy(pteProtection(mm, parent, vpn * PAGE_SIZE, at));
  const isLocked = format.isValid(at) && parent.workingSet.isLocked(findEntry(mm, parent, vpn, format.frame(at)));
  if (isLocked) {
    if (!copyPage(mm, format.frame(at), place)) return Status.NO_MEMORY;
  } else {
    if (format.isValid(at)) removeFromWorkingSet(mm, parent, vpn * PAGE_SIZE);
    movePage(fork, vpn, place);
    parent.privatePages--;
    format.writeLookupMarker(at, protection);
    referClone(from, vpn, page);
  }
  format.writeLookupMarker(childAt, protection);
  referClone(to, vpn, page);
  block.pages.push(page);
  block.live++;
  return Status.SUCCESS;
}

/** The page, in transition or in a paging file, gets the fork prototype as its PTE. */
function movePage({ mm, parent }: Fork, vpn: number, { at, prototype, address }: SharedContents): void {
  const { format, pfn } = mm;
  format.copy(prototype, at);
  if (!format.isTransition(at)) return;
  const frame = format.transitionFrame(at);
  const home = systemFrame(mm, address);
  pfn.setPteAddress(frame, address);
  pfn.setPteFrame(frame, home);
  pfn.setPrototype(frame, true);
  incrementShareCount(mm, home);
  decrementShareCount(mm, pageTableFrame(mm, parent, vpn * PAGE_SIZE));
}

/** The child's own copy of a page that its parent keeps: on the modified list, behind a fork prototype. */
function copyPage(mm: MemoryManager, source: number, { prototype, address }: SharedContents): boolean {
  const { format, pfn } = mm;
  const frame = mm.lists.removeAnyPage(mm.nextColor());
  if (frame === 0) return false;
  const protection = format.protection(pfn.originalPte(source));
  contentsReplaced(mm, frame);
  mm.memory.copyFrame(frame, source);
  pfn.makeActive(frame, address, systemFrame(mm, address));
  incrementShareCount(mm, systemFrame(mm, address));
  format.writeDemandZero(pfn.originalPte(frame), protection);
  pfn.setPrototype(frame, true);
  pfn.setModified(frame, true);
  format.writeValid(prototype, frame, protection, PteOwner.Kernel, false);
  decrementShareCount(mm, frame);
  return true;
}
