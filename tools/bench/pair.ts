import { join } from 'node:path';
import { guestImages } from '../package-root.js';
import { commandLine } from './contenders.js';
import { progress } from './progress.js';
import { timeBetweenLines } from './timed-process.js';

/** One thing that a guest program and its native counterpart do, each told so by the same arguments. */
export interface PairedRun {
  readonly title: string;
  /** In guest/images. */
  readonly image: string;
  /** Of the machine. */
  readonly flags: readonly string[];
  readonly arguments: readonly string[];
  /** The program of the host and what it is given; null where there is none. */
  readonly native: { readonly program: string; readonly arguments: readonly string[] } | null;
}

/** The least milliseconds of each, for one of what the program says it has done so often. */
export interface PairedTime {
  readonly nt86: number;
  readonly native: number | null;
}

/** Runs both by turns. @throws Error when one of them ends without having said what it has done */
export async function timePair(run: PairedRun, rounds: number): Promise<PairedTime> {
  const guest = [commandLine, 'run', ...run.flags, join(guestImages, run.image), ...run.arguments];
  let nt86 = Number.POSITIVE_INFINITY;
  let native = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    progress(`${run.title}, round ${round + 1} of ${rounds}`);
    nt86 = Math.min(nt86, await timeOfOne(process.execPath, guest));
    if (run.native === null) continue;
    native = Math.min(native, await timeOfOne(run.native.program, run.native.arguments));
  }
  return { nt86, native: Number.isFinite(native) ? native : null };
}

async function timeOfOne(command: string, args: readonly string[]): Promise<number> {
  const { milliseconds, result } = await timeBetweenLines(command, args);
  return milliseconds / Number(result);
}
