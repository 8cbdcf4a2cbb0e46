import { PoolType } from '../ex/pool.js';
import type { Kernel } from '../kernel.js';
import { effectiveToken } from '../se/subject.js';
import type { ObjectManagerEnvironment } from './object-manager.js';

/** The object manager's view of a whole kernel; Machine gives it to `new ObjectManager(...)`. */
export function objectManagerEnvironment(kernel: Kernel): ObjectManagerEnvironment {
  return {
    currentHandleOwner: () => kernel.ke.currentProcess.executive,
    currentProcessObject: () => kernel.ke.currentProcess.executive?.object ?? null,
    currentThreadObject: () => kernel.ke.currentThread.executive?.object ?? null,
    allocatePool: (paged, bytes, tag) =>
      kernel.ex.pool.allocate(paged ? PoolType.Paged : PoolType.NonPaged, bytes, tag),
    freePool: (address) => {
      if (address !== 0) kernel.ex.pool.free(address);
    },
    currentToken: () => effectiveToken(kernel),
    systemTime: () => kernel.ke.systemTime(),
  };
}
