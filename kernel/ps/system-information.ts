import { TICK_INCREMENT } from '../ke/clock.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { Fields } from './information-buffer.js';
import { pageFileList } from './page-file-list.js';
import { processList } from './process-list.js';
import { changePrioritySeparation } from './process-priority.js';
import { fileCacheInformation, performanceInformation } from './system-performance.js';

/** SYSTEM_INFORMATION_CLASS, the ones in use. */
const InformationClass = {
  Basic: 0,
  Processor: 1,
  Performance: 2,
  TimeOfDay: 3,
  Process: 5,
  Device: 7,
  ProcessorPerformance: 8,
  Flags: 9,
  PageFile: 18,
  FileCache: 21,
  Interrupt: 23,
  TimeAdjustment: 28,
  RegistryQuota: 37,
  PrioritySeparation: 39,
  TimeZone: 44,
  RangeStart: 50,
} as const;

interface Query {
  /** Bytes; a longer buffer is right for `atLeast` classes only. */
  readonly size: number;
  readonly atLeast?: boolean;
  readonly fill: (kernel: Kernel) => Uint8Array;
}

const PROCESSOR_ARCHITECTURE_INTEL = 0;

const queries: ReadonlyMap<number, Query> = new Map<number, Query>([
  [InformationClass.Basic, { size: 0x2c, fill: basicInformation }],
  [InformationClass.Processor, { size: 0x0c, fill: processorInformation }],
  [InformationClass.Performance, { size: 0x138, fill: performanceInformation }],
  [InformationClass.TimeOfDay, { size: 0x30, fill: timeOfDay }],
  [InformationClass.Device, { size: 0x18, fill: deviceInformation }],
  [InformationClass.ProcessorPerformance, { size: 0x30, atLeast: true, fill: processorPerformance }],
  [InformationClass.Flags, { size: 4, fill: () => new Uint8Array(4) }],
  [InformationClass.FileCache, { size: 0x24, fill: fileCacheInformation }],
  [InformationClass.Interrupt, { size: 0x18, atLeast: true, fill: interruptInformation }],
  [InformationClass.TimeAdjustment, { size: 0x0c, fill: timeAdjustment }],
  [InformationClass.TimeZone, { size: 0xac, fill: timeZone }],
  [
    InformationClass.RangeStart,
    { size: 4, fill: ({ mm }) => new Fields(4).dword(0, mm.layout.systemRangeStart).bytes },
  ],
]);

/** Classes where a shorter buffer takes what fits. */
const truncating: readonly number[] = [InformationClass.TimeOfDay];

/** NtQuerySystemInformation(class, buffer, length, returned length*). INVALID_INFO_CLASS, INFO_LENGTH_MISMATCH. */
function* querySystemInformation(
  kernel: Kernel,
  informationClass: number,
  buffer: number,
  length: number,
  returnedAddress: number,
): Blocking<NtStatus> {
  const { user } = kernel;
  let status = yield* user.probeForWrite(buffer, length, 4);
  if (isSuccess(status) && returnedAddress !== 0) status = yield* user.probeForWrite(returnedAddress, 4, 4);
  if (!isSuccess(status)) return status;
  const query = queries.get(informationClass);
  let bytes: Uint8Array;
  if (informationClass === InformationClass.Process) {
    bytes = processList(kernel, buffer);
    if (returnedAddress !== 0) user.write32(returnedAddress, bytes.length);
    if (length < bytes.length) return Status.INFO_LENGTH_MISMATCH;
  } else if (informationClass === InformationClass.PageFile) {
    bytes = pageFileList(kernel, buffer);
    if (returnedAddress !== 0) user.write32(returnedAddress, bytes.length);
    if (length < bytes.length || length === 0) return Status.INFO_LENGTH_MISMATCH;
  } else if (query === undefined) {
    return Status.INVALID_INFO_CLASS;
  } else {
    const truncates = truncating.includes(informationClass) && length < query.size;
    const fits = query.atLeast ? length >= query.size : length === query.size;
    if (!truncates && !fits) {
      if (returnedAddress !== 0) user.write32(returnedAddress, query.size);
      return Status.INFO_LENGTH_MISMATCH;
    }
    bytes = query.fill(kernel).subarray(0, length);
    if (returnedAddress !== 0) user.write32(returnedAddress, bytes.length);
  }
  user.writeBytes(buffer, bytes);
  return Status.SUCCESS;
}

