import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { FileObject } from './file-object.js';
import type { IoRequest, RequestHolder } from './io-request.js';

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
interface LockWaiter {
  readonly lock: FileLock;
  readonly request: IoRequest;
}

/** A request that is to end now, and how. */
export interface SettledLock {
  readonly request: IoRequest;
  readonly status: NtStatus;
}

/** Locks that one file can carry: more are INSUFFICIENT_RESOURCES. */
const MAXIMUM_LOCKS = 0x2000;
const LAST_BYTE = 0xffffffffffffffffn;

/**
 * Byte-range locks of one file (FsRtl's file locks). A lock belongs to a file object, a process and a key; all three have to be the same
 * to unlock it or to pass it with reads and writes. What goes through views and the cache's own writes passes every lock, as in NT.
 */
export class FileLocks implements RequestHolder {
  #locks: FileLock[] = [];
  #waiters: LockWaiter[] = [];

  /**
   * Adds a lock: LOCK_NOT_GRANTED when it overlaps one that excludes it, INVALID_LOCK_RANGE when it goes beyond 2^64 bytes,
   * INSUFFICIENT_RESOURCES when there are too many. Its owner may share a range that he has for himself.
   */
  lock(lock: FileLock): NtStatus {
    if (lock.length !== 0n && lock.offset + lock.length - 1n > LAST_BYTE) return Status.INVALID_LOCK_RANGE;
    const conflict = this.#locks.some(
      (held) => overlaps(held, lock) && (lock.exclusive || (held.exclusive && !sameOwner(held, lock))),
    );
    if (conflict) return Status.LOCK_NOT_GRANTED;
    if (this.#locks.length >= MAXIMUM_LOCKS) return Status.INSUFFICIENT_RESOURCES;
    this.#locks.push(lock);
    return Status.SUCCESS;
  }

  /** Keeps the request of a lock that could not be granted until settle has decided on it. */
  enqueue(lock: FileLock, request: IoRequest): void {
    this.#waiters.push({ lock, request });
    request.holder = this;
  }

  remove(request: IoRequest): void {
    this.#waiters = this.#waiters.filter((waiter) => waiter.request !== request);
  }

  /** Grants what can be granted after locks have gone, in the order of the requests. Returns those that are to end. */
  settle(): readonly SettledLock[] {
    const settled: SettledLock[] = [];
    for (const { lock, request } of this.#waiters) {
      const status = this.lock(lock);
      if (status !== Status.LOCK_NOT_GRANTED) settled.push({ request, status });
    }
    for (const { request } of settled) this.remove(request);
    return settled;
  }

  /** Removes exactly that lock, an exclusive one first: RANGE_NOT_LOCKED when there is none. */
  unlock(lock: Omit<FileLock, 'exclusive'>): NtStatus {
    const fits = (held: FileLock): boolean =>
      sameOwner(held, lock) && held.offset === lock.offset && held.length === lock.length;
    const exclusive = this.#locks.findIndex((held) => held.exclusive && fits(held));
    const index = exclusive >= 0 ? exclusive : this.#locks.findIndex(fits);
    if (index < 0) return Status.RANGE_NOT_LOCKED;
    this.#locks.splice(index, 1);
    return Status.SUCCESS;
  }

  /** Everything that a file object locked, at its last handle. What it still waits for is RANGE_NOT_LOCKED: to be ended. */
  unlockAll(owner: FileObject): readonly SettledLock[] {
    if (this.#locks.length > 0) this.#locks = this.#locks.filter((held) => held.owner !== owner);
    const gone = this.#waiters.filter(({ lock }) => lock.owner === owner);
    if (gone.length > 0) this.#waiters = this.#waiters.filter(({ lock }) => lock.owner !== owner);
    return gone.map(({ request }) => ({ request, status: Status.RANGE_NOT_LOCKED }));
  }

  /** May bytes be read (write: written) there? Another's exclusive lock, or any shared one for writes, forbids it. */
  permits(lock: Omit<FileLock, 'exclusive'>, write: boolean): boolean {
    if (this.#locks.length === 0 || lock.length === 0n) return true;
    return !this.#locks.some((held) => overlaps(held, lock) && (held.exclusive ? !sameOwner(held, lock) : write));
  }
}

function sameOwner(left: Owned, right: Owned): boolean {
  return left.owner === right.owner && left.processId === right.processId && left.key === right.key;
}

type Owned = Pick<FileLock, 'owner' | 'processId' | 'key'>;

interface Range {
  readonly offset: bigint;
  readonly length: bigint;
}

function overlaps(left: Range, right: Range): boolean {
  if (left.length === 0n || right.length === 0n) return false;
  return left.offset < right.offset + right.length && right.offset < left.offset + left.length;
}
