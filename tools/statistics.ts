import type { Machine } from '../kernel/index.js';

/** What `--stats` shows: plain numbers by name, in the order in which they are printed. */
export function statistics(machine: Machine): Record<string, number> {
  const { counters } = machine;
  const { cpu, memory } = machine.kernel;
  const { lists } = machine.kernel.mm;
  return {
    instructions: cpu.instructionCount,
    systemCalls: counters.systemCalls,
    contextSwitches: counters.contextSwitches,
    exceptionsDispatched: counters.exceptionsDispatched,
    apcsDelivered: counters.apcsDelivered,
    pageFaults: counters.pageFaults,
    demandZeroFaults: counters.demandZeroFaults,
    copyOnWriteFaults: counters.copyOnWriteFaults,
    transitionFaults: counters.transitionFaults,
    prototypeFaults: counters.prototypeFaults,
    mappedFileFaults: counters.mappedFileFaults,
    pagingFileFaults: counters.pagingFileFaults,
    guardPageFaults: counters.guardPageFaults,
    pageTableFaults: counters.pageTableFaults,
    noExecuteFaults: counters.noExecuteFaults,
    accessViolations: counters.accessViolations,
    pagesRead: counters.pagesRead,
    pageReadIos: counters.pageReadIos,
    pagesTrimmed: counters.pagesTrimmed,
    pagesWritten: counters.dirtyPagesWritten,
    pageWriteIos: counters.pageWriteIos,
    zeroedPages: lists.zeroed.total,
    freePages: lists.free.total,
    standbyPages: lists.standby.total,
    modifiedPages: lists.modified.total,
    tlbMisses: cpu.counters.tlbMisses,
    blocksDecoded: cpu.counters.blocksDecoded,
    blocksInvalidated: cpu.counters.blocksInvalidated,
    framesTouched: memory.touchedFrames(),
    bytesRead: counters.bytesRead,
    bytesWritten: counters.bytesWritten,
  };
}

const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace('tlb', 'TLB');

/** One counter a line, thousands set apart. */
export function formatStatistics(figures: Record<string, number>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${words(name).padEnd(22)}${value.toLocaleString('en-US').padStart(16)}`)
    .join('\n');
}
