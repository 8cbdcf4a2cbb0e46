import { AccessKind } from '../../cpu/index.js';
import { FaultAccess } from '../mm/fault-outcome.js';
import { PAGE_MASK, PAGE_SIZE } from '../mm/layout.js';
import { faultStatus, type MemoryManager } from '../mm/memory-manager.js';
import { MUST_WAIT, userHostOrWait } from '../mm/user-access.js';
import { Status } from '../ntstatus.js';
import { type NtStatus, ntStatus } from '../types.js';

/**
 * The other side of a copy to or from the cache. Bytes are counted from its start; places in linear memory stay within a page. Nothing
 * here waits.
 */
export interface CopyBuffer {
  /** Brings the memory of some bytes in. MUST_WAIT: mm.lastFault says for what; or why it cannot be had. */
  prepare(done: number, length: number): NtStatus | typeof MUST_WAIT;
  /** Takes bytes out of linear memory. False: the buffer's memory has gone again. */
  take(done: number, host: number, length: number): boolean;
  /** Puts bytes into linear memory. False as in take. */
  give(done: number, host: number, length: number): boolean;
}

/** Memory of the current process. */
export class UserBuffer implements CopyBuffer {
  readonly #mm: MemoryManager;
  readonly #address: number;
  readonly #access: AccessKind;

  /** @param access Write for a buffer that a file is read into */
  constructor(mm: MemoryManager, address: number, access: AccessKind) {
    this.#mm = mm;
    this.#address = address;
    this.#access = access;
  }

  prepare(done: number, length: number): NtStatus | typeof MUST_WAIT {
    const end = this.#address + done + length;
    for (let at = this.#address + done; at < end; at = at - (at & PAGE_MASK) + PAGE_SIZE) {
      const host = userHostOrWait(this.#mm, at, this.#access);
      if (host === MUST_WAIT) return MUST_WAIT;
      if (host === 0) return this.#refused(at);
    }
    return Status.SUCCESS;
  }

  /** mm.lastFault says more. */
  #refused(address: number): NtStatus {
    const mm = this.#mm;
    const { userOutcome } = mm.faults;
    mm.setLastFault(userOutcome, address, this.#access === AccessKind.Write ? FaultAccess.Write : FaultAccess.Read);
    return ntStatus(faultStatus(userOutcome));
  }

  take(done: number, host: number, length: number): boolean {
    return this.#move(done, host, length, true);
  }

  give(done: number, host: number, length: number): boolean {
    return this.#move(done, host, length, false);
  }

  /** @param stores into the process's memory; else out of it */
  #move(done: number, host: number, length: number, stores: boolean): boolean {
    const { cpu, bytes } = this.#mm;
    const access = stores ? AccessKind.Write : AccessKind.Read;
    for (let moved = 0; moved < length; ) {
      const at = this.#address + done + moved;
      const run = Math.min(length - moved, PAGE_SIZE - (at & PAGE_MASK));
      const own = cpu.translate(at | 0, access, false);
      if (own === 0) return false;
      if (stores) bytes.copyWithin(own, host + moved, host + moved + run);
      else bytes.copyWithin(host + moved, own, own + run);
      if (stores && cpu.pageHasCode(own)) cpu.codeWritten(own, run);
      if (cpu.debug.watching) cpu.debug.accessedByOwner(at, run, stores);
      moved += run;
    }
    return true;
  }
}

/** Bytes of the kernel's own. */
export class KernelBuffer implements CopyBuffer {
  readonly #mm: MemoryManager;
  readonly #bytes: Uint8Array;

  constructor(mm: MemoryManager, bytes: Uint8Array) {
    this.#mm = mm;
    this.#bytes = bytes;
  }

  prepare(): NtStatus {
    return Status.SUCCESS;
  }

  take(done: number, host: number, length: number): boolean {
    this.#bytes.set(this.#mm.bytes.subarray(host, host + length), done);
    return true;
  }

  give(done: number, host: number, length: number): boolean {
    this.#mm.bytes.set(this.#bytes.subarray(done, done + length), host);
    return true;
  }
}
