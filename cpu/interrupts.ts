/**
 * Instructions that interrupt on purpose (INT n, INT3, INTO, INT1, BOUND), the interrupt flag (CLI, STI, PUSHF, POPF), HLT,
 * and the processor's interrupt input.
 */
import type { Cpu } from './cpu.js';
import { DR7_GENERAL_DETECT } from './debug-registers.js';
import { deliverException, enterInterrupt, InterruptSource, isCode32 } from './exceptions.js';
import { ExitReason } from './exit-reason.js';
import { effectiveOffset, type Instruction } from './instruction.js';
import { CPL, CR0, DEBUG_SHADOW, DR7, EFLAGS_SYSTEM, EIP, INTERRUPT_SHADOW, NMI_BLOCKED } from './layout.js';
import { CR0_PE } from './paging.js';
import {
  EFLAGS_IF,
  EFLAGS_IOPL,
  EFLAGS_RF,
  EFLAGS_VIF,
  EFLAGS_VIP,
  EFLAGS_VM,
  ioPrivilegeLevel,
  isProtected,
  isVirtual8086,
  Vector,
} from './segmentation.js';
import { dropStack, peekStack, pushFrame, stagePush } from './stack-frame.js';

const EFLAGS_OF = 0x800;
/** All flags that exist, bits 21-0. */
const EFLAGS_DEFINED = 0x003f_7fd5;

/** EIP of the instruction behind this one. */
export function nextEip(cpu: Cpu, instruction: Instruction): number {
  const next = (cpu.state[EIP] + instruction.length) | 0;
  return isCode32(cpu) ? next : next & 0xffff;
}

/**
 * With an owner: leaves run() behind the instruction, pushing nothing. Without: goes through the IDT.
 * @param exit ExitReason.SoftwareInterrupt for INT n, Exception for the traps
 */
function interrupt(
  cpu: Cpu,
  instruction: Instruction,
  vector: number,
  source: InterruptSource,
  exit: ExitReason,
): boolean {
  if (cpu.owner !== null) {
    cpu.exceptionVector = vector;
    cpu.exceptionHasErrorCode = false;
    cpu.exceptionErrorCode = 0;
    cpu.pendingExit = exit;
    cpu.attention = true;
    return true;
  }
  if (!enterInterrupt(cpu, vector, source, false, 0, nextEip(cpu, instruction))) return false;
  cpu.jumped = true;
  return true;
}

/** INT n. In virtual-8086 mode with IOPL below 3: #GP(0). */
export function executeInt(cpu: Cpu, instruction: Instruction): boolean {
  if (isVirtual8086(cpu) && ioPrivilegeLevel(cpu) < 3) return cpu.raise(Vector.GeneralProtection, 0);
  const vector = instruction.immediate & 0xff;
  return interrupt(cpu, instruction, vector, InterruptSource.Software, ExitReason.SoftwareInterrupt);
}

export function executeInt3(cpu: Cpu, instruction: Instruction): boolean {
  return interrupt(cpu, instruction, Vector.Breakpoint, InterruptSource.Software, ExitReason.Exception);
}

/** INT1 (ICEBP): #DB as a trap; no DPL is checked. */
export function executeInt1(cpu: Cpu, instruction: Instruction): boolean {
  cpu.state[DR7] &= ~DR7_GENERAL_DETECT;
  return interrupt(cpu, instruction, Vector.Debug, InterruptSource.Trap, ExitReason.Exception);
}

export function executeInto(cpu: Cpu, instruction: Instruction): boolean {
  if ((cpu.getEflags() & EFLAGS_OF) === 0) return true;
  return interrupt(cpu, instruction, Vector.Overflow, InterruptSource.Software, ExitReason.Exception);
}

