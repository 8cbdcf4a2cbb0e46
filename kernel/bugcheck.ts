/** Bugcheck codes and their names (nt52 18). */
const NAMES: Readonly<Record<number, string>> = {
  1: 'APC_INDEX_MISMATCH',
  5: 'INVALID_PROCESS_ATTACH_ATTEMPT',
  10: 'IRQL_NOT_LESS_OR_EQUAL',
  15: 'SPIN_LOCK_ALREADY_OWNED',
  24: 'REFERENCE_BY_POINTER',
  25: 'BAD_POOL_HEADER',
  26: 'MEMORY_MANAGEMENT',
  30: 'KMODE_EXCEPTION_NOT_HANDLED',
  43: 'PANIC_STACK_SWITCH',
  52: 'CACHE_MANAGER',
  63: 'NO_MORE_SYSTEM_PTES',
  65: 'MUST_SUCCEED_POOL_EMPTY',
  74: 'IRQL_GT_ZERO_AT_SYSTEM_SERVICE',
  77: 'NO_PAGES_AVAILABLE',
  78: 'PFN_LIST_CORRUPT',
  80: 'PAGE_FAULT_IN_NONPAGED_AREA',
  107: 'PROCESS1_INITIALIZATION_FAILED',
  118: 'PROCESS_HAS_LOCKED_PAGES',
  119: 'KERNEL_STACK_INPAGE_ERROR',
  122: 'KERNEL_DATA_INPAGE_ERROR',
  125: 'INSTALL_MORE_MEMORY',
  127: 'UNEXPECTED_KERNEL_MODE_TRAP',
  142: 'KERNEL_MODE_EXCEPTION_NOT_HANDLED',
  148: 'KERNEL_STACK_LOCKED_AT_EXIT',
  171: 'SESSION_HAS_VALID_POOL_ON_EXIT',
  184: 'ATTEMPTED_SWITCH_FROM_DPC',
  190: 'ATTEMPTED_WRITE_TO_READONLY_MEMORY',
  193: 'SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION',
  194: 'BAD_POOL_CALLER',
  196: 'DRIVER_VERIFIER_DETECTED_VIOLATION',
  197: 'DRIVER_CORRUPTED_EXPOOL',
  198: 'DRIVER_CAUGHT_MODIFYING_FREED_POOL',
  201: 'DRIVER_VERIFIER_IOMANAGER_VIOLATION',
  203: 'DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS',
  204: 'PAGE_FAULT_IN_FREED_SPECIAL_POOL',
  205: 'PAGE_FAULT_BEYOND_END_OF_ALLOCATION',
  206: 'DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS',
  208: 'DRIVER_CORRUPTED_MMPOOL',
  209: 'DRIVER_IRQL_NOT_LESS_OR_EQUAL',
  211: 'DRIVER_PORTION_MUST_BE_NONPAGED',
  212: 'SYSTEM_SCAN_AT_RAISED_IRQL_CAUGHT_IMPROPER_DRIVER_UNLOAD',
  213: 'DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL',
  214: 'DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION',
  216: 'DRIVER_USED_EXCESSIVE_PTES',
  217: 'LOCKED_PAGES_TRACKER_CORRUPTION',
  218: 'SYSTEM_PTE_MISUSE',
  220: 'DRIVER_INVALID_STACK_ACCESS',
  236: 'SESSION_HAS_VALID_SPECIAL_POOL_ON_EXIT',
  239: 'CRITICAL_PROCESS_DIED',
  244: 'CRITICAL_OBJECT_TERMINATION',
  247: 'DRIVER_OVERRAN_STACK_BUFFER',
  252: 'ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY',
};

/** What a bugcheck reports: code and four parameters, all unsigned 32-bit. */
export interface BugcheckReport {
  readonly code: number;
  readonly parameters: readonly [number, number, number, number];
}

/** The kernel's only throw: thrown by Kernel.bugcheck, caught by Machine. */
export class BugcheckError extends Error {
  readonly report: BugcheckReport;

  constructor(report: BugcheckReport) {
    super(bugcheckText(report));
    this.name = 'BugcheckError';
    this.report = report;
  }
}

/** Symbolic name of a bugcheck code, UNKNOWN where the table has none. */
export function bugcheckName(code: number): string {
  return NAMES[code] ?? 'UNKNOWN';
}

/** The line that NT shows: `*** STOP: 0x000000BE (0x..., 0x..., 0x..., 0x...) ATTEMPTED_WRITE_TO_READONLY_MEMORY`. */
export function bugcheckText(report: BugcheckReport): string {
  const number = (value: number): string => `0x${(value >>> 0).toString(16).toUpperCase().padStart(8, '0')}`;
  return `*** STOP: ${number(report.code)} (${report.parameters.map(number).join(', ')}) ${bugcheckName(report.code)}`;
}

/** @throws BugcheckError always. */
export function bugcheck(code: number, p1 = 0, p2 = 0, p3 = 0, p4 = 0): never {
  throw new BugcheckError({ code: code >>> 0, parameters: [p1 >>> 0, p2 >>> 0, p3 >>> 0, p4 >>> 0] });
}
