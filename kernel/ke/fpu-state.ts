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

/** Bytes of an FXSAVE image, and where its parts lie (SDM vol 1 section 10.5.1). */
export const FXSAVE_SIZE = 512;
const FX_CONTROL = 0;
const FX_STATUS = 2;
const FX_TAG = 4;
const FX_OPCODE = 6;
const FX_INSTRUCTION_OFFSET = 8;
const FX_INSTRUCTION_SELECTOR = 12;
const FX_DATA_OFFSET = 16;
const FX_DATA_SELECTOR = 20;
const FX_MXCSR = 24;
const FX_MXCSR_MASK = 28;
const FX_REGISTERS = 32;
const FX_XMM = 160;
const MXCSR_MASK = 0xffff;

/** FLOATING_SAVE_AREA of CONTEXT: the FSAVE image, then Cr0NpxState. */
export const FLOATING_SAVE_SIZE = 0x70;
const FLOAT_REGISTERS = 0x1c;
const FLOAT_CR0_NPX_STATE = 0x6c;

/** What user threads start with (nt52 11.5): 53-bit precision, all exceptions masked. */
const INITIAL_CONTROL = 0x27f;
const INITIAL_MXCSR = 0x1f80;

/** Writes the image of a fresh x87 and SSE unit. */
export function initializeFxImage(view: DataView, offset: number): void {
  for (let index = 0; index < FXSAVE_SIZE; index += 4) view.setUint32(offset + index, 0, true);
  view.setUint16(offset + FX_CONTROL, INITIAL_CONTROL, true);
  view.setUint32(offset + FX_MXCSR, INITIAL_MXCSR, true);
  view.setUint32(offset + FX_MXCSR_MASK, MXCSR_MASK, true);
}

/** The processor's x87 and SSE state into an FXSAVE image, registers in stack order. */
export function saveFxImage(state: Int32Array, view: DataView, offset: number): void {
  view.setUint16(offset + FX_CONTROL, state[FPU_CONTROL], true);
  view.setUint16(offset + FX_STATUS, state[FPU_STATUS], true);
  view.setUint16(offset + FX_TAG, state[FPU_TAG] & 0xff, true);
  view.setUint16(offset + FX_OPCODE, state[FPU_OPCODE], true);
  view.setInt32(offset + FX_INSTRUCTION_OFFSET, state[FPU_INSTRUCTION_OFFSET], true);
  view.setInt32(offset + FX_INSTRUCTION_SELECTOR, state[FPU_INSTRUCTION_SELECTOR], true);
  view.setInt32(offset + FX_DATA_OFFSET, state[FPU_DATA_OFFSET], true);
  view.setInt32(offset + FX_DATA_SELECTOR, state[FPU_DATA_SELECTOR], true);
  view.setInt32(offset + FX_MXCSR, state[MXCSR], true);
  view.setUint32(offset + FX_MXCSR_MASK, MXCSR_MASK, true);
  const top = (state[FPU_STATUS] >>> 11) & 7;
  for (let index = 0; index < 8; index++) {
    const register = FPU_REGISTERS + ((top + index) & 7) * 4;
    const image = offset + FX_REGISTERS + index * 16;
    view.setInt32(image, state[register], true);
    view.setInt32(image + 4, state[register + 1], true);
    view.setInt32(image + 8, state[register + 2] & 0xffff, true);
    view.setInt32(image + 12, 0, true);
  }
  for (let word = 0; word < 32; word++) view.setInt32(offset + FX_XMM + word * 4, state[XMM_REGISTERS + word], true);
}

/** An FXSAVE image into the processor. */
export function loadFxImage(state: Int32Array, view: DataView, offset: number): void {
  state[FPU_CONTROL] = view.getUint16(offset + FX_CONTROL, true);
  state[FPU_STATUS] = view.getUint16(offset + FX_STATUS, true);
  state[FPU_TAG] = view.getUint8(offset + FX_TAG);
  state[FPU_OPCODE] = view.getUint16(offset + FX_OPCODE, true);
  state[FPU_INSTRUCTION_OFFSET] = view.getInt32(offset + FX_INSTRUCTION_OFFSET, true);
  state[FPU_INSTRUCTION_SELECTOR] = view.getUint16(offset + FX_INSTRUCTION_SELECTOR, true);
  state[FPU_DATA_OFFSET] = view.getInt32(offset + FX_DATA_OFFSET, true);
  state[FPU_DATA_SELECTOR] = view.getUint16(offset + FX_DATA_SELECTOR, true);
  state[MXCSR] = view.getInt32(offset + FX_MXCSR, true) & MXCSR_MASK;
  const top = (state[FPU_STATUS] >>> 11) & 7;
  for (let index = 0; index < 8; index++) {
    const register = FPU_REGISTERS + ((top + index) & 7) * 4;
    const image = offset + FX_REGISTERS + index * 16;
    state[register] = view.getInt32(image, true);
    state[register + 1] = view.getInt32(image + 4, true);
    state[register + 2] = view.getUint16(image + 8, true);
    state[register + 3] = 0;
  }
  for (let word = 0; word < 32; word++) state[XMM_REGISTERS + word] = view.getInt32(offset + FX_XMM + word * 4, true);
}

