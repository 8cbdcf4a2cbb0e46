import type { TraceOptions } from './options.js';

/** A field of a trace event. Addresses go through `hex`. */
export type TraceValue = string | number | boolean | null | readonly (string | number)[];

export type TraceFields = Readonly<Record<string, TraceValue>>;

/** FNV-1a, 32 bits. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** An address, status or mask as traces show it: 8 upper-case digits. */
export function hex(value: number): string {
  return (value >>> 0).toString(16).toUpperCase().padStart(8, '0');
}

/**
 * The machine's event record: JSON lines with deterministic fields in a fixed order. Callers test the category's flag
 * first, so that a category that is off costs one branch: `if (trace.faults) trace.event('fault', {...})`.
 */
export class Trace {
  readonly faults: boolean;
  readonly paging: boolean;
  readonly workingSet: boolean;
  readonly sections: boolean;
  readonly cache: boolean;
  readonly syscalls: boolean;
  readonly threads: boolean;
  readonly scheduling: boolean;
  readonly modules: boolean;
  /** Any category. */
  readonly enabled: boolean;
  /** Events so far. */
  count = 0;
  readonly #sink: ((line: string) => void) | null;
  readonly #now: () => number;
  #hash = FNV_OFFSET;

  /** @param now virtual nanoseconds since boot. */
  constructor(options: TraceOptions, now: () => number) {
    this.faults = options.faults === true;
    this.paging = options.paging === true;
    this.workingSet = options.workingSet === true;
    this.sections = options.sections === true;
    this.cache = options.cache === true;
    this.syscalls = options.syscalls === true;
    this.threads = options.threads === true;
    this.scheduling = options.scheduling === true;
    this.modules = options.modules === true;
    this.enabled = Object.values(options).includes(true);
    this.#sink = options.sink;
    this.#now = now;
  }

  /** Records one event; `time` (virtual nanoseconds) and `event` come first in the line. */
  event(name: string, fields: TraceFields): void {
    const line = JSON.stringify({ time: this.#now(), event: name, ...fields });
    this.count++;
    let hash = this.#hash;
    for (let index = 0; index < line.length; index++) hash = Math.imul(hash ^ line.charCodeAt(index), FNV_PRIME);
    this.#hash = Math.imul(hash ^ 10, FNV_PRIME);
    this.#sink?.(line);
  }

  /** Hash over all lines so far: equal for equal traces. */
  hash(): string {
    return hex(this.#hash);
  }
}
