/** From integer instructions to micro-operations. */
import type { BlockWriter } from './block-writer.js';
import type { Instruction } from './instruction.js';
import { lowerBranch } from './integer-lowering-branch.js';
import { EAX, TEMP0, TEMP2, ZERO } from './layout.js';
import { ARITHMETIC, type Arithmetic, onlyCompares } from './micro-operation-integer.js';
import { findOperation, operationNumber } from './micro-operation-table.js';
import { MODE_STACK_FLAT } from './processor-mode.js';

/**
 * What became of an instruction: declined (its handler must do it), lowered and the block goes on, or lowered and the block ends.
 */
export const Lowered = { Declined: 0, Continues: 1, Ends: 2 } as const;
export type Lowered = (typeof Lowered)[keyof typeof Lowered];

type Size = 1 | 2 | 4;
type Lowering = (writer: BlockWriter, instruction: Instruction, mnemonic: string) => Lowered;

const BITS = { 1: '8', 2: '16', 4: '32' } as const;

/** Number by which a micro-operation knows a general register of this size. */
export function registerOperand(register: number, size: Size): number {
  if (size === 4) return register;
  if (size === 2) return register * 2;
  return register < 4 ? register * 4 : (register - 4) * 4 + 1;
}

/** The same for a temporary. */
function temporary(word: number, size: Size): number {
  return size === 4 ? word : size === 2 ? word * 2 : word * 4;
}

function sizeOf(instruction: Instruction): Size {
  return (instruction.opcode & 1) === 0 ? 1 : instruction.operandSize;
}

const LOAD = { 1: operationNumber('LOAD8'), 2: operationNumber('LOAD16'), 4: operationNumber('LOAD32') };
const LOAD32_BASE = operationNumber('LOAD32_BASE');
const LOAD_RMW = {
  1: operationNumber('LOAD8_RMW'),
  2: operationNumber('LOAD16_RMW'),
  4: operationNumber('LOAD32_RMW'),
};
const STORE_RMW = {
  1: operationNumber('STORE8_RMW'),
  2: operationNumber('STORE16_RMW'),
  4: operationNumber('STORE32_RMW'),
};
const STORE = { 1: operationNumber('STORE8'), 2: operationNumber('STORE16'), 4: operationNumber('STORE32') };
const STORE32_BASE = operationNumber('STORE32_BASE');
const STORE_I = { 1: operationNumber('STORE8_I'), 2: operationNumber('STORE16_I'), 4: operationNumber('STORE32_I') };
const MOV_RR = { 1: operationNumber('MOV8_RR'), 2: operationNumber('MOV16_RR'), 4: operationNumber('MOV32_RR') };
const MOV_RI = { 1: operationNumber('MOV8_RI'), 2: operationNumber('MOV16_RI'), 4: operationNumber('MOV32_RI') };

/** Loads the memory operand into a register or temporary. */
export function emitLoad(writer: BlockWriter, instruction: Instruction, size: Size, to: number): void {
  const address = writer.address(instruction, size, false);
  const operation = size === 4 && address.index === ZERO ? LOAD32_BASE : LOAD[size];
  writer.emitMemory(operation, to, address);
}

function emitStore(writer: BlockWriter, instruction: Instruction, size: Size, from: number): void {
  const address = writer.address(instruction, size, true);
  const operation = size === 4 && address.index === ZERO ? STORE32_BASE : STORE[size];
  writer.emitMemory(operation, from, address);
}

/** Register or temporary that holds the E operand, which is loaded if it lies in memory. */
function sourceOperand(writer: BlockWriter, instruction: Instruction, size: Size): number {
  if (!instruction.isMemory) return registerOperand(instruction.rm, size);
  const to = temporary(TEMP0, size);
  emitLoad(writer, instruction, size, to);
  return to;
}

