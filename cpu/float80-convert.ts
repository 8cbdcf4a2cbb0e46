/**
 * Conversions between the 80-bit format and memory formats: single, double, integers, packed decimal; rounding to an
 * integer. Conventions as in float80.ts; memory formats lie in words at `out`, low word first.
 */
import {
  copy80,
  DENORMAL,
  denormalFlag,
  FLOAT_SCRATCH,
  INVALID,
  invalid,
  isInfinity,
  isNan,
  isSignalling,
  isUnsupported,
  isZero,
  OVERFLOW,
  PRECISION,
  propagateNan,
  ROUNDED_UP,
  RoundingMode,
  roundsUp,
  set80,
  setZero,
  shiftRightHigh,
  shiftRightLow,
  shiftRightRest,
  UNDERFLOW,
} from './float80.js';
import { multiplyHigh, normalise } from './float80-arithmetic.js';

const NORMALISED = FLOAT_SCRATCH + 20;
const INTEGER = FLOAT_SCRATCH + 24;

/** Double -> 80 bits, exact; signalling NaNs stay signalling. @returns DENORMAL or 0 */
export function fromDouble(words: Int32Array, low: number, high: number, out: number): number {
  const exponent = (high >>> 20) & 0x7ff;
  const top = (high << 11) | (low >>> 21);
  if (((exponent + 1) & 0x7ff) > 1) {
    words[out] = low << 11;
    words[out + 1] = top | -0x80000000;
    words[out + 2] = ((high >>> 16) & 0x8000) | (exponent + 0x3c00);
    return 0;
  }
  const sign = (high >>> 16) & 0x8000;
  if (exponent !== 0) {
    set80(words, out, sign, 0x7fff, top | -0x80000000, low << 11);
    return 0;
  }
  if (((high & 0xfffff) | low) === 0) {
    setZero(words, out, sign);
    return 0;
  }
  normaliseInto(words, out, sign, 0x3c01, top & 0x7fffffff, low << 11);
  return DENORMAL;
}

/** Single -> 80 bits, exact; signalling NaNs stay signalling. @returns DENORMAL or 0 */
export function fromSingle(words: Int32Array, value: number, out: number): number {
  const exponent = (value >>> 23) & 0xff;
  const sign = (value >>> 16) & 0x8000;
  if (((exponent + 1) & 0xff) > 1) {
    words[out] = 0;
    words[out + 1] = (value << 8) | -0x80000000;
    words[out + 2] = sign | (exponent + 0x3f80);
    return 0;
  }
  if (exponent !== 0) {
    set80(words, out, sign, 0x7fff, (value << 8) | -0x80000000, 0);
    return 0;
  }
  if ((value & 0x7fffff) === 0) {
    setZero(words, out, sign);
    return 0;
  }
  normaliseInto(words, out, sign, 0x3f81, (value << 8) & 0x7fffffff, 0);
  return DENORMAL;
}

/** Writes high:low * 2^(exponent - 16383 - 63), not zero, normalised and within the exponent range. */
function normaliseInto(words: Int32Array, out: number, sign: number, exponent: number, high: number, low: number) {
  const count = high !== 0 ? Math.clz32(high) : 32 + Math.clz32(low);
  words[out + 1] = count === 0 ? high : count < 32 ? (high << count) | (low >>> (32 - count)) : low << (count - 32);
  words[out] = count < 32 ? low << count : 0;
  words[out + 2] = sign | (exponent - count);
}

/** Signed 64-bit integer -> 80 bits, exact. */
export function fromInteger64(words: Int32Array, low: number, high: number, out: number): void {
  if ((low | high) === 0) {
    setZero(words, out, 0);
    return;
  }
  if (high >= 0) {
    normaliseInto(words, out, 0, 0x3fff + 63, high, low);
    return;
  }
  normaliseInto(words, out, 0x8000, 0x3fff + 63, low === 0 ? -high | 0 : ~high, -low | 0);
}

