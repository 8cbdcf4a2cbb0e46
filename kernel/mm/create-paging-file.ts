import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import { Privilege } from '../se/privilege.js';
import type { Blocking, NtStatus } from '../types.js';
import { MAXIMUM_PAGING_FILES } from './paging-file.js';
import { HostPagingStorage, MemoryPagingStorage, type PagingStorage } from './paging-storage.js';
import { holdsPrivilege } from './service-support.js';

const PAGE = 0x1000;
/** A paging file has 1 MB at least and 2^20 - 1 pages at most. */
const MINIMUM_SIZE = 0x10_0000n;
const MAXIMUM_SIZE = 0xffff_f000n;
const MAXIMUM_NAME = 0x100;
/** A path on a drive: the only kind of volume that there is. */
const DRIVE_PATH = /^\\(?:\?\?|DosDevices)\\([A-Z]):\\[^\\]/i;

/**
 * NtCreatePagingFile(Name, MinimumSize*, MaximumSize*, Priority): one more paging file, or greater limits for one that there is
 * already. TOO_MANY_PAGING_FILES, PRIVILEGE_NOT_HELD, probe statuses, INVALID_PARAMETER_2, INVALID_PARAMETER_3,
 * OBJECT_NAME_INVALID, UNRECOGNIZED_VOLUME, in this order (nt52.md 7.5).
 */
function* createPagingFile(
  kernel: Kernel,
  nameAddress: number,
  minimumAddress: number,
  maximumAddress: number,
): Blocking<NtStatus> {
  const { mm, user } = kernel;
  if (mm.paging.files.length === MAXIMUM_PAGING_FILES) return Status.TOO_MANY_PAGING_FILES;
  if (!holdsPrivilege(kernel, Privilege.CREATE_PAGEFILE)) return Status.PRIVILEGE_NOT_HELD;
  let status = yield* user.probeForRead(nameAddress, 8, 4);
  if (status === Status.SUCCESS) status = yield* user.probeForRead(maximumAddress, 8, 4);
  if (status === Status.SUCCESS) status = yield* user.probeForRead(minimumAddress, 8, 4);
  if (status !== Status.SUCCESS) return status;
  const minimum = user.read64(minimumAddress);
  const maximum = user.read64(maximumAddress);
  if (minimum > MAXIMUM_SIZE || minimum < MINIMUM_SIZE) return Status.INVALID_PARAMETER_2;
  if (maximum > MAXIMUM_SIZE || minimum > maximum) return Status.INVALID_PARAMETER_3;
  const length = user.read16(nameAddress);
  if (length === 0 || length > MAXIMUM_NAME) return Status.OBJECT_NAME_INVALID;
  const name = yield* user.readUnicodeString(nameAddress);
  if (name.status !== Status.SUCCESS) return name.status;
  const drive = DRIVE_PATH.exec(name.text)?.[1]?.toUpperCase();
  if (drive === undefined || !kernel.host.volumes.has(drive)) return Status.UNRECOGNIZED_VOLUME;
  return addPagingFile(kernel, name.text, Number(minimum) / PAGE, Number(maximum) / PAGE);
}

/** Makes a paging file of so many pages, or gives the one of this name greater limits. */
export function addPagingFile(kernel: Kernel, name: string, minimumSize: number, maximumSize: number): NtStatus {
  const { paging } = kernel.mm;
  const minimum = Math.floor(minimumSize);
  const maximum = Math.floor(maximumSize);
  const wanted = name.toUpperCase();
  const existing = paging.files.find((file) => file.name.toUpperCase() === wanted);
  if (existing !== undefined) {
    if (minimum < existing.minimum) return Status.INVALID_PARAMETER_2;
    if (maximum < existing.maximum) return Status.INVALID_PARAMETER_3;
    return paging.grow(existing, minimum, maximum) ? Status.SUCCESS : Status.INSUFFICIENT_RESOURCES;
  }
  if (paging.files.length === MAXIMUM_PAGING_FILES) return Status.TOO_MANY_PAGING_FILES;
  const storage = storageFor(kernel, paging.files.length, minimum * PAGE);
  if (typeof storage === 'number') return storage;
  paging.create(name, minimum, maximum, storage);
  return Status.SUCCESS;
}

/** The host's own store where it has one. */
function storageFor(kernel: Kernel, number: number, size: number): PagingStorage | NtStatus {
  const made = kernel.host.createPagingFile?.(number, size) ?? null;
  if (typeof made === 'number') return made;
  return made === null ? new MemoryPagingStorage() : new HostPagingStorage(made);
}

export const pagingFileServices: readonly Service[] = [service('NtCreatePagingFile', createPagingFile)];
