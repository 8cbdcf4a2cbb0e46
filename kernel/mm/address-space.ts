import type { ProcessQuota } from '../ps/quota.js';
import { type PageFrameNumber, type PhysicalAddress, pageFrameNumber, physicalAddress } from '../types.js';
import type { AweInformation } from './awe.js';
import type { FaultWatch } from './fault-watch.js';
import { PAGE_SIZE, WSL_USED_PAGE_TABLE_ENTRIES } from './layout.js';
import { type PteLocation, pteLocation } from './pte.js';
import { VadTree } from './vad-tree.js';
import type { WorkingSetLimits } from './working-set-limits.js';
import type { WorkingSetList } from './working-set-list.js';
import type { WorkingSetOwner } from './working-set-owner.js';

/**
 * The memory side of one process: its page directories and the pages that hold its bookkeeping (both real frames), its
 * VADs and its charges. `process.addressSpace` is one of these; the System process has one like any other.
 */
export class AddressSpace implements WorkingSetOwner {
  /** Identifies the process on traces and in verify sentences. */
  processId = 0;
  /** Value of CR3: page directory (x86) or directory-pointer quad (PAE). */
  directoryTableBase: PhysicalAddress;
  /** EPROCESS.PaeTop: system address of the quad, 0 without PAE. */
  directoryPointers = 0;
  /** Page directories, 1 (x86) or 4 (PAE), and where their bytes lie. Meaningless while the process is out, like what follows. */
  directoryFrames: readonly PageFrameNumber[];
  directories: readonly PteLocation[];
  hyperspaceFrame: PageFrameNumber;
  vadBitmapFrame: PageFrameNumber;
  workingSetFrame: PageFrameNumber;
  /** PAE: the second page table of hyperspace, once the working set list is that long; else 0. */
  secondHyperspaceFrame = 0;
  /** Host byte offset of MMWSL.UsedPageTableEntries: one USHORT per user page table (nt52.md 6.2). */
  usedPageTableEntries: number;
  /**
   * The bookkeeping pages in the order in which they come in (outswap.ts): the top page directory, the others, hyperspace's table, VAD
   * bitmap, working set list; and how many of them are in memory for the process.
   */
  readonly bookkeepingFrames: number[];
  residentBookkeeping: number;
  /** System address of EPROCESS.PageDirectoryPte, the top directory's PTE while the process is out; 0 before it first was. */
  pageDirectoryPte = 0;

  readonly vads = new VadTree();
  /** Pages charged to this process: commitment of its VADs plus page tables. */
  commitCharge = 0;
  commitChargePeak = 0;
  /** Page tables for which commit was charged by VAD insertion, 1 each (the role of MMWSL.CommittedPageTables). */
  committedPageTables: Uint8Array;
  /** Bytes reserved or mapped. */
  virtualSize = 0;
  peakVirtualSize = 0;
  /** EPROCESS.NumberOfPrivatePages. */
  privatePages = 0;
  /** EPROCESS.ModifiedPageCount: pages that this process added to the modified list since it was last slowed down. */
  modifiedPageCount = 0;
  /** EPROCESS.QuotaUsage and QuotaBlock: pool for VADs, pages of commitment. */
  readonly quota: ProcessQuota;
  /** MMWSL, its entries and their hash table. */
  readonly workingSet: WorkingSetList;
  /** Pages that were added to hyperspace for the list, oldest first. */
  readonly workingSetListFrames: number[] = [];
  /** The rest of EPROCESS.Vm. */
  readonly vm: WorkingSetLimits;
  /** Entries of the working set list in use: valid user pages, page tables, and the process's own bookkeeping pages. */
  workingSetSize = 0;
  peakWorkingSetSize = 0;
  pageFaultCount = 0;
  /** EPROCESS.WorkingSetWatch. */
  faultWatch: FaultWatch | null = null;
  /** EPROCESS.AweInfo: physical pages that the process maps itself; null until it asks for some. */
  awe: AweInformation | null = null;
  /** MEM_EXECUTE_OPTION_DISABLE: the process opted in to NX. */
  executeDisable = false;
  /** MEM_EXECUTE_OPTION: the process may execute data pages although NX is on (nt52.md 16). */
  executeEnable = false;
  /** PS_PROCESS_FLAGS_OUTSWAP_ENABLED: no thread has a kernel stack in memory; the working set keeps no minimum. */
  outswapEnabled = false;
  /** Deletion has begun: services answer PROCESS_IS_TERMINATING. */
  deleted = false;

  constructor(parts: AddressSpaceParts) {
    this.directoryTableBase = parts.directoryTableBase;
    this.directoryFrames = parts.directoryFrames;
    this.directories = parts.directories;
    this.hyperspaceFrame = parts.hyperspaceFrame;
    this.vadBitmapFrame = parts.vadBitmapFrame;
    this.workingSetFrame = parts.workingSetFrame;
    this.usedPageTableEntries = parts.usedPageTableEntries;
    const [top, ...others] = [...parts.directoryFrames].reverse();
    const { hyperspaceFrame, vadBitmapFrame, workingSetFrame } = parts;
    this.bookkeepingFrames = [top, ...others.reverse(), hyperspaceFrame, vadBitmapFrame, workingSetFrame];
    this.residentBookkeeping = this.bookkeepingFrames.length;
    this.workingSet = parts.workingSet;
    this.vm = parts.vm;
    this.quota = parts.quota;
    this.committedPageTables = new Uint8Array(parts.userTables);
  }

  /** PS_PROCESS_FLAGS_OUTSWAPPED: page directories and working set list are not in memory, or not all of them. */
  get outSwapped(): boolean {
    return this.residentBookkeeping < this.bookkeepingFrames.length;
  }

  /** The bookkeeping pages are in other frames now. @param hostPage byte offset of a frame in the machine's memory */
  relocate(hostPage: (frame: number) => number): void {
    const count = this.directoryFrames.length;
    const [top, ...rest] = this.bookkeepingFrames.map(pageFrameNumber);
    this.directoryFrames = [...rest.slice(0, count - 1), top];
    this.directories = this.directoryFrames.map((frame) => pteLocation(hostPage(frame) >>> 2));
    this.directoryTableBase = physicalAddress(this.directoryFrames[0] * PAGE_SIZE);
    [this.hyperspaceFrame, this.vadBitmapFrame, this.workingSetFrame] = rest.slice(count - 1);
    const list = hostPage(this.workingSetFrame);
    this.usedPageTableEntries = list + WSL_USED_PAGE_TABLE_ENTRIES;
    this.workingSet.moveTo(list >>> 2);
  }
}

export interface AddressSpaceParts {
  readonly directoryTableBase: PhysicalAddress;
  readonly directoryFrames: readonly PageFrameNumber[];
  readonly directories: readonly PteLocation[];
  readonly hyperspaceFrame: PageFrameNumber;
  readonly vadBitmapFrame: PageFrameNumber;
  readonly workingSetFrame: PageFrameNumber;
  readonly usedPageTableEntries: number;
  readonly workingSet: WorkingSetList;
  readonly vm: WorkingSetLimits;
  readonly quota: ProcessQuota;
  readonly userTables: number;
}
