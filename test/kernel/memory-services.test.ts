import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryServices } from '../../kernel/mm/mm-services.js';
import { encodeUtf16 } from '../../kernel/mm/user-memory.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import type { Blocking } from '../../kernel/types.js';
import { bootLayout } from '../boot-options.js';
import { BareProcess, code, DATA } from './bare-process.js';

const SELF = 0xffffffff;
const BASE = DATA;
const SIZE = DATA + 8;
const HANDLE = DATA + 0x10;
const RESULT = DATA + 0x18;
const OFFSET = DATA + 0x20;
const IOSB = DATA + 0x28;
const BUFFER = DATA + 0x100;
const NAME = DATA + 0x200;
const BAD = bootLayout.userProbeAddress;

/** Runs a script of service calls in a process and checks the whole memory manager afterwards. */
function script(body: (bare: BareProcess) => Blocking<void>, program = 'F4'): void {
  const bare = new BareProcess(code(program));
  bare.inProcess(() => body(bare));
  expect(bare.kernel.mm.verify()).toBeNull();
}

function* expectStatus(
  bare: BareProcess,
  status: keyof typeof Status,
  name: string,
  ...parameters: readonly number[]
): Blocking<void> {
  expect(`${name}: ${statusName(yield* bare.call(name, ...parameters))}`).toBe(`${name}: STATUS_${status}`);
}

function words(bare: BareProcess, address: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => bare.kernel.user.read32(address + index * 4));
}

/** OBJECT_ATTRIBUTES at NAME, its UNICODE_STRING and text behind it. */
function namedAttributes(bare: BareProcess, name: string): number {
  const { user } = bare.kernel;
  const text = encodeUtf16(name);
  for (const [index, value] of [0x18, 0, NAME + 0x20, 0x40, 0, 0].entries()) user.write32(NAME + index * 4, value);
  user.write32(NAME + 0x20, text.length | (text.length << 16));
  user.write32(NAME + 0x24, NAME + 0x30);
  user.writeBytes(NAME + 0x30, text);
  return NAME;
}

function* openFile(bare: BareProcess, name: string, access: number, disposition: number): Blocking<number> {
  const attributes = namedAttributes(bare, `\\??\\C:\\${name}`);
  const status = yield* bare.call(
    'NtCreateFile',
    HANDLE,
    access,
    attributes,
    IOSB,
    0,
    0x80,
    7,
    disposition,
    0x60,
    0,
    0,
  );
  expect(statusName(status)).toBe('STATUS_SUCCESS');
  return bare.kernel.user.read32(HANDLE);
}