const lowerArithmetic: Lowering = (writer, instruction, mnemonic) => {
  const operation = mnemonic as Arithmetic;
  const size = sizeOf(instruction);
  const { opcode } = instruction;
  const group = opcode >= 0x80 && opcode < 0x84;
  const hasImmediate =
    group || opcode === 0xf6 || opcode === 0xf7 || ((opcode & 6) === 4 && opcode < 0x40) || (opcode & 0xfe) === 0xa8;
  if (hasImmediate) return lowerArithmeticImmediate(writer, instruction, operation, size);
  const toRegister = opcode < 0x40 && (opcode & 2) !== 0;
  const register = registerOperand(instruction.reg, size);
  if (!instruction.isMemory) {
    const other = registerOperand(instruction.rm, size);
    const [left, right] = toRegister ? [register, other] : [other, register];
    return lowerRegisters(writer, operation, size, left, right);
  }
  const name = `${operation}${BITS[size]}`;
  const direct = findOperation(`${name}_${toRegister ? 'RM' : 'MR'}`);
  if (direct >= 0) {
    const address = writer.address(instruction, size, !toRegister && !onlyCompares(operation));
    writer.emitMemory(direct, register, address);
    return Lowered.Continues;
  }
  const temporaryOperand = temporary(TEMP0, size);
  if (toRegister || onlyCompares(operation)) {
    emitLoad(writer, instruction, size, temporaryOperand);
    const [left, right] = toRegister ? [register, temporaryOperand] : [temporaryOperand, register];
    writer.emit(operationNumber(`${name}_RR`), left, right);
    return Lowered.Continues;
  }
  writer.emitMemory(LOAD_RMW[size], temporaryOperand, writer.address(instruction, size, true));
  writer.emit(operationNumber(`${name}_RR`), temporaryOperand, register);
  writer.emit(STORE_RMW[size], temporaryOperand);
  return Lowered.Continues;
};

function lowerRegisters(writer: BlockWriter, operation: Arithmetic, size: Size, left: number, right: number): Lowered {
  if (size === 4 && left === right && (operation === 'XOR' || operation === 'SUB')) {
    writer.emit(operationNumber('ZERO32_R'), left);
  } else if (size === 4 && left === right && operation === 'TEST') {
    writer.emit(operationNumber('TEST32_R'), left);
  } else {
    writer.emit(operationNumber(`${operation}${BITS[size]}_RR`), left, right);
  }
  return Lowered.Continues;
}

function lowerArithmeticImmediate(
  writer: BlockWriter,
  instruction: Instruction,
  operation: Arithmetic,
  size: Size,
): Lowered {
  const { opcode } = instruction;
  const accumulator = opcode < 0x40 || (opcode & 0xfe) === 0xa8;
  const immediate =
    size === 4 ? instruction.immediate : size === 2 ? instruction.immediate & 0xffff : instruction.immediate & 0xff;
  const name = `${operation}${BITS[size]}`;
  if (accumulator || !instruction.isMemory) {
    const register = registerOperand(accumulator ? EAX : instruction.rm, size);
    writer.emit(operationNumber(`${name}_RI`), register, 0, immediate);
    return Lowered.Continues;
  }
  const direct = findOperation(`${name}_MI`);
  if (direct >= 0) {
    const address = writer.address(instruction, size, !onlyCompares(operation));
    writer.emitMemory(direct, 0, address, immediate);
    return Lowered.Continues;
  }
  const temporaryOperand = temporary(TEMP0, size);
  if (onlyCompares(operation)) {
    emitLoad(writer, instruction, size, temporaryOperand);
    writer.emit(operationNumber(`${name}_RI`), temporaryOperand, 0, immediate);
    return Lowered.Continues;
  }
  writer.emitMemory(LOAD_RMW[size], temporaryOperand, writer.address(instruction, size, true));
  writer.emit(operationNumber(`${name}_RI`), temporaryOperand, 0, immediate);
  writer.emit(STORE_RMW[size], temporaryOperand);
  return Lowered.Continues;
}

const lowerUnary: Lowering = (writer, instruction, mnemonic) => {
  const { opcode } = instruction;
  if (opcode >= 0x40 && opcode < 0x50) {
    const size = instruction.operandSize;
    writer.emit(operationNumber(`${mnemonic}${BITS[size]}_R`), registerOperand(opcode & 7, size));
    return Lowered.Continues;
  }
  const size = sizeOf(instruction);
  const inRegister = operationNumber(`${mnemonic}${BITS[size]}_R`);
  if (!instruction.isMemory) {
    writer.emit(inRegister, registerOperand(instruction.rm, size));
    return Lowered.Continues;
  }
  const inMemory = findOperation(`${mnemonic}${BITS[size]}_M`);
  const address = writer.address(instruction, size, true);
  if (inMemory >= 0) {
    writer.emitMemory(inMemory, 0, address);
    return Lowered.Continues;
  }
  const operand = temporary(TEMP0, size);
  writer.emitMemory(LOAD_RMW[size], operand, address);
  writer.emit(inRegister, operand);
  writer.emit(STORE_RMW[size], operand);
  return Lowered.Continues;
};

