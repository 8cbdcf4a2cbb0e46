import { PoolType } from '../ex/pool.js';
import { SYSTEM_CACHE_START } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { forEachPagedPoolPte } from './page-reader.js';
import { ProtectionMask } from './protection.js';
import type { VerifierFindings } from './verifier-findings.js';
import { verifyWorkingSet } from './verify-working-set.js';

/** Entries of the system's own list, at least its first page, are locked. */
const LOCKED = 1;

/**
 * The PTEs of paged pool against the pool's own count of pages, and the system working set against its valid ones and those of the system cache.
 * @param findings filled in: the slots that paged pool is in
 * @returns the first inconsistency in one sentence, or null
 */
export function verifyPagedPool(mm: MemoryManager, { slots }: VerifierFindings): string | null {
  const { format, systemCache } = mm;
  let backed = 0;
  let valid = 0;
  let existing = 0;
  let wrongForm: string | null = null;
  forEachPagedPoolPte(mm, (at, address) => {
    backed++;
    if (format.isValid(at)) {
      valid++;
      existing++;
      return;
    }
    const inSlot = slots.note(format, at);
    if (inSlot !== null) wrongForm ??= `the PTE of paged pool page ${address.toString(16)} ${inSlot}`;
    const isSoftware = !format.isTransition(at) && !format.isPrototype(at);
    if (format.isPrototype(at) || format.protection(at) !== ProtectionMask.ReadWrite) {
      wrongForm ??= `the PTE of paged pool page ${address.toString(16)} has a form that it cannot have`;
    }
    if (!isSoftware || format.pageFileOffset(at) !== 0) existing++;
  });
  if (wrongForm !== null) return wrongForm;
  const pages = mm.pool.pagesInUse(PoolType.Paged);
  if (backed !== pages) return `paged pool uses ${pages} pages, but ${backed} have a PTE`;
  if (existing !== systemCache.privatePages) {
    return `${systemCache.privatePages} pages of paged pool are counted but ${existing} exist`;
  }
  const wrong = verifyWorkingSet(mm, systemCache, isPageable, valid + mm.cacheViews.validPages, LOCKED);
  return wrong === null ? null : `system: ${wrong}`;
}

const isPageable = (address: number): boolean => address >= SYSTEM_CACHE_START;
