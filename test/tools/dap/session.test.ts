import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import { describe, expect, it } from 'vitest';
import { guestImages } from '../../../tools/package-root.js';
import { useCommandLine } from '../command-line.js';
import {
  connect,
  launchSample,
  nextStop,
  run,
  sampleProgram,
  sampleSource,
  scope,
  stack,
  startSample,
  variables,
} from './dap-client.js';

const LINE_OF_LEAF = 15;
const source = { path: sampleSource };

const atLine =
  (line: number, wish: object = {}) =>
  (client: DebugClient) =>
    client.setBreakpointsRequest({ source, breakpoints: [{ line, ...wish }] });

/** Stopped at the first statement of leaf. */
async function atLeaf(launch: object = {}) {
  const conversation = connect();
  const stop = await launchSample(conversation, { ...launch }, atLine(LINE_OF_LEAF));
  const threadId = stop.threadId ?? 0;
  const [frame] = await stack(conversation.client, threadId);
  return { ...conversation, stop, threadId, frame };
}

describe('a session', () => {
  it('launches, runs to the end, shows the output, and tells the exit code', async () => {
    const { client, output, events, ended } = connect();
    const terminated = client.waitForEvent('terminated');
    await Promise.all([client.configurationSequence(), client.launch({ program: sampleProgram })]);
    await terminated;
    expect(output.stdout).toBe('done\r\n');
    expect(events.find(({ event }) => event === 'exited')?.body).toEqual({ exitCode: 60 });
    expect(events.filter(({ event }) => event === 'stopped')).toEqual([]);
    await client.disconnectRequest();
    await ended;
  });

  it('stops on entry, and passes arguments and machine flags', async () => {
    const conversation = connect();
    const { client } = conversation;
    const stop = await launchSample(conversation, { stopOnEntry: true, args: ['x', 'y z'], maxmem: '32M', pae: false });
    expect(stop.reason).toBe('entry');
    const [top] = await stack(client, stop.threadId ?? 0);
    expect(top.name).toContain('ntdll!KiUserApcDispatcher');
    expect(
      (await scope(client, top.id, 'Kernel')).values['Page table entry of EIP'].variablesReference,
    ).toBeGreaterThan(0);
    await client.disconnectRequest();
  });

  it('stops in modules that come later, and leaves files as the program wrote them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nt86-dap-'));
    writeFileSync(join(folder, 'in.txt'), 'cached '.repeat(3000));
    const { client, ended } = connect();
    const initialized = client.waitForEvent('initialized');
    await client.initializeRequest();
    const program = join(guestImages, 'file-copy.exe');
    const launched = client.launchRequest({ program, mount: [`C=${folder}`], args: ['in.txt', 'out.txt'] } as never);
    await Promise.all([launched, initialized]);
    const wanted = [{ name: 'kernel32!ExitProcess' }, { name: 'nosuch!function' }];
    const { body } = await client.setFunctionBreakpointsRequest({ breakpoints: wanted });
    expect(body.breakpoints.map(({ verified }) => verified)).toEqual([false, false]);
    const resolved = client.waitForEvent('breakpoint');
    const stopped = nextStop(client);
    await client.configurationDoneRequest();
    const { id } = body.breakpoints[0];
    expect((await resolved).body).toMatchObject({ reason: 'changed', breakpoint: { id, verified: true } });
    expect((await stopped).hitBreakpointIds).toEqual([id]);
    await client.disconnectRequest();
    await ended;
    expect(readFileSync(join(folder, 'out.txt'), 'latin1')).toBe('cached '.repeat(3000));
    rmSync(folder, { recursive: true });
  });

  it('pauses a program that waits for a named pipe', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nt86-dap-'));
    const stdin = join(folder, 'words');
    execFileSync('mkfifo', [stdin]);
    const conversation = connect();
    const { client, output } = conversation;
    const initialized = client.waitForEvent('initialized');
    await client.initializeRequest();
    await Promise.all([
      client.launchRequest({ program: join(guestImages, 'word-count.exe'), stdin } as never),
      initialized,
    ]);
    await client.configurationDoneRequest();
    expect(await run(client, 'pause', { threadId: 1 })).toMatchObject({ reason: 'pause' });
    const terminated = client.waitForEvent('terminated');
    await client.continueRequest({ threadId: 1 });
    writeFileSync(stdin, 'a b a');
    await terminated;
    expect(output.stdout).toContain('0 lines, 3 words, 5 bytes, 2 distinct');
    await client.disconnectRequest();
    rmSync(folder, { recursive: true });
  });

  it('tells of modules and threads', async () => {
    const { client, events, threadId } = await atLeaf();
    const modules = events.filter(({ event }) => event === 'module').map(({ body }) => body.module.name);
    expect(modules).toEqual(expect.arrayContaining(['sample.exe', 'kernel32.dll', 'ntdll.dll']));
    expect((await client.modulesRequest({})).body.modules.length).toBe(3);
    expect((await client.threadsRequest()).body.threads).toEqual([
      { id: threadId, name: expect.stringMatching(/^sample\.exe /) },
    ]);
    await client.disconnectRequest();
  });
});

