/**
 * The transcendental instructions against references of 512 bits: every result within one unit in the last place of its 64-bit
 * significand (SDM vol 1 section 8.3.10), angles reduced by pi as processors have it, rounded to 66 bits (8.3.8).
 */
import { describe, expect, it } from 'vitest';
import { FPU_STATUS } from '../../cpu/layout.js';
import {
  arcTangent,
  cosine,
  divide,
  FRACTION_BITS,
  inBase2,
  logarithmOfOnePlus,
  multiply,
  ONE,
  powerOfTwoMinusOne,
  sine,
} from './fixed-point.js';
import { type FloatMachine, freshMachine, fromHex, toHex } from './float-machine.js';

const BIAS = 16383;
const C2 = 0x400;
/** pi / 2 in units of 2^-65. */
const HALF_PI = 0x3_243f_6a88_85a3_08d3n;

/** An 80-bit number: significand of 64 bits with its top bit set, times 2^(exponent - 63). */
interface Extended {
  readonly negative: boolean;
  readonly exponent: number;
  readonly significand: bigint;
}

function encode({ negative, exponent, significand }: Extended): string {
  const bytes: number[] = [];
  for (let at = 0n; at < 64n; at += 8n) bytes.push(Number((significand >> at) & 0xffn));
  const word = (exponent + BIAS) | (negative ? 0x8000 : 0);
  return toHex([...bytes, word & 0xff, word >> 8]);
}

function decode(hex: string): Extended {
  const bytes = fromHex(hex);
  let significand = 0n;
  for (let at = 7; at >= 0; at--) significand = (significand << 8n) | BigInt(bytes[at]);
  const word = bytes[8] | (bytes[9] << 8);
  return { negative: word >= 0x8000, exponent: (word & 0x7fff) - BIAS, significand };
}

/** Exact, since nothing here has bits below 2^-512. */
function toFixed({ negative, exponent, significand }: Extended): bigint {
  const shift = FRACTION_BITS + BigInt(exponent - 63);
  const value = shift >= 0n ? significand << shift : significand >> -shift;
  return negative ? -value : value;
}

/** Units in the last place between a result and its reference. */
function unitsOff(result: Extended, reference: bigint): number {
  const size = reference < 0n ? -reference : reference;
  const unit = 1n << BigInt(Math.max(0, size.toString(2).length - 64));
  const distance = toFixed(result) - reference;
  return Number(((distance < 0n ? -distance : distance) * 1000n) / unit) / 1000;
}

function* numbers(count: number, exponents: readonly [number, number], signed: boolean): Generator<Extended> {
  let state = 0x1234_5678_9abc_def1n;
  const next = () => {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) & 0xffff_ffff_ffff_ffffn;
    return state;
  };
  const [low, high] = exponents;
  for (let index = 0; index < count; index++) {
    const random = next();
    const exponent = low + Number((next() >> 33n) % BigInt(high - low + 1));
    // Few bits, all bits and any bits in turn.
    const tail = index % 4 === 0 ? 0n : index % 4 === 1 ? (1n << 63n) - 1n : random >> 1n;
    yield { negative: signed && (random & 1n) !== 0n, exponent, significand: (1n << 63n) | tail };
  }
}

/** Executes with ST(0) = x and, if there is one, ST(1) = y; the machine afterwards. */
function execute(code: string, x: Extended, y?: Extended): FloatMachine {
  const machine = freshMachine();
  machine.setStack(0, encode(x));
  if (y !== undefined) machine.setStack(1, encode(y));
  machine.run(code);
  return machine;
}

const result = (machine: FloatMachine, index = 0) => decode(machine.stateBytes(machine.stackWord(index), 10));

interface Reduced {
  readonly angle: bigint;
  readonly quadrant: number;
}

/** The angle less the nearest multiple of the 66-bit pi / 2. */
function reduce(x: Extended): Reduced {
  const half = HALF_PI << (FRACTION_BITS - 65n);
  const value = toFixed(x);
  const size = value < 0n ? -value : value;
  const multiple = (size + half / 2n) / half;
  const angle = size - multiple * half;
  const quadrant = Number(multiple & 3n);
  return value < 0n ? { angle: -angle, quadrant: (4 - quadrant) & 3 } : { angle, quadrant };
}

function sineOf(x: Extended): bigint {
  const { angle, quadrant } = reduce(x);
  return [sine(angle), cosine(angle), -sine(angle), -cosine(angle)][quadrant];
}

function cosineOf(x: Extended): bigint {
  const { angle, quadrant } = reduce(x);
  return [cosine(angle), -sine(angle), -cosine(angle), sine(angle)][quadrant];
}

