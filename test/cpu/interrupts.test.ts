/** Delivery through the IDT, IRET, double and triple faults, and what an owner sees in place of all that. */
import { describe, expect, it } from 'vitest';
import { makesDoubleFault } from '../../cpu/exceptions.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import { acceptInterrupt } from '../../cpu/interrupts.js';
import {
  CPL,
  CR2,
  CR3,
  CS,
  DS,
  EAX,
  EIP,
  ES,
  ESP,
  FS,
  GS,
  IDTR_BASE,
  IDTR_LIMIT,
  SEGMENT_SELECTOR,
  SS,
} from '../../cpu/layout.js';
import { CR0_AM, CR0_PE, CR0_PG } from '../../cpu/paging.js';
import { EFLAGS_AC } from '../../cpu/segmentation.js';
import {
  CODE,
  CODE0,
  CODE3,
  DATA,
  DATA0,
  DATA3,
  execute,
  FREE,
  GDT,
  HANDLERS,
  handledVector,
  IDT,
  protectedMachine,
  STACK0,
  STACK3,
  segmentCache,
  stack,
  TSS,
  TSS_SELECTOR,
  writeDescriptor,
  writeGate,
} from './protected-machine.js';

const IF = 0x200;
const TF = 0x100;
const NT = 0x4000;
const RF = 0x1_0000;
const VM = 0x2_0000;

