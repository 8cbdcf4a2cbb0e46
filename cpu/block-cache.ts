import { BlockWriter } from './block-writer.js';
import type { Cpu } from './cpu.js';
import { DecodeFailure, Decoder } from './decoder.js';
import type { Handler, Instruction } from './instruction.js';
import { Lowered, lowerInteger } from './integer-lowering.js';
import { emitJump } from './integer-lowering-branch.js';
import { CPL, CS, PAGE_MASK, PAGE_SIZE, SEGMENT_LIMIT, TEMP0 } from './layout.js';
import {
  BLOCK_COUNT,
  BLOCK_DEAD,
  BLOCK_EIP,
  BLOCK_HOST,
  BLOCK_LENGTH,
  BLOCK_MODE,
  BLOCK_NEXT,
  BLOCK_PAGE,
  BLOCK_SIZE,
  HEADER_WORDS,
} from './micro-operation.js';
import { operationNumber } from './micro-operation-table.js';
import { AccessKind } from './paging.js';
import { MODE_CODE_BIG, MODE_CODE_FLAT } from './processor-mode.js';
import { Vector } from './segmentation.js';
import { lowerSse } from './sse-lowering.js';
import { removeWriteEntries } from './tlb.js';
import { lowerX87 } from './x87-lowering.js';

/** Longest block, in instructions. */
export const MAXIMUM_BLOCK = 64;
/** Words of code; when they are used up all blocks are dropped and decoding begins anew. */
const CODE_WORDS = 1 << 22;
/** Words that one block can need at most, the trampolines of its links included. */
const BLOCK_RESERVE = 4096;
/** The first words: an unlinked branch finds here a host page that no TLB entry ever equals. */
const RESERVED_WORDS = 16;
/** Among them: the micro-operation by which regions jump to the EIP in TEMP0. */
const INDIRECT_JUMP = 8;
/** Where blocks for exact budgets are written, over and over. */
const SHORT_BLOCK = RESERVED_WORDS;
const FIRST_BLOCK = SHORT_BLOCK + BLOCK_RESERVE;
const GRANULE_SHIFT = 7;
const MAXIMUM_INSTRUCTION = 15;

const RAISE = operationNumber('RAISE');
const HANDLER = operationNumber('HANDLER');
const HANDLER_END = operationNumber('HANDLER_END');
const LEAVE_BLOCK = operationNumber('LEAVE_BLOCK');
const CHECK_PAGE = operationNumber('CHECK_PAGE');
const JUMP_PAGE = operationNumber('JUMP_PAGE');
const JUMP_R = operationNumber('JUMP_R');

/** What is known of a host page that holds decoded code. */
interface CodePage {
  /** One bit for each 128 bytes that blocks were decoded from. */
  granules: number;
  readonly blocks: number[];
}

/** Who made something of blocks. */
export interface BlockListener {
  drop(block: number): void;
  clear(): void;
}

