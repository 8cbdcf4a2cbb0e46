/** The instruction table turned into arrays that the decoder can look up by opcode byte. */
import type { InstructionRow } from './instruction.js';

/** Which of the prefixes 66, F2 and F3 an encoding demands. F2 and F3 go before 66 when both are present. */
export const MandatoryPrefix = { Any: 0, Forbidden: 1, OperandSize: 2, F2: 3, F3: 4 } as const;
export type MandatoryPrefix = (typeof MandatoryPrefix)[keyof typeof MandatoryPrefix];

/** What follows ModRM, SIB and displacement. */
export const ImmediateKind = {
  None: 0,
  Byte: 1,
  SignedByte: 2,
  Word: 3,
  /** 2 or 4 bytes by operand size. */
  OperandSize: 4,
  /** ENTER: word, then byte. */
  WordAndByte: 5,
  /** Offset by operand size, then selector. */
  FarPointer: 6,
  /** An address of 2 or 4 bytes by address size. */
  Offset: 7,
} as const;
export type ImmediateKind = (typeof ImmediateKind)[keyof typeof ImmediateKind];

/** One row of the instruction table under one opcode byte. */
export interface OpcodeEntry {
  readonly row: InstructionRow;
  readonly prefix: MandatoryPrefix;
  readonly hasModrm: boolean;
  /** The entry fits when (modrm & modrmMask) === modrmValue. */
  readonly modrmMask: number;
  readonly modrmValue: number;
  readonly memoryOnly: boolean;
  readonly registerOnly: boolean;
  /** MOV to and from control and debug registers: the operand is a register whatever mod says. */
  readonly ignoresMod: boolean;
  readonly lockable: boolean;
  readonly immediate: ImmediateKind;
  /** The more of the encoding an entry fixes, the earlier it is tried. */
  readonly particularity: number;
}

export type OpcodeMap = readonly (readonly OpcodeEntry[])[];

export interface OpcodeMaps {
  readonly oneByte: OpcodeMap;
  readonly twoByte: OpcodeMap;
  readonly threeByte38: OpcodeMap;
  readonly threeByte3a: OpcodeMap;
}

const IMMEDIATE_BY_CODE: Readonly<Record<string, ImmediateKind>> = {
  Ib: ImmediateKind.Byte,
  sIb: ImmediateKind.SignedByte,
  Jb: ImmediateKind.SignedByte,
  Iw: ImmediateKind.Word,
  Iz: ImmediateKind.OperandSize,
  Iv: ImmediateKind.OperandSize,
  Jz: ImmediateKind.OperandSize,
  Jv: ImmediateKind.OperandSize,
  Ap: ImmediateKind.FarPointer,
  Ob: ImmediateKind.Offset,
  Ov: ImmediateKind.Offset,
};

function immediateKind(operands: string): ImmediateKind {
  const codes = operands.split(',');
  if (codes.includes('Iw') && codes.includes('Ib')) return ImmediateKind.WordAndByte;
  for (const code of codes) {
    const kind = IMMEDIATE_BY_CODE[code.trim()];
    if (kind !== undefined) return kind;
  }
  return ImmediateKind.None;
}

/** Parses the opcode strings of all rows. Throws when a row cannot be understood: the table itself is wrong then. */
export function buildOpcodeMaps(rows: readonly InstructionRow[]): OpcodeMaps {
  const maps: OpcodeEntry[][][] = [0, 1, 2, 3].map(() => Array.from({ length: 256 }, () => []));
  for (const row of rows) addRow(maps, row);
  for (const map of maps) {
    for (const entries of map) {
      entries.sort((left, right) => right.particularity - left.particularity);
      if (entries.some((entry) => entry.hasModrm !== entries[0].hasModrm)) {
        throw new Error(`instruction table: ${entries[0].row.opcode} is listed with and without a ModRM byte`);
      }
    }
  }
  const [oneByte, twoByte, threeByte38, threeByte3a] = maps;
  return { oneByte, twoByte, threeByte38, threeByte3a };
}

function addRow(maps: OpcodeEntry[][][], row: InstructionRow): void {
  const tokens = row.opcode.trim().split(/\s+/);
  let prefix: MandatoryPrefix = MandatoryPrefix.Any;
  const first = tokens[0];
  if (tokens.length > 1 && !tokens[1].startsWith('/')) {
    if (first === 'NP') prefix = MandatoryPrefix.Forbidden;
    else if (first === '66') prefix = MandatoryPrefix.OperandSize;
    else if (first === 'F2') prefix = MandatoryPrefix.F2;
    else if (first === 'F3') prefix = MandatoryPrefix.F3;
    if (prefix !== MandatoryPrefix.Any) tokens.shift();
  }
  let map = 0;
  if (tokens[0] === '0F') {
    tokens.shift();
    map = 1;
    const escapeByte = tokens.at(0);
    if (escapeByte === '38' || escapeByte === '3A') {
      tokens.shift();
      map = escapeByte === '38' ? 2 : 3;
    }
  }
  const opcodeToken = /^([0-9A-F]{2})(\+r)?$/.exec(tokens.shift() ?? '');
  if (opcodeToken === null) throw new Error(`instruction table: cannot read '${row.opcode}'`);
  const opcode = Number.parseInt(opcodeToken[1], 16);
  const opcodes = opcodeToken[2] === undefined ? 1 : 8;

  let hasModrm = false;
  let modrmMask = 0;
  let modrmValue = 0;
  let memoryOnly = false;
  let registerOnly = false;
  for (const token of tokens) {
    const fixed = /^([0-9A-F]{2})(\+i)?$/.exec(token);
    if (token === '/r') hasModrm = true;
    else if (/^\/[0-7]$/.test(token)) {
      hasModrm = true;
      modrmMask = 0x38;
      modrmValue = Number(token[1]) << 3;
    } else if (token === 'm') memoryOnly = true;
    else if (token === 'r') registerOnly = true;
    else if (fixed !== null) {
      hasModrm = true;
      modrmMask = fixed[2] === undefined ? 0xff : 0xf8;
      modrmValue = Number.parseInt(fixed[1], 16);
    } else if (!/^(ib|iw|id|iz|cb|cw|cd|cz|cp)$/.test(token)) {
      throw new Error(`instruction table: cannot read '${row.opcode}'`);
    }
  }
  const attributes = (row.attributes ?? '').split(' ');
  const entry: OpcodeEntry = {
    row,
    prefix,
    hasModrm,
    modrmMask,
    modrmValue,
    memoryOnly,
    registerOnly,
    ignoresMod: /\b[CD]d\b/.test(row.operands),
    lockable: attributes.includes('lock'),
    immediate: immediateKind(row.operands),
    particularity:
      (prefix !== MandatoryPrefix.Any ? 8 : 0) +
      (modrmMask === 0xff ? 4 : modrmMask !== 0 ? 2 : 0) +
      (memoryOnly || registerOnly ? 1 : 0) +
      (opcodes === 1 ? 1 : 0),
  };
  for (let plus = 0; plus < opcodes; plus++) maps[map][opcode + plus].push(entry);
}
