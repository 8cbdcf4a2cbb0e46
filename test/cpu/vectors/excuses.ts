/** Where a vector may differ from what we do, and why. Everything else must be equal. */
import type { InstructionRow } from '../../../cpu/instruction.js';
import { COMPLETED, readSlot, SLOT, type Vector } from './vector-file.js';

export interface Excuse {
  readonly reason: string;
  /** The way the instruction ends (exception, error code, EIP) is not compared, nor anything else. */
  readonly end?: boolean;
  /** This may be the address of a page fault, too. */
  readonly faultAddress?: (linear: number) => boolean;
  /** This byte is not compared; counted from the address of the vector's first patch. */
  readonly memory?: (offset: number) => boolean;
  /** This register is not compared, or is close enough. */
  readonly register?: (slot: number, expected: Uint8Array, actual: Uint8Array) => boolean;
}

const UNDEFINED_OPCODE = 6;
const PAGE_FAULT = 14;
const STATUS_C1 = 0x200;

export function excuseOf(vector: Vector, row: InstructionRow): Excuse | null {
  const { mnemonic, opcode } = row;
  if (vector.exception === UNDEFINED_OPCODE && (mnemonic === 'UD0' || mnemonic === 'UD1')) {
    return { reason: 'AMD processors fetch no ModRM byte before #UD; we do, as Intel documents', end: true };
  }
  if (vector.exception === UNDEFINED_OPCODE && opcode === '0F 0D /r') {
    return {
      reason: 'the register form is undefined on AMD processors and does nothing on Intel processors',
      end: true,
    };
  }
  if (vector.exception === PAGE_FAULT && wrapsAt64K(vector, mnemonic)) {
    return { reason: 'a 16-bit address whose operand passes 64 KB: AMD processors wrap the second half', end: true };
  }
  if (/^(FSIN|FCOS|FSINCOS|FPTAN|FPATAN|F2XM1|FYL2X|FYL2XP1)$/.test(mnemonic)) return transcendental;
  if (/^R(CP|SQRT)[PS]S$/.test(mnemonic)) {
    return { reason: 'approximations with a relative error below 1.5 * 2^-12', register: isCloseSingles };
  }
  return vector.exception === COMPLETED ? storedPointers(vector, mnemonic) : partial(vector, row);
}

/** Instructions of several accesses, of which the last ones fault. */
function partial(vector: Vector, row: InstructionRow): Excuse | null {
  const { mnemonic, operands } = row;
  if (mnemonic === 'PUSHA' || mnemonic === 'ENTER' || (mnemonic === 'CALL' && /Ap|Mp/.test(operands))) {
    return { reason: 'pushes before the fault stay in memory, below ESP; we write all or nothing', memory: always };
  }
  if (mnemonic === 'POPA') {
    return {
      reason: 'registers popped before the fault keep their new values; we load all or nothing',
      register: isGeneral,
    };
  }
  if (mnemonic === 'MASKMOVQ') {
    return { reason: 'TOP and tag word are those of MMX before the fault; we leave them', register: isX87 };
  }
  if (mnemonic === 'RETF' && operands === 'Iw' && vector.exception === PAGE_FAULT) {
    return { reason: 'the outer stack is read before the selector is refused for its RPL', end: true };
  }
  const size = vector.patches[0]?.bytes.length ?? 0;
  const isFrame = mnemonic === 'RETF' || mnemonic === 'IRET';
  if (isFrame || (/^(FLDENV|FNSTENV|FRSTOR|FNSAVE|FXSAVE|FXRSTOR)$/.test(mnemonic) && size > 0)) {
    const { address } = vector.patches[0];
    const inOperand = (linear: number) => linear >= address && linear < address + size;
    return {
      reason: 'the order of the accesses to an operand of many words is not defined',
      faultAddress: (linear) => inOperand(linear) && inOperand(vector.faultAddress),
    };
  }
  return null;
}

/** True when an operand of 16-bit addressing lies on both sides of 64 KB. */
function wrapsAt64K(vector: Vector, mnemonic: string): boolean {
  const across = (first: number, size: number) => first < 0x1_0000 && first + size > 0x1_0000;
  // The operand of MASKMOVQ and MASKMOVDQU is no patch.
  if (mnemonic.startsWith('MASKMOV')) return across(readSlot(vector.before, SLOT.EDI) & 0xffff, 16);
  return vector.patches.some(({ address, bytes }) => across(address, bytes.length));
}

const transcendental: Excuse = {
  reason:
    'transcendental functions may be off by one unit in the last place, on either side; C1 tells of that rounding',
  register: (slot, expected, actual) => {
    if (slot === SLOT.FSW) {
      const word = (bytes: Uint8Array) => bytes[0] | (bytes[1] << 8);
      return ((word(expected) ^ word(actual)) & ~STATUS_C1) === 0;
    }
    return slot >= SLOT.ST && slot < SLOT.XMM && unitsApart(expected, actual) <= 2n;
  },
};

/** Distance of two 80-bit numbers in units in the last place. */
function unitsApart(left: Uint8Array, right: Uint8Array): bigint {
  const ordered = (bytes: Uint8Array) => {
    let value = 0n;
    for (let at = 9; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at]);
    const exponent = (value >> 64n) & 0x7fffn;
    const magnitude = (exponent << 63n) + (value & 0x7fff_ffff_ffff_ffffn);
    return value >> 79n === 0n ? magnitude : -magnitude;
  };
  const distance = ordered(left) - ordered(right);
  return distance < 0n ? -distance : distance;
}

function isCloseSingles(slot: number, expected: Uint8Array, actual: Uint8Array): boolean {
  if (slot < SLOT.XMM) return false;
  const left = new Float32Array(expected.slice().buffer);
  const right = new Float32Array(actual.slice().buffer);
  return left.every((value, lane) => {
    if (Object.is(value, right[lane])) return true;
    // At the edge of the denormals, which are flushed to zero.
    if (value === 0 || right[lane] === 0) return Math.abs(value + right[lane]) <= 2 ** -126 * (1 + 2 ** -11);
    return Math.abs(value - right[lane]) <= Math.abs(right[lane]) * 2 * 1.5 * 2 ** -12;
  });
}

function storedPointers(vector: Vector, mnemonic: string): Excuse | null {
  const reason = 'instruction and operand pointers: AMD processors store them only while an exception is pending';
  if (mnemonic === 'FXSAVE') {
    // FOP to FDS, MXCSR_MASK (bit 17 is AMD's misaligned mode).
    return { reason, memory: (offset) => (offset >= 6 && offset < 24) || (offset >= 28 && offset < 32) };
  }
  if (mnemonic !== 'FNSTENV' && mnemonic !== 'FNSAVE') return null;
  const size = vector.patches[0].bytes.length;
  const short = size === 14 || size === 94;
  return { reason, memory: (offset) => (short ? offset >= 6 && offset < 14 : offset >= 12 && offset < 28) };
}

function always(): boolean {
  return true;
}

function isX87(slot: number): boolean {
  return slot === SLOT.FSW || slot === SLOT.FTW || (slot >= SLOT.ST && slot < SLOT.XMM);
}

function isGeneral(slot: number): boolean {
  return slot <= SLOT.EDI;
}
