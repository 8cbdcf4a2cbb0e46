import { Status } from '../ntstatus.js';
import { type NtStatus, type VirtualAddress, virtualAddress } from '../types.js';
import { findEmptyAddressRangeDown, isRangeTaken, NO_ADDRESS } from './address-search.js';
import type { AddressSpace } from './address-space.js';
import { deletePrivateVad } from './free-virtual-memory.js';
import { PAGE_SIZE, SHARED_USER_DATA_USER } from './layout.js';
import { inAddressSpace } from './process-access.js';
import { ProtectionMask } from './protection.js';
import type { ImageInformation } from './segment.js';
import { Vad } from './vad.js';
import { insertVad, type MemoryContext } from './vad-charges.js';

/** Where a PEB or TEB lies; 0 unless the status is a success. */
export interface BlockResult {
  readonly status: NtStatus;
  readonly address: VirtualAddress;
}

/** What of a PEB is not the same for every process. */
export interface PebParameters {
  readonly imageBase: number;
  readonly image: ImageInformation;
  readonly sessionId?: number;
  readonly globalFlag?: number;
  /** Clock ticks since boot: choose the PEB's page (nt52 1.4). */
  readonly tickCount: number;
}

/** The thread's user stack; DeallocationStack is the lowest address of its reservation. */
export interface TebParameters {
  readonly processId: number;
  readonly threadId: number;
  readonly peb: number;
  readonly stackBase: number;
  readonly stackLimit: number;
  readonly allocationBase: number;
}

const PEB_SIZE = 0x230;
/** PEBs and TEBs lie below it, which every process can reach, wherever its user space ends. */
const TOP = SHARED_USER_DATA_USER;
const BUILD_NUMBER = 3790;
/** 30 days in 100 ns units, negative: a relative time (nt52 11.3). */
const CRITICAL_SECTION_TIMEOUT = -25_920_000_000_000n;

/** Fixed PEB fields: offset and dword. */
const pebFields: readonly (readonly [number, number])[] = [
  [0x004, 0xffffffff],
  [0x064, 1],
  [0x078, 0x100000],
  [0x07c, 0x2000],
  [0x080, 0x10000],
  [0x084, 0x1000],
  [0x08c, (PAGE_SIZE - PEB_SIZE) / 4],
  [0x0a4, 5],
  [0x0a8, 2],
  [0x0ac, BUILD_NUMBER],
  [0x0b0, 2],
  [0x0c0, 1],
];

/**
 * MmCreatePeb: one page of committed, secured memory at a place that depends on the clock, filled with what the kernel
 * knows. ProcessParameters, Ldr and the heap fields are for others to fill. INSUFFICIENT_RESOURCES, COMMITMENT_LIMIT,
 * NO_MEMORY. Environment: PASSIVE_LEVEL, any process current.
 */
export function createPeb(context: MemoryContext, space: AddressSpace, parameters: PebParameters): BlockResult {
  const random = Math.max(2, parameters.tickCount & 15);
  const wanted = TOP - random * PAGE_SIZE;
  const result = createBlock(context, space, isRangeTaken(space.vads, wanted, PAGE_SIZE) ? 0 : wanted);
  if (result.status !== Status.SUCCESS) return result;
  const { user } = context.mm;
  const { image } = parameters;
  const peb = result.address;
  const status = inAddressSpace(context.mm, space, () => {
    for (const [offset, value] of pebFields) user.write32(peb + offset, value);
    user.write32(peb + 0x008, parameters.imageBase);
    user.write32(peb + 0x068, parameters.globalFlag ?? 0);
    user.write64(peb + 0x070, BigInt.asUintN(64, CRITICAL_SECTION_TIMEOUT));
    user.write32(peb + 0x090, peb + PEB_SIZE);
    user.write32(peb + 0x0b4, image.subSystemType);
    user.write32(peb + 0x0b8, image.subSystemMajorVersion);
    user.write32(peb + 0x0bc, image.subSystemMinorVersion);
    user.write32(peb + 0x1d4, parameters.sessionId ?? 0);
    return user.takeFailure();
  });
  return finish(context, space, peb, status);
}

/**
 * MmCreateTeb: the highest free page below KUSER_SHARED_DATA, filled with what the kernel knows of the thread.
 * Statuses as createPeb. Environment: PASSIVE_LEVEL, any process current.
 */
export function createTeb(context: MemoryContext, space: AddressSpace, parameters: TebParameters): BlockResult {
  const result = createBlock(context, space, 0);
  if (result.status !== Status.SUCCESS) return result;
  const { user } = context.mm;
  const teb = result.address;
  const status = inAddressSpace(context.mm, space, () => {
    user.write32(teb + 0x000, 0xffffffff);
    user.write32(teb + 0x004, parameters.stackBase);
    user.write32(teb + 0x008, parameters.stackLimit);
    user.write32(teb + 0x010, 0x1e00);
    user.write32(teb + 0x018, teb);
    user.write32(teb + 0x020, parameters.processId);
    user.write32(teb + 0x024, parameters.threadId);
    user.write32(teb + 0x030, parameters.peb);
    user.write32(teb + 0x6b4, parameters.processId);
    user.write32(teb + 0x6b8, parameters.threadId);
    // StaticUnicodeString: empty, with the TEB's own buffer.
    user.write32(teb + 0xbf8, 0x020a0000);
    user.write32(teb + 0xbfc, teb + 0xc00);
    user.write32(teb + 0xe0c, parameters.allocationBase);
    return user.takeFailure();
  });
  return finish(context, space, teb, status);
}

/** MmDeleteTeb: the page goes although it is secured. Nothing happens when there is no block at the address. */
export function deleteTeb(context: MemoryContext, space: AddressSpace, teb: number): void {
  const vad = space.vads.find(teb >>> 12);
  if (vad === null || !vad.privateMemory || vad.startingVpn !== teb >>> 12 || !vad.longVad) return;
  deletePrivateVad(context, space, vad);
}

/** A page of committed read-write memory that may be neither freed nor made inaccessible (nt52 4.5). */
function createBlock(context: MemoryContext, space: AddressSpace, wanted: number): BlockResult {
  let address = wanted;
  if (address === 0) address = findEmptyAddressRangeDown(space.vads, PAGE_SIZE, PAGE_SIZE, TOP - 1);
  if (address === NO_ADDRESS) return { status: Status.NO_MEMORY, address: virtualAddress(0) };
  const vpn = address >>> 12;
  const vad = new Vad(vpn, vpn, ProtectionMask.ReadWrite, true);
  vad.longVad = true;
  vad.memCommit = true;
  vad.commitCharge = 1;
  vad.noChange = true;
  vad.secured.push({ startingVpn: vpn, endingVpn: vpn, readOnly: false });
  const status = insertVad(context, space, vad);
  return { status, address: virtualAddress(status === Status.SUCCESS ? address : 0) };
}

/** A block that could not be written, for want of frames, is taken back. */
function finish(context: MemoryContext, space: AddressSpace, address: VirtualAddress, status: NtStatus): BlockResult {
  if (status === Status.SUCCESS) return { status, address };
  deleteTeb(context, space, address);
  return { status: Status.NO_MEMORY, address: virtualAddress(0) };
}
