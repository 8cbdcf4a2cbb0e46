/**
 * Segment registers: what loading one checks and what an access through one checks (SDM vol 3A chapters 3 and 5).
 */
import type { Cpu } from './cpu.js';
import {
  ACCESS_ACCESSED,
  ACCESS_BIG,
  ACCESS_CODE,
  ACCESS_CONFORMING,
  ACCESS_EXPAND_DOWN,
  ACCESS_PRESENT,
  ACCESS_READABLE,
  ACCESS_SEGMENT,
  ACCESS_WRITABLE,
  accessDpl,
  accessKind,
  descriptorAccess,
  descriptorBase,
  descriptorLimit,
  fetchDescriptor,
  fetchGlobalDescriptor,
  isNullSelector,
  markAccessed,
  SELECTOR_RPL,
  SystemType,
  selectorErrorCode,
} from './descriptor.js';
import { CPL, CR0, CS, EFLAGS_SYSTEM, LDTR, SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_LIMIT, SS } from './layout.js';
import { CR0_PE } from './paging.js';

export const Vector = {
  DivideError: 0,
  Debug: 1,
  NonMaskableInterrupt: 2,
  Breakpoint: 3,
  Overflow: 4,
  BoundRange: 5,
  InvalidOpcode: 6,
  DeviceNotAvailable: 7,
  DoubleFault: 8,
  InvalidTss: 10,
  SegmentNotPresent: 11,
  StackFault: 12,
  GeneralProtection: 13,
  PageFault: 14,
  MathFault: 16,
  AlignmentCheck: 17,
  MachineCheck: 18,
  SimdException: 19,
} as const;

export const EFLAGS_TF = 0x0000_0100;
export const EFLAGS_IF = 0x0000_0200;
export const EFLAGS_IOPL = 0x0000_3000;
export const EFLAGS_IOPL_SHIFT = 12;
export const EFLAGS_NT = 0x0000_4000;
export const EFLAGS_RF = 0x0001_0000;
export const EFLAGS_VM = 0x0002_0000;
export const EFLAGS_AC = 0x0004_0000;
export const EFLAGS_VIF = 0x0008_0000;
export const EFLAGS_VIP = 0x0010_0000;

export const CODE_SEGMENT = ACCESS_SEGMENT | ACCESS_CODE;
/** Data, writable, accessed, present; DPL 0 in real mode and 3 in virtual-8086 mode. */
const ACCESS_REAL = ACCESS_PRESENT | ACCESS_SEGMENT | ACCESS_WRITABLE | ACCESS_ACCESSED;
const ACCESS_VIRTUAL_8086 = ACCESS_REAL | (3 << 5);

/** True in protected mode proper: neither real-address nor virtual-8086 mode. */
export function isProtected(cpu: Cpu): boolean {
  return (cpu.state[CR0] & CR0_PE) !== 0 && (cpu.state[EFLAGS_SYSTEM] & EFLAGS_VM) === 0;
}

export function isVirtual8086(cpu: Cpu): boolean {
  return (cpu.state[EFLAGS_SYSTEM] & EFLAGS_VM) !== 0 && (cpu.state[CR0] & CR0_PE) !== 0;
}

/** I/O privilege level. */
export function ioPrivilegeLevel(cpu: Cpu): number {
  return (cpu.state[EFLAGS_SYSTEM] & EFLAGS_IOPL) >>> EFLAGS_IOPL_SHIFT;
}

/**
 * Linear address (uint32) of `size` bytes at an offset of a segment, after the checks of an access: usable, type, limit.
 * On a violation raises #SS(0) for the stack segment and #GP(0) for the others, and returns 0: cpu.faulted tells.
 * Source: SDM vol 3A section 5.3, 5.4; vol 1 section 3.3.5.
 */
export function segmentLinear(cpu: Cpu, segment: number, offset: number, size: number, write: boolean): number {
  const state = cpu.state;
  const access = state[SEGMENT_ACCESS + segment];
  const first = offset >>> 0;
  if (!allowsAccess(cpu, access, write) || !withinLimit(access, state[SEGMENT_LIMIT + segment], first, size)) {
    cpu.raise(segment === SS ? Vector.StackFault : Vector.GeneralProtection, 0);
    return 0;
  }
  return (state[SEGMENT_BASE + segment] + first) >>> 0;
}

