import type { AddressSpace } from './address-space.js';
import { verifyKernelLargePage } from './kernel-large-pages.js';
import { verifyLargePage } from './large-page.js';
import { HYPERSPACE_SIZE, PAGE_SIZE, PageLocation, PTE_BASE, SHARED_USER_DATA_USER } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { bookkeepingPteAddress } from './outswap.js';
import { isHyperspace, isPerProcess, processOverheadPages } from './page-directory.js';
import { bookkeepingPlace, DirectoryReader, type PageView } from './page-reader.js';
import { pdeLocation, usedPageTableEntries } from './page-table.js';
import type { PteLocation } from './pte.js';
import { type Vad, VadType } from './vad.js';
import type { VerifierFindings } from './verifier-findings.js';
import { verifyWorkingSet } from './verify-working-set.js';

/** What one address space's walk counts. */
interface SpaceTotals {
  validUser: number;
  privateUser: number;
}

/**
 * Walks the page tables of every process: valid and transition PTEs against the PFN database, system directory entries against
 * the master, UsedPageTableEntries, working-set and private-page counts, and user pages against VADs.
 * @param findings filled in: mappings, for pages owned by prototype PTEs contained, slots and commitment of user pages
 * @returns the first inconsistency, or null
 */
export function verifyPageTables(mm: MemoryManager, findings: VerifierFindings): string | null {
  for (const space of mm.addressSpaces) {
    const wrong = space.outSwapped ? verifyOutSwapped(mm, space, findings) : verifySpace(mm, space, findings);
    if (wrong !== null) return `process ${space.processId}: ${wrong}`;
  }
  return null;
}

function verifySpace(mm: MemoryManager, space: AddressSpace, findings: VerifierFindings): string | null {
  const totals: SpaceTotals = { validUser: 0, privateUser: 0 };
  const directories = new DirectoryReader(mm, space);
  const wrong =
    verifyUserHalf(mm, space, directories, findings, totals) ??
    verifySystemHalf(mm, space, directories, findings, totals) ??
    verifyWorkingSet(
      mm,
      space,
      (address) => address < mm.layout.systemRangeStart,
      totals.validUser,
      processOverheadPages(mm),
    );
  if (wrong !== null) return wrong;
  return totals.privateUser === space.privatePages
    ? null
    : `${space.privatePages} private pages are counted but ${totals.privateUser} exist`;
}

