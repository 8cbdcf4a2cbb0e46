import { priorityIncrement, SATURATION_INCREMENT } from '../ke/priority.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { assignImpersonationToken } from '../se/impersonation.js';
import { type Blocking, type NtStatus, virtualAddress } from '../types.js';
import { Fields } from './information-buffer.js';
import { isRealTime, mayRaise } from './process-priority.js';
import type { EThread } from './thread.js';
import { ThreadAccess } from './thread-services.js';

/** THREADINFOCLASS, the ones in use. */
const InformationClass = {
  Basic: 0,
  Times: 1,
  Priority: 2,
  BasePriority: 3,
  AffinityMask: 4,
  ImpersonationToken: 5,
  Win32StartAddress: 9,
  ZeroTlsCell: 10,
  PerformanceCount: 11,
  AmILastThread: 12,
  IdealProcessor: 13,
  PriorityBoost: 14,
  IsIoPending: 16,
  HideFromDebugger: 17,
  BreakOnTermination: 18,
} as const;

interface Query {
  readonly size: number;
  readonly fill: (kernel: Kernel, thread: EThread) => Uint8Array;
}

const dword = (read: (thread: EThread) => number): Query => ({
  size: 4,
  fill: (_kernel, thread) => new Fields(4).dword(0, read(thread)).bytes,
});

const queries: ReadonlyMap<number, Query> = new Map<number, Query>([
  [InformationClass.Basic, { size: 0x1c, fill: (_kernel, thread) => basicInformation(thread) }],
  [InformationClass.Times, { size: 0x20, fill: (_kernel, thread) => times(thread) }],
  [InformationClass.Win32StartAddress, dword((thread) => thread.win32StartAddress)],
  [
    InformationClass.PerformanceCount,
    { size: 8, fill: (kernel) => new Fields(8).quad(0, BigInt(Math.floor(kernel.ke.nanoseconds()))).bytes },
  ],
  [InformationClass.AmILastThread, dword((thread) => (thread.process.threads.length === 1 ? 1 : 0))],
  [InformationClass.PriorityBoost, dword((thread) => (thread.tcb.disableBoost ? 1 : 0))],
  [InformationClass.IsIoPending, dword(() => 0)],
  [InformationClass.BreakOnTermination, dword((thread) => (thread.breakOnTermination ? 1 : 0))],
]);

function* queryInformationThread(
  kernel: Kernel,
  handle: number,
  informationClass: number,
  buffer: number,
  length: number,
  returnedAddress: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  let status = yield* user.probeForWrite(buffer, length, 4);
  if (isSuccess(status) && returnedAddress !== 0) status = yield* user.probeForWrite(returnedAddress, 4, 4);
  if (!isSuccess(status)) return status;
  const query = queries.get(informationClass);
  if (query === undefined) return Status.INVALID_INFO_CLASS;
  if (length !== query.size) return Status.INFO_LENGTH_MISMATCH;
  const found = ob.peekObjectByHandle(handle, ob.types.thread, ThreadAccess.QUERY_INFORMATION);
  if (found.object === null) return found.status;
  user.writeBytes(buffer, query.fill(kernel, found.object.body));
  if (returnedAddress !== 0) user.write32(returnedAddress, length);
  return Status.SUCCESS;
}

/** THREAD_BASIC_INFORMATION; the base priority is the increment relative to the process. */
function basicInformation(thread: EThread): Uint8Array {
  const { tcb } = thread;
  return new Fields(0x1c)
    .dword(0x00, tcb.exitStatus)
    .dword(0x04, tcb.teb)
    .dword(0x08, thread.process.processId)
    .dword(0x0c, thread.threadId)
    .dword(0x10, tcb.affinity)
    .dword(0x14, tcb.priority)
    .dword(0x18, priorityIncrement(tcb)).bytes;
}

function times(thread: EThread): Uint8Array {
  return new Fields(0x20)
    .quad(0x00, thread.createTime)
    .quad(0x08, thread.exitTime)
    .quad(0x10, 0n)
    .quad(0x18, BigInt(Math.floor(thread.tcb.userNanoseconds / 100))).bytes;
}

interface Change {
  readonly size: number;
  /** Right of the handle, when it is not THREAD_SET_INFORMATION. */
  readonly access?: number;
  readonly apply: (kernel: Kernel, thread: EThread, value: number) => NtStatus;
}

