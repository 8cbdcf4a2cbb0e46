import { type BlockCache, MAXIMUM_BLOCK } from './block-cache.js';
import type { Cpu, CpuOptions } from './cpu.js';
import { DR6_SINGLE_STEP } from './debug-registers.js';
import { ExitReason } from './exit-reason.js';
import type { Handler, Instruction } from './instruction.js';
import { rehearse } from './interpreter-rehearsal.js';
import { SlowPath } from './interpreter-slow-path.js';
import { dedicatedLoop, sharedLoop } from './interpreter-source.js';
import { acceptsInterrupts, debugInhibited } from './interrupts.js';
import { JumpCaches } from './jump-caches.js';
import {
  CPL,
  CS,
  EFLAGS_SYSTEM,
  EIP,
  REGION_EXITS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  TLB_EMPTY_OFFSET,
  TLB_SUPERVISOR_EXECUTE_OFFSET,
  TLB_SUPERVISOR_READ_OFFSET,
  TLB_SUPERVISOR_WRITE_OFFSET,
  TLB_USER_EXECUTE_OFFSET,
  TLB_USER_READ_OFFSET,
  TLB_USER_WRITE_OFFSET,
} from './layout.js';
import {
  BLOCK_COUNT,
  BLOCK_DEAD,
  BLOCK_EIP,
  BLOCK_LENGTH,
  BLOCK_MODE,
  BLOCK_SIZE,
  BRANCH_LINK,
  BRANCH_TARGET,
  HEADER_WORDS,
  JUMP_ENTRIES,
  JUMP_ENTRY_WORDS,
} from './micro-operation.js';
import { isBranch, operationNumber } from './micro-operation-table.js';
import { AccessKind } from './paging.js';
import { checksAlignment, MODE_CODE_FLAT, modeBits } from './processor-mode.js';
import { isTerminal, operationLength } from './region.js';
import { RegionCache, TRANSLATE_AFTER } from './region-cache.js';
import type { RegionFunction } from './region-translator.js';
import { EFLAGS_IF, EFLAGS_RF, EFLAGS_TF, Vector } from './segmentation.js';
import { executeSseDirect } from './sse-direct.js';
import { executeX87Direct } from './x87-direct.js';

/** What the assembled loop is: runs blocks from `block` on until something needs attention. */
export type Execute = (run: Interpreter, block: number, remaining: number) => void;

/** The loop returns this often, so that it is compiled as a function and not only as a loop that never ended. */
const SLICE = 1 << 16;
/** In the mode: number of the set of instruction breakpoints, above the number of the code segment. */
const INSTRUCTION_SET_SHIFT = 20;
const MAXIMUM_CODE_SEGMENTS = 4095;

const X87 = operationNumber('X87');
const SSE = operationNumber('SSE');
const REGION = operationNumber('REGION');

/**
 * Runs decoded blocks. The hot loop is assembled text (interpreter-source.ts) and calls back here whenever a micro-operation
 * needs more than a TLB hit. Between the two goes the budget: `remaining` in the loop is what is left after the running block as
 * a whole; `left` here is exact to the instruction whenever anybody may look.
 */
export class Interpreter extends SlowPath {
  /** For the loop: word indices of the TLB tables of the current privilege and of the jump cache of the current mode. */
  readTable = 0;
  writeTable = 0;
  executeTable = 0;
  jumpBase = 0;
  /** sliceEnd - left is the instruction count. */
  sliceEnd = 0;

  /** For the loop: memory in the shapes that micro-operations use. */
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly view: DataView;
  readonly jumps: Int32Array;
  readonly handlers: readonly Handler[];
  readonly instructions: readonly Instruction[];
  readonly regions: RegionFunction[];

  readonly #regions: RegionCache;
  /** Every block is translated when it is first entered from here. */
  readonly #eager: boolean;
  #slice = 0;
  /** Instructions until the next block is sampled: faults and short budgets do not put it off. */
  #untilSample = SLICE;
  /** The block that the last slice ended at, 0 = it ended otherwise. */
  #sample = 0;
  /** Nothing interrupted that slice. */
  #isWholeSample = false;
  readonly #blocks: BlockCache;
  readonly #execute: Execute;
  readonly #jumpCaches = new JumpCaches();
  #mode = -1;
  #codeBase = 0;
  /** Code segments that are not flat, as base and limit: part of the mode by their number. */
  readonly #codeSegments: number[] = [];
  /** Branch that wants a link to the block where execution goes on, and the block that it is in; 0 = none. */
  #linkOperation = 0;
  #linkBlock = 0;
  #generation = -1;
  /** An exception went through the IDT and no instruction has retired since. */
  #delivered = false;

