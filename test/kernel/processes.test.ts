import { describe, expect, it } from 'vitest';
import { ThreadState } from '../../kernel/ke/thread.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import type { Blocking } from '../../kernel/types.js';
import { BareProcess, CODE, code, DATA, STACK_BASE } from './bare-process.js';

const SPIN = code('eb fe ; jmp $');
/** One instruction a microsecond, so that a quantum is soon over. */
const MACHINE = { memorySize: 16 << 20, nanosecondsPerInstruction: 1000 };
const HANDLE = DATA;
const CLIENT_ID = DATA + 0x10;
const ATTRIBUTES = DATA + 0x20;
const COUNT = DATA + 0x40;
const BUFFER = DATA + 0x100;

function name(status: number): string {
  return statusName(status).replace('STATUS_', '');
}

function* openThread(guest: BareProcess, processId: number, threadId: number): Blocking<string> {
  const { user } = guest.kernel;
  user.write32(CLIENT_ID, processId);
  user.write32(CLIENT_ID + 4, threadId);
  [0x18, 0, 0, 0, 0, 0].forEach((value, index) => {
    user.write32(ATTRIBUTES + index * 4, value);
  });
  return name(yield* guest.call('NtOpenThread', HANDLE, 0x1f03ff, ATTRIBUTES, CLIENT_ID));
}

describe('client ids', () => {
  it('are multiples of 4 that processes and threads share', () => {
    const guest = new BareProcess(SPIN, MACHINE);
    const ids = [guest.process.processId, guest.thread.uniqueThreadId];
    expect(ids.every((id) => id % 4 === 0 && id > 4)).toBe(true);
    const { ps } = guest.kernel;
    expect(ps.findProcess(ids[0])).toBe(guest.process);
    expect(ps.findThread(ids[1])?.tcb).toBe(guest.thread);
    expect(ps.findProcess(ids[1])).toBeNull();
    expect(ps.findProcess(4)?.pcb).toBe(guest.kernel.systemProcess);
  });

  it('open the right thread or nothing', () => {
    const guest = new BareProcess(SPIN, MACHINE);
    guest.inProcess(function* () {
      const thread = guest.thread.uniqueThreadId;
      expect(yield* openThread(guest, guest.process.processId, thread)).toBe('SUCCESS');
      expect(yield* openThread(guest, 0, thread)).toBe('SUCCESS');
      expect(yield* openThread(guest, 4, thread)).toBe('INVALID_CID');
      expect(yield* openThread(guest, 0, guest.process.processId)).toBe('INVALID_CID');
      expect(yield* openThread(guest, 0, 0x7000)).toBe('INVALID_CID');
    });
  });
});

describe('threads', () => {
  it('that are suspended stand still until they are resumed as often', () => {
    const guest = new BareProcess(SPIN, MACHINE);
    const suspension = function* (service: string): Blocking<number> {
      const handle = guest.kernel.user.read32(HANDLE);
      expect(name(yield* guest.call(service, handle, COUNT))).toBe('SUCCESS');
      return guest.kernel.user.read32(COUNT);
    };
    guest.inProcess(function* () {
      yield* openThread(guest, 0, guest.thread.uniqueThreadId);
      expect(yield* suspension('NtSuspendThread')).toBe(0);
      expect(yield* suspension('NtSuspendThread')).toBe(1);
    });
    expect(guest.run(1000)).toBe('deadlock');
    guest.inProcess(function* () {
      expect(yield* suspension('NtResumeThread')).toBe(2);
      expect(yield* suspension('NtResumeThread')).toBe(1);
    });
    expect(guest.run(1000)).toBe('limit');
  });

  it('end when another one ends them, with the status given, and are signaled', () => {
    const guest = new BareProcess(SPIN, MACHINE);
    const second = guest.startThread(CODE, STACK_BASE - 0x100);
    guest.inProcess(function* () {
      yield* openThread(guest, 0, second.uniqueThreadId);
      const handle = guest.kernel.user.read32(HANDLE);
      expect(name(yield* guest.call('NtTerminateThread', handle, 0x123))).toBe('SUCCESS');
    });
    expect(guest.run(100_000)).toBe('limit');
    expect(second).toMatchObject({ state: ThreadState.Terminated, exitStatus: 0x123, signalState: 1 });
    expect(guest.process.threads.map((thread) => thread.tcb)).toEqual([guest.thread]);
    guest.inProcess(function* () {
      const handle = guest.kernel.user.read32(HANDLE);
      expect(name(yield* guest.call('NtTerminateThread', handle, 1))).toBe('THREAD_IS_TERMINATING');
      expect(name(yield* guest.call('NtQueryInformationThread', handle, 0, BUFFER, 0x1c, 0))).toBe('SUCCESS');
      expect(guest.kernel.user.read32(BUFFER)).toBe(0x123);
    });
  });
});

describe('the end of a process', () => {
  it('gives everything back: threads, handles, memory, ids', () => {
    const guest = new BareProcess(SPIN, MACHINE);
    const { kernel, process } = guest;
    const { types } = kernel.ob;
    guest.startThread(CODE, STACK_BASE - 0x100);
    guest.inProcess(function* () {
      for (let index = 0; index < 600; index++) {
        expect(name(yield* guest.call('NtCreateEvent', HANDLE, 0x1f0003, 0, 0, 0))).toBe('SUCCESS');
      }
    });
    const id = process.processId;
    // biome-ignore lint/correctness/useYield: ending a process does not wait
    guest.inProcess(function* () {
      expect(kernel.ps.killProcess(process, Status.ACCESS_VIOLATION)).toBe(Status.SUCCESS);
    });
    expect(guest.run()).toBe('finished');
    expect(process.pcb).toMatchObject({ exitStatus: Status.ACCESS_VIOLATION, addressSpace: null });
    // The two memory conditions.
    expect(types.event.objectCount).toBe(2);
    expect(types.process.objectCount).toBe(1);
    expect(types.thread.objectCount).toBe(0);
    expect(kernel.ps.findProcess(id)).toBeNull();
    expect(kernel.mm.verify()).toBeNull();
  });

  it('waits for nobody who keeps a handle to it', () => {
    const guest = new BareProcess(SPIN, MACHINE);
    const { kernel, process } = guest;
    if (process.object !== null) kernel.ob.referenceObject(process.object);
    // biome-ignore lint/correctness/useYield: ending a process does not wait
    guest.inProcess(function* () {
      kernel.ps.killProcess(process, Status.CONTROL_C_EXIT);
    });
    expect(guest.run()).toBe('finished');
    expect(kernel.ps.findProcess(process.processId)).toBe(process);
    if (process.object !== null) kernel.ob.dereferenceObject(process.object);
    expect(kernel.ps.findProcess(process.processId)).toBeNull();
  });
});
