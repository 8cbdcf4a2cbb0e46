import { EventType, KEvent } from '../ke/dispatcher-object.js';
import { Mode, WaitReason } from '../ke/thread.js';
import { PAGE_SIZE } from '../mm/layout.js';
import type { Blocking } from '../types.js';
import type { CacheManager } from './cache-manager.js';

/** WRITE_CHARGE_THRESHOLD: a write counts for at most so many bytes. */
export const MAXIMUM_CHARGE = 0x40000;
/** Memory of MmSmallSystem and MmMediumSystem, in pages. */
const SMALL_SYSTEM = 0x1400;
const MEDIUM_SYSTEM = 0x2000;
/** A write has to leave so many pages available. */
const AVAILABLE_RESERVE = 0x80;

/** DEFERRED_WRITE: a thread that must not write yet. */
interface DeferredWrite {
  readonly pages: number;
  readonly event: KEvent;
}

/**
 * CcCanIWrite and CcDeferWrite: who makes pages dirty faster than they can be written waits (nt52.md 13).
 */
export class WriteThrottle {
  /** CcDirtyPageThreshold, CcDirtyPageTarget, in pages. */
  readonly threshold: number;
  readonly target: number;
  readonly #cc: CacheManager;
  readonly #deferred: DeferredWrite[] = [];

  constructor(cc: CacheManager) {
    this.#cc = cc;
    this.threshold = dirtyPageThreshold(cc.kernel.mm.pfn.frameCount);
    this.target = Math.floor((this.threshold * 3) / 4);
  }

  /** Threads that wait. */
  get deferredWrites(): number {
    return this.#deferred.length;
  }

  /** May so many pages be made dirty now? */
  canWrite(pages: number): boolean {
    const { totalDirtyPages } = this.#cc;
    // A write bigger than everything goes when nothing is dirty.
    if (totalDirtyPages === 0) return true;
    const { lists } = this.#cc.kernel.mm;
    return totalDirtyPages + pages < this.threshold && lists.availablePages >= pages + AVAILABLE_RESERVE;
  }

  /** Waits until a write of so many bytes may be made. Returns whether it had to. Environment: PASSIVE_LEVEL, may block. */
  *wait(bytes: number): Blocking<boolean> {
    const pages = Math.ceil(Math.min(bytes, MAXIMUM_CHARGE) / PAGE_SIZE);
    if (this.#deferred.length === 0 && this.canWrite(pages)) return false;
    const { ke, trace } = this.#cc.kernel;
    const write: DeferredWrite = { pages, event: new KEvent(EventType.Notification, false) };
    this.#deferred.push(write);
    if (trace.cache) trace.event('write-deferred', { pages, dirty: this.#cc.totalDirtyPages });
    this.#cc.lazyWriter.scheduleNow();
    yield* ke.waitForSingleObject(write.event, WaitReason.Executive, Mode.Kernel, false, null);
    return true;
  }

  /** CcPostDeferredWrites: pages are clean again; those go on who may, in the order in which they came. */
  release(): void {
    let pages = 0;
    while (this.#deferred.length > 0 && this.canWrite(pages + this.#deferred[0].pages)) {
      const write = this.#deferred.shift();
      if (write === undefined) return;
      pages += write.pages;
      const { trace } = this.#cc.kernel;
      if (trace.cache) trace.event('write-released', { pages: write.pages, dirty: this.#cc.totalDirtyPages });
      this.#cc.kernel.ke.setEvent(write.event, 0);
    }
  }
}

/** By the size of the machine: an eighth of its pages, a quarter, or a quarter and an eighth. */
function dirtyPageThreshold(pages: number): number {
  if (pages <= SMALL_SYSTEM) return Math.floor(pages / 8);
  if (pages <= MEDIUM_SYSTEM) return Math.floor(pages / 4);
  return Math.floor(pages / 4) + Math.floor(pages / 8);
}