const changes: ReadonlyMap<number, Change> = new Map<number, Change>([
  [InformationClass.Priority, { size: 4, apply: setPriority }],
  [InformationClass.BasePriority, { size: 4, apply: setBasePriority }],
  [InformationClass.AffinityMask, { size: 4, apply: setAffinity }],
  [
    InformationClass.ImpersonationToken,
    { size: 4, access: ThreadAccess.SET_THREAD_TOKEN, apply: assignImpersonationToken },
  ],
  [
    InformationClass.Win32StartAddress,
    {
      size: 4,
      apply: (_kernel, thread, value) => {
        thread.win32StartAddress = virtualAddress(value);
        return Status.SUCCESS;
      },
    },
  ],
  [InformationClass.ZeroTlsCell, { size: 4, apply: zeroTlsCell }],
  [
    InformationClass.IdealProcessor,
    { size: 4, apply: (_kernel, _thread, value) => (value <= 32 ? Status.SUCCESS : Status.INVALID_PARAMETER) },
  ],
  [
    InformationClass.PriorityBoost,
    {
      size: 4,
      apply: (_kernel, thread, value) => {
        thread.tcb.disableBoost = value !== 0;
        return Status.SUCCESS;
      },
    },
  ],
  [
    InformationClass.HideFromDebugger,
    {
      size: 0,
      apply: (_kernel, thread) => {
        thread.hideFromDebugger = true;
        return Status.SUCCESS;
      },
    },
  ],
]);

function* setInformationThread(
  kernel: Kernel,
  handle: number,
  informationClass: number,
  buffer: number,
  length: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  const change = changes.get(informationClass);
  if (change === undefined) return Status.INVALID_INFO_CLASS;
  if (length !== change.size) return Status.INFO_LENGTH_MISMATCH;
  const probed = yield* user.probeForRead(buffer, length, 4);
  if (!isSuccess(probed)) return probed;
  const found = ob.peekObjectByHandle(handle, ob.types.thread, change.access ?? ThreadAccess.SET_INFORMATION);
  if (found.object === null) return found.status;
  return change.apply(kernel, found.object.body, length === 0 ? 0 : user.read32(buffer));
}

/** 1 to 31; the real-time ones take SeIncreaseBasePriorityPrivilege. */
function setPriority(kernel: Kernel, thread: EThread, value: number): NtStatus {
  const priority = value | 0;
  if (priority < 1 || priority > 31) return Status.INVALID_PARAMETER;
  if (isRealTime(priority) && !mayRaise(kernel)) return Status.PRIVILEGE_NOT_HELD;
  kernel.ke.setPriority(thread.tcb, priority);
  return Status.SUCCESS;
}

/** Increments of -2 to 2, and 16 and -16 for saturation; real-time processes take -7 to 6 too. */
function setBasePriority(kernel: Kernel, thread: EThread, value: number): NtStatus {
  const increment = value | 0;
  const takesMore = isRealTime(thread.tcb.process.basePriority) && increment >= -7 && increment <= 6;
  const inRange = Math.abs(increment) <= 2 || Math.abs(increment) === SATURATION_INCREMENT;
  if (!inRange && !takesMore) return Status.INVALID_PARAMETER;
  kernel.ke.setBasePriority(thread.tcb, increment);
  return Status.SUCCESS;
}

function setAffinity(_kernel: Kernel, _thread: EThread, value: number): NtStatus {
  return value === 1 ? Status.SUCCESS : Status.INVALID_PARAMETER;
}

const TLS_MINIMUM = 64;
const TLS_EXPANSION = 1024;
const TEB_TLS_SLOTS = 0xe10;
const TEB_TLS_EXPANSION = 0xf94;

/** Clears a TLS slot in every thread of the caller's process: TlsAlloc of a slot that was used before. */
function zeroTlsCell(kernel: Kernel, thread: EThread, index: number): NtStatus {
  const { user, ke } = kernel;
  if (thread.tcb !== ke.currentThread) return Status.INVALID_PARAMETER;
  if (index >= TLS_MINIMUM + TLS_EXPANSION) return Status.INVALID_PARAMETER;
  for (const other of thread.process.threads) {
    const { teb } = other.tcb;
    if (teb === 0) continue;
    if (index < TLS_MINIMUM) {
      user.write32(teb + TEB_TLS_SLOTS + index * 4, 0);
      continue;
    }
    const slots = user.read32(teb + TEB_TLS_EXPANSION);
    if (slots !== 0) user.write32(slots + (index - TLS_MINIMUM) * 4, 0);
  }
  user.clearFailure();
  return Status.SUCCESS;
}

export const queryThreadServices: readonly Service[] = [
  service('NtQueryInformationThread', queryInformationThread),
  service('NtSetInformationThread', setInformationThread),
];
