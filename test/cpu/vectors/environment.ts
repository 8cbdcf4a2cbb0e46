/**
 * The world in which the vectors were recorded, the same for the real processor and for ours: pages, descriptors, and the
 * state from which every vector differs in a few registers. A change here makes all recorded vectors worthless.
 *
 *   0000_1000  writable         2000_0000  absent            3000_0000  executable
 *   0000_2000  read-only        2000_1000  writable          3000_1000  executable
 *   0000_F000  writable         2000_2000  writable          3000_2000  absent
 *   0001_0000  writable         2000_3000  read-only
 *                               2000_4000  writable
 *                               2000_5000  absent
 *                               2000_6000  read-only
 */
import { Random } from './random.js';
import { SLOT, STATE_SIZE, writeSlot } from './vector-file.js';

export const PAGE_SIZE = 0x1000;
export const LOW = 0x1000;
export const DATA = 0x2000_0000;
export const CODE = 0x3000_0000;
export const CODE_SIZE = 2 * PAGE_SIZE;

/** What a page allows; the numbers are those of mmap(). */
export const Protection = { None: 0, Read: 1, ReadWrite: 3, ReadExecute: 5 } as const;
export type Protection = (typeof Protection)[keyof typeof Protection];

export interface PageMapping {
  readonly address: number;
  readonly protection: Protection;
}

/** All pages with contents. What is not listed is absent. */
export const PAGES: readonly PageMapping[] = [
  { address: LOW, protection: Protection.ReadWrite },
  { address: LOW + PAGE_SIZE, protection: Protection.Read },
  { address: 0xf000, protection: Protection.ReadWrite },
  { address: 0x1_0000, protection: Protection.ReadWrite },
  { address: DATA + PAGE_SIZE, protection: Protection.ReadWrite },
  { address: DATA + 2 * PAGE_SIZE, protection: Protection.ReadWrite },
  { address: DATA + 3 * PAGE_SIZE, protection: Protection.Read },
  { address: DATA + 4 * PAGE_SIZE, protection: Protection.ReadWrite },
  { address: DATA + 6 * PAGE_SIZE, protection: Protection.Read },
  { address: CODE, protection: Protection.ReadExecute },
  { address: CODE + PAGE_SIZE, protection: Protection.ReadExecute },
];

/** Contents of PAGES before each vector: noise in data pages, INT3 in code pages. */
export function pageContents(): Uint8Array {
  const random = new Random(0x5eed);
  const contents = new Uint8Array(PAGES.length * PAGE_SIZE);
  PAGES.forEach((page, number) => {
    const bytes = contents.subarray(number * PAGE_SIZE, (number + 1) * PAGE_SIZE);
    if (page.protection === Protection.ReadExecute) bytes.fill(0xcc);
    else for (let at = 0; at < PAGE_SIZE; at++) bytes[at] = random.bits() >>> 24;
  });
  return contents;
}

/** Selectors as 64-bit Linux gives them to 32-bit programs. */
export const USER_CODE = 0x23;
export const USER_DATA = 0x2b;

/** An entry of the LDT: the fields of Linux' struct user_desc. */
export interface LdtEntry {
  readonly base: number;
  /** In bytes, or in pages with `pages`. */
  readonly limit: number;
  readonly big: boolean;
  /** 0 data, 1 expand-down data, 2 code. */
  readonly contents: 0 | 1 | 2;
  /** Data: read-only; code: execute-only. */
  readonly restricted: boolean;
  readonly pages: boolean;
  readonly present: boolean;
}

const flat: LdtEntry = {
  base: 0,
  limit: 0xfffff,
  big: true,
  contents: 0,
  restricted: false,
  pages: true,
  present: true,
};

/** Entry n is selector 8n + 7. */
export const LDT_ENTRIES: readonly LdtEntry[] = [
  { ...flat, base: DATA + PAGE_SIZE, limit: 0x17ff, pages: false },
  { ...flat, base: DATA + PAGE_SIZE, limit: 0x2fff, pages: false, restricted: true },
  { ...flat, base: DATA + PAGE_SIZE, limit: 0xfff, pages: false, contents: 1 },
  { ...flat, contents: 2 },
  { ...flat, contents: 2, restricted: true },
  { ...flat, present: false },
  { ...flat, contents: 2, present: false },
  { ...flat, base: CODE, limit: 0x1fff, pages: false, contents: 2, big: false },
];

export const LIMITED_DATA = 0x07;
export const READ_ONLY_DATA = 0x0f;
export const EXPAND_DOWN_DATA = 0x17;
export const LDT_CODE = 0x1f;
export const EXECUTE_ONLY_CODE = 0x27;
export const ABSENT_DATA = 0x2f;
export const ABSENT_CODE = 0x37;
export const CODE_16 = 0x3f;
export const BEYOND_LDT = 0x47;

/** The state that vectors start from where they do not say otherwise. */
export function backgroundState(): Uint8Array {
  const state = new Uint8Array(STATE_SIZE);
  const registers = [
    0x1111_aaaa, 0x2222_0003, 0x3333_cccc, 0x2000_1234, 0x2000_2800, 0x2000_2900, 0x2000_1500, 0x2000_4600,
  ];
  registers.forEach((value, register) => {
    writeSlot(state, SLOT.EAX + register, value);
  });
  writeSlot(state, SLOT.EIP, CODE + 0x100);
  writeSlot(state, SLOT.EFLAGS, 0x202);
  const selectors = [USER_DATA, USER_CODE, USER_DATA, USER_DATA, LIMITED_DATA, READ_ONLY_DATA];
  selectors.forEach((selector, segment) => {
    writeSlot(state, SLOT.ES + segment, selector);
  });
  writeSlot(state, SLOT.FCW, 0x37f);
  writeSlot(state, SLOT.FTW, 0xff);
  writeSlot(state, SLOT.MXCSR, 0x1f80);
  const random = new Random(0xf10a);
  for (let at = 64; at < STATE_SIZE; at++) state[at] = random.bits() >>> 24;
  // 1.0 + noise, so that no register holds an encoding that is none.
  for (let register = 0; register < 8; register++) {
    state[64 + register * 10 + 7] |= 0x80;
    state[64 + register * 10 + 8] = 0xff;
    state[64 + register * 10 + 9] = 0x3f;
  }
  return state;
}
