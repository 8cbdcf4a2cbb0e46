import type { HostConsole } from '../host.js';
import { StandardStream } from '../host.js';
import type { NtStatus } from '../types.js';
import { CODE_PAGE_UTF8, decodeSingleByte, encodeText } from './code-page.js';
import { InputMode, LineEditor } from './console-line.js';
import type { StreamDevice } from './stream-device.js';

/** Sides of the console, and numbers of the standard streams. */
export const ConsoleChannel = { Input: 0, Output: 1, Error: 2 } as const;
export type ConsoleChannel = (typeof ConsoleChannel)[keyof typeof ConsoleChannel];

export const OutputMode = { PROCESSED_OUTPUT: 1, WRAP_AT_EOL_OUTPUT: 2, VALID: 0x1f } as const;

const names: Record<'console' | 'stream', readonly string[]> = {
  console: ['\\input', '\\output', '\\error'],
  stream: ['\\0', '\\1', '\\2'],
};
const channels = [ConsoleChannel.Input, ConsoleChannel.Output, ConsoleChannel.Error] as const;

/** What the rest of a path behind \Device\Console or \Device\Stream means; null: no such thing. */
export function consoleChannel(device: ConsoleDevice | StreamDevice, remaining: string): ConsoleChannel | null {
  const index = names[device.kind].indexOf(remaining.toLowerCase());
  return index < 0 ? null : channels[index];
}

/** Control events of a console (wincon.h). */
export const ControlEvent = { CTRL_C: 0, CTRL_BREAK: 1 } as const;
export type ControlEvent = (typeof ControlEvent)[keyof typeof ControlEvent];

const CONTROL_C = '\x03';
/** Terminals have no Break key; Ctrl-\\ is what they have for a program that does not listen to Ctrl-C. */
const CONTROL_BACKSLASH = '\x1c';

/** Outcome of asking the console for input. */
export type ConsoleInput = { readonly text: string } | 'eof' | 'wait';

/**
 * \Device\Console: the terminal in front of the program. The terminal is in raw mode; keys that come while nobody reads are
 * kept, and edited and echoed when somebody does. Output goes through. Text is UTF-16 inside, UTF-8 towards the host, and the
 * input or output code page towards byte-wise reads and writes.
 */
