/** An instruction and its state under construction. */
import type { InstructionRow } from '../../../cpu/instruction.js';
import type { Encoding } from './encoding.js';
import { backgroundState, CODE, CODE_16, DATA, LDT_ENTRIES, LOW, PAGE_SIZE, USER_DATA } from './environment.js';
import type { Random } from './random.js';
import { type MemoryRun, readSlot, SLOT, VectorMode, writeSlot } from './vector-file.js';

export const ESP = 4;
export const EBP = 5;
export const DS = 3;
export const SS = 2;
export const ES = 0;

/** Segments that the prefixes 26 2E 36 3E 64 65 select. */
export const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Below this address the executor has nothing but the pages of the environment. */
const EXECUTOR = 0x5000_0000;

const BASES_16 = [3, 3, EBP, EBP, 6, 7, EBP, 3];
const INDICES_16 = [6, 7, 6, 7, -1, -1, -1, -1];

export class Draft {
  readonly random: Random;
  readonly row: InstructionRow;
  readonly encoding: Encoding;
  readonly state = backgroundState();
  readonly patches: MemoryRun[] = [];
  mode: VectorMode = VectorMode.UntilInt3;
  /** Code in the 16-bit segment CODE_16. */
  code16 = false;
  prefixes: number[] = [];
  operandSize: 2 | 4 = 4;
  addressSize: 2 | 4 = 4;
  /** Segment of an override prefix, or -1. */
  override = -1;
  rep = 0;
  modrm = 0;
  sib: number | null = null;
  displacement = 0;
  displacementSize = 0;
  immediates: Uint8Array = new Uint8Array(0);
  /** General registers whose values must stay. */
  readonly fixed = new Set<number>();

  constructor(random: Random, row: InstructionRow, encoding: Encoding) {
    this.random = random;
    this.row = row;
    this.encoding = encoding;
  }

  get isMemory(): boolean {
    const ignoresMod = this.encoding.entry.ignoresMod;
    return this.encoding.entry.hasModrm && this.modrm < 0xc0 && !ignoresMod;
  }

  get reg(): number {
    return (this.modrm >> 3) & 7;
  }

  get rm(): number {
    return this.modrm & 7;
  }

  register(number: number): number {
    return readSlot(this.state, SLOT.EAX + number);
  }

  /** Gives a general register a value that later steps leave alone. */
  fix(number: number, value: number): void {
    writeSlot(this.state, SLOT.EAX + number, value);
    this.fixed.add(number);
  }

  /** The low half only, for 16-bit addresses; the upper half becomes noise. */
  fixAddress(number: number, value: number): void {
    this.fix(number, this.addressSize === 4 ? value : (value & 0xffff) | (this.random.bits() & 0xffff_0000));
  }

  set(slot: number, value: number): void {
    writeSlot(this.state, slot, value);
  }

  patch(address: number, bytes: Uint8Array): void {
    this.patches.push({ address: address >>> 0, bytes });
  }

  /** Base of a segment register, as its selector has it. */
  base(segment: number): number {
    const selector = readSlot(this.state, SLOT.ES + segment);
    return (selector & 4) !== 0 && selector >> 3 < LDT_ENTRIES.length ? LDT_ENTRIES[selector >> 3].base : 0;
  }

  /** Linear address for an operand of this size: mostly in writable memory, now and then where something is in the way. */
  target(size: number, natural = size): number {
    const random = this.random;
    if (this.addressSize === 2) return this.#lowTarget(size);
    const span = Math.min(size, PAGE_SIZE);
    const roll = random.below(100);
    const within = Math.max(1, span);
    const page = DATA + PAGE_SIZE * random.pick([1, 2, 4]);
    const room = PAGE_SIZE - span;
    const alignment = Math.min(natural, 16);
    if (roll < 60) return page + (random.below(room) & -alignment);
    if (roll < 74) return page + random.below(room);
    const before = 1 + random.below(within);
    if (roll < 84) return DATA + 2 * PAGE_SIZE - before;
    if (roll < 88) return DATA + 3 * PAGE_SIZE - before;
    if (roll < 90) return DATA + 4 * PAGE_SIZE - before;
    if (roll < 93) return DATA + 5 * PAGE_SIZE - before;
    if (roll < 94) return DATA + PAGE_SIZE - before;
    if (roll < 95) return DATA + 7 * PAGE_SIZE - before;
    if (roll < 98) return DATA + 3 * PAGE_SIZE + (random.below(room) & -alignment);
    if (roll < 99) return DATA + 5 * PAGE_SIZE + random.below(room);
    return random.below(EXECUTOR);
  }

