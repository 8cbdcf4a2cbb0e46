import { AccessKind } from '../../cpu/index.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { type AddressLayout, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { inAddressSpace } from './process-access.js';

/** Bytes copied at a time: NT maps 14 pages. */
const CHUNK = 14 * PAGE_SIZE;

/** Bytes that are copied through a small buffer, without locking anything. */
const SMALL_COPY = 511;

/** One end of a copy. */
export interface CopyEnd {
  readonly space: AddressSpace;
  readonly address: number;
}

/** How far a copy between processes came. */
export interface CopyResult {
  readonly status: NtStatus;
  readonly copied: number;
}

/** True when [address, address + size) ends above the user half (or wraps). */
export function leavesUserHalf({ highestUserAddress }: AddressLayout, address: number, size: number): boolean {
  return address + size > highestUserAddress + 1;
}

/**
 * MmCopyVirtualMemory (nt52.md 9.6): copies between two address spaces. More than 511 bytes go by chunks of up to 14 pages whose
 * source is locked first, so that a chunk with a page that cannot be read is not copied at all; less goes byte by byte up to
 * that page. PARTIAL_COPY when the source stops it; what was copied before stays. A target that cannot be written, anywhere, is
 * noticed before its first byte: ACCESS_VIOLATION and its like. Environment: PASSIVE_LEVEL, does not wait.
 */
export function copyVirtualMemory(mm: MemoryManager, from: CopyEnd, to: CopyEnd, size: number): CopyResult {
  const { user } = mm;
  const isSmall = size <= SMALL_COPY;
  let copied = 0;
  while (copied < size) {
    const wanted = Math.min(size - copied, CHUNK);
    const source = from.address + copied;
    const bytes = inAddressSpace(mm, from.space, () => {
      const readable = accessibleBytes(mm, source, wanted);
      return readable === wanted || isSmall ? user.readBytes(source, readable) : new Uint8Array(0);
    });
    const status = inAddressSpace(mm, to.space, () => {
      const probed =
        copied === 0 && bytes.length > 0 ? user.probe(to.address, size, 1, AccessKind.Write) : Status.SUCCESS;
      if (probed !== Status.SUCCESS) return probed;
      const written = user.writeBytes(to.address + copied, bytes);
      copied += written;
      return written < wanted ? Status.PARTIAL_COPY : Status.SUCCESS;
    });
    user.clearFailure();
    if (status !== Status.SUCCESS) return { status, copied };
  }
  return { status: Status.SUCCESS, copied };
}

/** Bytes of a range, from its start, that can be read. */
function accessibleBytes(mm: MemoryManager, address: number, size: number): number {
  for (let at = address; at < address + size; at = at - (at % PAGE_SIZE) + PAGE_SIZE) {
    if (mm.user.probe(at, 1, 1, AccessKind.Read) !== Status.SUCCESS) return at - address;
  }
  return size;
}