  /** @param options see CpuOptions */
  constructor(cpu: Cpu, options: CpuOptions) {
    super(cpu);
    this.bytes = cpu.bytes;
    this.jumps = this.#jumpCaches.entries;
    this.halves = new Uint16Array(cpu.memory.memory.buffer);
    this.view = cpu.view;
    this.#blocks = cpu.blocks;
    this.handlers = cpu.blocks.handlers;
    this.instructions = cpu.blocks.instructions;
    const threshold = options.translateAfter ?? TRANSLATE_AFTER;
    this.#eager = threshold === 1;
    this.#regions = new RegionCache(cpu.blocks, this, threshold);
    this.regions = this.#regions.functions;
    cpu.blocks.listener = this.#regions;
    // A fraction now keeps the field a double for good: a change of its kind later would undo compiled code.
    this.sliceEnd = 0.5;
    this.#execute = options.dedicatedLoop === true ? dedicatedLoop(this) : sharedLoop();
    rehearse(this, this.#execute);
    this.#emptyJumpCaches();
    this.sliceEnd = 0;
    this.left = 0;
    this.held = 0;
    this.patched = 0;
    this.#linkOperation = 0;
  }

  /** Power-up: forgets what the last instructions left to be done. */
  reset(): void {
    this.#delivered = false;
  }

  get instructionCount(): number {
    return this.sliceEnd - this.left;
  }

  set instructionCount(value: number) {
    this.sliceEnd = value + this.left;
  }

  /** See Cpu.run(). */
  run(maximumInstructions: number): ExitReason {
    const cpu = this.cpu;
    let budget = maximumInstructions;
    cpu.faulted = false;
    cpu.attention = true;
    for (;;) {
      if (cpu.attention) {
        cpu.attention = false;
        if (cpu.pendingExit >= 0) {
          const reason = cpu.pendingExit as ExitReason;
          cpu.pendingExit = -1;
          return reason;
        }
        cpu.memory.evictor?.makeRoomBetween();
        this.#prepare();
      }
      if (budget <= 0) return ExitReason.Budget;
      const debug = cpu.debug;
      // Met while an exception, an interrupt or the host came in between, or by a task switch: due before the next instruction.
      if (debug.pending !== 0 && !debugInhibited(cpu)) {
        if (!this.#deliverDebugTrap(debug.pending)) return this.#undelivered();
        budget -= this.#countDelivery();
        continue;
      }
      const flags = this.words[EFLAGS_SYSTEM];
      const stepping = (flags & EFLAGS_TF) !== 0;
      let single = stepping || (flags & EFLAGS_RF) !== 0 || debug.pending !== 0;
      if (cpu.interruptRequest && (flags & EFLAGS_IF) !== 0) {
        if (acceptsInterrupts(cpu)) return ExitReason.Interrupted;
        single = true;
      }
      const slice = single ? 1 : Math.min(budget, this.#untilSample);
      this.sliceEnd += slice - this.left;
      this.left = slice;
      this.#slice = slice;
      this.hasFaulted = false;
      if (this.#sample !== 0) this.#countSample();
      const block = this.#locate(slice);
      if (block !== 0) {
        if (cpu.attention) continue;
        // RF has kept an instruction breakpoint from being met again; that is over when the instruction begins.
        if (single) this.words[EFLAGS_SYSTEM] &= ~EFLAGS_RF;
        debug.stepDiscarded = false;
        this.words[REGION_EXITS] = 0;
        this.#execute(this, block, slice);
        if (this.patched !== 0) this.removePatch();
      }
      const retired = slice - this.left;
      if (retired > SLICE - MAXIMUM_BLOCK) this.#regions.judge();
      this.#untilSample -= retired;
      if (this.#untilSample < MAXIMUM_BLOCK) this.#untilSample = SLICE;
      budget -= retired;
      if (retired > 0) this.#delivered = false;
      if (block === 0 || this.hasFaulted) {
        this.#linkOperation = 0;
        debug.pending = 0;
        this.words[EFLAGS_SYSTEM] |= flags & EFLAGS_RF;
        if (cpu.stoodStill) {
          cpu.stoodStill = false;
          return ExitReason.Halt;
        }
        if (cpu.owner !== null) return ExitReason.Exception;
        if (!cpu.deliver()) return ExitReason.Shutdown;
        cpu.attention = true;
        budget -= this.#countDelivery();
      } else if (retired > 0 && (stepping || debug.pending !== 0)) {
        const causes = this.#debugTrapCauses(stepping);
        if (causes !== 0 && !this.#deliverDebugTrap(causes)) return this.#undelivered();
      }
    }
  }

  /** DR6 bits of the #DB trap that is due behind the instruction that was just executed; 0 = none. */
  #debugTrapCauses(stepping: boolean): number {
    const { debug, pendingExit } = this.cpu;
    // MOV SS and POP SS: breakpoints are reported behind the next instruction, the single step not at all.
    if (debugInhibited(this.cpu)) return 0;
    const causes = debug.pending | (stepping && !debug.stepDiscarded ? DR6_SINGLE_STEP : 0);
    debug.pending = 0;
    // The instruction leaves run() in place of the trap.
    if (pendingExit >= 0 && pendingExit !== ExitReason.Interrupted && pendingExit !== ExitReason.Halt) return 0;
    return causes;
  }

  /** Raises the trap and delivers it through the IDT; false: an owner must take it, or shutdown. */
  #deliverDebugTrap(causes: number): boolean {
    const cpu = this.cpu;
    cpu.debug.pending = 0;
    cpu.debug.raise(causes, true);
    // A trap ends HLT.
    if (cpu.pendingExit === ExitReason.Halt) cpu.pendingExit = -1;
    cpu.attention = true;
    return cpu.owner === null && cpu.deliver();
  }

  /**
   * Deliveries without an instruction between them count as instructions from the second on: a handler that cannot execute
   * its first instruction, or whose frame lies under a data breakpoint, would otherwise keep run() for ever.
   * @returns what this one takes off the budget
   */
  #countDelivery(): number {
    const counted = this.#delivered ? 1 : 0;
    this.sliceEnd += counted;
    this.#delivered = true;
    return counted;
  }

  #undelivered(): ExitReason {
    return this.cpu.owner !== null ? ExitReason.Exception : ExitReason.Shutdown;
  }

  /** Takes over what decoded code depends on: privilege, code segment, flat segments. */
  #prepare(): void {
    const words = this.words;
    const user = words[CPL] === 3;
    this.readTable = (user ? TLB_USER_READ_OFFSET : TLB_SUPERVISOR_READ_OFFSET) >> 2;
    this.writeTable = (user ? TLB_USER_WRITE_OFFSET : TLB_SUPERVISOR_WRITE_OFFSET) >> 2;
    if (checksAlignment(words)) this.readTable = this.writeTable = TLB_EMPTY_OFFSET >> 2;
    this.cpu.readTable = this.readTable;
    this.cpu.writeTable = this.writeTable;
    this.executeTable = (user ? TLB_USER_EXECUTE_OFFSET : TLB_SUPERVISOR_EXECUTE_OFFSET) >> 2;
    const { instructionSet } = this.cpu.debug;
    // Only instruction breakpoints notice RF.
    if (instructionSet === 0) words[EFLAGS_SYSTEM] &= ~EFLAGS_RF;
    let mode = modeBits(words) | (instructionSet << INSTRUCTION_SET_SHIFT);
    this.#codeBase = words[SEGMENT_BASE + CS];
    if ((mode & MODE_CODE_FLAT) === 0) mode |= this.#codeSegmentNumber() << 8;
    if (this.#generation !== this.#blocks.generation) {
      this.#generation = this.#blocks.generation;
      this.#linkOperation = 0;
      this.#emptyJumpCaches();
    } else if (mode === this.#mode) return;
    if (mode !== this.#mode) this.#linkOperation = 0;
    this.#mode = mode;
    this.jumpBase = (mode & MODE_CODE_FLAT) === 0 ? 0 : this.#jumpCaches.place(mode);
  }

  #codeSegmentNumber(): number {
    const segments = this.#codeSegments;
    const base = this.words[SEGMENT_BASE + CS];
    const limit = this.words[SEGMENT_LIMIT + CS];
    for (let at = 0; at < segments.length; at += 2) {
      if (segments[at] === base && segments[at + 1] === limit) return at / 2 + 1;
    }
    if (segments.length === 2 * MAXIMUM_CODE_SEGMENTS) {
      segments.length = 0;
      this.#blocks.clear();
    }
    segments.push(base, limit);
    return segments.length / 2;
  }

  #emptyJumpCaches(): void {
    this.#jumpCaches.empty();
    this.#mode = -1;
  }

  /** The block at EIP, decoded if need be; 0 when fetching it raised an exception. */
  #locate(limit: number): number {
    const cpu = this.cpu;
    const words = this.words;
    const jumps = this.jumps;
    const eip = words[EIP];
    const flat = (this.#mode & MODE_CODE_FLAT) !== 0;
    const slot = this.jumpBase + ((eip ^ (eip >>> 12)) & (JUMP_ENTRIES - 1)) * JUMP_ENTRY_WORDS;
    cpu.faulted = false;
    const atBreakpoint = cpu.debug.instructionSet !== 0 && cpu.debug.breaksAt((this.#codeBase + eip) | 0) !== 0;
    if (atBreakpoint && this.#breaks(eip)) return 0;
    let block = 0;
    if (flat && jumps[slot] === eip && words[this.executeTable + (eip >>> 12)] === jumps[slot + 1]) {
      block = jumps[slot + 2];
      // What straddles two pages is looked up, so that its second page is looked at.
      if (this.code[block + BLOCK_COUNT] === BLOCK_DEAD || this.#blocks.straddles(block)) block = 0;
    }
    if (block === 0) {
      block = this.#find(eip);
      if (block === 0) return 0;
      if (flat && !atBreakpoint) {
        jumps[slot] = eip;
        jumps[slot + 1] = words[this.executeTable + (eip >>> 12)] === 0 ? -1 : words[this.executeTable + (eip >>> 12)];
        jumps[slot + 2] = block;
      }
    }
    if (atBreakpoint) this.#linkOperation = 0;
    if (this.#linkOperation !== 0) this.#link(block);
    if (this.code[block + BLOCK_SIZE] <= limit) {
      if (this.#eager) this.#regions.sample(block, true);
      return block;
    }
    const linear = (this.#codeBase + eip) | 0;
    const host = cpu.resolve(linear, AccessKind.Execute, words[CPL] !== 3);
    return host === 0 ? 0 : this.#blocks.decode(host, linear, eip, this.#mode, limit);
  }

  /** Raises #DB for an instruction breakpoint here, unless RF or a load of SS keeps it out. */
  #breaks(eip: number): boolean {
    const cpu = this.cpu;
    if ((this.words[EFLAGS_SYSTEM] & EFLAGS_RF) !== 0 || debugInhibited(cpu)) return false;
    cpu.debug.raise(cpu.debug.breaksAt((this.#codeBase + eip) | 0), true);
    return true;
  }

  #find(eip: number): number {
    const cpu = this.cpu;
    const words = this.words;
    if ((this.#mode & MODE_CODE_FLAT) === 0 && eip >>> 0 > words[SEGMENT_LIMIT + CS] >>> 0) {
      cpu.raise(Vector.GeneralProtection, 0);
      return 0;
    }
    const linear = (this.#codeBase + eip) | 0;
    const supervisor = words[CPL] !== 3;
    const host = cpu.resolve(linear, AccessKind.Execute, supervisor);
    if (host === 0) return 0;
    cpu.counters.jumpCacheMisses++;
    const blocks = this.#blocks;
    let block = blocks.find(host, eip, this.#mode);
    if (block !== 0 && blocks.straddles(block)) {
      const second = cpu.resolve(((linear | 0xfff) + 1) | 0, AccessKind.Execute, supervisor);
      if (second === 0) return 0;
      if (((second - (second & 0xfff)) | 0) !== blocks.secondPage(block)) {
        blocks.invalidate(block);
        block = 0;
      }
    }
    if (block !== 0) return block;
    const generation = blocks.generation;
    block = blocks.decode(host, linear, eip, this.#mode, MAXIMUM_BLOCK);
    if (generation !== blocks.generation) this.#linkOperation = 0;
    return block;
  }

  /** Joins the branch that left the loop last to the block where it leads. */
  #link(target: number): void {
    const code = this.code;
    const operation = this.#linkOperation;
    const source = this.#linkBlock;
    this.#linkOperation = 0;
    if ((this.#mode & MODE_CODE_FLAT) === 0 || code[operation + BRANCH_TARGET] !== code[target + BLOCK_EIP]) return;
    const eip = code[source + BLOCK_EIP];
    const checks = (code[operation] & 0x3ff) === JUMP_PAGE;
    const samePage = eip >>> 12 === code[target + BLOCK_EIP] >>> 12 && code[source + BLOCK_LENGTH] > 0;
    code[operation + BRANCH_LINK] = checks || samePage ? target : this.#blocks.trampoline(target);
  }

  // --- called by the loop: leaving it ---------------------------------------------------------------------------------

  /** The budget does not pay for the block at `target`, or it is dead. */
  leave(target: number, source: number, remaining: number): void {
    const code = this.code;
    this.words[EIP] = code[target + BLOCK_EIP];
    this.left = ((remaining + code[target + BLOCK_COUNT]) | 0) + this.held;
    this.held = 0;
    if (source === 0) return;
    if (code[target + BLOCK_COUNT] === BLOCK_DEAD) this.#unlink(source, target);
    // Where a budget ends tells nothing of what is hot.
    else if (this.#slice === this.#untilSample) {
      this.#sample = target;
      this.#isWholeSample = this.#slice === SLICE;
    }
  }

  #countSample(): void {
    const block = this.#sample;
    this.#sample = 0;
    // Whatever came between may have dropped all blocks, or changed the mode.
    if (this.#generation !== this.#blocks.generation || this.code[block + BLOCK_MODE] !== this.#mode) return;
    this.#regions.sample(block, this.#isWholeSample);
  }

  // --- what regions need ------------------------------------------------------------------------------------------------

  get memory(): WebAssembly.Memory {
    return this.cpu.memory.memory;
  }

  get tables() {
    return { readTable: this.readTable, writeTable: this.writeTable, executeTable: this.executeTable };
  }

  /** Does an instruction for a region; see TranslatorMachine. */
  readonly handle = (place: number, left: number): number => {
    const { cpu, code, words, view } = this;
    // Where another region begins by now, the copy has what was there.
    const isRoot = (code[place] & 0x3ff) === REGION;
    const operation = isRoot ? this.#regions.bodyOf(place - HEADER_WORDS) + HEADER_WORDS : place;
    const number = code[operation] & 0x3ff;
    if (number === X87 && executeX87Direct(words, view, code, operation, this.readTable, this.writeTable)) return 1;
    if (number === SSE && executeSseDirect(words, view, code, operation, this.readTable, this.writeTable)) return 1;
    const index = code[operation + 1];
    this.left = left;
    words[EIP] = code[operation + 2];
    cpu.faulted = false;
    if (!this.handlers[index](cpu, this.instructions[index])) this.faulted();
    else if (cpu.attention) this.afterHandler(this.instructions[index].length);
    else return 1;
    return 0;
  };

  knownBlock(eip: number): number {
    const { jumps, words } = this;
    const slot = this.jumpBase + ((eip ^ (eip >>> 12)) & (JUMP_ENTRIES - 1)) * JUMP_ENTRY_WORDS;
    return jumps[slot] === eip && words[this.executeTable + (eip >>> 12)] === jumps[slot + 1] ? jumps[slot + 2] : 0;
  }

  /** Forgets the links of a block to one that was invalidated. */
  #unlink(source: number, target: number): void {
    const code = this.code;
    for (let at = source + HEADER_WORDS; ; ) {
      const operation = code[at] & 0x3ff;
      if (isBranch(operation) && code[at + BRANCH_LINK] === target) code[at + BRANCH_LINK] = 0;
      if (isTerminal(operation)) return;
      at += operationLength(operation);
    }
  }

  /** A branch without a link was taken. */
  unlinked(operation: number, block: number, remaining: number): void {
    this.words[EIP] = this.code[operation + BRANCH_TARGET];
    this.left = remaining + this.held;
    this.held = 0;
    this.#linkOperation = operation;
    this.#linkBlock = block;
  }

  /** An indirect branch to an EIP that is not in the jump cache. */
  unknown(eip: number, _block: number, remaining: number): void {
    this.words[EIP] = eip;
    this.left = remaining + this.held;
    this.held = 0;
  }

  /** A handler succeeded and the block must be left: EIP goes behind the instruction unless it jumped. */
  afterHandler(length: number): void {
    this.left--;
    if (!this.cpu.jumped) this.words[EIP] += length;
    this.cpu.jumped = false;
  }

  corrupt(operation: number): void {
    throw new Error(`interpreter: no micro-operation ${this.code[operation] & 0x3ff} at ${operation}`);
  }
}

const JUMP_PAGE = operationNumber('JUMP_PAGE');

export function createInterpreter(cpu: Cpu, options: CpuOptions): Interpreter {
  return new Interpreter(cpu, options);
}
