import { TICK_INCREMENT } from './clock.js';
import type { KTimer } from './dispatcher-object.js';

const UNITS_PER_MILLISECOND = 10_000;

/** Interrupt time of the clock interrupt that notices what is due at this interrupt time. */
function roundUpToTick(interruptTime: number): number {
  return Math.ceil(interruptTime / TICK_INCREMENT) * TICK_INCREMENT;
}

/** Timers by due time, equal ones by order of insertion: a binary heap in which every timer knows its place. */
export class TimerQueue {
  readonly #heap: KTimer[] = [];
  #sequence = 0;

  /** The timer that expires first, or null. */
  first(): KTimer | null {
    return this.#heap.length === 0 ? null : this.#heap[0];
  }

  /** Timers in the queue. */
  get count(): number {
    return this.#heap.length;
  }

  /** The first timer that has not expired after that clock tick; the others are periodic ones that have. */
  firstUnexpiredSince(tick: number): KTimer | null {
    let first: KTimer | null = null;
    for (const timer of this.#heap) {
      if (timer.expirationTick <= tick && (first === null || this.#before(timer, first))) first = timer;
    }
    return first;
  }

  /**
   * Lets the periodic timers that have expired after a clock tick pass over their expirations before the clock interrupt that
   * notices something due at `interruptTime`: they are due then as if they had expired each time.
   */
  skipExpirations(tick: number, interruptTime: number): void {
    const end = roundUpToTick(interruptTime);
    const skipped = this.#heap.filter((timer) => timer.expirationTick > tick && roundUpToTick(timer.dueTime) < end);
    for (const timer of skipped.sort((a, b) => a.sequence - b.sequence)) {
      this.remove(timer);
      const period = timer.period * UNITS_PER_MILLISECOND;
      const step = roundUpToTick(period);
      const next = roundUpToTick(timer.dueTime);
      const passed = Math.ceil((end - next) / step) - 1;
      timer.dueTime = next + passed * step + period;
      this.insert(timer);
    }
  }

  insert(timer: KTimer): void {
    timer.sequence = this.#sequence++;
    timer.inserted = true;
    timer.heapIndex = this.#heap.length;
    this.#heap.push(timer);
    this.#rise(timer);
  }

  /** Takes an inserted timer out. */
  remove(timer: KTimer): void {
    const index = timer.heapIndex;
    const last = this.#heap.pop();
    timer.inserted = false;
    if (last === undefined || last === timer) return;
    this.#heap[index] = last;
    last.heapIndex = index;
    this.#rise(last);
    this.#sink(last);
  }

  /** Moves every absolute timer when the system clock is set. @param difference 100 ns units added to the clock. */
  moveAbsolute(difference: number): void {
    const moved = this.#heap.filter((timer) => timer.absolute).sort((a, b) => a.sequence - b.sequence);
    for (const timer of moved) {
      this.remove(timer);
      timer.dueTime -= difference;
      this.insert(timer);
    }
  }

  #before(a: KTimer, b: KTimer): boolean {
    return a.dueTime < b.dueTime || (a.dueTime === b.dueTime && a.sequence < b.sequence);
  }

  #place(timer: KTimer, index: number): void {
    this.#heap[index] = timer;
    timer.heapIndex = index;
  }

  #rise(timer: KTimer): void {
    let index = timer.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex];
      if (!this.#before(timer, parent)) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(timer, index);
  }

  #sink(timer: KTimer): void {
    let index = timer.heapIndex;
    for (;;) {
      let childIndex = index * 2 + 1;
      if (childIndex >= this.#heap.length) break;
      const right = childIndex + 1;
      if (right < this.#heap.length && this.#before(this.#heap[right], this.#heap[childIndex])) childIndex = right;
      const child = this.#heap[childIndex];
      if (!this.#before(child, timer)) break;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(timer, index);
  }
}
