/** Pages that charges for programs leave free: 5 MB, 1 MB on small machines (nt52 7.5). */
const RESERVE = 0x500;
const SMALL_RESERVE = 0x100;
/** Machines up to 19 MB are small (nt52 3.7). */
const SMALL_MACHINE_PAGES = 0x1300;

/**
 * System commit: how many pages have been promised backing, and how many can be. Until page files exist the limit is
 * the memory that boot left; page files raise it.
 */
export class CommitAccounting {
  /** All in pages. */
  limit: number;
  charged = 0;
  peak = 0;
  readonly reserve: number;
  /** Fault injection: true refuses a charge. */
  refuse: (() => boolean) | null = null;
  /** Makes paging files bigger by so many pages, and with them the limit; false when that cannot be. */
  extend: ((pages: number) => boolean) | null = null;

  constructor(limit: number, physicalPages: number) {
    this.limit = limit;
    this.reserve = physicalPages <= SMALL_MACHINE_PAGES ? SMALL_RESERVE : RESERVE;
  }

  /** MiChargeCommitment for programs' memory: false is COMMITMENT_LIMIT and changes nothing. */
  charge(pages: number): boolean {
    if (pages !== 0 && (this.refuse?.() === true || !this.#fits(pages + this.reserve))) return false;
    this.#add(pages);
    return true;
  }

  /** For the kernel's own needs (page tables, stacks, pool), which may use the reserve too. */
  chargeSystem(pages: number): boolean {
    if (this.refuse?.() === true || !this.#fits(pages)) return false;
    this.#add(pages);
    return true;
  }

  /** Returns pages to the system. */
  release(pages: number): void {
    this.charged -= pages;
  }

  #fits(pages: number): boolean {
    const missing = this.charged + pages - this.limit;
    if (missing <= 0) return true;
    return this.extend?.(missing) === true && this.charged + pages <= this.limit;
  }

  #add(pages: number): void {
    this.charged += pages;
    if (this.charged > this.peak) this.peak = this.charged;
  }
}

/** The part of an address space that commit accounting reads and writes. In pages. */
export interface ProcessCommit {
  commitCharge: number;
  commitChargePeak: number;
  /** 0: no limit of its own. */
  commitChargeLimit: number;
}

/** Charges process and system together, all or nothing; false is COMMITMENT_LIMIT. */
export function chargeProcessCommit(system: CommitAccounting, process: ProcessCommit, pages: number): boolean {
  if (pages === 0) return true;
  const wanted = process.commitCharge + pages;
  if (process.commitChargeLimit !== 0 && wanted > process.commitChargeLimit) return false;
  if (!system.charge(pages)) return false;
  process.commitCharge = wanted;
  if (wanted > process.commitChargePeak) process.commitChargePeak = wanted;
  return true;
}

/** Returns what chargeProcessCommit took. */
export function releaseProcessCommit(system: CommitAccounting, process: ProcessCommit, pages: number): void {
  process.commitCharge -= pages;
  system.release(pages);
}
