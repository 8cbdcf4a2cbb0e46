import { Cpu, type ExitReason } from '../../cpu/cpu.js';
import { CPL, EIP, FPU_REGISTERS, FPU_STATUS, FPU_TAG, MXCSR, XMM_REGISTERS } from '../../cpu/layout.js';
import { PhysicalMemory } from '../../cpu/physical-memory.js';
import { initialiseX87 } from '../../cpu/x87-control.js';
import { cpuOptions } from './cpu-options.js';

/** Where the code of a test and its memory operand lie. */
export const CODE = 0x1000;
export const OPERAND = 0x2000;

/** A processor in flat 32-bit protected mode at CPL 3 with x87 and SSE switched on and paging off. */
export class FloatMachine {
  readonly memory = new PhysicalMemory(0x10000);
  readonly cpu = new Cpu(this.memory, { pageFault: () => false }, cpuOptions);

  constructor() {
    for (let segment = 0; segment < 6; segment++)
      this.cpu.setSegment(segment, 0x23, 0, -1, segment === 1 ? 0xc0fb : 0xc0f3);
    this.reset();
  }

  /** FNINIT state, MXCSR at its default, registers zero. */
  reset(): void {
    const state = this.cpu.state;
    this.cpu.setCr0(0x21);
    this.cpu.setCr4(0x600);
    state.fill(0, 0, 8);
    state.fill(0, FPU_REGISTERS, FPU_REGISTERS + 32);
    state.fill(0, XMM_REGISTERS, XMM_REGISTERS + 32);
    state[CPL] = 3;
    state[MXCSR] = 0x1f80;
    initialiseX87(state);
    this.cpu.setEflags(2);
  }

  /** Executes the instructions in this hexadecimal string, one by one, up to `count`. */
  run(code: string, count = 1): ExitReason {
    const bytes = fromHex(code);
    bytes.forEach((byte, at) => {
      this.memory.write8(CODE + at, byte);
    });
    this.cpu.blocks.clear();
    this.cpu.state[EIP] = CODE;
    return this.cpu.run(count);
  }

  write(address: number, hex: string): void {
    fromHex(hex).forEach((byte, at) => {
      this.memory.write8(address + at, byte);
    });
  }

  read(address: number, size: number): string {
    return toHex(Array.from({ length: size }, (_, at) => this.memory.read8(address + at)));
  }

  writeDouble(address: number, value: number): void {
    this.write(address, toHex([...new Uint8Array(new Float64Array([value]).buffer)]));
  }

  readDouble(address: number): number {
    return new DataView(new Uint8Array(fromHex(this.read(address, 8))).buffer).getFloat64(0, true);
  }

  /** Word index of ST(i). */
  stackWord(i: number): number {
    return FPU_REGISTERS + ((((this.cpu.state[FPU_STATUS] >> 11) + i) & 7) << 2);
  }

  /** Bytes of state from a word index on. */
  stateBytes(word: number, size: number): string {
    return toHex([...this.cpu.bytes.subarray(word * 4, word * 4 + size)]);
  }

  setStateBytes(word: number, hex: string): void {
    this.cpu.bytes.set(fromHex(hex), word * 4);
  }

  /** ST(i) = these ten bytes, tagged filled. */
  setStack(i: number, hex: string): void {
    this.setStateBytes(this.stackWord(i), hex);
    this.cpu.state[FPU_TAG] |= 1 << (((this.cpu.state[FPU_STATUS] >> 11) + i) & 7);
  }
}

export function fromHex(hex: string): number[] {
  return (hex.replaceAll(' ', '').match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
}

export function toHex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

const shared = new FloatMachine();

/** One machine for all tests of a file, in the state of FloatMachine.reset(). */
export function freshMachine(): FloatMachine {
  shared.reset();
  return shared;
}
