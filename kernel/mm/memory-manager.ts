import { type Cpu, EIP, type PhysicalMemory } from '../../cpu/index.js';
import { Pool } from '../ex/pool.js';
import { EventType, KEvent, type KSemaphore } from '../ke/dispatcher-object.js';
import { Increment } from '../ke/priority.js';
import { Status } from '../ntstatus.js';
import type { NoExecutePolicy, ReplacementPolicy } from '../options.js';
import { QuotaBlock } from '../ps/quota.js';
import type { TraceFields } from '../trace.js';
import type { Blocking, NtStatus } from '../types.js';
import type { AddressSpace } from './address-space.js';
import { AvailablePageEvents } from './available-pages.js';
import { BasedSections } from './based-sections.js';
import { buildSystemSpace, createCommitAccounting, createPfnDatabase, enablePaging } from './boot.js';
import type { CloneBlock } from './clone.js';
import type { CommitAccounting } from './commit.js';
import { DereferenceQueue } from './dereference-thread.js';
import { accessFault, mayExecuteData } from './fault.js';
import type { FaultInjection } from './fault-injection.js';
import { FaultAccess, type FaultEvent, FaultOutcome, FIRST_FAILURE, type LastFault } from './fault-outcome.js';
import { FaultVerifier, type VerificationOptions } from './fault-verifier.js';
import type { FaultWatch } from './fault-watch.js';
import { allowFramesToLeave } from './frame-placement.js';
import { createKernelStack, DeadKernelStacks, deleteKernelStack } from './kernel-stack.js';
import { type AddressLayout, addressLayout, PAGE_SIZE, PAGED_POOL_FIRST } from './layout.js';
import { MappedWriterQueue } from './mapped-writer.js';
import type { Mdl } from './mdl.js';
import { FLUID_PAGES, type MemoryThresholds, memoryThresholds } from './memory-thresholds.js';
import { createAddressSpace, DirectoryPointerPool, deleteAddressSpace, switchAddressSpace } from './page-directory.js';
import { pageListListener } from './page-list-listener.js';
import { PageLists } from './page-lists.js';
import { READ_RETRY_DELAY, releasePageRead } from './page-read.js';
import { findPte } from './page-table.js';
import { type PageRead, Paging } from './paging.js';
import type { DeviceClock } from './paging-device.js';
import { tracePagingRequest } from './paging-trace.js';
import type { PfnDatabase } from './pfn.js';
import { nonPagedPoolEnd, PoolPages, pagedPoolEnd } from './pool-pages.js';
import { NO_PTE, type PteFormat } from './pte.js';
import { PaePteFormat } from './pte-pae.js';
import { X86PteFormat } from './pte-x86.js';
import { ResidentPages } from './resident-pages.js';
import type { Subsection } from './segment.js';
import { Swapper } from './swapper.js';
import { SystemCacheViews } from './system-cache-views.js';
import { SystemMemory } from './system-memory.js';
import { SystemPtes } from './system-pte.js';
import { SystemWorkingSet } from './system-working-set.js';
import { UnusedSegments } from './unused-segments.js';
import { UserMemory } from './user-memory.js';
import type { MemoryContext } from './vad-charges.js';
import { verifyMemory } from './verify.js';
import { waitAfterFault } from './wait-after-fault.js';
import { WorkingSetManager } from './working-set-manager.js';

