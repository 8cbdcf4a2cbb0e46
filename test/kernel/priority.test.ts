import { describe, expect, it } from 'vitest';
import { type DispatcherObject, EventType, KEvent, KSemaphore } from '../../kernel/ke/dispatcher-object.js';
import { releaseSemaphore, setEvent, setEventBoostPriority } from '../../kernel/ke/dispatcher-routines.js';
import { boostPriority, chargeQuantum } from '../../kernel/ke/priority.js';
import { Mode, type Thread, ThreadState, WaitReason } from '../../kernel/ke/thread.js';
import { setBasePriority, setPriority, setProcessPriority } from '../../kernel/ke/threads.js';
import { delayExecution, waitForSingleObject, yieldExecution } from '../../kernel/ke/wait.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { PriorityClass } from '../../kernel/ps/process.js';
import { PrioritySeparation } from '../../kernel/ps/process-priority.js';
import type { Blocking } from '../../kernel/types.js';
import { BareProcess, code, DATA } from './bare-process.js';
import { ParameterMachine } from './service-parameters.js';
import { SystemThreads } from './system-threads.js';

const forEver = { reason: WaitReason.Executive, mode: Mode.Kernel, alertable: false, timeout: null } as const;
const stateName = (state: number): string =>
  Object.entries(ThreadState).find(([, value]) => value === state)?.[0] ?? '';

/** Waits for an object as a whole thread's work. */
const waits = (machine: SystemThreads, object: DispatcherObject) =>
  function* (): Blocking<void> {
    yield* waitForSingleObject(machine.dispatcher, object, forEver);
  };

describe('thread states', () => {
  it('go from initialized to terminated by way of all the others', () => {
    const machine = new SystemThreads();
    const { dispatcher } = machine;
    const event = new KEvent(EventType.Synchronization, false);
    const seen: string[] = [];
    const watched = machine.initialized('watched', waits(machine, event));
    expect(watched.state).toBe(ThreadState.Initialized);
    dispatcher.stateListener = (thread) => {
      if (thread === watched) seen.push(stateName(thread.state));
    };
    dispatcher.readyThread(watched);
    machine.thread(
      'setter',
      function* () {
        setEvent(dispatcher, event, 0);
        expect(watched.state).toBe(ThreadState.Standby);
        expect(dispatcher.standby).toBe(watched);
        yield* [];
      },
      4,
    );
    expect(machine.run()).toBe('finished');
    const running = ['DeferredReady', 'Ready', 'Standby', 'Running'];
    expect(seen).toEqual([...running, 'Waiting', ...running, 'Terminated']);
  });

  it('a standby thread makes room for one of higher priority, and keeps its turn', () => {
    const machine = new SystemThreads();
    const { dispatcher } = machine;
    const events = [1, 2, 3].map(() => new KEvent(EventType.Notification, false));
    const waiters = [9, 9, 10].map((priority, index) =>
      machine.thread(`waiter ${index}`, waits(machine, events[index]), priority),
    );
    machine.thread('setter', () => {
      setEvent(dispatcher, events[0], 0);
      setEvent(dispatcher, events[1], 0);
      expect(waiters.map((thread) => thread.state)).toEqual([
        ThreadState.Standby,
        ThreadState.Ready,
        ThreadState.Waiting,
      ]);
      setEvent(dispatcher, events[2], 0);
      expect(waiters.map((thread) => thread.state)).toEqual([
        ThreadState.Ready,
        ThreadState.Ready,
        ThreadState.Standby,
      ]);
      setPriority(dispatcher, waiters[2], 5);
      expect(waiters.map((thread) => thread.state)).toEqual([
        ThreadState.Standby,
        ThreadState.Ready,
        ThreadState.Ready,
      ]);
      setPriority(dispatcher, dispatcher.current, 12);
      expect(dispatcher.standby).toBeNull();
      setPriority(dispatcher, dispatcher.current, 8);
      expect(dispatcher.standby).toBe(waiters[0]);
    });
    expect(machine.run()).toBe('finished');
    expect(machine.log).toEqual(['setter ends', 'waiter 0 ends', 'waiter 1 ends', 'waiter 2 ends']);
  });

  it('say why a thread gave up the processor', () => {
    const machine = new SystemThreads();
    const { dispatcher } = machine;
    const yielder = machine.thread('yielder', function* () {
      yield* yieldExecution(dispatcher);
    });
    machine.thread('equal', () => {
      expect(yielder).toMatchObject({ state: ThreadState.Ready, waitReason: WaitReason.YieldExecution });
    });
    expect(machine.run()).toBe('finished');
  });
});

