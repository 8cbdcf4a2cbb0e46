import { describe, expect, it } from 'vitest';
import { alertThread, queueApc, resumeThread, suspendThread, testAlert } from '../../kernel/ke/apc.js';
import { EventType, KEvent } from '../../kernel/ke/dispatcher-object.js';
import { setEvent } from '../../kernel/ke/dispatcher-routines.js';
import { basePriorityFor, chargeQuantum } from '../../kernel/ke/priority.js';
import { Mode, ThreadState, WaitReason } from '../../kernel/ke/thread.js';
import { setBasePriority, setPriority, setProcessPriority } from '../../kernel/ke/threads.js';
import { waitForSingleObject, yieldExecution } from '../../kernel/ke/wait.js';
import { Status } from '../../kernel/ntstatus.js';
import { SystemThreads } from './system-threads.js';

const forEver = { reason: WaitReason.Executive, mode: Mode.Kernel, alertable: false, timeout: null } as const;
const alertable = { ...forEver, mode: Mode.User, alertable: true };

describe('order of execution', () => {
  it('higher priorities run first, equal ones in order of readiness', () => {
    const machine = new SystemThreads();
    machine.thread('low', function* () {}, 4);
    machine.thread('normal 1', function* () {}, 8);
    machine.thread('high', function* () {}, 13);
    machine.thread('normal 2', function* () {}, 8);
    expect(machine.run()).toBe('finished');
    expect(machine.log).toEqual(['high ends', 'normal 1 ends', 'normal 2 ends', 'low ends']);
  });

  it('a yield lets threads of the same priority run, not lower ones', () => {
    const machine = new SystemThreads();
    machine.thread('polite', function* () {
      expect(yield* yieldExecution(machine.dispatcher)).toBe(true);
      expect(yield* yieldExecution(machine.dispatcher)).toBe(false);
    });
    machine.thread('equal', function* () {});
    machine.thread('lower', function* () {}, 4);
    expect(machine.run()).toBe('finished');
    expect(machine.log).toEqual(['equal ends', 'polite ends', 'lower ends']);
  });

  it('a thread that becomes ready with a boost runs before equals', () => {
    const machine = new SystemThreads();
    const event = new KEvent(EventType.Synchronization, false);
    machine.thread('waiter', function* (thread) {
      yield* waitForSingleObject(machine.dispatcher, event, forEver);
      expect(thread.priority).toBe(9);
      expect(thread.priorityDecrement).toBe(0);
    });
    machine.thread('setter', () => {
      setEvent(machine.dispatcher, event, 1);
      expect(machine.dispatcher.standby?.priority).toBe(9);
    });
    machine.thread('equal', function* () {});
    expect(machine.run()).toBe('finished');
    expect(machine.log).toEqual(['setter ends', 'waiter ends', 'equal ends']);
  });

  it('a ready thread moves when its priority changes', () => {
    const machine = new SystemThreads();
    const late = machine.thread('raised', function* () {}, 4);
    machine.thread('normal', function* () {}, 8);
    setPriority(machine.dispatcher, late, 10);
    expect(machine.run()).toBe('finished');
    expect(machine.log).toEqual(['raised ends', 'normal ends']);
  });
});

describe('quantum and priority', () => {
  it('a boost fades by one level with each quantum', () => {
    const machine = new SystemThreads();
    const thread = machine.thread('thread', function* () {});
    thread.priority = 10;
    expect(chargeQuantum(thread)).toBe(false);
    expect(chargeQuantum(thread)).toBe(true);
    expect(thread.priority).toBe(9);
    chargeQuantum(thread);
    chargeQuantum(thread);
    chargeQuantum(thread);
    chargeQuantum(thread);
    expect(thread.priority).toBe(8);
    chargeQuantum(thread);
    expect(chargeQuantum(thread)).toBe(true);
    expect(thread.priority).toBe(8);
  });

  it.each([
    [8, 2, 10],
    [8, -2, 6],
    [8, 16, 15],
    [8, -16, 1],
    [13, 2, 15],
    [24, 2, 26],
    [24, 6, 30],
    [24, -7, 17],
    [24, 16, 31],
    [24, -16, 16],
  ])('base %i with increment %i is %i', (base, increment, expected) => {
    expect(basePriorityFor(base, increment)).toBe(expected);
  });

  it('a new process priority keeps the increments of its threads', () => {
    const machine = new SystemThreads();
    const thread = machine.thread('thread', function* () {});
    expect(setBasePriority(machine.dispatcher, thread, 2)).toBe(0);
    expect(thread.priority).toBe(10);
    setProcessPriority(machine.dispatcher, machine.process, 4);
    expect(thread.basePriority).toBe(6);
    expect(machine.run()).toBe('finished');
  });
});

