import { describe, expect, it } from 'vitest';
import { INSTRUCTION_LIMIT, instructionsOf, randomProgram, runProgram } from './random-programs.js';
import { CODE_SIZE } from './vectors/environment.js';
import { Random } from './vectors/random.js';
import { Replayer } from './vectors/replay.js';

const PROGRAMS = 50;

describe('the budget of run() changes nothing but where it stops', () => {
  const replayer = new Replayer();
  for (const units of [['integer'], ['integer', 'integer', 'x87'], ['integer', 'integer', 'mmx', 'sse']]) {
    it(`random programs of ${[...new Set(units)].join(', ')} instructions`, () => {
      const codes = units.map(instructionsOf);
      const random = new Random(units.length);
      let retired = 0;
      for (let number = 0; number < PROGRAMS; number++) {
        const program = randomProgram(random, codes);
        expect(program.code.length).toBeLessThan(CODE_SIZE);
        const whole = runProgram(replayer, program, INSTRUCTION_LIMIT);
        for (const budget of [1, 2 + random.below(20)]) {
          const parts = runProgram(replayer, program, budget);
          expect(parts.exceptions, `program ${number}, budget ${budget}`).toBe(whole.exceptions);
          expect(parts.state, `program ${number}, budget ${budget}`).toBe(whole.state);
          expect(Buffer.compare(parts.memory, whole.memory)).toBe(0);
        }
        retired += replayer.cpu.instructionCount;
      }
      expect(retired).toBeGreaterThan(PROGRAMS * INSTRUCTION_LIMIT * 0.5);
    });
  }
});