describe('delivery', () => {
  it('int 80h from ring 3: stack of the TSS, frame of five dwords, EIP behind the instruction', () => {
    const cpu = protectedMachine(3);
    cpu.setEflags(IF | NT | 0x8c5);
    execute(cpu, 'cd 80');
    expect(handledVector(cpu)).toBe(0x80);
    expect(cpu.state[CPL]).toBe(0);
    expect(segmentCache(cpu, CS)).toEqual({ selector: CODE0, base: 0, limit: 0xffff_ffff, access: 0xc09b });
    expect(segmentCache(cpu, SS).selector).toBe(DATA0);
    expect(cpu.state[ESP]).toBe(STACK0 - 20);
    expect([0, 1, 2, 3, 4].map((index) => stack(cpu, index))).toEqual([
      CODE + 2,
      CODE3,
      IF | NT | 0x8c7,
      STACK3,
      DATA3,
    ]);
    expect(cpu.getEflags() & (IF | NT | TF | VM)).toBe(0);
  });

  it('in ring 0 the frame goes on the current stack, without SS:ESP', () => {
    const cpu = protectedMachine(0);
    execute(cpu, 'cd 20');
    expect(cpu.state[ESP]).toBe(STACK0 - 12);
    expect([0, 1].map((index) => stack(cpu, index))).toEqual([CODE + 2, CODE0]);
  });

  it('a trap gate leaves IF alone', () => {
    const cpu = protectedMachine(3);
    cpu.setEflags(IF);
    writeGate(cpu, IDT + 0x80 * 8, CODE0, HANDLERS, 0xef);
    execute(cpu, 'cd 80');
    expect(cpu.getEflags() & IF).toBe(IF);
  });

  it('a 16-bit gate pushes words', () => {
    const cpu = protectedMachine(0);
    writeGate(cpu, IDT + 0x80 * 8, CODE0, 0xdead_1234 | 0, 0xe6);
    execute(cpu, 'cd 80');
    expect(cpu.state[EIP]).toBe(0x1234);
    expect(cpu.state[ESP]).toBe(STACK0 - 6);
    expect(cpu.memory.read16(STACK0 - 6)).toBe((CODE + 2) & 0xffff);
    expect(cpu.memory.read16(STACK0 - 4)).toBe(CODE0);
  });

  it('faults push EIP of the instruction, EFLAGS with RF, and their error code', () => {
    const cpu = protectedMachine(3);
    cpu.state[EAX] = 0xfff8;
    execute(cpu, '8e d8'); // mov ds, ax
    expect(handledVector(cpu)).toBe(13);
    expect([0, 1, 2, 3].map((index) => stack(cpu, index))).toEqual([0xfff8, CODE, CODE3, RF | 2]);
  });

  it('INT3 and INT1 push EIP behind themselves; INT1 asks no DPL', () => {
    const cpu = protectedMachine(3);
    execute(cpu, 'cc');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([3, CODE + 1]);
    const other = protectedMachine(3);
    execute(other, 'f1');
    expect([handledVector(other), stack(other, 0)]).toEqual([1, CODE + 1]);
  });

  it('INTO only with OF', () => {
    const cpu = protectedMachine(3);
    execute(cpu, 'ce');
    expect(cpu.state[EIP]).toBe(CODE + 1);
    cpu.setEflags(0x800);
    execute(cpu, 'ce');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([4, CODE + 2]);
  });

  it('BOUND is a fault: #BR at the instruction when the index is outside', () => {
    const cpu = protectedMachine(3);
    cpu.memory.write32(DATA, -5);
    cpu.memory.write32(DATA + 4, 10);
    for (const [index, inside] of [
      [-6, false],
      [-5, true],
      [10, true],
      [11, false],
    ] as const) {
      cpu.state[EAX] = index;
      cpu.state[EIP] = CODE;
      if (inside) {
        execute(cpu, '62 05 00 00 06 00');
        expect(cpu.state[EIP]).toBe(CODE + 6);
        continue;
      }
      const fresh = protectedMachine(3);
      fresh.memory.write32(DATA, -5);
      fresh.memory.write32(DATA + 4, 10);
      fresh.state[EAX] = index;
      execute(fresh, '62 05 00 00 06 00');
      expect([handledVector(fresh), stack(fresh, 0)]).toEqual([5, CODE]);
    }
  });

  it('a gate of too low DPL: #GP(vector * 8 + 2), not external', () => {
    const cpu = protectedMachine(3);
    execute(cpu, 'cd 21');
    expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 1)]).toEqual([13, 0x21 * 8 + 2, CODE]);
  });

  it('a gate not present: #NP(vector * 8 + 2); a gate of the wrong type: #GP', () => {
    const cpu = protectedMachine(3);
    writeGate(cpu, IDT + 0x90 * 8, CODE0, HANDLERS, 0x6e);
    execute(cpu, 'cd 90');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([11, 0x90 * 8 + 2]);
    const other = protectedMachine(3);
    writeGate(other, IDT + 0x90 * 8, CODE0, HANDLERS, 0xec);
    execute(other, 'cd 90');
    expect([handledVector(other), stack(other, 0)]).toEqual([13, 0x90 * 8 + 2]);
  });

  it('a vector past the IDT limit: #GP(vector * 8 + 2)', () => {
    const cpu = protectedMachine(3);
    cpu.state[IDTR_LIMIT] = 0x90 * 8 - 1;
    execute(cpu, 'cd 90');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([13, 0x90 * 8 + 2]);
  });

  it('a gate whose code segment is more outer, data, or null', () => {
    for (const [selector, code] of [
      [CODE3, CODE3 & ~3],
      [DATA0, DATA0],
      [0, 0],
    ]) {
      const cpu = protectedMachine(0);
      writeGate(cpu, IDT + 0x90 * 8, selector, HANDLERS, 0x8e);
      execute(cpu, 'cd 90');
      expect([handledVector(cpu), stack(cpu, 0)]).toEqual([13, code]);
    }
  });

  it('a conforming handler runs at the level of the interrupted code, on its stack', () => {
    const cpu = protectedMachine(3);
    writeDescriptor(cpu, GDT + FREE, { access: 0xc09e });
    writeGate(cpu, IDT + 0x90 * 8, FREE, HANDLERS, 0xee);
    execute(cpu, 'cd 90');
    expect([cpu.state[CPL], cpu.state[SEGMENT_SELECTOR + CS], cpu.state[ESP]]).toEqual([3, FREE | 3, STACK3 - 12]);
  });

  it('a bad stack segment in the TSS: #TS(selector) on the way, external for exceptions', () => {
    const cpu = protectedMachine(3);
    writeDescriptor(cpu, GDT + FREE, { access: 0xc09e });
    writeGate(cpu, IDT + 10 * 8, FREE, HANDLERS + 10 * 16, 0xee);
    cpu.memory.write32(TSS + 8, CODE0);
    execute(cpu, 'cd 80');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([10, CODE0]);
    const other = protectedMachine(3);
    writeDescriptor(other, GDT + FREE, { access: 0xc09e });
    writeGate(other, IDT + 10 * 8, FREE, HANDLERS + 10 * 16, 0xee);
    other.memory.write32(TSS + 8, CODE0);
    execute(other, '0f 0b');
    expect([handledVector(other), stack(other, 0)]).toEqual([10, CODE0 | 1]);
  });

  it('a TSS too short for the stack of ring 0: #TS(TR)', () => {
    const cpu = protectedMachine(3);
    writeDescriptor(cpu, GDT + FREE, { access: 0xc09e });
    writeGate(cpu, IDT + 10 * 8, FREE, HANDLERS + 10 * 16, 0xee);
    cpu.setSegment(7, TSS_SELECTOR, TSS, 10, 0x8b);
    execute(cpu, 'cd 80');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([10, TSS_SELECTOR]);
  });

  it('an external interrupt waits for IF and for the shadow of STI', () => {
    const cpu = protectedMachine(0);
    expect(acceptInterrupt(cpu, 0x40)).toBe(false);
    execute(cpu, 'fb 90', 1);
    expect(acceptInterrupt(cpu, 0x40)).toBe(false);
    execute(cpu, '8e d8', 1); // one more instruction: mov ds, ax
    expect(acceptInterrupt(cpu, 0x40)).toBe(true);
    expect([handledVector(cpu), cpu.getEflags() & IF]).toEqual([0x40, 0]);
  });
});