/** Signed 32-bit integer -> 80 bits, exact. */
export function fromInteger32(words: Int32Array, value: number, out: number): void {
  if (value === 0) {
    setZero(words, out, 0);
    return;
  }
  const magnitude = value < 0 ? -value | 0 : value;
  const count = Math.clz32(magnitude);
  words[out] = 0;
  words[out + 1] = magnitude << count;
  words[out + 2] = (value < 0 ? 0x8000 : 0) | (0x3fff + 31 - count);
}

/**
 * 80 bits -> double as FST m64 does, rounded by the control word's mode.
 * With an unmasked overflow, underflow or invalid among the flags nothing may be stored.
 */
export function toDouble(words: Int32Array, a: number, out: number, control: number): number {
  const top = words[a + 2];
  const sign = (top & 0x8000) << 16;
  const exponent = (top & 0x7fff) - 0x3c00;
  const high = words[a + 1];
  const low = words[a];
  if (exponent > 0 && exponent < 0x7fe && high < 0) {
    const kept = (high << 21) | (low >>> 11);
    const keptHigh = sign | (exponent << 20) | ((high & 0x7fffffff) >>> 11);
    const rest = low << 21;
    if (rest === 0) {
      words[out] = kept;
      words[out + 1] = keptHigh;
      return 0;
    }
    if (!roundsUp((control >> 10) & 3, sign, rest, kept & 1)) {
      words[out] = kept;
      words[out + 1] = keptHigh;
      return PRECISION;
    }
    const rounded = (kept + 1) | 0;
    words[out] = rounded;
    words[out + 1] = rounded === 0 ? (keptHigh + 1) | 0 : keptHigh;
    return PRECISION | ROUNDED_UP;
  }
  return toDoubleSpecial(words, a, out, control, sign);
}

function toDoubleSpecial(words: Int32Array, a: number, out: number, control: number, sign: number): number {
  words[out] = 0;
  if (isUnsupported(words, a)) {
    words[out + 1] = -0x80000;
    return INVALID;
  }
  if (isNan(words, a)) {
    words[out] = (words[a + 1] << 21) | (words[a] >>> 11);
    words[out + 1] = sign | 0x7ff80000 | ((words[a + 1] & 0x7fffffff) >>> 11);
    return isSignalling(words, a) ? INVALID : 0;
  }
  if (isZero(words, a)) {
    words[out + 1] = sign;
    return 0;
  }
  if (isInfinity(words, a)) {
    words[out + 1] = sign | 0x7ff00000;
    return 0;
  }
  normalise(words, a, NORMALISED);
  const high = words[NORMALISED + 1];
  const low = words[NORMALISED];
  const exponent = words[NORMALISED + 2] - 0x3c00;
  const mode = (control >> 10) & 3;
  let flags = 0;
  let keptHigh = 0;
  let keptLow = 0;
  let rest = 0;
  if (exponent > 0) {
    keptHigh = Math.min(exponent, 0x7ff) * 0x100000 + ((high & 0x7fffffff) >>> 11);
    keptLow = (high << 21) | (low >>> 11);
    rest = low << 21;
  } else {
    const carries = high === -1 && (low | 0x7ff) === -1 && roundsUp(mode, sign, low << 21, 1);
    const tiny = exponent < 0 || !carries;
    const count = 12 - exponent;
    keptHigh = shiftRightHigh(high, count);
    keptLow = shiftRightLow(high, low, count);
    rest = shiftRightRest(high, low, 0, count);
    if (tiny && (rest !== 0 || (control & UNDERFLOW) === 0)) flags |= UNDERFLOW;
  }
  if (rest !== 0) {
    flags |= PRECISION;
    if (roundsUp(mode, sign, rest, keptLow & 1)) {
      flags |= ROUNDED_UP;
      keptLow = (keptLow + 1) | 0;
      if (keptLow === 0) keptHigh++;
    }
  }
  if (exponent > 0x7fe || keptHigh >= 0x7ff00000) {
    const infinite = overflowsToInfinity(mode, sign);
    words[out] = infinite ? 0 : -1;
    words[out + 1] = sign | (infinite ? 0x7ff00000 : 0x7fefffff);
    return OVERFLOW | PRECISION | (infinite ? ROUNDED_UP : 0);
  }
  words[out] = keptLow;
  words[out + 1] = sign | keptHigh;
  return flags;
}

