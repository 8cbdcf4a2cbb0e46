import { CONTEXT_SIZE, ContextField } from '../ke/context.js';
import { type Service, service } from '../ke/service.js';
import { ThreadState } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { captureAttributes } from '../ob/capture-attributes.js';
import { type Blocking, type NtStatus, ntStatus } from '../types.js';
import { createUserThread, type InitialTeb } from './create-thread.js';
import type { EThread } from './thread.js';

/** Rights of thread and process handles (nt52.md 12.2). */
export const ThreadAccess = {
  TERMINATE: 0x1,
  SUSPEND_RESUME: 0x2,
  ALERT: 0x4,
  GET_CONTEXT: 0x8,
  SET_CONTEXT: 0x10,
  SET_INFORMATION: 0x20,
  QUERY_INFORMATION: 0x40,
  SET_THREAD_TOKEN: 0x80,
} as const;
const PROCESS_CREATE_THREAD = 0x2;
const INITIAL_TEB_SIZE = 0x14;

/** NtCreateThread(handle*, access, attributes*, process, client id*, CONTEXT*, INITIAL_TEB*, suspended). */
function* createThread(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [handleAddress, access, attributesAddress, processHandle, clientIdAddress] = given;
  const [contextAddress, initialTebAddress, suspended] = given.slice(5);
  const { user, ob, ps } = kernel;
  let status = yield* user.probeForWrite(handleAddress, 4, 4);
  if (isSuccess(status) && clientIdAddress !== 0) status = yield* user.probeForWrite(clientIdAddress, 8, 4);
  if (contextAddress === 0) return Status.INVALID_PARAMETER;
  if (isSuccess(status)) status = yield* user.probeForRead(contextAddress, CONTEXT_SIZE, 4);
  if (isSuccess(status)) status = yield* user.probeForRead(initialTebAddress, INITIAL_TEB_SIZE, 4);
  if (!isSuccess(status)) return status;
  const captured = yield* captureAttributes(kernel, attributesAddress);
  if (!isSuccess(captured.status)) return captured.status;
  const process = ob.peekObjectByHandle(processHandle, ob.types.process, PROCESS_CREATE_THREAD);
  if (process.object === null) return process.status;
  const { status: made, thread } = createUserThread(ps, {
    process: process.object.body,
    context: user.readBytes(contextAddress, CONTEXT_SIZE),
    initialTeb: captureInitialTeb(kernel, initialTebAddress),
    suspended: (suspended & 0xff) !== 0,
  });
  if (thread === null || thread.object === null) return made;
  const inserted = ob.insertObject(thread.object, captured.attributes, access);
  if (!isSuccess(inserted.status)) {
    ps.terminateThread(thread, inserted.status);
    return inserted.status;
  }
  user.write32(handleAddress, inserted.handle);
  if (clientIdAddress !== 0) {
    user.write32(clientIdAddress, thread.process.processId);
    user.write32(clientIdAddress + 4, thread.threadId);
  }
  user.clearFailure();
  return Status.SUCCESS;
}

/** INITIAL_TEB: {old base, old limit, base, limit, allocation base}; without old ones the stack is the caller's new one. */
function captureInitialTeb(kernel: Kernel, address: number): InitialTeb {
  const { user } = kernel;
  const old = user.read32(address);
  if (old !== 0) return { stackBase: old, stackLimit: user.read32(address + 4), allocationBase: 0 };
  return {
    stackBase: user.read32(address + 8),
    stackLimit: user.read32(address + 0xc),
    allocationBase: user.read32(address + 0x10),
  };
}

/** NtTerminateThread(handle or 0 for the caller itself, status). The last thread of a process ends it too. */
function* terminateThread(kernel: Kernel, handle: number, exitStatus: number): Blocking<NtStatus> {
  const { ob, ps, ke } = kernel;
  const current = ke.currentThread.executive;
  let thread: EThread | null = current;
  if (handle !== 0) {
    const found = ob.peekObjectByHandle(handle, ob.types.thread, ThreadAccess.TERMINATE);
    if (found.object === null) return found.status;
    thread = found.object.body;
  }
  if (thread === null) return Status.INVALID_HANDLE;
  if (thread === current) return yield* ps.exitThread(ntStatus(exitStatus));
  if (thread.process.processId === 4) return Status.INVALID_PARAMETER;
  return ps.terminateThread(thread, ntStatus(exitStatus));
}

