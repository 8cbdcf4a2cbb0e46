/** Debug exceptions: single step, breakpoints by DR0-DR7, and what keeps them out (SDM vol 3B chapter 17). */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import { acceptInterrupt } from '../../cpu/interrupts.js';
import { CR2, CS, DR6, DR7, DS, EAX, EBX, ECX, EDI, EIP, ES, ESI, ESP } from '../../cpu/layout.js';
import { CR0_PE, CR0_PG, CR4_DE } from '../../cpu/paging.js';
import {
  CODE,
  DATA,
  DATA0,
  execute,
  FREE,
  GDT,
  HANDLERS,
  handledVector,
  IDT,
  protectedMachine,
  STACK0,
  STACK3,
  stack,
  writeDescriptor,
  writeGate,
} from './protected-machine.js';

const TF = 0x100;
const RF = 0x1_0000;
const BS = 0x4000;
const Condition = { Execute: 0, Write: 1, InputOutput: 2, ReadWrite: 3 } as const;
const LENGTH_FIELD: Readonly<Record<number, number>> = { 1: 0, 2: 1, 4: 3 };

/** Enables breakpoint `index` locally. */
function setBreakpoint(cpu: Cpu, index: number, address: number, condition: number, length = 1): void {
  cpu.debug.load(index, address);
  const fields = (condition | (LENGTH_FIELD[length] << 2)) << (16 + index * 4);
  cpu.debug.load(7, cpu.state[DR7] | fields | (1 << (index * 2)));
}

/** Causes in DR6: B0-B3, BD, BS, BT. */
const causes = (cpu: Cpu) => cpu.state[DR6] & 0xe00f;

/** Runs code in ring 0 with an owner, who sees each #DB, until the code has passed its end; EIP offsets of the #DBs. */
function debugExceptions(cpu: Cpu, code: string, length = code.replaceAll(' ', '').length / 2): [number, number][] {
  const seen: [number, number][] = [];
  for (let exits = 0; exits < 100; exits++) {
    const reason = exits === 0 ? execute(cpu, code, 1000) : cpu.run(1000);
    const offset = cpu.state[EIP] - CODE;
    if (reason !== ExitReason.Exception || cpu.exceptionVector !== 1) break;
    seen.push([offset, causes(cpu)]);
    cpu.debug.load(6, 0);
    if (offset >= length) break;
    cpu.setEflags(cpu.getEflags() | RF);
  }
  return seen;
}

const owner = { pageFault: () => false };

/** A machine of ring 0 whose owner takes the exceptions, ending every piece of code by INT3 behind it. */
function owned(): Cpu {
  const cpu = protectedMachine(0, owner);
  cpu.state[EBX] = DATA;
  return cpu;
}

