import type { VirtualAddress } from '../types.js';

export const PRIVATE_CACHE_MAP_SIZE = 0x58;

/** How a file was opened, for read-ahead. */
export const AccessPattern = { Normal: 0, Sequential: 1, Random: 2 } as const;
export type AccessPattern = (typeof AccessPattern)[keyof typeof AccessPattern];

/** A range that will be read ahead. */
export interface ReadAheadRange {
  readonly offset: number;
  readonly length: number;
}

/** PRIVATE_CACHE_MAP: what one file object has read last, and what is read ahead for it. Offsets in bytes. */
export class PrivateCacheMap {
  readonly pattern: AccessPattern;
  /** 0: it lies in the shared cache map. */
  readonly poolAddress: VirtualAddress | 0;
  /** The read before the last one, and the last one; where they ended. Negative: none yet. */
  fileOffset1 = -1;
  beyondLastByte1 = -1;
  fileOffset2 = -1;
  beyondLastByte2 = -1;
  /** ReadAheadOffset[], ReadAheadLength[]: windows that wait for the read-ahead thread. */
  readonly readAhead: ReadAheadRange[] = [];
  /** Up to here a sequential reader has been read ahead. */
  readAheadEnd = 0;
  isQueued = false;
  /** A read had to wait: from now on it is worth reading ahead, until everything is found in memory. */
  readAheadEnabled = false;
  /** Its file object was closed; a read may still be under way. */
  isClosed = false;

  constructor(pattern: AccessPattern, poolAddress: VirtualAddress | 0) {
    this.pattern = pattern;
    this.poolAddress = poolAddress;
  }
}
