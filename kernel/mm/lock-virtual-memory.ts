import { AccessKind } from '../../cpu/index.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import { Privilege } from '../se/privilege.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { findPte } from './page-table.js';
import { inAddressSpace } from './process-access.js';
import { NO_PTE } from './pte.js';
import { addressSpaceOf, holdsPrivilege, ProcessRight, probeDwords, writeDword } from './service-support.js';
import { VadType } from './vad.js';
import { findEntry, hasSharedWorkingSetRoom, lockEntry, unlockEntry } from './working-set.js';
import { WsleBit } from './working-set-list.js';

const MAP_PROCESS = 1;
const MAP_SYSTEM = 2;
/** MM_FLUID_WORKING_SET: pages that must stay free to come and go. */
const FLUID_PAGES = 8;

/** Pages first .. last, inclusive. */
interface LockRange {
  readonly first: number;
  readonly last: number;
}

const wsleLocks = (mapType: number): number =>
  ((mapType & MAP_PROCESS) !== 0 ? WsleBit.LockedInWs : 0) |
  ((mapType & MAP_SYSTEM) !== 0 ? WsleBit.LockedInMemory : 0);

/**
 * NtLockVirtualMemory without its pointers and handle (nt52.md 6.8, 9.5): touches every page and locks it in the working
 * set. WORKING_SET_QUOTA, ACCESS_VIOLATION (nothing there, or not accessible), INCOMPATIBLE_FILE_MAP; WAS_LOCKED is a
 * success. Locks do not nest. Environment: PASSIVE_LEVEL.
 */
export function lockPages(mm: MemoryManager, space: AddressSpace, range: LockRange, mapType: number): NtStatus {
  const list = space.workingSet;
  const count = range.last - range.first + 1;
  if (list.firstDynamic + count + FLUID_PAGES > space.vm.minimum) return Status.WORKING_SET_QUOTA;
  const status = checkVads(space, range);
  if (status !== Status.SUCCESS) return status;
  return inAddressSpace(mm, space, () => {
    const touched = mm.user.probe(range.first * PAGE_SIZE, count * PAGE_SIZE, 1, AccessKind.Read);
    if (touched !== Status.SUCCESS) return touched;
    const locks = wsleLocks(mapType);
    let wasLocked = false;
    for (let vpn = range.first; vpn <= range.last; vpn++) {
      if (!hasSharedWorkingSetRoom(mm, space)) return Status.INSUFFICIENT_RESOURCES;
      const probed = mm.user.probe(vpn * PAGE_SIZE, 1, 1, AccessKind.Read);
      if (probed !== Status.SUCCESS) return probed;
      const index = entryOf(mm, space, vpn);
      if ((list.get(index) & locks) !== 0) wasLocked = true;
      lockEntry(mm, space, index, locks);
    }
    return wasLocked ? Status.WAS_LOCKED : Status.SUCCESS;
  });
}

/** NtUnlockVirtualMemory likewise: NOT_LOCKED, and nothing is unlocked, when any page is not locked in this way. */
export function unlockPages(mm: MemoryManager, space: AddressSpace, range: LockRange, mapType: number): NtStatus {
  const list = space.workingSet;
  const status = checkVads(space, range);
  if (status !== Status.SUCCESS) return status;
  const locks = wsleLocks(mapType);
  for (let vpn = range.first; vpn <= range.last; vpn++) {
    const index = entryOf(mm, space, vpn);
    if (index < 0 || (list.get(index) & locks) !== locks) return Status.NOT_LOCKED;
  }
  for (let vpn = range.first; vpn <= range.last; vpn++) {
    if (!hasSharedWorkingSetRoom(mm, space)) return Status.INSUFFICIENT_RESOURCES;
    unlockEntry(mm, space, entryOf(mm, space, vpn), locks);
  }
  return Status.SUCCESS;
}

function entryOf(mm: MemoryManager, space: AddressSpace, vpn: number): number {
  const at = findPte(mm, space, vpn * PAGE_SIZE);
  return at === NO_PTE || !mm.format.isValid(at) ? -1 : findEntry(mm, space, vpn, mm.format.frame(at));
}

function checkVads(space: AddressSpace, range: LockRange): NtStatus {
  if (space.deleted) return Status.PROCESS_IS_TERMINATING;
  for (let vpn = range.first; vpn <= range.last; ) {
    const vad = space.vads.find(vpn);
    if (vad === null || vad.rejectsCommit) return Status.ACCESS_VIOLATION;
    const isOrdinary = vad.isPageable || vad.type === VadType.ImageMap;
    if (!isOrdinary) return Status.INCOMPATIBLE_FILE_MAP;
    vpn = vad.endingVpn + 1;
  }
  return Status.SUCCESS;
}

type LockRoutine = typeof lockPages;

function changeLocks(kernel: Kernel, given: readonly number[], routine: LockRoutine): NtStatus {
  const [process, baseAddress, regionSize, mapType] = given;
  if ((mapType & ~(MAP_PROCESS | MAP_SYSTEM)) !== 0 || mapType === 0) return Status.INVALID_PARAMETER;
  const status = probeDwords(kernel, baseAddress, regionSize);
  if (status !== Status.SUCCESS) return status;
  const base = kernel.user.read32(baseAddress);
  const size = kernel.user.read32(regionSize);
  const { highestUserAddress } = kernel.mm.layout;
  if (base > highestUserAddress || size > highestUserAddress - base || size === 0) return Status.INVALID_PARAMETER;
  const space = addressSpaceOf(kernel, process, ProcessRight.VmOperation);
  if (typeof space === 'number') return space;
  if ((mapType & MAP_SYSTEM) !== 0 && !holdsPrivilege(kernel, Privilege.LOCK_MEMORY)) return Status.PRIVILEGE_NOT_HELD;
  const range = { first: base >>> 12, last: (base + size - 1) >>> 12 };
  const result = routine(kernel.mm, space, range, mapType);
  kernel.user.clearFailure();
  if (result !== Status.SUCCESS && result !== Status.WAS_LOCKED) return result;
  writeDword(kernel, regionSize, (range.last - range.first + 1) * PAGE_SIZE);
  writeDword(kernel, baseAddress, range.first * PAGE_SIZE);
  return result;
}

/** NtLockVirtualMemory, NtUnlockVirtualMemory(Process, Base*, Size*, MapType). */
export const lockServices: readonly Service[] = [
  service('NtLockVirtualMemory', (kernel, ...given) => changeLocks(kernel, given, lockPages)),
  service('NtUnlockVirtualMemory', (kernel, ...given) => changeLocks(kernel, given, unlockPages)),
];
