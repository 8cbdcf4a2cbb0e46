import { describe, expect, it } from 'vitest';
import { EventType, KEvent, KMutant, KSemaphore, KTimer } from '../../kernel/ke/dispatcher-object.js';
import {
  acquireNewMutant,
  cancelTimer,
  pulseEvent,
  releaseMutant,
  releaseSemaphore,
  resetEvent,
  setEvent,
  setTimer,
} from '../../kernel/ke/dispatcher-routines.js';
import { Mode, WaitReason } from '../../kernel/ke/thread.js';
import { delayExecution, waitForMultipleObjects, waitForSingleObject } from '../../kernel/ke/wait.js';
import { Status } from '../../kernel/ntstatus.js';
import type { Blocking } from '../../kernel/types.js';
import { SystemThreads } from './system-threads.js';

const forEver = { reason: WaitReason.Executive, mode: Mode.Kernel, alertable: false, timeout: null } as const;
const MILLISECOND = 10_000n;
const within = (milliseconds: bigint) => ({ ...forEver, timeout: -milliseconds * MILLISECOND });
const TICK = 156_250;

function* sleep(machine: SystemThreads, milliseconds: bigint): Blocking<void> {
  yield* delayExecution(machine.dispatcher, Mode.Kernel, false, -milliseconds * MILLISECOND, WaitReason.DelayExecution);
}

describe('events', () => {
  it('a notification event releases every waiter and stays signaled', () => {
    const machine = new SystemThreads();
    const event = new KEvent(EventType.Notification, false);
    for (const name of ['a', 'b']) {
      machine.thread(name, function* () {
        machine.log.push(`${name} ${yield* waitForSingleObject(machine.dispatcher, event, forEver)}`);
      });
    }
    machine.thread('setter', () => {
      expect(setEvent(machine.dispatcher, event, 0)).toBe(0);
      expect(setEvent(machine.dispatcher, event, 0)).toBe(1);
    });
    expect(machine.run()).toBe('finished');
    expect(machine.log).toEqual(['setter ends', 'a 0', 'a ends', 'b 0', 'b ends']);
    expect(resetEvent(event)).toBe(1);
    expect(event.signalState).toBe(0);
  });

  it('a synchronization event lets one waiter through for each signal, in order of arrival', () => {
    const machine = new SystemThreads();
    const event = new KEvent(EventType.Synchronization, false);
    for (const name of ['first', 'second']) {
      machine.thread(name, function* () {
        yield* waitForSingleObject(machine.dispatcher, event, forEver);
      });
    }
    machine.thread('setter', function* () {
      setEvent(machine.dispatcher, event, 0);
      yield* sleep(machine, 50n);
      setEvent(machine.dispatcher, event, 0);
    });
    expect(machine.run()).toBe('finished');
    expect(machine.log).toEqual(['first ends', 'setter ends', 'second ends']);
    expect(event.signalState).toBe(0);
  });

  it('a pulse lets the present waiters go and leaves nothing behind', () => {
    const machine = new SystemThreads();
    const event = new KEvent(EventType.Notification, false);
    machine.thread('early', function* () {
      expect(yield* waitForSingleObject(machine.dispatcher, event, forEver)).toBe(Status.SUCCESS);
    });
    machine.thread('pulser', () => {
      pulseEvent(machine.dispatcher, event, 0);
    });
    machine.thread('late', function* () {
      expect(yield* waitForSingleObject(machine.dispatcher, event, within(20n))).toBe(Status.TIMEOUT);
    });
    expect(machine.run()).toBe('finished');
  });
});

