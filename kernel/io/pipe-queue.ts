import type { QuotaAllocation } from '../ex/pool.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { IoRequest, RequestHolder } from './io-request.js';

/** What queues need of the pipe device. */
export interface PipeQueueHost {
  /** Takes pool for data in a queue, which the writer's quota block pays for until it is read. QUOTA_EXCEEDED, INSUFFICIENT_RESOURCES. */
  charge(bytes: number): QuotaAllocation;
  release(block: number): void;
  end(request: IoRequest, status: NtStatus, information: number, output: Uint8Array | null): void;
}

/** What one write left in the queue. */
interface DataEntry {
  bytes: Uint8Array;
  /** What has been read of it. */
  taken: number;
  readonly block: number;
  /** The write itself while the quota does not hold all of it. */
  writer: IoRequest | null;
  /** Bytes that the write has handed over in all. */
  readonly total: number;
  /** Place of its last byte in the stream of all that was ever queued. */
  end: number;
}

interface ReadEntry {
  readonly request: IoRequest;
  readonly maximum: number;
  readonly messages: boolean;
}

interface Taken {
  readonly bytes: Uint8Array;
  /** A message was longer than what was asked for: its rest comes next. */
  readonly partial: boolean;
}

const NOTHING = new Uint8Array(0);

/**
 * One direction of a pipe (DATA_QUEUE of NPFS): either data that nobody has read yet or reads that found none. Writes beyond
 * the quota stay pending until enough has been read; so do flushes until all has.
 */
export class PipeQueue implements RequestHolder {
  readonly quota: number;
  /** Entries are messages. */
  readonly isMessageQueue: boolean;
  readonly #host: PipeQueueHost;
  /** Entries before `#first` have been read. */
  #data: DataEntry[] = [];
  #first = 0;
  #reads: ReadEntry[] = [];
  #stalled: DataEntry[] = [];
  #flushes: IoRequest[] = [];
  /** Bytes that wait, and bytes that were ever queued. */
  #length = 0;
  #end = 0;

  constructor(host: PipeQueueHost, quota: number, isMessageQueue: boolean) {
    this.#host = host;
    this.quota = quota;
    this.isMessageQueue = isMessageQueue;
  }

  /** Bytes that can be read. */
  get length(): number {
    return this.#length;
  }

