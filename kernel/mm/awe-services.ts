import { AccessKind } from '../../cpu/index.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import { Privilege } from '../se/privilege.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { allocateAwePages, aweRegionOf, checkAweFrames, freeAwePages, mapAwePage, unmapAwePage } from './awe.js';
import { PAGE_SHIFT, PAGE_SIZE } from './layout.js';
import { addressSpaceOf, holdsPrivilege, ProcessRight, probeDword, writeDword } from './service-support.js';

/** MAXULONG_PTR / sizeof(ULONG_PTR), MAXULONG_PTR / PAGE_SIZE. */
const MAXIMUM_ARRAY = 0x3fffffff;
const MAXIMUM_PAGES = 0xfffff;
/** Entries of a program's array that are looked at in one piece. */
const PIECE = 0x4000;

/**
 * NtAllocateUserPhysicalPages(Process, Count*, Frames*): nt52.md 9.7. In order: SUCCESS for 0 pages, INVALID_PARAMETER_2,
 * ACCESS_VIOLATION, the handle, PRIVILEGE_NOT_HELD. Count says afterwards how many there were.
 */
function ntAllocateUserPhysicalPages(kernel: Kernel, process: number, count: number, array: number): NtStatus {
  let status = probeDword(kernel, count);
  if (status !== Status.SUCCESS) return status;
  const wanted = kernel.user.read32(count);
  if (wanted === 0) return Status.SUCCESS;
  if (wanted > MAXIMUM_ARRAY) return Status.INVALID_PARAMETER_2;
  status = kernel.user.probe(array, wanted * 4, 4, AccessKind.Write);
  if (status !== Status.SUCCESS) return status;
  const space = addressSpaceOf(kernel, process, ProcessRight.VmOperation);
  if (typeof space === 'number') return space;
  if (!holdsPrivilege(kernel, Privilege.LOCK_MEMORY)) return Status.PRIVILEGE_NOT_HELD;
  const pages = allocateAwePages(kernel.mm.context, space, wanted);
  if (pages.status !== Status.SUCCESS) return pages.status;
  kernel.user.writeBytes(array, new Uint8Array(pages.frames.buffer));
  kernel.user.clearFailure();
  writeDword(kernel, count, pages.frames.length);
  return pages.status;
}

/**
 * NtFreeUserPhysicalPages(Process, Count*, Frames*): INVALID_PARAMETER_2 for 0 pages or too many, ACCESS_VIOLATION, the handle,
 * CONFLICTING_ADDRESSES at the first page that is not the process's. Count says afterwards how many were freed.
 */
function ntFreeUserPhysicalPages(kernel: Kernel, process: number, count: number, array: number): NtStatus {
  const { mm, user } = kernel;
  let status = probeDword(kernel, count);
  if (status !== Status.SUCCESS) return status;
  const given = user.read32(count);
  if (given === 0 || given > MAXIMUM_ARRAY) return Status.INVALID_PARAMETER_2;
  status = user.probe(array, given * 4, 4, AccessKind.Read);
  if (status !== Status.SUCCESS) return status;
  const space = addressSpaceOf(kernel, process, ProcessRight.VmOperation);
  if (typeof space === 'number') return space;
  let done = 0;
  while (done < given && status === Status.SUCCESS) {
    const piece = readArray(kernel, array + done * 4, Math.min(PIECE, given - done));
    const result = freeAwePages(mm, space, piece);
    status = result.status;
    done += result.freed;
  }
  writeDword(kernel, count, done);
  return status;
}

/**
 * NtMapUserPhysicalPages(Address, Count, Frames*): maps pages of the caller one after the other, in place of what was mapped
 * there; Frames NULL unmaps. All or nothing: INVALID_PARAMETER_2 (count), ACCESS_VIOLATION, INVALID_PARAMETER_1 (no region has
 * all the pages), CONFLICTING_ADDRESSES, INVALID_PARAMETER_3.
 */
