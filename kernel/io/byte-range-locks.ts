import { EventType, KEvent } from '../ke/dispatcher-object.js';
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

/** A lock that cannot be had yet, in the order of the requests. */
export interface LockWaiter {
  readonly lock: FileLock;
  /** To be signaled when the status is known. */
  readonly event: KEvent;
  /** PENDING until then. */
  status: NtStatus;
}

/** Locks that one file can carry: more are INSUFFICIENT_RESOURCES. */
const MAXIMUM_LOCKS = 0x2000;

/**
 * Byte-range locks of one file (FsRtl's file locks). A lock belongs to a file object, a process and a key; all three
 * have to be the same to unlock it or to pass it with reads and writes.
 */
export class FileLocks {
  #locks: FileLock[] = [];
  #waiters: LockWaiter[] = [];

  /** Adds a lock: LOCK_NOT_GRANTED when it overlaps one that excludes it, INSUFFICIENT_RESOURCES when there are too many. */
  lock(lock: FileLock): NtStatus {
    const conflict = this.#locks.some((held) => (held.exclusive || lock.exclusive) && overlaps(held, lock));
    if (conflict) return Status.LOCK_NOT_GRANTED;
    if (this.#locks.length >= MAXIMUM_LOCKS) return Status.INSUFFICIENT_RESOURCES;
    this.#locks.push(lock);
    return Status.SUCCESS;
  }

  /** Queues a lock that could not be granted; its event is signaled when settleWaiters has decided on it. */
  enqueue(lock: FileLock): LockWaiter {
    const waiter = { lock, event: new KEvent(EventType.Notification, false), status: Status.PENDING };
    this.#waiters.push(waiter);
    return waiter;
  }

  /** Takes a waiter out whose thread waits no longer. */
  dequeue(waiter: LockWaiter): void {
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
  }

  /** Grants what can be granted after locks have gone. Returns the waiters that are done: their events are to be set. */
  settleWaiters(): readonly LockWaiter[] {
    for (const waiter of this.#waiters) {
      const status = waiter.status === Status.PENDING ? this.lock(waiter.lock) : waiter.status;
      if (status !== Status.LOCK_NOT_GRANTED) waiter.status = status;
    }
    const settled = this.#waiters.filter((waiter) => waiter.status !== Status.PENDING);
    if (settled.length > 0) this.#waiters = this.#waiters.filter((waiter) => waiter.status === Status.PENDING);
    return settled;
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

  /** Everything that a file object locked, at its last handle; what it still waits for is RANGE_NOT_LOCKED. */
  unlockAll(owner: FileObject): void {
    if (this.#locks.length > 0) this.#locks = this.#locks.filter((held) => held.owner !== owner);
    for (const waiter of this.#waiters) if (waiter.lock.owner === owner) waiter.status = Status.RANGE_NOT_LOCKED;
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
