import { describe, expect, it } from 'vitest';
import { DR0, DR7 } from '../../cpu/index.js';
import { CONTEXT_SIZE, ContextField, ContextFlag } from '../../kernel/ke/context.js';
import { Status } from '../../kernel/ntstatus.js';
import { bootLayout } from '../boot-options.js';
import { BareProcess, CODE, code, DATA, STACK_BASE, STACK_RESERVE } from './bare-process.js';

/** Runs code until it dies of its exception: [code, offset of the instruction, parameters ...]. */
function fate(...lines: readonly string[]): readonly unknown[] {
  const bare = new BareProcess(code(...lines));
  expect(bare.run()).toBe('finished');
  expect(bare.kernel.mm.verify()).toBeNull();
  expect(bare.exceptions).toHaveLength(1);
  const { code: status, address, parameters } = bare.exceptions[0];
  expect(bare.process.pcb.exitStatus).toBe(status);
  return [status, address - CODE, ...parameters];
}

/** Code at CODE, and more pieces of it at given offsets. */
function image(main: readonly string[], pieces: Readonly<Record<number, readonly string[]>>): Uint8Array {
  const bytes = new Uint8Array(0x1000);
  bytes.set(code(...main));
  for (const [offset, lines] of Object.entries(pieces)) bytes.set(code(...lines), Number(offset));
  return bytes;
}

const stored = (index: number): string => `A3 =${DATA + index * 4} ; mov [DATA + ${index * 4}], eax`;

describe('exceptions of user code', () => {
  it('division by zero', () => {
    expect(fate('31 C9 ; xor ecx, ecx', 'F7 F1 ; div ecx')).toEqual([Status.INTEGER_DIVIDE_BY_ZERO, 2]);
  });

  it('breakpoint: the address is that of the INT3', () => {
    expect(fate('90', 'CC')).toEqual([Status.BREAKPOINT, 1, 0, 0, 0]);
  });

  it('privileged and undefined instructions', () => {
    expect(fate('F4 ; hlt')).toEqual([Status.PRIVILEGED_INSTRUCTION, 0]);
    expect(fate('FA ; cli')).toEqual([Status.PRIVILEGED_INSTRUCTION, 0]);
    expect(fate('0F 22 C0 ; mov cr0, eax')).toEqual([Status.PRIVILEGED_INSTRUCTION, 0]);
    expect(fate('0F 0B ; ud2')).toEqual([Status.ILLEGAL_INSTRUCTION, 0]);
  });

  it('an interrupt that ring 3 may not use is an access violation without an address', () => {
    expect(fate('90', 'CD 80 ; int 80')).toEqual([Status.ACCESS_VIOLATION, 1, 0, 0xffffffff]);
  });

  it('a selector that is not there is an access violation without an address', () => {
    expect(fate('B8 =0x1234', '8E D8 ; mov ds, ax')).toEqual([Status.ACCESS_VIOLATION, 5, 0, 0xffffffff]);
  });

  it('overflow', () => {
    expect(fate('B8 FF FF FF 7F', '83 C0 01', 'CE ; into')).toEqual([Status.INTEGER_OVERFLOW, 9]);
  });

  it('reads and writes of nowhere', () => {
    expect(fate('A1 =0 ; mov eax, [0]')).toEqual([Status.ACCESS_VIOLATION, 0, 0, 0]);
    expect(fate('A3 =0x1234 ; mov [1234], eax')).toEqual([Status.ACCESS_VIOLATION, 0, 1, 0x1234]);
    expect(fate('A3 =0xC0000000 ; mov [C0000000], eax')).toEqual([Status.ACCESS_VIOLATION, 0, 1, 0xc0000000]);
  });

  it('KUSER_SHARED_DATA cannot be written', () => {
    expect(fate('A3 =0x7FFE0000')).toEqual([Status.ACCESS_VIOLATION, 0, 1, 0x7ffe0000]);
  });

  it('a single step ends behind the instruction, with TF gone', () => {
    const step = ['9C ; pushf', '81 0C 24 =0x100 ; or dword [esp], TF', '9D ; popf', '40 ; inc eax', '90'];
    expect(fate(...step)).toEqual([Status.SINGLE_STEP, 10]);
  });

  it('debug registers of a CONTEXT are in the processor while the thread runs', () => {
    const bare = new BareProcess(code('EB FE'));
    const { cpu, ke } = bare.kernel;
    const context = new Uint8Array(CONTEXT_SIZE);
    const view = new DataView(context.buffer);
    view.setUint32(ContextField.ContextFlags, ContextFlag.I386 | ContextFlag.DEBUG_REGISTERS, true);
    view.setUint32(ContextField.Dr0, DATA, true);
    view.setUint32(ContextField.Dr0 + 4, bootLayout.systemRangeStart, true);
    view.setUint32(ContextField.Dr0 + 20, 0x000d2001, true);
    ke.setContext(bare.thread, context);
    expect(bare.run(100)).toBe('limit');
    const [kernelAddress, control] = [0, 0x000d0401];
    expect([cpu.state[DR0], cpu.state[DR0 + 1], cpu.state[DR7]]).toEqual([DATA, kernelAddress, control]);
  });

  it('endless recursion grows the stack to its end and then overflows', () => {
    const bare = new BareProcess(code('E8 FB FF FF FF ; call self'));
    expect(bare.run()).toBe('finished');
    const [report] = bare.exceptions;
    expect(report.code).toBe(Status.STACK_OVERFLOW);
    expect(report.parameters[1]).toBeLessThan(STACK_BASE - STACK_RESERVE + 0x3000);
    expect(bare.kernel.counters.guardPageFaults).toBeGreaterThan(50);
  });
});

