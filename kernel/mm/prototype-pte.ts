import type { MemoryManager } from './memory-manager.js';
import { deletePrototypePte } from './prototype-fault.js';
import type { PteLocation } from './pte.js';
import { residentLocation } from './system-fault.js';

/**
 * Arrays of prototype PTEs: bytes in paged pool that say where the pages of a section are (nt52 2.3). States: valid,
 * transition, demand zero, subsection (in the file), page file, zero (not committed).
 */

/** A run of prototype PTEs: address of the first, and how many. */
export interface PrototypeRun {
  readonly address: number;
  readonly count: number;
}

/** Makes all of them demand zero with a protection. */
export function fillDemandZero(mm: MemoryManager, run: PrototypeRun, protection: number): void {
  const { format } = mm;
  for (let i = 0; i < run.count; i++) format.writeDemandZero(location(mm, run, i), protection);
}

/** Makes all of them pages of a file, by the address of their SUBSECTION. */
export function fillSubsection(mm: MemoryManager, run: PrototypeRun, subsection: number, protection: number): void {
  const { format } = mm;
  for (let i = 0; i < run.count; i++) format.writeSubsection(location(mm, run, i), subsection, protection);
}

/** Makes all of them zero without looking at what they were: for arrays fresh from pool. */
export function fillZero(mm: MemoryManager, run: PrototypeRun): void {
  const { format } = mm;
  for (let i = 0; i < run.count; i++) format.writeZero(location(mm, run, i));
}

/** Deletes the pages behind all of them; no view may map any. */
export function deletePrototypePtes(mm: MemoryManager, run: PrototypeRun): void {
  const { entrySize } = mm.format;
  for (let i = 0; i < run.count; i++) deletePrototypePte(mm, run.address + i * entrySize);
}

function location(mm: MemoryManager, run: PrototypeRun, index: number): PteLocation {
  return residentLocation(mm, run.address + index * mm.format.entrySize);
}
