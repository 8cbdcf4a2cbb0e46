import { join } from 'node:path';
import { type HostConsole, Status } from '../../kernel/index.js';
import { History } from '../history/history.js';
import { PassiveObserver, SavableMachine } from '../history/savable-machine.js';
import { NodeHost } from '../host-node.js';
import { machineFlags } from '../machine-flags.js';
import { guestImages } from '../package-root.js';
import { place } from '../placement.js';
import { programOptions } from '../run.js';

/** What checkpoints cost one program, and going back. Times are milliseconds of processor time, the least of the rounds. */
export interface HistoryFigures {
  readonly program: string;
  readonly instructions: number;
  readonly withoutCheckpoints: number;
  readonly withCheckpoints: number;
  /** What taking them took of it, and what the one in front of the first instruction took before. */
  readonly takingCheckpoints: number;
  readonly firstCheckpoint: number;
  readonly checkpoints: number;
  readonly megabytes: number;
  /** How far back, and how long that took; the state was compared with the first time. */
  readonly distance: number;
  readonly goingBack: number;
  readonly isSame: boolean;
}

const PROGRAMS = ['malloc-churn', 'sorting', 'thread-churn'] as const;
const SLICE = 2_000_000;
const DISTANCE = 10_000_000;

interface Run {
  readonly machine: SavableMachine;
  readonly history: History<null>;
}

/** Boots a program whose output goes nowhere. */
function boot(program: string): Run {
  const flags = machineFlags({ maxmem: '128M', pae: true, verify: 'off', seed: 0 });
  const { mounts, volumes, path } = place(join(guestImages, `${program}.exe`), flags.mounts);
  const host = new NodeHost({ mounts, volumes, systemFolder: guestImages });
  const quiet = {
    console: silence,
    volumes: host.volumes,
    systemVolume: host.systemVolume,
    debugOutput: () => undefined,
    hardError: () => undefined,
    unhandledException: () => undefined,
  };
  // One loop for all machines here, so that none of them warms it up for itself.
  const options = { ...programOptions(flags, path, []), dedicatedLoop: false };
  const machine = SavableMachine.boot(options, quiet, new PassiveObserver());
  const owner = { replaying: () => undefined, saveCompanion: () => null, restoreCompanion: () => undefined };
  return { machine, history: new History<null>(machine.machine, machine.host, owner) };
}

const silence: HostConsole = {
  kind: () => 'pipe',
  read: () => 'eof',
  waitForInput: () => true,
  write: () => Status.SUCCESS,
  flush: () => undefined,
  size: () => ({ columns: 80, rows: 25 }),
  setRaw: () => undefined,
};

/** Processor time of a run to its end, and of taking checkpoints in it and before it; milliseconds. */
interface RunTimes {
  readonly run: number;
  readonly taking: number;
  readonly first: number;
}

const milliseconds = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;

/** Runs a program from its first instruction to the end, as the debugger does: with a checkpoint in front of it. */
function timeRun({ history }: Run, checkpoints: boolean): RunTimes {
  history.run(0);
  if (checkpoints) history.take();
  const { spent: first } = history;
  const start = process.cpuUsage();
  while (history.ended === null) {
    history.run(SLICE);
    if (checkpoints && history.ended === null) history.ran();
  }
  return { run: milliseconds(process.cpuUsage(start)), taking: history.spent - first, first };
}

/** Runs to some place, notes the state `distance` before, and goes back to it from there. */
async function timeGoingBack(
  program: string,
  instructions: number,
): Promise<Pick<HistoryFigures, 'goingBack' | 'isSame' | 'distance'>> {
  const distance = Math.min(DISTANCE, Math.floor(instructions / 2));
  const { machine, history } = boot(program);
  const target = instructions - distance - 1000;
  history.run(0);
  history.take();
  let first = '';
  while (history.position < target + distance) {
    const next = history.position < target ? target : target + distance;
    history.run(Math.min(SLICE, next - history.position));
    if (history.position === target) first = machine.digest();
    history.ran();
  }
  const start = process.cpuUsage();
  await history.travelTo(target);
  return { distance, goingBack: milliseconds(process.cpuUsage(start)), isSame: machine.digest() === first };
}

const least = (left: RunTimes, right: RunTimes): RunTimes => (right.run < left.run ? right : left);

export async function measureHistory(rounds: number): Promise<readonly HistoryFigures[]> {
  const figures: HistoryFigures[] = [];
  for (const program of PROGRAMS) {
    let without = timeRun(boot(program), false);
    let last = boot(program);
    let withThem = timeRun(last, true);
    // What was compiled in the first round serves all others.
    for (let round = 0; round < rounds; round++) {
      without = least(without, timeRun(boot(program), false));
      last = boot(program);
      withThem = least(withThem, timeRun(last, true));
    }
    const { position: instructions, size } = last.history;
    const back = await timeGoingBack(program, instructions);
    figures.push({
      program,
      instructions,
      withoutCheckpoints: without.run,
      withCheckpoints: withThem.run,
      takingCheckpoints: withThem.taking,
      firstCheckpoint: withThem.first,
      checkpoints: size.checkpoints,
      megabytes: size.bytes / 0x100000,
      ...back,
    });
  }
  return figures;
}

export function formatHistory(figures: readonly HistoryFigures[]): string {
  const lines = figures.map((one) => {
    const ratio = (one.withCheckpoints / one.withoutCheckpoints).toFixed(3);
    const share = ((one.takingCheckpoints / one.withCheckpoints) * 100).toFixed(1);
    return [
      `${one.program}: ${one.instructions} instructions in ${one.withoutCheckpoints.toFixed(0)} ms`,
      `  with ${one.checkpoints} checkpoints (${one.megabytes.toFixed(1)} MB) ${one.withCheckpoints.toFixed(0)} ms: ${ratio} times as long`,
      `  taking them took ${one.takingCheckpoints.toFixed(0)} ms, ${share} % of it; the first of all ${one.firstCheckpoint.toFixed(0)} ms`,
      `  ${one.distance} instructions back in ${one.goingBack.toFixed(0)} ms; the state is ${one.isSame ? 'the same' : 'NOT THE SAME'}`,
    ].join('\n');
  });
  return lines.join('\n');
}
