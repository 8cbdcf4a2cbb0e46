/**
 * FSIN, FCOS, FSINCOS, FPTAN, FPATAN, F2XM1, FYL2X, FYL2XP1 (SDM volume 1, section 8.3.7): operand classes, argument
 * reduction and rounding; the mathematics is in x87-kernels.ts. As on hardware, arguments of the trigonometric
 * instructions are reduced by pi rounded to 66 bits, precision control is ignored and rounding control is obeyed.
 */
import type { Cpu } from './cpu.js';
import {
  copy80,
  denormalFlag,
  EXPONENT_BIAS,
  INVALID,
  invalid,
  isInfinity,
  isNan,
  isUnsupported,
  isZero,
  PRECISION,
  PRECISION_64,
  propagateNan,
  propagateNans,
  roundPack,
  set80,
  setInfinity,
  setZero,
  ZERO_DIVIDE,
} from './float80.js';
import { normalise } from './float80-arithmetic.js';
import { divide80 } from './float80-divide.js';
import type { Instruction } from './instruction.js';
import { FPU_CONTROL, FPU_STATUS } from './layout.js';
import {
  C1,
  C2,
  commit,
  isEmpty,
  OPERAND,
  pop,
  pushRegister,
  RESULT,
  recordPointers,
  registerOf,
  STACK_FAULT,
  takeExceptions,
  underflow,
  x87Ready,
} from './x87.js';
import { fromWords, high, negate, powerOfTwo, set, toExtended } from './x87-double-double.js';
import {
  arcTangentOfRatio,
  COSINE_RESULT,
  logarithmOf,
  logarithmOfOnePlus,
  logarithmOfSum,
  multiplyXByY,
  powerMinusOne,
  SINE_RESULT,
  sineAndCosine,
  supplement,
  tangentOf,
  timesLn2,
  timesLog2E,
  X,
  Y,
} from './x87-kernels.js';
import { PI_HIGH, PI_LOW } from './x87-tables.js';

/** Normalised operands: words of the form of float80, exponent without sign. */
const NORMAL_X = OPERAND + 8;
const NORMAL_Y = OPERAND + 12;
/** A second result. */
const SECOND = OPERAND + 16;

/** pi/2 in units of 2^-65, 66 bits. */
const HALF_PI_2 = 3;
const HALF_PI_1 = 0x243f6a88;
const HALF_PI_0 = 0x85a308d3 | 0;
const TWO_MINUS_65 = 2 ** -65;
/** Below this exponent the first term of every series is the result to more than 64 bits. */
const TINY_EXPONENT = EXPONENT_BIAS - 40;
/** Arguments of 2^63 and above are not reduced. */
const HUGE_EXPONENT = EXPONENT_BIAS + 63;

function extendedControl(state: Int32Array): number {
  return state[FPU_CONTROL] | PRECISION_64;
}

/** Significand of a normalised value as a number in [1, 2) at `slot`. */
function significandTo(cpu: Cpu, slot: number, normal: number): void {
  fromWords(cpu.view, slot, cpu.state[normal + 1], cpu.state[normal], 2 ** -63);
}

// --- trigonometric functions -----------------------------------------------------------------------------------------

/**
 * X = |a| reduced by multiples of the 66-bit pi/2 to at most pi/4 in magnitude, for normalised a with exponent below
 * HUGE_EXPONENT. @returns the multiple's lowest two bits
 */
