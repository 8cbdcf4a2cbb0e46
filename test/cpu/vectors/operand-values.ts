/** Contents of memory and register operands, by what the instruction takes them for. */
import type { Draft } from './draft.js';
import {
  controlWord,
  doubles,
  extended,
  integerBytes,
  littleEndian,
  mxcsr,
  packedDecimal,
  packedIntegers,
  shiftCount,
  singles,
  statusWord,
} from './edge-values.js';
import { farPointer, selector } from './selectors.js';
import { readSlot, SLOT, SLOTS } from './vector-file.js';

const SIZES: Readonly<Record<string, number>> = {
  Eb: 1,
  Ew: 2,
  Ed: 4,
  Mb: 1,
  Mw: 2,
  Md: 4,
  Mq: 8,
  Mt: 10,
  Ms: 6,
  Mo: 16,
  Wo: 16,
  Wq: 8,
  Wss: 4,
  Wsd: 8,
  Qd: 4,
  Qq: 8,
};

/** Size in bytes of the memory operand. */
function memorySize(draft: Draft): number {
  const { mnemonic, operands } = draft.row;
  const small = draft.operandSize === 2;
  for (const code of operands.split(',')) {
    if (code === 'Ev') return draft.operandSize;
    if (code === 'Mp') return draft.operandSize + 2;
    if (code === 'Ma') return 2 * draft.operandSize;
    if (code in SIZES) return SIZES[code];
  }
  if (mnemonic === 'FLDENV' || mnemonic === 'FNSTENV') return small ? 14 : 28;
  if (mnemonic === 'FRSTOR' || mnemonic === 'FNSAVE') return small ? 94 : 108;
  if (mnemonic === 'FXSAVE' || mnemonic === 'FXRSTOR') return 512;
  return 4;
}

/** Bytes for the memory operand. */
export function memoryOperand(draft: Draft): Uint8Array {
  const size = memorySize(draft);
  const { random, row } = draft;
  const { mnemonic } = row;
  if (mnemonic === 'FLDENV' || mnemonic === 'FRSTOR') return environmentImage(draft, size);
  if (mnemonic === 'FXRSTOR') return extendedImage(draft);
  if (mnemonic === 'FNSTENV' || mnemonic === 'FNSAVE' || mnemonic === 'FXSAVE') return new Uint8Array(size).fill(0x5a);
  if (mnemonic === 'FLDCW') return littleEndian(random.chance(0.8) ? controlWord(random) : random.bits(), 2);
  if (mnemonic === 'LDMXCSR') {
    return littleEndian(random.chance(0.8) ? mxcsr(random) : mxcsr(random) | (1 << (18 + random.below(14))), 4);
  }
  if (mnemonic === 'FBLD') return packedDecimal(random);
  if (row.operands.includes('Mp')) return farPointer(draft, draft.operandSize);
  if (/Sw|^(LAR|LSL|VERR|VERW|ARPL)$/.test(row.operands + mnemonic) || /^(LAR|LSL|VERR|VERW|ARPL)$/.test(mnemonic)) {
    return littleEndian(selector(random), size);
  }
  if (/^F/.test(mnemonic)) return floatOperand(draft, size);
  if (/[VPWQ]/.test(row.operands)) return vectorOperand(draft, size);
  return integerBytes(random, size);
}

function floatOperand(draft: Draft, size: number): Uint8Array {
  const { random, row } = draft;
  if (size === 10) return extended(random);
  const integer = /^FI/.test(row.mnemonic);
  if (integer || size === 2) return integerBytes(random, size);
  return size === 4 ? singles(random, 4) : doubles(random, 8);
}

/** What lanes an SSE or MMX instruction works on. */
function vectorOperand(draft: Draft, size: number): Uint8Array {
  const { random, row } = draft;
  const { mnemonic, operands } = row;
  if (/^PS[RL][LA][WDQ]$/.test(mnemonic) && /^(Vo,Wo|Pq,Qq)$/.test(operands)) return shiftCount(random, size);
  return laneValues(draft, size);
}

