/** Real-address mode: segments, interrupts, limits, and the ways into protected mode and back (SDM vol 3A 9.9, 20.1). */

import { describe, expect, it } from 'vitest';
import { Cpu } from '../../cpu/cpu.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import {
  CR0,
  CS,
  DS,
  EAX,
  EBX,
  ECX,
  EIP,
  ES,
  ESP,
  FS,
  GDTR_BASE,
  GDTR_LIMIT,
  GS,
  IDTR_BASE,
  IDTR_LIMIT,
  SEGMENT_SELECTOR,
  SS,
} from '../../cpu/layout.js';
import { PhysicalMemory } from '../../cpu/physical-memory.js';
import { cpuOptions } from './cpu-options.js';
import { execute, segmentCache, writeDescriptor } from './protected-machine.js';

const IF = 0x200;
const TF = 0x100;
const CODE = 0x1000;
const STACK = 0x3000;
const DATA = 0x4000;
const HANDLERS = 0x5000;
const GDT = 0x800;

/** CS:IP = 0100h:0, SS:SP = 0300h:0FFEh, DS = ES = 0400h; vector n leads to 0500h:16n. */
function machine(): Cpu {
  const cpu = new Cpu(new PhysicalMemory(4 << 20), null, cpuOptions);
  for (const segment of [FS, GS]) cpu.setSegment(segment, 0, 0, 0xffff, 0x93);
  cpu.setSegment(CS, CODE >> 4, CODE, 0xffff, 0x93);
  cpu.setSegment(SS, STACK >> 4, STACK, 0xffff, 0x93);
  for (const segment of [DS, ES]) cpu.setSegment(segment, DATA >> 4, DATA, 0xffff, 0x93);
  for (let vector = 0; vector < 0x100; vector++) {
    cpu.memory.write32(vector * 4, ((HANDLERS >> 4) << 16) | (vector * 16));
    cpu.memory.write16(HANDLERS + vector * 16, 0xfeeb);
  }
  cpu.state[EIP] = 0;
  cpu.state[ESP] = 0xffe;
  return cpu;
}

/** The vector whose handler CS:IP is at, or -1. */
function handled(cpu: Cpu): number {
  return cpu.state[SEGMENT_SELECTOR + CS] === HANDLERS >> 4 ? cpu.state[EIP] / 16 : -1;
}

const stackWord = (cpu: Cpu, index: number) => cpu.memory.read16(STACK + (cpu.state[ESP] & 0xffff) + index * 2);

describe('exceptions', () => {
  const cases: [string, string, number][] = [
    ['div by zero', '31c9 f7f1', 0],
    ['bound', '620600 00 31c0 48 62060000', 5],
    ['ud2', '0f0b', 6],
    ['word at offset FFFFh', 'a1ffff', 13],
    ['dword at offset FFFDh', '66a1fdff', 13],
    ['word at SS:FFFFh', '36a1ffff', 12],
    ['lldt', '0f00d0', 6],
    ['str', '0f00c8', 6],
    ['verr', '0f00e0', 6],
    ['lar', '0f02c1', 6],
    ['arpl', '63c8', 6],
    ['an instruction of 16 bytes', '66666666666666666666666666666690', 13],
  ];
  it.each(cases)('%s: three words, no error code', (name, code, vector) => {
    const cpu = machine();
    // Bounds 0 and 1.
    cpu.memory.write32(DATA, 0x0001_0000);
    const steps = name === 'bound' ? 4 : name === 'div by zero' ? 2 : 1;
    cpu.setEflags(IF);
    execute(cpu, code, steps);
    expect([handled(cpu), cpu.state[ESP]]).toEqual([vector, 0xff8]);
    expect(stackWord(cpu, 1)).toBe(CODE >> 4);
    expect(stackWord(cpu, 2) & IF).toBe(IF);
    expect(cpu.getEflags() & IF).toBe(0);
  });

  it('a fault pushes IP of the instruction, INT n that behind it', () => {
    const fault = machine();
    execute(fault, '90 0f0b', 2);
    expect([handled(fault), stackWord(fault, 0)]).toEqual([6, 1]);
    const trap = machine();
    execute(trap, '90 cd40', 2);
    expect([handled(trap), stackWord(trap, 0)]).toEqual([0x40, 3]);
  });

  it('single step', () => {
    const cpu = machine();
    cpu.setEflags(TF);
    execute(cpu, '40 40');
    expect([handled(cpu), stackWord(cpu, 0), stackWord(cpu, 2) & TF]).toEqual([1, 1, TF]);
  });

  it('LIDT moves the vector table; a vector past its limit gives #GP, and with none left shutdown', () => {
    const cpu = machine();
    cpu.state[IDTR_LIMIT] = 13 * 4 + 3;
    execute(cpu, 'cd40');
    expect([handled(cpu), stackWord(cpu, 0)]).toEqual([13, 0]);
    const moved = machine();
    moved.state[IDTR_BASE] = 0x2000;
    moved.memory.write32(0x2000 + 0x40 * 4, ((HANDLERS >> 4) << 16) | 0x120);
    execute(moved, 'cd40');
    expect(moved.state[EIP]).toBe(0x120);
    const lost = machine();
    lost.state[IDTR_LIMIT] = 3;
    expect(execute(lost, 'cd40')).toBe(ExitReason.Shutdown);
  });

  it('a frame that would leave the stack segment: shutdown; SP wraps at 0', () => {
    const cpu = machine();
    cpu.state[ESP] = 1;
    expect(execute(cpu, 'cd40')).toBe(ExitReason.Shutdown);
    const wrapped = machine();
    wrapped.state[ESP] = 0;
    execute(wrapped, 'cd40');
    expect([handled(wrapped), wrapped.state[ESP]]).toEqual([0x40, 0xfffa]);
  });
});

