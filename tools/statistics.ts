import type { Machine } from '../kernel/index.js';

/** What `--stats` shows: groups of plain numbers by name, in the order in which they are printed. */
export type Statistics = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Pages are pages of 4 KB; times are virtual. */
export function statistics(machine: Machine): Statistics {
  const { counters } = machine;
  const { cpu, memory, clock, mm, options } = machine.kernel;
  const { lists, commit, paging } = mm;
  return {
    machine: {
      instructions: cpu.instructionCount,
      virtualMicroseconds: Math.floor(clock.nanoseconds() / 1000),
      systemCalls: counters.systemCalls,
      contextSwitches: counters.contextSwitches,
      exceptionsDispatched: counters.exceptionsDispatched,
      apcsDelivered: counters.apcsDelivered,
      tlbMisses: cpu.counters.tlbMisses,
      blocksDecoded: cpu.counters.blocksDecoded,
      blocksInvalidated: cpu.counters.blocksInvalidated,
      bytesRead: counters.bytesRead,
      bytesWritten: counters.bytesWritten,
    },
    faults: { all: counters.pageFaults },
    softFaults: {
      demandZero: counters.demandZeroFaults,
      copyOnWrite: counters.copyOnWriteFaults,
      transition: counters.transitionFaults,
      shared: counters.prototypeFaults,
      guardPage: counters.guardPageFaults,
      pageTable: counters.pageTableFaults,
      noExecute: counters.noExecuteFaults,
    },
    hardFaults: {
      pagingFile: counters.pagingFileFaults,
      mappedFile: counters.mappedFileFaults,
    },
    throttledFaults: { all: counters.throttledFaults },
    failedFaults: { accessViolation: counters.accessViolations },
    paging: {
      pagesRead: counters.pagesRead,
      readOperations: counters.pageReadIos,
      pagesWritten: counters.dirtyPagesWritten,
      mappedPagesWritten: counters.mappedPagesWritten,
      writeOperations: counters.pageWriteIos,
      pagesTrimmed: counters.pagesTrimmed,
      standbyRepurposed: lists.standbyRepurposed,
      pagingFilePages: paging.files.reduce((sum, file) => sum + file.size, 0),
      pagingFilePagesUsed: paging.files.reduce((sum, file) => sum + file.usage, 0),
    },
    pageLists: {
      zeroed: lists.zeroed.total,
      free: lists.free.total,
      standby: lists.standby.total,
      modified: lists.modifiedPages,
      modifiedNoWrite: lists.modifiedNoWrite.total,
      bad: lists.bad.total,
      available: lists.availablePages,
      all: Math.floor(options.memorySize / 0x1000),
      everTouched: memory.touchedFrames(),
    },
    commitment: {
      charged: commit.charged,
      peak: commit.peak,
      limit: commit.limit,
    },
  };
}

const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace('tlb', 'TLB');

/** A heading a group, one counter a line, thousands set apart. */
export function formatStatistics(groups: Statistics): string {
  const lines = Object.entries(groups).flatMap(([group, figures]) => [
    words(group),
    ...Object.entries(figures).map(
      ([name, value]) => `  ${words(name).padEnd(24)}${value.toLocaleString('en-US').padStart(16)}`,
    ),
  ]);
  return lines.join('\n');
}
