import type { PoolMemory, PoolType } from '../ex/pool.js';
import type { MemoryManager } from './memory-manager.js';
import { mapSystemPages, unmapSystemPages } from './system-pages.js';

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

  backPages(address: number, pages: number, _type: PoolType): boolean {
    const mm = this.#mm;
    if (!mm.commit.chargeSystem(pages)) return false;
    if (!mapSystemPages(mm, address, pages)) {
      mm.commit.release(pages);
      return false;
    }
    mm.committed.pool += pages;
    return true;
  }

  unbackPages(address: number, pages: number, _type: PoolType): void {
    const mm = this.#mm;
    unmapSystemPages(mm, address, pages);
    mm.committed.pool -= pages;
    mm.commit.release(pages);
  }

  bugcheck(code: number, p1: number, p2: number, p3: number, p4: number): never {
    return this.#mm.environment.bugcheck(code, p1, p2, p3, p4);
  }
}
