/**
 * The integer instructions (SDM vol 2). Rows without `execute` are always turned into micro-operations; rows with both a
 * lowering (integer-lowering.ts) and `execute` use the handler for the forms that the lowering declines.
 */
import type { InstructionRow } from './instruction.js';
import {
  executeAaa,
  executeAad,
  executeAam,
  executeAas,
  executeDaa,
  executeDas,
  executeSalc,
} from './integer-decimal.js';
import {
  executeBitScanForward,
  executeBitScanReverse,
  executeBitTest,
  executeCmpxchg,
  executeCmpxchg8b,
  executeConditionalMove,
  executeLahf,
  executeMultiplyDivide,
  executeMultiplyRegister16,
  executeSahf,
  executeShiftDouble,
  executeShiftGroup,
  executeUndefined,
  executeXadd,
  executeXlat,
} from './integer-handlers.js';
import {
  executeCall,
  executeEnter,
  executeJump,
  executeJumpConditional,
  executeJumpCount,
  executeLeave,
  executePop,
  executePopAll,
  executePush,
  executePushAll,
  executeReturn,
} from './integer-stack.js';
import { executeCmps, executeLods, executeMovs, executeScas, executeStos } from './string-operations.js';

const ALL = 'OSZAPC';

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0');
}

/** ADD OR ADC SBB AND SUB XOR CMP: nine encodings each. */
function arithmeticRows(): InstructionRow[] {
  const mnemonics = ['ADD', 'OR', 'ADC', 'SBB', 'AND', 'SUB', 'XOR', 'CMP'];
  return mnemonics.flatMap((mnemonic, number) => {
    const logical = mnemonic === 'OR' || mnemonic === 'AND' || mnemonic === 'XOR';
    const flags = {
      writes: ALL,
      ...(logical ? { undefined: 'A' } : {}),
      ...(mnemonic === 'ADC' || mnemonic === 'SBB' ? { reads: 'C' } : {}),
    };
    const toMemory = mnemonic === 'CMP' ? flags : { ...flags, attributes: 'lock' };
    const first = number * 8;
    return [
      { mnemonic, opcode: `${hex(first)} /r`, operands: 'Eb,Gb', ...toMemory },
      { mnemonic, opcode: `${hex(first + 1)} /r`, operands: 'Ev,Gv', ...toMemory },
      { mnemonic, opcode: `${hex(first + 2)} /r`, operands: 'Gb,Eb', ...flags },
      { mnemonic, opcode: `${hex(first + 3)} /r`, operands: 'Gv,Ev', ...flags },
      { mnemonic, opcode: hex(first + 4), operands: 'AL,Ib', ...flags },
      { mnemonic, opcode: hex(first + 5), operands: 'rAX,Iz', ...flags },
      { mnemonic, opcode: `80 /${number}`, operands: 'Eb,Ib', ...toMemory },
      { mnemonic, opcode: `81 /${number}`, operands: 'Ev,Iz', ...toMemory },
      { mnemonic, opcode: `82 /${number}`, operands: 'Eb,Ib', ...toMemory },
      { mnemonic, opcode: `83 /${number}`, operands: 'Ev,sIb', ...toMemory },
    ];
  });
}

/** Rotates and shifts: by one, by CL, by an immediate. */
function shiftRows(): InstructionRow[] {
  const mnemonics = ['ROL', 'ROR', 'RCL', 'RCR', 'SHL', 'SHR', 'SAL', 'SAR'];
  return mnemonics.flatMap((mnemonic, number) => {
    const rotates = number < 4;
    const flags = {
      writes: rotates ? 'OC' : ALL,
      undefined: rotates ? 'O' : 'OA',
      ...(number === 2 || number === 3 ? { reads: 'C' } : {}),
      execute: executeShiftGroup,
    };
    return [
      { mnemonic, opcode: `C0 /${number}`, operands: 'Eb,Ib', ...flags },
      { mnemonic, opcode: `C1 /${number}`, operands: 'Ev,Ib', ...flags },
      { mnemonic, opcode: `D0 /${number}`, operands: 'Eb,1', ...flags },
      { mnemonic, opcode: `D1 /${number}`, operands: 'Ev,1', ...flags },
      { mnemonic, opcode: `D2 /${number}`, operands: 'Eb,CL', ...flags },
      { mnemonic, opcode: `D3 /${number}`, operands: 'Ev,CL', ...flags },
    ];
  });
}

