import {
  FPU_CONTROL,
  FPU_DATA_OFFSET,
  FPU_DATA_SELECTOR,
  FPU_INSTRUCTION_OFFSET,
  FPU_INSTRUCTION_SELECTOR,
  FPU_OPCODE,
  FPU_REGISTERS,
  FPU_STATUS,
  FPU_TAG,
  MXCSR,
  XMM_REGISTERS,
} from '../../cpu/index.js';

/** An FXSAVE image in words (SDM vol 1 section 10.5.1): 128 of them. */
export const FXSAVE_WORDS = 128;
const FX_CONTROL_STATUS = 0;
const FX_TAG_OPCODE = 1;
const FX_INSTRUCTION_OFFSET = 2;
const FX_INSTRUCTION_SELECTOR = 3;
const FX_DATA_OFFSET = 4;
const FX_DATA_SELECTOR = 5;
const FX_MXCSR = 6;
const FX_MXCSR_MASK = 7;
const FX_REGISTERS = 8;
const FX_XMM = 40;
const XMM_WORDS = 32;
const MXCSR_MASK = 0xffff;

/** FLOATING_SAVE_AREA of CONTEXT in words: the FSAVE image, then Cr0NpxState. */
const FLOAT_CONTROL = 0;
const FLOAT_STATUS = 1;
const FLOAT_TAG = 2;
const FLOAT_ERROR_OFFSET = 3;
const FLOAT_ERROR_SELECTOR = 4;
const FLOAT_DATA_OFFSET = 5;
const FLOAT_DATA_SELECTOR = 6;
const FLOAT_REGISTERS = 7;
const FLOAT_CR0_NPX_STATE = 27;
/** Unused upper halves of the FSAVE image's words read as ones. */
const UPPER_ONES = 0xffff0000 | 0;

/** What user threads start with (nt52 11.5): 53-bit precision, all exceptions masked. */
const INITIAL_CONTROL = 0x27f;
const INITIAL_MXCSR = 0x1f80;

/** Writes the image of a fresh x87 and SSE unit at a word index. */
export function initializeFxImage(words: Int32Array, at: number): void {
  words.fill(0, at, at + FXSAVE_WORDS);
  words[at + FX_CONTROL_STATUS] = INITIAL_CONTROL;
  words[at + FX_MXCSR] = INITIAL_MXCSR;
  words[at + FX_MXCSR_MASK] = MXCSR_MASK;
}

/** The processor's x87 and SSE state into an FXSAVE image, registers in stack order. */
export function saveFxImage(state: Int32Array, words: Int32Array, at: number): void {
  words[at + FX_CONTROL_STATUS] = (state[FPU_CONTROL] & 0xffff) | (state[FPU_STATUS] << 16);
  words[at + FX_TAG_OPCODE] = (state[FPU_TAG] & 0xff) | (state[FPU_OPCODE] << 16);
  words[at + FX_INSTRUCTION_OFFSET] = state[FPU_INSTRUCTION_OFFSET];
  words[at + FX_INSTRUCTION_SELECTOR] = state[FPU_INSTRUCTION_SELECTOR];
  words[at + FX_DATA_OFFSET] = state[FPU_DATA_OFFSET];
  words[at + FX_DATA_SELECTOR] = state[FPU_DATA_SELECTOR];
  words[at + FX_MXCSR] = state[MXCSR];
  words[at + FX_MXCSR_MASK] = MXCSR_MASK;
  const top = (state[FPU_STATUS] >>> 11) & 7;
  for (let index = 0; index < 8; index++) {
    const register = FPU_REGISTERS + ((top + index) & 7) * 4;
    const image = at + FX_REGISTERS + index * 4;
    words[image] = state[register];
    words[image + 1] = state[register + 1];
    words[image + 2] = state[register + 2] & 0xffff;
    words[image + 3] = 0;
  }
  for (let word = 0; word < XMM_WORDS; word++) words[at + FX_XMM + word] = state[XMM_REGISTERS + word];
}

/** An FXSAVE image into the processor. */
export function loadFxImage(state: Int32Array, words: Int32Array, at: number): void {
  state[FPU_CONTROL] = words[at + FX_CONTROL_STATUS] & 0xffff;
  state[FPU_STATUS] = words[at + FX_CONTROL_STATUS] >>> 16;
  state[FPU_TAG] = words[at + FX_TAG_OPCODE] & 0xff;
  state[FPU_OPCODE] = words[at + FX_TAG_OPCODE] >>> 16;
  state[FPU_INSTRUCTION_OFFSET] = words[at + FX_INSTRUCTION_OFFSET];
  state[FPU_INSTRUCTION_SELECTOR] = words[at + FX_INSTRUCTION_SELECTOR] & 0xffff;
  state[FPU_DATA_OFFSET] = words[at + FX_DATA_OFFSET];
  state[FPU_DATA_SELECTOR] = words[at + FX_DATA_SELECTOR] & 0xffff;
  state[MXCSR] = words[at + FX_MXCSR] & MXCSR_MASK;
  const top = (state[FPU_STATUS] >>> 11) & 7;
  for (let index = 0; index < 8; index++) {
    const register = FPU_REGISTERS + ((top + index) & 7) * 4;
    const image = at + FX_REGISTERS + index * 4;
    state[register] = words[image];
    state[register + 1] = words[image + 1];
    state[register + 2] = words[image + 2] & 0xffff;
    state[register + 3] = 0;
  }
  for (let word = 0; word < XMM_WORDS; word++) state[XMM_REGISTERS + word] = words[at + FX_XMM + word];
}

