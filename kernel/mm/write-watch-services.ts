import { AccessKind } from '../../cpu/index.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import { PAGE_SHIFT, PAGE_SIZE } from './layout.js';
import { addressSpaceOf, ProcessRight, probeDword, writeDword } from './service-support.js';
import { isWritten, resetWriteWatch, watchedRegion } from './write-watch.js';

const FLAG_RESET = 1;
const MAXIMUM_ARRAY = 0x3fffffff;

/** Arguments of NtGetWriteWatch. */
interface WatchRequest {
  readonly process: number;
  readonly flags: number;
  readonly base: number;
  readonly size: number;
  readonly addresses: number;
  readonly count: number;
  readonly granularity: number;
}

/**
 * NtGetWriteWatch(Process, Flags, Base, Size, Addresses*, Count*, Granularity*): addresses of written pages in ascending order, as
 * many as Count allows, and resets these if Flags is 1. In order: INVALID_PARAMETER_2, INVALID_PARAMETER_3, ACCESS_VIOLATION,
 * INVALID_PARAMETER_5, the handle, INVALID_PARAMETER_4, INVALID_PARAMETER_1.
 */
function getWriteWatch(kernel: Kernel, request: WatchRequest): NtStatus {
  const { base, size, addresses, granularity } = request;
  const { user, mm } = kernel;
  const { highestUserAddress } = mm.layout;
  if (request.flags > FLAG_RESET || base > highestUserAddress) return Status.INVALID_PARAMETER_2;
  if (size > highestUserAddress - base) return Status.INVALID_PARAMETER_3;
  let status = probeDword(kernel, request.count);
  if (status !== Status.SUCCESS) return status;
  const room = user.read32(request.count);
  if (room === 0 || room > MAXIMUM_ARRAY) return Status.INVALID_PARAMETER_5;
  status = user.probe(addresses, room * 4, 4, AccessKind.Write);
  if (status === Status.SUCCESS) status = probeDword(kernel, granularity);
  if (status !== Status.SUCCESS) return status;
  const space = addressSpaceOf(kernel, request.process, ProcessRight.VmOperation);
  if (typeof space === 'number') return space;
  if (size === 0) return Status.INVALID_PARAMETER_4;
  const vad = watchedRegion(space, base, size);
  if (vad === null) return Status.INVALID_PARAMETER_1;
  const written: number[] = [];
  const last = (base + size - 1) >>> PAGE_SHIFT;
  for (let vpn = base >>> PAGE_SHIFT; vpn <= last && written.length < room; vpn++) {
    if (isWritten(mm, space, vad, vpn)) written.push(vpn);
  }
  if (request.flags === FLAG_RESET) for (const vpn of written) resetWriteWatch(mm, space, vad, vpn, vpn);
  for (const [index, vpn] of written.entries()) user.write32(addresses + index * 4, vpn * PAGE_SIZE);
  user.clearFailure();
  writeDword(kernel, request.count, written.length);
  writeDword(kernel, granularity, PAGE_SIZE);
  return Status.SUCCESS;
}

/** NtResetWriteWatch(Process, Base, Size): INVALID_PARAMETER_2, INVALID_PARAMETER_3, the handle, INVALID_PARAMETER_1. */
function ntResetWriteWatch(kernel: Kernel, process: number, base: number, size: number): NtStatus {
  const { highestUserAddress } = kernel.mm.layout;
  if (base > highestUserAddress) return Status.INVALID_PARAMETER_2;
  if (size > highestUserAddress - base) return Status.INVALID_PARAMETER_3;
  const space = addressSpaceOf(kernel, process, ProcessRight.VmOperation);
  if (typeof space === 'number') return space;
  if (size === 0) return Status.INVALID_PARAMETER_3;
  const vad = watchedRegion(space, base, size);
  if (vad === null) return Status.INVALID_PARAMETER_1;
  resetWriteWatch(kernel.mm, space, vad, base >>> PAGE_SHIFT, (base + size - 1) >>> PAGE_SHIFT);
  return Status.SUCCESS;
}

/** Write watch. */
export const writeWatchServices: readonly Service[] = [
  service('NtGetWriteWatch', (kernel, process, flags, base, size, addresses, count, granularity) =>
    getWriteWatch(kernel, { process, flags, base, size, addresses, count, granularity }),
  ),
  service('NtResetWriteWatch', ntResetWriteWatch),
];
