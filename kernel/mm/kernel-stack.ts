import { FaultOutcome } from './fault-outcome.js';
import { ensurePages, noPagesAvailable } from './free-pages.js';
import { PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { isBeingRead, startPageRead } from './page-read.js';
import type { PageRead } from './paging.js';
import { decrementShareCount, deletePage, markModified, reactivate } from './pfn-counts.js';
import { ProtectionMask } from './protection.js';
import { mapSystemPages, systemFrame, systemPde, systemPte, unmapSystemPages } from './system-pages.js';

/** A thread's kernel stack: 12 KB above one guard PTE that is never valid (nt52.md 6.9). */
export const KERNEL_STACK_PAGES = 3;
export const KERNEL_STACK_SIZE = KERNEL_STACK_PAGES * PAGE_SIZE;
/** Pages that bringing a stack in may take. */
const STACK_RESERVE = KERNEL_STACK_PAGES + 2;

/**
 * Stacks of ended threads that are kept for the next ones (MmDeadStackSListHead): u1 of the PFN entry of a stack's lowest page
 * names the lowest page of the next.
 */
export class DeadKernelStacks {
  #first = 0;
  #count = 0;
  readonly #mm: MemoryManager;

  constructor(mm: MemoryManager) {
    this.#mm = mm;
  }

  get count(): number {
    return this.#count;
  }

  /** Keeps a stack. False: there are enough already. */
  push(initialStack: number): boolean {
    const { pfn, thresholds } = this.#mm;
    if (this.#count >= thresholds.deadKernelStacks) return false;
    const lowest = systemFrame(this.#mm, initialStack - KERNEL_STACK_SIZE);
    pfn.setWsIndex(lowest, this.#first);
    this.#first = lowest;
    this.#count++;
    return true;
  }

  /** The stack that was kept last, as createKernelStack returned it; 0: there is none. */
  pop(): number {
    if (this.#first === 0) return 0;
    const { pfn } = this.#mm;
    const lowest = this.#first;
    this.#first = pfn.wsIndex(lowest);
    pfn.setWsIndex(lowest, 0);
    this.#count--;
    return this.#topOf(lowest);
  }

  #topOf(lowest: number): number {
    const { format, pfn } = this.#mm;
    return format.addressOfPte(pfn.pteAddress(lowest)) + KERNEL_STACK_SIZE;
  }

  /** The first thing wrong with the chain, or null. */
  verify(): string | null {
    const { pfn } = this.#mm;
    let count = 0;
    for (let frame = this.#first; frame !== 0 && count <= this.#count; frame = pfn.wsIndex(frame), count++) {
      if (systemFrame(this.#mm, this.#topOf(frame) - KERNEL_STACK_SIZE) !== frame)
        return `frame ${frame.toString(16)} is in the chain of dead kernel stacks, but not of one`;
    }
    return count === this.#count ? null : `${this.#count} dead kernel stacks are counted, but ${count} are chained`;
  }
}

/**
 * MmCreateKernelStack. Returns the address just above the stack (its InitialStack), or 0 when system PTEs, commitment,
 * resident pages or frames are used up (INSUFFICIENT_RESOURCES). The pages of a stack that had no owner before read as zeros.
 * Environment: PASSIVE_LEVEL, does not wait.
 */
export function createKernelStack(mm: MemoryManager): number {
  const dead = mm.deadKernelStacks.pop();
  if (dead !== 0) return dead;
  if (!mm.commit.chargeSystem(KERNEL_STACK_PAGES)) return 0;
  if (!mm.resident.charge('kernelStacks', KERNEL_STACK_PAGES)) {
    mm.commit.release(KERNEL_STACK_PAGES);
    return 0;
  }
  const guard = mm.systemPtes.reserve(KERNEL_STACK_PAGES + 1);
  if (guard === 0 || !mapSystemPages(mm, guard + PAGE_SIZE, KERNEL_STACK_PAGES)) {
    if (guard !== 0) mm.systemPtes.release(guard, KERNEL_STACK_PAGES + 1);
    mm.resident.release('kernelStacks', KERNEL_STACK_PAGES);
    mm.commit.release(KERNEL_STACK_PAGES);
    return 0;
  }
  makeDataOnly(mm, guard + PAGE_SIZE);
  mm.format.writeDemandZero(systemPte(mm, guard), ProtectionMask.NoAccess);
  mm.committed.kernelStacks += KERNEL_STACK_PAGES;
  return guard + PAGE_SIZE + KERNEL_STACK_SIZE;
}

/** Nothing on a kernel stack is ever executed (nt52.md 16), unless NX is off for all. @param bottom lowest address of the stack */
function makeDataOnly(mm: MemoryManager, bottom: number): void {
  if (mm.environment.noExecute === 'alwaysoff') return;
  for (let page = 0; page < KERNEL_STACK_PAGES; page++)
    mm.format.setNoExecute(systemPte(mm, bottom + page * PAGE_SIZE));
}

/** MmDeleteKernelStack: a few stacks are kept for the next threads. @param initialStack what createKernelStack returned */
export function deleteKernelStack(mm: MemoryManager, initialStack: number): void {
  if (mm.deadKernelStacks.push(initialStack)) return;
  const bottom = initialStack - KERNEL_STACK_SIZE;
  unmapSystemPages(mm, bottom, KERNEL_STACK_PAGES);
  mm.format.writeZero(systemPte(mm, bottom - PAGE_SIZE));
  mm.systemPtes.release(bottom - PAGE_SIZE, KERNEL_STACK_PAGES + 1);
  mm.committed.kernelStacks -= KERNEL_STACK_PAGES;
  mm.resident.release('kernelStacks', KERNEL_STACK_PAGES);
  mm.commit.release(KERNEL_STACK_PAGES);
}

/** The page of a stack that holds what a waiting thread needs: trap frame, floating-point state, and the kernel's own frames. */
const topPage = (initialStack: number): number => initialStack - PAGE_SIZE;

/**
 * MmOutPageKernelStack: the page in use goes to the modified list, its PTE to transition without access; the pages below are
 * given back. The thread must not run before inPageKernelStack.
 */
export function outPageKernelStack(mm: MemoryManager, initialStack: number): void {
  const { format, pfn } = mm;
  for (let address = initialStack - KERNEL_STACK_SIZE; address < initialStack; address += PAGE_SIZE) {
    const at = systemPte(mm, address);
    const frame = format.frame(at);
    if (address === topPage(initialStack)) {
      format.setProtection(pfn.originalPte(frame), ProtectionMask.NoAccess);
      format.writeTransition(at, frame, ProtectionMask.NoAccess);
      mm.cpu.invalidatePage(address | 0);
      decrementShareCount(mm, frame);
    } else {
      format.writeDemandZero(at, ProtectionMask.NoAccess);
      mm.cpu.invalidatePage(address | 0);
      deletePage(mm, frame);
    }
  }
  mm.resident.release('kernelStacks', KERNEL_STACK_PAGES);
}

/** A stack's page on its way into memory. */
export interface StackRead {
  /** Null: it is there. */
  readonly read: PageRead | null;
  /** The read was begun for this caller, who lets the page go in the end. */
  readonly begun: boolean;
}

/**
 * The first half of MmInPageKernelStack: what has to end before the second half. Running out of pages here is the end of the
 * machine.
 */
export function beginInPageKernelStack(mm: MemoryManager, initialStack: number): StackRead {
  const { format } = mm;
  const address = topPage(initialStack);
  const at = systemPte(mm, address);
  if (format.isTransition(at)) {
    const isPending = isBeingRead(mm, format.transitionFrame(at));
    return { read: isPending ? mm.faults.read : null, begun: false };
  }
  ensurePages(mm, STACK_RESERVE);
  const table = format.frame(systemPde(mm, address));
  if (startPageRead(mm, at, format.pteAddress(address), table, false) !== FaultOutcome.MustWait) noPagesAvailable(mm);
  return { read: mm.faults.read, begun: true };
}

/** The second half: the stack is resident again, its pages below the one in use zeros. The page of its trap frame. */
export function endInPageKernelStack(mm: MemoryManager, initialStack: number): number {
  const { format, pfn } = mm;
  const address = topPage(initialStack);
  const at = systemPte(mm, address);
  const frame = format.transitionFrame(at);
  reactivate(mm, frame);
  pfn.setShareCount(frame, 1);
  markModified(mm, frame);
  format.setProtection(pfn.originalPte(frame), ProtectionMask.ReadWrite);
  format.writeKernel(at, frame, true);
  const bottom = initialStack - KERNEL_STACK_SIZE;
  if (!mapSystemPages(mm, bottom, KERNEL_STACK_PAGES - 1)) noPagesAvailable(mm);
  makeDataOnly(mm, bottom);
  mm.resident.chargeAnyway('kernelStacks', KERNEL_STACK_PAGES);
  return systemFrame(mm, address);
}

/** The first thing wrong with the PTEs of an outswapped stack, or null. */
export function verifyOutswappedStack(mm: MemoryManager, initialStack: number): string | null {
  const { format } = mm;
  const at = systemPte(mm, topPage(initialStack));
  if (format.isValid(at))
    return `the kernel stack below ${initialStack.toString(16)} is swapped out, but its page is valid`;
  for (let page = 2; page <= KERNEL_STACK_PAGES; page++) {
    const unused = systemPte(mm, initialStack - page * PAGE_SIZE);
    if (!format.isDemandZero(unused) || format.protection(unused) !== ProtectionMask.NoAccess)
      return `an unused page of the outswapped kernel stack below ${initialStack.toString(16)} is still there`;
  }
  return null;
}
