import { describe, expect, it } from 'vitest';
import { PoolType } from '../../kernel/ex/pool.js';
import { FileLocks } from '../../kernel/io/byte-range-locks.js';
import { IoRequest } from '../../kernel/io/io-request.js';
import { MemoryVolume } from '../../kernel/io/memory-volume.js';
import { EventType, KEvent, KTimer } from '../../kernel/ke/dispatcher-object.js';
import { setTimer } from '../../kernel/ke/dispatcher-routines.js';
import { Mode, WaitReason } from '../../kernel/ke/thread.js';
import { delayExecution, waitForMultipleObjects, waitForSingleObject } from '../../kernel/ke/wait.js';
import { encodeUtf16 } from '../../kernel/mm/user-memory.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { BareProcess, code, DATA } from './bare-process.js';
import { SystemThreads } from './system-threads.js';

const FOREVER = { reason: WaitReason.Executive, mode: Mode.Kernel, alertable: false, timeout: null };
const SPIN = code('EB FE');
const LONGEST = -(2n ** 63n);

describe('a machine where nobody can run any more says so', () => {
  it('although a periodic timer goes on that nobody waits for', () => {
    const machine = new SystemThreads();
    const { dispatcher } = machine;
    machine.thread('sleeper', function* () {
      setTimer(dispatcher, new KTimer(EventType.Notification), -1n, 1, null);
      setTimer(dispatcher, new KTimer(EventType.Synchronization), -1_000_000n, 7000, null);
      yield* waitForSingleObject(dispatcher, new KEvent(EventType.Notification, false), FOREVER);
    });
    expect(machine.run()).toBe('deadlock');
  });

  it('although a periodic timer is one half of what somebody waits for', () => {
    const machine = new SystemThreads();
    const { dispatcher } = machine;
    machine.thread('waiter', function* () {
      const timer = new KTimer(EventType.Synchronization);
      setTimer(dispatcher, timer, -1n, 50, null);
      const never = new KEvent(EventType.Notification, false);
      yield* waitForMultipleObjects(dispatcher, [timer, never], true, FOREVER);
    });
    expect(machine.run()).toBe('deadlock');
  });

  it('but not while a one-shot timer is still to come behind periodic ones', () => {
    const machine = new SystemThreads();
    const { dispatcher } = machine;
    machine.thread('waiter', function* () {
      setTimer(dispatcher, new KTimer(EventType.Notification), -1n, 1, null);
      yield* delayExecution(dispatcher, Mode.Kernel, false, -600_000_000n, WaitReason.DelayExecution);
    });
    expect(machine.run()).toBe('finished');
    expect(machine.log).toEqual(['waiter ends']);
  });

  it('and passes over what they do before it, however long: their expirations stay where they were', () => {
    const finalState = (length: bigint, exactly: boolean) => {
      const machine = new SystemThreads();
      const { dispatcher } = machine;
      const timers = [1, 17, 40, 1000].map((period) => ({ period, timer: new KTimer(EventType.Notification) }));
      machine.thread('waiter', function* () {
        for (const { period, timer } of timers) setTimer(dispatcher, timer, BigInt(-period * 9_999), period, null);
        if (exactly) {
          // A thread that runs at every tick lets nothing be passed over.
          machine.thread('ticker', function* () {
            while (dispatcher.clock.interruptTime < Number(length)) {
              yield* delayExecution(dispatcher, Mode.Kernel, false, -1n, WaitReason.DelayExecution);
            }
          });
        }
        yield* delayExecution(dispatcher, Mode.Kernel, false, -length, WaitReason.DelayExecution);
      });
      expect(machine.run()).toBe('finished');
      return timers.map(({ timer }) => timer.dueTime);
    };
    for (const length of [600_000_001n, 31_250_000n, 20_000_000n]) {
      expect(finalState(length, false)).toEqual(finalState(length, true));
    }
    expect(finalState(2n ** 62n, false).every((due) => due > 2 ** 61)).toBe(true);
  });

  it('nor while the timer lets somebody run at each expiration', () => {
    const machine = new SystemThreads();
    const { dispatcher } = machine;
    machine.thread('waiter', function* () {
      const timer = new KTimer(EventType.Synchronization);
      setTimer(dispatcher, timer, -1n, 100, null);
      for (let turn = 0; turn < 50; turn++) yield* waitForSingleObject(dispatcher, timer, FOREVER);
    });
    expect(machine.run()).toBe('finished');
    expect(dispatcher.clock.interruptTime).toBeGreaterThan(49 * 1_000_000);
  });
});

