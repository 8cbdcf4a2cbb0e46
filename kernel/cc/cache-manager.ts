import { PoolType } from '../ex/pool.js';
import type { Kernel } from '../kernel.js';
import { createCacheSection, extendDataArea, releaseSection, setFileBytes } from '../mm/create-section.js';
import { captureDataDirtyBits, flushDataPages } from '../mm/flush-pages.js';
import { PAGE_SIZE } from '../mm/layout.js';
import { disableModifiedWrite, enableModifiedWrite } from '../mm/modified-write.js';
import { purgeSection, zeroBehindEnd } from '../mm/purge-section.js';
import { CACHE_VIEW_PAGES, CACHE_VIEW_SIZE } from '../mm/system-cache-views.js';
import { isSuccess, Status } from '../ntstatus.js';
import { hex } from '../trace.js';
import { type NtStatus, virtualAddress } from '../types.js';
import { traceCache } from './cache-trace.js';
import { LazyWriter } from './lazy-writer.js';
import { cleanBcbs, isPinned, newestLsn, verifyBcbs } from './pin.js';
import { type AccessPattern, PRIVATE_CACHE_MAP_SIZE, PrivateCacheMap } from './private-cache-map.js';
import { ReadAheadQueue } from './read-ahead.js';
import { type CachedFile, type FlushToLsn, SHARED_CACHE_MAP_SIZE, SharedCacheMap } from './shared-cache-map.js';
import { VACB_SIZE, type Vacb, VacbList } from './vacb.js';
import { WriteThrottle } from './write-throttle.js';

/** Sections are made in steps of so many bytes; a growing file's doubles, by at most so many at once. */
const SECTION_MODULO = 0x100000;
const MAXIMUM_GROWTH = 0x4000000;
/** VACBs: one for every 32 pages of memory, from 64 MB of views up to the whole range. */
const PAGES_PER_VACB = 32;
const MINIMUM_VACBS = 256;
const MAXIMUM_VACBS = 2048;
/** Files that were closed and not yet written: of more than so many the first is written at once. */
const MAXIMUM_CLOSED = 32;

/** Where a file object has its private cache map; io's file objects are such. */
export interface CacheUser {
  privateCacheMap: PrivateCacheMap | null;
  readonly accessPattern: AccessPattern;
}

/**
 * The cache manager (nt52.md 13): reads and writes of files go through views of their data sections in the system cache, so that
 * their pages are the same as those that programs map. No view is held across a wait: it is looked up again behind it.
 * Environment of all routines: PASSIVE_LEVEL; do not wait unless they say so.
 */
export class CacheManager {
  readonly kernel: Kernel;
  readonly vacbs: VacbList;
  /** Every file that is cached, in the order in which it was first. */
  readonly maps: SharedCacheMap[] = [];
  /** CcTotalDirtyPages. */
  totalDirtyPages = 0;
  readonly lazyWriter: LazyWriter;
  readonly throttle: WriteThrottle;
  readonly readAhead: ReadAheadQueue;

  /** Boot has pages. */
  constructor(kernel: Kernel) {
    this.kernel = kernel;
    const { frameCount } = kernel.mm.pfn;
    const wanted = Math.floor(frameCount / PAGES_PER_VACB);
    this.vacbs = new VacbList(Math.min(MAXIMUM_VACBS, Math.max(MINIMUM_VACBS, wanted)));
    kernel.ex.pool.allocate(PoolType.NonPaged, this.vacbs.maximum * VACB_SIZE, 'CcVa');
    kernel.mm.cacheViews.initialize();
    this.throttle = new WriteThrottle(this);
    this.lazyWriter = new LazyWriter(this);
    this.readAhead = new ReadAheadQueue(this);
  }

  /**
   * CcInitializeCacheMap: a file object begins to read or write through the cache. INSUFFICIENT_RESOURCES.
   */
  initializeCacheMap(file: CachedFile, user: CacheUser): NtStatus {
    if (user.privateCacheMap !== null) return Status.SUCCESS;
    const map = file.sharedCacheMap ?? this.#createSharedMap(file);
    if (map === null) return Status.INSUFFICIENT_RESOURCES;
    const isEmbedded = map.embedded === null;
    const address = isEmbedded ? 0 : this.kernel.ex.pool.allocate(PoolType.NonPaged, PRIVATE_CACHE_MAP_SIZE, 'CcPc');
    if (!isEmbedded && address === 0) return Status.INSUFFICIENT_RESOURCES;
    const made = new PrivateCacheMap(user.accessPattern, address === 0 ? 0 : virtualAddress(address));
    if (isEmbedded) map.embedded = made;
    user.privateCacheMap = made;
    map.openCount++;
    return Status.SUCCESS;
  }

