import { describe, expect, it } from 'vitest';
import { CliError } from '../../tools/cli-error.js';
import {
  machineFlagDescriptions,
  machineFlags,
  parseSize,
  type RawMachineFlags,
  traceOptions,
} from '../../tools/machine-flags.js';
import { quoteArgument } from '../../tools/run.js';
import { recipeOf, restoredFlags } from '../../tools/run-saved.js';

const raw = { maxmem: '64M', pae: true, verify: 'off', seed: 0 };

describe('machine flags', () => {
  it.each([
    ['64M', 64 << 20],
    ['8m', 8 << 20],
    ['1G', 1 << 30],
    ['1.5MB', 1.5 * 2 ** 20],
    ['512K', 512 << 10],
  ])('reads the size %s', (text, size) => {
    expect(parseSize(text)).toBe(size);
  });

  it.each(['', '64', 'M', '-1M', '64X', '1e9'])('refuses the size %j', (text) => {
    expect(() => parseSize(text)).toThrow(CliError);
  });

  it('takes 8 MB at the least', () => {
    expect(machineFlags({ ...raw, maxmem: '8M' }).memorySize).toBe(8 << 20);
    expect(() => machineFlags({ ...raw, maxmem: '4M' })).toThrow(/8M to/);
  });

  it('reads mounts, environment and limits', () => {
    const flags = machineFlags({
      ...raw,
      mount: ['c=./files:ro', 'D=/tmp'],
      env: ['NAME=a=b', 'EMPTY='],
      'max-instructions': '5M',
      verify: '100',
    });
    expect(flags.mounts).toEqual([
      { drive: 'C', folder: './files', readOnly: true },
      { drive: 'D', folder: '/tmp', readOnly: false },
    ]);
    expect(flags.environment).toEqual({ NAME: 'a=b', EMPTY: '' });
    expect(flags.maximumInstructions).toBe(5_000_000);
    expect(flags.verify).toBe(100);
  });

  it.each([
    { mount: ['files'] },
    { mount: ['CC=files'] },
    { env: ['NAME'] },
    { 'max-instructions': '0' },
    { 'max-instructions': 'many' },
    { verify: 'sometimes' },
    { seed: 1.5 },
    { 'max-time': '5' },
    { 'max-time': '0s' },
    { 'max-time': '-1s' },
    { inject: ['read:1'] },
    { inject: ['read:0=C000009C'] },
    { inject: ['read:1=00000000'] },
    { inject: ['write:1=9C'] },
    { inject: ['page:1=C000009C'] },
    { inject: ['bad-page:0'] },
    { inject: ['fault:1'] },
    { inject: [''] },
    { account: 'root' },
    { account: 'constructor' },
    { privilege: ['SeNothingPrivilege'] },
    { privilege: [''] },
  ])('refuses %j as usage', (flags) => {
    expect(() => machineFlags({ ...raw, ...flags })).toThrow(CliError);
  });

  it.each([
    ['500ms', 500_000_000],
    ['10s', 10_000_000_000],
    ['1.5us', 1500],
    ['2m', 120_000_000_000],
  ])('reads the time %s', (text, nanoseconds) => {
    expect(machineFlags({ ...raw, 'max-time': text }).maximumTime).toBe(nanoseconds);
  });

  it('reads what is to go wrong', () => {
    expect(
      machineFlags({ ...raw, inject: ['read:3=C000009C,commit:2', 'write:1=0xc000007f', 'page:5,bad-page:7'] })
        .injections,
    ).toEqual([
      { kind: 'read', ordinal: 3, status: 0xc000009c },
      { kind: 'commit', ordinal: 2 },
      { kind: 'write', ordinal: 1, status: 0xc000007f },
      { kind: 'page', ordinal: 5 },
      { kind: 'bad-page', ordinal: 7 },
    ]);
  });

  it('reads whom the program runs as, and what that account may do', () => {
    const flags = machineFlags({
      ...raw,
      account: 'user',
      privilege: ['SeLockMemoryPrivilege', 'debug', 'CreatePageFile'],
    });
    expect(flags.account).toBe('user');
    expect(flags.privileges).toEqual([4, 20, 15]);
    expect(machineFlags(raw)).toMatchObject({ account: 'admin', privileges: [] });
  });

  it('reads where user space ends', () => {
    expect(machineFlags(raw).userSpace).toBeNull();
    expect(machineFlags({ ...raw, '3gb': true }).userSpace).toBe(3072);
    expect(machineFlags({ ...raw, '3gb': true, userva: 2900 }).userSpace).toBe(2900);
    expect(() => machineFlags({ ...raw, userva: 2900 })).toThrow(/write both/);
    for (const userva of [2047, 3073, 2048.5, Number.NaN])
      expect(() => machineFlags({ ...raw, '3gb': true, userva })).toThrow(/from 2048 to 3072/);
  });

  it('reads where large pages of the kernel begin', () => {
    const minimum = (given: Partial<RawMachineFlags>) => machineFlags({ ...raw, ...given }).largePageMinimum;
    expect(minimum({})).toBe(255);
    expect(minimum({ 'large-page-minimum': '0' })).toBe(0);
    expect(minimum({ 'large-page-minimum': 'off' })).toBe(Number.POSITIVE_INFINITY);
    expect([minimum({ verify: 'exit' }), minimum({ verify: '100' })]).toEqual([255, Number.POSITIVE_INFINITY]);
    expect(minimum({ verify: '100', 'large-page-minimum': '64' })).toBe(64);
    expect(() => minimum({ 'large-page-minimum': 'x' })).toThrow(/megabytes, or off/);
  });

  it('knows the trace categories', () => {
    const options = traceOptions('faults,modules', () => {});
    expect([options.faults, options.syscalls, options.threads, options.modules]).toEqual([true, false, false, true]);
    expect(traceOptions(undefined, () => {}).sink).toBeNull();
    expect(() => traceOptions('fault', () => {})).toThrow(/choose from/);
  });

  it.each([
    ['plain', 'plain'],
    ['', '""'],
    ['two words', '"two words"'],
    ['say "hi"', '"say \\"hi\\""'],
    ['C:\\dir name\\', '"C:\\dir name\\\\"'],
    ['a\\b', 'a\\b'],
  ])('quotes %j as %j', (argument, quoted) => {
    expect(quoteArgument(argument)).toBe(quoted);
  });
});

