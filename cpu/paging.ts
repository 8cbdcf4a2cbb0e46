/**
 * Address translation by the page tables in guest memory, as the SDM has it: 32-bit two-level paging with 4 KB and
 * 4 MB pages (PSE, PSE-36) and PAE three-level paging with 4 KB and 2 MB pages and 36-bit physical addresses.
 * Everything here looks at the tables afresh; what was cached from an earlier walk is tlb.ts's business.
 */
import type { Cpu } from './cpu.js';
import { CR0, CR3, CR4, EFER, PAGE_MASK, PDPTE } from './layout.js';

export const AccessKind = { Read: 0, Write: 1, Execute: 2 } as const;
export type AccessKind = (typeof AccessKind)[keyof typeof AccessKind];

export const CR0_PE = 0x0000_0001;
export const CR0_MP = 0x0000_0002;
export const CR0_EM = 0x0000_0004;
export const CR0_TS = 0x0000_0008;
export const CR0_ET = 0x0000_0010;
export const CR0_NE = 0x0000_0020;
export const CR0_WP = 0x0001_0000;
export const CR0_AM = 0x0004_0000;
export const CR0_NW = 0x2000_0000;
export const CR0_CD = 0x4000_0000;
export const CR0_PG = 0x8000_0000 | 0;
export const CR4_VME = 0x001;
export const CR4_PVI = 0x002;
export const CR4_TSD = 0x004;
export const CR4_DE = 0x008;
export const CR4_PSE = 0x010;
export const CR4_PAE = 0x020;
export const CR4_MCE = 0x040;
export const CR4_PGE = 0x080;
export const CR4_PCE = 0x100;
export const CR4_OSFXSR = 0x200;
export const CR4_OSXMMEXCPT = 0x400;
export const EFER_SCE = 0x001;
export const EFER_NXE = 0x800;

/** Bits of a #PF error code (SDM vol 3A section 4.7). */
export const PAGE_FAULT_PRESENT = 1;
export const PAGE_FAULT_WRITE = 2;
export const PAGE_FAULT_USER = 4;
export const PAGE_FAULT_RESERVED = 8;
export const PAGE_FAULT_FETCH = 16;

/** Low byte of a translation: the rights of the page, combined over all levels. Its upper 24 bits are the frame. */
export const TRANSLATION_VALID = 0x01;
export const TRANSLATION_WRITABLE = 0x02;
export const TRANSLATION_USER = 0x04;
export const TRANSLATION_EXECUTABLE = 0x08;
export const TRANSLATION_GLOBAL = 0x10;
export const TRANSLATION_LARGE = 0x20;
export const TRANSLATION_DIRTY = 0x40;

/** R/W and U/S lie in an entry where they lie in a translation, and so does the dirty bit. */
const ENTRY_PRESENT = 0x01;
const ENTRY_WRITABLE = 0x02;
const ENTRY_USER = 0x04;
const ENTRY_ACCESSED = 0x20;
const ENTRY_DIRTY = 0x40;
const ENTRY_LARGE = 0x80;
const ENTRY_GLOBAL = 0x100;
/** Bit 63 of a PAE entry, seen in its high dword. */
const ENTRY_HIGH_NO_EXECUTE = 0x8000_0000 | 0;

/** Bits 62-36 of a PAE entry, in its high dword: reserved because MAXPHYADDR is 36. */
const PAE_HIGH_RESERVED = 0x7fff_fff0;
/** Bits 20-13 of a PAE entry that maps 2 MB. */
const PAE_LARGE_RESERVED = 0x001f_e000;
/** Bits 21-17 of a 32-bit entry that maps 4 MB: 16-13 are address bits 35-32 (PSE-36), bit 12 is PAT. */
const PSE_LARGE_RESERVED = 0x003e_0000;
/** Bits 8-5 and 2-1 of a page-directory-pointer entry. */
const PDPTE_RESERVED = 0x0000_01e6;

/**
 * Word index in the linear memory of the table entry at this place, or 0 where there is no RAM.
 * @param frame page frame number of the table
 * @param offset byte offset in the table
 */
function entryWord(cpu: Cpu, frame: number, offset: number): number {
  const page = cpu.memory.hostPage(frame);
  return page === 0 ? 0 : (page + offset) >>> 2;
}

/** Sets accessed or dirty bits; a table that is also executed as code must lose its decoded blocks. */
function setEntryBits(cpu: Cpu, word: number, bits: number): void {
  const words = cpu.state;
  if (word === 0 || (words[word] & bits) === bits) return;
  words[word] |= bits;
  const host = word * 4;
  if (cpu.pageHasCode(host - (host & PAGE_MASK))) cpu.codeWritten(host, 4);
}

