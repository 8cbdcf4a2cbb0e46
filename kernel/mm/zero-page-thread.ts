import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import type { Blocking } from '../types.js';

export const ZERO_PAGE_PRIORITY = 0;
/** MM_MAXIMUM_ZEROING pages are mapped and cleared at a time, each of another colour; then others have a chance to run. */
const BATCH = 32;

/**
 * MmZeroPageThread, priority 0: when nothing else runs, clears pages of the free list and puts them on the zeroed list, so
 * that demand-zero faults find them there.
 */
export function* zeroPageThread(kernel: Kernel): Blocking<void> {
  const { mm, ke } = kernel;
  const { lists } = mm;
  for (;;) {
    yield* ke.waitForSingleObject(mm.zeroPageEvent, WaitReason.FreePage, Mode.Kernel, false, null);
    while (lists.free.total > 0) {
      lists.zeroFreePages(BATCH);
      yield* ke.yieldExecution();
    }
  }
}