function reduceAngle(cpu: Cpu, normal: number): number {
  const { state, view } = cpu;
  const exponent = state[normal + 2] - EXPONENT_BIAS;
  const significandHigh = state[normal + 1];
  const significandLow = state[normal];
  if (exponent < -1) {
    fromWords(view, X, significandHigh, significandLow, powerOfTwo(view, Math.max(exponent, -900) - 63));
    return 0;
  }
  const shift = exponent < 0 ? 1 : 2;
  let r2 = significandHigh >>> (32 - shift);
  let r1 = (significandHigh << shift) | (significandLow >>> (32 - shift));
  let r0 = significandLow << shift;
  let quotient = 0;
  for (let step = Math.max(exponent, 0); ; step--) {
    quotient <<= 1;
    if (!isBelowHalfPi(r2, r1, r0)) {
      const borrow0 = r0 >>> 0 < HALF_PI_0 >>> 0 ? 1 : 0;
      const difference = (r1 >>> 0) - HALF_PI_1 - borrow0;
      r2 = (r2 - HALF_PI_2 - (difference < 0 ? 1 : 0)) | 0;
      r1 = difference | 0;
      r0 = (r0 - HALF_PI_0) | 0;
      quotient |= 1;
    }
    if (step === 0) break;
    r2 = (r2 << 1) | (r1 >>> 31);
    r1 = (r1 << 1) | (r0 >>> 31);
    r0 <<= 1;
  }
  // Above pi/4: go on to the next multiple, from which the angle is negative.
  let negative = false;
  if (r2 >= 2 || (r2 === 1 && r1 >>> 0 >= 0x921fb544)) {
    const borrow0 = HALF_PI_0 >>> 0 < r0 >>> 0 ? 1 : 0;
    const difference = HALF_PI_1 - (r1 >>> 0) - borrow0;
    r2 = (HALF_PI_2 - r2 - (difference < 0 ? 1 : 0)) | 0;
    r1 = difference | 0;
    r0 = (HALF_PI_0 - r0) | 0;
    quotient++;
    negative = true;
  }
  // Three words do not fit two conversions: shift so that the upper two hold the leading bits.
  const upper = (r2 * 4294967296 + (r1 >>> 0)) * 4294967296 * TWO_MINUS_65;
  const lower = (r0 >>> 0) * TWO_MINUS_65;
  const sum = upper + lower;
  set(view, X, sum, lower - (sum - upper));
  if (negative) negate(view, X, X);
  return quotient & 3;
}

function isBelowHalfPi(r2: number, r1: number, r0: number): boolean {
  if (r2 !== HALF_PI_2) return r2 < HALF_PI_2;
  if (r1 !== HALF_PI_1) return r1 >>> 0 < HALF_PI_1;
  return r0 >>> 0 < HALF_PI_0 >>> 0;
}

/** Rounds `slot` times 2^scale, or a zero that is exact, to `out`. */
function roundSlot(cpu: Cpu, slot: number, scale: number, sign: number, out: number): number {
  const state = cpu.state;
  if (high(cpu.view, slot) === 0) {
    setZero(state, out, sign);
    return 0;
  }
  return PRECISION | toExtended(cpu.view, state, slot, scale, sign, out, extendedControl(state));
}

/** A value with the sign, less a vanishing part: sin x = x - x^3/6. */
function roundJustBelow(state: Int32Array, normal: number, sign: number, out: number): number {
  const highWord = state[normal + 1];
  const lowWord = state[normal];
  const control = extendedControl(state);
  const exponent = state[normal + 2];
  if (highWord === -0x80000000 && lowWord === 0) {
    return PRECISION | roundPack(state, out, sign, exponent - 1, -1, -1, -1, control);
  }
  const below = lowWord === 0 ? (highWord - 1) | 0 : highWord;
  return PRECISION | roundPack(state, out, sign, exponent, below, (lowWord - 1) | 0, -1, control);
}

/** As roundJustBelow for tan x = x + x^3/3. */
function roundJustAbove(state: Int32Array, normal: number, sign: number, out: number): number {
  return (
    PRECISION |
    roundPack(state, out, sign, state[normal + 2], state[normal + 1], state[normal], 1, extendedControl(state))
  );
}

/** Sine of the reduced angle, `quadrant` added, to `out`. */
function roundSine(cpu: Cpu, quadrant: number, sign: number, out: number): number {
  const slot = (quadrant & 1) !== 0 ? COSINE_RESULT : SINE_RESULT;
  return roundSlot(cpu, slot, 0, (quadrant & 2) !== 0 ? sign ^ 0x8000 : sign, out);
}

/** True when ST(0) is out of range for a trigonometric instruction: C2 is set and nothing else happens. */
function outOfRange(state: Int32Array, a: number): boolean {
  const exponent = state[a + 2] & 0x7fff;
  if (exponent < HUGE_EXPONENT || exponent === 0x7fff || isUnsupported(state, a)) return false;
  state[FPU_STATUS] = (state[FPU_STATUS] & ~C1) | C2;
  return true;
}