/** The error-code bits that describe the access and not what was found in the tables. */
export function accessErrorBits(cpu: Cpu, access: AccessKind, supervisor: boolean): number {
  let code = supervisor ? 0 : PAGE_FAULT_USER;
  if (access === AccessKind.Write) code |= PAGE_FAULT_WRITE;
  else if (access === AccessKind.Execute && noExecuteEnabled(cpu)) code |= PAGE_FAULT_FETCH;
  return code;
}

/** True when bit 63 of PAE entries means no-execute; otherwise that bit is reserved. */
export function noExecuteEnabled(cpu: Cpu): boolean {
  return (cpu.state[EFER] & EFER_NXE) !== 0 && (cpu.state[CR4] & CR4_PAE) !== 0;
}

/**
 * True when a translation with these rights allows the access (SDM vol 3A section 4.6).
 * @param rights TRANSLATION_ bits
 */
export function permits(cpu: Cpu, rights: number, access: AccessKind, supervisor: boolean): boolean {
  if (!supervisor && (rights & TRANSLATION_USER) === 0) return false;
  if (access === AccessKind.Read) return true;
  if (access === AccessKind.Execute) return (rights & TRANSLATION_EXECUTABLE) !== 0;
  if ((rights & TRANSLATION_WRITABLE) !== 0) return true;
  return supervisor && (cpu.state[CR0] & CR0_WP) === 0;
}

/** Leaves the error code of a fault for the caller and returns "no translation". */
function fault(cpu: Cpu, code: number, access: AccessKind, supervisor: boolean): 0 {
  cpu.pageFaultErrorCode = code | accessErrorBits(cpu, access, supervisor);
  return 0;
}

/**
 * Walks the page tables for one access and sets accessed and dirty bits when the access is permitted.
 *
 * @returns page frame number of the 4 KB page << 8 | TRANSLATION_ bits (a signed dword), or 0 when the access faults;
 *   cpu.pageFaultErrorCode then holds the error code. Raises nothing and allocates nothing.
 * Source: SDM vol 3A sections 4.3, 4.4, 4.6 to 4.8.
 */
export function translateLinear(cpu: Cpu, linear: number, access: AccessKind, supervisor: boolean): number {
  const state = cpu.state;
  if ((state[CR0] & CR0_PG) === 0) {
    return (
      ((linear >>> 12) << 8) |
      (TRANSLATION_VALID | TRANSLATION_WRITABLE | TRANSLATION_USER | TRANSLATION_EXECUTABLE | TRANSLATION_DIRTY)
    );
  }
  if ((state[CR4] & CR4_PAE) !== 0) return translatePae(cpu, linear, access, supervisor);
  return translateTwoLevel(cpu, linear, access, supervisor);
}

function translateTwoLevel(cpu: Cpu, linear: number, access: AccessKind, supervisor: boolean): number {
  const state = cpu.state;
  const directoryWord = entryWord(cpu, state[CR3] >>> 12, (linear >>> 20) & 0xffc);
  const directoryEntry = directoryWord === 0 ? -1 : state[directoryWord];
  if ((directoryEntry & ENTRY_PRESENT) === 0) return fault(cpu, 0, access, supervisor);
  const large = (directoryEntry & ENTRY_LARGE) !== 0 && (state[CR4] & CR4_PSE) !== 0;
  if (large && (directoryEntry & PSE_LARGE_RESERVED) !== 0) {
    return fault(cpu, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED, access, supervisor);
  }

  let frame: number;
  let leaf = directoryEntry;
  let leafWord = directoryWord;
  let rights = directoryEntry & (ENTRY_WRITABLE | ENTRY_USER);
  if (large) {
    frame = ((directoryEntry >>> 12) & 0xffc00) | ((directoryEntry & 0x1e000) << 7) | ((linear >>> 12) & 0x3ff);
  } else {
    leafWord = entryWord(cpu, directoryEntry >>> 12, (linear >>> 10) & 0xffc);
    leaf = leafWord === 0 ? -1 : state[leafWord];
    if ((leaf & ENTRY_PRESENT) === 0) return fault(cpu, 0, access, supervisor);
    rights &= leaf;
    frame = leaf >>> 12;
  }
  rights |= TRANSLATION_EXECUTABLE;
  if (!permits(cpu, rights, access, supervisor)) return fault(cpu, PAGE_FAULT_PRESENT, access, supervisor);
  if (!large) setEntryBits(cpu, directoryWord, ENTRY_ACCESSED);
  return finish(cpu, frame, rights, leaf, leafWord, large, access);
}

