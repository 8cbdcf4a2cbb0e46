/**
 * The 80-bit extended format of the x87 (SDM volume 1, section 4.2) on 32-bit limbs: representation, rounding and
 * packing, NaN rules. A value is three consecutive words of the machine's linear memory, named by the index of the
 * first: significand low, significand high, sign (bit 15) and biased exponent.
 *
 * Arithmetic functions take the control word (rounding and precision control, masks), write their masked or biased
 * result to `out` and return the exceptions they raised as status-word bits, ROUNDED_UP (C1) included. They know
 * nothing of the register stack. See float80-arithmetic.ts, float80-divide.ts and float80-convert.ts.
 */
import { SCRATCH_OFFSET } from './layout.js';

export const INVALID = 0x01;
export const DENORMAL = 0x02;
export const ZERO_DIVIDE = 0x04;
export const OVERFLOW = 0x08;
export const UNDERFLOW = 0x10;
export const PRECISION = 0x20;
/** C1 of the status word: the last rounding increased the magnitude. */
export const ROUNDED_UP = 0x200;

/** Control word: 64-bit precision, nearest, everything masked. */
export const CONTROL_DEFAULT = 0x37f;
export const PRECISION_64 = 0x300;

export const RoundingMode = { Nearest: 0, Down: 1, Up: 2, Zero: 3 } as const;

/** Temporaries of the floating-point code: word index into the scratch page behind the operands' part. */
export const FLOAT_SCRATCH = (SCRATCH_OFFSET >> 2) + 512;

export const EXPONENT_BIAS = 0x3fff;
const EXPONENT_MAXIMUM = 0x7fff;
/** Unmasked overflow and underflow wrap the exponent by this much (SDM volume 1, section 8.5.4). */
const EXPONENT_WRAP = 24576;

/** True when the exponent says "finite, not zero" and the integer bit agrees. */
export function isNormal(words: Int32Array, a: number): boolean {
  const exponent = words[a + 2] & 0x7fff;
  return exponent !== 0 && exponent !== EXPONENT_MAXIMUM && words[a + 1] < 0;
}

/** Unnormals, pseudo-infinities and pseudo-NaNs: invalid operands since the 387. */
export function isUnsupported(words: Int32Array, a: number): boolean {
  return (words[a + 2] & 0x7fff) !== 0 && words[a + 1] >= 0;
}

/** Quiet or signalling; unsupported formats do not count. */
export function isNan(words: Int32Array, a: number): boolean {
  return (words[a + 2] & 0x7fff) === EXPONENT_MAXIMUM && words[a + 1] < 0 && !isInfinityPattern(words, a);
}

function isInfinityPattern(words: Int32Array, a: number): boolean {
  return words[a + 1] === -0x80000000 && words[a] === 0;
}

/** A NaN whose quiet bit is clear. */
export function isSignalling(words: Int32Array, a: number): boolean {
  return isNan(words, a) && (words[a + 1] & 0x40000000) === 0;
}

export function isInfinity(words: Int32Array, a: number): boolean {
  return (words[a + 2] & 0x7fff) === EXPONENT_MAXIMUM && isInfinityPattern(words, a);
}

export function isZero(words: Int32Array, a: number): boolean {
  return (words[a + 2] & 0x7fff) === 0 && (words[a] | words[a + 1]) === 0;
}

/** Denormal or pseudo-denormal: zero exponent, significand not zero. */
export function isDenormal(words: Int32Array, a: number): boolean {
  return (words[a + 2] & 0x7fff) === 0 && (words[a] | words[a + 1]) !== 0;
}

/** DENORMAL when the value is denormal, else 0. */
export function denormalFlag(words: Int32Array, a: number): number {
  return isDenormal(words, a) ? DENORMAL : 0;
}

export function copy80(words: Int32Array, from: number, to: number): void {
  words[to] = words[from];
  words[to + 1] = words[from + 1];
  words[to + 2] = words[from + 2];
}

export function set80(words: Int32Array, out: number, sign: number, exponent: number, high: number, low: number): void {
  words[out] = low;
  words[out + 1] = high;
  words[out + 2] = sign | exponent;
}

/** @param sign 0 or 0x8000 */
export function setZero(words: Int32Array, out: number, sign: number): void {
  set80(words, out, sign, 0, 0, 0);
}

/** @param sign 0 or 0x8000 */
export function setInfinity(words: Int32Array, out: number, sign: number): void {
  set80(words, out, sign, EXPONENT_MAXIMUM, -0x80000000, 0);
}

/** Writes the real indefinite and returns INVALID. */
export function invalid(words: Int32Array, out: number): number {
  set80(words, out, 0x8000, EXPONENT_MAXIMUM, -0x40000000, 0);
  return INVALID;
}

/** The result of a one-operand instruction whose operand is a NaN: the quieted operand. */
export function propagateNan(words: Int32Array, a: number, out: number): number {
  const flags = isSignalling(words, a) ? INVALID : 0;
  set80(words, out, words[a + 2], 0, words[a + 1] | 0x40000000, words[a]);
  return flags;
}

