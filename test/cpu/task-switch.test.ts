/** Hardware task switching (SDM vol 3A chapter 7): registers, busy bits, links, flags, and every refusal. */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { acceptInterrupt } from '../../cpu/interrupts.js';
import {
  CPL,
  CR0,
  CR3,
  CS,
  DR6,
  DR7,
  DS,
  EAX,
  EBX,
  EIP,
  ES,
  ESP,
  FS,
  GS,
  LDTR,
  SEGMENT_SELECTOR,
  SS,
  TR,
} from '../../cpu/layout.js';
import { CR0_PE, CR0_PG, CR0_TS } from '../../cpu/paging.js';
import {
  accessInMemory,
  CODE,
  CODE0,
  CODE3,
  DATA0,
  DATA3,
  execute,
  FREE,
  GDT,
  HANDLERS,
  handledVector,
  IDT,
  LDT_SELECTOR,
  protectedMachine,
  segmentCache,
  stack,
  TSS,
  TSS_SELECTOR,
  writeDescriptor,
  writeGate,
} from './protected-machine.js';

const NT = 0x4000;
const IF = 0x200;
const RF = 0x1_0000;
const VM = 0x2_0000;
const DATA_PAGE = 0x7000;
/** The second task. */
const TASK = 0x7000;
const TASK_CODE = 0x3_0000;
const TASK_STACK = 0x7_0000;
const TASK_SELECTOR = FREE;
const GATE_SELECTOR = FREE + 8;
const TSS_FREE32 = 0x89;
const TSS_BUSY32 = 0x8b;

function write(cpu: Cpu, address: number, value: number): void {
  cpu.memory.write32(address, value);
}

interface TaskFields {
  eip?: number;
  eflags?: number;
  cs?: number;
  ss?: number;
  data?: number;
  ldt?: number;
  cr3?: number;
  trap?: number;
  link?: number;
}

/** A 32-bit TSS at TASK whose code at TASK_CODE is a jump to itself. */
function writeTask(cpu: Cpu, fields: TaskFields = {}): void {
  const {
    eip = TASK_CODE,
    eflags = 2,
    cs = CODE0,
    ss = DATA0,
    data = DATA0,
    ldt = 0,
    cr3 = 0,
    trap = 0,
    link = 0,
  } = fields;
  write(cpu, TASK, link);
  write(cpu, TASK + 28, cr3);
  write(cpu, TASK + 32, eip);
  write(cpu, TASK + 36, eflags);
  for (let register = 0; register < 8; register++) write(cpu, TASK + 40 + register * 4, 0x1111_1111 * (register + 1));
  write(cpu, TASK + 40 + ESP * 4, TASK_STACK);
  for (const [segment, selector] of [data, cs, ss, data, data, data].entries())
    write(cpu, TASK + 72 + segment * 4, selector);
  write(cpu, TASK + 96, ldt);
  write(cpu, TASK + 100, trap | (0x68 << 16));
  cpu.memory.write16(TASK_CODE, 0xfeeb);
}

/** Ring 0 or 3 with a second task, and a task gate to it that ring 3 may use. */
function machine(ring: 0 | 3 = 0, fields: TaskFields = {}, tss = { base: TASK, limit: 0x67, access: TSS_FREE32 }): Cpu {
  const cpu = protectedMachine(ring);
  writeDescriptor(cpu, GDT + TASK_SELECTOR, tss);
  writeGate(cpu, GDT + GATE_SELECTOR, TASK_SELECTOR, 0, 0xe5);
  writeTask(cpu, fields);
  return cpu;
}

const word = (value: number) =>
  (value & 0xff).toString(16).padStart(2, '0') + (value >>> 8).toString(16).padStart(2, '0');
const jump = (selector: number) => `ea 78563412 ${word(selector)}`;
const call = (selector: number) => `9a 78563412 ${word(selector)}`;
const busy = (cpu: Cpu, selector: number) => (accessInMemory(cpu, GDT + selector) & 2) !== 0;
const selectorOf = (cpu: Cpu, segment: number) => cpu.state[SEGMENT_SELECTOR + segment];

