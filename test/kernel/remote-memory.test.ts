import { describe, expect, it } from 'vitest';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { services } from '../../kernel/services.js';
import type { Blocking } from '../../kernel/types.js';
import { DATA } from './bare-process.js';
import { ParameterMachine, REGION, RESERVED } from './service-parameters.js';

const BUFFER = DATA + 0x1000;
const DONE = DATA;
const BASE = DATA + 0x10;
const SIZE = DATA + 0x18;
const GUARDED = 0x104;

/** Runs a script of service calls in a thread of the process. */
function script(body: (machine: ParameterMachine) => Blocking<void>): void {
  const machine = new ParameterMachine();
  machine.inThread(() => body(machine));
  expect(machine.guest.kernel.mm.verify()).toBeNull();
}

/** NtRead- or NtWriteVirtualMemory of the other process: its status and how many bytes it says were copied. */
function* copy(machine: ParameterMachine, kind: 'Read' | 'Write', base: number, buffer: number, size: number) {
  machine.guest.kernel.user.write32(DONE, 0xabcd);
  const status = yield* machine.guest.call(`Nt${kind}VirtualMemory`, machine.handles.full, base, buffer, size, DONE);
  return [statusName(status), machine.guest.kernel.user.read32(DONE)];
}

/** Commits pages of the other process behind its region, or changes their protection. */
function* remote(machine: ParameterMachine, name: string, base: number, size: number, ...rest: number[]) {
  const { user } = machine.guest.kernel;
  user.write32(BASE, base);
  user.write32(SIZE, size);
  return statusName(yield* machine.guest.call(name, machine.handles.full, BASE, ...rest));
}

describe('memory of another process', () => {
  it('is read and written as it is there', () => {
    script(function* (machine) {
      const { user } = machine.guest.kernel;
      user.writeBytes(BUFFER, Uint8Array.of(1, 2, 3, 4, 5));
      expect(yield* copy(machine, 'Write', REGION + 0xffe, BUFFER, 5)).toEqual(['STATUS_SUCCESS', 5]);
      expect(user.read32(REGION + 0xffe)).toBe(0);
      expect(yield* copy(machine, 'Read', REGION + 0xffd, BUFFER + 0x100, 7)).toEqual(['STATUS_SUCCESS', 7]);
      expect([...user.readBytes(BUFFER + 0x100, 7)]).toEqual([0, 1, 2, 3, 4, 5, 0]);
    });
  });

  it('up to 511 bytes are copied as far as the source goes', () => {
    script(function* (machine) {
      expect(yield* copy(machine, 'Read', RESERVED - 0x80, BUFFER, 0x1ff)).toEqual(['STATUS_PARTIAL_COPY', 0x80]);
      expect(yield* copy(machine, 'Read', RESERVED, BUFFER, 1)).toEqual(['STATUS_PARTIAL_COPY', 0]);
    });
  });

  it('more is copied by chunks of 14 pages, each as a whole or not at all', () => {
    script(function* (machine) {
      const { user } = machine.guest.kernel;
      user.writeBytes(BUFFER, new Uint8Array(0x200).fill(9));
      expect(yield* copy(machine, 'Read', RESERVED - 0x80, BUFFER, 0x200)).toEqual(['STATUS_PARTIAL_COPY', 0]);
      expect(user.read8(BUFFER)).toBe(9);
      // 15 pages can be read, the 16th cannot: the first chunk is all that arrives.
      const target = REGION;
      expect(yield* copy(machine, 'Read', RESERVED - 0xf000, target, 0x10000)).toEqual(['STATUS_PARTIAL_COPY', 0xe000]);
    });
  });

  it('a target that cannot be written is refused before the first byte', () => {
    script(function* (machine) {
      const { user } = machine.guest.kernel;
      user.writeBytes(BUFFER, new Uint8Array(0x1000).fill(7));
      expect(yield* copy(machine, 'Write', RESERVED - 0x80, BUFFER, 0x100)).toEqual(['STATUS_ACCESS_VIOLATION', 0]);
      expect(yield* copy(machine, 'Write', RESERVED - 0x1000, BUFFER, 0x1080)).toEqual(['STATUS_ACCESS_VIOLATION', 0]);
      expect(yield* copy(machine, 'Read', REGION, RESERVED - 0x10, 0x20)).toEqual(['STATUS_ACCESS_VIOLATION', 0]);
      expect(yield* copy(machine, 'Read', RESERVED - 0x1000, BUFFER, 0x1000)).toEqual(['STATUS_SUCCESS', 0x1000]);
      expect(user.read8(BUFFER + 0xff0)).toBe(0);
    });
  });

  it('guard pages stay guarded', () => {
    script(function* (machine) {
      yield* copy(machine, 'Write', REGION, BUFFER, 0x100);
      expect(yield* remote(machine, 'NtProtectVirtualMemory', REGION, 0x1000, SIZE, GUARDED, DONE)).toBe(
        'STATUS_SUCCESS',
      );
      expect(yield* copy(machine, 'Read', REGION, BUFFER, 0x10)).toEqual(['STATUS_PARTIAL_COPY', 0]);
      expect(yield* copy(machine, 'Write', REGION, BUFFER, 0x10)).toEqual(['STATUS_ACCESS_VIOLATION', 0]);
      yield* machine.guest.call('NtQueryVirtualMemory', machine.handles.full, REGION, 0, BUFFER, 0x1c, 0);
      expect(machine.guest.kernel.user.read32(BUFFER + 0x14)).toBe(GUARDED);
    });
  });

  it('is allocated, protected and freed there', () => {
    script(function* (machine) {
      const call = (name: string, base: number, size: number, ...rest: number[]) =>
        remote(machine, name, base, size, ...rest);
      expect(yield* call('NtAllocateVirtualMemory', RESERVED, 0x1000, 0, SIZE, 0x1000, 4)).toBe('STATUS_SUCCESS');
      expect(yield* copy(machine, 'Write', RESERVED, BUFFER, 0x100)).toEqual(['STATUS_SUCCESS', 0x100]);
      expect(yield* call('NtProtectVirtualMemory', RESERVED, 0x1000, SIZE, 2, DONE)).toBe('STATUS_SUCCESS');
      expect(yield* copy(machine, 'Write', RESERVED, BUFFER, 0x100)).toEqual(['STATUS_ACCESS_VIOLATION', 0]);
      expect(yield* call('NtLockVirtualMemory', RESERVED, 0x1000, SIZE, 1)).toBe('STATUS_SUCCESS');
      expect(yield* call('NtUnlockVirtualMemory', RESERVED, 0x1000, SIZE, 1)).toBe('STATUS_SUCCESS');
      expect(yield* call('NtFreeVirtualMemory', RESERVED, 0x1000, SIZE, 0x4000)).toBe('STATUS_SUCCESS');
      expect(yield* copy(machine, 'Read', RESERVED, BUFFER, 0x100)).toEqual(['STATUS_PARTIAL_COPY', 0]);
      expect(machine.guest.kernel.user.read32(RESERVED)).toBe(0);
      machine.guest.kernel.user.clearFailure();
    });
  });
});

