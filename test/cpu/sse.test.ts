import { describe, expect, it } from 'vitest';
import { ExitReason } from '../../cpu/cpu.js';
import { CR0, CR4, EAX, EDI, EIP, FPU_STATUS, FPU_TAG, MXCSR, XMM_REGISTERS } from '../../cpu/layout.js';
import { CODE, type FloatMachine, freshMachine, OPERAND } from './float-machine.js';

const MOVSD_LOAD = 'f20f100500200000';
const ZEROS = '00'.repeat(16);

function exceptionOf(code: string, prepare: (machine: FloatMachine) => void): number {
  const machine = freshMachine();
  prepare(machine);
  return machine.run(code) === ExitReason.Exception ? machine.cpu.exceptionVector : -1;
}

function set(word: number, bits: number): (machine: FloatMachine) => void {
  return ({ cpu }) => {
    cpu.state[word] |= bits;
  };
}

function clear(word: number, bits: number): (machine: FloatMachine) => void {
  return ({ cpu }) => {
    cpu.state[word] &= ~bits;
  };
}

describe('SSE switches', () => {
  it('#UD without CR4.OSFXSR or with CR0.EM, #NM with CR0.TS', () => {
    const addsd = 'f20f58c1';
    expect(exceptionOf(addsd, () => {})).toBe(-1);
    expect(exceptionOf(addsd, clear(CR4, 0x200))).toBe(6);
    expect(exceptionOf(addsd, set(CR0, 4))).toBe(6);
    expect(exceptionOf(addsd, set(CR0, 8))).toBe(7);
  });

  it('a pending x87 exception raises #MF at an MMX but not at an SSE instruction', () => {
    const pend = set(FPU_STATUS, 0x8081);
    expect(exceptionOf('0ffcc1', pend)).toBe(16);
    expect(exceptionOf('660ffcc1', pend)).toBe(-1);
  });
});

describe('alignment', () => {
  it('MOVAPS and packed operands demand 16 bytes, MOVUPS and scalars do not', () => {
    expect(exceptionOf('0f280508200000', () => {})).toBe(13);
    expect(exceptionOf('660f580508200000', () => {})).toBe(13);
    expect(exceptionOf('0f100508200000', () => {})).toBe(-1);
    expect(exceptionOf('f20f580501200000', () => {})).toBe(-1);
  });
});

describe('MXCSR', () => {
  it('LDMXCSR of a reserved bit: #GP', () => {
    expect(exceptionOf('0fae1500200000', (machine) => machine.write(OPERAND, '801f0100'))).toBe(13);
    expect(exceptionOf('0fae1500200000', (machine) => machine.write(OPERAND, 'c0ff0000'))).toBe(-1);
  });

  it('the inexact flag is set by the first inexact operation', () => {
    const machine = freshMachine();
    machine.writeDouble(OPERAND, 0.5);
    machine.run(`${MOVSD_LOAD}f20f58c0`, 2);
    expect(machine.cpu.state[MXCSR]).toBe(0x1f80);
    machine.writeDouble(OPERAND, 0.1);
    machine.run('f20f580500200000');
    expect(machine.cpu.state[MXCSR]).toBe(0x1fa0);
  });

  it('an unmasked zero divide: #XM, destination unchanged, flag set', () => {
    const machine = freshMachine();
    machine.writeDouble(OPERAND, 1.5);
    machine.cpu.state[MXCSR] = 0x1d80;
    expect(machine.run(`${MOVSD_LOAD}f20f5ec1`, 2)).toBe(ExitReason.Exception);
    expect(machine.cpu.exceptionVector).toBe(19);
    expect(machine.cpu.state[EIP]).toBe(CODE + 8);
    expect(machine.cpu.state[MXCSR]).toBe(0x1d84);
    expect(machine.stateBytes(XMM_REGISTERS, 16)).toBe(`000000000000f83f${'00'.repeat(8)}`);
  });

  it('rounding modes: 1 / 3 in all four', () => {
    const results = [0, 1, 2, 3].map((mode) => {
      const machine = freshMachine();
      machine.cpu.state[MXCSR] = 0x1f80 | (mode << 13);
      machine.writeDouble(OPERAND, 1);
      machine.writeDouble(OPERAND + 8, 3);
      machine.run(`${MOVSD_LOAD}f20f5e0508200000f20f110500200000`, 3);
      return machine.read(OPERAND, 8);
    });
    expect(results).toEqual(['555555555555d53f', '555555555555d53f', '565555555555d53f', '555555555555d53f']);
  });

  it('flush to zero and denormals are zeros', () => {
    const machine = freshMachine();
    machine.writeDouble(OPERAND, 2 ** -600);
    machine.cpu.state[MXCSR] = 0x9f80;
    machine.run(`${MOVSD_LOAD}f20f59c0`, 2);
    expect(machine.stateBytes(XMM_REGISTERS, 16)).toBe(ZEROS);
    expect(machine.cpu.state[MXCSR]).toBe(0x9fb0);
    machine.reset();
    machine.cpu.state[MXCSR] = 0x1fc0;
    machine.write(OPERAND, '01000000000000800000000000000000');
    machine.run('f20f580500200000');
    expect(machine.cpu.state[MXCSR]).toBe(0x1fc0);
  });
});

