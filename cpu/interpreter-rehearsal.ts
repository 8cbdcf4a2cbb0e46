/**
 * Runs every micro-operation a few times before the machine's first instruction. The JavaScript engine compiles a path only once
 * it has seen it run, and throws the whole compiled loop away when it meets one that it has not seen: a guest program would
 * pay for that each time it uses a kind of instruction for the first time.
 *
 * Nothing of the guest is touched: accesses go to the scratch page, or fault on empty page tables.
 */
import type { Cpu } from './cpu.js';
import { Decoder } from './decoder.js';
import type { Execute, Interpreter } from './interpreter.js';
import {
  CR0,
  CR4,
  EAX,
  EBP,
  ECX,
  EDX,
  ESP,
  FLAG_AUXILIARY,
  FLAG_RESULT,
  FPU_CONTROL,
  REGION_BLOCK,
  REGION_BUDGET,
  SCRATCH_OFFSET,
  STATE_WORDS,
  TEMP2,
  TLB_SUPERVISOR_EXECUTE_OFFSET,
  TLB_SUPERVISOR_READ_OFFSET,
  TLB_SUPERVISOR_WRITE_OFFSET,
  XMM_REGISTERS,
  ZERO,
} from './layout.js';
import {
  BLOCK_COUNT,
  BLOCK_EIP,
  BLOCK_PAGE,
  BLOCK_SIZE,
  BRANCH_LINK,
  BRANCH_TARGET,
  BRANCH_WORDS,
  HEADER_WORDS,
  OPERATION_WORDS,
} from './micro-operation.js';
import { isBranch, microOperations, operationNumber } from './micro-operation-table.js';
import { CR0_PG, CR4_OSFXSR, CR4_PAE } from './paging.js';
import { Vector } from './segmentation.js';
import { SseDirect } from './sse-direct.js';
import { X87Direct } from './x87-direct.js';

const READ = TLB_SUPERVISOR_READ_OFFSET >> 2;
const WRITE = TLB_SUPERVISOR_WRITE_OFFSET >> 2;
const EXECUTE = TLB_SUPERVISOR_EXECUTE_OFFSET >> 2;
/** Linear pages: one that the TLB holds, and one that it does not. */
const HIT = 0x1000;
const MISS = 0x5000;
/** Operand values that take every outcome of the comparisons and are large enough for any number to follow. */
const VALUES = [0, 1, 2, -1, 0x7fff_ffff, -0x8000_0000];
const ROUNDS = VALUES.length * 2;
const LEAVE_BLOCK = operationNumber('LEAVE_BLOCK');
const BUDGET = 1000;
const UNAFFORDABLE = 0x1000_0000;
const NOP = Uint8Array.of(0x90);

/** All of it twice: the engine begins to take notes of a function only after a while. */
const TURNS = 2;

/** A place in the code array that no block uses yet, and a block there that no budget pays for. */
const STAGE = 64;
const LINKED = STAGE + 64;
/** Behind a micro-operation of four words in the block at STAGE. */
const LEAVES = STAGE + HEADER_WORDS + OPERATION_WORDS;

export function rehearse(run: Interpreter, execute: Execute): void {
  const { cpu, words, code, jumps } = run;
  const { handlers, instructions } = cpu.blocks;
  run.readTable = READ;
  run.writeTable = WRITE;
  run.executeTable = EXECUTE;
  run.jumpBase = 0;
  words[CR0] = CR0_PG;
  words[CR4] = CR4_PAE | CR4_OSFXSR;
  words[FPU_CONTROL] = 0x37f;
  for (const table of [READ, WRITE, EXECUTE]) words[table + (HIT >> 12)] = SCRATCH_OFFSET;
  jumps.fill(-1);
  const slot = ((HIT ^ (HIT >>> 12)) & 0xfff) * 4;
  jumps[slot] = HIT;
  jumps[slot + 1] = SCRATCH_OFFSET;
  jumps[slot + 2] = LINKED;
  code[LINKED + BLOCK_COUNT] = UNAFFORDABLE;
  code[LINKED + BLOCK_PAGE] = SCRATCH_OFFSET;
  const instruction = new Decoder().decode(NOP, 0, 1, true);
  if (instruction !== null) instructions.push(instruction, instruction, instruction);
  handlers.push(succeed, fault, attract);
  run.regions.push(
    () => 0,
    (remaining) => leaveRegion(words, LINKED, 0, remaining),
    (remaining) => leaveRegion(words, LEAVES, STAGE, remaining - 1),
  );

  for (let turn = 0; turn < microOperations.length * TURNS; turn++) {
    const number = turn % microOperations.length;
    for (let round = 0; round < ROUNDS; round++) rehearseOnce(run, execute, number, round);
    // Indirect branches by way of the jump cache.
    words[EAX] = HIT;
    words[ESP] = HIT;
    stage(code, number, 0, 0);
    execute(run, STAGE, BUDGET);
  }

  handlers.length = 0;
  run.regions.length = 0;
  instructions.length = 0;
  jumps.fill(-1);
  code.fill(0, STAGE, LINKED + 64);
  for (const table of [READ, WRITE, EXECUTE]) words[table + (HIT >> 12)] = 0;
  words.fill(0, 0, STATE_WORDS);
  words.fill(0, SCRATCH_OFFSET >> 2, (SCRATCH_OFFSET >> 2) + 1024);
}

