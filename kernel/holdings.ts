import type { BootedKernel } from './boot.js';
import { KERNEL_STACK_PAGES } from './mm/kernel-stack.js';

/** Numbers by their name. */
export type Holdings = Readonly<Record<string, number>>;

/**
 * Everything that a process can hold of a machine: objects, handles, pool by its tags, kernel stacks, commitment, frames, address spaces,
 * timers, open files. Of what the kernel keeps for its next use, pool pages and dead stacks are left out; files that nobody maps are not
 * (mm.unusedSegments.deleteAll).
 */
export function holdings(kernel: BootedKernel): Holdings {
  const { mm, ob, ps, ke, io } = kernel;
  const deadStacks = mm.deadKernelStacks.count * KERNEL_STACK_PAGES;
  const types = Object.values(ob.types);
  const held: Record<string, number> = {
    handles: types.reduce((sum, { handleCount }) => sum + handleCount, 0),
    'pages of kernel stacks': mm.committed.kernelStacks - deadStacks,
    'pages of commitment': mm.commit.charged - mm.committed.pool - deadStacks,
    'pages in use': mm.pfn.frameCount - mm.lists.availablePages - mm.lists.bad.total - mm.committed.pool - deadStacks,
    'pages of AWE': mm.committed.awe,
    'pages of the paging files': mm.paging.files.reduce((sum, file) => sum + file.usage, 0),
    'address spaces': mm.addressSpaces.length,
    processes: ps.processes.length,
    timers: ke.dispatcher.timers.count,
    'open files': io.volumes.reduce((sum, volume) => sum + volume.openBelow([]).length, 0),
  };
  for (const { name, objectCount } of types) held[`objects of type ${name}`] = objectCount;
  for (const { tag, paged, nonPaged } of mm.pool.trackers.list()) {
    held[`bytes of paged pool ${tag}`] = paged.bytes;
    held[`bytes of nonpaged pool ${tag}`] = nonPaged.bytes;
  }
  return held;
}

/**
 * What is held now that was not before, and the other way about, a line each; empty: nothing has leaked.
 * @param before of a machine with the same options
 */
export function leaks(before: Holdings, after: Holdings): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => {
    const difference = (after[name] ?? 0) - (before[name] ?? 0);
    return difference === 0 ? [] : [`${difference > 0 ? '+' : ''}${difference} ${name}`];
  });
}
