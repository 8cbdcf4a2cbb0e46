import { PoolType, type QuotaAllocation } from '../ex/pool.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import { upcaseName } from '../ob/name.js';
import { currentPayer } from '../ps/quota.js';
import type { NtStatus } from '../types.js';
import { completeRequest, type IoRequest, type RequestHolder } from './io-request.js';
import { type NamedPipe, type PipeConfiguration, PipeEnd, PipeInstance, type PipeMode, PipeState } from './pipe.js';
import { PipeQueue, type PipeQueueHost } from './pipe-queue.js';

/** What a server asks for. */
export interface PipeParameters {
  readonly name: string;
  readonly isMessagePipe: boolean;
  readonly configuration: PipeConfiguration;
  readonly maximumInstances: number;
  readonly defaultTimeout: bigint;
  readonly inboundQuota: number;
  readonly outboundQuota: number;
  readonly mode: PipeMode;
}

/** Control blocks of an instance, and the header of an entry in a queue. */
const INSTANCE_SIZE = 0xc0;
const ENTRY_SIZE = 0x18;

/** Someone waits for an instance of a pipe to listen. */
interface InstanceWaiter {
  readonly key: string;
  readonly request: IoRequest;
}

/**
 * \Device\NamedPipe (NPFS): pipes by name, their instances and who is connected with whom. Whatever waits is an IoRequest; nothing
 * here blocks. Names are case-insensitive.
 */
