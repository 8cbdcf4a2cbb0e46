/**
 * Packed integer operations of MMX and SSE2 as pure functions of 32-bit words, each of which holds four bytes, two words
 * or one doubleword. The operation is the last opcode byte (0F xx), the same for both register files.
 */

const EVERY_HIGH_BIT_8 = 0x80808080 | 0;
const EVERY_LOW_7 = 0x7f7f7f7f;
const EVERY_HIGH_BIT_16 = 0x80008000 | 0;
const EVERY_LOW_15 = 0x7fff7fff;

function addBytes(a: number, b: number): number {
  return ((a & EVERY_LOW_7) + (b & EVERY_LOW_7)) ^ ((a ^ b) & EVERY_HIGH_BIT_8);
}

function subtractBytes(a: number, b: number): number {
  return ((a | EVERY_HIGH_BIT_8) - (b & EVERY_LOW_7)) ^ ((a ^ ~b) & EVERY_HIGH_BIT_8);
}

function addWords(a: number, b: number): number {
  return ((a & EVERY_LOW_15) + (b & EVERY_LOW_15)) ^ ((a ^ b) & EVERY_HIGH_BIT_16);
}

function subtractWords(a: number, b: number): number {
  return ((a | EVERY_HIGH_BIT_16) - (b & EVERY_LOW_15)) ^ ((a ^ ~b) & EVERY_HIGH_BIT_16);
}

/** All ones in every byte that is zero. */
function zeroBytes(x: number): number {
  const nonZero = (((x & EVERY_LOW_7) + EVERY_LOW_7) | x) & EVERY_HIGH_BIT_8;
  const zero = (nonZero ^ EVERY_HIGH_BIT_8) >>> 7;
  return Math.imul(zero, 0xff);
}

function zeroWords(x: number): number {
  return ((x & 0xffff) === 0 ? 0xffff : 0) | (x >>> 16 === 0 ? 0xffff0000 : 0);
}

export function signedByte(value: number): number {
  return value > 127 ? 127 : Math.max(value, -128);
}

export function unsignedByte(value: number): number {
  return value > 255 ? 255 : Math.max(value, 0);
}

export function signedWord(value: number): number {
  return value > 32767 ? 32767 : Math.max(value, -32768);
}

function unsignedWord(value: number): number {
  return value > 65535 ? 65535 : Math.max(value, 0);
}

/** One byte operation by opcode, on sign- or zero-extended bytes as the operation wants them. */
function byteOperation(opcode: number, a: number, b: number): number {
  switch (opcode) {
    case 0x64: // PCMPGTB
      return (a << 24) >> 24 > (b << 24) >> 24 ? 0xff : 0;
    case 0xd8: // PSUBUSB
      return unsignedByte(a - b);
    case 0xda: // PMINUB
      return Math.min(a, b);
    case 0xdc: // PADDUSB
      return unsignedByte(a + b);
    case 0xde: // PMAXUB
      return Math.max(a, b);
    case 0xe0: // PAVGB
      return (a + b + 1) >> 1;
    case 0xe8: // PSUBSB
      return signedByte(((a << 24) >> 24) - ((b << 24) >> 24));
    default: // EC PADDSB
      return signedByte(((a << 24) >> 24) + ((b << 24) >> 24));
  }
}

function eachByte(opcode: number, a: number, b: number): number {
  const byte0 = byteOperation(opcode, a & 0xff, b & 0xff) & 0xff;
  const byte1 = byteOperation(opcode, (a >>> 8) & 0xff, (b >>> 8) & 0xff) & 0xff;
  const byte2 = byteOperation(opcode, (a >>> 16) & 0xff, (b >>> 16) & 0xff) & 0xff;
  const byte3 = byteOperation(opcode, a >>> 24, b >>> 24) & 0xff;
  return byte0 | (byte1 << 8) | (byte2 << 16) | (byte3 << 24);
}

/** One operation on words given zero-extended. */
function wordOperation(opcode: number, a: number, b: number): number {
  const signedA = (a << 16) >> 16;
  const signedB = (b << 16) >> 16;
  switch (opcode) {
    case 0x65: // PCMPGTW
      return signedA > signedB ? 0xffff : 0;
    case 0xd5: // PMULLW
      return Math.imul(a, b);
    case 0xd9: // PSUBUSW
      return unsignedWord(a - b);
    case 0xdd: // PADDUSW
      return unsignedWord(a + b);
    case 0xe3: // PAVGW
      return (a + b + 1) >> 1;
    case 0xe4: // PMULHUW
      return Math.imul(a, b) >>> 16;
    case 0xe5: // PMULHW
      return Math.imul(signedA, signedB) >> 16;
    case 0xe9: // PSUBSW
      return signedWord(signedA - signedB);
    case 0xea: // PMINSW
      return signedA < signedB ? a : b;
    case 0xed: // PADDSW
      return signedWord(signedA + signedB);
    default: // EE PMAXSW
      return signedA > signedB ? a : b;
  }
}

function eachWord(opcode: number, a: number, b: number): number {
  const low = wordOperation(opcode, a & 0xffff, b & 0xffff) & 0xffff;
  return low | (wordOperation(opcode, a >>> 16, b >>> 16) << 16);
}

