import type { Kernel } from '../kernel.js';
import { adjustWorkingSet, HardLimit } from '../mm/adjust-working-set.js';
import { FaultWatch } from '../mm/fault-watch.js';
import { makeProcessResident } from '../mm/outswap.js';
import { holdsPrivilege } from '../mm/service-support.js';
import { Status } from '../ntstatus.js';
import { Privilege } from '../se/privilege.js';
import type { NtStatus } from '../types.js';
import { Fields } from './information-buffer.js';
import type { EProcess } from './process.js';
import { type ProcessQuota, QuotaBlock, type Quotas, QuotaType, UNLIMITED } from './quota.js';

/** Classes of NtQueryInformationProcess and NtSetInformationProcess that are about memory. */

const PAGE = 0x1000;
/** QUOTA_LIMITS_EX.Flags. */
const QUOTA_FLAGS = 0x30;
const NO_LIMITS: Readonly<Quotas> = [UNLIMITED, UNLIMITED, UNLIMITED];
const NOTHING: Readonly<Quotas> = [0, 0, 0];
/** {FaultingPc, FaultingVa}. */
const WATCH_ENTRY_SIZE = 8;

/** QUOTA_LIMITS, or QUOTA_LIMITS_EX with its Flags. Sizes in bytes. */
export function quotaLimits(_kernel: Kernel, process: EProcess, size: number): Uint8Array {
  const vm = process.pcb.addressSpace?.vm;
  const limit = process.quotaBlock?.limit ?? NO_LIMITS;
  const fields = new Fields(size)
    .dword(0x00, limit[QuotaType.PagedPool])
    .dword(0x04, limit[QuotaType.NonPagedPool])
    .dword(0x08, (vm?.minimum ?? 0) * PAGE)
    .dword(0x0c, (vm?.maximum ?? 0) * PAGE)
    .dword(0x10, pagesToBytes(limit[QuotaType.PageFile]))
    .quad(0x18, 0x7fffffffffffffffn);
  if (size > QUOTA_FLAGS) {
    const minimum = vm?.hardMinimum === true ? HardLimit.MinimumEnable : HardLimit.MinimumDisable;
    const maximum = vm?.hardMaximum === true ? HardLimit.MaximumEnable : HardLimit.MaximumDisable;
    fields.dword(QUOTA_FLAGS, minimum | maximum);
  }
  return fields.bytes;
}

/**
 * NtSetInformationProcess(ProcessQuotaLimits): the working set's limits (nt52.md 6.4), or, when both of them are 0, those of the
 * quota block: PRIVILEGE_NOT_HELD, INSUFFICIENT_RESOURCES. A limit of 0 means none. A process that shares the default block gets one
 * of its own; another block is changed for all who share it.
 */
export function setQuotaLimits(kernel: Kernel, process: EProcess, view: DataView): NtStatus {
  const space = process.pcb.addressSpace;
  if (space === null) return Status.PROCESS_IS_TERMINATING;
  const minimum = view.getUint32(0x08, true);
  const maximum = view.getUint32(0x0c, true);
  if (minimum === 0 && maximum === 0) return setQuotaBlock(kernel, space.quota, view);
  if (space.outSwapped) makeProcessResident(kernel.mm, space);
  return adjustWorkingSet(kernel.mm, space, {
    minimum,
    maximum,
    flags: view.byteLength > QUOTA_FLAGS ? view.getUint32(QUOTA_FLAGS, true) : 0,
    mayRaise: holdsPrivilege(kernel, Privilege.INCREASE_BASE_PRIORITY),
  });
}

function setQuotaBlock(kernel: Kernel, quota: ProcessQuota, view: DataView): NtStatus {
  if (!holdsPrivilege(kernel, Privilege.INCREASE_QUOTA)) return Status.PRIVILEGE_NOT_HELD;
  const block = quota.block.isDefault ? QuotaBlock.create(kernel.ex.pool) : quota.block;
  if (block === null) return Status.INSUFFICIENT_RESOURCES;
  block.limit[QuotaType.PagedPool] = givenLimit(view.getUint32(0x00, true));
  block.limit[QuotaType.NonPagedPool] = givenLimit(view.getUint32(0x04, true));
  const pageFile = givenLimit(view.getUint32(0x10, true));
  block.limit[QuotaType.PageFile] = pageFile === UNLIMITED ? UNLIMITED : Math.floor(pageFile / PAGE);
  quota.moveTo(block);
  return Status.SUCCESS;
}

