/**
 * What `nt86` starts with: loads the command line from its bundle, together with the code that the JavaScript engine made of it
 * when the package was built. Without that code, or with another version of Node, the engine compiles anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const inPackage = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Whoever goes back in time or saves a machine needs the kernel whose state can be reached; for others it would be slower. */
function needsReflection([verb, ...words]: readonly string[]): boolean {
  if (verb === 'debug' || verb === 'dap') return true;
  return words.some((word) => /^--(gdb|save|restore|history)(=|$)/.test(word));
}

const reflectable = inPackage('command-line-reflectable.cjs');
const name =
  needsReflection(process.argv.slice(2)) && existsSync(reflectable) ? 'command-line-reflectable' : 'command-line';
const bundle = inPackage(`${name}.cjs`);
const codeCache = inPackage(`${name}.cache`);

function readCodeCache(): Buffer | undefined {
  try {
    return readFileSync(codeCache);
  } catch {
    return undefined;
  }
}

type Load = (module: { exports: { finished?: Promise<void> } }, require: NodeJS.Require, importMetaUrl: string) => void;

const script = new Script(readFileSync(bundle, 'latin1'), { filename: bundle, cachedData: readCodeCache() });
const load: Load = script.runInThisContext();
const commandLine: Parameters<Load>[0] = { exports: {} };
load(commandLine, createRequire(import.meta.url), import.meta.url);
await commandLine.exports.finished;
// Set by the build: functions that ran by now are in the cache, compiled.
if (process.env.NT86_WRITE_CODE_CACHE === codeCache) writeFileSync(codeCache, script.createCachedData());
