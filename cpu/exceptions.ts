/**
 * Delivery of interrupts and exceptions through the guest's IDT, for processors without an owner (SDM vol 3A chapter 6,
 * vol 2A INT n). Nothing of the processor state changes before the last check of a delivery has passed, so a delivery
 * that fails leaves the state of the instruction for the next exception.
 */
import type { Cpu } from './cpu.js';
import {
  ACCESS_BIG,
  ACCESS_CODE,
  ACCESS_CONFORMING,
  ACCESS_PRESENT,
  ACCESS_SEGMENT,
  accessDpl,
  accessKind,
  descriptorLimit,
  fetchDescriptor,
  markAccessed,
  readDescriptor,
  SystemType,
  selectorErrorCode,
} from './descriptor.js';
import { findInnerStack, pushInnerFrame } from './inner-stack.js';
import {
  CPL,
  CR0,
  CS,
  DS,
  EIP,
  ES,
  ESP,
  FS,
  GS,
  IDTR_BASE,
  IDTR_LIMIT,
  SEGMENT_ACCESS,
  SEGMENT_SELECTOR,
  SS,
} from './layout.js';
import { CR0_PE } from './paging.js';
import {
  EFLAGS_AC,
  EFLAGS_IF,
  EFLAGS_NT,
  EFLAGS_RF,
  EFLAGS_TF,
  EFLAGS_VM,
  isVirtual8086,
  loadRealSegment,
  setCodeSegment,
  Vector,
} from './segmentation.js';
import { checkPush, pushFrame, stagePush } from './stack-frame.js';
import { interruptToTask } from './task-switch.js';

/** What made an interrupt: decides about the gate's DPL, the EXT bit and the resume flag of the pushed image. */
export const InterruptSource = {
  /** A fault: the instruction will be executed again. */
  Fault: 0,
  /** A trap that the processor raises behind the instruction: single step, ICEBP; also an instruction breakpoint. */
  Trap: 1,
  /** INT n, INT3, INTO: the gate's DPL is checked. */
  Software: 2,
  External: 3,
} as const;
export type InterruptSource = (typeof InterruptSource)[keyof typeof InterruptSource];

/** Bits of error codes: event external to the program, index into the IDT. */
const ERROR_CODE_EXTERNAL = 1;
const ERROR_CODE_IDT = 2;
const NO_ERROR_CODE = -1;
/** A delivery that met so many exceptions one after the other changes nothing any more and goes round for ever. */
const LONGEST_CHAIN = 16;
/** In the order in which an interrupt out of virtual-8086 mode pushes them. */
const VIRTUAL_8086_SEGMENTS = [GS, FS, DS, ES] as const;

function isContributory(vector: number): boolean {
  return vector === Vector.DivideError || (vector >= Vector.InvalidTss && vector <= Vector.GeneralProtection);
}

/** True when the second exception, met while the first was delivered, makes a double fault (SDM vol 3A table 6-5). */
export function makesDoubleFault(first: number, second: number): boolean {
  if (isContributory(first)) return isContributory(second);
  if (first === Vector.PageFault) return second === Vector.PageFault || isContributory(second);
  return false;
}

/**
 * Delivers the exception recorded by cpu.raise() with state[EIP] as return address.
 * @returns false on a triple fault: the processor shuts down. So it does where real ones hang until they are reset: when
 *   delivering #AC on a misaligned stack of ring 3 gives #AC again.
 */
export function deliverException(cpu: Cpu): boolean {
  let vector = cpu.exceptionVector;
  let hasErrorCode = cpu.exceptionHasErrorCode;
  let errorCode = cpu.exceptionErrorCode;
  let source: InterruptSource = cpu.exceptionKeepsResumeFlag ? InterruptSource.Trap : InterruptSource.Fault;
  for (let met = 0; met < LONGEST_CHAIN; met++) {
    cpu.faulted = false;
    if (enterInterrupt(cpu, vector, source, hasErrorCode, errorCode, cpu.state[EIP])) return true;
    if (vector === Vector.DoubleFault) return false;
    const second = cpu.exceptionVector;
    source = InterruptSource.Fault;
    if (makesDoubleFault(vector, second)) {
      vector = Vector.DoubleFault;
      hasErrorCode = true;
      errorCode = 0;
      continue;
    }
    vector = second;
    hasErrorCode = cpu.exceptionHasErrorCode;
    errorCode = cpu.exceptionErrorCode;
  }
  return false;
}

