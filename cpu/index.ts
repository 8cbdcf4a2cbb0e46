/** The processor room: everything that kernel and tools may use of it. */
export { Cpu, type CpuOptions, type ExceptionOwner } from './cpu.js';
export { HostStop, type HostWatch } from './debug-registers.js';
export { type DecodeFailure, decodeInstruction } from './decoder.js';
export { ExitReason } from './exit-reason.js';
export * from './flags.js';
export { FrameEviction } from './frame-eviction.js';
export type { Handler, Instruction, InstructionRow } from './instruction.js';
export { instructionTable } from './instruction-table.js';
export { acceptInterrupt, acceptNonMaskableInterrupt, acceptsInterrupts } from './interrupts.js';
export * from './layout.js';
export { MemoryImage, type PageComparison } from './memory-image.js';
export * from './paging.js';
export { HostMemoryExhausted, type HostMemoryLimits, PhysicalMemory } from './physical-memory.js';
export type { IoPorts } from './port-io.js';
export {
  type ProcessorFields,
  type ProcessorSnapshot,
  restoreProcessor,
  saveProcessor,
} from './processor-snapshot.js';
export { TRANSLATE_AFTER } from './region-cache.js';
export * from './segmentation.js';
export { tlbEntry } from './tlb.js';
