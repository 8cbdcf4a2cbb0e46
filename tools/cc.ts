import { spawnSync } from 'node:child_process';
import { basename, extname, join } from 'node:path';
import { CliError, ExitCode } from './cli-error.js';

const COMPILER = 'i686-w64-mingw32-gcc';

/** Flags that name the result themselves, or that make something else than a program. */
const namesResult = (flag: string) => flag.startsWith('-o') || ['-c', '-S', '-E', '-fsyntax-only'].includes(flag);

/** The output name when none is given: the first source with .exe, in the folder where the command runs. */
function defaultOutput(sources: readonly string[]): string {
  const first = sources.find((source) => !source.startsWith('-')) ?? 'a';
  return join('.', `${basename(first, extname(first))}.exe`);
}

/**
 * `nt86 cc`: compiles C files with mingw into a PE32 program; further compiler flags may stand among the arguments.
 * Returns the compiler's exit code.
 * @throws CliError when the compiler is not installed, saying how to get it.
 */
export function compile(args: readonly string[]): number {
  const target = args.some(namesResult) ? [] : ['-o', defaultOutput(args)];
  const flags = ['-O2', '-g', '-fno-omit-frame-pointer', '-Wl,--no-insert-timestamp', ...args, ...target];
  const result = spawnSync(COMPILER, flags, { stdio: 'inherit' });
  if (result.error !== undefined)
    throw new CliError(
      ExitCode.CannotStart,
      `${COMPILER} is not installed (Debian, Ubuntu: apt install gcc-mingw-w64-i686; Fedora: dnf install mingw32-gcc; macOS: brew install mingw-w64)`,
    );
  return result.status ?? ExitCode.CannotStart;
}
