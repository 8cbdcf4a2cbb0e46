import { Decoder, Formatter, FormatterSyntax } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import type { InstructionRow } from '../../cpu/instruction.js';
import { instructionTable } from '../../cpu/instruction-table.js';
import { coverageFailures, openVectors, UNITS } from './vectors/coverage.js';
import { backgroundState, CODE_16 } from './vectors/environment.js';
import { Replayer } from './vectors/replay.js';
import { readSlot, SLOT, SLOTS, type Vector } from './vectors/vector-file.js';

/** How many wrong vectors are printed in full. */
const REPORTED = 20;

const FOLDER = new URL('./vectors/', import.meta.url);
const background = backgroundState();
const rowOf = new Map(instructionTable.map((row) => [row.opcode, row]));

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function instructionText(vector: Vector): string {
  const decoder = new Decoder(readSlot(vector.before, SLOT.CS) === CODE_16 ? 16 : 32, vector.code, 0);
  const formatter = new Formatter(FormatterSyntax.Nasm);
  const instruction = decoder.decode();
  const text = formatter.format(instruction);
  instruction.free();
  formatter.free();
  decoder.free();
  return text;
}

/** Instruction, what goes in beyond the background state, what came out wrong. */
function report(row: InstructionRow, vector: Vector, differences: readonly string[]): string {
  const inputs = SLOTS.flatMap(({ name, offset, size }) => {
    const value = vector.before.subarray(offset, offset + size);
    if (Buffer.compare(value, background.subarray(offset, offset + size)) === 0) return [];
    return [`${name}=${hex(value.slice().reverse())}`];
  });
  const memory = vector.patches.map(({ address, bytes }) => `[${address.toString(16)}]=${hex(bytes.subarray(0, 32))}`);
  return [
    `${row.mnemonic} (${row.opcode}): ${hex(vector.code)} = ${instructionText(vector)} at ${vector.linear.toString(16)}`,
    `  from ${[...inputs, ...memory].join(' ')}`,
    `  real: ${differences.join('; ')}`,
  ].join('\n');
}

describe('instructions do what a real processor did', () => {
  const replayer = new Replayer();
  for (const unit of UNITS) {
    const reader = openVectors(FOLDER, unit);
    it(`${unit}: every recorded vector (${reader.header.processor})`, () => {
      const wrong: string[] = [];
      const undefinedFlags = new Map<string, number>();
      let wrongVectors = 0;
      for (const { opcode, vectors } of reader.header.groups) {
        const row = rowOf.get(opcode);
        if (row === undefined) throw new Error(`vectors of a row that does not exist: ${opcode}`);
        for (let count = 0; count < vectors; count++) {
          const vector = reader.next();
          const outcome = replayer.replay(vector, row);
          if (outcome.differences.length > 0 && wrongVectors++ < REPORTED) {
            wrong.push(report(row, vector, outcome.differences));
          }
          if (outcome.undefinedFlags === '') continue;
          const name = `${row.mnemonic} (${opcode}) ${outcome.undefinedFlags}`;
          undefinedFlags.set(name, (undefinedFlags.get(name) ?? 0) + 1);
        }
      }
      expect(wrong.join('\n'), `${wrongVectors} vectors differ`).toBe('');
      expect(Object.fromEntries(undefinedFlags), 'flags that the SDM leaves undefined').toEqual({});
    });
  }
});

describe('recorded vectors', () => {
  it('cover every row of the instruction table with at least 200, save those that user mode cannot run', () => {
    expect(coverageFailures(FOLDER)).toEqual([]);
  });
});
