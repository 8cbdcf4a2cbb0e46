/** From near jumps, calls and returns to micro-operations. */
import type { BlockWriter } from './block-writer.js';
import type { Instruction } from './instruction.js';
import { TEMP0 } from './layout.js';
import { CONDITIONS } from './micro-operation.js';
import { findOperation, microOperations, operationNumber } from './micro-operation-table.js';
import { MODE_CODE_BIG, MODE_CODE_FLAT, MODE_STACK_FLAT } from './processor-mode.js';

const DECLINED = 0;
const CONTINUES = 1;
const ENDS = 2;

const JUMP = operationNumber('JUMP');
const JUMP_PAGE = operationNumber('JUMP_PAGE');
const JUMP_R = operationNumber('JUMP_R');
const CALL = operationNumber('CALL');
const CALL_R = operationNumber('CALL_R');
const RETURN = operationNumber('RETURN');
const LOAD32 = operationNumber('LOAD32');
const JUMPS_ON_CONDITION = CONDITIONS.map(([name]) => operationNumber(`J${name}`));

/** For every comparison and condition the number of their fused form, -1 if there is none. */
const FUSED: readonly (readonly number[])[] = microOperations.map(({ name }) =>
  CONDITIONS.map(([condition]) => findOperation(`${name}_J${condition}`)),
);

/** Comparisons with memory that are split before a jump: into a load to TEMP0 and a comparison that can be fused. */
interface Split {
  readonly load: number;
  readonly comparison: number;
  /** Operands of the comparison: the temporary is A or B, the immediate stands beside the memory operand. */
  readonly temporaryFirst: boolean;
  readonly temporary: number;
}

function split(load: string, comparison: string, temporaryFirst: boolean, temporary: number): Split {
  return { load: operationNumber(load), comparison: operationNumber(comparison), temporaryFirst, temporary };
}

const splits: ReadonlyMap<number, Split> = new Map([
  [operationNumber('CMP32_RM'), split('LOAD32', 'CMP32_RR', false, TEMP0)],
  [operationNumber('CMP32_MR'), split('LOAD32', 'CMP32_RR', true, TEMP0)],
  [operationNumber('CMP32_MI'), split('LOAD32', 'CMP32_RI', true, TEMP0)],
  [operationNumber('CMP8_MI'), split('LOAD8', 'CMP8_RI', true, TEMP0 * 4)],
  [operationNumber('TEST32_MI'), split('LOAD32', 'TEST32_RI', true, TEMP0)],
  [operationNumber('TEST8_MI'), split('LOAD8', 'TEST8_RI', true, TEMP0 * 4)],
]);

function splitAndFuse(writer: BlockWriter, comparison: number, condition: number, eip: number): void {
  const parts = splits.get(comparison);
  if (parts === undefined) return;
  const { load, temporary, temporaryFirst } = parts;
  const fused = FUSED[parts.comparison][condition];
  const operation = fused >= 0 ? fused : parts.comparison;
  writer.splitLast(load, temporary, operation, temporaryFirst);
  if (fused >= 0) writer.fuse(fused, eip);
  else writer.emitBranch(JUMPS_ON_CONDITION[condition], 0, 0, eip);
}

/**
 * Lowers JMP, Jcc, CALL and RET in 32-bit flat code; everything else about control is done by handlers.
 * @returns as Lowered of integer-lowering.ts
 */
export function lowerBranch(writer: BlockWriter, instruction: Instruction): 0 | 1 | 2 {
  const flat = MODE_CODE_BIG | MODE_CODE_FLAT;
  if ((writer.mode & flat) !== flat || instruction.operandSize !== 4) return DECLINED;
  switch (instruction.row.opcode) {
    case 'EB':
    case 'E9':
      emitJump(writer, target(writer, instruction));
      return ENDS;
    case 'FF /4':
      writer.emit(JUMP_R, indirectTarget(writer, instruction));
      return ENDS;
  }
  if (instruction.row.operands === 'Jb' || instruction.row.operands === 'Jz') {
    if (instruction.row.mnemonic.startsWith('J') && instruction.row.mnemonic !== 'JCXZ') {
      return lowerConditionalJump(writer, instruction);
    }
  }
  if ((writer.mode & MODE_STACK_FLAT) === 0) return DECLINED;
  switch (instruction.row.opcode) {
    case 'E8':
      writer.emitBranch(CALL, 0, writer.nextEip, target(writer, instruction));
      return ENDS;
    case 'FF /2':
      writer.emit(CALL_R, indirectTarget(writer, instruction), 0, writer.nextEip);
      return ENDS;
    case 'C3':
      writer.emit(RETURN, 0, 0, 4);
      return ENDS;
    case 'C2':
      writer.emit(RETURN, 0, 0, 4 + instruction.immediate);
      return ENDS;
  }
  return DECLINED;
}

function target(writer: BlockWriter, instruction: Instruction): number {
  return (writer.nextEip + instruction.immediate) | 0;
}

function indirectTarget(writer: BlockWriter, instruction: Instruction): number {
  if (!instruction.isMemory) return instruction.rm;
  writer.emitMemory(LOAD32, TEMP0, writer.address(instruction, 4, false));
  return TEMP0;
}

/** A jump to a known EIP of a flat code segment; also the end of a block that goes on elsewhere. */
export function emitJump(writer: BlockWriter, eip: number): void {
  // Within the page a link needs no check: the page was found right when the block was entered.
  if (eip >>> 12 === writer.eip >>> 12) writer.emitBranch(JUMP, 0, 0, eip);
  else writer.emitBranch(JUMP_PAGE, 0, eip >>> 12, eip);
}

function lowerConditionalJump(writer: BlockWriter, instruction: Instruction): 0 | 1 | 2 {
  const condition = instruction.opcode & 15;
  const eip = target(writer, instruction);
  const comparison = writer.lastIsPrevious() ? writer.lastOperation() : -1;
  const fused = comparison < 0 ? -1 : FUSED[comparison][condition];
  if (fused >= 0) writer.fuse(fused, eip);
  else if (comparison >= 0 && splits.has(comparison)) splitAndFuse(writer, comparison, condition, eip);
  else writer.emitBranch(JUMPS_ON_CONDITION[condition], 0, 0, eip);
  // A backward jump is most often a loop's end: what lies behind it is another block.
  if (eip >>> 0 > writer.eip >>> 0) return CONTINUES;
  emitJump(writer, writer.nextEip);
  return ENDS;
}