describe('breakpoints', () => {
  it('at a line stop in front of it, with the stack behind', async () => {
    const { client, stop, threadId } = await atLeaf();
    expect(stop).toMatchObject({ reason: 'breakpoint', allThreadsStopped: true });
    const frames = await stack(client, threadId);
    expect(
      frames.slice(0, 3).map(({ name, line, source: file }) => [name.replace(/\+.*/, ''), line, file?.path]),
    ).toEqual([
      ['sample!leaf', 15, sampleSource],
      ['sample!middle', 23, sampleSource],
      ['sample!start', 46, sampleSource],
    ]);
    await client.disconnectRequest();
  });

  it('move to the next line with code, and say where there is none', async () => {
    const conversation = connect();
    const { client } = conversation;
    await launchSample(conversation, { stopOnEntry: true });
    const { body } = await client.setBreakpointsRequest({ source, breakpoints: [{ line: 12 }, { line: 5000 }] });
    expect(body.breakpoints[0]).toMatchObject({ verified: true, line: 14 });
    expect(body.breakpoints[1]).toMatchObject({ verified: false, message: expect.stringContaining('No code for') });
    await client.disconnectRequest();
  });

  it.each([
    ['a condition', { condition: 'poi(depth) == 3' }, '0n3'],
    ['a hit count', { hitCondition: '4' }, '0n3'],
    ['a modulo of hits', { hitCondition: '% 5' }, '0n4'],
    ['one hit alone', { hitCondition: '== 2' }, '0n1'],
  ])('take %s', async (_name, wish, depth) => {
    const conversation = connect();
    const { client } = conversation;
    const stop = await launchSample(conversation, {}, atLine(LINE_OF_LEAF, wish));
    const [frame] = await stack(client, stop.threadId ?? 0);
    expect((await scope(client, frame.id, 'Locals')).values.depth.value).toBe(depth);
    await client.disconnectRequest();
  });

  it('write log messages and go on', async () => {
    const conversation = connect();
    const { client, output } = conversation;
    const terminated = client.waitForEvent('terminated');
    void startSample(conversation, {}, atLine(LINE_OF_LEAF, { logMessage: 'depth is {poi(depth)}, {nosuch}' }));
    await terminated;
    expect(output.console).toContain('depth is 0x4, {');
    expect(output.console.match(/depth is/g)?.length).toBe(10);
    await client.disconnectRequest();
  });

  it('stop at functions, instructions and data, and go when they are replaced', async () => {
    const conversation = connect();
    const { client } = conversation;
    const stop = await launchSample(conversation, {}, (one) =>
      one.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'sample!middle' }, { name: 'nosuch' }] }),
    );
    expect(stop.reason).toBe('function breakpoint');
    await client.setFunctionBreakpointsRequest({ breakpoints: [] });

    const [frame] = await stack(client, stop.threadId ?? 0);
    const info = await client.dataBreakpointInfoRequest({ name: 'table[2]', frameId: frame.id });
    expect(info.body).toMatchObject({ dataId: '0x00405008,4', accessTypes: ['read', 'write', 'readWrite'] });
    const data = await client.setDataBreakpointsRequest({
      breakpoints: [{ dataId: info.body.dataId ?? '', accessType: 'write' }],
    });
    expect(data.body.breakpoints[0].verified).toBe(true);
    expect((await run(client, 'continue', { threadId: stop.threadId })).reason).toBe('data breakpoint');
    expect((await client.evaluateRequest({ expression: 'table[2]' })).body.result).toBe('0n4');
    await client.setDataBreakpointsRequest({ breakpoints: [] });

    const address = (await client.evaluateRequest({ expression: 'sample!say' })).body.memoryReference;
    await client.customRequest('setInstructionBreakpoints', { breakpoints: [{ instructionReference: address }] });
    expect((await run(client, 'continue', { threadId: stop.threadId })).reason).toBe('instruction breakpoint');
    await client.disconnectRequest();
  });
});

