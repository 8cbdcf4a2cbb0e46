import { hex } from '../trace.js';
import type { MemoryManager } from './memory-manager.js';
import type { ControlArea } from './segment.js';

/**
 * The views that control areas count against those that address spaces and the system cache have, and the segments that are kept
 * without any.
 * @returns the first inconsistency in one sentence, or null
 */
export function verifyViews(mm: MemoryManager): string | null {
  const mapped = new Map<ControlArea, number>();
  const writable = new Map<ControlArea, number>();
  const dying = new Set(mm.dereference.segmentsToDelete);
  const count = (counts: Map<ControlArea, number>, area: ControlArea): void => {
    counts.set(area, (counts.get(area) ?? 0) + 1);
  };
  for (const space of mm.addressSpaces) {
    for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) {
      if (vad.controlArea === null) continue;
      count(mapped, vad.controlArea);
      if (vad.writableUserReference) count(writable, vad.controlArea);
    }
  }
  for (const { area } of mm.cacheViews.views.values()) count(mapped, area);
  for (const area of controlAreas(mm)) {
    const views = mapped.get(area) ?? 0;
    const name = `control area ${hex(area.poolAddress)} of ${area.file?.name ?? 'page-file memory'}`;
    if (views !== area.numberOfMappedViews)
      return `${name} counts ${area.numberOfMappedViews} views, but ${views} exist`;
    const writers = writable.get(area) ?? 0;
    if (writers !== area.writableUserReferences) {
      return `${name} counts ${area.writableUserReferences} views that write, but ${writers} exist`;
    }
    const isKept = mm.unusedSegments.list.includes(area);
    const isLeft = isKept || dying.has(area);
    if (area.isUnused !== isLeft)
      return `${name} is ${isLeft ? 'used, but kept as unused or being deleted' : 'unused, but not kept'}`;
    mapped.delete(area);
  }
  for (const area of mapped.keys()) return `there are views of control area ${hex(area.poolAddress)}, which is gone`;
  return mm.basedSections.verify();
}

/** Every control area that has not been deleted. */
export function controlAreas(mm: MemoryManager): Set<ControlArea> {
  const areas = new Set<ControlArea>();
  for (const subsection of mm.subsections.values()) areas.add(subsection.controlArea);
  return areas;
}
