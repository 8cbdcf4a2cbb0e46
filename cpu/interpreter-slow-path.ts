import type { Cpu } from './cpu.js';
import { divideSigned, divideUnsigned } from './integer-division.js';
import { CPL, EIP } from './layout.js';
import { BLOCK_EIP, BLOCK_SIZE, FAULTED, WHERE } from './micro-operation.js';
import { operationNumber } from './micro-operation-table.js';
import { AccessKind } from './paging.js';
import { isTerminal, operationLength } from './region.js';
import { segmentLinear, Vector } from './segmentation.js';

/** A budget that sends the loop out at its next block whatever branches give back to it. */
const STOP = -0x4000_0000;
const LEAVE_BLOCK = operationNumber('LEAVE_BLOCK');

/**
 * What the loop calls when a micro-operation needs more than a TLB hit: accesses that miss, fault or meet decoded code, segment checks,
 * divisions. EIP and the instruction count are made exact first; an exception, or anything that wants attention, makes the loop
 * leave in front of or behind the instruction.
 */
export class SlowPath {
  /** For the loop: the budget after a slow path, FAULTED when an exception was raised. */
  remaining = 0;
  /** Instructions of the slice that have not retired. */
  left = 0;
  readonly cpu: Cpu;
  readonly words: Int32Array;
  readonly code: Int32Array;
  /** An instruction of the slice has raised an exception. */
  protected hasFaulted = false;
  /** Budget that was taken away to make the loop stop. */
  protected held = 0;
  /** A micro-operation overwritten to make the loop stop, and what was there. */
  protected patched = 0;
  protected patchedWord = 0;
  /** Where a read-modify-write operand lies that needs the slow way. */
  #rmwLinear = 0;

  constructor(cpu: Cpu) {
    this.cpu = cpu;
    this.words = cpu.state;
    this.code = cpu.blocks.code;
  }

  /** The block ends before this micro-operation. */
  leaveBlock(operation: number, block: number, remaining: number): void {
    this.#enter(operation, block, remaining);
    this.held = 0;
  }

  /** A handler returned false. */
  faulted(): void {
    this.hasFaulted = true;
  }

  /** The instruction cannot be executed. */
  raise(vector: number, hasErrorCode: number, operation: number, block: number, remaining: number): void {
    this.#enter(operation, block, remaining);
    if (hasErrorCode !== 0) this.cpu.raise(vector, 0);
    else this.cpu.raise(vector);
    this.hasFaulted = true;
  }

