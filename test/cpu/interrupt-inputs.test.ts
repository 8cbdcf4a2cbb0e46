/** The processor's interrupt inputs: INTR, which IF masks, and NMI (SDM vol 3A sections 6.3.1, 6.7 and 6.8). */
import { describe, expect, it } from 'vitest';
import { ExitReason } from '../../cpu/exit-reason.js';
import { acceptInterrupt, acceptNonMaskableInterrupt } from '../../cpu/interrupts.js';
import { EAX, EIP } from '../../cpu/layout.js';
import { CODE, DATA0, execute, HANDLERS, handledVector, protectedMachine, stack } from './protected-machine.js';

const IF = 0x200;

describe('INTR', () => {
  it('run() returns Interrupted when the processor would take one: IF set, behind the shadow of STI', () => {
    const cpu = protectedMachine(0);
    cpu.setInterruptRequest(true);
    expect(execute(cpu, '40 40 fb 40 40', 100)).toBe(ExitReason.Interrupted);
    expect([cpu.state[EIP], cpu.state[EAX], cpu.getEflags() & IF]).toEqual([CODE + 4, 3, IF]);
    expect(cpu.run(100)).toBe(ExitReason.Interrupted);
    cpu.setInterruptRequest(false);
    expect(cpu.run(1)).toBe(ExitReason.Budget);
  });

  it('STI; CLI lets none in', () => {
    const cpu = protectedMachine(0);
    cpu.setInterruptRequest(true);
    expect(execute(cpu, 'fb fa 40 40', 4)).toBe(ExitReason.Budget);
    expect(cpu.state[EIP]).toBe(CODE + 4);
  });

  it('waits behind MOV SS', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = DATA0;
    execute(cpu, '8ed0 40 40');
    cpu.setEflags(IF);
    expect(acceptInterrupt(cpu, 0x20)).toBe(false);
    cpu.run(1);
    expect(acceptInterrupt(cpu, 0x20)).toBe(true);
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([0x20, CODE + 3]);
  });

  it('comes at the same instruction in single steps', () => {
    const cpu = protectedMachine(0);
    cpu.setInterruptRequest(true);
    execute(cpu, '40 40 fb 40 40', 1);
    const reasons = [1, 2, 3, 4].map(() => cpu.run(1));
    expect(reasons).toEqual([ExitReason.Budget, ExitReason.Budget, ExitReason.Budget, ExitReason.Interrupted]);
    expect(cpu.state[EIP]).toBe(CODE + 4);
  });
});

describe('NMI', () => {
  it('does not ask IF, and keeps further ones out up to the next IRET', () => {
    const cpu = protectedMachine(0);
    cpu.memory.write8(HANDLERS + 2 * 16, 0xcf);
    execute(cpu, '40 40');
    expect(acceptNonMaskableInterrupt(cpu)).toBe(true);
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([2, CODE + 1]);
    expect(acceptNonMaskableInterrupt(cpu)).toBe(false);
    cpu.run(1);
    expect(cpu.state[EIP]).toBe(CODE + 1);
    expect(acceptNonMaskableInterrupt(cpu)).toBe(true);
  });

  it('waits behind MOV SS too', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = DATA0;
    execute(cpu, '8ed0 40');
    expect(acceptNonMaskableInterrupt(cpu)).toBe(false);
  });
});
