import { readdirSync, readFileSync } from 'node:fs';
import { leaves, notBuilt } from './leaves.js';

/**
 * Whether every leaf of the decision tree has its test: the table in test/kernel/README.md against the calls of leaf() in the
 * files of this folder. Part of `npm run check`.
 * @param folder of this file, with a slash at its end
 * @returns one sentence for each thing that is wrong
 */
export function coverageFailures(folder: URL): string[] {
  const tested = testedLeaves(folder);
  const listed = listedLeaves(readFileSync(new URL('../README.md', folder), 'utf8'));
  const failures: string[] = [];
  for (const id of Object.keys(leaves)) {
    const file = tested.get(id);
    const row = listed.get(id);
    if (id in notBuilt) {
      if (file !== undefined) failures.push(`leaf ${id} is said not to be built, but ${file} tests it`);
      if (row !== undefined) failures.push(`leaf ${id} is said not to be built, but the table names ${row}`);
    } else if (file === undefined) failures.push(`leaf ${id} has no test`);
    else if (row === undefined) failures.push(`leaf ${id} is not in the table of test/kernel/README.md`);
    else if (row !== file) failures.push(`leaf ${id} is tested in ${file}, but the table names ${row}`);
  }
  for (const [id, file] of listed)
    if (!(id in leaves)) failures.push(`the table names ${id} (${file}), which is no leaf`);
  return failures;
}

/** File by leaf, as the tests have them. */
function testedLeaves(folder: URL): Map<string, string> {
  const tested = new Map<string, string>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.test.ts'))) {
    const text = readFileSync(new URL(file, folder), 'utf8');
    for (const [, id] of text.matchAll(/\b(?:leaf|paeLeaf)\('([^']+)'/g)) if (id !== undefined) tested.set(id, file);
  }
  return tested;
}

/** File by leaf, from the rows `| \`leaf\` | ... | [file](faults/file) |`. */
function listedLeaves(readme: string): Map<string, string> {
  const listed = new Map<string, string>();
  for (const [, id, file] of readme.matchAll(/^\| `([^`]+)` \|.*\| \[[^\]]*\]\(faults\/([^)]+)\) \|$/gm)) {
    if (id !== undefined && file !== undefined) listed.set(id, file);
  }
  return listed;
}