/** BOUND: #BR, a fault, when the signed index is outside the pair of bounds in memory. */
export function executeBound(cpu: Cpu, instruction: Instruction): boolean {
  const offset = effectiveOffset(cpu, instruction);
  const size = instruction.operandSize;
  let lower: number;
  let upper: number;
  let index = cpu.state[instruction.reg];
  if (size === 4) {
    lower = cpu.read32(instruction.segment, offset);
    if (cpu.faulted) return false;
    upper = cpu.read32(instruction.segment, secondOffset(offset, instruction));
  } else {
    index = (index << 16) >> 16;
    lower = (cpu.read16(instruction.segment, offset) << 16) >> 16;
    if (cpu.faulted) return false;
    upper = (cpu.read16(instruction.segment, secondOffset(offset, instruction)) << 16) >> 16;
  }
  if (cpu.faulted) return false;
  return (index >= lower && index <= upper) || cpu.raise(Vector.BoundRange);
}

/** Offset of the second half of a memory operand of twice the operand size. */
function secondOffset(offset: number, instruction: Instruction): number {
  const second = (offset + instruction.operandSize) | 0;
  return instruction.addressSize === 2 ? second & 0xffff : second;
}

/** True when CLI, STI and the I/O instructions are allowed by IOPL alone. */
export function hasIoPrivilege(cpu: Cpu): boolean {
  if ((cpu.state[CR0] & CR0_PE) === 0) return true;
  if (isVirtual8086(cpu)) return ioPrivilegeLevel(cpu) === 3;
  return cpu.state[CPL] <= ioPrivilegeLevel(cpu);
}

export function executeCli(cpu: Cpu): boolean {
  if (!hasIoPrivilege(cpu)) return cpu.raise(Vector.GeneralProtection, 0);
  cpu.state[EFLAGS_SYSTEM] &= ~EFLAGS_IF;
  return true;
}

/** STI: interrupts stay inhibited until the next instruction is done, when they were disabled before. */
export function executeSti(cpu: Cpu): boolean {
  if (!hasIoPrivilege(cpu)) return cpu.raise(Vector.GeneralProtection, 0);
  if ((cpu.state[EFLAGS_SYSTEM] & EFLAGS_IF) === 0 && !interruptsInhibited(cpu)) inhibitInterrupts(cpu);
  cpu.state[EFLAGS_SYSTEM] |= EFLAGS_IF;
  cpu.attention = true;
  return true;
}

/**
 * Keeps interrupts out until the instruction after this one is done: STI, MOV SS, POP SS. Of several in a row only the first does, so
 * that no program can keep them out for good (SDM vol 3A section 6.8.3).
 */
function inhibitInterrupts(cpu: Cpu): void {
  // Compared modulo 2^32: the low word of the count tells instructions apart well enough.
  cpu.state[INTERRUPT_SHADOW] = (cpu.instructionCount + 2) | 0;
}

/** MOV SS and POP SS keep debug exceptions out too, so that SS and ESP can be loaded as one. */
export function inhibitAfterStackLoad(cpu: Cpu): void {
  if (debugInhibited(cpu)) return;
  inhibitInterrupts(cpu);
  cpu.state[DEBUG_SHADOW] = cpu.state[INTERRUPT_SHADOW];
}

/** True between MOV SS or POP SS and the instruction behind it: no #DB, no breakpoint, no NMI. */
export function debugInhibited(cpu: Cpu): boolean {
  return ((cpu.state[DEBUG_SHADOW] - cpu.instructionCount) | 0) === 1;
}

function interruptsInhibited(cpu: Cpu): boolean {
  return ((cpu.state[INTERRUPT_SHADOW] - cpu.instructionCount) | 0) === 1;
}

/** True when the processor would take an external interrupt now: IF set, outside the shadow of STI, MOV SS and POP SS. */
export function acceptsInterrupts(cpu: Cpu): boolean {
  return (cpu.state[EFLAGS_SYSTEM] & EFLAGS_IF) !== 0 && !interruptsInhibited(cpu);
}