const lowerShift: Lowering = (writer, instruction, mnemonic) => {
  if (sizeOf(instruction) !== 4 || mnemonic === 'RCL' || mnemonic === 'RCR') return Lowered.Declined;
  const name = mnemonic === 'SAL' ? 'SHL' : mnemonic;
  const byCount = instruction.opcode === 0xd3;
  const count = instruction.opcode === 0xd1 ? 1 : instruction.immediate & 31;
  if (!byCount && count === 0) return instruction.isMemory ? Lowered.Declined : Lowered.Continues;
  const operation = operationNumber(`${name}32_${byCount ? 'RC' : 'RI'}`);
  const operand = instruction.isMemory ? TEMP0 : instruction.rm;
  if (instruction.isMemory) writer.emitMemory(LOAD_RMW[4], TEMP0, writer.address(instruction, 4, true));
  writer.emit(operation, operand, 0, count);
  if (instruction.isMemory) writer.emit(STORE_RMW[4], TEMP0);
  return Lowered.Continues;
};

const lowerDoubleShift: Lowering = (writer, instruction, mnemonic) => {
  if (instruction.operandSize !== 4 || instruction.isMemory) return Lowered.Declined;
  const byCount = (instruction.opcode & 1) !== 0;
  const count = instruction.immediate & 31;
  if (!byCount && count === 0) return Lowered.Continues;
  writer.emit(operationNumber(`${mnemonic}32_${byCount ? 'RRC' : 'RRI'}`), instruction.rm, instruction.reg, count);
  return Lowered.Continues;
};

const lowerMove: Lowering = (writer, instruction) => {
  const { opcode } = instruction;
  if (opcode >= 0xb0 && opcode < 0xc0) {
    const size = opcode < 0xb8 ? 1 : instruction.operandSize;
    writer.emit(MOV_RI[size], registerOperand(opcode & 7, size), 0, instruction.immediate);
    return Lowered.Continues;
  }
  const size = sizeOf(instruction);
  if (opcode >= 0xc6) {
    if (!instruction.isMemory)
      writer.emit(MOV_RI[size], registerOperand(instruction.rm, size), 0, instruction.immediate);
    else writer.emitMemory(STORE_I[size], 0, writer.address(instruction, size, true), instruction.immediate);
    return Lowered.Continues;
  }
  const register = registerOperand(opcode >= 0xa0 ? EAX : instruction.reg, size);
  const loads = opcode >= 0xa0 ? opcode < 0xa2 : (opcode & 2) !== 0;
  if (!instruction.isMemory) {
    const other = registerOperand(instruction.rm, size);
    writer.emit(MOV_RR[size], loads ? register : other, loads ? other : register);
  } else if (loads) emitLoad(writer, instruction, size, register);
  else emitStore(writer, instruction, size, register);
  return Lowered.Continues;
};

/** MOVZX and MOVSX. */
const lowerExtend: Lowering = (writer, instruction, mnemonic) => {
  const from = (instruction.opcode & 1) === 0 ? 1 : 2;
  const to = instruction.operandSize;
  const register = registerOperand(instruction.reg, to);
  if (from === to) {
    // 16-bit MOVZX and MOVSX of a word: a plain move.
    if (instruction.isMemory) emitLoad(writer, instruction, 2, register);
    else writer.emit(MOV_RR[2], register, registerOperand(instruction.rm, 2));
    return Lowered.Continues;
  }
  const kind = mnemonic === 'MOVZX' ? 'ZX' : 'SX';
  const form = `${kind}${BITS[to]}_${BITS[from]}`;
  if (!instruction.isMemory)
    writer.emit(operationNumber(`MOV${form}`), register, registerOperand(instruction.rm, from));
  else writer.emitMemory(operationNumber(`LOAD${form}`), register, writer.address(instruction, from, false));
  return Lowered.Continues;
};

