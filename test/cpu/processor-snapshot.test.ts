import { describe, expect, it } from 'vitest';
import { Cpu, PhysicalMemory, restoreProcessor, saveProcessor, tlbEntry } from '../../cpu/index.js';
import { REGION_BLOCK, REGION_BUDGET, REGION_EXITS, REGION_LEFT } from '../../cpu/layout.js';

/** Fields that a snapshot need not have, and why not. */
const NOT_SAVED = [
  // Views of the linear memory, and who belongs to the processor from its construction on.
  ...['memory', 'owner', 'state', 'bytes', 'view', 'blocks', 'debug', 'ioPorts', 'numericError'],
  // Worked out anew by run() from the processor's state.
  ...['attention', 'readTable', 'writeTable', 'watching', 'watchingPorts', 'instructionSet'],
  // Means nothing between two calls of run().
  ...['descriptor', 'innerStack', 'hostAccess'],
  // Figures for the host.
  'counters',
];

describe('a processor snapshot', () => {
  it('has every field that lives between two calls of run()', () => {
    const cpu = new Cpu(new PhysicalMemory(0x10000), null);
    const saved = Object.keys(saveProcessor(cpu, null).fields);
    const fields = [...Object.keys(cpu), ...Object.keys(cpu.debug)].filter((name) => !NOT_SAVED.includes(name));
    expect([...fields, 'instructionCount'].sort()).toEqual(saved.sort());
  });

  it('brings back memory, processor page, frames and TLB, and takes away frames that were touched since', () => {
    const memory = new PhysicalMemory(0x40000);
    const cpu = new Cpu(memory, null);
    memory.write32(0x1000, 0x1234);
    expect(cpu.readSystem32(0x1000)).toBe(0x1234);
    const snapshot = saveProcessor(cpu, null);
    const entry = tlbEntry(cpu, 0x1000);
    const frames = memory.touchedFrames();
    memory.write32(0x1000, 0x5678);
    memory.write32(0x9000, 1);
    cpu.state[1] = 99;
    cpu.instructionCount = 77;
    cpu.readSystem32(0x9000);
    restoreProcessor(cpu, snapshot);
    expect(memory.read32(0x1000)).toBe(0x1234);
    expect(memory.touchedFrames()).toBe(frames);
    expect(memory.isTouched(9)).toBe(false);
    expect(memory.read32(0x9000)).toBe(0);
    expect([cpu.state[1], cpu.instructionCount]).toEqual([0, 0]);
    expect([tlbEntry(cpu, 0x1000), tlbEntry(cpu, 0x9000)]).toEqual([entry, 0]);
  });

  it('drops code that was decoded from what is no longer there', () => {
    const memory = new PhysicalMemory(0x40000);
    const cpu = new Cpu(memory, null);
    const start = (code: readonly number[]): void => {
      code.forEach((byte, index) => {
        memory.write8(0x1000 + index, byte);
      });
      cpu.setSegment(1, 0, 0, 0xffff, 0x9b);
      cpu.jump(0x1000);
    };
    start([0xb8, 0x01, 0x00]);
    const before = saveProcessor(cpu, null);
    cpu.run(1);
    expect(cpu.state[0]).toBe(1);
    memory.write8(0x1001, 2);
    cpu.codeWritten(memory.hostPage(1) + 1, 1);
    cpu.jump(0x1000);
    cpu.run(1);
    expect(cpu.state[0]).toBe(2);
    restoreProcessor(cpu, before);
    cpu.run(1);
    expect(cpu.state[0]).toBe(1);
  });

  it('knows nothing of which code was translated', () => {
    const cpu = new Cpu(new PhysicalMemory(0x40000), null);
    const { memory } = saveProcessor(cpu, null);
    for (const word of [REGION_BUDGET, REGION_BLOCK, REGION_EXITS, REGION_LEFT]) cpu.state[word] = 7;
    expect(saveProcessor(cpu, null).memory.pages).toEqual(memory.pages);
  });

  it('shares equal pages with the snapshot before', () => {
    const memory = new PhysicalMemory(0x40000);
    const cpu = new Cpu(memory, null);
    for (let frame = 0; frame < 8; frame++) memory.write32(frame * 0x1000, 1);
    const first = saveProcessor(cpu, null);
    memory.write32(0x3000, 2);
    const second = saveProcessor(cpu, first);
    const changed = second.memory.pages.filter((page, index) => page !== first.memory.pages[index]);
    expect(changed.length).toBe(1);
    expect(changed[0][0]).toBe(2);
  });
});
