import { type PoolMemory, PoolType } from '../ex/pool.js';
import { type AddressLayout, PAGE_SIZE, PAGED_POOL_END, PAGED_POOL_START } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { emptyPte } from './page-table.js';
import type { PfnDatabase } from './pfn.js';
import { ProtectionMask } from './protection.js';
import { NO_PTE } from './pte.js';
import { makeSystemPte, mapSystemPages, systemPte, unmapSystemPages } from './system-pages.js';

const MEGABYTE = 0x10_0000;
/** Maximum of nonpaged pool: the PFN database and so much, and for each MB of memory so much more (nt52.md 10.2). */
const NONPAGED_BASE = MEGABYTE;
const NONPAGED_PER_MEGABYTE = 400 * 1024;
const MINIMUM_PAGED_POOL = 32 * MEGABYTE;

/** Where nonpaged pool ends at most. */
export function nonPagedPoolEnd(layout: AddressLayout, start: number): number {
  return Math.min(start + layout.nonPagedPoolMaximum, layout.nonPagedPoolEnd);
}

/** Where paged pool ends: it is twice the maximum of nonpaged pool, at least 32 MB, as far as there are addresses. */
export function pagedPoolEnd(layout: AddressLayout, pfn: PfnDatabase): number {
  const megabytes = (pfn.frameCount * PAGE_SIZE) / MEGABYTE;
  const nonPaged = NONPAGED_BASE + pfn.frameCount * pfn.entrySize + megabytes * NONPAGED_PER_MEGABYTE;
  const size = Math.max(MINIMUM_PAGED_POOL, 2 * Math.min(nonPaged, layout.nonPagedPoolMaximum));
  return Math.min(PAGED_POOL_START + Math.ceil(size / PAGE_SIZE) * PAGE_SIZE, PAGED_POOL_END);
}

/** What the pool stands on: system memory by address, and committed frames behind its pages. */
export class PoolPages implements PoolMemory {
  readonly #mm: MemoryManager;

  constructor(mm: MemoryManager) {
    this.#mm = mm;
  }

  read16(address: number): number {
    return this.#mm.system.read16(address);
  }

  read32(address: number): number {
    return this.#mm.system.read32(address);
  }

  write16(address: number, value: number): void {
    this.#mm.system.write16(address, value);
  }

  write32(address: number, value: number): void {
    this.#mm.system.write32(address, value);
  }

  backPages(start: number, count: number, type: PoolType): boolean {
    const mm = this.#mm;
    const initial = this.#initialPages(start, count);
    const address = start + initial * PAGE_SIZE;
    const pages = count - initial;
    if (pages === 0) return true;
    if (!mm.commit.chargeSystem(pages)) return false;
    const isBacked = type === PoolType.Paged ? this.#reserve(address, pages) : mapSystemPages(mm, address, pages);
    if (!isBacked) {
      mm.commit.release(pages);
      return false;
    }
    mm.committed.pool += pages;
    if (type === PoolType.NonPaged) mm.resident.chargeAnyway('nonPagedPool', pages);
    return true;
  }

  unbackPages(start: number, count: number, type: PoolType): void {
    const mm = this.#mm;
    const initial = this.#initialPages(start, count);
    const address = start + initial * PAGE_SIZE;
    const pages = count - initial;
    if (initial > 0) mm.system.fill(start, initial * PAGE_SIZE, 0);
    if (pages === 0) return;
    if (type === PoolType.Paged) this.#unreserve(address, pages);
    else unmapSystemPages(mm, address, pages);
    mm.committed.pool -= pages;
    if (type === PoolType.NonPaged) mm.resident.release('nonPagedPool', pages);
    mm.commit.release(pages);
  }

  /** How many of these pages, from the first on, are of the initial nonpaged pool: zeroed, and paid for by boot. */
  #initialPages(start: number, count: number): number {
    const { initialPoolEnd, nonPagedPoolStart } = this.#mm;
    if (start < nonPagedPoolStart || start >= initialPoolEnd) return 0;
    return Math.min(count, (initialPoolEnd - start) / PAGE_SIZE);
  }

  /** Pages of paged pool get their frames when they are first touched. */
  #reserve(address: number, pages: number): boolean {
    const mm = this.#mm;
    for (let page = 0; page < pages; page++) {
      const at = makeSystemPte(mm, address + page * PAGE_SIZE);
      if (at === NO_PTE) {
        this.#unreserve(address, page);
        return false;
      }
      mm.format.writeDemandZero(at, ProtectionMask.ReadWrite);
    }
    return true;
  }

  #unreserve(address: number, pages: number): void {
    const mm = this.#mm;
    for (let page = 0; page < pages; page++) {
      const at = systemPte(mm, address + page * PAGE_SIZE);
      emptyPte(mm, mm.systemCache, address + page * PAGE_SIZE, at);
    }
  }

  bugcheck(code: number, p1: number, p2: number, p3: number, p4: number): never {
    return this.#mm.environment.bugcheck(code, p1, p2, p3, p4);
  }
}