/**
 * Goes through the vector's gate: pushes the frame and sets CS:EIP, SS:ESP, EFLAGS.
 *
 * @param returnEip EIP of the pushed frame
 * @returns false when an exception was raised; nothing is changed then
 */
export function enterInterrupt(
  cpu: Cpu,
  vector: number,
  source: InterruptSource,
  hasErrorCode: boolean,
  errorCode: number,
  returnEip: number,
): boolean {
  if ((cpu.state[CR0] & CR0_PE) === 0) {
    if (!enterRealInterrupt(cpu, vector, returnEip)) return false;
    cpu.debug.entered();
    return true;
  }
  if (enterGate(cpu, vector, source, hasErrorCode, errorCode, returnEip)) {
    cpu.debug.entered();
    return true;
  }
  if (source !== InterruptSource.Software && cpu.exceptionVector !== Vector.PageFault) {
    cpu.exceptionErrorCode |= ERROR_CODE_EXTERNAL;
  }
  return false;
}

/** Real-address mode: a far pointer in the vector table, a 16-bit frame, no error code. */
function enterRealInterrupt(cpu: Cpu, vector: number, returnEip: number): boolean {
  const state = cpu.state;
  if (vector * 4 + 3 > state[IDTR_LIMIT]) return cpu.raise(Vector.GeneralProtection, 0);
  const pointer = cpu.readSystem32((state[IDTR_BASE] + vector * 4) | 0);
  if (cpu.faulted) return false;
  const flags = cpu.getEflags();
  stagePush(cpu, 0, flags);
  stagePush(cpu, 1, state[SEGMENT_SELECTOR + CS]);
  stagePush(cpu, 2, returnEip);
  if (!pushFrame(cpu, 3, 2, true)) return false;
  cpu.setEflags(flags & ~(EFLAGS_IF | EFLAGS_TF | EFLAGS_AC | EFLAGS_RF));
  loadRealSegment(cpu, CS, pointer >>> 16);
  state[EIP] = pointer & 0xffff;
  return true;
}

function enterGate(
  cpu: Cpu,
  vector: number,
  source: InterruptSource,
  hasErrorCode: boolean,
  errorCode: number,
  returnEip: number,
): boolean {
  const state = cpu.state;
  const gateCode = vector * 8 + ERROR_CODE_IDT;
  if (vector * 8 + 7 > state[IDTR_LIMIT]) return cpu.raise(Vector.GeneralProtection, gateCode);
  const gateAddress = (state[IDTR_BASE] + vector * 8) | 0;
  if (!readDescriptor(cpu, gateAddress)) return false;
  const { low: gateLow, high: gateHigh, access: gate } = cpu.descriptor;
  const kind = accessKind(gate);
  const wide = kind === SystemType.InterruptGate32 || kind === SystemType.TrapGate32;
  const interruptGate = kind === SystemType.InterruptGate32 || kind === SystemType.InterruptGate16;
  const taskGate = kind === SystemType.TaskGate;
  if (!wide && !taskGate && kind !== SystemType.InterruptGate16 && kind !== SystemType.TrapGate16) {
    return cpu.raise(Vector.GeneralProtection, gateCode);
  }
  if (source === InterruptSource.Software && accessDpl(gate) < state[CPL]) {
    return cpu.raise(Vector.GeneralProtection, gateCode);
  }
  if ((gate & ACCESS_PRESENT) === 0) return cpu.raise(Vector.SegmentNotPresent, gateCode);

  const frameErrorCode = hasErrorCode ? errorCode : NO_ERROR_CODE;
  const flags = cpu.getEflags();
  const image = source === InterruptSource.Fault ? flags | EFLAGS_RF : flags;
  if (taskGate) return interruptToTask(cpu, gateLow >>> 16, image, returnEip, frameErrorCode);
  const eip = wide ? (gateLow & 0xffff) | (gateHigh & 0xffff_0000) : gateLow & 0xffff;
  if (!enterHandler(cpu, gateLow >>> 16, eip, wide ? 4 : 2, image, returnEip, frameErrorCode)) return false;
  let cleared = EFLAGS_TF | EFLAGS_NT | EFLAGS_RF | EFLAGS_VM;
  if (interruptGate) cleared |= EFLAGS_IF;
  cpu.setEflags(flags & ~cleared);
  return true;
}

