/** Decimal adjusts and SALC (SDM vol 2A, AAA to DAS). */
import type { Cpu } from './cpu.js';
import {
  arithmeticFlags,
  carryFlag,
  evenParity,
  FLAG_AF,
  FLAG_CF,
  FLAG_PF,
  FLAG_SF,
  FLAG_ZF,
  setArithmeticFlags,
  setLogicFlags,
  signExtend,
} from './flags.js';
import type { Instruction } from './instruction.js';
import { readRegister, writeRegister } from './integer-operand.js';
import { EAX } from './layout.js';
import { Vector } from './segmentation.js';

const AL = 0;
const AH = 4;

function resultFlags(value: number): number {
  return (
    ((value & 0xff) === 0 ? FLAG_ZF : 0) | ((value & 0x80) !== 0 ? FLAG_SF : 0) | (evenParity(value & 0xff) * FLAG_PF)
  );
}

function adjustPacked(cpu: Cpu, direction: 1 | -1): boolean {
  const before = readRegister(cpu, AL, 1);
  const flags = arithmeticFlags(cpu.state);
  let value = before;
  let result = 0;
  if ((before & 15) > 9 || (flags & FLAG_AF) !== 0) {
    value += 6 * direction;
    result |= FLAG_AF;
    if (direction === -1 && (before < 6 || (flags & FLAG_CF) !== 0)) result |= FLAG_CF;
  }
  if (before > 0x99 || (flags & FLAG_CF) !== 0) {
    value += 0x60 * direction;
    result |= FLAG_CF;
  }
  writeRegister(cpu, AL, 1, value);
  setArithmeticFlags(cpu.state, result | resultFlags(value));
  return true;
}

export function executeDaa(cpu: Cpu): boolean {
  return adjustPacked(cpu, 1);
}

export function executeDas(cpu: Cpu): boolean {
  return adjustPacked(cpu, -1);
}

function adjustUnpacked(cpu: Cpu, direction: 1 | -1): boolean {
  const adjusts = (readRegister(cpu, AL, 1) & 15) > 9 || (arithmeticFlags(cpu.state) & FLAG_AF) !== 0;
  if (adjusts) writeRegister(cpu, EAX, 2, readRegister(cpu, EAX, 2) + 0x106 * direction);
  const value = readRegister(cpu, AL, 1) & 15;
  writeRegister(cpu, AL, 1, value);
  setArithmeticFlags(cpu.state, (adjusts ? FLAG_AF | FLAG_CF : 0) | resultFlags(value));
  return true;
}

export function executeAaa(cpu: Cpu): boolean {
  return adjustUnpacked(cpu, 1);
}

export function executeAas(cpu: Cpu): boolean {
  return adjustUnpacked(cpu, -1);
}

/** AAM: #DE when the base is zero. */
export function executeAam(cpu: Cpu, instruction: Instruction): boolean {
  const base = instruction.immediate & 0xff;
  if (base === 0) return cpu.raise(Vector.DivideError);
  const value = readRegister(cpu, AL, 1);
  writeRegister(cpu, AH, 1, Math.trunc(value / base));
  writeRegister(cpu, AL, 1, value % base);
  setLogicFlags(cpu.state, signExtend(value % base, 1));
  return true;
}

export function executeAad(cpu: Cpu, instruction: Instruction): boolean {
  const value = readRegister(cpu, AL, 1) + readRegister(cpu, AH, 1) * (instruction.immediate & 0xff);
  writeRegister(cpu, EAX, 2, value & 0xff);
  setLogicFlags(cpu.state, signExtend(value, 1));
  return true;
}

export function executeSalc(cpu: Cpu): boolean {
  writeRegister(cpu, AL, 1, -carryFlag(cpu.state));
  return true;
}
