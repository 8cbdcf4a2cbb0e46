import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commands, ModelRunner, type RunnerOptions } from './memory-model-runner.js';

const LENGTH = 1000;
/** Of all configurations together. */
const STEPS = Number(process.env.NT86_MODEL_STEPS ?? 20_000);
const SEED = 20050325;

const configurations: readonly RunnerOptions[] = [
  { pae: true, replacement: 'clock' },
  { pae: false, replacement: 'clock' },
  { pae: true, replacement: 'fifo' },
  { pae: false, replacement: 'fifo' },
];

describe('three processes against a model of what programs see', () => {
  it.each(configurations)(
    'agree on every status and byte after any sequence of commands, %o',
    async (configuration) => {
      const wanted = STEPS / configurations.length;
      let steps = 0;
      const property = fc.asyncProperty(commands(LENGTH), async (sequence) => {
        if (steps >= wanted) return;
        const runner = new ModelRunner(configuration);
        for (const step of sequence) runner.run(step);
        runner.finish();
        steps += runner.steps;
        // The reporter must be heard in between.
        await new Promise((resolve) => setImmediate(resolve));
      });
      await fc.assert(property, { numRuns: 20 + Math.ceil((wanted / LENGTH) * 4), seed: SEED });
      expect(steps).toBeGreaterThanOrEqual(wanted);
    },
  );
});
