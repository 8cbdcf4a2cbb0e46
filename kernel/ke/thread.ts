import type { EThread } from '../ps/thread.js';
import { type Blocking, type NtStatus, ntStatus, type VirtualAddress, virtualAddress } from '../types.js';
import { ApcState } from './apc-state.js';
import {
  DispatcherObject,
  DispatcherType,
  EventType,
  type KMutant,
  KSemaphore,
  KTimer,
  WaitBlock,
} from './dispatcher-object.js';
import type { Process } from './process.js';
import type { TrapFrame } from './trap-frame.js';

/** KTHREAD.State. */
export const ThreadState = {
  Initialized: 0,
  Ready: 1,
  Running: 2,
  Standby: 3,
  Terminated: 4,
  Waiting: 5,
  Transition: 6,
  DeferredReady: 7,
} as const;
export type ThreadState = (typeof ThreadState)[keyof typeof ThreadState];

/** KPROCESSOR_MODE. */
export const Mode = { Kernel: 0, User: 1 } as const;
export type Mode = (typeof Mode)[keyof typeof Mode];

/** KWAIT_REASON, the ones in use. From 22 on: why a thread that does not wait gave up the processor. */
export const WaitReason = {
  Executive: 0,
  FreePage: 1,
  PageIn: 2,
  PoolAllocation: 3,
  DelayExecution: 4,
  Suspended: 5,
  UserRequest: 6,
  Queue: 15,
  LpcReceive: 16,
  VirtualMemory: 18,
  PageOut: 19,
  KeyedEvent: 21,
  Terminated: 22,
  ProcessInSwap: 23,
  QuantumEnd: 30,
  Preempted: 32,
  YieldExecution: 33,
} as const;
export type WaitReason = (typeof WaitReason)[keyof typeof WaitReason];

/** Wait blocks that every thread has; waits for more objects take more. */
const THREAD_WAIT_OBJECTS = 3;
export const MAXIMUM_SUSPEND_COUNT = 127;

/**
 * The scheduling part of a thread (KTHREAD role). ps composes it: EThread { tcb: Thread }, and tcb.executive points back.
 * Signaled when the thread has ended.
 */
export class Thread extends DispatcherObject {
  /** The process that the thread belongs to; apcState.process is the one it is attached to. */
  readonly process: Process;
  readonly uniqueThreadId: number;
  state: ThreadState = ThreadState.Initialized;
  priority: number;
  basePriority: number;
  /** The part of a boost that goes as a whole when the quantum ends; the rest goes a level a quantum. */
  priorityDecrement = 0;
  /** 1 or -1: the thread is at the upper or lower end of its process's class, whatever that is (time critical, idle). */
  saturation = 0;
  disableBoost: boolean;
  quantum: number;
  affinity = 1;
  /** The thread is on its process's ready list, because the process is not in memory; its state is Ready. */
  processReadyQueue = false;
  /** Next thread in the same ready queue. */
  nextReady: Thread | null = null;

  /** User address of the TEB, 0 for system threads. */
  teb: VirtualAddress = virtualAddress(0);
  /** Top of the kernel stack (KTHREAD.InitialStack, below it the NPX save area and the trap frame). */
  initialStack: VirtualAddress = virtualAddress(0);
  /** The stack is in memory. While it is not, the thread waits or is in state Transition, and its trap frame must not be read. */
  kernelStackResident = true;
  /** Clock tick at which the present wait began, or the thread last became ready. */
  waitTime = 0;
  /** Null for system threads: they never were in user mode. */
  trapFrame: TrapFrame | null = null;
  previousMode: Mode;
  /** Kernel code that this thread is in the middle of; null while it runs in user mode. */
  activity: Blocking<void> | null = null;

  waitStatus: NtStatus = ntStatus(0);
  waitReason: WaitReason = WaitReason.Executive;
  waitMode: Mode = Mode.Kernel;
  alertable = false;
  /** Alerts that arrived, by mode. */
  readonly alerted: [boolean, boolean] = [false, false];
  /** The wait blocks of the present wait, the first waitCount of them. */
  readonly waitBlocks: WaitBlock[] = [];
  waitCount = 0;
  readonly timer = new KTimer(EventType.Notification);
  readonly timerWaitBlock = new WaitBlock(this);

  apcState: ApcState;
  /** The home state while the thread is attached elsewhere. */
  savedApcState: ApcState | null = null;
  /** Less than zero: normal kernel APCs wait (KeEnterCriticalRegion). */
  kernelApcDisable = 0;
  /** User APCs can be queued; false once the thread is going away. */
  apcQueueable = true;

  /** PS_MEMORY_MAKER: the thread makes pages available for others, and waits for fewer of them. */
  memoryMaker = false;
  /** Faults whose reads it waits for: more than one when an APC runs in such a wait. */
  nestedFaults = 0;
  /** An APC met a page that the thread itself was reading (MULTIPLE_FAULT_VIOLATION): its work is done when the fault is over. */
  apcNeeded = false;
  /** One of the kernel's own that work only when there is something to do for others: no progress by itself. */
  housekeeping = false;

  suspendCount = 0;
  readonly suspendSemaphore = new KSemaphore(0, 2);
  suspendApcQueued = false;

  /** Mutants that the thread owns: abandoned at its end. */
  readonly ownedMutants: Set<KMutant> = new Set();
  /** Virtual time in nanoseconds spent in user mode; kernel work takes no virtual time of its own. */
  userNanoseconds = 0;
  contextSwitches = 0;
  /** A service put other registers into the trap frame: its status must not go to EAX. */
  frameReplaced = false;
  /** Name and arguments of the service in progress while system calls are traced. */
  tracedService: { readonly name: string; readonly arguments: readonly string[] } | null = null;
  exitStatus: NtStatus = ntStatus(0x103);
  executive: EThread | null = null;

  constructor(process: Process, uniqueThreadId: number, priority: number, mode: Mode) {
    super(DispatcherType.Thread, 0);
    this.process = process;
    this.uniqueThreadId = uniqueThreadId;
    this.priority = priority;
    this.basePriority = priority;
    this.quantum = process.quantumReset;
    this.disableBoost = process.disableBoost;
    this.previousMode = mode;
    this.apcState = new ApcState(process);
    while (this.waitBlocks.length < THREAD_WAIT_OBJECTS) this.waitBlocks.push(new WaitBlock(this));
  }

  /** True for a thread that has a user-mode side. */
  get isUserThread(): boolean {
    return this.trapFrame !== null;
  }
}