describe('time', () => {
  it('passes for the longest timeouts too, again and again', () => {
    const machine = new SystemThreads();
    const { dispatcher } = machine;
    machine.thread('sleeper', function* () {
      for (let turn = 0; turn < 4; turn++) {
        yield* delayExecution(dispatcher, Mode.Kernel, false, LONGEST, WaitReason.DelayExecution);
        machine.spend(1);
        yield* delayExecution(dispatcher, Mode.Kernel, false, -1n, WaitReason.DelayExecution);
      }
    });
    expect(machine.run()).toBe('finished');
    expect(dispatcher.clock.interruptTime).toBeGreaterThan(2 ** 64);
  });

  it('stays exact to the instruction after 30000 years', () => {
    const machine = new SystemThreads();
    const { clock } = machine;
    clock.skipTo(Number(-LONGEST));
    clock.takeTicks();
    machine.spend(1000);
    expect(clock.instructionsToTick()).toBe(15_625_000 - 1000);
    machine.spend(15_625_000 - 1001);
    expect(clock.takeTicks()).toBe(0);
    machine.spend(1);
    expect(clock.takeTicks()).toBe(1);
  });

  it('ends the run at the limit of the options', () => {
    const spin = new BareProcess(SPIN, { nanosecondsPerInstruction: 1000 });
    const { runLoop, clock } = spin.kernel;
    expect(runLoop.run(Number.POSITIVE_INFINITY, () => false, 100_000_000)).toBe('limit');
    expect(clock.nanoseconds()).toBeLessThan(100_000_000 + 15_625_000);
  });
});

describe('byte-range locks', () => {
  const owner = () => new BareProcess(SPIN).kernel.io.createFile(OPEN_NULL).file;
  const OPEN_NULL = {
    attributes: { root: 0, name: '\\Device\\Null', attributes: 0x40 },
    desiredAccess: 1,
    allocationSize: 0,
    fileAttributes: 0,
    shareAccess: 7,
    disposition: 1,
    options: 0,
  };

  it('are granted in the order of the requests when they become free', () => {
    const locks = new FileLocks();
    const file = owner();
    if (file === null) throw new Error('no file');
    const lock = (key: number, exclusive: boolean) => {
      return { owner: file, processId: 4, key, exclusive, offset: 0n, length: 10n };
    };
    expect(locks.lock(lock(1, true))).toBe(Status.SUCCESS);
    const requests = [lock(2, false), lock(3, false), lock(4, true)].map((wanted) => {
      const request = new IoRequest();
      locks.enqueue(wanted, request);
      return request;
    });
    expect(locks.settle()).toEqual([]);
    expect(locks.unlock(lock(1, true))).toBe(Status.SUCCESS);
    const [second, third, fourth] = requests;
    expect(locks.settle()).toEqual([
      { request: second, status: Status.SUCCESS },
      { request: third, status: Status.SUCCESS },
    ]);
    expect(locks.settle()).toEqual([]);
    expect(locks.unlockAll(file)).toEqual([{ request: fourth, status: Status.RANGE_NOT_LOCKED }]);
    expect(locks.settle()).toEqual([]);
  });

  it('are limited in number', () => {
    const locks = new FileLocks();
    const file = owner();
    if (file === null) throw new Error('no file');
    const add = () => locks.lock({ owner: file, processId: 4, key: 0, exclusive: false, offset: 0n, length: 0n });
    let count = 0;
    while (count < 20_000 && add() === Status.SUCCESS) count++;
    expect(count).toBe(0x2000);
  });
});

