import { AddressSpace } from './address-space.js';
import { KERNEL_STACK_PAGES, verifyOutswappedStack } from './kernel-stack.js';
import type { MemoryManager } from './memory-manager.js';
import type { WorkingSetOwner } from './working-set-owner.js';

/**
 * What was promised to stay in memory against those who hold the promises, and who can be trimmed.
 * @returns the first inconsistency, or null
 */
export function verifyResidence(mm: MemoryManager): string | null {
  const { resident, workingSetManager } = mm;
  const processes = mm.addressSpaces.filter((space) => space !== mm.systemSpace);
  const minimums = processes.reduce((sum, space) => sum + space.vm.minimum, 0);
  if (resident.charged.workingSets !== minimums) {
    return `${resident.charged.workingSets} resident pages are promised to working sets, whose minimums make ${minimums}`;
  }
  const owned = processes.reduce((sum, space) => sum + (space.awe?.pages ?? 0), 0);
  if (resident.charged.awe !== owned || mm.committed.awe !== owned) {
    return `${resident.charged.awe} resident pages are promised to AWE, ${mm.committed.awe} charged, but processes own ${owned}`;
  }
  const large = processes.reduce((sum, space) => sum + largePages(space), 0);
  if (resident.charged.largePages !== large) {
    return `${resident.charged.largePages} resident pages are promised to large pages, which have ${large}`;
  }
  const bad = mm.lists.bad.total - new Set(mm.environment.badPages).size;
  if (resident.charged.badPages !== bad) {
    return `${resident.charged.badPages} resident pages are said to have failed since boot, but ${bad} have`;
  }
  const { swappedOut } = mm.swapper;
  const stacks = mm.committed.kernelStacks - swappedOut.length * KERNEL_STACK_PAGES;
  if (resident.charged.kernelStacks !== stacks) {
    return `${resident.charged.kernelStacks} resident pages are promised to kernel stacks, but ${stacks} are in memory`;
  }
  for (const thread of swappedOut) {
    const wrong = thread.kernelStackResident ? 'a thread with a kernel stack counts as swapped out' : null;
    const found = wrong ?? verifyOutswappedStack(mm, thread.initialStack);
    if (found !== null) return found;
  }
  const chain = mm.deadKernelStacks.verify();
  if (chain !== null) return chain;
  const owners: readonly WorkingSetOwner[] = [mm.systemCache, ...processes];
  for (const space of owners) {
    const listed = workingSetManager.expansion.filter((other) => other === space).length;
    const isOut = space instanceof AddressSpace && space.outSwapped;
    if (listed !== (isOut ? 0 : 1))
      return `process ${space.processId} is ${listed} times on the list of working sets to trim`;
  }
  const out = processes.filter((space) => space.outSwapped).length;
  return workingSetManager.expansion.length === owners.length - out
    ? null
    : 'the list of working sets to trim has a process that is no more';
}

function largePages(space: AddressSpace): number {
  let pages = 0;
  for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) if (vad.isLargePages) pages += vad.pages;
  return pages;
}