/** NaN, infinity or unsupported operand: RESULT and flags; -1 for every other operand. */
function notFinite(state: Int32Array, a: number): number {
  if (isUnsupported(state, a) || isInfinity(state, a)) return invalid(state, RESULT);
  return isNan(state, a) ? propagateNan(state, a, RESULT) : -1;
}

/** sin (or with `cosine` cos) of the value at `a`, finite and in range, to `out`. */
function sineOf(cpu: Cpu, a: number, cosine: boolean, out: number): number {
  const state = cpu.state;
  const sign = state[a + 2] & 0x8000;
  if (isZero(state, a)) {
    if (cosine) set80(state, out, 0, EXPONENT_BIAS, -0x80000000, 0);
    else setZero(state, out, sign);
    return 0;
  }
  const flags = denormalFlag(state, a);
  normalise(state, a, NORMAL_X);
  if (state[NORMAL_X + 2] < TINY_EXPONENT) {
    if (!cosine) return flags | roundJustBelow(state, NORMAL_X, sign, out);
    return flags | PRECISION | roundPack(state, out, 0, EXPONENT_BIAS - 1, -1, -1, -1, extendedControl(state));
  }
  const quadrant = reduceAngle(cpu, NORMAL_X);
  sineAndCosine(cpu.view);
  return flags | (cosine ? roundSine(cpu, quadrant + 1, 0, out) : roundSine(cpu, quadrant, sign, out));
}

function sineOrCosine(cpu: Cpu, instruction: Instruction, cosine: boolean): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (isEmpty(state, 0)) {
    state[FPU_STATUS] &= ~C2;
    underflow(state, 0);
    return true;
  }
  const a = registerOf(state, 0);
  if (outOfRange(state, a)) return true;
  state[FPU_STATUS] &= ~C2;
  const special = notFinite(state, a);
  commit(state, 0, special >= 0 ? special : sineOf(cpu, a, cosine, RESULT));
  return true;
}

/** FSIN. */
export function sine(cpu: Cpu, instruction: Instruction): boolean {
  return sineOrCosine(cpu, instruction, false);
}

/** FCOS. */
export function cosine(cpu: Cpu, instruction: Instruction): boolean {
  return sineOrCosine(cpu, instruction, true);
}

/** Prologue of FSINCOS and FPTAN. @returns word index of ST(0), or 0 when the instruction is done already */
function beginPushing(cpu: Cpu, instruction: Instruction): number {
  const state = cpu.state;
  recordPointers(cpu, instruction);
  const empty = isEmpty(state, 0);
  if (empty || !isEmpty(state, 7)) {
    state[FPU_STATUS] &= ~C2;
    if (takeExceptions(state, INVALID | STACK_FAULT | (empty ? 0 : C1)) !== 0) return 0;
    if (empty) underflow(state, 0);
    invalid(state, registerOf(state, 0));
    invalid(state, pushRegister(state));
    return 0;
  }
  const a = registerOf(state, 0);
  if (outOfRange(state, a)) return 0;
  state[FPU_STATUS] &= ~C2;
  return a;
}

/** FSINCOS: ST(0) becomes the sine, then the cosine is pushed. */
export function sineCosine(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  const a = beginPushing(cpu, instruction);
  if (a === 0) return true;
  let flags = notFinite(state, a);
  if (flags >= 0) copy80(state, RESULT, SECOND);
  else flags = sineOf(cpu, a, true, SECOND) | sineOf(cpu, a, false, RESULT);
  if (commit(state, 0, flags)) copy80(state, SECOND, pushRegister(state));
  return true;
}

/** FPTAN: ST(0) becomes the tangent, then 1.0 is pushed (the NaN again after a NaN). */
export function tangent(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  const a = beginPushing(cpu, instruction);
  if (a === 0) return true;
  let flags = notFinite(state, a);
  if (flags >= 0) {
    copy80(state, RESULT, SECOND);
  } else {
    flags = tangentValue(cpu, a);
    set80(state, SECOND, 0, EXPONENT_BIAS, -0x80000000, 0);
  }
  if (commit(state, 0, flags)) copy80(state, SECOND, pushRegister(state));
  return true;
}

