import type { AddressSpace } from './address-space.js';
import { allocateVirtualMemory, MemoryType } from './allocate-virtual-memory.js';
import { canExtendFor } from './dereference-thread.js';
import { FaultOutcome } from './fault-outcome.js';
import { PAGE_MASK, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { PageProtection } from './protection.js';
import { readUser32, writeUser32 } from './user-access.js';

/** TEB fields (nt52.md 11.3). */
const STACK_BASE = 0x04;
const STACK_LIMIT = 0x08;
const DEALLOCATION_STACK = 0xe0c;
const GUARANTEED_STACK_BYTES = 0xf78;

/**
 * A guard page was touched and its guard is already gone: MiCheckForUserStackOverflow (nt52.md 5.3). On the
 * running thread's own stack the kernel puts a new guard page below and goes on; anywhere else the program is told.
 *
 * The lowest page of a stack's reservation is never committed: when the new guard page would have to lie there (or on the page above
 * it), the last usable page becomes an ordinary one and the thread gets STACK_OVERFLOW.
 * Environment: no locks; does not wait. Outcomes: StackGrowth, GuardPageViolation, StackOverflow, MustWait.
 */
export function guardPageHit(mm: MemoryManager, space: AddressSpace, address: number): FaultOutcome {
  mm.counters.guardPageFaults++;
  return growStack(mm, space, address, mm.faults.mayWait);
}

/**
 * @param mayWait MustWait when commitment for the growth needs larger paging files, with the pages in mm.faults.commitment: the thread
 * lets the dereference segment thread see to it, and comes back here with false.
 */
export function growStack(mm: MemoryManager, space: AddressSpace, address: number, mayWait: boolean): FaultOutcome {
  const teb = mm.environment.currentTeb();
  if (teb === 0 || mm.isAttached()) return FaultOutcome.GuardPageViolation;
  const base = readUser32(mm, teb + STACK_BASE);
  const reservation = readUser32(mm, teb + DEALLOCATION_STACK);
  const guaranteed = readUser32(mm, teb + GUARANTEED_STACK_BYTES);
  if (base < 0 || reservation < 0 || guaranteed < 0) return FaultOutcome.GuardPageViolation;
  if (address < reservation || address >= base) return FaultOutcome.GuardPageViolation;

  const region = guaranteed === 0 ? PAGE_SIZE : roundUp(guaranteed) + PAGE_SIZE;
  if (mayWait && canExtendFor(mm, region / PAGE_SIZE)) {
    mm.faults.read = null;
    mm.faults.commitment = region / PAGE_SIZE;
    return FaultOutcome.MustWait;
  }
  const next = address - (address & PAGE_MASK) - region;
  const lowest = guaranteed === 0 ? reservation : reservation - PAGE_SIZE;
  if (next - PAGE_SIZE <= lowest) {
    const last = reservation + PAGE_SIZE;
    if (commit(mm, space, last, region, PageProtection.ReadWrite)) writeUser32(mm, teb + STACK_LIMIT, last);
    return FaultOutcome.StackOverflow;
  }
  writeUser32(mm, teb + STACK_LIMIT, next + region);
  const guarded = PageProtection.ReadWrite | PageProtection.Guard;
  return commit(mm, space, next, region, guarded) ? FaultOutcome.StackGrowth : FaultOutcome.StackOverflow;
}

function commit(mm: MemoryManager, space: AddressSpace, base: number, size: number, protection: number): boolean {
  const request = { base, zeroBits: 0, size, type: MemoryType.Commit, protection };
  return allocateVirtualMemory(mm.context, space, request).status === 0;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
}
