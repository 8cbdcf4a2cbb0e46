/**
 * Control, debug and model-specific registers: what may be loaded and what a load does to the caches of translation
 * (SDM vol 3A sections 2.5, 4.10.4, 9.1; vol 3B chapter 17; vol 4).
 */
import type { Cpu } from './cpu.js';
import { DR6_ACCESS_DETECTED, DR7_GENERAL_DETECT } from './debug-registers.js';
import { PROCESSOR_SIGNATURE } from './identification.js';
import type { Instruction } from './instruction.js';
import {
  APIC_BASE,
  CPL,
  CR0,
  CR2,
  CR3,
  CR4,
  CS,
  DR0,
  DR7,
  EAX,
  ECX,
  EDX,
  EFER,
  FPU_CONTROL,
  FPU_TAG,
  GDTR_LIMIT,
  IDTR_LIMIT,
  LDTR,
  MXCSR,
  PAT,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
  TR,
} from './layout.js';
import {
  CR0_AM,
  CR0_CD,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_DE,
  CR4_MCE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  CR4_PCE,
  CR4_PGE,
  CR4_PSE,
  CR4_TSD,
  EFER_NXE,
  loadPdptes,
} from './paging.js';
import { Vector } from './segmentation.js';
import { readOperand16, requirePrivilege, writeOperand16 } from './system-operand.js';

const CR0_DEFINED = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
const CR4_DEFINED = CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
/** Bits of CR4 that change how page tables are read: a change of one drops all translations. */
const CR4_PAGING = CR4_PSE | CR4_PAE | CR4_PGE;

const ModelSpecific = {
  TimeStampCounter: 0x10,
  ApicBase: 0x1b,
  SysenterCs: 0x174,
  SysenterEsp: 0x175,
  SysenterEip: 0x176,
  PageAttributeTable: 0x277,
  ExtendedFeatures: 0xc000_0080 | 0,
} as const;

const TWO_32 = 0x1_0000_0000;

/** Registers after power-up, EIP, EFLAGS and general registers apart but for the signature in EDX. */
export function resetSystemRegisters(cpu: Cpu): void {
  const state = cpu.state;
  state[CR0] = CR0_CD | CR0_NW | CR0_ET;
  cpu.debug.reset();
  state[EDX] = PROCESSOR_SIGNATURE;
  state[GDTR_LIMIT] = 0xffff;
  state[IDTR_LIMIT] = 0xffff;
  state[PAT] = 0x0007_0406;
  state[PAT + 1] = 0x0007_0406;
  state[APIC_BASE] = 0xfee0_0100 | 0;
  state[FPU_CONTROL] = 0x0040;
  state[FPU_TAG] = 0xff;
  state[MXCSR] = 0x1f80;
  for (let segment = 0; segment <= 5; segment++) cpu.setSegment(segment, 0, 0, 0xffff, 0x93);
  cpu.setSegment(CS, 0xf000, 0xffff_0000 | 0, 0xffff, 0x93);
  cpu.setSegment(LDTR, 0, 0, 0xffff, 0x82);
  cpu.setSegment(TR, 0, 0, 0xffff, 0x8b);
}

/**
 * MOV to CR0. Raises #GP(0) and returns false, with nothing changed, for PG without PE, NW without CD, and PAE paging with a
 * reserved bit in a page-directory-pointer entry. Undefined bits are ignored; ET is always set.
 */
export function loadCr0(cpu: Cpu, value: number): boolean {
  const state = cpu.state;
  const wanted = (value & CR0_DEFINED) | CR0_ET;
  if ((wanted & CR0_PG) !== 0 && (wanted & CR0_PE) === 0) return cpu.raise(Vector.GeneralProtection, 0);
  if ((wanted & CR0_NW) !== 0 && (wanted & CR0_CD) === 0) return cpu.raise(Vector.GeneralProtection, 0);
  const changed = state[CR0] ^ wanted;
  const paePaging = (wanted & CR0_PG) !== 0 && (state[CR4] & CR4_PAE) !== 0;
  if (paePaging && (changed & (CR0_PG | CR0_CD | CR0_NW)) !== 0 && !loadPdptes(cpu, state[CR3])) {
    return cpu.raise(Vector.GeneralProtection, 0);
  }
  state[CR0] = wanted;
  if ((changed & CR0_PE) !== 0 && (wanted & CR0_PE) === 0) state[CPL] = 0;
  // The write entries of the TLB tables have WP worked in.
  if ((changed & (CR0_PG | CR0_PE | CR0_WP)) !== 0) cpu.flushTlb(true);
  return true;
}