/** Fails for the first result that is more than a unit off. */
function check(what: string, x: Extended, got: Extended, reference: bigint): void {
  const off = unitsOff(got, reference);
  if (!(off <= 1)) expect.fail(`${what} of ${encode(x)}: ${encode(got)} is ${off} units off`);
}

/** Small, ordinary and huge angles, and those next to multiples of pi / 2. */
function* angles(): Generator<Extended> {
  yield* numbers(120, [-30, 3], true);
  yield* numbers(120, [4, 62], true);
  for (let multiple = 1n; multiple < 2n ** 60n; multiple = multiple * 3n + 1n) {
    const product = multiple * HALF_PI;
    const length = product.toString(2).length;
    const significand = product >> BigInt(length - 64);
    for (const near of [significand, significand + 1n])
      yield { negative: false, exponent: length - 66, significand: near };
  }
}

describe('trigonometric instructions', () => {
  it('FSIN and FCOS', () => {
    for (const x of angles()) {
      check('FSIN', x, result(execute('d9fe', x)), sineOf(x));
      check('FCOS', x, result(execute('d9ff', x)), cosineOf(x));
    }
  });

  it('FSINCOS gives both, FPTAN their ratio', () => {
    for (const x of angles()) {
      const both = execute('d9fb', x);
      check('FSINCOS, sine', x, result(both, 1), sineOf(x));
      check('FSINCOS, cosine', x, result(both, 0), cosineOf(x));
      check('FPTAN', x, result(execute('d9f2', x), 1), divide(sineOf(x), cosineOf(x)));
    }
  });

  it('from 2^63 on nothing happens but C2', () => {
    for (const x of numbers(20, [63, 16383], true)) {
      for (const code of ['d9fe', 'd9ff', 'd9fb', 'd9f2']) {
        const machine = execute(code, x);
        expect([machine.cpu.state[FPU_STATUS] & C2, encode(result(machine))]).toEqual([C2, encode(x)]);
      }
    }
  });

  it('FPATAN in all quadrants, for ratios of every size', () => {
    const others = numbers(160, [-50, 50], true);
    for (const x of numbers(160, [-50, 50], true)) {
      const y = {
        ...others.next().value,
        exponent: -x.exponent,
        negative: (x.significand & 0x100n) !== 0n,
      } as Extended;
      for (const [first, second] of [
        [x, y],
        [y, x],
        [x, { ...y, exponent: x.exponent }],
      ]) {
        check('FPATAN', first, result(execute('d9f3', first, second)), arcTangent(toFixed(second), toFixed(first)));
      }
    }
  });
});

describe('logarithms and powers', () => {
  const one: Extended = { negative: false, exponent: 0, significand: 1n << 63n };

  it('FYL2X: log2 by a factor, near 1 too', () => {
    const factors = numbers(400, [-40, 40], true);
    const near: Extended[] = [];
    for (let bit = 1n; bit < 60n; bit += 3n) {
      near.push({ negative: false, exponent: 0, significand: (1n << 63n) | (1n << bit) });
      near.push({ negative: false, exponent: -1, significand: (1n << 64n) - (1n << bit) });
    }
    for (const x of [...near, ...numbers(80, [-3, 3], false), ...numbers(80, [-16000, 16000], false)]) {
      const fraction = toFixed({ ...x, exponent: 0 }) - ONE;
      const logarithm = inBase2(logarithmOfOnePlus(fraction)) + BigInt(x.exponent) * ONE;
      check('FYL2X', x, result(execute('d9f1', x, one)), logarithm);
      const y = factors.next().value as Extended;
      check('FYL2X', x, result(execute('d9f1', x, y)), multiply(logarithm, toFixed(y)));
    }
  });

  it('FYL2XP1 within 1 - sqrt(2) / 2 of zero', () => {
    const factors = numbers(200, [-40, 40], true);
    const limit = { negative: false, exponent: -2, significand: 0x95f6_1998_0c43_36f7n };
    for (const x of [limit, { ...limit, negative: true }, ...numbers(180, [-60, -3], true)]) {
      const logarithm = inBase2(logarithmOfOnePlus(toFixed(x)));
      check('FYL2XP1', x, result(execute('d9f9', x, one)), logarithm);
      const y = factors.next().value as Extended;
      check('FYL2XP1', x, result(execute('d9f9', x, y)), multiply(logarithm, toFixed(y)));
    }
  });

  it('F2XM1 from -1 to 1', () => {
    for (const x of [one, { ...one, negative: true }, ...numbers(240, [-60, -1], true)]) {
      check('F2XM1', x, result(execute('d9f0', x)), powerOfTwoMinusOne(toFixed(x)));
    }
  });
});
