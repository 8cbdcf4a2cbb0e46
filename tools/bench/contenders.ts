import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { guestImages, packageRoot } from '../package-root.js';
import { timeBetweenLines } from './timed-process.js';
import { V86Contender } from './v86-contender.js';

/** Something that runs the compute kernels: nt86 itself or what is present on the machine beside it. */
export interface Contender {
  readonly name: string;
  /** Milliseconds and checksum of one run of the kernel with this index. */
  run(kernel: number): Promise<{ milliseconds: number; result: string }>;
}

const sources = join(packageRoot, 'guest/bench');
export const commandLine = join(packageRoot, 'dist/nt86.js');

const INTEGER_FLAGS = ['-O2', '-march=i686'];
const X87_FLAGS = ['-O2', '-march=pentium4', '-mfpmath=387'];
const SSE2_FLAGS = ['-O2', '-march=pentium4', '-mfpmath=sse'];
const FREESTANDING = ['-ffreestanding', '-fno-pic', '-fno-stack-protector', '-fcf-protection=none'];

function gcc(args: readonly string[]): boolean {
  return spawnSync('gcc', ['-m32', '-w', ...args], { stdio: 'ignore' }).status === 0;
}

function compileKernels(folder: string, prefix: string, extra: readonly string[]): string[] | null {
  const objects = [
    { name: 'integer', source: 'integer.c', flags: INTEGER_FLAGS },
    { name: 'x87', source: 'floating.c', flags: X87_FLAGS },
    { name: 'sse2', source: 'floating.c', flags: SSE2_FLAGS },
  ].map(({ name, source, flags }) => {
    const object = join(folder, `${prefix}-${name}.o`);
    return gcc([...flags, ...extra, '-c', join(sources, source), '-o', object]) ? object : null;
  });
  const built = objects.filter((object) => object !== null);
  return built.length === objects.length ? built : null;
}

/** The kernels compiled for this host with `gcc -m32`; null where that compiler is missing. */
export function buildNative(folder: string): string | null {
  const objects = compileKernels(folder, 'native', ['-fno-pic']);
  const program = join(folder, 'kernels');
  if (objects === null) return null;
  return gcc(['-O2', '-static', join(sources, 'main-hosted.c'), ...objects, '-o', program]) ? program : null;
}

/** The fault benchmarks compiled for this host; null where `gcc -m32` is missing. */
export function buildNativeFaults(folder: string): string | null {
  const program = join(folder, 'faults');
  return gcc(['-O2', '-static', join(sources, 'faults-linux.c'), '-o', program]) ? program : null;
}

/** The file benchmarks compiled for this host, from the source that is the guest's too; null where `gcc -m32` is missing. */
export function buildNativeFiles(folder: string): string | null {
  const program = join(folder, 'files');
  return gcc(['-O2', '-static', join(sources, 'files.c'), '-o', program]) ? program : null;
}

function buildMultiboot(folder: string): string | null {
  const objects = compileKernels(folder, 'multiboot', FREESTANDING);
  const main = join(folder, 'multiboot-main.o');
  const program = join(folder, 'kernels.elf');
  if (
    objects === null ||
    !gcc([...INTEGER_FLAGS, ...FREESTANDING, '-c', join(sources, 'main-multiboot.c'), '-o', main])
  )
    return null;
  const script = `-Wl,-T,${join(sources, 'multiboot.ld')}`;
  const link = ['-nostdlib', '-static', '-no-pie', script, '-Wl,--build-id=none', main, ...objects, '-lgcc'];
  return gcc([...link, '-o', program]) ? program : null;
}

const hasQemu = () => spawnSync('qemu-i386', ['--version'], { stdio: 'ignore' }).status === 0;

/** nt86 first, then native code, qemu-i386 and v86 as far as the machine has what they need. */
export function contenders(folder: string): { present: Contender[]; absent: string[] } {
  const present: Contender[] = [];
  const absent: string[] = [];
  const image = join(guestImages, 'bench.exe');
  present.push({
    name: 'nt86',
    run: (kernel) => timeBetweenLines(process.execPath, [commandLine, 'run', image, String(kernel)]),
  });
  const native = buildNative(folder);
  if (native === null)
    return { present, absent: ['native, qemu-i386, v86: gcc -m32 (Debian: gcc-multilib) is missing'] };
  present.push({ name: 'native', run: (kernel) => timeBetweenLines(native, [String(kernel)]) });
  if (hasQemu())
    present.push({ name: 'qemu-i386', run: (kernel) => timeBetweenLines('qemu-i386', [native, String(kernel)]) });
  else absent.push('qemu-i386 (Debian: qemu-user) is missing');
  const v86 = join(packageRoot, 'node_modules/v86/build/libv86.mjs');
  const multiboot = existsSync(v86) ? buildMultiboot(folder) : null;
  if (multiboot === null) absent.push('v86 (a development dependency) is missing');
  else present.push(new V86Contender(v86, multiboot));
  return { present, absent };
}

/** Names of the kernels in their order, as the guest program lists them. */
export function kernelNames(): string[] {
  const listing = spawnSync(process.execPath, [commandLine, 'run', join(guestImages, 'bench.exe')], {
    encoding: 'utf8',
  });
  return listing.stdout
    .split(/\r?\n/)
    .filter((line) => /^\d+ /.test(line))
    .map((line) => line.replace(/^\d+ /, ''));
}