  /** Makes EIP and the instruction count exact. */
  #enter(operation: number, block: number, remaining: number): void {
    const code = this.code;
    const where = code[operation + WHERE];
    this.left = remaining + this.held + code[block + BLOCK_SIZE] - (where >>> 16);
    this.words[EIP] = code[block + BLOCK_EIP] + (where & 0xffff);
    this.cpu.faulted = false;
  }

  /** Tells the loop how a slow path ended. */
  #finish(operation: number, block: number, remaining: number): void {
    this.remaining = remaining;
    if (this.cpu.faulted) {
      this.remaining = FAULTED;
      this.hasFaulted = true;
      this.held = 0;
    } else if (this.cpu.attention) this.#stopAfter(operation, block, remaining);
  }

  /** Makes the loop leave behind the instruction of this micro-operation. */
  #stopAfter(operation: number, block: number, remaining: number): void {
    const code = this.code;
    if (remaining >= 0) {
      this.held += remaining - STOP;
      this.remaining = STOP;
    }
    if (this.patched !== 0) this.removePatch();
    const where = code[operation + WHERE];
    let at = operation;
    do {
      const number = code[at] & 0x3ff;
      if (isTerminal(number)) return;
      at += operationLength(number);
    } while (code[at + WHERE] === where && at < block + 4096);
    this.patched = at;
    this.patchedWord = code[at];
    code[at] = LEAVE_BLOCK;
  }

  protected removePatch(): void {
    this.code[this.patched] = this.patchedWord;
    this.patched = 0;
  }

  load8(linear: number, operation: number, block: number, remaining: number): number {
    this.#enter(operation, block, remaining);
    const value = this.cpu.readLinear8(linear);
    this.#finish(operation, block, remaining);
    return value;
  }

  load16(linear: number, operation: number, block: number, remaining: number): number {
    this.#enter(operation, block, remaining);
    const value = this.cpu.readLinear16(linear);
    this.#finish(operation, block, remaining);
    return value;
  }

  load32(linear: number, operation: number, block: number, remaining: number): number {
    this.#enter(operation, block, remaining);
    const value = this.cpu.readLinear32(linear);
    this.#finish(operation, block, remaining);
    return value;
  }

  store8(linear: number, value: number, operation: number, block: number, remaining: number): void {
    this.#enter(operation, block, remaining);
    this.cpu.writeLinear8(linear, value);
    this.#finish(operation, block, remaining);
  }

  store16(linear: number, value: number, operation: number, block: number, remaining: number): void {
    this.#enter(operation, block, remaining);
    this.cpu.writeLinear16(linear, value);
    this.#finish(operation, block, remaining);
  }

  store32(linear: number, value: number, operation: number, block: number, remaining: number): void {
    this.#enter(operation, block, remaining);
    this.cpu.writeLinear32(linear, value);
    this.#finish(operation, block, remaining);
  }

  /** Reads an operand that storeBack() will write: faults as a write does. */
  loadForWrite(linear: number, size: number, operation: number, block: number, remaining: number): number {
    const cpu = this.cpu;
    this.#enter(operation, block, remaining);
    this.#rmwLinear = linear;
    let value = 0;
    const supervisor = this.words[CPL] !== 3;
    let writable = cpu.aligned(linear, size) && cpu.resolve(linear, AccessKind.Write, supervisor) !== 0;
    if (writable && (linear & 0xfff) + size > 0x1000) {
      writable = cpu.resolve((linear + size - 1) & ~0xfff, AccessKind.Write, supervisor) !== 0;
    }
    if (writable) {
      value = size === 1 ? cpu.readLinear8(linear) : size === 2 ? cpu.readLinear16(linear) : cpu.readLinear32(linear);
    }
    this.#finish(operation, block, remaining);
    return value;
  }

  storeBack(value: number, size: number, operation: number, block: number, remaining: number): void {
    const cpu = this.cpu;
    const linear = this.#rmwLinear;
    this.#enter(operation, block, remaining);
    if (size === 1) cpu.writeLinear8(linear, value);
    else if (size === 2) cpu.writeLinear16(linear, value);
    else cpu.writeLinear32(linear, value);
    this.#finish(operation, block, remaining);
  }

  /** @param access segment | size << 8 | (write ? 1 << 16 : 0) */
  checkSegment(offset: number, access: number, operation: number, block: number, remaining: number): number {
    this.#enter(operation, block, remaining);
    const linear = segmentLinear(this.cpu, access & 7, offset, (access >> 8) & 0xff, access >> 16 !== 0);
    this.#finish(operation, block, remaining);
    return linear | 0;
  }

  /** DIV of EDX:EAX by a 32-bit divisor. #DE when the quotient does not fit. */
  divideUnsigned(divisor: number, operation: number, block: number, remaining: number): void {
    this.remaining = remaining;
    if (!divideUnsigned(this.words, divisor)) this.#divideError(operation, block, remaining);
  }

  /** IDIV of EDX:EAX by a 32-bit divisor. #DE when the quotient does not fit. */
  divideSigned(divisor: number, operation: number, block: number, remaining: number): void {
    this.remaining = remaining;
    if (!divideSigned(this.words, divisor)) this.#divideError(operation, block, remaining);
  }

  #divideError(operation: number, block: number, remaining: number): void {
    this.#enter(operation, block, remaining);
    this.cpu.raise(Vector.DivideError);
    this.remaining = FAULTED;
    this.hasFaulted = true;
    this.held = 0;
  }
}
