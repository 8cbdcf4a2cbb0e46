/**
 * Writes a region as one WebAssembly function. Registers live in locals from where the region is entered to where it is left.
 * Branches between its blocks become structured control flow along the dominator tree (after Ramsey, "Beyond Relooper", ICFP 2022).
 *
 * A region leaves exactly the state in front of a block or of an instruction; the interpreter does what comes next.
 */
import { BodyCompiler, type BodyExits, REGISTER_WORDS } from './body-compiler.js';
import type { Builtin } from './body-functions.js';
import { parseBody, type Statement } from './body-syntax.js';
import type { Instruction } from './instruction.js';
import {
  CR0,
  CR4,
  FPU_REGISTERS,
  REGION_BLOCK,
  REGION_BUDGET,
  REGION_EXITS,
  REGION_LEFT,
  TEMP0,
  XMM_REGISTERS,
} from './layout.js';
import { WHERE } from './micro-operation.js';
import { operationNumber } from './micro-operation-table.js';
import { blockPlace, type RegionBlock } from './region.js';
import { forgetSse, type SseKnowledge, sseBody, sseRegister } from './region-sse.js';
import {
  checkStack,
  droppedBits,
  forgetX87,
  stackChange,
  X87_WORDS,
  type X87Knowledge,
  x87Body,
  x87Functions,
} from './region-x87.js';
import { FunctionWriter, type Label, MemoryOp, Op, type Signature, ValueType, VectorOp } from './wasm-writer.js';

/** Word indices of the TLB tables of a privilege. */
export type TlbTables = Readonly<Record<'readTable' | 'writeTable' | 'executeTable', number>>;

/** What a region is made for. */
export interface RegionPlan {
  /** Number of the region. */
  readonly number: number;
  /** As collectRegion() gives them. */
  readonly blocks: readonly RegionBlock[];
  /** Of the region's privilege. */
  readonly tables: TlbTables;
  /** The x87 control word, and the number of the register on top where the region is entered. */
  readonly control: number;
  readonly top: number;
  /** Whether missed() is to be told of indirect branches. */
  readonly seesTargets: boolean;
}

/** What translated code is made over. */
export interface TranslatorMachine {
  readonly memory: WebAssembly.Memory;
  readonly code: Int32Array;
  readonly instructions: readonly Instruction[];
  /** A place whose micro-operation goes to the EIP in TEMP0, and a block that it may count as part of. */
  readonly indirectJump: number;
  readonly indirectBlock: number;
  /**
   * Does the instruction of a micro-operation that has a handler; `left` is what is left of the budget before it.
   * @returns 0 when the loop must be left; everything is in its place then
   */
  readonly handle: (operation: number, left: number) => number;
  /** Notes that an indirect branch led out of the region. */
  readonly missed: (operation: number, eip: number) => void;
}

const { I32, I64, V128 } = ValueType;

/** Numbers of the functions that a region's module imports: handle() and missed(). */
const HANDLE = 0;
const MISSED = 1;
export const REGION_SIGNATURE: Signature = { parameters: [I32], results: [I32] };
/** The functions of x87 arithmetic lie behind the imports and the region. */
const FIRST_FUNCTION = 3;
export const ARITHMETIC_SIGNATURE: Signature = { parameters: [I64, I32, I64, I32], results: [I32, I64] };
/** The region's parameter. */
const REMAINING = 0;

const CALL = operationNumber('CALL');
const HANDLER = operationNumber('HANDLER');
const HANDLER_END = operationNumber('HANDLER_END');
const SSE = operationNumber('SSE');
const X87 = operationNumber('X87');
/** CR0.EM and TS, CR4.OSFXSR. */
const CR0_REFUSES = 0x0c;
const CR4_ALLOWS = 0x200;

/** What bodies call for x87 arithmetic: leaves the significand in this local. */
function arithmetic(high: number): Readonly<Record<string, Builtin>> {
  const entries = x87Functions(0).map(([name], index): [string, Builtin] => [
    name,
    {
      parameters: ARITHMETIC_SIGNATURE.parameters,
      result: I32,
      emit: (out) => {
        out.call(FIRST_FUNCTION + index);
        out.set(high);
      },
    },
  ]);
  return Object.fromEntries(entries);
}