describe('steps', () => {
  it('go by lines over, into and out of functions', async () => {
    const conversation = connect();
    const { client } = conversation;
    const { threadId = 0 } = await launchSample(conversation, {}, atLine(22));
    const where = async () => {
      const [{ name, line }] = await stack(client, threadId);
      return `${name.replace(/\+.*/, '')}:${line}`;
    };
    expect(await where()).toBe('sample!middle:22');
    expect((await run(client, 'next', { threadId })).reason).toBe('step');
    expect(await where()).toBe('sample!middle:23');
    await run(client, 'stepIn', { threadId });
    expect(await where()).toMatch(/^sample!leaf:1[45]$/);
    await run(client, 'stepOut', { threadId });
    expect(await where()).toBe('sample!middle:23');
    await client.setBreakpointsRequest({ source, breakpoints: [] });
    await run(client, 'next', { threadId });
    await run(client, 'next', { threadId });
    expect(await where()).toMatch(/^sample!(middle:2[45]|start:4[67])$/);
    await client.disconnectRequest();
  });

  it('go by instructions', async () => {
    const { client, threadId, frame } = await atLeaf();
    const before = Number(frame.instructionPointerReference);
    await run(client, 'stepIn', { threadId, granularity: 'instruction' });
    const [after] = await stack(client, threadId);
    expect(Number(after.instructionPointerReference)).toBe(before + 3);
    await client.disconnectRequest();
  });

  it('go back by lines, instructions, and to breakpoints', async () => {
    const { client, threadId, frame } = await atLeaf();
    const where = async () => (await stack(client, threadId))[0];
    await run(client, 'next', { threadId });
    await run(client, 'next', { threadId });
    expect((await where()).line).toBe(17);
    await run(client, 'stepBack', { threadId });
    expect((await where()).line).toBe(16);
    await run(client, 'stepBack', { threadId });
    expect((await where()).instructionPointerReference).toBe(frame.instructionPointerReference);
    await run(client, 'stepBack', { threadId, granularity: 'instruction' });
    expect((await where()).line).toBe(14);
    await run(client, 'continue', { threadId });
    await run(client, 'continue', { threadId });
    expect((await client.evaluateRequest({ expression: 'depth' })).body.result).toBe('0n1');
    expect((await run(client, 'reverseContinue', { threadId })).reason).toBe('breakpoint');
    expect((await client.evaluateRequest({ expression: 'depth' })).body.result).toBe('0n0');
    const beginning = await run(client, 'reverseContinue', { threadId });
    expect(beginning.description).toContain('oldest instruction');
    await client.disconnectRequest();
  });

  it('are interrupted by pause', async () => {
    const conversation = connect();
    const { client } = conversation;
    await launchSample(conversation, { args: ['*'] }, atLine(51));
    await client.setBreakpointsRequest({ source, breakpoints: [] });
    const stop = nextStop(client);
    await client.continueRequest({ threadId: 0 });
    await expect(client.stackTraceRequest({ threadId: 0 })).rejects.toThrow('The program runs');
    await client.pauseRequest({ threadId: 0 });
    expect((await stop).reason).toBe('pause');
    await client.disconnectRequest();
  });
});

