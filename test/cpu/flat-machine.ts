import { Cpu, type CpuOptions, type ExceptionOwner } from '../../cpu/cpu.js';
import { CPL, CS, DS, EIP, ES, ESP, FS, GS, SS } from '../../cpu/layout.js';
import { CR0_NE, CR0_PE, CR0_PG, CR0_WP } from '../../cpu/paging.js';
import { PhysicalMemory } from '../../cpu/physical-memory.js';
import { cpuOptions } from './cpu-options.js';

/** Where tests put code, data and stack. */
export const CODE = 0x10000;
export const DATA = 0x20000;
export const STACK = 0x30000;
/** Physical address of the page directory of pagedMachine(); its page tables follow. */
export const PAGE_DIRECTORY = 0x100000;

const RAM = 8 << 20;
const NO_OWNER: ExceptionOwner = { pageFault: () => false };

/** Bytes from text like '8b 45 08' or '8b4508'. */
export function bytes(text: string): number[] {
  return Array.from(text.matchAll(/\S\S?/g), ([pair]) => Number.parseInt(pair, 16));
}

/** A processor at CPL 3 with flat 32-bit segments, without paging. Exceptions leave run(). */
export function flatMachine(owner: ExceptionOwner = NO_OWNER, options: CpuOptions = cpuOptions): Cpu {
  const cpu = new Cpu(new PhysicalMemory(RAM), owner, options);
  for (const segment of [ES, SS, DS, FS, GS]) cpu.setSegment(segment, 0x23, 0, -1, 0xc0f3);
  cpu.setSegment(CS, 0x1b, 0, -1, 0xc0fb);
  cpu.state[CPL] = 3;
  cpu.setCr0(CR0_PE | CR0_NE);
  cpu.state[EIP] = CODE;
  cpu.state[ESP] = STACK;
  return cpu;
}

/** The same with two-level paging: 4 MB mapped to itself, writable, for user mode. */
export function pagedMachine(owner: ExceptionOwner = NO_OWNER, options: CpuOptions = cpuOptions): Cpu {
  const cpu = flatMachine(owner, options);
  for (let page = 0; page < 1024; page++) setPage(cpu, page << 12, (page << 12) | 7);
  cpu.memory.write32(PAGE_DIRECTORY, (PAGE_DIRECTORY + 0x1000) | 7);
  cpu.setCr3(PAGE_DIRECTORY);
  cpu.setCr0(CR0_PE | CR0_NE | CR0_WP | CR0_PG);
  return cpu;
}

/** Writes the page-table entry of a linear address below 4 MB and drops its TLB entry. */
export function setPage(cpu: Cpu, linear: number, entry: number): void {
  cpu.memory.write32(PAGE_DIRECTORY + 0x1000 + (linear >>> 12) * 4, entry);
  cpu.invalidatePage(linear);
}

/** Puts code (or data) at a physical address. */
export function place(cpu: Cpu, address: number, code: string): void {
  const list = bytes(code);
  for (let at = 0; at < list.length; at++) cpu.memory.write8(address + at, list[at]);
  const host = cpu.memory.hostPage(address >>> 12) + (address & 0xfff);
  cpu.codeWritten(host, list.length);
}
