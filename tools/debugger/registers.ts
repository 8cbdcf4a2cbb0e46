import { type Machine, type Thread, type TrapFrame, TrapFrameField } from '../../kernel/index.js';
import { DebuggerError } from './debugger-error.js';
import type { GuestMemory } from './guest-memory.js';
import { hex4, hex8 } from './number-text.js';

/** Where registers lie in a CONTEXT (nt52 11.7). */
const CONTEXT_FIELDS = {
  gs: 0x8c,
  fs: 0x90,
  es: 0x94,
  ds: 0x98,
  edi: 0x9c,
  esi: 0xa0,
  ebx: 0xa4,
  edx: 0xa8,
  ecx: 0xac,
  eax: 0xb0,
  ebp: 0xb4,
  eip: 0xb8,
  cs: 0xbc,
  efl: 0xc0,
  esp: 0xc4,
  ss: 0xc8,
} as const;

/** A CONTEXT in user memory that has a thread's registers in place of its trap frame. */
export interface ContextRecord {
  readonly address: number;
  readonly memory: GuestMemory;
}

/** 32-bit registers in the order of kd's register display. */
const GENERAL = {
  eax: TrapFrameField.Eax,
  ebx: TrapFrameField.Ebx,
  ecx: TrapFrameField.Ecx,
  edx: TrapFrameField.Edx,
  esi: TrapFrameField.Esi,
  edi: TrapFrameField.Edi,
  eip: TrapFrameField.Eip,
  esp: TrapFrameField.Esp,
  ebp: TrapFrameField.Ebp,
  efl: TrapFrameField.EFlags,
  cs: TrapFrameField.Cs,
  ss: TrapFrameField.Ss,
  ds: TrapFrameField.Ds,
  es: TrapFrameField.Es,
  fs: TrapFrameField.Fs,
  gs: TrapFrameField.Gs,
} as const;
export type RegisterName = keyof typeof GENERAL;
export const registerNames = Object.keys(GENERAL) as readonly RegisterName[];

const SEGMENTS: ReadonlySet<string> = new Set(['cs', 'ss', 'ds', 'es', 'fs', 'gs']);
/** CONTEXT.ContextFlags of the FXSAVE image alone, and where it lies in a CONTEXT (nt52 11.7). */
const CONTEXT_I386 = 0x10000;
const CONTEXT_EXTENDED_REGISTERS = 0x10020;
const EXTENDED_REGISTERS = 0xcc;
/** What user mode may have in EFLAGS beside the fixed bits. */
const EFLAGS_CHANGEABLE = 0x00244dd5;
const EFLAGS_FIXED = 0x202;

/** Parts of 32-bit registers: register, shift, bits. */
const PARTS: Readonly<Record<string, readonly [RegisterName, number, number]>> = {
  ax: ['eax', 0, 16],
  bx: ['ebx', 0, 16],
  cx: ['ecx', 0, 16],
  dx: ['edx', 0, 16],
  si: ['esi', 0, 16],
  di: ['edi', 0, 16],
  bp: ['ebp', 0, 16],
  sp: ['esp', 0, 16],
  ip: ['eip', 0, 16],
  fl: ['efl', 0, 16],
  al: ['eax', 0, 8],
  bl: ['ebx', 0, 8],
  cl: ['ecx', 0, 8],
  dl: ['edx', 0, 8],
  ah: ['eax', 8, 8],
  bh: ['ebx', 8, 8],
  ch: ['ecx', 8, 8],
  dh: ['edx', 8, 8],
  cf: ['efl', 0, 1],
  pf: ['efl', 2, 1],
  af: ['efl', 4, 1],
  zf: ['efl', 6, 1],
  sf: ['efl', 7, 1],
  tf: ['efl', 8, 1],
  if: ['efl', 9, 1],
  df: ['efl', 10, 1],
  of: ['efl', 11, 1],
  iopl: ['efl', 12, 2],
};
/** x87 and SSE registers of the FXSAVE image: offset and bytes. */
const FX_REGISTERS: Readonly<Record<string, readonly [number, number]>> = {
  fpcw: [0, 2],
  fpsw: [2, 2],
  fptw: [4, 1],
  fopcode: [6, 2],
  fpip: [8, 4],
  fpdp: [16, 4],
  mxcsr: [24, 4],
};

function isRegisterName(name: string): name is RegisterName {
  return Object.hasOwn(GENERAL, name);
}

/**
 * The user-mode registers of one thread: the bytes of its trap frame. In front of NtRaiseException those of its CONTEXT, which the
 * service makes the thread's before anything else; x87 and SSE registers are the thread's own there too.
 */
export class Registers {
  readonly thread: Thread;
  readonly #frame: TrapFrame;
  readonly #machine: Machine;
  readonly #changed: () => void;
  readonly #context: ContextRecord | null;

