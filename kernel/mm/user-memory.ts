import { AccessKind } from '../../cpu/index.js';
import { isSuccess, Status } from '../ntstatus.js';
import { ObjectFlag } from '../ob/object-header.js';
import { type Blocking, type Handle, handle, type NtStatus, ntStatus } from '../types.js';
import { FaultAccess } from './fault-outcome.js';
import { type AddressLayout, PAGE_MASK, PAGE_SIZE } from './layout.js';
import { faultStatus, type MemoryManager } from './memory-manager.js';
import { MUST_WAIT, userHost, userHostOrWait } from './user-access.js';
import { exceptionAfterWait } from './wait-after-fault.js';

/** A captured UNICODE_STRING. */
export interface CapturedString {
  readonly status: NtStatus;
  readonly text: string;
}

/** A captured OBJECT_ATTRIBUTES; all fields empty when the pointer was NULL. */
export interface CapturedObjectAttributes {
  readonly status: NtStatus;
  readonly root: Handle;
  readonly name: string;
  /** False when ObjectName was NULL. */
  readonly hasName: boolean;
  /** OBJ_ flags. */
  readonly attributes: number;
  readonly securityDescriptorAddress: number;
}

const OBJECT_ATTRIBUTES_SIZE = 0x18;
/** Bytes that one pass of a string capture takes at most: a UNICODE_STRING cannot be longer. */
const MAXIMUM_STRING_BYTES = 0xffff;
/** The one even length that names of objects cannot have. */
const TOO_LONG_NAME = 0xfffe;

/**
 * The kernel's view of the current process's memory: probing accessors that fault pages in and never throw. Addresses
 * are unsigned.
 *
 * Plain accesses are sound after a successful probe and until the next yield. An access that cannot be made reads 0 or drops the
 * write, and leaves its status in `failed` (first one wins) until clearFailure().
 * Environment: PASSIVE_LEVEL, in the context of the process.
 */
export class UserMemory {
  /** SUCCESS, or why an access could not be made. */
  failed: NtStatus = Status.SUCCESS;
  readonly #mm: MemoryManager;

  constructor(mm: MemoryManager) {
    this.#mm = mm;
  }

  clearFailure(): void {
    this.failed = Status.SUCCESS;
  }

  /** The failure so far, which is cleared. */
  takeFailure(): NtStatus {
    const status = this.failed;
    this.failed = Status.SUCCESS;
    return status;
  }

  /**
   * ProbeForRead, and beyond it touches every page. DATATYPE_MISALIGNMENT, ACCESS_VIOLATION (also for anything that
   * reaches above 7FFEFFFF), GUARD_PAGE_VIOLATION, STACK_OVERFLOW, IN_PAGE_ERROR. Size 0 always succeeds. Waits for paging I/O.
   */
  probeForRead(address: number, size: number, alignment = 1): Blocking<NtStatus> {
    return this.#probeWaiting(address, size, alignment, AccessKind.Read);
  }

  /** ProbeForWrite: every page becomes writable (copied where copy-on-write). Statuses as probeForRead. */
  probeForWrite(address: number, size: number, alignment = 1): Blocking<NtStatus> {
    return this.#probeWaiting(address, size, alignment, AccessKind.Write);
  }