  /** Bytes that a write can leave without staying pending. */
  get room(): number {
    return Math.max(0, this.quota - this.#length);
  }

  get isEmpty(): boolean {
    return this.#first === this.#data.length;
  }

  get hasReads(): boolean {
    return this.#reads.length > 0;
  }

  get hasStalledWrites(): boolean {
    return this.#stalled.length > 0;
  }

  /** Whole and partly read messages, and what is left of the first one. */
  get messageCount(): number {
    return this.#data.length - this.#first;
  }

  get firstMessageLength(): number {
    const entry = this.#data.at(this.#first);
    return entry === undefined ? 0 : entry.bytes.length - entry.taken;
  }

  /** Copies of what the next read would give. @param messages of the first message only */
  peek(maximum: number, messages: boolean): Uint8Array {
    const result = new Uint8Array(Math.min(maximum, messages ? this.firstMessageLength : this.#length));
    let count = 0;
    for (let index = this.#first; index < this.#data.length && count < result.length; index++) {
      const { bytes, taken } = this.#data[index];
      const piece = bytes.subarray(taken, taken + result.length - count);
      result.set(piece, count);
      count += piece.length;
    }
    return result;
  }

  /** Ends the read with what waits (BUFFER_OVERFLOW: part of a message), or keeps it. @param messages one message a read */
  read(request: IoRequest, maximum: number, messages: boolean): void {
    if (this.isEmpty) {
      this.#reads.push({ request, maximum, messages });
      request.holder = this;
      return;
    }
    const { bytes, partial } = this.#take(maximum, messages);
    this.#host.end(request, partial ? Status.BUFFER_OVERFLOW : Status.SUCCESS, bytes.length, bytes);
    this.#settle();
  }

  /**
   * Hands bytes to reads that wait and queues the rest. What the quota does not hold keeps the write pending, or is not
   * written when `mode` is 'try' (of a message nothing then). 'always' ends at once whatever the quota. INSUFFICIENT_RESOURCES,
   * QUOTA_EXCEEDED: the writer may not use so much pool.
   */
  write(request: IoRequest, bytes: Uint8Array, mode: 'wait' | 'try' | 'always'): void {
    const given = this.#feedReads(bytes);
    const rest = bytes.length - given;
    const isDone = rest === 0 && (given > 0 || !this.isMessageQueue || given < 0);
    if (isDone) {
      this.#host.end(request, Status.SUCCESS, bytes.length, null);
      return;
    }
    const start = Math.max(given, 0);
    const fits = bytes.length - start <= this.room || mode === 'always';
    let queued = bytes.subarray(start);
    if (!fits && mode === 'try') queued = this.isMessageQueue && start === 0 ? NOTHING : queued.subarray(0, this.room);
    const isRefused = !fits && mode === 'try' && queued.length === 0;
    if (!isRefused) {
      const { status, address } = this.#host.charge(queued.length);
      if (address === 0) {
        this.#host.end(request, status, 0, null);
        return;
      }
      this.#append(queued.slice(), address, !fits && mode === 'wait' ? request : null, bytes.length);
    }
    if (fits || mode === 'try') this.#host.end(request, Status.SUCCESS, start + queued.length, null);
  }

  /** Ends the request when everything has been read. */
  flush(request: IoRequest): void {
    if (this.isEmpty) {
      this.#host.end(request, Status.SUCCESS, 0, null);
      return;
    }
    this.#flushes.push(request);
    request.holder = this;
  }

  /** Everything pending ends with a status, data is dropped. */
  endAll(status: NtStatus): void {
    const requests = [...this.#reads.map(({ request }) => request), ...this.#flushes];
    for (const { writer } of this.#stalled) if (writer !== null) requests.push(writer);
    for (const { block } of this.#data.slice(this.#first)) this.#host.release(block);
    this.#data = [];
    this.#first = 0;
    this.#length = 0;
    this.#reads = [];
    this.#stalled = [];
    this.#flushes = [];
    for (const request of requests) this.#host.end(request, status, 0, null);
  }

  /** Reads that wait end with a status; what was written stays. */
  endReads(status: NtStatus): void {
    for (const { request } of this.#reads.splice(0)) this.#host.end(request, status, 0, null);
  }

  remove(request: IoRequest): void {
    this.#reads = this.#reads.filter((entry) => entry.request !== request);
    this.#flushes = this.#flushes.filter((other) => other !== request);
    const stalled = this.#stalled.find(({ writer }) => writer === request);
    if (stalled !== undefined) this.#removeData(stalled);
  }

  /** A write is cancelled: what is left of it goes, and may make room for others. */
  #removeData(entry: DataEntry): void {
    const left = entry.bytes.length - entry.taken;
    const index = this.#data.indexOf(entry, this.#first);
    for (const later of this.#data.slice(index + 1)) later.end -= left;
    this.#data.splice(index, 1);
    this.#stalled.splice(this.#stalled.indexOf(entry), 1);
    this.#length -= left;
    this.#end -= left;
    this.#host.release(entry.block);
    this.#settle();
  }

  #append(bytes: Uint8Array, block: number, writer: IoRequest | null, total: number): void {
    this.#length += bytes.length;
    this.#end += bytes.length;
    const entry: DataEntry = { bytes, taken: 0, block, writer, total, end: this.#end };
    this.#data.push(entry);
    if (writer === null) return;
    this.#stalled.push(entry);
    writer.holder = this;
  }

  /** Gives bytes to reads that wait. How many; -1 when an empty message ended a read. */
  #feedReads(bytes: Uint8Array): number {
    let given = 0;
    while (this.#reads.length > 0) {
      if (given === bytes.length && (bytes.length > 0 || !this.isMessageQueue)) break;
      const read = this.#reads.shift();
      if (read === undefined) break;
      const piece = bytes.slice(given, given + read.maximum);
      given += piece.length;
      const partial = read.messages && given < bytes.length;
      this.#host.end(read.request, partial ? Status.BUFFER_OVERFLOW : Status.SUCCESS, piece.length, piece);
      if (bytes.length === 0) return -1;
    }
    return given;
  }

  #take(maximum: number, messages: boolean): Taken {
    const bytes = this.peek(maximum, messages);
    const partial = messages && bytes.length < this.firstMessageLength;
    let count = bytes.length;
    this.#length -= count;
    for (let entry = this.#data.at(this.#first); entry !== undefined; entry = this.#data.at(this.#first)) {
      const step = Math.min(count, entry.bytes.length - entry.taken);
      entry.taken += step;
      count -= step;
      if (entry.taken < entry.bytes.length) break;
      this.#dropFirst(entry);
      if (messages) break;
    }
    return { bytes, partial };
  }

  #dropFirst(entry: DataEntry): void {
    this.#host.release(entry.block);
    entry.bytes = NOTHING;
    this.#first++;
    if (this.#first * 2 < this.#data.length) return;
    this.#data = this.#data.slice(this.#first);
    this.#first = 0;
  }

  /** Ends writes that the quota holds now, and flushes. */
  #settle(): void {
    const position = this.#end - this.#length;
    while (this.#stalled.length > 0 && this.#stalled[0].end - position <= this.quota) {
      const entry = this.#stalled.shift();
      const writer = entry?.writer ?? null;
      if (entry === undefined || writer === null) continue;
      entry.writer = null;
      this.#host.end(writer, Status.SUCCESS, entry.total, null);
    }
    if (!this.isEmpty) return;
    for (const request of this.#flushes.splice(0)) this.#host.end(request, Status.SUCCESS, 0, null);
  }
}