describe('far transfers', () => {
  it('CALL and RETF with words and dwords; the offset must lie within 64 KB', () => {
    const cpu = machine();
    cpu.memory.write8(0x2_0010, 0xcb);
    execute(cpu, '9a10000020', 2);
    expect([cpu.state[EIP], segmentCache(cpu, CS).base, cpu.state[ESP]]).toEqual([5, CODE, 0xffe]);
    const wide = machine();
    execute(wide, '669a200000000020', 1);
    expect([wide.state[EIP], wide.state[ESP], stackWord(wide, 0), stackWord(wide, 2)]).toEqual([
      0x20,
      0xff6,
      8,
      CODE >> 4,
    ]);
    const far = machine();
    execute(far, '66ea000001000020');
    expect(handled(far)).toBe(13);
  });

  it('IRET changes all flags, IOPL and NT too', () => {
    const cpu = machine();
    for (const [index, value] of [0x123, 0x200, 0x7fd7].entries()) cpu.memory.write16(STACK + 0xff0 + index * 2, value);
    cpu.state[ESP] = 0xff0;
    execute(cpu, 'cf');
    expect([cpu.state[EIP], segmentCache(cpu, CS).base, cpu.getEflags()]).toEqual([0x123, 0x2000, 0x7fd7]);
  });

  it('loads of segment registers take any value; LES and POP SS', () => {
    const cpu = machine();
    cpu.memory.write32(DATA, 0xabcd_1234 | 0);
    execute(cpu, 'c41e0000');
    expect([segmentCache(cpu, ES).base, cpu.state[EBX] & 0xffff]).toEqual([0xa_bcd0, 0x1234]);
  });

  it('code that runs past FFFFh: #GP', () => {
    const cpu = machine();
    cpu.state[EIP] = 0xffff;
    execute(cpu, '40', 2);
    expect([handled(cpu), stackWord(cpu, 0)]).toEqual([13, 0]);
    expect(cpu.state[EAX]).toBe(1);
  });
});

describe('descriptor tables', () => {
  it('LGDT with 16-bit operands loads 24 bits of base, with 32-bit ones all', () => {
    const cpu = machine();
    cpu.memory.write16(DATA, 0x1f);
    cpu.memory.write32(DATA + 2, 0x1234_5678);
    execute(cpu, '0f01160000');
    expect([cpu.state[GDTR_BASE], cpu.state[GDTR_LIMIT]]).toEqual([0x34_5678, 0x1f]);
    execute(cpu, '660f01160000');
    expect(cpu.state[GDTR_BASE]).toBe(0x1234_5678);
    execute(cpu, '0f011e0000');
    expect([cpu.state[IDTR_BASE], cpu.state[IDTR_LIMIT]]).toEqual([0x34_5678, 0x1f]);
  });

  it('32-bit addresses reach only 64 KB; wider after a visit to protected mode left its limit ("unreal" mode)', () => {
    const cpu = machine();
    cpu.state[EBX] = 0x1_0000;
    execute(cpu, '678a03'); // mov al, [ebx]
    expect(handled(cpu)).toBe(13);

    const unreal = machine();
    writeDescriptor(unreal, GDT + 8, { access: 0xc093 });
    unreal.state[GDTR_BASE] = GDT;
    unreal.state[GDTR_LIMIT] = 0xf;
    unreal.state[EBX] = 0x20_0000;
    unreal.state[ECX] = 8;
    unreal.memory.write8(0x20_0000, 0x77);
    // mov eax, cr0; inc ax; mov cr0, eax; mov ds, cx; dec ax; mov cr0, eax; xor ax, ax; mov ds, ax; mov al, [ebx]
    execute(unreal, '0f20c0 40 0f22c0 8ed9 48 0f22c0 31c0 8ed8 678a03', 9);
    expect([unreal.state[EAX] & 0xff, unreal.state[CR0] & 1]).toEqual([0x77, 0]);
    expect(segmentCache(unreal, DS)).toMatchObject({ selector: 0, base: 0, limit: 0xffff_ffff });
  });
});

describe('protected mode and back', () => {
  it('CS stays usable between MOV CR0 and the far jump, and so does the real-mode CS behind MOV CR0', () => {
    const cpu = machine();
    writeDescriptor(cpu, GDT + 8, { base: CODE, limit: 0xffff, access: 0x009b });
    writeDescriptor(cpu, GDT + 16, { base: 0x1_2340, limit: 0xfff, access: 0x0093 });
    cpu.state[GDTR_BASE] = GDT;
    cpu.state[GDTR_LIMIT] = 0x17;
    // mov eax, cr0; inc ax; mov cr0, eax; mov dl, cs:[0]; jmp 8:0Fh+5
    execute(cpu, '0f20c0 40 0f22c0 2e8a160000 ea11000800', 5);
    expect([segmentCache(cpu, CS).selector, cpu.state[EIP]]).toEqual([8, 0x11]);
    // mov bx, 16; mov ds, bx; dec ax; mov cr0, eax; mov byte [10h], 5; jmp 100h:30h
    execute(cpu, 'bb1000 8edb 48 0f22c0 c606100005 ea30000001', 6);
    expect([segmentCache(cpu, CS), cpu.state[EIP]]).toEqual([
      { selector: 0x100, base: CODE, limit: 0xffff, access: 0x93 },
      0x30,
    ]);
    expect(cpu.memory.read8(0x1_2350)).toBe(5);
    execute(cpu, 'cd40');
    expect(handled(cpu)).toBe(0x40);
  });
});
