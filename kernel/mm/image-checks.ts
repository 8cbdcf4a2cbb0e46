import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import { ProtectionMask } from './protection.js';
import type { ImageInformation } from './segment.js';

/**
 * Reading and checking the headers of a PE32 image (MiCreateImageFileMap, nt52 8.3). Every field may lie: each is checked
 * before it is used, and what is wrong is a status.
 */

/** A run of pages of an image that come from the same place with the same protection. */
export interface ImageSubsection {
  /** Five-bit mask. */
  readonly protection: number;
  /** Pages of address space. */
  readonly pages: number;
  /** Pages from the first on that are backed: by file bytes, then by zeros. The rest is not committed. */
  readonly committedPages: number;
  readonly fileOffset: number;
  /** File bytes behind the first pages; 0: all demand zero. */
  readonly rawBytes: number;
  /** IMAGE_SCN_MEM_SHARED: one copy for all processes. */
  readonly shared: boolean;
}

/** What a valid image asks for. */
export interface ImageLayout {
  readonly information: ImageInformation;
  readonly subsections: readonly ImageSubsection[];
  /** Pages of the whole image. */
  readonly pages: number;
}

/** Where headers are read from: at most `length` bytes at an offset, fewer at the end, or a status. */
export interface ImageSource {
  size(): number;
  read(offset: number, length: number): Uint8Array | NtStatus;
}

const PE_SIGNATURE = 0x00004550;
const NE_SIGNATURE = 0x454e;
const NE_TARGET_SYSTEM = 0x36;
const NE_OS2 = 1;
const NE_WINDOWS = 2;
const NE_WINDOWS_386 = 4;
const MACHINE_I386 = 0x14c;
const PE32_MAGIC = 0x10b;
const EXECUTABLE_IMAGE = 0x0002;
const DLL_CHARACTERISTICS_OFFSET = 70;
const MAXIMUM_IMAGE_SIZE = 0x77000000;
const MAXIMUM_SECTIONS = 96;
const DOS_HEADER_SIZE = 64;
const FILE_HEADER_SIZE = 24;
const NE_HEADER_SIZE = 64;
/** Fields of the optional header that are read; the directories behind them are the loader's business. */
const OPTIONAL_HEADER_MINIMUM = 96;
const SECTION_HEADER_SIZE = 40;
const PAGE_SIZE = 0x1000;

const SCN_SHARED = 0x10000000;
const SCN_EXECUTE = 0x20000000;
const SCN_READ = 0x40000000;
const SCN_WRITE = 0x80000000;
const SCN_CONTAINS_CODE = 0x20;

/** Checks an image file and lays it out. Returns the status of the first thing that is wrong. */
export function readImageLayout(source: ImageSource): ImageLayout | NtStatus {
  const fileSize = source.size();
  if (fileSize > 0xffffffff) return Status.INVALID_FILE_FOR_SECTION;
  const dos = source.read(0, DOS_HEADER_SIZE);
  if (typeof dos === 'number') return readFailure(dos, Status.INVALID_IMAGE_NOT_MZ);
  if (dos.length < DOS_HEADER_SIZE || dos[0] !== 0x4d || dos[1] !== 0x5a) return Status.INVALID_IMAGE_NOT_MZ;
  const headerOffset = viewOf(dos).getUint32(0x3c, true);
  if (headerOffset % 4 !== 0 || headerOffset > fileSize) return Status.INVALID_IMAGE_PROTECT;
  const file = source.read(headerOffset, NE_HEADER_SIZE);
  if (typeof file === 'number') return readFailure(file, Status.INVALID_IMAGE_PROTECT);
  if (file.length < 4) return Status.INVALID_IMAGE_PROTECT;
  const signatureStatus = checkSignature(viewOf(file));
  if (signatureStatus !== Status.SUCCESS) return signatureStatus;
  if (file.length < FILE_HEADER_SIZE) return Status.INVALID_IMAGE_PROTECT;
  const fileView = viewOf(file);
  const optionalSize = fileView.getUint16(20, true);
  if (fileView.getUint16(4, true) === 0 && optionalSize === 0) return Status.INVALID_IMAGE_PROTECT;
  if ((fileView.getUint16(22, true) & EXECUTABLE_IMAGE) === 0) return Status.INVALID_IMAGE_FORMAT;
  const sectionCount = fileView.getUint16(6, true);
  if (fileView.getUint16(4, true) !== MACHINE_I386) return Status.INVALID_IMAGE_FORMAT;
  if (optionalSize < OPTIONAL_HEADER_MINIMUM || sectionCount > MAXIMUM_SECTIONS) return Status.INVALID_IMAGE_FORMAT;
  const rest = source.read(headerOffset + FILE_HEADER_SIZE, optionalSize + sectionCount * SECTION_HEADER_SIZE);
  if (typeof rest === 'number') return readFailure(rest, Status.INVALID_IMAGE_FORMAT);
  if (rest.length < optionalSize + sectionCount * SECTION_HEADER_SIZE) return Status.INVALID_IMAGE_FORMAT;
  return layOut(fileView, viewOf(rest.subarray(0, optionalSize)), viewOf(rest.subarray(optionalSize)), fileSize);
}