function overflowsToInfinity(mode: number, sign: number): boolean {
  return mode === RoundingMode.Nearest || mode === (sign !== 0 ? RoundingMode.Down : RoundingMode.Up);
}

/** 80 bits -> single as FST m32 does; see toDouble. */
export function toSingle(words: Int32Array, a: number, out: number, control: number): number {
  const sign = (words[a + 2] & 0x8000) << 16;
  if (isUnsupported(words, a)) {
    words[out] = -0x400000;
    return INVALID;
  }
  if (isNan(words, a)) {
    words[out] = sign | 0x7fc00000 | ((words[a + 1] & 0x7fffffff) >>> 8);
    return isSignalling(words, a) ? INVALID : 0;
  }
  if (isZero(words, a)) {
    words[out] = sign;
    return 0;
  }
  if (isInfinity(words, a)) {
    words[out] = sign | 0x7f800000;
    return 0;
  }
  normalise(words, a, NORMALISED);
  const high = words[NORMALISED + 1];
  const low = words[NORMALISED];
  const exponent = words[NORMALISED + 2] - 0x3f80;
  const mode = (control >> 10) & 3;
  let flags = 0;
  let kept = 0;
  let rest = 0;
  if (exponent > 0) {
    kept = Math.min(exponent, 0xff) * 0x800000 + ((high & 0x7fffffff) >>> 8);
    rest = (high << 24) | (low !== 0 ? 1 : 0);
  } else {
    const carries = (high | 0xff) === -1 && roundsUp(mode, sign, (high << 24) | (low !== 0 ? 1 : 0), 1);
    const tiny = exponent < 0 || !carries;
    const count = 9 - exponent;
    kept = shiftRightHigh(high, count);
    rest = shiftRightLow(high, low, count) | (shiftRightRest(high, low, 0, count) !== 0 ? 1 : 0);
    if (tiny && (rest !== 0 || (control & UNDERFLOW) === 0)) flags |= UNDERFLOW;
  }
  if (rest !== 0) {
    flags |= PRECISION;
    if (roundsUp(mode, sign, rest, kept & 1)) {
      flags |= ROUNDED_UP;
      kept++;
    }
  }
  if (exponent > 0xfe || kept >= 0x7f800000) {
    const infinite = overflowsToInfinity(mode, sign);
    words[out] = sign | (infinite ? 0x7f800000 : 0x7f7fffff);
    return OVERFLOW | PRECISION | (infinite ? ROUNDED_UP : 0);
  }
  words[out] = sign | kept;
  return flags;
}

/** out = a rounded to an integer (FRNDINT). */
export function roundToInteger(words: Int32Array, a: number, out: number, control: number): number {
  if (isUnsupported(words, a)) return invalid(words, out);
  if (isNan(words, a)) return propagateNan(words, a, out);
  const exponent = words[a + 2] & 0x7fff;
  if (isZero(words, a) || exponent >= 0x3fff + 63) {
    copy80(words, a, out);
    return 0;
  }
  const sign = words[a + 2] & 0x8000;
  const flags = denormalFlag(words, a) | magnitudeToInteger(words, a, (control >> 10) & 3);
  const high = words[INTEGER + 1];
  const low = words[INTEGER];
  if ((high | low) === 0) setZero(words, out, sign);
  else normaliseInto(words, out, sign, 0x3fff + 63, high, low);
  return flags;
}

/** |a| < 2^64, rounded, at INTEGER as 64 bits; the sign only directs the rounding. @returns PRECISION, ROUNDED_UP */
function magnitudeToInteger(words: Int32Array, a: number, mode: number): number {
  const sign = words[a + 2] & 0x8000;
  const count = 0x3fff + 63 - (words[a + 2] & 0x7fff);
  const high = words[a + 1];
  const low = words[a];
  words[INTEGER + 1] = shiftRightHigh(high, count);
  words[INTEGER] = shiftRightLow(high, low, count);
  const rest = shiftRightRest(high, low, 0, count);
  if (rest === 0) return 0;
  if (!roundsUp(mode, sign, rest, words[INTEGER] & 1)) return PRECISION;
  words[INTEGER] = (words[INTEGER] + 1) | 0;
  if (words[INTEGER] === 0) words[INTEGER + 1] = (words[INTEGER + 1] + 1) | 0;
  return PRECISION | ROUNDED_UP;
}

