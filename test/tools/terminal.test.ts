import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { guestImages } from '../../tools/package-root.js';
import { useCommandLine } from './command-line.js';

const pty = await import('node-pty').catch(() => null);
const nt86 = useCommandLine();

const LEFT = '\x1b[D';
const RIGHT = '\x1b[C';
const UP = '\x1b[A';
const DOWN = '\x1b[B';
const HOME = '\x1b[H';
const END = '\x1b[F';
const DELETE = '\x1b[3~';

/** A program in a terminal: what it has written so far, keys for it, and its end. */
class Session {
  output = '';
  exitCode: number | null = null;
  readonly #terminal;
  #changed: () => void = () => undefined;
  #seen = 0;

  constructor(file: string, args: readonly string[]) {
    if (pty === null) throw new Error('node-pty is missing');
    this.#terminal = pty.spawn(file, [...args], { cols: 80, rows: 25, name: 'xterm' });
    this.#terminal.onData((data) => {
      this.output += data;
      this.#changed();
    });
    this.#terminal.onExit(({ exitCode }) => {
      this.exitCode = exitCode;
      this.#changed();
    });
  }

  type(keys: string): void {
    this.#terminal.write(keys);
  }

  /** Waits until a text has come behind the last one that was waited for; fails when the program ends without it. */
  async expect(text: string): Promise<void> {
    for (;;) {
      const at = this.output.indexOf(text, this.#seen);
      if (at >= 0) {
        this.#seen = at + text.length;
        return;
      }
      if (this.exitCode !== null) throw new Error(`no ${JSON.stringify(text)} in ${JSON.stringify(this.output)}`);
      await this.#change();
    }
  }

  async end(): Promise<number> {
    while (this.exitCode === null) await this.#change();
    return this.exitCode;
  }

  kill(): void {
    if (this.exitCode === null) this.#terminal.kill('SIGKILL');
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}

const sessions: Session[] = [];
function start(file: string, args: readonly string[]): Session {
  const session = new Session(file, args);
  sessions.push(session);
  return session;
}
const run = (program: string, ...args: string[]): Session =>
  start(process.execPath, [nt86().script, 'run', join(guestImages, `${program}.exe`), ...args]);

afterEach(() => {
  for (const session of sessions.splice(0)) session.kill();
});

// node-pty is an optional dependency: where its native part could not be built there is no terminal to test with.
describe.skipIf(pty === null)('a program that reads lines from a terminal', () => {
  it('gives keys one at a time, without characters too, and takes events from the program itself', async () => {
    const session = run('console-keys');
    for (const line of ['written 3', 'there 3', 'peeked 2, hit 1', 'read 3 x 0 16', 'left 0, hit 0', 'ready']) {
      await session.expect(`${line}\r\n`);
    }
    for (const [keys, codes] of [
      ['a', '61.'],
      ['\r', '0d.'],
      ['\x7f', '08.'],
      ['\x03', '03.'],
      [UP, 'e0 48.'],
      [DELETE, 'e0 53.'],
      ['\x1bOP', '00 3b.'],
      ['\x1b', '1b.'],
    ]) {
      session.type(keys);
      await session.expect(`${codes}\r\n`);
    }
    session.type('q');
    await session.expect('! 0');
    expect(await session.end()).toBe(0);
  });

  it('echoes keys, gives lines, and ends with Ctrl-Z Enter', async () => {
    const session = run('console-lines');
    await session.expect('type lines\r\n');
    session.type('hello');
    await session.expect('hello');
    session.type('\r');
    await session.expect('\r\n1: [hello]\r\n');
    session.type('\x1a\r');
    expect(await session.end()).toBe(1);
    expect(session.output).toBe('type lines\r\nhello\r\n1: [hello]\r\n^Z\r\nend of input after 1 lines\r\n');
  });

  it('has the editing keys of a Windows console', async () => {
    const session = run('console-lines');
    await session.expect('type lines\r\n');
    const lines: [string, string][] = [
      ['helx\x7flo', 'hello'],
      [`heo${LEFT}ll`, 'hello'],
      [`ello${HOME}h${END}!`, 'hello!'],
      [`hxello${HOME}${RIGHT}${DELETE}`, 'hello'],
    ];
    for (const [index, [keys, line]] of lines.entries()) {
      session.type(`${keys}\r`);
      await session.expect(`${index + 1}: [${line}]\r\n`);
    }
    session.type(`${UP}${UP}${DOWN}!\r`);
    await session.expect('5: [hello!]\r\n');
    session.type('größe €\r');
    await session.expect('6: [größe €]\r\n');
    session.type('\x04');
    expect(await session.end()).toBe(6);
  });

  it('echoes what was typed ahead once, when it is read', async () => {
    const session = run('console-lines');
    await session.expect('type lines\r\n');
    session.type('one\rtwo\rthree\r\x1a\r');
    expect(await session.end()).toBe(3);
    expect(session.output).toBe(
      'type lines\r\none\r\n1: [one]\r\ntwo\r\n2: [two]\r\nthree\r\n3: [three]\r\n^Z\r\nend of input after 3 lines\r\n',
    );
  });

  it('ends with CONTROL_C_EXIT at Ctrl-C', async () => {
    const session = run('console-lines');
    await session.expect('type lines\r\n');
    session.type('half a li\x03');
    await session.expect('^C\r\n');
    expect(await session.end()).toBe(0x3a);
  });
});

describe.skipIf(pty === null || process.platform === 'win32')('the terminal itself', () => {
  const settings = (line: string): Session => start('/bin/sh', ['-c', `stty -a; ${line}; echo "status $?"; stty -a`]);
  const script = (): string => `'${process.execPath}' '${nt86().script}' run`;

  /** What stty shows before and after must agree. */
  function restored(output: string): void {
    const blocks = output.split(/(?=speed \d+ baud)/).filter((block) => block.startsWith('speed'));
    expect(blocks).toHaveLength(2);
    const modes = blocks.map((block) => block.match(/-?\b(icanon|echo|isig|icrnl|opost|onlcr|iexten)\b/g));
    expect(modes[1]).toEqual(modes[0]);
    expect(modes[0]).toContain('icanon');
  }

  it.each([
    ['a program that ends by itself', 'hello', '', 0],
    ['an access violation', 'crash', 'write', 139],
  ])('is as before after %s', async (_what, program, argument, status) => {
    const session = settings(`${script()} '${join(guestImages, `${program}.exe`)}' ${argument}`);
    await session.end();
    expect(session.output).toContain(`status ${status}\r\n`);
    restored(session.output);
  });

  it('is as before after Ctrl-C in the middle of a read', async () => {
    const session = settings(`${script()} '${join(guestImages, 'console-lines.exe')}'`);
    await session.expect('type lines\r\n');
    session.type('abc\x03');
    await session.end();
    expect(session.output).toContain('status 58\r\n');
    restored(session.output);
  });

  it('is as before after SIGTERM', async () => {
    const program = `${script()} '${join(guestImages, 'console-lines.exe')}'`;
    // A shell gives what it starts with & no keyboard, unless told to.
    const session = settings(`exec 3<&0; ${program} <&3 & echo "process $!."; wait $!`);
    await session.expect('type lines\r\n');
    process.kill(Number(/process (\d+)\./.exec(session.output)?.[1]), 'SIGTERM');
    await session.end();
    expect(session.output).toContain('status 143\r\n');
    restored(session.output);
  });

  it('is left alone when input comes from elsewhere', async () => {
    const session = settings(`echo from a pipe | ${script()} '${join(guestImages, 'console-lines.exe')}'`);
    await session.end();
    expect(session.output).toContain('1: [from a pipe]\r\nend of input after 1 lines\r\nstatus 1\r\n');
    restored(session.output);
  });
});
