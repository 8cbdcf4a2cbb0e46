import { expect } from 'vitest';
import { type Status, statusName } from '../../kernel/ntstatus.js';
import type { MachineOptions } from '../../kernel/options.js';
import { accountToken } from '../../kernel/se/account.js';
import type { Blocking } from '../../kernel/types.js';
import { BareProcess, code, DATA } from './bare-process.js';

export type StatusName = keyof typeof Status;

export const SELF = 0xffffffff;
/** Where calls find their base and size, and leave their results. */
export const BASE = DATA;
export const SIZE = DATA + 8;
const OLD = DATA + 0x10;
const INFORMATION = DATA + 0x20;
const READWRITE = 4;

/** A process that calls memory services for a test. Its account is the system's, which holds SeLockMemoryPrivilege. */
export class MemoryProcess extends BareProcess {
  constructor(options: Partial<MachineOptions> = {}) {
    super(code('F4'), options);
    const token = accountToken(options.account ?? 'system', [], this.kernel.ps.allocateLuid());
    this.kernel.ps.setToken(this.process, token);
  }

  /** Runs kernel code in a thread of the process itself, until it is done. */
  inThread(body: () => Blocking<void>): void {
    let done = false;
    this.kernel.ke.createSystemThread(this.process.pcb, 16, function* () {
      yield* body();
      done = true;
    });
    this.kernel.runLoop.run(1_000_000, () => done);
    expect(done).toBe(true);
  }

  /** Calls a service, whose status must be this one. */
  *expect(status: StatusName, name: string, ...parameters: readonly number[]): Blocking<void> {
    expect(`${name}: ${statusName(yield* this.call(name, ...parameters))}`).toBe(`${name}: STATUS_${status}`);
  }

  put(address: number, values: readonly number[]): void {
    for (const [index, value] of values.entries()) this.kernel.user.write32(address + index * 4, value);
  }

  read(address: number, count: number): number[] {
    return Array.from({ length: count }, (_, index) => this.kernel.user.read32(address + index * 4));
  }

  /** NtAllocateVirtualMemory. Returns the base. */
  *reserve(status: StatusName, base: number, size: number, type: number, protection = READWRITE): Blocking<number> {
    this.put(BASE, [base]);
    this.put(SIZE, [size]);
    yield* this.expect(status, 'NtAllocateVirtualMemory', SELF, BASE, 0, SIZE, type, protection);
    return this.kernel.user.read32(BASE);
  }

  /** NtProtectVirtualMemory. Returns the old protection. */
  *protect(status: StatusName, base: number, size: number, protection: number): Blocking<number> {
    this.put(BASE, [base]);
    this.put(SIZE, [size]);
    yield* this.expect(status, 'NtProtectVirtualMemory', SELF, BASE, SIZE, protection, OLD);
    return this.kernel.user.read32(OLD);
  }

  *free(status: StatusName, base: number, size: number, type: number): Blocking<void> {
    this.put(BASE, [base]);
    this.put(SIZE, [size]);
    yield* this.expect(status, 'NtFreeVirtualMemory', SELF, BASE, SIZE, type);
  }

  /** State, protection and size of the run of pages at an address. */
  *query(address: number): Blocking<number[]> {
    yield* this.expect('SUCCESS', 'NtQueryVirtualMemory', SELF, address, 0, INFORMATION, 0x1c, 0);
    const [, , , size, state, protection] = this.read(INFORMATION, 6);
    return [state, protection, size];
  }

  /** A store by a service, which may fault as the program's own. */
  *store(address: number, value: number): Blocking<string> {
    const status = yield* this.kernel.user.probeForWrite(address, 4);
    if (status === 0) this.kernel.user.write32(address, value);
    return statusName(status);
  }

  /** A dword, or why it cannot be read. */
  *load(address: number): Blocking<number | string> {
    const status = yield* this.kernel.user.probeForRead(address, 4);
    return status === 0 ? this.kernel.user.read32(address) : statusName(status);
  }
}