function allowsAccess(cpu: Cpu, access: number, write: boolean): boolean {
  if ((access & ACCESS_PRESENT) === 0) return false;
  if ((access & ACCESS_CODE) === 0) return !write || (access & ACCESS_WRITABLE) !== 0;
  // Real and virtual-8086 mode have no types, but a CS cache may still be that of protected mode.
  if (!isProtected(cpu)) return true;
  return !write && (access & ACCESS_READABLE) !== 0;
}

/**
 * True when all bytes first .. first + size - 1 are valid offsets.
 * A segment of the full 4 GB has no last byte: accesses wrap around, as they do on current processors.
 */
export function withinLimit(access: number, limit: number, first: number, size: number): boolean {
  const highest = limit >>> 0;
  const last = first + size - 1;
  if ((access & (ACCESS_CODE | ACCESS_EXPAND_DOWN)) === ACCESS_EXPAND_DOWN) {
    return first > highest && last <= ((access & ACCESS_BIG) === 0 ? 0xffff : 0xffff_ffff);
  }
  return last <= highest || highest === 0xffff_ffff;
}

/** Loads a segment register in real-address or virtual-8086 mode: base = selector * 16. */
export function loadRealSegment(cpu: Cpu, segment: number, selector: number): void {
  const state = cpu.state;
  const base = (selector & 0xffff) << 4;
  if (isVirtual8086(cpu)) {
    cpu.setSegment(segment, selector, base, 0xffff, ACCESS_VIRTUAL_8086);
    return;
  }
  // The limit and D/B of earlier protected-mode loads stay ("unreal mode").
  const big = state[SEGMENT_ACCESS + segment] & ACCESS_BIG;
  const limit = state[SEGMENT_ACCESS + segment] === 0 ? 0xffff : state[SEGMENT_LIMIT + segment];
  cpu.setSegment(segment, selector, base, limit, ACCESS_REAL | big);
}

/** Puts all segment registers into the form of virtual-8086 mode, given their selectors. */
export function loadVirtual8086Segment(cpu: Cpu, segment: number, selector: number): void {
  cpu.setSegment(segment, selector, (selector & 0xffff) << 4, 0xffff, ACCESS_VIRTUAL_8086);
}

/**
 * MOV, POP, LDS/LES/LFS/LGS/LSS to a segment register other than CS.
 *
 * @param segment ES, SS, DS, FS or GS
 * @returns false when #GP, #SS, #NP or #PF was raised; nothing is loaded then
 * Source: SDM vol 2B, MOV, "Loading a segment register while in protected mode".
 */
export function loadDataSegment(cpu: Cpu, segment: number, selector: number): boolean {
  const wanted = selector & 0xffff;
  if (!isProtected(cpu)) {
    loadRealSegment(cpu, segment, wanted);
    return true;
  }
  if (segment === SS) return loadStackSegment(cpu, wanted, cpu.state[CPL], Vector.GeneralProtection);
  return loadDescriptorSegment(cpu, segment, wanted, Vector.GeneralProtection);
}

/**
 * Loads ES, DS, FS or GS in protected mode.
 *
 * @param violation what a bad selector raises: #GP, or #TS for selectors out of a TSS. A segment not present gives #NP.
 */
export function loadDescriptorSegment(cpu: Cpu, segment: number, selector: number, violation: number): boolean {
  if (isNullSelector(selector)) {
    cpu.setSegment(segment, selector, 0, 0, 0);
    return true;
  }
  if (!fetchDescriptor(cpu, selector, violation)) return false;
  const { address, low, high, access } = cpu.descriptor;
  const code = selectorErrorCode(selector);
  if (!isReadableSegment(access)) return cpu.raise(violation, code);
  const conforming = (access & (ACCESS_CODE | ACCESS_CONFORMING)) === (ACCESS_CODE | ACCESS_CONFORMING);
  if (!conforming && accessDpl(access) < Math.max(selector & SELECTOR_RPL, cpu.state[CPL])) {
    return cpu.raise(violation, code);
  }
  if ((access & ACCESS_PRESENT) === 0) return cpu.raise(Vector.SegmentNotPresent, code);
  if (!markAccessed(cpu, address, high)) return false;
  setSegmentFromDescriptor(cpu, segment, selector, low, high);
  return true;
}

function isReadableSegment(access: number): boolean {
  if ((access & ACCESS_SEGMENT) === 0) return false;
  return (access & ACCESS_CODE) === 0 || (access & ACCESS_READABLE) !== 0;
}

