import {
  type ExceptionRecord,
  type FaultEvent,
  type MachineObserver,
  type ModuleEvent,
  type NtStatus,
  ntStatus,
  serviceNames,
  type Thread,
} from '../../kernel/index.js';
import type { EventFilters } from './exception-filters.js';
import type { StopEvent } from './stop-event.js';

const SERVICE_INDEX = 0xfff;
/** NtCurrentThread(). */
const CURRENT_THREAD = -2;

/** What the observer asks of the session. */
export interface EventTarget {
  readonly filters: EventFilters;
  /** Reads a dword of the current process, 0 where it cannot. */
  read32(address: number): number;
  /** The machine is to stop at the next instruction boundary. */
  requestStop(): void;
  /** True when a fault breakpoint wants this fault: it then becomes an event. */
  wantsFault(fault: FaultEvent): boolean;
  /** A line for the user that does not stop the machine. */
  notice(text: string): void;
}

/** An observer's memory. */
export interface ObserverState {
  readonly lastFault: FaultEvent | null;
  readonly passSystemCall: boolean;
  readonly leaving: number;
  readonly processes: readonly number[];
}

/** Turns what the machine reports into stops, as the event filters say. */
export class EventObserver implements MachineObserver {
  /** Set by the session before the machine runs. */
  target: EventTarget | null = null;
  /** Events that asked for the stop at hand, oldest first. */
  readonly events: StopEvent[] = [];
  /** The last fault of all, a copy. */
  lastFault: FaultEvent | null = null;
  /** The thread goes on with the service that it was stopped in front of. */
  passSystemCall = false;
  /** Identifier of the thread whose end was reported in front of its NtTerminateThread, or 0. */
  #leaving = 0;
  readonly #processes = new Set<number>();

  /** What is to be the same again when the machine is taken back. */
  save(): ObserverState {
    const { lastFault, passSystemCall } = this;
    return { lastFault, passSystemCall, leaving: this.#leaving, processes: [...this.#processes] };
  }

  restore({ lastFault, passSystemCall, leaving, processes }: ObserverState): void {
    this.lastFault = lastFault;
    this.passSystemCall = passSystemCall;
    this.#leaving = leaving;
    this.events.length = 0;
    this.#processes.clear();
    for (const process of processes) this.#processes.add(process);
  }

  pageFault(event: FaultEvent): void {
    this.lastFault = { ...event };
    if (this.target?.wantsFault(this.lastFault)) this.target.requestStop();
  }

  systemCall(thread: Thread, number: number, argumentPointer: number): boolean {
    const { target } = this;
    const name = serviceNames[number & SERVICE_INDEX] ?? '';
    if (target === null) return false;
    if (this.passSystemCall) {
      this.passSystemCall = false;
      return false;
    }
    if (name === 'NtRaiseException' && this.#raised(target, thread, argumentPointer)) return true;
    if (name === 'NtTerminateProcess' && this.#exits(target, thread, argumentPointer)) return true;
    if (name === 'NtTerminateThread' && this.#leaves(target, thread, argumentPointer)) return true;
    if (!target.filters.stops('sc', name)) return false;
    this.events.push({ kind: 'system-call', thread, name, argumentPointer });
    return true;
  }

  /** NtRaiseException(record, context, firstChance): software exceptions, and those that nobody has handled. */
  #raised(target: EventTarget, thread: Thread, argumentPointer: number): boolean {
    const record = this.#record(target, target.read32(argumentPointer));
    const firstChance = (target.read32(argumentPointer + 8) & 0xff) !== 0;
    return this.#raise(target, thread, record, firstChance, argumentPointer);
  }

  #record(target: EventTarget, at: number): ExceptionRecord {
    const count = Math.min(target.read32(at + 0x10), 15);
    return {
      code: ntStatus(target.read32(at)),
      flags: target.read32(at + 4),
      address: target.read32(at + 0xc),
      parameters: Array.from({ length: count }, (_, index) => target.read32(at + 0x14 + index * 4)),
    };
  }

  #exits(target: EventTarget, thread: Thread, argumentPointer: number): boolean {
    const { process } = thread;
    const handle = target.read32(argumentPointer);
    // ntdll ends the other threads with handle 0 first.
    if (handle === 0 || !target.filters.stops('epr', process.imageFileName)) return false;
    this.events.push({
      kind: 'process',
      processId: process.uniqueProcessId,
      name: process.imageFileName,
      started: false,
    });
    return true;
  }

  /** NtTerminateThread(handle, status) of the thread itself: later its stack would be gone. */
  #leaves(target: EventTarget, thread: Thread, argumentPointer: number): boolean {
    const handle = target.read32(argumentPointer) | 0;
    if ((handle !== 0 && handle !== CURRENT_THREAD) || !target.filters.stops('et', '')) return false;
    this.#leaving = thread.uniqueThreadId;
    const exitStatus = ntStatus(target.read32(argumentPointer + 4));
    this.events.push({ kind: 'thread', thread, started: false, exitStatus });
    return true;
  }

  exception(thread: Thread, record: ExceptionRecord): boolean {
    return this.target !== null && this.#raise(this.target, thread, record, true, 0);
  }

  #raise(
    target: EventTarget,
    thread: Thread,
    record: ExceptionRecord,
    firstChance: boolean,
    argumentPointer: number,
  ): boolean {
    const { mode } = target.filters.forException(record.code);
    if (mode === 'ignore' || (firstChance && mode === 'second-chance')) return false;
    if (firstChance && mode === 'output') {
      target.notice(`(${clientId(thread)}): code ${(record.code >>> 0).toString(16)} (first chance)`);
      return false;
    }
    const fault = this.lastFault;
    const caused = fault !== null && fault.outcome >= 16 && fault.eip === record.address ? fault : null;
    this.events.push({ kind: 'exception', thread, record, firstChance, argumentPointer, fault: caused });
    return true;
  }

  module(module: ModuleEvent): void {
    const { target } = this;
    if (target === null) return;
    const file = module.name.split('\\').at(-1) ?? '';
    const filter = module.mapped ? 'ld' : 'ud';
    const stops = target.filters.stops(filter, file) || target.filters.stops(filter, file.replace(/\.[^.]*$/, ''));
    this.events.push({ kind: 'module', module });
    if (stops || module.mapped) target.requestStop();
  }

  threadStarted(thread: Thread): void {
    const { target } = this;
    const { process } = thread;
    if (target === null) return;
    if (!this.#processes.has(process.uniqueProcessId)) {
      this.#processes.add(process.uniqueProcessId);
      if (!target.filters.stops('cpr', process.imageFileName)) return;
      const { uniqueProcessId: processId, imageFileName: name } = process;
      this.events.push({ kind: 'process', processId, name, started: true });
      target.requestStop();
      return;
    }
    if (!target.filters.stops('ct', '')) return;
    this.events.push({ kind: 'thread', thread, started: true, exitStatus: null });
    target.requestStop();
  }

  threadEnded(thread: Thread, exitStatus: NtStatus): void {
    const { target } = this;
    const isReported = thread.uniqueThreadId === this.#leaving;
    if (isReported) this.#leaving = 0;
    // With its last thread the process ends: that is an event of its own.
    const isLast = thread.process.threads.every((other) => other === thread);
    if (target === null || isReported || isLast || !target.filters.stops('et', '')) return;
    this.events.push({ kind: 'thread', thread, started: false, exitStatus });
    target.requestStop();
  }
}

/** 'pid.tid' as kd writes it. */
export function clientId(thread: Thread): string {
  return `${thread.process.uniqueProcessId.toString(16)}.${thread.uniqueThreadId.toString(16)}`;
}