describe('single step', () => {
  it('traps behind each instruction, the one that sets TF apart; DR6.BS; TF and RF of the frame', () => {
    const cpu = protectedMachine(3);
    cpu.setEflags(TF);
    execute(cpu, '40 40');
    expect([handledVector(cpu), cpu.state[EAX], stack(cpu, 0), causes(cpu)]).toEqual([1, 1, CODE + 1, BS]);
    expect([stack(cpu, 2) & (TF | RF), cpu.getEflags() & TF]).toEqual([TF, 0]);
    // pushfd; or dword [esp], 100h; popfd; inc eax; inc eax
    expect(debugExceptions(owned(), '9c 810c2400010000 9d 40 40', 11)).toEqual([
      [10, BS],
      [11, BS],
    ]);
  });

  it('POPF that clears TF still traps', () => {
    const cpu = owned();
    cpu.setEflags(TF);
    expect(debugExceptions(cpu, '6802000000 9d 40 40 40 cc')).toEqual([
      [5, BS],
      [6, BS],
    ]);
  });

  it('comes not behind MOV SS and POP SS but behind the next instruction', () => {
    const cpu = owned();
    cpu.state[EAX] = DATA0;
    cpu.setEflags(TF);
    expect(debugExceptions(cpu, '8ed0 40 40', 4).map(([offset]) => offset)).toEqual([3, 4]);
    const other = owned();
    other.setEflags(TF);
    expect(debugExceptions(other, '16 17 40 40', 4).map(([offset]) => offset)).toEqual([1, 3, 4]);
  });

  it('not behind INT n, which clears TF; the handler runs through', () => {
    const cpu = protectedMachine(0);
    writeGate(cpu, IDT + 0x80 * 8, 8, HANDLERS + 0x800, 0xee);
    cpu.setEflags(TF);
    execute(cpu, 'cd80', 3);
    expect([handledVector(cpu), causes(cpu), stack(cpu, 2) & TF]).toEqual([0x80, 0, TF]);
  });

  it('a fault comes in its place', () => {
    const cpu = protectedMachine(0);
    cpu.setEflags(TF);
    execute(cpu, '0f0b', 2);
    expect([handledVector(cpu), causes(cpu)]).toEqual([6, 0]);
  });

  it('each iteration of a repeated string instruction, RF in the frame between them', () => {
    const cpu = protectedMachine(0);
    cpu.state[ECX] = 3;
    cpu.state[EDI] = DATA;
    cpu.setEflags(TF);
    execute(cpu, 'f3aa'); // rep stosb
    expect([handledVector(cpu), stack(cpu, 0), cpu.state[ECX], stack(cpu, 2) & RF]).toEqual([1, CODE, 2, RF]);
    const other = owned();
    other.state[ECX] = 3;
    other.state[EDI] = DATA;
    other.setEflags(TF);
    expect(debugExceptions(other, 'f3aa', 2).map(([offset]) => offset)).toEqual([0, 0, 2]);
    expect([other.state[ECX], other.state[EDI]]).toEqual([0, DATA + 3]);
  });

  it('repe cmpsb stops stepping where the comparison ends', () => {
    const cpu = owned();
    cpu.memory.write32(DATA, 0x0403_0201);
    cpu.memory.write32(DATA + 16, 0x0404_0201);
    cpu.state[ECX] = 4;
    cpu.state[ESI] = DATA;
    cpu.state[EDI] = DATA + 16;
    cpu.setEflags(TF);
    expect(debugExceptions(cpu, 'f3a6', 2).map(([offset]) => offset)).toEqual([0, 0, 2]);
    expect([cpu.state[ECX], cpu.state[ESI]]).toEqual([1, DATA + 3]);
  });

  it('ends HLT', () => {
    const cpu = protectedMachine(0);
    cpu.setEflags(TF);
    execute(cpu, 'f4');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([1, CODE + 1]);
  });
});

