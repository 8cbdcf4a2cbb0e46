import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { guestImages } from '../../tools/package-root.js';
import { type CommandResult, useCommandLine } from './command-line.js';
import { PatchedImage, PeField, SectionField } from './pe-patch.js';

const nt86 = useCommandLine();
const image = (name: string): string => join(guestImages, `${name}.exe`);
const hello = image('hello');

/** A refusal: one line for the user, the exit code of conventions.md, and no trace of TypeScript. */
async function refused(run: Promise<CommandResult>, exitCode: number, text: RegExp): Promise<void> {
  const result = await run;
  expect(result.stderr).toMatch(/^nt86: [^\n]+\n$/);
  expect(result.stderr).toMatch(text);
  expect(result.stderr).not.toMatch(/internal error|\bat .*\.(js|ts)\b/);
  expect(result.exitCode).toBe(exitCode);
}

/** Puts a file into the test's folder and returns its path. */
function file(name: string, content: string | Uint8Array): string {
  const path = join(mkdtempSync(join(nt86().folder, 'file-')), name);
  writeFileSync(path, content);
  return path;
}

describe.concurrent('a program that cannot be started: exit code 125', () => {
  it.each([
    ['a path that does not exist', 'nosuch.exe', /nosuch\.exe: no such file/],
    ['a folder', '.', /is a directory/],
    ['a path through a file', `${hello}/x.exe`, /no such file/],
    ['a device', '/dev/null', /not a regular file/],
  ])('%s', async (_what, program, text) => {
    await refused(nt86().run(['run', program]), 125, text);
    expect((await nt86().run(['info', program])).exitCode).toBe(125);
  });

  it.skipIf(process.getuid?.() === 0)('an unreadable file', async () => {
    const path = file('unreadable.exe', new PatchedImage('hello.exe').bytes);
    chmodSync(path, 0);
    await refused(nt86().run(['run', path]), 125, /permission denied/);
    await refused(nt86().run(['info', path]), 125, /permission denied/);
  });

  it.each([
    ['an empty file', new Uint8Array(0), /no MZ header .*0xC000012F STATUS_INVALID_IMAGE_NOT_MZ/],
    ['a text', new TextEncoder().encode('#!/bin/sh\necho hello\n'.repeat(100)), /no MZ header/],
    ['an ELF program', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, ...new Uint8Array(500)), /no MZ header/],
    [
      'a DOS header alone',
      new PatchedImage('hello.exe').bytes.slice(0, 0x40),
      /not a PE program.*STATUS_INVALID_IMAGE/,
    ],
    [
      'headers without sections',
      new PatchedImage('hello.exe').bytes.slice(0, 0x400),
      /0xC000007B|0xC0000020|0xC0000130/,
    ],
    ['half a program', new PatchedImage('hello.exe').bytes.slice(0, 0x5000), /0xC000007B STATUS_INVALID_IMAGE_FORMAT/],
  ])('%s', async (_what, bytes, text) => {
    await refused(nt86().run(['run', file('bad.exe', bytes)]), 125, text);
  });

  it.each([
    ['a 64-bit program', () => hello64(), /another processor|not a valid 32-bit/],
    ['an ARM program', () => hello1().word(PeField.Machine, 0x1c4), /another processor|not a valid 32-bit/],
    ['a DLL', () => hello1().word(PeField.Characteristics, 0x230e), /0xC000007B/],
    ['a section past the end of the file', () => hello1().section(0, SectionField.RawOffset, 0x7fff0000), /0xC000007B/],
  ])('%s', async (_what, make, text) => {
    await refused(nt86().run(['run', file('bad.exe', make().bytes)]), 125, text);
  });

  it('a missing DLL is named', async () => {
    const path = file('bad.exe', hello1().text('msvcrt.dll', 'nosuch.dll').bytes);
    await refused(nt86().run(['run', path]), 125, /a DLL is missing: nosuch\.dll \(0xC0000135 STATUS_DLL_NOT_FOUND\)/);
    const missing = await nt86().run(['info', '--missing', path]);
    expect(missing.exitCode).toBe(1);
    expect(missing.stdout).toMatch(/nosuch\.dll: no such DLL/);
  });

  it('a missing function is named with its DLL', async () => {
    const path = file('bad.exe', hello1().text('calloc', 'kalloc').bytes);
    await refused(nt86().run(['run', path]), 125, /kalloc in msvcrt\.dll \(0xC0000139 STATUS_ENTRYPOINT_NOT_FOUND\)/i);
    const missing = await nt86().run(['info', '--missing', '--json', path]);
    expect(missing.exitCode).toBe(1);
    expect(JSON.parse(missing.stdout)).toEqual([{ dll: 'msvcrt.dll', function: 'kalloc' }]);
  });

  it('a missing ordinal is named with its DLL', async () => {
    const program = hello1();
    const descriptors = program.directory(PeField.ImportDirectory);
    program.at(program.dwordAt(descriptors), 0x80000000 + 9999);
    program.at(program.dwordAt(descriptors + 16), 0x80000000 + 9999);
    const path = file('bad.exe', program.bytes);
    await refused(nt86().run(['run', path]), 125, /9999.* in kernel32\.dll \(0xC0000138 STATUS_ORDINAL_NOT_FOUND\)/i);
    expect((await nt86().run(['info', '--missing', path])).stdout).toMatch(/KERNEL32\.dll: #9999/);
  });

  it('a name with control characters does not break the line', async () => {
    const path = file('bad.exe', hello1().text('msvcrt.dll', '\x1b[2J\nx.dll').bytes);
    await refused(nt86().run(['run', path]), 125, /\?\[2J\?x\.dll/);
  });
});

function hello1(): PatchedImage {
  return new PatchedImage('hello.exe');
}

function hello64(): PatchedImage {
  return hello1().word(PeField.Machine, 0x8664).word(PeField.Magic, 0x20b).word(PeField.OptionalHeaderSize, 0xf0);
}

describe.concurrent('what cannot be meant: exit code 2', () => {
  it.each([
    [['nosuch'], /unknown verb 'nosuch'/],
    [['run'], /name a program/],
    [['info'], /name a program/],
    [['run', '--nosuch', hello], /nosuch/],
    [['info', '--nosuch', hello], /nosuch/],
    [['run', '--maxmem', '1', hello], /--maxmem|size/],
    [['run', '--maxmem', '1M', hello], /--maxmem 1M: the machine takes 8M/],
    [['run', '--maxmem', '64X', hello], /'64X' is not a size/],
    [['run', '--maxmem'], /./],
    [['run', '--mount', 'C', hello], /--mount C: write a drive letter and a folder/],
    [['run', '--mount', 'C=/nonexistent', hello], /--mount C=\/nonexistent: no such folder/],
    [['run', '--mount', `D=${hello}`, hello], /not a folder/],
    [['run', '--mount', 'C=/', '--mount', 'c=/', hello], /mounted twice/],
    [['run', '--mount'], /mount/],
    [['run', '--env', 'NOVALUE', hello], /--env NOVALUE: write NAME=VALUE/],
    [['run', '--trace', 'everything', hello], /--trace everything: choose from faults/],
    [
      ['run', '--trace', 'faults', '--trace-file', '/nonexistent/t', hello],
      /--trace-file \/nonexistent\/t: no such file/,
    ],
    [['run', '--max-instructions', '0', hello], /--max-instructions 0/],
    [['run', '--max-instructions', '1.5', hello], /--max-instructions 1\.5/],
    [['run', '--verify', '0', hello], /--verify 0/],
    [['run', '--verify', 'often', hello], /--verify often/],
    [['run', '--seed', 'x', hello], /--seed/],
    [['run', '--config', '/nonexistent', hello], /--config \/nonexistent: no such file/],
    [['bench', '--rounds', '0'], /--rounds/],
  ])('nt86 %j', (args, text) => refused(nt86().run(args), 2, text));

  it.each([
    ['{"maxmem":', /JSON/],
    ['[1]', /must hold a JSON object/],
    ['{"bogus":1}', /bogus/],
    ['{"maxmem":"tiny"}', /'tiny' is not a size/],
    ['{"seed":"x"}', /--seed/],
  ])('a --config file with %s', async (text, expected) => {
    await refused(nt86().run(['run', '--config', file('bad.json', text), hello]), 2, expected);
  });

  it('a good --config file is as good as the flags', async () => {
    const config = file('good.json', JSON.stringify({ maxmem: '32M', 'max-instructions': '1000', env: ['A=B'] }));
    await refused(nt86().run(['run', '--config', config, hello]), 124, /stopped after 1000 instructions/);
    expect((await nt86().run(['run', '--config', config, '--max-instructions', '50M', hello])).exitCode).toBe(0);
  });
});

describe.concurrent('how a run ends', () => {
  it.each([0, 3, 255, 256 + 7, -1])('exit status %d modulo 256', async (status) => {
    const result = await nt86().run(['run', image('exit-code'), String(status)]);
    expect(result).toMatchObject({ exitCode: status & 0xff, stderr: '' });
  });

  it.each([
    ['write', 139, /0xC0000005 STATUS_ACCESS_VIOLATION at 0x[0-9A-F]{8} \(write to 0x00000000\)/],
    ['read', 139, /0xC0000005 STATUS_ACCESS_VIOLATION at 0x[0-9A-F]{8} \(read from 0x7FFF0000\)/],
    ['execute', 139, /0xC0000005 STATUS_ACCESS_VIOLATION at 0x00000010 \((execute at|read from) 0x00000010\)/],
    ['overflow', 139, /0xC00000FD STATUS_STACK_OVERFLOW/],
    ['divide', 134, /0xC0000094 STATUS_INTEGER_DIVIDE_BY_ZERO at 0x[0-9A-F]{8}\n/],
    ['illegal', 134, /0xC000001D STATUS_ILLEGAL_INSTRUCTION/],
    ['raise', 134, /unhandled exception 0xE0001234 at/],
  ])('an unhandled exception: %s', async (kind, exitCode, text) => {
    const run = nt86().run(['run', image('crash'), kind]);
    await refused(run, exitCode, text);
    expect((await run).stdout).toBe(`about to crash: ${kind}\r\n`);
  });

  it('--max-instructions stops a program that never ends: 124', async () => {
    await refused(
      nt86().run(['run', '--max-instructions', '100_000', hello]),
      124,
      /hello\.exe: stopped after 100000 instr/,
    );
  });

  it('--stats --json prints one JSON object on stderr', async () => {
    const { stderr, exitCode } = await nt86().run(['run', '--stats', '--json', hello]);
    expect(exitCode).toBe(0);
    const figures: unknown = JSON.parse(stderr);
    expect(figures).toMatchObject({
      machine: { instructions: expect.any(Number) },
      softFaults: { demandZero: expect.any(Number) },
      hardFaults: { mappedFile: expect.any(Number) },
      pageLists: { all: 32_768 },
    });
  });

  it('--verify checks while it runs and changes nothing', async () => {
    const checked = await nt86().run(['run', '--verify', '3', hello]);
    expect(checked).toEqual(await nt86().run(['run', hello]));
  });
});

describe.concurrent('standard streams', () => {
  it('closed stdin is an empty one', async () => {
    const result = await nt86().shell(`$NT86 run '${image('console-lines')}' <&-`);
    expect(result).toMatchObject({ exitCode: 0, stderr: '', stdout: 'type lines\r\nend of input after 0 lines\r\n' });
  });

  it('closed stdout and stderr change nothing else', async () => {
    expect(await nt86().shell(`$NT86 run '${image('exit-code')}' 9 >&-`)).toMatchObject({ exitCode: 9, stderr: '' });
    expect(await nt86().shell(`$NT86 run '${image('crash')}' write 2>&-`)).toMatchObject({ exitCode: 139 });
    expect(await nt86().shell('$NT86 run nosuch.exe 2>/dev/full')).toMatchObject({ exitCode: 125 });
  });

  it('a full device is the status of the write, and the program decides', async () => {
    const result = await nt86().shell(`$NT86 run '${image('exit-code')}' 9 >/dev/full`);
    expect(result).toMatchObject({ exitCode: 9, stderr: '' });
    await refused(nt86().shell(`$NT86 info '${hello}' >/dev/full`), 1, /cannot write to stdout: no space left/);
  });

  it('a reader that leaves early ends nothing with a stack trace', async () => {
    const result = await nt86().shell(`$NT86 info '${join(guestImages, 'msvcrt.dll')}' | head -n 1`);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('input comes from a pipe, in any pieces', async () => {
    const result = await nt86().shell(`(echo one; echo two) | $NT86 run '${image('console-lines')}'`);
    expect(result.stdout).toBe('type lines\r\n1: [one]\r\n2: [two]\r\nend of input after 2 lines\r\n');
    expect(result.exitCode).toBe(2);
  });

  it('everything behind the program is the program’s', async () => {
    const { stdout } = await nt86().run(['run', hello, '--help', 'a b', '', 'c"d\\', '--maxmem=1']);
    expect(stdout).toMatch(
      /1: --help\r\n {2}argument 2: a b\r\n {2}argument 3: \r\n {2}argument 4: c"d\\\r\n.*5: --maxmem=1/,
    );
  });
});

describe.concurrent('help', () => {
  it.each(['run', 'info', 'cc', 'bare', 'bench'])('nt86 %s --help shows three examples', async (verb) => {
    const { stdout, exitCode } = await nt86().run([verb, '--help']);
    expect(exitCode).toBe(0);
    const examples = stdout.slice(stdout.indexOf('Examples:'));
    expect(examples.match(new RegExp(`^ {2}nt86 ${verb}`, 'gm'))).toHaveLength(3);
  });

  it('nt86 alone and --version', async () => {
    expect(await nt86().run([])).toMatchObject({ exitCode: 2 });
    expect((await nt86().run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe.concurrent('nt86 info', () => {
  it('shows headers, sections and imports, as text and as JSON', async () => {
    expect((await nt86().run(['info', hello])).stdout).toMatch(
      /PE32 program for i386.*\.text.*imports from msvcrt\.dll:/s,
    );
    expect(JSON.parse((await nt86().run(['info', '--json', hello])).stdout)).toMatchObject({
      machine: 0x14c,
      subsystem: 3,
    });
    expect(await nt86().run(['info', '--missing', hello])).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it.each([
    ['an empty file', () => new Uint8Array(0), /no MZ header/],
    ['a 64-bit program', () => hello64().bytes, /x86-64/],
    ['an ARM program', () => hello1().word(PeField.Machine, 0x1c4).bytes, /ARM/],
    ['a cut-off header', () => hello1().bytes.slice(0, 0x90), /./],
  ])('refuses %s', (_what, make, text) => refused(nt86().run(['info', file('bad.exe', make())]), 125, text));
});

describe.concurrent('a program outside of the mounted folders', () => {
  beforeAll(() => {
    const folder = join(nt86().folder, 'outside');
    mkdirSync(join(folder, 'folder'), { recursive: true });
    mkdirSync(join(nt86().folder, 'drive'));
    for (const name of ['directory-list.exe', 'file-copy.exe', 'rebase.exe', 'rebase-library.dll'])
      copyFileSync(join(guestImages, name), join(folder, name));
    writeFileSync(join(folder, 'secret.txt'), 'secret');
    symlinkSync('secret.txt', join(folder, 'linked.txt'));
    writeFileSync(join(nt86().folder, 'drive', 'public.txt'), 'public');
  });
  const run = (name: string, ...args: string[]): Promise<CommandResult> => {
    const { folder } = nt86();
    return nt86().run(['run', '--mount', `C=${join(folder, 'drive')}`, join(folder, 'outside', name), ...args]);
  };

  it('sees itself and the DLLs beside it, nothing else of its folder', async () => {
    const { stdout } = await run('directory-list.exe', 'Z:\\*');
    expect(stdout).toMatch(/directory-list\.exe/);
    expect(stdout).toMatch(/rebase-library\.dll/);
    expect(stdout).not.toMatch(/secret|linked|folder|file-copy/);
  });

  it.each(['Z:\\secret.txt', 'Z:\\linked.txt', 'Z:\\..\\drive\\public.txt', 'Z:\\file-copy.exe\\..\\secret.txt'])(
    'cannot read %s',
    async (path) => {
      expect((await run('file-copy.exe', path, 'C:\\stolen.txt')).exitCode).not.toBe(0);
      expect(() => readFileSync(join(nt86().folder, 'drive', 'stolen.txt'))).toThrow();
    },
  );

  it('cannot write there', async () => {
    expect((await run('file-copy.exe', 'C:\\public.txt', 'Z:\\new.txt')).exitCode).not.toBe(0);
    expect((await run('file-copy.exe', 'C:\\public.txt', 'Z:\\rebase.exe')).exitCode).not.toBe(0);
    expect((await run('file-copy.exe', 'C:\\public.txt', 'C:\\copy.txt')).exitCode).toBe(0);
  });

  it('finds its own DLL', async () => {
    expect(await run('rebase.exe')).toMatchObject({ exitCode: 0, stderr: '' });
  });
});
