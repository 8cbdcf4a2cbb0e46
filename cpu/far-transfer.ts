/**
 * Transfers of control to other segments: far JMP and CALL, directly and through call gates (SDM vol 3A section 5.8, vol
 * 2A of each instruction). Task gates and task state segments as targets switch the task (task-switch.ts).
 */
import type { Cpu } from './cpu.js';
import {
  ACCESS_CODE,
  ACCESS_CONFORMING,
  ACCESS_PRESENT,
  ACCESS_SEGMENT,
  accessDpl,
  accessKind,
  descriptorAccess,
  descriptorAddress,
  descriptorLimit,
  isNullSelector,
  markAccessed,
  SELECTOR_RPL,
  SystemType,
  selectorErrorCode,
} from './descriptor.js';
import { pushInnerFrame } from './exceptions.js';
import { effectiveOffset, type Instruction } from './instruction.js';
import { nextEip } from './interrupts.js';
import { CPL, CS, ESP, SEGMENT_LIMIT, SEGMENT_SELECTOR, SS } from './layout.js';
import { isProtected, loadRealSegment, setCodeSegment, Vector } from './segmentation.js';
import { peekStack, pushFrame, stagePush } from './stack-frame.js';
import { switchThroughTaskGate, switchToTss, TaskSwitch } from './task-switch.js';

export const CODE_SEGMENT = ACCESS_SEGMENT | ACCESS_CODE;

/** JMP ptr16:16, ptr16:32. */
export function executeFarJumpImmediate(cpu: Cpu, instruction: Instruction): boolean {
  return farJump(cpu, instruction.immediate2 & 0xffff, instruction.immediate, instruction);
}

/** JMP m16:16, m16:32. */
export function executeFarJumpMemory(cpu: Cpu, instruction: Instruction): boolean {
  const offset = readFarOffset(cpu, instruction);
  if (cpu.faulted) return false;
  const selector = readFarSelector(cpu, instruction);
  return !cpu.faulted && farJump(cpu, selector, offset, instruction);
}

export function executeFarCallImmediate(cpu: Cpu, instruction: Instruction): boolean {
  return farCall(cpu, instruction.immediate2 & 0xffff, instruction.immediate, instruction);
}

export function executeFarCallMemory(cpu: Cpu, instruction: Instruction): boolean {
  const offset = readFarOffset(cpu, instruction);
  if (cpu.faulted) return false;
  const selector = readFarSelector(cpu, instruction);
  return !cpu.faulted && farCall(cpu, selector, offset, instruction);
}

/** Offset part of a far pointer in memory; cpu.faulted tells. */
export function readFarOffset(cpu: Cpu, instruction: Instruction): number {
  const at = effectiveOffset(cpu, instruction);
  return instruction.operandSize === 4 ? cpu.read32(instruction.segment, at) : cpu.read16(instruction.segment, at);
}

/** Selector part of a far pointer in memory; cpu.faulted tells. */
export function readFarSelector(cpu: Cpu, instruction: Instruction): number {
  const at = (effectiveOffset(cpu, instruction) + instruction.operandSize) | 0;
  return cpu.read16(instruction.segment, instruction.addressSize === 2 ? at & 0xffff : at);
}

