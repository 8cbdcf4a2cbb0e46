import { EventType, KEvent, KSemaphore } from '../ke/dispatcher-object.js';
import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { Blocking } from '../types.js';
import type { CommitExtension } from './commit.js';
import { deleteControlArea } from './control-area.js';
import { contractPagingFiles, extendPagingFiles } from './extend-paging-files.js';
import type { MemoryManager } from './memory-manager.js';
import type { ControlArea } from './segment.js';

export const DEREFERENCE_THREAD_PRIORITY = 18;
const MAXIMUM_ENTRIES = 0x7fffffff;

/**
 * What the thread is asked to do: files' segments to delete if they still are empty, page-file memory to delete, and
 * MMPAGE_FILE_EXPANSION entries, with an event where somebody waits for the end.
 */
type Request =
  | { readonly kind: 'delete-empty'; readonly area: ControlArea }
  | { readonly kind: 'delete'; readonly area: ControlArea }
  | { readonly kind: 'extend'; readonly pages: number; readonly done: KEvent | null }
  | { readonly kind: 'contract' };

/**
 * MmDereferenceSegmentHeader (nt52.md 7.4): what the dereference segment thread has to do, and the charges that ask it for
 * bigger paging files.
 */
export class DereferenceQueue implements CommitExtension {
  readonly semaphore = new KSemaphore(0, MAXIMUM_ENTRIES);
  readonly #requests: Request[] = [];
  readonly #mm: MemoryManager;
  #refusals = 0;

  constructor(mm: MemoryManager) {
    this.#mm = mm;
  }

  /** A charge that cannot wait: the files grow on the spot. */
  extendNow(pages: number): boolean {
    return extendPagingFiles(this.#mm, pages) >= pages;
  }

  /** Above nine tenths of the limit: the thread makes the files bigger before somebody has to wait for it. */
  request(pages: number): void {
    if (this.#mm.paging.room > 0 && !this.#isQueued('extend')) this.#queue({ kind: 'extend', pages, done: null });
  }

  /** A charge was refused: whoever sits in front of the machine is told, the first time. */
  refused(_pages: number): void {
    if (this.#refusals++ === 0) this.#mm.environment.popup?.(Status.COMMITMENT_LIMIT);
  }

  /** Paging files that have grown may give back what nobody needs any more. */
  requestContraction(): void {
    const { commit, paging } = this.#mm;
    if (this.#isQueued('contract') || !commit.allowsContraction) return;
    if (paging.files.some((file) => file.contractible > 0)) this.#queue({ kind: 'contract' });
  }

  /** A file's segment that nobody uses has no page in memory any more. */
  requestDeletion(area: ControlArea): void {
    this.#queue({ kind: 'delete-empty', area });
  }

  /**
   * Page-file memory lost its last section and view: the thread deletes it, and without a dispatcher the caller does.
   * Environment: PASSIVE_LEVEL.
   */
  deleteSegment(area: ControlArea): void {
    if (this.#mm.environment.releaseSemaphore === undefined) deleteControlArea(this.#mm.context, area);
    else this.#queue({ kind: 'delete', area });
  }

  /** Page-file memory that nobody refers to and that the thread has not come to yet (BeingDeleted). */
  get segmentsToDelete(): readonly ControlArea[] {
    return this.#requests.flatMap((request) => (request.kind === 'delete' ? [request.area] : []));
  }

  /** For who needs now what such memory still has: it goes at once. False: there was none. Environment: PASSIVE_LEVEL. */
  deleteSegmentsNow(): boolean {
    const areas = this.segmentsToDelete;
    const others = this.#requests.filter(({ kind }) => kind !== 'delete');
    this.#requests.splice(0, this.#requests.length, ...others);
    for (const area of areas) deleteControlArea(this.#mm.context, area);
    return areas.length > 0;
  }

  /** Asks for bigger files and gives the event that is signaled when the thread has done what it could. */
  requestAndNotify(pages: number): KEvent {
    const done = new KEvent(EventType.Notification, false);
    this.#queue({ kind: 'extend', pages, done });
    return done;
  }

  /** Does what was asked for first; false when nothing was. */
  takeOne(): boolean {
    const mm = this.#mm;
    const request = this.#requests.shift();
    if (request === undefined) return false;
    if (request.kind === 'contract') contractPagingFiles(mm);
    else if (request.kind === 'delete') deleteControlArea(mm.context, request.area);
    else if (request.kind === 'delete-empty') mm.unusedSegments.deleteIfEmpty(mm.context, request.area);
    else {
      extendPagingFiles(mm, request.pages);
      if (request.done !== null) mm.signal(request.done);
    }
    return true;
  }

  #isQueued(kind: Request['kind']): boolean {
    return this.#requests.some((request) => request.kind === kind);
  }

  #queue(request: Request): void {
    this.#requests.push(request);
    this.#mm.environment.releaseSemaphore?.(this.semaphore);
  }
}

/** MiDereferenceSegmentThread, a system thread of priority 18. */
export function* dereferenceSegmentThread(kernel: Kernel): Blocking<void> {
  const { dereference } = kernel.mm;
  for (;;) {
    yield* kernel.ke.waitForSingleObject(dereference.semaphore, WaitReason.Executive, Mode.Kernel, false, null);
    dereference.takeOne();
  }
}

/** A charge of so many pages for a program does not fit, but it may once paging files have grown, or memory that is being deleted has gone. */
export function canExtendFor(mm: MemoryManager, pages: number): boolean {
  if (pages === 0 || mm.commit.missing(pages) === 0) return false;
  return mm.paging.room > 0 || mm.dereference.segmentsToDelete.length > 0;
}

/**
 * Before a service charges a program for so many pages: when paging files can grow for it, waits until the dereference
 * segment thread has tried to make them. Whether the charge succeeds is seen when it is made.
 * Environment: PASSIVE_LEVEL; may block.
 */
export function* waitForCommitment(kernel: Kernel, pages: number): Blocking<void> {
  const { mm, ke } = kernel;
  if (!canExtendFor(mm, pages)) return;
  const done = mm.dereference.requestAndNotify(mm.commit.missing(pages));
  yield* ke.waitForSingleObject(done, WaitReason.PageOut, Mode.Kernel, false, null);
}
