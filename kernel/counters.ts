/** What the machine counts; the fault kinds are the PRCB's (nt52 5.6). Plain numbers, incremented in place. */
export class Counters {
  systemCalls = 0;
  contextSwitches = 0;
  clockTicks = 0;
  exceptionsDispatched = 0;
  apcsDelivered = 0;

  pageFaults = 0;
  demandZeroFaults = 0;
  copyOnWriteFaults = 0;
  transitionFaults = 0;
  /** Prototype PTEs found valid: a page that another process or view already had. */
  prototypeFaults = 0;
  /** Image or file pages filled by reading the file. */
  mappedFileFaults = 0;
  pagingFileFaults = 0;
  guardPageFaults = 0;
  pageTableFaults = 0;
  noExecuteFaults = 0;
  /** Faults that had to wait because their process makes modified pages too fast. */
  throttledFaults = 0;
  /** Kernel stacks that left memory. */
  kernelStacksSwappedOut = 0;
  processesSwappedOut = 0;
  processesSwappedIn = 0;
  accessViolations = 0;
  /** Pages that left a working set, by replacement or trimming. */
  pagesTrimmed = 0;
  /** Pages read, and read operations. */
  pagesRead = 0;
  pageReadIos = 0;
  /** Dirty pages written to paging files or mapped files. */
  dirtyPagesWritten = 0;
  /** Write operations to paging files. */
  pageWriteIos = 0;
  mappedPagesWritten = 0;
  /** Write operations to mapped files. */
  mappedWriteIos = 0;

  /** CcCopyRead and CcCopyWrite; reads for which a page had to come from the file. */
  copyReads = 0;
  copyReadMisses = 0;
  copyWrites = 0;
  /** Windows read ahead for which a page had to come from the file. */
  readAheadIos = 0;
  lazyWriteIos = 0;
  lazyWritePages = 0;
  /** CcFlushCache: calls, and pages that they wrote. */
  dataFlushes = 0;
  dataPages = 0;

  /** NtReadFile and NtWriteFile: calls and bytes. Other operations on files and devices. */
  readOperations = 0;
  writeOperations = 0;
  otherOperations = 0;
  bytesRead = 0;
  bytesWritten = 0;
}
