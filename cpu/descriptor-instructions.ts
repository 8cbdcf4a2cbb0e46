/**
 * Instructions over descriptor tables: LGDT, LIDT, SGDT, SIDT, LLDT, SLDT, LTR, STR; LAR, LSL, VERR, VERW, ARPL; moves to
 * and from segment registers; INVLPG (SDM vol 2 of each, vol 3A section 5.10).
 */
import type { Cpu } from './cpu.js';
import {
  ACCESS_CODE,
  ACCESS_CONFORMING,
  ACCESS_READABLE,
  ACCESS_SEGMENT,
  ACCESS_WRITABLE,
  accessDpl,
  accessKind,
  descriptorAccess,
  descriptorAddress,
  descriptorBase,
  descriptorLimit,
  isNullSelector,
  SELECTOR_RPL,
  SystemType,
  TSS_BUSY,
} from './descriptor.js';
import { readFarOffset, readFarSelector } from './far-transfer.js';
import { setZero } from './flags.js';
import { effectiveOffset, type Instruction } from './instruction.js';
import { inhibitAfterStackLoad } from './interrupts.js';
import {
  CPL,
  CS,
  DS,
  ES,
  ESP,
  FS,
  GDTR_BASE,
  GDTR_LIMIT,
  GS,
  IDTR_BASE,
  IDTR_LIMIT,
  LDTR,
  SCRATCH_OFFSET,
  SEGMENT_BASE,
  SEGMENT_SELECTOR,
  SS,
  TR,
} from './layout.js';
import { isProtected, loadDataSegment, loadLocalTable, Vector } from './segmentation.js';
import { dropStack, peekStack, pushFrame, stagePush } from './stack-frame.js';
import { readOperand16, requirePrivilege, setRegister, setRegister16, writeOperand16 } from './system-operand.js';
import { checkAvailableTss } from './tss.js';

/** What LAR keeps of a descriptor's second dword. Bits 19-16 are undefined by the SDM; processors show the limit's. */
const LAR_MASK = 0x00ff_ff00;

/** System descriptor types that LAR and LSL accept, one bit each. */
const LAR_TYPES =
  (1 << SystemType.Tss16) |
  (1 << SystemType.Ldt) |
  (1 << SystemType.BusyTss16) |
  (1 << SystemType.CallGate16) |
  (1 << SystemType.TaskGate) |
  (1 << SystemType.Tss32) |
  (1 << SystemType.BusyTss32) |
  (1 << SystemType.CallGate32);
const LSL_TYPES =
  (1 << SystemType.Tss16) |
  (1 << SystemType.Ldt) |
  (1 << SystemType.BusyTss16) |
  (1 << SystemType.Tss32) |
  (1 << SystemType.BusyTss32);

/** LGDT and LIDT: with 16-bit operand size the base has 24 bits. */
function loadTable(cpu: Cpu, instruction: Instruction, baseWord: number, limitWord: number): boolean {
  if (!requirePrivilege(cpu)) return false;
  if (!cpu.loadBytes(instruction.segment, effectiveOffset(cpu, instruction), 6)) return false;
  const base = cpu.view.getInt32(SCRATCH_OFFSET + 2, true);
  cpu.state[limitWord] = cpu.view.getUint16(SCRATCH_OFFSET, true);
  cpu.state[baseWord] = instruction.operandSize === 4 ? base : base & 0xff_ffff;
  cpu.attention = true;
  return true;
}

/** SGDT and SIDT: not privileged. */
function storeTable(cpu: Cpu, instruction: Instruction, baseWord: number, limitWord: number): boolean {
  const base = cpu.state[baseWord];
  cpu.view.setInt16(SCRATCH_OFFSET, cpu.state[limitWord], true);
  cpu.view.setInt32(SCRATCH_OFFSET + 2, instruction.operandSize === 4 ? base : base & 0xff_ffff, true);
  return cpu.storeBytes(instruction.segment, effectiveOffset(cpu, instruction), 6);
}

export function executeLgdt(cpu: Cpu, instruction: Instruction): boolean {
  return loadTable(cpu, instruction, GDTR_BASE, GDTR_LIMIT);
}

export function executeLidt(cpu: Cpu, instruction: Instruction): boolean {
  return loadTable(cpu, instruction, IDTR_BASE, IDTR_LIMIT);
}

export function executeSgdt(cpu: Cpu, instruction: Instruction): boolean {
  return storeTable(cpu, instruction, GDTR_BASE, GDTR_LIMIT);
}

export function executeSidt(cpu: Cpu, instruction: Instruction): boolean {
  return storeTable(cpu, instruction, IDTR_BASE, IDTR_LIMIT);
}