describe('NtLockFile that waits', () => {
  const [FIRST, SECOND] = [DATA + 0x10, DATA + 0x14];
  const [IO_STATUS, RANGE] = [DATA + 0x20, DATA + 0x30];

  /** Opens the same file twice, then lets two threads want the same byte. */
  function contend(releases: boolean) {
    const guest = new BareProcess(SPIN);
    const { kernel } = guest;
    const log: string[] = [];
    let running = 2;
    const open = function* (handleAddress: number) {
      kernel.user.writeBytes(DATA + 0x100, encodeUtf16('\\??\\C:\\file'));
      const attributes = [0x18, 0, DATA + 0x60, 0x40, 0, 0, 0, 0];
      attributes.forEach((value, index) => {
        kernel.user.write32(DATA + 0x40 + index * 4, value);
      });
      kernel.user.write32(DATA + 0x60, 22 | (22 << 16));
      kernel.user.write32(DATA + 0x64, DATA + 0x100);
      const given = [handleAddress, 0x12019f, DATA + 0x40, IO_STATUS, 0, 0, 7, 3, 0x20, 0, 0];
      expect(yield* guest.call('NtCreateFile', ...given)).toBe(Status.SUCCESS);
    };
    const lock = function* (name: string, handle: number) {
      const given = [handle, 0, 0, 0, IO_STATUS, RANGE, RANGE + 8, 0, 0, 1];
      log.push(`${name} ${statusName(yield* guest.call('NtLockFile', ...given))}`);
    };
    const thread = (body: () => Generator<void, void, void>) =>
      kernel.ke.createSystemThread(kernel.systemProcess, 16, function* () {
        kernel.ke.attachProcess(guest.process.pcb);
        yield* body();
        running--;
      });
    thread(function* () {
      yield* open(FIRST);
      yield* open(SECOND);
      kernel.user.write64(RANGE, 5n);
      kernel.user.write64(RANGE + 8, 1n);
      const [first, second] = [kernel.user.read32(FIRST), kernel.user.read32(SECOND)];
      yield* lock('first', first);
      thread(() => lock('second', second));
      yield* kernel.ke.delayExecution(Mode.Kernel, false, -10_000_000n);
      log.push('a second later');
      if (releases) yield* guest.call('NtUnlockFile', first, IO_STATUS, RANGE, RANGE + 8, 0);
    });
    kernel.ke.suspendThread(guest.thread);
    return { end: kernel.runLoop.run(1_000_000, () => running === 0), log };
  }

  it('gets the range when its owner gives it back', () => {
    const { end, log } = contend(true);
    expect(log).toEqual(['first STATUS_SUCCESS', 'a second later', 'second STATUS_SUCCESS']);
    expect(end).toBe('finished');
  });

  it('is a deadlock when nobody gives it back', () => {
    const { end, log } = contend(false);
    expect(log).toEqual(['first STATUS_SUCCESS', 'a second later']);
    expect(end).toBe('deadlock');
  });
});

