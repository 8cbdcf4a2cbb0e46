/** The instruction table turned around: from a row to the opcode bytes that encode it. */
import type { InstructionRow } from '../../../cpu/instruction.js';
import { instructionTable } from '../../../cpu/instruction-table.js';
import { buildOpcodeMaps, MandatoryPrefix, type OpcodeEntry, type OpcodeMap } from '../../../cpu/opcode-map.js';

export interface Encoding {
  readonly entry: OpcodeEntry;
  /** 66, F2 or F3 that the row demands. */
  readonly mandatory: readonly number[];
  /** 0F, 0F 38 or 0F 3A, and the opcode byte. */
  readonly opcode: readonly number[];
}

const MANDATORY_BYTES: Readonly<Record<MandatoryPrefix, readonly number[]>> = {
  [MandatoryPrefix.Any]: [],
  [MandatoryPrefix.Forbidden]: [],
  [MandatoryPrefix.OperandSize]: [0x66],
  [MandatoryPrefix.F2]: [0xf2],
  [MandatoryPrefix.F3]: [0xf3],
};

/** All encodings of all rows; a row of the form 'B8+r' has eight. */
export function encodingsByRow(): ReadonlyMap<InstructionRow, readonly Encoding[]> {
  const maps = buildOpcodeMaps(instructionTable);
  const encodings = new Map<InstructionRow, Encoding[]>();
  const collect = (map: OpcodeMap, first: readonly number[]) => {
    map.forEach((entries, opcode) => {
      for (const entry of entries) {
        const list = encodings.get(entry.row) ?? [];
        list.push({ entry, mandatory: MANDATORY_BYTES[entry.prefix], opcode: [...first, opcode] });
        encodings.set(entry.row, list);
      }
    });
  };
  collect(maps.oneByte, []);
  collect(maps.twoByte, [0x0f]);
  collect(maps.threeByte38, [0x0f, 0x38]);
  collect(maps.threeByte3a, [0x0f, 0x3a]);
  return encodings;
}
