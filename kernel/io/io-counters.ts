import type { Kernel } from '../kernel.js';

/** Counts an operation on a file or device for the machine and for the running process (IO_COUNTERS). */
export function countOperation(kernel: Kernel, kind: 'read' | 'write' | 'other', bytes: number): void {
  const { counters } = kernel;
  const io = kernel.ke.currentThread.process.executive?.io;
  const operations = `${kind}Operations` as const;
  counters[operations]++;
  if (io !== undefined) io[operations]++;
  if (kind === 'other') return;
  const transferred = kind === 'read' ? 'bytesRead' : 'bytesWritten';
  counters[transferred] += bytes;
  if (io !== undefined) io[transferred] += bytes;
}