describe('memory services', () => {
  it('take and give base and size through pointers', () => {
    script(function* (bare) {
      const { user } = bare.kernel;
      user.write32(BASE, 0);
      user.write32(SIZE, 0x1800);
      yield* expectStatus(bare, 'SUCCESS', 'NtAllocateVirtualMemory', SELF, BASE, 0, SIZE, 0x3000, 4);
      const base = user.read32(BASE);
      expect([base % 0x10000, user.read32(SIZE)]).toEqual([0, 0x2000]);
      yield* expectStatus(bare, 'SUCCESS', 'NtProtectVirtualMemory', SELF, BASE, SIZE, 2, RESULT);
      expect(user.read32(RESULT)).toBe(4);
      yield* expectStatus(bare, 'SUCCESS', 'NtQueryVirtualMemory', SELF, base, 0, BUFFER, 0x1c, RESULT);
      expect(words(bare, BUFFER, 7)).toEqual([base, base, 4, 0x2000, 0x1000, 2, 0x20000]);
      expect(user.read32(RESULT)).toBe(0x1c);
      user.write32(SIZE, 0);
      yield* expectStatus(bare, 'SUCCESS', 'NtFreeVirtualMemory', SELF, BASE, SIZE, 0x8000);
      expect(words(bare, BASE, 3)).toEqual([base, 0, 0x2000]);
    });
  });

  it('refuse pointers that are none, before they look at the handle', () => {
    script(function* (bare) {
      yield* expectStatus(bare, 'INVALID_PARAMETER_5', 'NtAllocateVirtualMemory', 0x1234, BAD, 0, BAD, 0, 4);
      yield* expectStatus(bare, 'ACCESS_VIOLATION', 'NtAllocateVirtualMemory', 0x1234, BAD, 0, SIZE, 0x1000, 4);
      yield* expectStatus(bare, 'ACCESS_VIOLATION', 'NtFreeVirtualMemory', 0x1234, BASE, 0, 0x8000);
      yield* expectStatus(bare, 'INVALID_PAGE_PROTECTION', 'NtProtectVirtualMemory', 0x1234, BAD, BAD, 0, BAD);
      yield* expectStatus(bare, 'ACCESS_VIOLATION', 'NtProtectVirtualMemory', 0x1234, BASE, SIZE, 4, BAD);
      yield* expectStatus(bare, 'INFO_LENGTH_MISMATCH', 'NtQueryVirtualMemory', 0x1234, 0, 0, BAD, 0x1b, 0);
      yield* expectStatus(bare, 'INVALID_INFO_CLASS', 'NtQueryVirtualMemory', 0x1234, 0, 3, BAD, 0x1c, 0);
      yield* expectStatus(bare, 'ACCESS_VIOLATION', 'NtQueryVirtualMemory', 0x1234, 0, 0, BAD, 0x1c, 0);
      yield* expectStatus(bare, 'INVALID_PARAMETER', 'NtQueryVirtualMemory', 0x1234, BAD, 0, BUFFER, 0x1c, 0);
    });
  });

  it('refuse handles that are none', () => {
    script(function* (bare) {
      const { user } = bare.kernel;
      user.write32(BASE, 0);
      user.write32(SIZE, 0x1000);
      yield* expectStatus(bare, 'INVALID_HANDLE', 'NtAllocateVirtualMemory', 0x1234, BASE, 0, SIZE, 0x1000, 4);
      user.write64(OFFSET, 0x1000n);
      yield* expectStatus(bare, 'SUCCESS', 'NtCreateSection', HANDLE, 0xf001f, 0, OFFSET, 4, 0x8000000, 0);
      const section = user.read32(HANDLE);
      yield* expectStatus(bare, 'OBJECT_TYPE_MISMATCH', 'NtFreeVirtualMemory', section, BASE, SIZE, 0x8000);
      yield* expectStatus(bare, 'INVALID_HANDLE', 'NtFreeVirtualMemory', 0x1234, BASE, SIZE, 0x8000);
      yield* expectStatus(bare, 'INVALID_HANDLE', 'NtProtectVirtualMemory', 0x1234, BASE, SIZE, 4, RESULT);
      yield* expectStatus(bare, 'INVALID_HANDLE', 'NtQueryVirtualMemory', 0x1234, 0, 0, BUFFER, 0x1c, 0);
      yield* expectStatus(bare, 'INVALID_HANDLE', 'NtUnmapViewOfSection', 0x1234, 0x10000);
      yield* expectStatus(bare, 'INVALID_HANDLE', 'NtFlushInstructionCache', 0x1234, 0, 0);
    });
  });

  it('read and write memory as far as it goes', () => {
    script(function* (bare) {
      const { user } = bare.kernel;
      user.write32(DATA + 0x1000, 0x12345678);
      yield* expectStatus(bare, 'SUCCESS', 'NtReadVirtualMemory', SELF, DATA + 0x1000, BUFFER, 4, RESULT);
      expect([user.read32(BUFFER), user.read32(RESULT)]).toEqual([0x12345678, 4]);
      yield* expectStatus(bare, 'PARTIAL_COPY', 'NtReadVirtualMemory', SELF, DATA + 0xfff0, BUFFER + 8, 0x20, RESULT);
      expect(user.read32(RESULT)).toBe(0x10);
      yield* expectStatus(bare, 'ACCESS_VIOLATION', 'NtWriteVirtualMemory', SELF, 0x7ffefff0, BUFFER, 0x20, RESULT);
      yield* expectStatus(bare, 'SUCCESS', 'NtWriteVirtualMemory', SELF, DATA + 0x2000, BUFFER, 4, 0);
      expect(user.read32(DATA + 0x2000)).toBe(0x12345678);
    });
  });

  it('list the working set', () => {
    script(function* (bare) {
      const { user } = bare.kernel;
      yield* expectStatus(bare, 'INFO_LENGTH_MISMATCH', 'NtQueryVirtualMemory', SELF, 0, 1, BUFFER, 4, RESULT);
      const count = user.read32(BUFFER);
      expect(user.read32(RESULT)).toBe(4 + count * 4);
      yield* expectStatus(bare, 'SUCCESS', 'NtQueryVirtualMemory', SELF, 0, 1, BUFFER, 4 + count * 4, RESULT);
      expect(words(bare, BUFFER + 4, count)).toContain(((DATA | 6) & ~0xfe0) >>> 0);
      user.write32(BUFFER, DATA + 5);
      user.write32(BUFFER + 8, 0x10);
      yield* expectStatus(bare, 'SUCCESS', 'NtQueryVirtualMemory', SELF, 0, 4, BUFFER, 16, 0);
      expect([user.read32(BUFFER + 4), user.read32(BUFFER + 12)]).toEqual([1 | (1 << 1) | (0x40 << 4), 0]);
    });
  });
});

