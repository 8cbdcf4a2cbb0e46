import { spawn } from 'node:child_process';
import net from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Host, Machine } from '../../../kernel/index.js';
import { createSession, stopText } from '../../../tools/debugger/index.js';
import { framePacket } from '../../../tools/gdb/index.js';
import { guestImages } from '../../../tools/package-root.js';
import { useCommandLine } from '../command-line.js';
import { sampleHost } from './debugged-program.js';

const command = useCommandLine();
const wordCount = join(guestImages, 'word-count.exe');

interface Seen {
  output: string;
  readonly trace: string[];
}

/** A host whose standard input is a pipe that brings these pieces, each only when it was asked for the n-th time. */
function pipeHost(seen: Seen, pieces: readonly string[], pauses: number): Host {
  const host = sampleHost((text) => {
    seen.output += text;
  }, guestImages);
  const left = [...pieces];
  let asked = 0;
  const read = (): Uint8Array | 'eof' | 'wait' => {
    if (asked++ < pauses) return 'wait';
    asked = 0;
    const piece = left.shift();
    return piece === undefined ? 'eof' : new TextEncoder().encode(piece);
  };
  return { ...host, console: { ...host.console, read } };
}

const optionsOf = (seen: Seen) => ({
  imagePath: '\\??\\Z:\\word-count.exe',
  commandLine: 'Z:\\word-count.exe',
  trace: { faults: true, syscalls: true, threads: true, sink: (line: string) => seen.trace.push(line) },
});

describe('a program that reads from a pipe', () => {
  const pieces = ['one two ', 'three two\n', 'three three'];

  it('runs the same when the machine stands still until the pipe has brought something', () => {
    const run = (pauses: number) => {
      const seen: Seen = { output: '', trace: [] };
      const machine = new Machine(optionsOf(seen), pipeHost(seen, pieces, pauses));
      let result = machine.run();
      let waits = 0;
      for (; result.reason === 'waiting'; waits++) result = machine.run();
      return { seen, result, waits };
    };
    const plain = run(0);
    const paused = run(5);
    expect(plain.seen.output).toContain('6 words');
    expect([plain.waits, paused.waits > pieces.length]).toEqual([0, true]);
    expect({ ...paused, waits: 0 }).toEqual(plain);
  });

  it('is broken into and gone back in under the debugger, and ends as ever', async () => {
    const seen: Seen = { output: '', trace: [] };
    const session = createSession(optionsOf(seen), pipeHost(seen, pieces, 3), () => undefined);
    await session.start();
    session.release();
    setTimeout(() => {
      session.execution.breakRequested = true;
    }, 1);
    let event = session.stopped(await session.execution.go());
    expect(event.kind).toBe('break-in');
    const position = session.machine.kernel.cpu.instructionCount;
    expect(stopText(session, event)).toContain('Break-in');
    await session.stepBack();
    await session.travelTo(position);
    while (session.execution.ended === null) event = session.stopped(await session.execution.go());
    const plain: Seen = { output: '', trace: [] };
    const result = new Machine(optionsOf(plain), pipeHost(plain, pieces, 0)).run();
    expect(event).toEqual({ kind: 'ended', result });
    expect(seen).toEqual(plain);
  });
});

/** Starts nt86 with a standard input that stays open, and collects what it says. */
function start(args: readonly string[]) {
  const child = spawn(process.execPath, [command().script, ...args], { stdio: 'pipe' });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (text: string) => {
      said += text;
    });
  }
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  /** Waits for words, and gives what was said up to their end. */
  const until = async (words: string | RegExp): Promise<string> => {
    for (let tries = 0; tries < 3000; tries++) {
      const found = said.match(words);
      if (found !== null) return said.slice(0, (found.index ?? 0) + found[0].length);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`nt86 never said ${words}, but ${JSON.stringify(said)}`);
  };
  return { child, exited, until, said: () => said };
}

describe('a debugger whose program waits for a pipe', () => {
  const commands = 'sxi ld; sxe sc:NtReadFile; g; sxi sc; g; k; g';

  it('is broken into by Ctrl-C, and gives the program its input later', async () => {
    const { child, exited, until, said } = start(['debug', '-c', commands, wordCount]);
    await until('System call NtReadFile');
    // The second g begins a moment later: Ctrl-C comes while it waits.
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.kill('SIGINT');
    await until('Break-in');
    child.stdin.end('a b b\n');
    expect(await exited).toBe(0);
    expect(said()).toContain('ntdll!NtReadFile+0xc');
    expect(said()).toContain('3 words');
  });

  it('leaves a pipe with commands to them', async () => {
    const { stdout, exitCode } = await command().run(['debug', wordCount], { input: 'sxi ld\ng\nq\n' });
    expect(stdout).toContain('The program has ended with status');
    expect(exitCode).toBe(0);
  });

  it('is interrupted by gdb', async () => {
    const { child, exited, until } = start(['run', '--gdb', '0', wordCount]);
    const port = /:(\d+)\n/.exec(await until(/target remote 127\.0\.0\.1:\d+\n/))?.[1];
    const socket = net.connect(Number(port), '127.0.0.1');
    const answers: string[] = [];
    socket.setEncoding('latin1').on('data', (text: string) => answers.push(text));
    const answered = async (pattern: RegExp): Promise<void> => {
      for (let tries = 0; !pattern.test(answers.join('')); tries++) {
        if (tries === 3000) throw new Error(`gdb's server never said ${pattern}, but ${answers.join('')}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      answers.length = 0;
    };
    const send = (body: string): unknown => socket.write(framePacket(body));
    send('QStartNoAckMode');
    await answered(/OK/);
    // Libraries are stops of their own.
    for (let stop = 'library'; /library/.test(stop); ) {
      send('c');
      const interrupt = setTimeout(() => socket.write('\x03'), 1000);
      await new Promise((resolve) => socket.once('data', resolve));
      clearTimeout(interrupt);
      stop = answers.join('');
      answers.length = 0;
      if (!/library/.test(stop)) expect(stop).toMatch(/T02/);
    }
    send('D');
    await answered(/OK/);
    child.stdin.end('x y\n');
    expect(await exited).toBe(0);
    await until('2 words');
  });
});
