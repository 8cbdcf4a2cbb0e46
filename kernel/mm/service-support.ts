import { AccessKind } from '../../cpu/index.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { makeProcessResident } from './outswap.js';

/** Rights of process handles that memory services ask for (nt52 12.2). */
export const ProcessRight = { VmOperation: 0x8, VmRead: 0x10, VmWrite: 0x20, QueryInformation: 0x400 } as const;

const CURRENT_PROCESS = 0xffffffff;

/**
 * The address space behind a process handle, -1 being the current process. A number is the status of failure:
 * INVALID_HANDLE, OBJECT_TYPE_MISMATCH, ACCESS_DENIED, PROCESS_IS_TERMINATING. Good until the next yield.
 */
export function addressSpaceOf(kernel: Kernel, processHandle: number, access: number): AddressSpace | NtStatus {
  if (processHandle >>> 0 === CURRENT_PROCESS) {
    return kernel.ke.currentProcess.addressSpace ?? Status.PROCESS_IS_TERMINATING;
  }
  const { status, object } = kernel.ob.peekObjectByHandle(processHandle, kernel.ob.types.process, access);
  if (object === null) return status;
  const space = object.body.pcb.addressSpace;
  if (space === null) return Status.PROCESS_IS_TERMINATING;
  if (space.outSwapped) makeProcessResident(kernel.mm, space);
  return space;
}

/** The caller holds a privilege and has it enabled (SeSinglePrivilegeCheck). */
export function holdsPrivilege(kernel: Kernel, luid: number): boolean {
  return kernel.ob.security.holds(luid);
}

/** ProbeForWriteUlong: a dword that can be read and written; no alignment is asked for. */
export function probeDword(kernel: Kernel, address: number): NtStatus {
  return kernel.user.probe(address, 4, 1, AccessKind.Write);
}

/** ProbeForWrite of several dwords in turn; a pointer of 0 counts as optional only when the caller leaves it out. */
export function probeDwords(kernel: Kernel, first: number, second: number): NtStatus {
  const status = probeDword(kernel, first);
  return status === Status.SUCCESS ? probeDword(kernel, second) : status;
}

/** Writes result dwords; faults now (another thread unmapped the page) are ignored, as NT ignores them. */
export function writeDword(kernel: Kernel, address: number, value: number): void {
  kernel.user.write32(address, value);
  kernel.user.clearFailure();
}
