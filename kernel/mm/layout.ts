/**
 * The NT 5.2 address map (nt52.md section 1). What depends on how the system was booted is in AddressLayout; what is the same for
 * all boots are constants.
 *
 *   2 GB / 2 GB              /3GB /USERVA=n
 *   00000000                 00000000             no access (64 KB)
 *   00010000                 00010000             private space, image, DLLs ...
 *   7FFE0000                 7FFE0000             KUSER_SHARED_DATA, read-only alias; PEB and TEBs below it
 *                            80000000             private space of images that know large addresses, up to n MB
 *                            n MB                 more system PTEs, up to C0000000
 *   80000000                                      loader, kernel and HAL images (nothing there: the kernel is TypeScript)
 *   80800000                 D0800000             kernel data
 *   81000000                 D1000000             PFN database, then nonpaged pool
 *   A0000000                 CD000000             session space
 *   C0000000                 C0000000             page tables through the self-map; x86: 4 MB, PAE: 8 MB
 *   C0400000                 C0400000             hyperspace, per process (PAE: C0800000)
 *   C0C00000                 C0C00000             working set list of the system's pageable half
 *   C1000000                 C1000000             system cache: 512 MB, or 192 MB
 *   E1000000                 E1000000             paged pool
 *   EB000000                 EB000000             system PTEs
 *   FFC00000                 FFC00000             HAL: FFDF0000 KUSER_SHARED_DATA, FFDFF000 PCR
 */
export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 0x1000;
export const PAGE_MASK = 0xfff;
export const ALLOCATION_GRANULARITY = 0x10000;

export const LOWEST_USER_ADDRESS = 0x10000;
/** KUSER_SHARED_DATA as user mode and as the kernel sees it. */
export const SHARED_USER_DATA_USER = 0x7ffe0000;
export const SHARED_USER_DATA = 0xffdf0000;
export const PCR_ADDRESS = 0xffdff000;
/** GDT, IDT and TSS live in the page behind the PCR page of the HAL range, where the loader puts them. */
export const DESCRIPTOR_TABLES = 0xffdfe000;

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

/** Views of files through which the cache manager reads and writes. */
export const SYSTEM_CACHE_START = 0xc1000000;

export const PAGED_POOL_START = 0xe1000000;
/** The first page of paged pool holds mm's own prototype PTEs; the pool proper begins behind it. */
export const PAGED_POOL_FIRST = 0xe1001000;
export const PAGED_POOL_END = 0xeb000000;
export const SYSTEM_PTE_START = 0xeb000000;
export const SYSTEM_PTE_END = 0xfbe00000;

/** Addresses that the boot options /3GB and /USERVA move (nt52.md 1.3). All are unsigned; ends are the first address behind. */
export interface AddressLayout {
  /** MmHighestUserAddress, MM_HIGHEST_VAD_ADDRESS, MmUserProbeAddress, MmSystemRangeStart. */
  readonly highestUserAddress: number;
  readonly highestVadAddress: number;
  readonly userProbeAddress: number;
  readonly systemRangeStart: number;
  /** The kernel's own data: page-directory-pointer quads. */
  readonly kernelData: number;
  readonly kernelDataEnd: number;
  readonly pfnDatabase: number;
  /** Upper end of PFN database plus nonpaged pool. */
  readonly nonPagedPoolEnd: number;
  /** Most bytes of nonpaged pool. */
  readonly nonPagedPoolMaximum: number;
  readonly sessionSpace: number;
  readonly sessionSpaceEnd: number;
  readonly systemCacheEnd: number;
  /** What is left between user space and the page tables, for system PTEs; both are PTE_BASE when there is nothing. */
  readonly extraSystemPtes: number;
  readonly extraSystemPtesEnd: number;
}

const MEGABYTE = 0x10_0000;
/** User space is a multiple of this: what a page table maps. */
const USER_SPACE_STEP = 4;
/** Two address pages of 64 KB end user space: the shared data page's, and one that nobody may touch. */
const GUARD = ALLOCATION_GRANULARITY;
/** What the loader adds to the addresses of kernel, PFN database and nonpaged pool. */
const VIRTUAL_BIAS = 0x5000_0000;

/**
 * The address map of a boot.
 * @param userSpace megabytes of user space, 2048 to 3072, rounded up to 4, of a boot with /3GB; null: a boot without
 */
export function addressLayout(userSpace: number | null): AddressLayout {
  const start = userSpace === null ? 0x8000_0000 : Math.ceil(userSpace / USER_SPACE_STEP) * USER_SPACE_STEP * MEGABYTE;
  const bias = userSpace === null ? 0 : VIRTUAL_BIAS;
  return {
    highestUserAddress: start - GUARD - 1,
    highestVadAddress: start - 2 * GUARD - 1,
    userProbeAddress: start - GUARD,
    systemRangeStart: start,
    kernelData: 0x8080_0000 + bias,
    kernelDataEnd: 0x80c0_0000 + bias,
    pfnDatabase: 0x8100_0000 + bias,
    nonPagedPoolEnd: userSpace === null ? 0xa000_0000 : PAGED_POOL_START,
    nonPagedPoolMaximum: (userSpace === null ? 256 : 128) * MEGABYTE,
    sessionSpace: userSpace === null ? 0xa000_0000 : 0xcd00_0000,
    sessionSpaceEnd: userSpace === null ? PTE_BASE : 0xd000_0000,
    systemCacheEnd: userSpace === null ? PAGED_POOL_START : 0xcd00_0000,
    extraSystemPtes: userSpace === null ? PTE_BASE : start,
    extraSystemPtesEnd: PTE_BASE,
  };
}

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
