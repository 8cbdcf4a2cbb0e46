import { beforeEach, describe, expect, it } from 'vitest';
import { Status } from '../../kernel/ntstatus.js';
import type { Blocking, NtStatus } from '../../kernel/types.js';
import { BareProcess, code, DATA } from './bare-process.js';

const HANDLE = DATA;
const SECOND = DATA + 4;
const OUT = DATA + 0x10;
const TIMEOUT = DATA + 0x20;
const HANDLES = DATA + 0x30;
const NAME = DATA + 0x100;
const ATTRIBUTES = DATA + 0x180;
const ALL = 0x1f0003;
const NOTIFICATION = 0;
const SYNCHRONIZATION = 1;
const OBJ_OPENIF = 0x80;
const OBJ_CASE_INSENSITIVE = 0x40;

let bare: BareProcess;

beforeEach(() => {
  // The process's own thread loops for ever; its instructions are slow, so that time passes quickly.
  bare = new BareProcess(code('EB FE'), { nanosecondsPerInstruction: 100_000 });
});

const read = (address: number): number => bare.kernel.user.read32(address);
const signed = (address: number): number => read(address) | 0;

function* create(name: string, ...parameters: readonly number[]): Blocking<number> {
  expect(yield* bare.call(name, ...parameters)).toBe(Status.SUCCESS);
  return read(parameters[0]);
}

/** Timeout in milliseconds from now; returns its address. */
function timeout(milliseconds: number): number {
  bare.kernel.user.write64(TIMEOUT, BigInt.asUintN(64, BigInt(-milliseconds * 10_000)));
  return TIMEOUT;
}

function objectAttributes(name: string, flags: number): number {
  const { user } = bare.kernel;
  user.write16(NAME, name.length * 2);
  user.write16(NAME + 2, name.length * 2);
  user.write32(NAME + 4, NAME + 8);
  for (let index = 0; index < name.length; index++) user.write16(NAME + 8 + index * 2, name.charCodeAt(index));
  for (const [index, value] of [0x18, 0, NAME, flags, 0, 0].entries()) user.write32(ATTRIBUTES + index * 4, value);
  return ATTRIBUTES;
}

const wait = (handle: number, milliseconds: number): Blocking<NtStatus> =>
  bare.call('NtWaitForSingleObject', handle, 0, timeout(milliseconds));

describe('events', () => {
  it('live through their services', () => {
    bare.inProcess(function* () {
      const handle = yield* create('NtCreateEvent', HANDLE, ALL, 0, NOTIFICATION, 0);
      expect(yield* wait(handle, 0)).toBe(Status.TIMEOUT);
      expect(yield* bare.call('NtSetEvent', handle, OUT)).toBe(Status.SUCCESS);
      expect(read(OUT)).toBe(0);
      expect(yield* bare.call('NtSetEvent', handle, OUT)).toBe(Status.SUCCESS);
      expect(read(OUT)).toBe(1);
      expect(yield* wait(handle, 0)).toBe(Status.SUCCESS);
      expect(yield* bare.call('NtQueryEvent', handle, 0, OUT, 8, OUT + 8)).toBe(Status.SUCCESS);
      expect([read(OUT), read(OUT + 4), read(OUT + 8)]).toEqual([0, 1, 8]);
      expect(yield* bare.call('NtResetEvent', handle, OUT)).toBe(Status.SUCCESS);
      expect(yield* wait(handle, 0)).toBe(Status.TIMEOUT);
      expect(yield* bare.call('NtClose', handle)).toBe(Status.SUCCESS);
      expect(yield* bare.call('NtSetEvent', handle, 0)).toBe(Status.INVALID_HANDLE);
    });
  });

  it('refuse what NT refuses', () => {
    bare.inProcess(function* () {
      expect(yield* bare.call('NtCreateEvent', HANDLE, ALL, 0, 2, 0)).toBe(Status.INVALID_PARAMETER);
      expect(yield* bare.call('NtCreateEvent', 0x1000, ALL, 0, 0, 0)).toBe(Status.ACCESS_VIOLATION);
      expect(yield* bare.call('NtCreateEvent', 0x80000000, ALL, 0, 0, 0)).toBe(Status.ACCESS_VIOLATION);
      expect(yield* bare.call('NtCreateEvent', HANDLE, ALL, 0x1000, 0, 0)).toBe(Status.ACCESS_VIOLATION);
      const handle = yield* create('NtCreateEvent', HANDLE, 0x100000, 0, NOTIFICATION, 0);
      expect(yield* bare.call('NtSetEvent', handle, 0)).toBe(Status.ACCESS_DENIED);
      expect(yield* bare.call('NtReleaseMutant', handle, 0)).toBe(Status.OBJECT_TYPE_MISMATCH);
      expect(yield* bare.call('NtQueryEvent', handle, 1, OUT, 8, 0)).toBe(Status.INVALID_INFO_CLASS);
      expect(yield* bare.call('NtQueryEvent', handle, 0, OUT, 7, 0)).toBe(Status.INFO_LENGTH_MISMATCH);
    });
  });

  it('with a name are shared, and collide', () => {
    bare.inProcess(function* () {
      const name = '\\BaseNamedObjects\\Ready';
      const plain = objectAttributes(name, OBJ_CASE_INSENSITIVE);
      const first = yield* create('NtCreateEvent', HANDLE, ALL, plain, NOTIFICATION, 0);
      expect(yield* bare.call('NtCreateEvent', SECOND, ALL, ATTRIBUTES, NOTIFICATION, 0)).toBe(
        Status.OBJECT_NAME_COLLISION,
      );
      objectAttributes(name, OBJ_CASE_INSENSITIVE | OBJ_OPENIF);
      expect(yield* bare.call('NtCreateEvent', SECOND, ALL, ATTRIBUTES, NOTIFICATION, 0)).toBe(
        Status.OBJECT_NAME_EXISTS,
      );
      yield* bare.call('NtClose', read(SECOND));
      expect(yield* bare.call('NtCreateMutant', SECOND, ALL, ATTRIBUTES, 0)).toBe(Status.OBJECT_TYPE_MISMATCH);
      objectAttributes('\\basenamedobjects\\READY', OBJ_CASE_INSENSITIVE);
      const second = yield* create('NtOpenEvent', SECOND, ALL, ATTRIBUTES);
      expect(second).not.toBe(first);
      yield* bare.call('NtSetEvent', second, 0);
      expect(yield* wait(first, 0)).toBe(Status.SUCCESS);
      yield* bare.call('NtClose', first);
      yield* bare.call('NtClose', second);
      expect(yield* bare.call('NtOpenEvent', SECOND, ALL, ATTRIBUTES)).toBe(Status.OBJECT_NAME_NOT_FOUND);
    });
  });
});