describe('the access that a process handle must have', () => {
  const rights: readonly (readonly [string, number, readonly number[]])[] = [
    ['NtAllocateVirtualMemory', 0x8, [BASE, 0, SIZE, 0x1000, 4]],
    ['NtFreeVirtualMemory', 0x8, [BASE, SIZE, 0x4000]],
    ['NtProtectVirtualMemory', 0x8, [BASE, SIZE, 4, DONE]],
    ['NtLockVirtualMemory', 0x8, [BASE, SIZE, 1]],
    ['NtUnlockVirtualMemory', 0x8, [BASE, SIZE, 1]],
    ['NtFlushVirtualMemory', 0x8, [BASE, SIZE, BUFFER]],
    ['NtUnmapViewOfSection', 0x8, [REGION]],
    ['NtReadVirtualMemory', 0x10, [REGION, BUFFER, 4, 0]],
    ['NtWriteVirtualMemory', 0x20, [REGION, BUFFER, 4, 0]],
    ['NtFlushInstructionCache', 0x20, [REGION, 4]],
    ['NtQueryVirtualMemory', 0x400, [REGION, 0, BUFFER, 0x1c, 0]],
    ['NtQueryInformationProcess', 0x400, [3, BUFFER, 0x2c, 0]],
  ];

  it.each(rights)('%s: %i', (name, right, rest) => {
    script(function* (machine) {
      const { guest } = machine;
      const without = machine.handleTo(machine.other.object, 0x1f0fff & ~right);
      const only = machine.handleTo(machine.other.object, right);
      const call = function* (handle: number) {
        guest.kernel.user.write32(BASE, REGION);
        guest.kernel.user.write32(SIZE, 0x1000);
        return yield* guest.call(name, handle, ...rest);
      };
      expect(statusName(yield* call(without))).toBe('STATUS_ACCESS_DENIED');
      expect(yield* call(only)).not.toBe(Status.ACCESS_DENIED);
    });
  });

  it('NtSetInformationProcess(ProcessQuotaLimits): PROCESS_SET_QUOTA, the others PROCESS_SET_INFORMATION', () => {
    script(function* (machine) {
      const { guest } = machine;
      guest.kernel.user.write32(BUFFER + 8, 0x100000);
      guest.kernel.user.write32(BUFFER + 12, 0x400000);
      const [quota, information] = [0x100, 0x200].map((right) => machine.handleTo(machine.other.object, right));
      const set = (handle = 0, of = 1, length = 0x20) =>
        guest.call('NtSetInformationProcess', handle, of, BUFFER, length);
      expect(statusName(yield* set(information))).toBe('STATUS_ACCESS_DENIED');
      expect(statusName(yield* set(quota))).not.toBe('STATUS_ACCESS_DENIED');
      expect(statusName(yield* set(quota, 22, 4))).toBe('STATUS_ACCESS_DENIED');
      expect(statusName(yield* set(information, 22, 4))).toBe('STATUS_SUCCESS');
    });
  });

  it('every memory service that takes a process is looked at', () => {
    const looked = new Set([...rights.map(([name]) => name), 'NtMapViewOfSection']);
    const memory = services.filter(({ name }) => /VirtualMemory|ViewOfSection|InstructionCache/.test(name));
    expect(memory.filter(({ name }) => !looked.has(name)).map(({ name }) => name)).toEqual([]);
  });
});
