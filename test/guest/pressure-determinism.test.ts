import { describe, expect, it } from 'vitest';
import { type MachineOptions, StandardStream } from '../../kernel/index.js';
import { createUserProcess } from '../../kernel/ps/create-process.js';
import { guestMachine } from './guest-program.js';

/** Megabytes of each process, and how often each changes a page at random: 200 MB in all, on a machine with 32 MB. */
const MEGABYTES = [66, 67, 67] as const;
const CHANGES = 400;
/** Instructions between two looks at the test's surroundings; stopping and going on changes nothing. */
const SLICE = 1_000_000;
const PATH = '\\??\\Z:\\memory-pressure.exe';

/** Runs the program three times side by side, each in its own process; everything that can be seen of it. */
async function runThree(machine: Partial<MachineOptions>) {
  const trace = { faults: true, paging: true, workingSet: true, threads: true, syscalls: false, modules: false };
  const guest = guestMachine('memory-pressure', {
    args: [String(MEGABYTES[0]), String(CHANGES)],
    machine: { memorySize: 32 << 20, ...machine, trace: { ...trace, sink: null } },
  });
  const { kernel } = guest.machine;
  guest.machine.run({ maxInstructions: 1 });
  for (const megabytes of MEGABYTES.slice(1)) {
    kernel.ke.createSystemThread(kernel.systemProcess, 8, function* () {
      yield* createUserProcess(kernel.ps, {
        imagePath: PATH,
        commandLine: `Z:\\memory-pressure.exe ${megabytes} ${CHANGES}`,
        currentDirectory: 'Z:\\',
        environment: new Map(),
        standardStreams: [
          kernel.io.standardStreamPath(StandardStream.Input),
          kernel.io.standardStreamPath(StandardStream.Output),
          kernel.io.standardStreamPath(StandardStream.Error),
        ],
      });
    });
  }
  const users = () => kernel.ps.processes.filter(({ pcb }) => pcb !== kernel.systemProcess && pcb.threads.length > 0);
  let result = guest.machine.run({ maxInstructions: SLICE });
  while (result.reason === 'limit') {
    // The reporter must be heard in between.
    await new Promise((resolve) => setImmediate(resolve));
    result = guest.machine.run({ maxInstructions: SLICE });
  }
  const end = kernel.runLoop.run(Number.POSITIVE_INFINITY, () => users().length === 0);
  guest.close();
  return {
    result,
    end,
    lines: guest.written[0].replaceAll('\r\n', '\n').split('\n').filter(Boolean).sort(),
    hash: kernel.trace.hash(),
    events: kernel.trace.count,
    instructions: kernel.cpu.instructionCount,
    time: kernel.clock.nanoseconds(),
    counters: { ...guest.machine.counters },
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
      const first = await runThree(machine);
      expect(first.result).toMatchObject({ reason: 'exited', status: 0, bugcheck: null });
      expect(first.lines).toHaveLength(MEGABYTES.length);
      for (const line of first.lines) expect(line).toMatch(/^\d+ pages, \d+ changes, 0 wrong, sum [0-9a-f]{8}$/);
      expect(first.inconsistency).toBeNull();
      expect(first.counters.pagingFileFaults).toBeGreaterThan(10_000);
      expect(first.events).toBeGreaterThan(50_000);
      expect(await runThree(machine)).toEqual(first);
    },
    600_000,
  );
});
