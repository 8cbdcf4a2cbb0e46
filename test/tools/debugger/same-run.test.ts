import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Machine } from '../../../kernel/index.js';
import { debugSample, sampleHost, sampleOptions } from './debugged-program.js';

interface Ending {
  readonly instructions: number;
  readonly status: number | null;
  readonly output: string;
  readonly trace: readonly string[];
}

const traced = (lines: string[]) => ({
  trace: { faults: true, syscalls: true, threads: true, modules: true, sink: (line: string) => lines.push(line) },
});

function plainRun(): Ending {
  const trace: string[] = [];
  let output = '';
  const host = sampleHost((text) => {
    output += text;
  });
  const result = new Machine({ ...sampleOptions(''), ...traced(trace) }, host).run();
  return { instructions: result.instructions, status: result.status, output, trace };
}

/** Runs to the end, with these commands carried out in between. */
async function debuggedRun(lines: readonly string[]): Promise<Ending> {
  const trace: string[] = [];
  const { run, session, guestOutput } = await debugSample('', traced(trace));
  for (const line of lines) await run(line);
  await run('bc *; sxi sc; sxi ld; sxi ct; sxi et');
  for (let stops = 0; session.execution.ended === null && stops < 100; stops++) await run('g');
  expect(session.machine.verify()).toBeNull();
  const { ended } = session.execution;
  return { instructions: ended?.instructions ?? 0, status: ended?.status ?? null, output: guestOutput(), trace };
}

/** Commands that look, stop and step, but change nothing of the program. */
const harmless = fc.constantFrom(
  't',
  't 20',
  'p',
  'p 8',
  'gu',
  'g',
  'bp sample!leaf',
  'bp sample!middle 2',
  'bp /w "poi(esp+4) == 2" leaf',
  'bp ntdll!KiFastSystemCallRet',
  'ba w4 table+8',
  'ba r4 origin',
  'ba w100 esp-80',
  'bf demand-zero',
  'bf * table',
  'sxe sc',
  'sxe sc:NtClose',
  'sxe ld',
  'sxe ct',
  'sxe et',
  'sxi sc',
  't-',
  't- 5',
  'p-',
  'p- 3',
  'g-',
  'gu-',
  '!lastwrite esp 4',
  '!tt 0n3000',
  '!tt 0n60000',
  'bc *',
  'k; dv; !vad; !pte eip; db esp; u eip',
);

describe('a debugged run', () => {
  const plain = plainRun();

  it('is the plain run when nobody interferes', async () => {
    expect(await debuggedRun([])).toEqual(plain);
  });

  it.each([
    ['breakpoints', ['bp sample!leaf', 'g', 'g', 'g', 'p 10', 'gu']],
    ['data breakpoints', ['ba w4 table+4', 'ba r4 origin', 'ba w1000 esp&fffff000', 'g', 'g', 'g', 'g']],
    ['fault breakpoints', ['bf *', 'g', 'g', 'g', 'g', 'g']],
    ['system calls', ['sxe sc', 'g', 'g', 'g', 't', 'p', 'g']],
    ['thread and module events', ['sxe ct', 'sxe et', 'sxe ld', 'g', 'g', 'g', 'g']],
    ['single steps', ['t 0n2000', 'p 0n500']],
    ['steps back', ['t 0n300', 't- 0n200', 'p 0n40', 'p- 0n20', 'gu', 'gu-', '!tt 0n50000', 't- 0n10', '!tt 0']],
    [
      'breakpoints met backwards',
      ['bp sample!leaf', 'bp sample!middle', 'sxe sc', 'g', 'g', 'g', 'g', 'g-', 'g-', 'g-', 'g-', 'g-', 'g-'],
    ],
    [
      'a run to the end and back',
      ['g', 't- 0n10', 'g-', 'ba w4 origin', 'g', 'g', 'g-', 'g-', 'g-', '!lastwrite origin 4'],
    ],
  ])('is the plain run to the last trace line with %s', async (_name, lines) => {
    expect(await debuggedRun(lines)).toEqual(plain);
  });

  it('is the plain run whatever stops and steps there were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(harmless, { maxLength: 14 }), async (lines) => {
        expect(await debuggedRun(lines)).toEqual(plain);
      }),
      { numRuns: 12, seed: 5 },
    );
  });
});
