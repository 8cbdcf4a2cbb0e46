import fs from 'node:fs';
import tty from 'node:tty';
import {
  type HostConsole,
  type HostStreamFile,
  type NtStatus,
  StandardStream,
  Status,
  type StreamKind,
} from '../kernel/index.js';
import { errorCode, hostCall, sleep } from './node-errors.js';
import { streamFile } from './node-stream-file.js';
import { PolledInput } from './polled-input.js';

const DEFAULT_SIZE = { columns: 80, rows: 25 } as const;
/** How long to sleep when a descriptor that should block does not, in milliseconds. */
const RETRY_MILLISECONDS = 2;
/** Bytes that waiting may take in. */
const READ_AHEAD = 4096;

/** How a console behaves under a debugger. */
export interface NodeConsoleOptions {
  /** Waiting for input does not block the process: waitForInput() answers at once, and pipes give 'wait'. */
  readonly neverWaits?: boolean;
  /** Commands come from a standard input that is no terminal: it is not the guest's, which finds its end when they have ended. */
  readonly inputIsOthers?: boolean;
  /** Ctrl-C on a terminal in raw mode calls this and is not the guest's. */
  readonly interrupt?: () => void;
}

/**
 * The process's own standard streams. Output is handed to the system at once, so that a full disk or a reader that has gone is
 * the status of the very write; the guest's C runtime does the buffering. Descriptors that others made non-blocking are
 * waited for.
 */
export class NodeConsole implements HostConsole {
  readonly #kinds: readonly [StreamKind, StreamKind, StreamKind];
  /** A second, non-blocking opening of the terminal that standard input is; -1: not possible here. */
  #pollDescriptor = -1;
  /** Input that waitForInput took. */
  #stash: Uint8Array | null = null;
  /** A pipe that is not waited for. */
  #polled: PolledInput | null = null;
  #rawControl: tty.ReadStream | null = null;
  #isRaw = false;
  #ended = false;
  readonly #options: NodeConsoleOptions;

  constructor(options: NodeConsoleOptions = {}) {
    this.#options = options;
    this.#kinds = [kindOf(0), kindOf(1), kindOf(2)];
  }

  kind(stream: StandardStream): StreamKind {
    return this.#kinds[stream];
  }

  file(stream: StandardStream): HostStreamFile | null {
    return this.#kinds[stream] === 'file' ? streamFile(stream) : null;
  }

