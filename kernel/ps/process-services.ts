import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { ObjectHeader } from '../ob/object-header.js';
import type { ObjectType } from '../ob/object-type.js';
import { Privilege } from '../se/privilege.js';
import { type Blocking, type NtStatus, ntStatus } from '../types.js';
import type { EProcess } from './process.js';
import { SYSTEM_PROCESS_ID } from './process-manager.js';
import type { EThread } from './thread.js';

export const ProcessAccess = {
  TERMINATE: 0x1,
  CREATE_THREAD: 0x2,
  VM_OPERATION: 0x8,
  DUP_HANDLE: 0x40,
  CREATE_PROCESS: 0x80,
  SET_QUOTA: 0x100,
  SET_INFORMATION: 0x200,
  QUERY_INFORMATION: 0x400,
  SUSPEND_RESUME: 0x800,
} as const;

/**
 * NtTerminateProcess(handle, status). Handle 0: every thread of the caller's process but the caller. The caller's own process:
 * never returns. PROCESS_IS_TERMINATING when it is ending already, ACCESS_DENIED for System.
 */
function* terminateProcess(kernel: Kernel, handle: number, exitStatus: number): Blocking<NtStatus> {
  const { ob, ps, ke } = kernel;
  const current = ke.currentThread.process.executive;
  if (handle === 0) {
    if (current !== null) ps.terminateOtherThreads(current, ntStatus(exitStatus));
    return Status.SUCCESS;
  }
  const { status, object } = ob.peekObjectByHandle(handle, ob.types.process, ProcessAccess.TERMINATE);
  if (object === null) return status;
  const process = object.body;
  if (process.processId === SYSTEM_PROCESS_ID) return Status.ACCESS_DENIED;
  if (process === current) {
    ps.killProcess(process, ntStatus(exitStatus));
    return yield* ps.exitThread(ntStatus(exitStatus));
  }
  if (process.exiting) return Status.PROCESS_IS_TERMINATING;
  // One that has no threads has ended as well.
  ps.killProcess(process, ntStatus(exitStatus));
  return Status.SUCCESS;
}

/** What NtOpenProcess and NtOpenThread have in common: an object by CLIENT_ID, or by name (there are none). */
function* openByClientId<Body extends EProcess | EThread>(
  kernel: Kernel,
  given: readonly number[],
  type: ObjectType<Body>,
  find: (processId: number, threadId: number) => ObjectHeader<Body> | NtStatus,
): Blocking<NtStatus> {
  const [handleAddress, access, attributesAddress, clientIdAddress] = given;
  const { user, ob } = kernel;
  let status = yield* user.probeForWrite(handleAddress, 4, 4);
  if (isSuccess(status) && clientIdAddress !== 0) status = yield* user.probeForRead(clientIdAddress, 8, 4);
  if (!isSuccess(status)) return status;
  const attributes = yield* user.captureObjectAttributes(attributesAddress);
  if (!isSuccess(attributes.status)) return attributes.status;
  if (attributes.hasName && clientIdAddress !== 0) return Status.INVALID_PARAMETER;
  if (attributes.hasName) {
    const named = ob.openObjectByName(type, attributes, access);
    if (isSuccess(named.status)) user.write32(handleAddress, named.handle);
    return named.status;
  }
  if (clientIdAddress === 0) return Status.INVALID_PARAMETER;
  const object = find(user.read32(clientIdAddress), user.read32(clientIdAddress + 4));
  if (typeof object === 'number') return object;
  // Whoever may debug may open everything.
  const debugs = ob.security.holds(Privilege.DEBUG);
  const previouslyGranted = debugs ? type.mapAccess(access) : 0;
  const inserted = ob.openObject(object, attributes.attributes, debugs ? 0 : access, { previouslyGranted });
  if (isSuccess(inserted.status)) user.write32(handleAddress, inserted.handle);
  return inserted.status;
}

function openProcess(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const { ps, ob } = kernel;
  return openByClientId(kernel, given, ob.types.process, (processId, threadId) => {
    const thread = threadId === 0 ? null : ps.findThread(threadId);
    const process = threadId === 0 ? ps.findProcess(processId) : (thread?.process ?? null);
    const found = process?.object ?? null;
    if (found === null || process?.processId !== processId) {
      return threadId === 0 ? Status.INVALID_PARAMETER : Status.INVALID_CID;
    }
    return found;
  });
}

function openThread(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const { ps, ob } = kernel;
  return openByClientId(kernel, given, ob.types.thread, (processId, threadId) => {
    const thread = ps.findThread(threadId);
    const found = thread?.object ?? null;
    if (found === null || (processId !== 0 && thread?.process.processId !== processId)) return Status.INVALID_CID;
    return found;
  });
}

/** NtSuspendProcess and NtResumeProcess: every thread of it. */
function forAllThreads(kernel: Kernel, handle: number, change: (thread: EThread) => void): NtStatus {
  const { status, object } = kernel.ob.peekObjectByHandle(
    handle,
    kernel.ob.types.process,
    ProcessAccess.SUSPEND_RESUME,
  );
  if (object === null) return status;
  if (object.body.exiting) return Status.PROCESS_IS_TERMINATING;
  for (const thread of [...object.body.threads]) change(thread);
  return Status.SUCCESS;
}

export const processServices: readonly Service[] = [
  service('NtTerminateProcess', terminateProcess),
  service('NtOpenProcess', openProcess),
  service('NtOpenThread', openThread),
  service('NtSuspendProcess', (kernel, handle) =>
    forAllThreads(kernel, handle, (thread) => {
      kernel.ke.suspendThread(thread.tcb);
    }),
  ),
  service('NtResumeProcess', (kernel, handle) =>
    forAllThreads(kernel, handle, (thread) => {
      kernel.ke.resumeThread(thread.tcb);
    }),
  ),
];
