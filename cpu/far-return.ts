/**
 * Returns to other segments: far RET and IRET to the same and to outer privilege levels and to virtual-8086 mode (SDM vol
 * 3A sections 5.8.6 and 6.12.1, vol 2 RET and IRET). IRET with NT set goes back to the linked task (task-switch.ts).
 */
import type { Cpu } from './cpu.js';
import {
  ACCESS_PRESENT,
  descriptorLimit,
  fetchDescriptor,
  markAccessed,
  SELECTOR_RPL,
  selectorErrorCode,
} from './descriptor.js';
import type { Instruction } from './instruction.js';
import { nextEip, privilegedFlagMask } from './interrupts.js';
import {
  CPL,
  CS,
  DS,
  EFLAGS_SYSTEM,
  ES,
  ESP,
  FS,
  GS,
  NMI_BLOCKED,
  SEGMENT_ACCESS,
  SEGMENT_LIMIT,
  SS,
} from './layout.js';
import {
  checkStackSegment,
  dropInaccessibleSegment,
  EFLAGS_AC,
  EFLAGS_IF,
  EFLAGS_IOPL,
  EFLAGS_NT,
  EFLAGS_RF,
  EFLAGS_VIF,
  EFLAGS_VIP,
  EFLAGS_VM,
  ioPrivilegeLevel,
  isCodeForLevel,
  isProtected,
  isVirtual8086,
  loadRealSegment,
  loadVirtual8086Segment,
  setCodeSegment,
  setSegmentFromDescriptor,
  Vector,
} from './segmentation.js';
import { dropStack, mergeStackPointer, peekStack } from './stack-frame.js';
import { returnToLinkedTask } from './task-switch.js';

const EFLAGS_STATUS = 0x0000_0cd5;
const EFLAGS_TF_BIT = 0x0000_0100;
const EFLAGS_ID = 0x0020_0000;

