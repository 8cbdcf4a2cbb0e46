import { describe, expect, it } from 'vitest';
import { CacheMachine } from './cache-machine.js';

const text = (bytes: Uint8Array | number): string =>
  typeof bytes === 'number' ? String(bytes) : new TextDecoder().decode(bytes);
const PAGE = 4096;

function machineWith(content: string): CacheMachine {
  const machine = new CacheMachine();
  const file = machine.volume.createFile(['file']);
  if (typeof file === 'number') throw new Error('no file');
  file.write(0, new TextEncoder().encode(content));
  return machine;
}

describe('a file that another program of the host writes while it is open', () => {
  it('shows what is new to everybody from the next open on', () => {
    const machine = machineWith('old text');
    const first = machine.open('file');
    expect(text(machine.read(first, 0, 100))).toBe('old text');
    machine.volume.overwrite('file', new TextEncoder().encode('new TEXT'));
    expect(text(machine.read(first, 0, 100))).toBe('old text');
    const second = machine.open('file');
    expect(text(machine.read(second, 0, 100))).toBe('new TEXT');
    expect(text(machine.read(first, 0, 100))).toBe('new TEXT');
    expect(machine.verify()).toBeNull();
  });

  it('keeps what the machine has written meanwhile', () => {
    const machine = machineWith('a'.repeat(2 * PAGE));
    const first = machine.open('file');
    machine.read(first, 0, 2 * PAGE);
    machine.write(first, 0, new TextEncoder().encode('machine'));
    machine.volume.overwrite('file', new TextEncoder().encode('b'.repeat(2 * PAGE)));
    const second = machine.open('file');
    expect(text(machine.read(second, 0, 8))).toBe('machinea');
    expect(text(machine.read(second, PAGE, 4))).toBe('bbbb');
    expect(text(machine.volume.contents('file').subarray(0, 8))).toBe('machinea');
    expect(machine.verify()).toBeNull();
  });

  it('takes nothing that the machine itself did for news', () => {
    const machine = machineWith('a'.repeat(4 * PAGE));
    const first = machine.open('file');
    machine.read(first, 0, 4 * PAGE);
    machine.pass(1);
    machine.write(first, 4 * PAGE, new TextEncoder().encode('more'));
    machine.kernel.cc.flush(first.control);
    const { reads } = machine.volume;
    machine.pass(1);
    const second = machine.open('file');
    expect(text(machine.read(second, 4 * PAGE, 10))).toBe('more');
    expect(machine.volume.reads).toBe(reads);
    machine.close(first);
    machine.close(second);
    const third = machine.open('file');
    machine.read(third, 0, 4 * PAGE);
    expect(machine.volume.reads).toBe(reads);
    expect(machine.verify()).toBeNull();
  });

  it('and that cannot be written just now loses nothing of the machine', () => {
    const machine = machineWith('a'.repeat(PAGE));
    const first = machine.open('file');
    machine.write(first, 0, new TextEncoder().encode('machine'));
    machine.volume.overwrite('file', new TextEncoder().encode('b'.repeat(PAGE)));
    machine.volume.failure = 0xc000007f as never;
    const second = machine.open('file');
    expect(text(machine.read(second, 0, 7))).toBe('machine');
    machine.volume.failure = null;
    machine.close(first);
    machine.close(second);
    machine.kernel.cc.shutDown();
    expect(text(machine.volume.contents('file').subarray(0, 8))).toBe('machinea');
  });
});
