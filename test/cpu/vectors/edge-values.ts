/** Values that instructions are likely to treat specially, mixed with random ones. All little-endian bytes. */
import type { Random } from './random.js';

const EDGES_32 = [
  0, 1, 2, 3, 7, 8, 0xf, 0x10, 0x1f, 0x20, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x100, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xffff,
  0x1_0000, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_8000, 0xffff_ff80, 0xffff_fffe, 0xffff_ffff,
];

/** 32 bits: an edge value, a single bit, a small number, a byte pattern or anything. */
export function integer32(random: Random): number {
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return random.pick(EDGES_32);
    case 3:
      return (1 << random.below(32)) >>> 0;
    case 4:
      return random.below(64);
    case 5:
      return (random.pick(EDGES_32) ^ (random.pick(EDGES_32) << 16)) >>> 0;
    default:
      return random.bits();
  }
}

export function littleEndian(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size && at < 4; at++) bytes[at] = value >>> (8 * at);
  return bytes;
}

/** An integer of any size, put together from edge values. */
export function integerBytes(random: Random, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 4) {
    const value = integer32(random);
    for (let byte = at; byte < Math.min(size, at + 4); byte++) bytes[byte] = value >>> (8 * (byte - at));
  }
  if (size === 8 && random.chance(0.4)) bytes.fill((bytes[3] & 0x80) !== 0 ? 0xff : 0, 4);
  return bytes;
}

/** Lanes of 1, 2, 4 or 8 bytes. */
export function packedIntegers(random: Random, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const lane = random.pick([1, 2, 4, 8]);
  const LANE_EDGES = [0, 1, 0x7f, 0x80, 0xff];
  for (let at = 0; at < size; at += lane) {
    const edge = random.chance(0.5);
    for (let byte = 0; byte < lane; byte++) {
      const last = byte === lane - 1;
      if (edge) bytes[at + byte] = random.pick(last ? LANE_EDGES : [0, 0xff]);
      else bytes[at + byte] = random.bits() >>> 24;
    }
  }
  return bytes;
}

/** A count for a packed shift: mostly small, 64 bits in the low half. */
export function shiftCount(random: Random, size: number): Uint8Array {
  const bytes = packedIntegers(random, size);
  bytes.fill(0, 0, 8);
  bytes[0] = random.below(random.pick([8, 20, 40, 70, 256]));
  if (random.chance(0.1)) bytes[random.below(8)] = 1;
  return bytes;
}

/** Fields of a binary floating-point format, from which interesting numbers are put together. */
interface FloatFormat {
  readonly exponentBits: number;
  readonly fractionBits: number;
}

const SINGLE: FloatFormat = { exponentBits: 8, fractionBits: 23 };
const DOUBLE: FloatFormat = { exponentBits: 11, fractionBits: 52 };

function fraction(random: Random, bits: number): bigint {
  const all = (1n << BigInt(bits)) - 1n;
  const noise = ((BigInt(random.bits()) << 32n) | BigInt(random.bits())) & all;
  switch (random.below(8)) {
    case 0:
      return 0n;
    case 1:
      return all;
    case 2:
      return 1n;
    case 3:
      return 1n << BigInt(random.below(bits));
    case 4:
      return (all << BigInt(random.below(bits))) & all;
    case 5:
      // Half of the bits, so that products and sums are exact.
      return noise & (all << BigInt(bits >> 1)) & all;
    default:
      return noise;
  }
}

function float(random: Random, { exponentBits, fractionBits }: FloatFormat): bigint {
  const maximum = (1 << exponentBits) - 1;
  const bias = maximum >> 1;
  let exponent: number;
  switch (random.below(10)) {
    case 0:
      exponent = 0;
      break;
    case 1:
      exponent = maximum;
      break;
    case 2:
      exponent = random.pick([1, 2, maximum - 1, maximum - 2]);
      break;
    case 3:
      exponent = random.below(maximum + 1);
      break;
    case 4:
    case 5:
      exponent = bias + random.below(70) - 4;
      break;
    default:
      exponent = bias + random.below(9) - 4;
  }
  let value = (BigInt(Math.min(exponent, maximum)) << BigInt(fractionBits)) | fraction(random, fractionBits);
  if (exponent === maximum && random.chance(0.4)) value &= ~((1n << BigInt(fractionBits)) - 1n);
  if (random.chance(0.4)) value |= 1n << BigInt(exponentBits + fractionBits);
  return value;
}

