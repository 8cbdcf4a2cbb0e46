import { Cpu, PhysicalMemory } from '../cpu/index.js';
import { bugcheck } from './bugcheck.js';
import { CacheManager, startCacheThreads } from './cc/index.js';
import { Counters } from './counters.js';
import type { Host } from './host.js';
import { IoManager } from './io/io-manager.js';
import { Clock } from './ke/clock.js';
import { Dispatcher } from './ke/dispatcher.js';
import { releaseSemaphore, signalObject } from './ke/dispatcher-routines.js';
import { ExceptionDispatcher } from './ke/exception.js';
import { Executive } from './ke/executive.js';
import { FpuOwnership } from './ke/fpu-ownership.js';
import { Process } from './ke/process.js';
import { ProcessorBlock } from './ke/processor-block.js';
import { RunLoop } from './ke/run-loop.js';
import type { Service } from './ke/service.js';
import { SharedUserData } from './ke/shared-user-data.js';
import { SystemServiceTable } from './ke/system-service.js';
import { Mode, Thread, ThreadState, WaitReason } from './ke/thread.js';
import { TrapHandler } from './ke/trap.js';
import type { ExecutiveSupport, Kernel } from './kernel.js';
import { addPagingFile } from './mm/create-paging-file.js';
import { armInjections } from './mm/fault-injection.js';
import { type FaultEvent, faultOutcomeName } from './mm/fault-outcome.js';
import type { VerificationOptions } from './mm/fault-verifier.js';
import { DESCRIPTOR_TABLES, PAGE_SIZE, PCR_ADDRESS, SHARED_USER_DATA } from './mm/layout.js';
import { createMemoryConditions } from './mm/memory-conditions.js';
import { MemoryManager, type TraceMemory } from './mm/memory-manager.js';
import { initializeSectionType } from './mm/section-services.js';
import type { SystemMemory } from './mm/system-memory.js';
import { systemLocation } from './mm/system-pages.js';
import { ModifiedPageLife, startMemoryThreads } from './mm/system-threads.js';
import type { UserMemory } from './mm/user-memory.js';
import { waitForPaging } from './mm/wait-for-paging.js';
import { isSuccess, Status } from './ntstatus.js';
import { objectManagerEnvironment } from './ob/environment.js';
import { ObjectManager } from './ob/object-manager.js';
import type { MachineObserver } from './observer.js';
import { type MachineOptions, type NoExecutePolicy, usableMemory } from './options.js';
import { ProcessManager, SYSTEM_PROCESS_ID } from './ps/process-manager.js';
import { hex, Trace } from './trace.js';

const NO_EXECUTE_POLICY: Readonly<Record<NoExecutePolicy, number>> = { alwaysoff: 0, alwayson: 1, optin: 2, optout: 3 };
const PAGING_FILE_NAME = '\\??\\C:\\pagefile.sys';
const SYSTEM_ROOT = 'C:\\WINDOWS';
/** Mixed with the seed into KUSER_SHARED_DATA.Cookie. */
const COOKIE_MULTIPLIER = 0x9e3779b1;

/** Phase 0 and 1 of the boot: makes every component, in the order in which they stand on each other. */
export class BootedKernel implements Kernel {
  readonly options: MachineOptions;
  readonly host: Host;
  readonly memory: PhysicalMemory;
  readonly cpu: Cpu;
  readonly counters = new Counters();
  readonly trace: Trace;
  readonly mm: MemoryManager;
  readonly system: SystemMemory;
  readonly user: UserMemory;
  readonly ex: ExecutiveSupport;
  readonly cc: CacheManager;
  readonly ke: Executive;
  readonly ob: ObjectManager;
  readonly ps: ProcessManager;
  readonly io: IoManager;
  readonly observer: MachineObserver | null;
  readonly bugcheck = bugcheck;
  readonly clock: Clock;
  readonly runLoop: RunLoop;
  readonly traps: TrapHandler;
  readonly services: SystemServiceTable;
  readonly systemProcess: Process;
  readonly modifiedPageLife = new ModifiedPageLife();
  /** The first inconsistency of the memory manager that a check in the course of the run has found. */
  inconsistency: string | null = null;

