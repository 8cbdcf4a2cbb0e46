/** What single instructions need beside their ModRM operand: stacks, string pointers, selectors, numbers that divide. */
import { type Draft, EBP, ES, ESP } from './draft.js';
import { integer32, integerBytes, littleEndian, packedIntegers } from './edge-values.js';
import { CODE, CODE_16, LDT_CODE, USER_CODE } from './environment.js';
import { farPointer, selector } from './selectors.js';
import { readSlot, SLOT, writeSlot } from './vector-file.js';

const EAX = 0;
const ECX = 1;
const EDX = 2;
const EBX = 3;
const ESI = 6;
const EDI = 7;
const DS = 3;

const TRANSFERS = /^(J|LOOP|CALL|RET|IRET|SYS)/;

/** True for instructions whose end is caught by single-stepping: they go elsewhere. */
export function isTransfer(mnemonic: string): boolean {
  return TRANSFERS.test(mnemonic);
}

/** Sets the registers and memory that this instruction uses without naming them. */
export function prepare(draft: Draft): void {
  const { mnemonic, operands } = draft.row;
  if (/^[XY]|,[XY]/.test(operands) || /^(INS|OUTS)/.test(mnemonic)) prepareString(draft);
  else if (/^(PUSH|CALL|ENTER)/.test(mnemonic)) preparePush(draft);
  else if (/^(POP|RET|IRET|LEAVE)/.test(mnemonic)) preparePop(draft);
  else if (/^(DIV|IDIV)$/.test(mnemonic)) prepareDivision(draft);
  else if (/^(LOOP|JCXZ)/.test(mnemonic))
    draft.fix(ECX, draft.random.pick([0, 1, 2, 0x1_0000, 0x1_0001, 0xffff_0000, 5]));
  else if (/^MASKMOV/.test(mnemonic)) prepareMaskedStore(draft);
  else if (mnemonic === 'XLAT') prepareTranslate(draft);
  if (/^O[bv]|,O[bv]/.test(operands)) prepareDirect(draft);
  if (operands === 'Ap') draft.immediates = farPointer(draft, draft.operandSize);
  if (/^BT/.test(mnemonic) && draft.isMemory && /Gv/.test(operands)) prepareBitOffset(draft);
  if (/^(LAR|LSL|VERR|VERW|ARPL)$|^MOV$/.test(mnemonic) && /Ew|Sw/.test(operands)) prepareSelector(draft);
  if (/^(AAM|AAD)$/.test(mnemonic) && draft.random.chance(0.4)) draft.immediates = Uint8Array.of(10);
  if (mnemonic === 'AAM' && draft.random.chance(0.05)) draft.immediates = Uint8Array.of(0);
}

function elementSize(draft: Draft): number {
  return (draft.encoding.opcode[0] & 1) === 0 ? 1 : draft.operandSize;
}

function prepareString(draft: Draft): void {
  const { random } = draft;
  const size = elementSize(draft);
  let count = random.pick([0, 1, 2, 3, 4, 7, 9, 16, 33]);
  if (draft.addressSize === 2) count |= random.bits() & 0xffff_0000;
  draft.fix(ECX, count);
  const source = draft.target(size) - draft.base(draft.override >= 0 ? draft.override : DS);
  const destination = draft.target(size) - draft.base(ES);
  draft.fixAddress(ESI, source);
  draft.fixAddress(EDI, destination);
  const flags = readSlot(draft.state, SLOT.EFLAGS) & ~0x400;
  writeSlot(draft.state, SLOT.EFLAGS, flags | (random.chance(0.35) ? 0x400 : 0));
  if (/CMPS|SCAS/.test(draft.row.mnemonic)) {
    // Runs of equal bytes, so that comparisons go on for a while.
    const fill = random.below(3);
    const length = 1 + random.below(40);
    draft.patch(source + draft.base(DS) - (random.chance(0.5) ? length : 0), new Uint8Array(length).fill(fill));
    draft.patch(destination + draft.base(ES) - (random.chance(0.5) ? length : 0), new Uint8Array(length).fill(fill));
    if (random.chance(0.6)) draft.fix(EAX, fill * 0x0101_0101);
  }
}

function preparePush(draft: Draft): void {
  const { random, row } = draft;
  let size: number = draft.operandSize;
  if (row.mnemonic === 'PUSHA') size *= 8;
  if (row.mnemonic === 'CALL' && /Ap|Mp/.test(row.operands)) size *= 2;
  const saved = draft.addressSize;
  draft.addressSize = 4;
  if (row.mnemonic === 'ENTER') {
    const level = random.chance(0.5) ? 0 : random.below(random.pick([3, 8, 40]));
    const frame = random.pick([0, 4, 8, 16, 0x100, 0x1234, 0xffff]);
    draft.immediates = Uint8Array.of(frame & 0xff, frame >> 8, level);
    size *= 1 + (level & 31);
    draft.fix(EBP, draft.target(size) + size);
  }
  draft.fix(ESP, draft.target(size, draft.operandSize) + size);
  draft.addressSize = saved;
  if (row.operands === 'Ev' && row.mnemonic === 'CALL' && !draft.isMemory) {
    if (draft.rm !== ESP)
      draft.set(SLOT.EAX + draft.rm, random.chance(0.6) ? CODE + random.below(0x2000) : integer32(random));
  }
}

