/** Shifts and rotates of all sizes with their flags (SDM vol 2B, RCL/RCR/ROL/ROR, SAL/SAR/SHL/SHR). */
import { carryFlag, setCarryOverflow, signExtend } from './flags.js';
import { FLAG_AUXILIARY, FLAG_RESULT } from './layout.js';

/** The operations by the reg field of their ModRM byte. SAL (6) is SHL. */
export const Shift = { Rol: 0, Ror: 1, Rcl: 2, Rcr: 3, Shl: 4, Shr: 5, Sal: 6, Sar: 7 } as const;

/**
 * Shifts or rotates a value of 1, 2 or 4 bytes and sets the flags.
 * @param value the operand; bits above its size are ignored
 * @param count taken modulo 32; 0 leaves the flags alone
 * @returns the result; bits above its size are to be ignored
 */
export function shift(state: Int32Array, operation: number, size: number, value: number, count: number): number {
  const by = count & 31;
  if (by === 0) return value;
  switch (operation) {
    case Shift.Rol:
      return rotateLeft(state, size, value, by);
    case Shift.Ror:
      return rotateRight(state, size, value, by);
    case Shift.Rcl:
      return rotateLeftThroughCarry(state, size, value, by % (size * 8 + 1 > 32 ? 33 : size * 8 + 1));
    case Shift.Rcr:
      return rotateRightThroughCarry(state, size, value, by % (size * 8 + 1 > 32 ? 33 : size * 8 + 1));
    case Shift.Shr:
      return shiftRight(state, size, value, by);
    case Shift.Sar:
      return shiftArithmeticRight(state, size, value, by);
    default:
      return shiftLeft(state, size, value, by);
  }
}

/** Result and flags of a shift: CF and OF as given, AF set (undefined in the SDM, so on AMD processors), the others by the result. */
function setShiftFlags(state: Int32Array, size: number, result: number, carry: number, overflow: number): number {
  state[FLAG_RESULT] = signExtend(result, size);
  state[FLAG_AUXILIARY] = (carry << 31) | ((carry ^ overflow) << 30) | 8;
  return result;
}

function topBit(value: number, size: number): number {
  return (value >>> (size * 8 - 1)) & 1;
}

function shiftLeft(state: Int32Array, size: number, value: number, by: number): number {
  const carry = topBit(value << (by - 1), size);
  const result = value << by;
  return setShiftFlags(state, size, result, carry, carry ^ topBit(result, size));
}

function shiftRight(state: Int32Array, size: number, value: number, by: number): number {
  const unsigned = size === 4 ? value : size === 2 ? value & 0xffff : value & 0xff;
  const carry = (unsigned >>> (by - 1)) & 1;
  const result = unsigned >>> by;
  return setShiftFlags(state, size, result | 0, carry, by === 1 ? topBit(unsigned, size) : 0);
}

function shiftArithmeticRight(state: Int32Array, size: number, value: number, by: number): number {
  const signed = signExtend(value, size);
  return setShiftFlags(state, size, signed >> by, (signed >> (by - 1)) & 1, 0);
}

function rotateLeft(state: Int32Array, size: number, value: number, by: number): number {
  const bits = size * 8;
  const turn = by & (bits - 1);
  const unsigned = size === 4 ? value : size === 2 ? value & 0xffff : value & 0xff;
  const result = turn === 0 ? unsigned : (unsigned << turn) | (unsigned >>> (bits - turn));
  const carry = result & 1;
  setCarryOverflow(state, carry !== 0, (carry ^ topBit(result, size)) !== 0);
  return result;
}

function rotateRight(state: Int32Array, size: number, value: number, by: number): number {
  const bits = size * 8;
  const turn = by & (bits - 1);
  const unsigned = size === 4 ? value : size === 2 ? value & 0xffff : value & 0xff;
  const result = turn === 0 ? unsigned : (unsigned >>> turn) | (unsigned << (bits - turn));
  const carry = topBit(result, size);
  setCarryOverflow(state, carry !== 0, (carry ^ ((result >>> (bits - 2)) & 1)) !== 0);
  return result;
}

function rotateLeftThroughCarry(state: Int32Array, size: number, value: number, by: number): number {
  const bits = size * 8;
  let result = size === 4 ? value : size === 2 ? value & 0xffff : value & 0xff;
  let carry = carryFlag(state);
  for (let turn = 0; turn < by; turn++) {
    const out = topBit(result, size);
    result = (result << 1) | carry;
    carry = out;
  }
  setCarryOverflow(state, carry !== 0, (carry ^ ((result >>> (bits - 1)) & 1)) !== 0);
  return result;
}

function rotateRightThroughCarry(state: Int32Array, size: number, value: number, by: number): number {
  const bits = size * 8;
  let result = size === 4 ? value : size === 2 ? value & 0xffff : value & 0xff;
  let carry = carryFlag(state);
  for (let turn = 0; turn < by; turn++) {
    const out = result & 1;
    result = (result >>> 1) | (carry << (bits - 1));
    carry = out;
  }
  setCarryOverflow(state, carry !== 0, (topBit(result, size) ^ ((result >>> (bits - 2)) & 1)) !== 0);
  return result;
}

/** SHLD: shifts `value` left and fills with the top bits of `fill`. Sizes 2 and 4; count 0 changes nothing. */
export function shiftLeftDouble(state: Int32Array, size: number, value: number, fill: number, count: number): number {
  const by = count & 31;
  if (by === 0) return value;
  if (size === 4) {
    const carry = (value >>> (32 - by)) & 1;
    const result = (value << by) | (fill >>> (32 - by));
    return setShiftFlags(state, size, result, carry, carry ^ (result >>> 31));
  }
  // Counts above 16 are undefined: AMD processors take the fill twice and clear CF and OF.
  const word = value & 0xffff;
  const other = fill & 0xffff;
  const wide = (word << 16) | other;
  const result = by <= 16 ? (wide << by) >>> 16 : ((other << (by - 16)) | (other >>> (32 - by))) & 0xffff;
  if (by > 16) return setShiftFlags(state, size, result, 0, 0);
  const carry = (word >>> (16 - by)) & 1;
  return setShiftFlags(state, size, result, carry, carry ^ ((result >>> 15) & 1));
}

/** SHRD: shifts `value` right and fills with the low bits of `fill`. Sizes 2 and 4; count 0 changes nothing. */
export function shiftRightDouble(state: Int32Array, size: number, value: number, fill: number, count: number): number {
  const by = count & 31;
  if (by === 0) return value;
  if (size === 4) {
    const carry = (value >>> (by - 1)) & 1;
    const result = (value >>> by) | (fill << (32 - by));
    return setShiftFlags(state, size, result, carry, (result >>> 31) ^ ((result >>> 30) & 1));
  }
  const word = value & 0xffff;
  const other = fill & 0xffff;
  const wide = (other << 16) | word;
  const result = by <= 16 ? (wide >>> by) & 0xffff : ((other >>> (by - 16)) | (other << (32 - by))) & 0xffff;
  const carry = by > 16 ? 0 : (word >>> (by - 1)) & 1;
  return setShiftFlags(state, size, result, carry, ((result >>> 15) ^ (result >>> 14)) & 1);
}