/** The x87 part of an FXSAVE image as the FSAVE image of CONTEXT.FloatSave. */
export function fxToFloatingSave(view: DataView, fx: number, target: DataView, offset: number): void {
  const status = view.getUint16(fx + FX_STATUS, true);
  target.setUint32(offset, 0xffff0000 + view.getUint16(fx + FX_CONTROL, true), true);
  target.setUint32(offset + 4, 0xffff0000 + status, true);
  target.setUint32(offset + 8, 0xffff0000 + fullTagWord(view, fx, (status >>> 11) & 7), true);
  target.setUint32(offset + 12, view.getUint32(fx + FX_INSTRUCTION_OFFSET, true), true);
  const selector = view.getUint16(fx + FX_INSTRUCTION_SELECTOR, true);
  target.setUint32(offset + 16, ((view.getUint16(fx + FX_OPCODE, true) << 16) | selector) >>> 0, true);
  target.setUint32(offset + 20, view.getUint32(fx + FX_DATA_OFFSET, true), true);
  target.setUint32(offset + 24, 0xffff0000 + view.getUint16(fx + FX_DATA_SELECTOR, true), true);
  for (let index = 0; index < 8; index++) {
    for (let byte = 0; byte < 10; byte++) {
      target.setUint8(
        offset + FLOAT_REGISTERS + index * 10 + byte,
        view.getUint8(fx + FX_REGISTERS + index * 16 + byte),
      );
    }
  }
  target.setUint32(offset + FLOAT_CR0_NPX_STATE, 0, true);
}

/** CONTEXT.FloatSave into the x87 part of an FXSAVE image; the SSE part stays. */
export function floatingSaveToFx(source: DataView, offset: number, view: DataView, fx: number): void {
  view.setUint16(fx + FX_CONTROL, source.getUint16(offset, true), true);
  view.setUint16(fx + FX_STATUS, source.getUint16(offset + 4, true), true);
  const tags = source.getUint16(offset + 8, true);
  let abridged = 0;
  for (let register = 0; register < 8; register++) {
    if (((tags >>> (register * 2)) & 3) !== 3) abridged |= 1 << register;
  }
  view.setUint16(fx + FX_TAG, abridged, true);
  view.setUint32(fx + FX_INSTRUCTION_OFFSET, source.getUint32(offset + 12, true), true);
  view.setUint16(fx + FX_INSTRUCTION_SELECTOR, source.getUint16(offset + 16, true), true);
  view.setUint16(fx + FX_OPCODE, source.getUint16(offset + 18, true) & 0x7ff, true);
  view.setUint32(fx + FX_DATA_OFFSET, source.getUint32(offset + 20, true), true);
  view.setUint16(fx + FX_DATA_SELECTOR, source.getUint16(offset + 24, true), true);
  for (let index = 0; index < 8; index++) {
    for (let byte = 0; byte < 10; byte++) {
      view.setUint8(
        fx + FX_REGISTERS + index * 16 + byte,
        source.getUint8(offset + FLOAT_REGISTERS + index * 10 + byte),
      );
    }
  }
}

/** Two bits a physical register: valid 0, zero 1, special 2, empty 3 (SDM vol 1 section 8.1.7). */
function fullTagWord(view: DataView, fx: number, top: number): number {
  const abridged = view.getUint8(fx + FX_TAG);
  let tags = 0;
  for (let register = 0; register < 8; register++) {
    const image = fx + FX_REGISTERS + ((register - top) & 7) * 16;
    tags |= (((abridged >>> register) & 1) === 0 ? 3 : tagOf(view, image)) << (register * 2);
  }
  return tags;
}

function tagOf(view: DataView, image: number): number {
  const low = view.getUint32(image, true);
  const high = view.getUint32(image + 4, true);
  const exponent = view.getUint16(image + 8, true) & 0x7fff;
  if (exponent === 0 && low === 0 && high === 0) return 1;
  if (exponent === 0 || exponent === 0x7fff || high >>> 31 === 0) return 2;
  return 0;
}
