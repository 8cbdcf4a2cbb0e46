import type { Thread } from './thread.js';

/** DISPATCHER_HEADER.Type. */
export const DispatcherType = {
  NotificationEvent: 0,
  SynchronizationEvent: 1,
  Mutant: 2,
  Process: 3,
  Queue: 4,
  Semaphore: 5,
  Thread: 6,
  NotificationTimer: 8,
  SynchronizationTimer: 9,
} as const;
export type DispatcherType = (typeof DispatcherType)[keyof typeof DispatcherType];

/** KWAIT_BLOCK.WaitType: whether one object or all of them end the wait. */
export const WaitType = { All: 0, Any: 1 } as const;
export type WaitType = (typeof WaitType)[keyof typeof WaitType];

/** A thread's place in the wait list of one object (KWAIT_BLOCK). */
export class WaitBlock {
  readonly thread: Thread;
  object: DispatcherObject | null = null;
  waitType: WaitType = WaitType.Any;
  /** The status that this object gives the wait: its index, or TIMEOUT for the thread's own timer. */
  waitKey = 0;
  next: WaitBlock | null = null;
  previous: WaitBlock | null = null;

  constructor(thread: Thread) {
    this.thread = thread;
  }
}

/**
 * Something that threads can wait for (DISPATCHER_HEADER). Kernel objects that can be waited for are a DispatcherObject
 * or have one in a property `dispatcherObject`. Only ke's routines change the state, and they run the wait tests.
 */
export abstract class DispatcherObject {
  readonly type: DispatcherType;
  /** Greater than zero is signaled; a mutant counts down with each acquisition, a semaphore holds its count. */
  signalState: number;
  /** First and last wait block, in order of arrival. */
  firstWaiter: WaitBlock | null = null;
  lastWaiter: WaitBlock | null = null;

  constructor(type: DispatcherType, signalState: number) {
    this.type = type;
    this.signalState = signalState;
  }

  /** Appends a wait block to the wait list. */
  enlist(block: WaitBlock): void {
    block.object = this;
    block.next = null;
    block.previous = this.lastWaiter;
    if (this.lastWaiter === null) this.firstWaiter = block;
    else this.lastWaiter.next = block;
    this.lastWaiter = block;
  }

  /** Takes a wait block out of the wait list. */
  delist(block: WaitBlock): void {
    if (block.previous === null) this.firstWaiter = block.next;
    else block.previous.next = block.next;
    if (block.next === null) this.lastWaiter = block.previous;
    else block.next.previous = block.previous;
    block.next = null;
    block.previous = null;
    block.object = null;
  }
}

/** Notification events stay signaled until reset; synchronization events let one thread through. */
export const EventType = { Notification: 0, Synchronization: 1 } as const;
export type EventType = (typeof EventType)[keyof typeof EventType];

/** KEVENT. */
export class KEvent extends DispatcherObject {
  constructor(type: EventType, signaled: boolean) {
    super(
      type === EventType.Notification ? DispatcherType.NotificationEvent : DispatcherType.SynchronizationEvent,
      signaled ? 1 : 0,
    );
  }
}

/** KSEMAPHORE: signalState is the count. */
export class KSemaphore extends DispatcherObject {
  readonly limit: number;

  constructor(count: number, limit: number) {
    super(DispatcherType.Semaphore, count);
    this.limit = limit;
  }
}

/** KMUTANT: signalState 1 is free, 0 owned once, -1 owned twice ... */
export class KMutant extends DispatcherObject {
  owner: Thread | null = null;
  abandoned = false;

  constructor() {
    super(DispatcherType.Mutant, 1);
  }
}

/** KTIMER. Due times are interrupt time in 100 ns units. */
export class KTimer extends DispatcherObject {
  /** In the timer queue. */
  inserted = false;
  /** The due time was given as a system time: setting the clock moves it. */
  absolute = false;
  /** Interrupt time at which the timer expires. */
  dueTime = 0;
  /** Milliseconds between expirations, 0 for one shot. */
  period = 0;
  /** See Dispatcher.housekeepingTimers. */
  housekeeping = false;
  /** Clock tick of the last expiration since the timer was set, -1 before the first. */
  expirationTick = -1;
  /** Order of insertion among equal due times, and the place in the timer queue. */
  sequence = 0;
  heapIndex = 0;
  /** Called when the timer expires, after it was signaled; must not wait. */
  onExpire: (() => void) | null = null;

  constructor(type: EventType) {
    super(type === EventType.Notification ? DispatcherType.NotificationTimer : DispatcherType.SynchronizationTimer, 0);
  }
}
