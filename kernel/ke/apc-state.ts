import type { Blocking } from '../types.js';
import type { Process } from './process.js';
import type { Mode, Thread } from './thread.js';

/**
 * Runs in kernel mode in the target thread when the APC is delivered, before the normal routine. It may change the APC's
 * normal routine and arguments; setting normalRoutine to 0 or null cancels it.
 */
export type KernelRoutine = (thread: Thread, apc: Apc) => Blocking<void> | undefined;

/** A kernel-mode normal routine is TypeScript, a user-mode one is a user address. */
export type NormalRoutine = number | ((thread: Thread, apc: Apc) => Blocking<void>) | null;

/** KAPC. */
export interface Apc {
  readonly mode: Mode;
  readonly kernelRoutine: KernelRoutine | null;
  normalRoutine: NormalRoutine;
  /** For user mode: passed to the routine, uint32. */
  normalContext: number;
  argument1: number;
  argument2: number;
  /** Called instead of the routines when the thread ends first. */
  readonly rundown: (() => void) | null;
  /** The user routine gets the address of the CONTEXT behind its frame as NormalContext (thread start). */
  readonly contextAsNormalContext: boolean;
  inserted: boolean;
}

/** KAPC_STATE: the APC queues of a thread in one process. */
export class ApcState {
  readonly process: Process;
  readonly kernelQueue: Apc[] = [];
  readonly userQueue: Apc[] = [];
  kernelApcInProgress = false;
  /** User APCs are to be delivered at the next return to user mode, alertable or not. */
  userApcPending = false;

  constructor(process: Process) {
    this.process = process;
  }
}