describe('variables', () => {
  it('are shown in their types, opened and changed', async () => {
    const { client, frame, output } = await atLeaf();
    const { reference, values } = await scope(client, frame.id, 'Locals');
    expect(values.depth).toMatchObject({ value: '0n0', type: 'int' });
    expect(values.p).toMatchObject({ value: '0x00402000', type: 'struct point *' });
    const fields = await variables(client, values.p.variablesReference);
    expect(Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value]))).toEqual({
      x: '0n3',
      y: '0n4',
      name: '"origin"',
    });
    const changed = await client.setVariableRequest({
      variablesReference: values.p.variablesReference,
      name: 'x',
      value: '100',
    });
    expect(changed.body.value).toBe('0n100');
    expect(
      (await client.setVariableRequest({ variablesReference: reference, name: 'tint', value: 'RED' })).body.value,
    ).toBe('RED (0n0)');
    expect((await client.evaluateRequest({ expression: 'p->x', frameId: frame.id })).body.result).toBe('0n100');
    expect((await client.evaluateRequest({ expression: 'origin.name[1]' })).body.result).toBe("0n114 'r'");
    await client.setBreakpointsRequest({ source, breakpoints: [] });
    const exited = client.waitForEvent('exited');
    await client.continueRequest({ threadId: 0 });
    // 5 times 97 more than without.
    expect((await exited).body).toEqual({ exitCode: 60 + 5 * 97 });
    expect(output.stdout).toBe('done\r\n');
    await client.disconnectRequest();
  });

  it('of upper frames are theirs', async () => {
    const { client, threadId } = await atLeaf();
    const frames = await stack(client, threadId);
    expect((await scope(client, frames[1].id, 'Locals')).values.count.value).toBe('0n5');
    expect((await client.evaluateRequest({ expression: 'i', frameId: frames[1].id })).body.result).toBe('0n0');
    await client.disconnectRequest();
  });

  it('are registers and flags too, and what the kernel knows', async () => {
    const { client, frame } = await atLeaf();
    const { reference, values } = await scope(client, frame.id, 'Registers');
    expect(values.eip.value).toBe(frame.instructionPointerReference);
    await client.setVariableRequest({ variablesReference: reference, name: 'eax', value: '1234' });
    expect((await client.evaluateRequest({ expression: '@eax' })).body.result).toBe('0x1234');
    const flags = values.Flags.variablesReference;
    await client.setVariableRequest({ variablesReference: flags, name: 'zf', value: '1' });
    expect((await variables(client, flags)).zf.value).toBe('1');
    expect(Object.keys(await variables(client, values['Floating point'].variablesReference))).toContain('xmm7');
    const kernel = (await scope(client, frame.id, 'Kernel')).values;
    const pte = await variables(client, kernel['Page table entry of EIP'].variablesReference);
    expect((await variables(client, pte.pte.variablesReference)).pfn.value).toMatch(/^\d+ \(0x/);
    await client.disconnectRequest();
  });
});

