/** The system instructions: segments, descriptor tables, far transfers, interrupts, control registers, I/O (SDM vol 2). */
import {
  executeArpl,
  executeInvlpg,
  executeLar,
  executeLds,
  executeLes,
  executeLfs,
  executeLgdt,
  executeLgs,
  executeLidt,
  executeLldt,
  executeLsl,
  executeLss,
  executeLtr,
  executeMovFromSegment,
  executeMovToSegment,
  executeSgdt,
  executeSidt,
  executeSldt,
  executeStr,
  executeVerr,
  executeVerw,
  popSegment,
  pushSegment,
} from './descriptor-instructions.js';
import { executeFarReturn, executeIret } from './far-return.js';
import {
  executeFarCallImmediate,
  executeFarCallMemory,
  executeFarJumpImmediate,
  executeFarJumpMemory,
} from './far-transfer.js';
import { executeSysenter, executeSysexit } from './fast-system-call.js';
import { executeCpuid } from './identification.js';
import type { InstructionRow } from './instruction.js';
import {
  executeBound,
  executeCli,
  executeHlt,
  executeInt,
  executeInt1,
  executeInt3,
  executeInto,
  executePopf,
  executePushf,
  executeSti,
} from './interrupts.js';
import { CS, DS, ES, FS, GS, SS } from './layout.js';
import {
  executeIn,
  executeInByte,
  executeInByteImmediate,
  executeInImmediate,
  executeIns,
  executeInsByte,
  executeOut,
  executeOutByte,
  executeOutByteImmediate,
  executeOutImmediate,
  executeOuts,
  executeOutsByte,
} from './port-io.js';
import {
  executeClts,
  executeInvalidateCaches,
  executeLmsw,
  executeMovFromControl,
  executeMovFromDebug,
  executeMovToControl,
  executeMovToDebug,
  executeRdmsr,
  executeRdpmc,
  executeRdtsc,
  executeSmsw,
  executeWrmsr,
} from './system-registers.js';

const ENDS = 'ends-block';
const PRIVILEGED = 'privileged ends-block';
const ALL_FLAGS = 'OSZAPCDI';

function pushRow(opcode: string, segment: number): InstructionRow {
  return {
    mnemonic: 'PUSH',
    opcode,
    operands: 'Sw',
    execute: (cpu, instruction) => pushSegment(cpu, instruction, segment),
  };
}

function popRow(opcode: string, segment: number): InstructionRow {
  return {
    mnemonic: 'POP',
    opcode,
    operands: 'Sw',
    attributes: ENDS,
    execute: (cpu, instruction) => popSegment(cpu, instruction, segment),
  };
}

const segmentRows: readonly InstructionRow[] = [
  { mnemonic: 'MOV', opcode: '8C /r', operands: 'Ew,Sw', execute: executeMovFromSegment },
  { mnemonic: 'MOV', opcode: '8E /r', operands: 'Sw,Ew', attributes: ENDS, execute: executeMovToSegment },
  pushRow('06', ES),
  pushRow('0E', CS),
  pushRow('16', SS),
  pushRow('1E', DS),
  pushRow('0F A0', FS),
  pushRow('0F A8', GS),
  popRow('07', ES),
  popRow('17', SS),
  popRow('1F', DS),
  popRow('0F A1', FS),
  popRow('0F A9', GS),
  { mnemonic: 'LES', opcode: 'C4 /r m', operands: 'Gv,Mp', attributes: ENDS, execute: executeLes },
  { mnemonic: 'LDS', opcode: 'C5 /r m', operands: 'Gv,Mp', attributes: ENDS, execute: executeLds },
  { mnemonic: 'LSS', opcode: '0F B2 /r m', operands: 'Gv,Mp', attributes: ENDS, execute: executeLss },
  { mnemonic: 'LFS', opcode: '0F B4 /r m', operands: 'Gv,Mp', attributes: ENDS, execute: executeLfs },
  { mnemonic: 'LGS', opcode: '0F B5 /r m', operands: 'Gv,Mp', attributes: ENDS, execute: executeLgs },
];