describe('conversions to integers', () => {
  it('CVTTSD2SI truncates; NaN and what does not fit give 80000000h and invalid', () => {
    const convert = (value: number) => {
      const machine = freshMachine();
      machine.writeDouble(OPERAND, value);
      machine.run('f20f2c0500200000');
      return [machine.cpu.state[EAX], machine.cpu.state[MXCSR] & 0x3f];
    };
    expect(convert(-2.75)).toEqual([-2, 0x20]);
    expect(convert(2147483647)).toEqual([2147483647, 0]);
    expect(convert(-2147483648.5)).toEqual([-2147483648, 0x20]);
    expect(convert(2147483648)).toEqual([-2147483648, 1]);
    expect(convert(Number.NaN)).toEqual([-2147483648, 1]);
  });
});

describe('approximations', () => {
  it('RCPSS and RSQRTSS stay within 1.5 * 2^-12', () => {
    const machine = freshMachine();
    for (const value of [0.3, 1, 3, 7.77, 1e10, 1e-10]) {
      for (const [code, exact] of [
        ['f30f530500200000', 1 / value],
        ['f30f520500200000', 1 / Math.sqrt(value)],
      ] as const) {
        machine.cpu.view.setFloat32(0, value, true);
        machine.memory.write32(OPERAND, machine.cpu.view.getInt32(0, true));
        machine.run(code);
        const got = machine.cpu.view.getFloat32(XMM_REGISTERS * 4, true);
        expect(Math.abs(got / exact - 1)).toBeLessThan(1.5 * 2 ** -12);
      }
    }
  });
});

describe('MMX state', () => {
  it('any MMX instruction fills the tags and clears TOP, EMMS empties', () => {
    const machine = freshMachine();
    machine.cpu.state[FPU_STATUS] = 0x2800;
    machine.run('0fefc0');
    expect(machine.cpu.state[FPU_TAG]).toBe(0xff);
    expect(machine.cpu.state[FPU_STATUS]).toBe(0);
    machine.run('0f77');
    expect(machine.cpu.state[FPU_TAG]).toBe(0);
  });

  it('MASKMOVDQU writes only the bytes whose mask bit is set', () => {
    const machine = freshMachine();
    machine.setStateBytes(XMM_REGISTERS, '000102030405060708090a0b0c0d0e0f');
    machine.setStateBytes(XMM_REGISTERS + 4, '80000000ff00000000000000000000ff');
    machine.write(OPERAND, 'aa'.repeat(16));
    machine.cpu.state[EDI] = OPERAND;
    machine.run('660ff7c1');
    expect(machine.read(OPERAND, 16)).toBe('00aaaaaa04aaaaaaaaaaaaaaaaaaaa0f');
  });
});