/** HLT: run() returns Halt. The owner, or whoever drives the processor, runs it again when an interrupt is there. */
export function executeHlt(cpu: Cpu): boolean {
  if ((cpu.state[CR0] & CR0_PE) !== 0 && cpu.state[CPL] !== 0) return cpu.raise(Vector.GeneralProtection, 0);
  cpu.pendingExit = ExitReason.Halt;
  cpu.attention = true;
  return true;
}

/** PUSHF/PUSHFD: RF and VM read as zero. */
export function executePushf(cpu: Cpu, instruction: Instruction): boolean {
  if (isVirtual8086(cpu) && ioPrivilegeLevel(cpu) < 3) return cpu.raise(Vector.GeneralProtection, 0);
  stagePush(cpu, 0, cpu.getEflags() & ~(EFLAGS_VM | EFLAGS_RF));
  return pushFrame(cpu, 1, instruction.operandSize, cpu.state[CPL] !== 3);
}

/** POPF/POPFD. Source: SDM vol 2B, table 4-16. */
export function executePopf(cpu: Cpu, instruction: Instruction): boolean {
  if (isVirtual8086(cpu) && ioPrivilegeLevel(cpu) < 3) return cpu.raise(Vector.GeneralProtection, 0);
  const image = peekStack(cpu, 0, instruction.operandSize, 0);
  if (cpu.faulted) return false;
  dropStack(cpu, instruction.operandSize);
  let changed = EFLAGS_DEFINED & ~(EFLAGS_VM | EFLAGS_VIF | EFLAGS_VIP);
  if (isVirtual8086(cpu)) changed &= ~EFLAGS_IOPL;
  else changed &= privilegedFlagMask(cpu);
  if (instruction.operandSize === 2) changed &= 0xffff;
  const old = cpu.getEflags();
  let flags = (old & ~changed) | (image & changed);
  if (instruction.operandSize === 4) {
    flags &= ~EFLAGS_RF;
    if (isProtected(cpu) && cpu.state[CPL] === 0) flags &= ~(EFLAGS_VIF | EFLAGS_VIP);
  }
  cpu.setEflags(flags);
  return true;
}

/** Mask of the flags that POPF and IRET may change at the current privilege: without IOPL, and without IF. */
export function privilegedFlagMask(cpu: Cpu): number {
  const cpl = (cpu.state[CR0] & CR0_PE) === 0 ? 0 : cpu.state[CPL];
  let mask = -1;
  if (cpl !== 0) mask &= ~EFLAGS_IOPL;
  if (cpl > ioPrivilegeLevel(cpu)) mask &= ~EFLAGS_IF;
  return mask;
}

/**
 * The interrupt input, for whoever drives the processor between two calls of run(): delivers an external interrupt through
 * the IDT if the processor takes one now, that is with IF set and outside the shadow of STI and loads of SS. An exception
 * met on the way is delivered in its place; when that fails too, the next run() returns Shutdown.
 * @returns false when the interrupt was not taken and must stay pending
 */
export function acceptInterrupt(cpu: Cpu, vector: number): boolean {
  if (!acceptsInterrupts(cpu)) return false;
  deliverExternal(cpu, vector & 0xff);
  return true;
}

/**
 * The NMI input: delivers vector 2 unless an earlier NMI is still being handled (up to the next IRET) or SS was just loaded.
 * @returns false when it was not taken and must stay pending
 */
export function acceptNonMaskableInterrupt(cpu: Cpu): boolean {
  const state = cpu.state;
  if (state[NMI_BLOCKED] !== 0 || debugInhibited(cpu)) return false;
  state[NMI_BLOCKED] = 1;
  deliverExternal(cpu, Vector.NonMaskableInterrupt);
  return true;
}

function deliverExternal(cpu: Cpu, vector: number): void {
  cpu.faulted = false;
  if (enterInterrupt(cpu, vector, InterruptSource.External, false, 0, cpu.state[EIP])) return;
  if (deliverException(cpu)) return;
  cpu.pendingExit = ExitReason.Shutdown;
  cpu.attention = true;
}
