/** Our processor in the world of the vectors: executes one and says where it went another way than the real one. */

import { Cpu, type CpuOptions, ExitReason } from '../../../cpu/cpu.js';
import type { InstructionRow } from '../../../cpu/instruction.js';
import {
  CPL,
  EAX,
  EIP,
  FPU_CONTROL,
  FPU_REGISTERS,
  FPU_STATUS,
  FPU_TAG,
  GDTR_BASE,
  GDTR_LIMIT,
  LDTR,
  MXCSR,
  SEGMENT_SELECTOR,
  TR,
  XMM_REGISTERS,
} from '../../../cpu/layout.js';
import { PhysicalMemory } from '../../../cpu/physical-memory.js';
import { setSegmentFromDescriptor } from '../../../cpu/segmentation.js';
import { cpuOptions } from '../cpu-options.js';
import {
  backgroundState,
  LDT_ENTRIES,
  PAGE_SIZE,
  PAGES,
  Protection,
  pageContents,
  USER_CODE,
  USER_DATA,
} from './environment.js';
import { type Excuse, excuseOf } from './excuses.js';
import { COMPLETED, readSlot, SLOT, SLOTS, STATE_SIZE, type Vector, VectorMode } from './vector-file.js';

/** Physical addresses: page-directory-pointer table, page directories, page tables, descriptor tables, then PAGES. */
const POINTER_TABLE = 0x1000;
const FIRST_DIRECTORY = 0x2000;
const FIRST_TABLE = 0x6000;
const DESCRIPTORS = 0xa000;
const FIRST_PAGE = 0x10000;
/** Where the descriptor tables are seen, by the supervisor alone. */
const GDT = 0xc000_0000;
const LDT = GDT + 0x400;
/** No port is permitted. */
const TASK_STATE = GDT + 0x600;

const PRESENT = 0x001;
const WRITABLE = 0x002;
const USER = 0x004;
const ACCESSED_AND_DIRTY = 0x060;
const NO_EXECUTE = 0x8000_0000 | 0;

/** Protection, monitor, numeric error, write protection, alignment mask, paging. */
const CR0 = 0x8005_0033 | 0;
/** PAE, OSFXSR, OSXMMEXCPT. */
const CR4 = 0x620;
const EFER_NXE = 0x800;

const FLAG_BITS: Readonly<Record<string, number>> = { O: 0x800, S: 0x80, Z: 0x40, A: 0x10, P: 4, C: 1 };
const RESUME_AND_TRAP = { resume: 0x1_0000, trap: 0x100 } as const;

/** How a vector came out. */
export interface Outcome {
  /** Everything that the SDM defines and that differs, one line each. */
  readonly differences: readonly string[];
  /** Flags that differ but that the SDM leaves undefined, in the letters OSZAPC. */
  readonly undefinedFlags: string;
}

export class Replayer {
  readonly cpu: Cpu;
  readonly #contents = pageContents();
  readonly #hosts: number[];
  readonly #actual = new Uint8Array(STATE_SIZE);
  readonly #expectedPage = new Uint8Array(PAGE_SIZE);
  #tables = 0;

