import { BugcheckError, bugcheckText, Machine, type MachineOptions, type TraceOptions } from '../kernel/index.js';
import { CliError, ExitCode } from './cli-error.js';
import { inconsistencyText, runOutcome } from './failure-text.js';
import { NodeHost } from './host-node.js';
import { LineWriter } from './line-writer.js';
import { type MachineFlags, machineFlags, type RawMachineFlags, traceOptions } from './machine-flags.js';
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
    replacement: flags.replacement,
    ...(flags.pagingFiles === null ? {} : { pagingFiles: flags.pagingFiles }),
    pae: flags.pae,
    seed: flags.seed,
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

function boot(options: RunOptions, flags: MachineFlags, host: NodeHost, path: string, trace: TraceOptions): Machine {
  return new Machine({ ...programOptions(flags, path, options.programArguments), trace }, host);
}

/** Runs the machine to its end and says on stderr what there is to say. Returns the exit code. @throws CliError */
function runToEnd(machine: Machine, options: RunOptions, { verify }: MachineFlags, host: NodeHost): number {
  const result = machine.run();
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

/** `nt86 run`: runs a program and returns the exit code of conventions.md. @throws CliError */
export function runProgram(options: RunOptions): number {
  const flags = machineFlags(options);
  const { mounts, volumes, path } = place(options.program, flags.mounts);
  const lines = new LineWriter(options.traceFile ?? null);
  const trace = traceOptions(options.trace, (line) => lines.write(line));
  const host = new NodeHost({ mounts, volumes, systemFolder: guestImages });
  try {
    host.console.takeTerminal();
    return runToEnd(boot(options, flags, host, path, trace), options, flags, host);
  } catch (error) {
    if (error instanceof BugcheckError) throw new CliError(ExitCode.Bugcheck, bugcheckText(error.report));
    throw error;
  } finally {
    host.close();
    lines.close();
  }
}
