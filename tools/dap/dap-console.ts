import fs from 'node:fs';
import { type HostConsole, StandardStream, Status } from '../../kernel/index.js';
import { errorCode } from '../node-errors.js';

/** A console whose file is to be closed. */
export interface DapConsole extends HostConsole {
  close(): void;
}

/**
 * The program's standard streams under a debug adapter, whose own belong to the protocol: output goes to the client, input comes
 * from a file or is empty.
 * @param input a file, or a named pipe, which is not waited for; null: none
 * @throws the host's error when the file cannot be read
 */
export function dapConsole(
  input: string | null,
  write: (category: 'stdout' | 'stderr', text: string) => void,
): DapConsole {
  const source = input === null ? null : new InputFile(input);
  const decoders = [new TextDecoder('latin1'), new TextDecoder('latin1')];
  return {
    kind: () => 'pipe',
    read: (maximum) => source?.read(maximum) ?? 'eof',
    waitForInput: () => true,
    write(stream, output) {
      const isError = stream === StandardStream.Error;
      write(isError ? 'stderr' : 'stdout', decoders[Number(isError)].decode(output));
      return Status.SUCCESS;
    },
    flush: () => undefined,
    size: () => ({ columns: 80, rows: 25 }),
    setRaw: () => undefined,
    close: () => source?.close(),
  };
}

/** A file that is read from its beginning. */
class InputFile {
  readonly #descriptor: number;
  /** A named pipe that nobody has written to yet: its end is not the end. */
  #isUnopened: boolean;

  constructor(path: string) {
    this.#descriptor = fs.openSync(path, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0));
    const stats = fs.fstatSync(this.#descriptor);
    this.#isUnopened = stats.isFIFO();
    if (!stats.isDirectory()) return;
    fs.closeSync(this.#descriptor);
    throw new Error('is a directory');
  }

  read(maximum: number): Uint8Array | 'eof' | 'wait' {
    const bytes = new Uint8Array(maximum);
    try {
      const count = fs.readSync(this.#descriptor, bytes, 0, maximum, null);
      if (count === 0) return this.#isUnopened ? 'wait' : 'eof';
      this.#isUnopened = false;
      return bytes.subarray(0, count);
    } catch (error) {
      return errorCode(error) === 'EAGAIN' ? 'wait' : 'eof';
    }
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}
