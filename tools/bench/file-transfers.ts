import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildNativeFiles } from './contenders.js';
import { timePair } from './pair.js';

/** By what is done; megabytes a second. */
export type TransferFigures = Record<string, { readonly nt86: number; readonly native: number | null }>;

const MEGABYTE = 1 << 20;
/** A power of two of pages, which the random order needs; the machine has room for all of it. */
const FILE_SIZE = 256 * MEGABYTE;
const FLAGS = ['--maxmem', '768M'];
const FILE_NAME = 'data.bin';

const transferKinds: readonly (readonly [title: string, kind: string])[] = [
  ['mapped file read in order', 'mapped'],
  ['mapped file read at random', 'mapped-random'],
  ['cached file read for the first time', 'read'],
  ['cached file read again', 'read-again'],
  ['cached file written', 'write'],
];

/** A file of 256 MB on the host, read and written by the same C source here and natively. @param folder for file and program */
export async function measureTransfers(
  folder: string,
  hasCompiler: boolean,
  { rounds, filter }: { readonly rounds: number; readonly filter: string },
): Promise<TransferFigures> {
  const kinds = transferKinds.filter(([title]) => title.includes(filter));
  if (kinds.length === 0) return {};
  const data = Buffer.alloc(FILE_SIZE);
  for (let at = 0; at < FILE_SIZE; at += 64) data.writeUInt32LE(at, at);
  const hostPath = join(folder, FILE_NAME);
  writeFileSync(hostPath, data);
  const program = hasCompiler ? buildNativeFiles(folder) : null;
  const figures: TransferFigures = {};
  for (const [title, kind] of kinds) {
    const native = program === null ? null : { program, arguments: [kind, hostPath] };
    const flags = [...FLAGS, '--mount', `D=${folder}`];
    const time = await timePair(
      { title, image: 'bench-files.exe', flags, arguments: [kind, `D:\\${FILE_NAME}`], native },
      rounds,
    );
    figures[title] = { nt86: rate(time.nt86), native: time.native === null ? null : rate(time.native) };
  }
  return figures;
}

/** Milliseconds of a byte to megabytes a second. */
const rate = (milliseconds: number): number => 1000 / milliseconds / MEGABYTE;

export function formatTransfers(figures: TransferFigures): string[] {
  if (Object.keys(figures).length === 0) return [];
  return [
    'a file of 256 MB, megabytes a second',
    ...Object.entries(figures).map(
      ([title, { nt86, native }]) =>
        `${title.padEnd(48)} nt86 ${nt86.toFixed(0).padEnd(20)} native Linux ${native?.toFixed(0) ?? '-'}`,
    ),
  ];
}
