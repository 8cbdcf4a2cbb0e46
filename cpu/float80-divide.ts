/** Division, square root and partial remainder of 80-bit values; conventions as in float80.ts. */
import {
  copy80,
  denormalFlag,
  FLOAT_SCRATCH,
  invalid,
  isInfinity,
  isNan,
  isUnsupported,
  isZero,
  PRECISION_64,
  propagateNan,
  propagateNans,
  roundPack,
  setInfinity,
  setZero,
  ZERO_DIVIDE,
} from './float80.js';
import { multiplyHigh, normalise } from './float80-arithmetic.js';

const NORMALISED_A = FLOAT_SCRATCH + 8;
const NORMALISED_B = FLOAT_SCRATCH + 12;
/** Running remainder: low, middle, high word. */
const REMAINDER = FLOAT_SCRATCH + 16;

const TWO_32 = 4294967296;

/** out = a / b. @returns exception flags */
export function divide80(words: Int32Array, a: number, b: number, out: number, control: number): number {
  const aTop = words[a + 2];
  const bTop = words[b + 2];
  const aHigh = words[a + 1];
  const bHigh = words[b + 1];
  const aExponent = aTop & 0x7fff;
  const bExponent = bTop & 0x7fff;
  if ((aHigh & bHigh) >= 0 || ((aExponent + 1) & 0x7fff) <= 1 || ((bExponent + 1) & 0x7fff) <= 1) {
    return divideSpecial(words, a, b, out, control);
  }
  const sign = (aTop ^ bTop) & 0x8000;
  return divideFinite(words, out, sign, aExponent - bExponent, aHigh, words[a], bHigh, words[b], control);
}

/** @param exponents difference of the two exponents */
function divideFinite(
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
  let exponent = exponents + 0x3fff;
  if (isBelow(aHigh, aLow, bHigh, bLow)) {
    exponent--;
    words[REMAINDER + 2] = aHigh;
    words[REMAINDER + 1] = aLow;
    words[REMAINDER] = 0;
  } else {
    words[REMAINDER + 2] = (aHigh >>> 1) | 0;
    words[REMAINDER + 1] = (aLow >>> 1) | (aHigh << 31);
    words[REMAINDER] = aLow << 31;
  }
  const high = quotientDigit(words, bHigh, bLow, 0);
  const low = quotientDigit(words, bHigh, bLow, 0);
  const remainderHigh = words[REMAINDER + 2];
  const remainderLow = words[REMAINDER + 1];
  let rest = 0;
  if ((remainderHigh | remainderLow) !== 0) {
    // The half of an odd divisor is no integer: compare the doubled remainder instead.
    const doubledHigh = (remainderHigh << 1) | (remainderLow >>> 31);
    const doubledLow = remainderLow << 1;
    if (remainderHigh < 0 || !isBelow(doubledHigh, doubledLow, bHigh, bLow)) {
      rest = doubledHigh === bHigh && doubledLow === bLow ? -0x80000000 : -0x7fffffff;
    } else {
      rest = 1;
    }
  }
  return roundPack(words, out, sign, exponent, high, low, rest, control);
}

/** Unsigned 64-bit a < b. */
function isBelow(aHigh: number, aLow: number, bHigh: number, bLow: number): boolean {
  if (aHigh !== bHigh) return aHigh >>> 0 < bHigh >>> 0;
  return aLow >>> 0 < bLow >>> 0;
}

/**
 * One 32-bit digit of a long division: divides the three remainder words, of which the upper two are below the
 * normalised divisor, and leaves the new remainder in the upper two words with `next` as the lowest.
 */
