/** What call gates copy from stack to stack, and what far returns make of the stack pointer, for all mixtures of 16 and 32 bits. */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { CPL, CS, EIP, ESP, SEGMENT_SELECTOR, SS, TR } from '../../cpu/layout.js';
import { codeOf, dataOf, farPointer, GATE, load, restart, sweepMachine, TARGET } from './descriptor-sweep.js';
import { CODE, execute, GDT, TSS, TSS_SELECTOR, writeDescriptor, writeGate } from './protected-machine.js';

const BIG = 0x4000;
const OUTER_BASE = 0x9_0000;
const INNER_BASE = 0xa_0000;
const OUTER_OFFSET = 0x8000;
const INNER_OFFSET = 0x4000;
/** In ESP above a 16-bit stack pointer. */
const NOISE = 0x7531_0000;
const PARAMETERS = [0, 1, 4, 31];
const WIDTHS = [2, 4] as const;

const read = (cpu: Cpu, address: number, size: 2 | 4) =>
  size === 4 ? cpu.memory.read32(address) | 0 : cpu.memory.read16(address);

/** Stacks of 64 KB in rings 3 and 0, each 16 or 32 bits wide. */
function machine(outerBig: boolean, innerBig: boolean): Cpu {
  const cpu = sweepMachine(true);
  const outer = { base: OUTER_BASE, limit: 0xffff, access: 0xf3 | (outerBig ? BIG : 0) };
  writeDescriptor(cpu, GDT + (dataOf(3) & ~7), outer);
  writeDescriptor(cpu, GDT + (dataOf(0) & ~7), {
    base: INNER_BASE,
    limit: 0xffff,
    access: 0x93 | (innerBig ? BIG : 0),
  });
  cpu.memory.write32(TSS + 4, INNER_OFFSET | (innerBig ? 0 : NOISE));
  restart(cpu, 3);
  cpu.setSegment(SS, dataOf(3), outer.base, outer.limit, outer.access);
  cpu.state[ESP] = OUTER_OFFSET | (outerBig ? 0 : NOISE);
  return cpu;
}

describe('CALL through a gate to ring 0, and RETF back', () => {
  for (const size of WIDTHS) {
    for (const outerBig of [false, true]) {
      for (const innerBig of [false, true]) {
        const widths = `a gate of ${size * 8} bits, from a stack of ${outerBig ? 32 : 16} to one of ${innerBig ? 32 : 16}`;
        it.each(PARAMETERS)(`${widths}: %i parameters`, (parameters) => {
          const cpu = machine(outerBig, innerBig);
          const target = size === 4 ? TARGET : TARGET & 0xffff;
          writeGate(cpu, GDT + GATE, codeOf(0), target, size === 4 ? 0xec : 0xe4, parameters);
          const values = Array.from({ length: parameters }, (_, index) =>
            size === 4 ? Math.imul(index + 1, 0x0101_0101) : (index + 1) * 0x101,
          );
          values.forEach((value, index) => {
            cpu.memory.write32(OUTER_BASE + OUTER_OFFSET + index * size, value);
          });
          const startEsp = cpu.state[ESP];
          load(cpu, `9a${farPointer(GATE | 3, 0)}`);
          cpu.run(1);

          const frame = [CODE + 7, codeOf(3), ...values, startEsp, dataOf(3)];
          const bottom = INNER_OFFSET - frame.length * size;
          expect([cpu.state[EIP], cpu.state[CPL], cpu.state[SEGMENT_SELECTOR + SS]]).toEqual([target, 0, dataOf(0)]);
          expect(cpu.state[ESP]).toBe(bottom | (innerBig ? 0 : NOISE));
          const pushed = frame.map((_, index) => read(cpu, INNER_BASE + bottom + index * size, size));
          expect(pushed).toEqual(frame.map((value) => (size === 4 ? value : value & 0xffff)));

          // CODE lies beyond 16 bits of EIP: what a 16-bit gate pushed leads to its lower half.
          const release = (parameters * size).toString(16).padStart(2, '0');
          const innerEsp = cpu.state[ESP];
          execute(cpu, `${size === 2 ? '66' : ''}ca${release}00`);
          const back = size === 4 ? CODE + 7 : (CODE + 7) & 0xffff;
          expect([cpu.state[EIP], cpu.state[CPL]]).toEqual([back, 3]);
          expect([cpu.state[SEGMENT_SELECTOR + CS], cpu.state[SEGMENT_SELECTOR + SS]]).toEqual([codeOf(3), dataOf(3)]);
          const upper = outerBig ? 0 : innerEsp & 0xffff_0000;
          expect(cpu.state[ESP]).toBe((OUTER_OFFSET + parameters * size) | upper);
        });
      }
    }
  }

  it('only the low five bits of the count count', () => {
    const cpu = machine(true, true);
    writeGate(cpu, GDT + GATE, codeOf(0), TARGET, 0xec, 0xe1);
    load(cpu, `9a${farPointer(GATE | 3, 0)}`);
    cpu.run(1);
    expect(cpu.state[ESP]).toBe(INNER_OFFSET - 5 * 4);
  });

  it('parameters wrap around the end of a 16-bit stack', () => {
    const cpu = machine(false, true);
    cpu.state[ESP] = NOISE | 0xfffc;
    cpu.memory.write32(OUTER_BASE + 0xfffc, 0x1111);
    cpu.memory.write32(OUTER_BASE, 0x2222);
    writeGate(cpu, GDT + GATE, codeOf(0), TARGET, 0xec, 2);
    load(cpu, `9a${farPointer(GATE | 3, 0)}`);
    cpu.run(1);
    const at = INNER_BASE + INNER_OFFSET - 4 * 4;
    expect([cpu.memory.read32(at), cpu.memory.read32(at + 4)]).toEqual([0x1111, 0x2222]);
  });

  it.each(WIDTHS)('a TSS of 16 bits gives SS:SP, whatever the gate (%i bytes)', (size) => {
    const cpu = machine(true, true);
    cpu.setSegment(TR, TSS_SELECTOR, TSS, 0x2b, 0x83);
    cpu.memory.write16(TSS + 2, INNER_OFFSET);
    cpu.memory.write16(TSS + 4, dataOf(0));
    writeGate(cpu, GDT + GATE, codeOf(0), TARGET & 0xffff, size === 4 ? 0xec : 0xe4);
    load(cpu, `9a${farPointer(GATE | 3, 0)}`);
    cpu.run(1);
    expect([cpu.state[EIP], cpu.state[ESP], cpu.state[CPL]]).toEqual([TARGET & 0xffff, INNER_OFFSET - 4 * size, 0]);
  });
});

describe('IRETD to an outer stack', () => {
  it.each([
    ['of 16 bits loads SP alone: the upper half stays that of the inner stack', 0, 0x000a_5678],
    ['of 32 bits loads ESP', BIG, 0x1234_5678],
  ])('%s', (_name, big, esp) => {
    const cpu = sweepMachine(true);
    writeDescriptor(cpu, GDT + (dataOf(3) & ~7), { access: 0xf3 | big });
    restart(cpu, 0);
    cpu.state[ESP] = 0x000a_0000;
    [TARGET, codeOf(3), 2, 0x1234_5678, dataOf(3)].forEach((value, index) => {
      cpu.memory.write32(0x000a_0000 + index * 4, value);
    });
    load(cpu, 'cf');
    cpu.run(1);
    expect([cpu.state[EIP], cpu.state[CPL], cpu.state[ESP]]).toEqual([TARGET, 3, esp]);
  });
});
