import type { AddressSpace } from './address-space.js';
import { FaultOutcome } from './fault-outcome.js';
import { ensurePages, noPagesAvailable } from './free-pages.js';
import { HYPERSPACE_VAD_BITMAP, HYPERSPACE_WORKING_SET_LIST, PAGE_SIZE, PageLocation, PTE_BASE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import {
  installDirectoryPointers,
  releaseListPages,
  removeDirectoryPointers,
  switchAddressSpace,
} from './page-directory.js';
import { isBeingRead, READ_RETRY_DELAY, releasePageRead, startPageRead } from './page-read.js';
import type { PageRead } from './paging.js';
import { decrementShareCount, incrementShareCount, markModified, reactivate } from './pfn-counts.js';
import { ProtectionMask } from './protection.js';
import { type PteLocation, PteOwner, pteLocation } from './pte.js';
import { systemFrame, systemLocation } from './system-pages.js';
import { VadType } from './vad.js';
import { unlockEntry } from './working-set.js';
import { WsleBit } from './working-set-list.js';
import { emptyWorkingSet } from './working-set-trim.js';

/**
 * MmOutSwapProcess and MmInSwapProcess (nt52.md 6.9): the pages that hold a process's page directories, hyperspace table, VAD bitmap
 * and working set list leave memory once nothing else of the process is in it, and come back before one of its threads can run.
 *
 * They depend on each other: the top page directory's PTE, otherwise in that directory itself, moves to EPROCESS.PageDirectoryPte; it holds the
 * PTEs of the other directories and of the hyperspace table, and that one those of the last two pages. Pages leave in the
 * opposite order, at once; a page whose children are still in transition stays active until the last of them has left it.
 */

const KERNEL_DATA_INPAGE_ERROR = 0x7a;
/** Pages that bringing one in may take. */
const PAGE_RESERVE = 2;

/** A bookkeeping page: where its PTE lies, what the PFN entry calls that, and the frame that holds it. */
interface BookkeepingPte {
  readonly at: PteLocation;
  readonly address: number;
  readonly holder: number;
}

/** What the PFN entry of bookkeeping page `index` calls its PTE: a system address. */
export function bookkeepingPteAddress(mm: MemoryManager, space: AddressSpace, index: number): number {
  const { format } = mm;
  const { directoryCount, hyperspace } = format;
  if (index === 0) return space.pageDirectoryPte;
  if (index < directoryCount) return format.pdeAddress(PTE_BASE + (index - 1) * 2 ** format.tableShift);
  if (index === directoryCount) return format.pdeAddress(hyperspace);
  const offset = index === directoryCount + 1 ? HYPERSPACE_VAD_BITMAP : HYPERSPACE_WORKING_SET_LIST;
  return format.pteAddress(hyperspace + offset);
}

/** Which bookkeeping page holds the PTE of bookkeeping page `index`; -1: the process object does. */
export function bookkeepingHolder(mm: MemoryManager, index: number): number {
  if (index === 0) return -1;
  return index <= mm.format.directoryCount ? 0 : mm.format.directoryCount;
}

/** The PTE of bookkeeping page `index` of a process that is out; those before it are in memory. */
function bookkeepingPte(mm: MemoryManager, space: AddressSpace, index: number): BookkeepingPte {
  const address = bookkeepingPteAddress(mm, space, index);
  if (index === 0) return { at: systemLocation(mm, address), address, holder: systemFrame(mm, address) };
  return entryIn(mm, space.bookkeepingFrames[bookkeepingHolder(mm, index)], address);
}

function entryIn(mm: MemoryManager, holder: number, address: number): BookkeepingPte {
  const at = pteLocation((mm.memory.hostPage(holder) + (address & (PAGE_SIZE - 1))) >>> 2);
  return { at, address, holder };
}

/**
 * Empties the working set when memory is short, locked pages too, and takes the bookkeeping pages out if nothing of the process is left
 * beside them. False: page tables with pages in transition, or pages locked in memory, are. As long as memory is plentiful the working
 * set stays; the working set manager may take all of it.
 * Environment: the swapper; no thread of the process has a kernel stack in memory.
 * @param pageDirectoryPte system address of EPROCESS.PageDirectoryPte
 */
export function outSwapAddressSpace(mm: MemoryManager, space: AddressSpace, pageDirectoryPte: number): boolean {
  if (mm.lists.availablePages <= mm.thresholds.plentyFreePages) {
    unlockWorkingSet(mm, space);
    emptyWorkingSet(mm, space);
  }
  if (mm.current === space) switchAddressSpace(mm, mm.systemSpace);
  releaseListPages(mm, space);
  if (space.workingSetSize !== space.bookkeepingFrames.length || hasPinnedRegions(space)) return false;
  const { format, pfn } = mm;
  space.pageDirectoryPte = pageDirectoryPte;
  mm.workingSetManager.remove(space);
  space.workingSetSize = 0;
  space.residentBookkeeping = 0;
  for (let index = space.bookkeepingFrames.length - 1; index > 0; index--) {
    const { at } = bookkeepingPte(mm, space, index);
    const frame = space.bookkeepingFrames[index];
    format.writeTransition(at, frame, ProtectionMask.ReadWrite);
    decrementShareCount(mm, frame);
  }
  const [top] = space.bookkeepingFrames;
  const home = bookkeepingPte(mm, space, 0);
  format.writeZero(selfEntry(mm, top).at);
  pfn.setPteAddress(top, home.address);
  pfn.setPteFrame(top, home.holder);
  incrementShareCount(mm, home.holder);
  format.writeTransition(home.at, top, ProtectionMask.ReadWrite);
  // One share for its own mapping, one because its PTE was in it.
  decrementShareCount(mm, top);
  decrementShareCount(mm, top);
  removeDirectoryPointers(mm, space);
  mm.counters.processesSwappedOut++;
  return true;
}

/** Large pages and those of AWE are in no working set, but stay in memory, and with them the page directories. */
function hasPinnedRegions(space: AddressSpace): boolean {
  for (const { type } of space.vads) if (type === VadType.LargePages || type === VadType.Awe) return true;
  return false;
}

/** The top directory's PTE within itself, where it is while the process is in memory. */
function selfEntry(mm: MemoryManager, top: number): BookkeepingPte {
  const { format } = mm;
  return entryIn(mm, top, format.pdeAddress(PTE_BASE + (format.directoryCount - 1) * 2 ** format.tableShift));
}

/** NtLockVirtualMemory(MAP_PROCESS), which locks page tables too, does not hold against the outswap of the whole process. */
function unlockWorkingSet(mm: MemoryManager, space: AddressSpace): void {
  const list = space.workingSet;
  for (let index = list.firstDynamic - 1; index >= space.bookkeepingFrames.length; index--) {
    const isListPage = list.vpn(index) * PAGE_SIZE > mm.format.pteTop;
    if (!isListPage) unlockEntry(mm, space, index, WsleBit.LockedInWs);
  }
}

/** What bringing a process in waits for. */
interface PendingPage {
  readonly read: PageRead;
  /** The read was begun for this caller, who lets the page go in the end. */
  readonly begun: boolean;
}

/**
 * Brings the bookkeeping pages in that are in memory still, up to one that has to be read. Null: the process is in memory.
 * The caller waits for the read and tells finishInSwapRead.
 */
export function continueInSwap(mm: MemoryManager, space: AddressSpace): PendingPage | null {
  const { format } = mm;
  while (space.outSwapped) {
    const { at, address, holder } = bookkeepingPte(mm, space, space.residentBookkeeping);
    if (!format.isTransition(at)) {
      ensurePages(mm, PAGE_RESERVE);
      if (startPageRead(mm, at, address, holder, false) !== FaultOutcome.MustWait) noPagesAvailable(mm);
      if (mm.faults.read !== null) return { read: mm.faults.read, begun: true };
    }
    const frame = format.transitionFrame(at);
    if (isBeingRead(mm, frame) && mm.faults.read !== null) return { read: mm.faults.read, begun: false };
    bringPageIn(mm, space, frame);
  }
  return null;
}

/** A read has ended: KERNEL_DATA_INPAGE_ERROR(PTE address, status, 0, PTE) when it failed for good. */
export function finishInSwapRead(mm: MemoryManager, space: AddressSpace, { read, begun }: PendingPage): void {
  const isFailure = read.status >>> 0 >= 0xc0000000;
  if (space.outSwapped) {
    const { at, address } = bookkeepingPte(mm, space, space.residentBookkeeping);
    if (isFailure && !read.mustRetry) {
      mm.environment.bugcheck(KERNEL_DATA_INPAGE_ERROR, address, read.status, 0, mm.format.low(at));
    }
    // Somebody who could not wait may have brought the page in meanwhile, by the same read.
    const hasArrived = mm.format.isTransition(at) && mm.format.transitionFrame(at) === read.frame;
    if (!isFailure && hasArrived) bringPageIn(mm, space, read.frame);
  }
  if (begun) releasePageRead(mm, read);
}

/** For kernel code that needs the process now and cannot wait: time passes as if it had. */
export function makeProcessResident(mm: MemoryManager, space: AddressSpace): void {
  for (let pending = continueInSwap(mm, space); pending !== null; pending = continueInSwap(mm, space)) {
    while (!pending.read.isDone && mm.paging.device.finishFirst());
    finishInSwapRead(mm, space, pending);
    if (pending.read.mustRetry) mm.paging.device.pass(READ_RETRY_DELAY);
  }
}

/** The next bookkeeping page, in transition, is valid again. */
function bringPageIn(mm: MemoryManager, space: AddressSpace, frame: number): void {
  const { format, pfn } = mm;
  const index = space.residentBookkeeping;
  const { at, holder } = bookkeepingPte(mm, space, index);
  // Children in transition may have kept it active.
  const children = pfn.location(frame) === PageLocation.Active ? pfn.shareCount(frame) : 0;
  if (children === 0) reactivate(mm, frame);
  space.bookkeepingFrames[index] = frame;
  markModified(mm, frame);
  if (index === 0) {
    const self = selfEntry(mm, frame);
    format.writeZero(at);
    decrementShareCount(mm, holder);
    pfn.setPteAddress(frame, self.address);
    pfn.setPteFrame(frame, frame);
    pfn.setShareCount(frame, children + 2);
    format.writeTable(self.at, frame, PteOwner.Kernel);
  } else {
    pfn.setShareCount(frame, children + 1);
    if (index > mm.format.directoryCount) format.writeKernel(at, frame, false);
    else format.writeTable(at, frame, PteOwner.Kernel);
  }
  space.residentBookkeeping++;
  if (space.residentBookkeeping === space.bookkeepingFrames.length) completeInSwap(mm, space);
}

/** All pages are there, in frames of their own choice: whatever refers to frames is told. */
function completeInSwap(mm: MemoryManager, space: AddressSpace): void {
  space.relocate((frame) => mm.memory.hostPage(frame));
  if (space.directoryPointers !== 0) installDirectoryPointers(mm, space, space.directoryPointers);
  const { directoryFrames, hyperspaceFrame, vadBitmapFrame, workingSetFrame } = space;
  const entries = [...directoryFrames, hyperspaceFrame, vadBitmapFrame, workingSetFrame];
  for (const [index, frame] of entries.entries()) mm.pfn.setWsIndex(frame, index);
  space.workingSetSize = entries.length;
  mm.workingSetManager.expansion.push(space);
  mm.counters.processesSwappedIn++;
}