describe('double and triple faults', () => {
  it('classes as in SDM vol 3A table 6-5', () => {
    const contributory = [0, 10, 11, 12, 13];
    for (let first = 0; first < 20; first++) {
      for (let second = 0; second < 20; second++) {
        const pageFirst = first === 14;
        const expected =
          (contributory.includes(first) && contributory.includes(second)) ||
          (pageFirst && (second === 14 || contributory.includes(second)));
        expect(makesDoubleFault(first, second), `${first} then ${second}`).toBe(expected);
      }
    }
  });

  it('#GP while delivering #GP: #DF with error code 0, EIP at the instruction', () => {
    const cpu = protectedMachine(3);
    writeGate(cpu, IDT + 13 * 8, 0, 0, 0x8e);
    execute(cpu, 'f4');
    expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 1)]).toEqual([8, 0, CODE]);
  });

  it('#NP while delivering a benign #UD: the #NP is delivered, external', () => {
    const cpu = protectedMachine(3);
    writeGate(cpu, IDT + 6 * 8, CODE0, HANDLERS, 0x0e);
    execute(cpu, '0f 0b');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([11, 6 * 8 + 3]);
  });

  it('a fault while delivering #DF: shutdown', () => {
    const cpu = protectedMachine(3);
    cpu.state[IDTR_LIMIT] = 0;
    expect(execute(cpu, 'f4')).toBe(ExitReason.Shutdown);
  });

  it('exceptions without an instruction between them use up the budget: a #UD handler that is undefined itself', () => {
    for (const budget of [1, 7, 1000]) {
      const cpu = protectedMachine(0);
      cpu.setSegment(SS, 0x10, 0x5_0000, 0xffff, 0x93);
      cpu.memory.write16(HANDLERS + 6 * 16, 0x0b0f);
      expect(execute(cpu, '0f0b', 1)).toBe(ExitReason.Budget);
      while (cpu.instructionCount < 1000) expect(cpu.run(Math.min(budget, 1000 - cpu.instructionCount))).toBe(0);
      expect([cpu.instructionCount, cpu.state[ESP], cpu.state[EIP]]).toEqual([
        1000,
        0x5_0000 + 0x1_0000 - 12 * 1001,
        HANDLERS + 6 * 16,
      ]);
    }
  });

  it('#AC while delivering #AC to ring 3, for ever on real processors, is a shutdown', () => {
    const cpu = protectedMachine(3);
    writeDescriptor(cpu, GDT + FREE, { access: 0xc0ff });
    writeGate(cpu, IDT + 17 * 8, FREE | 3, HANDLERS, 0xee);
    cpu.setCr0(CR0_PE | CR0_AM);
    cpu.setEflags(EFLAGS_AC | 2);
    cpu.state[ESP] = STACK3 + 1;
    expect(execute(cpu, '50')).toBe(ExitReason.Shutdown);
  });

  it('a page fault on the ring 0 stack while delivering a page fault: #DF; unmapped IDT: shutdown', () => {
    const cpu = protectedMachine(3);
    const directory = 0x8_0000;
    cpu.memory.write32(directory, 0x8_1000 | 7);
    for (let page = 0; page < 0x400; page++) cpu.memory.write32(0x8_1000 + page * 4, (page << 12) | 7);
    cpu.memory.write32(0x8_1000 + ((STACK0 >>> 12) - 1) * 4, 0);
    writeGate(cpu, IDT + 8 * 8, FREE, HANDLERS + 8 * 16, 0xee);
    writeDescriptor(cpu, GDT + FREE, { access: 0xc09e });
    cpu.state[CR3] = directory;
    cpu.setCr0(CR0_PE | CR0_PG);
    execute(cpu, '8e 1d 00 00 80 00'); // mov ds, [800000h]: not mapped
    expect(handledVector(cpu)).toBe(8);
    expect(stack(cpu, 1)).toBe(CODE);
    expect(cpu.state[CR2]).toBe(STACK0 - 4);
    cpu.memory.write32(0x8_1000 + (IDT >>> 12) * 4, 0);
    cpu.flushTlb(true);
    expect(execute(cpu, '0f 0b')).toBe(ExitReason.Shutdown);
  });
});

