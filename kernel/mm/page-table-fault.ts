import { dispatchFault } from './demand-zero.js';
import { type FaultOutcome, FIRST_FAILURE } from './fault-outcome.js';
import { ensurePages, noPagesAvailable } from './free-pages.js';
import type { MemoryManager } from './memory-manager.js';
import { finishPageReadNow, isReadOutcome } from './page-read.js';
import { findPte, pdeLocation } from './page-table.js';
import { ProtectionMask } from './protection.js';
import { NO_PTE, type PteLocation } from './pte.js';
import type { WorkingSetOwner } from './working-set-owner.js';

/** Pages that making a page table may take, with those for the working set list. */
const TABLE_RESERVE = 8;

/**
 * Page tables of the user half are pages like any other (nt52.md 3.3, 5.2 C): they are trimmed when no PTE in them is valid or in
 * transition, go through the modified list to a paging file, and come back by a fault on their address in the self-map, whose
 * PTE is the PDE. The fault path lets that fault wait; services have it finished on the spot.
 */

/**
 * The page table of an address is not valid. The caller knows that something may be there. A success means that
 * the PTE can be found now; Refault, that the access has to be tried again.
 * Environment: as accessFault. Outcomes: DemandZero (a new table), Transition, Refault, NoMemory, MustWait.
 */
export function pageTableFault(mm: MemoryManager, space: WorkingSetOwner, address: number): FaultOutcome {
  const { format } = mm;
  const pde = pdeLocation(mm, space, address);
  const isNew = format.isZero(pde);
  if (isNew) format.writeDemandZero(pde, ProtectionMask.ReadWrite);
  const outcome = dispatchFault(mm, space, format.pteAddress(address), pde);
  if (isNew && outcome >= FIRST_FAILURE) format.writeZero(pde);
  return outcome;
}

/**
 * Where the PTE of a user address lies, for code that cannot wait: a page table that was paged out is brought in on the spot,
 * and virtual time passes as if the caller had waited. NO_PTE only when there is no page table (or a large page).
 */
export function residentPte(mm: MemoryManager, space: WorkingSetOwner, address: number): PteLocation {
  const { format } = mm;
  const pde = pdeLocation(mm, space, address);
  if (!format.isValid(pde) && !format.isZero(pde)) makeSystemAddressValid(mm, space, format.pteAddress(address));
  return findPte(mm, space, address);
}

/**
 * As residentPte, but makes the page table when there is none (MiMakePdeExistAndMakeValid); NO_PTE only when no frame is left.
 * Commitment for page tables was charged with the VAD (nt52.md 4.3).
 */
export function makePte(mm: MemoryManager, space: WorkingSetOwner, address: number): PteLocation {
  const found = residentPte(mm, space, address);
  if (found !== NO_PTE) return found;
  ensurePages(mm, TABLE_RESERVE);
  pageTableFault(mm, space, address);
  return findPte(mm, space, address);
}

/**
 * MiMakeSystemAddressValid: a page table or a page of paged pool that exists is brought in on the spot. A page that cannot be
 * read is a bugcheck 7A; running out of pages here is the end of the machine, NO_PAGES_AVAILABLE.
 */
export function makeSystemAddressValid(mm: MemoryManager, space: WorkingSetOwner, address: number): void {
  const { format, faults } = mm;
  const at = findPte(mm, space, address);
  const { completing } = faults;
  faults.completing = false;
  while (!format.isValid(at)) {
    ensurePages(mm, TABLE_RESERVE);
    const outcome = dispatchFault(mm, space, address, at);
    if (isReadOutcome(outcome)) finishPageReadNow(mm);
    else if (outcome >= FIRST_FAILURE) noPagesAvailable(mm);
  }
  faults.completing = completing;
}
