import { Status } from '../ntstatus.js';
import { type NtStatus, type VirtualAddress, virtualAddress } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { MemoryType } from './allocate-virtual-memory.js';
import { deleteAweRegion } from './awe.js';
import { releaseClone, releaseClones } from './clone.js';
import { releaseProcessCommit } from './commit.js';
import { deleteLargePages } from './large-page.js';
import type { AddressLayout } from './layout.js';
import { committedProtection } from './page-state.js';
import { decommitPte, deletePteRange, residentPte } from './page-table.js';
import { NO_PTE } from './pte.js';
import { Vad, VadType } from './vad.js';
import { insertVad, type MemoryContext, removeVad, uncommitPageTables } from './vad-charges.js';

/** What was freed; base and size are the request's unless the status is a success. */
export interface FreeResult {
  readonly status: NtStatus;
  readonly base: VirtualAddress;
  readonly size: number;
}

/** Range of pages, inclusive. */
interface PageRange {
  readonly first: number;
  readonly last: number;
}

/** Checks of NtFreeVirtualMemory before its handle: INVALID_PARAMETER_4 precedes the probe, _2 and _3 follow it. */
export function checkFreeType(type: number): NtStatus {
  return type === MemoryType.Decommit || type === MemoryType.Release ? Status.SUCCESS : Status.INVALID_PARAMETER_4;
}

/** Checks of the captured base and size. */
export function checkFreeRange({ highestUserAddress }: AddressLayout, base: number, size: number): NtStatus {
  if (base > highestUserAddress) return Status.INVALID_PARAMETER_2;
  if (size > highestUserAddress - base) return Status.INVALID_PARAMETER_3;
  return Status.SUCCESS;
}

/**
 * Decommits or releases memory of a process: NtFreeVirtualMemory without its pointers and handle, all checks
 * included (nt52 9.2). Environment: PASSIVE_LEVEL, does not block.
 */
export function freeVirtualMemory(
  context: MemoryContext,
  space: AddressSpace,
  base: number,
  size: number,
  type: number,
): FreeResult {
  let status = checkFreeType(type);
  if (status === Status.SUCCESS) status = checkFreeRange(context.mm.layout, base, size);
  if (status !== Status.SUCCESS) return { status, base: virtualAddress(base), size };
  if (space.deleted) return { status: Status.PROCESS_IS_TERMINATING, base: virtualAddress(base), size };
  const first = base >>> 12;
  const vad = space.vads.find(first);
  status = checkFreeVad(vad, base, size, type);
  if (status !== Status.SUCCESS || vad === null) return { status, base: virtualAddress(base), size };
  const last = size === 0 ? vad.endingVpn : (base + size - 1) >>> 12;
  if (!vad.allowsChange(first, last, 0)) {
    return { status: Status.INVALID_PAGE_PROTECTION, base: virtualAddress(base), size };
  }
  const result = { status: Status.SUCCESS, base: virtualAddress(first * 0x1000), size: (last - first + 1) * 0x1000 };
  status =
    type === MemoryType.Release
      ? releasePages(context, space, vad, { first, last })
      : decommitPages(context, space, vad, { first, last });
  return status === Status.SUCCESS ? result : { status, base: virtualAddress(base), size };
}

function checkFreeVad(vad: Vad | null, base: number, size: number, type: number): NtStatus {
  if (vad === null) return Status.MEMORY_NOT_ALLOCATED;
  const first = base >>> 12;
  const last = size === 0 ? vad.endingVpn : (base + size - 1) >>> 12;
  if (last > vad.endingVpn) return Status.UNABLE_TO_FREE_VM;
  if (!vad.privateMemory || vad.type === VadType.DevicePhysicalMemory) return Status.UNABLE_TO_DELETE_SECTION;
  if (vad.rejectsCommit) return Status.MEMORY_NOT_ALLOCATED;
  if (size === 0 && first !== vad.startingVpn) return Status.FREE_VM_NOT_AT_BASE;
  const isWhole = first === vad.startingVpn && last === vad.endingVpn;
  const special = vad.type !== VadType.None;
  if (type === MemoryType.Decommit) return special && !vad.isPageable ? Status.MEMORY_NOT_ALLOCATED : Status.SUCCESS;
  return special && !isWhole ? Status.FREE_VM_NOT_AT_BASE : Status.SUCCESS;
}

/** Committed pages of a part of a private region. */
export function countCommittedPages(context: MemoryContext, space: AddressSpace, vad: Vad, range: PageRange): number {
  const { mm } = context;
  const tablePages = mm.format.entriesPerTable;
  let count = 0;
  for (let vpn = range.first; vpn <= range.last; ) {
    const at = residentPte(mm, space, vpn * 0x1000);
    if (at !== NO_PTE) {
      if (committedProtection(mm, space, vad, vpn, at) >= 0) count++;
      vpn++;
      continue;
    }
    const next = Math.min((Math.floor(vpn / tablePages) + 1) * tablePages, range.last + 1);
    if (vad.memCommit) count += next - vpn;
    vpn = next;
  }
  return count;
}

