/** What a bare machine can start: ROM images and flat binaries. Multiboot programs are multiboot.ts. */
import {
  CR0_PE,
  CS,
  DS,
  EIP,
  ES,
  ESP,
  FPU_CONTROL,
  FPU_STATUS,
  FPU_TAG,
  FS,
  GS,
  PAGE_SIZE,
  SS,
} from '../../cpu/index.js';
import type { BareMachine } from './bare-machine.js';

/** The image cannot be started, and why. */
export class BootImageError extends Error {}

const MAXIMUM_ROM = 16 << 20;
const LOW_END = 0x10_0000;
/** How much of the end of a ROM shows below 1 MB. */
const LOW_WINDOW = 256 << 10;
const FOUR_GIGABYTES = 0x1_0000_0000;
const PAGE_COUNT = FOUR_GIGABYTES / PAGE_SIZE;

/** Flat 4 GB segments of ring 0, as access words of the segment caches. */
const FLAT_CODE = 0xc09b;
const FLAT_DATA = 0xc093;
const REAL_SEGMENT = 0x93;
export const FLAT_CODE_SELECTOR = 0x08;
export const FLAT_DATA_SELECTOR = 0x10;

/** Copies bytes to physical memory. @throws BootImageError when they do not lie in RAM. */
export function writePhysical(machine: BareMachine, address: number, contents: Uint8Array): void {
  requireRam(machine, address, contents.length);
  const { memory } = machine;
  for (let done = 0; done < contents.length; ) {
    const at = address + done;
    const inPage = at % PAGE_SIZE;
    const length = Math.min(PAGE_SIZE - inPage, contents.length - done);
    memory.bytes.set(contents.subarray(done, done + length), memory.hostPage(Math.floor(at / PAGE_SIZE)) + inPage);
    done += length;
  }
}

/** @throws BootImageError */
export function requireRam(machine: BareMachine, address: number, size: number): void {
  const available = machine.memory.frameCount * PAGE_SIZE;
  if (address + size <= available) return;
  throw new BootImageError(
    `needs memory from ${hexadecimal(address)} to ${hexadecimal(address + size)}, but RAM ends at ${hexadecimal(available)}; give it more with --maxmem`,
  );
}

export function hexadecimal(value: number): string {
  return `0x${value.toString(16).toUpperCase()}`;
}

/**
 * Maps a ROM. Without an address it ends at 4 GB, with its last 256 KB showing below 1 MB too: the processor starts at its
 * reset vector, 16 bytes below its end. With an address it lies there, and below 4 GB too if it ends at 1 MB.
 * @throws BootImageError
 */
export function mapRom(machine: BareMachine, rom: Uint8Array, address: number | null): void {
  if (rom.length === 0 || rom.length % PAGE_SIZE !== 0 || rom.length > MAXIMUM_ROM) {
    throw new BootImageError(`a ROM of ${rom.length} bytes; its size must be a multiple of 4096, at most 16 MB`);
  }
  const pages = rom.length / PAGE_SIZE;
  if (address !== null && (address % PAGE_SIZE !== 0 || address + rom.length > FOUR_GIGABYTES)) {
    throw new BootImageError(
      `a ROM cannot lie at ${hexadecimal(address)}: a multiple of 4096 that leaves it below 4 GB`,
    );
  }
  const highPages = address === null || address + rom.length === LOW_END ? PAGE_COUNT - pages : -1;
  const lowPages = address === null ? LOW_END / PAGE_SIZE - pages : address / PAGE_SIZE;
  const firstLow = address === null ? (LOW_END - Math.min(LOW_WINDOW, rom.length)) / PAGE_SIZE : 0;
  for (let page = 0; page < pages; page++) {
    const frames: number[] = [];
    if (highPages >= 0) frames.push(highPages + page);
    if (lowPages + page >= firstLow) frames.push(lowPages + page);
    machine.memory.mapRom(frames, rom.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE));
  }
}

/** FNINIT, which firmware executes before it starts a program: at power-up every x87 exception is unmasked and no register empty. */
function initialiseX87(machine: BareMachine): void {
  const { state } = machine.cpu;
  state[FPU_CONTROL] = 0x37f;
  state[FPU_STATUS] = 0;
  state[FPU_TAG] = 0;
}

/** 32-bit protected mode without paging, flat segments, interrupts off. */
export function enterFlatProtectedMode(machine: BareMachine, entry: number): void {
  const { cpu } = machine;
  initialiseX87(machine);
  cpu.setCr0(CR0_PE);
  cpu.setSegment(CS, FLAT_CODE_SELECTOR, 0, -1, FLAT_CODE);
  for (const segment of [SS, DS, ES, FS, GS]) cpu.setSegment(segment, FLAT_DATA_SELECTOR, 0, -1, FLAT_DATA);
  cpu.setEflags(2);
  cpu.state[EIP] = entry;
}

/**
 * Loads a flat binary and lets the processor start at its first byte, in real mode below 1 MB or in flat 32-bit protected mode
 * without paging and without a GDT. The stack grows down from the image; data segments are 0 in real mode.
 * @throws BootImageError
 */
export function loadFlat(machine: BareMachine, image: Uint8Array, address: number, mode: 'real' | 'protected'): void {
  if (image.length === 0) throw new BootImageError('is empty');
  if (mode === 'real' && address + image.length > LOW_END) {
    throw new BootImageError(`does not fit below 1 MB at ${hexadecimal(address)}, as real mode needs`);
  }
  writePhysical(machine, address, image);
  const { cpu } = machine;
  if (mode === 'protected') {
    enterFlatProtectedMode(machine, address);
    cpu.state[ESP] = address & ~15;
    return;
  }
  initialiseX87(machine);
  const base = address & 0xf_0000;
  cpu.setSegment(CS, base >>> 4, base, 0xffff, REAL_SEGMENT);
  cpu.setSegment(SS, base >>> 4, base, 0xffff, REAL_SEGMENT);
  cpu.state[EIP] = address - base;
  cpu.state[ESP] = (address - base) & ~1;
}
