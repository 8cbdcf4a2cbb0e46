import { AddressSpace } from './address-space.js';
import {
  HYPERSPACE_SIZE,
  HYPERSPACE_WORKING_SET_LIST,
  PAGE_SHIFT,
  PAGE_SIZE,
  SYSTEM_CACHE_START,
  SYSTEM_CACHE_WORKING_SET_LIST,
} from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { addHyperspacePage } from './page-directory.js';
import { findPte } from './page-table.js';
import { NO_PTE, type PteLocation } from './pte.js';
import { mapSystemPages, systemFrame } from './system-pages.js';
import { HASH_ENTRIES_PER_PAGE, NO_ENTRY, WSLE_LOCKED, WsleBit } from './working-set-list.js';
import type { WorkingSetOwner } from './working-set-owner.js';
import { traceInsertion } from './working-set-trace.js';
import { considerGrowth, replaceOne, trimWorkingSet } from './working-set-trim.js';

/** The hash table is made bigger when half of it is used; entries beyond all but these make it full. */
const HASH_RESERVE = 16;

/**
 * The working set of a process: one WSLE for every valid page of its user half, for its page tables and for the pages that
 * hold its bookkeeping (nt52.md 6.1, 6.2). Who makes a PTE valid inserts an entry, who ends that removes it.
 * Environment: working-set lock of NT; nothing here waits. Only growing the list allocates.
 */

/**
 * There is an entry for one more page, for which another may have had to leave. False when the list is full and no page is left for more of it.
 * @param holder frame of the page that holds the new page's PTE: it stays, whatever leaves
 * @param prototype address of its prototype PTE, whose page stays too; 0 for private pages
 */
export function hasWorkingSetRoom(mm: MemoryManager, space: WorkingSetOwner, holder: number, prototype = 0): boolean {
  const list = space.workingSet;
  if (space.workingSetSize < space.vm.minimum && list.firstFree !== NO_ENTRY) return true;
  const prototypePage = prototype === 0 ? 0 : systemFrame(mm, prototype);
  holdPage(mm, holder);
  if (prototypePage !== 0) holdPage(mm, prototypePage);
  if (space.workingSetSize >= space.vm.minimum) considerGrowth(mm, space);
  const hasRoom = list.firstFree !== NO_ENTRY || growWorkingSetList(mm, space) || makeRoom(mm, space);
  releaseHold(mm, holder);
  if (prototypePage !== 0) releaseHold(mm, prototypePage);
  return hasRoom;
}

/** A list that cannot grow, for want of a page or of commitment, has room again once another page has left. */
function makeRoom(mm: MemoryManager, space: WorkingSetOwner): boolean {
  const isReplaced = replaceOne(mm, space) || trimWorkingSet(mm, space, 1, 0) > 0;
  return isReplaced && space.workingSet.firstFree !== NO_ENTRY;
}

/** A page table, or a page of prototype PTEs, whose PTEs are looked at must not be trimmed meanwhile: one share more. */
export function holdPage(mm: MemoryManager, frame: number): void {
  mm.pfn.setShareCount(frame, mm.pfn.shareCount(frame) + 1);
}

export function releaseHold(mm: MemoryManager, frame: number): void {
  mm.pfn.setShareCount(frame, mm.pfn.shareCount(frame) - 1);
}

/**
 * As hasWorkingSetRoom, and there is room in the hash table for a page that has entries elsewhere too; when there is none, the
 * process gives up pages before the next try.
 */
export function hasSharedWorkingSetRoom(mm: MemoryManager, space: WorkingSetOwner): boolean {
  const list = space.workingSet;
  if (list.nonDirectCount * 2 >= list.hashSize) growHashTable(mm, space);
  if (list.nonDirectCount + HASH_RESERVE < list.hashSize) return true;
  space.vm.forceTrim = true;
  return false;
}

/** A private page, or a page table, became valid: room has been made sure of. Direct from the start. */
export function insertPrivateEntry(mm: MemoryManager, space: WorkingSetOwner, address: number, frame: number): void {
  const index = space.workingSet.take(address >>> PAGE_SHIFT, WsleBit.Direct);
  mm.pfn.setWsIndex(frame, index);
  countInsertion(mm, space, address);
}

/**
 * A shared page became valid. The first process to map it becomes the one that WsIndex speaks of.
 * @param protection of this mapping where it is not the default, else 0
 */
export function insertSharedEntry(
  mm: MemoryManager,
  space: WorkingSetOwner,
  address: number,
  frame: number,
  protection: number,
): void {
  const list = space.workingSet;
  const index = list.take(address >>> PAGE_SHIFT, WsleBit.Direct);
  if (protection !== 0) list.setProtection(index, protection);
  const hint = mm.pfn.wsIndex(frame);
  if (hint === 0) mm.pfn.setWsIndex(frame, index);
  else if (hint !== index) list.hash(index);
  countInsertion(mm, space, address);
}

