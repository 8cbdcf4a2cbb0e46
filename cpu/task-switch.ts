/**
 * Hardware task switching (SDM vol 3A chapter 7): JMP, CALL, IRET, interrupts and exceptions through task state segments
 * and task gates. Up to the commit nothing is changed and a fault belongs to the old task. Behind it the processor is in the new
 * task, and what is wrong with that task's segments is raised there, with the EIP of its first instruction.
 */
import type { Cpu } from './cpu.js';
import {
  ACCESS_PRESENT,
  accessDpl,
  accessKind,
  descriptorAccess,
  descriptorAddress,
  descriptorBase,
  descriptorLimit,
  fetchDescriptor,
  fetchGlobalDescriptor,
  markAccessed,
  SELECTOR_LOCAL,
  SELECTOR_RPL,
  SystemType,
  selectorErrorCode,
  TSS_BUSY,
} from './descriptor.js';
import {
  CPL,
  CR0,
  CR3,
  CS,
  DS,
  EAX,
  EIP,
  ES,
  FS,
  GS,
  LDTR,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SS,
  TR,
} from './layout.js';
import { AccessKind, CR0_PG, CR0_TS } from './paging.js';
import {
  EFLAGS_NT,
  EFLAGS_VM,
  isCodeForLevel,
  loadDescriptorSegment,
  loadLocalTable,
  loadStackSegment,
  loadVirtual8086Segment,
  setCodeSegment,
  Vector,
} from './segmentation.js';
import { pushFrame, stagePush } from './stack-frame.js';
import { loadCr3 } from './system-registers.js';
import { checkAvailableTss, isTss32Kind, TSS16, TSS32, type TssLayout } from './tss.js';

/** What makes a task switch: decides about busy bits, the NT flag and the link to the old task. */
export const TaskSwitch = { Jump: 0, Call: 1, Return: 2, Interrupt: 3 } as const;
export type TaskSwitch = (typeof TaskSwitch)[keyof typeof TaskSwitch];

const REGISTERS = 8;
const NO_ERROR_CODE = -1;

function isBusy(kind: number): boolean {
  return kind === SystemType.BusyTss32 || kind === SystemType.BusyTss16;
}

/**
 * Far JMP or CALL to a TSS descriptor.
 * @param access the descriptor's access word
 * @param returnEip EIP behind the instruction, which the old task keeps
 */
export function switchToTss(cpu: Cpu, selector: number, access: number, kind: TaskSwitch, returnEip: number): boolean {
  const code = selectorErrorCode(selector);
  if (accessDpl(access) < Math.max(cpu.state[CPL], selector & SELECTOR_RPL) || (selector & SELECTOR_LOCAL) !== 0) {
    return cpu.raise(Vector.GeneralProtection, code);
  }
  return switchToAvailable(cpu, selector, kind, cpu.getEflags(), returnEip, NO_ERROR_CODE);
}

/** Far JMP or CALL to a task gate. */
export function switchThroughTaskGate(
  cpu: Cpu,
  selector: number,
  gateLow: number,
  gate: number,
  kind: TaskSwitch,
  returnEip: number,
): boolean {
  const code = selectorErrorCode(selector);
  if (accessDpl(gate) < Math.max(cpu.state[CPL], selector & SELECTOR_RPL)) {
    return cpu.raise(Vector.GeneralProtection, code);
  }
  if ((gate & ACCESS_PRESENT) === 0) return cpu.raise(Vector.SegmentNotPresent, code);
  return switchToAvailable(cpu, gateLow >>> 16, kind, cpu.getEflags(), returnEip, NO_ERROR_CODE);
}

/**
 * An interrupt or exception whose task gate has passed its own checks.
 * @param image EFLAGS that the old task keeps
 * @param errorCode pushed on the new task's stack; -1 for none
 */
export function interruptToTask(
  cpu: Cpu,
  selector: number,
  image: number,
  returnEip: number,
  errorCode: number,
): boolean {
  return switchToAvailable(cpu, selector, TaskSwitch.Interrupt, image, returnEip, errorCode);
}

/** The checks that JMP, CALL and interrupts make of the TSS that they name (#GP, #NP), and the switch. */
function switchToAvailable(
  cpu: Cpu,
  selector: number,
  kind: TaskSwitch,
  image: number,
  returnEip: number,
  errorCode: number,
): boolean {
  if (!checkAvailableTss(cpu, selector)) return false;
  return switchTask(cpu, selector, kind, image, returnEip, errorCode);
}