function bigintBytes(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = Number((value >> BigInt(8 * at)) & 0xffn);
  return bytes;
}

export function singles(random: Random, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 4) bytes.set(bigintBytes(float(random, SINGLE), 4), at);
  return bytes;
}

export function doubles(random: Random, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 8) bytes.set(bigintBytes(float(random, DOUBLE), 8), at);
  return bytes;
}

/** 80 bits: numbers of all classes, among them encodings that no operation produces. */
export function extended(random: Random): Uint8Array {
  const top = 1n << 63n;
  let significand = top | fraction(random, 63);
  let exponent: number;
  switch (random.below(16)) {
    case 0:
      exponent = 0;
      significand = random.chance(0.5) ? 0n : fraction(random, 63);
      break;
    case 1:
      exponent = 0x7fff;
      if (random.chance(0.5)) significand = top;
      break;
    case 2:
      exponent = random.pick([0, 1, 2, 0x7ffe, 0x7ffd]);
      break;
    case 3:
      exponent = random.below(0x8000);
      break;
    case 4:
      // Integer bit clear: unnormal, pseudo-NaN, pseudo-infinity.
      exponent = random.pick([0x7fff, random.below(0x7fff)]);
      significand ^= top;
      break;
    case 5:
      exponent = 0x3fff;
      significand = top;
      break;
    case 6:
    case 7:
    case 8:
      exponent = 0x3fff + random.below(70) - 3;
      significand &= ~((1n << BigInt(random.below(64))) - 1n);
      break;
    case 9:
      // Near the limits of the shorter formats.
      exponent =
        0x3fff + random.pick([-1023, -1022, -1074, -126, -127, -149, 127, 128, 1023, 1024]) + random.below(3) - 1;
      break;
    default:
      exponent = 0x3fff + random.below(17) - 8;
  }
  const sign = random.chance(0.4) ? 0x8000 : 0;
  const bytes = new Uint8Array(10);
  bytes.set(bigintBytes(significand, 8));
  bytes[8] = exponent;
  bytes[9] = (exponent | sign) >> 8;
  return bytes;
}

/** 18 decimal digits and a sign, now and then digits that are none. */
export function packedDecimal(random: Random): Uint8Array {
  const bytes = new Uint8Array(10);
  const digits = random.below(10);
  for (let at = 0; at < digits; at++) bytes[at] = random.below(10) | (random.below(10) << 4);
  if (random.chance(0.5)) bytes[9] = 0x80;
  return bytes;
}

/** MXCSR: mostly everything masked. */
export function mxcsr(random: Random): number {
  if (random.chance(0.3)) return 0x1f80;
  let value = random.below(4) << 13;
  value |= random.chance(0.75) ? 0x1f80 : random.below(64) << 7;
  if (random.chance(0.3)) value |= random.below(64);
  if (random.chance(0.25)) value |= 0x8000;
  if (random.chance(0.25)) value |= 0x40;
  return value;
}

/** x87 control word: all roundings, precisions 24, 53 and 64 bits, mostly everything masked. */
export function controlWord(random: Random): number {
  const masks = random.chance(0.75) ? 0x3f : random.below(64);
  return 0x40 | masks | (random.below(4) << 10) | (random.pick([0, 2, 3, 3, 3]) << 8);
}

/** x87 status word that fits a control word: an exception is pending only when asked for. */
export function statusWord(random: Random, control: number, pending: boolean): number {
  let value = random.chance(0.7) ? 0 : random.below(8) << 11;
  if (random.chance(0.3)) value |= random.bits() & 0x4700;
  if (random.chance(0.3)) value |= random.below(128);
  const unmasked = ~control & 0x3f;
  if (pending && unmasked !== 0) return value | unmasked | 0x8080;
  return value & ~unmasked;
}
