import { describe, expect, it } from 'vitest';
import { guestMachine } from './guest-program.js';

/**
 * guest/programs/hostile.c calls all system services with arguments from a generator, in threads that break their own stacks,
 * code and handles. Any end will do, but for those that are the machine's own fault.
 */
function survive(seed: number, pae: boolean): number {
  const options = { pae, memorySize: 32 << 20, maximumInstructions: 200_000_000, maximumTime: 3_600e9 };
  const { machine, close } = guestMachine('hostile', { args: [String(seed), '4', '200'], machine: options });
  const result = machine.run();
  close();
  expect(['exited', 'limit', 'deadlock']).toContain(result.reason);
  expect(result.bugcheck).toBeNull();
  expect(machine.verify()).toBeNull();
  return machine.counters.systemCalls;
}

describe('a hostile program harms nobody but itself', () => {
  it.each([
    ['PAE', true],
    ['two-level', false],
  ])('%s: thousands of calls of all services with arguments by chance', (_name, pae) => {
    let calls = 0;
    for (let seed = 1; seed <= 8; seed++) calls += survive(seed * 2 + (pae ? 1 : 0), pae);
    expect(calls).toBeGreaterThan(8000);
  });
});

describe('a program that starts itself over and over', () => {
  it.each([
    ['PAE', true],
    ['two-level', false],
  ])('%s: gets errors when the machine is full, and the machine goes on', (_name, pae) => {
    const options = { pae, memorySize: 20 << 20, maximumInstructions: 40_000_000, maximumTime: 3_600e9 };
    const { machine, close } = guestMachine('process-bomb', { machine: options });
    const result = machine.run();
    close();
    expect(['exited', 'limit', 'deadlock']).toContain(result.reason);
    expect(result.bugcheck).toBeNull();
    expect(machine.verify()).toBeNull();
    expect(machine.counters.systemCalls).toBeGreaterThan(1000);
  });
});
