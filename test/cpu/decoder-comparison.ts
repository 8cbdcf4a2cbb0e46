/** Compares our decoder with iced-x86 on one byte string: validity, length, operands. */
import {
  CpuidFeature,
  Decoder,
  DecoderOptions,
  type Instruction as IcedInstruction,
  Mnemonic,
  OpKind,
  Register,
} from 'iced-x86';
import { decodeInstruction } from '../../cpu/decoder.js';
import type { Instruction } from '../../cpu/instruction.js';
import { ZERO } from '../../cpu/layout.js';

/** Processor generations and extensions that this processor has. */
const FEATURES = new Set<number>([
  CpuidFeature.INTEL8086,
  CpuidFeature.INTEL186,
  CpuidFeature.INTEL286,
  CpuidFeature.INTEL386,
  CpuidFeature.INTEL486,
  CpuidFeature.CMOV,
  CpuidFeature.CPUID,
  CpuidFeature.CX8,
  CpuidFeature.CLFSH,
  CpuidFeature.FPU,
  CpuidFeature.FPU287,
  CpuidFeature.FPU387,
  CpuidFeature.FXSR,
  CpuidFeature.MMX,
  CpuidFeature.MSR,
  CpuidFeature.PAUSE,
  CpuidFeature.SEP,
  CpuidFeature.SSE,
  CpuidFeature.SSE2,
  CpuidFeature.SSE3,
  CpuidFeature.TSC,
]);

/** Register numbers of iced by the names of the classes that operand codes stand for. */
const REGISTER_CLASSES: Readonly<Record<string, readonly string[]>> = {
  byte: ['AL', 'CL', 'DL', 'BL', 'AH', 'CH', 'DH', 'BH'],
  word: ['AX', 'CX', 'DX', 'BX', 'SP', 'BP', 'SI', 'DI'],
  dword: ['EAX', 'ECX', 'EDX', 'EBX', 'ESP', 'EBP', 'ESI', 'EDI'],
  segment: ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'],
  control: ['CR0', 'CR1', 'CR2', 'CR3', 'CR4', 'CR5', 'CR6', 'CR7'],
  debug: ['DR0', 'DR1', 'DR2', 'DR3', 'DR4', 'DR5', 'DR6', 'DR7'],
  mmx: ['MM0', 'MM1', 'MM2', 'MM3', 'MM4', 'MM5', 'MM6', 'MM7'],
  xmm: ['XMM0', 'XMM1', 'XMM2', 'XMM3', 'XMM4', 'XMM5', 'XMM6', 'XMM7'],
  x87: ['ST0', 'ST1', 'ST2', 'ST3', 'ST4', 'ST5', 'ST6', 'ST7'],
};

const names = new Map<number, string>(
  Object.values(REGISTER_CLASSES)
    .flat()
    .map((name) => [Register[name as keyof typeof Register], name]),
);

/** 0-7 in its class, ZERO for no register. */
const numbers = new Map<number, number>(
  Object.values(REGISTER_CLASSES).flatMap((list) =>
    list.map((name, number): [number, number] => [Register[name as keyof typeof Register], number]),
  ),
).set(Register.None, ZERO);

/** What differs, in one line; null when nothing does. */
export function compareDecoders(code: Uint8Array, mode: 16 | 32): string | null {
  const ours = decodeInstruction(code, mode);
  const decoder = new Decoder(mode, code, DecoderOptions.None);
  const theirs = decoder.decode();
  const difference = compare(ours, theirs, mode);
  const line = difference === null ? null : `${hex(code)} (${mode}): ${Mnemonic[theirs.mnemonic]}: ${difference}`;
  theirs.free();
  decoder.free();
  return line;
}

function hex(code: Uint8Array): string {
  return Buffer.from(code).toString('hex');
}

function compare(ours: Instruction | number, theirs: IcedInstruction, mode: 16 | 32): string | null {
  if (theirs.isInvalid) {
    if (typeof ours === 'number' || refusedWhenExecuted(ours)) return null;
    return `${ours.row.mnemonic} to us, invalid to iced`;
  }
  const known = [...theirs.cpuidFeatures()].every((feature) => FEATURES.has(feature));
  if (typeof ours === 'number') return known ? `undefined to us (${ours}), ${theirs.length} bytes to iced` : null;
  if (ours.length !== theirs.length) return `${ours.row.mnemonic} of ${ours.length} bytes, ${theirs.length} to iced`;
  // What later processors gave to hints and ignored prefixes (TZCNT, RDSSPD) is here what it was before.
  if (!known) return null;
  return compareMemory(ours, theirs) ?? compareRegisters(ours, theirs) ?? compareImmediates(ours, theirs, mode);
}

/** MOV to and from segment, control and debug registers that do not exist: #UD comes from the handler. */
function refusedWhenExecuted(ours: Instruction): boolean {
  return /\b(Sw|Cd|Dd)\b/.test(ours.row.operands);
}

function operandKinds(theirs: IcedInstruction): number[] {
  return Array.from({ length: theirs.opCount }, (_, operand) => theirs.opKind(operand));
}

