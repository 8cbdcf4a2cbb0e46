import { HandleTable } from '../ex/handle-table.js';
import { PoolType } from '../ex/pool.js';
import { cancelPending } from '../io/io-request.js';
import type { Process } from '../ke/process.js';
import { Mode, type Thread, ThreadState } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { HandleEntry } from '../ob/object-manager.js';
import { accountToken } from '../se/account.js';
import type { Token } from '../se/token.js';
import { createTokenObject, initializeTokenType } from '../se/token-object.js';
import type { Blocking, NtStatus } from '../types.js';
import { initializeJobType, leaveJob } from './job.js';
import { createKnownDlls } from './known-dlls.js';
import { EProcess } from './process.js';
import { type ProcessMemory, processMemory } from './process-memory.js';
import { PrioritySeparation } from './process-priority.js';
import { QuotaType } from './quota.js';
import { createInitialProcess } from './start-program.js';
import { loadSystemDll, type SystemDll } from './system-dll.js';
import { EThread } from './thread.js';

export const SYSTEM_PROCESS_ID = 4;
/** Win32PrioritySeparation as it is installed: foreground quantums and boosts of two levels, variable, short. */
const WORKSTATION_SEPARATION = 2;
const PENDING = Status.PENDING;
const HANDLE_TABLE_PAGE = 0x1000;

/**
 * The process manager: client ids, the list of processes, the start and the end of processes and threads. Objects of the
 * types Process and Thread have EProcess and EThread bodies.
 */
export class ProcessManager {
  readonly kernel: Kernel;
  readonly memory: ProcessMemory;
  /** Every living process, System first. */
  readonly processes: EProcess[] = [];
  /** The program that the machine was started for. */
  initialProcess: EProcess | null = null;
  /** ntdll.dll, mapped into every process. */
  systemDll: SystemDll | null = null;
  /** How much foreground processes are preferred (Win32PrioritySeparation). */
  prioritySeparation = new PrioritySeparation(WORKSTATION_SEPARATION);
  /** Client ids: processes and threads share one table. */
  readonly #clientIds = new HandleTable<EProcess | EThread | 'reserved'>();
  /** Processes whose rundown is under way or waits for that of the first. */
  readonly #ending: EProcess[] = [];
  #nextLuid = 0x10000;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.memory = processMemory(kernel);
    const { types } = kernel.ob;
    types.process.procedures = {
      close: (process, handles) => {
        if (handles === 1 && process.peakThreads === 0) this.discardProcess(process);
      },
      delete: (process) => this.#deleteProcess(process),
    };
    initializeTokenType(kernel);
    initializeJobType(kernel);
    types.thread.procedures = { delete: (thread) => this.#deleteThread(thread) };
    this.#clientIds.allocate('reserved');
  }

  /** A value that no other client id has, a multiple of 4; 0 when the table is full. */
  allocateClientId(): number {
    return this.#clientIds.allocate('reserved') ?? 0;
  }

  freeClientId(id: number): void {
    this.#clientIds.remove(id);
  }

  /** The process with an id, living or not yet deleted. */
  findProcess(id: number): EProcess | null {
    const entry = this.#lookup(id);
    return entry instanceof EProcess ? entry : null;
  }

  findThread(id: number): EThread | null {
    const entry = this.#lookup(id);
    return entry instanceof EThread ? entry : null;
  }

  /** Gives the System process, made by Machine, its executive part: handle table, token, object. */
  adoptSystemProcess(pcb: Process): EProcess {
    const process = this.createProcessObject(pcb, 0, '');
    if (process !== null && this.setToken(process, accountToken('system', [], this.allocateLuid()))) return process;
    return this.kernel.bugcheck(0x32, Status.INSUFFICIENT_RESOURCES);
  }

  /** The Process object of a pcb, listed and referenced for its life; null without pool. */
  createProcessObject(pcb: Process, parent: number, imagePath: string): EProcess | null {
    const { kernel } = this;
    const pages: number[] = [];
    const handleTable = new HandleTable<HandleEntry>(() => {
      const quota = pcb.addressSpace?.quota ?? null;
      if (quota === null || quota.charge(QuotaType.PagedPool, HANDLE_TABLE_PAGE) !== Status.SUCCESS) return false;
      const page = kernel.ex.pool.allocate(PoolType.Paged, HANDLE_TABLE_PAGE, 'Obtb');
      if (page === 0) quota.release(QuotaType.PagedPool, HANDLE_TABLE_PAGE);
      else pages.push(page);
      return page !== 0;
    });
    const process = new EProcess({ pcb, handleTable, parent, createTime: kernel.ke.systemTime(), imagePath });
    process.handleTablePages = pages;
    const { object } = kernel.ob.createObject(kernel.ob.types.process, process);
    if (object === null) return null;
    process.object = object;
    pcb.executive = process;
    this.#setClient(pcb.uniqueProcessId, process);
    this.processes.push(process);
    return process;
  }

