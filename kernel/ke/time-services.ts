import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { type Blocking, type NtStatus, ntStatus } from '../types.js';
import { TICK_INCREMENT } from './clock.js';
import { probeOptional } from './object-service.js';
import { type Service, service } from './service.js';

/** NtQueryPerformanceCounter counts 100 ns units. */
const PERFORMANCE_FREQUENCY = 10_000_000n;
const NANOSECONDS_PER_COUNT = 100;
/** Finest clock period that a real machine offers. */
const MAXIMUM_RESOLUTION = 10_000;
const TIMER_RESOLUTION_NOT_SET = ntStatus(0xc0000245);

function* querySystemTime(kernel: Kernel, timeAddress: number): Blocking<NtStatus> {
  const probed = yield* kernel.user.probeForWrite(timeAddress, 8);
  if (!isSuccess(probed)) return probed;
  kernel.user.write64(timeAddress, kernel.ke.systemTime());
  return Status.SUCCESS;
}

function* setSystemTime(kernel: Kernel, newTime: number, previousTime: number): Blocking<NtStatus> {
  const readable = yield* kernel.user.probeForRead(newTime, 8);
  if (!isSuccess(readable)) return readable;
  const probed = yield* probeOptional(kernel, previousTime, 8);
  if (!isSuccess(probed)) return probed;
  const time = BigInt.asIntN(64, kernel.user.read64(newTime));
  if (time <= 0n) return Status.INVALID_PARAMETER;
  const before = kernel.ke.systemTime();
  kernel.ke.setSystemTime(time);
  if (previousTime !== 0) kernel.user.write64(previousTime, before);
  return Status.SUCCESS;
}

function* queryPerformanceCounter(kernel: Kernel, counter: number, frequency: number): Blocking<NtStatus> {
  const probed = yield* kernel.user.probeForWrite(counter, 8);
  if (!isSuccess(probed)) return probed;
  const optional = yield* probeOptional(kernel, frequency, 8);
  if (!isSuccess(optional)) return optional;
  kernel.user.write64(counter, BigInt(Math.floor(kernel.ke.nanoseconds() / NANOSECONDS_PER_COUNT)));
  if (frequency !== 0) kernel.user.write64(frequency, PERFORMANCE_FREQUENCY);
  return Status.SUCCESS;
}

function* queryTimerResolution(kernel: Kernel, minimum: number, maximum: number, current: number): Blocking<NtStatus> {
  for (const address of [minimum, maximum, current]) {
    const probed = yield* kernel.user.probeForWrite(address, 4);
    if (!isSuccess(probed)) return probed;
  }
  kernel.user.write32(minimum, TICK_INCREMENT);
  kernel.user.write32(maximum, MAXIMUM_RESOLUTION);
  kernel.user.write32(current, TICK_INCREMENT);
  return Status.SUCCESS;
}

/** The clock keeps its period; the caller is told so, as on hardware that cannot do what was asked. */
function* setTimerResolution(kernel: Kernel, _desired: number, set: number, current: number): Blocking<NtStatus> {
  const probed = yield* kernel.user.probeForWrite(current, 4);
  if (!isSuccess(probed)) return probed;
  kernel.user.write32(current, TICK_INCREMENT);
  return (set & 0xff) !== 0 ? Status.SUCCESS : TIMER_RESOLUTION_NOT_SET;
}

/** Clocks. */
export const timeServices: readonly Service[] = [
  service('NtQuerySystemTime', querySystemTime),
  service('NtSetSystemTime', setSystemTime),
  service('NtQueryPerformanceCounter', queryPerformanceCounter),
  service('NtQueryTimerResolution', queryTimerResolution),
  service('NtSetTimerResolution', setTimerResolution),
];
