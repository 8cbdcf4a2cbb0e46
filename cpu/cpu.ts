import { BlockCache } from './block-cache.js';
import { DebugRegisters } from './debug-registers.js';
import type { Descriptor } from './descriptor.js';
import { deliverException } from './exceptions.js';
import { ExitReason } from './exit-reason.js';
import { composeEflags, storeEflags } from './flags.js';
import type { InnerStack } from './inner-stack.js';
import { createInterpreter, type Interpreter } from './interpreter.js';
import {
  CPL,
  CR2,
  DEBUG_SHADOW,
  EIP,
  FRAME_PLACEMENT,
  INTERRUPT_SHADOW,
  NUMERIC_ERROR,
  PAGE_MASK,
  SCRATCH_OFFSET,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  TLB_SUPERVISOR_EXECUTE_OFFSET,
  TLB_SUPERVISOR_READ_OFFSET,
  TLB_SUPERVISOR_WRITE_OFFSET,
  TLB_USER_EXECUTE_OFFSET,
  TLB_USER_READ_OFFSET,
  TLB_USER_WRITE_OFFSET,
} from './layout.js';
import { AccessKind } from './paging.js';
import type { PhysicalMemory } from './physical-memory.js';
import { floatingPorts, type IoPorts } from './port-io.js';
import { checksAlignment } from './processor-mode.js';
import { segmentLinear } from './segmentation.js';
import { loadCr0, loadCr3, loadCr4, loadEfer, resetSystemRegisters } from './system-registers.js';
import { fillTlb, flushTlb, invalidatePage } from './tlb.js';

export { ExitReason } from './exit-reason.js';
export { AccessKind } from './paging.js';

/** The host kernel that takes this processor's exceptions in place of the guest's IDT. */
export interface ExceptionOwner {
  /**
   * A page fault, before anything of the instruction is committed; state[EIP] and instructionCount are exact, CR2 is set.
   * True: the owner repaired it and the access is tried again. False: run() returns ExitReason.Exception.
   * Must neither allocate nor throw.
   */
  pageFault(cpu: Cpu, linear: number, errorCode: number): boolean;
}

const VECTOR_PAGE_FAULT = 14;
const VECTOR_ALIGNMENT_CHECK = 17;

export interface CpuOptions {
  /**
   * A machine loop of its own: about 1.4 times as fast, but the JavaScript engine warms it up for this processor alone.
   * For a process that runs one machine; many machines in one process better share a loop.
   */
  readonly dedicatedLoop?: boolean;
  /**
   * How many of the interpreter's slices (65,536 instructions) must end at a block before it is translated; 0 = nothing is; 1 = every
   * block is, as soon as it is entered otherwise than by a branch. Changes nothing but speed.
   */
  readonly translateAfter?: number;
}

/** An IA-32 processor over one physical memory. All its architectural state lies in that memory (see layout.ts). */
export class Cpu {
  readonly memory: PhysicalMemory;
  readonly owner: ExceptionOwner | null;
  /** Words, bytes and data view of the whole linear memory; the processor state is its beginning. */
  readonly state: Int32Array;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  /** RDTSC reads instructionCount + timestampOffset. */
  timestampOffset = 0;

  /** What IN, OUT, INS and OUTS reach. */
  ioPorts: IoPorts = floatingPorts;

  /** The last exception: valid when run() returned Exception or SoftwareInterrupt. */
  exceptionVector = 0;
  exceptionErrorCode = 0;
  exceptionHasErrorCode = false;
  /** The exception is no fault: RF in the frame's EFLAGS is as it is in the register. */
  exceptionKeepsResumeFlag = false;
  /** Linear address of the last page fault. */
  exceptionLinear = 0;
  /** Set by raise(); cleared before each instruction handler. */
  faulted = false;
  /** Error code of the last translation that failed. */
  pageFaultErrorCode = 0;
  /** True when a handler set EIP itself. */
  jumped = false;
  /** The INTR input; see setInterruptRequest(). */
  interruptRequest = false;
  /** The FERR# output: called when it goes active, which it does only with CR0.NE clear. */
  numericError: () => void = () => undefined;
  /** The IGNNE# input. Whoever drives it takes it away when FERR# goes active anew. */
  ignoreNumericError = false;
  /** The instruction was not executed: the processor stands still before it until an interrupt comes. */
  stoodStill = false;
  /** Word indices of the TLB tables for the data accesses of the running code; kept by the interpreter. */
  readTable = TLB_SUPERVISOR_READ_OFFSET >> 2;
  writeTable = TLB_SUPERVISOR_WRITE_OFFSET >> 2;
  /** ExitReason that run() shall return at the next instruction boundary, or -1. */
  pendingExit = -1;
  /** True when the run loop must leave at the end of the running block and look at the processor state afresh. */
  attention = false;

