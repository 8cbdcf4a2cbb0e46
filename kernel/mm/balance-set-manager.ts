import { EventType, KTimer } from '../ke/dispatcher-object.js';
import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import type { Blocking } from '../types.js';
import { manageWorkingSets } from './working-set-manager.js';

export const BALANCE_SET_MANAGER_PRIORITY = 16;
/** Between two rounds, milliseconds; and until the first, 100 ns units. */
const PERIOD = 1000;
const FIRST_ROUND = -10_000_000n;

/**
 * KeBalanceSetManager, a system thread of priority 16 (nt52.md 6.9). Once a virtual second, or when somebody signals
 * mm.workingSetManagerEvent, it runs the working set manager; it lets paging files shrink, and every few seconds asks the
 * swapper to look at the kernel stacks. The DPC of its timer helps threads that others keep from running.
 */
export function* balanceSetManager(kernel: Kernel): Blocking<void> {
  const { mm, ke } = kernel;
  const timer = new KTimer(EventType.Synchronization);
  timer.housekeeping = true;
  ke.setTimer(timer, FIRST_ROUND, PERIOD, () => ke.scanReadyQueues());
  const objects = [timer, mm.workingSetManagerEvent];
  for (let seconds = 1; ; ) {
    const index = yield* ke.waitForMultipleObjects(objects, false, WaitReason.Executive, Mode.Kernel, false, null);
    yield* manageWorkingSets(kernel);
    if (index !== 0) continue;
    mm.dereference.requestContraction();
    if (seconds++ % mm.thresholds.stackOutswapPeriod === 0) mm.swapper.requestStackOutswap();
  }
}
