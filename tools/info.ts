import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, ExitCode, reasonOf } from './cli-error.js';
import { guestImages } from './package-root.js';
import { type PeExport, type PeFile, PeFormatError, readPeFile } from './pe-file.js';

export interface InfoOptions {
  readonly json: boolean;
  /** Only the imports that the guest's own DLLs lack. */
  readonly missing: boolean;
}

export interface MissingImport {
  readonly dll: string;
  /** null when the whole DLL is missing. */
  readonly function: string | null;
}

const SUBSYSTEMS: ReadonlyMap<number, string> = new Map([
  [1, 'native'],
  [2, 'Windows GUI'],
  [3, 'Windows console'],
  [7, 'POSIX console'],
]);

function readProgram(path: string): PeFile {
  try {
    return readPeFile(readFileSync(path));
  } catch (error) {
    throw new CliError(
      ExitCode.CannotStart,
      `${path}: ${error instanceof PeFormatError ? error.message : reasonOf(error)}`,
    );
  }
}

/** Exports of every DLL that the guest brings, by lower-case DLL name. */
function systemExports(): ReadonlyMap<string, readonly PeExport[]> {
  const names = readdirSync(guestImages).filter((name) => name.toLowerCase().endsWith('.dll'));
  return new Map(names.map((name) => [name.toLowerCase(), readPeFile(readFileSync(join(guestImages, name))).exports]));
}

/** Imports of a program that no DLL of the guest has; DLLs beside the program are looked at as the loader would. */
export function missingImports(path: string, program: PeFile): MissingImport[] {
  const system = systemExports();
  const folder = join(path, '..');
  const beside = new Map(readdirSync(folder).map((name) => [name.toLowerCase(), name]));
  const missing: MissingImport[] = [];
  for (const { dll, functions } of program.imports) {
    const own = beside.get(dll.toLowerCase());
    const exports = own === undefined ? system.get(dll.toLowerCase()) : readProgram(join(folder, own)).exports;
    if (exports === undefined) {
      missing.push({ dll, function: null });
      continue;
    }
    const present = new Set(exports.flatMap(({ name, ordinal }) => [name, `#${ordinal}`]));
    for (const name of functions) if (!present.has(name)) missing.push({ dll, function: name });
  }
  return missing;
}

const hex = (value: number, width = 8) => value.toString(16).toUpperCase().padStart(width, '0');

function sectionRights(characteristics: number): string {
  const letters = [
    [0x40000000, 'R'],
    [0x80000000, 'W'],
    [0x20000000, 'X'],
    [0x10000000, 'S'],
  ] as const;
  return letters.map(([bit, letter]) => ((characteristics & bit) !== 0 ? letter : '-')).join('');
}

function describe(path: string, file: PeFile): string {
  const kind = (file.characteristics & 0x2000) !== 0 ? 'DLL' : 'program';
  const lines = [
    `${path}: PE32 ${kind} for i386, ${SUBSYSTEMS.get(file.subsystem) ?? `subsystem ${file.subsystem}`}`,
    `  image base ${hex(file.imageBase)}  size ${hex(file.imageSize)}  entry point ${hex(file.entryPoint)}`,
    `  stack ${hex(file.stackReserve)} reserved, ${hex(file.stackCommit)} committed; heap ${hex(file.heapReserve)} reserved, ${hex(file.heapCommit)} committed`,
    `  characteristics ${hex(file.characteristics, 4)}  DLL characteristics ${hex(file.dllCharacteristics, 4)}`,
    '',
    '  section    address      size  file at  file size  rights',
    ...file.sections.map(
      (section) =>
        `  ${section.name.padEnd(8)}  ${hex(section.virtualAddress)}  ${hex(section.virtualSize)} ${hex(section.rawOffset)}   ${hex(section.rawSize)}  ${sectionRights(section.characteristics)}`,
    ),
  ];
  for (const { dll, functions } of file.imports)
    lines.push('', `  imports from ${dll}:`, ...functions.map((name) => `    ${name}`));
  if (file.exports.length > 0) {
    lines.push('', '  exports:');
    for (const { name, ordinal, forwarder } of file.exports)
      lines.push(`    ${String(ordinal).padStart(4)}  ${name}${forwarder === null ? '' : ` -> ${forwarder}`}`);
  }
  return lines.join('\n');
}

function describeMissing(path: string, missing: readonly MissingImport[]): string {
  if (missing.length === 0) return `${path}: every import is there`;
  const lines = missing.map(({ dll, function: name }) =>
    name === null ? `  ${dll}: no such DLL` : `  ${dll}: ${name}`,
  );
  return [`${path}: ${missing.length} missing`, ...lines].join('\n');
}

/**
 * `nt86 info`: the text for one program, and how many imports the guest lacks (counted only when asked for).
 * @throws CliError when the file cannot be read or is not PE32.
 */
export function programInfo(path: string, options: InfoOptions): { text: string; missing: number } {
  const file = readProgram(path);
  const missing = options.missing ? missingImports(path, file) : [];
  if (options.json) return { text: JSON.stringify(options.missing ? missing : file, null, 2), missing: missing.length };
  return { text: options.missing ? describeMissing(path, missing) : describe(path, file), missing: missing.length };
}
