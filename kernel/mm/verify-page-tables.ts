import type { AddressSpace } from './address-space.js';
import { verifyLargePage } from './large-page.js';
import { PAGE_SIZE, PageLocation, SHARED_USER_DATA_USER, SYSTEM_RANGE_START } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { bookkeepingPteAddress } from './outswap.js';
import { isHyperspace, isPerProcess, processOverheadPages } from './page-directory.js';
import { bookkeepingPlace, DirectoryReader, PageReader, type PageView } from './page-reader.js';
import { pdeLocation, usedPageTableEntries } from './page-table.js';
import type { PteLocation } from './pte.js';
import { VadType } from './vad.js';
import { verifyWorkingSet } from './verify-working-set.js';

/** How often each frame is mapped by a valid PTE, and how many pages have their PTE in it. */
export interface FrameReferences {
  readonly mappings: Uint32Array;
  readonly contained: Uint32Array;
}

/** What one address space's walk counts. */
interface SpaceTotals {
  validUser: number;
  privateUser: number;
}

/**
 * Walks the page tables of every process: valid and transition PTEs against the PFN database, system directory entries against
 * the master, UsedPageTableEntries, working-set and private-page counts, and user pages against VADs.
 * @param references filled in: mappings, and for pages owned by prototype PTEs contained
 * @returns the first inconsistency, or null
 */
export function verifyPageTables(mm: MemoryManager, references: FrameReferences): string | null {
  for (const space of mm.addressSpaces) {
    const wrong = space.outSwapped ? verifyOutSwapped(mm, space, references) : verifySpace(mm, space, references);
    if (wrong !== null) return `process ${space.processId}: ${wrong}`;
  }
  return null;
}

function verifySpace(mm: MemoryManager, space: AddressSpace, references: FrameReferences): string | null {
  const { format } = mm;
  const isMaster = space === mm.systemSpace;
  const tables = 2 ** (32 - format.tableShift);
  const tableBytes = 2 ** format.tableShift;
  const totals: SpaceTotals = { validUser: 0, privateUser: 0 };
  const reader = new PageReader(mm);
  const directories = new DirectoryReader(mm, space);
  for (let table = 0; table < tables; table++) {
    const exists = directories.nextTable(table, tables);
    for (; table < exists && table < format.userTables; table++) {
      const used = usedPageTableEntries(mm, space, table * tableBytes);
      if (used === 0) continue;
      return `${used} PTEs should be in use in the page table of ${hex(table * tableBytes)}, which does not exist`;
    }
    table = exists;
    if (table === tables) break;
    const address = table * tableBytes;
    const pde = pdeLocation(mm, space, address);
    if (address >= SYSTEM_RANGE_START && !isMaster && !isPerProcess(mm, table)) {
      const wrong = verifyCopiedDirectoryEntry(mm, pde, address);
      if (wrong !== null) return wrong;
      continue;
    }
    if (address < SYSTEM_RANGE_START && format.isValid(pde) && format.isLargePage(pde)) {
      const wrong = verifyLargePage(mm, space, address, references.mappings);
      if (wrong !== null) return wrong;
      continue;
    }
    const directory = space.directoryFrames[format.isPae ? table >>> 9 : 0];
    const wrong = verifyDirectoryEntry(mm, pde, address, directory, references);
    if (wrong !== null) return `the PDE of ${hex(address)} ${wrong}`;
    const isSelfMap = isPerProcess(mm, table) && !isHyperspace(mm, address);
    if (isSelfMap) continue;
    const view = reader.read(pde);
    if (view === null) return `the page table of ${hex(address)} cannot be read`;
    const inTable = verifyTable(mm, space, address, view, references, totals);
    if (inTable !== null) return inTable;
  }
  const wrong = verifyWorkingSet(mm, space, isUserAddress, totals.validUser, processOverheadPages(mm));
  if (wrong !== null) return wrong;
  if (totals.privateUser !== space.privatePages) {
    return `${space.privatePages} private pages are counted but ${totals.privateUser} exist`;
  }
  return null;
}

/**
 * A process that is out: no PTE of its user half is valid; its page tables, if any, are in transition or in a paging file, and what
 * they hold is what its working set list and its counts say.
 */