  /** The probes for a caller that cannot wait: paging I/O is finished on the spot, and virtual time passes. */
  probe(address: number, size: number, alignment: number, access: AccessKind): NtStatus {
    const status = checkProbe(this.#mm.layout, address, size, alignment);
    if (status !== Status.SUCCESS || size === 0) return status;
    for (let at = address; at < address + size; at = at - (at & PAGE_MASK) + PAGE_SIZE) {
      this.#mm.memory.evictor?.makeRoomBetween();
      if (this.#page(at, access) === 0) return this.takeFailure();
    }
    return Status.SUCCESS;
  }

  *#probeWaiting(address: number, size: number, alignment: number, access: AccessKind): Blocking<NtStatus> {
    const mm = this.#mm;
    const wait = mm.environment.waitForPaging;
    if (wait === undefined) return this.probe(address, size, alignment, access);
    const status = checkProbe(this.#mm.layout, address, size, alignment);
    if (status !== Status.SUCCESS || size === 0) return status;
    for (let at = address; at < address + size; at = at - (at & PAGE_MASK) + PAGE_SIZE) {
      mm.memory.evictor?.makeRoomBetween();
      for (;;) {
        const host = userHostOrWait(mm, at, access);
        if (host === 0) return this.#fail(at, access);
        if (host !== MUST_WAIT) break;
        const waited = yield* wait();
        if (!isSuccess(waited)) return exceptionAfterWait(waited);
      }
    }
    return Status.SUCCESS;
  }

  read8(address: number): number {
    const host = this.#host(address, 1, AccessKind.Read);
    return host === 0 ? 0 : this.#mm.bytes[host];
  }

  read16(address: number): number {
    if ((address & PAGE_MASK) > 0xffe) return this.read8(address) | (this.read8(address + 1) << 8);
    const host = this.#host(address, 2, AccessKind.Read);
    return host === 0 ? 0 : this.#mm.view.getUint16(host, true);
  }

  /** Unsigned. */
  read32(address: number): number {
    if ((address & PAGE_MASK) > 0xffc) return (this.read16(address) | (this.read16(address + 2) << 16)) >>> 0;
    const host = this.#host(address, 4, AccessKind.Read);
    return host === 0 ? 0 : this.#mm.view.getUint32(host, true);
  }

  /** Unsigned. */
  read64(address: number): bigint {
    return (BigInt(this.read32(address + 4)) << 32n) | BigInt(this.read32(address));
  }

  write8(address: number, value: number): void {
    const host = this.#host(address, 1, AccessKind.Write);
    if (host === 0) return;
    this.#mm.bytes[host] = value;
    this.#written(host, 1);
  }

  write16(address: number, value: number): void {
    if ((address & PAGE_MASK) > 0xffe) {
      this.write8(address, value);
      this.write8(address + 1, value >>> 8);
      return;
    }
    const host = this.#host(address, 2, AccessKind.Write);
    if (host === 0) return;
    this.#mm.view.setUint16(host, value, true);
    this.#written(host, 2);
  }

  write32(address: number, value: number): void {
    if ((address & PAGE_MASK) > 0xffc) {
      this.write16(address, value);
      this.write16(address + 2, value >>> 16);
      return;
    }
    const host = this.#host(address, 4, AccessKind.Write);
    if (host === 0) return;
    this.#mm.view.setInt32(host, value, true);
    this.#written(host, 4);
  }

  write64(address: number, value: bigint): void {
    this.write32(address, Number(BigInt.asUintN(32, value)));
    this.write32(address + 4, Number(BigInt.asUintN(32, value >> 32n)));
  }

  /** A copy of bytes that may cross pages. What cannot be read stays zero and shows in `failed`. */
  readBytes(address: number, size: number): Uint8Array {
    const result = new Uint8Array(size);
    for (let done = 0; done < size; ) {
      const at = address + done;
      const run = Math.min(size - done, PAGE_SIZE - (at & PAGE_MASK));
      this.#mm.memory.evictor?.makeRoomBetween();
      const host = this.#host(at, run, AccessKind.Read);
      if (host === 0) return result;
      result.set(this.#mm.bytes.subarray(host, host + run), done);
      done += run;
    }
    return result;
  }

  /** Stops at the first page that cannot be written. Returns the bytes written. */
  writeBytes(address: number, bytes: Uint8Array): number {
    for (let done = 0; done < bytes.length; ) {
      const at = address + done;
      const run = Math.min(bytes.length - done, PAGE_SIZE - (at & PAGE_MASK));
      this.#mm.memory.evictor?.makeRoomBetween();
      const host = this.#host(at, run, AccessKind.Write);
      if (host === 0) return done;
      this.#mm.bytes.set(bytes.subarray(done, done + run), host);
      this.#written(host, run);
      done += run;
    }
    return bytes.length;
  }

  /**
   * Captures a UNICODE_STRING. ACCESS_VIOLATION, DATATYPE_MISALIGNMENT and the like; an odd Length is cut to an even one.
   * @param address of the UNICODE_STRING itself
   */
  *readUnicodeString(address: number): Blocking<CapturedString> {
    let status = yield* this.probeForRead(address, 8, 4);
    if (status !== Status.SUCCESS) return { status, text: '' };
    const length = this.read16(address) & ~1;
    const buffer = this.read32(address + 4);
    status = yield* this.probeForRead(buffer, length, 2);
    if (status !== Status.SUCCESS) return { status, text: '' };
    return { status, text: decodeUtf16(this.readBytes(buffer, Math.min(length, MAXIMUM_STRING_BYTES))) };
  }

  /**
   * Captures OBJECT_ATTRIBUTES {Length, RootDirectory, ObjectName, Attributes, SecurityDescriptor, SecurityQualityOfService}.
   * NULL is allowed and gives no name. INVALID_PARAMETER when Length is not 18h, or for unknown OBJ_ flags; OBJECT_NAME_INVALID
   * for a name of half a character or of 32,767 (ObpCaptureObjectName); else the statuses of the probes.
   */
  *captureObjectAttributes(address: number): Blocking<CapturedObjectAttributes> {
    if (address === 0) return noAttributes(Status.SUCCESS);
    const status = yield* this.probeForRead(address, OBJECT_ATTRIBUTES_SIZE, 4);
    if (status !== Status.SUCCESS) return noAttributes(status);
    if (this.read32(address) !== OBJECT_ATTRIBUTES_SIZE) return noAttributes(Status.INVALID_PARAMETER);
    const root = handle(this.read32(address + 4));
    const nameAddress = this.read32(address + 8);
    const attributes = this.read32(address + 12);
    if ((attributes & ~ObjectFlag.VALID) !== 0) return noAttributes(Status.INVALID_PARAMETER);
    const securityDescriptorAddress = this.read32(address + 16);
    if (nameAddress === 0) {
      return { status, root, name: '', hasName: false, attributes, securityDescriptorAddress };
    }
    const name = yield* this.readUnicodeString(nameAddress);
    const bytes = name.status === Status.SUCCESS ? this.read16(nameAddress) : 0;
    if (bytes % 2 !== 0 || bytes === TOO_LONG_NAME) return noAttributes(Status.OBJECT_NAME_INVALID);
    return { status: name.status, root, name: name.text, hasName: true, attributes, securityDescriptorAddress };
  }

  /** As captureObjectAttributes, for services that open what has a name: INVALID_PARAMETER without attributes (ObOpenObjectByName). */
  *captureNameToOpen(address: number): Blocking<CapturedObjectAttributes> {
    return address === 0 ? noAttributes(Status.INVALID_PARAMETER) : yield* this.captureObjectAttributes(address);
  }

  #written(host: number, length: number): void {
    if (this.#mm.cpu.pageHasCode(host)) this.#mm.cpu.codeWritten(host, length);
  }

  /** Where to read or write so many bytes of one page. */
  #host(address: number, size: number, access: AccessKind): number {
    const host = this.#page(address, access);
    const { debug } = this.#mm.cpu;
    if (debug.watching && host !== 0) debug.accessedByOwner(address, size, access === AccessKind.Write);
    return host;
  }

  #page(address: number, access: AccessKind): number {
    const mm = this.#mm;
    const host = userHost(mm, address, access);
    if (host !== 0) return host;
    const status = this.#fail(address, access);
    if (this.failed === Status.SUCCESS) this.failed = status;
    return 0;
  }

  /** Why userHost answered 0, which mm.lastFault says too. */
  #fail(address: number, access: AccessKind): NtStatus {
    const mm = this.#mm;
    mm.setLastFault(mm.faults.userOutcome, address, access === AccessKind.Write ? FaultAccess.Write : FaultAccess.Read);
    return ntStatus(faultStatus(mm.faults.userOutcome));
  }
}

/** What is wrong with a range before anybody looks at its pages. */
function checkProbe(layout: AddressLayout, address: number, size: number, alignment: number): NtStatus {
  if (size === 0) return Status.SUCCESS;
  if (address % alignment !== 0) return Status.DATATYPE_MISALIGNMENT;
  return address + size > layout.userProbeAddress ? Status.ACCESS_VIOLATION : Status.SUCCESS;
}

function noAttributes(status: NtStatus): CapturedObjectAttributes {
  return { status, root: handle(0), name: '', hasName: false, attributes: 0, securityDescriptorAddress: 0 };
}

/** UTF-16 bytes to a string; lone surrogates stay what they are. */
export function decodeUtf16(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at + 1 < bytes.length; at += 2) text += String.fromCharCode(bytes[at] | (bytes[at + 1] << 8));
  return text;
}

/** A string to UTF-16 bytes, no terminator. */
export function encodeUtf16(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    bytes[index * 2] = unit & 0xff;
    bytes[index * 2 + 1] = unit >>> 8;
  }
  return bytes;
}
