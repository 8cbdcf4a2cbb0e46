import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking } from '../types.js';
import { createUserThread, initialContext } from './create-thread.js';
import type { EProcess } from './process.js';
import { type ProcessManager, SYSTEM_PROCESS_ID } from './process-manager.js';
import { createStack } from './start-program.js';

/** Priority of the thread that makes the program's thread: above the program, so that the event is not put off. */
const DELIVERY_PRIORITY = 15;

/** Where the threads begin that tell a program of Ctrl-C: kernel32 registers it (the role of CSRSS's CtrlRoutine). */
export interface ControlRoutine {
  /** The first instruction, with the routine in EAX and the event in EBX. */
  readonly thunk: number;
  readonly routine: number;
  /** The program has handlers of its own: it may be waiting for the event. */
  readonly hasHandlers: boolean;
}

/**
 * Ctrl-C or Ctrl-Break at the terminal: in every process, which all share the console, a thread runs the handlers, the last of which
 * ends it. A program that has not come so far, or cannot have a thread, ends with CONTROL_C_EXIT at once. Environment: any; the
 * threads are made later.
 */
export function deliverControlEvent(manager: ProcessManager, event: number): void {
  generateControlEvent(manager, event, 0);
}

/**
 * GenerateConsoleCtrlEvent: the event goes to the processes of a group, of all groups for 0. False: there is no such group.
 * Environment: any; the threads are made later.
 */
export function generateControlEvent(manager: ProcessManager, event: number, group: number): boolean {
  const system = manager.findProcess(SYSTEM_PROCESS_ID);
  const members = manager.processes.filter(
    (process) => process !== system && process.peakThreads > 0 && (group === 0 || process.controlGroup === group),
  );
  for (const process of members) deliverTo(manager, process, event);
  return members.length > 0;
}

function deliverTo(manager: ProcessManager, process: EProcess, event: number): void {
  if (process.exiting) return;
  const { controlRoutine } = process;
  if (controlRoutine === null) {
    manager.interruptProcess(process);
    return;
  }
  const system = manager.findProcess(SYSTEM_PROCESS_ID);
  if (system === null) return;
  // biome-ignore lint/correctness/useYield: it never waits
  const delivery = manager.kernel.ke.createSystemThread(system.pcb, DELIVERY_PRIORITY, function* (): Blocking<void> {
    const ends = !process.exiting && !startControlThread(manager, process, controlRoutine, event);
    if (ends) manager.interruptProcess(process);
  });
  if (delivery === null) manager.interruptProcess(process);
}

function startControlThread(
  manager: ProcessManager,
  process: EProcess,
  { thunk, routine }: ControlRoutine,
  event: number,
): boolean {
  const image = process.imageSection?.body.segment.imageInformation ?? null;
  if (image === null) return false;
  const stack = createStack(manager, process, image);
  if (typeof stack === 'number') return false;
  const { status } = createUserThread(manager, {
    process,
    context: initialContext({ eip: thunk, esp: stack.stackBase - 4, eax: routine, ebx: event }),
    initialTeb: stack,
    suspended: false,
  });
  return isSuccess(status) || status === Status.PROCESS_IS_TERMINATING;
}