describe('what a program makes without end comes to an end', () => {
  const name = (status: number): string => statusName(status).replace('STATUS_', '');
  const HANDLE = DATA;
  const ATTRIBUTES = DATA + 0x40;
  const STRING = DATA + 0x80;
  const TEXT = DATA + 0x100;

  function putAttributes({ kernel }: BareProcess, root: number, text: string): void {
    const bytes = encodeUtf16(text);
    kernel.user.writeBytes(TEXT, bytes);
    [bytes.length | (bytes.length << 16), TEXT].forEach((value, index) => {
      kernel.user.write32(STRING + index * 4, value);
    });
    [0x18, root, STRING, 0x40, 0, 0].forEach((value, index) => {
      kernel.user.write32(ATTRIBUTES + index * 4, value);
    });
  }

  function end(guest: BareProcess): void {
    guest.inProcess(function* () {
      yield* guest.kernel.ps.terminateProcess(guest.process.pcb, Status.SUCCESS);
    });
    expect(guest.run()).toBe('finished');
  }

  it('APCs to a thread that never takes one: NO_MEMORY, and all pool comes back with the thread', () => {
    const guest = new BareProcess(SPIN, { memorySize: 12 << 20 });
    const { pool } = guest.kernel.ex;
    const taken: number[] = [];
    for (let block = 1; block !== 0; ) {
      block = pool.allocate(PoolType.NonPaged, 0x10000, 'Test');
      if (block !== 0) taken.push(block);
    }
    for (const block of taken.splice(0, 4)) pool.free(block);
    const usage = () => guest.kernel.ex.pool.trackers.find('Psap')?.nonPaged.bytes;
    guest.inProcess(function* () {
      putAttributes(guest, 0, '');
      guest.kernel.user.write32(STRING, guest.process.processId);
      guest.kernel.user.write32(STRING + 4, guest.thread.uniqueThreadId);
      guest.kernel.user.write32(ATTRIBUTES + 8, 0);
      expect(name(yield* guest.call('NtOpenThread', HANDLE, 0x1f03ff, ATTRIBUTES, STRING))).toBe('SUCCESS');
      const handle = guest.kernel.user.read32(HANDLE);
      let status: number = Status.SUCCESS;
      let count = 0;
      for (; status === Status.SUCCESS; count++)
        status = yield* guest.call('NtQueueApcThread', handle, 0x400000, 0, 0, 0);
      expect(name(status)).toBe('NO_MEMORY');
      expect(count).toBeGreaterThan(1000);
    });
    expect(usage()).toBeGreaterThan(0);
    // The thread that ends the program needs a kernel stack.
    for (const block of taken.splice(0, 8)) pool.free(block);
    end(guest);
    expect(usage()).toBe(0);
    expect(guest.kernel.mm.verify()).toBeNull();
  });

  it('names and links of the greatest length: INSUFFICIENT_RESOURCES', () => {
    const guest = new BareProcess(SPIN);
    guest.inProcess(function* () {
      let status: number = Status.SUCCESS;
      let count = 0;
      for (; status === Status.SUCCESS; count++) {
        putAttributes(guest, 0, `\\BaseNamedObjects\\${count}${'x'.repeat(20_000)}`);
        status = yield* guest.call('NtCreateSymbolicLinkObject', HANDLE, 0xf0001, ATTRIBUTES, STRING);
      }
      expect(name(status)).toBe('INSUFFICIENT_RESOURCES');
      // Every link takes 80 KB of paged pool, of which so small a machine has 32 MB.
      expect(count).toBeLessThan((32 << 20) / 80_000);
    });
    expect(guest.kernel.mm.verify()).toBeNull();
  });

  it('directories in directories: their path is cut to what a UNICODE_STRING holds', () => {
    const guest = new BareProcess(SPIN);
    guest.inProcess(function* () {
      let root = 0;
      for (let depth = 0; depth < 20_000; depth++) {
        putAttributes(guest, root, root === 0 ? '\\BaseNamedObjects\\deep' : 'deep');
        const status = yield* guest.call('NtCreateDirectoryObject', HANDLE, 0xf000f, ATTRIBUTES);
        if (status !== Status.SUCCESS) break;
        root = guest.kernel.user.read32(HANDLE);
      }
      const { object } = guest.kernel.ob.peekObjectByHandle(root, null, 0);
      if (object === null) throw new Error('no directory');
      const path = guest.kernel.ob.pathOf(object);
      expect(path.length).toBeGreaterThan(32_000);
      expect(path.length).toBeLessThan(32_768);
    });
    end(guest);
    expect(guest.kernel.ob.types.directory.objectCount).toBe(8);
  });

  it('empty files in memory: DISK_FULL', () => {
    const volume = new MemoryVolume('', () => 0n);
    let count = 0;
    while (count < 200_000 && typeof volume.createFile([`file${count}`]) !== 'number') count++;
    expect(count).toBe((64 << 20) / 1024);
    for (let index = 0; index < count; index++) volume.remove([`file${index}`]);
    expect(volume.space().freeBytes).toBe(64 << 20);
  });
});