  readonly counters = {
    tlbMisses: 0,
    pageFaults: 0,
    blocksDecoded: 0,
    blocksInvalidated: 0,
    jumpCacheMisses: 0,
    regionsTranslated: 0,
  };
  readonly blocks: BlockCache;
  /** The descriptor that was read last (descriptor.ts). */
  readonly descriptor: Descriptor = { address: 0, low: 0, high: 0, access: 0 };
  /** The stack that a transfer to an inner level is about to switch to (inner-stack.ts). */
  readonly innerStack: InnerStack = { selector: 0, top: 0, address: 0, low: 0, high: 0, access: 0 };
  readonly debug: DebugRegisters;
  readonly #interpreter: Interpreter;

  /** @param owner takes the exceptions; null: they go through the guest's IDT inside run(). */
  constructor(memory: PhysicalMemory, owner: ExceptionOwner | null, options: CpuOptions = {}) {
    this.memory = memory;
    this.owner = null;
    this.state = memory.words;
    this.bytes = memory.bytes;
    this.view = memory.view;
    this.debug = new DebugRegisters(this);
    this.blocks = new BlockCache(this);
    this.#interpreter = createInterpreter(this, options);
    this.owner = owner;
    this.counters.tlbMisses = 0;
    this.counters.pageFaults = 0;
    this.reset();
  }

  /** Power-up state (SDM vol 3A section 9.1.1): real mode, CS base FFFF0000h, EIP FFF0h. Memory is left alone. */
  reset(): void {
    this.state.fill(0, 0, FRAME_PLACEMENT);
    resetSystemRegisters(this);
    this.flushTlb(true);
    this.blocks.clear();
    this.setEflags(2);
    this.state[EIP] = 0xfff0;
    this.instructionCount = 0;
    this.pendingExit = -1;
    this.faulted = false;
    this.ignoreNumericError = false;
    this.#interpreter.reset();
  }

  /**
   * Runs at most this many instructions (1 = single step) and says why it stopped.
   * A REP string instruction counts as one instruction.
   */
  run(maximumInstructions: number): ExitReason {
    return this.#interpreter.run(maximumInstructions);
  }

  /** Instructions retired so far; exact inside owner callbacks and instruction handlers too. */
  get instructionCount(): number {
    return this.#interpreter.instructionCount;
  }

  set instructionCount(value: number) {
    this.#interpreter.instructionCount = value;
  }

  /** Makes run() return `Interrupted` at the next instruction boundary. */
  requestExit(): void {
    this.pendingExit = ExitReason.Interrupted;
    this.attention = true;
  }

  /**
   * The INTR input: while active, run() returns `Interrupted` as soon as the processor would take an external interrupt, for
   * whoever drives it to call acceptInterrupt().
   */
  setInterruptRequest(active: boolean): void {
    this.interruptRequest = active;
    this.attention = true;
  }

  /** For handlers: execution goes on at this EIP in place of the next instruction. */
  jump(eip: number): void {
    this.state[EIP] = eip;
    this.jumped = true;
    this.attention = true;
  }

  /** The architectural EFLAGS. */
  getEflags(): number {
    return composeEflags(this.state);
  }

  /** Sets all of EFLAGS; bit 1 reads as one and bits 3, 5 and 15 as zero whatever the value. */
  setEflags(value: number): void {
    storeEflags(this.state, value);
    this.attention = true;
  }

