import { hex } from '../trace.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import type { Section } from './section.js';
import type { ControlArea } from './segment.js';
import type { Vad } from './vad.js';

/** `--trace sections`: what becomes of section objects, their views and the segments behind them. */

/** How a control area is named in a trace: its address, and its file or '-' for page-file memory. */
const areaFields = (area: ControlArea) => ({ controlArea: hex(area.poolAddress), file: area.file?.name ?? '-' });

/** Tells of a section object's begin or end: its size in bytes, protection and control area. Nothing when nobody traces. */
export function traceSection(mm: MemoryManager, event: 'section-created' | 'section-deleted', section: Section): void {
  mm.environment.traceSections?.(event, {
    ...areaFields(section.controlArea),
    kind: section.controlArea.flags.image ? 'image' : 'data',
    size: section.sizeOfSection,
    protection: section.initialPageProtection,
    references: section.controlArea.numberOfSectionReferences,
  });
}

/** A view comes or goes; `views` counts those that there are then. */
export function traceView(
  mm: MemoryManager,
  event: 'view-mapped' | 'view-unmapped',
  space: AddressSpace,
  vad: Vad,
): void {
  const area = vad.controlArea;
  if (area === null) return;
  mm.environment.traceSections?.(event, {
    ...areaFields(area),
    owner: space.processId,
    base: hex(vad.startAddress),
    pages: vad.pages,
    firstPage: vad.firstSegmentPage,
    protection: vad.protection,
    views: area.numberOfMappedViews,
  });
}

/** A segment is made, grows, is kept after its last use, is used again, or goes. */
export function traceSegment(
  mm: MemoryManager,
  event: 'segment-created' | 'segment-extended' | 'segment-kept' | 'segment-reused' | 'segment-deleted',
  area: ControlArea,
): void {
  mm.environment.traceSections?.(event, {
    ...areaFields(area),
    pages: area.segment.totalPages,
    inMemory: area.numberOfPfnReferences,
  });
}
