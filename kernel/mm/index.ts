/** The memory manager: what the other components of the kernel, debuggers and tests use of it. */
export { AddressSpace } from './address-space.js';
export { type AllocationRequest, allocateVirtualMemory, MemoryType } from './allocate-virtual-memory.js';
export { cleanAddressSpace } from './clean-address-space.js';
export { createSection, SectionAttribute } from './create-section.js';
export { accessFault, kernelAccessFault } from './fault.js';
export {
  FaultAccess,
  type FaultEvent,
  FaultOutcome,
  FIRST_FAILURE,
  faultOutcomeName,
  type LastFault,
} from './fault-outcome.js';
export { freeVirtualMemory } from './free-virtual-memory.js';
export { createImageSection } from './image.js';
export { createKernelStack, deleteKernelStack, KERNEL_STACK_SIZE } from './kernel-stack.js';
export * from './layout.js';
export { InheritDisposition, mapViewOfSection, unmapViewOfSection } from './map-view.js';
export { type FaultCounters, MemoryManager, type MemoryManagerEnvironment } from './memory-manager.js';
export { memoryServices } from './mm-services.js';
export { createAddressSpace, deleteAddressSpace, switchAddressSpace } from './page-directory.js';
export { PageLists } from './page-lists.js';
export { findPte, pdeLocation } from './page-table.js';
export { createPeb, createTeb, deleteTeb } from './peb-teb.js';
export { PfnDatabase } from './pfn.js';
export { protectVirtualMemory } from './protect-virtual-memory.js';
export { PageProtection, ProtectionMask } from './protection.js';
export { NO_PTE, type PteFormat, type PteLocation, PteOwner, pteLocation } from './pte.js';
export { queryVirtualMemory } from './query-virtual-memory.js';
export type { ControlArea } from './segment.js';
export { type KernelContext, PASSIVE_LEVEL } from './system-fault.js';
export { SystemMemory } from './system-memory.js';
export { systemFrame, systemLocation, systemPte } from './system-pages.js';
export { decodeUtf16, encodeUtf16, UserMemory } from './user-memory.js';
export { Vad, VadType } from './vad.js';
export { VadTree } from './vad-tree.js';
