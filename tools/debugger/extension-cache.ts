import { type CommandOutput, commands, output } from './command.js';
import { hex8 } from './number-text.js';
import type { Session } from './session.js';

const KB = 4;

/** !cache: how big the system cache is, what is dirty, and what it has done. */
function cache(session: Session): CommandOutput {
  const { mm, cc, counters } = session.machine.kernel;
  const { systemCache } = mm;
  const figures = {
    workingSet: systemCache.workingSetSize,
    peakWorkingSet: systemCache.peakWorkingSetSize,
    minimum: systemCache.vm.minimum,
    maximum: systemCache.vm.maximum,
    faults: systemCache.pageFaultCount,
    vacbs: cc.vacbs.maximum,
    mappedViews: mm.cacheViews.views.size,
    pinnedVacbs: cc.vacbs.vacbs.filter((vacb) => vacb.activeCount > 0).length,
    files: cc.maps.length,
    dirtyPages: cc.totalDirtyPages,
    dirtyPageThreshold: cc.throttle.threshold,
    dirtyPageTarget: cc.throttle.target,
    deferredWrites: cc.throttle.deferredWrites,
    pinned: cc.maps.reduce((sum, map) => sum + map.bcbs.filter((bcb) => bcb.pinCount > 0).length, 0),
    dirtyBcbs: cc.maps.reduce((sum, map) => sum + map.bcbs.filter((bcb) => bcb.isDirty).length, 0),
    lockedPages: [...mm.lockedPages].reduce((sum, mdl) => sum + mdl.frames.length, 0),
    readAheadQueue: cc.readAhead.waiting.requests,
    fetches: cc.readAhead.waiting.fetches,
    copyReads: counters.copyReads,
    copyReadMisses: counters.copyReadMisses,
    copyWrites: counters.copyWrites,
    readAheadIos: counters.readAheadIos,
    lazyWriteIos: counters.lazyWriteIos,
    lazyWritePages: counters.lazyWritePages,
    dataFlushes: counters.dataFlushes,
    dataPages: counters.dataPages,
  };
  const pages = (label: string, count: number): string =>
    `  ${label.padEnd(26)}${String(count).padStart(8)}   (${String(count * KB).padStart(8)} Kb)`;
  const count = (label: string, value: number): string => `  ${label.padEnd(26)}${String(value).padStart(8)}`;
  const lines = [
    '***  Cache',
    pages('Current size', figures.workingSet),
    pages('Peak size', figures.peakWorkingSet),
    pages('Minimum working set', figures.minimum),
    pages('Maximum working set', figures.maximum),
    count('Page faults', figures.faults),
    count('Vacbs', figures.vacbs),
    count('Mapped Vacbs', figures.mappedViews),
    count('Pinned Vacbs', figures.pinnedVacbs),
    count('Files', figures.files),
    '***  Dirty pages',
    pages('CcTotalDirtyPages', figures.dirtyPages),
    pages('CcDirtyPageThreshold', figures.dirtyPageThreshold),
    pages('CcDirtyPageTarget', figures.dirtyPageTarget),
    count('Deferred writes', figures.deferredWrites),
    '***  Pinned',
    count('Bcbs pinned', figures.pinned),
    count('Bcbs dirty', figures.dirtyBcbs),
    pages('Pages locked by MDLs', figures.lockedPages),
    '***  Waiting',
    count('Read-ahead requests', figures.readAheadQueue),
    count('Overlapped transfers', figures.fetches),
    '***  Activity',
    count('Copy reads', figures.copyReads),
    count('Copy reads that missed', figures.copyReadMisses),
    count('Copy writes', figures.copyWrites),
    count('Read-ahead IOs', figures.readAheadIos),
    count('Lazy write IOs', figures.lazyWriteIos),
    pages('Lazy write pages', figures.lazyWritePages),
    count('Data flushes', figures.dataFlushes),
    pages('Data pages flushed', figures.dataPages),
  ];
  return output(lines.join('\n'), figures);
}

/** !filecache: the files in the system cache, their views and their dirty pages. */
function fileCache(session: Session): CommandOutput {
  const { kernel } = session.machine;
  const files = kernel.cc.maps.map((map) => ({
    sharedCacheMap: map.poolAddress,
    name: map.file.name,
    size: map.fileSize,
    openCount: map.openCount,
    views: map.vacbs.all().map((vacb) => ({ base: vacb.baseAddress, offset: vacb.fileOffset })),
    residentPages: map.vacbs.all().reduce((sum, vacb) => sum + kernel.mm.cacheViews.validPagesIn(vacb.baseAddress), 0),
    dirtyPages: map.dirty.count,
    pinned: map.bcbs.filter((bcb) => bcb.pinCount > 0).length,
    isLogged: map.flushToLsn !== null,
  }));
  const lines = [
    '***** Dump file cache******',
    '  SharedMap  Open  Views  Resident     Dirty  Pinned  Name',
    ...files.map(
      (file) =>
        `  ${hex8(file.sharedCacheMap)}  ${String(file.openCount).padStart(4)}  ${String(file.views.length).padStart(5)}  ` +
        `${String(file.residentPages * KB).padStart(6)} Kb ${String(file.dirtyPages * KB).padStart(6)} Kb  ` +
        `${String(file.pinned).padStart(6)}  ${file.name}${file.isLogged ? ' (logged)' : ''}`,
    ),
  ];
  return output(lines.join('\n'), { files });
}

export const cacheExtensions = commands(
  { name: '!cache', syntax: '!cache', help: 'the system cache: size, dirty pages, activity', run: cache },
  { name: '!filecache', syntax: '!filecache', help: 'the files in the system cache', run: fileCache },
);
