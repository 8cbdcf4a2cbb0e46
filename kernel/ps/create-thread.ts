import { CONTEXT_SIZE, ContextField, ContextFlag } from '../ke/context.js';
import { Mode } from '../ke/thread.js';
import { isSuccess, Status } from '../ntstatus.js';
import { type NtStatus, virtualAddress } from '../types.js';
import type { EProcess } from './process.js';
import type { ProcessManager } from './process-manager.js';
import type { EThread } from './thread.js';

/** INITIAL_TEB: the user stack that the thread's maker allocated. */
export interface InitialTeb {
  readonly stackBase: number;
  readonly stackLimit: number;
  /** Lowest address of the stack's reservation (TEB.DeallocationStack). */
  readonly allocationBase: number;
}

export interface ThreadRequest {
  readonly process: EProcess;
  /** CONTEXT bytes (2CC). */
  readonly context: Uint8Array;
  readonly initialTeb: InitialTeb;
  readonly suspended: boolean;
}

export interface ThreadResult {
  readonly status: NtStatus;
  readonly thread: EThread | null;
}

const failed = (status: NtStatus): ThreadResult => ({ status, thread: null });

/**
 * Makes a user thread and starts it (PspCreateThread): client id, TEB, kernel stack, object, and the user APC that runs
 * LdrInitializeThunk in front of its context. PROCESS_IS_TERMINATING, INSUFFICIENT_RESOURCES, and what memory gives.
 * Environment: PASSIVE_LEVEL, does not block.
 */
export function createUserThread(manager: ProcessManager, request: ThreadRequest): ThreadResult {
  const { kernel } = manager;
  const { process } = request;
  if (process.exiting) return failed(Status.PROCESS_IS_TERMINATING);
  const id = manager.allocateClientId();
  if (id === 0) return failed(Status.INSUFFICIENT_RESOURCES);
  const teb = manager.memory.createTeb(process, id, request.initialTeb);
  if (!isSuccess(teb.status)) {
    manager.freeClientId(id);
    return failed(teb.status);
  }
  const parameters = { uniqueThreadId: id, teb: virtualAddress(teb.address), context: request.context };
  const created = kernel.ke.createUserThread(process.pcb, parameters);
  if (created.thread === null) {
    manager.memory.deleteTeb(process, teb.address);
    manager.freeClientId(id);
    return failed(created.status);
  }
  const thread = manager.createThreadObject(created.thread, process);
  if (thread === null) {
    const { threads } = process.pcb;
    threads.splice(threads.indexOf(created.thread), 1);
    kernel.mm.freeKernelStack(created.thread.initialStack);
    manager.memory.deleteTeb(process, teb.address);
    manager.freeClientId(id);
    return failed(Status.INSUFFICIENT_RESOURCES);
  }
  const view = new DataView(request.context.buffer, request.context.byteOffset, request.context.byteLength);
  thread.startAddress = virtualAddress(view.getUint32(ContextField.Eip, true));
  thread.win32StartAddress = virtualAddress(view.getUint32(ContextField.Eax, true));
  queueInitialApc(manager, thread);
  if (request.suspended) kernel.ke.suspendThread(thread.tcb);
  kernel.ke.startThread(thread.tcb);
  return { status: Status.SUCCESS, thread };
}

/** The thread's first instructions in user mode are LdrInitializeThunk(CONTEXT, ntdll base, 0). */
function queueInitialApc(manager: ProcessManager, thread: EThread): void {
  const dll = manager.systemDll;
  const base = thread.process.systemDllBase;
  const offset = dll?.exports.get('LdrInitializeThunk');
  if (offset === undefined || base === 0) return;
  manager.kernel.ke.queueApc(thread.tcb, {
    mode: Mode.User,
    normalRoutine: (base + offset) >>> 0,
    argument1: base,
    argument2: 0,
    contextAsNormalContext: true,
    terminate: true,
  });
}

/** CONTEXT of a thread that begins with integer registers and a stack of its own; flat segments, interrupts on. */
export function initialContext(registers: { eip: number; esp: number; eax: number; ebx: number }): Uint8Array {
  const bytes = new Uint8Array(CONTEXT_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(ContextField.ContextFlags, ContextFlag.FULL, true);
  view.setUint32(ContextField.SegGs, 0, true);
  view.setUint32(ContextField.SegFs, 0x3b, true);
  view.setUint32(ContextField.SegEs, 0x23, true);
  view.setUint32(ContextField.SegDs, 0x23, true);
  view.setUint32(ContextField.SegCs, 0x1b, true);
  view.setUint32(ContextField.SegSs, 0x23, true);
  view.setUint32(ContextField.EFlags, 0x200, true);
  view.setUint32(ContextField.Eip, registers.eip, true);
  view.setUint32(ContextField.Esp, registers.esp, true);
  view.setUint32(ContextField.Eax, registers.eax, true);
  view.setUint32(ContextField.Ebx, registers.ebx, true);
  return bytes;
}
