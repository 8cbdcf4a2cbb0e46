// Plants bugs in the memory manager, one at a time, and tells which of them this folder's tests and the model find:
//   node test/kernel/faults/planted-bugs.mjs [PART OF A NAME]
// A bug is a piece of source text and what stands there in its place (planted-bugs.json). No file is changed: vitest gets the
// other text. Exit status 0: every bug was found.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createVitest } from 'vitest/node';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const TESTS = [
  'test/kernel/faults/',
  'test/kernel/unused-segments.test.ts',
  'test/kernel/data-section.test.ts',
  'test/kernel/memory-model-clock.test.ts',
];
/** Steps of the model for each bug: enough for all of its configurations to do everything a few times. */
process.env.NT86_MODEL_STEPS ??= '8000';
process.env.NT86_MODEL_SHRINK ??= 'no';

/** What vitest itself stumbles over when a worker dies. */
const strays = [];
process.on('unhandledRejection', (error) => strays.push(error));

const bugs = JSON.parse(readFileSync(new URL('planted-bugs.json', import.meta.url), 'utf8'));

const replace = (text, { find, replace: other }) => text.replace(find, () => other);

/** The bug that is in place; null: none is. */
let planted = null;
const plugin = {
  name: 'planted-bug',
  enforce: 'pre',
  transform: (text, id) => (planted !== null && id === sourceOf(planted) ? replace(text, planted) : undefined),
};
const sourceOf = ({ file }) => `${root}kernel/mm/${file}`;
// One server for all bugs: only the file with the bug is looked at anew. The test files of a worker share their modules.
const options = {
  root,
  config: false,
  watch: false,
  bail: 1,
  isolate: false,
  maxWorkers: 1,
  minWorkers: 1,
  reporters: [{ onInit() {} }],
  silent: true,
  testTimeout: 600_000,
  // A bug may make a machine that never ends.
  poolOptions: { forks: { execArgv: ['--max-old-space-size=1024'] } },
};
const vitest = await createVitest('test', options, { plugins: [plugin] });

/** First failure of the tests with a bug in place (null: none is), or null when they all pass. */
async function failureWith(bug) {
  strays.length = 0;
  const changed = [bug, planted].filter((one) => one !== null).map(sourceOf);
  planted = bug;
  for (const file of changed) vitest.invalidateFile(file);
  const specifications = await vitest.globTestSpecifications(TESTS);
  vitest.state.clearErrors();
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications, true);
  const failed = testModules.flatMap((module) => [...module.children.allTests('failed')]);
  const broken = testModules.flatMap((module) => module.errors());
  // A worker that is too busy to say how far it is has not failed.
  const errors = [...broken, ...unhandledErrors, ...strays]
    .map((error) => error?.message ?? String(error))
    .filter((text) => !text.includes('onTaskUpdate'));
  process.exitCode = 0;
  if (failed.length > 0) return failed[0].fullName;
  return errors[0] ?? null;
}

const wanted = bugs.filter(({ name }) => name.includes(process.argv[2] ?? ''));
const misfits = wanted.filter(({ file, find }) => {
  return readFileSync(new URL(`../../../kernel/mm/${file}`, import.meta.url), 'utf8').split(find).length !== 2;
});
for (const { name, file } of misfits) console.log(`UNFIT  ${name}: its text does not stand once in ${file}`);
const plain = await failureWith(null);
if (plain !== null) throw new Error(`without any planted bug: ${plain}`);
let found = 0;
for (const bug of wanted.filter((candidate) => !misfits.includes(candidate))) {
  const failure = await failureWith(bug);
  if (failure !== null) found++;
  console.log(failure === null ? `MISSED ${bug.name}` : `found  ${bug.name} - by ${failure}`);
}
console.log(`${found} of ${wanted.length} planted bugs found`);
process.exit(found === wanted.length ? 0 : 1);
