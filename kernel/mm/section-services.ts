import { AccessKind } from '../../cpu/index.js';
import { type Service, service } from '../ke/service.js';
import { Mode } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { captureAttributes } from '../ob/capture-attributes.js';
import type { ObjectHeader } from '../ob/object-header.js';
import { Privilege } from '../se/privilege.js';
import type { Blocking, NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { dereferenceControlArea } from './control-area.js';
import { checkSectionParameters, createSection, releaseSection, SectionAttribute } from './create-section.js';
import { canExtendFor, waitForCommitment } from './dereference-thread.js';
import { extendSection } from './extend-section.js';
import { captureViewDirtyBits, flushDataPages } from './flush-pages.js';
import { PAGE_SIZE } from './layout.js';
import {
  checkViewAlignment,
  checkViewParameters,
  checkViewRange,
  mapViewOfSection,
  unmapViewOfSection,
  type ViewRequest,
} from './map-view.js';
import type { MemoryManager } from './memory-manager.js';
import { traceImageMapped, traceImageUnmapped } from './module-trace.js';
import {
  fileAccessForSection,
  INVALID_PROTECTION,
  isCopyOnWrite,
  makeProtectionMask,
  SectionAccess,
  sectionAccessForView,
} from './protection.js';
import { querySectionBasic, querySectionImage } from './query-section.js';
import type { Section } from './section.js';
import { CONTROL_AREA_SIZE, type ControlArea, type SectionFile, SUBSECTION_SIZE } from './segment.js';
import {
  addressSpaceOf,
  holdsPrivilege,
  ProcessRight,
  probeDword,
  probeDwords,
  writeDword,
} from './service-support.js';

const LARGE_INTEGER_SIZE = 8;

/** Tells ob how Section objects end; Machine calls it once at boot. */
export function initializeSectionType(kernel: Kernel): void {
  kernel.ob.types.section.procedures = {
    delete: (section) => releaseSection(kernel, section),
    poolCharges: (section) => sectionPoolCharges(kernel.mm, section),
  };
}

/** What NT charges for a section: its prototype PTEs, but those of data files, and control area with subsections (nt52.md 8.2). */
function sectionPoolCharges(
  mm: MemoryManager,
  section: Section,
): { readonly paged: number; readonly nonPaged: number } {
  const { controlArea: area, segment } = section;
  const isData = area.flags.file && !area.flags.image;
  if (isData) return { paged: 0, nonPaged: 0 };
  return {
    paged: segment.totalPages * mm.format.entrySize,
    nonPaged: CONTROL_AREA_SIZE + area.subsections.length * SUBSECTION_SIZE,
  };
}

/** The file behind a handle, as sections see it. INVALID_FILE_FOR_SECTION for consoles, pipes and volumes. */
function sectionFile(kernel: Kernel, handle: number, access: number): SectionFile | NtStatus {
  const { status, object } = kernel.ob.peekObjectByHandle(handle, kernel.ob.types.file, access);
  if (object === null) return status;
  return object.body.control ?? Status.INVALID_FILE_FOR_SECTION;
}

/** NtCreateSection(SectionHandle*, Access, ObjectAttributes*, MaximumSize*, PageProtection, Attributes, File): nt52 8.2. */
function* ntCreateSection(
  kernel: Kernel,
  sectionHandle: number,
  desiredAccess: number,
  objectAttributes: number,
  maximumSize: number,
  protection: number,
  attributes: number,
  fileHandle: number,
): Blocking<NtStatus> {
  let status = checkSectionParameters(attributes, protection);
  if (status === Status.SUCCESS) status = probeDword(kernel, sectionHandle);
  let size = 0n;
  if (status === Status.SUCCESS && maximumSize !== 0) {
    status = kernel.user.probe(maximumSize, LARGE_INTEGER_SIZE, 4, AccessKind.Read);
    size = kernel.user.read64(maximumSize);
  }
  if (status !== Status.SUCCESS) return status;
  const mask = makeProtectionMask(protection);
  if (mask === INVALID_PROTECTION) return Status.INVALID_PAGE_PROTECTION;
  const captured = yield* captureAttributes(kernel, objectAttributes);
  if (captured.status !== Status.SUCCESS) return captured.status;
  let file: SectionFile | null = null;
  if (fileHandle !== 0) {
    const found = sectionFile(kernel, fileHandle, fileAccessForSection(mask));
    if (typeof found === 'number') return found;
    file = found;
  } else if (needsLockPrivilege(attributes) && !holdsPrivilege(kernel, Privilege.LOCK_MEMORY)) {
    return Status.PRIVILEGE_NOT_HELD;
  }
  if (size < 0n || size > BigInt(Number.MAX_SAFE_INTEGER)) return Status.SECTION_TOO_BIG;
  const request = { size: Number(size), protection, attributes, file };
  const isCommitted = file === null && (attributes & SectionAttribute.Commit) !== 0;
  if (isCommitted) yield* waitForCommitment(kernel, Math.ceil(request.size / PAGE_SIZE));
  const result = kernel.ob.createObjectHandle<Section>(
    kernel.ob.types.section,
    captured.attributes,
    desiredAccess,
    () => {
      const created = createSection(kernel, request);
      return created.section ?? created.status;
    },
  );
  if (isSuccess(result.status)) writeDword(kernel, sectionHandle, result.handle);
  return result.status;
}

/** Memory of large pages is never paged; SEC_LARGE_PAGES alone is a wrong parameter first. */
const needsLockPrivilege = (attributes: number): boolean =>
  (attributes & SectionAttribute.LargePages) !== 0 && (attributes & SectionAttribute.Commit) !== 0;

/** NtOpenSection(SectionHandle*, Access, ObjectAttributes*). */
function* ntOpenSection(
  kernel: Kernel,
  sectionHandle: number,
  desiredAccess: number,
  objectAttributes: number,
): Blocking<NtStatus> {
  const status = probeDword(kernel, sectionHandle);
  if (status !== Status.SUCCESS) return status;
  const captured = yield* captureAttributes(kernel, objectAttributes);
  if (captured.status !== Status.SUCCESS) return captured.status;
  const attributes = captured.attributes ?? { root: 0, name: null, attributes: 0 };
  const result = kernel.ob.openObjectByName<Section>(kernel.ob.types.section, attributes, desiredAccess);
  if (isSuccess(result.status)) writeDword(kernel, sectionHandle, result.handle);
  return result.status;
}

/** NtMapViewOfSection(Section, Process, Base*, ZeroBits, CommitSize, Offset*, ViewSize*, Inherit, Type, Protect): nt52 8.4. */
function ntMapViewOfSection(
  kernel: Kernel,
  sectionHandle: number,
  process: number,
  baseAddress: number,
  zeroBits: number,
  commitSize: number,
  sectionOffset: number,
  viewSize: number,
  inherit: number,
  allocationType: number,
  protection: number,
): NtStatus | Blocking<NtStatus> {
  const { user } = kernel;
  let status = checkViewParameters(zeroBits, inherit, allocationType, protection);
  if (status === Status.SUCCESS) status = probeDwords(kernel, baseAddress, viewSize);
  if (status === Status.SUCCESS && sectionOffset !== 0) {
    status = user.probe(sectionOffset, LARGE_INTEGER_SIZE, 1, AccessKind.Write);
  }
  if (status !== Status.SUCCESS) return status;
  const base = user.read32(baseAddress);
  const size = user.read32(viewSize);
  const offset = sectionOffset === 0 ? 0n : user.read64(sectionOffset);
  status = checkViewRange(kernel.mm.layout, base, size, zeroBits);
  if (status !== Status.SUCCESS) return status;
  const space = addressSpaceOf(kernel, process, ProcessRight.VmOperation);
  if (typeof space === 'number') return space;
  const access = sectionAccessForView(makeProtectionMask(protection));
  const { status: found, object } = kernel.ob.peekObjectByHandle(sectionHandle, kernel.ob.types.section, access);
  if (object === null) return found;
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) return Status.INVALID_VIEW_SIZE;
  const start = Number(offset);
  status = checkViewAlignment(base, start, allocationType);
  if (status !== Status.SUCCESS) return status;
  const request = { base, zeroBits, commitSize, offset: start, size, inherit, allocationType, protection };
  const view = { section: object, space, request, baseAddress, viewSize, sectionOffset };
  const pages = pagesForCopies(object.body, size, protection);
  return canExtendFor(kernel.mm, pages) ? mapWhenExtended(kernel, view, pages) : mapView(kernel, view);
}

