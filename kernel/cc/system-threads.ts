import type { Process } from '../ke/process.js';
import type { Kernel } from '../kernel.js';
import { type SystemThread, startSystemThreads } from '../mm/system-threads.js';
import { LAZY_WRITER_PRIORITY, lazyWriterThread } from './lazy-writer.js';
import { READ_AHEAD_PRIORITY, readAheadThread } from './read-ahead.js';

const threads: readonly SystemThread[] = [
  { priority: LAZY_WRITER_PRIORITY, body: lazyWriterThread, memoryMaker: true },
  { priority: READ_AHEAD_PRIORITY, body: readAheadThread, memoryMaker: false },
];

/** Starts the cache manager's two threads in the System process. */
export function startCacheThreads(kernel: Kernel, process: Process): void {
  startSystemThreads(kernel, process, threads);
}
