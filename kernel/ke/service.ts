import type { Kernel } from '../kernel.js';
import type { Blocking, NtStatus } from '../types.js';
import { serviceList, serviceNumber } from './service-names.js';

/** What a service routine gives back: the status at once, or a generator when it may have to wait. */
export type ServiceResult = NtStatus | Blocking<NtStatus>;

/**
 * A service routine. Arguments are uint32, as many as the service takes; the caller's previous mode is user mode and the
 * current thread and process are `kernel.ke.currentThread` and `.currentProcess`. Environment: PASSIVE_LEVEL.
 */
export type ServiceHandler = (kernel: Kernel, ...args: number[]) => ServiceResult;

/** One row of the system service table. */
export interface Service {
  readonly number: number;
  readonly name: string;
  /** Dwords that the trap handler copies from the user stack. */
  readonly arguments: number;
  readonly handler: ServiceHandler;
}

/**
 * Makes the row of a service; number and argument count come from the list in service-names.ts.
 * @throws RangeError at load time when NT 5.2 has no service of that name: a mistake in the kernel's own source.
 */
export function service(name: string, handler: ServiceHandler): Service {
  const number = serviceNumber(name);
  if (number < 0) throw new RangeError(`no system service is called ${name}`);
  return { number, name, arguments: serviceList[number][1], handler };
}
