import { commandTable } from './command-table.js';
import type { Session } from './session.js';

const MAXIMUM_CANDIDATES = 200;

/** Candidates for the last word of a line, and that word: readline's form. Commands first, then modules and symbols. */
export function complete(session: Session, line: string): [string[], string] {
  const word = /[^\s()[\]+\-*"`;]*$/.exec(line)?.[0] ?? '';
  const before = line.slice(0, line.length - word.length);
  if (before.trim() === '' || before.trimEnd().endsWith(';')) {
    return [commandTable.map(({ name }) => name).filter((name) => name.startsWith(word)), word];
  }
  return [symbolsLike(session, word).slice(0, MAXIMUM_CANDIDATES), word];
}

function symbolsLike(session: Session, word: string): string[] {
  const [moduleName, prefix] = word.includes('!') ? word.split('!', 2) : [null, word];
  const candidates = new Set<string>();
  for (const module of session.modules.list(session.space)) {
    if (moduleName === null && `${module.name}!`.startsWith(word)) candidates.add(`${module.name}!`);
    if (moduleName !== null && module.name.toLowerCase() !== moduleName.toLowerCase()) continue;
    if (prefix === '' && moduleName === null) continue;
    for (const { name } of module.symbols?.symbols ?? []) {
      if (name.startsWith(prefix)) candidates.add(moduleName === null ? name : `${module.name}!${name}`);
    }
  }
  return [...candidates].sort();
}
