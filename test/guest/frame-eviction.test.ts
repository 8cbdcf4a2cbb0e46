import { describe, expect, it } from 'vitest';
import { Privilege } from '../../kernel/se/privilege.js';
import { type GuestRun, runGuest } from './guest-program.js';

/** More guest memory than the host's linear memory holds (cpu/frame-eviction.ts): the guest sees nothing of it. */

const MEGABYTE = 2 ** 20;

function run(name: string, args: readonly string[], linear: number | undefined): GuestRun {
  const hostMemory = linear === undefined ? {} : { linear: linear * MEGABYTE };
  const machine = { memorySize: 48 * MEGABYTE, privileges: [Privilege.LOCK_MEMORY], hostMemory };
  return runGuest(name, { args, machine, trace: { faults: true, paging: true } });
}

describe('a machine whose memory does not fit into the linear memory', () => {
  it.each([['awe', ['32', '2'], 3]] as const)('runs %s %j as one whose memory does', (name, args, linear) => {
    const roomy = run(name, args, undefined);
    const narrow = run(name, args, linear);
    expect(narrow.machine.kernel.memory.store.end).toBeGreaterThan(50);
    expect(narrow.result).toEqual(roomy.result);
    expect([narrow.result.status, narrow.result.hostMemory]).toEqual([0, null]);
    expect(narrow.stdout).toBe(roomy.stdout);
    expect(narrow.trace).toEqual(roomy.trace);
    expect(narrow.inconsistency).toBeNull();
  });

  it('ends with a message when the host gives no more', () => {
    const machine = { memorySize: 48 * MEGABYTE, privileges: [Privilege.LOCK_MEMORY] };
    const hostMemory = { linear: 4 * MEGABYTE, touched: 5 * MEGABYTE };
    const { result } = runGuest('large-pages', { args: ['3'], machine: { ...machine, hostMemory } });
    expect(result).toMatchObject({ reason: 'bugcheck', bugcheck: { code: 0x4d } });
    expect(result.hostMemory).toBe('the guest has touched 5 MB of memory, and the host gives no more');
  });
});
