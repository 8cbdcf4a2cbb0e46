/**
 * Stack and near-transfer instructions in all sizes: 16-bit operands, 16-bit stacks, stack segments that are not flat. The
 * common 32-bit flat forms are micro-operations and never come here (SDM vol 2, PUSH, POP, ENTER, CALL ...).
 */
import type { Cpu } from './cpu.js';
import { conditionHolds } from './flags.js';
import type { Instruction } from './instruction.js';
import { readMemory, readOperand, readRegister, writeMemory, writeOperand, writeRegister } from './integer-operand.js';
import { CS, EAX, EBP, ECX, EDI, EIP, ESP, SCRATCH_OFFSET, SEGMENT_ACCESS, SEGMENT_LIMIT, SS } from './layout.js';
import { Vector } from './segmentation.js';

/** Descriptor bit B of a stack segment, in the access word: ESP, not SP. */
const ACCESS_BIG = 0x4000;

function stackMask(cpu: Cpu): number {
  return (cpu.state[SEGMENT_ACCESS + SS] & ACCESS_BIG) !== 0 ? -1 : 0xffff;
}

/** ESP, or SP under a 16-bit stack, moved by some bytes. */
function movedStackPointer(cpu: Cpu, by: number): number {
  return (cpu.state[ESP] + by) & stackMask(cpu);
}

function setStackPointer(cpu: Cpu, value: number): void {
  const mask = stackMask(cpu);
  cpu.state[ESP] = (cpu.state[ESP] & ~mask) | (value & mask);
}

function push(cpu: Cpu, size: number, value: number): boolean {
  const pointer = movedStackPointer(cpu, -size);
  if (!writeMemory(cpu, SS, pointer, size, value)) return false;
  setStackPointer(cpu, pointer);
  return true;
}

/** Goes to a near target; #GP(0) when it lies beyond the code segment. */
function jumpNear(cpu: Cpu, instruction: Instruction, target: number): boolean {
  const eip = instruction.operandSize === 2 ? target & 0xffff : target;
  if (!withinCode(cpu, eip)) return cpu.raise(Vector.GeneralProtection, 0);
  cpu.jump(eip);
  return true;
}

function withinCode(cpu: Cpu, eip: number): boolean {
  return eip >>> 0 <= cpu.state[SEGMENT_LIMIT + CS] >>> 0;
}

function nearTarget(cpu: Cpu, instruction: Instruction): number {
  return (cpu.state[EIP] + instruction.length + instruction.immediate) | 0;
}

/** PUSH of a register, an immediate or any operand. */
export function executePush(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  let value: number;
  if (instruction.opcode === 0xff) value = readOperand(cpu, instruction, size);
  else if (instruction.opcode < 0x58) value = readRegister(cpu, instruction.opcode & 7, size);
  else value = instruction.immediate;
  return !cpu.faulted && push(cpu, size, value);
}

/** POP: the address of a memory destination uses ESP as it is after the pop. */
export function executePop(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  const before = cpu.state[ESP];
  const value = readMemory(cpu, SS, before & stackMask(cpu), size);
  if (cpu.faulted) return false;
  setStackPointer(cpu, movedStackPointer(cpu, size));
  if (instruction.opcode !== 0x8f) {
    writeRegister(cpu, instruction.opcode & 7, size, value);
    return true;
  }
  if (writeOperand(cpu, instruction, size, value)) return true;
  cpu.state[ESP] = before;
  return false;
}

export function executePushAll(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  for (let register: number = EAX; register <= EDI; register++) {
    const host = SCRATCH_OFFSET + (EDI - register) * size;
    if (size === 2) cpu.view.setInt16(host, cpu.state[register], true);
    else cpu.view.setInt32(host, cpu.state[register], true);
  }
  // Faults come in the order of the pushes.
  for (let pushed = 1; pushed <= 8; pushed++) {
    if (!cpu.probeWrite(SS, movedStackPointer(cpu, -pushed * size), size)) return false;
  }
  const pointer = movedStackPointer(cpu, -8 * size);
  if (!cpu.storeBytes(SS, pointer, 8 * size, size)) return false;
  setStackPointer(cpu, pointer);
  return true;
}

export function executePopAll(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  if (!cpu.loadBytes(SS, cpu.state[ESP] & stackMask(cpu), 8 * size, size)) return false;
  for (let register: number = EAX; register <= EDI; register++) {
    if (register === ESP) continue;
    const host = SCRATCH_OFFSET + (EDI - register) * size;
    writeRegister(cpu, register, size, size === 2 ? cpu.view.getUint16(host, true) : cpu.view.getInt32(host, true));
  }
  setStackPointer(cpu, movedStackPointer(cpu, 8 * size));
  return true;
}

