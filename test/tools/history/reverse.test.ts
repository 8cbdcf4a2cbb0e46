import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSession, executeLine } from '../../../tools/debugger/index.js';
import { NodeVolume } from '../../../tools/node-volume.js';
import { guestImages } from '../../../tools/package-root.js';
import { debugSample, sampleHost } from '../debugger/debugged-program.js';

/** What r says of a register. */
async function register(run: (line: string) => Promise<string>, name: string): Promise<string> {
  return (await run(`r ${name}`)).replace(/.*=/, '');
}

describe('t-', () => {
  it('undoes instructions one by one', async () => {
    const { run } = await debugSample();
    const contexts: string[] = [];
    for (let step = 0; step < 60; step++) {
      contexts.push(await run('r'));
      await run('t');
    }
    for (const context of contexts.reverse()) expect(await run('t-')).toContain(context);
    expect(await run('t-')).toContain('The beginning of what can be gone back to');
  });

  it('undoes many at once, and they can be done again', async () => {
    const { run } = await debugSample();
    const start = await run('r');
    await run('t 0n200');
    const later = await run('r');
    expect(await run('t- 0n200')).toContain(start);
    expect(await run('r')).toBe(start);
    await run('t 0n200');
    expect(await run('r')).toBe(later);
  });

  it('brings a program back that has ended', async () => {
    const { run, guestOutput, session } = await debugSample();
    expect(await run('g')).toContain('The program has ended');
    const output = guestOutput();
    expect(await run('t-')).toContain('sysenter');
    expect(session.execution.ended).toBeNull();
    expect(await run('g')).toContain('The program has ended with status 0000003c');
    expect(guestOutput()).toBe(output);
  });

  it('goes back in front of an instruction that raised an exception', async () => {
    const { run } = await debugSample('!');
    expect(await run('g')).toContain('Access violation');
    const eip = await register(run, 'eip');
    await run('t-');
    expect(await register(run, 'eip')).toBe(eip);
    expect(await run('t')).toContain('Access violation');
  });
});

describe('!tt', () => {
  it('goes all the way, whatever Ctrl-C has stopped before', async () => {
    const { run, session } = await debugSample('*');
    // No checkpoint on the way: it is executed again in several slices.
    session.history?.run(5_000_000);
    session.execution.breakRequested = true;
    await run('!tt 0n4000000');
    expect(session.machine.kernel.cpu.instructionCount).toBe(4_000_000);
  });
});

describe('p- and gu-', () => {
  it('go back over a call, and out of a function in front of its call', async () => {
    const { run } = await debugSample();
    await run('bp sample!leaf; g; gu; bc *');
    const behind = await register(run, 'eip');
    expect(await run('p-')).toMatch(/call {4}sample!leaf/);
    await run('p');
    expect(await register(run, 'eip')).toBe(behind);
    expect(await run('gu-')).toMatch(/call {4}sample!middle/);
  });

  it('are t- where there is no call', async () => {
    const { run } = await debugSample();
    await run('t 0n10');
    const context = await run('r');
    await run('t');
    expect(await run('p-')).toBe(context);
  });
});

describe('g-', () => {
  it('meets the breakpoints in reverse order, then the beginning', async () => {
    const { run } = await debugSample();
    await run('bp sample!leaf; bp sample!middle; sxi ld');
    const stops: string[] = [];
    for (let text = await run('g'); !text.includes('ended'); text = await run('g')) stops.push(text);
    expect(stops.length).toBeGreaterThan(2);
    for (const stop of stops.reverse()) expect(await run('g-')).toBe(stop);
    expect(await run('g-')).toContain('The beginning');
  });

  it('does not count hits, and minds conditions', async () => {
    const { run } = await debugSample();
    await run('bp /w "poi(esp+4) == 1" sample!leaf; g');
    const stop = await run('r');
    await run('g');
    expect(await run('g-')).toContain(stop);
    expect(await run('g-')).toContain('The beginning');
  });

  it('stops in front of the instruction that touched watched memory', async () => {
    const { run, session } = await debugSample();
    await run('bp sample!leaf; g; bc *');
    const address = session.address('sample!table');
    await run(`ba w4 ${address.toString(16)}; g`);
    const behind = session.machine.kernel.cpu.instructionCount;
    expect(await run('g')).toMatch(/ended|Breakpoint 0 hit/);
    let text = await run('g-');
    while (session.machine.kernel.cpu.instructionCount >= behind) text = await run('g-');
    expect(text).toContain('Breakpoint 0 hit');
    expect(session.machine.kernel.cpu.instructionCount).toBe(behind - 1);
  });
});

