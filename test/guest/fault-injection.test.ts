import { describe, expect, it } from 'vitest';
import { type Injection, Status, statusName } from '../../kernel/index.js';
import { type GuestRun, runGuest } from './guest-program.js';

const ERROR = Status.DEVICE_DATA_ERROR;
const OUTPUT = '3328 pages, 200 changes, 0 wrong, sum 4b082310\n';
const SMALL_OUTPUT = '256 pages, 5 changes, 0 wrong, sum 4b267214\n';

/** A program that writes 13 MB on a machine of 12 MB, so that it pages in both directions. */
function run(injections: readonly Injection[], args: readonly string[] = ['13', '200']): GuestRun {
  return runGuest('memory-pressure', {
    args,
    machine: { memorySize: 12 << 20, injections, maximumTime: 60e9 },
  });
}

/** How a run has ended, in a few words. */
function ending({ result, stdout }: GuestRun): string {
  const { reason, status, unhandledException, hardError, bugcheck } = result;
  if (bugcheck !== null) return `bugcheck ${bugcheck.code.toString(16)}`;
  if (unhandledException !== null) {
    const underlying = unhandledException.parameters[2];
    const detail = underlying === undefined ? '' : ` ${statusName(underlying)}`;
    return `exception ${statusName(unhandledException.code)}${detail}`;
  }
  if (hardError !== null) return `hard error ${statusName(hardError.status)}`;
  if (reason !== 'exited') return `${reason} ${status === null ? '' : statusName(status)}`;
  return stdout === OUTPUT || stdout === SMALL_OUTPUT ? 'success' : `output ${stdout.trim()}`;
}

/** Numbers that are spread over 1 .. last, the first few one by one. */
function spread(last: number, count: number): number[] {
  const numbers = Array.from({ length: count }, (_, index) => Math.ceil(((index + 1) * last) / count));
  return [...new Set([1, 2, 3, ...numbers])].filter((number) => number <= last);
}

describe('what goes wrong on purpose', () => {
  const plain = run([]);
  const { counters } = plain.machine;

  const sweep = (
    injectionOf: (ordinal: number) => Injection,
    ordinals: readonly number[],
    endings: readonly string[],
    args?: readonly string[],
  ) => {
    for (const ordinal of ordinals) {
      const injected = run([injectionOf(ordinal)], args);
      // A machine that has stopped in the middle of something may be in disorder.
      const isStopped = injected.result.bugcheck !== null;
      expect([ordinal, isStopped ? null : injected.inconsistency]).toEqual([ordinal, null]);
      expect([ordinal, endings]).toEqual([ordinal, expect.arrayContaining([ending(injected)])]);
    }
  };

  it('the program pages in both directions when nothing does', () => {
    expect(ending(plain)).toBe('success');
    expect(counters.pagingFileFaults).toBeGreaterThan(100);
    expect(counters.dirtyPagesWritten).toBeGreaterThan(100);
    expect(plain.inconsistency).toBeNull();
  });

  it('a read that fails is an in-page error with its status; a page table that the kernel needs is a bugcheck', () => {
    const ordinals = spread(counters.pageReadIos, 6);
    sweep((ordinal) => ({ kind: 'read', ordinal, status: ERROR }), ordinals, [
      'exception STATUS_IN_PAGE_ERROR STATUS_DEVICE_DATA_ERROR',
      'bugcheck 7a',
    ]);
  });

  it('a write that fails loses nothing: the pages stay modified and are written again', () => {
    const ordinals = spread(counters.pageWriteIos, 3);
    sweep((ordinal) => ({ kind: 'write', ordinal, status: ERROR }), ordinals, ['success']);
  });

  it('a thread that has to wait for a page goes on', () => {
    sweep((ordinal) => ({ kind: 'page', ordinal }), spread(counters.pageFaults, 4), ['success']);
  });

  it('frames that fail while they are in use are taken away, and the program does not notice', () => {
    const injections: Injection[] = spread(5000, 60).map((ordinal) => ({ kind: 'bad-page', ordinal }));
    const injected = run(injections);
    expect([ending(injected), injected.inconsistency]).toEqual(['success', null]);
    expect(injected.machine.kernel.mm.lists.bad.total).toBeGreaterThan(30);
  });

  it('commitment that is refused is the status of whoever asked', () => {
    const ordinals = Array.from({ length: 28 }, (_, index) => index + 1);
    sweep(
      (ordinal) => ({ kind: 'commit', ordinal }),
      ordinals,
      [
        // Where the kernel gets by without.
        'success',
        'start-failed STATUS_COMMITMENT_LIMIT',
        'start-failed STATUS_INSUFFICIENT_RESOURCES',
        // The loader's own memory, and images that it maps.
        'hard error STATUS_NO_MEMORY',
        'hard error STATUS_COMMITMENT_LIMIT',
        'hard error STATUS_INSUFFICIENT_RESOURCES',
        'exception STATUS_STACK_OVERFLOW',
        'exception STATUS_IN_PAGE_ERROR STATUS_NO_MEMORY',
        'output no memory: error 1455',
      ],
      ['1', '5'],
    );
  });

  it('pages of the working set list that cannot be had are done without', () => {
    sweep(
      (ordinal) => ({ kind: 'commit', ordinal }),
      [22, 23, 24],
      ['success', 'exception STATUS_IN_PAGE_ERROR STATUS_NO_MEMORY'],
    );
  });

  it('happens at the same place in every run, and not at all when its time never comes', () => {
    const [first, second] = [1, 2].map(() => run([{ kind: 'read', ordinal: 100, status: ERROR }]));
    expect(first?.result).toEqual(second?.result);
    const never = run([{ kind: 'read', ordinal: 1_000_000, status: ERROR }]);
    expect(never.result).toEqual(plain.result);
    expect({ ...never.machine.counters }).toEqual({ ...counters });
  });
});
