import { describe, expect, it } from 'vitest';
import { usableMemory } from '../../kernel/options.js';
import { Privilege } from '../../kernel/se/privilege.js';
import { runGuest } from './guest-program.js';

/** Programs that use memory beyond the ordinary, under both kinds of page tables and on machines of several sizes. */

const MEGABYTE = 2 ** 20;

function expectSuccess(
  name: string,
  args: readonly string[],
  pae: boolean,
  megabytes: number,
  userSpace: number | null = null,
): void {
  const machine = { pae, userSpace, memorySize: megabytes * MEGABYTE, privileges: [Privilege.LOCK_MEMORY] };
  const run = runGuest(name, { args, machine });
  expect(run.stdout).toMatch(new RegExp(`^${name}: \\d+ tests executed, 0 failures\n$`));
  expect(run.result).toMatchObject({ status: 0, unhandledException: null, bugcheck: null });
  expect(run.inconsistency).toBeNull();
}

describe('code in data pages', () => {
  const places = ['data', 'stack', 'heap', 'PAGE_READWRITE', 'PAGE_EXECUTE_READWRITE'];
  const [runs, faults] = ['executed', 'access violation, kind 8, its address'];
  const all = places.map((place) => `${place}: ${runs}`);
  const only = places.map((place, index) => `${place}: ${index === 4 ? runs : faults}`);

  it.each([
    ['optin', true, 'dep', '', ['options 1, NX present', ...only]],
    ['optin', true, 'dep', 'off', ['options 1, NX present', 'set options: 00000000', ...all]],
    ['optin', true, 'dep-unaware', '', ['options 0, NX present', ...all]],
    ['optout', true, 'dep-unaware', '', ['options 1, NX present', ...only]],
    ['alwayson', true, 'dep-unaware', 'off', ['options 9, NX present', 'set options: c0000022', ...only]],
    ['alwaysoff', true, 'dep', 'on', ['options a, NX absent', 'set options: c0000022', ...all]],
  ] as const)('policy %s, PAE %s, %s %s', (noExecute, pae, name, argument, lines) => {
    const run = runGuest(name, { args: argument === '' ? [] : [argument], machine: { noExecute, pae } });
    expect(run.stdout.split('\n')).toEqual([...lines, '']);
    expect(run.inconsistency).toBeNull();
  });
});

describe('user space of a boot with /3GB and /USERVA', () => {
  it.each([
    ['large-address', 3072, true, 65536, 2800],
    ['large-address', 3072, false, 256, 160],
    ['large-address', 2560, true, 32, 64],
    ['large-address', 2048, false, 32, 16],
    ['large-address-unaware', 3072, true, 32, 16],
  ] as const)('%s, %d MB, PAE %s, %d MB of memory', (name, userSpace, pae, megabytes, touched) => {
    expectSuccess(name, [String(userSpace), String(touched)], pae, megabytes, userSpace);
  });

  it('is 2 GB in other boots, marked image or not', () => {
    expectSuccess('large-address', ['2048', '8'], true, 32);
  });
});

describe('with 64 GB', () => {
  it.each([
    ['web', true, 2],
    ['standard', true, 4],
    ['enterprise', false, 4],
    ['datacenter', true, 64],
  ] as const)('the product %s with PAE %s uses %d GB', (sku, pae, gigabytes) => {
    expect(usableMemory({ sku, pae, memorySize: 2 ** 36, userSpace: null })).toBe(gigabytes * 2 ** 30);
  });

  it('a boot with /3GB uses 16 GB', () => {
    expect(usableMemory({ sku: 'datacenter', pae: true, memorySize: 2 ** 36, userSpace: 2048 })).toBe(2 ** 34);
  });
});

describe('a machine whose memory is above 4 GB but for the first 80 MB', () => {
  it('gives it to ordinary programs', () => {
    const first = 2 ** 20;
    const badPages = Array.from({ length: first - 0x5000 }, (_, index) => 0x5000 + index);
    const run = runGuest('memory-pressure', {
      args: ['40', '100'],
      machine: { pae: true, memorySize: 2 ** 33, badPages },
    });
    expect(run.stdout).toMatch(/^10240 pages, 100 changes, 0 wrong/);
    expect(run.machine.counters.pagingFileFaults).toBe(0);
    expect(run.inconsistency).toBeNull();
    const { memory } = run.machine.kernel.mm;
    const above = Array.from({ length: first }, (_, index) => first + index).filter((frame) => memory.isTouched(frame));
    expect(above.length).toBeGreaterThan(16 * 256);
  });
});

describe('with 64 GB, of which two-level page tables reach 4', () => {
  it('large-pages: as many as are contiguous', () => expectSuccess('large-pages', ['3'], false, 65536));
});

describe.each([
  [true, 32],
  [true, 256],
  [true, 65536],
  [false, 32],
  [false, 256],
])('with PAE %s and %d MB', (pae, megabytes) => {
  it('awe: more memory than the window is seen through it', () => {
    expectSuccess('awe', [String(Math.min(megabytes / 4, 16)), '2'], pae, megabytes);
  });

  it('large-pages: as many as are contiguous', () => expectSuccess('large-pages', ['3'], pae, megabytes));

  it('write-watch: every kind of store is seen', () => expectSuccess('write-watch', [], pae, megabytes));
});

describe('stores of translated code', () => {
  it('are seen by write watch like those of the interpreter', () => {
    const interpreted = runGuest('write-watch', { machine: { translateAfter: 0 } });
    const translated = runGuest('write-watch', { machine: { translateAfter: 1 } });
    expect(translated.stdout).toMatch(/tests executed, 0 failures/);
    expect(translated.stdout).toBe(interpreted.stdout);
    expect(translated.result).toEqual(interpreted.result);
    expect(translated.machine.kernel.cpu.counters.regionsTranslated).toBeGreaterThan(100);
    expect(translated.inconsistency).toBeNull();
  });
});
