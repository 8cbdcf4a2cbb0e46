import { ProcessQuota } from '../ps/quota.js';
import { pageFrameNumber, physicalAddress } from '../types.js';
import { AddressSpace } from './address-space.js';
import { ensurePages } from './free-pages.js';
import {
  type AddressLayout,
  HYPERSPACE_SIZE,
  HYPERSPACE_VAD_BITMAP,
  HYPERSPACE_WORKING_SET_LIST,
  PAGE_SHIFT,
  PAGE_SIZE,
  PTE_BASE,
  SHARED_USER_DATA_USER,
  WSL_USED_PAGE_TABLE_ENTRIES,
} from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { makeProcessResident } from './outswap.js';
import { deletePte, findPte, pdeLocation } from './page-table.js';
import { decrementShareCount, deletePage, initializePfn } from './pfn-counts.js';
import { ProtectionMask } from './protection.js';
import { type PteLocation, PteOwner, pteLocation } from './pte.js';
import { mapSystemPages, systemFrame } from './system-pages.js';
import { insertLocked, removeEntry } from './working-set.js';
import { defaultWorkingSetLimits } from './working-set-limits.js';
import { WorkingSetList, workingSetHeaderSize } from './working-set-list.js';

/** A PAE directory-pointer quad: four entries of 8 bytes, 32-byte aligned, below 4 GB. */
const QUAD_SIZE = 32;
const INVALID_PROCESS_TEARDOWN = 0x1a;
const SUB_PAGES_LEFT = 0x777;
const QUOTA_UNDERFLOW = 0x21;
/** WSLEs that a process can have, unless memory is smaller: all pages of its user half, and its page tables. */
const MAXIMUM_ENTRIES = 0x80000;

/** Pages that every process costs: directories, hyperspace page table, VAD bitmap, working set list (nt52.md 4.4). */
export const processOverheadPages = (mm: MemoryManager): number => mm.format.directoryCount + 3;

/**
 * MmCreateProcessAddressSpace (nt52.md 11.1): page directories with the self-map and the system half, hyperspace with the
 * VAD bitmap page and the working set list page; all real frames, charged as commitment. Null when commitment or frames are
 * used up (INSUFFICIENT_RESOURCES). Environment: PASSIVE_LEVEL, does not wait.
 */
export function createAddressSpace(mm: MemoryManager): AddressSpace | null {
  const overhead = processOverheadPages(mm);
  ensurePages(mm, overhead + 2);
  if (!mm.commit.chargeSystem(overhead)) return null;
  const quad = mm.format.isPae ? mm.directoryPointers.take(mm) : 0;
  const limits = defaultWorkingSetLimits(mm.thresholds.systemSize);
  const isRoom = mm.lists.availablePages >= overhead && (!mm.format.isPae || quad !== 0);
  if (!isRoom || !mm.resident.charge('workingSets', limits.minimum)) {
    if (quad !== 0) mm.directoryPointers.give(mm, quad);
    mm.commit.release(overhead);
    return null;
  }
  const space = buildAddressSpace(mm);
  if (quad !== 0) installDirectoryPointers(mm, space, quad);
  mm.committed.processOverhead += overhead;
  copySystemHalf(mm, space);
  mm.addressSpaces.push(space);
  mm.workingSetManager.expansion.push(space);
  return space;
}

/**
 * The pages and tables of an address space with an empty user half; the system half holds self-map and hyperspace only. The
 * frames must be available; PAE spaces lack their directory pointers still.
 */
