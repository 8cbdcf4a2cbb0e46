import { AccessKind } from '../../cpu/index.js';
import { type VirtualAddress, virtualAddress } from '../types.js';
import { makePrototypeArrays } from './control-area.js';
import { accessFault } from './fault.js';
import { FaultAccess, FaultOutcome, FIRST_FAILURE } from './fault-outcome.js';
import { noPagesAvailable } from './free-pages.js';
import { PAGE_SIZE, SYSTEM_CACHE_START } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { captureDirty, emptyPte, invalidate } from './page-table.js';
import { NO_PTE } from './pte.js';
import type { ControlArea } from './segment.js';
import { makeSystemPte, systemPte } from './system-pages.js';
import { MUST_WAIT } from './user-access.js';
import type { MemoryContext } from './vad-charges.js';

/** VACB_MAPPING_GRANULARITY: every view has this many bytes (nt52.md 13). */
export const CACHE_VIEW_SIZE = 0x40000;
export const CACHE_VIEW_PAGES = CACHE_VIEW_SIZE / PAGE_SIZE;

/** What a view of the system cache shows. */
export interface CacheView {
  readonly area: ControlArea;
  /** Page of the segment at the start of the view. */
  readonly firstPage: number;
}

/**
 * The system cache range, in views of 256 KB of data sections. A view's PTEs point to the section's
 * prototype PTEs, so that its pages are those that every process with a view of the file has; they come by page faults, and belong
 * to the system working set. Environment: PASSIVE_LEVEL; nothing here waits.
 */
export class SystemCacheViews {
  readonly #mm: MemoryManager;
  readonly #views = new Map<number, CacheView>();
  readonly #free: number[] = [];
  /** Views from here on were never used. */
  #unused = 0;

  constructor(mm: MemoryManager) {
    this.#mm = mm;
  }

