/** Which x87 instructions the interpreter's loop does directly (x87-direct.ts). */
import type { BlockWriter } from './block-writer.js';
import type { Instruction } from './instruction.js';
import { ZERO } from './layout.js';
import { operationNumber } from './micro-operation-table.js';
import { segmentIsFlat } from './processor-mode.js';
import { X87Direct } from './x87-direct.js';

const X87 = operationNumber('X87');
const ONE_POP = 1 << 14;
const TWO_POPS = 2 << 14;

/** Operation, arithmetic and pops by encoding. */
const FORMS: ReadonlyMap<string, number> = new Map<string, number>([
  ['D9 C0+i', X87Direct.LoadRegister],
  ['D9 C8+i', X87Direct.Exchange],
  ['D9 /0 m', X87Direct.LoadSingle],
  ['D9 /2 m', X87Direct.StoreSingle],
  ['D9 /3 m', X87Direct.StoreSingle | ONE_POP],
  ['D9 E0', X87Direct.ChangeSign],
  ['D9 E1', X87Direct.Absolute],
  ['D9 E8', X87Direct.LoadOne],
  ['D9 EE', X87Direct.LoadZero],
  ['DB /0 m', X87Direct.LoadInteger32],
  ['DF /0 m', X87Direct.LoadInteger16],
  ['DD /0 m', X87Direct.LoadDouble],
  ['DD /2 m', X87Direct.StoreDouble],
  ['DD /3 m', X87Direct.StoreDouble | ONE_POP],
  ['DD D0+i', X87Direct.StoreRegister],
  ['DD D8+i', X87Direct.StoreRegister | ONE_POP],
  ['D8 D0+i', X87Direct.Compare],
  ['D8 D8+i', X87Direct.Compare | ONE_POP],
  ['DE D9', X87Direct.Compare | (1 << 8) | TWO_POPS],
  ['DD E0+i', X87Direct.Compare],
  ['DD E8+i', X87Direct.Compare | ONE_POP],
  ['DA E9', X87Direct.Compare | (1 << 8) | TWO_POPS],
  ['DB E8+i', X87Direct.CompareFlags],
  ['DB F0+i', X87Direct.CompareFlags],
  ['DF E8+i', X87Direct.CompareFlags | ONE_POP],
  ['DF F0+i', X87Direct.CompareFlags | ONE_POP],
  ...arithmeticForms(),
]);

/** FADD, FMUL, FSUB, FSUBR, FDIV, FDIVR in their five shapes. */
function arithmeticForms(): [string, number][] {
  return [0, 1, 4, 5, 6, 7].flatMap((operation): [string, number][] => {
    const register = (0xc0 + operation * 8).toString(16).toUpperCase();
    const bits = operation << 11;
    return [
      [`D8 ${register}+i`, X87Direct.ArithmeticTop | bits],
      [`DC ${register}+i`, X87Direct.ArithmeticRegister | bits],
      [`DE ${register}+i`, X87Direct.ArithmeticRegister | bits | ONE_POP],
      [`D8 /${operation} m`, X87Direct.ArithmeticSingle | bits],
      [`DC /${operation} m`, X87Direct.ArithmeticDouble | bits],
    ];
  });
}

/** Emits the direct form with its handler behind it; false: only the handler will do. */
export function lowerX87(writer: BlockWriter, instruction: Instruction): boolean {
  const { row, isMemory } = instruction;
  const form = FORMS.get(row.opcode);
  if (form === undefined || row.execute === undefined) return false;
  if (isMemory && (instruction.addressSize === 2 || !segmentIsFlat(writer.mode, instruction.segment))) return false;
  const base = isMemory ? instruction.base : ZERO;
  const index = isMemory ? instruction.index : ZERO;
  const named = row.opcode.endsWith('+i') ? instruction.rm << 8 : 0;
  const word = form | named | (base << 16) | (index << 22) | (instruction.scale << 28);
  const opcode = ((instruction.opcode & 7) << 8) | instruction.modrm;
  writer.emitDirect(X87, instruction, row.execute, word, instruction.displacement, opcode, isMemory ? 0 : 1);
  return true;
}