function verifyUserHalf(
  mm: MemoryManager,
  space: AddressSpace,
  directories: DirectoryReader,
  findings: VerifierFindings,
  totals: SpaceTotals,
): string | null {
  const { format } = mm;
  const tables = format.userTables;
  const tableBytes = 2 ** format.tableShift;
  for (let table = 0; table < tables; table++) {
    const exists = directories.nextTable(table, tables);
    const stray = firstTableInUse(mm, space, table, exists);
    if (stray >= 0) {
      const used = usedPageTableEntries(mm, space, stray * tableBytes);
      return `${used} PTEs should be in use in the page table of ${hex(stray * tableBytes)}, which does not exist`;
    }
    table = exists;
    if (table === tables) break;
    const address = table * tableBytes;
    const pde = pdeLocation(mm, space, address);
    const isLarge = format.isValid(pde) && format.isLargePage(pde);
    const wrong = isLarge
      ? verifyLargePage(mm, space, address, findings.mappings)
      : verifyPageTable(mm, space, address, findings, totals);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** The system half of a process is the System process's but for self-map and hyperspace. */
function verifySystemHalf(
  mm: MemoryManager,
  space: AddressSpace,
  directories: DirectoryReader,
  findings: VerifierFindings,
  totals: SpaceTotals,
): string | null {
  const { format } = mm;
  const isMaster = space === mm.systemSpace;
  const tables = 2 ** (32 - format.tableShift);
  const tableBytes = 2 ** format.tableShift;
  const copied = isMaster ? null : verifyCopiedEntries(mm, space, directories);
  if (copied !== null) return copied;
  const first = isMaster ? format.userTables : PTE_BASE >>> format.tableShift;
  const end = isMaster ? tables : Math.ceil((format.hyperspace + HYPERSPACE_SIZE) / tableBytes);
  for (let table = directories.nextTable(first, end); table < end; table = directories.nextTable(table + 1, end)) {
    if (!isMaster && !isPerProcess(mm, table)) continue;
    const wrong = verifyPageTable(mm, space, table * tableBytes, findings, totals);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** A page table and its PDE. Those that the self-map shows are seen by their own addresses. */
function verifyPageTable(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  findings: VerifierFindings,
  totals: SpaceTotals,
): string | null {
  const { format } = mm;
  const pde = pdeLocation(mm, space, address);
  const isSystem = address >= mm.layout.systemRangeStart;
  if (isSystem && format.isValid(pde) && format.isLargePage(pde))
    return verifyKernelLargePage(mm, address, findings.mappings);
  const directory = space.directoryFrames[format.isPae ? address >>> 30 : 0];
  const wrong = verifyDirectoryEntry(mm, pde, address, directory, findings);
  if (wrong !== null) return `the PDE of ${hex(address)} ${wrong}`;
  const isSelfMap = isPerProcess(mm, address >>> format.tableShift) && !isHyperspace(mm, address);
  if (isSelfMap) return null;
  const view = findings.reader.read(pde);
  if (view === null) return `the page table of ${hex(address)} cannot be read`;
  return verifyTable(mm, space, address, view, findings, totals);
}

/** The first of these page tables whose UsedPageTableEntries is not 0; -1: none. */
function firstTableInUse({ view }: MemoryManager, space: AddressSpace, first: number, end: number): number {
  const counts = space.usedPageTableEntries;
  for (let table = first; table < end; table++) if (view.getUint16(counts + table * 2, true) !== 0) return table;
  return -1;
}

/**
 * A process that is out: no PTE of its user half is valid; its page tables, if any, are in transition or in a paging file, and what
 * they hold is what its working set list and its counts say.
 */
function verifyOutSwapped(mm: MemoryManager, space: AddressSpace, findings: VerifierFindings): string | null {
  const { format } = mm;
  const directories = new DirectoryReader(mm, space);
  if (directories.views?.length !== space.bookkeepingFrames.length) return 'a bookkeeping page cannot be read';
  for (let index = 0; index < space.bookkeepingFrames.length; index++) {
    const wrong = verifyBookkeepingPage(mm, space, index, directories.views, findings);
    if (wrong !== null) return `bookkeeping page ${index} ${wrong}`;
  }
  const totals: SpaceTotals = { validUser: 0, privateUser: 0 };
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
      : findings.slots.note(pde.format, pde.at);
    if (wrongPde !== null) return `the PDE of ${hex(address)} ${wrongPde}`;
    const view = findings.reader.read(pde.at, pde.format);
    if (view === null) return `the page table of ${hex(address)} cannot be read`;
    const wrong = verifyTable(mm, space, address, view, findings, totals, used);
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
  findings: VerifierFindings,
): string | null {
  const { format, pfn } = mm;
  if (index < space.residentBookkeeping) {
    findings.mappings[space.bookkeepingFrames[index]]++;
    return null;
  }
  const pte = bookkeepingPlace(mm, space, index, views);
  if (pte.format.isValid(pte.at)) return 'is valid, but the process is out';
  if (!pte.format.isTransition(pte.at)) return findings.slots.note(pte.format, pte.at);
  const frame = format.transitionFrame(pte.at);
  const isItsOwn = pfn.pteAddress(frame) === bookkeepingPteAddress(mm, space, index);
  return isItsOwn ? null : `is in transition to PFN ${hex(frame)}, which belongs to another PTE`;
}

/** Most entries are the System process's to the last bit: only the others are looked at. */
function verifyCopiedEntries(mm: MemoryManager, space: AddressSpace, directories: DirectoryReader): string | null {
  const { format } = mm;
  const master = new DirectoryReader(mm, mm.systemSpace);
  const tables = 2 ** (32 - format.tableShift);
  const next = (table: number) => directories.nextUnlike(master, table, tables);
  for (let table = next(format.userTables); table < tables; table = next(table + 1)) {
    if (isPerProcess(mm, table)) continue;
    const wrong = verifyCopiedDirectoryEntry(mm, space, table * 2 ** format.tableShift);
    if (wrong !== null) return wrong;
  }
  return null;
}

function verifyCopiedDirectoryEntry(mm: MemoryManager, space: AddressSpace, address: number): string | null {
  const pde = pdeLocation(mm, space, address);
  if (mm.format.isZero(pde)) return null;
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
  findings: VerifierFindings,
): string | null {
  const { format } = mm;
  const pdeAddress = format.pdeAddress(address);
  if (format.isValid(pde)) return verifyValid(mm, pde, pdeAddress, directory, findings);
  if (address >= mm.layout.systemRangeStart) return `is ${text(mm, pde)}, neither valid nor zero`;
  if (format.isTransition(pde)) return verifyTransition(mm, pde, pdeAddress, directory);
  const isPagedOut = !format.isPrototype(pde) && format.pageFileOffset(pde) !== 0;
  return isPagedOut ? findings.slots.note(format, pde) : `is ${text(mm, pde)}, no form of a page table's`;
}

function verifyTable(
  mm: MemoryManager,
  space: AddressSpace,
  base: number,
  table: PageView,
  findings: VerifierFindings,
  totals: SpaceTotals,
  expected: number | null = null,
): string | null {
  const { pfn } = mm;
  const { format, frame: tableFrame } = table;
  const isUser = base < mm.layout.systemRangeStart;
  let used = 0;
  let vad: Vad | null = null;
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
      const wrong = verifyValid(mm, at, format.pteAddress(address), tableFrame, findings);
      if (wrong !== null) return `PTE of ${hex(address)}: ${wrong}`;
    } else if (transition) {
      const wrong = verifyTransition(mm, at, format.pteAddress(address), tableFrame);
      if (wrong !== null) return `PTE of ${hex(address)}: ${wrong}`;
    }
    if (!isUser) continue;
    const isAwe = valid && pfn.isAwe(format.frame(at));
    if (valid && !isAwe) totals.validUser++;
    const inPagingFile = !valid && !transition && !format.isPrototype(at) && format.pageFileOffset(at) !== 0;
    const inSlot = inPagingFile ? findings.slots.note(format, at) : null;
    if (inSlot !== null) return `PTE of ${hex(address)} ${inSlot}`;
    if (inPagingFile || transition || (valid && !isAwe && !pfn.isPrototype(format.frame(at)))) totals.privateUser++;
    if (valid && !isAwe && format.isUser(at) === false) return `PTE of ${hex(address)} is valid for the kernel only`;
    const vpn = address >>> 12;
    if (vad === null || vad.endingVpn < vpn) vad = space.vads.findAtOrAfter(vpn);
    const owner = vad !== null && vad.startingVpn <= vpn ? vad : null;
    if (isAwe !== (owner?.type === VadType.Awe)) {
      return `PTE of ${hex(address)} is ${text(mm, at, format)}: pages of AWE belong into their regions, and no others`;
    }
    if (owner !== null) findings.countCommitment(owner, !format.isDecommitted(at));
    else if (address !== SHARED_USER_DATA_USER) {
      return `PTE of ${hex(address)} is ${text(mm, at, format)}, but no VAD has that page`;
    }
  }
  const counted = expected ?? (isUser ? usedPageTableEntries(mm, space, base) : used);
  if (isUser) used += idleAwePages(mm, space, base, table, findings);
  if (used !== counted) return `${counted} PTEs should be in use in the page table of ${hex(base)}, but ${used} are`;
  return isUser && used === 0 ? `the page table of ${hex(base)} is empty` : null;
}

/** Regions of AWE hold their page tables with a share, and count as used what is not mapped. */
function idleAwePages(
  mm: MemoryManager,
  space: AddressSpace,
  base: number,
  table: PageView,
  { contained }: VerifierFindings,
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
  { mappings, contained }: VerifierFindings,
): string | null {
  const { format, pfn } = mm;
  const frame = format.frame(at);
  if (frame === 0 || frame >= pfn.frameCount) return `maps frame ${frame.toString(16)}, which does not exist`;
  mappings[frame]++;
  if (!pfn.isOwnedBy(frame, pteAddress, tableFrame)) return verifyUnowned(mm, at, pteAddress, tableFrame, contained);
  const isBoth = format.isWritable(at) && format.isCopyOnWrite(at);
  return isBoth ? `maps ${pageName(frame)} writable and copy-on-write` : null;
}

/** A valid PTE whose page belongs to a prototype PTE or to AWE: everything else is wrong. */
function verifyUnowned(
  { format, pfn }: MemoryManager,
  at: PteLocation,
  pteAddress: number,
  tableFrame: number,
  contained: Uint32Array,
): string | null {
  const frame = format.frame(at);
  if (pfn.location(frame) !== PageLocation.Active)
    return `maps ${pageName(frame)}, which has location ${pfn.location(frame)}`;
  if (pfn.isPrototype(frame)) {
    contained[tableFrame]++;
    return null;
  }
  if (pfn.isAwe(frame) && pfn.pteAddress(frame) === pteAddress) return null;
  if (pfn.pteAddress(frame) !== pteAddress)
    return `maps ${pageName(frame)}, which belongs to the PTE at ${hex(pfn.pteAddress(frame))}`;
  const table = pfn.pteFrame(frame).toString(16);
  return `maps ${pageName(frame)}, which says its PTE is in frame ${table}, not ${tableFrame.toString(16)}`;
}

function verifyTransition(mm: MemoryManager, at: PteLocation, pteAddress: number, tableFrame: number): string | null {
  const { format, pfn } = mm;
  const frame = format.transitionFrame(at);
  if (frame === 0 || frame >= pfn.frameCount) return `is in transition to ${pageName(frame)}, which does not exist`;
  const location = pfn.location(frame);
  const waits = location === PageLocation.Standby || location === PageLocation.Modified;
  if (!waits && location !== PageLocation.ModifiedNoWrite && location !== PageLocation.Transition) {
    return `is in transition to ${pageName(frame)}, which has location ${location}`;
  }
  if (pfn.pteAddress(frame) !== pteAddress || pfn.pteFrame(frame) !== tableFrame) {
    return `is in transition to ${pageName(frame)}, which belongs to the PTE at ${hex(pfn.pteAddress(frame))}`;
  }
  return null;
}

function text(mm: MemoryManager, at: PteLocation, format = mm.format): string {
  const low = hex(format.low(at));
  return format.isPae ? hex(format.high(at)) + low : low;
}

const pageName = (frame: number): string => `PFN ${frame.toString(16)}`;
const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