/** Suspends or resumes; the previous count goes to an optional address. */
function* changeSuspension(
  kernel: Kernel,
  handle: number,
  countAddress: number,
  change: (thread: EThread) => number,
): Blocking<NtStatus> {
  const { ob, user } = kernel;
  if (countAddress !== 0) {
    const probed = yield* user.probeForWrite(countAddress, 4, 4);
    if (!isSuccess(probed)) return probed;
  }
  const { status, object } = ob.peekObjectByHandle(handle, ob.types.thread, ThreadAccess.SUSPEND_RESUME);
  if (object === null) return status;
  const thread = object.body;
  if (thread.terminated || thread.tcb.state === ThreadState.Terminated) return Status.THREAD_IS_TERMINATING;
  const previous = change(thread);
  if (previous < 0) return Status.SUSPEND_COUNT_EXCEEDED;
  if (countAddress !== 0) user.write32(countAddress, previous);
  return Status.SUCCESS;
}

/** NtGetContextThread(handle, CONTEXT*): the parts that the CONTEXT's flags ask for. */
function* getContext(kernel: Kernel, handle: number, contextAddress: number): Blocking<NtStatus> {
  const { ob, user, ke } = kernel;
  const probed = yield* user.probeForWrite(contextAddress, CONTEXT_SIZE, 4);
  if (!isSuccess(probed)) return probed;
  const { status, object } = ob.peekObjectByHandle(handle, ob.types.thread, ThreadAccess.GET_CONTEXT);
  if (object === null) return status;
  const thread = object.body;
  if (thread.terminated || !thread.tcb.isUserThread) return Status.UNSUCCESSFUL;
  const flags = user.read32(contextAddress + ContextField.ContextFlags);
  const asked = ke.getContext(thread.tcb, flags);
  const bytes = user.readBytes(contextAddress, CONTEXT_SIZE);
  mergeContext(bytes, asked, flags);
  user.writeBytes(contextAddress, bytes);
  return Status.SUCCESS;
}

/** Byte ranges of a CONTEXT by the flag that asks for them. */
const contextParts: readonly (readonly [flag: number, from: number, to: number])[] = [
  [0x10, ContextField.Dr0, ContextField.FloatSave],
  [0x08, ContextField.FloatSave, ContextField.SegGs],
  [0x04, ContextField.SegGs, ContextField.Edi],
  [0x02, ContextField.Edi, ContextField.Ebp],
  [0x01, ContextField.Ebp, ContextField.ExtendedRegisters],
  [0x20, ContextField.ExtendedRegisters, CONTEXT_SIZE],
];

function mergeContext(target: Uint8Array, source: Uint8Array, flags: number): void {
  for (const [flag, from, to] of contextParts) {
    if ((flags & flag) !== 0) target.set(source.subarray(from, to), from);
  }
}

function* setContext(kernel: Kernel, handle: number, contextAddress: number): Blocking<NtStatus> {
  const { ob, user, ke } = kernel;
  const probed = yield* user.probeForRead(contextAddress, CONTEXT_SIZE, 4);
  if (!isSuccess(probed)) return probed;
  const { status, object } = ob.peekObjectByHandle(handle, ob.types.thread, ThreadAccess.SET_CONTEXT);
  if (object === null) return status;
  const thread = object.body;
  if (thread.terminated || !thread.tcb.isUserThread) return Status.UNSUCCESSFUL;
  ke.setContext(thread.tcb, user.readBytes(contextAddress, CONTEXT_SIZE));
  return Status.SUCCESS;
}

export const threadServices: readonly Service[] = [
  service('NtCreateThread', createThread),
  service('NtTerminateThread', terminateThread),
  service('NtSuspendThread', (kernel, handle, count) =>
    changeSuspension(kernel, handle, count, (thread) => kernel.ke.suspendThread(thread.tcb)),
  ),
  service('NtResumeThread', (kernel, handle, count) =>
    changeSuspension(kernel, handle, count, (thread) => kernel.ke.resumeThread(thread.tcb)),
  ),
  service('NtGetContextThread', getContext),
  service('NtSetContextThread', setContext),
];
