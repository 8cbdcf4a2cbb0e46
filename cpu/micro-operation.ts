/**
 * Micro-operations: what a block of guest code is decoded into and what the interpreter executes.
 *
 * One micro-operation is four words; one that may leave the block is eight:
 *
 *   0  operation (bits 0-9), A (10-15), B (16-21), C (22-27), scale (28-29)
 *   1  displacement of the memory operand, or immediate
 *   2  immediate beside a memory operand
 *   3  where: index of the instruction in its block << 16 | byte offset in its block
 *   4  target EIP of the branch
 *   5  instructions of the block that a taken branch leaves out
 *   6  link: the target's block, 0 = not known yet
 *   7  -
 *
 * A, B and C name 32-bit registers by state word, 16-bit registers by half-word (register * 2) and 8-bit registers by byte
 * of the processor state (AL = 0, AH = 1, CL = 4 ...), so that high and low bytes need no forms of their own. A memory
 * operand is B + (C << scale) + displacement.
 *
 * The body of a micro-operation is JavaScript text: the interpreter is assembled from the bodies (interpreter-source.ts),
 * because a switch is only fast when its case labels are literals, and because forms of one operation share their text.
 */
export interface MicroOperation {
  readonly name: string;
  readonly body: string;
  /** Eight words, though it is no branch. */
  readonly wide?: boolean;
}

/** Words of a micro-operation and of one that may leave the block. */
export const OPERATION_WORDS = 4;
export const BRANCH_WORDS = 8;
export const WHERE = 3;
export const BRANCH_TARGET = 4;
export const BRANCH_REFUND = 5;
export const BRANCH_LINK = 6;

/**
 * Words of the header before the first micro-operation of a block. BLOCK_COUNT is what entering the block takes off the budget; a
 * block that was invalidated has BLOCK_DEAD there, which no budget pays for.
 */
export const HEADER_WORDS = 8;
export const BLOCK_COUNT = 0;
export const BLOCK_EIP = 1;
/** Host byte offset of the first byte. */
export const BLOCK_HOST = 2;
export const BLOCK_MODE = 3;
export const BLOCK_LENGTH = 4;
/** Next block that starts at the same host offset. */
export const BLOCK_NEXT = 5;
/** Host page of the first byte, as the execute tables of the TLB hold it. */
export const BLOCK_PAGE = 6;
/** Number of instructions; stays when the block is invalidated. */
export const BLOCK_SIZE = 7;

export const BLOCK_DEAD = 0x2000_0000;

/** Words of a jump cache entry: EIP, host page, block. */
export const JUMP_ENTRY_WORDS = 4;
export const JUMP_ENTRIES = 4096;

/** Text of the operands in a body. */
export const A = 'words[(w >> 10) & 63]';
export const B = 'words[(w >> 16) & 63]';
export const C = 'words[(w >> 22) & 63]';
export const A16 = 'halves[(w >> 10) & 63]';
export const B16 = 'halves[(w >> 16) & 63]';
export const A8 = 'bytes[(w >> 10) & 63]';
export const B8 = 'bytes[(w >> 16) & 63]';
export const IMMEDIATE = 'code[pc + 1 | 0]';
export const IMMEDIATE2 = 'code[pc + 2 | 0]';
export const ADDRESS = `(${B} + (${C} << (w >>> 28)) + code[pc + 1 | 0] | 0)`;
export const ADDRESS_BASE = `(${B} + code[pc + 1 | 0] | 0)`;

/** Ends of a body: on to the next micro-operation, or to another block. */
export const NEXT = 'pc = pc + 4 | 0; continue;';
export const NEXT_BRANCH = 'pc = pc + 8 | 0; continue;';
export const TAKE_LINK = `
  const link = code[pc + 6 | 0];
  if (link === 0) { run.unlinked(pc, block, remaining); return; }
  pc = link;
  continue blocks;`;
/** After a slow path: an exception leaves the lowest number as the budget. */
export const FAULTED = -0x8000_0000;
export const CHECK_FAULT = 'if ((remaining = run.remaining) === -2147483648) return;';

