import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { flushDataPages } from './flush-pages.js';
import { PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { EMPTY_LIST } from './pfn.js';
import { decrementReferenceCount, releaseSlot } from './pfn-counts.js';

export const MODIFIED_WRITER_PRIORITY = 17;
/** MM_MAXIMUM_WRITE_CLUSTER. */
const CLUSTER = 16;
/** The writer stops when so many pages are available and the modified list is short. */
const WRITE_GOAL = 512;

/** Writing makes sense now: memory is short, or too many pages are modified. */
function isWriteDue(mm: MemoryManager): boolean {
  const modified = mm.lists.modified.total;
  if (modified === 0 || !mm.paging.canWrite) return false;
  return modified >= mm.modifiedPageMaximum || mm.lists.availablePages < WRITE_GOAL;
}

/**
 * MiModifiedPageWriter, a system thread of priority 17 (nt52.md 7.1): when woken, writes clusters of up to 16 modified pages to
 * consecutive slots of a paging file, waiting for each; written pages go to the standby list.
 */
export function* modifiedPageWriter(kernel: Kernel): Blocking<void> {
  const { mm, ke } = kernel;
  const { paging } = mm;
  for (;;) {
    yield* ke.waitForSingleObject(paging.writerEvent, WaitReason.FreePage, Mode.Kernel, false, null);
    while (isWriteDue(mm)) {
      if (!startClusterWrite(mm)) break;
      while (paging.pagesInWrites > 0) {
        ke.resetEvent(paging.pagesEvent);
        yield* ke.waitForSingleObject(paging.pagesEvent, WaitReason.PageOut, Mode.Kernel, false, null);
      }
    }
    mm.signal(paging.pagesEvent);
  }
}

/**
 * MiGatherPagefilePages: begins to write the oldest modified pages. Pages of mapped files that come first are written to their files
 * on the spot. False when nothing was written.
 */
export function startClusterWrite(mm: MemoryManager): boolean {
  const { lists, pfn, format, paging } = mm;
  const frames: number[] = [];
  for (let frame = lists.modified.flink; frame !== EMPTY_LIST && frames.length < CLUSTER; frame = pfn.flink(frame)) {
    if (!format.isPrototype(pfn.originalPte(frame))) {
      frames.push(frame);
      continue;
    }
    if (frames.length > 0) break;
    return writeMappedPage(mm, frame);
  }
  if (frames.length === 0) return false;
  const run = paging.allocate(frames.length);
  if (run === null) return false;
  frames.length = run.count;
  writeCluster(mm, frames, run.file.number, run.start);
  return true;
}

function writeCluster(mm: MemoryManager, frames: readonly number[], file: number, start: number): void {
  const { lists, pfn, format, paging } = mm;
  const bytes = new Uint8Array(frames.length * PAGE_SIZE);
  frames.forEach((frame, index) => {
    lists.unlink(frame);
    pfn.setReferenceCount(frame, 1);
    pfn.setModified(frame, false);
    pfn.setWriteInProgress(frame, true);
    const original = pfn.originalPte(frame);
    format.writePageFile(original, file, start + index, format.protection(original));
    const host = mm.memory.hostPage(frame);
    bytes.set(mm.bytes.subarray(host, host + PAGE_SIZE), index * PAGE_SIZE);
  });
  paging.pagesInWrites += frames.length;
  mm.counters.dirtyPagesWritten += frames.length;
  mm.counters.pageWriteIos++;
  paging.device.submit({
    kind: 'write',
    file,
    slot: start,
    pages: frames.length,
    frames,
    transfer: () => writeSlots(mm, file, start, bytes),
    complete: (status) => finishWrite(mm, frames, status),
  });
}

function writeSlots(mm: MemoryManager, file: number, start: number, bytes: Uint8Array): NtStatus {
  const storage = mm.paging.files[file]?.storage;
  for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
    const status = storage?.write(start + at / PAGE_SIZE, bytes.subarray(at, at + PAGE_SIZE)) ?? Status.END_OF_FILE;
    if (status !== Status.SUCCESS) return status;
  }
  return Status.SUCCESS;
}

/** Pages that were changed or could not be written are modified still and lose their slot; others are clean now. */
function finishWrite(mm: MemoryManager, frames: readonly number[], status: NtStatus): void {
  const { pfn, paging } = mm;
  const failed = status >>> 0 >= 0xc0000000;
  for (const frame of frames) {
    pfn.setWriteInProgress(frame, false);
    if (failed) pfn.setModified(frame, true);
    if (pfn.isModified(frame)) releaseSlot(mm, frame);
    decrementReferenceCount(mm, frame);
  }
  paging.pagesInWrites -= frames.length;
  mm.signal(paging.pagesEvent);
}

/** A modified page of a mapped file goes to its file; one that cannot be written stays, out of the writer's way. */
function writeMappedPage(mm: MemoryManager, frame: number): boolean {
  const { pfn, format, lists } = mm;
  const original = pfn.originalPte(frame);
  const address = format.subsectionAddress(original);
  const subsection = mm.subsections.get(address);
  const area = subsection?.controlArea;
  if (subsection === undefined || area === undefined) return false;
  if (area.segment.imageInformation !== null) {
    // Changed pages of an image never go to its file: from now on a paging file is behind them.
    format.writeDemandZero(original, format.protection(original));
    mm.filePageGone(address);
    return true;
  }
  const page = subsection.firstPage + (pfn.pteAddress(frame) - subsection.base) / format.entrySize;
  const status = flushDataPages(mm, area, page, CLUSTER);
  if (pfn.isModified(frame)) {
    lists.unlink(frame);
    lists.insertModifiedNoWrite(frame);
  }
  return status === Status.SUCCESS;
}
