import { apcServices } from './apc-services.js';
import { eventServices } from './event-services.js';
import { exceptionServices } from './exception-services.js';
import { keyedEventServices } from './keyed-event-services.js';
import { localeServices } from './locale-services.js';
import { mutantServices } from './mutant-services.js';
import { semaphoreServices } from './semaphore-services.js';
import type { Service } from './service.js';
import { timeServices } from './time-services.js';
import { timerServices } from './timer-services.js';
import { waitServices } from './wait-services.js';

/** Every service routine of ke. */
export const keServices: readonly Service[] = [
  ...apcServices,
  ...eventServices,
  ...exceptionServices,
  ...keyedEventServices,
  ...localeServices,
  ...mutantServices,
  ...semaphoreServices,
  ...timeServices,
  ...timerServices,
  ...waitServices,
];

export { Clock, TICK_INCREMENT, TICK_NANOSECONDS } from './clock.js';
export { CONTEXT_SIZE, ContextField, ContextFlag } from './context.js';
export { Dispatcher } from './dispatcher.js';
export {
  DispatcherObject,
  DispatcherType,
  EventType,
  KEvent,
  KMutant,
  KSemaphore,
  KTimer,
} from './dispatcher-object.js';
export type { ExceptionRecord, KernelExecutive, Timeout, UserDispatchers } from './kernel-executive.js';
export { Process } from './process.js';
export { RunLoop } from './run-loop.js';
export { type Service, type ServiceHandler, service } from './service.js';
export { serviceList, serviceNames, serviceNumber } from './service-names.js';
export { Mode, Thread, ThreadState, WaitReason } from './thread.js';
export { TrapFrame, TrapFrameField } from './trap-frame.js';
