import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { FileObject } from './file-object.js';

/** One locked range. Offsets and lengths are unsigned 64-bit. */
export interface FileLock {
  readonly offset: bigint;
  readonly length: bigint;
  readonly key: number;
  readonly exclusive: boolean;
  readonly owner: FileObject;
  readonly processId: number;
}

/**
 * Byte-range locks of one file (FsRtl's file locks). A lock belongs to a file object, a process and a key; all three
 * have to be the same to unlock it or to pass it with reads and writes.
 */
export class FileLocks {
  #locks: FileLock[] = [];

  /** Adds a lock, or LOCK_NOT_GRANTED when it overlaps one that excludes it. */
  lock(lock: FileLock): NtStatus {
    const conflict = this.#locks.some((held) => (held.exclusive || lock.exclusive) && overlaps(held, lock));
    if (conflict) return Status.LOCK_NOT_GRANTED;
    this.#locks.push(lock);
    return Status.SUCCESS;
  }

  /** Removes exactly that lock: RANGE_NOT_LOCKED when there is none. */
  unlock(owner: FileObject, processId: number, key: number, offset: bigint, length: bigint): NtStatus {
    const index = this.#locks.findIndex(
      (held) =>
        held.owner === owner &&
        held.processId === processId &&
        held.key === key &&
        held.offset === offset &&
        held.length === length,
    );
    if (index < 0) return Status.RANGE_NOT_LOCKED;
    this.#locks.splice(index, 1);
    return Status.SUCCESS;
  }

  /** Everything that a file object locked: at its last handle. */
  unlockAll(owner: FileObject): void {
    if (this.#locks.length > 0) this.#locks = this.#locks.filter((held) => held.owner !== owner);
  }

  /** May bytes be read (write: written) there? Another's exclusive lock, or any shared one for writes, forbids it. */
  permits(owner: FileObject, processId: number, key: number, offset: bigint, length: bigint, write: boolean): boolean {
    if (this.#locks.length === 0 || length === 0n) return true;
    return !this.#locks.some((held) => {
      if (!overlaps(held, { offset, length })) return false;
      const own = held.owner === owner && held.processId === processId && held.key === key;
      return held.exclusive ? !own : write;
    });
  }
}

interface Range {
  readonly offset: bigint;
  readonly length: bigint;
}

function overlaps(left: Range, right: Range): boolean {
  if (left.length === 0n || right.length === 0n) return false;
  return left.offset < right.offset + right.length && right.offset < left.offset + left.length;
}
