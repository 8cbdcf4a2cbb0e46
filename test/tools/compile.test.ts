import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { useCommandLine } from './command-line.js';

const nt86 = useCommandLine();
const inFolder = (words: string) => nt86().shell(`cd '${nt86().folder}' && ${words}`);

describe('nt86 cc', () => {
  beforeAll(() => {
    writeFileSync(join(nt86().folder, 'seven.c'), 'int main(void) { return 7 + OFFSET; }\n');
    writeFileSync(join(nt86().folder, 'broken.c'), 'int main(void) { return }\n');
  });

  it.each([
    ['the first file names the program', '-DOFFSET=0 seven.c', 'seven.exe', 7],
    ['-o before the file', '-o before.exe seven.c -DOFFSET=1', 'before.exe', 8],
    ['-o behind other flags', 'seven.c -O0 -DOFFSET=2 -o behind.exe', 'behind.exe', 9],
    ['-o and its name in one word', 'seven.c -DOFFSET=3 -ojoined.exe', 'joined.exe', 10],
  ])('%s', async (_what, words, program, exitCode) => {
    const result = await inFolder(`$NT86 cc ${words} && $NT86 run ${program}`);
    expect(result).toMatchObject({ stderr: '', exitCode });
  });

  it('makes what other flags ask for', async () => {
    expect(await inFolder('$NT86 cc -c -DOFFSET=0 seven.c')).toMatchObject({ stderr: '', exitCode: 0 });
    expect(existsSync(join(nt86().folder, 'seven.o'))).toBe(true);
  });

  it('leaves errors in the source to the compiler, and its exit code', async () => {
    const { stderr, exitCode } = await inFolder('$NT86 cc broken.c');
    expect(stderr).toMatch(/broken\.c:1:\d+: error: /);
    expect(exitCode).toBe(1);
  });

  it('wants a file', async () => {
    expect(await inFolder('$NT86 cc')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^nt86: cc: name a/),
    });
  });
});
