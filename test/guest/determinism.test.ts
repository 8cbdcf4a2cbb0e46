import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MachineOptions } from '../../kernel/index.js';
import { guestMachine } from './guest-program.js';

let folders: string[] = [];
beforeEach(() => {
  folders = [];
});
afterEach(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder with the same content each time, made in another order, at another place. */
function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nt86-determinism-'));
  const names = ['beta.txt', 'Alpha.txt', 'gamma'];
  if (folders.length % 2 === 1) names.reverse();
  for (const name of names) {
    if (name === 'gamma') mkdirSync(join(folder, name));
    else writeFileSync(join(folder, name), `${name} `.repeat(500));
    utimesSync(join(folder, name), 1_000_000_000, 1_000_000_000);
  }
  folders.push(folder);
  return folder;
}

/** Everything that can be seen of a run. `slice`: instructions after which the machine is stopped and goes on. */
function record(name: string, args: readonly string[], machine: Partial<MachineOptions>, slice = (_: number) => 0) {
  const mounts = [{ drive: 'C', folder: freshFolder(), readOnly: false }];
  const trace = { faults: true, syscalls: true, threads: true, modules: true };
  const guest = guestMachine(name, { args, mounts, machine: { maximumInstructions: 300_000_000, ...machine }, trace });
  let result = guest.machine.run({ maxInstructions: slice(0) || Number.POSITIVE_INFINITY });
  for (let turn = 1; result.reason === 'limit' && slice(turn) > 0; turn++) {
    result = guest.machine.run({ maxInstructions: slice(turn) });
  }
  guest.close();
  const { counters, kernel } = guest.machine;
  const written = [...guest.written];
  return {
    trace: guest.trace,
    rest: { result, written, counters: { ...counters }, ticks: kernel.clock.ticks, time: kernel.clock.nanoseconds() },
  };
}

function expectSame(one: ReturnType<typeof record>, other: ReturnType<typeof record>): void {
  const difference = one.trace.findIndex((line, index) => line !== other.trace[index]);
  expect([difference, other.trace[difference]]).toEqual([difference, one.trace[difference]]);
  expect(other.trace.length).toBe(one.trace.length);
  expect(other.rest).toEqual(one.rest);
  expect(one.trace.length).toBeGreaterThan(50);
}

const programs: readonly (readonly [string, readonly string[]])[] = [
  ['threads', []],
  ['heap', []],
  ['sleep', []],
  ['text-files', []],
  ['word-count', ['beta.txt']],
  ['directory-list', ['*']],
  ['hostile', ['8', '2', '100']],
];

describe('the same run twice: the same trace, counters and output to the last byte', () => {
  it.each(programs)('%s', (name, args) => expectSame(record(name, args, {}), record(name, args, {})));

  it.each(['threads', 'text-files'])('%s with two-level page tables', (name) => {
    expectSame(record(name, [], { pae: false }), record(name, [], { pae: false }));
  });

  it('heap with little memory', () => {
    const machine = { memorySize: 24 << 20, seed: 7 };
    expectSame(record('heap', [], machine), record('heap', [], machine));
  });
});

describe('stopping a run and going on changes nothing', () => {
  it.each(programs)('%s in slices of odd sizes', (name, args) => {
    const sizes = [1, 2, 3, 17, 1001, 65_537, 1_234_567];
    expectSame(
      record(name, args, {}),
      record(name, args, {}, (turn) => sizes[turn % sizes.length]),
    );
  });

  it('hello-nocrt one instruction at a time', () => {
    expectSame(
      record('hello-nocrt', [], {}),
      record('hello-nocrt', [], {}, () => 1),
    );
  });
});