function preparePop(draft: Draft): void {
  const { random, row } = draft;
  const size = draft.operandSize;
  let bytes: Uint8Array;
  const eip = random.chance(0.4)
    ? CODE + random.below(0x2000)
    : random.chance(0.5)
      ? random.below(0x2100)
      : integer32(random);
  const code = random.chance(0.6) ? random.pick([USER_CODE, USER_CODE, LDT_CODE, CODE_16]) : selector(random);
  // TF stays set, so that the single step ends wherever the flags come from.
  const flags = (random.bits() & 0x7edd5) | 0x100;
  switch (row.mnemonic) {
    case 'POPA':
      bytes = packedIntegers(random, 8 * size);
      break;
    case 'POPF':
      bytes = littleEndian(random.chance(0.5) ? random.bits() & ~0x100 : random.bits() & 0xcd5, size);
      break;
    case 'RETF':
    case 'IRET':
      bytes = new Uint8Array(3 * size);
      bytes.set(littleEndian(eip, size));
      bytes.set(littleEndian(code, size), size);
      bytes.set(littleEndian(flags, size), 2 * size);
      if (row.mnemonic === 'RETF') bytes = bytes.slice(0, 2 * size);
      break;
    case 'RET':
      bytes = littleEndian(eip, size);
      break;
    default:
      bytes = row.operands === 'Sw' ? littleEndian(selector(random), size) : integerBytes(random, size);
  }
  const saved = draft.addressSize;
  draft.addressSize = 4;
  const linear = draft.target(bytes.length, size);
  draft.addressSize = saved;
  draft.fix(row.mnemonic === 'LEAVE' ? EBP : ESP, linear);
  draft.patch(linear, bytes);
}

/** A quotient that fits more often than not. */
function prepareDivision(draft: Draft): void {
  const { random } = draft;
  if (random.chance(0.3)) return;
  const signed = draft.row.mnemonic === 'IDIV';
  if (draft.row.operands.includes('AL')) {
    const low = random.below(256);
    const high = signed
      ? random.chance(0.7)
        ? low & 0x80
          ? 0xff
          : 0
        : random.pick([1, 0xfe, 0x10])
      : random.below(40);
    draft.fix(EAX, ((random.bits() & 0xffff_0000) | (high << 8) | low) >>> 0);
    return;
  }
  const low = integer32(random);
  draft.fix(EAX, low);
  const sign = draft.operandSize === 2 ? (low & 0x8000) !== 0 : low >>> 31 !== 0;
  if (random.chance(0.7)) draft.fix(EDX, signed && sign ? 0xffff_ffff : 0);
  else draft.fix(EDX, random.below(100));
}

function prepareMaskedStore(draft: Draft): void {
  const size = draft.row.mnemonic === 'MASKMOVQ' ? 8 : 16;
  draft.fixAddress(EDI, draft.target(size) - draft.base(draft.override >= 0 ? draft.override : DS));
}

function prepareTranslate(draft: Draft): void {
  const segment = draft.override >= 0 ? draft.override : DS;
  draft.fixAddress(EBX, draft.target(1) - draft.base(segment) - (draft.register(EAX) & 0xff));
}

function prepareDirect(draft: Draft): void {
  const size = /O[b]/.test(draft.row.operands) ? 1 : draft.operandSize;
  const linear = draft.target(size);
  const segment = draft.override >= 0 ? draft.override : DS;
  draft.immediates = littleEndian(linear - draft.base(segment), draft.addressSize);
  draft.patch(linear, integerBytes(draft.random, size));
}

function prepareBitOffset(draft: Draft): void {
  const { random } = draft;
  if (draft.reg === ESP) return;
  const range = random.pick([32, 64, 0x2000, 0x2_0000, 0x1000_0000]);
  draft.fix(draft.reg, range <= 64 ? random.below(range) : random.below(range) - range / 2);
}

function prepareSelector(draft: Draft): void {
  if (draft.isMemory || draft.rm === ESP) return;
  draft.fix(draft.rm, ((draft.random.bits() & 0xffff_0000) | selector(draft.random)) >>> 0);
  if (draft.row.mnemonic === 'ARPL' && draft.reg !== ESP) draft.fix(draft.reg, selector(draft.random));
}