/** IRET with NT set: back to the task that the current TSS links to. Bad links give #TS with their selector. */
export function returnToLinkedTask(cpu: Cpu, returnEip: number): boolean {
  const state = cpu.state;
  if (state[SEGMENT_LIMIT + TR] >>> 0 < 1) {
    return cpu.raise(Vector.InvalidTss, selectorErrorCode(state[SEGMENT_SELECTOR + TR]));
  }
  const selector = cpu.readSystem16(state[SEGMENT_BASE + TR]);
  if (cpu.faulted) return false;
  if (!fetchGlobalDescriptor(cpu, selector, Vector.InvalidTss)) return false;
  const { access } = cpu.descriptor;
  if (!isBusy(accessKind(access))) return cpu.raise(Vector.InvalidTss, selectorErrorCode(selector));
  if ((access & ACCESS_PRESENT) === 0) return cpu.raise(Vector.SegmentNotPresent, selectorErrorCode(selector));
  const image = cpu.getEflags() & ~EFLAGS_NT;
  return switchTask(cpu, selector, TaskSwitch.Return, image, returnEip, NO_ERROR_CODE);
}

/** Steps 3 to 14 of SDM vol 3A section 7.3 for a new TSS, whose descriptor is in cpu.descriptor and known to be one. */
function switchTask(
  cpu: Cpu,
  selector: number,
  kind: TaskSwitch,
  image: number,
  returnEip: number,
  errorCode: number,
): boolean {
  const state = cpu.state;
  const nested = kind === TaskSwitch.Call || kind === TaskSwitch.Interrupt;
  const { address, low, high, access } = cpu.descriptor;
  const to = isTss32Kind(accessKind(access)) ? TSS32 : TSS16;
  const from = isTss32Kind(accessKind(state[SEGMENT_ACCESS + TR])) ? TSS32 : TSS16;
  const base = descriptorBase(low, high);
  const limit = descriptorLimit(low, high);
  if (limit >>> 0 < to.minimumLimit) return cpu.raise(Vector.InvalidTss, selectorErrorCode(selector));

  const oldSelector = state[SEGMENT_SELECTOR + TR];
  const oldBase = state[SEGMENT_BASE + TR];
  const oldAddress = descriptorAddress(cpu, oldSelector & ~SELECTOR_LOCAL);
  if (state[SEGMENT_LIMIT + TR] >>> 0 < from.savedEnd - 1 || (oldAddress < 0 && !nested)) {
    return cpu.raise(Vector.InvalidTss, selectorErrorCode(oldSelector));
  }
  if (!reachable(cpu, oldBase + from.eip, from.savedEnd - from.eip, AccessKind.Write)) return false;
  if (!reachable(cpu, base, to.minimumLimit + 1, AccessKind.Read)) return false;
  if (nested && !reachable(cpu, base, 2, AccessKind.Write)) return false;
  if (!nested && !reachable(cpu, oldAddress, 8, AccessKind.Write)) return false;
  if (kind !== TaskSwitch.Return && !reachable(cpu, address, 8, AccessKind.Write)) return false;

  if (!nested) {
    const oldHigh = cpu.readSystem32((oldAddress + 4) | 0);
    cpu.writeSystem32((oldAddress + 4) | 0, oldHigh & ~TSS_BUSY);
  }
  saveTask(cpu, from, oldBase, image, returnEip);
  const task = readTask(cpu, to, base);
  if (nested) cpu.writeSystem16(base, oldSelector);
  if (kind !== TaskSwitch.Return) cpu.writeSystem32((address + 4) | 0, high | TSS_BUSY);

  cpu.setSegment(TR, selector, base, limit, descriptorAccess(high | TSS_BUSY));
  return enterTask(cpu, to, task, nested ? task.eflags | EFLAGS_NT : task.eflags, errorCode);
}

/** True when every byte of a supervisor access to up to a page can be reached; else #PF is raised. */
function reachable(cpu: Cpu, linear: number, size: number, access: AccessKind): boolean {
  if (cpu.resolve(linear | 0, access, true) === 0) return false;
  return cpu.resolve((linear + size - 1) | 0, access, true) !== 0;
}

/** Stores what a switch saves of the old task: EIP, EFLAGS, general and segment registers. */
function saveTask(cpu: Cpu, layout: TssLayout, base: number, eflags: number, eip: number): void {
  const state = cpu.state;
  const write = (offset: number, value: number) => {
    if (layout.width === 4) cpu.writeSystem32((base + offset) | 0, value);
    else cpu.writeSystem16((base + offset) | 0, value & 0xffff);
  };
  write(layout.eip, eip);
  write(layout.eip + layout.width, eflags);
  for (let register = 0; register < REGISTERS; register++) {
    write(layout.registers + register * layout.width, state[EAX + register]);
  }
  for (let segment = ES; segment < layout.segmentCount; segment++) {
    cpu.writeSystem16((base + layout.segments + segment * layout.width) | 0, state[SEGMENT_SELECTOR + segment]);
  }
}