function tangentValue(cpu: Cpu, a: number): number {
  const state = cpu.state;
  const sign = state[a + 2] & 0x8000;
  if (isZero(state, a)) {
    setZero(state, RESULT, sign);
    return 0;
  }
  const flags = denormalFlag(state, a);
  normalise(state, a, NORMAL_X);
  if (state[NORMAL_X + 2] < TINY_EXPONENT) return flags | roundJustAbove(state, NORMAL_X, sign, RESULT);
  const quadrant = reduceAngle(cpu, NORMAL_X);
  sineAndCosine(cpu.view);
  tangentOf(cpu.view, (quadrant & 1) !== 0);
  return flags | roundSlot(cpu, X, 0, sign, RESULT);
}

// --- two operands -----------------------------------------------------------------------------------------------------

/** Prologue of FPATAN, FYL2X, FYL2XP1: false when a register is empty and that has been dealt with. */
function beginPopping(cpu: Cpu, instruction: Instruction): boolean {
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (!isEmpty(state, 0) && !isEmpty(state, 1)) return true;
  if (underflow(state, 1)) pop(state);
  return false;
}

function finishPopping(state: Int32Array, flags: number): boolean {
  if (commit(state, 1, flags)) pop(state);
  return true;
}

/** FPATAN: ST(1) = angle of the point (ST(0), ST(1)), then pops. */
export function arcTangent(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  if (!beginPopping(cpu, instruction)) return true;
  const state = cpu.state;
  return finishPopping(state, arcTangentValue(cpu, registerOf(state, 1), registerOf(state, 0)));
}

/** Rounds `part` eighths of a turn, pi/4 each. */
function roundEighths(cpu: Cpu, part: number, sign: number): number {
  // Exact times 1, 2 and 4; three quarters of pi have their own low part.
  set(cpu.view, X, PI_HIGH, PI_LOW);
  if (part === 3) {
    set(cpu.view, Y, 0.75, 0);
    multiplyXByY(cpu.view);
    return roundSlot(cpu, X, 0, sign, RESULT);
  }
  return roundSlot(cpu, X, part === 4 ? 0 : part - 3, sign, RESULT);
}

function arcTangentValue(cpu: Cpu, y: number, x: number): number {
  const state = cpu.state;
  if (isUnsupported(state, y) || isUnsupported(state, x)) return invalid(state, RESULT);
  if (isNan(state, y) || isNan(state, x)) return propagateNans(state, x, y, RESULT);
  const sign = state[y + 2] & 0x8000;
  const left = (state[x + 2] & 0x8000) !== 0;
  const flags = denormalFlag(state, y) | denormalFlag(state, x);
  if (isInfinity(state, y)) return flags | roundEighths(cpu, isInfinity(state, x) ? (left ? 3 : 1) : 2, sign);
  if (isInfinity(state, x) || isZero(state, y)) {
    if (left) return flags | roundEighths(cpu, 4, sign);
    setZero(state, RESULT, sign);
    return flags;
  }
  if (isZero(state, x)) return flags | roundEighths(cpu, 2, sign);
  normalise(state, y, NORMAL_Y);
  normalise(state, x, NORMAL_X);
  const difference = state[NORMAL_Y + 2] - state[NORMAL_X + 2];
  if (difference < -40 && !left) return flags | smallRatio(state, y, x);
  // Beyond 150 bits one part cannot be seen in the other any more.
  const bounded = Math.max(-150, Math.min(150, difference));
  const view = cpu.view;
  significandTo(cpu, X, NORMAL_X);
  fromWords(view, Y, state[NORMAL_Y + 1], state[NORMAL_Y], powerOfTwo(view, bounded - 63));
  arcTangentOfRatio(view);
  if (left) supplement(view);
  return flags | roundSlot(cpu, Y, 0, sign, RESULT);
}