const lowerLea: Lowering = (writer, instruction) => {
  const { base, index, scale, displacement } = instruction;
  const address = { base, index, scale, displacement };
  if (instruction.addressSize === 4 && instruction.operandSize === 4) {
    writer.emitMemory(operationNumber(index === ZERO ? 'LEA_BASE' : 'LEA'), instruction.reg, address);
    return Lowered.Continues;
  }
  writer.emitMemory(operationNumber(instruction.addressSize === 2 ? 'ADDRESS16' : 'LEA'), TEMP2, address);
  const size = instruction.operandSize;
  writer.emit(MOV_RR[size], registerOperand(instruction.reg, size), temporary(TEMP2, size));
  return Lowered.Continues;
};

const lowerExchange: Lowering = (writer, instruction) => {
  const { opcode } = instruction;
  const short = opcode >= 0x90;
  const size = short ? instruction.operandSize : sizeOf(instruction);
  const first = registerOperand(short ? EAX : instruction.reg, size);
  const second = registerOperand(short ? opcode & 7 : instruction.rm, size);
  const held = temporary(TEMP0, size);
  if (instruction.isMemory) {
    writer.emitMemory(LOAD_RMW[size], held, writer.address(instruction, size, true));
    writer.emit(STORE_RMW[size], first);
    writer.emit(MOV_RR[size], first, held);
  } else if (size === 4) writer.emit(operationNumber('XCHG32_RR'), first, second);
  else {
    writer.emit(MOV_RR[size], held, first);
    writer.emit(MOV_RR[size], first, second);
    writer.emit(MOV_RR[size], second, held);
  }
  return Lowered.Continues;
};

/** MUL, IMUL, DIV and IDIV in 32 bits. */
const lowerMultiply: Lowering = (writer, instruction, mnemonic) => {
  if (instruction.operandSize !== 4 || instruction.opcode === 0xf6) return Lowered.Declined;
  if (instruction.opcode === 0xf7) {
    writer.emit(operationNumber(`${mnemonic}32_R`), sourceOperand(writer, instruction, 4));
    return Lowered.Continues;
  }
  const source = sourceOperand(writer, instruction, 4);
  if (instruction.opcode === 0xaf) writer.emit(operationNumber('IMUL32_RR'), instruction.reg, source);
  else writer.emit(operationNumber('IMUL32_RRI'), instruction.reg, source, instruction.immediate);
  return Lowered.Continues;
};

const lowerBitTest: Lowering = (writer, instruction) => {
  if (instruction.operandSize !== 4 || instruction.isMemory) return Lowered.Declined;
  if (instruction.opcode === 0xba) writer.emit(operationNumber('BT32_RI'), instruction.rm, 0, instruction.immediate);
  else writer.emit(operationNumber('BT32_RR'), instruction.rm, instruction.reg);
  return Lowered.Continues;
};

const lowerSet: Lowering = (writer, instruction, mnemonic) => {
  const operation = operationNumber(mnemonic);
  if (!instruction.isMemory) writer.emit(operation, registerOperand(instruction.rm, 1));
  else {
    writer.emit(operation, temporary(TEMP0, 1));
    emitStore(writer, instruction, 1, temporary(TEMP0, 1));
  }
  return Lowered.Continues;
};

/** CMOVcc reads its source whether or not it moves it. */
const lowerConditionalMove: Lowering = (writer, instruction, mnemonic) => {
  if (instruction.operandSize !== 4) return Lowered.Declined;
  const source = sourceOperand(writer, instruction, 4);
  writer.emit(operationNumber(`${mnemonic}32_RR`), instruction.reg, source);
  return Lowered.Continues;
};

const lowerPush: Lowering = (writer, instruction) => {
  if (instruction.operandSize !== 4 || (writer.mode & MODE_STACK_FLAT) === 0) return Lowered.Declined;
  const { opcode } = instruction;
  if (opcode === 0xff) writer.emit(operationNumber('PUSH_R'), sourceOperand(writer, instruction, 4));
  else if (opcode < 0x58) writer.emit(operationNumber('PUSH_R'), opcode & 7);
  else writer.emit(operationNumber('PUSH_I'), 0, 0, instruction.immediate);
  return Lowered.Continues;
};

