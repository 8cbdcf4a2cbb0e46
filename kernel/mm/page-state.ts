import type { AddressSpace } from './address-space.js';
import { aweProtection } from './awe.js';
import { PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { pageTableFrame, residentPte } from './page-table.js';
import { makeNotWriteCopy, ProtectionMask } from './protection.js';
import { NO_PTE, type PteLocation } from './pte.js';
import { prototypeProtection, pteProtection } from './pte-protection.js';
import { type Vad, VadType } from './vad.js';
import { holdPage, releaseHold } from './working-set.js';

/** The page is reserved only. */
export const NOT_COMMITTED = -1;

/**
 * The five-bit protection that a page of a VAD has now, or NOT_COMMITTED. PTEs that say nothing are explained by
 * the VAD: zero PTEs of a region that was committed as a whole, and of views.
 * @param at the page's PTE, NO_PTE where its page table does not exist.
 * Environment: working-set lock; does not wait: prototype PTEs that were paged out are brought in on the spot.
 */
export function committedProtection(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  vpn: number,
  at: PteLocation,
): number {
  if (vad.privateMemory) return privateProtection(mm, space, vad, vpn, at);
  // Prototype PTEs may have to be brought in, for which the page table must not go.
  const table = at === NO_PTE ? 0 : pageTableFrame(mm, space, vpn * PAGE_SIZE);
  if (table !== 0) holdPage(mm, table);
  const protection = viewProtection(mm, space, vad, vpn, at);
  if (table !== 0) releaseHold(mm, table);
  return protection;
}

function privateProtection(mm: MemoryManager, space: AddressSpace, vad: Vad, vpn: number, at: PteLocation): number {
  if (vad.type === VadType.Awe) return at !== NO_PTE && mm.format.isValid(at) ? aweProtection(vad, vpn) : NOT_COMMITTED;
  if (at === NO_PTE || mm.format.isZero(at)) return vad.memCommit ? vad.protection : NOT_COMMITTED;
  return mm.format.isDecommitted(at) ? NOT_COMMITTED : makeNotWriteCopy(pteProtection(mm, space, vpn * PAGE_SIZE, at));
}

function viewProtection(mm: MemoryManager, space: AddressSpace, vad: Vad, vpn: number, at: PteLocation): number {
  const { format } = mm;
  if (at === NO_PTE || format.isZero(at)) {
    const prototype = prototypeOf(mm, vad, vpn);
    return prototype === NOT_COMMITTED || vad.isImage ? prototype : vad.protection;
  }
  if (format.isDecommitted(at)) return NOT_COMMITTED;
  if (format.isPrototype(at) && prototypeOf(mm, vad, vpn) === NOT_COMMITTED) return NOT_COMMITTED;
  return pteProtection(mm, space, vpn * PAGE_SIZE, at);
}

/** Protection of the prototype PTE behind a page of a view, NOT_COMMITTED when there is none or it is zero. */
function prototypeOf(mm: MemoryManager, vad: Vad, vpn: number): number {
  const address = vad.prototypePte(vpn);
  if (address === 0) return NOT_COMMITTED;
  const protection = prototypeProtection(mm, address);
  return protection === ProtectionMask.ZeroAccess ? NOT_COMMITTED : protection;
}

/** committedProtection of a page looked up from scratch. */
export function protectionOfPage(mm: MemoryManager, space: AddressSpace, vad: Vad, vpn: number): number {
  return committedProtection(mm, space, vad, vpn, residentPte(mm, space, vpn * PAGE_SIZE));
}

/** True when the PTE stands for a page that belongs to this process alone. */
export function isPrivatePage(mm: MemoryManager, at: PteLocation): boolean {
  const { format } = mm;
  if (at === NO_PTE || format.isZero(at)) return false;
  return format.isValid(at) ? !mm.pfn.isPrototype(format.frame(at)) : !format.isPrototype(at);
}