describe('section services', () => {
  it('share named memory', () => {
    script(function* (bare) {
      const { user } = bare.kernel;
      user.write64(SIZE, 0x10000n);
      const attributes = namedAttributes(bare, '\\BaseNamedObjects\\shared');
      yield* expectStatus(bare, 'SUCCESS', 'NtCreateSection', HANDLE, 0xf001f, attributes, SIZE, 4, 0x8000000, 0);
      const first = user.read32(HANDLE);
      yield* expectStatus(
        bare,
        'OBJECT_NAME_COLLISION',
        'NtCreateSection',
        HANDLE,
        0xf001f,
        attributes,
        SIZE,
        4,
        0x8000000,
        0,
      );
      yield* expectStatus(bare, 'SUCCESS', 'NtOpenSection', HANDLE, 4, attributes);
      const readOnly = user.read32(HANDLE);
      user.write32(BASE, 0);
      user.write32(SIZE, 0);
      yield* expectStatus(bare, 'SUCCESS', 'NtMapViewOfSection', first, SELF, BASE, 0, 0, 0, SIZE, 1, 0, 4);
      const view = user.read32(BASE);
      expect(user.read32(SIZE)).toBe(0x10000);
      user.write32(view, 0x600df00d);
      user.write32(BASE, 0);
      user.write32(SIZE, 0);
      yield* expectStatus(bare, 'ACCESS_DENIED', 'NtMapViewOfSection', readOnly, SELF, BASE, 0, 0, 0, SIZE, 1, 0, 4);
      yield* expectStatus(bare, 'SUCCESS', 'NtMapViewOfSection', readOnly, SELF, BASE, 0, 0, 0, SIZE, 1, 0, 2);
      expect(user.read32(user.read32(BASE))).toBe(0x600df00d);
      yield* expectStatus(bare, 'SUCCESS', 'NtClose', first);
      yield* expectStatus(bare, 'SUCCESS', 'NtClose', readOnly);
      yield* expectStatus(bare, 'OBJECT_NAME_NOT_FOUND', 'NtOpenSection', HANDLE, 4, attributes);
      expect(user.read32(view)).toBe(0x600df00d);
      yield* expectStatus(bare, 'NOT_MAPPED_DATA', 'NtFlushVirtualMemory', SELF, BASE, SIZE, IOSB);
      yield* expectStatus(bare, 'SUCCESS', 'NtUnmapViewOfSection', SELF, view + 0x5678);
      yield* expectStatus(bare, 'SUCCESS', 'NtUnmapViewOfSection', SELF, user.read32(BASE));
      yield* expectStatus(bare, 'NOT_MAPPED_VIEW', 'NtUnmapViewOfSection', SELF, view);
      // The dereference segment thread comes to it.
      yield* bare.kernel.ke.yieldExecution();
      expect(bare.kernel.ex.pool.trackers.find('MmCa')?.nonPaged.bytes).toBe(0);
    });
  });

  it('check parameters before pointers before handles', () => {
    script(function* (bare) {
      yield* expectStatus(bare, 'INVALID_PARAMETER_6', 'NtCreateSection', BAD, 0, BAD, BAD, 3, 0, 0);
      yield* expectStatus(bare, 'INVALID_PAGE_PROTECTION', 'NtCreateSection', BAD, 0, BAD, BAD, 0x104, 0x8000000, 0);
      yield* expectStatus(bare, 'ACCESS_VIOLATION', 'NtCreateSection', BAD, 0, 0, 0, 0x30, 0x8000000, 0);
      yield* expectStatus(bare, 'INVALID_PAGE_PROTECTION', 'NtCreateSection', HANDLE, 0, 0, 0, 0x30, 0x8000000, 0);
      yield* expectStatus(bare, 'INVALID_PARAMETER_4', 'NtCreateSection', HANDLE, 0, 0, 0, 4, 0x8000000, 0);
      yield* expectStatus(bare, 'INVALID_HANDLE', 'NtCreateSection', HANDLE, 0, 0, 0, 4, 0x8000000, 0x1234);
      yield* expectStatus(bare, 'INVALID_PARAMETER_8', 'NtMapViewOfSection', 0, 0, BAD, 0, 0, 0, BAD, 0, 0, 4);
      yield* expectStatus(bare, 'ACCESS_VIOLATION', 'NtMapViewOfSection', 0, 0, BAD, 0, 0, 0, SIZE, 1, 0, 4);
      yield* expectStatus(bare, 'INVALID_HANDLE', 'NtMapViewOfSection', 0x1234, SELF, BASE, 0, 0, 0, SIZE, 1, 0, 4);
      yield* expectStatus(bare, 'INVALID_INFO_CLASS', 'NtQuerySection', 0x1234, 2, BUFFER, 0x10, 0);
      yield* expectStatus(bare, 'INFO_LENGTH_MISMATCH', 'NtQuerySection', 0x1234, 0, BUFFER, 0xf, 0);
      yield* expectStatus(bare, 'INVALID_HANDLE', 'NtQuerySection', 0x1234, 0, BUFFER, 0x10, 0);
    });
  });

  it('map files, which reads, writes and views see alike', () => {
    script(function* (bare) {
      const { user } = bare.kernel;
      const file = yield* openFile(bare, 'data.bin', 0x12019f, 2);
      user.writeBytes(BUFFER, Uint8Array.of(1, 2, 3, 4));
      yield* expectStatus(bare, 'SUCCESS', 'NtWriteFile', file, 0, 0, 0, IOSB, BUFFER, 4, 0, 0);
      user.write64(SIZE, 0x2000n);
      yield* expectStatus(bare, 'SUCCESS', 'NtCreateSection', HANDLE, 0xf001f, 0, SIZE, 4, 0x8000000, file);
      const section = user.read32(HANDLE);
      user.write32(BASE, 0);
      user.write32(SIZE, 0);
      yield* expectStatus(bare, 'SUCCESS', 'NtMapViewOfSection', section, SELF, BASE, 0, 0, 0, SIZE, 2, 0, 4);
      const view = user.read32(BASE);
      expect(user.read32(view)).toBe(0x04030201);
      user.write32(view + 4, 0x08070605);
      user.write64(OFFSET, 2n);
      yield* expectStatus(bare, 'SUCCESS', 'NtReadFile', file, 0, 0, 0, IOSB, BUFFER, 4, OFFSET, 0);
      expect(user.read32(BUFFER)).toBe(0x06050403);
      user.write32(BUFFER, 0xcafebabe);
      user.write64(OFFSET, 0x1000n);
      user.read32(view + 0x1000);
      yield* expectStatus(bare, 'SUCCESS', 'NtWriteFile', file, 0, 0, 0, IOSB, BUFFER, 4, OFFSET, 0);
      expect(user.read32(view + 0x1000)).toBe(0xcafebabe);
      yield* expectStatus(bare, 'SUCCESS', 'NtFlushVirtualMemory', SELF, BASE, SIZE, IOSB);
      yield* expectStatus(bare, 'SUCCESS', 'NtQuerySection', section, 0, BUFFER, 0x10, 0);
      expect(words(bare, BUFFER, 4)).toEqual([0, 0x8800000, 0x2000, 0]);
      yield* expectStatus(bare, 'SECTION_NOT_IMAGE', 'NtQuerySection', section, 1, BUFFER, 0x30, 0);
      yield* expectStatus(bare, 'SUCCESS', 'NtQueryVirtualMemory', SELF, view, 2, BUFFER, 0x100, 0);
      expect(user.read16(BUFFER) / 2).toBe('\\Device\\HarddiskVolume1\\data.bin'.length);
      yield* expectStatus(bare, 'BUFFER_OVERFLOW', 'NtQueryVirtualMemory', SELF, view, 2, BUFFER, 0x10, RESULT);
      yield* expectStatus(bare, 'SUCCESS', 'NtClose', section);
      yield* expectStatus(bare, 'SUCCESS', 'NtUnmapViewOfSection', SELF, view);
      user.write64(OFFSET, 4n);
      yield* expectStatus(bare, 'SUCCESS', 'NtReadFile', file, 0, 0, 0, IOSB, BUFFER, 4, OFFSET, 0);
      expect(user.read32(BUFFER)).toBe(0x08070605);
      yield* expectStatus(bare, 'SUCCESS', 'NtClose', file);
    });
  });

  it('try a flush of a file that is locked for a moment five times, 10 ms apart', () => {
    script(function* (bare) {
      const { user, clock, ke } = bare.kernel;
      // The program itself does nothing meanwhile.
      ke.suspendThread(bare.thread);
      const handle = yield* openFile(bare, 'data.bin', 0x12019f, 2);
      user.write64(SIZE, 0x1000n);
      yield* expectStatus(bare, 'SUCCESS', 'NtCreateSection', HANDLE, 0xf001f, 0, SIZE, 4, 0x8000000, handle);
      user.write32(BASE, 0);
      user.write32(SIZE, 0);
      const section = user.read32(HANDLE);
      yield* expectStatus(bare, 'SUCCESS', 'NtMapViewOfSection', section, SELF, BASE, 0, 0, 0, SIZE, 2, 0, 4);
      const view = user.read32(BASE);
      const file = bare.process.pcb.addressSpace?.vads.find(view >>> 12)?.controlArea?.file;
      if (!file) throw new Error('no view of a file');
      const write = file.write.bind(file);
      for (const [conflicts, status] of [
        [4, 'SUCCESS'],
        [5, 'FILE_LOCK_CONFLICT'],
      ] as const) {
        let tries = 0;
        file.write = (offset, bytes) => (tries++ < conflicts ? Status.FILE_LOCK_CONFLICT : write(offset, bytes));
        user.write32(view, conflicts);
        const before = clock.nanoseconds();
        yield* expectStatus(bare, status, 'NtFlushVirtualMemory', SELF, BASE, SIZE, IOSB);
        expect(tries).toBe(5);
        expect(clock.nanoseconds() - before).toBeGreaterThanOrEqual(40_000_000);
        expect(bare.kernel.mm.verify()).toBeNull();
      }
      file.write = write;
      yield* expectStatus(bare, 'SUCCESS', 'NtFlushVirtualMemory', SELF, BASE, SIZE, IOSB);
      yield* expectStatus(bare, 'SUCCESS', 'NtUnmapViewOfSection', SELF, view);
      yield* expectStatus(bare, 'SUCCESS', 'NtClose', section);
      yield* expectStatus(bare, 'SUCCESS', 'NtClose', handle);
    }, 'EB FE');
  });

  it('ask for the access to the file that the protection needs', () => {
    script(function* (bare) {
      const { user } = bare.kernel;
      const file = yield* openFile(bare, 'data.bin', 0x12019f, 2);
      user.writeBytes(BUFFER, Uint8Array.of(1));
      yield* expectStatus(bare, 'MAPPED_FILE_SIZE_ZERO', 'NtCreateSection', HANDLE, 4, 0, 0, 2, 0x8000000, file);
      yield* expectStatus(bare, 'SUCCESS', 'NtWriteFile', file, 0, 0, 0, IOSB, BUFFER, 1, 0, 0);
      yield* expectStatus(bare, 'SUCCESS', 'NtClose', file);
      const readOnly = yield* openFile(bare, 'data.bin', 0x120089, 1);
      yield* expectStatus(bare, 'ACCESS_DENIED', 'NtCreateSection', HANDLE, 4, 0, 0, 4, 0x8000000, readOnly);
      yield* expectStatus(bare, 'INVALID_IMAGE_NOT_MZ', 'NtCreateSection', HANDLE, 4, 0, 0, 2, 0x1000000, readOnly);
      yield* expectStatus(bare, 'SUCCESS', 'NtCreateSection', HANDLE, 4, 0, 0, 2, 0x8000000, readOnly);
    });
  });
});

