import {
  BugcheckError,
  bugcheckText,
  Machine,
  type MachineOptions,
  type NtStatus,
  type RunResult,
  Status,
  statusName,
} from '../kernel/index.js';
import { CliError, ExitCode } from './cli-error.js';
import { inconsistencyText, runOutcome } from './failure-text.js';
import { NodeHost } from './host-node.js';
import { LineWriter } from './line-writer.js';
import { type MachineFlags, machineFlags, type RawMachineFlags, traceOptions } from './machine-flags.js';
import type { NodeConsoleOptions } from './node-console.js';
import { guestImages } from './package-root.js';
import { place } from './placement.js';
import { formatStatistics, statistics } from './statistics.js';

export interface RunOptions extends RawMachineFlags {
  readonly program: string;
  readonly programArguments: readonly string[];
  readonly stats: boolean;
  readonly json: boolean;
  readonly trace?: string | undefined;
  readonly traceFile?: string | undefined;
  /** '[HOST:]PORT' to wait for gdb at. */
  readonly gdb?: string | undefined;
  readonly historyMemory?: string | undefined;
  /** File for the machine when it stops before its program has ended. */
  readonly save?: string | undefined;
}

/** Quotes one argument so that the C runtime reads it back unchanged. */
export function quoteArgument(argument: string): string {
  if (argument !== '' && !/[\s"]/.test(argument)) return argument;
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
}

function verifyMemory(machine: Machine): void {
  const problem = machine.verify();
  if (problem !== null) throw new CliError(ExitCode.Defect, inconsistencyText(problem));
}

/** Options of a machine that runs the program at this DOS path, alone in its process. */
export function programOptions(
  flags: MachineFlags,
  path: string,
  programArguments: readonly string[],
): Partial<MachineOptions> & { readonly imagePath: string } {
  return {
    memorySize: flags.memorySize,
    hostMemory: { touched: flags.hostMemory },
    replacement: flags.replacement,
    clusterPageFileReads: flags.clusterPageFileReads,
    badPages: flags.badPages,
    ...(flags.pagingFiles === null ? {} : { pagingFiles: flags.pagingFiles }),
    pae: flags.pae,
    userSpace: flags.userSpace,
    largePageMinimum: flags.largePageMinimum,
    seed: flags.seed,
    noExecute: flags.noExecute,
    sku: flags.sku,
    account: flags.account,
    privileges: flags.privileges,
    dedicatedLoop: true,
    environment: flags.environment,
    maximumInstructions: flags.maximumInstructions,
    maximumTime: flags.maximumTime,
    injections: flags.injections,
    verifyInterval: typeof flags.verify === 'number' ? flags.verify : 0,
    imagePath: `\\??\\${path}`,
    commandLine: [path, ...programArguments].map(quoteArgument).join(' '),
    currentDirectory: 'C:\\',
  };
}

/** Says on stderr how a run has ended, whatever there is to say. Returns the exit code. @throws CliError */
export function reportRun(
  machine: Machine,
  result: RunResult,
  options: RunOptions,
  { verify }: MachineFlags,
  host: NodeHost,
): number {
  // What follows is for a terminal in its own mode.
  host.close();
  const { exitCode, message } = runOutcome(options.program, result);
  if (message !== null) process.stderr.write(`nt86: ${message}\n`);
  if (options.stats) {
    const figures = statistics(machine);
    process.stderr.write(`${options.json ? JSON.stringify(figures) : formatStatistics(figures)}\n`);
  }
  if (verify !== 'off' && result.inconsistency === null) verifyMemory(machine);
  return exitCode;
}

/** What a run is made of. */
export interface RunParts {
  readonly flags: MachineFlags;
  readonly host: NodeHost;
  /** Of the machine, its trace included. */
  readonly machine: Partial<MachineOptions> & { readonly imagePath: string };
}

/** What the machine tells whoever sits in front of it. */
function popupText(status: NtStatus): string {
  if (status === Status.PAGEFILE_CREATE_FAILED) return 'a paging file cannot be made';
  if (status === Status.LOST_WRITEBEHIND_DATA) return 'what the program wrote could not all be saved';
  return 'the machine is out of memory';
}

/** Makes what a run needs, and puts the terminal and the files in order behind it. @throws CliError */
export async function withRunParts(
  options: RunOptions,
  work: (parts: RunParts) => number | Promise<number>,
  console: NodeConsoleOptions = {},
): Promise<number> {
  const flags = machineFlags(options);
  const { mounts, volumes, path } = place(options.program, flags.mounts);
  const lines = new LineWriter(options.traceFile ?? null);
  const trace = traceOptions(options.trace, (line) => lines.write(line));
  const host = new NodeHost({
    mounts,
    volumes,
    systemFolder: guestImages,
    console,
    pagingFolder: flags.pagingFolder,
    reports: { popup: (status) => process.stderr.write(`nt86: ${popupText(status)}: ${statusName(status)}\n`) },
  });
  try {
    const machine = { ...programOptions(flags, path, options.programArguments), trace };
    return await work({ flags, host, machine });
  } catch (error) {
    if (error instanceof BugcheckError) throw new CliError(ExitCode.Bugcheck, bugcheckText(error.report));
    throw error;
  } finally {
    host.close();
    lines.close();
  }
}

/** `nt86 run`: runs a program and returns the exit code of conventions.md. @throws CliError */
export function runProgram(options: RunOptions): Promise<number> {
  return withRunParts(options, ({ flags, host, machine: machineOptions }) => {
    host.console.takeTerminal();
    const machine = new Machine(machineOptions, host);
    return reportRun(machine, machine.run(), options, flags, host);
  });
}
