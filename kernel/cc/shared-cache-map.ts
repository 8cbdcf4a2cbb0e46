import type { Pool } from '../ex/pool.js';
import type { Section } from '../mm/section.js';
import type { SectionFile } from '../mm/segment.js';
import type { NtStatus, VirtualAddress } from '../types.js';
import type { Bcb } from './bcb.js';
import { DirtyPages } from './dirty-pages.js';
import type { PrivateCacheMap } from './private-cache-map.js';
import { VacbArray } from './vacb.js';

export const SHARED_CACHE_MAP_SIZE = 0x130;

/** What the cache manager needs of a file; io's file control blocks offer it. */
export interface CachedFile extends SectionFile {
  sharedCacheMap: SharedCacheMap | null;
  /** The file's name is gone: nobody will ever read what was written. */
  readonly deleted: boolean;
  /** Another program of the host has changed the file. */
  noteForeignChange(): void;
}

/** FLUSH_TO_LSN. A failure keeps the change in memory. Does not wait. */
export type FlushToLsn = (lsn: bigint) => NtStatus;

/** SHARED_CACHE_MAP: what is cached of one file, for all its opens (nt52.md 13). */
export class SharedCacheMap {
  readonly file: CachedFile;
  readonly section: Section;
  readonly poolAddress: VirtualAddress;
  /** File objects with a private cache map, and operations under way. */
  openCount = 0;
  /** Bytes; what the cache takes for the end of the file. */
  fileSize: number;
  /** Bytes that views can show. */
  sectionSize: number;
  readonly vacbs: VacbArray;
  /** Mbcb. */
  readonly dirty: DirtyPages;
  /** BcbList: what is pinned, or was changed in place. */
  readonly bcbs: Bcb[] = [];
  /** Of a file whose changes a log tells of: brings the log as far as a record into its file, before a change is written. */
  flushToLsn: FlushToLsn | null = null;
  /** The lazy writer goes on from here. */
  resumeWritePage = 0;
  /** The first private cache map lies in the structure itself. */
  embedded: PrivateCacheMap | null = null;
  /** The user was told that something could not be written. */
  hasLostData = false;

  constructor(file: CachedFile, section: Section, poolAddress: VirtualAddress, pool: Pool) {
    this.file = file;
    this.section = section;
    this.poolAddress = poolAddress;
    this.fileSize = file.size();
    this.sectionSize = section.sizeOfSection;
    this.vacbs = new VacbArray(pool);
    this.dirty = new DirtyPages(pool);
  }
}
