import { CR0, CR2, CR3, CR4, EFER } from '../../cpu/index.js';
import type { RegisterName, Session } from '../debugger/index.js';

/** One register as gdb knows it; its number is its place in the table. */
export interface GdbRegister {
  readonly name: string;
  readonly bytes: number;
  /** Type in target.xml. */
  readonly type: string;
  readonly group: string | null;
  read(session: Session): Uint8Array;
  /** Null: cannot be written. */
  readonly write: ((session: Session, value: Uint8Array) => void) | null;
}

/** A feature of target.xml with its registers. */
export interface RegisterFeature {
  readonly name: string;
  readonly registers: readonly GdbRegister[];
}

function littleEndian(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
  return bytes.subarray(0, size);
}

const word = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);

const TYPES: Readonly<Partial<Record<RegisterName, string>>> = {
  eip: 'code_ptr',
  esp: 'data_ptr',
  ebp: 'data_ptr',
  efl: 'i386_eflags',
};

const general = (register: RegisterName, name: string = register): GdbRegister => ({
  name,
  bytes: 4,
  type: TYPES[register] ?? 'int32',
  group: null,
  read: (session) => littleEndian(session.registers.get(register), 4),
  write: (session, value) => session.registers.set(register, word(value)),
});

const selector = (register: RegisterName): GdbRegister => ({
  ...general(register),
  // User mode's selectors never differ from what the kernel gave it; gdb writes them all back around a call.
  write: () => undefined,
});

/** Bytes of the FXSAVE image, widened with zeros. */
const fromImage = (name: string, bytes: number, type: string, offset: number, size: number): GdbRegister => ({
  name,
  bytes,
  type,
  group: type === 'int' ? 'float' : null,
  read(session) {
    const value = new Uint8Array(bytes);
    value.set(session.registers.floatingBytes(offset, size));
    return value;
  },
  write: (session, value) => session.registers.setFloatingBytes(offset, value.subarray(0, size)),
});

const FXSAVE = {
  control: 0,
  status: 2,
  tags: 4,
  opcode: 6,
  instruction: 8,
  code: 12,
  operand: 16,
  data: 20,
  mxcsr: 24,
};
const FXSAVE_STACK = 32;
const FXSAVE_XMM = 160;
const Tag = { Valid: 0, Zero: 1, Special: 2, Empty: 3 } as const;
const INTEGER_BIT = 0x80;

/** The two tag bits of a register that is not empty, from its ten bytes (SDM vol 1 8.1.7). */
function tagOf(value: Uint8Array): number {
  const exponent = (value[8] | (value[9] << 8)) & 0x7fff;
  if (exponent === 0x7fff) return Tag.Special;
  if (exponent === 0) return value.subarray(0, 8).every((byte) => byte === 0) ? Tag.Zero : Tag.Special;
  return (value[7] & INTEGER_BIT) === 0 ? Tag.Special : Tag.Valid;
}

/** gdb has the tag word with two bits a register; FXSAVE keeps whether each is empty. */
const tagWord: GdbRegister = {
  name: 'ftag',
  bytes: 4,
  type: 'int',
  group: 'float',
  read({ registers }) {
    const present = registers.floatingBytes(FXSAVE.tags, 1)[0];
    const top = (registers.floatingBytes(FXSAVE.status, 2)[1] >>> 3) & 7;
    let tags = 0;
    for (let index = 0; index < 8; index++) {
      const isPresent = ((present >>> index) & 1) !== 0;
      const place = FXSAVE_STACK + ((index - top) & 7) * 16;
      tags |= (isPresent ? tagOf(registers.floatingBytes(place, 10)) : Tag.Empty) << (index * 2);
    }
    return littleEndian(tags, 4);
  },
  write(session, value) {
    const tags = word(value);
    let present = 0;
    for (let index = 0; index < 8; index++) {
      if (((tags >>> (index * 2)) & 3) !== Tag.Empty) present |= 1 << index;
    }
    session.registers.setFloatingBytes(FXSAVE.tags, Uint8Array.of(present));
  },
};

const processorWord = (name: string, index: number): GdbRegister => ({
  name,
  bytes: 4,
  type: 'int32',
  group: 'system',
  read: (session) => littleEndian(session.machine.kernel.cpu.state[index], 4),
  write: null,
});

const teb: GdbRegister = {
  name: 'fs_base',
  bytes: 4,
  type: 'data_ptr',
  group: 'system',
  read: (session) => littleEndian(session.thread?.teb ?? 0, 4),
  write: null,
};

/** The registers in the order of gdb's numbers, by feature. The first two features are those that gdb requires of an i386. */
export const registerFeatures: readonly RegisterFeature[] = [
  {
    name: 'org.gnu.gdb.i386.core',
    registers: [
      ...(['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'eip'] as const).map((name) => general(name)),
      general('efl', 'eflags'),
      ...(['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const).map(selector),
      ...Array.from({ length: 8 }, (_, index) =>
        fromImage(`st${index}`, 10, 'i387_ext', FXSAVE_STACK + index * 16, 10),
      ),
      fromImage('fctrl', 4, 'int', FXSAVE.control, 2),
      fromImage('fstat', 4, 'int', FXSAVE.status, 2),
      tagWord,
      fromImage('fiseg', 4, 'int', FXSAVE.code, 2),
      fromImage('fioff', 4, 'int', FXSAVE.instruction, 4),
      fromImage('foseg', 4, 'int', FXSAVE.data, 2),
      fromImage('fooff', 4, 'int', FXSAVE.operand, 4),
      fromImage('fop', 4, 'int', FXSAVE.opcode, 2),
    ],
  },
  {
    name: 'org.gnu.gdb.i386.sse',
    registers: [
      ...Array.from({ length: 8 }, (_, index) => fromImage(`xmm${index}`, 16, 'vec128', FXSAVE_XMM + index * 16, 16)),
      fromImage('mxcsr', 4, 'i386_mxcsr', FXSAVE.mxcsr, 4),
    ],
  },
  {
    name: 'org.nt86.system',
    registers: [
      teb,
      processorWord('cr0', CR0),
      processorWord('cr2', CR2),
      processorWord('cr3', CR3),
      processorWord('cr4', CR4),
      processorWord('efer', EFER),
    ],
  },
];

/** All registers by their numbers. */
export const gdbRegisters: readonly GdbRegister[] = registerFeatures.flatMap(({ registers }) => registers);

/** False while nothing has user-mode registers. */
export const hasRegisters = (session: Session): boolean =>
  session.execution.ended === null && session.thread !== null && session.thread.trapFrame !== null;
