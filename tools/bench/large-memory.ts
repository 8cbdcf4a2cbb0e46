import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { guestImages } from '../package-root.js';
import { commandLine } from './contenders.js';
import { timePair } from './pair.js';
import { progress } from './progress.js';

/** Pages a second through a window that moves, by how it is mapped; and what a boot costs, by how much memory the machine has. */
export interface LargeMemoryFigures {
  readonly windows: Record<string, number>;
  readonly boots: Record<string, BootFigures>;
}

interface BootFigures {
  /** From the start of the process to the first output of a program. */
  readonly milliseconds: number;
  /** Most memory that the process had by then; null: this host does not say. */
  readonly residentMegabytes: number | null;
}

const windowKinds: readonly (readonly [title: string, kind: string])[] = [
  ['window of 64 KB: mapped by AWE', 'awe'],
  ['window of 64 KB: mapped by AWE and read', 'awe-read'],
  ['window of 64 KB: a view of a section, read', 'section-read'],
];
const MEMORIES = ['64M', '4G', '64G'];
const FLAGS = ['--maxmem', '128M', '--privilege', 'SeLockMemoryPrivilege'];

export async function measureLargeMemory({
  rounds,
  filter,
}: {
  readonly rounds: number;
  readonly filter: string;
}): Promise<LargeMemoryFigures> {
  const windows: Record<string, number> = {};
  for (const [title, kind] of windowKinds.filter(([name]) => name.includes(filter))) {
    const run = { title, image: 'bench-windows.exe', flags: FLAGS, arguments: [kind], native: null };
    windows[title] = 1000 / (await timePair(run, rounds)).nt86;
  }
  const boots: Record<string, BootFigures> = {};
  for (const memory of MEMORIES.filter((size) => bootTitle(size).includes(filter))) {
    for (let round = 0; round < rounds; round++) {
      progress(`${bootTitle(memory)}, round ${round + 1} of ${rounds}`);
      const figures = await boot(memory);
      if (figures.milliseconds < (boots[memory]?.milliseconds ?? Number.POSITIVE_INFINITY)) boots[memory] = figures;
    }
  }
  return { windows, boots };
}

const bootTitle = (memory: string): string => `boot with ${memory} of memory`;

function boot(memory: string): Promise<BootFigures> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const args = [commandLine, 'run', '--maxmem', memory, join(guestImages, 'hello.exe')];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let figures: BootFigures | null = null;
    child.stdout.on('data', () => {
      figures ??= { milliseconds: performance.now() - start, residentMegabytes: mostResident(child.pid) };
    });
    child.on('error', reject);
    child.on('close', () => {
      if (figures === null) reject(new Error(`a machine with ${memory} of memory wrote nothing`));
      else resolve(figures);
    });
  });
}

/** VmHWM of a process in megabytes, where there is a /proc. */
function mostResident(process: number | undefined): number | null {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${process}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) / 1024;
  } catch {
    return null;
  }
}

export function formatLargeMemory({ windows, boots }: LargeMemoryFigures): string[] {
  return [
    ...Object.entries(windows).map(
      ([title, pages]) => `${title.padEnd(48)} ${Math.round(pages).toLocaleString('en')} pages a second`,
    ),
    ...Object.entries(boots).map(([memory, { milliseconds, residentMegabytes }]) => {
      const resident = residentMegabytes === null ? '' : `, ${residentMegabytes.toFixed(0)} MB of the host`;
      return `${`${bootTitle(memory)}, to the first output`.padEnd(48)} ${milliseconds.toFixed(0)} ms${resident}`;
    }),
  ];
}
