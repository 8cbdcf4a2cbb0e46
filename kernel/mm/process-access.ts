import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';

/**
 * Runs something with another process's address space current (KeAttachProcess for the length of a call).
 * `action` must not yield. Environment: PASSIVE_LEVEL.
 */
export function inAddressSpace<Result>(mm: MemoryManager, space: AddressSpace, action: () => Result): Result {
  const before = mm.current;
  if (before === space) return action();
  const wasVisiting = mm.isVisiting;
  mm.switchAddressSpace(space);
  mm.isVisiting = true;
  const result = action();
  mm.isVisiting = wasVisiting;
  mm.switchAddressSpace(before);
  return result;
}