function quotientDigit(words: Int32Array, bHigh: number, bLow: number, next: number): number {
  const top = (words[REMAINDER + 2] >>> 0) * TWO_32 + (words[REMAINDER + 1] >>> 0);
  const estimate = Math.floor((top * TWO_32 + (words[REMAINDER] >>> 0)) / ((bHigh >>> 0) * TWO_32 + (bLow >>> 0)));
  let digit = estimate >= TWO_32 ? -1 : estimate | 0;
  // The estimate is off by one at most: remainder -= digit * divisor, then put right.
  const low = Math.imul(digit, bLow);
  const lowCarry = multiplyHigh(digit, bLow);
  const middleProduct = Math.imul(digit, bHigh);
  const middle = (middleProduct + lowCarry) | 0;
  const carry = ((middleProduct & lowCarry) | ((middleProduct | lowCarry) & ~middle)) >>> 31;
  const high = (multiplyHigh(digit, bHigh) + carry) | 0;
  const start0 = words[REMAINDER];
  const start1 = words[REMAINDER + 1];
  let r0 = (start0 - low) | 0;
  const borrow0 = start0 >>> 0 < low >>> 0 ? 1 : 0;
  let r1 = (start1 - middle - borrow0) | 0;
  const borrow1 = ((~start1 & middle) | ((~start1 | middle) & r1)) >>> 31;
  let r2 = (words[REMAINDER + 2] - high - borrow1) | 0;
  while (r2 < 0) {
    digit = (digit - 1) | 0;
    const sum0 = (r0 + bLow) | 0;
    const carry0 = sum0 >>> 0 < r0 >>> 0 ? 1 : 0;
    const sum1 = (r1 + bHigh + carry0) | 0;
    r2 = (r2 + (((r1 & bHigh) | ((r1 | bHigh) & ~sum1)) >>> 31)) | 0;
    r0 = sum0;
    r1 = sum1;
  }
  while (r2 !== 0 || !isBelow(r1, r0, bHigh, bLow)) {
    digit = (digit + 1) | 0;
    const borrow = r0 >>> 0 < bLow >>> 0 ? 1 : 0;
    const difference = (r1 - bHigh - borrow) | 0;
    r2 = (r2 - (((~r1 & bHigh) | ((~r1 | bHigh) & difference)) >>> 31)) | 0;
    r0 = (r0 - bLow) | 0;
    r1 = difference;
  }
  words[REMAINDER + 2] = r1;
  words[REMAINDER + 1] = r0;
  words[REMAINDER] = next;
  return digit;
}

function divideSpecial(words: Int32Array, a: number, b: number, out: number, control: number): number {
  if (isUnsupported(words, a) || isUnsupported(words, b)) return invalid(words, out);
  if (isNan(words, a) || isNan(words, b)) return propagateNans(words, a, b, out);
  const sign = (words[a + 2] ^ words[b + 2]) & 0x8000;
  const flags = denormalFlag(words, a) | denormalFlag(words, b);
  if (isInfinity(words, a)) {
    if (isInfinity(words, b)) return invalid(words, out);
    setInfinity(words, out, sign);
    return flags;
  }
  if (isInfinity(words, b)) {
    setZero(words, out, sign);
    return flags;
  }
  if (isZero(words, b)) {
    if (isZero(words, a)) return invalid(words, out);
    setInfinity(words, out, sign);
    return ZERO_DIVIDE;
  }
  if (isZero(words, a)) {
    setZero(words, out, sign);
    return flags;
  }
  normalise(words, a, NORMALISED_A);
  normalise(words, b, NORMALISED_B);
  return (
    flags |
    divideFinite(
      words,
      out,
      sign,
      words[NORMALISED_A + 2] - words[NORMALISED_B + 2],
      words[NORMALISED_A + 1],
      words[NORMALISED_A],
      words[NORMALISED_B + 1],
      words[NORMALISED_B],
      control,
    )
  );
}

