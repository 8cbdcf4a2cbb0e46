import type { Mdl } from '../mm/mdl.js';
import type { VirtualAddress } from '../types.js';
import type { SharedCacheMap } from './shared-cache-map.js';
import type { Vacb } from './vacb.js';

export const BCB_SIZE = 0x60;

/**
 * BCB: bytes of a file that lie in one view and that the kernel works with in place: they stay in memory and the view stays mapped while
 * somebody has them pinned. A dirty one lives until it is written.
 */
export class Bcb {
  readonly map: SharedCacheMap;
  /** In bytes of the file. */
  readonly offset: number;
  readonly length: number;
  readonly poolAddress: VirtualAddress;
  /** The view it is in while it is pinned. */
  vacb: Vacb;
  pinCount = 0;
  /** Its pages, while it is pinned. */
  mdl: Mdl | null = null;
  isDirty = false;
  /** Log records of the first and the last change that is not in the file yet; 0: none has any. */
  oldestLsn = 0n;
  newestLsn = 0n;

  constructor(map: SharedCacheMap, offset: number, length: number, vacb: Vacb, poolAddress: VirtualAddress) {
    this.map = map;
    this.offset = offset;
    this.length = length;
    this.vacb = vacb;
    this.poolAddress = poolAddress;
  }

  get end(): number {
    return this.offset + this.length;
  }
}