const givenLimit = (limit: number): number => (limit === 0 ? UNLIMITED : limit);
const pagesToBytes = (pages: number): number => Math.min(pages * PAGE, UNLIMITED);

/** VM_COUNTERS, or VM_COUNTERS_EX with PrivateUsage. In bytes. */
export function vmCounters(_kernel: Kernel, process: EProcess, size: number): Uint8Array {
  const space = process.pcb.addressSpace;
  const fields = new Fields(size);
  if (space === null) return fields.bytes;
  fields
    .dword(0x00, space.peakVirtualSize)
    .dword(0x04, space.virtualSize)
    .dword(0x08, space.pageFaultCount)
    .dword(0x0c, space.peakWorkingSetSize * PAGE)
    .dword(0x10, space.workingSetSize * PAGE)
    .dword(0x14, space.quota.peak[QuotaType.PagedPool])
    .dword(0x18, space.quota.usage[QuotaType.PagedPool])
    .dword(0x1c, space.quota.peak[QuotaType.NonPagedPool])
    .dword(0x20, space.quota.usage[QuotaType.NonPagedPool])
    .dword(0x24, space.commitCharge * PAGE)
    .dword(0x28, space.commitChargePeak * PAGE);
  if (size >= 0x30) fields.dword(0x2c, space.commitCharge * PAGE);
  return fields.bytes;
}

/** POOLED_USAGE_AND_LIMITS of the quota block, for all processes that share it: pool in bytes, paging file in pages. */
export function pooledUsage(_kernel: Kernel, process: EProcess): Uint8Array {
  const block = process.quotaBlock;
  const fields = new Fields(0x24);
  for (const [index, type] of [QuotaType.PagedPool, QuotaType.NonPagedPool, QuotaType.PageFile].entries()) {
    fields
      .dword(index * 0xc, (block?.peak ?? NOTHING)[type])
      .dword(index * 0xc + 4, (block?.usage ?? NOTHING)[type])
      .dword(index * 0xc + 8, (block?.limit ?? NO_LIMITS)[type]);
  }
  return fields.bytes;
}

/** IO_COUNTERS: operations, then bytes, each of reads, writes and others. */
export function ioCounters(_kernel: Kernel, process: EProcess): Uint8Array {
  const { io } = process;
  return new Fields(0x30)
    .quad(0x00, BigInt(io.readOperations))
    .quad(0x08, BigInt(io.writeOperations))
    .quad(0x10, BigInt(io.otherOperations))
    .quad(0x18, BigInt(io.bytesRead))
    .quad(0x20, BigInt(io.bytesWritten)).bytes;
}

/** Begins the working set watch; PORT_ALREADY_SET: it has been. */
export function startWorkingSetWatch(_kernel: Kernel, process: EProcess): NtStatus {
  const space = process.pcb.addressSpace;
  if (space === null) return Status.PROCESS_IS_TERMINATING;
  if (space.faultWatch !== null) return Status.PORT_ALREADY_SET;
  space.faultWatch = new FaultWatch();
  return Status.SUCCESS;
}

/**
 * PROCESS_WS_WATCH_INFORMATION of every fault since the last query, and one with a FaultingPc of 0 at the end. UNSUCCESSFUL: not
 * watched; NO_MORE_ENTRIES: there was none; INFO_LENGTH_MISMATCH, BUFFER_TOO_SMALL, which forget nothing.
 */
export function workingSetWatch(_kernel: Kernel, process: EProcess, size: number): Uint8Array | NtStatus {
  if (size < WATCH_ENTRY_SIZE) return Status.INFO_LENGTH_MISMATCH;
  const watch = process.pcb.addressSpace?.faultWatch ?? null;
  if (watch === null) return Status.UNSUCCESSFUL;
  if (watch.count === 0) return Status.NO_MORE_ENTRIES;
  const needed = (watch.count + 1) * WATCH_ENTRY_SIZE;
  if (size < needed) return Status.BUFFER_TOO_SMALL;
  const fields = new Fields(needed);
  for (const [index, value] of watch.take().entries()) fields.dword(index * 4, value);
  return fields.bytes;
}
