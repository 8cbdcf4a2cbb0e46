import { closeSync, openSync, writeSync } from 'node:fs';
import { CliError, ExitCode, reasonOf } from './cli-error.js';
import { errorCode, sleep } from './node-errors.js';

const STANDARD_ERROR = 2;
const BUFFERED = 1 << 16;
/** How long to wait for a reader that is slow, in milliseconds. */
const RETRY_MILLISECONDS = 2;

/** Writes lines to a file or to stderr; a reader of stderr that has gone loses the rest, as it wished. */
export class LineWriter {
  readonly #descriptor: number;
  readonly #name: string;
  #pending: string[] = [];
  #length = 0;
  #lost = false;

  /** @param path null: stderr. @throws CliError when the file cannot be made. */
  constructor(path: string | null) {
    this.#name = path ?? 'stderr';
    try {
      this.#descriptor = path === null ? STANDARD_ERROR : openSync(path, 'w');
    } catch (error) {
      throw new CliError(ExitCode.Usage, `--trace-file ${path}: ${reasonOf(error)}`);
    }
  }

  /** @throws CliError when the file's device is full or gone. */
  write(line: string): void {
    this.#pending.push(line, '\n');
    this.#length += line.length + 1;
    if (this.#descriptor === STANDARD_ERROR || this.#length >= BUFFERED) this.#flush();
  }

  /** @throws CliError */
  close(): void {
    this.#flush();
    if (this.#descriptor !== STANDARD_ERROR) closeSync(this.#descriptor);
  }

  #flush(): void {
    const bytes = new TextEncoder().encode(this.#pending.join(''));
    this.#pending = [];
    this.#length = 0;
    for (let done = 0; done < bytes.length && !this.#lost; ) {
      try {
        done += writeSync(this.#descriptor, bytes, done);
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  #failed(error: unknown): void {
    if (errorCode(error) === 'EAGAIN') {
      sleep(RETRY_MILLISECONDS);
      return;
    }
    this.#lost = true;
    if (this.#descriptor !== STANDARD_ERROR)
      throw new CliError(ExitCode.Usage, `--trace-file ${this.#name}: ${reasonOf(error)}`);
  }
}
