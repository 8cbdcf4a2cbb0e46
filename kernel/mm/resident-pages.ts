/** Why pages are promised to stay in memory; or why they can be promised to nobody, since they failed after boot. */
export type ResidentReason = 'workingSets' | 'kernelStacks' | 'nonPagedPool' | 'awe' | 'largePages' | 'badPages';

/**
 * MmResidentAvailablePages (nt52.md 3.7): how many pages of memory can still be promised to those who must have them, by
 * reason. In pages.
 */
export class ResidentPages {
  /** What boot left for promises. */
  readonly limit: number;
  readonly charged: Record<ResidentReason, number> = {
    workingSets: 0,
    kernelStacks: 0,
    nonPagedPool: 0,
    awe: 0,
    largePages: 0,
    badPages: 0,
  };

  constructor(limit: number) {
    this.limit = limit;
  }

  /** What can still be promised; negative when the kernel had to have more than there was. */
  get available(): number {
    const { workingSets, kernelStacks, nonPagedPool, awe, largePages, badPages } = this.charged;
    return this.limit - workingSets - kernelStacks - nonPagedPool - awe - largePages - badPages;
  }

  /** Promises pages; false is INSUFFICIENT_RESOURCES and changes nothing. A negative number gives pages back. */
  charge(reason: ResidentReason, pages: number): boolean {
    if (pages > 0 && pages > this.available) return false;
    this.charged[reason] += pages;
    return true;
  }

  /** For what cannot be refused: the pages are in memory already. */
  chargeAnyway(reason: ResidentReason, pages: number): void {
    this.charged[reason] += pages;
  }

  release(reason: ResidentReason, pages: number): void {
    this.charged[reason] -= pages;
  }
}
