import { Status } from '../ntstatus.js';
import { type NtStatus, type VirtualAddress, virtualAddress } from '../types.js';
import {
  findEmptyAddressRange,
  findEmptyAddressRangeDown,
  highestAddressForZeroBits,
  isRangeTaken,
  MAXIMUM_ZERO_BITS,
  NO_ADDRESS,
} from './address-search.js';
import type { AddressSpace } from './address-space.js';
import { MemoryType } from './allocate-virtual-memory.js';
import { releaseClones } from './clone.js';
import { commitSegmentPages } from './commit-section.js';
import { dereferenceControlArea, makePrototypeArrays } from './control-area.js';
import { captureViewDirtyBits } from './flush-pages.js';
import { type AddressLayout, ALLOCATION_GRANULARITY } from './layout.js';
import { deletePteRange } from './page-table.js';
import {
  INVALID_PROTECTION,
  isCopyOnWrite,
  isViewCompatible,
  isWritable,
  makeProtectionMask,
  PageProtection,
  ProtectionMask,
} from './protection.js';
import type { Section } from './section.js';
import { traceView } from './section-trace.js';
import { Vad, VadType } from './vad.js';
import { insertVad, type MemoryContext, removeVad } from './vad-charges.js';

/** How a forked child gets the view. */
export const InheritDisposition = { ViewShare: 1, ViewUnmap: 2 } as const;

const SEC_NO_CHANGE = 0x400000;
const ALLOWED_TYPES =
  MemoryType.TopDown | MemoryType.LargePages | MemoryType.DosLimit | SEC_NO_CHANGE | MemoryType.Reserve;

/** What to map; numbers unsigned, sizes and offsets in bytes. `base` 0: anywhere; `size` 0: the rest of the section. */
export interface ViewRequest {
  readonly base: number;
  readonly zeroBits: number;
  readonly commitSize: number;
  readonly offset: number;
  readonly size: number;
  readonly inherit: number;
  /** MEM_* bits and SEC_NO_CHANGE. */
  readonly allocationType: number;
  /** Win32 value. */
  readonly protection: number;
}

/** The view; base, offset and size are the request's unless the status is a success (IMAGE_NOT_AT_BASE is one). */
export interface ViewResult {
  readonly status: NtStatus;
  readonly base: VirtualAddress;
  readonly offset: number;
  readonly size: number;
}

/** Steps 1 to 4 of nt52 8.4: what NtMapViewOfSection checks before its probes. */
export function checkViewParameters(
  zeroBits: number,
  inherit: number,
  allocationType: number,
  protection: number,
): NtStatus {
  if (zeroBits > MAXIMUM_ZERO_BITS) return Status.INVALID_PARAMETER_4;
  if (inherit !== InheritDisposition.ViewShare && inherit !== InheritDisposition.ViewUnmap) {
    return Status.INVALID_PARAMETER_8;
  }
  if ((allocationType & ~ALLOWED_TYPES) !== 0) return Status.INVALID_PARAMETER_9;
  return makeProtectionMask(protection) === INVALID_PROTECTION ? Status.INVALID_PAGE_PROTECTION : Status.SUCCESS;
}

/** Steps 6 and 7: checks of the captured base and size. */
export function checkViewRange(layout: AddressLayout, base: number, size: number, zeroBits: number): NtStatus {
  const { highestVadAddress } = layout;
  if (base > highestVadAddress || size > highestVadAddress + 1 - base) return Status.INVALID_PARAMETER_3;
  if (zeroBits !== 0 && base !== 0 && base + size > 0xffffffff >>> zeroBits) return Status.INVALID_PARAMETER_4;
  return Status.SUCCESS;
}

/** Step 10: base and offset are multiples of 64 KB unless the caller lives with 4 KB (MEM_DOS_LIM). */
export function checkViewAlignment(base: number, offset: number, allocationType: number): NtStatus {
  if ((allocationType & MemoryType.DosLimit) !== 0) return Status.SUCCESS;
  const misaligned = base % ALLOCATION_GRANULARITY !== 0 || offset % ALLOCATION_GRANULARITY !== 0;
  return misaligned ? Status.MAPPED_ALIGNMENT : Status.SUCCESS;
}

/**
 * Maps a view of a section into an address space: NtMapViewOfSection without its pointers and handles, all checks
 * included (nt52 8.4). Environment: PASSIVE_LEVEL, does not block.
 */
export function mapViewOfSection(
  context: MemoryContext,
  section: Section,
  space: AddressSpace,
  request: ViewRequest,
): ViewResult {
  const { base, size, offset, zeroBits, allocationType, protection } = request;
  let status = checkViewParameters(zeroBits, request.inherit, allocationType, protection);
  if (status === Status.SUCCESS) status = checkViewRange(context.mm.layout, base, size, zeroBits);
  if (status === Status.SUCCESS) status = checkViewAlignment(base, offset, allocationType);
  if (status !== Status.SUCCESS) return failure(request, status);
  const mask = makeProtectionMask(protection);
  const { flags } = section.controlArea;
  if (!flags.image && !isViewCompatible(section.protection, mask)) {
    return failure(request, Status.SECTION_PROTECTION);
  }
  if (space.deleted) return failure(request, Status.PROCESS_IS_TERMINATING);
  if ((allocationType & MemoryType.LargePages) !== 0 && !flags.image) {
    return failure(request, Status.NOT_SUPPORTED);
  }
  return flags.image ? mapImage(context, section, space, request) : mapData(context, section, space, request, mask);
}