describe('a snapshot', () => {
  /** Another value for every flag than the one that it has by default. */
  const other: { readonly [Name in keyof typeof machineFlagDescriptions]: RawMachineFlags[Name] } = {
    maxmem: '32M',
    'host-memory': '100M',
    pae: false,
    '3gb': true,
    userva: 2560,
    'large-page-minimum': '64',
    noexecute: 'alwaysoff',
    sku: 'web',
    mount: ['D=/:ro'],
    env: ['A=b'],
    'max-instructions': '5M',
    'max-time': '5s',
    inject: ['commit:9'],
    verify: 'exit',
    pagefile: ['8M'],
    'pagefile-path': '/',
    replacement: 'fifo',
    'bad-pages': ['1000'],
    'cluster-reads': 7,
    account: 'user',
    privilege: ['SeLockMemoryPrivilege'],
    seed: 5,
  };
  const passing = ['host-memory', 'max-instructions', 'max-time', 'pagefile-path', 'verify'];

  it.each(Object.entries(other))('--%s makes another machine of it', (name, value) => {
    const usual = { ...raw, '3gb': name === 'userva' };
    expect(machineFlags({ ...usual, [name]: value })).not.toEqual(machineFlags(usual));
  });

  it('knows every flag but those that pass', () => {
    const recipe = recipeOf({ ...other, program: 'hello.exe', programArguments: [] });
    expect(Object.keys(recipe.flags).concat(passing).sort()).toEqual(Object.keys(machineFlagDescriptions).sort());
    const {
      'host-memory': _memory,
      'max-instructions': _count,
      'max-time': _time,
      verify: _verify,
      'pagefile-path': _path,
      ...lasting
    } = other;
    expect(restoredFlags(recipe, { ...raw, maxmem: '128M' })).toEqual({ ...lasting, verify: 'off' });
  });
});