/**
 * The result of a two-operand instruction of which at least one operand is a NaN and none is unsupported: the quiet one
 * of a quiet and a signalling NaN, otherwise the larger significand (SDM volume 1, table 4-7).
 */
export function propagateNans(words: Int32Array, a: number, b: number, out: number): number {
  const aNan = isNan(words, a);
  const bNan = isNan(words, b);
  if (!aNan) return propagateNan(words, b, out);
  if (!bNan) return propagateNan(words, a, out);
  const aSignalling = isSignalling(words, a);
  const bSignalling = isSignalling(words, b);
  const flags = aSignalling || bSignalling ? INVALID : 0;
  const chosen = aSignalling === bSignalling ? largerNan(words, a, b) : aSignalling ? b : a;
  set80(words, out, words[chosen + 2], 0, words[chosen + 1] | 0x40000000, words[chosen]);
  return flags;
}

function largerNan(words: Int32Array, a: number, b: number): number {
  const high = (words[a + 1] >>> 0) - (words[b + 1] >>> 0);
  if (high !== 0) return high > 0 ? a : b;
  const low = (words[a] >>> 0) - (words[b] >>> 0);
  if (low !== 0) return low > 0 ? a : b;
  return (words[a + 2] & 0x8000) === 0 ? a : b;
}

/**
 * Whether discarding `rest` rounds the magnitude up.
 * @param mode RoundingMode
 * @param sign 0 or not 0 for negative
 * @param rest discarded part: bit 31 is the first discarded bit, all others are sticky
 * @param odd the lowest kept bit, 0 or not 0
 */
export function roundsUp(mode: number, sign: number, rest: number, odd: number): boolean {
  if (mode === RoundingMode.Nearest) return rest < 0 && (rest << 1 !== 0 || odd !== 0);
  if (rest === 0 || mode === RoundingMode.Zero) return false;
  return mode === RoundingMode.Down ? sign !== 0 : sign === 0;
}

/**
 * Rounds a normalised significand to the precision of the control word and writes the value.
 * @param sign 0 or 0x8000
 * @param exponent biased, any integer
 * @param high bit 31 set
 * @param rest discarded part as for roundsUp
 * @returns exception flags and ROUNDED_UP
 */
export function roundPack(
  words: Int32Array,
  out: number,
  sign: number,
  exponent: number,
  high: number,
  low: number,
  rest: number,
  control: number,
): number {
  if ((control & 0xf00) !== PRECISION_64 || exponent <= 0 || exponent >= 0x7ffe) {
    return roundPackGeneral(words, out, sign, exponent, high, low, rest, control);
  }
  if (rest === 0) {
    words[out] = low;
    words[out + 1] = high;
    words[out + 2] = sign | exponent;
    return 0;
  }
  if (rest > 0 || (rest === -0x80000000 && (low & 1) === 0)) {
    words[out] = low;
    words[out + 1] = high;
    words[out + 2] = sign | exponent;
    return PRECISION;
  }
  let roundedLow = (low + 1) | 0;
  let roundedHigh = high;
  let roundedExponent = exponent;
  if (roundedLow === 0) {
    roundedHigh = (high + 1) | 0;
    if (roundedHigh === 0) {
      roundedHigh = -0x80000000;
      roundedExponent = exponent + 1;
    }
  }
  roundedLow |= 0;
  words[out] = roundedLow;
  words[out + 1] = roundedHigh;
  words[out + 2] = sign | roundedExponent;
  return PRECISION | ROUNDED_UP;
}

/** Significand bits dropped by the control word's precision: 0, 11 or 40. */
function droppedBits(control: number): number {
  const precision = (control >> 8) & 3;
  if (precision === 2) return 11;
  return precision === 0 ? 40 : 0;
}