export function buildAddressSpace(mm: MemoryManager): AddressSpace {
  const { format } = mm;
  const directoryFrames: number[] = [];
  const directories: PteLocation[] = [];
  for (let index = 0; index < format.directoryCount; index++) {
    const frame = mm.lists.removeZeroPage(mm.nextColor());
    directoryFrames.push(frame);
    directories.push(pteLocation(mm.memory.hostPage(frame) >>> 2));
  }
  installSelfMap(mm, directoryFrames, directories);
  const hyperspaceFrame = installHyperspaceTable(mm, directoryFrames, directories, format.hyperspace);
  const vadBitmapFrame = installHyperspacePage(mm, hyperspaceFrame, HYPERSPACE_VAD_BITMAP);
  const workingSetFrame = installHyperspacePage(mm, hyperspaceFrame, HYPERSPACE_WORKING_SET_LIST);
  const headerSize = workingSetHeaderSize(format.userTables);
  const listAddress = format.hyperspace + HYPERSPACE_WORKING_SET_LIST;
  const space = new AddressSpace({
    directoryTableBase: physicalAddress(directoryFrames[0] * PAGE_SIZE),
    directoryFrames: directoryFrames.map(pageFrameNumber),
    directories,
    hyperspaceFrame: pageFrameNumber(hyperspaceFrame),
    vadBitmapFrame: pageFrameNumber(vadBitmapFrame),
    workingSetFrame: pageFrameNumber(workingSetFrame),
    usedPageTableEntries: mm.memory.hostPage(workingSetFrame) + WSL_USED_PAGE_TABLE_ENTRIES,
    workingSet: new WorkingSetList(
      mm.words,
      mm.memory.hostPage(workingSetFrame) >>> 2,
      headerSize,
      listAddress + headerSize,
      listAddress + roundUpToPage(headerSize + Math.min(MAXIMUM_ENTRIES, mm.pfn.frameCount) * 4),
    ),
    vm: defaultWorkingSetLimits(mm.thresholds.systemSize),
    quota: new ProcessQuota(mm.defaultQuotaBlock),
    userTables: format.userTables,
  });
  insertBookkeepingPages(mm, space);
  return space;
}

/** The first entries of every working set: page directories, hyperspace's page table, VAD bitmap, working set list. */
function insertBookkeepingPages(mm: MemoryManager, space: AddressSpace): void {
  const { hyperspace } = mm.format;
  space.directoryFrames.forEach((frame, index) => {
    insertLocked(mm, space, mm.format.pdeAddress(0) + index * PAGE_SIZE, frame);
  });
  insertLocked(mm, space, mm.format.pteAddress(hyperspace), space.hyperspaceFrame);
  insertLocked(mm, space, hyperspace + HYPERSPACE_VAD_BITMAP, space.vadBitmapFrame);
  insertLocked(mm, space, hyperspace + HYPERSPACE_WORKING_SET_LIST, space.workingSetFrame);
}

function roundUpToPage(size: number): number {
  return Math.ceil(size / PAGE_SIZE) * PAGE_SIZE;
}

/** Each directory is also the page table that maps the page tables of its quarter (of all, without PAE). */
function installSelfMap(mm: MemoryManager, frames: readonly number[], directories: readonly PteLocation[]): void {
  const { format } = mm;
  const last = frames.length - 1;
  const home = frames[last];
  const slot = (PTE_BASE >>> format.tableShift) & (format.entriesPerTable - 1);
  frames.forEach((frame, index) => {
    const at = pteLocation(directories[last] + (slot + index) * format.entryWords);
    if (frame === home) {
      mm.pfn.makeActive(frame, format.pdeAddress(PTE_BASE + index * 2 ** format.tableShift), home);
      mm.pfn.setShareCount(frame, mm.pfn.shareCount(frame) + index + 1);
    } else {
      mm.pfn.makeActive(frame, format.pdeAddress(PTE_BASE + index * 2 ** format.tableShift), home);
    }
    mm.pfn.setModified(frame, true);
    format.writeDemandZero(mm.pfn.originalPte(frame), ProtectionMask.ReadWrite);
    format.writeTable(at, frame, PteOwner.Kernel);
  });
}

function installHyperspaceTable(
  mm: MemoryManager,
  frames: readonly number[],
  directories: readonly PteLocation[],
  address: number,
): number {
  const { format } = mm;
  const last = frames.length - 1;
  const slot = (address >>> format.tableShift) & (format.entriesPerTable - 1);
  const at = pteLocation(directories[last] + slot * format.entryWords);
  const frame = mm.lists.removeZeroPage(mm.nextColor());
  format.writeDemandZero(at, ProtectionMask.ReadWrite);
  initializePfn(mm, frame, at, format.pdeAddress(address), frames[last]);
  mm.pfn.setModified(frame, true);
  format.writeTable(at, frame, PteOwner.Kernel);
  return frame;
}

function installHyperspacePage(mm: MemoryManager, table: number, offset: number): number {
  const { format } = mm;
  const entry = (offset >>> 12) & (format.entriesPerTable - 1);
  const at = pteLocation((mm.memory.hostPage(table) >>> 2) + entry * format.entryWords);
  const frame = mm.lists.removeZeroPage(mm.nextColor());
  format.writeDemandZero(at, ProtectionMask.ReadWrite);
  initializePfn(mm, frame, at, format.pteAddress(format.hyperspace + offset), table);
  mm.pfn.setModified(frame, true);
  format.writeKernel(at, frame, false);
  return frame;
}