/** What the memory manager needs of the rest of the machine; a test can supply it without a kernel. */
export interface MemoryManagerEnvironment {
  readonly cpu: Cpu;
  readonly memory: PhysicalMemory;
  readonly pae: boolean;
  /** Megabytes of user space of a boot with /3GB, 2048 to 3072; a boot without when null or not given. */
  readonly userSpace?: number | null;
  /** LargePageMinimum: megabytes of memory above which the kernel maps itself by large pages, Infinity for never; 255 when not given. */
  readonly largePageMinimum?: number;
  bugcheck(code: number, p1?: number, p2?: number, p3?: number, p4?: number): never;
  /** TEB address of the running thread, 0 when it has none (system thread, boot). */
  currentTeb(): number;
  /** The running thread is attached to another process: its stack must not grow there. */
  isAttached(): boolean;
  /** Boot option /NOEXECUTE; optin when not given. Without PAE there is no NX whatever it says. */
  readonly noExecute?: NoExecutePolicy;
  /** How a working set chooses the page to give up; the ageing clock when not given. */
  readonly replacement?: ReplacementPolicy;
  /** MmClusterPageFileReads: neighbours that are read from a paging file with a page, 0 to 15; 0 when not given. */
  readonly clusterPageFileReads?: number;
  /** Frames whose memory is not to be used: they go to the bad page list; none when not given. */
  readonly badPages?: readonly number[];
  /** Virtual time, for paging I/O; the memory manager keeps its own when not given. */
  readonly clock?: DeviceClock;
  /** What the running thread does about mm.lastFault when it has to wait (wait-for-paging.ts), when there is a dispatcher. */
  readonly waitForPaging?: () => Blocking<NtStatus>;
  /** Signals a dispatcher object, when there is a dispatcher. */
  readonly signal?: (event: KEvent, increment: number) => void;
  /** Adds one to a semaphore's count. */
  readonly releaseSemaphore?: (semaphore: KSemaphore) => void;
  /** IoRaiseInformationalHardError: whoever sits in front of the machine is told something; nobody waits for an answer. */
  readonly popup?: (status: NtStatus) => void;
  /** What decides how the running thread waits for memory; an ordinary one when not given. */
  readonly currentThread?: () => FaultingThread;
  /** Starts MiModifiedPageLife: dirty pages of mapped files are written when it is over. */
  readonly startModifiedPageLife?: () => void;
  /** `--trace faults`; null when off. The event object is reused. */
  readonly traceFault: ((event: FaultEvent) => void) | null;
  /** `--trace paging`, `sections` and `working-set`; process and thread are added. Null or not given: off. */
  readonly tracePaging?: TraceMemory | null;
  readonly traceSections?: TraceMemory | null;
  readonly traceWorkingSet?: TraceMemory | null;
  /** `--verify N`: checks between faults; none when not given. */
  readonly verification?: VerificationOptions | null;
}

/** Records an event of memory management. */
export type TraceMemory = (name: string, fields: TraceFields) => void;
/** What the memory manager asks of the thread that needs pages. */
export interface FaultingThread {
  readonly priority: number;
  readonly process: { readonly basePriority: number };
  /** Makes memory available for others, and may use the last pages for it. */
  readonly memoryMaker: boolean;
  /** An APC met a page that the thread itself was reading: what it could not do is done when that fault is over. */
  apcNeeded: boolean;
}

/** What the fault path asks of a SUBSECTION. */
export interface FaultableSubsection {
  /** FailAllIo in the control area: the read is refused. */
  readonly failAllIo: boolean;
  /** CONTROL_AREA.NumberOfPfnReferences: pages of the file that exist in memory. */
  pfnReferenceAdded(): void;
  pfnReferenceRemoved(): void;
}

/** Fault counters of the PRCB (nt52.md 5.6) and the few that the tool adds; kernel/counters.ts has the same names. */
export interface FaultCounters {
  pageFaults: number;
  demandZeroFaults: number;
  copyOnWriteFaults: number;
  transitionFaults: number;
  prototypeFaults: number;
  mappedFileFaults: number;
  pagingFileFaults: number;
  guardPageFaults: number;
  pageTableFaults: number;
  noExecuteFaults: number;
  throttledFaults: number;
  kernelStacksSwappedOut: number;
  processesSwappedOut: number;
  processesSwappedIn: number;
  accessViolations: number;
  pagesTrimmed: number;
  pagesRead: number;
  pageReadIos: number;
  dirtyPagesWritten: number;
  pageWriteIos: number;
  mappedPagesWritten: number;
  mappedWriteIos: number;
}

/** Commitment charged for the system itself, in pages, by reason; verify.ts adds it up. */
export interface SystemCommitment {
  processOverhead: number;
  kernelStacks: number;
  pool: number;
  systemPageTables: number;
  /** Physical pages of programs (AWE), which no page-file quota pays for. */
  awe: number;
}