describe('semaphores', () => {
  it('count down with each wait and refuse to pass their limit', () => {
    const machine = new SystemThreads();
    const semaphore = new KSemaphore(1, 2);
    machine.thread('taker', function* () {
      yield* waitForSingleObject(machine.dispatcher, semaphore, forEver);
      expect(semaphore.signalState).toBe(0);
      expect(yield* waitForSingleObject(machine.dispatcher, semaphore, within(0n))).toBe(Status.TIMEOUT);
      expect(releaseSemaphore(machine.dispatcher, semaphore, 0, 2)).toBe(0);
      expect(releaseSemaphore(machine.dispatcher, semaphore, 0, 1)).toBe(-1);
      expect(semaphore.signalState).toBe(2);
    });
    expect(machine.run()).toBe('finished');
  });
});

describe('mutants', () => {
  it('are recursive for their owner and refuse others', () => {
    const machine = new SystemThreads();
    const mutant = new KMutant();
    machine.thread('owner', function* (thread) {
      yield* waitForSingleObject(machine.dispatcher, mutant, forEver);
      yield* waitForSingleObject(machine.dispatcher, mutant, forEver);
      expect(mutant.signalState).toBe(-1);
      yield* sleep(machine, 20n);
      expect(releaseMutant(machine.dispatcher, mutant, thread, 0)).toBe(-1);
      expect(mutant.owner).toBe(thread);
      expect(releaseMutant(machine.dispatcher, mutant, thread, 0)).toBe(0);
    });
    machine.thread('other', function* (thread) {
      expect(releaseMutant(machine.dispatcher, mutant, thread, 0)).toBeNull();
      expect(yield* waitForSingleObject(machine.dispatcher, mutant, forEver)).toBe(Status.SUCCESS);
      expect(mutant.owner).toBe(thread);
      releaseMutant(machine.dispatcher, mutant, thread, 0);
    });
    expect(machine.run()).toBe('finished');
  });

  it('of a thread that ends come to the next waiter as abandoned, once', () => {
    const machine = new SystemThreads();
    const mutant = new KMutant();
    machine.thread('dies', function* (thread) {
      acquireNewMutant(mutant, thread);
      yield* sleep(machine, 20n);
    });
    machine.thread('heir', function* (thread) {
      expect(yield* waitForSingleObject(machine.dispatcher, mutant, forEver)).toBe(Status.ABANDONED_WAIT_0);
      releaseMutant(machine.dispatcher, mutant, thread, 0);
      expect(yield* waitForSingleObject(machine.dispatcher, mutant, forEver)).toBe(Status.SUCCESS);
    });
    expect(machine.run()).toBe('finished');
  });
});

describe('waits for several objects', () => {
  it('for any: the status is the index, and only that object is taken', () => {
    const machine = new SystemThreads();
    const objects = [new KSemaphore(0, 9), new KSemaphore(1, 9), new KSemaphore(1, 9)];
    machine.thread('waiter', function* () {
      expect(yield* waitForMultipleObjects(machine.dispatcher, objects, false, forEver)).toBe(1);
      expect(objects.map((object) => object.signalState)).toEqual([0, 0, 1]);
    });
    expect(machine.run()).toBe('finished');
  });

  it('for all: nothing is taken until everything is there', () => {
    const machine = new SystemThreads();
    const objects = [new KEvent(EventType.Synchronization, true), new KSemaphore(0, 1), new KMutant()];
    machine.thread('waiter', function* (thread) {
      expect(yield* waitForMultipleObjects(machine.dispatcher, objects, true, forEver)).toBe(Status.SUCCESS);
      expect(objects.map((object) => object.signalState)).toEqual([0, 0, 0]);
      releaseMutant(machine.dispatcher, objects[2] as KMutant, thread, 0);
    });
    machine.thread('giver', () => {
      expect(objects[0].signalState).toBe(1);
      releaseSemaphore(machine.dispatcher, objects[1] as KSemaphore, 0, 1);
    });
    expect(machine.run()).toBe('finished');
    expect(objects.every((object) => object.firstWaiter === null)).toBe(true);
  });

  it('for all: an abandoned mutant shows in the status', () => {
    const machine = new SystemThreads();
    const mutant = new KMutant();
    const event = new KEvent(EventType.Notification, true);
    machine.thread('dies', (thread) => {
      acquireNewMutant(mutant, thread);
    });
    machine.thread('waiter', function* () {
      const status = yield* waitForMultipleObjects(machine.dispatcher, [event, mutant], true, forEver);
      expect(status).toBe(Status.ABANDONED_WAIT_0);
    });
    expect(machine.run()).toBe('finished');
  });

  it('time out without taking anything', () => {
    const machine = new SystemThreads();
    const objects = [new KSemaphore(1, 1), new KSemaphore(0, 1)];
    machine.thread('waiter', function* () {
      expect(yield* waitForMultipleObjects(machine.dispatcher, objects, true, within(1n))).toBe(Status.TIMEOUT);
      expect(objects.map((object) => object.signalState)).toEqual([1, 0]);
    });
    expect(machine.run()).toBe('finished');
  });
});

