import { PoolType } from '../ex/pool.js';
import { Status } from '../ntstatus.js';
import { type NtStatus, virtualAddress } from '../types.js';
import { createControlArea, dereferenceControlArea, PrototypeArrays, placeSubsections } from './control-area.js';
import { createImageSection, type SectionResult } from './image.js';
import { largePageSize } from './large-page.js';
import { PAGED_POOL_END, PAGED_POOL_FIRST } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import {
  INVALID_PROTECTION,
  isCopyOnWrite,
  isWritable,
  makeNotWriteCopy,
  makeProtectionMask,
  PageProtection,
} from './protection.js';
import { fillDemandZero } from './prototype-pte.js';
import { zeroBehindEnd } from './purge-section.js';
import { Section } from './section.js';
import { traceSection, traceSegment } from './section-trace.js';
import { type ControlArea, type SectionFile, SUBSECTION_SIZE, Subsection } from './segment.js';
import type { MemoryContext } from './vad-charges.js';

/** SEC_* allocation attributes. */
export const SectionAttribute = {
  Based: 0x200000,
  NoChange: 0x400000,
  File: 0x800000,
  Image: 0x1000000,
  Reserve: 0x4000000,
  Commit: 0x8000000,
  NoCache: 0x10000000,
  LargePages: 0x80000000,
} as const;

const { Based, NoChange, Image, Reserve, Commit, NoCache, LargePages } = SectionAttribute;
const ALLOWED = (Commit | Reserve | Based | LargePages | Image | NoCache | NoChange) >>> 0;
const NOT_WITH_IMAGE = (Commit | Reserve | LargePages | NoCache | NoChange) >>> 0;
const NOT_IN_SECTIONS =
  PageProtection.NoCache | PageProtection.WriteCombine | PageProtection.Guard | PageProtection.NoAccess;
/** Pages of a data file that one subsection describes: 64 MB of file (nt52 8.1). */
const PAGES_PER_SUBSECTION = 0x4000;
/** The last subsection's array has room for growth up to a page of prototype PTEs. */
const LAST_SUBSECTION_MULTIPLE = 0x200;
/** Largest data-file section in bytes, 1 TB: its subsections are made at once. */
export const MAXIMUM_FILE_SECTION = 0x100_0000_0000;

/** What to create; `size` 0 means the size of the file. */
export interface SectionRequest {
  readonly size: number;
  /** Win32 value. */
  readonly protection: number;
  /** SEC_* bits. */
  readonly attributes: number;
  /** Null: page-file backed. */
  readonly file: SectionFile | null;
}

/** Checks of NtCreateSection that precede its probes: nt52 8.2, steps 1 to 5. */
export function checkSectionParameters(attributes: number, protection: number): NtStatus {
  const given = attributes >>> 0;
  if ((given & ~ALLOWED) !== 0) return Status.INVALID_PARAMETER_6;
  if ((given & (Commit | Reserve | Image)) === 0) return Status.INVALID_PARAMETER_6;
  if ((given & Image) !== 0 && (given & NOT_WITH_IMAGE) !== 0) return Status.INVALID_PARAMETER_6;
  if ((given & Commit) !== 0 && (given & Reserve) !== 0) return Status.INVALID_PARAMETER_6;
  return (protection & NOT_IN_SECTIONS) !== 0 ? Status.INVALID_PAGE_PROTECTION : Status.SUCCESS;
}

/**
 * Makes a section: NtCreateSection without its pointers, handles and name (nt52 8.2). The section holds a reference that
 * releaseSection gives back. Environment: PASSIVE_LEVEL; file access is synchronous.
 */
export function createSection(context: MemoryContext, request: SectionRequest): SectionResult {
  const { attributes, protection } = request;
  const status = checkSectionParameters(attributes, protection);
  if (status !== Status.SUCCESS) return failed(status);
  const mask = makeProtectionMask(protection);
  if (mask === INVALID_PROTECTION) return failed(Status.INVALID_PAGE_PROTECTION);
  const result =
    request.file === null
      ? createMemorySection(context, request, mask)
      : createFileSection(context, request.file, request, mask);
  // The loader says where images lie.
  const isBased = (attributes & Based) !== 0 && (attributes & Image) === 0;
  if (result.section === null) return result;
  // Image sections are also made elsewhere: they tell by themselves.
  if (!result.section.controlArea.flags.image) traceSection(context.mm, 'section-created', result.section);
  if (!isBased || context.mm.basedSections.insert(result.section)) return result;
  releaseSection(context, result.section);
  return failed(Status.NO_MEMORY);
}

function createFileSection(
  context: MemoryContext,
  file: SectionFile,
  request: SectionRequest,
  mask: number,
): SectionResult {
  const { attributes, protection, size } = request;
  if ((attributes & LargePages) !== 0) return failed(Status.INVALID_PARAMETER_6);
  if ((attributes & Image) !== 0) return createImageSection(context, file, protection, mask);
  return createDataSection(context, file, size, protection, mask, attributes);
}

