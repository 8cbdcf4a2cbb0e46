import { spawn, spawnSync } from 'node:child_process';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { type GdbServer, parseGdbAddress, serveGdb } from '../../../tools/gdb/index.js';
import { type DebuggedProgram, debugSample } from '../debugger/debugged-program.js';
import { sampleFolder } from '../debugger/sample-image.js';

interface Served {
  readonly program: DebuggedProgram;
  readonly server: GdbServer;
  readonly said: string[];
}

async function serve(argument = '', host = '127.0.0.1'): Promise<Served> {
  const program = await debugSample(argument);
  const said: string[] = [];
  const server = await serveGdb(program.session, { host, port: 0 }, (line) => said.push(line));
  return { program, server, said };
}

/** Sends bytes and collects what comes back until the server closes the connection, or `until` is in it. */
function talk(port: number, bytes: string, until?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      if (until !== undefined && answer.includes(until)) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

describe('--gdb', () => {
  it('takes [HOST:]PORT', () => {
    expect(parseGdbAddress('1234')).toEqual({ host: '127.0.0.1', port: 1234 });
    expect(parseGdbAddress(':1234')).toEqual({ host: '127.0.0.1', port: 1234 });
    expect(parseGdbAddress('0.0.0.0:1')).toEqual({ host: '0.0.0.0', port: 1 });
    expect(parseGdbAddress('[::1]:99')).toEqual({ host: '::1', port: 99 });
    for (const text of ['', 'x', '99999', '1:2:3', 'a b:1x', '-1']) expect(parseGdbAddress(text), text).toBeNull();
  });

  it('warns when it listens to more than this computer', async () => {
    const { server, said } = await serve('', '0.0.0.0');
    expect(said[0]).toContain('the protocol has no authentication');
    server.cancel();
    expect(await server.ending).toBe('cancelled');
    const quiet = await serve();
    expect(quiet.said.length).toBe(1);
    quiet.server.cancel();
  });

  it('says that a port is in use', async () => {
    const { server, program } = await serve();
    const second = serveGdb(program.session, { host: '127.0.0.1', port: server.port }, () => undefined);
    await expect(second).rejects.toThrow('EADDRINUSE');
    server.cancel();
  });

  it('survives garbage, half a packet and clients that drop', async () => {
    const { server, said, program } = await serve();
    await talk(server.port, '\x00\xff garbage $$$x#00 \x03\x03', '-');
    await talk(server.port, '$qSupported#37+$m4020', 'PacketSize');
    await talk(server.port, '$QStartNoAckMode#b0', '$OK#9a');
    expect(await talk(server.port, '$qAttached#8f', '#31')).toBe('+$1#31');
    expect(said.filter((line) => line.includes('the client has gone')).length).toBeGreaterThanOrEqual(3);
    expect(await program.run('r eip')).toMatch(/^eip=/);
    server.cancel();
  });

  it('turns a second client away while there is one', async () => {
    const { server } = await serve();
    const first = net.connect(server.port, '127.0.0.1');
    await new Promise((resolve) => first.once('connect', resolve));
    first.write('$qAttached#8f');
    await new Promise((resolve) => first.once('data', resolve));
    expect(await talk(server.port, '$qAttached#8f')).toBe('');
    first.destroy();
    server.cancel();
  });
});

const hasGdb = spawnSync('gdb', ['--version'], { stdio: 'ignore' }).status === 0;
if (!hasGdb) console.log('gdb is not installed: its tests are skipped (Debian: gdb)');

/** Runs gdb with these commands at the program, and gives what it says. */
async function gdb({ server }: Served, commands: readonly string[]): Promise<string> {
  const start = ['set confirm off', 'set pagination off', 'set debuginfod enabled off', 'set width 0'];
  const all = [...start, `target remote 127.0.0.1:${server.port}`, ...commands];
  const child = spawn('gdb', ['-nx', '-q', '-batch', ...all.flatMap((command) => ['-ex', command])], {
    cwd: sampleFolder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
  });
  child.stderr.on('data', (data) => {
    said += data;
  });
  await new Promise((resolve) => child.on('close', resolve));
  return said;
}

describe.skipIf(!hasGdb)('the real gdb', () => {
  it('finds symbols through the connection, breaks, walks stacks, shows variables, ends', async () => {
    const served = await serve();
    const said = await gdb(served, [
      'break start',
      'continue',
      'break leaf',
      'continue',
      'backtrace',
      'print *p@1',
      'info registers cr3',
      'up',
      'print count',
      'info sharedlibrary',
      'delete',
      'continue',
    ]);
    expect(said).toContain('Breakpoint 1, start () at ./sample.c:42');
    expect(said).toContain('Breakpoint 2, leaf (depth=0, p=0x402000 <origin>) at ./sample.c:15');
    expect(said).toMatch(
      /#1 {2}0x[0-9a-f]+ in middle \(count=5\) at \.\/sample\.c:23\n#2 {2}0x[0-9a-f]+ in start \(\)/,
    );
    expect(said).toContain('$1 = {{x = 3, y = 4, name = "origin\\000"}}');
    expect(said).toContain('$2 = 5');
    expect(said).toMatch(/cr3 +0x[0-9a-f]+/);
    expect(said).toMatch(/0x7c801000 .*ntdll\.dll\n/);
    expect(said).toContain('exited with code 074');
    expect(served.program.guestOutput()).toBe('done\r\n');
    expect(await served.server.ending).toBe('ended');
  });

  it('steps by line and instruction, over and out of functions', async () => {
    const served = await serve();
    const said = await gdb(served, [
      'break middle',
      'continue',
      'next',
      'step',
      'stepi',
      'print $pc',
      'finish',
      'next',
    ]);
    expect(said).toMatch(/Breakpoint 1, middle \(count=5\) at \.\/sample\.c:22/);
    expect(said).toMatch(/\nleaf \(depth=0, p=0x402000 <origin>\) at \.\/sample\.c:15/);
    expect(said).toMatch(/\n\$1 = \(void \(\*\)\(\)\) 0x401009 <leaf\+9>/);
    expect(said).toMatch(/Value returned is \$2 = 8/);
    served.server.cancel();
  });

  it('watches data', async () => {
    const served = await serve();
    const said = await gdb(served, [
      'break start',
      'continue',
      'watch table[3]',
      'rwatch origin.x',
      'continue',
      'delete 3',
      'continue',
    ]);
    expect(said).toMatch(/Hardware read watchpoint 3: origin\.x\n\nValue = 3\n/);
    expect(said).toMatch(/Hardware watchpoint 2: table\[3\]\n\nOld value = 0\nNew value = 6\n/);
    served.server.cancel();
  });

  it('goes back', async () => {
    const served = await serve();
    const said = await gdb(served, [
      'break middle',
      'continue',
      'watch table[3]',
      'continue',
      'next',
      'reverse-step',
      'stepi',
      'reverse-stepi',
      'reverse-continue',
      'print table[3]',
      'reverse-continue',
      'print $pc',
      'reverse-continue',
    ]);
    expect(said).toMatch(/Hardware watchpoint 2: table\[3\]\n\nOld value = 0\nNew value = 6\n/);
    expect(said).toMatch(/Hardware watchpoint 2: table\[3\]\n\nOld value = 6\nNew value = 0\n/);
    expect(said).toMatch(/\$1 = 0\n/);
    expect(said).toMatch(/Breakpoint 1, middle/);
    expect(said).toContain('No more reverse-execution history.');
    served.server.cancel();
  });

  it('sees threads and exceptions', async () => {
    const threads = await serve();
    const said = await gdb(threads, ['break second', 'continue', 'info threads', 'thread apply all backtrace 1']);
    expect(said).toMatch(/\* 2 +Thread [0-9a-f]+ "sample\.exe" second \(/);
    expect(said).toMatch(/ {2}1 +Thread [0-9a-f]+ "sample\.exe" .*KiFastSystemCallRet/);
    threads.server.cancel();

    const served = await serve('!');
    const crash = await gdb(served, ['continue', 'print $eip', 'monitor !analyze', 'continue', 'continue']);
    expect(crash).toContain('Program received signal SIGSEGV, Segmentation fault.');
    expect(crash).toContain('Fault: write of 00000008 from user mode');
    expect(crash).toContain('exited with code 030000000005');
    served.server.cancel();
  });

  it('changes registers, memory and variables', async () => {
    const served = await serve();
    const said = await gdb(served, [
      'break middle',
      'continue',
      'delete',
      'set var count = 2',
      'set var $xmm3.uint128 = 5',
      'print $xmm3.uint128',
      'set var origin.x = 100',
      'continue',
    ]);
    expect(said).toContain('$1 = 5');
    // leaf(0) + leaf(1) = 105 + 107.
    expect(said).toContain('exited with code 0324');
  });
});