function readFailure(status: NtStatus, atEnd: NtStatus): NtStatus {
  if (status === Status.END_OF_FILE) return atEnd;
  return status === Status.FILE_LOCK_CONFLICT ? status : Status.INVALID_FILE_FOR_SECTION;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** PE or not; NE images (16-bit Windows and OS/2) have a status each, by the byte that names their system. */
function checkSignature(view: DataView): NtStatus {
  const signature = view.getUint32(0, true);
  if (signature === PE_SIGNATURE) return Status.SUCCESS;
  if ((signature & 0xffff) !== NE_SIGNATURE || view.byteLength <= NE_TARGET_SYSTEM) return Status.INVALID_IMAGE_PROTECT;
  const system = view.getUint8(NE_TARGET_SYSTEM);
  if (system === NE_WINDOWS || system === NE_WINDOWS_386) return Status.INVALID_IMAGE_WIN_16;
  return system === NE_OS2 ? Status.INVALID_IMAGE_NE_FORMAT : Status.INVALID_IMAGE_PROTECT;
}

function layOut(file: DataView, optional: DataView, sections: DataView, fileSize: number): ImageLayout | NtStatus {
  const invalid = Status.INVALID_IMAGE_FORMAT;
  const sectionAlignment = optional.getUint32(32, true);
  const fileAlignment = optional.getUint32(36, true);
  const sizeOfImage = optional.getUint32(56, true);
  const sizeOfHeaders = optional.getUint32(60, true);
  const imageBase = optional.getUint32(28, true);
  if (optional.getUint16(0, true) !== PE32_MAGIC) return invalid;
  if (fileAlignment % 512 !== 0 && fileAlignment !== sectionAlignment) return invalid;
  if (!isPowerOfTwo(fileAlignment) || !isPowerOfTwo(sectionAlignment)) return invalid;
  if (sectionAlignment < fileAlignment) return invalid;
  if (sizeOfImage === 0 || sizeOfImage > MAXIMUM_IMAGE_SIZE) return invalid;
  if (imageBase % 0x10000 !== 0) return invalid;
  if (sizeOfHeaders === 0 || sizeOfHeaders >= sizeOfImage) return invalid;
  const information = imageInformation(file, optional, sections, fileSize);
  const pages = Math.ceil(sizeOfImage / PAGE_SIZE);
  const subsections =
    sectionAlignment < PAGE_SIZE
      ? layOutFlat(sections, sizeOfImage, fileSize)
      : layOutSections(sections, { sectionAlignment, sizeOfImage, sizeOfHeaders, fileSize });
  return typeof subsections === 'number' ? subsections : { information, subsections, pages };
}

function imageInformation(file: DataView, optional: DataView, sections: DataView, fileSize: number): ImageInformation {
  const entry = optional.getUint32(16, true);
  const imageBase = optional.getUint32(28, true);
  let containsCode = optional.getUint32(4, true) !== 0;
  for (let at = 0; at + SECTION_HEADER_SIZE <= sections.byteLength; at += SECTION_HEADER_SIZE) {
    if ((sections.getUint32(at + 36, true) & (SCN_CONTAINS_CODE | SCN_EXECUTE)) !== 0) containsCode = true;
  }
  return {
    transferAddress: entry === 0 ? 0 : (imageBase + entry) >>> 0,
    zeroBits: 0,
    maximumStackSize: optional.getUint32(72, true),
    committedStackSize: optional.getUint32(76, true),
    subSystemType: optional.getUint16(68, true),
    subSystemMajorVersion: optional.getUint16(48, true),
    subSystemMinorVersion: optional.getUint16(50, true),
    characteristics: file.getUint16(22, true),
    dllCharacteristics: optional.getUint16(DLL_CHARACTERISTICS_OFFSET, true),
    machine: file.getUint16(4, true),
    containsCode,
    loaderFlags: optional.getUint32(88, true),
    imageFileSize: fileSize,
    imageBase,
    sizeOfImage: optional.getUint32(56, true),
  };
}

/** Section alignment below a page: the file is mapped as it is, one subsection that every process may write copies of. */
function layOutFlat(sections: DataView, sizeOfImage: number, fileSize: number): readonly ImageSubsection[] | NtStatus {
  for (let at = 0; at + SECTION_HEADER_SIZE <= sections.byteLength; at += SECTION_HEADER_SIZE) {
    const virtualSize = sections.getUint32(at + 8, true);
    const virtualAddress = sections.getUint32(at + 12, true);
    const rawSize = sections.getUint32(at + 16, true);
    const rawOffset = sections.getUint32(at + 20, true);
    if (rawOffset !== virtualAddress || virtualSize > rawSize) return Status.INVALID_IMAGE_FORMAT;
    if (rawOffset + rawSize > fileSize) return Status.INVALID_IMAGE_FORMAT;
  }
  const pages = Math.ceil(sizeOfImage / PAGE_SIZE);
  return [
    {
      protection: ProtectionMask.ExecuteWriteCopy,
      pages,
      committedPages: pages,
      fileOffset: 0,
      rawBytes: Math.min(fileSize, sizeOfImage),
      shared: false,
    },
  ];
}

interface SectionLimits {
  readonly sectionAlignment: number;
  readonly sizeOfImage: number;
  readonly sizeOfHeaders: number;
  readonly fileSize: number;
}

/** Subsection 0 holds the headers, then one a section; sections follow each other without holes. */
function layOutSections(sections: DataView, limits: SectionLimits): readonly ImageSubsection[] | NtStatus {
  const { sectionAlignment, sizeOfImage, sizeOfHeaders, fileSize } = limits;
  const invalid = Status.INVALID_IMAGE_FORMAT;
  const total = Math.ceil(sizeOfImage / PAGE_SIZE);
  const headerPages = roundUp(sizeOfHeaders, sectionAlignment) / PAGE_SIZE;
  if (headerPages > total) return invalid;
  const count = sections.byteLength / SECTION_HEADER_SIZE;
  const committedHeaders = Math.min(headerPages, Math.ceil(sizeOfHeaders / PAGE_SIZE));
  const result: ImageSubsection[] = [
    {
      protection: ProtectionMask.ReadOnly,
      pages: headerPages,
      committedPages: committedHeaders,
      fileOffset: 0,
      rawBytes: Math.min(sizeOfHeaders, fileSize),
      shared: false,
    },
  ];
  let nextAddress = headerPages * PAGE_SIZE;
  for (let index = 0; index < count; index++) {
    const at = index * SECTION_HEADER_SIZE;
    const virtualSize = sections.getUint32(at + 8, true);
    const virtualAddress = sections.getUint32(at + 12, true);
    const rawOffset = sections.getUint32(at + 20, true);
    const rawSize = rawOffset === 0 ? 0 : sections.getUint32(at + 16, true);
    const characteristics = sections.getUint32(at + 36, true);
    const size = virtualSize === 0 ? rawSize : virtualSize;
    if (size === 0) return invalid;
    if (virtualAddress !== nextAddress) return invalid;
    if (rawOffset + rawSize > 0xffffffff || rawOffset + rawSize > fileSize) return invalid;
    const pages = roundUp(size, sectionAlignment) / PAGE_SIZE;
    nextAddress += pages * PAGE_SIZE;
    const isLast = index === count - 1;
    // The last section may be cut where SizeOfImage is not aligned, but not by an alignment unit or more.
    if (nextAddress > total * PAGE_SIZE && (!isLast || nextAddress - total * PAGE_SIZE >= sectionAlignment)) {
      return invalid;
    }
    const available = Math.min(pages, total - virtualAddress / PAGE_SIZE);
    if (available <= 0) return invalid;
    const committed = Math.min(available, Math.ceil(size / PAGE_SIZE));
    result.push({
      protection: sectionProtection(characteristics),
      pages: available,
      committedPages: committed,
      fileOffset: rawOffset,
      rawBytes: Math.min(rawSize, committed * PAGE_SIZE),
      shared: (characteristics & SCN_SHARED) !== 0,
    });
  }
  // What SizeOfImage has beyond the last section must be less than an alignment unit.
  const left = total * PAGE_SIZE - Math.min(nextAddress, total * PAGE_SIZE);
  return left >= sectionAlignment ? invalid : result;
}

const maskOfCharacteristics: readonly number[] = [
  ProtectionMask.NoAccess,
  ProtectionMask.Execute,
  ProtectionMask.ReadOnly,
  ProtectionMask.ExecuteRead,
  ProtectionMask.WriteCopy,
  ProtectionMask.ExecuteWriteCopy,
  ProtectionMask.WriteCopy,
  ProtectionMask.ExecuteWriteCopy,
];

/** Protection mask of a section's pages from its IMAGE_SCN_MEM bits. */
export function sectionProtection(characteristics: number): number {
  const execute = (characteristics & SCN_EXECUTE) !== 0 ? 1 : 0;
  const read = (characteristics & SCN_READ) !== 0 ? 2 : 0;
  const write = (characteristics & SCN_WRITE) !== 0 ? 4 : 0;
  const mask = maskOfCharacteristics[execute | read | write];
  return (characteristics & SCN_SHARED) !== 0 && write !== 0 ? mask & ~1 : mask;
}

function isPowerOfTwo(value: number): boolean {
  return value !== 0 && (value & (value - 1)) === 0;
}

function roundUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