/**
 * One more page for a process's hyperspace, with the second page table of PAE's when it is needed first. Its frame, 0 when there
 * is none. The caller has charged the page; the page table is charged here.
 */
export function addHyperspacePage(mm: MemoryManager, space: AddressSpace, offset: number): number {
  const { format } = mm;
  const address = format.hyperspace + offset;
  const pde = pdeLocation(mm, space, address);
  if (format.isValid(pde)) {
    return mm.lists.availablePages === 0 ? 0 : installHyperspacePage(mm, format.frame(pde), offset);
  }
  if (mm.lists.availablePages < 2 || !mm.commit.chargeSystem(1)) return 0;
  const table = installHyperspaceTable(mm, space.directoryFrames, space.directories, address);
  mm.committed.processOverhead++;
  space.secondHyperspaceFrame = table;
  insertLocked(mm, space, format.pteAddress(address), table);
  return installHyperspacePage(mm, table, offset);
}

/** Copies the directory entries of the system half, all but self-map and hyperspace, from the System process. */
function copySystemHalf(mm: MemoryManager, space: AddressSpace): void {
  const { format } = mm;
  const tables = 2 ** (32 - format.tableShift);
  const perDirectory = format.entriesPerTable;
  for (let table = mm.layout.systemRangeStart >>> format.tableShift; table < tables; table++) {
    if (isPerProcess(mm, table)) continue;
    const directory = Math.floor(table / perDirectory);
    const offset = (table % perDirectory) * format.entryWords;
    format.copy(
      pteLocation(space.directories[directory] + offset),
      pteLocation(mm.systemSpace.directories[directory] + offset),
    );
  }
}

/** True for the page tables of the system half that each process has for itself: self-map and hyperspace. */
export function isPerProcess(mm: MemoryManager, table: number): boolean {
  const { format } = mm;
  const first = PTE_BASE >>> format.tableShift;
  return (table >= first && table < first + format.directoryCount) || isHyperspace(mm, table * 2 ** format.tableShift);
}

/** True for addresses of hyperspace. */
export function isHyperspace(mm: MemoryManager, address: number): boolean {
  return address >= mm.format.hyperspace && address < mm.format.hyperspace + HYPERSPACE_SIZE;
}

/** MmSwitchAddressSpace: the process's page tables become the processor's. */
export function switchAddressSpace(mm: MemoryManager, space: AddressSpace): void {
  if (mm.current === space) return;
  if (space.outSwapped) makeProcessResident(mm, space);
  mm.current = space;
  mm.cpu.setCr3(space.directoryTableBase | 0);
}

/**
 * MmDeleteProcessAddressSpace: gives back the frames of an address space whose VADs are all gone. When it is in CR3,
 * the System process's takes its place first. Pages left in the user half are a bugcheck 1A.
 */
export function deleteAddressSpace(mm: MemoryManager, space: AddressSpace): void {
  const { format } = mm;
  space.deleted = true;
  deletePte(mm, space, SHARED_USER_DATA_USER);
  const bookkeeping = processOverheadPages(mm) + listPages(space);
  if (space.vads.count !== 0 || space.workingSetSize !== bookkeeping) {
    mm.environment.bugcheck(INVALID_PROCESS_TEARDOWN, SUB_PAGES_LEFT, space.vads.count, space.workingSetSize, 0);
  }
  const { quota } = space;
  if (!quota.isEmpty) mm.environment.bugcheck(QUOTA_UNDERFLOW, space.processId, ...quota.usage);
  quota.leave();
  if (mm.current === space) switchAddressSpace(mm, mm.systemSpace);
  const last = space.directoryFrames.length - 1;
  for (const frame of space.workingSetListFrames) deletePage(mm, frame);
  if (space.secondHyperspaceFrame !== 0) deletePage(mm, space.secondHyperspaceFrame);
  deletePage(mm, space.workingSetFrame);
  deletePage(mm, space.vadBitmapFrame);
  deletePage(mm, space.hyperspaceFrame);
  for (let index = 0; index < last; index++) deletePage(mm, space.directoryFrames[index]);
  const home = space.directoryFrames[last];
  mm.pfn.setDeleted(home);
  decrementShareCount(mm, home);
  decrementShareCount(mm, home);
  if (format.isPae) mm.directoryPointers.give(mm, space.directoryPointers);
  const overhead = bookkeeping;
  mm.committed.processOverhead -= overhead;
  mm.commit.release(overhead);
  mm.addressSpaces.splice(mm.addressSpaces.indexOf(space), 1);
  mm.workingSetManager.remove(space);
  mm.resident.release('workingSets', space.vm.minimum);
}