/** Operations whose 32-bit words do not depend on each other: destination word a, source word b. */
export function combineWords(opcode: number, a: number, b: number): number {
  switch (opcode) {
    case 0xef: // PXOR
      return a ^ b;
    case 0xdb: // PAND
      return a & b;
    case 0xeb: // POR
      return a | b;
    case 0xdf: // PANDN
      return ~a & b;
    case 0xfe: // PADDD
      return (a + b) | 0;
    case 0xfa: // PSUBD
      return (a - b) | 0;
    case 0x76: // PCMPEQD
      return a === b ? -1 : 0;
    case 0x66: // PCMPGTD
      return a > b ? -1 : 0;
    case 0xfc: // PADDB
      return addBytes(a, b);
    case 0xf8: // PSUBB
      return subtractBytes(a, b);
    case 0xfd: // PADDW
      return addWords(a, b);
    case 0xf9: // PSUBW
      return subtractWords(a, b);
    case 0x74: // PCMPEQB
      return zeroBytes(a ^ b);
    case 0x75: // PCMPEQW
      return zeroWords(a ^ b);
    case 0xf5: // PMADDWD
      return (Math.imul((a << 16) >> 16, (b << 16) >> 16) + Math.imul(a >> 16, b >> 16)) | 0;
    case 0x64:
    case 0xd8:
    case 0xda:
    case 0xdc:
    case 0xde:
    case 0xe0:
    case 0xe8:
    case 0xec:
      return eachByte(opcode, a, b);
    default:
      return eachWord(opcode, a, b);
  }
}

/** Sum of the absolute differences of the four unsigned bytes. */
export function byteDifferences(a: number, b: number): number {
  let sum = 0;
  for (let shift = 0; shift < 32; shift += 8) sum += Math.abs(((a >>> shift) & 0xff) - ((b >>> shift) & 0xff));
  return sum;
}

/**
 * Shifts of words and doublewords within a 32-bit word: D1 D2 (logical right), E1 E2 (arithmetic right), F1 F2 (left);
 * odd opcodes shift words, even ones doublewords.
 * @param count as given, any unsigned number
 */
export function shiftWord(opcode: number, a: number, count: number): number {
  const wide = (opcode & 1) === 0;
  const limit = wide ? 32 : 16;
  if ((opcode & 0xf0) === 0xe0) {
    const bounded = count >= limit ? limit - 1 : count;
    if (wide) return a >> bounded;
    return ((((a << 16) >> 16) >> bounded) & 0xffff) | (((a >> 16) >> bounded) << 16) | 0;
  }
  if (count >= limit) return 0;
  if ((opcode & 0xf0) === 0xd0) {
    if (wide) return (a >>> count) | 0;
    return ((a & 0xffff) >>> count) | (((a >>> 16) >>> count) << 16);
  }
  if (wide) return a << count;
  return ((a << count) & 0xffff) | ((a & 0xffff0000) << count);
}

/** Low word of high:low shifted by count 0 ... 63; left for opcode F3, else logically right. */
export function shiftQuadLow(opcode: number, low: number, high: number, count: number): number {
  if (count >= 64) return 0;
  if (opcode === 0xf3) return count >= 32 ? 0 : low << count;
  if (count === 0) return low;
  return count < 32 ? (low >>> count) | (high << (32 - count)) : (high >>> (count - 32)) | 0;
}

/** High word of high:low shifted; see shiftQuadLow. */
export function shiftQuadHigh(opcode: number, low: number, high: number, count: number): number {
  if (count >= 64) return 0;
  if (opcode !== 0xf3) return count >= 32 ? 0 : (high >>> count) | 0;
  if (count === 0) return high;
  return count < 32 ? (high << count) | (low >>> (32 - count)) : low << (count - 32);
}

/** Two words of 16 bits -> two signed (63) or unsigned (67) bytes in the low half: PACKSSWB, PACKUSWB. */
export function packWords(opcode: number, value: number): number {
  const low = (value << 16) >> 16;
  const high = value >> 16;
  if (opcode === 0x67) return unsignedByte(low) | (unsignedByte(high) << 8);
  return (signedByte(low) & 0xff) | ((signedByte(high) & 0xff) << 8);
}

/** Two doublewords -> two signed words: PACKSSDW. */
export function packDoublewords(low: number, high: number): number {
  return (signedWord(low) & 0xffff) | (signedWord(high) << 16);
}

/** Interleaves the low (60) or high (68) byte pairs: bytes a0 b0 a1 b1 of the two lower or upper bytes. */
export function interleaveBytes(a: number, b: number, upper: boolean): number {
  const x = upper ? a >>> 16 : a & 0xffff;
  const y = upper ? b >>> 16 : b & 0xffff;
  return (x & 0xff) | ((y & 0xff) << 8) | ((x & 0xff00) << 8) | ((y & 0xff00) << 16);
}

/** Two words, the lower from a and the upper from b: of their lower or upper halves. */
export function interleaveWords(a: number, b: number, upper: boolean): number {
  return upper ? (a >>> 16) | (b & 0xffff0000) : (a & 0xffff) | (b << 16);
}

/** Bit 7 of each byte of the word in bits 0-3. */
export function byteSigns(a: number): number {
  return ((a >>> 7) & 1) | ((a >>> 14) & 2) | ((a >>> 21) & 4) | ((a >>> 28) & 8);
}