/** #UD outside protected mode. */
function requireProtected(cpu: Cpu): boolean {
  return isProtected(cpu) || cpu.raise(Vector.InvalidOpcode);
}

export function executeSldt(cpu: Cpu, instruction: Instruction): boolean {
  return requireProtected(cpu) && writeOperand16(cpu, instruction, cpu.state[SEGMENT_SELECTOR + LDTR]);
}

export function executeStr(cpu: Cpu, instruction: Instruction): boolean {
  return requireProtected(cpu) && writeOperand16(cpu, instruction, cpu.state[SEGMENT_SELECTOR + TR]);
}

/** LLDT: the null selector makes the LDT unusable. */
export function executeLldt(cpu: Cpu, instruction: Instruction): boolean {
  if (!requireProtected(cpu) || !requirePrivilege(cpu)) return false;
  const selector = readOperand16(cpu, instruction);
  return !cpu.faulted && loadLocalTable(cpu, selector, Vector.GeneralProtection, Vector.SegmentNotPresent);
}

/** LTR: marks the descriptor busy. */
export function executeLtr(cpu: Cpu, instruction: Instruction): boolean {
  if (!requireProtected(cpu) || !requirePrivilege(cpu)) return false;
  const selector = readOperand16(cpu, instruction);
  if (cpu.faulted || !checkAvailableTss(cpu, selector)) return false;
  const { address, low, high } = cpu.descriptor;
  if (!cpu.writeSystem32((address + 4) | 0, high | TSS_BUSY)) return false;
  const access = descriptorAccess(high | TSS_BUSY);
  cpu.setSegment(TR, selector, descriptorBase(low, high), descriptorLimit(low, high), access);
  return true;
}

/**
 * Second dword of the descriptor that LAR, LSL, VERR or VERW looks at, or 0 when the selector gives no access to it:
 * null, outside its table, or protected by privilege. cpu.faulted tells of a #PF.
 */
function visibleDescriptor(cpu: Cpu, selector: number): number {
  if (isNullSelector(selector)) return 0;
  const address = descriptorAddress(cpu, selector);
  if (address < 0) return 0;
  const high = cpu.readSystem32((address + 4) | 0);
  if (cpu.faulted) return 0;
  const access = descriptorAccess(high);
  const conformingCode = ACCESS_SEGMENT | ACCESS_CODE | ACCESS_CONFORMING;
  if ((access & conformingCode) === conformingCode) return high;
  return accessDpl(access) < Math.max(cpu.state[CPL], selector & SELECTOR_RPL) ? 0 : high;
}

/** True for code and data, and for the system types in the mask. */
function isAcceptedKind(high: number, systemTypes: number): boolean {
  const access = descriptorAccess(high);
  return (access & ACCESS_SEGMENT) !== 0 || (systemTypes & (1 << accessKind(access))) !== 0;
}

/** LAR: access rights and ZF = 1, or ZF = 0 and no change. */
export function executeLar(cpu: Cpu, instruction: Instruction): boolean {
  if (!requireProtected(cpu)) return false;
  const selector = readOperand16(cpu, instruction);
  if (cpu.faulted) return false;
  const high = visibleDescriptor(cpu, selector);
  if (cpu.faulted) return false;
  const accepted = high !== 0 && isAcceptedKind(high, LAR_TYPES);
  if (accepted) setRegister(cpu, instruction.reg, high & LAR_MASK, instruction.operandSize);
  setZero(cpu.state, accepted);
  return true;
}

/** LSL: limit in bytes and ZF = 1, or ZF = 0 and no change. */
export function executeLsl(cpu: Cpu, instruction: Instruction): boolean {
  if (!requireProtected(cpu)) return false;
  const selector = readOperand16(cpu, instruction);
  if (cpu.faulted) return false;
  const high = visibleDescriptor(cpu, selector);
  if (cpu.faulted) return false;
  const accepted = high !== 0 && isAcceptedKind(high, LSL_TYPES);
  if (accepted) {
    const low = cpu.readSystem32(descriptorAddress(cpu, selector));
    if (cpu.faulted) return false;
    setRegister(cpu, instruction.reg, descriptorLimit(low, high), instruction.operandSize);
  }
  setZero(cpu.state, accepted);
  return true;
}

export function executeVerr(cpu: Cpu, instruction: Instruction): boolean {
  return verify(cpu, instruction, false);
}

export function executeVerw(cpu: Cpu, instruction: Instruction): boolean {
  return verify(cpu, instruction, true);
}

