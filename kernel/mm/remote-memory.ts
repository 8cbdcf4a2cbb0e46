import { AccessKind } from '../../cpu/index.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { HIGHEST_USER_ADDRESS, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { inAddressSpace } from './process-access.js';

/** Bytes copied at a time: NT maps 14 pages. */
const CHUNK = 14 * PAGE_SIZE;

/** How far a copy between processes came. */
export interface CopyResult {
  readonly status: NtStatus;
  readonly copied: number;
}

/** True when [address, address + size) ends above the user half (or wraps). */
export function leavesUserHalf(address: number, size: number): boolean {
  return address + size > HIGHEST_USER_ADDRESS + 1;
}

/**
 * MmCopyVirtualMemory: copies between two address spaces, page by page as far as both allow. PARTIAL_COPY when the source or
 * target stops it; what was copied before stays. Environment: PASSIVE_LEVEL, does not wait.
 */
export function copyVirtualMemory(
  mm: MemoryManager,
  from: { readonly space: AddressSpace; readonly address: number },
  to: { readonly space: AddressSpace; readonly address: number },
  size: number,
): CopyResult {
  const { user } = mm;
  let copied = 0;
  while (copied < size) {
    const wanted = Math.min(size - copied, CHUNK);
    const bytes = inAddressSpace(mm, from.space, () => {
      const readable = accessibleBytes(mm, from.address + copied, wanted, AccessKind.Read);
      return user.readBytes(from.address + copied, readable);
    });
    const written = inAddressSpace(mm, to.space, () => user.writeBytes(to.address + copied, bytes));
    user.clearFailure();
    copied += written;
    if (written < wanted) return { status: Status.PARTIAL_COPY, copied };
  }
  return { status: Status.SUCCESS, copied };
}

/** Bytes of a range, from its start, that can be accessed. */
function accessibleBytes(mm: MemoryManager, address: number, size: number, access: AccessKind): number {
  for (let at = address; at < address + size; at = at - (at % PAGE_SIZE) + PAGE_SIZE) {
    if (mm.user.probe(at, 1, 1, access) !== Status.SUCCESS) return at - address;
  }
  return size;
}
