import { describe, expect, it } from 'vitest';
import { EAX, EBX, ECX, EIP, ESI } from '../../cpu/layout.js';
import { CODE, DATA, flatMachine, pagedMachine, place, setPage } from './flat-machine.js';
import { INSTRUCTION_LIMIT, instructionsOf, randomProgram, runProgram } from './random-programs.js';
import { Random } from './vectors/random.js';
import { Replayer } from './vectors/replay.js';

const PROGRAMS = 12;

describe('translated code does what the interpreter does', () => {
  const interpreted = new Replayer({ translateAfter: 0 });
  const translated = new Replayer({ translateAfter: 1 });
  for (const units of [['integer'], ['integer', 'integer', 'x87'], ['integer', 'integer', 'mmx', 'sse']]) {
    it(`random programs of ${[...new Set(units)].join(', ')} instructions, random budgets`, () => {
      const codes = units.map(instructionsOf);
      const random = new Random(units.length + 10);
      const before = translated.cpu.counters.regionsTranslated;
      for (let number = 0; number < PROGRAMS; number++) {
        const program = randomProgram(random, codes);
        const expected = runProgram(interpreted, program, INSTRUCTION_LIMIT);
        for (const budget of [INSTRUCTION_LIMIT, 1 + random.below(100)]) {
          const found = runProgram(translated, program, budget);
          expect(found.exceptions, `program ${number}, budget ${budget}`).toBe(expected.exceptions);
          expect(found.state, `program ${number}, budget ${budget}`).toBe(expected.state);
          expect(Buffer.compare(found.memory, expected.memory)).toBe(0);
        }
      }
      expect(translated.cpu.counters.regionsTranslated - before).toBeGreaterThan(PROGRAMS);
      expect(interpreted.cpu.counters.regionsTranslated).toBe(0);
    });
  }
});

describe('translated code', () => {
  it('stops where its budget ends, for any budget', () => {
    // add eax, ecx; imul eax, 3; dec ecx; jnz -8; mov ecx, 5; jmp -15
    const loop = '01 c8 6b c0 03 49 75 f8 b9 05 00 00 00 eb f1';
    const machines = [0, 1].map((translateAfter) => flatMachine(undefined, { translateAfter }));
    for (const cpu of machines) place(cpu, CODE, loop);
    for (let budget = 64; budget < 200; budget++) {
      const ends = machines.map((cpu) => {
        cpu.state[EIP] = CODE;
        cpu.state[EAX] = 1;
        cpu.state[ECX] = 7;
        cpu.instructionCount = 0;
        cpu.run(budget);
        return [cpu.instructionCount, cpu.state[EIP], cpu.state[EAX], cpu.state[ECX], cpu.getEflags()];
      });
      expect(ends[0][0]).toBe(budget);
      expect(ends[1]).toEqual(ends[0]);
    }
    expect(machines[1].counters.regionsTranslated).toBeGreaterThan(0);
  });

  it('calls the right handler where another region has begun since', () => {
    // L: lodsd, which has a handler; jnz L; jmp $. Regions begin at the branch, which leads to L, and then at L.
    const machines = [0, 1].map((translateAfter) => flatMachine(undefined, { translateAfter }));
    const [expected, found] = machines.map((cpu) => {
      place(cpu, CODE, 'ad 75 fd eb fe');
      // What is decoded first has the handlers of small numbers, as regions have: DAA, DAS, AAA, AAS.
      place(cpu, CODE + 0x100, '27 2f 37 3f 27 2f 37 3f eb fe');
      cpu.state[EIP] = CODE + 0x100;
      cpu.run(16);
      cpu.setEflags(2);
      cpu.state[ESI] = DATA;
      cpu.state[EIP] = CODE + 1;
      return [4, 5, 5, 5, 5].map((budget) => {
        cpu.run(budget);
        return [cpu.state[EIP], cpu.state[EAX], cpu.state[ESI], cpu.getEflags()];
      });
    });
    expect(found).toEqual(expected);
    expect(machines[1].counters.regionsTranslated).toBeGreaterThan(2);
  });

  it('dies when it is written over, by itself too', () => {
    // L: inc eax; mov [ebx], ecx; dec esi; jnz L; jmp $ - with ebx at the operand of the jump's place, then at INC EAX
    const cpu = flatMachine(undefined, { translateAfter: 1 });
    place(cpu, CODE, '40 89 0b 4e 75 fa eb fe');
    const run = (target: number, value: number): void => {
      cpu.state[EIP] = CODE;
      cpu.state[EAX] = 0;
      cpu.state[EBX] = target;
      cpu.state[ECX] = value;
      cpu.state[ESI] = 100;
      cpu.run(401);
    };
    run(DATA, 0);
    expect(cpu.state[EAX]).toBe(100);
    const translated = cpu.counters.regionsTranslated;
    expect(translated).toBeGreaterThan(0);
    // DEC EAX in place of INC EAX, from the second turn on.
    run(CODE, 0x4e0b_8948);
    expect(cpu.state[EAX] | 0).toBe(1 - 99);
    expect(cpu.counters.blocksInvalidated).toBeGreaterThan(0);
    run(DATA, 0);
    expect(cpu.state[EAX] | 0).toBe(-100);
  });

  it('sees that the page behind a branch is another one', () => {
    const cpu = pagedMachine(undefined, { translateAfter: 1 });
    // jmp to the next page; there: inc eax (or add eax, 2), jmp back
    place(cpu, CODE, 'e9 fb 0f 00 00');
    place(cpu, CODE + 0x1000, '83 c0 01 e9 f8 ef ff ff');
    place(cpu, CODE + 0x2000, '83 c0 02 e9 f8 ef ff ff');
    const run = (): number => {
      cpu.state[EIP] = CODE;
      cpu.state[EAX] = 0;
      cpu.run(300);
      return cpu.state[EAX];
    };
    expect([run(), run()]).toEqual([100, 100]);
    setPage(cpu, CODE + 0x1000, (CODE + 0x2000) | 7);
    expect(run()).toBe(200);
    setPage(cpu, CODE + 0x1000, 0);
    run();
    expect(cpu.state[EIP]).toBe(CODE + 0x1000);
  });

  it('comes later when the loop is left in between, however often', () => {
    const cpu = flatMachine();
    // inc eax; jmp -3
    place(cpu, CODE, '40 eb fd');
    cpu.state[EIP] = CODE;
    for (let run = 0; run < 300; run++) cpu.run(20_000);
    expect(cpu.counters.regionsTranslated).toBe(0);
    for (let run = 0; run < 300; run++) cpu.run(20_000);
    expect(cpu.counters.regionsTranslated).toBe(1);
    expect(cpu.state[EAX]).toBe(6_000_000);
  });

  it('exists only so many times, and nothing is lost with the oldest', () => {
    const cpu = flatMachine(undefined, { translateAfter: 1 });
    const loops = 700;
    // inc eax; jmp -3
    for (let number = 0; number < loops; number++) place(cpu, CODE + number * 16, '40 eb fd');
    for (let turn = 0; turn < 2; turn++) {
      for (let number = 0; number < loops; number++) {
        cpu.state[EIP] = CODE + number * 16;
        cpu.state[EAX] = 0;
        cpu.run(200);
        expect(cpu.state[EAX]).toBe(100);
      }
    }
    expect(cpu.counters.regionsTranslated).toBe(2 * loops);
  });
});