/** Names and flags read of the sixteen conditions, in their encoding order. */
const CONDITIONS: readonly (readonly [name: string, reads: string])[] = [
  ['O', 'O'],
  ['NO', 'O'],
  ['B', 'C'],
  ['AE', 'C'],
  ['E', 'Z'],
  ['NE', 'Z'],
  ['BE', 'CZ'],
  ['A', 'CZ'],
  ['S', 'S'],
  ['NS', 'S'],
  ['P', 'P'],
  ['NP', 'P'],
  ['L', 'OS'],
  ['GE', 'OS'],
  ['LE', 'OSZ'],
  ['G', 'OSZ'],
];

function conditionRows(): InstructionRow[] {
  return CONDITIONS.flatMap(([name, reads], number) => [
    { mnemonic: `J${name}`, opcode: hex(0x70 + number), operands: 'Jb', reads, execute: executeJumpConditional },
    {
      mnemonic: `J${name}`,
      opcode: `0F ${hex(0x80 + number)}`,
      operands: 'Jz',
      reads,
      execute: executeJumpConditional,
    },
    { mnemonic: `SET${name}`, opcode: `0F ${hex(0x90 + number)} /r`, operands: 'Eb', reads },
    {
      mnemonic: `CMOV${name}`,
      opcode: `0F ${hex(0x40 + number)} /r`,
      operands: 'Gv,Ev',
      reads,
      execute: executeConditionalMove,
    },
  ]);
}

function bitTestRows(): InstructionRow[] {
  return ['BT', 'BTS', 'BTR', 'BTC'].flatMap((mnemonic, number) => {
    const rest = {
      writes: 'C',
      undefined: 'OSAP',
      execute: executeBitTest,
      ...(number === 0 ? {} : { attributes: 'lock' }),
    };
    return [
      { mnemonic, opcode: `0F ${hex(0xa3 + number * 8)} /r`, operands: 'Ev,Gv', ...rest },
      { mnemonic, opcode: `0F BA /${4 + number}`, operands: 'Ev,Ib', ...rest },
    ];
  });
}

function hintRows(): InstructionRow[] {
  return [0x0d, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f].map((opcode) => ({
    mnemonic: opcode === 0x18 || opcode === 0x0d ? 'PREFETCH' : 'NOP',
    opcode: `0F ${hex(opcode)} /r`,
    operands: 'Ev',
  }));
}