/**
 * 80 bits -> signed integer of 16, 32 or 64 bits in the two words at `out`; the integer indefinite and INVALID when the
 * rounded value does not fit.
 * @param mode RoundingMode
 */
export function toInteger(words: Int32Array, a: number, out: number, bits: number, mode: number): number {
  const exponent = words[a + 2] & 0x7fff;
  if (exponent <= 0x3fff + 63 && !isUnsupported(words, a)) {
    const negative = (words[a + 2] & 0x8000) !== 0;
    const flags = magnitudeToInteger(words, a, mode);
    const high = words[INTEGER + 1];
    const low = words[INTEGER];
    if (fits(high, low, bits, negative)) {
      words[out] = negative ? -low | 0 : low;
      words[out + 1] = negative ? (low === 0 ? -high | 0 : ~high) : high;
      return flags;
    }
  }
  words[out] = bits === 16 ? -0x8000 : bits === 32 ? -0x80000000 : 0;
  words[out + 1] = bits === 64 ? -0x80000000 : -1;
  return INVALID;
}

function fits(high: number, low: number, bits: number, negative: boolean): boolean {
  if (bits === 64) return high >= 0 || (negative && high === -0x80000000 && low === 0);
  if (high !== 0) return false;
  return low >>> 0 < 2 ** (bits - 1) + (negative ? 1 : 0);
}

/** 10^18 - 1 as 64 bits. */
const DECIMAL_MAXIMUM_HIGH = 0x0de0b6b3;
const DECIMAL_MAXIMUM_LOW = 0xa763ffff;

/** 80 bits -> 18 packed decimal digits, ten bytes in the three words at `out` (FBSTP). */
export function toPackedDecimal(words: Int32Array, a: number, out: number, control: number): number {
  const sign = (words[a + 2] & 0x8000) >>> 8;
  const exponent = words[a + 2] & 0x7fff;
  let flags = INVALID;
  if (exponent <= 0x3fff + 63 && !isUnsupported(words, a)) flags = magnitudeToInteger(words, a, (control >> 10) & 3);
  let high = words[INTEGER + 1] >>> 0;
  let low = words[INTEGER] >>> 0;
  const tooLarge = high > DECIMAL_MAXIMUM_HIGH || (high === DECIMAL_MAXIMUM_HIGH && low > DECIMAL_MAXIMUM_LOW);
  if (flags === INVALID || tooLarge) {
    words[out] = 0;
    words[out + 1] = -0x40000000;
    words[out + 2] = 0xffff;
    return INVALID;
  }
  words[out] = 0;
  words[out + 1] = 0;
  words[out + 2] = sign << 8;
  for (let byte = 0; byte < 9; byte++) {
    const highQuotient = Math.floor(high / 100);
    const dividend = (high - highQuotient * 100) * 4294967296 + low;
    high = highQuotient;
    low = Math.floor(dividend / 100);
    const pair = dividend - low * 100;
    const digits = pair + 6 * Math.floor(pair / 10);
    words[out + (byte >> 2)] |= digits << ((byte & 3) * 8);
  }
  return flags;
}

/** 18 packed decimal digits, ten bytes in the three words at `from`, -> 80 bits, exact (FBLD). */
export function fromPackedDecimal(words: Int32Array, from: number, out: number): void {
  const sign = words[from + 2] & 0x8000;
  let high = 0;
  let low = 0;
  for (let byte = 8; byte >= 0; byte--) {
    const pair = (words[from + (byte >> 2)] >>> ((byte & 3) * 8)) & 0xff;
    const value = (pair >>> 4) * 10 + (pair & 15);
    const product = Math.imul(low, 100);
    const sum = (product + value) | 0;
    high = (Math.imul(high, 100) + multiplyHigh(low, 100) + (sum >>> 0 < product >>> 0 ? 1 : 0)) | 0;
    low = sum;
  }
  if ((high | low) === 0) {
    setZero(words, out, sign);
    return;
  }
  normaliseInto(words, out, sign, 0x3fff + 63, high, low);
}