/** atan(y / x) = y / x - (y / x)^3 / 3 for a quotient below 2^-39: the quotient, rounded as just below. */
function smallRatio(state: Int32Array, y: number, x: number): number {
  const control = extendedControl(state);
  const exact = divide80(state, y, x, RESULT, control | 0x3f);
  if ((exact & PRECISION) !== 0 || isZero(state, RESULT)) {
    return divide80(state, y, x, RESULT, control) | PRECISION;
  }
  normalise(state, RESULT, NORMAL_X);
  return roundJustBelow(state, NORMAL_X, state[RESULT + 2] & 0x8000, RESULT);
}

/** FYL2X: ST(1) = ST(1) * log2(ST(0)), then pops. */
export function logarithm(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  if (!beginPopping(cpu, instruction)) return true;
  const state = cpu.state;
  return finishPopping(state, logarithmValue(cpu, registerOf(state, 1), registerOf(state, 0)));
}

function logarithmValue(cpu: Cpu, y: number, x: number): number {
  const state = cpu.state;
  if (isUnsupported(state, y) || isUnsupported(state, x)) return invalid(state, RESULT);
  if (isNan(state, y) || isNan(state, x)) return propagateNans(state, x, y, RESULT);
  const ySign = state[y + 2] & 0x8000;
  const flags = denormalFlag(state, y) | denormalFlag(state, x);
  if (isZero(state, x)) {
    if (isZero(state, y)) return invalid(state, RESULT);
    setInfinity(state, RESULT, ySign ^ 0x8000);
    return isInfinity(state, y) ? flags : ZERO_DIVIDE;
  }
  if ((state[x + 2] & 0x8000) !== 0) return invalid(state, RESULT);
  if (isInfinity(state, x)) {
    if (isZero(state, y)) return invalid(state, RESULT);
    setInfinity(state, RESULT, ySign);
    return flags;
  }
  const isOne = state[x + 2] === EXPONENT_BIAS && state[x + 1] === -0x80000000 && state[x] === 0;
  const below = (state[x + 2] & 0x7fff) < EXPONENT_BIAS;
  if (isInfinity(state, y)) {
    if (isOne) return invalid(state, RESULT);
    setInfinity(state, RESULT, below ? ySign ^ 0x8000 : ySign);
    return flags;
  }
  if (isZero(state, y) || isOne) {
    setZero(state, RESULT, below ? ySign ^ 0x8000 : ySign);
    return flags;
  }
  normalise(state, x, NORMAL_X);
  return flags | timesLogarithm(cpu, y, ySign);
}

/** RESULT = y * log2 of the value at NORMAL_X. */
function timesLogarithm(cpu: Cpu, y: number, ySign: number): number {
  const { state, view } = cpu;
  let exponent = state[NORMAL_X + 2] - EXPONENT_BIAS;
  // Significands from 1.40625 on belong to the next power of two, so that logarithms of numbers near 1 do not cancel.
  const halves = state[NORMAL_X + 1] >>> 0 > 0xb4000000;
  if (halves) exponent++;
  fromWords(view, X, state[NORMAL_X + 1], state[NORMAL_X], halves ? 2 ** -64 : 2 ** -63);
  logarithmOf(view, exponent);
  return timesY(cpu, y, ySign, 0);
}

/** RESULT = X * 2^scale * y. */
function timesY(cpu: Cpu, y: number, sign: number, scale: number): number {
  const state = cpu.state;
  normalise(state, y, NORMAL_Y);
  significandTo(cpu, Y, NORMAL_Y);
  multiplyXByY(cpu.view);
  return roundSlot(cpu, X, state[NORMAL_Y + 2] - EXPONENT_BIAS + scale, sign, RESULT);
}

/** FYL2XP1: ST(1) = ST(1) * log2(ST(0) + 1), then pops. */
export function logarithmPlusOne(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  if (!beginPopping(cpu, instruction)) return true;
  const state = cpu.state;
  return finishPopping(state, logarithmPlusOneValue(cpu, registerOf(state, 1), registerOf(state, 0)));
}

