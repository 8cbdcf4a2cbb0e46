/**
 * The mathematics of the transcendental instructions on pairs of doubles (see x87-double-double.ts): relative error
 * below 2^-75, so that results rounded to 64 bits are correctly rounded but for about one in a thousand. Argument
 * reduction by tables, then series whose first terms are pairs and whose later ones are plain doubles.
 */
import {
  add,
  addPair,
  copy,
  divide,
  exponentOf,
  high,
  multiply,
  multiplyPair,
  negate,
  powerOfTwo,
  SLOTS,
  scaleBy,
  set,
  subtract,
} from './x87-double-double.js';
import {
  ARC_TANGENTS,
  COSINE,
  EXPONENTIAL,
  LN_2_HIGH,
  LN_2_LOW,
  LOG2_E_HIGH,
  LOG2_E_LOW,
  LOGARITHMS,
  ODD_RECIPROCALS,
  PI_HIGH,
  PI_LOW,
  POWERS,
  SINE,
  TWO_OVER_LN_2_HIGH,
  TWO_OVER_LN_2_LOW,
} from './x87-tables.js';

/** Slots that the callers use for arguments and results. */
export const X = SLOTS;
export const Y = SLOTS + 16;
export const SINE_RESULT = SLOTS + 32;
export const COSINE_RESULT = SLOTS + 48;
/** Slots of the kernels. */
const SQUARE = SLOTS + 64;
const SUM = SLOTS + 80;
const TERM = SLOTS + 96;
const RATIO = SLOTS + 112;
const SPARE = SLOTS + 128;

const FIRST_LOGARITHM = 22;

/**
 * SUM = c[0] + z * (c[1] + z * (...)), z at SQUARE: the first `pairs` coefficients as pairs, the others up to `count`
 * in doubles.
 */
function polynomial(view: DataView, coefficients: readonly number[], pairs: number, count: number): void {
  const z = high(view, SQUARE);
  let tail = coefficients[2 * (count - 1)];
  for (let k = count - 2; k >= pairs; k--) tail = coefficients[2 * k] + z * tail;
  set(view, SUM, tail, 0);
  for (let k = pairs - 1; k >= 0; k--) {
    multiply(view, SUM, SUM, SQUARE);
    addPair(view, SUM, SUM, coefficients[2 * k], coefficients[2 * k + 1]);
  }
}

/** SINE_RESULT = sin X, COSINE_RESULT = cos X for |X| <= pi/4. */
export function sineAndCosine(view: DataView): void {
  multiply(view, SQUARE, X, X);
  polynomial(view, SINE, 4, 12);
  multiply(view, SUM, SUM, SQUARE);
  multiply(view, SUM, SUM, X);
  add(view, SINE_RESULT, X, SUM);
  polynomial(view, COSINE, 5, 12);
  multiply(view, SUM, SUM, SQUARE);
  addPair(view, COSINE_RESULT, SUM, 1, 0);
}

/** Y = atan(Y / X) for X > 0, Y >= 0, neither further than 2^200 from 1. */
export function arcTangentOfRatio(view: DataView): void {
  const inverted = high(view, Y) > high(view, X);
  if (inverted) {
    copy(view, TERM, X);
    copy(view, X, Y);
    copy(view, Y, TERM);
  }
  const index = Math.round((high(view, Y) / high(view, X)) * 32);
  const center = index / 32;
  // t = (y - c x) / (x + c y), atan(y / x) = atan(c) + atan(t)
  multiplyPair(view, TERM, X, center, 0);
  subtract(view, RATIO, Y, TERM);
  multiplyPair(view, TERM, Y, center, 0);
  add(view, TERM, X, TERM);
  divide(view, RATIO, RATIO, TERM, SPARE);
  multiply(view, SQUARE, RATIO, RATIO);
  negate(view, SQUARE, SQUARE);
  polynomial(view, ODD_RECIPROCALS, 2, 8);
  multiply(view, SUM, SUM, SQUARE);
  multiply(view, SUM, SUM, RATIO);
  add(view, Y, RATIO, SUM);
  if (index !== 0) addPair(view, Y, Y, ARC_TANGENTS[2 * index], ARC_TANGENTS[2 * index + 1]);
  if (!inverted) return;
  negate(view, Y, Y);
  addPair(view, Y, Y, PI_HIGH / 2, PI_LOW / 2);
}

