import { describe, expect, it } from 'vitest';
import { Checkpointer, Machine } from '../../../kernel/index.js';
import { sampleHost, sampleOptions } from '../debugger/debugged-program.js';

describe('a checkpoint', () => {
  it('brings a machine back to its boot, and the run is the same again', () => {
    const output: string[] = [];
    const machine = new Machine(
      sampleOptions(''),
      sampleHost((text) => output.push(text)),
    );
    const checkpointer = new Checkpointer(machine, machine.kernel.cpu);
    const boot = checkpointer.take();
    const first = machine.run();
    const firstOutput = output.splice(0);
    expect(machine.verify()).toBeNull();
    for (let repetition = 0; repetition < 2; repetition++) {
      checkpointer.restore(boot);
      expect(machine.kernel.cpu.instructionCount).toBe(0);
      expect(machine.verify()).toBeNull();
      expect(machine.run()).toEqual(first);
      expect(output.splice(0)).toEqual(firstOutput);
      expect(machine.verify()).toBeNull();
    }
  });

  it('shares what has not changed with the one before', () => {
    const machine = new Machine(
      sampleOptions(''),
      sampleHost(() => {}),
    );
    const checkpointer = new Checkpointer(machine, machine.kernel.cpu);
    const first = checkpointer.take();
    machine.run({ maxInstructions: 10 });
    const second = checkpointer.take();
    expect(second.bytesBeyond(first)).toBeLessThan(first.bytesBeyond(null) / 3);
  });
});