describe('timers and virtual time', () => {
  it('idle time is skipped to the clock interrupt at which the timer is due', () => {
    const machine = new SystemThreads();
    machine.thread('sleeper', function* () {
      yield* sleep(machine, 1000n);
      expect(machine.clock.interruptTime).toBe(TICK * 64);
      expect(machine.clock.nanoseconds()).toBe(TICK * 64 * 100);
      expect(machine.counter.timestampOffset).toBe(TICK * 64 * 100);
    });
    expect(machine.run()).toBe('finished');
  });

  it('a shorter time than a tick lasts to the next tick', () => {
    const machine = new SystemThreads();
    machine.thread('sleeper', function* () {
      yield* sleep(machine, 1n);
      expect(machine.clock.ticks).toBe(1);
    });
    expect(machine.run()).toBe('finished');
  });

  it('a periodic synchronization timer lets one wait through each period', () => {
    const machine = new SystemThreads();
    const timer = new KTimer(EventType.Synchronization);
    const times: number[] = [];
    machine.thread('waiter', function* () {
      setTimer(machine.dispatcher, timer, -100n * MILLISECOND, 50, null);
      for (let count = 0; count < 3; count++) {
        yield* waitForSingleObject(machine.dispatcher, timer, forEver);
        times.push(machine.clock.ticks);
      }
      expect(cancelTimer(machine.dispatcher, timer)).toBe(true);
      expect(cancelTimer(machine.dispatcher, timer)).toBe(false);
    });
    expect(machine.run()).toBe('finished');
    expect(times).toEqual([7, 11, 15]);
  });

  it('an absolute time in the past expires at once', () => {
    const machine = new SystemThreads();
    const timer = new KTimer(EventType.Notification);
    machine.thread('waiter', function* () {
      yield* sleep(machine, 100n);
      expect(setTimer(machine.dispatcher, timer, 1n, 0, null)).toBe(false);
      expect(timer.signalState).toBe(1);
    });
    expect(machine.run()).toBe('finished');
  });

  it('many timers expire in the order of their due times', () => {
    const machine = new SystemThreads();
    const due = [70, 10, 50, 90, 30, 20, 80, 60, 40, 100];
    const order: number[] = [];
    machine.thread('starter', function* () {
      const timers = due.map(() => new KTimer(EventType.Notification));
      due.forEach((milliseconds, index) => {
        setTimer(machine.dispatcher, timers[index], BigInt(-milliseconds * 160_000), 0, () => order.push(milliseconds));
      });
      cancelTimer(machine.dispatcher, timers[2]);
      yield* sleep(machine, 2000n);
    });
    expect(machine.run()).toBe('finished');
    expect(order).toEqual([10, 20, 30, 40, 60, 70, 80, 90, 100]);
  });

  it('without a timer and with everybody waiting the run ends as a deadlock', () => {
    const machine = new SystemThreads();
    machine.thread('stuck', function* () {
      yield* waitForSingleObject(machine.dispatcher, new KEvent(EventType.Notification, false), forEver);
    });
    expect(machine.run()).toBe('deadlock');
  });
});
