import { describe, expect, it } from 'vitest';
import type { Cpu, ExceptionOwner } from '../../cpu/cpu.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import { CR2, EAX, ECX, EDI, EIP, ESI, ESP } from '../../cpu/layout.js';
import { CODE, DATA, flatMachine, pagedMachine, place, STACK, setPage } from './flat-machine.js';

/** Sums 1 .. 1000 with memory, calls and string moves in the loop, then INT3. */
const PROGRAM = `
  b9 e8 03 00 00
  01 05 00 00 02 00
  a1 00 00 02 00
  e8 1c 00 00 00
  51 be 00 00 02 00 bf 40 00 02 00 b9 04 00 00 00 f3 a5 59
  39 c1 7f 01 43
  83 e9 01 75 d4
  cc
  83 c0 01 c3`;

describe('budget', () => {
  function state(cpu: Cpu): number[] {
    return [...cpu.state.slice(0, 8), cpu.state[EIP], cpu.getEflags(), cpu.instructionCount];
  }

  it('single steps and long runs go through the same states', () => {
    const stepped = flatMachine();
    const run = flatMachine(undefined, { dedicatedLoop: true });
    for (const cpu of [stepped, run]) place(cpu, CODE, PROGRAM);
    const sizes = [1, 2, 3, 5, 64, 7, 63, 65, 100, 1];
    for (let round = 0; round < 60; round++) {
      const size = sizes[round % sizes.length];
      expect(run.run(size)).toBe(ExitReason.Budget);
      for (let step = 0; step < size; step++) expect(stepped.run(1)).toBe(ExitReason.Budget);
      expect(state(run)).toEqual(state(stepped));
    }
    expect(run.run(1e9)).toBe(ExitReason.Exception);
    while (stepped.run(1) === ExitReason.Budget);
    expect(state(run)).toEqual(state(stepped));
  });

  it('a REP string instruction counts as one', () => {
    const cpu = flatMachine();
    place(cpu, CODE, 'b9 00 10 00 00 bf 00 00 02 00 f3 aa cc');
    const before = cpu.instructionCount;
    expect(cpu.run(1000)).toBe(ExitReason.Exception);
    expect(cpu.instructionCount - before).toBe(4);
  });

  it('a fault does not retire its instruction, a trap does', () => {
    const cpu = flatMachine();
    place(cpu, CODE, '90 90 0f 0b');
    cpu.run(100);
    expect(cpu.instructionCount).toBe(2);
    expect(cpu.state[EIP]).toBe(CODE + 2);
    place(cpu, CODE, '90 cd 2e 90');
    cpu.state[EIP] = CODE;
    cpu.instructionCount = 0;
    expect(cpu.run(100)).toBe(ExitReason.SoftwareInterrupt);
    expect([cpu.exceptionVector, cpu.instructionCount, cpu.state[EIP]]).toEqual([0x2e, 2, CODE + 3]);
  });
});