describe('JMP to a TSS', () => {
  it('saves the old task, loads the new one, moves the busy bit and sets CR0.TS', () => {
    const cpu = machine();
    cpu.state[EBX] = 0x1234;
    cpu.setEflags(IF | 0x8c5);
    execute(cpu, jump(TASK_SELECTOR));
    const { memory, state } = cpu;
    expect(memory.read32(TSS + 32)).toBe(CODE + 7);
    expect(memory.read32(TSS + 36)).toBe(IF | 0x8c7);
    expect(memory.read32(TSS + 40 + EBX * 4)).toBe(0x1234);
    expect([72, 76, 80, 84, 88, 92].map((offset) => memory.read16(TSS + offset))).toEqual([
      DATA0,
      CODE0,
      DATA0,
      DATA0,
      DATA0,
      DATA0,
    ]);
    expect([state[EIP], state[EAX], state[EBX], state[ESP]]).toEqual([TASK_CODE, 0x1111_1111, 0x4444_4444, TASK_STACK]);
    expect([cpu.getEflags(), state[CPL], state[CR0] & CR0_TS]).toEqual([2, 0, CR0_TS]);
    expect(segmentCache(cpu, TR)).toEqual({ selector: TASK_SELECTOR, base: TASK, limit: 0x67, access: TSS_BUSY32 });
    expect([busy(cpu, TSS_SELECTOR), busy(cpu, TASK_SELECTOR)]).toEqual([false, true]);
    expect(memory.read16(TASK)).toBe(0);
  });

  it('through a task gate: the offset is ignored, and ring 3 may use a gate of DPL 3', () => {
    const cpu = machine(3);
    execute(cpu, jump(GATE_SELECTOR));
    expect([cpu.state[EIP], cpu.state[CPL], selectorOf(cpu, TR)]).toEqual([TASK_CODE, 0, TASK_SELECTOR]);
  });

  it('to a task of ring 3, with an LDT', () => {
    const cpu = machine(0, { cs: CODE3, ss: DATA3, data: DATA3, ldt: LDT_SELECTOR });
    execute(cpu, jump(TASK_SELECTOR));
    expect([cpu.state[CPL], selectorOf(cpu, SS), selectorOf(cpu, DS)]).toEqual([3, DATA3, DATA3]);
    expect(segmentCache(cpu, LDTR)).toMatchObject({ selector: LDT_SELECTOR, limit: 0x3f });
  });

  it('to a task in virtual-8086 mode', () => {
    const cpu = machine(0, { cs: 0x3000, ss: 0x200, data: 0x300, eflags: VM | 2, eip: 0 });
    execute(cpu, jump(TASK_SELECTOR));
    expect([cpu.state[CPL], cpu.getEflags() & VM, cpu.state[EIP]]).toEqual([3, VM, 0]);
    expect(segmentCache(cpu, CS)).toEqual({ selector: 0x3000, base: 0x3_0000, limit: 0xffff, access: 0xf3 });
    expect(segmentCache(cpu, GS)).toEqual({ selector: 0x300, base: 0x3000, limit: 0xffff, access: 0xf3 });
  });

  it('loads CR3 when paging is on', () => {
    const cpu = machine(0, { cr3: 0x9000 });
    for (const directory of [0x8000, 0x9000]) write(cpu, directory, 0xa003);
    for (let page = 0; page < 1024; page++) write(cpu, 0xa000 + page * 4, (page << 12) | 3);
    cpu.setCr3(0x8000);
    cpu.setCr0(CR0_PE | CR0_PG);
    execute(cpu, jump(TASK_SELECTOR));
    expect([cpu.state[CR3], cpu.state[EIP]]).toEqual([0x9000, TASK_CODE]);
  });

  it('clears the local breakpoints of DR7', () => {
    const cpu = machine();
    cpu.state[DR7] = 0x757;
    execute(cpu, jump(TASK_SELECTOR));
    expect(cpu.state[DR7]).toBe(0x602);
  });

  it('T flag: #DB with DR6.BT before the first instruction', () => {
    const cpu = machine(0, { trap: 1 });
    execute(cpu, jump(TASK_SELECTOR), 2);
    expect([handledVector(cpu), stack(cpu, 0), cpu.state[DR6] & 0xe00f]).toEqual([1, TASK_CODE, 0x8000]);
  });
});