  /**
   * Loads a segment cache from its parts without any check.
   * @param access descriptor bits 8-23 of the second dword in bits 0-15, as in layout.ts; 0 = unusable
   */
  setSegment(segment: number, selector: number, base: number, limit: number, access: number): void {
    const state = this.state;
    state[SEGMENT_SELECTOR + segment] = selector;
    state[SEGMENT_BASE + segment] = base;
    state[SEGMENT_LIMIT + segment] = limit;
    state[SEGMENT_ACCESS + segment] = access;
    this.attention = true;
  }

  /**
   * Records an exception for delivery once the instruction is abandoned. Returns false so that a handler can
   * `return cpu.raise(...)`.
   */
  raise(vector: number, errorCode?: number): false {
    this.exceptionVector = vector;
    this.exceptionHasErrorCode = errorCode !== undefined;
    this.exceptionErrorCode = errorCode ?? 0;
    this.exceptionKeepsResumeFlag = false;
    this.faulted = true;
    return false;
  }

  /** For handlers, in place of raise(): run() returns Halt with EIP at the instruction, which comes again behind an interrupt. */
  standStill(): false {
    // Nothing will end a shadow of STI or MOV SS while no instruction is executed.
    this.state[INTERRUPT_SHADOW] = this.instructionCount | 0;
    this.state[DEBUG_SHADOW] = this.instructionCount | 0;
    this.faulted = true;
    this.stoodStill = true;
    return false;
  }

  /** True while the FERR# output is active. */
  get numericErrorActive(): boolean {
    return this.state[NUMERIC_ERROR] !== 0;
  }

  /** Delivers the recorded exception through the guest's IDT. False: shutdown (triple fault). */
  deliver(): boolean {
    return deliverException(this);
  }

  // --- translation -----------------------------------------------------------------------------------------------

  /**
   * Host byte offset of a linear address, filling the TLB and setting accessed and dirty bits as the hardware does;
   * 0 when the access faults, and then pageFaultErrorCode holds the error code. Raises nothing and calls no owner.
   */
  translate(linear: number, access: AccessKind, supervisor: boolean): number {
    const page = this.state[tableOf(access, supervisor) + (linear >>> 12)];
    if (page !== 0) return (page | (linear & PAGE_MASK)) >>> 0;
    this.counters.tlbMisses++;
    const filled = fillTlb(this, linear, access, supervisor);
    return filled === 0 ? 0 : (filled | (linear & PAGE_MASK)) >>> 0;
  }

  /** As translate(), but a fault goes to the owner and, when it is not resolved there, is raised as #PF. */
  resolve(linear: number, access: AccessKind, supervisor: boolean): number {
    for (;;) {
      const host = this.translate(linear, access, supervisor);
      if (host !== 0) return host;
      this.counters.pageFaults++;
      this.state[CR2] = linear;
      this.exceptionLinear = linear;
      if (this.owner === null || !this.owner.pageFault(this, linear, this.pageFaultErrorCode)) {
        this.raise(VECTOR_PAGE_FAULT, this.pageFaultErrorCode);
        return 0;
      }
    }
  }

  /** True when this host page holds decoded code: the TLB must not give it a write entry. */
  pageHasCode(hostPage: number): boolean {
    return this.blocks.pageHasCode(hostPage);
  }

  /** Code that somebody wrote into memory by host offset: decoded blocks over those bytes are dropped. */
  codeWritten(hostOffset: number, length: number): void {
    this.blocks.written(hostOffset, length);
  }

  invalidatePage(linear: number): void {
    invalidatePage(this, linear);
    this.attention = true;
  }

  /** Empties the TLB; global pages stay unless asked for. */
  flushTlb(includeGlobal: boolean): void {
    flushTlb(this, includeGlobal);
    this.attention = true;
  }

  /** The MOV to CR0 without its privilege check. A value that the MOV would refuse with #GP raises it (see faulted). */
  setCr0(value: number): void {
    loadCr0(this, value);
    this.attention = true;
  }

  setCr3(value: number): void {
    loadCr3(this, value);
    this.attention = true;
  }

