import { describe, expect, it } from 'vitest';
import { bugcheckText } from '../../kernel/bugcheck.js';
import { serviceList, serviceNumber } from '../../kernel/ke/service-names.js';
import { exceptionOfTrap, isPrivilegedInstruction, Vector } from '../../kernel/ke/trap-exception.js';
import { Status } from '../../kernel/ntstatus.js';
import { services } from '../../kernel/services.js';
import { Trace } from '../../kernel/trace.js';

describe('the system service table', () => {
  it('has the 296 services of NT 5.2 SP1 at their numbers', () => {
    expect(serviceList).toHaveLength(0x128);
    const known: readonly (readonly [string, number, number])[] = [
      ['NtAcceptConnectPort', 0x000, 6],
      ['NtAllocateVirtualMemory', 0x012, 6],
      ['NtClose', 0x01b, 1],
      ['NtContinue', 0x022, 2],
      ['NtCreateFile', 0x027, 11],
      ['NtCreateToken', 0x039, 13],
      ['NtMapViewOfSection', 0x071, 10],
      ['NtQueryVirtualMemory', 0x0ba, 6],
      ['NtReadFile', 0x0bf, 9],
      ['NtTerminateProcess', 0x10a, 2],
      ['NtWriteFile', 0x11c, 9],
      ['NtWaitForMultipleObjects32', 0x127, 5],
    ];
    for (const [name, number, dwords] of known) {
      expect([name, serviceNumber(name)]).toEqual([name, number]);
      expect(serviceList[number][1]).toBe(dwords);
    }
    expect(serviceNumber('NtDoWhatIMean')).toBe(-1);
  });

  it('serves no number twice', () => {
    const numbers = services.map((row) => row.number);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});

describe('naming of exceptions', () => {
  it.each([
    [[0xf4], true],
    [[0xf3, 0x6c], true],
    [[0x0f, 0x22, 0xc0], true],
    [[0x0f, 0x01, 0x10], true],
    [[0x0f, 0x01, 0x00], false],
    [[0x8b, 0x00], false],
    [[], false],
  ])('privileged instruction %j: %s', (code, expected) => {
    expect(isPrivilegedInstruction(code)).toBe(expected);
  });

  it.each([
    [0x01, Status.FLOAT_INVALID_OPERATION],
    [0x41, Status.FLOAT_STACK_CHECK],
    [0x04, Status.FLOAT_DIVIDE_BY_ZERO],
    [0x08, Status.FLOAT_OVERFLOW],
    [0x10, Status.FLOAT_UNDERFLOW],
    [0x20, Status.FLOAT_INEXACT_RESULT],
  ])('x87 status %i', (fpuStatus, expected) => {
    const lastFault = { status: 0, address: 0, access: 0, underlyingStatus: 0 } as const;
    const trap = {
      vector: Vector.FloatingPoint,
      eip: 0x401000,
      code: [],
      fpuControl: 0x340,
      fpuStatus,
      mxcsr: 0,
      lastFault,
    };
    expect(exceptionOfTrap(trap)).toEqual({ code: expected, flags: 0, address: 0x401000, parameters: [0] });
  });

  it('a bugcheck reads as NT shows it', () => {
    expect(bugcheckText({ code: 0xbe, parameters: [0x1000, 0, 0, 0x10] })).toBe(
      '*** STOP: 0x000000BE (0x00001000, 0x00000000, 0x00000000, 0x00000010) ATTEMPTED_WRITE_TO_READONLY_MEMORY',
    );
  });
});

describe('the trace', () => {
  it('has one JSON line an event, time and name first, and a hash of all', () => {
    const lines: string[] = [];
    const options = {
      faults: true,
      syscalls: false,
      threads: false,
      modules: false,
      sink: (line: string) => lines.push(line),
    };
    const trace = new Trace(options, () => 42);
    const empty = trace.hash();
    trace.event('fault', { address: '00401000' });
    expect(lines).toEqual(['{"time":42,"event":"fault","address":"00401000"}']);
    expect(trace.hash()).not.toBe(empty);
    const again = new Trace({ ...options, sink: null }, () => 42);
    again.event('fault', { address: '00401000' });
    expect(again.hash()).toBe(trace.hash());
  });
});
