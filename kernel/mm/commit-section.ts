import { isSuccess, Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { extendView } from './extend-section.js';
import type { MemoryManager } from './memory-manager.js';
import { protectVirtualMemory } from './protect-virtual-memory.js';
import { PageProtection, ProtectionMask } from './protection.js';
import { fillDemandZero } from './prototype-pte.js';
import { prototypeProtection } from './pte-protection.js';
import type { Segment } from './segment.js';
import type { Vad } from './vad.js';
import type { MemoryContext } from './vad-charges.js';

/**
 * MEM_COMMIT in a view of a page-file backed section: pages that are not committed yet become demand zero for every
 * process that maps the section, then the view's pages get the protection. A view of a file that was mapped with MEM_RESERVE makes its
 * file longer. INVALID_PAGE_PROTECTION, ALREADY_COMMITTED (other views of files), COMMITMENT_LIMIT, and what extending and protecting give.
 */
export function commitSectionPages(
  context: MemoryContext,
  space: AddressSpace,
  vad: Vad,
  range: { readonly firstVpn: number; readonly lastVpn: number; readonly mask: number; readonly protection: number },
): NtStatus {
  const { firstVpn, lastVpn, mask, protection } = range;
  if ((protection & (PageProtection.NoCache | PageProtection.WriteCombine)) !== 0) {
    return Status.INVALID_PAGE_PROTECTION;
  }
  if (!vad.allowsChange(firstVpn, lastVpn, mask)) return Status.INVALID_PAGE_PROTECTION;
  const area = vad.controlArea;
  if (area === null || (area.file !== null && !vad.extendableFile)) return Status.ALREADY_COMMITTED;
  const first = vad.firstSegmentPage + (firstVpn - vad.startingVpn);
  const last = first + lastVpn - firstVpn;
  if (vad.extendableFile) {
    const extended = extendView(context, vad, first, last);
    if (extended !== Status.SUCCESS) return extended;
  } else if (!commitSegmentPages(context.mm, area.segment, first, last - first + 1)) return Status.COMMITMENT_LIMIT;
  const bytes = (lastVpn - firstVpn + 1) * 0x1000;
  const { status } = protectVirtualMemory(context, space, firstVpn * 0x1000, bytes, protection);
  return isSuccess(status) ? Status.SUCCESS : status;
}

/** Commits pages of a page-file backed segment; false (COMMITMENT_LIMIT) when the system cannot promise them. */
export function commitSegmentPages(mm: MemoryManager, segment: Segment, first: number, count: number): boolean {
  const missing: number[] = [];
  for (let page = first; page < first + count; page++) {
    const address = segment.prototypePte(page);
    if (address !== 0 && prototypeProtection(mm, address) === ProtectionMask.ZeroAccess) missing.push(address);
  }
  if (!mm.commit.charge(missing.length)) return false;
  segment.committedPages += missing.length;
  for (const address of missing) fillDemandZero(mm, { address, count: 1 }, segment.templateProtection);
  return true;
}
