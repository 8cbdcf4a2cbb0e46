/** Elementary functions in fixed point of 512 fraction bits, as a reference: plain series over BigInt, nothing of the processor's. */

export const FRACTION_BITS = 512n;
export const ONE = 1n << FRACTION_BITS;

const multiply = (left: bigint, right: bigint) => (left * right) >> FRACTION_BITS;
const divide = (left: bigint, right: bigint) => (left << FRACTION_BITS) / right;
const magnitude = (value: bigint) => (value < 0n ? -value : value);

/** Sum of terms until they vanish; each is made of the one before. */
function series(
  first: bigint,
  next: (term: bigint, index: bigint) => bigint,
  weigh = (term: bigint, _index: bigint) => term,
) {
  let sum = 0n;
  let term = first;
  for (let index = 0n; term !== 0n && term !== -1n; index++) {
    sum += weigh(term, index);
    term = next(term, index);
  }
  return sum;
}

/** The integer square root's square is at most the value. */
function squareRoot(value: bigint): bigint {
  const wanted = value << FRACTION_BITS;
  let root = 1n << BigInt((wanted.toString(2).length + 1) >> 1);
  for (;;) {
    const better = (root + wanted / root) >> 1n;
    if (better >= root) return root;
    root = better;
  }
}

export function sine(angle: bigint): bigint {
  const square = multiply(angle, angle);
  return series(angle, (term, index) => -multiply(term, square) / ((2n * index + 2n) * (2n * index + 3n)));
}

export function cosine(angle: bigint): bigint {
  const square = multiply(angle, angle);
  return series(ONE, (term, index) => -multiply(term, square) / ((2n * index + 1n) * (2n * index + 2n)));
}

/** For magnitudes up to 1. */
function arcTangentOfSmall(tangent: bigint): bigint {
  let reduced = tangent;
  for (let halving = 0; halving < 4; halving++) {
    reduced = divide(reduced, ONE + squareRoot(ONE + multiply(reduced, reduced)));
  }
  const square = multiply(reduced, reduced);
  return (
    16n *
    series(
      reduced,
      (term) => -multiply(term, square),
      (term, index) => term / (2n * index + 1n),
    )
  );
}

export const PI = 4n * arcTangentOfSmall(ONE);

/** Angle of the point (x, y), from -pi to pi. */
export function arcTangent(y: bigint, x: bigint): bigint {
  const [high, low] = [magnitude(y), magnitude(x)];
  const first = high <= low ? arcTangentOfSmall(divide(high, low)) : PI / 2n - arcTangentOfSmall(divide(low, high));
  const upper = x < 0n ? PI - first : first;
  return y < 0n ? -upper : upper;
}

/** ln(1 + value) for magnitudes below 1. */
export function logarithmOfOnePlus(value: bigint): bigint {
  const ratio = divide(value, 2n * ONE + value);
  const square = multiply(ratio, ratio);
  return (
    2n *
    series(
      ratio,
      (term) => multiply(term, square),
      (term, index) => term / (2n * index + 1n),
    )
  );
}

export const LN2 = logarithmOfOnePlus(ONE - 1n);

export const inBase2 = (logarithm: bigint) => divide(logarithm, LN2);

/** 2^value - 1. */
export function powerOfTwoMinusOne(value: bigint): bigint {
  const exponent = multiply(value, LN2);
  return series(exponent, (term, index) => multiply(term, exponent) / (index + 2n));
}

export { divide, multiply };