  /** The Thread object of a tcb, referenced until the thread has ended; null without pool. */
  createThreadObject(tcb: Thread, process: EProcess): EThread | null {
    const thread = new EThread(tcb, process, this.kernel.ke.systemTime());
    const { object } = this.kernel.ob.createObject(this.kernel.ob.types.thread, thread);
    if (object === null || process.object === null) return null;
    thread.object = object;
    tcb.executive = thread;
    this.#setClient(tcb.uniqueThreadId, thread);
    process.threads.push(thread);
    process.peakThreads = Math.max(process.peakThreads, process.threads.length);
    this.kernel.ob.referenceObject(process.object);
    return thread;
  }

  /** Gives a process its token, and a descriptor that lets whom it acts for use both. False without pool. */
  setToken(process: EProcess, token: Token): boolean {
    const object = createTokenObject(this.kernel, token);
    process.token = object;
    if (object === null) return false;
    token.inUse = true;
    const { security } = this.kernel.ob;
    const own = process.object;
    const unprotected = own !== null && own.securityDescriptor === null;
    return (
      isSuccess(security.assign(object, null, null, token)) &&
      (!unprotected || isSuccess(security.assign(own, null, null, token)))
    );
  }

  /** Locally unique ids for tokens and NtAllocateLocallyUniqueId. */
  allocateLuid(): number {
    return this.#nextLuid++;
  }

  /** A token of the account that the machine's programs run as. */
  createUserToken(): Token {
    const { account, privileges } = this.kernel.options;
    return accountToken(account, privileges, this.allocateLuid());
  }

  /**
   * Starts the program of the machine's options. Every status that image sections, paths and memory can give; DLL_NOT_FOUND
   * when there is no ntdll.dll. Environment: a system thread at PASSIVE_LEVEL; may block.
   */
  *startInitialProcess(): Blocking<NtStatus> {
    const result = yield* createInitialProcess(this);
    this.initialProcess = result.process;
    return result.status;
  }

  /** Finds ntdll.dll and its entry points, and the libraries that all programs share, once. */
  loadSystemDll(): NtStatus {
    if (this.systemDll !== null) return Status.SUCCESS;
    const loaded = loadSystemDll(this.kernel, this.memory);
    if (typeof loaded === 'number') return loaded;
    this.systemDll = loaded;
    createKnownDlls(this.kernel, this.memory, loaded);
    return Status.SUCCESS;
  }

  /**
   * Ends the current thread (PspExitThread); with the process's last one the process ends too: handles are closed and the
   * address space goes. Environment: PASSIVE_LEVEL in the thread itself; never returns.
   */
  *exitThread(exitStatus: NtStatus): Blocking<never> {
    const { ke } = this.kernel;
    const tcb = ke.currentThread;
    const thread = tcb.executive;
    if (thread !== null && !thread.terminated) this.#endThread(thread, exitStatus);
    return yield* ke.terminateCurrentThread(exitStatus);
  }

  /**
   * Ends another thread: it exits when it next is about to return to user mode; waits in user mode end at once.
   * THREAD_IS_TERMINATING when it is ending already. Never call it for the current thread: exitThread.
   */
  terminateThread(thread: EThread, exitStatus: NtStatus): NtStatus {
    if (thread.terminated || thread.tcb.state === ThreadState.Terminated) return Status.THREAD_IS_TERMINATING;
    const queued = this.kernel.ke.queueApc(thread.tcb, {
      mode: Mode.User,
      terminate: true,
      kernelRoutine: () => this.exitThread(exitStatus),
    });
    if (!queued) return Status.THREAD_IS_TERMINATING;
    this.kernel.ke.forceResumeThread(thread.tcb);
    return Status.SUCCESS;
  }

  /**
   * Ends all threads of a process but the current one, which a caller in that process ends itself afterwards. The exit
   * status is kept for the process when it is the first one. NOTHING_TO_TERMINATE: no thread was there.
   */
  killProcess(process: EProcess, exitStatus: NtStatus): NtStatus {
    process.exiting = true;
    if (process.pcb.exitStatus === PENDING) process.pcb.exitStatus = exitStatus;
    return this.terminateOtherThreads(process, exitStatus);
  }