function farJump(cpu: Cpu, selector: number, offset: number, instruction: Instruction): boolean {
  const eip = instruction.operandSize === 4 ? offset : offset & 0xffff;
  if (!isProtected(cpu)) {
    if (eip >>> 0 > cpu.state[SEGMENT_LIMIT + CS] >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
    loadRealSegment(cpu, CS, selector);
    cpu.jump(eip);
    return true;
  }
  const address = targetDescriptor(cpu, selector, 0);
  if (address < 0) return false;
  const high = cpu.readSystem32((address + 4) | 0);
  if (cpu.faulted) return false;
  const access = descriptorAccess(high);
  if ((access & ACCESS_SEGMENT) !== 0) {
    if (!checkDirectCode(cpu, selector, access)) return false;
    return enterCode(cpu, selector, address, eip, cpu.state[CPL]);
  }
  if (!isCallGate(access)) {
    return transferToTask(cpu, selector, address, access, TaskSwitch.Jump, nextEip(cpu, instruction));
  }
  const code = checkCallGate(cpu, selector, address, access);
  if (code < 0) return false;
  const gateLow = cpu.readSystem32(address);
  const codeAddress = descriptorAddress(cpu, code);
  const codeAccess = descriptorAccess(cpu.readSystem32((codeAddress + 4) | 0));
  if (cpu.faulted) return false;
  if ((codeAccess & ACCESS_CONFORMING) === 0 && accessDpl(codeAccess) !== cpu.state[CPL]) {
    return cpu.raise(Vector.GeneralProtection, selectorErrorCode(code));
  }
  if ((codeAccess & ACCESS_PRESENT) === 0) return cpu.raise(Vector.SegmentNotPresent, selectorErrorCode(code));
  return enterCode(cpu, code, codeAddress, gateOffset(gateLow, high, access), cpu.state[CPL]);
}

function farCall(cpu: Cpu, selector: number, offset: number, instruction: Instruction): boolean {
  const state = cpu.state;
  const size = instruction.operandSize;
  const eip = size === 4 ? offset : offset & 0xffff;
  const cpl = state[CPL];
  const returnEip = nextEip(cpu, instruction);
  if (!isProtected(cpu)) {
    if (eip >>> 0 > state[SEGMENT_LIMIT + CS] >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
    stagePush(cpu, 0, state[SEGMENT_SELECTOR + CS]);
    stagePush(cpu, 1, returnEip);
    if (!pushFrame(cpu, 2, size, cpl !== 3)) return false;
    loadRealSegment(cpu, CS, selector);
    cpu.jump(eip);
    return true;
  }
  const address = targetDescriptor(cpu, selector, 0);
  if (address < 0) return false;
  const high = cpu.readSystem32((address + 4) | 0);
  if (cpu.faulted) return false;
  const access = descriptorAccess(high);
  if ((access & ACCESS_SEGMENT) !== 0) {
    if (!checkDirectCode(cpu, selector, access)) return false;
    return callCode(cpu, selector, address, eip, size, returnEip);
  }
  if (!isCallGate(access)) return transferToTask(cpu, selector, address, access, TaskSwitch.Call, returnEip);
  return callThroughGate(cpu, selector, address, high, returnEip);
}

/** Far JMP or CALL to a system descriptor that is no call gate: a TSS, a task gate, or #GP(selector). */
function transferToTask(
  cpu: Cpu,
  selector: number,
  address: number,
  access: number,
  kind: TaskSwitch,
  returnEip: number,
): boolean {
  let switched: boolean;
  switch (accessKind(access)) {
    case SystemType.TaskGate: {
      const low = cpu.readSystem32(address);
      switched = !cpu.faulted && switchThroughTaskGate(cpu, selector, low, access, kind, returnEip);
      break;
    }
    case SystemType.Tss16:
    case SystemType.Tss32:
      switched = switchToTss(cpu, selector, access, kind, returnEip);
      break;
    default:
      return cpu.raise(Vector.GeneralProtection, selectorErrorCode(selector));
  }
  if (switched) cpu.jumped = true;
  return switched;
}

/** Far call to code of the same privilege: CS and EIP go on the current stack. */
function callCode(cpu: Cpu, selector: number, address: number, eip: number, size: number, returnEip: number): boolean {
  const state = cpu.state;
  const low = cpu.readSystem32(address);
  const high = cpu.readSystem32((address + 4) | 0);
  if (cpu.faulted) return false;
  if (eip >>> 0 > descriptorLimit(low, high) >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
  if (!markAccessed(cpu, address, high)) return false;
  stagePush(cpu, 0, state[SEGMENT_SELECTOR + CS]);
  stagePush(cpu, 1, returnEip);
  if (!pushFrame(cpu, 2, size, state[CPL] !== 3)) return false;
  setCodeSegment(cpu, selector, low, high, state[CPL]);
  cpu.jump(eip);
  return true;
}

function callThroughGate(cpu: Cpu, selector: number, address: number, gateHigh: number, returnEip: number): boolean {
  const state = cpu.state;
  const cpl = state[CPL];
  const gate = descriptorAccess(gateHigh);
  const code = checkCallGate(cpu, selector, address, gate);
  if (code < 0) return false;
  const eip = gateOffset(cpu.readSystem32(address), gateHigh, gate);
  const codeAddress = descriptorAddress(cpu, code);
  const low = cpu.readSystem32(codeAddress);
  const high = cpu.readSystem32((codeAddress + 4) | 0);
  if (cpu.faulted) return false;
  const access = descriptorAccess(high);
  if ((access & ACCESS_PRESENT) === 0) return cpu.raise(Vector.SegmentNotPresent, selectorErrorCode(code));
  const size = accessKind(gate) === SystemType.CallGate32 ? 4 : 2;
  const level = accessDpl(access);
  if ((access & ACCESS_CONFORMING) !== 0 || level === cpl) {
    return callCode(cpu, code, codeAddress, eip, size, returnEip);
  }
  if (eip >>> 0 > descriptorLimit(low, high) >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
  const parameters = gateHigh & 31;
  stagePush(cpu, 0, state[SEGMENT_SELECTOR + SS]);
  stagePush(cpu, 1, state[ESP]);
  for (let index = 0; index < parameters; index++) {
    stagePush(cpu, 2 + index, peekStack(cpu, parameters - 1 - index, size, 0));
    if (cpu.faulted) return false;
  }
  stagePush(cpu, 2 + parameters, state[SEGMENT_SELECTOR + CS]);
  stagePush(cpu, 3 + parameters, returnEip);
  if (!markAccessed(cpu, codeAddress, high)) return false;
  if (!pushInnerFrame(cpu, level, 4 + parameters, size)) return false;
  setCodeSegment(cpu, code, low, high, level);
  cpu.jump(eip);
  return true;
}

/** Address of the descriptor that a far pointer names, or -1 with #GP raised. */
export function targetDescriptor(cpu: Cpu, selector: number, nullCode: number): number {
  if (isNullSelector(selector)) {
    cpu.raise(Vector.GeneralProtection, nullCode);
    return -1;
  }
  const address = descriptorAddress(cpu, selector);
  if (address < 0) cpu.raise(Vector.GeneralProtection, selectorErrorCode(selector));
  return address;
}

/** Checks of a direct far JMP or CALL to a code segment (SDM vol 3A section 5.8.1). */
function checkDirectCode(cpu: Cpu, selector: number, access: number): boolean {
  const cpl = cpu.state[CPL];
  const dpl = accessDpl(access);
  const reachable = (access & ACCESS_CONFORMING) !== 0 ? dpl <= cpl : (selector & SELECTOR_RPL) <= cpl && dpl === cpl;
  if ((access & ACCESS_CODE) === 0 || !reachable) {
    return cpu.raise(Vector.GeneralProtection, selectorErrorCode(selector));
  }
  if ((access & ACCESS_PRESENT) === 0) return cpu.raise(Vector.SegmentNotPresent, selectorErrorCode(selector));
  return true;
}

function isCallGate(access: number): boolean {
  const kind = accessKind(access);
  return kind === SystemType.CallGate32 || kind === SystemType.CallGate16;
}

function gateOffset(low: number, high: number, gate: number): number {
  return accessKind(gate) === SystemType.CallGate32 ? (low & 0xffff) | (high & 0xffff_0000) : low & 0xffff;
}

/** Checks a call gate and the code segment behind it; the segment's selector, or -1 with an exception raised. */
function checkCallGate(cpu: Cpu, selector: number, address: number, gate: number): number {
  const gateCode = selectorErrorCode(selector);
  const cpl = cpu.state[CPL];
  if (accessDpl(gate) < Math.max(cpl, selector & SELECTOR_RPL)) return refuse(cpu, Vector.GeneralProtection, gateCode);
  if ((gate & ACCESS_PRESENT) === 0) return refuse(cpu, Vector.SegmentNotPresent, gateCode);
  const code = cpu.readSystem32(address) >>> 16;
  if (cpu.faulted) return -1;
  const codeAddress = targetDescriptor(cpu, code, 0);
  if (codeAddress < 0) return -1;
  const access = descriptorAccess(cpu.readSystem32((codeAddress + 4) | 0));
  if (cpu.faulted) return -1;
  if ((access & CODE_SEGMENT) !== CODE_SEGMENT || accessDpl(access) > cpl) {
    return refuse(cpu, Vector.GeneralProtection, selectorErrorCode(code));
  }
  return code;
}

function refuse(cpu: Cpu, vector: number, errorCode: number): -1 {
  cpu.raise(vector, errorCode);
  return -1;
}

/** Loads CS:EIP for a jump that has passed its checks but the limit. */
function enterCode(cpu: Cpu, selector: number, address: number, eip: number, cpl: number): boolean {
  const low = cpu.readSystem32(address);
  if (cpu.faulted) return false;
  const high = cpu.readSystem32((address + 4) | 0);
  if (cpu.faulted) return false;
  if (eip >>> 0 > descriptorLimit(low, high) >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
  if (!markAccessed(cpu, address, high)) return false;
  setCodeSegment(cpu, selector, low, high, cpl);
  cpu.jump(eip);
  return true;
}
