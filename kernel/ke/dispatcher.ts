import type { Counters } from '../counters.js';
import { type NtStatus, ntStatus } from '../types.js';
import type { Clock } from './clock.js';
import {
  type DispatcherObject,
  DispatcherType,
  KMutant,
  type KTimer,
  type WaitBlock,
  WaitType,
} from './dispatcher-object.js';
import { boostForOneQuantum, boostLockOwner, boostPriority, LOW_REALTIME_PRIORITY } from './priority.js';
import { type Process, ProcessState } from './process.js';
import { ReadyQueues } from './ready-queues.js';
import { type Thread, ThreadState, WaitReason } from './thread.js';
import { TimerQueue } from './timer-queue.js';

/** Internal wait status: a kernel APC interrupted the wait, which goes on after it. */
export const KERNEL_APC = ntStatus(0x100);
const TIMEOUT = ntStatus(0x102);
const ABANDONED_WAIT_0 = 0x80;
/** A thread that was ready for so many ticks without running gets this priority for this quantum (nt52 11.8). */
const STARVATION_TICKS = 300;
const STARVATION_PRIORITY = 15;
const STARVATION_QUANTUM = 4;
/** Threads that one scan looks at, and helps. */
const STARVATION_SCANNED = 16;
const STARVATION_BOOSTS = 10;

/**
 * The dispatcher database: who runs, who is ready, who waits for what until when. Nothing here waits itself; waits are
 * generators in wait.ts, and the run loop (run-loop.ts) picks the next thread when one of them yields.
 *
 *     Initialized -> DeferredReady -> Ready -> Standby -> Running -> Waiting -> (Transition ->) DeferredReady ...
 *                                                                 -> Ready (preempted, yielded, end of quantum)
 *                                                                 -> Terminated
 *
 * A thread that is made ready is DeferredReady while the database is changed, and enters its queue when that is done
 * (exitDispatcher); there the one that the processor is to go to is chosen, and is Standby until the run loop switches to it. At
 * the most one thread is Standby: it has a higher priority than the running one, or that one has given the processor up.
 */
export class Dispatcher {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly ready = new ReadyQueues();
  readonly timers = new TimerQueue();
  /** The kernel's own, which expire only while time passes for others: they do not keep a machine going. */
  readonly housekeepingTimers = new TimerQueue();
  readonly idleThread: Thread;
  current: Thread;
  /** The thread that runs next (KPRCB.NextThread), in state Standby. */
  standby: Thread | null = null;
  /** The current thread asks for input that the host has not got yet: nothing happens in the machine until it goes on with that. */
  hostAwaited = false;
  /** Told of every change of a thread's state. */
  stateListener: ((thread: Thread) => void) | null = null;
  /** Asks the swapper for a thread's kernel stack. */
  swapIn: ((thread: Thread) => void) | null = null;
  /** Asks the swapper for a process whose thread is to run. */
  swapProcessIn: ((process: Process) => void) | null = null;
  /** Threads in state DeferredReady, in the order in which they became so. */
  readonly #deferred: Thread[] = [];
  /** The priority at which the last scan of the ready queues ended. */
  #scanPriority = 0;

  constructor(clock: Clock, counters: Counters, idleThread: Thread) {
    this.clock = clock;
    this.counters = counters;
    this.idleThread = idleThread;
    this.current = idleThread;
    idleThread.state = ThreadState.Running;
  }

  /** Moves a thread to another state. */
  setState(thread: Thread, state: ThreadState): void {
    thread.state = state;
    this.stateListener?.(thread);
  }

  /** Makes a thread ready to run (KiReadyThread); one whose kernel stack is not in memory as soon as it is. */
  readyThread(thread: Thread): void {
    this.#deferReady(thread);
    this.exitDispatcher();
  }

