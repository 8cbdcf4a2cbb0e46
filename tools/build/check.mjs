// `npm run check`: types, lint and format, import directions between the rooms, guest images equal to their sources.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
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

const steps = [
  ['types of cpu and kernel', () => node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json')],
  ['types of tools and tests', () => node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.tools.json')],
  ['lint and format', () => node('node_modules/@biomejs/biome/bin/biome', 'ci', '--colors=off', '.')],
  ['import directions', importDirections],
  ['guest images equal their sources', guestImages],
];

let failed = 0;
for (const [name, run] of steps) {
  console.log(`check: ${name}`);
  if (run()) continue;
  console.error(`check: FAILED: ${name}`);
  failed++;
}
console.log(failed === 0 ? 'check: all passed' : `check: ${failed} of ${steps.length} failed`);
process.exit(failed === 0 ? 0 : 1);