describe('instruction breakpoints', () => {
  it('fault before the instruction, RF of the frame as it was; RF passes them once', () => {
    const cpu = protectedMachine(0);
    setBreakpoint(cpu, 0, CODE + 2, Condition.Execute);
    execute(cpu, '40 40 40 40', 10);
    expect([handledVector(cpu), cpu.state[EAX], stack(cpu, 0), causes(cpu)]).toEqual([1, 2, CODE + 2, 1]);
    expect(stack(cpu, 2) & RF).toBe(0);
    cpu.memory.write32(cpu.state[ESP] + 8, 2 | RF);
    execute(cpu, 'cf', 2); // iretd with RF set, then the instruction
    expect([cpu.state[EIP], cpu.state[EAX], cpu.getEflags() & RF]).toEqual([CODE + 3, 3, 0]);
  });

  it('in a loop that ran before, again and again', () => {
    const cpu = owned();
    cpu.state[ECX] = 1000;
    execute(cpu, '40 49 75fc', 300); // inc eax; dec ecx; jnz
    cpu.state[ECX] = 3;
    cpu.state[EIP] = CODE;
    setBreakpoint(cpu, 1, CODE + 1, Condition.Execute);
    cpu.memory.write8(CODE + 4, 0xcc);
    expect(debugExceptions(cpu, '40 49 75fc cc', 5)).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    cpu.debug.load(7, 0);
    cpu.state[ECX] = 3;
    cpu.state[EIP] = CODE;
    expect(debugExceptions(cpu, '40 49 75fc cc', 5)).toEqual([]);
  });

  it('reached by RET, by an indirect jump and by falling through', () => {
    const cpu = owned();
    setBreakpoint(cpu, 2, CODE + 0x20, Condition.Execute);
    cpu.memory.write32(CODE + 0x20, 0xc3); // ret
    cpu.state[EAX] = CODE + 0x20;
    // call eax, twice; call rel32
    expect(debugExceptions(cpu, 'ffd0 ffd0 e817000000 cc', 0x100).map(([offset]) => offset)).toEqual([
      0x20, 0x20, 0x20,
    ]);
  });

  it('not after MOV SS, and not inside an instruction', () => {
    for (const offset of [2, 1]) {
      const cpu = owned();
      cpu.state[EAX] = DATA0;
      setBreakpoint(cpu, 0, CODE + offset, Condition.Execute);
      expect(debugExceptions(cpu, '8ed0 40 cc', 4)).toEqual([]);
      expect(cpu.state[EAX]).toBe(DATA0 + 1);
    }
  });

  it('are at linear addresses, whatever the segment', () => {
    const cpu = protectedMachine(0);
    cpu.setSegment(CS, 8, CODE, 0xffff, 0x409b);
    cpu.state[EIP] = 0;
    setBreakpoint(cpu, 3, CODE + 1, Condition.Execute);
    execute(cpu, '40 40', 5);
    expect([handledVector(cpu), stack(cpu, 0), cpu.state[EAX]]).toEqual([1, 1, 1]);
  });

  it('a repeated string instruction is met once, though a data breakpoint makes it stop between iterations', () => {
    const cpu = owned();
    setBreakpoint(cpu, 0, CODE, Condition.Execute);
    setBreakpoint(cpu, 1, 0xf_0000, Condition.Write);
    cpu.state[ECX] = 3;
    cpu.state[EDI] = DATA;
    expect(debugExceptions(cpu, 'f3aa cc', 3)).toEqual([[0, 1]]);
    expect(cpu.state[ECX]).toBe(0);
  });

  it('come before the page fault of the fetch', () => {
    const cpu = owned();
    cpu.memory.write32(0x8000, 0x9003);
    for (let page = 0; page < 1024; page++) cpu.memory.write32(0x9000 + page * 4, page === 0x11 ? 0 : (page << 12) | 3);
    cpu.setCr3(0x8000);
    cpu.setCr0(CR0_PE | CR0_PG);
    setBreakpoint(cpu, 0, CODE + 0x1000, Condition.Execute);
    expect(debugExceptions(cpu, 'e9fb0f0000', 0x2000)).toEqual([[0x1000, 1]]);
    expect([cpu.exceptionVector, cpu.state[CR2]]).toEqual([14, CODE + 0x1000]);
  });

  it('DR6 tells of disabled breakpoints at the same place too', () => {
    const cpu = owned();
    cpu.debug.load(3, CODE + 1);
    setBreakpoint(cpu, 0, CODE + 1, Condition.Execute);
    expect(debugExceptions(cpu, '40 40 cc', 3)).toEqual([[1, 9]]);
  });
});