function roundPackGeneral(
  words: Int32Array,
  out: number,
  sign: number,
  startExponent: number,
  startHigh: number,
  startLow: number,
  startRest: number,
  control: number,
): number {
  const dropped = droppedBits(control);
  const mode = (control >> 10) & 3;
  let exponent = startExponent;
  let high = startHigh;
  let low = startLow;
  let rest = startRest;
  let flags = 0;
  let tiny = false;
  if (exponent <= 0) {
    tiny = exponent < 0 || !roundsToNextPower(mode, sign, high, low, rest, dropped);
    if (tiny && (control & UNDERFLOW) === 0) {
      flags |= UNDERFLOW;
      exponent += EXPONENT_WRAP;
      tiny = false;
      if (exponent <= 0) {
        // Only FSCALE gets beyond the wrapped range.
        setZero(words, out, sign);
        return UNDERFLOW | PRECISION;
      }
    }
  }
  const denormal = exponent <= 0;
  if (denormal) {
    const count = 1 - exponent;
    rest = shiftRightRest(high, low, rest, count);
    low = shiftRightLow(high, low, count);
    high = shiftRightHigh(high, count);
    exponent = 0;
  }
  if (dropped === 11) {
    rest = (low << 21) | (rest !== 0 ? 1 : 0);
    low &= ~0x7ff;
  } else if (dropped === 40) {
    rest = (high << 24) | ((low | rest) !== 0 ? 1 : 0);
    high &= ~0xff;
    low = 0;
  }
  if (rest !== 0) {
    flags |= PRECISION;
    if (tiny) flags |= UNDERFLOW;
    const odd = dropped === 40 ? high & 0x100 : dropped === 11 ? low & 0x800 : low & 1;
    if (roundsUp(mode, sign, rest, odd)) {
      flags |= ROUNDED_UP;
      let carry = 1;
      if (dropped !== 40) {
        low = (low + (dropped === 11 ? 0x800 : 1)) | 0;
        carry = low === 0 ? 1 : 0;
      }
      if (carry !== 0) {
        high = (high + (dropped === 40 ? 0x100 : 1)) | 0;
        if (high === 0) {
          high = -0x80000000;
          exponent++;
        }
      }
    }
  }
  if (denormal && high < 0) exponent = 1;
  if (exponent < EXPONENT_MAXIMUM) {
    words[out] = low;
    words[out + 1] = high;
    words[out + 2] = sign | exponent;
    return flags;
  }
  if ((control & OVERFLOW) === 0) {
    if (exponent - EXPONENT_WRAP >= EXPONENT_MAXIMUM)
      return overflowed(words, out, sign, RoundingMode.Nearest, dropped);
    set80(words, out, sign, exponent - EXPONENT_WRAP, high, low);
    return flags | OVERFLOW;
  }
  return overflowed(words, out, sign, mode, dropped);
}

function overflowed(words: Int32Array, out: number, sign: number, mode: number, dropped: number): number {
  if (mode === RoundingMode.Nearest || mode === (sign !== 0 ? RoundingMode.Down : RoundingMode.Up)) {
    setInfinity(words, out, sign);
    return OVERFLOW | PRECISION | ROUNDED_UP;
  }
  const high = dropped === 40 ? ~0xff : -1;
  const low = dropped === 40 ? 0 : dropped === 11 ? ~0x7ff : -1;
  set80(words, out, sign, EXPONENT_MAXIMUM - 1, high, low);
  return OVERFLOW | PRECISION;
}

/** Tininess is judged after rounding: would rounding with an unbounded exponent carry into the next power of two? */
function roundsToNextPower(mode: number, sign: number, high: number, low: number, rest: number, dropped: number) {
  if (dropped === 0) return high === -1 && low === -1 && roundsUp(mode, sign, rest, 1);
  const sticky = rest !== 0 ? 1 : 0;
  if (dropped === 11) return high === -1 && (low | 0x7ff) === -1 && roundsUp(mode, sign, (low << 21) | sticky, 1);
  return (high | 0xff) === -1 && roundsUp(mode, sign, (high << 24) | ((low | rest) !== 0 ? 1 : 0), 1);
}

/** High word of the 64-bit high:low shifted right by count >= 0. */
export function shiftRightHigh(high: number, count: number): number {
  return count < 32 ? (high >>> count) | 0 : 0;
}

/** Low word of the 64-bit high:low shifted right by count >= 0. */
export function shiftRightLow(high: number, low: number, count: number): number {
  if (count === 0) return low;
  if (count < 32) return (low >>> count) | (high << (32 - count));
  return count < 64 ? (high >>> (count - 32)) | 0 : 0;
}

/** The 32 bits behind high:low:rest shifted right by count >= 0; everything lost below is jammed into bit 0. */
export function shiftRightRest(high: number, low: number, rest: number, count: number): number {
  if (count === 0) return rest;
  if (count < 32) return (low << (32 - count)) | (rest >>> count) | (rest << (32 - count) !== 0 ? 1 : 0);
  if (count === 32) return low | (rest !== 0 ? 1 : 0);
  if (count < 64) {
    const shift = count - 32;
    return (low >>> shift) | (high << (32 - shift)) | (low << (32 - shift) !== 0 || rest !== 0 ? 1 : 0);
  }
  if (count === 64) return high | ((low | rest) !== 0 ? 1 : 0);
  if (count < 96) {
    const shift = count - 64;
    return (high >>> shift) | (high << (32 - shift) !== 0 || (low | rest) !== 0 ? 1 : 0);
  }
  return (high | low | rest) !== 0 ? 1 : 0;
}

/**
 * Normalises a finite non-zero value with zero exponent: writes its significand with the integer bit set to `out`
 * and `out` + 1, and the matching exponent (0 or negative, or 1) to `out` + 2 with the sign left out.
 */
export function normaliseDenormal(words: Int32Array, a: number, out: number): void {
  const high = words[a + 1];
  const low = words[a];
  const count = high !== 0 ? Math.clz32(high) : 32 + Math.clz32(low);
  words[out + 1] = count === 0 ? high : count < 32 ? (high << count) | (low >>> (32 - count)) : low << (count - 32);
  words[out] = count < 32 ? low << count : 0;
  words[out + 2] = 1 - count;
}