describe('memory', () => {
  it('is read, written and disassembled', async () => {
    const { client, frame } = await atLeaf();
    const memoryReference = (await client.evaluateRequest({ expression: 'origin' })).body.memoryReference ?? '';
    const read = await client.customRequest('readMemory', { memoryReference, count: 8 });
    expect(Buffer.from(read.body.data, 'base64').toString('hex')).toBe('0300000004000000');
    await client.customRequest('writeMemory', {
      memoryReference,
      offset: 4,
      data: Buffer.from([9]).toString('base64'),
    });
    expect((await client.evaluateRequest({ expression: 'origin.y' })).body.result).toBe('0n9');
    const hole = await client.customRequest('readMemory', { memoryReference: '0x1000', count: 16 });
    expect(hole.body).toMatchObject({ data: '', unreadableBytes: 16 });

    const { body } = await client.disassembleRequest({
      memoryReference: frame.instructionPointerReference ?? '',
      instructionOffset: -3,
      instructionCount: 6,
    });
    expect(body?.instructions.map(({ address }) => address).indexOf(frame.instructionPointerReference ?? '')).toBe(3);
    expect(body?.instructions[0]).toMatchObject({
      instruction: expect.stringContaining('push'),
      symbol: 'sample!leaf',
    });
    expect(body?.instructions[3]).toMatchObject({ line: LINE_OF_LEAF, location: { path: sampleSource } });
    await client.disconnectRequest();
  });
});

describe('exceptions', () => {
  it('stop by class, explained down to the page tables', async () => {
    const conversation = connect();
    const { client } = conversation;
    const stop = await launchSample(conversation, { args: ['!'] }, (one) =>
      one.setExceptionBreakpointsRequest({ filters: ['access', 'unhandled'] }),
    );
    expect(stop).toMatchObject({ reason: 'exception', text: '0xc0000005 STATUS_ACCESS_VIOLATION' });
    const { body } = await client.exceptionInfoRequest({ threadId: stop.threadId ?? 0 });
    expect(body).toMatchObject({ exceptionId: '0xc0000005', breakMode: 'always' });
    expect(body.description).toContain('no VAD: the lowest 64 KB belong to nobody');
    const second = await run(client, 'continue', { threadId: stop.threadId });
    expect(second.description).toContain('nobody handled it');
    const exited = client.waitForEvent('exited');
    await client.continueRequest({ threadId: 0 });
    expect((await exited).body).toEqual({ exitCode: 0xc0000005 });
    await client.disconnectRequest();
  });

  it('do not stop when no filter is chosen', async () => {
    const conversation = connect();
    const { client } = conversation;
    const exited = client.waitForEvent('exited');
    void startSample(conversation, { args: ['!'] }, (one) =>
      one.setExceptionBreakpointsRequest({ filters: ['nosuch'] }),
    );
    expect((await exited).body).toEqual({ exitCode: 0xc0000005 });
    await client.disconnectRequest();
  });
});

describe('the console', () => {
  it('takes kd commands, also those that run the program', async () => {
    const { client, frame, threadId } = await atLeaf();
    const ask = async (expression: string) =>
      (await client.evaluateRequest({ expression, context: 'repl', frameId: frame.id })).body.result;
    expect(await ask('? 1+1')).toBe('Evaluate expression: 2 = 00000002');
    expect(await ask('dv')).toContain('depth = 0n0');
    await expect(ask('nosuch')).rejects.toThrow('Syntax error');
    const stopped = nextStop(client);
    expect((await client.evaluateRequest({ expression: 'p 3', context: 'repl' })).body.result).toContain('eip=');
    await stopped;
    expect((await stack(client, threadId))[0].line).toBe(16);
    const { body } = await client.completionsRequest({ text: 'bp sample!le', column: 13 });
    expect(body.targets).toContainEqual({ label: 'sample!leaf', start: 4, length: 9 });
    const terminated = client.waitForEvent('terminated');
    await client.evaluateRequest({ expression: 'q', context: 'repl' });
    await terminated;
    await client.disconnectRequest();
  });
});