describe('files of the host', () => {
  it('stay as they are, which is said once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nt86-files-'));
    try {
      const said: string[] = [];
      const host = sampleHost(() => undefined, guestImages);
      const drive = new NodeVolume({ directory: folder, readOnly: false });
      const session = createSession(
        {
          imagePath: '\\??\\Z:\\text-files.exe',
          commandLine: 'Z:\\text-files.exe',
          currentDirectory: 'C:\\',
        },
        { ...host, volumes: new Map([...host.volumes, ['C', drive]]) },
        (text) => said.push(text),
      );
      session.stopped(await session.start());
      await executeLine(session, 'sxi ld; t 10; t- 1', false, () => undefined);
      expect(said).toEqual([]);
      await executeLine(session, 'g; t-', false, () => undefined);
      expect(said.join('\n')).not.toContain('files of the host');
      const { beginning } = session.history ?? { beginning: 0 };
      await executeLine(session, `!tt 0n${beginning}; t 2; t-`, false, () => undefined);
      expect(said.filter((line) => line.includes('files of the host'))).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('!lastwrite', () => {
  it('tells of what the kernel wrote, and of the service', async () => {
    const { run } = await debugSample();
    await run('bp ntdll!NtWriteFile; g; bc *');
    await run('r $t0=poi(esp+14); gu');
    expect(await run('!lastwrite $t0 4')).toMatch(/^The last write, to [0-9a-f]{8}, by the kernel in NtWriteFile\n/);
  });

  it('finds the instruction that wrote a byte last', async () => {
    const { run, session } = await debugSample();
    await run('bp sample!leaf; g');
    const top = session.address('@esp');
    expect(await run('!lastwrite esp 4')).toContain(`The last write, to ${top.toString(16).padStart(8, '0')}`);
    expect(await run('u eip L1')).toMatch(/call {4}sample!leaf/);
  });

  it.each([
    ['what the program stored', '@esp', /^The last write, to/],
    ['zeros', '@$t1', /^Nobody wrote there[\s\S]*the next instruction takes it[\s\S]*demand-zero: gave the page/],
    ['an image', 'sample!start', /^Nobody wrote there[\s\S]*kernel {7}(transition|mapped-file|shared): /],
    ['the page that all share', '7ffe0030', /^Nobody wrote there[\s\S]*shared: mapped a shared page/],
  ])('says which fault brought a page of %s', async (_what, address, text) => {
    const { run, session } = await debugSample();
    await run('bp sample!leaf; g; bc *; .frame 2; r $t1=poi(page)+2004');
    const position = session.machine.kernel.cpu.instructionCount;
    expect(await run(`!lastwrite ${address}`)).toMatch(text);
    const there = session.machine.kernel.cpu.instructionCount;
    expect(there).toBeLessThan(position);
    const said = JSON.stringify(session.lastEvent);
    await run(`!tt 0n${position}`);
    await run(`!lastwrite ${address}`);
    expect([session.machine.kernel.cpu.instructionCount, JSON.stringify(session.lastEvent)]).toEqual([there, said]);
  });

  it('says that nobody wrote it, and no fault brought it', async () => {
    const { run } = await debugSample();
    expect(await run('!lastwrite @$teb+fc0')).toContain('The beginning');
  });
});

describe('a change', () => {
  it('begins a new future, and is part of the past from then on', async () => {
    const { run, session } = await debugSample();
    await run('bp sample!leaf; g; g');
    const second = session.machine.kernel.cpu.instructionCount;
    await run('g-');
    await run('r ebx=12345678');
    const position = session.machine.kernel.cpu.instructionCount;
    await run('g');
    expect(session.machine.kernel.cpu.instructionCount).toBe(second);
    expect(await register(run, 'ebx')).toBe('12345678');
    await run('t-');
    expect(await register(run, 'ebx')).toBe('12345678');
    await run(`!tt 0n${position - 1}`);
    expect(await register(run, 'ebx')).not.toBe('12345678');
    await run('t');
    expect(await register(run, 'ebx')).toBe('12345678');
    await run(`!tt 0n${position - 100}; g`);
    await run('g');
    expect(await register(run, 'ebx')).toBe('12345678');
  });
});
