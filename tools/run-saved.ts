import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  BugcheckError,
  bugcheckText,
  type MachineObserver,
  type TraceOptions,
  UnreflectableError,
} from '../kernel/index.js';
import { CliError, ExitCode, reasonOf } from './cli-error.js';
import { PassiveObserver, SavableMachine } from './history/savable-machine.js';
import { decodeSnapshot, type Snapshot, SnapshotError } from './history/snapshot-file.js';
import { NodeHost } from './host-node.js';
import { LineWriter } from './line-writer.js';
import {
  largePageMinimumOf,
  lastingFlags,
  type MachineFlags,
  machineFlags,
  type RawMachineFlags,
  traceOptions,
} from './machine-flags.js';
import { guestImages } from './package-root.js';
import { place } from './placement.js';
import { programOptions, type RunOptions, reportRun } from './run.js';

/** What a snapshot file says of how its machine was made: the command line, with folders that mean the same everywhere. */
export interface Recipe {
  readonly program: string;
  readonly programArguments: readonly string[];
  /** Those that the machine is made of; see lastingFlags. */
  readonly flags: Partial<RawMachineFlags>;
  readonly trace?: string | undefined;
}

/** The recipe of a machine that a command line asks for. */
export function recipeOf(options: RawMachineFlags & Omit<Recipe, 'flags'>): Recipe {
  const { program, programArguments, trace } = options;
  const mount = options.mount?.map((text) =>
    text.replace(/=(.+?)(:ro)?$/, (_all, folder, ro) => `=${resolve(folder)}${ro ?? ''}`),
  );
  const flags = Object.fromEntries(
    Object.entries({ ...options, mount, 'large-page-minimum': largePageMinimumOf(options) }).filter(
      ([name, value]) => lastingFlags.has(name) && value !== undefined,
    ),
  );
  return { program: resolve(program), programArguments, flags, trace };
}

/** Reads a snapshot. @throws CliError for a file that is not there, is none, or is damaged */
export function readSnapshot(path: string): { readonly snapshot: Snapshot; readonly recipe: Recipe } {
  try {
    const snapshot = decodeSnapshot(readFileSync(path));
    const { recipe } = snapshot;
    if (!isRecipe(recipe)) throw new SnapshotError('was not made by nt86 run or nt86 debug');
    return { snapshot, recipe };
  } catch (error) {
    throw refusal(path, error);
  }
}

function isRecipe(value: unknown): value is Recipe {
  return typeof value === 'object' && value !== null && 'program' in value && 'flags' in value;
}

function refusal(path: string, error: unknown): Error {
  if (error instanceof SnapshotError) return new CliError(ExitCode.CannotStart, `${path}: ${error.message}`);
  if (error instanceof CliError || (error instanceof Error && !('code' in error))) return error;
  return new CliError(ExitCode.CannotStart, `${path}: ${reasonOf(error)}`);
}

/** Writes a snapshot, whole or not at all. @throws CliError when it cannot be written */
export function writeSnapshot(path: string, machine: SavableMachine, recipe: Recipe): void {
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(unfinished, machine.save(recipe));
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    if (error instanceof UnreflectableError) throw new CliError(ExitCode.Defect, `${path}: ${error.message}`);
    throw refusal(path, error);
  }
}

/** Flags of a restored machine: the recipe's, with the limits and the folders of this command line. */
export function restoredFlags(recipe: Recipe, given: RawMachineFlags): RawMachineFlags {
  const mount = given.mount ?? recipe.flags.mount;
  return { ...given, ...recipe.flags, mount };
}

/** What a machine that can be saved is made of. */
export interface SavableParts {
  readonly recipe: Recipe;
  /** The program's file. */
  readonly program: string;
  readonly flags: MachineFlags;
  readonly trace: TraceOptions;
  readonly observer: MachineObserver;
  /** Null: boot. */
  readonly snapshot: Snapshot | null;
  /** Name of the snapshot's file, for messages. */
  readonly path: string;
}

/** Boots or restores a machine over the host's files. @throws CliError */
export function makeSavable(parts: SavableParts): { readonly machine: SavableMachine; readonly host: NodeHost } {
  const { recipe, flags, trace, observer, snapshot, path } = parts;
  const { mounts, volumes, path: dosPath } = place(parts.program, flags.mounts);
  const host = new NodeHost({ mounts, volumes, systemFolder: guestImages, pagingFolder: flags.pagingFolder });
  const options = { ...programOptions(flags, dosPath, recipe.programArguments), trace };
  try {
    const machine =
      snapshot === null
        ? SavableMachine.boot(options, host, observer)
        : SavableMachine.restore(snapshot, options, host, observer);
    return { machine, host };
  } catch (error) {
    host.close();
    throw refusal(path, error);
  }
}

/** `nt86 run --save FILE`, `nt86 run --restore FILE`. Returns the exit code. @throws CliError */
export function runSaved(options: RunOptions & { readonly restore?: string | undefined }): number {
  const restored = options.restore === undefined ? null : readSnapshot(options.restore);
  const recipe = restored?.recipe ?? recipeOf(options);
  const flags = machineFlags(restored === null ? options : restoredFlags(recipe, options));
  const lines = new LineWriter(options.traceFile ?? null);
  const { sink, ...categories } = traceOptions(recipe.trace, (line) => lines.write(line));
  const program = restored === null ? options.program : recipe.program;
  const { machine, host } = makeSavable({
    recipe,
    program,
    flags,
    trace: { ...categories, sink },
    observer: new PassiveObserver(),
    snapshot: restored?.snapshot ?? null,
    path: options.restore ?? program,
  });
  try {
    host.console.takeTerminal();
    const result = machine.machine.run();
    if (options.save !== undefined) {
      const isOver = result.reason !== 'limit' && result.reason !== 'interrupted';
      if (isOver) process.stderr.write(`nt86: ${options.save} is not written: the program has ended\n`);
      else writeSnapshot(options.save, machine, recipe);
    }
    return reportRun(machine.machine, result, { ...options, program }, flags, host);
  } catch (error) {
    if (error instanceof BugcheckError) throw new CliError(ExitCode.Bugcheck, bugcheckText(error.report));
    throw error;
  } finally {
    host.close();
    lines.close();
  }
}
