/**
 * What of the processor state decoded code depends on. Blocks of code are kept per mode, so that what is true in
 * a mode - flat segments above all - costs nothing when the block runs.
 */
import { CPL, CR0, CS, DS, EFLAGS_SYSTEM, ES, SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_LIMIT, SS } from './layout.js';

/** Present, code or data, neither code nor expand-down. */
const DATA_MASK = 0x9c;
const DATA_USABLE = 0x90;
const ACCESS_WRITABLE = 0x02;
const ACCESS_BIG = 0x4000;

/** Bits of the mode word. */
export const MODE_CODE_BIG = 0x01;
/** The stack segment is flat and has 32-bit stack pointers. */
export const MODE_STACK_FLAT = 0x02;
export const MODE_DS_FLAT = 0x04;
export const MODE_ES_FLAT = 0x08;
/** The code segment has base 0 and limit 4 GB. */
export const MODE_CODE_FLAT = 0x10;
export const MODE_USER = 0x20;
/** Accesses of the code are checked for alignment: its read and write tables are the TLB's empty one. */
export const MODE_ALIGNMENT = 0x40;

const CR0_ALIGNMENT_MASK = 0x0004_0000;
const EFLAGS_ALIGNMENT_CHECK = 0x0004_0000;

/** True when a misaligned access gives #AC: CR0.AM and EFLAGS.AC set, CPL 3 (SDM vol 3A section 6.15). */
export function checksAlignment(state: Int32Array): boolean {
  return (
    (state[CR0] & CR0_ALIGNMENT_MASK) !== 0 && (state[EFLAGS_SYSTEM] & EFLAGS_ALIGNMENT_CHECK) !== 0 && state[CPL] === 3
  );
}

/** True for a segment of base 0 and limit 4 GB that may be read and written. */
export function isFlatData(state: Int32Array, segment: number): boolean {
  return (
    state[SEGMENT_BASE + segment] === 0 &&
    state[SEGMENT_LIMIT + segment] === -1 &&
    (state[SEGMENT_ACCESS + segment] & (DATA_MASK | ACCESS_WRITABLE)) === (DATA_USABLE | ACCESS_WRITABLE)
  );
}

/** The mode word of the processor as it is now. */
export function modeBits(state: Int32Array): number {
  let mode = (state[SEGMENT_ACCESS + CS] & ACCESS_BIG) !== 0 ? MODE_CODE_BIG : 0;
  if (state[SEGMENT_BASE + CS] === 0 && state[SEGMENT_LIMIT + CS] === -1) mode |= MODE_CODE_FLAT;
  if (isFlatData(state, SS) && (state[SEGMENT_ACCESS + SS] & ACCESS_BIG) !== 0) mode |= MODE_STACK_FLAT;
  if (isFlatData(state, DS)) mode |= MODE_DS_FLAT;
  if (isFlatData(state, ES)) mode |= MODE_ES_FLAT;
  if (state[CPL] === 3) mode |= MODE_USER;
  if (checksAlignment(state)) mode |= MODE_ALIGNMENT;
  return mode;
}

/** True when the data segment with this number is flat in this mode. FS, GS and CS never count as flat data. */
export function segmentIsFlat(mode: number, segment: number): boolean {
  if (segment === DS) return (mode & MODE_DS_FLAT) !== 0;
  if (segment === SS) return (mode & MODE_STACK_FLAT) !== 0;
  return segment === ES && (mode & MODE_ES_FLAT) !== 0;
}