/** The x87 part of an FXSAVE image as the FSAVE image of CONTEXT.FloatSave; indices are in words. */
export function fxToFloatingSave(words: Int32Array, fx: number, out: Int32Array, at: number): void {
  const status = words[fx + FX_CONTROL_STATUS] >>> 16;
  out[at + FLOAT_CONTROL] = UPPER_ONES | (words[fx + FX_CONTROL_STATUS] & 0xffff);
  out[at + FLOAT_STATUS] = UPPER_ONES | status;
  out[at + FLOAT_TAG] = UPPER_ONES | fullTagWord(words, fx, (status >>> 11) & 7);
  out[at + FLOAT_ERROR_OFFSET] = words[fx + FX_INSTRUCTION_OFFSET];
  out[at + FLOAT_ERROR_SELECTOR] =
    (words[fx + FX_TAG_OPCODE] & UPPER_ONES) | (words[fx + FX_INSTRUCTION_SELECTOR] & 0xffff);
  out[at + FLOAT_DATA_OFFSET] = words[fx + FX_DATA_OFFSET];
  out[at + FLOAT_DATA_SELECTOR] = UPPER_ONES | (words[fx + FX_DATA_SELECTOR] & 0xffff);
  // Registers of ten bytes each: two of them fill five words.
  for (let pair = 0; pair < 4; pair++) {
    const even = fx + FX_REGISTERS + pair * 8;
    const odd = even + 4;
    const target = at + FLOAT_REGISTERS + pair * 5;
    out[target] = words[even];
    out[target + 1] = words[even + 1];
    out[target + 2] = (words[even + 2] & 0xffff) | (words[odd] << 16);
    out[target + 3] = (words[odd] >>> 16) | (words[odd + 1] << 16);
    out[target + 4] = (words[odd + 1] >>> 16) | (words[odd + 2] << 16);
  }
  out[at + FLOAT_CR0_NPX_STATE] = 0;
}

/** CONTEXT.FloatSave into the x87 part of an FXSAVE image; the SSE part stays. Indices are in words. */
export function floatingSaveToFx(source: Int32Array, at: number, words: Int32Array, fx: number): void {
  words[fx + FX_CONTROL_STATUS] = (source[at + FLOAT_CONTROL] & 0xffff) | (source[at + FLOAT_STATUS] << 16);
  const tags = source[at + FLOAT_TAG];
  let abridged = 0;
  for (let register = 0; register < 8; register++) {
    if (((tags >>> (register * 2)) & 3) !== 3) abridged |= 1 << register;
  }
  words[fx + FX_TAG_OPCODE] = abridged | (source[at + FLOAT_ERROR_SELECTOR] & 0x07ff0000);
  words[fx + FX_INSTRUCTION_OFFSET] = source[at + FLOAT_ERROR_OFFSET];
  words[fx + FX_INSTRUCTION_SELECTOR] = source[at + FLOAT_ERROR_SELECTOR] & 0xffff;
  words[fx + FX_DATA_OFFSET] = source[at + FLOAT_DATA_OFFSET];
  words[fx + FX_DATA_SELECTOR] = source[at + FLOAT_DATA_SELECTOR] & 0xffff;
  for (let pair = 0; pair < 4; pair++) {
    const even = fx + FX_REGISTERS + pair * 8;
    const odd = even + 4;
    const from = at + FLOAT_REGISTERS + pair * 5;
    words[even] = source[from];
    words[even + 1] = source[from + 1];
    words[even + 2] = source[from + 2] & 0xffff;
    words[odd] = (source[from + 2] >>> 16) | (source[from + 3] << 16);
    words[odd + 1] = (source[from + 3] >>> 16) | (source[from + 4] << 16);
    words[odd + 2] = source[from + 4] >>> 16;
  }
}

/** Two bits a physical register: valid 0, zero 1, special 2, empty 3 (SDM vol 1 section 8.1.7). */
function fullTagWord(words: Int32Array, fx: number, top: number): number {
  const abridged = words[fx + FX_TAG_OPCODE];
  let tags = 0;
  for (let register = 0; register < 8; register++) {
    const image = fx + FX_REGISTERS + ((register - top) & 7) * 4;
    tags |= (((abridged >>> register) & 1) === 0 ? 3 : tagOf(words, image)) << (register * 2);
  }
  return tags;
}

function tagOf(words: Int32Array, image: number): number {
  const exponent = words[image + 2] & 0x7fff;
  if (exponent === 0 && words[image] === 0 && words[image + 1] === 0) return 1;
  if (exponent === 0 || exponent === 0x7fff || words[image + 1] >= 0) return 2;
  return 0;
}