describe('CALL and IRET', () => {
  it('nest: link, NT, both busy; IRET goes back behind the CALL and keeps the called task resumable', () => {
    const cpu = machine();
    cpu.state[EBX] = 77;
    execute(cpu, call(GATE_SELECTOR));
    expect(cpu.memory.read16(TASK)).toBe(TSS_SELECTOR);
    expect(cpu.getEflags() & NT).toBe(NT);
    expect([busy(cpu, TSS_SELECTOR), busy(cpu, TASK_SELECTOR)]).toEqual([true, true]);
    execute(cpu, 'cf'); // iret
    expect([cpu.state[EIP], cpu.state[EBX], selectorOf(cpu, TR)]).toEqual([CODE + 7, 77, TSS_SELECTOR]);
    expect([busy(cpu, TSS_SELECTOR), busy(cpu, TASK_SELECTOR)]).toEqual([true, false]);
    expect(cpu.getEflags() & NT).toBe(0);
    expect(cpu.memory.read32(TASK + 32)).toBe(TASK_CODE + 1);
    expect(cpu.memory.read32(TASK + 36) & NT).toBe(0);
  });

  const links: [string, number, number][] = [
    ['the null selector', 0, 0],
    ['a selector past the GDT', 0x1000, 0x1000],
    ['a selector of the LDT', 0x0c, 0x0c],
    ['a data segment', DATA0, DATA0],
    ['a TSS that is not busy', TASK_SELECTOR, TASK_SELECTOR],
  ];
  it.each(links)('IRET with NT and a link to %s: #TS', (_what, link, code) => {
    const cpu = machine();
    cpu.setEflags(NT);
    cpu.memory.write16(TSS, link);
    execute(cpu, 'cf');
    expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 1)]).toEqual([10, code, CODE]);
  });
});

describe('interrupts through task gates', () => {
  it('an exception: link, NT, EIP of the instruction with RF kept by the old task, error code on the new stack', () => {
    const cpu = machine();
    writeGate(cpu, IDT + 13 * 8, TASK_SELECTOR, 0, 0x85);
    cpu.state[EAX] = 0xfff8;
    execute(cpu, '8e d8'); // mov ds, ax
    expect([cpu.state[EIP], cpu.state[ESP], stack(cpu, 0)]).toEqual([TASK_CODE, TASK_STACK - 4, 0xfff8]);
    expect([cpu.memory.read32(TSS + 32), cpu.memory.read32(TSS + 36)]).toEqual([CODE, RF | 2]);
    expect(cpu.memory.read16(TASK)).toBe(TSS_SELECTOR);
    expect(cpu.getEflags() & NT).toBe(NT);
  });

  it('INT n checks the DPL of the gate and saves EIP behind the instruction', () => {
    const cpu = machine(3);
    writeGate(cpu, IDT + 0x80 * 8, TASK_SELECTOR, 0, 0xe5);
    execute(cpu, 'cd 80');
    expect([cpu.state[EIP], cpu.memory.read32(TSS + 32)]).toEqual([TASK_CODE, CODE + 2]);
    const other = machine(3);
    writeGate(other, IDT + 0x80 * 8, TASK_SELECTOR, 0, 0x85);
    execute(other, 'cd 80');
    expect([handledVector(other), stack(other, 0)]).toEqual([13, 0x80 * 8 + 2]);
  });

  it('an external interrupt with a busy task: #GP(TSS), external', () => {
    const cpu = machine(0, {}, { base: TASK, limit: 0x67, access: TSS_BUSY32 });
    writeGate(cpu, IDT + 0x20 * 8, TASK_SELECTOR, 0, 0x85);
    cpu.setEflags(IF);
    acceptInterrupt(cpu, 0x20);
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([13, TASK_SELECTOR | 1]);
  });

  it('a double fault has a task of its own, so that a lost stack is survived', () => {
    const cpu = machine();
    writeGate(cpu, IDT + 8 * 8, TASK_SELECTOR, 0, 0x85);
    cpu.setSegment(SS, DATA0, 0, 0xfff, 0x4093);
    cpu.state[ESP] = 0x2000;
    execute(cpu, '50'); // push eax, which #SS cannot be delivered for
    expect([cpu.state[EIP], selectorOf(cpu, TR), stack(cpu, 0)]).toEqual([TASK_CODE, TASK_SELECTOR, 0]);
    expect([cpu.memory.read32(TSS + 32), cpu.memory.read32(TSS + 56)]).toEqual([CODE, 0x2000]);
  });

  it('the T flag traps there too', () => {
    const cpu = machine(3, { trap: 1 });
    writeGate(cpu, IDT + 0x80 * 8, TASK_SELECTOR, 0, 0xe5);
    execute(cpu, 'cd 80', 2);
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([1, TASK_CODE]);
  });
});