describe('exception dispatch', () => {
  // The dispatcher looks at the record, repairs EAX in the CONTEXT and continues.
  const dispatcher = [
    '8B 04 24 ; mov eax, [esp]: record',
    '8B 00 ; mov eax, [eax]: code',
    stored(0),
    '8B 04 24',
    '8B 40 0C ; ExceptionAddress',
    stored(1),
    '8B 04 24',
    '8B 40 10 ; NumberParameters',
    stored(2),
    '8B 4C 24 04 ; mov ecx, [esp+4]: CONTEXT',
    `C7 81 =0xB0 =${DATA + 0x100} ; CONTEXT.Eax = DATA + 100`,
    '6A 00 ; push FALSE',
    '51 ; push ecx',
    '89 E2 ; mov edx, esp',
    'B8 NtContinue',
    'CD 2E',
  ];

  it('KiUserExceptionDispatcher gets record and CONTEXT; NtContinue resumes at the repaired instruction', () => {
    const main = [
      'B8 =0x11223344 ; mov eax, bad address',
      'BB =0x55 ; mov ebx, 55',
      '89 18 ; mov [eax], ebx',
      'EB FE ; jmp self',
    ];
    const bare = new BareProcess(image(main, { 256: dispatcher }), {}, { userExceptionDispatcher: CODE + 0x100 });
    expect(bare.run(1000)).toBe('limit');
    expect(bare.kernel.counters.exceptionsDispatched).toBe(1);
    expect(bare.words(DATA, 3)).toEqual([Status.ACCESS_VIOLATION, CODE + 10, 2]);
    expect(bare.words(DATA + 0x100, 1)).toEqual([0x55]);
  });

  it('x87 and SSE state survive the way through CONTEXT', () => {
    const main = [
      'D9 E8 ; fld1',
      'D9 EB ; fldpi',
      `C7 05 =${DATA + 0x20} =0x11111111`,
      `0F 10 05 =${DATA + 0x20} ; movups xmm0, [DATA+20]`,
      'B8 =0x11223344',
      '89 18 ; mov [eax], ebx: faults',
      `DD 1D =${DATA + 0x40} ; fstp qword`,
      `DD 1D =${DATA + 0x48} ; fstp qword`,
      `0F 11 05 =${DATA + 0x50} ; movups`,
      'EB FE',
    ];
    const bare = new BareProcess(image(main, { 256: dispatcher }), {}, { userExceptionDispatcher: CODE + 0x100 });
    expect(bare.run(1000)).toBe('limit');
    expect(bare.kernel.counters.exceptionsDispatched).toBe(1);
    expect(bare.words(DATA + 0x40, 5)).toEqual([0x54442d18, 0x400921fb, 0, 0x3ff00000, 0x11111111]);
  });

  it('an exception on a stack that is not there ends the process', () => {
    const bare = new BareProcess(
      image(['BC =0x10 ; mov esp, 10', '0F 0B'], { 256: dispatcher }),
      {},
      { userExceptionDispatcher: CODE + 0x100 },
    );
    expect(bare.run()).toBe('finished');
    expect(bare.process.pcb.exitStatus).toBe(Status.ILLEGAL_INSTRUCTION);
  });

  it('stack overflow is delivered on the pages that were kept for it', () => {
    const handler = ['8B 04 24', '8B 00', stored(0), 'EB FE ; jmp self'];
    const bare = new BareProcess(
      image(['E8 FB FF FF FF'], { 256: handler }),
      {},
      { userExceptionDispatcher: CODE + 0x100 },
    );
    expect(bare.run(100_000)).toBe('limit');
    expect(bare.words(DATA, 1)).toEqual([Status.STACK_OVERFLOW]);
  });
});

