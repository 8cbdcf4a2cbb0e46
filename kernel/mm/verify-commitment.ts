import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { VadType } from './vad.js';
import type { VerifierFindings } from './verifier-findings.js';
import { sectionCommitment } from './verify-prototypes.js';

/**
 * Adds up what was promised: committed pages of each private VAD, charges of each process, and the system's total.
 * @returns the first inconsistency, or null
 */
export function verifyCommitment(mm: MemoryManager, findings: VerifierFindings): string | null {
  let total = 0;
  for (const space of mm.addressSpaces) {
    const wrong = verifyProcess(mm, space, findings);
    if (wrong !== null) return `process ${space.processId}: ${wrong}`;
    total += space.commitCharge;
  }
  for (const pages of Object.values(mm.committed)) total += pages;
  total += sectionCommitment(mm);
  if (total !== mm.commit.charged)
    return `${mm.commit.charged} pages are charged as commitment, but ${total} are accounted for`;
  return null;
}

function verifyProcess(mm: MemoryManager, space: AddressSpace, findings: VerifierFindings): string | null {
  const tableShift = mm.format.tableShift - 12;
  const paidTables = new Uint8Array(space.committedPageTables.length);
  let charge = 0;
  let size = 0;
  for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) {
    if (vad.rejectsCommit) continue;
    size += vad.pages * 0x1000;
    paidTables.fill(1, vad.startingVpn >>> tableShift, (vad.endingVpn >>> tableShift) + 1);
    charge += vad.commitCharge;
    if (!vad.privateMemory || vad.type === VadType.Awe) continue;
    const committed = findings.committedPages(vad);
    if (committed !== vad.commitCharge) {
      return `VAD ${vad.startingVpn.toString(16)} is charged ${vad.commitCharge} pages, but ${committed} are committed`;
    }
  }
  if (size !== space.virtualSize)
    return `the virtual size should be ${space.virtualSize} but its VADs cover ${size} bytes`;
  const { committedPageTables } = space;
  for (let table = 0; table < paidTables.length; table++) {
    const isPaid = paidTables[table];
    if (committedPageTables[table] !== isPaid) {
      const state = isPaid === 1 ? 'is in a VAD but not paid for' : 'is paid for but in no VAD';
      return `the page table of ${(table * 2 ** mm.format.tableShift).toString(16)} ${state}`;
    }
    charge += isPaid;
  }
  return charge === space.commitCharge
    ? null
    : `${space.commitCharge} pages are charged, but VADs and page tables make ${charge}`;
}