export const integerInstructions: readonly InstructionRow[] = [
  ...arithmeticRows(),
  ...shiftRows(),
  ...conditionRows(),
  ...bitTestRows(),
  ...hintRows(),

  { mnemonic: 'INC', opcode: '40+r', operands: 'Zv', writes: 'OSZAP' },
  { mnemonic: 'DEC', opcode: '48+r', operands: 'Zv', writes: 'OSZAP' },
  { mnemonic: 'INC', opcode: 'FE /0', operands: 'Eb', writes: 'OSZAP', attributes: 'lock' },
  { mnemonic: 'INC', opcode: 'FF /0', operands: 'Ev', writes: 'OSZAP', attributes: 'lock' },
  { mnemonic: 'DEC', opcode: 'FE /1', operands: 'Eb', writes: 'OSZAP', attributes: 'lock' },
  { mnemonic: 'DEC', opcode: 'FF /1', operands: 'Ev', writes: 'OSZAP', attributes: 'lock' },
  { mnemonic: 'NOT', opcode: 'F6 /2', operands: 'Eb', attributes: 'lock' },
  { mnemonic: 'NOT', opcode: 'F7 /2', operands: 'Ev', attributes: 'lock' },
  { mnemonic: 'NEG', opcode: 'F6 /3', operands: 'Eb', writes: ALL, attributes: 'lock' },
  { mnemonic: 'NEG', opcode: 'F7 /3', operands: 'Ev', writes: ALL, attributes: 'lock' },
  {
    mnemonic: 'MUL',
    opcode: 'F6 /4',
    operands: 'AX,AL,Eb',
    writes: ALL,
    undefined: 'SZAP',
    execute: executeMultiplyDivide,
  },
  {
    mnemonic: 'MUL',
    opcode: 'F7 /4',
    operands: 'rDX,rAX,Ev',
    writes: ALL,
    undefined: 'SZAP',
    execute: executeMultiplyDivide,
  },
  {
    mnemonic: 'IMUL',
    opcode: 'F6 /5',
    operands: 'AX,AL,Eb',
    writes: ALL,
    undefined: 'SZAP',
    execute: executeMultiplyDivide,
  },
  {
    mnemonic: 'IMUL',
    opcode: 'F7 /5',
    operands: 'rDX,rAX,Ev',
    writes: ALL,
    undefined: 'SZAP',
    execute: executeMultiplyDivide,
  },
  { mnemonic: 'DIV', opcode: 'F6 /6', operands: 'AX,AL,Eb', undefined: ALL, execute: executeMultiplyDivide },
  { mnemonic: 'DIV', opcode: 'F7 /6', operands: 'rDX,rAX,Ev', undefined: ALL, execute: executeMultiplyDivide },
  { mnemonic: 'IDIV', opcode: 'F6 /7', operands: 'AX,AL,Eb', undefined: ALL, execute: executeMultiplyDivide },
  { mnemonic: 'IDIV', opcode: 'F7 /7', operands: 'rDX,rAX,Ev', undefined: ALL, execute: executeMultiplyDivide },
  {
    mnemonic: 'IMUL',
    opcode: '0F AF /r',
    operands: 'Gv,Ev',
    writes: ALL,
    undefined: 'SZAP',
    execute: executeMultiplyRegister16,
  },
  {
    mnemonic: 'IMUL',
    opcode: '69 /r',
    operands: 'Gv,Ev,Iz',
    writes: ALL,
    undefined: 'SZAP',
    execute: executeMultiplyRegister16,
  },
  {
    mnemonic: 'IMUL',
    opcode: '6B /r',
    operands: 'Gv,Ev,sIb',
    writes: ALL,
    undefined: 'SZAP',
    execute: executeMultiplyRegister16,
  },
  { mnemonic: 'TEST', opcode: '84 /r', operands: 'Eb,Gb', writes: ALL, undefined: 'A' },
  { mnemonic: 'TEST', opcode: '85 /r', operands: 'Ev,Gv', writes: ALL, undefined: 'A' },
  { mnemonic: 'TEST', opcode: 'A8', operands: 'AL,Ib', writes: ALL, undefined: 'A' },
  { mnemonic: 'TEST', opcode: 'A9', operands: 'rAX,Iz', writes: ALL, undefined: 'A' },
  { mnemonic: 'TEST', opcode: 'F6 /0', operands: 'Eb,Ib', writes: ALL, undefined: 'A' },
  { mnemonic: 'TEST', opcode: 'F6 /1', operands: 'Eb,Ib', writes: ALL, undefined: 'A' },
  { mnemonic: 'TEST', opcode: 'F7 /0', operands: 'Ev,Iz', writes: ALL, undefined: 'A' },
  { mnemonic: 'TEST', opcode: 'F7 /1', operands: 'Ev,Iz', writes: ALL, undefined: 'A' },

  { mnemonic: 'MOV', opcode: '88 /r', operands: 'Eb,Gb' },
  { mnemonic: 'MOV', opcode: '89 /r', operands: 'Ev,Gv' },
  { mnemonic: 'MOV', opcode: '8A /r', operands: 'Gb,Eb' },
  { mnemonic: 'MOV', opcode: '8B /r', operands: 'Gv,Ev' },
  { mnemonic: 'MOV', opcode: 'A0', operands: 'AL,Ob' },
  { mnemonic: 'MOV', opcode: 'A1', operands: 'rAX,Ov' },
  { mnemonic: 'MOV', opcode: 'A2', operands: 'Ob,AL' },
  { mnemonic: 'MOV', opcode: 'A3', operands: 'Ov,rAX' },
  { mnemonic: 'MOV', opcode: 'B0+r', operands: 'Zb,Ib' },
  { mnemonic: 'MOV', opcode: 'B8+r', operands: 'Zv,Iv' },
  { mnemonic: 'MOV', opcode: 'C6 /0', operands: 'Eb,Ib' },
  { mnemonic: 'MOV', opcode: 'C7 /0', operands: 'Ev,Iz' },
  { mnemonic: 'MOVZX', opcode: '0F B6 /r', operands: 'Gv,Eb' },
  { mnemonic: 'MOVZX', opcode: '0F B7 /r', operands: 'Gv,Ew' },
  { mnemonic: 'MOVSX', opcode: '0F BE /r', operands: 'Gv,Eb' },
  { mnemonic: 'MOVSX', opcode: '0F BF /r', operands: 'Gv,Ew' },
  { mnemonic: 'LEA', opcode: '8D /r m', operands: 'Gv,M' },
  { mnemonic: 'XCHG', opcode: '86 /r', operands: 'Eb,Gb', attributes: 'lock' },
  { mnemonic: 'XCHG', opcode: '87 /r', operands: 'Ev,Gv', attributes: 'lock' },
  { mnemonic: 'XCHG', opcode: '90+r', operands: 'Zv,rAX' },
  { mnemonic: 'NOP', opcode: '90', operands: '' },
  { mnemonic: 'PAUSE', opcode: 'F3 90', operands: '' },
  { mnemonic: 'BSWAP', opcode: '0F C8+r', operands: 'Zv' },
  { mnemonic: 'XLAT', opcode: 'D7', operands: '', execute: executeXlat },
  { mnemonic: 'CBW', opcode: '98', operands: '' },
  { mnemonic: 'CWD', opcode: '99', operands: '' },

  { mnemonic: 'PUSH', opcode: '50+r', operands: 'Zv', execute: executePush },
  { mnemonic: 'PUSH', opcode: '68', operands: 'Iz', execute: executePush },
  { mnemonic: 'PUSH', opcode: '6A', operands: 'sIb', execute: executePush },
  { mnemonic: 'PUSH', opcode: 'FF /6', operands: 'Ev', execute: executePush },
  { mnemonic: 'POP', opcode: '58+r', operands: 'Zv', execute: executePop },
  { mnemonic: 'POP', opcode: '8F /0', operands: 'Ev', execute: executePop },
  { mnemonic: 'PUSHA', opcode: '60', operands: '', execute: executePushAll },
  { mnemonic: 'POPA', opcode: '61', operands: '', execute: executePopAll },
  { mnemonic: 'ENTER', opcode: 'C8', operands: 'Iw,Ib', execute: executeEnter },
  { mnemonic: 'LEAVE', opcode: 'C9', operands: '', execute: executeLeave },
  { mnemonic: 'CALL', opcode: 'E8', operands: 'Jz', attributes: 'ends-block', execute: executeCall },
  { mnemonic: 'CALL', opcode: 'FF /2', operands: 'Ev', attributes: 'ends-block', execute: executeCall },
  { mnemonic: 'RET', opcode: 'C2', operands: 'Iw', attributes: 'ends-block', execute: executeReturn },
  { mnemonic: 'RET', opcode: 'C3', operands: '', attributes: 'ends-block', execute: executeReturn },
  { mnemonic: 'JMP', opcode: 'EB', operands: 'Jb', attributes: 'ends-block', execute: executeJump },
  { mnemonic: 'JMP', opcode: 'E9', operands: 'Jz', attributes: 'ends-block', execute: executeJump },
  { mnemonic: 'JMP', opcode: 'FF /4', operands: 'Ev', attributes: 'ends-block', execute: executeJump },
  { mnemonic: 'LOOPNE', opcode: 'E0', operands: 'Jb', reads: 'Z', attributes: 'ends-block', execute: executeJumpCount },
  { mnemonic: 'LOOPE', opcode: 'E1', operands: 'Jb', reads: 'Z', attributes: 'ends-block', execute: executeJumpCount },
  { mnemonic: 'LOOP', opcode: 'E2', operands: 'Jb', attributes: 'ends-block', execute: executeJumpCount },
  { mnemonic: 'JCXZ', opcode: 'E3', operands: 'Jb', attributes: 'ends-block', execute: executeJumpCount },

  { mnemonic: 'MOVS', opcode: 'A4', operands: 'Yb,Xb', attributes: 'rep', execute: executeMovs },
  { mnemonic: 'MOVS', opcode: 'A5', operands: 'Yv,Xv', attributes: 'rep', execute: executeMovs },
  { mnemonic: 'CMPS', opcode: 'A6', operands: 'Xb,Yb', writes: ALL, attributes: 'rep', execute: executeCmps },
  { mnemonic: 'CMPS', opcode: 'A7', operands: 'Xv,Yv', writes: ALL, attributes: 'rep', execute: executeCmps },
  { mnemonic: 'STOS', opcode: 'AA', operands: 'Yb,AL', attributes: 'rep', execute: executeStos },
  { mnemonic: 'STOS', opcode: 'AB', operands: 'Yv,rAX', attributes: 'rep', execute: executeStos },
  { mnemonic: 'LODS', opcode: 'AC', operands: 'AL,Xb', attributes: 'rep', execute: executeLods },
  { mnemonic: 'LODS', opcode: 'AD', operands: 'rAX,Xv', attributes: 'rep', execute: executeLods },
  { mnemonic: 'SCAS', opcode: 'AE', operands: 'AL,Yb', writes: ALL, attributes: 'rep', execute: executeScas },
  { mnemonic: 'SCAS', opcode: 'AF', operands: 'rAX,Yv', writes: ALL, attributes: 'rep', execute: executeScas },

  { mnemonic: 'DAA', opcode: '27', operands: '', writes: ALL, reads: 'AC', undefined: 'O', execute: executeDaa },
  { mnemonic: 'DAS', opcode: '2F', operands: '', writes: ALL, reads: 'AC', undefined: 'O', execute: executeDas },
  { mnemonic: 'AAA', opcode: '37', operands: '', writes: 'AC', reads: 'A', undefined: 'OSZP', execute: executeAaa },
  { mnemonic: 'AAS', opcode: '3F', operands: '', writes: 'AC', reads: 'A', undefined: 'OSZP', execute: executeAas },
  { mnemonic: 'AAM', opcode: 'D4', operands: 'Ib', writes: 'SZP', undefined: 'OAC', execute: executeAam },
  { mnemonic: 'AAD', opcode: 'D5', operands: 'Ib', writes: 'SZP', undefined: 'OAC', execute: executeAad },
  { mnemonic: 'SALC', opcode: 'D6', operands: '', reads: 'C', execute: executeSalc },

  { mnemonic: 'CMC', opcode: 'F5', operands: '', writes: 'C', reads: 'C' },
  { mnemonic: 'CLC', opcode: 'F8', operands: '', writes: 'C' },
  { mnemonic: 'STC', opcode: 'F9', operands: '', writes: 'C' },
  { mnemonic: 'CLD', opcode: 'FC', operands: '', writes: 'D' },
  { mnemonic: 'STD', opcode: 'FD', operands: '', writes: 'D' },
  { mnemonic: 'SAHF', opcode: '9E', operands: '', writes: 'SZAPC', execute: executeSahf },
  { mnemonic: 'LAHF', opcode: '9F', operands: '', reads: 'SZAPC', execute: executeLahf },

  {
    mnemonic: 'SHLD',
    opcode: '0F A4 /r',
    operands: 'Ev,Gv,Ib',
    writes: ALL,
    undefined: 'OA',
    execute: executeShiftDouble,
  },
  {
    mnemonic: 'SHLD',
    opcode: '0F A5 /r',
    operands: 'Ev,Gv,CL',
    writes: ALL,
    undefined: 'OA',
    execute: executeShiftDouble,
  },
  {
    mnemonic: 'SHRD',
    opcode: '0F AC /r',
    operands: 'Ev,Gv,Ib',
    writes: ALL,
    undefined: 'OA',
    execute: executeShiftDouble,
  },
  {
    mnemonic: 'SHRD',
    opcode: '0F AD /r',
    operands: 'Ev,Gv,CL',
    writes: ALL,
    undefined: 'OA',
    execute: executeShiftDouble,
  },
  {
    mnemonic: 'BSF',
    opcode: '0F BC /r',
    operands: 'Gv,Ev',
    writes: 'Z',
    undefined: 'OSAPC',
    execute: executeBitScanForward,
  },
  {
    mnemonic: 'BSR',
    opcode: '0F BD /r',
    operands: 'Gv,Ev',
    writes: 'Z',
    undefined: 'OSAPC',
    execute: executeBitScanReverse,
  },
  {
    mnemonic: 'CMPXCHG',
    opcode: '0F B0 /r',
    operands: 'Eb,Gb',
    writes: ALL,
    attributes: 'lock',
    execute: executeCmpxchg,
  },
  {
    mnemonic: 'CMPXCHG',
    opcode: '0F B1 /r',
    operands: 'Ev,Gv',
    writes: ALL,
    attributes: 'lock',
    execute: executeCmpxchg,
  },
  { mnemonic: 'XADD', opcode: '0F C0 /r', operands: 'Eb,Gb', writes: ALL, attributes: 'lock', execute: executeXadd },
  { mnemonic: 'XADD', opcode: '0F C1 /r', operands: 'Ev,Gv', writes: ALL, attributes: 'lock', execute: executeXadd },
  {
    mnemonic: 'CMPXCHG8B',
    opcode: '0F C7 /1 m',
    operands: 'Mq',
    writes: 'Z',
    attributes: 'lock',
    execute: executeCmpxchg8b,
  },
  { mnemonic: 'UD2', opcode: '0F 0B', operands: '', execute: executeUndefined },
  { mnemonic: 'UD1', opcode: '0F B9 /r', operands: 'Gv,Ev', execute: executeUndefined },
  { mnemonic: 'UD0', opcode: '0F FF /r', operands: 'Gv,Ev', execute: executeUndefined },
];
