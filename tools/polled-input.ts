/**
 * Standard input that is no terminal, without ever waiting for it: Node's event loop takes in a buffer of it ahead, at the pace at
 * which it is read here.
 */
export class PolledInput {
  readonly #stream: NodeJS.ReadStream;
  readonly #isOthers: boolean;
  #rest: Uint8Array = new Uint8Array(0);
  #ended = false;

  /** @param isOthers somebody else reads it: there is nothing for the guest until it ends */
  constructor(stream: NodeJS.ReadStream, isOthers: boolean) {
    this.#stream = stream;
    this.#isOthers = isOthers;
    if (isOthers) return;
    stream.on('readable', this.#arrived);
    stream.on('end', this.#end);
    // A connection that breaks is at its end.
    stream.on('error', this.#end);
  }

  readonly #arrived = (): void => {
    // The next poll takes it; a listener is what makes the stream read at all.
  };

  readonly #end = (): void => {
    this.#ended = true;
  };

  /** At most so many bytes; 'wait': nothing is there now. */
  poll(maximum: number): Uint8Array | 'eof' | 'wait' {
    if (this.#isOthers) return this.#stream.readableEnded ? 'eof' : 'wait';
    if (this.#rest.length === 0) {
      const chunk: unknown = this.#stream.read();
      if (!(chunk instanceof Uint8Array)) return this.#ended ? 'eof' : 'wait';
      this.#rest = chunk;
    }
    const bytes = this.#rest.subarray(0, maximum);
    this.#rest = this.#rest.subarray(bytes.length);
    return bytes;
  }

  /** Nobody reads any more: the process may end. */
  close(): void {
    if (this.#isOthers) return;
    this.#stream.off('readable', this.#arrived).off('end', this.#end).off('error', this.#end);
    this.#stream.pause();
    this.#stream.unref();
  }
}
