import { AccessKind } from '../../cpu/index.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { Privilege } from '../se/privilege.js';
import type { Blocking, NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import {
  allocateVirtualMemory,
  checkAllocationRange,
  checkAllocationType,
  MemoryType,
} from './allocate-virtual-memory.js';
import { aweServices } from './awe-services.js';
import { pagingFileServices } from './create-paging-file.js';
import { canExtendFor, waitForCommitment } from './dereference-thread.js';
import { checkFreeRange, checkFreeType, freeVirtualMemory } from './free-virtual-memory.js';
import { PAGE_SHIFT, PAGE_SIZE } from './layout.js';
import { lockServices } from './lock-virtual-memory.js';
import { checkProtectRange, protectVirtualMemory } from './protect-virtual-memory.js';
import { INVALID_PROTECTION, makeProtectionMask, PageProtection } from './protection.js';
import { queryMappedFileName, queryVirtualMemory } from './query-virtual-memory.js';
import { copyVirtualMemory, leavesUserHalf } from './remote-memory.js';
import { sectionServices } from './section-services.js';
import {
  addressSpaceOf,
  holdsPrivilege,
  ProcessRight,
  probeDword,
  probeDwords,
  writeDword,
} from './service-support.js';
import { encodeUtf16 } from './user-memory.js';
import { queryWorkingSetEx, queryWorkingSetList } from './working-set-query.js';
import { writeWatchServices } from './write-watch-services.js';

/** NtAllocateVirtualMemory(Process, Base*, ZeroBits, Size*, Type, Protect): nt52 9.1. */
function ntAllocateVirtualMemory(
  kernel: Kernel,
  process: number,
  baseAddress: number,
  zeroBits: number,
  regionSize: number,
  type: number,
  protection: number,
): NtStatus | Blocking<NtStatus> {
  return allocate(kernel, { process, baseAddress, zeroBits, regionSize, type, protection }, true);
}

/** The service's arguments. */
interface AllocateArguments {
  readonly process: number;
  readonly baseAddress: number;
  readonly zeroBits: number;
  readonly regionSize: number;
  readonly type: number;
  readonly protection: number;
}

/** @param mayExtend paging files may have to grow first, which is waited for */
function allocate(kernel: Kernel, given: AllocateArguments, mayExtend: boolean): NtStatus | Blocking<NtStatus> {
  const { process, baseAddress, zeroBits, regionSize, type, protection } = given;
  let status = checkAllocationType(zeroBits, type, protection);
  if (status === Status.SUCCESS) status = probeDwords(kernel, baseAddress, regionSize);
  if (status !== Status.SUCCESS) return status;
  const base = kernel.user.read32(baseAddress);
  const size = kernel.user.read32(regionSize);
  status = checkAllocationRange(kernel.mm.layout, base, size);
  if (status !== Status.SUCCESS) return status;
  const space = addressSpaceOf(kernel, process, ProcessRight.VmOperation);
  if (typeof space === 'number') return space;
  const needsPrivilege = (type & MemoryType.LargePages) !== 0;
  if (needsPrivilege && !holdsPrivilege(kernel, Privilege.LOCK_MEMORY)) return Status.PRIVILEGE_NOT_HELD;
  const committed = (type & MemoryType.Commit) === 0 ? 0 : Math.ceil(size / PAGE_SIZE);
  if (mayExtend && canExtendFor(kernel.mm, committed)) return allocateWhenExtended(kernel, given, committed);
  const result = allocateVirtualMemory(kernel, space, { base, zeroBits, size, type, protection });
  if (result.status !== Status.SUCCESS) return result.status;
  writeDword(kernel, regionSize, result.size);
  writeDword(kernel, baseAddress, result.base);
  return result.status;
}

/** The service begins anew when the dereference segment thread has tried to make paging files bigger. */
function* allocateWhenExtended(kernel: Kernel, given: AllocateArguments, pages: number): Blocking<NtStatus> {
  yield* waitForCommitment(kernel, pages);
  const result = allocate(kernel, given, false);
  return typeof result === 'number' ? result : yield* result;
}

/** NtFreeVirtualMemory(Process, Base*, Size*, FreeType): nt52 9.2. */
function ntFreeVirtualMemory(
  kernel: Kernel,
  process: number,
  baseAddress: number,
  regionSize: number,
  type: number,
): NtStatus {
  let status = checkFreeType(type);
  if (status === Status.SUCCESS) status = probeDwords(kernel, baseAddress, regionSize);
  if (status !== Status.SUCCESS) return status;
  const base = kernel.user.read32(baseAddress);
  const size = kernel.user.read32(regionSize);
  status = checkFreeRange(kernel.mm.layout, base, size);
  if (status !== Status.SUCCESS) return status;
  const space = addressSpaceOf(kernel, process, ProcessRight.VmOperation);
  if (typeof space === 'number') return space;
  const result = freeVirtualMemory(kernel, space, base, size, type);
  if (result.status !== Status.SUCCESS) return result.status;
  writeDword(kernel, regionSize, result.size);
  writeDword(kernel, baseAddress, result.base);
  return result.status;
}

/** NtProtectVirtualMemory(Process, Base*, Size*, NewProtect, OldProtect*): nt52 9.3. */
function ntProtectVirtualMemory(
  kernel: Kernel,
  process: number,
  baseAddress: number,
  regionSize: number,
  protection: number,
  oldProtection: number,
): NtStatus | Blocking<NtStatus> {
  if (makeProtectionMask(protection) === INVALID_PROTECTION) return Status.INVALID_PAGE_PROTECTION;
  let status = probeDwords(kernel, baseAddress, regionSize);
  if (status === Status.SUCCESS) status = probeDword(kernel, oldProtection);
  if (status !== Status.SUCCESS) return status;
  const base = kernel.user.read32(baseAddress);
  const size = kernel.user.read32(regionSize);
  status = checkProtectRange(kernel.mm.layout, base, size);
  if (status !== Status.SUCCESS) return status;
  const space = addressSpaceOf(kernel, process, ProcessRight.VmOperation);
  if (typeof space === 'number') return space;
  const request = { space, base, size, protection, baseAddress, regionSize, oldProtection };
  const isView = space.vads.find(base >>> PAGE_SHIFT)?.privateMemory === false;
  const pages = isView ? Math.ceil(size / PAGE_SIZE) : 0;
  return canExtendFor(kernel.mm, pages) ? protectWhenExtended(kernel, request, pages) : protect(kernel, request);
}

/** Parameters that are right, and where to say what became of them. */
interface ProtectRequest {
  readonly space: AddressSpace;
  readonly base: number;
  readonly size: number;
  readonly protection: number;
  readonly baseAddress: number;
  readonly regionSize: number;
  readonly oldProtection: number;
}

function protect(kernel: Kernel, request: ProtectRequest): NtStatus {
  const { space, protection } = request;
  const result = protectVirtualMemory(kernel, space, request.base, request.size, protection);
  if (!isSuccess(result.status)) return result.status;
  if ((protection & PageProtection.Guard) !== 0 && space === kernel.mm.current) {
    raiseStackLimit(kernel, result.base, result.size);
  }
  writeDword(kernel, request.regionSize, result.size);
  writeDword(kernel, request.baseAddress, result.base);
  writeDword(kernel, request.oldProtection, result.oldProtection);
  return result.status;
}

/** Pages of a view may become copies: paging files grow for them first, as far as they can. */
function* protectWhenExtended(kernel: Kernel, request: ProtectRequest, pages: number): Blocking<NtStatus> {
  yield* waitForCommitment(kernel, pages);
  return protect(kernel, request);
}

/** A guard put into the running thread's own stack is its new end (recovery from an overflow, nt52 5.3). */
function raiseStackLimit(kernel: Kernel, base: number, size: number): void {
  const { teb } = kernel.ke.currentThread;
  if (teb === 0) return;
  const { user } = kernel;
  const stackBase = user.read32(teb + 4);
  const stackLimit = user.read32(teb + 8);
  if (base >= stackLimit && base + size < stackBase) user.write32(teb + 8, base + size);
  user.clearFailure();
}

const MemoryInformation = { Basic: 0, WorkingSetList: 1, SectionName: 2, WorkingSetEx: 4 } as const;
const BASIC_INFORMATION_SIZE = 0x1c;

function checkQueryLength(informationClass: number, length: number): NtStatus {
  if (informationClass === MemoryInformation.SectionName) return Status.SUCCESS;
  if (informationClass === MemoryInformation.Basic) {
    return length < BASIC_INFORMATION_SIZE ? Status.INFO_LENGTH_MISMATCH : Status.SUCCESS;
  }
  if (informationClass === MemoryInformation.WorkingSetList) {
    return length < 4 ? Status.INFO_LENGTH_MISMATCH : Status.SUCCESS;
  }
  if (informationClass === MemoryInformation.WorkingSetEx) {
    return length < 8 ? Status.INFO_LENGTH_MISMATCH : Status.SUCCESS;
  }
  return Status.INVALID_INFO_CLASS;
}

/** NtQueryVirtualMemory(Process, Base, Class, Buffer, Length, ReturnLength*): nt52 9.4. */
function ntQueryVirtualMemory(
  kernel: Kernel,
  process: number,
  base: number,
  informationClass: number,
  buffer: number,
  length: number,
  returnLength: number,
): NtStatus {
  let status = checkQueryLength(informationClass, length);
  if (status === Status.SUCCESS) status = kernel.user.probe(buffer, length, 4, AccessKind.Write);
  if (status === Status.SUCCESS && returnLength !== 0) status = probeDword(kernel, returnLength);
  if (status !== Status.SUCCESS) return status;
  if (base > kernel.mm.layout.highestUserAddress) return Status.INVALID_PARAMETER;
  const space = addressSpaceOf(kernel, process, ProcessRight.QueryInformation);
  if (typeof space === 'number') return space;
  switch (informationClass) {
    case MemoryInformation.WorkingSetList:
      return queryWorkingSetList(kernel, space, buffer, length, returnLength);
    case MemoryInformation.WorkingSetEx:
      return queryWorkingSetEx(kernel, space, buffer, length, returnLength);
    case MemoryInformation.SectionName: {
      const { status: found, name } = queryMappedFileName(kernel.mm, space, base);
      return found === Status.SUCCESS ? writeName(kernel, name, buffer, length, returnLength) : found;
    }
    default:
      break;
  }
  const { status: queried, information } = queryVirtualMemory(kernel.mm, space, base);
  if (information === null) return queried;
  const { user } = kernel;
  user.write32(buffer, information.baseAddress);
  user.write32(buffer + 0x04, information.allocationBase);
  user.write32(buffer + 0x08, information.allocationProtect);
  user.write32(buffer + 0x0c, information.regionSize);
  user.write32(buffer + 0x10, information.state);
  user.write32(buffer + 0x14, information.protect);
  user.write32(buffer + 0x18, information.type);
  user.clearFailure();
  if (returnLength !== 0) writeDword(kernel, returnLength, BASIC_INFORMATION_SIZE);
  return queried;
}

/** UNICODE_STRING followed by its text and a terminator. */
function writeName(kernel: Kernel, name: string, buffer: number, length: number, returnLength: number): NtStatus {
  const bytes = encodeUtf16(name);
  const needed = 8 + bytes.length + 2;
  if (returnLength !== 0) writeDword(kernel, returnLength, needed);
  if (length < 8) return Status.INFO_LENGTH_MISMATCH;
  if (length < needed) return Status.BUFFER_OVERFLOW;
  const { user } = kernel;
  user.write16(buffer, bytes.length);
  user.write16(buffer + 2, bytes.length + 2);
  user.write32(buffer + 4, buffer + 8);
  user.writeBytes(buffer + 8, bytes);
  user.write16(buffer + 8 + bytes.length, 0);
  user.clearFailure();
  return Status.SUCCESS;
}

/** NtReadVirtualMemory(Process, Base, Buffer, Size, Done*): nt52 9.6. */
function ntReadVirtualMemory(
  kernel: Kernel,
  process: number,
  base: number,
  buffer: number,
  size: number,
  done: number,
): NtStatus {
  return transfer(kernel, process, { remote: base, local: buffer, size, done, access: ProcessRight.VmRead });
}

/** NtWriteVirtualMemory(Process, Base, Buffer, Size, Done*). */
function ntWriteVirtualMemory(
  kernel: Kernel,
  process: number,
  base: number,
  buffer: number,
  size: number,
  done: number,
): NtStatus {
  return transfer(kernel, process, { remote: base, local: buffer, size, done, access: ProcessRight.VmWrite });
}

interface Transfer {
  readonly remote: number;
  readonly local: number;
  readonly size: number;
  readonly done: number;
  readonly access: number;
}

function transfer(kernel: Kernel, process: number, request: Transfer): NtStatus {
  const { remote, local, size, done } = request;
  if (leavesUserHalf(kernel.mm.layout, remote, size) || leavesUserHalf(kernel.mm.layout, local, size))
    return Status.ACCESS_VIOLATION;
  if (done !== 0) {
    const status = probeDword(kernel, done);
    if (status !== Status.SUCCESS) return status;
  }
  let copied = 0;
  let status: NtStatus = Status.SUCCESS;
  if (size !== 0) {
    const space = addressSpaceOf(kernel, process, request.access);
    if (typeof space === 'number') {
      status = space;
    } else {
      const there = { space, address: remote };
      const here = { space: kernel.mm.current, address: local };
      const isRead = request.access === ProcessRight.VmRead;
      const result = copyVirtualMemory(kernel.mm, isRead ? there : here, isRead ? here : there, size);
      status = result.status;
      copied = result.copied;
    }
  }
  if (done !== 0) writeDword(kernel, done, copied);
  return status;
}

/** NtFlushInstructionCache(Process, Base, Length): the processor sees every store at once, so nothing is left to do. */
function ntFlushInstructionCache(kernel: Kernel, process: number, base: number, length: number): NtStatus {
  if (base !== 0 && length !== 0 && leavesUserHalf(kernel.mm.layout, base, length)) return Status.ACCESS_VIOLATION;
  const space = addressSpaceOf(kernel, process, ProcessRight.VmWrite);
  return typeof space === 'number' ? space : Status.SUCCESS;
}

/** Rows of the service table for memory and sections. */
export const memoryServices: readonly Service[] = [
  service('NtAllocateVirtualMemory', ntAllocateVirtualMemory),
  service('NtFreeVirtualMemory', ntFreeVirtualMemory),
  service('NtProtectVirtualMemory', ntProtectVirtualMemory),
  service('NtQueryVirtualMemory', ntQueryVirtualMemory),
  service('NtReadVirtualMemory', ntReadVirtualMemory),
  service('NtWriteVirtualMemory', ntWriteVirtualMemory),
  service('NtFlushInstructionCache', ntFlushInstructionCache),
  service('NtFlushWriteBuffer', () => Status.SUCCESS),
  ...aweServices,
  ...lockServices,
  ...pagingFileServices,
  ...sectionServices,
  ...writeWatchServices,
];