export class PipeDevice implements PipeQueueHost, RequestHolder {
  readonly kind = 'pipe';
  readonly #kernel: Kernel;
  readonly #pipes = new Map<string, NamedPipe>();
  #waiters: InstanceWaiter[] = [];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  find(name: string): NamedPipe | null {
    return this.#pipes.get(upcaseName(name)) ?? null;
  }

  /**
   * A server's end of a new instance; it listens. ACCESS_DENIED where the pipe is of another kind, INSTANCE_NOT_AVAILABLE when it
   * has as many as it may, INSUFFICIENT_RESOURCES, OBJECT_NAME_INVALID.
   */
  create(parameters: PipeParameters): PipeEnd | NtStatus {
    const { name, isMessagePipe, configuration, maximumInstances, defaultTimeout } = parameters;
    const key = upcaseName(name);
    if (key === '' || name.includes('\\')) return Status.OBJECT_NAME_INVALID;
    const existing = this.#pipes.get(key);
    if (existing !== undefined) {
      const isSameKind = existing.isMessagePipe === isMessagePipe && existing.configuration === configuration;
      if (!isSameKind) return Status.ACCESS_DENIED;
      if (existing.instances.length >= existing.maximumInstances) return Status.INSTANCE_NOT_AVAILABLE;
    }
    const { status, address } = this.charge(INSTANCE_SIZE + name.length * 2);
    if (address === 0) return status;
    const pipe = existing ?? {
      name,
      isMessagePipe,
      configuration,
      maximumInstances,
      defaultTimeout,
      instances: [],
    };
    if (existing === undefined) this.#pipes.set(key, pipe);
    const inbound = new PipeQueue(this, parameters.inboundQuota, isMessagePipe);
    const outbound = new PipeQueue(this, parameters.outboundQuota, isMessagePipe);
    const instance = new PipeInstance(pipe, { inbound, outbound }, parameters.mode, address);
    pipe.instances.push(instance);
    this.#listens(pipe);
    return instance.server;
  }

  /** A client's end of an instance that listens: PIPE_NOT_AVAILABLE when none does, OBJECT_NAME_NOT_FOUND, ACCESS_DENIED. */
  open(name: string, access: { readonly reads: boolean; readonly writes: boolean }): PipeEnd | NtStatus {
    const pipe = this.find(name);
    if (pipe === null || pipe.instances.every(({ server }) => server.closed)) return Status.OBJECT_NAME_NOT_FOUND;
    const instance = pipe.instances.find(({ state }) => state === PipeState.LISTENING);
    if (instance === undefined) return Status.PIPE_NOT_AVAILABLE;
    const end = new PipeEnd(instance, false, { readsMessages: false, waits: true });
    if ((access.reads && !end.mayRead) || (access.writes && !end.mayWrite)) return Status.ACCESS_DENIED;
    instance.client = end;
    instance.writer = null;
    instance.readFrom = null;
    instance.state = PipeState.CONNECTED;
    this.#endListeners(instance, Status.SUCCESS);
    return end;
  }

  /** The last handle of an end goes: the other learns it, and keeps what was written before. With both the instance goes. */
  close(end: PipeEnd): void {
    if (end.closed) return;
    end.closed = true;
    const { instance } = end;
    if (!end.isServer && instance.client !== end) return;
    if (instance.state === PipeState.CONNECTED) {
      instance.state = PipeState.CLOSING;
      end.reads.endAll(Status.PIPE_BROKEN);
      end.writes.endReads(Status.PIPE_BROKEN);
      return;
    }
    if (!end.isServer && !instance.server.closed) return;
    this.#endListeners(instance, Status.PIPE_BROKEN);
    this.#drop(instance);
  }

  /** FSCTL_PIPE_LISTEN: ends when a client comes. PIPE_LISTENING where the server does not wait, PIPE_CONNECTED, PIPE_CLOSING. */
  listen({ instance, mode }: PipeEnd, request: IoRequest): void {
    const status = this.#beginListening(instance, mode.waits);
    if (status === Status.PENDING) {
      instance.listeners.push(request);
      request.holder = instance;
    } else {
      this.end(request, status, 0, null);
    }
  }

  /** FSCTL_PIPE_DISCONNECT: the client is cut off and what it has not read is lost. PIPE_DISCONNECTED. */
  disconnect({ instance }: PipeEnd): NtStatus {
    if (instance.state === PipeState.DISCONNECTED) return Status.PIPE_DISCONNECTED;
    instance.state = PipeState.DISCONNECTED;
    instance.client = null;
    instance.inbound.endAll(Status.PIPE_DISCONNECTED);
    instance.outbound.endAll(Status.PIPE_DISCONNECTED);
    this.#endListeners(instance, Status.PIPE_DISCONNECTED);
    return Status.SUCCESS;
  }

  /** FSCTL_PIPE_WAIT: ends when an instance listens. OBJECT_NAME_NOT_FOUND, also when the pipe goes meanwhile. */
  waitForInstance(name: string, request: IoRequest): void {
    const pipe = this.find(name);
    const listens = pipe?.instances.some(({ state }) => state === PipeState.LISTENING);
    if (listens === false) {
      this.#waiters.push({ key: upcaseName(name), request });
      request.holder = this;
    } else {
      this.end(request, listens ? Status.SUCCESS : Status.OBJECT_NAME_NOT_FOUND, 0, null);
    }
  }

  remove(request: IoRequest): void {
    this.#waiters = this.#waiters.filter((waiter) => waiter.request !== request);
  }

  charge(bytes: number): QuotaAllocation {
    const { pool } = this.#kernel.ex;
    return pool.allocateWithQuota(currentPayer(this.#kernel), PoolType.Paged, ENTRY_SIZE + bytes, 'NpFr');
  }

  release(block: number): void {
    this.#kernel.ex.pool.free(block);
  }

  end(request: IoRequest, status: NtStatus, information: number, output: Uint8Array | null): void {
    completeRequest(this.#kernel, request, { status, information }, output);
  }

  /** PENDING: the request waits for a client. */
  #beginListening(instance: PipeInstance, waits: boolean): NtStatus {
    switch (instance.state) {
      case PipeState.CONNECTED:
        return Status.PIPE_CONNECTED;
      case PipeState.CLOSING:
        return Status.PIPE_CLOSING;
      case PipeState.LISTENING:
        return waits ? Status.PENDING : Status.PIPE_LISTENING;
      case PipeState.DISCONNECTED:
        instance.state = PipeState.LISTENING;
        this.#listens(instance.pipe);
        return waits ? Status.PENDING : Status.SUCCESS;
    }
  }

  #drop(instance: PipeInstance): void {
    const { pipe } = instance;
    instance.inbound.endAll(Status.PIPE_BROKEN);
    instance.outbound.endAll(Status.PIPE_BROKEN);
    this.release(instance.block);
    pipe.instances.splice(pipe.instances.indexOf(instance), 1);
    if (pipe.instances.length > 0) return;
    const key = upcaseName(pipe.name);
    this.#pipes.delete(key);
    this.#endWaiters(key, Status.OBJECT_NAME_NOT_FOUND);
  }

  #listens(pipe: NamedPipe): void {
    this.#endWaiters(upcaseName(pipe.name), Status.SUCCESS);
  }

  #endWaiters(key: string, status: NtStatus): void {
    const woken = this.#waiters.filter((waiter) => waiter.key === key);
    if (woken.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.key !== key);
    for (const { request } of woken) this.end(request, status, 0, null);
  }

  #endListeners(instance: PipeInstance, status: NtStatus): void {
    for (const request of instance.listeners.splice(0)) this.end(request, status, 0, null);
  }
}
