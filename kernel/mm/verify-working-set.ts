import { PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { NO_PTE } from './pte.js';
import { findEntry, workingSetPte } from './working-set.js';
import { NO_ENTRY, WsleBit } from './working-set-list.js';
import type { WorkingSetOwner } from './working-set-owner.js';

/**
 * A working set list against page tables: every entry is a valid page that finds it again, free entries are chained
 * once, hash table and counts agree, and no valid page lacks an entry.
 * @param isCounted the addresses whose valid pages were counted: the user half, or paged pool
 * @param validPages valid PTEs there, as the page tables have them
 * @param overhead entries that are locked for ever, at least
 * @returns the first inconsistency, or null
 */
export function verifyWorkingSet(
  mm: MemoryManager,
  space: WorkingSetOwner,
  isCounted: (address: number) => boolean,
  validPages: number,
  overhead: number,
): string | null {
  const list = space.workingSet;
  let used = 0;
  let counted = 0;
  let hashed = 0;
  let last = 0;
  let next = 0;
  for (let index = list.nextInUse(0); index !== NO_ENTRY; index = list.nextInUse(index + 1)) {
    if (next < index && next < list.firstDynamic) return `working set entry ${next} is locked but not in use`;
    next = index + 1;
    used++;
    last = index;
    if (isCounted(list.vpn(index) * PAGE_SIZE)) counted++;
    if (list.isHashed(index)) hashed++;
    const wrong = verifyEntry(mm, space, index);
    if (wrong !== null) return `working set entry ${index} (${hex(list.vpn(index) * PAGE_SIZE)}) ${wrong}`;
  }
  if (next < list.firstDynamic) return `working set entry ${next} is locked but not in use`;
  if (used !== space.workingSetSize) {
    return `the working set should have ${space.workingSetSize} pages but ${used} entries are in use`;
  }
  if (counted !== validPages) {
    return `the working set has entries for ${counted} pages but ${validPages} are valid`;
  }
  if (last !== list.lastEntry) return `the last working set entry should be ${list.lastEntry} but is ${last}`;
  const inTable = list.countHashed();
  if (hashed !== list.nonDirectCount || hashed !== inTable) {
    return `${hashed} working set entries are hashed, but NonDirectCount is ${list.nonDirectCount} and the table holds ${inTable}`;
  }
  if (list.firstDynamic < overhead) return `FirstDynamic is ${list.firstDynamic}`;
  return verifyFreeChain(space, used);
}

function verifyEntry(mm: MemoryManager, space: WorkingSetOwner, index: number): string | null {
  const { format, pfn } = mm;
  const list = space.workingSet;
  const at = workingSetPte(mm, space, list.vpn(index));
  if (at === NO_PTE || !format.isValid(at)) return 'is not a valid page';
  const frame = format.frame(at);
  const isDirect = (list.get(index) & WsleBit.Direct) !== 0;
  if (isDirect === list.isHashed(index)) return `is ${isDirect ? 'both' : 'neither'} direct and hashed`;
  if (isDirect && pfn.wsIndex(frame) !== index) return `is direct, but PFN ${hex(frame)} says ${pfn.wsIndex(frame)}`;
  if (!isDirect && !pfn.isPrototype(frame)) return 'is a private page in the hash table';
  if (list.isLocked(index) !== index < list.firstDynamic) return `is on the wrong side of FirstDynamic`;
  const found = findEntry(mm, space, list.vpn(index), frame);
  return found === index ? null : `is found at ${found}`;
}

function verifyFreeChain(space: WorkingSetOwner, used: number): string | null {
  const list = space.workingSet;
  const { count, wrong } = list.freeChain();
  const total = list.lastInitialized + 1;
  if (wrong !== null) return `the free working set entries link to ${wrong} after ${count} of ${total}`;
  return used + count === total ? null : `of ${total} working set entries ${used} are in use and ${count} free`;
}

const hex = (value: number): string => (value >>> 0).toString(16);