function ntMapUserPhysicalPages(kernel: Kernel, address: number, count: number, array: number): NtStatus {
  const { mm } = kernel;
  const start = address - (address % PAGE_SIZE);
  const end = start + count * PAGE_SIZE;
  if (count > MAXIMUM_PAGES || end > 0x1_0000_0000) return Status.INVALID_PARAMETER_2;
  if (array !== 0) {
    const status = kernel.user.probe(array, count * 4, 4, AccessKind.Read);
    if (status !== Status.SUCCESS) return status;
  }
  if (count === 0) return Status.SUCCESS;
  const space = mm.current;
  const vad = aweRegionOf(space, start >>> PAGE_SHIFT, (end - 1) >>> PAGE_SHIFT);
  if (vad === null) return Status.INVALID_PARAMETER_1;
  if (array !== 0) {
    const frames = readArray(kernel, array, count);
    const status = checkAweFrames(mm, space, frames, (mapped) => mapped < start || mapped >= end);
    if (status !== Status.SUCCESS) return status;
    for (let page = start; page < end; page += PAGE_SIZE) unmapAwePage(mm, space, page);
    for (let index = 0; index < count; index++) mapAwePage(mm, space, vad, start + index * PAGE_SIZE, frames[index]);
    return Status.SUCCESS;
  }
  for (let page = start; page < end; page += PAGE_SIZE) unmapAwePage(mm, space, page);
  return Status.SUCCESS;
}

/**
 * NtMapUserPhysicalPagesScatter(Addresses*, Count, Frames*): as NtMapUserPhysicalPages, each page at an address of its own, in
 * any of the caller's regions. An address that is named twice maps what was named last.
 */
function ntMapUserPhysicalPagesScatter(kernel: Kernel, addresses: number, count: number, array: number): NtStatus {
  const { mm, user } = kernel;
  if (count > MAXIMUM_PAGES) return Status.INVALID_PARAMETER_2;
  let status = user.probe(addresses, count * 4, 4, AccessKind.Read);
  if (status === Status.SUCCESS && array !== 0) status = user.probe(array, count * 4, 4, AccessKind.Read);
  if (status !== Status.SUCCESS) return status;
  if (count === 0) return Status.SUCCESS;
  const space = mm.current;
  const pages = readArray(kernel, addresses, count).map((address) => address - (address % PAGE_SIZE));
  for (const page of pages) if (regionOfPage(space, page) === null) return Status.INVALID_PARAMETER_1;
  const frames = array === 0 ? null : readArray(kernel, array, count);
  if (frames !== null) {
    const targets = new Set(pages);
    status = checkAweFrames(mm, space, frames, (mapped) => !targets.has(mapped));
    if (status !== Status.SUCCESS) return status;
  }
  for (const page of pages) unmapAwePage(mm, space, page);
  if (frames === null) return Status.SUCCESS;
  for (let index = 0; index < count; index++) {
    const vad = regionOfPage(space, pages[index]);
    if (vad === null) continue;
    unmapAwePage(mm, space, pages[index]);
    mapAwePage(mm, space, vad, pages[index], frames[index]);
  }
  return Status.SUCCESS;
}

const regionOfPage = (space: AddressSpace, page: number) =>
  aweRegionOf(space, page >>> PAGE_SHIFT, page >>> PAGE_SHIFT);

/** Dwords of a program, probed before. What went away since reads as 0, which is no frame. */
function readArray(kernel: Kernel, address: number, count: number): Uint32Array {
  const bytes = kernel.user.readBytes(address, count * 4);
  kernel.user.clearFailure();
  return new Uint32Array(bytes.buffer);
}

/** Address Windowing Extensions. */
export const aweServices: readonly Service[] = [
  service('NtAllocateUserPhysicalPages', ntAllocateUserPhysicalPages),
  service('NtFreeUserPhysicalPages', ntFreeUserPhysicalPages),
  service('NtMapUserPhysicalPages', ntMapUserPhysicalPages),
  service('NtMapUserPhysicalPagesScatter', ntMapUserPhysicalPagesScatter),
];