describe('system services', () => {
  it('INT 2E: numbers outside the table and empty rows give their statuses', () => {
    const bare = new BareProcess(
      code(
        'B8 =0x1000',
        'CD 2E',
        stored(0),
        'B8 =0x128',
        'CD 2E',
        stored(1),
        'B8 NtAddBootEntry',
        'CD 2E',
        stored(2),
        'EB FE',
      ),
    );
    expect(bare.run(1000)).toBe('limit');
    const { INVALID_SYSTEM_SERVICE, NOT_IMPLEMENTED } = Status;
    expect(bare.words(DATA, 3)).toEqual([INVALID_SYSTEM_SERVICE, INVALID_SYSTEM_SERVICE, NOT_IMPLEMENTED]);
    expect(bare.kernel.counters.systemCalls).toBe(3);
  });

  it('arguments that cannot be read give an access violation status', () => {
    const bare = new BareProcess(
      code(
        '31 D2 ; xor edx, edx',
        'B8 NtClose',
        'CD 2E',
        stored(0),
        'BA =0x7FFEFFFE',
        'B8 NtClose',
        'CD 2E',
        stored(1),
        'EB FE',
      ),
    );
    expect(bare.run(1000)).toBe('limit');
    expect(bare.words(DATA, 2)).toEqual([Status.ACCESS_VIOLATION, Status.ACCESS_VIOLATION]);
  });

  it('SYSENTER takes arguments above two return addresses and returns to KiFastSystemCallRet with the stack of EDX', () => {
    const main = [
      `68 =${DATA + 0x10} ; push &frequency`,
      `68 =${DATA + 8} ; push &counter`,
      'E8 02 00 00 00 ; call stub',
      'EB FE',
      'B8 NtQueryPerformanceCounter ; stub:',
      'E8 04 00 00 00 ; call KiFastSystemCall',
      `${'90 '.repeat(4)}; where the stub would return`,
      '89 E2 ; mov edx, esp',
      '0F 34 ; sysenter',
    ];
    const bare = new BareProcess(
      image(main, { 128: [stored(0), `89 25 =${DATA + 4} ; mov [DATA+4], esp`, 'EB FE'] }),
      {},
      { fastSystemCallReturn: CODE + 0x80 },
    );
    expect(bare.run(1000)).toBe('limit');
    expect(bare.words(DATA, 2)).toEqual([Status.SUCCESS, STACK_BASE - 16]);
    expect(bare.words(DATA + 0x10, 2)).toEqual([10_000_000, 0]);
  });

  it('INT 2D prints for a debugger that is not there', () => {
    const text = [...'hello'].map((letter) => letter.charCodeAt(0).toString(16)).join(' ');
    const bare = new BareProcess(
      image(['B8 01 00 00 00', `B9 =${CODE + 0x100}`, 'BA 05 00 00 00', 'CD 2D', 'CC', 'F4'], { 256: [text] }),
    );
    expect(bare.run()).toBe('finished');
    expect(bare.debugText).toEqual(['hello']);
    expect(bare.process.pcb.exitStatus).toBe(Status.PRIVILEGED_INSTRUCTION);
  });

  it('INT 2A gives the tick count in milliseconds', () => {
    const loop = ['B9 =20000 ; mov ecx, 20,000', '49 ; dec ecx', '75 FD ; jnz', 'CD 2A', stored(0), 'EB FE'];
    const bare = new BareProcess(code(...loop), { nanosecondsPerInstruction: 1000 });
    expect(bare.run(40_100)).toBe('limit');
    expect(bare.words(DATA, 1)).toEqual([31]);
    expect(bare.kernel.counters.clockTicks).toBe(2);
  });
});
