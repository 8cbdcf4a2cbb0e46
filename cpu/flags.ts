/**
 * The arithmetic flags in their lazy form: two words in place of six flags.
 *
 *   FLAG_RESULT     the last result, sign-extended to 32 bits: ZF = (result == 0)
 *   FLAG_AUXILIARY  bit 31 CF; bit 30 CF xor OF; bits 15-8 parity delta; bit 3 AF; bit 0 sign delta
 *
 * SF is bit 31 of the result xor the sign delta; PF is the parity of the result's low byte xor the parity delta. The
 * deltas are zero after arithmetic and serve only to hold combinations that no result has (POPF, SAHF).
 * For additions and subtractions the auxiliary word is the vector of carries or borrows out of every bit, masked
 * with AUXILIARY_MASK: bits 31, 30 and 3 fall out of it as they are (8 and 16-bit operations shift the top two up).
 */
import { EFLAGS_SYSTEM, FLAG_AUXILIARY, FLAG_RESULT } from './layout.js';

export const FLAG_CF = 0x001;
export const FLAG_PF = 0x004;
export const FLAG_AF = 0x010;
export const FLAG_ZF = 0x040;
export const FLAG_SF = 0x080;
export const FLAG_TF = 0x100;
export const FLAG_DF = 0x400;
export const FLAG_OF = 0x800;
export const ARITHMETIC_FLAGS = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;

/** The carry-vector bits that the auxiliary word keeps: CF, CF xor OF, AF. */
export const AUXILIARY_MASK = 0xc0000008 | 0;

/** Bits of EFLAGS that read as zero whatever is written: 3, 5, 15 and 22-31. */
const EFLAGS_FIXED_ZERO = 0xffc0_8028 | 0;

/** One bit a nibble: set when the nibble has an even number of ones. */
const EVEN_PARITY_NIBBLES = 0x9669;

/** 1 when the low byte has an even number of ones. */
export function evenParity(value: number): number {
  return (EVEN_PARITY_NIBBLES >>> ((value ^ (value >>> 4)) & 15)) & 1;
}

/** The six arithmetic flags in their EFLAGS places. */
export function arithmeticFlags(state: Int32Array): number {
  const result = state[FLAG_RESULT];
  const auxiliary = state[FLAG_AUXILIARY];
  let flags = auxiliary >>> 31;
  flags |= evenParity(result ^ (auxiliary >>> 8)) << 2;
  flags |= (auxiliary & 8) << 1;
  if (result === 0) flags |= FLAG_ZF;
  flags |= ((result ^ (auxiliary << 31)) >>> 24) & FLAG_SF;
  flags |= ((auxiliary ^ (auxiliary << 1)) >>> 20) & FLAG_OF;
  return flags;
}

/** Sets the six arithmetic flags from their EFLAGS places. */
export function setArithmeticFlags(state: Int32Array, flags: number): void {
  const result = (flags & FLAG_ZF) !== 0 ? 0 : 1;
  let auxiliary = (flags & FLAG_CF) !== 0 ? 0xc0000000 | 0 : 0;
  if ((flags & FLAG_OF) !== 0) auxiliary ^= 0x4000_0000;
  if ((flags & FLAG_AF) !== 0) auxiliary |= 8;
  if ((flags & FLAG_SF) !== 0) auxiliary |= 1;
  // A result of 0 has even parity and one of 1 odd parity: a delta of one bit turns either around.
  if (((flags & FLAG_PF) !== 0) !== (result === 0)) auxiliary |= 0x100;
  state[FLAG_RESULT] = result;
  state[FLAG_AUXILIARY] = auxiliary;
}

/** The architectural EFLAGS. */
export function composeEflags(state: Int32Array): number {
  return state[EFLAGS_SYSTEM] | arithmeticFlags(state) | 2;
}

/** Sets all of EFLAGS. */
export function storeEflags(state: Int32Array, value: number): void {
  setArithmeticFlags(state, value);
  state[EFLAGS_SYSTEM] = (value & ~ARITHMETIC_FLAGS & ~EFLAGS_FIXED_ZERO) | 2;
}

