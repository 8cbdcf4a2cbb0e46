/**
 * Addition, subtraction, multiplication and comparison of 80-bit values; conventions as in float80.ts.
 * The first lines of each function are the common case, both operands normal.
 */
import {
  DENORMAL,
  denormalFlag,
  FLOAT_SCRATCH,
  INVALID,
  invalid,
  isDenormal,
  isInfinity,
  isNan,
  isSignalling,
  isUnsupported,
  isZero,
  normaliseDenormal,
  propagateNans,
  roundPack,
  setInfinity,
  setZero,
} from './float80.js';

const NORMALISED_A = FLOAT_SCRATCH;
const NORMALISED_B = FLOAT_SCRATCH + 4;

/** out = a + b, or a - b when `negate` is 0x8000. @returns exception flags */
export function add80(words: Int32Array, a: number, b: number, out: number, control: number, negate: number): number {
  const aTop = words[a + 2];
  const bTop = words[b + 2] ^ negate;
  const aExponent = aTop & 0x7fff;
  const bExponent = bTop & 0x7fff;
  const aHigh = words[a + 1];
  const bHigh = words[b + 1];
  if ((aHigh & bHigh) >= 0 || ((aExponent + 1) & 0x7fff) <= 1 || ((bExponent + 1) & 0x7fff) <= 1) {
    return addSpecial(words, a, b, out, control, negate);
  }
  return addFinite(
    words,
    out,
    control,
    aTop & 0x8000,
    aExponent,
    aHigh,
    words[a],
    bTop & 0x8000,
    bExponent,
    bHigh,
    words[b],
  );
}

/** Sum of two normalised values; exponents may be out of range, signs are 0 or 0x8000. @returns exception flags */
export function addFinite(
  words: Int32Array,
  out: number,
  control: number,
  aSign: number,
  aExponent: number,
  aHigh: number,
  aLow: number,
  bSign: number,
  bExponent: number,
  bHigh: number,
  bLow: number,
): number {
  if (aExponent < bExponent) {
    return addOrdered(words, out, control, bSign, bExponent, bHigh, bLow, aSign, bExponent - aExponent, aHigh, aLow);
  }
  return addOrdered(words, out, control, aSign, aExponent, aHigh, aLow, bSign, aExponent - bExponent, bHigh, bLow);
}

/** a has the larger or the same exponent; `distance` is how much smaller that of b is. */
function addOrdered(
  words: Int32Array,
  out: number,
  control: number,
  aSign: number,
  aExponent: number,
  aHigh: number,
  aLow: number,
  bSign: number,
  distance: number,
  bStartHigh: number,
  bStartLow: number,
): number {
  let bHigh = bStartHigh;
  let bLow = bStartLow;
  let rest = 0;
  if (distance !== 0) {
    if (distance < 32) {
      const back = 32 - distance;
      rest = bLow << back;
      bLow = (bLow >>> distance) | (bHigh << back);
      bHigh = (bHigh >>> distance) | 0;
    } else if (distance < 64) {
      const shift = distance - 32;
      if (shift === 0) rest = bLow;
      else rest = (bLow >>> shift) | (bHigh << (32 - shift)) | (bLow << (32 - shift) !== 0 ? 1 : 0);
      bLow = (bHigh >>> shift) | 0;
      bHigh = 0;
    } else {
      if (distance === 64) {
        rest = bHigh | (bLow !== 0 ? 1 : 0);
      } else if (distance < 96) {
        const shift = distance - 64;
        rest = (bHigh >>> shift) | (((bHigh << (32 - shift)) | bLow) !== 0 ? 1 : 0);
      } else {
        rest = 1;
      }
      bLow = 0;
      bHigh = 0;
    }
  }
  if (aSign === bSign) {
    const low = (aLow + bLow) | 0;
    const carry = ((aLow & bLow) | ((aLow | bLow) & ~low)) >>> 31;
    const high = (aHigh + bHigh + carry) | 0;
    if (((aHigh & bHigh) | ((aHigh | bHigh) & ~high)) < 0) {
      rest = (rest >>> 1) | (rest & 1) | (low << 31);
      return roundPack(
        words,
        out,
        aSign,
        aExponent + 1,
        (high >>> 1) | -0x80000000,
        (low >>> 1) | (high << 31),
        rest,
        control,
      );
    }
    return roundPack(words, out, aSign, aExponent, high, low, rest, control);
  }
  let sign = aSign;
  let low = (aLow - bLow - (rest !== 0 ? 1 : 0)) | 0;
  const borrow = ((~aLow & bLow) | ((~aLow | bLow) & low)) >>> 31;
  let high = (aHigh - bHigh - borrow) | 0;
  if (distance === 0 && ((~aHigh & bHigh) | ((~aHigh | bHigh) & high)) < 0) {
    sign = bSign;
    high = low === 0 ? -high | 0 : ~high;
    low = -low | 0;
  }
  rest = -rest | 0;
  let exponent = aExponent;
  if (high === 0) {
    if (low === 0 && rest === 0) {
      setZero(words, out, ((control >> 10) & 3) === 1 ? 0x8000 : 0);
      return 0;
    }
    if (low === 0) {
      high = rest;
      low = 0;
      exponent -= 64;
    } else {
      high = low;
      low = rest;
      exponent -= 32;
    }
    rest = 0;
  }
  const count = Math.clz32(high);
  if (count !== 0) {
    const back = 32 - count;
    high = (high << count) | (low >>> back);
    low = (low << count) | (rest >>> back);
    rest <<= count;
    exponent -= count;
  }
  return roundPack(words, out, sign, exponent, high, low, rest, control);
}

