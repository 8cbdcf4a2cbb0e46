import { EventType, KTimer } from '../ke/dispatcher-object.js';
import type { Process } from '../ke/process.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { Blocking } from '../types.js';
import { BALANCE_SET_MANAGER_PRIORITY, balanceSetManager } from './balance-set-manager.js';
import { DEREFERENCE_THREAD_PRIORITY, dereferenceSegmentThread } from './dereference-thread.js';
import { MAPPED_WRITER_PRIORITY, MODIFIED_PAGE_LIFE, mappedPageWriter } from './mapped-writer.js';
import { MODIFIED_WRITER_PRIORITY, modifiedPageWriter } from './modified-writer.js';
import { SWAPPER_PRIORITY, swapper } from './swapper.js';
import { ZERO_PAGE_PRIORITY, zeroPageThread } from './zero-page-thread.js';

/** A thread of the kernel that keeps house for others. */
export interface SystemThread {
  readonly priority: number;
  readonly body: (kernel: Kernel) => Blocking<void>;
  /** Makes pages available for others, and may use the last ones for it. */
  readonly memoryMaker: boolean;
}

/** The six threads of the memory manager (nt52.md 6.10). */
const threads: readonly SystemThread[] = [
  { priority: MODIFIED_WRITER_PRIORITY, body: modifiedPageWriter, memoryMaker: true },
  { priority: MAPPED_WRITER_PRIORITY, body: mappedPageWriter, memoryMaker: true },
  { priority: DEREFERENCE_THREAD_PRIORITY, body: dereferenceSegmentThread, memoryMaker: true },
  { priority: BALANCE_SET_MANAGER_PRIORITY, body: balanceSetManager, memoryMaker: true },
  { priority: SWAPPER_PRIORITY, body: swapper, memoryMaker: true },
  { priority: ZERO_PAGE_PRIORITY, body: zeroPageThread, memoryMaker: false },
];

const PHASE1_INITIALIZATION_FAILED = 0x32;

export function startMemoryThreads(kernel: Kernel, process: Process): void {
  startSystemThreads(kernel, process, threads);
}

/** Starts threads in the System process. PHASE1_INITIALIZATION_FAILED when there are no resources for one. */
export function startSystemThreads(kernel: Kernel, process: Process, threads: readonly SystemThread[]): void {
  for (const { priority, body, memoryMaker } of threads) {
    const thread = kernel.ke.createSystemThread(process, priority, () => body(kernel));
    if (thread === null) kernel.bugcheck(PHASE1_INITIALIZATION_FAILED, Status.INSUFFICIENT_RESOURCES);
    thread.memoryMaker = memoryMaker;
    thread.housekeeping = true;
  }
}

/** MiModifiedPageWriterTimer: when it expires, every dirty page of a mapped file is written. */
export class ModifiedPageLife {
  readonly #timer = new KTimer(EventType.Notification);

  constructor() {
    this.#timer.housekeeping = true;
  }

  /** Starts it, unless it runs already. */
  start(kernel: Kernel): void {
    if (this.#timer.inserted) return;
    const { mm, ke } = kernel;
    ke.setTimer(this.#timer, BigInt(-MODIFIED_PAGE_LIFE * 10_000_000), 0, () =>
      mm.signal(mm.mappedWriter.pagesTooOldEvent),
    );
  }
}
