/** A random instance of a row of the instruction table: instruction bytes and the state to execute them in. */
import type { InstructionRow } from '../../../cpu/instruction.js';
import { ImmediateKind, MandatoryPrefix } from '../../../cpu/opcode-map.js';
import { Draft, SEGMENT_PREFIXES } from './draft.js';
import { controlWord, extended, integer32, integerBytes, littleEndian, mxcsr, statusWord } from './edge-values.js';
import type { Encoding } from './encoding.js';
import { CODE, CODE_SIZE, LIMITED_DATA } from './environment.js';
import { fillRegisterOperands, memoryOperand } from './operand-values.js';
import { isTransfer, prepare } from './preparations.js';
import type { Random } from './random.js';
import { SLOT, SLOTS, type Vector, VectorMode } from './vector-file.js';

/** What the generator knows of a vector before the processor has run it. */
export type Job = Pick<Vector, 'code' | 'mode' | 'linear' | 'before' | 'patches'>;

export type Unit = 'integer' | 'system' | 'x87' | 'mmx' | 'sse';

/** Operand codes whose size follows the operand-size prefix. */
const SIZED = /\b([EGIXYO]v|Zv|rAX|rDX|eAX|Iz|Jz|Mp|Ap|Ma|[XY]z|sIb)\b/;
const SIZED_WITHOUT_OPERANDS = /^(PUSH|POP|RET|IRET|LEAVE|ENTER|CBW|CWD|CALL|JMP|J|LOOP|FLDENV|FNSTENV|FRSTOR|FNSAVE)/;

/** A job, or null when the random choices do not fit together. */
export function randomJob(random: Random, row: InstructionRow, unit: Unit, encodings: readonly Encoding[]): Job | null {
  const draft = new Draft(random, row, random.pick(encodings));
  choosePrefixes(draft, unit);
  chooseModrm(draft);
  chooseRegisters(draft, unit);
  if (isTransfer(row.mnemonic) || (unit !== 'x87' && draft.rep === 0 && random.chance(0.02))) {
    if (!/^(PUSHF|POP|MOV|LSS)$/.test(row.mnemonic)) draft.mode = VectorMode.SingleStep;
  }
  prepare(draft);
  if (draft.isMemory && !placeMemoryOperand(draft)) return null;
  if (draft.encoding.entry.immediate !== ImmediateKind.None && draft.immediates.length === 0) chooseImmediate(draft);
  fillRegisterOperands(draft);
  return finish(draft);
}

function choosePrefixes(draft: Draft, unit: Unit): void {
  const { random, row, encoding } = draft;
  const { entry } = encoding;
  draft.code16 = random.chance(0.06);
  const free = entry.prefix === MandatoryPrefix.Any;
  const sized = SIZED.test(row.operands) || (row.operands === '' && SIZED_WITHOUT_OPERANDS.test(row.mnemonic));
  const flip = free && random.chance(sized || SIZED_WITHOUT_OPERANDS.test(row.mnemonic) ? 0.25 : 0.02);
  draft.operandSize = flip === draft.code16 ? 4 : 2;
  const addressMatters = entry.hasModrm || /[XYO][bvz]|Nq|Jb/.test(row.operands) || row.mnemonic === 'XLAT';
  const flipAddress = addressMatters && random.chance(0.08);
  draft.addressSize = flipAddress === draft.code16 ? 4 : 2;
  const prefixes: number[] = [];
  if (flip) prefixes.push(0x66);
  if (flipAddress) prefixes.push(0x67);
  const repeats = (row.attributes ?? '').includes('rep');
  // F3 90 is PAUSE, and what F2 and F3 do to LOOPE and LOOPNE differs between processors.
  const plain = free && unit === 'integer' && !/^0F|^90|LOOP/.test(row.opcode + row.mnemonic);
  if ((repeats && random.chance(0.6)) || (plain && random.chance(0.01))) {
    draft.rep = random.pick([0xf2, 0xf3]);
    prefixes.push(draft.rep);
  }
  if (addressMatters && random.chance(0.12)) {
    const number = random.below(6);
    draft.override = number;
    prefixes.push(SEGMENT_PREFIXES[number]);
  }
  const lockable = (row.attributes ?? '').split(' ').includes('lock');
  if (random.chance(lockable ? 0.1 : 0.01)) prefixes.push(0xf0);
  if (/^[XY]/.test(row.operands) && random.chance(0.05)) draft.limitExtraSegment(LIMITED_DATA);
  // Any order.
  for (let at = prefixes.length - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [prefixes[at], prefixes[other]] = [prefixes[other], prefixes[at]];
  }
  draft.prefixes = prefixes;
}