describe('mutants', () => {
  it('belong to the thread that took them', () => {
    bare.inProcess(function* () {
      const handle = yield* create('NtCreateMutant', HANDLE, ALL, 0, 1);
      expect(yield* wait(handle, 0)).toBe(Status.SUCCESS);
      expect(yield* bare.call('NtQueryMutant', handle, 0, OUT, 8, 0)).toBe(Status.SUCCESS);
      expect([signed(OUT), read(OUT + 4)]).toEqual([-1, 1]);
      expect(yield* bare.call('NtReleaseMutant', handle, OUT)).toBe(Status.SUCCESS);
      expect(signed(OUT)).toBe(-1);
      expect(yield* bare.call('NtReleaseMutant', handle, OUT)).toBe(Status.SUCCESS);
      expect(yield* bare.call('NtReleaseMutant', handle, OUT)).toBe(Status.MUTANT_NOT_OWNED);
    });
  });
});

describe('semaphores', () => {
  it('count between zero and their limit', () => {
    bare.inProcess(function* () {
      const impossible: readonly (readonly number[])[] = [
        [1, 0],
        [-1, 2],
        [3, 2],
      ];
      for (const [initial, maximum] of impossible) {
        expect(yield* bare.call('NtCreateSemaphore', HANDLE, ALL, 0, initial, maximum)).toBe(Status.INVALID_PARAMETER);
      }
      const handle = yield* create('NtCreateSemaphore', HANDLE, ALL, 0, 1, 2);
      expect(yield* bare.call('NtReleaseSemaphore', handle, 0, 0)).toBe(Status.INVALID_PARAMETER);
      expect(yield* bare.call('NtReleaseSemaphore', handle, 2, 0)).toBe(Status.SEMAPHORE_LIMIT_EXCEEDED);
      expect(yield* bare.call('NtReleaseSemaphore', handle, 1, OUT)).toBe(Status.SUCCESS);
      expect(read(OUT)).toBe(1);
      expect(yield* wait(handle, 0)).toBe(Status.SUCCESS);
      expect(yield* wait(handle, 0)).toBe(Status.SUCCESS);
      expect(yield* wait(handle, 0)).toBe(Status.TIMEOUT);
    });
  });
});

describe('timers', () => {
  it('expire in virtual time', () => {
    bare.inProcess(function* () {
      const handle = yield* create('NtCreateTimer', HANDLE, ALL, 0, SYNCHRONIZATION);
      expect(yield* bare.call('NtSetTimer', handle, timeout(100), 0, 0, 0, 0, OUT)).toBe(Status.SUCCESS);
      expect(yield* bare.call('NtQueryTimer', handle, 0, OUT, 16, 0)).toBe(Status.SUCCESS);
      expect([read(OUT), read(OUT + 4), read(OUT + 8)]).toEqual([1_000_000, 0, 0]);
      expect(yield* wait(handle, 50)).toBe(Status.TIMEOUT);
      expect(yield* wait(handle, 200)).toBe(Status.SUCCESS);
      expect(yield* bare.call('NtCancelTimer', handle, OUT)).toBe(Status.SUCCESS);
      expect(yield* bare.call('NtSetTimer', handle, timeout(100), 0, 0, 0, -1, 0)).toBe(Status.INVALID_PARAMETER_6);
    });
  });
});