function createMemorySection(context: MemoryContext, request: SectionRequest, mask: number): SectionResult {
  const { attributes, protection, size } = request;
  if ((attributes & Image) !== 0) return failed(Status.INVALID_FILE_FOR_SECTION);
  if ((attributes & LargePages) !== 0) return failed(refuseLargePages(context.mm, request));
  return createPageFileSection(context, size, protection, mask, attributes);
}

/** Why there is no section of large pages: wrong parameters, else that no contiguous memory is to be had for it. */
function refuseLargePages(mm: MemoryManager, { attributes, size }: SectionRequest): NtStatus {
  if ((attributes & Commit) === 0) return Status.INVALID_PARAMETER_6;
  if (size === 0 || size % largePageSize(mm) !== 0) return Status.INVALID_PARAMETER_4;
  return Status.INSUFFICIENT_RESOURCES;
}

function failed(status: NtStatus): SectionResult {
  return { status, section: null };
}

function createPageFileSection(
  context: MemoryContext,
  size: number,
  protection: number,
  sectionMask: number,
  attributes: number,
): SectionResult {
  const { mm } = context;
  if (size === 0) return failed(Status.INVALID_PARAMETER_4);
  const pages = Math.ceil(size / 0x1000);
  if (pages * mm.format.entrySize > PAGED_POOL_END - PAGED_POOL_FIRST) return failed(Status.SECTION_TOO_BIG);
  // There is no file to keep the original in: pages are plainly writable in the segment, views copy them.
  const mask = makeNotWriteCopy(sectionMask);
  const isCommitted = (attributes & Commit) !== 0;
  if (isCommitted && !mm.commit.charge(pages)) return failed(Status.COMMITMENT_LIMIT);
  const flags = {
    image: false,
    file: false,
    reserve: !isCommitted,
    commit: isCommitted,
    noCache: (attributes & NoCache) !== 0,
  };
  const shape = { pages, size, protection: mask, pteShift: Math.log2(mm.format.entrySize) };
  const options = { arrays: PrototypeArrays.WithSegment, subsections: 1 };
  const area = createControlArea(context, null, flags, shape, options);
  if (area === null) {
    if (isCommitted) mm.commit.release(pages);
    return failed(Status.INSUFFICIENT_RESOURCES);
  }
  const subsection = new Subsection(area, { protection: mask, fileOffset: 0, rawBytes: 0, firstPage: 0, pages });
  subsection.base = area.segment.prototypePtes;
  placeSubsections(context, area, [subsection]);
  if (isCommitted) {
    area.segment.committedPages = pages;
    fillDemandZero(mm, { address: area.segment.prototypePtes, count: pages }, mask);
  }
  return finish(area, size, protection, sectionMask, attributes);
}

function createDataSection(
  context: MemoryContext,
  file: SectionFile,
  requested: number,
  protection: number,
  mask: number,
  attributes: number,
): SectionResult {
  if (file.isDirectory) return failed(Status.INVALID_FILE_FOR_SECTION);
  const fileSize = file.size();
  if (fileSize === 0 && requested === 0) return failed(Status.MAPPED_FILE_SIZE_ZERO);
  const size = requested === 0 ? fileSize : requested;
  if (size > MAXIMUM_FILE_SECTION) return failed(Status.SECTION_TOO_BIG);
  if (size > fileSize) {
    const writable = isWritable(mask) && !isCopyOnWrite(mask);
    if (!writable) return failed(Status.SECTION_TOO_BIG);
    const status = growFile(context.mm, file, size);
    if (status !== Status.SUCCESS) return failed(status);
  }
  const pointers = file.sectionObjectPointers;
  let area = context.mm.unusedSegments.take(context, file, pointers.dataSectionObject);
  if (area === null) {
    area = createDataArea(context, file, Math.max(size, fileSize), attributes);
    if (area === null) return failed(Status.INSUFFICIENT_RESOURCES);
    pointers.dataSectionObject = area;
    file.reference();
  } else {
    if (!extendDataArea(context, area, Math.max(size, fileSize))) return failed(Status.INSUFFICIENT_RESOURCES);
    setFileBytes(area, Math.max(size, fileSize));
  }
  return finish(area, size, protection, mask, attributes);
}

/**
 * The section through which the cache manager maps a file: CcInitializeCacheMap's MmCreateSection. It may be larger than the file,
 * which stays as it is, and does not count as a program's. INSUFFICIENT_RESOURCES.
 */
export function createCacheSection(context: MemoryContext, file: SectionFile, size: number): SectionResult {
  const pointers = file.sectionObjectPointers;
  let area = context.mm.unusedSegments.take(context, file, pointers.dataSectionObject);
  if (area === null) {
    area = createDataArea(context, file, size, Commit);
    if (area === null) return failed(Status.INSUFFICIENT_RESOURCES);
    pointers.dataSectionObject = area;
    file.reference();
  } else if (!extendDataArea(context, area, size)) return failed(Status.INSUFFICIENT_RESOURCES);
  setFileBytes(area, file.size());
  area.numberOfSectionReferences++;
  const protection = PageProtection.ReadWrite;
  const options = { copyOnWrite: false, noChange: false, noCache: false };
  const section = new Section(area, size, protection, makeProtectionMask(protection), options);
  return { status: Status.SUCCESS, section };
}

