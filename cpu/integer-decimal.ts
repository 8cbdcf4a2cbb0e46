/** Decimal adjusts and SALC (SDM vol 2A, AAA to DAS). */
import type { Cpu } from './cpu.js';
import {
  arithmeticFlags,
  carryFlag,
  FLAG_AF,
  FLAG_CF,
  setAddFlags,
  setArithmeticFlags,
  setLogicFlags,
  setSubtractFlags,
  signExtend,
} from './flags.js';
import type { Instruction } from './instruction.js';
import { readRegister, writeRegister } from './integer-operand.js';
import { EAX } from './layout.js';
import { Vector } from './segmentation.js';

const AL = 0;
const AH = 4;

/**
 * Flags of an adjustment: AF and CF as given. The others are those of the addition to or subtraction from AL (DAA, DAS) or
 * AX (AAA, AAS), also where the SDM leaves them undefined, as on AMD processors.
 */
function setAdjustFlags(cpu: Cpu, size: 1 | 2, before: number, adjustment: number, auxiliaryAndCarry: number): void {
  const { state } = cpu;
  if (adjustment >= 0) setAddFlags(state, size, before, adjustment, before + adjustment);
  else setSubtractFlags(state, size, before, -adjustment, before + adjustment);
  setArithmeticFlags(state, (arithmeticFlags(state) & ~(FLAG_AF | FLAG_CF)) | auxiliaryAndCarry);
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
  setAdjustFlags(cpu, 1, before, value - before, result);
  return true;
}

export function executeDaa(cpu: Cpu): boolean {
  return adjustPacked(cpu, 1);
}

export function executeDas(cpu: Cpu): boolean {
  return adjustPacked(cpu, -1);
}

function adjustUnpacked(cpu: Cpu, direction: 1 | -1): boolean {
  const before = readRegister(cpu, EAX, 2);
  const adjusts = (before & 15) > 9 || (arithmeticFlags(cpu.state) & FLAG_AF) !== 0;
  const adjustment = adjusts ? 0x106 * direction : 0;
  writeRegister(cpu, EAX, 2, (before + adjustment) & 0xff0f);
  setAdjustFlags(cpu, 2, before, adjustment, adjusts ? FLAG_AF | FLAG_CF : 0);
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
  const low = readRegister(cpu, AL, 1);
  const tens = (readRegister(cpu, AH, 1) * (instruction.immediate & 0xff)) & 0xff;
  writeRegister(cpu, EAX, 2, (low + tens) & 0xff);
  setAddFlags(cpu.state, 1, low, tens, low + tens);
  return true;
}

export function executeSalc(cpu: Cpu): boolean {
  writeRegister(cpu, AL, 1, -carryFlag(cpu.state));
  return true;
}