  /** Boot makes the first page table; others come with the views that need them, and all stay. */
  initialize(): void {
    makeSystemPte(this.#mm, SYSTEM_CACHE_START);
  }

  /** What is mapped, by address. */
  get views(): ReadonlyMap<number, CacheView> {
    return this.#views;
  }

  /**
   * MmMapViewInSystemCache: a view of the 64 pages from one on, which the segment has. 0 when the range is full or there is no pool
   * or page table to be had.
   */
  map(context: MemoryContext, area: ControlArea, firstPage: number): VirtualAddress | 0 {
    const base = this.#takePlace();
    if (base === 0) return 0;
    const hasTables = makeSystemPte(this.#mm, base) !== NO_PTE;
    if (!hasTables || !makePrototypeArrays(context, area, firstPage, CACHE_VIEW_PAGES)) {
      this.#free.push(base);
      return 0;
    }
    this.#views.set(base, { area, firstPage });
    area.numberOfMappedViews++;
    area.numberOfSystemCacheViews++;
    this.#point(base);
    return virtualAddress(base);
  }

  /** MmUnmapViewInSystemCache: its pages stay in memory, on the standby or modified list where nobody else maps them. */
  unmap(base: number): void {
    const mm = this.#mm;
    const view = this.#views.get(base);
    if (view === undefined) return;
    for (let page = 0; page < CACHE_VIEW_PAGES; page++) {
      const address = base + page * PAGE_SIZE;
      const at = systemPte(mm, address);
      if (!mm.format.isZero(at)) emptyPte(mm, mm.systemCache, address, at);
    }
    this.#views.delete(base);
    this.#free.push(base);
    view.area.numberOfMappedViews--;
    view.area.numberOfSystemCacheViews--;
  }

  /** Moves the dirty bits of some of a view's PTEs into the page frames, so that later stores are noticed again. */
  captureDirtyBits(base: number, firstPage = 0, count = CACHE_VIEW_PAGES): void {
    const mm = this.#mm;
    for (let page = firstPage; page < firstPage + count; page++) {
      const address = base + page * PAGE_SIZE;
      const at = systemPte(mm, address);
      if (!mm.format.isValid(at) || !mm.format.isDirty(at)) continue;
      captureDirty(mm, at);
      mm.format.clearDirty(at);
      invalidate(mm, mm.systemCache, address);
    }
  }

  /**
   * Host byte offset of an address in a view, faulted in; valid to the end of the page and until something may trim. MUST_WAIT: the
   * caller has to wait first, mm.lastFault says for what. 0: the page cannot be read, and mm.faults.underlyingStatus says why.
   * @param pagesBehind pages that will be touched next: they are read together with this one
   */
  touch(address: number, access: AccessKind, pagesBehind = 0): number {
    const mm = this.#mm;
    const fault = access === AccessKind.Write ? FaultAccess.Write : FaultAccess.Read;
    for (;;) {
      const host = mm.cpu.translate(address | 0, access, true);
      if (host !== 0) return host;
      mm.faults.pagesBehind = pagesBehind;
      const outcome = accessFault(mm, address >>> 0, fault, false);
      mm.faults.pagesBehind = 0;
      if (outcome === FaultOutcome.InPageError || outcome === FaultOutcome.MultipleFault) return 0;
      if (outcome < FIRST_FAILURE) continue;
      if (outcome !== FaultOutcome.MustWait) return noPagesAvailable(mm);
      mm.setLastFault(outcome, address >>> 0, fault);
      return MUST_WAIT;
    }
  }

  /** touch for a store that replaces the whole page: what the file has there is not read. */
  touchToReplace(address: number): number {
    const { faults } = this.#mm;
    faults.zeroFilePages = true;
    const host = this.touch(address, AccessKind.Write);
    faults.zeroFilePages = false;
    return host;
  }

  /** Frame of a page that touch has made valid just now. */
  frameAt(address: number): number {
    return this.#mm.format.frame(systemPte(this.#mm, address));
  }

  /** The first inconsistency between views, PTEs and control areas in one sentence, or null. */
  verify(): string | null {
    const mm = this.#mm;
    const counts = new Map<ControlArea, number>();
    for (const { area } of this.#views.values()) counts.set(area, (counts.get(area) ?? 0) + 1);
    for (const [area, count] of counts) {
      if (area.numberOfSystemCacheViews !== count) {
        return `a control area counts ${area.numberOfSystemCacheViews} cache views, but ${count} are mapped`;
      }
    }
    for (let place = 0; place < this.#unused; place++) {
      const base = SYSTEM_CACHE_START + place * CACHE_VIEW_SIZE;
      if (systemPte(mm, base) === NO_PTE) continue;
      const wrong = this.#verifyView(base);
      if (wrong !== null) return wrong;
    }
    return null;
  }

  /** Valid PTEs of all views. */
  get validPages(): number {
    let pages = 0;
    for (const base of this.#views.keys()) pages += this.validPagesIn(base);
    return pages;
  }

  /** Valid PTEs of one view. */
  validPagesIn(base: number): number {
    if (!this.#views.has(base)) return 0;
    let pages = 0;
    for (let page = 0; page < CACHE_VIEW_PAGES; page++) {
      if (this.#mm.format.isValid(systemPte(this.#mm, base + page * PAGE_SIZE))) pages++;
    }
    return pages;
  }

  #verifyView(base: number): string | null {
    const { format, pfn } = this.#mm;
    const view = this.#views.get(base);
    for (let page = 0; page < CACHE_VIEW_PAGES; page++) {
      const address = base + page * PAGE_SIZE;
      const at = systemPte(this.#mm, address);
      if (format.isZero(at)) continue;
      if (view === undefined) return `${address.toString(16)} has a PTE, but no cache view is there`;
      const prototype = view.area.segment.prototypePte(view.firstPage + page);
      const pointsTo = format.isValid(at) ? pfn.pteAddress(format.frame(at)) : format.prototypeAddress(at);
      if (pointsTo !== prototype) return `cache view page ${address.toString(16)} shows another page than its file's`;
    }
    return null;
  }

  #takePlace(): number {
    const place = this.#free.pop();
    if (place !== undefined) return place;
    const next = SYSTEM_CACHE_START + this.#unused * CACHE_VIEW_SIZE;
    if (next === this.#mm.layout.systemCacheEnd) return 0;
    this.#unused++;
    return next;
  }

  #point(base: number): void {
    const mm = this.#mm;
    const view = this.#views.get(base);
    if (view === undefined) return;
    const { segment } = view.area;
    for (let page = 0; page < CACHE_VIEW_PAGES; page++) {
      const at = systemPte(mm, base + page * PAGE_SIZE);
      const prototype = segment.prototypePte(view.firstPage + page);
      if (prototype !== 0 && mm.format.isZero(at)) mm.format.writePrototypePointer(at, prototype, false);
    }
  }
}
