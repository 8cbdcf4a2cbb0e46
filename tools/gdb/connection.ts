import { DebuggerError, type Session } from '../debugger/index.js';
import { FAILED, GdbClient } from './gdb-client.js';
import { framePacket, PacketReader } from './packet-framing.js';

/** Packets that may wait for their turn; a client that sends more without reading answers is cut off. */
const MAXIMUM_QUEUE = 256;

const ACKNOWLEDGED = Uint8Array.of(0x2b);
const REFUSED = Uint8Array.of(0x2d);

/** A client's bytes in, the answers' bytes out: framing, acknowledgements, one packet after the other. */
export class GdbConnection {
  readonly client: GdbClient;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #ended: () => void;
  readonly #reader = new PacketReader();
  readonly #queue: string[] = [];
  #busy = false;
  #closed = false;
  /** A defect of the debugger itself, which ended the connection. */
  failure: unknown = null;
  /** Sent again when the client asks. */
  #lastAnswer: Uint8Array | null = null;

  /**
   * @param write sends bytes to the client
   * @param ended called when the client has detached or killed the program, or must be cut off
   */
  constructor(session: Session, write: (bytes: Uint8Array) => void, ended: () => void) {
    this.#write = write;
    this.#ended = ended;
    this.client = new GdbClient(session, (body) => this.#send(body));
  }

  /** Bytes from the client, in whatever pieces. */
  receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    for (const incoming of this.#reader.feed(bytes)) {
      if (incoming.kind === 'interrupt') {
        if (this.#busy) this.client.interrupt();
      } else if (incoming.kind === 'damaged') {
        if (this.client.acknowledges) this.#write(REFUSED);
      } else if (incoming.kind === 'refused') {
        if (this.#lastAnswer !== null) this.#write(this.#lastAnswer);
      } else if (incoming.kind === 'packet') this.#enqueue(incoming.body);
    }
  }

  /** The client has gone: the machine stops, what it set is taken back. Settles when the machine stands still. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.length = 0;
    if (this.#busy) this.client.interrupt();
    while (this.#busy) await new Promise((resolve) => setImmediate(resolve));
    this.client.close();
  }

  #enqueue(body: string): void {
    if (this.client.acknowledges) this.#write(ACKNOWLEDGED);
    if (this.#queue.length >= MAXIMUM_QUEUE) {
      this.#ended();
      return;
    }
    this.#queue.push(body);
    if (this.#busy) return;
    this.#work().catch((error: unknown) => {
      this.failure = error;
      this.#busy = false;
      this.#ended();
    });
  }

  async #work(): Promise<void> {
    this.#busy = true;
    this.client.idle();
    for (let body = this.#queue.shift(); body !== undefined; body = this.#queue.shift()) {
      const answer = await this.#answer(body);
      if (answer !== null && !this.#closed) this.#send(answer);
      if (this.client.ending !== 'attached') {
        this.#ended();
        break;
      }
    }
    this.#busy = false;
  }

  async #answer(body: string): Promise<string | null> {
    try {
      return await this.client.answer(body);
    } catch (error) {
      if (!(error instanceof DebuggerError)) throw error;
      return FAILED;
    }
  }

  #send(body: string): void {
    if (this.#closed) return;
    this.#lastAnswer = framePacket(body);
    this.#write(this.#lastAnswer);
  }
}
