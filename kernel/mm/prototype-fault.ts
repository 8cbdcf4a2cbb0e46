import { releaseClone } from './clone.js';
import { resolveDemandZero } from './demand-zero.js';
import { FaultAccess, FaultOutcome, FIRST_FAILURE } from './fault-outcome.js';
import { startFileRead } from './file-read.js';
import { PAGE_SHIFT, PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { collidedFault, isBeingRead, startPageRead } from './page-read.js';
import { pageTableFrame } from './page-table.js';
import { deleteTransitionPage, incrementShareCount, initializePfn, markModified, reactivate } from './pfn-counts.js';
import { isCopyOnWrite, isWritable, makeNotWriteCopy, ProtectionMask, permitsAccess } from './protection.js';
import { NO_PTE, type PteLocation, PteOwner } from './pte.js';
import { prototypeProtection, viewDefaultProtection } from './pte-protection.js';
import { PASSIVE_LEVEL, residentLocation, systemFault } from './system-fault.js';
import { systemFrame, systemLocation } from './system-pages.js';
import { hasSharedWorkingSetRoom, hasWorkingSetRoom, holdPage, insertSharedEntry, releaseHold } from './working-set.js';
import type { WorkingSetOwner } from './working-set-owner.js';

const MEMORY_MANAGEMENT = 0x1a;
const SUB_PROTOTYPE_STILL_MAPPED = 0x400;

/**
 * MiResolveProtoPteFault: a page of a section view. The hardware PTE is in prototype form; the prototype PTE says where
 * the page is. The page of paged pool that the prototype PTE lies in may have to be brought in first (nt52.md 5.4).
 *
 * @param prototypeAddress system address of the prototype PTE
 * @param protection of the PTE, or ProtectionMask.Unknown: the prototype PTE's
 * Outcomes: Shared, Transition, DemandZero, Refault; AccessViolation, InPageError (status in mm.faults), NoMemory,
 * MustWait.
 */
export function resolvePrototype(
  mm: MemoryManager,
  space: WorkingSetOwner,
  address: number,
  at: PteLocation,
  prototypeAddress: number,
  protection: number,
  access: FaultAccess,
): FaultOutcome {
  const { format } = mm;
  const table = pageTableFrame(mm, space, address);
  let prototype = systemLocation(mm, prototypeAddress);
  if (prototype === NO_PTE) {
    holdPage(mm, table);
    const outcome = systemFault(mm, prototypeAddress, FaultAccess.Read, PASSIVE_LEVEL);
    releaseHold(mm, table);
    if (outcome >= FIRST_FAILURE) return outcome;
    prototype = systemLocation(mm, prototypeAddress);
    if (prototype === NO_PTE) return FaultOutcome.Refault;
  }
  if (format.isZero(prototype)) return FaultOutcome.AccessViolation;
  if (!hasWorkingSetRoom(mm, space, table, prototypeAddress)) return FaultOutcome.NoMemory;
  const write = access === FaultAccess.Write;
  let effective = protection;
  if (protection === ProtectionMask.Unknown) {
    effective = prototypeProtection(mm, prototypeAddress);
    if (!permitsAccess(effective, write)) return FaultOutcome.AccessViolation;
  }
  if (format.isValid(prototype)) {
    const frame = format.frame(prototype);
    if (mm.pfn.wsIndex(frame) !== 0 && !hasSharedWorkingSetRoom(mm, space)) return FaultOutcome.NoMemory;
    mm.counters.prototypeFaults++;
    return complete(mm, space, address, at, frame, effective, write, FaultOutcome.Shared);
  }
  if (format.isTransition(prototype)) {
    const frame = format.transitionFrame(prototype);
    if (isBeingRead(mm, frame)) return collidedFault(mm);
    reactivate(mm, frame);
    format.writeValid(prototype, frame, format.protection(mm.pfn.originalPte(frame)), PteOwner.Kernel, false);
    if (!mm.faults.completing) mm.counters.transitionFaults++;
    return complete(mm, space, address, at, frame, effective, write, FaultOutcome.Transition);
  }
  if (format.isDemandZero(prototype)) {
    if (isCopyOnWrite(effective)) {
      // Nobody else will ever see this page: it is private from the start.
      format.writeDemandZero(at, makeNotWriteCopy(effective));
      leaveClone(mm, space, address);
      return resolveDemandZero(mm, space, address, at);
    }
    const frame = makePrototypePage(mm, prototype, prototypeAddress, true);
    if (frame === 0) return FaultOutcome.NoMemory;
    mm.counters.demandZeroFaults++;
    return complete(mm, space, address, at, frame, effective, write, FaultOutcome.DemandZero);
  }
  if (!format.isPrototype(prototype)) {
    return startPageRead(mm, prototype, prototypeAddress, systemFrame(mm, prototypeAddress), true);
  }
  const subsection = mm.subsections.get(format.subsectionAddress(prototype));
  const { zeroFilePages } = mm.faults;
  if (zeroFilePages || subsection?.isNeverWritten(subsection.pageOf(prototypeAddress))) {
    const frame = makePrototypePage(mm, prototype, prototypeAddress, zeroFilePages);
    if (frame === 0) return FaultOutcome.NoMemory;
    subsection?.pfnReferenceAdded();
    return complete(mm, space, address, at, frame, effective, write, FaultOutcome.DemandZero);
  }
  return startFileRead(mm, prototype, prototypeAddress, systemFrame(mm, prototypeAddress));
}

/** A page of a fork whose contents were given up (MEM_RESET) and are gone: each process has zeros of its own. */
function leaveClone(mm: MemoryManager, space: WorkingSetOwner, address: number): void {
  if (mm.cloneBlocks.size === 0) return;
  const vpn = address >>> PAGE_SHIFT;
  const vad = space.vads.find(vpn);
  if (vad !== null) releaseClone(mm, vad, vpn);
}

/** A zeroed page for a demand-zero prototype PTE, without sharers yet; 0 when there is none. */
function makePrototypePage(mm: MemoryManager, prototype: PteLocation, address: number, modified: boolean): number {
  const frame = mm.lists.removeZeroPage(mm.nextColor());
  if (frame !== 0) installPrototypePage(mm, frame, prototype, address, modified);
  return frame;
}

function installPrototypePage(
  mm: MemoryManager,
  frame: number,
  prototype: PteLocation,
  prototypeAddress: number,
  modified: boolean,
): void {
  const { format, pfn } = mm;
  const protection = format.protection(prototype);
  initializePfn(mm, frame, prototype, prototypeAddress, systemFrame(mm, prototypeAddress));
  pfn.setPrototype(frame, true);
  pfn.setModified(frame, modified);
  pfn.setShareCount(frame, 0);
  format.writeValid(prototype, frame, protection, PteOwner.Kernel, false);
}

/** MiCompleteProtoPteFault: the shared page is active; the hardware PTE becomes valid. */
function complete(
  mm: MemoryManager,
  space: WorkingSetOwner,
  address: number,
  at: PteLocation,
  frame: number,
  protection: number,
  write: boolean,
  outcome: FaultOutcome,
): FaultOutcome {
  const { format } = mm;
  const vpn = address >>> PAGE_SHIFT;
  incrementShareCount(mm, frame);
  incrementShareCount(mm, pageTableFrame(mm, space, address));
  const store = write && isWritable(protection) && !isCopyOnWrite(protection);
  if (store) markModified(mm, frame);
  const isCacheView = address >= mm.layout.systemRangeStart;
  format.writeValid(at, frame, protection, isCacheView ? PteOwner.Kernel : PteOwner.User, store);
  const own = isCacheView || protection === viewDefaultProtection(mm, space, vpn) ? 0 : protection;
  insertSharedEntry(mm, space, address, frame, own);
  return outcome;
}

// --- for sections (part of mm, not of the fault path) -----------------------------------------------------------------

/** Frame of a prototype PTE's page when it is in memory (mapped or on a list, its contents there), else 0. Changes nothing. */
export function residentPrototypePage(mm: MemoryManager, prototypeAddress: number): number {
  const prototype = systemLocation(mm, prototypeAddress);
  if (prototype === NO_PTE) return 0;
  if (mm.format.isValid(prototype)) return mm.format.frame(prototype);
  if (!mm.format.isTransition(prototype)) return 0;
  const frame = mm.format.transitionFrame(prototype);
  return mm.pfn.isReadInProgress(frame) ? 0 : frame;
}

/** The page was written to its file: it is clean, and when it waits on the modified list it moves to standby. */
export function markPrototypePageClean(mm: MemoryManager, frame: number): void {
  mm.pfn.setModified(frame, false);
  const location = mm.pfn.location(frame);
  if (location !== PageLocation.Modified && location !== PageLocation.ModifiedNoWrite) return;
  mm.lists.unlink(frame);
  mm.lists.insertStandby(frame, false);
}

/**
 * Deletes a prototype PTE: its page, if it is in memory, goes to the free list, and the PTE becomes zero.
 * No view may map the page any more; a page that is still mapped is a bugcheck 1A.
 */
export function deletePrototypePte(mm: MemoryManager, prototypeAddress: number): void {
  const { format, pfn } = mm;
  const prototype = residentLocation(mm, prototypeAddress);
  if (prototype === NO_PTE) return;
  if (format.isValid(prototype)) {
    mm.environment.bugcheck(
      MEMORY_MANAGEMENT,
      SUB_PROTOTYPE_STILL_MAPPED,
      prototypeAddress,
      format.frame(prototype),
      0,
    );
  }
  if (format.isTransition(prototype)) {
    const frame = format.transitionFrame(prototype);
    const original = pfn.originalPte(frame);
    if (format.isPrototype(original)) mm.filePageGone(format.subsectionAddress(original));
    deleteTransitionPage(mm, frame);
  } else if (!format.isPrototype(prototype) && format.pageFileOffset(prototype) !== 0) {
    mm.paging.free(format.pageFileNumber(prototype), format.pageFileOffset(prototype));
  }
  format.writeZero(prototype);
}
