import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reflectableKernel } from '../../../tools/build/reflectable.mjs';
import { guestImages } from '../../../tools/package-root.js';
import { useCommandLine } from '../command-line.js';

const nt86 = useCommandLine([reflectableKernel]);
const image = (name: string): string => join(guestImages, `${name}.exe`);

describe('--save and --restore', () => {
  it('go on where the run stopped, as often as wanted, under the debugger too', async () => {
    const whole = await nt86().run(['run', image('threads')]);
    const first = await nt86().run(['run', '--max-instructions', '350000', '--save', 'a.snap', image('threads')]);
    expect(first.exitCode).toBe(124);
    const rest = await nt86().run(['run', '--restore', 'a.snap']);
    expect([first.stdout + rest.stdout, rest.exitCode]).toEqual([whole.stdout, whole.exitCode]);
    const debugged = await nt86().run(['debug', '--restore', 'a.snap', '-c', 't 20; t- 20; .save b.snap; q']);
    expect(debugged.stdout).toContain('Saved to b.snap');
    const again = await nt86().run(['run', '--restore', 'b.snap', '--max-instructions', '360000', '--save', 'c.snap']);
    const last = await nt86().run(['run', '--restore', 'c.snap']);
    expect(again.stdout + last.stdout).toBe(rest.stdout);
  });

  it('let standard streams be files, pipes or other files each time', async () => {
    const words = 'one two three two\n'.repeat(300);
    writeFileSync(join(nt86().folder, 'words.txt'), words);
    const whole = await nt86().shell(`$NT86 run ${image('word-count')} < words.txt > whole.txt`);
    expect(whole.exitCode).toBe(0);
    await nt86().shell(
      `$NT86 run --max-instructions 60000 --save w.snap ${image('word-count')} < words.txt > begun.txt`,
    );
    const toFile = await nt86().shell('$NT86 run --restore w.snap < words.txt > rest.txt; cat begun.txt rest.txt');
    const toPipe = await nt86().shell('$NT86 run --restore w.snap < words.txt | cat begun.txt -');
    const expected = readFileSync(join(nt86().folder, 'whole.txt'), 'latin1');
    expect([toFile.stdout, toPipe.stdout]).toEqual([expected, expected]);
  });

  it('write nothing when the program has ended, and say so', async () => {
    const result = await nt86().run(['run', '--save', 'none.snap', image('exit-code'), '3']);
    expect(result.stderr).toBe('nt86: none.snap is not written: the program has ended\n');
    expect(result.exitCode).toBe(3);
  });

  it.each([
    ['a program besides', ['--restore', 'a.snap', 'hello.exe'], 2, /--restore names no program: hello\.exe/],
    ['a file that is not there', ['--restore', 'nosuch.snap'], 125, /nosuch\.snap: no such file/],
    ['a program for a snapshot', ['--restore', image('hello')], 125, /is no snapshot of nt86/],
    [
      'a folder that is not there',
      ['--max-instructions', '9', '--save', 'no/x', image('hello')],
      125,
      /no\/x: no such file/,
    ],
  ])('refuse %s', async (_what, flags, exitCode, text) => {
    const result = await nt86().run(['run', ...flags]);
    expect(result.stderr).toMatch(text);
    expect(result.exitCode).toBe(exitCode);
  });
});
