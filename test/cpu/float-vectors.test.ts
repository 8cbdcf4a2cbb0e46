import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EAX, FPU_CONTROL, FPU_REGISTERS, FPU_STATUS, FPU_TAG, MXCSR, XMM_REGISTERS } from '../../cpu/layout.js';
import { freshMachine, OPERAND } from './float-machine.js';

const vectors = readFileSync(new URL('./float-vectors.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split(' | '));

const machine = freshMachine();
const REGISTER_SIZE: Readonly<Record<string, number>> = { x87: 10, xmm: 16, mmx: 8 };

function replay(kind: string, code: string, control: string, before: string): string {
  machine.reset();
  const { state, cpu } = { state: machine.cpu.state, cpu: machine.cpu };
  const [first, second, operand] = before.split(' ');
  state[EAX] = 0x12345678;
  machine.write(OPERAND, operand);
  const size = REGISTER_SIZE[kind];
  const word = (i: number) => {
    if (kind === 'xmm') return XMM_REGISTERS + 4 * i;
    return kind === 'mmx' ? FPU_REGISTERS + 4 * i : machine.stackWord(i);
  };
  if (kind === 'x87') {
    state[FPU_CONTROL] = Number.parseInt(control, 16);
    state[FPU_STATUS] = 0x3000;
    machine.setStack(0, first);
    machine.setStack(1, second);
  } else {
    if (kind === 'xmm') state[MXCSR] = Number.parseInt(control, 16);
    machine.setStateBytes(word(0), first);
    machine.setStateBytes(word(1), second);
    state[FPU_TAG] = 0xff;
  }
  machine.run(code);
  const status = kind === 'x87' ? state[FPU_STATUS] : kind === 'xmm' ? state[MXCSR] : state[FPU_TAG];
  return [
    status.toString(16),
    machine.stateBytes(word(0), size),
    machine.stateBytes(word(1), size),
    machine.read(OPERAND, 16),
    (state[EAX] >>> 0).toString(16),
    (cpu.getEflags() & 0x8d5).toString(16),
  ].join(' ');
}

describe('floating-point and SIMD instructions give what a real processor gave', () => {
  for (const group of ['x87', 'xmm', 'mmx']) {
    it(`${group}: every recorded vector`, () => {
      const wrong: string[] = [];
      for (const [name, code, control, before, after] of vectors) {
        const [kind, mnemonic] = name.split(' ');
        if (kind !== group) continue;
        const got = replay(kind, code, control, before);
        if (got !== after) wrong.push(`${mnemonic} ${code}: ${before} gave ${got}, not ${after}`);
      }
      expect(wrong).toEqual([]);
    });
  }
});
