import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { decodeInstruction } from '../../cpu/decoder.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import type { InstructionRow } from '../../cpu/instruction.js';
import { sseInstructions } from '../../cpu/instructions-sse.js';
import { EIP, MXCSR, XMM_REGISTERS } from '../../cpu/layout.js';
import { bytes, CODE, DATA, flatMachine, place } from './flat-machine.js';

/**
 * What the interpreter's loop does directly (sse-direct.ts) must be what the instruction's handler does, which is
 * compared with real processors elsewhere: the same operands through both, all of the state compared.
 */
const direct = flatMachine();
const handled = flatMachine();
for (const cpu of [direct, handled]) cpu.setCr4(0x600);

let seed = 12345;
function random(): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed >>> 0;
}

const DOUBLES = [
  0,
  -0,
  1,
  -1,
  0.1,
  1.5,
  3,
  1e300,
  -1e300,
  1e-300,
  Number.MIN_VALUE,
  2 ** -1022,
  Number.MAX_VALUE,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
  2147483647,
  2147483648,
  -2147483648.5,
  1e-40,
  3.4e38,
  16777217,
];
const WORDS = [0, 0x3f800000, 0xbf800000, 0x7f800000, 0x7fc00000, 0x7fa00000, 1, 0x00800000, 0x7f7fffff, 0x3dcccccd];

/** Sixteen bytes: numbers of either width that are near one another, special values, or anything. */
function operand(): number[] {
  const view = new DataView(new ArrayBuffer(16));
  const kind = random() % 5;
  for (let half = 0; half < 2; half++) {
    if (kind < 2) view.setFloat64(half * 8, (random() - 2 ** 31) / (kind === 0 ? 1024 : 1), true);
    else if (kind === 2) view.setFloat64(half * 8, DOUBLES[random() % DOUBLES.length], true);
    else {
      for (let at = 0; at < 8; at += 4) {
        const word = kind === 3 ? WORDS[random() % WORDS.length] : random();
        view.setUint32(half * 8 + at, word, true);
      }
    }
  }
  return [0, 4, 8, 12].map((at) => view.getInt32(at, true));
}

/** Bytes of a row's register or memory form, or null when it has none or needs an immediate. */
function encode(row: InstructionRow, memory: boolean): string | null {
  const tokens = row.opcode.split(' ');
  if (/I[bwz]/.test(row.operands) || !tokens.includes('/r') || tokens.includes(memory ? 'r' : 'm')) return null;
  if (row.mnemonic === 'MASKMOVDQU') return null;
  const code = tokens.filter((token) => /^[0-9A-F]{2}$/.test(token)).join(' ');
  return memory ? `${code} 0d 10 00 02 00` : `${code} ca`;
}

function snapshot(cpu: Cpu): number[] {
  const memory = [0, 16, 20, 24, 28, 32].map((at) => cpu.memory.read32(DATA + at));
  return [
    ...cpu.state.slice(0, 8),
    ...cpu.state.slice(XMM_REGISTERS, XMM_REGISTERS + 32),
    cpu.state[MXCSR],
    cpu.getEflags(),
    ...memory,
  ];
}

function prepare(cpu: Cpu, values: number[][], mxcsr: number): void {
  for (let register = 0; register < 8; register++) cpu.state[register] = values[0][register & 3];
  for (let at = 0; at < 4; at++) {
    cpu.state[XMM_REGISTERS + 4 + at] = values[1][at];
    cpu.state[XMM_REGISTERS + 8 + at] = values[2][at];
    cpu.memory.write32(DATA + 16 + at * 4, values[2][at]);
  }
  cpu.state[MXCSR] = mxcsr;
  cpu.setEflags(0x8d7);
  cpu.state[EIP] = CODE;
}

/** All masked; precision noted; everything unmasked; truncating; denormals are zeros; precision unmasked. */
const CONTROLS = [0x1f80, 0x1fa0, 0x0000, 0x7f80, 0x1fc0, 0x0fa0];

describe('SSE instructions done directly', () => {
  for (const row of sseInstructions) {
    for (const memory of [false, true]) {
      const code = encode(row, memory);
      if (code === null) continue;
      it(`${row.mnemonic} ${row.opcode} ${memory ? 'memory' : 'register'}`, () => {
        const instruction = decodeInstruction(Uint8Array.from(bytes(code)), 32);
        if (typeof instruction === 'number') throw new Error('not decoded');
        for (const cpu of [direct, handled]) place(cpu, CODE, code);
        for (let round = 0; round < 60; round++) {
          const values = [operand(), operand(), operand()];
          const mxcsr = CONTROLS[round % CONTROLS.length];
          for (const cpu of [direct, handled]) prepare(cpu, values, mxcsr);
          handled.faulted = false;
          const succeeded = row.execute?.(handled, instruction);
          const reason = direct.run(1);
          expect(reason).toBe(succeeded ? ExitReason.Budget : ExitReason.Exception);
          expect(snapshot(direct)).toEqual(snapshot(handled));
        }
      });
    }
  }
});
