import { PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { ProtectionMask } from './protection.js';
import { mapSystemPages, systemPte, unmapSystemPages } from './system-pages.js';

/** A thread's kernel stack: 12 KB above one guard PTE that is never valid (nt52.md 6.9). */
export const KERNEL_STACK_PAGES = 3;
export const KERNEL_STACK_SIZE = KERNEL_STACK_PAGES * PAGE_SIZE;

/**
 * MmCreateKernelStack. Returns the address just above the stack (its InitialStack), or 0 when system PTEs, commitment or
 * frames are used up (INSUFFICIENT_RESOURCES). The pages read as zeros. Environment: PASSIVE_LEVEL, does not wait.
 */
export function createKernelStack(mm: MemoryManager): number {
  if (!mm.commit.chargeSystem(KERNEL_STACK_PAGES)) return 0;
  const guard = mm.systemPtes.reserve(KERNEL_STACK_PAGES + 1);
  if (guard === 0) {
    mm.commit.release(KERNEL_STACK_PAGES);
    return 0;
  }
  if (!mapSystemPages(mm, guard + PAGE_SIZE, KERNEL_STACK_PAGES)) {
    mm.systemPtes.release(guard, KERNEL_STACK_PAGES + 1);
    mm.commit.release(KERNEL_STACK_PAGES);
    return 0;
  }
  mm.format.writeDemandZero(systemPte(mm, guard), ProtectionMask.NoAccess);
  mm.committed.kernelStacks += KERNEL_STACK_PAGES;
  return guard + PAGE_SIZE + KERNEL_STACK_SIZE;
}

/** MmDeleteKernelStack. @param initialStack what createKernelStack returned */
export function deleteKernelStack(mm: MemoryManager, initialStack: number): void {
  const bottom = initialStack - KERNEL_STACK_SIZE;
  unmapSystemPages(mm, bottom, KERNEL_STACK_PAGES);
  mm.format.writeZero(systemPte(mm, bottom - PAGE_SIZE));
  mm.systemPtes.release(bottom - PAGE_SIZE, KERNEL_STACK_PAGES + 1);
  mm.committed.kernelStacks -= KERNEL_STACK_PAGES;
  mm.commit.release(KERNEL_STACK_PAGES);
}
