import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { EBX, ECX, EIP, FPU_CONTROL, FPU_REGISTERS, FPU_STATUS, MXCSR, XMM_REGISTERS } from '../../cpu/layout.js';
import { initialiseX87 } from '../../cpu/x87-control.js';
import { CODE, DATA, flatMachine, place } from './flat-machine.js';
import { Random } from './vectors/random.js';

const PROGRAMS = 120;
const LENGTH = 24;
const RETIRED = 600;

const interpreted = flatMachine(undefined, { translateAfter: 0 });
const translated = flatMachine(undefined, { translateAfter: 1 });

const DOUBLES = [
  0,
  -0,
  1,
  -1,
  0.1,
  1.5,
  3,
  1e300,
  1e-300,
  2 ** -1022,
  2 ** -1040,
  Number.MIN_VALUE,
  -(2 ** -1030),
  2 ** -130,
  Number.MAX_VALUE,
  Infinity,
  Number.NaN,
];

/** [ebx + 8n], n below 8. */
const memory = (random: Random, reg: number) => [0x43 | (reg << 3), 8 * random.below(8)];

const X87_ARITHMETIC = [0, 1, 4, 5, 6, 7];

/** Instructions that do not change the depth of the x87 stack, or a push and a pop together. */
const X87: readonly ((random: Random) => number[])[] = [
  (random) => [0xd8, 0xc0 + 8 * random.pick(X87_ARITHMETIC) + random.below(4)],
  (random) => [0xdc, 0xc0 + 8 * random.pick(X87_ARITHMETIC) + random.below(4)],
  (random) => [0xdc, ...memory(random, random.pick(X87_ARITHMETIC))],
  (random) => [0xd8, ...memory(random, random.pick(X87_ARITHMETIC))],
  (random) => [0xdd, ...memory(random, 0), 0xde, 0xc1 + 8 * random.pick(X87_ARITHMETIC)],
  (random) => [0xd9, 0xc8 + random.below(4)],
  (random) => [0xd9, 0xc0 + random.below(4), 0xdd, ...memory(random, 3)],
  (random) => [0xdb, ...memory(random, 0), 0xdd, 0xd8 + random.below(4)],
  (random) => [0xdf, ...memory(random, 0), 0xd9, ...memory(random, 3)],
  (random) => [0xd9, ...memory(random, 0), 0xdf, 0xe8 + random.below(4)],
  (random) => [0xd9, random.pick([0xe0, 0xe1])],
  (random) => [0xd9, random.pick([0xe8, 0xee]), 0xd8, 0xd8 + random.below(4)],
  (random) => [0xdd, ...memory(random, 2)],
  (random) => [0xd9, ...memory(random, 2)],
  (random) => [0xdb, 0xe8 + random.below(4)],
  () => [0xd9, 0xfa],
  () => [0xd9, 0xe8, 0xd9, 0xc1, 0xde, 0xd9],
  (random) => [0xdf, ...memory(random, 5), 0xdf, ...memory(random, 7)],
];

const SSE_CODES = [
  [0xf2, 0x0f, 0x58],
  [0xf2, 0x0f, 0x5c],
  [0xf2, 0x0f, 0x59],
  [0xf2, 0x0f, 0x5e],
  [0xf2, 0x0f, 0x51],
  [0xf3, 0x0f, 0x58],
  [0xf3, 0x0f, 0x59],
  [0xf3, 0x0f, 0x5e],
  [0xf2, 0x0f, 0x10],
  [0xf3, 0x0f, 0x10],
  [0xf2, 0x0f, 0x11],
  [0xf3, 0x0f, 0x11],
  [0x0f, 0x10],
  [0x0f, 0x28],
  [0x0f, 0x29],
  [0x66, 0x0f, 0x2f],
  [0x0f, 0x2e],
  [0x66, 0x0f, 0x58],
  [0x66, 0x0f, 0x59],
  [0x66, 0x0f, 0x5c],
  [0x66, 0x0f, 0x14],
  [0x66, 0x0f, 0x15],
  [0x66, 0x0f, 0x57],
  [0x66, 0x0f, 0x54],
  [0x66, 0x0f, 0x55],
  [0x66, 0x0f, 0xfe],
  [0xf2, 0x0f, 0x2a],
  [0xf2, 0x0f, 0x2c],
  [0xf2, 0x0f, 0x5a],
  [0xf3, 0x0f, 0x5a],
  [0xf3, 0x0f, 0x7e],
  [0x66, 0x0f, 0xd6],
  [0x66, 0x0f, 0x6e],
  [0x66, 0x0f, 0x7e],
];