function verifyOutSwapped(mm: MemoryManager, space: AddressSpace, references: FrameReferences): string | null {
  const { format } = mm;
  const directories = new DirectoryReader(mm, space);
  if (directories.views?.length !== space.bookkeepingFrames.length) return 'a bookkeeping page cannot be read';
  for (let index = 0; index < space.bookkeepingFrames.length; index++) {
    const wrong = verifyBookkeepingPage(mm, space, index, directories.views, references);
    if (wrong !== null) return `bookkeeping page ${index} ${wrong}`;
  }
  const totals: SpaceTotals = { validUser: 0, privateUser: 0 };
  const reader = new PageReader(mm);
  for (let table = 0; table < format.userTables; table++) {
    const address = table * 2 ** format.tableShift;
    const pde = directories.pde(address);
    const used = directories.usedPageTableEntries(address);
    if (pde.format.isZero(pde.at)) {
      if (used === 0) continue;
      return `${used} PTEs should be in use in the page table of ${hex(address)}, which does not exist`;
    }
    if (pde.format.isValid(pde.at)) return `the page table of ${hex(address)} is valid, but the process is out`;
    const wrongPde = pde.format.isTransition(pde.at)
      ? verifyTransition(mm, pde.at, format.pdeAddress(address), directories.directoryFrame(address))
      : null;
    if (wrongPde !== null) return `the PDE of ${hex(address)} ${wrongPde}`;
    const view = reader.read(pde.at, pde.format);
    if (view === null) return `the page table of ${hex(address)} cannot be read`;
    const wrong = verifyTable(mm, space, address, view, references, totals, used);
    if (wrong !== null) return wrong;
  }
  if (space.workingSetSize !== 0)
    return `${space.workingSetSize} pages are in the working set of a process that is out`;
  return totals.privateUser === space.privatePages
    ? null
    : `${space.privatePages} private pages are counted but ${totals.privateUser} exist`;
}

/** Pages that are back are mapped; the others have a PTE in transition or page-file form. */
function verifyBookkeepingPage(
  mm: MemoryManager,
  space: AddressSpace,
  index: number,
  views: readonly PageView[],
  references: FrameReferences,
): string | null {
  const { format, pfn } = mm;
  if (index < space.residentBookkeeping) {
    references.mappings[space.bookkeepingFrames[index]]++;
    return null;
  }
  const pte = bookkeepingPlace(mm, space, index, views);
  if (pte.format.isValid(pte.at)) return 'is valid, but the process is out';
  if (!pte.format.isTransition(pte.at)) return null;
  const frame = format.transitionFrame(pte.at);
  const isItsOwn = pfn.pteAddress(frame) === bookkeepingPteAddress(mm, space, index);
  return isItsOwn ? null : `is in transition to PFN ${hex(frame)}, which belongs to another PTE`;
}

function verifyCopiedDirectoryEntry(mm: MemoryManager, pde: PteLocation, address: number): string | null {
  const master = pdeLocation(mm, mm.systemSpace, address);
  const { format } = mm;
  if (format.isValid(pde) && format.isValid(master) && format.frame(pde) === format.frame(master)) return null;
  return `the PDE of ${hex(address)} is ${text(mm, pde)}, but the System process has ${text(mm, master)}`;
}

/** Page tables are resident in the system half; those of the user half may be in transition or in a paging file. */
function verifyDirectoryEntry(
  mm: MemoryManager,
  pde: PteLocation,
  address: number,
  directory: number,
  references: FrameReferences,
): string | null {
  const { format } = mm;
  const pdeAddress = format.pdeAddress(address);
  if (format.isValid(pde)) return verifyValid(mm, pde, pdeAddress, directory, references);
  if (address >= SYSTEM_RANGE_START) return `is ${text(mm, pde)}, neither valid nor zero`;
  if (format.isTransition(pde)) return verifyTransition(mm, pde, pdeAddress, directory);
  const isPagedOut = !format.isPrototype(pde) && format.pageFileOffset(pde) !== 0;
  return isPagedOut ? null : `is ${text(mm, pde)}, no form of a page table's`;
}