/** The working set list gives back what it has grown by; no page but bookkeeping pages may have an entry. */
export function releaseListPages(mm: MemoryManager, space: AddressSpace): void {
  const { format } = mm;
  const list = space.workingSet;
  const pages = listPages(space);
  const isEmpty = space.workingSetSize === processOverheadPages(mm) + pages;
  if (pages === 0 || !isEmpty) return;
  const first = format.hyperspace + HYPERSPACE_WORKING_SET_LIST;
  const addresses = list.pages.slice(1).map((_page, index) => first + (index + 1) * PAGE_SIZE);
  addresses.push(...list.hashPages.map((_page, index) => list.hashStart + index * PAGE_SIZE));
  // The second page table of hyperspace, which holds the PTEs of some of them, goes last.
  if (space.secondHyperspaceFrame !== 0) addresses.push(format.pteAddress(format.hyperspace + 2 ** format.tableShift));
  const ptes = addresses.map((address) => findPte(mm, space, address));
  ptes.forEach((at, index) => {
    removeEntry(mm, space, addresses[index] >>> PAGE_SHIFT, format.frame(at));
  });
  list.truncate();
  for (const at of ptes) {
    const frame = format.frame(at);
    format.writeZero(at);
    deletePage(mm, frame);
  }
  space.workingSetListFrames.length = 0;
  space.secondHyperspaceFrame = 0;
  mm.committed.processOverhead -= pages;
  mm.commit.release(pages);
}

/** Pages that the working set list has grown by. */
function listPages(space: AddressSpace): number {
  return space.workingSetListFrames.length + (space.secondHyperspaceFrame === 0 ? 0 : 1);
}

/** The quads that CR3 points at under PAE: 32-byte pieces of pages in the kernel's data range. */
export class DirectoryPointerPool {
  readonly #free: number[] = [];
  #next: number;
  #end: number;

  constructor({ kernelData }: AddressLayout) {
    this.#next = kernelData;
    this.#end = kernelData;
  }

  /** System address of a quad, 0 when no page is left for more. */
  take(mm: MemoryManager): number {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    if (this.#next === this.#end) {
      if (this.#end === mm.layout.kernelDataEnd || !mapSystemPages(mm, this.#end, 1)) return 0;
      this.#end += PAGE_SIZE;
    }
    const quad = this.#next;
    this.#next += QUAD_SIZE;
    return quad;
  }

  give(mm: MemoryManager, quad: number): void {
    const at = quadLocation(mm, quad);
    mm.words.fill(0, at, at + QUAD_SIZE / 4);
    this.#free.push(quad);
  }
}

/** Points CR3's quad at the directories: present, and nothing else, for the other bits of its entries are reserved. */
export function installDirectoryPointers(mm: MemoryManager, space: AddressSpace, quad: number): void {
  const at = quadLocation(mm, quad);
  space.directoryFrames.forEach((frame, index) => {
    mm.words[at + index * 2] = (frame << 12) | 1;
    mm.words[at + index * 2 + 1] = frame >>> 20;
  });
  space.directoryPointers = quad;
  space.directoryTableBase = physicalAddress(systemFrame(mm, quad) * PAGE_SIZE + (quad & (PAGE_SIZE - 1)));
}

/** CR3's quad points at nothing: the directories are not in memory. */
export function removeDirectoryPointers(mm: MemoryManager, space: AddressSpace): void {
  if (space.directoryPointers === 0) return;
  const at = quadLocation(mm, space.directoryPointers);
  mm.words.fill(0, at, at + QUAD_SIZE / 4);
}

function quadLocation(mm: MemoryManager, quad: number): number {
  return (mm.memory.hostPage(systemFrame(mm, quad)) + (quad & (PAGE_SIZE - 1))) >>> 2;
}
