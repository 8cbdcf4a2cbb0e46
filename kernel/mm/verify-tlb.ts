import {
  CR0,
  TLB_FILLED_COUNT,
  TLB_FILLED_OFFSET,
  TRANSLATION_DIRTY,
  TRANSLATION_EXECUTABLE,
  TRANSLATION_USER,
  TRANSLATION_WRITABLE,
  tlbEntry,
} from '../../cpu/index.js';
import type { MemoryManager } from './memory-manager.js';
import { findPte, pdeLocation } from './page-table.js';
import { NO_PTE } from './pte.js';

/**
 * The kernel invalidates what it changes, so that no TLB entry may outlive its PTE or permit more than it: every cached
 * page must be what the page tables of the current process say.
 * @returns the first stale entry in one sentence, or null
 */
export function verifyTlb(mm: MemoryManager): string | null {
  const { cpu } = mm;
  if (cpu.state[CR0] >= 0) return null;
  const filled = TLB_FILLED_OFFSET >>> 2;
  const count = cpu.state[TLB_FILLED_COUNT];
  for (let index = 0; index < count; index++) {
    const address = cpu.state[filled + index] * 0x1000;
    const wrong = verifyEntry(mm, address);
    if (wrong !== null) return `the TLB entry of ${address.toString(16).padStart(8, '0')} ${wrong}`;
  }
  return null;
}

function verifyEntry(mm: MemoryManager, address: number): string | null {
  const { format } = mm;
  const entry = tlbEntry(mm.cpu, address | 0);
  if (entry === 0) return null;
  const pde = pdeLocation(mm, mm.current, address);
  const isLarge = format.isValid(pde) && format.isLargePage(pde);
  const at = isLarge ? pde : findPte(mm, mm.current, address);
  if (at === NO_PTE || !format.isValid(at)) return 'is cached but its PTE is not valid';
  const frame = entry >>> 8;
  const first = isLarge ? ((address >>> 12) & (format.entriesPerTable - 1)) + format.frame(at) : format.frame(at);
  if (frame !== first) {
    return `maps frame ${frame.toString(16)}, its PTE frame ${first.toString(16)}`;
  }
  if ((entry & TRANSLATION_WRITABLE) !== 0 && !format.isWritable(at)) return 'allows stores, its PTE does not';
  if ((entry & TRANSLATION_USER) !== 0 && !format.isUser(at)) return 'admits user mode, its PTE does not';
  if ((entry & TRANSLATION_EXECUTABLE) !== 0 && format.isNoExecute(at)) return 'allows execution, its PTE does not';
  if ((entry & TRANSLATION_DIRTY) !== 0 && !format.isDirty(at)) return 'counts as written, its PTE is clean';
  return null;
}