function verifyTable(
  mm: MemoryManager,
  space: AddressSpace,
  base: number,
  table: PageView,
  references: FrameReferences,
  totals: SpaceTotals,
  expected: number | null = null,
): string | null {
  const { pfn } = mm;
  const { format, frame: tableFrame } = table;
  const isUser = base < SYSTEM_RANGE_START;
  let used = 0;
  const entries = format.entriesPerTable;
  for (let index = table.nextUsed(0, entries); index < entries; index = table.nextUsed(index + 1, entries)) {
    const at = table.at(index);
    used++;
    const address = base + index * PAGE_SIZE;
    const valid = format.isValid(at);
    const transition = format.isTransition(at);
    if ((valid || transition) && !table.isValid) {
      return `PTE of ${hex(address)} is ${text(mm, at, format)}, but its page table is not valid`;
    }
    if (valid) {
      const wrong = verifyValid(mm, at, format.pteAddress(address), tableFrame, references);
      if (wrong !== null) return `PTE of ${hex(address)}: ${wrong}`;
    } else if (transition) {
      const wrong = verifyTransition(mm, at, format.pteAddress(address), tableFrame);
      if (wrong !== null) return `PTE of ${hex(address)}: ${wrong}`;
    }
    if (!isUser) continue;
    const isAwe = valid && pfn.isAwe(format.frame(at));
    if (valid && !isAwe) totals.validUser++;
    const inPagingFile = !valid && !transition && !format.isPrototype(at) && format.pageFileOffset(at) !== 0;
    if (inPagingFile || transition || (valid && !isAwe && !pfn.isPrototype(format.frame(at)))) totals.privateUser++;
    if (valid && !isAwe && format.isUser(at) === false) return `PTE of ${hex(address)} is valid for the kernel only`;
    if (isAwe !== (space.vads.find(address >>> 12)?.type === VadType.Awe)) {
      return `PTE of ${hex(address)} is ${text(mm, at, format)}: pages of AWE belong into their regions, and no others`;
    }
    const isSharedData = address === SHARED_USER_DATA_USER;
    if (!isSharedData && space.vads.find(address >>> 12) === null) {
      return `PTE of ${hex(address)} is ${text(mm, at, format)}, but no VAD has that page`;
    }
  }
  const counted = expected ?? (isUser ? usedPageTableEntries(mm, space, base) : used);
  if (isUser) used += idleAwePages(mm, space, base, table, references);
  if (used !== counted) return `${counted} PTEs should be in use in the page table of ${hex(base)}, but ${used} are`;
  return isUser && used === 0 ? `the page table of ${hex(base)} is empty` : null;
}

/** Regions of AWE hold their page tables with a share, and count as used what is not mapped. */
function idleAwePages(
  mm: MemoryManager,
  space: AddressSpace,
  base: number,
  table: PageView,
  { contained }: FrameReferences,
): number {
  const first = base >>> 12;
  const end = first + mm.format.entriesPerTable;
  let idle = 0;
  for (let vad = space.vads.findAtOrAfter(first); vad !== null; vad = space.vads.next(vad)) {
    if (vad.startingVpn >= end) break;
    if (vad.type !== VadType.Awe) continue;
    contained[table.frame]++;
    const last = Math.min(vad.endingVpn, end - 1);
    for (let vpn = Math.max(vad.startingVpn, first); vpn <= last; vpn++) {
      if (table.format.isZero(table.at(vpn - first))) idle++;
    }
  }
  return idle;
}

function verifyValid(
  mm: MemoryManager,
  at: PteLocation,
  pteAddress: number,
  tableFrame: number,
  { mappings, contained }: FrameReferences,
): string | null {
  const { format, pfn } = mm;
  const frame = format.frame(at);
  if (frame === 0 || frame >= pfn.frameCount) return `maps frame ${frame.toString(16)}, which does not exist`;
  mappings[frame]++;
  const page = `PFN ${frame.toString(16)}`;
  if (pfn.location(frame) !== PageLocation.Active) return `maps ${page}, which has location ${pfn.location(frame)}`;
  if (pfn.isPrototype(frame)) {
    contained[tableFrame]++;
    return null;
  }
  if (pfn.isAwe(frame) && pfn.pteAddress(frame) === pteAddress) return null;
  if (pfn.pteAddress(frame) !== pteAddress)
    return `maps ${page}, which belongs to the PTE at ${hex(pfn.pteAddress(frame))}`;
  if (pfn.pteFrame(frame) !== tableFrame) {
    return `maps ${page}, which says its PTE is in frame ${pfn.pteFrame(frame).toString(16)}, not ${tableFrame.toString(16)}`;
  }
  if (format.isWritable(at) && format.isCopyOnWrite(at)) return `maps ${page} writable and copy-on-write`;
  return null;
}

function verifyTransition(mm: MemoryManager, at: PteLocation, pteAddress: number, tableFrame: number): string | null {
  const { format, pfn } = mm;
  const frame = format.transitionFrame(at);
  const page = `PFN ${frame.toString(16)}`;
  if (frame === 0 || frame >= pfn.frameCount) return `is in transition to ${page}, which does not exist`;
  const location = pfn.location(frame);
  const waits = location === PageLocation.Standby || location === PageLocation.Modified;
  if (!waits && location !== PageLocation.ModifiedNoWrite && location !== PageLocation.Transition) {
    return `is in transition to ${page}, which has location ${location}`;
  }
  if (pfn.pteAddress(frame) !== pteAddress || pfn.pteFrame(frame) !== tableFrame) {
    return `is in transition to ${page}, which belongs to the PTE at ${hex(pfn.pteAddress(frame))}`;
  }
  return null;
}

const isUserAddress = (address: number): boolean => address < SYSTEM_RANGE_START;

function text(mm: MemoryManager, at: PteLocation, format = mm.format): string {
  const low = hex(format.low(at));
  return format.isPae ? hex(format.high(at)) + low : low;
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
