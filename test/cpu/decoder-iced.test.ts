import { expect, it } from 'vitest';
import { compareDecoders } from './decoder-comparison.js';
import { Random } from './vectors/random.js';

/** Byte strings of each mode: the whole proof is `NT86_DECODER_STRINGS=5000000 npx vitest run test/cpu/decoder-iced.test.ts`. */
const STRINGS = Number(process.env.NT86_DECODER_STRINGS ?? 200_000) / 2;
const REPORTED = 40;

/** Bytes that lead to more of the opcode maps than chance does. */
const OPENINGS = [[], [], [], [0x0f], [0x66], [0x66, 0x0f], [0xf2, 0x0f], [0xf3, 0x0f], [0x67], [0xf0], [0xf3]];

it.each([16, 32] as const)('agrees with iced-x86 on random bytes in %d-bit code', { timeout: 3_600_000 }, (mode) => {
  const random = new Random(0xdec0 + mode);
  const code = new Uint8Array(16);
  const differences: string[] = [];
  let count = 0;
  for (let round = 0; round < STRINGS; round++) {
    for (let at = 0; at < 16; at++) code[at] = random.bits() >>> 24;
    code.set(random.pick(OPENINGS));
    const difference = compareDecoders(code, mode);
    if (difference !== null && count++ < REPORTED) differences.push(difference);
  }
  expect(differences.join('\n'), `${count} differences`).toBe('');
});
