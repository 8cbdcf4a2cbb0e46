import { PoolType } from '../ex/pool.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { currentPayer } from '../ps/quota.js';
import type { Blocking, NtStatus } from '../types.js';
import type { ApcParameters } from './kernel-executive.js';
import { probeOptional } from './object-service.js';
import { type Service, service } from './service.js';
import { Mode, type Thread } from './thread.js';

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
  return queueChargedApc(kernel, tcb, { normalRoutine: routine, normalContext: context, argument1, argument2 });
}

/** KAPC: what an APC takes of nonpaged pool. */
const APC_SIZE = 0x30;

/** What a user APC calls and with what. */
export type UserApc = Pick<ApcParameters, 'normalRoutine' | 'normalContext' | 'argument1' | 'argument2'>;

/**
 * Queues a user APC that a program may queue as many of as it likes: each takes pool, which the caller's quota block pays for, until
 * it is delivered. NO_MEMORY, for want of quota too; UNSUCCESSFUL for a thread that is ending. Environment: any thread, does not block.
 */
export function queueChargedApc(kernel: Kernel, thread: Thread, apc: UserApc): NtStatus {
  const { pool } = kernel.ex;
  const { address: block } = pool.allocateWithQuota(currentPayer(kernel), PoolType.NonPaged, APC_SIZE, 'Psap');
  if (block === 0) return Status.NO_MEMORY;
  const free = (): undefined => {
    pool.free(block);
  };
  if (kernel.ke.queueApc(thread, { ...apc, mode: Mode.User, kernelRoutine: free, rundown: free }))
    return Status.SUCCESS;
  pool.free(block);
  return Status.UNSUCCESSFUL;
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