/** The conditions of Jcc, SETcc and CMOVcc over the lazy flags, in their encoding order. */
export const CONDITIONS: readonly (readonly [name: string, text: string])[] = [
  ['O', '(words[FA] ^ words[FA] << 1) < 0'],
  ['NO', '(words[FA] ^ words[FA] << 1) >= 0'],
  ['B', 'words[FA] < 0'],
  ['AE', 'words[FA] >= 0'],
  ['E', 'words[FR] === 0'],
  ['NE', 'words[FR] !== 0'],
  ['BE', '(words[FA] < 0 || words[FR] === 0)'],
  ['A', '(words[FA] >= 0 && words[FR] !== 0)'],
  ['S', '(words[FR] ^ words[FA] << 31) < 0'],
  ['NS', '(words[FR] ^ words[FA] << 31) >= 0'],
  ['P', '(0x9669 >>> (PARITY & 15) & 1) !== 0'],
  ['NP', '(0x9669 >>> (PARITY & 15) & 1) === 0'],
  ['L', '(words[FR] ^ words[FA] << 31 ^ words[FA] ^ words[FA] << 1) < 0'],
  ['GE', '(words[FR] ^ words[FA] << 31 ^ words[FA] ^ words[FA] << 1) >= 0'],
  ['LE', '(words[FR] === 0 || (words[FR] ^ words[FA] << 31 ^ words[FA] ^ words[FA] << 1) < 0)'],
  ['G', '(words[FR] !== 0 && (words[FR] ^ words[FA] << 31 ^ words[FA] ^ words[FA] << 1) >= 0)'],
];

/** Access to guest memory: the inline test of the TLB, else the slow path in the interpreter object. */
export function load(size: 8 | 16 | 32, signed: boolean, address: string): string {
  const inPage = size === 8 ? '' : ` && (linear & 0xfff) <= ${size === 16 ? 0xffe : 0xffc}`;
  const host = '(page | linear & 0xfff) >>> 0';
  const direct =
    size === 8
      ? signed
        ? `bytes[${host}] << 24 >> 24`
        : `bytes[${host}]`
      : size === 16
        ? `view.get${signed ? 'Int' : 'Uint'}16(${host}, true)`
        : `view.getInt32(${host}, true)`;
  const slow = `run.load${size}(linear, pc, block, remaining)`;
  const extended = !signed || size === 32 ? slow : `${slow} << ${32 - size} >> ${32 - size}`;
  return `
  const linear = ${address};
  const page = words[readTable + (linear >>> 12) | 0];
  let value = 0;
  if (page !== 0${inPage}) value = ${direct};
  else { value = ${extended}; ${CHECK_FAULT} }`;
}

export function store(size: 8 | 16 | 32, address: string, value: string): string {
  const inPage = size === 8 ? '' : ` && (linear & 0xfff) <= ${size === 16 ? 0xffe : 0xffc}`;
  const host = '(page | linear & 0xfff) >>> 0';
  const direct = size === 8 ? `bytes[${host}] = ${value}` : `view.setInt${size}(${host}, ${value}, true)`;
  return `
  const linear = ${address};
  const page = words[writeTable + (linear >>> 12) | 0];
  if (page !== 0${inPage}) ${direct};
  else { run.store${size}(linear, ${value}, pc, block, remaining); ${CHECK_FAULT} }`;
}

/** Reads a memory operand that will be written, leaving where it lies in rmwHost (0: the slow path keeps it). */
export function loadForWrite(size: 8 | 16 | 32): string {
  const inPage = size === 8 ? '' : ` && (linear & 0xfff) <= ${size === 16 ? 0xffe : 0xffc}`;
  const direct =
    size === 8 ? 'bytes[rmwHost >>> 0]' : `view.get${size === 16 ? 'Uint16' : 'Int32'}(rmwHost >>> 0, true)`;
  return `
  const linear = ${ADDRESS};
  const page = words[writeTable + (linear >>> 12) | 0];
  let value = 0;
  if (page !== 0${inPage}) { rmwHost = page | linear & 0xfff; value = ${direct}; }
  else { rmwHost = 0; value = run.loadForWrite(linear, ${size >> 3}, pc, block, remaining); ${CHECK_FAULT} }`;
}

/** Writes back to where loadForWrite() read; cannot fault. */
export function storeBack(size: 8 | 16 | 32, value: string): string {
  const direct = size === 8 ? `bytes[rmwHost >>> 0] = ${value}` : `view.setInt${size}(rmwHost >>> 0, ${value}, true)`;
  return `
  if (rmwHost !== 0) ${direct};
  else { run.storeBack(${value}, ${size >> 3}, pc, block, remaining); remaining = run.remaining; }`;
}