const descriptorRows: readonly InstructionRow[] = [
  { mnemonic: 'SLDT', opcode: '0F 00 /0', operands: 'Ew', execute: executeSldt },
  { mnemonic: 'STR', opcode: '0F 00 /1', operands: 'Ew', execute: executeStr },
  { mnemonic: 'LLDT', opcode: '0F 00 /2', operands: 'Ew', attributes: PRIVILEGED, execute: executeLldt },
  { mnemonic: 'LTR', opcode: '0F 00 /3', operands: 'Ew', attributes: PRIVILEGED, execute: executeLtr },
  { mnemonic: 'VERR', opcode: '0F 00 /4', operands: 'Ew', writes: 'Z', execute: executeVerr },
  { mnemonic: 'VERW', opcode: '0F 00 /5', operands: 'Ew', writes: 'Z', execute: executeVerw },
  { mnemonic: 'SGDT', opcode: '0F 01 /0 m', operands: 'Ms', execute: executeSgdt },
  { mnemonic: 'SIDT', opcode: '0F 01 /1 m', operands: 'Ms', execute: executeSidt },
  { mnemonic: 'LGDT', opcode: '0F 01 /2 m', operands: 'Ms', attributes: PRIVILEGED, execute: executeLgdt },
  { mnemonic: 'LIDT', opcode: '0F 01 /3 m', operands: 'Ms', attributes: PRIVILEGED, execute: executeLidt },
  { mnemonic: 'SMSW', opcode: '0F 01 /4', operands: 'Ew', execute: executeSmsw },
  { mnemonic: 'LMSW', opcode: '0F 01 /6', operands: 'Ew', attributes: PRIVILEGED, execute: executeLmsw },
  { mnemonic: 'INVLPG', opcode: '0F 01 /7 m', operands: 'Mb', attributes: PRIVILEGED, execute: executeInvlpg },
  { mnemonic: 'LAR', opcode: '0F 02 /r', operands: 'Gv,Ew', writes: 'Z', execute: executeLar },
  { mnemonic: 'LSL', opcode: '0F 03 /r', operands: 'Gv,Ew', writes: 'Z', execute: executeLsl },
  { mnemonic: 'ARPL', opcode: '63 /r', operands: 'Ew,Gw', writes: 'Z', execute: executeArpl },
];

const transferRows: readonly InstructionRow[] = [
  { mnemonic: 'CALL', opcode: '9A', operands: 'Ap', attributes: ENDS, execute: executeFarCallImmediate },
  { mnemonic: 'CALL', opcode: 'FF /3 m', operands: 'Mp', attributes: ENDS, execute: executeFarCallMemory },
  { mnemonic: 'JMP', opcode: 'EA', operands: 'Ap', attributes: ENDS, execute: executeFarJumpImmediate },
  { mnemonic: 'JMP', opcode: 'FF /5 m', operands: 'Mp', attributes: ENDS, execute: executeFarJumpMemory },
  { mnemonic: 'RETF', opcode: 'CA', operands: 'Iw', attributes: ENDS, execute: executeFarReturn },
  { mnemonic: 'RETF', opcode: 'CB', operands: '', attributes: ENDS, execute: executeFarReturn },
  { mnemonic: 'IRET', opcode: 'CF', operands: '', writes: ALL_FLAGS, attributes: ENDS, execute: executeIret },
  { mnemonic: 'SYSENTER', opcode: '0F 34', operands: '', writes: 'I', attributes: ENDS, execute: executeSysenter },
  { mnemonic: 'SYSEXIT', opcode: '0F 35', operands: '', attributes: PRIVILEGED, execute: executeSysexit },
  { mnemonic: 'INT3', opcode: 'CC', operands: '', attributes: ENDS, execute: executeInt3 },
  { mnemonic: 'INT', opcode: 'CD', operands: 'Ib', attributes: ENDS, execute: executeInt },
  { mnemonic: 'INTO', opcode: 'CE', operands: '', reads: 'O', attributes: ENDS, execute: executeInto },
  { mnemonic: 'INT1', opcode: 'F1', operands: '', attributes: ENDS, execute: executeInt1 },
  { mnemonic: 'BOUND', opcode: '62 /r m', operands: 'Gv,Ma', execute: executeBound },
];