function logarithmPlusOneValue(cpu: Cpu, y: number, x: number): number {
  const state = cpu.state;
  if (isUnsupported(state, y) || isUnsupported(state, x)) return invalid(state, RESULT);
  if (isNan(state, y) || isNan(state, x)) return propagateNans(state, x, y, RESULT);
  const xSign = state[x + 2] & 0x8000;
  const ySign = state[y + 2] & 0x8000;
  const flags = denormalFlag(state, y) | denormalFlag(state, x);
  if (isZero(state, x)) {
    if (isInfinity(state, y)) return invalid(state, RESULT);
    setZero(state, RESULT, xSign ^ ySign);
    return flags;
  }
  if (isInfinity(state, x)) {
    if (isZero(state, y) || xSign !== 0) return invalid(state, RESULT);
    setInfinity(state, RESULT, ySign);
    return flags;
  }
  if (isInfinity(state, y)) {
    setInfinity(state, RESULT, xSign ^ ySign);
    return flags;
  }
  if (isZero(state, y)) {
    setZero(state, RESULT, xSign ^ ySign);
    return flags;
  }
  normalise(state, x, NORMAL_X);
  const exponent = state[NORMAL_X + 2] - EXPONENT_BIAS;
  const view = cpu.view;
  if (xSign !== 0 && exponent >= 0) {
    // No logarithm exists at and below -1: the processor hands back x and calls it inexact.
    copy80(state, x, RESULT);
    return flags | PRECISION;
  }
  if (exponent < -80) {
    significandTo(cpu, X, NORMAL_X);
    timesLog2E(view);
    return flags | timesY(cpu, y, xSign ^ ySign, exponent);
  }
  if (exponent >= 80) return flags | timesLogarithm(cpu, y, ySign);
  fromWords(view, X, state[NORMAL_X + 1], state[NORMAL_X], powerOfTwo(view, exponent - 63));
  if (xSign !== 0) negate(view, X, X);
  if (exponent < -2) logarithmOfOnePlus(view);
  else logarithmOfSum(view);
  return flags | timesY(cpu, y, ySign, 0);
}

/** F2XM1: ST(0) = 2^ST(0) - 1; a magnitude above 1 stays as it is. */
export function powerOfTwoMinusOne(cpu: Cpu, instruction: Instruction): boolean {
  if (!x87Ready(cpu)) return false;
  const state = cpu.state;
  recordPointers(cpu, instruction);
  if (isEmpty(state, 0)) underflow(state, 0);
  else commit(state, 0, powerValue(cpu, registerOf(state, 0)));
  return true;
}

function powerValue(cpu: Cpu, a: number): number {
  const state = cpu.state;
  if (isUnsupported(state, a)) return invalid(state, RESULT);
  if (isNan(state, a)) return propagateNan(state, a, RESULT);
  const sign = state[a + 2] & 0x8000;
  if (isInfinity(state, a)) {
    if (sign === 0) setInfinity(state, RESULT, 0);
    else set80(state, RESULT, 0x8000, EXPONENT_BIAS, -0x80000000, 0);
    return 0;
  }
  if (isZero(state, a)) {
    setZero(state, RESULT, sign);
    return 0;
  }
  const flags = denormalFlag(state, a);
  normalise(state, a, NORMAL_X);
  const exponent = state[NORMAL_X + 2] - EXPONENT_BIAS;
  const isOne = state[NORMAL_X + 1] === -0x80000000 && state[NORMAL_X] === 0;
  if (exponent > 0 || (exponent === 0 && !isOne)) {
    copy80(state, a, RESULT);
    return flags | PRECISION;
  }
  const view = cpu.view;
  if (exponent < -80) {
    significandTo(cpu, X, NORMAL_X);
    timesLn2(view);
    return flags | roundSlot(cpu, X, exponent, sign, RESULT);
  }
  if (exponent === 0) {
    set80(state, RESULT, sign, sign === 0 ? EXPONENT_BIAS : EXPONENT_BIAS - 1, -0x80000000, 0);
    return flags | PRECISION;
  }
  fromWords(view, X, state[NORMAL_X + 1], state[NORMAL_X], powerOfTwo(view, exponent - 63));
  if (sign !== 0) negate(view, X, X);
  powerMinusOne(view);
  return flags | roundSlot(cpu, X, 0, 0, RESULT);
}
