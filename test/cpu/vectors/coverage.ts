/** Which rows of the instruction table lack vectors. `npm run check` runs it, and so does hardware-vectors.test.ts. */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { instructionTable } from '../../../cpu/instruction-table.js';
import { backgroundState } from './environment.js';
import { UNPROVEN_ROWS } from './unproven.js';
import { type VectorGroup, VectorReader } from './vector-file.js';

export const UNITS = ['integer', 'system', 'x87', 'mmx', 'sse'] as const;
const VECTORS_AT_LEAST = 200;

/** Opens the vectors of a unit; `folder` ends in a slash. */
export function openVectors(folder: URL, unit: string): VectorReader {
  return new VectorReader(brotliDecompressSync(readFileSync(new URL(`${unit}.bin.br`, folder))), backgroundState());
}

/** One line for each row without enough vectors, for each exception without need, for vectors without a row. */
export function coverageFailures(folder: URL): string[] {
  const groups: readonly VectorGroup[] = UNITS.flatMap((unit) => openVectors(folder, unit).header.groups);
  const vectors = new Map(groups.map((group) => [group.opcode, group.vectors]));
  const rows = new Set(instructionTable.map((row) => row.opcode));
  const failures: string[] = [];
  for (const { mnemonic, opcode } of instructionTable) {
    const count = vectors.get(opcode) ?? 0;
    if (UNPROVEN_ROWS.has(opcode)) {
      if (count > 0) failures.push(`${mnemonic} ${opcode}: has vectors and is listed in unproven.ts`);
    } else if (count < VECTORS_AT_LEAST)
      failures.push(`${mnemonic} ${opcode}: ${count} of ${VECTORS_AT_LEAST} vectors`);
  }
  for (const opcode of [...vectors.keys(), ...UNPROVEN_ROWS.keys()]) {
    if (!rows.has(opcode)) failures.push(`${opcode}: no such row in the instruction table`);
  }
  return failures;
}
