import type { NtStatus } from '../types.js';

/** A seek and half a turn of the disk, and a page at 50 MB/s; virtual nanoseconds. */
const POSITIONING = 9_000_000;
const PAGE_TRANSFER = 80_000;

/** One transfer of consecutive pages of a paging file or of a mapped one. */
export interface DeviceRequest {
  readonly kind: 'read' | 'write';
  /** Number of the paging file, or address of the mapped file's control area; and the first page in it. */
  readonly file: number;
  readonly slot: number;
  /** Of the mapped file; empty for paging files. */
  readonly name: string;
  readonly pages: number;
  /** The page frames, for observers. */
  readonly frames: readonly number[];
  /** Moves the bytes and says how it went. */
  readonly transfer: () => NtStatus;
  readonly complete: (status: NtStatus) => void;
}

interface QueuedRequest {
  readonly request: DeviceRequest;
  readonly dueTime: number;
}

/** Virtual time as the device sees it. */
export interface DeviceClock {
  nanoseconds(): number;
  /** Lets time pass in which nothing else happens. */
  skip(nanoseconds: number): void;
}

/**
 * The disk that paging files and mapped files lie on: one request after the other, each taking a positioning time unless it goes on
 * where the last one ended, and a transfer time. Completions are events of virtual time that the run loop looks for.
 */
export class PagingDevice {
  /** Fault injection: the status of a request's transfer instead of its own; null lets it happen. */
  inject: ((request: DeviceRequest) => NtStatus | null) | null = null;
  /** Sees every request when it is submitted (status null) and when it is complete. */
  observe: ((request: DeviceRequest, status: NtStatus | null) => void) | null = null;
  readonly #clock: DeviceClock;
  readonly #queue: QueuedRequest[] = [];
  #busyUntil = 0;
  #nextFile = -1;
  #nextSlot = -1;

  constructor(clock: DeviceClock) {
    this.#clock = clock;
  }

  /** Requests that have not completed. */
  get pending(): number {
    return this.#queue.length;
  }

  submit(request: DeviceRequest): void {
    const follows = request.file === this.#nextFile && request.slot === this.#nextSlot;
    const duration = (follows ? 0 : POSITIONING) + request.pages * PAGE_TRANSFER;
    this.#busyUntil = Math.max(this.#busyUntil, this.#clock.nanoseconds()) + duration;
    this.#nextFile = request.file;
    this.#nextSlot = request.slot + request.pages;
    this.#queue.push({ request, dueTime: this.#busyUntil });
    this.observe?.(request, null);
  }

  /** When the next request completes, virtual nanoseconds; Infinity when there is none. */
  nextCompletion(): number {
    return this.#queue[0]?.dueTime ?? Number.POSITIVE_INFINITY;
  }

  /** Completes what is due by now. */
  completeDue(): void {
    while (this.nextCompletion() <= this.#clock.nanoseconds()) this.#completeFirst();
  }

  /** Waits for the oldest request on the spot: a caller that cannot be dispatched. False when there is none. */
  finishFirst(): boolean {
    if (this.#queue.length === 0) return false;
    const left = this.nextCompletion() - this.#clock.nanoseconds();
    if (left > 0) this.#clock.skip(left);
    this.#completeFirst();
    return true;
  }

  /** Lets so many virtual nanoseconds pass on the spot, with what completes in them. */
  pass(nanoseconds: number): void {
    const end = this.#clock.nanoseconds() + nanoseconds;
    while (this.nextCompletion() <= end) this.finishFirst();
    const left = end - this.#clock.nanoseconds();
    if (left > 0) this.#clock.skip(left);
  }

  /** Virtual nanoseconds since boot. */
  get now(): number {
    return this.#clock.nanoseconds();
  }

  #completeFirst(): void {
    const first = this.#queue.shift();
    if (first === undefined) return;
    const { request } = first;
    const status = this.inject?.(request) ?? request.transfer();
    this.observe?.(request, status);
    request.complete(status);
  }
}