describe('boosts at the end of a wait', () => {
  const boosted = (increment: number, setUp: (thread: Thread) => void = () => undefined): Thread => {
    const thread = new SystemThreads().thread('thread', function* () {});
    setUp(thread);
    boostPriority(thread, increment);
    return thread;
  };

  it('are counted from the base priority and stop at 15', () => {
    expect(boosted(6).priority).toBe(14);
    expect(boosted(8).priority).toBe(15);
    expect(boosted(1, (thread) => Object.assign(thread, { priority: 12 })).priority).toBe(12);
  });

  it('do not touch real-time threads, those that want none, or those with a boost that goes as a whole', () => {
    expect(boosted(6, (thread) => Object.assign(thread, { basePriority: 24, priority: 24 })).priority).toBe(24);
    expect(boosted(6, (thread) => Object.assign(thread, { disableBoost: true })).priority).toBe(8);
    expect(boosted(6, (thread) => Object.assign(thread, { priority: 10, priorityDecrement: 2 })).priority).toBe(10);
  });

  it('are higher in the foreground, by what the first quantum takes away', () => {
    const thread = boosted(1, ({ process }) => Object.assign(process, { foregroundBoost: 2 }));
    expect(thread).toMatchObject({ priority: 11, priorityDecrement: 2 });
    while (!chargeQuantum(thread));
    expect(thread).toMatchObject({ priority: 8, priorityDecrement: 0 });
  });

  it('cost one quantum unit; from base priority 14 on the quantum is whole again', () => {
    expect(boosted(0).quantum).toBe(5);
    expect(boosted(0, (thread) => Object.assign(thread, { quantum: 1 })).quantum).toBe(6);
    expect(boosted(0, (thread) => Object.assign(thread, { basePriority: 14, priority: 14, quantum: 2 })).quantum).toBe(
      6,
    );
  });

  it('a semaphore boosts each of the threads that it lets go', () => {
    const machine = new SystemThreads();
    const semaphore = new KSemaphore(0, 5);
    for (const name of ['a', 'b'])
      machine.thread(name, function* (thread) {
        yield* waitForSingleObject(machine.dispatcher, semaphore, forEver);
        expect(thread.priority).toBe(9);
      });
    machine.thread('releaser', () => {
      releaseSemaphore(machine.dispatcher, semaphore, 1, 2);
    });
    expect(machine.run()).toBe('finished');
    expect(machine.log).toEqual(['releaser ends', 'a ends', 'b ends']);
  });

  it('who gets a lock runs before who gave it, at most at 13', () => {
    for (const [giver, expected, decrement] of [
      [8, 9, 5],
      [13, 13, 9],
      [15, 13, 9],
      [3, 4, 0],
    ]) {
      const machine = new SystemThreads();
      const lock = new KEvent(EventType.Synchronization, false);
      const taker = machine.thread('taker', waits(machine, lock), 4);
      machine.thread(
        'giver',
        function* () {
          yield* delayExecution(machine.dispatcher, Mode.Kernel, false, -10_000n, WaitReason.DelayExecution);
          setEventBoostPriority(machine.dispatcher, lock);
          expect(taker).toMatchObject({ priority: expected, priorityDecrement: decrement, basePriority: 4 });
          expect(lock.signalState).toBe(0);
        },
        giver,
      );
      expect(machine.run()).toBe('finished');
    }
  });
});

describe('the base priority of a thread', () => {
  it('follows its process; one at the end of the class stays at the end of the new one', () => {
    const machine = new SystemThreads();
    const { dispatcher, process } = machine;
    const threads = [2, 16, -16].map((increment) => {
      const thread = machine.thread('thread', function* () {});
      setBasePriority(dispatcher, thread, increment);
      return thread;
    });
    const bases = () => threads.map((thread) => [thread.basePriority, thread.priority]);
    expect(bases()).toEqual([10, 15, 1].map((priority) => [priority, priority]));
    setProcessPriority(dispatcher, process, 24);
    expect(bases()).toEqual([26, 31, 16].map((priority) => [priority, priority]));
    setProcessPriority(dispatcher, process, 4);
    expect(bases()).toEqual([6, 15, 1].map((priority) => [priority, priority]));
    expect(threads.map((thread) => setBasePriority(dispatcher, thread, 0))).toEqual([2, 16, -16]);
    expect(threads.map((thread) => thread.saturation)).toEqual([0, 0, 0]);
    expect(machine.run()).toBe('finished');
  });
});

/** A thread at `eip` counts up the dword at an address for ever. */
const counter = (address: number) => code(`ff 05 =${address}`, 'eb f8');
const SECOND = 0x00400100;
const CURRENT_PROCESS = 0xffffffff;
const FOREGROUND = 25;
const PRIORITY_SEPARATION = 39;
const LONG_VARIABLE = 0x16;

