/** Which SSE instructions the interpreter's loop does directly (sse-direct.ts). */
import type { BlockWriter } from './block-writer.js';
import type { Instruction } from './instruction.js';
import { XMM_REGISTERS, ZERO } from './layout.js';
import { operationNumber } from './micro-operation-table.js';
import { segmentIsFlat } from './processor-mode.js';
import { SseDirect } from './sse-direct.js';

const SSE = operationNumber('SSE');

/** Operations of the register and of the memory form of an encoding; -1 = left to the handler. */
type Forms = readonly [register: number, memory: number];

function both(operation: number): Forms {
  return [operation, operation];
}

const FORMS: ReadonlyMap<string, Forms> = new Map<string, Forms>([
  ['F2 0F 58 /r', both(SseDirect.AddDouble)],
  ['F2 0F 5C /r', both(SseDirect.SubtractDouble)],
  ['F2 0F 59 /r', both(SseDirect.MultiplyDouble)],
  ['F2 0F 5E /r', both(SseDirect.DivideDouble)],
  ['F3 0F 58 /r', both(SseDirect.AddSingle)],
  ['F3 0F 5C /r', both(SseDirect.SubtractSingle)],
  ['F3 0F 59 /r', both(SseDirect.MultiplySingle)],
  ['F3 0F 5E /r', both(SseDirect.DivideSingle)],
  ['F2 0F 51 /r', both(SseDirect.RootDouble)],
  ['F2 0F 10 /r', [SseDirect.MoveDouble, SseDirect.LoadDouble]],
  ['F3 0F 10 /r', [SseDirect.MoveSingle, SseDirect.LoadSingle]],
  ['66 0F 12 /r m', [-1, SseDirect.MoveDouble]],
  ['NP 0F 28 /r', both(SseDirect.LoadAligned)],
  ['66 0F 28 /r', both(SseDirect.LoadAligned)],
  ['66 0F 6F /r', both(SseDirect.LoadAligned)],
  ['NP 0F 10 /r', both(SseDirect.LoadUnaligned)],
  ['66 0F 10 /r', both(SseDirect.LoadUnaligned)],
  ['F3 0F 6F /r', both(SseDirect.LoadUnaligned)],
  ['F2 0F 2A /r', both(SseDirect.IntegerToDouble)],
  ['F2 0F 2C /r', both(SseDirect.DoubleToInteger)],
  ['F3 0F 5A /r', both(SseDirect.SingleToDouble)],
  ['F2 0F 5A /r', both(SseDirect.DoubleToSingle)],
  ['66 0F 2E /r', both(SseDirect.CompareDouble)],
  ['66 0F 2F /r', both(SseDirect.CompareDouble)],
  ['NP 0F 2E /r', both(SseDirect.CompareSingle)],
  ['NP 0F 2F /r', both(SseDirect.CompareSingle)],
  ['NP 0F 57 /r', both(SseDirect.Xor)],
  ['66 0F 57 /r', both(SseDirect.Xor)],
  ['66 0F EF /r', both(SseDirect.Xor)],
  ['NP 0F 54 /r', both(SseDirect.And)],
  ['66 0F 54 /r', both(SseDirect.And)],
  ['66 0F DB /r', both(SseDirect.And)],
  ['NP 0F 55 /r', both(SseDirect.AndNot)],
  ['66 0F 55 /r', both(SseDirect.AndNot)],
  ['66 0F DF /r', both(SseDirect.AndNot)],
  ['NP 0F 56 /r', both(SseDirect.Or)],
  ['66 0F 56 /r', both(SseDirect.Or)],
  ['66 0F EB /r', both(SseDirect.Or)],
  ['66 0F 58 /r', both(SseDirect.AddDoubles)],
  ['66 0F 5C /r', both(SseDirect.SubtractDoubles)],
  ['66 0F 59 /r', both(SseDirect.MultiplyDoubles)],
  ['66 0F 14 /r', both(SseDirect.UnpackLowDoubles)],
  ['66 0F 15 /r', both(SseDirect.UnpackHighDoubles)],
  ['66 0F 16 /r m', [-1, SseDirect.LoadHighDouble]],
  ['66 0F 17 /r m', [-1, SseDirect.StoreHighDouble]],
  ['66 0F FE /r', both(SseDirect.AddDoublewords)],
  ['F3 0F 7E /r', both(SseDirect.LoadQuad)],
  ['66 0F 6E /r', both(SseDirect.LoadDoubleword)],
  ['F2 0F 11 /r', [-1, SseDirect.StoreDouble]],
  ['66 0F 13 /r m', [-1, SseDirect.StoreDouble]],
  ['66 0F D6 /r', [-1, SseDirect.StoreDouble]],
  ['F3 0F 11 /r', [-1, SseDirect.StoreSingle]],
  ['NP 0F 29 /r', [-1, SseDirect.StoreAligned]],
  ['66 0F 29 /r', [-1, SseDirect.StoreAligned]],
  ['66 0F 7F /r', [-1, SseDirect.StoreAligned]],
  ['NP 0F 11 /r', [-1, SseDirect.StoreUnaligned]],
  ['66 0F 11 /r', [-1, SseDirect.StoreUnaligned]],
  ['F3 0F 7F /r', [-1, SseDirect.StoreUnaligned]],
  ['66 0F 7E /r', both(SseDirect.StoreDoubleword)],
]);

/** Operations whose E operand is a general register when it is a register. */
const GENERAL = new Set<number>([SseDirect.IntegerToDouble, SseDirect.LoadDoubleword, SseDirect.StoreDoubleword]);

/** Emits the direct form with its handler behind it; false: only the handler will do. */
export function lowerSse(writer: BlockWriter, instruction: Instruction): boolean {
  const { row, isMemory } = instruction;
  const forms = FORMS.get(row.opcode);
  if (forms === undefined || row.execute === undefined) return false;
  const operation = forms[isMemory ? 1 : 0];
  if (operation < 0) return false;
  if (isMemory && (instruction.addressSize === 2 || !segmentIsFlat(writer.mode, instruction.segment))) return false;
  const isGeneral = GENERAL.has(operation);
  // CVTTSD2SI writes a general register.
  const register = operation === SseDirect.DoubleToInteger ? instruction.reg : XMM_REGISTERS + instruction.reg * 4;
  const other = isMemory ? 0 : isGeneral ? instruction.rm * 4 : (XMM_REGISTERS + instruction.rm * 4) * 4;
  const base = isMemory ? instruction.base : ZERO;
  const index = isMemory ? instruction.index : ZERO;
  const word = operation | (register << 8) | (base << 16) | (index << 22) | (instruction.scale << 28);
  writer.emitDirect(SSE, instruction, row.execute, word, instruction.displacement, other, isMemory ? 0 : 1);
  return true;
}
