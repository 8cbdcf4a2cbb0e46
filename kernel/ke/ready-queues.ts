import type { Thread } from './thread.js';

export const PRIORITY_LEVELS = 32;

/** One queue of ready threads for each priority, and a bit for each queue that is not empty (KiDispatcherReadyList). */
export class ReadyQueues {
  readonly #first: (Thread | null)[] = new Array<Thread | null>(PRIORITY_LEVELS).fill(null);
  readonly #last: (Thread | null)[] = new Array<Thread | null>(PRIORITY_LEVELS).fill(null);
  #summary = 0;

  /** Highest priority with a ready thread, -1 when none is ready. */
  highest(): number {
    return 31 - Math.clz32(this.#summary);
  }

  /** Puts a thread behind the others of its priority; a preempted one goes before them. */
  insert(thread: Thread, preempted: boolean): void {
    const level = thread.priority;
    const first = this.#first[level];
    const last = this.#last[level];
    if (first === null || last === null) {
      thread.nextReady = null;
      this.#first[level] = thread;
      this.#last[level] = thread;
      this.#summary |= 1 << level;
      return;
    }
    if (preempted) {
      thread.nextReady = first;
      this.#first[level] = thread;
      return;
    }
    thread.nextReady = null;
    last.nextReady = thread;
    this.#last[level] = thread;
  }

  /** Takes the first thread of the highest priority, or null. */
  take(): Thread | null {
    const level = this.highest();
    if (level < 0) return null;
    const thread = this.#first[level];
    if (thread !== null) this.remove(thread);
    return thread;
  }

  /** The ready threads of a priority, the next to run first. */
  threads(level: number): readonly Thread[] {
    const found: Thread[] = [];
    for (let thread = this.#first[level] ?? null; thread !== null; thread = thread.nextReady) found.push(thread);
    return found;
  }

  /** Takes a ready thread out of its queue. */
  remove(thread: Thread): void {
    const level = thread.priority;
    let before: Thread | null = null;
    let entry = this.#first[level];
    while (entry !== null && entry !== thread) {
      before = entry;
      entry = entry.nextReady;
    }
    if (entry === null) return;
    if (before === null) this.#first[level] = thread.nextReady;
    else before.nextReady = thread.nextReady;
    if (this.#last[level] === thread) this.#last[level] = before;
    if (this.#first[level] === null) this.#summary &= ~(1 << level);
    thread.nextReady = null;
  }
}