const flagRows: readonly InstructionRow[] = [
  { mnemonic: 'PUSHF', opcode: '9C', operands: '', reads: ALL_FLAGS, execute: executePushf },
  { mnemonic: 'POPF', opcode: '9D', operands: '', writes: ALL_FLAGS, attributes: ENDS, execute: executePopf },
  { mnemonic: 'CLI', opcode: 'FA', operands: '', writes: 'I', attributes: 'iopl', execute: executeCli },
  { mnemonic: 'STI', opcode: 'FB', operands: '', writes: 'I', attributes: 'iopl ends-block', execute: executeSti },
  { mnemonic: 'HLT', opcode: 'F4', operands: '', attributes: PRIVILEGED, execute: executeHlt },
];

const registerRows: readonly InstructionRow[] = [
  { mnemonic: 'CLTS', opcode: '0F 06', operands: '', attributes: PRIVILEGED, execute: executeClts },
  { mnemonic: 'INVD', opcode: '0F 08', operands: '', attributes: 'privileged', execute: executeInvalidateCaches },
  { mnemonic: 'WBINVD', opcode: '0F 09', operands: '', attributes: 'privileged', execute: executeInvalidateCaches },
  { mnemonic: 'MOV', opcode: '0F 20 /r', operands: 'Rd,Cd', attributes: 'privileged', execute: executeMovFromControl },
  { mnemonic: 'MOV', opcode: '0F 21 /r', operands: 'Rd,Dd', attributes: PRIVILEGED, execute: executeMovFromDebug },
  { mnemonic: 'MOV', opcode: '0F 22 /r', operands: 'Cd,Rd', attributes: PRIVILEGED, execute: executeMovToControl },
  { mnemonic: 'MOV', opcode: '0F 23 /r', operands: 'Dd,Rd', attributes: PRIVILEGED, execute: executeMovToDebug },
  { mnemonic: 'WRMSR', opcode: '0F 30', operands: '', attributes: PRIVILEGED, execute: executeWrmsr },
  { mnemonic: 'RDTSC', opcode: '0F 31', operands: '', execute: executeRdtsc },
  { mnemonic: 'RDMSR', opcode: '0F 32', operands: '', attributes: 'privileged', execute: executeRdmsr },
  { mnemonic: 'RDPMC', opcode: '0F 33', operands: '', execute: executeRdpmc },
  { mnemonic: 'CPUID', opcode: '0F A2', operands: '', execute: executeCpuid },
];

const portRows: readonly InstructionRow[] = [
  { mnemonic: 'INSB', opcode: '6C', operands: 'Yb,DX', attributes: 'rep iopl', execute: executeInsByte },
  { mnemonic: 'INS', opcode: '6D', operands: 'Yz,DX', attributes: 'rep iopl', execute: executeIns },
  { mnemonic: 'OUTSB', opcode: '6E', operands: 'DX,Xb', attributes: 'rep iopl', execute: executeOutsByte },
  { mnemonic: 'OUTS', opcode: '6F', operands: 'DX,Xz', attributes: 'rep iopl', execute: executeOuts },
  { mnemonic: 'IN', opcode: 'E4', operands: 'AL,Ib', attributes: 'iopl', execute: executeInByteImmediate },
  { mnemonic: 'IN', opcode: 'E5', operands: 'eAX,Ib', attributes: 'iopl', execute: executeInImmediate },
  { mnemonic: 'OUT', opcode: 'E6', operands: 'Ib,AL', attributes: 'iopl', execute: executeOutByteImmediate },
  { mnemonic: 'OUT', opcode: 'E7', operands: 'Ib,eAX', attributes: 'iopl', execute: executeOutImmediate },
  { mnemonic: 'IN', opcode: 'EC', operands: 'AL,DX', attributes: 'iopl', execute: executeInByte },
  { mnemonic: 'IN', opcode: 'ED', operands: 'eAX,DX', attributes: 'iopl', execute: executeIn },
  { mnemonic: 'OUT', opcode: 'EE', operands: 'DX,AL', attributes: 'iopl', execute: executeOutByte },
  { mnemonic: 'OUT', opcode: 'EF', operands: 'DX,eAX', attributes: 'iopl', execute: executeOut },
];

export const systemInstructions: readonly InstructionRow[] = [
  ...segmentRows,
  ...descriptorRows,
  ...transferRows,
  ...flagRows,
  ...registerRows,
  ...portRows,
];
