import { describe, expect, it } from 'vitest';
import { encodeUtf16 } from '../../kernel/mm/user-memory.js';
import { statusName } from '../../kernel/ntstatus.js';
import { QuotaType } from '../../kernel/ps/quota.js';
import type { Blocking } from '../../kernel/types.js';
import { DATA } from './bare-process.js';
import { ParameterMachine, RESERVED } from './service-parameters.js';

const BUFFER = DATA + 0x1000;
/** What is read and written. */
const CONTENTS = DATA + 0x3000;
const BASE = DATA + 0x10;
const SIZE = DATA + 0x18;
const HANDLE = DATA + 0x20;
const SELF = 0xffffffff;
const UNLIMITED = 0xffffffff;
const ProcessQuotaLimits = 1;
const ProcessVmCounters = 3;
const ProcessPooledUsageAndLimits = 14;
const RESERVE = 0x2000;
const COMMIT = 0x1000;
const READWRITE = 4;

interface Limits {
  readonly paged?: number;
  readonly nonPaged?: number;
  readonly pageFile?: number;
}

/** Calls of one process with a quota, as its code would make them. */
class QuotaMachine extends ParameterMachine {
  get user() {
    return this.guest.kernel.user;
  }

  get quota() {
    const quota = this.guest.process.pcb.addressSpace?.quota;
    if (quota === undefined) throw new Error('no process');
    return quota;
  }

  enablePrivileges(): void {
    for (const privilege of this.guest.process.token?.body.privileges ?? []) privilege.attributes |= 2;
  }

  /** Limits in bytes; what is not given has none. */
  *limit({ paged = 0, nonPaged = 0, pageFile = 0 }: Limits): Blocking<string> {
    const words = [paged, nonPaged, 0, 0, pageFile, 0, 0xffffffff, 0xffffffff];
    for (const [index, word] of words.entries()) this.user.write32(BUFFER + index * 4, word);
    const status = yield* this.guest.call('NtSetInformationProcess', SELF, ProcessQuotaLimits, BUFFER, 0x20);
    return statusName(status);
  }

  /** Calls a service; the name of its status. */
  *named(service: string, ...parameters: readonly number[]): Blocking<string> {
    return statusName(yield* this.guest.call(service, ...parameters));
  }

  /** Puts OBJECT_ATTRIBUTES of a path into memory, where the last ones were. */
  attributes(path: string): number {
    const [attributes, name, text] = [BUFFER + 0x100, BUFFER + 0x120, BUFFER + 0x140];
    this.user.writeBytes(text, encodeUtf16(path));
    this.user.write32(name, path.length * 2 * 0x10001);
    this.user.write32(name + 4, text);
    for (const [index, word] of [0x18, 0, name, 0x40, 0, 0].entries()) this.user.write32(attributes + index * 4, word);
    return attributes;
  }

  /** Puts a relative time into memory, in 100 ns units. */
  time(value: number): number {
    this.user.write32(BUFFER + 0x200, value);
    this.user.write32(BUFFER + 0x204, -1);
    return BUFFER + 0x200;
  }

  *query(informationClass: number, size: number): Blocking<number[]> {
    const status = yield* this.guest.call('NtQueryInformationProcess', SELF, informationClass, BUFFER, size, 0);
    expect(statusName(status)).toBe('STATUS_SUCCESS');
    return Array.from({ length: size / 4 }, (_, index) => this.user.read32(BUFFER + index * 4));
  }

  *allocate(base: number, size: number, type: number): Blocking<string> {
    this.user.write32(BASE, base);
    this.user.write32(SIZE, size);
    return statusName(yield* this.guest.call('NtAllocateVirtualMemory', SELF, BASE, 0, SIZE, type, READWRITE));
  }

  *free(base: number): Blocking<string> {
    this.user.write32(BASE, base);
    this.user.write32(SIZE, 0);
    return statusName(yield* this.guest.call('NtFreeVirtualMemory', SELF, BASE, SIZE, 0x8000));
  }