function laneValues(draft: Draft, size: number): Uint8Array {
  const { random } = draft;
  const { mnemonic } = draft.row;
  if (/^CVT(DQ|PI|SI)2/.test(mnemonic)) return integerBytes(random, size);
  if (/^CVTT?(PS|SS)2/.test(mnemonic)) return size < 4 ? integerBytes(random, size) : singles(random, size);
  if (/^CVTT?(PD|SD)2/.test(mnemonic)) return size < 8 ? singles(random, size) : doubles(random, size);
  if (size >= 4 && /[PS]S$/.test(mnemonic) && !/^(MOV|PSUBS|PADDS)/.test(mnemonic)) return singles(random, size);
  if (size >= 8 && /[PS]D$/.test(mnemonic) && !/^(MOV|PUNPCK|PS)/.test(mnemonic)) return doubles(random, size);
  return packedIntegers(random, size);
}

/** Fills the XMM or MMX registers that the instruction names. */
export function fillRegisterOperands(draft: Draft): void {
  const { random, row } = draft;
  const codes = row.operands.split(',');
  const shift = /^PS[RL][LA][WDQ]$/.test(row.mnemonic);
  for (const code of codes) {
    const isSource = code === codes[1];
    if (/^[VWU]/.test(code)) {
      const register = code[0] === 'V' ? draft.reg : draft.rm;
      if (code[0] === 'W' && draft.isMemory) continue;
      const value = shift && isSource ? shiftCount(random, 16) : laneValues(draft, 16);
      draft.state.set(value, SLOTS[SLOT.XMM + register].offset);
    }
    if (/^[PQN]/.test(code)) {
      const register = code[0] === 'P' ? draft.reg : draft.rm;
      if (code[0] === 'Q' && draft.isMemory) continue;
      const value = shift && isSource ? shiftCount(random, 8) : laneValues(draft, 8);
      const top = (readSlot(draft.state, SLOT.FSW) >> 11) & 7;
      draft.state.set(value, SLOTS[SLOT.ST + ((register - top) & 7)].offset);
    }
  }
  // Equal or nearly equal operands: cancellation, equality, minimum of zeros.
  if (/^[VPU]/.test(codes[0]) && !draft.isMemory && codes.length > 1 && random.chance(0.2) && /^[VPW]/.test(codes[1])) {
    const from = SLOTS[SLOT.XMM + draft.reg].offset;
    draft.state.copyWithin(SLOTS[SLOT.XMM + draft.rm].offset, from, from + 16);
    if (random.chance(0.7)) draft.state[SLOTS[SLOT.XMM + draft.rm].offset + random.below(16)] ^= 1 << random.below(8);
  }
}

/** Control, status and tag words of an FSTENV image, and for FRSTOR the registers. */
function environmentImage(draft: Draft, size: number): Uint8Array {
  const { random } = draft;
  const image = new Uint8Array(size);
  const word = size === 14 || size === 94 ? 2 : 4;
  const control = random.chance(0.9) ? controlWord(random) : random.bits();
  const status = random.chance(0.9) ? statusWord(random, control, random.chance(0.1)) : random.bits();
  image.set(littleEndian(control, 2), 0);
  image.set(littleEndian(status, 2), word);
  image.set(littleEndian(random.chance(0.3) ? 0 : random.bits(), 2), 2 * word);
  for (let register = 0; register < 8 && size > 28; register++) image.set(extended(random), 7 * word + 10 * register);
  return image;
}

function extendedImage(draft: Draft): Uint8Array {
  const { random } = draft;
  const image = new Uint8Array(512);
  const control = random.chance(0.9) ? controlWord(random) : random.bits();
  image.set(littleEndian(control, 2), 0);
  image.set(littleEndian(random.chance(0.9) ? statusWord(random, control, random.chance(0.1)) : random.bits(), 2), 2);
  image[4] = random.chance(0.3) ? 0xff : random.bits();
  image.set(littleEndian(random.chance(0.9) ? mxcsr(random) : mxcsr(random) | (1 << (18 + random.below(14))), 4), 24);
  for (let register = 0; register < 8; register++) {
    image.set(extended(random), 32 + 16 * register);
    image.set(packedIntegers(random, 16), 160 + 16 * register);
  }
  return image;
}
