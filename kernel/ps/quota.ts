import type { Pool } from '../ex/pool.js';
import { PoolType } from '../ex/pool.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';

/** PS_QUOTA_TYPE. Pool is counted in bytes, the paging file in pages. */
export const QuotaType = { NonPagedPool: 0, PagedPool: 1, PageFile: 2 } as const;
export type QuotaType = (typeof QuotaType)[keyof typeof QuotaType];

/** A limit that limits nothing: those of the default quota block. */
export const UNLIMITED = 0xffffffff;
const BLOCK_SIZE = 0x40;
const exceeded: readonly NtStatus[] = [Status.QUOTA_EXCEEDED, Status.QUOTA_EXCEEDED, Status.PAGEFILE_QUOTA_EXCEEDED];

/** One number for each QuotaType. */
export type Quotas = [nonPagedPool: number, pagedPool: number, pageFile: number];

/**
 * EPROCESS_QUOTA_BLOCK: what a process and those that it started may use together, and use. A process takes over the block of its
 * creator; ProcessQuotaLimits gives it one of its own.
 */
export class QuotaBlock {
  readonly usage: Quotas = [0, 0, 0];
  readonly peak: Quotas = [0, 0, 0];
  readonly limit: Quotas = [UNLIMITED, UNLIMITED, UNLIMITED];
  /** Processes, and objects that are charged to it. */
  #references = 0;
  readonly #pool: Pool | null;
  readonly #address: number;

  /** PspDefaultQuotaBlock has no pool block: it is there for good. */
  constructor(pool: Pool | null = null, address = 0) {
    this.#pool = pool;
    this.#address = address;
  }

  /** A block with pool charged for it; null: INSUFFICIENT_RESOURCES. It goes with its last reference. */
  static create(pool: Pool): QuotaBlock | null {
    const address = pool.allocate(PoolType.NonPaged, BLOCK_SIZE, 'Psqb');
    return address === 0 ? null : new QuotaBlock(pool, address);
  }

  /** The block of the processes that were given no limits: it may not be changed. */
  get isDefault(): boolean {
    return this.#pool === null;
  }

  /** QUOTA_EXCEEDED, PAGEFILE_QUOTA_EXCEEDED; then nothing is charged. */
  charge(type: QuotaType, amount: number): NtStatus {
    const wanted = this.usage[type] + amount;
    if (amount > 0 && this.limit[type] !== UNLIMITED && wanted > this.limit[type]) return exceeded[type];
    this.#use(type, wanted);
    return Status.SUCCESS;
  }

  release(type: QuotaType, amount: number): void {
    this.usage[type] -= amount;
  }

  /** Takes over what another block was charged with, whether it fits or not. */
  takeOver(from: QuotaBlock, usage: Quotas): void {
    for (const type of Object.values(QuotaType)) {
      from.release(type, usage[type]);
      this.#use(type, this.usage[type] + usage[type]);
    }
  }

  reference(): void {
    this.#references++;
  }

  dereference(): void {
    this.#references--;
    if (this.#references === 0) this.#pool?.free(this.#address);
  }

  #use(type: QuotaType, amount: number): void {
    this.usage[type] = amount;
    if (amount > this.peak[type]) this.peak[type] = amount;
  }
}

/** What pays for pool that the running thread asks for: the quota block of its process; null: nothing does. */
export const currentPayer = ({ ke }: Kernel): QuotaBlock | null => ke.currentProcess.executive?.quotaBlock ?? null;

/** Pages that all processes of a job have committed, and may (EJOB.CurrentJobMemoryUsed, JobMemoryLimit). */
export class JobCommit {
  usage = 0;
  peak = 0;
  /** The most that one process has had. */
  processPeak = 0;
  limit = UNLIMITED;

  use(pages: number, ofProcess: number): void {
    this.usage += pages;
    this.peak = Math.max(this.peak, this.usage);
    this.processPeak = Math.max(this.processPeak, ofProcess);
  }
}

/** EPROCESS.QuotaUsage, QuotaPeak and QuotaBlock: what a process itself uses, all of which counts in its block too. */
export class ProcessQuota {
  readonly usage: Quotas = [0, 0, 0];
  readonly peak: Quotas = [0, 0, 0];
  /** Pages that the process may commit (EPROCESS.CommitChargeLimit). */
  commitLimit = UNLIMITED;
  /** What the process's job counts; null: it is in none. */
  job: JobCommit | null = null;
  #block: QuotaBlock;

  constructor(block: QuotaBlock) {
    this.#block = block;
    block.reference();
  }

  get block(): QuotaBlock {
    return this.#block;
  }

  /** PsChargeProcessQuota: QUOTA_EXCEEDED, PAGEFILE_QUOTA_EXCEEDED, COMMITMENT_LIMIT of a job; then nothing is charged. */
  charge(type: QuotaType, amount: number): NtStatus {
    if (type === QuotaType.PageFile && this.#exceedsJob(amount)) return Status.COMMITMENT_LIMIT;
    const status = this.#block.charge(type, amount);
    if (status !== Status.SUCCESS) return status;
    this.usage[type] += amount;
    if (this.usage[type] > this.peak[type]) this.peak[type] = this.usage[type];
    if (type === QuotaType.PageFile) this.job?.use(amount, this.usage[type]);
    return status;
  }

  /** The process's pages count in a job too. */
  joinJob(job: JobCommit): void {
    this.job = job;
    job.use(this.usage[QuotaType.PageFile], this.usage[QuotaType.PageFile]);
  }

  release(type: QuotaType, amount: number): void {
    this.usage[type] -= amount;
    if (type === QuotaType.PageFile) this.job?.use(-amount, 0);
    this.#block.release(type, amount);
  }

  #exceedsJob(pages: number): boolean {
    if (pages <= 0) return false;
    if (this.commitLimit !== UNLIMITED && this.usage[QuotaType.PageFile] + pages > this.commitLimit) return true;
    return this.job !== null && this.job.limit !== UNLIMITED && this.job.usage + pages > this.job.limit;
  }

  /** Another block counts what the process uses from now on (PspInheritQuota, ProcessQuotaLimits). */
  moveTo(block: QuotaBlock): void {
    if (block === this.#block) return;
    block.takeOver(this.#block, this.usage);
    block.reference();
    this.#block.dereference();
    this.#block = block;
  }

  /** Nothing is charged any more. */
  get isEmpty(): boolean {
    return this.usage.every((amount) => amount === 0);
  }

  /** The process's object goes. */
  leave(): void {
    this.#block.dereference();
  }
}
