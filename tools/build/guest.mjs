// Builds guest/images/: a DLL of every folder of guest/ that has a build.json, a program of every guest/programs/*.c (and a
// program's own DLL of every *.dll.c), and the benchmarks of guest/bench/build.json. With --check it builds into a temporary folder and compares byte for byte. Names after
// the options choose images: `npm run guest -- ntdll hello`.
import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exportHints, setImportHints } from './import-hints.mjs';

const compiler = 'i686-w64-mingw32-gcc';
const root = fileURLToPath(new URL('../../', import.meta.url));
const guest = join(root, 'guest');
const include = join(guest, 'include');
const libraryCompileFlags = [
  '-std=gnu11',
  '-O2',
  '-Wall',
  '-Wextra',
  '-ffreestanding',
  '-fno-ident',
  '-fno-strict-aliasing',
  '-fno-asynchronous-unwind-tables',
  '-fno-tree-loop-distribute-patterns',
  '-mpreferred-stack-boundary=2',
  `-I${include}`,
];
const libraryLinkFlags = ['-shared', '-nostdlib', '-s', '-Wl,--no-insert-timestamp', '-Wl,--enable-stdcall-fixup'];
const programFlags = ['-O2', '-s', '-Wl,--no-insert-timestamp'];

/** Assembly text of one stub per row of the kernel's service list: `mov eax, number; mov edx, 7FFE0300h; call [edx]; ret n`. */
function serviceStubs() {
  const list = readFileSync(join(root, 'kernel/ke/service-names.ts'), 'utf8');
  const rows = [...list.matchAll(/^ {2}\['Nt(\w+)', (\d+)\],$/gm)];
  if (rows.length === 0) throw new Error('kernel/ke/service-names.ts: no service rows found');
  const text = ['.intel_syntax noprefix', '.text'];
  const exports = [];
  rows.forEach(([, name, dwords], number) => {
    const bytes = Number(dwords) * 4;
    const symbols = [`_Nt${name}@${bytes}`, `_Zw${name}@${bytes}`];
    text.push(`.globl ${symbols.join(', ')}`, '.balign 16', ...symbols.map((symbol) => `${symbol}:`));
    text.push(`mov eax, ${number}`, 'mov edx, 0x7ffe0300', 'call [edx]', bytes === 0 ? 'ret' : `ret ${bytes}`);
    exports.push(`Nt${name}`, `Zw${name}`);
  });
  return { text: `${text.join('\n')}\n`, exports };
}

