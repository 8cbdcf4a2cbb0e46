import { Status } from '../ntstatus.js';
import { type ProcessQuota, QuotaType } from '../ps/quota.js';
import type { NtStatus } from '../types.js';

/** From so large a part of the limit on, more room is asked for before it is needed. */
const ASK_NUMERATOR = 9;
const ASK_DENOMINATOR = 10;
/** A contraction is worth it while so many pages more would still be less than so large a part of the limit. */
const CONTRACTION_MARGIN = 512;
const CONTRACTION_NUMERATOR = 8;
const CONTRACTION_DENOMINATOR = 10;

/** Who makes paging files bigger, and with them the limit: the dereference segment thread's work. */
export interface CommitExtension {
  /** At once, for a charge that cannot wait. False: no paging file takes so many pages more. */
  extendNow(pages: number): boolean;
  /** As soon as the thread comes to it. */
  request(pages: number): void;
  /** A charge of so many pages was refused. */
  refused(pages: number): void;
}

/**
 * System commit: how many pages have been promised backing, and how many can be. Until page files exist the limit is
 * the memory that boot left; page files raise it (nt52.md 7.5).
 */
export class CommitAccounting {
  /** All in pages. */
  limit: number;
  charged = 0;
  peak = 0;
  /** What charges for programs leave free. */
  readonly reserve: number;
  /** Fault injection: true refuses a charge. */
  refuse: (() => boolean) | null = null;
  extension: CommitExtension | null = null;

  constructor(limit: number, reserve: number) {
    this.limit = limit;
    this.reserve = reserve;
  }

  /** MiChargeCommitment for programs' memory: false is COMMITMENT_LIMIT and changes nothing. */
  charge(pages: number): boolean {
    return this.#charge(pages, pages === 0 ? 0 : this.reserve);
  }

  /** For the kernel's own needs (page tables, stacks, pool), which may use the reserve too. */
  chargeSystem(pages: number): boolean {
    return this.#charge(pages, 0);
  }

  /** Pages by which the limit is too low for a program's charge; 0 when it fits. */
  missing(pages: number): number {
    return Math.max(0, this.charged + pages + this.reserve - this.limit);
  }

  /** Returns pages to the system. */
  release(pages: number): void {
    this.charged -= pages;
  }

  /** So little is charged that paging files may give back what they have grown. */
  get allowsContraction(): boolean {
    return (this.charged + CONTRACTION_MARGIN) * CONTRACTION_DENOMINATOR < this.limit * CONTRACTION_NUMERATOR;
  }

  #charge(pages: number, reserve: number): boolean {
    if (pages !== 0 && this.refuse?.() === true) return false;
    const missing = this.charged + pages + reserve - this.limit;
    if (missing > 0 && this.extension?.extendNow(missing) !== true) {
      this.extension?.refused(pages);
      return false;
    }
    this.charged += pages;
    if (this.charged > this.peak) this.peak = this.charged;
    const ample = (this.limit * ASK_NUMERATOR) / ASK_DENOMINATOR;
    if (this.charged > ample) this.extension?.request(Math.ceil(this.charged - ample));
    return true;
  }
}

/** The part of an address space that commit accounting reads and writes. In pages. */
export interface ProcessCommit {
  commitCharge: number;
  commitChargePeak: number;
  readonly quota: ProcessQuota;
}

/**
 * Charges a process's page-file quota and the system together, all or nothing: PAGEFILE_QUOTA_EXCEEDED, COMMITMENT_LIMIT
 * (nt52.md 4.3).
 */
export function chargeProcessCommit(system: CommitAccounting, process: ProcessCommit, pages: number): NtStatus {
  if (pages === 0) return Status.SUCCESS;
  const status = process.quota.charge(QuotaType.PageFile, pages);
  if (status !== Status.SUCCESS) return status;
  if (!system.charge(pages)) {
    process.quota.release(QuotaType.PageFile, pages);
    return Status.COMMITMENT_LIMIT;
  }
  process.commitCharge += pages;
  if (process.commitCharge > process.commitChargePeak) process.commitChargePeak = process.commitCharge;
  return Status.SUCCESS;
}

/** Returns what chargeProcessCommit took. */
export function releaseProcessCommit(system: CommitAccounting, process: ProcessCommit, pages: number): void {
  process.commitCharge -= pages;
  process.quota.release(QuotaType.PageFile, pages);
  system.release(pages);
}
