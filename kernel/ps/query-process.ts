import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { encodeUtf16 } from '../mm/user-memory.js';
import { isSuccess, Status } from '../ntstatus.js';
import { assignPrimaryToken } from '../se/primary-token.js';
import type { Blocking, NtStatus } from '../types.js';
import { setExecuteOptions } from './execute-options.js';
import { Fields } from './information-buffer.js';
import { userTimeOf } from './job.js';
import type { EProcess } from './process.js';
import { raisePriority, setBasePriority, setForeground, setPriorityClass } from './process-priority.js';
import { ProcessAccess } from './process-services.js';
import {
  ioCounters,
  pooledUsage,
  quotaLimits,
  setQuotaLimits,
  startWorkingSetWatch,
  vmCounters,
  workingSetWatch,
} from './query-process-memory.js';

/** PROCESSINFOCLASS, the ones in use. */
const InformationClass = {
  Basic: 0,
  QuotaLimits: 1,
  IoCounters: 2,
  VmCounters: 3,
  Times: 4,
  BasePriority: 5,
  RaisePriority: 6,
  DebugPort: 7,
  AccessToken: 9,
  DefaultHardErrorMode: 12,
  PooledUsage: 14,
  WorkingSetWatch: 15,
  UserModeIopl: 16,
  PriorityClass: 18,
  HandleCount: 20,
  AffinityMask: 21,
  PriorityBoost: 22,
  SessionInformation: 24,
  Foreground: 25,
  Wow64: 26,
  ImageFileName: 27,
  BreakOnTermination: 29,
  DebugFlags: 31,
  ExecuteFlags: 34,
  Cookie: 36,
  ImageInformation: 37,
} as const;

const NO_DEBUG_INHERIT_CLEAR = 1;

/** How a class is answered: sizes that are accepted (null: any), and the bytes. */
interface Query {
  readonly sizes: readonly number[] | null;
  readonly fill: (kernel: Kernel, process: EProcess, size: number) => Uint8Array | NtStatus;
}

const dword = (read: (process: EProcess, kernel: Kernel) => number): Query => ({
  sizes: [4],
  fill: (kernel, process) => new Fields(4).dword(0, read(process, kernel)).bytes,
});

const queries: ReadonlyMap<number, Query> = new Map<number, Query>([
  [InformationClass.Basic, { sizes: [0x18], fill: basicInformation }],
  [InformationClass.QuotaLimits, { sizes: [0x20, 0x38], fill: quotaLimits }],
  [InformationClass.IoCounters, { sizes: [0x30], fill: ioCounters }],
  [InformationClass.VmCounters, { sizes: [0x2c, 0x30], fill: vmCounters }],
  [InformationClass.Times, { sizes: [0x20], fill: times }],
  [InformationClass.DebugPort, dword(() => 0)],
  [InformationClass.DefaultHardErrorMode, dword((process) => process.hardErrorMode)],
  [InformationClass.PooledUsage, { sizes: [0x24], fill: pooledUsage }],
  [InformationClass.WorkingSetWatch, { sizes: null, fill: workingSetWatch }],
  [InformationClass.PriorityClass, { sizes: [2], fill: (_kernel, process) => Uint8Array.of(0, process.priorityClass) }],
  [InformationClass.HandleCount, dword((process) => process.handleTable.count)],
  [InformationClass.PriorityBoost, dword((process) => (process.pcb.disableBoost ? 1 : 0))],
  [InformationClass.SessionInformation, dword(() => 0)],
  [InformationClass.Wow64, dword(() => 0)],
  [InformationClass.BreakOnTermination, dword(() => 0)],
  [InformationClass.DebugFlags, dword(() => NO_DEBUG_INHERIT_CLEAR)],
  [InformationClass.ExecuteFlags, dword((process) => process.executeOptions)],
  [InformationClass.Cookie, dword(cookie)],
  [InformationClass.ImageInformation, { sizes: [0x30], fill: imageInformation }],
]);

/** NtQueryInformationProcess. INVALID_INFO_CLASS, INFO_LENGTH_MISMATCH, handle statuses. */
function* queryInformationProcess(
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
  const isName = informationClass === InformationClass.ImageFileName;
  const query = queries.get(informationClass);
  if (query === undefined && !isName) return Status.INVALID_INFO_CLASS;
  if (query?.sizes?.includes(length) === false) return Status.INFO_LENGTH_MISMATCH;
  const found = ob.peekObjectByHandle(handle, ob.types.process, ProcessAccess.QUERY_INFORMATION);
  if (found.object === null) return found.status;
  const process = found.object.body;
  const bytes = query === undefined ? imageFileName(process, buffer) : query.fill(kernel, process, length);
  if (typeof bytes === 'number') return bytes;
  if (returnedAddress !== 0) user.write32(returnedAddress, bytes.length);
  if (bytes.length > length) return Status.INFO_LENGTH_MISMATCH;
  user.writeBytes(buffer, bytes);
  return Status.SUCCESS;
}

function basicInformation(_kernel: Kernel, process: EProcess): Uint8Array {
  return new Fields(0x18)
    .dword(0x00, process.pcb.exitStatus)
    .dword(0x04, process.pcb.peb)
    .dword(0x08, process.affinity)
    .dword(0x0c, process.pcb.basePriority)
    .dword(0x10, process.processId)
    .dword(0x14, process.inheritedFromProcessId).bytes;
}