describe('16-bit tasks', () => {
  it('words are saved and loaded, upper halves are ones, FS and GS null; CR3 stays', () => {
    const cpu = machine(0, {}, { base: TASK, limit: 0x2b, access: 0x81 });
    const put = (offset: number, value: number) => cpu.memory.write16(TASK + offset, value);
    put(14, 0x4567);
    put(16, 2);
    for (let register = 0; register < 8; register++) put(18 + register * 2, 0x100 + register);
    for (const [segment, selector] of [DATA0, CODE0, DATA0, DATA0].entries()) put(34 + segment * 2, selector);
    put(42, 0);
    execute(cpu, call(TASK_SELECTOR));
    const { state } = cpu;
    expect([state[EIP], state[EAX] >>> 0, state[ESP] >>> 0]).toEqual([0x4567, 0xffff_0100, 0xffff_0104]);
    expect([selectorOf(cpu, ES), selectorOf(cpu, FS), selectorOf(cpu, GS)]).toEqual([DATA0, 0, 0]);
    expect(cpu.memory.read16(TASK)).toBe(TSS_SELECTOR);
    cpu.state[EIP] = TASK_CODE;
    execute(cpu, 'cf');
    expect([state[EIP], selectorOf(cpu, TR)]).toEqual([CODE + 7, TSS_SELECTOR]);
    expect([cpu.memory.read16(TASK + 14), cpu.memory.read16(TASK + 26)]).toEqual([(TASK_CODE + 1) & 0xffff, 0x104]);
  });
});

describe('refusals before the switch leave the old task as it is', () => {
  const tss = (parts: { limit?: number; access?: number }) => ({
    base: TASK,
    limit: 0x67,
    access: TSS_FREE32,
    ...parts,
  });
  const cases: [string, ReturnType<typeof tss>, number][] = [
    ['a busy TSS: #GP', tss({ access: TSS_BUSY32 }), 13],
    ['a TSS that is not present: #NP', tss({ access: 0x09 }), 11],
    ['a 32-bit TSS of limit 66h: #TS', tss({ limit: 0x66 }), 10],
    ['a 16-bit TSS of limit 2Ah: #TS', tss({ limit: 0x2a, access: 0x81 }), 10],
  ];
  it.each(cases)('%s', (_what, descriptor, vector) => {
    for (const code of [jump(TASK_SELECTOR), call(TASK_SELECTOR), jump(GATE_SELECTOR)]) {
      const cpu = machine(0, {}, descriptor);
      execute(cpu, code);
      expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 1)]).toEqual([vector, TASK_SELECTOR, CODE]);
      expect([selectorOf(cpu, TR), cpu.memory.read32(TSS + 32), busy(cpu, TSS_SELECTOR)]).toEqual([
        TSS_SELECTOR,
        0,
        true,
      ]);
    }
  });

  it('privilege: a TSS of DPL 0 from ring 3, a gate of DPL 0, a gate not present', () => {
    for (const [selector, access, vector] of [
      [TASK_SELECTOR, 0xe5, 13],
      [GATE_SELECTOR, 0x85, 13],
      [GATE_SELECTOR, 0x65, 11],
    ]) {
      const cpu = machine(3);
      writeGate(cpu, GDT + GATE_SELECTOR, TASK_SELECTOR, 0, access);
      execute(cpu, jump(selector));
      expect([handledVector(cpu), stack(cpu, 0)]).toEqual([vector, selector]);
    }
  });

  it('a task gate to something that is no TSS, or in the LDT: #GP(selector)', () => {
    for (const selector of [DATA0, 0x0c, 0, 0x2000]) {
      const cpu = machine();
      writeGate(cpu, GDT + GATE_SELECTOR, selector, 0, 0x85);
      execute(cpu, jump(GATE_SELECTOR));
      expect([handledVector(cpu), stack(cpu, 0)]).toEqual([13, selector]);
    }
  });

  it('a current TSS too short to be saved to: #TS(TR)', () => {
    const cpu = machine();
    cpu.setSegment(TR, TSS_SELECTOR, TSS, 0x5e, TSS_BUSY32);
    execute(cpu, jump(TASK_SELECTOR));
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([10, TSS_SELECTOR]);
  });
});

