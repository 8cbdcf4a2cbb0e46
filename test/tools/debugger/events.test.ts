/** Where the machine stands when an event stops it: at the event itself, in its thread, with nothing executed behind it. */
import { describe, expect, it } from 'vitest';
import { type DebuggedProgram, debugSample } from './debugged-program.js';

const eip = async ({ run }: DebuggedProgram) => (await run('r eip')).trim();
const instructions = ({ session }: DebuggedProgram) => session.machine.kernel.cpu.instructionCount;

describe('a page-fault breakpoint', () => {
  it('stops in front of the instruction that faulted, the page there and nothing stored; going back finds it too', async () => {
    const program = await debugSample();
    const { run, json } = program;
    await run('sxi ld');
    await run('bf demand-zero table');
    const stop = await json('g');
    expect(stop).toMatchObject({ stop: 'fault', symbol: expect.stringMatching(/^sample!leaf\+/) });
    const at = instructions(program);
    const where = await eip(program);
    expect(JSON.stringify(stop)).toContain(`"eip":${Number.parseInt(where.split('=')[1], 16)}`);
    expect(await run('dd table L1')).toBe('00405000  00000000');
    // The first store is of 0: what shows that it was executed is the accessed and dirty page, and the instruction counted.
    expect(await run('!pte table')).toMatch(/---DA--UW-V|-------UW-V|----A--UW-V/);
    await run('t');
    expect(instructions(program)).toBe(at + 1);
    await run('p 3');
    expect(await json('g-')).toMatchObject({ stop: 'fault', instructions: at });
    expect(await eip(program)).toBe(where);
    await run('t-');
    expect(instructions(program)).toBe(at - 1);
  });

  it('of an access violation comes first, the exception behind it at the same instruction', async () => {
    const program = await debugSample('!');
    await program.run('sxi ld');
    await program.run('bf access-violation');
    expect(await program.json('g')).toMatchObject({
      stop: 'fault',
      fault: { address: 8, outcome: 'access-violation' },
    });
    const [at, where] = [instructions(program), await eip(program)];
    expect(await program.json('g')).toMatchObject({ stop: 'exception', code: 0xc0000005, firstChance: true });
    expect([instructions(program), await eip(program)]).toEqual([at, where]);
    await program.run('t-');
    expect(instructions(program)).toBe(at);
    expect(await eip(program)).toBe(where);
  });
});

describe('other events', () => {
  it('a module: behind the service that mapped it, in its thread', async () => {
    const program = await debugSample();
    await program.run('sxe ld:kernel32');
    expect(await program.json('g')).toMatchObject({ stop: 'module', symbol: 'ntdll!KiFastSystemCallRet' });
    expect(await program.run('r eax')).toMatch(/^eax=(00000000|40000003)$/);
    const at = instructions(program);
    await program.run('t-');
    expect([instructions(program), await program.run('u eip L1')]).toEqual([
      at - 1,
      expect.stringContaining('sysenter'),
    ]);
  });

  it('threads: a new one before it has executed anything, an ending one in the service that ends it', async () => {
    const program = await debugSample();
    const { run, json, session } = program;
    await run('sxi ld');
    await run('sxe ct');
    await run('sxe et');
    expect(await json('g')).toMatchObject({ stop: 'thread' });
    const created = session.thread;
    expect(created).not.toBe(session.runningThread);
    expect(created?.userNanoseconds).toBe(0);
    expect(await json('g')).toMatchObject({ stop: 'thread' });
    expect(session.thread).toBe(created);
    expect(session.runningThread).toBe(created);
    expect(await run('k')).toContain('NtTerminateThread');
    expect(await run('g')).toContain('ended with status 0000003c');
  });
});
