import { describe, expect, it } from 'vitest';
import { ExitReason } from '../../cpu/cpu.js';
import { CR0, EIP, FPU_CONTROL, FPU_STATUS, FPU_TAG } from '../../cpu/layout.js';
import { CODE, type FloatMachine, freshMachine, OPERAND } from './float-machine.js';

const ONE = '0000000000000080ff3f';
const INDEFINITE = '00000000000000c0ffff';
const FLD_M64 = 'dd0500200000';
const FSTP_M64 = 'dd1d00200000';

function machineWith(...stack: string[]): FloatMachine {
  const machine = freshMachine();
  stack.forEach((value, i) => {
    machine.setStack(i, value);
  });
  return machine;
}

/** Runs one instruction between FLD and FSTP of a double. */
function unary(code: string, value: number): number {
  const machine = freshMachine();
  machine.writeDouble(OPERAND, value);
  machine.run(FLD_M64 + code + FSTP_M64, 3);
  return machine.readDouble(OPERAND);
}

/** ST(1) = y, ST(0) = x, the instruction, then FSTP. */
function binary(code: string, y: number, x: number): number {
  const machine = freshMachine();
  machine.writeDouble(OPERAND, y);
  machine.writeDouble(OPERAND + 8, x);
  machine.run(`${FLD_M64}dd0508200000${code}${FSTP_M64}`, 4);
  return machine.readDouble(OPERAND);
}

describe('x87 stack', () => {
  it('FLD on a full stack: overflow, C1 set, the indefinite is pushed', () => {
    const machine = machineWith(ONE, ONE, ONE, ONE, ONE, ONE, ONE, ONE);
    machine.run('d9e8');
    expect(machine.cpu.state[FPU_STATUS]).toBe(0x3800 | 0x241);
    expect(machine.stateBytes(machine.stackWord(0), 10)).toBe(INDEFINITE);
  });

  it('FADD ST, ST(1) with ST(1) empty: underflow, C1 clear, the indefinite is the result', () => {
    const machine = machineWith(ONE);
    machine.run('d8c1');
    expect(machine.cpu.state[FPU_STATUS]).toBe(0x41);
    expect(machine.stateBytes(machine.stackWord(0), 10)).toBe(INDEFINITE);
  });

  it('an unmasked stack fault leaves registers and TOP alone', () => {
    const machine = machineWith(ONE);
    machine.cpu.state[FPU_CONTROL] = 0x37e;
    machine.run('dec1');
    expect(machine.cpu.state[FPU_STATUS]).toBe(0x80c1);
    expect(machine.stateBytes(machine.stackWord(0), 10)).toBe(ONE);
    expect(machine.cpu.state[FPU_TAG]).toBe(1);
  });
});

describe('x87 exceptions', () => {
  it('an unmasked zero divide pends and raises #MF at the next waiting instruction', () => {
    const machine = machineWith(ONE, '00000000000000000000');
    machine.cpu.state[FPU_CONTROL] = 0x37b;
    // FDIV ST, ST(1); FNSTSW AX does not wait; FWAIT does
    expect(machine.run('d8f1dfe09b', 3)).toBe(ExitReason.Exception);
    expect(machine.cpu.exceptionVector).toBe(16);
    expect(machine.cpu.state[EIP]).toBe(CODE + 4);
    expect(machine.cpu.state[FPU_STATUS]).toBe(0x8084);
    expect(machine.stateBytes(machine.stackWord(0), 10)).toBe(ONE);
  });

  it('FNCLEX clears exceptions, FNSTENV masks them', () => {
    const machine = machineWith(ONE, '00000000000000000000');
    machine.cpu.state[FPU_CONTROL] = 0x340;
    machine.run('d8f1d93500200000', 2);
    expect(machine.cpu.state[FPU_CONTROL]).toBe(0x37f);
    expect(machine.read(OPERAND, 12)).toBe('4003ffff8480ffff' + 'f4ffffff');
    machine.run('dbe2');
    expect(machine.cpu.state[FPU_STATUS]).toBe(0);
  });

  it('CR0.TS: #NM', () => {
    const machine = machineWith(ONE);
    machine.cpu.state[CR0] |= 8;
    expect(machine.run('d8c0')).toBe(ExitReason.Exception);
    expect(machine.cpu.exceptionVector).toBe(7);
  });
});

