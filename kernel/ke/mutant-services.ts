import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { KMutant } from './dispatcher-object.js';
import { createObjectService, openObjectService, probeOptional, queryObjectService } from './object-service.js';
import { Increment } from './priority.js';
import { type Service, service } from './service.js';

function createMutant(
  kernel: Kernel,
  handleAddress: number,
  access: number,
  attributes: number,
  initialOwner: number,
): Blocking<NtStatus> {
  return createObjectService(kernel, kernel.ob.types.mutant, handleAddress, access, attributes, () => {
    const mutant = new KMutant();
    if ((initialOwner & 0xff) !== 0) kernel.ke.acquireNewMutant(mutant);
    return mutant;
  });
}

function* releaseMutant(kernel: Kernel, handle: number, previousCount: number): Blocking<NtStatus> {
  const probed = yield* probeOptional(kernel, previousCount, 4);
  if (!isSuccess(probed)) return probed;
  const { status, object } = kernel.ob.peekObjectByHandle(handle, kernel.ob.types.mutant, 0);
  if (object === null) return status;
  const before = kernel.ke.releaseMutant(object.body, Increment.Mutant);
  if (before === null) return Status.MUTANT_NOT_OWNED;
  if (previousCount !== 0) kernel.user.write32(previousCount, before);
  return Status.SUCCESS;
}

/** Mutant objects (Win32 mutexes). */
export const mutantServices: readonly Service[] = [
  service('NtCreateMutant', createMutant),
  service('NtOpenMutant', (kernel, handleAddress, access, attributes) =>
    openObjectService(kernel, kernel.ob.types.mutant, handleAddress, access, attributes),
  ),
  service('NtReleaseMutant', releaseMutant),
  queryObjectService(
    'NtQueryMutant',
    ({ mutant }) => mutant,
    8,
    (mutant, kernel) => {
      const owned = mutant.owner === kernel.ke.currentThread ? 1 : 0;
      return [mutant.signalState, owned | (mutant.abandoned ? 0x100 : 0)];
    },
  ),
];
