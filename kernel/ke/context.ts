import { Selector } from './descriptor-tables.js';
import { FXSAVE_SIZE, floatingSaveToFx, fxToFloatingSave } from './fpu-state.js';
import { type TrapFrame, TrapFrameField } from './trap-frame.js';

/** Bytes of CONTEXT and its parts (nt52 11.7). */
export const CONTEXT_SIZE = 0x2cc;
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
/** DR6 and DR7 as user mode may set them; breakpoints only below 80000000. */
const DR6_MASK = 0xe00f;
const DR7_MASK = 0xffff_0355;
const HIGHEST_USER_ADDRESS = 0x7ffeffff;

type FieldPair = readonly [context: number, frame: TrapFrameField];
const { CONTROL, INTEGER, SEGMENTS, FLOATING_POINT, DEBUG_REGISTERS, EXTENDED_REGISTERS } = ContextFlag;

const INTEGER_FIELDS: readonly FieldPair[] = [
  [ContextField.Edi, TrapFrameField.Edi],
  [ContextField.Esi, TrapFrameField.Esi],
  [ContextField.Ebx, TrapFrameField.Ebx],
  [ContextField.Edx, TrapFrameField.Edx],
  [ContextField.Ecx, TrapFrameField.Ecx],
  [ContextField.Eax, TrapFrameField.Eax],
];
const SEGMENT_FIELDS: readonly FieldPair[] = [
  [ContextField.SegGs, TrapFrameField.Gs],
  [ContextField.SegFs, TrapFrameField.Fs],
  [ContextField.SegEs, TrapFrameField.Es],
  [ContextField.SegDs, TrapFrameField.Ds],
];
const CONTROL_FIELDS: readonly FieldPair[] = [
  [ContextField.Ebp, TrapFrameField.Ebp],
  [ContextField.Eip, TrapFrameField.Eip],
  [ContextField.SegCs, TrapFrameField.Cs],
  [ContextField.EFlags, TrapFrameField.EFlags],
  [ContextField.Esp, TrapFrameField.Esp],
  [ContextField.SegSs, TrapFrameField.Ss],
];
const DEBUG_FIELDS: readonly FieldPair[] = [0, 4, 8, 12, 16, 20].map(
  (offset): FieldPair => [ContextField.Dr0 + offset, (TrapFrameField.Dr0 + offset) as TrapFrameField],
);

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

/** KeContextFromKframes: the parts of a CONTEXT that the flags name, from a trap frame and the FXSAVE image above it. */
export function contextFromFrame(frame: TrapFrame, view: DataView, flags: number): Uint8Array {
  const bytes = new Uint8Array(CONTEXT_SIZE);
  const context = new DataView(bytes.buffer);
  context.setUint32(ContextField.ContextFlags, flags >>> 0, true);
  const copy = (part: number, fields: readonly FieldPair[]): void => {
    if ((flags & part) === 0) return;
    for (const [to, from] of fields) context.setInt32(to, frame.get(from), true);
  };
  copy(CONTROL, CONTROL_FIELDS);
  copy(INTEGER, INTEGER_FIELDS);
  copy(SEGMENTS, SEGMENT_FIELDS);
  copy(DEBUG_REGISTERS, DEBUG_FIELDS);
  if ((flags & FLOATING_POINT) !== 0) fxToFloatingSave(view, frame.npxOffset, context, ContextField.FloatSave);
  if ((flags & EXTENDED_REGISTERS) !== 0) {
    for (let byte = 0; byte < FXSAVE_SIZE; byte += 4) {
      context.setInt32(ContextField.ExtendedRegisters + byte, view.getInt32(frame.npxOffset + byte, true), true);
    }
  }
  return bytes;
}

/** KeContextToKframes: takes over what the CONTEXT's flags name, made safe for ring 3. */
export function contextToFrame(bytes: Uint8Array, frame: TrapFrame, view: DataView): void {
  const context = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = context.getUint32(ContextField.ContextFlags, true);
  const field = (offset: number): number => context.getInt32(offset, true);
  if ((flags & CONTROL) !== 0) {
    for (const [from, to] of CONTROL_FIELDS) frame.set(to, field(from));
    frame.set(TrapFrameField.EFlags, sanitizeEflags(field(ContextField.EFlags)));
    frame.set(TrapFrameField.Cs, Selector.UserCode);
    frame.set(TrapFrameField.Ss, Selector.UserData);
  }
  if ((flags & INTEGER) !== 0) for (const [from, to] of INTEGER_FIELDS) frame.set(to, field(from));
  if ((flags & SEGMENTS) !== 0)
    for (const [from, to] of SEGMENT_FIELDS) frame.set(to, sanitizeDataSelector(field(from)));
  if ((flags & DEBUG_REGISTERS) !== 0) setDebugRegisters(field, frame);
  if ((flags & EXTENDED_REGISTERS) !== 0) {
    for (let byte = 0; byte < FXSAVE_SIZE; byte += 4) {
      view.setInt32(frame.npxOffset + byte, field(ContextField.ExtendedRegisters + byte), true);
    }
  }
  // Where both are given, FloatSave has the last word: that is the part which floating-point exception handlers edit.
  if ((flags & FLOATING_POINT) !== 0) floatingSaveToFx(context, ContextField.FloatSave, view, frame.npxOffset);
}

function setDebugRegisters(field: (offset: number) => number, frame: TrapFrame): void {
  for (let index = 0; index < 4; index++) {
    const address = field(ContextField.Dr0 + index * 4);
    const target = (TrapFrameField.Dr0 + index * 4) as TrapFrameField;
    frame.set(target, address >>> 0 <= HIGHEST_USER_ADDRESS ? address : 0);
  }
  frame.set(TrapFrameField.Dr6, field(ContextField.Dr0 + 16) & DR6_MASK);
  frame.set(TrapFrameField.Dr7, field(ContextField.Dr0 + 20) & DR7_MASK);
}
