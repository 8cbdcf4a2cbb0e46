import { describe, expect, it } from 'vitest';
import type { MachineOptions } from '../../kernel/index.js';
import { guestMachine } from './guest-program.js';

/** Three processes that need 201 MB together, each of which changes pages at random and checks them all. */
const ARGUMENTS = ['together', '3', '67', '400'];
/** Instructions between two looks at the test's surroundings; stopping and going on changes nothing. */
const SLICE = 1_000_000;

/** Everything that can be seen of a run on a machine with 32 MB. */
async function run(machine: Partial<MachineOptions>) {
  const trace = { faults: true, paging: true, workingSet: true, threads: true, sink: null };
  const guest = guestMachine('memory-pressure', {
    args: ARGUMENTS,
    machine: { memorySize: 32 << 20, ...machine, trace },
  });
  let result = guest.machine.run({ maxInstructions: SLICE });
  while (result.reason === 'limit') {
    // The reporter must be heard in between.
    await new Promise((resolve) => setImmediate(resolve));
    result = guest.machine.run({ maxInstructions: SLICE });
  }
  guest.close();
  const { kernel, counters } = guest.machine;
  return {
    result,
    lines: guest.written[0].replaceAll('\r\n', '\n').split('\n').filter(Boolean),
    hash: kernel.trace.hash(),
    events: kernel.trace.count,
    time: kernel.clock.nanoseconds(),
    counters: { ...counters },
    inconsistency: guest.machine.verify(),
  };
}

describe('three processes that need 200 MB on a machine with 32 MB', () => {
  it.each([
    { replacement: 'clock', pae: true },
    { replacement: 'fifo', pae: false },
  ] as const)(
    'find what they wrote, and leave the same trace on every run, %o',
    async (machine) => {
      const first = await run(machine);
      expect(first.lines).toHaveLength(3);
      for (const line of first.lines) expect(line).toMatch(/^17152 pages, 400 changes, 0 wrong, sum [0-9a-f]{8}$/);
      expect(first.result).toMatchObject({ reason: 'exited', status: 0, bugcheck: null });
      expect(first.inconsistency).toBeNull();
      expect(first.counters.pagingFileFaults).toBeGreaterThan(10_000);
      expect(first.events).toBeGreaterThan(50_000);
      expect(await run(machine)).toEqual(first);
    },
    600_000,
  );
});