  constructor(options: CpuOptions = cpuOptions) {
    const cpu = new Cpu(new PhysicalMemory(1 << 20), { pageFault: () => false }, options);
    this.cpu = cpu;
    this.#hosts = PAGES.map((_, number) => cpu.memory.hostPage((FIRST_PAGE >> 12) + number));
    PAGES.forEach((_, number) => {
      this.setPresent(number, true);
    });
    this.#mapLinear(GDT, DESCRIPTORS, PRESENT | WRITABLE, 0);
    this.#writeDescriptors();
    cpu.setCr4(CR4);
    cpu.setCr3(POINTER_TABLE);
    cpu.setEfer(EFER_NXE);
    cpu.setCr0(CR0);
    cpu.state[GDTR_BASE] = GDT | 0;
    cpu.state[GDTR_LIMIT] = 0x7f;
    cpu.setSegment(LDTR, 0x50, LDT | 0, LDT_ENTRIES.length * 8 - 1, 0x82);
    cpu.setSegment(TR, 0x40, TASK_STATE | 0, 0x67, 0x8b);
    cpu.memory.write32(DESCRIPTORS + 0x600 + 100, 0x68 << 16);
    cpu.state[CPL] = 3;
    this.#hosts.forEach((host, number) => {
      cpu.bytes.set(this.#contents.subarray(number * PAGE_SIZE, (number + 1) * PAGE_SIZE), host);
    });
    this.setState(backgroundState());
  }

  #mapLinear(linear: number, physical: number, rights: number, high: number): void {
    const memory = this.cpu.memory;
    const quarter = linear >>> 30;
    const directory = FIRST_DIRECTORY + quarter * PAGE_SIZE;
    memory.write32(POINTER_TABLE + quarter * 8, directory | PRESENT);
    const entry = directory + ((linear >>> 21) & 0x1ff) * 8;
    if ((memory.read32(entry) & PRESENT) === 0) {
      const table = FIRST_TABLE + this.#tables++ * PAGE_SIZE;
      memory.write32(entry, table | PRESENT | WRITABLE | USER | ACCESSED_AND_DIRTY);
    }
    const table = memory.read32(entry) & ~0xfff;
    memory.write32(table + ((linear >>> 12) & 0x1ff) * 8, physical | ACCESSED_AND_DIRTY | rights);
    memory.write32(table + ((linear >>> 12) & 0x1ff) * 8 + 4, high);
  }

  #writeDescriptors(): void {
    const memory = this.cpu.memory;
    const write = (at: number, base: number, limit: number, access: number) => {
      memory.write32(at, (limit & 0xffff) | (base << 16));
      memory.write32(
        at + 4,
        ((base >>> 16) & 0xff) | ((access & 0xf0ff) << 8) | (limit & 0xf_0000) | (base & 0xff00_0000),
      );
    };
    write(DESCRIPTORS + (USER_CODE & ~7), 0, 0xfffff, 0xc0fb);
    write(DESCRIPTORS + (USER_DATA & ~7), 0, 0xfffff, 0xc0f3);
    LDT_ENTRIES.forEach((entry, number) => {
      // As the kernel makes them: accessed, DPL 3, AVL set.
      const type = 1 | (entry.restricted ? 0 : 2) | (entry.contents << 2);
      const high = 0x1000 | (entry.big ? 0x4000 : 0) | (entry.pages ? 0x8000 : 0);
      write(DESCRIPTORS + 0x400 + number * 8, entry.base, entry.limit, high | 0x70 | (entry.present ? 0x80 : 0) | type);
    });
  }

  /** Executes the vector's instruction and compares everything. */
  replay(vector: Vector, row: InstructionRow): Outcome {
    const excuse = excuseOf(vector, row);
    this.load(vector);
    const reason = this.cpu.run(1);
    const differences = this.#compareEnd(vector, excuse, reason);
    this.state(this.#actual);
    const undefinedFlags = this.#compareState(vector, row, excuse, differences);
    this.#compareMemory(vector, excuse, differences);
    return excuse?.end === true ? { differences: [], undefinedFlags: '' } : { differences, undefinedFlags };
  }

  /** Puts the vector's instruction, memory and state in place. */
  load(vector: Pick<Vector, 'code' | 'linear' | 'before' | 'patches'>): void {
    for (const { address, bytes } of vector.patches) this.write(address, bytes);
    this.write(vector.linear, vector.code);
    this.setState(vector.before);
    this.cpu.instructionCount = 0;
  }

  /** Makes all pages what they were before any vector. */
  restoreMemory(): void {
    PAGES.forEach(({ protection }, number) => {
      const host = this.#hosts[number];
      this.cpu.bytes.set(this.#contents.subarray(number * PAGE_SIZE, (number + 1) * PAGE_SIZE), host);
      if (protection === Protection.ReadExecute) this.cpu.codeWritten(host, PAGE_SIZE);
    });
  }

  /** Copies the contents of all pages. */
  memory(into: Uint8Array): void {
    this.#hosts.forEach((host, number) => {
      into.set(this.cpu.bytes.subarray(host, host + PAGE_SIZE), number * PAGE_SIZE);
    });
  }

  /** Makes one of PAGES absent, or present again. */
  setPresent(page: number, present: boolean): void {
    const { address, protection } = PAGES[page];
    const writable = protection === Protection.ReadWrite ? WRITABLE : 0;
    const noExecute = protection === Protection.ReadExecute ? 0 : NO_EXECUTE;
    const rights = present ? PRESENT | USER | writable : 0;
    this.#mapLinear(address, FIRST_PAGE + page * PAGE_SIZE, rights, noExecute);
    this.cpu.invalidatePage(address);
  }

  #compareEnd(vector: Vector, excuse: Excuse | null, reason: ExitReason): string[] {
    const { cpu } = this;
    const hex = (value: number) => (value >>> 0).toString(16);
    const expected =
      vector.exception === COMPLETED ? 'completed' : `exception ${vector.exception}(${hex(vector.errorCode)})`;
    let actual = `exit ${reason}`;
    if (reason === ExitReason.Budget) actual = 'completed';
    else if (reason === ExitReason.Exception) {
      actual = `exception ${cpu.exceptionVector}(${hex(cpu.exceptionHasErrorCode ? cpu.exceptionErrorCode : 0)})`;
    }
    if (actual !== expected) return [`${expected}, not ${actual}`];
    const linear = cpu.exceptionLinear >>> 0;
    if (vector.exception !== 14 || linear === vector.faultAddress) return [];
    if (excuse?.faultAddress?.(linear) === true) return [];
    return [`CR2 = ${hex(vector.faultAddress)}, not ${hex(cpu.exceptionLinear)}`];
  }

  #compareState(vector: Vector, row: InstructionRow, excuse: Excuse | null, differences: string[]): string {
    const { after } = vector;
    const actual = this.#actual;
    let undefinedFlags = '';
    let flagMask = ~RESUME_AND_TRAP.resume;
    if (vector.mode === VectorMode.SingleStep) flagMask &= ~RESUME_AND_TRAP.trap;
    for (let slot = 0; slot < SLOTS.length; slot++) {
      const { name, offset, size } = SLOTS[slot];
      let equal = true;
      for (let at = offset; at < offset + size; at++) if (after[at] !== actual[at]) equal = false;
      if (equal) continue;
      if (slot === SLOT.EFLAGS) {
        let different = (readSlot(after, slot) ^ readSlot(actual, slot)) & flagMask;
        for (const letter of row.undefined ?? '') {
          if ((different & FLAG_BITS[letter]) === 0 || vector.exception !== COMPLETED) continue;
          undefinedFlags += letter;
          different &= ~FLAG_BITS[letter];
        }
        if (different === 0) continue;
      }
      const expected = after.subarray(offset, offset + size);
      const got = actual.subarray(offset, offset + size);
      if (excuse?.register?.(slot, expected, got) === true) continue;
      differences.push(`${name} = ${number(expected)}, not ${number(got)}`);
    }
    return undefinedFlags;
  }

  /** Compares all pages with what they should hold, and makes them what they were before the vector. */
  #compareMemory(vector: Vector, excuse: Excuse | null, differences: string[]): void {
    const { bytes } = this.cpu;
    const page = this.#expectedPage;
    for (let number = 0; number < PAGES.length; number++) {
      const { address } = PAGES[number];
      const before = this.#contents.subarray(number * PAGE_SIZE, (number + 1) * PAGE_SIZE);
      const actual = bytes.subarray(this.#hosts[number], this.#hosts[number] + PAGE_SIZE);
      const touched = (run: { address: number; bytes: Uint8Array }) =>
        run.address + run.bytes.length > address && run.address < address + PAGE_SIZE;
      if (
        !vector.patches.some(touched) &&
        !vector.changes.some(touched) &&
        Math.abs(vector.linear - address) > PAGE_SIZE
      ) {
        if (Buffer.compare(before, actual) === 0) continue;
      }
      page.set(before);
      for (const run of [...vector.patches, { address: vector.linear, bytes: vector.code }, ...vector.changes]) {
        for (let at = 0; at < run.bytes.length; at++) {
          const offset = (run.address + at - address) >>> 0;
          if (offset < PAGE_SIZE) page[offset] = run.bytes[at];
        }
      }
      if (Buffer.compare(page, actual) !== 0)
        differences.push(...this.#differentBytes(vector, address, page, actual, excuse));
      actual.set(before);
    }
  }

  #differentBytes(
    vector: Vector,
    address: number,
    expected: Uint8Array,
    actual: Uint8Array,
    excuse: Excuse | null,
  ): string[] {
    const lines: string[] = [];
    for (let at = 0; at < PAGE_SIZE; at++) {
      if (expected[at] === actual[at]) continue;
      const offset = vector.patches.length === 0 ? -1 : address + at - vector.patches[0].address;
      if (excuse?.memory?.(offset) === true) continue;
      lines.push(`[${(address + at).toString(16)}] = ${expected[at].toString(16)}, not ${actual[at].toString(16)}`);
    }
    return lines.length > 24 ? [...lines.slice(0, 24), `... ${lines.length} bytes`] : lines;
  }

  /** Writes to whatever pages there are, rights aside. */
  write(address: number, bytes: Uint8Array): void {
    for (let number = 0; number < PAGES.length; number++) {
      const first = address - PAGES[number].address;
      if (first <= -bytes.length || first >= PAGE_SIZE) continue;
      const host = this.#hosts[number];
      for (let at = Math.max(0, -first); at < bytes.length && first + at < PAGE_SIZE; at++) {
        this.cpu.bytes[host + first + at] = bytes[at];
      }
      if (PAGES[number].protection === Protection.ReadExecute) this.cpu.codeWritten(host, PAGE_SIZE);
    }
  }

  /** Loads a state as vectors have it. */
  setState(image: Uint8Array): void {
    const { cpu } = this;
    const { state } = cpu;
    for (let register = 0; register < 8; register++) state[EAX + register] = readSlot(image, SLOT.EAX + register);
    state[EIP] = readSlot(image, SLOT.EIP);
    cpu.setEflags(readSlot(image, SLOT.EFLAGS));
    for (let segment = 0; segment < 6; segment++) this.#loadSegment(segment, readSlot(image, SLOT.ES + segment));
    state[FPU_CONTROL] = readSlot(image, SLOT.FCW);
    state[FPU_STATUS] = readSlot(image, SLOT.FSW);
    state[FPU_TAG] = readSlot(image, SLOT.FTW);
    state[MXCSR] = readSlot(image, SLOT.MXCSR);
    for (let register = 0; register < 8; register++) {
      const from = SLOTS[SLOT.ST + register].offset;
      const to = this.#stackByte(register);
      for (let at = 0; at < 10; at++) cpu.bytes[to + at] = image[from + at];
    }
    cpu.bytes.set(image.subarray(SLOTS[SLOT.XMM].offset, STATE_SIZE), XMM_REGISTERS * 4);
    cpu.exceptionLinear = 0;
  }

  /** Stores the state as vectors have it. */
  state(image: Uint8Array): void {
    const { cpu } = this;
    const { state } = cpu;
    const view = new DataView(image.buffer);
    for (let register = 0; register < 8; register++) view.setInt32(register * 4, state[EAX + register], true);
    view.setInt32(SLOTS[SLOT.EIP].offset, state[EIP], true);
    view.setInt32(SLOTS[SLOT.EFLAGS].offset, cpu.getEflags(), true);
    for (let segment = 0; segment < 6; segment++) {
      view.setUint16(SLOTS[SLOT.ES + segment].offset, state[SEGMENT_SELECTOR + segment], true);
    }
    view.setUint16(SLOTS[SLOT.FCW].offset, state[FPU_CONTROL], true);
    view.setUint16(SLOTS[SLOT.FSW].offset, state[FPU_STATUS], true);
    view.setUint16(SLOTS[SLOT.FTW].offset, state[FPU_TAG], true);
    view.setUint32(SLOTS[SLOT.MXCSR].offset, state[MXCSR], true);
    for (let register = 0; register < 8; register++) {
      const from = this.#stackByte(register);
      image.set(cpu.bytes.subarray(from, from + 10), SLOTS[SLOT.ST + register].offset);
    }
    image.set(cpu.bytes.subarray(XMM_REGISTERS * 4, XMM_REGISTERS * 4 + 128), SLOTS[SLOT.XMM].offset);
  }

  /** Byte offset of ST(i). */
  #stackByte(i: number): number {
    return (FPU_REGISTERS + ((((this.cpu.state[FPU_STATUS] >> 11) + i) & 7) << 2)) * 4;
  }

  #loadSegment(segment: number, selector: number): void {
    const { cpu } = this;
    if ((selector & 0xfffc) === 0) {
      cpu.setSegment(segment, selector, 0, 0, 0);
      return;
    }
    const at = DESCRIPTORS + ((selector & 4) === 0 ? 0 : 0x400) + (selector & 0xfff8);
    setSegmentFromDescriptor(cpu, segment, selector, cpu.memory.read32(at), cpu.memory.read32(at + 4));
    cpu.attention = true;
  }
}

/** A register's bytes as one hexadecimal number. */
function number(bytes: Uint8Array): string {
  return [...bytes]
    .reverse()
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