describe('memory services with arguments that mean nothing', () => {
  it('give a status, and leave the memory manager consistent', () => {
    const counts = new Map(memoryServices.map((row) => [row.name, row.arguments]));
    const pointers = [BASE, SIZE, HANDLE, RESULT, OFFSET, IOSB, BUFFER, NAME, BAD, DATA + 0xfffe, 0x400000, 0x7ffe0000];
    const numbers = [0, 1, 2, 4, 8, 0x1000, 0x2000, 0x3000, 0x4000, 0x8000, 0x10000, 0x40, 0x104, 0x80000, 0x100000];
    const large = [0x1000000, 0x8000000, 0x4000000, 0x200000, 0x7fffffff, 0x80000000, 0xfffff000, 0xfffffffe, SELF];
    const argument = fc.oneof(
      fc.constantFrom(...pointers),
      fc.constantFrom(...numbers),
      fc.constantFrom(...large),
      fc.integer({ min: 0, max: 0x40 }),
    );
    const call = fc.record({
      name: fc.constantFrom(...memoryServices.map((row) => row.name)),
      parameters: fc.array(argument, { minLength: 10, maxLength: 10 }),
      base: fc.oneof(fc.constantFrom(0, 0x10000, 0x20000, 0x600000), argument),
      size: argument,
    });
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 30 }), (calls) => {
        script(function* (bare) {
          const { user, mm } = bare.kernel;
          for (const { name, parameters, base, size } of calls) {
            user.write32(BASE, base);
            user.write32(SIZE, size);
            user.clearFailure();
            // Half of the handles are good, so that more than the first check is reached.
            const first = parameters[0] % 2 === 0 ? SELF : parameters[0];
            const status = yield* bare.call(name, ...[first, ...parameters.slice(1)].slice(0, counts.get(name)));
            expect(`${name} ${statusName(status)}`).not.toContain('UNKNOWN');
            expect(user.takeFailure()).toBe(Status.SUCCESS);
            expect(mm.verify()).toBeNull();
          }
        });
      }),
      { numRuns: 40 },
    );
  });
});