function verify(cpu: Cpu, instruction: Instruction, write: boolean): boolean {
  if (!requireProtected(cpu)) return false;
  const selector = readOperand16(cpu, instruction);
  if (cpu.faulted) return false;
  const high = visibleDescriptor(cpu, selector);
  if (cpu.faulted) return false;
  const access = descriptorAccess(high);
  let allowed = (access & ACCESS_SEGMENT) !== 0;
  const code = (access & ACCESS_CODE) !== 0;
  if (write) allowed = allowed && !code && (access & ACCESS_WRITABLE) !== 0;
  else allowed = allowed && (!code || (access & ACCESS_READABLE) !== 0);
  setZero(cpu.state, allowed);
  return true;
}

/** ARPL: raises the destination's RPL to the source's. */
export function executeArpl(cpu: Cpu, instruction: Instruction): boolean {
  if (!requireProtected(cpu)) return false;
  const destination = readOperand16(cpu, instruction);
  if (cpu.faulted) return false;
  const rpl = cpu.state[instruction.reg] & SELECTOR_RPL;
  const adjust = (destination & SELECTOR_RPL) < rpl;
  if (adjust) {
    const value = (destination & ~SELECTOR_RPL) | rpl;
    if (!instruction.isMemory) setRegister16(cpu, instruction.rm, value);
    else if (!cpu.write16(instruction.segment, effectiveOffset(cpu, instruction), value)) return false;
  }
  setZero(cpu.state, adjust);
  return true;
}

/** INVLPG: never a fault but for privilege; the address need not be mapped. */
export function executeInvlpg(cpu: Cpu, instruction: Instruction): boolean {
  if (!requirePrivilege(cpu)) return false;
  cpu.invalidatePage((cpu.state[SEGMENT_BASE + instruction.segment] + effectiveOffset(cpu, instruction)) | 0);
  return true;
}

/** MOV r/m16, Sreg. */
export function executeMovFromSegment(cpu: Cpu, instruction: Instruction): boolean {
  if (instruction.reg > GS) return cpu.raise(Vector.InvalidOpcode);
  return writeOperand16(cpu, instruction, cpu.state[SEGMENT_SELECTOR + instruction.reg]);
}

/** MOV Sreg, r/m16: #UD for CS. */
export function executeMovToSegment(cpu: Cpu, instruction: Instruction): boolean {
  const segment = instruction.reg;
  if (segment === CS || segment > GS) return cpu.raise(Vector.InvalidOpcode);
  const selector = readOperand16(cpu, instruction);
  if (cpu.faulted || !loadDataSegment(cpu, segment, selector)) return false;
  if (segment === SS) inhibitAfterStackLoad(cpu);
  return true;
}

/** PUSH Sreg: a 32-bit push writes the selector zero-extended. */
export function pushSegment(cpu: Cpu, instruction: Instruction, segment: number): boolean {
  stagePush(cpu, 0, cpu.state[SEGMENT_SELECTOR + segment]);
  return pushFrame(cpu, 1, instruction.operandSize, cpu.state[CPL] !== 3);
}

/** POP Sreg. ESP moves by the stack that was popped, also when POP SS loads another. */
export function popSegment(cpu: Cpu, instruction: Instruction, segment: number): boolean {
  const selector = peekStack(cpu, 0, instruction.operandSize, 0);
  if (cpu.faulted) return false;
  const top = cpu.state[ESP];
  dropStack(cpu, instruction.operandSize);
  if (!loadDataSegment(cpu, segment, selector & 0xffff)) {
    cpu.state[ESP] = top;
    return false;
  }
  if (segment === SS) inhibitAfterStackLoad(cpu);
  return true;
}

/** LES, LDS, LSS, LFS, LGS: the segment register first, since only that can fail. */
function loadFarPointer(cpu: Cpu, instruction: Instruction, segment: number): boolean {
  const offset = readFarOffset(cpu, instruction);
  if (cpu.faulted) return false;
  const selector = readFarSelector(cpu, instruction);
  if (cpu.faulted || !loadDataSegment(cpu, segment, selector)) return false;
  setRegister(cpu, instruction.reg, offset, instruction.operandSize);
  return true;
}

export function executeLes(cpu: Cpu, instruction: Instruction): boolean {
  return loadFarPointer(cpu, instruction, ES);
}

export function executeLds(cpu: Cpu, instruction: Instruction): boolean {
  return loadFarPointer(cpu, instruction, DS);
}

export function executeLss(cpu: Cpu, instruction: Instruction): boolean {
  return loadFarPointer(cpu, instruction, SS);
}

export function executeLfs(cpu: Cpu, instruction: Instruction): boolean {
  return loadFarPointer(cpu, instruction, FS);
}

export function executeLgs(cpu: Cpu, instruction: Instruction): boolean {
  return loadFarPointer(cpu, instruction, GS);
}
