import { Selector } from './descriptor-tables.js';
import { FXSAVE_WORDS, floatingSaveToFx, fxToFloatingSave } from './fpu-state.js';
import { type TrapFrame, TrapFrameField } from './trap-frame.js';

/** Bytes of CONTEXT and its parts (nt52 11.7). */
export const CONTEXT_SIZE = 0x2cc;
export const CONTEXT_WORDS = CONTEXT_SIZE / 4;
export const ContextField = {
  ContextFlags: 0x00,
  Dr0: 0x04,
  FloatSave: 0x1c,
  SegGs: 0x8c,
  SegFs: 0x90,
  SegEs: 0x94,
  SegDs: 0x98,
  Edi: 0x9c,
  Esi: 0xa0,
  Ebx: 0xa4,
  Edx: 0xa8,
  Ecx: 0xac,
  Eax: 0xb0,
  Ebp: 0xb4,
  Eip: 0xb8,
  SegCs: 0xbc,
  EFlags: 0xc0,
  Esp: 0xc4,
  SegSs: 0xc8,
  ExtendedRegisters: 0xcc,
} as const;

/** CONTEXT.ContextFlags. */
export const ContextFlag = {
  I386: 0x10000,
  CONTROL: 0x01,
  INTEGER: 0x02,
  SEGMENTS: 0x04,
  FLOATING_POINT: 0x08,
  DEBUG_REGISTERS: 0x10,
  EXTENDED_REGISTERS: 0x20,
  FULL: 0x10007,
  ALL: 0x1003f,
} as const;

/** EFLAGS bits that user mode may choose; IF is always on, IOPL 0. */
const USER_EFLAGS = 0x0025_4dd7;
const EFLAGS_INTERRUPT = 0x200;
const EFLAGS_FIXED = 0x2;
/** DR6 and DR7 as user mode may set them; breakpoints in user space only. */
const DR6_MASK = 0xe00f;
const DR7_MASK = 0xffff_0355;

const { CONTROL, INTEGER, SEGMENTS, FLOATING_POINT, DEBUG_REGISTERS, EXTENDED_REGISTERS } = ContextFlag;
const BREAKPOINTS = 4;
/** Dr0 to Dr3, Dr6, Dr7. */
const DEBUG_WORDS = 6;

/** The fields as word indices. */
const word = {
  Dr0: ContextField.Dr0 >> 2,
  FloatSave: ContextField.FloatSave >> 2,
  SegGs: ContextField.SegGs >> 2,
  SegFs: ContextField.SegFs >> 2,
  SegEs: ContextField.SegEs >> 2,
  SegDs: ContextField.SegDs >> 2,
  Edi: ContextField.Edi >> 2,
  Esi: ContextField.Esi >> 2,
  Ebx: ContextField.Ebx >> 2,
  Edx: ContextField.Edx >> 2,
  Ecx: ContextField.Ecx >> 2,
  Eax: ContextField.Eax >> 2,
  Ebp: ContextField.Ebp >> 2,
  Eip: ContextField.Eip >> 2,
  SegCs: ContextField.SegCs >> 2,
  EFlags: ContextField.EFlags >> 2,
  Esp: ContextField.Esp >> 2,
  SegSs: ContextField.SegSs >> 2,
  ExtendedRegisters: ContextField.ExtendedRegisters >> 2,
} as const;

/** EFLAGS of user code: no I/O privilege, interrupts on, no virtual-8086 mode. */
export function sanitizeEflags(value: number): number {
  return (value & USER_EFLAGS) | EFLAGS_INTERRUPT | EFLAGS_FIXED;
}

/** A data selector of the GDT that ring 3 may hold, or the flat one in place of anything else. */
export function sanitizeDataSelector(value: number): number {
  const selector = value & 0xffff;
  if (selector < 4) return 0;
  const ring3 = selector | 3;
  return ring3 === Selector.UserCode || ring3 === Selector.UserTeb ? ring3 : Selector.UserData;
}

/**
 * KeContextFromKframes: the parts of a CONTEXT that the flags name, from a trap frame and the FXSAVE image above it. Other
 * words of the target stay as they are.
 * @param words the machine's memory. @param out receives CONTEXT_WORDS words from index `at` on.
 */
