import { describe, expect, it } from 'vitest';
import { holdings, type Injection, leaks } from '../../kernel/index.js';
import { Privilege } from '../../kernel/se/privilege.js';
import { guestMachine } from './guest-program.js';

/** Every kind of memory at once, in a second of virtual time; memory-stress.mjs is the long form, of two minutes. */

function machineOf(pae: boolean, injections: readonly Injection[]) {
  const options = { pae, injections, memorySize: 32 << 20, privileges: [Privilege.LOCK_MEMORY] };
  return guestMachine('memory-stress', { args: ['1', '5'], machine: options });
}

describe('pages of AWE, large pages, write watch, code, MEM_RESET, sections, forks and paging at once', () => {
  it.each([
    [true, []],
    [false, [60, 75, 90, 105, 120].map((ordinal): Injection => ({ kind: 'commit', ordinal }))],
  ] as const)('keep their contents and leave nothing behind, PAE %s', (pae, injections) => {
    const idle = machineOf(pae, []);
    idle.machine.kernel.ps.loadSystemDll();
    const before = holdings(idle.machine.kernel);
    idle.close();
    const { machine, written, close } = machineOf(pae, injections);
    expect(machine.run()).toMatchObject({ reason: 'exited', status: 0, unhandledException: null });
    expect(written[0]).toMatch(/memory-stress: \d+ tests executed, 0 failures/);
    machine.kernel.runLoop.run(0, () => false);
    expect(machine.verify()).toBeNull();
    machine.kernel.mm.unusedSegments.deleteAll(machine.kernel);
    expect(leaks(before, holdings(machine.kernel))).toEqual([]);
    close();
  });
});
