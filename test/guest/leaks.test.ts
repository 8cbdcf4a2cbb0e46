import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Machine } from '../../kernel/index.js';
import { KERNEL_STACK_PAGES } from '../../kernel/mm/kernel-stack.js';
import { guestMachine } from './guest-program.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nt86-leaks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Everything that a process can hold. What the pool's own pages cost is left out: freed blocks may keep a page. So are the kernel
 * stacks that are kept for the next threads.
 */
function holdings({ kernel }: Machine) {
  const { mm, ob, ps, ke, io } = kernel;
  const types = Object.values(ob.types);
  const tags = mm.pool.trackers.list().filter(({ paged, nonPaged }) => paged.bytes + nonPaged.bytes > 0);
  const deadStacks = mm.deadKernelStacks.count * KERNEL_STACK_PAGES;
  return {
    objects: Object.fromEntries(types.map(({ name, objectCount }) => [name, objectCount])),
    handles: types.reduce((sum, { handleCount }) => sum + handleCount, 0),
    pool: Object.fromEntries(tags.map(({ tag, paged, nonPaged }) => [tag, [paged.bytes, nonPaged.bytes]])),
    kernelStacks: mm.committed.kernelStacks - deadStacks,
    commit: mm.commit.charged - mm.committed.pool - deadStacks,
    frames: mm.lists.availablePages + mm.committed.pool + deadStacks,
    addressSpaces: mm.addressSpaces.length,
    processes: ps.processes.length,
    timers: ke.dispatcher.timers.count,
    openFiles: io.volumes.reduce((sum, volume) => sum + volume.openBelow([]).length, 0),
  };
}

/** A machine that has only loaded ntdll.dll, which stays for the machine's life. */
function booted(pae: boolean) {
  const { machine, close } = guestMachine('hello', { machine: { pae } });
  machine.kernel.ps.loadSystemDll();
  const result = holdings(machine);
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
    expect(holdings(machine)).toEqual(booted(pae));
    close();
  });
});