function countInsertion(mm: MemoryManager, space: WorkingSetOwner, address: number): void {
  if (mm.environment.traceWorkingSet) traceInsertion(mm, space, address);
  space.workingSetSize++;
  space.pageFaultCount++;
  if (space.workingSetSize > space.peakWorkingSetSize) space.peakWorkingSetSize = space.workingSetSize;
}

/** MiLocateWsle: the entry of a valid page, -1 when there is none (a bug that verify.ts finds). */
export function findEntry(mm: MemoryManager, space: WorkingSetOwner, vpn: number, frame: number): number {
  const list = space.workingSet;
  const hint = mm.pfn.wsIndex(frame);
  if (list.isValid(hint) && list.vpn(hint) === vpn) return hint;
  return list.lookUp(vpn);
}

/** The page is about to leave the working set: its entry is free again. */
export function removeEntry(mm: MemoryManager, space: WorkingSetOwner, vpn: number, frame: number): void {
  const list = space.workingSet;
  let index = findEntry(mm, space, vpn, frame);
  if (index < 0) return;
  if (index < list.firstDynamic) {
    list.firstDynamic--;
    swapEntries(mm, space, index, list.firstDynamic);
    index = list.firstDynamic;
  }
  if (list.isHashed(index)) list.unhash(index);
  list.release(index);
  space.workingSetSize--;
}

/** A copy took the place of a shared page at the same address: its entry now is a private page's. */
export function makeEntryPrivate(
  mm: MemoryManager,
  space: WorkingSetOwner,
  vpn: number,
  shared: number,
  copy: number,
): void {
  const list = space.workingSet;
  const index = findEntry(mm, space, vpn, shared);
  if (index < 0) return;
  if (list.isHashed(index)) list.unhash(index);
  list.setProtection(index, 0);
  list.set(index, list.get(index) | WsleBit.Direct);
  mm.pfn.setWsIndex(copy, index);
}

/** Protection that a process gave a valid shared page of its own; 0 = the default. */
export function entryProtection(mm: MemoryManager, space: WorkingSetOwner, vpn: number, frame: number): number {
  const index = findEntry(mm, space, vpn, frame);
  return index < 0 ? 0 : space.workingSet.protection(index);
}

/** Notes such a protection. */
export function setEntryProtection(
  mm: MemoryManager,
  space: WorkingSetOwner,
  vpn: number,
  frame: number,
  protection: number,
): void {
  const index = findEntry(mm, space, vpn, frame);
  if (index >= 0) space.workingSet.setProtection(index, protection);
}

/** Exchanges two entries, either of which may be free; MiSwapWslEntries. */
export function swapEntries(mm: MemoryManager, space: WorkingSetOwner, first: number, second: number): void {
  if (first === second) return;
  const list = space.workingSet;
  const isFirstUsed = list.isValid(first);
  const isSecondUsed = list.isValid(second);
  const [used, free] = isFirstUsed ? [first, second] : [second, first];
  if (!isFirstUsed || !isSecondUsed) {
    moveEntry(mm, space, used, free);
    return;
  }
  // An entry in the hash table would be found at its old index.
  if (list.isHashed(first)) list.unhash(first);
  if (list.isHashed(second)) list.unhash(second);
  const entry = list.get(first);
  const other = list.get(second);
  const direct = [entry, other].map((value) => (value & WsleBit.Direct) !== 0);
  list.set(second, entry);
  list.set(first, other);
  settle(mm, space, second, direct[0] === true);
  settle(mm, space, first, direct[1] === true);
}

/** Moves a valid entry to a given free one. */
function moveEntry(mm: MemoryManager, space: WorkingSetOwner, from: number, to: number): void {
  const list = space.workingSet;
  unchain(space, to);
  const isDirect = !list.isHashed(from);
  if (!isDirect) list.unhash(from);
  list.set(to, list.get(from));
  list.release(from);
  list.noteUse(to);
  settle(mm, space, to, isDirect);
}

/** Takes one particular entry out of the chain of free ones. */
function unchain(space: WorkingSetOwner, wanted: number): void {
  const list = space.workingSet;
  if (list.firstFree === wanted) {
    list.firstFree = list.get(wanted) >>> 4;
    return;
  }
  for (let index = list.firstFree; index !== NO_ENTRY; index = list.get(index) >>> 4) {
    if (list.get(index) >>> 4 !== wanted) continue;
    list.set(index, list.get(wanted) & ~0xf);
    return;
  }
}

/** An entry has a new index: private pages say so in their PFN entry, shared ones are found through the hash table. */
function settle(mm: MemoryManager, space: WorkingSetOwner, index: number, wasDirect: boolean): void {
  const list = space.workingSet;
  const at = workingSetPte(mm, space, list.vpn(index));
  const frame = at === NO_PTE ? 0 : mm.format.frame(at);
  if (wasDirect && !mm.pfn.isPrototype(frame)) mm.pfn.setWsIndex(frame, index);
  else if (mm.pfn.wsIndex(frame) === index) list.set(index, list.get(index) | WsleBit.Direct);
  else list.hash(index);
}