/** SYSTEM_BASIC_INFORMATION (nt52.md 12.3). */
function basicInformation(kernel: Kernel): Uint8Array {
  const pages = kernel.memory.frameCount;
  return new Fields(0x2c)
    .dword(0x04, TICK_INCREMENT)
    .dword(0x08, 0x1000)
    .dword(0x0c, pages)
    .dword(0x10, 1)
    .dword(0x14, pages - 1)
    .dword(0x18, 0x10000)
    .dword(0x1c, 0x10000)
    .dword(0x20, kernel.mm.layout.highestUserAddress)
    .dword(0x24, 1)
    .byte(0x28, 1).bytes;
}

/** SYSTEM_PROCESSOR_INFORMATION: what CPUID says, as family 6 model and stepping. */
function processorInformation(): Uint8Array {
  return new Fields(0x0c)
    .word(0x00, PROCESSOR_ARCHITECTURE_INTEL)
    .word(0x02, 6)
    .word(0x04, 0x0d06)
    .dword(0x08, 0x20053fff).bytes;
}

/** SYSTEM_TIMEOFDAY_INFORMATION; the clock is UTC. */
function timeOfDay(kernel: Kernel): Uint8Array {
  return new Fields(0x30).quad(0x00, kernel.options.bootTime).quad(0x08, kernel.ke.systemTime()).bytes;
}

/** SYSTEM_DEVICE_INFORMATION: disks only. */
function deviceInformation(kernel: Kernel): Uint8Array {
  return new Fields(0x18).dword(0, kernel.io.volumes.length).bytes;
}

/** One processor: idle, kernel, user time; kernel time includes idle time. */
function processorPerformance(kernel: Kernel): Uint8Array {
  const elapsed = BigInt(Math.floor(kernel.ke.nanoseconds() / 100));
  const user = BigInt(Math.floor((kernel.cpu.instructionCount * kernel.options.nanosecondsPerInstruction) / 100));
  const idle = elapsed - user;
  return new Fields(0x30).quad(0x00, idle).quad(0x08, idle).quad(0x10, user).dword(0x28, kernel.ke.tickCount()).bytes;
}

function interruptInformation(kernel: Kernel): Uint8Array {
  return new Fields(0x18).dword(0x00, kernel.counters.contextSwitches).dword(0x0c, TICK_INCREMENT).bytes;
}

function timeAdjustment(): Uint8Array {
  return new Fields(0x0c).dword(0x00, TICK_INCREMENT).dword(0x04, TICK_INCREMENT).byte(0x08, 1).bytes;
}

/** RTL_TIME_ZONE_INFORMATION: UTC without daylight saving time. */
function timeZone(): Uint8Array {
  const fields = new Fields(0xac);
  for (const at of [0x04, 0x58]) {
    for (let index = 0; index < 3; index++) fields.word(at + index * 2, 'UTC'.charCodeAt(index));
  }
  return fields.bytes;
}

/** NtSetSystemInformation(class, buffer, length): the preference of foreground processes. Other classes: INVALID_INFO_CLASS. */
function* setSystemInformation(
  kernel: Kernel,
  informationClass: number,
  buffer: number,
  length: number,
): Blocking<NtStatus> {
  const { user } = kernel;
  const probed = yield* user.probeForRead(buffer, length, 4);
  if (!isSuccess(probed)) return probed;
  if (informationClass !== InformationClass.PrioritySeparation) return Status.INVALID_INFO_CLASS;
  if (length !== 4) return Status.INFO_LENGTH_MISMATCH;
  changePrioritySeparation(kernel, user.read32(buffer));
  return Status.SUCCESS;
}

export const systemInformationServices: readonly Service[] = [
  service('NtQuerySystemInformation', querySystemInformation),
  service('NtSetSystemInformation', setSystemInformation),
  service('NtAllocateLocallyUniqueId', function* (kernel, address): Blocking<NtStatus> {
    const probed = yield* kernel.user.probeForWrite(address, 8, 4);
    if (!isSuccess(probed)) return probed;
    kernel.user.write32(address, kernel.ps.allocateLuid());
    kernel.user.write32(address + 4, 0);
    return Status.SUCCESS;
  }),
];
