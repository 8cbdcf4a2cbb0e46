import { PoolType } from '../ex/pool.js';
import { type VirtualAddress, virtualAddress } from '../types.js';
import { flushDataPages } from './flush-pages.js';
import { deletePrototypePtes, fillSubsection, fillZero } from './prototype-pte.js';
import { traceSegment } from './section-trace.js';
import {
  CONTROL_AREA_SIZE,
  ControlArea,
  type ControlAreaFlags,
  type SectionFile,
  type SegmentShape,
  SUBSECTION_SIZE,
  type Subsection,
} from './segment.js';
import type { MemoryContext } from './vad-charges.js';

/** Bytes of SEGMENT before its PTEs, and of the smaller MAPPED_FILE_SEGMENT. */
const SEGMENT_SIZE = 0x38;
const MAPPED_FILE_SEGMENT_SIZE = 0x30;

/** Where the segment's prototype PTEs are: behind the structure, or in arrays made when a view needs them. */
export const PrototypeArrays = { WithSegment: 0, OnDemand: 1 } as const;
export type PrototypeArrays = (typeof PrototypeArrays)[keyof typeof PrototypeArrays];

/**
 * Makes a control area with its segment and charges pool for both; prototype PTEs that come with the segment are
 * zero. The caller adds subsections (placeSubsections). Null: INSUFFICIENT_RESOURCES.
 */
export function createControlArea(
  context: MemoryContext,
  file: SectionFile | null,
  flags: ControlAreaFlags,
  shape: SegmentShape,
  options: { readonly arrays: PrototypeArrays; readonly subsections: number },
): ControlArea | null {
  const { pool } = context.ex;
  const area = new ControlArea(file, flags, shape, context.mm.bytes);
  const headSize = CONTROL_AREA_SIZE + options.subsections * SUBSECTION_SIZE;
  const block = allocateOrTrim(context, () => pool.allocate(PoolType.NonPaged, headSize, 'MmCa'));
  if (block === 0) return null;
  const withPtes = options.arrays === PrototypeArrays.WithSegment;
  const size = withPtes ? SEGMENT_SIZE + shape.pages * 2 ** shape.pteShift : MAPPED_FILE_SEGMENT_SIZE;
  const segment = allocateOrTrim(context, () => pool.allocate(PoolType.Paged, size, withPtes ? 'MmSt' : 'MmSm'));
  if (segment === 0) {
    pool.free(block);
    return null;
  }
  area.poolAddress = block;
  area.segment.poolAddress = segment;
  if (withPtes) {
    area.segment.prototypePtes = virtualAddress(segment + SEGMENT_SIZE);
    fillZero(context.mm, { address: area.segment.prototypePtes, count: shape.pages });
  }
  traceSegment(context.mm, 'segment-created', area);
  return area;
}

/** Pool for a section; when there is none, segments that nobody uses give back theirs first. */
function allocateOrTrim(context: MemoryContext, allocate: () => VirtualAddress): VirtualAddress {
  const block = allocate();
  if (block !== 0) return block;
  const { dereference, unusedSegments } = context.mm;
  const hasDeleted = dereference.deleteSegmentsNow();
  return unusedSegments.deleteAll(context) || hasDeleted ? allocate() : block;
}

/** Gives a control area's subsections their places in a pool block, where prototype PTEs name them. */
export function placeSubsections(
  context: MemoryContext,
  area: ControlArea,
  subsections: readonly Subsection[],
  block: number = area.poolAddress + CONTROL_AREA_SIZE,
): void {
  for (const [index, subsection] of subsections.entries()) {
    subsection.address = virtualAddress(block + index * SUBSECTION_SIZE);
    area.subsections.push(subsection);
    context.mm.subsections.set(subsection.address, subsection);
  }
}

/**
 * Makes the prototype PTE arrays of a data file's subsections that a view needs. False: INSUFFICIENT_RESOURCES; what was
 * made stays, for the next view.
 */
export function makePrototypeArrays(
  context: MemoryContext,
  area: ControlArea,
  firstPage: number,
  count: number,
): boolean {
  if (area.segment.prototypePtes !== 0) return true;
  const { mm } = context;
  for (const subsection of area.subsections) {
    if (subsection.base !== 0) continue;
    if (subsection.firstPage >= firstPage + count || subsection.firstPage + subsection.pages <= firstPage) continue;
    const bytes = subsection.pages * mm.format.entrySize;
    const array = allocateOrTrim(context, () => context.ex.pool.allocate(PoolType.Paged, bytes, 'MmSt'));
    if (array === 0) return false;
    const run = { address: array, count: subsection.pages };
    fillSubsection(mm, run, subsection.address, subsection.protection);
    subsection.base = array;
  }
  return true;
}

/**
 * A section object or view let go. When it was the last, dirty pages of a data file are written; then a file's segment with pages in
 * memory is kept for its next use (unused-segments.ts), and one without goes. Page-file memory is the dereference segment thread's.
 */
export function dereferenceControlArea(context: MemoryContext, area: ControlArea): void {
  if (!area.isUnused) return;
  if (area.file === null) {
    context.mm.dereference.deleteSegment(area);
    return;
  }
  if (!area.flags.image) flushDataPages(context.mm, area, 0, area.segment.totalPages);
  if (context.mm.unusedSegments.keep(area)) return;
  deleteControlArea(context, area);
}

/** MiSegmentDelete: pages, prototype PTEs and structures go, whatever the pages still hold. Nobody may use the control area. */
export function deleteControlArea(context: MemoryContext, area: ControlArea): void {
  const { mm } = context;
  const { pool } = context.ex;
  const { segment, file } = area;
  traceSegment(mm, 'segment-deleted', area);
  for (const subsection of area.subsections) {
    if (subsection.base === 0) continue;
    deletePrototypePtes(mm, { address: subsection.base, count: subsection.pages });
    if (segment.prototypePtes === 0) pool.free(subsection.base);
    subsection.base = virtualAddress(0);
  }
  mm.commit.release(segment.committedPages);
  segment.committedPages = 0;
  for (const subsection of area.subsections) mm.subsections.delete(subsection.address);
  for (const block of area.extensionBlocks) pool.free(block);
  pool.free(segment.poolAddress);
  pool.free(area.poolAddress);
  if (file === null) return;
  const pointers = file.sectionObjectPointers;
  if (pointers.imageSectionObject === area) pointers.imageSectionObject = null;
  if (pointers.dataSectionObject === area) pointers.dataSectionObject = null;
  file.dereference();
}
