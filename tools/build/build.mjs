// Bundles the command line and the library into dist/ and writes their type declarations. Run by npm at install. All of it is made
// beside dist/ and takes its place at the end, so that who runs nt86 meanwhile finds the build before, or this one, whole.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
process.chdir(root);

const esbuild = await import('esbuild').catch(() => null);
if (esbuild === null) {
  // Installed without development dependencies: only a packed copy, which brings dist/ along, can do without the bundler.
  if (existsSync('dist/nt86.js')) process.exit(0);
  console.error('nt86: esbuild is missing and dist/ is not built; run `npm ci` with development dependencies');
  process.exit(1);
}

const [built, replaced] = ['dist.new', 'dist.old'];
const remove = (folder) => rmSync(folder, { recursive: true, force: true });
remove(built);
const common = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  sourcemap: true,
  outdir: built,
  external: ['yargs', 'yargs/helpers', 'iced-x86', 'node-pty', '@vscode/debugadapter'],
  logLevel: 'warning',
};
await esbuild.build({
  ...common,
  platform: 'neutral',
  entryPoints: { cpu: 'cpu/index.ts', kernel: 'kernel/index.ts' },
});
await esbuild.build({ ...common, platform: 'node', entryPoints: { index: 'tools/index.ts' } });
// The command line is one script with everything in it, which launch.ts loads. Constants are inlined: as variables of the module,
// which they become in a bundle, they would cost a load each time.
const commandLine = {
  ...common,
  platform: 'node',
  format: 'cjs',
  minifySyntax: true,
  charset: 'ascii',
  external: ['iced-x86', 'node-pty', '@vscode/debugadapter'],
  alias: { 'string-width': './tools/build/plain-width.mjs' },
  define: { 'import.meta.url': 'importMetaUrl' },
  outExtension: { '.js': '.cjs' },
  banner: { js: '(function (module, require, importMetaUrl) {' },
  footer: { js: '})' },
};
await esbuild.build({ ...commandLine, entryPoints: { 'command-line': 'tools/nt86.ts' } });
// Once more with a kernel whose state can be reached, for everything that goes back in time or saves it: kernel/reflection/README.md.
const reflectable = await import('./reflectable.mjs').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  console.error('nt86: @babel/core is missing: this build cannot go back in time; run `npm ci`');
  return null;
});
if (reflectable !== null) {
  const { reflectableKernel } = reflectable;
  const entryPoints = { 'command-line-reflectable': 'tools/nt86.ts' };
  await esbuild.build({ ...commandLine, entryPoints, plugins: [reflectableKernel] });
}
await esbuild.build({
  ...common,
  platform: 'node',
  sourcemap: false,
  entryPoints: { nt86: 'tools/launch.ts' },
  banner: { js: '#!/usr/bin/env node' },
});
chmodSync(`${built}/nt86.js`, 0o755);

// A run of a program compiles what runs of programs need.
const sample = 'guest/images/hello.exe';
const samples = { 'command-line': ['run', sample], 'command-line-reflectable': ['debug', '-c', 't;t-', sample] };
for (const [bundle, flags] of Object.entries(samples)) {
  if (!existsSync(sample) || !existsSync(`${built}/${bundle}.cjs`)) continue;
  spawnSync(process.execPath, [`${built}/nt86.js`, ...flags], {
    stdio: 'ignore',
    env: { ...process.env, NT86_WRITE_CODE_CACHE: join(root, `${built}/${bundle}.cache`) },
  });
}

const compile = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json', '--outDir', `${built}/types`];
const declarations = spawnSync(process.execPath, compile, { stdio: 'inherit' });

remove(replaced);
if (existsSync('dist')) renameSync('dist', replaced);
renameSync(built, 'dist');
remove(replaced);
process.exit(declarations.status ?? 1);
