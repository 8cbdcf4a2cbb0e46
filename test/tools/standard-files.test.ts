import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { guestImages } from '../../tools/package-root.js';
import { useCommandLine } from './command-line.js';

const nt86 = useCommandLine();
const PROGRAM = `$NT86 run '${join(guestImages, 'standard-files.exe')}'`;
const [DISK, PIPE] = [1, 3];
const LINES = '1: first\r\n2: second\r\n';

const read = (name: string): string => readFileSync(join(nt86().folder, name), 'latin1');

// Where a file was left is known on Linux only: elsewhere a redirected stream is read and written in order, like a pipe.
describe.runIf(process.platform === 'linux')('standard streams of a guest, redirected by the shell', () => {
  it('files have a size and a position, and can be read again', async () => {
    writeFileSync(join(nt86().folder, 'input'), 'first\nsecond\n');
    const { stderr } = await nt86().shell(`${PROGRAM} < input > output`);
    expect(stderr.replaceAll('\r\n', '\n')).toBe(
      [
        `types ${DISK} ${DISK} ${PIPE}`,
        'input of 13 bytes at 0',
        'peek 0: 0, error 1',
        'peek at the end 0: error 1',
        `output at ${LINES.length + 'again: first\r\n'.length}`,
        '',
      ].join('\n'),
    );
    expect(read('output')).toBe(`${LINES}again: first\r\n`);
  });

  it('pipes have neither, but tell what waits in them, and that they are broken at their end', async () => {
    const { stderr, stdout } = await nt86().shell(`printf 'first\\nsecond\\n' | ${PROGRAM} | cat`);
    expect(stderr.replaceAll('\r\n', '\n')).toBe(
      [
        `types ${PIPE} ${PIPE} ${PIPE}`,
        'input of 0 bytes at -1',
        'peek 1: 13, error 0',
        'peek at the end 0: error 109',
        'output at -1',
        '',
      ].join('\n'),
    );
    expect(stdout).toBe(LINES);
  });

  it('a file is gone on with where the one before left it, and left where the next one goes on', async () => {
    writeFileSync(join(nt86().folder, 'input'), 'nobody\nfirst\nsecond\n');
    await nt86().shell(`(read x; echo "start $x"; ${PROGRAM} 2> /dev/null; echo end) < input > output`);
    expect(read('output')).toBe(`start nobody\n${LINES}again: nobody\r\nend\n`);
  });

  it('output and errors in one file do not overwrite each other, and what is appended comes last', async () => {
    writeFileSync(join(nt86().folder, 'input'), 'first\nsecond\n');
    await nt86().shell(`echo before > output; ${PROGRAM} < input >> output 2>&1`);
    const text = read('output');
    expect(text.startsWith(`before\ntypes ${DISK} ${DISK} ${DISK}\r\n`)).toBe(true);
    expect(text).toContain(`${LINES}again: first\r\n`);
    expect(text.endsWith(`output at ${text.indexOf('output at')}\r\n`)).toBe(true);
  });
});