/** The decoded blocks of one processor, found by where their bytes lie. */
export class BlockCache {
  readonly code = new Int32Array(CODE_WORDS);
  readonly handlers: Handler[] = [];
  readonly instructions: Instruction[] = [];
  /** Counts how often all blocks were dropped: places in `code` from before mean nothing. */
  generation = 0;
  /** Place of a micro-operation that goes to the EIP in TEMP0. */
  readonly indirectJump = INDIRECT_JUMP;
  /** Told of each block that is invalidated, and when all are dropped. */
  listener: BlockListener | null = null;
  readonly #cpu: Cpu;
  readonly #decoder = new Decoder();
  readonly #writer: BlockWriter;
  readonly #byHost = new Map<number, number>();
  readonly #pages = new Map<number, CodePage>();
  readonly #pageFlags = new Uint8Array(1 << 20);
  /** An instruction that lies in two pages, put together. */
  readonly #straddling = new Uint8Array(2 * MAXIMUM_INSTRUCTION);
  /** Pages that list the short block, and the places of its handlers. */
  readonly #shortPages: number[] = [];
  #shortHandlersStart = 0;
  #shortHandlersEnd = -1;
  #next = FIRST_BLOCK;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
    this.#writer = new BlockWriter(this.code, this.handlers, this.instructions);
    this.code[BLOCK_PAGE] = -1;
    this.code[INDIRECT_JUMP] = JUMP_R | (TEMP0 << 10);
  }

  /** True when this host page (any offset in it) holds decoded code. */
  pageHasCode(host: number): boolean {
    return this.#pageFlags[host >>> 12] !== 0;
  }

  /** Drops everything. */
  clear(): void {
    this.generation++;
    this.#next = FIRST_BLOCK;
    this.#byHost.clear();
    for (const page of this.#pages.keys()) this.#pageFlags[page] = 0;
    this.#pages.clear();
    this.handlers.length = 0;
    this.instructions.length = 0;
    this.#shortPages.length = 0;
    this.#shortHandlersEnd = -1;
    this.listener?.clear();
    this.#cpu.attention = true;
  }

  /** Block that starts at this host offset for this EIP and mode, or 0. */
  find(host: number, eip: number, mode: number): number {
    const code = this.code;
    let block = this.#byHost.get(host) ?? 0;
    while (block !== 0 && (code[block + BLOCK_EIP] !== eip || code[block + BLOCK_MODE] !== mode)) {
      block = code[block + BLOCK_NEXT];
    }
    return block;
  }

  /**
   * As find(), but decodes ahead of time what nobody has executed yet, in a flat code segment.
   * @returns 0 when that might need another page, or there is no room
   */
  findOrDecode(host: number, eip: number, mode: number): number {
    const block = this.find(host, eip, mode);
    if (block !== 0 || (eip & PAGE_MASK) > PAGE_SIZE - MAXIMUM_INSTRUCTION) return block;
    if (this.#next + BLOCK_RESERVE > CODE_WORDS || this.#cpu.debug.instructionSet !== 0) return 0;
    return this.decode(host, eip, eip, mode, MAXIMUM_BLOCK);
  }

  /** True when the block's one instruction lies in two pages. */
  straddles(block: number): boolean {
    return (this.code[block + HEADER_WORDS] & 0x3ff) === CHECK_PAGE;
  }

  /** Host page of the second part of a block that straddles, as the TLB tables hold it. */
  secondPage(block: number): number {
    return this.code[block + HEADER_WORDS + 2];
  }

  /**
   * Decodes a block.
   * @param host host offset of the first byte; `linear` and `eip` are its addresses
   * @param limit instructions at most; a limit below MAXIMUM_BLOCK makes a short block that is used once
   * @returns the block, or 0 when fetching the second page of its first instruction raised an exception
   */
  decode(host: number, linear: number, eip: number, mode: number, limit: number): number {
    const short = limit < MAXIMUM_BLOCK;
    if (!short && this.#next + BLOCK_RESERVE > CODE_WORDS) this.clear();
    const block = short ? SHORT_BLOCK : this.#next;
    const writer = this.#writer;
    writer.start(block + HEADER_WORDS, mode);
    writer.startInstruction(0, 0, eip, eip);
    if (short) this.#forgetShort();
    const pageEnd = host - (host & PAGE_MASK) + PAGE_SIZE;
    const big = (mode & MODE_CODE_BIG) !== 0;
    const flat = (mode & MODE_CODE_FLAT) !== 0;
    const bytes = this.#cpu.bytes;
    const breakpoints = this.#cpu.debug.instructionSet !== 0;
    let length = 0;
    let count = 0;
    let ends = false;
    while (!ends && count < limit && host + length < pageEnd) {
      const at = (eip + length) | 0;
      if (breakpoints && count > 0 && this.#cpu.debug.breaksAt((linear + length) | 0) !== 0) break;
      const within = flat ? MAXIMUM_INSTRUCTION : this.#bytesWithinCode(at);
      const end = Math.min(pageEnd, host + length + within);
      let instruction = this.#decoder.decode(bytes, host + length, end, big);
      if (instruction === null && count > 0) break;
      if (this.#decoder.failure === DecodeFailure.Truncated && host + within > pageEnd) {
        instruction = this.#decodeStraddling(host, linear, big, pageEnd, within);
        if (this.#cpu.faulted) return 0;
      }
      // Truncated where it did not fault: by the limit of the code segment.
      const beyond = this.#decoder.failure === DecodeFailure.Truncated;
      writer.startInstruction(count, length, at, (at + (instruction?.length ?? 0)) | 0);
      if (instruction === null || beyond) {
        const tooLong = beyond || this.#decoder.failure === DecodeFailure.TooLong;
        writer.emit(RAISE, 0, 0, tooLong ? Vector.GeneralProtection : Vector.InvalidOpcode, tooLong ? 1 : 0);
        length += 1;
        ends = true;
      } else {
        length += instruction.length;
        ends = this.#lower(instruction);
      }
      count++;
    }
    if (!ends) {
      // Where the block goes on: as if it were one more instruction.
      writer.startInstruction(count, length, (eip + length - 1) | 0, 0);
      if (flat && big && !short) emitJump(writer, (eip + length) | 0);
      else writer.emit(LEAVE_BLOCK, 0);
    }
    writer.finish(count);
    const code = this.code;
    code[block + BLOCK_COUNT] = count;
    code[block + BLOCK_EIP] = eip;
    code[block + BLOCK_HOST] = host;
    code[block + BLOCK_MODE] = mode;
    code[block + BLOCK_LENGTH] = length;
    code[block + BLOCK_NEXT] = 0;
    code[block + BLOCK_PAGE] = host - (host & PAGE_MASK);
    code[block + BLOCK_SIZE] = count;
    this.#cpu.counters.blocksDecoded++;
    if (short) this.#shortHandlersEnd = this.handlers.length;
    else {
      this.#next = writer.at;
      code[block + BLOCK_NEXT] = this.#byHost.get(host) ?? 0;
      this.#byHost.set(host, block);
    }
    this.#register(block);
    return block;
  }

  /** Lowers one instruction; true when the block must end behind it. */
  #lower(instruction: Instruction): boolean {
    const writer = this.#writer;
    const lowered = lowerInteger(writer, instruction);
    if (lowered !== Lowered.Declined) return lowered === Lowered.Ends;
    const { row } = instruction;
    if (row.execute === undefined) throw new Error(`instruction table: nothing executes ${row.mnemonic} ${row.opcode}`);
    if (lowerSse(writer, instruction) || lowerX87(writer, instruction)) return false;
    const ends = row.attributes !== undefined && /\bends-block\b/.test(row.attributes);
    writer.emitHandler(ends ? HANDLER_END : HANDLER, instruction, row.execute);
    return ends;
  }

  /** The instruction at the end of a page whose rest lies in the next one. A fault of that page is raised. */
  #decodeStraddling(host: number, linear: number, big: boolean, pageEnd: number, within: number): Instruction | null {
    const cpu = this.#cpu;
    const firstLength = pageEnd - host;
    const nextLinear = (linear + firstLength) | 0;
    const second = cpu.resolve(nextLinear, AccessKind.Execute, cpu.state[CPL] !== 3);
    if (second === 0) return null;
    const joined = this.#straddling;
    joined.fill(0);
    joined.set(cpu.bytes.subarray(host, pageEnd), 0);
    joined.set(cpu.bytes.subarray(second, second + MAXIMUM_INSTRUCTION), firstLength);
    this.#writer.emit(CHECK_PAGE, 0, 0, nextLinear >>> 12, second);
    return this.#decoder.decode(joined, 0, within, big);
  }

  /** How many bytes from here on an instruction may have before it leaves the code segment, as far as that matters. */
  #bytesWithinCode(eip: number): number {
    const left = (this.#cpu.state[SEGMENT_LIMIT + CS] >>> 0) - (eip >>> 0) + 1;
    return Math.max(0, Math.min(left, MAXIMUM_INSTRUCTION));
  }

  // --- pages with code --------------------------------------------------------------------------------------------

  #register(block: number): void {
    const code = this.code;
    const host = code[block + BLOCK_HOST] >>> 0;
    const length = code[block + BLOCK_LENGTH];
    const inPage = Math.min(length, PAGE_SIZE - (host & PAGE_MASK));
    this.#mark(host, inPage, block);
    if (this.straddles(block) && length > inPage) this.#mark(this.secondPage(block) >>> 0, length - inPage, block);
  }

  #mark(host: number, length: number, block: number): void {
    const page = host >>> 12;
    let codePage = this.#pages.get(page);
    if (codePage === undefined) {
      codePage = { granules: 0, blocks: [] };
      this.#pages.set(page, codePage);
      this.#pageFlags[page] = 1;
      removeWriteEntries(this.#cpu, host - (host & PAGE_MASK));
    }
    codePage.granules |= granuleMask(host, length);
    codePage.blocks.push(block);
    if (block === SHORT_BLOCK) this.#shortPages.push(page);
  }

  /** The next short block will lie where the last one lies. */
  #forgetShort(): void {
    for (const page of this.#shortPages) {
      const blocks = this.#pages.get(page)?.blocks;
      const at = blocks?.indexOf(SHORT_BLOCK) ?? -1;
      if (at >= 0) blocks?.splice(at, 1);
    }
    this.#shortPages.length = 0;
    if (this.handlers.length === this.#shortHandlersEnd) {
      this.handlers.length = this.#shortHandlersStart;
      this.instructions.length = this.#shortHandlersStart;
    }
    this.#shortHandlersStart = this.handlers.length;
    this.#shortHandlersEnd = -1;
  }

  /** Somebody wrote these bytes: blocks decoded from any of them are dropped. */
  written(host: number, length: number): void {
    const end = host + length;
    for (let at = host; at < end; ) {
      const pageEnd = at - (at & PAGE_MASK) + PAGE_SIZE;
      if (this.#pageFlags[at >>> 12] !== 0) this.#writtenInPage(at, Math.min(end, pageEnd) - at);
      at = pageEnd;
    }
  }

  #writtenInPage(host: number, length: number): void {
    const page = host >>> 12;
    const codePage = this.#pages.get(page);
    if (codePage === undefined || (codePage.granules & granuleMask(host, length)) === 0) return;
    const { blocks } = codePage;
    let kept = 0;
    codePage.granules = 0;
    for (const block of blocks) {
      const start = this.#startInPage(block, page);
      const end = this.#endInPage(block, page);
      if (host < end && host + length > start) {
        this.invalidate(block);
        continue;
      }
      codePage.granules |= granuleMask(start, end - start);
      blocks[kept++] = block;
    }
    blocks.length = kept;
    if (kept > 0) return;
    this.#pages.delete(page);
    this.#pageFlags[page] = 0;
  }

  #startInPage(block: number, page: number): number {
    const host = this.code[block + BLOCK_HOST] >>> 0;
    return host >>> 12 === page ? host : this.secondPage(block) >>> 0;
  }

  #endInPage(block: number, page: number): number {
    const host = this.code[block + BLOCK_HOST] >>> 0;
    const length = this.code[block + BLOCK_LENGTH];
    const inFirst = Math.min(length, PAGE_SIZE - (host & PAGE_MASK));
    return host >>> 12 === page ? host + inFirst : (this.secondPage(block) >>> 0) + length - inFirst;
  }

  /** Makes a block unreachable. It stays listed in a second page that it lies in, which does no harm. */
  invalidate(block: number): void {
    const code = this.code;
    this.#cpu.attention = true;
    if (code[block + BLOCK_COUNT] === BLOCK_DEAD) return;
    code[block + BLOCK_COUNT] = BLOCK_DEAD;
    this.#cpu.counters.blocksInvalidated++;
    this.listener?.drop(block);
    const host = code[block + BLOCK_HOST] >>> 0;
    const first = this.#byHost.get(host) ?? 0;
    if (first === block) {
      if (code[block + BLOCK_NEXT] === 0) this.#byHost.delete(host);
      else this.#byHost.set(host, code[block + BLOCK_NEXT]);
      return;
    }
    for (let other = first; other !== 0; other = code[other + BLOCK_NEXT]) {
      if (code[other + BLOCK_NEXT] === block) code[other + BLOCK_NEXT] = code[block + BLOCK_NEXT];
    }
  }

  /**
   * Copies a block. find() does not find the copy; it is invalidated when the block is.
   * @param length words of the block with its header
   * @returns the copy, 0 when there is no room for it
   */
  copy(block: number, length: number): number {
    const copy = this.#next;
    if (copy + BLOCK_RESERVE > CODE_WORDS) return 0;
    this.code.copyWithin(copy, block, block + length);
    this.#next = copy + length;
    this.#register(copy);
    return copy;
  }

  /**
   * What a branch to another page is linked to: a block without instructions that checks the page and goes on.
   * @param target a block in a flat code segment
   * @returns 0 when there is no room for it
   */
  trampoline(target: number): number {
    const code = this.code;
    const block = this.#next;
    if (block + BLOCK_RESERVE > CODE_WORDS) return 0;
    const eip = code[target + BLOCK_EIP];
    const writer = this.#writer;
    code.fill(0, block, block + HEADER_WORDS);
    code[block + BLOCK_EIP] = eip;
    code[block + BLOCK_MODE] = code[target + BLOCK_MODE];
    writer.start(block + HEADER_WORDS, code[target + BLOCK_MODE]);
    writer.startInstruction(0, 0, eip, eip);
    writer.emitBranch(JUMP_PAGE, 0, eip >>> 12, eip);
    this.#next = writer.at;
    return block;
  }
}

/** Bits of the 128-byte granules that these bytes of one page touch. */
function granuleMask(host: number, length: number): number {
  const first = (host & PAGE_MASK) >>> GRANULE_SHIFT;
  const last = ((host & PAGE_MASK) + Math.max(length, 1) - 1) >>> GRANULE_SHIFT;
  const upTo = last >= 31 ? -1 : (1 << (last + 1)) - 1;
  return upTo & ~((1 << first) - 1);
}
