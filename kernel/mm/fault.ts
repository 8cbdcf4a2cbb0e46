import type { AddressSpace } from './address-space.js';
import { copyOnWrite } from './copy-on-write.js';
import { dispatchFault, resolveDemandZero } from './demand-zero.js';
import { FaultAccess, FaultOutcome, FIRST_FAILURE } from './fault-outcome.js';
import { pagesForFault } from './free-pages.js';
import { guardPageHit } from './guard-page.js';
import { isLargePageAddress } from './large-page.js';
import { PAGE_SHIFT, SHARED_USER_DATA_USER } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import {
  findPte,
  invalidate,
  pdeLocation,
  pteBecameNonZero,
  pteBecameZero,
  releaseEmptyPageTable,
} from './page-table.js';
import { pageTableFault } from './page-table-fault.js';
import { isGuard, isNoAccess, ProtectionMask, permitsAccess } from './protection.js';
import { resolvePrototype } from './prototype-fault.js';
import { NO_PTE, type PteLocation } from './pte.js';
import { APC_LEVEL, faultAtRaisedIrql, type KernelContext, PASSIVE_LEVEL, systemFault } from './system-fault.js';
import { clusterTransition } from './transition-cluster.js';

/** Mask that takes the guard modifier away. */
const WITHOUT_GUARD = 0xf;

/**
 * MmAccessFault (nt52.md 5.2): decides what becomes of a page fault, in the address space that is in CR3. A ladder of early
 * returns: whoever answers first is right. Resolutions change page tables, PFN database and TLB; failures change nothing,
 * but for a guard page, whose guard is gone. Neither throws nor allocates on the common paths.
 *
 * @param address unsigned
 * @param user the access came from ring 3; false: the kernel acts for itself or for a caller
 * Environment: IRQL <= APC_LEVEL; does not wait itself: MustWait leaves what to wait for in mm.faults.read, null for free pages.
 */
export function accessFault(mm: MemoryManager, address: number, access: FaultAccess, user: boolean): FaultOutcome {
  if (!mm.faults.completing) mm.counters.pageFaults++;
  let outcome: FaultOutcome;
  if (address < mm.layout.systemRangeStart) outcome = userFault(mm, mm.current, address, access);
  else if (user) outcome = FaultOutcome.AccessViolation;
  else outcome = systemFault(mm, address, access, PASSIVE_LEVEL);
  if (outcome === FaultOutcome.AccessViolation) mm.counters.accessViolations++;
  return outcome;
}

/** MmAccessFault for kernel-mode code at any IRQL: what a driver's instruction does. Outcomes and bugchecks as in system-fault.ts. */
export function kernelAccessFault(
  mm: MemoryManager,
  address: number,
  access: FaultAccess,
  from: KernelContext,
): FaultOutcome {
  mm.counters.pageFaults++;
  if (from.irql > APC_LEVEL) return faultAtRaisedIrql(mm, address, access, from);
  if (address >= mm.layout.systemRangeStart) return systemFault(mm, address, access, from);
  return userFault(mm, mm.current, address, access);
}

/** C: the user half. */
function userFault(mm: MemoryManager, space: AddressSpace, address: number, access: FaultAccess): FaultOutcome {
  const { format } = mm;
  if (!pagesForFault(mm, space, mm.faults.mayWait)) {
    mm.faults.read = null;
    return FaultOutcome.MustWait;
  }
  let at = findPte(mm, space, address);
  if (at === NO_PTE) {
    if (isLargePageAddress(mm, space, address)) return largePage(mm, space, address, access);
    const outcome = withoutPageTable(mm, space, address);
    if (outcome >= FIRST_FAILURE) return outcome;
    at = findPte(mm, space, address);
    if (at === NO_PTE) return FaultOutcome.Refault;
  }
  if (format.isValid(at)) return validPte(mm, space, address, at, access);
  if (format.isZero(at)) {
    const outcome = zeroPte(mm, space, address, at, access);
    if (outcome >= FIRST_FAILURE) releaseEmptyPageTable(mm, space, address);
    return outcome;
  }
  if (format.isPrototype(at)) return prototypePte(mm, space, address, at, access);
  const protection = format.protection(at);
  if (!permitsAccess(protection, access === FaultAccess.Write)) return FaultOutcome.AccessViolation;
  if (isGuard(protection)) return guardedPte(mm, space, address, at, access, protection);
  return dispatchFault(mm, space, address, at);
}

/** The page table of an address is not valid: it is made when a VAD says that something is there, or brought in. */
function withoutPageTable(mm: MemoryManager, space: AddressSpace, address: number): FaultOutcome {
  const isAbsent = mm.format.isZero(pdeLocation(mm, space, address));
  if (isAbsent && virtualPageProtection(mm, space, address) === ProtectionMask.NoAccess) {
    return FaultOutcome.AccessViolation;
  }
  return pageTableFault(mm, space, address);
}

/** A large page maps the address: it forbids the access, or data may be executed after all, or the TLB was stale. */
function largePage(mm: MemoryManager, space: AddressSpace, address: number, access: FaultAccess): FaultOutcome {
  return validPte(mm, space, address, pdeLocation(mm, space, address), access);
}

/** The PTE is valid: either the page forbids the access, or a store has to be prepared, or the TLB was stale. */
function validPte(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  at: PteLocation,
  access: FaultAccess,
): FaultOutcome {
  const { format } = mm;
  if (!format.isUser(at)) return FaultOutcome.AccessViolation;
  if (access === FaultAccess.Write) {
    if (format.isCopyOnWrite(at)) return copyOnWrite(mm, space, address, at);
    if (!format.isWritable(at)) return FaultOutcome.AccessViolation;
  }
  if (access === FaultAccess.Execute && format.isNoExecute(at)) {
    mm.counters.noExecuteFaults++;
    if (!mayExecuteData(mm, space)) return FaultOutcome.AccessViolation;
    format.clearNoExecute(at);
  }
  invalidate(mm, space, address);
  return FaultOutcome.Refault;
}