function createDataArea(
  context: MemoryContext,
  file: SectionFile,
  size: number,
  attributes: number,
): ControlArea | null {
  const pages = Math.ceil(size / 0x1000);
  const flags = {
    image: false,
    file: true,
    reserve: false,
    commit: true,
    noCache: (attributes & NoCache) !== 0,
  };
  const everything = makeProtectionMask(PageProtection.ExecuteReadWrite);
  const shape = { pages, size, protection: everything, pteShift: Math.log2(context.mm.format.entrySize) };
  const options = { arrays: PrototypeArrays.OnDemand, subsections: Math.ceil(pages / PAGES_PER_SUBSECTION) };
  const area = createControlArea(context, file, flags, shape, options);
  if (area === null) return null;
  placeSubsections(context, area, fileSubsections(area, 0, pages));
  return area;
}

/** Subsections for the pages from one on of a data segment; their arrays come with the first view. */
function fileSubsections(area: ControlArea, from: number, pages: number): readonly Subsection[] {
  const { segment } = area;
  const result: Subsection[] = [];
  for (let firstPage = from; firstPage < pages; firstPage += PAGES_PER_SUBSECTION) {
    const rest = Math.ceil((pages - firstPage) / LAST_SUBSECTION_MULTIPLE) * LAST_SUBSECTION_MULTIPLE;
    const fileOffset = firstPage * 0x1000;
    const count = Math.min(PAGES_PER_SUBSECTION, rest);
    const rawBytes = Math.min(count * 0x1000, segment.sizeOfSegment - fileOffset);
    const protection = segment.templateProtection;
    result.push(new Subsection(area, { protection, fileOffset, rawBytes, firstPage, pages: count }));
  }
  return result;
}

/**
 * The file of a data segment has grown, or a larger section was asked for: the last subsection's room is used
 * first, then subsections are added. False: INSUFFICIENT_RESOURCES.
 */
export function extendDataArea(context: MemoryContext, area: ControlArea, size: number): boolean {
  const { segment, subsections } = area;
  if (size <= segment.sizeOfSegment) return true;
  const pages = Math.ceil(size / 0x1000);
  const last = subsections[subsections.length - 1];
  const room = last.firstPage + last.pages;
  const missing = Math.ceil(Math.max(0, pages - room) / PAGES_PER_SUBSECTION);
  const block = missing === 0 ? 0 : context.ex.pool.allocate(PoolType.NonPaged, missing * SUBSECTION_SIZE, 'MmSb');
  if (missing !== 0 && block === 0) return false;
  segment.sizeOfSegment = size;
  segment.totalPages = pages;
  last.rawBytes = Math.min(last.pages * 0x1000, size - last.fileOffset);
  traceSegment(context.mm, 'segment-extended', area);
  if (block === 0) return true;
  area.extensionBlocks.push(virtualAddress(block));
  placeSubsections(context, area, fileSubsections(area, room, pages), block);
  return true;
}

/** A section makes its file longer: what memory has behind the old end is zeros now. Statuses of the file. */
export function growFile(mm: MemoryManager, file: SectionFile, size: number): NtStatus {
  const oldSize = file.size();
  const status = file.setSize(size);
  const area = file.sectionObjectPointers.dataSectionObject;
  if (status === Status.SUCCESS && area !== null) zeroBehindEnd(mm, area, oldSize);
  return status;
}

/** The file of a data segment has so many bytes now: what lies behind is not read, and its absence is no error. */
export function setFileBytes(area: ControlArea, fileSize: number): void {
  for (const subsection of area.subsections) {
    subsection.rawBytes = Math.min(subsection.pages * 0x1000, Math.max(0, fileSize - subsection.fileOffset));
  }
}

function finish(area: ControlArea, size: number, protection: number, mask: number, attributes: number): SectionResult {
  area.numberOfSectionReferences++;
  area.numberOfUserReferences++;
  const section = new Section(area, size, protection, mask, {
    copyOnWrite: !isWritable(mask) || isCopyOnWrite(mask),
    noChange: (attributes & NoChange) !== 0,
    noCache: (attributes & NoCache) !== 0,
    userReference: true,
  });
  return { status: Status.SUCCESS, section };
}

/** The section object is deleted: its reference to the control area goes. */
export function releaseSection(context: MemoryContext, section: Section): void {
  context.mm.basedSections.remove(section);
  section.controlArea.numberOfSectionReferences--;
  traceSection(context.mm, 'section-deleted', section);
  if (section.userReference) section.controlArea.numberOfUserReferences--;
  dereferenceControlArea(context, section.controlArea);
}