/** Results of a fault that do not fit into its outcome. */
interface FaultState {
  prototypeAddress: number;
  underlyingStatus: number;
  userOutcome: FaultOutcome;
  /** MustWait: the read to wait for, and whether this fault began it; null: wait for free pages, or for so many ms. */
  read: PageRead | null;
  startedRead: boolean;
  delay: number;
  /** MustWait for the growth of a stack: pages of commitment. */
  commitment: number;
  /** The faulting thread can be dispatched. */
  mayWait: boolean;
  /** A fault is taken up again after its read: it has been counted. */
  completing: boolean;
  /** What that read makes of it. */
  readOutcome: FaultOutcome;
  /** The page of a file that the fault brings in is about to be overwritten as a whole: it need not be read. */
  zeroFilePages: boolean;
  /** Pages behind it that will be wanted next: they are read with it, whatever the machine's clusters are. */
  pagesBehind: number;
}

const newCounters = (): FaultCounters => ({
  pageFaults: 0,
  demandZeroFaults: 0,
  copyOnWriteFaults: 0,
  transitionFaults: 0,
  prototypeFaults: 0,
  mappedFileFaults: 0,
  pagingFileFaults: 0,
  guardPageFaults: 0,
  pageTableFaults: 0,
  noExecuteFaults: 0,
  throttledFaults: 0,
  kernelStacksSwappedOut: 0,
  processesSwappedOut: 0,
  processesSwappedIn: 0,
  accessViolations: 0,
  pagesTrimmed: 0,
  pagesRead: 0,
  pageReadIos: 0,
  dirtyPagesWritten: 0,
  pageWriteIos: 0,
  mappedPagesWritten: 0,
  mappedWriteIos: 0,
});

/** Bits of the processor's page-fault error code. */
const ERROR_WRITE = 2;
const ERROR_USER = 4;
const ERROR_EXECUTE = 16;

/**
 * The memory manager's state, and the door to it for the other components. The work is in the files named after what
 * they do; README.md gives the order in which to read them. The constructor boots: page tables, PFN database, pool, and paging on.
 */
