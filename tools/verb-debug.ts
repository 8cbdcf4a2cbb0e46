import { readFileSync } from 'node:fs';
import { BugcheckError, bugcheckText } from '../kernel/index.js';
import { CliError, ExitCode, reasonOf } from './cli-error.js';
import { createSession, runScript, runTerminal, type Session, stopData, stopText } from './debugger/index.js';
import { SnapshotError } from './history/snapshot-file.js';
import { NodeHost } from './host-node.js';
import {
  gdbFlagDescription,
  historyBytes,
  historyFlagDescription,
  machineFlagDescriptions,
  machineFlags,
  type RawMachineFlags,
  snapshotFlagDescriptions,
} from './machine-flags.js';
import type { NodeConsole } from './node-console.js';
import { guestImages } from './package-root.js';
import { place } from './placement.js';
import { programOptions } from './run.js';
import { readSnapshot, recipeOf, restoredFlags, writeSnapshot } from './run-saved.js';

/** yargs descriptions of the flags of `nt86 debug`. */
export const debugFlagDescriptions = {
  ...machineFlagDescriptions,
  ...gdbFlagDescription,
  ...snapshotFlagDescriptions,
  ...historyFlagDescription,
  script: { type: 'string', describe: 'carry out the commands in this file, one line each' },
  c: { type: 'string', describe: "carry out these commands, separated by ';'" },
  json: { type: 'boolean', default: false, describe: 'every output as one line of JSON' },
} as const;

export interface DebugOptions extends RawMachineFlags {
  readonly save?: string | undefined;
  readonly restore?: string | undefined;
  readonly program: string;
  readonly programArguments: readonly string[];
  readonly script?: string | undefined;
  readonly c?: string | undefined;
  readonly json: boolean;
  readonly gdb?: string | undefined;
  readonly historyMemory?: string | undefined;
}

/** Lines of --script and -c; null for an interactive session. @throws CliError when the file cannot be read */
function batchLines({ script, c }: DebugOptions): readonly string[] | null {
  if (script === undefined && c === undefined) return null;
  const lines: string[] = [];
  try {
    if (script !== undefined) lines.push(...readFileSync(script, 'utf8').split(/\r?\n/));
  } catch (error) {
    throw new CliError(ExitCode.Usage, `--script ${script}: ${reasonOf(error)}`);
  }
  if (c !== undefined) lines.push(c);
  return lines;
}

/** --gdb: serves gdb until it detaches or kills, or Ctrl-C. */
async function waitForGdb(session: Session, address: string): Promise<void> {
  const { listenForGdb } = await import('./run-gdb.js');
  const server = await listenForGdb(session, address);
  process.once('SIGINT', server.cancel);
  const ending = await server.ending;
  process.off('SIGINT', server.cancel);
  if (ending === 'killed') session.finished = true;
}

/**
 * `nt86 debug`: a program under the debugger, in a terminal or by a script. Returns 0, or 1 when a command of a script
 * failed. @throws CliError
 */
export async function debugProgram(options: DebugOptions): Promise<number> {
  const batch = batchLines(options);
  const inputIsOthers = batch === null && process.stdin.isTTY !== true;
  const restored = options.restore === undefined ? null : readSnapshot(options.restore);
  const recipe = restored?.recipe ?? recipeOf(options);
  const flags = machineFlags(restored === null ? options : restoredFlags(recipe, options));
  const { mounts, volumes, path } = place(restored === null ? options.program : recipe.program, flags.mounts);
  let session: Session | null = null;
  const interrupt = (): void => {
    if (session !== null) session.execution.breakRequested = true;
  };
  const host = new NodeHost({
    mounts,
    volumes,
    systemFolder: guestImages,
    console: { neverWaits: true, inputIsOthers, interrupt },
    pagingFolder: flags.pagingFolder,
  });
  const write = (text: string): void => {
    process.stdout.write(text);
  };
  try {
    const notice = (text: string): void => write(options.json ? `${JSON.stringify({ notice: text })}\n` : `${text}\n`);
    const machine = programOptions(flags, path, recipe.programArguments);
    const made = createSession(machine, host, notice, {
      snapshot: restored?.snapshot ?? null,
      historyMemory: historyBytes(options.historyMemory),
    });
    session = made;
    made.writeSnapshot = (file) => {
      if (made.savable === null)
        throw new CliError(ExitCode.CannotStart, `${file}: this build of nt86 cannot save machines`);
      writeSnapshot(file, made.savable, recipe);
    };
    const event = await made.start();
    write(`${options.json ? JSON.stringify(stopData(made, event)) : stopText(made, event)}\n`);
    const exitCode = await converse(made, batch, options, { write, guest: host.console });
    if (options.save !== undefined && made.execution.ended === null) made.save(options.save);
    made.shutDown();
    return exitCode;
  } catch (error) {
    if (error instanceof BugcheckError) throw new CliError(ExitCode.Bugcheck, bugcheckText(error.report));
    if (error instanceof SnapshotError)
      throw new CliError(ExitCode.CannotStart, `${options.restore}: ${error.message}`);
    throw error;
  } finally {
    host.close();
  }
}

/** Carries out a script; Ctrl-C breaks in, and ends the script when nothing has run since the last one. False: a command failed. */
async function runBatch(
  session: Session,
  lines: readonly string[],
  write: (text: string) => void,
  json: boolean,
): Promise<boolean> {
  const { execution } = session;
  const breakIn = (): void => {
    if (execution.breakRequested) session.finished = true;
    execution.breakRequested = true;
  };
  process.on('SIGINT', breakIn);
  try {
    return await runScript(session, lines, write, json);
  } finally {
    process.off('SIGINT', breakIn);
  }
}

/** The commands of a script, or of somebody at the terminal or behind gdb. Returns the exit code. */
async function converse(
  session: Session,
  batch: readonly string[] | null,
  options: DebugOptions,
  { write, guest }: { readonly write: (text: string) => void; readonly guest: NodeConsole },
): Promise<number> {
  const succeeded = batch === null || (await runBatch(session, batch, write, options.json));
  if (options.gdb !== undefined) await waitForGdb(session, options.gdb);
  if (batch !== null) return succeeded ? ExitCode.Success : 1;
  await runTerminal(session, { input: process.stdin, output: process.stdout, guest }, options.json);
  return ExitCode.Success;
}
