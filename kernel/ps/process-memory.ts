import type { Kernel } from '../kernel.js';
import type { AddressSpace } from '../mm/address-space.js';
import { allocateVirtualMemory, MemoryType } from '../mm/allocate-virtual-memory.js';
import { cleanAddressSpace } from '../mm/clean-address-space.js';
import { releaseSection } from '../mm/create-section.js';
import { freeVirtualMemory } from '../mm/free-virtual-memory.js';
import { createImageSection } from '../mm/image.js';
import { PAGE_SIZE } from '../mm/layout.js';
import { InheritDisposition, mapViewOfSection } from '../mm/map-view.js';
import { traceImageMapped } from '../mm/module-trace.js';
import { makeProcessResident } from '../mm/outswap.js';
import { createAddressSpace, deleteAddressSpace } from '../mm/page-directory.js';
import { createPeb, createTeb, deleteTeb } from '../mm/peb-teb.js';
import { protectVirtualMemory } from '../mm/protect-virtual-memory.js';
import { PageProtection } from '../mm/protection.js';
import { reserveLargeAddresses, reserveSharedUserData } from '../mm/reserved-addresses.js';
import type { Section } from '../mm/section.js';
import type { ImageInformation, SectionFile } from '../mm/segment.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { ObjectResult } from '../ob/object-manager.js';
import { type NtStatus, type VirtualAddress, virtualAddress } from '../types.js';
import type { InitialTeb } from './create-thread.js';
import type { EProcess } from './process.js';

export interface Region {
  readonly status: NtStatus;
  readonly base: VirtualAddress;
}

export interface Block {
  readonly status: NtStatus;
  readonly address: VirtualAddress;
}

/** What ps asks of the memory manager to build and to clear a process. Environment: PASSIVE_LEVEL, never blocks. */
export interface ProcessMemory {
  /** Null: INSUFFICIENT_RESOURCES. */
  createAddressSpace(processId: number): AddressSpace | null;
  /** Keeps what is above 2 GB from a program that does not know such addresses. INSUFFICIENT_RESOURCES, COMMITMENT_LIMIT. */
  limitAddresses(process: EProcess, image: ImageInformation): NtStatus;
  /** Removes everything mapped or allocated, then the address space; twice does nothing. */
  deleteAddressSpace(process: EProcess): void;
  /** `isNamed`: the object is to get a name. */
  createImageSection(file: SectionFile, isNamed?: boolean): ObjectResult<Section>;
  /** Maps a whole image for execution; IMAGE_NOT_AT_BASE is a success. */
  mapImage(process: EProcess, section: Section): Region;
  /** Commits read-write memory anywhere. */
  allocate(process: EProcess, size: number): Region;
  reserve(process: EProcess, size: number): Region;
  /** Commits stack pages inside a reservation; with a guard page below when asked for. */
  commitStack(process: EProcess, limit: number, size: number, guard: boolean): NtStatus;
  createPeb(process: EProcess, imageBase: number, image: ImageInformation): Block;
  createTeb(process: EProcess, threadId: number, stack: InitialTeb): Block;
  deleteTeb(process: EProcess, teb: number): void;
  /**
   * Releases the user stack of an ending thread when its TEB asks for it (FreeStackOnTermination, set by
   * RtlExitUserThread). What the TEB says is the program's own: a wrong address frees nothing. The process is current.
   */
  freeUserStack(process: EProcess, teb: number): void;
}

const PRIVATE = { zeroBits: 0, protection: PageProtection.ReadWrite } as const;
const GRANULARITY = 0x10000;
const IMAGE_FILE_LARGE_ADDRESS_AWARE = 0x20;
const TEB_DEALLOCATION_STACK = 0xe0c;
const TEB_FREE_STACK_ON_TERMINATION = 0xf75;

