/** IN, OUT, INS and OUTS: who may use them, and what they reach (SDM vol 1 chapter 18). */
import type { Cpu } from './cpu.js';
import { repeatLater } from './debug-registers.js';
import { FLAG_DF } from './flags.js';
import type { Instruction } from './instruction.js';
import { hasIoPrivilege } from './interrupts.js';
import { EAX, ECX, EDI, EDX, EFLAGS_SYSTEM, ES, ESI } from './layout.js';
import { isVirtual8086, Vector } from './segmentation.js';
import { setRegister16 } from './system-operand.js';
import { ioMapPermits } from './tss.js';

/** The devices on the I/O bus. Sizes are 1, 2 or 4 bytes. */
export interface IoPorts {
  read(port: number, size: number): number;
  write(port: number, size: number, value: number): void;
}

/** A bus without devices: it floats, and reads are all ones. */
export const floatingPorts: IoPorts = {
  read: () => -1,
  write: () => undefined,
};

/** True when the port may be used; else #GP(0) (or the #PF of the permission map) is raised. */
function mayUsePort(cpu: Cpu, port: number, size: number): boolean {
  // In virtual-8086 mode the map decides whatever IOPL is.
  if ((hasIoPrivilege(cpu) && !isVirtual8086(cpu)) || ioMapPermits(cpu, port, size)) return true;
  return !cpu.faulted && cpu.raise(Vector.GeneralProtection, 0);
}

function input(cpu: Cpu, port: number, size: number): boolean {
  if (!mayUsePort(cpu, port, size)) return false;
  const state = cpu.state;
  const value = cpu.ioPorts.read(port, size);
  if (cpu.debug.watchingPorts) cpu.debug.portAccessed(port, size);
  if (size === 4) state[EAX] = value;
  else if (size === 2) setRegister16(cpu, EAX, value);
  else state[EAX] = (state[EAX] & ~0xff) | (value & 0xff);
  return true;
}

function output(cpu: Cpu, port: number, size: number): boolean {
  if (!mayUsePort(cpu, port, size)) return false;
  const mask = size === 4 ? -1 : (1 << (size * 8)) - 1;
  cpu.ioPorts.write(port, size, cpu.state[EAX] & mask);
  if (cpu.debug.watchingPorts) cpu.debug.portAccessed(port, size);
  return true;
}

/** IN AL, imm8. */
export function executeInByteImmediate(cpu: Cpu, instruction: Instruction): boolean {
  return input(cpu, instruction.immediate & 0xff, 1);
}

/** IN eAX, imm8. */
export function executeInImmediate(cpu: Cpu, instruction: Instruction): boolean {
  return input(cpu, instruction.immediate & 0xff, instruction.operandSize);
}

/** IN AL, DX. */
export function executeInByte(cpu: Cpu): boolean {
  return input(cpu, cpu.state[EDX] & 0xffff, 1);
}

/** IN eAX, DX. */
export function executeIn(cpu: Cpu, instruction: Instruction): boolean {
  return input(cpu, cpu.state[EDX] & 0xffff, instruction.operandSize);
}

/** OUT imm8, AL. */
export function executeOutByteImmediate(cpu: Cpu, instruction: Instruction): boolean {
  return output(cpu, instruction.immediate & 0xff, 1);
}

/** OUT imm8, eAX. */
export function executeOutImmediate(cpu: Cpu, instruction: Instruction): boolean {
  return output(cpu, instruction.immediate & 0xff, instruction.operandSize);
}

/** OUT DX, AL. */
export function executeOutByte(cpu: Cpu): boolean {
  return output(cpu, cpu.state[EDX] & 0xffff, 1);
}

/** OUT DX, eAX. */
export function executeOut(cpu: Cpu, instruction: Instruction): boolean {
  return output(cpu, cpu.state[EDX] & 0xffff, instruction.operandSize);
}

/** INSB. */
export function executeInsByte(cpu: Cpu, instruction: Instruction): boolean {
  return repeatString(cpu, instruction, 1, EDI, insertString);
}

/** INSW, INSD. */
export function executeIns(cpu: Cpu, instruction: Instruction): boolean {
  return repeatString(cpu, instruction, instruction.operandSize, EDI, insertString);
}

/** OUTSB. */
export function executeOutsByte(cpu: Cpu, instruction: Instruction): boolean {
  return repeatString(cpu, instruction, 1, ESI, outputString);
}

/** OUTSW, OUTSD. */
export function executeOuts(cpu: Cpu, instruction: Instruction): boolean {
  return repeatString(cpu, instruction, instruction.operandSize, ESI, outputString);
}

type StringStep = (cpu: Cpu, instruction: Instruction, size: number, offset: number) => boolean;

/** The destination is probed first: a port must not be read for a store that then faults. */
function insertString(cpu: Cpu, _instruction: Instruction, size: number, offset: number): boolean {
  if (!cpu.probeWrite(ES, offset, size)) return false;
  const value = cpu.ioPorts.read(cpu.state[EDX] & 0xffff, size);
  if (size === 4) return cpu.write32(ES, offset, value);
  return size === 2 ? cpu.write16(ES, offset, value & 0xffff) : cpu.write8(ES, offset, value & 0xff);
}

function outputString(cpu: Cpu, instruction: Instruction, size: number, offset: number): boolean {
  let value: number;
  if (size === 4) value = cpu.read32(instruction.segment, offset);
  else value = size === 2 ? cpu.read16(instruction.segment, offset) : cpu.read8(instruction.segment, offset);
  if (cpu.faulted) return false;
  cpu.ioPorts.write(cpu.state[EDX] & 0xffff, size, value);
  return true;
}

/** One step, or with REP as many as the count register says; at a fault the registers tell how far it came. */
function repeatString(cpu: Cpu, instruction: Instruction, size: number, pointer: number, step: StringStep): boolean {
  const state = cpu.state;
  const mask = instruction.addressSize === 2 ? 0xffff : -1;
  const delta = (state[EFLAGS_SYSTEM] & FLAG_DF) === 0 ? size : -size;
  const repeated = instruction.rep !== 0;
  if (!mayUsePort(cpu, state[EDX] & 0xffff, size)) return false;
  if (repeated && (state[ECX] & mask) === 0) return true;
  for (;;) {
    if (!step(cpu, instruction, size, state[pointer] & mask)) return false;
    if (cpu.debug.watchingPorts) cpu.debug.portAccessed(state[EDX] & 0xffff, size);
    state[pointer] = (state[pointer] & ~mask) | ((state[pointer] + delta) & mask);
    if (!repeated) return true;
    state[ECX] = (state[ECX] & ~mask) | ((state[ECX] - 1) & mask);
    if ((state[ECX] & mask) === 0) return true;
    if (cpu.debug.trapsBetweenIterations()) return repeatLater(cpu);
  }
}