/** Does this process execute pages that are only data (nt52.md 16)? Then NX is taken off page by page. */
export function mayExecuteData(mm: MemoryManager, space: AddressSpace): boolean {
  const policy = mm.environment.noExecute ?? 'optin';
  if (policy === 'alwayson') return false;
  if (policy === 'alwaysoff' || space.executeEnable) return true;
  return policy === 'optin' && !space.executeDisable;
}

/** The PTE is zero: the VAD knows. */
function zeroPte(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  at: PteLocation,
  access: FaultAccess,
): FaultOutcome {
  const { format } = mm;
  const protection = virtualPageProtection(mm, space, address);
  const prototype = mm.faults.prototypeAddress;
  if (isNoAccess(protection)) return FaultOutcome.AccessViolation;
  const isGuarded = protection !== ProtectionMask.Unknown && isGuard(protection);
  // Nobody would hear of a guard page that was met while a read is completed.
  if (isGuarded && mm.faults.completing) return FaultOutcome.Refault;
  pteBecameNonZero(mm, space, address);
  if (isGuarded) {
    if (prototype === 0) format.writeDemandZero(at, protection & WITHOUT_GUARD);
    else format.writeLookupMarker(at, protection & WITHOUT_GUARD);
    return guardPageHit(mm, space, address);
  }
  let outcome: FaultOutcome;
  if (prototype === 0) {
    format.writeDemandZero(at, protection);
    outcome = resolveDemandZero(mm, space, address, at);
  } else {
    const isSharedUserData = prototype === mm.sharedUserDataPte;
    if (isSharedUserData) format.writePrototypePointer(at, prototype, true);
    else if (protection === ProtectionMask.Unknown) format.writePrototypePointer(at, prototype, false);
    else format.writeLookupMarker(at, protection);
    outcome = throughPrototype(mm, space, address, at, prototype, protection, access);
    const isSoft = outcome === FaultOutcome.Shared || outcome === FaultOutcome.Transition;
    if (isSoft && protection !== ProtectionMask.Unknown) clusterTransition(mm, space, address, protection);
  }
  if (outcome >= FIRST_FAILURE) {
    // As if the fault had not been: an access that is forbidden leaves no trace in the page tables.
    format.writeZero(at);
    pteBecameZero(mm, space, address);
  }
  return outcome;
}

/** The PTE is a pointer to a prototype PTE, or says that the VAD has it. */
function prototypePte(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  at: PteLocation,
  access: FaultAccess,
): FaultOutcome {
  const { format } = mm;
  let prototype: number;
  let protection: number;
  if (format.isLookupMarker(at)) {
    const vad = space.vads.find(address >>> PAGE_SHIFT);
    prototype = vad === null ? 0 : vad.prototypePte(address >>> PAGE_SHIFT);
    if (prototype === 0) return FaultOutcome.AccessViolation;
    protection = format.protection(at);
  } else {
    prototype = format.prototypeAddress(at);
    protection = format.prototypeIsReadOnly(at) ? ProtectionMask.ReadOnly : ProtectionMask.Unknown;
  }
  return throughPrototype(mm, space, address, at, prototype, protection, access);
}

function throughPrototype(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  at: PteLocation,
  prototype: number,
  protection: number,
  access: FaultAccess,
): FaultOutcome {
  if (protection !== ProtectionMask.Unknown) {
    if (!permitsAccess(protection, access === FaultAccess.Write)) return FaultOutcome.AccessViolation;
    if (isGuard(protection)) return guardedPte(mm, space, address, at, access, protection);
  }
  return resolvePrototype(mm, space, address, at, prototype, protection, access);
}

/** A committed page with the guard modifier: the guard goes, whatever happens next. */
function guardedPte(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  at: PteLocation,
  _access: FaultAccess,
  protection: number,
): FaultOutcome {
  if (mm.isAttached()) return FaultOutcome.AccessViolation;
  if (mm.faults.completing) return FaultOutcome.Refault;
  const { format } = mm;
  format.setProtection(at, protection & WITHOUT_GUARD);
  if (format.isTransition(at)) {
    format.setProtection(mm.pfn.originalPte(format.transitionFrame(at)), protection & WITHOUT_GUARD);
  }
  return guardPageHit(mm, space, address);
}

/**
 * MiCheckVirtualAddress: what a page without PTE is. Answers its protection: NoAccess when nothing is there,
 * Unknown when the prototype PTE has it; mm.faults.prototypeAddress is the prototype PTE's address, 0 for private memory.
 */
function virtualPageProtection(mm: MemoryManager, space: AddressSpace, address: number): number {
  const vpn = address >>> PAGE_SHIFT;
  const { faults } = mm;
  faults.prototypeAddress = 0;
  if (vpn === SHARED_USER_DATA_USER >>> PAGE_SHIFT) {
    faults.prototypeAddress = mm.sharedUserDataPte;
    return ProtectionMask.ReadOnly;
  }
  const vad = space.vads.find(vpn);
  if (vad === null) return ProtectionMask.NoAccess;
  if (vad.privateMemory) {
    return vad.memCommit && vad.isPageable ? vad.protection : ProtectionMask.NoAccess;
  }
  faults.prototypeAddress = vad.prototypePte(vpn);
  if (faults.prototypeAddress === 0) return ProtectionMask.NoAccess;
  return vad.isImage ? ProtectionMask.Unknown : vad.protection;
}
