/** Integer instructions that are too rare for micro-operations of their own, or rare forms of common ones (SDM vol 2). */
import type { Cpu } from './cpu.js';
import {
  arithmeticFlags,
  conditionHolds,
  FLAG_OF,
  setAddFlags,
  setArithmeticFlags,
  setCarry,
  setCarryOverflow,
  setDivideFlags,
  setSubtractFlags,
  setZero,
  signExtend,
} from './flags.js';
import { effectiveOffset, type Instruction } from './instruction.js';
import {
  readMemory,
  readOperand,
  readOperandForWrite,
  readRegister,
  sizeByOpcode,
  writeMemory,
  writeOperand,
  writeRegister,
} from './integer-operand.js';
import { shift, shiftLeftDouble, shiftRightDouble } from './integer-shift.js';
import { EAX, EBX, ECX, EDX } from './layout.js';
import { Vector } from './segmentation.js';

/** ROL ROR RCL RCR SHL SHR SAR of any operand. */
export function executeShiftGroup(cpu: Cpu, instruction: Instruction): boolean {
  const size = sizeByOpcode(instruction);
  const value = readOperandForWrite(cpu, instruction, size);
  if (cpu.faulted) return false;
  let count = 1;
  if ((instruction.opcode & 0xfe) === 0xd2) count = cpu.state[ECX];
  else if ((instruction.opcode & 0xfe) === 0xc0) count = instruction.immediate;
  return writeOperand(cpu, instruction, size, shift(cpu.state, instruction.reg, size, value, count));
}

/** SHLD and SHRD of any operand. */
export function executeShiftDouble(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  const value = readOperandForWrite(cpu, instruction, size);
  if (cpu.faulted) return false;
  const fill = readRegister(cpu, instruction.reg, size);
  const count = (instruction.opcode & 1) === 0 ? instruction.immediate : cpu.state[ECX];
  const operate = (instruction.opcode & 8) === 0 ? shiftLeftDouble : shiftRightDouble;
  return writeOperand(cpu, instruction, size, operate(cpu.state, size, value, fill, count));
}

/** BT BTS BTR BTC. A register bit offset reaches memory on either side of the operand. */
export function executeBitTest(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  const immediate = instruction.opcode === 0xba;
  const operation = (immediate ? instruction.reg : instruction.opcode >> 3) & 3;
  const wide = immediate ? instruction.immediate : signExtend(readRegister(cpu, instruction.reg, size), size);
  const bit = wide & (size * 8 - 1);
  let value: number;
  let offset = 0;
  if (instruction.isMemory) {
    offset = effectiveOffset(cpu, instruction);
    if (!immediate) offset = (offset + (size === 4 ? (wide >> 5) * 4 : (wide >> 4) * 2)) | 0;
    if (instruction.addressSize === 2) offset &= 0xffff;
    if (operation !== 0 && !cpu.probeWrite(instruction.segment, offset, size)) return false;
    value = readMemory(cpu, instruction.segment, offset, size);
    if (cpu.faulted) return false;
  } else value = readRegister(cpu, instruction.rm, size);
  const mask = 1 << bit;
  if (operation !== 0) {
    const changed = operation === 1 ? value | mask : operation === 2 ? value & ~mask : value ^ mask;
    if (!instruction.isMemory) writeRegister(cpu, instruction.rm, size, changed);
    else if (!writeMemory(cpu, instruction.segment, offset, size, changed)) return false;
  }
  setCarry(cpu.state, (value & mask) !== 0);
  return true;
}

/** BSF: the destination is left alone when the source is zero, as on every processor. */
export function executeBitScanForward(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  const value = readOperand(cpu, instruction, size);
  if (cpu.faulted) return false;
  setZero(cpu.state, value === 0);
  if (value !== 0) writeRegister(cpu, instruction.reg, size, 31 - Math.clz32(value & -value));
  return true;
}

export function executeBitScanReverse(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  const value = readOperand(cpu, instruction, size);
  if (cpu.faulted) return false;
  setZero(cpu.state, value === 0);
  if (value !== 0) writeRegister(cpu, instruction.reg, size, 31 - Math.clz32(value));
  return true;
}

/** CMPXCHG writes its destination in either case. */
export function executeCmpxchg(cpu: Cpu, instruction: Instruction): boolean {
  const size = sizeByOpcode(instruction);
  const destination = readOperandForWrite(cpu, instruction, size);
  if (cpu.faulted) return false;
  const accumulator = readRegister(cpu, EAX, size);
  const equal = accumulator === destination;
  const stored = equal ? readRegister(cpu, instruction.reg, size) : destination;
  if (!writeOperand(cpu, instruction, size, stored)) return false;
  if (!equal) writeRegister(cpu, EAX, size, destination);
  setSubtractFlags(cpu.state, size, accumulator, destination, (accumulator - destination) | 0);
  return true;
}

export function executeCmpxchg8b(cpu: Cpu, instruction: Instruction): boolean {
  const { state } = cpu;
  const segment = instruction.segment;
  const offset = effectiveOffset(cpu, instruction);
  if (!cpu.probeWrite(segment, offset, 8)) return false;
  const low = cpu.read32(segment, offset);
  const high = cpu.read32(segment, (offset + 4) | 0);
  if (cpu.faulted) return false;
  const equal = low === state[EAX] && high === state[EDX];
  if (!cpu.write32(segment, offset, equal ? state[EBX] : low)) return false;
  if (!cpu.write32(segment, (offset + 4) | 0, equal ? state[ECX] : high)) return false;
  if (!equal) {
    state[EAX] = low;
    state[EDX] = high;
  }
  setZero(state, equal);
  return true;
}

