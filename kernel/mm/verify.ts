import { PageLocation } from './layout.js';
import { verifyLockedPages } from './mdl.js';
import type { MemoryManager } from './memory-manager.js';
import { PoolInspector } from './page-reader.js';
import type { PteLocation } from './pte.js';
import { VerifierFindings } from './verifier-findings.js';
import { verifyAwe, verifyAweFrame } from './verify-awe.js';
import { verifyClones } from './verify-clones.js';
import { verifyCommitment } from './verify-commitment.js';
import { verifyPageLists } from './verify-lists.js';
import { verifyPageTables } from './verify-page-tables.js';
import { verifyPagedPool } from './verify-paged-pool.js';
import { verifyPagingFiles } from './verify-paging-files.js';
import { verifyPrototypes } from './verify-prototypes.js';
import { verifyQuotas } from './verify-quotas.js';
import { verifyResidence } from './verify-residence.js';
import { verifyTlb } from './verify-tlb.js';
import { verifyViews } from './verify-views.js';

/**
 * The house checks itself (rule 7): page lists, page tables of all processes, PFN database, prototype PTEs, commitment,
 * quotas, VADs, system PTEs, pool and TLB against each other. Changes nothing.
 * @returns the first inconsistency in one sentence, or null
 */
export function verifyMemory(mm: MemoryManager): string | null {
  const listed = new Uint8Array(mm.lists.knownFrames);
  const findings = new VerifierFindings(mm);
  return (
    verifyPageLists(mm, listed) ??
    verifyAddressSpaces(mm) ??
    verifyPageTables(mm, findings) ??
    verifyPrototypes(mm, findings) ??
    verifyClones(mm, findings) ??
    verifyViews(mm) ??
    verifyAwe(mm) ??
    verifyFrames(mm, listed, findings) ??
    verifyCommitment(mm, findings) ??
    verifyQuotas(mm) ??
    verifyResidence(mm) ??
    mm.systemPtes.verify() ??
    mm.pool.verify(new PoolInspector(mm)) ??
    mm.cacheViews.verify() ??
    verifyLockedPages(mm) ??
    verifyPagedPool(mm, findings) ??
    verifyPagingFiles(mm, findings) ??
    verifyTlb(mm) ??
    (mm.memory.evictor === null ? null : mm.memory.verify())
  );
}

function verifyAddressSpaces(mm: MemoryManager): string | null {
  if (!mm.addressSpaces.includes(mm.current)) return 'the address space in CR3 is not among the living ones';
  for (const space of mm.addressSpaces) {
    const wrong = space.vads.verify();
    if (wrong !== null) return `process ${space.processId}: ${wrong}`;
  }
  return null;
}

/** Every frame is on exactly one list, or active with the right counts, or pinned in transition. */
function verifyFrames(mm: MemoryManager, listed: Uint8Array, findings: VerifierFindings): string | null {
  const { format, pfn } = mm;
  const { knownFrames } = mm.lists;
  for (let frame = 1; frame < knownFrames; frame++) {
    const location = pfn.location(frame);
    if (location === PageLocation.Zeroed || location === PageLocation.Free || location === PageLocation.Bad) continue;
    const wrong = findings.slots.note(format, pfn.originalPte(frame));
    if (wrong !== null) return `${name(frame)} ${wrong}`;
    if (pfn.isAwe(frame) || (location === PageLocation.Transition && pfn.isDeleted(frame))) continue;
    const table = pfn.pteFrame(frame);
    if (table === 0 || table >= pfn.frameCount)
      return `${name(frame)} is owned by a PTE in no frame (${table.toString(16)})`;
    findings.contained[table]++;
  }
  const { mappings, contained } = findings;
  for (let frame = 1; frame < knownFrames; frame++) {
    const isUnused = listed[frame] !== 0 && mappings[frame] === 0 && contained[frame] === 0;
    if (isUnused && pfn.location(frame) < PageLocation.Standby) continue;
    const wrong = verifyFrame(mm, frame, listed[frame] !== 0, findings);
    if (wrong !== null) return `${name(frame)} ${wrong}`;
  }
  return null;
}

function verifyFrame(
  mm: MemoryManager,
  frame: number,
  isListed: boolean,
  { mappings, contained }: VerifierFindings,
): string | null {
  const { pfn } = mm;
  const location = pfn.location(frame);
  if (location < PageLocation.Active) {
    if (!isListed) return `has location ${location} but is on no list`;
    if (mappings[frame] !== 0) return `is on list ${location} but ${mappings[frame]} valid PTEs map it`;
    if (contained[frame] !== 0) return `is on list ${location} but holds PTEs of ${contained[frame]} pages`;
    return location >= PageLocation.Standby && location !== PageLocation.Bad ? verifyOwner(mm, frame) : null;
  }
  if (isListed) return `has location ${location} but is on a list`;
  if (location === PageLocation.Transition) {
    return pfn.referenceCount(frame) === 0 ? 'is in transition without references and on no list' : null;
  }
  if (pfn.isAwe(frame)) return verifyAweFrame(mm, frame, mappings[frame]);
  const shares = mappings[frame] + contained[frame];
  if (pfn.shareCount(frame) !== shares) {
    return (
      `has share count ${pfn.shareCount(frame)}, but ${mappings[frame]} valid PTEs map it ` +
      `and it holds the PTEs of ${contained[frame]} pages`
    );
  }
  if (shares === 0) return 'is active but nothing refers to it';
  if (pfn.referenceCount(frame) === 0) return 'is active with reference count 0';
  return verifyOwner(mm, frame);
}

/** The PTE that the frame's entry names as its owner agrees. */
function verifyOwner(mm: MemoryManager, frame: number): string | null {
  const { format, pfn } = mm;
  const owner = mm.lists.owningPte(frame);
  const active = pfn.location(frame) === PageLocation.Active;
  const isTransition = format.isTransition(owner) && format.transitionFrame(owner) === frame;
  const agrees = active
    ? (format.isValid(owner) && (format.frame(owner) === frame || isOfLargePage(mm, owner, frame))) ||
      (isTransition && keepsChildrenOnly(mm, frame))
    : isTransition;
  if (agrees) return null;
  const kind = pfn.isPrototype(frame) ? 'prototype PTE' : 'PTE';
  return `says its ${kind} is at ${hex(pfn.pteAddress(frame))}, which holds ${pteText(mm, owner)}`;
}

/** The frame is of one of the kernel's large pages, which were checked with the page tables. */
function isOfLargePage({ format, layout, pfn }: MemoryManager, owner: PteLocation, frame: number): boolean {
  if (!format.isLargePage(owner)) return false;
  const address = pfn.pteAddress(frame);
  return address >= format.pdeAddress(layout.pfnDatabase) && address < format.pdeAddress(layout.nonPagedPoolEnd);
}

/** A bookkeeping page of a process that is out stays active while it holds PTEs of pages in transition. */
function keepsChildrenOnly(mm: MemoryManager, frame: number): boolean {
  return mm.addressSpaces.some((space) => space.outSwapped && space.bookkeepingFrames.includes(frame));
}

function pteText(mm: MemoryManager, at: Parameters<MemoryManager['format']['low']>[0]): string {
  const low = hex(mm.format.low(at));
  return mm.format.isPae ? `${hex(mm.format.high(at))}${low}` : low;
}

const name = (frame: number): string => `PFN ${frame.toString(16)}`;
const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
