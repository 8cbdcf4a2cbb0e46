// Records the vectors anew on this machine's processor: needs Linux on x86 and gcc with 32-bit libraries (Debian: gcc-multilib).
// node test/cpu/vectors/generate.mjs [integer system x87 mmx sse]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'nt86-vectors-'));
try {
  const executor = join(folder, 'executor');
  const script = join(folder, 'generate.mjs');
  const flags = ['-m32', '-O1', '-static', '-fno-stack-protector', '-Wl,-Ttext-segment=0x60000000'];
  const gcc = spawnSync('gcc', [...flags, join(here, 'executor.c'), '-o', executor], { stdio: 'inherit' });
  if (gcc.status !== 0) throw new Error('gcc -m32 failed (Debian: gcc-multilib)');
  buildSync({
    entryPoints: [join(here, 'generate.ts')],
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile: script,
  });
  const run = spawnSync(process.execPath, [script, executor, here, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