/**
 * Checks the handler's code segment, pushes the frame and loads CS:EIP and, for an inner level, SS:ESP.
 *
 * @param size bytes of each push, 4 or 2, as the gate says
 * @param image EFLAGS of the frame
 * @param errorCode NO_ERROR_CODE for none
 * @returns false when an exception was raised; nothing is changed then
 */
function enterHandler(
  cpu: Cpu,
  selector: number,
  eip: number,
  size: number,
  image: number,
  returnEip: number,
  errorCode: number,
): boolean {
  const state = cpu.state;
  if (!fetchDescriptor(cpu, selector, Vector.GeneralProtection)) return false;
  const { address: codeAddress, low: codeLow, high: codeHigh, access: code } = cpu.descriptor;
  const selectorCode = selectorErrorCode(selector);
  const cpl = state[CPL];
  if ((code & (ACCESS_SEGMENT | ACCESS_CODE)) !== (ACCESS_SEGMENT | ACCESS_CODE) || accessDpl(code) > cpl) {
    return cpu.raise(Vector.GeneralProtection, selectorCode);
  }
  if ((code & ACCESS_PRESENT) === 0) return cpu.raise(Vector.SegmentNotPresent, selectorCode);
  const newCpl = (code & ACCESS_CONFORMING) !== 0 ? cpl : accessDpl(code);
  const fromVirtual8086 = isVirtual8086(cpu);
  if (fromVirtual8086 && newCpl !== 0) return cpu.raise(Vector.GeneralProtection, selectorCode);

  let count = 0;
  if (fromVirtual8086) {
    for (const segment of VIRTUAL_8086_SEGMENTS) stagePush(cpu, count++, state[SEGMENT_SELECTOR + segment]);
  }
  if (newCpl !== cpl) {
    stagePush(cpu, count++, state[SEGMENT_SELECTOR + SS]);
    stagePush(cpu, count++, state[ESP]);
  }
  stagePush(cpu, count++, image);
  stagePush(cpu, count++, state[SEGMENT_SELECTOR + CS]);
  stagePush(cpu, count++, returnEip);
  if (errorCode !== NO_ERROR_CODE) stagePush(cpu, count++, errorCode);
  const inner = newCpl !== cpl;
  if (!(inner ? findInnerStack(cpu, newCpl, count, size) : checkPush(cpu, count, size))) return false;
  if (eip >>> 0 > descriptorLimit(codeLow, codeHigh) >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
  if (!markAccessed(cpu, codeAddress, codeHigh)) return false;
  if (!(inner ? pushInnerFrame(cpu, count, size) : pushFrame(cpu, count, size, cpl !== 3))) return false;
  if (fromVirtual8086) for (const segment of VIRTUAL_8086_SEGMENTS) cpu.setSegment(segment, 0, 0, 0, 0);
  setCodeSegment(cpu, selector, codeLow, codeHigh, newCpl);
  state[EIP] = eip;
  return true;
}

/** True when CS is a 32-bit code segment. */
export function isCode32(cpu: Cpu): boolean {
  return (cpu.state[SEGMENT_ACCESS + CS] & ACCESS_BIG) !== 0;
}