function uses(code: Int32Array, blocks: readonly RegionBlock[], operation: number): boolean {
  return blocks.some(({ operations }) => operations.some((at) => (code[at] & 0x3ff) === operation));
}

/** Writes one region. */
export class RegionWriter implements BodyExits {
  readonly #machine: TranslatorMachine;
  readonly #plan: RegionPlan;
  readonly #code: Int32Array;
  readonly #blocks: ReadonlyMap<number, RegionBlock>;
  readonly #entry: RegionBlock;
  readonly #root: RegionBlock;
  readonly #bodyOf: (operation: number) => readonly Statement[];
  readonly #out = new FunctionWriter(1);
  readonly #compiler: BodyCompiler;
  /** Number of the entry's target that a detour leads to. */
  readonly #detour: number;
  readonly #next: number;
  readonly #nextBlock: number;
  readonly #vectors: number[] = [];
  /** Labels of the blocks that are branched to. */
  readonly #labels = new Map<RegionBlock, Label>();
  readonly #sse: SseKnowledge = { plain: 0, controlChecked: false };
  readonly #usesSse: boolean;
  /** Significand bits that x87 results drop; undefined: no x87 instruction is translated. */
  readonly dropped: number | undefined;
  /** The significand that the functions of arithmetic return. */
  readonly #high: number;
  readonly #significands: number[] = [];
  readonly #exponents: number[] = [];
  readonly #x87: X87Knowledge = { top: 0, full: 0, empty: 0, controlChecked: false };
  /** The register on top where each block begins. */
  readonly #tops = new Map<RegionBlock, number>();
  /** A handler may have changed what translated x87 code depends on. */
  #stackUnchecked = false;
  #leave: Label = 0;
  /** The block that is being written, the micro-operation, and the first one of its instruction. */
  #block: RegionBlock;
  #operation = 0;
  #instruction = 0;