export function executeXadd(cpu: Cpu, instruction: Instruction): boolean {
  const size = sizeByOpcode(instruction);
  const destination = readOperandForWrite(cpu, instruction, size);
  if (cpu.faulted) return false;
  const source = readRegister(cpu, instruction.reg, size);
  const sum = (destination + source) | 0;
  if (instruction.isMemory) {
    if (!writeOperand(cpu, instruction, size, sum)) return false;
    writeRegister(cpu, instruction.reg, size, destination);
  } else {
    writeRegister(cpu, instruction.reg, size, destination);
    writeRegister(cpu, instruction.rm, size, sum);
  }
  setAddFlags(cpu.state, size, destination, source, sum);
  return true;
}

export function executeXlat(cpu: Cpu, instruction: Instruction): boolean {
  const offset = (cpu.state[EBX] + readRegister(cpu, EAX, 1)) | 0;
  const value = cpu.read8(instruction.segment, instruction.addressSize === 2 ? offset & 0xffff : offset);
  if (cpu.faulted) return false;
  writeRegister(cpu, EAX, 1, value);
  return true;
}

/** UD0, UD1, UD2. */
export function executeUndefined(cpu: Cpu): boolean {
  return cpu.raise(Vector.InvalidOpcode);
}

/**
 * MUL, IMUL, DIV and IDIV of the accumulator, and IMUL of a register, in 8 and 16 bits.
 * #DE on division by zero or when the quotient does not fit.
 */
export function executeMultiplyDivide(cpu: Cpu, instruction: Instruction): boolean {
  const size = sizeByOpcode(instruction) === 1 ? 1 : 2;
  const operand = readOperand(cpu, instruction, size);
  if (cpu.faulted) return false;
  return instruction.reg < 6
    ? multiply(cpu, instruction.reg === 5, size, operand)
    : divide(cpu, instruction.reg === 7, size, operand);
}

function multiply(cpu: Cpu, signed: boolean, size: 1 | 2, operand: number): boolean {
  const accumulator = readRegister(cpu, EAX, size);
  const product = signed ? signExtend(accumulator, size) * signExtend(operand, size) : accumulator * operand;
  const fits = signed ? signExtend(product, size) === product : product < (size === 1 ? 0x100 : 0x10000);
  if (size === 1) writeRegister(cpu, EAX, 2, product);
  else {
    writeRegister(cpu, EAX, 2, product);
    writeRegister(cpu, EDX, 2, product >>> 16);
  }
  setCarryOverflow(cpu.state, !fits, !fits);
  return true;
}

function divide(cpu: Cpu, signed: boolean, size: 1 | 2, operand: number): boolean {
  if (operand === 0) return cpu.raise(Vector.DivideError);
  const low = readRegister(cpu, EAX, 2);
  let dividend = size === 1 ? low : (readRegister(cpu, EDX, 2) << 16) | low;
  let divisor = operand;
  if (signed) {
    if (size === 1) dividend = signExtend(dividend, 2);
    divisor = signExtend(operand, size);
  } else dividend >>>= 0;
  const quotient = Math.trunc(dividend / divisor);
  const highest = signed ? 2 ** (size * 8 - 1) - 1 : 2 ** (size * 8) - 1;
  const lowest = signed ? -(2 ** (size * 8 - 1)) : 0;
  if (quotient > highest || quotient < lowest) return cpu.raise(Vector.DivideError);
  const remainder = dividend - quotient * divisor;
  setDivideFlags(cpu.state);
  if (size === 1) writeRegister(cpu, EAX, 2, (quotient & 0xff) | ((remainder & 0xff) << 8));
  else {
    writeRegister(cpu, EAX, 2, quotient);
    writeRegister(cpu, EDX, 2, remainder);
  }
  return true;
}

/** IMUL Gv,Ev and IMUL Gv,Ev,I in 16 bits. */
export function executeMultiplyRegister16(cpu: Cpu, instruction: Instruction): boolean {
  const operand = readOperand(cpu, instruction, 2);
  if (cpu.faulted) return false;
  const other = instruction.opcode === 0xaf ? readRegister(cpu, instruction.reg, 2) : instruction.immediate;
  const product = signExtend(operand, 2) * signExtend(other, 2);
  writeRegister(cpu, instruction.reg, 2, product);
  const overflow = signExtend(product, 2) !== product;
  setCarryOverflow(cpu.state, overflow, overflow);
  return true;
}

/** CMOVcc in 16 bits; the source is read in either case. */
export function executeConditionalMove(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  const value = readOperand(cpu, instruction, size);
  if (cpu.faulted) return false;
  if (conditionHolds(cpu.state, instruction.opcode & 15)) writeRegister(cpu, instruction.reg, size, value);
  return true;
}

const AH = 4;
/** SF ZF AF PF CF. */
const SAHF_FLAGS = 0xd5;

export function executeSahf(cpu: Cpu): boolean {
  const overflow = arithmeticFlags(cpu.state) & FLAG_OF;
  setArithmeticFlags(cpu.state, (readRegister(cpu, AH, 1) & SAHF_FLAGS) | overflow);
  return true;
}

export function executeLahf(cpu: Cpu): boolean {
  writeRegister(cpu, AH, 1, (arithmeticFlags(cpu.state) & SAHF_FLAGS) | 2);
  return true;
}
