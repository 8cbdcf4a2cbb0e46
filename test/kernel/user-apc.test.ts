import { describe, expect, it } from 'vitest';
import { ContextField, ContextFlag } from '../../kernel/ke/context.js';
import { Mode, ThreadState } from '../../kernel/ke/thread.js';
import { Status } from '../../kernel/ntstatus.js';
import { BareProcess, CODE, code, DATA, STACK_BASE } from './bare-process.js';

const DISPATCHER = CODE + 0x100;
const ROUTINE = CODE + 0x200;
const SECOND = CODE + 0x300;

/** KiUserApcDispatcher: pops the routine and calls it with what lies above; then NtContinue(CONTEXT, TRUE). */
const dispatcher = [
  '58 ; pop eax: routine',
  '8D 7C 24 0C ; lea edi, [esp+12]: CONTEXT',
  'FF D0 ; call eax',
  '6A 01 ; push TRUE',
  '57 ; push edi',
  '89 E2 ; mov edx, esp',
  'B8 NtContinue',
  'CD 2E',
];

/** Adds its first argument to a counter and stores the others; callee cleans. */
const routine = [
  '8B 44 24 04 ; mov eax, [esp+4]',
  `01 05 =${DATA} ; add [DATA], eax`,
  '8B 44 24 08',
  `A3 =${DATA + 4}`,
  '8B 44 24 0C',
  `A3 =${DATA + 8}`,
  'C2 0C 00 ; ret 12',
];

function bareWith(
  main: readonly string[],
  other: readonly string[] = ['EB FE'],
  nanosecondsPerInstruction = 1000,
): BareProcess {
  const bytes = new Uint8Array(0x1000);
  bytes.set(code(...main));
  bytes.set(code(...dispatcher), DISPATCHER - CODE);
  bytes.set(code(...routine), ROUTINE - CODE);
  bytes.set(code(...other), SECOND - CODE);
  return new BareProcess(bytes, { nanosecondsPerInstruction }, { userApcDispatcher: DISPATCHER });
}

const store = (index: number): string => `A3 =${DATA + index * 4}`;

describe('user APCs', () => {
  it('wait for an alertable wait, come one after the other, and the wait ends with USER_APC', () => {
    const bare = bareWith([
      '68 =0x80000000 ; push interval high: for ever',
      '6A 00 ; push low',
      '89 E0 ; mov eax, esp',
      '50 ; push &interval',
      '6A 01 ; push alertable',
      '89 E2 ; mov edx, esp',
      'B8 NtDelayExecution',
      'CD 2E',
      store(4),
      'EB FE',
    ]);
    for (const argument of [10, 5]) {
      bare.kernel.ke.queueApc(bare.thread, {
        mode: Mode.User,
        normalRoutine: ROUTINE,
        normalContext: argument,
        argument1: 0x1111,
        argument2: argument * 2,
      });
    }
    expect(bare.run(200)).toBe('limit');
    expect(bare.words(DATA, 5)).toEqual([15, 0x1111, 10, 0, Status.USER_APC]);
    expect(bare.kernel.counters.apcsDelivered).toBe(2);
  });

  it('do not disturb a thread that is not alertable', () => {
    const bare = bareWith(['EB FE']);
    bare.kernel.ke.queueApc(bare.thread, { mode: Mode.User, normalRoutine: ROUTINE, normalContext: 1 });
    expect(bare.run(1000)).toBe('limit');
    expect(bare.words(DATA, 1)).toEqual([0]);
  });

  it('NtTestAlert lets them come', () => {
    const bare = bareWith(['B8 NtTestAlert', 'CD 2E', store(4), 'EB FE']);
    bare.kernel.ke.queueApc(bare.thread, { mode: Mode.User, normalRoutine: ROUTINE, normalContext: 7 });
    expect(bare.run(100)).toBe('limit');
    expect(bare.words(DATA, 1)).toEqual([7]);
    expect(bare.words(DATA + 16, 1)).toEqual([Status.SUCCESS]);
  });

  it('may get the address of their CONTEXT, as the first APC of a thread does', () => {
    const bare = bareWith(['B8 NtTestAlert', 'CD 2E', 'EB FE']);
    bare.kernel.ke.queueApc(bare.thread, { mode: Mode.User, normalRoutine: ROUTINE, contextAsNormalContext: true });
    expect(bare.run(100)).toBe('limit');
    const [context] = bare.words(DATA, 1);
    expect(context).toBeGreaterThan(STACK_BASE - 0x400);
    expect(bare.words(context + ContextField.Eip, 1)).toEqual([CODE + 7]);
  });
});