/** The memory manager of a kernel, as ps sees it. */
export function processMemory(kernel: Kernel): ProcessMemory {
  const { mm } = kernel;
  const spaceOf = (process: EProcess): AddressSpace | null => {
    const space = process.pcb.addressSpace;
    if (space?.outSwapped) makeProcessResident(mm, space);
    return space;
  };
  const gone: Region = { status: Status.PROCESS_IS_TERMINATING, base: virtualAddress(0) };
  const allocate = (process: EProcess, base: number, size: number, type: number): Region => {
    const space = spaceOf(process);
    return space === null ? gone : allocateVirtualMemory(kernel, space, { ...PRIVATE, base, size, type });
  };
  return {
    createAddressSpace(processId) {
      const space = createAddressSpace(mm);
      if (space === null) return null;
      space.processId = processId;
      if (isSuccess(reserveSharedUserData(kernel, space))) return space;
      deleteAddressSpace(mm, space);
      return null;
    },
    limitAddresses(process, image) {
      const space = spaceOf(process);
      if (space === null) return gone.status;
      const knowsLargeAddresses = (image.characteristics & IMAGE_FILE_LARGE_ADDRESS_AWARE) !== 0;
      return knowsLargeAddresses ? Status.SUCCESS : reserveLargeAddresses(kernel, space);
    },
    deleteAddressSpace(process) {
      const space = spaceOf(process);
      if (space === null || space === mm.systemSpace) return;
      cleanAddressSpace(kernel, space);
      process.pcb.addressSpace = null;
      deleteAddressSpace(mm, space);
    },
    createImageSection(file, isNamed = false) {
      const made = createImageSection(kernel, file);
      if (made.section === null) return { status: made.status, object: null };
      const created = kernel.ob.createObject(kernel.ob.types.section, made.section, isNamed);
      if (created.object === null) releaseSection(kernel, made.section);
      return created;
    },
    mapImage(process, section) {
      const space = spaceOf(process);
      if (space === null) return gone;
      const view = mapViewOfSection(kernel, section, space, WHOLE_IMAGE);
      traceImageMapped(kernel, section, space, view);
      return view;
    },
    allocate: (process, size) => allocate(process, 0, size, MemoryType.Reserve | MemoryType.Commit),
    reserve: (process, size) => allocate(process, 0, size + (-size & (GRANULARITY - 1)), MemoryType.Reserve),
    commitStack(process, limit, size, guard) {
      const space = spaceOf(process);
      if (space === null) return gone.status;
      const below = guard ? PAGE_SIZE : 0;
      const committed = allocate(process, limit - below, size + below, MemoryType.Commit);
      if (!isSuccess(committed.status) || !guard) return committed.status;
      const protection = PageProtection.ReadWrite | PageProtection.Guard;
      return protectVirtualMemory(kernel, space, limit - below, below, protection).status;
    },
    createPeb(process, imageBase, image) {
      const space = spaceOf(process);
      if (space === null) return { status: gone.status, address: gone.base };
      return createPeb(kernel, space, { imageBase, image, tickCount: kernel.ke.tickCount() });
    },
    createTeb(process, threadId, stack) {
      const space = spaceOf(process);
      if (space === null) return { status: gone.status, address: gone.base };
      const { processId } = process;
      return createTeb(kernel, space, { processId, threadId, peb: process.pcb.peb, ...stack });
    },
    deleteTeb(process, teb) {
      const space = spaceOf(process);
      if (space !== null) deleteTeb(kernel, space, teb);
    },
    freeUserStack(process, teb) {
      const space = spaceOf(process);
      const { user } = kernel;
      if (space === null) return;
      user.clearFailure();
      const wanted = user.read8(teb + TEB_FREE_STACK_ON_TERMINATION) !== 0;
      const stack = user.read32(teb + TEB_DEALLOCATION_STACK);
      if (isSuccess(user.takeFailure()) && wanted) freeVirtualMemory(kernel, space, stack, 0, MemoryType.Release);
    },
  };
}

const WHOLE_IMAGE = {
  base: 0,
  zeroBits: 0,
  commitSize: 0,
  offset: 0,
  size: 0,
  inherit: InheritDisposition.ViewShare,
  allocationType: 0,
  protection: PageProtection.ExecuteWriteCopy,
} as const;
