import type { Cpu } from './cpu.js';

/**
 * One line of the instruction table: everything that decoder, interpreter, translator, length check and tests know
 * about an instruction. Notation as in the SDM, vol 2.
 */
export interface InstructionRow {
  readonly mnemonic: string;
  /**
   * Encoding: '00 /r', '81 /0', '0F A2', 'B8+r', 'F3 0F 58 /r' (mandatory prefix), 'NP 0F 10 /r' (no mandatory prefix),
   * 'D8 /0 m' (memory only), '0F 12 /r r' (register only), 'D9 C0+i', 'D9 E8' (whole ModRM byte).
   */
  readonly opcode: string;
  /** Operands in the codes of SDM vol 2D appendix A: 'Eb,Gb' 'Ev,Iz' 'Jb' 'Mp' 'Vo,Wo'; '' when there are none. */
  readonly operands: string;
  /** Flags in the letters OSZAPC and D I: written, read, and left undefined by the SDM. */
  readonly writes?: string;
  readonly reads?: string;
  readonly undefined?: string;
  /** Space separated: 'lock' (LOCK allowed with a memory operand), 'privileged', 'ends-block', 'rep', 'iopl' ... */
  readonly attributes?: string;
  /** What it does, for instructions that the interpreter does not turn into micro-operations. */
  readonly execute?: Handler;
}

/**
 * Executes one instruction. State[EIP] is the address of the instruction; after `true` the processor goes on behind it
 * unless the handler called cpu.jump(). `false` means that an exception was raised and nothing was changed.
 */
export type Handler = (cpu: Cpu, instruction: Instruction) => boolean;

/** A decoded instruction. Allocated once, when its block is decoded. */
export interface Instruction {
  readonly row: InstructionRow;
  /** Last opcode byte. */
  readonly opcode: number;
  /** ModRM byte and its fields; 0 where the instruction has none. */
  readonly modrm: number;
  readonly mod: number;
  readonly reg: number;
  readonly rm: number;
  readonly isMemory: boolean;
  /** Operand and address size in bytes. */
  readonly operandSize: 2 | 4;
  readonly addressSize: 2 | 4;
  /** Effective segment register of the memory operand (DS, SS or the override). */
  readonly segment: number;
  /** 0, 0xF2 or 0xF3. */
  readonly rep: number;
  readonly lock: boolean;
  readonly operandOverride: boolean;
  /** Memory operand: state word indices of base and index (ZERO if none), shift count of the index, displacement. */
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  readonly displacement: number;
  /** First immediate (sign-extended as the operand code says), relative displacement of a branch, or moffs. */
  readonly immediate: number;
  /** Second immediate: level of ENTER, selector of a far pointer. */
  readonly immediate2: number;
  /** Length in bytes, prefixes included. */
  readonly length: number;
}

/** Offset of the memory operand within its segment, wrapped to the address size; a signed 32-bit number. */
export function effectiveOffset(cpu: Cpu, instruction: Instruction): number {
  const state = cpu.state;
  const offset =
    (state[instruction.base] + (state[instruction.index] << instruction.scale) + instruction.displacement) | 0;
  return instruction.addressSize === 2 ? offset & 0xffff : offset;
}
