import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { afterAll, beforeAll } from 'vitest';
import { packageRoot } from '../../tools/package-root.js';

/** What a run of nt86 left behind. */
export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string | Uint8Array;
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The real command line, bundled from the sources of this very moment into a package of its own. */
export interface CommandLine {
  /** The bundle, for Node to run. */
  readonly script: string;
  /** A folder for the test's files; it goes with the package. */
  readonly folder: string;
  run(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Runs a shell line in which $NT86 is the command. */
  shell(line: string, options?: CommandOptions): Promise<CommandResult>;
}

const TIME_LIMIT = 60_000;

async function install(root: string, plugins: Plugin[]): Promise<CommandLine> {
  const script = join(root, 'dist/nt86.js');
  await build({
    absWorkingDir: packageRoot,
    entryPoints: { nt86: 'tools/nt86.ts' },
    outdir: join(root, 'dist'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    packages: 'external',
    logLevel: 'error',
    plugins,
  });
  for (const name of ['guest', 'node_modules', 'package.json']) symlinkSync(join(packageRoot, name), join(root, name));
  const folder = join(root, 'files');
  mkdirSync(folder);
  const start = (command: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> =>
    new Promise((resolve, reject) => {
      const environment = { ...process.env, NT86: `"${process.execPath}" "${script}"`, ...options.environment };
      const child = spawn(command, args, { cwd: options.folder ?? folder, env: environment, timeout: TIME_LIMIT });
      const output = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const)
        child[stream].setEncoding('latin1').on('data', (text: string) => {
          output[stream] += text;
        });
      child.on('error', reject);
      child.on('close', (exitCode) => resolve({ exitCode, ...output }));
      child.stdin.on('error', () => undefined);
      child.stdin.end(options.input ?? '');
    });
  return {
    script,
    folder,
    run: (args, options = {}) => start(process.execPath, [script, ...args], options),
    shell: (line, options = {}) => start('/bin/sh', ['-c', line.replaceAll('$NT86', 'eval "$NT86"')], options),
  };
}

/**
 * Installs the command line for the tests of a file; valid inside tests and hooks.
 * @param plugins of the bundler
 */
export function useCommandLine(plugins: Plugin[] = []): () => CommandLine {
  let installed: CommandLine | null = null;
  const root = mkdtempSync(join(tmpdir(), 'nt86-test-'));
  beforeAll(async () => {
    installed = await install(root, plugins);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return () => {
    if (installed === null) throw new Error('the command line is installed in beforeAll');
    return installed;
  };
}
