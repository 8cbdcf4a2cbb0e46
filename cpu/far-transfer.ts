/**
 * Transfers of control to other segments: far JMP and CALL, directly and through call gates (SDM vol 3A section 5.8, vol
 * 2A of each instruction). Task gates and task state segments as targets switch the task (task-switch.ts).
 */
import type { Cpu } from './cpu.js';
import {
  ACCESS_CONFORMING,
  ACCESS_PRESENT,
  ACCESS_SEGMENT,
  accessDpl,
  accessKind,
  type Descriptor,
  descriptorLimit,
  fetchDescriptor,
  markAccessed,
  SELECTOR_RPL,
  SystemType,
  selectorErrorCode,
} from './descriptor.js';
import { findInnerStack, pushInnerFrame } from './inner-stack.js';
import { effectiveOffset, type Instruction } from './instruction.js';
import { nextEip } from './interrupts.js';
import { CPL, CS, ESP, SEGMENT_LIMIT, SEGMENT_SELECTOR, SS } from './layout.js';
import { CODE_SEGMENT, isCodeForLevel, isProtected, loadRealSegment, setCodeSegment, Vector } from './segmentation.js';
import { checkPush, peekStack, pushFrame, stagePush } from './stack-frame.js';
import { switchThroughTaskGate, switchToTss, TaskSwitch } from './task-switch.js';

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
  if (!fetchDescriptor(cpu, selector, Vector.GeneralProtection)) return false;
  const { access } = cpu.descriptor;
  if ((access & ACCESS_SEGMENT) !== 0) {
    return checkDirectCode(cpu, selector, access) && enterCode(cpu, selector, eip);
  }
  if (!isCallGate(access)) return transferToTask(cpu, selector, TaskSwitch.Jump, nextEip(cpu, instruction));
  const target = gateOffset(cpu.descriptor);
  const code = checkCallGate(cpu, selector);
  if (code < 0) return false;
  if (!isCodeForLevel(cpu.descriptor.access, cpu.state[CPL])) {
    return cpu.raise(Vector.GeneralProtection, selectorErrorCode(code));
  }
  return checkPresent(cpu, code) && enterCode(cpu, code, target);
}