const lowerPop: Lowering = (writer, instruction) => {
  if (instruction.operandSize !== 4 || instruction.opcode === 0x8f) return Lowered.Declined;
  if ((writer.mode & MODE_STACK_FLAT) === 0) return Lowered.Declined;
  writer.emit(operationNumber('POP_R'), instruction.opcode & 7);
  return Lowered.Continues;
};

const lowerLeave: Lowering = (writer, instruction) => {
  if (instruction.operandSize !== 4 || (writer.mode & MODE_STACK_FLAT) === 0) return Lowered.Declined;
  writer.emit(operationNumber('LEAVE'), 0);
  return Lowered.Continues;
};

/** CBW and CWDE, CWD and CDQ. */
const lowerConvert: Lowering = (writer, instruction, mnemonic) => {
  const wide = instruction.operandSize === 4;
  if (mnemonic === 'CWD') writer.emit(operationNumber(wide ? 'CDQ' : 'CWD'), 0);
  else writer.emit(operationNumber(wide ? 'MOVSX32_16' : 'MOVSX16_8'), EAX, EAX);
  return Lowered.Continues;
};

const lowerByteSwap: Lowering = (writer, instruction) => {
  const register = instruction.opcode & 7;
  if (instruction.operandSize === 4) writer.emit(operationNumber('BSWAP32_R'), register);
  // Undefined with 16-bit operands; processors give zero.
  else writer.emit(MOV_RI[2], registerOperand(register, 2), 0, 0);
  return Lowered.Continues;
};

const lowerNothing: Lowering = () => Lowered.Continues;

const lowerFlag: Lowering = (writer, _instruction, mnemonic) => {
  writer.emit(operationNumber(mnemonic), 0);
  return Lowered.Continues;
};

const LOWERINGS: ReadonlyMap<string, Lowering> = new Map<string, Lowering>([
  ...ARITHMETIC.map((name): [string, Lowering] => [name, lowerArithmetic]),
  ...['INC', 'DEC', 'NEG', 'NOT'].map((name): [string, Lowering] => [name, lowerUnary]),
  ...['ROL', 'ROR', 'RCL', 'RCR', 'SHL', 'SAL', 'SHR', 'SAR'].map((name): [string, Lowering] => [name, lowerShift]),
  ...['SHLD', 'SHRD'].map((name): [string, Lowering] => [name, lowerDoubleShift]),
  ...['MUL', 'IMUL', 'DIV', 'IDIV'].map((name): [string, Lowering] => [name, lowerMultiply]),
  ...['CLC', 'STC', 'CMC', 'CLD', 'STD'].map((name): [string, Lowering] => [name, lowerFlag]),
  ...['NOP', 'PAUSE', 'PREFETCH'].map((name): [string, Lowering] => [name, lowerNothing]),
  ['MOV', lowerMove],
  ['MOVZX', lowerExtend],
  ['MOVSX', lowerExtend],
  ['LEA', lowerLea],
  ['XCHG', lowerExchange],
  ['BT', lowerBitTest],
  ['PUSH', lowerPush],
  ['POP', lowerPop],
  ['LEAVE', lowerLeave],
  ['CBW', lowerConvert],
  ['CWD', lowerConvert],
  ['BSWAP', lowerByteSwap],
]);

/** Operand codes of segment, control and debug registers: such forms of MOV, PUSH and POP are left to their handlers. */
const SYSTEM_REGISTERS = /\b(Sw|Cd|Dd)\b/;

/** Turns an instruction into micro-operations, if it has any. */
export function lowerInteger(writer: BlockWriter, instruction: Instruction): Lowered {
  const { mnemonic, opcode, operands } = instruction.row;
  if (SYSTEM_REGISTERS.test(operands)) return Lowered.Declined;
  const branch = lowerBranch(writer, instruction);
  if (branch !== Lowered.Declined) return branch;
  if (mnemonic.startsWith('SET') && opcode.startsWith('0F 9')) return lowerSet(writer, instruction, mnemonic);
  if (mnemonic.startsWith('CMOV')) return lowerConditionalMove(writer, instruction, mnemonic);
  const lowering = LOWERINGS.get(mnemonic);
  return lowering === undefined ? Lowered.Declined : lowering(writer, instruction, mnemonic);
}
