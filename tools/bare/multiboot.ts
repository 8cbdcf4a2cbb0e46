/** Programs by the Multiboot Specification, version 0.6.96: i386 ELF, or flat with the addresses in the header. */
import { EAX, EBX, ESP, GDTR_BASE, GDTR_LIMIT, PAGE_SIZE } from '../../cpu/index.js';
import type { BareMachine } from './bare-machine.js';
import { BootImageError, enterFlatProtectedMode, hexadecimal, requireRam, writePhysical } from './boot-image.js';

const HEADER_MAGIC = 0x1bad_b002;
const LOADER_MAGIC = 0x2bad_b002;
const HEADER_SEARCHED = 8192;
/** Header flags: modules on page boundaries, memory map, video mode, load addresses in the header. */
const FLAG_PAGE_ALIGN = 0x0001;
const FLAG_MEMORY = 0x0002;
const FLAG_VIDEO = 0x0004;
const FLAG_ADDRESSES = 0x1_0000;
/** Bits of which a loader must understand every one that is set. */
const REQUIRED_FLAGS = 0xffff;

const INFO_MEMORY = 0x001;
const INFO_COMMAND_LINE = 0x004;
const INFO_MODULES = 0x008;
const INFO_MEMORY_MAP = 0x040;
const INFO_LOADER_NAME = 0x200;
/** Places in the page of the information structure. */
const INFO_MAP = 0x100;
const INFO_STRINGS = 0x200;
const INFO_TABLE = 0x300;
const INFO_CANDIDATES = [0x9000, 0x8000, 0x7000, 0x6000, 0x5000, 0x4000, 0x3000, 0x2000, 0x1000] as const;

const ELF_MAGIC = 0x464c_457f;
const ELF_HEADER_SIZE = 52;
const PROGRAM_HEADER_SIZE = 32;
const MACHINE_I386 = 3;
const TYPE_EXECUTABLE = 2;
const SEGMENT_LOAD = 1;
const LOW_MEMORY_END = 0xa_0000;
const HIGH_MEMORY = 0x10_0000;

/** A piece of memory that the program occupies: bytes from the file, then zeros. */
interface Piece {
  readonly address: number;
  readonly contents: Uint8Array;
  readonly size: number;
}

interface Program {
  readonly pieces: readonly Piece[];
  readonly entry: number;
}

function viewOf(file: Uint8Array): DataView {
  return new DataView(file.buffer, file.byteOffset, file.byteLength);
}

/** Offset of the multiboot header. @throws BootImageError when there is none, or it asks for what is not provided. */
function findHeader(view: DataView): number {
  const end = Math.min(HEADER_SEARCHED, view.byteLength) - 12;
  for (let offset = 0; offset <= end; offset += 4) {
    if (view.getUint32(offset, true) !== HEADER_MAGIC) continue;
    const flags = view.getUint32(offset + 4, true);
    if (((HEADER_MAGIC + flags + view.getUint32(offset + 8, true)) | 0) !== 0) continue;
    const unknown = flags & REQUIRED_FLAGS & ~(FLAG_PAGE_ALIGN | FLAG_MEMORY | FLAG_VIDEO);
    if (unknown !== 0) throw new BootImageError(`its multiboot header requires features ${hexadecimal(unknown)}`);
    return offset;
  }
  throw new BootImageError('is not multiboot: no valid header in its first 8 KB');
}

/** The loadable segments of an i386 ELF executable at their physical addresses. @throws BootImageError */
function readElf(file: Uint8Array): Program {
  const view = viewOf(file);
  if (file.length < ELF_HEADER_SIZE) throw new BootImageError('is a truncated ELF file');
  const machine = view.getUint16(18, true);
  const is32Bit = file[4] === 1 && file[5] === 1;
  if (!is32Bit || machine !== MACHINE_I386) {
    throw new BootImageError(`is not an i386 ELF program (class ${file[4] === 2 ? '64' : '32'}, machine ${machine})`);
  }
  if (view.getUint16(16, true) !== TYPE_EXECUTABLE) throw new BootImageError('is an ELF file but no executable');
  const table = view.getUint32(28, true);
  const count = view.getUint16(44, true);
  if (view.getUint16(42, true) !== PROGRAM_HEADER_SIZE || table + count * PROGRAM_HEADER_SIZE > file.length) {
    throw new BootImageError('is a truncated ELF file');
  }
  const pieces: Piece[] = [];
  let entry = view.getUint32(24, true);
  for (let index = 0; index < count; index++) {
    const at = table + index * PROGRAM_HEADER_SIZE;
    const field = (number: number) => view.getUint32(at + number * 4, true);
    if (field(0) !== SEGMENT_LOAD || field(5) === 0) continue;
    const [offset, virtualAddress, address, fileSize, size] = [field(1), field(2), field(3), field(4), field(5)];
    if (offset + fileSize > file.length || fileSize > size) throw new BootImageError('is a truncated ELF file');
    pieces.push({ address, contents: file.subarray(offset, offset + fileSize), size });
    const original = view.getUint32(24, true);
    if (original >= virtualAddress && original < virtualAddress + size) entry = original - virtualAddress + address;
  }
  if (pieces.length === 0) throw new BootImageError('is an ELF file with nothing to load');
  return { pieces, entry };
}

