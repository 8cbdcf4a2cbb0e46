import { hex } from '../trace.js';
import type { MemoryManager } from './memory-manager.js';
import type { DeviceRequest } from './paging-device.js';
import type { PteLocation } from './pte.js';

/** A PTE as traces show it: 8 digits, 16 with PAE. */
export function pteText(mm: MemoryManager, at: PteLocation): string {
  const { format } = mm;
  return format.entrySize === 8 ? hex(format.high(at)) + hex(format.low(at)) : hex(format.low(at));
}

/**
 * `--trace paging`: a transfer of pages to or from a paging file, or from a mapped file, begins, or is complete with a status. `pages`
 * names each by the user address that it belongs to, or by its prototype PTE, with the PTE that describes it while it is not in memory.
 */
export function tracePagingRequest(mm: MemoryManager, request: DeviceRequest, status: number | null): void {
  const trace = mm.environment.tracePaging;
  if (trace === undefined || trace === null) return;
  const { name } = request;
  trace(`${name === '' ? '' : 'file-'}page-${request.kind}${status === null ? '' : '-done'}`, {
    ...(name === '' ? { file: request.file, slot: request.slot } : { name, page: request.slot }),
    count: request.pages,
    pages: request.frames.map((frame) => pageText(mm, frame)),
    ...(status === null ? {} : { status: hex(status) }),
  });
}

function pageText(mm: MemoryManager, frame: number): string {
  const { pfn, format } = mm;
  const pteAddress = pfn.pteAddress(frame);
  const original = pteText(mm, pfn.originalPte(frame));
  if (pfn.isPrototype(frame)) return `prototype ${hex(pteAddress)} ${original}`;
  return `${hex(format.addressOfPte(pteAddress))} ${original}`;
}
