import { spawn } from 'node:child_process';
import net from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { framePacket } from '../../../tools/gdb/index.js';
import { useCommandLine } from '../command-line.js';
import { sampleFolder } from '../debugger/sample-image.js';

const sample = join(sampleFolder, 'sample.exe');
const command = useCommandLine();

interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs nt86 with --gdb at a free port, and sends these packets one behind the other's answer when it waits. */
function withClient(verb: string, flags: readonly string[], packets: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command().script, verb, '--gdb', '0', ...flags, sample], { stdio: 'pipe' });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (data) => {
      said.stdout += data;
    });
    child.stderr.on('data', (data) => {
      const waits = said.stderr.includes('target remote');
      said.stderr += data;
      const port = /target remote 127\.0\.0\.1:(\d+)/.exec(said.stderr)?.[1];
      if (waits || port === undefined) return;
      const left = ['QStartNoAckMode', ...packets];
      const socket = net.connect(Number(port), '127.0.0.1');
      const next = (): void => {
        const body = left.shift();
        if (body === undefined) socket.destroy();
        else socket.write(framePacket(body));
      };
      let answer = '';
      socket.on('connect', next);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        answer += bytes.toString('latin1');
        if (!/\$[^#]*#..$/.test(answer)) return;
        answer = '';
        next();
      });
    });
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...said }));
    child.stdin.end();
  });
}

describe('nt86 run --gdb', () => {
  it('runs on alone when the client detaches', async () => {
    const { exitCode, stdout, stderr } = await withClient('run', [], ['?', 'D']);
    expect(stdout).toBe('done\r\n');
    expect(stderr).toMatch(/^nt86: gdb: waiting at 127\.0\.0\.1:\d+; in gdb: target remote 127\.0\.0\.1:\d+\n$/);
    expect(exitCode).toBe(60);
  });

  it('ends without a word of the program when the client kills it', async () => {
    const { exitCode, stdout } = await withClient('run', [], ['vKill;1']);
    expect(stdout).toBe('');
    expect(exitCode).toBe(137);
  });

  it('gives the exit code of a program that ended under gdb', async () => {
    // Three libraries are loaded or known, and then it runs to its end.
    const { exitCode, stdout } = await withClient('run', [], ['c', 'c', 'c', 'c', 'c']);
    expect(stdout).toBe('done\r\n');
    expect(exitCode).toBe(60);
  });

  it.each(['x', '70000', '1:2:3'])('refuses --gdb %s', async (address) => {
    const { exitCode, stderr } = await command().run(['run', '--gdb', address, sample]);
    expect(exitCode).toBe(2);
    expect(stderr).toBe(`nt86: --gdb ${address}: write [HOST:]PORT, for example 1234\n`);
  });

  it('says that a port is in use', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { exitCode, stderr } = await command().run(['run', '--gdb', String(port), sample]);
    server.close();
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^nt86: --gdb \d+: .*in use/i);
  });
});

describe('nt86 debug --gdb', () => {
  it('carries out its commands, serves gdb, and ends', async () => {
    const { exitCode, stdout } = await withClient('debug', ['-c', 'sxi ld; bp sample!leaf; g'], ['?', 'D']);
    expect(stdout).toContain('Breakpoint 0 hit');
    expect(exitCode).toBe(0);
  });
});
