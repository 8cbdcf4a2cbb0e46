import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReplacementPolicy } from '../../kernel/options.js';
import { commands, ModelRunner } from './memory-model-runner.js';

/** A machine is booted for each sequence: long ones leave the time for steps. */
const LENGTH = 4000;
/** Of all configurations together. */
const STEPS = Number(process.env.NT86_MODEL_STEPS ?? 200_000);
/** Two replacement policies, two formats of PTEs. */
const CONFIGURATIONS = 4;
/** One of the two policies runs in a linear memory in which not all frames have room (cpu/frame-eviction.ts). */
const LINEAR = 120 * 0x1000;
const SEED = 20050325;
/** Whether a failure is to be made shorter, which takes its time. */
const SHRINKS = process.env.NT86_MODEL_SHRINK !== 'no';

/** The property of three processes with one replacement policy; the verifier looks after every step. */
export function describeModel(replacement: ReplacementPolicy): void {
  describe(`three processes against a model of what programs see, ${replacement} replacement`, () => {
    it.each([{ pae: true }, { pae: false }])(
      'agree on every status and byte after any sequence of commands, %o',
      async ({ pae }) => {
        const wanted = STEPS / CONFIGURATIONS;
        let steps = 0;
        const property = fc.asyncProperty(commands(LENGTH), async (sequence) => {
          if (steps >= wanted) return;
          const runner = new ModelRunner({ pae, replacement, ...(replacement === 'fifo' ? { linear: LINEAR } : {}) });
          for (const step of sequence) runner.run(step);
          runner.finish();
          steps += runner.steps;
          // The reporter must be heard in between.
          await new Promise((resolve) => setImmediate(resolve));
        });
        const numRuns = 20 + Math.ceil((wanted / LENGTH) * 4);
        await fc.assert(property, { numRuns, seed: SEED, endOnFailure: !SHRINKS });
        expect(steps).toBeGreaterThanOrEqual(wanted);
      },
      60_000 + STEPS * 10,
    );
  });
}