/** MOV to CR3: drops all translations but the global ones. #GP(0) for bad page-directory-pointer entries under PAE. */
export function loadCr3(cpu: Cpu, value: number): boolean {
  const state = cpu.state;
  const paePaging = (state[CR0] & CR0_PG) !== 0 && (state[CR4] & CR4_PAE) !== 0;
  if (paePaging && !loadPdptes(cpu, value)) return cpu.raise(Vector.GeneralProtection, 0);
  state[CR3] = value;
  cpu.flushTlb(false);
  return true;
}

/** MOV to CR4. #GP(0) for reserved bits (VME and PVI among them: not provided) and for bad PAE pointer entries. */
export function loadCr4(cpu: Cpu, value: number): boolean {
  const state = cpu.state;
  if ((value & ~CR4_DEFINED) !== 0) return cpu.raise(Vector.GeneralProtection, 0);
  const changed = state[CR4] ^ value;
  const paePaging = (state[CR0] & CR0_PG) !== 0 && (value & CR4_PAE) !== 0;
  if (paePaging && (changed & CR4_PAGING) !== 0 && !loadPdptes(cpu, state[CR3])) {
    return cpu.raise(Vector.GeneralProtection, 0);
  }
  state[CR4] = value;
  if ((changed & CR4_DE) !== 0) cpu.debug.update();
  if ((changed & CR4_PAGING) !== 0) cpu.flushTlb(true);
  return true;
}

/** WRMSR to IA32_EFER. #GP(0) for any bit but NXE. */
export function loadEfer(cpu: Cpu, value: number): boolean {
  if ((value & ~EFER_NXE) !== 0) return cpu.raise(Vector.GeneralProtection, 0);
  const changed = cpu.state[EFER] ^ value;
  cpu.state[EFER] = value;
  if (changed !== 0) cpu.flushTlb(true);
  return true;
}

/** MOV r32, CRn. */
export function executeMovFromControl(cpu: Cpu, instruction: Instruction): boolean {
  const number = instruction.reg;
  if (number === 1 || number > 4) return cpu.raise(Vector.InvalidOpcode);
  if (!requirePrivilege(cpu)) return false;
  cpu.state[instruction.rm] = cpu.state[CR0 + number];
  return true;
}

/** MOV CRn, r32. */
export function executeMovToControl(cpu: Cpu, instruction: Instruction): boolean {
  const number = instruction.reg;
  if (number === 1 || number > 4) return cpu.raise(Vector.InvalidOpcode);
  if (!requirePrivilege(cpu)) return false;
  const value = cpu.state[instruction.rm];
  cpu.attention = true;
  if (number === 0) return loadCr0(cpu, value);
  if (number === 3) return loadCr3(cpu, value);
  if (number === 4) return loadCr4(cpu, value);
  cpu.state[CR2] = value;
  return true;
}

/** Number of a debug register, DR4 and DR5 meaning DR6 and DR7; -1 with #UD, #GP or #DB raised. */
function debugRegister(cpu: Cpu, number: number): number {
  const state = cpu.state;
  const alias = number === 4 || number === 5;
  if (alias && (state[CR4] & CR4_DE) !== 0) {
    cpu.raise(Vector.InvalidOpcode);
    return -1;
  }
  if (!requirePrivilege(cpu)) return -1;
  if ((state[DR7] & DR7_GENERAL_DETECT) !== 0) {
    cpu.debug.raise(DR6_ACCESS_DETECTED, false);
    return -1;
  }
  return alias ? number + 2 : number;
}

/** MOV r32, DRn. */
export function executeMovFromDebug(cpu: Cpu, instruction: Instruction): boolean {
  const number = debugRegister(cpu, instruction.reg);
  if (number < 0) return false;
  cpu.state[instruction.rm] = cpu.state[DR0 + number];
  return true;
}

/** MOV DRn, r32. */
export function executeMovToDebug(cpu: Cpu, instruction: Instruction): boolean {
  const number = debugRegister(cpu, instruction.reg);
  if (number < 0) return false;
  cpu.debug.load(number, cpu.state[instruction.rm]);
  return true;
}

/** SMSW: a word in memory, CR0 in a register. Not privileged. */
export function executeSmsw(cpu: Cpu, instruction: Instruction): boolean {
  return writeOperand16(cpu, instruction, cpu.state[CR0]);
}

/** LMSW: PE, MP, EM, TS; PE can be set but not cleared. */
export function executeLmsw(cpu: Cpu, instruction: Instruction): boolean {
  if (!requirePrivilege(cpu)) return false;
  const value = readOperand16(cpu, instruction);
  if (cpu.faulted) return false;
  const old = cpu.state[CR0];
  cpu.attention = true;
  return loadCr0(cpu, (old & ~0xe) | (value & 0xf) | (old & CR0_PE));
}