/** Y = pi - Y. */
export function supplement(view: DataView): void {
  negate(view, Y, Y);
  addPair(view, Y, Y, PI_HIGH, PI_LOW);
}

/** X = log2(X) + exponent, for X in [0.7, 1.42]. */
export function logarithmOf(view: DataView, exponent: number): void {
  const index = Math.round(high(view, X) * 32);
  const center = index / 32;
  addPair(view, RATIO, X, -center, 0);
  addPair(view, TERM, X, center, 0);
  divide(view, RATIO, RATIO, TERM, SPARE);
  finishLogarithm(view, index, exponent);
}

/** X = log2(1 + X), for X in (-0.3, 0.42). */
export function logarithmOfOnePlus(view: DataView): void {
  const index = Math.round((1 + high(view, X)) * 32);
  addPair(view, RATIO, X, 1 - index / 32, 0);
  addPair(view, TERM, X, 1 + index / 32, 0);
  divide(view, RATIO, RATIO, TERM, SPARE);
  finishLogarithm(view, index, 0);
}

/** X = log2(1 + X), for X above -1, not vanishing beside 1 and below 2^100. */
export function logarithmOfSum(view: DataView): void {
  addPair(view, X, X, 1, 0);
  let exponent = exponentOf(view, X);
  if (high(view, X) > 1.40625 * powerOfTwo(view, exponent)) exponent++;
  scaleBy(view, X, X, powerOfTwo(view, -exponent));
  logarithmOf(view, exponent);
}

/** X = exponent + log2(index / 32) + 2 / ln 2 * atanh(RATIO). */
function finishLogarithm(view: DataView, index: number, exponent: number): void {
  multiply(view, SQUARE, RATIO, RATIO);
  polynomial(view, ODD_RECIPROCALS, 2, 8);
  multiply(view, SUM, SUM, SQUARE);
  multiply(view, SUM, SUM, RATIO);
  add(view, SUM, RATIO, SUM);
  multiplyPair(view, X, SUM, TWO_OVER_LN_2_HIGH, TWO_OVER_LN_2_LOW);
  if (index === 32 && exponent === 0) return;
  const entry = 2 * (index - FIRST_LOGARITHM);
  set(view, TERM, exponent, 0);
  addPair(view, TERM, TERM, LOGARITHMS[entry], LOGARITHMS[entry + 1]);
  add(view, X, X, TERM);
}

/** X = X / ln 2: log2(1 + X) of a vanishing X. */
export function timesLog2E(view: DataView): void {
  multiplyPair(view, X, X, LOG2_E_HIGH, LOG2_E_LOW);
}

/** X = X * ln 2: 2^X - 1 of a vanishing X. */
export function timesLn2(view: DataView): void {
  multiplyPair(view, X, X, LN_2_HIGH, LN_2_LOW);
}

/** X = 2^X - 1, for |X| <= 1. */
export function powerMinusOne(view: DataView): void {
  const index = Math.round(high(view, X) * 32);
  addPair(view, X, X, -index / 32, 0);
  multiplyPair(view, SQUARE, X, LN_2_HIGH, LN_2_LOW);
  // e^t - 1 = t + t * t * (1/2! + t/3! + ...), t at SQUARE
  polynomial(view, EXPONENTIAL, 4, 11);
  multiply(view, SUM, SUM, SQUARE);
  multiply(view, SUM, SUM, SQUARE);
  add(view, X, SQUARE, SUM);
  if (index === 0) return;
  const entry = 2 * (index < 0 ? index + 32 : index);
  set(view, TERM, POWERS[entry], POWERS[entry + 1]);
  if (index < 0) scaleBy(view, TERM, TERM, 0.5);
  multiply(view, X, X, TERM);
  addPair(view, TERM, TERM, -1, 0);
  add(view, X, X, TERM);
}

/** X = SINE_RESULT / COSINE_RESULT, or with `inverted` -COSINE_RESULT / SINE_RESULT. */
export function tangentOf(view: DataView, inverted: boolean): void {
  if (!inverted) {
    divide(view, X, SINE_RESULT, COSINE_RESULT, SPARE);
    return;
  }
  divide(view, X, COSINE_RESULT, SINE_RESULT, SPARE);
  negate(view, X, X);
}

/** X = X * Y. */
export function multiplyXByY(view: DataView): void {
  multiply(view, X, X, Y);
}
