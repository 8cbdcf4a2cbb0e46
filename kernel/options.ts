import { type HostMemoryLimits, TRANSLATE_AFTER } from '../cpu/index.js';
import type { Account } from './se/account.js';
import type { NtStatus } from './types.js';

/** DEP policy of the boot option /NOEXECUTE. */
export type NoExecutePolicy = 'alwaysoff' | 'alwayson' | 'optin' | 'optout';

/** Products, by what they limit: memory in bytes (nt52.md 16). */
export const skuMemoryLimits = {
  professional: 4 * 2 ** 30,
  web: 2 * 2 ** 30,
  standard: 4 * 2 ** 30,
  enterprise: 64 * 2 ** 30,
  datacenter: 128 * 2 ** 30,
} as const;
export type Sku = keyof typeof skuMemoryLimits;

/**
 * Bytes of memory that a machine with these options uses: products have limits, two-level page tables reach 4 GB, and what /3GB leaves
 * of the system half has room for the page frame database of 16 GB (nt52.md 1.3).
 */
export function usableMemory(options: Pick<MachineOptions, 'memorySize' | 'pae' | 'sku' | 'userSpace'>): number {
  const { memorySize, pae, sku, userSpace } = options;
  const reach = userSpace === null ? MAXIMUM_MEMORY : MAXIMUM_MEMORY_3GB;
  return Math.min(memorySize, skuMemoryLimits[sku], pae ? reach : 2 ** 32);
}

/** 36 bits of physical address. */
const MAXIMUM_MEMORY = 2 ** 36;
const MAXIMUM_MEMORY_3GB = 2 ** 34;

/** How a working set chooses the page to replace: by age (5.2), or in a ring (NT 4). */
export type ReplacementPolicy = 'clock' | 'fifo';

/** A paging file asked for at boot, sizes in bytes. */
export interface PagingFileOptions {
  readonly size: number;
  readonly maximum: number;
}

/** Everything besides the host's input that a run depends on. */
export interface MachineOptions {
  /** Guest RAM in bytes, a multiple of 4 KB (boot option MAXMEM). */
  readonly memorySize: number;
  /** Memory of the host for it. What is touched beyond ends the run; where frames lie changes nothing that a guest can see. */
  readonly hostMemory: HostMemoryLimits;
  /** PAE page tables; two-level ones otherwise. */
  readonly pae: boolean;
  /**
   * Boot options /3GB and /USERVA: megabytes of user space, 2048 to 3072, rounded up to 4; processes whose image is not
   * IMAGE_FILE_LARGE_ADDRESS_AWARE have 2 GB all the same. Null: a boot without, 2 GB.
   */
  readonly userSpace: number | null;
  /** LargePageMinimum: megabytes of memory above which the kernel maps itself by large pages; Infinity for never. */
  readonly largePageMinimum: number;
  readonly noExecute: NoExecutePolicy;
  /** The product, which limits memory. */
  readonly sku: Sku;
  readonly replacement: ReplacementPolicy;
  /** MmClusterPageFileReads: pages beside the wanted one, 0 to 15, that a read of a paging file may bring in with it. */
  readonly clusterPageFileReads: number;
  /** Page frame numbers of memory that is broken: pages of the bad page list from boot on. */
  readonly badPages: readonly number[];
  readonly pagingFiles: readonly PagingFileOptions[];
  /** NT path of the program: \??\C:\dir\prog.exe. */
  readonly imagePath: string;
  /** The whole command line, program name first. */
  readonly commandLine: string;
  /** Current directory as a DOS path: C:\. */
  readonly currentDirectory: string;
  /** Added to the machine's own environment, or replacing; names are case-insensitive. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whom the program runs as. */
  readonly account: Account;
  /** LUIDs of privileges that the account holds beside its own; the program has to enable them. */
  readonly privileges: readonly number[];
  readonly seed: number;
  /** System time at boot, 100 ns units since 1601. */
  readonly bootTime: bigint;
  /** Virtual time that one retired instruction takes. */
  readonly nanosecondsPerInstruction: number;
  /** Instructions after which run() ends with `limit`; Infinity for none. */
  readonly maximumInstructions: number;
  /** Nanoseconds of virtual time since boot after which run() ends with `limit`; Infinity for none. */
  readonly maximumTime: number;
  /** Page faults between two checks of the whole memory manager; 0 for none. An inconsistency ends the run. */
  readonly verifyInterval: number;
  /** The processor's loop is compiled for this machine alone: faster, worth it for the only machine of a process. */
  readonly dedicatedLoop: boolean;
  /** See CpuOptions: how soon the processor translates code. Changes nothing but speed. */
  readonly translateAfter: number;
  readonly trace: TraceOptions;
  /** What goes wrong on purpose. */
  readonly injections: readonly Injection[];
}

