import type { Handler, Instruction } from './instruction.js';
import { TEMP2, ZERO } from './layout.js';
import { BRANCH_LINK, BRANCH_REFUND, BRANCH_TARGET, BRANCH_WORDS, OPERATION_WORDS, WHERE } from './micro-operation.js';
import { operationNumber } from './micro-operation-table.js';
import { segmentIsFlat } from './processor-mode.js';

const ADDRESS16 = operationNumber('ADDRESS16');
const SEGMENT = operationNumber('SEGMENT');

/** Where the memory operand of an instruction is found by a micro-operation. */
export interface Address {
  base: number;
  index: number;
  scale: number;
  displacement: number;
}

/** Writes the micro-operations of one block while it is decoded. */
export class BlockWriter {
  /** The mode word of the block (processor-mode.ts). */
  mode = 0;
  /** EIP of the instruction being lowered and of the one behind it. */
  eip = 0;
  nextEip = 0;
  /** Next free word of the code array. */
  at = 0;
  /** Start of the last micro-operation, and whether it belongs to the previous instruction and may be fused. */
  last = 0;
  readonly #code: Int32Array;
  readonly #handlers: Handler[];
  readonly #instructions: Instruction[];
  readonly #address: Address = { base: ZERO, index: ZERO, scale: 0, displacement: 0 };
  readonly #branches: number[] = [];
  readonly #calls: number[] = [];
  #where = 0;

  constructor(code: Int32Array, handlers: Handler[], instructions: Instruction[]) {
    this.#code = code;
    this.#handlers = handlers;
    this.#instructions = instructions;
  }

  /** Begins a block whose first micro-operation goes to this place. */
  start(at: number, mode: number): void {
    this.at = at;
    this.last = 0;
    this.mode = mode;
    this.#branches.length = 0;
    this.#calls.length = 0;
  }

  /**
   * Begins an instruction.
   * @param ordinal its index in the block
   * @param offset its byte offset in the block
   */
  startInstruction(ordinal: number, offset: number, eip: number, nextEip: number): void {
    this.#where = (ordinal << 16) | offset;
    this.eip = eip;
    this.nextEip = nextEip;
  }

  /** Fills in what only the end of the block tells: how many instructions a branch leaves out and a handler has before it. */
  finish(count: number): void {
    const code = this.#code;
    for (const branch of this.#branches) code[branch + BRANCH_REFUND] = count - code[branch + BRANCH_REFUND];
    for (const call of this.#calls) code[call] |= (count - (code[call + WHERE] >>> 16)) << 10;
  }

  /** A micro-operation of four words. */
  emit(operation: number, a: number, b = 0, immediate = 0, immediate2 = 0): void {
    this.#put(operation | (a << 10) | (b << 16), immediate, immediate2);
    this.at += OPERATION_WORDS;
  }

  /** A micro-operation of four words with a memory operand. */
  emitMemory(operation: number, a: number, address: Address, immediate2 = 0): void {
    const { base, index, scale, displacement } = address;
    this.#put(operation | (a << 10) | (base << 16) | (index << 22) | (scale << 28), displacement, immediate2);
    this.at += OPERATION_WORDS;
  }

  /** A micro-operation of eight words. */
  emitBranch(operation: number, a: number, immediate: number, target: number): void {
    this.#put(operation | (a << 10), immediate, 0);
    this.#branchWords(this.last, target);
  }

  /** Turns the last micro-operation, a comparison, into its fused form with the conditional jump of this instruction. */
  fuse(operation: number, target: number): void {
    const code = this.#code;
    code[this.last] = (code[this.last] & ~0x3ff) | operation;
    this.#branchWords(this.last, target);
  }

  /**
   * Replaces the last micro-operation, a comparison with memory, by a load to a temporary and a comparison of that.
   * @param temporaryFirst whether the temporary is the comparison's A, with register or immediate of the old one as the other
   */
  splitLast(load: number, temporary: number, comparison: number, temporaryFirst: boolean): void {
    const code = this.#code;
    const at = this.last;
    const register = (code[at] >> 10) & 63;
    const immediate = code[at + 2];
    code[at] = (code[at] & ~0xffff) | load | (temporary << 10);
    code[at + 2] = 0;
    const next = at + OPERATION_WORDS;
    const [a, b] = temporaryFirst ? [temporary, register] : [register, temporary];
    code[next] = comparison | (a << 10) | (b << 16);
    code[next + 1] = immediate;
    code[next + 2] = 0;
    code[next + WHERE] = code[at + WHERE];
    this.last = next;
    this.at = next + OPERATION_WORDS;
  }

  #branchWords(operation: number, target: number): void {
    const code = this.#code;
    code[operation + BRANCH_TARGET] = target;
    code[operation + BRANCH_REFUND] = (this.#where >>> 16) + 1;
    code[operation + BRANCH_LINK] = 0;
    code[operation + BRANCH_LINK + 1] = 0;
    this.#branches.push(operation);
    this.at = operation + BRANCH_WORDS;
  }

  #put(word: number, immediate: number, immediate2: number): void {
    const code = this.#code;
    const at = this.at;
    this.last = at;
    code[at] = word;
    code[at + 1] = immediate;
    code[at + 2] = immediate2;
    code[at + WHERE] = this.#where;
  }

  /** The operation number and place in its instruction of the last micro-operation, for fusing: -1 if there is none. */
  lastOperation(): number {
    return this.last === 0 ? -1 : this.#code[this.last] & 0x3ff;
  }

  /** True when the last micro-operation is of the instruction right before this one. */
  lastIsPrevious(): boolean {
    return this.last !== 0 && this.#code[this.last + WHERE] >>> 16 === (this.#where >>> 16) - 1;
  }

  /** Calls the instruction's handler. */
  emitHandler(operation: number, instruction: Instruction, handler: Handler): void {
    this.emit(operation, 0, 0, this.#handlers.length, this.eip);
    this.#calls.push(this.last);
    this.#handlers.push(handler);
    this.#instructions.push(instruction);
  }

  /**
   * A micro-operation that does the instruction itself in its common case and calls the handler in every other.
   * @param word words 4 to 7, as the operation defines them
   */
  emitDirect(
    operation: number,
    instruction: Instruction,
    handler: Handler,
    word: number,
    displacement: number,
    other: number,
    isRegister: number,
  ): void {
    this.emitHandler(operation, instruction, handler);
    const code = this.#code;
    code[this.at] = word;
    code[this.at + 1] = displacement;
    code[this.at + 2] = other;
    code[this.at + 3] = isRegister;
    this.at += BRANCH_WORDS - OPERATION_WORDS;
  }

  /**
   * Where the memory operand lies, with the micro-operations that are needed to work out a 16-bit address or to check
   * a segment that is not flat. The result is valid until the next call.
   * @param size bytes of the access
   */
  address(instruction: Instruction, size: number, write: boolean): Address {
    const address = this.#address;
    address.base = instruction.base;
    address.index = instruction.index;
    address.scale = instruction.scale;
    address.displacement = instruction.displacement;
    if (instruction.addressSize === 2) {
      this.emitMemory(ADDRESS16, TEMP2, address);
      this.#useTemporary(address);
    }
    if (!segmentIsFlat(this.mode, instruction.segment)) {
      this.emitMemory(SEGMENT, TEMP2, address, instruction.segment | (size << 8) | (write ? 1 << 16 : 0));
      this.#useTemporary(address);
    }
    return address;
  }

  #useTemporary(address: Address): void {
    address.base = TEMP2;
    address.index = ZERO;
    address.scale = 0;
    address.displacement = 0;
  }
}
