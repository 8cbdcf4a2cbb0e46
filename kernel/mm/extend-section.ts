import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import { makePrototypeArrays } from './control-area.js';
import { extendDataArea, growFile, MAXIMUM_FILE_SECTION, setFileBytes } from './create-section.js';
import type { Section } from './section.js';
import type { ControlArea } from './segment.js';
import type { Vad } from './vad.js';
import type { MemoryContext } from './vad-charges.js';

/**
 * MmExtendSection: makes a data-file section larger, and its file where that is shorter. A smaller size changes nothing.
 * SECTION_NOT_EXTENDED: not a data file, or the file is shorter and the section may not write; SECTION_TOO_BIG;
 * INSUFFICIENT_RESOURCES; what the file says.
 * @param size bytes
 * Environment: PASSIVE_LEVEL; file access is synchronous.
 */
export function extendSection(context: MemoryContext, section: Section, size: number): NtStatus {
  const { controlArea: area } = section;
  if (area.file === null || area.flags.image) return Status.SECTION_NOT_EXTENDED;
  if (size <= section.sizeOfSection) return Status.SUCCESS;
  if (section.copyOnWrite && size > area.file.size()) return Status.SECTION_NOT_EXTENDED;
  const status = extendFile(context, area, size);
  if (status === Status.SUCCESS) section.sizeOfSection = size;
  return status;
}

/** The file and its segment reach so far at least. */
function extendFile(context: MemoryContext, area: ControlArea, size: number): NtStatus {
  const { file } = area;
  if (file === null) return Status.SECTION_NOT_EXTENDED;
  if (size > MAXIMUM_FILE_SECTION) return Status.SECTION_TOO_BIG;
  if (size > file.size()) {
    const status = growFile(context.mm, file, size);
    if (status !== Status.SUCCESS) return status;
  }
  if (!extendDataArea(context, area, size)) return Status.INSUFFICIENT_RESOURCES;
  setFileBytes(area, file.size());
  return Status.SUCCESS;
}

/**
 * MEM_COMMIT in a view that was mapped with MEM_RESERVE and may be longer than its file: file and section grow to the end of the last
 * page (nt52.md 9.1). Statuses of extendSection.
 * @param lastPage of the view, as a page of the segment
 */
export function extendView(context: MemoryContext, vad: Vad, firstPage: number, lastPage: number): NtStatus {
  const area = vad.controlArea;
  if (area === null) return Status.SECTION_NOT_EXTENDED;
  const { segment } = area;
  const from = Math.min(firstPage, segment.extendedSize / 0x1000);
  const size = (lastPage + 1) * 0x1000;
  if (size > area.fileBytes) {
    const status = extendFile(context, area, size);
    if (status !== Status.SUCCESS) return status;
  }
  if (!makePrototypeArrays(context, area, from, lastPage - from + 1)) return Status.INSUFFICIENT_RESOURCES;
  segment.extendedSize = Math.max(segment.extendedSize, size);
  return Status.SUCCESS;
}
