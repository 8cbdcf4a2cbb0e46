import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { ALLOCATION_GRANULARITY, PAGE_SHIFT, SHARED_USER_DATA_USER } from './layout.js';
import { ProtectionMask } from './protection.js';
import { Vad } from './vad.js';
import { insertVad, type MemoryContext } from './vad-charges.js';

/** Where addresses begin that only images with IMAGE_FILE_LARGE_ADDRESS_AWARE know (nt52.md 1.3). */
const LARGE_ADDRESSES = 0x8000_0000;

/**
 * Keeps the 64 KB of KUSER_SHARED_DATA from an address space whose user half reaches beyond them, which it does in boots with /3GB.
 * Statuses as insertVad. Environment: PASSIVE_LEVEL, does not block.
 */
export function reserveSharedUserData(context: MemoryContext, space: AddressSpace): NtStatus {
  const { layout } = context.mm;
  if (layout.highestVadAddress < SHARED_USER_DATA_USER) return Status.SUCCESS;
  return reserveAddresses(context, space, SHARED_USER_DATA_USER, SHARED_USER_DATA_USER + ALLOCATION_GRANULARITY - 1);
}

/**
 * Keeps everything above 2 GB from a process whose image is not IMAGE_FILE_LARGE_ADDRESS_AWARE. Statuses as insertVad.
 * Environment: PASSIVE_LEVEL, does not block.
 */
export function reserveLargeAddresses(context: MemoryContext, space: AddressSpace): NtStatus {
  const { highestVadAddress } = context.mm.layout;
  if (highestVadAddress < LARGE_ADDRESSES) return Status.SUCCESS;
  return reserveAddresses(context, space, LARGE_ADDRESSES, highestVadAddress);
}

/** True when a child of a fork gets these addresses reserved by its own making. */
export function isSharedUserDataReservation(vad: Vad): boolean {
  return vad.rejectsCommit && vad.startingVpn === SHARED_USER_DATA_USER >>> PAGE_SHIFT;
}

/** Addresses that the program can neither use nor give back. Both ends inclusive. */
function reserveAddresses(context: MemoryContext, space: AddressSpace, start: number, last: number): NtStatus {
  const vad = new Vad(start >>> PAGE_SHIFT, last >>> PAGE_SHIFT, ProtectionMask.NoAccess, true);
  vad.rejectsCommit = true;
  vad.noChange = true;
  vad.longVad = true;
  vad.secured.push({ startingVpn: vad.startingVpn, endingVpn: vad.endingVpn, readOnly: false });
  return insertVad(context, space, vad);
}
