import type { HostConsole } from '../host.js';
import type { KernelExecutive } from '../ke/kernel-executive.js';
import type { Blocking } from '../types.js';

/** Bytes that are taken from the host when somebody looks ahead: a pipe's buffer. */
const LOOK_AHEAD = 0x1000;

/** \Device\Stream\0, \1 and \2: standard streams of the host that are read and written in order, pipes above all. */
export class StreamDevice {
  readonly kind = 'stream';
  readonly host: HostConsole;
  /** Input that somebody has looked at but not taken. */
  #ahead = new Uint8Array(0);

  constructor(host: HostConsole) {
    this.host = host;
  }

  /**
   * Takes at least one and at most `maximum` bytes of input; null at the end of input. The host is waited for, and the machine with
   * it: whether bytes have arrived yet would be different in every run.
   */
  *read(ke: KernelExecutive, maximum: number): Blocking<Uint8Array | null> {
    if (this.#ahead.length > 0) {
      const bytes = this.#ahead.subarray(0, maximum);
      this.#ahead = this.#ahead.subarray(bytes.length);
      return bytes;
    }
    for (;;) {
      const bytes = this.host.read(maximum);
      if (bytes !== 'wait') return bytes === 'eof' ? null : bytes;
      yield* ke.awaitHost();
    }
  }

  /** What the next reads will give, null at the end of input; waits as they do. */
  *peek(ke: KernelExecutive): Blocking<Uint8Array | null> {
    if (this.#ahead.length === 0) this.#ahead = Uint8Array.from((yield* this.read(ke, LOOK_AHEAD)) ?? []);
    return this.#ahead.length === 0 ? null : this.#ahead;
  }
}
