import { describe, expect, it } from 'vitest';
import { type GuestRun, runGuest } from './guest-program.js';

type Event = Readonly<Record<string, unknown>>;

function run(trace: { faults?: boolean; paging?: boolean; workingSet?: boolean }): GuestRun {
  return runGuest('memory-pressure', { args: ['13', '200'], machine: { pae: true, memorySize: 12 << 20 }, trace });
}

const events = ({ trace }: GuestRun, name: string): Event[] =>
  trace.map((line): Event => JSON.parse(line)).filter((event) => event.event === name);

const address = expect.stringMatching(/^[0-9A-F]{8}$/);
const pte = expect.stringMatching(/^[0-9A-F]{16}$/);

describe('traces of memory management', () => {
  const traced = run({ faults: true, paging: true, workingSet: true });
  const { counters } = traced.machine;

  it('are the same in every run', () => {
    const again = run({ faults: true, paging: true, workingSet: true });
    const difference = traced.trace.findIndex((line, index) => line !== again.trace[index]);
    expect([difference, again.trace.length]).toEqual([-1, traced.trace.length]);
  });

  it('change nothing of the run', () => {
    const plain = run({});
    expect(plain.trace).toEqual([]);
    expect({ ...plain.machine.counters }).toEqual({ ...counters });
    expect(plain.result).toEqual(traced.result);
  });

  it('faults: place, access, PTE before and after, resolution', () => {
    const pageIn = events(traced, 'fault').find((event) => event.outcome === 'must-wait');
    expect(pageIn).toEqual({
      time: expect.any(Number),
      event: 'fault',
      process: expect.any(Number),
      thread: expect.any(Number),
      eip: address,
      address,
      access: expect.stringMatching(/^(read|write|execute)$/),
      mode: 'user',
      pteBefore: pte,
      pteAfter: pte,
      outcome: 'must-wait',
    });
  });

  it('faults: a page that is read in is told of when it is there, too', () => {
    const completed = events(traced, 'fault').filter((event) => event.outcome === 'page-file');
    expect(completed.length).toBeGreaterThan(100);
    expect(completed.length).toBeLessThanOrEqual(counters.pagingFileFaults);
    expect(completed.every((event) => Number.parseInt(String(event.pteAfter).slice(-1), 16) % 2 === 1)).toBe(true);
  });

  it('paging: every transfer begins and ends', () => {
    for (const kind of ['read', 'write']) {
      const [begun, done] = [events(traced, `page-${kind}`), events(traced, `page-${kind}-done`)];
      expect(begun.length).toBeGreaterThan(0);
      // A write may be under way when the program ends.
      expect(begun.length - done.length).toBeLessThanOrEqual(2);
      expect(done.every((event) => event.status === '00000000')).toBe(true);
      expect(begun[0]).toMatchObject({ file: 0, slot: expect.any(Number), count: expect.any(Number) });
    }
    const pages = (name: string) => events(traced, name).reduce((sum, event) => sum + Number(event.count), 0);
    expect(pages('page-write')).toBe(counters.dirtyPagesWritten);
    expect(pages('page-read') + pages('file-page-read')).toBe(counters.pagesRead);
  });

  it('paging names the pages by address, with the PTE that finds them again', () => {
    const write = events(traced, 'page-write')[0];
    expect(write?.pages).toEqual(Array(Number(write?.count)).fill(expect.stringMatching(/^[0-9A-F]{8} [0-9A-F]{16}$/)));
  });

  it('working-set: what goes in and what is trimmed', () => {
    const trims = events(traced, 'working-set-trim');
    expect(trims.length).toBe(counters.pagesTrimmed);
    expect(trims[0]).toMatchObject({ address, pteBefore: pte, pteAfter: pte, age: expect.any(Number) });
    const inserts = events(traced, 'working-set-insert');
    expect(inserts.length).toBeGreaterThan(3000);
    expect(inserts[0]).toMatchObject({ address, size: expect.any(Number) });
  });
});
