import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import type { Blocking, NtStatus } from '../types.js';
import { extendPagingFiles } from './extend-paging-files.js';
import { PAGE_SIZE } from './layout.js';
import { gatherMappedPages, writeMappedPages } from './mapped-writer.js';
import type { MemoryManager } from './memory-manager.js';
import { WRITE_CLUSTER } from './memory-thresholds.js';
import { beginPageWrite, endPageWrites } from './page-write.js';
import type { WriteRun } from './paging.js';
import { EMPTY_LIST } from './pfn.js';

export const MODIFIED_WRITER_PRIORITY = 17;
/** The writer stops when so many pages are available and the modified lists are short. */
const WRITE_GOAL = 512;

/** Writing makes sense now: memory is short, or too many pages are modified. */
function isWriteDue(mm: MemoryManager): boolean {
  const modified = mm.lists.modifiedPages;
  if (modified === 0) return false;
  return modified >= mm.thresholds.modifiedPageMaximum || mm.lists.availablePages < WRITE_GOAL;
}

/**
 * MiModifiedPageWriter, a system thread of priority 17 (nt52.md 7.1). When woken it writes clusters of up to 16 pages to
 * consecutive slots of paging files, two writes to each file at a time; written pages go to the standby list. Pages of
 * mapped files are handed to the mapped page writer, all of them when the oldest has waited for MiModifiedPageLife.
 */
export function* modifiedPageWriter(kernel: Kernel): Blocking<void> {
  const { mm, ke } = kernel;
  const { paging, mappedWriter } = mm;
  const events = [paging.writerEvent, mappedWriter.pagesTooOldEvent];
  for (;;) {
    const index = yield* ke.waitForMultipleObjects(events, false, WaitReason.FreePage, Mode.Kernel, false, null);
    if (index === 1) while (gatherMappedPages(mm));
    const errors = paging.writeErrors;
    // A write that fails is not repeated before somebody asks for pages again.
    while (isWriteDue(mm) && paging.writeErrors === errors) {
      if (startWriteNow(mm)) continue;
      if (paging.pagesInWrites === 0) break;
      ke.resetEvent(paging.writeEndedEvent);
      yield* ke.waitForSingleObject(paging.writeEndedEvent, WaitReason.PageOut, Mode.Kernel, false, null);
    }
  }
}

/** Begins the write that is most wanted; false when none can be begun before another has ended. */
function startWriteNow(mm: MemoryManager): boolean {
  const { modifiedMapped, modifiedForPagingFile } = mm.lists;
  if (modifiedMapped.total > modifiedForPagingFile.total) return gatherMappedPages(mm) || startClusterWrite(mm);
  return startClusterWrite(mm) || (modifiedMapped.total > 0 && gatherMappedPages(mm));
}

/** For a caller that cannot wait: begins a write to a paging file, or writes pages to their file. False: nothing can be written. */
export function startWrite(mm: MemoryManager): boolean {
  if (startClusterWrite(mm)) return true;
  const before = mm.lists.availablePages;
  gatherMappedPages(mm);
  while (writeMappedPages(mm));
  return mm.lists.availablePages > before;
}

/** MiGatherPagefilePages: begins to write the oldest modified pages to a paging file. False: no page, or no file takes one now. */
export function startClusterWrite(mm: MemoryManager): boolean {
  const { lists, pfn, paging } = mm;
  const wanted = Math.min(WRITE_CLUSTER, lists.modifiedForPagingFile.total);
  if (wanted === 0) return false;
  const run = paging.beginWrite(wanted) ?? (extendFullFiles(mm, wanted) ? paging.beginWrite(wanted) : null);
  if (run === null) return false;
  const frames: number[] = [];
  for (let frame = lists.modifiedForPagingFile.flink; frames.length < run.count && frame !== EMPTY_LIST; ) {
    frames.push(frame);
    frame = pfn.flink(frame);
  }
  writeCluster(mm, frames, run);
  return true;
}

/** Commitment promises every page a slot, so that a file which is full can still grow. */
function extendFullFiles(mm: MemoryManager, wanted: number): boolean {
  return mm.paging.isFull && extendPagingFiles(mm, wanted) > 0;
}

function writeCluster(mm: MemoryManager, frames: readonly number[], run: WriteRun): void {
  const { pfn, format, paging } = mm;
  const { file, start } = run;
  const bytes = new Uint8Array(frames.length * PAGE_SIZE);
  frames.forEach((frame, index) => {
    beginPageWrite(mm, frame);
    const original = pfn.originalPte(frame);
    format.writePageFile(original, file.number, start + index, format.protection(original));
    const host = mm.memory.hostPage(frame);
    bytes.set(mm.bytes.subarray(host, host + PAGE_SIZE), index * PAGE_SIZE);
  });
  paging.pagesInWrites += frames.length;
  mm.counters.dirtyPagesWritten += frames.length;
  mm.counters.pageWriteIos++;
  paging.device.submit({
    kind: 'write',
    file: file.number,
    slot: start,
    name: '',
    pages: frames.length,
    frames,
    transfer: () => file.storage.write(start, bytes),
    complete: (status) => finishWrite(mm, frames, run, status),
  });
}

function finishWrite(mm: MemoryManager, frames: readonly number[], run: WriteRun, status: NtStatus): void {
  const { paging } = mm;
  paging.endWrite(run.file, status);
  paging.pagesInWrites -= frames.length;
  endPageWrites(mm, frames, status);
  mm.signal(paging.writeEndedEvent);
}