describe('page faults', () => {
  /** Resolves faults by mapping the page, and takes notes. */
  function mapper(notes: string[], answer: (cpu: Cpu, linear: number) => boolean): ExceptionOwner {
    return {
      pageFault(cpu, linear, errorCode) {
        notes.push(`${linear.toString(16)} ${errorCode} eip ${cpu.state[EIP].toString(16)} n ${cpu.instructionCount}`);
        return answer(cpu, linear);
      },
    };
  }

  it('are resolved inline with exact EIP and instruction count', () => {
    const notes: string[] = [];
    const cpu = pagedMachine(
      mapper(notes, (machine, linear) => {
        setPage(machine, linear, (linear & ~0xfff) | 7);
        return true;
      }),
    );
    setPage(cpu, DATA, 0);
    setPage(cpu, DATA + 0x1000, DATA + 0x1000 + 5);
    // mov eax,[DATA]; inc eax; mov [DATA+0ffeh],eax across two pages
    place(cpu, CODE, 'a1 00 00 02 00 40 a3 fe 0f 02 00 cc');
    expect(cpu.run(100)).toBe(ExitReason.Exception);
    expect(cpu.exceptionVector).toBe(3);
    expect(notes).toEqual(['20000 4 eip 10000 n 0', '21000 7 eip 10006 n 2']);
    expect(cpu.memory.read16(DATA + 0xffe)).toBe(1);
  });

  it('leave everything as it was when they are not resolved', () => {
    const cpu = pagedMachine();
    setPage(cpu, DATA + 0x1000, 0);
    place(cpu, CODE, '01 05 fe 0f 02 00'); // add [DATA+0ffeh],eax
    cpu.memory.write16(DATA + 0xffe, 0x1234);
    cpu.state[EAX] = -1;
    const flags = cpu.getEflags();
    expect(cpu.run(100)).toBe(ExitReason.Exception);
    expect([cpu.exceptionVector, cpu.exceptionErrorCode, cpu.exceptionLinear]).toEqual([14, 6, DATA + 0x1000]);
    expect(cpu.state[CR2]).toBe(DATA + 0x1000);
    expect(cpu.memory.read16(DATA + 0xffe)).toBe(0x1234);
    expect([cpu.state[EIP], cpu.getEflags(), cpu.instructionCount]).toEqual([CODE, flags, 0]);
  });

  for (const [name, code] of [
    ['push', '50'],
    ['call', 'e8 00 00 00 00'],
    ['pusha', '60'],
    ['enter 32, 3', 'c8 20 00 03'],
    ['push [DATA]', 'ff 35 00 00 02 00'],
  ] as const) {
    it(`${name} at the end of the stack changes nothing`, () => {
      const cpu = pagedMachine();
      setPage(cpu, STACK - 0x1000, 0);
      cpu.state[ESP] = STACK + (name === 'push' || name === 'call' || name.startsWith('push [') ? 0 : 16);
      for (let at = 0; at < 16; at += 4) cpu.memory.write32(STACK + at, 0x55);
      const registers = [...cpu.state.slice(0, 8)];
      place(cpu, CODE, code);
      expect(cpu.run(10)).toBe(ExitReason.Exception);
      expect(cpu.exceptionVector).toBe(14);
      expect([...cpu.state.slice(0, 8)]).toEqual(registers);
      for (let at = 0; at < 16; at += 4) expect(cpu.memory.read32(STACK + at)).toBe(0x55);
      expect(cpu.state[EIP]).toBe(CODE);
    });
  }

  it('REP MOVS stops with exact registers', () => {
    const cpu = pagedMachine();
    setPage(cpu, DATA + 0x1000, 0);
    cpu.state[ESI] = DATA + 0x4000;
    cpu.state[EDI] = DATA + 0xf00;
    cpu.state[ECX] = 0x100;
    place(cpu, CODE, 'f3 a5');
    expect(cpu.run(10)).toBe(ExitReason.Exception);
    expect(cpu.state[ECX]).toBe(0xc0);
    expect([cpu.state[ESI], cpu.state[EDI]]).toEqual([DATA + 0x4100, DATA + 0x1000]);
    setPage(cpu, DATA + 0x1000, (DATA + 0x1000) | 7);
    expect(cpu.run(1)).toBe(ExitReason.Budget);
    expect(cpu.state[ECX]).toBe(0);
  });

  it('fetching an instruction across pages reports the second page', () => {
    const cpu = pagedMachine();
    place(cpu, CODE + 0xffd, '90 b8 44 33 22 11 cc');
    setPage(cpu, CODE + 0x1000, 0);
    cpu.state[EIP] = CODE + 0xffd;
    expect(cpu.run(10)).toBe(ExitReason.Exception);
    expect([cpu.exceptionVector, cpu.exceptionLinear, cpu.state[EIP]]).toEqual([14, CODE + 0x1000, CODE + 0xffe]);
    expect(cpu.instructionCount).toBe(1);
  });

  it('an instruction across pages is decoded anew when its second page is another', () => {
    const cpu = pagedMachine();
    place(cpu, CODE + 0xffe, 'b8 44 33 22 11 cc');
    place(cpu, DATA, '33 22 99 cc');
    for (let round = 0; round < 3; round++) {
      cpu.state[EIP] = CODE + 0xffe;
      cpu.run(10);
      expect(cpu.state[EAX]).toBe(0x11223344);
    }
    setPage(cpu, CODE + 0x1000, DATA | 7);
    cpu.state[EIP] = CODE + 0xffe;
    cpu.run(10);
    expect(cpu.state[EAX] >>> 0).toBe(0x99223344);
  });

  it('an owner may end run() from within', () => {
    const cpu: Cpu = pagedMachine({
      pageFault(machine, linear) {
        setPage(machine, linear, (linear & ~0xfff) | 7);
        machine.requestExit();
        return true;
      },
    });
    setPage(cpu, DATA, 0);
    place(cpu, CODE, '40 a3 00 00 02 00 40 40 cc');
    expect(cpu.run(100)).toBe(ExitReason.Interrupted);
    expect([cpu.state[EIP], cpu.instructionCount, cpu.state[EAX]]).toEqual([CODE + 6, 2, 1]);
    expect(cpu.run(100)).toBe(ExitReason.Exception);
    expect(cpu.state[EAX]).toBe(3);
  });
});

