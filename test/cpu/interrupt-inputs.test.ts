/** The processor's interrupt inputs: INTR, which IF masks, and NMI (SDM vol 3A sections 6.3.1, 6.7 and 6.8). */
import { describe, expect, it } from 'vitest';
import { ExitReason } from '../../cpu/exit-reason.js';
import { acceptInterrupt, acceptNonMaskableInterrupt } from '../../cpu/interrupts.js';
import { EAX, EIP, ESP } from '../../cpu/layout.js';
import {
  CODE,
  CODE0,
  DATA0,
  execute,
  HANDLERS,
  handledVector,
  protectedMachine,
  STACK0,
  stack,
} from './protected-machine.js';

const IF = 0x200;
const TF = 0x100;

describe('what an instruction keeps out until the next one is done', () => {
  /** Name, code, IF before it, and whether INTR, NMI and the single-step trap are taken right behind it. */
  const rows = [
    ['STI that sets IF', 'fb', 0, false, true, true],
    ['STI with IF set', 'fb', IF, true, true, true],
    ['MOV SS', '8ed0', IF, false, false, false],
    ['MOV DS', '8ed8', IF, true, true, true],
    ['POP SS', '17', IF, false, false, false],
    ['POP DS', '1f', IF, true, true, true],
    ['LSS', '0fb224 24', IF, true, true, true],
    ['POPF that sets IF', '9d', 0, true, true, true],
    ['IRETD that sets IF', 'cf', 0, true, true, true],
    ['NOP', '90', IF, true, true, true],
  ] as const;
  /** Tops of stacks that the instruction finds sound values on. */
  const frames: Readonly<Record<string, readonly number[]>> = {
    '17': [DATA0],
    '1f': [DATA0],
    '0fb224 24': [STACK0 - 64, DATA0],
    '9d': [IF | TF],
    cf: [CODE + 1, CODE0, IF | TF],
  };
  const start = (code: string, flags: number) => {
    const cpu = protectedMachine(0);
    cpu.setEflags(flags | 2);
    cpu.state[EAX] = DATA0;
    cpu.state[ESP] = STACK0 - 64;
    (frames[code] ?? []).forEach((value, index) => {
      cpu.memory.write32(STACK0 - 64 + index * 4, value);
    });
    return cpu;
  };

  it.each(rows)('%s', (_name, code, flags, interrupt, nonMaskable, trap) => {
    const next = CODE + code.replaceAll(' ', '').length / 2;
    const first = start(code, flags);
    execute(first, `${code}90`);
    expect([first.state[EIP], acceptInterrupt(first, 0x20)]).toEqual([next, interrupt]);
    const second = start(code, flags);
    execute(second, `${code}90`);
    expect(acceptNonMaskableInterrupt(second)).toBe(nonMaskable);
    // With TF the trap comes behind the instruction itself, or behind the NOP; IRETD and POPF set TF and let one go first.
    const setsTrap = code === '9d' || code === 'cf';
    const third = start(code, setsTrap ? flags : flags | TF);
    execute(third, `${code}9090`, setsTrap ? 3 : 2);
    expect([handledVector(third), stack(third, 0)]).toEqual([1, trap && !setsTrap ? next : next + 1]);
  });

  it('one MOV SS behind another: the second keeps nothing out that waits for the first', () => {
    const cpu = start('8ed0', IF | TF);
    execute(cpu, '8ed0 8ed0 90', 3);
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([1, CODE + 4]);
  });
});

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

  it('an IRET that faults lets the next one in: it is the handler of the fault that it interrupts', () => {
    const cpu = protectedMachine(0);
    cpu.memory.write8(HANDLERS + 2 * 16, 0xcf);
    execute(cpu, '40');
    expect(acceptNonMaskableInterrupt(cpu)).toBe(true);
    cpu.memory.write32(cpu.state[ESP] + 4, 0);
    cpu.run(1);
    expect(handledVector(cpu)).toBe(13);
    expect(acceptNonMaskableInterrupt(cpu)).toBe(true);
    expect(handledVector(cpu)).toBe(2);
  });

  it('a far return does not', () => {
    const cpu = protectedMachine(0);
    cpu.memory.write8(HANDLERS + 2 * 16, 0xcb);
    execute(cpu, '40');
    acceptNonMaskableInterrupt(cpu);
    cpu.run(1);
    expect([cpu.state[EIP], acceptNonMaskableInterrupt(cpu)]).toEqual([CODE + 1, false]);
  });

  it('has priority where both inputs are active: INTR waits for the IF that the gate cleared', () => {
    const cpu = protectedMachine(0);
    cpu.setEflags(IF | 2);
    expect(acceptNonMaskableInterrupt(cpu)).toBe(true);
    expect(acceptInterrupt(cpu, 0x20)).toBe(false);
    cpu.memory.write8(HANDLERS + 2 * 16, 0xcf);
    cpu.run(1);
    expect(acceptInterrupt(cpu, 0x20)).toBe(true);
  });

  it('waits behind MOV SS too', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = DATA0;
    execute(cpu, '8ed0 40');
    expect(acceptNonMaskableInterrupt(cpu)).toBe(false);
  });
});
