import type { AddressSpace } from './address-space.js';
import { deleteAweInformation } from './awe.js';
import { freeDeadClones } from './clone.js';
import { deletePrivateVad } from './free-virtual-memory.js';
import { removeView } from './map-view.js';
import type { MemoryContext } from './vad-charges.js';

/**
 * MmCleanProcessAddressSpace: unmaps every view and frees every region, secured or not, and the pages of AWE; services on the process answer
 * PROCESS_IS_TERMINATING from now on. All of its commit comes back. Environment: PASSIVE_LEVEL.
 */
export function cleanAddressSpace(context: MemoryContext, space: AddressSpace): void {
  space.deleted = true;
  for (const vad of space.vads) {
    if (vad.controlArea === null) deletePrivateVad(context, space, vad);
    else removeView(context, space, vad);
  }
  deleteAweInformation(context, space);
  freeDeadClones(context.mm);
}
