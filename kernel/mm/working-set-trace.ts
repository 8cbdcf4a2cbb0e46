import { hex } from '../trace.js';
import { PAGE_SHIFT, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { pteText } from './paging-trace.js';
import { NO_PTE } from './pte.js';
import { workingSetPte } from './working-set.js';
import type { WorkingSetOwner } from './working-set-owner.js';

/** `--trace working-set`: the events. Callers ask first whether anybody listens. */

/** A page has come in: its PTE as it is now, and the pages of the working set with it. */
export function traceInsertion(mm: MemoryManager, space: WorkingSetOwner, address: number): void {
  mm.environment.traceWorkingSet?.('working-set-insert', {
    process: space.processId,
    address: hex(address),
    pte: workingSetPteText(mm, space, address),
    size: space.workingSetSize + 1,
  });
}

/** Replacement, the working set manager or the process itself puts a page out, which `remove` does. */
export function traceTrim(mm: MemoryManager, space: WorkingSetOwner, index: number, remove: () => void): void {
  const list = space.workingSet;
  const address = list.vpn(index) * PAGE_SIZE;
  const age = list.age(index);
  const before = workingSetPteText(mm, space, address);
  remove();
  mm.environment.traceWorkingSet?.('working-set-trim', {
    process: space.processId,
    address: hex(address),
    age,
    pteBefore: before,
    pteAfter: workingSetPteText(mm, space, address),
    size: space.workingSetSize,
  });
}

/** The limits have changed, in pages. */
export function traceLimits(mm: MemoryManager, space: WorkingSetOwner): void {
  const { minimum, maximum, hardMinimum, hardMaximum } = space.vm;
  mm.environment.traceWorkingSet?.('working-set-limits', {
    process: space.processId,
    minimum,
    maximum,
    hardMinimum,
    hardMaximum,
    size: space.workingSetSize,
  });
}

function workingSetPteText(mm: MemoryManager, space: WorkingSetOwner, address: number): string {
  const at = workingSetPte(mm, space, address >>> PAGE_SHIFT);
  return at === NO_PTE ? hex(0) : pteText(mm, at);
}
