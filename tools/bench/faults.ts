import { buildNativeFaults } from './contenders.js';
import { timePair } from './pair.js';

/** By what happens, in words. */
export type FaultFigures = Record<
  string,
  { readonly nt86Microseconds: number; readonly nativeMicroseconds: number | null }
>;

/** What is measured: a row of the report, the machine it needs, and whether the native program has it too. */
interface FaultKind {
  readonly title: string;
  readonly flags: readonly string[];
  readonly arguments: readonly string[];
  readonly isNative: boolean;
}

const NATIVE_KINDS = ['touch', 'violation', 'shared', 'copy-on-write'];

const plainFault = (title: string, kind: string, flags: readonly string[] = []): FaultKind => ({
  title,
  flags,
  arguments: [kind],
  isNative: NATIVE_KINDS.includes(kind),
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
  plainFault('touch a shared page that is in memory', 'shared'),
  plainFault('copy a shared page at a store', 'copy-on-write'),
  plainFault('read a page from the paging file', 'page-file', ['--maxmem', '32M']),
  ...[1, 16, 256, 1024].map((megabytes) =>
    growingFault('working-set', megabytes, 'MB in the working set', ['--maxmem', '1536M']),
  ),
  ...[10, 1000, 10_000, 100_000].map((count) => growingFault('regions', count, 'regions', ['--maxmem', '256M'])),
];

/** @param folder where the native program is built; null: the host has no compiler for it */
export async function measureFaults(
  folder: string | null,
  { rounds, filter }: { readonly rounds: number; readonly filter: string },
): Promise<FaultFigures> {
  const program = folder === null ? null : buildNativeFaults(folder);
  const figures: FaultFigures = {};
  for (const kind of faultKinds.filter(({ title }) => title.includes(filter))) {
    const native = kind.isNative && program !== null ? { program, arguments: kind.arguments } : null;
    const time = await timePair({ ...kind, image: 'bench-faults.exe', native }, rounds);
    figures[kind.title] = {
      nt86Microseconds: time.nt86 * 1000,
      nativeMicroseconds: time.native === null ? null : time.native * 1000,
    };
  }
  return figures;
}

/** Lines of the report: what one costs, and how many that are in a second. */
export function formatFaults(figures: FaultFigures): string[] {
  if (Object.keys(figures).length === 0) return [];
  const cell = (microseconds: number | null): string =>
    microseconds === null
      ? '-'
      : `${microseconds.toFixed(2)} (${Math.round(1_000_000 / microseconds).toLocaleString('en')}/s)`;
  return [
    'faults, microseconds each (and how many a second)',
    ...Object.entries(figures).map(
      ([title, { nt86Microseconds, nativeMicroseconds }]) =>
        `${title.padEnd(48)} nt86 ${cell(nt86Microseconds).padEnd(20)} native Linux ${cell(nativeMicroseconds)}`,
    ),
  ];
}
