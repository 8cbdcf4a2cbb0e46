/**
 * Where everything lies in the machine's one linear memory. Word constants are indices into an Int32Array over
 * the memory; names ending in OFFSET are byte offsets.
 *
 *   0x0000_0000  processor state (registers, segment caches, control registers, x87, SSE)      one page
 *   0x0000_1000  scratch: operands of 8 to 512 bytes on their way between memory and handlers   one page
 *   0x0000_2000  the void page: what accesses to frames that are not RAM are given (see tlb.ts)  one page
 *   0x0000_3000  software TLB: six tables of 2^20 entries (see tlb.ts), the entry details, the list of filled pages, a table
 *                without entries
 *   FRAME_MAP    guest page frame number -> byte offset of its host frame, 0 = untouched; odd: in the frame store
 *                behind the linear memory (frame-store.ts), slot * 2 + 1
 *   frames       host frames in order of first touch, page aligned
 */
export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;
export const PAGE_MASK = 0xfff;

/** General registers in their encoding order, then an always-zero register and temporaries of the micro-operations. */
export const EAX = 0;
export const ECX = 1;
export const EDX = 2;
export const EBX = 3;
export const ESP = 4;
export const EBP = 5;
export const ESI = 6;
export const EDI = 7;
export const ZERO = 8;
export const TEMP0 = 9;
export const TEMP1 = 10;
export const TEMP2 = 11;

export const EIP = 16;
/** Lazy arithmetic flags: the last result (sign-extended) and the auxiliary word (see flags.ts). */
export const FLAG_RESULT = 17;
export const FLAG_AUXILIARY = 18;
/** EFLAGS without CF PF AF ZF SF OF; bit 1 is always set. */
export const EFLAGS_SYSTEM = 19;
export const CPL = 20;

/** Segment registers in encoding order: ES CS SS DS FS GS, then LDTR and TR. */
export const SEGMENT_SELECTOR = 32;
export const SEGMENT_BASE = 40;
/** Highest valid offset of the segment (byte granular, G applied); expand-down is a matter of the access word. */
export const SEGMENT_LIMIT = 48;
/** Descriptor bits 8-23 of the second dword moved to bits 0-15: type, S, DPL, P, AVL, D/B, G. 0 = unusable. */
export const SEGMENT_ACCESS = 56;

export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;
export const LDTR = 6;
export const TR = 7;

export const CR0 = 64;
export const CR2 = 66;
export const CR3 = 67;
export const CR4 = 68;
export const EFER = 69;
export const DR0 = 72;
export const DR6 = 78;
export const DR7 = 79;
export const GDTR_BASE = 80;
export const GDTR_LIMIT = 81;
export const IDTR_BASE = 82;
export const IDTR_LIMIT = 83;
export const SYSENTER_CS = 84;
export const SYSENTER_ESP = 85;
export const SYSENTER_EIP = 86;
/** The four page-directory-pointer entries that a PAE load of CR3 caches: low and high dwords. */
export const PDPTE = 88;

/** x87: control, status (TOP included), 8-bit full tag word (1 = not empty), last instruction and operand pointers. */
export const FPU_CONTROL = 96;
export const FPU_STATUS = 97;
export const FPU_TAG = 98;
export const FPU_INSTRUCTION_OFFSET = 99;
export const FPU_INSTRUCTION_SELECTOR = 100;
export const FPU_DATA_OFFSET = 101;
export const FPU_DATA_SELECTOR = 102;
export const FPU_OPCODE = 103;
export const MXCSR = 104;
/** 1 while the FERR# output is active: see x87.ts. */
export const NUMERIC_ERROR = 105;
/** Physical x87 registers R0-R7, 16 bytes each: significand low, significand high, sign and exponent; also MM0-MM7. */
export const FPU_REGISTERS = 128;
/** XMM0-XMM7, 16 bytes each. */
export const XMM_REGISTERS = 160;

