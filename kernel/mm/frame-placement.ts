import { FrameEviction } from '../../cpu/index.js';
import { PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';

/**
 * With more guest memory than the host's linear memory holds, frames leave it for the store behind it and come back when they are
 * touched (cpu/frame-eviction.ts). NT knows nothing of that, and virtual time does not pass.
 */
export function allowFramesToLeave(mm: MemoryManager): void {
  const { memory, cpu } = mm;
  if (memory.hostFrames >= memory.frameCount) return;
  memory.evictor = new FrameEviction(cpu, (frame) => mayLeave(mm, frame));
}

/**
 * Frames of programs may, and frames that nobody uses. Those whose place somebody keeps may not: page tables and directories, pool,
 * the PFN database, stacks, what the processor's tables lie in, and pages in a read or write.
 */
function mayLeave(mm: MemoryManager, frame: number): boolean {
  const { pfn, format, lists } = mm;
  if (frame === 0 || frame >= lists.knownFrames) return false;
  if (pfn.isAwe(frame)) return true;
  const location = pfn.location(frame);
  if (location === PageLocation.Zeroed || location === PageLocation.Free) return true;
  if (location === PageLocation.Bad) return false;
  if (pfn.isReadInProgress(frame) || pfn.isWriteInProgress(frame)) return false;
  if (pfn.referenceCount(frame) > (location === PageLocation.Active ? 1 : 0)) return false;
  const owner = pfn.pteAddress(frame);
  if (pfn.isPrototype(frame)) return owner !== mm.sharedUserDataPte;
  return owner >= format.pteAddress(0) && owner <= format.pteAddress(mm.layout.highestUserAddress);
}