  /**
   * CcUninitializeCacheMap: the last handle of a file object is closed. With the last file object a clean file leaves the cache; a dirty
   * one when the lazy writer has written it.
   */
  uninitializeCacheMap(file: CachedFile, user: CacheUser): void {
    const own = user.privateCacheMap;
    const map = file.sharedCacheMap;
    if (own === null || map === null) return;
    this.readAhead.cancel(own);
    user.privateCacheMap = null;
    if (map.embedded === own) map.embedded = null;
    else if (own.poolAddress !== 0) this.kernel.ex.pool.free(own.poolAddress);
    this.release(map);
  }

  /** Somebody works with the map across waits: it stays although the last handle be closed meanwhile. */
  reference(map: SharedCacheMap): void {
    map.openCount++;
  }

  /** The end of reference(), or of a file object's use. */
  release(map: SharedCacheMap): void {
    map.openCount--;
    if (map.openCount > 0) return;
    if (map.file.deleted) this.purge(map.file);
    if (map.dirty.count === 0) {
      this.deleteSharedMap(map);
      return;
    }
    const closed = this.maps.filter((other) => other.openCount === 0);
    if (closed.length > MAXIMUM_CLOSED) this.writeAndDelete(closed[0]);
  }

  /** A closed file is written as a whole and leaves the cache; what cannot be written is lost. */
  writeAndDelete(map: SharedCacheMap): void {
    const status = this.flush(map.file);
    if (!isSuccess(status)) this.lazyWriter.reportLoss(map);
    this.deleteSharedMap(map);
  }

  /** CcDeleteSharedCacheMap: nobody has the file open any more. */
  deleteSharedMap(map: SharedCacheMap): void {
    const { kernel } = this;
    traceCache(kernel, 'cache-map-delete', map);
    for (const vacb of map.vacbs.all()) this.unmapView(vacb);
    this.noteClean(map, 0, Number.MAX_SAFE_INTEGER);
    if (map.flushToLsn !== null) enableModifiedWrite(kernel.mm, map.file.sectionObjectPointers);
    this.maps.splice(this.maps.indexOf(map), 1);
    map.file.sharedCacheMap = null;
    releaseSection(kernel, map.section);
    kernel.ex.pool.free(map.poolAddress);
  }

