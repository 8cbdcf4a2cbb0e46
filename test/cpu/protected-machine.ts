/** A small machine in flat protected mode without owner, for tests of segments, gates and interrupts. */

import { Cpu, type ExceptionOwner } from '../../cpu/cpu.js';
import {
  CPL,
  CS,
  DS,
  EAX,
  EIP,
  ES,
  ESP,
  FS,
  GDTR_BASE,
  GDTR_LIMIT,
  GS,
  IDTR_BASE,
  IDTR_LIMIT,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SS,
  TR,
} from '../../cpu/layout.js';
import { CR0_PE } from '../../cpu/paging.js';
import { PhysicalMemory } from '../../cpu/physical-memory.js';
import { cpuOptions } from './cpu-options.js';
import { bytes } from './flat-machine.js';

export { bytes };

export const GDT = 0x1000;
export const IDT = 0x2000;
export const TSS = 0x3000;
export const LDT = 0x4000;
export const CODE = 0x1_0000;
export const HANDLERS = 0x2_0000;
export const STACK3 = 0x4_0000;
export const STACK0 = 0x5_0000;
export const DATA = 0x6_0000;

/** Selectors of the GDT that protectedMachine() builds. */
export const CODE0 = 0x08;
export const DATA0 = 0x10;
export const CODE3 = 0x1b;
export const DATA3 = 0x23;
export const TSS_SELECTOR = 0x28;
export const LDT_SELECTOR = 0x30;
/** First selector that tests may fill. */
export const FREE = 0x40;

export interface DescriptorParts {
  base?: number;
  limit?: number;
  /** Low byte: type, S, DPL, P. Bits 12-15: AVL, -, D/B, G. */
  access: number;
}

/** Writes a descriptor at a physical address. */
export function writeDescriptor(cpu: Cpu, address: number, parts: DescriptorParts): void {
  const base = parts.base ?? 0;
  const limit = parts.limit ?? 0xfffff;
  cpu.memory.write32(address, (limit & 0xffff) | (base << 16));
  cpu.memory.write32(
    address + 4,
    ((base >>> 16) & 0xff) | ((parts.access & 0xf0ff) << 8) | (limit & 0xf_0000) | (base & 0xff00_0000),
  );
}

/** Writes a call, interrupt or trap gate. `access` = type, DPL, P. */
export function writeGate(
  cpu: Cpu,
  address: number,
  selector: number,
  offset: number,
  access: number,
  parameters = 0,
): void {
  cpu.memory.write32(address, (offset & 0xffff) | (selector << 16));
  cpu.memory.write32(address + 4, (offset & 0xffff_0000) | (access << 8) | parameters);
}

/** Access word of a descriptor in memory. */
export function accessInMemory(cpu: Cpu, address: number): number {
  return (cpu.memory.read32(address + 4) >>> 8) & 0xf0ff;
}

/**
 * Flat segments in rings 0 and 3, a 32-bit TSS with SS0:ESP0 = DATA0:STACK0, an IDT whose 32-bit interrupt gates lead to
 * HANDLERS + 16 * vector, DPL 3 for the vectors 3, 4 and 80h and up. Starts in the given ring at CODE.
 */
export function protectedMachine(ring: 0 | 3, owner: ExceptionOwner | null = null): Cpu {
  const cpu = new Cpu(new PhysicalMemory(16 << 20), owner, cpuOptions);
  const state = cpu.state;
  writeDescriptor(cpu, GDT + CODE0, { access: 0xc09b });
  writeDescriptor(cpu, GDT + DATA0, { access: 0xc093 });
  writeDescriptor(cpu, GDT + (CODE3 & ~7), { access: 0xc0fb });
  writeDescriptor(cpu, GDT + (DATA3 & ~7), { access: 0xc0f3 });
  writeDescriptor(cpu, GDT + TSS_SELECTOR, { base: TSS, limit: 0x67, access: 0x8b });
  writeDescriptor(cpu, GDT + LDT_SELECTOR, { base: LDT, limit: 0x3f, access: 0x82 });
  for (let vector = 0; vector < 256; vector++) {
    const open = vector === 3 || vector === 4 || vector >= 0x80;
    writeGate(cpu, IDT + vector * 8, CODE0, HANDLERS + vector * 16, open ? 0xee : 0x8e);
    // Each handler is a jump to itself, since a delivery is no instruction and leaves its budget to the handler.
    cpu.memory.write16(HANDLERS + vector * 16, 0xfeeb);
  }
  cpu.memory.write32(TSS + 4, STACK0);
  cpu.memory.write32(TSS + 8, DATA0);
  cpu.memory.write32(TSS + 100, 0x68 << 16);
  state[GDTR_BASE] = GDT;
  state[GDTR_LIMIT] = 0xfff;
  state[IDTR_BASE] = IDT;
  state[IDTR_LIMIT] = 0x7ff;
  cpu.setCr0(CR0_PE);
  const data = ring === 0 ? DATA0 : DATA3;
  state[CPL] = ring;
  cpu.setSegment(CS, ring === 0 ? CODE0 : CODE3, 0, -1, ring === 0 ? 0xc09b : 0xc0fb);
  for (const segment of [SS, DS, ES, FS, GS]) cpu.setSegment(segment, data, 0, -1, ring === 0 ? 0xc093 : 0xc0f3);
  cpu.setSegment(TR, TSS_SELECTOR, TSS, 0x67, 0x8b);
  cpu.setEflags(2);
  state[EAX] = 0;
  state[ESP] = ring === 0 ? STACK0 : STACK3;
  state[EIP] = CODE;
  return cpu;
}

/** Puts code at CS:EIP and executes so many instructions of it; returns why run() stopped. */
export function execute(cpu: Cpu, code: string, instructions = 1): number {
  const start = (cpu.state[SEGMENT_BASE + CS] + cpu.state[EIP]) >>> 0;
  bytes(code).forEach((byte, index) => {
    cpu.memory.write8(start + index, byte);
  });
  cpu.codeWritten(cpu.memory.hostPage(start >>> 12), 0x1000);
  return cpu.run(instructions);
}

/** One dword of the stack, counted up from ESP, by the base of SS. */
export function stack(cpu: Cpu, index: number): number {
  return cpu.memory.read32((cpu.state[SEGMENT_BASE + SS] + cpu.state[ESP] + index * 4) >>> 0);
}

/** The vector whose handler of protectedMachine() EIP is at, or -1. */
export function handledVector(cpu: Cpu): number {
  const offset = cpu.state[EIP] - HANDLERS;
  return offset >= 0 && offset < 0x1000 && offset % 16 === 0 ? offset / 16 : -1;
}

export interface SegmentCache {
  selector: number;
  base: number;
  limit: number;
  access: number;
}

export function segmentCache(cpu: Cpu, segment: number): SegmentCache {
  const state = cpu.state;
  return {
    selector: state[SEGMENT_SELECTOR + segment],
    base: state[SEGMENT_BASE + segment] >>> 0,
    limit: state[SEGMENT_LIMIT + segment] >>> 0,
    access: state[SEGMENT_ACCESS + segment],
  };
}
