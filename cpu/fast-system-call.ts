/** SYSENTER and SYSEXIT (SDM vol 3A section 5.8.7). */
import type { Cpu } from './cpu.js';
import {
  ACCESS_ACCESSED,
  ACCESS_BIG,
  ACCESS_CODE,
  ACCESS_GRANULAR,
  ACCESS_PRESENT,
  ACCESS_SEGMENT,
  ACCESS_WRITABLE,
} from './descriptor.js';
import { ExitReason } from './exit-reason.js';
import { CPL, CR0, CS, ECX, EDX, ESP, SS, SYSENTER_CS, SYSENTER_EIP, SYSENTER_ESP } from './layout.js';
import { CR0_PE } from './paging.js';
import { EFLAGS_IF, EFLAGS_RF, EFLAGS_VM, isProtected, Vector } from './segmentation.js';

/** Flat 4 GB code and data as SYSENTER and SYSEXIT load them, DPL apart. */
const ACCESS_FLAT = ACCESS_GRANULAR | ACCESS_BIG | ACCESS_PRESENT | ACCESS_SEGMENT | ACCESS_ACCESSED;
const ACCESS_FLAT_CODE = ACCESS_FLAT | ACCESS_CODE | ACCESS_WRITABLE;
const ACCESS_FLAT_DATA = ACCESS_FLAT | ACCESS_WRITABLE;

/** SYSENTER. With an owner nothing changes but EIP, and run() returns SystemEnter. */
export function executeSysenter(cpu: Cpu): boolean {
  const state = cpu.state;
  if (cpu.owner !== null) {
    cpu.pendingExit = ExitReason.SystemEnter;
    cpu.attention = true;
    return true;
  }
  const selector = state[SYSENTER_CS] & 0xfffc;
  if ((state[CR0] & CR0_PE) === 0 || selector === 0) return cpu.raise(Vector.GeneralProtection, 0);
  cpu.setEflags(cpu.getEflags() & ~(EFLAGS_VM | EFLAGS_IF | EFLAGS_RF));
  state[CPL] = 0;
  cpu.setSegment(CS, selector, 0, -1, ACCESS_FLAT_CODE);
  cpu.setSegment(SS, (selector + 8) & 0xffff, 0, -1, ACCESS_FLAT_DATA);
  state[ESP] = state[SYSENTER_ESP];
  cpu.jump(state[SYSENTER_EIP]);
  return true;
}

export function executeSysexit(cpu: Cpu): boolean {
  const state = cpu.state;
  const selector = state[SYSENTER_CS] & 0xfffc;
  if (!isProtected(cpu) || state[CPL] !== 0 || selector === 0) return cpu.raise(Vector.GeneralProtection, 0);
  state[CPL] = 3;
  cpu.setSegment(CS, ((selector + 16) & 0xffff) | 3, 0, -1, ACCESS_FLAT_CODE | (3 << 5));
  cpu.setSegment(SS, ((selector + 24) & 0xffff) | 3, 0, -1, ACCESS_FLAT_DATA | (3 << 5));
  state[ESP] = state[ECX];
  cpu.jump(state[EDX]);
  return true;
}