function failure(request: ViewRequest, status: NtStatus): ViewResult {
  return { status, base: virtualAddress(request.base), offset: request.offset, size: request.size };
}

function mapData(
  context: MemoryContext,
  section: Section,
  space: AddressSpace,
  request: ViewRequest,
  mask: number,
): ViewResult {
  const { mm } = context;
  const { controlArea: area } = section;
  const isReserve = (request.allocationType & MemoryType.Reserve) !== 0;
  // The offset goes down to 64 KB, the view grows by as much.
  const granule = (request.allocationType & MemoryType.DosLimit) !== 0 ? 0x1000 : ALLOCATION_GRANULARITY;
  const offset = request.offset - (request.offset % granule);
  if (request.offset >= section.sizeOfSection) return failure(request, Status.INVALID_VIEW_SIZE);
  const wanted = request.size === 0 ? section.sizeOfSection - offset : request.size + (request.offset - offset);
  if (offset + wanted > section.sizeOfSection && !isReserve) return failure(request, Status.INVALID_VIEW_SIZE);
  if (wanted > mm.layout.highestVadAddress) return failure(request, Status.INVALID_VIEW_SIZE);
  const size = roundUpToPage(wanted);
  if (request.commitSize > size) return failure(request, Status.INVALID_PARAMETER_5);
  if (isReserve && !(isWritable(section.protection) && !isCopyOnWrite(section.protection))) {
    return failure(request, Status.SECTION_PROTECTION);
  }
  if ((request.protection & PageProtection.WriteCombine) !== 0) return failure(request, Status.INVALID_PARAMETER_10);
  if (isReserve && area.file === null) return failure(request, Status.INVALID_PARAMETER_9);
  const isDos = (request.allocationType & MemoryType.DosLimit) !== 0;
  if (isDos && (isReserve || request.base === 0)) return failure(request, Status.INVALID_PARAMETER_3);
  const isBased = section.basedAddress !== 0 && request.base === 0;
  const place = placeView(
    mm.layout,
    space,
    isBased ? { ...request, base: section.basedAddress + offset } : request,
    size,
  );
  if (typeof place !== 'number') return failure(request, place.status);
  const firstPage = offset / 0x1000;
  // What a view has beyond its section gets prototype PTEs when it is committed.
  const { segment } = area;
  const sectionEnd = roundUpToPage(section.sizeOfSection);
  if (isReserve) segment.extendedSize = Math.max(segment.extendedSize, sectionEnd);
  const backed = Math.min(offset + size, isReserve ? segment.extendedSize : sectionEnd) - offset;
  if (!makePrototypeArrays(context, area, firstPage, backed / 0x1000)) {
    return failure(request, Status.INSUFFICIENT_RESOURCES);
  }
  const commitPages = Math.ceil(request.commitSize / 0x1000);
  if (area.flags.reserve && !commitSegmentPages(mm, area.segment, firstPage, commitPages)) {
    return failure(request, Status.COMMITMENT_LIMIT);
  }
  const protection = section.noCache ? mask | ProtectionMask.NoCache : mask;
  const vad = new Vad(place >>> 12, (place + size - 1) >>> 12, protection, false);
  vad.extendableFile = isReserve;
  vad.controlArea = area;
  vad.firstSegmentPage = firstPage;
  vad.copyOnWrite = isCopyOnWrite(mask);
  if (vad.copyOnWrite) vad.commitCharge = vad.pages;
  vad.inherit = request.inherit === InheritDisposition.ViewShare;
  vad.writableUserReference = area.file !== null && isWritable(mask) && !vad.copyOnWrite;
  if (section.noChange || (request.allocationType & SEC_NO_CHANGE) !== 0) {
    vad.noChange = true;
    vad.secNoChange = true;
  }
  const status = addView(context, space, vad);
  if (status !== Status.SUCCESS) return failure(request, status);
  return { status, base: virtualAddress(place), offset, size };
}

