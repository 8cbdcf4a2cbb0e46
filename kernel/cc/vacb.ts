import { type Pool, PoolType } from '../ex/pool.js';
import { CACHE_VIEW_SIZE } from '../mm/system-cache-views.js';
import { type VirtualAddress, virtualAddress } from '../types.js';
import type { SharedCacheMap } from './shared-cache-map.js';

export const VACB_SIZE = 0x18;
/** InitialVacbs of SHARED_CACHE_MAP: files up to 1 MB need no array of their own. */
const INITIAL_VACBS = 4;
/** Pointers of one level of the index of bigger files: 32 MB of file. */
const LEVEL_ENTRIES = 128;
const LEVEL_SIZE = LEVEL_ENTRIES * 4;
const TAG = 'CcVl';

/** VACB: one of the 256 KB places of the system cache, and the view of a file that it holds. */
export class Vacb {
  baseAddress: VirtualAddress | 0 = 0;
  map: SharedCacheMap | null = null;
  /** Of the view, in bytes of the file. */
  fileOffset = 0;
  /** BCBs that are pinned in it: the view stays. */
  activeCount = 0;
  /** Number of its last use among all uses. */
  lastUse = 0;
}

/** Levels of VACB pointers: the first four in the shared cache map, others in blocks of 128 made when needed. */
export class VacbArray {
  readonly #pool: Pool;
  readonly #initial: (Vacb | null)[] = new Array<Vacb | null>(INITIAL_VACBS).fill(null);
  readonly #levels = new Map<number, { readonly entries: (Vacb | null)[]; readonly poolAddress: VirtualAddress }>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  get(index: number): Vacb | null {
    if (index < INITIAL_VACBS) return this.#initial[index] ?? null;
    return this.#levels.get(Math.floor(index / LEVEL_ENTRIES))?.entries[index % LEVEL_ENTRIES] ?? null;
  }

  /** Makes room for a pointer. False: INSUFFICIENT_RESOURCES. */
  reserve(index: number): boolean {
    const level = Math.floor(index / LEVEL_ENTRIES);
    if (index < INITIAL_VACBS || this.#levels.has(level)) return true;
    const poolAddress = this.#pool.allocate(PoolType.NonPaged, LEVEL_SIZE, TAG);
    if (poolAddress === 0) return false;
    const entries = new Array<Vacb | null>(LEVEL_ENTRIES).fill(null);
    this.#levels.set(level, { entries, poolAddress: virtualAddress(poolAddress) });
    return true;
  }

  /** Sets a pointer for which there is room; a level without pointers goes. */
  set(index: number, vacb: Vacb | null): void {
    if (index < INITIAL_VACBS) {
      this.#initial[index] = vacb;
      return;
    }
    const number = Math.floor(index / LEVEL_ENTRIES);
    const level = this.#levels.get(number);
    if (level === undefined) return;
    level.entries[index % LEVEL_ENTRIES] = vacb;
    if (vacb !== null || level.entries.some((entry) => entry !== null)) return;
    this.#pool.free(level.poolAddress);
    this.#levels.delete(number);
  }

  /** All views of the file, in order of their offsets. */
  all(): readonly Vacb[] {
    const levels = [...this.#levels.entries()].sort(([left], [right]) => left - right);
    const entries = [...this.#initial, ...levels.flatMap(([, level]) => level.entries)];
    return entries.filter((entry) => entry !== null);
  }

  /** Views that show a part of a byte range. */
  overlapping(start: number, end: number): readonly Vacb[] {
    const first = Math.floor(start / CACHE_VIEW_SIZE);
    const last = Math.ceil(end / CACHE_VIEW_SIZE) - 1;
    if (last === first) {
      const only = this.get(first);
      return only === null ? [] : [only];
    }
    return this.all().filter((vacb) => vacb.fileOffset < end && vacb.fileOffset + CACHE_VIEW_SIZE > start);
  }
}

/** CcVacbs: all of them, and which was used when. */
export class VacbList {
  readonly maximum: number;
  readonly vacbs: Vacb[] = [];
  #uses = 0;

  constructor(maximum: number) {
    this.maximum = maximum;
  }

  /** The VACB was used. */
  touch(vacb: Vacb): void {
    vacb.lastUse = ++this.#uses;
  }

  /** A VACB for another view: a free one, or the one that nobody has used for the longest time. Null: all are pinned. */
  take(): Vacb | null {
    const free = this.vacbs.find((vacb) => vacb.map === null);
    if (free !== undefined) return free;
    if (this.vacbs.length < this.maximum) {
      const vacb = new Vacb();
      this.vacbs.push(vacb);
      return vacb;
    }
    const unpinned = this.vacbs.filter((vacb) => vacb.activeCount === 0);
    return unpinned.reduce(
      (oldest: Vacb | null, vacb) => (vacb.lastUse < (oldest?.lastUse ?? Infinity) ? vacb : oldest),
      null,
    );
  }
}