/** ENTER: the whole new frame is checked before anything is written. */
export function executeEnter(cpu: Cpu, instruction: Instruction): boolean {
  const { state, view } = cpu;
  const size = instruction.operandSize;
  const level = instruction.immediate2 & 31;
  const mask = stackMask(cpu);
  const framePointer = movedStackPointer(cpu, -size);
  const words = level === 0 ? 1 : level + 1;
  const lowest = movedStackPointer(cpu, -size * words);
  const final = (lowest - instruction.immediate) & mask;

  const put = (position: number, value: number) => {
    const host = SCRATCH_OFFSET + (words - 1 - position) * size;
    if (size === 2) view.setInt16(host, value, true);
    else view.setInt32(host, value, true);
  };
  if (!cpu.probeWrite(SS, framePointer, size)) return false;
  for (let position = 1; position < level; position++) {
    const value = readMemory(cpu, SS, (state[EBP] - position * size) & mask, size);
    if (cpu.faulted || !cpu.probeWrite(SS, movedStackPointer(cpu, -size * (position + 1)), size)) return false;
    put(position, value);
  }
  put(0, state[EBP]);
  if (level > 0) {
    if (!cpu.probeWrite(SS, lowest, size)) return false;
    put(level, framePointer);
  }
  if (!cpu.probeWrite(SS, final, size)) return false;
  if (!cpu.storeBytes(SS, lowest, size * words, size)) return false;
  writeRegister(cpu, EBP, size, framePointer);
  setStackPointer(cpu, final);
  return true;
}

export function executeLeave(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  const value = readMemory(cpu, SS, cpu.state[EBP] & stackMask(cpu), size);
  if (cpu.faulted) return false;
  setStackPointer(cpu, cpu.state[EBP] + size);
  writeRegister(cpu, EBP, size, value);
  return true;
}

/** CALL near, direct and indirect. */
export function executeCall(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  const target = instruction.opcode === 0xe8 ? nearTarget(cpu, instruction) : readOperand(cpu, instruction, size);
  if (cpu.faulted) return false;
  if (!withinCode(cpu, size === 2 ? target & 0xffff : target)) return cpu.raise(Vector.GeneralProtection, 0);
  if (!push(cpu, size, (cpu.state[EIP] + instruction.length) | 0)) return false;
  return jumpNear(cpu, instruction, target);
}

/** RET near, with or without an immediate. */
export function executeReturn(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  const target = readMemory(cpu, SS, cpu.state[ESP] & stackMask(cpu), size);
  if (cpu.faulted) return false;
  if (!jumpNear(cpu, instruction, target)) return false;
  setStackPointer(cpu, movedStackPointer(cpu, size + instruction.immediate));
  return true;
}

/** JMP near, direct and indirect. */
export function executeJump(cpu: Cpu, instruction: Instruction): boolean {
  if (instruction.opcode !== 0xff) return jumpNear(cpu, instruction, nearTarget(cpu, instruction));
  const target = readOperand(cpu, instruction, instruction.operandSize);
  return !cpu.faulted && jumpNear(cpu, instruction, target);
}

/** Jcc. */
export function executeJumpConditional(cpu: Cpu, instruction: Instruction): boolean {
  if (!conditionHolds(cpu.state, instruction.opcode & 15)) return true;
  return jumpNear(cpu, instruction, nearTarget(cpu, instruction));
}

/** LOOPNE, LOOPE, LOOP and JCXZ: the address size chooses ECX or CX. */
export function executeJumpCount(cpu: Cpu, instruction: Instruction): boolean {
  const { state } = cpu;
  const size = instruction.addressSize;
  const kind = instruction.opcode & 3;
  if (kind === 3) {
    if (readRegister(cpu, ECX, size) !== 0) return true;
    return jumpNear(cpu, instruction, nearTarget(cpu, instruction));
  }
  const count = (readRegister(cpu, ECX, size) - 1) & (size === 2 ? 0xffff : -1);
  const condition = kind === 2 || conditionHolds(state, kind === 0 ? 5 : 4);
  if (count !== 0 && condition && !jumpNear(cpu, instruction, nearTarget(cpu, instruction))) return false;
  writeRegister(cpu, ECX, size, count);
  return true;
}