/** One bit for each 4 MB of linear addresses that has TLB entries of large pages: 32 words. */
export const TLB_LARGE_REGIONS = 224;
/** Number of dwords in use at TLB_FILLED_OFFSET. */
export const TLB_FILLED_COUNT = 256;
/** Model-specific registers without a better place: page attribute table and APIC base, low and high dwords each. */
export const PAT = 258;
export const APIC_BASE = 260;
/** instructionCount up to which interrupts stay inhibited after STI, MOV SS and POP SS: see interrupts.ts. */
export const INTERRUPT_SHADOW = 262;
/** The same for debug exceptions, after MOV SS and POP SS. */
export const DEBUG_SHADOW = 263;
/** 1 from the delivery of an NMI up to the next IRET. */
export const NMI_BLOCKED = 264;
/** How a region was left: the budget behind the block, and the block that goes on in the interpreter, 0 = at its head. */
export const REGION_BUDGET = 266;
export const REGION_BLOCK = 267;
/** How often regions were left in front of an instruction, and the number of the one that was last. */
export const REGION_EXITS = 268;
export const REGION_LEFT = 269;

/** Words from here on say where frames are, and outlive a reset of the processor. */
export const FRAME_PLACEMENT = 512;
/** Host frames without contents, chained by their first words: byte offset of the first, 0 = none; and how many. */
export const FREE_HOST_FRAME = 512;
export const FREE_HOST_FRAMES = 513;
/** Slots of the frame store: the first free one + 1, how many are free, and how many were ever used (frame-store.ts). */
export const STORE_FREE = 514;
export const STORE_FREE_COUNT = 515;
export const STORE_END = 516;
/** Number of the host frame that eviction looks at next, and whether it waits for the end of the instruction. */
export const EVICTION_HAND = 517;
export const EVICTION_WAITS = 518;
/** Host offsets that were asked for last, in a ring, and how many were. */
export const RECENT_COUNT = 519;
export const RECENT_FRAMES = 576;
export const RECENT_HOSTS = 64;

export const STATE_WORDS = 1024;
export const SCRATCH_OFFSET = 0x1000;
export const SCRATCH_SIZE = 0x1000;
export const VOID_PAGE_OFFSET = 0x2000;

const TLB_TABLE_BYTES = 4 << 20;
/** Each entry is the byte offset of the host page, 0 = no entry. Supervisor tables serve CPL 0-2 and system accesses. */
export const TLB_USER_READ_OFFSET = 0x3000;
export const TLB_USER_WRITE_OFFSET = TLB_USER_READ_OFFSET + TLB_TABLE_BYTES;
export const TLB_USER_EXECUTE_OFFSET = TLB_USER_WRITE_OFFSET + TLB_TABLE_BYTES;
export const TLB_SUPERVISOR_READ_OFFSET = TLB_USER_EXECUTE_OFFSET + TLB_TABLE_BYTES;
export const TLB_SUPERVISOR_WRITE_OFFSET = TLB_SUPERVISOR_READ_OFFSET + TLB_TABLE_BYTES;
export const TLB_SUPERVISOR_EXECUTE_OFFSET = TLB_SUPERVISOR_WRITE_OFFSET + TLB_TABLE_BYTES;
/** One dword an entry: page frame number << 8 | attribute bits; bit 0 clear = not cached (see tlb.ts). */
export const TLB_DETAILS_OFFSET = TLB_SUPERVISOR_EXECUTE_OFFSET + TLB_TABLE_BYTES;
/** Page numbers whose details were filled since the last flush, so that a flush clears only those. */
export const TLB_FILLED_OFFSET = TLB_DETAILS_OFFSET + TLB_TABLE_BYTES;
/** A table that nobody ever fills: with it in place of a read or write table every access is looked at. */
export const TLB_EMPTY_OFFSET = TLB_FILLED_OFFSET + TLB_TABLE_BYTES;
export const FRAME_MAP_OFFSET = TLB_EMPTY_OFFSET + TLB_TABLE_BYTES;

/** Byte offset of the first host frame of a machine with this many guest frames. */
export function firstFrameOffset(frameCount: number): number {
  return FRAME_MAP_OFFSET + Math.ceil((frameCount * 4) / PAGE_SIZE) * PAGE_SIZE;
}