/** What the event record shows; categories that are not named are off. */
export interface TraceOptions {
  /** Page faults, with the PTE before and after. */
  readonly faults?: boolean;
  /** Transfers between memory and paging files, and pages read from mapped files. */
  readonly paging?: boolean;
  /** Pages that enter and leave working sets, and changes of limits. */
  readonly workingSet?: boolean;
  /** Section objects, views, and the segments behind them. */
  readonly sections?: boolean;
  /** What the cache manager maps, reads ahead, writes and forgets. */
  readonly cache?: boolean;
  readonly syscalls?: boolean;
  /** Threads and processes that begin and end, and switches of the processor. */
  readonly threads?: boolean;
  /** Every change of a thread's scheduling state, with its priority and what is left of its quantum. */
  readonly scheduling?: boolean;
  readonly modules?: boolean;
  /** Receives each event as a line of JSON without line end; without it, events are only hashed. */
  readonly sink: ((line: string) => void) | null;
}

/**
 * Something that goes wrong on purpose, once, counted from the end of the boot: the n-th paging read or write (of a paging file or
 * a mapped file) has a status, the n-th fault that takes a page waits for one first, the n-th charge of commitment is refused, the
 * frame that the n-th taker of a page is given fails: it is a bad page once nobody needs its contents any more.
 */
export type Injection =
  | { readonly kind: 'read' | 'write'; readonly ordinal: number; readonly status: NtStatus }
  | { readonly kind: 'page' | 'commit' | 'bad-page'; readonly ordinal: number };

/** 2005-03-25 00:00:00 UTC in 100 ns units since 1601. */
const DEFAULT_BOOT_TIME = 127_561_824_000_000_000n;

const MAXIMUM_PAGING_FILE = 0xffff_f000;
const LEAST_MAXIMUM = 2 ** 30;

/** The paging file that setup makes: one and a half times memory, growing to three times, or to 1 GB on small machines. */
function defaultPagingFile(memorySize: number): PagingFileOptions {
  const size = Math.min(Math.floor((memorySize * 1.5) / 0x1000) * 0x1000, MAXIMUM_PAGING_FILE);
  return { size, maximum: Math.min(Math.max(size * 2, LEAST_MAXIMUM), MAXIMUM_PAGING_FILE) };
}

/** Options with NT's defaults for whatever is not given. */
export function machineOptions(given: Partial<MachineOptions> & { readonly imagePath: string }): MachineOptions {
  const memorySize = given.memorySize ?? 128 << 20;
  return {
    memorySize,
    hostMemory: {},
    pae: true,
    userSpace: null,
    largePageMinimum: 255,
    noExecute: 'optin',
    sku: 'enterprise',
    replacement: 'clock',
    clusterPageFileReads: 0,
    badPages: [],
    pagingFiles: [defaultPagingFile(memorySize)],
    commandLine: given.imagePath,
    currentDirectory: 'C:\\',
    environment: {},
    account: 'admin',
    privileges: [],
    seed: 0,
    bootTime: DEFAULT_BOOT_TIME,
    nanosecondsPerInstruction: 1,
    maximumInstructions: Number.POSITIVE_INFINITY,
    maximumTime: Number.POSITIVE_INFINITY,
    verifyInterval: 0,
    dedicatedLoop: false,
    translateAfter: TRANSLATE_AFTER,
    trace: { sink: null },
    injections: [],
    ...given,
  };
}
