import { Increment } from '../ke/priority.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import { FaultOutcome } from './fault-outcome.js';
import { PAGE_MASK, PAGE_SIZE, PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { PageRead, type ReadPlace } from './paging.js';
import { contentsReplaced, decrementReferenceCount, incrementShareCount } from './pfn-counts.js';
import { type PteLocation, pteLocation } from './pte.js';

const KERNEL_DATA_INPAGE_ERROR = 0x7a;
/** Neighbours are read with a page only while so many pages are available. */
const PLENTY = 1024;
/** MM_MAXIMUM_READ_CLUSTER_SIZE. */
const MAXIMUM_NEIGHBOURS = 15;
/** Reads of a single page after one that has failed. */
const SINGLE_READS = 30;
/** MiFaultRetryMask, MiUserFaultRetryMask: a read that lacked resources is begun again, but for each 32nd or 16th that fails. */
const KERNEL_RETRY_MASK = 0x1f;
const USER_RETRY_MASK = 0xf;
/** Virtual nanoseconds before that. */
export const READ_RETRY_DELAY = 10_000_000;

/** A PTE that says where its page is on disk, where it lies, and whose page it will be. */
export interface DiskPte {
  readonly at: PteLocation;
  readonly address: number;
  readonly tableFrame: number;
  readonly isPrototype: boolean;
}

/**
 * MiResolvePageFileFault: begins to read the page of a page-file PTE, and with it those of neighbouring PTEs that lie beside it in
 * the paging file when the machine clusters reads. PTEs go to transition, frames are pinned with ReadInProgress, and
 * mm.faults.read is what to wait for. Outcomes: MustWait, NoMemory; Refault while the end of another read is taken up, which
 * nobody would do for this one.
 */
export function startPageRead(
  mm: MemoryManager,
  at: PteLocation,
  pteAddress: number,
  tableFrame: number,
  isPrototype: boolean,
): FaultOutcome {
  if (mm.faults.completing) return FaultOutcome.Refault;
  const { format } = mm;
  const pte: DiskPte = { at, address: pteAddress, tableFrame, isPrototype };
  const file = format.pageFileNumber(at);
  const { before, after } = neighbours(mm, pte);
  if (mm.lists.availablePages <= before + after) return FaultOutcome.NoMemory;
  const slot = format.pageFileOffset(at) - before;
  const frames: number[] = [];
  for (let distance = -before; distance <= after; distance++) {
    frames.push(pinForRead(mm, neighbour(mm, pte, distance)));
  }
  mm.counters.pagingFileFaults++;
  const place = { file, slot, name: '', outcome: FaultOutcome.PageFile, openFile: null };
  return submitPageRead(mm, frames, before, place, () => readSlots(mm, file, slot, frames));
}

/** The read of pinned frames begins, of which one is wanted: mm.faults.read is what to wait for. */
export function submitPageRead(
  mm: MemoryManager,
  frames: readonly number[],
  wanted: number,
  place: ReadPlace,
  transfer: () => NtStatus,
): FaultOutcome {
  const read = new PageRead(frames, wanted, place, mm.environment.currentThread?.() ?? null);
  place.openFile?.reference();
  for (const frame of frames) mm.paging.reads.set(frame, read);
  mm.counters.pagesRead += frames.length;
  mm.counters.pageReadIos++;
  mm.paging.device.submit({
    kind: 'read',
    file: place.file,
    slot: place.slot,
    name: place.name,
    pages: frames.length,
    frames,
    transfer,
    complete: (status) => finishPageRead(mm, read, status),
  });
  mm.faults.read = read;
  mm.faults.startedRead = true;
  return FaultOutcome.MustWait;
}

/** How many PTEs on either side have the slots on either side and are otherwise alike: they are read together. */
function neighbours(mm: MemoryManager, pte: DiskPte): { readonly before: number; readonly after: number } {
  const { paging } = mm;
  const most = Math.min(mm.environment.clusterPageFileReads ?? 0, MAXIMUM_NEIGHBOURS);
  const isUserPage = !pte.isPrototype && mm.format.addressOfPte(pte.address) < mm.layout.systemRangeStart;
  if (most === 0 || !isUserPage || mm.lists.availablePages <= PLENTY) return { before: 0, after: 0 };
  if (paging.singleReads > 0) {
    paging.singleReads--;
    return { before: 0, after: 0 };
  }
  let after = 0;
  while (after < most && isConsecutive(mm, pte, after + 1)) after++;
  let before = 0;
  while (after + before < most && isConsecutive(mm, pte, -before - 1)) before++;
  return { before, after };
}

function isConsecutive(mm: MemoryManager, pte: DiskPte, distance: number): boolean {
  const { format } = mm;
  const other = neighbour(mm, pte, distance);
  if (other.address >>> 12 !== pte.address >>> 12) return false;
  if (format.isValid(other.at) || format.isTransition(other.at) || format.isPrototype(other.at)) return false;
  return (
    format.pageFileOffset(other.at) === format.pageFileOffset(pte.at) + distance &&
    format.pageFileOffset(other.at) !== 0 &&
    format.pageFileNumber(other.at) === format.pageFileNumber(pte.at) &&
    format.protection(other.at) === format.protection(pte.at)
  );
}

/** The PTE so many places further on; the same page table has it when the page of its address is the same. */
export function neighbour(mm: MemoryManager, pte: DiskPte, distance: number): DiskPte {
  const { entrySize, entryWords } = mm.format;
  return {
    ...pte,
    at: pteLocation(pte.at + distance * entryWords),
    address: pte.address + distance * entrySize,
  };
}

/** A frame for the page of a PTE, pinned by its read; there must be one. */
export function pinForRead(mm: MemoryManager, { at, address, tableFrame, isPrototype }: DiskPte): number {
  const { format, pfn } = mm;
  const frame = mm.lists.removeAnyPage(mm.nextColor());
  contentsReplaced(mm, frame);
  const protection = format.protection(at);
  pfn.makeActive(frame, address, tableFrame);
  format.copy(pfn.originalPte(frame), at);
  pfn.setShareCount(frame, 0);
  pfn.setLocation(frame, PageLocation.Transition);
  pfn.setPrototype(frame, isPrototype);
  pfn.setReadInProgress(frame, true);
  incrementShareCount(mm, tableFrame);
  format.writeTransition(at, frame, protection);
  return frame;
}

function readSlots(mm: MemoryManager, file: number, first: number, frames: readonly number[]): NtStatus {
  const storage = mm.paging.files[file]?.storage;
  for (const [index, frame] of frames.entries()) {
    const host = mm.memory.hostPage(frame);
    const slot = first + index;
    const status = storage?.read(slot, mm.bytes.subarray(host, host + PAGE_SIZE)) ?? Status.END_OF_FILE;
    // The file is as long as its bitmap: what cannot be read there is a defect.
    if (status === Status.END_OF_FILE) mm.environment.bugcheck(KERNEL_DATA_INPAGE_ERROR, 3, status, file, slot);
    if (status !== Status.SUCCESS) return status;
  }
  return Status.SUCCESS;
}

/** The page is in transition and its read is under way (a collided fault), or only pinned. */
export function isBeingRead(mm: MemoryManager, frame: number): boolean {
  if (!mm.pfn.isReadInProgress(frame)) return false;
  mm.faults.read = mm.paging.reads.get(frame) ?? null;
  mm.faults.startedRead = false;
  return true;
}

/**
 * A fault on a page that is being read, as isBeingRead has found. MustWait: the thread waits for the same read. MultipleFault: it is
 * the thread's own, in whose wait an APC runs: to wait there would be for ever. The thread is told when its fault is over (ApcNeeded).
 */
export function collidedFault(mm: MemoryManager): FaultOutcome {
  const thread = mm.environment.currentThread?.();
  if (thread === undefined || mm.faults.read?.thread !== thread) return FaultOutcome.MustWait;
  thread.apcNeeded = true;
  mm.faults.underlyingStatus = Status.MULTIPLE_FAULT_VIOLATION;
  return FaultOutcome.MultipleFault;
}

/** The fault was one on a page that is being read, be it by the thread itself: kernel code that cannot wait finishes that read. */
export const isReadOutcome = (outcome: FaultOutcome): boolean =>
  outcome === FaultOutcome.MustWait || outcome === FaultOutcome.MultipleFault;

/** For kernel code that cannot wait: the read that mm.faults speaks of is finished on the spot. */
export function finishPageReadNow(mm: MemoryManager): void {
  const { read, startedRead } = mm.faults;
  if (read === null) return;
  while (!read.isDone && mm.paging.device.finishFirst());
  if (read.mustRetry) mm.paging.device.pass(READ_RETRY_DELAY);
  if (startedRead) releasePageRead(mm, read);
}

/**
 * The end of a read. Pages that were deleted meanwhile are free as soon as nobody pins them any more; and how the read of such a page
 * went is of no interest: whoever waited for it tries his access again.
 */
function finishPageRead(mm: MemoryManager, read: PageRead, status: NtStatus): void {
  const { pfn } = mm;
  const hasFailed = isFailure(status);
  const isWanted = !pfn.isDeleted(read.frame);
  if (hasFailed) noteFailure(mm, read, status, isWanted);
  read.isDone = true;
  read.status = isWanted ? status : Status.SUCCESS;
  read.isPinned = !hasFailed;
  read.place.openFile?.dereference();
  for (const frame of read.frames) {
    mm.paging.reads.delete(frame);
    pfn.setReadInProgress(frame, false);
    if (hasFailed) giveUp(mm, frame);
    else if (frame !== read.frame) decrementReferenceCount(mm, frame);
  }
  mm.signal(read.event, Increment.Disk);
}

/**
 * What a failed read means: it is begun again when only resources were lacking, or when it was of several pages: then one by one.
 * Otherwise its status is the exception's; for what the kernel itself needs, KERNEL_DATA_INPAGE_ERROR(PTE address, status,
 * address, PTE contents).
 */
function noteFailure(mm: MemoryManager, read: PageRead, status: NtStatus, isWanted: boolean): void {
  const { pfn, paging, format } = mm;
  const { frame } = read;
  paging.singleReads = SINGLE_READS;
  if (!isWanted) return;
  const pteAddress = pfn.pteAddress(frame);
  const address = pfn.isPrototype(frame) ? 0 : format.addressOfPte(pteAddress - (pteAddress & 3));
  const isKernelData = address >= mm.layout.systemRangeStart;
  read.mustRetry = read.frames.length > 1;
  if (isRetryable(status)) {
    paging.readRetries++;
    read.mustRetry = (paging.readRetries & (isKernelData ? KERNEL_RETRY_MASK : USER_RETRY_MASK)) !== 0;
  }
  // Whoever brings a kernel stack in says what it means that he could not.
  if (!isKernelData || mm.systemPtes.contains(address) || read.mustRetry) return;
  mm.environment.bugcheck(
    KERNEL_DATA_INPAGE_ERROR,
    pteAddress,
    status,
    address - (address & PAGE_MASK),
    format.low(pfn.originalPte(frame)),
  );
}

const isRetryable = (status: NtStatus): boolean =>
  status === Status.INSUFFICIENT_RESOURCES || status === Status.WORKING_SET_QUOTA || status === Status.NO_MEMORY;

const isFailure = (status: NtStatus): boolean => status >>> 0 >= 0xc0000000;

/** The page could not be read: its PTE is what it was, and the frame is free as soon as nobody pins it. */
function giveUp(mm: MemoryManager, frame: number): void {
  const { pfn, lists, format } = mm;
  if (!pfn.isDeleted(frame)) {
    lists.restoreOriginalPte(frame);
    // The slot belongs to the PTE again, not to the frame.
    format.writeZero(pfn.originalPte(frame));
    pfn.setDeleted(frame);
  }
  decrementReferenceCount(mm, frame);
}

/** The thread that began a read has had its chance to make the page valid: the page need not be pinned any longer. */
export function releasePageRead(mm: MemoryManager, read: PageRead): void {
  if (!read.isPinned) return;
  read.isPinned = false;
  decrementReferenceCount(mm, read.frame);
}
