/**
 * The software translation look-aside buffer. Per page of the linear address space:
 *
 *   details         what was cached by the walk: frame << 8 | TRANSLATION_ bits of paging.ts, LISTED in bit 7
 *   six tables      host page of the frame for read, write and execute, by user and by supervisor; 0 = look closer
 *
 * The details are the architectural entry. They are made by a walk and stay until something that the SDM names
 * (vol 3A section 4.10) drops them, whatever happens to the page tables meanwhile; the six tables only say which accesses
 * need no attention at all. A write entry therefore exists only where the dirty bit is set and the page holds no decoded code.
 * A page without memory behind it never has entries: each access to it comes here and is given the void page, and so are
 * writes to ROM. A page with a data breakpoint has execute entries only.
 */
import type { Cpu } from './cpu.js';
import {
  CR0,
  PAGE_SIZE,
  TLB_DETAILS_OFFSET,
  TLB_FILLED_COUNT,
  TLB_FILLED_OFFSET,
  TLB_LARGE_REGIONS,
  TLB_SUPERVISOR_EXECUTE_OFFSET,
  TLB_SUPERVISOR_READ_OFFSET,
  TLB_SUPERVISOR_WRITE_OFFSET,
  TLB_USER_EXECUTE_OFFSET,
  TLB_USER_READ_OFFSET,
  TLB_USER_WRITE_OFFSET,
  VOID_PAGE_OFFSET,
} from './layout.js';
import {
  AccessKind,
  accessErrorBits,
  CR0_WP,
  PAGE_FAULT_PRESENT,
  permits,
  TRANSLATION_DIRTY,
  TRANSLATION_EXECUTABLE,
  TRANSLATION_GLOBAL,
  TRANSLATION_LARGE,
  TRANSLATION_USER,
  TRANSLATION_VALID,
  TRANSLATION_WRITABLE,
  translateLinear,
} from './paging.js';

const USER_READ = TLB_USER_READ_OFFSET >>> 2;
const USER_WRITE = TLB_USER_WRITE_OFFSET >>> 2;
const USER_EXECUTE = TLB_USER_EXECUTE_OFFSET >>> 2;
const SUPERVISOR_READ = TLB_SUPERVISOR_READ_OFFSET >>> 2;
const SUPERVISOR_WRITE = TLB_SUPERVISOR_WRITE_OFFSET >>> 2;
const SUPERVISOR_EXECUTE = TLB_SUPERVISOR_EXECUTE_OFFSET >>> 2;
const DETAILS = TLB_DETAILS_OFFSET >>> 2;
const FILLED = TLB_FILLED_OFFSET >>> 2;

/** In the details: the page is in the list of filled pages, whether or not it is cached now. */
const LISTED = 0x80;
const FILLED_CAPACITY = 1 << 20;
/** Pages of 4 KB in the 4 MB region that one bit of TLB_LARGE_REGIONS stands for. */
const REGION_PAGES = 1024;

/**
 * Resolves one access that found no entry in its table.
 *
 * @param linear any address in the page
 * @param supervisor true for CPL 0-2 and for the processor's own accesses to descriptor tables and task segments
 * @returns the byte offset of the host page, or 0 with the error code of the #PF in cpu.pageFaultErrorCode.
 *   Raises nothing and allocates nothing.
 */
export function fillTlb(cpu: Cpu, linear: number, access: AccessKind, supervisor: boolean): number {
  const page = linear >>> 12;
  const cached = cpu.state[DETAILS + page];
  if ((cached & TRANSLATION_VALID) !== 0) {
    if (!permits(cpu, cached, access, supervisor)) {
      // A page fault drops what was cached for its address, so that a repaired entry is seen by the retry.
      dropPage(cpu, page);
      cpu.pageFaultErrorCode = PAGE_FAULT_PRESENT | accessErrorBits(cpu, access, supervisor);
      return 0;
    }
    if (access !== AccessKind.Write || (cached & TRANSLATION_DIRTY) !== 0) return enter(cpu, page, cached, access);
  }
  const translation = translateLinear(cpu, linear, access, supervisor);
  if (translation === 0) {
    if ((cached & TRANSLATION_VALID) !== 0) dropPage(cpu, page);
    return 0;
  }
  if ((cached & LISTED) === 0) list(cpu, page);
  cpu.state[DETAILS + page] = translation | LISTED;
  if ((translation & TRANSLATION_LARGE) !== 0) markLargeRegion(cpu, page);
  return enter(cpu, page, translation, access);
}

