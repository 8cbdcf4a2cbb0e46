import type { MemoryManager } from './memory-manager.js';
import { residentPrototypePage } from './prototype-fault.js';
import type { SectionObjectPointers } from './segment.js';

/**
 * Until there is a cache manager, reads and writes of a file go to the host directly. What views of the file's data
 * section keep in memory is newer than the host's bytes where a program stored through a view, and must learn
 * of writes. Both directions look at resident pages only; a file without a data section costs one comparison.
 */

/** Bytes just read from the file at an offset, with what views have in memory in their place. */
export function withResidentPages(
  mm: MemoryManager,
  pointers: SectionObjectPointers,
  offset: number,
  bytes: Uint8Array,
): Uint8Array {
  let result = bytes;
  forEachResidentPart(mm, pointers, offset, bytes.length, (host, start, length) => {
    if (result === bytes) result = bytes.slice();
    result.set(mm.bytes.subarray(host, host + length), start);
  });
  return result;
}

/** Bytes were written to the file at an offset: views see them at once. */
export function updateResidentPages(
  mm: MemoryManager,
  pointers: SectionObjectPointers,
  offset: number,
  bytes: Uint8Array,
): void {
  forEachResidentPart(mm, pointers, offset, bytes.length, (host, start, length) => {
    mm.bytes.set(bytes.subarray(start, start + length), host);
    if (mm.cpu.pageHasCode(host)) mm.cpu.codeWritten(host, length);
  });
}

/** Calls a function with the host offset, position in the range and length of each part of a file range that is in memory. */
function forEachResidentPart(
  mm: MemoryManager,
  pointers: SectionObjectPointers,
  offset: number,
  length: number,
  visit: (host: number, start: number, length: number) => void,
): void {
  const segment = pointers.dataSectionObject?.segment;
  if (segment === undefined) return;
  const end = offset + length;
  for (let at = offset; at < end; ) {
    const inPage = at % 0x1000;
    const part = Math.min(0x1000 - inPage, end - at);
    const prototype = segment.prototypePte((at - inPage) / 0x1000);
    const frame = prototype === 0 ? 0 : residentPrototypePage(mm, prototype);
    if (frame !== 0) visit(mm.memory.hostPage(frame) + inPage, at - offset, part);
    at += part;
  }
}