describe('next by instructions', () => {
  it('goes over a call, where stepIn goes into it', async () => {
    const { client, threadId } = await atLeaf();
    const [, caller] = await stack(client, threadId);
    const call = Number(caller.instructionPointerReference) - 5;
    await client.setBreakpointsRequest({ source, breakpoints: [] });
    const breakpoints = [{ instructionReference: `0x${call.toString(16)}` }];
    await client.customRequest('setInstructionBreakpoints', { breakpoints });
    for (const [command, name] of [
      ['next', 'sample!middle'],
      ['stepIn', 'sample!leaf'],
    ]) {
      await run(client, 'continue', { threadId });
      await run(client, command, { threadId, granularity: 'instruction' });
      expect((await stack(client, threadId))[0].name).toContain(name);
    }
    await client.disconnectRequest();
  });
});

describe('going elsewhere', () => {
  it('restarts from the first instruction, standing or running, with its breakpoints and all of its output', async () => {
    const { client, output } = await atLeaf();
    await client.setBreakpointsRequest({ source, breakpoints: [] });
    await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'ntdll!NtTerminateProcess' }] });
    await run(client, 'continue', { threadId: 0 });
    expect(output.stdout).toBe('done\r\n');
    await client.setFunctionBreakpointsRequest({ breakpoints: [] });
    await client.setBreakpointsRequest({ source, breakpoints: [{ line: LINE_OF_LEAF, condition: 'poi(depth) == 2' }] });
    const stop = await run(client, 'restart');
    expect(stop.reason).toBe('breakpoint');
    const [top] = await stack(client, stop.threadId ?? 0);
    expect((await scope(client, top.id, 'Locals')).values.depth.value).toBe('0n2');
    await client.setBreakpointsRequest({ source, breakpoints: [] });
    const terminated = client.waitForEvent('terminated');
    await client.continueRequest({ threadId: stop.threadId ?? 0 });
    await terminated;
    expect(output.stdout).toBe('done\r\ndone\r\n');
    await client.disconnectRequest();
  });

  it('restarts a program that runs for ever', async () => {
    const conversation = connect();
    const { client } = conversation;
    await launchSample(conversation, { args: ['*'], stopOnEntry: true });
    await client.continueRequest({ threadId: 0 });
    const stop = await run(client, 'restart');
    expect(stop.reason).toBe('entry');
    await client.disconnectRequest();
  });

  it('goes on at another line', async () => {
    const { client, threadId, frame } = await atLeaf();
    expect(frame.line).toBe(LINE_OF_LEAF);
    const { targets } = (await client.customRequest('gotoTargets', { source, line: 18 })).body;
    expect(targets).toMatchObject([{ line: 18 }]);
    const stop = await run(client, 'goto', { threadId, targetId: targets[0].id });
    expect(stop.reason).toBe('goto');
    expect((await stack(client, threadId))[0].line).toBe(18);
    expect((await client.customRequest('gotoTargets', { source, line: 4000 })).body.targets).toEqual([]);
    await client.disconnectRequest();
  });
});

describe('a client that counts from 0 and names files by URI', () => {
  it('is understood, and answered in kind', async () => {
    const { client } = connect();
    const initialized = client.waitForEvent('initialized');
    const adapterID = 'nt86';
    await client.initializeRequest({ adapterID, linesStartAt1: false, columnsStartAt1: false, pathFormat: 'uri' });
    await Promise.all([client.launchRequest({ program: sampleProgram } as never), initialized]);
    const line = LINE_OF_LEAF - 1;
    const file = { path: pathToFileURL(sampleSource).href };
    const { breakpoints } = (await client.setBreakpointsRequest({ source: file, breakpoints: [{ line }] })).body;
    expect(breakpoints).toMatchObject([{ verified: true, line }]);
    const stopped = nextStop(client);
    await client.configurationDoneRequest();
    const { threadId = 0 } = await stopped;
    const [frame] = await stack(client, threadId);
    expect(frame).toMatchObject({ line, source: file });
    const { targets } = (await client.customRequest('gotoTargets', { source: file, line: 17 })).body;
    expect(targets).toMatchObject([{ line: 17 }]);
    const memoryReference = frame.instructionPointerReference ?? '';
    const listed = await client.customRequest('disassemble', { memoryReference, instructionCount: 1 });
    expect(listed.body.instructions).toMatchObject([{ line, location: file }]);
    const { body } = await client.completionsRequest({ text: 'bp sample!le', column: 12 });
    expect(body.targets).toContainEqual({ label: 'sample!leaf', start: 3, length: 9 });
    const nowhere = client.setBreakpointsRequest({ source: { path: sampleSource }, breakpoints: [{ line }] });
    await expect(nowhere).rejects.toThrow('is no URI of a file');
    await client.disconnectRequest();
  });
});

