import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { aweProtection } from './awe.js';
import { isLargePageAddress } from './large-page.js';
import { PAGE_SHIFT, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { findPte, forEachValidPte } from './page-table.js';
import { win32Protection } from './protection.js';
import { NO_PTE, type PteLocation } from './pte.js';
import { pteProtection } from './pte-protection.js';
import { writeDword } from './service-support.js';
import { findEntry } from './working-set.js';

const MAXIMUM_SHARE_COUNT = 7;
const SHARED_BIT = 0x100;
const VALID_BIT = 1;
const SHARED_EX_BIT = 1 << 15;
const LOCKED_BIT = 1 << 22;
const LARGE_PAGE_BIT = 1 << 23;

/**
 * NtQueryVirtualMemory class 1: a count, then a dword for every page of the working set in ascending order: Protection 0-4, ShareCount
 * 5-7 (0: private), Shared 8, page number 12-31. INFO_LENGTH_MISMATCH, with the count filled in, when they do not fit.
 */
export function queryWorkingSetList(
  kernel: Kernel,
  space: AddressSpace,
  buffer: number,
  length: number,
  returnLength: number,
): NtStatus {
  const { mm } = kernel;
  const entries: number[] = [];
  forEachValidPte(mm, space, 0, mm.layout.highestVadAddress >>> PAGE_SHIFT, (at, vpn) => {
    const frame = mm.format.frame(at);
    if (mm.pfn.isAwe(frame)) return;
    const protection = pteProtection(mm, space, vpn * 0x1000, at) & 0x1f;
    const shares = mm.pfn.isPrototype(frame) ? Math.min(mm.pfn.shareCount(frame), MAXIMUM_SHARE_COUNT) : 0;
    const shared = mm.pfn.isPrototype(frame) ? SHARED_BIT : 0;
    entries.push((protection | (shares << 5) | shared | (vpn << 12)) >>> 0);
  });
  writeDword(kernel, buffer, entries.length);
  const needed = 4 + entries.length * 4;
  if (returnLength !== 0) writeDword(kernel, returnLength, needed);
  if (needed > length) return Status.INFO_LENGTH_MISMATCH;
  for (const [index, entry] of entries.entries()) writeDword(kernel, buffer + 4 + index * 4, entry);
  return Status.SUCCESS;
}

/**
 * Class 4: for each {VirtualAddress, attributes} of an array, Valid 0, ShareCount 1-3, Win32Protection 4-14, Shared 15, Locked 22
 * and LargePage 23 of the page there.
 */
export function queryWorkingSetEx(
  kernel: Kernel,
  space: AddressSpace,
  buffer: number,
  length: number,
  returnLength: number,
): NtStatus {
  const { mm, user } = kernel;
  const count = Math.floor(length / 8);
  for (let index = 0; index < count; index++) {
    const entry = buffer + index * 8;
    const address = user.read32(entry);
    writeDword(kernel, entry + 4, address > mm.layout.highestVadAddress ? 0 : pageAttributes(mm, space, address));
  }
  if (returnLength !== 0) writeDword(kernel, returnLength, count * 8);
  return Status.SUCCESS;
}

function pageAttributes(mm: MemoryManager, space: AddressSpace, address: number): number {
  if (isLargePageAddress(mm, space, address)) return largePageAttributes(space, address);
  const at = findPte(mm, space, address);
  if (at === NO_PTE || !mm.format.isValid(at)) return 0;
  const frame = mm.format.frame(at);
  const shares = Math.min(mm.pfn.shareCount(frame), MAXIMUM_SHARE_COUNT);
  const shared = mm.pfn.isPrototype(frame) ? SHARED_EX_BIT : 0;
  const protection = win32Protection(protectionOfValidPage(mm, space, address, at));
  return VALID_BIT | (shares << 1) | (protection << 4) | shared | lockedBit(mm, space, address, frame);
}

/** Large pages are in no working set, and never leave. */
function largePageAttributes(space: AddressSpace, address: number): number {
  const vad = space.vads.find(address >>> PAGE_SHIFT);
  const protection = vad === null ? 0 : win32Protection(vad.protection);
  return VALID_BIT | (1 << 1) | (protection << 4) | LOCKED_BIT | LARGE_PAGE_BIT;
}

/** Pages of AWE have the protection of their region. */
function protectionOfValidPage(mm: MemoryManager, space: AddressSpace, address: number, at: PteLocation): number {
  const vpn = address >>> PAGE_SHIFT;
  const vad = mm.pfn.isAwe(mm.format.frame(at)) ? space.vads.find(vpn) : null;
  return vad === null ? pteProtection(mm, space, vpn * PAGE_SIZE, at) : aweProtection(vad, vpn);
}

function lockedBit(mm: MemoryManager, space: AddressSpace, address: number, frame: number): number {
  if (mm.pfn.isAwe(frame)) return LOCKED_BIT;
  const index = findEntry(mm, space, address >>> PAGE_SHIFT, frame);
  return index >= 0 && space.workingSet.isLocked(index) ? LOCKED_BIT : 0;
}