describe('x87 state images', () => {
  it('FNSAVE then FRSTOR restores registers, tags, control and status', () => {
    const machine = machineWith(ONE, '0000000000000080ff7f');
    machine.cpu.state[FPU_CONTROL] = 0x27f;
    machine.cpu.state[FPU_STATUS] |= 0x4100;
    machine.run('dd3500200000');
    expect(machine.cpu.state[FPU_CONTROL]).toBe(0x37f);
    expect(machine.cpu.state[FPU_TAG]).toBe(0);
    expect(machine.read(OPERAND + 8, 4)).toBe('f8ffffff');
    machine.run('dd2500200000');
    expect(machine.cpu.state[FPU_CONTROL]).toBe(0x27f);
    expect(machine.cpu.state[FPU_STATUS]).toBe(0x4100);
    expect(machine.cpu.state[FPU_TAG]).toBe(3);
    expect(machine.stateBytes(machine.stackWord(0), 10)).toBe(ONE);
  });

  it('FXSAVE of an operand that is not aligned to 16 bytes: #GP', () => {
    const machine = freshMachine();
    expect(machine.run('0fae0508200000')).toBe(ExitReason.Exception);
    expect(machine.cpu.exceptionVector).toBe(13);
  });

  it('FXSAVE then FXRSTOR', () => {
    const machine = machineWith(ONE);
    machine.run('0fae0500200000dbe30fae0d00200000', 3);
    expect(machine.cpu.state[FPU_TAG]).toBe(1);
    expect(machine.stateBytes(machine.stackWord(0), 10)).toBe(ONE);
  });
});

describe('transcendental instructions', () => {
  const near = (got: number, wanted: number) =>
    expect(Math.abs(got - wanted)).toBeLessThanOrEqual(2e-16 * Math.abs(wanted));

  it('FSIN, FCOS', () => {
    for (const x of [1e-20, 0.1, 0.5, 0.78, 1, 2, -3, 10, 100.5]) {
      near(unary('d9fe', x), Math.sin(x));
      near(unary('d9ff', x), Math.cos(x));
    }
  });

  it('FSIN reduces by a 66-bit pi, as the hardware does', () => {
    expect(unary('d9fe', Math.PI)).toBe(1.2246063538223773e-16);
  });

  it('FSIN of 2^63 and above sets C2 and leaves the operand', () => {
    const machine = machineWith('00000000000000803e40');
    machine.run('d9fe');
    expect(machine.cpu.state[FPU_STATUS]).toBe(0x400);
    expect(machine.stateBytes(machine.stackWord(0), 10)).toBe('00000000000000803e40');
  });

  it('FPATAN', () => {
    for (const [y, x] of [
      [1, 1],
      [1, -1],
      [-2, 3],
      [0.001, 7],
      [5, 1e-3],
      [-1, -1e30],
      [1e-30, 1],
    ]) {
      near(binary('d9f3', y, x), Math.atan2(y, x));
    }
  });

  it('FYL2X, FYL2XP1, F2XM1', () => {
    for (const x of [0.1, 0.9999, 1.0001, 3, 1000, 1e300]) near(binary('d9f1', 1, x), Math.log2(x));
    for (const x of [1e-10, -0.2, 0.29]) near(binary('d9f9', Math.LN2, x), Math.log1p(x));
    for (const x of [-1, -0.5, 1e-5, 0.25, 0.999]) near(unary('d9f0', x), Math.expm1(x * Math.LN2));
  });

  it('FPREM needs several steps for a large quotient and says so in C2', () => {
    const machine = freshMachine();
    machine.writeDouble(OPERAND, 3);
    machine.writeDouble(OPERAND + 8, 2 ** 100);
    machine.run(`${FLD_M64}dd0508200000d9f8`, 3);
    expect(machine.cpu.state[FPU_STATUS] & 0x400).toBe(0x400);
    machine.run('d9f8');
    expect(machine.cpu.state[FPU_STATUS] & 0x400).toBe(0);
    machine.run(FSTP_M64);
    expect(machine.readDouble(OPERAND)).toBe(1);
  });
});