describe('threads that calculate', () => {
  /** Two threads that count at DATA and DATA + 4; an instruction takes 10 microseconds. */
  function rivals(): { guest: BareProcess; second: Thread } {
    const program = new Uint8Array(0x200);
    program.set(counter(DATA));
    program.set(counter(DATA + 4), SECOND - 0x00400000);
    const guest = new BareProcess(program, { nanosecondsPerInstruction: 10_000 });
    return { guest, second: guest.startThread(SECOND, 0x00630000) };
  }
  const INSTRUCTIONS_PER_TICK = 1562.5;

  /** How often the second thread gets its turn in so many clock ticks. */
  function turns(guest: BareProcess, second: Thread, ticks: number): number {
    const before = second.contextSwitches;
    guest.run(INSTRUCTIONS_PER_TICK * ticks);
    return second.contextSwitches - before;
  }

  it('take turns of two clock ticks, of six in the foreground, of twelve with long quantums there', () => {
    const { guest, second } = rivals();
    const { kernel, process } = guest;
    const set = (name: string, value: number, ...head: number[]) =>
      guest.inProcess(function* () {
        kernel.user.write32(DATA + 0x20, value);
        expect(yield* guest.call(name, ...head, DATA + 0x20, head.includes(FOREGROUND) ? 1 : 4)).toBe(Status.SUCCESS);
      });
    expect(turns(guest, second, 48)).toBe(12);
    set('NtSetInformationProcess', 1, CURRENT_PROCESS, FOREGROUND);
    expect(process.pcb).toMatchObject({ quantumReset: 18, foregroundBoost: 2 });
    expect(process.pcb.addressSpace?.vm.memoryPriority).toBe(2);
    turns(guest, second, 12);
    expect(turns(guest, second, 48)).toBe(4);
    set('NtSetSystemInformation', LONG_VARIABLE, PRIORITY_SEPARATION);
    turns(guest, second, 24);
    expect(turns(guest, second, 48)).toBe(2);
    set('NtSetInformationProcess', 0, CURRENT_PROCESS, FOREGROUND);
    expect(process.pcb).toMatchObject({ quantumReset: 12, foregroundBoost: 0 });
    expect(process.pcb.addressSpace?.vm.memoryPriority).toBe(0);
  });

  it('get a turn at priority 15, four quantum units long, when they were kept from running for 300 ticks', () => {
    const { guest, second } = rivals();
    guest.kernel.ke.setBasePriority(second, -2);
    const count = () => guest.words(DATA + 4, 1)[0];
    let scanned = 0;
    const boosted: number[] = [];
    guest.kernel.ke.dispatcher.stateListener = (thread) => {
      if (thread !== second || thread.state !== ThreadState.Running) return;
      boosted.push(thread.priority, thread.quantum);
      scanned = guest.kernel.ke.tickCount();
    };
    guest.run(INSTRUCTIONS_PER_TICK * 290);
    expect(count()).toBe(0);
    guest.run(INSTRUCTIONS_PER_TICK * 150);
    expect(boosted).toEqual([15, 4]);
    expect(scanned).toBeGreaterThan(300);
    expect(scanned).toBeLessThan(300 + 65);
    expect(count()).toBeGreaterThan(INSTRUCTIONS_PER_TICK / 2);
    expect(second).toMatchObject({ state: ThreadState.Ready, priority: 6, waitReason: WaitReason.QuantumEnd });
  });
});

