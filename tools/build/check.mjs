// `npm run check`: types, lint and format, import directions between the rooms, guest images equal to their sources.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { importViolations } from './import-directions.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
process.chdir(root);

const node = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status === 0;

function importDirections() {
  const violations = importViolations(root);
  for (const violation of violations) console.error(violation);
  return violations.length === 0;
}

function guestImages() {
  if (spawnSync('i686-w64-mingw32-gcc', ['--version'], { stdio: 'ignore' }).status !== 0) {
    console.log('  skipped: i686-w64-mingw32-gcc is not installed (Debian: gcc-mingw-w64-i686)');
    return true;
  }
  return node('tools/build/guest.mjs', '--check');
}

/** Runs coverageFailures() of a coverage.ts in a folder of tests and shows what it found. */
async function coverage(path) {
  const folder = new URL(`../../test/${path}/`, import.meta.url);
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL('coverage.ts', folder))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  const text = Buffer.from(bundle.outputFiles[0].contents).toString('base64');
  const { coverageFailures } = await import(`data:text/javascript;base64,${text}`);
  const failures = coverageFailures(folder);
  for (const failure of failures) console.error(`  ${failure}`);
  return failures.length === 0;
}

const steps = [
  ['types of cpu and kernel', () => node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json')],
  ['types of tools and tests', () => node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.tools.json')],
  ['lint and format', () => node('node_modules/@biomejs/biome/bin/biome', 'ci', '--colors=off', '.')],
  ['import directions', importDirections],
  ['every instruction has vectors of a real processor', () => coverage('cpu/vectors')],
  ['every way that a page fault can end has a test', () => coverage('kernel/faults')],
  ['guest images equal their sources', guestImages],
];

let failed = 0;
for (const [name, run] of steps) {
  console.log(`check: ${name}`);
  if (await run()) continue;
  console.error(`check: FAILED: ${name}`);
  failed++;
}
console.log(failed === 0 ? 'check: all passed' : `check: ${failed} of ${steps.length} failed`);
process.exit(failed === 0 ? 0 : 1);
