import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guestImages } from '../package-root.js';
import { buildNative, type Contender, commandLine, contenders, kernelNames } from './contenders.js';
import { type FaultFigures, formatFaults, measureFaults } from './faults.js';
import { formatTransfers, measureTransfers, type TransferFigures } from './file-transfers.js';
import { formatLargeMemory, type LargeMemoryFigures, measureLargeMemory } from './large-memory.js';
import { progress } from './progress.js';
import { timeToFirstOutput } from './timed-process.js';

export interface BenchOptions {
  readonly rounds: number;
  /** Only kernels, faults and file transfers whose name contains this. */
  readonly filter: string;
  readonly json: boolean;
}

interface KernelFigures {
  readonly kernel: string;
  /** Least milliseconds over the rounds, by contender. */
  readonly milliseconds: Record<string, number>;
  readonly checksums: Record<string, string>;
}

export interface BenchReport {
  readonly rounds: number;
  readonly kernels: KernelFigures[];
  /** Geometric mean of the time relative to native, by contender. */
  readonly geometricMean: Record<string, number>;
  readonly firstOutputMilliseconds: number;
  readonly faults: FaultFigures;
  readonly files: TransferFigures;
  readonly largeMemory: LargeMemoryFigures;
  readonly absent: readonly string[];
}

async function measureKernel(
  kernel: string,
  index: number,
  present: readonly Contender[],
  rounds: number,
): Promise<KernelFigures> {
  const milliseconds: Record<string, number> = {};
  const checksums: Record<string, string> = {};
  for (let round = 0; round < rounds; round++)
    for (const contender of present) {
      progress(`${kernel}: round ${round + 1} of ${rounds}, ${contender.name}`);
      const run = await contender.run(index);
      milliseconds[contender.name] = Math.min(
        milliseconds[contender.name] ?? Number.POSITIVE_INFINITY,
        run.milliseconds,
      );
      checksums[contender.name] = run.result;
    }
  return { kernel, milliseconds, checksums };
}

function geometricMean(kernels: readonly KernelFigures[], contender: string): number {
  const logs = kernels.map(({ milliseconds }) => Math.log((milliseconds[contender] ?? 1) / (milliseconds.native ?? 1)));
  return Math.exp(logs.reduce((sum, value) => sum + value, 0) / logs.length);
}

async function measureFirstOutput(rounds: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++)
    least = Math.min(
      least,
      await timeToFirstOutput(process.execPath, [commandLine, 'run', join(guestImages, 'hello.exe')]),
    );
  return least;
}

/** Runs everything, contenders interleaved round by round, in a temporary folder that is removed afterwards. */
export async function bench(options: BenchOptions): Promise<BenchReport> {
  const folder = mkdtempSync(join(tmpdir(), 'nt86-bench-'));
  try {
    const { present, absent } = contenders(folder);
    const kernels: KernelFigures[] = [];
    for (const [index, kernel] of kernelNames().entries())
      if (kernel.includes(options.filter)) kernels.push(await measureKernel(kernel, index, present, options.rounds));
    const means = kernels.length === 0 ? [] : present.map(({ name }) => [name, geometricMean(kernels, name)] as const);
    const hasCompiler = buildNative(folder) !== null;
    return {
      rounds: options.rounds,
      kernels,
      geometricMean: Object.fromEntries(means),
      faults: await measureFaults(hasCompiler ? folder : null, options),
      files: await measureTransfers(folder, hasCompiler, options),
      largeMemory: await measureLargeMemory(options),
      firstOutputMilliseconds: await measureFirstOutput(Math.max(3, options.rounds)),
      absent,
    };
  } finally {
    progress('');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The report as tables; what was not asked for is left out. */
export function formatReport(report: BenchReport): string {
  const sections = [formatKernels(report), formatFaults(report.faults), formatTransfers(report.files)];
  sections.push(formatLargeMemory(report.largeMemory));
  sections.push([`start of process to first guest output: ${report.firstOutputMilliseconds.toFixed(0)} ms`]);
  const text = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return [text.join('\n\n'), ...report.absent.map((reason) => `not measured: ${reason}`)].join('\n');
}

/** Milliseconds of each contender and, in brackets, its time relative to native. */
function formatKernels({ kernels, rounds, geometricMean }: BenchReport): string[] {
  if (kernels.length === 0) return [];
  const names = Object.keys(geometricMean);
  const cell = (figures: KernelFigures, name: string) => {
    const own = figures.milliseconds[name];
    const native = figures.milliseconds.native;
    if (own === undefined) return '-';
    return native === undefined ? own.toFixed(1) : `${own.toFixed(1)} (${(own / native).toFixed(1)})`;
  };
  const row = (title: string, cells: readonly string[]) =>
    `${title.padEnd(30)}${cells.map((text) => text.padStart(18)).join('')}`;
  const rowOf = (figures: KernelFigures) =>
    row(
      figures.kernel,
      names.map((name) => cell(figures, name)),
    );
  const lines = [
    `compute kernels: least of ${rounds} interleaved rounds, milliseconds (times native)`,
    row('', names),
    ...kernels.map(rowOf),
  ];
  if ('native' in geometricMean)
    lines.push(
      row(
        'geometric mean, times native',
        names.map((name) => (geometricMean[name] ?? 0).toFixed(1)),
      ),
    );
  for (const { kernel, checksums } of kernels) {
    const distinct = new Set(Object.values(checksums));
    if (distinct.size > 1) lines.push(`  checksums differ in ${kernel}: ${JSON.stringify(checksums)}`);
  }
  return lines;
}
