import { PoolType } from '../ex/pool.js';
import { EventType, KEvent } from '../ke/dispatcher-object.js';
import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { upcaseName } from '../ob/name.js';
import type { Blocking, NtStatus } from '../types.js';

/** Priority boost of who waited for a pipe (IO_NAMED_PIPE_INCREMENT). */
const NAMED_PIPE_INCREMENT = 2;

/** Bytes on their way in one direction: a ring of `quota` bytes. */
export class PipeQueue {
  readonly #ring: Uint8Array;
  /** Where the oldest byte lies. */
  #first = 0;
  #length = 0;
  readerGone = false;
  writerGone = false;
  /** Signaled when something has changed: bytes put or taken, an end closed. */
  readonly changed = new KEvent(EventType.Notification, false);

  constructor(quota: number) {
    this.#ring = new Uint8Array(quota);
  }

  get length(): number {
    return this.#length;
  }

  get room(): number {
    return this.#ring.length - this.#length;
  }

  /** @param bytes no more than there is room for */
  put(bytes: Uint8Array): void {
    const at = (this.#first + this.#length) % this.#ring.length;
    const untilEnd = Math.min(bytes.length, this.#ring.length - at);
    this.#ring.set(bytes.subarray(0, untilEnd), at);
    this.#ring.set(bytes.subarray(untilEnd), 0);
    this.#length += bytes.length;
  }

  take(maximum: number): Uint8Array {
    const bytes = this.peek(maximum);
    this.#first = (this.#first + bytes.length) % this.#ring.length;
    this.#length -= bytes.length;
    return bytes;
  }

  /** Copies of the first bytes, which stay. */
  peek(maximum: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(maximum, this.#length));
    const head = this.#ring.subarray(this.#first, this.#first + bytes.length);
    bytes.set(head);
    bytes.set(this.#ring.subarray(0, bytes.length - head.length), head.length);
    return bytes;
  }
}

/** One pipe: the queues towards its server and towards its client. */
export interface Pipe {
  readonly name: string;
  readonly inbound: PipeQueue;
  readonly outbound: PipeQueue;
  /** Pool that the quotas are charged to. */
  readonly buffer: number;
  /** A client has opened it. */
  hasClient: boolean;
}

/** What a file object has of a pipe. */
export interface PipeEnd {
  readonly pipe: Pipe;
  readonly reads: PipeQueue;
  readonly writes: PipeQueue;
}

/**
 * \Device\NamedPipe: byte pipes of one instance, whose server end waits for its one client (NPFS as far as anonymous pipes need
 * it). Messages, further instances, listening and disconnecting are not here.
 */
export class PipeDevice {
  readonly kind = 'pipe';
  readonly #kernel: Kernel;
  readonly #pipes = new Map<string, Pipe>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** A new pipe's server end. INSTANCE_NOT_AVAILABLE when there is one of that name; INSUFFICIENT_RESOURCES. */
  create(name: string, inboundQuota: number, outboundQuota: number): PipeEnd | NtStatus {
    const key = upcaseName(name);
    if (key === '') return Status.OBJECT_NAME_INVALID;
    if (this.#pipes.has(key)) return Status.INSTANCE_NOT_AVAILABLE;
    const buffer = this.#kernel.ex.pool.allocate(PoolType.Paged, inboundQuota + outboundQuota, 'NpFr');
    if (buffer === 0) return Status.INSUFFICIENT_RESOURCES;
    const inbound = new PipeQueue(inboundQuota);
    const outbound = new PipeQueue(outboundQuota);
    const pipe: Pipe = { name: key, inbound, outbound, buffer, hasClient: false };
    this.#pipes.set(key, pipe);
    return { pipe, reads: inbound, writes: outbound };
  }

  /** The client end. OBJECT_NAME_NOT_FOUND, PIPE_NOT_AVAILABLE when it has its client already. */
  open(name: string): PipeEnd | NtStatus {
    const pipe = this.#pipes.get(upcaseName(name));
    if (pipe === undefined) return Status.OBJECT_NAME_NOT_FOUND;
    if (pipe.hasClient || pipe.inbound.readerGone) return Status.PIPE_NOT_AVAILABLE;
    pipe.hasClient = true;
    return { pipe, reads: pipe.outbound, writes: pipe.inbound };
  }

  /** The last handle of an end goes: whoever waits at the other learns it. With both ends the pipe goes. */
  close({ pipe, reads, writes }: PipeEnd): void {
    reads.readerGone = true;
    writes.writerGone = true;
    this.#wake(reads);
    this.#wake(writes);
    const clientIsGone = !pipe.hasClient || pipe.inbound.writerGone;
    if (!clientIsGone || !pipe.inbound.readerGone || this.#pipes.get(pipe.name) !== pipe) return;
    this.#pipes.delete(pipe.name);
    this.#kernel.ex.pool.free(pipe.buffer);
  }

  /** Takes at least a byte, waiting for it. PIPE_BROKEN when all are taken and the writer has gone, or USER_APC. */
  *read({ reads, pipe }: PipeEnd, maximum: number): Blocking<Uint8Array | NtStatus> {
    while (reads.length === 0) {
      if (reads.writerGone || reads.readerGone) return Status.PIPE_BROKEN;
      if (reads === pipe.inbound && !pipe.hasClient) return Status.PIPE_LISTENING;
      const status = yield* this.#wait(reads);
      if (!isSuccess(status) || status === Status.USER_APC) return status;
    }
    const bytes = reads.take(maximum);
    this.#wake(reads);
    return bytes;
  }

  /** Waits for room for at least a byte: how many there is room for, or PIPE_CLOSING when nobody will read, or USER_APC. */
  *waitForRoom({ writes, pipe }: PipeEnd): Blocking<{ readonly status: NtStatus; readonly room: number }> {
    for (;;) {
      if (writes.readerGone || writes.writerGone) return { status: Status.PIPE_CLOSING, room: 0 };
      if (writes === pipe.outbound && !pipe.hasClient) return { status: Status.PIPE_LISTENING, room: 0 };
      const { room } = writes;
      if (room > 0) return { status: Status.SUCCESS, room };
      const status = yield* this.#wait(writes);
      if (!isSuccess(status) || status === Status.USER_APC) return { status, room: 0 };
    }
  }

  put({ writes }: PipeEnd, bytes: Uint8Array): void {
    writes.put(bytes);
    this.#wake(writes);
  }

  *#wait(queue: PipeQueue): Blocking<NtStatus> {
    const { ke } = this.#kernel;
    ke.resetEvent(queue.changed);
    return yield* ke.waitForSingleObject(queue.changed, WaitReason.Executive, Mode.User, false, null);
  }

  #wake(queue: PipeQueue): void {
    this.#kernel.ke.setEvent(queue.changed, NAMED_PIPE_INCREMENT);
  }
}
