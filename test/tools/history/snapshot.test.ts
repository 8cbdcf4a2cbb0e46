import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeSnapshot, SnapshotError } from '../../../tools/history/snapshot-file.js';
import { bootGuest, restoreGuest, type SavedGuestOptions, type Seen } from './saved-guest.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nt86-snapshot-'));
  folders.push(folder);
  return folder;
}

const seen = (): Seen => ({ output: '', trace: [] });

/** Runs a program, saves it on the way, goes on with what was saved, and compares with the run that was not interrupted. */
function expectSameEnd(name: string, places: readonly number[], options: SavedGuestOptions = {}): void {
  const whole = seen();
  const plain = bootGuest(name, whole, { ...options, ...folderOf(options) }).machine;
  const end = plain.run();
  const { counters } = plain;
  for (const place of places) {
    const parts = seen();
    const own = { ...options, ...folderOf(options) };
    const first = bootGuest(name, parts, own);
    first.machine.run({ maxInstructions: Math.floor(end.instructions * place) });
    const file = first.save(null);
    const second = restoreGuest(file, name, parts, own);
    expect(Buffer.compare(second.save(null), file)).toBe(0);
    expect(second.machine.verify()).toBeNull();
    expect(second.machine.run()).toEqual(end);
    expect(second.machine.verify()).toBeNull();
    expect(parts.output).toBe(whole.output);
    const difference = whole.trace.findIndex((line, index) => line !== parts.trace[index]);
    expect([difference, parts.trace[difference]]).toEqual([-1, undefined]);
    expect({ ...second.machine.counters }).toEqual({ ...counters });
  }
}

/** A copy of the folder for each run, with equal times. */
function folderOf({ folder }: SavedGuestOptions): SavedGuestOptions {
  if (folder === undefined) return {};
  const copy = freshFolder();
  cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
  return { folder: copy };
}

describe('save, restore, run is run', () => {
  it.each([
    ['threads', [0, 0.7]],
    ['sleep', [0.5, 0.9]],
    ['mapping', [0.8]],
    ['heap', [0.6]],
    ['signals', [0.9]],
    ['virtual-memory', [0.5]],
  ] as const)('%s', (name, places) => expectSameEnd(name, places));

  it('a program that is paged', () => {
    expectSameEnd('memory-pressure', [0.4, 0.8], { machine: { memorySize: 24 << 20 } });
  });

  it('a program that writes files', () => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'given.txt'), 'given\r\n'.repeat(1000));
    expectSameEnd('text-files', [0.5, 0.9], { folder });
  });

  it('with frames that have no room in the linear memory', () => {
    const machine = { memorySize: 24 << 20, hostMemory: { linear: 0x18_0000 } };
    expectSameEnd('memory-pressure', [0.6], { machine });
  });

  it('with two-level page tables', () => expectSameEnd('threads', [0.6], { machine: { pae: false } }));
});

describe('a snapshot that is no good is refused', () => {
  const machine = bootGuest('sleep', seen());
  machine.machine.run({ maxInstructions: 30_000 });
  const file = machine.save({ any: 'recipe' });

  it('gives back the recipe', () => expect(decodeSnapshot(file).recipe).toEqual({ any: 'recipe' }));

  it('wherever a byte is flipped', () => {
    const places = [
      ...Array(64).keys(),
      ...Array.from({ length: 200 }, (_, index) => Math.floor((file.length * index) / 200)),
    ];
    for (const place of places) {
      const damaged = Uint8Array.from(file);
      damaged[place] ^= 1 << (place % 8);
      expect(() => decodeSnapshot(damaged)).toThrow(SnapshotError);
    }
  });

  it('wherever it is cut off', () => {
    for (const length of [0, 1, 8, 11, 43, 44, 45, file.length >> 1, file.length - 1]) {
      expect(() => decodeSnapshot(file.slice(0, length))).toThrow(SnapshotError);
    }
  });

  it('says what is wrong', () => {
    expect(() => decodeSnapshot(new TextEncoder().encode('#!/bin/sh, and no snapshot at all'))).toThrow(
      'is no snapshot',
    );
    const later = Uint8Array.from(file);
    later[8] = 99;
    expect(() => decodeSnapshot(later)).toThrow('is a snapshot of format 99; this nt86 reads format 1');
    const cut = file.slice(0, -5);
    expect(() => decodeSnapshot(cut)).toThrow('is damaged: its checksum is wrong');
  });

  it('made by other code, with other drives or flags', () => {
    const snapshot = decodeSnapshot(file);
    expect(() => restoreGuest(file, 'sleep', seen(), { folder: freshFolder() })).toThrow(
      'was made with the drives Z: (read-only)',
    );
    expect(() => restoreGuest(file, 'sleep', seen(), { machine: { pae: false } })).toThrow('boots differently');
    expect(snapshot.code).toMatch(/^[0-9a-f]{64}$/);
  });

  it('when a file that was open has changed or gone', () => {
    const folder = freshFolder();
    const options = { folder, argument: 'given.txt' };
    writeFileSync(join(folder, 'given.txt'), 'given '.repeat(100_000));
    const other = bootGuest('word-count', seen(), options);
    const opened = () => other.save(null).length;
    expect(opened()).toBeGreaterThan(0);
    let length = 0;
    while (!decodeSnapshot(other.save(null)).image.nodes.some((node) => JSON.stringify(node).includes('given.txt'))) {
      other.machine.run({ maxInstructions: 5_000 });
      if (++length > 200) throw new Error('the program never opened its file');
    }
    const saved = other.save(null);
    writeFileSync(join(folder, 'given.txt'), 'GIVEN '.repeat(100_000));
    expect(() => restoreGuest(saved, 'word-count', seen(), options)).toThrow(
      'needs a file that is not as it was: C:\\given.txt',
    );
    rmSync(join(folder, 'given.txt'));
    expect(() => restoreGuest(saved, 'word-count', seen(), options)).toThrow(
      'needs a file that is not there: C:\\given.txt',
    );
  });
});