describe('IRET', () => {
  /** Pushes dwords, the last one lowest. */
  function push(cpu: ReturnType<typeof protectedMachine>, ...values: number[]): void {
    for (const value of values) {
      cpu.state[ESP] -= 4;
      cpu.memory.write32(cpu.state[ESP], value);
    }
  }

  it('to ring 3: loads SS:ESP, drops data segments of ring 0, sets all flags that ring 0 may set', () => {
    const cpu = protectedMachine(0);
    cpu.setSegment(FS, DATA3, 0, -1, 0xc0f3);
    push(cpu, DATA3, STACK3, 0x3203 | TF, CODE3, CODE + 0x100);
    execute(cpu, 'cf');
    expect([cpu.state[CPL], cpu.state[EIP], cpu.state[ESP]]).toEqual([3, CODE + 0x100, STACK3]);
    expect(segmentCache(cpu, CS).selector).toBe(CODE3);
    expect(segmentCache(cpu, SS).selector).toBe(DATA3);
    expect([DS, ES, GS].map((segment) => segmentCache(cpu, segment).access)).toEqual([0, 0, 0]);
    expect(segmentCache(cpu, FS).selector).toBe(DATA3);
    expect(cpu.getEflags()).toBe(0x3303);
  });

  it('in ring 3 leaves IF and IOPL alone', () => {
    const cpu = protectedMachine(3);
    push(cpu, 0x3ed5, CODE3, CODE + 0x100);
    execute(cpu, 'cf');
    expect([cpu.getEflags(), cpu.state[ESP]]).toEqual([0x0cd7, STACK3]);
  });

  it('to more privileged code: #GP(selector), nothing changed', () => {
    const cpu = protectedMachine(3);
    push(cpu, 2, CODE0, CODE);
    execute(cpu, 'cf');
    expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 4)]).toEqual([13, CODE0, STACK3 - 12]);
  });

  it('with a bad outer stack: #GP(SS); with an EIP past the limit: #GP(0)', () => {
    const cpu = protectedMachine(0);
    push(cpu, DATA0, STACK3, 2, CODE3, CODE);
    execute(cpu, 'cf');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([13, DATA0]);
    const other = protectedMachine(0);
    writeDescriptor(other, GDT + FREE, { limit: 0xff, access: 0x409a });
    push(other, 2, FREE, 0x100);
    execute(other, 'cf');
    expect([handledVector(other), stack(other, 0)]).toEqual([13, 0]);
  });

  it('with VM in the image: virtual-8086 mode, and back through a gate with all segments', () => {
    const cpu = protectedMachine(0);
    push(cpu, 5, 4, 3, 2, 0x1000, 0x800, VM | 0x3202, 0x1000, 0x20);
    execute(cpu, 'cf');
    expect([cpu.state[CPL], cpu.state[EIP], cpu.state[ESP]]).toEqual([3, 0x20, 0x800]);
    expect(segmentCache(cpu, CS)).toEqual({ selector: 0x1000, base: 0x1_0000, limit: 0xffff, access: 0xf3 });
    expect(segmentCache(cpu, GS)).toEqual({ selector: 5, base: 0x50, limit: 0xffff, access: 0xf3 });
    execute(cpu, 'cd 80');
    expect(handledVector(cpu)).toBe(0x80);
    const frame = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((index) => stack(cpu, index));
    expect(frame).toEqual([0x22, 0x1000, VM | 0x3202, 0x800, 0x1000, 2, 3, 4, 5]);
    expect(segmentCache(cpu, DS).access).toBe(0);
    expect(cpu.getEflags() & VM).toBe(0);
  });

  it('INT n in virtual-8086 mode with IOPL below 3: #GP(0)', () => {
    const cpu = protectedMachine(0);
    push(cpu, 5, 4, 3, 2, 0x1000, 0x800, VM | 0x202, 0x1000, 0x20);
    execute(cpu, 'cf');
    execute(cpu, 'cd 80');
    expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 1)]).toEqual([13, 0, 0x20]);
  });
});