/** RET far, with the bytes to release in the immediate. */
export function executeFarReturn(cpu: Cpu, instruction: Instruction): boolean {
  const size = instruction.operandSize;
  const release = instruction.immediate & 0xffff;
  const eip = peekStack(cpu, 0, size, 0);
  if (cpu.faulted) return false;
  const selector = peekStack(cpu, 1, size, 0) & 0xffff;
  if (cpu.faulted) return false;
  if (!isProtected(cpu)) {
    if (eip >>> 0 > cpu.state[SEGMENT_LIMIT + CS] >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
    dropStack(cpu, 2 * size + release);
    loadRealSegment(cpu, CS, selector);
    cpu.jump(eip);
    return true;
  }
  if (!returnToCode(cpu, selector, eip, size, 2 * size + release, release)) return false;
  return true;
}

/**
 * The common part of far RET and IRET in protected mode: checks CS, and SS for a return to outer code, and loads them.
 *
 * @param frame bytes from ESP to the outer stack pointer, or to drop when there is none
 * @param release bytes of parameters to drop from the outer stack too
 */
function returnToCode(cpu: Cpu, selector: number, eip: number, size: number, frame: number, release: number): boolean {
  const state = cpu.state;
  if (!fetchDescriptor(cpu, selector, Vector.GeneralProtection)) return false;
  const { address, low, high, access } = cpu.descriptor;
  const code = selectorErrorCode(selector);
  const level = selector & SELECTOR_RPL;
  if (level < state[CPL] || !isCodeForLevel(access, level)) return cpu.raise(Vector.GeneralProtection, code);
  if ((access & ACCESS_PRESENT) === 0) return cpu.raise(Vector.SegmentNotPresent, code);
  const pastLimit = eip >>> 0 > descriptorLimit(low, high) >>> 0;

  if (level === state[CPL]) {
    if (pastLimit) return cpu.raise(Vector.GeneralProtection, 0);
    if (!markAccessed(cpu, address, high)) return false;
    dropStack(cpu, frame);
    setCodeSegment(cpu, selector, low, high, level);
    cpu.jump(eip);
    return true;
  }

  const stackPointer = peekStack(cpu, 0, size, frame);
  if (cpu.faulted) return false;
  const stackSelector = peekStack(cpu, 1, size, frame) & 0xffff;
  if (cpu.faulted) return false;
  if (!checkStackSegment(cpu, stackSelector, level, Vector.GeneralProtection)) return false;
  const { address: stackAddress, low: stackLow, high: stackHigh } = cpu.descriptor;
  if (pastLimit) return cpu.raise(Vector.GeneralProtection, 0);
  if (!markAccessed(cpu, address, high) || !markAccessed(cpu, stackAddress, stackHigh)) return false;
  setSegmentFromDescriptor(cpu, SS, stackSelector, stackLow, stackHigh);
  setCodeSegment(cpu, selector, low, high, level);
  const stackAccess = state[SEGMENT_ACCESS + SS];
  // A 16-bit stack takes SP alone, whatever the operand size: the upper half stays that of the inner stack.
  state[ESP] = mergeStackPointer(state[ESP], stackPointer + release, stackAccess);
  for (let segment = ES; segment <= GS; segment++) {
    if (segment !== CS && segment !== SS) dropInaccessibleSegment(cpu, segment);
  }
  cpu.jump(eip);
  return true;
}

/** IRET/IRETD. NMIs may come again behind it, and in the handler of its fault too (SDM vol 3A section 6.7.1). */
export function executeIret(cpu: Cpu, instruction: Instruction): boolean {
  cpu.state[NMI_BLOCKED] = 0;
  return interruptReturn(cpu, instruction);
}

function interruptReturn(cpu: Cpu, instruction: Instruction): boolean {
  const state = cpu.state;
  const size = instruction.operandSize;
  if (isVirtual8086(cpu) && ioPrivilegeLevel(cpu) < 3) return cpu.raise(Vector.GeneralProtection, 0);
  if (isProtected(cpu) && (state[EFLAGS_SYSTEM] & EFLAGS_NT) !== 0) {
    if (!returnToLinkedTask(cpu, nextEip(cpu, instruction))) return false;
    cpu.jumped = true;
    return true;
  }
  const eip = peekStack(cpu, 0, size, 0);
  if (cpu.faulted) return false;
  const selector = peekStack(cpu, 1, size, 0) & 0xffff;
  if (cpu.faulted) return false;
  const image = peekStack(cpu, 2, size, 0);
  if (cpu.faulted) return false;
  if (!isProtected(cpu)) return returnReal(cpu, selector, eip, image, size);
  if (size === 4 && (image & EFLAGS_VM) !== 0 && state[CPL] === 0)
    return returnToVirtual8086(cpu, selector, eip, image);
  // The flags may change according to the level that executes the IRET, not the one it returns to.
  let changed = EFLAGS_STATUS | EFLAGS_TF_BIT | EFLAGS_NT | EFLAGS_IF | EFLAGS_IOPL;
  if (size === 4) changed |= EFLAGS_RF | EFLAGS_AC | EFLAGS_ID;
  changed &= privilegedFlagMask(cpu);
  if (size === 4 && state[CPL] === 0) changed |= EFLAGS_VIF | EFLAGS_VIP;
  const flags = (cpu.getEflags() & ~changed) | (image & changed);
  if (!returnToCode(cpu, selector, eip, size, 3 * size, 0)) return false;
  cpu.setEflags(flags);
  return true;
}

/** IRET in real-address mode and in virtual-8086 mode with IOPL 3. */
function returnReal(cpu: Cpu, selector: number, eip: number, image: number, size: number): boolean {
  if (eip >>> 0 > cpu.state[SEGMENT_LIMIT + CS] >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
  let changed = EFLAGS_STATUS | EFLAGS_TF_BIT | EFLAGS_NT | EFLAGS_IF;
  if (!isVirtual8086(cpu)) changed |= EFLAGS_IOPL;
  if (size === 4) changed |= EFLAGS_RF | EFLAGS_AC | EFLAGS_ID;
  const flags = (cpu.getEflags() & ~changed) | (image & changed);
  dropStack(cpu, 3 * size);
  loadRealSegment(cpu, CS, selector);
  cpu.setEflags(flags);
  cpu.jump(eip);
  return true;
}

/** IRETD from ring 0 with VM set in the image: the frame goes on with ESP, SS, ES, DS, FS, GS. */
function returnToVirtual8086(cpu: Cpu, selector: number, eip: number, image: number): boolean {
  const state = cpu.state;
  if (eip >>> 0 > 0xffff) return cpu.raise(Vector.GeneralProtection, 0);
  for (let index = 3; index < 9; index++) {
    peekStack(cpu, index, 4, 0);
    if (cpu.faulted) return false;
  }
  const stackPointer = peekStack(cpu, 3, 4, 0);
  const stackSelector = peekStack(cpu, 4, 4, 0);
  const es = peekStack(cpu, 5, 4, 0);
  const ds = peekStack(cpu, 6, 4, 0);
  const fs = peekStack(cpu, 7, 4, 0);
  const gs = peekStack(cpu, 8, 4, 0);
  cpu.setEflags(image);
  state[CPL] = 3;
  loadVirtual8086Segment(cpu, CS, selector);
  loadVirtual8086Segment(cpu, SS, stackSelector & 0xffff);
  loadVirtual8086Segment(cpu, ES, es & 0xffff);
  loadVirtual8086Segment(cpu, DS, ds & 0xffff);
  loadVirtual8086Segment(cpu, FS, fs & 0xffff);
  loadVirtual8086Segment(cpu, GS, gs & 0xffff);
  state[ESP] = stackPointer;
  cpu.jump(eip);
  return true;
}