/** A view whose parameters are right, and where to say what became of it. */
interface CheckedView {
  readonly section: ObjectHeader<Section>;
  readonly space: AddressSpace;
  readonly request: ViewRequest;
  readonly baseAddress: number;
  readonly viewSize: number;
  readonly sectionOffset: number;
}

function mapView(kernel: Kernel, view: CheckedView): NtStatus {
  const { user } = kernel;
  const { section, space } = view;
  const result = mapViewOfSection(kernel, section.body, space, view.request);
  if (!isSuccess(result.status)) return result.status;
  writeDword(kernel, view.viewSize, result.size);
  writeDword(kernel, view.baseAddress, result.base);
  if (view.sectionOffset !== 0) {
    user.write64(view.sectionOffset, BigInt(result.offset));
    user.clearFailure();
  }
  traceImageMapped(kernel, section.body, space, result);
  return result.status;
}

/** The view is mapped when the dereference segment thread has tried to make paging files bigger. */
function* mapWhenExtended(kernel: Kernel, view: CheckedView, pages: number): Blocking<NtStatus> {
  kernel.ob.referenceObject(view.section);
  yield* waitForCommitment(kernel, pages);
  const status = mapView(kernel, view);
  kernel.ob.dereferenceObject(view.section);
  return status;
}