/** Writes the six tables for a page whose details are these and returns its host page. */
function enter(cpu: Cpu, page: number, details: number, access: AccessKind): number {
  const state = cpu.state;
  const host = cpu.memory.hostPage(details >>> 8);
  if (host === 0) {
    clearTables(state, page);
    return voidPage(cpu, access);
  }
  const user = (details & TRANSLATION_USER) !== 0 ? host : 0;
  const watched = cpu.debug.watching && cpu.debug.watchesPage(page);
  state[USER_READ + page] = watched ? 0 : user;
  state[SUPERVISOR_READ + page] = watched ? 0 : host;
  const executable = (details & TRANSLATION_EXECUTABLE) !== 0;
  state[USER_EXECUTE + page] = executable ? user : 0;
  state[SUPERVISOR_EXECUTE + page] = executable ? host : 0;
  const readOnly = cpu.memory.isRom(details >>> 8);
  const storable = (details & TRANSLATION_DIRTY) !== 0 && !cpu.pageHasCode(host) && !readOnly && !watched;
  const writable = (details & TRANSLATION_WRITABLE) !== 0;
  state[USER_WRITE + page] = storable && writable ? user : 0;
  state[SUPERVISOR_WRITE + page] = storable && (writable || (state[CR0] & CR0_WP) === 0) ? host : 0;
  return readOnly && access === AccessKind.Write ? voidPage(cpu, access) : host;
}

/** A page of ones to read, whose contents nobody keeps: the bus floats where there is no RAM. */
function voidPage(cpu: Cpu, access: AccessKind): number {
  if (access !== AccessKind.Write) cpu.bytes.fill(0xff, VOID_PAGE_OFFSET, VOID_PAGE_OFFSET + PAGE_SIZE);
  return VOID_PAGE_OFFSET;
}

function clearTables(state: Int32Array, page: number): void {
  state[USER_READ + page] = 0;
  state[USER_WRITE + page] = 0;
  state[USER_EXECUTE + page] = 0;
  state[SUPERVISOR_READ + page] = 0;
  state[SUPERVISOR_WRITE + page] = 0;
  state[SUPERVISOR_EXECUTE + page] = 0;
}

/** Makes the next access to each of these pages come here, though what is cached for them stays valid. */
export function closePage(cpu: Cpu, page: number): void {
  clearTables(cpu.state, page);
}

/** Drops one 4 KB entry; the page stays listed. */
function dropPage(cpu: Cpu, page: number): void {
  const state = cpu.state;
  state[DETAILS + page] &= LISTED;
  clearTables(state, page);
}

/** Appends a page to the list of filled pages. */
function list(cpu: Cpu, page: number): void {
  const state = cpu.state;
  // Cannot overflow: a page is listed once, and there are as many places as pages.
  const count = state[TLB_FILLED_COUNT];
  if (count >= FILLED_CAPACITY) return;
  state[FILLED + count] = page;
  state[TLB_FILLED_COUNT] = count + 1;
}

function markLargeRegion(cpu: Cpu, page: number): void {
  const region = page >>> 10;
  cpu.state[TLB_LARGE_REGIONS + (region >>> 5)] |= 1 << (region & 31);
}

/**
 * What the TLB holds for an address: page frame number << 8 | TRANSLATION_ bits, or 0. For debuggers and for
 * the memory manager's check of itself; changes nothing.
 */
export function tlbEntry(cpu: Cpu, linear: number): number {
  const details = cpu.state[DETAILS + (linear >>> 12)];
  return (details & TRANSLATION_VALID) === 0 ? 0 : details & ~LISTED;
}

/**
 * Drops what is cached for the page of this address, also when it is global: INVLPG (SDM vol 3A section 4.10.4.1). When the
 * address lies in a large page, the whole large page goes, and with it the other large page of the same 4 MB.
 */