export function executeClts(cpu: Cpu): boolean {
  if (!requirePrivilege(cpu)) return false;
  cpu.state[CR0] &= ~CR0_TS;
  cpu.attention = true;
  return true;
}

/** WBINVD and INVD: there are no caches to write back. */
export function executeInvalidateCaches(cpu: Cpu): boolean {
  return requirePrivilege(cpu);
}

/** EDX:EAX = a counter kept as a double. */
export function loadCounter(cpu: Cpu, value: number): void {
  cpu.state[EAX] = value % TWO_32;
  cpu.state[EDX] = Math.floor(value / TWO_32);
}

/** RDTSC. With CR4.TSD only at privilege level 0. */
export function executeRdtsc(cpu: Cpu): boolean {
  if ((cpu.state[CR4] & CR4_TSD) !== 0 && !requirePrivilege(cpu)) return false;
  loadCounter(cpu, cpu.instructionCount + cpu.timestampOffset);
  return true;
}

/** RDPMC: there are no counters, so every number of one is wrong. */
export function executeRdpmc(cpu: Cpu): boolean {
  return cpu.raise(Vector.GeneralProtection, 0);
}

/** RDMSR: #GP(0) for a register that does not exist. */
export function executeRdmsr(cpu: Cpu): boolean {
  if (!requirePrivilege(cpu)) return false;
  const state = cpu.state;
  switch (state[ECX]) {
    case ModelSpecific.TimeStampCounter:
      loadCounter(cpu, cpu.instructionCount + cpu.timestampOffset);
      return true;
    case ModelSpecific.ApicBase:
      return readPair(cpu, APIC_BASE);
    case ModelSpecific.PageAttributeTable:
      return readPair(cpu, PAT);
    case ModelSpecific.SysenterCs:
      return readSingle(cpu, SYSENTER_CS);
    case ModelSpecific.SysenterEsp:
      return readSingle(cpu, SYSENTER_ESP);
    case ModelSpecific.SysenterEip:
      return readSingle(cpu, SYSENTER_EIP);
    case ModelSpecific.ExtendedFeatures:
      return readSingle(cpu, EFER);
    default:
      return cpu.raise(Vector.GeneralProtection, 0);
  }
}

function readSingle(cpu: Cpu, word: number): true {
  cpu.state[EAX] = cpu.state[word];
  cpu.state[EDX] = 0;
  return true;
}

function readPair(cpu: Cpu, word: number): true {
  cpu.state[EAX] = cpu.state[word];
  cpu.state[EDX] = cpu.state[word + 1];
  return true;
}

/** WRMSR: #GP(0) for a register that does not exist and for reserved bits. */
export function executeWrmsr(cpu: Cpu): boolean {
  if (!requirePrivilege(cpu)) return false;
  const state = cpu.state;
  const low = state[EAX];
  const high = state[EDX];
  cpu.attention = true;
  switch (state[ECX]) {
    case ModelSpecific.TimeStampCounter:
      cpu.timestampOffset = (high >>> 0) * TWO_32 + (low >>> 0) - cpu.instructionCount;
      return true;
    case ModelSpecific.ApicBase:
      // Bits 7-0, 9 and 63-36 are reserved.
      if ((low & 0x2ff) !== 0 || (high & ~0xf) !== 0) return cpu.raise(Vector.GeneralProtection, 0);
      state[APIC_BASE] = low;
      state[APIC_BASE + 1] = high;
      return true;
    case ModelSpecific.PageAttributeTable:
      if (!isMemoryTypes(low) || !isMemoryTypes(high)) return cpu.raise(Vector.GeneralProtection, 0);
      state[PAT] = low;
      state[PAT + 1] = high;
      return true;
    case ModelSpecific.SysenterCs:
      state[SYSENTER_CS] = low;
      return true;
    case ModelSpecific.SysenterEsp:
      state[SYSENTER_ESP] = low;
      return true;
    case ModelSpecific.SysenterEip:
      state[SYSENTER_EIP] = low;
      return true;
    case ModelSpecific.ExtendedFeatures:
      if (high !== 0) return cpu.raise(Vector.GeneralProtection, 0);
      return loadEfer(cpu, low);
    default:
      return cpu.raise(Vector.GeneralProtection, 0);
  }
}

/** True when each of the four bytes is a memory type: 0, 1, 4, 5, 6 or 7. */
function isMemoryTypes(value: number): boolean {
  for (let shift = 0; shift < 32; shift += 8) {
    const type = (value >>> shift) & 0xff;
    if (type > 7 || type === 2 || type === 3) return false;
  }
  return true;
}
