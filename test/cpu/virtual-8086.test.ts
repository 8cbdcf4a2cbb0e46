/** Virtual-8086 mode: what IOPL guards, where interrupts go, and the ports (SDM vol 3A chapter 20). */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { acceptInterrupt } from '../../cpu/interrupts.js';
import { CPL, CS, DS, EAX, EIP, ES, ESP, FS, GS, SEGMENT_SELECTOR, SS, TR } from '../../cpu/layout.js';
import {
  DATA0,
  execute,
  HANDLERS,
  handledVector,
  IDT,
  protectedMachine,
  STACK0,
  segmentCache,
  stack,
  TSS,
  TSS_SELECTOR,
  writeGate,
} from './protected-machine.js';

const VM = 0x2_0000;
const IF = 0x200;
const RF = 0x1_0000;
const CODE = 0x3_0000;
const STACK = 0x4_0000;
const DATA = 0x6_0000;

/** In virtual-8086 mode at 3000h:0100h, SS:SP 4000h:1000h, data segments 6000h. */
function machine(iopl: number): Cpu {
  const cpu = protectedMachine(0);
  cpu.setEflags(VM | (iopl << 12) | IF | 2);
  cpu.state[CPL] = 3;
  for (const segment of [ES, DS, FS, GS]) cpu.setSegment(segment, DATA >> 4, DATA, 0xffff, 0xf3);
  cpu.setSegment(CS, CODE >> 4, CODE, 0xffff, 0xf3);
  cpu.setSegment(SS, STACK >> 4, STACK, 0xffff, 0xf3);
  cpu.state[EIP] = 0x100;
  cpu.state[ESP] = 0x1000;
  return cpu;
}

describe('IOPL', () => {
  const sensitive: [string, string][] = [
    ['cli', 'fa'],
    ['sti', 'fb'],
    ['pushf', '9c'],
    ['popf', '9d'],
    ['int n', 'cd80'],
    ['iret', 'cf'],
  ];
  it.each(sensitive)('%s: #GP(0) below 3', (_name, code) => {
    for (const iopl of [0, 1, 2]) {
      const cpu = machine(iopl);
      execute(cpu, code);
      expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 1)]).toEqual([13, 0, 0x100]);
    }
  });

  it('at 3 they work, without changing IOPL', () => {
    const cpu = machine(3);
    execute(cpu, 'fa 9c 58 6800009d fb', 6); // cli; pushf; pop ax; push 0; popf; sti
    expect([cpu.state[EAX] & 0xffff, cpu.getEflags()]).toEqual([0x3002, VM | 0x3202]);
    const returning = machine(3);
    for (const [index, value] of [0x44, 0x1111, 0x0001].entries())
      returning.memory.write16(STACK + 0x1000 + index * 2, value);
    execute(returning, 'cf');
    expect([returning.state[EIP], segmentCache(returning, CS).base, returning.getEflags()]).toEqual([
      0x44,
      0x1_1110,
      VM | 0x3003,
    ]);
  });

  it('INT3 and INTO do not ask', () => {
    const cpu = machine(0);
    execute(cpu, 'cc');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([3, 0x101]);
  });

  it('what needs ring 0 gives #GP(0), what needs protected mode #UD', () => {
    for (const [code, vector] of [
      ['f4', 13],
      ['0f20c0', 13],
      ['0f010e0000', -1],
      ['0f01160000', 13],
      ['0f06', 13],
      ['0f32', 13],
      ['0f00d8', 6],
      ['0f00c0', 6],
      ['0f02c0', 6],
      ['63c0', 6],
    ] as const) {
      const cpu = machine(3);
      execute(cpu, code);
      expect([code, handledVector(cpu)]).toEqual([code, vector]);
    }
  });
});

describe('interrupts', () => {
  it('go through the IDT to ring 0, with all segments on the stack of the TSS; data segments become null', () => {
    const cpu = machine(3);
    execute(cpu, 'cd80');
    expect(handledVector(cpu)).toBe(0x80);
    const frame = Array.from({ length: 9 }, (_, index) => stack(cpu, index));
    expect(frame).toEqual([
      0x102,
      CODE >> 4,
      VM | 0x3202,
      0x1000,
      STACK >> 4,
      DATA >> 4,
      DATA >> 4,
      DATA >> 4,
      DATA >> 4,
    ]);
    expect([cpu.state[ESP], cpu.state[CPL], cpu.getEflags() & (VM | IF)]).toEqual([STACK0 - 36, 0, 0]);
    expect([DS, ES, FS, GS].map((segment) => segmentCache(cpu, segment).access)).toEqual([0, 0, 0, 0]);
    expect(segmentCache(cpu, SS).selector).toBe(DATA0);
    execute(cpu, 'cf');
    expect([cpu.state[EIP], cpu.state[CPL], cpu.getEflags()]).toEqual([0x102, 3, VM | 0x3202]);
    expect(segmentCache(cpu, DS)).toEqual({ selector: DATA >> 4, base: DATA, limit: 0xffff, access: 0xf3 });
  });

  it('a fault pushes RF and its error code; an external interrupt the flags as they are', () => {
    const cpu = machine(0);
    execute(cpu, 'a1ffff');
    expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 1), stack(cpu, 3)]).toEqual([13, 0, 0x100, VM | RF | 0x202]);
    const other = machine(0);
    acceptInterrupt(other, 0x20);
    expect([handledVector(other), stack(other, 0), stack(other, 2)]).toEqual([0x20, 0x100, VM | 0x202]);
  });

  it('a gate of DPL below 3, and a handler that is not of ring 0: #GP', () => {
    const cpu = machine(3);
    execute(cpu, 'cd20');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([13, 0x20 * 8 + 2]);
    const outer = machine(3);
    writeGate(outer, IDT + 0x80 * 8, 0x18, HANDLERS, 0xee);
    execute(outer, 'cd80');
    expect([handledVector(outer), stack(outer, 0)]).toEqual([13, 0x18]);
  });
});

describe('ports', () => {
  it('the permission map decides, whatever IOPL is', () => {
    for (const iopl of [0, 3]) {
      const cpu = machine(iopl);
      cpu.setSegment(TR, TSS_SELECTOR, TSS, 0x67 + 4, 0x8b);
      cpu.memory.write32(TSS + 0x68, 0xffff_fffe | 0); // port 0 is open
      execute(cpu, 'e400 e401', 2);
      expect([handledVector(cpu), stack(cpu, 1)]).toEqual([13, 0x102]);
    }
  });
});

describe('segments', () => {
  it('are 16 times their selector, up to 64 KB, whatever the descriptor tables say', () => {
    const cpu = machine(0);
    cpu.memory.write16(0x1_2350, 0xbeef);
    execute(cpu, 'b83412 8ed8 a11000', 3); // mov ax, 1234h; mov ds, ax; mov ax, [10h]
    expect(cpu.state[EAX] & 0xffff).toBe(0xbeef);
    execute(cpu, 'ea05008000'); // jmp 80h:5
    expect([cpu.state[SEGMENT_SELECTOR + CS], segmentCache(cpu, CS).base, cpu.state[CPL]]).toEqual([0x80, 0x800, 3]);
  });
});
