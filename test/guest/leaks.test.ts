import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdings, leaks } from '../../kernel/index.js';
import { guestMachine } from './guest-program.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nt86-leaks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A machine that has only loaded ntdll.dll, which stays for the machine's life. */
function booted(pae: boolean) {
  const { machine, close } = guestMachine('hello', { machine: { pae } });
  machine.kernel.ps.loadSystemDll();
  const result = holdings(machine.kernel);
  close();
  return result;
}

describe.each([
  ['PAE', true],
  ['two-level', false],
])('a program that has ended leaves nothing behind: %s', (_name, pae) => {
  const none: readonly string[] = [];
  it.each([
    ['hello', none],
    ['threads', none],
    ['heap', none],
    ['rebase', none],
    ['stack-overflow', none],
    ['virtual-memory', none],
    ['vectored-repair', none],
    ['text-files', none],
    ['mapping', none],
    ['file-copy', ['source', 'target']],
    ['directory-list', ['*']],
    ['crash', ['write']],
    ['check-processes', none],
    ['hostile', ['5', '2', '150']],
  ])('%s', (name, args) => {
    writeFileSync(join(folder, 'source'), 'some text');
    const mounts = [{ drive: 'C', folder, readOnly: name === 'hostile' }];
    const { machine, close } = guestMachine(name, { args, mounts, machine: { pae, maximumInstructions: 500_000_000 } });
    machine.run();
    // The kernel alone, until the stack of the last thread has gone too.
    machine.kernel.runLoop.run(0, () => false);
    expect(machine.verify()).toBeNull();
    // What is kept of files for their next use is no leak.
    machine.kernel.mm.unusedSegments.deleteAll(machine.kernel);
    expect(machine.verify()).toBeNull();
    expect(leaks(booted(pae), holdings(machine.kernel))).toEqual([]);
    close();
  });
});