function translatePae(cpu: Cpu, linear: number, access: AccessKind, supervisor: boolean): number {
  const state = cpu.state;
  const pointerWord = PDPTE + ((linear >>> 30) << 1);
  const pointerLow = state[pointerWord];
  if ((pointerLow & ENTRY_PRESENT) === 0) return fault(cpu, 0, access, supervisor);

  const highReserved = noExecuteEnabled(cpu) ? PAE_HIGH_RESERVED : PAE_HIGH_RESERVED | ENTRY_HIGH_NO_EXECUTE;
  const pointerFrame = (pointerLow >>> 12) | ((state[pointerWord + 1] & 0xf) << 20);
  const directoryWord = entryWord(cpu, pointerFrame, (linear >>> 18) & 0xff8);
  const directoryLow = directoryWord === 0 ? -1 : state[directoryWord];
  const directoryHigh = directoryWord === 0 ? -1 : state[directoryWord + 1];
  if ((directoryLow & ENTRY_PRESENT) === 0) return fault(cpu, 0, access, supervisor);
  const large = (directoryLow & ENTRY_LARGE) !== 0;
  if ((directoryHigh & highReserved) !== 0 || (large && (directoryLow & PAE_LARGE_RESERVED) !== 0)) {
    return fault(cpu, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED, access, supervisor);
  }

  let frame: number;
  let leaf = directoryLow;
  let leafWord = directoryWord;
  let rights = directoryLow & (ENTRY_WRITABLE | ENTRY_USER);
  let noExecute = directoryHigh;
  if (large) {
    frame = ((directoryLow >>> 12) & 0xffe00) | ((directoryHigh & 0xf) << 20) | ((linear >>> 12) & 0x1ff);
  } else {
    const tableFrame = (directoryLow >>> 12) | ((directoryHigh & 0xf) << 20);
    leafWord = entryWord(cpu, tableFrame, (linear >>> 9) & 0xff8);
    leaf = leafWord === 0 ? -1 : state[leafWord];
    const leafHigh = leafWord === 0 ? -1 : state[leafWord + 1];
    if ((leaf & ENTRY_PRESENT) === 0) return fault(cpu, 0, access, supervisor);
    if ((leafHigh & highReserved) !== 0) {
      return fault(cpu, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED, access, supervisor);
    }
    rights &= leaf;
    noExecute |= leafHigh;
    frame = (leaf >>> 12) | ((leafHigh & 0xf) << 20);
  }
  if (noExecute >= 0) rights |= TRANSLATION_EXECUTABLE;
  if (!permits(cpu, rights, access, supervisor)) return fault(cpu, PAGE_FAULT_PRESENT, access, supervisor);
  if (!large) setEntryBits(cpu, directoryWord, ENTRY_ACCESSED);
  return finish(cpu, frame, rights, leaf, leafWord, large, access);
}

/** Accessed and dirty bits of the entry that maps the page, and the packed translation. */
function finish(
  cpu: Cpu,
  frame: number,
  rights: number,
  leaf: number,
  leafWord: number,
  large: boolean,
  access: AccessKind,
): number {
  const dirtied = access === AccessKind.Write ? ENTRY_DIRTY : leaf & ENTRY_DIRTY;
  setEntryBits(cpu, leafWord, ENTRY_ACCESSED | dirtied);
  let attributes = TRANSLATION_VALID | rights | dirtied;
  if (large) attributes |= TRANSLATION_LARGE;
  if ((leaf & ENTRY_GLOBAL) !== 0 && (cpu.state[CR4] & CR4_PGE) !== 0) attributes |= TRANSLATION_GLOBAL;
  return (frame << 8) | attributes;
}

/**
 * Loads the four page-directory-pointer entries that PAE paging caches from this value of CR3.
 * @returns false, with nothing loaded, when a present entry has a reserved bit set: the loading instruction gives #GP(0).
 * Source: SDM vol 3A section 4.4.1.
 */
export function loadPdptes(cpu: Cpu, cr3: number): boolean {
  const word = entryWord(cpu, cr3 >>> 12, cr3 & 0xfe0);
  if (word === 0) return false;
  const state = cpu.state;
  for (let index = 0; index < 8; index += 2) {
    const low = state[word + index];
    if ((low & ENTRY_PRESENT) === 0) continue;
    if ((low & PDPTE_RESERVED) !== 0 || (state[word + index + 1] & ~0xf) !== 0) return false;
  }
  for (let index = 0; index < 8; index++) state[PDPTE + index] = state[word + index];
  return true;
}

/** One table entry that a walk meets. */
export interface PageWalkLevel {
  /** SDM name of the entry: 'PDPTE', 'PDE' or 'PTE'. */
  readonly name: string;
  /** Physical address of the entry; of a PDPTE the address that CR3 points to, its value being the cached one. */
  readonly address: number;
  /** Bits 31-0 and 63-32 of the entry, unsigned; high is 0 in two-level paging. */
  readonly low: number;
  readonly high: number;
}

