import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ARITHMETIC_FLAGS, arithmeticFlags, conditionHolds, setArithmeticFlags } from '../../cpu/flags.js';
import { EAX, EBX, EIP } from '../../cpu/layout.js';
import { CODE, flatMachine, place } from './flat-machine.js';

const C = 0x1;
const P = 0x4;
const A = 0x10;
const Z = 0x40;
const S = 0x80;
const O = 0x800;
const ALL = [C, P, A, Z, S, O];

/** Every combination of the six arithmetic flags. */
const combinations = Array.from({ length: 64 }, (_, choice) =>
  ALL.reduce((flags, bit, at) => flags | ((choice >> at) & 1 ? bit : 0), 0),
);

describe('lazy flags', () => {
  it('hold every combination of flags', () => {
    const state = new Int32Array(64);
    for (const flags of combinations) {
      setArithmeticFlags(state, flags);
      expect(arithmeticFlags(state)).toBe(flags);
    }
  });

  it('give the sixteen conditions as the SDM defines them', () => {
    const state = new Int32Array(64);
    const definitions: ((flags: number) => boolean)[] = [
      (flags) => (flags & O) !== 0,
      (flags) => (flags & C) !== 0,
      (flags) => (flags & Z) !== 0,
      (flags) => (flags & (C | Z)) !== 0,
      (flags) => (flags & S) !== 0,
      (flags) => (flags & P) !== 0,
      (flags) => ((flags & S) !== 0) !== ((flags & O) !== 0),
      (flags) => (flags & Z) !== 0 || ((flags & S) !== 0) !== ((flags & O) !== 0),
    ];
    for (const flags of combinations) {
      setArithmeticFlags(state, flags);
      definitions.forEach((definition, pair) => {
        expect(conditionHolds(state, pair * 2)).toBe(definition(flags));
        expect(conditionHolds(state, pair * 2 + 1)).toBe(!definition(flags));
      });
    }
  });
});

/** What the SDM says of left op right in `bits` bits, worked out with big integers. */
function model(operation: 'add' | 'sub', bits: number, left: number, right: number, carry: number) {
  const size = 1n << BigInt(bits);
  const wrap = (value: number) => BigInt(value >>> 0) % size;
  const signed = (value: bigint) => (value >= size / 2n ? value - size : value);
  const direction = operation === 'add' ? 1n : -1n;
  const [x, y, c] = [wrap(left), wrap(right), BigInt(carry)];
  const wide = x + direction * (y + c);
  const result = ((wide % size) + size) % size;
  const exact = signed(x) + direction * (signed(y) + c);
  const nibble = (x & 15n) + direction * ((y & 15n) + c);
  let ones = 0;
  for (let bit = 0n; bit < 8n; bit++) ones += Number((result >> bit) & 1n);
  let flags = 0;
  if (wide < 0n || wide >= size) flags |= C;
  if (ones % 2 === 0) flags |= P;
  if (nibble < 0n || nibble > 15n) flags |= A;
  if (result === 0n) flags |= Z;
  if (signed(result) < 0n) flags |= S;
  if (exact !== signed(result)) flags |= O;
  return { result, flags };
}

describe('additions and subtractions against big integers', () => {
  const cpu = flatMachine();
  const operand = fc.oneof(
    fc.integer(),
    fc.constantFrom(0, 1, -1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, -0x80000000),
  );
  const forms = [
    ['add', 0x00, false],
    ['add', 0x10, true],
    ['sub', 0x28, false],
    ['sub', 0x18, true],
  ] as const;
  for (const [operation, opcode, withCarry] of forms) {
    for (const bits of [8, 16, 32]) {
      it(`${withCarry ? (operation === 'add' ? 'adc' : 'sbb') : operation} in ${bits} bits`, () => {
        const byte = (opcode + (bits === 8 ? 0 : 1)).toString(16);
        place(cpu, CODE, `${bits === 16 ? '66 ' : ''}${byte} d8 cc`);
        fc.assert(
          fc.property(operand, operand, fc.boolean(), (left, right, carry) => {
            cpu.state[EAX] = left;
            cpu.state[EBX] = right;
            cpu.setEflags(carry ? C : 0);
            cpu.state[EIP] = CODE;
            cpu.run(10);
            const expected = model(operation, bits, left, right, withCarry && carry ? 1 : 0);
            const mask = bits === 32 ? 0xffffffff : (1 << bits) - 1;
            expect(BigInt((cpu.state[EAX] & mask) >>> 0)).toBe(expected.result);
            expect(cpu.getEflags() & ARITHMETIC_FLAGS).toBe(expected.flags);
          }),
          { numRuns: 300, seed: 1 },
        );
      });
    }
  }
});