describe('bad input', () => {
  it.each([
    ['launch', { program: '/nosuch.exe' }, 'no such file'],
    ['launch', {}, 'name a program'],
    ['launch', { program: sampleProgram, args: 'x' }, 'args must be an array'],
    ['launch', { program: sampleProgram, maxmem: '1K' }, '--maxmem'],
    ['launch', { program: sampleProgram, nosuch: 1 }, "unknown property 'nosuch'"],
    ['launch', { program: sampleProgram, stdin: '/nosuch' }, 'stdin /nosuch'],
    ['launch', { program: sampleSource }, 'not a Windows program'],
    ['threads', {}, 'No program was launched'],
    ['attach', {}, 'There is nothing to attach to'],
    ['launch', { program: sampleProgram, historyMemory: '1M' }, 'at least 16M'],
    ['restart', {}, 'No program was launched'],
    ['nosuch', {}, "'nosuch' is not supported"],
  ])('%s %j is refused with words', async (command, given, words) => {
    const { client } = connect();
    await client.initializeRequest();
    await expect(client.customRequest(command, given)).rejects.toThrow(words);
    await client.disconnectRequest();
  });

  it.each([
    ['stackTrace', { threadId: 7 }, 'There is no thread 7'],
    ['scopes', { frameId: 999 }, 'There is no frame 999'],
    ['variables', { variablesReference: 999 }, 'There are no variables 999'],
    ['variables', null, 'There are no variables'],
    ['setBreakpoints', { breakpoints: [] }, 'bad arguments'],
    ['setBreakpoints', { source: {} }, 'the source has no path'],
    ['readMemory', { memoryReference: 'x', count: 4 }, "'x' is no address"],
    ['writeMemory', { memoryReference: '0x1000', data: 'AA==' }, 'cannot be written'],
    ['evaluate', { expression: '((' }, 'error'],
    ['exceptionInfo', {}, 'did not stop at an exception'],
    ['setInstructionBreakpoints', {}, 'bad arguments'],
  ])('%s %j is refused, and the session goes on', async (command, given, words) => {
    const { client, threadId } = await atLeaf();
    await expect(client.customRequest(command, given)).rejects.toThrow(words);
    expect((await stack(client, threadId))[0].line).toBe(LINE_OF_LEAF);
    await client.disconnectRequest();
  });

  it('that is no protocol at all ends nothing', async () => {
    const { client, input } = connect();
    input.write('Content-Length: 5\r\n\r\n{{{{{');
    expect((await client.initializeRequest()).success).toBe(true);
    await client.disconnectRequest();
  });

  it('such as a client that goes without a word ends the adapter', async () => {
    const { input, ended } = await atLeaf();
    input.end();
    input.destroy();
    await ended;
  });
});

describe('nt86 dap', () => {
  const command = useCommandLine();

  it('speaks the protocol on its standard streams', async () => {
    const starter = join(command().folder, 'adapter.mjs');
    writeFileSync(starter, `process.argv.push('dap');\nawait import(${JSON.stringify(command().script)});\n`);
    const client = new DebugClient('node', starter, 'nt86');
    client.defaultTimeout = 60_000;
    await client.start();
    await client.hitBreakpoint({ program: sampleProgram }, { path: sampleSource, line: LINE_OF_LEAF });
    await client.stop();
  });

  it('ends with its input', async () => {
    const child = spawn(process.execPath, [command().script, 'dap'], { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin.end();
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  });
});
