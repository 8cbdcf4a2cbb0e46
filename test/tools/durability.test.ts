import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useCommandLine } from './command-line.js';

/** Times that a run is killed; NT86_KILLS=200 is the long form, with random moments beside those that the output gives. */
const KILLS = Number(process.env.NT86_KILLS ?? 2);
const RECORD = 64;
const commandLine = useCommandLine();

/** Runs mapped-records and kills nt86 a moment after so many lines of output; the last record that was promised. */
function killedRun(folder: string, lines: number, delay: number): Promise<number> {
  const { script } = commandLine();
  return new Promise((resolve, reject) => {
    const args = [script, 'run', '--mount', `C=${folder}`, join(folder, 'mapped-records.exe'), 'records.bin'];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      const before = output.split('\n').length;
      output += text;
      if (before > lines || output.split('\n').length <= lines) return;
      if (delay === 0) child.kill('SIGKILL');
      else setTimeout(() => child.kill('SIGKILL'), delay);
    });
    child.on('error', reject);
    // What stands in the pipe when the process dies was promised too; a line without its end was not.
    child.on('close', () => resolve(Number(output.split('\n').at(-2) ?? 0)));
  });
}

/** The first record of the file that is not as it was written; 0: all up to a number are. */
function firstWrong(bytes: Buffer, last: number): number {
  for (let record = 1; record <= last; record++) {
    for (let word = 0; word < RECORD / 4; word++) {
      const expected = (Math.imul(record, -1640531535) + word) >>> 0;
      if (bytes.readUInt32LE((record - 1) * RECORD + word * 4) !== expected) return record;
    }
  }
  return 0;
}

describe('what was flushed is in the file, whenever the host process dies', () => {
  it(
    `SIGKILL, ${KILLS} times`,
    async () => {
      const { folder } = commandLine();
      const image = readFileSync(new URL('../../guest/images/mapped-records.exe', import.meta.url));
      let promised = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const place = join(folder, `kill-${kill}`);
        mkdirSync(place);
        writeFileSync(join(place, 'mapped-records.exe'), image);
        writeFileSync(join(place, 'other.txt'), 'not to be touched');
        const delay = KILLS > 2 ? Math.floor(Math.random() * 20) : 0;
        const last = await killedRun(place, 1 + ((kill * 37) % 500), delay);
        const bytes = readFileSync(join(place, 'records.bin'));
        expect([kill, last, firstWrong(bytes, last)]).toEqual([kill, last, 0]);
        expect(readdirSync(place).sort()).toEqual(['mapped-records.exe', 'other.txt', 'records.bin']);
        expect(readFileSync(join(place, 'other.txt'), 'latin1')).toBe('not to be touched');
        expect(readFileSync(join(place, 'mapped-records.exe')).equals(image)).toBe(true);
        promised += last;
      }
      expect(promised).toBeGreaterThan(0);
    },
    KILLS * 60_000,
  );
});