describe('self-modifying code', () => {
  it('a store to the next instruction is seen at once', () => {
    const cpu = flatMachine();
    // mov byte [CODE+8], 41h (inc ecx); nop; inc eax
    place(cpu, CODE, 'c6 05 08 00 01 00 41 90 40 cc');
    cpu.run(100);
    expect([cpu.state[EAX], cpu.state[ECX]]).toEqual([0, 1]);
  });

  it('a loop may rewrite itself each time around', () => {
    const cpu = flatMachine();
    // add byte [CODE+0dh], 1; mov ecx, imm8...; add eax, imm8; cmp eax, 100; jb
    place(cpu, CODE, '80 05 09 00 01 00 01 83 c0 00 83 f8 64 72 f1 cc');
    cpu.run(1000);
    // 1 + 2 + ... until 100 is reached
    expect(cpu.state[EAX]).toBe(105);
  });

  it('works through another linear address of the page', () => {
    const cpu = pagedMachine();
    setPage(cpu, DATA, CODE | 7);
    place(cpu, CODE, '40 c6 05 00 00 02 00 41 eb f6');
    expect(cpu.run(6)).toBe(ExitReason.Budget);
    expect([cpu.state[EAX], cpu.state[ECX]]).toEqual([1, 1]);
  });

  it('REP STOS over the code that runs it', () => {
    const cpu = flatMachine();
    place(cpu, CODE, 'b8 41 41 41 41 bf 11 00 01 00 b9 02 00 00 00 f3 aa 40 40 cc');
    // edi = the two INC EAX behind the STOSB
    cpu.run(100);
    expect([cpu.state[EAX], cpu.state[ECX]]).toEqual([0x41414141, 2]);
  });

  it('data beside code leaves the blocks alone', () => {
    const cpu = flatMachine();
    place(cpu, CODE, 'b9 64 00 00 00 ff 05 00 08 01 00 49 75 f7 cc');
    cpu.run(1000);
    expect(cpu.memory.read32(CODE + 0x800)).toBe(100);
    expect(cpu.counters.blocksInvalidated).toBe(0);
  });

  it('code written by the owner must be announced and is then seen', () => {
    const cpu = flatMachine();
    place(cpu, CODE, '40 cc');
    cpu.run(10);
    place(cpu, CODE, '41 cc');
    cpu.state[EIP] = CODE;
    cpu.run(10);
    expect([cpu.state[EAX], cpu.state[ECX]]).toEqual([1, 1]);
  });

  it('a jump that was linked to a block finds what took its place', () => {
    const cpu = flatMachine();
    // loop: call CODE+80h; dec ecx; jnz loop; and in the callee: inc eax; ret
    const caller = 'b9 0a 00 00 00 e8 76 00 00 00 49 75 f8 cc';
    place(cpu, CODE, caller);
    place(cpu, CODE + 0x80, '40 c3');
    cpu.run(1000);
    expect(cpu.state[EAX]).toBe(10);
    place(cpu, CODE + 0x80, '48 c3');
    cpu.state[EIP] = CODE;
    cpu.run(1000);
    expect(cpu.state[EAX]).toBe(0);
  });
});

describe('page mappings under decoded code', () => {
  it('a jump to a page that is mapped elsewhere goes there', () => {
    const cpu = pagedMachine();
    place(cpu, CODE, 'b9 04 00 00 00 e8 f6 0f 00 00 49 75 f8 cc');
    place(cpu, CODE + 0x1000, '40 c3');
    place(cpu, DATA, '83 c0 10 c3');
    cpu.run(1000);
    expect(cpu.state[EAX]).toBe(4);
    setPage(cpu, CODE + 0x1000, DATA | 7);
    cpu.state[EIP] = CODE;
    cpu.run(1000);
    expect(cpu.state[EAX]).toBe(68);
  });

  it('an indirect jump too', () => {
    const cpu = pagedMachine();
    place(cpu, CODE, 'b8 00 10 01 00 ff d0 cc');
    place(cpu, CODE + 0x1000, '41 c3');
    place(cpu, DATA, '83 c1 10 c3');
    for (const expected of [1, 2]) {
      cpu.state[EIP] = CODE;
      cpu.run(1000);
      expect(cpu.state[ECX]).toBe(expected);
    }
    setPage(cpu, CODE + 0x1000, DATA | 7);
    cpu.state[EIP] = CODE;
    cpu.run(1000);
    expect(cpu.state[ECX]).toBe(18);
  });
});
