import { Status } from '../ntstatus.js';
import { type NtStatus, type VirtualAddress, virtualAddress } from '../types.js';
import type { FaultableSubsection } from './memory-manager.js';

/**
 * What stands behind a section: the control area of a file (or of page-file backed memory), its segment with the
 * prototype PTEs, and the subsections that say where each run of pages comes from (nt52 8.1). The structures are
 * objects charged to nonpaged pool; the prototype PTE arrays are bytes in paged pool.
 */

/** What mm needs of an open file; io's file objects offer it. Offsets and lengths in bytes. */
export interface SectionFile {
  /** Name in the NT namespace, as NtQueryVirtualMemory reports it. */
  readonly name: string;
  readonly isDirectory: boolean;
  /** It has no name any more: nobody will open it again. */
  readonly isGone: boolean;
  /** Counts the changes of the file. */
  readonly version: number;
  /** Shared by every open of the same file. */
  readonly sectionObjectPointers: SectionObjectPointers;
  /** ValidDataLength: what lies behind so many bytes was never written and is zeros. */
  readonly validDataLength: number;
  size(): number;
  /** At most `length` bytes; fewer only at the end of the file. */
  read(offset: number, length: number): Uint8Array | NtStatus;
  /** As read, into memory of the caller's; the part that was filled. */
  readInto(offset: number, target: Uint8Array): Uint8Array | NtStatus;
  write(offset: number, bytes: Uint8Array): NtStatus;
  setSize(size: number): NtStatus;
  /** The file stays open while a control area refers to it. */
  reference(): void;
  dereference(): void;
}

/** SECTION_OBJECT_POINTERS: one data and one image control area per file. */
export interface SectionObjectPointers {
  dataSectionObject: ControlArea | null;
  imageSectionObject: ControlArea | null;
}

/** What SECTION_IMAGE_INFORMATION reports (0x30 bytes). */
export interface ImageInformation {
  /** RVA-based entry made absolute with the preferred base; 0 when the image has none. */
  readonly transferAddress: number;
  readonly zeroBits: number;
  readonly maximumStackSize: number;
  readonly committedStackSize: number;
  readonly subSystemType: number;
  readonly subSystemMinorVersion: number;
  readonly subSystemMajorVersion: number;
  readonly characteristics: number;
  readonly dllCharacteristics: number;
  readonly machine: number;
  readonly containsCode: boolean;
  readonly loaderFlags: number;
  readonly imageFileSize: number;
  /** Preferred base. */
  readonly imageBase: number;
  readonly sizeOfImage: number;
}

/** Bytes of the structures in pool. */
export const SUBSECTION_SIZE = 0x20;
export const CONTROL_AREA_SIZE = 0x38;

/** SUBSECTION: pages that follow each other in the file and share a protection. */
export class Subsection implements FaultableSubsection {
  readonly controlArea: ControlArea;
  /** Five-bit mask. */
  readonly protection: number;
  /** Where the first page lies in the file. */
  readonly fileOffset: number;
  /** File bytes behind these pages; what is beyond reads as zeros. */
  rawBytes: number;
  /** Index of the first page in the segment. */
  readonly firstPage: number;
  /** PTEs in the array: the pages of the subsection. */
  readonly pages: number;
  /** Written pages are shared by all processes (IMAGE_SCN_MEM_SHARED). */
  readonly globalMemory: boolean;
  /** Address of the first prototype PTE, 0 while no view needed the array. */
  base: VirtualAddress = virtualAddress(0);
  /** Address of the structure in nonpaged pool: what subsection-form prototype PTEs hold. */
  address: VirtualAddress = virtualAddress(0);

  constructor(
    controlArea: ControlArea,
    options: {
      protection: number;
      fileOffset: number;
      rawBytes: number;
      firstPage: number;
      pages: number;
      globalMemory?: boolean;
    },
  ) {
    this.controlArea = controlArea;
    this.protection = options.protection;
    this.fileOffset = options.fileOffset;
    this.rawBytes = options.rawBytes;
    this.firstPage = options.firstPage;
    this.pages = options.pages;
    this.globalMemory = options.globalMemory ?? false;
  }

