import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { History } from '../../../tools/history/history.js';
import type { SavableMachine } from '../../../tools/history/savable-machine.js';
import { bootGuest, type SavedGuestOptions, type Seen } from './saved-guest.js';

const owner = { replaying: () => {}, saveCompanion: () => null, restoreCompanion: () => {} };

interface Travelled {
  readonly seen: Seen;
  readonly machine: SavableMachine;
  readonly history: History<null>;
}

function boot(name: string, options: SavedGuestOptions, budget?: number): Travelled {
  const seen: Seen = { output: '', trace: [] };
  const machine = bootGuest(name, seen, options);
  return { seen, machine, history: new History<null>(machine.machine, machine.host, owner, budget) };
}

/** Runs to the end, with checkpoints every so many instructions. */
function runToEnd({ history }: Travelled, every: number): number {
  history.run(0);
  history.take();
  while (history.ended === null) {
    history.run(every);
    if (history.ended === null) history.take();
  }
  return history.position;
}

describe('going anywhere in the past', () => {
  it.each([
    ['threads', {}],
    ['sleep', {}],
    ['mapping', {}],
    ['memory-pressure', { machine: { memorySize: 24 << 20 } }],
  ] as const)('finds every state of %s bit by bit as it was', async (name, options) => {
    const first = boot(name, options);
    const end = runToEnd(first, Number.POSITIVE_INFINITY);
    const result = first.history.ended;
    const { output, trace } = first.seen;
    const places = [0.05, 0.3, 0.31, 0.6, 0.9].map((part) => Math.floor(end * part));
    const plain = boot(name, options);
    plain.history.run(0);
    const digests = new Map<number, string>();
    for (const place of places) {
      plain.history.run(place - plain.history.position);
      digests.set(place, plain.machine.digest());
    }
    const travelled = boot(name, options);
    runToEnd(travelled, Math.ceil(end / 7));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...places), { minLength: 1, maxLength: 4 }), async (journey) => {
        for (const place of journey) {
          expect(await travelled.history.travelTo(place)).toBe(true);
          expect(travelled.machine.digest()).toBe(digests.get(place));
        }
      }),
      { numRuns: 3, seed: 11 },
    );
    travelled.history.run(Number.POSITIVE_INFINITY);
    expect(travelled.history.ended).toEqual(result);
    expect(travelled.seen.output).toBe(output);
    expect(travelled.seen.trace).toEqual(trace);
    expect(travelled.machine.machine.verify()).toBeNull();
  });

  it('forgets checkpoints and what lies before the oldest when there is no room for them', async () => {
    const travelled = boot('threads', {}, 4 << 20);
    const end = runToEnd(travelled, 5_000);
    const { history } = travelled;
    expect(history.size.bytes).toBeLessThan(5 << 20);
    expect(history.size.checkpoints).toBeGreaterThan(2);
    const gaps = history.positions.map((position, index, all) => (all[index + 1] ?? end) - position);
    expect(gaps[gaps.length - 2]).toBeLessThanOrEqual(Math.max(...gaps));
    expect(await history.travelTo(history.beginning)).toBe(true);
    expect(history.position).toBe(history.beginning);
    expect(await history.travelTo(-1)).toBe(false);
  });
});
