import type { PageRead } from './paging.js';

/** What became of a page fault. Values below FIRST_FAILURE let the instruction go on. */
export const FaultOutcome = {
  /** Nothing to do, or something changed meanwhile: run the instruction again. */
  Refault: 0,
  DemandZero: 1,
  CopyOnWrite: 2,
  /** From the standby or modified list. */
  Transition: 3,
  /** A shared page that was already in memory. */
  Shared: 4,
  /** Read from its file. */
  MappedFile: 5,
  PageFile: 6,
  /** A guard page of the stack: the stack has grown. */
  StackGrowth: 7,
  /** The kernel gave the system half's page-directory entry to this process. */
  SystemDirectory: 8,

  AccessViolation: 16,
  GuardPageViolation: 17,
  StackOverflow: 18,
  InPageError: 19,
  /** No frames: taken again a little later, or an in-page error with NO_MEMORY where nobody can wait. */
  NoMemory: 20,
  /** Paging I/O, or free pages, have to be waited for. */
  MustWait: 21,
  /** The thread itself is reading the page, and this fault happened in its wait: an in-page error with MULTIPLE_FAULT_VIOLATION. */
  MultipleFault: 22,
} as const;
export type FaultOutcome = (typeof FaultOutcome)[keyof typeof FaultOutcome];
export const FIRST_FAILURE = 16;

/** How memory was accessed: first parameter of the access-violation exception. */
export const FaultAccess = { Read: 0, Write: 1, Execute: 8 } as const;
export type FaultAccess = (typeof FaultAccess)[keyof typeof FaultAccess];

/** The failure that ke turns into an exception (nt52.md 5.1). */
export interface LastFault {
  /** ACCESS_VIOLATION, GUARD_PAGE_VIOLATION, STACK_OVERFLOW: parameters [access, address]; IN_PAGE_ERROR: + underlyingStatus. */
  status: number;
  address: number;
  access: FaultAccess;
  underlyingStatus: number;
  /** No failure: the thread waits for a read, or for free pages when `read` is null, and tries again. */
  mustWait: boolean;
  read: PageRead | null;
  /** The fault began the read and completes it. */
  startedRead: boolean;
  /** A stack grows, and so many pages of commitment have to be waited for; 0: they need not. */
  commitment: number;
  /** Without a read: milliseconds to let pass before the instruction runs again; 0 to wait for pages. */
  delay: number;
}

/** One `--trace faults` event. */
export interface FaultEvent {
  processId: number;
  eip: number;
  address: number;
  access: FaultAccess;
  user: boolean;
  pteBeforeLow: number;
  pteBeforeHigh: number;
  pteAfterLow: number;
  pteAfterHigh: number;
  outcome: FaultOutcome;
}

const outcomeNames: Readonly<Record<FaultOutcome, string>> = {
  0: 'refault',
  1: 'demand-zero',
  2: 'copy-on-write',
  3: 'transition',
  4: 'shared',
  5: 'mapped-file',
  6: 'page-file',
  7: 'stack-growth',
  8: 'system-directory',
  16: 'access-violation',
  17: 'guard-page',
  18: 'stack-overflow',
  19: 'in-page-error',
  20: 'no-memory',
  21: 'must-wait',
  22: 'multiple-fault',
};

/** An outcome as traces and statistics name it. */
export const faultOutcomeName = (outcome: FaultOutcome): string => outcomeNames[outcome];
