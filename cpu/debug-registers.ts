/**
 * Debug exceptions (SDM vol 3B chapter 17): breakpoints by DR0-DR7 and what else makes a #DB trap. Nothing here costs
 * anything while no breakpoint is enabled:
 *
 *   instruction breakpoints  are part of the mode that decoded code is kept under: blocks end before a breakpoint, nothing
 *                            is linked to one, and so the interpreter passes by here before it executes the instruction
 *   data breakpoints         keep their page out of the read and write tables of the TLB, so that every access to it goes
 *                            the slow way, where it is compared
 */
import type { Cpu } from './cpu.js';
import { CR4, DR0, DR6, DR7, EFLAGS_SYSTEM, EIP } from './layout.js';
import { CR4_DE } from './paging.js';
import { EFLAGS_RF, EFLAGS_TF, Vector } from './segmentation.js';
import { closePage } from './tlb.js';

/** DR6 as a write may leave it, and causes of a #DB besides breakpoints 0-3. */
const DR6_FIXED_ONES = 0xffff_0ff0 | 0;
const DR6_WRITABLE = 0x0000_e00f;
export const DR6_ACCESS_DETECTED = 0x0000_2000;
export const DR6_SINGLE_STEP = 0x0000_4000;
export const DR6_TASK_SWITCH = 0x0000_8000;
const DR7_FIXED_ONE = 0x0000_0400;
const DR7_WRITABLE = 0xffff_23ff | 0;
/** L0-L3 and LE: a task switch clears them. */
const DR7_LOCAL = 0x0000_0155;
export const DR7_GENERAL_DETECT = 0x0000_2000;

const BREAKPOINTS = 4;
/** The R/W field of a breakpoint. I/O only with CR4.DE. */
const Condition = { Execute: 0, Write: 1, InputOutput: 2, ReadWrite: 3 } as const;
/** Bytes by the LEN field; 8 is what 64-bit processors of the family make of the undefined value. */
const LENGTHS = [1, 2, 8, 4] as const;
/** Numbers of sets have twelve bits in the mode word. */
const MAXIMUM_SETS = 4000;
/** Cause besides the bits of DR6: a breakpoint of the host, which the guest never sees. */
const HOST_BREAKPOINT = 0x1_0000;

/** A range of linear addresses that the host of the machine (a debugger) watches. */
export interface HostWatch {
  readonly address: number;
  readonly size: number;
  /** Reads count too, not only writes. */
  readonly reads: boolean;
}

/** Whether the #DB that ended run() is a stop for the host; Also: the guest gets its exception too. */
export const HostStop = { None: 0, Only: 1, Also: 2 } as const;
export type HostStop = (typeof HostStop)[keyof typeof HostStop];

/** What the processor derives from the debug registers, and the debug trap that is being made up. */
export class DebugRegisters {
  /** True while a data breakpoint is enabled: accesses are to be reported by accessed(). */
  watching = false;
  /** True while a port breakpoint is enabled. */
  watchingPorts = false;
  /** Number of the enabled set of instruction breakpoints; 0 = none. */
  instructionSet = 0;
  /** DR6 bits that the next #DB trap reports. */
  pending = 0;
  /** The instruction entered an interrupt handler or another task: no single-step trap behind it. */
  stepDiscarded = false;

  /** Last access to a watched range of the host: linear address, unsigned; -1 = none since it was set so. */
  hostAccess = -1;

  readonly #cpu: Cpu;
  /** Pages of the enabled data breakpoints; one never crosses a page, for its address is aligned to its length. */
  #pages: number[] = [];
  #hostInstructions: ReadonlySet<number> = new Set();
  #hostWatches: readonly HostWatch[] = [];
  #guestWatching = false;
  #hostStop: HostStop = HostStop.None;
  /** The sets of instruction breakpoints that were ever enabled, by their number - 1. */
  readonly #sets: string[] = [];

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  /**
   * Loads a debug register as MOV does after its checks: fixed bits stay.
   * @param number 0-3, 6 or 7
   */
  load(number: number, value: number): void {
    const state = this.#cpu.state;
    if (number === 6) state[DR6] = (value & DR6_WRITABLE) | DR6_FIXED_ONES;
    else if (number === 7) state[DR7] = (value & DR7_WRITABLE) | DR7_FIXED_ONE;
    else state[DR0 + number] = value;
    if (number !== 6) this.update();
  }

