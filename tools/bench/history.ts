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

/** Milliseconds of processor time of a run to the end. */
function timeRun({ history }: Run, checkpoints: boolean): number {
  const start = process.cpuUsage();
  while (history.ended === null) {
    history.run(SLICE);
    if (checkpoints && history.ended === null) history.ran();
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
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
  const start = performance.now();
  await history.travelTo(target);
  return { distance, goingBack: performance.now() - start, isSame: machine.digest() === first };
}

export async function measureHistory(rounds: number): Promise<readonly HistoryFigures[]> {
  const figures: HistoryFigures[] = [];
  for (const program of PROGRAMS) {
    let withoutCheckpoints = Number.POSITIVE_INFINITY;
    let withCheckpoints = Number.POSITIVE_INFINITY;
    let last = boot(program);
    for (let round = 0; round < rounds; round++) {
      withoutCheckpoints = Math.min(withoutCheckpoints, timeRun(boot(program), false));
      last = boot(program);
      withCheckpoints = Math.min(withCheckpoints, timeRun(last, true));
    }
    const { position: instructions, size } = last.history;
    const back = await timeGoingBack(program, instructions);
    figures.push({
      program,
      instructions,
      withoutCheckpoints,
      withCheckpoints,
      checkpoints: size.checkpoints,
      megabytes: size.bytes / 0x100000,
      ...back,
    });
  }
  return figures;
}

export function formatHistory(figures: readonly HistoryFigures[]): string {
  const lines = figures.map((one) => {
    const cost = ((one.withCheckpoints / one.withoutCheckpoints - 1) * 100).toFixed(1);
    return [
      `${one.program}: ${one.instructions} instructions in ${one.withoutCheckpoints.toFixed(0)} ms`,
      `  with ${one.checkpoints} checkpoints (${one.megabytes.toFixed(1)} MB) ${one.withCheckpoints.toFixed(0)} ms: ${cost} % more`,
      `  ${one.distance} instructions back in ${one.goingBack.toFixed(0)} ms; the state is ${one.isSame ? 'the same' : 'NOT THE SAME'}`,
    ].join('\n');
  });
  return lines.join('\n');
}
