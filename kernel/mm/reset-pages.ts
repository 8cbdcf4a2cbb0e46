import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { forEachValidPte, invalidate } from './page-table.js';
import { releaseSlot } from './pfn-counts.js';
import type { Vad } from './vad.js';
import { captureWriteWatch } from './write-watch.js';

/**
 * MEM_RESET: the contents of resident pages need not be kept. They lose their modified state, so that nothing will be
 * written to a page file for them, and what was written before is gone. USER_MAPPED_FILE on views of files.
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
  forEachValidPte(mm, space, firstVpn, lastVpn, (at, vpn) => {
    // Others want the contents of a page that a fork shares.
    if (vad.clones?.has(vpn)) return;
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
