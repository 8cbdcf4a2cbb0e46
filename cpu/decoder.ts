/**
 * From bytes to instructions, by the instruction table: prefixes, opcode, ModRM, SIB, displacement, immediates
 * (SDM vol 2A chapter 2).
 */
import type { Instruction } from './instruction.js';
import { instructionTable } from './instruction-table.js';
import { CS, DS, EBP, ES, ESP, FS, GS, SS, ZERO } from './layout.js';
import { buildOpcodeMaps, ImmediateKind, MandatoryPrefix, type OpcodeEntry } from './opcode-map.js';

const MAXIMUM_LENGTH = 15;
/** Segment registers by override prefix. */
const SEGMENT_OVERRIDES = new Map([
  [0x26, ES],
  [0x2e, CS],
  [0x36, SS],
  [0x3e, DS],
  [0x64, FS],
  [0x65, GS],
]);
/** Base and index of the eight 16-bit addressing forms: BX+SI BX+DI BP+SI BP+DI SI DI BP BX. */
const BASES_16 = [3, 3, EBP, EBP, 6, 7, EBP, 3];
const INDICES_16 = [6, 7, 6, 7, ZERO, ZERO, ZERO, ZERO];

const maps = buildOpcodeMaps(instructionTable);

/** What stopped the decoding of an instruction. */
export const DecodeFailure = {
  None: 0,
  /** The bytes end before the instruction does. */
  Truncated: 1,
  /** No such instruction: #UD. */
  Undefined: 2,
  /** Longer than 15 bytes: #GP(0). */
  TooLong: 3,
} as const;
export type DecodeFailure = (typeof DecodeFailure)[keyof typeof DecodeFailure];

/** Raised by the byte reader through `failure`; decoding goes on with zeros and the result is dropped. */
export class Decoder {
  failure: DecodeFailure = DecodeFailure.None;
  #bytes: Uint8Array;
  #start = 0;
  #at = 0;
  #end = 0;

  constructor() {
    this.#bytes = new Uint8Array(0);
  }

  /**
   * Decodes the instruction at bytes[start .. end).
   * @param big default operand and address size of the code segment: true = 32 bits
   * @returns the instruction, or null with the reason in `failure`
   */
  decode(bytes: Uint8Array, start: number, end: number, big: boolean): Instruction | null {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
    this.#end = end;
    this.failure = DecodeFailure.None;
    const instruction = this.#decode(big);
    return this.failure === DecodeFailure.None ? instruction : null;
  }