export function contextFromFrame(
  frame: TrapFrame,
  words: Int32Array,
  flags: number,
  out: Int32Array,
  at: number,
): void {
  out[at] = flags;
  if ((flags & CONTROL) !== 0) {
    out[at + word.Ebp] = frame.get(TrapFrameField.Ebp);
    out[at + word.Eip] = frame.get(TrapFrameField.Eip);
    out[at + word.SegCs] = frame.get(TrapFrameField.Cs);
    out[at + word.EFlags] = frame.get(TrapFrameField.EFlags);
    out[at + word.Esp] = frame.get(TrapFrameField.Esp);
    out[at + word.SegSs] = frame.get(TrapFrameField.Ss);
  }
  if ((flags & INTEGER) !== 0) {
    out[at + word.Edi] = frame.get(TrapFrameField.Edi);
    out[at + word.Esi] = frame.get(TrapFrameField.Esi);
    out[at + word.Ebx] = frame.get(TrapFrameField.Ebx);
    out[at + word.Edx] = frame.get(TrapFrameField.Edx);
    out[at + word.Ecx] = frame.get(TrapFrameField.Ecx);
    out[at + word.Eax] = frame.get(TrapFrameField.Eax);
  }
  if ((flags & SEGMENTS) !== 0) {
    out[at + word.SegGs] = frame.get(TrapFrameField.Gs);
    out[at + word.SegFs] = frame.get(TrapFrameField.Fs);
    out[at + word.SegEs] = frame.get(TrapFrameField.Es);
    out[at + word.SegDs] = frame.get(TrapFrameField.Ds);
  }
  if ((flags & DEBUG_REGISTERS) !== 0) {
    for (let index = 0; index < DEBUG_WORDS; index++) {
      out[at + word.Dr0 + index] = frame.get((TrapFrameField.Dr0 + index * 4) as TrapFrameField);
    }
  }
  const fx = frame.npxOffset >>> 2;
  if ((flags & FLOATING_POINT) !== 0) fxToFloatingSave(words, fx, out, at + word.FloatSave);
  if ((flags & EXTENDED_REGISTERS) !== 0) {
    for (let index = 0; index < FXSAVE_WORDS; index++) out[at + word.ExtendedRegisters + index] = words[fx + index];
  }
}

/** KeContextToKframes: takes over what the CONTEXT's flags name, made safe for ring 3. */
export function contextToFrame(
  context: Int32Array,
  frame: TrapFrame,
  words: Int32Array,
  highestUserAddress: number,
): void {
  const flags = context[0];
  if ((flags & CONTROL) !== 0) {
    frame.set(TrapFrameField.Ebp, context[word.Ebp]);
    frame.set(TrapFrameField.Eip, context[word.Eip]);
    frame.set(TrapFrameField.Cs, Selector.UserCode);
    frame.set(TrapFrameField.EFlags, sanitizeEflags(context[word.EFlags]));
    frame.set(TrapFrameField.Esp, context[word.Esp]);
    frame.set(TrapFrameField.Ss, Selector.UserData);
  }
  if ((flags & INTEGER) !== 0) {
    frame.set(TrapFrameField.Edi, context[word.Edi]);
    frame.set(TrapFrameField.Esi, context[word.Esi]);
    frame.set(TrapFrameField.Ebx, context[word.Ebx]);
    frame.set(TrapFrameField.Edx, context[word.Edx]);
    frame.set(TrapFrameField.Ecx, context[word.Ecx]);
    frame.set(TrapFrameField.Eax, context[word.Eax]);
  }
  if ((flags & SEGMENTS) !== 0) {
    frame.set(TrapFrameField.Gs, sanitizeDataSelector(context[word.SegGs]));
    frame.set(TrapFrameField.Fs, sanitizeDataSelector(context[word.SegFs]));
    frame.set(TrapFrameField.Es, sanitizeDataSelector(context[word.SegEs]));
    frame.set(TrapFrameField.Ds, sanitizeDataSelector(context[word.SegDs]));
  }
  if ((flags & DEBUG_REGISTERS) !== 0) setDebugRegisters(context, frame, highestUserAddress);
  const fx = frame.npxOffset >>> 2;
  if ((flags & EXTENDED_REGISTERS) !== 0) {
    for (let index = 0; index < FXSAVE_WORDS; index++) words[fx + index] = context[word.ExtendedRegisters + index];
  }
  // Where both are given, FloatSave has the last word: that is the part which floating-point exception handlers edit.
  if ((flags & FLOATING_POINT) !== 0) floatingSaveToFx(context, word.FloatSave, words, fx);
}

function setDebugRegisters(context: Int32Array, frame: TrapFrame, highestUserAddress: number): void {
  for (let index = 0; index < BREAKPOINTS; index++) {
    const address = context[word.Dr0 + index];
    const target = (TrapFrameField.Dr0 + index * 4) as TrapFrameField;
    frame.set(target, address >>> 0 <= highestUserAddress ? address : 0);
  }
  frame.set(TrapFrameField.Dr6, context[word.Dr0 + 4] & DR6_MASK);
  frame.set(TrapFrameField.Dr7, context[word.Dr0 + 5] & DR7_MASK);
}

/** CONTEXT bytes as words, copied where their alignment asks for it. Shorter ones are filled up with zeros. */
export function contextWords(bytes: Uint8Array): Int32Array {
  if (bytes.byteOffset % 4 === 0 && bytes.length >= CONTEXT_SIZE) {
    return new Int32Array(bytes.buffer, bytes.byteOffset, CONTEXT_WORDS);
  }
  const copy = new Uint8Array(CONTEXT_SIZE);
  copy.set(bytes.subarray(0, CONTEXT_SIZE));
  return new Int32Array(copy.buffer);
}