describe('data breakpoints', () => {
  const write = '8943'; // mov [ebx + disp8], eax
  const read = '8b43';

  it('trap behind the instruction, the store done', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = 0x1234;
    cpu.state[EBX] = DATA;
    setBreakpoint(cpu, 0, DATA + 4, Condition.Write, 4);
    execute(cpu, `${write}04 40 40`, 10);
    expect([handledVector(cpu), stack(cpu, 0), causes(cpu), cpu.state[EAX]]).toEqual([1, CODE + 3, 1, 0x1234]);
    expect(cpu.memory.read32(DATA + 4)).toBe(0x1234);
  });

  it('by condition: writes only, or reads and writes', () => {
    const cpu = owned();
    setBreakpoint(cpu, 0, DATA, Condition.Write, 4);
    setBreakpoint(cpu, 1, DATA + 8, Condition.ReadWrite, 4);
    expect(debugExceptions(cpu, `${read}00 ${write}00 ${read}08 ${write}08 ${read}0c cc`, 16)).toEqual([
      [6, 1],
      [9, 2],
      [12, 2],
    ]);
  });

  it.each([1, 2, 4])('a breakpoint of %i bytes meets every access that touches one of them', (length) => {
    const places = [-4, -3, -2, -1, 0, 1, 2, 3, 4];
    const hit = places.filter((place) => {
      const cpu = owned();
      setBreakpoint(cpu, 0, DATA + 0x40, Condition.Write, length);
      return debugExceptions(cpu, `${write}${(0x40 + place).toString(16)} cc`, 4).length > 0;
    });
    expect(hit).toEqual(places.filter((place) => place > -4 && place < length));
  });

  it('low address bits within the length are ignored', () => {
    const cpu = owned();
    setBreakpoint(cpu, 0, DATA + 3, Condition.Write, 4);
    expect(debugExceptions(cpu, `c60301 cc`, 4)).toEqual([[3, 1]]);
  });

  it('an access over a page boundary meets a breakpoint on either side', () => {
    for (const address of [DATA + 0xfff, DATA + 0x1000]) {
      const cpu = owned();
      cpu.state[EBX] = DATA + 0xffe;
      setBreakpoint(cpu, 0, address, Condition.Write);
      expect(debugExceptions(cpu, `${write}00 cc`, 4)).toEqual([[3, 1]]);
    }
  });

  it('code that ran before with the same page in the TLB is caught from then on, and no more when disabled', () => {
    const cpu = owned();
    const code = `${write}00 40 cc`;
    expect(debugExceptions(cpu, code, 5)).toEqual([]);
    setBreakpoint(cpu, 0, DATA, Condition.Write, 4);
    cpu.state[EIP] = CODE;
    expect(debugExceptions(cpu, code, 5)).toEqual([[3, 1]]);
    cpu.debug.load(7, 0);
    cpu.state[EIP] = CODE;
    expect(debugExceptions(cpu, code, 5)).toEqual([]);
  });

  it('read-modify-write, pushes, pops, calls, string and SSE stores', () => {
    const cases: [string, string, number][] = [
      ['add [ebx], eax', '0103', 2],
      ['inc byte [ebx]', 'fe03', 2],
      ['push [ebx]', 'ff33', 2],
      ['pop [ebx]', '8f03', 2],
      ['xchg [ebx], eax', '8703', 2],
      ['stosb', 'aa', 1],
      ['movsd', 'a5', 1],
      ['fstp qword [ebx]', 'dbe3 d9e8 dd1b', 6],
      ['movups [ebx], xmm0', '0f1103', 3],
      ['fnsave [ebx]', 'dbe3 dd33', 4],
      ['sgdt [ebx]', '0f0103', 3],
      ['cmpxchg8b [ebx]', '0fc70b', 3],
    ];
    for (const [name, code, length] of cases) {
      const cpu = owned();
      cpu.setCr4(0x200);
      cpu.state[EDI] = DATA;
      cpu.state[ESI] = DATA + 0x100;
      setBreakpoint(cpu, 0, DATA, Condition.ReadWrite);
      expect([name, debugExceptions(cpu, `${code} cc`, length + 1)]).toEqual([name, [[length, 1]]]);
    }
    const caller = owned();
    setBreakpoint(caller, 0, STACK0 - 4, Condition.Write, 4);
    expect(debugExceptions(caller, 'e801000000 90 cc', 7)).toEqual([[6, 1]]);
  });

  it('a repeated move traps behind the iteration that touched the place', () => {
    const cpu = owned();
    cpu.state[ECX] = 8;
    cpu.state[EDI] = DATA;
    cpu.state[ESI] = DATA + 0x100;
    setBreakpoint(cpu, 0, DATA + 5, Condition.Write);
    expect(debugExceptions(cpu, 'f3a4 cc', 3)).toEqual([[0, 1]]);
    const other = protectedMachine(0);
    other.state[ECX] = 8;
    other.state[EDI] = DATA;
    setBreakpoint(other, 0, DATA + 5, Condition.Write);
    execute(other, 'f3aa', 20);
    expect([handledVector(other), other.state[ECX], stack(other, 0), stack(other, 2) & RF]).toEqual([1, 2, CODE, RF]);
  });

  it('of MOV SS from memory is reported behind the next instruction', () => {
    const cpu = owned();
    cpu.memory.write16(DATA, DATA0);
    setBreakpoint(cpu, 0, DATA, Condition.ReadWrite);
    expect(debugExceptions(cpu, '8e13 40 40 cc', 5)).toEqual([[3, 1]]);
  });

  it('an instruction that faults reports none', () => {
    const cpu = owned();
    cpu.setSegment(ES, DATA0, 0, 0xfff, 0x4093);
    cpu.state[ESI] = DATA;
    cpu.state[EDI] = 0x2000;
    setBreakpoint(cpu, 0, DATA, Condition.ReadWrite);
    expect(debugExceptions(cpu, 'a4', 1)).toEqual([]);
    expect([cpu.exceptionVector, causes(cpu)]).toEqual([13, 0]);
  });

  it('on the stack of an interrupt trap before the first instruction of its handler', () => {
    for (const code of ['cd80', '0f0b']) {
      const cpu = protectedMachine(3);
      setBreakpoint(cpu, 1, STACK0 - 8, Condition.Write, 4);
      const vector = code === 'cd80' ? 0x80 : 6;
      execute(cpu, code, 2);
      expect([handledVector(cpu), stack(cpu, 0), causes(cpu)]).toEqual([1, HANDLERS + vector * 16, 2]);
    }
    const cpu = protectedMachine(0);
    setBreakpoint(cpu, 1, STACK0 - 8, Condition.Write, 4);
    cpu.setEflags(0x202);
    expect(acceptInterrupt(cpu, 0x20)).toBe(true);
    cpu.run(1);
    expect([handledVector(cpu), stack(cpu, 0), causes(cpu)]).toEqual([1, HANDLERS + 0x200, 2]);
  });

  it('what MOV SS from memory met is reported behind INT n, in its handler', () => {
    const cpu = protectedMachine(0);
    cpu.state[EBX] = DATA;
    cpu.memory.write16(DATA, DATA0);
    setBreakpoint(cpu, 0, DATA, Condition.ReadWrite);
    execute(cpu, '8e13 cd80', 3);
    expect([handledVector(cpu), stack(cpu, 0), causes(cpu)]).toEqual([1, HANDLERS + 0x800, 1]);
  });

  it('together with a single step: one exception, both causes', () => {
    const cpu = owned();
    cpu.setEflags(TF);
    setBreakpoint(cpu, 2, DATA, Condition.Write);
    expect(debugExceptions(cpu, `${write}00`, 3)).toEqual([[3, BS | 4]]);
  });

  it('in ring 3 through a segment with a base', () => {
    const cpu = protectedMachine(3);
    writeDescriptor(cpu, GDT + FREE, { base: DATA, limit: 0xfff, access: 0x40f3 });
    cpu.setSegment(DS, FREE | 3, DATA, 0xfff, 0x40f3);
    setBreakpoint(cpu, 0, DATA + 0x10, Condition.Write);
    execute(cpu, 'c6051000000001', 3);
    expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 3)]).toEqual([1, CODE + 7, STACK3]);
  });

  it('run in single instructions or at one go: the same', () => {
    const code = `${write}00 40 ${write}04 40 ${read}00 40 40`;
    const runs = [1, 100].map((budget) => {
      const cpu = protectedMachine(0);
      cpu.state[EBX] = DATA;
      setBreakpoint(cpu, 0, DATA + 4, Condition.Write, 4);
      execute(cpu, code, budget);
      while (cpu.instructionCount < 20) cpu.run(budget === 1 ? 1 : 20 - cpu.instructionCount);
      return [cpu.state[EIP], cpu.state[ESP], stack(cpu, 0), cpu.state[EAX], causes(cpu)];
    });
    expect(runs[0]).toEqual(runs[1]);
    expect(runs[0][2]).toBe(CODE + 7);
  });
});