  /** A file whose volume is gone refuses every read; no volume goes away yet. */
  get failAllIo(): boolean {
    return false;
  }

  pfnReferenceAdded(): void {
    this.controlArea.numberOfPfnReferences++;
  }

  pfnReferenceRemoved(): void {
    this.controlArea.numberOfPfnReferences--;
  }

  /** Index of the page that the prototype PTE at an address describes. */
  pageOf(prototypeAddress: number): number {
    return (prototypeAddress - this.base) / 2 ** this.controlArea.segment.pteShift;
  }

  /** Does the file have bytes for a page? */
  hasFileBytes(page: number): boolean {
    return page * 0x1000 < this.rawBytes;
  }

  /** Was no byte of a page ever written, up to the end that the file has now? Then it need not be read. */
  isNeverWritten(page: number): boolean {
    const { file, flags } = this.controlArea;
    const start = this.fileOffset + page * 0x1000;
    return file !== null && !flags.image && start >= file.validDataLength && start < file.size();
  }

  /**
   * Reads pages that follow each other into page frames, zeros behind the end of the file or section.
   * @param page index of the first in the subsection
   * @param hostOffsets where each frame lies in linear memory
   * @returns SUCCESS; END_OF_FILE: the file has become shorter than the section; or why it cannot be read
   */
  readPages(page: number, hostOffsets: readonly number[]): NtStatus {
    const { file, linearMemory, flags } = this.controlArea;
    const start = page * 0x1000;
    const promised = Math.max(0, Math.min(hostOffsets.length * 0x1000, this.rawBytes - start));
    // A data file may have grown behind the section's back; what lies behind a part of an image belongs to another part.
    const wanted = flags.image ? promised : hostOffsets.length * 0x1000;
    // Page frames that lie one behind the other, as is usual, need no copy.
    const isContiguous = areContiguous(hostOffsets);
    const target = linearMemory.subarray(hostOffsets[0], hostOffsets[0] + wanted);
    const offset = this.fileOffset + start;
    let read: Uint8Array | NtStatus = NO_BYTES;
    if (wanted > 0 && file !== null) read = isContiguous ? file.readInto(offset, target) : file.read(offset, wanted);
    if (typeof read === 'number' && read !== Status.END_OF_FILE) return read;
    const bytes = typeof read === 'number' ? NO_BYTES : read;
    if (bytes.length < promised) return Status.END_OF_FILE;
    if (isContiguous) {
      linearMemory.fill(0, hostOffsets[0] + bytes.length, hostOffsets[0] + hostOffsets.length * 0x1000);
      return Status.SUCCESS;
    }
    for (const [index, host] of hostOffsets.entries()) {
      const part = bytes.subarray(index * 0x1000, (index + 1) * 0x1000);
      linearMemory.set(part, host);
      if (part.length < 0x1000) linearMemory.fill(0, host + part.length, host + 0x1000);
    }
    return Status.SUCCESS;
  }
}

/** Do these pages of linear memory lie one behind the other? */
export function areContiguous(hostOffsets: readonly number[]): boolean {
  return hostOffsets.every((host, index) => host === hostOffsets[0] + index * 0x1000);
}

const NO_BYTES = new Uint8Array(0);

/** SEGMENT: size, commitment and prototype PTEs of a control area. */
export class Segment {
  readonly controlArea: ControlArea;
  /** Pages of the segment (TotalNumberOfPtes). */
  totalPages: number;
  /** Bytes. */
  sizeOfSegment: number;
  /** Mask that demand-zero prototype PTEs and the pages of SEC_RESERVE sections get. */
  templateProtection: number;
  /** Pages charged to the system for page-file backed memory. */
  committedPages = 0;
  /** Pages that a process mapping the image may come to own. */
  imageCommitment = 0;
  /** Bytes that views mapped with MEM_RESERVE give access to (MMEXTEND_INFO.CommittedSize): a page multiple. */
  extendedSize = 0;
  /** Preferred base of an image. */
  basedAddress = 0;
  imageInformation: ImageInformation | null = null;
  /** Start of the array when it is one for all subsections, behind the segment; 0: each subsection has its own. */
  prototypePtes: VirtualAddress = virtualAddress(0);
  /** log2 of the bytes of a PTE. */
  readonly pteShift: number;
  /** Pool block of the segment structure; arrays for all subsections lie in it. */
  poolAddress: VirtualAddress = virtualAddress(0);