function farCall(cpu: Cpu, selector: number, offset: number, instruction: Instruction): boolean {
  const state = cpu.state;
  const size = instruction.operandSize;
  const eip = size === 4 ? offset : offset & 0xffff;
  const cpl = state[CPL];
  const returnEip = nextEip(cpu, instruction);
  if (!isProtected(cpu)) {
    if (!checkPush(cpu, 2, size)) return false;
    if (eip >>> 0 > state[SEGMENT_LIMIT + CS] >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
    stagePush(cpu, 0, state[SEGMENT_SELECTOR + CS]);
    stagePush(cpu, 1, returnEip);
    if (!pushFrame(cpu, 2, size, cpl !== 3)) return false;
    loadRealSegment(cpu, CS, selector);
    cpu.jump(eip);
    return true;
  }
  if (!fetchDescriptor(cpu, selector, Vector.GeneralProtection)) return false;
  const { access } = cpu.descriptor;
  if ((access & ACCESS_SEGMENT) !== 0) {
    return checkDirectCode(cpu, selector, access) && callCode(cpu, selector, eip, size, returnEip);
  }
  if (!isCallGate(access)) return transferToTask(cpu, selector, TaskSwitch.Call, returnEip);
  return callThroughGate(cpu, selector, returnEip);
}

/** Far JMP or CALL to the system descriptor in cpu.descriptor, no call gate: a TSS, a task gate, or #GP(selector). */
function transferToTask(cpu: Cpu, selector: number, kind: TaskSwitch, returnEip: number): boolean {
  const { low, access } = cpu.descriptor;
  let switched: boolean;
  switch (accessKind(access)) {
    case SystemType.TaskGate:
      switched = switchThroughTaskGate(cpu, selector, low, access, kind, returnEip);
      break;
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

/** Far call to the code of the current level in cpu.descriptor, which has passed its checks but the limit: CS and EIP go on the stack. */
function callCode(cpu: Cpu, selector: number, eip: number, size: number, returnEip: number): boolean {
  const state = cpu.state;
  const { address, low, high } = cpu.descriptor;
  if (!checkPush(cpu, 2, size)) return false;
  if (eip >>> 0 > descriptorLimit(low, high) >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
  if (!markAccessed(cpu, address, high)) return false;
  stagePush(cpu, 0, state[SEGMENT_SELECTOR + CS]);
  stagePush(cpu, 1, returnEip);
  if (!pushFrame(cpu, 2, size, state[CPL] !== 3)) return false;
  setCodeSegment(cpu, selector, low, high, state[CPL]);
  cpu.jump(eip);
  return true;
}

/** CALL through the gate in cpu.descriptor. */
function callThroughGate(cpu: Cpu, selector: number, returnEip: number): boolean {
  const state = cpu.state;
  const cpl = state[CPL];
  const eip = gateOffset(cpu.descriptor);
  const size = accessKind(cpu.descriptor.access) === SystemType.CallGate32 ? 4 : 2;
  const parameters = cpu.descriptor.high & 31;
  const code = checkCallGate(cpu, selector);
  if (code < 0 || !checkPresent(cpu, code)) return false;
  const { address, low, high, access } = cpu.descriptor;
  if (isCodeForLevel(access, cpl)) return callCode(cpu, code, eip, size, returnEip);
  const level = accessDpl(access);
  const pushes = 4 + parameters;
  if (!findInnerStack(cpu, level, pushes, size)) return false;
  if (eip >>> 0 > descriptorLimit(low, high) >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
  stagePush(cpu, 0, state[SEGMENT_SELECTOR + SS]);
  stagePush(cpu, 1, state[ESP]);
  for (let index = 0; index < parameters; index++) {
    stagePush(cpu, 2 + index, peekStack(cpu, parameters - 1 - index, size, 0));
    if (cpu.faulted) return false;
  }
  stagePush(cpu, 2 + parameters, state[SEGMENT_SELECTOR + CS]);
  stagePush(cpu, 3 + parameters, returnEip);
  if (!markAccessed(cpu, address, high)) return false;
  if (!pushInnerFrame(cpu, pushes, size)) return false;
  setCodeSegment(cpu, code, low, high, level);
  cpu.jump(eip);
  return true;
}

/** Checks of a direct far JMP or CALL to a code segment (SDM vol 3A section 5.8.1). */
function checkDirectCode(cpu: Cpu, selector: number, access: number): boolean {
  const cpl = cpu.state[CPL];
  const reachable = (access & ACCESS_CONFORMING) !== 0 || (selector & SELECTOR_RPL) <= cpl;
  if (!reachable || !isCodeForLevel(access, cpl)) {
    return cpu.raise(Vector.GeneralProtection, selectorErrorCode(selector));
  }
  return checkPresent(cpu, selector);
}

/** #NP(selector) when the descriptor in cpu.descriptor is not present. */
function checkPresent(cpu: Cpu, selector: number): boolean {
  return (
    (cpu.descriptor.access & ACCESS_PRESENT) !== 0 || cpu.raise(Vector.SegmentNotPresent, selectorErrorCode(selector))
  );
}

function isCallGate(access: number): boolean {
  const kind = accessKind(access);
  return kind === SystemType.CallGate32 || kind === SystemType.CallGate16;
}

function gateOffset({ low, high, access }: Descriptor): number {
  return accessKind(access) === SystemType.CallGate32 ? (low & 0xffff) | (high & 0xffff_0000) : low & 0xffff;
}

/**
 * Checks the call gate in cpu.descriptor, and the code segment behind it but for its presence, which is in cpu.descriptor then.
 * @returns the segment's selector, or -1 with an exception raised
 */
function checkCallGate(cpu: Cpu, selector: number): number {
  const { low, access: gate } = cpu.descriptor;
  const cpl = cpu.state[CPL];
  if (accessDpl(gate) < Math.max(cpl, selector & SELECTOR_RPL)) {
    cpu.raise(Vector.GeneralProtection, selectorErrorCode(selector));
    return -1;
  }
  const code = low >>> 16;
  if (!checkPresent(cpu, selector) || !fetchDescriptor(cpu, code, Vector.GeneralProtection)) return -1;
  const { access } = cpu.descriptor;
  if ((access & CODE_SEGMENT) === CODE_SEGMENT && accessDpl(access) <= cpl) return code;
  cpu.raise(Vector.GeneralProtection, selectorErrorCode(code));
  return -1;
}

/** Goes to the code of the current level in cpu.descriptor, which has passed its checks but the limit. */
function enterCode(cpu: Cpu, selector: number, eip: number): boolean {
  const { address, low, high } = cpu.descriptor;
  if (eip >>> 0 > descriptorLimit(low, high) >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
  if (!markAccessed(cpu, address, high)) return false;
  setCodeSegment(cpu, selector, low, high, cpu.state[CPL]);
  cpu.jump(eip);
  return true;
}
