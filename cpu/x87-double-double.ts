/**
 * Arithmetic on unevaluated sums of two doubles, about 106 bits, for the transcendental instructions. A value lies in
 * 16 bytes of the scratch area, named by byte offset: high part, low part. Nothing here is rounded by a control word, and
 * only + - * / of doubles are used, so that results are the same everywhere.
 */
import { roundPack } from './float80.js';
import { SCRATCH_OFFSET } from './layout.js';

/** First of the slots; SLOT_COUNT slots of 16 bytes follow. */
export const SLOTS = SCRATCH_OFFSET + 3072;
const EXPONENT_SLOT = SLOTS - 16;

/** Dekker's splitting constant, 2^27 + 1. */
const SPLITTER = 134217729;

export function high(view: DataView, a: number): number {
  return view.getFloat64(a, true);
}

export function low(view: DataView, a: number): number {
  return view.getFloat64(a + 8, true);
}

export function set(view: DataView, out: number, highPart: number, lowPart: number): void {
  view.setFloat64(out, highPart, true);
  view.setFloat64(out + 8, lowPart, true);
}

export function copy(view: DataView, out: number, a: number): void {
  set(view, out, high(view, a), low(view, a));
}

/** out = -a. */
export function negate(view: DataView, out: number, a: number): void {
  set(view, out, -high(view, a), -low(view, a));
}

/** Stores big + small, |big| >= |small|, as a normalised pair. */
function setSum(view: DataView, out: number, big: number, small: number): void {
  const sum = big + small;
  set(view, out, sum, small - (sum - big));
}

/** out = a + (bHigh, bLow). */
export function addPair(view: DataView, out: number, a: number, bHigh: number, bLow: number): void {
  const aHigh = high(view, a);
  const aLow = low(view, a);
  const sum = aHigh + bHigh;
  const back = sum - aHigh;
  let error = aHigh - (sum - back) + (bHigh - back);
  const lowSum = aLow + bLow;
  const lowBack = lowSum - aLow;
  const lowError = aLow - (lowSum - lowBack) + (bLow - lowBack);
  error += lowSum;
  const middle = sum + error;
  setSum(view, out, middle, error - (middle - sum) + lowError);
}

/** out = a + b. */
export function add(view: DataView, out: number, a: number, b: number): void {
  addPair(view, out, a, high(view, b), low(view, b));
}

/** out = a - b. */
export function subtract(view: DataView, out: number, a: number, b: number): void {
  addPair(view, out, a, -high(view, b), -low(view, b));
}

/** out = a * (bHigh, bLow). */
export function multiplyPair(view: DataView, out: number, a: number, bHigh: number, bLow: number): void {
  const aHigh = high(view, a);
  const product = aHigh * bHigh;
  let part = SPLITTER * aHigh;
  const aTop = part - (part - aHigh);
  const aBottom = aHigh - aTop;
  part = SPLITTER * bHigh;
  const bTop = part - (part - bHigh);
  const bBottom = bHigh - bTop;
  const error = aTop * bTop - product + aTop * bBottom + aBottom * bTop + aBottom * bBottom;
  setSum(view, out, product, error + (aHigh * bLow + low(view, a) * bHigh));
}

/** out = a * b. */
export function multiply(view: DataView, out: number, a: number, b: number): void {
  multiplyPair(view, out, a, high(view, b), low(view, b));
}

/** out = a * power, a power of two: exact. */
export function scaleBy(view: DataView, out: number, a: number, power: number): void {
  set(view, out, high(view, a) * power, low(view, a) * power);
}

/** out = a / b; `spare` is a slot for the remainder. */
export function divide(view: DataView, out: number, a: number, b: number, spare: number): void {
  const bHigh = high(view, b);
  const first = high(view, a) / bHigh;
  multiplyPair(view, spare, b, first, 0);
  addPair(view, spare, a, -high(view, spare), -low(view, spare));
  const second = high(view, spare) / bHigh;
  const remainderHigh = high(view, spare);
  const remainderLow = low(view, spare);
  multiplyPair(view, spare, b, second, 0);
  const third = (remainderHigh - high(view, spare) + (remainderLow - low(view, spare))) / bHigh;
  setSum(view, spare, first, second);
  addPair(view, out, spare, third, 0);
}

/** 2^exponent, -1022 <= exponent <= 1023. */
export function powerOfTwo(view: DataView, exponent: number): number {
  view.setInt32(EXPONENT_SLOT, 0, true);
  view.setInt32(EXPONENT_SLOT + 4, (exponent + 1023) << 20, true);
  return view.getFloat64(EXPONENT_SLOT, true);
}

/** Exponent of the high part, which is normal. */
export function exponentOf(view: DataView, a: number): number {
  return ((view.getInt32(a + 4, true) >>> 20) & 0x7ff) - 1023;
}

/** out = the unsigned 64-bit high:low, times `unit`, a power of two: exact. */
export function fromWords(view: DataView, out: number, highWord: number, lowWord: number, unit: number): void {
  setSum(view, out, (highWord >>> 0) * 4294967296 * unit, (lowWord >>> 0) * unit);
}

/**
 * Rounds the non-zero value a * 2^scale to 80 bits at `out` (a word index) as an inexact result.
 * @param sign 0x8000 turns the sign round
 * @returns exception flags
 */
export function toExtended(
  view: DataView,
  words: Int32Array,
  a: number,
  scale: number,
  sign: number,
  out: number,
  control: number,
): number {
  let top = high(view, a);
  let bottom = low(view, a);
  let resultSign = sign;
  if (top < 0) {
    top = -top;
    bottom = -bottom;
    resultSign ^= 0x8000;
  }
  view.setFloat64(EXPONENT_SLOT, top, true);
  const exponent = (view.getInt32(EXPONENT_SLOT + 4, true) >>> 20) - 1023;
  // To a significand in units of 2^-63: 32 bits, 32 bits, and the rest of the low part.
  const toUnits = powerOfTwo(view, 31 - exponent);
  const units = top * toUnits;
  let highWord = Math.floor(units);
  const tail = bottom * toUnits * 4294967296;
  const tailFloor = Math.floor(tail);
  let lowWord = (units - highWord) * 4294967296 + tailFloor;
  // A tail just below zero differs from its floor by less than one, but not as a double.
  const rest = Math.min(4294967295, Math.floor((tail - tailFloor) * 4294967296)) | 1;
  if (lowWord < 0) {
    lowWord += 4294967296;
    highWord--;
  } else if (lowWord >= 4294967296) {
    lowWord -= 4294967296;
    highWord++;
  }
  const h = highWord | 0;
  const l = lowWord | 0;
  const biased = exponent + scale + 0x3fff;
  if (h < 0) return roundPack(words, out, resultSign, biased, h, l, rest, control);
  return roundPack(
    words,
    out,
    resultSign,
    biased - 1,
    (h << 1) | (l >>> 31),
    (l << 1) | (rest >>> 31),
    (rest << 1) | 1,
    control,
  );
}