describe('what is wrong with the new task is raised in it, at its first instruction', () => {
  const cases: [string, TaskFields, number, number][] = [
    ['LDT of the wrong type', { ldt: DATA0 }, 10, DATA0],
    ['LDT not present', { ldt: 0x50 }, 10, 0x50],
    ['LDT selector of the LDT', { ldt: 0x0c }, 10, 0x0c],
    ['CS null', { cs: 0 }, 10, 0],
    ['CS is data', { cs: DATA0 }, 10, DATA0],
    ['CS of another level', { cs: CODE3 & ~3 }, 10, CODE3 & ~3],
    ['CS not present', { cs: 0x58 }, 11, 0x58],
    ['SS null', { ss: 0 }, 10, 0],
    ['SS of another level', { ss: DATA3 }, 10, DATA3 & ~3],
    ['SS not present', { ss: 0x60 }, 12, 0x60],
    ['DS is no segment', { data: TSS_SELECTOR }, 10, TSS_SELECTOR],
    ['DS not present', { data: 0x60 }, 11, 0x60],
    ['EIP past the limit of CS', { cs: 0x68, eip: 0x2_0000 }, 13, 0],
  ];
  it.each(cases)('%s', (_what, fields, vector, code) => {
    const cpu = machine(0, fields);
    writeDescriptor(cpu, GDT + 0x50, { base: DATA_PAGE, limit: 0xff, access: 0x02 });
    writeDescriptor(cpu, GDT + 0x58, { access: 0xc01b });
    writeDescriptor(cpu, GDT + 0x60, { access: 0xc013 });
    writeDescriptor(cpu, GDT + 0x68, { limit: 0xffff, access: 0x409b });
    // The handler has a task of its own: the stack of the broken one may not be usable.
    writeDescriptor(cpu, GDT + 0x70, { base: 0xb000, limit: 0x67, access: TSS_FREE32 });
    cpu.memory.copyFrame(0xb, TASK >>> 12);
    for (const [segment, selector] of [DATA0, CODE0, DATA0, DATA0, DATA0, DATA0].entries()) {
      write(cpu, 0xb000 + 72 + segment * 4, selector);
    }
    write(cpu, 0xb000 + 32, HANDLERS + vector * 16);
    write(cpu, 0xb000 + 96, 0);
    writeGate(cpu, IDT + vector * 8, 0x70, 0, 0x85);
    execute(cpu, jump(TASK_SELECTOR));
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([vector, code]);
    expect(cpu.memory.read16(0xb000)).toBe(TASK_SELECTOR);
    expect(cpu.memory.read32(TASK + 32)).toBe(fields.eip ?? TASK_CODE);
    expect([busy(cpu, TSS_SELECTOR), busy(cpu, TASK_SELECTOR)]).toEqual([false, true]);
  });
});