  #lowTarget(size: number): number {
    const random = this.random;
    const room = PAGE_SIZE - size;
    const before = 1 + random.below(size);
    const roll = random.below(100);
    if (roll < 70) return random.pick([LOW, 0xf000]) + random.below(room);
    if (roll < 80) return LOW + PAGE_SIZE - before;
    if (roll < 88) return 0x1_0000 - before;
    if (roll < 92) return LOW + 2 * PAGE_SIZE - before;
    if (roll < 96) return LOW + PAGE_SIZE + random.below(room);
    return LOW - before;
  }

  /**
   * Chooses registers and displacement so that the memory operand lies at this linear address.
   * False: they were fixed before, and lead to where the executor itself has memory.
   */
  address(linear: number): boolean {
    const base = this.base(this.segment());
    const offset = (linear - base) >>> 0;
    if (this.addressSize === 2) {
      this.#address16(offset);
      return true;
    }
    return (base + this.#address32(offset)) >>> 0 < EXECUTOR;
  }

  /** Segment of the memory operand. */
  segment(): number {
    if (this.override >= 0) return this.override;
    const mod = this.modrm >> 6;
    if (this.addressSize === 2) return BASES_16[this.rm] === EBP && !(mod === 0 && this.rm === 6) ? SS : DS;
    const base = this.sib === null ? this.rm : this.sib & 7;
    return (base === ESP && this.sib !== null) || (base === EBP && mod !== 0) ? SS : DS;
  }

  #address32(offset: number): number {
    const mod = this.modrm >> 6;
    let base = this.rm;
    let index = -1;
    let scale = 0;
    if (this.sib !== null) {
      base = this.sib & 7;
      index = (this.sib >> 3) & 7;
      scale = this.sib >> 6;
      if (index === 4) index = -1;
    }
    const noBase = mod === 0 && base === EBP;
    this.displacementSize = noBase || mod === 2 ? 4 : mod === 1 ? 1 : 0;
    if (index >= 0 && !this.fixed.has(index)) {
      this.fix(index, this.random.chance(0.7) ? this.random.below(64) : this.random.bits());
    }
    const scaled = index < 0 ? 0 : this.register(index) << scale;
    if (this.displacementSize === 1) this.displacement = (this.random.bits() << 24) >> 24;
    if (this.displacementSize === 4) this.displacement = this.random.below(0x4000) - 0x2000;
    if (!noBase && base !== index && !this.fixed.has(base)) this.fix(base, offset - scaled - this.displacement);
    else if (this.displacementSize === 4) {
      this.displacement = (offset - scaled - (noBase ? 0 : this.register(base))) | 0;
    }
    return (noBase ? 0 : this.register(base)) + (index < 0 ? 0 : this.register(index) << scale) + this.displacement;
  }

  #address16(offset: number): void {
    const mod = this.modrm >> 6;
    const base = BASES_16[this.rm];
    const index = INDICES_16[this.rm];
    const noBase = mod === 0 && this.rm === 6;
    this.displacementSize = noBase || mod === 2 ? 2 : mod;
    if (noBase) {
      this.displacement = offset;
      return;
    }
    if (index >= 0 && !this.fixed.has(index)) this.fix(index, this.random.bits());
    if (mod === 1) this.displacement = (this.random.bits() << 24) >> 24;
    if (mod === 2) this.displacement = this.random.below(0x1_0000);
    if (this.fixed.has(base)) return;
    const value = offset - (index < 0 ? 0 : this.register(index)) - this.displacement;
    this.fix(base, (value & 0xffff) | (this.random.bits() & 0xffff_0000));
  }

  /** Puts the instruction bytes together. */
  bytes(): Uint8Array {
    const bytes = [...this.prefixes, ...this.encoding.mandatory, ...this.encoding.opcode];
    if (this.encoding.entry.hasModrm) bytes.push(this.modrm);
    if (this.sib !== null && this.isMemory && this.addressSize === 4) bytes.push(this.sib);
    for (let at = 0; at < this.displacementSize; at++) bytes.push((this.displacement >> (8 * at)) & 0xff);
    bytes.push(...this.immediates);
    return Uint8Array.from(bytes);
  }

  /** Into the 16-bit code segment, or back to flat code at this offset of CODE. */
  placeCode(offset: number): void {
    if (this.code16) this.set(SLOT.CS, CODE_16);
    this.set(SLOT.EIP, this.code16 ? offset : CODE + offset);
  }

  /** Makes ES a segment that is not flat. */
  limitExtraSegment(selector: number): void {
    this.set(SLOT.ES, selector);
  }

  get extraSegmentIsFlat(): boolean {
    return readSlot(this.state, SLOT.ES) === USER_DATA;
  }
}