describe('suspension and contexts', () => {
  it('a suspended thread stands still with its registers where they were', () => {
    const bare = bareWith(['40 ; inc eax', 'EB FD']);
    bare.run(100);
    const { ke } = bare.kernel;
    expect(ke.suspendThread(bare.thread)).toBe(0);
    expect(bare.run(100)).toBe('deadlock');
    expect(bare.thread.state).toBe(ThreadState.Waiting);
    const context = ke.getContext(bare.thread, ContextFlag.FULL);
    const view = new DataView(context.buffer);
    expect(view.getUint32(ContextField.Eax, true)).toBe(50);
    view.setUint32(ContextField.Eax, 1000, true);
    view.setUint32(ContextField.EFlags, 0xfffffeff, true);
    view.setUint32(ContextField.SegCs, 0x08, true);
    ke.setContext(bare.thread, context);
    expect(ke.resumeThread(bare.thread)).toBe(1);
    expect(bare.run(2)).toBe('limit');
    const after = new DataView(ke.getContext(bare.thread, ContextFlag.FULL).buffer);
    expect(after.getUint32(ContextField.SegCs, true)).toBe(0x1b);
    expect(after.getUint32(ContextField.EFlags, true) & 0x3000).toBe(0);
  });

  it('threads of equal priority share the processor by quantum, each with its own registers and x87 state', () => {
    const loop = ['40 ; inc eax', 'D9 E8 ; fld1', 'DE C1 ; faddp', 'EB F9'];
    const main = ['31 C0', 'D9 EE ; fldz', ...loop];
    const bare = bareWith(main, main);
    const second = bare.startThread(SECOND, STACK_BASE - 0x1000);
    // Six quantum units are two ticks of 15,625 instructions each.
    expect(bare.run(15_625 * 8)).toBe('limit');
    expect(bare.kernel.counters.contextSwitches).toBeGreaterThanOrEqual(4);
    const state = [bare.thread, second].map((thread) => {
      const view = new DataView(bare.kernel.ke.getContext(thread, ContextFlag.ALL).buffer);
      // The sum is in ST0, or in ST1 right after FLD1.
      const register = (index: number): number => {
        const image = ContextField.ExtendedRegisters + 32 + index * 16;
        const significand = view.getBigUint64(image, true);
        return Number(significand >> BigInt(0x3fff + 63 - view.getUint16(image + 8, true)));
      };
      return { eax: view.getUint32(ContextField.Eax, true), sum: Math.max(register(0), register(1)) };
    });
    for (const { eax, sum } of state) {
      expect(Math.abs(eax - sum)).toBeLessThanOrEqual(1);
      expect(eax).toBeGreaterThan(10_000);
    }
  });

  it('a thread that a higher priority keeps from running gets a turn after some seconds', () => {
    const bare = bareWith(['40', 'EB FD'], ['EB FE'], 15_625_000 / 100);
    const { ke } = bare.kernel;
    const greedy = bare.startThread(SECOND, STACK_BASE - 0x1000);
    ke.setBasePriority(greedy, 2);
    const counted = (): number =>
      new DataView(ke.getContext(bare.thread, ContextFlag.INTEGER).buffer).getUint32(ContextField.Eax, true);
    expect(bare.run(100 * 300)).toBe('limit');
    expect(counted()).toBe(0);
    expect(bare.run(100 * 70)).toBe('limit');
    expect(counted()).toBeGreaterThan(0);
    expect(bare.thread.priority).toBeLessThan(15);
  });
});