  /**
   * @param changed called when the user has changed a register
   * @param context has the registers; null: the trap frame
   * @throws DebuggerError for a thread without a user side
   */
  constructor(machine: Machine, thread: Thread, changed: () => void, context: ContextRecord | null) {
    this.#context = context;
    this.#changed = changed;
    if (thread.trapFrame === null) throw new DebuggerError('The thread has no user-mode registers');
    if (!thread.kernelStackResident) throw new DebuggerError('The kernel stack of the thread is not in memory');
    this.thread = thread;
    this.#frame = thread.trapFrame;
    this.#machine = machine;
  }

  /** Unsigned. */
  get(name: RegisterName): number {
    const context = this.#context;
    const value =
      context === null
        ? this.#frame.get(GENERAL[name]) >>> 0
        : (context.memory.read32(context.address + CONTEXT_FIELDS[name]) ?? 0);
    return SEGMENTS.has(name) ? value & 0xffff : value;
  }

  /** Value of any register by name, parts, flags, x87, xmm0l ... included; null: no such register. */
  lookup(name: string): bigint | null {
    if (isRegisterName(name)) return BigInt(this.get(name));
    if (Object.hasOwn(PARTS, name)) {
      const [register, shift, bits] = PARTS[name];
      return (BigInt(this.get(register)) >> BigInt(shift)) & ((1n << BigInt(bits)) - 1n);
    }
    if (Object.hasOwn(FX_REGISTERS, name)) {
      const [offset, size] = FX_REGISTERS[name];
      return this.#fx(offset, size);
    }
    const xmm = /^xmm([0-7])([lh]?)$/.exec(name);
    if (xmm !== null) return this.#fx(160 + Number(xmm[1]) * 16 + (xmm[2] === 'h' ? 8 : 0), 8);
    return null;
  }

  /** All 16 bytes of an XMM register, low quadword first. */
  xmm(index: number): readonly [bigint, bigint] {
    return [this.#fx(160 + index * 16, 8), this.#fx(168 + index * 16, 8)];
  }

  /** ST(i): sign and exponent, significand. */
  st(index: number): readonly [number, bigint] {
    return [Number(this.#fx(40 + index * 16, 2)), this.#fx(32 + index * 16, 8)];
  }

  #fx(offset: number, size: number): bigint {
    const bytes = this.floatingBytes(offset, size);
    let value = 0n;
    for (let at = size - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at]);
    return value;
  }

  /** Bytes of the thread's FXSAVE image (SDM vol 2A, FXSAVE), a copy. */
  floatingBytes(offset: number, size: number): Uint8Array {
    // Whoever asks for a context brings the image up to date, whatever parts of it he wants.
    this.#machine.kernel.ke.getContext(this.thread, CONTEXT_I386);
    const start = this.#frame.npxOffset + offset;
    return this.#machine.kernel.memory.bytes.slice(start, start + size);
  }

  /** Changes bytes of the FXSAVE image; the processor has them when the thread goes on. */
  setFloatingBytes(offset: number, bytes: Uint8Array): void {
    const context = this.#machine.kernel.ke.getContext(this.thread, CONTEXT_EXTENDED_REGISTERS);
    context.set(bytes, EXTENDED_REGISTERS + offset);
    this.#machine.kernel.ke.setContext(this.thread, context);
    this.#changed();
  }

  /** @throws DebuggerError for a register that cannot be changed here */
  set(name: string, value: number): void {
    if (Object.hasOwn(PARTS, name)) {
      const [register, shift, bits] = PARTS[name];
      const mask = (2 ** bits - 1) << shift;
      this.set(register, (this.get(register) & ~mask) | ((value << shift) & mask));
      return;
    }
    if (!isRegisterName(name) || SEGMENTS.has(name)) throw new DebuggerError(`Bad register error at '${name}'`);
    const stored = name === 'efl' ? (value & EFLAGS_CHANGEABLE) | EFLAGS_FIXED : value;
    const context = this.#context;
    if (context === null) this.#frame.set(GENERAL[name], stored | 0);
    else context.memory.write(context.address + CONTEXT_FIELDS[name], new Uint8Array(Int32Array.of(stored).buffer));
    this.#changed();
  }
}

const FLAG_WORDS: readonly (readonly [number, string, string])[] = [
  [11, 'ov', 'nv'],
  [10, 'dn', 'up'],
  [9, 'ei', 'di'],
  [7, 'ng', 'pl'],
  [6, 'zr', 'nz'],
  [4, 'ac', 'na'],
  [2, 'pe', 'po'],
  [0, 'cy', 'nc'],
];

/** kd's three lines of registers. */
export function registerText(registers: Registers): string {
  const general = (...names: RegisterName[]) => names.map((name) => `${name}=${hex8(registers.get(name))}`).join(' ');
  const flags = registers.get('efl');
  const words = FLAG_WORDS.map(([bit, on, off]) => ((flags >>> bit) & 1 ? on : off)).join(' ');
  const segments = (['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const).map(
    (name) => `${name}=${hex4(registers.get(name))}`,
  );
  return [
    general('eax', 'ebx', 'ecx', 'edx', 'esi', 'edi'),
    `${general('eip', 'esp', 'ebp')} iopl=${(flags >>> 12) & 3}         ${words}`,
    `${segments.join('  ')}             efl=${hex8(flags)}`,
  ].join('\n');
}
