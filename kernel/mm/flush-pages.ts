import { Status } from '../ntstatus.js';
import { hex } from '../trace.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { captureDirty, forEachValidPte, invalidate } from './page-table.js';
import { markPrototypePageClean, residentPrototypePage } from './prototype-fault.js';
import { areContiguous, type ControlArea } from './segment.js';
import { CACHE_VIEW_PAGES } from './system-cache-views.js';
import type { Vad } from './vad.js';

/** Pages of one write. */
const CLUSTER = 16;

/**
 * Writes the modified pages of a data file's segment back, in runs of up to 16 pages. Pages beyond the end of the file are
 * not written. The first failing write's status; pages not written stay modified.
 * Environment: PASSIVE_LEVEL; file writes are synchronous.
 */
export function flushDataPages(mm: MemoryManager, area: ControlArea, firstPage: number, count: number): NtStatus {
  const { file, segment } = area;
  if (file === null) return Status.SUCCESS;
  const fileSize = file.size();
  const end = Math.min(firstPage + count, segment.totalPages, Math.ceil(fileSize / 0x1000));
  const run: number[] = [];
  for (let page = firstPage; page <= end; page++) {
    const frame = page < end ? modifiedFrame(mm, area, page) : 0;
    if (frame !== 0 && run.length < CLUSTER) {
      run.push(frame);
      continue;
    }
    if (run.length !== 0) {
      const status = writeFilePages(mm, area, page - run.length, run);
      if (status !== Status.SUCCESS) return status;
      for (const written of run) markPrototypePageClean(mm, written);
      run.length = 0;
    }
    if (frame !== 0) run.push(frame);
  }
  return Status.SUCCESS;
}

/** Frame of a page that is in memory and was modified, be it that its write has begun, else 0. */
function modifiedFrame(mm: MemoryManager, area: ControlArea, page: number): number {
  const prototype = area.segment.prototypePte(page);
  const frame = prototype === 0 ? 0 : residentPrototypePage(mm, prototype);
  return frame !== 0 && (mm.pfn.isModified(frame) || mm.pfn.isWriteInProgress(frame)) ? frame : 0;
}

/**
 * Writes pages that follow each other in a control area's file, as far as the file reaches.
 * Environment: PASSIVE_LEVEL; synchronous. The file's status.
 */
export function writeFilePages(
  mm: MemoryManager,
  area: ControlArea,
  firstPage: number,
  frames: readonly number[],
): NtStatus {
  const start = firstPage * 0x1000;
  const length = Math.max(0, Math.min(frames.length * 0x1000, (area.file?.size() ?? 0) - start));
  const bytes = bytesOf(mm, frames, length);
  if (bytes.length === 0) return Status.SUCCESS;
  const status = mm.injection?.write() ?? area.file?.write(start, bytes) ?? Status.SUCCESS;
  mm.environment.tracePaging?.('file-page-write', {
    name: area.file?.name ?? '',
    page: firstPage,
    count: frames.length,
    status: hex(status),
  });
  if (status !== Status.SUCCESS) return status;
  mm.counters.mappedPagesWritten += frames.length;
  mm.counters.mappedWriteIos++;
  mm.counters.dirtyPagesWritten += frames.length;
  return status;
}

/** The bytes of some page frames: themselves where the frames lie one behind the other, else a copy. */
function bytesOf(mm: MemoryManager, frames: readonly number[], length: number): Uint8Array {
  const hosts = frames.map((frame) => mm.memory.hostPage(frame));
  if (areContiguous(hosts)) return mm.bytes.subarray(hosts[0], hosts[0] + length);
  const bytes = new Uint8Array(length);
  for (const [index, host] of hosts.entries()) {
    const part = Math.min(0x1000, length - index * 0x1000);
    if (part > 0) bytes.set(mm.bytes.subarray(host, host + part), index * 0x1000);
  }
  return bytes;
}

/**
 * Asks every view of a data section, programs' and the system cache's, what was stored through it to some pages, so that they can be
 * flushed.
 */
export function captureDataDirtyBits(mm: MemoryManager, area: ControlArea, firstPage: number, count: number): void {
  const end = firstPage + count;
  for (const space of area.numberOfMappedViews === area.numberOfSystemCacheViews ? [] : mm.addressSpaces) {
    // A process that is out has no valid PTE.
    if (space.outSwapped) continue;
    for (const vad of space.vads) {
      if (vad.controlArea !== area) continue;
      const offset = vad.startingVpn - vad.firstSegmentPage;
      const first = Math.max(vad.startingVpn, firstPage + offset);
      captureViewDirtyBits(mm, space, vad, first, end + offset - 1);
    }
  }
  for (const [base, view] of mm.cacheViews.views) {
    if (view.area !== area) continue;
    const first = Math.max(firstPage - view.firstPage, 0);
    const last = Math.min(end - view.firstPage, CACHE_VIEW_PAGES);
    if (first < last) mm.cacheViews.captureDirtyBits(base, first, last - first);
  }
}

/** Moves the dirty bits of a view's valid PTEs into the page frames, so that later stores are noticed again. */
export function captureViewDirtyBits(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  firstVpn: number,
  lastVpn: number,
): void {
  const { format, pfn } = mm;
  forEachValidPte(mm, space, firstVpn, Math.min(lastVpn, vad.endingVpn), (at, vpn) => {
    if (!pfn.isPrototype(format.frame(at)) || !format.isDirty(at)) return;
    captureDirty(mm, at);
    format.clearDirty(at);
    invalidate(mm, space, vpn * 0x1000);
  });
}