  /** Values of DR6 and DR7 after power-up. */
  reset(): void {
    this.pending = 0;
    this.load(6, 0);
    this.load(7, 0);
  }

  /**
   * Breakpoints of the host, any number of them beside those of the debug registers. A hit ends run() with
   * ExitReason.Exception, vector 1, and takeHostStop() says so: before the instruction at such an address, or behind one that
   * touched a watched range. Debug registers and the number of instructions stay as they would be without.
   * @param instructions linear addresses, unsigned
   */
  setHostBreakpoints(instructions: ReadonlySet<number>, watches: readonly HostWatch[]): void {
    this.#hostInstructions = instructions;
    this.#hostWatches = watches;
    this.update();
  }

  /** Tells once of a breakpoint of the host that was hit. */
  takeHostStop(): HostStop {
    const stop = this.#hostStop;
    this.#hostStop = HostStop.None;
    return stop;
  }

  /** Takes over DR0-DR3, DR7 and CR4.DE. */
  update(): void {
    const cpu = this.#cpu;
    const pages: number[] = [];
    const instructions: number[] = [...this.#hostInstructions];
    this.watchingPorts = false;
    for (let index = 0; index < BREAKPOINTS; index++) {
      if (!this.#enabled(index)) continue;
      const condition = this.#condition(index);
      if (condition === Condition.Execute) instructions.push(cpu.state[DR0 + index] >>> 0);
      else if (condition === Condition.InputOutput) this.watchingPorts ||= (cpu.state[CR4] & CR4_DE) !== 0;
      else pages.push(cpu.state[DR0 + index] >>> 12);
    }
    this.#guestWatching = pages.length > 0;
    for (const { address, size } of this.#hostWatches) {
      for (let page = address >>> 12; page <= (address + size - 1) >>> 12; page++) pages.push(page);
    }
    this.#pages = pages;
    this.watching = pages.length > 0;
    for (const page of pages) closePage(cpu, page);
    this.instructionSet = this.#setNumber(instructions);
    cpu.attention = true;
  }

  #setNumber(addresses: number[]): number {
    if (addresses.length === 0) return 0;
    const name = [...new Set(addresses)].sort((left, right) => left - right).join();
    const known = this.#sets.indexOf(name);
    if (known >= 0) return known + 1;
    if (this.#sets.length === MAXIMUM_SETS) {
      this.#sets.length = 0;
      this.#cpu.blocks.clear();
    }
    return this.#sets.push(name);
  }

  #enabled(index: number): boolean {
    return ((this.#cpu.state[DR7] >>> (index * 2)) & 3) !== 0;
  }

  #condition(index: number): number {
    return (this.#cpu.state[DR7] >>> (16 + index * 4)) & 3;
  }

  /** True when the breakpoint's bytes and these have one in common. */
  #overlaps(index: number, address: number, size: number): boolean {
    const length = LENGTHS[(this.#cpu.state[DR7] >>> (18 + index * 4)) & 3];
    const first = (this.#cpu.state[DR0 + index] & ~(length - 1)) >>> 0;
    const start = address >>> 0;
    return start < first + length && start + size > first;
  }

  /** True when the page must have no read and write entries in the TLB. */
  watchesPage(page: number): boolean {
    return this.#pages.includes(page);
  }

  /** Compares a data access with the breakpoints; a match is reported when its instruction is done. */
  accessed(linear: number, size: number, write: boolean): void {
    let matched = 0;
    let enabled = false;
    for (let index = 0; index < BREAKPOINTS; index++) {
      const condition = this.#condition(index);
      if (condition !== Condition.ReadWrite && !(write && condition === Condition.Write)) continue;
      if (!this.#overlaps(index, linear, size)) continue;
      // DR6 tells of breakpoints that are not enabled too, once one that is makes the exception.
      matched |= 1 << index;
      enabled ||= this.#enabled(index);
    }
    if (this.#isHostWatched(linear >>> 0, size, write)) {
      this.hostAccess = linear >>> 0;
      this.#report(HOST_BREAKPOINT);
    }
    if (enabled) this.#report(matched);
  }

  /**
   * An access that the owner of the machine (a kernel outside of the processor) made to the memory of the program that is current.
   * Watches of the host alone count: hostAccess tells of one, and run() ends before the next instruction with `Interrupted`.
   * @param linear unsigned
   */
  accessedByOwner(linear: number, size: number, write: boolean): void {
    if (!this.#isHostWatched(linear, size, write)) return;
    this.hostAccess = linear;
    this.#cpu.requestExit();
  }

  #isHostWatched(start: number, size: number, write: boolean): boolean {
    for (const watch of this.#hostWatches) {
      if (!write && !watch.reads) continue;
      if (start < watch.address + watch.size && start + size > watch.address) return true;
    }
    return false;
  }

  /** As accessed(), for ports. */
  portAccessed(port: number, size: number): void {
    let matched = 0;
    let enabled = false;
    for (let index = 0; index < BREAKPOINTS; index++) {
      if (this.#condition(index) !== Condition.InputOutput || !this.#overlaps(index, port, size)) continue;
      matched |= 1 << index;
      enabled ||= this.#enabled(index);
    }
    if (enabled) this.#report(matched);
  }

  /** DR6 bits of the instruction breakpoints at a linear address; 0 when none of them is enabled. */
  breaksAt(linear: number): number {
    let matched = 0;
    let enabled = false;
    for (let index = 0; index < BREAKPOINTS; index++) {
      if (this.#condition(index) !== Condition.Execute || this.#cpu.state[DR0 + index] !== (linear | 0)) continue;
      matched |= 1 << index;
      enabled ||= this.#enabled(index);
    }
    // The guest's own breakpoint comes when the host lets the instruction go.
    if (this.#hostInstructions.has(linear >>> 0)) return HOST_BREAKPOINT;
    return enabled ? matched : 0;
  }

  #report(causes: number): void {
    this.pending |= causes;
    this.#cpu.attention = true;
  }

  /** The T flag of a new task's TSS: #DB before its first instruction. */
  taskSwitched(): void {
    this.#report(DR6_TASK_SWITCH);
  }

  /** A task switch leaves only global breakpoints enabled. */
  clearLocalBreakpoints(): void {
    const state = this.#cpu.state;
    if ((state[DR7] & DR7_LOCAL) === 0) return;
    state[DR7] &= ~DR7_LOCAL;
    this.update();
  }

  /**
   * The instruction entered a handler or another task: no single-step trap comes behind it. What its accesses met is reported
   * before the first instruction there, and so is what the delivery itself met on its stack or in a task state segment.
   */
  entered(): void {
    this.stepDiscarded = true;
  }

  /**
   * Raises #DB for these causes.
   * @param keepsResumeFlag false for general detect, the only one whose frame has RF set by the exception itself
   */
  raise(causes: number, keepsResumeFlag: boolean): false {
    const state = this.#cpu.state;
    const guestCauses = causes & ~HOST_BREAKPOINT;
    if (guestCauses !== causes) this.#hostStop = guestCauses === 0 ? HostStop.Only : HostStop.Also;
    state[DR6] |= guestCauses;
    if (guestCauses !== 0) state[DR7] &= ~DR7_GENERAL_DETECT;
    this.#cpu.raise(Vector.Debug);
    this.#cpu.exceptionKeepsResumeFlag = keepsResumeFlag;
    return false;
  }

  /** True when a repeated string instruction must stop after each iteration, since a trap may come there. */
  trapsBetweenIterations(): boolean {
    return this.#guestWatching || this.watchingPorts || (this.#cpu.state[EFLAGS_SYSTEM] & EFLAGS_TF) !== 0;
  }
}

/**
 * Ends a repeated string instruction between two iterations: EIP stays, and RF is set so that an instruction
 * breakpoint is not met again.
 */
export function repeatLater(cpu: Cpu): true {
  cpu.setEflags(cpu.getEflags() | EFLAGS_RF);
  cpu.jump(cpu.state[EIP]);
  return true;
}
