/**
 * The stack of an inner privilege level, to which call gates and interrupts switch (SDM vol 3A sections 5.8.5 and 6.12.1): first it is
 * found and checked, then the transfer makes its last checks, then the frame is pushed.
 */
import type { Cpu } from './cpu.js';
import { descriptorBase, descriptorLimit, markAccessed, selectorErrorCode } from './descriptor.js';
import { ESP, SS } from './layout.js';
import { checkStackSegment, setSegmentFromDescriptor, Vector } from './segmentation.js';
import { checkFrame, mergeStackPointer, writeFrame } from './stack-frame.js';
import { innerStackPointer, innerStackSelector } from './tss.js';

/** What findInnerStack() found, for pushInnerFrame(). */
export interface InnerStack {
  selector: number;
  top: number;
  /** Linear address and dwords of the segment's descriptor. */
  address: number;
  low: number;
  high: number;
  access: number;
}

/**
 * Finds the stack that the TSS names for an inner level, with room for so many pushes of 2 or 4 bytes: it is in cpu.innerStack then.
 * @returns false when #TS, #SS or #PF was raised
 */
export function findInnerStack(cpu: Cpu, level: number, count: number, size: number): boolean {
  const top = innerStackPointer(cpu, level);
  if (cpu.faulted) return false;
  const selector = innerStackSelector(cpu, level);
  if (cpu.faulted || !checkStackSegment(cpu, selector, level, Vector.InvalidTss)) return false;
  const { address, low, high, access } = cpu.descriptor;
  const { innerStack } = cpu;
  innerStack.selector = selector;
  innerStack.top = top;
  innerStack.address = address;
  innerStack.low = low;
  innerStack.high = high;
  innerStack.access = access;
  return checkFrame(cpu, descriptorLimit(low, high), access, top, count, size, selectorErrorCode(selector));
}

/**
 * Pushes the staged frame on the stack in cpu.innerStack, and makes it the current one.
 * @returns false when #PF was raised; SS and ESP are unchanged then
 */
export function pushInnerFrame(cpu: Cpu, count: number, size: number): boolean {
  const { selector, top, address, low, high, access } = cpu.innerStack;
  if (!markAccessed(cpu, address, high)) return false;
  if (!writeFrame(cpu, descriptorBase(low, high), access, top, count, size, true)) return false;
  setSegmentFromDescriptor(cpu, SS, selector, low, high);
  cpu.state[ESP] = mergeStackPointer(top, top - count * size, access);
  return true;
}