/** Kernel code takes no virtual time: all of it is user time. */
function times(_kernel: Kernel, process: EProcess): Uint8Array {
  return new Fields(0x20)
    .quad(0x00, process.createTime)
    .quad(0x08, process.exitTime)
    .quad(0x10, BigInt(process.pcb.kernelTime))
    .quad(0x18, BigInt(userTimeOf(process))).bytes;
}

/** Made when first asked for, from the seed, the time and the process id. */
function cookie(process: EProcess, kernel: Kernel): number {
  if (process.cookie === 0) {
    const mixed = kernel.options.seed ^ Math.imul(process.processId, 0x9e3779b1) ^ kernel.ke.tickCount();
    process.cookie = (mixed | 1) >>> 0;
  }
  return process.cookie;
}

function imageInformation(_kernel: Kernel, process: EProcess): Uint8Array | NtStatus {
  const image = process.imageSection?.body.segment.imageInformation ?? null;
  if (image === null) return Status.INVALID_HANDLE;
  return new Fields(0x30)
    .dword(0x00, image.transferAddress)
    .dword(0x04, image.zeroBits)
    .dword(0x08, image.maximumStackSize)
    .dword(0x0c, image.committedStackSize)
    .dword(0x10, image.subSystemType)
    .word(0x14, image.subSystemMinorVersion)
    .word(0x16, image.subSystemMajorVersion)
    .word(0x1c, image.characteristics)
    .word(0x1e, image.dllCharacteristics)
    .word(0x20, image.machine)
    .byte(0x22, image.containsCode ? 1 : 0)
    .dword(0x24, image.loaderFlags)
    .dword(0x28, image.imageFileSize).bytes;
}

function imageFileName(process: EProcess, buffer: number): Uint8Array {
  const section = process.imageSection?.body;
  const text = encodeUtf16(section?.controlArea.file?.name ?? process.imagePath);
  const fields = new Fields(8 + text.length + 2)
    .word(0, text.length)
    .word(2, text.length + 2)
    .dword(4, buffer + 8);
  fields.bytes.set(text, 8);
  return fields.bytes;
}

/** What a class of NtSetInformationProcess takes and does. */
interface Change {
  /** Null: any, and nothing is read. */
  readonly sizes: readonly number[] | null;
  /** PROCESS_SET_INFORMATION when not given. */
  readonly access?: number;
  readonly apply: (kernel: Kernel, process: EProcess, view: DataView) => NtStatus;
}

const changes: ReadonlyMap<number, Change> = new Map<number, Change>([
  [InformationClass.QuotaLimits, { sizes: [0x20, 0x38], access: ProcessAccess.SET_QUOTA, apply: setQuotaLimits }],
  [InformationClass.BasePriority, { sizes: [4], apply: setBasePriority }],
  [InformationClass.RaisePriority, { sizes: [4], apply: raisePriority }],
  [
    InformationClass.AccessToken,
    {
      sizes: [8],
      apply: (kernel, process, view) => assignPrimaryToken(kernel, process, view.getUint32(0, true)),
    },
  ],
  [
    InformationClass.DefaultHardErrorMode,
    {
      sizes: [4],
      apply: (_kernel, process, view) => {
        process.hardErrorMode = view.getUint32(0, true);
        return Status.SUCCESS;
      },
    },
  ],
  [InformationClass.WorkingSetWatch, { sizes: null, apply: startWorkingSetWatch }],
  [InformationClass.PriorityClass, { sizes: [2], apply: setPriorityClass }],
  [InformationClass.Foreground, { sizes: [1], apply: setForeground }],
  [InformationClass.AffinityMask, { sizes: [4], apply: setAffinity }],
  [
    InformationClass.PriorityBoost,
    {
      sizes: [4],
      apply: (_kernel, process, view) => {
        const { pcb } = process;
        pcb.disableBoost = view.getUint32(0, true) !== 0;
        for (const thread of pcb.threads) thread.disableBoost = pcb.disableBoost;
        return Status.SUCCESS;
      },
    },
  ],
  [InformationClass.ExecuteFlags, { sizes: [4], apply: setExecuteOptions }],
]);

function* setInformationProcess(
  kernel: Kernel,
  handle: number,
  informationClass: number,
  buffer: number,
  length: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  const change = changes.get(informationClass);
  if (change === undefined) return Status.INVALID_INFO_CLASS;
  const { sizes } = change;
  if (sizes?.includes(length) === false) return Status.INFO_LENGTH_MISMATCH;
  const probed = yield* user.probeForRead(buffer, length, length < 4 ? 1 : 4);
  if (!isSuccess(probed)) return probed;
  const found = ob.peekObjectByHandle(handle, ob.types.process, change.access ?? ProcessAccess.SET_INFORMATION);
  if (found.object === null) return found.status;
  if (found.object.body.exiting) return Status.PROCESS_IS_TERMINATING;
  const bytes = user.readBytes(buffer, sizes === null ? 0 : length);
  return change.apply(kernel, found.object.body, new DataView(bytes.buffer));
}

/** There is one processor. */
function setAffinity(_kernel: Kernel, _process: EProcess, view: DataView): NtStatus {
  return view.getUint32(0, true) === 1 ? Status.SUCCESS : Status.INVALID_PARAMETER;
}

export const queryProcessServices: readonly Service[] = [
  service('NtQueryInformationProcess', queryInformationProcess),
  service('NtSetInformationProcess', setInformationProcess),
];