/** CVTTSD2SI and MOVD write a general register: not the ones that the program needs. */
const SSE: readonly ((random: Random) => number[])[] = [
  (random) => {
    const code = random.pick(SSE_CODES);
    const writesGeneral = code.includes(0x2c) || code.includes(0x7e) || code.includes(0x2a) || code.includes(0x6e);
    const register = writesGeneral ? random.pick([0, 2]) : random.below(8);
    if (random.below(2) === 0)
      return [...code, 0xc0 | (register << 3) | (writesGeneral ? random.pick([0, 2]) : random.below(8))];
    return [...code, ...memory(random, register)];
  },
  (random) => [0x66, 0x0f, random.pick([0x12, 0x13, 0x16, 0x17]), ...memory(random, random.below(8))],
];

interface Program {
  readonly code: string;
  readonly data: readonly number[];
  readonly control: number;
  readonly mxcsr: number;
}

/** A loop of random instructions: mov ecx, ...; body; dec ecx; jnz body; jmp start. */
function randomProgram(random: Random, kinds: readonly ((random: Random) => number[])[]): Program {
  const body: number[] = [];
  for (let count = 0; count < LENGTH; count++) body.push(...random.pick(kinds)(random));
  const code = [0xb9, 4, 0, 0, 0, ...body, 0x49, 0x0f, 0x85];
  const back = -(body.length + 7);
  code.push(...littleEndian(back), 0xe9);
  code.push(...littleEndian(-(code.length + 4)));
  const view = new DataView(new ArrayBuffer(80));
  for (let at = 0; at < 80; at += 8) {
    const kind = random.below(8);
    const value =
      kind < 2
        ? random.pick(DOUBLES)
        : kind < 4
          ? random.below(1000) - 500
          : (random.below(2 ** 31) - 2 ** 30) / 2 ** random.below(40);
    view.setFloat64(at, value, true);
    if (kind === 7) view.setFloat32(at, value, true);
  }
  const data = Array.from({ length: 20 }, (_, at) => view.getInt32(at * 4, true));
  return {
    code: code.map((byte) => byte.toString(16)).join(' '),
    data,
    control: random.pick([0x37f, 0x37f, 0x27f, 0x07f, 0xf7f, 0x37e]),
    mxcsr: random.pick([0x1fa0, 0x1fa0, 0x1f80, 0x7fa0, 0x1fe0]),
  };
}

function littleEndian(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >> shift) & 0xff);
}

function run(cpu: Cpu, program: Program, budget: number): string {
  const { state, memory: physical } = cpu;
  place(cpu, CODE, program.code);
  cpu.setCr0(0x21);
  cpu.setCr4(0x600);
  initialiseX87(state);
  state.fill(0, FPU_REGISTERS, FPU_REGISTERS + 32);
  for (let at = 0; at < 32; at++) state[XMM_REGISTERS + at] = program.data[at % 16];
  state.fill(0, 0, 4);
  state[EBX] = DATA;
  state[ECX] = 0;
  state[MXCSR] = program.mxcsr;
  state[FPU_CONTROL] = program.control;
  program.data.forEach((word, at) => {
    physical.write32(DATA + at * 4, word);
  });
  cpu.setEflags(2);
  // Four numbers on the x87 stack.
  place(cpu, CODE - 0x100, 'd9 e8 d9 eb dd 03 dd 43 08');
  state[EIP] = CODE - 0x100;
  cpu.run(4);
  state[EIP] = CODE;
  cpu.instructionCount = 0;
  const exits: number[] = [];
  while (cpu.instructionCount < RETIRED && exits.length < 20) {
    const reason = cpu.run(Math.min(budget, RETIRED - cpu.instructionCount));
    if (reason === 0) continue;
    exits.push(reason, cpu.exceptionVector, state[EIP], cpu.instructionCount);
    break;
  }
  const words = [...state.slice(0, 8), state[EIP], ...state.slice(FPU_CONTROL, XMM_REGISTERS + 32), cpu.getEflags()];
  for (let at = 0; at < 20; at++) words.push(physical.read32(DATA + at * 4));
  return [cpu.instructionCount, ...exits, ...words].map((word) => (word >>> 0).toString(16)).join(' ');
}