describe('services', () => {
  const PRIORITY = 2;
  const BASE_PRIORITY = 3;
  const BOOST = 14;

  it('NtSetInformationThread: which priorities there are, and which take the privilege', () => {
    const machine = new ParameterMachine();
    const { kernel } = machine.guest;
    const handle = machine.handleTo(machine.guest.thread.executive?.object ?? null, 0x1f03ff);
    machine.inThread(function* () {
      const set = function* (informationClass: number, value: number) {
        kernel.user.write32(DATA, value);
        return statusName(yield* machine.guest.call('NtSetInformationThread', handle, informationClass, DATA, 4));
      };
      const basic = function* () {
        yield* machine.guest.call('NtQueryInformationThread', handle, 0, DATA + 0x40, 0x1c, 0);
        return [kernel.user.read32(DATA + 0x54), kernel.user.read32(DATA + 0x58) | 0];
      };
      for (const value of [0, 32, -1]) expect(yield* set(PRIORITY, value)).toBe('STATUS_INVALID_PARAMETER');
      expect(yield* set(PRIORITY, 16)).toBe('STATUS_PRIVILEGE_NOT_HELD');
      expect(yield* set(PRIORITY, 15)).toBe('STATUS_SUCCESS');
      expect(yield* basic()).toEqual([15, 0]);
      for (const value of [3, -3, 15, -15, 17, -17, 6, -7])
        expect(yield* set(BASE_PRIORITY, value)).toBe('STATUS_INVALID_PARAMETER');
      for (const [value, priority] of [
        [2, 10],
        [-2, 6],
        [16, 15],
        [-16, 1],
        [0, 8],
      ]) {
        expect(yield* set(BASE_PRIORITY, value)).toBe('STATUS_SUCCESS');
        expect(yield* basic()).toEqual([priority, value]);
      }
      expect(yield* set(BOOST, 1)).toBe('STATUS_SUCCESS');
      expect(machine.guest.thread.disableBoost).toBe(true);
    });
  });

  it('NtSetInformationProcess: ProcessRaisePriority boosts every thread once, up to 15, and never downwards', () => {
    const machine = new ParameterMachine();
    const { kernel, thread } = machine.guest;
    machine.inThread(function* () {
      const raise = function* (boost: number, size: number) {
        kernel.user.write32(DATA, boost);
        const status = yield* machine.guest.call('NtSetInformationProcess', 0xffffffff, 6, DATA, size);
        return [statusName(status), thread.priority, thread.basePriority];
      };
      expect(yield* raise(1, 2)).toEqual(['STATUS_INFO_LENGTH_MISMATCH', 8, 8]);
      expect(yield* raise(3, 4)).toEqual(['STATUS_SUCCESS', 11, 8]);
      expect(yield* raise(-5, 4)).toEqual(['STATUS_SUCCESS', 11, 8]);
      expect(yield* raise(100, 4)).toEqual(['STATUS_SUCCESS', 15, 8]);
      kernel.ke.setPriority(thread, 16);
      expect(yield* raise(1, 4)).toEqual(['STATUS_SUCCESS', 16, 8]);
    });
  });

  it('NtSetInformationProcess: the real-time class and a higher base priority take the privilege', () => {
    for (const privileged of [false, true]) {
      const machine = new ParameterMachine(privileged);
      const { pcb } = machine.other;
      machine.inThread(function* () {
        const set = function* (informationClass: number, value: number, size: number) {
          machine.guest.kernel.user.write32(DATA, value);
          const { full } = machine.handles;
          return statusName(yield* machine.guest.call('NtSetInformationProcess', full, informationClass, DATA, size));
        };
        const guarded = privileged ? 'STATUS_SUCCESS' : 'STATUS_PRIVILEGE_NOT_HELD';
        expect(yield* set(18, 0x0700, 2)).toBe('STATUS_INVALID_PARAMETER');
        for (const [value, base] of [
          [0x0100, 4],
          [0x0500, 6],
          [0x0200, 8],
          [0x0600, 10],
          [0x0301, 13],
        ]) {
          expect(yield* set(18, value, 2)).toBe('STATUS_SUCCESS');
          expect(pcb.basePriority).toBe(base);
        }
        expect(pcb.addressSpace?.vm.memoryPriority).toBe(2);
        expect(yield* set(18, 0x0400, 2)).toBe(guarded);
        expect(pcb.basePriority).toBe(privileged ? 24 : 13);
        expect(yield* set(5, 25, 4)).toBe(guarded);
        expect(yield* set(5, 0x80000004, 4)).toBe('STATUS_SUCCESS');
        expect(pcb.basePriority).toBe(4);
        expect(yield* set(5, 0, 4)).toBe('STATUS_INVALID_PARAMETER');
        expect(yield* set(22, 1, 4)).toBe('STATUS_SUCCESS');
        expect(pcb.disableBoost).toBe(true);
      });
    }
  });
});

it.each([
  [2, 6, 18, 2],
  [0x26, 6, 18, 2],
  [0x25, 6, 12, 1],
  [0x16, 12, 36, 2],
  [0x18, 36, 36, 0],
  [0x2a, 18, 18, 2],
  [0x03, 6, 18, 2],
])('Win32PrioritySeparation %i: quantums of %i and %i units, boosts of %i', (value, background, foreground, boost) => {
  const separation = new PrioritySeparation(value);
  const quantum = (isForeground: boolean, priorityClass: number) => separation.quantum({ isForeground, priorityClass });
  expect(quantum(false, PriorityClass.Normal)).toBe(background);
  expect(quantum(true, PriorityClass.Normal)).toBe(foreground);
  expect(quantum(true, PriorityClass.Idle)).toBe(background);
  expect(separation.separation).toBe(boost);
});
