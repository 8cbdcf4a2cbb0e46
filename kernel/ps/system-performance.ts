import { PoolType } from '../ex/pool.js';
import type { Kernel } from '../kernel.js';
import { PAGE_SIZE } from '../mm/layout.js';
import { Fields } from './information-buffer.js';

/** SYSTEM_PERFORMANCE_INFORMATION (nt52.md 12.3); what nothing counts yet is 0. */
export function performanceInformation(kernel: Kernel): Uint8Array {
  const { counters, mm } = kernel;
  const elapsed = BigInt(Math.floor(kernel.ke.nanoseconds() / 100));
  const busy = BigInt(Math.floor((kernel.cpu.instructionCount * kernel.options.nanosecondsPerInstruction) / 100));
  return new Fields(0x138)
    .quad(0x00, elapsed - busy)
    .quad(0x08, BigInt(counters.bytesRead))
    .quad(0x10, BigInt(counters.bytesWritten))
    .dword(0x20, counters.readOperations)
    .dword(0x24, counters.writeOperations)
    .dword(0x28, counters.otherOperations)
    .dword(0x2c, mm.lists.availablePages)
    .dword(0x30, mm.commit.charged)
    .dword(0x34, mm.commit.limit)
    .dword(0x38, mm.commit.peak)
    .dword(0x3c, counters.pageFaults)
    .dword(0x40, counters.copyOnWriteFaults)
    .dword(0x44, counters.transitionFaults)
    .dword(0x4c, counters.demandZeroFaults)
    .dword(0x50, counters.pagesRead)
    .dword(0x54, counters.pageReadIos)
    .dword(0x60, counters.dirtyPagesWritten)
    .dword(0x64, counters.pageWriteIos)
    .dword(0x68, counters.mappedPagesWritten)
    .dword(0x70, kernel.ex.pool.pagesInUse(PoolType.Paged))
    .dword(0x74, kernel.ex.pool.pagesInUse(PoolType.NonPaged))
    .dword(0x88, mm.systemPtes.free)
    .dword(0xa4, mm.systemCache.workingSetSize)
    .dword(0xf8, counters.copyReads)
    .dword(0x100, counters.copyReadMisses)
    .dword(0x114, counters.readAheadIos)
    .dword(0x118, counters.lazyWriteIos)
    .dword(0x11c, counters.lazyWritePages)
    .dword(0x120, counters.dataFlushes)
    .dword(0x124, counters.dataPages)
    .dword(0x128, counters.contextSwitches)
    .dword(0x134, counters.systemCalls).bytes;
}

/** SYSTEM_FILECACHE_INFORMATION: the system working set, sizes in bytes but for its limits, which are in pages. */
export function fileCacheInformation({ mm }: Kernel): Uint8Array {
  const { systemCache, lists } = mm;
  return new Fields(0x24)
    .dword(0x00, systemCache.workingSetSize * PAGE_SIZE)
    .dword(0x04, systemCache.peakWorkingSetSize * PAGE_SIZE)
    .dword(0x08, systemCache.pageFaultCount)
    .dword(0x0c, systemCache.vm.minimum)
    .dword(0x10, systemCache.vm.maximum)
    .dword(0x14, systemCache.workingSetSize + lists.modifiedMapped.total)
    .dword(0x18, systemCache.peakWorkingSetSize)
    .dword(0x1c, lists.standbyRepurposed).bytes;
}
