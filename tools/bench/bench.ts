import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guestImages } from '../package-root.js';
import { buildNative, buildNativeFaults, type Contender, commandLine, contenders, kernelNames } from './contenders.js';
import { timeBetweenLines, timeToFirstOutput } from './timed-process.js';

export interface BenchOptions {
  readonly rounds: number;
  /** Only kernels and faults whose name contains this. */
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
  /** By what happens, in words. */
  readonly faults: Record<string, { readonly nt86Microseconds: number; readonly nativeMicroseconds: number | null }>;
  readonly absent: readonly string[];
}

const progress = (text: string) => {
  if (process.stderr.isTTY && process.env.CI === undefined) process.stderr.write(`\r\x1b[K${text}`);
};

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

/** What is measured of faults: a row of the report, the machine it needs, and whether the native program has it too. */
interface FaultKind {
  readonly title: string;
  readonly flags: readonly string[];
  readonly arguments: readonly string[];
  readonly isNative: boolean;
}

const plainFault = (title: string, kind: string, flags: readonly string[] = []): FaultKind => ({
  title,
  flags,
  arguments: [kind],
  isNative: kind === 'touch' || kind === 'violation',
});

/** The same fault while something that it must not depend on grows. */
const growingFault = (kind: string, number: number, unit: string, flags: readonly string[]): FaultKind => ({
  title: `touch a fresh page, ${number.toLocaleString('en')} ${unit}`,
  flags,
  arguments: [kind, String(number)],
  isNative: false,
});

const faultKinds: readonly FaultKind[] = [
  plainFault('touch a fresh page', 'touch'),
  plainFault('access violation, handler repairs, resume', 'violation'),
  plainFault('take a trimmed page back from a list', 'transition'),
  plainFault('copy a shared page at a store', 'copy-on-write'),
  plainFault('read a page from the paging file', 'page-file', ['--maxmem', '32M']),
  ...[1, 16, 256, 1024].map((megabytes) =>
    growingFault('working-set', megabytes, 'MB in the working set', ['--maxmem', '1536M']),
  ),
  ...[10, 1000, 10_000, 100_000].map((count) => growingFault('regions', count, 'regions', ['--maxmem', '256M'])),
];

async function measureFaults(native: string | null, { rounds, filter }: BenchOptions): Promise<BenchReport['faults']> {
  const faults: Record<string, { nt86Microseconds: number; nativeMicroseconds: number | null }> = {};
  const image = join(guestImages, 'bench-faults.exe');
  for (const { title, flags, arguments: given, isNative } of faultKinds) {
    if (!title.includes(filter)) continue;
    let nt86 = Number.POSITIVE_INFINITY;
    let host = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) {
      progress(`faults: ${title}, round ${round + 1} of ${rounds}`);
      const run = await timeBetweenLines(process.execPath, [commandLine, 'run', ...flags, image, ...given]);
      nt86 = Math.min(nt86, (run.milliseconds * 1000) / Number(run.result));
      if (native === null || !isNative) continue;
      const nativeRun = await timeBetweenLines(native, given);
      host = Math.min(host, (nativeRun.milliseconds * 1000) / Number(nativeRun.result));
    }
    faults[title] = { nt86Microseconds: nt86, nativeMicroseconds: Number.isFinite(host) ? host : null };
  }
  return faults;
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
    const means = present.map(({ name }): [string, number] => [name, geometricMean(kernels, name)]);
    const native = buildNative(folder) === null ? null : buildNativeFaults(folder);
    return {
      rounds: options.rounds,
      kernels,
      geometricMean: Object.fromEntries(means),
      faults: await measureFaults(native, options),
      firstOutputMilliseconds: await measureFirstOutput(Math.max(3, options.rounds)),
      absent,
    };
  } finally {
    progress('');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The report as a table: milliseconds of each contender and, in brackets, its time relative to native. */
export function formatReport(report: BenchReport): string {
  const names = Object.keys(report.geometricMean);
  const cell = (figures: KernelFigures, name: string) => {
    const own = figures.milliseconds[name];
    const native = figures.milliseconds.native;
    if (own === undefined) return '-';
    return native === undefined ? own.toFixed(1) : `${own.toFixed(1)} (${(own / native).toFixed(1)})`;
  };
  const row = (title: string, cells: readonly string[]) =>
    `${title.padEnd(30)}${cells.map((text) => text.padStart(18)).join('')}`;
  const lines = [
    `compute kernels: least of ${report.rounds} interleaved rounds, milliseconds (times native)`,
    row('', names),
    ...report.kernels.map((figures) =>
      row(
        figures.kernel,
        names.map((name) => cell(figures, name)),
      ),
    ),
  ];
  if ('native' in report.geometricMean)
    lines.push(
      row(
        'geometric mean, times native',
        names.map((name) => (report.geometricMean[name] ?? 0).toFixed(1)),
      ),
    );
  for (const { kernel, checksums } of report.kernels) {
    const distinct = new Set(Object.values(checksums));
    if (distinct.size > 1) lines.push(`  checksums differ in ${kernel}: ${JSON.stringify(checksums)}`);
  }
  lines.push('', 'faults, microseconds each');
  for (const [title, { nt86Microseconds, nativeMicroseconds }] of Object.entries(report.faults))
    lines.push(
      `${title.padEnd(48)} nt86 ${nt86Microseconds.toFixed(2)}   native Linux ${nativeMicroseconds?.toFixed(2) ?? '-'}`,
    );
  lines.push('', `start of process to first guest output: ${report.firstOutputMilliseconds.toFixed(0)} ms`);
  for (const reason of report.absent) lines.push(`not measured: ${reason}`);
  return lines.join('\n');
}
