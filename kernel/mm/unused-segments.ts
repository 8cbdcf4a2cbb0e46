import { deleteControlArea } from './control-area.js';
import { flushDataPages } from './flush-pages.js';
import type { MemoryManager } from './memory-manager.js';
import { traceSegment } from './section-trace.js';
import type { ControlArea, SectionFile } from './segment.js';
import type { MemoryContext } from './vad-charges.js';

/** Segments that are kept at most; each keeps a file of the host open. */
const MAXIMUM_SEGMENTS = 256;

/**
 * MmUnusedSegmentList (nt52.md 8.1): control areas of files that no section object and no view refers to, while pages of theirs are
 * in memory, on the standby or modified list. Who maps such a file again finds the pages there. A segment whose last page leaves memory
 * is deleted by the dereference segment thread; when there are too many, or pool is short, the oldest go at once.
 */
export class UnusedSegments {
  /** Oldest first. */
  readonly list: ControlArea[] = [];
  readonly #mm: MemoryManager;

  constructor(mm: MemoryManager) {
    this.#mm = mm;
  }

  /**
   * Keeps a control area that has just become unused. False: there is nothing worth keeping, or it may not be kept: memory that
   * processes shared through an image begins anew with the next one.
   */
  keep(area: ControlArea): boolean {
    const { file, segment } = area;
    if (file === null || area.numberOfPfnReferences === 0 || segment.committedPages > 0 || file.isGone) return false;
    area.fileVersion = file.version;
    this.list.push(area);
    traceSegment(this.#mm, 'segment-kept', area);
    if (this.list.length > MAXIMUM_SEGMENTS) this.#delete(this.#mm.context, this.list[0]);
    return true;
  }

  /**
   * The control area that a file has of one kind, ready for use: it is off the list. Null: there is none, or the file is not what it
   * was when the control area became unused: an image was written to, a data file is shorter. (Pages of data files learn of writes.)
   */
  take(context: MemoryContext, file: SectionFile, area: ControlArea | null): ControlArea | null {
    const index = area === null ? -1 : this.list.indexOf(area);
    if (area === null || index < 0) return area;
    const isStale = area.flags.image ? area.fileVersion !== file.version : file.size() < area.fileBytes;
    if (isStale) {
      this.#delete(context, area);
      return null;
    }
    this.list.splice(index, 1);
    traceSegment(this.#mm, 'segment-reused', area);
    return area;
  }

  /** The last page of a kept segment has left memory: the dereference segment thread deletes it. Any environment. */
  pageGone(area: ControlArea): void {
    if (area.numberOfPfnReferences === 0 && this.list.includes(area)) this.#mm.dereference.requestDeletion(area);
  }

  /** Deletes a segment unless somebody uses it again, or pages of it are in memory again. Environment: PASSIVE_LEVEL. */
  deleteIfEmpty(context: MemoryContext, area: ControlArea): void {
    if (area.numberOfPfnReferences === 0 && this.list.includes(area)) this.#delete(context, area);
  }

  /** MmFlushImageSection, MmPurgeSection: the file is about to change or to go; what is kept of it goes first. */
  deleteOf(context: MemoryContext, file: SectionFile): void {
    const { dataSectionObject: data, imageSectionObject: image } = file.sectionObjectPointers;
    for (const area of [data, image]) if (area !== null && this.list.includes(area)) this.#delete(context, area);
  }

  /** Pool is short: all go whose pages are in their files. False: there was none. */
  deleteAll(context: MemoryContext): boolean {
    const unused = [...this.list];
    for (const area of unused) this.#delete(context, area);
    return unused.length > 0;
  }

  #delete(context: MemoryContext, area: ControlArea): void {
    // What could not be written when the last view went gets one more chance.
    if (!area.flags.image) flushDataPages(context.mm, area, 0, area.segment.totalPages);
    this.list.splice(this.list.indexOf(area), 1);
    deleteControlArea(context, area);
  }
}
