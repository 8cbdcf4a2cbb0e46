import * as iced from 'iced-x86';
import { hex2, hex8 } from './number-text.js';

/** One decoded instruction. */
export interface DisassembledInstruction {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** 'mov     eax,dword ptr [ebp-4]', branch targets and absolute addresses with their symbols. */
  readonly text: string;
  readonly mnemonic: string;
  readonly length: number;
  readonly isCall: boolean;
  /** A string instruction with a REP prefix, a call, or a software interrupt: p steps over it. */
  readonly stepsOver: boolean;
  readonly isReturn: boolean;
  /** The memory operand, for who wants to look at what it refers to; null without one. */
  readonly memory: MemoryOperand | null;
}

/** segment:[base + index * scale + displacement] */
export interface MemoryOperand {
  readonly segment: string;
  readonly base: string | null;
  readonly index: string | null;
  readonly scale: number;
  readonly displacement: number;
  /** Bytes, 0 when the instruction only forms the address. */
  readonly size: number;
}

const MAXIMUM_LENGTH = 15;
const OPERAND_COLUMN = 8;

/** Text of x86 instructions in kd's style. */
export class Disassembler {
  readonly #formatter = new iced.Formatter(iced.FormatterSyntax.Masm);
  readonly #nameOf: (address: number) => string | null;

  /** @param nameOf 'module!symbol+0x5' of an address, or null */
  constructor(nameOf: (address: number) => string | null) {
    this.#nameOf = nameOf;
    const formatter = this.#formatter;
    formatter.firstOperandCharIndex = OPERAND_COLUMN;
    formatter.uppercaseHex = false;
    formatter.memorySizeOptions = iced.MemorySizeOptions.Always;
    formatter.branchLeadingZeros = false;
    formatter.displacementLeadingZeros = false;
    formatter.showBranchSize = false;
    formatter.spaceAfterOperandSeparator = false;
  }

  /** The instruction at the beginning of these bytes; null when they are none or stop too early. */
  decode(bytes: Uint8Array, address: number): DisassembledInstruction | null {
    if (bytes.length === 0) return null;
    const code = bytes.subarray(0, MAXIMUM_LENGTH);
    const decoder = new iced.Decoder(32, code, iced.DecoderOptions.None);
    decoder.ip = BigInt(address >>> 0);
    const instruction = decoder.decode();
    try {
      if (instruction.isInvalid) return null;
      return this.#describe(instruction, code, address >>> 0);
    } finally {
      instruction.free();
      decoder.free();
    }
  }

  #describe(instruction: iced.Instruction, code: Uint8Array, address: number): DisassembledInstruction {
    const { length, flowControl } = instruction;
    const isCall = flowControl === iced.FlowControl.Call || flowControl === iced.FlowControl.IndirectCall;
    const repeated = instruction.isStringInstruction && (instruction.hasRepPrefix || instruction.hasRepnePrefix);
    const text = this.#formatter.format(instruction);
    return {
      address,
      bytes: code.slice(0, length),
      text: this.#withSymbols(text, instruction),
      mnemonic: text.split(/\s/, 1)[0],
      length,
      isCall,
      stepsOver: isCall || repeated || flowControl === iced.FlowControl.Interrupt,
      isReturn: flowControl === iced.FlowControl.Return,
      memory: memoryOperand(instruction),
    };
  }

  #withSymbols(text: string, instruction: iced.Instruction): string {
    if (isNearBranch(instruction)) {
      const target = Number(instruction.nearBranchTarget & 0xffffffffn);
      const [mnemonic] = text.split(/\s/, 1);
      const name = this.#nameOf(target);
      const shown = name === null ? hex8(target) : `${name} (${hex8(target)})`;
      return `${mnemonic.padEnd(OPERAND_COLUMN - 1)} ${shown}`;
    }
    const operand = memoryOperand(instruction);
    if (operand === null || operand.base !== null || operand.index !== null || operand.segment === 'fs') return text;
    const address = operand.displacement >>> 0;
    const name = this.#nameOf(address);
    const place = name === null ? hex8(address) : `${name} (${hex8(address)})`;
    return text.replace(/(?:ds:)?\[[0-9a-f]+h?\]/, `[${place}]`);
  }
}

function isNearBranch(instruction: iced.Instruction): boolean {
  return (
    instruction.opCount > 0 &&
    (instruction.op0Kind === iced.OpKind.NearBranch32 || instruction.op0Kind === iced.OpKind.NearBranch16)
  );
}

const registerName = (register: iced.Register): string | null =>
  register === iced.Register.None ? null : iced.Register[register].toLowerCase();

function memoryOperand(instruction: iced.Instruction): MemoryOperand | null {
  for (let operand = 0; operand < instruction.opCount; operand++) {
    const kind = instruction.opKind(operand);
    if (kind === iced.OpKind.Memory) {
      return {
        segment: registerName(instruction.memorySegment) ?? 'ds',
        base: registerName(instruction.memoryBase),
        index: registerName(instruction.memoryIndex),
        scale: instruction.memoryIndexScale,
        displacement: Number(BigInt.asIntN(32, instruction.memoryDisplacement)),
        size: instruction.mnemonic === iced.Mnemonic.Lea ? 0 : memorySize(instruction),
      };
    }
    const implied = IMPLIED[kind];
    if (implied !== undefined) {
      return { ...implied, index: null, scale: 1, displacement: 0, size: memorySize(instruction) };
    }
  }
  return stackOperand(instruction);
}

const IMPLIED: Readonly<Record<number, { readonly segment: string; readonly base: string }>> = {
  [iced.OpKind.MemorySegESI]: { segment: 'ds', base: 'esi' },
  [iced.OpKind.MemoryESEDI]: { segment: 'es', base: 'edi' },
};

/** What POP and RET read; PUSH and CALL write below ESP. */
function stackOperand(instruction: iced.Instruction): MemoryOperand | null {
  const stack = { segment: 'ss', base: 'esp', index: null, scale: 1, size: 4 } as const;
  const change = instruction.stackPointerIncrement;
  if (change === 0) return null;
  return { ...stack, displacement: change < 0 ? change : 0 };
}

function memorySize(instruction: iced.Instruction): number {
  return iced.MemorySizeExt.size(instruction.memorySize);
}

/** 'address bytes           text', one line of u. */
export function instructionLine(instruction: DisassembledInstruction): string {
  const bytes = [...instruction.bytes].map(hex2).join('');
  return `${hex8(instruction.address)} ${bytes.padEnd(15)} ${instruction.text}`;
}