  *createSection(size: number): Blocking<string> {
    this.user.write32(SIZE, size);
    this.user.write32(SIZE + 4, 0);
    const reserve = 0x4000000;
    return statusName(yield* this.guest.call('NtCreateSection', HANDLE, 0xf001f, 0, SIZE, READWRITE, reserve, 0));
  }

  *close(): Blocking<string> {
    return statusName(yield* this.guest.call('NtClose', this.user.read32(HANDLE)));
  }
}

/** A machine whose process has enabled all its privileges, or only those that are enabled at first. */
function script(body: (machine: QuotaMachine) => Blocking<void>, privileged = true): QuotaMachine {
  const machine = new QuotaMachine(privileged);
  if (privileged) machine.enablePrivileges();
  machine.inThread(() => body(machine));
  expect(machine.guest.kernel.mm.verify()).toBeNull();
  return machine;
}

describe('quotas of a process', () => {
  it('limit nothing by default; usage is that of VADs, views, handle tables and commitment', () => {
    script(function* (machine) {
      const limits = yield* machine.query(ProcessQuotaLimits, 0x20);
      expect([limits[0], limits[1], limits[4]]).toEqual([UNLIMITED, UNLIMITED, UNLIMITED]);
      const before = yield* machine.query(ProcessVmCounters, 0x2c);
      const base = RESERVED + 0x20000;
      expect(yield* machine.allocate(base, 0x3000, RESERVE | COMMIT)).toBe('STATUS_SUCCESS');
      const after = yield* machine.query(ProcessVmCounters, 0x2c);
      // VadS has 18 (hexadecimal) bytes.
      expect(after[8] - before[8]).toBe(0x18);
      expect(after[9] - before[9]).toBe(0x3000);
      expect(yield* machine.free(base)).toBe('STATUS_SUCCESS');
      const last = yield* machine.query(ProcessVmCounters, 0x2c);
      expect([last[6], last[8], last[9]]).toEqual([before[6], before[8], before[9]]);
      expect(last[7]).toBe(after[8]);
      expect(last[6]).toBe(0x1000);
    });
  });

  it('page-file quota: PAGEFILE_QUOTA_EXCEEDED for committing, COMMITMENT_LIMIT for a region as a whole', () => {
    script(function* (machine) {
      const used = machine.quota.usage[QuotaType.PageFile];
      expect(yield* machine.limit({ pageFile: (used + 4) * 0x1000 })).toBe('STATUS_SUCCESS');
      expect((yield* machine.query(ProcessQuotaLimits, 0x20))[4]).toBe((used + 4) * 0x1000);
      expect(yield* machine.allocate(0, 0x5000, RESERVE | COMMIT)).toBe('STATUS_COMMITMENT_LIMIT');
      expect(yield* machine.allocate(RESERVED, 0x5000, COMMIT)).toBe('STATUS_PAGEFILE_QUOTA_EXCEEDED');
      expect(machine.quota.usage[QuotaType.PageFile]).toBe(used);
      expect(yield* machine.allocate(RESERVED, 0x4000, COMMIT)).toBe('STATUS_SUCCESS');
      expect(yield* machine.allocate(RESERVED + 0x4000, 1, COMMIT)).toBe('STATUS_PAGEFILE_QUOTA_EXCEEDED');
      expect(yield* machine.free(RESERVED)).toBe('STATUS_SUCCESS');
      expect(machine.quota.usage[QuotaType.PageFile]).toBe(used);
      expect(machine.quota.peak[QuotaType.PageFile]).toBe(used + 4);
    });
  });

  it('pool quotas: a VAD, a view and a section object', () => {
    script(function* (machine) {
      const { entrySize } = machine.guest.kernel.mm.format;
      const [nonPaged] = machine.quota.usage;
      const paged = machine.quota.block.usage[QuotaType.PagedPool];
      expect(yield* machine.limit({ nonPaged: nonPaged + 0x10 })).toBe('STATUS_SUCCESS');
      expect(yield* machine.allocate(0, 0x1000, RESERVE)).toBe('STATUS_COMMITMENT_LIMIT');
      const own = machine.quota.block.usage[QuotaType.PagedPool];
      // The objects that the default block pays for are not this block's.
      expect(own).toBeLessThan(paged);
      expect(yield* machine.limit({ paged: own + 0x200 * entrySize })).toBe('STATUS_SUCCESS');
      expect(yield* machine.createSection(0x200_000)).toBe('STATUS_QUOTA_EXCEEDED');
      expect(machine.quota.block.usage[QuotaType.PagedPool]).toBe(own);
      expect(yield* machine.createSection(0x100_000)).toBe('STATUS_SUCCESS');
      const charged = machine.quota.block.usage[QuotaType.PagedPool] - own;
      expect(charged).toBeGreaterThan(0x100 * entrySize);
      expect(yield* machine.close()).toBe('STATUS_SUCCESS');
      expect(machine.quota.block.usage[QuotaType.PagedPool]).toBe(own);
    });
  });

  it('nonpaged pool: APCs and packets of completion ports until they are taken', () => {
    script(function* (machine) {
      const { guest, user, quota } = machine;
      expect(yield* machine.limit({ nonPaged: 0x1000_0000 })).toBe('STATUS_SUCCESS');
      const thread = machine.handleTo(guest.thread.executive?.object ?? null, 0x1f03ff);
      const port = HANDLE + 4;
      expect(yield* machine.named('NtCreateIoCompletion', port, 0x1f0003, 0, 0)).toBe('STATUS_SUCCESS');
      const before = quota.block.usage[QuotaType.NonPagedPool];
      const queueApc = () => machine.named('NtQueueApcThread', thread, 0x400000, 1, 2, 3);
      const post = () => machine.named('NtSetIoCompletion', user.read32(port), 1, 2, 0, 0);
      expect([yield* queueApc(), yield* post()]).toEqual(['STATUS_SUCCESS', 'STATUS_SUCCESS']);
      const used = quota.block.usage[QuotaType.NonPagedPool];
      // KAPC and IO_MINI_COMPLETION_PACKET with their pool headers.
      expect(used - before).toBe(0x38 + 0x20);
      expect(yield* machine.limit({ nonPaged: used })).toBe('STATUS_SUCCESS');
      expect([yield* queueApc(), yield* post()]).toEqual(['STATUS_NO_MEMORY', 'STATUS_INSUFFICIENT_RESOURCES']);
      expect(guest.kernel.mm.verify()).toBeNull();
      const taken = yield* machine.named('NtRemoveIoCompletion', user.read32(port), BUFFER, BUFFER, BUFFER, 0);
      expect(taken).toBe('STATUS_SUCCESS');
      expect(quota.block.usage[QuotaType.NonPagedPool]).toBe(used - 0x20);
      expect(yield* post()).toBe('STATUS_SUCCESS');
      expect(yield* machine.named('NtClose', user.read32(port))).toBe('STATUS_SUCCESS');
      expect(yield* machine.named('NtTerminateThread', thread, 0)).toBe('STATUS_SUCCESS');
      expect(yield* machine.named('NtWaitForSingleObject', thread, 0, 0)).toBe('STATUS_SUCCESS');
      expect(quota.block.usage[QuotaType.NonPagedPool]).toBeLessThanOrEqual(before);
    });
  });

  it('paged pool: what waits in a pipe until it is read, and the scan of a directory', () => {
    script(function* (machine) {
      const { user, quota } = machine;
      const [server, client] = [HANDLE + 4, HANDLE + 8];
      const status = BUFFER + 0x80;
      const usage = () => quota.block.usage[QuotaType.PagedPool];
      expect(yield* machine.limit({ paged: 0x1000_0000 })).toBe('STATUS_SUCCESS');
      const pipe = machine.attributes('\\Device\\NamedPipe\\quota');
      // Both ways, synchronous, bytes, one instance of two pages each way.
      const kind = [3, 2, 0x20, 0, 0, 0, 1, 0x2000, 0x2000, machine.time(-1)];
      const made = yield* machine.named('NtCreateNamedPipeFile', server, 0xc0100000, pipe, status, ...kind);
      expect(made).toBe('STATUS_SUCCESS');
      const opened = yield* machine.named('NtOpenFile', client, 0xc0100000, pipe, status, 3, 0x20);
      expect(opened).toBe('STATUS_SUCCESS');
      const before = usage();
      const write = (count: number) =>
        machine.named('NtWriteFile', user.read32(client), 0, 0, 0, status, CONTENTS, count, 0, 0);
      expect(yield* write(0x400)).toBe('STATUS_SUCCESS');
      const used = usage();
      expect(used).toBeGreaterThanOrEqual(before + 0x400);
      expect(yield* machine.limit({ paged: used + 0x400 })).toBe('STATUS_SUCCESS');
      expect(yield* write(0x400)).toBe('STATUS_QUOTA_EXCEEDED');
      expect(yield* write(0x100)).toBe('STATUS_SUCCESS');
      const read = yield* machine.named('NtReadFile', user.read32(server), 0, 0, 0, status, CONTENTS, 0x500, 0, 0);
      expect([read, user.read32(status + 4)]).toEqual(['STATUS_SUCCESS', 0x500]);
      expect(usage()).toBe(before);

      const folder = machine.attributes('\\??\\C:\\');
      expect(yield* machine.named('NtOpenFile', client, 0x100001, folder, status, 7, 0x21)).toBe('STATUS_SUCCESS');
      const opening = usage();
      expect(yield* machine.limit({ paged: opening })).toBe('STATUS_SUCCESS');
      const scan = () =>
        machine.named('NtQueryDirectoryFile', user.read32(client), 0, 0, 0, status, CONTENTS, 0x100, 3, 0, 0, 0);
      expect(yield* scan()).toBe('STATUS_QUOTA_EXCEEDED');
      expect(yield* machine.limit({ paged: opening + 0x1000 })).toBe('STATUS_SUCCESS');
      expect(yield* scan()).toBe('STATUS_SUCCESS');
      expect(usage()).toBeGreaterThan(opening);
      expect(yield* machine.named('NtClose', user.read32(client))).toBe('STATUS_SUCCESS');
      expect(usage()).toBe(opening);
    });
  });

  it('of a process that ends go back to a block that others share', () => {
    const machine = script(function* (one) {
      const { kernel } = one.guest;
      expect(yield* one.limit({ pageFile: 0x1000_0000 })).toBe('STATUS_SUCCESS');
      const { block } = one.quota;
      const before = [...block.usage];
      const space = one.other.pcb.addressSpace;
      if (space === null) throw new Error('no process');
      space.quota.moveTo(block);
      expect(block.usage[QuotaType.PageFile]).toBe(before[QuotaType.PageFile] + space.commitCharge);
      const pooled = yield* one.query(ProcessPooledUsageAndLimits, 0x24);
      expect([pooled[1], pooled[4], pooled[7]]).toEqual([block.usage[1], block.usage[0], block.usage[2]]);
      expect(pooled[8]).toBe(0x10000);
      kernel.ps.memory.deleteAddressSpace(one.other);
      one.other.pcb.addressSpace = null;
      expect([...block.usage]).toEqual(before);
    });
    expect(machine.guest.kernel.mm.verify()).toBeNull();
  });

  it('are raised with SeIncreaseQuotaPrivilege only', () => {
    script(function* (machine) {
      expect(yield* machine.limit({ pageFile: 0x1000_0000 })).toBe('STATUS_PRIVILEGE_NOT_HELD');
      expect(machine.quota.block.isDefault).toBe(true);
    }, false);
  });

  it('what is charged and never given back stops the machine when the process ends', () => {
    const machine = new QuotaMachine();
    const { kernel, process } = machine.guest;
    machine.quota.charge(QuotaType.PageFile, 1);
    expect(kernel.mm.verify()).toMatch(/pages count in its quota/);
    expect(() => kernel.ps.memory.deleteAddressSpace(process)).toThrow();
  });
});