  constructor(machine: TranslatorMachine, plan: RegionPlan, bodyOf: (operation: number) => readonly Statement[]) {
    const { blocks } = plan;
    this.#machine = machine;
    this.#plan = plan;
    this.#code = machine.code;
    this.#blocks = new Map(blocks.map((block) => [block.block, block]));
    this.#entry = blocks[0];
    this.#root = blocks[1];
    this.#block = blocks[1];
    this.#bodyOf = bodyOf;
    const out = this.#out;
    this.dropped = uses(machine.code, blocks, X87) ? droppedBits(plan.control) : undefined;
    const usesX87 = this.dropped !== undefined;
    const words = usesX87 ? [...REGISTER_WORDS, ...X87_WORDS] : REGISTER_WORDS;
    this.#high = out.local(I64);
    this.#compiler = new BodyCompiler(out, machine.code, words, plan.tables, usesX87 ? arithmetic(this.#high) : {});
    this.#next = out.local(I32);
    this.#nextBlock = out.local(I32);
    this.#usesSse = uses(machine.code, blocks, SSE);
    for (let number = 0; number < 8; number++) {
      if (this.#usesSse) this.#vectors.push(out.local(V128));
      if (!usesX87) continue;
      this.#significands.push(out.local(I64));
      this.#exponents.push(out.local(I32));
    }
    this.#detour = out.local(I32);
    if (usesX87) this.#findTops();
  }

  /** The function as an entry of the code section. */
  write(): number[] {
    const out = this.#out;
    this.#loadState();
    this.#leave = out.block();
    this.#checkUnits();
    this.#writeTree(this.#entry);
    out.op(Op.unreachable);
    out.end();
    this.#storeState();
    this.#countExit();
    this.#storeWord(REGION_BUDGET, REMAINING);
    this.#storeWord(REGION_BLOCK, this.#nextBlock);
    out.get(this.#next);
    return out.finish();
  }

  /** Notes which region was left, and whether it was in front of an instruction. */
  #countExit(): void {
    const out = this.#out;
    out.i32(0);
    this.#loadWord(REGION_EXITS);
    out.get(this.#nextBlock);
    out.i32(0);
    out.op(Op.i32_ne);
    out.op(Op.i32_add);
    out.memory(MemoryOp.i32_store, REGION_EXITS * 4);
    out.i32(0);
    out.i32(this.#plan.number);
    out.memory(MemoryOp.i32_store, REGION_LEFT * 4);
  }

  // --- state ------------------------------------------------------------------------------------------------------------

  #storeWord(word: number, local: number): void {
    this.#out.i32(0);
    this.#out.get(local);
    this.#out.memory(MemoryOp.i32_store, word * 4);
  }

  #loadState(): void {
    const out = this.#out;
    this.#compiler.words.forEach((local, word) => {
      if (local === undefined) return;
      out.i32(0);
      out.memory(MemoryOp.i32_load, word * 4);
      out.set(local);
    });
    this.#vectors.forEach((local, number) => {
      out.i32(0);
      out.vectorMemory(VectorOp.v128_load, (XMM_REGISTERS + number * 4) * 4);
      out.set(local);
    });
    this.#significands.forEach((local, number) => {
      const word = FPU_REGISTERS + number * 4;
      out.i32(0);
      out.memory(MemoryOp.i64_load, word * 4);
      out.set(local);
      this.#loadWord(word + 2);
      out.set(this.#exponents[number]);
    });
  }

  #storeState(): void {
    const out = this.#out;
    this.#compiler.words.forEach((local, word) => {
      if (local !== undefined) this.#storeWord(word, local);
    });
    this.#vectors.forEach((local, number) => {
      out.i32(0);
      out.get(local);
      out.vectorMemory(VectorOp.v128_store, (XMM_REGISTERS + number * 4) * 4);
    });
    this.#significands.forEach((local, number) => {
      const word = FPU_REGISTERS + number * 4;
      out.i32(0);
      out.get(local);
      out.memory(MemoryOp.i64_store, word * 4);
      this.#storeWord(word + 2, this.#exponents[number]);
    });
  }

  /** Leaves at once when the units are switched off, or another x87 register is on top. */
  #checkUnits(): void {
    if (!this.#usesSse && this.dropped === undefined) return;
    const bodies = [`if ((words[${CR0}] & ${CR0_REFUSES}) !== 0) exit();`];
    if (this.#usesSse) bodies.push(`if ((words[${CR4}] & ${CR4_ALLOWS}) === 0) exit();`);
    if (this.dropped !== undefined) bodies.push(checkStack(this.#plan.top));
    this.#compiler.compile(parseBody(bodies.join('')), this.#root.operations[0], {
      exit: () => {
        this.#setRemaining(-this.#code[this.#root.block]);
        this.#leaveTo(this.#root.operations[0], this.#root.body);
      },
      branch: () => undefined,
      branchIndirect: () => undefined,
    });
  }

  #loadWord(word: number): void {
    this.#out.i32(0);
    this.#out.memory(MemoryOp.i32_load, word * 4);
  }

  #setRemaining(change: number): void {
    if (change === 0) return;
    const out = this.#out;
    out.get(REMAINING);
    out.i32(change);
    out.op(Op.i32_add);
    out.set(REMAINING);
  }

  // --- control flow -----------------------------------------------------------------------------------------------------

  #writeTree(block: RegionBlock): void {
    const merges = block.dominated.filter(({ forwardBranches }) => forwardBranches > 1);
    if (block.isLoop) this.#labels.set(block, this.#out.loop());
    // A branch to a merge goes behind the end of its block: the first merge is the innermost.
    for (let at = merges.length - 1; at >= 0; at--) this.#labels.set(merges[at], this.#out.block());
    this.#writeBlock(block);
    for (const merge of merges) {
      this.#out.end();
      this.#writeTree(merge);
    }
    if (block.isLoop) this.#out.end();
  }

  /** Goes to a block of the region, or leaves in front of it. */
  #goTo(target: number): void {
    const out = this.#out;
    const found = this.#blocks.get(target);
    const allowed = this.#block.targets.get(this.#operation)?.includes(target) ?? false;
    if (found === undefined || !allowed || found.order < 0 || !this.#agreesOnTop(found)) {
      this.#leaveTo(target, 0);
      return;
    }
    if (this.#block.detours.has(target)) {
      out.i32(this.#entries.indexOf(target));
      out.set(this.#detour);
      out.branch(this.#labels.get(this.#entry) ?? 0);
      return;
    }
    const label = this.#labels.get(found);
    if (found.order > this.#block.order && found.forwardBranches === 1) {
      this.#writeAside(found);
    } else if (label !== undefined) out.branch(label);
    else throw new Error(`region: no label for block ${target}`);
  }

  #agreesOnTop(block: RegionBlock): boolean {
    return this.dropped === undefined || this.#block === this.#entry || this.#tops.get(block) === this.#x87.top;
  }

  /** Which x87 register is on top where each block begins, by the first way that leads there. */
  #findTops(): void {
    const waiting = [this.#root];
    this.#tops.set(this.#root, this.#plan.top);
    for (let block = waiting.pop(); block !== undefined; block = waiting.pop()) {
      let top = this.#tops.get(block) ?? 0;
      for (const at of block.operations) {
        top = (top + stackChange(this.#code, at, this.#machine.instructions) + 8) & 7;
        for (const target of block.targets.get(at) ?? []) {
          const next = this.#blocks.get(target);
          if (next === undefined || this.#tops.has(next)) continue;
          this.#tops.set(next, top);
          waiting.push(next);
        }
      }
    }
  }

  /** Writes another block in the middle of this one. */
  #writeAside(block: RegionBlock): void {
    const here = { block: this.#block, operation: this.#operation, instruction: this.#instruction };
    const known = { sse: { ...this.#sse }, x87: { ...this.#x87 }, stackUnchecked: this.#stackUnchecked };
    this.#writeTree(block);
    this.#block = here.block;
    this.#operation = here.operation;
    this.#instruction = here.instruction;
    Object.assign(this.#sse, known.sse);
    Object.assign(this.#x87, known.x87);
    this.#stackUnchecked = known.stackUnchecked;
  }

  #leaveTo(place: number, block: number): void {
    const out = this.#out;
    out.i32(place);
    out.set(this.#next);
    out.i32(block);
    out.set(this.#nextBlock);
    out.branch(this.#leave);
  }

  // --- blocks -----------------------------------------------------------------------------------------------------------

  get #entries(): readonly number[] {
    return this.#entry.targets.get(0) ?? [];
  }

  /** The entry: to where a detour leads, or to the root. */
  #writeEntry(): void {
    const out = this.#out;
    this.#operation = 0;
    this.#entries.forEach((target, number) => {
      if (number === 0) return;
      out.get(this.#detour);
      out.i32(number);
      out.op(Op.i32_eq);
      out.if();
      this.#goTo(target);
      out.end();
    });
    this.#goTo(this.#entries[0]);
  }

  #writeBlock(block: RegionBlock): void {
    this.#block = block;
    if (block === this.#entry) {
      this.#writeEntry();
      return;
    }
    this.#writeBudget(block);
    forgetSse(this.#sse);
    forgetX87(this.#x87);
    this.#x87.top = this.#tops.get(block) ?? 0;
    this.#stackUnchecked = false;
    let where = -1;
    for (const at of block.operations) {
      this.#operation = at;
      if (this.#code[at + WHERE] >>> 16 !== where) {
        where = this.#code[at + WHERE] >>> 16;
        this.#instruction = at;
      }
      if (!this.#writeOperation(at)) return;
    }
  }

  #writeBudget(block: RegionBlock): void {
    const count = this.#code[block.block];
    if (count === 0) return;
    const out = this.#out;
    this.#setRemaining(-count);
    out.get(REMAINING);
    out.i32(0);
    out.op(Op.i32_lt_s);
    out.if();
    this.#setRemaining(count);
    this.#leaveTo(block.block, 0);
    out.end();
  }

  #writeOperation(at: number): boolean {
    const operation = this.#code[at] & 0x3ff;
    if (this.#stackUnchecked) {
      this.#stackUnchecked = false;
      this.#compiler.compile(parseBody(checkStack(this.#x87.top)), at, this);
    }
    if (operation === X87 && this.dropped !== undefined) return this.#writeX87(at);
    if (operation === SSE) {
      const text = sseBody(this.#code, at, this.#sse);
      return text === null ? this.#writeHandler(at) : this.#writeSse(at, text);
    }
    if (operation === X87 || operation === HANDLER) return this.#writeHandler(at);
    if (operation === HANDLER_END || (operation === CALL && !this.#isLinked(at))) {
      this.exit();
      return false;
    }
    return this.#compiler.compile(this.#bodyOf(operation), at, this);
  }

  #isLinked(at: number): boolean {
    return this.#code[at + 6] !== 0;
  }

  #writeSse(at: number, text: string): boolean {
    const to = sseRegister(this.#code, at);
    if (to >= 0) this.#compiler.bind('to', this.#vectors[to], V128);
    this.#compiler.bind('from', this.#vectors[(this.#code[at + 6] >> 4) & 7], V128);
    return this.#compiler.compile(parseBody(text), at, this);
  }

  #writeX87(at: number): boolean {
    const word = this.#code[at + 4];
    const { top } = this.#x87;
    this.#compiler.bind('high', this.#high, I64);
    [
      ['0', top],
      ['i', top + (word >>> 8)],
      ['n', top + 7],
    ].forEach(([suffix, register]) => {
      this.#compiler.bind(`s${suffix}`, this.#significands[Number(register) & 7], I64);
      this.#compiler.bind(`e${suffix}`, this.#exponents[Number(register) & 7], I32);
    });
    return this.#compiler.compile(parseBody(x87Body(this.#code, at, this.#x87, this.#plan.control)), at, this);
  }

  /** Calls the handler of the instruction, with all of the state where handlers look for it. */
  #writeHandler(at: number): boolean {
    const out = this.#out;
    this.#storeState();
    out.i32(at);
    out.get(REMAINING);
    out.i32(this.#code[at] >>> 10);
    out.op(Op.i32_add);
    out.call(HANDLE);
    out.op(Op.i32_eqz);
    out.if();
    out.i32(0);
    out.op(Op.return);
    out.end();
    this.#loadState();
    forgetSse(this.#sse);
    if (this.dropped === undefined) return true;
    forgetX87(this.#x87);
    this.#x87.top = (this.#x87.top + stackChange(this.#code, at, this.#machine.instructions) + 8) & 7;
    this.#stackUnchecked = true;
    return true;
  }

  // --- BodyExits --------------------------------------------------------------------------------------------------------

  exit(): void {
    this.#leaveTo(this.#instruction, this.#block.body);
  }

  branch(link: number, refund: number): void {
    this.#setRemaining(refund);
    this.#goTo(link);
  }

  branchIndirect(eip: number): void {
    const out = this.#out;
    const page = blockPlace(this.#code, this.#block.block).eip >>> 12;
    for (const target of this.#block.targets.get(this.#operation) ?? []) {
      const found = this.#blocks.get(target);
      if (found === undefined || found.order < 0) continue;
      const place = blockPlace(this.#code, target);
      out.get(eip);
      out.i32(place.eip);
      out.op(Op.i32_eq);
      if (place.eip >>> 12 !== page) {
        this.#loadWord(this.#plan.tables.executeTable + (place.eip >>> 12));
        out.i32(place.page);
        out.op(Op.i32_eq);
        out.op(Op.i32_and);
      }
      out.if();
      this.#goTo(target);
      out.end();
    }
    if (this.#plan.seesTargets) {
      out.i32(this.#operation);
      out.get(eip);
      out.call(MISSED);
    }
    out.get(eip);
    const temporary = this.#compiler.words[TEMP0];
    if (temporary !== undefined) out.set(temporary);
    this.#leaveTo(this.#machine.indirectJump, this.#machine.indirectBlock);
  }
}
