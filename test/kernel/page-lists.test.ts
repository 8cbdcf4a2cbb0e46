import { describe, expect, it } from 'vitest';
import { PageLocation } from '../../kernel/mm/layout.js';
import { COLORS } from '../../kernel/mm/page-lists.js';
import { findPte, removeFromWorkingSet } from '../../kernel/mm/page-table.js';
import { MemoryMachine } from './memory-machine.js';

describe('page lists (nt52 3.5, 3.6)', () => {
  const fill = (machine: MemoryMachine, frame: number): void => {
    machine.memory.write32(frame * 4096, 0x12345678);
  };

  it('hand out the colour that is asked for while it lasts', () => {
    const { mm } = new MemoryMachine({ megabytes: 8 });
    for (const color of [0, 7, 63]) expect(mm.lists.removeZeroPage(color) % COLORS).toBe(color);
    expect(mm.lists.removeZeroPageIfAny(9) % COLORS).toBe(9);
  });

  it('zeroed: last in, first out; free: first in, first out', () => {
    const { mm } = new MemoryMachine({ megabytes: 8 });
    const { lists } = mm;
    const frames = [lists.removeZeroPage(3), lists.removeZeroPage(3), lists.removeZeroPage(3)];
    for (const frame of frames) lists.insertZeroed(frame);
    expect(lists.removeZeroPage(3)).toBe(frames[2]);
    lists.insertFree(frames[2]);
    const [first] = [frames[2]];
    const second = lists.removeZeroPage(3);
    lists.insertFree(second);
    expect(lists.removeAnyPage(3)).toBe(first);
    expect(lists.removeAnyPage(3)).toBe(second);
  });

  it('prefer zeroed pages for zeros, free ones for anything, and standby last', () => {
    const machine = new MemoryMachine({ megabytes: 8 });
    const { lists, pfn } = machine.mm;
    const free = lists.removeZeroPage(5);
    fill(machine, free);
    lists.insertFree(free);
    expect(lists.removeAnyPage(5)).toBe(free);
    lists.insertFree(free);
    // Other colours with zeros come before a free page of the colour.
    while (lists.zeroed.total > 0) {
      const frame = lists.removeZeroPage(5);
      expect(frame).not.toBe(free);
      expect(pfn.location(frame)).toBe(PageLocation.Zeroed);
    }
    const last = lists.removeZeroPage(9);
    expect(last).toBe(free);
    expect(machine.memory.read32(last * 4096)).toBe(0);
    expect(lists.removeZeroPage(0)).toBe(0);
    expect(lists.removeAnyPage(0)).toBe(0);
    expect(lists.availablePages).toBe(0);
  });

  it('give the owner of a repurposed standby page its original PTE back', () => {
    const machine = new MemoryMachine({ megabytes: 8 });
    const { mm } = machine;
    const { format, lists, pfn } = mm;
    const space = machine.createSpace();
    machine.reserve(space, 0x10000, 16, 4, true);
    machine.write(0x10000, 5);
    const at = findPte(mm, space, 0x10000);
    const frame = format.frame(at);
    removeFromWorkingSet(mm, space, 0x10000);
    // As if a page writer had saved it.
    lists.unlink(frame);
    pfn.setModified(frame, false);
    lists.insertStandby(frame, false);
    expect(mm.verify()).toBeNull();
    let taken = 0;
    while (lists.zeroed.total + lists.free.total > 0) taken = lists.removeAnyPage(0);
    expect(taken).not.toBe(0);
    expect(lists.removeAnyPage(0)).toBe(frame);
    expect(format.isDemandZero(at)).toBe(true);
    expect(lists.standbyRepurposed).toBe(1);
  });
});

describe('much memory', () => {
  it('is linked into the zeroed list as it is needed, in the same order as if all had been at once', () => {
    const { mm } = new MemoryMachine({ megabytes: 800, largePageMinimum: Number.POSITIVE_INFINITY });
    const { lists } = mm;
    expect(lists.unlinkedPages).toBeGreaterThan(100_000);
    const last = new Array<number>(COLORS).fill(0);
    for (let turn = 0; turn < 100_000; turn++) {
      const color = turn % COLORS;
      const frame = lists.removeZeroPage(color);
      if (frame % COLORS !== color || frame !== (last[color] || frame - COLORS) + COLORS) {
        throw new Error(`frame ${frame} after ${last[color]}`);
      }
      last[color] = frame;
    }
    expect(lists.knownFrames).toBeLessThan(140_000);
    while (lists.zeroed.total > 0) lists.removeZeroPageIfAny(5);
    expect([lists.unlinkedPages, lists.knownFrames]).toEqual([0, mm.pfn.frameCount]);
  });
});
