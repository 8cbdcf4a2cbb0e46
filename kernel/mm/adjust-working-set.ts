import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { ABSOLUTE_MINIMUM } from './working-set-limits.js';
import { traceLimits } from './working-set-trace.js';
import { emptyWorkingSet } from './working-set-trim.js';

const PAGE = 0x1000;
const FLUID_PAGES = 8;
/** Pages that no working set may take from the rest of the system. */
const RESERVED_PAGES = 512;
const EMPTY = 0xffffffff;

/** QUOTA_LIMITS_EX.Flags. */
export const HardLimit = { MinimumEnable: 1, MinimumDisable: 2, MaximumEnable: 4, MaximumDisable: 8 } as const;
const ALL_FLAGS = 0xf;

/** A request for other working set limits. */
export interface WorkingSetRequest {
  /** Bytes; both FFFFFFFF empty the working set, 0 keeps what is. */
  readonly minimum: number;
  readonly maximum: number;
  readonly flags: number;
  /** The caller holds SeIncreaseBasePriorityPrivilege. */
  readonly mayRaise: boolean;
}

/**
 * MmAdjustWorkingSetSizeEx (nt52.md 6.4): BAD_WORKING_SET_LIMIT, PRIVILEGE_NOT_HELD, INSUFFICIENT_RESOURCES, INVALID_PARAMETER
 * (flags); WORKING_SET_LIMIT_RANGE is a success that says the limits were brought into range.
 * Environment: PASSIVE_LEVEL, does not wait.
 */
export function adjustWorkingSet(mm: MemoryManager, space: AddressSpace, request: WorkingSetRequest): NtStatus {
  const { flags } = request;
  if ((flags & ~ALL_FLAGS) !== 0 || (flags & 3) === 3 || (flags & 12) === 12) return Status.INVALID_PARAMETER;
  if (request.minimum === EMPTY && request.maximum === EMPTY) {
    emptyWorkingSet(mm, space);
    return Status.SUCCESS;
  }
  const { vm } = space;
  let minimum = request.minimum === 0 ? vm.minimum : Math.floor(request.minimum / PAGE);
  let maximum = request.maximum === 0 ? vm.maximum : Math.floor(request.maximum / PAGE);
  if (minimum > maximum) return Status.BAD_WORKING_SET_LIMIT;
  let status: NtStatus = Status.SUCCESS;
  const highest = Math.max(ABSOLUTE_MINIMUM, mm.lists.availablePages + space.workingSetSize - RESERVED_PAGES);
  if (minimum > highest) {
    minimum = highest;
    status = Status.WORKING_SET_LIMIT_RANGE;
  }
  if (maximum > highest) {
    maximum = highest;
    status = Status.WORKING_SET_LIMIT_RANGE;
  }
  if (minimum < ABSOLUTE_MINIMUM) {
    minimum = ABSOLUTE_MINIMUM;
    status = Status.WORKING_SET_LIMIT_RANGE;
  }
  maximum = Math.max(maximum, minimum);
  if (space.workingSet.firstDynamic + FLUID_PAGES >= maximum) return Status.BAD_WORKING_SET_LIMIT;
  const hardMinimum = flagged(flags, HardLimit.MinimumEnable, HardLimit.MinimumDisable, vm.hardMinimum);
  const hardMaximum = flagged(flags, HardLimit.MaximumEnable, HardLimit.MaximumDisable, vm.hardMaximum);
  if (hardMinimum && hardMaximum && minimum + FLUID_PAGES >= maximum) return Status.BAD_WORKING_SET_LIMIT;
  if (minimum > vm.minimum && !request.mayRaise) return Status.PRIVILEGE_NOT_HELD;
  if (!mm.resident.charge('workingSets', minimum - vm.minimum)) return Status.INSUFFICIENT_RESOURCES;
  vm.minimum = minimum;
  vm.maximum = maximum;
  vm.hardMinimum = hardMinimum;
  vm.hardMaximum = hardMaximum;
  traceLimits(mm, space);
  return status;
}

function flagged(flags: number, enable: number, disable: number, now: boolean): boolean {
  if ((flags & enable) !== 0) return true;
  return (flags & disable) !== 0 ? false : now;
}