  /**
   * CcGetVirtualAddress: the view that shows a byte of the file, mapped when it is not. Null: INSUFFICIENT_RESOURCES. It stays until
   * another view is asked for.
   */
  view(map: SharedCacheMap, offset: number): Vacb | null {
    const index = Math.floor(offset / CACHE_VIEW_SIZE);
    const mapped = map.vacbs.get(index);
    if (mapped !== null) {
      this.vacbs.touch(mapped);
      return mapped;
    }
    if (!this.#extendSection(map, (index + 1) * CACHE_VIEW_SIZE) || !map.vacbs.reserve(index)) return null;
    const vacb = this.vacbs.take();
    if (vacb === null) return null;
    if (vacb.map !== null) this.unmapView(vacb);
    const { kernel } = this;
    const base = kernel.mm.cacheViews.map(kernel, map.section.controlArea, index * CACHE_VIEW_PAGES);
    // Room that was made for a pointer goes again with the pointer.
    map.vacbs.set(index, base === 0 ? null : vacb);
    if (base === 0) return null;
    vacb.baseAddress = base;
    vacb.map = map;
    vacb.fileOffset = index * CACHE_VIEW_SIZE;
    this.vacbs.touch(vacb);
    traceCache(kernel, 'cache-view', map, { offset: vacb.fileOffset, base: hex(base) });
    return vacb;
  }

  /** The view goes, unless somebody has it pinned; its pages stay in memory. */
  unmapView(vacb: Vacb): void {
    if (vacb.map === null || vacb.activeCount > 0) return;
    traceCache(this.kernel, 'cache-view-unmap', vacb.map, { offset: vacb.fileOffset, base: hex(vacb.baseAddress) });
    this.kernel.mm.cacheViews.unmap(vacb.baseAddress);
    vacb.map.vacbs.set(vacb.fileOffset / CACHE_VIEW_SIZE, null);
    vacb.map = null;
    vacb.baseAddress = 0;
  }

  /** Pages were written through the cache. There is room for them in the bitmap. */
  noteDirty(map: SharedCacheMap, firstPage: number, count: number): void {
    this.totalDirtyPages += map.dirty.add(firstPage, count);
    this.lazyWriter.schedule();
  }

  /** Pages were written to the file, or are gone. */
  noteClean(map: SharedCacheMap, firstPage: number, count: number): void {
    this.totalDirtyPages -= map.dirty.remove(firstPage, count);
    if (map.bcbs.length > 0) cleanBcbs(this, map);
  }

  /**
   * CcSetLogHandle: the file's pinned changes go to the file only after the log records that tell of them, and nobody but the cache
   * manager writes its pages. False: too late, somebody has a view of the file already.
   */
  setLogHandle(map: SharedCacheMap, flushToLsn: FlushToLsn): boolean {
    if (!disableModifiedWrite(this.kernel.mm, map.file.sectionObjectPointers)) return false;
    map.flushToLsn = flushToLsn;
    return true;
  }

  /**
   * CcFlushCache: writes what was changed in a part of a file, through the cache or through views of any process. The status of
   * the first write that fails; what was not written stays dirty.
   */
  flush(file: CachedFile, offset = 0, length = Number.MAX_SAFE_INTEGER): NtStatus {
    const area = file.sectionObjectPointers.dataSectionObject;
    if (area === null) return Status.SUCCESS;
    const firstPage = Math.floor(offset / PAGE_SIZE);
    const endPage = Math.min(Math.ceil((offset + length) / PAGE_SIZE), area.segment.totalPages);
    if (firstPage >= endPage) return Status.SUCCESS;
    captureDataDirtyBits(this.kernel.mm, area, firstPage, endPage - firstPage);
    return this.writePages(file, firstPage, endPage - firstPage);
  }

  /** Writes changed pages whose dirty bits programs' views need not be asked for: what the lazy writer does. */
  writePages(file: CachedFile, firstPage: number, count: number): NtStatus {
    const { mm, counters } = this.kernel;
    const area = file.sectionObjectPointers.dataSectionObject;
    if (area === null) return Status.SUCCESS;
    const map = file.sharedCacheMap;
    const end = firstPage + count;
    for (const vacb of map?.vacbs.overlapping(firstPage * PAGE_SIZE, end * PAGE_SIZE) ?? []) {
      const start = vacb.fileOffset / PAGE_SIZE;
      const from = Math.max(firstPage, start);
      mm.cacheViews.captureDirtyBits(vacb.baseAddress, from - start, Math.min(end, start + CACHE_VIEW_PAGES) - from);
    }
    const lsn = map === null ? 0n : newestLsn(map, firstPage, count);
    const logged = lsn === 0n ? Status.SUCCESS : (map?.flushToLsn?.(lsn) ?? Status.SUCCESS);
    if (!isSuccess(logged)) return logged;
    const before = counters.mappedPagesWritten;
    const status = flushDataPages(mm, area, firstPage, count);
    counters.dataFlushes++;
    counters.dataPages += counters.mappedPagesWritten - before;
    if (isSuccess(status) && map !== null) this.noteClean(map, firstPage, count);
    const written = counters.mappedPagesWritten - before;
    if (map !== null && (written > 0 || !isSuccess(status))) {
      traceCache(this.kernel, 'cache-flush', map, {
        offset: firstPage * PAGE_SIZE,
        pages: written,
        status: hex(status),
      });
    }
    return status;
  }

  /**
   * CcPurgeCacheSection: pages of a file from a byte on leave memory, changed or not; the next read gets them from the file.
   * @returns false when programs' views keep some, or pinned bytes all of them
   */
  purge(file: CachedFile, offset = 0, length = Number.MAX_SAFE_INTEGER): boolean {
    const area = file.sectionObjectPointers.dataSectionObject;
    if (area === null) return true;
    const firstPage = Math.floor(offset / PAGE_SIZE);
    const count = Math.min(Math.ceil((offset + length) / PAGE_SIZE), area.segment.totalPages) - firstPage;
    const map = file.sharedCacheMap;
    if (map !== null && isPinned(map, offset, offset + length)) return false;
    if (map !== null) {
      for (const vacb of map.vacbs.overlapping(offset, offset + length)) this.unmapView(vacb);
      traceCache(this.kernel, 'cache-purge', map, { offset, pages: count });
      this.noteClean(map, firstPage, count);
    }
    return purgeSection(this.kernel.mm, area, firstPage, count);
  }

  /** The file is deleted: what was not written never will be. */
  forget(file: CachedFile): void {
    this.purge(file);
    const map = file.sharedCacheMap;
    if (map?.openCount === 0) this.deleteSharedMap(map);
  }

  /**
   * CcSetFileSizes: the file ends somewhere else from now on. What memory has behind the new end is forgotten, and behind the old
   * end it is zeros.
   */
  setFileSizes(file: CachedFile, oldSize: number, newSize: number): void {
    const area = file.sectionObjectPointers.dataSectionObject;
    if (area === null) return;
    if (newSize < oldSize) this.purge(file, Math.ceil(newSize / PAGE_SIZE) * PAGE_SIZE);
    zeroBehindEnd(this.kernel.mm, area, Math.min(oldSize, newSize));
    // A program with a view is told when the host has cut the file.
    if (newSize > oldSize || area.numberOfUserReferences === 0) setFileBytes(area, newSize);
    const map = file.sharedCacheMap;
    if (map === null) return;
    map.fileSize = newSize;
    traceCache(this.kernel, 'cache-size', map, { oldSize, newSize });
  }

  /** Bytes of a file that is cached. Another program of the host may have changed it: what the cache has then goes. */
  currentSize(map: SharedCacheMap): number {
    const size = map.file.size();
    if (size === map.fileSize) return size;
    map.file.noteForeignChange();
    const end = Math.min(size, map.fileSize);
    if (size > end) this.purge(map.file, Math.floor(end / PAGE_SIZE) * PAGE_SIZE);
    this.setFileSizes(map.file, map.fileSize, size);
    return size;
  }

  /** The machine stops: everything that was promised to be on disk some time is written now. */
  shutDown(): void {
    const { mm } = this.kernel;
    for (const map of [...this.maps]) {
      if (map.openCount === 0) this.writeAndDelete(map);
      else this.flush(map.file);
    }
    const areas = new Set([...mm.subsections.values()].map((subsection) => subsection.controlArea));
    for (const area of areas) {
      if (area.file === null || area.flags.image) continue;
      captureDataDirtyBits(mm, area, 0, area.segment.totalPages);
      flushDataPages(mm, area, 0, area.segment.totalPages);
    }
  }

  /** The first inconsistency, or null: dirty pages, views and their files. */
  verify(): string | null {
    let dirty = 0;
    let views = 0;
    for (const map of this.maps) {
      dirty += map.dirty.count;
      const wrong = verifyBcbs(map, this.kernel.mm.lockedPages);
      if (wrong !== null) return wrong;
      for (const vacb of map.vacbs.all()) {
        views++;
        if (vacb.map !== map) return `a view of ${map.file.name} belongs to another file`;
        const view = this.kernel.mm.cacheViews.views.get(vacb.baseAddress);
        const agrees = view?.area === map.section.controlArea && view.firstPage * PAGE_SIZE === vacb.fileOffset;
        if (!agrees) return `the view of ${map.file.name} at ${hex(vacb.baseAddress)} shows something else`;
      }
      if (map.file.sharedCacheMap !== map) return `${map.file.name} has another cache map`;
    }
    if (dirty !== this.totalDirtyPages)
      return `${this.totalDirtyPages} dirty pages are counted, but ${dirty} are noted`;
    const mapped = this.kernel.mm.cacheViews.views.size;
    return views === mapped ? null : `${mapped} views of the system cache are mapped, but files have ${views}`;
  }

  #createSharedMap(file: CachedFile): SharedCacheMap | null {
    const { kernel } = this;
    const { pool } = kernel.ex;
    const poolAddress = pool.allocate(PoolType.NonPaged, SHARED_CACHE_MAP_SIZE, 'CcSc');
    if (poolAddress === 0) return null;
    const { section } = createCacheSection(kernel, file, roundUp(Math.max(file.size(), 1), SECTION_MODULO));
    if (section === null) {
      pool.free(poolAddress);
      return null;
    }
    const map = new SharedCacheMap(file, section, virtualAddress(poolAddress), pool);
    file.sharedCacheMap = map;
    this.maps.push(map);
    traceCache(kernel, 'cache-map', map, { size: map.fileSize });
    return map;
  }

  /** Views end where the section ends or before. */
  #extendSection(map: SharedCacheMap, end: number): boolean {
    if (end <= map.sectionSize) return true;
    const growth = Math.min(map.sectionSize, MAXIMUM_GROWTH);
    const size = Math.max(roundUp(end, SECTION_MODULO), map.sectionSize + growth);
    const { controlArea } = map.section;
    if (!extendDataArea(this.kernel, controlArea, size)) return false;
    setFileBytes(controlArea, map.fileSize);
    map.section.sizeOfSection = size;
    map.sectionSize = size;
    return true;
  }
}

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;
