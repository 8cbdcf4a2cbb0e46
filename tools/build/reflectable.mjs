// Rewrites the modules of kernel/ so that all of a machine's state can be reached from outside: what going back in time and
// snapshots need. The rewritten code does the same; see kernel/reflection/README.md for what becomes of it.
//   #name                  a property that anyone can see
//   function*              a function that makes a Frame, whose position and variables can be read and set
//   (x) => x + captured    the same made by a function of the module, so that it is known by number and captured values
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync, transformFromAstSync } from '@babel/core';
import regenerator from '@babel/plugin-transform-regenerator';
import { transform as stripTypes } from 'esbuild';
import { liftClosures } from './reflectable-closures.mjs';
import { accessFrames, liftGenerators, plainVariables } from './reflectable-generators.mjs';
import { openPrivateNames, registerBindings } from './reflectable-names.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const RUNTIME = 'kernel/reflection/runtime.js';
const RUNTIME_NAMES = [
  '$bindings',
  '$closure',
  '$cursor',
  '$generator',
  '$opaque',
  '$regenerator',
  '$regeneratorValues',
];

/** Name of a module that is to be rewritten, from the root of the repository; null for others. */
export function reflectableModule(path) {
  const name = relative(root, path).split(sep).join('/');
  return /^kernel\/.*\.ts$/.test(name) && !name.startsWith('kernel/reflection/') ? name : null;
}

const babelOptions = { configFile: false, babelrc: false, compact: false };

/** Where rewritten modules are kept between two builds, by what they were made of and by what. */
const cache = resolve(root, 'node_modules/.cache/reflectable');
const tools = createHash('sha256');
const here = dirname(fileURLToPath(import.meta.url));
for (const file of readdirSync(here).sort()) {
  if (file.startsWith('reflectable')) tools.update(readFileSync(resolve(here, file)));
}
tools.update(readFileSync(resolve(root, 'package-lock.json')));
const toolsHash = tools.digest('hex');

/** The rewritten module as JavaScript, with its source map. @param name as reflectableModule() gives it */
export async function makeReflectable(source, name) {
  const file = resolve(
    cache,
    `${createHash('sha256').update(toolsHash).update(name).update(source).digest('hex')}.json`,
  );
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    const result = await rewrite(source, name);
    await mkdir(cache, { recursive: true });
    await writeFile(`${file}.${process.pid}`, JSON.stringify(result));
    await rename(`${file}.${process.pid}`, file);
    return result;
  }
}

async function rewrite(source, name) {
  const plain = await stripTypes(source, { loader: 'ts', target: 'es2022', sourcefile: name, sourcemap: true });
  let ast = parseSync(plain.code, { ...babelOptions, sourceType: 'module', filename: name });
  const pass = (plugin, output = {}) => {
    const result = transformFromAstSync(ast, plain.code, {
      ...babelOptions,
      ast: true,
      code: false,
      plugins: [plugin],
      filename: name,
      ...output,
    });
    ast = result.ast;
    return result;
  };
  const once = (work) => ({ visitor: { Program: (path) => work(path, name) } });
  pass(once(openPrivateNames));
  pass(once(registerBindings));
  pass(once(liftGenerators));
  pass(once(liftClosures));
  pass(once(plainVariables));
  // The helpers of the regenerator are ours.
  pass([regenerator, {}], { plugins: [{ pre: (file) => file.set('helperGenerator', helper) }, regenerator] });
  pass(once(accessFrames));
  const result = pass(once(importRuntime), { code: true, sourceMaps: true, inputSourceMap: JSON.parse(plain.map) });
  return { code: result.code, map: result.map };
}

function helper(name) {
  return { type: 'Identifier', name: `$${name}` };
}

function importRuntime(program, name) {
  const path = relative(dirname(resolve(root, name)), resolve(root, RUNTIME))
    .split(sep)
    .join('/');
  const specifier = (local) => ({
    type: 'ImportSpecifier',
    local: { type: 'Identifier', name: local },
    imported: { type: 'Identifier', name: local },
  });
  program.node.body.unshift({
    type: 'ImportDeclaration',
    specifiers: RUNTIME_NAMES.map(specifier),
    source: { type: 'StringLiteral', value: path.startsWith('.') ? path : `./${path}` },
    attributes: [],
  });
}

/** For esbuild. */
export const reflectableKernel = {
  name: 'reflectable-kernel',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const name = reflectableModule(path);
      if (name === null) return null;
      const { code, map } = await makeReflectable(await readFile(path, 'utf8'), name);
      const inline = Buffer.from(JSON.stringify(map)).toString('base64');
      return { contents: `${code}\n//# sourceMappingURL=data:application/json;base64,${inline}`, loader: 'js' };
    });
  },
};

/** For vitest. */
export function reflectableKernelForVite() {
  return {
    name: 'reflectable-kernel',
    enforce: 'pre',
    async transform(source, id) {
      const name = reflectableModule(id.replace(/\?.*$/, ''));
      return name === null ? null : makeReflectable(source, name);
    },
  };
}