/** What a TSS holds of a task that is not running. */
interface TaskImage {
  readonly cr3: number;
  readonly eip: number;
  readonly eflags: number;
  readonly registers: readonly number[];
  /** Selectors ES CS SS DS FS GS. */
  readonly segments: readonly number[];
  readonly localTable: number;
  readonly trap: boolean;
}

function readTask(cpu: Cpu, layout: TssLayout, base: number): TaskImage {
  const wide = layout.width === 4;
  const read = (offset: number) => {
    const at = (base + offset) | 0;
    return wide ? cpu.readSystem32(at) : cpu.readSystem16(at);
  };
  const registers: number[] = [];
  for (let register = 0; register < REGISTERS; register++) {
    const value = read(layout.registers + register * layout.width);
    // A 16-bit task has no upper halves; the processor loads them with ones.
    registers.push(wide ? value : value | 0xffff_0000);
  }
  const segments = [0, 0, 0, 0, 0, 0];
  for (let segment = ES; segment < layout.segmentCount; segment++) {
    segments[segment] = cpu.readSystem16((base + layout.segments + segment * layout.width) | 0);
  }
  return {
    cr3: wide ? cpu.readSystem32((base + TSS32.cr3) | 0) : 0,
    eip: read(layout.eip),
    eflags: read(layout.eip + layout.width),
    registers,
    segments,
    localTable: cpu.readSystem16((base + layout.localTable) | 0),
    trap: wide && (cpu.readSystem16((base + TSS32.trap) | 0) & 1) !== 0,
  };
}

/** Makes the image the processor state, EIP included, then loads and checks its segments: a fault from here on is the new task's. */
function enterTask(cpu: Cpu, layout: TssLayout, task: TaskImage, eflags: number, errorCode: number): boolean {
  const state = cpu.state;
  state[CR0] |= CR0_TS;
  cpu.debug.clearLocalBreakpoints();
  cpu.debug.entered();
  for (let register = 0; register < REGISTERS; register++) state[EAX + register] = task.registers[register];
  cpu.setEflags(eflags);
  state[EIP] = task.eip;
  const virtual8086 = (eflags & EFLAGS_VM) !== 0;
  state[CPL] = virtual8086 ? 3 : task.segments[CS] & SELECTOR_RPL;
  for (let segment = ES; segment <= GS; segment++) cpu.setSegment(segment, task.segments[segment], 0, 0, 0);
  cpu.setSegment(LDTR, task.localTable, 0, 0, 0);
  if (layout.width === 4 && (state[CR0] & CR0_PG) !== 0 && task.cr3 !== state[CR3] && !loadCr3(cpu, task.cr3)) {
    return false;
  }
  if (!loadLocalTable(cpu, task.localTable, Vector.InvalidTss, Vector.InvalidTss)) return false;
  if (virtual8086) {
    for (let segment = ES; segment <= GS; segment++) loadVirtual8086Segment(cpu, segment, task.segments[segment]);
  } else if (!loadTaskSegments(cpu, task.segments)) return false;
  if (task.trap) cpu.debug.taskSwitched();
  if (errorCode !== NO_ERROR_CODE) {
    stagePush(cpu, 0, errorCode);
    if (!pushFrame(cpu, 1, layout.width, state[CPL] !== 3)) return false;
  }
  if (task.eip >>> 0 > state[SEGMENT_LIMIT + CS] >>> 0) return cpu.raise(Vector.GeneralProtection, 0);
  return true;
}

function loadTaskSegments(cpu: Cpu, segments: readonly number[]): boolean {
  if (!loadTaskCode(cpu, segments[CS])) return false;
  if (!loadStackSegment(cpu, segments[SS], cpu.state[CPL], Vector.InvalidTss)) return false;
  for (const segment of [ES, DS, FS, GS]) {
    if (!loadDescriptorSegment(cpu, segment, segments[segment], Vector.InvalidTss)) return false;
  }
  return true;
}

/** CS of the new task, whose RPL is the new privilege level. */
function loadTaskCode(cpu: Cpu, selector: number): boolean {
  if (!fetchDescriptor(cpu, selector, Vector.InvalidTss)) return false;
  const { address, low, high, access } = cpu.descriptor;
  const code = selectorErrorCode(selector);
  const level = selector & SELECTOR_RPL;
  if (!isCodeForLevel(access, level)) return cpu.raise(Vector.InvalidTss, code);
  if ((access & ACCESS_PRESENT) === 0) return cpu.raise(Vector.SegmentNotPresent, code);
  if (!markAccessed(cpu, address, high)) return false;
  setCodeSegment(cpu, selector, low, high, level);
  return true;
}
