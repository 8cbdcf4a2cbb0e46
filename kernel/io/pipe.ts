import { Status } from '../ntstatus.js';
import type { Token } from '../se/token.js';
import type { NtStatus } from '../types.js';
import type { IoRequest, RequestHolder } from './io-request.js';
import type { PipeQueue } from './pipe-queue.js';

/** Who may write: FILE_PIPE_INBOUND from client to server, FILE_PIPE_OUTBOUND, FILE_PIPE_FULL_DUPLEX. */
export const PipeConfiguration = { INBOUND: 0, OUTBOUND: 1, FULL_DUPLEX: 2 } as const;
export type PipeConfiguration = (typeof PipeConfiguration)[keyof typeof PipeConfiguration];

/** FILE_PIPE_*_STATE. */
export const PipeState = { DISCONNECTED: 1, LISTENING: 2, CONNECTED: 3, CLOSING: 4 } as const;
export type PipeState = (typeof PipeState)[keyof typeof PipeState];

/** A named pipe (FCB of NPFS): there while it has instances. */
export interface NamedPipe {
  /** As its creator wrote it. */
  readonly name: string;
  readonly isMessagePipe: boolean;
  readonly configuration: PipeConfiguration;
  readonly maximumInstances: number;
  /** For who waits for an instance without saying how long; negative 100 ns units. */
  readonly defaultTimeout: bigint;
  readonly instances: PipeInstance[];
}

export interface PipeQueues {
  readonly inbound: PipeQueue;
  readonly outbound: PipeQueue;
}

/** One instance (CCB): a server's end, a client's once it is connected, and the queues between them. */
export class PipeInstance implements RequestHolder {
  readonly pipe: NamedPipe;
  readonly inbound: PipeQueue;
  readonly outbound: PipeQueue;
  readonly server: PipeEnd;
  client: PipeEnd | null = null;
  state: PipeState = PipeState.LISTENING;
  /** Servers that wait for a client. */
  listeners: IoRequest[] = [];

  /** Whom the client acted for when it wrote last, and when it wrote what the server has read last. */
  writer: Token | null = null;
  readFrom: Token | null = null;
  /** What it takes of pool. */
  readonly block: number;

  constructor(pipe: NamedPipe, queues: PipeQueues, mode: PipeMode, block: number) {
    this.pipe = pipe;
    this.block = block;
    this.inbound = queues.inbound;
    this.outbound = queues.outbound;
    this.server = new PipeEnd(this, true, mode);
  }

  remove(request: IoRequest): void {
    this.listeners = this.listeners.filter((other) => other !== request);
  }
}

export interface PipeMode {
  /** Reads give a message each (FILE_PIPE_MESSAGE_MODE). */
  readonly readsMessages: boolean;
  /** Operations wait until they can be done (FILE_PIPE_QUEUE_OPERATION). */
  readonly waits: boolean;
}

/** What a file object has of a pipe. */
export class PipeEnd {
  readonly instance: PipeInstance;
  readonly isServer: boolean;
  mode: PipeMode;
  /** The last handle has gone. */
  closed = false;

  constructor(instance: PipeInstance, isServer: boolean, mode: PipeMode) {
    this.instance = instance;
    this.isServer = isServer;
    this.mode = mode;
  }

  get reads(): PipeQueue {
    return this.isServer ? this.instance.inbound : this.instance.outbound;
  }

  get writes(): PipeQueue {
    return this.isServer ? this.instance.outbound : this.instance.inbound;
  }

  /** A client that the server has disconnected stays so, whoever comes after it. */
  get state(): PipeState {
    const isCurrent = this.isServer || this.instance.client === this;
    return isCurrent ? this.instance.state : PipeState.DISCONNECTED;
  }

  get mayRead(): boolean {
    return (
      this.instance.pipe.configuration !== (this.isServer ? PipeConfiguration.OUTBOUND : PipeConfiguration.INBOUND)
    );
  }

  get mayWrite(): boolean {
    return (
      this.instance.pipe.configuration !== (this.isServer ? PipeConfiguration.INBOUND : PipeConfiguration.OUTBOUND)
    );
  }

  /** SUCCESS: what has been written can be read, or waited for if there is nothing. */
  readStatus(): NtStatus {
    switch (this.state) {
      case PipeState.DISCONNECTED:
        return Status.PIPE_DISCONNECTED;
      case PipeState.LISTENING:
        return Status.PIPE_LISTENING;
      case PipeState.CONNECTED:
        return this.mode.waits || !this.reads.isEmpty ? Status.SUCCESS : Status.PIPE_EMPTY;
      case PipeState.CLOSING:
        return this.reads.isEmpty ? Status.PIPE_BROKEN : Status.SUCCESS;
    }
  }

  writeStatus(): NtStatus {
    switch (this.state) {
      case PipeState.DISCONNECTED:
        return Status.PIPE_DISCONNECTED;
      case PipeState.LISTENING:
        return Status.PIPE_LISTENING;
      case PipeState.CONNECTED:
        return Status.SUCCESS;
      case PipeState.CLOSING:
        return Status.PIPE_CLOSING;
    }
  }
}
