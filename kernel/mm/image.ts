import { Status } from '../ntstatus.js';
import { type NtStatus, virtualAddress } from '../types.js';
import { createControlArea, PrototypeArrays, placeSubsections } from './control-area.js';
import { captureDataDirtyBits, flushDataPages } from './flush-pages.js';
import { type ImageLayout, type ImageSubsection, readImageLayout } from './image-checks.js';
import type { MemoryManager } from './memory-manager.js';
import { isCopyOnWrite, isWritable, PageProtection, ProtectionMask } from './protection.js';
import { fillDemandZero, fillSubsection } from './prototype-pte.js';
import { Section } from './section.js';
import { traceSection } from './section-trace.js';
import { type ControlArea, type SectionFile, Subsection } from './segment.js';
import type { MemoryContext } from './vad-charges.js';

/** A new section, null unless the status is a success. */
export interface SectionResult {
  readonly status: NtStatus;
  readonly section: Section | null;
}

const IMAGE_FLAGS = { image: true, file: true, reserve: false, commit: false, noCache: false } as const;

/**
 * Makes a section of an executable image (SEC_IMAGE): checks the file's headers on the first use and shares the control area
 * afterwards, so that all processes share its pages. Statuses: nt52 8.3; INSUFFICIENT_RESOURCES, COMMITMENT_LIMIT.
 * The section holds a reference; releaseSection gives it back. Environment: PASSIVE_LEVEL; reads are synchronous.
 */
export function createImageSection(
  context: MemoryContext,
  file: SectionFile,
  protection: number = PageProtection.Execute,
  mask: number = ProtectionMask.Execute,
): SectionResult {
  if (file.isDirectory) return { status: Status.INVALID_FILE_FOR_SECTION, section: null };
  const pointers = file.sectionObjectPointers;
  flushDataSection(context.mm, file);
  let area = context.mm.unusedSegments.take(context, file, pointers.imageSectionObject);
  if (area === null) {
    const layout = readImageLayout(file);
    if (typeof layout === 'number') return { status: layout, section: null };
    const made = createImageArea(context, file, layout);
    if (typeof made === 'number') return { status: made, section: null };
    area = made;
    pointers.imageSectionObject = area;
    file.reference();
  }
  area.numberOfSectionReferences++;
  const options = { copyOnWrite: false, noChange: false, noCache: false };
  const section = new Section(area, area.segment.sizeOfSegment, protection, mask, options);
  traceSection(context.mm, 'section-created', section);
  return { status: Status.SUCCESS, section };
}

/** An image is read from the file: what was written to it is there first. */
function flushDataSection(mm: MemoryManager, file: SectionFile): void {
  const data = file.sectionObjectPointers.dataSectionObject;
  if (data === null) return;
  captureDataDirtyBits(mm, data, 0, data.segment.totalPages);
  flushDataPages(mm, data, 0, data.segment.totalPages);
}

function createImageArea(context: MemoryContext, file: SectionFile, layout: ImageLayout): ControlArea | NtStatus {
  const { mm } = context;
  const shape = {
    pages: layout.pages,
    size: layout.information.sizeOfImage,
    protection: ProtectionMask.ExecuteWriteCopy,
    pteShift: Math.log2(mm.format.entrySize),
  };
  const sharedPages = sum(layout.subsections, (part) => (isSharedData(part) ? part.committedPages : 0));
  if (!mm.commit.charge(sharedPages)) return Status.COMMITMENT_LIMIT;
  const area = createControlArea(context, file, IMAGE_FLAGS, shape, {
    arrays: PrototypeArrays.WithSegment,
    subsections: layout.subsections.length,
  });
  if (area === null) {
    mm.commit.release(sharedPages);
    return Status.INSUFFICIENT_RESOURCES;
  }
  const segment = area.segment;
  segment.committedPages = sharedPages;
  segment.imageCommitment = sum(layout.subsections, (part) =>
    isCopyOnWrite(part.protection) ? part.committedPages : 0,
  );
  segment.imageInformation = layout.information;
  segment.basedAddress = layout.information.imageBase;
  const { entrySize } = mm.format;
  let firstPage = 0;
  const subsections = layout.subsections.map((part) => {
    const subsection = new Subsection(area, {
      protection: part.protection,
      fileOffset: part.fileOffset,
      rawBytes: part.rawBytes,
      firstPage,
      pages: part.pages,
      globalMemory: part.shared,
    });
    subsection.base = virtualAddress(segment.prototypePtes + firstPage * entrySize);
    firstPage += part.pages;
    return subsection;
  });
  placeSubsections(context, area, subsections);
  for (const [index, part] of layout.subsections.entries()) fillPrototypes(context, subsections[index], part);
  return area;
}

/** Pages with file bytes in subsection form, then demand zero, then nothing. */
function fillPrototypes(context: MemoryContext, subsection: Subsection, part: ImageSubsection): void {
  const { mm } = context;
  const filePages = Math.ceil(part.rawBytes / 0x1000);
  const count = part.committedPages - filePages;
  fillSubsection(mm, { address: subsection.base, count: filePages }, subsection.address, part.protection);
  fillDemandZero(mm, { address: subsection.base + filePages * mm.format.entrySize, count }, part.protection);
}

function isSharedData(part: ImageSubsection): boolean {
  return part.shared && isWritable(part.protection);
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