export class MemoryManager {
  readonly environment: MemoryManagerEnvironment;
  readonly cpu: Cpu;
  readonly memory: PhysicalMemory;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly layout: AddressLayout;
  readonly format: PteFormat;
  readonly pfn: PfnDatabase;
  readonly lists: PageLists;
  /** Signaled by how many pages are available. */
  readonly available: AvailablePageEvents;
  readonly thresholds: MemoryThresholds;
  readonly commit: CommitAccounting;
  readonly committed: SystemCommitment = { processOverhead: 0, kernelStacks: 0, pool: 0, systemPageTables: 0, awe: 0 };
  readonly counters: FaultCounters;
  readonly directoryPointers: DirectoryPointerPool;
  readonly systemPtes: SystemPtes;
  readonly system: SystemMemory;
  readonly user: UserMemory;
  readonly pool: Pool;
  /** What VAD and section routines take: this memory manager with its pool. */
  readonly context: MemoryContext;
  /** PspDefaultQuotaBlock: counts what processes without limits of their own use. */
  readonly defaultQuotaBlock = new QuotaBlock();
  /** System process; its directories are the master copy of the system half. */
  declare systemSpace: AddressSpace;
  /** MmSystemCacheWs: the working set of paged pool and of the system cache. */
  readonly systemCache: SystemWorkingSet;
  /** What MDLs keep in memory. */
  readonly lockedPages = new Set<Mdl>();
  /** Views of files in the system cache range. */
  readonly cacheViews = new SystemCacheViews(this);
  /** The address space in CR3. */
  current: AddressSpace;
  /** Every living address space, oldest first. */
  readonly addressSpaces: AddressSpace[] = [];
  /** By address in nonpaged pool, which subsection-form prototype PTEs hold. */
  readonly subsections = new Map<number, Subsection>();
  readonly basedSections = new BasedSections();
  /** Fork prototypes, while somebody refers to them and until freeDeadClones. */
  readonly cloneBlocks = new Set<CloneBlock>();
  /** Files that nobody maps, with pages in memory. */
  readonly unusedSegments = new UnusedSegments(this);
  /** Address of the prototype PTE of KUSER_SHARED_DATA. */
  sharedUserDataPte = 0;
  /** First address of nonpaged pool: the page after the PFN database. */
  readonly nonPagedPoolStart: number;
  /** Up to here nonpaged pool has its pages from boot on, mapped by large pages: nowhere, unless there is enough memory. */
  readonly initialPoolEnd: number;
  readonly faults: FaultState = {
    prototypeAddress: 0,
    underlyingStatus: 0,
    userOutcome: FaultOutcome.Refault,
    read: null,
    startedRead: false,
    delay: 0,
    commitment: 0,
    mayWait: false,
    completing: false,
    readOutcome: FaultOutcome.PageFile,
    zeroFilePages: false,
    pagesBehind: 0,
  };
  /** Paging files and paging I/O. */
  readonly paging: Paging;
  /** A service works in another process's address space for a moment. */
  isVisiting = false;
  /** What goes wrong on purpose, from the end of the boot on. */
  injection: FaultInjection | null = null;
  readonly mappedWriter: MappedWriterQueue;
  readonly swapper: Swapper;
  /** Kernel stacks without owner, kept for the next threads (their InitialStack). */
  readonly deadKernelStacks = new DeadKernelStacks(this);
  /** What the dereference segment thread has to do. */
  readonly dereference: DereferenceQueue;
  /** MmWorkingSetManagerEvent, MmZeroingPageEvent. */
  readonly workingSetManagerEvent = new KEvent(EventType.Synchronization, false);
  readonly zeroPageEvent = new KEvent(EventType.Synchronization, false);
  /** Valid after pageFault() answered false. */
  readonly lastFault: LastFault = {
    status: 0,
    address: 0,
    access: FaultAccess.Read,
    underlyingStatus: 0,
    mustWait: false,
    read: null,
    startedRead: false,
    delay: 0,
    commitment: 0,
  };
  readonly #verifier: FaultVerifier;
  readonly #event: FaultEvent = {
    processId: 0,
    eip: 0,
    address: 0,
    access: FaultAccess.Read,
    user: false,
    pteBeforeLow: 0,
    pteBeforeHigh: 0,
    pteAfterLow: 0,
    pteAfterHigh: 0,
    outcome: FaultOutcome.Refault,
  };
  /** Set when boot has found out what can be promised; what was taken before is not commitment. */
  readonly hasCommitLimit: boolean = false;
  /** MmResidentAvailablePages. */
  readonly resident: ResidentPages;
  readonly replacement: ReplacementPolicy;
  readonly workingSetManager: WorkingSetManager;
  #color = 0;

  /** @param counters the machine's, or none: the memory manager counts for itself. */
  constructor(environment: MemoryManagerEnvironment, counters: FaultCounters = newCounters()) {
    const { memory, pae } = environment;
    this.environment = environment;
    this.replacement = environment.replacement ?? 'clock';
    this.thresholds = memoryThresholds(memory.frameCount);
    this.workingSetManager = new WorkingSetManager(this.thresholds.agingShift, this.thresholds.estimationShift);
    this.available = new AvailablePageEvents(this.thresholds, (event) => this.signal(event));
    this.counters = counters;
    this.#verifier = new FaultVerifier(environment.verification ?? null);
    this.cpu = environment.cpu;
    this.memory = memory;
    this.words = memory.words;
    this.bytes = memory.bytes;
    this.view = memory.view;
    this.layout = addressLayout(environment.userSpace ?? null);
    this.directoryPointers = new DirectoryPointerPool(this.layout);
    this.format = new (pae ? PaePteFormat : X86PteFormat)(memory.words, this.layout);
    const { pfn, frames } = createPfnDatabase(environment, this.layout);
    this.pfn = pfn;
    this.lists = new PageLists(pfn, memory, this.format, pageListListener(this));
    buildSystemSpace(this, frames);
    this.current = this.systemSpace;
    this.systemCache = new SystemWorkingSet(this);
    this.workingSetManager.expansion.push(this.systemCache);
    this.systemPtes = new SystemPtes(this);
    this.commit = createCommitAccounting(this);
    this.paging = new Paging(environment.clock ?? new StandaloneClock(), this.commit);
    if (environment.tracePaging) {
      this.paging.device.observe = (request, status) => tracePagingRequest(this, request, status);
    }
    this.mappedWriter = new MappedWriterQueue(pfn.frameCount);
    this.dereference = new DereferenceQueue(this);
    this.swapper = new Swapper(this);
    this.commit.extension = this.dereference;
    this.hasCommitLimit = true;
    this.resident = new ResidentPages(this.lists.availablePages - FLUID_PAGES);
    enablePaging(this);
    this.system = new SystemMemory(this);
    this.user = new UserMemory(this);
    this.nonPagedPoolStart = this.layout.pfnDatabase + frames.database * PAGE_SIZE;
    this.initialPoolEnd = this.layout.pfnDatabase + frames.count * PAGE_SIZE;
    this.pool = new Pool(
      new PoolPages(this),
      { start: this.nonPagedPoolStart, end: nonPagedPoolEnd(this.layout, this.nonPagedPoolStart) },
      { start: PAGED_POOL_FIRST, end: pagedPoolEnd(this.layout, this.pfn) },
    );
    this.context = { mm: this, ex: { pool: this.pool } };
    allowFramesToLeave(this);
  }

  /** Colour for the next page: they are taken in turn. */
  nextColor(): number {
    return this.#color++ & 0xffff;
  }

  /** A page that was reset left memory without a copy: its process has one private page less. */
  privatePageGone(tableFrame: number): void {
    const directory = this.pfn.pteFrame(tableFrame);
    for (const space of this.addressSpaces) {
      if (space.outSwapped) continue;
      if (space.directoryFrames.some((frame) => frame === directory)) space.privatePages--;
    }
  }

  /** The last trace of a file page left memory. */
  filePageGone(subsectionAddress: number): void {
    const subsection = this.subsections.get(subsectionAddress);
    if (subsection === undefined) return;
    subsection.pfnReferenceRemoved();
    this.unusedSegments.pageGone(subsection.controlArea);
  }

  /**
   * The processor's owner callback for #PF. True: resolved, the access is tried again. False: `lastFault` says
   * which exception it is. Throws nothing but bugchecks.
   */
  pageFault(linear: number, errorCode: number): boolean {
    const address = linear >>> 0;
    const user = (errorCode & ERROR_USER) !== 0;
    let access: FaultAccess = FaultAccess.Read;
    if ((errorCode & ERROR_EXECUTE) !== 0) access = FaultAccess.Execute;
    else if ((errorCode & ERROR_WRITE) !== 0) access = FaultAccess.Write;
    const { faults } = this;
    faults.mayWait = true;
    const resolved =
      this.environment.traceFault === null
        ? accessFault(this, address, access, user)
        : this.#tracedFault(address, access, user);
    faults.mayWait = false;
    if (this.current.faultWatch !== null) this.#watchFault(this.current.faultWatch, address, resolved);
    this.faultTaken();
    const outcome = waitAfterFault(this, resolved);
    if (outcome < FIRST_FAILURE) return true;
    this.setLastFault(outcome, address, access);
    return false;
  }

  /** Every fault on a user address ends with this: checks the memory manager when `--verify N` wants it now. */
  faultTaken(): void {
    const { pageFaults } = this.counters;
    if (pageFaults >= this.#verifier.due) this.#verifier.check(pageFaults, () => this.verify());
  }

  /**
   * Translates a failed outcome into what the exception will say. A process that may execute data is told of a read
   * where an instruction fetch failed, as if the processor knew no NX (nt52 5.1).
   */
  setLastFault(outcome: FaultOutcome, address: number, access: FaultAccess): void {
    const fault = this.lastFault;
    fault.status = faultStatus(outcome);
    fault.address = address;
    fault.mustWait = outcome === FaultOutcome.MustWait;
    fault.read = fault.mustWait ? this.faults.read : null;
    fault.startedRead = fault.mustWait && this.faults.startedRead;
    fault.delay = this.faults.delay;
    fault.commitment = fault.mustWait ? this.faults.commitment : 0;
    const hidesExecute = access === FaultAccess.Execute && mayExecuteData(this, this.current);
    fault.access = hidesExecute ? FaultAccess.Read : access;
    fault.underlyingStatus = outcome === FaultOutcome.NoMemory ? Status.NO_MEMORY : this.faults.underlyingStatus;
  }

  /**
   * A read that a fault began is done: unless the page could not be read or has gone meanwhile, the fault is taken up again in the
   * address space that is in CR3; the page is unpinned. The access is tried again afterwards in any case.
   */
  completePageRead(read: PageRead, address: number, access: FaultAccess): void {
    if (read.isPinned && !this.pfn.isDeleted(read.frame)) {
      this.faults.completing = true;
      this.faults.readOutcome = read.place.outcome;
      const user = address < this.layout.systemRangeStart;
      if (this.environment.traceFault === null) accessFault(this, address, access, user);
      else this.#tracedFault(address, access, user);
      this.faults.completing = false;
    }
    releasePageRead(this, read);
  }

  /**
   * For a caller that cannot be dispatched: what the last MustWait waits for happens on the spot.
   * @returns SUCCESS: try again; or why the page cannot be read
   */
  finishFaultNow(address: number, access: FaultAccess): number {
    const { read, startedRead, delay } = this.faults;
    if (read === null) {
      this.paging.device.pass(delay * 1_000_000);
      return Status.SUCCESS;
    }
    while (!read.isDone && this.paging.device.finishFirst());
    if (startedRead) this.completePageRead(read, address, access);
    if (!read.mustRetry) return read.status;
    this.paging.device.pass(READ_RETRY_DELAY);
    return Status.SUCCESS;
  }

  /** Signals an event if there is anybody to hear it. @param increment the boost of who waited for it */
  signal(event: KEvent, increment: number = Increment.None): void {
    if (event.signalState !== 0) return;
    if (this.environment.signal === undefined) event.signalState = 1;
    else this.environment.signal(event, increment);
  }

  /** The running thread is in an address space that is not its own: guard pages are access violations, and stacks do not grow. */
  isAttached(): boolean {
    return this.isVisiting || this.environment.isAttached();
  }

  createAddressSpace(): AddressSpace | null {
    return createAddressSpace(this);
  }

  deleteAddressSpace(space: AddressSpace): void {
    deleteAddressSpace(this, space);
  }

  switchAddressSpace(space: AddressSpace): void {
    switchAddressSpace(this, space);
  }

  /** InitialStack of a new 12 KB kernel stack, 0 for INSUFFICIENT_RESOURCES. */
  allocateKernelStack(): number {
    return createKernelStack(this);
  }

  freeKernelStack(initialStack: number): void {
    deleteKernelStack(this, initialStack);
  }

  /** The first inconsistency of the whole memory manager in one sentence, or null (rule 7). */
  verify(): string | null {
    return verifyMemory(this);
  }

  /** What is resolved, and what has to be read from disk, which is noted when the read begins. */
  #watchFault(watch: FaultWatch, address: number, outcome: FaultOutcome): void {
    const isRead = outcome === FaultOutcome.MustWait && this.faults.read !== null && this.faults.startedRead;
    if (outcome < FIRST_FAILURE || isRead) watch.note(this.cpu.state[EIP] >>> 0, address, outcome);
  }

  #tracedFault(address: number, access: FaultAccess, user: boolean): FaultOutcome {
    const event = this.#event;
    const space = this.current;
    const before = findPte(this, space, address);
    event.processId = space.processId;
    event.eip = this.cpu.state[EIP] >>> 0;
    event.address = address;
    event.access = access;
    event.user = user;
    event.pteBeforeLow = before === NO_PTE ? 0 : this.format.low(before) >>> 0;
    event.pteBeforeHigh = before === NO_PTE ? 0 : this.format.high(before) >>> 0;
    const outcome = accessFault(this, address, access, user);
    // The page was put into transition when its read began.
    event.outcome = this.faults.completing && outcome === FaultOutcome.Transition ? this.faults.readOutcome : outcome;
    const after = findPte(this, space, address);
    event.pteAfterLow = after === NO_PTE ? 0 : this.format.low(after) >>> 0;
    event.pteAfterHigh = after === NO_PTE ? 0 : this.format.high(after) >>> 0;
    this.environment.traceFault?.(event);
    return outcome;
  }
}

/** Virtual time of a memory manager without a machine: only paging I/O takes any. */
class StandaloneClock implements DeviceClock {
  #now = 0;

  nanoseconds(): number {
    return this.#now;
  }

  skip(nanoseconds: number): void {
    this.#now += nanoseconds;
  }
}

/** NTSTATUS of a failed fault (nt52.md 5.1). */
export function faultStatus(outcome: FaultOutcome): number {
  if (outcome === FaultOutcome.GuardPageViolation) return Status.GUARD_PAGE_VIOLATION;
  if (outcome === FaultOutcome.StackOverflow) return Status.STACK_OVERFLOW;
  if (outcome === FaultOutcome.AccessViolation) return Status.ACCESS_VIOLATION;
  return Status.IN_PAGE_ERROR;
}