/** Pages that a view's process may make copies of, at least: all are charged when it is mapped. */
function pagesForCopies({ controlArea, segment, sizeOfSection }: Section, size: number, protection: number): number {
  if (controlArea.flags.image) return segment.imageCommitment;
  if (!isCopyOnWrite(makeProtectionMask(protection))) return 0;
  return Math.ceil((size === 0 ? sizeOfSection : size) / PAGE_SIZE);
}

/** NtUnmapViewOfSection(Process, Base): nt52 8.5. */
function ntUnmapViewOfSection(kernel: Kernel, process: number, base: number): NtStatus {
  if (base > kernel.mm.layout.highestUserAddress) return Status.NOT_MAPPED_VIEW;
  const space = addressSpaceOf(kernel, process, ProcessRight.VmOperation);
  if (typeof space === 'number') return space;
  const vad = space.vads.find(base >>> 12);
  const status = unmapViewOfSection(kernel, space, base);
  if (status === Status.SUCCESS) traceImageUnmapped(kernel, space, vad);
  return status;
}

/** NtExtendSection(Section, NewSize*): data-file sections only; others are SECTION_NOT_EXTENDED. */
function ntExtendSection(kernel: Kernel, sectionHandle: number, newSize: number): NtStatus {
  const probed = kernel.user.probe(newSize, LARGE_INTEGER_SIZE, 1, AccessKind.Write);
  if (probed !== Status.SUCCESS) return probed;
  const wanted = kernel.user.read64(newSize);
  const { ob } = kernel;
  const { status, object } = ob.peekObjectByHandle(sectionHandle, ob.types.section, SectionAccess.ExtendSize);
  if (object === null) return status;
  const section = object.body;
  const size = wanted < 0n || wanted > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(wanted);
  const extended = extendSection(kernel, section, size);
  if (extended !== Status.SUCCESS) return extended;
  kernel.user.write64(newSize, BigInt(section.sizeOfSection));
  kernel.user.clearFailure();
  return Status.SUCCESS;
}

/** A flush of a file that is locked is tried so often, 10 ms apart (nt52.md 8.5). */
const FLUSH_ATTEMPTS = 5;
const FLUSH_RETRY_DELAY = -100_000n;
const SectionInformation = { Basic: 0, Image: 1 } as const;
const SECTION_BASIC_SIZE = 0x10;
const SECTION_IMAGE_SIZE = 0x30;

/** NtQuerySection(Section, Class, Buffer, Length, ReturnLength*): nt52 8.5. */
function ntQuerySection(
  kernel: Kernel,
  sectionHandle: number,
  informationClass: number,
  buffer: number,
  length: number,
  returnLength: number,
): NtStatus {
  const { ob, user } = kernel;
  let status = user.probe(buffer, length, 4, AccessKind.Write);
  if (status === Status.SUCCESS && returnLength !== 0) status = probeDword(kernel, returnLength);
  if (status !== Status.SUCCESS) return status;
  if (informationClass > SectionInformation.Image) return Status.INVALID_INFO_CLASS;
  const needed = informationClass === SectionInformation.Basic ? SECTION_BASIC_SIZE : SECTION_IMAGE_SIZE;
  if (length < needed) return Status.INFO_LENGTH_MISMATCH;
  const { status: found, object } = ob.peekObjectByHandle(sectionHandle, ob.types.section, SectionAccess.Query);
  if (object === null) return found;
  const bytes =
    informationClass === SectionInformation.Basic ? querySectionBasic(object.body) : querySectionImage(object.body);
  if (bytes === null) return Status.SECTION_NOT_IMAGE;
  user.writeBytes(buffer, bytes);
  user.clearFailure();
  if (returnLength !== 0) writeDword(kernel, returnLength, bytes.length);
  return Status.SUCCESS;
}

