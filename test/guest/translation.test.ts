import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EIP, TEMP0 } from '../../cpu/index.js';
import { guestMachine } from './guest-program.js';

/** sha256, quicksort, calls, bytecode, x87 and SSE2. */
const KERNELS = [2, 5, 7, 9, 10, 11, 12, 13];
const LIMIT = 2_000_000;

/** All that the guest can see, after so many instructions of a program. */
function record(name: string, args: readonly string[], maximumInstructions: number, translateAfter: number) {
  const trace = { faults: true, syscalls: true, threads: true };
  const guest = guestMachine(name, { args, machine: { maximumInstructions, translateAfter }, trace });
  const { kernel } = guest.machine;
  const result = guest.machine.run({});
  guest.close();
  const { state, memory, counters } = kernel.cpu;
  const hash = createHash('sha1');
  for (let frame = 0; frame < memory.frameCount; frame++) {
    if (!memory.isTouched(frame)) continue;
    const host = memory.hostPage(frame);
    hash.update(`${frame}:`).update(memory.bytes.subarray(host, host + 0x1000));
  }
  const words = [...state.slice(0, TEMP0), state[EIP], kernel.cpu.getEflags()];
  return {
    seen: { result, written: [...guest.written], words, frames: hash.digest('hex'), trace: guest.trace },
    regions: counters.regionsTranslated,
  };
}

describe('a program sees nothing of translation', () => {
  it.each(KERNELS)('benchmark kernel %i', (kernel) => {
    const interpreted = record('bench', [String(kernel)], LIMIT, 0);
    const translated = record('bench', [String(kernel)], LIMIT, 2);
    expect(translated.seen).toEqual(interpreted.seen);
    expect(interpreted.regions).toBe(0);
    expect(translated.regions).toBeGreaterThan(0);
  });

  it.each([
    ['threads', []],
    ['heap', []],
    ['hostile', ['8', '2', '100']],
  ] as const)('%s, every block at once', (name, args) => {
    const interpreted = record(name, args, LIMIT, 0);
    const translated = record(name, args, LIMIT, 1);
    expect(translated.seen).toEqual(interpreted.seen);
    expect(translated.regions).toBeGreaterThan(20);
  });
});
