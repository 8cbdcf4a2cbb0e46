/**
 * The NT 5.2 address map (nt52.md section 1), for a 2 GB / 2 GB boot.
 *
 *   00000000  no access (64 KB)
 *   00010000  private space, image, DLLs ...
 *   7FFE0000  KUSER_SHARED_DATA, read-only alias             then no access up to 80000000
 *   80000000  loader, kernel and HAL images                   (nothing there: the kernel is TypeScript)
 *   80800000  kernel data
 *   81000000  PFN database, then nonpaged pool
 *   A0000000  session space
 *   C0000000  page tables through the self-map                x86: 4 MB, PAE: 8 MB
 *   C0400000  hyperspace, per process (PAE: C0800000)
 *   C0C00000  working set list of the system's pageable half
 *   C1000000  system cache
 *   E1000000  paged pool
 *   EB000000  system PTEs
 *   FFC00000  HAL: FFDF0000 KUSER_SHARED_DATA, FFDFF000 PCR
 */
export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 0x1000;
export const PAGE_MASK = 0xfff;
export const ALLOCATION_GRANULARITY = 0x10000;

export const LOWEST_USER_ADDRESS = 0x10000;
export const HIGHEST_USER_ADDRESS = 0x7ffeffff;
export const HIGHEST_VAD_ADDRESS = 0x7ffdffff;
export const USER_PROBE_ADDRESS = 0x7fff0000;
export const SYSTEM_RANGE_START = 0x80000000;
/** KUSER_SHARED_DATA as user mode and as the kernel sees it. */
export const SHARED_USER_DATA_USER = 0x7ffe0000;
export const SHARED_USER_DATA = 0xffdf0000;
export const PCR_ADDRESS = 0xffdff000;
/** GDT, IDT and TSS live in the page behind the PCR page of the HAL range, where the loader puts them. */
export const DESCRIPTOR_TABLES = 0xffdfe000;

/** The kernel's own data: page-directory-pointer quads. */
export const KERNEL_DATA = 0x80800000;
export const KERNEL_DATA_END = 0x80c00000;

export const PFN_DATABASE = 0x81000000;
/** Upper end of PFN database plus nonpaged pool. */
export const NONPAGED_POOL_END = 0xa0000000;

export const PTE_BASE = 0xc0000000;
export const PTE_TOP_X86 = 0xc03fffff;
export const PTE_TOP_PAE = 0xc07fffff;
export const PDE_BASE_X86 = 0xc0300000;
export const PDE_BASE_PAE = 0xc0600000;
export const HYPERSPACE_X86 = 0xc0400000;
export const HYPERSPACE_PAE = 0xc0800000;
/** Both formats keep 4 MB for it: one page table, or two of PAE's. */
export const HYPERSPACE_SIZE = 0x400000;
/** Offsets within hyperspace (nt52.md 1.6). */
export const HYPERSPACE_VAD_BITMAP = 0x101000;
export const HYPERSPACE_WORKING_SET_LIST = 0x102000;

/** MmSystemCacheWorkingSetList, up to the system cache. */
export const SYSTEM_CACHE_WORKING_SET_LIST = 0xc0c00000;

/** Views of files through which the cache manager reads and writes, up to paged pool. */
export const SYSTEM_CACHE_START = 0xc1000000;
export const SYSTEM_CACHE_END = 0xe1000000;

export const PAGED_POOL_START = 0xe1000000;
/** The first page of paged pool holds mm's own prototype PTEs; the pool proper begins behind it. */
export const PAGED_POOL_FIRST = 0xe1001000;
export const PAGED_POOL_END = 0xeb000000;
export const SYSTEM_PTE_START = 0xeb000000;
export const SYSTEM_PTE_END = 0xfbe00000;

/** MMWSL (nt52.md 6.2): field offsets; the two arrays have one entry per possible page table. */
export const WSL_USED_PAGE_TABLE_ENTRIES = 0x38;

/** PFN.u3.PageLocation (nt52.md 3.2). */
export const PageLocation = {
  Zeroed: 0,
  Free: 1,
  Standby: 2,
  Modified: 3,
  ModifiedNoWrite: 4,
  Bad: 5,
  Active: 6,
  Transition: 7,
} as const;
export type PageLocation = (typeof PageLocation)[keyof typeof PageLocation];