function addSpecial(words: Int32Array, a: number, b: number, out: number, control: number, negate: number): number {
  if (isUnsupported(words, a) || isUnsupported(words, b)) return invalid(words, out);
  if (isNan(words, a) || isNan(words, b)) return propagateNans(words, a, b, out);
  const aSign = words[a + 2] & 0x8000;
  const bSign = (words[b + 2] ^ negate) & 0x8000;
  const flags = denormalFlag(words, a) | denormalFlag(words, b);
  if (isInfinity(words, a)) {
    if (isInfinity(words, b) && aSign !== bSign) return invalid(words, out);
    setInfinity(words, out, aSign);
    return flags;
  }
  if (isInfinity(words, b)) {
    setInfinity(words, out, bSign);
    return flags;
  }
  if (isZero(words, a) && isZero(words, b)) {
    setZero(words, out, aSign === bSign ? aSign : ((control >> 10) & 3) === 1 ? 0x8000 : 0);
    return 0;
  }
  if (isZero(words, a)) {
    normalise(words, b, NORMALISED_B);
    return (
      flags |
      roundPack(words, out, bSign, words[NORMALISED_B + 2], words[NORMALISED_B + 1], words[NORMALISED_B], 0, control)
    );
  }
  normalise(words, a, NORMALISED_A);
  const aExponent = words[NORMALISED_A + 2];
  const aHigh = words[NORMALISED_A + 1];
  const aLow = words[NORMALISED_A];
  if (isZero(words, b)) return flags | roundPack(words, out, aSign, aExponent, aHigh, aLow, 0, control);
  normalise(words, b, NORMALISED_B);
  return (
    flags |
    addFinite(
      words,
      out,
      control,
      aSign,
      aExponent,
      aHigh,
      aLow,
      bSign,
      words[NORMALISED_B + 2],
      words[NORMALISED_B + 1],
      words[NORMALISED_B],
    )
  );
}

/** Finite non-zero value -> normalised significand and signed exponent without sign at `out`. */
export function normalise(words: Int32Array, a: number, out: number): void {
  const exponent = words[a + 2] & 0x7fff;
  if (exponent === 0) {
    normaliseDenormal(words, a, out);
    return;
  }
  words[out] = words[a];
  words[out + 1] = words[a + 1];
  words[out + 2] = exponent;
}

/** High 32 bits of the unsigned product of two words. */
export function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const lowHigh = Math.imul(aLow, bHigh);
  const highLow = Math.imul(aHigh, bLow);
  const middle = (Math.imul(aLow, bLow) >>> 16) + (lowHigh & 0xffff) + (highLow & 0xffff);
  return (Math.imul(aHigh, bHigh) + (lowHigh >>> 16) + (highLow >>> 16) + (middle >>> 16)) | 0;
}

/** out = a * b. @returns exception flags */
export function multiply80(words: Int32Array, a: number, b: number, out: number, control: number): number {
  const aTop = words[a + 2];
  const bTop = words[b + 2];
  const aHigh = words[a + 1];
  const bHigh = words[b + 1];
  const aExponent = aTop & 0x7fff;
  const bExponent = bTop & 0x7fff;
  if ((aHigh & bHigh) >= 0 || ((aExponent + 1) & 0x7fff) <= 1 || ((bExponent + 1) & 0x7fff) <= 1) {
    return multiplySpecial(words, a, b, out, control);
  }
  const sign = (aTop ^ bTop) & 0x8000;
  return multiplyFinite(words, out, sign, aExponent + bExponent, aHigh, words[a], bHigh, words[b], control);
}

/**
 * Product of two normalised significands.
 * @param sign 0 or 0x8000
 * @param exponents sum of the two biased exponents
 * @returns exception flags
 */