/** MEM_RELEASE: the whole region, its start, its end, or a piece in the middle, which leaves two regions. */
function releasePages(context: MemoryContext, space: AddressSpace, vad: Vad, range: PageRange): NtStatus {
  const { mm } = context;
  const atStart = range.first === vad.startingVpn;
  const atEnd = range.last === vad.endingVpn;
  if (atStart && atEnd) {
    deletePrivateVad(context, space, vad);
    return Status.SUCCESS;
  }
  if (!atStart && !atEnd) return releaseMiddle(context, space, vad, range);
  const freed = countCommittedPages(context, space, vad, range);
  deletePteRange(mm, space, range.first, range.last);
  releaseClones(mm, vad, range.first, range.last);
  shrink(context, space, vad, range, freed);
  return Status.SUCCESS;
}

/** Cuts pages (already deleted) off one end of a VAD and returns their charges. */
function shrink(context: MemoryContext, space: AddressSpace, vad: Vad, range: PageRange, freed: number): void {
  const atStart = range.first === vad.startingVpn;
  if (atStart) vad.startingVpn = range.last + 1;
  else vad.endingVpn = range.first - 1;
  vad.commitCharge -= freed;
  const previous = atStart ? space.vads.previous(vad) : vad;
  const next = atStart ? vad : space.vads.next(vad);
  const tables = uncommitPageTables(context.mm, space, range, previous, next);
  releaseProcessCommit(context.mm.commit, space, freed + tables);
  space.virtualSize -= (range.last - range.first + 1) * 0x1000;
}

function releaseMiddle(context: MemoryContext, space: AddressSpace, vad: Vad, range: PageRange): NtStatus {
  const { mm } = context;
  const freed = countCommittedPages(context, space, vad, range);
  const upperRange = { first: range.last + 1, last: vad.endingVpn };
  const upperCharge = countCommittedPages(context, space, vad, upperRange);
  const upper = new Vad(upperRange.first, upperRange.last, vad.protection, true);
  upper.memCommit = vad.memCommit;
  // The tree must not hold both while they overlap, and charges for the upper part are already paid.
  const oldEnd = vad.endingVpn;
  vad.endingVpn = range.first - 1;
  const status = insertVad(context, space, upper);
  if (status !== Status.SUCCESS) {
    vad.endingVpn = oldEnd;
    return status;
  }
  vad.commitCharge -= upperCharge + freed;
  upper.clones = vad.clones === null ? null : new Map([...vad.clones].filter(([vpn]) => vpn > range.last));
  upper.commitCharge = upperCharge;
  space.virtualSize -= upper.pages * 0x1000;
  deletePteRange(mm, space, range.first, range.last);
  releaseClones(mm, vad, range.first, range.last);
  for (const vpn of upper.clones?.keys() ?? []) vad.clones?.delete(vpn);
  const tables = uncommitPageTables(mm, space, range, vad, upper);
  releaseProcessCommit(mm.commit, space, freed + tables);
  space.virtualSize -= (range.last - range.first + 1) * 0x1000;
  return Status.SUCCESS;
}

/** MEM_DECOMMIT: pages go, addresses stay. Pages that are not committed are passed over. */
function decommitPages(context: MemoryContext, space: AddressSpace, vad: Vad, range: PageRange): NtStatus {
  const { mm } = context;
  if (range.first === vad.startingVpn && range.last === vad.endingVpn) {
    deletePteRange(mm, space, range.first, range.last);
    releaseClones(mm, vad, range.first, range.last);
    releaseProcessCommit(mm.commit, space, vad.commitCharge);
    vad.commitCharge = 0;
    vad.memCommit = false;
    return Status.SUCCESS;
  }
  const tablePages = mm.format.entriesPerTable;
  let freed = 0;
  let status: NtStatus = Status.SUCCESS;
  for (let vpn = range.first; vpn <= range.last; ) {
    const at = residentPte(mm, space, vpn * 0x1000);
    if (at === NO_PTE && !vad.memCommit) {
      vpn = (Math.floor(vpn / tablePages) + 1) * tablePages;
      continue;
    }
    if (committedProtection(mm, space, vad, vpn, at) >= 0) {
      if (!decommitPte(mm, space, vpn * 0x1000)) {
        status = Status.NO_MEMORY;
        break;
      }
      releaseClone(mm, vad, vpn);
      freed++;
    }
    vpn++;
  }
  vad.commitCharge -= freed;
  releaseProcessCommit(mm.commit, space, freed);
  return status;
}

/** Deletes one region of any kind with its pages; process deletion and failed start-ups use it for private ones. */
export function deletePrivateVad(context: MemoryContext, space: AddressSpace, vad: Vad): void {
  if (vad.type === VadType.Awe) deleteAweRegion(context.mm, space, vad);
  else if (vad.isLargePages) deleteLargePages(context.mm, space, vad);
  else deletePteRange(context.mm, space, vad.startingVpn, vad.endingVpn);
  releaseClones(context.mm, vad, vad.startingVpn, vad.endingVpn);
  removeVad(context, space, vad);
}