/** A flat program whose header says where it goes. @throws BootImageError */
function readFlatProgram(file: Uint8Array, header: number): Program {
  const view = viewOf(file);
  if ((view.getUint32(header + 4, true) & FLAG_ADDRESSES) === 0 || header + 32 > file.length) {
    throw new BootImageError('is neither ELF nor has its multiboot header load addresses');
  }
  const field = (index: number) => view.getUint32(header + 12 + index * 4, true);
  const [headerAddress, load, loadEnd, bssEnd, entry] = [field(0), field(1), field(2), field(3), field(4)];
  const start = header - (headerAddress - load);
  const length = loadEnd === 0 ? file.length - start : loadEnd - load;
  if (start < 0 || length < 0 || start + length > file.length) {
    throw new BootImageError('has a multiboot header whose load addresses do not fit the file');
  }
  const size = Math.max(length, bssEnd === 0 ? 0 : bssEnd - load);
  return { pieces: [{ address: load, contents: file.subarray(start, start + length), size }], entry };
}

/**
 * Loads a multiboot program and makes the processor state that the specification promises it.
 * @throws BootImageError
 */
export function loadMultiboot(machine: BareMachine, file: Uint8Array, commandLine: string): void {
  const view = viewOf(file);
  const isElf = file.length >= 4 && view.getUint32(0, true) === ELF_MAGIC;
  const elf = isElf ? readElf(file) : null;
  const header = findHeader(view);
  const program = elf ?? readFlatProgram(file, header);
  for (const { address, contents, size } of program.pieces) {
    requireRam(machine, address, size);
    writePhysical(machine, address, contents);
  }
  const { cpu } = machine;
  const information = writeInformation(machine, program.pieces, commandLine);
  enterFlatProtectedMode(machine, program.entry);
  cpu.state[EAX] = LOADER_MAGIC;
  cpu.state[EBX] = information;
  cpu.state[ESP] = information + PAGE_SIZE;
  cpu.state[GDTR_BASE] = information + INFO_TABLE;
  cpu.state[GDTR_LIMIT] = 0x17;
}

/** The information structure with memory map, strings and a GDT, in a low page that the program does not occupy. */
function writeInformation(machine: BareMachine, pieces: readonly Piece[], commandLine: string): number {
  const page = INFO_CANDIDATES.find((candidate) =>
    pieces.every(({ address, size }) => address >= candidate + PAGE_SIZE || address + size <= candidate),
  );
  if (page === undefined) throw new BootImageError('leaves no page below 40 KB for the multiboot information');
  const contents = new Uint8Array(PAGE_SIZE);
  const view = viewOf(contents);
  const put = (offset: number, value: number) => view.setUint32(offset, value, true);
  const size = machine.memory.frameCount * PAGE_SIZE;
  put(0, INFO_MEMORY | INFO_COMMAND_LINE | INFO_MODULES | INFO_MEMORY_MAP | INFO_LOADER_NAME);
  put(4, Math.min(size, LOW_MEMORY_END) >>> 10);
  put(8, Math.max(0, size - HIGH_MEMORY) / 1024);
  const text = (offset: number, value: string) => {
    contents.set(new TextEncoder().encode(value).subarray(0, INFO_TABLE - offset - 1), offset);
    return page + offset;
  };
  put(64, text(INFO_STRINGS, 'nt86'));
  put(16, text(INFO_STRINGS + 8, commandLine));
  const ranges = [
    [0, Math.min(size, LOW_MEMORY_END)],
    [HIGH_MEMORY, size - HIGH_MEMORY],
  ].filter(([, length]) => length > 0);
  ranges.forEach(([address, length], index) => {
    const at = INFO_MAP + index * 24;
    put(at, 20);
    put(at + 4, address);
    put(at + 12, length % 0x1_0000_0000);
    put(at + 16, Math.floor(length / 0x1_0000_0000));
    put(at + 20, 1);
  });
  put(44, ranges.length * 24);
  put(48, page + INFO_MAP);
  const flat = [0, 0, 0x0000_ffff, 0x00cf_9b00, 0x0000_ffff, 0x00cf_9300];
  flat.forEach((value, index) => {
    put(INFO_TABLE + index * 4, value);
  });
  writePhysical(machine, page, contents);
  return page;
}
