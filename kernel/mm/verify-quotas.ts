import { PoolType } from '../ex/pool.js';
import { type JobCommit, type QuotaBlock, type Quotas, QuotaType } from '../ps/quota.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { viewQuota } from './vad-charges.js';

const HANDLE_TABLE_PAGE = 0x1000;

/**
 * What processes are charged against their quotas: pages of commitment, pool for VADs and views, and whole pages of handle tables.
 * The commitment of a job is that of its processes. A quota block counts at least what its processes use and what pool it pays
 * for (APCs, pipes); objects add to it.
 * @returns the first inconsistency, or null
 */
export function verifyQuotas(mm: MemoryManager): string | null {
  const blocks = new Map<QuotaBlock, Quotas>();
  const jobs = new Map<JobCommit, number>();
  for (const space of mm.addressSpaces) {
    const { usage, block } = space.quota;
    const wrong = verifyProcess(mm, space);
    if (wrong !== null) return `process ${space.processId}: ${wrong}`;
    const sum = blocks.get(block) ?? [0, 0, 0];
    const { job } = space.quota;
    if (job !== null) jobs.set(job, (jobs.get(job) ?? 0) + usage[QuotaType.PageFile]);
    blocks.set(block, [sum[0] + usage[0], sum[1] + usage[1], sum[2] + usage[2]]);
  }
  for (const [job, pages] of jobs) {
    if (job.usage !== pages) return `a job counts ${job.usage} committed pages, but its processes have ${pages}`;
  }
  for (const [block, [nonPaged, paged, pageFile]] of blocks) {
    const { usage } = block;
    const pagedCharges = paged + mm.pool.chargedTo(block, PoolType.Paged);
    const nonPagedCharges = nonPaged + mm.pool.chargedTo(block, PoolType.NonPaged);
    const isPoolRight = usage[QuotaType.PagedPool] >= pagedCharges && usage[QuotaType.NonPagedPool] >= nonPagedCharges;
    if (isPoolRight && usage[QuotaType.PageFile] === pageFile) continue;
    return `a quota block counts ${usage.join(', ')}, but its processes use ${nonPaged}, ${paged}, ${pageFile}`;
  }
  return null;
}

function verifyProcess(mm: MemoryManager, space: AddressSpace): string | null {
  const { usage } = space.quota;
  if (usage[QuotaType.PageFile] !== space.commitCharge)
    return `${usage[QuotaType.PageFile]} pages count in its quota, but ${space.commitCharge} are charged as commitment`;
  let structures = 0;
  let views = 0;
  for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) {
    structures += vad.structureSize;
    views += viewQuota(mm, vad);
  }
  if (usage[QuotaType.NonPagedPool] !== structures)
    return `${usage[QuotaType.NonPagedPool]} bytes of nonpaged pool count in its quota, but its VADs take ${structures}`;
  const rest = usage[QuotaType.PagedPool] - views;
  return rest >= 0 && rest % HANDLE_TABLE_PAGE === 0
    ? null
    : `${usage[QuotaType.PagedPool]} bytes of paged pool count in its quota, but its views take ${views}`;
}