describe('real-address mode', () => {
  it('INT n takes a far pointer from the vector table and pushes three words; IRET goes back', () => {
    const cpu = protectedMachine(0);
    cpu.setCr0(0);
    cpu.state[IDTR_BASE] = 0;
    cpu.memory.write32(0x21 * 4, 0x3000_0123);
    for (const segment of [SS, DS, ES]) cpu.setSegment(segment, 0x2000, 0x2_0000, 0xffff, 0x93);
    cpu.setSegment(CS, 0x1000, 0x1_0000, 0xffff, 0x93);
    cpu.state[EIP] = 0x10;
    cpu.state[ESP] = 0x100;
    cpu.setEflags(IF | 1);
    execute(cpu, 'cd 21');
    expect([cpu.state[SEGMENT_SELECTOR + CS], cpu.state[EIP], cpu.state[ESP]]).toEqual([0x3000, 0x123, 0xfa]);
    expect([0, 2, 4].map((at) => cpu.memory.read16(0x2_00fa + at))).toEqual([0x12, 0x1000, IF | 3]);
    expect(cpu.getEflags() & IF).toBe(0);
    execute(cpu, 'cf');
    expect([segmentCache(cpu, CS).base, cpu.state[EIP], cpu.getEflags()]).toEqual([0x1_0000, 0x12, IF | 3]);
  });
});

describe('with an owner', () => {
  const owner = { pageFault: () => false };

  it('INT n leaves run() behind the instruction, nothing pushed', () => {
    const cpu = protectedMachine(3, owner);
    expect(execute(cpu, 'cd 2e', 5)).toBe(ExitReason.SoftwareInterrupt);
    expect([cpu.exceptionVector, cpu.state[EIP], cpu.state[ESP], cpu.state[CPL]]).toEqual([0x2e, CODE + 2, STACK3, 3]);
    expect(cpu.instructionCount).toBe(1);
  });

  it('INT3 is an exception behind the instruction, a fault one at it', () => {
    const cpu = protectedMachine(3, owner);
    expect(execute(cpu, 'cc', 5)).toBe(ExitReason.Exception);
    expect([cpu.exceptionVector, cpu.exceptionHasErrorCode, cpu.state[EIP]]).toEqual([3, false, CODE + 1]);
    expect(execute(cpu, 'f4', 5)).toBe(ExitReason.Exception);
    expect([cpu.exceptionVector, cpu.exceptionHasErrorCode, cpu.exceptionErrorCode]).toEqual([13, true, 0]);
    expect(cpu.state[EIP]).toBe(CODE + 1);
  });

  it('SYSENTER changes nothing but EIP', () => {
    const cpu = protectedMachine(3, owner);
    const before = Array.from(cpu.state.subarray(0, 8));
    expect(execute(cpu, '0f 34', 5)).toBe(ExitReason.SystemEnter);
    expect(Array.from(cpu.state.subarray(0, 8))).toEqual(before);
    expect([cpu.state[EIP], cpu.state[CPL]]).toEqual([CODE + 2, 3]);
  });
});