function run(command, flags, folder = root) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, flags, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${flags.at(-1)}: exit ${code}`)),
    );
  });
}

/** Runs the jobs with a few at a time; the first failure ends all. */
async function runAll(jobs) {
  const queue = [...jobs];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await job();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

async function buildLibrary(name, scratch, images) {
  const folder = join(guest, name);
  const settings = JSON.parse(readFileSync(join(folder, 'build.json'), 'utf8'));
  const objects = join(scratch, name);
  mkdirSync(objects, { recursive: true });
  const sources = readdirSync(folder)
    .filter((file) => ['.c', '.S'].includes(extname(file)))
    .sort()
    .map((file) => join(folder, file));
  sources.push(...(settings.sources ?? []).map((file) => join(folder, file)));
  let definition = readFileSync(join(folder, `${name}.def`), 'utf8');
  if (settings.serviceStubs) {
    const stubs = serviceStubs();
    const file = join(objects, 'services.S');
    writeFileSync(file, stubs.text);
    sources.push(file);
    definition += `${stubs.exports.join('\n')}\n`;
  }
  writeFileSync(join(objects, `${name}.def`), definition);
  const compiled = sources.map((source) => join(objects, `${basename(source)}.o`));
  const compileFlags = [...libraryCompileFlags, `-I${folder}`, ...(settings.compile ?? [])];
  await runAll(sources.map((source, i) => () => run(compiler, [...compileFlags, '-c', '-o', compiled[i], source])));
  const target = join(objects, `${name}.dll`);
  const linkFlags = [...libraryLinkFlags, `-Wl,--image-base=${settings.base}`, `-Wl,-e,${settings.entry ?? '0'}`];
  await run(compiler, [
    ...linkFlags,
    ...compiled,
    join(objects, `${name}.def`),
    ...(settings.link ?? []),
    '-o',
    target,
  ]);
  copyFileSync(target, join(images, `${name}.dll`)); // A failed link leaves the image that was there.
}

/** Import hints of the libraries, right for each other. A library that is not in `images` is the committed one. */
function setLibraryHints(folders, images) {
  const find = (library) => [images, committed].map((folder) => join(folder, library)).find(existsSync);
  const known = new Map(folders.map((name) => [`${name}.dll`, find(`${name}.dll`)]));
  const hints = new Map();
  const hintsOf = (library) => {
    const file = known.get(library);
    if (file !== undefined && !hints.has(library)) hints.set(library, exportHints(readFileSync(file)));
    return hints.get(library);
  };
  for (const file of folders.map((name) => join(images, `${name}.dll`)).filter(existsSync)) {
    const image = readFileSync(file);
    setImportHints(image, hintsOf);
    writeFileSync(file, image);
  }
}

/** A program of several sources, each with flags of its own. */
async function buildBenchmark(target, parts, scratch, images) {
  const folder = join(guest, 'bench');
  const objects = parts.map((_, i) => join(scratch, `${target}-${i}.o`));
  await runAll(
    parts.map(
      ({ source, compile }, i) =>
        () =>
          run(compiler, [...compile, '-c', source, '-o', objects[i]], folder),
    ),
  );
  await run(compiler, [...programFlags, ...objects, '-o', join(scratch, target)], folder);
  copyFileSync(join(scratch, target), join(images, target));
}

/** Programs are built as their users would build them; programs/build.json names the few that need more flags. */
async function buildProgram(file, scratch, images) {
  const folder = join(guest, 'programs');
  const isLibrary = file.endsWith('.dll.c');
  const target = isLibrary ? basename(file, '.c') : `${basename(file, '.c')}.exe`;
  const settings = JSON.parse(readFileSync(join(folder, 'build.json'), 'utf8'));
  const flags = settings[file] ?? [];
  // Left alone, the linker derives a library's base from the path of its output, which is a temporary one.
  const shared = isLibrary ? ['-shared', '-Wl,--image-base=0x10000000'] : [];
  await run(compiler, [...programFlags, ...shared, file, ...flags, '-o', join(scratch, target)], folder);
  copyFileSync(join(scratch, target), join(images, target));
}

/** A program that has a folder of its own. */
async function buildProgramFolder(name, scratch, images) {
  const folder = join(guest, name);
  const sources = readdirSync(folder).filter((file) => extname(file) === '.c');
  const target = `${name}.exe`;
  await run(compiler, [...programFlags, '-Wall', '-Wextra', ...sources.sort(), '-o', join(scratch, target)], folder);
  copyFileSync(join(scratch, target), join(images, target));
}

const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const check = options.includes('--check');
const isWanted = (name) => wanted.length === 0 || wanted.includes(name);

if (spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status !== 0) {
  console.error(`nt86: ${compiler} is missing (Debian: apt install gcc-mingw-w64-i686)`);
  process.exit(check ? 0 : 1);
}

const committed = join(guest, 'images');
const scratch = mkdtempSync(join(tmpdir(), 'nt86-guest-'));
const images = check ? join(scratch, 'images') : committed;
mkdirSync(images, { recursive: true });
try {
  const folders = readdirSync(guest).filter((name) => existsSync(join(guest, name, 'build.json')));
  const isProgram = (name) => JSON.parse(readFileSync(join(guest, name, 'build.json'), 'utf8')).program === true;
  const libraries = folders.filter((name) => name !== 'programs' && name !== 'bench' && !isProgram(name)).sort();
  for (const name of libraries.filter(isWanted)) await buildLibrary(name, scratch, images);
  setLibraryHints(libraries, images);
  const programs = readdirSync(join(guest, 'programs')).filter((file) => file.endsWith('.c'));
  const chosen = programs.filter((file) => isWanted(basename(file, '.c'))).sort();
  await runAll(chosen.map((file) => () => buildProgram(file, scratch, images)));
  for (const name of folders.filter(isProgram).filter(isWanted)) await buildProgramFolder(name, scratch, images);
  const benchmarks = JSON.parse(readFileSync(join(guest, 'bench/build.json'), 'utf8'));
  for (const [target, parts] of Object.entries(benchmarks)) {
    if (isWanted(basename(target, '.exe'))) await buildBenchmark(target, parts, scratch, images);
  }
  if (check) {
    const names = new Set([...readdirSync(images), ...(wanted.length === 0 ? readdirSync(committed) : [])]);
    for (const name of [...names].filter((file) => /\.(dll|exe)$/.test(file)).sort()) {
      const built = join(images, name);
      const kept = join(committed, name);
      const equal = existsSync(built) && existsSync(kept) && readFileSync(built).equals(readFileSync(kept));
      if (equal) continue;
      console.error(`nt86: ${relative(root, kept)} differs from its sources; run \`npm run guest\``);
      process.exitCode = 1;
    }
  }
} catch (error) {
  console.error(`nt86: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
