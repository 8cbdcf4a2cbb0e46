import { AccessKind } from '../../cpu/index.js';
import { Status } from '../ntstatus.js';
import { accessFault } from './fault.js';
import { FaultAccess, FaultOutcome, FIRST_FAILURE } from './fault-outcome.js';
import { noPagesAvailable } from './free-pages.js';
import { PAGE_MASK, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { finishPageReadNow, isReadOutcome } from './page-read.js';

export { systemLocation } from './system-pages.js';

const KERNEL_MODE_EXCEPTION_NOT_HANDLED = 0x8e;

/**
 * The kernel's accesses to system addresses: pool, kernel stacks, PCR, KUSER_SHARED_DATA. Values are unsigned.
 * Paged pool is brought in where it was paged out; virtual time passes as if the caller had waited. An address that is not
 * mapped is a defect of the kernel: bugcheck 50; a store to a read-only page: BE. Environment: PASSIVE_LEVEL; does not wait.
 */
export class SystemMemory {
  readonly #mm: MemoryManager;

  constructor(mm: MemoryManager) {
    this.#mm = mm;
  }

  read8(address: number): number {
    return this.#mm.bytes[this.host(address, AccessKind.Read)];
  }

  read16(address: number): number {
    if ((address & PAGE_MASK) > 0xffe) return this.read8(address) | (this.read8(address + 1) << 8);
    return this.#mm.view.getUint16(this.host(address, AccessKind.Read), true);
  }

  read32(address: number): number {
    if ((address & PAGE_MASK) > 0xffc) return (this.read16(address) | (this.read16(address + 2) << 16)) >>> 0;
    return this.#mm.view.getUint32(this.host(address, AccessKind.Read), true);
  }

  read64(address: number): bigint {
    return (BigInt(this.read32(address + 4)) << 32n) | BigInt(this.read32(address));
  }

  write8(address: number, value: number): void {
    this.#mm.bytes[this.host(address, AccessKind.Write)] = value;
  }

  write16(address: number, value: number): void {
    if ((address & PAGE_MASK) > 0xffe) {
      this.write8(address, value);
      this.write8(address + 1, value >>> 8);
      return;
    }
    this.#mm.view.setUint16(this.host(address, AccessKind.Write), value, true);
  }

  write32(address: number, value: number): void {
    if ((address & PAGE_MASK) > 0xffc) {
      this.write16(address, value);
      this.write16(address + 2, value >>> 16);
      return;
    }
    this.#mm.view.setInt32(this.host(address, AccessKind.Write), value, true);
  }

  write64(address: number, value: bigint): void {
    this.write32(address, Number(BigInt.asUintN(32, value)));
    this.write32(address + 4, Number(BigInt.asUintN(32, value >> 32n)));
  }

  /** A copy of bytes that may cross pages. */
  readBytes(address: number, size: number): Uint8Array {
    const result = new Uint8Array(size);
    for (let done = 0; done < size; ) {
      const at = address + done;
      const run = Math.min(size - done, PAGE_SIZE - (at & PAGE_MASK));
      const host = this.host(at, AccessKind.Read);
      result.set(this.#mm.bytes.subarray(host, host + run), done);
      done += run;
    }
    return result;
  }

  writeBytes(address: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = address + done;
      const run = Math.min(bytes.length - done, PAGE_SIZE - (at & PAGE_MASK));
      this.#mm.bytes.set(bytes.subarray(done, done + run), this.host(at, AccessKind.Write));
      done += run;
    }
  }

  fill(address: number, size: number, value: number): void {
    for (let done = 0; done < size; ) {
      const at = address + done;
      const run = Math.min(size - done, PAGE_SIZE - (at & PAGE_MASK));
      const host = this.host(at, AccessKind.Write);
      this.#mm.bytes.fill(value, host, host + run);
      done += run;
    }
  }

  /** Host byte offset of a system address; valid to the end of the page. */
  host(address: number, access: AccessKind): number {
    const mm = this.#mm;
    for (;;) {
      const host = mm.cpu.translate(address | 0, access, true);
      if (host !== 0) return host;
      const fault = access === AccessKind.Write ? FaultAccess.Write : FaultAccess.Read;
      const outcome = accessFault(mm, address >>> 0, fault, false);
      if (isReadOutcome(outcome)) finishPageReadNow(mm);
      else if (outcome >= FIRST_FAILURE) this.#failed(address >>> 0, outcome);
    }
  }

  #failed(address: number, outcome: FaultOutcome): never {
    if (outcome === FaultOutcome.NoMemory) return noPagesAvailable(this.#mm);
    return this.#mm.environment.bugcheck(KERNEL_MODE_EXCEPTION_NOT_HANDLED, Status.ACCESS_VIOLATION, address, 0, 0);
  }
}
