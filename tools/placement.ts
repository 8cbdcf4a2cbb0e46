import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, relative, sep } from 'node:path';
import type { HostVolume } from '../kernel/index.js';
import { CliError, ExitCode, reasonOf } from './cli-error.js';
import type { Mount } from './machine-flags.js';
import { ProgramVolume } from './program-volume.js';

/** The drives of a machine, and where on them its program lies. */
export interface Placement {
  readonly mounts: readonly Mount[];
  /** The program's own drive, when no mount holds it. */
  readonly volumes: ReadonlyMap<string, HostVolume>;
  /** DOS path of the program as the guest sees it. */
  readonly path: string;
}

/** Drive letters for a program that lies in no mount, the first free one is taken. */
const PROGRAM_DRIVES = 'ZYXWVUTSRQPONMLKJIHGFED';

/** The real path of a program's file. @throws CliError when there is none that can be read. */
function locateProgram(program: string): string {
  try {
    const path = realpathSync(program);
    const stats = statSync(path);
    if (stats.isDirectory()) throw new CliError(ExitCode.CannotStart, `${program}: is a directory`);
    if (!stats.isFile()) throw new CliError(ExitCode.CannotStart, `${program}: not a regular file`);
    return path;
  } catch (error) {
    throw error instanceof CliError ? error : new CliError(ExitCode.CannotStart, `${program}: ${reasonOf(error)}`);
  }
}

function checkMount(mount: Mount): Mount {
  const refuse = (reason: string) => new CliError(ExitCode.Usage, `--mount ${mount.drive}=${mount.folder}: ${reason}`);
  try {
    if (!statSync(mount.folder).isDirectory()) throw refuse('not a folder');
    return { ...mount, folder: realpathSync(mount.folder) };
  } catch (error) {
    throw error instanceof CliError ? error : refuse(reasonOf(error).replace('file', 'folder'));
  }
}

function checkMounts(given: readonly Mount[]): Mount[] {
  const drives = new Set<string>();
  for (const { drive, folder } of given) {
    if (drives.has(drive))
      throw new CliError(ExitCode.Usage, `--mount ${drive}=${folder}: drive ${drive}: is mounted twice`);
    drives.add(drive);
  }
  return given.map(checkMount);
}

/** Path of a program below a mounted folder, in components; null when it lies elsewhere. */
function below(folder: string, program: string): readonly string[] | null {
  const path = relative(folder, program);
  const components = path.split(sep);
  return isAbsolute(path) || components[0] === '..' ? null : components;
}

/**
 * Drives of the machine. Without a C: of the user's, the program's folder is drive C:; a program outside of every mount
 * gets a read-only drive that holds it and the DLLs beside it.
 * @throws CliError for a program or folder that is not there.
 */
export function place(program: string, given: readonly Mount[]): Placement {
  const mounts = checkMounts(given);
  const file = locateProgram(program);
  const folder = dirname(file);
  if (!mounts.some(({ drive }) => drive === 'C')) mounts.push({ drive: 'C', folder, readOnly: false });
  for (const mount of mounts) {
    const components = below(mount.folder, file);
    if (components !== null) return { mounts, volumes: new Map(), path: `${mount.drive}:\\${components.join('\\')}` };
  }
  const letter = [...PROGRAM_DRIVES].find((candidate) => mounts.every(({ drive }) => drive !== candidate));
  if (letter === undefined)
    throw new CliError(ExitCode.Usage, `${program}: lies in no mounted folder, and no drive letter is left for it`);
  const volumes = new Map([[letter, new ProgramVolume(folder, basename(file))]]);
  return { mounts, volumes, path: `${letter}:\\${basename(file)}` };
}
