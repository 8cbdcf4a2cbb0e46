/**
 * The recorded vectors: one instruction each, with the state before and after. In a file a state is written as the
 * registers ("slots") in which it differs: the state before from the background state, the state after from the one before.
 */

/** Bytes of a state: general registers, EIP, EFLAGS, selectors, x87 control, MXCSR, ST(0)-ST(7), XMM0-XMM7. */
export const STATE_SIZE = 272;

/** Slot numbers; those of a register file follow one another. */
export const SLOT = {
  EAX: 0,
  ECX: 1,
  EDX: 2,
  EBX: 3,
  ESP: 4,
  EBP: 5,
  ESI: 6,
  EDI: 7,
  EIP: 8,
  EFLAGS: 9,
  ES: 10,
  CS: 11,
  FCW: 16,
  FSW: 17,
  FTW: 18,
  MXCSR: 20,
  ST: 21,
  XMM: 29,
} as const;

interface Slot {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

function layOutSlots(): Slot[] {
  const slots: Slot[] = [];
  let offset = 0;
  const add = (size: number, names: readonly string[]) => {
    for (const name of names) {
      slots.push({ name, offset, size });
      offset += size;
    }
  };
  const numbered = (prefix: string) => [0, 1, 2, 3, 4, 5, 6, 7].map((number) => `${prefix}${number}`);
  add(4, ['EAX', 'ECX', 'EDX', 'EBX', 'ESP', 'EBP', 'ESI', 'EDI', 'EIP', 'EFLAGS']);
  add(2, ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'FCW', 'FSW', 'FTW', 'reserved']);
  add(4, ['MXCSR']);
  add(10, numbered('ST'));
  add(16, numbered('XMM'));
  return slots;
}

export const SLOTS: readonly Slot[] = layOutSlots();

/** Sets a slot of at most four bytes. */
export function writeSlot(state: Uint8Array, slot: number, value: number): void {
  const { offset, size } = SLOTS[slot];
  for (let at = 0; at < size; at++) state[offset + at] = at < 4 ? value >>> (8 * at) : 0;
}

/** Reads a slot of at most four bytes as an unsigned number. */
export function readSlot(state: Uint8Array, slot: number): number {
  const { offset, size } = SLOTS[slot];
  let value = 0;
  for (let at = Math.min(size, 4) - 1; at >= 0; at--) value = value * 256 + state[offset + at];
  return value;
}

/** How the end of the instruction was caught, and so whether TF was set. */
export const VectorMode = { UntilInt3: 0, SingleStep: 1 } as const;
export type VectorMode = (typeof VectorMode)[keyof typeof VectorMode];

/** In place of an exception vector: the instruction was completed. */
export const COMPLETED = 255;

export interface MemoryRun {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface Vector {
  readonly code: Uint8Array;
  readonly mode: VectorMode;
  /** Linear address of the code. */
  readonly linear: number;
  readonly before: Uint8Array;
  /** Memory before, where it is not that of the environment. */
  readonly patches: readonly MemoryRun[];
  /** Exception vector or COMPLETED; error code; linear address of a page fault. */
  readonly exception: number;
  readonly errorCode: number;
  readonly faultAddress: number;
  readonly after: Uint8Array;
  /** Memory that the instruction changed. */
  readonly changes: readonly MemoryRun[];
}

export interface VectorGroup {
  /** Opcode column of the instruction table. */
  readonly opcode: string;
  readonly mnemonic: string;
  readonly vectors: number;
}

export interface VectorFileHeader {
  /** The processor that produced them. */
  readonly processor: string;
  readonly groups: readonly VectorGroup[];
}

const PAGE_FAULT = 14;

/** Writes vectors to bytes, not yet compressed. */
export class VectorWriter {
  #bytes = new Uint8Array(1 << 20);
  #size = 0;
  readonly #background: Uint8Array;

  constructor(background: Uint8Array) {
    this.#background = background;
  }

  add(vector: Vector): void {
    this.#byte(vector.code.length | (vector.mode << 4));
    this.#raw(vector.code);
    this.#number(vector.linear);
    this.#differences(this.#background, vector.before);
    this.#runs(vector.patches);
    this.#byte(vector.exception);
    if (vector.exception !== COMPLETED) this.#number(vector.errorCode);
    if (vector.exception === PAGE_FAULT) this.#number(vector.faultAddress);
    this.#differences(predicted(vector), vector.after);
    this.#runs(vector.changes);
  }