  setCr4(value: number): void {
    loadCr4(this, value);
    this.attention = true;
  }

  setEfer(value: number): void {
    loadEfer(this, value);
    this.attention = true;
  }

  /**
   * False when an access with the rights of the current CPL is misaligned and alignment is checked: #AC(0) is raised then.
   * Comes before the pages of the access are looked at. Source: SDM vol 3A section 6.15, table 6-7.
   * @param size bytes of the operand as a whole: environments and stack frames have their own alignment
   */
  aligned(linear: number, size: number): boolean {
    if (!checksAlignment(this.state) || (linear & (alignmentOf(size) - 1)) === 0) return true;
    return this.raise(VECTOR_ALIGNMENT_CHECK, 0);
  }

  // --- linear accesses with the rights of the current CPL -----------------------------------------------------------

  readLinear8(linear: number): number {
    return this.#read8(linear, this.state[CPL] !== 3);
  }

  readLinear16(linear: number): number {
    return this.aligned(linear, 2) ? this.#read16(linear, this.state[CPL] !== 3) : 0;
  }

  readLinear32(linear: number): number {
    return this.aligned(linear, 4) ? this.#read32(linear, this.state[CPL] !== 3) : 0;
  }

  writeLinear8(linear: number, value: number): boolean {
    return this.#write8(linear, value, this.state[CPL] !== 3);
  }

  writeLinear16(linear: number, value: number): boolean {
    return this.aligned(linear, 2) && this.#write16(linear, value, this.state[CPL] !== 3);
  }

  writeLinear32(linear: number, value: number): boolean {
    return this.aligned(linear, 4) && this.#write32(linear, value, this.state[CPL] !== 3);
  }

  // --- supervisor accesses: descriptor tables, task state segments ----------------------------------------------------

  readSystem8(linear: number): number {
    return this.#read8(linear, true);
  }

  readSystem16(linear: number): number {
    return this.#read16(linear, true);
  }

  readSystem32(linear: number): number {
    return this.#read32(linear, true);
  }

  writeSystem8(linear: number, value: number): boolean {
    return this.#write8(linear, value, true);
  }

  writeSystem16(linear: number, value: number): boolean {
    return this.#write16(linear, value, true);
  }

  writeSystem32(linear: number, value: number): boolean {
    return this.#write32(linear, value, true);
  }

