import { describe, expect, it } from 'vitest';
import { usableMemory } from '../../kernel/options.js';
import { Privilege } from '../../kernel/se/privilege.js';
import { runGuest } from './guest-program.js';

/** Programs that use memory beyond the ordinary, under both kinds of page tables and on machines of several sizes. */

const MEGABYTE = 2 ** 20;

function expectSuccess(name: string, args: readonly string[], pae: boolean, megabytes: number): void {
  const machine = { pae, memorySize: megabytes * MEGABYTE, privileges: [Privilege.LOCK_MEMORY] };
  const run = runGuest(name, { args, machine });
  expect(run.stdout).toMatch(new RegExp(`^${name}: \\d+ tests executed, 0 failures\n$`));
  expect(run.result).toMatchObject({ status: 0, unhandledException: null, bugcheck: null });
  expect(run.inconsistency).toBeNull();
}

describe('with 64 GB', () => {
  it('awe: more memory than addresses, of which the host holds what was touched', () => {
    expectSuccess('awe', ['512', '128'], true, 65536);
  });

  it.each([
    ['web', true, 2],
    ['standard', true, 4],
    ['enterprise', false, 4],
    ['datacenter', true, 64],
  ] as const)('the product %s with PAE %s uses %d GB', (sku, pae, gigabytes) => {
    expect(usableMemory({ sku, pae, memorySize: 2 ** 36 })).toBe(gigabytes * 2 ** 30);
  });
});

describe.each([
  [true, 32],
  [false, 256],
])('with PAE %s and %d MB', (pae, megabytes) => {
  it('awe: half of memory is seen through a window', () => {
    expectSuccess('awe', [String(megabytes / 4), '2'], pae, megabytes);
  });

  it('write-watch: every kind of store is seen', () => expectSuccess('write-watch', [], pae, megabytes));
});
