import { closeSync, existsSync, openSync, realpathSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, relative, sep } from 'node:path';
import { Machine } from '../kernel/index.js';
import { CliError, ExitCode, reasonOf } from './cli-error.js';
import { runOutcome } from './failure-text.js';
import { NodeHost } from './host-node.js';
import { type MachineFlags, type Mount, machineFlags, type RawMachineFlags, traceOptions } from './machine-flags.js';
import { guestImages } from './package-root.js';
import { formatStatistics, statistics } from './statistics.js';

export interface RunOptions extends RawMachineFlags {
  readonly program: string;
  readonly programArguments: readonly string[];
  readonly stats: boolean;
  readonly json: boolean;
  readonly trace?: string | undefined;
  readonly traceFile?: string | undefined;
}

/** Drive that shows the program's own folder when no mount holds it. */
const PROGRAM_DRIVE = 'Z';

const cannotStart = (program: string, reason: string) => new CliError(ExitCode.CannotStart, `${program}: ${reason}`);

function locateProgram(program: string): string {
  try {
    if (statSync(program).isDirectory()) throw cannotStart(program, 'is a directory');
    return realpathSync(program);
  } catch (error) {
    throw error instanceof CliError ? error : cannotStart(program, reasonOf(error));
  }
}

function checkMount(mount: Mount): Mount {
  if (!existsSync(mount.folder) || !statSync(mount.folder).isDirectory())
    throw new CliError(ExitCode.Usage, `--mount ${mount.drive}=${mount.folder}: no such folder`);
  return { ...mount, folder: realpathSync(mount.folder) };
}

interface Placement {
  readonly mounts: readonly Mount[];
  /** DOS path of the program as the guest sees it. */
  readonly path: string;
}

/** Drives of the machine and where among them the program lies; without a C: of the user's, its folder is drive C:. */
function place(program: string, given: readonly Mount[]): Placement {
  const folder = dirname(program);
  const checked = given.map(checkMount);
  const mounts = checked.some(({ drive }) => drive === 'C')
    ? checked
    : [...checked, { drive: 'C', folder, readOnly: false }];
  for (const mount of mounts) {
    const components = relative(mount.folder, program).split(sep);
    if (components[0] !== '..') return { mounts, path: `${mount.drive}:\\${components.join('\\')}` };
  }
  const own = { drive: PROGRAM_DRIVE, folder, readOnly: true };
  return { mounts: [...mounts, own], path: `${PROGRAM_DRIVE}:\\${basename(program)}` };
}

/** Quotes one argument so that the C runtime reads it back unchanged. */
export function quoteArgument(argument: string): string {
  if (argument !== '' && !/[\s"]/.test(argument)) return argument;
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
}

function runMachine(machine: Machine, { verify, maximumInstructions }: MachineFlags) {
  if (typeof verify !== 'number') return machine.run();
  let checkedAt = 0;
  for (;;) {
    const left = maximumInstructions - machine.kernel.cpu.instructionCount;
    const result = machine.run({ maxInstructions: Math.min(left, 10_000) });
    if (machine.counters.pageFaults - checkedAt >= verify) {
      checkedAt = machine.counters.pageFaults;
      verifyMemory(machine);
    }
    if (result.reason !== 'limit' || result.instructions >= maximumInstructions) return result;
  }
}

function verifyMemory(machine: Machine): void {
  const problem = machine.verify();
  if (problem !== null) throw new CliError(ExitCode.Defect, `memory manager inconsistent: ${problem}`);
}

/** `nt86 run`: runs a program and returns the exit code of conventions.md. @throws CliError */
export function runProgram(options: RunOptions): number {
  const flags = machineFlags(options);
  const traceTo = options.traceFile === undefined ? 2 : openSync(options.traceFile, 'w');
  const trace = traceOptions(options.trace, (line) => writeSync(traceTo, `${line}\n`));
  const { mounts, path } = place(locateProgram(options.program), flags.mounts);
  const host = new NodeHost({ mounts, systemFolder: guestImages });
  try {
    const machine = new Machine(
      {
        memorySize: flags.memorySize,
        pae: flags.pae,
        seed: flags.seed,
        environment: flags.environment,
        maximumInstructions: flags.maximumInstructions,
        imagePath: `\\??\\${path}`,
        commandLine: [path, ...options.programArguments].map(quoteArgument).join(' '),
        currentDirectory: 'C:\\',
        trace,
      },
      host,
    );
    const result = runMachine(machine, flags);
    if (flags.verify !== 'off') verifyMemory(machine);
    const { exitCode, message } = runOutcome(options.program, result);
    if (message !== null) process.stderr.write(`nt86: ${message}\n`);
    if (options.stats) {
      const figures = statistics(machine);
      process.stderr.write(`${options.json ? JSON.stringify(figures) : formatStatistics(figures)}\n`);
    }
    return exitCode;
  } finally {
    host.close();
    if (traceTo !== 2) closeSync(traceTo);
  }
}