  /** @throws BugcheckError when the machine is too small to boot. */
  constructor(
    options: MachineOptions,
    host: Host,
    services: readonly Service[],
    observer: MachineObserver | null = null,
  ) {
    this.options = options;
    this.host = host;
    this.observer = observer;
    this.memory = new PhysicalMemory(usableMemory(options), 0, options.hostMemory);
    this.cpu = new Cpu(
      this.memory,
      { pageFault: (_cpu, linear, errorCode) => this.traps.pageFault(linear, errorCode) },
      { dedicatedLoop: options.dedicatedLoop, translateAfter: options.translateAfter },
    );
    this.clock = new Clock(this.cpu, options.nanosecondsPerInstruction, options.bootTime);
    this.trace = new Trace(options.trace, () => this.clock.nanoseconds());
    const idleThread = new Thread(new Process(0, 'Idle'), 0, 0, Mode.Kernel);
    const dispatcher = new Dispatcher(this.clock, this.counters, idleThread);
    if (this.trace.scheduling) dispatcher.stateListener = (thread) => this.#traceState(thread);
    this.mm = this.#createMemoryManager(dispatcher);
    this.system = this.mm.system;
    this.user = this.mm.user;
    this.ex = { pool: this.mm.pool };
    this.cc = new CacheManager(this);
    const processorBlock = this.#createProcessorBlock();
    const sharedUserData = this.#createSharedUserData();
    const fpu = new FpuOwnership(this.cpu);
    const exceptions = new ExceptionDispatcher(this, fpu);
    this.ke = new Executive({ kernel: this, dispatcher, fpu, sharedUserData, exceptions });
    this.ob = new ObjectManager(objectManagerEnvironment(this));
    this.ps = new ProcessManager(this);
    this.io = new IoManager(this);
    initializeSectionType(this);
    this.services = new SystemServiceTable(services);
    this.traps = new TrapHandler({ kernel: this, dispatcher, services: this.services, exceptions, fpu });
    this.systemProcess = new Process(SYSTEM_PROCESS_ID, 'System');
    this.systemProcess.addressSpace = this.mm.systemSpace;
    this.ps.adoptSystemProcess(this.systemProcess);
    dispatcher.swapIn = (thread) => this.mm.swapper.requestInSwap(thread);
    dispatcher.swapProcessIn = (process) => this.mm.swapper.requestProcessInSwap(process);
    createMemoryConditions(this);
    this.#startPaging();
    armInjections(this.mm, options.injections);
    this.runLoop = this.#createRunLoop(dispatcher, processorBlock, sharedUserData);
  }