describe('port breakpoints, general detect, ICEBP', () => {
  it('a port breakpoint needs CR4.DE and traps behind IN and OUT', () => {
    const cpu = owned();
    setBreakpoint(cpu, 0, 0x81, Condition.InputOutput);
    expect(debugExceptions(cpu, 'e481 cc', 3)).toEqual([]);
    cpu.setCr4(CR4_DE);
    cpu.state[EIP] = CODE;
    expect(debugExceptions(cpu, 'e481 e780 e682 cc', 7)).toEqual([
      [2, 1],
      [4, 1],
    ]);
  });

  it('general detect is a fault with RF in its frame', () => {
    const cpu = protectedMachine(0);
    cpu.debug.load(7, 0x2000);
    execute(cpu, '0f21c0'); // mov eax, dr0
    expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 2) & RF, causes(cpu)]).toEqual([1, CODE, RF, 0x2000]);
    expect(cpu.state[DR7] & 0x2000).toBe(0);
  });

  it('any #DB clears DR7.GD, so that the handler can look; INT 1 does not', () => {
    for (const [code, left] of [
      ['f1', 0],
      ['cd01', 0x2000],
    ] as const) {
      const cpu = protectedMachine(0);
      cpu.debug.load(7, 0x2000);
      execute(cpu, code);
      expect([handledVector(cpu), causes(cpu), cpu.state[DR7] & 0x2000]).toEqual([1, 0, left]);
    }
  });

  it('MOV to DR7 enables at once', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = 0x401;
    cpu.state[EBX] = CODE + 7;
    execute(cpu, '0f23c3 0f23f8 40 40', 10); // mov dr0, ebx; mov dr7, eax
    expect([handledVector(cpu), stack(cpu, 0), cpu.state[EAX]]).toEqual([1, CODE + 7, 0x402]);
  });
});
