import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { probeOptional } from './object-service.js';
import { type Service, service } from './service.js';
import { Mode } from './thread.js';

const THREAD_SUSPEND_RESUME = 0x02;
const THREAD_ALERT = 0x04;
const THREAD_SET_CONTEXT = 0x10;

/** NtQueueApcThread. INVALID_HANDLE for system threads, UNSUCCESSFUL for one that is ending. */
function queueApcThread(
  kernel: Kernel,
  handle: number,
  routine: number,
  context: number,
  argument1: number,
  argument2: number,
): NtStatus {
  const { status, object } = kernel.ob.peekObjectByHandle(handle, kernel.ob.types.thread, THREAD_SET_CONTEXT);
  if (object === null) return status;
  const { tcb } = object.body;
  if (!tcb.isUserThread) return Status.INVALID_HANDLE;
  const queued = kernel.ke.queueApc(tcb, {
    mode: Mode.User,
    normalRoutine: routine,
    normalContext: context,
    argument1,
    argument2,
  });
  return queued ? Status.SUCCESS : Status.UNSUCCESSFUL;
}

function alertThread(kernel: Kernel, handle: number): NtStatus {
  const { status, object } = kernel.ob.peekObjectByHandle(handle, kernel.ob.types.thread, THREAD_ALERT);
  if (object === null) return status;
  kernel.ke.alertThread(object.body.tcb, Mode.User);
  return Status.SUCCESS;
}

function* alertResumeThread(kernel: Kernel, handle: number, previousCount: number): Blocking<NtStatus> {
  const probed = yield* probeOptional(kernel, previousCount, 4);
  if (!isSuccess(probed)) return probed;
  const { status, object } = kernel.ob.peekObjectByHandle(handle, kernel.ob.types.thread, THREAD_SUSPEND_RESUME);
  if (object === null) return status;
  const before = kernel.ke.alertResumeThread(object.body.tcb);
  if (previousCount !== 0) kernel.user.write32(previousCount, before);
  return Status.SUCCESS;
}

/** User APCs and alerts. */
export const apcServices: readonly Service[] = [
  service('NtQueueApcThread', queueApcThread),
  service('NtTestAlert', (kernel) => (kernel.ke.testAlert(Mode.User) ? Status.ALERTED : Status.SUCCESS)),
  service('NtAlertThread', alertThread),
  service('NtAlertResumeThread', alertResumeThread),
];
