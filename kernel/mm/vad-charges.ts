import type { Pool } from '../ex/pool.js';
import { PoolType } from '../ex/pool.js';
import { Status } from '../ntstatus.js';
import { QuotaType } from '../ps/quota.js';
import { type NtStatus, virtualAddress } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { chargeProcessCommit, releaseProcessCommit } from './commit.js';
import type { MemoryManager } from './memory-manager.js';
import { type Vad, VadType } from './vad.js';
import { deleteWriteWatch } from './write-watch.js';

/** What routines on VADs and sections need of the kernel. The Kernel object is one of these. */
export interface MemoryContext {
  readonly mm: MemoryManager;
  readonly ex: { readonly pool: Pool };
}

/**
 * Charges a VAD and puts it into the tree (MiInsertVadCharges, MiInsertVad): pool for the structure, pool quotas, and page-file
 * quota and commit for its CommitCharge and for every page table that no earlier VAD paid for. All or nothing:
 * INSUFFICIENT_RESOURCES without pool, COMMITMENT_LIMIT for everything else (nt52.md 4.3). The range must be free. Environment: PASSIVE_LEVEL, does not block.
 */
export function insertVad(context: MemoryContext, space: AddressSpace, vad: Vad): NtStatus {
  const { mm } = context;
  const block = context.ex.pool.allocate(PoolType.NonPaged, vad.structureSize, vad.tag);
  if (block === 0) return Status.INSUFFICIENT_RESOURCES;
  const shift = mm.format.tableShift - 12;
  const first = vad.startingVpn >>> shift;
  const last = vad.endingVpn >>> shift;
  let tables = 0;
  if (!vad.rejectsCommit) {
    for (let table = first; table <= last; table++) if (space.committedPageTables[table] === 0) tables++;
  }
  if (!chargeVad(mm, space, vad, vad.commitCharge + tables)) {
    context.ex.pool.free(block);
    return Status.COMMITMENT_LIMIT;
  }
  vad.poolAddress = block;
  space.vads.insert(vad);
  if (vad.rejectsCommit) return Status.SUCCESS;
  space.committedPageTables.fill(1, first, last + 1);
  if (vad.type === VadType.WriteWatch) space.vads.watchedRegions++;
  space.virtualSize += vad.pages * 0x1000;
  if (space.virtualSize > space.peakVirtualSize) space.peakVirtualSize = space.virtualSize;
  return Status.SUCCESS;
}

/** Quotas and commit for a VAD, all or nothing. */
function chargeVad(mm: MemoryManager, space: AddressSpace, vad: Vad, pages: number): boolean {
  const { quota } = space;
  if (quota.charge(QuotaType.NonPagedPool, vad.structureSize) !== Status.SUCCESS) return false;
  if (quota.charge(QuotaType.PagedPool, viewQuota(mm, vad)) !== Status.SUCCESS) {
    quota.release(QuotaType.NonPagedPool, vad.structureSize);
    return false;
  }
  if (chargeProcessCommit(mm.commit, space, pages) === Status.SUCCESS) return true;
  releasePoolQuota(mm, space, vad);
  return false;
}

function releasePoolQuota(mm: MemoryManager, space: AddressSpace, vad: Vad): void {
  space.quota.release(QuotaType.NonPagedPool, vad.structureSize);
  space.quota.release(QuotaType.PagedPool, viewQuota(mm, vad));
}

/** Bytes of paged pool that a view's process pays for: the view's share of the prototype PTEs. */
export function viewQuota(mm: MemoryManager, vad: Vad): number {
  return vad.controlArea === null ? 0 : vad.pages * mm.format.entrySize;
}

/**
 * Takes a VAD out of the tree and returns its charges; commit for page tables comes back for those that no neighbour
 * overlaps. Its pages must be gone already.
 */
export function removeVad(context: MemoryContext, space: AddressSpace, vad: Vad): void {
  const previous = space.vads.previous(vad);
  const next = space.vads.next(vad);
  space.vads.remove(vad);
  if (vad.type === VadType.WriteWatch) {
    space.vads.watchedRegions--;
    deleteWriteWatch(context, vad);
  }
  if (!vad.rejectsCommit) {
    const range = { first: vad.startingVpn, last: vad.endingVpn };
    const tables = uncommitPageTables(context.mm, space, range, previous, next);
    releaseProcessCommit(context.mm.commit, space, vad.commitCharge + tables);
    space.virtualSize -= vad.pages * 0x1000;
  }
  releasePoolQuota(context.mm, space, vad);
  context.ex.pool.free(vad.poolAddress);
  vad.poolAddress = virtualAddress(0);
}

/** Pages cut from a VAD's start, end or middle: forgets page tables that nothing else overlaps. Returns how many. */
export function uncommitPageTables(
  mm: MemoryManager,
  space: AddressSpace,
  range: { readonly first: number; readonly last: number },
  previous: Vad | null,
  next: Vad | null,
): number {
  const shift = mm.format.tableShift - 12;
  const before = payingNeighbour(previous, (vad) => space.vads.previous(vad));
  const behind = payingNeighbour(next, (vad) => space.vads.next(vad));
  let first = range.first >>> shift;
  let last = range.last >>> shift;
  if (before !== null && before.endingVpn >>> shift === first) first++;
  if (behind !== null && behind.startingVpn >>> shift === last) last--;
  let count = 0;
  for (let table = first; table <= last; table++) {
    count += space.committedPageTables[table];
    space.committedPageTables[table] = 0;
  }
  return count;
}

/** The nearest VAD in a direction that pays for its page tables. */
function payingNeighbour(vad: Vad | null, step: (vad: Vad) => Vad | null): Vad | null {
  let found = vad;
  while (found?.rejectsCommit) found = step(found);
  return found;
}