/** One micro-operation with one choice of operands; the first rounds find their memory operand in the TLB. */
function rehearseOnce(run: Interpreter, execute: Execute, number: number, round: number): void {
  const { cpu, words } = run;
  const hit = round < VALUES.length;
  const value = VALUES[round % VALUES.length];
  const other = round % 5 === 4 ? value : VALUES[(round * 5 + 1) % VALUES.length];
  words[EAX] = value;
  words[ECX] = other;
  words[EDX] = round % 5 === 3 ? value : other & 3;
  words[ESP] = hit ? HIT + 4 : MISS;
  words[EBP] = words[ESP];
  words[ZERO] = 0;
  words[FLAG_RESULT] = value;
  words[FLAG_AUXILIARY] = other;
  words[TEMP2] = hit ? HIT : MISS;
  words[SCRATCH_OFFSET >> 2] = HIT;
  words[(SCRATCH_OFFSET >> 2) + 1] = round % 2 === 0 ? HIT : MISS;
  stage(run.code, number, round, value);
  cpu.faulted = false;
  cpu.attention = false;
  cpu.jumped = false;
  execute(run, STAGE, BUDGET);
}

/** Writes a block of one micro-operation with A = EAX, B = TEMP2, ECX or EDX, C = ZERO. */
function stage(code: Int32Array, number: number, round: number, value: number): void {
  const { name, addressed, readsBack, firstWord } = TRAITS[number];
  const b = addressed ? TEMP2 : round % 2 === 0 ? ECX : EDX;
  let at = STAGE + HEADER_WORDS;
  code.fill(0, STAGE, at + 32);
  code[STAGE + BLOCK_COUNT] = 1;
  code[STAGE + BLOCK_SIZE] = 1;
  code[STAGE + BLOCK_EIP] = HIT;
  if (readsBack >= 0) {
    code[at] = readsBack | (EAX << 10) | (TEMP2 << 16) | (ZERO << 22);
    at += OPERATION_WORDS;
  }
  code[at] = number | (EAX << 10) | (b << 16) | (ZERO << 22);
  if (firstWord === 'page') code[at + 1] = HIT >> 12;
  else if (firstWord === 'handler') code[at + 1] = round % 3;
  else if (!addressed) code[at + 1] = round % 2 === 0 ? 1 + (round & 7) : value;
  if (name === 'CHECK_PAGE') code[at + 2] = round % 2 === 0 ? SCRATCH_OFFSET : 0;
  if (name === 'SSE') {
    // MOVD to XMM0, or an operation that there is not.
    code[at + BRANCH_TARGET] = round % 2 === 0 ? SseDirect.LoadDoubleword | (XMM_REGISTERS << 8) : 0xff;
    code[at + BRANCH_LINK + 1] = 1;
  } else if (name === 'X87') {
    // FLDZ, or a store of what is empty; the first finds the stack full in the end.
    code[at + BRANCH_TARGET] = round % 2 === 0 ? X87Direct.LoadZero : X87Direct.StoreDouble;
    code[at + BRANCH_LINK + 1] = 1;
  } else if (isBranch(number)) code[at + BRANCH_LINK] = round % 3 === 0 ? 0 : LINKED;
  code[at + (isBranch(number) ? BRANCH_WORDS : OPERATION_WORDS)] = LEAVE_BLOCK;
}

/** What a micro-operation needs around it. */
const TRAITS = microOperations.map(({ name, body }) => ({
  name,
  /** It has a memory operand. */
  addressed: body.includes('linear'),
  /** Operation that must go before, which fetches what this one stores back. */
  readsBack: name.startsWith('STORE') && name.endsWith('_RMW') ? operationNumber(name.replace('STORE', 'LOAD')) : -1,
  firstWord: /^(J|CHECK_PAGE)/.test(name) ? 'page' : /^(HANDLER|SSE|X87|REGION)/.test(name) ? 'handler' : 'value',
}));

/** What a region does when it is left. */
function leaveRegion(words: Int32Array, place: number, block: number, remaining: number): number {
  words[REGION_BUDGET] = remaining;
  words[REGION_BLOCK] = block;
  return place;
}

function succeed(): boolean {
  return true;
}

function fault(cpu: Cpu): boolean {
  return cpu.raise(Vector.InvalidOpcode);
}

function attract(cpu: Cpu): boolean {
  cpu.attention = true;
  return true;
}
