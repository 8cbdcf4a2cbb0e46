import { MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { PageProtection } from '../../kernel/mm/protection.js';
import { Status } from '../../kernel/ntstatus.js';

const { NoAccess, ReadOnly, ReadWrite, WriteCopy, ExecuteReadWrite, ExecuteWriteCopy, Guard } = PageProtection;
const { Commit, Reserve, Decommit, Release } = MemoryType;

/** Pages that one allocation unit holds. */
export const UNIT_PAGES = 16;
/** The private window: so many units, across the end of a page table. */
export const PRIVATE_PAGES = 4 * UNIT_PAGES;
/** Views of one section: one that shares, one that copies. */
export const VIEW_PAGES = 8;

export const Window = {
  private: { base: 0x3e_0000, pages: PRIVATE_PAGES },
  shared: { base: 0x80_0000, pages: VIEW_PAGES },
  copied: { base: 0x81_0000, pages: VIEW_PAGES },
} as const;
export type WindowName = keyof typeof Window;

/** What a program may know of a page. */
interface ModelPage {
  /** Win32 value; null: reserved only. */
  protection: number | null;
  value: number;
  /** After MEM_RESET: the contents may be gone. */
  mayBeZero: boolean;
  /** Of a view: the process has a copy of its own. */
  copied: boolean;
  locked: boolean;
  /** Committed with its region and nothing since: the VAD speaks for it, and a guard comes before what an access may do. */
  silent: boolean;
  /** Region of the page. */
  readonly region: { readonly start: number };
}

/** What an access must do. */
export type Expected =
  | { readonly kind: 'access-violation' }
  | { readonly kind: 'guard' }
  | { readonly kind: 'byte'; readonly values: readonly number[] };

const canRead = (protection: number): boolean => (protection & 0xff) !== NoAccess;
const canWrite = (protection: number): boolean =>
  (protection & (ReadWrite | ExecuteReadWrite | WriteCopy | ExecuteWriteCopy)) !== 0;
const isWriteCopy = (protection: number): boolean => (protection & (WriteCopy | ExecuteWriteCopy)) !== 0;
/** A page with this protection cannot stay in a working set. */
const leavesWorkingSet = (protection: number): boolean => protection === NoAccess || (protection & Guard) !== 0;

/**
 * The memory of one process as its programs see it: what every service must answer and every byte must be. Knows nothing of
 * page tables, frames or files.
 */
export class ModelProcess {
  /** By window; null: not in any region. */
  readonly #pages: Record<WindowName, (ModelPage | null)[]>;
  /** Contents of the section, which all processes share; null: nobody has touched the page through a view that shares. */
  readonly #section: (number | null)[];

  constructor(section: (number | null)[]) {
    this.#section = section;
    const view = (protection: number): ModelPage[] => {
      const region = { start: 0 };
      return Array.from({ length: VIEW_PAGES }, () => newPage(region, protection));
    };
    this.#pages = {
      private: new Array<ModelPage | null>(PRIVATE_PAGES).fill(null),
      shared: view(ReadWrite),
      copied: view(WriteCopy),
    };
  }

  // --- services: each answers the status that the kernel must give

  allocate(first: number, pages: number, type: number, protection: number): number {
    const isReserve = (type & Reserve) !== 0;
    const start = isReserve ? first - (first % UNIT_PAGES) : first;
    const end = first + pages;
    const all = this.#pages.private;
    const range = all.slice(start, end);
    if (isReserve) {
      if (range.some((page) => page !== null)) return Status.CONFLICTING_ADDRESSES;
      const region = { start };
      for (let page = start; page < end; page++) {
        all[page] = { ...newPage(region, (type & Commit) !== 0 ? protection : null), silent: true };
      }
      return Status.SUCCESS;
    }
    if (!isOneRegion(range)) return Status.CONFLICTING_ADDRESSES;
    for (const page of range) {
      if (page === null) continue;
      if (page.protection === null) page.value = 0;
      if (page.protection !== protection) page.silent = false;
      page.protection = protection;
      if (leavesWorkingSet(protection)) page.locked = false;
    }
    return Status.SUCCESS;
  }

  decommit(first: number, pages: number): number {
    const status = this.#freeStatus(first, pages);
    if (status === Status.SUCCESS) {
      const { region } = this.#pages.private[first] ?? { region: null };
      for (let page = first; page < first + pages; page++) {
        if (region !== null) this.#pages.private[page] = newPage(region, null);
      }
    }
    return status;
  }

  /** @param pages 0: the whole region */
  release(first: number, pages: number): number {
    const all = this.#pages.private;
    const region = all[first]?.region;
    let end = first + pages;
    if (pages === 0) for (end = first; end < PRIVATE_PAGES && all[end]?.region === region; ) end++;
    const status = this.#freeStatus(first, end - first);
    if (status !== Status.SUCCESS) return status;
    if (pages === 0 && all[first - 1]?.region === region) return Status.FREE_VM_NOT_AT_BASE;
    // What lies behind the hole is a region of its own.
    const upper = { start: end };
    for (let page = end; page < PRIVATE_PAGES && all[page]?.region === region; page++) {
      const old = all[page];
      if (old) all[page] = { ...old, region: upper };
    }
    for (let page = first; page < end; page++) all[page] = null;
    return Status.SUCCESS;
  }

  #freeStatus(first: number, pages: number): number {
    const range = this.#pages.private.slice(first, first + pages);
    if (this.#pages.private[first] === null) return Status.MEMORY_NOT_ALLOCATED;
    return isOneRegion(range) ? Status.SUCCESS : Status.UNABLE_TO_FREE_VM;
  }

  /** The status, and the old protection of the first page where it is a success. */
  protect(window: WindowName, first: number, pages: number, wanted: number): { status: number; old: number } {
    const failure = (status: number) => ({ status, old: 0 });
    const range = this.#pages[window].slice(first, first + pages);
    if (!isOneRegion(range)) return failure(Status.CONFLICTING_ADDRESSES);
    if (window === 'private' && isWriteCopy(wanted)) return failure(Status.INVALID_PARAMETER_4);
    if (range.some((page) => page?.protection === null)) return failure(Status.NOT_COMMITTED);
    const old = range[0]?.protection ?? 0;
    let wasUnlocked = false;
    for (const page of range) {
      if (page === null) continue;
      if (page.protection !== wanted) page.silent = false;
      page.protection = viewProtection(window, page, wanted);
      if (!leavesWorkingSet(wanted)) continue;
      wasUnlocked ||= page.locked;
      page.locked = false;
    }
    return { status: wasUnlocked ? Status.WAS_UNLOCKED : Status.SUCCESS, old };
  }

  /** @param attached by a thread of another process: a guard page is not for it to take */
  lock(window: WindowName, first: number, pages: number, attached: boolean): number {
    const range = this.#pages[window].slice(first, first + pages);
    if (range.some((page) => page === null)) return Status.ACCESS_VIOLATION;
    for (let page = first; page < first + pages; page++) {
      const touched = this.read(window, page, attached);
      if (touched.kind === 'guard') return Status.GUARD_PAGE_VIOLATION;
      if (touched.kind === 'access-violation') return Status.ACCESS_VIOLATION;
    }
    const wasLocked = range.some((page) => page?.locked);
    for (const page of range) if (page !== null) page.locked = true;
    return wasLocked ? Status.WAS_LOCKED : Status.SUCCESS;
  }

  unlock(window: WindowName, first: number, pages: number): number {
    const range = this.#pages[window].slice(first, first + pages);
    if (range.some((page) => page === null)) return Status.ACCESS_VIOLATION;
    if (range.some((page) => page?.locked === false)) return Status.NOT_LOCKED;
    for (const page of range) if (page !== null) page.locked = false;
    return Status.SUCCESS;
  }

  /** MEM_RESET. */
  reset(first: number, pages: number): number {
    const range = this.#pages.private.slice(first, first + pages);
    if (!isOneRegion(range)) return Status.CONFLICTING_ADDRESSES;
    for (const page of range) if (page !== null) page.mayBeZero = true;
    return Status.SUCCESS;
  }

  /** State and protection as NtQueryVirtualMemory has them, and how many pages from here on are alike. */
  query(window: WindowName, first: number): { state: number; protect: number; pages: number; base: number } {
    const all = this.#pages[window];
    const page = all[first];
    const isLike = (other: ModelPage | null | undefined): boolean => {
      if (page === null || page === undefined) return other === null;
      return other?.region === page.region && other.protection === page.protection;
    };
    let end = first;
    while (end < all.length && isLike(all[end])) end++;
    if (page === null || page === undefined)
      return { state: MemoryType.Free, protect: NoAccess, pages: end - first, base: -1 };
    const state = page.protection === null ? Reserve : Commit;
    return { state, protect: page.protection ?? 0, pages: end - first, base: page.region.start };
  }

  // --- accesses of the program

  read(window: WindowName, index: number, attached = false): Expected {
    const page = this.#pages[window][index];
    const denied = this.#deny(page, canRead, attached);
    if (denied !== null || !page) return denied ?? { kind: 'access-violation' };
    const value = this.#touched(window, page, index);
    return { kind: 'byte', values: page.mayBeZero ? [value, 0] : [value] };
  }

  write(window: WindowName, index: number, value: number): Expected {
    const page = this.#pages[window][index];
    const denied = this.#deny(page, canWrite, false);
    if (denied !== null || !page) return denied ?? { kind: 'access-violation' };
    this.#touched(window, page, index);
    if (window !== 'private' && isWriteCopy(page.protection ?? 0)) this.#copy(page, value);
    if (window === 'private' || page.copied) {
      page.value = value;
      page.mayBeZero = false;
    } else this.#section[index] = value;
    return { kind: 'byte', values: [value] };
  }

  /** What a read has shown is what the page holds from now on. */
  seen(window: WindowName, index: number, value: number): void {
    const page = this.#pages[window][index];
    if (window === 'private' && page) page.value = value;
  }

  isLocked(window: WindowName, index: number): boolean {
    return this.#pages[window][index]?.locked === true;
  }

  /** The value of a page that is permitted. A page of zeros that would be copied anyway is the process's own at once. */
  #touched(window: WindowName, page: ModelPage, index: number): number {
    if (window === 'private' || page.copied) return page.value;
    const shared = this.#section[index] ?? null;
    if (shared !== null) return shared;
    if (isWriteCopy(page.protection ?? 0)) this.#copy(page, 0);
    else this.#section[index] = 0;
    return 0;
  }

  #copy(page: ModelPage, value: number): void {
    page.copied = true;
    page.value = value;
    page.protection = page.protection === ExecuteWriteCopy ? ExecuteReadWrite : ReadWrite;
  }

  /** Why an access is refused; a guard goes when the access would be permitted without it. */
  #deny(
    page: ModelPage | null | undefined,
    permits: (protection: number) => boolean,
    attached: boolean,
  ): Expected | null {
    if (!page || page.protection === null) return { kind: 'access-violation' };
    const isGuarded = (page.protection & Guard) !== 0;
    if (!(isGuarded && page.silent) && (!permits(page.protection) || (isGuarded && attached))) {
      return { kind: 'access-violation' };
    }
    page.silent = false;
    if (!isGuarded) return null;
    page.protection &= ~Guard;
    return { kind: 'guard' };
  }
}