/** Where the PTE of a page in a working set lies, which may be a page table's: then it is a PDE. */
export function workingSetPte(mm: MemoryManager, space: WorkingSetOwner, vpn: number): PteLocation {
  return findPte(mm, space, vpn * PAGE_SIZE);
}

// --- locked pages

/** Locks a page in the working set: its entry moves below FirstDynamic. @param lock WsleBit.LockedInWs or LockedInMemory */
export function lockEntry(mm: MemoryManager, space: WorkingSetOwner, index: number, lock: number): void {
  const list = space.workingSet;
  const wasLocked = index < list.firstDynamic;
  list.set(index, list.get(index) | lock);
  if (wasLocked) return;
  swapEntries(mm, space, index, list.firstDynamic);
  list.firstDynamic++;
}

/** Takes a lock away; without any, the entry is one of the others again. */
export function unlockEntry(mm: MemoryManager, space: WorkingSetOwner, index: number, lock: number): void {
  const list = space.workingSet;
  list.set(index, list.get(index) & ~lock);
  if ((list.get(index) & WSLE_LOCKED) !== 0) return;
  list.firstDynamic--;
  swapEntries(mm, space, index, list.firstDynamic);
}

// --- pages of the list itself

/** One more page of WSLEs; it takes the first of its own entries and is locked. False when there is none to be had. */
function growWorkingSetList(mm: MemoryManager, space: WorkingSetOwner): boolean {
  const list = space.workingSet;
  const address = listAddress(mm, space) + list.pages.length * PAGE_SIZE;
  if (address >= list.hashStart) return false;
  const frame = addListPage(mm, space, address);
  if (frame === 0) return false;
  list.pages.push(mm.memory.hostPage(frame) >>> 2);
  list.initializeEntries();
  // Locking an entry moves another one, which may have to be found through the hash table from then on.
  if (list.hashSize === 0) growHashTable(mm, space);
  if (list.hashSize === 0) insertPrivateEntry(mm, space, address, frame);
  else insertLocked(mm, space, address, frame);
  return true;
}

/** Doubles the hash table. Pages that were added when it failed half-way wait for the next attempt. */
function growHashTable(mm: MemoryManager, space: WorkingSetOwner): void {
  const list = space.workingSet;
  const wanted = Math.max(1, list.hashSize / HASH_ENTRIES_PER_PAGE) * (list.hashSize === 0 ? 1 : 2);
  while (list.hashPages.length < wanted && (list.firstFree !== NO_ENTRY || growWorkingSetList(mm, space))) {
    // Making room may have had to make the table.
    if (list.hashPages.length >= wanted) return;
    const address = list.hashStart + list.hashPages.length * PAGE_SIZE;
    if (address >= listEnd(mm, space)) return;
    const frame = addListPage(mm, space, address);
    if (frame === 0) return;
    list.hashPages.push(mm.memory.hostPage(frame) >>> 2);
    if (list.hashPages.length === wanted) list.rebuildHash();
    insertLocked(mm, space, address, frame);
  }
}

/** Entries of bookkeeping pages are locked for ever. */
export function insertLocked(mm: MemoryManager, space: WorkingSetOwner, address: number, frame: number): void {
  insertPrivateEntry(mm, space, address, frame);
  space.pageFaultCount--;
  lockEntry(mm, space, mm.pfn.wsIndex(frame), WsleBit.LockedInWs);
}

/** Where the list begins, and where what is behind it begins. */
function listAddress(mm: MemoryManager, space: WorkingSetOwner): number {
  const isProcess = space instanceof AddressSpace;
  return isProcess ? mm.format.hyperspace + HYPERSPACE_WORKING_SET_LIST : SYSTEM_CACHE_WORKING_SET_LIST;
}

function listEnd(mm: MemoryManager, space: WorkingSetOwner): number {
  return space instanceof AddressSpace ? mm.format.hyperspace + HYPERSPACE_SIZE : SYSTEM_CACHE_START;
}

function addListPage(mm: MemoryManager, space: WorkingSetOwner, address: number): number {
  if (!mm.commit.chargeSystem(1)) return 0;
  const frame =
    space instanceof AddressSpace
      ? addHyperspacePage(mm, space, address - mm.format.hyperspace)
      : addSystemPage(mm, address);
  if (frame === 0) {
    mm.commit.release(1);
    return 0;
  }
  mm.committed.processOverhead++;
  space.workingSetListFrames.push(frame);
  return frame;
}

function addSystemPage(mm: MemoryManager, address: number): number {
  return mapSystemPages(mm, address, 1) ? systemFrame(mm, address) : 0;
}