export function multiplyFinite(
  words: Int32Array,
  out: number,
  sign: number,
  exponents: number,
  aHigh: number,
  aLow: number,
  bHigh: number,
  bLow: number,
  control: number,
): number {
  // Values that come from doubles or integers have empty low words more often than not.
  let product0 = 0;
  let product1 = 0;
  let product2 = Math.imul(aHigh, bHigh);
  let product3 = multiplyHigh(aHigh, bHigh);
  if (aLow !== 0) {
    product1 = Math.imul(aLow, bHigh);
    const high = multiplyHigh(aLow, bHigh);
    const sum = (product2 + high) | 0;
    product3 = (product3 + (((product2 & high) | ((product2 | high) & ~sum)) >>> 31)) | 0;
    product2 = sum;
  }
  if (bLow !== 0) {
    const crossLow = Math.imul(aHigh, bLow);
    const crossHigh = multiplyHigh(aHigh, bLow);
    const sum1 = (product1 + crossLow) | 0;
    const carry1 = ((product1 & crossLow) | ((product1 | crossLow) & ~sum1)) >>> 31;
    product1 = sum1;
    const sum2 = (product2 + crossHigh + carry1) | 0;
    product3 = (product3 + (((product2 & crossHigh) | ((product2 | crossHigh) & ~sum2)) >>> 31)) | 0;
    product2 = sum2;
    if (aLow !== 0) {
      product0 = Math.imul(aLow, bLow);
      const high = multiplyHigh(aLow, bLow);
      const sum = (product1 + high) | 0;
      if (((product1 & high) | ((product1 | high) & ~sum)) < 0) {
        product2 = (product2 + 1) | 0;
        if (product2 === 0) product3 = (product3 + 1) | 0;
      }
      product1 = sum;
    }
  }
  let exponent = exponents - 0x3ffe;
  let rest = product1 | (product0 !== 0 ? 1 : 0);
  if (product3 >= 0) {
    product3 = (product3 << 1) | (product2 >>> 31);
    product2 = (product2 << 1) | (product1 >>> 31);
    rest = (product1 << 1) | (product0 !== 0 ? 1 : 0);
    exponent--;
  }
  return roundPack(words, out, sign, exponent, product3, product2, rest, control);
}

function multiplySpecial(words: Int32Array, a: number, b: number, out: number, control: number): number {
  if (isUnsupported(words, a) || isUnsupported(words, b)) return invalid(words, out);
  if (isNan(words, a) || isNan(words, b)) return propagateNans(words, a, b, out);
  const sign = (words[a + 2] ^ words[b + 2]) & 0x8000;
  const flags = denormalFlag(words, a) | denormalFlag(words, b);
  if (isInfinity(words, a) || isInfinity(words, b)) {
    if (isZero(words, a) || isZero(words, b)) return invalid(words, out);
    setInfinity(words, out, sign);
    return flags;
  }
  if (isZero(words, a) || isZero(words, b)) {
    setZero(words, out, sign);
    return flags;
  }
  normalise(words, a, NORMALISED_A);
  normalise(words, b, NORMALISED_B);
  return (
    flags |
    multiplyFinite(
      words,
      out,
      sign,
      words[NORMALISED_A + 2] + words[NORMALISED_B + 2],
      words[NORMALISED_A + 1],
      words[NORMALISED_A],
      words[NORMALISED_B + 1],
      words[NORMALISED_B],
      control,
    )
  );
}

export const Comparison = { Greater: 0, Less: 1, Equal: 2, Unordered: 3 } as const;

/**
 * Compares two values as FCOM and FUCOM do.
 * @param quiet true: quiet NaNs are no invalid operands (FUCOM)
 * @returns Comparison in bits 0-1; exception flags in bits 8 and up
 */
export function compare80(words: Int32Array, a: number, b: number, quiet: boolean): number {
  if (isUnsupported(words, a) || isUnsupported(words, b)) return Comparison.Unordered | (INVALID << 8);
  if (isNan(words, a) || isNan(words, b)) {
    const raises = !quiet || isSignalling(words, a) || isSignalling(words, b);
    return Comparison.Unordered | (raises ? INVALID << 8 : 0);
  }
  const flags = (isDenormal(words, a) || isDenormal(words, b) ? DENORMAL : 0) << 8;
  const aTop = words[a + 2];
  const bTop = words[b + 2];
  if (isZero(words, a) && isZero(words, b)) return Comparison.Equal | flags;
  if (((aTop ^ bTop) & 0x8000) !== 0) return ((aTop & 0x8000) !== 0 ? Comparison.Less : Comparison.Greater) | flags;
  const order = compareMagnitudes(words, a, b);
  if (order === 0) return Comparison.Equal | flags;
  return (order > 0 === ((aTop & 0x8000) === 0) ? Comparison.Greater : Comparison.Less) | flags;
}

/** Negative, zero or positive; a pseudo-denormal equals the normal number of exponent 1. */
function compareMagnitudes(words: Int32Array, a: number, b: number): number {
  const aHigh = words[a + 1];
  const bHigh = words[b + 1];
  const aExponent = words[a + 2] & 0x7fff || (aHigh < 0 ? 1 : 0);
  const bExponent = words[b + 2] & 0x7fff || (bHigh < 0 ? 1 : 0);
  if (aExponent !== bExponent) return aExponent - bExponent;
  if (aHigh !== bHigh) return (aHigh >>> 0) - (bHigh >>> 0);
  return (words[a] >>> 0) - (words[b] >>> 0);
}
