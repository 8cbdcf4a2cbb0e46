/** Selectors of all kinds: null, flat, limited, absent, beyond the table, with every privilege that user mode may ask. */
import type { Draft } from './draft.js';
import { littleEndian } from './edge-values.js';
import {
  ABSENT_CODE,
  ABSENT_DATA,
  BEYOND_LDT,
  CODE,
  CODE_16,
  EXECUTE_ONLY_CODE,
  EXPAND_DOWN_DATA,
  LDT_CODE,
  LIMITED_DATA,
  READ_ONLY_DATA,
  USER_CODE,
  USER_DATA,
} from './environment.js';
import type { Random } from './random.js';

const SELECTORS = [
  0,
  3,
  USER_CODE,
  USER_DATA,
  USER_DATA,
  LIMITED_DATA,
  READ_ONLY_DATA,
  EXPAND_DOWN_DATA,
  LDT_CODE,
  EXECUTE_ONLY_CODE,
  ABSENT_DATA,
  ABSENT_CODE,
  CODE_16,
  BEYOND_LDT,
  0xffff,
  0xfffb,
];

export function selector(random: Random): number {
  const value = random.pick(SELECTORS);
  return random.chance(0.8) ? value : (value & ~3) | random.below(4);
}

/** Offset and selector in memory, as far transfers and LDS take them. */
export function farPointer(draft: Draft, size: 2 | 4): Uint8Array {
  const { random } = draft;
  const target = random.chance(0.5) ? CODE + 0x180 : random.chance(0.5) ? random.below(0x2100) : random.bits();
  const code = random.chance(0.4) ? random.pick([USER_CODE, LDT_CODE, CODE_16]) : selector(random);
  // AMD processors push before they check the new EIP, Intel processors the other way around.
  const beyond = draft.row.mnemonic === 'CALL' && (code | 7) === CODE_16;
  const pointer = new Uint8Array(size + 2);
  pointer.set(littleEndian(beyond ? target & 0x1fff : target, size));
  pointer.set(littleEndian(code, 2), size);
  return pointer;
}
