import { describe, expect, it } from 'vitest';
import { decodeInstruction } from '../../cpu/decoder.js';
import type { Instruction } from '../../cpu/instruction.js';

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(' ').map((byte) => Number.parseInt(byte, 16)));
}

function decoded(text: string, mode: 16 | 32 = 32): Instruction {
  const instruction = decodeInstruction(bytes(text), mode);
  if (typeof instruction === 'number') throw new Error(`not decoded: ${instruction}`);
  return instruction;
}

describe('decoder', () => {
  it('takes 32-bit memory operands apart', () => {
    const instruction = decoded('8b 84 b3 78 56 34 12'); // mov eax,[ebx+esi*4+12345678h]
    expect(instruction).toMatchObject({ base: 3, index: 6, scale: 2, displacement: 0x12345678, length: 7, reg: 0 });
  });

  it('knows that EBP and ESP address the stack segment and that a prefix overrides it', () => {
    expect(decoded('8b 45 f8')).toMatchObject({ segment: 2, displacement: -8 });
    expect(decoded('8b 04 24')).toMatchObject({ segment: 2, base: 4, index: 8 });
    expect(decoded('64 8b 45 f8')).toMatchObject({ segment: 4 });
    expect(decoded('8b 05 00 10 00 00')).toMatchObject({ segment: 3, base: 8, displacement: 0x1000 });
  });

  it('takes 16-bit memory operands apart', () => {
    expect(decoded('8b 42 10', 16)).toMatchObject({ base: 5, index: 6, displacement: 16, segment: 2, operandSize: 2 });
    expect(decoded('8b 0e 34 12', 16)).toMatchObject({ base: 8, index: 8, displacement: 0x1234, segment: 3 });
    expect(decoded('67 8b 07')).toMatchObject({ addressSize: 2, operandSize: 4, base: 3 });
  });

  it('reads immediates as their operand code says', () => {
    expect(decoded('83 c0 ff').immediate).toBe(-1);
    expect(decoded('66 81 c0 ff ff').immediate).toBe(-1);
    expect(decoded('cd 80').immediate).toBe(0x80);
    expect(decoded('c8 10 00 02')).toMatchObject({ immediate: 16, immediate2: 2 });
    expect(decoded('9a 78 56 34 12 1b 00')).toMatchObject({ immediate: 0x12345678, immediate2: 0x1b });
  });

  it('refuses LOCK where it is not allowed', () => {
    expect(decodeInstruction(bytes('f0 01 03'), 32)).toMatchObject({ lock: true });
    expect(decodeInstruction(bytes('f0 01 c3'), 32)).toBe(2);
    expect(decodeInstruction(bytes('f0 39 03'), 32)).toBe(2);
    expect(decodeInstruction(bytes('f0 8b 03'), 32)).toBe(2);
  });

  it('refuses instructions of more than 15 bytes', () => {
    expect(decodeInstruction(bytes(`${'66 '.repeat(14)}90`), 32)).toMatchObject({ length: 15 });
    expect(decodeInstruction(bytes(`${'66 '.repeat(15)}90`), 32)).toBe(3);
  });

  it('says when bytes are missing', () => {
    expect(decodeInstruction(bytes('81 c0 01 02'), 32)).toBe(1);
  });
});
