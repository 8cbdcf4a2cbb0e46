import { dispatchFault } from './demand-zero.js';
import { FaultAccess, FaultOutcome } from './fault-outcome.js';
import { ensurePages } from './free-pages.js';
import { SYSTEM_CACHE_START } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { isHyperspace } from './page-directory.js';
import { findPte, isPageTableAddress, pdeLocation } from './page-table.js';
import { makeSystemAddressValid } from './page-table-fault.js';
import { isNoAccess, isWritable, ProtectionMask } from './protection.js';
import { resolvePrototype } from './prototype-fault.js';
import { NO_PTE, type PteLocation } from './pte.js';
import { systemLocation, systemPde, systemPte } from './system-pages.js';

/** Bugchecks of nt52.md 5.2, and what their last parameter says. */
const IRQL_NOT_LESS_OR_EQUAL = 0x0a;
const PAGE_FAULT_IN_NONPAGED_AREA = 0x50;
const ATTEMPTED_WRITE_TO_READONLY_MEMORY = 0xbe;
const ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY = 0xfc;
const SubCode = {
  Free: 0,
  NoAccess: 1,
  NoPageTable: 2,
  WriteAtRaisedIrql: 10,
  WriteValid: 11,
  WriteInvalid: 14,
  ExecuteAtRaisedIrql: 0,
  ExecuteValid: 1,
  ExecuteLargeAtRaisedIrql: 3,
  ExecuteLarge: 4,
} as const;

export const APC_LEVEL = 1;
/** Pages that a fault on a system page may take. */
const SYSTEM_FAULT_RESERVE = 8;

/** What kernel-mode code was doing when it faulted. */
export interface KernelContext {
  /** 0 PASSIVE_LEVEL, 1 APC_LEVEL, 2 DISPATCH_LEVEL and more. */
  readonly irql: number;
  /** Where the instruction and the trap frame lie; for bugchecks. */
  readonly eip: number;
  readonly trapFrame: number;
  /** The thread holds a working-set lock already: no fault on pageable memory can be resolved. */
  readonly ownsWorkingSetLock: boolean;
}

/** The kernel's own code, which is TypeScript. */
export const PASSIVE_LEVEL: KernelContext = { irql: 0, eip: 0, trapFrame: 0, ownsWorkingSetLock: false };
/**
 * MmAccessFault, branch A (nt52.md 5.2): a fault above APC_LEVEL, whatever its address. Nothing can be brought in there: what
 * is not valid is bugcheck 0A(address, IRQL, access, EIP). Stores to pages that forbid them: BE; executing data: FC.
 * @param address unsigned
 * @returns Refault or SystemDirectory: the access can be made now
 */
export function faultAtRaisedIrql(
  mm: MemoryManager,
  address: number,
  access: FaultAccess,
  from: KernelContext,
): FaultOutcome {
  const { format } = mm;
  const copied = address >= mm.layout.systemRangeStart && copySystemDirectory(mm, address);
  const pde = pdeLocation(mm, mm.current, address);
  if (!format.isValid(pde)) return irqlNotLessOrEqual(mm, address, access, from);
  if (format.isLargePage(pde)) return largePage(mm, address, access, from, SubCode.ExecuteLargeAtRaisedIrql);
  const at = findPte(mm, mm.current, address);
  if (!format.isValid(at)) return irqlNotLessOrEqual(mm, address, access, from);
  if (access === FaultAccess.Write && format.isCopyOnWrite(at)) return irqlNotLessOrEqual(mm, address, access, from);
  const outcome = validSystemPte(mm, address, access, from, at);
  return copied ? FaultOutcome.SystemDirectory : outcome;
}

/**
 * MmAccessFault, branch B: a system address at IRQL <= APC_LEVEL, accessed by the kernel. A missing directory entry is copied
 * from the System process's, a page of paged pool is brought in; everything else is a defect of kernel code: bugcheck 50, BE,
 * FC or 0A with the parameters of nt52.md 5.2.
 * Environment: does not wait: MustWait leaves the read in mm.faults.read. Outcomes: Refault, SystemDirectory, DemandZero,
 * Transition, MustWait, NoMemory, and those of resolvePrototype in the system cache; AccessViolation in hyperspace, and for a page table of the user half that does not exist.
 */
export function systemFault(
  mm: MemoryManager,
  address: number,
  access: FaultAccess,
  from: KernelContext,
): FaultOutcome {
  const { format } = mm;
  if (isPageTableAddress(mm, address)) return pageTableAccess(mm, address);
  if (copySystemDirectory(mm, address)) return FaultOutcome.SystemDirectory;
  const pde = pdeLocation(mm, mm.current, address);
  if (!format.isValid(pde)) return nonPagedArea(mm, address, access, from, SubCode.NoPageTable);
  if (format.isLargePage(pde)) return largePage(mm, address, access, from, SubCode.ExecuteLarge);
  const at = findPte(mm, mm.current, address);
  if (format.isValid(at)) return validSystemPte(mm, address, access, from, at);
  if (isHyperspace(mm, address)) return FaultOutcome.AccessViolation;
  if (from.ownsWorkingSetLock) return irqlNotLessOrEqual(mm, address, access, from);
  if (isCacheView(mm, address, at)) return cacheViewFault(mm, address, at, access);
  const protection = format.protection(at);
  const isFree = format.isPrototype(at) || protection === ProtectionMask.ZeroAccess;
  // A view of a file, or a block of paged pool, that has gone while its page was read.
  if (isFree && mm.faults.completing) return FaultOutcome.Refault;
  if (isFree) return nonPagedArea(mm, address, access, from, SubCode.Free);
  if (isNoAccess(protection)) return nonPagedArea(mm, address, access, from, SubCode.NoAccess);
  if (access === FaultAccess.Write && !isWritable(protection)) {
    return readOnly(mm, address, from, at, SubCode.WriteInvalid);
  }
  ensurePages(mm, SYSTEM_FAULT_RESERVE);
  return dispatchFault(mm, mm.systemCache, address, at);
}