  read(maximum: number): Uint8Array | 'eof' | 'wait' {
    if (this.#stash !== null) {
      const bytes = this.#stash.subarray(0, maximum);
      this.#stash = bytes.length < this.#stash.length ? this.#stash.subarray(bytes.length) : null;
      return bytes;
    }
    if (this.#ended || this.#kinds[StandardStream.Input] === 'none') return 'eof';
    if (this.#kinds[StandardStream.Input] !== 'terminal') return this.#readPipe(maximum);
    // Somebody who put nt86 into the background has not given it the keyboard: reading would stop the whole process.
    return this.#isRaw ? this.#poll(maximum) : 'wait';
  }

  waitForInput(): boolean {
    if (this.#stash !== null || this.#ended) return true;
    if (this.#polled !== null) return false;
    const polls = this.#options.neverWaits === true && this.#isRaw;
    const input = polls ? this.#poll(READ_AHEAD) : this.#readBlocking(READ_AHEAD);
    if (input === 'wait') return false;
    if (input === 'eof') this.#ended = true;
    else this.#stash = input;
    return true;
  }

  /** Gives the terminal to somebody else, in its own mode. */
  release(): void {
    if (this.#isRaw) this.#rawControl?.setRawMode(false);
  }

  /** Takes the terminal back that release() gave away. */
  reclaim(): void {
    if (this.#isRaw) this.#rawControl?.setRawMode(true);
  }

  write(stream: StandardStream, given: Uint8Array): NtStatus {
    const bytes = this.#kinds[stream] === 'terminal' ? withoutReturns(given) : given;
    for (let done = 0; done < bytes.length; ) {
      try {
        done += fs.writeSync(stream, bytes, done, bytes.length - done);
      } catch (error) {
        if (errorCode(error) === 'EAGAIN') sleep(RETRY_MILLISECONDS);
        else return writeFailure(error);
      }
    }
    return Status.SUCCESS;
  }

  flush(): void {
    // Nothing is ever held back.
  }

  size(): { readonly columns: number; readonly rows: number } {
    if (this.#kinds[StandardStream.Output] !== 'terminal') return DEFAULT_SIZE;
    const { columns, rows } = process.stdout;
    return { columns: columns || DEFAULT_SIZE.columns, rows: rows || DEFAULT_SIZE.rows };
  }

  setRaw(raw: boolean): void {
    if (raw === this.#isRaw || this.#kinds[StandardStream.Input] !== 'terminal') return;
    this.#rawControl ??= openRawControl();
    if (this.#rawControl === null) return;
    this.#rawControl.setRawMode(raw);
    this.#isRaw = raw;
  }

  /**
   * Takes a terminal into raw mode before the first read, so that keys typed ahead are echoed once, by whoever reads them: only
   * when both ends of the conversation are the terminal, and the user talks to this process. True: done.
   */
  takeTerminal(): boolean {
    const conversation = [StandardStream.Input, StandardStream.Output] as const;
    if (conversation.some((stream) => this.#kinds[stream] !== 'terminal') || !isForeground()) return false;
    this.setRaw(true);
    return this.#isRaw;
  }

  /** Restores the terminal; the console is of no use afterwards. */
  close(): void {
    this.setRaw(false);
    this.#rawControl?.destroy();
    this.#rawControl = null;
    this.#polled?.close();
    this.#polled = null;
    if (this.#pollDescriptor >= 0) hostCall(() => fs.closeSync(this.#pollDescriptor));
    this.#pollDescriptor = -1;
  }

  #readPipe(maximum: number): Uint8Array | 'eof' | 'wait' {
    const { neverWaits = false, inputIsOthers = false } = this.#options;
    if (!neverWaits || this.#kinds[StandardStream.Input] !== 'pipe') return this.#readBlocking(maximum);
    this.#polled ??= new PolledInput(process.stdin, inputIsOthers);
    const input = this.#polled.poll(maximum);
    if (input === 'eof') this.#ended = true;
    return input;
  }

  #readBlocking(maximum: number): Uint8Array | 'eof' {
    const bytes = new Uint8Array(maximum);
    for (;;) {
      try {
        const count = fs.readSync(0, bytes, 0, maximum, null);
        if (count > 0) return bytes.subarray(0, count);
        break;
      } catch (error) {
        if (errorCode(error) !== 'EAGAIN') break;
        sleep(RETRY_MILLISECONDS);
      }
    }
    this.#ended = true;
    return 'eof';
  }

  /** Takes Ctrl-C out of what was typed, where somebody else wants it. */
  #withoutInterrupts(bytes: Uint8Array): Uint8Array | 'wait' {
    const { interrupt } = this.#options;
    if (interrupt === undefined || !bytes.includes(CONTROL_C)) return bytes;
    interrupt();
    const rest = bytes.filter((byte) => byte !== CONTROL_C);
    return rest.length === 0 ? 'wait' : rest;
  }

  #poll(maximum: number): Uint8Array | 'eof' | 'wait' {
    if (this.#pollDescriptor < 0) this.#pollDescriptor = openTerminal(fs.constants.O_NONBLOCK ?? 0);
    if (this.#pollDescriptor < 0) return 'wait';
    const bytes = new Uint8Array(maximum);
    try {
      const count = fs.readSync(this.#pollDescriptor, bytes, 0, maximum, null);
      if (count > 0) return this.#withoutInterrupts(bytes.subarray(0, count));
    } catch (error) {
      if (errorCode(error) === 'EAGAIN') return 'wait';
    }
    this.#ended = true;
    return 'eof';
  }
}

/** Tells whether the terminal's keyboard belongs to this process's group; false where that cannot be found out. */
function isForeground(): boolean {
  const stat = hostCall(() => fs.readFileSync('/proc/self/stat', 'latin1'));
  if (typeof stat === 'number') return false;
  // Behind the name in parentheses: state, parent, group, session, terminal, the terminal's foreground group.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[2] === fields[5];
}

/** A terminal makes CR LF of LF itself, so that the guest's own CR before LF goes. */
function withoutReturns(bytes: Uint8Array): Uint8Array {
  if (process.platform === 'win32' || !bytes.includes(CARRIAGE_RETURN)) return bytes;
  return bytes.filter((byte, index) => byte !== CARRIAGE_RETURN || bytes[index + 1] !== LINE_FEED);
}

const CONTROL_C = 0x03;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;

function kindOf(descriptor: number): StreamKind {
  const stats = hostCall(() => fs.fstatSync(descriptor));
  if (typeof stats === 'number') return 'none';
  if (tty.isatty(descriptor)) return 'terminal';
  return stats.isFIFO() || stats.isSocket() ? 'pipe' : 'file';
}

function writeFailure(error: unknown): NtStatus {
  const status = hostCall((): NtStatus => {
    throw error;
  });
  return status;
}

/** Opens the terminal behind standard input once more, so that flags set on it are nobody else's; -1 when it cannot be. */
function openTerminal(extraFlags: number): number {
  const flags = fs.constants.O_RDONLY | (fs.constants.O_NOCTTY ?? 0) | extraFlags;
  for (const name of ['/proc/self/fd/0', '/dev/tty']) {
    try {
      return fs.openSync(name, flags);
    } catch {
      // The next name, or none.
    }
  }
  return -1;
}

/** The terminal's mode is changed through a stream of its own: process.stdin would make descriptor 0 non-blocking. */
function openRawControl(): tty.ReadStream | null {
  const descriptor = openTerminal(0);
  if (descriptor >= 0 && tty.isatty(descriptor)) return new tty.ReadStream(descriptor);
  return process.stdin instanceof tty.ReadStream ? process.stdin : null;
}
