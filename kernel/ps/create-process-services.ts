import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { captureAttributes } from '../ob/capture-attributes.js';
import type { Blocking, NtStatus } from '../types.js';
import { createProcess } from './create-process.js';
import { ProcessAccess } from './process-services.js';

/** Flags of NtCreateProcessEx. */
const CreateFlag = { BREAKAWAY: 0x1, NO_DEBUG_INHERIT: 0x2, INHERIT_HANDLES: 0x4, VALID: 0x1f } as const;
const SECTION_MAP_EXECUTE = 0x8;

/** What the two services have in common, as NtCreateProcessEx names it. */
interface CreateCall {
  readonly handleAddress: number;
  readonly access: number;
  readonly objectAttributes: number;
  readonly parent: number;
  readonly flags: number;
  readonly section: number;
  readonly debugPort: number;
  readonly exceptionPort: number;
  readonly jobMemberLevel: number;
}

/**
 * Makes a process without threads from an image section. INVALID_PARAMETER for unknown flags, no parent or a job level (there
 * are no job sets); OBJECT_TYPE_MISMATCH for ports (there are none); NOT_IMPLEMENTED for named processes. Without a section the process is a
 * clone of its parent, memory copy-on-write (fork). SECTION_NOT_IMAGE and what handles, memory and mapping give.
 */
function* createCall(kernel: Kernel, call: CreateCall): Blocking<NtStatus> {
  const { user, ob, ps } = kernel;
  if ((call.flags & ~CreateFlag.VALID) !== 0) return Status.INVALID_PARAMETER;
  const probed = yield* user.probeForWrite(call.handleAddress, 4, 4);
  if (!isSuccess(probed)) return probed;
  if (call.parent === 0) return Status.INVALID_PARAMETER;
  const captured = yield* captureAttributes(kernel, call.objectAttributes);
  if (!isSuccess(captured.status)) return captured.status;
  const { attributes } = captured;
  const parent = ob.peekObjectByHandle(call.parent, ob.types.process, ProcessAccess.CREATE_PROCESS);
  if (parent.object === null) return parent.status;
  if (call.jobMemberLevel !== 0) return Status.INVALID_PARAMETER;
  if (attributes?.name != null) return Status.NOT_IMPLEMENTED;
  const clones = call.section === 0;
  const section = ob.peekObjectByHandle(call.section, ob.types.section, SECTION_MAP_EXECUTE);
  if (section.object === null && !clones) return section.status;
  for (const port of [call.debugPort, call.exceptionPort]) {
    if (port === 0) continue;
    const found = ob.peekObjectByHandle(port, null, 0);
    return found.object === null ? found.status : Status.OBJECT_TYPE_MISMATCH;
  }
  const { status, process } = createProcess(ps, {
    section: section.object,
    parent: parent.object.body,
    inheritHandles: (call.flags & CreateFlag.INHERIT_HANDLES) !== 0,
    breaksAway: (call.flags & CreateFlag.BREAKAWAY) !== 0,
    imagePath: clones ? parent.object.body.imagePath : (section.object?.body.controlArea.file?.name ?? ''),
  });
  if (process === null || process.object === null) return status;
  const inserted = ob.insertObject(process.object, attributes, call.access);
  if (!isSuccess(inserted.status)) {
    ps.discardProcess(process);
    return inserted.status;
  }
  user.write32(call.handleAddress, inserted.handle);
  user.clearFailure();
  return Status.SUCCESS;
}

export const createProcessServices: readonly Service[] = [
  service('NtCreateProcessEx', (kernel, ...given) =>
    createCall(kernel, {
      handleAddress: given[0],
      access: given[1],
      objectAttributes: given[2],
      parent: given[3],
      flags: given[4],
      section: given[5],
      debugPort: given[6],
      exceptionPort: given[7],
      jobMemberLevel: given[8],
    }),
  ),
  // The low bits of two handles are flags here.
  service('NtCreateProcess', (kernel, ...given) =>
    createCall(kernel, {
      handleAddress: given[0],
      access: given[1],
      objectAttributes: given[2],
      parent: given[3],
      flags:
        ((given[4] & 0xff) !== 0 ? CreateFlag.INHERIT_HANDLES : 0) |
        ((given[5] & 1) !== 0 ? CreateFlag.BREAKAWAY : 0) |
        ((given[6] & 1) !== 0 ? CreateFlag.NO_DEBUG_INHERIT : 0),
      section: (given[5] & ~1) >>> 0,
      debugPort: (given[6] & ~1) >>> 0,
      exceptionPort: given[7],
      jobMemberLevel: 0,
    }),
  ),
];
