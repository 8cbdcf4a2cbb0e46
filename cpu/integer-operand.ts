/** Access to the operands of an instruction, for instruction handlers. Sizes are in bytes: 1, 2 or 4. */
import type { Cpu } from './cpu.js';
import { effectiveOffset, type Instruction } from './instruction.js';

/** Operand size of an instruction whose opcode has byte and full-size forms, told apart by bit 0. */
export function sizeByOpcode(instruction: Instruction): 1 | 2 | 4 {
  return (instruction.opcode & 1) === 0 ? 1 : instruction.operandSize;
}

/** A general register: unsigned for 1 and 2 bytes, signed for 4. */
export function readRegister(cpu: Cpu, register: number, size: number): number {
  const value = cpu.state[size === 1 ? register & 3 : register];
  if (size === 4) return value;
  if (size === 2) return value & 0xffff;
  return register < 4 ? value & 0xff : (value >> 8) & 0xff;
}

export function writeRegister(cpu: Cpu, register: number, size: number, value: number): void {
  const state = cpu.state;
  if (size === 4) state[register] = value;
  else if (size === 2) state[register] = (state[register] & ~0xffff) | (value & 0xffff);
  else if (register < 4) state[register] = (state[register] & ~0xff) | (value & 0xff);
  else state[register & 3] = (state[register & 3] & ~0xff00) | ((value & 0xff) << 8);
}

/** Memory at an offset of a segment: unsigned for 1 and 2 bytes, signed for 4. 0 with cpu.faulted on an exception. */
export function readMemory(cpu: Cpu, segment: number, offset: number, size: number): number {
  if (size === 4) return cpu.read32(segment, offset);
  return size === 2 ? cpu.read16(segment, offset) : cpu.read8(segment, offset);
}

export function writeMemory(cpu: Cpu, segment: number, offset: number, size: number, value: number): boolean {
  if (size === 4) return cpu.write32(segment, offset, value);
  return size === 2 ? cpu.write16(segment, offset, value) : cpu.write8(segment, offset, value);
}

/** The E operand. 0 with cpu.faulted on an exception. */
export function readOperand(cpu: Cpu, instruction: Instruction, size: number): number {
  if (!instruction.isMemory) return readRegister(cpu, instruction.rm, size);
  return readMemory(cpu, instruction.segment, effectiveOffset(cpu, instruction), size);
}

/** The E operand of a read-modify-write instruction: faults as the later write would. */
export function readOperandForWrite(cpu: Cpu, instruction: Instruction, size: number): number {
  if (!instruction.isMemory) return readRegister(cpu, instruction.rm, size);
  const offset = effectiveOffset(cpu, instruction);
  if (!cpu.probeWrite(instruction.segment, offset, size)) return 0;
  return readMemory(cpu, instruction.segment, offset, size);
}

export function writeOperand(cpu: Cpu, instruction: Instruction, size: number, value: number): boolean {
  if (instruction.isMemory) {
    return writeMemory(cpu, instruction.segment, effectiveOffset(cpu, instruction), size, value);
  }
  writeRegister(cpu, instruction.rm, size, value);
  return true;
}