function compareMemory(ours: Instruction, theirs: IcedInstruction): string | null {
  const isMemory = operandKinds(theirs).includes(OpKind.Memory);
  // XLAT has a memory operand without ModRM byte.
  if (ours.row.mnemonic === 'XLAT') return null;
  if (isMemory !== ours.isMemory) return `memory operand: ${ours.isMemory}, ${isMemory} to iced`;
  if (!isMemory) return null;
  const mask = ours.addressSize === 2 ? 0xffff : 0xffff_ffff;
  const displacement = Number(BigInt.asUintN(32, BigInt(theirs.memoryDisplacement)));
  const own = [ours.base, ours.index, ours.scale, (ours.displacement & mask) >>> 0, ours.segment];
  const other = [
    numbers.get(theirs.memoryBase),
    numbers.get(theirs.memoryIndex),
    Math.log2(theirs.memoryIndexScale),
    (displacement & mask) >>> 0,
    numbers.get(theirs.memorySegment),
  ];
  // Without an index the scale says nothing.
  if (ours.index === ZERO) own[2] = other[2] ?? 0;
  return own.join() === other.join() ? null : `address ${own.join()}, ${other.join()} to iced`;
}

/** The register that an operand code stands for, by the name of its class and its number; null when it is none. */
function registerOfCode(code: string, ours: Instruction): string | null {
  const size = code[1] === 'b' ? 'byte' : code[1] === 'w' || ours.operandSize === 2 ? 'word' : 'dword';
  const general = code[1] === 'd' ? 'dword' : size;
  switch (code[0]) {
    case 'E':
      return ours.isMemory ? null : REGISTER_CLASSES[general][ours.rm];
    case 'R':
      return REGISTER_CLASSES.dword[ours.rm];
    case 'G':
      return REGISTER_CLASSES[general][ours.reg];
    case 'Z':
      return REGISTER_CLASSES[general][ours.opcode & 7];
    case 'C':
      return code === 'CL' ? null : REGISTER_CLASSES.control[ours.reg];
    case 'D':
      return code === 'DX' ? null : REGISTER_CLASSES.debug[ours.reg];
    case 'P':
      return REGISTER_CLASSES.mmx[ours.reg];
    case 'V':
      return REGISTER_CLASSES.xmm[ours.reg];
    case 'N':
      return REGISTER_CLASSES.mmx[ours.rm];
    case 'U':
      return REGISTER_CLASSES.xmm[ours.rm];
    case 'Q':
      return ours.isMemory ? null : REGISTER_CLASSES.mmx[ours.rm];
    case 'W':
      return ours.isMemory ? null : REGISTER_CLASSES.xmm[ours.rm];
    case 'S':
      if (code === 'STi') return REGISTER_CLASSES.x87[ours.rm];
      return code === 'Sw' && ours.modrm !== 0 ? REGISTER_CLASSES.segment[ours.reg] : null;
    default:
      return null;
  }
}

function compareRegisters(ours: Instruction, theirs: IcedInstruction): string | null {
  const registers = operandKinds(theirs).flatMap((kind, operand) =>
    kind === OpKind.Register ? [names.get(theirs.opRegister(operand)) ?? '?'] : [],
  );
  for (const code of ours.row.operands.split(',')) {
    const register = registerOfCode(code, ours);
    if (register === null || registers.includes(register)) continue;
    // A word of a dword register, when the operand size is 32 bits, says the same.
    if (/^[EG]w$/.test(code) && registers.includes(`E${register}`)) continue;
    return `${ours.row.operands}: register ${register}, ${registers.join()} to iced`;
  }
  return null;
}

const BRANCHES = new Set<number>([OpKind.NearBranch16, OpKind.NearBranch32]);
const FAR_BRANCHES = new Set<number>([OpKind.FarBranch16, OpKind.FarBranch32]);

function compareImmediates(ours: Instruction, theirs: IcedInstruction, mode: 16 | 32): string | null {
  const { operands } = ours.row;
  if (/^J[bz]$/.test(operands)) {
    if (!operandKinds(theirs).some((kind) => BRANCHES.has(kind))) return 'no near branch to iced';
    const mask = ours.operandSize === 2 ? 0xffff : 0xffff_ffff;
    const target = ((ours.length + ours.immediate) & mask) >>> 0;
    const other = Number(theirs.nearBranchTarget);
    return target === other ? null : `target ${target}, ${other} to iced`;
  }
  if (operands === 'Ap') {
    if (!operandKinds(theirs).some((kind) => FAR_BRANCHES.has(kind))) return 'no far branch to iced';
    const offset = ours.operandSize === 2 ? theirs.farBranch16 : theirs.farBranch32;
    const same = offset >>> 0 === ours.immediate >>> 0 && theirs.farBranchSelector === ours.immediate2;
    return same ? null : `far pointer ${ours.immediate2}:${ours.immediate}, other to iced (${mode})`;
  }
  if (!/\b(s?I[bwz]|Iv)\b/.test(operands)) return null;
  const values = operandKinds(theirs).flatMap((kind, operand) =>
    kind >= OpKind.Immediate8 && kind <= OpKind.Immediate8to32
      ? [Number(BigInt.asUintN(32, BigInt(theirs.immediate(operand))))]
      : [],
  );
  const own = operands === 'Iw,Ib' ? [ours.immediate, ours.immediate2] : [ours.immediate];
  const mask = ours.operandSize === 2 && !/\bIb\b/.test(operands) ? 0xffff : 0xffff_ffff;
  const same = own.every((value, at) => (value & mask) >>> 0 === ((values[at] ?? -1) & mask) >>> 0);
  return same ? null : `immediates ${own.join()}, ${values.join()} to iced`;
}
