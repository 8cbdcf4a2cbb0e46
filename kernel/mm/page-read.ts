import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import { FaultOutcome } from './fault-outcome.js';
import { PAGE_SIZE, PageLocation, SYSTEM_RANGE_START } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { PageRead } from './paging.js';
import { contentsReplaced, decrementReferenceCount, incrementShareCount } from './pfn-counts.js';
import type { PteLocation } from './pte.js';

const KERNEL_DATA_INPAGE_ERROR = 0x7a;

/**
 * MiResolvePageFileFault: begins to read the page of a page-file PTE. The PTE goes to transition, the frame is pinned with
 * ReadInProgress, and mm.faults.read is what to wait for. Outcomes: MustWait, NoMemory; Refault while the end of another
 * read is taken up, which nobody would do for this one.
 */
export function startPageRead(
  mm: MemoryManager,
  at: PteLocation,
  pteAddress: number,
  tableFrame: number,
  isPrototype: boolean,
): FaultOutcome {
  if (mm.faults.completing) return FaultOutcome.Refault;
  const { format, pfn, paging } = mm;
  const frame = mm.lists.removeAnyPage(mm.nextColor());
  if (frame === 0) return FaultOutcome.NoMemory;
  contentsReplaced(mm, frame);
  const number = format.pageFileNumber(at);
  const slot = format.pageFileOffset(at);
  const protection = format.protection(at);
  pfn.makeActive(frame, pteAddress, tableFrame);
  format.copy(pfn.originalPte(frame), at);
  pfn.setShareCount(frame, 0);
  pfn.setLocation(frame, PageLocation.Transition);
  pfn.setPrototype(frame, isPrototype);
  pfn.setReadInProgress(frame, true);
  incrementShareCount(mm, tableFrame);
  format.writeTransition(at, frame, protection);
  const read = new PageRead(frame);
  paging.reads.set(frame, read);
  mm.counters.pagingFileFaults++;
  mm.counters.pagesRead++;
  mm.counters.pageReadIos++;
  const host = mm.memory.hostPage(frame);
  paging.device.submit({
    kind: 'read',
    file: number,
    slot,
    pages: 1,
    frames: [frame],
    transfer: () => {
      const bytes = mm.bytes.subarray(host, host + PAGE_SIZE);
      const status = paging.files[number]?.storage.read(slot, bytes) ?? Status.END_OF_FILE;
      // The file is as long as its bitmap: what cannot be read there is a defect.
      if (status === Status.END_OF_FILE) mm.environment.bugcheck(KERNEL_DATA_INPAGE_ERROR, 3, status, number, slot);
      return status;
    },
    complete: (status) => finishPageRead(mm, read, status),
  });
  mm.faults.read = read;
  mm.faults.startedRead = true;
  return FaultOutcome.MustWait;
}

/** The page is in transition and its read is under way (a collided fault), or only pinned. */
export function isBeingRead(mm: MemoryManager, frame: number): boolean {
  if (!mm.pfn.isReadInProgress(frame)) return false;
  mm.faults.read = mm.paging.reads.get(frame) ?? null;
  mm.faults.startedRead = false;
  return true;
}

/** For kernel code that cannot wait: the read that mm.faults speaks of is finished on the spot. */
export function finishPageReadNow(mm: MemoryManager): void {
  const { read, startedRead } = mm.faults;
  if (read === null) return;
  while (!read.isDone && mm.paging.device.finishFirst());
  if (startedRead) releasePageRead(mm, read);
}

function finishPageRead(mm: MemoryManager, read: PageRead, status: NtStatus): void {
  const { pfn, lists, format } = mm;
  const { frame } = read;
  mm.paging.reads.delete(frame);
  pfn.setReadInProgress(frame, false);
  read.isDone = true;
  read.status = status;
  if (status >>> 0 >= 0xc0000000) {
    if (!pfn.isDeleted(frame)) {
      if (pageOfPte(mm, frame) >= SYSTEM_RANGE_START) failKernelRead(mm, frame, status);
      lists.restoreOriginalPte(frame);
      // The slot belongs to the PTE again, not to the frame.
      format.writeZero(pfn.originalPte(frame));
      pfn.setDeleted(frame);
    }
    decrementReferenceCount(mm, frame);
  }
  mm.signal(read.event);
}

/** The address that the PTE of a private page maps. */
const pageOfPte = (mm: MemoryManager, frame: number): number =>
  mm.pfn.isPrototype(frame) ? 0 : mm.format.addressOfPte(mm.pfn.pteAddress(frame));

/** What the kernel itself needs cannot be read: KERNEL_DATA_INPAGE_ERROR(PTE address, status, address, PTE contents). */
function failKernelRead(mm: MemoryManager, frame: number, status: NtStatus): never {
  const pteAddress = mm.pfn.pteAddress(frame);
  const contents = mm.format.low(mm.pfn.originalPte(frame));
  return mm.environment.bugcheck(KERNEL_DATA_INPAGE_ERROR, pteAddress, status, pageOfPte(mm, frame), contents);
}

/** The thread that began a read has had its chance to make the page valid: the page need not be pinned any longer. */
export function releasePageRead(mm: MemoryManager, read: PageRead): void {
  if (read.status >>> 0 < 0xc0000000) decrementReferenceCount(mm, read.frame);
}