  constructor(controlArea: ControlArea, shape: SegmentShape) {
    this.controlArea = controlArea;
    this.totalPages = shape.pages;
    this.sizeOfSegment = shape.size;
    this.templateProtection = shape.protection;
    this.pteShift = shape.pteShift;
  }

  /** Address of the prototype PTE of a page of the segment; 0 where there is none. */
  prototypePte(page: number): number {
    if (page < 0 || page >= this.totalPages) return 0;
    if (this.prototypePtes !== 0) return this.prototypePtes + page * 2 ** this.pteShift;
    for (const subsection of this.controlArea.subsections) {
      const index = page - subsection.firstPage;
      if (index >= 0 && index < subsection.pages) {
        return subsection.base === 0 ? 0 : subsection.base + index * 2 ** this.pteShift;
      }
    }
    return 0;
  }
}

/** Sizes of a segment: pages, bytes, protection of its template, log2 of the bytes of a PTE. */
export interface SegmentShape {
  readonly pages: number;
  readonly size: number;
  readonly protection: number;
  readonly pteShift: number;
}

/** CONTROL_AREA flags that behaviour depends on. */
export interface ControlAreaFlags {
  readonly image: boolean;
  readonly file: boolean;
  readonly reserve: boolean;
  readonly commit: boolean;
  readonly noCache: boolean;
}

/** CONTROL_AREA: everything the memory manager knows of one file's (or page-file section's) pages. */
export class ControlArea {
  readonly file: SectionFile | null;
  readonly flags: ControlAreaFlags;
  readonly segment: Segment;
  readonly subsections: Subsection[] = [];
  /** The machine's linear memory, where pages are filled. */
  readonly linearMemory: Uint8Array;
  numberOfSectionReferences = 0;
  /** Pages of the file that exist in memory. */
  numberOfPfnReferences = 0;
  /** Views of processes and of the system cache, and the latter alone. */
  numberOfMappedViews = 0;
  numberOfSystemCacheViews = 0;
  /** Section objects and views of programs, that is all but the cache manager's: while there are any, the file may not be cut. */
  numberOfUserReferences = 0;
  writableUserReferences = 0;
  /** NoModifiedWriting: the page writers leave modified pages of the file alone, and reads are of one page. */
  noModifiedWriting = false;
  /** Writes that the mapped page writer has been given and not ended. */
  modifiedWriteCount = 0;
  /** Version of the file when the control area became unused. */
  fileVersion = 0;
  /** Pool block of the control area; its subsections follow it in the same block. */
  poolAddress: VirtualAddress = virtualAddress(0);
  /** Pool blocks of subsections that were added when the file grew. */
  readonly extensionBlocks: VirtualAddress[] = [];

  constructor(file: SectionFile | null, flags: ControlAreaFlags, shape: SegmentShape, linearMemory: Uint8Array) {
    this.file = file;
    this.flags = flags;
    this.linearMemory = linearMemory;
    this.segment = new Segment(this, shape);
  }

  /** Bytes of the file that its pages show; it may have room for more. */
  get fileBytes(): number {
    return Math.max(...this.subsections.map((subsection) => subsection.fileOffset + subsection.rawBytes));
  }

  /** Nobody refers to it any more: it can go. */
  get isUnused(): boolean {
    return this.numberOfSectionReferences === 0 && this.numberOfMappedViews === 0;
  }
}

export type { Section } from './section.js';