  #createMemoryManager(dispatcher: Dispatcher): MemoryManager {
    return new MemoryManager(
      {
        cpu: this.cpu,
        memory: this.memory,
        pae: this.options.pae,
        userSpace: this.options.userSpace,
        largePageMinimum: this.options.largePageMinimum,
        noExecute: this.options.noExecute,
        replacement: this.options.replacement,
        clusterPageFileReads: this.options.clusterPageFileReads,
        badPages: this.options.badPages,
        clock: this.clock,
        signal: (event, increment) => signalObject(dispatcher, event, increment),
        releaseSemaphore: (semaphore) => releaseSemaphore(dispatcher, semaphore, 0, 1),
        popup: (status) => this.host.popup?.(status),
        currentThread: () => dispatcher.current,
        startModifiedPageLife: () => this.modifiedPageLife.start(this),
        waitForPaging: () => waitForPaging(this),
        bugcheck,
        currentTeb: () => dispatcher.current.teb,
        isAttached: () => dispatcher.current.savedApcState !== null,
        traceFault: this.#faultListener(dispatcher),
        tracePaging: this.trace.paging ? this.#memoryListener(dispatcher) : null,
        traceSections: this.trace.sections ? this.#memoryListener(dispatcher) : null,
        traceWorkingSet: this.trace.workingSet ? this.#memoryListener(dispatcher) : null,
        verification: this.options.verifyInterval > 0 ? this.#verification() : null,
      },
      this.counters,
    );
  }

  /** Paging files and the threads that use them. */
  #startPaging(): void {
    this.options.pagingFiles.forEach((file, index) => {
      const name = index === 0 ? PAGING_FILE_NAME : `${PAGING_FILE_NAME}${index}`;
      const status = addPagingFile(this, name, file.size / PAGE_SIZE, file.maximum / PAGE_SIZE);
      if (!isSuccess(status)) this.host.popup?.(Status.PAGEFILE_CREATE_FAILED);
    });
    startMemoryThreads(this, this.systemProcess);
    startCacheThreads(this, this.systemProcess);
  }

  /** What becomes of `--verify N`: the run stops at the next instruction behind the fault. */
  #verification(): VerificationOptions {
    return {
      interval: this.options.verifyInterval,
      report: (problem, fault) => {
        this.inconsistency = `${problem} (after page fault ${fault})`;
        this.cpu.requestExit();
      },
    };
  }

  #faultListener(dispatcher: Dispatcher): ((event: FaultEvent) => void) | null {
    const { observer, trace } = this;
    if (observer === null) return trace.faults ? (event) => this.#traceFault(dispatcher, event) : null;
    return (event) => {
      if (trace.faults) this.#traceFault(dispatcher, event);
      observer.pageFault(event);
    };
  }

  /** Events of memory management happen in the name of the running thread. */
  #memoryListener(dispatcher: Dispatcher): TraceMemory {
    return (name, fields) => {
      const { process, uniqueThreadId } = dispatcher.current;
      this.trace.event(name, { process: process.uniqueProcessId, thread: uniqueThreadId, ...fields });
    };
  }

  #traceState(thread: Thread): void {
    const { state, priority, quantum } = thread;
    const leftProcessor =
      state === ThreadState.Waiting || state === ThreadState.Ready || state === ThreadState.Terminated;
    this.trace.event('thread-state', {
      process: thread.process.uniqueProcessId,
      thread: thread.uniqueThreadId,
      state: nameOf(ThreadState, state),
      reason: leftProcessor ? nameOf(WaitReason, thread.waitReason) : '',
      priority,
      quantum,
    });
  }

  #traceFault(dispatcher: Dispatcher, event: FaultEvent): void {
    this.trace.event('fault', {
      process: event.processId,
      thread: dispatcher.current.uniqueThreadId,
      eip: hex(event.eip),
      address: hex(event.address),
      access: event.access === 0 ? 'read' : event.access === 1 ? 'write' : 'execute',
      mode: event.user ? 'user' : 'kernel',
      pteBefore: pteText(event.pteBeforeHigh, event.pteBeforeLow, this.options.pae),
      pteAfter: pteText(event.pteAfterHigh, event.pteAfterLow, this.options.pae),
      outcome: faultOutcomeName(event.outcome),
    });
  }

  #createProcessorBlock(): ProcessorBlock {
    const block = new ProcessorBlock(this.cpu, {
      pcr: PCR_ADDRESS,
      pcrHost: systemLocation(this.mm, PCR_ADDRESS) * 4,
      tables: DESCRIPTOR_TABLES,
      tablesHost: systemLocation(this.mm, DESCRIPTOR_TABLES) * 4,
    });
    block.initialize();
    return block;
  }

  #createSharedUserData(): SharedUserData {
    const { pae, noExecute, seed } = this.options;
    const sharedUserData = new SharedUserData(this.memory.view, systemLocation(this.mm, SHARED_USER_DATA) * 4);
    const { highestUserAddress, systemRangeStart } = this.mm.layout;
    sharedUserData.initialize({
      pae,
      highestUserAddress,
      systemRangeStart,
      noExecuteEnabled: pae && noExecute !== 'alwaysoff',
      noExecutePolicy: pae ? NO_EXECUTE_POLICY[noExecute] : 0,
      physicalPages: this.memory.frameCount,
      systemRoot: SYSTEM_ROOT,
      cookie: Math.imul(seed + 1, COOKIE_MULTIPLIER),
    });
    sharedUserData.updateTime(this.clock);
    return sharedUserData;
  }

  #createRunLoop(dispatcher: Dispatcher, processorBlock: ProcessorBlock, sharedUserData: SharedUserData): RunLoop {
    return new RunLoop(dispatcher, {
      instructionCount: () => this.cpu.instructionCount,
      switchTo: (previous, next) => {
        this.ke.loadAddressSpace(next.apcState.process);
        processorBlock.switchTo(next);
        if (this.trace.threads) {
          this.trace.event('switch', { from: previous.uniqueThreadId, to: next.uniqueThreadId });
        }
      },
      returnToUser: (thread) => this.traps.returnToUser(thread),
      runUser: (thread, maximumInstructions) => this.traps.runUser(thread, maximumInstructions),
      reap: (thread) => this.ke.reap(thread),
      clockInterrupt: () => {
        sharedUserData.updateTime(this.clock);
        this.io.clockTick();
      },
      waitsForHost: () => this.io.waitsForHost(),
      waitForHost: () => this.io.waitForHost(),
      pollHost: () => this.io.pollHost(),
      nextDeviceEvent: () => this.mm.paging.device.nextCompletion(),
      completeDeviceRequests: () => this.mm.paging.device.completeDue(),
      interrupted: () => this.traps.takeInterruption(),
    });
  }
}

function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(table).find(([, known]) => known === value)?.[0] ?? String(value);
}

function pteText(high: number, low: number, pae: boolean): string {
  return pae ? hex(high) + hex(low) : hex(low);
}