export class ConsoleDevice {
  readonly kind = 'console';
  readonly host: HostConsole;
  inputMode: number = InputMode.PROCESSED_INPUT | InputMode.LINE_INPUT | InputMode.ECHO_INPUT;
  outputMode: number = OutputMode.PROCESSED_OUTPUT | OutputMode.WRAP_AT_EOL_OUTPUT;
  inputCodePage: number = CODE_PAGE_UTF8;
  outputCodePage: number = CODE_PAGE_UTF8;
  title: string;
  attributes = 7;
  cursorX = 0;
  cursorY = 0;
  /** Called for Ctrl-C with processed input, and for Ctrl-Break. */
  onInterrupt: (event: ControlEvent) => void = () => {};
  readonly #editor: LineEditor;
  readonly #decoder = new TextDecoder();
  /** Keys that nobody has read yet. */
  #typedAhead = '';
  /** Text that was read but not asked for yet; bytes of it in the input code page for byte-wise reads. */
  #pendingText = '';
  #pendingBytes: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(host: HostConsole, title: string) {
    this.host = host;
    this.title = title;
    this.#editor = new LineEditor({
      echo: (text) => {
        host.write(StandardStream.Output, new TextEncoder().encode(text));
        host.flush();
      },
    });
  }

  get isLineMode(): boolean {
    return (this.inputMode & InputMode.LINE_INPUT) !== 0;
  }

  /** Takes what the host has: control keys act at once, all others wait for a reader. False: the host has nothing now. */
  poll(): boolean {
    if (this.#ended) return true;
    const bytes = this.host.read(4096);
    if (bytes === 'wait') return false;
    if (bytes === 'eof') {
      this.#ended = true;
      return true;
    }
    for (const character of this.#decoder.decode(bytes, { stream: true })) this.#key(character);
    return true;
  }

  /** A piece of input: a line in line mode, otherwise whatever is there. 'wait': poll() has to bring more first. */
  takeInput(): ConsoleInput {
    if (this.#pendingText !== '') {
      const text = this.#pendingText;
      this.#pendingText = '';
      return { text };
    }
    if (!this.isLineMode && this.#typedAhead !== '') return { text: this.#takeKeys() };
    this.#edit();
    const line = this.#editor.takeLine();
    if (line !== null) return this.#endOfInput(line) ? 'eof' : { text: line };
    if (!this.#ended) return 'wait';
    const partial = this.#editor.takePartial();
    return partial === '' ? 'eof' : { text: partial };
  }

  /** Bytes of input in the input code page, at most `maximum`. */
  takeBytes(maximum: number): Uint8Array | 'eof' | 'wait' {
    if (this.#pendingBytes.length === 0) {
      const input = this.takeInput();
      if (typeof input === 'string') return input;
      this.#pendingBytes = encodeText(input.text, this.inputCodePage);
    }
    const bytes = this.#pendingBytes.slice(0, maximum);
    this.#pendingBytes = this.#pendingBytes.slice(bytes.length);
    return bytes;
  }

  /** Text of input, at most `maximum` UTF-16 code units. */
  takeText(maximum: number): ConsoleInput {
    const input = this.takeInput();
    if (typeof input === 'string') return input;
    this.#pendingText = input.text.slice(maximum) + this.#pendingText;
    return { text: input.text.slice(0, maximum) };
  }

  /** Something could be read without waiting. */
  /** The host's input is at its end. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  get hasInput(): boolean {
    return this.#typedAhead !== '' || this.#pendingText !== '' || this.#pendingBytes.length > 0 || this.#editor.hasLine;
  }

  flushInput(): void {
    this.#typedAhead = '';
    this.#pendingText = '';
    this.#pendingBytes = new Uint8Array(0);
    this.#editor.clear();
  }

  /** Writes bytes that are text in the output code page. */
  writeBytes(channel: ConsoleChannel, bytes: Uint8Array): NtStatus {
    if (this.outputCodePage === CODE_PAGE_UTF8) return this.#write(channel, bytes);
    return this.writeText(channel, decodeSingleByte(bytes, this.outputCodePage));
  }

  writeText(channel: ConsoleChannel, text: string): NtStatus {
    return this.#write(channel, new TextEncoder().encode(text));
  }

  #write(channel: ConsoleChannel, bytes: Uint8Array): NtStatus {
    const stream = channel === ConsoleChannel.Error ? StandardStream.Error : StandardStream.Output;
    return this.host.write(stream, bytes);
  }

  /** Ctrl-C and Ctrl-Break go past everything that was typed before them, and it is gone. */
  #key(character: string): void {
    const event = this.#controlEvent(character);
    if (event === null) {
      this.#typedAhead += character;
      return;
    }
    this.flushInput();
    if ((this.inputMode & InputMode.ECHO_INPUT) !== 0) {
      this.writeText(ConsoleChannel.Output, event === ControlEvent.CTRL_C ? '^C\r\n' : '^\\\r\n');
    }
    this.onInterrupt(event);
  }

  #controlEvent(character: string): ControlEvent | null {
    if (character === CONTROL_BACKSLASH) return ControlEvent.CTRL_BREAK;
    const processed = (this.inputMode & InputMode.PROCESSED_INPUT) !== 0;
    return processed && character === CONTROL_C ? ControlEvent.CTRL_C : null;
  }

  /** Edits what was typed, up to the end of a line; echo comes now. */
  #edit(): void {
    if (this.#editor.hasLine || this.#typedAhead === '') return;
    this.#typedAhead = this.#editor.typeLine(this.#typedAhead, this.inputMode);
  }

  /** All keys without editing, as Windows has them. */
  #takeKeys(): string {
    const keys = this.#typedAhead.replaceAll('\x7f', '\b').replaceAll('\n', '\r');
    this.#typedAhead = '';
    return keys;
  }

  #endOfInput(line: string): boolean {
    return line.startsWith('\x1a') && (this.inputMode & InputMode.PROCESSED_INPUT) !== 0;
  }
}