/** 1 when CF is set. */
export function carryFlag(state: Int32Array): number {
  return state[FLAG_AUXILIARY] >>> 31;
}

/** Sets CF and OF and leaves the other flags. */
export function setCarryOverflow(state: Int32Array, carry: boolean, overflow: boolean): void {
  let auxiliary = state[FLAG_AUXILIARY] & 0x3fff_ffff;
  if (carry) auxiliary |= 0xc000_0000;
  if (overflow) auxiliary ^= 0x4000_0000;
  state[FLAG_AUXILIARY] = auxiliary;
}

/** Sets CF and leaves the other flags. */
export function setCarry(state: Int32Array, carry: boolean): void {
  const auxiliary = state[FLAG_AUXILIARY];
  if (auxiliary < 0 !== carry) state[FLAG_AUXILIARY] = auxiliary ^ (0xc000_0000 | 0);
}

/** Sets ZF to `zero` and leaves the other flags. */
export function setZero(state: Int32Array, zero: boolean): void {
  const flags = arithmeticFlags(state);
  setArithmeticFlags(state, zero ? flags | FLAG_ZF : flags & ~FLAG_ZF);
}

/** Flags after a division, all undefined in the SDM: AF set, ZF, SF and PF clear, CF and OF as before, as on AMD processors. */
export function setDivideFlags(state: Int32Array): void {
  state[FLAG_RESULT] = 1;
  state[FLAG_AUXILIARY] = (state[FLAG_AUXILIARY] & 0xc000_0000) | 8;
}

/** Flags of a logical operation: CF = OF = AF = 0, the others by the result (sign-extended). */
export function setLogicFlags(state: Int32Array, result: number): void {
  state[FLAG_RESULT] = result;
  state[FLAG_AUXILIARY] = 0;
}

/**
 * True when the condition with this number (low four bits of the Jcc opcode) holds.
 * Source: SDM vol 1 appendix B.
 */
export function conditionHolds(state: Int32Array, condition: number): boolean {
  const result = state[FLAG_RESULT];
  const auxiliary = state[FLAG_AUXILIARY];
  let holds: boolean;
  switch (condition >> 1) {
    case 0:
      holds = (auxiliary ^ (auxiliary << 1)) < 0;
      break;
    case 1:
      holds = auxiliary < 0;
      break;
    case 2:
      holds = result === 0;
      break;
    case 3:
      holds = auxiliary < 0 || result === 0;
      break;
    case 4:
      holds = (result ^ (auxiliary << 31)) < 0;
      break;
    case 5:
      holds = evenParity(result ^ (auxiliary >>> 8)) !== 0;
      break;
    case 6:
      holds = (result ^ (auxiliary << 31) ^ auxiliary ^ (auxiliary << 1)) < 0;
      break;
    default:
      holds = result === 0 || (result ^ (auxiliary << 31) ^ auxiliary ^ (auxiliary << 1)) < 0;
      break;
  }
  return holds !== ((condition & 1) !== 0);
}

/** Sign-extends a value of 1, 2 or 4 bytes. */
export function signExtend(value: number, size: number): number {
  if (size === 4) return value | 0;
  return size === 1 ? (value << 24) >> 24 : (value << 16) >> 16;
}

/** Stores the lazy form after an addition or subtraction of this size, given its vector of carries or borrows. */
function setCarryVector(state: Int32Array, size: number, result: number, vector: number): void {
  state[FLAG_RESULT] = signExtend(result, size);
  const shift = 32 - size * 8;
  state[FLAG_AUXILIARY] = ((vector << shift) & 0xc000_0000) | (vector & 8);
}

/** Flags of left + right with this result; operands of 1, 2 or 4 bytes. */
export function setAddFlags(state: Int32Array, size: number, left: number, right: number, result: number): void {
  setCarryVector(state, size, result, (left & right) | ((left | right) & ~result));
}

/** Flags of left - right with this result; operands of 1, 2 or 4 bytes. */
export function setSubtractFlags(state: Int32Array, size: number, left: number, right: number, result: number): void {
  setCarryVector(state, size, result, (~left & right) | (~(left ^ right) & result));
}