describe('waits', () => {
  it('for several handles: index, timeout, and bad arguments', () => {
    bare.inProcess(function* () {
      const first = yield* create('NtCreateEvent', HANDLES, ALL, 0, SYNCHRONIZATION, 0);
      const second = yield* create('NtCreateEvent', HANDLES + 4, ALL, 0, SYNCHRONIZATION, 1);
      const many = (count: number, type: number): Blocking<NtStatus> =>
        bare.call('NtWaitForMultipleObjects', count, HANDLES, type, 0, timeout(0));
      expect(yield* many(2, 0)).toBe(Status.TIMEOUT);
      expect(yield* many(2, 1)).toBe(Status.WAIT_1);
      yield* bare.call('NtSetEvent', first, 0);
      yield* bare.call('NtSetEvent', second, 0);
      expect(yield* many(2, 0)).toBe(Status.SUCCESS);
      expect(yield* many(0, 0)).toBe(Status.INVALID_PARAMETER_1);
      expect(yield* many(65, 0)).toBe(Status.INVALID_PARAMETER_1);
      expect(yield* many(2, 2)).toBe(Status.INVALID_PARAMETER_3);
      bare.kernel.user.write32(HANDLES + 4, 0x1234);
      expect(yield* many(2, 0)).toBe(Status.INVALID_HANDLE);
      bare.kernel.user.write32(HANDLES + 4, first);
      expect(yield* many(2, 0)).toBe(0xc0000030);
    });
  });

  it('signal and wait is one step', () => {
    bare.inProcess(function* () {
      const event = yield* create('NtCreateEvent', HANDLE, ALL, 0, SYNCHRONIZATION, 0);
      const semaphore = yield* create('NtCreateSemaphore', SECOND, ALL, 0, 0, 1);
      const both = (signal: number): Blocking<NtStatus> =>
        bare.call('NtSignalAndWaitForSingleObject', signal, event, 0, timeout(0));
      expect(yield* both(event)).toBe(Status.SUCCESS);
      expect(yield* both(semaphore)).toBe(Status.TIMEOUT);
      expect(yield* both(semaphore)).toBe(Status.SEMAPHORE_LIMIT_EXCEEDED);
      expect(yield* both(0xffffffff)).toBe(Status.OBJECT_TYPE_MISMATCH);
    });
  });

  it('a delay passes virtual time', () => {
    bare.inProcess(function* () {
      const before = bare.kernel.ke.interruptTime();
      expect(yield* bare.call('NtDelayExecution', 0, timeout(100))).toBe(Status.SUCCESS);
      expect(bare.kernel.ke.interruptTime() - before).toBeGreaterThanOrEqual(1_000_000n);
      expect(yield* bare.call('NtDelayExecution', 0, 0)).toBe(Status.ACCESS_VIOLATION);
    });
  });
});

describe('keyed events', () => {
  it('a release meets its waiter by key', () => {
    bare.inProcess(function* () {
      const handle = yield* create('NtCreateKeyedEvent', HANDLE, 0xf0003, 0, 0);
      let woken: NtStatus | null = null;
      bare.kernel.ke.createSystemThread(bare.kernel.systemProcess, 17, function* () {
        bare.kernel.ke.attachProcess(bare.process.pcb);
        woken = yield* bare.call('NtWaitForKeyedEvent', handle, 0x1000, 0, 0);
        bare.kernel.ke.detachProcess();
      });
      yield* bare.kernel.ke.yieldExecution();
      expect(yield* bare.call('NtReleaseKeyedEvent', handle, 0x2000, 0, timeout(0))).toBe(Status.TIMEOUT);
      expect(woken).toBeNull();
      expect(yield* bare.call('NtReleaseKeyedEvent', handle, 0x1000, 0, 0)).toBe(Status.SUCCESS);
      yield* bare.kernel.ke.yieldExecution();
      expect(woken).toBe(Status.SUCCESS);
      expect(yield* bare.call('NtWaitForKeyedEvent', handle, 1, 0, 0)).toBe(Status.INVALID_PARAMETER_1);
    });
  });
});

describe('time', () => {
  it('comes from the clock and can be set', () => {
    bare.inProcess(function* () {
      const { user, ke } = bare.kernel;
      expect(yield* bare.call('NtQuerySystemTime', OUT)).toBe(Status.SUCCESS);
      expect(user.read64(OUT)).toBe(ke.systemTime());
      user.write64(OUT, 200_000_000_000_000_000n);
      expect(yield* bare.call('NtSetSystemTime', OUT, 0)).toBe(Status.SUCCESS);
      expect(ke.systemTime()).toBe(200_000_000_000_000_000n);
      const shared = (BigInt(user.read32(0x7ffe0018)) << 32n) | BigInt(user.read32(0x7ffe0014));
      expect(shared).toBe(ke.systemTime());
    });
  });
});