/** out = square root of a. @returns exception flags */
export function squareRoot80(words: Int32Array, a: number, out: number, control: number): number {
  if (isUnsupported(words, a)) return invalid(words, out);
  if (isNan(words, a)) return propagateNan(words, a, out);
  if (isZero(words, a)) {
    copy80(words, a, out);
    return 0;
  }
  if ((words[a + 2] & 0x8000) !== 0) return invalid(words, out);
  if (isInfinity(words, a)) {
    copy80(words, a, out);
    return 0;
  }
  const flags = denormalFlag(words, a);
  normalise(words, a, NORMALISED_A);
  const unbiased = words[NORMALISED_A + 2] - 0x3fff;
  const odd = unbiased & 1;
  const high = words[NORMALISED_A + 1];
  const low = words[NORMALISED_A];
  // The radicand is significand * 2^63 or 2^64, so that its root has exactly 64 bits.
  const n3 = odd ? high : (high >>> 1) | 0;
  const n2 = odd ? low : (low >>> 1) | (high << 31);
  const n1 = odd ? 0 : low << 31;
  let root1 = Math.floor(Math.sqrt((n3 >>> 0) * TWO_32 + (n2 >>> 0)));
  if (root1 >= TWO_32) root1 = TWO_32 - 1;
  let square = lowWords(n3, n2, root1);
  if (square < 0) square += 2 * --root1 + 1;
  // square = (n3:n2) - root1^2, at most 2 * root1: exact in a double.
  let root0 = Math.floor((square * TWO_32 + (n1 >>> 0)) / (2 * root1));
  if (root0 >= TWO_32) root0 = TWO_32 - 1;
  // remainder = (square * 2^32 + n1 - 2 * root1 * root0) * 2^32 - root0^2, as upper part and lower word
  let upper = remainderUpper(square, n1, root1, root0);
  const root0Word = root0 | 0;
  const squareLow = Math.imul(root0Word, root0Word);
  upper -= multiplyHigh(root0Word, root0Word) >>> 0;
  let lower = 0;
  if (squareLow !== 0) {
    upper -= 1;
    lower = TWO_32 - (squareLow >>> 0);
  }
  while (upper < 0) {
    root0--;
    // remainder += 2 * root + 1
    lower += 2 * root0 + 1;
    upper += 2 * root1;
    const carry = Math.floor(lower / TWO_32);
    upper += carry;
    lower -= carry * TWO_32;
  }
  for (;;) {
    // remainder > 2 * root: the root is one too small
    if (!exceeds(upper, lower, 2 * root1, 2 * root0)) break;
    lower -= 2 * root0 + 1;
    upper -= 2 * root1;
    const borrow = Math.floor(lower / TWO_32);
    upper += borrow;
    lower -= borrow * TWO_32;
    root0++;
  }
  let rest = 0;
  if (upper !== 0 || lower !== 0) rest = exceeds(upper, lower, root1, root0) ? -0x7fffffff : 1;
  const exponent = ((unbiased - odd) >> 1) + 0x3fff;
  return flags | roundPack(words, out, 0, exponent, root1 | 0, root0 | 0, rest, control);
}

/** upper * 2^32 + lower > rootHigh * 2^32 + rootLow; parts may exceed 32 bits. */
function exceeds(upper: number, lower: number, rootHigh: number, rootLow: number): boolean {
  const difference = upper - rootHigh;
  const carry = Math.floor(rootLow / TWO_32);
  if (difference !== carry) return difference > carry;
  return lower > rootLow - carry * TWO_32;
}

/** (high:low) - root * root, of which the magnitude is known to be below 2^52. */
function lowWords(high: number, low: number, root: number): number {
  const word = root | 0;
  const squareLow = Math.imul(word, word);
  const squareHigh = multiplyHigh(word, word);
  return ((high >>> 0) - (squareHigh >>> 0)) * TWO_32 + ((low >>> 0) - (squareLow >>> 0));
}

/** square * 2^32 + n1 - 2 * root1 * root0: operands to 2^65, the difference small and exact. */
function remainderUpper(square: number, n1: number, root1: number, root0: number): number {
  const root1Word = root1 | 0;
  const root0Word = root0 | 0;
  const productHigh = (multiplyHigh(root1Word, root0Word) >>> 0) * 2;
  const productLow = (Math.imul(root1Word, root0Word) >>> 0) * 2;
  return (square - productHigh) * TWO_32 + ((n1 >>> 0) - productLow);
}

/** Bits of remainder80's result above the exception flags. */
export const REMAINDER_INCOMPLETE = 1 << 16;
/** The three lowest bits of the quotient lie here. */
export const REMAINDER_QUOTIENT_SHIFT = 17;

/**
 * out = partial remainder of a / b (FPREM, or FPREM1 with the quotient rounded to nearest). One step reduces the
 * exponent difference by at most 63 (SDM volume 2, FPREM).
 * @returns exception flags, REMAINDER_INCOMPLETE, quotient bits
 */