function chooseModrm(draft: Draft): void {
  const { random } = draft;
  const { entry } = draft.encoding;
  if (!entry.hasModrm) return;
  const memory = !entry.registerOnly && (entry.memoryOnly || random.chance(0.55));
  const mod = memory ? random.below(3) : 3;
  const free = (mod << 6) | (random.below(8) << 3) | random.below(8);
  draft.modrm = (free & ~entry.modrmMask) | entry.modrmValue;
  if (draft.isMemory && draft.addressSize === 4 && draft.rm === 4) {
    draft.sib = random.bits() & 0xff;
    // A register that is base and index can be aimed only with a large displacement.
    if ((draft.sib & 7) === ((draft.sib >> 3) & 7) && mod !== 2) draft.sib ^= 8;
  }
}

function chooseRegisters(draft: Draft, unit: Unit): void {
  const { random, row } = draft;
  if (unit === 'integer' || unit === 'system' || /[EG]/.test(row.operands)) {
    const registers = unit === 'integer' || unit === 'system' ? [0, 1, 2, draft.reg, draft.rm] : [draft.reg, draft.rm];
    for (const register of registers) {
      if (register !== 4 && random.chance(0.7)) draft.set(SLOT.EAX + register, integer32(random));
    }
  }
  if (unit === 'integer' || unit === 'system' || row.reads !== undefined || row.writes !== undefined) {
    draft.set(SLOT.EFLAGS, 0x202 | (random.bits() & (random.chance(0.3) ? 0xcd5 : 0x8d5)));
  }
  if (unit === 'x87' || unit === 'mmx') {
    const control = controlWord(random);
    draft.set(SLOT.FCW, control);
    const status = statusWord(random, control, random.chance(0.04));
    draft.set(SLOT.FSW, status);
    const top = (status >> 11) & 7;
    let tags = 0xff;
    if (random.chance(/^(FLD|FILD|FBLD|FPTAN|FSINCOS|FXTRACT)/.test(row.mnemonic) ? 0.8 : 0.3))
      tags &= ~(1 << ((top + 7) & 7));
    if (random.chance(0.1)) tags = random.below(256);
    draft.set(SLOT.FTW, tags);
    if (unit === 'x87') {
      for (const register of [0, 1, draft.rm]) {
        if (random.chance(0.9)) draft.state.set(extended(random), SLOTS[SLOT.ST + register].offset);
      }
    }
  }
  if (unit === 'sse') draft.set(SLOT.MXCSR, mxcsr(random));
}

function placeMemoryOperand(draft: Draft): boolean {
  const operand = memoryOperand(draft);
  const linear = draft.target(operand.length, operand.length);
  draft.patch(linear, operand);
  return draft.address(linear);
}

function chooseImmediate(draft: Draft): void {
  const { random } = draft;
  switch (draft.encoding.entry.immediate) {
    case ImmediateKind.Byte:
    case ImmediateKind.SignedByte:
      draft.immediates = random.chance(0.5) ? littleEndian(random.below(40), 1) : integerBytes(random, 1);
      break;
    case ImmediateKind.Word:
      draft.immediates = integerBytes(random, 2);
      break;
    case ImmediateKind.OperandSize:
      draft.immediates = integerBytes(random, draft.operandSize);
      break;
    case ImmediateKind.WordAndByte:
      draft.immediates = integerBytes(random, 3);
      break;
    case ImmediateKind.FarPointer:
      draft.immediates = integerBytes(random, draft.operandSize + 2);
      break;
    case ImmediateKind.Offset:
      draft.immediates = littleEndian(0, draft.addressSize);
      break;
    default:
  }
}

/** Puts the code somewhere: across two pages or at the end of the last one, too. */
function finish(draft: Draft): Job | null {
  const { random } = draft;
  const code = draft.bytes();
  if (code.length > 15) return null;
  let offset = 0x100;
  const roll = random.below(100);
  if (roll < 5) offset = 0x1000 - random.below(code.length);
  else if (roll < 8 && draft.mode === VectorMode.SingleStep) offset = CODE_SIZE - code.length;
  // The bytes behind the end are absent: the fetch faults.
  else if (roll < 10 && code.length > 1) offset = CODE_SIZE - 1 - random.below(code.length - 1);
  draft.placeCode(offset);
  return { code, mode: draft.mode, linear: CODE + offset, before: draft.state, patches: draft.patches };
}