function mapImage(context: MemoryContext, section: Section, space: AddressSpace, request: ViewRequest): ViewResult {
  const { controlArea: area, segment } = section;
  const { layout } = context.mm;
  if ((request.allocationType & MemoryType.Reserve) !== 0) return failure(request, Status.INVALID_PARAMETER_9);
  if ((request.protection & PageProtection.WriteCombine) !== 0) return failure(request, Status.INVALID_PARAMETER_10);
  const total = segment.totalPages * 0x1000;
  const offset = request.offset - (request.offset % ALLOCATION_GRANULARITY);
  if (request.offset >= total) return failure(request, Status.INVALID_VIEW_SIZE);
  const wanted = request.size === 0 ? total - offset : request.size + (request.offset - offset);
  if (offset + wanted > total) return failure(request, Status.INVALID_VIEW_SIZE);
  const size = roundUpToPage(wanted);
  if (request.commitSize > size) return failure(request, Status.INVALID_PARAMETER_5);
  const preferred = segment.basedAddress + offset;
  let base: number;
  if (request.base === 0 && isPreferredFree(layout, space, preferred, size, request.zeroBits)) {
    base = preferred;
  } else {
    // An image that is not at its base stays below 2 GB (nt52.md 1.3).
    const zeroBits = request.zeroBits === 0 && request.base === 0 ? 1 : request.zeroBits;
    const place = placeView(layout, space, { ...request, zeroBits }, size);
    if (typeof place !== 'number') return failure(request, place.status);
    base = place;
  }
  // AllocationProtect of an image view is EXECUTE_WRITECOPY, whatever was asked for.
  const vad = new Vad(base >>> 12, (base + size - 1) >>> 12, ProtectionMask.ExecuteWriteCopy, false);
  vad.type = VadType.ImageMap;
  vad.controlArea = area;
  vad.firstSegmentPage = offset / 0x1000;
  vad.copyOnWrite = false;
  vad.commitCharge = segment.imageCommitment;
  vad.inherit = request.inherit === InheritDisposition.ViewShare;
  const status = addView(context, space, vad);
  if (status !== Status.SUCCESS) return failure(request, status);
  const result = base === preferred ? Status.SUCCESS : Status.IMAGE_NOT_AT_BASE;
  return { status: result, base: virtualAddress(base), offset, size };
}

function isPreferredFree(
  layout: AddressLayout,
  space: AddressSpace,
  base: number,
  size: number,
  zeroBits: number,
): boolean {
  if (base < ALLOCATION_GRANULARITY || base + size - 1 > highestAddressForZeroBits(layout, zeroBits)) return false;
  return !isRangeTaken(space.vads, base, size);
}

/** The address of a view: the one that was asked for, or a hole. */
function placeView(
  layout: AddressLayout,
  space: AddressSpace,
  request: ViewRequest,
  size: number,
): number | { readonly status: NtStatus } {
  const highest = highestAddressForZeroBits(layout, request.zeroBits);
  if (request.base !== 0) {
    if (request.base + size - 1 > layout.highestVadAddress) return { status: Status.CONFLICTING_ADDRESSES };
    return isRangeTaken(space.vads, request.base, size) ? { status: Status.CONFLICTING_ADDRESSES } : request.base;
  }
  const isTopDown = (request.allocationType & MemoryType.TopDown) !== 0;
  const search = isTopDown ? findEmptyAddressRangeDown : findEmptyAddressRange;
  const found = search(space.vads, size, ALLOCATION_GRANULARITY, highest);
  return found === NO_ADDRESS ? { status: Status.NO_MEMORY } : found;
}

function addView(context: MemoryContext, space: AddressSpace, vad: Vad): NtStatus {
  const status = insertVad(context, space, vad);
  if (status !== Status.SUCCESS || vad.controlArea === null) return status;
  vad.controlArea.numberOfMappedViews++;
  vad.controlArea.numberOfUserReferences++;
  if (vad.writableUserReference) vad.controlArea.writableUserReferences++;
  traceView(context.mm, 'view-mapped', space, vad);
  return status;
}

/**
 * NtUnmapViewOfSection without its handle: any address of the view will do. NOT_MAPPED_VIEW, INVALID_PAGE_PROTECTION
 * (secured), PROCESS_IS_TERMINATING. Dirty pages stay in memory until the section is flushed or goes.
 */
export function unmapViewOfSection(context: MemoryContext, space: AddressSpace, base: number): NtStatus {
  if (base > context.mm.layout.highestUserAddress) return Status.NOT_MAPPED_VIEW;
  if (space.deleted) return Status.PROCESS_IS_TERMINATING;
  const vad = space.vads.find(base >>> 12);
  if (vad === null || vad.controlArea === null) return Status.NOT_MAPPED_VIEW;
  if (!vad.allowsChange(vad.startingVpn, vad.endingVpn, 0)) return Status.INVALID_PAGE_PROTECTION;
  removeView(context, space, vad);
  return Status.SUCCESS;
}

/** Takes a view out of an address space whatever its flags say. */
export function removeView(context: MemoryContext, space: AddressSpace, vad: Vad): void {
  const area = vad.controlArea;
  captureViewDirtyBits(context.mm, space, vad, vad.startingVpn, vad.endingVpn);
  deletePteRange(context.mm, space, vad.startingVpn, vad.endingVpn);
  releaseClones(context.mm, vad, vad.startingVpn, vad.endingVpn);
  removeVad(context, space, vad);
  if (area === null) return;
  area.numberOfMappedViews--;
  area.numberOfUserReferences--;
  if (vad.writableUserReference) area.writableUserReferences--;
  traceView(context.mm, 'view-unmapped', space, vad);
  dereferenceControlArea(context, area);
}

function roundUpToPage(value: number): number {
  return Math.ceil(value / 0x1000) * 0x1000;
}
