import { EventType, KEvent } from '../ke/dispatcher-object.js';
import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { writeFilePages } from './flush-pages.js';
import { PAGE_SIZE, PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { WRITE_CLUSTER } from './memory-thresholds.js';
import { beginPageWrite, endPageWrites } from './page-write.js';
import { EMPTY_LIST } from './pfn.js';
import { residentPrototypePage } from './prototype-fault.js';
import type { ControlArea, Subsection } from './segment.js';

export const MAPPED_WRITER_PRIORITY = 17;
/** MDLs of the mapped page writer: 20, or more on very large machines (nt52.md 7.2). */
const MINIMUM_MDLS = 20;
const PAGES_PER_MDL = 32_768;
/** MiModifiedPageLife, seconds. */
export const MODIFIED_PAGE_LIFE = 300;

/** One write of the mapped page writer: pages that follow each other in one control area's file. */
interface MappedWrite {
  readonly area: ControlArea;
  /** Page of the segment that the first frame holds. */
  readonly firstPage: number;
  readonly frames: readonly number[];
}

/** What the modified page writer has gathered for the mapped page writer. */
export class MappedWriterQueue {
  readonly maximum: number;
  readonly writes: MappedWrite[] = [];
  /** MmMappedPageWriterEvent. */
  readonly event = new KEvent(EventType.Synchronization, false);
  /** MiMappedPagesTooOldEvent. */
  readonly pagesTooOldEvent = new KEvent(EventType.Synchronization, false);

  constructor(frameCount: number) {
    this.maximum = Math.max(MINIMUM_MDLS, Math.floor(frameCount / PAGES_PER_MDL));
  }

  /** Frames in writes that have not ended. */
  get pages(): number {
    return this.writes.reduce((sum, write) => sum + write.frames.length, 0);
  }
}

/**
 * MiMappedPageWriter, a system thread of priority 17 (nt52.md 7.2): writes what the modified page writer has gathered to the
 * files.
 */
export function* mappedPageWriter(kernel: Kernel): Blocking<void> {
  const { mm, ke } = kernel;
  for (;;) {
    yield* ke.waitForSingleObject(mm.mappedWriter.event, WaitReason.FreePage, Mode.Kernel, false, null);
    while (writeMappedPages(mm));
    mm.signal(mm.paging.writeEndedEvent);
  }
}

/**
 * MiGatherMappedPages: takes the oldest modified page of a file, and up to 15 more around it that are modified too, off the
 * modified list and hands them to the mapped page writer. False: there is none, or every MDL is in use.
 */
export function gatherMappedPages(mm: MemoryManager): boolean {
  const { lists, mappedWriter } = mm;
  const frame = lists.modifiedMapped.flink;
  if (frame === EMPTY_LIST || mappedWriter.writes.length >= mappedWriter.maximum) return false;
  const subsection = mm.subsections.get(mm.format.subsectionAddress(mm.pfn.originalPte(frame)));
  if (subsection === undefined) return false;
  if (subsection.controlArea.flags.image) {
    backByPagingFile(mm, frame);
    return true;
  }
  const { frames, first } = modifiedNeighbours(mm, subsection, frame);
  for (const page of frames) beginPageWrite(mm, page);
  subsection.controlArea.modifiedWriteCount++;
  mappedWriter.writes.push({ area: subsection.controlArea, firstPage: subsection.firstPage + first, frames });
  mm.signal(mappedWriter.event);
  return true;
}

/** Changed pages of an image never go to its file: from now on a paging file is behind them. */
function backByPagingFile(mm: MemoryManager, frame: number): void {
  const original = mm.pfn.originalPte(frame);
  mm.lists.unlink(frame);
  mm.filePageGone(mm.format.subsectionAddress(original));
  mm.format.writeDemandZero(original, mm.format.protection(original));
  mm.lists.insertModified(frame);
}

/** The run of modified pages on the list around one of them, within its subsection and its page of prototype PTEs. */
function modifiedNeighbours(
  mm: MemoryManager,
  subsection: Subsection,
  frame: number,
): { readonly frames: readonly number[]; readonly first: number } {
  const { pfn, format } = mm;
  const index = (pfn.pteAddress(frame) - subsection.base) / format.entrySize;
  const frameAt = (page: number): number => {
    if (page < 0 || page >= subsection.pages) return 0;
    const address = subsection.base + page * format.entrySize;
    if (Math.floor(address / PAGE_SIZE) !== Math.floor(pfn.pteAddress(frame) / PAGE_SIZE)) return 0;
    const neighbour = residentPrototypePage(mm, address);
    return neighbour !== 0 && pfn.location(neighbour) === PageLocation.Modified ? neighbour : 0;
  };
  let first = index;
  while (index - first < WRITE_CLUSTER - 1 && frameAt(first - 1) !== 0) first--;
  const frames: number[] = [];
  for (let page = first; frames.length < WRITE_CLUSTER && frameAt(page) !== 0; page++) frames.push(frameAt(page));
  return { frames, first };
}

/**
 * Writes the oldest of what was gathered; pages that could not be written are modified again. False: there is nothing.
 * Environment: PASSIVE_LEVEL; file writes are synchronous.
 */
export function writeMappedPages(mm: MemoryManager): boolean {
  const write = mm.mappedWriter.writes.shift();
  if (write === undefined) return false;
  const { area, frames } = write;
  const status = writeToFile(mm, write);
  area.modifiedWriteCount--;
  if (status !== Status.SUCCESS) {
    mm.paging.writeErrors++;
    mm.paging.lastWriteError = status;
  }
  endPageWrites(mm, frames, status);
  return true;
}

/** Pages that were deleted meanwhile need not be written. */
function writeToFile(mm: MemoryManager, { area, firstPage, frames }: MappedWrite): NtStatus {
  for (let first = 0; first < frames.length; ) {
    let end = first;
    while (end < frames.length && !mm.pfn.isDeleted(frames[end])) end++;
    if (end > first) {
      const status = writeFilePages(mm, area, firstPage + first, frames.slice(first, end));
      if (status !== Status.SUCCESS) return status;
    }
    first = end + 1;
  }
  return Status.SUCCESS;
}
