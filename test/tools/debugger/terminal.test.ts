import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { guestImages } from '../../../tools/package-root.js';
import { useCommandLine } from '../command-line.js';
import { sampleFolder } from './sample-image.js';

const pty = await import('node-pty').catch(() => null);
const sample = join(sampleFolder, 'sample.exe');
const command = useCommandLine();

/** A terminal with nt86 debug in it. */
class DebuggerTerminal {
  readonly #terminal: { write(text: string): void };
  readonly exited: Promise<number>;
  #screen = '';

  constructor(script: string, args: readonly string[]) {
    if (pty === null) throw new Error('node-pty is missing');
    const terminal = pty.spawn(process.execPath, [script, 'debug', ...args], { cols: 200, rows: 50, name: 'xterm' });
    terminal.onData((text) => {
      this.#screen += text;
    });
    this.exited = new Promise((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
    this.#terminal = terminal;
  }

  write(text: string): void {
    this.#terminal.write(text);
  }

  /** Waits for a text and forgets the screen up to its end. */
  async until(text: string): Promise<string> {
    for (let tries = 0; tries < 1500; tries++) {
      const at = this.#screen.indexOf(text);
      if (at >= 0) {
        const before = this.#screen.slice(0, at + text.length);
        this.#screen = this.#screen.slice(at + text.length);
        return before;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the terminal never showed ${JSON.stringify(text)}, but ${JSON.stringify(this.#screen)}`);
  }
}

// node-pty is an optional dependency: where its native part could not be built there is no terminal to test with.
describe.skipIf(pty === null)('nt86 debug in a terminal', () => {
  it('reads commands with history and completion, and ends with q', async () => {
    const terminal = new DebuggerTerminal(command().script, [sample]);
    await terminal.until('kd> ');
    // A tab that comes together with other keys counts as pasted text.
    terminal.write('bp sample!lea');
    await terminal.until('bp sample!lea');
    terminal.write('\t');
    await terminal.until('f');
    terminal.write('\r');
    await terminal.until('kd> ');
    terminal.write('g\r');
    await terminal.until('Breakpoint 0 hit');
    await terminal.until('kd> ');
    terminal.write('\x1b[A\r');
    await terminal.until('Breakpoint 0 hit');
    await terminal.until('kd> ');
    terminal.write('? poi(esp+4)\r');
    await terminal.until('Evaluate expression: 1 = 00000001');
    terminal.write('bc *; g\r');
    await terminal.until('done');
    await terminal.until('The program has ended with status 0000003c');
    terminal.write('q\r');
    expect(await terminal.exited).toBe(0);
  });

  it('breaks into a running program with Ctrl-C', async () => {
    const terminal = new DebuggerTerminal(command().script, [sample, '*']);
    await terminal.until('kd> ');
    terminal.write('sxi ld; bp sample!start; g\r');
    await terminal.until('Breakpoint 0 hit');
    await terminal.until('kd> ');
    terminal.write('g\r');
    await terminal.until('g\r');
    await new Promise((resolve) => setTimeout(resolve, 500));
    terminal.write('\x03');
    await terminal.until('Break-in');
    await terminal.until('kd> ');
    terminal.write('ln eip\r');
    await terminal.until('sample!start');
    terminal.write('q\r');
    expect(await terminal.exited).toBe(0);
  });

  it('breaks into a program that waits for the terminal, and leaves it its input', async () => {
    const terminal = new DebuggerTerminal(command().script, [join(guestImages, 'console-lines.exe')]);
    await terminal.until('kd> ');
    terminal.write('sxi ld; g\r');
    await terminal.until('type lines');
    terminal.write('one\r');
    await terminal.until('1: [one]');
    terminal.write('two');
    await terminal.until('two');
    terminal.write('\x03');
    await terminal.until('Break-in');
    await terminal.until('ntdll!KiFastSystemCallRet');
    await terminal.until('kd> ');
    terminal.write('k\r');
    await terminal.until('ntdll!NtReadFile+0xc');
    await terminal.until('kd> ');
    terminal.write('t\r');
    await terminal.until('Every thread waits for input');
    await terminal.until('kd> ');
    terminal.write('g\r');
    await terminal.until('g\r');
    terminal.write(' three\r');
    await terminal.until('2: [two three]');
    terminal.write('\x1a\r');
    await terminal.until('end of input after 2 lines');
    await terminal.until('The program has ended with status 00000002');
    terminal.write('q\r');
    expect(await terminal.exited).toBe(0);
  });
});

describe('nt86 debug in a script', () => {
  it('carries out the commands of -c', async () => {
    const { stdout, stderr, exitCode } = await command().run(['debug', '-c', 'sxi ld; bp leaf; g; r esp', sample]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/\nkd> sxi ld; bp leaf; g; r esp\nBreakpoint 0 hit\n[\s\S]*\nesp=0022ff74\n$/);
    expect(exitCode).toBe(0);
  });

  it('speaks JSON, a line for each command', async () => {
    const { stdout } = await command().run(['debug', '--json', '-c', 'sxi ld; g; q', sample]);
    const lines = stdout
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    expect(JSON.parse(lines[0])).toMatchObject({ stop: 'initial', symbol: 'ntdll!KiUserApcDispatcher' });
    expect(JSON.parse(lines[lines.length - 1])).toMatchObject({ stop: 'ended', reason: 'exited', status: 0x3c });
  });

  it('reads commands from standard input, and ends with it', async () => {
    const { stdout, exitCode } = await command().run(['debug', sample], { input: '? 2+2\nnosuch\n' });
    expect(stdout).toContain('Evaluate expression: 4 = 00000004\n');
    expect(stdout).toContain("Syntax error in 'nosuch'");
    expect(exitCode).toBe(0);
  });

  it('fails with 1 when a command fails, and with 2 for a script that is not there', async () => {
    expect((await command().run(['debug', '-c', 'nosuch', sample])).exitCode).toBe(1);
    const missing = await command().run(['debug', '--script', 'nosuch.kd', sample]);
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toContain('nt86: --script nosuch.kd: ');
  });

  it('leaves files as the program wrote them, wherever it is quit', async () => {
    const { folder } = command();
    mkdirSync(join(folder, 'drive'));
    const text = 'what the cache has still to write\n'.repeat(1000);
    writeFileSync(join(folder, 'drive/in.txt'), text);
    const commands = 'sxi ld; sxe epr; g; q';
    const copy = [join(guestImages, 'file-copy.exe'), 'in.txt', 'out.txt'];
    const { stdout } = await command().run(['debug', '--mount', 'C=drive', '-c', commands, ...copy]);
    expect(stdout).toContain('copied 34000 bytes');
    expect(stdout).not.toContain('has ended');
    expect(readFileSync(join(folder, 'drive/out.txt'), 'latin1')).toBe(text);
  });

  it('says what is wrong with a program that cannot be started', async () => {
    const { exitCode, stderr } = await command().run(['debug', '-c', 'g', 'nosuch.exe']);
    expect(exitCode).toBe(125);
    expect(stderr).toMatch(/^nt86: nosuch\.exe: /);
  });
});
