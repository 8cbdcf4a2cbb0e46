import { AccessKind } from '../../cpu/index.js';
import type { Kernel } from '../kernel.js';
import { Status, statusName } from '../ntstatus.js';
import { hex } from '../trace.js';
import type { NtStatus } from '../types.js';
import type { Service, ServiceResult } from './service.js';
import { serviceNames } from './service-names.js';
import type { Thread } from './thread.js';

const MAXIMUM_ARGUMENTS = 17;
const TABLE_SHIFT = 12;
const TABLE_MASK = 3;
const INDEX_MASK = 0xfff;
const PAGE_SIZE = 0x1000;

/** The system service table (KeServiceDescriptorTable[0]), made of every component's rows. */
export class SystemServiceTable {
  readonly #rows: (Service | null)[] = new Array<Service | null>(serviceNames.length).fill(null);
  readonly #reported: Set<number> = new Set();
  readonly #arguments: number[] = new Array<number>(MAXIMUM_ARGUMENTS).fill(0);

  /** @throws RangeError at boot when two components serve the same number: a mistake in the kernel's own source. */
  constructor(services: readonly Service[]) {
    for (const row of services) {
      if (this.#rows[row.number] !== null) throw new RangeError(`${row.name} has two service routines`);
      this.#rows[row.number] = row;
    }
  }

  /** Names of the services that have a routine, by number. */
  implemented(): readonly string[] {
    return this.#rows.flatMap((row) => (row === null ? [] : [row.name]));
  }

  /**
   * Calls the service with this number (EAX) with its arguments copied from the user stack. ACCESS_VIOLATION when
   * they cannot be read, INVALID_SYSTEM_SERVICE outside the table, NOT_IMPLEMENTED for rows that are empty.
   */
  call(kernel: Kernel, thread: Thread, number: number, argumentPointer: number): ServiceResult {
    const index = number & INDEX_MASK;
    if (((number >>> TABLE_SHIFT) & TABLE_MASK) !== 0 || index >= this.#rows.length)
      return Status.INVALID_SYSTEM_SERVICE;
    const row = this.#rows[index];
    if (row === null) return this.#missing(kernel, thread, index);
    kernel.user.clearFailure();
    const copied = this.#copyArguments(kernel, argumentPointer >>> 0, row.arguments);
    if (copied !== Status.SUCCESS) return copied;
    if (kernel.trace.syscalls) {
      thread.tracedService = { name: row.name, arguments: this.#arguments.slice(0, row.arguments).map(hex) };
    }
    return this.#invoke(kernel, row);
  }

  #invoke(kernel: Kernel, row: Service): ServiceResult {
    const { handler } = row;
    const list = this.#arguments;
    switch (row.arguments) {
      case 0:
        return handler(kernel);
      case 1:
        return handler(kernel, list[0]);
      case 2:
        return handler(kernel, list[0], list[1]);
      case 3:
        return handler(kernel, list[0], list[1], list[2]);
      case 4:
        return handler(kernel, list[0], list[1], list[2], list[3]);
      case 5:
        return handler(kernel, list[0], list[1], list[2], list[3], list[4]);
      case 6:
        return handler(kernel, list[0], list[1], list[2], list[3], list[4], list[5]);
      default:
        return handler(kernel, ...list.slice(0, row.arguments));
    }
  }

  #copyArguments(kernel: Kernel, pointer: number, count: number): NtStatus {
    if (count === 0) return Status.SUCCESS;
    const size = count * 4;
    if (pointer + size > kernel.mm.layout.userProbeAddress) return Status.ACCESS_VIOLATION;
    const list = this.#arguments;
    const { cpu } = kernel;
    const isPlain = (pointer & (PAGE_SIZE - 1)) + size <= PAGE_SIZE && !cpu.debug.watching;
    const host = isPlain ? cpu.translate(pointer | 0, AccessKind.Read, false) : 0;
    if (host !== 0) {
      const { view } = kernel.memory;
      for (let index = 0; index < count; index++) list[index] = view.getUint32(host + index * 4, true);
      return Status.SUCCESS;
    }
    const { user } = kernel;
    for (let index = 0; index < count; index++) list[index] = user.read32(pointer + index * 4) >>> 0;
    return user.takeFailure() === Status.SUCCESS ? Status.SUCCESS : Status.ACCESS_VIOLATION;
  }

  /** A service that is not built: says so once on the trace. */
  #missing(kernel: Kernel, thread: Thread, index: number): NtStatus {
    if (kernel.trace.enabled && !this.#reported.has(index)) {
      this.#reported.add(index);
      kernel.trace.event('service-missing', { name: serviceNames[index], process: thread.process.uniqueProcessId });
    }
    if (kernel.trace.syscalls) thread.tracedService = { name: serviceNames[index], arguments: [] };
    return Status.NOT_IMPLEMENTED;
  }
}

/** Records the end of a service on the trace; null: the thread ended inside. */
export function traceServiceEnd(kernel: Kernel, thread: Thread, status: NtStatus | null): void {
  const traced = thread.tracedService;
  if (traced === null) return;
  thread.tracedService = null;
  kernel.trace.event('syscall', {
    process: thread.process.uniqueProcessId,
    thread: thread.uniqueThreadId,
    name: traced.name,
    arguments: traced.arguments,
    status: status === null ? null : hex(status),
    statusName: status === null ? null : statusName(status),
  });
}
