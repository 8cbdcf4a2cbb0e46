import { PoolType } from '../ex/pool.js';
import { PAGE_SIZE, PAGED_POOL_END, PAGED_POOL_FIRST, SYSTEM_CACHE_START } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { ProtectionMask } from './protection.js';
import { NO_PTE } from './pte.js';
import { systemPte } from './system-pages.js';
import { verifyWorkingSet } from './verify-working-set.js';

/** Entries of the system's own list, at least its first page, are locked. */
const LOCKED = 1;

/**
 * The PTEs of paged pool against the pool's own count of pages, and the system working set against its valid ones and those of the system cache.
 * @returns the first inconsistency in one sentence, or null
 */
export function verifyPagedPool(mm: MemoryManager): string | null {
  const { format, systemCache } = mm;
  let backed = 0;
  let valid = 0;
  let existing = 0;
  const tableSize = 2 ** format.tableShift;
  for (let address = PAGED_POOL_FIRST; address < PAGED_POOL_END; ) {
    const at = systemPte(mm, address);
    address = at === NO_PTE ? address - (address % tableSize) + tableSize : address + PAGE_SIZE;
    if (at === NO_PTE || format.isZero(at)) continue;
    backed++;
    if (format.isValid(at)) {
      valid++;
      existing++;
      continue;
    }
    const isSoftware = !format.isTransition(at) && !format.isPrototype(at);
    if (format.isPrototype(at) || format.protection(at) !== ProtectionMask.ReadWrite) {
      return `the PTE of paged pool page ${(address - PAGE_SIZE).toString(16)} has a form that it cannot have`;
    }
    if (!isSoftware || format.pageFileOffset(at) !== 0) existing++;
  }
  const pages = mm.pool.pagesInUse(PoolType.Paged);
  if (backed !== pages) return `paged pool uses ${pages} pages, but ${backed} have a PTE`;
  if (existing !== systemCache.privatePages) {
    return `${systemCache.privatePages} pages of paged pool are counted but ${existing} exist`;
  }
  const wrong = verifyWorkingSet(mm, systemCache, isPageable, valid + mm.cacheViews.validPages, LOCKED);
  return wrong === null ? null : `system: ${wrong}`;
}

const isPageable = (address: number): boolean => address >= SYSTEM_CACHE_START;