/** NtFlushVirtualMemory(Process, Base*, Size*, IoStatus*): writes the modified pages of a data-file view: nt52 8.5. */
function* ntFlushVirtualMemory(
  kernel: Kernel,
  process: number,
  baseAddress: number,
  regionSize: number,
  ioStatus: number,
): Blocking<NtStatus> {
  const { user, mm } = kernel;
  let status = probeDwords(kernel, baseAddress, regionSize);
  if (status === Status.SUCCESS) status = user.probe(ioStatus, 8, 4, AccessKind.Write);
  if (status !== Status.SUCCESS) return status;
  const base = user.read32(baseAddress);
  const size = user.read32(regionSize);
  const { highestUserAddress } = kernel.mm.layout;
  if (base > highestUserAddress || size > highestUserAddress - base) return Status.INVALID_PARAMETER_2;
  const space = addressSpaceOf(kernel, process, ProcessRight.VmOperation);
  if (typeof space === 'number') return space;
  const vad = space.vads.find(base >>> 12);
  if (vad === null || vad.controlArea === null) return Status.NOT_MAPPED_VIEW;
  if (vad.controlArea.file === null || vad.isImage) return Status.NOT_MAPPED_DATA;
  const first = base >>> 12;
  const last = size === 0 ? vad.endingVpn : (base + size - 1) >>> 12;
  if (last > vad.endingVpn) return Status.NOT_MAPPED_VIEW;
  captureViewDirtyBits(mm, space, vad, first, last);
  const firstPage = vad.firstSegmentPage + (first - vad.startingVpn);
  const flushed = yield* flushUnlessLocked(kernel, vad.controlArea, firstPage, last - first + 1);
  writeDword(kernel, baseAddress, first * 0x1000);
  writeDword(kernel, regionSize, (last - first + 1) * 0x1000);
  writeDword(kernel, ioStatus, flushed);
  writeDword(kernel, ioStatus + 4, flushed === Status.SUCCESS ? (last - first + 1) * 0x1000 : 0);
  return flushed;
}

/** The file may be locked by its file system for a moment: FILE_LOCK_CONFLICT is final when it comes for the fifth time in a row. */
function* flushUnlessLocked(kernel: Kernel, area: ControlArea, firstPage: number, count: number): Blocking<NtStatus> {
  // The view may go in the wait.
  area.numberOfSectionReferences++;
  let status = flushDataPages(kernel.mm, area, firstPage, count);
  for (let attempt = 1; attempt < FLUSH_ATTEMPTS && status === Status.FILE_LOCK_CONFLICT; attempt++) {
    yield* kernel.ke.delayExecution(Mode.Kernel, false, FLUSH_RETRY_DELAY);
    status = flushDataPages(kernel.mm, area, firstPage, count);
  }
  area.numberOfSectionReferences--;
  dereferenceControlArea(kernel, area);
  return status;
}

/** NtAreMappedFilesTheSame(a, b): is the view at `a` the image of the file that is mapped at `b`? */
function ntAreMappedFilesTheSame(kernel: Kernel, first: number, second: number): NtStatus {
  const { vads } = kernel.mm.current;
  const firstVad = vads.find(first >>> 12);
  const secondVad = vads.find(second >>> 12);
  if (firstVad === null || secondVad === null) return Status.INVALID_ADDRESS;
  const image = firstVad.controlArea;
  const file = secondVad.controlArea?.file ?? null;
  if (image === null || image.file === null || file === null) return Status.CONFLICTING_ADDRESSES;
  if (image === secondVad.controlArea) return Status.SUCCESS;
  return file.sectionObjectPointers.imageSectionObject === image ? Status.SUCCESS : Status.NOT_SAME_DEVICE;
}

/** Rows of the service table for sections; mm-services.ts joins them to the others of mm. */
export const sectionServices: readonly Service[] = [
  service('NtCreateSection', ntCreateSection),
  service('NtOpenSection', ntOpenSection),
  service('NtMapViewOfSection', ntMapViewOfSection),
  service('NtUnmapViewOfSection', ntUnmapViewOfSection),
  service('NtExtendSection', ntExtendSection),
  service('NtQuerySection', ntQuerySection),
  service('NtFlushVirtualMemory', ntFlushVirtualMemory),
  service('NtAreMappedFilesTheSame', ntAreMappedFilesTheSame),
];
