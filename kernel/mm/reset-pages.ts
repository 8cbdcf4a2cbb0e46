import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { forEachPte, invalidate } from './page-table.js';
import { releaseSlot } from './pfn-counts.js';
import type { PteLocation } from './pte.js';
import type { Vad } from './vad.js';
import { captureWriteWatch } from './write-watch.js';

/**
 * MEM_RESET: the contents of these pages need be neither kept nor read again. Pages in memory lose their modified state, so that nothing
 * will be written to a paging file for them; what was written before is gone, and private pages that are only there will be zeros.
 * USER_MAPPED_FILE on views of files. Environment: PASSIVE_LEVEL, does not block; page tables are brought in on the spot.
 */
export function resetPages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  firstVpn: number,
  lastVpn: number,
): NtStatus {
  if (vad.controlArea !== null && vad.controlArea.file !== null) return Status.USER_MAPPED_FILE;
  const { format, pfn } = mm;
  forEachPte(mm, space, firstVpn, lastVpn, (at, vpn) => {
    // Others want the contents of a page that a fork shares.
    if (vad.clones?.has(vpn)) return;
    if (!format.isValid(at)) {
      resetAbsentPage(mm, space, at);
      return;
    }
    const frame = format.frame(at);
    // What is being written now is older than the page: it stays modified, so that the copy is not taken for it.
    if (pfn.isWriteInProgress(frame)) return;
    pfn.setModified(frame, false);
    releaseSlot(mm, frame);
    if (!format.isDirty(at)) return;
    captureWriteWatch(mm, space, vpn * 0x1000, at);
    format.clearDirty(at);
    invalidate(mm, space, vpn * 0x1000);
  });
  return Status.SUCCESS;
}

/** A page that is on a list, or only in a paging file. One on its way from or to the disk stays what it is. */
function resetAbsentPage(mm: MemoryManager, space: AddressSpace, at: PteLocation): void {
  const { format, pfn, lists } = mm;
  if (format.isPrototype(at) || format.isDemandZero(at) || format.isDecommitted(at)) return;
  if (!format.isTransition(at)) {
    mm.paging.free(format.pageFileNumber(at), format.pageFileOffset(at));
    format.writeDemandZero(at, format.protection(at));
    space.privatePages--;
    return;
  }
  const frame = format.transitionFrame(at);
  const location = pfn.location(frame);
  if (location !== PageLocation.Modified && location !== PageLocation.Standby) return;
  if (location === PageLocation.Modified) {
    lists.unlink(frame);
    pfn.setModified(frame, false);
    releaseSlot(mm, frame);
    lists.insertStandby(frame, false);
  } else releaseSlot(mm, frame);
}
