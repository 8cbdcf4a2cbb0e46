import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { decodeInstruction } from '../../cpu/decoder.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import type { InstructionRow } from '../../cpu/instruction.js';
import { x87Instructions } from '../../cpu/instructions-x87.js';
import { EIP, FPU_CONTROL, FPU_OPCODE, FPU_REGISTERS, FPU_STATUS, FPU_TAG } from '../../cpu/layout.js';
import { bytes, CODE, DATA, flatMachine, place } from './flat-machine.js';

/**
 * What the interpreter's loop does directly (x87-direct.ts) must be what the instruction's handler does, which is
 * compared with real processors elsewhere: the same operands through both, all of the state compared.
 */
const direct = flatMachine();
const handled = flatMachine();

let seed = 54321;
function random(): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed >>> 0;
}

const EXPONENTS = [0, 1, 0x3c00, 0x3c01, 0x3f80, 0x3f81, 0x3fff, 0x43fe, 0x43ff, 0x407e, 0x407f, 0x7ffe, 0x7fff];

/** An 80-bit register: ordinary numbers near one another most of the time, else special values and odd encodings. */
function register(): number[] {
  const sign = random() & 0x8000;
  const kind = random() % 8;
  if (kind === 0) return [0, 0, sign];
  if (kind === 1) return [random() & 1, random() | (random() % 4 ? 0x80000000 : 0), sign | EXPONENTS[random() % 13]];
  const exponent = kind === 2 ? EXPONENTS[random() % 13] : 0x3ff0 + (random() % 32);
  const low = kind < 5 ? random() : random() & ~0x7ff;
  return [kind === 7 ? 0 : low, random() | 0x80000000, sign | exponent];
}

function memoryOperand(): number[] {
  const view = new DataView(new ArrayBuffer(16));
  const kind = random() % 4;
  if (kind < 2) view.setFloat64(0, (random() - 2 ** 31) / 512, true);
  else if (kind === 2) view.setFloat32(0, (random() - 2 ** 31) / 512, true);
  else for (let at = 0; at < 16; at += 4) view.setUint32(at, random() % 3 ? random() : 0, true);
  return [0, 4, 8].map((at) => view.getInt32(at, true));
}

/** Bytes of a row with ST(i) or [DATA+16], or null where it has neither form. */
function encode(row: InstructionRow, i: number): string | null {
  const tokens = row.opcode.split(' ');
  if (tokens.includes('NP') || row.opcode === '9B') return null;
  const digit = tokens.find((token) => /^\/[0-7]$/.test(token));
  if (digit !== undefined) return `${tokens[0]} ${(Number(digit[1]) * 8 + 5).toString(16)} 10 00 02 00`;
  const second = /^([0-9A-F]{2})(\+i)?$/.exec(tokens[1]);
  if (second === null) return null;
  return `${tokens[0]} ${(Number.parseInt(second[1], 16) + (second[2] === undefined ? 0 : i)).toString(16)}`;
}

function snapshot(cpu: Cpu): number[] {
  const registers: number[] = [];
  for (let at = FPU_REGISTERS; at < FPU_REGISTERS + 32; at += 4) registers.push(...cpu.state.slice(at, at + 3));
  const memory = [12, 16, 20, 24, 28].map((at) => cpu.memory.read32(DATA + at));
  return [...cpu.state.slice(FPU_CONTROL, FPU_OPCODE + 1), cpu.getEflags(), cpu.state[0], ...registers, ...memory];
}

/** Default; 53 and 24 bits; rounding up; rounding to zero; zero divide and invalid unmasked. */
const CONTROLS = [0x37f, 0x27f, 0x07f, 0xb7f, 0xf7f, 0x37a];

describe('x87 instructions done directly', () => {
  for (const row of x87Instructions) {
    const first = encode(row, 0);
    if (first === null) continue;
    it(`${row.mnemonic} ${row.opcode}`, () => {
      for (let round = 0; round < 120; round++) {
        const code = encode(row, (round >> 2) & 7) ?? first;
        const instruction = decodeInstruction(Uint8Array.from(bytes(code)), 32);
        if (typeof instruction === 'number') throw new Error('not decoded');
        const registers = Array.from({ length: 8 }, register);
        const memory = memoryOperand();
        const status = ((random() & 7) << 11) | (random() & 0x4700) | (random() % 8 ? 0x20 : 0);
        const tag = [0xff, 0xff, 0x7f, 0xfe, random() & 0xff][random() % 5];
        for (const cpu of [direct, handled]) {
          place(cpu, CODE, code);
          cpu.state.fill(0, 0, 8);
          cpu.state.fill(0, FPU_CONTROL, FPU_OPCODE + 1);
          registers.forEach((words, at) => {
            words.forEach((word, part) => {
              cpu.state[FPU_REGISTERS + at * 4 + part] = word;
            });
          });
          memory.forEach((word, at) => {
            cpu.memory.write32(DATA + 16 + at * 4, word);
          });
          cpu.state[FPU_CONTROL] = CONTROLS[round % CONTROLS.length];
          cpu.state[FPU_STATUS] = status;
          cpu.state[FPU_TAG] = tag;
          cpu.setEflags(0x8d7);
          cpu.state[EIP] = CODE;
        }
        handled.faulted = false;
        const succeeded = row.execute?.(handled, instruction);
        expect(direct.run(1)).toBe(succeeded ? ExitReason.Budget : ExitReason.Exception);
        expect(snapshot(direct)).toEqual(snapshot(handled));
      }
    });
  }
});
