import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INVALID, PRECISION, ROUNDED_UP } from '../../cpu/float80.js';
import { add80, Comparison, compare80, multiply80 } from '../../cpu/float80-arithmetic.js';
import {
  fromDouble,
  fromInteger64,
  fromPackedDecimal,
  fromSingle,
  roundToInteger,
  toDouble,
  toInteger,
  toPackedDecimal,
  toSingle,
} from '../../cpu/float80-convert.js';
import { divide80, squareRoot80 } from '../../cpu/float80-divide.js';

const words = new Int32Array(0x1000);
const A = 16;
const B = 20;
const R = 24;
const OUT = 28;
/** Control words: 64-bit and 53-bit precision, round to nearest, everything masked. */
const EXTENDED = 0x37f;
const DOUBLE = 0x27f;

const bits = new DataView(new ArrayBuffer(8));

function put(value: number, at: number): void {
  bits.setFloat64(0, value, true);
  fromDouble(words, bits.getInt32(0, true), bits.getInt32(4, true), at);
}

function take(at: number, control = EXTENDED): number {
  toDouble(words, at, OUT, control);
  bits.setInt32(0, words[OUT], true);
  bits.setInt32(4, words[OUT + 1], true);
  return bits.getFloat64(0, true);
}

/** Doubles whose sums, products and quotients neither overflow nor underflow. */
const moderate = fc
  .tuple(
    fc.double({ min: 1, max: 2, noNaN: true, maxExcluded: true }),
    fc.integer({ min: -200, max: 200 }),
    fc.boolean(),
  )
  .map(([significand, exponent, negative]) => (negative ? -significand : significand) * 2 ** exponent);

describe('80-bit arithmetic at 53-bit precision is double arithmetic', () => {
  it('a + b, a - b, a * b, a / b', () => {
    fc.assert(
      fc.property(moderate, moderate, (a, b) => {
        put(a, A);
        put(b, B);
        add80(words, A, B, R, DOUBLE, 0);
        expect(take(R)).toBe(a + b);
        add80(words, A, B, R, DOUBLE, 0x8000);
        expect(take(R)).toBe(a - b);
        multiply80(words, A, B, R, DOUBLE);
        expect(take(R)).toBe(a * b);
        divide80(words, A, B, R, DOUBLE);
        expect(take(R)).toBe(a / b);
      }),
      { numRuns: 2000 },
    );
  });

  it('square root', () => {
    fc.assert(
      fc.property(moderate, (a) => {
        put(Math.abs(a), A);
        squareRoot80(words, A, R, DOUBLE);
        expect(take(R)).toBe(Math.sqrt(Math.abs(a)));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('80-bit arithmetic at 64-bit precision', () => {
  it('a quotient times its divisor, in integers, leaves a remainder below half a unit', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n << 63n, max: (1n << 64n) - 1n }),
        fc.bigInt({ min: 1n << 63n, max: (1n << 64n) - 1n }),
        (a, b) => {
          setSignificand(A, a);
          setSignificand(B, b);
          divide80(words, A, B, R, EXTENDED);
          const shift = a >= b ? 63n : 64n;
          const exact = (a << shift) * 2n;
          const quotient = significand(R) * (words[R + 2] === 0x3fff && a < b ? 2n : 1n);
          const error = exact - quotient * b * 2n;
          expect(error <= b && error >= -b).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('a product is the 128-bit product rounded to nearest even', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n << 63n, max: (1n << 64n) - 1n }),
        fc.bigInt({ min: 1n << 63n, max: (1n << 64n) - 1n }),
        (a, b) => {
          setSignificand(A, a);
          setSignificand(B, b);
          const flags = multiply80(words, A, B, R, EXTENDED);
          const product = a * b;
          const shift = product >> 127n === 1n ? 64n : 63n;
          const kept = product >> shift;
          const rest = product - (kept << shift);
          const half = 1n << (shift - 1n);
          const up = rest > half || (rest === half && (kept & 1n) === 1n);
          const rounded = up ? kept + 1n : kept;
          expect(significand(R)).toBe(rounded >> 64n === 1n ? 1n << 63n : rounded);
          expect(flags).toBe((rest !== 0n ? PRECISION : 0) | (up ? ROUNDED_UP : 0));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('a root lies within half a unit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n << 63n, max: (1n << 64n) - 1n }), (a) => {
        setSignificand(A, a);
        squareRoot80(words, A, R, EXTENDED);
        // 4 * a * 2^63 against (2 * root +- 1)^2
        const root = significand(R);
        const radicand = (a << 63n) * 4n;
        expect((2n * root - 1n) ** 2n <= radicand && radicand <= (2n * root + 1n) ** 2n).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

function setSignificand(at: number, value: bigint): void {
  words[at] = Number(BigInt.asIntN(32, value));
  words[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
  words[at + 2] = 0x3fff;
}

function significand(at: number): bigint {
  return (BigInt(words[at + 1] >>> 0) << 32n) | BigInt(words[at] >>> 0);
}

describe('conversions', () => {
  it('double -> 80 bits -> double is the identity', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (a) => {
        put(a, A);
        expect(Object.is(take(A), a)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('single -> 80 bits -> single is the identity', () => {
    fc.assert(
      fc.property(fc.integer(), (pattern) => {
        if ((pattern & 0x7fffffff) > 0x7f800000) return;
        fromSingle(words, pattern, A);
        toSingle(words, A, OUT, EXTENDED);
        expect(words[OUT]).toBe(pattern);
      }),
      { numRuns: 2000 },
    );
  });

  it('80 bits -> single rounds a double as Math.fround does', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (a) => {
        put(a, A);
        toSingle(words, A, OUT, EXTENDED);
        bits.setInt32(0, words[OUT], true);
        expect(Object.is(bits.getFloat32(0, true), Math.fround(a))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('every 64-bit integer goes there and back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), (value) => {
        fromInteger64(words, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)), A);
        expect(toInteger(words, A, OUT, 64, 0)).toBe(0);
        expect((BigInt(words[OUT + 1]) << 32n) | BigInt(words[OUT] >>> 0)).toBe(value);
      }),
      { numRuns: 1000 },
    );
  });

  it('18 decimal digits go there and back; 10^18 is invalid', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -999999999999999999n, max: 999999999999999999n }), (value) => {
        fromInteger64(words, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)), A);
        expect(toPackedDecimal(words, A, OUT, EXTENDED)).toBe(0);
        fromPackedDecimal(words, OUT, B);
        expect(compare80(words, A, B, true)).toBe(Comparison.Equal);
      }),
      { numRuns: 500 },
    );
    put(1e18, A);
    expect(toPackedDecimal(words, A, OUT, EXTENDED)).toBe(INVALID);
  });

  it('rounding to an integer follows the four modes', () => {
    const modes = [(x: number) => roundHalfEven(x), Math.floor, Math.ceil, Math.trunc];
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.integer({ min: 0, max: 3 }), (a, mode) => {
        put(a, A);
        roundToInteger(words, A, R, EXTENDED | (mode << 10));
        expect(take(R)).toBe(modes[mode](a));
      }),
      { numRuns: 1000 },
    );
  });
});

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
