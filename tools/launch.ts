/**
 * What `nt86` starts with: loads the command line from its bundle, together with the code that the JavaScript engine made of it
 * when the package was built. Without that code, or with another version of Node, the engine compiles anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const bundle = fileURLToPath(new URL('command-line.cjs', import.meta.url));
const codeCache = fileURLToPath(new URL('command-line.cache', import.meta.url));

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