  /** The whole file. */
  finish(header: VectorFileHeader): Uint8Array {
    const text = new TextEncoder().encode(JSON.stringify(header));
    const file = new Uint8Array(4 + text.length + this.#size);
    new DataView(file.buffer).setUint32(0, text.length, true);
    file.set(text, 4);
    file.set(this.#bytes.subarray(0, this.#size), 4 + text.length);
    return file;
  }

  #byte(value: number): void {
    if (this.#size === this.#bytes.length) {
      const larger = new Uint8Array(this.#size * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#size++] = value;
  }

  #number(value: number): void {
    for (let at = 0; at < 4; at++) this.#byte(value >>> (8 * at));
  }

  #raw(bytes: Uint8Array): void {
    for (const byte of bytes) this.#byte(byte);
  }

  #differences(from: Uint8Array, to: Uint8Array): void {
    const different = SLOTS.flatMap(({ offset, size }, slot) => {
      for (let at = offset; at < offset + size; at++) if (from[at] !== to[at]) return [slot];
      return [];
    });
    this.#byte(different.length);
    for (const slot of different) {
      this.#byte(slot);
      this.#raw(to.subarray(SLOTS[slot].offset, SLOTS[slot].offset + SLOTS[slot].size));
    }
  }

  #runs(runs: readonly MemoryRun[]): void {
    this.#byte(runs.length & 0xff);
    this.#byte(runs.length >> 8);
    for (const { address, bytes } of runs) {
      this.#number(address);
      this.#byte(bytes.length & 0xff);
      this.#byte(bytes.length >> 8);
      this.#raw(bytes);
    }
  }
}

/** The state after, as it would be if the instruction did nothing. */
function predicted(vector: Pick<Vector, 'before' | 'code' | 'exception'>): Uint8Array {
  const state = vector.before.slice();
  if (vector.exception === COMPLETED) writeSlot(state, SLOT.EIP, readSlot(state, SLOT.EIP) + vector.code.length);
  return state;
}

/** Reads a file that VectorWriter wrote. */
export class VectorReader {
  readonly header: VectorFileHeader;
  readonly #bytes: Uint8Array;
  readonly #background: Uint8Array;
  #at: number;

  constructor(file: Uint8Array, background: Uint8Array) {
    this.#bytes = file;
    this.#background = background;
    this.#at = 0;
    const size = this.#number();
    this.header = JSON.parse(new TextDecoder().decode(file.subarray(4, 4 + size)));
    this.#at = 4 + size;
  }

  /** The next vector; there are as many as the header's groups have, in their order. */
  next(): Vector {
    const first = this.#byte();
    const code = this.#raw(first & 15);
    const mode = first >> 4 === 0 ? VectorMode.UntilInt3 : VectorMode.SingleStep;
    const linear = this.#number();
    const before = this.#differences(this.#background.slice());
    const patches = this.#runs();
    const exception = this.#byte();
    const errorCode = exception === COMPLETED ? 0 : this.#number();
    const faultAddress = exception === PAGE_FAULT ? this.#number() : 0;
    const after = this.#differences(predicted({ before, code, exception }));
    const changes = this.#runs();
    return { code, mode, linear, before, patches, exception, errorCode, faultAddress, after, changes };
  }

  #byte(): number {
    return this.#bytes[this.#at++];
  }

  #number(): number {
    const at = this.#at;
    this.#at += 4;
    const bytes = this.#bytes;
    return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  }

  #raw(size: number): Uint8Array {
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  #differences(state: Uint8Array): Uint8Array {
    for (let count = this.#byte(); count > 0; count--) {
      const { offset, size } = SLOTS[this.#byte()];
      state.set(this.#raw(size), offset);
    }
    return state;
  }

  #runs(): MemoryRun[] {
    const runs: MemoryRun[] = [];
    for (let count = this.#byte() | (this.#byte() << 8); count > 0; count--) {
      const address = this.#number();
      const size = this.#byte() | (this.#byte() << 8);
      runs.push({ address, bytes: this.#raw(size) });
    }
    return runs;
  }
}
