/** Addresses that wrap: at 64 KB within 16-bit addressing and stacks, at 4 GB in flat segments and behind a base. */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import { CS, DS, EAX, EBX, ECX, EDI, EIP, ESI, ESP, SS } from '../../cpu/layout.js';
import { CODE, DATA, flatMachine, PAGE_DIRECTORY, pagedMachine, place } from './flat-machine.js';

const TOP = 0x28_0000;
const BOTTOM = 0x28_1000;

/** Paging on, with the last page of the address space at TOP and the first one at BOTTOM. */
function wrappingMachine(): Cpu {
  const cpu = pagedMachine();
  cpu.memory.write32(PAGE_DIRECTORY + 0xffc, 0x27_f000 | 7);
  cpu.memory.write32(0x27_f000 + 0xffc, TOP | 7);
  cpu.memory.write32(PAGE_DIRECTORY + 0x1000, BOTTOM | 7);
  cpu.flushTlb(true);
  return cpu;
}

const run = (cpu: Cpu, code: string) => {
  place(cpu, CODE, code);
  return cpu.run(1);
};

describe('at 4 GB', () => {
  it('a dword at FFFFFFFEh has its other half at 0: loads, stores, read-modify-write, SSE', () => {
    const cpu = wrappingMachine();
    cpu.memory.write16(TOP + 0xffe, 0x1234);
    cpu.memory.write16(BOTTOM, 0x5678);
    cpu.state[EBX] = -2;
    expect([run(cpu, '8b03'), cpu.state[EAX]]).toEqual([ExitReason.Budget, 0x5678_1234]);
    cpu.state[EIP] = CODE;
    cpu.state[EAX] = 0x1111_1111;
    run(cpu, '0103');
    expect([cpu.memory.read16(TOP + 0xffe), cpu.memory.read16(BOTTOM)]).toEqual([0x2345, 0x6789]);
    cpu.state[EIP] = CODE;
    run(cpu, 'c703bbaaddcc');
    expect([cpu.memory.read16(TOP + 0xffe), cpu.memory.read16(BOTTOM)]).toEqual([0xaabb, 0xccdd]);
    cpu.setCr4(0x200);
    cpu.state[EBX] = -8;
    cpu.state[EIP] = CODE;
    expect(run(cpu, '0f1003')).toBe(ExitReason.Budget);
  });

  it('base, index and displacement are added modulo 2^32, segment bases too', () => {
    const cpu = wrappingMachine();
    cpu.memory.write32(DATA, 0x7777);
    cpu.state[EBX] = DATA - 0x1000;
    cpu.state[ESI] = 0x4000_0400;
    expect([run(cpu, '8b04b3'), cpu.state[EAX]]).toEqual([ExitReason.Budget, 0x7777]);
    cpu.setSegment(DS, 0x23, 0xffff_f000 | 0, -1, 0xc0f3);
    cpu.state[EBX] = DATA + 0x1000;
    cpu.state[EIP] = CODE;
    cpu.state[EAX] = 0;
    expect([run(cpu, '8b03'), cpu.state[EAX]]).toEqual([ExitReason.Budget, 0x7777]);
  });

  it('code runs on from FFFFFFFFh to 0, also within an instruction', () => {
    const cpu = wrappingMachine();
    for (const [at, byte] of [0xb8, 0x44, 0x33].entries()) cpu.memory.write8(TOP + 0xffd + at, byte);
    for (const [at, byte] of [0x22, 0x11, 0x43].entries()) cpu.memory.write8(BOTTOM + at, byte);
    cpu.state[EIP] = -3;
    cpu.state[EBX] = 0;
    expect([cpu.run(2), cpu.state[EAX], cpu.state[EBX], cpu.state[EIP]]).toEqual([
      ExitReason.Budget,
      0x1122_3344,
      1,
      3,
    ]);
  });

  it('the stack goes down from 0 to FFFFFFFCh and up again', () => {
    const cpu = wrappingMachine();
    cpu.state[ESP] = 0;
    cpu.state[EAX] = 0x1234_5678;
    run(cpu, '50');
    expect([cpu.state[ESP], cpu.memory.read32(TOP + 0xffc)]).toEqual([-4, 0x1234_5678]);
    place(cpu, CODE + 1, '59');
    expect([cpu.run(1), cpu.state[ECX], cpu.state[ESP]]).toEqual([ExitReason.Budget, 0x1234_5678, 0]);
  });

  it('string instructions move their pointers over it', () => {
    const cpu = wrappingMachine();
    cpu.state[EDI] = -6;
    cpu.state[ECX] = 3;
    cpu.state[EAX] = 0x4433_2211;
    expect(run(cpu, 'f3ab')).toBe(ExitReason.Budget);
    expect([cpu.state[EDI], cpu.state[ECX], cpu.memory.read32(BOTTOM + 2)]).toEqual([6, 0, 0x4433_2211]);
    expect([cpu.memory.read16(TOP + 0xffe), cpu.memory.read16(BOTTOM)]).toEqual([0x2211, 0x4433]);
  });
});

describe('at 64 KB', () => {
  it('16-bit addresses wrap, whatever their segment', () => {
    const cpu = flatMachine();
    cpu.memory.write16(0x0123, 0xabcd);
    cpu.state[EBX] = 0x5555_ff00;
    cpu.state[ESI] = 0x6666_0200;
    expect([run(cpu, '67668b4023'), cpu.state[EAX] & 0xffff]).toEqual([ExitReason.Budget, 0xabcd]);
    cpu.state[EIP] = CODE;
    cpu.state[EDI] = 0x7777_ffff;
    cpu.state[ECX] = 0x8888_0002;
    run(cpu, '67f3aa');
    expect([cpu.state[EDI] >>> 0, cpu.state[ECX] >>> 0, cpu.memory.read8(0)]).toEqual([0x7777_0001, 0x8888_0000, 0xcd]);
  });

  it('a 16-bit stack wraps its pointer and leaves the upper half of ESP alone', () => {
    const cpu = flatMachine();
    cpu.setSegment(SS, 0x23, DATA, 0xffff, 0xf3);
    cpu.state[ESP] = 0x1234_0000;
    cpu.state[EAX] = 0x1111_2222;
    run(cpu, '50');
    expect([cpu.state[ESP] >>> 0, cpu.memory.read32(DATA + 0xfffc)]).toEqual([0x1234_fffc, 0x1111_2222]);
    cpu.state[ESP] = 0x1234_0002;
    cpu.state[EIP] = CODE;
    expect([run(cpu, '50'), cpu.exceptionVector, cpu.state[ESP] >>> 0]).toEqual([
      ExitReason.Exception,
      12,
      0x1234_0002,
    ]);
  });

  it('near transfers with a 16-bit operand size cut EIP', () => {
    const cpu = flatMachine();
    place(cpu, CODE, '66e9fe7f'); // jmp: EIP = 1_0004h + 7FFEh, of which 16 bits stay
    expect([cpu.run(1), cpu.state[EIP]]).toEqual([ExitReason.Budget, 0x8002]);
    const short = flatMachine();
    short.setSegment(CS, 0x1b, CODE, 0xffff, 0x00fb);
    short.state[EIP] = 0xfff0;
    place(short, CODE + 0xfff0, 'eb20');
    expect([short.run(1), short.state[EIP]]).toEqual([ExitReason.Budget, 0x12]);
  });
});