function newPage(region: ModelPage['region'], protection: number | null): ModelPage {
  return { protection, value: 0, mayBeZero: false, copied: false, locked: false, silent: false, region };
}

function isOneRegion(range: readonly (ModelPage | null)[]): boolean {
  const region = range[0]?.region;
  return region !== undefined && range.every((page) => page?.region === region);
}

/** A view that copies makes copies of what may be written; on a copy of one's own, write-copy means write. */
function viewProtection(window: WindowName, page: ModelPage, wanted: number): number {
  if (window === 'private') return wanted;
  const toCopy = window === 'copied' && !page.copied;
  const access = wanted & 0xff;
  const modifier = wanted & ~0xff;
  if (toCopy && access === ReadWrite) return WriteCopy | modifier;
  if (page.copied && access === WriteCopy) return ReadWrite | modifier;
  return wanted;
}

export const PROTECTIONS = [
  NoAccess,
  ReadOnly,
  ReadWrite,
  ReadWrite,
  ExecuteReadWrite,
  ReadWrite | Guard,
  ReadOnly | Guard,
] as const;
export const VIEW_PROTECTIONS = [NoAccess, ReadOnly, ReadWrite, WriteCopy, ReadWrite | Guard] as const;
export const ALLOCATION_TYPES = [Commit, Commit, Reserve, Commit | Reserve] as const;
export const FREE_TYPES = [Decommit, Release] as const;