/**
 * Loads LDTR; the null selector makes the LDT unusable.
 *
 * @param violation what a bad selector and a wrong type raise: #GP for LLDT, #TS for a new task
 * @param absent what an LDT that is not present raises: #NP for LLDT, #TS for a new task
 */
export function loadLocalTable(cpu: Cpu, selector: number, violation: number, absent: number): boolean {
  if (isNullSelector(selector)) {
    cpu.setSegment(LDTR, selector, 0, 0, 0);
    return true;
  }
  if (!fetchGlobalDescriptor(cpu, selector, violation)) return false;
  const { low, high, access } = cpu.descriptor;
  const code = selectorErrorCode(selector);
  if (accessKind(access) !== SystemType.Ldt) return cpu.raise(violation, code);
  if ((access & ACCESS_PRESENT) === 0) return cpu.raise(absent, code);
  cpu.setSegment(LDTR, selector, descriptorBase(low, high), descriptorLimit(low, high), access);
  return true;
}

/**
 * Loads SS for code of the given privilege level.
 *
 * @param cpl the level that RPL and DPL must equal: the current one, or the one that a transfer goes to
 * @param violation what a bad selector raises: #GP for MOV, POP, LSS and returns, #TS for stacks out of a TSS
 * @returns false when an exception was raised; nothing is loaded then. A segment not present gives #SS.
 */
export function loadStackSegment(cpu: Cpu, selector: number, cpl: number, violation: number): boolean {
  if (!checkStackSegment(cpu, selector, cpl, violation)) return false;
  const { address, low, high } = cpu.descriptor;
  if (!markAccessed(cpu, address, high)) return false;
  setSegmentFromDescriptor(cpu, SS, selector, low, high);
  return true;
}

/** The checks of loadStackSegment() without the load: the descriptor is in cpu.descriptor, or false with an exception raised. */
export function checkStackSegment(cpu: Cpu, selector: number, cpl: number, violation: number): boolean {
  if (!fetchDescriptor(cpu, selector, violation)) return false;
  const { access } = cpu.descriptor;
  const code = selectorErrorCode(selector);
  const writableData =
    (access & (ACCESS_SEGMENT | ACCESS_CODE | ACCESS_WRITABLE)) === (ACCESS_SEGMENT | ACCESS_WRITABLE);
  if ((selector & SELECTOR_RPL) !== cpl || !writableData || accessDpl(access) !== cpl)
    return cpu.raise(violation, code);
  return (access & ACCESS_PRESENT) !== 0 || cpu.raise(Vector.StackFault, code);
}

/** Loads a segment cache from a descriptor's two dwords, with the accessed bit as it is in memory after the load. */
export function setSegmentFromDescriptor(cpu: Cpu, segment: number, selector: number, low: number, high: number): void {
  const access = descriptorAccess(high) | ACCESS_ACCESSED;
  cpu.setSegment(segment, selector & 0xffff, descriptorBase(low, high), descriptorLimit(low, high), access);
}

/** True for code segments in which code of this level may run: conforming ones of its level and inner ones, others of its own. */
export function isCodeForLevel(access: number, level: number): boolean {
  if ((access & CODE_SEGMENT) !== CODE_SEGMENT) return false;
  return (access & ACCESS_CONFORMING) !== 0 ? accessDpl(access) <= level : accessDpl(access) === level;
}

/** Loads CS for code of the given privilege level; the selector's RPL becomes that level. Sets CPL. */
export function setCodeSegment(cpu: Cpu, selector: number, low: number, high: number, cpl: number): void {
  cpu.state[CPL] = cpl;
  setSegmentFromDescriptor(cpu, CS, (selector & ~SELECTOR_RPL) | cpl, low, high);
}

/**
 * After a return to less privileged code: data segments that this code must not reach become null.
 * Source: SDM vol 2B, RET and IRET, "RETURN-OUTER-PRIVILEGE-LEVEL".
 */
export function dropInaccessibleSegment(cpu: Cpu, segment: number): void {
  const state = cpu.state;
  const access = state[SEGMENT_ACCESS + segment];
  if (access === 0) return;
  const conforming = (access & (ACCESS_CODE | ACCESS_CONFORMING)) === (ACCESS_CODE | ACCESS_CONFORMING);
  if (!conforming && accessDpl(access) < state[CPL]) {
    cpu.setSegment(segment, 0, 0, 0, 0);
  }
}