  #read8(linear: number, supervisor: boolean): number {
    const host = this.resolve(linear, AccessKind.Read, supervisor);
    if (host === 0) return 0;
    if (this.debug.watching) this.debug.accessed(linear, 1, false);
    return this.bytes[host];
  }

  #read16(linear: number, supervisor: boolean): number {
    const host = this.resolve(linear, AccessKind.Read, supervisor);
    if (host === 0) return 0;
    if (this.debug.watching) this.debug.accessed(linear, 2, false);
    if ((linear & PAGE_MASK) <= 0xffe) return this.view.getUint16(host, true);
    const second = this.resolve((linear + 1) | 0, AccessKind.Read, supervisor);
    return second === 0 ? 0 : this.bytes[host] | (this.bytes[second] << 8);
  }

  #read32(linear: number, supervisor: boolean): number {
    const host = this.resolve(linear, AccessKind.Read, supervisor);
    if (host === 0) return 0;
    if (this.debug.watching) this.debug.accessed(linear, 4, false);
    const inPage = linear & PAGE_MASK;
    if (inPage <= 0xffc) return this.view.getInt32(host, true);
    const second = this.resolve(((linear | PAGE_MASK) + 1) | 0, AccessKind.Read, supervisor);
    if (second === 0) return 0;
    // The owner may have reused the first page's frame while it resolved the second.
    const first = this.resolve(linear, AccessKind.Read, supervisor);
    const bytes = this.bytes;
    const firstLength = 0x1000 - inPage;
    let value = 0;
    for (let at = 3; at >= 0; at--) {
      value = (value << 8) | (at < firstLength ? bytes[first + at] : bytes[second + at - firstLength]);
    }
    return value;
  }

  #write8(linear: number, value: number, supervisor: boolean): boolean {
    const host = this.resolve(linear, AccessKind.Write, supervisor);
    if (host === 0) return false;
    if (this.debug.watching) this.debug.accessed(linear, 1, true);
    this.#writeByte(host, value);
    return true;
  }

  #write16(linear: number, value: number, supervisor: boolean): boolean {
    let host = this.resolve(linear, AccessKind.Write, supervisor);
    if (host === 0) return false;
    if (this.debug.watching) this.debug.accessed(linear, 2, true);
    if ((linear & PAGE_MASK) <= 0xffe) {
      this.view.setInt16(host, value, true);
      if (this.blocks.pageHasCode(host)) this.blocks.written(host, 2);
      return true;
    }
    const second = this.resolve((linear + 1) | 0, AccessKind.Write, supervisor);
    if (second === 0) return false;
    host = this.resolve(linear, AccessKind.Write, supervisor);
    if (host === 0) return false;
    this.#writeByte(host, value);
    this.#writeByte(second, value >> 8);
    return true;
  }

  #write32(linear: number, value: number, supervisor: boolean): boolean {
    let host = this.resolve(linear, AccessKind.Write, supervisor);
    if (host === 0) return false;
    if (this.debug.watching) this.debug.accessed(linear, 4, true);
    const inPage = linear & PAGE_MASK;
    if (inPage <= 0xffc) {
      this.view.setInt32(host, value, true);
      if (this.blocks.pageHasCode(host)) this.blocks.written(host, 4);
      return true;
    }
    const second = this.resolve(((linear | PAGE_MASK) + 1) | 0, AccessKind.Write, supervisor);
    if (second === 0) return false;
    host = this.resolve(linear, AccessKind.Write, supervisor);
    if (host === 0) return false;
    const firstLength = 0x1000 - inPage;
    for (let at = 0; at < 4; at++) {
      this.#writeByte(at < firstLength ? host + at : second + at - firstLength, value >> (at * 8));
    }
    return true;
  }

  #writeByte(host: number, value: number): void {
    this.bytes[host] = value;
    if (this.blocks.pageHasCode(host)) this.blocks.written(host, 1);
  }

  // --- accesses through a segment -------------------------------------------------------------------------------------

  /** Linear address of an operand after the checks of its segment; on a violation #GP or #SS is raised (see faulted). */
  linear(segment: number, offset: number, size: number, write: boolean): number {
    return segmentLinear(this, segment, offset, size, write);
  }

  read8(segment: number, offset: number): number {
    const linear = segmentLinear(this, segment, offset, 1, false);
    return this.faulted ? 0 : this.readLinear8(linear);
  }

  read16(segment: number, offset: number): number {
    const linear = segmentLinear(this, segment, offset, 2, false);
    return this.faulted ? 0 : this.readLinear16(linear);
  }

  read32(segment: number, offset: number): number {
    const linear = segmentLinear(this, segment, offset, 4, false);
    return this.faulted ? 0 : this.readLinear32(linear);
  }

  write8(segment: number, offset: number, value: number): boolean {
    const linear = segmentLinear(this, segment, offset, 1, true);
    return !this.faulted && this.writeLinear8(linear, value);
  }

  write16(segment: number, offset: number, value: number): boolean {
    const linear = segmentLinear(this, segment, offset, 2, true);
    return !this.faulted && this.writeLinear16(linear, value);
  }

  write32(segment: number, offset: number, value: number): boolean {
    const linear = segmentLinear(this, segment, offset, 4, true);
    return !this.faulted && this.writeLinear32(linear, value);
  }

  /**
   * Copies up to a page from memory to the scratch area at SCRATCH_OFFSET; all or nothing.
   * @param element bytes of each item of a row of operands: what its alignment depends on
   */
  loadBytes(segment: number, offset: number, size: number, element: number = size): boolean {
    const linear = segmentLinear(this, segment, offset, size, false);
    if (this.faulted || !this.aligned(linear, element)) return false;
    const supervisor = this.state[CPL] !== 3;
    const firstLength = 0x1000 - (linear & PAGE_MASK);
    let host = this.resolve(linear, AccessKind.Read, supervisor);
    if (host === 0) return false;
    if (this.debug.watching) this.debug.accessed(linear, size, false);
    if (size <= firstLength) {
      this.bytes.copyWithin(SCRATCH_OFFSET, host, host + size);
      return true;
    }
    const second = this.resolve((linear + firstLength) | 0, AccessKind.Read, supervisor);
    if (second === 0) return false;
    host = this.resolve(linear, AccessKind.Read, supervisor);
    if (host === 0) return false;
    this.bytes.copyWithin(SCRATCH_OFFSET, host, host + firstLength);
    this.bytes.copyWithin(SCRATCH_OFFSET + firstLength, second, second + size - firstLength);
    return true;
  }

  /** Checks that a write of this size would succeed, faulting as it would. `element` as for loadBytes(). */
  probeWrite(segment: number, offset: number, size: number, element: number = size): boolean {
    const linear = segmentLinear(this, segment, offset, size, true);
    if (this.faulted || !this.aligned(linear, element)) return false;
    const supervisor = this.state[CPL] !== 3;
    if (this.resolve(linear, AccessKind.Write, supervisor) === 0) return false;
    const firstLength = 0x1000 - (linear & PAGE_MASK);
    return size <= firstLength || this.resolve((linear + firstLength) | 0, AccessKind.Write, supervisor) !== 0;
  }

  /** Copies up to a page from the scratch area to memory; all or nothing. `element` as for loadBytes(). */
  storeBytes(segment: number, offset: number, size: number, element: number = size): boolean {
    const linear = segmentLinear(this, segment, offset, size, true);
    if (this.faulted || !this.aligned(linear, element)) return false;
    const supervisor = this.state[CPL] !== 3;
    const firstLength = 0x1000 - (linear & PAGE_MASK);
    let host = this.resolve(linear, AccessKind.Write, supervisor);
    if (host === 0) return false;
    if (this.debug.watching) this.debug.accessed(linear, size, true);
    if (size <= firstLength) {
      this.bytes.copyWithin(host, SCRATCH_OFFSET, SCRATCH_OFFSET + size);
      if (this.blocks.pageHasCode(host)) this.blocks.written(host, size);
      return true;
    }
    const second = this.resolve((linear + firstLength) | 0, AccessKind.Write, supervisor);
    if (second === 0) return false;
    host = this.resolve(linear, AccessKind.Write, supervisor);
    if (host === 0) return false;
    this.bytes.copyWithin(host, SCRATCH_OFFSET, SCRATCH_OFFSET + firstLength);
    this.bytes.copyWithin(second, SCRATCH_OFFSET + firstLength, SCRATCH_OFFSET + size);
    if (this.blocks.pageHasCode(host)) this.blocks.written(host, firstLength);
    if (this.blocks.pageHasCode(second)) this.blocks.written(second, size - firstLength);
    return true;
  }
}

/**
 * Alignment that an operand of this size has when alignment is checked: a power of two up to 16. Images of the x87 state are
 * rows of words or dwords, which their sizes tell too (14 and 94, 28 and 108); a table register begins with a dword, and 80-bit
 * numbers want 8. Where the SDM leaves it to the processor (MOVUPS, MASKMOVQ, FXSAVE) it is as on current AMD ones.
 */
function alignmentOf(size: number): number {
  if (size === 6) return 4;
  return size === 10 ? 8 : Math.min(16, size & -size);
}

/** Word index of the TLB table for this kind of access. */
function tableOf(access: AccessKind, supervisor: boolean): number {
  if (access === AccessKind.Read) return (supervisor ? TLB_SUPERVISOR_READ_OFFSET : TLB_USER_READ_OFFSET) >> 2;
  if (access === AccessKind.Write) return (supervisor ? TLB_SUPERVISOR_WRITE_OFFSET : TLB_USER_WRITE_OFFSET) >> 2;
  return (supervisor ? TLB_SUPERVISOR_EXECUTE_OFFSET : TLB_USER_EXECUTE_OFFSET) >> 2;
}