/** A PTE of the system cache that points to a prototype PTE. */
function isCacheView(mm: MemoryManager, address: number, at: PteLocation): boolean {
  return address >= SYSTEM_CACHE_START && address < mm.layout.systemCacheEnd && mm.format.isPrototype(at);
}

/** A page of a file that the cache manager reads or writes. */
function cacheViewFault(mm: MemoryManager, address: number, at: PteLocation, access: FaultAccess): FaultOutcome {
  ensurePages(mm, SYSTEM_FAULT_RESERVE);
  const prototype = mm.format.prototypeAddress(at);
  return resolvePrototype(mm, mm.systemCache, address, at, prototype, ProtectionMask.Unknown, access);
}

/** The kernel reads a page table through the self-map: one of the user half may have to be brought in. */
function pageTableAccess(mm: MemoryManager, address: number): FaultOutcome {
  const { format } = mm;
  const mapped = format.addressOfPte(address);
  if (mapped >= mm.layout.systemRangeStart) {
    return copySystemDirectory(mm, mapped) ? FaultOutcome.SystemDirectory : FaultOutcome.AccessViolation;
  }
  const pde = pdeLocation(mm, mm.current, mapped);
  if (format.isZero(pde)) return FaultOutcome.AccessViolation;
  if (!format.isValid(pde)) return dispatchFault(mm, mm.current, address, pde);
  mm.cpu.invalidatePage(address | 0);
  return FaultOutcome.Refault;
}

/** Gives the current process a system directory entry that came after its creation; false: there is none it lacks. */
function copySystemDirectory(mm: MemoryManager, address: number): boolean {
  const { format } = mm;
  const pde = pdeLocation(mm, mm.current, address);
  if (format.isValid(pde)) return false;
  const master = systemPde(mm, address);
  if (!format.isValid(master)) return false;
  format.copy(pde, master);
  return true;
}

/** A valid PTE: a store is let through when the page was made to be written, execution when it may be executed. */
function validSystemPte(
  mm: MemoryManager,
  address: number,
  access: FaultAccess,
  from: KernelContext,
  at: PteLocation,
): FaultOutcome {
  const { format, pfn } = mm;
  const isRaised = from.irql > APC_LEVEL;
  if (access === FaultAccess.Write) {
    if (!format.isWritable(at)) {
      const original = format.protection(pfn.originalPte(format.frame(at)));
      const code = isRaised ? SubCode.WriteAtRaisedIrql : SubCode.WriteValid;
      if (!isWritable(original)) return readOnly(mm, address, from, at, code);
      format.setValidProtection(at, original);
    }
    format.setDirty(at);
  }
  if (access === FaultAccess.Execute && format.isNoExecute(at)) {
    return noExecute(mm, address, from, at, isRaised ? SubCode.ExecuteAtRaisedIrql : SubCode.ExecuteValid);
  }
  mm.cpu.invalidatePage(address | 0);
  return FaultOutcome.Refault;
}

function largePage(
  mm: MemoryManager,
  address: number,
  access: FaultAccess,
  from: KernelContext,
  code: number,
): FaultOutcome {
  const pde = pdeLocation(mm, mm.current, address);
  if (access === FaultAccess.Execute && mm.format.isNoExecute(pde)) return noExecute(mm, address, from, pde, code);
  return FaultOutcome.Refault;
}

function irqlNotLessOrEqual(mm: MemoryManager, address: number, access: FaultAccess, from: KernelContext): never {
  return mm.environment.bugcheck(IRQL_NOT_LESS_OR_EQUAL, address, from.irql, access, from.eip);
}

function nonPagedArea(
  mm: MemoryManager,
  address: number,
  access: FaultAccess,
  from: KernelContext,
  code: number,
): never {
  return mm.environment.bugcheck(PAGE_FAULT_IN_NONPAGED_AREA, address, access, from.trapFrame, code);
}

function readOnly(mm: MemoryManager, address: number, from: KernelContext, at: PteLocation, code: number): never {
  const contents = mm.format.low(at);
  return mm.environment.bugcheck(ATTEMPTED_WRITE_TO_READONLY_MEMORY, address, contents, from.trapFrame, code);
}

function noExecute(mm: MemoryManager, address: number, from: KernelContext, at: PteLocation, code: number): never {
  const contents = mm.format.low(at);
  return mm.environment.bugcheck(ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY, address, contents, from.trapFrame, code);
}

/**
 * Where the bytes at an address of paged pool lie, for code that cannot wait: the page is brought in on the spot. NO_PTE when no
 * page is behind the address. Valid until something may trim.
 */
export function residentLocation(mm: MemoryManager, address: number): PteLocation {
  const location = systemLocation(mm, address);
  if (location !== NO_PTE) return location;
  const at = systemPte(mm, address);
  if (at === NO_PTE || mm.format.isZero(at)) return NO_PTE;
  makeSystemAddressValid(mm, mm.systemCache, address);
  return systemLocation(mm, address);
}
