import type { ExceptionRecord } from './ke/kernel-executive.js';
import type { Thread } from './ke/thread.js';
import type { FaultEvent } from './mm/fault-outcome.js';
import type { NtStatus } from './types.js';

/** An image that was mapped into a process or taken out of it. */
export interface ModuleEvent {
  readonly processId: number;
  /** NT path of the file. */
  readonly name: string;
  readonly base: number;
  readonly mapped: boolean;
}

/**
 * A debugger's view of what happens in a machine. Machine takes one at its creation; machines without run the same code
 * with one comparison an event. An observer looks and may ask for a stop; it changes nothing.
 * Environment: called in the middle of kernel work; may not run the machine.
 */
export interface MachineObserver {
  /** A page fault was decided. The event object is reused. */
  pageFault(event: FaultEvent): void;
  /**
   * A thread is about to enter a system service; its EIP is still at the instruction that does it.
   * True: stop there; the instruction will be executed, and reported, again.
   * @param number what is in EAX
   * @param argumentPointer user address of the first argument
   */
  systemCall(thread: Thread, number: number, argumentPointer: number): boolean;
  /** A user-mode instruction raised an exception. True: stop before the exception is dispatched, registers as it left them. */
  exception(thread: Thread, record: ExceptionRecord): boolean;
  module(event: ModuleEvent): void;
  threadStarted(thread: Thread): void;
  threadEnded(thread: Thread, exitStatus: NtStatus): void;
}
