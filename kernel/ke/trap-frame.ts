/** Byte offsets of KTRAP_FRAME (nt52 11.6). */
export const TrapFrameField = {
  DbgEbp: 0x00,
  DbgEip: 0x04,
  DbgArgMark: 0x08,
  DbgArgPointer: 0x0c,
  TempSegCs: 0x10,
  TempEsp: 0x14,
  Dr0: 0x18,
  Dr1: 0x1c,
  Dr2: 0x20,
  Dr3: 0x24,
  Dr6: 0x28,
  Dr7: 0x2c,
  Gs: 0x30,
  Es: 0x34,
  Ds: 0x38,
  Edx: 0x3c,
  Ecx: 0x40,
  Eax: 0x44,
  PreviousPreviousMode: 0x48,
  ExceptionList: 0x4c,
  Fs: 0x50,
  Edi: 0x54,
  Esi: 0x58,
  Ebx: 0x5c,
  Ebp: 0x60,
  ErrCode: 0x64,
  Eip: 0x68,
  Cs: 0x6c,
  EFlags: 0x70,
  Esp: 0x74,
  Ss: 0x78,
} as const;
export type TrapFrameField = (typeof TrapFrameField)[keyof typeof TrapFrameField];

export const TRAP_FRAME_SIZE = 0x8c;
/** FXSAVE area and the rest of FX_SAVE_AREA above the trap frame, at the top of the kernel stack. */
export const NPX_FRAME_SIZE = 0x210;
const V86_SEGMENTS_SIZE = 0x10;
/** Distance from InitialStack down to the start of the trap frame; its last 16 bytes are the V86 segments. */
export const TRAP_FRAME_DISTANCE = NPX_FRAME_SIZE + TRAP_FRAME_SIZE;
/** Distance from InitialStack down to KernelStack, the stack pointer of a thread that waits: its calls in the kernel lie above. */
export const KERNEL_STACK_DISTANCE = TRAP_FRAME_DISTANCE + 0x100;
/** Tss.Esp0 = InitialStack - this: the processor pushes below the V86 segments. */
export const ESP0_DISTANCE = NPX_FRAME_SIZE + V86_SEGMENTS_SIZE;

/** The user-mode registers of a thread that is in the kernel: real bytes on its kernel stack, which must be resident. */
export class TrapFrame {
  readonly #words: Int32Array;
  #offset: number;
  #base: number;

  constructor(words: Int32Array, offset: number) {
    this.#words = words;
    this.#offset = offset;
    this.#base = offset >>> 2;
  }

  /** Byte offset of the frame in the machine's linear memory. */
  get offset(): number {
    return this.#offset;
  }

  /** Byte offset of the FXSAVE image above it. */
  get npxOffset(): number {
    return this.#offset + TRAP_FRAME_SIZE;
  }

  /** The stack came back to another page frame. */
  moveTo(offset: number): void {
    this.#offset = offset;
    this.#base = offset >>> 2;
  }

  /** A field as a signed 32-bit number. */
  get(field: TrapFrameField): number {
    return this.#words[this.#base + (field >> 2)];
  }

  set(field: TrapFrameField, value: number): void {
    this.#words[this.#base + (field >> 2)] = value;
  }
}
