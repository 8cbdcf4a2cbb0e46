/** Selectors of the GDT (nt52 11.6). */
export const Selector = {
  KernelCode: 0x08,
  KernelData: 0x10,
  UserCode: 0x1b,
  UserData: 0x23,
  Tss: 0x28,
  Pcr: 0x30,
  UserTeb: 0x3b,
  Ldt: 0x48,
  DoubleFaultTss: 0x50,
  NmiTss: 0x58,
} as const;

/** Descriptor bits 8-23 of the second dword in bits 0-15, limit bits left out: the processor's access word. */
export const Access = { UserCode: 0xc0fb, UserData: 0xc0f3, UserTeb: 0x40f3, Tss: 0x008b } as const;
export const FLAT_LIMIT = 0xffffffff | 0;
export const TEB_LIMIT = 0xfff;

export const GDT_SIZE = 0x400;
export const IDT_SIZE = 0x800;
export const TSS_SIZE = 0x68;
const IDT_ENTRIES = 256;

/** Offset of Esp0 and Ss0 in a TSS. */
export const TSS_ESP0 = 4;

/** One segment or system descriptor as its two dwords. */
export interface Descriptor {
  readonly low: number;
  readonly high: number;
}

/** @param limit 20 bits in the descriptor's own units. @param type bits 8-15 and 20-23 of the second dword. */
export function descriptor(base: number, limit: number, type: number): Descriptor {
  return {
    low: (limit & 0xffff) | (base << 16),
    high: (base & 0xff000000) | ((base >>> 16) & 0xff) | (limit & 0xf0000) | type,
  };
}

const FLAT = 0x00c00000;
const KERNEL_CODE = FLAT | 0x9b00;
const KERNEL_DATA = FLAT | 0x9300;
const USER_CODE = FLAT | 0xfb00;
const USER_DATA = FLAT | 0xf300;
const BYTE_DATA_KERNEL = 0x00c09300;
const BYTE_DATA_USER = 0x0040f300;
const TSS_BUSY = 0x8b00;
const TSS_AVAILABLE = 0x8900;

/** The descriptor of FS in user mode for a TEB. */
export function tebDescriptor(teb: number): Descriptor {
  return descriptor(teb, TEB_LIMIT, BYTE_DATA_USER);
}

/** Everything a boot loader leaves in the GDT, by selector. */
export function gdtEntries(pcr: number, tss: number): readonly (readonly [selector: number, entry: Descriptor])[] {
  return [
    [Selector.KernelCode, descriptor(0, 0xfffff, KERNEL_CODE)],
    [Selector.KernelData, descriptor(0, 0xfffff, KERNEL_DATA)],
    [Selector.UserCode & ~3, descriptor(0, 0xfffff, USER_CODE)],
    [Selector.UserData & ~3, descriptor(0, 0xfffff, USER_DATA)],
    [Selector.Tss, descriptor(tss, TSS_SIZE - 1, TSS_BUSY)],
    [Selector.Pcr, descriptor(pcr, 1, BYTE_DATA_KERNEL)],
    [Selector.UserTeb & ~3, tebDescriptor(0)],
    [Selector.DoubleFaultTss, descriptor(tss, TSS_SIZE - 1, TSS_AVAILABLE)],
    [Selector.NmiTss, descriptor(tss, TSS_SIZE - 1, TSS_AVAILABLE)],
  ];
}

/** Privilege level needed to use an IDT vector by INT n: NT opens breakpoint, overflow and its own services to user mode. */
export function vectorIsOpenToUsers(vector: number): boolean {
  return vector === 3 || vector === 4 || (vector >= 0x2a && vector <= 0x2e);
}

/**
 * The IDT as bytes for whoever looks: interrupt gates into the kernel code segment whose offsets are the vector's own entry
 * in a table that does not exist as code, for the kernel is not guest code.
 */
export function idtBytes(entryBase: number): Uint8Array {
  const bytes = new Uint8Array(IDT_SIZE);
  const view = new DataView(bytes.buffer);
  for (let vector = 0; vector < IDT_ENTRIES; vector++) {
    const offset = entryBase + vector * 8;
    view.setUint32(vector * 8, ((Selector.KernelCode << 16) | (offset & 0xffff)) >>> 0, true);
    const type = vectorIsOpenToUsers(vector) ? 0xee00 : 0x8e00;
    view.setUint32(vector * 8 + 4, ((offset & 0xffff0000) | type) >>> 0, true);
  }
  return bytes;
}