  /** As killProcess, without touching the process's exit status: NtTerminateProcess(NULL). */
  terminateOtherThreads(process: EProcess, exitStatus: NtStatus): NtStatus {
    const current = this.kernel.ke.currentThread;
    const threads = [...process.threads];
    for (const thread of threads) {
      if (thread.tcb !== current) this.terminateThread(thread, exitStatus);
    }
    if (threads.length === 0 && process.exiting) this.discardProcess(process);
    return threads.length === 0 ? Status.NOTHING_TO_TERMINATE : Status.SUCCESS;
  }

  /** Ends a process with a status, all threads: unhandled exceptions, hard errors. For the caller's own it never returns. */
  *terminateProcess(pcb: Process, exitStatus: NtStatus): Blocking<void> {
    if (pcb.executive !== null) this.killProcess(pcb.executive, exitStatus);
    if (this.kernel.ke.currentThread.process === pcb) yield* this.exitThread(exitStatus);
  }

  /** Ctrl-C that nobody handles: the process ends with CONTROL_C_EXIT. */
  interruptProcess(process: EProcess): void {
    if (process.exiting) return;
    const current = this.kernel.ke.currentThread.executive;
    this.killProcess(process, Status.CONTROL_C_EXIT);
    if (current === null || current.process !== process) return;
    this.terminateThread(current, Status.CONTROL_C_EXIT);
  }

  #endThread(thread: EThread, exitStatus: NtStatus): void {
    const { kernel } = this;
    const process = thread.process;
    thread.terminated = true;
    cancelPending(kernel, thread, null);
    thread.exitTime = kernel.ke.systemTime();
    const index = process.threads.indexOf(thread);
    if (index >= 0) process.threads.splice(index, 1);
    if (process.threads.length === 0) {
      if (process.pcb.exitStatus === PENDING) process.pcb.exitStatus = exitStatus;
      this.#endProcess(process);
    } else if (process.pcb.addressSpace !== null && thread.tcb.teb !== 0) {
      this.memory.freeUserStack(process, thread.tcb.teb);
      this.memory.deleteTeb(process, thread.tcb.teb);
    }
    if (thread.impersonation !== null) kernel.ob.dereferenceObject(thread.impersonation.token);
    thread.impersonation = null;
    if (thread.object !== null) kernel.ob.dereferenceObject(thread.object);
  }

  /**
   * The last thread has ended: everything that the process holds goes; its object stays while somebody refers to it. Closing its
   * handles may end processes that never ran, which hold others in turn: they queue up here.
   */
  #endProcess(process: EProcess): void {
    if (process.rundownDone) return;
    process.rundownDone = true;
    process.exiting = true;
    this.#ending.push(process);
    if (this.#ending.length > 1) return;
    for (let next = this.#ending.at(0); next !== undefined; next = this.#ending.at(0)) {
      this.#rundown(next);
      this.#ending.shift();
    }
  }

  #rundown(process: EProcess): void {
    process.exitTime = this.kernel.ke.systemTime();
    const { ob } = this.kernel;
    ob.closeAllHandles(process);
    for (const page of process.handleTablePages) this.kernel.ex.pool.free(page);
    process.pcb.addressSpace?.quota.release(QuotaType.PagedPool, process.handleTablePages.length * HANDLE_TABLE_PAGE);
    process.handleTablePages = [];
    leaveJob(this.kernel, process);
    this.memory.deleteAddressSpace(process);
    if (process.imageSection !== null) ob.dereferenceObject(process.imageSection);
    process.imageSection = null;
    if (process.token !== null) ob.dereferenceObject(process.token);
    process.token = null;
    const index = this.processes.indexOf(process);
    if (index >= 0) this.processes.splice(index, 1);
    if (process.object !== null) ob.dereferenceObject(process.object);
  }

  #deleteProcess(process: EProcess): void {
    this.freeClientId(process.processId);
  }

  #deleteThread(thread: EThread): void {
    this.freeClientId(thread.threadId);
    if (thread.process.object !== null) this.kernel.ob.dereferenceObject(thread.process.object);
  }

  #setClient(id: number, client: EProcess | EThread): void {
    if (id !== 0) this.#clientIds.replace(id, client);
  }

  #lookup(id: number): EProcess | EThread | null {
    if ((id & 3) !== 0) return null;
    const entry = this.#clientIds.get(id);
    return entry === 'reserved' ? null : entry;
  }

  /** Ends a process that has no threads; whoever waits for it is satisfied. */
  discardProcess(process: EProcess): void {
    this.#endProcess(process);
    this.kernel.ke.signal(process.pcb, 0);
  }
}
