import { EventType, KEvent, KTimer } from '../ke/dispatcher-object.js';
import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking } from '../types.js';
import type { CacheManager } from './cache-manager.js';
import type { SharedCacheMap } from './shared-cache-map.js';

export const LAZY_WRITER_PRIORITY = 13;
/** CcFirstDelay and CcIdleDelay: until the first scan after everything was clean, and between scans; 100 ns units. */
const FIRST_DELAY = -30_000_000n;
const IDLE_DELAY = -10_000_000n;
/** LAZY_WRITER_MAX_AGE_TARGET: what is dirty now is written within so many scans. */
const AGE_TARGET = 8;
/** MAX_WRITE_BEHIND: pages of one write. */
const MAXIMUM_RUN = 16;

/**
 * The lazy writer (nt52.md 13): once a virtual second it writes an eighth of what is dirty, and more when programs write so fast
 * that the threshold is near.
 */
export class LazyWriter {
  readonly #cc: CacheManager;
  readonly event = new KEvent(EventType.Synchronization, false);
  readonly #timer = new KTimer(EventType.Notification);
  /** CcDirtyPagesLastScan, CcPagesWrittenLastTime. */
  #dirtyAtLastScan = 0;
  #writtenLastTime = 0;
  /** The scan begins with the file behind the one that was written last. */
  #cursor: SharedCacheMap | null = null;

  constructor(cc: CacheManager) {
    this.#cc = cc;
    this.#timer.housekeeping = true;
  }

  /** CcScheduleLazyWriteScan: something is dirty. The first scan comes three seconds later. */
  schedule(): void {
    if (!this.#timer.inserted) this.#startTimer(FIRST_DELAY);
  }

  /** As schedule, but at once: somebody waits to write. */
  scheduleNow(): void {
    this.#cc.kernel.ke.setEvent(this.event, 0);
  }

  /**
   * CcLazyWriteScan: writes what is due, lets closed files go, and lets threads go on that wait to write. Environment:
   * PASSIVE_LEVEL; does not wait.
   */
  scan(): void {
    const cc = this.#cc;
    const { counters, trace } = cc.kernel;
    const dirty = cc.totalDirtyPages;
    let wanted = this.#pagesToWrite(dirty);
    const before = counters.lazyWritePages;
    // A closed file that cannot be written goes too: go round once.
    for (const map of this.#inTurn()) {
      if (map.openCount === 0) {
        wanted -= map.dirty.count;
        this.#writeClosed(map);
      } else if (map.dirty.count > 0 && wanted > 0) wanted -= this.#writeBehind(map, wanted);
    }
    this.#writtenLastTime = counters.lazyWritePages - before;
    this.#dirtyAtLastScan = cc.totalDirtyPages;
    if (trace.cache) trace.event('lazy-write-scan', { dirty, written: this.#writtenLastTime });
    cc.throttle.release();
    // Once round without anything written: all that is left waits for a log.
    for (let idle = 0; idle < cc.maps.length && cc.throttle.deferredWrites > 0 && cc.totalDirtyPages > 0; ) {
      const left = cc.totalDirtyPages;
      this.#writeForDeferred();
      idle = cc.totalDirtyPages < left ? 0 : idle + 1;
    }
    if (cc.totalDirtyPages > 0) this.#startTimer(IDLE_DELAY);
  }

  /** "Windows was unable to save all the data": whoever sits in front of the machine hears of it once for a file. */
  reportLoss(map: SharedCacheMap): void {
    if (!map.hasLostData) this.#cc.kernel.host.popup?.(Status.LOST_WRITEBEHIND_DATA);
    map.hasLostData = true;
  }

  /** An eighth, and what would be above the target when programs go on writing as they did. */
  #pagesToWrite(dirty: number): number {
    const eighth = dirty > AGE_TARGET ? Math.ceil(dirty / AGE_TARGET) : dirty;
    const foregroundRate = Math.max(0, dirty - this.#dirtyAtLastScan);
    const estimated = dirty - eighth + foregroundRate;
    const excess = Math.max(0, estimated - this.#cc.throttle.target);
    return Math.min(dirty, eighth + excess);
  }

  #inTurn(): readonly SharedCacheMap[] {
    const { maps } = this.#cc;
    const start = this.#cursor === null ? 0 : maps.indexOf(this.#cursor) + 1;
    return [...maps.slice(start), ...maps.slice(0, start)];
  }

  #writeClosed(map: SharedCacheMap): void {
    const { counters } = this.#cc.kernel;
    counters.lazyWriteIos += Math.ceil(map.dirty.count / MAXIMUM_RUN);
    counters.lazyWritePages += map.dirty.count;
    if (this.#cursor === map) this.#cursor = null;
    this.#cc.writeAndDelete(map);
  }

  /** CcWriteBehind: up to so many pages of a file, 64 KB at a time. Returns pages that are dirty no longer. */
  #writeBehind(map: SharedCacheMap, wanted: number): number {
    const cc = this.#cc;
    const { counters } = cc.kernel;
    let written = 0;
    while (written < wanted) {
      const run = map.dirty.nextRun(map.resumeWritePage, Math.min(MAXIMUM_RUN, wanted - written));
      if (run === null) break;
      if (!isSuccess(cc.writePages(map.file, run.firstPage, run.count))) {
        // The pages stay in memory, and modified: a flush, or closing the file, tries again. What waits for a log is tried by every scan.
        if (map.flushToLsn === null) {
          this.reportLoss(map);
          cc.noteClean(map, run.firstPage, run.count);
        }
      }
      map.resumeWritePage = run.firstPage + run.count;
      written += run.count;
      counters.lazyWriteIos++;
      counters.lazyWritePages += run.count;
    }
    this.#cursor = map;
    return written;
  }

  /** Somebody still waits: one run after the other is written until he can go on. */
  #writeForDeferred(): void {
    const map = this.#inTurn().find((candidate) => candidate.dirty.count > 0);
    if (map !== undefined) this.#writeBehind(map, MAXIMUM_RUN);
    this.#cc.throttle.release();
  }

  #startTimer(delay: bigint): void {
    const { ke } = this.#cc.kernel;
    ke.setTimer(this.#timer, delay, 0, () => this.scheduleNow());
  }
}

/** The lazy writer's thread. */
export function* lazyWriterThread(kernel: Kernel): Blocking<void> {
  const { cc, ke } = kernel;
  for (;;) {
    yield* ke.waitForSingleObject(cc.lazyWriter.event, WaitReason.Executive, Mode.Kernel, false, null);
    cc.lazyWriter.scan();
  }
}
