import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { privilegeByName } from '../../kernel/index.js';
import { expectedOutput, type GuestRunOptions, runGuest } from './guest-program.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nt86-guest-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const driveC = () => [{ drive: 'C', folder, readOnly: false }];

function expectOutput(name: string, options: GuestRunOptions, exitStatus: number): void {
  const run = runGuest(name, options);
  expect(run.stdout).toBe(expectedOutput(name));
  expect(run.result).toMatchObject({ reason: 'exited', status: exitStatus, unhandledException: null, bugcheck: null });
  expect(run.inconsistency).toBeNull();
}

describe('guest programs print what the same C source prints elsewhere', () => {
  it.each([
    'printf-conversions',
    'strtod',
    'mathematics',
    'mandelbrot',
    'matrix',
    'sorting',
    'integers64',
    'setjmp',
    'malloc-churn',
    'strings',
    'msvcrt-printf',
  ])('%s', (name) => expectOutput(name, {}, 0));

  it('scanf-conversions', () => {
    expectOutput('scanf-conversions', { stdin: '7 2.5 word\n1 2 3 stop here\n' }, 0);
  });
});

describe('guest programs of the Windows API', () => {
  it.each([
    ['threads', 0],
    ['thread-churn', 0],
    ['vectored-repair', 0],
    ['virtual-memory', 0],
    ['self-modifying', 0],
    ['rebase', 0],
    ['seh-frames', 0],
    ['stack-overflow', 7],
    ['sleep', 0],
    ['heap', 0],
    ['process-memory', 0],
    ['guarded-objects', 0],
    ['signals', 3],
    ['fork', 0],
  ])('%s', (name, status) => expectOutput(name, {}, status));

  it.each(['text-files', 'mapping'])('%s', (name) => expectOutput(name, { mounts: driveC() }, 0));

  it('arguments: quoting, backslashes and the environment', () => {
    const args = ['plain', 'two words', 'say "hi"', 'C:\\dir name\\', 'back\\\\slash', ''];
    const run = runGuest('arguments', { args, machine: { environment: { NT86_GREETING: 'hello there' } } });
    const lines = args.map((argument, index) => `${index + 1}: [${argument}]`);
    expect(run.stdout).toBe(['6 arguments', ...lines, 'NT86_GREETING is hello there', ''].join('\n'));
  });

  it.each([
    ['admin', [], 'Administrator', ['not held, then not held (1, error 1300)', 'disabled, then enabled (1, error 0)']],
    [
      'user',
      ['SeLockMemoryPrivilege'],
      'User',
      ['disabled, then enabled (1, error 0)', 'not held, then not held (1, error 1300)'],
    ],
    ['system', [], 'SYSTEM', ['enabled, then enabled (1, error 0)', 'enabled, then enabled (1, error 0)']],
  ] as const)('privileges of the account %s, granted %j', (account, granted, user, [lockMemory, debug]) => {
    const privileges = granted.map((name) => privilegeByName(name) ?? 0);
    expect(runGuest('privileges', { machine: { account, privileges } }).stdout.split('\n')).toEqual([
      `running as ${user}`,
      `SeLockMemoryPrivilege: ${lockMemory}`,
      `SeDebugPrivilege: ${debug}`,
      'SeChangeNotifyPrivilege: enabled, then enabled (1, error 0)',
      'SeNoSuchPrivilege: error 1313',
      '',
    ]);
  });

  it('exit-code: the status is the guest’s own, all 32 bits of it', () => {
    expect(runGuest('exit-code', { args: ['0xdeadbeef'] }).result.status).toBe(0xdeadbeef);
    const run = runGuest('exit-code', { args: ['42'] });
    expect(run.result.status).toBe(42);
    expect(run.stdout).toBe('ending with 42\ngoodbye from atexit\n');
  });

  it('console-lines: reads lines to the end of input', () => {
    const run = runGuest('console-lines', { stdin: 'first\r\nsecond\nlast without end' });
    expect(run.stdout).toBe('type lines\n1: [first]\n2: [second]\n3: [last without end]\nend of input after 3 lines\n');
    expect(run.result.status).toBe(3);
  });
});