export function remainder80(words: Int32Array, a: number, b: number, out: number, control: number, nearest: boolean) {
  if (isUnsupported(words, a) || isUnsupported(words, b)) return invalid(words, out);
  if (isNan(words, a) || isNan(words, b)) return propagateNans(words, a, b, out);
  if (isInfinity(words, a) || isZero(words, b)) return invalid(words, out);
  const flags = denormalFlag(words, a) | denormalFlag(words, b);
  const sign = words[a + 2] & 0x8000;
  if (isZero(words, a)) {
    setZero(words, out, sign);
    return flags;
  }
  const exact = (control & 0xff) | PRECISION_64;
  normalise(words, a, NORMALISED_A);
  const aExponent = words[NORMALISED_A + 2];
  if (isInfinity(words, b)) {
    return flags | roundPack(words, out, sign, aExponent, words[NORMALISED_A + 1], words[NORMALISED_A], 0, exact);
  }
  normalise(words, b, NORMALISED_B);
  const bHigh = words[NORMALISED_B + 1];
  const bLow = words[NORMALISED_B];
  const difference = aExponent - words[NORMALISED_B + 2];
  let high = words[NORMALISED_A + 1];
  let low = words[NORMALISED_A];
  if (difference < 0) {
    const rounds = nearest && difference === -1 && isBelow(bHigh, bLow, high, low);
    if (!rounds) return flags | roundPack(words, out, sign, aExponent, high, low, 0, exact);
    // Above half the divisor: the quotient is 1 and the result a - b, that is 2b - a with the other sign.
    const doubledHigh = (bHigh << 1) | (bLow >>> 31);
    const doubledLow = bLow << 1;
    const borrow = doubledLow >>> 0 < low >>> 0 ? 1 : 0;
    high = (doubledHigh - high - borrow) | 0;
    low = (doubledLow - low) | 0;
    return flags | (1 << REMAINDER_QUOTIENT_SHIFT) | packExact(words, out, sign ^ 0x8000, aExponent, high, low, exact);
  }
  const complete = difference < 64;
  const steps = complete ? difference : 32 | (difference & 31);
  let quotient = 0;
  let carry = 0;
  for (let step = steps; ; step--) {
    quotient <<= 1;
    if (carry !== 0 || !isBelow(high, low, bHigh, bLow)) {
      const borrow = low >>> 0 < bLow >>> 0 ? 1 : 0;
      high = (high - bHigh - borrow) | 0;
      low = (low - bLow) | 0;
      quotient |= 1;
    }
    if (step === 0) break;
    carry = high >>> 31;
    high = (high << 1) | (low >>> 31);
    low <<= 1;
  }
  const exponent = aExponent - steps;
  if (!complete) return flags | REMAINDER_INCOMPLETE | packExact(words, out, sign, exponent, high, low, exact);
  let resultSign = sign;
  if (nearest) {
    const doubledHigh = (high << 1) | (low >>> 31);
    const doubledLow = low << 1;
    const tie = high >= 0 && doubledHigh === bHigh && doubledLow === bLow;
    const above = high < 0 || isBelow(bHigh, bLow, doubledHigh, doubledLow);
    if (above || (tie && (quotient & 1) !== 0)) {
      const borrow = bLow >>> 0 < low >>> 0 ? 1 : 0;
      high = (bHigh - high - borrow) | 0;
      low = (bLow - low) | 0;
      resultSign ^= 0x8000;
      quotient++;
    }
  }
  const quotientBits = (quotient & 7) << REMAINDER_QUOTIENT_SHIFT;
  return flags | quotientBits | packExact(words, out, resultSign, exponent, high, low, exact);
}

/** Packs a significand that need not be normalised and may be zero. */
function packExact(
  words: Int32Array,
  out: number,
  sign: number,
  exponent: number,
  high: number,
  low: number,
  control: number,
): number {
  if ((high | low) === 0) {
    setZero(words, out, sign);
    return 0;
  }
  const count = high !== 0 ? Math.clz32(high) : 32 + Math.clz32(low);
  const top = count === 0 ? high : count < 32 ? (high << count) | (low >>> (32 - count)) : low << (count - 32);
  return roundPack(words, out, sign, exponent - count, top, count < 32 ? low << count : 0, 0, control);
}
