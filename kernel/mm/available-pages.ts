import { EventType, KEvent } from '../ke/dispatcher-object.js';
import { AvailableLimit, type MemoryThresholds } from './memory-thresholds.js';

/** The numbers of available pages, first included and end not, in which nobody has to be told anything. */
export interface AvailableWindow {
  first: number;
  end: number;
}

/** One event and the available pages with which it is signaled. */
interface Condition {
  readonly event: KEvent;
  readonly first: number;
  readonly end: number;
}

/**
 * The events that say how many pages are available (nt52.md 3.7): what threads without pages wait for, and the two
 * conditions that programs can wait for. The page lists ask only when the number leaves a window, so that counting is cheap.
 */
export class AvailablePageEvents {
  /** MmAvailablePagesEventHigh and MmAvailablePagesEvent: 128 and 2 pages. */
  readonly high = new KEvent(EventType.Notification, false);
  readonly low = new KEvent(EventType.Notification, false);
  /** \KernelObjects\LowMemoryCondition, \KernelObjects\HighMemoryCondition. */
  readonly lowMemory = new KEvent(EventType.Notification, false);
  readonly highMemory = new KEvent(EventType.Notification, false);
  readonly #conditions: readonly Condition[];
  readonly #signal: (event: KEvent) => void;
  readonly #window: AvailableWindow = { first: 0, end: 0 };

  /** @param signal wakes who waits for an event that is not signaled yet */
  constructor(thresholds: MemoryThresholds, signal: (event: KEvent) => void) {
    const end = Number.POSITIVE_INFINITY;
    this.#signal = signal;
    this.#conditions = [
      { event: this.low, first: AvailableLimit.Low, end },
      { event: this.high, first: AvailableLimit.High, end },
      { event: this.lowMemory, first: 0, end: thresholds.lowMemory + 1 },
      { event: this.highMemory, first: thresholds.highMemory, end },
    ];
  }

  /** So many pages are available now: signals or resets what depends on it. The window in which nothing changes. */
  update(available: number): AvailableWindow {
    const window = this.#window;
    window.first = 0;
    window.end = Number.POSITIVE_INFINITY;
    for (const condition of this.#conditions) {
      const holds = available >= condition.first && available < condition.end;
      if (!holds) condition.event.signalState = 0;
      else if (condition.event.signalState === 0) this.#signal(condition.event);
      for (const limit of [condition.first, condition.end]) {
        if (limit <= available) window.first = Math.max(window.first, limit);
        else window.end = Math.min(window.end, limit);
      }
    }
    return window;
  }

  /** The first event that does not say what so many pages mean, or null. */
  verify(available: number): string | null {
    for (const [index, { event, first, end }] of this.#conditions.entries()) {
      const holds = available >= first && available < end;
      if (event.signalState > 0 !== holds)
        return `event ${index} of the available pages is ${holds ? 'not ' : ''}signaled with ${available} pages`;
    }
    return null;
  }
}
