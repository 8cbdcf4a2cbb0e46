import { describe, expect, it } from 'vitest';
import { runGuest } from './guest-program.js';

const SUM = '51200 pages, 3000 changes, 0 wrong, sum ceb537bb\n';
const args = ['200', '3000'];

describe('a program that needs 200 MB', () => {
  it.each([
    ['with 32 MB', { memorySize: 32 << 20 }],
    ['with 32 MB and FIFO replacement, without PAE', { memorySize: 32 << 20, replacement: 'fifo', pae: false }],
    ['with all it needs', { memorySize: 320 << 20 }],
  ] as const)('gives the same result %s', (_name, machine) => {
    const run = runGuest('memory-pressure', { args, machine });
    expect(run.stdout).toBe(SUM);
    expect(run.result).toMatchObject({ reason: 'exited', status: 0, bugcheck: null });
    expect(run.inconsistency).toBeNull();
  });

  it('leaves the same trace twice', () => {
    const options = { args: ['24', '500'], machine: { memorySize: 16 << 20 }, trace: { faults: true, threads: true } };
    const [first, second] = [runGuest('memory-pressure', options), runGuest('memory-pressure', options)];
    expect(first.machine.kernel.trace.hash()).toBe(second.machine.kernel.trace.hash());
    expect(first.result.instructions).toBe(second.result.instructions);
    expect(first.machine.counters.pagingFileFaults).toBeGreaterThan(0);
  });

  it('is refused what the commit limit cannot hold', () => {
    const machine = { memorySize: 16 << 20, pagingFiles: [{ size: 1 << 20, maximum: 2 << 20 }] };
    const run = runGuest('memory-pressure', { args: ['200', '1'], machine });
    expect(run.stdout).toBe('no memory: error 1455\n');
    expect(run.inconsistency).toBeNull();
  });
});