describe('translated floating-point code does what the interpreter does', () => {
  for (const [name, kinds] of [
    ['x87', X87],
    ['SSE', SSE],
    ['x87 and SSE', [...X87, ...SSE, ...SSE]],
  ] as const) {
    it(`random programs of ${name} instructions`, () => {
      const random = new Random(name.length);
      const exceptions = new Set<string>();
      for (let number = 0; number < PROGRAMS; number++) {
        const program = randomProgram(random, kinds);
        const expected = run(interpreted, program, RETIRED);
        const budget = random.pick([RETIRED, 70 + random.below(100)]);
        expect(run(translated, program, budget), `program ${number}: ${program.code}`).toBe(expected);
        exceptions.add(expected);
      }
      expect(exceptions.size).toBeGreaterThan(PROGRAMS / 2);
      expect(translated.state[FPU_STATUS]).toBe(interpreted.state[FPU_STATUS]);
    });
  }
});

/** Significands about which rounding, borrowing and normalising go wrong, if they do. */
const SIGNIFICANDS = [
  0x8000000000000000n,
  0x8000000000000001n,
  0xffffffffffffffffn,
  0xfffffffffffff800n,
  0x8000000080000000n,
];
const DISTANCES = [0, 0, 1, 1, 2, 10, 11, 12, 31, 32, 33, 62, 63, 64, 65, 66, 127, 128, 129, 16000];

function significand(random: Random): bigint {
  if (random.below(2) === 0) return random.pick(SIGNIFICANDS);
  const bits = (BigInt(random.bits() >>> 0) << 32n) | BigInt(random.bits() >>> 0) | (1n << 63n);
  return random.below(3) === 0 ? bits & ~0x7ffn : bits;
}

/** fld tbyte [ebx]; fld tbyte [ebx+16]; op st(1),st; fst qword [ebx+32]; fstp tbyte [ebx+48] */
function arithmeticCode(operation: number): string {
  return `db 2b db 6b 10 de ${(0xc1 + 8 * operation).toString(16)} dd 53 20 db 7b 30 eb fe`;
}

describe('translated x87 arithmetic', () => {
  for (const operation of X87_ARITHMETIC) {
    it(`DE C1+${operation * 8}: edges of 80-bit numbers`, () => {
      const random = new Random(operation + 1);
      for (const cpu of [interpreted, translated]) place(cpu, CODE, arithmeticCode(operation));
      for (let round = 0; round < 3000; round++) {
        const exponent = 0x3fff + random.below(20) - 10;
        const distance = random.pick(DISTANCES) * (random.below(2) === 0 ? 1 : -1);
        const first = significand(random);
        const second = significand(random);
        const signs = [random.below(2) << 15, random.below(2) << 15];
        const control = round % 3 === 0 ? 0x27f : 0x37f;
        const results = [interpreted, translated].map((cpu) => {
          cpu.view.setBigUint64(hostOf(cpu, DATA), first, true);
          cpu.view.setUint16(hostOf(cpu, DATA) + 8, signs[0] | exponent, true);
          cpu.view.setBigUint64(hostOf(cpu, DATA) + 16, second, true);
          cpu.view.setUint16(hostOf(cpu, DATA) + 24, signs[1] | Math.max(1, exponent + distance), true);
          initialiseX87(cpu.state);
          cpu.state[FPU_CONTROL] = control;
          cpu.state[EBX] = DATA;
          cpu.state[EIP] = CODE;
          cpu.run(70);
          const words = Array.from({ length: 20 }, (_, at) => cpu.memory.read32(DATA + at * 4));
          return [cpu.state[FPU_STATUS], ...words].map((word) => (word >>> 0).toString(16)).join(' ');
        });
        expect(results[1], `${first.toString(16)} ${second.toString(16)} ${distance}`).toBe(results[0]);
      }
    });
  }
});

function hostOf(cpu: Cpu, address: number): number {
  return cpu.memory.hostPage(address >>> 12) + (address & 0xfff);
}
