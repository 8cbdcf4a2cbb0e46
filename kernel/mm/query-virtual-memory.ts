import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { MemoryType } from './allocate-virtual-memory.js';
import { SHARED_USER_DATA_USER } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { committedProtection, NOT_COMMITTED, protectionOfPage } from './page-state.js';
import { residentPte } from './page-table.js';
import { PageProtection, win32Protection } from './protection.js';
import { NO_PTE } from './pte.js';
import type { Vad } from './vad.js';

/** MEMORY_BASIC_INFORMATION: addresses and sizes in bytes, protections as Win32 values. */
export interface MemoryBasicInformation {
  readonly baseAddress: number;
  readonly allocationBase: number;
  readonly allocationProtect: number;
  readonly regionSize: number;
  readonly state: number;
  readonly protect: number;
  readonly type: number;
}

/** Answers to a query; the information is null unless the status is a success. */
export interface QueryResult {
  readonly status: NtStatus;
  readonly information: MemoryBasicInformation | null;
}

/**
 * NtQueryVirtualMemory, class 0, without its pointers and handle (nt52 9.4). INVALID_PARAMETER above the user half.
 * Environment: PASSIVE_LEVEL, does not block.
 */
export function queryVirtualMemory(mm: MemoryManager, space: AddressSpace, base: number): QueryResult {
  if (base > mm.layout.highestUserAddress) return { status: Status.INVALID_PARAMETER, information: null };
  if (space.deleted) return { status: Status.PROCESS_IS_TERMINATING, information: null };
  const page = base - (base % 0x1000);
  if (page === SHARED_USER_DATA_USER || page > mm.layout.highestVadAddress)
    return { status: Status.SUCCESS, information: topOfUserSpace(mm, page) };
  const vad = space.vads.find(page >>> 12);
  const information = vad === null ? freeHole(mm, space, page) : regionAt(mm, space, vad, page >>> 12);
  return { status: Status.SUCCESS, information };
}

/** The shared data page, and the last 64 KB, which are kept out of reach. */
function topOfUserSpace({ layout }: MemoryManager, page: number): MemoryBasicInformation {
  const isSharedData = page === SHARED_USER_DATA_USER;
  return {
    baseAddress: page,
    allocationBase: isSharedData ? SHARED_USER_DATA_USER : layout.highestVadAddress + 1,
    allocationProtect: PageProtection.ReadOnly,
    regionSize: isSharedData ? 0x1000 : layout.highestUserAddress + 1 - page,
    state: isSharedData ? MemoryType.Commit : MemoryType.Reserve,
    protect: isSharedData ? PageProtection.ReadOnly : PageProtection.NoAccess,
    type: MemoryType.Private,
  };
}

function freeHole(mm: MemoryManager, space: AddressSpace, page: number): MemoryBasicInformation {
  const next = space.vads.findAtOrAfter(page >>> 12);
  const end = next === null ? mm.layout.highestVadAddress + 1 : next.startingVpn * 0x1000;
  return {
    baseAddress: page,
    allocationBase: 0,
    allocationProtect: 0,
    regionSize: end - page,
    state: MemoryType.Free,
    protect: PageProtection.NoAccess,
    type: 0,
  };
}

/** The run of pages from one page on that have its state and protection, within the VAD. */
function regionAt(mm: MemoryManager, space: AddressSpace, vad: Vad, firstVpn: number): MemoryBasicInformation {
  const protection = protectionOfPage(mm, space, vad, firstVpn);
  const tablePages = mm.format.entriesPerTable;
  let vpn = firstVpn + 1;
  while (vpn <= vad.endingVpn) {
    const at = residentPte(mm, space, vpn * 0x1000);
    if (committedProtection(mm, space, vad, vpn, at) !== protection) break;
    // Without a page table every page of a private region is as the VAD says.
    vpn = at === NO_PTE && vad.privateMemory ? (Math.floor(vpn / tablePages) + 1) * tablePages : vpn + 1;
  }
  const end = Math.min(vpn, vad.endingVpn + 1);
  return {
    baseAddress: firstVpn * 0x1000,
    allocationBase: vad.startAddress,
    allocationProtect: win32Protection(vad.protection),
    regionSize: (end - firstVpn) * 0x1000,
    state: protection === NOT_COMMITTED ? MemoryType.Reserve : MemoryType.Commit,
    protect: protection === NOT_COMMITTED ? 0 : win32Protection(protection),
    type: regionType(vad),
  };
}

function regionType(vad: Vad): number {
  if (vad.privateMemory) return MemoryType.Private;
  return vad.isImage ? MemoryType.Image : MemoryType.Mapped;
}

/** Name of the file behind a view (class 2). INVALID_ADDRESS: no view there; FILE_INVALID: backed by the page file. */
export function queryMappedFileName(
  mm: MemoryManager,
  space: AddressSpace,
  base: number,
): { readonly status: NtStatus; readonly name: string } {
  if (base > mm.layout.highestUserAddress) return { status: Status.INVALID_PARAMETER, name: '' };
  if (base > mm.layout.highestVadAddress) return { status: Status.INVALID_ADDRESS, name: '' };
  const area = space.vads.find(base >>> 12)?.controlArea ?? null;
  if (area === null) return { status: Status.INVALID_ADDRESS, name: '' };
  if (area.file === null) return { status: Status.FILE_INVALID, name: '' };
  return { status: Status.SUCCESS, name: area.file.name };
}