  #fail(failure: DecodeFailure): null {
    if (this.failure === DecodeFailure.None) this.failure = failure;
    return null;
  }

  #byte(): number {
    if (this.#at - this.#start >= MAXIMUM_LENGTH) {
      this.#fail(DecodeFailure.TooLong);
      return 0;
    }
    if (this.#at >= this.#end) {
      this.#fail(DecodeFailure.Truncated);
      return 0;
    }
    return this.#bytes[this.#at++];
  }

  #signedByte(): number {
    return (this.#byte() << 24) >> 24;
  }

  #word(): number {
    const low = this.#byte();
    return low | (this.#byte() << 8);
  }

  #signedWord(): number {
    return (this.#word() << 16) >> 16;
  }

  #dword(): number {
    const low = this.#word();
    return low | (this.#word() << 16);
  }

  #decode(big: boolean): Instruction | null {
    let operandOverride = false;
    let addressOverride = false;
    let segmentOverride = -1;
    let rep = 0;
    let lock = false;
    let opcode = this.#byte();
    for (; this.failure === DecodeFailure.None; opcode = this.#byte()) {
      if (opcode === 0x66) operandOverride = true;
      else if (opcode === 0x67) addressOverride = true;
      else if (opcode === 0xf2 || opcode === 0xf3) rep = opcode;
      else if (opcode === 0xf0) lock = true;
      else {
        const segment = SEGMENT_OVERRIDES.get(opcode);
        if (segment === undefined) break;
        segmentOverride = segment;
      }
    }
    let map = maps.oneByte;
    if (opcode === 0x0f) {
      opcode = this.#byte();
      map = maps.twoByte;
      if (opcode === 0x38 || opcode === 0x3a) {
        map = opcode === 0x38 ? maps.threeByte38 : maps.threeByte3a;
        opcode = this.#byte();
      }
    }
    if (this.failure !== DecodeFailure.None) return null;
    const entries = map[opcode];
    if (entries.length === 0) return this.#fail(DecodeFailure.Undefined);

    const prefix =
      rep === 0xf3
        ? MandatoryPrefix.F3
        : rep === 0xf2
          ? MandatoryPrefix.F2
          : operandOverride
            ? MandatoryPrefix.OperandSize
            : MandatoryPrefix.Forbidden;
    const modrm = entries[0].hasModrm ? this.#byte() : 0;
    if (this.failure !== DecodeFailure.None) return null;
    const entry = selectEntry(entries, prefix, modrm);
    if (entry === null) return this.#fail(DecodeFailure.Undefined);
    const row = entry.row;

    const mod = modrm >> 6;
    const reg = (modrm >> 3) & 7;
    const rm = modrm & 7;
    const operandSize = operandOverride === big ? 2 : 4;
    const addressSize = addressOverride === big ? 2 : 4;
    let isMemory = entry.hasModrm && mod !== 3 && !entry.ignoresMod;
    let base: number = ZERO;
    let index: number = ZERO;
    let scale = 0;
    let displacement = 0;
    if (isMemory && addressSize === 4) {
      base = rm;
      if (rm === 4) {
        const sib = this.#byte();
        base = sib & 7;
        index = (sib >> 3) & 7;
        scale = index === 4 ? 0 : sib >> 6;
        if (index === 4) index = ZERO;
      }
      if (mod === 0 && base === EBP) {
        base = ZERO;
        displacement = this.#dword();
      } else if (mod === 1) displacement = this.#signedByte();
      else if (mod === 2) displacement = this.#dword();
    } else if (isMemory) {
      base = BASES_16[rm];
      index = INDICES_16[rm];
      if (mod === 0 && rm === 6) {
        base = ZERO;
        displacement = this.#signedWord();
      } else if (mod === 1) displacement = this.#signedByte();
      else if (mod === 2) displacement = this.#signedWord();
    }

    let immediate = 0;
    let immediate2 = 0;
    switch (entry.immediate) {
      case ImmediateKind.None:
        break;
      case ImmediateKind.Byte:
        immediate = this.#byte();
        break;
      case ImmediateKind.SignedByte:
        immediate = this.#signedByte();
        break;
      case ImmediateKind.Word:
        immediate = this.#word();
        break;
      case ImmediateKind.OperandSize:
        immediate = operandSize === 2 ? this.#signedWord() : this.#dword();
        break;
      case ImmediateKind.WordAndByte:
        immediate = this.#word();
        immediate2 = this.#byte();
        break;
      case ImmediateKind.FarPointer:
        immediate = operandSize === 2 ? this.#word() : this.#dword();
        immediate2 = this.#word();
        break;
      case ImmediateKind.Offset:
        displacement = addressSize === 2 ? this.#word() : this.#dword();
        isMemory = true;
        break;
    }
    if (this.failure !== DecodeFailure.None) return null;
    if (lock && !(isMemory && entry.lockable)) return this.#fail(DecodeFailure.Undefined);
    const segment = segmentOverride >= 0 ? segmentOverride : base === ESP || base === EBP ? SS : DS;
    return {
      row,
      opcode,
      modrm,
      mod,
      reg,
      rm,
      isMemory,
      operandSize,
      addressSize,
      segment,
      rep,
      lock,
      operandOverride,
      base,
      index,
      scale,
      displacement,
      immediate,
      immediate2,
      length: this.#at - this.#start,
    };
  }
}

/** The entry that fits prefix and ModRM byte, the most particular first. */
function selectEntry(entries: readonly OpcodeEntry[], prefix: MandatoryPrefix, modrm: number): OpcodeEntry | null {
  for (const entry of entries) {
    if (entry.prefix !== MandatoryPrefix.Any && entry.prefix !== prefix) continue;
    if ((modrm & entry.modrmMask) !== entry.modrmValue) continue;
    if (entry.memoryOnly && modrm >= 0xc0) continue;
    if (entry.registerOnly && modrm < 0xc0) continue;
    return entry;
  }
  return null;
}

/**
 * Decodes the first instruction in these bytes, for tests and tools.
 * @param mode 16 or 32: the default size of the code segment
 * @returns the instruction, or the reason why there is none
 */
export function decodeInstruction(bytes: Uint8Array, mode: 16 | 32): Instruction | DecodeFailure {
  const decoder = new Decoder();
  return decoder.decode(bytes, 0, bytes.length, mode === 32) ?? decoder.failure;
}