export function invalidatePage(cpu: Cpu, linear: number): void {
  const page = linear >>> 12;
  const state = cpu.state;
  dropPage(cpu, page);
  const region = page >>> 10;
  const bit = 1 << (region & 31);
  const word = TLB_LARGE_REGIONS + (region >>> 5);
  if ((state[word] & bit) === 0) return;
  const first = region * REGION_PAGES;
  for (let other = first; other < first + REGION_PAGES; other++) {
    if ((state[DETAILS + other] & TRANSLATION_LARGE) !== 0) dropPage(cpu, other);
  }
  state[word] &= ~bit;
}

/**
 * Drops all entries, or all but the global ones.
 * @param includeGlobal false for a load of CR3 (SDM vol 3A section 4.10.4.1)
 */
export function flushTlb(cpu: Cpu, includeGlobal: boolean): void {
  const state = cpu.state;
  const count = state[TLB_FILLED_COUNT];
  let kept = 0;
  for (let index = 0; index < count; index++) {
    const page = state[FILLED + index];
    if (!includeGlobal && (state[DETAILS + page] & TRANSLATION_GLOBAL) !== 0) {
      state[FILLED + kept++] = page;
      continue;
    }
    state[DETAILS + page] = 0;
    clearTables(state, page);
  }
  state[TLB_FILLED_COUNT] = kept;
  if (includeGlobal) state.fill(0, TLB_LARGE_REGIONS, TLB_LARGE_REGIONS + 32);
}

/**
 * Removes the write entries of every linear page that maps this host page, because it holds decoded code from now on.
 * Stores to it then come to fillTlb, which returns the page without making a write entry while cpu.pageHasCode says so.
 */
export function removeWriteEntries(cpu: Cpu, hostPage: number): void {
  const state = cpu.state;
  const count = state[TLB_FILLED_COUNT];
  const host = hostPage | 0;
  for (let index = 0; index < count; index++) {
    const page = state[FILLED + index];
    if (state[SUPERVISOR_READ + page] !== host) continue;
    state[USER_WRITE + page] = 0;
    state[SUPERVISOR_WRITE + page] = 0;
  }
}

/** The host page that a linear page's tables name; 0: each access to it comes to fillTlb(). */
function mappedHost(state: Int32Array, page: number): number {
  return state[SUPERVISOR_READ + page] | state[SUPERVISOR_EXECUTE + page];
}

/** Tells each host page that a table of the TLB names, some of them several times. */
export function forEachMappedHost(cpu: Cpu, told: (host: number) => void): void {
  const { state } = cpu;
  for (let index = state[TLB_FILLED_COUNT] - 1; index >= 0; index--) {
    const host = mappedHost(state, state[FILLED + index]);
    if (host !== 0) told(host);
  }
}

/** Closes every linear page whose host page is one of these; what is cached for them stays valid. */
export function closeHosts(cpu: Cpu, isOne: (host: number) => boolean): void {
  const { state } = cpu;
  for (let index = state[TLB_FILLED_COUNT] - 1; index >= 0; index--) {
    const page = state[FILLED + index];
    const host = mappedHost(state, page);
    if (host !== 0 && isOne(host)) clearTables(state, page);
  }
}

/** What the TLB holds, as pairs of page number and details; the six tables follow from the details. */
export function saveTlb(cpu: Cpu): Int32Array {
  const { state } = cpu;
  const count = state[TLB_FILLED_COUNT];
  const saved = new Int32Array(count * 2);
  for (let index = 0; index < count; index++) {
    const page = state[FILLED + index];
    saved[index * 2] = page;
    saved[index * 2 + 1] = state[DETAILS + page];
  }
  return saved;
}

/** Fills an empty TLB with what saveTlb() gave. */
export function loadTlb(cpu: Cpu, saved: Int32Array): void {
  const { state } = cpu;
  for (let at = 0; at < saved.length; at += 2) {
    list(cpu, saved[at]);
    state[DETAILS + saved[at]] = saved[at + 1];
  }
}
