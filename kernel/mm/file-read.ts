import { Status } from '../ntstatus.js';
import { FaultOutcome } from './fault-outcome.js';
import type { MemoryManager } from './memory-manager.js';
import { AvailableLimit, FREE_GOAL } from './memory-thresholds.js';
import { type DiskPte, neighbour, pinForRead, submitPageRead } from './page-read.js';
import type { ReadPlace } from './paging.js';
import { ProtectionMask } from './protection.js';
import type { PteLocation } from './pte.js';
import type { Subsection } from './segment.js';

/** MM_MAXIMUM_READ_CLUSTER_SIZE: pages beside the one that is wanted. */
const MAXIMUM_NEIGHBOURS = 15;

/**
 * MiResolveMappedFileFault (nt52.md 5.5): begins to read the page of a prototype PTE in subsection form from its file, and with it
 * neighbours that are not in memory either. Prototype PTEs go to transition, frames are pinned, mm.faults.read is what to wait for.
 * Outcomes: MustWait, NoMemory; InPageError when the file takes no reads any more; Refault while the end of another read is taken up.
 */
export function startFileRead(
  mm: MemoryManager,
  at: PteLocation,
  prototypeAddress: number,
  tableFrame: number,
): FaultOutcome {
  const { format, faults } = mm;
  if (faults.completing) return FaultOutcome.Refault;
  const subsection = mm.subsections.get(format.subsectionAddress(at));
  if (subsection === undefined || subsection.failAllIo) {
    faults.underlyingStatus = Status.IN_PAGE_ERROR;
    return FaultOutcome.InPageError;
  }
  const pte: DiskPte = { at, address: prototypeAddress, tableFrame, isPrototype: true };
  const { before, after } = neighbours(mm, pte, subsection);
  if (mm.lists.availablePages <= before + after) return FaultOutcome.NoMemory;
  const first = subsection.pageOf(prototypeAddress) - before;
  const frames: number[] = [];
  for (let distance = -before; distance <= after; distance++) {
    frames.push(pinForRead(mm, neighbour(mm, pte, distance)));
    subsection.pfnReferenceAdded();
  }
  mm.counters.mappedFileFaults++;
  const { controlArea } = subsection;
  const place: ReadPlace = {
    file: controlArea.poolAddress,
    slot: Math.floor(subsection.fileOffset / 0x1000) + first,
    name: controlArea.file?.name ?? '-',
    outcome: FaultOutcome.MappedFile,
    openFile: controlArea.file,
  };
  return submitPageRead(mm, frames, before, place, () => {
    const hosts = frames.map((frame) => mm.memory.hostPage(frame));
    return subsection.readPages(first, hosts);
  });
}

/**
 * How many pages on either side are read too: forward first, then backward, as long as their prototype PTEs lie in the same page of
 * them and say the same, and the file has bytes for them. None while memory is short, and after a read that failed.
 */
function neighbours(
  mm: MemoryManager,
  pte: DiskPte,
  subsection: Subsection,
): { readonly before: number; readonly after: number } {
  const { paging, format } = mm;
  const { pagesBehind } = mm.faults;
  const cluster = clusterSize(mm, subsection);
  const most = cluster === 0 ? 0 : Math.min(Math.max(cluster, pagesBehind), MAXIMUM_NEIGHBOURS);
  if (most === 0) return { before: 0, after: 0 };
  if (paging.singleReads > 0) {
    paging.singleReads--;
    return { before: 0, after: 0 };
  }
  const page = subsection.pageOf(pte.address);
  const isAlike = (distance: number): boolean => {
    const other = neighbour(mm, pte, distance);
    if (other.address >>> 12 !== pte.address >>> 12) return false;
    if (page + distance < 0 || page + distance >= subsection.pages) return false;
    if (!subsection.hasFileBytes(page + distance)) return false;
    return format.low(other.at) === format.low(pte.at) && format.high(other.at) === format.high(pte.at);
  };
  let after = 0;
  while (after < most && isAlike(after + 1)) after++;
  let before = 0;
  while (after + before < cluster && isAlike(-before - 1)) before++;
  return { before, after };
}

/** Pages to read beside the wanted one (nt52.md 3.7). */
function clusterSize(mm: MemoryManager, subsection: Subsection): number {
  const { file, data, code } = mm.thresholds.readClusters;
  const { availablePages } = mm.lists;
  if (subsection.controlArea.noModifiedWriting) return 0;
  const isImage = subsection.controlArea.flags.image;
  if (availablePages <= (isImage ? AvailableLimit.High : 2 * FREE_GOAL)) return 0;
  if (!isImage) return file;
  return (subsection.protection & ProtectionMask.Execute) !== 0 ? code : data;
}