export interface PageWalk {
  /** From the top, ending with the entry that maps the page or that ends the walk; none when paging is off. */
  readonly levels: readonly PageWalkLevel[];
  /** Why there is no translation, or null. */
  readonly failure: 'not present' | 'reserved bit' | null;
  /** Page frame number of the 4 KB page; -1 without translation. */
  readonly frame: number;
  /** TRANSLATION_ bits over all levels; 0 without translation. */
  readonly rights: number;
}

/**
 * Walks the page tables for a person to look at: every entry with its address and value, no rights checked, no
 * accessed or dirty bit set, the TLB neither read nor filled. For debuggers; allocates.
 */
export function walkPageTables(cpu: Cpu, linear: number): PageWalk {
  const state = cpu.state;
  if ((state[CR0] & CR0_PG) === 0) {
    const rights = translateLinear(cpu, linear, AccessKind.Read, true) & 0xff;
    return { levels: [], failure: null, frame: linear >>> 12, rights };
  }
  const pae = (state[CR4] & CR4_PAE) !== 0;
  const levels: PageWalkLevel[] = [];
  const stop = (failure: 'not present' | 'reserved bit'): PageWalk => ({ levels, failure, frame: -1, rights: 0 });
  let tableFrame = state[CR3] >>> 12;
  if (pae) {
    const index = linear >>> 30;
    const low = state[PDPTE + index * 2] >>> 0;
    const high = state[PDPTE + index * 2 + 1] >>> 0;
    levels.push({
      name: 'PDPTE',
      address: (state[CR3] & ~31) + index * 8 + (state[CR3] < 0 ? 0x1_0000_0000 : 0),
      low,
      high,
    });
    if ((low & ENTRY_PRESENT) === 0) return stop('not present');
    tableFrame = (low >>> 12) | ((high & 0xf) << 20);
  }
  const highReserved = !pae ? 0 : noExecuteEnabled(cpu) ? PAE_HIGH_RESERVED : PAE_HIGH_RESERVED | ENTRY_HIGH_NO_EXECUTE;
  const largePossible = pae || (state[CR4] & CR4_PSE) !== 0;
  const tableBits = pae ? 9 : 10;
  let rights = ENTRY_WRITABLE | ENTRY_USER | TRANSLATION_EXECUTABLE;
  for (const name of ['PDE', 'PTE']) {
    const shift = name === 'PDE' ? 12 + tableBits : 12;
    const index = (linear >>> shift) & ((1 << tableBits) - 1);
    const address = tableFrame * 0x1000 + index * (pae ? 8 : 4);
    const low = cpu.memory.read32(address) >>> 0;
    const high = pae ? cpu.memory.read32(address + 4) >>> 0 : 0;
    levels.push({ name, address, low, high });
    if ((low & ENTRY_PRESENT) === 0) return stop('not present');
    const large = name === 'PDE' && largePossible && (low & ENTRY_LARGE) !== 0;
    const lowReserved = !large ? 0 : pae ? PAE_LARGE_RESERVED : PSE_LARGE_RESERVED;
    if ((high & highReserved) !== 0 || (low & lowReserved) !== 0) return stop('reserved bit');
    rights &= low | TRANSLATION_EXECUTABLE;
    if ((high & ENTRY_HIGH_NO_EXECUTE) !== 0) rights &= ~TRANSLATION_EXECUTABLE;
    if (!large && name === 'PDE') {
      tableFrame = (low >>> 12) | ((high & 0xf) << 20);
      continue;
    }
    return { levels, failure: null, ...leafTranslation(cpu, linear, low, high, rights, large, tableBits) };
  }
  return stop('not present');
}

/** Frame and rights of the page that this entry maps, with the entry as a walk for a person saw it. */
function leafTranslation(
  cpu: Cpu,
  linear: number,
  low: number,
  high: number,
  rights: number,
  large: boolean,
  tableBits: number,
): { frame: number; rights: number } {
  const pae = tableBits === 9;
  let frame = (low >>> 12) | ((high & 0xf) << 20);
  if (large) {
    const within = (1 << tableBits) - 1;
    frame =
      (((low >>> 12) & 0xfffff & ~within) | ((linear >>> 12) & within)) +
      (pae ? (high & 0xf) << 20 : (low & 0x1e000) << 7);
  }
  let attributes = rights | TRANSLATION_VALID | (low & ENTRY_DIRTY);
  if (large) attributes |= TRANSLATION_LARGE;
  if ((low & ENTRY_GLOBAL) !== 0 && (cpu.state[CR4] & CR4_PGE) !== 0) attributes |= TRANSLATION_GLOBAL;
  return { frame, rights: attributes };
}