describe('APCs and alerts', () => {
  it('a kernel APC interrupts a wait, which then goes on', () => {
    const machine = new SystemThreads();
    const event = new KEvent(EventType.Synchronization, false);
    const target = machine.thread('target', function* () {
      expect(yield* waitForSingleObject(machine.dispatcher, event, forEver)).toBe(Status.SUCCESS);
    });
    machine.thread('sender', function* () {
      queueApc(machine.dispatcher, target, {
        mode: Mode.Kernel,
        *normalRoutine() {
          machine.log.push('normal');
          yield* yieldExecution(machine.dispatcher);
        },
      });
      queueApc(machine.dispatcher, target, {
        mode: Mode.Kernel,
        kernelRoutine: () => {
          machine.log.push('special');
          return undefined;
        },
      });
      yield* yieldExecution(machine.dispatcher);
      setEvent(machine.dispatcher, event, 0);
    });
    expect(machine.run()).toBe('finished');
    expect(machine.log).toEqual(['special', 'normal', 'sender ends', 'target ends']);
  });

  it('a user APC ends an alertable user wait, and no other', () => {
    const machine = new SystemThreads();
    const event = new KEvent(EventType.Notification, false);
    const deaf = machine.thread('deaf', function* () {
      expect(yield* waitForSingleObject(machine.dispatcher, event, { ...forEver, mode: Mode.User })).toBe(0);
    });
    const open = machine.thread('open', function* (thread) {
      expect(yield* waitForSingleObject(machine.dispatcher, event, alertable)).toBe(Status.USER_APC);
      expect(thread.apcState.userApcPending).toBe(true);
    });
    machine.thread('sender', () => {
      for (const thread of [deaf, open])
        queueApc(machine.dispatcher, thread, { mode: Mode.User, normalRoutine: 0x1000 });
      expect(deaf.state).toBe(ThreadState.Waiting);
      expect(open.state).toBe(ThreadState.Ready);
      setEvent(machine.dispatcher, event, 0);
    });
    expect(machine.run()).toBe('finished');
  });

  it('a terminating APC ends user waits that are not alertable', () => {
    const machine = new SystemThreads();
    const event = new KEvent(EventType.Notification, false);
    const target = machine.thread('target', function* () {
      const status = yield* waitForSingleObject(machine.dispatcher, event, { ...forEver, mode: Mode.User });
      expect(status).toBe(Status.USER_APC);
    });
    machine.thread('sender', () => {
      queueApc(machine.dispatcher, target, { mode: Mode.User, terminate: true });
    });
    expect(machine.run()).toBe('finished');
  });

  it('an alert ends an alertable wait, or is remembered for the next', () => {
    const machine = new SystemThreads();
    const event = new KEvent(EventType.Notification, false);
    const target = machine.thread('target', function* (thread) {
      expect(yield* waitForSingleObject(machine.dispatcher, event, alertable)).toBe(Status.ALERTED);
      expect(alertThread(machine.dispatcher, thread, Mode.User)).toBe(false);
      expect(yield* waitForSingleObject(machine.dispatcher, event, alertable)).toBe(Status.ALERTED);
      expect(testAlert(thread, Mode.User)).toBe(false);
    });
    machine.thread('sender', () => {
      alertThread(machine.dispatcher, target, Mode.User);
    });
    expect(machine.run()).toBe('finished');
  });

  it('a suspended thread stands still until its count is zero again', () => {
    const machine = new SystemThreads();
    const event = new KEvent(EventType.Notification, false);
    const target = machine.thread('target', function* () {
      yield* waitForSingleObject(machine.dispatcher, event, forEver);
    });
    machine.thread('controller', function* () {
      expect(suspendThread(machine.dispatcher, target)).toBe(0);
      expect(suspendThread(machine.dispatcher, target)).toBe(1);
      setEvent(machine.dispatcher, event, 0);
      yield* yieldExecution(machine.dispatcher);
      machine.log.push('still');
      expect(resumeThread(machine.dispatcher, target)).toBe(2);
      expect(resumeThread(machine.dispatcher, target)).toBe(1);
      expect(resumeThread(machine.dispatcher, target)).toBe(0);
    });
    expect(machine.run()).toBe('finished');
    expect(machine.log).toEqual(['still', 'controller ends', 'target ends']);
  });

  it('a thread that has ended takes no APCs; queued ones are run down', () => {
    const machine = new SystemThreads();
    let rundown = 0;
    const target = machine.thread('target', function* (thread) {
      queueApc(machine.dispatcher, thread, { mode: Mode.User, normalRoutine: 1, rundown: () => rundown++ });
    });
    expect(machine.run()).toBe('finished');
    expect(rundown).toBe(1);
    expect(queueApc(machine.dispatcher, target, { mode: Mode.User, normalRoutine: 1 })).toBe(false);
  });
});