describe('files of drive C:', () => {
  it('word-count: several megabytes of text', () => {
    const words = ['the', 'quick', 'Brown', 'fox', 'jumps', 'over', 'lazy', 'dog', 'page', 'fault'];
    let text = '';
    for (let i = 0; text.length < 3_000_000; i++)
      text += `${words[(i * i + (i >> 3)) % words.length]}${i % 11 === 10 ? '\r\n' : ' '}`;
    writeFileSync(join(folder, 'big.txt'), text);
    const counts = new Map<string, number>();
    for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const top = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, 5);
    const run = runGuest('word-count', { args: ['big.txt'], mounts: driveC() });
    expect(run.stdout.split('\n')).toEqual([
      `${text.split('\n').length - 1} lines, ${total} words, ${text.length} bytes, ${counts.size} distinct`,
      ...top.map(([word, count]) => `${String(count).padStart(7)} ${word}`),
      '',
    ]);
    expect(run.inconsistency).toBeNull();
  });

  it('file-copy: contents, sharing modes and errors', () => {
    const bytes = Uint8Array.from({ length: 123_457 }, (_, index) => (index * 7) & 0xff);
    writeFileSync(join(folder, 'Source.bin'), bytes);
    const run = runGuest('file-copy', { args: ['SOURCE.BIN', 'copy.bin'], mounts: driveC() });
    expect(run.stdout).toBe(
      'copied 123457 bytes, sizes agree: 1\nopening the target while it is not shared: error 32\n',
    );
    expect(readFileSync(join(folder, 'copy.bin')).equals(bytes)).toBe(true);
    expect(runGuest('file-copy', { args: ['none', 'x'], mounts: driveC() }).stdout).toBe('cannot open none: error 2\n');
    expect(runGuest('file-copy', { args: ['Source.bin', 'copy.bin'], mounts: driveC() }).stdout).toBe(
      'cannot create copy.bin: error 80\n',
    );
  });

  it('directory-list: patterns, sizes and the end of the search', () => {
    writeFileSync(join(folder, 'one.txt'), '1');
    writeFileSync(join(folder, 'Two.TXT'), '22');
    writeFileSync(join(folder, 'three.dat'), '333');
    const run = runGuest('directory-list', { args: ['*.txt'], mounts: driveC() });
    expect(run.stdout).toBe(`${'one.txt'.padEnd(20)} 1\n${'Two.TXT'.padEnd(20)} 2\n2 entries, ended with error 18\n`);
    expect(runGuest('directory-list', { args: ['*.none'], mounts: driveC() }).stdout).toBe('nothing: error 2\n');
  });
});

describe('unhandled exceptions', () => {
  it.each([
    ['write', 0xc0000005, [1, 0]],
    ['read', 0xc0000005, [0, 0x7fff0000]],
    ['execute', 0xc0000005, [8, 0x10]],
    ['divide', 0xc0000094, []],
    ['illegal', 0xc000001d, []],
    ['privileged', 0xc0000096, []],
    ['breakpoint', 0x80000003, []],
    ['raise', 0xe0001234, []],
    ['overflow', 0xc00000fd, null],
  ])('crash %s ends the process with its code', (kind, code, parameters) => {
    const run = runGuest('crash', { args: [kind], machine: { pae: true } });
    expect(run.stdout).toBe(`about to crash: ${kind}\n`);
    expect(run.result.unhandledException?.code).toBe(code);
    expect(run.result.status).toBe(code);
    if (parameters !== null && parameters.length > 0)
      expect(run.result.unhandledException?.parameters.slice(0, 2)).toEqual(parameters);
    expect(run.inconsistency).toBeNull();
  });
});
