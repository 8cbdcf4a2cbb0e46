import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { type Blocking, type NtStatus, ntStatus } from '../types.js';
import { EventType, KTimer } from './dispatcher-object.js';
import {
  captureTimeout,
  createObjectService,
  openObjectService,
  probeOptional,
  queryObjectService,
} from './object-service.js';
import { type Service, service } from './service.js';
import { Mode, type Thread } from './thread.js';

const TIMER_MODIFY_STATE = 2;
const TIMER_RESUME_IGNORED = ntStatus(0x40000025);

/** The Timer object: a KTIMER that can queue a user APC to the thread that set it (ETIMER). */
class TimerObject extends KTimer {
  /** Counts settings: an APC of an earlier one that has not been delivered yet is void. */
  generation = 0;
}

function* createTimer(
  kernel: Kernel,
  handleAddress: number,
  access: number,
  attributes: number,
  type: number,
): Blocking<NtStatus> {
  if (type !== EventType.Notification && type !== EventType.Synchronization) return Status.INVALID_PARAMETER_4;
  const { timer } = kernel.ob.types;
  return yield* createObjectService(kernel, timer, handleAddress, access, attributes, () => new TimerObject(type));
}

function* setTimer(
  kernel: Kernel,
  handle: number,
  dueTimeAddress: number,
  apcRoutine: number,
  apcContext: number,
  resume: number,
  period: number,
  previousState: number,
): Blocking<NtStatus> {
  if ((period | 0) < 0) return Status.INVALID_PARAMETER_6;
  const probed = yield* probeOptional(kernel, previousState, 1);
  if (!isSuccess(probed)) return probed;
  if (dueTimeAddress === 0) return Status.ACCESS_VIOLATION;
  const due = yield* captureTimeout(kernel, dueTimeAddress);
  if (due.timeout === null) return due.status;
  const { status, object } = kernel.ob.peekObjectByHandle(handle, kernel.ob.types.timer, TIMER_MODIFY_STATE);
  if (object === null) return status;
  const timer = object.body;
  const before = timer.signalState;
  const onExpire = apcRoutine === 0 ? null : apcOnExpiration(kernel, timer, apcRoutine, apcContext);
  cancelApc(timer);
  kernel.ke.setTimer(timer, due.timeout, period, onExpire);
  if (previousState !== 0) kernel.user.write8(previousState, before > 0 ? 1 : 0);
  return (resume & 0xff) !== 0 ? TIMER_RESUME_IGNORED : Status.SUCCESS;
}

/** Queues the completion routine to the thread that is setting the timer, each time the timer expires. */
function apcOnExpiration(kernel: Kernel, timer: KTimer, routine: number, context: number): () => void {
  const thread: Thread = kernel.ke.currentThread;
  const generation = (timer instanceof TimerObject ? timer.generation : 0) + 1;
  const apcState = { queued: false };
  return () => {
    if (apcState.queued) return;
    const time = kernel.ke.systemTime();
    apcState.queued = kernel.ke.queueApc(thread, {
      mode: Mode.User,
      normalRoutine: routine,
      normalContext: context,
      argument1: Number(time & 0xffff_ffffn),
      argument2: Number((time >> 32n) & 0xffff_ffffn),
      kernelRoutine: (_thread, apc) => {
        apcState.queued = false;
        if (timer instanceof TimerObject && timer.generation !== generation) apc.normalRoutine = null;
        return undefined;
      },
    });
  };
}

function cancelApc(timer: KTimer): void {
  if (timer instanceof TimerObject) timer.generation++;
}

function* cancelTimer(kernel: Kernel, handle: number, currentState: number): Blocking<NtStatus> {
  const probed = yield* probeOptional(kernel, currentState, 1);
  if (!isSuccess(probed)) return probed;
  const { status, object } = kernel.ob.peekObjectByHandle(handle, kernel.ob.types.timer, TIMER_MODIFY_STATE);
  if (object === null) return status;
  cancelApc(object.body);
  kernel.ke.cancelTimer(object.body);
  if (currentState !== 0) kernel.user.write8(currentState, object.body.signalState > 0 ? 1 : 0);
  return Status.SUCCESS;
}

/** TIMER_BASIC_INFORMATION: what is left, and the state. */
function timerInformation(timer: KTimer, kernel: Kernel): readonly number[] {
  const remaining = timer.inserted ? BigInt(timer.dueTime) - kernel.ke.interruptTime() : 0n;
  const low = Number(BigInt.asUintN(32, remaining));
  const high = Number(BigInt.asUintN(32, remaining >> 32n));
  return [low, high, timer.signalState > 0 ? 1 : 0, 0];
}

/** Timer objects. */
export const timerServices: readonly Service[] = [
  service('NtCreateTimer', createTimer),
  service('NtOpenTimer', (kernel, handleAddress, access, attributes) =>
    openObjectService(kernel, kernel.ob.types.timer, handleAddress, access, attributes),
  ),
  service('NtSetTimer', setTimer),
  service('NtCancelTimer', cancelTimer),
  queryObjectService('NtQueryTimer', ({ timer }) => timer, 16, timerInformation),
];