  #deferReady(thread: Thread): void {
    const { process } = thread.apcState;
    if (process.state !== ProcessState.InMemory) {
      this.#waitForProcess(thread, process);
      return;
    }
    if (!thread.kernelStackResident) {
      this.setState(thread, ThreadState.Transition);
      this.swapIn?.(thread);
      return;
    }
    this.setState(thread, ThreadState.DeferredReady);
    this.#deferred.push(thread);
  }

  #waitForProcess(thread: Thread, process: Process): void {
    thread.processReadyQueue = true;
    thread.waitReason = WaitReason.ProcessInSwap;
    process.readyList.push(thread);
    this.setState(thread, ThreadState.Ready);
    if (process.state !== ProcessState.OutOfMemory) return;
    process.state = ProcessState.InTransition;
    this.swapProcessIn?.(process);
  }

  /** A process is in memory again, or still: what waited for it is ready. */
  processArrived(process: Process): void {
    process.state = ProcessState.InMemory;
    for (const thread of process.readyList.splice(0)) {
      thread.processReadyQueue = false;
      this.#deferReady(thread);
    }
    this.exitDispatcher();
  }

  /** KiExitDispatcher: threads that became ready enter their queues, and the next to run is chosen. */
  exitDispatcher(): void {
    for (let thread = this.#deferred.shift(); thread !== undefined; thread = this.#deferred.shift()) {
      this.#insertReady(thread, false);
    }
    this.#chooseStandby(this.#isRunning() ? this.current.priority + 1 : 0);
  }

  #insertReady(thread: Thread, first: boolean): void {
    thread.waitTime = this.clock.ticks;
    this.ready.insert(thread, first);
    this.setState(thread, ThreadState.Ready);
  }

  /** The current thread has the processor and has not given it up. */
  #isRunning(): boolean {
    return this.current !== this.idleThread && this.current.state === ThreadState.Running;
  }

  /** The first ready thread of the highest priority, when that is at least `lowest`, is Standby; otherwise nobody is. */
  #chooseStandby(lowest: number): void {
    const { standby } = this;
    if (standby !== null) {
      if (standby.priority >= lowest && standby.priority >= this.ready.highest()) return;
      this.standby = null;
      this.#insertReady(standby, true);
    }
    if (this.ready.highest() < lowest) return;
    this.standby = this.ready.take();
    if (this.standby !== null) this.setState(this.standby, ThreadState.Standby);
  }

  /** The current thread's quantum is over: threads of its priority have their turn. */
  quantumEnd(): void {
    this.#chooseStandby(this.current.priority);
    if (this.standby !== null) this.#leaveProcessor(WaitReason.QuantumEnd);
  }

  /** The current thread lets others of at least its priority run, when there are any. False when there are none. */
  yieldProcessor(): boolean {
    this.#chooseStandby(this.current.priority);
    if (this.standby === null) return false;
    this.current.quantum = this.current.process.quantumReset;
    this.#leaveProcessor(WaitReason.YieldExecution);
    return true;
  }

  #leaveProcessor(reason: WaitReason): void {
    this.current.waitReason = reason;
    this.readyThread(this.current);
  }

  /** The thread that is to run now, in state Running; the idle thread when none is ready. A preempted one keeps its turn. */
  nextThread(): Thread {
    const { current } = this;
    if (this.#isRunning()) {
      if (this.standby === null) return current;
      current.waitReason = WaitReason.Preempted;
      if (current.priority >= LOW_REALTIME_PRIORITY) current.quantum = current.process.quantumReset;
      this.#insertReady(current, true);
    }
    const next = this.standby ?? this.ready.take() ?? this.idleThread;
    this.standby = null;
    if (next.state !== ThreadState.Running) this.setState(next, ThreadState.Running);
    return next;
  }

  /** A thread's priority changes now (KiSetPriorityThread): a ready one changes its queue, others may have to run before it. */
  setPriority(thread: Thread, priority: number): void {
    if (thread.state === ThreadState.Ready && !thread.processReadyQueue) {
      this.ready.remove(thread);
      thread.priority = priority;
      this.readyThread(thread);
      return;
    }
    thread.priority = priority;
    if (thread.state === ThreadState.Standby || thread.state === ThreadState.Running) this.exitDispatcher();
  }

  /**
   * KiScanReadyQueues: threads that others have kept from running for some seconds get a turn at high priority. At most 16
   * threads are looked at and 10 helped in one scan; the next one goes on at the priority where this one ended.
   */
  scanReadyQueues(): void {
    const oldest = this.clock.ticks - STARVATION_TICKS;
    let looks = STARVATION_SCANNED;
    let boosts = STARVATION_BOOSTS;
    for (let level = 1; level < STARVATION_PRIORITY && looks > 0 && boosts > 0; level++) {
      if (++this.#scanPriority >= STARVATION_PRIORITY) this.#scanPriority = 1;
      for (const thread of this.ready.threads(this.#scanPriority)) {
        if (looks-- === 0) break;
        if (thread.waitTime >= oldest) continue;
        this.ready.remove(thread);
        boostForOneQuantum(thread, STARVATION_PRIORITY, STARVATION_QUANTUM);
        this.#deferReady(thread);
        if (--boosts === 0) break;
      }
    }
    this.exitDispatcher();
  }

  /** The object may satisfy waits: ends as many as it can, in order of arrival (KiWaitTest). */
  waitTest(object: DispatcherObject, increment: number): void {
    this.#satisfyWaits(object, increment);
    this.exitDispatcher();
  }

  #satisfyWaits(object: DispatcherObject, increment: number): void {
    let block = object.firstWaiter;
    while (block !== null && object.signalState > 0) {
      const thread = block.thread;
      if (block.waitType === WaitType.Any) {
        const status = this.satisfy(object, thread, block.waitKey);
        this.#endWait(thread, status, increment);
        block = object.firstWaiter;
        continue;
      }
      if (!allSignaled(thread)) {
        block = block.next;
        continue;
      }
      this.#endWait(thread, this.satisfyAll(thread), increment);
      block = object.firstWaiter;
    }
  }

  /** Gives the object to a thread whose wait it ends; the wait status for the given key. */
  satisfy(object: DispatcherObject, thread: Thread, waitKey: number): NtStatus {
    switch (object.type) {
      case DispatcherType.SynchronizationEvent:
      case DispatcherType.SynchronizationTimer:
        object.signalState = 0;
        break;
      case DispatcherType.Semaphore:
        object.signalState--;
        break;
      case DispatcherType.Mutant:
        if (object instanceof KMutant && acquireMutant(object, thread)) return ntStatus(ABANDONED_WAIT_0 + waitKey);
        break;
    }
    return ntStatus(waitKey);
  }

  /** All objects of a thread's wait-all at once. The status is that of the first, or of an abandoned mutant. */
  satisfyAll(thread: Thread): NtStatus {
    let result = ntStatus(0);
    for (let index = 0; index < thread.waitCount; index++) {
      const object = thread.waitBlocks[index].object;
      if (object === null) continue;
      const status = this.satisfy(object, thread, 0);
      if (status !== 0) result = status;
    }
    return result;
  }

  /** Ends a thread's wait (KiUnwaitThread): boost, and ready. */
  unwait(thread: Thread, status: NtStatus, increment: number): void {
    this.#endWait(thread, status, increment);
    this.exitDispatcher();
  }

  #endWait(thread: Thread, status: NtStatus, increment: number): void {
    this.clearWait(thread);
    thread.waitStatus = status;
    boostPriority(thread, increment);
    this.#deferReady(thread);
  }

  /**
   * Hands a lock to the first thread that waits for it, in place of signaling the event (KeSetEventBoostPriority). False: nobody
   * waits for this event alone.
   */
  giveLock(object: DispatcherObject): boolean {
    const block = object.firstWaiter;
    if (block === null || block.waitType !== WaitType.Any) return false;
    const { thread } = block;
    this.#endWait(thread, ntStatus(block.waitKey), 0);
    boostLockOwner(thread, this.current.priority);
    this.exitDispatcher();
    return true;
  }

  /** Takes a thread's wait blocks out of all lists and its timer out of the queue. */
  clearWait(thread: Thread): void {
    for (let index = 0; index < thread.waitCount; index++) delist(thread.waitBlocks[index]);
    thread.waitCount = 0;
    delist(thread.timerWaitBlock);
    if (thread.timer.inserted) this.timersOf(thread.timer).remove(thread.timer);
  }

  /** Arms a thread's own timer as the end of its wait. @param dueTime interrupt time. */
  armWaitTimer(thread: Thread, dueTime: number, absolute: boolean): void {
    const timer = thread.timer;
    timer.signalState = 0;
    timer.dueTime = dueTime;
    timer.absolute = absolute;
    timer.period = 0;
    timer.expirationTick = -1;
    thread.timerWaitBlock.waitType = WaitType.Any;
    thread.timerWaitBlock.waitKey = TIMEOUT;
    timer.enlist(thread.timerWaitBlock);
    this.timers.insert(timer);
  }

  /** The queue that a timer belongs in. */
  timersOf(timer: KTimer): TimerQueue {
    return timer.housekeeping ? this.housekeepingTimers : this.timers;
  }

  /** Expires every timer that is due; part of the clock interrupt. */
  expireTimers(): void {
    this.#expireTimersIn(this.timers);
    this.#expireTimersIn(this.housekeepingTimers);
  }

  #expireTimersIn(queue: TimerQueue): void {
    const now = this.clock.interruptTime;
    for (let timer = queue.first(); timer !== null && timer.dueTime <= now; timer = queue.first()) {
      queue.remove(timer);
      this.expire(timer);
    }
  }

  /** Signals a timer whose time has come; a periodic one starts anew. */
  expire(timer: KTimer): void {
    timer.signalState = 1;
    timer.expirationTick = this.clock.ticks;
    this.waitTest(timer, 0);
    if (timer.period > 0) {
      timer.absolute = false;
      timer.dueTime = this.clock.interruptTime + timer.period * 10_000;
      this.timersOf(timer).insert(timer);
    }
    timer.onExpire?.();
  }
}

/** Takes a mutant that is free or owned by the thread already. True when its last owner died with it. */
export function acquireMutant(mutant: KMutant, thread: Thread): boolean {
  mutant.signalState--;
  if (mutant.signalState !== 0) return false;
  mutant.owner = thread;
  thread.ownedMutants.add(mutant);
  const abandoned = mutant.abandoned;
  mutant.abandoned = false;
  return abandoned;
}

/** Whether an object would end a wait of this thread now. */
export function isSignaledFor(object: DispatcherObject, thread: Thread): boolean {
  if (object.signalState > 0) return true;
  return object instanceof KMutant && object.owner === thread;
}

function allSignaled(thread: Thread): boolean {
  for (let index = 0; index < thread.waitCount; index++) {
    const object = thread.waitBlocks[index].object;
    if (object !== null && !isSignaledFor(object, thread)) return false;
  }
  return true;
}

function delist(block: WaitBlock): void {
  block.object?.delist(block);
}
