/** Operands of system instructions: a word in a register or in memory, and the checks that most of them begin with. */
import type { Cpu } from './cpu.js';
import { effectiveOffset, type Instruction } from './instruction.js';
import { CPL, CR0 } from './layout.js';
import { CR0_PE } from './paging.js';
import { Vector } from './segmentation.js';

/** The word of an Ew operand; cpu.faulted tells. */
export function readOperand16(cpu: Cpu, instruction: Instruction): number {
  if (!instruction.isMemory) return cpu.state[instruction.rm] & 0xffff;
  return cpu.read16(instruction.segment, effectiveOffset(cpu, instruction));
}

/** Writes the lower half of a register and leaves the upper. */
export function setRegister16(cpu: Cpu, register: number, value: number): void {
  const state = cpu.state;
  state[register] = (state[register] & ~0xffff) | (value & 0xffff);
}

/** Writes a register of 2 or 4 bytes. */
export function setRegister(cpu: Cpu, register: number, value: number, size: number): void {
  if (size === 4) cpu.state[register] = value;
  else setRegister16(cpu, register, value);
}

/** Stores to an operand whose memory form is always a word and whose register form has the operand size. */
export function writeOperand16(cpu: Cpu, instruction: Instruction, value: number): boolean {
  if (instruction.isMemory) return cpu.write16(instruction.segment, effectiveOffset(cpu, instruction), value & 0xffff);
  setRegister(cpu, instruction.rm, value, instruction.operandSize);
  return true;
}

/** True at privilege level 0; else #GP(0) is raised. Real-address mode is level 0. */
export function requirePrivilege(cpu: Cpu): boolean {
  if ((cpu.state[CR0] & CR0_PE) === 0 || cpu.state[CPL] === 0) return true;
  return cpu.raise(Vector.GeneralProtection, 0);
}
