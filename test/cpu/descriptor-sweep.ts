/** A machine with code, data and stacks for all four rings, for sweeps over descriptors, and what an instruction came to. */
import type { Cpu } from '../../cpu/cpu.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import {
  CPL,
  CS,
  DS,
  EIP,
  ES,
  ESP,
  FS,
  GS,
  IDTR_LIMIT,
  SEGMENT_ACCESS,
  SEGMENT_SELECTOR,
  SS,
} from '../../cpu/layout.js';
import { bytes, CODE, GDT, protectedMachine, TSS, writeDescriptor } from './protected-machine.js';

export const RINGS = [0, 1, 2, 3] as const;
/** Selector, RPL apart, of the descriptor that a sweep varies, and of a gate that leads to it. */
export const SUBJECT = 0x80;
export const GATE = 0x88;
export const TARGET = 0x1_2340;
/** Selectors of the sound code and data segments of a ring. */
export const codeOf = (ring: number) => 0x100 + ring * 8 + ring;
export const dataOf = (ring: number) => 0x140 + ring * 8 + ring;
/** Top of the stack that the machine starts on, and of those in the TSS. */
export const START_STACK = 0x9_0000;
export const innerStack = (ring: number) => 0xa_0000 + ring * 0x1_0000;

/** The parts of an access byte. */
export interface Access {
  readonly byte: number;
  readonly type: number;
  readonly dpl: number;
  readonly isSegment: boolean;
  readonly present: boolean;
  readonly isCode: boolean;
  readonly conforming: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
}

/** Every access byte: all types of segments and system descriptors, DPLs, present and not. */
export const everyAccess: readonly Access[] = Array.from({ length: 256 }, (_, byte) => {
  const type = byte & 15;
  const isSegment = (byte & 0x10) !== 0;
  const isCode = isSegment && type >= 8;
  return {
    byte,
    type,
    dpl: (byte >> 5) & 3,
    isSegment,
    present: (byte & 0x80) !== 0,
    isCode,
    conforming: isCode && (type & 4) !== 0,
    readable: isSegment && (!isCode || (type & 2) !== 0),
    writable: isSegment && !isCode && (type & 2) !== 0,
  };
});

/** With an owner, exceptions leave run(); without, they go through the IDT. */
export function sweepMachine(owned: boolean): Cpu {
  const cpu = protectedMachine(0, owned ? { pageFault: () => false } : null);
  for (const ring of RINGS) {
    writeDescriptor(cpu, GDT + (codeOf(ring) & ~7), { access: 0xc09b | (ring << 5) });
    writeDescriptor(cpu, GDT + (dataOf(ring) & ~7), { access: 0xc093 | (ring << 5) });
    if (ring === 3) continue;
    cpu.memory.write32(TSS + 4 + ring * 8, innerStack(ring));
    cpu.memory.write32(TSS + 8 + ring * 8, dataOf(ring));
  }
  cpu.state[IDTR_LIMIT] = 0x7ff;
  return cpu;
}

/** The machine as it starts each case: in this ring at CODE, with sound segments. */
export function restart(cpu: Cpu, ring: number): void {
  const { state } = cpu;
  state[CPL] = ring;
  cpu.setSegment(CS, codeOf(ring), 0, -1, 0xc09b | (ring << 5));
  for (const segment of [SS, DS, ES, FS, GS]) cpu.setSegment(segment, dataOf(ring), 0, -1, 0xc093 | (ring << 5));
  state[ESP] = START_STACK;
  state[EIP] = CODE;
  cpu.setEflags(2);
}

/** Puts code at CODE, where restart() starts. */
export function load(cpu: Cpu, code: string): void {
  for (const [index, byte] of bytes(code).entries()) cpu.memory.write8(CODE + index, byte);
  cpu.codeWritten(cpu.memory.hostPage(CODE >>> 12), 0x1000);
}

export const refusal = (vector: number, errorCode: number) => `${vector}(${errorCode.toString(16)})`;

/** Runs one instruction of an owned machine: 'done', or vector(error code) of an exception that changed nothing. */
export function outcome(cpu: Cpu): string {
  const { state } = cpu;
  const before = [CS, SS, DS].map(
    (segment) => state[SEGMENT_SELECTOR + segment] | (state[SEGMENT_ACCESS + segment] << 16),
  );
  const esp = state[ESP];
  if (cpu.run(1) !== ExitReason.Exception) return 'done';
  const after = [CS, SS, DS].map(
    (segment) => state[SEGMENT_SELECTOR + segment] | (state[SEGMENT_ACCESS + segment] << 16),
  );
  if (state[EIP] !== CODE || state[ESP] !== esp || before.some((value, index) => value !== after[index]))
    return 'changed';
  return refusal(cpu.exceptionVector, cpu.exceptionErrorCode);
}

/** A far pointer as bytes of an immediate. */
export function farPointer(selector: number, offset: number): string {
  const view = new DataView(new ArrayBuffer(6));
  view.setInt32(0, offset, true);
  view.setInt16(4, selector, true);
  return Array.from(new Uint8Array(view.buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
