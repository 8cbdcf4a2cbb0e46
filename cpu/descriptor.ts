/**
 * Segment descriptors and gates as they lie in the GDT, LDT and IDT (SDM vol 3A sections 3.4.5, 3.5, 5.8.3, 6.11),
 * and the access word that a segment cache keeps of them:
 *
 *   bit 15 G  14 D/B  13 -  12 AVL  11-8 zero  7 P  6-5 DPL  4 S  3-0 type
 */
import type { Cpu } from './cpu.js';
import { GDTR_BASE, GDTR_LIMIT, LDTR, SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_LIMIT } from './layout.js';

export const ACCESS_TYPE = 0x000f;
export const ACCESS_ACCESSED = 0x0001;
/** Data: writable. Code: readable. */
export const ACCESS_WRITABLE = 0x0002;
export const ACCESS_READABLE = 0x0002;
/** Data: expand-down. Code: conforming. */
export const ACCESS_EXPAND_DOWN = 0x0004;
export const ACCESS_CONFORMING = 0x0004;
export const ACCESS_CODE = 0x0008;
/** S: a code or data segment, not a system descriptor. */
export const ACCESS_SEGMENT = 0x0010;
export const ACCESS_DPL_SHIFT = 5;
export const ACCESS_PRESENT = 0x0080;
/** D of code, B of data: 32-bit. */
export const ACCESS_BIG = 0x4000;
export const ACCESS_GRANULAR = 0x8000;
const ACCESS_KEPT = 0xf0ff;

/** Types of system descriptors. */
export const SystemType = {
  Tss16: 1,
  Ldt: 2,
  BusyTss16: 3,
  CallGate16: 4,
  TaskGate: 5,
  InterruptGate16: 6,
  TrapGate16: 7,
  Tss32: 9,
  BusyTss32: 11,
  CallGate32: 12,
  InterruptGate32: 14,
  TrapGate32: 15,
} as const;

/** Busy bit of a TSS descriptor's type, in its second dword. */
export const TSS_BUSY = 0x200;

/** In a selector: table indicator; and what an error code keeps of a selector. */
export const SELECTOR_LOCAL = 4;
export const SELECTOR_RPL = 3;
const ERROR_CODE_SELECTOR = 0xfffc;

/** True for selectors 0-3, which name no descriptor. */
export function isNullSelector(selector: number): boolean {
  return (selector & ERROR_CODE_SELECTOR) === 0;
}

/** Error code that names a selector. */
export function selectorErrorCode(selector: number): number {
  return selector & ERROR_CODE_SELECTOR;
}

/**
 * Linear address of a selector's descriptor (uint32), or -1 when it lies outside its table or the selector names the LDT
 * and there is none. The null selector is not treated apart.
 */
export function descriptorAddress(cpu: Cpu, selector: number): number {
  const state = cpu.state;
  const offset = selector & 0xfff8;
  if ((selector & SELECTOR_LOCAL) === 0) {
    return offset + 7 > state[GDTR_LIMIT] ? -1 : (state[GDTR_BASE] + offset) >>> 0;
  }
  if ((state[SEGMENT_ACCESS + LDTR] & ACCESS_PRESENT) === 0) return -1;
  if (offset + 7 > state[SEGMENT_LIMIT + LDTR] >>> 0) return -1;
  return (state[SEGMENT_BASE + LDTR] + offset) >>> 0;
}

/** A descriptor or gate as it was read from its table. */
export interface Descriptor {
  /** Linear address, unsigned. */
  address: number;
  low: number;
  high: number;
  /** Access word of `high`. */
  access: number;
}

/**
 * Reads the descriptor that a selector names to cpu.descriptor, where it stays until the next is read.
 *
 * @param violation the exception for a null selector and for one outside its table; its error code names the selector
 * @returns false when that or a #PF was raised
 */
export function fetchDescriptor(cpu: Cpu, selector: number, violation: number): boolean {
  const address = isNullSelector(selector) ? -1 : descriptorAddress(cpu, selector);
  if (address < 0) return cpu.raise(violation, selectorErrorCode(selector));
  return readDescriptor(cpu, address);
}

/** As fetchDescriptor(), for LDTs and task state segments, which the GDT alone may hold. */
export function fetchGlobalDescriptor(cpu: Cpu, selector: number, violation: number): boolean {
  if ((selector & SELECTOR_LOCAL) !== 0) return cpu.raise(violation, selectorErrorCode(selector));
  return fetchDescriptor(cpu, selector, violation);
}

/** Reads the descriptor or gate at a linear address to cpu.descriptor. False when a #PF was raised. */
export function readDescriptor(cpu: Cpu, address: number): boolean {
  const low = cpu.readSystem32(address);
  if (cpu.faulted) return false;
  const high = cpu.readSystem32((address + 4) | 0);
  if (cpu.faulted) return false;
  const { descriptor } = cpu;
  descriptor.address = address;
  descriptor.low = low;
  descriptor.high = high;
  descriptor.access = descriptorAccess(high);
  return true;
}

/** Segment base from the two dwords of a descriptor (int32). */
export function descriptorBase(low: number, high: number): number {
  return (low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000);
}

/** Highest byte offset that the limit field stands for, granularity applied (int32, to be read as unsigned). */
export function descriptorLimit(low: number, high: number): number {
  const limit = (low & 0xffff) | (high & 0xf_0000);
  return (high & 0x80_0000) === 0 ? limit : (limit << 12) | 0xfff;
}

/** Access word of a descriptor's second dword. */
export function descriptorAccess(high: number): number {
  return (high >>> 8) & ACCESS_KEPT;
}

export function accessDpl(access: number): number {
  return (access >>> ACCESS_DPL_SHIFT) & 3;
}

/** Type and S bit: a value of SystemType for system descriptors, 16 and more for code and data. */
export function accessKind(access: number): number {
  return access & (ACCESS_TYPE | ACCESS_SEGMENT);
}

/**
 * Sets the accessed bit of a code or data descriptor in memory as loading it does.
 * @returns false when the write faulted
 */
export function markAccessed(cpu: Cpu, address: number, high: number): boolean {
  const accessed = ACCESS_ACCESSED << 8;
  return (high & accessed) !== 0 || cpu.writeSystem32((address + 4) | 0, high | accessed);
}
